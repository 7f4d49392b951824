/* legs.c - rectangles, height bands and time windows around the parts of a flight.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Plane coordinates are metres east and north of an origin inside the leg, by the radii of curvature of WGS84 there. Over the 100 km
 * that a leg may span, that is right to about 0.2 %, by which every widening is enlarged.
 */
#include "cli/legs.h"

#include <math.h>

#include "base/instant.h"

#define PLANE_SLACK 1.002
#define MIN_HALF_M 1.0 /* A rectangle has an area, even around an aircraft that hovers. */

struct plane {
    double lat, lng;
    double north_m; /* metres a degree */
    double east_m;
};

struct xy {
    double x, y;
};

static struct plane plane_at(double lat, double lng)
{
    double rad = acos(-1.0) / 180, a = 6378137.0, e2 = 0.00669437999014;
    double s = sin(lat * rad), w = 1 - e2 * s * s;
    return (struct plane){lat, lng, a * (1 - e2) / (w * sqrt(w)) * rad, a / sqrt(w) * cos(lat * rad) * rad};
}

static struct xy to_plane(const struct plane *p, double lat, double lng)
{
    return (struct xy){(lng - p->lng) * p->east_m, (lat - p->lat) * p->north_m};
}

static struct point from_plane(const struct plane *p, struct xy at)
{
    return (struct point){.lat = p->lat + at.y / p->north_m, .lng = p->lng + at.x / p->east_m};
}

/* A rectangle along (ux, uy): bounds along it and across it. */
struct frame {
    struct plane plane;
    double ux, uy;
    double along[2], across[2];
};

static struct frame frame_around(const struct fix *fixes, size_t n)
{
    const struct fix *first = &fixes[0], *last = &fixes[n - 1];
    struct frame f = {.plane = plane_at((first->lat + last->lat) / 2, (first->lng + last->lng) / 2), .ux = 1};
    struct xy a = to_plane(&f.plane, first->lat, first->lng), b = to_plane(&f.plane, last->lat, last->lng);
    double length = hypot(b.x - a.x, b.y - a.y);

    if (length > 0.01) {
        f.ux = (b.x - a.x) / length;
        f.uy = (b.y - a.y) / length;
    }
    for (size_t i = 0; i < n; i++) {
        struct xy at = to_plane(&f.plane, fixes[i].lat, fixes[i].lng);
        double u = at.x * f.ux + at.y * f.uy, v = at.y * f.ux - at.x * f.uy;
        if (i == 0 || u < f.along[0]) f.along[0] = u;
        if (i == 0 || u > f.along[1]) f.along[1] = u;
        if (i == 0 || v < f.across[0]) f.across[0] = v;
        if (i == 0 || v > f.across[1]) f.across[1] = v;
    }
    return f;
}

static double frame_area_km2(const struct frame *f, double by_m)
{
    return (f->along[1] - f->along[0] + 2 * by_m) * (f->across[1] - f->across[0] + 2 * by_m) * 1e-6;
}

static void frame_corners(const struct frame *f, double by_m, struct point ret[4])
{
    for (int i = 0; i < 4; i++) {
        bool ahead = i == 1 || i == 2, left = i >= 2;
        double u = f->along[ahead] + (ahead ? by_m : -by_m), v = f->across[left] + (left ? by_m : -by_m);
        ret[i] = from_plane(&f->plane, (struct xy){u * f->ux - v * f->uy, u * f->uy + v * f->ux});
    }
}

double leg_area_km2(const struct point ring[4])
{
    struct plane p = plane_at((ring[0].lat + ring[2].lat) / 2, (ring[0].lng + ring[2].lng) / 2);
    double twice = 0;
    for (int i = 0; i < 4; i++) {
        struct xy a = to_plane(&p, ring[i].lat, ring[i].lng), b = to_plane(&p, ring[(i + 1) & 3].lat, ring[(i + 1) & 3].lng);
        twice += a.x * b.y - b.x * a.y;
    }
    return fabs(twice) / 2 * 1e-6;
}

static int32_t mm_down(double m)
{
    return (int32_t)floor(m * 1000);
}

static int32_t mm_up(double m)
{
    return (int32_t)ceil(m * 1000);
}

static struct leg make_leg(const struct fix *fixes, size_t n, int64_t shift_us, const struct legs_options *o)
{
    struct frame f = frame_around(fixes, n);
    double low = fixes[0].height_m, high = low;
    int64_t time_us = (int64_t)(o->time_s * 1e6);
    struct leg leg;

    for (size_t i = 1; i < n; i++) {
        low = fmin(low, fixes[i].height_m);
        high = fmax(high, fixes[i].height_m);
    }
    frame_corners(&f, MIN_HALF_M, leg.inner);
    frame_corners(&f, o->lateral_m * PLANE_SLACK + MIN_HALF_M, leg.outer);
    leg.inner_box = (struct box){fixes[0].at_us + shift_us, fixes[n - 1].at_us + shift_us, mm_down(low), mm_up(high)};
    if (leg.inner_box.floor_mm == leg.inner_box.ceil_mm) leg.inner_box.ceil_mm++; /* Level flight has a height, too. */
    leg.outer_box = (struct box){leg.inner_box.starts_us - time_us, leg.inner_box.ends_us + time_us,
                                 leg.inner_box.floor_mm - mm_up(o->vertical_m), leg.inner_box.ceil_mm + mm_up(o->vertical_m)};
    return leg;
}

