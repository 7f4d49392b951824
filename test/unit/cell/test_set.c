/* test_set.c - normalised sets of cells against plain lists of level-13 cells.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "cell/set.h"

#include "cell/id.h"
#include "t.h"

#define LEAF (UINT64_C(1) << 34)
#define N_LEAVES 4096 /* Of one cell of level 7. */

static const uint64_t root = UINT64_C(0x4796400000000000); /* Level 7, near 47 N 8 E. */

struct flat_set {
    bool has[N_LEAVES];
};

static uint64_t leaf(size_t k)
{
    return cell_range_min(root) - 1 + LEAF + 2 * LEAF * k;
}

static struct flat_set flatten(const uint64_t *cells, size_t n)
{
    struct flat_set flat = {0};

    for (size_t i = 0; i < n; i++) {
        uint64_t first = (cell_range_min(cells[i]) - cell_range_min(root)) / (2 * LEAF);
        uint64_t count = cell_lsb(cells[i]) / LEAF;
        for (uint64_t k = 0; k < count; k++) flat.has[first + k] = true;
    }
    return flat;
}

static struct u64_vec random_cells(struct rng *rng, size_t n)
{
    struct u64_vec cells = {0};
    int low = 7 + (int)rng_below(rng, 7);

    for (size_t k = 0; k < n; k++) {
        int level = low + (int)rng_below(rng, (uint64_t)(14 - low));
        u64_vec_add(&cells, cell_parent(leaf(rng_below(rng, N_LEAVES)), level));
    }
    return cells;
}

static struct u64_vec random_set(struct rng *rng)
{
    struct u64_vec cells = random_cells(rng, rng_below(rng, 2) ? rng_below(rng, 8) : rng_below(rng, 2500));

    cell_set_normalise(&cells);
    return cells;
}

static void normalising_keeps_the_same_leaves(void)
{
    struct rng rng = t_rng();

    for (int step = 0; step < t_steps(2000); step++) {
        AUTO(u64_vec_done) struct u64_vec cells = random_cells(&rng, rng_below(&rng, 3000));
        struct flat_set before = flatten(cells.at, cells.n), after;
        uint64_t area = 0;
        cell_set_normalise(&cells);
        after = flatten(cells.at, cells.n);
        for (size_t k = 0; k < N_LEAVES; k++) area += after.has[k];
        if (!CHECK(memcmp(&before, &after, sizeof before) == 0)) break;
        if (!CHECK(cell_set_is_normal(cells.at, cells.n))) break;
        if (!CHECK(cell_set_area(cells.at, cells.n) == area)) break;
    }
}

static void pushing_leaves_in_order_gives_the_same_set(void)
{
    struct rng rng = t_rng();

    for (int step = 0; step < t_steps(500); step++) {
        AUTO(u64_vec_done) struct u64_vec set = random_set(&rng), pushed = {0};
        struct flat_set flat = flatten(set.at, set.n);
        u64_vec_add(&pushed, 7);
        for (size_t k = 0; k < N_LEAVES; k++) {
            if (flat.has[k]) cell_set_push(&pushed, 1, leaf(k));
        }
        CHECK_INT(pushed.at[0], 7);
        if (!CHECK(pushed.n - 1 == set.n &&
                   (set.n == 0 || memcmp(pushed.at + 1, set.at, set.n * sizeof *set.at) == 0)))
            break;
    }
}

static void four_siblings_of_the_coarsest_level_stay(void)
{
    AUTO(u64_vec_done) struct u64_vec cells = {0};
    uint64_t parent = cell_parent(root, 3), lsb = cell_lsb(parent);

    for (int k = -3; k <= 3; k += 2) u64_vec_add(&cells, parent + (uint64_t)(k * (int64_t)(lsb / 4)));
    cell_set_normalise(&cells);
    CHECK_INT(cells.n, 4);
    CHECK(cell_set_is_normal(cells.at, cells.n));
    CHECK(cell_set_area(cells.at, cells.n) == UINT64_C(4) << 18);
}

