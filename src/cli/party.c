/* party.c - requests of a participant, and what the answers say.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "cli/party.h"

#include <stdio.h>
#include <time.h>

#include "base/instant.h"
#include "cli/keyfile.h"

#define ANSWER_LIMIT_MS 30000
#define ANSWER_BYTES_MAX (16 * 1024 * 1024) /* A bundle of 256 leaves is at most 8 MiB. */

static int64_t monotonic_us(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

enum err party_token(const char *key_path, const char *sub, const char *audience, struct buf *ret, struct why *why)
{
    AUTO(buf_done) struct buf pem = {0};
    struct jwt_claims claims = {.iss = STR("local"), .sub = str_of(sub), .aud = str_of(audience),
                                .scope = STR("utm.strategic_coordination"), .issued_us = (int64_t)time(NULL) * 1000000,
                                .lifetime_s = 3600};
    enum err err = keyfile_read(key_path, &pem, why);

    if (err == OK) err = jwt_mint(buf_str(&pem), &claims, ret, why);
    if (pem.at) explicit_bzero(pem.at, pem.room);
    return err;
}

void party_init(struct party *p, const char *sub, const char *url, const char *ca_file, struct str token)
{
    *p = (struct party){.sub = str_of(sub), .url = str_of(url)};
    while (p->url.n && p->url.at[p->url.n - 1] == '/') p->url.n--;
    if (token.n) {
        buf_add_str(&p->authorization, STR("Authorization: Bearer "));
        buf_add_str(&p->authorization, token);
    }
    p->parser = json_parser_new();
    p->client = http_client_new(&(struct http_client_options){.ca_file = ca_file});
}

void party_done(struct party *p)
{
    if (!p) return;
    if (p->authorization.at) explicit_bzero(p->authorization.at, p->authorization.n);
    buf_done(&p->authorization);
    buf_done(&p->body);
    json_parser_free(p->parser);
    http_client_free(p->client);
    *p = (struct party){0};
}

enum err party_send(struct party *p, const char *method, struct str path, struct str body, struct why *why)
{
    AUTO(buf_done) struct buf url = {0};
    const char *headers[2];
    struct http_call call = {.method = method, .headers = headers, .body = body, .timeout_ms = ANSWER_LIMIT_MS,
                             .bytes_max = ANSWER_BYTES_MAX};
    int64_t from;

    buf_add_str(&url, p->url);
    buf_add_str(&url, path);
    call.url = buf_z(&url);
    if (p->authorization.n) headers[call.n_headers++] = buf_z(&p->authorization);
    if (body.n) {
        headers[call.n_headers++] = "Content-Type: application/json";
    } else {
        call.body.at = NULL;
    }
    buf_done(&p->body); /* The next answer comes in memory of its own. */
    p->root = (struct json_node){0};
    from = monotonic_us();
    TRY(http_client_call(p->client, &call, &p->status, &p->body, why));
    p->took_us = monotonic_us() - from;
    p->position = 0;
    (void)str_to_u64(http_client_header(p->client, "Journal-Position"), INT64_MAX, &p->position);
    if (p->body.n && p->body.at[0] == '{' && json_read(p->parser, buf_str(&p->body), &p->root, NULL) != OK)
        p->root = (struct json_node){0};
    return OK;
}

enum err party_refused(const struct party *p, struct why *why)
{
    static const struct {
        int status;
        enum err err;
    } known[] = {{400, ERR_INPUT},    {401, ERR_TOKEN},     {403, ERR_RIGHTS}, {404, ERR_NOT_FOUND}, {409, ERR_CONFLICT},
                 {412, ERR_STATE},    {413, ERR_TOO_LARGE}, {429, ERR_BUSY},   {503, ERR_UNAVAILABLE}};
    struct str words = {0};
    enum err err = ERR_UNAVAILABLE;

    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (known[i].status == p->status) err = known[i].err;
    }
    if (!json_get_string(json_member(p->root, "message"), &words)) words = str_first(buf_str(&p->body), 160);
    return fail(why, err, "%.*s is answered %d: %.*s", STR_ARG(p->sub), p->status, STR_ARG(words));
}

static struct json_node reference_of(const struct party *p)
{
    return json_member(p->root, "operational_intent_reference");
}

struct str party_reference_text(const struct party *p, const char *name)
{
    struct str text = {0};
    (void)json_get_string(json_member(reference_of(p), name), &text);
    return text;
}

int64_t party_reference_number(const struct party *p, const char *name)
{
    int64_t number = 0;
    (void)json_get_i64(json_member(reference_of(p), name), &number);
    return number;
}

static const char *const missing_lists[] = {"missing_operational_intents", "missing_constraints"};

size_t party_n_missing(const struct party *p)
{
    size_t n = 0;
    for (size_t i = 0; i < 2; i++) n += json_size(json_member(p->root, missing_lists[i]));
    return n;
}

struct missing_walk {
    enum err (*each)(void *context, const struct missing *m);
    void *context;
    bool is_constraint;
};

static enum err take_missing(void *context, size_t i, struct json_node v)
{
    struct missing_walk *w = context;
    struct missing m = {.is_constraint = w->is_constraint};
    struct str id;

    (void)i;
    if (!json_get_string(json_member(v, "id"), &id) || !id_parse(id, &m.id)) return OK;
    (void)json_get_string(json_member(v, "manager"), &m.manager);
    (void)json_get_string(json_member(v, "state"), &m.state);
    (void)json_get_string(json_member(v, "ovn"), &m.ovn);
    (void)json_get_string(json_member(json_member(v, "time_start"), "value"), &m.starts);
    (void)json_get_string(json_member(json_member(v, "time_end"), "value"), &m.ends);
    return w->each(w->context, &m);
}

