/* store_internal.h - what the kinds of store share.
 * SPDX-License-Identifier: Apache-2.0
 *
 * store.c keeps the queue of derived data, the counters and the rule that a failed write is the last one; a kind keeps
 * bytes. Only the appending thread touches the queue; size, syncs, bytes and has_failed are read by any thread.
 */
#ifndef JOURNAL_STORE_INTERNAL_H
#define JOURNAL_STORE_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/vec.h"
#include "journal/store.h"

enum store_table { STORE_ENTRY, STORE_OUTCOME, STORE_TILE, STORE_N_TABLES };

struct store_item {
    enum store_table table;
    uint64_t id;
    size_t at, n; /* In queue_bytes. */
};
VEC_DEFINE(store_item_vec, struct store_item);

struct store_kind {
    /* Writes entries at s->size on and the queue, all or nothing, durable when OK. */
    enum err (*commit)(struct store *s, const struct str *entries, size_t n, struct why *why);
    enum err (*read_back)(struct store *s, uint64_t from, uint64_t n,
                          enum err (*each)(void *context, uint64_t index, struct str bytes), void *context,
                          struct why *why);
    enum err (*get)(struct store *s, enum store_table table, uint64_t id, struct buf *ret, struct why *why);
    /* Of entries and outcomes: numbers [from, from + n), as store_get_entries() has them. */
    enum err (*get_range)(struct store *s, enum store_table table, uint64_t from, size_t n, struct buf *ret, size_t *ret_ends,
                          struct why *why);
    enum err (*check)(struct store *s, struct why *why);
    void (*close)(struct store *s); /* Frees s and all that the kind added to it. */
};

/* The first member of each kind's struct. */
struct store {
    const struct store_kind *kind;
    _Atomic uint64_t size, syncs, bytes;
    struct store_item_vec queue;
    struct buf queue_bytes;
    atomic_bool has_failed;
    pthread_mutex_t failure_lock; /* Guards the line; the first failure stays. */
    struct why failure;
};

void store_init(struct store *s, const struct store_kind *kind);
void store_done(struct store *s);

/* Closes the store for writing and keeps the reason. Any thread. */
void store_fail(struct store *s, const struct why *reason);

/* A tile's place as one number that orders by level, then n. level < 64, n < 2^56. */
uint64_t store_tile_id(unsigned level, uint64_t n);

/* How the SQLite kind tends its write-ahead log; zero is the default of each. */
struct store_tuning {
    int page_size;        /* Bytes, of a new file. */
    int background_pages; /* Log pages from which the background thread copies them into the database. */
    int inline_pages;     /* Log pages from which the appending thread finishes that and the log starts over. */
    bool without_thread;  /* All copying on the appending thread: runs are then a function of their calls. */
};

CHECKED enum err store_open_sqlite(const char *path, const struct store_tuning *tuning, struct store **ret,
                                   struct why *why);
CHECKED enum err store_open_mem(struct store **ret, struct why *why);

/* Takes the exclusive lock on the file path (made if absent, pid written into it) for as long as *ret_fd is open.
 * ERR_BUSY names the other process; ERR_DISK. */
CHECKED enum err store_lock(const char *path, int *ret_fd, struct why *why);

/* Makes the folder's entry for path durable. */
CHECKED enum err store_sync_folder(const char *path, struct why *why);

#endif
