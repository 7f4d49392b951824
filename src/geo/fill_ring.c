/* fill_ring.c - the cells of a checked ring.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Two geometries are at work. Whether an edge meets a square is decided on the cube's face, in doubles, with libs2's
 * tolerance, so that the same cells come out. Whether a square without edges is inside is decided in the ring's plane,
 * exactly: the way from the middle of the square around it crosses some of that square's edges, an odd number or not.
 * Every answer follows from one that was right before, so no rounding can turn a part of the sphere inside out.
 */
#include "base/limits.h"
#include "cell/set.h"
#include "geo/fill_internal.h"

/* Tests of an edge against a square, at most: 20 ms for the largest ring. Edges 50 km long need 180 each. */
#define WORK_EACH 200
#define WORK_MORE (1000 * 1000)
#define BORDER 1e-13 /* In u and v: what is nearer to the face's border may touch the next face. */

/* An edge on a face: its line is the points q with n.(q - a) = 0. */
struct side {
    double au, av, nu, nv;
    struct rect box;
    struct flat from, to; /* In the ring's plane. */
};

struct filling {
    const struct ring *ring;
    struct side *sides; /* Those on the face at hand. */
    size_t n_sides;
    double pad;
    struct u64_vec *cells;
    size_t from;  /* cells->n at the beginning */
    size_t n_max;
    size_t work;
};

/* A point whose side is known. */
struct known {
    struct flat at;
    bool is_flat; /* at is set; if not, the point is out of the plane's reach and outside. */
    bool is_inside;
};

static bool meets(const struct side *e, const struct rect *r)
{
    double u, v, high, low;

    if (e->box.u0 > r->u1 || e->box.u1 < r->u0 || e->box.v0 > r->v1 || e->box.v1 < r->v0) return false;
    /* Not all four corners on one side of the line: the two furthest along the normal tell. */
    u = e->nu >= 0 ? r->u1 : r->u0;
    v = e->nv >= 0 ? r->v1 : r->v0;
    high = e->nu * (u - e->au) + e->nv * (v - e->av);
    u = e->nu >= 0 ? r->u0 : r->u1;
    v = e->nv >= 0 ? r->v0 : r->v1;
    low = e->nu * (u - e->au) + e->nv * (v - e->av);
    return high >= 0 && low <= 0;
}

static struct known know(const struct filling *f, const struct square *s, const struct rect *r,
                         const struct known *near, const uint16_t *sides, size_t n)
{
    struct vec3 middle = {1, 0.5 * (r->u0 + r->u1), 0.5 * (r->v0 + r->v1)};
    struct known k = {.is_flat = ring_flat(f->ring, s2_from_face(s->face, middle), &k.at)};

    if (!k.is_flat) return k;
    if (!near || !near->is_flat) {
        k.is_inside = plane_inside(f->ring->flat, f->ring->n, k.at);
        return k;
    }
    k.is_inside = near->is_inside;
    for (size_t i = 0; i < n; i++) {
        const struct side *e = &f->sides[sides[i]];
        if (plane_parts(near->at, k.at, e->from, e->to)) k.is_inside = !k.is_inside;
    }
    return k;
}

/* Cells of s. sides[0..n) are those that meet the square around it, whose middle is near (NULL: there is none); spare
 * has room for n numbers a level. */
static enum err visit(struct filling *f, const struct square *s, const struct known *near,
                      const uint16_t *sides, size_t n, uint16_t *spare, struct why *why)
{
    struct rect r = s2_rect(s);
    struct rect wide = {r.u0 - f->pad, r.u1 + f->pad, r.v0 - f->pad, r.v1 + f->pad};
    struct known here;
    size_t n_here = 0;

    f->work += n;
    if (f->work > WORK_MORE + WORK_EACH * f->ring->n)
        return fail(why, ERR_TOO_LARGE, "polygon has too many long edges close together");
    for (size_t i = 0; i < n; i++) {
        if (!meets(&f->sides[sides[i]], &wide)) continue;
        spare[n_here++] = sides[i];
        if (s->level == CELL_LEVEL) break;
    }
    if (n_here == 0 || s->level < CELL_LEVEL) here = know(f, s, &r, near, sides, n);
    if (s->level == CELL_LEVEL || (n_here == 0 && (s->level >= CELL_LEVEL_MIN || !here.is_inside))) {
        if (n_here == 0 && !here.is_inside) return OK;
        cell_set_push(f->cells, f->from, s->id);
        if (f->cells->n - f->from > f->n_max + FILL_PENDING)
            return fail(why, ERR_TOO_LARGE, "polygon covers more than %zu cells", f->n_max);
        return OK;
    }
    for (int k = 0; k < 4; k++) {
        struct square child = s2_child(s, k);
        TRY(visit(f, &child, &here, spare, n_here, spare + n_here, why));
    }
    return OK;
}

