/* test_grid.c - what the 4D index finds at its edges.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "airspace/grid.h"

#include "base/instant.h"
#include "cell/id.h"
#include "t.h"

#define S INSTANT_S
#define NOON (INT64_C(1798804800) * S) /* 2027-01-01T12:00:00Z */
#define YEAR_2000 (INT64_C(946684800) * S)
#define YEAR_2150 (INT64_C(5680281600) * S)

static const struct box any_box = {INSTANT_MIN, INSTANT_MAX, VOL_FLOOR_NONE, VOL_CEIL_NONE};

/* The child'th (0..3) child of a cell. */
static uint64_t child_of(uint64_t cell, unsigned child)
{
    uint64_t lsb = cell_lsb(cell) >> 2;
    return cell_range_min(cell) - 1 + lsb + 2 * lsb * child;
}

/* A cell of this level: always the same way down from the face. */
static uint64_t cell_at(unsigned face, int level)
{
    uint64_t cell = (uint64_t)face << 61 | UINT64_C(1) << 60;
    for (int l = 0; l < level; l++) cell = child_of(cell, (unsigned)(l * 7 + 2) % 4);
    return cell;
}

static size_t count(const struct grid *g, uint64_t cell, struct box box, bool any_height)
{
    AUTO(u32_vec_done) struct u32_vec found = {0};
    struct vol query = {&cell, 1, box};
    grid_search(g, &query, any_height, &found);
    return found.n;
}

static void insert(struct grid *g, struct cow *c, uint32_t item, uint64_t cell, struct box box)
{
    struct vol vol = {&cell, 1, box};
    grid_insert(g, c, item, &vol);
}

static void an_empty_grid_finds_nothing(void)
{
    struct cow *c = cow_new();
    struct grid g = {0};
    AUTO(u32_vec_done) struct u32_vec found = {0};
    struct vol nowhere = {NULL, 0, any_box};
    CHECK_INT(count(&g, cell_at(0, 13), any_box, true), 0);
    insert(&g, c, 1, cell_at(0, 13), any_box);
    grid_search(&g, &nowhere, true, &found);
    CHECK_INT(found.n, 0);
    grid_check(&g);
    grid_done(&g, c);
    CHECK_INT(g.n_postings, 0);
    grid_check(&g);
    cow_free(c);
}

static void a_cell_meets_its_ancestors_and_descendants_only(void)
{
    struct cow *c = cow_new();
    struct grid g = {0};
    for (unsigned face = 0; face < 6; face++) {
        for (int level = 4; level <= 13; level++) {
            insert(&g, c, face * 100 + (uint32_t)level, cell_at(face, level), any_box);
        }
    }
    for (unsigned face = 0; face < 6; face++) {
        for (int level = 4; level <= 13; level++) {
            CHECK_INT(count(&g, cell_at(face, level), any_box, true), 10);
        }
        for (int level = 4; level < 13; level++) { /* Next to the way down: only those above it. */
            for (unsigned child = 0; child < 4; child++) {
                uint64_t cell = child_of(cell_at(face, level), child);
                bool is_on_way = cell == cell_at(face, level + 1);
                CHECK_INT(count(&g, cell, any_box, true), is_on_way ? 10 : level - 3);
            }
        }
    }
    grid_check(&g);
    grid_done(&g, c);
    cow_free(c);
}

static void neighbours_in_one_query_find_what_lies_between_and_above_them_once(void)
{
    struct cow *c = cow_new();
    struct grid g = {0};
    uint64_t parent = cell_at(3, 12);
    uint64_t cells[] = {child_of(parent, 0), child_of(parent, 1), child_of(parent, 2)};
    struct vol three = {cells, 3, any_box};
    AUTO(u32_vec_done) struct u32_vec found = {0};
    grid_insert(&g, c, 9, &three);
    insert(&g, c, 5, parent, any_box);
    insert(&g, c, 7, child_of(parent, 3), any_box);
    insert(&g, c, 6, cell_at(3, 4), any_box);
    u32_vec_add(&found, 1234); /* What was there stays. */
    grid_search(&g, &three, true, &found);
    CHECK(found.n == 4 && found.at[0] == 1234 && found.at[1] == 5 && found.at[2] == 6 &&
          found.at[3] == 9);
    grid_done(&g, c);
    cow_free(c);
}

