/* ring.c - a polygon's outline, checked.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "geo/ring.h"

#include "base/limits.h"
#include "base/mem.h"

#define UNIT 0x1p57      /* Of the plane in one earth radius. */
#define THIN 4e-15       /* 25 nm: narrower rings have no inside. */
#define ANTIPODAL 1e-9   /* Radians from exactly opposite, 6 mm. */
#define FLAT_FAR 0.05    /* Cosine of 87 degrees. */
#define STERADIAN_KM2 (EARTH_KM2 / (4 * M_PI))

enum err ring_check_point(struct point p, const char *what, size_t k, struct why *why)
{
    if (!(p.lat >= -90 && p.lat <= 90))
        return fail(why, ERR_INPUT, "%s %zu: latitude %g is outside -90..90", what, k, p.lat);
    if (!(p.lng >= -180 && p.lng <= 180))
        return fail(why, ERR_INPUT, "%s %zu: longitude %g is outside -180..180", what, k, p.lng);
    return OK;
}

static bool is_same_place(struct point a, struct point b)
{
    if (a.lat != b.lat) return false;
    return a.lng == b.lng || fabs(a.lat) == 90 || (fabs(a.lng) == 180 && fabs(b.lng) == 180);
}

static bool is_same_text(struct point a, struct point b)
{
    return a.lat == b.lat && a.lng == b.lng;
}

/* One way to write each place. libs2 does not: there 180 and -180 are 1 nm apart. */
static struct vec3 place(struct point p)
{
    if (fabs(p.lat) == 90) return (struct vec3){0, 0, p.lat > 0 ? 1 : -1};
    if (p.lng == -180) p.lng = 180;
    return s2_point(p);
}

static void allocate(struct ring *r, size_t n)
{
    if (n <= RING_FEW) {
        r->at = r->few_at;
        r->flat = r->few_flat;
        r->number = r->few_number;
    } else {
        r->at = mem_alloc(n * (sizeof *r->at + sizeof *r->flat + sizeof *r->number));
        r->flat = (struct flat *)(void *)(r->at + n);
        r->number = (uint16_t *)(void *)(r->flat + n);
    }
}

void ring_done(struct ring *r)
{
    if (r->at != r->few_at) mem_free(r->at);
    r->at = NULL;
}

/* Fills at and number: neighbours at the same place, written differently, count once. */
static enum err copy_points(struct ring *r, const struct point *at, size_t n, struct why *why)
{
    size_t first = 0;

    /* The end of the ring joins its beginning. */
    while (first + 1 < n && is_same_place(at[n - 1], at[first]) && !is_same_text(at[n - 1], at[first]))
        first++;
    r->n = 0;
    for (size_t k = first; k < n; k++) {
        if (k > first && is_same_place(at[k - 1], at[k])) {
            if (!is_same_text(at[k - 1], at[k])) continue;
            return fail(why, ERR_INPUT, "vertices %zu and %zu are the same", k - 1, k);
        }
        r->at[r->n] = place(at[k]);
        r->number[r->n++] = (uint16_t)k;
    }
    if (r->n < 3) return fail(why, ERR_INPUT, "fewer than 3 different vertices");
    return OK;
}

static enum err check_points(const struct point *at, size_t n, struct why *why)
{
    if (n < 3) return fail(why, ERR_INPUT, "%zu vertices: a polygon has at least 3", n);
    if (n > LIMIT_VERTICES)
        return fail(why, ERR_TOO_LARGE, "%zu vertices: at most %d", n, LIMIT_VERTICES);
    for (size_t k = 0; k < n; k++) TRY(ring_check_point(at[k], "vertex", k, why));
    if (n > 3 && is_same_text(at[0], at[n - 1]))
        return fail(why, ERR_INPUT,
                    "vertex %zu repeats vertex 0: leave it out, polygons close themselves", n - 1);
    return OK;
}

static struct plane plane_at(struct vec3 out)
{
    double x = fabs(out.x), y = fabs(out.y), z = fabs(out.z);
    struct vec3 axis = {0};
    struct plane p = {.out = out};

