/* jwt.c - reads a compact JWS strictly, and judges its claims.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "api/jwt.h"

#include <math.h>

#include "api/auth.h"
#include "base/b64.h"
#include "base/buf.h"
#include "base/instant.h"
#include "base/limits.h"
#include "http/json_scan.h"

/* Header members that would have the token choose its own key or rules (evidence.md section 16). */
static const char *const refused_members[] = {"crit", "jwk", "jku", "x5u", "x5c", "zip", "b64"};

static const struct {
    const char *word;
    enum scope bit;
} scope_words[] = {
    {"utm.strategic_coordination", SCOPE_SC},
    {"utm.constraint_processing", SCOPE_CP},
    {"utm.constraint_management", SCOPE_CM},
    {"utm.conformance_monitoring_sa", SCOPE_CMSA},
    {"utm.availability_arbitration", SCOPE_AA},
    {"dss.read.identification_service_areas", SCOPE_RID_READ},
    {"dss.write.identification_service_areas", SCOPE_RID_WRITE},
    {"interuss.pool_status.read", SCOPE_POOL_READ},
    {"interuss.pool_status.heartbeat.write", SCOPE_POOL_WRITE},
    {"line.read", SCOPE_LINE_READ},
    {"line.operate", SCOPE_LINE_OPERATE},
};

unsigned jwt_scopes(struct str words)
{
    unsigned bits = 0;

    while (words.n > 0) {
        struct str word = str_cut(&words, ' ');
        for (size_t i = 0; i < sizeof scope_words / sizeof scope_words[0]; i++)
            if (str_equal(word, str_of(scope_words[i].word))) bits |= (unsigned)scope_words[i].bit;
    }
    return bits;
}

static bool is_space(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.at[i] != ' ' && s.at[i] != '\t' && s.at[i] != '\n' && s.at[i] != '\r') return false;
    return true;
}

/* One part decoded and parsed. The decoded text dies with ret_bytes, the document with the parser's next text. */
static enum err read_part(struct str part, const char *name, struct json_parser *parser, struct buf *ret_bytes,
                          struct json_node *ret, struct why *why)
{
    struct json_scanned scanned;

    if (part.n == 0 || !b64_decode(B64_URL, part, ret_bytes))
        return fail(why, ERR_TOKEN, "token: its %s is not strict base64url", name);
    if (json_read(parser, buf_str(ret_bytes), ret, NULL) != OK) /* Its message may quote. */
        return fail(why, ERR_TOKEN, "token: its %s is not a JSON object without duplicate members", name);
    if (json_type(*ret) != JSON_OBJECT) return fail(why, ERR_TOKEN, "token: its %s is no JSON object", name);
    if (json_scan(buf_str(ret_bytes), &scanned, NULL) != OK || !is_space(str_skip(buf_str(ret_bytes), scanned.end)))
        return fail(why, ERR_TOKEN, "token: something follows the JSON object of its %s", name);
    return OK;
}

static bool is_printable(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.at[i] < ' ' || s.at[i] == 0x7F) return false;
    return true;
}

static enum err read_header(struct json_node header, struct arena *arena, struct jwt *t, struct why *why)
{
    struct json_node kid = json_member(header, "kid");
    struct str alg;

    for (size_t i = 0; i < sizeof refused_members / sizeof refused_members[0]; i++)
        if (json_type(json_member(header, refused_members[i])) != JSON_ABSENT)
            return fail(why, ERR_TOKEN, "token: header member \"%s\" is not accepted", refused_members[i]);
    if (!json_get_string(json_member(header, "alg"), &alg)) return fail(why, ERR_TOKEN, "token: no \"alg\" in its header");
    if (!jwt_alg_of(alg, &t->alg))
        return fail(why, ERR_TOKEN, "token: its algorithm is not accepted (RS256, RS384, RS512, ES256, EdDSA are)");
    t->has_kid = json_type(kid) != JSON_ABSENT;
    if (!t->has_kid) return OK;
    if (!json_get_string(kid, &t->kid) || t->kid.n > JWT_KID_MAX || !is_printable(t->kid))
        return fail(why, ERR_TOKEN, "token: \"kid\" is no string of up to %d printable characters", JWT_KID_MAX);
    t->kid = arena_dup(arena, t->kid);
    return OK;
}

/* A NumericDate (RFC 7519 section 2); null counts as absent. */
static enum err read_time(struct json_node claims, const char *name, bool *ret_has, int64_t *ret_us, struct why *why)
{
    struct json_node v = json_member(claims, name);
    double seconds;

    *ret_has = false;
    if (json_type(v) == JSON_ABSENT || json_type(v) == JSON_NULL) return OK;
    if (!json_get_double(v, &seconds) || fabs(seconds) > 1e11)
        return fail(why, ERR_TOKEN, "token: \"%s\" is no number of seconds since 1970", name);
    *ret_has = true;
    *ret_us = (int64_t)floor(seconds * 1e6);
    return OK;
}

/* A string of 1 to max bytes without control characters. */
static enum err read_name(struct json_node claims, const char *name, size_t max, struct arena *arena, struct str *ret,
                          struct why *why)
{
    struct json_node v = json_member(claims, name);
    struct str s;

