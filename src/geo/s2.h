/* s2.h - where S2 cells lie on the sphere: faces, their coordinates, the curve that numbers cells.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The unit sphere is projected on the six faces of the cube around it. A face has three systems of coordinates:
 *
 *     u, v  -1..1  on the cube's face; great circles are straight lines
 *     s, t   0..1  bent by a quadratic, so that cells of a level are of similar size
 *     i, j   0..2^level - 1, s and t in whole cells of a level
 *
 * The numbers and formulas are those of google/s2geometry (s2coords.h, s2cell_id.cc); arithmetic is in the same order,
 * so that the same doubles come out. Latitudes are taken as they are: geodetic degrees on a sphere.
 */
#ifndef GEO_S2_H
#define GEO_S2_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>

#include "geo/point.h"

struct vec3 {
    double x, y, z;
};

static inline double vec3_dot(struct vec3 a, struct vec3 b)
{
    return a.x * b.x + a.y * b.y + a.z * b.z;
}

static inline struct vec3 vec3_cross(struct vec3 a, struct vec3 b)
{
    return (struct vec3){a.y * b.z - a.z * b.y, a.z * b.x - a.x * b.z, a.x * b.y - a.y * b.x};
}

static inline struct vec3 vec3_sub(struct vec3 a, struct vec3 b)
{
    return (struct vec3){a.x - b.x, a.y - b.y, a.z - b.z};
}

static inline struct vec3 vec3_add(struct vec3 a, struct vec3 b)
{
    return (struct vec3){a.x + b.x, a.y + b.y, a.z + b.z};
}

static inline struct vec3 vec3_scale(double f, struct vec3 a)
{
    return (struct vec3){f * a.x, f * a.y, f * a.z};
}

static inline struct vec3 vec3_unit(struct vec3 a) /* The zero vector stays. */
{
    double norm = sqrt(vec3_dot(a, a));
    return norm > 0 ? vec3_scale(1 / norm, a) : a;
}

struct vec3 s2_point(struct point p); /* On the unit sphere. */
struct point s2_degrees(struct vec3 p);

int s2_face(struct vec3 p); /* Of the largest component; ties as libs2 breaks them. */

/* p in the face's axes: x out of the face, y along u, z along v; u = y / x, v = z / x if x > 0. And back. */
struct vec3 s2_to_face(int face, struct vec3 p);
struct vec3 s2_from_face(int face, struct vec3 q);

static inline double s2_st_to_uv(double s)
{
    return s >= 0.5 ? (1 / 3.) * (4 * s * s - 1) : (1 / 3.) * (1 - 4 * (1 - s) * (1 - s));
}

static inline double s2_uv_to_st(double u)
{
    return u >= 0 ? 0.5 * sqrt(1 + 3 * u) : 1 - 0.5 * sqrt(1 - 3 * u);
}

/* A cell as a square of its face. */
struct square {
    uint64_t id;
    uint32_t i, j; /* 0..2^level - 1 */
    int face, level;
    int turn; /* How the curve runs through it: bit 0 axes swapped, bit 1 inverted. */
};

struct square s2_square(int face, int level, uint32_t i, uint32_t j);
struct square s2_square_of(uint64_t id);                /* A valid cell. */
struct square s2_child(const struct square *s, int k);  /* k-th along the curve, 0..3: ids ascend. */
uint64_t s2_cell_at(struct vec3 p, int level);          /* The cell that a point lies in. */

struct rect {
    double u0, u1, v0, v1;
};

struct rect s2_rect(const struct square *s); /* Its uv rectangle, closed. */

#endif
