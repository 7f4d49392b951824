/* node_internal.h - what the threads of one node share.
 * SPDX-License-Identifier: Apache-2.0
 *
 *     API threads --proposals--> writer --size, root--> signer
 *                                  |----view, edge----> keeper (snapshots)
 *
 * Each group of members says who may touch it.
 */
#ifndef NODE_NODE_INTERNAL_H
#define NODE_NODE_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "journal/heads.h"
#include "node/keys.h"
#include "node/node.h"
#include "node/pack.h"
#include "node/recent.h"
#include "node/tree.h"

#define NODE_TICK_US (60 * INT64_C(1000000)) /* Silence after which a tick is written (decision A8). */
#define NODE_SIGN_EVERY_US 4000              /* Between the beginnings of two rounds of signing. */
#define NODE_SNAPSHOT_ENTRIES 20000          /* Entries, or bytes, after which a snapshot is written. */
#define NODE_SNAPSHOT_BYTES (64 * 1024 * 1024)
#define NODE_BATCH_MAX 1024                  /* Proposals of one batch. */
#define NODE_WAITING_MAX 16384               /* Proposals that may wait; more are refused. */
#define NODE_REPLAY_FLUSH 16384              /* Entries replayed between commits of what is derived from them. */

/* Outcomes whose transaction is not committed yet: bundles and receipts read them here. */
struct fresh_outcomes {
    pthread_mutex_t lock;
    uint64_t first;    /* Index of the first one. */
    struct buf bytes;
    struct u64_vec ends; /* End offset of each in bytes. */
};

struct shared;

/* What the writer took from the queue. */
struct work {
    struct pending *first; /* At most NODE_BATCH_MAX. */
    struct passing *passing;
    uint64_t n_barriers;   /* Asked for until now, from the start on. */
    bool has_barriers;     /* Some of them wait. */
    bool wants_look;       /* As the node's. */
    bool stops;            /* The node stops, and nothing else waits. */
};

struct node {
    /* Set by node_start(), constant afterwards. */
    char *dir;
    struct journal *journal;
    struct shared *shared; /* Several members; NULL in a network of one. See node/shared.h. */
    const struct node_world *world;
    bool is_stepped;
    struct store *store;
    struct keys keys;
    uint8_t author[8];
    struct buf origin;
    struct hash genesis_hash;
    bool entries_public;
    struct recent *recent; /* Locks itself. */
    struct peers *peers;   /* Locks itself; NULL: signs alone (signer.c). */
    struct fetch *fetch;   /* The writer's; NULL in a network of one. See node/fetch.h. */
    pthread_t writer, signer, keeper;
    int64_t tick_us; /* Silence after which a tick is written. */
    uint64_t snapshot_entries;

    /* The queue: under lock. */
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct pending *first, **last;
    struct passing *first_passing, **last_passing;
    struct barrier *first_barrier, *last_barrier; /* Oldest first; stay until they are answered. */
    uint64_t n_barriers, n_barriers_done;          /* Asked for and answered, from the start on. */
    uint64_t n_barriers_tried;                     /* A round has begun that looks for them: another one is due, not wanted at once. */
    bool writer_sleeps;
    bool wants_look; /* A peer's tree is larger: etcd has what is not known here. */
    bool is_stopping;

    /* The writer's own. */
    struct state *state;
    struct tree *tree;
    uint64_t next_slot;
    struct hash previous;
    int64_t last_time_ms;
    int64_t tick_at_us, flush_at_us; /* Steady: when a tick is due, and committing what is derived. */
    struct arena arena; /* Of one round. */
    struct buf bytes;
    uint64_t snapshot_at, bytes_since_snapshot;
    bool has_uncommitted; /* Derived data queued in the store. */
    struct fresh_outcomes fresh;

    /* Writer to signer: under sign_lock. */
    pthread_mutex_t sign_lock;
    pthread_cond_t sign_wake;
    uint64_t sign_size; /* Newest tree head to sign. */
    struct hash sign_root;
    bool signer_stops, signer_waits; /* signer_waits: for a head, not for the time of the next round. */
    pthread_cond_t signed_wake; /* signed_size has grown. */
    struct heads *heads;   /* The signer's own, after the start; NULL in memory. */
    uint64_t head_size;    /* The last head signed: the signer's own, after the start. */
    struct hash head_root;
    struct buf checkpoint; /* Newest note: under sign_lock. */

