/* oracle_cover.c - coverings against libs2, cell for cell: STEPS random polygons (default 100,000) and circles.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdlib.h>

#include "cell/id.h"
#include "cell/set.h"
#include "geo/cover.h"
#include "oracle_s2.h"
#include "shape.h"
#include "t.h"

static const char *const kind_names[] = {"anywhere", "pole", "date line", "face edge", "cell corners",
                                         "sliver", "tiny", "box", "dense"};

/* The level-13 cells that a normalised set names. */
static struct u64_vec flatten(const struct u64_vec *set)
{
    struct u64_vec flat = {0};
    const uint64_t step = UINT64_C(2) << 34;

    for (size_t i = 0; i < set->n; i++) {
        uint64_t end = cell_range_max(set->at[i]);
        for (uint64_t c = cell_range_min(set->at[i]) + (step / 2 - 1); c < end; c += step) u64_vec_add(&flat, c);
    }
    return flat;
}

static bool is_same(const struct u64_vec *set, const uint64_t *cells, size_t n)
{
    AUTO(u64_vec_done) struct u64_vec flat = flatten(set);
    return flat.n == n && (n == 0 || memcmp(flat.at, cells, n * sizeof *cells) == 0);
}

static void print_ring(const struct point *ring, size_t n)
{
    for (size_t k = 0; k < n && k < 12; k++) printf("# %.17g,%.17g\n", ring[k].lat, ring[k].lng);
}

struct count {
    int same, both_refuse, only_we, only_s2, differ, area;
};

static void compare(const struct point *ring, size_t n, struct count *count)
{
    AUTO(u64_vec_done) struct u64_vec cells = {0}, safe = {0};
    const struct cover_limits limits = {.n_cells = 1000000};
    uint64_t *want = NULL;
    size_t n_want;
    double area;
    struct why why;
    bool theirs = oracle_polygon(&ring[0].lat, n, &want, &n_want, &area);
    bool ours = cover_polygon(ring, n, COVER_DSS, &limits, &cells, &why) == OK;

    if (ours && theirs) {
        bool same = is_same(&cells, want, n_want) && cell_set_is_normal(cells.at, cells.n);
        *(same ? &count->same : &count->differ) += 1;
        if (!CHECK(same)) print_ring(ring, n);
        CHECK(cover_polygon(ring, n, COVER_SAFE, &limits, &safe, &why) == OK);
        CHECK(cell_set_contains(safe.at, safe.n, cells.at, cells.n));
    } else {
        *(ours ? &count->only_s2 : theirs ? &count->only_we : &count->both_refuse) += 1;
        if (ours != theirs && getenv("VERBOSE")) {
            printf("# %s refuses: %s\n", ours ? "libs2" : "clearline", ours ? "" : why.text);
            print_ring(ring, n);
        }
    }
    free(want);
}

static void polygons_are_covered_as_by_libs2(void)
{
    struct rng rng = t_rng();
    int steps = t_steps(100000);
    struct count counts[SHAPE_KINDS] = {0};

    for (int step = 0; step < steps; step++) {
        struct point ring[400];
        enum shape_kind kind = (enum shape_kind)(step % SHAPE_KINDS);
        size_t n = shape_random(&rng, kind, ring);
        compare(ring, n, &counts[kind]);
    }
    for (int k = 0; k < SHAPE_KINDS; k++) {
        const struct count *c = &counts[k];
        printf("# %-12s same %6d  different %d  both refuse %d  only we refuse %d  only libs2 refuses %d\n",
               kind_names[k], c->same, c->differ, c->both_refuse, c->only_we, c->only_s2);
    }
}

static void circles_are_covered_as_by_libs2_and_in_full(void)
{
    struct rng rng = t_rng();
    int steps = t_steps(100000) / 10, same = 0;

    for (int step = 0; step < steps; step++) {
        AUTO(u64_vec_done) struct u64_vec dss = {0}, safe = {0}, flat = {0};
        struct point c = s2_degrees(shape_random_point(&rng));
        double r = pow(10, -2 + 6.4 * rng_unit(&rng));
        uint64_t *want;
        size_t n_want;
        if (step % 5 == 0) c.lat = step % 2 ? 90 : -89.999;
        if (step % 7 == 0) c.lng = 180;
        oracle_circle(c.lat, c.lng, r, 20, &want, &n_want);
        CHECK(cover_circle(c, r, COVER_DSS, NULL, &dss, NULL) == OK);
        CHECK(cover_circle(c, r, COVER_SAFE, NULL, &safe, NULL) == OK);
        if (CHECK(is_same(&dss, want, n_want)))
            same++;
        else
            printf("# %.17g,%.17g radius %.17g\n", c.lat, c.lng, r);
        CHECK(cell_set_contains(safe.at, safe.n, dss.at, dss.n));
        /* No cell too many: each level-13 cell comes as near as the cap reaches. */
        flat = flatten(&safe);
        for (size_t k = 0; k < flat.n; k++) {
            if (!CHECK(oracle_cell_distance(flat.at[k], c.lat, c.lng) <= r / 6335439 + 1e-8)) break;
        }
        free(want);
    }
    printf("# circles: same %d of %d\n", same, steps);
}

int main(void)
{
    RUN(polygons_are_covered_as_by_libs2);
    RUN(circles_are_covered_as_by_libs2_and_in_full);
    return t_done();
}
