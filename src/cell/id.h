/* id.h - S2 cell ids (google/s2geometry s2cell_id.h: 3 bits face, 2 bits a level along a Hilbert curve, a 1, zeros).
 * SPDX-License-Identifier: Apache-2.0
 *
 * The core only compares, groups and nests ids; where a cell lies on the earth is geo's business.
 */
#ifndef CELL_ID_H
#define CELL_ID_H

#include <stdbool.h>
#include <stdint.h>

#define CELL_LEVEL 13    /* Of F3548's DSS vocabulary; the finest level stored. */
#define CELL_LEVEL_MIN 4 /* The coarsest level stored. */

static inline uint64_t cell_lsb(uint64_t cell)
{
    return cell & (~cell + 1);
}

static inline int cell_level(uint64_t cell) /* cell must not be 0. */
{
    return 30 - (__builtin_ctzll(cell) >> 1);
}

/* Faces 0..5, an even number of trailing zeros. Any level 0..30. */
static inline bool cell_is_valid(uint64_t cell)
{
    return cell != 0 && cell >> 61 < 6 && (cell_lsb(cell) & UINT64_C(0x1555555555555555)) != 0;
}

static inline uint64_t cell_range_min(uint64_t cell)
{
    return cell - (cell_lsb(cell) - 1);
}

static inline uint64_t cell_range_max(uint64_t cell)
{
    return cell + (cell_lsb(cell) - 1);
}

static inline uint64_t cell_parent(uint64_t cell, int level) /* level at most the cell's own. */
{
    uint64_t lsb = UINT64_C(1) << (2 * (30 - level));
    return (cell & (~lsb + 1)) | lsb;
}

static inline bool cell_contains(uint64_t outer, uint64_t inner)
{
    return inner >= cell_range_min(outer) && inner <= cell_range_max(outer);
}

#endif
