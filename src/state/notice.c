/* notice.c - whom a writer must tell (f3548-dss.md section 11).
 * SPDX-License-Identifier: Apache-2.0
 */
#include "state/internal.h"

/* The volume to search: of now, of old, or the union of both. */
static struct vol span(struct state *s, const struct entity *old, const struct vol *now)
{
    struct u64_vec *cells = &s->cells_union;
    struct vol vol;

    if (!old) return *now;
    entity_cells(old, cells);
    vol = (struct vol){cells->at, cells->n, old->box};
    if (!now) return vol;

    if (now->box.starts_us < vol.box.starts_us) vol.box.starts_us = now->box.starts_us;
    if (now->box.ends_us > vol.box.ends_us) vol.box.ends_us = now->box.ends_us;
    if (cells->n != now->n_cells || memcmp(cells->at, now->cells, cells->n * sizeof *cells->at)) {
        memcpy(u64_vec_reserve(cells, now->n_cells), now->cells,
               now->n_cells * sizeof *now->cells);
        cells->n += now->n_cells;
        cell_set_normalise(cells);
    }
    vol.cells = cells->at;
    vol.n_cells = cells->n;
    return vol;
}

void notices_make(struct step *st, enum entity_kind cause, const struct entity *old,
                  const struct vol *now, struct outcome *ret)
{
    struct state *s = st->s;
    struct vol vol = span(s, old, now);
    size_t n = 0;

    entity_vec_clear(&s->hits);
    view_collect(&s->view, ENTITY_SUBSCRIPTION, &vol, true, &s->items, &s->hits);
    for (size_t i = 0; i < s->hits.n; i++) {
        const struct entity *e = s->hits.at[i];
        bool asks = cause == ENTITY_INTENT ? e->for_intents : e->for_constraints;
        if (asks && e->box.ends_us >= st->now_us) s->hits.at[n++] = e;
    }

    struct notice *notices = arena_alloc(st->arena, n * sizeof *notices);
    for (size_t i = 0; i < n; i++) {
        const struct entity *e = s->hits.at[i];
        int32_t index = view_index(&s->view, e);
        if (index < INT32_MAX) index++;
        parr_set(&s->view.indices, s->cow, e->no, (uint64_t)index);
        notices[i] = (struct notice){e->id, index, e->url};
    }
    ret->notices = notices;
    ret->n_notices = n;
}
