/* etcd.c - requests as JSON, answers back, and what a failure means.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "journal/etcd.h"

#include <stdio.h>

#include "base/b64.h"
#include "base/mem.h"
#include "http/client.h"
#include "http/json.h"

/* The oldest patch levels with the faults of evidence.md section 13 mended, by minor version. */
static const unsigned good_versions[][3] = {{3, 5, 33}, {3, 6, 14}};

/* Holds what one member can put into one slot (etcd's 1.5 MiB, in base64) several times, so that garbage is read as such. */
#define ANSWER_BYTES_MAX (8 * 1024 * 1024)

/* gRPC's codes, as the gateway passes them on. */
enum code { CODE_INVALID = 3, CODE_EXHAUSTED = 8, CODE_RANGE = 11 };

struct etcd {
    struct buf *endpoints;
    size_t n_endpoints, now;
    bool allow_old;
    int timeout_ms, attempt_ms; /* Of options, and of the next call. */
    bool *is_late; /* By endpoint. */
    struct http_client *http;
    struct json_parser *json;
    struct buf request, url;
};

void etcd_answer_done(struct etcd_answer *a)
{
    if (!a) return;
    arena_done(&a->arena);
    *a = (struct etcd_answer){0};
}

static enum err check_endpoint(const char *url, struct why *why)
{
    struct str s = str_of(url);

    if (str_starts(s, STR("http://")) && s.n > 7) return OK;
    if (str_starts(s, STR("https://")) && s.n > 8) return OK;
    return fail(why, ERR_INPUT, "etcd endpoint \"%s\": is neither http:// nor https://", url ? url : "");
}

enum err etcd_new(const struct etcd_options *options, struct etcd **ret, struct why *why)
{
    struct http_client_options http = {.connect_ms = 1000,
                                       .ca_file = options->ca_file,
                                       .cert_file = options->cert_file,
                                       .key_file = options->key_file,
                                       .stop = options->stop};
    struct etcd *e;

    if (options->n_endpoints == 0) return fail(why, ERR_INPUT, "no etcd endpoint is given");
    for (size_t i = 0; i < options->n_endpoints; i++) TRY(check_endpoint(options->endpoints[i], why));
    e = mem_zalloc(sizeof *e);
    e->endpoints = mem_calloc(options->n_endpoints, sizeof *e->endpoints);
    e->is_late = mem_calloc(options->n_endpoints, sizeof *e->is_late);
    e->n_endpoints = options->n_endpoints;
    for (size_t i = 0; i < options->n_endpoints; i++) {
        struct str url = str_of(options->endpoints[i]);
        while (str_ends(url, STR("/"))) url.n--;
        buf_add_str(&e->endpoints[i], url);
    }
    e->allow_old = options->allow_old;
    e->timeout_ms = e->attempt_ms = options->timeout_ms ? options->timeout_ms : 2000;
    e->http = http_client_new(&http);
    e->json = json_parser_new_for(ANSWER_BYTES_MAX, ANSWER_BYTES_MAX);
    *ret = e;
    return OK;
}

void etcd_free(struct etcd *e)
{
    if (!e) return;
    for (size_t i = 0; i < e->n_endpoints; i++) buf_done(&e->endpoints[i]);
    mem_free(e->endpoints);
    mem_free(e->is_late);
    http_client_free(e->http);
    json_parser_free(e->json);
    buf_done(&e->request);
    buf_done(&e->url);
    mem_free(e);
}

const char *etcd_endpoint(const struct etcd *e)
{
    return buf_z(&e->endpoints[e->now]);
}

size_t etcd_n_endpoints(const struct etcd *e)
{
    return e->n_endpoints;
}

void etcd_set_timeout(struct etcd *e, int64_t ms)
{
    e->attempt_ms = ms > 0 && ms < e->timeout_ms ? (int)ms : e->timeout_ms;
}

void etcd_move_on(struct etcd *e)
{
    e->now = (e->now + 1) % e->n_endpoints;
}

