/* node.h - one running node: propose, order, apply, answer.
 * SPDX-License-Identifier: Apache-2.0
 *
 * API threads judge a request on a pinned view and hand a proposal over; the writer's thread takes all that wait, packs
 * them into entries (one participant an entry, decision A2), signs, has them ordered and made durable, reads them
 * back, applies, publishes, and then answers. A signer thread signs checkpoints after that; a failed or unclear write
 * stops all further ones, reads go on.
 *
 * Invariants: I2, I3, I6 of ARCHITECTURE.md.
 */
#ifndef NODE_NODE_H
#define NODE_NODE_H

#include "journal/journal.h"
#include "state/state.h"

struct node;

struct node_options {
    const char *dir;        /* Data folder; NULL with a mem journal: keys live in memory. */
    struct journal *journal; /* Owned by the node from node_start() on. */
    struct str origin;      /* Of a new journal; an existing one must agree. Empty: "clearline.local/<random>" */
    struct str member;      /* Name of the one member. Empty: "member". */
    bool entries_public;    /* For a new genesis (decision E3). */
    bool needs_412_for_down;
    int64_t tick_us;        /* Silence after which a tick is written (decision A8); 0: 60 s. */
    uint64_t snapshot_entries; /* Entries after which a snapshot is written; 0: 20,000. */
};

/* Makes or opens keys, genesis and state; replays what the snapshot lacks. */
CHECKED enum err node_start(const struct node_options *options, struct node **ret, struct why *why);
void node_stop(struct node *n); /* Ends the threads, writes a snapshot, closes the journal. NULL is fine. */

/* A change on its way. Lives in its request, which outlives done(). */
struct pending {
    struct str participant;
    struct change change;  /* Borrows from the request until done(). */
    void (*done)(struct pending *p); /* On the writer's thread, or the caller's if refused at once; must not block. */
    struct arena *arena;   /* For the outcome's lists. */
    struct pending *next; /* The node's. */

    /* Set when done() is called. err OK: applied, see outcome. ERR_UNAVAILABLE with is_unclear false: certainly not written; true:
     * may have been ordered, ask by entry_hash (decision D1). */
    enum err err;
    struct why why;
    bool is_unclear;
    struct hash entry_hash; /* SHA-256 of the entry's bytes. */
    struct outcome outcome;
    uint64_t position;      /* Entries applied when the answer's state was published. */
};

void node_propose(struct node *n, struct pending *p); /* Any thread. */

struct state *node_state(struct node *n);
struct store *node_store(struct node *n);
struct str node_origin(const struct node *n);
struct hash node_genesis_hash(const struct node *n); /* SHA-256 of leaf 0: names the network. */
bool node_entries_public(const struct node *n);      /* Genesis lets anyone read entries (decision E3). */
int64_t node_now_us(void); /* The node's wall clock, microseconds UTC. */

/* The newest signed checkpoint note, appended; ERR_UNAVAILABLE before the first. Any thread. */
CHECKED enum err node_checkpoint(struct node *n, struct buf *ret, struct why *why);
/* A tile of the log (tlog-tiles): level 0.. and width 1..256 as published by the newest checkpoint. ERR_NOT_FOUND beyond it.
 * What comes from storage is held against the tree's edge in memory: ERR_CORRUPT if it does not belong to it. */
CHECKED enum err node_tile(struct node *n, unsigned level, uint64_t index, unsigned width,
                           struct buf *ret, struct why *why);
CHECKED enum err node_bundle(struct node *n, uint64_t index, unsigned width, struct buf *ret,
                             struct why *why);
/* Bytes of one leaf: entry leaf / 2 if even, its outcome if odd. ERR_NOT_FOUND beyond the journal, ERR_CORRUPT if they
 * are not those of the tree. Any thread. */
CHECKED enum err node_leaf(struct node *n, uint64_t leaf, struct buf *ret, struct why *why);

/* Counters for /metrics, status and benches; each is read atomically. */
struct node_status {
    uint64_t position;
    uint64_t signed_size;   /* Leaves of the newest checkpoint. */
    uint64_t n_batches, n_entries, n_changes, n_refused_late;
    uint64_t n_waiting;
    bool takes_writes;
    struct why stopped_because;
    struct why warning; /* The last that went wrong and stopped nothing: a snapshot damaged or not written, a torn head. */
};
void node_status(struct node *n, struct node_status *ret);

/* The log key's verifier line (vkey), appended. */
void node_vkey(const struct node *n, struct buf *ret);

/* Whether an entry with this hash is in the journal (decision D1): committed, absent for ever, still open, or unknown,
 * since only the newest 65,536 entries are searched, and storage may fail. About 5 us an entry. Any thread. */
enum node_fate { NODE_COMMITTED, NODE_ABSENT, NODE_OPEN, NODE_UNKNOWN };
enum node_fate node_fate(struct node *n, const struct hash *entry_hash);

#endif
