/* auxiliary.c - version, pool, heartbeat, what became of an entry.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "api/auxiliary.h"

#include <pthread.h>

#include "base/hex.h"
#include "base/instant.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/mem.h"

#define SOURCE_BYTES 128

struct heartbeat {
    pthread_mutex_t lock;
    bool is_reported; /* Else the rest is empty. */
    uint64_t index;   /* How many were reported. */
    int64_t time_us;
    int64_t next_before_us;
    bool has_next;
    struct buf reporter;
    struct buf source;
};

struct heartbeat *heartbeat_new(void)
{
    struct heartbeat *h = mem_zalloc(sizeof *h);
    must(pthread_mutex_init(&h->lock, NULL) == 0);
    return h;
}

void heartbeat_free(struct heartbeat *h)
{
    if (!h) return;
    must(pthread_mutex_destroy(&h->lock) == 0);
    buf_done(&h->reporter);
    buf_done(&h->source);
    mem_free(h);
}

static void add_member(struct json *j, const char *key, struct str value)
{
    json_key(j, key);
    json_str(j, value);
}

static void answer_text(struct call *c, const char *key, struct str value)
{
    struct buf body = {0};
    struct json j = {.to = &body};
    json_open(&j, '{');
    add_member(&j, key, value);
    json_close(&j, '}');
    call_answer(c, 200, &body);
}

void aux_on_healthy(struct call *c)
{
    struct buf body = {0};
    buf_add_str(&body, STR("ok"));
    c->content_type = STR("text/plain; charset=utf-8");
    call_answer(c, 200, &body);
}

void aux_on_version(struct call *c)
{
    answer_text(c, "version", c->api->options.version);
}

void aux_on_system_version(struct call *c)
{
    struct buf body = {0};
    struct json j = {.to = &body};
    json_open(&j, '{');
    add_member(&j, "system_identity", c->args[0]);
    add_member(&j, "system_version", c->api->options.version);
    json_close(&j, '}');
    call_answer(c, 200, &body);
}

void aux_on_validate_oauth(struct call *c)
{
    struct buf body = {0};
    struct str owner;
    if (http_query(c->http, "owner", &owner) && !str_equal(owner, c->caller.sub)) {
        call_refuse_status(c, 403, STR("the token's sub is not this owner"));
        return;
    }
    buf_add_str(&body, STR("{}"));
    call_answer(c, 200, &body);
}

void aux_on_pool(struct call *c)
{
    answer_text(c, "dar_id", str_make(c->api->dar_id, sizeof c->api->dar_id));
}

/* What was reported last; before the first report, how far this node's journal is. */
static void add_heartbeat(struct json *j, struct call *c)
{
    struct heartbeat *h = c->api->heartbeat;
    struct state_pin pin;
    const struct view *v = call_read(c, &pin);
    must(pthread_mutex_lock(&h->lock) == 0);
    json_open(j, '{');
    json_key(j, "timestamp");
    json_instant(j, h->is_reported ? h->time_us : v->last_time_ms * 1000);
    add_member(j, "source", h->is_reported ? buf_str(&h->source) : STR("journal"));
    if (h->is_reported) add_member(j, "reporter", buf_str(&h->reporter));
    json_key(j, "index");
    json_u64(j, h->is_reported ? h->index : v->position);
    if (h->has_next) {
        json_key(j, "next_heartbeat_expected_before");
        json_instant(j, h->next_before_us);
    }
    json_close(j, '}');
    must(pthread_mutex_unlock(&h->lock) == 0);
    state_done_reading(&pin);
}

static void answer_instances(struct call *c)
{
    const struct api_options *o = &c->api->options;
    struct buf body = {0};
    struct json j = {.to = &body};
    json_open(&j, '{');
    json_key(&j, "dss_instances");
    json_open(&j, '[');
    json_open(&j, '{');
    add_member(&j, "id", o->locality);
    if (o->public_endpoint.n > 0) add_member(&j, "public_endpoint", o->public_endpoint);
    json_key(&j, "most_recent_heartbeat");
    add_heartbeat(&j, c);
    json_close(&j, '}');
    json_close(&j, ']');
    json_close(&j, '}');
    call_answer(c, c->route->success, &body);
}

