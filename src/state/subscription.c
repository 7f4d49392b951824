/* subscription.c - subscriptions by PUT and DELETE (f3548-dss.md section 7); implicit ones begin and end in intent.c.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "state/internal.h"

#include "base/limits.h"

/* UUID that stands for "no subscription" in answers (f3548-dss.md 6.1): 00000000-0000-4000-8000-000000000000. */
static const struct id placeholder = {UINT64_C(0x4000), UINT64_C(0x8000000000000000)};

/* f3548-dss.md 7.4: cells, heights and end cover the intent's, the start with five minutes of grace. */
static bool covers(const struct change *c, const struct entity *intent, struct u64_vec *scratch)
{
    const struct box *b = &c->vol.box;

    if (b->floor_mm > intent->box.floor_mm || b->ceil_mm < intent->box.ceil_mm) return false;
    if (b->ends_us < intent->box.ends_us) return false;
    if (b->starts_us > intent->box.starts_us &&
        (uint64_t)b->starts_us - (uint64_t)intent->box.starts_us > LIMIT_PAST_US)
        return false;
    entity_cells(intent, scratch);
    return cell_set_contains(c->vol.cells, c->vol.n_cells, scratch->at, scratch->n);
}

static bool covers_dependents(const struct view *v, const struct change *c,
                              const struct entity *old)
{
    AUTO(u32_vec_done) struct u32_vec nos = {0};
    AUTO(u64_vec_done) struct u64_vec cells = {0};

    view_dependent_nos(v, old->no, SIZE_MAX, &nos);
    for (size_t i = 0; i < nos.n; i++)
        if (!covers(c, view_slot(v, ENTITY_INTENT, nos.at[i]), &cells)) return false;
    return true;
}

static enum reason put_judge(const struct view *v, struct str participant, const struct change *c,
                             const struct entity **ret_old)
{
    const struct box *b = &c->vol.box;
    struct new_token token;

    if (!change_vol_is_sound(c, false) || c->suffix.n) return REASON_MALFORMED;
    if (!c->for_intents && !c->for_constraints) return REASON_MALFORMED;
    if (id_equal(c->id, placeholder)) return REASON_PLACEHOLDER_ID;
    if (b->starts_us >= b->ends_us) return REASON_WINDOW;
    if ((uint64_t)b->ends_us - (uint64_t)b->starts_us > LIMIT_SUBSCRIPTION_US) return REASON_WINDOW;

    const struct entity *old = *ret_old = view_find(v, ENTITY_SUBSCRIPTION, c->id);
    if (!old) return c->has_base ? REASON_UNKNOWN_VERSION : REASON_ACCEPTED;
    if (!c->has_base) return REASON_EXISTS;
    if (c->base != old->token_digest) return REASON_VERSION;
    if (!str_equal(old->manager, participant)) return REASON_MANAGER;
    if (!covers_dependents(v, c, old)) return REASON_DEPENDENT_COVER;
    new_token_of(c, &token);
    return token.digest != old->token_digest ? REASON_ACCEPTED : REASON_OVN_USED;
}

enum reason subscription_put_judge(const struct view *v, struct str participant,
                                   const struct change *c, int64_t now_us)
{
    const struct entity *old;

    (void)now_us;
    return put_judge(v, participant, c, &old);
}

void subscription_put_apply(struct step *st, const struct change *c, struct outcome *ret)
{
    struct state *s = st->s;
    const struct entity *old = NULL;
    struct new_token token;

    ret->reason = put_judge(&s->view, st->participant, c, &old);
    if (ret->reason != REASON_ACCEPTED) return;

    const struct name *manager = name_intern(s, st->participant);
    bool asked = old && old->for_constraints;
    new_token_of(c, &token);
    struct entity fields = {
        .id = c->id,
        .kind = ENTITY_SUBSCRIPTION,
        .manager = manager->text,
        .manager_no = manager->no,
        .url = c->url,
        .token = {token.text, token.n},
        .token_digest = token.digest,
        .changed_at = st->index,
        .box = c->vol.box,
        .for_intents = c->for_intents,
        .for_constraints = c->for_constraints,
        .asks_constraints_since = !c->for_constraints ? 0
                                  : asked             ? old->asks_constraints_since
                                                      : st->index,
    };
    struct entity *e = entity_make(s, &fields, c->vol.cells, c->vol.n_cells);
    if (old) entity_replace(s, old, e, &c->vol);
    else entity_insert(s, e, &c->vol);
    ret->token_digest = e->token_digest;
    ret->index = view_index(&s->view, e);
}

enum reason subscription_delete_judge(const struct view *v, struct str participant,
                                      const struct change *c, int64_t now_us)
{
    AUTO(u32_vec_done) struct u32_vec nos = {0};
    const struct entity *old = view_find(v, ENTITY_SUBSCRIPTION, c->id);

    (void)now_us;
    if (!old) return REASON_NOT_FOUND;
    if (!str_equal(old->manager, participant)) return REASON_MANAGER;
    if (!c->has_base || c->base != old->token_digest) return REASON_VERSION;
    view_dependent_nos(v, old->no, 1, &nos);
    return nos.n ? REASON_DEPENDENTS : REASON_ACCEPTED;
}

void subscription_delete_apply(struct step *st, const struct change *c, struct outcome *ret)
{
    struct view *v = &st->s->view;

    ret->reason = subscription_delete_judge(v, st->participant, c, st->now_us);
    if (ret->reason != REASON_ACCEPTED) return;

    const struct entity *old = view_find(v, ENTITY_SUBSCRIPTION, c->id);
    ret->token_digest = old->token_digest;
    ret->index = view_index(v, old);
    entity_remove(st->s, old);
}
