/* encounter.c - the stretch of time in which two aircraft are too close.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "cli/encounter.h"

#include <math.h>

#define ROUNDING_M 1e-6 /* A distance that equals the minimum but for rounding is separated. */

/* Where an aircraft is at a moment within its leg from i to i + 1. */
static struct fix place_at(const struct fix_vec *v, size_t i, int64_t at_us)
{
    const struct fix *a = &v->at[i], *b = a + 1;
    double t = (double)(at_us - a->at_us) / (double)(b->at_us - a->at_us);
    return (struct fix){a->lat + (b->lat - a->lat) * t, a->lng + (b->lng - a->lng) * t,
                        a->height_m + (b->height_m - a->height_m) * t, at_us};
}

struct offset { /* From one aircraft to the other. */
    double east, north, up;
};

static struct offset offset_between(const struct fix *a, const struct fix *b)
{
    double rad = acos(-1.0) / 180, s = sin((a->lat + b->lat) / 2 * rad), w = 1 - 0.00669437999014 * s * s;
    double north_m = 6378137.0 * (1 - 0.00669437999014) / (w * sqrt(w)) * rad; /* Metres a degree, WGS84. */
    double east_m = 6378137.0 / sqrt(w) * sqrt(1 - s * s) * rad;
    return (struct offset){remainder(b->lng - a->lng, 360) * east_m, (b->lat - a->lat) * north_m, b->height_m - a->height_m};
}

/* Narrows low..high (of 0..1) to where |from + (to - from) t| < limit. */
static void keep_below(double from, double to, double limit, double *low, double *high)
{
    double slope = to - from;

    if (fabs(slope) < 1e-9) {
        if (fabs(from) >= limit) *high = -1;
        return;
    }
    *low = fmax(*low, fmin((-limit - from) / slope, (limit - from) / slope));
    *high = fmin(*high, fmax((-limit - from) / slope, (limit - from) / slope));
}

/* Narrows low..high to where the distance over ground is below limit. */
static void keep_near(const struct offset *p, const struct offset *q, double limit, double *low, double *high)
{
    double dx = q->east - p->east, dy = q->north - p->north;
    double a = dx * dx + dy * dy, b = p->east * dx + p->north * dy, c = p->east * p->east + p->north * p->north - limit * limit;
    double d = b * b - a * c;

    if (a < 1e-9) {
        if (c >= 0) *high = -1;
        return;
    }
    if (d <= 0) {
        *high = -1;
        return;
    }
    *low = fmax(*low, (-b - sqrt(d)) / a);
    *high = fmin(*high, (-b + sqrt(d)) / a);
}

bool flights_meet(const struct flight *a, const struct flight *b, double lateral_m, double vertical_m, struct encounter *ret)
{
    const struct fix_vec *u = &a->fixes, *v = &b->fixes;
    size_t i = 0, j = 0;
    int64_t from = u->at[0].at_us > v->at[0].at_us ? u->at[0].at_us : v->at[0].at_us;

    while (i + 1 < u->n && j + 1 < v->n) {
        int64_t end_u = u->at[i + 1].at_us, end_v = v->at[j + 1].at_us, to = end_u < end_v ? end_u : end_v;
        if (to > from) {
            struct fix a0 = place_at(u, i, from), b0 = place_at(v, j, from), a1 = place_at(u, i, to), b1 = place_at(v, j, to);
            struct offset p = offset_between(&a0, &b0), q = offset_between(&a1, &b1);
            double low = 0, high = 1;
            keep_below(p.up, q.up, vertical_m - ROUNDING_M, &low, &high);
            if (low < high) keep_near(&p, &q, lateral_m - ROUNDING_M, &low, &high);
            if (low < high) {
                struct fix x, y;
                ret->from_us = from + (int64_t)(low * (double)(to - from));
                ret->to_us = from + (int64_t)(high * (double)(to - from));
                x = place_at(u, i, ret->from_us);
                y = place_at(v, j, ret->from_us);
                ret->low_m = fmin(x.height_m, y.height_m);
                ret->high_m = fmax(x.height_m, y.height_m);
                return true;
            }
            from = to;
        }
        if (end_u <= end_v) i++;
        if (end_v <= end_u) j++;
    }
    return false;
}
