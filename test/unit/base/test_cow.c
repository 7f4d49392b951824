/* test_cow.c - versions, pins, and when retired memory goes.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/cow.h"

#include <pthread.h>
#include <stdatomic.h>

#include "base/mem.h"
#include "t.h"

static int n_released;

static void release(void *p)
{
    n_released++;
    mem_free(p);
}

static void nothing_is_pinned_before_the_first_publication(void)
{
    struct cow *c = cow_new();
    struct cow_pin pin;
    CHECK_INT(cow_version(c), 1);
    CHECK(cow_pin(c, &pin) == NULL);
    cow_unpin(&pin);
    CHECK(pin.slot == NULL);
    cow_free(c);
    cow_free(NULL);
}

static void a_pin_shows_what_was_published_last(void)
{
    struct cow *c = cow_new();
    struct cow_pin pin[2];
    int views[2];
    cow_publish(c, &views[0]);
    CHECK_INT(cow_version(c), 2);
    CHECK(cow_pin(c, &pin[0]) == &views[0]);
    cow_publish(c, &views[1]);
    CHECK_INT(cow_version(c), 3);
    CHECK(cow_pin(c, &pin[1]) == &views[1]);
    cow_unpin(&pin[0]);
    cow_unpin(&pin[1]);
    cow_free(c);
}

static void without_pins_retired_memory_goes_at_the_next_publication(void)
{
    struct cow *c = cow_new();
    int view;
    n_released = 0;
    cow_retire(c, mem_alloc(8), release);
    cow_retire(c, mem_alloc(8), release);
    CHECK_INT(cow_n_retired(c), 2);
    CHECK_INT(n_released, 0);
    cow_publish(c, &view);
    CHECK_INT(cow_n_retired(c), 0);
    CHECK_INT(n_released, 2);
    cow_free(c);
}

static void a_pin_keeps_what_it_may_reach_and_nothing_older(void)
{
    struct cow *c = cow_new();
    struct cow_pin early, late;
    int view;
    n_released = 0;
    cow_publish(c, &view);                    /* Version 2 begins. */
    (void)cow_pin(c, &early);
    cow_retire(c, mem_alloc(8), release);     /* In version 2: early may reach it. */
    cow_publish(c, &view);
    (void)cow_pin(c, &late);
    cow_retire(c, mem_alloc(8), release);     /* In version 3: both may. */
    cow_publish(c, &view);
    cow_publish(c, &view);
    CHECK_INT(n_released, 0);
    CHECK_INT(cow_n_retired(c), 2);
    cow_unpin(&early);
    cow_publish(c, &view);
    CHECK_INT(n_released, 1);
    CHECK_INT(cow_n_retired(c), 1);
    cow_unpin(&late);
    CHECK_INT(n_released, 1); /* Readers free nothing. */
    cow_publish(c, &view);
    CHECK_INT(n_released, 2);
    cow_free(c);
}

static void freeing_the_whole_frees_what_is_retired(void)
{
    struct cow *c = cow_new();
    struct cow_pin pin;
    int view;
    n_released = 0;
    cow_publish(c, &view);
    (void)cow_pin(c, &pin);
    for (int i = 0; i < 1000; i++) {
        cow_retire(c, mem_alloc(8), release);
        if (i % 10 == 0) cow_publish(c, &view);
    }
    cow_unpin(&pin);
    cow_free(c);
    CHECK_INT(n_released, 1000);
}

static void abandoning_takes_back_this_versions_retirements_only(void)
{
    struct cow *c = cow_new();
    struct cow_pin pin;
    int view;
    void *kept = mem_alloc(8);
    n_released = 0;
    cow_publish(c, &view);
    (void)cow_pin(c, &pin);
    cow_retire(c, mem_alloc(8), release);
    cow_publish(c, &view);
    cow_retire(c, kept, release);
    CHECK_INT(cow_n_retired(c), 2);
    cow_abandon(c);
    CHECK_INT(cow_n_retired(c), 1);
    CHECK_INT(cow_version(c), 3);
    cow_unpin(&pin);
    cow_publish(c, &view);
    CHECK_INT(n_released, 1);
    cow_free(c);
    CHECK_INT(n_released, 1);
    mem_free(kept);
}

static void there_is_no_limit_to_the_number_of_pins(void)
{
    enum { N = 1000 };
    static struct cow_pin pins[N];
    struct cow *c = cow_new();
    int view;
    n_released = 0;
    cow_publish(c, &view);
    for (int i = 0; i < N; i++) CHECK(cow_pin(c, &pins[i]) == &view);
    cow_retire(c, mem_alloc(8), release);
    for (int i = 0; i < N; i++) {
        cow_publish(c, &view);
        CHECK_INT(n_released, 0);
        cow_unpin(&pins[i * 7 % N]);
    }
    cow_publish(c, &view);
    CHECK_INT(n_released, 1);
    cow_free(c);
}

