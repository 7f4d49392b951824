/* prop_cover.c - what must hold for the covering of any outline: nothing missed, little added, whatever the order.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdlib.h>

#include "cell/id.h"
#include "cell/set.h"
#include "geo/cover.h"
#include "geo/geodesic.h"
#include "shape.h"
#include "t.h"

#define EARTH_M 6371010.0
#define DIAGONAL_M 1950 /* Of a level-13 cell: 1.90 km at most. */
#define MOST 400

static const struct cover_limits many = {.n_cells = 100000};

/* A shape that is accepted, with its coverings. */
struct sample {
    struct point ring[MOST];
    struct vec3 at[MOST];
    size_t n;
    struct u64_vec safe, dss;
};

static bool sample_next(struct rng *rng, int step, struct sample *ret_sample)
{
    struct sample *s = ret_sample;

    s->n = shape_random(rng, (enum shape_kind)(step % SHAPE_KINDS), s->ring);
    u64_vec_clear(&s->safe);
    u64_vec_clear(&s->dss);
    if (cover_polygon(s->ring, s->n, COVER_DSS, &many, &s->dss, NULL)) return false;
    CHECK_INT(cover_polygon(s->ring, s->n, COVER_SAFE, &many, &s->safe, NULL), OK);
    for (size_t k = 0; k < s->n; k++) s->at[k] = s2_point(s->ring[k]);
    return true;
}

static void sample_done(struct sample *s)
{
    u64_vec_done(&s->safe);
    u64_vec_done(&s->dss);
}

static bool has(const struct u64_vec *cells, struct vec3 p)
{
    uint64_t cell = s2_cell_at(p, CELL_LEVEL);
    return cell_set_contains(cells->at, cells->n, &cell, 1);
}

/* How often the ring goes around p, from the angles at which its edges are seen. */
static double winding(const struct sample *s, struct vec3 p)
{
    double sum = 0;

    for (size_t k = 0; k < s->n; k++) {
        struct vec3 a = vec3_cross(p, vec3_sub(s->at[k], p)), b = vec3_cross(p, vec3_sub(s->at[(k + 1) % s->n], p));
        sum += atan2(vec3_dot(p, vec3_cross(a, b)), vec3_dot(a, b));
    }
    return sum / (2 * M_PI);
}

/* Radians from p to the nearest point of the outline. */
static double distance(const struct sample *s, struct vec3 p)
{
    double least = 4;

    for (size_t k = 0; k < s->n; k++) {
        struct vec3 a = s->at[k], b = s->at[(k + 1) % s->n], way = vec3_sub(b, a), off = vec3_sub(p, a);
        double length2 = vec3_dot(way, way), t = length2 > 0 ? vec3_dot(off, way) / length2 : 0;
        struct vec3 q = vec3_add(a, vec3_scale(t < 0 ? 0 : t > 1 ? 1 : t, way)), d = vec3_sub(p, q);
        double chord = sqrt(vec3_dot(d, d)); /* To the chord of the edge: short edges, so near enough. */
        if (chord < least) least = chord;
    }
    return least;
}

static void nothing_of_the_outline_or_its_inside_is_missed(void)
{
    struct rng rng = t_rng();
    struct sample s = {0};

    for (int step = 0; step < t_steps(9000); step++) {
        bool ok = true;
        if (!sample_next(&rng, step, &s)) continue;
        for (size_t k = 0; k < s.n; k++) ok = ok && has(&s.dss, s.at[k]) && has(&s.safe, s.at[k]);
        if (!CHECK(ok)) break;
        for (int k = 0; k < 40; k++) {
            struct vec3 a = s.at[rng_below(&rng, s.n)], b = s.at[rng_below(&rng, s.n)], c = s.at[rng_below(&rng, s.n)];
            double f = rng_unit(&rng), g = rng_unit(&rng) * (1 - f);
            struct vec3 p = vec3_unit(vec3_add(vec3_scale(f, a), vec3_add(vec3_scale(g, b), vec3_scale(1 - f - g, c))));
            if (fabs(winding(&s, p)) < 0.5 || distance(&s, p) < 1e-13) continue;
            ok = ok && has(&s.dss, p) && has(&s.safe, p);
        }
        if (!CHECK(ok)) break;
    }
    sample_done(&s);
}

