/* fill.h - the cells of a checked ring, and of a cap.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Squares of the curve are visited from large to small, in the order of their ids, each with the edges that meet it. A
 * square without edges is wholly inside or outside; one of level CELL_LEVEL with an edge is covered.
 */
#ifndef GEO_FILL_H
#define GEO_FILL_H

#include "base/vec.h"
#include "geo/ring.h"

/* libs2's tolerance for "an edge meets a cell", in u and v: faceClipErrorUVCoord + intersectsRectErrorUVDist. */
#define FILL_PAD_S2 ((9 * M_SQRT1_2 + 3 * M_SQRT2) * 2.220446049250313e-16)

/* Appends the normalised cells that are inside or within pad (in u and v, >= FILL_PAD_S2) of an edge. Too much work or
 * more than n_max cells: ERR_TOO_LARGE, ret_cells->n as it was. */
CHECKED enum err fill_ring(const struct ring *r, double pad, size_t n_max, struct u64_vec *ret_cells,
                           struct why *why);

/* Same for the points within angle radians, at most RING_REACH degrees, of centre. */
CHECKED enum err fill_cap(struct vec3 centre, double angle, size_t n_max, struct u64_vec *ret_cells,
                          struct why *why);

#endif
