/* fill_internal.h - what filling a ring and filling a cap share.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef GEO_FILL_INTERNAL_H
#define GEO_FILL_INTERNAL_H

#include "cell/id.h"
#include "geo/fill.h"

/* Merging takes back at most three cells a level. */
#define FILL_PENDING (3 * (CELL_LEVEL + 1))

/* The up to four squares of one size that bound, a rectangle in u and v, meets: at most two by two, as small as that
 * allows, in ascending order. Returns how many: 0 if bound is off the face. */
static inline size_t fill_start(int face, struct rect bound, struct square ret_squares[4])
{
    const double size = 1 << CELL_LEVEL;
    struct rect b = {fmax(bound.u0, -1), fmin(bound.u1, 1), fmax(bound.v0, -1), fmin(bound.v1, 1)};
    uint32_t i0, i1, j0, j1, last = (1U << CELL_LEVEL) - 1;
    int level = CELL_LEVEL;
    size_t n = 0;

    if (b.u0 > b.u1 || b.v0 > b.v1) return 0;
    i0 = (uint32_t)fmin(size * s2_uv_to_st(b.u0), last);
    i1 = (uint32_t)fmin(size * s2_uv_to_st(b.u1), last);
    j0 = (uint32_t)fmin(size * s2_uv_to_st(b.v0), last);
    j1 = (uint32_t)fmin(size * s2_uv_to_st(b.v1), last);
    for (; i1 - i0 > 1 || j1 - j0 > 1; level--) {
        i0 >>= 1;
        i1 >>= 1;
        j0 >>= 1;
        j1 >>= 1;
    }
    for (uint32_t i = i0; i <= i1; i++) {
        for (uint32_t j = j0; j <= j1; j++) {
            struct square s = s2_square(face, level, i, j);
            size_t k = n++;
            for (; k > 0 && ret_squares[k - 1].id > s.id; k--) ret_squares[k] = ret_squares[k - 1];
            ret_squares[k] = s;
        }
    }
    return n;
}

#endif
