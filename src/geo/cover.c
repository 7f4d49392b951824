/* cover.c - the cells that a polygon or circle on the earth covers.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "geo/cover.h"

#include <math.h>

#include "base/limits.h"
#include "geo/fill.h"
#include "geo/geodesic.h"

#define GON 20 /* InterUSS covers circles as regular polygons of so many corners. */

static const struct cover_limits no_limits;

static size_t cells_max(const struct cover_limits *limits)
{
    return limits->n_cells ? limits->n_cells : LIMIT_CELLS;
}

/* An angle in u and v: at a face's corner 1 + u^2 + v^2 = 3 times as much, and a little for the way there. */
static double pad_of(double angle)
{
    return FILL_PAD_S2 + 3.01 * angle;
}

enum err cover_polygon(const struct point *ring, size_t n, enum cover_mode mode,
                       const struct cover_limits *limits, struct u64_vec *ret_cells, struct why *why)
{
    struct ring r;
    double pad = FILL_PAD_S2;
    enum err err;

    if (!limits) limits = &no_limits;
    TRY(ring_init(&r, ring, n, limits->area_km2, why));
    if (mode == COVER_SAFE) pad = pad_of(geodesic_deviation(ring_longest_edge(&r)));
    err = fill_ring(&r, pad, cells_max(limits), ret_cells, why);
    ring_done(&r);
    return err;
}

/* Corners of the regular polygon in a circle, where libs2 puts them (s2pointutil.cc, s2loop.cc). */
static void find_corners(struct vec3 z, double angle, struct vec3 ret_corners[GON])
{
    double radius = sin(angle), height = cos(angle);
    struct vec3 other = {0.012, 0.0053, 0.00457}, x, y;

    switch (s2_face(z) % 3) { /* The largest component; the one before it becomes 1. */
    case 0:
        other.z = 1;
        break;
    case 1:
        other.x = 1;
        break;
    default:
        other.y = 1;
    }
    y = vec3_unit(vec3_cross(z, other));
    x = vec3_cross(y, z);
    for (int k = 0; k < GON; k++) {
        double turn = 2 * M_PI / GON * k, p = radius * cos(turn), q = radius * sin(turn);
        ret_corners[k] = vec3_unit((struct vec3){p * x.x + q * y.x + height * z.x,
                                                 p * x.y + q * y.y + height * z.y,
                                                 p * x.z + q * y.z + height * z.z});
    }
}

static enum err cover_gon(struct vec3 centre, double radius_m, size_t n_max, struct u64_vec *ret_cells,
                          struct why *why)
{
    struct ring r;
    struct vec3 corners[GON];
    enum err err;

    find_corners(centre, radius_m / EARTH_M, corners);
    ring_init_unchecked(&r, centre, corners, GON);
    err = fill_ring(&r, FILL_PAD_S2, n_max, ret_cells, why);
    ring_done(&r);
    return err;
}

enum err cover_circle(struct point centre, double radius_m, enum cover_mode mode,
                      const struct cover_limits *limits, struct u64_vec *ret_cells, struct why *why)
{
    struct vec3 c;
    double angle, area;

    if (!limits) limits = &no_limits;
    TRY(ring_check_point(centre, "centre", 0, why));
    if (!(radius_m > 0 && radius_m <= 1e300))
        return fail(why, ERR_INPUT, "radius %g m: more than 0 is needed", radius_m);
    angle = radius_m / GEODESIC_RADIUS_MIN + 1e-12;
    if (angle > RING_REACH * M_PI / 180)
        return fail(why, ERR_TOO_LARGE, "circle of %.4g km: at most %.0f", radius_m / 1000,
                    GEODESIC_RADIUS_MIN * RING_REACH * M_PI / 180 / 1000);
    area = EARTH_KM2 * pow(sin(radius_m / EARTH_M / 2), 2);
    if (limits->area_km2 > 0 && area > limits->area_km2)
        return fail(why, ERR_TOO_LARGE, "circle of %.0f km2: at most %.0f", area, limits->area_km2);
    c = s2_point(centre);
    if (mode == COVER_DSS) return cover_gon(c, radius_m, cells_max(limits), ret_cells, why);
    return fill_cap(c, angle, cells_max(limits), ret_cells, why);
}
