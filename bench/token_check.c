/* token_check.c - what auth_check() costs: first time, cached, and cached by two threads at once.
 * SPDX-License-Identifier: Apache-2.0
 *
 *     token_check      prints microseconds a check for RSA 2,048, P-256 and Ed25519
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "api/auth.h"
#include "api/jwt_mint.h"
#include "base/arena.h"

#define N_TOKENS 200

static struct auth *auth;
static struct str headers[N_TOKENS];
static int64_t now_us;

static double seconds(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void check_one(struct arena *arena, size_t i)
{
    struct caller caller;
    must(auth_check(auth, headers[i], now_us, arena, &caller, NULL) == OK);
    arena_clear(arena);
}

static void *check_cached(void *context)
{
    struct arena arena = {0};
    double *us = context, from = seconds();
    size_t n = 2000000;

    for (size_t i = 0; i < n; i++) check_one(&arena, i % 10); /* Ten participants. */
    *us = (seconds() - from) / (double)n * 1e6;
    arena_done(&arena);
    return NULL;
}

static void measure(enum jwt_key_type type, const char *name)
{
    AUTO(buf_done) struct buf private = {0}, public = {0};
    static const char *const audiences[] = {"host"};
    char file[] = "/tmp/token-check-XXXXXX";
    const char *files[] = {file};
    struct auth_options options = {.pem_files = files, .n_pem_files = 1, .audiences = audiences, .n_audiences = 1};
    struct arena arena = {0}, kept = {0};
    double from, first, one, two[2];
    pthread_t other;
    int fd = mkstemp(file);

    jwt_key_make(type, &private, &public);
    must(fd >= 0 && write(fd, public.at, public.n) == (ssize_t)public.n && close(fd) == 0);
    must(auth_new(&options, &auth, NULL) == OK && unlink(file) == 0);
    now_us = (int64_t)time(NULL) * 1000000;
    for (int i = 0; i < N_TOKENS; i++) {
        AUTO(buf_done) struct buf text = {0};
        char sub[16];
        (void)snprintf(sub, sizeof sub, "uss%d", i);
        struct jwt_claims claims = {.iss = STR("i"), .sub = str_of(sub), .aud = STR("host"), .scope = STR("utm.strategic_coordination"),
                                    .issued_us = now_us, .lifetime_s = 3600};
        buf_add_str(&text, STR("Bearer "));
        must(jwt_mint(buf_str(&private), &claims, &text, NULL) == OK);
        headers[i] = arena_dup(&kept, buf_str(&text));
    }
    from = seconds();
    for (size_t i = 0; i < N_TOKENS; i++) check_one(&arena, i);
    first = (seconds() - from) / N_TOKENS * 1e6;
    (void)check_cached(&one);
    must(pthread_create(&other, NULL, check_cached, &two[0]) == 0);
    (void)check_cached(&two[1]);
    (void)pthread_join(other, NULL);
    printf("%-8s first %6.1f us, cached %.3f us, by two threads %.3f us (%zu bytes)\n", name, first, one, (two[0] + two[1]) / 2,
           headers[0].n);
    auth_free(auth);
    arena_done(&arena);
    arena_done(&kept);
}

int main(void)
{
    measure(JWT_MAKE_RSA, "RS256");
    measure(JWT_MAKE_P256, "ES256");
    measure(JWT_MAKE_ED25519, "EdDSA");
    return 0;
}
