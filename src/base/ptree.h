/* ptree.h - a persistent ordered map from 128-bit keys to 32-bit values.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A copy-on-write B+tree (base/tree.h) under cow.h: the struct holds a root and a count and is copied by value to
 * make a view; a copy goes on showing what it showed when its version was published. Keys are (hi, lo), ordered by
 * id_compare().
 *
 * Invariants, walked by ptree_check(): keys strictly ascending; all leaves at one depth; n is the number
 * of keys; no node but the root less than a quarter full.
 */
#ifndef BASE_PTREE_H
#define BASE_PTREE_H

#include "base/cow.h"
#include "base/id.h"

struct ptree {
    void *root;
    size_t n;
    unsigned height;
};

/* Writer only. O(log n), copying at most one path per published version. */
void ptree_put(struct ptree *t, struct cow *c, struct id key, uint32_t value); /* Replaces. */
bool ptree_remove(struct ptree *t, struct cow *c, struct id key);             /* False: was not there. */
void ptree_done(struct ptree *t, struct cow *c); /* Retires all nodes that this tree reaches. */

/* Frees the nodes made since the last cow_publish(); t is empty afterwards (see cow_abandon()). O(those nodes). */
void ptree_abandon(struct ptree *t, struct cow *c);

/* Any thread, on a pinned view's copy (or the writer on its own). */
bool ptree_get(const struct ptree *t, struct id key, uint32_t *ret_value);

/* As ptree_get() for each key, waiting for memory once where that waits n times. At most PTREE_WAYS keys. */
#define PTREE_WAYS 32
void ptree_has_many(const struct ptree *t, const struct id *keys, size_t n, bool *ret_has);

/* Ways that are about to be written: has all their nodes brought to the processor at once. A hint; at most PTREE_WAYS. */
struct ptree_way {
    const struct ptree *tree;
    struct id key;
};
void ptree_fetch(const struct ptree_way *ways, size_t n);

/* Walks keys >= from in ascending order until each returns false. O(log n + keys visited). */
void ptree_walk(const struct ptree *t, struct id from,
                bool (*each)(void *context, struct id key, uint32_t value), void *context);

void ptree_check(const struct ptree *t);     /* For tests. */
size_t ptree_bytes(const struct ptree *t);   /* Heap bytes of its nodes; O(n). */

#endif
