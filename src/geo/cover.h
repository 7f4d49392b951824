/* cover.h - the cells that a polygon or circle on the earth covers.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Outside the core: double arithmetic is allowed, because the proposer computes cells once and the journal carries them
 * (decision A6). COVER_DSS gives exactly the level-13 cells that libs2 does for the polygon, edges being great circles
 * through geodetic latitudes (airspace-index.md section 5); COVER_SAFE, the default, is that of the outline widened by
 * what WGS84 geodesics can deviate from great circles on its longest edge, and true caps for circles: a superset.
 */
#ifndef GEO_COVER_H
#define GEO_COVER_H

#include "base/err.h"
#include "base/vec.h"
#include "geo/point.h"

enum cover_mode { COVER_SAFE, COVER_DSS };

struct cover_limits {
    double area_km2; /* Largest area of one shape; 0: none. */
    size_t n_cells;  /* Most cells after normalising; 0: LIMIT_CELLS. */
};

/* Checks the ring (ring.h has the rules) and appends its normalised cells. n is checked first (3..LIMIT_VERTICES); limits
 * may be NULL. ERR_INPUT says which vertex or edge and why; ERR_TOO_LARGE for area, cells, more than 30 degrees from the
 * middle, or too many long edges close together. ret_cells is as it was on failure. Cost: O(n log n) + O(cells): 0.5 us for
 * four vertices in three cells, 10 ms for combs of 10,000 vertices, below 40 ms for any input. No heap up to 32 vertices but
 * for the result. */
CHECKED enum err cover_polygon(const struct point *ring, size_t n, enum cover_mode mode,
                               const struct cover_limits *limits, struct u64_vec *ret_cells,
                               struct why *why);

/* Same for a circle of radius_m metres along the ellipsoid, > 0. */
CHECKED enum err cover_circle(struct point centre, double radius_m, enum cover_mode mode,
                              const struct cover_limits *limits, struct u64_vec *ret_cells,
                              struct why *why);

#endif