static void geodesic_edges_are_covered_in_safe_mode(void)
{
    struct rng rng = t_rng();
    struct sample s = {0};

    for (int step = 0; step < t_steps(6000); step++) {
        size_t k;
        double length, azimuth;
        bool ok = true;
        if (!sample_next(&rng, step, &s)) continue;
        k = rng_below(&rng, s.n);
        if (!geodesic_inverse(s.ring[k], s.ring[(k + 1) % s.n], &length, &azimuth)) continue;
        if (length < 1) continue; /* Vincenty's own error. */
        for (int i = 0; i < 30; i++)
            ok = ok && has(&s.safe, s2_point(geodesic_direct(s.ring[k], azimuth, length * rng_unit(&rng), NULL)));
        if (!CHECK(ok)) break;
    }
    sample_done(&s);
}

/* Long edges, where geodesics leave great circles by hundreds of metres. */
static void long_geodesic_edges_are_covered_too(void)
{
    struct rng rng = t_rng();
    int n_other = 0;

    for (int step = 0; step < t_steps(300); step++) {
        struct point a = s2_degrees(shape_random_point(&rng)), ring[3];
        double azimuth = 360 * rng_unit(&rng), length = 500e3 + 2500e3 * rng_unit(&rng);
        AUTO(u64_vec_done) struct u64_vec safe = {0}, dss = {0};
        bool ok = true;
        ring[0] = a;
        ring[1] = geodesic_direct(a, azimuth, length, NULL);
        ring[2] = geodesic_direct(a, azimuth + 0.01, length, NULL);
        if (cover_polygon(ring, 3, COVER_SAFE, &many, &safe, NULL)) continue;
        CHECK_INT(cover_polygon(ring, 3, COVER_DSS, &many, &dss, NULL), OK);
        CHECK(cell_set_contains(safe.at, safe.n, dss.at, dss.n));
        for (int i = 0; i < 200; i++) {
            struct vec3 p = s2_point(geodesic_direct(a, azimuth, length * rng_unit(&rng), NULL));
            ok = ok && has(&safe, p);
            n_other += !has(&dss, p);
        }
        if (!CHECK(ok)) break;
    }
    CHECK(n_other > 0); /* Great circles alone would have missed some. */
}

static void every_cell_is_near_the_shape(void)
{
    struct rng rng = t_rng();
    struct sample s = {0};

    for (int step = 0; step < t_steps(3000); step++) {
        bool ok = true;
        if (!sample_next(&rng, step, &s)) continue;
        if (!CHECK(cell_set_is_normal(s.safe.at, s.safe.n))) break;
        for (size_t k = 0; k < s.safe.n && k < 100; k++) {
            struct square q = s2_square_of(s.safe.at[k]);
            struct rect r = s2_rect(&q);
            struct vec3 middle = vec3_unit(s2_from_face(q.face, (struct vec3){1, (r.u0 + r.u1) / 2, (r.v0 + r.v1) / 2}));
            double reach = DIAGONAL_M / 2 / EARTH_M * (1 << (CELL_LEVEL - q.level)) + 1e-6;
            ok = ok && (distance(&s, middle) <= reach || fabs(winding(&s, middle)) > 0.5);
        }
        if (!CHECK(ok)) break;
    }
    sample_done(&s);
}