static void meeting_and_containing_agree_with_leaves(void)
{
    struct rng rng = t_rng();

    for (int step = 0; step < t_steps(3000); step++) {
        AUTO(u64_vec_done) struct u64_vec a = random_set(&rng), b = random_set(&rng);
        struct flat_set flat_a = flatten(a.at, a.n), flat_b = flatten(b.at, b.n);
        bool meets = false, contains = true;
        for (size_t k = 0; k < N_LEAVES; k++) {
            meets = meets || (flat_a.has[k] && flat_b.has[k]);
            contains = contains && (flat_a.has[k] || !flat_b.has[k]);
        }
        if (!CHECK(cell_set_meets(a.at, a.n, b.at, b.n) == meets)) break;
        if (!CHECK(cell_set_meets(b.at, b.n, a.at, a.n) == meets)) break;
        if (!CHECK(cell_set_contains(a.at, a.n, b.at, b.n) == contains)) break;
        if (!CHECK(cell_set_contains(a.at, a.n, a.at, a.n))) break;
        if (!CHECK(cell_set_contains(a.at, a.n, a.at, a.n / 20))) break;
    }
}

static void what_is_not_normal_is_seen(void)
{
    uint64_t a = leaf(4), up = cell_parent(a, 12);
    const uint64_t family[] = {leaf(4), leaf(5), leaf(6), leaf(7)};

    CHECK(cell_set_is_normal(NULL, 0));
    CHECK(cell_set_is_normal(family, 3));
    CHECK(cell_set_is_normal(family + 1, 3));
    CHECK(!cell_set_is_normal(family, 4));
    CHECK(!cell_set_is_normal((uint64_t[]){leaf(5), leaf(4)}, 2));
    CHECK(!cell_set_is_normal((uint64_t[]){a, a}, 2));
    CHECK(!cell_set_is_normal((uint64_t[]){a, up}, 2));
    CHECK(!cell_set_is_normal((uint64_t[]){up, leaf(7)}, 2));
    CHECK(!cell_set_is_normal((uint64_t[]){0}, 1));
    CHECK(!cell_set_is_normal((uint64_t[]){cell_parent(root, 3)}, 1));
    CHECK(!cell_set_is_normal((uint64_t[]){cell_range_min(a)}, 1));
    CHECK(!cell_set_is_normal((uint64_t[]){a | UINT64_C(7) << 61}, 1));
}

static void coarsening_gives_a_small_superset(void)
{
    struct rng rng = t_rng();

    for (int step = 0; step < t_steps(2000); step++) {
        AUTO(u64_vec_done) struct u64_vec set = random_set(&rng), coarse = {0}, again = {0};
        size_t n_max = 1 + rng_below(&rng, set.n + 2);
        for (size_t k = 0; k < set.n; k++) {
            u64_vec_add(&coarse, set.at[k]);
            u64_vec_add(&again, set.at[k]);
        }
        if (!CHECK(cell_set_coarsen(&coarse, n_max))) break;
        if (!CHECK(coarse.n <= n_max && cell_set_is_normal(coarse.at, coarse.n))) break;
        if (!CHECK(cell_set_contains(coarse.at, coarse.n, set.at, set.n))) break;
        if (set.n <= n_max && !CHECK_INT(coarse.n, set.n)) break;
        CHECK(cell_set_coarsen(&again, n_max));
        if (!CHECK(again.n == coarse.n && (again.n == 0 || memcmp(again.at, coarse.at, again.n * 8) == 0)))
            break;
    }
}

static void coarsening_stops_at_the_coarsest_level(void)
{
    AUTO(u64_vec_done) struct u64_vec far = {0}, none = {0};

    u64_vec_add(&far, leaf(0));
    u64_vec_add(&far, leaf(0) + (UINT64_C(1) << 61));
    CHECK(!cell_set_coarsen(&far, 1));
    CHECK_INT(far.n, 2);
    CHECK_INT(cell_level(far.at[0]), CELL_LEVEL_MIN);
    CHECK(cell_set_coarsen(&none, 0));
}

static void the_example_in_the_format_is_true(void)
{
    const uint64_t cells[] = {UINT64_C(0x10000001) << 34, UINT64_C(0x10000003) << 34,
                              UINT64_C(0x1000000c) << 34};
    AUTO(buf_done) struct buf bytes = {0};

    CHECK(cell_set_is_normal(cells, 3));
    cell_set_encode(cells, 3, &bytes);
    CHECK_STR(buf_str(&bytes), STR("\x81\x80\x80\x80\x01\x01\x08"));
}

