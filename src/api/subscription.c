/* subscription.c - subscriptions.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "api/subscription.h"

#include "api/field.h"
#include "api/reference.h"
#include "api/write.h"
#include "base/instant.h"
#include "base/json.h"
#include "base/limits.h"
#include "node/entropy.h"

enum err subscription_read_id(struct str text, struct id *ret, struct why *why)
{
    struct id id;
    TRY(field_id(text, "subscriptionid", &id, why));
    if (id_equal(id, REFERENCE_NO_SUBSCRIPTION)) {
        return fail(why, ERR_INPUT, "subscriptionid: this id stands for 'no subscription'");
    }
    *ret = id;
    return OK;
}

/* f3548-dss.md 7.3. */
static enum err settle_times(const struct subscription_input *in, struct box *box, struct why *why)
{
    if (box->starts_us == INSTANT_MIN) {
        box->starts_us = in->has_old ? in->old.starts_us : in->now_us;
    } else if (box->starts_us < in->now_us - LIMIT_PAST_US) {
        return fail(why, ERR_INPUT, "extents.time_start: is more than %d minutes in the past",
                    (int)(LIMIT_PAST_US / INSTANT_MINUTE));
    }
    if (box->ends_us == INSTANT_MAX) {
        box->ends_us = in->has_old ? in->old.ends_us : box->starts_us + LIMIT_SUBSCRIPTION_US;
    }
    if (box->starts_us >= box->ends_us) {
        return fail(why, ERR_INPUT, "extents: time_end must be after time_start");
    }
    if (box->ends_us - box->starts_us > LIMIT_SUBSCRIPTION_US) {
        return fail(why, ERR_INPUT, "extents: a subscription lasts at most %d hours (DSS0015)",
                    (int)(LIMIT_SUBSCRIPTION_US / INSTANT_HOUR));
    }
    return OK;
}

enum err subscription_read(const struct subscription_input *in, struct json_node body,
                           struct volume_reader *volumes, struct arena *arena,
                           struct change *ret_change, struct why *why)
{
    struct change change = {.kind = CHANGE_SUBSCRIPTION_PUT};
    struct str url;
    struct vol vol;

    TRY(subscription_read_id(in->id, &change.id, why));
    TRY(field_string(body, "uss_base_url", &url, why));
    TRY(field_check_url(url, "uss_base_url", in->allows_http, why));
    enum err err = volume_read(volumes, field(body, "extents"), "extents", &vol, why);
    if (err) return err == ERR_TOO_LARGE ? ERR_INPUT : err;
    TRY(field_bool(body, "notify_for_operational_intents", false, &change.for_intents, why));
    TRY(field_bool(body, "notify_for_constraints", false, &change.for_constraints, why));
    if (!change.for_intents && !change.for_constraints) {
        return fail(why, ERR_INPUT, "notify_for_operational_intents or notify_for_constraints "
                                    "must be true");
    }
    TRY(settle_times(in, &vol.box, why));
    change.url = arena_dup(arena, url);
    change.vol = volume_keep(&vol, arena);
    if (in->version.n > 0) {
        change.has_base = true;
        change.base = hash_digest(in->version);
    }
    entropy_fill(change.random, sizeof change.random);
    *ret_change = change;
    return OK;
}

/* All entities that meet the subscription's cells and times, heights ignored (7.1). */
static void add_met(struct reference_writer *writer, const char *key, enum entity_kind kind,
                    const struct vol *vol)
{
    struct entity_vec found = {0};
    struct json j = {.to = writer->to, .needs_comma = true};
    view_search(writer->view, kind, vol, true, &found);
    json_key(&j, key);
    buf_reserve(writer->to, 560 * found.n + 2);
    reference_add_list(writer, found.at, found.n);
    entity_vec_done(&found);
}

static void add_subscription(struct buf *body, const struct view *v, const struct entity *e,
                             int32_t index, struct id_vec *ids)
{
    id_vec_clear(ids);
    view_dependents(v, e, ids);
    reference_add_subscription(body, e, index, ids->at, ids->n);
}

static void render_put(struct write *w, const struct view *v, struct buf *body)
{
    const struct change *change = &w->proposal.change;
    const struct outcome *o = &w->proposal.outcome;
    struct reference_writer writer = {.to = body, .view = v, .caller = w->call->caller.sub};
    char token[CHANGE_TOKEN_MAX];
    struct entity e = reference_entity(change, w->proposal.participant, o, token);
    struct id_vec ids = {0};

    const struct entity *stored = view_find(v, ENTITY_SUBSCRIPTION, change->id);
    if (stored) view_dependents(v, stored, &ids);
    buf_add_str(body, STR("{\"subscription\":"));
    reference_add_subscription(body, &e, o->index, ids.at, ids.n);
    id_vec_done(&ids);
    if (e.for_intents) {
        add_met(&writer, "operational_intent_references", ENTITY_INTENT, &change->vol);
    }
    if (e.for_constraints) {
        add_met(&writer, "constraint_references", ENTITY_CONSTRAINT, &change->vol);
    }
    buf_add_char(body, '}');
}