enum err party_each_missing(const struct party *p, enum err (*each)(void *context, const struct missing *m), void *context)
{
    for (size_t i = 0; i < 2; i++) {
        struct missing_walk w = {each, context, i == 1};
        TRY(json_each(json_member(p->root, missing_lists[i]), take_missing, &w));
    }
    return OK;
}

struct notice_walk {
    enum err (*each)(void *context, struct str url, struct str subscription, int64_t index);
    void *context;
    struct str url;
};

static enum err take_notice(void *context, size_t i, struct json_node v)
{
    struct notice_walk *w = context;
    struct str subscription = {0};
    int64_t index = 0;

    (void)i;
    (void)json_get_string(json_member(v, "subscription_id"), &subscription);
    (void)json_get_i64(json_member(v, "notification_index"), &index);
    return w->each(w->context, w->url, subscription, index);
}

static enum err take_subscriber(void *context, size_t i, struct json_node v)
{
    struct notice_walk *w = context;
    (void)i;
    w->url = STR("");
    (void)json_get_string(json_member(v, "uss_base_url"), &w->url);
    return json_each(json_member(v, "subscriptions"), take_notice, w);
}

enum err party_each_notice(const struct party *p,
                           enum err (*each)(void *context, struct str url, struct str subscription, int64_t index),
                           void *context)
{
    struct notice_walk w = {each, context, {0}};
    return json_each(json_member(p->root, "subscribers"), take_subscriber, &w);
}

void party_intent_path(struct buf *to, struct id id, struct str ovn)
{
    char text[ID_TEXT];
    id_format(id, text);
    buf_add_str(to, STR("/dss/v1/operational_intent_references/"));
    buf_add(to, text, sizeof text);
    if (!ovn.n) return;
    buf_add_char(to, '/');
    for (size_t i = 0; i < ovn.n; i++) { /* OVNs of other makers may hold anything. */
        unsigned char c = (unsigned char)ovn.at[i];
        if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '-' || c == '_' || c == '.') {
            buf_add_char(to, (char)c);
        } else {
            buf_addf(to, "%%%02X", c);
        }
    }
}

void party_add_time(struct json *j, int64_t us)
{
    json_open(j, '{');
    json_key(j, "value");
    json_instant(j, us);
    json_key(j, "format");
    json_str(j, STR("RFC3339"));
    json_close(j, '}');
}

void party_add_height(struct json *j, int32_t mm)
{
    char text[32];
    int n = snprintf(text, sizeof text, "%.3f", mm / 1000.0);

    json_open(j, '{');
    json_key(j, "value");
    json_raw(j, str_make(text, (size_t)n));
    json_key(j, "reference");
    json_str(j, STR("W84"));
    json_key(j, "units");
    json_str(j, STR("M"));
    json_close(j, '}');
}

static void add_degrees(struct json *j, const char *name, double degrees)
{
    char text[32];
    int n = snprintf(text, sizeof text, "%.9f", degrees); /* 0.1 mm */
    json_key(j, name);
    json_raw(j, str_make(text, (size_t)n));
}

void party_add_ring(struct json *j, const struct point *ring, size_t n)
{
    json_open(j, '{');
    json_key(j, "vertices");
    json_open(j, '[');
    for (size_t i = 0; i < n; i++) {
        json_open(j, '{');
        add_degrees(j, "lat", ring[i].lat);
        add_degrees(j, "lng", ring[i].lng);
        json_close(j, '}');
    }
    json_close(j, ']');
    json_close(j, '}');
}

static void add_volume(struct json *j, const struct leg *leg)
{
    json_open(j, '{');
    json_key(j, "volume");
    json_open(j, '{');
    json_key(j, "outline_polygon");
    party_add_ring(j, leg->outer, 4);
    json_key(j, "altitude_lower");
    party_add_height(j, leg->outer_box.floor_mm);
    json_key(j, "altitude_upper");
    party_add_height(j, leg->outer_box.ceil_mm);
    json_close(j, '}');
    json_key(j, "time_start");
    party_add_time(j, leg->outer_box.starts_us);
    json_key(j, "time_end");
    party_add_time(j, leg->outer_box.ends_us);
    json_close(j, '}');
}

void party_intent_body(struct buf *to, const struct plan *plan)
{
    struct json j = {.to = to};

    json_open(&j, '{');
    json_key(&j, "extents");
    json_open(&j, '[');
    for (size_t i = 0; i < plan->n_legs; i++) add_volume(&j, &plan->legs[i]);
    json_close(&j, ']');
    json_key(&j, "key");
    json_open(&j, '[');
    for (size_t i = 0; i < plan->n_key; i++) json_str(&j, plan->key[i]);
    json_close(&j, ']');
    json_key(&j, "state");
    json_str(&j, STR("Accepted"));
    json_key(&j, "uss_base_url");
    json_str(&j, plan->base_url);
    if (plan->wants_notices) {
        json_key(&j, "new_subscription");
        json_open(&j, '{');
        json_key(&j, "uss_base_url");
        json_str(&j, plan->base_url);
        json_key(&j, "notify_for_constraints");
        json_bool(&j, false);
        json_close(&j, '}');
    }
    json_close(&j, '}');
}
