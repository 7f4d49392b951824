/* test_ring.c - which outlines are accepted, and what is said of those that are not.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "geo/ring.h"

#include <stdlib.h>

#include "base/limits.h"
#include "base/mem.h"
#include "t.h"

#define P(...) ((const struct point[]){__VA_ARGS__}), sizeof((const struct point[]){__VA_ARGS__}) / sizeof(struct point)

static bool refuses(enum err want, const char *text, const struct point *at, size_t n)
{
    struct ring r;
    struct why why = {0};
    enum err err = ring_init(&r, at, n, LIMIT_AREA_KM2, &why);

    if (!err) ring_done(&r);
    if (err == want && strstr(why.text, text)) return true;
    printf("# %s: %s\n", err_name(err), why.text);
    return false;
}

static bool accepts(const struct point *at, size_t n)
{
    struct ring r;
    struct why why = {0};
    enum err err = ring_init(&r, at, n, LIMIT_AREA_KM2, &why);

    if (!err) {
        ring_done(&r);
        return true;
    }
    printf("# %s: %s\n", err_name(err), why.text);
    return false;
}

static void numbers_outside_the_earth_are_named(void)
{
    CHECK(refuses(ERR_INPUT, "vertex 1: latitude 91", P({0, 0}, {91, 0}, {0, 1})));
    CHECK(refuses(ERR_INPUT, "vertex 2: longitude", P({0, 0}, {1, 0}, {0, 180.0000001})));
    CHECK(refuses(ERR_INPUT, "vertex 0: latitude nan", P({NAN, 0}, {1, 0}, {0, 1})));
    CHECK(refuses(ERR_INPUT, "vertex 0: longitude nan", P({0, NAN}, {1, 0}, {0, 1})));
    CHECK(refuses(ERR_INPUT, "vertex 0: latitude inf", P({INFINITY, 0}, {1, 0}, {0, 1})));
    CHECK(refuses(ERR_INPUT, "vertex 0: longitude -inf", P({0, -INFINITY}, {1, 0}, {0, 1})));
    CHECK(refuses(ERR_INPUT, "vertex 0: latitude 1e+308", P({1e308, 0}, {1, 0}, {0, 1})));
    CHECK(accepts(P({-0.0, -0.0}, {0.1, 0}, {0, 0.1})));
}

static void the_number_of_vertices_is_checked_first(void)
{
    struct point *many = mem_calloc(LIMIT_VERTICES + 1, sizeof *many);

    CHECK(refuses(ERR_INPUT, "0 vertices", NULL, 0));
    CHECK(refuses(ERR_INPUT, "2 vertices", P({NAN, 0}, {1, 1})));
    CHECK(refuses(ERR_TOO_LARGE, "10001 vertices", many, LIMIT_VERTICES + 1));
    CHECK(refuses(ERR_INPUT, "vertex 9999 repeats vertex 0", many, LIMIT_VERTICES));
    mem_free(many);
}

static void repeated_vertices_are_refused_wherever_they_stand(void)
{
    CHECK(refuses(ERR_INPUT, "vertex 3 repeats vertex 0: leave it out", P({0, 0}, {0.1, 0}, {0, 0.1}, {0, 0})));
    CHECK(refuses(ERR_INPUT, "vertices 1 and 2 are the same", P({0, 0}, {0.1, 0}, {0.1, 0}, {0, 0.1})));
    CHECK(refuses(ERR_INPUT, "vertices 0 and 3 are the same",
                  P({0, 0}, {0.1, 0}, {0.1, 0.1}, {0, 0}, {-0.1, 0.1}, {-0.1, -0.1})));
    CHECK(refuses(ERR_INPUT, "vertices 0 and 1 are the same", P({1, 1}, {1, 1}, {1, 1})));
    CHECK(refuses(ERR_INPUT, "vertices 0 and 1 are the same", P({-0.0, 5}, {0.0, 5}, {1, 5})));
    /* A spike: there and back. */
    CHECK(refuses(ERR_INPUT, "vertices 1 and 3 are the same", P({0, 0}, {0, 0.1}, {0.1, 0.1}, {0, 0.1}, {-0.1, 0})));
}

