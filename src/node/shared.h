/* shared.h - what a node of a network of several members does besides: follow, admit, propose under rivals, settle.
 * SPDX-License-Identifier: Apache-2.0
 *
 *     proposals ---.                          .---> own and foreign entries --> store --> apply --> publish --> answers
 *     barriers ----+--> shared_round() --> etcd
 *     passings ----'     every follow_ms      '---> unclear: kept, and proposed again before anything else is signed
 *
 * Invariants:
 *   H1  nothing is signed for a slot while other bytes for it may still be written (decision B4)
 *   H2  a barrier is answered OK by a look at etcd that began after it was asked for
 *   H3  an unclear entry is called absent once other bytes stand in its slot, never before
 *
 * All on the writer's thread but where it says otherwise.
 */
#ifndef NODE_SHARED_H
#define NODE_SHARED_H

#include <stdatomic.h>

#include "node/node_internal.h"
#include "node/unclear.h"

#define SHARED_FOLLOW_MS 40          /* Between two looks while idle. */
#define SHARED_HINT_US 4000          /* Between two looks that peers' larger heads ask for. */
#define SHARED_ATTEMPT_MS 1000       /* One attempt at one endpoint. */
#define SHARED_PATIENCE_MS 1000      /* One proposal, before others are looked at. */
#define SHARED_WRITE_MS 4000         /* A batch is tried for that long. */
#define SHARED_OUT_US 1000000        /* Etcd away for so long: barriers do not wait for it. */
#define SHARED_AGAIN_US 50000        /* Between two looks for barriers, at most. */
#define SHARED_UPKEEP_MS 30000       /* Between two rounds of cleaning up. */
#define SHARED_JOIN_US 1000000       /* Between two attempts to join. */
#define SHARED_VERIFIED 4096         /* Entries verified and not yet applied, as a rule. A power of two. */

/* What is known of a member's signatures. */
struct shared_signed {
    uint64_t size;    /* Leaves; 0: none */
    int64_t heard_us; /* Steady; 0: never */
};

/* An own slot and its entry. */
struct shared_mark {
    uint64_t slot, index;
};
VEC_DEFINE(shared_mark_vec, struct shared_mark);

struct shared {
    /* Constant. */
    struct buf member;  /* Whose node this is, if that was said. */
    int64_t follow_us, write_us, upkeep_us;
    atomic_bool stop;   /* Ends what waits for etcd. */

    /* The writer's. */
    struct packed_vec *waiting; /* The batch that is being proposed; NULL: none. */
    struct packed_vec unsettled; /* Own entries, signed and sent, of which is unknown whether they are written. By slot. */
    struct arena unsettled_arena;
    struct hash *verified; /* By the first bytes of itself. */
    int64_t follow_at_us, join_at_us, upkeep_at_us;
    struct forgetting *forgetting; /* What etcd was found to have forgotten. */
    struct shared_mark_vec marks; /* Some of the own slots that were applied and may still be in etcd, ascending. */
    bool is_broken;    /* Nothing is looked at any more. */
    bool has_looked;   /* All that the order held was known once in this life: own slots, too, that are gone from etcd. */
    bool said_waiting; /* On stderr: the join has to wait. */
    bool said_stale;   /* On stderr: etcd has forgotten. */
    struct epoch_statement statement; /* Of the epoch that is to be opened. */
    struct arena epoch_arena;

    /* Any thread. */
    struct unclear *unclear; /* What was told to be unclear. */
    atomic_bool is_joined, is_out, may_write;
    atomic_bool is_slow;      /* As is_out; but etcd is there, and late. */
    _Atomic int64_t out_us;   /* Since when is_out. */
    _Atomic int64_t fresh_us; /* Beginning of the last look that told all. */

    /* Under the node's lock. */
    struct shared_signed members[LIMIT_MEMBERS_EVER]; /* By place. */
    struct why etcd_why;
    struct why may_not_why;
    struct journal_etcd_counts counts;
    struct etcd_status etcd;   /* As of the last question. */
    struct why etcd_complaint; /* What it complains of then. */
    uint64_t kept_from;        /* Own slots below are deleted. */
    enum err (*fetch)(void *context, struct node *n, const struct journal_etcd_gap *gap, struct why *why);
    void *fetch_context;
};

