/* intent.c - operational intent references (f3548-dss.md section 6): who may write what, and what becomes of subscriptions.
 * SPDX-License-Identifier: Apache-2.0
 *
 *     judge -> late key check -> new or grown subscription -> the replaced implicit one goes -> the record -> notices
 *
 * An implicit subscription is made by an intent's write, grows with the intents that name it, never shrinks, and goes with its
 * last dependent: on update before the notices are made, on deletion after.
 */
#include "state/internal.h"

#include "base/limits.h"

/* What judging found, for the writing after it. */
struct plan {
    const struct entity *old;      /* NULL: create. */
    const struct entity *attached; /* Existing subscription to attach; NULL for none or a new one. */
    bool grows;                    /* attached is implicit and has to become grown. */
    struct box grown_box;
    struct u64_vec grown; /* Owned. */
    struct new_token token;
};

static void plan_done(struct plan *p)
{
    u64_vec_done(&p->grown);
}

static enum reason judge_parameters(const struct change *c, int64_t now_us)
{
    if (!change_vol_is_sound(c, true)) return REASON_MALFORMED;
    if (c->state < INTENT_ACCEPTED || c->state > INTENT_CONTINGENT) return REASON_MALFORMED;
    if (c->suffix.n && ID_TEXT + 1 + c->suffix.n > CHANGE_TOKEN_MAX) return REASON_MALFORMED;
    if (c->attach != ATTACH_NONE && id_is_zero(c->attach_id)) return REASON_MALFORMED;

    if (c->vol.box.ends_us < now_us) return REASON_ENDED;
    if (!c->has_base && c->state != INTENT_ACCEPTED) return REASON_STATE_AT_CREATE;
    if (c->state != INTENT_ACCEPTED && c->attach == ATTACH_NONE) return REASON_NO_SUBSCRIPTION;
    return c->vol.box.starts_us < c->vol.box.ends_us ? REASON_ACCEPTED : REASON_WINDOW;
}

/* What a named subscription must be, and what an implicit one will become (f3548-dss.md 6.5). */
static enum reason judge_attached(const struct view *v, struct str participant,
                                  const struct change *c, struct plan *p)
{
    const struct entity *sub = p->attached = view_find(v, ENTITY_SUBSCRIPTION, c->attach_id);
    AUTO(u64_vec_done) struct u64_vec cells = {0};
    const struct box *box = &c->vol.box;

    if (!sub) return REASON_ATTACH_UNKNOWN;
    if (!str_equal(sub->manager, participant)) return REASON_ATTACH_MANAGER;

    entity_cells(sub, &cells);
    bool in_time = sub->box.starts_us <= box->starts_us && sub->box.ends_us >= box->ends_us;
    bool in_cells = cell_set_contains(cells.at, cells.n, c->vol.cells, c->vol.n_cells);
    if (in_time && in_cells) return REASON_ACCEPTED;
    if (!sub->is_implicit) return REASON_ATTACH_COVER;

    p->grown_box = sub->box;
    if (box->starts_us < p->grown_box.starts_us) p->grown_box.starts_us = box->starts_us;
    if (box->ends_us > p->grown_box.ends_us) p->grown_box.ends_us = box->ends_us;
    if (!in_cells) {
        memcpy(u64_vec_reserve(&cells, c->vol.n_cells), c->vol.cells,
               c->vol.n_cells * sizeof *c->vol.cells);
        cells.n += c->vol.n_cells;
        cell_set_normalise(&cells);
        if (cells.n > LIMIT_CELLS) return REASON_ATTACH_TOO_LARGE;
    }
    p->grows = true;
    p->grown = cells;
    cells = (struct u64_vec){0};
    return REASON_ACCEPTED;
}

static bool is_refused_down(const struct view *v, struct str participant)
{
    return view_extra(v)->network->genesis.needs_412_for_down && view_is_down(v, participant);
}

static enum reason judge_token(const struct view *v, const struct change *c, struct plan *p)
{
    uint32_t value;

    if (!token_is_fresh(v, p->token.digest)) return REASON_OVN_USED;
    if (p->old && c->suffix.n &&
        ptree_get(&v->used_tokens, (struct id){p->old->no, p->token.digest}, &value))
        return REASON_OVN_USED;
    return REASON_ACCEPTED;
}

