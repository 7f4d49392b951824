/* auth.c - from an Authorization header to a caller, and the thread that keeps key sets fresh.
 * SPDX-License-Identifier: Apache-2.0
 *
 *     token --cached--------------------------------------------------> caller
 *       |                                                                  ^
 *       +--> jwt_read --> claims --> issuer's source --> its sub --> signature: PEM keys, then its JWKS by kid
 *
 * Issuer 0 is whoever the issuers' file does not name. Keys are replaced as a whole under keys_lock when the text of their PEM files
 * or of their JWKS changes, which also ends the cache's generation. Those of a JWKS that cannot be had are used for an hour more;
 * those of PEM files for as long as the files cannot be read.
 */
#include "api/auth.h"

#include <pthread.h>
#include <time.h>

#include "api/issuers.h"
#include "api/jwks.h"
#include "api/jwt.h"
#include "api/token_cache.h"
#include "base/instant.h"
#include "base/limits.h"
#include "base/mem.h"

#define REFRESH_S 60
#define RETRY_FIRST_S 5
#define KEEP_US INSTANT_HOUR /* Keys that could not be had for longer are not used. */
#define LEEWAY_S 5
#define N_PARSERS 8

/* What a JWKS gave, one for each issuer. */
struct key_set {
    struct jwt_key_vec keys; /* Under keys_lock, as are the next two. */
    int64_t fetched_us;      /* 0: never */
    struct why last;         /* Why the last try failed; empty when it did not. */
    struct buf text;         /* Under refresh_lock, as are the rest. */
    struct buf pem_text;
    int64_t due_s;           /* Monotonic. */
    int n_failures;
};

struct auth {
    struct arena arena;
    struct issuer_vec issuers;
    struct key_set *sets;
    const char **audience_texts;
    size_t n_audiences;
    int64_t leeway_us;
    struct token_cache *cache;
    _Atomic uint64_t generation;
    pthread_rwlock_t keys_lock;

    pthread_mutex_t parsers_lock;
    struct json_parser *parsers[N_PARSERS];
    size_t n_parsers;

    struct http_client *client;    /* Under refresh_lock. */
    int64_t pem_due_s;             /* As this. */
    pthread_mutex_t refresh_lock;
    pthread_mutex_t wake_lock;
    pthread_cond_t wake;
    bool wants_refresh;            /* A token named an unknown key. Under wake_lock, as is the next. */
    int64_t asked_s;
    atomic_bool is_stopping;
    bool has_thread;
    pthread_t thread;
};

static int64_t monotonic_s(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec;
}

static int64_t wall_us(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * INSTANT_S + now.tv_nsec / 1000;
}

/* ---- keeping key sets fresh ---- */

static enum err fetch_set(struct auth *a, size_t i, struct why *why)
{
    AUTO(buf_done) struct buf text = {0};
    struct jwt_key_vec keys = {0}, old;
    struct key_set *set = &a->sets[i];

    TRY(jwks_fetch(a->issuers.at[i].jwks, a->client, &text, why));
    if (set->fetched_us && str_equal(buf_str(&text), buf_str(&set->text))) {
        (void)pthread_rwlock_wrlock(&a->keys_lock);
        set->fetched_us = wall_us();
        set->last.text[0] = '\0';
        (void)pthread_rwlock_unlock(&a->keys_lock);
        return OK;
    }
    TRY(jwks_parse(buf_str(&text), &keys, why));
    (void)pthread_rwlock_wrlock(&a->keys_lock);
    old = set->keys;
    set->keys = keys;
    set->fetched_us = wall_us();
    set->last.text[0] = '\0';
    atomic_fetch_add(&a->generation, 1);
    (void)pthread_rwlock_unlock(&a->keys_lock);
    jwt_keys_done(&old);
    buf_done(&set->text);
    set->text = text;
    text = (struct buf){0};
    return OK;
}

/* Reads the PEM files again, in case they were replaced. What cannot be read changes nothing. */
static enum err reread_pem(struct auth *a, size_t i, struct why *why)
{
    struct issuer *issuer = &a->issuers.at[i];
    struct key_set *set = &a->sets[i];
    AUTO(buf_done) struct buf text = {0};
    struct jwt_key_vec keys = {0}, old;

    TRY(issuer_read_pem(issuer, &text, &keys, why));
    if (str_equal(buf_str(&text), buf_str(&set->pem_text))) {
        jwt_keys_done(&keys);
        return OK;
    }
    (void)pthread_rwlock_wrlock(&a->keys_lock);
    old = issuer->pem;
    issuer->pem = keys;
    atomic_fetch_add(&a->generation, 1);
    (void)pthread_rwlock_unlock(&a->keys_lock);
    jwt_keys_done(&old);
    buf_done(&set->pem_text);
    set->pem_text = text;
    text = (struct buf){0};
    return OK;
}