/* Whether each level-13 cell of the covering comes within angle, as far as its size shows. */
static bool all_near(const struct u64_vec *cells, struct vec3 centre, double angle)
{
    const uint64_t step = UINT64_C(2) << 34;

    for (size_t k = 0; k < cells->n; k++) {
        uint64_t end = cell_range_max(cells->at[k]);
        for (uint64_t c = cell_range_min(cells->at[k]) + (step / 2 - 1); c < end; c += step) {
            struct square q = s2_square_of(c);
            struct rect r = s2_rect(&q);
            struct vec3 middle = vec3_unit(s2_from_face(q.face, (struct vec3){1, (r.u0 + r.u1) / 2, (r.v0 + r.v1) / 2}));
            struct vec3 way = vec3_sub(middle, centre);
            if (2 * asin(sqrt(vec3_dot(way, way)) / 2) > angle + DIAGONAL_M / 2 / EARTH_M) return false;
        }
    }
    return true;
}

static bool is_same(const struct u64_vec *a, const struct u64_vec *b)
{
    return a->n == b->n && (a->n == 0 || memcmp(a->at, b->at, a->n * sizeof *a->at) == 0);
}

static void neither_the_first_vertex_nor_the_winding_matters(void)
{
    struct rng rng = t_rng();
    struct sample s = {0};

    for (int step = 0; step < t_steps(9000); step++) {
        struct point turned[MOST];
        AUTO(u64_vec_done) struct u64_vec dss = {0}, safe = {0};
        size_t by;
        bool is_reversed = rng_below(&rng, 2);
        if (!sample_next(&rng, step, &s)) continue;
        by = rng_below(&rng, s.n);
        for (size_t k = 0; k < s.n; k++) turned[k] = s.ring[(by + (is_reversed ? s.n - k : k)) % s.n];
        CHECK_INT(cover_polygon(turned, s.n, COVER_DSS, &many, &dss, NULL), OK);
        CHECK_INT(cover_polygon(turned, s.n, COVER_SAFE, &many, &safe, NULL), OK);
        if (!CHECK(is_same(&dss, &s.dss) && is_same(&safe, &s.safe))) break;
    }
    sample_done(&s);
}

static void circles_cover_all_that_is_within_their_radius(void)
{
    struct rng rng = t_rng();

    for (int step = 0; step < t_steps(9000); step++) {
        AUTO(u64_vec_done) struct u64_vec safe = {0}, dss = {0};
        struct point c = s2_degrees(shape_random_point(&rng));
        double radius = pow(10, -3 + 7.4 * rng_unit(&rng));
        bool ok = true;
        if (step % 5 == 0) c.lat = step % 2 ? 89.9999 : -90;
        if (step % 7 == 0) c = s2_degrees(vec3_unit(s2_from_face(step % 6, (struct vec3){1, 1, 2 * rng_unit(&rng) - 1})));
        CHECK_INT(cover_circle(c, radius, COVER_SAFE, NULL, &safe, NULL), OK);
        CHECK_INT(cover_circle(c, radius, COVER_DSS, NULL, &dss, NULL), OK);
        if (!CHECK(cell_set_is_normal(safe.at, safe.n) && cell_set_contains(safe.at, safe.n, dss.at, dss.n))) break;
        if (!CHECK(step % 10 || all_near(&safe, s2_point(c), radius / GEODESIC_RADIUS_MIN))) break;
        for (int k = 0; k < 40; k++) {
            double r = k % 2 ? radius : radius * sqrt(rng_unit(&rng));
            ok = ok && has(&safe, s2_point(geodesic_direct(c, 360 * rng_unit(&rng), r, NULL)));
        }
        if (!CHECK(ok)) break;
    }
}

int main(void)
{
    RUN(nothing_of_the_outline_or_its_inside_is_missed);
    RUN(geodesic_edges_are_covered_in_safe_mode);
    RUN(long_geodesic_edges_are_covered_too);
    RUN(every_cell_is_near_the_shape);
    RUN(neither_the_first_vertex_nor_the_winding_matters);
    RUN(circles_cover_all_that_is_within_their_radius);
    return t_done();
}
