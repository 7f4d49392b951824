/* jwks.c - from a file or URL to keys.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "api/jwks.h"

#include <errno.h>
#include <stdio.h>

bool jwks_is_url(struct str place)
{
    return str_starts(place, STR("http://")) || str_starts(place, STR("https://"));
}

/* The host of a URL, without brackets; empty when there is user information, which nobody here needs. */
static struct str host_of(struct str url)
{
    struct str rest = str_skip(url, str_find(url, ':') + 3);
    struct str authority = str_first(rest, str_find(rest, '/'));

    if (str_find(authority, '@') < authority.n) return (struct str){0};
    if (authority.n > 0 && authority.at[0] == '[') return str_first(str_skip(authority, 1), str_find(str_skip(authority, 1), ']'));
    return str_first(authority, str_find(authority, ':'));
}

static bool is_loopback(struct str host)
{
    if (str_equal(host, STR("localhost")) || str_equal(host, STR("::1"))) return true;
    for (size_t i = 0; i < host.n; i++)
        if (host.at[i] != '.' && (host.at[i] < '0' || host.at[i] > '9')) return false;
    return str_starts(host, STR("127."));
}

enum err jwks_check_place(struct str place, struct why *why)
{
    struct str host;

    if (!jwks_is_url(place)) return OK;
    host = host_of(place);
    if (host.n == 0) return fail(why, ERR_INPUT, "JWKS %.*s: no host, or user information in the URL", STR_ARG(place));
    if (str_starts(place, STR("https://")) || is_loopback(host)) return OK;
    return fail(why, ERR_INPUT, "JWKS %.*s: https is needed beyond this machine", STR_ARG(place));
}

static enum err add_key(void *context, size_t i, struct json_node v)
{
    struct jwt_key_vec *keys = context;
    struct jwt_key *k;
    enum err err = jwt_key_from_jwk(v, &k, NULL);

    (void)i;
    if (err == ERR_NOT_FOUND) return OK;
    if (err == OK) jwt_key_vec_add(keys, k);
    return err;
}

/* Says again what is wrong with the first broken key. */
static enum err explain(void *context, size_t i, struct json_node v)
{
    struct why inner = {0};
    struct jwt_key *k = NULL;
    enum err err = jwt_key_from_jwk(v, &k, &inner);

    jwt_key_free(err == OK ? k : NULL);
    return err == ERR_INPUT ? fail(context, ERR_INPUT, "JWKS: key %zu: %s", i, inner.text) : OK;
}

static enum err add_keys(struct json_node root, struct jwt_key_vec *ret, struct why *why)
{
    struct json_node keys = json_member(root, "keys");
    size_t n_before = ret->n;

    if (json_type(keys) != JSON_ARRAY) return fail(why, ERR_INPUT, "JWKS: no array \"keys\"");
    if (json_size(keys) > JWKS_KEYS_MAX)
        return fail(why, ERR_INPUT, "JWKS: %zu keys, %d are accepted", json_size(keys), JWKS_KEYS_MAX);
    if (json_each(keys, add_key, ret) != OK) {
        while (ret->n > n_before) jwt_key_free(ret->at[--ret->n]);
        return json_each(keys, explain, why);
    }
    if (ret->n == n_before) return fail(why, ERR_INPUT, "JWKS: no key that can be used among %zu", json_size(keys));
    return OK;
}

enum err jwks_parse(struct str text, struct jwt_key_vec *ret, struct why *why)
{
    struct json_parser *parser;
    struct json_node root;
    struct why inner = {0};
    enum err err;

    if (text.n > JWKS_BYTES_MAX) return fail(why, ERR_INPUT, "JWKS: longer than %d bytes", JWKS_BYTES_MAX);
    parser = json_parser_new();
    err = json_read(parser, text, &root, &inner);
    err = err == OK ? add_keys(root, ret, why) : fail(why, err, "JWKS: %.200s", inner.text);
    json_parser_free(parser);
    return err;
}

enum err jwks_read_file(const char *path, size_t max, struct buf *ret, struct why *why)
{
    FILE *file = fopen(path, "rbe");
    size_t n;

    if (!file) return fail(why, ERR_INPUT, "%s: %s", path, strerror(errno));
    n = fread(buf_reserve(ret, max + 1), 1, max + 1, file);
    bool has_failed = ferror(file) != 0;
    (void)fclose(file);
    if (has_failed) return fail(why, ERR_INPUT, "%s: cannot be read", path);
    if (n > max) return fail(why, ERR_INPUT, "%s: longer than %zu bytes", path, max);
    ret->n += n;
    return OK;
}

static enum err fetch(struct str place, struct http_client *client, struct buf *ret, struct why *why)
{
    AUTO(buf_done) struct buf url = {0};
    int status = 0;

    buf_add_str(&url, place);
    struct http_call call = {.url = buf_z(&url), .bytes_max = JWKS_BYTES_MAX};
    TRY(http_client_call(client, &call, &status, ret, why));
    if (status != 200) return fail(why, ERR_NET, "JWKS %s: HTTP status %d", call.url, status);
    return OK;
}

enum err jwks_fetch(struct str place, struct http_client *client, struct buf *ret_text, struct why *why)
{
    AUTO(buf_done) struct buf path = {0};

    TRY(jwks_check_place(place, why));
    if (jwks_is_url(place)) return fetch(place, client, ret_text, why);
    buf_add_str(&path, place);
    return jwks_read_file(buf_z(&path), JWKS_BYTES_MAX, ret_text, why);
}
