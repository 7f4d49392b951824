/* test_auth.c - issuers with their own keys and subs, key sets that come and go, the cache, many threads.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "api/auth.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/jwt_mint.h"
#include "api/token_cache.h"
#include "base/b64.h"
#include "base/instant.h"
#include "base/limits.h"
#include "http/server.h"
#include "t.h"

#include <time.h>

static char folder[512];
static struct arena arena;
static struct why why;

struct pair {
    struct buf private, public;
};
static struct pair first, second, third; /* RSA, Ed25519, Ed25519 */

static int64_t now(void)
{
    return (int64_t)time(NULL) * INSTANT_S;
}

static const char *path(const char *name)
{
    AUTO(buf_done) struct buf whole = {0};
    buf_addf(&whole, "%s/%s", folder, name);
    return arena_dup(&arena, buf_str(&whole)).at;
}

static const char *put_file(const char *name, struct str text)
{
    const char *to = path(name);
    FILE *file = fopen(to, "wb");
    must(file && fwrite(text.at, 1, text.n, file) == text.n && fclose(file) == 0);
    return to;
}

/* "Bearer " and a token for "host". */
static struct str bearer_at(const struct pair *key, const char *iss, const char *sub, const char *kid, int64_t at_us)
{
    AUTO(buf_done) struct buf text = {0};
    struct jwt_claims claims = {.iss = str_of(iss), .sub = str_of(sub), .aud = STR("host"), .scope = STR("utm.strategic_coordination"),
                                .kid = str_of(kid), .issued_us = at_us, .lifetime_s = 600};
    buf_add_str(&text, STR("Bearer "));
    must(jwt_mint(buf_str(&key->private), &claims, &text, &why) == OK);
    return arena_dup(&arena, buf_str(&text));
}

static struct str bearer(const struct pair *key, const char *iss, const char *sub, const char *kid)
{
    return bearer_at(key, iss, sub, kid, now());
}

/* The public key as a JWK: the last 32 bytes of an Ed25519 SPKI. */
static void add_jwk(struct buf *to, const struct pair *key, const char *kid)
{
    AUTO(buf_done) struct buf base64 = {0}, der = {0};
    struct str rest = buf_str(&key->public);

    while (rest.n > 0) {
        struct str line = str_cut(&rest, '\n');
        if (line.n > 0 && line.at[0] != '-') buf_add_str(&base64, line);
    }
    must(b64_decode(B64_STANDARD, buf_str(&base64), &der) && der.n == 44);
    buf_addf(to, "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"kid\":\"%s\",\"x\":\"", kid);
    b64_add(to, B64_URL, der.at + 12, 32);
    buf_add_str(to, STR("\"}"));
}

static struct str jwks_of(const struct pair *key, const char *kid)
{
    AUTO(buf_done) struct buf text = {0};
    buf_add_str(&text, STR("{\"keys\":["));
    add_jwk(&text, key, kid);
    buf_add_str(&text, STR("]}"));
    return arena_dup(&arena, buf_str(&text));
}

static const char *const audiences[] = {"host"};

static struct auth *make(struct auth_options o)
{
    struct auth *a = NULL;
    o.audiences = audiences;
    o.n_audiences = 1;
    why = (struct why){0};
    if (auth_new(&o, &a, &why) != OK) printf("# %s\n", why.text);
    return a;
}

static enum err check(struct auth *a, struct str authorization)
{
    struct caller caller = {0};
    why = (struct why){0};
    return auth_check(a, authorization, now(), &arena, &caller, &why);
}

static bool refused(struct auth *a, struct str authorization, enum err code, const char *message)
{
    enum err got = check(a, authorization);
    if (got == code && strstr(why.text, message)) return true;
    printf("# %s: \"%s\"\n", err_name(got), why.text);
    return false;
}

static void a_token_of_a_known_key_gives_its_caller(void)
{
    const char *pem[] = {path("first.pem"), path("second.pem")};
    struct auth *a = make((struct auth_options){.pem_files = pem, .n_pem_files = 2});
    struct str token = bearer(&first, "anyone", "uss1", "some kid");
    struct caller caller = {0};

    if (!CHECK(a)) return;
    for (int i = 0; i < 3; i++) { /* Twice from the cache. */
        caller = (struct caller){0};
        CHECK(auth_check(a, token, now(), &arena, &caller, &why) == OK);
        CHECK_STR(caller.sub, STR("uss1"));
        CHECK_INT(caller.scopes, SCOPE_SC);
        CHECK(caller.expires_us > now() + 590 * INSTANT_S);
    }
    CHECK(check(a, bearer(&second, "another", "uss2", "")) == OK);
    CHECK(refused(a, bearer(&third, "anyone", "uss1", ""), ERR_TOKEN, "fits no key"));
    auth_free(a);
}

