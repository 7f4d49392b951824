/* constraint.c - constraint references (f3548-dss.md section 8).
 * SPDX-License-Identifier: Apache-2.0
 */
#include "state/internal.h"

struct plan {
    const struct entity *old;
    struct new_token token;
};

static enum reason put_judge(const struct view *v, struct str participant, const struct change *c,
                             int64_t now_us, struct plan *ret)
{
    if (!change_vol_is_sound(c, false) || c->suffix.n) return REASON_MALFORMED;
    if (c->vol.box.ends_us < now_us) return REASON_ENDED;
    if (c->vol.box.starts_us >= c->vol.box.ends_us) return REASON_WINDOW;

    ret->old = view_find(v, ENTITY_CONSTRAINT, c->id);
    if (!ret->old && c->has_base) return REASON_GONE;
    if (ret->old) {
        if (!str_equal(ret->old->manager, participant)) return REASON_MANAGER;
        if (!c->has_base) return REASON_EXISTS;
        if (c->base != ret->old->token_digest) return REASON_VERSION;
    }
    new_token_of(c, &ret->token);
    return token_is_fresh(v, ret->token.digest) ? REASON_ACCEPTED : REASON_OVN_USED;
}

enum reason constraint_put_judge(const struct view *v, struct str participant,
                                 const struct change *c, int64_t now_us)
{
    struct plan plan;

    return put_judge(v, participant, c, now_us, &plan);
}

void constraint_put_apply(struct step *st, const struct change *c, struct outcome *ret)
{
    struct state *s = st->s;
    struct plan plan;

    ret->reason = put_judge(&s->view, st->participant, c, st->now_us, &plan);
    if (ret->reason != REASON_ACCEPTED) return;

    const struct entity *old = plan.old;
    const struct name *manager = name_intern(s, st->participant);
    struct entity fields = {
        .id = c->id,
        .kind = ENTITY_CONSTRAINT,
        .manager = manager->text,
        .manager_no = manager->no,
        .url = c->url,
        .token = {plan.token.text, plan.token.n},
        .token_digest = plan.token.digest,
        .changed_at = st->index,
        .box = c->vol.box,
        .version = !old ? 1 : old->version < INT32_MAX ? old->version + 1 : INT32_MAX,
    };
    struct entity *e = entity_make(s, &fields, c->vol.cells, c->vol.n_cells);

    notices_make(st, ENTITY_CONSTRAINT, old, &c->vol, ret);
    if (old) entity_replace(s, old, e, &c->vol);
    else entity_insert(s, e, &c->vol);
    ret->version = e->version;
    ret->token_digest = e->token_digest;
}

enum reason constraint_delete_judge(const struct view *v, struct str participant,
                                    const struct change *c, int64_t now_us)
{
    const struct entity *old = view_find(v, ENTITY_CONSTRAINT, c->id);

    (void)now_us;
    if (!old) return REASON_NOT_FOUND;
    if (!str_equal(old->manager, participant)) return REASON_MANAGER;
    return c->has_base && c->base == old->token_digest ? REASON_ACCEPTED : REASON_VERSION;
}

void constraint_delete_apply(struct step *st, const struct change *c, struct outcome *ret)
{
    ret->reason = constraint_delete_judge(&st->s->view, st->participant, c, st->now_us);
    if (ret->reason != REASON_ACCEPTED) return;

    const struct entity *old = view_find(&st->s->view, ENTITY_CONSTRAINT, c->id);
    ret->version = old->version;
    ret->token_digest = old->token_digest;
    notices_make(st, ENTITY_CONSTRAINT, old, NULL, ret);
    entity_remove(st->s, old);
}
