/* epoch.c - judging statements, opening epochs.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "state/epoch.h"

#include "state/internal.h"

uint64_t view_epoch(const struct view *v)
{
    return view_extra(v)->epoch.number;
}

uint64_t view_epoch_since(const struct view *v)
{
    return view_extra(v)->epoch.since;
}

uint32_t view_epoch_signers(const struct view *v, const struct epoch_statement *s)
{
    const struct extra *x = view_extra(v);
    uint64_t seen[LIMIT_MEMBERS_EVER / 64] = {0};
    uint32_t n = 0;

    for (size_t i = 0; i < s->n_signatures; i++) {
        const struct author *a = author_find(v, s->signatures[i].author);
        const struct member *m = a ? member_at(x, a->member) : NULL;
        if (!a || a->ended_at || !member_counts(m) || seen[m->no / 64] >> (m->no % 64) & 1) continue;
        if (!epoch_is_signed(s, &x->network->hash, &a->key, s->signatures[i].signature)) continue;
        seen[m->no / 64] |= UINT64_C(1) << (m->no % 64);
        n++;
    }
    return n;
}

uint32_t view_epoch_majority(const struct view *v)
{
    const struct extra *x = view_extra(v);

    return (x->n_counted + (x->rules >= RULES_PRIORITY ? x->n_awaited : 0)) / 2 + 1;
}

bool view_opens_epoch(const struct view *v, const struct epoch_statement *s)
{
    const struct extra *x = view_extra(v);

    if (s->epoch != x->epoch.number + 1 || s->size % 2 || s->size / 2 != v->position) return false;
    return view_epoch_signers(v, s) >= view_epoch_majority(v);
}

bool view_entry_opens_epoch(const struct view *v, const struct entry *e)
{
    const struct author *a = author_find(v, e->author);

    if (e->n_changes == 0 || e->changes[0].kind != CHANGE_EPOCH || e->changes[0].epoch.epoch != e->epoch) return false;
    if (!a || a->is_root || a->ended_at || !member_counts(member_at(view_extra(v), a->member))) return false;
    return view_opens_epoch(v, &e->changes[0].epoch);
}

/* The entry opened the epoch before its changes are judged; others say the same again, as their own first entry does. */
enum reason epoch_judge(const struct view *v, const struct author *author, const struct change *c)
{
    const struct epoch *open = &view_extra(v)->epoch;

    (void)author;
    return c->epoch.epoch == open->number && c->epoch.size == open->size && hash_equal(&c->epoch.root, &open->root)
               ? REASON_ACCEPTED
               : REASON_MEMBERS;
}

void epoch_note(struct step *st, const struct change *c, struct outcome *ret)
{
    (void)st, (void)c, (void)ret;
}

void epoch_open(struct state *s, const struct epoch_statement *statement)
{
    s->extra.epoch = (struct epoch){.number = statement->epoch, .since = s->view.position, .size = statement->size,
                                    .root = statement->root};
}