static void a_header_that_is_no_bearer_token_is_refused(void)
{
    const char *pem[] = {path("first.pem")};
    struct auth *a = make((struct auth_options){.pem_files = pem, .n_pem_files = 1});
    struct str token = bearer(&first, "i", "uss1", "");
    AUTO(buf_done) struct buf text = {0};

    CHECK(refused(a, STR(""), ERR_TOKEN, "no Authorization"));
    CHECK(refused(a, STR("Bearer"), ERR_TOKEN, "form"));
    CHECK(refused(a, STR("Bearer "), ERR_TOKEN, "no token"));
    CHECK(refused(a, STR("Basic dXNlcjpwYXNz"), ERR_TOKEN, "form"));
    CHECK(refused(a, str_skip(token, 7), ERR_TOKEN, "form"));
    buf_addf(&text, "bEARER   %.*s", STR_ARG(str_skip(token, 7)));
    CHECK(check(a, buf_str(&text)) == OK);
    buf_add_char(&text, ' ');
    CHECK(refused(a, buf_str(&text), ERR_TOKEN, "base64url"));
    buf_clear(&text);
    buf_addf(&text, "Bearer %0*d", LIMIT_TOKEN_BYTES + 1, 0);
    CHECK(refused(a, buf_str(&text), ERR_TOKEN, "longer"));
    auth_free(a);
}

static void no_byte_of_a_token_can_be_changed(void)
{
    const char *pem[] = {path("first.pem"), path("second.pem")};
    struct auth *a = make((struct auth_options){.pem_files = pem, .n_pem_files = 2});
    struct str token = bearer(&second, "i", "uss1", "");
    char *copy = (char *)(uintptr_t)token.at;

    CHECK(check(a, token) == OK); /* Now it is cached. */
    for (size_t i = 7; i < token.n; i++) {
        char old = copy[i];
        copy[i] = old == 'A' ? 'B' : 'A';
        if (!CHECK(check(a, token) == ERR_TOKEN)) printf("# byte %zu\n", i);
        copy[i] = old;
    }
    CHECK(check(a, str_first(token, token.n - 1)) == ERR_TOKEN);
    CHECK(check(a, token) == OK);
    auth_free(a);
}

static void a_cached_token_ends_when_it_ends(void)
{
    const char *pem[] = {path("first.pem")};
    struct auth *a = make((struct auth_options){.pem_files = pem, .n_pem_files = 1});
    int64_t t0 = now();
    struct str token = bearer_at(&first, "i", "uss1", "", t0);
    struct caller caller;

    CHECK(auth_check(a, token, t0, &arena, &caller, &why) == OK);
    CHECK(auth_check(a, token, t0 + 604 * INSTANT_S, &arena, &caller, &why) == OK);
    CHECK(auth_check(a, token, t0 + 605 * INSTANT_S, &arena, &caller, &why) == ERR_TOKEN && strstr(why.text, "expired"));
    CHECK(auth_check(a, token, t0 - 5 * INSTANT_S, &arena, &caller, &why) == OK);
    CHECK(auth_check(a, token, t0 - 6 * INSTANT_S, &arena, &caller, &why) == ERR_TOKEN && strstr(why.text, "nbf"));
    auth_free(a);
}