/* The part of the chord from a to b, in face coordinates, that is over the face and pad around it. */
static bool clip(struct vec3 *a, struct vec3 *b, double pad)
{
    double begin = 0, end = 1, wide = 1 + pad;
    struct vec3 d = vec3_sub(*b, *a), from = *a;
    const double at[4] = {wide * a->x - a->y, wide * a->x + a->y, wide * a->x - a->z, wide * a->x + a->z};
    const double by[4] = {wide * d.x - d.y, wide * d.x + d.y, wide * d.x - d.z, wide * d.x + d.z};

    for (int k = 0; k < 4; k++) { /* at + t * by >= 0 */
        if (at[k] < 0 && at[k] + by[k] < 0) return false;
        if (at[k] < 0)
            begin = fmax(begin, at[k] / -by[k]);
        else if (at[k] + by[k] < 0)
            end = fmin(end, at[k] / -by[k]);
    }
    if (begin > end) return false;
    if (begin > 0) *a = vec3_add(from, vec3_scale(begin, d));
    if (end < 1) *b = vec3_add(from, vec3_scale(end, d));
    return a->x > 0 && b->x > 0;
}

static void add_side(struct filling *f, struct vec3 a, struct vec3 b, size_t edge)
{
    const struct ring *r = f->ring;
    double au = a.y / a.x, av = a.z / a.x, bu = b.y / b.x, bv = b.z / b.x;
    double nu = -(bv - av), nv = bu - au, norm = sqrt(nu * nu + nv * nv);

    if (norm > 0) {
        norm = 1 / norm;
        nu *= norm;
        nv *= norm;
    }
    f->sides[f->n_sides++] =
        (struct side){.au = au,
                      .av = av,
                      .nu = nu,
                      .nv = nv,
                      .box = {au < bu ? au : bu, au < bu ? bu : au, av < bv ? av : bv, av < bv ? bv : av},
                      .from = r->flat[edge],
                      .to = r->flat[edge + 1 < r->n ? edge + 1 : 0]};
}

/* The edges on a face; returns the box around them, grown by pad. */
static struct rect take_sides(struct filling *f, int face)
{
    const struct ring *r = f->ring;
    struct rect box = {2, -2, 2, -2};

    f->n_sides = 0;
    for (size_t k = 0; k < r->n; k++) {
        struct vec3 a = s2_to_face(face, r->at[k]);
        struct vec3 b = s2_to_face(face, r->at[k + 1 < r->n ? k + 1 : 0]);
        const struct rect *side;
        if (!clip(&a, &b, f->pad)) continue;
        add_side(f, a, b, k);
        side = &f->sides[f->n_sides - 1].box;
        if (side->u0 < box.u0) box.u0 = side->u0;
        if (side->u1 > box.u1) box.u1 = side->u1;
        if (side->v0 < box.v0) box.v0 = side->v0;
        if (side->v1 > box.v1) box.v1 = side->v1;
    }
    return (struct rect){box.u0 - f->pad, box.u1 + f->pad, box.v0 - f->pad, box.v1 + f->pad};
}

/* One face; ret_whole: the ring is on this face alone. spare: room for 15 * n numbers. */
static enum err fill_face(struct filling *f, int face, uint16_t *spare, bool *ret_whole, struct why *why)
{
    struct rect box = take_sides(f, face);
    const double inner = 1 - BORDER;
    struct square start[4];
    size_t n;

    *ret_whole = false;
    if (f->n_sides == 0) return OK;
    *ret_whole = box.u0 > -inner && box.u1 < inner && box.v0 > -inner && box.v1 < inner;
    n = fill_start(face, box, start);
    for (size_t k = 0; k < f->n_sides; k++) spare[k] = (uint16_t)k;
    for (size_t k = 0; k < n; k++)
        TRY(visit(f, &start[k], NULL, spare, f->n_sides, spare + f->n_sides, why));
    return OK;
}

static enum err fill_faces(struct filling *f, uint16_t *spare, struct why *why)
{
    int first = s2_face(f->ring->at[0]);
    bool is_whole;

    TRY(fill_face(f, first, spare, &is_whole, why));
    if (is_whole) return OK;
    f->cells->n = f->from; /* Ids ascend with faces: once more in order. */
    for (int face = 0; face < 6; face++) TRY(fill_face(f, face, spare, &is_whole, why));
    return OK;
}

enum err fill_ring(const struct ring *r, double pad, size_t n_max, struct u64_vec *ret_cells,
                   struct why *why)
{
    struct side few_sides[RING_FEW];
    uint16_t few_spare[RING_FEW * (CELL_LEVEL + 2)];
    AUTO(mem_auto) struct side *sides = NULL;
    AUTO(mem_auto) uint16_t *spare = NULL;
    struct filling f = {.ring = r, .sides = few_sides, .pad = pad, .cells = ret_cells,
                        .from = ret_cells->n, .n_max = n_max};
    enum err err;

    if (r->n > RING_FEW) {
        f.sides = sides = mem_alloc(r->n * sizeof *sides);
        spare = mem_alloc(r->n * (CELL_LEVEL + 2) * sizeof *spare);
    }
    err = fill_faces(&f, spare ? spare : few_spare, why);
    if (!err && ret_cells->n - f.from > n_max)
        err = fail(why, ERR_TOO_LARGE, "polygon covers more than %zu cells", n_max);
    if (err) ret_cells->n = f.from;
    return err;
}
