/* vol.h - a 4D region: cells, heights, times.
 * SPDX-License-Identifier: Apache-2.0
 *
 * All bounds are closed: touching is meeting. Heights are mm above WGS84, times microseconds UTC (decision
 * A5), rounded outward by the proposer.
 */
#ifndef CELL_VOL_H
#define CELL_VOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VOL_FLOOR_NONE INT32_MIN
#define VOL_CEIL_NONE INT32_MAX

struct box {
    int64_t starts_us; /* INSTANT_MIN: no bound */
    int64_t ends_us;   /* INSTANT_MAX: no bound */
    int32_t floor_mm;  /* VOL_FLOOR_NONE: no bound */
    int32_t ceil_mm;   /* VOL_CEIL_NONE: no bound */
};

struct vol {
    const uint64_t *cells; /* Borrowed; normalised (cell/set.h). */
    size_t n_cells;
    struct box box;
};

static inline bool box_meets_in_time(const struct box *a, const struct box *b)
{
    return a->starts_us <= b->ends_us && b->starts_us <= a->ends_us;
}

static inline bool box_meets(const struct box *a, const struct box *b)
{
    return box_meets_in_time(a, b) && a->floor_mm <= b->ceil_mm && b->floor_mm <= a->ceil_mm;
}

#endif
