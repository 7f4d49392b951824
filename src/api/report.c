/* report.c - DSS reports: digest to the journal, body to a file.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "api/report.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "api/field.h"
#include "api/write.h"
#include "base/hex.h"
#include "base/json.h"
#include "base/limits.h"
#include "node/entropy.h"

static enum err check_header(void *context, size_t i, struct json_node v)
{
    struct str text;
    if (json_get_string(v, &text)) return OK;
    return fail(context, ERR_INPUT, "exchange.headers[%zu]: must be a string", i);
}

/* The members that an exchange may have: the answer repeats them and must fit the standard's schema. */
static enum err check_optional(struct json_node exchange, struct why *why)
{
    static const char *const texts[] = {"request_body", "response_body", "problem"};
    struct json_node headers = field(exchange, "headers");
    struct json_node code = field(exchange, "response_code");
    struct str text;
    int64_t number;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (field_string(exchange, texts[i], &text, NULL) == OK) continue;
        return fail(why, ERR_INPUT, "exchange.%s: must be a string", texts[i]);
    }
    if (json_type(headers) == JSON_ARRAY) {
        TRY(json_each(headers, check_header, why));
    } else if (json_type(headers) != JSON_ABSENT) {
        return fail(why, ERR_INPUT, "exchange.headers: must be an array");
    }
    if (json_type(code) != JSON_ABSENT && !json_get_i64(code, &number)) {
        return fail(why, ERR_INPUT, "exchange.response_code: must be a whole number");
    }
    return volume_read_time(field(exchange, "response_time"), "exchange.response_time", &number,
                            why);
}

enum err report_check(struct json_node body, struct why *why)
{
    struct json_node exchange = field(body, "exchange");
    struct str url, method, role;
    int64_t time_us;
    if (json_type(exchange) != JSON_OBJECT) {
        return fail(why, ERR_INPUT, "exchange: must be an object");
    }
    TRY(field_string(exchange, "url", &url, why));
    TRY(field_string(exchange, "method", &method, why));
    TRY(field_string(exchange, "recorder_role", &role, why));
    if (url.n == 0) return fail(why, ERR_INPUT, "exchange.url: must not be empty");
    if (method.n == 0) return fail(why, ERR_INPUT, "exchange.method: must not be empty");
    if (!str_equal(role, STR("Client")) && !str_equal(role, STR("Server"))) {
        return fail(why, ERR_INPUT, "exchange.recorder_role: must be Client or Server");
    }
    struct json_node time = field(exchange, "request_time");
    if (json_type(time) == JSON_ABSENT) {
        return fail(why, ERR_INPUT, "exchange.request_time: is missing");
    }
    TRY(volume_read_time(time, "exchange.request_time", &time_us, why));
    return check_optional(exchange, why);
}

/* Where a copy stands: the members that are not copied as they are. */
enum part { PART_REPORT, PART_EXCHANGE, PART_HEADERS, PART_OTHER };

struct copier {
    struct json *to;
    enum part part;
    bool is_public;
};

static void copy(struct copier *c, struct json_node v);

static enum part part_below(enum part part, struct str name)
{
    if (part == PART_REPORT && str_equal(name, STR("exchange"))) return PART_EXCHANGE;
    if (part == PART_EXCHANGE && str_equal(name, STR("headers"))) return PART_HEADERS;
    return PART_OTHER;
}

static enum err copy_member(void *context, struct str name, struct json_node v)
{
    struct copier *c = context;
    if (c->part == PART_REPORT && str_equal(name, STR("report_id"))) return OK;
    struct copier below = {c->to, part_below(c->part, name), c->is_public};
    json_str(c->to, name);
    buf_add_char(c->to->to, ':');
    c->to->needs_comma = false;
    copy(&below, v);
    return OK;
}

static enum err copy_element(void *context, size_t i, struct json_node v)
{
    struct copier *c = context;
    struct copier below = {c->to, PART_OTHER, c->is_public};
    struct str text;
    (void)i;
    if (c->is_public && c->part == PART_HEADERS && json_get_string(v, &text)) {
        while (text.n > 0 && (text.at[0] == ' ' || text.at[0] == '\t')) text = str_skip(text, 1);
        const struct str secret = STR("authorization");
        if (str_equal_nocase(str_first(text, secret.n), secret)) return OK;
    }
    copy(&below, v);
    return OK;
}

static void copy_number(struct json *to, struct json_node v)
{
    int64_t whole;
    double number = 0;
    char text[32];
    if (json_get_i64(v, &whole)) {
        json_i64(to, whole);
        return;
    }
    (void)json_get_double(v, &number);
    int n = snprintf(text, sizeof text, "%.17g", number);
    json_raw(to, str_make(text, (size_t)n));
}

