/* ring.h - a polygon's outline, checked.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The rules are those of f3548-dss.md 4.6. A ring keeps its points twice: as unit vectors, and in a plane that touches the
 * sphere in the ring's middle (gnomonic: great circles are straight), in whole numbers of 2^-57 earth radii, 0.05 nm.
 * What is asked there (crossings, inside or not) has exact answers. The plane bears outlines up to RING_REACH degrees
 * from their middle; larger ones are refused as too large.
 *
 * Defined answers for odd outlines:
 *   written differently, same place (pole with two longitudes, 180 and -180): one vertex if neighbours, else repeated
 *   all vertices within 25 nm of one great circle: accepted with its edges alone, no crossings looked for
 *   inside: the bounded side in the plane, so the smaller area, whatever the winding
 */
#ifndef GEO_RING_H
#define GEO_RING_H

#include "base/err.h"
#include "geo/plane.h"
#include "geo/s2.h"

#define RING_REACH 30.0      /* degrees */
#define RING_FEW 32          /* Up to here a ring needs no heap. */
#define EARTH_KM2 510072000.0 /* What InterUSS scales areas to. */
#define EARTH_M 6371010.0

/* The plane: a point q of the sphere, of any length, is at (q.east / q.out, q.north / q.out). */
struct plane {
    struct vec3 out, east, north;
};

struct ring {
    size_t n;
    struct vec3 *at;   /* n unit vectors */
    struct flat *flat; /* n */
    struct plane plane;
    uint16_t *number; /* n: the vertex in what the caller gave */
    struct vec3 few_at[RING_FEW];
    struct flat few_flat[RING_FEW];
    uint16_t few_number[RING_FEW];
};

/* Checks and copies. n up to LIMIT_VERTICES; area_km2 0: no limit. ERR_INPUT with the vertex or edge, ERR_TOO_LARGE. On
 * failure there is nothing to undo. ret_ring must not be moved. O(n log n). */
CHECKED enum err ring_init(struct ring *ret_ring, const struct point *at, size_t n, double area_km2,
                           struct why *why);

/* Takes unit vectors as they are, at most RING_FEW within RING_REACH of middle; checks nothing. */
void ring_init_unchecked(struct ring *ret_ring, struct vec3 middle, const struct vec3 *at, size_t n);
void ring_done(struct ring *r); /* All bits zero is fine. */

double ring_area_km2(const struct ring *r);
double ring_longest_edge(const struct ring *r); /* Radians. */

/* The place of a point of the sphere, of any length; false if it is further than 87 degrees from the middle. */
bool ring_flat(const struct ring *r, struct vec3 q, struct flat *ret_flat);

CHECKED enum err ring_check_point(struct point p, const char *what, size_t k, struct why *why);

#endif
