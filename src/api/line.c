/* line.c - the members' calls that write.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "api/line.h"

#include <stddef.h>

#include "api/call.h"
#include "api/field.h"
#include "base/hex.h"
#include "base/json.h"
#include "state/epoch.h"
#include "state/member.h"

static void add_hex(struct json *j, const char *key, const void *bytes, size_t n)
{
    char text[64];
    must(2 * n <= sizeof text);
    hex_encode(bytes, n, text);
    json_key(j, key);
    json_str(j, str_make(text, 2 * n));
}

static void note_entry(struct call *c, const struct hash *entry_hash)
{
    char *hex = arena_alloc(call_arena(c), 64);
    hex_encode(entry_hash->b, 32, hex);
    c->entry_hash = str_make(hex, 64);
}

/* --- suspend and resume ----------------------------------------------------------------------- */

struct affair { /* In the call's arena. */
    struct call *call;
    struct pending pending;
};

static void answer(struct affair *a)
{
    struct call *c = a->call;
    struct buf body = {0};
    struct json j = {.to = &body};

    c->position = a->pending.position;
    json_open(&j, '{');
    json_key(&j, "member");
    json_str(&j, a->pending.change.member);
    json_key(&j, "suspended");
    json_bool(&j, a->pending.change.kind == CHANGE_SUSPEND);
    json_key(&j, "reason");
    json_str(&j, a->pending.change.text);
    add_hex(&j, "entry", a->pending.entry_hash.b, sizeof a->pending.entry_hash.b);
    json_close(&j, '}');
    call_answer(c, 200, &body);
}

static void done(struct pending *p)
{
    struct affair *a = (struct affair *)((char *)p - offsetof(struct affair, pending));

    if (p->err != OK) {
        if (p->is_unclear) note_entry(a->call, &p->entry_hash);
        call_refuse(a->call, p->err, &p->why);
    } else if (p->outcome.reason != REASON_ACCEPTED) {
        call_refuse_status(a->call, 409, str_of(reason_text(p->outcome.reason)));
    } else {
        answer(a);
    }
}

static enum err read_reason(struct call *c, struct str *ret, struct why *why)
{
    struct json_node body;
    struct str text;

    TRY(call_body(c, &body, why));
    TRY(field_string(body, "reason", &text, why));
    if (text.n == 0) return fail(why, ERR_INPUT, "reason: is missing: all members will read it");
    if (text.n > LIMIT_REASON_BYTES) return fail(why, ERR_INPUT, "reason: has more than %d bytes", LIMIT_REASON_BYTES);
    for (size_t i = 0; i < text.n; i++)
        if ((unsigned char)text.at[i] < 0x20) return fail(why, ERR_INPUT, "reason: has control characters");
    *ret = arena_dup(call_arena(c), text);
    return OK;
}

/* Fills in the change; what the state says against it comes at once, without an entry. */
static enum err prepare(struct affair *a, enum change_kind kind, struct why *why)
{
    struct change *change = &a->pending.change;
    enum err e = OK;
    struct state_pin pin;
    uint8_t author[8];

    change->kind = kind;
    TRY(read_reason(a->call, &change->text, why));
    node_author(a->call->api->options.node, author);
    const struct view *v = call_read(a->call, &pin);
    const struct member *m = view_member_of_author(v, author);
    if (!m) {
        e = fail(why, ERR_CONFLICT, "this node has not joined its network, or its keys were ended");
    } else if (member_is_suspended(m) == (kind == CHANGE_SUSPEND)) {
        e = fail(why, ERR_CONFLICT, kind == CHANGE_SUSPEND ? "%.*s has suspended its participation already" : "%.*s is not suspended",
                 STR_ARG(m->name));
    } else {
        change->member = arena_dup(call_arena(a->call), m->name);
        enum reason r = change_judge_by(v, author, STR(""), change, a->call->now_us / 1000);
        if (r != REASON_ACCEPTED) e = fail(why, reason_err(r), "%s", reason_text(r));
    }
    state_done_reading(&pin);
    return e;
}

