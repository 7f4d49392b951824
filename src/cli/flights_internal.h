/* flights_internal.h - what the readers of single forms share.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef CLI_FLIGHTS_INTERNAL_H
#define CLI_FLIGHTS_INTERNAL_H

#include "cli/flights.h"

/* Each appends flights in any order. */
CHECKED enum err flights_parse_samples(struct str text, struct flight_vec *ret, struct why *why);
CHECKED enum err flights_parse_geojson(struct str text, struct flight_vec *ret, struct why *why);
CHECKED enum err flights_parse_kml(struct str text, struct flight_vec *ret, struct why *why);

/* Appends an empty flight of this name (cut at its room) and returns it; borrowed until the next. */
struct flight *flights_add(struct flight_vec *flights, struct str name);

/* Great-circle distance in metres on a sphere: good to half a percent, for times along a line. */
double fix_distance_m(const struct fix *a, const struct fix *b);

#endif