static void an_issuer_is_bound_to_its_keys_and_subs(void)
{
    const char *pem[] = {path("first.pem")};
    const char *issuers = put_file("issuers.json", STR("[{\"iss\":\"red\",\"pem\":\"second.pem\",\"subs\":[\"red1\",\"red2\"]},"
                                                       "{\"iss\":\"blue\",\"pem\":[\"third.pem\",\"first.pem\"]}]"));
    struct auth *a = make((struct auth_options){.pem_files = pem, .n_pem_files = 1, .issuers_file = issuers});

    if (!CHECK(a)) return;
    CHECK(check(a, bearer(&second, "red", "red1", "")) == OK);
    CHECK(check(a, bearer(&second, "red", "red2", "")) == OK);
    CHECK(refused(a, bearer(&second, "red", "blue1", ""), ERR_TOKEN, "may not vouch"));
    CHECK(refused(a, bearer(&second, "red", "red", ""), ERR_TOKEN, "may not vouch"));
    CHECK(refused(a, bearer(&first, "red", "red1", ""), ERR_TOKEN, "no key for its algorithm RS256"));
    CHECK(refused(a, bearer(&third, "red", "red1", ""), ERR_TOKEN, "fits no key"));
    CHECK(check(a, bearer(&third, "blue", "anyone", "")) == OK);
    CHECK(check(a, bearer(&first, "blue", "red1", "")) == OK);
    CHECK(refused(a, bearer(&second, "blue", "b", ""), ERR_TOKEN, "fits no key"));
    CHECK(check(a, bearer(&first, "green", "g", "")) == OK); /* --token-key is for those not named. */
    CHECK(refused(a, bearer(&second, "green", "g", ""), ERR_TOKEN, "no key for its algorithm EdDSA"));
    auth_free(a);
    a = make((struct auth_options){.issuers_file = issuers});
    CHECK(check(a, bearer(&second, "red", "red1", "")) == OK);
    CHECK(refused(a, bearer(&first, "green", "g", ""), ERR_TOKEN, "issuer is not accepted"));
    auth_free(a);
}

static void options_that_are_wrong_are_named(void)
{
    static const char *const bad[][2] = {
        {"{}", "array"}, {"[]", "array"}, {"[7]", "issuer 0: no object"}, {"[{\"iss\":\"a\"}]", "neither"},
        {"[{\"pem\":\"first.pem\"}]", "no \"iss\""}, {"[{\"iss\":\"\",\"pem\":\"first.pem\"}]", "iss"},
        {"[{\"iss\":\"a\",\"pem\":\"nothing.pem\"}]", "nothing.pem"}, {"[{\"iss\":\"a\",\"pem\":\"first.pem\",\"sub\":[\"x\"]}]", "other than"},
        {"[{\"iss\":\"a\",\"pem\":\"first.pem\",\"subs\":[]}]", "subs"}, {"[{\"iss\":\"a\",\"pem\":\"first.pem\",\"subs\":[7]}]", "subs"},
        {"[{\"iss\":\"a\",\"pem\":[7]}]", "pem"}, {"[{\"iss\":\"a\",\"jwks\":7}]", "jwks"}, {"[{\"iss\":\"a\",\"jwks\":\"http://a.example/\"}]", "https"},
        {"[{\"iss\":\"a\",\"pem\":\"first.pem\"},{\"iss\":\"a\",\"pem\":\"second.pem\"}]", "issuer 1"}, {"[{\"iss\":\"a\",\"jwks\":\"none.json\"}]", "none.json"},
        {"[", "byte 1"}, {"[{\"iss\":\"a\",\"pem\":\"issuers.json\"}]", "no PEM block"},
    };
    const char *pem[] = {path("first.pem")};
    struct auth *a = NULL;

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct auth_options o = {.issuers_file = put_file("issuers.json", str_of(bad[i][0])), .audiences = audiences, .n_audiences = 1};
        if (!CHECK(auth_new(&o, &a, &why) == ERR_INPUT && strstr(why.text, bad[i][1]))) printf("# %s: %s\n", bad[i][0], why.text);
    }
    CHECK(auth_new(&(struct auth_options){.audiences = audiences, .n_audiences = 1}, &a, &why) == ERR_INPUT && strstr(why.text, "no keys"));
    CHECK(auth_new(&(struct auth_options){.pem_files = pem, .n_pem_files = 1}, &a, &why) == ERR_INPUT && strstr(why.text, "audience"));
    CHECK(auth_new(&(struct auth_options){.pem_files = pem, .n_pem_files = 1, .audiences = audiences, .n_audiences = 1, .leeway_s = 61}, &a,
                   &why) == ERR_INPUT && strstr(why.text, "leeway"));
    CHECK(a == NULL);
}

