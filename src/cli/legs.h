/* legs.h - a flight cut into 4D volumes, and whether two of them come too close.
 * SPDX-License-Identifier: Apache-2.0
 *
 *        .--------------.          A leg is the part of a flight for which one rectangle, one height band and
 *       /  +----------+  \         one time window are tight enough. The inner rectangle holds the track; the outer one is the
 *      |   |  track   |   |        inner one widened by the class minimum, and is what is published.
 *       \  +----------+  /
 *        '--------------'
 *
 * Two legs conflict when the outer one of the first meets the inner one of the second: then the aircraft may come closer
 * than the minimum, else they cannot (decision F2: a distance equal to the minimum is separated).
 */
#ifndef CLI_LEGS_H
#define CLI_LEGS_H

#include "cell/vol.h"
#include "cli/flights.h"
#include "geo/cover.h"

struct legs_options { /* All zero: no widening, and the limits below. */
    double lateral_m;
    double vertical_m;
    double time_s;
    double leg_s;    /* A leg lasts at most this; 0: 120 */
    double band_m;   /* It climbs or descends at most about this; 0: 1,000 */
    double area_km2; /* The outer rectangle is below this; 0: 2,400 */
};

struct leg {
    struct point inner[4]; /* Counter-clockwise; no corner repeated. */
    struct point outer[4];
    struct box inner_box;  /* Bounds rounded outward. */
    struct box outer_box;
};
VEC_DEFINE(leg_vec, struct leg);

/* Appends the flight's legs in order; consecutive legs share the fix between them. Times are moved by shift_us. ERR_INPUT if the
 * flight comes nearer to a pole or to the antimeridian than a rectangle can follow, or is so fast or so wide that one second of
 * it is over the area. O(fixes) steps, each O(fixes of a leg). */
CHECKED enum err legs_of(const struct flight *f, int64_t shift_us, const struct legs_options *options,
                         struct leg_vec *ret, struct why *why);

/* Whether an aircraft in a may come closer to one in b than a's minimum. Exact up to 0.2 % of the distances within one leg. */
bool leg_conflicts(const struct leg *a, const struct leg *b);

double leg_area_km2(const struct point ring[4]);

#endif