static void one_place_written_twice_is_one_vertex_between_neighbours(void)
{
    CHECK(accepts(P({89.9, 0}, {90, 0}, {90, 90}, {89.9, 90})));
    CHECK(accepts(P({90, 90}, {89.9, 90}, {89.9, 0}, {90, 0})));
    CHECK(accepts(P({0, 179.9}, {0, 180}, {0, -180}, {0, -179.9}, {0.1, -179.9}, {0.1, 179.9})));
    CHECK(refuses(ERR_INPUT, "vertices 0 and 2 are the same", P({90, 0}, {89.9, 10}, {90, 20}, {89.9, 30})));
    CHECK(refuses(ERR_INPUT, "vertices 1 and 3 are the same", P({0, 179.9}, {0, 180}, {0.1, 179.9}, {0, -180}, {-0.1, 179.9})));
    CHECK(refuses(ERR_INPUT, "fewer than 3", P({90, 0}, {90, 10}, {90, 20})));
    CHECK(refuses(ERR_INPUT, "fewer than 3", P({90, 0}, {90, 10}, {89, 20})));
}

static void crossing_edges_are_named_with_the_size_of_the_crossing(void)
{
    CHECK(refuses(ERR_INPUT, "edges 0 and 2 cross", P({0, 0}, {0.1, 0.1}, {0.1, 0}, {0, 0.1})));
    /* 1e-8 degrees over the edge: 1.1 mm. */
    CHECK(refuses(ERR_INPUT, "edges 0 and 2 cross, by 1.11 mm",
                  P({0, 0}, {0, 0.1}, {0.05, 0.1}, {-1e-8, 0.05}, {0.05, 0})));
    CHECK(accepts(P({0, 0}, {0, 0.1}, {0.05, 0.1}, {1e-8, 0.05}, {0.05, 0})));
}

static void touching_edges_are_refused(void)
{
    /* A corner on an edge; the equator and its points are exact. */
    CHECK(refuses(ERR_INPUT, "touch", P({0, 0}, {0, 0.1}, {0.05, 0.1}, {0, 0.05}, {0.05, 0})));
    /* Edges along each other. */
    CHECK(refuses(ERR_INPUT, "touch", P({0, 0}, {0, 0.1}, {0.05, 0.1}, {0, 0.06}, {0, 0.04}, {0.05, 0})));
}

static void a_ring_on_one_great_circle_has_edges_only(void)
{
    CHECK(accepts(P({0, 0}, {0, 0.1}, {0, 0.05})));
    CHECK(accepts(P({0, 0}, {0, 0.1}, {0, 0.05}, {0, 0.2})));
    CHECK(accepts(P({10, 20}, {10.1, 20}, {10.05, 20}, {10.02, 20})));
    CHECK(accepts(P({47, 8}, {47.0000000000001, 8}, {47, 8.0000000000001})));
    CHECK(refuses(ERR_INPUT, "vertices 0 and 2 are the same", P({0, 0}, {0, 0.1}, {0, 0}, {0, 0.2})));
}

static void opposite_points_have_no_shortest_path(void)
{
    CHECK(refuses(ERR_INPUT, "edge 0 joins opposite points", P({0, 0}, {0, 180}, {1, 1})));
    CHECK(refuses(ERR_INPUT, "edge 2 joins opposite points", P({90, 0}, {10, 10}, {-90, 0})));
    CHECK(refuses(ERR_INPUT, "edge 1 joins opposite points", P({10, 10}, {40, 20}, {-40, -160}, {1, 1})));
}

static void large_rings_are_refused(void)
{
    CHECK(refuses(ERR_TOO_LARGE, "at most 2500", P({47, 8}, {47, 9}, {48, 9}, {48, 8})));
    CHECK(refuses(ERR_TOO_LARGE, "further than 30 degrees", P({0, 0}, {0, 120}, {0, -120})));
    CHECK(refuses(ERR_TOO_LARGE, "further than 30 degrees", P({-80, 0}, {-80, 120}, {80, 0})));
    CHECK(refuses(ERR_TOO_LARGE, "at most 2500", P({32.6, -96.6}, {32.8, -157}, {32.8, -96.6})));
    CHECK(accepts(P({32.5941, -96.8723}, {32.5941, -96.6023}, {32.8241, -96.6023}, {32.8241, -96.8723})));
}

static bool is_near(double a, double b, double by)
{
    if (fabs(a - b) <= by) return true;
    printf("# %.17g, %.17g\n", a, b);
    return false;
}

static double area(const struct point *at, size_t n)
{
    struct ring r;
    double km2;

    if (ring_init(&r, at, n, 0, NULL) != OK) return -1;
    km2 = ring_area_km2(&r);
    ring_done(&r);
    return km2;
}

