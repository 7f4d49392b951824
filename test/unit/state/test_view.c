/* test_view.c - entities sorted by id, however the ids lie.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/mem.h"
#include "base/rng.h"
#include "state/internal.h"
#include "t.h"

/* Sorts n entities whose ids are random in the bits of the two masks and checks that all are there, in order. */
static void check_sorting(size_t n, uint64_t hi_mask, uint64_t lo_mask)
{
    struct rng rng = {n ^ hi_mask};
    struct entity *entities = mem_calloc(n, sizeof *entities);
    const struct entity **sorted = mem_calloc(n, sizeof(struct entity *));
    bool *seen = mem_calloc(n, sizeof *seen);
    size_t n_seen = 0, n_ascending = 1;

    for (size_t i = 0; i < n; i++) {
        entities[i].id = (struct id){rng_next(&rng) & hi_mask, rng_next(&rng) & lo_mask};
        sorted[i] = &entities[i];
    }
    entities_sort(sorted, n);
    for (size_t i = 0; i < n; i++) {
        bool *here = &seen[sorted[i] - entities];
        n_seen += !*here;
        *here = true;
        n_ascending += i > 0 && id_compare(sorted[i - 1]->id, sorted[i]->id) <= 0;
    }
    CHECK_INT(n_seen, n);
    CHECK_INT(n_ascending, n);
    mem_free(entities);
    mem_free(sorted);
    mem_free(seen);
}

static void entities_are_sorted_by_id(void)
{
    static const size_t sizes[] = {1, 2, 15, 16, 17, 18, 100, 1000, 5000, 10000};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) check_sorting(sizes[i], UINT64_MAX, UINT64_MAX);
}

static void ids_that_cluster_are_sorted_too(void)
{
    check_sorting(3000, UINT64_C(0x8000000000000001), UINT64_MAX); /* Four heaps, wide apart. */
    check_sorting(3000, UINT64_C(0xFFF), UINT64_MAX);              /* The highest bits all the same. */
    check_sorting(3000, 0, UINT64_MAX);                            /* One half all the same. */
    check_sorting(17, 0, 1);
}

int main(void)
{
    RUN(entities_are_sorted_by_id);
    RUN(ids_that_cluster_are_sorted_too);
    return t_done();
}
