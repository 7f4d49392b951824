/* tree.c - inserting, removing, splitting and merging in the copy-on-write B+tree.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/tree.h"

#include <limits.h>

#include "base/err.h"

#define MIN_ITEMS (TREE_ITEMS / 4)
#define MIN_ENTRIES ((TREE_ENTRIES + 3) / 4)
#define HEIGHT_MAX 16 /* 16 * 10^15 items in quarter-full nodes. */

/* The way from the root to a leaf: at is the entry taken, in the leaf the item. */
struct step {
    struct tree_node *node;
    unsigned at;
};

static bool key_less(struct id a, struct id b)
{
    return (a.hi < b.hi) | ((a.hi == b.hi) & (a.lo < b.lo));
}

unsigned tree_item_at(const struct tree_node *node, struct id key)
{
    unsigned at = 0;
    unsigned n = node->n;
    while (n > 0) {
        unsigned half = n / 2;
        bool is_right = key_less(node->items[at + half].key, key);
        at = is_right ? at + half + 1 : at;
        n = is_right ? n - half - 1 : half;
    }
    return at;
}

unsigned tree_entry_at(const struct tree_node *node, struct id key)
{
    unsigned at = 0;
    unsigned n = node->n;
    while (n > 1) {
        unsigned half = n / 2;
        at = key_less(key, node->entries[at + half].key) ? at : at + half;
        n -= half;
    }
    return at;
}

/* ---- nodes ---- */

static size_t bytes_of(bool is_leaf)
{
    return is_leaf ? TREE_LEAF_BYTES : TREE_INNER_BYTES;
}

static struct tree_node *node_new(struct cow *c, bool is_leaf)
{
    struct tree_node *node = cow_take(c, bytes_of(is_leaf));
    node->version = cow_version(c);
    node->n = 0;
    node->is_leaf = is_leaf;
    return node;
}

static void node_drop(struct cow *c, struct tree_node *node)
{
    if (node->version == cow_version(c)) {
        cow_drop(c, node, bytes_of(node->is_leaf)); /* No reader has seen it. */
    } else {
        cow_retire_taken(c, node, bytes_of(node->is_leaf));
    }
}

static void copy_content(struct tree_node *to, unsigned to_at, const struct tree_node *from,
                         unsigned from_at, unsigned n)
{
    if (to->is_leaf) {
        memcpy(to->items + to_at, from->items + from_at, n * sizeof to->items[0]);
    } else {
        memcpy(to->entries + to_at, from->entries + from_at, n * sizeof to->entries[0]);
    }
}

/* Makes the node at *link the writer's own. */
static struct tree_node *node_own(struct cow *c, struct tree_node **link)
{
    struct tree_node *node = *link;
    if (node->version == cow_version(c)) return node;
    struct tree_node *copy = node_new(c, node->is_leaf);
    copy->n = node->n;
    copy_content(copy, 0, node, 0, node->n);
    cow_retire_taken(c, node, bytes_of(node->is_leaf));
    return *link = copy;
}

static struct id first_key(const struct tree_node *node)
{
    return node->is_leaf ? node->items[0].key : node->entries[0].key;
}

static struct tree_sum sum_of(const struct tree *t, const struct tree_node *node)
{
    return t->sums ? t->sums->of(node) : (struct tree_sum){0};
}

/* Owns the path to key. */
static void path_own(struct tree *t, struct cow *c, struct id key, struct step path[HEIGHT_MAX])
{
    struct tree_node *node = node_own(c, &t->root);
    unsigned depth = 0;
    for (; !node->is_leaf; depth++) {
        unsigned at = tree_entry_at(node, key);
        path[depth] = (struct step){node, at};
        node = node_own(c, &node->entries[at].child);
    }
    path[depth] = (struct step){node, tree_item_at(node, key)};
}

