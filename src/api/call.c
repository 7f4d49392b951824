/* call.c - bodies in, answers out, counted and logged.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "api/call.h"

#include "api/field.h"
#include "api/problem.h"
#include "node/peers.h"

const struct view *call_read(struct call *c, struct state_pin *ret_pin)
{
    const struct view *v = state_read(node_state(c->api->options.node), ret_pin);
    c->position = v->position;
    return v;
}

enum err call_body(struct call *c, struct json_node *ret, struct why *why)
{
    struct json_node root;
    if (c->http->body.n == 0) return fail(why, ERR_INPUT, "the request needs a JSON body");
    TRY(json_read(c->scratch->json, c->http->body, &root, why));
    if (json_type(root) != JSON_OBJECT) {
        return fail(why, ERR_INPUT, "the body must be a JSON object");
    }
    *ret = root;
    return OK;
}

enum err call_area(struct call *c, enum err too_large, struct vol *ret, struct why *why)
{
    struct json_node body;
    TRY(call_body(c, &body, why));
    struct json_node area = field(body, "area_of_interest");
    if (json_type(area) == JSON_ABSENT) return fail(why, ERR_INPUT, "area_of_interest: is missing");
    enum err err = volume_read(&c->scratch->volumes, area, "area_of_interest", ret, why);
    return err == ERR_TOO_LARGE ? too_large : err;
}

static void add_header(struct http_response *response, struct str name, struct str value)
{
    must(response->n_headers < sizeof response->headers / sizeof response->headers[0]);
    response->headers[response->n_headers].name = name;
    response->headers[response->n_headers].value = value;
    response->n_headers++;
}

static struct str decimal(struct arena *arena, uint64_t value)
{
    char digits[20];
    size_t at = sizeof digits;
    do {
        digits[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value);
    return arena_dup(arena, str_make(digits + at, sizeof digits - at));
}

static void add_headers(struct call *c, int status, struct http_response *response)
{
    if (c->position == 0) {
        struct state_pin pin;
        (void)call_read(c, &pin);
        state_done_reading(&pin);
    }
    add_header(response, STR("Journal-Position"), decimal(call_arena(c), c->position));
    if (c->is_aged) add_header(response, STR("Journal-Age"), decimal(call_arena(c), (uint64_t)c->age_us / 1000000 + 1));
    if (peers_is_divided(node_peers(c->api->options.node))) add_header(response, STR("Journal-Divided"), STR("true"));
    if (c->entry_hash.n > 0) add_header(response, STR("Journal-Entry"), c->entry_hash);
    if (c->cache_control.n > 0) add_header(response, STR("Cache-Control"), c->cache_control);
    if (status == 401) add_header(response, STR("WWW-Authenticate"), STR("Bearer"));
    if (status == 429 || status == 503) add_header(response, STR("Retry-After"), STR("1"));
}

/* Before the answer leaves, because the call is gone with it. */
static void count(struct call *c, int status, size_t n_response)
{
    struct api *api = c->api;
    int64_t duration_us = later_clock_us() - c->http->arrived_us;
    size_t route = c->route ? routes_index(c->route) : routes_n();
    metrics_count(api->metrics, route, status, duration_us);
    if (!api->access_log) return;
    struct access access = {
        .method = c->http->method,
        .path = c->http->path,
        .sub = c->caller.sub,
        .status = status,
        .start_us = c->now_us,
        .duration_us = duration_us,
        .n_request = c->http->body.n,
        .n_response = n_response,
    };
    access_log_add(api->access_log, &access);
}

void call_answer(struct call *c, int status, struct buf *body)
{
    struct http_response response = {
        .status = status, .content_type = c->content_type, .body = *body};
    *body = (struct buf){0};
    add_headers(c, status, &response);
    count(c, status, response.body.n);
    http_respond(c->http, &response);
}

void call_refuse_status(struct call *c, int status, struct str message)
{
    struct buf body = {0};
    c->content_type = (struct str){0};
    c->cache_control = (struct str){0};
    problem_add(&body, message);
    call_answer(c, status, &body);
}

void call_refuse(struct call *c, enum err err, const struct why *why)
{
    const char *text = why && why->text[0] ? why->text : err_text(err);
    call_refuse_status(c, err_status(err), str_of(text));
}