bool etcd_was_late(const struct etcd *e)
{
    return http_client_was_late(e->http);
}

/* Requests are texts whose only variable parts are base64 and numbers. */

static void add_bytes(struct buf *to, const char *name, struct str bytes)
{
    buf_addf(to, "\"%s\":\"", name);
    b64_add(to, B64_STANDARD, bytes.at, bytes.n);
    buf_add_char(to, '"');
}

static void add_range(struct buf *to, const struct etcd_range *range, bool puts_are_done, int64_t revision)
{
    buf_add_char(to, '{');
    add_bytes(to, "key", puts_are_done && range->after_puts.n ? range->after_puts : range->key);
    if (range->end.n) {
        buf_add_char(to, ',');
        add_bytes(to, "range_end", range->end);
    }
    if (range->limit) buf_addf(to, ",\"limit\":\"%lld\"", (long long)range->limit);
    if (revision) buf_addf(to, ",\"revision\":\"%lld\"", (long long)revision);
    buf_add_char(to, '}');
}

static void add_ranges(struct buf *to, const struct etcd_range *ranges, size_t n, bool puts_are_done)
{
    for (size_t i = 0; i < n; i++) {
        buf_add_str(to, i ? STR(",{\"request_range\":") : STR("{\"request_range\":"));
        add_range(to, &ranges[i], puts_are_done, 0);
        buf_add_char(to, '}');
    }
}

static void write_txn(struct buf *to, const struct etcd_put *puts, size_t n_puts, const struct etcd_range *ranges,
                      size_t n_ranges)
{
    buf_clear(to);
    buf_add_str(to, STR("{\"compare\":["));
    for (size_t i = 0; i < n_puts; i++) {
        buf_add_str(to, i ? STR(",{\"target\":\"CREATE\",\"result\":\"EQUAL\",\"create_revision\":\"0\",")
                          : STR("{\"target\":\"CREATE\",\"result\":\"EQUAL\",\"create_revision\":\"0\","));
        add_bytes(to, "key", puts[i].key);
        buf_add_char(to, '}');
    }
    buf_add_str(to, STR("],\"success\":["));
    for (size_t i = 0; i < n_puts; i++) {
        buf_add_str(to, STR("{\"request_put\":{"));
        add_bytes(to, "key", puts[i].key);
        buf_add_char(to, ',');
        add_bytes(to, "value", puts[i].value);
        buf_add_str(to, i + 1 < n_puts || n_ranges ? STR("}},") : STR("}}"));
    }
    add_ranges(to, ranges, n_ranges, n_puts > 0);
    buf_add_str(to, STR("]}")); /* Without "failure": the gateway takes as long to read a request as etcd to do it. */
}

/* What the gateway says when it is no answer. */
static enum err explain(struct etcd *e, int status, struct str body, struct why *why)
{
    struct json_node root, at;
    struct str message = {0};
    int64_t code = 0;
    const char *url = etcd_endpoint(e);

    if (status == 404) return fail(why, ERR_INPUT, "etcd at %s has no such call: is this etcd's client address?", url);
    if (json_read(e->json, body, &root, NULL) == OK) {
        at = json_member(root, "message");
        if (!json_get_string(at, &message)) (void)json_get_string(json_member(root, "error"), &message);
        (void)json_get_i64(json_member(root, "code"), &code);
    }
    message = str_first(message, 120);
    if (code == CODE_EXHAUSTED && str_ends(message, STR("database space exceeded")))
        return fail(why, ERR_DISK, "etcd at %s is full: compact, defragment, then disarm its alarm", url);
    if (code == CODE_EXHAUSTED && str_starts(message, STR("grpc: received message larger")))
        return fail(why, ERR_TOO_LARGE, "etcd at %s: %.*s", url, STR_ARG(message));
    if (code == CODE_EXHAUSTED && str_ends(message, STR("too many requests")))
        return fail(why, ERR_UNAVAILABLE, "etcd at %s: %.*s", url, STR_ARG(message));
    if (code == CODE_RANGE && str_ends(message, STR("compacted")))
        return fail(why, ERR_NOT_FOUND, "etcd at %s: %.*s", url, STR_ARG(message));
    if (code == CODE_RANGE) return fail(why, ERR_UNAVAILABLE, "etcd at %s: %.*s", url, STR_ARG(message));
    if (code == CODE_INVALID) return fail(why, ERR_INPUT, "etcd at %s refuses: %.*s", url, STR_ARG(message));
    return fail(why, ERR_NET, "etcd at %s answered %d: %.*s", url, status, STR_ARG(message));
}

