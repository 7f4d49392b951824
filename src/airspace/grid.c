/* grid.c - postings of coarse volumes in a B+tree with bounds.
 * SPDX-License-Identifier: Apache-2.0
 *
 *     key    hi: cell      lo: start (s since 2000, floor) << 32 | item
 *     value  end (s since 2000, ceil) << 32 | floor (4 m steps, floor) << 16 | ceiling (4 m steps, ceil)
 *     sum    first: earliest start, last: latest end, low: lowest floor, high: highest ceiling
 *
 * What the coarse numbers cannot hold is clamped, and rounding and clamping keep order: of two volumes that
 * meet, one's coarse start is never above the other's coarse end, nor its floor above the other's ceiling.
 *
 * A query's cells become ranges of ids. The descendants of a cell and itself fill one range, and each coarser
 * level in use adds the cell's ancestor there. One descent serves all ranges, sorted and joined:
 *
 *     ranges    [====]     [=] [==========]
 *     entries  |  a  |  b  |  c  |  d  |  e  |     goes into a, c, d, e where their bounds meet the query's
 */
#include "airspace/grid.h"

#include <string.h>

#include "base/instant.h"
#include "base/tree.h"
#include "cell/id.h"

#define YEAR_2000_S INT64_C(946684800)
#define HEIGHT_STEP_MM 4000

/* ---- coarse numbers ---- */

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

static int64_t ceil_div(int64_t a, int64_t b)
{
    return a / b + (a % b > 0);
}

static int64_t clamp(int64_t value, int64_t low, int64_t high)
{
    return value < low ? low : value > high ? high : value;
}

/* The box as a sum: of one posting, or what a query asks. */
static struct tree_sum coarse(const struct box *box)
{
    int64_t first = floor_div(box->starts_us, INSTANT_S) - YEAR_2000_S;
    int64_t last = ceil_div(box->ends_us, INSTANT_S) - YEAR_2000_S;
    int64_t low = floor_div(box->floor_mm, HEIGHT_STEP_MM);
    int64_t high = ceil_div(box->ceil_mm, HEIGHT_STEP_MM);
    return (struct tree_sum){
        .first = (uint32_t)clamp(first, 0, UINT32_MAX),
        .last = (uint32_t)clamp(last, 0, UINT32_MAX),
        .low = (int16_t)clamp(low, INT16_MIN, INT16_MAX),
        .high = (int16_t)clamp(high, INT16_MIN, INT16_MAX),
    };
}

static struct id posting_key(uint64_t cell, const struct tree_sum *s, uint32_t item)
{
    return (struct id){cell, (uint64_t)s->first << 32 | item};
}

static uint64_t posting_value(const struct tree_sum *s)
{
    return (uint64_t)s->last << 32 | (uint32_t)(uint16_t)s->low << 16 | (uint16_t)s->high;
}

static struct tree_sum posting_sum(const struct tree_item *posting)
{
    return (struct tree_sum){
        .first = (uint32_t)(posting->key.lo >> 32),
        .last = (uint32_t)(posting->value >> 32),
        .low = (int16_t)(posting->value >> 16),
        .high = (int16_t)posting->value,
    };
}

static bool meets(const struct tree_sum *a, const struct tree_sum *b)
{
    return (a->first <= b->last) & (b->first <= a->last) & (a->low <= b->high) & (b->low <= a->high);
}

static void widen(struct tree_sum *s, struct tree_sum by)
{
    s->first = by.first < s->first ? by.first : s->first;
    s->last = by.last > s->last ? by.last : s->last;
    s->low = by.low < s->low ? by.low : s->low;
    s->high = by.high > s->high ? by.high : s->high;
}

static struct tree_sum bounds_of(const struct tree_node *node)
{
    struct tree_sum s;
    if (node->is_leaf) {
        s = posting_sum(&node->items[0]);
        for (unsigned i = 1; i < node->n; i++) widen(&s, posting_sum(&node->items[i]));
    } else {
        s = node->entries[0].sum;
        for (unsigned i = 1; i < node->n; i++) widen(&s, node->entries[i].sum);
    }
    return s;
}

