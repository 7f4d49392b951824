/* actor_internal.h - what a node's fiber and its rounds share.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TEST_SIM_ACTOR_INTERNAL_H
#define TEST_SIM_ACTOR_INTERNAL_H

#include <stdatomic.h>

#include "actor.h"
#include "base/vec.h"
#include "cast.h"
#include "journal/heads.h"
#include "journal/journal_etcd.h"
#include "node/round.h"
#include "node/tree.h"
#include "state/state.h"

VEC_DEFINE(root_vec, struct hash);

/* An entry that was proposed, and whether it stands is not known. */
struct unclear {
    struct buf bytes;
    uint64_t slot;
};
VEC_DEFINE(unclear_vec, struct unclear);

struct admitted {
    uint8_t id[8];
    struct key_public key;
};
VEC_DEFINE(admitted_vec, struct admitted);

/* Where an entry stands that this node applied. */
struct applied {
    struct hash hash;
    struct outcome outcome; /* Of its first change, without lists. */
};
VEC_DEFINE(applied_vec, struct applied);

struct actor {
    int node;
    struct fiber *fiber; /* NULL: down. */
    atomic_bool stops;
    bool is_idle;        /* Its fiber waits for something to do. */
    bool loses_power;    /* At its end. */
    bool is_refused;     /* On its disk: it signs no more (decision E7). */
    int64_t up_us;       /* When it starts again. */
    unsigned life;
    char dir[16];

    /* One life's. */
    bool is_up, is_broken;
    bool is_behind;          /* Its last look at etcd came to nothing. */
    struct journal *journal;
    struct state *state;
    struct tree *tree;
    struct heads *heads;
    struct round *round;
    struct root_vec roots;      /* Of the tree with i + 1 entries at i. */
    struct applied_vec applied;
    struct admitted_vec admitted;
    struct unclear_vec unclear;
    bool owes_tick;             /* What an earlier life sent may still come: nothing is absent before a tick. */
    bool is_applying;
    int64_t follow_us, tick_us; /* When it is due. */
    struct ask *first, **last;
    uint64_t last_note_us;
    int64_t wake_at_us;         /* When the round is to be asked next. */
};

extern struct actor actors[WORLD_NODES_MAX];

/* actor_round.c: all run beside the fiber. */
bool actor_round_begin(struct actor *a);  /* False: its heads cannot be opened. */
void actor_round_end(struct actor *a);
void actor_round_grew(struct actor *a);
void actor_round_reset(void);
void actor_round_calm(void);
void actor_round_trouble(void);
bool actor_may_write(const struct actor *a);

#endif