    if (json_type(v) == JSON_ABSENT || json_type(v) == JSON_NULL) return fail(why, ERR_TOKEN, "token: no \"%s\"", name);
    if (!json_get_string(v, &s) || s.n == 0 || s.n > max || !is_printable(s))
        return fail(why, ERR_TOKEN, "token: \"%s\" is no string of 1 to %zu printable characters", name, max);
    *ret = arena_dup(arena, s);
    return OK;
}

struct audience_context {
    struct jwt *t;
    struct arena *arena;
};

static enum err add_audience(void *context, size_t i, struct json_node v)
{
    struct audience_context *c = context;
    struct str s;

    if (!json_get_string(v, &s)) return ERR_TOKEN;
    c->t->audiences[i] = arena_dup(c->arena, s);
    c->t->n_audiences = i + 1;
    return OK;
}

static enum err read_audiences(struct json_node claims, struct arena *arena, struct jwt *t, struct why *why)
{
    struct json_node v = json_member(claims, "aud");
    struct audience_context context = {t, arena};
    size_t n = json_type(v) == JSON_ARRAY ? json_size(v) : 1;

    if (json_type(v) == JSON_ABSENT || json_type(v) == JSON_NULL) return OK; /* Refused with the claims. */
    t->audiences = arena_array(arena, n ? n : 1, sizeof *t->audiences);
    if (json_type(v) == JSON_ARRAY ? json_each(v, add_audience, &context) != OK : add_audience(&context, 0, v) != OK)
        return fail(why, ERR_TOKEN, "token: \"aud\" is neither a string nor an array of strings");
    return OK;
}

static enum err read_claims(struct json_node claims, struct arena *arena, struct jwt *t, struct why *why)
{
    struct json_node scope = json_member(claims, "scope");
    struct str words;

    TRY(read_name(claims, "sub", LIMIT_SUB_BYTES, arena, &t->sub, why));
    TRY(read_name(claims, "iss", JWT_ISS_MAX, arena, &t->iss, why));
    TRY(read_time(claims, "exp", &t->has_exp, &t->exp_us, why));
    TRY(read_time(claims, "nbf", &t->has_nbf, &t->nbf_us, why));
    TRY(read_time(claims, "iat", &t->has_iat, &t->iat_us, why));
    TRY(read_audiences(claims, arena, t, why));
    if (json_type(scope) == JSON_ABSENT || json_type(scope) == JSON_NULL) return OK; /* No rights. */
    if (!json_get_string(scope, &words))
        return fail(why, ERR_TOKEN, "token: \"scope\" is not one string with words between single spaces");
    t->scopes = jwt_scopes(words);
    return OK;
}

enum err jwt_read(struct str token, struct json_parser *parser, struct arena *arena, struct jwt *ret, struct why *why)
{
    AUTO(buf_done) struct buf bytes = {0};
    struct jwt t = {0};
    struct str rest = token, header, claims;
    struct json_node node;

    if (token.n > LIMIT_TOKEN_BYTES) return fail(why, ERR_TOKEN, "token: longer than %d bytes", LIMIT_TOKEN_BYTES);
    header = str_cut(&rest, '.');
    claims = str_cut(&rest, '.');
    if (rest.n == 0 || str_find(rest, '.') < rest.n)
        return fail(why, ERR_TOKEN, "token: not three parts with dots between them");
    t.signed_part = str_first(token, header.n + 1 + claims.n);

    TRY(read_part(header, "header", parser, &bytes, &node, why));
    TRY(read_header(node, arena, &t, why));
    buf_clear(&bytes);
    TRY(read_part(claims, "set of claims", parser, &bytes, &node, why));
    TRY(read_claims(node, arena, &t, why));
    buf_clear(&bytes);
    if (!b64_decode(B64_URL, rest, &bytes)) return fail(why, ERR_TOKEN, "token: its signature is not strict base64url");
    t.signature = arena_dup(arena, buf_str(&bytes));
    *ret = t;
    return OK;
}

enum err jwt_check_claims(const struct jwt *t, const char *const *audiences, size_t n_audiences, int64_t now_us,
                          int64_t leeway_us, struct why *why)
{
    if (!t->has_exp) return fail(why, ERR_TOKEN, "token: no \"exp\"");
    if (now_us >= t->exp_us + leeway_us)
        return fail(why, ERR_TOKEN, "token: expired %lld s ago", (long long)((now_us - t->exp_us) / INSTANT_S));
    if (t->exp_us > now_us + JWT_LIFETIME_S * INSTANT_S + leeway_us)
        return fail(why, ERR_TOKEN, "token: it expires more than %d s from now", JWT_LIFETIME_S);
    if (t->has_nbf && t->nbf_us > now_us + leeway_us) return fail(why, ERR_TOKEN, "token: \"nbf\" is in the future");
    if (t->has_iat && t->iat_us > now_us + leeway_us) return fail(why, ERR_TOKEN, "token: \"iat\" is in the future");
    if (t->n_audiences == 0) return fail(why, ERR_TOKEN, "token: no \"aud\"");
    for (size_t i = 0; i < t->n_audiences; i++)
        for (size_t k = 0; k < n_audiences; k++)
            if (str_equal(t->audiences[i], str_of(audiences[k]))) return OK;
    return fail(why, ERR_TOKEN, "token: its \"aud\" is not this service");
}