static struct tree_sum join(struct tree_sum s, const struct tree_item *posting)
{
    widen(&s, posting_sum(posting));
    return s;
}

static bool is_inside(const struct tree_sum *s, const struct tree_item *posting)
{
    struct tree_sum p = posting_sum(posting);
    return (p.first > s->first) & (p.last < s->last) & (p.low > s->low) & (p.high < s->high);
}

static const struct tree_sums sums = {bounds_of, join, is_inside};

/* ---- writing ---- */

static struct tree as_tree(const struct grid *g)
{
    return (struct tree){.root = g->root, .n = g->n_postings, .height = g->height, .sums = &sums};
}

static void take(struct grid *g, const struct tree *tree)
{
    g->root = tree->root;
    g->n_postings = tree->n;
    g->height = tree->height;
}

/* The postings' ways, before they are gone. */
static void fetch(const struct tree *tree, const uint64_t *cells, size_t n, const struct tree_sum *s, uint32_t item)
{
    struct tree_way ways[TREE_WAYS];
    if (tree->height < TREE_HEIGHT_LARGE) return;
    for (size_t i = 0; i < n; i++) ways[i] = (struct tree_way){tree->root, posting_key(cells[i], s, item)};
    tree_fetch(ways, n);
}

static size_t ahead(const struct vol *vol, size_t i)
{
    return vol->n_cells - i < TREE_WAYS ? vol->n_cells - i : TREE_WAYS;
}

void grid_insert(struct grid *g, struct cow *c, uint32_t item, const struct vol *vol)
{
    struct tree tree = as_tree(g);
    struct tree_sum s = coarse(&vol->box);
    must(vol->n_cells > 0);
    for (size_t i = 0; i < vol->n_cells; i++) {
        uint64_t cell = vol->cells[i];
        struct tree_item posting = {posting_key(cell, &s, item), posting_value(&s)};
        must(cell_is_valid(cell));
        if (i % TREE_WAYS == 0) fetch(&tree, vol->cells + i, ahead(vol, i), &s, item);
        must(tree_put(&tree, c, posting)); /* Was not there. */
        g->levels[cell >> 61] |= UINT32_C(1) << cell_level(cell);
    }
    take(g, &tree);
}

void grid_remove(struct grid *g, struct cow *c, uint32_t item, const struct vol *vol)
{
    struct tree tree = as_tree(g);
    struct tree_sum s = coarse(&vol->box);
    must(vol->n_cells > 0);
    for (size_t i = 0; i < vol->n_cells; i++) {
        if (i % TREE_WAYS == 0) fetch(&tree, vol->cells + i, ahead(vol, i), &s, item);
        must(tree_remove(&tree, c, posting_key(vol->cells[i], &s, item))); /* Was there. */
    }
    take(g, &tree);
}

void grid_done(struct grid *g, struct cow *c)
{
    struct tree tree = as_tree(g);
    tree_done(&tree, c);
    *g = (struct grid){0};
}

void grid_abandon(struct grid *g, struct cow *c)
{
    struct tree tree = as_tree(g);
    tree_abandon(&tree, c);
    *g = (struct grid){0};
}

/* ---- ranges of a query ---- */

struct range {
    uint64_t low; /* Cell ids, both included. */
    uint64_t high;
};

VEC_DEFINE(range_vec, struct range);

/* Keeps ranges sorted by low: the new one moves before the few ancestors that lie further on. */
static void add_range(struct range_vec *ranges, struct range r)
{
    range_vec_add(ranges, r);
    size_t at = ranges->n - 1;
    for (; at > 0 && ranges->at[at - 1].low > r.low; at--) ranges->at[at] = ranges->at[at - 1];
    ranges->at[at] = r;
}

