/* ptree.c - the map from ids to numbers, in terms of tree.h.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/ptree.h"

#include "base/err.h"
#include "base/tree.h"

static struct tree as_tree(const struct ptree *t)
{
    return (struct tree){.root = t->root, .n = t->n, .height = t->height};
}

static void take(struct ptree *t, const struct tree *tree)
{
    *t = (struct ptree){.root = tree->root, .n = tree->n, .height = tree->height};
}

void ptree_put(struct ptree *t, struct cow *c, struct id key, uint32_t value)
{
    struct tree tree = as_tree(t);
    (void)tree_put(&tree, c, (struct tree_item){key, value});
    take(t, &tree);
}

bool ptree_remove(struct ptree *t, struct cow *c, struct id key)
{
    struct tree tree = as_tree(t);
    bool was_there = tree_remove(&tree, c, key);
    take(t, &tree);
    return was_there;
}

void ptree_done(struct ptree *t, struct cow *c)
{
    struct tree tree = as_tree(t);
    tree_done(&tree, c);
    take(t, &tree);
}

void ptree_abandon(struct ptree *t, struct cow *c)
{
    struct tree tree = as_tree(t);
    tree_abandon(&tree, c);
    take(t, &tree);
}

bool ptree_get(const struct ptree *t, struct id key, uint32_t *ret_value)
{
    struct tree tree = as_tree(t);
    const struct tree_item *item = tree_find(&tree, key);
    if (!item) return false;
    *ret_value = (uint32_t)item->value;
    return true;
}

_Static_assert(PTREE_WAYS == TREE_WAYS, "what goes many ways at once is passed on");

void ptree_has_many(const struct ptree *t, const struct id *keys, size_t n, bool *ret_has)
{
    const struct tree_item *items[PTREE_WAYS];
    struct tree tree = as_tree(t);
    tree_find_many(&tree, keys, n, items);
    for (size_t i = 0; i < n; i++) ret_has[i] = items[i] != NULL;
}

void ptree_fetch(const struct ptree_way *ways, size_t n)
{
    struct tree_way large[PTREE_WAYS];
    size_t n_large = 0;
    must(n <= PTREE_WAYS);
    for (size_t i = 0; i < n; i++)
        if (ways[i].tree->height >= TREE_HEIGHT_LARGE)
            large[n_large++] = (struct tree_way){ways[i].tree->root, ways[i].key};
    tree_fetch(large, n_large);
}

struct walker {
    bool (*each)(void *context, struct id key, uint32_t value);
    void *context;
};

static bool pass_on(void *context, const struct tree_item *item)
{
    struct walker *w = context;
    return w->each(w->context, item->key, (uint32_t)item->value);
}

void ptree_walk(const struct ptree *t, struct id from,
                bool (*each)(void *context, struct id key, uint32_t value), void *context)
{
    struct tree tree = as_tree(t);
    struct walker w = {each, context};
    tree_walk(&tree, from, pass_on, &w);
}

void ptree_check(const struct ptree *t)
{
    struct tree tree = as_tree(t);
    tree_check(&tree);
}

size_t ptree_bytes(const struct ptree *t)
{
    struct tree tree = as_tree(t);
    return tree_bytes(&tree);
}
