/* test_parr.c - the persistent array: growth, gaps, versions.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/parr.h"

#include "t.h"

static void slots_never_written_are_zero(void)
{
    struct cow *c = cow_new();
    struct parr a = {0};
    CHECK_INT(parr_get(&a, 0), 0);
    CHECK_INT(parr_get(&a, UINT32_MAX), 0);
    parr_set(&a, c, 100000, 5);
    CHECK_INT(a.limit, 100001);
    CHECK_INT(parr_get(&a, 0), 0);
    CHECK_INT(parr_get(&a, 99999), 0);
    CHECK_INT(parr_get(&a, 100000), 5);
    CHECK_INT(parr_get(&a, 100001), 0);
    CHECK_INT(parr_get(&a, UINT32_MAX), 0);
    parr_set(&a, c, 3, 4);
    CHECK_INT(a.limit, 100001);
    parr_done(&a, c);
    CHECK_INT(a.limit, 0);
    CHECK(a.root == NULL);
    cow_free(c);
}

static void slots_around_every_power_of_64_are_apart(void)
{
    struct cow *c = cow_new();
    struct parr a = {0};
    uint32_t slots[64];
    unsigned n = 0;
    for (unsigned power = 0; power < 6; power++) {
        uint32_t at = UINT32_C(1) << (6 * power);
        slots[n++] = at - 1;
        if (at > 1) slots[n++] = at;
        slots[n++] = at + 1;
    }
    slots[n++] = UINT32_MAX - 1;
    for (unsigned i = 0; i < n; i++) parr_set(&a, c, slots[i], UINT64_MAX - i);
    for (unsigned i = 0; i < n; i++) {
        bool is_last = true; /* 1 is written twice: the later holds. */
        for (unsigned k = i + 1; k < n; k++) is_last = is_last && slots[k] != slots[i];
        if (is_last) CHECK(parr_get(&a, slots[i]) == UINT64_MAX - i);
    }
    CHECK(a.limit == UINT32_MAX);
    CHECK(parr_bytes(&a) < 64 * 1024);
    parr_done(&a, c);
    cow_free(c);
}

static void a_dense_array_costs_little_more_than_its_values(void)
{
    struct cow *c = cow_new();
    struct parr a = {0};
    for (uint32_t i = 0; i < 100000; i++) parr_set(&a, c, i, i);
    CHECK(parr_bytes(&a) < 100000 * 84 / 10);
    CHECK_INT(cow_n_retired(c), 0); /* One version: nothing was copied. */
    parr_done(&a, c);
    cow_free(c);
}

static void a_published_copy_goes_on_showing_what_it_showed(void)
{
    struct cow *c = cow_new();
    struct rng rng = t_rng();
    struct parr a = {0};
    struct cow_pin pin;
    for (uint32_t i = 0; i < 5000; i++) parr_set(&a, c, i, i * 3);
    struct parr view = a;
    cow_publish(c, &view);
    CHECK(cow_pin(c, &pin) == &view);
    for (int i = 0; i < 5000; i++) {
        parr_set(&a, c, (uint32_t)rng_below(&rng, 1 << 20), rng_next(&rng));
        if (i % 50 == 0) cow_publish(c, &view);
    }
    for (uint32_t i = 0; i < 5000; i++) CHECK_INT(parr_get(&view, i), i * 3);
    CHECK_INT(parr_get(&view, 5000), 0);
    cow_unpin(&pin);
    parr_done(&a, c);
    cow_publish(c, NULL);
    CHECK_INT(cow_n_retired(c), 0);
    cow_free(c);
}

static void abandoning_leads_back_to_the_published_copy(void)
{
    struct cow *c = cow_new();
    struct parr a = {0};
    for (uint32_t i = 0; i < 300; i++) parr_set(&a, c, i, 1);
    struct parr view = a;
    cow_publish(c, &view);
    for (uint32_t i = 0; i < 100000; i += 7) parr_set(&a, c, i, 2);
    parr_abandon(&a, c);
    cow_abandon(c);
    a = view;
    CHECK_INT(cow_n_retired(c), 0);
    CHECK_INT(a.limit, 300);
    for (uint32_t i = 0; i < 300; i++) CHECK_INT(parr_get(&a, i), 1);
    parr_set(&a, c, 1, 3); /* And the writer goes on from there. */
    CHECK_INT(parr_get(&view, 1), 1);
    parr_done(&a, c);
    cow_free(c);
}

int main(void)
{
    RUN(slots_never_written_are_zero);
    RUN(slots_around_every_power_of_64_are_apart);
    RUN(a_dense_array_costs_little_more_than_its_values);
    RUN(a_published_copy_goes_on_showing_what_it_showed);
    RUN(abandoning_leads_back_to_the_published_copy);
    return t_done();
}