/* What judging and writing will look at, as far as the change alone tells. */
static void fetch(const struct view *v, const struct change *c, uint64_t digest)
{
    struct entity ended = {.kind = ENTITY_INTENT, .box = c->vol.box};
    const struct ptree_way ways[] = {
        {&v->by_id[ENTITY_INTENT], c->id},
        {&v->by_token, {digest, 0}},
        {&v->by_end, entity_end_key(&ended)},
        {&v->by_id[ENTITY_SUBSCRIPTION], c->attach_id},
    };

    ptree_fetch(ways, sizeof ways / sizeof *ways - (c->attach == ATTACH_NONE));
}

/* In the order of f3548-dss.md 6.2. The caller ends p with plan_done(). */
static enum reason put_judge(const struct view *v, struct str participant, const struct change *c,
                             int64_t now_us, struct plan *p)
{
    enum reason r = judge_parameters(c, now_us);
    if (r != REASON_ACCEPTED) return r;

    new_token_of(c, &p->token);
    fetch(v, c, p->token.digest);
    p->old = view_find(v, ENTITY_INTENT, c->id);
    if (!p->old && c->has_base) return REASON_UNKNOWN_VERSION;
    if (p->old) {
        if (!str_equal(p->old->manager, participant)) return REASON_MANAGER;
        if (!c->has_base) return REASON_EXISTS;
        if (c->base != p->old->token_digest) return REASON_VERSION;
    }

    if (c->attach == ATTACH_EXISTING) {
        r = judge_attached(v, participant, c, p);
        if (r != REASON_ACCEPTED) return r;
    } else if (c->attach == ATTACH_NEW && view_find(v, ENTITY_SUBSCRIPTION, c->attach_id)) {
        return REASON_EXISTS; /* The proposer's random id was not random. */
    }
    if (key_is_needed(c) && is_refused_down(v, participant)) return REASON_DOWN;
    return judge_token(v, c, p);
}

enum reason intent_put_judge(const struct view *v, struct str participant, const struct change *c,
                             int64_t now_us)
{
    AUTO(plan_done) struct plan plan = {0};

    return put_judge(v, participant, c, now_us, &plan);
}

/* The implicit subscription that c asks for: its bounds are the intent's, heights apart. */
static const struct entity *make_implicit(struct step *st, const struct change *c)
{
    const struct name *manager = name_intern(st->s, st->participant);
    struct new_token token;
    struct vol vol = c->vol;

    new_token_derive(st, c->attach_id, &token);
    vol.box.floor_mm = VOL_FLOOR_NONE;
    vol.box.ceil_mm = VOL_CEIL_NONE;
    struct entity fields = {
        .id = c->attach_id,
        .kind = ENTITY_SUBSCRIPTION,
        .manager = manager->text,
        .manager_no = manager->no,
        .url = c->attach_url,
        .token = {token.text, token.n},
        .token_digest = token.digest,
        .changed_at = st->index,
        .box = vol.box,
        .for_intents = true,
        .for_constraints = c->attach_constraints,
        .is_implicit = true,
        .asks_constraints_since = c->attach_constraints ? st->index : 0,
    };
    struct entity *e = entity_make(st->s, &fields, vol.cells, vol.n_cells);
    entity_insert(st->s, e, &vol);
    return e;
}

static const struct entity *grow_implicit(struct step *st, const struct plan *p)
{
    struct entity fields = *p->attached;
    struct vol vol = {p->grown.at, p->grown.n, p->grown_box};
    struct new_token token;

    new_token_derive(st, fields.id, &token);
    fields.token = (struct str){token.text, token.n};
    fields.token_digest = token.digest;
    fields.changed_at = st->index;
    fields.box = p->grown_box;
    struct entity *e = entity_make(st->s, &fields, vol.cells, vol.n_cells);
    entity_replace(st->s, p->attached, e, &vol);
    return e;
}

static struct id dependent_key(const struct entity *sub, const struct entity *intent)
{
    return (struct id){sub->no, intent->no};
}

static bool is_orphan(const struct view *v, const struct entity *sub)
{
    AUTO(u32_vec_done) struct u32_vec nos = {0};

    if (!sub->is_implicit) return false;
    view_dependent_nos(v, sub->no, 1, &nos);
    return nos.n == 0;
}

/* Ends the link from intent to its subscription, and the subscription if it was implicit and this was the last. */
static void detach(struct state *s, const struct entity *intent)
{
    const struct entity *sub = view_find(&s->view, ENTITY_SUBSCRIPTION, intent->subscription);

    if (id_is_zero(intent->subscription)) return;
    must(sub && ptree_remove(&s->view.dependents, s->cow, dependent_key(sub, intent)));
    if (is_orphan(&s->view, sub)) entity_remove(s, sub);
}