    /* Writer to keeper: under keep_lock. */
    pthread_mutex_t keep_lock;
    pthread_cond_t keep_wake;
    bool keep_due, keeper_stops;
    struct state_pin keep_pin;
    const struct view *keep_view;
    struct buf keep_edge;
    uint64_t n_snapshots;

    /* Counters; relaxed. */
    _Atomic uint64_t n_waiting, n_batches, n_entries, n_changes, n_refused_late, signed_size;
    _Atomic bool takes_writes;
    struct why stopped_because; /* Under lock; set once, before takes_writes becomes false. */
    struct why warning;         /* Under lock: see struct node_status. */
    struct hash unclear[NODE_BATCH_MAX]; /* Under lock: entries of the write that failed. */
    size_t n_unclear;
};

/* writer.c */
void *writer_main(void *node);
/* One round of what is due now, without waiting; what is due next, steady clock. */
int64_t writer_step(struct node *n);
/* Reads what the store has beyond the state's position back, applies it, adds it to the tree and publishes. waiting, which
 * may be NULL, are this node's own entries: their proposals get their outcomes (not yet done()). */
CHECKED enum err writer_apply_stored(struct node *n, struct packed_vec *waiting, struct arena *arena,
                                     struct why *why);
/* Same up to entry end, for replay: signatures are verified from entry verify_from on; what stands before is covered by a
 * head that this node signed, or is the audit's. */
CHECKED enum err writer_apply_up_to(struct node *n, uint64_t end, uint64_t verify_from,
                                    struct arena *arena, struct why *why);
/* Same for entries that a signed head covers and the audit will look at: only what they say of members is verified. */
CHECKED enum err writer_apply_taken(struct node *n, uint64_t end, struct arena *arena, struct why *why);
/* Signs and proposes one entry of the node's own and applies it; signer and its chain are the caller's. */
CHECKED enum err writer_order_own(struct node *n, const struct key_secret *signer, struct entry *e,
                                  struct why *why);
/* Makes the signed bytes of each packed entry from n->next_slot on, each naming the one before it. */
void writer_sign_batch(struct node *n, struct packed_vec *batch, struct arena *arena);
struct entry writer_own_entry(const struct node *n); /* What every entry of this node begins with. */
void writer_hand_to_signer(struct node *n);
CHECKED enum err writer_flush(struct node *n, struct why *why); /* Commits what is derived. */

/* signer.c */
void *signer_main(void *node);
/* Signs the tree's present head; no other thread runs yet. */
CHECKED enum err signer_sign_now(struct node *n, struct why *why);
void signer_step(struct node *n); /* Stepped nodes: signs what was handed over, if anything was. */
/* Waits until a head of at least size leaves is signed; false if the node stopped writing before, or, with several members, is to
 * stop. */
void signer_stop_waiting(struct node *n);
bool signer_wait(struct node *n, uint64_t size);

/* keeper.c */
void *keeper_main(void *node);
void keeper_step(struct node *n); /* Stepped nodes: writes what was handed over, once its head is signed or the node stops. */
void keeper_hand_over(struct node *n); /* Writer: pins what is published and asks for a snapshot. */
bool keeper_is_busy(struct node *n);     /* A snapshot is in the making. */
CHECKED enum err keeper_write_now(struct node *n, struct why *why); /* No other thread runs. */
/* Restores state and tree from the newest snapshot that is whole; ERR_NOT_FOUND if there is none. */
CHECKED enum err keeper_restore(struct node *n, struct why *why);

/* boot.c */
CHECKED enum err boot(struct node *n, const struct node_options *options, struct why *why);

/* node.c: stops all further writes and says so once on stderr; the first reason is kept. */
void node_stop_writes(struct node *n, const struct why *why);
/* Keeps what went wrong without stopping anything, for status; said on stderr as well. */
void node_warn(struct node *n, const char *what, const struct why *why);
/* Answers all of a list that nothing was written, for this reason; NULL: what stopped the writes. */
void node_refuse_all(struct node *n, struct pending *first, const struct why *why);
int64_t node_wall_us(const struct node *n);

#endif