/* One call; e->request is the body unless method is GET. The answer's document is root, until the next. */
static enum err call(struct etcd *e, const char *method, const char *path, struct json_node *ret_root, struct why *why)
{
    static const char *const headers[] = {"Content-Type: application/json"};
    bool is_shorter = e->attempt_ms < e->timeout_ms;
    struct http_call http = {.method = method,
                             .headers = headers,
                             .n_headers = 1,
                             .timeout_ms = is_shorter || !e->is_late[e->now] ? e->attempt_ms : ETCD_LATE * e->timeout_ms,
                             .bytes_max = ANSWER_BYTES_MAX};
    AUTO(buf_done) struct buf body = {0};
    int status;
    enum err err;

    buf_clear(&e->url);
    buf_addf(&e->url, "%s%s", etcd_endpoint(e), path);
    http.url = buf_z(&e->url);
    if (strcmp(method, "POST") == 0) http.body = buf_str(&e->request);
    err = http_client_call(e->http, &http, &status, &body, why);
    if (http_client_was_late(e->http)) err = fail(why, ERR_NET, "etcd at %s gave no answer within %d ms", etcd_endpoint(e), http.timeout_ms);
    if (err == OK || (http_client_was_late(e->http) && !is_shorter)) e->is_late[e->now] = http_client_took_ms(e->http) >= e->timeout_ms;
    if (err == ERR_NET && !http_client_was_sent(e->http)) err = ERR_UNAVAILABLE;
    if (err == OK && status != 200) err = explain(e, status, buf_str(&body), why);
    else if (err == OK) {
        (void)buf_reserve(&body, JSON_PADDING);
        if (json_read_padded(e->json, buf_str(&body), ret_root, why) != OK) err = ERR_NET;
    }
    if (err == ERR_NET || err == ERR_UNAVAILABLE || err == ERR_DISK) etcd_move_on(e);
    return err;
}

/* A number as a string; absent is 0. */
static int64_t number(struct json_node object, const char *name)
{
    struct json_node v = json_member(object, name);
    struct str text;
    uint64_t value = 0;
    int64_t plain = 0;

    if (json_get_string(v, &text)) (void)str_to_u64(text, INT64_MAX, &value);
    else if (json_get_i64(v, &plain) && plain > 0) value = (uint64_t)plain;
    return (int64_t)value;
}

/* Ids have 64 bits. */
static uint64_t id_of(struct json_node object, const char *name)
{
    struct str text;
    uint64_t value = 0;

    if (json_get_string(json_member(object, name), &text)) (void)str_to_u64(text, UINT64_MAX, &value);
    return value;
}

static struct etcd_header header_of(struct json_node root)
{
    struct json_node h = json_member(root, "header");
    return (struct etcd_header){number(h, "revision"), id_of(h, "cluster_id"), id_of(h, "member_id"), id_of(h, "raft_term")};
}

struct reading {
    struct etcd_answer *answer;
    struct etcd_found *found;
};

static enum err read_bytes(struct json_node object, const char *name, struct arena *arena, struct str *ret)
{
    AUTO(buf_done) struct buf bytes = {0};
    struct str text = {0};

