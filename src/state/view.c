/* view.c - finding things in a view.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "state/view.h"

#include <stdlib.h>

#include "base/mem.h"
#include "state/internal.h"

#define INSERTION_MAX 16 /* So many are sorted by insertion. */
#define DISTRIBUTE_BITS 12

struct entity *view_slot(const struct view *v, enum entity_kind kind, uint32_t no)
{
    return (struct entity *)(uintptr_t)parr_get(&v->slots[kind], no);
}

const struct entity *view_find(const struct view *v, enum entity_kind kind, struct id id)
{
    uint32_t no;

    return ptree_get(&v->by_id[kind], id, &no) ? view_slot(v, kind, no) : NULL;
}

static struct availability availability_at(const struct view *v, uint32_t no)
{
    const struct availability *a =
        (const struct availability *)(uintptr_t)parr_get(&v->availabilities, no);

    return a ? *a : (struct availability){0};
}

struct availability view_availability(const struct view *v, struct str uss)
{
    const struct name *name = name_find(view_extra(v), uss);

    return name ? availability_at(v, name->no) : (struct availability){0};
}

struct availability view_manager_availability(const struct view *v, const struct entity *e)
{
    return availability_at(v, e->manager_no);
}

bool view_is_down(const struct view *v, struct str uss)
{
    return view_availability(v, uss).stored == USS_DOWN;
}

int32_t view_index(const struct view *v, const struct entity *subscription)
{
    return (int32_t)parr_get(&v->indices, subscription->no);
}

struct dependents_walk {
    uint32_t subscription;
    size_t limit;
    struct u32_vec *ret;
};

static bool each_dependent(void *context, struct id key, uint32_t value)
{
    struct dependents_walk *w = context;

    (void)value;
    if (key.hi != w->subscription || w->limit == 0) return false;
    u32_vec_add(w->ret, (uint32_t)key.lo);
    return --w->limit > 0;
}

void view_dependent_nos(const struct view *v, uint32_t no, size_t limit, struct u32_vec *ret)
{
    struct dependents_walk w = {.subscription = no, .limit = limit, .ret = ret};

    ptree_walk(&v->dependents, (struct id){no, 0}, each_dependent, &w);
}

static int compare_ids(const void *a, const void *b)
{
    return id_compare(*(const struct id *)a, *(const struct id *)b);
}

void view_dependents(const struct view *v, const struct entity *subscription,
                     struct id_vec *ret_ids)
{
    AUTO(u32_vec_done) struct u32_vec nos = {0};
    size_t before = ret_ids->n;

    view_dependent_nos(v, subscription->no, SIZE_MAX, &nos);
    for (size_t i = 0; i < nos.n; i++)
        id_vec_add(ret_ids, view_slot(v, ENTITY_INTENT, nos.at[i])->id);
    if (nos.n > 1) qsort(ret_ids->at + before, nos.n, sizeof *ret_ids->at, compare_ids);
}

struct by_id {
    struct id id;
    const struct entity *entity;
};

static int compare_by_id(const void *a, const void *b)
{
    return id_compare(((const struct by_id *)a)->id, ((const struct by_id *)b)->id);
}

static void insertion_sort(struct by_id *at, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        struct by_id item = at[i];
        size_t to = i;
        for (; to > 0 && id_compare(item.id, at[to - 1].id) < 0; to--) at[to] = at[to - 1];
        at[to] = item;
    }
}

/* Distributes from to to by the highest bits in which the ids differ, about one a place, and sorts the few in each. Ids that
 * cluster are left to qsort(). */
static void distribution_sort(const struct by_id *from, struct by_id *to, size_t n)
{
    uint32_t places[1 << DISTRIBUTE_BITS] = {0};
    unsigned bits = DISTRIBUTE_BITS;
    uint64_t differs = 0;
    uint32_t most = 0;

    while (bits > 1 && (size_t)1 << (bits - 1) >= n) bits--;
    for (size_t i = 1; i < n; i++) differs |= from[i].id.hi ^ from[0].id.hi;
    unsigned width = differs ? 64 - (unsigned)__builtin_clzll(differs) : 0;
    unsigned shift = width > bits ? width - bits : 0;
    uint64_t mask = ((uint64_t)1 << bits) - 1;
    for (size_t i = 0; i < n; i++) {
        uint32_t *place = &places[from[i].id.hi >> shift & mask];
        if (++*place > most) most = *place;
    }
    for (uint32_t i = 0, start = 0; i <= mask; i++) {
        uint32_t here = places[i];
        places[i] = start;
        start += here;
    }
    for (size_t i = 0; i < n; i++) to[places[from[i].id.hi >> shift & mask]++] = from[i];
    if (most <= INSERTION_MAX) insertion_sort(to, n);
    else qsort(to, n, sizeof *to, compare_by_id);
}

void entities_sort(const struct entity **at, size_t n)
{
    struct by_id few[INSERTION_MAX], *items = few, *sorted = few;

    must(n < UINT32_MAX);
    if (n > INSERTION_MAX) items = mem_alloc(2 * n * sizeof *items);
    for (size_t i = 0; i < n; i++) items[i] = (struct by_id){at[i]->id, at[i]};
    if (n > INSERTION_MAX) {
        sorted = items + n;
        distribution_sort(items, sorted, n);
    } else {
        insertion_sort(items, n);
    }
    for (size_t i = 0; i < n; i++) at[i] = sorted[i].entity;
    if (n > INSERTION_MAX) mem_free(items);
}

void view_collect(const struct view *v, enum entity_kind kind, const struct vol *vol,
                  bool any_height, struct u32_vec *scratch, struct entity_vec *ret)
{
    size_t before = ret->n;

    u32_vec_clear(scratch);
    grid_search(&v->grid[kind], vol, any_height, scratch);
    const struct entity **candidates = entity_vec_reserve(ret, scratch->n);
    for (size_t i = 0; i < scratch->n; i++) {
        candidates[i] = view_slot(v, kind, scratch->at[i]);
        __builtin_prefetch(&candidates[i]->id); /* All are on their way before the first is looked at. */
        __builtin_prefetch(&candidates[i]->box);
        __builtin_prefetch(candidates[i] + 1); /* Its texts. */
    }
    for (size_t i = 0; i < scratch->n; i++) {
        const struct entity *e = candidates[i];
        if (any_height ? box_meets_in_time(&e->box, &vol->box) : box_meets(&e->box, &vol->box))
            ret->at[ret->n++] = e;
    }
    entities_sort(ret->at + before, ret->n - before);
}

void view_search(const struct view *v, enum entity_kind kind, const struct vol *vol,
                 bool any_height, struct entity_vec *ret)
{
    AUTO(u32_vec_done) struct u32_vec items = {0};

    view_collect(v, kind, vol, any_height, &items, ret);
}