/* Passes the sum of the node at depth on to those above it, as far as that changes them. */
static void path_sum(const struct tree *t, struct step *path, unsigned depth)
{
    if (!t->sums) return;
    for (; depth > 0; depth--) {
        struct tree_sum sum = t->sums->of(path[depth].node);
        struct tree_sum *known = &path[depth - 1].node->entries[path[depth - 1].at].sum;
        if (memcmp(&sum, known, sizeof sum) == 0) return;
        *known = sum;
    }
}

/* The same when all that changed is one item more, or one less, in the leaf: nodes need not be read through. */
static void path_sum_more(const struct tree *t, struct step *path, unsigned depth, const struct tree_item *item)
{
    if (!t->sums) return;
    for (; depth > 0; depth--) {
        struct tree_sum *known = &path[depth - 1].node->entries[path[depth - 1].at].sum;
        struct tree_sum sum = t->sums->join(*known, item);
        if (memcmp(&sum, known, sizeof sum) == 0) return;
        *known = sum;
    }
}

static void path_sum_less(const struct tree *t, struct step *path, unsigned depth, const struct tree_item *item)
{
    if (!t->sums || depth == 0) return;
    const struct step *up = &path[depth - 1];
    if (!t->sums->is_needless(&up->node->entries[up->at].sum, item)) path_sum(t, path, depth);
}

/* ---- inserting ---- */

static void insert_item(struct tree_node *leaf, unsigned at, struct tree_item item)
{
    memmove(leaf->items + at + 1, leaf->items + at, (leaf->n - at) * sizeof item);
    leaf->items[at] = item;
    leaf->n++;
}

static void insert_entry(struct tree_node *node, unsigned at, struct tree_entry entry)
{
    memmove(node->entries + at + 1, node->entries + at, (node->n - at) * sizeof entry);
    node->entries[at] = entry;
    node->n++;
}

/* Moves what stands from cut on to a new node. */
static struct tree_node *split(struct cow *c, struct tree_node *node, unsigned cut)
{
    struct tree_node *right = node_new(c, node->is_leaf);
    right->n = node->n - cut;
    copy_content(right, 0, node, cut, right->n);
    node->n = cut;
    return right;
}

/* Where to split a full leaf that is to take key at index at: in the middle, but where the keys of one hi end
 * if key is the highest of them, because the next may well follow it (as start times in one cell do). */
static unsigned leaf_cut(const struct tree_node *leaf, unsigned at, struct id key)
{
    bool ends_run = at == leaf->n || (at > 0 && leaf->items[at - 1].key.hi == key.hi &&
                                      leaf->items[at].key.hi != key.hi);
    if (!ends_run) return TREE_ITEMS / 2;
    return at < MIN_ITEMS ? MIN_ITEMS : at > TREE_ITEMS - MIN_ITEMS ? TREE_ITEMS - MIN_ITEMS : at;
}

static void root_grow(struct tree *t, struct cow *c, struct tree_node *right)
{
    struct tree_node *root = node_new(c, false);
    root->n = 2;
    root->entries[0] = (struct tree_entry){{0, 0}, t->root, sum_of(t, t->root)};
    root->entries[1] = (struct tree_entry){first_key(right), right, sum_of(t, right)};
    t->root = root;
    t->height++;
    must(t->height < HEIGHT_MAX);
}

/* The node at depth was split and right is its new neighbour: tells those above. */
static void path_add(struct tree *t, struct cow *c, struct step *path, unsigned depth,
                     struct tree_node *right)
{
    for (; depth > 0; depth--) {
        struct tree_node *up = path[depth - 1].node;
        unsigned at = path[depth - 1].at + 1;
        struct tree_entry entry = {first_key(right), right, sum_of(t, right)};
        up->entries[at - 1].sum = sum_of(t, path[depth].node);
        if (up->n < TREE_ENTRIES) {
            insert_entry(up, at, entry);
            path_sum(t, path, depth - 1);
            return;
        }
        unsigned cut = at == up->n ? TREE_ENTRIES - MIN_ENTRIES : TREE_ENTRIES / 2;
        right = split(c, up, cut);
        insert_entry(at <= cut ? up : right, at <= cut ? at : at - cut, entry);
    }
    root_grow(t, c, right);
}