void subscription_on_put(struct call *c)
{
    struct subscription_input in = {
        .id = c->args[0],
        .version = c->args[1],
        .now_us = c->now_us,
        .allows_http = c->api->options.allows_http,
    };
    struct write *w = write_new(c, CHANGE_SUBSCRIPTION_PUT);
    struct json_node body;
    struct why why = {0};
    struct id id;

    enum err err = call_body(c, &body, &why);
    if (!err) err = subscription_read_id(in.id, &id, &why);
    if (!err) {
        /* An accepted update has the stored version as its base, so that these times are still the stored ones then. One with
         * another version is refused for that, not for times that it left out; of another's nothing is told to who
         * does not know its version. */
        struct state_pin pin;
        const struct entity *old = view_find(call_read(c, &pin), ENTITY_SUBSCRIPTION, id);
        in.has_old = old && (str_equal(old->manager, c->caller.sub) ||
                             old->token_digest == hash_digest(in.version));
        if (in.has_old) in.old = old->box;
        state_done_reading(&pin);
        err = subscription_read(&in, body, &c->scratch->volumes, call_arena(c),
                                &w->proposal.change, &why);
    }
    if (err) {
        call_refuse(c, err, &why);
        return;
    }
    w->is_heavy = true;
    w->render = render_put;
    write_start(w);
}

static void render_delete(struct write *w, const struct view *v, struct buf *body)
{
    (void)v;
    buf_add_str(body, STR("{\"subscription\":"));
    reference_add_subscription(body, w->old, w->old_index, NULL, 0); /* Dependents forbid it. */
    buf_add_char(body, '}');
}

void subscription_on_delete(struct call *c)
{
    struct write *w = write_new(c, CHANGE_SUBSCRIPTION_DELETE);
    struct change *change = &w->proposal.change;
    struct why why = {0};
    enum err err = field_id(c->args[0], "subscriptionid", &change->id, &why);
    if (!err && c->args[1].n == 0) err = fail(&why, ERR_INPUT, "version: must not be empty");
    if (err) {
        call_refuse(c, err, &why);
        return;
    }
    change->has_base = true;
    change->base = hash_digest(c->args[1]);
    w->render = render_delete;
    write_start(w);
}

void subscription_on_get(struct call *c)
{
    struct why why = {0};
    struct id id;
    enum err err = field_id(c->args[0], "subscriptionid", &id, &why);
    if (err) {
        call_refuse(c, err, &why);
        return;
    }
    struct buf body = {0};
    struct state_pin pin;
    const struct view *v = call_read(c, &pin);
    const struct entity *e = view_find(v, ENTITY_SUBSCRIPTION, id);
    if (!e) {
        err = fail(&why, ERR_NOT_FOUND, "there is no subscription with this id");
    } else if (!str_equal(e->manager, c->caller.sub)) {
        err = fail(&why, ERR_RIGHTS, "the subscription is managed by another USS");
    } else {
        buf_add_str(&body, STR("{\"subscription\":"));
        add_subscription(&body, v, e, view_index(v, e), &c->scratch->ids);
        buf_add_char(&body, '}');
    }
    state_done_reading(&pin);
    if (err) {
        call_refuse(c, err, &why);
    } else {
        call_answer(c, 200, &body);
    }
}

/* Only the caller's own that have not ended, with heights ignored (7.5); stays in id order. */
static void keep_own(struct entity_vec *found, struct str caller, int64_t now_us)
{
    size_t n = 0;
    for (size_t i = 0; i < found->n; i++) {
        const struct entity *e = found->at[i];
        if (str_equal(e->manager, caller) && e->box.ends_us >= now_us) found->at[n++] = e;
    }
    found->n = n;
}

void subscription_on_query(struct call *c)
{
    struct entity_vec *found = &c->scratch->found;
    struct why why = {0};
    struct vol area;
    enum err err = call_area(c, ERR_TOO_LARGE, &area, &why);
    if (err) {
        call_refuse(c, err, &why);
        return;
    }
    struct buf body = {0};
    struct state_pin pin;
    const struct view *v = call_read(c, &pin);
    entity_vec_clear(found);
    view_search(v, ENTITY_SUBSCRIPTION, &area, true, found);
    keep_own(found, c->caller.sub, c->now_us);
    bool is_too_many = found->n > LIMIT_RESULTS;
    if (!is_too_many) {
        buf_reserve(&body, 64 + 520 * found->n);
        buf_add_str(&body, STR("{\"subscriptions\":["));
        for (size_t i = 0; i < found->n; i++) {
            if (i > 0) buf_add_char(&body, ',');
            add_subscription(&body, v, found->at[i], view_index(v, found->at[i]),
                             &c->scratch->ids);
        }
        buf_add_str(&body, STR("]}"));
    }
    state_done_reading(&pin);
    if (is_too_many) {
        call_refuse_status(c, 413, STR("too many subscriptions meet this area: ask for less"));
    } else {
        call_answer(c, 200, &body);
    }
}