    if (x <= y && x <= z)
        axis.x = 1;
    else if (y <= z)
        axis.y = 1;
    else
        axis.z = 1;
    p.east = vec3_unit(vec3_cross(axis, out));
    p.north = vec3_cross(out, p.east);
    return p;
}

/* The middle of the box around all points: it does not depend on which is first. */
static enum err find_plane(struct ring *r, struct why *why)
{
    struct vec3 low = r->at[0], high = r->at[0], middle;

    for (size_t k = 1; k < r->n; k++) {
        struct vec3 p = r->at[k];
        if (p.x < low.x) low.x = p.x;
        if (p.x > high.x) high.x = p.x;
        if (p.y < low.y) low.y = p.y;
        if (p.y > high.y) high.y = p.y;
        if (p.z < low.z) low.z = p.z;
        if (p.z > high.z) high.z = p.z;
    }
    middle = vec3_scale(0.5, vec3_add(low, high));
    if (vec3_dot(middle, middle) < 0.25)
        return fail(why, ERR_TOO_LARGE, "polygon reaches further than %g degrees from its middle",
                    RING_REACH);
    r->plane = plane_at(vec3_unit(middle));
    return OK;
}

/* Differences from the middle keep the precision of tiny rings. */
static double flat_points(struct ring *r)
{
    struct vec3 out = r->plane.out;
    double least = 1;

    for (size_t k = 0; k < r->n; k++) {
        struct vec3 d = vec3_sub(r->at[k], out);
        double w = 1 + vec3_dot(out, d), to_flat = UNIT / w;
        if (w < least) least = w;
        if (w < 0.5) return w;
        r->flat[k].x = (int64_t)(vec3_dot(r->plane.east, d) * to_flat);
        r->flat[k].y = (int64_t)(vec3_dot(r->plane.north, d) * to_flat);
    }
    return least;
}

bool ring_flat(const struct ring *r, struct vec3 q, struct flat *ret_flat)
{
    double w = vec3_dot(r->plane.out, q), to_flat;

    if (w * w < FLAT_FAR * FLAT_FAR * vec3_dot(q, q) || w <= 0) return false;
    to_flat = UNIT / w;
    ret_flat->x = (int64_t)(vec3_dot(r->plane.east, q) * to_flat);
    ret_flat->y = (int64_t)(vec3_dot(r->plane.north, q) * to_flat);
    return true;
}

static enum err check_antipodes(const struct ring *r, struct why *why)
{
    for (size_t k = 0; k < r->n; k++) {
        struct vec3 sum = vec3_add(r->at[k], r->at[k + 1 < r->n ? k + 1 : 0]);
        if (vec3_dot(sum, sum) < ANTIPODAL * ANTIPODAL)
            return fail(why, ERR_INPUT, "edge %d joins opposite points of the earth: no shortest path",
                        r->number[k]);
    }
    return OK;
}

static double metres(double units)
{
    return units / UNIT * EARTH_M;
}

static double distance(struct flat a, struct flat b)
{
    return hypot((double)(b.x - a.x), (double)(b.y - a.y));
}

/* From the line through a and b, in units. */
static double distance_from_line(struct flat a, struct flat b, struct flat c)
{
    double dx = (double)(b.x - a.x), dy = (double)(b.y - a.y), length = hypot(dx, dy);
    double area = dx * (double)(c.y - a.y) - dy * (double)(c.x - a.x);
    return length > 0 ? fabs(area) / length : distance(a, c);
}

/* All vertices on one great circle, to within THIN. */
static bool is_thin(const struct ring *r)
{
    size_t far = 0;
    double most = 0;

    for (size_t k = 1; k < r->n; k++) {
        double d = distance(r->flat[0], r->flat[k]);
        if (d <= most) continue;
        most = d;
        far = k;
    }
    for (size_t k = 1; k < r->n; k++) {
        if (distance_from_line(r->flat[0], r->flat[far], r->flat[k]) > THIN * UNIT) return false;
    }
    return true;
}

static struct flat next(const struct ring *r, size_t k)
{
    return r->flat[k + 1 < r->n ? k + 1 : 0];
}

