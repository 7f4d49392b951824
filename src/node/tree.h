/* tree.h - the log's Merkle tree as this node keeps it: leaf 2i is entry i, leaf 2i + 1 its outcome (decision A10).
 * SPDX-License-Identifier: Apache-2.0
 *
 * Full tiles of 256 hashes go to the store; the right edge, and full tiles not yet committed there, are in memory.
 * The writer adds; any thread reads tiles under a lock that is held for a copy at most.
 */
#ifndef NODE_TREE_H
#define NODE_TREE_H

#include "journal/store.h"
#include "proof/hash.h"

struct tree;

struct tree *tree_new(struct store *store); /* Empty; borrows the store. */
void tree_free(struct tree *t);             /* NULL is fine. */

void tree_add(struct tree *t, const struct hash *leaf); /* Writer. O(1) amortised. */
uint64_t tree_size(const struct tree *t);               /* Leaves. Writer. */
struct hash tree_root(const struct tree *t);            /* Root at tree_size(). Writer. O(log n) */

/* Root at size, which is not 0 and not above tree_size(). Any thread. O(log n) tiles */
CHECKED enum err tree_root_at(struct tree *t, uint64_t size, struct hash *ret, struct why *why);

/* The store has committed what was queued: tiles kept for readers until then are dropped. Writer. */
void tree_committed(struct tree *t);

/* The right edge as bytes, for snapshots, and back into an empty tree. Writer. ERR_CORRUPT if the bytes are no edge. */
void tree_write(const struct tree *t, struct buf *to);
CHECKED enum err tree_read(struct tree *t, struct str bytes, struct why *why);

/* The first width hashes (1..256) of tile (level, index), appended. ERR_NOT_FOUND if it has fewer,
 * ERR_CORRUPT if what the store has is not of this tree. Any thread. */
CHECKED enum err tree_tile(struct tree *t, unsigned level, uint64_t index, unsigned width,
                           struct buf *ret, struct why *why);

#endif