static void a_key_set_file_is_read_again(void)
{
    const char *file = put_file("keys.json", jwks_of(&second, "a"));
    struct auth *a = make((struct auth_options){.jwks = str_of(file)});
    struct str token = bearer(&second, "i", "u", "a"), without = bearer(&second, "i", "u", "");

    if (!CHECK(a)) return;
    CHECK(check(a, token) == OK);
    CHECK(check(a, without) == OK); /* No kid: every key is tried. */
    CHECK(refused(a, bearer(&second, "i", "u", "b"), ERR_TOKEN, "kid"));
    CHECK(refused(a, bearer(&third, "i", "u", "a"), ERR_TOKEN, "fits no key"));
    (void)put_file("keys.json", jwks_of(&third, "b"));
    CHECK(auth_refresh(a, &why) == OK);
    CHECK(refused(a, token, ERR_TOKEN, "kid")); /* Though it was cached. */
    CHECK(refused(a, without, ERR_TOKEN, "fits no key"));
    CHECK(check(a, bearer(&third, "i", "u", "b")) == OK);
    (void)put_file("keys.json", STR("{\"keys\":"));
    CHECK(auth_refresh(a, &why) == ERR_NET && strstr(why.text, "JWKS"));
    CHECK(check(a, bearer(&third, "i", "v", "b")) == OK); /* The last good set goes on. */
    auth_free(a);
}

static void a_pem_file_is_read_again(void)
{
    struct str token = bearer(&second, "anyone", "uss1", ""), next = bearer(&third, "anyone", "uss1", "");
    const char *pem[] = {put_file("changing.pem", buf_str(&second.public))};
    struct auth *a = make((struct auth_options){.pem_files = pem, .n_pem_files = 1});

    if (!CHECK(a)) return;
    CHECK(check(a, token) == OK && check(a, token) == OK);
    CHECK(refused(a, next, ERR_TOKEN, "fits no key"));
    (void)put_file("changing.pem", buf_str(&third.public));
    CHECK(auth_refresh(a, &why) == OK);
    CHECK(check(a, next) == OK);
    CHECK(refused(a, token, ERR_TOKEN, "fits no key")); /* The cache has it no more. */
    (void)put_file("changing.pem", STR("-----BEGIN PUBLIC KEY-----\nhalf"));
    CHECK(auth_refresh(a, &why) == ERR_NET && strstr(why.text, "changing.pem"));
    CHECK(check(a, next) == OK); /* What is half written changes nothing. */
    CHECK(unlink(path("changing.pem")) == 0);
    CHECK(auth_refresh(a, &why) == ERR_NET);
    CHECK(check(a, next) == OK);
    auth_free(a);
}

/* ---- a JWKS server on this machine ---- */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t asked = PTHREAD_COND_INITIALIZER;
static struct str served; /* Empty: 500. */
static int n_asked;

static void serve(struct http_request *r, void *context)
{
    struct http_response response = {.status = 200};

    (void)context;
    (void)pthread_mutex_lock(&lock);
    n_asked++;
    (void)pthread_cond_broadcast(&asked);
    buf_add_str(&response.body, served);
    (void)pthread_mutex_unlock(&lock);
    if (str_equal(r->path, STR("/moved"))) {
        response.status = 302;
        response.headers[0].name = STR("Location");
        response.headers[0].value = STR("/keys");
        response.n_headers = 1;
    } else if (response.body.n == 0) {
        response.status = 500;
    }
    http_respond(r, &response);
}

static void set_served(struct str text)
{
    (void)pthread_mutex_lock(&lock);
    served = text;
    (void)pthread_mutex_unlock(&lock);
}

