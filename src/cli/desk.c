/* desk.c - asks a node on behalf of its operator.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "cli/desk.h"

#include <time.h>

#include "cli/file.h"
#include "cli/keyfile.h"

#define ANSWER_LIMIT_MS 30000
#define ANSWER_BYTES_MAX JSON_TEXT_MAX
#define TEXT_MAX 65536
#define TOKEN_LIFETIME_S 300

static enum err mint(const char *key, const char *audience, struct buf *ret, struct why *why)
{
    AUTO(buf_done) struct buf pem = {0};
    struct jwt_claims claims = {.iss = STR("local"), .sub = STR("operator"), .aud = str_of(audience), .scope = STR("line.read line.operate"),
                                .issued_us = (int64_t)time(NULL) * 1000000, .lifetime_s = TOKEN_LIFETIME_S};
    enum err e = keyfile_read(key, &pem, why);

    if (e == OK) e = jwt_mint(buf_str(&pem), &claims, ret, why);
    if (pem.at) explicit_bzero(pem.at, pem.room);
    return e;
}

enum err desk_token(const struct desk_options *o, struct buf *ret, struct why *why)
{
    AUTO(buf_done) struct buf path = {0};
    int n = (o->key != NULL) + (o->token_file != NULL) + (o->data != NULL);

    if (n != 1) return fail(why, ERR_INPUT, "wants one of --key, --token-file and --data, to show the node who asks");
    if (o->token_file) {
        TRY(file_read(o->token_file, 16384, ret, why));
        while (ret->n && (ret->at[ret->n - 1] == '\n' || ret->at[ret->n - 1] == '\r')) ret->n--;
        return OK;
    }
    if (o->key) return mint(o->key, o->audience, ret, why);
    buf_addf(&path, "%s/tokens/private.pem", o->data);
    return mint(buf_z(&path), o->audience, ret, why);
}

enum err desk_open(const struct desk_options *o, struct desk *ret, struct why *why)
{
    AUTO(buf_done) struct buf token = {0};
    struct desk d = {0};

    TRY(desk_token(o, &token, why));
    buf_add_str(&d.authorization, STR("Authorization: Bearer "));
    buf_add_str(&d.authorization, buf_str(&token));
    explicit_bzero(token.at, token.n);
    buf_add_str(&d.url, str_of(o->url));
    while (d.url.n && d.url.at[d.url.n - 1] == '/') d.url.n--;
    d.client = http_client_new(&(struct http_client_options){.ca_file = o->ca_file});
    d.parser = json_parser_new_for(ANSWER_BYTES_MAX, TEXT_MAX);
    *ret = d;
    return OK;
}

void desk_done(struct desk *d)
{
    if (!d) return;
    if (d->authorization.at) explicit_bzero(d->authorization.at, d->authorization.n);
    buf_done(&d->authorization);
    buf_done(&d->url);
    buf_done(&d->body);
    json_parser_free(d->parser);
    http_client_free(d->client);
    *d = (struct desk){0};
}

static enum err refused(const struct desk *d, struct json_node root, struct why *why)
{
    static const struct {
        int status;
        enum err err;
    } known[] = {{400, ERR_CORRUPT},  {401, ERR_TOKEN},     {403, ERR_RIGHTS}, {404, ERR_NOT_FOUND}, {409, ERR_CONFLICT},
                 {412, ERR_STATE},    {413, ERR_TOO_LARGE}, {429, ERR_BUSY},   {503, ERR_UNAVAILABLE}};
    struct str words = desk_text(root, "message");
    enum err e = ERR_UNAVAILABLE;

    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (known[i].status == d->status) e = known[i].err;
    if (!words.n) words = str_first(buf_str(&d->body), 160);
    return fail(why, e, "the node answers %d: %.*s", d->status, STR_ARG(words));
}

enum err desk_ask(struct desk *d, const char *path, struct str body, struct json_node *ret, struct why *why)
{
    AUTO(buf_done) struct buf url = {0};
    const char *headers[2] = {buf_z(&d->authorization), "Content-Type: application/json"};
    struct http_call call = {.method = body.at ? "POST" : "GET", .headers = headers, .n_headers = body.at ? 2 : 1, .body = body,
                             .timeout_ms = ANSWER_LIMIT_MS, .bytes_max = ANSWER_BYTES_MAX};
    struct json_node root = {0};
    struct why inner = {0};

    buf_add_str(&url, buf_str(&d->url));
    buf_add_str(&url, str_of(path));
    call.url = buf_z(&url);
    buf_done(&d->body);
    enum err e = http_client_call(d->client, &call, &d->status, &d->body, &inner);
    if (e != OK) return fail(why, e, "%s: %s", buf_z(&d->url), inner.text);
    if (d->body.n && d->body.at[0] == '{' && json_read(d->parser, buf_str(&d->body), &root, NULL) != OK) root = (struct json_node){0};
    if (d->status != 200) return refused(d, root, why);
    if (json_type(root) != JSON_OBJECT) return fail(why, ERR_NET, "%s answers what is no JSON object", url.at);
    *ret = root;
    return OK;
}

struct str desk_text(struct json_node object, const char *name)
{
    struct str text = {0};
    (void)json_get_string(json_member(object, name), &text);
    return text;
}

int64_t desk_number(struct json_node object, const char *name)
{
    int64_t number = 0;
    (void)json_get_i64(json_member(object, name), &number);
    return number;
}

bool desk_flag(struct json_node object, const char *name)
{
    bool flag = false;
    (void)json_get_bool(json_member(object, name), &flag);
    return flag;
}
