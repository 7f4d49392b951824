/* actor.h - a node of the simulated network: its life, its deaths, and what clients ask of it.
 * SPDX-License-Identifier: Apache-2.0
 *
 *     fiber:   node_start() -> node_step(), wait, node_step(), ...     it stands still while etcd does not answer
 *     events:  clients' asks, other nodes' calls, as on other threads of the node
 *
 * The node is the real one, stepped. It ends by itself, is killed, or loses power; then it starts again.
 */
#ifndef TEST_SIM_ACTOR_H
#define TEST_SIM_ACTOR_H

#include "node/node.h"
#include "world.h"

void actors_begin(void);  /* All nodes start. */
void actors_end(void);    /* All are stopped. */
void actors_calm(void);   /* No more chance: who is down starts. */
void actors_trouble(void); /* Chance may cut a node's power, kill it, or break its disk; who is due starts. */

/* What a client asks. Lives with the client, and outlives done(). */
struct ask {
    enum { ASK_WRITE, ASK_READ, ASK_FATE, ASK_PASS } kind;
    /* Makes the change on the node's present view, as its API would; false: there is nothing to write. */
    bool (*make)(void *context, const struct view *v, struct arena *arena, struct change *ret, struct str *ret_participant);
    void (*done)(struct ask *a); /* May be asked again in it. */
    void *context;
    struct hash hash; /* FATE: of which entry. UNCLEAR: of the one that was made. */
    struct str bytes; /* PASS: another author's entry, of the arena. */

    enum ask_result {
        ASK_NOTHING, /* There was nothing to write. */
        ASK_REFUSED, /* 503, and nothing was written. */
        ASK_DONE,
        ASK_UNCLEAR,
        ASK_LOST, /* The node died, and whoever asked does not know what became of it. */
    } result;
    enum node_fate fate;
    enum reason reason;    /* DONE writes. */
    uint64_t token_digest;
    uint64_t index, position;
    const struct view *view; /* DONE reads, during done(). */
    uint64_t floor;          /* The judge's, when it was asked. */

    /* The node's. */
    struct pending pending;
    struct barrier barrier;
    struct passing passing;
    struct arena arena;
    int node;
    struct ask *next;
};
void ask_done(struct ask *a); /* Frees what it holds. */
void actor_ask(int node, struct ask *a);

/* People at the machine: its disk is sound then. */
void actor_stop(int node);
void actor_start_at(int node, int64_t at_us);

/* The machine gets the node's new keys and starts again. */
void actor_replace_keys(int node);

bool actor_is_up(int node);
bool actor_is_alone(int node); /* Its state knows one member. */
/* Of the nodes that are here, do those that its state knows by their present keys stand for a majority of its members? False of one that is
 * down. */
bool actor_hears_majority(int node, const bool is_here[WORLD_NODES_MAX]);
bool actor_is_broken(int node); /* It says that it cannot go on. */
bool actor_is_behind(int node); /* etcd shows less than it has seen, or nothing, or not even its join: it says so. */
bool actor_has_settled(int node); /* Nothing of its is unclear, and it may write. */
bool actor_is_divided(int node);
bool actor_has_proof(int node); /* That heads which contradict each other are signed. */
bool actor_is_refused(int node);
uint64_t actor_position(int node);
uint64_t actor_full_size(int node); /* Of the newest full head that it knows. */
const char *actor_words(int node);  /* How it stands, for people. */

/* For whom other nodes' logs stand in (actor_catchup.c), and the network (actor_link.c). */
struct node *actor_node(int node); /* NULL: down. */
void actor_observe(int node);      /* The judge hears of what was applied since. */

struct actor_counts {
    uint64_t n_entries, n_restarts, n_heads;
    uint64_t n_squatted, n_garbage, n_disputed, n_overwritten, n_stale, n_gaps; /* As in struct journal_etcd_counts. */
};
extern struct actor_counts actor_counts; /* Of all nodes, over all seeds. */

#endif
