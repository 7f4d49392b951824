/* tile.h - where a log's tiles and entry bundles are found, and how bundles are made (c2sp.org/tlog-tiles).
 * SPDX-License-Identifier: Apache-2.0
 *
 *     tile/0/x001/x234/067         256 hashes of level 0, the 1234067th such tile
 *     tile/1/000.p/17              the first 17 hashes of a tile that is not full yet
 *     tile/entries/000.p/8         leaves, each behind its length in two bytes, big-endian
 */
#ifndef PROOF_TILE_H
#define PROOF_TILE_H

#include "base/buf.h"
#include "base/err.h"
#include "proof/merkle.h"

#define TILE_LEAF_MAX 65535

struct tile {
    bool is_bundle; /* Of leaves; level is 0 then. */
    unsigned level; /* 0..63 */
    uint64_t n;     /* Below 2^56. */
    unsigned width; /* 1..256 */
};

/* path begins with "tile/"; false for whatever tile_add_path() would not write. */
bool tile_parse(struct str path, struct tile *ret);
void tile_add_path(struct buf *to, const struct tile *tile);

/* Hashes that tile n of level has in a tree of this size: 0..256. */
unsigned tile_width(uint64_t size, unsigned level, uint64_t n);

/* Appends one leaf to a bundle. must(leaf.n <= TILE_LEAF_MAX). */
void tile_add_leaf(struct buf *bundle, struct str leaf);

/* Cuts the first leaf off *rest; false if *rest is empty or cut short (then not touched). */
bool tile_next_leaf(struct str *rest, struct str *ret_leaf);

#endif
