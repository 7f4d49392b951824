/* merkle.h - the RFC 6962 tree: growing it, its root, and proofs about it.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Three views of one tree:
 *
 *     struct merkle   its right edge: the roots of the perfect subtrees that make up its size, at most 64
 *                         size 11 = 1011b:  [8 leaves] [2] [1]
 *     struct tiles    right edge and the hashes of the tiles that are not full yet (tlog-tiles):
 *                         level 2    [ . ]
 *                         level 1    [ . . . ]            hash i = root of the i-th full tile below
 *                         level 0    [ . . . . . . ]      leaf hashes
 *                     a tile that fills with its 256th hash is handed to a callback and forgotten
 *     a tile reader   full and partial tiles from wherever they are stored: what proofs are made from
 *
 * Proofs are checked by pure functions of a few hashes. Sizes and indices count leaves, and are at most MERKLE_SIZE_MAX.
 */
#ifndef PROOF_MERKLE_H
#define PROOF_MERKLE_H

#include "base/buf.h"
#include "base/err.h"
#include "proof/hash.h"

#define MERKLE_SIZE_MAX ((UINT64_C(1) << 56) - 1)

struct hash merkle_empty_root(void); /* SHA-256 of nothing. */

/* All bits zero is the empty tree. */
struct merkle {
    uint64_t size;
    struct hash edge[64]; /* edge[k]: root of the last whole subtree of 2^k leaves; known where bit k of size is set. */
};

void merkle_add(struct merkle *m, const struct hash *leaf); /* One node hash on average, log2(size) at most. */
struct hash merkle_root(const struct merkle *m);            /* One node hash for each bit set in size. */

/* Tiles. */
#define TILE_WIDTH 256
#define TILE_LEVELS 7 /* 256^7 > MERKLE_SIZE_MAX leaves. */

/* 58 KB: hold it on the heap. All bits zero is the empty tree. Hash i of level l stands in at[l] for
 * i < (size >> 8l) % 256. */
struct tiles {
    struct merkle edge;
    struct hash at[TILE_LEVELS][TILE_WIDTH];
};

/* full receives each tile that has become full, its 256 hashes (8,192 bytes) borrowed for the call; it may be NULL. Costs what
 * merkle_add() does. */
void tiles_add(struct tiles *t, const struct hash *leaf,
               void (*full)(void *context, unsigned level, uint64_t n, const struct hash hashes[TILE_WIDTH]),
               void *context);

static inline uint64_t tiles_size(const struct tiles *t)
{
    return t->edge.size;
}

static inline unsigned tiles_width(const struct tiles *t, unsigned level) /* Hashes in at[level]: 0..255. */
{
    return level < TILE_LEVELS ? (unsigned)(t->edge.size >> 8 * level) & (TILE_WIDTH - 1) : 0;
}

static inline struct hash tiles_root(const struct tiles *t)
{
    return merkle_root(&t->edge);
}

/* The right edge as bytes (docs/formats.md): the size, then the partial tiles, lowest level first. */
void tiles_save(const struct tiles *t, struct buf *to);

/* ERR_CORRUPT, ret as it was, unless bytes are exactly what tiles_save() wrote for some tree. */
CHECKED enum err tiles_load(struct str bytes, struct tiles *ret, struct why *why);

/* Where tiles are read from: gives at least the first width hashes of tile n of level. Partial tiles may come from struct
 * tiles. Hashes are those of the tree in question or of any larger one that continues it. */
struct tile_reader {
    enum err (*read)(void *context, unsigned level, uint64_t n, unsigned width, struct hash ret[TILE_WIDTH],
                     struct why *why);
    void *context;
};

/* The right edge of a tree of this size, from its stored partial tiles. */
CHECKED enum err tiles_read(uint64_t size, const struct tile_reader *from, struct tiles *ret,
                            struct why *why);

#define MERKLE_PROOF_MAX 64

struct merkle_proof {
    unsigned n;
    struct hash at[MERKLE_PROOF_MAX]; /* From the leaf to the root, as in RFC 6962 2.1.1 and 2.1.2. */
};

/* That the leaf with this hash stands at index in the tree of this size and root. */
bool merkle_verify_inclusion(uint64_t index, uint64_t size, const struct hash *leaf,
                             const struct hash *proof, size_t n_proof, const struct hash *root);

/* That the tree of old_size and old_root is the beginning of the other. Equal sizes need equal roots and no proof. False for
 * an empty old tree: there is nothing to prove, and the caller compares with merkle_empty_root() if it matters. */
bool merkle_verify_consistency(uint64_t old_size, uint64_t size, const struct hash *old_root,
                               const struct hash *root, const struct hash *proof, size_t n_proof);

/* must(index < size), must(old_size <= size). Each reads at most two tiles a level. Errors are the reader's. */
CHECKED enum err merkle_prove_inclusion(uint64_t index, uint64_t size, const struct tile_reader *from,
                                        struct merkle_proof *ret, struct why *why);
CHECKED enum err merkle_prove_consistency(uint64_t old_size, uint64_t size, const struct tile_reader *from,
                                          struct merkle_proof *ret, struct why *why);

/* Root at any size that the tiles reach. */
CHECKED enum err merkle_root_at(uint64_t size, const struct tile_reader *from, struct hash *ret,
                                struct why *why);

#endif