bool tree_put(struct tree *t, struct cow *c, struct tree_item item)
{
    struct step path[HEIGHT_MAX];

    if (!t->root) {
        t->root = node_new(c, true);
        t->height = 1;
    }
    path_own(t, c, item.key, path);
    unsigned depth = t->height - 1;
    struct tree_node *leaf = path[depth].node;
    unsigned at = path[depth].at;
    if (at < leaf->n && id_equal(leaf->items[at].key, item.key)) {
        leaf->items[at].value = item.value;
        path_sum(t, path, depth);
        return false;
    }
    t->n++;
    if (leaf->n < TREE_ITEMS) {
        insert_item(leaf, at, item);
        path_sum_more(t, path, depth, &item);
        return true;
    }
    unsigned cut = leaf_cut(leaf, at, item.key);
    struct tree_node *right = split(c, leaf, cut);
    insert_item(at <= cut ? leaf : right, at <= cut ? at : at - cut, item);
    path_add(t, c, path, depth, right);
    return true;
}

/* ---- removing ---- */

/* Appends right to left and drops it. */
static void merge(struct cow *c, struct tree_node *left, struct tree_node *right)
{
    copy_content(left, left->n, right, 0, right->n);
    left->n += right->n;
    node_drop(c, right);
}

/* Gives both the same number, within one. */
static void even_out(struct tree_node *left, struct tree_node *right)
{
    unsigned total = left->n + right->n;
    unsigned keep = total / 2;
    if (left->n > keep) {
        unsigned moved = left->n - keep;
        if (right->is_leaf) {
            memmove(right->items + moved, right->items, right->n * sizeof right->items[0]);
        } else {
            memmove(right->entries + moved, right->entries, right->n * sizeof right->entries[0]);
        }
        copy_content(right, 0, left, keep, moved);
    } else {
        unsigned moved = keep - left->n;
        copy_content(left, left->n, right, 0, moved);
        if (right->is_leaf) {
            memmove(right->items, right->items + moved, (right->n - moved) * sizeof right->items[0]);
        } else {
            memmove(right->entries, right->entries + moved,
                    (right->n - moved) * sizeof right->entries[0]);
        }
    }
    left->n = keep;
    right->n = total - keep;
}

/* The child at index at of up, both owned, got too small: joins it with a neighbour. */
static void refill(struct tree *t, struct cow *c, struct tree_node *up, unsigned at)
{
    if (at + 1 == up->n) at--;
    struct tree_entry *l = &up->entries[at];
    struct tree_entry *r = l + 1;
    struct tree_node *left = node_own(c, &l->child);
    if (left->n + r->child->n <= (left->is_leaf ? TREE_ITEMS : TREE_ENTRIES)) {
        merge(c, left, r->child);
        up->n--;
        memmove(r, r + 1, (up->n - at - 1) * sizeof *r);
    } else {
        even_out(left, node_own(c, &r->child));
        r->key = first_key(r->child);
        r->sum = sum_of(t, r->child);
    }
    l->sum = sum_of(t, left);
}

/* Takes away a root that has become useless. */
static void root_shrink(struct tree *t, struct cow *c)
{
    struct tree_node *root = t->root;
    if (root->n == 0) {
        t->root = NULL;
        t->height = 0;
        node_drop(c, root);
    } else if (!root->is_leaf && root->n == 1) {
        t->root = root->entries[0].child;
        t->height--;
        node_drop(c, root);
    }
}

