/* grid.h - which stored volumes may meet a given one: the 4D index.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A copy-on-write B+tree (base/tree.h) of postings (cell id, start, item number) whose inner entries carry earliest start,
 * latest end and height range of what is below them (airspace-index.md sections 6.3, 6.4). One posting a cell of the item's
 * volume. Coarse times and heights in postings only prune, outward rounded; the caller decides exactly on
 * its own record of the item. A struct grid is copied by value into views, like struct ptree.
 *
 * Invariants, walked by grid_check():
 *   G1  an item has exactly one posting in each of its cells
 *   G2  bounds of inner entries enclose what is below them; keys ascend; leaves at one depth
 *   G3  grid_search finds every item whose cells, times and heights meet, and each once, ascending
 *
 * Core: no clock, no I/O, no floating point.
 */
#ifndef AIRSPACE_GRID_H
#define AIRSPACE_GRID_H

#include "base/cow.h"
#include "base/vec.h"
#include "cell/vol.h"

struct grid {
    void *root;
    size_t n_postings;
    unsigned height;
    uint32_t levels[6]; /* Per face: bit l is set if a posting of level l was ever inserted. */
};

/* Writer only. The item must not be present / must be present with exactly this volume.
 * cells are normalised and at least one. O(cells * log n). */
void grid_insert(struct grid *g, struct cow *c, uint32_t item, const struct vol *vol);
void grid_remove(struct grid *g, struct cow *c, uint32_t item, const struct vol *vol);
void grid_done(struct grid *g, struct cow *c); /* Retires all its nodes. */

/* Frees the nodes made since the last cow_publish(); g is empty afterwards (see cow_abandon()). O(those nodes). */
void grid_abandon(struct grid *g, struct cow *c);

/* Appends the numbers of items that share a cell with query and whose coarse times (and heights, unless
 * any_height) meet it: a superset of the exact answer, ascending, no duplicates, never cut short. query's cells
 * are normalised; none: nothing meets. Any thread on a pinned view. O((k + cells) log n). */
void grid_search(const struct grid *g, const struct vol *query, bool any_height,
                 struct u32_vec *ret_items);

void grid_check(const struct grid *g);   /* For tests. */
size_t grid_bytes(const struct grid *g); /* Heap bytes of its nodes; O(n). */

#endif