static void touching_is_meeting_in_time_and_height(void)
{
    struct cow *c = cow_new();
    struct grid g = {0};
    uint64_t cell = cell_at(1, 13);
    insert(&g, c, 1, cell, (struct box){NOON, NOON + 60 * S, 0, 120000});
    CHECK_INT(count(&g, cell, (struct box){NOON + 60 * S, INSTANT_MAX, 0, 0}, false), 1);
    CHECK_INT(count(&g, cell, (struct box){INSTANT_MIN, NOON, 0, 0}, false), 1);
    CHECK_INT(count(&g, cell, (struct box){NOON + 61 * S, INSTANT_MAX, 0, 0}, false), 0);
    CHECK_INT(count(&g, cell, (struct box){INSTANT_MIN, NOON - 1 * S, 0, 0}, false), 0);
    CHECK_INT(count(&g, cell, (struct box){NOON, NOON, 120000, 200000}, false), 1);
    CHECK_INT(count(&g, cell, (struct box){NOON, NOON, -9000, 0}, false), 1);
    CHECK_INT(count(&g, cell, (struct box){NOON, NOON, 124000, 200000}, false), 0);
    CHECK_INT(count(&g, cell, (struct box){NOON, NOON, -9000, -4000}, false), 0);
    CHECK_INT(count(&g, cell, (struct box){NOON, NOON, 124000, 200000}, true), 1);
    grid_done(&g, c);
    cow_free(c);
}

static void coarse_numbers_are_rounded_outward(void)
{
    struct cow *c = cow_new();
    struct grid g = {0};
    uint64_t cell = cell_at(1, 13);
    insert(&g, c, 1, cell, (struct box){NOON + 1, NOON + S + 1, -1, 1});
    CHECK_INT(count(&g, cell, (struct box){NOON, NOON, 0, 0}, false), 1);
    CHECK_INT(count(&g, cell, (struct box){NOON + 2 * S, NOON + 2 * S, 0, 0}, false), 1);
    CHECK_INT(count(&g, cell, (struct box){NOON + 2 * S + 1, NOON + 9 * S, 0, 0}, false), 1);
    CHECK_INT(count(&g, cell, (struct box){NOON + 3 * S, NOON + 9 * S, 0, 0}, false), 0);
    CHECK_INT(count(&g, cell, (struct box){NOON, NOON, -4000, -4000}, false), 1);
    CHECK_INT(count(&g, cell, (struct box){NOON, NOON, 7999, 7999}, false), 1);
    CHECK_INT(count(&g, cell, (struct box){NOON, NOON, 8000, 9000}, false), 0);
    grid_done(&g, c);
    cow_free(c);
}

static void what_does_not_fit_is_clamped_and_still_found(void)
{
    struct cow *c = cow_new();
    struct grid g = {0};
    uint64_t cell = cell_at(2, 13);
    const struct box ancient = {INSTANT_MIN, YEAR_2000 - 9 * S, INT32_MIN + 1, -200000000};
    const struct box distant = {YEAR_2150, YEAR_2150 + S, 200000000, INT32_MAX - 1};
    insert(&g, c, 1, cell, ancient);
    insert(&g, c, 2, cell, distant);
    insert(&g, c, 3, cell, any_box);
    insert(&g, c, 4, cell, (struct box){NOON, NOON, 0, 0});
    grid_check(&g);
    CHECK_INT(count(&g, cell, ancient, false), 2);
    CHECK_INT(count(&g, cell, distant, false), 2);
    CHECK_INT(count(&g, cell, any_box, false), 4);
    CHECK_INT(count(&g, cell, (struct box){NOON, NOON, 0, 0}, false), 2);
    CHECK_INT(count(&g, cell, (struct box){NOON, NOON, 4000, 8000}, false), 1);
    CHECK_INT(count(&g, cell, (struct box){YEAR_2150 + S, INSTANT_MAX, 200000000, INT32_MAX}, false), 2);
    const struct vol vols[] = {{&cell, 1, ancient}, {&cell, 1, distant}, {&cell, 1, any_box}};
    for (uint32_t i = 0; i < 3; i++) grid_remove(&g, c, i + 1, &vols[i]);
    CHECK_INT(g.n_postings, 1);
    CHECK_INT(count(&g, cell, any_box, true), 1);
    grid_done(&g, c);
    cow_free(c);
}

