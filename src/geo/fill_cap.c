/* fill_cap.c - the cells of a cap: the points of the sphere within an angle of its centre.
 * SPDX-License-Identifier: Apache-2.0
 *
 * In a face's axes the centre is c and a point of the face q = (1, u, v). The sine of the angle between them is
 * |c x q| / |q|, that from c to the great circle u = t is (c.y - t c.x) / sqrt(1 + t^2): sines keep the precision of caps of
 * a millimetre, which cosines lose. Angles are at most RING_REACH, so sines grow with them.
 */
#include "cell/set.h"
#include "geo/fill_internal.h"

#define ROUNDING 1e-15 /* More than what the products here can be off. */

struct cap {
    struct vec3 c; /* In the axes of the face at hand. */
    double sin2;   /* Squared sine of the angle, with room for rounding. */
    struct u64_vec *cells;
    size_t from, n_max;
};

static bool has_point(const struct cap *cap, double u, double v)
{
    struct vec3 q = {1, u, v}, x = vec3_cross(cap->c, q);
    return vec3_dot(cap->c, q) > 0 && vec3_dot(x, x) <= cap->sin2 * vec3_dot(q, q);
}

/* Whether the part v0..v1 of the line u = t comes near enough between its ends; c.y is along u, c.z along v. */
static bool meets_line(const struct cap *cap, double t, double cu, double cv, double v0, double v1)
{
    double d = cu - t * cap->c.x, norm2 = 1 + t * t, x;

    if (d * d > cap->sin2 * norm2) return false;
    x = cap->c.x + d * t / norm2; /* The nearest point of the line is at (x, x t, cv). */
    return x > 0 && cv >= v0 * x && cv <= v1 * x;
}

enum where { OUTSIDE, PARTLY, INSIDE };

static enum where locate(const struct cap *cap, const struct rect *r)
{
    int n_in = has_point(cap, r->u0, r->v0) + has_point(cap, r->u0, r->v1) +
               has_point(cap, r->u1, r->v0) + has_point(cap, r->u1, r->v1);
    struct vec3 c = cap->c;

    if (n_in == 4) return INSIDE; /* A cap is convex. */
    if (n_in > 0) return PARTLY;
    if (c.x > 0 && c.y >= r->u0 * c.x && c.y <= r->u1 * c.x && c.z >= r->v0 * c.x && c.z <= r->v1 * c.x)
        return PARTLY;
    if (meets_line(cap, r->u0, c.y, c.z, r->v0, r->v1) || meets_line(cap, r->u1, c.y, c.z, r->v0, r->v1) ||
        meets_line(cap, r->v0, c.z, c.y, r->u0, r->u1) || meets_line(cap, r->v1, c.z, c.y, r->u0, r->u1))
        return PARTLY;
    return OUTSIDE;
}

static enum err visit(struct cap *cap, const struct square *s, struct why *why)
{
    struct rect r = s2_rect(s);
    enum where where = locate(cap, &r);

    if (where == OUTSIDE) return OK;
    if (s->level < CELL_LEVEL && (where == PARTLY || s->level < CELL_LEVEL_MIN)) {
        for (int k = 0; k < 4; k++) {
            struct square child = s2_child(s, k);
            TRY(visit(cap, &child, why));
        }
        return OK;
    }
    cell_set_push(cap->cells, cap->from, s->id);
    if (cap->cells->n - cap->from > cap->n_max + FILL_PENDING)
        return fail(why, ERR_TOO_LARGE, "circle covers more than %zu cells", cap->n_max);
    return OK;
}

/* The values t for which the line u = t (cu along u) touches the cap: its least and greatest u. */
static void find_span(const struct cap *cap, double cu, double *ret_low, double *ret_high)
{
    double x = cap->c.x, a = x * x - cap->sin2, root = x * x + cu * cu - cap->sin2;

    *ret_low = -1;
    *ret_high = 1;
    if (x <= 0 || a <= 1e-3) return; /* Reaches the horizon of the face, or nearly: no bound. */
    root = sqrt(cap->sin2 * fmax(root, 0));
    *ret_low = (x * cu - root) / a - ROUNDING * 10;
    *ret_high = (x * cu + root) / a + ROUNDING * 10;
}

static enum err fill_face(struct cap *cap, int face, bool *ret_whole, struct why *why)
{
    struct rect box;
    struct square start[4];
    size_t n;

    find_span(cap, cap->c.y, &box.u0, &box.u1);
    find_span(cap, cap->c.z, &box.v0, &box.v1);
    *ret_whole = box.u0 > -1 && box.u1 < 1 && box.v0 > -1 && box.v1 < 1;
    n = fill_start(face, box, start);
    for (size_t k = 0; k < n; k++) TRY(visit(cap, &start[k], why));
    return OK;
}

static enum err fill_faces(struct cap *cap, struct vec3 centre, struct why *why)
{
    int first = s2_face(centre);
    bool is_whole;

    cap->c = s2_to_face(first, centre);
    TRY(fill_face(cap, first, &is_whole, why));
    if (is_whole) return OK;
    cap->cells->n = cap->from; /* Ids ascend with faces: once more in order. */
    for (int face = 0; face < 6; face++) {
        cap->c = s2_to_face(face, centre);
        TRY(fill_face(cap, face, &is_whole, why));
    }
    return OK;
}

enum err fill_cap(struct vec3 centre, double angle, size_t n_max, struct u64_vec *ret_cells,
                  struct why *why)
{
    double sine = sin(angle) + ROUNDING;
    struct cap cap = {.sin2 = sine * sine, .cells = ret_cells, .from = ret_cells->n, .n_max = n_max};
    enum err err = fill_faces(&cap, centre, why);

    if (!err && ret_cells->n - cap.from > n_max)
        err = fail(why, ERR_TOO_LARGE, "circle covers more than %zu cells", n_max);
    if (err) ret_cells->n = cap.from;
    return err;
}
