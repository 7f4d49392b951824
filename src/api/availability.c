/* availability.c - USS availability: anyone's, set by arbitrators.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "api/availability.h"

#include "api/field.h"
#include "api/write.h"
#include "base/json.h"
#include "base/limits.h"
#include "node/entropy.h"

static const char *const names[] = {
    [USS_UNKNOWN] = "Unknown", [USS_NORMAL] = "Normal", [USS_DOWN] = "Down"};

static enum err check_name(struct str uss, struct why *why)
{
    if (uss.n > 0 && uss.n <= LIMIT_SUB_BYTES && str_is_utf8(uss)) return OK;
    return fail(why, ERR_INPUT, "uss_id: must be 1 to %d bytes of UTF-8", LIMIT_SUB_BYTES);
}

enum err availability_read(struct str uss, struct json_node body, struct arena *arena,
                           struct change *ret_change, struct why *why)
{
    struct change change = {.kind = CHANGE_AVAILABILITY_PUT};
    struct str wanted, old_version;
    bool is_known = false;

    TRY(check_name(uss, why));
    TRY(field_string(body, "availability", &wanted, why));
    for (int i = USS_UNKNOWN; i <= USS_DOWN; i++) {
        if (!str_equal_nocase(wanted, str_of(names[i]))) continue;
        change.availability = (enum uss_availability)i;
        is_known = true;
    }
    if (!is_known && wanted.n > 0) { /* "" means Unknown, as with InterUSS. */
        return fail(why, ERR_INPUT, "availability: '%.*s' is not Unknown, Normal or Down",
                    STR_ARG(str_first(wanted, 32)));
    }
    TRY(field_string(body, "old_version", &old_version, why));
    if (old_version.n > 0) {
        change.has_base = true;
        change.base = hash_digest(old_version);
    }
    change.uss = arena_dup(arena, uss);
    entropy_fill(change.random, sizeof change.random);
    *ret_change = change;
    return OK;
}

static void add_body(struct buf *body, struct str version, struct str uss, enum uss_availability a)
{
    struct json j = {.to = body};
    json_open(&j, '{');
    json_key(&j, "version");
    json_str(&j, version);
    json_key(&j, "status");
    json_open(&j, '{');
    json_key(&j, "uss");
    json_str(&j, uss);
    json_key(&j, "availability");
    json_str(&j, str_of(names[a]));
    json_close(&j, '}');
    json_close(&j, '}');
}

static void render_put(struct write *w, const struct view *v, struct buf *body)
{
    const struct change *change = &w->proposal.change;
    char token[CHANGE_TOKEN_MAX];
    (void)v;
    add_body(body, str_make(token, change_token(change, token)), change->uss,
             change->availability);
}

void availability_on_put(struct call *c)
{
    struct write *w = write_new(c, CHANGE_AVAILABILITY_PUT);
    struct json_node body;
    struct why why = {0};
    enum err err = call_body(c, &body, &why);
    if (!err) {
        err = availability_read(c->args[0], body, call_arena(c), &w->proposal.change, &why);
    }
    if (err) {
        call_refuse(c, err, &why);
        return;
    }
    w->render = render_put;
    write_start(w);
}

void availability_on_get(struct call *c)
{
    struct buf body = {0};
    struct state_pin pin;
    struct why why = {0};
    enum err err = check_name(c->args[0], &why);
    if (err) {
        call_refuse(c, err, &why);
        return;
    }
    struct availability a = view_availability(call_read(c, &pin), c->args[0]);
    add_body(&body, a.version, c->args[0], a.status);
    state_done_reading(&pin);
    call_answer(c, 200, &body);
}