/* shared.c: before boot() replays; opens the journal. */
CHECKED enum err shared_open(struct node *n, const struct node_options *options, struct why *why);
/* After boot() replayed: admits, looks at etcd for the first time. Unreachable is fine. */
CHECKED enum err shared_start(struct node *n, struct why *why);
void shared_status(struct node *n, struct node_status *ret); /* Under the node's lock. */
void shared_free(struct shared *s); /* NULL is fine. */
void shared_round(struct node *n, const struct work *w);
int64_t shared_due_us(const struct node *n);
bool shared_changes_authors(const struct entry *e); /* It may change who the authors are. */
/* The store has grown by tiles, up to a signed size, and that is applied: the order goes on behind it. */
CHECKED enum err shared_grown(struct node *n, struct why *why);
bool shared_has_verified(const struct node *n, struct str bytes);
void shared_note_applied(struct node *n, uint64_t index, const struct entry *e, struct str bytes);
/* Applies what the store holds and tells whether this node has joined by now. */
CHECKED enum err shared_apply(struct node *n, struct packed_vec *waiting, struct why *why);
/* One look at etcd, and all of it applied. False: it did not tell all. */
bool shared_look(struct node *n);
void shared_looked(struct node *n, int64_t begin_us);                     /* One that began then told all. */
void shared_failed(struct node *n, enum err err, const struct why *why);  /* One did not. For good, if the engine is broken. */
void shared_unknown(struct node *n, enum err err, struct why *why); /* The same; asks etcd whether it is slow, or what else. */

/* batch.c: proposals into etcd. True if that also told all that the order held. */
bool batch_run(struct node *n, struct pending *first);
bool batch_tick(struct node *n);
void batch_settle(struct node *n); /* Proposes again what is unsettled. */
/* After a look: settles what was unclear before a restart and whose slot is occupied. True if some still wait for an entry in theirs. */
bool batch_settle_old(struct node *n);

/* pass.c: entries of other authors; both kinds of network. */
void pass_all(struct node *n, struct passing *first);
void pass_refuse_all(struct node *n, struct passing *first, const struct why *why);
/* One entry, now; as struct passing has it. */
void pass_one(struct node *n, struct passing *p);

/* barrier.c */
void barrier_answer(struct node *n, uint64_t until); /* All that were asked for before that many were: a look told all. */
/* A look for them failed. True if some of them wait for another one. */
bool barrier_put_off(struct node *n, uint64_t until);

/* upkeep.c: cleaning up etcd, when that is due. After a look that told all. */
void upkeep_run(struct node *n);
void upkeep_note(struct node *n, uint64_t slot, uint64_t index); /* An own entry was applied. */
/* The size, leaves, below which own slots may go: own is the own member's place, members what each has signed, by place. */
uint64_t upkeep_bound(const struct view *v, uint32_t own, const struct shared_signed *members, int64_t now_us, bool is_high);

/* forgetting.c: is what etcd showed still there? Asked at times; what is gone is kept as a file. After every round, looked or not. */
void forgetting_open(struct node *n);
void forgetting_run(struct node *n);
size_t forgetting_n_files(const struct shared *s); /* Any thread. */
void forgetting_free(struct forgetting *f); /* NULL is fine. */

/* joining.c */
/* Whether the state knows this node by now. ERR_CORRUPT, ERR_INPUT: it knows other keys, or another member; ERR_STATE: its keys were
 * ended. */
CHECKED enum err joining_check(struct node *n, struct why *why);
/* One attempt, if one is due. After a look that told all. */
void joining_try(struct node *n);

/* epoch.c: begins the next epoch if DIR/epoch says so; before authors are admitted. ERR_STATE: the journal is not the one that the
 * members signed. */
CHECKED enum err epoch_begin(struct node *n, struct why *why);
bool epoch_is_opening(const struct node *n); /* It has begun, and no entry has opened it yet. */
bool epoch_opens(void *context, struct str bytes);

#endif
