/* encounter.h - whether two flights, as planned, ever come closer than the minima: plan against plan (decision F4).
 * SPDX-License-Identifier: Apache-2.0
 *
 * A flight moves evenly between its fixes. Too close means: at one and the same moment nearer over ground than lateral_m and nearer
 * in height than vertical_m; a distance equal to a minimum is separated (decision F2). Between two moments at which either flight
 * has a fix, both distances are known functions of time (a parabola, a line), so no moment is missed.
 */
#ifndef CLI_ENCOUNTER_H
#define CLI_ENCOUNTER_H

#include "cli/flights.h"

struct encounter {
    int64_t from_us, to_us; /* The first stretch of time in which they are too close. */
    double low_m, high_m;   /* Their heights when it begins. */
};

/* Fills ret if they come too close, and returns whether they do. Right to 0.2 % of the distance between them. O(fixes of both). */
bool flights_meet(const struct flight *a, const struct flight *b, double lateral_m, double vertical_m, struct encounter *ret);

#endif
