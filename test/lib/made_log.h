/* made_log.h - a log made up in memory, with the tiles, bundles and notes of every size that it ever had; and a server of it.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Leaf 2i is entry i, leaf 2i + 1 its outcome. The server listens on a free port of 127.0.0.1 and misbehaves as it is told.
 */
#ifndef TEST_MADE_LOG_H
#define TEST_MADE_LOG_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/rng.h"
#include "base/vec.h"
#include "http/server.h"
#include "proof/checkpoint.h"
#include "proof/tile.h"

VEC_DEFINE(hash_vec, struct hash);

struct made_log {
    struct buf bytes;    /* All leaves. */
    struct u64_vec ends; /* Where each ends in bytes. */
    struct hash_vec levels[TILE_LEVELS]; /* Hash i of level l: root of the leaves from i * 256^l on. */
};

void made_log_done(struct made_log *log);
void made_log_add(struct made_log *log, struct str leaf);
/* n entries of entry_size random bytes with outcomes of outcome_size. Sizes above 8 begin with the number. */
void made_log_fill(struct made_log *log, struct rng *rng, size_t n, size_t entry_size, size_t outcome_size);
uint64_t made_log_size(const struct made_log *log); /* Leaves. */
struct str made_log_leaf(const struct made_log *log, uint64_t i);
struct hash made_log_root(const struct made_log *log, uint64_t size);
struct tile_reader made_log_reader(const struct made_log *log);

enum made_fault {
    MADE_HONEST,
    MADE_FLIPS,      /* One bit of a bundle is another one. */
    MADE_SHORT,      /* The last leaf of a bundle is missing. */
    MADE_CUT,        /* A bundle ends within a leaf. */
    MADE_LONG,       /* A bundle has one leaf too many. */
    MADE_EMPTY,      /* A bundle has no byte. */
    MADE_HUGE,       /* A bundle of 6 MB. */
    MADE_SWAPPED,    /* The bundle before, which is good by itself. */
    MADE_TILE,       /* Bits of full tiles are others. */
    MADE_EDGE,       /* Bits of partial tiles are others. */
    MADE_TILE_SHORT, /* Every tile lacks a byte. */
    MADE_ERROR,      /* 500 to bundles. */
    MADE_HANGS,      /* Bundles are never answered until the server ends. */
    MADE_N_FAULTS
};

struct made_server {
    /* Set before the start. */
    const struct made_log *log;
    enum made_fault fault;
    uint64_t from;       /* The first bundle that the fault is about, */
    uint64_t every;      /* and of those that follow every second, third, ...; 0: all. */
    struct str note;     /* GET /log/checkpoint; empty: 404. */
    _Atomic uint64_t size; /* Leaves that it shows. */
    bool drops_partial;  /* Partial tiles and bundles that have become full are gone. */
    enum err (*read)(void *context, uint64_t leaf, struct buf *ret); /* Where leaves come from; NULL: the log. */
    void *context;

    struct http_server *server;
    char url[64];
    _Atomic uint64_t n_requests, n_bundles;
    pthread_mutex_t lock;
    struct http_request *hung[256];
    size_t n_hung;
};

void made_server_start(struct made_server *s, unsigned n_threads);
void made_server_stop(struct made_server *s); /* Twice is fine. */

#endif