void aux_on_instances(struct call *c)
{
    answer_instances(c);
}

static enum err read_moment(struct call *c, const char *name, int64_t *ret, bool *ret_is_there,
                            struct why *why)
{
    struct str text;
    *ret_is_there = http_query(c->http, name, &text) && text.n > 0;
    if (*ret_is_there && !instant_parse(text, ret)) {
        return fail(why, ERR_INPUT, "%s: is not an RFC 3339 time", name);
    }
    return OK;
}

static enum err report_heartbeat(struct call *c, struct why *why)
{
    struct heartbeat *h = c->api->heartbeat;
    struct str source;
    int64_t time_us = c->now_us;
    int64_t next_us = 0;
    bool has_time, has_next;

    if (!http_query(c->http, "source", &source) || source.n == 0 || source.n > SOURCE_BYTES) {
        return fail(why, ERR_INPUT, "source: must have 1 to %d bytes", SOURCE_BYTES);
    }
    TRY(read_moment(c, "timestamp", &time_us, &has_time, why));
    TRY(read_moment(c, "next_heartbeat_expected_before", &next_us, &has_next, why));
    if (has_next && next_us < time_us) {
        return fail(why, ERR_INPUT, "next_heartbeat_expected_before: is before timestamp");
    }
    must(pthread_mutex_lock(&h->lock) == 0);
    h->is_reported = true;
    h->index++;
    h->time_us = time_us;
    h->has_next = has_next;
    h->next_before_us = next_us;
    buf_clear(&h->reporter);
    buf_add_str(&h->reporter, c->caller.sub);
    buf_clear(&h->source);
    buf_add_str(&h->source, source);
    must(pthread_mutex_unlock(&h->lock) == 0);
    return OK;
}

void aux_on_heartbeat(struct call *c)
{
    struct why why = {0};
    enum err err = report_heartbeat(c, &why);
    if (err) {
        call_refuse(c, err, &why);
    } else {
        answer_instances(c);
    }
}

/* One PEM text holds any number of certificates; InterUSS lists them one by one. */
void aux_on_ca_certs(struct call *c)
{
    struct buf body = {0};
    struct json j = {.to = &body};
    struct str rest = c->api->options.ca_pem;
    const struct str end = STR("-----END CERTIFICATE-----");
    json_open(&j, '{');
    json_key(&j, "CAs");
    json_open(&j, '[');
    size_t begin = 0;
    for (size_t i = 0; i + end.n <= rest.n; i++) {
        if (!str_starts(str_skip(rest, i), end)) continue;
        size_t stop = i + end.n;
        while (begin < stop && rest.at[begin] != '-') begin++;
        json_str(&j, str_make(rest.at + begin, stop - begin));
        begin = stop;
        i = stop - 1;
    }
    json_close(&j, ']');
    json_close(&j, '}');
    call_answer(c, 200, &body);
}

/* InterUSS's options about locks and indices: none exists here, notification indices count. */
void aux_on_global_options(struct call *c)
{
    struct buf body = {0};
    buf_add_str(&body, STR("{\"scd_global_lock\":false,\"scd_hash_lock\":false,"
                           "\"time_based_notification_index\":false}"));
    call_answer(c, 200, &body);
}

void aux_on_entry_fate(struct call *c)
{
    static const char *const words[] = {
        [NODE_COMMITTED] = "committed", [NODE_ABSENT] = "absent", [NODE_OPEN] = "open", [NODE_UNKNOWN] = "unknown"};
    struct hash hash;
    if (!hex_decode(c->args[0], sizeof hash.b, hash.b)) {
        call_refuse_status(c, 400, STR("hash: must be 64 hexadecimal digits"));
        return;
    }
    answer_text(c, "fate", str_of(words[node_fate(c->api->options.node, &hash)]));
}
