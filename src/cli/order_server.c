/* order_server.c - keys, revisions, transactions, behind HTTP.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Keys are sorted in one array; each has the revision that created it and its version. Of what was deleted nothing is kept, so
 * that reads at an older revision than the last deletion are answered as compacted.
 */
#include "cli/order_server.h"

#include "base/b64.h"
#include "base/buf.h"
#include "base/mem.h"
#include "base/vec.h"
#include "http/json.h"
#include "http/server.h"

#define TEXT_MAX (4 * 1024 * 1024)
#define VERSION "3.5.33"

struct item {
    struct str key, value; /* One allocation, at key. */
    int64_t created, modified, version;
};
VEC_DEFINE(item_vec, struct item);

struct order_server {
    struct http_server *http;
    struct json_parser *json;
    struct item_vec items; /* By key. */
    int64_t revision, deleted_at;
};

/* --- the store -------------------------------------------------------------------------------- */

/* Place of the first item not below key. */
static size_t place_of(const struct order_server *s, struct str key)
{
    size_t low = 0, high = s->items.n;

    while (low < high) {
        size_t middle = (low + high) / 2;
        if (str_compare(s->items.at[middle].key, key) < 0) low = middle + 1;
        else high = middle;
    }
    return low;
}

static bool has(const struct order_server *s, struct str key)
{
    size_t i = place_of(s, key);
    return i < s->items.n && str_equal(s->items.at[i].key, key);
}

static void put(struct order_server *s, struct str key, struct str value)
{
    size_t i = place_of(s, key);
    bool is_there = i < s->items.n && str_equal(s->items.at[i].key, key);
    char *copy = mem_alloc(key.n + value.n + 1);
    struct item fresh = {.key = {copy, key.n}, .value = {copy + key.n, value.n}, .created = s->revision, .version = 1};

    memcpy(copy, key.at, key.n);
    memcpy(copy + key.n, value.at, value.n);
    fresh.modified = s->revision;
    if (is_there) {
        fresh.created = s->items.at[i].created;
        fresh.version = s->items.at[i].version + 1;
        mem_free((void *)(uintptr_t)s->items.at[i].key.at);
    } else {
        (void)item_vec_reserve(&s->items, 1);
        memmove(&s->items.at[i + 1], &s->items.at[i], (s->items.n - i) * sizeof *s->items.at);
        s->items.n++;
    }
    s->items.at[i] = fresh;
}

/* --- requests --------------------------------------------------------------------------------- */

static struct str bytes_of(struct json_node object, const char *name, struct arena *arena)
{
    AUTO(buf_done) struct buf bytes = {0};
    struct str text = {0};

    if (!json_get_string(json_member(object, name), &text) || !b64_decode(B64_STANDARD, text, &bytes)) return (struct str){0};
    return arena_dup(arena, buf_str(&bytes));
}

/* Numbers of 64 bits are strings here. */
static int64_t number_of(struct json_node object, const char *name)
{
    struct str text;
    uint64_t value = 0;

    if (json_get_string(json_member(object, name), &text)) (void)str_to_u64(text, INT64_MAX, &value);
    return (int64_t)value;
}

struct answering {
    struct order_server *s;
    struct arena *arena;
    struct buf *to;
    size_t n; /* Responses so far. */
    bool is_free; /* None of the compared keys exists. */
};

static void add_bytes(struct buf *to, const char *name, struct str bytes)
{
    buf_addf(to, "\"%s\":\"", name);
    b64_add(to, B64_STANDARD, bytes.at, bytes.n);
    buf_add_char(to, '"');
}

static void add_header(const struct order_server *s, struct buf *to)
{
    buf_addf(to, "\"header\":{\"member_id\":\"1\",\"revision\":\"%lld\"}", (long long)s->revision);
}

/* The members of a range's answer: kvs, more, count. */
static void add_range(struct answering *a, struct json_node range)
{
    struct str key = bytes_of(range, "key", a->arena), end = bytes_of(range, "range_end", a->arena);
    int64_t limit = number_of(range, "limit"), revision = number_of(range, "revision"), n = 0;
    bool is_one = end.n == 0, has_more = false;

    buf_add_str(a->to, STR("\"kvs\":["));
    for (size_t i = place_of(a->s, key); i < a->s->items.n; i++) {
        const struct item *item = &a->s->items.at[i];
        if (is_one ? !str_equal(item->key, key) : str_compare(item->key, end) >= 0) break;
        if (revision && item->created > revision) continue;
        has_more = limit && n == limit;
        if (has_more) break;
        buf_add_str(a->to, n++ ? STR(",{") : STR("{"));
        add_bytes(a->to, "key", item->key);
        buf_addf(a->to, ",\"create_revision\":\"%lld\",\"mod_revision\":\"%lld\",\"version\":\"%lld\",", (long long)item->created,
                 (long long)item->modified, (long long)item->version);
        add_bytes(a->to, "value", item->value);
        buf_add_char(a->to, '}');
    }
    buf_addf(a->to, "],\"count\":\"%lld\"%s", (long long)n, has_more ? ",\"more\":true" : "");
}

