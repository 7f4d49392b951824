/* world.h - one seed's world: a clock that only events move, chance, and the fibers in which nodes run.
 * SPDX-License-Identifier: Apache-2.0
 *
 *     events (by time, then by when they were asked for) --> clock --> handler, or the fiber that waits for it
 *
 * One thread; whatever happens depends on the seed alone. A node runs in a fiber of its own, so that it stands still in the
 * middle of a call to etcd, or in a sleep, while others go on. posix.c gives the product this clock and this chance in place of
 * the system's.
 */
#ifndef TEST_SIM_WORLD_H
#define TEST_SIM_WORLD_H

#include "base/rng.h"
#include "base/str.h"

#define WORLD_NODES_MAX 8
#define WORLD_START_US INT64_C(1800000000000000) /* 2027-01-15T08:00:00Z */
#define MS INT64_C(1000)                          /* Microseconds. */
#define S INT64_C(1000000)

struct world {
    int64_t now_us;             /* Since the seed began. */
    struct rng rng;             /* Of whatever has no chance of its own. */
    int node;                   /* Whose fiber runs; -1: none. */
    int64_t skew_us[WORLD_NODES_MAX];   /* Of each node's wall clock. */
    int64_t steady_us[WORLD_NODES_MAX]; /* Where each node's steady clock stands at the world's start. */
    bool stops[WORLD_NODES_MAX]; /* The node's process is ending: nothing waits for it any more. */
    bool is_running;            /* Calls of the product are answered from here. */
    bool talks;                 /* Says on stdout what happens. */
    uint64_t n_events;
};
extern struct world world;

void world_begin(uint64_t seed, bool talks);
void world_end(void); /* Drops all events. No fiber may be left. */

uint64_t world_below(uint64_t n); /* 0..n-1 */
int64_t world_between(int64_t low, int64_t high);
bool world_chance(unsigned per_mille);

/* Calls fire(context, true) at that time, or fire(context, false) when the world ends before: it frees context either way. */
void world_at(int64_t at_us, void (*fire)(void *context, bool happens), void *context);

/* Moves on to the next event and has it happen; false if there is none up to until_us, where the clock then stands. */
bool world_step(int64_t until_us);

void world_say(const char *format, ...) __attribute__((format(printf, 1, 2))); /* If it talks. */

/* Fibers. */
struct fiber;
struct fiber *fiber_new(void (*run)(void *context), void *context, int node); /* Does not run yet. */
void fiber_wake(struct fiber *f);     /* Runs it until it waits or ends; from outside of fibers only. */
bool fiber_has_ended(const struct fiber *f);
void fiber_free(struct fiber *f);     /* It has ended; NULL is fine. */
struct fiber *fiber_self(void);       /* NULL outside. */

/* In a fiber: waits until woken, at that time at the latest. True: it was fiber_wake(). Outside of fibers it returns at once. */
bool fiber_wait(int64_t until_us);

#endif