bool tree_remove(struct tree *t, struct cow *c, struct id key)
{
    struct step path[HEIGHT_MAX];

    if (!tree_find(t, key)) return false; /* Before anything is copied. */
    path_own(t, c, key, path);
    unsigned depth = t->height - 1;
    struct tree_node *leaf = path[depth].node;
    unsigned at = path[depth].at;
    struct tree_item item = leaf->items[at];
    leaf->n--;
    memmove(leaf->items + at, leaf->items + at + 1, (leaf->n - at) * sizeof leaf->items[0]);
    t->n--;
    for (; depth > 0; depth--) {
        const struct tree_node *node = path[depth].node;
        if (node->n >= (node->is_leaf ? MIN_ITEMS : MIN_ENTRIES)) break;
        refill(t, c, path[depth - 1].node, path[depth - 1].at);
    }
    if (path[depth].node == leaf) path_sum_less(t, path, depth, &item);
    else path_sum(t, path, depth);
    root_shrink(t, c);
    return true;
}

static void drop_all(struct cow *c, struct tree_node *node)
{
    for (unsigned i = 0; !node->is_leaf && i < node->n; i++) drop_all(c, node->entries[i].child);
    node_drop(c, node);
}

void tree_done(struct tree *t, struct cow *c)
{
    if (t->root) drop_all(c, t->root);
    t->root = NULL;
    t->n = 0;
    t->height = 0;
}

/* Only own nodes point to own nodes. */
static void free_own(struct cow *c, struct tree_node *node)
{
    if (node->version != cow_version(c)) return;
    for (unsigned i = 0; !node->is_leaf && i < node->n; i++) free_own(c, node->entries[i].child);
    cow_drop(c, node, bytes_of(node->is_leaf));
}

void tree_abandon(struct tree *t, struct cow *c)
{
    if (t->root) free_own(c, t->root);
    t->root = NULL;
    t->n = 0;
    t->height = 0;
}

/* ---- reading ---- */

const struct tree_item *tree_find(const struct tree *t, struct id key)
{
    const struct tree_node *node = t->root;
    if (!node) return NULL;
    while (!node->is_leaf) node = node->entries[tree_entry_at(node, key)].child;
    unsigned at = tree_item_at(node, key);
    return at < node->n && id_equal(node->items[at].key, key) ? &node->items[at] : NULL;
}

void tree_fetch(struct tree_way *ways, size_t n)
{
    must(n <= TREE_WAYS);
    while (n > 0) {
        size_t kept = 0;
        for (size_t i = 0; i < n; i++) {
            const struct tree_node *node = ways[i].node;
            if (!node || node->is_leaf) continue;
            ways[i].node = node->entries[tree_entry_at(node, ways[i].key)].child;
            tree_fetch_node(ways[i].node);
            ways[kept++] = ways[i];
        }
        n = kept;
    }
}

/* One of many ways: the binary search of tree_entry_at() or tree_item_at(), a probe at a time. */
struct probe {
    const struct tree_node *node;
    struct id key;
    size_t no; /* Of the way. */
    unsigned at;
    unsigned left; /* So many items or entries are still to be searched; HEADER: how many is not known. */
};

#define HEADER UINT_MAX

static void probe_node(struct probe *p, const struct tree_node *node)
{
    p->node = node;
    p->left = HEADER;
    __builtin_prefetch(node);
}

static void probe_ask(const struct probe *p)
{
    unsigned next = p->at + p->left / 2;
    __builtin_prefetch(p->node->is_leaf ? (const void *)&p->node->items[next] : &p->node->entries[next]);
}

/* One look at memory that was asked for before. False at the end of the way. */
static bool probe_step(struct probe *p)
{
    const struct tree_node *node = p->node;
    unsigned half = p->left / 2;
    if (p->left == HEADER) {
        p->at = 0;
        p->left = node->n;
    } else if (node->is_leaf) {
        if (p->left == 0) return false;
        bool is_right = key_less(node->items[p->at + half].key, p->key);
        p->at = is_right ? p->at + half + 1 : p->at;
        p->left = is_right ? p->left - half - 1 : half;
    } else if (p->left > 1) {
        p->at = key_less(p->key, node->entries[p->at + half].key) ? p->at : p->at + half;
        p->left -= half;
    } else {
        probe_node(p, node->entries[p->at].child);
        return true;
    }
    probe_ask(p);
    return true;
}

