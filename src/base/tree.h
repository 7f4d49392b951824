/* tree.h - the copy-on-write B+tree under ptree.h and the grid: 128-bit keys, 64-bit values, sums.
 * SPDX-License-Identifier: Apache-2.0
 *
 *     entries  [key, child, sum] [key, child, sum] ...     key <= all keys of its child < next key
 *     items    [hi, lo, value] [hi, lo, value] ...         ascending by (hi, lo)
 *
 * A sum says something about all items below an entry. The tree asks its owner's functions for it and keeps it up
 * to date; what it means is the owner's business. Nodes made in the version being written are changed in place,
 * older ones are copied first and retired.
 *
 * Invariants, walked by tree_check():
 *   T1  keys ascend; each item lies between its entry's key and the next; the leftmost entry keys are {0, 0}
 *   T2  all leaves at one depth; no node but the root less than a quarter full
 *   T3  each entry's sum is exactly that of its child
 */
#ifndef BASE_TREE_H
#define BASE_TREE_H

#include "base/cow.h"
#include "base/id.h"

struct tree_item {
    struct id key;
    uint64_t value;
};

struct tree_sum {
    uint32_t first;
    uint32_t last;
    int16_t low;
    int16_t high;
    uint32_t rest; /* Sums are compared bytewise: whoever has no use for it sets 0. */
};

struct tree_entry {
    struct id key;
    struct tree_node *child;
    struct tree_sum sum;
};

#define TREE_ITEMS 66
#define TREE_ENTRIES 39

struct tree_node {
    uint64_t version; /* It was made in. */
    uint32_t n;
    bool is_leaf;
    union {
        struct tree_item items[TREE_ITEMS];
        struct tree_entry entries[TREE_ENTRIES];
    };
};

#define TREE_LEAF_BYTES (offsetof(struct tree_node, items) + TREE_ITEMS * sizeof(struct tree_item))
#define TREE_INNER_BYTES (offsetof(struct tree_node, entries) + TREE_ENTRIES * sizeof(struct tree_entry))

/* What an owner's sums mean. join: the sum of what s says and one item more. is_needless: whether s would be the same without the
 * item; it may say no where that is so. */
struct tree_sums {
    struct tree_sum (*of)(const struct tree_node *node); /* n > 0. */
    struct tree_sum (*join)(struct tree_sum s, const struct tree_item *item);
    bool (*is_needless)(const struct tree_sum *s, const struct tree_item *item);
};

struct tree {
    struct tree_node *root; /* NULL: empty. */
    size_t n;
    unsigned height;
    const struct tree_sums *sums; /* NULL: sums stay zero. */
};

/* Writer only. O(log n). */
bool tree_put(struct tree *t, struct cow *c, struct tree_item item); /* False: replaced the value. */
bool tree_remove(struct tree *t, struct cow *c, struct id key);      /* False: was not there. */
void tree_done(struct tree *t, struct cow *c);                       /* Retires all nodes. O(n) */
void tree_abandon(struct tree *t, struct cow *c); /* Frees the nodes made in this version only. */

/* Any thread. */
const struct tree_item *tree_find(const struct tree *t, struct id key); /* NULL if not there. */

/* In a tree that is much larger than the processor's cache, each way to a leaf means to wait for memory some ten times. These go
 * many ways at once and wait for all of them together.
 * tree_fetch: asks for whole nodes on the ways, which are about to be copied. Changes no answer; what ways hold is used up. Any
 * trees. tree_find_many: as tree_find() for each key. At most TREE_WAYS. */
#define TREE_WAYS 32
#define TREE_HEIGHT_LARGE 3 /* Trees less high are small enough for the cache. */
struct tree_way {
    const struct tree_node *node; /* The root; NULL is fine. */
    struct id key;
};
void tree_fetch(struct tree_way *ways, size_t n);
void tree_find_many(const struct tree *t, const struct id *keys, size_t n, const struct tree_item **ret);

/* Items with keys >= from, ascending, until each returns false. */
void tree_walk(const struct tree *t, struct id from,
               bool (*each)(void *context, const struct tree_item *item), void *context);

/* Index of the first item with a key >= key, n if none; node is a leaf. */
unsigned tree_item_at(const struct tree_node *node, struct id key);
/* Index of the last entry with a key <= key, 0 if none; node is no leaf. */
unsigned tree_entry_at(const struct tree_node *node, struct id key);

/* Asks for a node to be brought into the processor's cache. */
static inline void tree_fetch_node(const struct tree_node *node)
{
    for (size_t i = 0; i < sizeof *node; i += 64) __builtin_prefetch((const char *)node + i);
}

void tree_check(const struct tree *t);
size_t tree_bytes(const struct tree *t); /* O(n) */

#endif