/* Joins ranges that touch, or have one id between them: if a cell has that id, it contains what ends before it. */
static void join_ranges(struct range_vec *ranges)
{
    size_t n = 0;
    for (size_t i = 0; i < ranges->n; i++) {
        if (n > 0 && ranges->at[i].low - ranges->at[n - 1].high <= 2) {
            ranges->at[n - 1].high = ranges->at[i].high;
        } else {
            ranges->at[n++] = ranges->at[i];
        }
    }
    ranges->n = n;
}

static void make_ranges(const struct grid *g, const struct vol *query, struct range_vec *ranges)
{
    uint64_t previous = 0;
    for (size_t i = 0; i < query->n_cells; i++) {
        uint64_t cell = query->cells[i];
        int level = cell_level(cell);
        uint32_t coarser = g->levels[cell >> 61] & ((UINT32_C(1) << level) - 1);
        for (; coarser; coarser &= coarser - 1) {
            uint64_t above = cell_parent(cell, __builtin_ctz(coarser));
            if (previous && cell_contains(above, previous)) continue; /* Is there already. */
            add_range(ranges, (struct range){above, above});
        }
        add_range(ranges, (struct range){cell_range_min(cell), cell_range_max(cell)});
        previous = cell;
    }
    join_ranges(ranges);
}

/* ---- searching ---- */

/* A node to go into. r: the first range that does not end before it begins. */
struct part {
    const struct tree_node *node;
    const struct range *r;
};

#define LEAVES_MAX 64
_Static_assert(LEAVES_MAX >= TREE_ENTRIES, "the children of a node have room");

struct search {
    struct tree_sum bounds;
    const struct range *end; /* Of the ranges. */
    struct u32_vec *found;
    struct part leaves[LEAVES_MAX]; /* Asked for, to be read when many are on their way. */
    unsigned n_leaves;
};

static void search_leaf(const struct search *s, const struct tree_node *leaf, const struct range *r)
{
    uint32_t *to = u32_vec_reserve(s->found, TREE_ITEMS);
    size_t n = 0;
    unsigned i = leaf->items[0].key.hi >= r->low ? 0 : tree_item_at(leaf, (struct id){r->low, 0});
    while (i < leaf->n) {
        uint64_t cell = leaf->items[i].key.hi;
        if (cell > r->high) {
            if (++r == s->end) break;
        } else if (cell < r->low) {
            i = tree_item_at(leaf, (struct id){r->low, 0});
        } else {
            struct tree_sum posting = posting_sum(&leaf->items[i]);
            to[n] = (uint32_t)leaf->items[i].key.lo;
            n += meets(&posting, &s->bounds);
            i++;
        }
    }
    s->found->n += n;
}

static void search_leaves(struct search *s)
{
    for (unsigned i = 0; i < s->n_leaves; i++) search_leaf(s, s->leaves[i].node, s->leaves[i].r);
    s->n_leaves = 0;
}

/* height 2: above leaves. All children to go into are asked for before the first is read. */
static void search_node(struct search *s, const struct tree_node *node, const struct range *r, unsigned height)
{
    struct part children[TREE_ENTRIES];
    unsigned n = 0;
    unsigned i = node->entries[0].key.hi >= r->low ? 0 : tree_entry_at(node, (struct id){r->low, 0});
    for (; i < node->n; i++) {
        const struct tree_entry *entry = &node->entries[i];
        while (r < s->end && r->high < entry->key.hi) r++;
        if (r == s->end) break;
        if (i + 1 < node->n && entry[1].key.hi < r->low) continue;
        if (!meets(&entry->sum, &s->bounds)) continue;
        tree_fetch_node(entry->child);
        children[n++] = (struct part){entry->child, r};
    }
    if (height == 2) {
        if (s->n_leaves + n > LEAVES_MAX) search_leaves(s);
        memcpy(s->leaves + s->n_leaves, children, n * sizeof *children);
        s->n_leaves += n;
        return;
    }
    for (i = 0; i < n; i++) search_node(s, children[i].node, children[i].r, height - 1);
}

