/* set.h - normalised sets of cells: the ground part of a volume.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A normalised set is sorted ascending, of levels CELL_LEVEL_MIN..CELL_LEVEL, no cell contains
 * another, and four siblings are always replaced by their parent (down to CELL_LEVEL_MIN). It names
 * exactly the same level-13 cells as before normalising (airspace-index.md section 0, point 3).
 */
#ifndef CELL_SET_H
#define CELL_SET_H

#include <stddef.h>

#include "base/buf.h"
#include "base/vec.h"

/* Sorts, drops duplicates and contained cells, merges siblings. Cells must be valid and of levels
 * CELL_LEVEL_MIN..CELL_LEVEL. O(n log n). */
void cell_set_normalise(struct u64_vec *cells);
bool cell_set_is_normal(const uint64_t *cells, size_t n);

/* Appends a cell that comes after all cells from index `from` on, and replaces four siblings at the end by their
 * parent. Cells before `from` are left alone. Pushing disjoint cells in ascending order makes a normalised set. */
void cell_set_push(struct u64_vec *cells, size_t from, uint64_t cell);

/* Makes a normalised set smaller by replacing cells with their parents, finest level first and fullest families
 * first, in id order, until at most n_max are left: a superset, normalised, the same everywhere (decision A7). False,
 * the set being of level CELL_LEVEL_MIN alone, if that is not enough. O(n) a level. */
bool cell_set_coarsen(struct u64_vec *cells, size_t n_max);

/* Both normalised. O(a + b), or O(a log b) when a is much smaller. */
bool cell_set_meets(const uint64_t *a, size_t n_a, const uint64_t *b, size_t n_b);
bool cell_set_contains(const uint64_t *outer, size_t n_outer, const uint64_t *inner, size_t n_inner);

/* The number of level-13 cells named. */
uint64_t cell_set_area(const uint64_t *cells, size_t n);

/* Appends the set's byte string: one varint a cell, how far it is from the end of the cell before. One byte string
 * for each set and only one; the layout is in set.c and docs/formats.md. cells must be normalised. */
void cell_set_encode(const uint64_t *cells, size_t n, struct buf *to);

/* Appends the cells; false, ret_cells as it was, unless bytes are the one encoding of a normalised set of
 * at most limit cells. Reads all of bytes. */
bool cell_set_decode(struct str bytes, size_t limit, struct u64_vec *ret_cells);

#endif
