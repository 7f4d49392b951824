/* test_arena.c - memory that dies together, and the heap below it.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/arena.h"

#include <stdalign.h>

#include "base/err.h"
#include "base/mem.h"
#include "t.h"

static void an_empty_arena_may_be_freed_and_cleared(void)
{
    struct arena a = {0};
    arena_clear(&a);
    arena_done(&a);
    arena_done(NULL);
    CHECK(a.blocks == NULL);
    CHECK(arena_alloc(&a, 0) != NULL);
    arena_done(&a);
    CHECK(a.blocks == NULL);
}

static void pieces_are_aligned_and_apart(void)
{
    AUTO(arena_done) struct arena a = {0};
    struct rng rng = t_rng();
    enum { N = 2000 };
    static unsigned char *pieces[N];
    static size_t sizes[N];
    bool is_whole = true;
    for (int i = 0; i < N; i++) {
        sizes[i] = rng_below(&rng, i % 100 ? 200 : 40000); /* Some larger than a block. */
        pieces[i] = arena_alloc(&a, sizes[i]);
        CHECK((uintptr_t)pieces[i] % alignof(max_align_t) == 0);
        memset(pieces[i], i & 255, sizes[i]);
    }
    for (int i = 0; i < N; i++) {
        for (size_t k = 0; k < sizes[i]; k++) is_whole = is_whole && pieces[i][k] == (i & 255);
    }
    CHECK(is_whole);
}

static void zeroed_pieces_are_zero_in_reused_memory(void)
{
    AUTO(arena_done) struct arena a = {0};
    for (int round = 0; round < 3; round++) {
        unsigned char *p = arena_zalloc(&a, 1000);
        uint64_t *numbers = arena_array(&a, 50, sizeof *numbers);
        bool is_zero = true;
        for (int i = 0; i < 1000; i++) is_zero = is_zero && p[i] == 0;
        for (int i = 0; i < 50; i++) is_zero = is_zero && numbers[i] == 0;
        CHECK(is_zero);
        memset(p, 255, 1000);
        memset(numbers, 255, 50 * sizeof *numbers);
        arena_clear(&a);
    }
    CHECK(arena_array(&a, 0, 8) != NULL);
    CHECK(arena_array(&a, 8, 0) != NULL);
}

static void clearing_keeps_one_block(void)
{
    AUTO(arena_done) struct arena a = {0};
    for (int i = 0; i < 100; i++) (void)arena_alloc(&a, 5000);
    arena_clear(&a);
    struct arena_block *kept = a.blocks;
    CHECK(kept != NULL);
    (void)arena_alloc(&a, 5000);
    CHECK(a.blocks == kept);
}

static void a_duplicate_is_a_copy_with_a_nul(void)
{
    AUTO(arena_done) struct arena a = {0};
    char text[] = "abc";
    struct str copy = arena_dup(&a, str_of(text));
    text[0] = 'x';
    CHECK_STR(copy, STR("abc"));
    CHECK(copy.at[3] == '\0');
    struct str empty = arena_dup(&a, (struct str){NULL, 0});
    CHECK(empty.at != NULL && empty.n == 0 && empty.at[0] == '\0');
}

static void the_heap_gives_zeroed_and_copied_memory(void)
{
    static const unsigned char zeros[64];
    AUTO(mem_auto) unsigned char *z = mem_zalloc(64);
    AUTO(mem_auto) unsigned char *c = mem_calloc(8, 8);
    AUTO(mem_auto) char *copy = mem_dup("abc", 4);
    AUTO(mem_auto) char *none = mem_dup(NULL, 0);
    AUTO(mem_auto) char *grown = mem_realloc(NULL, 4);
    CHECK(memcmp(z, zeros, 64) == 0 && memcmp(c, zeros, 64) == 0);
    CHECK_STR(str_of(copy), STR("abc"));
    CHECK(none != NULL);
    memcpy(grown, "xyz", 4);
    grown = mem_realloc(grown, 100000);
    CHECK_STR(str_of(grown), STR("xyz"));
    mem_free(mem_alloc(0));
    mem_free(mem_calloc(0, 0));
    mem_free(NULL);
}

int main(void)
{
    RUN(an_empty_arena_may_be_freed_and_cleared);
    RUN(pieces_are_aligned_and_apart);
    RUN(zeroed_pieces_are_zero_in_reused_memory);
    RUN(clearing_keeps_one_block);
    RUN(a_duplicate_is_a_copy_with_a_nul);
    RUN(the_heap_gives_zeroed_and_copied_memory);
    return t_done();
}