static bool fits(const struct fix *fixes, size_t n, const struct legs_options *o)
{
    double low = fixes[0].height_m, high = low;
    struct frame f;

    if ((double)(fixes[n - 1].at_us - fixes[0].at_us) > o->leg_s * 1e6) return false;
    for (size_t i = 1; i < n; i++) {
        low = fmin(low, fixes[i].height_m);
        high = fmax(high, fixes[i].height_m);
    }
    if (high - low > o->band_m) return false;
    f = frame_around(fixes, n);
    return frame_area_km2(&f, o->lateral_m * PLANE_SLACK + MIN_HALF_M) <= o->area_km2;
}

/* Fixes no more than step_s apart, by straight lines in latitude, longitude and height. */
static void densify(const struct flight *f, double step_s, struct fix_vec *ret)
{
    for (size_t i = 0; i + 1 < f->fixes.n; i++) {
        const struct fix *a = &f->fixes.at[i], *b = a + 1;
        double n = fmin(1e6, fmax(1, ceil((double)(b->at_us - a->at_us) / 1e6 / step_s)));
        for (double k = 0; k < n; k++) {
            double t = k / n;
            fix_vec_add(ret, (struct fix){a->lat + (b->lat - a->lat) * t, a->lng + (b->lng - a->lng) * t,
                                          a->height_m + (b->height_m - a->height_m) * t,
                                          a->at_us + (int64_t)((double)(b->at_us - a->at_us) * t)});
        }
    }
    fix_vec_add(ret, f->fixes.at[f->fixes.n - 1]);
}

static enum err check_place(const struct flight *f, struct why *why)
{
    for (size_t i = 0; i < f->fixes.n; i++) {
        const struct fix *a = &f->fixes.at[i];
        if (fabs(a->lat) > 85) return fail(why, ERR_INPUT, "flight %s: beyond 85 degrees of latitude", f->name);
        if (fabs(a->lng) > 178 || (i && fabs(a->lng - a[-1].lng) > 180))
            return fail(why, ERR_INPUT, "flight %s: within 2 degrees of the antimeridian", f->name);
    }
    return OK;
}

enum err legs_of(const struct flight *f, int64_t shift_us, const struct legs_options *options, struct leg_vec *ret,
                 struct why *why)
{
    struct legs_options o = *options;
    struct fix_vec fixes = {0};
    size_t before = ret->n;
    enum err err = OK;

    if (f->fixes.n < 2) return fail(why, ERR_INPUT, "flight %s: fewer than two fixes", f->name);
    TRY(check_place(f, why));
    if (!(o.leg_s > 0)) o.leg_s = 120;
    if (!(o.band_m > 0)) o.band_m = 1000;
    if (!(o.area_km2 > 0)) o.area_km2 = 2400;
    densify(f, fmax(1, o.leg_s / 8), &fixes);
    for (size_t from = 0; from + 1 < fixes.n && err == OK;) {
        size_t n = 2;
        while (from + n < fixes.n && fits(fixes.at + from, n + 1, &o)) n++;
        leg_vec_add(ret, make_leg(fixes.at + from, n, shift_us, &o));
        if (leg_area_km2(ret->at[ret->n - 1].outer) > o.area_km2 * 1.01)
            err = fail(why, ERR_INPUT, "flight %s: a step of it needs more than %.0f km2", f->name, o.area_km2);
        from += n - 1;
    }
    fix_vec_done(&fixes);
    if (err != OK) ret->n = before;
    return err;
}

/* True if some line along an edge of a has all of a on one side and all of b on the other. */
static bool is_parted(const struct xy a[4], const struct xy b[4])
{
    for (int i = 0; i < 4; i++) {
        struct xy from = a[i], to = a[(i + 1) & 3];
        double nx = to.y - from.y, ny = from.x - to.x; /* Outward for a counter-clockwise ring. */
        double least = INFINITY;
        for (int j = 0; j < 4; j++) least = fmin(least, (b[j].x - from.x) * nx + (b[j].y - from.y) * ny);
        if (least >= 0) return true;
    }
    return false;
}

/* As box_meets(), but what only touches is apart (decision F2). */
static bool boxes_overlap(const struct box *a, const struct box *b)
{
    return a->starts_us < b->ends_us && b->starts_us < a->ends_us && a->floor_mm < b->ceil_mm && b->floor_mm < a->ceil_mm;
}

bool leg_conflicts(const struct leg *a, const struct leg *b)
{
    struct plane p;
    struct xy x[4], y[4];

    if (!boxes_overlap(&a->outer_box, &b->inner_box)) return false;
    if (fabs(a->outer[0].lng - b->inner[0].lng) > 180) return false; /* No leg is near the antimeridian. */
    p = plane_at((a->outer[0].lat + b->inner[0].lat) / 2, (a->outer[0].lng + b->inner[0].lng) / 2);
    for (int i = 0; i < 4; i++) {
        x[i] = to_plane(&p, a->outer[i].lat, a->outer[i].lng);
        y[i] = to_plane(&p, b->inner[i].lat, b->inner[i].lng);
    }
    return !is_parted(x, y) && !is_parted(y, x);
}
