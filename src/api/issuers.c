/* issuers.c - reads the issuers' file.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "api/issuers.h"

#include "api/jwks.h"
#include "api/jwt.h"

#define PEM_BYTES_MAX (64 * 1024)

struct reading {
    const char *path;
    struct arena *arena;
    struct issuer_vec *issuers;
    struct issuer *issuer; /* Being read. */
    size_t index;
    struct why *why;
};

void issuers_done(struct issuer_vec *issuers)
{
    for (size_t i = 0; i < issuers->n; i++) jwt_keys_done(&issuers->at[i].pem);
    issuer_vec_done(issuers);
}

bool issuer_allows(const struct issuer *issuer, struct str sub)
{
    for (size_t i = 0; i < issuer->n_subs; i++)
        if (str_equal(issuer->subs[i], sub)) return true;
    return issuer->n_subs == 0;
}

enum err issuer_add_pem(struct issuer *issuer, const char *path, struct arena *arena, struct why *why)
{
    AUTO(buf_done) struct buf text = {0};
    const char **files = arena_array(arena, issuer->n_pem_files + 1, sizeof *files);

    TRY(jwks_read_file(path, PEM_BYTES_MAX, &text, why));
    TRY(jwt_keys_from_pem(buf_str(&text), path, &issuer->pem, why));
    for (size_t i = 0; i < issuer->n_pem_files; i++) files[i] = issuer->pem_files[i];
    files[issuer->n_pem_files++] = arena_dup(arena, str_of(path)).at;
    issuer->pem_files = files;
    return OK;
}

enum err issuer_read_pem(const struct issuer *issuer, struct buf *ret_text, struct jwt_key_vec *ret_keys, struct why *why)
{
    AUTO(buf_done) struct buf all = {0};
    struct jwt_key_vec keys = {0};
    enum err err = OK;

    for (size_t i = 0; i < issuer->n_pem_files && err == OK; i++) {
        AUTO(buf_done) struct buf text = {0};
        err = jwks_read_file(issuer->pem_files[i], PEM_BYTES_MAX, &text, why);
        if (err == OK) err = jwt_keys_from_pem(buf_str(&text), issuer->pem_files[i], &keys, why);
        buf_add_str(&all, buf_str(&text));
        buf_add_char(&all, '\0');
    }
    if (err != OK) {
        jwt_keys_done(&keys);
        return err;
    }
    *ret_text = all;
    all = (struct buf){0};
    *ret_keys = keys;
    return OK;
}

static enum err wrong(const struct reading *r, const char *what)
{
    return fail(r->why, ERR_INPUT, "%s: issuer %zu: %s", r->path, r->index, what);
}

/* A path beside the issuers' file, with a NUL after it. */
static struct str beside(const struct reading *r, struct str path)
{
    AUTO(buf_done) struct buf whole = {0};
    const char *slash = strrchr(r->path, '/');

    if (slash && path.n > 0 && path.at[0] != '/') buf_add(&whole, r->path, (size_t)(slash - r->path) + 1);
    buf_add_str(&whole, path);
    return arena_dup(r->arena, buf_str(&whole));
}

static enum err add_pem(void *context, size_t i, struct json_node v)
{
    struct reading *r = context;
    struct str path;

    (void)i;
    if (!json_get_string(v, &path)) return wrong(r, "\"pem\" is neither a path nor an array of paths");
    return issuer_add_pem(r->issuer, beside(r, path).at, r->arena, r->why);
}

static enum err add_sub(void *context, size_t i, struct json_node v)
{
    struct reading *r = context;
    struct str sub;

    if (!json_get_string(v, &sub) || sub.n == 0) return wrong(r, "\"subs\" is no array of names");
    r->issuer->subs[i] = arena_dup(r->arena, sub);
    r->issuer->n_subs = i + 1;
    return OK;
}

static enum err read_member(void *context, struct str name, struct json_node v)
{
    struct reading *r = context;
    struct str text;

    if (str_equal(name, STR("iss"))) {
        if (!json_get_string(v, &text) || text.n == 0 || text.n > JWT_ISS_MAX) return wrong(r, "\"iss\" is no name");
        r->issuer->iss = arena_dup(r->arena, text);
        return OK;
    }
    if (str_equal(name, STR("pem"))) {
        return json_type(v) == JSON_ARRAY ? json_each(v, add_pem, r) : add_pem(r, 0, v);
    }
    if (str_equal(name, STR("jwks"))) {
        if (!json_get_string(v, &text) || text.n == 0) return wrong(r, "\"jwks\" is neither a URL nor a path");
        r->issuer->jwks = jwks_is_url(text) ? arena_dup(r->arena, text) : beside(r, text);
        return jwks_check_place(r->issuer->jwks, r->why);
    }
    if (str_equal(name, STR("subs"))) { /* An empty list would allow all: surely not what was meant. */
        if (json_type(v) != JSON_ARRAY || json_size(v) == 0) return wrong(r, "\"subs\" is no array of names");
        r->issuer->subs = arena_array(r->arena, json_size(v), sizeof *r->issuer->subs);
        return json_each(v, add_sub, r);
    }
    return wrong(r, "a member other than iss, pem, jwks and subs");
}

static enum err read_issuer(void *context, size_t i, struct json_node v)
{
    struct reading *r = context;

    r->index = i;
    if (json_type(v) != JSON_OBJECT) return wrong(r, "no object");
    issuer_vec_add(r->issuers, (struct issuer){0});
    r->issuer = &r->issuers->at[r->issuers->n - 1];
    TRY(json_each_member(v, read_member, r));
    if (r->issuer->iss.n == 0) return wrong(r, "no \"iss\"");
    if (r->issuer->pem.n == 0 && r->issuer->jwks.n == 0) return wrong(r, "neither \"pem\" nor \"jwks\"");
    for (size_t k = 0; k + 1 < r->issuers->n; k++)
        if (str_equal(r->issuers->at[k].iss, r->issuer->iss)) return wrong(r, "its \"iss\" was named before");
    return OK;
}

enum err issuers_read(const char *path, struct arena *arena, struct issuer_vec *ret, struct why *why)
{
    AUTO(buf_done) struct buf text = {0};
    struct reading r = {.path = path, .arena = arena, .issuers = ret, .why = why};
    struct json_parser *parser;
    struct json_node root;
    struct why inner = {0};
    enum err err;

    TRY(jwks_read_file(path, ISSUERS_BYTES_MAX, &text, why));
    parser = json_parser_new();
    err = json_read(parser, buf_str(&text), &root, &inner);
    if (err != OK)
        err = fail(why, err, "%s: %.180s", path, inner.text);
    else if (json_type(root) != JSON_ARRAY || json_size(root) == 0 || json_size(root) > ISSUERS_MAX)
        err = fail(why, ERR_INPUT, "%s: not an array of 1 to %d issuers", path, ISSUERS_MAX);
    else
        err = json_each(root, read_issuer, &r);
    json_parser_free(parser);
    return err;
}
