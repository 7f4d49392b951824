/* shape.c - random outlines for tests of coverings.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "shape.h"

#define METRE (1 / 6371010.0)

struct vec3 shape_random_point(struct rng *rng)
{
    double z = 2 * rng_unit(rng) - 1, turn = 2 * M_PI * rng_unit(rng), r = sqrt(1 - z * z);
    return (struct vec3){r * cos(turn), r * sin(turn), z};
}

struct vec3 shape_away(struct vec3 centre, double angle, double turn)
{
    struct vec3 axis = fabs(centre.x) < 0.6 ? (struct vec3){1, 0, 0} : (struct vec3){0, 1, 0};
    struct vec3 east = vec3_unit(vec3_cross(axis, centre)), north = vec3_cross(centre, east);
    struct vec3 side = vec3_add(vec3_scale(cos(turn), east), vec3_scale(sin(turn), north));
    return vec3_unit(vec3_add(vec3_scale(cos(angle), centre), vec3_scale(sin(angle), side)));
}

/* A size between low and high, as often at each scale. */
static double random_size(struct rng *rng, double low, double high)
{
    return low * pow(high / low, rng_unit(rng));
}

static size_t star(struct rng *rng, struct vec3 centre, double radius, size_t n, struct point *ret_ring)
{
    double rough = rng_unit(rng) * 0.9, begin = rng_unit(rng) * 2 * M_PI;

    for (size_t k = 0; k < n; k++) {
        double turn = begin + 2 * M_PI * ((double)k + rng_unit(rng) * 0.8) / (double)n;
        ret_ring[k] = s2_degrees(shape_away(centre, radius * (1 - rough * rng_unit(rng)), turn));
    }
    return n;
}

static double clamp_lng(double lng)
{
    return lng > 180 ? lng - 360 : lng < -180 ? lng + 360 : lng;
}

static size_t box(struct rng *rng, struct point *ret_ring)
{
    static const double round[] = {0, 0, 45, -45, 90, -90, 180, -180, 35.264389682754654};
    bool is_round = rng_below(rng, 2) == 0;
    double lat = is_round ? round[rng_below(rng, 3)] : -88 + 176 * rng_unit(rng);
    double lng = is_round ? round[rng_below(rng, 8)] : -180 + 360 * rng_unit(rng);
    double high = random_size(rng, 1e-6, 0.2), wide = random_size(rng, 1e-6, 0.2);
    double north = lat + high, east = lng + wide;

    if (rng_below(rng, 2)) {
        lat -= high;
        lng -= wide;
    }
    ret_ring[0] = (struct point){lat, clamp_lng(lng)};
    ret_ring[1] = (struct point){lat, clamp_lng(east)};
    ret_ring[2] = (struct point){north, clamp_lng(east)};
    ret_ring[3] = (struct point){north, clamp_lng(lng)};
    return 4;
}

/* A box or triangle of cell corners near a random point, often at a corner of a large cell. */
static size_t cells(struct rng *rng, struct point *ret_ring)
{
    int level = 9 + (int)rng_below(rng, 5), skip = (int)rng_below(rng, 4);
    uint32_t size = 1U << level, wide = 1 + (uint32_t)rng_below(rng, 3), grid = 1U << rng_below(rng, 10);
    uint32_t i = (uint32_t)rng_below(rng, size - 3), j = (uint32_t)rng_below(rng, size - 3);
    int face = (int)rng_below(rng, 6);
    size_t n = 0;

    if (grid < size) {
        i -= i % grid;
        j -= j % grid;
    }
    for (int k = 0; k < 4; k++) {
        struct square s = {.face = face, .level = level,
                           .i = i + (k == 1 || k == 2 ? wide : 0), .j = j + (k >= 2 ? wide : 0)};
        struct rect r = s2_rect(&s);
        if (rng_below(rng, 3) == 0 && k == skip) continue;
        ret_ring[n++] = s2_degrees(s2_from_face(face, (struct vec3){1, r.u0, r.v0}));
    }
    return n;
}

size_t shape_random(struct rng *rng, enum shape_kind kind, struct point ret_ring[400])
{
    struct vec3 centre = shape_random_point(rng);
    size_t few = 3 + rng_below(rng, rng_below(rng, 2) ? 4 : 38);

    switch (kind) {
    case SHAPE_POLE: {
        struct vec3 pole = {0, 0, rng_below(rng, 2) ? 1 : -1};
        double radius = random_size(rng, 1, 25e3) * METRE;
        centre = shape_away(pole, radius * 1.5 * rng_unit(rng), 2 * M_PI * rng_unit(rng));
        size_t n = star(rng, centre, radius, few, ret_ring);
        if (rng_below(rng, 4) == 0) ret_ring[0] = (struct point){90 * pole.z, ret_ring[0].lng};
        return n;
    }
    case SHAPE_DATE_LINE:
        centre = vec3_unit((struct vec3){-sqrt(1 - centre.z * centre.z), 1e-4 * centre.y, centre.z});
        return star(rng, centre, random_size(rng, 1, 25e3) * METRE, few, ret_ring);
    case SHAPE_FACE_EDGE: {
        double other = rng_below(rng, 3) ? 2 * rng_unit(rng) - 1 : 1;
        struct vec3 q = {1, rng_below(rng, 2) ? 1 : -1, other};
        double radius = random_size(rng, 1, 25e3) * METRE;
        centre = vec3_unit(s2_from_face((int)rng_below(rng, 6), q));
        return star(rng, shape_away(centre, radius * rng_unit(rng), 6 * rng_unit(rng)), radius, few, ret_ring);
    }
    case SHAPE_CELL:
        return cells(rng, ret_ring);
    case SHAPE_SLIVER: {
        double length = random_size(rng, 100, 100e3) * METRE, turn = 7 * rng_unit(rng);
        double wide = length * random_size(rng, 1e-8, 1e-2);
        struct vec3 far = shape_away(centre, length, turn);
        ret_ring[0] = s2_degrees(centre);
        ret_ring[1] = s2_degrees(far);
        ret_ring[2] = s2_degrees(shape_away(far, wide, 7 * rng_unit(rng)));
        return 3;
    }
    case SHAPE_TINY:
        return star(rng, centre, random_size(rng, 1e-9, 1e-3) * METRE, 3 + rng_below(rng, 5), ret_ring);
    case SHAPE_BOX:
        return box(rng, ret_ring);
    case SHAPE_DENSE:
        return star(rng, centre, random_size(rng, 10, 25e3) * METRE, 40 + rng_below(rng, 361), ret_ring);
    default:
        return star(rng, centre, random_size(rng, 1, 27e3) * METRE, few, ret_ring);
    }
}