void tree_find_many(const struct tree *t, const struct id *keys, size_t n, const struct tree_item **ret)
{
    struct probe probes[TREE_WAYS];
    must(n <= TREE_WAYS);
    for (size_t i = 0; i < n; i++) {
        ret[i] = NULL;
        probes[i] = (struct probe){.key = keys[i], .no = i};
        if (t->root) probe_node(&probes[i], t->root);
    }
    for (size_t left = t->root ? n : 0; left > 0;) {
        size_t kept = 0;
        for (size_t i = 0; i < left; i++) {
            struct probe p = probes[i];
            if (probe_step(&p)) {
                probes[kept++] = p;
            } else if (p.at < p.node->n && id_equal(p.node->items[p.at].key, p.key)) {
                ret[p.no] = &p.node->items[p.at];
            }
        }
        left = kept;
    }
}

static bool walk(const struct tree_node *node, struct id from,
                 bool (*each)(void *context, const struct tree_item *item), void *context)
{
    if (node->is_leaf) {
        for (unsigned i = tree_item_at(node, from); i < node->n; i++) {
            if (!each(context, &node->items[i])) return false;
        }
        return true;
    }
    for (unsigned i = tree_entry_at(node, from); i < node->n; i++) {
        if (!walk(node->entries[i].child, from, each, context)) return false;
    }
    return true;
}

void tree_walk(const struct tree *t, struct id from,
               bool (*each)(void *context, const struct tree_item *item), void *context)
{
    if (t->root) (void)walk(t->root, from, each, context);
}

/* ---- checking ---- */

/* Checks what is below node, whose keys lie in from..before (NULL: no bound); returns the items. */
static size_t check_node(const struct tree *t, const struct tree_node *node, unsigned height,
                         struct id from, const struct id *before)
{
    size_t n = 0;
    must(node->is_leaf == (height == 1));
    must(node->n <= (node->is_leaf ? TREE_ITEMS : TREE_ENTRIES));
    must(node == t->root ? node->n >= (node->is_leaf ? 1 : 2)
                         : node->n >= (node->is_leaf ? MIN_ITEMS : MIN_ENTRIES));
    if (node->is_leaf) {
        must(!key_less(node->items[0].key, from));
        for (unsigned i = 1; i < node->n; i++) {
            must(key_less(node->items[i - 1].key, node->items[i].key));
        }
        must(!before || key_less(node->items[node->n - 1].key, *before));
        return node->n;
    }
    must(id_equal(node->entries[0].key, from));
    for (unsigned i = 0; i < node->n; i++) {
        const struct tree_entry *entry = &node->entries[i];
        const struct id *end = i + 1 < node->n ? &node->entries[i + 1].key : before;
        struct tree_sum sum = sum_of(t, entry->child);
        must(!end || key_less(entry->key, *end));
        must(!t->sums || memcmp(&sum, &entry->sum, sizeof sum) == 0);
        must(entry->child->version <= node->version);
        n += check_node(t, entry->child, height - 1, entry->key, end);
    }
    return n;
}

void tree_check(const struct tree *t)
{
    must((t->root == NULL) == (t->n == 0) && (t->root == NULL) == (t->height == 0));
    if (t->root) must(check_node(t, t->root, t->height, (struct id){0, 0}, NULL) == t->n);
}

static size_t node_bytes(const struct tree_node *node)
{
    size_t bytes = bytes_of(node->is_leaf);
    for (unsigned i = 0; !node->is_leaf && i < node->n; i++) {
        bytes += node_bytes(node->entries[i].child);
    }
    return bytes;
}

size_t tree_bytes(const struct tree *t)
{
    return t->root ? node_bytes(t->root) : 0;
}