static enum err reread_all_pem(struct auth *a, struct why *why)
{
    enum err worst = OK;

    a->pem_due_s = monotonic_s() + REFRESH_S;
    for (size_t i = 0; i < a->issuers.n; i++) {
        enum err err = a->issuers.at[i].n_pem_files ? reread_pem(a, i, why) : OK;
        if (err != OK) worst = err;
    }
    return worst;
}

/* Fetches the sets that are due, or all. */
static enum err refresh(struct auth *a, bool all, struct why *why)
{
    enum err worst = OK;

    (void)pthread_mutex_lock(&a->refresh_lock);
    if (all || monotonic_s() >= a->pem_due_s) worst = reread_all_pem(a, why);
    for (size_t i = 0; i < a->issuers.n; i++) {
        struct key_set *set = &a->sets[i];
        struct why inner = {0};
        enum err err;
        int wait_s = REFRESH_S;

        if (a->issuers.at[i].jwks.n == 0 || (!all && monotonic_s() < set->due_s)) continue;
        if (atomic_load(&a->is_stopping)) break;
        err = fetch_set(a, i, &inner);
        if (err != OK) {
            worst = err;
            (void)fail(why, err, "%s", inner.text);
            (void)pthread_rwlock_wrlock(&a->keys_lock);
            set->last = inner;
            (void)pthread_rwlock_unlock(&a->keys_lock);
            wait_s = set->n_failures < 4 ? RETRY_FIRST_S << set->n_failures : REFRESH_S;
            set->n_failures++;
        } else {
            set->n_failures = 0;
        }
        set->due_s = monotonic_s() + wait_s + (int64_t)(i % 8); /* Not all at one moment. */
    }
    (void)pthread_mutex_unlock(&a->refresh_lock);
    return worst;
}

static void *keep_fresh(void *context)
{
    struct auth *a = context;

    (void)pthread_mutex_lock(&a->wake_lock);
    while (!atomic_load(&a->is_stopping)) {
        struct timespec until;
        bool all;

        (void)clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_sec += 1;
        if (!a->wants_refresh) (void)pthread_cond_timedwait(&a->wake, &a->wake_lock, &until);
        all = a->wants_refresh;
        a->wants_refresh = false;
        (void)pthread_mutex_unlock(&a->wake_lock);
        (void)refresh(a, all, NULL); /* Each set keeps its reason, and tokens that need it are told. */
        (void)pthread_mutex_lock(&a->wake_lock);
    }
    (void)pthread_mutex_unlock(&a->wake_lock);
    return NULL;
}

/* A token named a key that its issuer's set lacks: at most one fetch a minute for that. */
static void ask_for_refresh(struct auth *a)
{
    int64_t now = monotonic_s();

    (void)pthread_mutex_lock(&a->wake_lock);
    if (now >= a->asked_s) {
        a->asked_s = now + REFRESH_S;
        a->wants_refresh = true;
        (void)pthread_cond_signal(&a->wake);
    }
    (void)pthread_mutex_unlock(&a->wake_lock);
}

enum err auth_refresh(struct auth *a, struct why *why)
{
    struct why inner = {0};

    return refresh(a, true, &inner) == OK ? OK : fail(why, ERR_NET, "%s", inner.text);
}

/* ---- checking ---- */

static struct json_parser *parser_take(struct auth *a)
{
    struct json_parser *p = NULL;

    (void)pthread_mutex_lock(&a->parsers_lock);
    if (a->n_parsers > 0) p = a->parsers[--a->n_parsers];
    (void)pthread_mutex_unlock(&a->parsers_lock);
    return p ? p : json_parser_new();
}

static void parser_give(struct auth *a, struct json_parser *p)
{
    (void)pthread_mutex_lock(&a->parsers_lock);
    if (a->n_parsers < N_PARSERS) {
        a->parsers[a->n_parsers++] = p;
        p = NULL;
    }
    (void)pthread_mutex_unlock(&a->parsers_lock);
    json_parser_free(p);
}

static size_t issuer_of(const struct auth *a, struct str iss)
{
    for (size_t i = 1; i < a->issuers.n; i++)
        if (str_equal(a->issuers.at[i].iss, iss)) return i;
    return 0;
}

/* Tries the keys that suit. True: signed by one of them; counts those that were tried. */
static bool any_verifies(const struct jwt_key_vec *keys, const struct jwt *t, bool by_kid, size_t *n_tried)
{
    for (size_t i = 0; i < keys->n; i++) {
        const struct jwt_key *k = keys->at[i];
        if (!jwt_key_suits(k, t->alg) || (by_kid && t->has_kid && !str_equal(jwt_key_kid(k), t->kid))) continue;
        (*n_tried)++;
        if (jwt_key_verify(k, t->alg, t->signed_part, t->signature)) return true;
    }
    return false;
}

