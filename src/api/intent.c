/* intent.c - operational intent references.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "api/intent.h"

#include "api/entity.h"
#include "api/field.h"
#include "base/limits.h"
#include "node/entropy.h"

/* Steps A2 to A5: URLs and what the write says of its subscription. */
static enum err read_attachment(const struct intent_input *in, struct json_node body,
                                struct arena *arena, struct change *change, struct why *why)
{
    struct json_node id_field = field(body, "subscription_id");
    struct json_node wanted = field(body, "new_subscription");
    struct str url, id_text, new_url = {0};
    bool is_new = json_type(wanted) != JSON_ABSENT;
    struct why inner;

    TRY(field_string(body, "uss_base_url", &url, why));
    if (url.n == 0) return fail(why, ERR_INPUT, "uss_base_url: must not be empty");
    TRY(field_string(body, "subscription_id", &id_text, why));
    if (id_text.n > 0) TRY(field_id(id_text, "subscription_id", &change->attach_id, why));
    if (is_new) {
        if (json_type(wanted) != JSON_OBJECT) {
            return fail(why, ERR_INPUT, "new_subscription: must be an object");
        }
        if (field_string(wanted, "uss_base_url", &new_url, &inner) ||
            field_bool(wanted, "notify_for_constraints", false, &change->attach_constraints, &inner)) {
            return fail(why, ERR_INPUT, "new_subscription.%.200s", inner.text);
        }
        if (new_url.n == 0) {
            return fail(why, ERR_INPUT, "new_subscription.uss_base_url: must not be empty");
        }
        if (json_type(id_field) != JSON_ABSENT) {
            return fail(why, ERR_INPUT, "subscription_id and new_subscription exclude each other");
        }
    }
    TRY(field_check_url(url, "uss_base_url", in->allows_http, why));
    if (is_new) {
        TRY(field_check_url(new_url, "new_subscription.uss_base_url", in->allows_http, why));
        change->attach = ATTACH_NEW;
        change->attach_id = entropy_id();
        change->attach_url = arena_dup(arena, new_url);
    } else if (id_text.n > 0) {
        change->attach = ATTACH_EXISTING;
    }
    change->url = arena_dup(arena, url);
    return OK;
}

static enum err read_state(struct json_node body, enum intent_state *ret, struct why *why)
{
    static const struct {
        const char *text;
        enum intent_state state;
    } states[] = {
        {"Accepted", INTENT_ACCEPTED},
        {"Activated", INTENT_ACTIVATED},
        {"Nonconforming", INTENT_NONCONFORMING},
        {"Contingent", INTENT_CONTINGENT},
    };
    struct str text;
    TRY(field_string(body, "state", &text, why));
    for (size_t i = 0; i < sizeof states / sizeof states[0]; i++) {
        if (!str_equal(text, str_of(states[i].text))) continue;
        *ret = states[i].state;
        return OK;
    }
    return fail(why, ERR_INPUT,
                "state: '%.*s' is not Accepted, Activated, Nonconforming or Contingent",
                STR_ARG(str_first(text, 32)));
}

/* f3548-dss.md 5.2. */
static enum err read_suffix(const struct intent_input *in, struct json_node body,
                            struct arena *arena, struct change *change, struct why *why)
{
    struct str text;
    struct id id;
    if (json_type(field(body, "requested_ovn_suffix")) == JSON_ABSENT) return OK;
    TRY(field_string(body, "requested_ovn_suffix", &text, why));
    if (!id_parse(text, &id) || id_version(id) != 7) {
        return fail(why, ERR_INPUT, "requested_ovn_suffix: must be a version 7 UUID");
    }
    int64_t apart_ms = id_v7_ms(id) - in->now_us / 1000;
    if (apart_ms > LIMIT_OVN_SKEW_MS || apart_ms < -LIMIT_OVN_SKEW_MS) {
        return fail(why, ERR_INPUT,
                    "requested_ovn_suffix: its time is more than %d minutes from now",
                    (int)(LIMIT_OVN_SKEW_MS / 60000));
    }
    change->suffix = arena_dup(arena, text);
    return OK;
}

struct key_context {
    struct arena *arena;
    struct str *at;
    struct why *why;
};

