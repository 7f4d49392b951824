/* entity.c - intents and constraints alike.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "api/entity.h"

#include "api/field.h"
#include "api/reference.h"
#include "base/limits.h"

/* Heights count in searches for intents only (f3548-dss.md 4.10). clang-format off */
static const struct kind {
    const char *one;  /* JSON up to the reference. */
    const char *many; /* JSON up to the array. */
    const char *noun;
    bool any_height;
    enum change_kind deletion;
} kinds[] = {
    [ENTITY_INTENT] = {"\"operational_intent_reference\":", "{\"operational_intent_references\":",
                       "operational intent", false, CHANGE_INTENT_DELETE},
    [ENTITY_CONSTRAINT] = {"\"constraint_reference\":", "{\"constraint_references\":",
                           "constraint", true, CHANGE_CONSTRAINT_DELETE},
};
/* clang-format on */

#define REFERENCE_BYTES 560 /* A guess at one reference, so that bodies seldom grow. */

void entity_on_get(struct call *c, enum entity_kind kind)
{
    struct why why = {0};
    struct id id;
    enum err err = field_id(c->args[0], "entityid", &id, &why);
    if (err) {
        call_refuse(c, err, &why);
        return;
    }
    struct buf body = {0};
    struct state_pin pin;
    const struct view *v = call_read(c, &pin);
    const struct entity *e = view_find(v, kind, id);
    if (e) {
        struct reference_writer writer = {.to = &body, .view = v, .caller = c->caller.sub};
        buf_reserve(&body, REFERENCE_BYTES + e->url.n);
        buf_add_char(&body, '{');
        buf_add_str(&body, str_of(kinds[kind].one));
        reference_add(&writer, e);
        buf_add_char(&body, '}');
    }
    state_done_reading(&pin);
    if (e) {
        call_answer(c, 200, &body);
        return;
    }
    (void)fail(&why, ERR_NOT_FOUND, "there is no %s with this id", kinds[kind].noun);
    call_refuse(c, ERR_NOT_FOUND, &why);
}

void entity_on_query(struct call *c, enum entity_kind kind)
{
    struct entity_vec *found = &c->scratch->found;
    struct why why = {0};
    struct vol area;
    enum err err = call_area(c, ERR_INPUT, &area, &why);
    if (err) {
        call_refuse(c, err, &why);
        return;
    }
    struct buf body = {0};
    struct state_pin pin;
    const struct view *v = call_read(c, &pin);
    entity_vec_clear(found);
    view_search(v, kind, &area, kinds[kind].any_height, found);
    bool is_too_many = found->n > LIMIT_RESULTS;
    if (!is_too_many) {
        struct reference_writer writer = {.to = &body, .view = v, .caller = c->caller.sub};
        buf_reserve(&body, 64 + REFERENCE_BYTES * found->n);
        buf_add_str(&body, str_of(kinds[kind].many));
        reference_add_list(&writer, found->at, found->n);
        buf_add_char(&body, '}');
    }
    state_done_reading(&pin);
    if (!is_too_many) {
        call_answer(c, 200, &body);
        return;
    }
    (void)fail(&why, ERR_TOO_LARGE, "%zu %ss meet this area; an answer holds %d: ask for less",
               found->n, kinds[kind].noun, LIMIT_RESULTS);
    call_refuse(c, ERR_TOO_LARGE, &why);
}

static void render(struct write *w, const struct view *v, const struct entity *e, struct buf *body)
{
    const struct outcome *o = &w->proposal.outcome;
    struct reference_writer writer = {.to = body, .view = v, .caller = w->call->caller.sub};
    buf_reserve(body, REFERENCE_BYTES + 160 + 96 * o->n_notices + e->url.n);
    buf_add_str(body, STR("{\"subscribers\":"));
    reference_add_subscribers(body, o->notices, o->n_notices, w->call->api->hash_seed,
                              call_arena(w->call));
    buf_add_char(body, ',');
    buf_add_str(body, str_of(kinds[e->kind].one));
    reference_add(&writer, e);
    buf_add_char(body, '}');
}

void entity_render_put(struct write *w, const struct view *v, struct buf *body)
{
    char token[CHANGE_TOKEN_MAX];
    struct entity e = reference_entity(&w->proposal.change, w->proposal.participant,
                                       &w->proposal.outcome, token);
    render(w, v, &e, body);
}

static void render_delete(struct write *w, const struct view *v, struct buf *body)
{
    render(w, v, w->old, body);
}

void entity_on_delete(struct call *c, enum entity_kind kind)
{
    struct write *w = write_new(c, kinds[kind].deletion);
    struct change *change = &w->proposal.change;
    struct why why = {0};
    enum err err = field_id(c->args[0], "entityid", &change->id, &why);
    if (!err && c->args[1].n == 0) err = fail(&why, ERR_INPUT, "ovn: must not be empty");
    if (err) {
        call_refuse(c, err, &why);
        return;
    }
    change->has_base = true;
    change->base = hash_digest(c->args[1]);

    w->render = render_delete;
    write_start(w);
}
