/* flights.h - flights read from files: where an aircraft was, or is to be, and when.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Three forms, told apart by their first bytes, each plain or compressed with gzip:
 *
 *   [{"timestamp": ms, "icao24": ..., "callsign": ..., "latitude": ..., "longitude": ..., "altitude": feet}, ...]
 *       ADS-B samples as the traffic library writes them. One aircraft's samples under one call sign are a flight; a gap of more
 *       than 60 s makes two flights of it (decision F8). Pressure altitude is taken as height: what the two differ by has to be
 *       within the vertical margin that the planner adds.
 *   {"type": "FeatureCollection", ...}
 *       GeoJSON. A feature with a LineString of [longitude, latitude, metres above WGS84] and either "times", an RFC 3339 text for
 *       each position, or "start" and "end" among its properties, between which the aircraft moves evenly; "name" is its name.
 *   <kml ...>
 *       Folders named "flight: NAME" as InterUSS writes them: a LineString, polygons "alt: ..." with the height inside them where
 *       the line has none, and polygons "speed: ... (metres a second)". They have no date: all start at 0.
 */
#ifndef CLI_FLIGHTS_H
#define CLI_FLIGHTS_H

#include "base/err.h"
#include "base/str.h"
#include "base/vec.h"

struct fix {
    double lat; /* degrees */
    double lng;
    double height_m; /* above WGS84 */
    int64_t at_us;
};
VEC_DEFINE(fix_vec, struct fix);

#define FLIGHT_NAME_MAX 64
struct flight {
    char name[FLIGHT_NAME_MAX];
    struct fix_vec fixes; /* At least two; times strictly ascending. */
};
VEC_DEFINE(flight_vec, struct flight);

#define FLIGHTS_BYTES_MAX (512 * 1024 * 1024) /* Of a file, uncompressed. */
#define FLIGHTS_GAP_US (60 * INT64_C(1000000))

/* Appends the file's flights, ordered by start and then name; single samples are no flights. ERR_INPUT names what is wrong and
 * where; ret is untouched then. About a second for 140,000 samples. */
CHECKED enum err flights_read(const char *path, struct flight_vec *ret, struct why *why);

/* The same for bytes in memory, not compressed. */
CHECKED enum err flights_parse(struct str text, struct flight_vec *ret, struct why *why);

void flights_done(struct flight_vec *flights);

#endif
