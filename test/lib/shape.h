/* shape.h - random outlines for tests of coverings.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TEST_SHAPE_H
#define TEST_SHAPE_H

#include <stddef.h>

#include "base/rng.h"
#include "geo/s2.h"

/* Where shapes are put and how large they are. */
enum shape_kind {
    SHAPE_ANYWHERE,   /* Stars of 3..40 corners, 1 m to 30 km. */
    SHAPE_POLE,       /* Around or near a pole. */
    SHAPE_DATE_LINE,  /* Across 180 degrees. */
    SHAPE_FACE_EDGE,  /* Across a border or corner of the cube's faces. */
    SHAPE_CELL,       /* Corners exactly on corners of cells, at most some level-13 cells wide. */
    SHAPE_SLIVER,     /* Thin and long. */
    SHAPE_TINY,       /* Below a millimetre, down to nanometres. */
    SHAPE_BOX,        /* Parallel to the axes, often at round degrees, 0 and 180 included. */
    SHAPE_DENSE,      /* 40..400 corners. */
    SHAPE_KINDS
};

/* Writes at most 400 corners and returns how many. Rings are simple but for rounding. */
size_t shape_random(struct rng *rng, enum shape_kind kind, struct point ret_ring[400]);

struct vec3 shape_random_point(struct rng *rng);

/* The point at angle radians from centre, in the direction turn radians (any, but fixed, origin). */
struct vec3 shape_away(struct vec3 centre, double angle, double turn);

#endif