static void write_record(struct step *st, const struct change *c, const struct plan *p,
                         const struct entity *sub, struct outcome *ret)
{
    struct state *s = st->s;
    const struct entity *old = p->old;
    const struct name *manager = name_intern(s, st->participant);
    struct entity fields = {
        .id = c->id,
        .kind = ENTITY_INTENT,
        .manager = manager->text,
        .manager_no = manager->no,
        .url = c->url,
        .token = {p->token.text, p->token.n},
        .token_digest = p->token.digest,
        .changed_at = st->index,
        .box = c->vol.box,
        .version = !old ? 1 : old->version < INT32_MAX ? old->version + 1 : INT32_MAX,
        .state = c->state,
        .priority = c->priority,
        .subscription = sub ? sub->id : (struct id){0, 0},
    };
    struct entity *e = entity_make(s, &fields, c->vol.cells, c->vol.n_cells);

    if (old) entity_replace(s, old, e, &c->vol);
    else entity_insert(s, e, &c->vol);
    if (sub) ptree_put(&s->view.dependents, s->cow, dependent_key(sub, e), 0);
    if (c->suffix.n)
        ptree_put(&s->view.used_tokens, s->cow, (struct id){e->no, e->token_digest}, 0);
    ret->version = e->version;
    ret->token_digest = e->token_digest;
}

void intent_put_apply(struct step *st, const struct change *c, struct outcome *ret)
{
    AUTO(plan_done) struct plan p = {0};
    struct state *s = st->s;
    const struct entity *sub = NULL;

    ret->reason = put_judge(&s->view, st->participant, c, st->now_us, &p);
    if (ret->reason != REASON_ACCEPTED) return;
    if (key_is_needed(c)) {
        bool asks = p.attached ? p.attached->for_constraints
                               : c->attach == ATTACH_NEW && c->attach_constraints;
        if (!c->has_key || c->checked_at > st->index || c->n_digests > LIMIT_KEY_DIGESTS) {
            ret->reason = REASON_MALFORMED;
            return;
        }
        if (!key_holds_late(st, c, asks, p.attached ? p.attached->asks_constraints_since : 0, ret)) {
            ret->reason = REASON_KEY;
            return;
        }
    }

    if (c->attach == ATTACH_NEW) sub = make_implicit(st, c);
    else if (p.attached) sub = p.grows ? grow_implicit(st, &p) : p.attached;
    if (p.old && (!sub || !id_equal(p.old->subscription, sub->id))) detach(s, p.old);

    /* Notices compare old and new, so they come before the record is replaced; the new subscription stands by now. */
    notices_make(st, ENTITY_INTENT, p.old, &c->vol, ret);
    write_record(st, c, &p, sub, ret);
}

enum reason intent_delete_judge(const struct view *v, struct str participant,
                                const struct change *c, int64_t now_us)
{
    const struct entity *old = view_find(v, ENTITY_INTENT, c->id);

    (void)now_us;
    if (!old) return REASON_NOT_FOUND;
    if (!str_equal(old->manager, participant)) return REASON_MANAGER;
    if (!c->has_base || c->base != old->token_digest) return REASON_VERSION;
    return is_refused_down(v, participant) ? REASON_DOWN : REASON_ACCEPTED;
}

struct used_walk {
    uint64_t no;
    struct id found;
    bool any;
};

static bool first_used(void *context, struct id key, uint32_t value)
{
    struct used_walk *w = context;

    (void)value;
    w->found = key;
    w->any = key.hi == w->no;
    return false;
}

void intent_drop(struct state *s, const struct entity *intent)
{
    struct used_walk w = {.no = intent->no, .any = true};

    while (w.any) {
        w.any = false;
        ptree_walk(&s->view.used_tokens, (struct id){intent->no, 0}, first_used, &w);
        if (w.any) ptree_remove(&s->view.used_tokens, s->cow, w.found);
    }
    detach(s, intent);
    entity_remove(s, intent);
}

void intent_delete_apply(struct step *st, const struct change *c, struct outcome *ret)
{
    ret->reason = intent_delete_judge(&st->s->view, st->participant, c, st->now_us);
    if (ret->reason != REASON_ACCEPTED) return;

    const struct entity *old = view_find(&st->s->view, ENTITY_INTENT, c->id);
    ret->version = old->version;
    ret->token_digest = old->token_digest;
    notices_make(st, ENTITY_INTENT, old, NULL, ret);
    intent_drop(st->s, old);
}
