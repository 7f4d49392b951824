/* check.c - the walker of the state's invariants, for tests.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/limits.h"
#include "state/internal.h"

static bool count_one(void *context, struct id key, uint32_t value)
{
    size_t *n = context;

    (void)key, (void)value;
    ++*n;
    return true;
}

static size_t count(const struct ptree *t)
{
    size_t n = 0;

    ptree_check(t);
    ptree_walk(t, (struct id){0, 0}, count_one, &n);
    must(n == t->n);
    return n;
}

static void check_found(const struct view *v, const struct entity *e, const struct vol *vol)
{
    AUTO(entity_vec_done) struct entity_vec hits = {0};
    size_t n = 0;

    view_search(v, e->kind, vol, false, &hits);
    for (size_t i = 0; i < hits.n; i++) n += hits.at[i] == e;
    must(n == 1);
}

/* S3, from the intent's side. */
static void check_attached(const struct view *v, const struct entity *e, const struct vol *vol)
{
    AUTO(u64_vec_done) struct u64_vec cells = {0};
    const struct entity *sub = view_find(v, ENTITY_SUBSCRIPTION, e->subscription);
    uint32_t value;

    if (id_is_zero(e->subscription)) {
        must(e->state == INTENT_ACCEPTED);
        return;
    }
    must(sub && str_equal(sub->manager, e->manager));
    must(ptree_get(&v->dependents, (struct id){sub->no, e->no}, &value));
    must(sub->box.ends_us >= e->box.ends_us);
    must(sub->box.starts_us <= e->box.starts_us + LIMIT_PAST_US);
    entity_cells(sub, &cells);
    must(cell_set_contains(cells.at, cells.n, vol->cells, vol->n_cells));
}

/* S4, and what each record says of itself. */
static void check_entity(const struct view *v, const struct entity *e, size_t *n_attached)
{
    AUTO(u64_vec_done) struct u64_vec cells = {0};
    AUTO(id_vec_done) struct id_vec dependents = {0};
    uint32_t value;

    entity_cells(e, &cells);
    struct vol vol = {cells.at, cells.n, e->box};
    must(cells.n == e->n_cells && cell_set_is_normal(cells.at, cells.n));
    must(ptree_get(&v->by_id[e->kind], e->id, &value) && value == e->no);
    must(ptree_get(&v->by_end, entity_end_key(e), &value));
    must(hash_digest(e->token) == e->token_digest && e->changed_at < v->position);
    must(name_find(view_extra(v), e->manager)->no == e->manager_no);
    check_found(v, e, &vol);
    if (e->kind == ENTITY_SUBSCRIPTION) {
        view_dependents(v, e, &dependents);
        must(!e->is_implicit || dependents.n > 0);
        must(view_index(v, e) >= 0);
    } else {
        must(ptree_get(&v->by_token, entity_token_key(e), &value));
        must(value == entity_token_value(e) && e->version > 0);
    }
    if (e->kind == ENTITY_INTENT) {
        check_attached(v, e, &vol);
        *n_attached += !id_is_zero(e->subscription);
    }
}

void state_check(const struct state *s)
{
    const struct view *v = &s->view;
    size_t n_entities = 0, n_attached = 0;

    for (int kind = 0; kind < N_ENTITY_KINDS; kind++) {
        size_t n = 0;
        grid_check(&v->grid[kind]);
        for (uint32_t no = 0; no < v->slots[kind].limit; no++) {
            const struct entity *e = view_slot(v, (enum entity_kind)kind, no);
            if (!e) continue;
            must(e->no == no && e->kind == (enum entity_kind)kind);
            check_entity(v, e, &n_attached);
            n++;
        }
        must(n == count(&v->by_id[kind]));
        n_entities += n;
    }
    must(n_entities == count(&v->by_end));
    must(count(&v->by_id[ENTITY_INTENT]) + count(&v->by_id[ENTITY_CONSTRAINT]) ==
         count(&v->by_token));
    must(n_attached == count(&v->dependents));
    count(&v->used_tokens);
}