static enum err compare_one(void *context, size_t i, struct json_node v)
{
    struct answering *a = context;

    (void)i;
    if (has(a->s, bytes_of(v, "key", a->arena))) a->is_free = false;
    return OK;
}

/* A put takes effect; a range adds what it finds. */
static enum err do_one(void *context, size_t i, struct json_node v)
{
    struct answering *a = context;
    struct json_node op = json_member(v, "request_put");

    (void)i;
    if (a->n++) buf_add_char(a->to, ',');
    if (json_type(op) == JSON_OBJECT) {
        put(a->s, bytes_of(op, "key", a->arena), bytes_of(op, "value", a->arena));
        buf_add_str(a->to, STR("{\"response_put\":{}}"));
        return OK;
    }
    buf_add_str(a->to, STR("{\"response_range\":{"));
    add_range(a, json_member(v, "request_range"));
    buf_add_str(a->to, STR("}}"));
    return OK;
}

static void transact(struct answering *a, struct json_node root)
{
    struct json_node compare = json_member(root, "compare");

    a->is_free = true;
    (void)json_each(compare, compare_one, a);
    if (a->is_free && json_size(compare) > 0) a->s->revision++;
    buf_addf(a->to, "{\"succeeded\":%s,\"responses\":[", a->is_free ? "true" : "false");
    (void)json_each(json_member(root, a->is_free ? "success" : "failure"), do_one, a);
    buf_add_str(a->to, STR("],"));
    add_header(a->s, a->to);
    buf_add_char(a->to, '}');
}

static void delete_range(struct answering *a, struct json_node root)
{
    struct order_server *s = a->s;
    size_t from = place_of(s, bytes_of(root, "key", a->arena)), to = place_of(s, bytes_of(root, "range_end", a->arena));

    if (from < to) {
        for (size_t i = from; i < to; i++) mem_free((void *)(uintptr_t)s->items.at[i].key.at);
        memmove(&s->items.at[from], &s->items.at[to], (s->items.n - to) * sizeof *s->items.at);
        s->items.n -= to - from;
        s->deleted_at = ++s->revision;
    }
    buf_add_char(a->to, '{');
    add_header(s, a->to);
    buf_add_char(a->to, '}');
}

static void read_range(struct answering *a, struct json_node root)
{
    buf_add_char(a->to, '{');
    add_header(a->s, a->to);
    buf_add_char(a->to, ',');
    add_range(a, root);
    buf_add_char(a->to, '}');
}

static int answer(struct order_server *s, const struct http_request *r, struct arena *arena, struct buf *to)
{
    struct answering a = {.s = s, .arena = arena, .to = to};
    struct json_node root;

    if (json_read_padded(s->json, r->body, &root, NULL) != OK) {
        buf_add_str(to, STR("{\"code\":3,\"message\":\"no JSON\"}"));
        return 400;
    }
    if (str_equal(r->path, STR("/v3/kv/txn"))) {
        transact(&a, root);
    } else if (str_equal(r->path, STR("/v3/kv/range")) && number_of(root, "revision") && number_of(root, "revision") < s->deleted_at) {
        buf_add_str(to, STR("{\"code\":11,\"message\":\"etcdserver: mvcc: required revision has been compacted\"}"));
        return 400;
    } else if (str_equal(r->path, STR("/v3/kv/range"))) {
        read_range(&a, root);
    } else if (str_equal(r->path, STR("/v3/kv/deleterange"))) {
        delete_range(&a, root);
    } else if (str_equal(r->path, STR("/v3/maintenance/status"))) {
        buf_addf(to, "{\"version\":\"" VERSION "\",\"leader\":\"1\",\"dbSize\":\"0\",\"dbSizeInUse\":\"0\",");
        add_header(s, to);
        buf_add_char(to, '}');
    } else {
        return 404;
    }
    return 200;
}

static void handle(struct http_request *r, void *context)
{
    struct http_response response = {0};

    response.status = answer(context, r, &r->arena, &response.body);
    http_respond(r, &response);
}

/* --- its life --------------------------------------------------------------------------------- */

enum err order_server_start(struct order_server **ret, struct why *why)
{
    struct order_server *s = mem_zalloc(sizeof *s);
    struct http_options options = {.address = STR("127.0.0.1:0"), .n_threads = 1, .handler = handle, .context = s};

    s->json = json_parser_new_for(TEXT_MAX, TEXT_MAX);
    s->revision = 1;
    enum err e = http_server_start(&options, &s->http, why);
    if (e == OK) *ret = s;
    else order_server_stop(s);
    return e;
}

uint16_t order_server_port(const struct order_server *s)
{
    return http_server_port(s->http);
}

void order_server_stop(struct order_server *s)
{
    if (!s) return;
    if (s->http) http_server_stop(s->http, 1000);
    for (size_t i = 0; i < s->items.n; i++) mem_free((void *)(uintptr_t)s->items.at[i].key.at);
    item_vec_done(&s->items);
    json_parser_free(s->json);
    mem_free(s);
}