static bool has_kid(const struct jwt_key_vec *keys, struct str kid)
{
    for (size_t i = 0; i < keys->n; i++)
        if (str_equal(jwt_key_kid(keys->at[i]), kid)) return true;
    return false;
}

/* Under keys_lock for reading. *until_us is lowered to when the key that verified may no longer be used. */
static enum err check_signature(struct auth *a, size_t i, const struct jwt *t, int64_t now_us, int64_t *until_us,
                                bool *ret_is_kid_unknown, struct why *why)
{
    const struct issuer *issuer = &a->issuers.at[i];
    const struct key_set *set = &a->sets[i];
    int64_t stale_us = set->fetched_us + KEEP_US;
    size_t n_tried = 0;

    if (any_verifies(&issuer->pem, t, false, &n_tried)) return OK;
    if (issuer->jwks.n > 0 && (set->fetched_us == 0 || now_us >= stale_us))
        return fail(why, ERR_UNAVAILABLE, "the keys of the token's issuer cannot be had: %.180s",
                    set->last.text[0] ? set->last.text : "not fetched within the last hour");
    if (any_verifies(&set->keys, t, true, &n_tried)) {
        if (*until_us > stale_us) *until_us = stale_us;
        return OK;
    }
    if (issuer->jwks.n > 0 && t->has_kid && !has_kid(&set->keys, t->kid)) {
        *ret_is_kid_unknown = true;
        return fail(why, ERR_TOKEN, "token: its issuer's key set has no key of that \"kid\"");
    }
    if (n_tried == 0) return fail(why, ERR_TOKEN, "token: no key for its algorithm %s here", jwt_alg_name(t->alg));
    return fail(why, ERR_TOKEN, "token: its signature fits no key of its issuer");
}

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* A token that the cache does not have. */
static enum err check_new(struct auth *a, struct str token, int64_t now_us, struct arena *arena, struct caller *ret,
                          struct why *why)
{
    struct json_parser *parser = parser_take(a);
    struct jwt t;
    enum err err = jwt_read(token, parser, arena, &t, why);
    bool is_kid_unknown = false;
    int64_t from_us, until_us;
    uint64_t generation;
    size_t i;

    parser_give(a, parser);
    if (err != OK) return err;
    TRY(jwt_check_claims(&t, a->audience_texts, a->n_audiences, now_us, a->leeway_us, why));
    i = issuer_of(a, t.iss);
    if (i == 0 && a->issuers.at[0].n_pem_files == 0 && a->issuers.at[0].jwks.n == 0)
        return fail(why, ERR_TOKEN, "token: its issuer is not accepted here");
    if (!issuer_allows(&a->issuers.at[i], t.sub))
        return fail(why, ERR_TOKEN, "token: its issuer may not vouch for that \"sub\"");
    until_us = t.exp_us + a->leeway_us;
    (void)pthread_rwlock_rdlock(&a->keys_lock);
    generation = atomic_load(&a->generation);
    err = check_signature(a, i, &t, now_us, &until_us, &is_kid_unknown, why);
    (void)pthread_rwlock_unlock(&a->keys_lock);
    if (is_kid_unknown) ask_for_refresh(a);
    if (err != OK) return err;

    *ret = (struct caller){.sub = t.sub, .scopes = t.scopes, .expires_us = t.exp_us};
    from_us = t.exp_us - JWT_LIFETIME_S * INSTANT_S;
    if (t.has_nbf) from_us = larger(from_us, t.nbf_us);
    if (t.has_iat) from_us = larger(from_us, t.iat_us);
    token_cache_put(a->cache, token, generation, from_us - a->leeway_us, until_us, ret);
    return OK;
}

enum err auth_check(struct auth *a, struct str authorization, int64_t now_us, struct arena *arena, struct caller *ret,
                    struct why *why)
{
    struct str token = str_skip(authorization, 7);

    if (authorization.n == 0) return fail(why, ERR_TOKEN, "no Authorization header");
    if (authorization.n < 7 || !str_equal_nocase(str_first(authorization, 7), STR("Bearer ")))
        return fail(why, ERR_TOKEN, "Authorization is not of the form \"Bearer TOKEN\"");
    while (token.n > 0 && token.at[0] == ' ') token = str_skip(token, 1);
    if (token.n == 0) return fail(why, ERR_TOKEN, "Authorization has no token after \"Bearer\"");
    if (token.n > LIMIT_TOKEN_BYTES) return fail(why, ERR_TOKEN, "token: longer than %d bytes", LIMIT_TOKEN_BYTES);
    if (token_cache_get(a->cache, token, atomic_load(&a->generation), now_us, arena, ret)) return OK;
    return check_new(a, token, now_us, arena, ret, why);
}

