/* parr.c - the radix tree behind the persistent array.
 * SPDX-License-Identifier: Apache-2.0
 *
 *     slot 4225 = 1 * 64^2 + 2 * 64 + 1:  root -> children[1] -> children[2] -> values[1]   (height 3)
 */
#include "base/parr.h"

#include <stdbool.h>
#include <string.h>

#include "base/err.h"

#define BITS 6
#define FAN (1U << BITS)

struct parr_node {
    uint64_t version; /* It was made in. */
    union {
        uint64_t values[FAN];            /* height 1 */
        struct parr_node *children[FAN]; /* above; NULL: all below is 0 */
    };
};

_Static_assert(sizeof(void *) == sizeof(uint64_t), "a zeroed node is empty at every height");

static struct parr_node *node_new(struct cow *c)
{
    struct parr_node *node = cow_take(c, sizeof *node);
    memset(node, 0, sizeof *node);
    node->version = cow_version(c);
    return node;
}

/* The writer's own form of node; a new one for NULL. */
static struct parr_node *node_own(struct cow *c, struct parr_node *node)
{
    if (!node) return node_new(c);
    if (node->version == cow_version(c)) return node;
    struct parr_node *copy = cow_take(c, sizeof *copy);
    memcpy(copy, node, sizeof *copy);
    copy->version = cow_version(c);
    cow_retire_taken(c, node, sizeof *node);
    return copy;
}

/* Index, in a node of this height, of the way to slot. */
static unsigned index_of(uint32_t slot, unsigned height)
{
    return slot >> (BITS * (height - 1)) & (FAN - 1);
}

/* Whether a tree of this height has room for slot. */
static bool has_room(unsigned height, uint32_t slot)
{
    return (uint64_t)slot >> (BITS * height) == 0;
}

void parr_set(struct parr *a, struct cow *c, uint32_t slot, uint64_t value)
{
    must(slot < UINT32_MAX);
    if (a->height == 0) a->height = 1;
    while (!has_room(a->height, slot)) {
        if (a->root) {
            struct parr_node *above = node_new(c);
            above->children[0] = a->root;
            a->root = above;
        }
        a->height++;
    }
    struct parr_node *node = a->root = node_own(c, a->root);
    for (unsigned height = a->height; height > 1; height--) {
        struct parr_node **link = &node->children[index_of(slot, height)];
        node = *link = node_own(c, *link);
    }
    node->values[index_of(slot, 1)] = value;
    if (slot >= a->limit) a->limit = slot + 1;
}

uint64_t parr_get(const struct parr *a, uint32_t slot)
{
    const struct parr_node *node = a->root;
    if (slot >= a->limit) return 0;
    for (unsigned height = a->height; node && height > 1; height--) {
        node = node->children[index_of(slot, height)];
    }
    return node ? node->values[index_of(slot, 1)] : 0;
}

static void drop_all(struct cow *c, struct parr_node *node, unsigned height)
{
    for (unsigned i = 0; height > 1 && i < FAN; i++) {
        if (node->children[i]) drop_all(c, node->children[i], height - 1);
    }
    if (node->version == cow_version(c)) {
        cow_drop(c, node, sizeof *node); /* No reader has seen it. */
    } else {
        cow_retire_taken(c, node, sizeof *node);
    }
}

void parr_done(struct parr *a, struct cow *c)
{
    if (a->root) drop_all(c, a->root, a->height);
    *a = (struct parr){0};
}

/* Only own nodes point to own nodes. */
static void free_own(struct cow *c, struct parr_node *node, unsigned height)
{
    if (node->version != cow_version(c)) return;
    for (unsigned i = 0; height > 1 && i < FAN; i++) {
        if (node->children[i]) free_own(c, node->children[i], height - 1);
    }
    cow_drop(c, node, sizeof *node);
}

void parr_abandon(struct parr *a, struct cow *c)
{
    if (a->root) free_own(c, a->root, a->height);
    *a = (struct parr){0};
}

static size_t node_bytes(const struct parr_node *node, unsigned height)
{
    size_t bytes = sizeof *node;
    for (unsigned i = 0; height > 1 && i < FAN; i++) {
        if (node->children[i]) bytes += node_bytes(node->children[i], height - 1);
    }
    return bytes;
}

size_t parr_bytes(const struct parr *a)
{
    return a->root ? node_bytes(a->root, a->height) : 0;
}
