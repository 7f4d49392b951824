/* crew.h - several members' nodes that hold the same record, with no engine under them: for tests of signing together.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Each has a state, a tree and a store in memory, and struct peers in steps over a link that the test can cut. The clock is the
 * test's. Entries are given to nodes one by one, so that one can be behind, or hold another entry than the rest.
 */
#ifndef TEST_CREW_H
#define TEST_CREW_H

#include "base/arena.h"
#include "home.h"
#include "node/node_internal.h"
#include "node/peers.h"

#define CREW_MAX 5
#define CREW_CALLS 64

struct crew;

struct crew_node {
    struct crew *crew;
    struct node node;
    struct home home;          /* dir empty: nothing is kept. */
    struct peers *peers;       /* NULL while it is down. */
    struct peer_link link;
    struct store *store;
    bool is_cut;               /* Nothing reaches it, and nothing leaves it. */
    int64_t clock_off_s;       /* Of its wall clock. */
    uint64_t n_applied;        /* Of the crew's entries. */
};

struct crew_call {
    size_t from, to;
    bool is_post;
    struct buf target, body;
    void (*answered)(void *context, uint64_t tag, enum err err, int status, struct str body);
    void *context;
    uint64_t tag;
};

struct crew {
    size_t n;
    struct crew_node nodes[CREW_MAX];
    struct keys keys[CREW_MAX];
    struct buf genesis;
    struct hash genesis_hash;
    struct arena arena;
    struct str entries[4096]; /* 0 is genesis. */
    size_t n_entries;
    uint64_t slots[CREW_MAX + 1], root_slots[CREW_MAX];
    struct hash last[CREW_MAX], root_last[CREW_MAX];
    int64_t ms;
    struct crew_call calls[CREW_CALLS];
    size_t n_calls;
};

/* n founders; all have joined, with addresses, and hold those entries. with_homes: keeps heads and marks in folders. */
void crew_init(struct crew *c, size_t n, bool with_homes);
void crew_done(struct crew *c);

/* A tick of this node's entry key, appended to the crew's entries; returns its index. */
size_t crew_tick(struct crew *c, size_t by);
/* Any change of a member's root key. */
size_t crew_root(struct crew *c, size_t by, struct change change);
/* This node says where it is. */
size_t crew_address(struct crew *c, size_t by, const char *url);
/* This node applies the crew's entries up to all of them; or bytes of its own in place of the next one. */
void crew_apply(struct crew *c, size_t node);
void crew_apply_all(struct crew *c);
void crew_apply_other(struct crew *c, size_t node);

/* Stops and starts peers of one node; the folder stays, the tree as well. */
void crew_stop(struct crew *c, size_t node);
enum err crew_start(struct crew *c, size_t node, struct why *why);
/* The same with threads, real clocks and this link, which it takes. */
enum err crew_start_real(struct crew *c, size_t node, struct peer_link *link, struct why *why);

/* Lets ms pass, in steps of 5, delivering what is said. */
void crew_run(struct crew *c, int64_t ms);

/* Size and number of members of the published note of a node; 0 if there is none. */
uint64_t crew_published(struct crew *c, size_t node, unsigned *ret_members);
struct peers_status crew_status(struct crew *c, size_t node);

#endif