/* ---- making ---- */

static enum err read_options(struct auth *a, const struct auth_options *o, struct why *why)
{
    struct issuer any = {.jwks = arena_dup(&a->arena, o->jwks)};

    issuer_vec_add(&a->issuers, any);
    if (o->n_audiences == 0) return fail(why, ERR_INPUT, "no audience is given: the host names that tokens are for");
    a->n_audiences = o->n_audiences;
    a->audience_texts = arena_array(&a->arena, o->n_audiences, sizeof *a->audience_texts);
    for (size_t i = 0; i < o->n_audiences; i++) {
        if (o->audiences[i][0] == '\0') return fail(why, ERR_INPUT, "an audience is empty");
        a->audience_texts[i] = arena_dup(&a->arena, str_of(o->audiences[i])).at;
    }
    if (o->leeway_s < 0 || o->leeway_s > 60) return fail(why, ERR_INPUT, "a leeway of %d s: 0 to 60", o->leeway_s);
    a->leeway_us = (o->leeway_s ? o->leeway_s : LEEWAY_S) * INSTANT_S;
    for (size_t i = 0; i < o->n_pem_files; i++) TRY(issuer_add_pem(&a->issuers.at[0], o->pem_files[i], &a->arena, why));
    if (o->issuers_file) TRY(issuers_read(o->issuers_file, &a->arena, &a->issuers, why));
    TRY(jwks_check_place(any.jwks, why));
    if (a->issuers.n == 1 && a->issuers.at[0].pem.n == 0 && any.jwks.n == 0)
        return fail(why, ERR_INPUT, "no keys are given that tokens could be checked with");
    return OK;
}

/* The first fetch. A file that is wrong is a mistake to be told at once; a URL may come to life later. */
static enum err first_fetch(struct auth *a, struct why *why)
{
    (void)refresh(a, true, NULL);
    for (size_t i = 0; i < a->issuers.n; i++) {
        struct str place = a->issuers.at[i].jwks;
        if (place.n > 0 && !jwks_is_url(place) && a->sets[i].fetched_us == 0)
            return fail(why, ERR_INPUT, "%s", a->sets[i].last.text);
    }
    must(pthread_create(&a->thread, NULL, keep_fresh, a) == 0);
    a->has_thread = true;
    return OK;
}

enum err auth_new(const struct auth_options *options, struct auth **ret, struct why *why)
{
    struct auth *a = mem_zalloc(sizeof *a);
    struct http_client_options client = {.stop = &a->is_stopping};
    pthread_condattr_t attributes;
    enum err err;

    a->cache = token_cache_new();
    a->client = http_client_new(&client);
    (void)pthread_rwlock_init(&a->keys_lock, NULL);
    (void)pthread_mutex_init(&a->parsers_lock, NULL);
    (void)pthread_mutex_init(&a->refresh_lock, NULL);
    (void)pthread_mutex_init(&a->wake_lock, NULL);
    (void)pthread_condattr_init(&attributes);
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&a->wake, &attributes);
    (void)pthread_condattr_destroy(&attributes);
    err = read_options(a, options, why);
    a->sets = mem_calloc(a->issuers.n, sizeof *a->sets);
    if (err == OK) err = first_fetch(a, why);
    if (err != OK) {
        auth_free(a);
        return err;
    }
    *ret = a;
    return OK;
}

void auth_free(struct auth *a)
{
    if (!a) return;
    atomic_store(&a->is_stopping, true);
    if (a->has_thread) {
        (void)pthread_mutex_lock(&a->wake_lock);
        (void)pthread_cond_signal(&a->wake);
        (void)pthread_mutex_unlock(&a->wake_lock);
        (void)pthread_join(a->thread, NULL);
    }
    for (size_t i = 0; i < a->issuers.n; i++) {
        jwt_keys_done(&a->sets[i].keys);
        buf_done(&a->sets[i].text);
        buf_done(&a->sets[i].pem_text);
    }
    mem_free(a->sets);
    issuers_done(&a->issuers);
    http_client_free(a->client);
    token_cache_free(a->cache);
    while (a->n_parsers > 0) json_parser_free(a->parsers[--a->n_parsers]);
    (void)pthread_rwlock_destroy(&a->keys_lock);
    (void)pthread_mutex_destroy(&a->parsers_lock);
    (void)pthread_mutex_destroy(&a->refresh_lock);
    (void)pthread_mutex_destroy(&a->wake_lock);
    (void)pthread_cond_destroy(&a->wake);
    arena_done(&a->arena);
    mem_free(a);
}
