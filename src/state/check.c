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

/* S5 and S6. */
static void check_members(const struct state *s)
{
    const struct extra *x = &s->extra;
    const struct view *v = &s->view;
    uint32_t n_counted = 0, n_awaited = 0, n_participants = 0;

    for (uint32_t no = 0; no < x->n_members; no++) {
        const struct member *m = member_at(x, no);
        const struct author *root = author_find(v, m->root_id);
        must(m->no == no && view_member_named(v, m->name) == m);
        must(root && root->is_root && root->member == no && !root->ended_at == !m->expelled_at);
        n_counted += member_counts(m);
        n_awaited += !m->admitted_at && !m->joined_at && !m->expelled_at;
        must(m->priority_low <= m->priority_high);
    }
    must(n_counted == x->n_counted && n_awaited == x->n_awaited);
    must(x->rules_since < v->position && (x->rules_since != 0) == (x->rules > x->network->genesis.rules)); /* S7 */
    for (uint32_t no = 0; no < x->n_authors; no++) {
        const struct author *a = author_at(x, no);
        const struct member *m = member_at(x, a->member);
        must(author_find(v, a->id) == a);
        must(a->ended_at || (!m->expelled_at && (a->is_root || m->joined_at)));
    }
    for (uint32_t no = 0; no < x->n_names; no++) {
        const struct participant *p = participant_at(x, no);
        const struct name *name = (const struct name *)(uintptr_t)parr_get(&x->names_by_no, no);
        struct availability a = view_availability(v, name->text);
        must(a.overlay == (p ? participant_overlay(v, p) : OVERLAY_NONE));
        must(a.status == (a.overlay ? USS_DOWN : a.stored));
        n_participants += p != NULL;
    }
    must(n_participants == x->n_participants);
    must(x->epoch.since < v->position && x->epoch.size == 2 * x->epoch.since && (x->epoch.since != 0) == (x->epoch.number != 0));
    for (uint32_t no = 0; no < x->n_authors; no++) must(author_at(x, no)->epoch <= x->epoch.number);
    for (size_t i = 1; i < view_n_proposals(v); i++) must(view_proposal(v, i - 1)->index < view_proposal(v, i)->index);
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
    check_members(s);
    must(n_entities == count(&v->by_end));
    must(count(&v->by_id[ENTITY_INTENT]) + count(&v->by_id[ENTITY_CONSTRAINT]) ==
         count(&v->by_token));
    must(n_attached == count(&v->dependents));
    count(&v->used_tokens);
}