static void a_key_set_is_fetched_and_outlives_its_source_for_an_hour(void)
{
    struct http_options options = {.address = STR("127.0.0.1:0"), .n_threads = 1, .handler = serve};
    struct http_server *server;
    char url[64], moved[64];
    struct caller caller;
    struct auth *a, *b;
    int64_t t0, later;

    if (!CHECK(http_server_start(&options, &server, &why) == OK)) return;
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%u/keys", http_server_port(server));
    (void)snprintf(moved, sizeof moved, "http://127.0.0.1:%u/moved", http_server_port(server));
    set_served((struct str){0});
    a = make((struct auth_options){.jwks = str_of(url)}); /* Starts, though there are no keys yet. */
    if (!CHECK(a)) return;
    CHECK(refused(a, bearer(&second, "i", "u", "a"), ERR_UNAVAILABLE, "HTTP status 500"));
    CHECK(refused(a, STR("Bearer x"), ERR_TOKEN, "three parts"));
    set_served(jwks_of(&second, "a"));
    CHECK(auth_refresh(a, &why) == OK);
    CHECK(check(a, bearer(&second, "i", "u", "a")) == OK);

    set_served(jwks_of(&third, "b")); /* A token with the new key id makes the background thread ask. */
    (void)pthread_mutex_lock(&lock);
    int before = n_asked;
    (void)pthread_mutex_unlock(&lock);
    CHECK(refused(a, bearer(&third, "i", "u", "b"), ERR_TOKEN, "kid"));
    (void)pthread_mutex_lock(&lock);
    while (n_asked == before) (void)pthread_cond_wait(&asked, &lock);
    (void)pthread_mutex_unlock(&lock);
    CHECK(auth_refresh(a, &why) == OK); /* Waits for the one under way. */
    CHECK(check(a, bearer(&third, "i", "u", "b")) == OK);

    b = make((struct auth_options){.jwks = str_of(moved)});
    CHECK(b && refused(b, bearer(&third, "i", "u", "b"), ERR_UNAVAILABLE, "HTTP status 302"));
    auth_free(b);
    http_server_stop(server, 0);
    CHECK(auth_refresh(a, &why) == ERR_NET);
    CHECK(check(a, bearer(&third, "i", "w", "b")) == OK);
    t0 = now();
    later = t0 + INSTANT_HOUR + 2 * INSTANT_S;
    struct str cached = bearer_at(&third, "i", "x", "b", t0 + 3500 * INSTANT_S);
    CHECK(auth_check(a, cached, t0 + 3500 * INSTANT_S, &arena, &caller, &why) == OK);
    CHECK(auth_check(a, cached, later, &arena, &caller, &why) == ERR_UNAVAILABLE);
    CHECK(auth_check(a, bearer_at(&third, "i", "w", "b", later), later, &arena, &caller, &why) == ERR_UNAVAILABLE);
    auth_free(a);
}

/* ---- cache ---- */

static void the_cache_finds_exact_tokens_only(void)
{
    struct token_cache *c = token_cache_new();
    struct caller in = {.sub = STR("uss1"), .scopes = 5, .expires_us = 90}, out;

    token_cache_put(c, STR("aaaaaaaaaabbbbbbbbbb"), 1, 10, 100, &in);
    CHECK(token_cache_get(c, STR("aaaaaaaaaabbbbbbbbbb"), 1, 10, &arena, &out));
    CHECK(str_equal(out.sub, STR("uss1")) && out.scopes == 5 && out.expires_us == 90);
    CHECK(!token_cache_get(c, STR("aaaaaaaaaabbbbbbbbbc"), 1, 50, &arena, &out));
    CHECK(!token_cache_get(c, STR("aaaaaaaaaabbbbbbbbb"), 1, 50, &arena, &out));
    CHECK(!token_cache_get(c, STR(""), 1, 50, &arena, &out));
    CHECK(!token_cache_get(c, STR("aaaaaaaaaabbbbbbbbbb"), 2, 50, &arena, &out));
    CHECK(!token_cache_get(c, STR("aaaaaaaaaabbbbbbbbbb"), 1, 9, &arena, &out));
    CHECK(token_cache_get(c, STR("aaaaaaaaaabbbbbbbbbb"), 1, 99, &arena, &out));
    CHECK(!token_cache_get(c, STR("aaaaaaaaaabbbbbbbbbb"), 1, 100, &arena, &out));
    token_cache_put(c, STR("aaaaaaaaaabbbbbbbbbb"), 2, 10, 200, &in);
    CHECK(token_cache_get(c, STR("aaaaaaaaaabbbbbbbbbb"), 2, 150, &arena, &out));
    token_cache_free(c);
}

static void a_full_cache_loses_what_ends_first(void)
{
    struct token_cache *c = token_cache_new();
    struct caller in = {.sub = STR("s")}, out;
    char token[64];
    int n = 3 * TOKEN_CACHE_SHARDS * TOKEN_CACHE_SHARD, n_found = 0;

    for (int i = 0; i < n; i++) {
        (void)snprintf(token, sizeof token, "%030d%010d", 0, i);
        token_cache_put(c, str_of(token), 1, 0, 1000 + i, &in);
    }
    for (int i = 0; i < n; i++) {
        (void)snprintf(token, sizeof token, "%030d%010d", 0, i);
        bool is_found = token_cache_get(c, str_of(token), 1, 1, &arena, &out);
        n_found += is_found;
        if (i >= n - TOKEN_CACHE_SHARD) CHECK(is_found);
    }
    CHECK(n_found <= TOKEN_CACHE_SHARDS * TOKEN_CACHE_SHARD);
    token_cache_free(c);
}