    if (json_get_string(json_member(object, name), &text) && !b64_decode(B64_STANDARD, text, &bytes)) return ERR_NET;
    *ret = arena_dup(arena, buf_str(&bytes)); /* Absent: empty. */
    return OK;
}

static enum err read_kv(void *context, size_t i, struct json_node v)
{
    struct reading *r = context;
    struct etcd_kv *kv = &r->found->at[i];

    TRY(read_bytes(v, "key", &r->answer->arena, &kv->key));
    TRY(read_bytes(v, "value", &r->answer->arena, &kv->value));
    kv->create_revision = number(v, "create_revision");
    kv->mod_revision = number(v, "mod_revision");
    kv->version = number(v, "version");
    return kv->key.n && kv->create_revision > 0 ? OK : ERR_NET;
}

static enum err read_found(struct json_node response, struct etcd_answer *answer, struct etcd_found *ret)
{
    struct reading r = {answer, ret};
    struct json_node kvs = json_member(response, "kvs");

    if (json_type(kvs) != JSON_ABSENT && json_type(kvs) != JSON_ARRAY) return ERR_NET;
    ret->n = json_size(kvs);
    ret->at = arena_array(&answer->arena, ret->n, sizeof *ret->at);
    (void)json_get_bool(json_member(response, "more"), &ret->has_more);
    TRY(json_each(kvs, read_kv, &r));
    for (size_t i = 1; i < ret->n; i++)
        if (str_compare(ret->at[i - 1].key, ret->at[i].key) >= 0) return ERR_NET;
    return OK;
}

struct responses {
    struct etcd_answer *answer;
    size_t n_puts; /* They come first, if they were done. */
};

static enum err read_response(void *context, size_t i, struct json_node v)
{
    struct responses *r = context;
    struct json_node range = json_member(v, "response_range");

    if (i < r->n_puts) return json_type(json_member(v, "response_put")) == JSON_OBJECT ? OK : ERR_NET;
    if (json_type(range) != JSON_OBJECT) return ERR_NET;
    return read_found(range, r->answer, &r->answer->ranges[i - r->n_puts]);
}

static void answer_start(struct etcd_answer *a, struct json_node root, size_t n_ranges)
{
    arena_clear(&a->arena);
    a->header = header_of(root);
    a->revision = a->header.revision;
    a->succeeded = false;
    a->n_ranges = n_ranges;
    a->ranges = arena_array(&a->arena, n_ranges, sizeof *a->ranges);
}

/* etcd answered something else than was asked for. */
static enum err is_strange(struct etcd *e, struct why *why)
{
    enum err err = fail(why, ERR_NET, "etcd at %s: its answer makes no sense", etcd_endpoint(e));

    etcd_move_on(e);
    return err;
}

enum err etcd_answer_read(struct json_node root, size_t n_puts, size_t n_ranges, struct etcd_answer *ret)
{
    struct responses responses = {.answer = ret};
    struct json_node list = json_member(root, "responses");
    bool succeeded = false;

    answer_start(ret, root, n_ranges);
    (void)json_get_bool(json_member(root, "succeeded"), &succeeded);
    responses.n_puts = succeeded ? n_puts : 0;
    if (ret->revision == 0) return ERR_NET;
    if (n_puts && !succeeded) { /* Nothing was done, and nothing read. */
        ret->n_ranges = 0;
        return json_size(list) == 0 ? OK : ERR_NET;
    }
    if (json_type(list) != JSON_ARRAY || json_size(list) != responses.n_puts + n_ranges) return ERR_NET;
    TRY(json_each(list, read_response, &responses));
    ret->succeeded = n_puts > 0;
    return OK;
}

enum err etcd_txn(struct etcd *e, const struct etcd_put *puts, size_t n_puts, const struct etcd_range *ranges,
                  size_t n_ranges, struct etcd_answer *ret, struct why *why)
{
    struct json_node root;

    must(n_puts + n_ranges <= ETCD_OPS_MAX && n_puts + n_ranges > 0);
    write_txn(&e->request, puts, n_puts, ranges, n_ranges);
    TRY(call(e, "POST", "/v3/kv/txn", &root, why));
    return etcd_answer_read(root, n_puts, n_ranges, ret) == OK ? OK : is_strange(e, why);
}

