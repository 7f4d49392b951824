/* test_plane.c - the sweep against all pairs of edges, and points inside against each other.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "geo/plane.h"

#include "t.h"

#define MOST 120

static bool on(struct flat a, struct flat b, struct flat p)
{
    return flat_side(a, b, p) == 0 && (p.x - a.x) * (p.x - b.x) + (p.y - a.y) * (p.y - b.y) <= 0;
}

static bool edges_meet(const struct flat *ring, size_t n, size_t e, size_t f)
{
    struct flat a = ring[e], b = ring[(e + 1) % n], c = ring[f], d = ring[(f + 1) % n];
    return (flat_side(a, b, c) * flat_side(a, b, d) < 0 && flat_side(c, d, a) * flat_side(c, d, b) < 0) ||
           on(a, b, c) || on(a, b, d) || on(c, d, a) || on(c, d, b);
}

static bool any_pair_meets(const struct flat *ring, size_t n)
{
    for (size_t a = 0; a < n; a++) {
        for (size_t b = a + 2; b < n; b++) {
            if ((b + 1) % n != a && edges_meet(ring, n, a, b)) return true;
        }
    }
    return false;
}

/* Different random points of a small grid, so that much is in line. */
static size_t random_ring(struct rng *rng, struct flat *ring)
{
    size_t n = 25 + rng_below(rng, 60);
    int64_t size = 9 + (int64_t)rng_below(rng, 40);

    for (size_t k = 0; k < n;) {
        struct flat p = {rng_between(rng, 0, size), rng_between(rng, 0, size)};
        bool is_new = true;
        for (size_t i = 0; i < k; i++) is_new = is_new && !flat_same(p, ring[i]);
        if (is_new) ring[k++] = p;
    }
    return n;
}

/* Takes crossings out by turning what lies between two edges round, as long as that helps. */
static bool untangle(struct flat *ring, size_t n)
{
    for (int round = 0; round < 4000; round++) {
        bool found = false;
        for (size_t a = 0; a < n && !found; a++) {
            for (size_t b = a + 2; b < n && !found; b++) {
                if ((b + 1) % n == a || !edges_meet(ring, n, a, b)) continue;
                found = true;
                for (size_t i = a + 1, k = b; i < k; i++, k--) {
                    struct flat p = ring[i];
                    ring[i] = ring[k];
                    ring[k] = p;
                }
            }
        }
        if (!found) return true;
    }
    return false;
}

static bool sweep_agrees(const struct flat *ring, size_t n)
{
    struct pair found = {0};
    bool crosses = plane_crossing(ring, n, &found);

    if (!CHECK(crosses == any_pair_meets(ring, n))) return false;
    return !crosses || (CHECK(found.a < found.b && found.b < n) && CHECK(edges_meet(ring, n, found.a, found.b)) &&
                        CHECK(found.b - found.a > 1 && (found.b + 1) % n != found.a));
}

static void the_sweep_finds_what_all_pairs_find(void)
{
    struct rng rng = t_rng();
    int n_simple = 0;

    for (int step = 0; step < t_steps(1500); step++) {
        struct flat ring[MOST], moved[MOST];
        size_t n = random_ring(&rng, ring);
        if (!sweep_agrees(ring, n)) return;
        if (!untangle(ring, n)) continue;
        n_simple++;
        if (!sweep_agrees(ring, n)) return;
        for (int k = 0; k < 30; k++) { /* One point elsewhere: mostly one touch or crossing. */
            struct pair points;
            size_t at = rng_below(&rng, n);
            memcpy(moved, ring, sizeof moved);
            moved[at].x += rng_between(&rng, -3, 3);
            moved[at].y += rng_between(&rng, -3, 3);
            if (plane_same_points(moved, n, &points)) continue;
            if (!sweep_agrees(moved, n)) return;
        }
    }
    CHECK(n_simple > 100 || t_steps(1500) < 1000);
}

