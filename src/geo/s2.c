/* s2.c - where S2 cells lie on the sphere.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "geo/s2.h"

#include "cell/id.h"

#define SWAP 1
#define INVERT 2

/* By turn and place along the curve: 2 * i + j of the child, and what its turn is xored with. */
static const uint8_t curve_ij[4][4] = {{0, 1, 3, 2}, {0, 2, 3, 1}, {3, 2, 0, 1}, {3, 1, 0, 2}};
static const uint8_t curve_turn[4] = {SWAP, 0, 0, SWAP | INVERT};

/* The inverse of curve_ij. */
static const uint8_t curve_place[4][4] = {{0, 1, 3, 2}, {0, 3, 1, 2}, {2, 3, 1, 0}, {2, 1, 3, 0}};

struct vec3 s2_point(struct point p)
{
    double phi = (M_PI / 180) * p.lat, theta = (M_PI / 180) * p.lng;
    double cos_phi = cos(phi);
    return (struct vec3){cos(theta) * cos_phi, sin(theta) * cos_phi, sin(phi)};
}

struct point s2_degrees(struct vec3 p)
{
    return (struct point){(180 / M_PI) * atan2(p.z, sqrt(p.x * p.x + p.y * p.y)),
                          (180 / M_PI) * atan2(p.y, p.x)};
}

int s2_face(struct vec3 p)
{
    double x = fabs(p.x), y = fabs(p.y), z = fabs(p.z);

    if (x > y) return x > z ? (p.x < 0 ? 3 : 0) : (p.z < 0 ? 5 : 2);
    return y > z ? (p.y < 0 ? 4 : 1) : (p.z < 0 ? 5 : 2);
}

struct vec3 s2_to_face(int face, struct vec3 p)
{
    switch (face) {
    case 0:
        return p;
    case 1:
        return (struct vec3){p.y, -p.x, p.z};
    case 2:
        return (struct vec3){p.z, -p.x, -p.y};
    case 3:
        return (struct vec3){-p.x, -p.z, -p.y};
    case 4:
        return (struct vec3){-p.y, -p.z, p.x};
    default:
        return (struct vec3){-p.z, p.y, p.x};
    }
}

struct vec3 s2_from_face(int face, struct vec3 q)
{
    switch (face) {
    case 0:
        return q;
    case 1:
        return (struct vec3){-q.y, q.x, q.z};
    case 2:
        return (struct vec3){-q.y, -q.z, q.x};
    case 3:
        return (struct vec3){-q.x, -q.z, -q.y};
    case 4:
        return (struct vec3){q.z, -q.x, -q.y};
    default:
        return (struct vec3){q.z, q.y, -q.x};
    }
}

struct square s2_square(int face, int level, uint32_t i, uint32_t j)
{
    uint64_t place = 0;
    int turn = face & SWAP;

    for (int k = level - 1; k >= 0; k--) {
        int step = curve_place[turn][2 * (i >> k & 1) + (j >> k & 1)];
        place = place << 2 | (uint64_t)step;
        turn ^= curve_turn[step];
    }
    return (struct square){.id = (uint64_t)face << 61 | (2 * place + 1) << (60 - 2 * level),
                           .i = i,
                           .j = j,
                           .face = face,
                           .level = level,
                           .turn = turn};
}

struct square s2_child(const struct square *s, int k)
{
    int ij = curve_ij[s->turn][k];

    return (struct square){.id = s->id + (uint64_t)(2 * k - 3) * (cell_lsb(s->id) >> 2),
                           .i = 2 * s->i + (uint32_t)(ij >> 1),
                           .j = 2 * s->j + (uint32_t)(ij & 1),
                           .face = s->face,
                           .level = s->level + 1,
                           .turn = s->turn ^ curve_turn[k]};
}

struct square s2_square_of(uint64_t id)
{
    int level = cell_level(id);
    struct square s = {.id = (id >> 61 << 61) | UINT64_C(1) << 60, .face = (int)(id >> 61)};

    s.turn = s.face & SWAP;
    while (s.level < level) s = s2_child(&s, (int)(id >> (59 - 2 * s.level) & 3));
    return s;
}

uint64_t s2_cell_at(struct vec3 p, int level)
{
    int face = s2_face(p);
    struct vec3 q = s2_to_face(face, p);
    double size = ldexp(1, 30);
    double i = floor(size * s2_uv_to_st(q.y / q.x)), j = floor(size * s2_uv_to_st(q.z / q.x));

    i = fmin(fmax(i, 0), size - 1);
    j = fmin(fmax(j, 0), size - 1);
    return s2_square(face, level, (uint32_t)i >> (30 - level), (uint32_t)j >> (30 - level)).id;
}

struct rect s2_rect(const struct square *s)
{
    double size = 1.0 / (double)(UINT32_C(1) << s->level);

    return (struct rect){s2_st_to_uv(size * s->i), s2_st_to_uv(size * (s->i + 1.0)),
                         s2_st_to_uv(size * s->j), s2_st_to_uv(size * (s->j + 1.0))};
}