static void a_long_item_among_many_short_ones_is_found_until_it_is_removed(void)
{
    struct cow *c = cow_new();
    struct grid g = {0};
    uint64_t cell = cell_at(4, 13);
    const uint32_t n = 20000;
    struct vol whole_month = {&cell, 1, {NOON, NOON + 30 * INSTANT_DAY, 0, 0}};
    for (uint32_t i = 0; i < n; i++) {
        uint32_t shuffled = i * 7919 % n; /* Starts every 100 s, in no order. */
        int64_t starts = NOON + shuffled * 100 * S;
        insert(&g, c, shuffled, cell, (struct box){starts, starts + 50 * S, 0, 0});
        if (i % 100 == 0) cow_publish(c, NULL);
    }
    grid_insert(&g, c, n, &whole_month);
    grid_check(&g);
    for (uint32_t i = 0; i < n; i += 371) {
        int64_t starts = NOON + i * 100 * S;
        CHECK_INT(count(&g, cell, (struct box){starts + 20 * S, starts + 20 * S, 0, 0}, false), 2);
        CHECK_INT(count(&g, cell, (struct box){starts + 60 * S, starts + 60 * S, 0, 0}, false), 1);
        CHECK_INT(count(&g, cell, (struct box){starts, starts + 950 * S, 0, 0}, false),
                  1 + (n - i < 10 ? n - i : 10));
    }
    grid_remove(&g, c, n, &whole_month);
    grid_check(&g); /* The bounds shrink again: the walker wants them exact. */
    CHECK_INT(count(&g, cell, (struct box){NOON + 60 * S, NOON + 60 * S, 0, 0}, false), 0);
    CHECK_INT(count(&g, cell, any_box, false), n);
    CHECK(grid_bytes(&g) < n * 45);
    for (uint32_t i = 0; i < n; i++) {
        int64_t starts = NOON + i * 100 * S;
        struct vol vol = {&cell, 1, {starts, starts + 50 * S, 0, 0}};
        grid_remove(&g, c, i, &vol);
        if (i % 1000 == 0) grid_check(&g);
    }
    CHECK_INT(g.n_postings, 0);
    CHECK_INT(grid_bytes(&g), 0);
    cow_free(c);
}

static void starts_in_order_fill_the_leaves(void)
{
    struct cow *c = cow_new();
    struct grid g = {0};
    const uint32_t n = 50000;
    for (uint32_t i = 0; i < n; i++) {
        uint64_t cell = child_of(child_of(cell_at(5, 11), i % 4), i / 4 % 4);
        int64_t starts = NOON + i * S;
        insert(&g, c, i, cell, (struct box){starts, starts + 50 * S, 0, 0});
    }
    grid_check(&g);
    CHECK(grid_bytes(&g) < n * 35);
    grid_done(&g, c);
    cow_free(c);
}

static void a_set_of_thousands_of_cells_is_one_item(void)
{
    enum { N = 4096 };
    static uint64_t cells[N];
    struct cow *c = cow_new();
    struct grid g = {0};
    uint64_t first = cell_range_min(cell_at(0, 6)) - 1 + (UINT64_C(1) << 34);
    AUTO(u32_vec_done) struct u32_vec found = {0};
    for (uint64_t i = 0; i < N; i++) cells[i] = first + i * 2 * (UINT64_C(2) << 34); /* Every other one. */
    CHECK_INT(cell_level(cells[N - 1]), 13);
    struct vol vol = {cells, N, {NOON, NOON + S, 0, 0}};
    grid_insert(&g, c, 3, &vol);
    grid_insert(&g, c, 2, &vol);
    CHECK_INT(g.n_postings, 2 * N);
    grid_search(&g, &vol, false, &found);
    CHECK(found.n == 2 && found.at[0] == 2 && found.at[1] == 3);
    CHECK_INT(count(&g, cells[0] + (UINT64_C(2) << 34), any_box, true), 0); /* Between two of them. */
    CHECK_INT(count(&g, cell_at(0, 6), any_box, true), 2);
    grid_remove(&g, c, 3, &vol);
    grid_check(&g);
    CHECK_INT(count(&g, cell_at(0, 6), any_box, true), 1);
    grid_done(&g, c);
    cow_free(c);
}

int main(void)
{
    RUN(an_empty_grid_finds_nothing);
    RUN(a_cell_meets_its_ancestors_and_descendants_only);
    RUN(neighbours_in_one_query_find_what_lies_between_and_above_them_once);
    RUN(touching_is_meeting_in_time_and_height);
    RUN(coarse_numbers_are_rounded_outward);
    RUN(what_does_not_fit_is_clamped_and_still_found);
    RUN(a_long_item_among_many_short_ones_is_found_until_it_is_removed);
    RUN(starts_in_order_fill_the_leaves);
    RUN(a_set_of_thousands_of_cells_is_one_item);
    return t_done();
}