static void repeated_points_are_found_in_small_and_large_rings(void)
{
    struct rng rng = t_rng();

    for (int step = 0; step < 200; step++) {
        struct flat ring[MOST];
        size_t n = random_ring(&rng, ring), a, b;
        struct pair pair;
        if (step % 2) n = 10;
        if (!CHECK(!plane_same_points(ring, n, &pair))) return;
        a = rng_below(&rng, n);
        b = (a + 1 + rng_below(&rng, n - 1)) % n;
        ring[a] = ring[b];
        if (!CHECK(plane_same_points(ring, n, &pair))) return;
        CHECK_INT(pair.a, a < b ? a : b);
        CHECK_INT(pair.b, a < b ? b : a);
    }
}

/* Also with all points in line with edges and corners. */
static void ways_between_points_agree_with_inside_and_outside(void)
{
    struct rng rng = t_rng();

    for (int step = 0; step < t_steps(300); step++) {
        struct flat ring[MOST];
        size_t n = random_ring(&rng, ring); /* Crossings do no harm: the rule is even-odd. */
        for (int k = 0; k < 200; k++) {
            struct flat p = {rng_between(&rng, -1, 20), rng_between(&rng, -1, 20)};
            struct flat q = {rng_between(&rng, -1, 20), rng_between(&rng, -1, 20)};
            bool is_odd = false;
            for (size_t i = 0; i < n; i++) is_odd ^= plane_parts(p, q, ring[i], ring[(i + 1) % n]);
            if (!CHECK(is_odd == (plane_inside(ring, n, p) != plane_inside(ring, n, q)))) return;
        }
    }
}

static void inside_is_what_a_square_says(void)
{
    const struct flat square[] = {{0, 0}, {10, 0}, {10, 10}, {0, 10}};

    CHECK(plane_inside(square, 4, (struct flat){5, 5}));
    CHECK(!plane_inside(square, 4, (struct flat){15, 5}));
    CHECK(!plane_inside(square, 4, (struct flat){-5, 5}));
    CHECK(!plane_inside(square, 4, (struct flat){5, 11}));
    CHECK(plane_inside(square, 4, (struct flat){0, 0})); /* Moved right and up. */
    CHECK(!plane_inside(square, 4, (struct flat){10, 5}));
    CHECK(!plane_inside(square, 4, (struct flat){5, 10}));
}

static void sides_are_exact_at_the_edge_of_the_range(void)
{
    int64_t far = (INT64_C(1) << 61) - 1;
    struct flat a = {-far, -far}, b = {far, far};

    CHECK_INT(flat_side(a, b, (struct flat){0, 0}), 0);
    CHECK_INT(flat_side(a, b, (struct flat){0, 1}), 1);
    CHECK_INT(flat_side(a, b, (struct flat){1, 0}), -1);
    CHECK_INT(flat_side(a, b, (struct flat){far - 1, far}), 1);
    CHECK_INT(flat_side(a, b, (struct flat){-far, -far + 1}), 1);
}

static void touching_is_told_from_crossing(void)
{
    const struct flat bow[] = {{0, 0}, {4, 4}, {4, 0}, {0, 4}};
    const struct flat touch[] = {{0, 0}, {4, 0}, {4, 4}, {2, 0}, {0, 4}};
    struct pair pair;

    CHECK(plane_crossing(bow, 4, &pair) && !plane_only_touch(bow, 4, pair));
    CHECK(plane_crossing(touch, 5, &pair) && plane_only_touch(touch, 5, pair));
    CHECK_INT(pair.a, 0);
    CHECK(pair.b == 2 || pair.b == 3);
}

int main(void)
{
    RUN(the_sweep_finds_what_all_pairs_find);
    RUN(repeated_points_are_found_in_small_and_large_rings);
    RUN(ways_between_points_agree_with_inside_and_outside);
    RUN(inside_is_what_a_square_says);
    RUN(sides_are_exact_at_the_edge_of_the_range);
    RUN(touching_is_told_from_crossing);
    return t_done();
}