enum err etcd_read(struct etcd *e, const struct etcd_range *range, int64_t revision, struct etcd_answer *ret,
                   struct why *why)
{
    struct json_node root;

    buf_clear(&e->request);
    add_range(&e->request, range, false, revision);
    TRY(call(e, "POST", "/v3/kv/range", &root, why));
    answer_start(ret, root, 1);
    if (ret->revision == 0 || read_found(root, ret, ret->ranges) != OK) return is_strange(e, why);
    if (revision) ret->revision = revision;
    return OK;
}

enum err etcd_delete(struct etcd *e, struct str key, struct str end, struct why *why)
{
    struct json_node root;

    buf_clear(&e->request);
    buf_add_char(&e->request, '{');
    add_bytes(&e->request, "key", key);
    buf_add_char(&e->request, ',');
    add_bytes(&e->request, "range_end", end);
    buf_add_char(&e->request, '}');
    return call(e, "POST", "/v3/kv/deleterange", &root, why);
}

/* Missing digits are 0; what follows the third number (-rc.1) is ignored. */
static void read_version(const char *text, unsigned ret[3])
{
    ret[0] = ret[1] = ret[2] = 0;
    (void)sscanf(text, "%9u.%9u.%9u", &ret[0], &ret[1], &ret[2]);
}

static bool is_good_version(const char *text)
{
    unsigned v[3];
    const size_t n = sizeof good_versions / sizeof *good_versions;

    read_version(text, v);
    for (size_t i = 0; i < n; i++)
        if (v[0] == good_versions[i][0] && v[1] == good_versions[i][1]) return v[2] >= good_versions[i][2];
    return v[0] > good_versions[n - 1][0] || (v[0] == good_versions[n - 1][0] && v[1] > good_versions[n - 1][1]);
}

static enum err read_alarm(void *context, size_t i, struct json_node v)
{
    struct etcd_status *s = context;
    struct str text;

    (void)i;
    if (!json_get_string(v, &text)) return OK;
    for (size_t at = 0; at < text.n; at++) {
        s->is_full |= str_starts(str_skip(text, at), STR("NOSPACE"));
        s->is_corrupt |= str_starts(str_skip(text, at), STR("CORRUPT"));
    }
    return OK;
}

enum err etcd_ask_status(struct etcd *e, struct etcd_status *ret, struct why *why)
{
    struct etcd_status status = {0};
    struct json_node root;
    struct str version = {0}, leader = {0}, member = {0};
    const char *url = etcd_endpoint(e);

    buf_clear(&e->request);
    buf_add_str(&e->request, STR("{}"));
    TRY(call(e, "POST", "/v3/maintenance/status", &root, why));
    if (!json_get_string(json_member(root, "version"), &version) || version.n >= sizeof status.version)
        return is_strange(e, why);
    memcpy(status.version, version.at, version.n);
    (void)json_get_string(json_member(root, "leader"), &leader); /* 64 bits without sign; absent or 0: none. */
    (void)json_get_string(json_member(json_member(root, "header"), "member_id"), &member);
    status.has_leader = leader.n && !str_equal(leader, STR("0"));
    status.is_leader = status.has_leader && str_equal(leader, member);
    status.bytes = number(root, "dbSize");
    status.bytes_in_use = number(root, "dbSizeInUse");
    (void)json_each(json_member(root, "errors"), read_alarm, &status);
    if (!e->allow_old && !is_good_version(status.version))
        return fail(why, ERR_STATE,
                    "etcd at %s is %s, which has faults that lose or repeat data; it must be 3.5.33, 3.6.14 or later "
                    "(--allow-old-etcd for tests)",
                    url, status.version);
    *ret = status;
    return OK;
}
