/* actor.h - a node of the simulated network: its life, its deaths, and what clients ask of it.
 * SPDX-License-Identifier: Apache-2.0
 *
 *     fiber:   boot -> (propose what waits | settle what is unclear | follow | tick) -> apply -> answer -> wait -> ...
 *     events:  notes of other nodes -> round -> notes
 *
 * The fiber does what a node's writer does, over journal_etcd, the store, state and tree; messages of rounds come beside it, as on
 * a thread of their own.
 */
#ifndef TEST_SIM_ACTOR_H
#define TEST_SIM_ACTOR_H

#include "entry/entry.h"
#include "state/outcome.h"
#include "state/view.h"
#include "world.h"

void actors_begin(void);  /* All nodes start. */
void actors_end(void);    /* All are stopped. */
void actors_calm(void);   /* No more chance: who is down starts. */
void actors_trouble(void); /* Chance may cut a node's power, kill it, or break its disk. */

/* What a client asks. Lives with the client, and outlives done(). */
struct ask {
    enum { ASK_WRITE, ASK_READ, ASK_FATE } kind;
    /* Makes the change on the node's present view, as its API would; false: there is nothing to write. */
    bool (*make)(void *context, const struct view *v, struct arena *arena, struct change *ret, struct str *ret_participant);
    void (*done)(struct ask *a); /* May be asked again in it. */
    void *context;
    struct hash hash;  /* FATE: whose. WRITE: set once an entry was made. */
    uint64_t slot;     /* FATE: and in which slot. WRITE: set. */

    enum ask_result { ASK_REFUSED, ASK_DONE, ASK_UNCLEAR, ASK_LOST } result; /* LOST: the node died. */
    enum { FATE_OPEN, FATE_COMMITTED, FATE_ABSENT } fate;
    struct outcome outcome; /* DONE writes: without its lists. */
    uint64_t index, position;
    const struct view *view; /* DONE reads, during done(). */
    uint64_t floor;          /* The judge's, when it was asked. */
    struct ask *next;
};
void actor_ask(int node, struct ask *a);

bool actor_is_up(int node);
bool actor_is_broken(int node); /* Its journal says that it cannot go on. */
bool actor_is_behind(int node);  /* etcd answers as of before what it has seen, or not at all: it says so. */
bool actor_has_settled(int node); /* Nothing of its is unclear. */
bool actor_is_divided(int node);
bool actor_is_refused(int node);
uint64_t actor_position(int node);
uint64_t actor_full_size(int node); /* Of the newest full head that it knows. */

struct actor_counts {
    uint64_t n_entries, n_unclear, n_settled, n_restarts, n_heads, n_absent;
    uint64_t n_squatted, n_garbage, n_disputed, n_overwritten, n_stale, n_gaps; /* As in struct journal_etcd_counts. */
};
extern struct actor_counts actor_counts; /* Of all nodes, over all seeds. */

#endif