static void start(struct call *c, enum change_kind kind)
{
    struct affair *a = arena_zalloc(call_arena(c), sizeof *a);
    struct why why = {0};

    a->call = c;
    a->pending.done = done;
    a->pending.arena = call_arena(c);
    enum err e = prepare(a, kind, &why);
    if (e != OK) call_refuse(c, e, &why);
    else node_propose(c->api->options.node, &a->pending); /* The call may be gone when this returns. */
}

void line_on_suspend(struct call *c)
{
    start(c, CHANGE_SUSPEND);
}

void line_on_resume(struct call *c)
{
    start(c, CHANGE_RESUME);
}

/* --- entries signed elsewhere ----------------------------------------------------------------- */

void line_on_author(struct call *c)
{
    struct buf body = {0};
    struct json j = {.to = &body};
    struct state_pin pin;
    struct hash previous;
    struct key_public key;
    uint8_t author[8];
    uint64_t slot;
    int64_t ms;

    if (!hex_decode(c->args[0], sizeof author, author)) {
        call_refuse_status(c, 400, STR("author: must be 16 hexadecimal digits"));
        return;
    }
    const struct view *v = call_read(c, &pin);
    if (!state_author_next(v, author, &slot, &previous, &ms)) {
        state_done_reading(&pin);
        call_refuse_status(c, 404, STR("no key with this id was ever an author here"));
        return;
    }
    const struct member *m = view_member_of_author(v, author);
    json_open(&j, '{');
    json_key(&j, "origin");
    json_str(&j, node_origin(c->api->options.node));
    json_key(&j, "genesis_hash");
    json_str(&j, str_make(c->api->dar_id, sizeof c->api->dar_id));
    add_hex(&j, "author", author, sizeof author);
    json_key(&j, "may_write");
    json_bool(&j, state_author_key(v, author, &key));
    json_key(&j, "member");
    if (m) json_str(&j, m->name);
    else json_null(&j);
    json_key(&j, "epoch");
    json_u64(&j, view_epoch(v));
    json_key(&j, "slot");
    json_u64(&j, slot);
    add_hex(&j, "previous", previous.b, sizeof previous.b);
    json_key(&j, "last_time_ms");
    if (ms == INT64_MIN) json_null(&j);
    else json_i64(&j, ms);
    json_close(&j, '}');
    state_done_reading(&pin);
    c->cache_control = STR("no-store");
    call_answer(c, 200, &body);
}

struct handed { /* In the call's arena, whose request keeps the bytes. */
    struct call *call;
    struct passing passing;
};

static void answer_handed(struct handed *h)
{
    struct call *c = h->call;
    const struct passing *p = &h->passing;
    struct buf body = {0};
    struct json j = {.to = &body};

    c->position = p->position;
    json_open(&j, '{');
    add_hex(&j, "entry", p->hash.b, sizeof p->hash.b);
    json_key(&j, "index");
    json_u64(&j, p->index);
    json_key(&j, "outcomes");
    json_open(&j, '[');
    for (size_t i = 0; i < p->n_changes; i++) json_str(&j, str_of(reason_text(p->outcomes[i])));
    json_close(&j, ']');
    json_key(&j, "accepted");
    bool all = true;
    for (size_t i = 0; i < p->n_changes; i++) all = all && p->outcomes[i] == REASON_ACCEPTED;
    json_bool(&j, all);
    json_close(&j, '}');
    call_answer(c, 200, &body);
}

static void handed_done(struct passing *p)
{
    struct handed *h = (struct handed *)((char *)p - offsetof(struct handed, passing));

    if (p->err == OK) {
        answer_handed(h);
        return;
    }
    if (p->is_unclear) note_entry(h->call, &p->hash);
    if (p->err == ERR_STATE && p->reason != REASON_ACCEPTED) p->err = reason_err(p->reason);
    call_refuse(h->call, p->err, &p->why);
}

void line_on_entry(struct call *c)
{
    struct handed *h = arena_zalloc(call_arena(c), sizeof *h);

    if (c->http->body.n == 0 || c->http->body.n > LIMIT_ENTRY_BYTES) {
        call_refuse_status(c, c->http->body.n ? 413 : 400, STR("the body must be the bytes of one entry, at most 32,768"));
        return;
    }
    h->call = c;
    h->passing.bytes = c->http->body;
    h->passing.done = handed_done;
    node_pass(c->api->options.node, &h->passing); /* The call may be gone when this returns. */
}