static void bytes_give_back_the_set(void)
{
    struct rng rng = t_rng();

    for (int step = 0; step < t_steps(2000); step++) {
        AUTO(u64_vec_done) struct u64_vec set = random_set(&rng), back = {0};
        AUTO(buf_done) struct buf bytes = {0};
        u64_vec_add(&back, 99);
        cell_set_encode(set.at, set.n, &bytes);
        if (!CHECK(cell_set_decode(buf_str(&bytes), set.n, &back))) break;
        if (!CHECK(back.n == set.n + 1 && back.at[0] == 99)) break;
        if (set.n && !CHECK(memcmp(back.at + 1, set.at, set.n * 8) == 0)) break;
        if (set.n && !CHECK(!cell_set_decode(buf_str(&bytes), set.n - 1, &back))) break;
        if (!CHECK_INT(back.n, set.n + 1)) break;
    }
}

static void bytes_that_are_read_are_the_only_ones(void)
{
    struct rng rng = t_rng();
    int n_read = 0;

    for (int step = 0; step < t_steps(20000); step++) {
        AUTO(u64_vec_done) struct u64_vec set = random_cells(&rng, rng_below(&rng, 12)), back = {0};
        AUTO(buf_done) struct buf bytes = {0}, again = {0};
        cell_set_normalise(&set);
        cell_set_encode(set.at, set.n, &bytes);
        for (uint64_t k = rng_below(&rng, 3); k-- > 0 && bytes.n > 0;)
            bytes.at[rng_below(&rng, bytes.n)] ^= (char)(1 << rng_below(&rng, 8));
        if (!cell_set_decode(buf_str(&bytes), 100, &back)) {
            CHECK_INT(back.n, 0);
            continue;
        }
        n_read++;
        if (!CHECK(cell_set_is_normal(back.at, back.n))) break;
        cell_set_encode(back.at, back.n, &again);
        if (!CHECK_STR(buf_str(&again), buf_str(&bytes))) break;
    }
    CHECK(n_read > 100);
}

static bool is_refused(const char *bytes, size_t n)
{
    AUTO(u64_vec_done) struct u64_vec cells = {0};
    return !cell_set_decode(str_make(bytes, n), 100, &cells);
}

#define REFUSED(text) CHECK(is_refused(text, sizeof(text) - 1))

static void bytes_of_no_set_are_refused(void)
{
    CHECK(!is_refused("", 0));
    CHECK(!is_refused("\x01", 1));         /* The very first level-13 cell. */
    REFUSED("\x00");                       /* No distance. */
    REFUSED("\x81\x00");                   /* Longer than it need be. */
    REFUSED("\x81");                       /* Cut. */
    REFUSED("\x81\x80\x80\x80\x80\x01");   /* Six bytes. */
    REFUSED("\x81\x80\x80\x80\x04");       /* Above 30 bits. */
    REFUSED("\x81\x80\x80\x80\x03");       /* Face 6. */
    REFUSED("\x02");                       /* No level. */
    REFUSED("\x80\x80\x40");               /* Level 3. */
    CHECK(!is_refused("\x80\x80\x10", 3)); /* Level 4. */
    REFUSED("\x01\x02");                   /* v = 4: a level-12 cell around the one before. */
    REFUSED("\x01\x01\x01\x01");           /* Four siblings. */
    CHECK(!is_refused("\x01\x01\x01", 3));
}

int main(void)
{
    RUN(normalising_keeps_the_same_leaves);
    RUN(pushing_leaves_in_order_gives_the_same_set);
    RUN(four_siblings_of_the_coarsest_level_stay);
    RUN(meeting_and_containing_agree_with_leaves);
    RUN(what_is_not_normal_is_seen);
    RUN(coarsening_gives_a_small_superset);
    RUN(coarsening_stops_at_the_coarsest_level);
    RUN(the_example_in_the_format_is_true);
    RUN(bytes_give_back_the_set);
    RUN(bytes_that_are_read_are_the_only_ones);
    RUN(bytes_of_no_set_are_refused);
    return t_done();
}
