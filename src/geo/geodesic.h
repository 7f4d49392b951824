/* geodesic.h - shortest paths on the WGS84 ellipsoid.
 * SPDX-License-Identifier: Apache-2.0
 *
 * After T. Vincenty, "Direct and inverse solutions of geodesics on the ellipsoid" (Survey Review XXIII, 1975), with his
 * later form of the series. Good to 0.1 mm over 10,000 km, and far better over what this program asks. Angles in degrees,
 * azimuths clockwise from north.
 */
#ifndef GEO_GEODESIC_H
#define GEO_GEODESIC_H

#include <stdbool.h>

#include "geo/point.h"

#define WGS84_A 6378137.0
#define WGS84_F (1 / 298.257223563)
#define GEODESIC_RADIUS_MIN 6335439.0 /* The least radius of curvature: north-south at the equator, rounded down. */

/* Where a path of s_m metres ends that leaves from at this azimuth. */
struct point geodesic_direct(struct point from, double azimuth_deg, double s_m, double *ret_azimuth_deg);

/* Length and first azimuth of the shortest path. False if the points are so nearly opposite (within about
 * half a degree) that the iteration does not settle; outputs are then as they were. */
bool geodesic_inverse(struct point a, struct point b, double *ret_s_m, double *ret_azimuth_deg);

/* At most how far, as an angle on the sphere of geodetic latitudes, the geodesic between two points is from the great
 * circle between them, which is angle radians long, up to 60 degrees. (airspace-index.md 8.1: 0.1 mm a km, squared.) */
double geodesic_deviation(double angle);

#endif