/* ---- threads: each view is a list of numbers whose nodes the writer poisons when it frees them ---- */

#define N_NODES 8
#define POISON UINT64_C(0xDEADDEADDEADDEAD)

struct list_view {
    uint64_t *nodes[N_NODES]; /* Each holds the round in which it was made. */
    uint64_t round;
};

struct reader {
    struct cow *cow;
    atomic_bool *is_over;
    uint64_t n_reads;
    uint64_t n_wrong;
};

static void poison(void *p)
{
    *(uint64_t *)p = POISON;
    mem_free(p);
}

static void *read_until_over(void *context)
{
    struct reader *r = context;
    uint64_t seen = 0;
    do {
        struct cow_pin pin;
        const struct list_view *view = cow_pin(r->cow, &pin);
        if (view) {
            r->n_wrong += view->round < seen; /* Time does not go back. */
            seen = view->round;
            for (int i = 0; i < N_NODES; i++) r->n_wrong += *view->nodes[i] > view->round;
            r->n_reads++;
        }
        cow_unpin(&pin);
    } while (!atomic_load(r->is_over));
    return NULL;
}

static void readers_never_see_freed_memory_while_the_writer_goes_on(void)
{
    enum { N_READERS = 4 };
    struct rng rng = t_rng();
    struct cow *c = cow_new();
    struct list_view *view = mem_zalloc(sizeof *view);
    struct reader readers[N_READERS];
    pthread_t threads[N_READERS];
    atomic_bool is_over = false;
    uint64_t n_rounds = (uint64_t)t_steps(20000);

    for (int i = 0; i < N_NODES; i++) view->nodes[i] = mem_zalloc(sizeof(uint64_t));
    cow_publish(c, view);
    for (int i = 0; i < N_READERS; i++) {
        readers[i] = (struct reader){.cow = c, .is_over = &is_over};
        CHECK_INT(pthread_create(&threads[i], NULL, read_until_over, &readers[i]), 0);
    }
    for (uint64_t round = 1; round <= n_rounds; round++) {
        struct list_view *next = mem_dup(view, sizeof *next);
        uint64_t at = rng_below(&rng, N_NODES);
        cow_retire(c, next->nodes[at], poison);
        next->nodes[at] = mem_dup(&round, sizeof round);
        next->round = round;
        cow_retire(c, view, mem_free);
        cow_publish(c, next);
        view = next;
    }
    atomic_store(&is_over, true);
    for (int i = 0; i < N_READERS; i++) {
        CHECK_INT(pthread_join(threads[i], NULL), 0);
        CHECK_INT(readers[i].n_wrong, 0);
        CHECK(readers[i].n_reads > 0);
    }
    cow_publish(c, NULL);
    CHECK_INT(cow_n_retired(c), 0);
    for (int i = 0; i < N_NODES; i++) mem_free(view->nodes[i]);
    mem_free(view);
    cow_free(c);
}

static void *pin_and_unpin_many(void *context)
{
    struct reader *r = context;
    struct cow_pin pins[40];
    for (int round = 0; round < 200; round++) {
        for (int i = 0; i < 40; i++) r->n_wrong += cow_pin(r->cow, &pins[i]) == NULL;
        for (int i = 0; i < 40; i++) cow_unpin(&pins[i]);
    }
    return NULL;
}

static void readers_may_outgrow_the_slots_all_at_once(void)
{
    enum { N_READERS = 6 };
    struct cow *c = cow_new();
    struct reader readers[N_READERS];
    pthread_t threads[N_READERS];
    int view;
    cow_publish(c, &view);
    for (int i = 0; i < N_READERS; i++) {
        readers[i] = (struct reader){.cow = c};
        CHECK_INT(pthread_create(&threads[i], NULL, pin_and_unpin_many, &readers[i]), 0);
    }
    for (int i = 0; i < 1000; i++) {
        cow_retire(c, mem_alloc(8), mem_free);
        cow_publish(c, &view);
    }
    for (int i = 0; i < N_READERS; i++) {
        CHECK_INT(pthread_join(threads[i], NULL), 0);
        CHECK_INT(readers[i].n_wrong, 0);
    }
    cow_publish(c, &view);
    CHECK_INT(cow_n_retired(c), 0);
    cow_free(c);
}

int main(void)
{
    RUN(nothing_is_pinned_before_the_first_publication);
    RUN(a_pin_shows_what_was_published_last);
    RUN(without_pins_retired_memory_goes_at_the_next_publication);
    RUN(a_pin_keeps_what_it_may_reach_and_nothing_older);
    RUN(freeing_the_whole_frees_what_is_retired);
    RUN(abandoning_takes_back_this_versions_retirements_only);
    RUN(there_is_no_limit_to_the_number_of_pins);
    RUN(readers_never_see_freed_memory_while_the_writer_goes_on);
    RUN(readers_may_outgrow_the_slots_all_at_once);
    return t_done();
}