static enum err add_key_string(void *context, size_t i, struct json_node v)
{
    struct key_context *c = context;
    struct str text;
    if (!json_get_string(v, &text)) {
        return fail(c->why, ERR_INPUT, "key[%zu]: must be a string", i);
    }
    c->at[i] = arena_dup(c->arena, text);
    return OK;
}

static enum err read_key(struct json_node body, struct arena *arena, const struct str **ret,
                         size_t *ret_n, struct why *why)
{
    struct json_node key = field(body, "key");
    if (json_type(key) == JSON_ABSENT) {
        *ret = NULL;
        *ret_n = 0;
        return OK;
    }
    if (json_type(key) != JSON_ARRAY) return fail(why, ERR_INPUT, "key: must be an array");
    size_t n = json_size(key);
    struct key_context context = {arena, arena_array(arena, n, sizeof *context.at), why};
    TRY(json_each(key, add_key_string, &context));
    *ret = context.at;
    *ret_n = n;
    return OK;
}

/* Steps A7 and A8. An area over the limit is the client's fault like any other here (section 1). */
static enum err read_extents(const struct intent_input *in, struct json_node body,
                             struct volume_reader *volumes, struct arena *arena,
                             struct vol *ret, struct why *why)
{
    struct vol vol;
    enum err err = volume_read_union(volumes, field(body, "extents"), "extents", &vol, why);
    if (err) return err == ERR_TOO_LARGE ? ERR_INPUT : err;
    TRY(volume_check_bounds(&vol.box, true, in->now_us, why));
    *ret = volume_keep(&vol, arena);
    return OK;
}

enum err intent_read(const struct intent_input *in, struct json_node body,
                     struct volume_reader *volumes, struct arena *arena,
                     struct change *ret_change, const struct str **ret_key, size_t *ret_n_key,
                     struct why *why)
{
    struct change change = {.kind = CHANGE_INTENT_PUT};
    const struct str *key = NULL;
    size_t n_key = 0;

    TRY(field_id(in->id, "entityid", &change.id, why));
    TRY(read_attachment(in, body, arena, &change, why));
    TRY(read_state(body, &change.state, why));
    TRY(read_key(body, arena, &key, &n_key, why));
    TRY(read_extents(in, body, volumes, arena, &change.vol, why));
    if (in->ovn.n > 0) {
        change.has_base = true;
        change.base = hash_digest(in->ovn);
    } else if (change.state != INTENT_ACCEPTED) {
        return fail(why, ERR_INPUT, "state: a new operational intent must be Accepted");
    }
    TRY(read_suffix(in, body, arena, &change, why));
    if (change.state != INTENT_ACCEPTED && change.attach == ATTACH_NONE) {
        return fail(why, ERR_INPUT,
                    "subscription_id or new_subscription is needed in a state other than Accepted");
    }
    if (change.state != INTENT_ACCEPTED && change.state != INTENT_ACTIVATED &&
        !(in->scopes & SCOPE_CMSA)) {
        return fail(why, ERR_RIGHTS, "state: this state needs the scope "
                                     "utm.conformance_monitoring_sa");
    }
    if (change.suffix.n == 0) entropy_fill(change.random, sizeof change.random);
    *ret_change = change;
    *ret_key = key;
    *ret_n_key = n_key;
    return OK;
}

void intent_on_put(struct call *c)
{
    struct intent_input in = {
        .id = c->args[0],
        .ovn = c->args[1],
        .scopes = c->caller.scopes,
        .now_us = c->now_us,
        .allows_http = c->api->options.allows_http,
    };
    struct write *w = write_new(c, CHANGE_INTENT_PUT);
    struct json_node body;
    struct why why = {0};

    enum err err = call_body(c, &body, &why);
    if (!err) {
        err = intent_read(&in, body, &c->scratch->volumes, call_arena(c), &w->proposal.change,
                          &w->key, &w->n_key, &why);
    }
    if (err) {
        call_refuse(c, err, &why);
        return;
    }
    w->status = c->route->success;
    w->render = entity_render_put;
    write_start(w);
}

void intent_on_delete(struct call *c)
{
    entity_on_delete(c, ENTITY_INTENT);
}

void intent_on_get(struct call *c)
{
    entity_on_get(c, ENTITY_INTENT);
}

void intent_on_query(struct call *c)
{
    entity_on_query(c, ENTITY_INTENT);
}
