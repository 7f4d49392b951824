/* expiry.c - clean-up of what ended long ago, by the journal's time alone (f3548-dss.md 13.5, decision A8).
 * SPDX-License-Identifier: Apache-2.0
 *
 * In the order (end, kind, id): intents go before the subscriptions they depend on, which end no earlier. An implicit
 * subscription goes with its last intent and is not counted.
 */
#include "state/internal.h"

#include "base/limits.h"

/* Entities of one end, one kind and one first half of an id: nearly always one. */
struct group {
    const struct view *view;
    int64_t ends_before_us; /* Only what ended before is collected. */
    struct id first;
    struct entity_vec members;
};

static bool each(void *context, struct id key, uint32_t value)
{
    struct group *g = context;
    const uint64_t no_mask = (UINT64_C(1) << 30) - 1;
    int64_t ends_us = (int64_t)(key.hi ^ UINT64_C(1) << 63);

    (void)value;
    if (ends_us >= g->ends_before_us) return false;
    if (g->members.n == 0) g->first = key;
    else if (key.hi != g->first.hi || (key.lo & ~no_mask) != (g->first.lo & ~no_mask)) return false;
    entity_vec_add(&g->members,
                   view_slot(g->view, (enum entity_kind)(key.lo >> 62), (uint32_t)(key.lo & no_mask)));
    return true;
}

static void drop(struct state *s, const struct entity *e)
{
    if (e->kind == ENTITY_INTENT) intent_drop(s, e);
    else entity_remove(s, e);
}

void expiry_run(struct state *s)
{
    int64_t clock_us = ms_to_us(s->view.clock_ms);
    struct group g = {.view = &s->view};
    size_t n_removed = 0;

    if (clock_us < INT64_MIN + LIMIT_KEEP_ENDED_US) return;
    g.ends_before_us = clock_us - LIMIT_KEEP_ENDED_US;

    while (n_removed < LIMIT_CLEANUP) {
        entity_vec_clear(&g.members);
        ptree_walk(&s->view.by_end, (struct id){0, 0}, each, &g);
        if (g.members.n == 0) break;
        entities_sort(g.members.at, g.members.n);
        for (size_t i = 0; i < g.members.n && n_removed < LIMIT_CLEANUP; i++, n_removed++)
            drop(s, g.members.at[i]);
    }
    entity_vec_done(&g.members);
}