/* Ascending; scratch has room for n. Few numbers by insertion, more by their bytes from the lowest. */
static void sort_items(uint32_t *items, size_t n, uint32_t *scratch)
{
    if (n <= 40) {
        for (size_t i = 1; i < n; i++) {
            uint32_t item = items[i];
            size_t at = i;
            for (; at > 0 && items[at - 1] > item; at--) items[at] = items[at - 1];
            items[at] = item;
        }
        return;
    }
    uint32_t *from = items;
    uint32_t *to = scratch;
    for (unsigned shift = 0; shift < 32; shift += 8) {
        size_t places[256] = {0};
        size_t place = 0;
        for (size_t i = 0; i < n; i++) places[from[i] >> shift & 255]++;
        if (places[from[0] >> shift & 255] == n) continue; /* All the same. */
        for (size_t b = 0; b < 256; b++) {
            size_t count = places[b];
            places[b] = place;
            place += count;
        }
        for (size_t i = 0; i < n; i++) to[places[from[i] >> shift & 255]++] = from[i];
        uint32_t *other = from;
        from = to;
        to = other;
    }
    if (from != items) memcpy(items, from, n * sizeof *items);
}

static size_t drop_repeats(uint32_t *items, size_t n)
{
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        if (kept == 0 || items[kept - 1] != items[i]) items[kept++] = items[i];
    }
    return kept;
}

void grid_search(const struct grid *g, const struct vol *query, bool any_height,
                 struct u32_vec *ret_items)
{
    if (!g->root || query->n_cells == 0) return;
    AUTO(range_vec_done) struct range_vec ranges = {0};
    size_t start = ret_items->n;
    struct tree_sum bounds = coarse(&query->box);
    if (any_height) {
        bounds.low = INT16_MIN;
        bounds.high = INT16_MAX;
    }
    make_ranges(g, query, &ranges);
    struct search s;
    s.bounds = bounds;
    s.end = ranges.at + ranges.n;
    s.found = ret_items;
    s.n_leaves = 0;
    if (g->height == 1) search_leaf(&s, g->root, ranges.at);
    else search_node(&s, g->root, ranges.at, g->height);
    search_leaves(&s);
    size_t n = ret_items->n - start;
    uint32_t *scratch = u32_vec_reserve(ret_items, n); /* May move the items. */
    sort_items(ret_items->at + start, n, scratch);
    ret_items->n = start + drop_repeats(ret_items->at + start, n);
}

/* ---- checking ---- */

struct checker {
    const struct grid *grid;
    uint64_t cell;
    struct u32_vec items; /* Of the cell. */
};

static void check_cell(struct checker *k)
{
    size_t n = k->items.n;
    uint32_t *scratch = u32_vec_reserve(&k->items, n);
    sort_items(k->items.at, n, scratch);
    must(drop_repeats(k->items.at, n) == n);
    u32_vec_clear(&k->items);
}

static bool check_posting(void *context, const struct tree_item *posting)
{
    struct checker *k = context;
    uint64_t cell = posting->key.hi;
    must(cell_is_valid(cell));
    must(k->grid->levels[cell >> 61] >> cell_level(cell) & 1);
    if (cell != k->cell) check_cell(k);
    k->cell = cell;
    u32_vec_add(&k->items, (uint32_t)posting->key.lo);
    return true;
}

void grid_check(const struct grid *g)
{
    struct tree tree = as_tree(g);
    struct checker k = {.grid = g};
    tree_check(&tree);
    tree_walk(&tree, (struct id){0, 0}, check_posting, &k);
    check_cell(&k);
    u32_vec_done(&k.items);
}

size_t grid_bytes(const struct grid *g)
{
    struct tree tree = as_tree(g);
    return tree_bytes(&tree);
}
