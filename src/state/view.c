/* view.c - finding things in a view.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "state/view.h"

#include <stdlib.h>

#include "state/internal.h"

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

    return a ? *a : (struct availability){.status = USS_UNKNOWN};
}

struct availability view_availability(const struct view *v, struct str uss)
{
    const struct name *name = name_find(view_extra(v), uss);

    return name ? availability_at(v, name->no) : (struct availability){.status = USS_UNKNOWN};
}

struct availability view_manager_availability(const struct view *v, const struct entity *e)
{
    return availability_at(v, e->manager_no);
}

bool view_is_down(const struct view *v, struct str uss)
{
    return view_availability(v, uss).status == USS_DOWN;
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

static int compare_entities(const void *a, const void *b)
{
    return id_compare((*(const struct entity *const *)a)->id, (*(const struct entity *const *)b)->id);
}

void entities_sort(const struct entity **at, size_t n)
{
    if (n > 1) qsort(at, n, sizeof *at, compare_entities);
}

void view_collect(const struct view *v, enum entity_kind kind, const struct vol *vol,
                  bool any_height, struct u32_vec *scratch, struct entity_vec *ret)
{
    size_t before = ret->n;

    u32_vec_clear(scratch);
    grid_search(&v->grid[kind], vol, any_height, scratch);
    entity_vec_reserve(ret, scratch->n);
    for (size_t i = 0; i < scratch->n; i++) {
        const struct entity *e = view_slot(v, kind, scratch->at[i]);
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
