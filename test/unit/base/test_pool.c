/* test_pool.c - pieces apart from each other, given back and taken again.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/pool.h"

#include <string.h>

#include "base/cow.h"
#include "base/rng.h"
#include "t.h"

static void pieces_of_all_sizes_are_apart(void)
{
    struct pool p = {0};
    struct rng rng = t_rng();
    enum { N = 5000 };
    static unsigned char *pieces[N];
    static size_t sizes[N];

    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < N; i++) {
            if (round && i % 3) continue; /* Those were not given back. */
            sizes[i] = 1 + rng_below(&rng, i % 100 ? POOL_PIECE_MAX : 2 * POOL_PIECE_MAX);
            pieces[i] = pool_take(&p, sizes[i]);
            memset(pieces[i], i & 255, sizes[i]);
        }
        int n_wrong = 0;
        for (int i = 0; i < N; i++)
            n_wrong += pieces[i][0] != (i & 255) || memcmp(pieces[i], pieces[i] + 1, sizes[i] - 1) != 0;
        CHECK_INT(n_wrong, 0);
        for (int i = 0; i < N; i++)
            if (round == 2 || i % 3 == 0) pool_give(&p, pieces[i], sizes[i]);
    }
    pool_done(&p);
    CHECK_INT(p.chunks.n, 0);
}

static void what_is_given_back_is_taken_again_before_the_pool_grows(void)
{
    struct pool p = {0};
    void *pieces[100];

    for (int i = 0; i < 100; i++) pieces[i] = pool_take(&p, 1500);
    size_t n_chunks = p.chunks.n;
    for (int round = 0; round < 1000; round++) {
        for (int i = 0; i < 100; i++) pool_give(&p, pieces[i], 1500);
        for (int i = 0; i < 100; i++) pieces[i] = pool_take(&p, 1490); /* Of the same multiple of POOL_STEP. */
    }
    CHECK_INT(p.chunks.n, n_chunks);
    for (int i = 0; i < 100; i++) pool_give(&p, pieces[i], 1500);
    pool_done(&p);
}

static void pages_begin_at_multiples_of_their_size(void)
{
    for (size_t n = 64; n <= (size_t)8 << 20; n *= 8) {
        char *p = mem_pages(n);
        size_t step = n < (size_t)2 << 20 ? n : (size_t)2 << 20;
        CHECK((uintptr_t)p % step == 0);
        p[0] = p[n - 1] = 1;
        mem_free(p);
    }
}

static void a_cow_keeps_taken_memory_as_long_as_a_pin_reaches_it(void)
{
    struct cow *c = cow_new();
    struct cow_pin pin;
    int view;
    char *seen = cow_take(c, 100);

    memcpy(seen, "seen", 5);
    cow_publish(c, &view);
    (void)cow_pin(c, &pin);
    cow_retire_taken(c, seen, 100);
    cow_publish(c, &view);
    CHECK_INT(cow_n_retired(c), 1);
    char *other = cow_take(c, 100);
    memset(other, 0, 100);
    CHECK(other != seen && strcmp(seen, "seen") == 0);
    cow_unpin(&pin);
    cow_publish(c, &view);
    CHECK_INT(cow_n_retired(c), 0);
    cow_drop(c, other, 100);
    cow_free(c);
}

int main(void)
{
    RUN(pieces_of_all_sizes_are_apart);
    RUN(what_is_given_back_is_taken_again_before_the_pool_grows);
    RUN(pages_begin_at_multiples_of_their_size);
    RUN(a_cow_keeps_taken_memory_as_long_as_a_pin_reaches_it);
    return t_done();
}