static enum err fail_crossing(const struct ring *r, struct pair edges, struct why *why)
{
    struct flat a = r->flat[edges.a], b = next(r, edges.a), c = r->flat[edges.b], d = next(r, edges.b);
    double by = fmin(fmin(distance_from_line(a, b, c), distance_from_line(a, b, d)),
                     fmin(distance_from_line(c, d, a), distance_from_line(c, d, b)));

    if (plane_only_touch(r->flat, r->n, edges))
        return fail(why, ERR_INPUT, "edges %d and %d touch", r->number[edges.a], r->number[edges.b]);
    return fail(why, ERR_INPUT, "edges %d and %d cross, by %.3g mm", r->number[edges.a],
                r->number[edges.b], 1000 * metres(by));
}

static enum err check_crossings(const struct ring *r, struct why *why)
{
    struct pair pair;

    if (plane_same_points(r->flat, r->n, &pair))
        return fail(why, ERR_INPUT, "vertices %d and %d are the same", r->number[pair.a],
                    r->number[pair.b]);
    if (is_thin(r) || !plane_crossing(r->flat, r->n, &pair)) return OK;
    return fail_crossing(r, pair, why);
}

/* Twice the area in the plane, in square radii. Never less than on the sphere. */
static double twice_flat_area(const struct ring *r)
{
    double sum = 0;

    for (size_t k = 0; k < r->n; k++) {
        struct flat a = r->flat[k], b = next(r, k);
        sum += (double)a.x / UNIT * ((double)b.y / UNIT) - (double)a.y / UNIT * ((double)b.x / UNIT);
    }
    return fabs(sum);
}

/* The signed triangles between each edge and the middle. */
double ring_area_km2(const struct ring *r)
{
    double sum = 0;

    for (size_t k = 0; k < r->n; k++) {
        struct vec3 a = r->at[k], b = r->at[k + 1 < r->n ? k + 1 : 0], c = r->plane.out;
        struct vec3 da = vec3_sub(a, c), db = vec3_sub(b, c);
        sum += atan2(vec3_dot(c, vec3_cross(da, db)),
                     1 + vec3_dot(a, b) + vec3_dot(a, c) + vec3_dot(b, c));
    }
    return fabs(2 * sum) * STERADIAN_KM2;
}

double ring_longest_edge(const struct ring *r)
{
    double most = 0;

    for (size_t k = 0; k < r->n; k++) {
        struct vec3 d = vec3_sub(r->at[k], r->at[k + 1 < r->n ? k + 1 : 0]);
        double square = vec3_dot(d, d);
        if (square > most) most = square;
    }
    return 2 * asin(sqrt(most) / 2);
}

static enum err check(struct ring *r, const struct point *at, size_t n, double area_km2, struct why *why)
{
    double area;

    TRY(copy_points(r, at, n, why));
    TRY(check_antipodes(r, why));
    TRY(find_plane(r, why));
    if (flat_points(r) < cos(RING_REACH * M_PI / 180))
        return fail(why, ERR_TOO_LARGE, "polygon reaches further than %g degrees from its middle",
                    RING_REACH);
    TRY(check_crossings(r, why));
    if (area_km2 <= 0 || twice_flat_area(r) / 2 * STERADIAN_KM2 <= area_km2) return OK;
    area = ring_area_km2(r);
    if (area <= area_km2) return OK;
    return fail(why, ERR_TOO_LARGE, "polygon of %.0f km2: at most %.0f", area, area_km2);
}

enum err ring_init(struct ring *ret_ring, const struct point *at, size_t n, double area_km2,
                   struct why *why)
{
    enum err err;

    TRY(check_points(at, n, why));
    allocate(ret_ring, n);
    err = check(ret_ring, at, n, area_km2, why);
    if (err) ring_done(ret_ring);
    return err;
}

void ring_init_unchecked(struct ring *ret_ring, struct vec3 middle, const struct vec3 *at, size_t n)
{
    must(n <= RING_FEW);
    allocate(ret_ring, n);
    ret_ring->n = n;
    for (size_t k = 0; k < n; k++) ret_ring->at[k] = at[k];
    ret_ring->plane = plane_at(middle);
    (void)flat_points(ret_ring);
}