static void copy(struct copier *c, struct json_node v)
{
    struct str text = {0};
    bool truth = false;
    switch (json_type(v)) {
    case JSON_OBJECT:
        json_open(c->to, '{');
        (void)json_each_member(v, copy_member, c);
        json_close(c->to, '}');
        return;
    case JSON_ARRAY:
        json_open(c->to, '[');
        (void)json_each(v, copy_element, c);
        json_close(c->to, ']');
        return;
    case JSON_STRING:
        (void)json_get_string(v, &text);
        json_str(c->to, text);
        return;
    case JSON_NUMBER:
        copy_number(c->to, v);
        return;
    case JSON_BOOL:
        (void)json_get_bool(v, &truth);
        json_bool(c->to, truth);
        return;
    default:
        json_null(c->to);
    }
}

void report_render(struct json_node body, struct id report_id, bool is_public, struct buf *to)
{
    struct json j = {.to = to};
    struct copier c = {&j, PART_REPORT, is_public};
    json_open(&j, '{');
    json_key(&j, "report_id");
    json_id(&j, report_id);
    (void)json_each_member(body, copy_member, &c);
    json_close(&j, '}');
}

struct report { /* In the call's arena. */
    struct str body; /* The answer. */
    char path[512];  /* Of the stored body; empty: none. */
};

static enum err write_all(int fd, struct str bytes)
{
    while (bytes.n > 0) {
        ssize_t n = write(fd, bytes.at, bytes.n);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return ERR_DISK;
        bytes = str_skip(bytes, (size_t)n);
    }
    return OK;
}

static enum err sync_dir(const char *dir)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return ERR_DISK;
    int failed = fsync(fd);
    (void)close(fd);
    return failed ? ERR_DISK : OK;
}

/* The file is whole and durable before the report is proposed. */
static enum err store(const char *dir, const char *path, struct str text, struct why *why)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    enum err err = fd < 0 ? ERR_DISK : write_all(fd, text);
    if (!err && fsync(fd) != 0) err = ERR_DISK;
    if (fd >= 0 && close(fd) != 0) err = ERR_DISK;
    if (!err) err = sync_dir(dir);
    if (err && fd >= 0) (void)unlink(path);
    return err ? fail(why, err, "the report cannot be stored on this node") : OK;
}

static enum err keep_body(struct call *c, struct json_node body, struct change *change,
                          struct report *r, struct why *why)
{
    const char *dir = c->api->options.reports_dir;
    AUTO(buf_done) struct buf text = {0};
    uint8_t salt[32];
    char id[ID_TEXT];
    struct hasher hasher;

    entropy_fill(salt, sizeof salt);
    buf_add_str(&text, STR("{\"salt\":\""));
    hex_add(&text, salt, sizeof salt);
    buf_add_str(&text, STR("\",\"report\":"));
    size_t begin = text.n;
    report_render(body, change->id, true, &text);
    struct str kept = str_skip(buf_str(&text), begin);
    hasher_init(&hasher);
    hasher_add(&hasher, salt, sizeof salt);
    hasher_add(&hasher, kept.at, kept.n);
    change->digest = hasher_end(&hasher);
    change->length = kept.n;
    buf_add_str(&text, STR("}\n"));
    if (!dir) return OK;

    id_format(change->id, id);
    int n = snprintf(r->path, sizeof r->path, "%s/%.*s.json", dir, ID_TEXT, id);
    must(n > 0 && (size_t)n < sizeof r->path); /* api_new() checked the folder's length. */
    enum err err = store(dir, r->path, buf_str(&text), why);
    if (err) r->path[0] = '\0';
    return err;
}

static void undo(struct write *w)
{
    struct report *r = w->user;
    if (r->path[0]) (void)unlink(r->path);
}

static void render(struct write *w, const struct view *v, struct buf *body)
{
    struct report *r = w->user;
    (void)v;
    buf_add_str(body, r->body);
}

void report_on_post(struct call *c)
{
    struct write *w = write_new(c, CHANGE_REPORT);
    struct report *r = arena_zalloc(call_arena(c), sizeof *r);
    AUTO(buf_done) struct buf text = {0};
    struct json_node body;
    struct why why = {0};

    w->user = r;
    w->proposal.change.id = entropy_id();
    json_parser_allow_strings(c->scratch->json, LIMIT_BODY_BYTES); /* A whole body of theirs, in base64. */
    enum err err = call_body(c, &body, &why);
    json_parser_allow_strings(c->scratch->json, LIMIT_JSON_STRING);
    if (!err) err = report_check(body, &why);
    if (!err) err = keep_body(c, body, &w->proposal.change, r, &why);
    if (err) {
        call_refuse(c, err, &why);
        return;
    }
    report_render(body, w->proposal.change.id, false, &text);
    r->body = arena_dup(call_arena(c), buf_str(&text));
    w->status = c->route->success;
    w->render = render;
    w->undo = undo;
    write_start(w);
}