static void areas_are_those_of_the_sphere(void)
{
    /* Triangles with two right angles: a degree of longitude from equator to pole has 1/720 of the sphere. */
    CHECK(is_near(area(P({0, 0}, {0, 10}, {30, 0})), area(P({0, -10}, {0, 0}, {-30, 0})), 1e-6));
    /* A cap around the pole by many corners. */
    struct point cap[200];
    for (int k = 0; k < 200; k++) cap[k] = (struct point){80, k * 1.8 - 180};
    double full = EARTH_KM2 / 2 * (1 - sin(80 * M_PI / 180));
    CHECK(is_near(area(cap, 200) / full, 1, 2e-4));
    /* A small square, by length times width. */
    double side = 0.001 * M_PI / 180;
    CHECK(is_near(area(P({0, 0}, {0, 0.001}, {0.001, 0.001}, {0.001, 0})) / (side * side * EARTH_KM2 / (4 * M_PI)), 1, 1e-9));
}

static void the_limit_of_area_is_met_to_a_millionth(void)
{
    double low = 0.1, high = 1;
    struct ring r;

    for (int k = 0; k < 60; k++) {
        double mid = (low + high) / 2;
        const struct point box[] = {{-mid / 2, 0}, {-mid / 2, mid}, {mid / 2, mid}, {mid / 2, 0}};
        if (ring_init(&r, box, 4, LIMIT_AREA_KM2, NULL) == OK) {
            ring_done(&r);
            low = mid;
        } else {
            high = mid;
        }
    }
    CHECK(is_near(area(P({-low / 2, 0}, {-low / 2, low}, {low / 2, low}, {low / 2, 0})), LIMIT_AREA_KM2, 1e-6));
}

/* Corners far apart joined by 5,000 thin teeth, one of which pierces its neighbour. */
static void one_crossing_among_ten_thousand_edges_is_found(void)
{
    struct point *comb = mem_calloc(LIMIT_VERTICES, sizeof *comb);
    struct why why = {0};
    struct ring r;
    size_t n = 0;

    comb[n++] = (struct point){46.9, 8};
    comb[n++] = (struct point){46.9, 8.2};
    for (int k = 9997; k >= 0; k--) comb[n++] = (struct point){k % 4 < 2 ? 47.3 : 47, 8 + 0.2 * k / 9998};
    CHECK(accepts(comb, n));
    comb[5000].lng -= 0.00005;
    CHECK_INT(ring_init(&r, comb, n, 0, &why), ERR_INPUT);
    CHECK(strstr(why.text, "cross, by ") != NULL);
    mem_free(comb);
}

static void a_ring_of_many_points_needs_heap_and_gives_it_back(void)
{
    struct point cap[RING_FEW + 1];
    struct ring r = {0};

    ring_done(&r);
    for (int k = 0; k <= RING_FEW; k++) cap[k] = (struct point){89.9, k * 10};
    CHECK_INT(ring_init(&r, cap, RING_FEW + 1, 0, NULL), ERR_INPUT); /* 190 and on are outside. */
    for (int k = 0; k <= RING_FEW; k++) cap[k].lng -= 170;
    CHECK_INT(ring_init(&r, cap, RING_FEW + 1, 0, NULL), OK);
    CHECK(r.at != r.few_at);
    ring_done(&r);
    CHECK(ring_init(&r, cap, RING_FEW, 0, NULL) == OK && r.at == r.few_at);
    ring_done(&r);
}

int main(void)
{
    RUN(numbers_outside_the_earth_are_named);
    RUN(the_number_of_vertices_is_checked_first);
    RUN(repeated_vertices_are_refused_wherever_they_stand);
    RUN(one_place_written_twice_is_one_vertex_between_neighbours);
    RUN(crossing_edges_are_named_with_the_size_of_the_crossing);
    RUN(touching_edges_are_refused);
    RUN(a_ring_on_one_great_circle_has_edges_only);
    RUN(opposite_points_have_no_shortest_path);
    RUN(large_rings_are_refused);
    RUN(areas_are_those_of_the_sphere);
    RUN(the_limit_of_area_is_met_to_a_millionth);
    RUN(one_crossing_among_ten_thousand_edges_is_found);
    RUN(a_ring_of_many_points_needs_heap_and_gives_it_back);
    return t_done();
}
