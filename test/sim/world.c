/* world.c - events in order of time, and fibers by ucontext.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "world.h"

#include <stdarg.h>
#include <stdio.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "base/err.h"
#include "base/vec.h"

#if defined(__SANITIZE_ADDRESS__)
#define HAS_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAS_ASAN 1
#endif
#endif
#ifdef HAS_ASAN
#include <sanitizer/common_interface_defs.h>
#else
#define __sanitizer_start_switch_fiber(kept, bottom, size) ((void)(kept), (void)(bottom), (void)(size))
#define __sanitizer_finish_switch_fiber(kept, bottom, size) ((void)(kept), (void)(bottom), (void)(size))
#endif

#define STACK_BYTES (1 << 20) /* Touched pages alone count. */

struct event {
    int64_t at_us;
    uint64_t number; /* Among events of one time the first asked for is the first to happen. */
    void (*fire)(void *context, bool happens);
    void *context;
};
VEC_DEFINE(event_vec, struct event);

struct fiber {
    ucontext_t own;
    void *stack, *kept;
    void (*run)(void *context);
    void *context;
    int node;
    bool has_ended, was_woken;
    struct alarm *alarm; /* Of the present wait. */
};

/* The end of a wait by time. A fiber that was woken before, and may be gone by then, has made it void. */
struct alarm {
    struct fiber *fiber;
    bool is_void;
};

struct world world;

static struct event_vec events; /* A heap: at[i] is not later than at[2i + 1] and at[2i + 2]. */
static uint64_t n_asked;
static ucontext_t outside;
static const void *outside_bottom;
static size_t outside_size;
static void *outside_kept;
static struct fiber *running;

void world_begin(uint64_t seed, bool talks)
{
    world = (struct world){.rng = {seed}, .node = -1, .is_running = true, .talks = talks};
    n_asked = 0;
}

void world_end(void)
{
    must(!running);
    for (size_t i = 0; i < events.n; i++) events.at[i].fire(events.at[i].context, false);
    event_vec_done(&events);
    world.is_running = false;
}

uint64_t world_below(uint64_t n)
{
    return rng_below(&world.rng, n);
}

int64_t world_between(int64_t low, int64_t high)
{
    return rng_between(&world.rng, low, high);
}

bool world_chance(unsigned per_mille)
{
    return rng_below(&world.rng, 1000) < per_mille;
}

static bool is_before(const struct event *a, const struct event *b)
{
    return a->at_us != b->at_us ? a->at_us < b->at_us : a->number < b->number;
}

void world_at(int64_t at_us, void (*fire)(void *context, bool happens), void *context)
{
    struct event e = {at_us > world.now_us ? at_us : world.now_us, n_asked++, fire, context};
    size_t i = events.n;

    event_vec_add(&events, e);
    for (; i > 0 && is_before(&e, &events.at[(i - 1) / 2]); i = (i - 1) / 2) events.at[i] = events.at[(i - 1) / 2];
    events.at[i] = e;
}

static struct event take_first(void)
{
    struct event first = events.at[0], last = events.at[--events.n];
    size_t i = 0;

    for (;;) {
        size_t child = 2 * i + 1;
        if (child >= events.n) break;
        if (child + 1 < events.n && is_before(&events.at[child + 1], &events.at[child])) child++;
        if (is_before(&last, &events.at[child])) break;
        events.at[i] = events.at[child];
        i = child;
    }
    events.at[i] = last;
    return first;
}

bool world_step(int64_t until_us)
{
    struct event e;

    if (events.n == 0 || events.at[0].at_us > until_us) {
        world.now_us = until_us;
        return false;
    }
    e = take_first();
    world.now_us = e.at_us;
    world.n_events++;
    e.fire(e.context, true);
    return true;
}

void world_say(const char *format, ...)
{
    va_list list;

    if (!world.talks) return;
    printf("# %9.3f ms", (double)world.now_us / 1000);
    if (world.node >= 0) printf(" node %d", world.node);
    printf(": ");
    va_start(list, format);
    (void)vprintf(format, list);
    va_end(list);
    printf("\n");
}

/* Fibers. */

static void fiber_main(void)
{
    struct fiber *f = running;

    __sanitizer_finish_switch_fiber(f->kept, &outside_bottom, &outside_size);
    f->run(f->context);
    f->has_ended = true;
    __sanitizer_start_switch_fiber((void **)NULL, outside_bottom, outside_size);
    (void)swapcontext(&f->own, &outside);
}

struct fiber *fiber_new(void (*run)(void *context), void *context, int node)
{
    struct fiber *f = mem_zalloc(sizeof *f);

    f->run = run;
    f->context = context;
    f->node = node;
    f->stack = mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    must(f->stack != MAP_FAILED);
    must(getcontext(&f->own) == 0);
    f->own.uc_stack.ss_sp = f->stack;
    f->own.uc_stack.ss_size = STACK_BYTES;
    f->own.uc_link = NULL;
    makecontext(&f->own, fiber_main, 0);
    return f;
}

static void enter(struct fiber *f)
{
    must(!running && !f->has_ended);
    running = f;
    world.node = f->node;
    __sanitizer_start_switch_fiber(&outside_kept, f->stack, STACK_BYTES);
    (void)swapcontext(&outside, &f->own);
    __sanitizer_finish_switch_fiber(outside_kept, NULL, NULL);
    running = NULL;
    world.node = -1;
}

void fiber_wake(struct fiber *f)
{
    if (f->has_ended) return;
    f->was_woken = true;
    if (f->alarm) f->alarm->is_void = true;
    enter(f);
}

bool fiber_has_ended(const struct fiber *f)
{
    return f->has_ended;
}

void fiber_free(struct fiber *f)
{
    if (!f) return;
    must(f->has_ended);
    must(munmap(f->stack, STACK_BYTES) == 0);
    mem_free(f);
}

struct fiber *fiber_self(void)
{
    return running;
}

static void ring(void *context, bool happens)
{
    struct alarm *a = context;

    if (happens && !a->is_void) {
        a->fiber->was_woken = false;
        enter(a->fiber);
    }
    mem_free(a);
}

bool fiber_wait(int64_t until_us)
{
    struct fiber *f = running;

    if (!f) return false;
    if (f->node >= 0 && world.stops[f->node]) return false;
    f->alarm = mem_zalloc(sizeof *f->alarm);
    f->alarm->fiber = f;
    world_at(until_us, ring, f->alarm);
    __sanitizer_start_switch_fiber(&f->kept, outside_bottom, outside_size);
    (void)swapcontext(&f->own, &outside);
    __sanitizer_finish_switch_fiber(f->kept, &outside_bottom, &outside_size);
    f->alarm = NULL;
    return f->was_woken;
}