struct crowd {
    struct auth *a;
    struct str tokens[8];
    long bad;
};

static void *crowd(void *context)
{
    struct crowd *c = context;
    struct arena own = {0};
    struct caller caller;

    for (int i = 0; i < t_steps(4000); i++) {
        struct str token = c->tokens[i % 8];
        enum err err = auth_check(c->a, token, now(), &own, &caller, NULL);
        c->bad += i % 8 == 7 ? err != ERR_TOKEN : err != OK || caller.sub.n != 1 || caller.sub.at[0] != (char)('a' + i % 8);
        if (i % 64 == 0) arena_clear(&own);
    }
    arena_done(&own);
    return NULL;
}

static void many_threads_check_while_keys_are_fetched(void)
{
    const char *file = put_file("keys.json", jwks_of(&second, "a"));
    struct crowd crowds[4], one = {0};
    pthread_t threads[4];

    one.a = make((struct auth_options){.jwks = str_of(file)});
    if (!CHECK(one.a)) return;
    for (int i = 0; i < 8; i++) {
        char sub[2] = {(char)('a' + i), '\0'};
        one.tokens[i] = bearer(i == 7 ? &third : &second, "i", sub, "a");
    }
    for (int i = 0; i < 4; i++) {
        crowds[i] = one;
        must(pthread_create(&threads[i], NULL, crowd, &crowds[i]) == 0);
    }
    for (int i = 0; i < 20; i++) {
        AUTO(buf_done) struct buf text = {0}; /* Another text, the same key: a new generation. */
        buf_addf(&text, "%.*s%*s", STR_ARG(jwks_of(&second, "a")), i % 3 + 1, "");
        (void)put_file("keys.new", buf_str(&text));
        must(rename(path("keys.new"), file) == 0);
        CHECK(auth_refresh(one.a, &why) == OK);
    }
    for (int i = 0; i < 4; i++) {
        (void)pthread_join(threads[i], NULL);
        CHECK_INT(crowds[i].bad, 0);
    }
    auth_free(one.a);
}

int main(void)
{
    static const char *const files[] = {"first.pem", "second.pem", "third.pem", "issuers.json", "keys.json"};

    const char *place = getenv("TMPDIR");
    (void)snprintf(folder, sizeof folder, "%s/auth-XXXXXX", place ? place : "/tmp");
    must(mkdtemp(folder) != NULL);
    jwt_key_make(JWT_MAKE_RSA, &first.private, &first.public);
    jwt_key_make(JWT_MAKE_ED25519, &second.private, &second.public);
    jwt_key_make(JWT_MAKE_ED25519, &third.private, &third.public);
    (void)put_file("first.pem", buf_str(&first.public));
    (void)put_file("second.pem", buf_str(&second.public));
    (void)put_file("third.pem", buf_str(&third.public));
    RUN(a_token_of_a_known_key_gives_its_caller);
    RUN(a_header_that_is_no_bearer_token_is_refused);
    RUN(no_byte_of_a_token_can_be_changed);
    RUN(a_cached_token_ends_when_it_ends);
    RUN(an_issuer_is_bound_to_its_keys_and_subs);
    RUN(options_that_are_wrong_are_named);
    RUN(a_key_set_file_is_read_again);
    RUN(a_pem_file_is_read_again);
    RUN(a_key_set_is_fetched_and_outlives_its_source_for_an_hour);
    RUN(the_cache_finds_exact_tokens_only);
    RUN(a_full_cache_loses_what_ends_first);
    RUN(many_threads_check_while_keys_are_fetched);
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) (void)unlink(path(files[i]));
    CHECK(rmdir(folder) == 0);
    struct pair *pairs[] = {&first, &second, &third};
    for (int i = 0; i < 3; i++) {
        buf_done(&pairs[i]->private);
        buf_done(&pairs[i]->public);
    }
    arena_done(&arena);
    return t_done();
}
