/* raw_etcd.c - the floor of a line on etcd: plain puts of the same bytes, by as many clients.
 * SPDX-License-Identifier: Apache-2.0
 *
 *     build/release/bench/raw_etcd URL,... CLIENTS BYTES SECONDS
 *
 * Each client has a connection of its own, to the endpoints by turns, and one /v3/kv/put under way; every key is new. Prints one JSON
 * object: puts a second, p50_us, p99_us.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/b64.h"
#include "base/mem.h"
#include "base/vec.h"
#include "http/client.h"

#define CLIENTS_MAX 256
#define ENDPOINTS_MAX 16

static double seconds;
static size_t n_bytes;
static atomic_int n_failed;

struct client {
    pthread_t thread;
    int number;
    struct str url;
    struct u64_vec ns;
};

static int64_t now_ns(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void *run(void *arg)
{
    struct client *c = arg;
    AUTO(buf_done) struct buf to = {0}, body = {0}, answer = {0}, value = {0}, value64 = {0};
    struct http_client *http = http_client_new(&(struct http_client_options){0});
    const char *const headers[] = {"Content-Type: application/json"};
    int64_t start = now_ns(), t;
    int status;

    buf_addf(&to, "%.*s/v3/kv/put", STR_ARG(c->url));
    for (size_t i = 0; i < n_bytes; i++) buf_add_char(&value, (char)(i * 31 + (size_t)c->number));
    b64_add(&value64, B64_STANDARD, value.at, value.n);
    for (uint64_t i = 0; (double)((t = now_ns()) - start) < seconds * 1e9; i++) {
        char key[64];
        int n = snprintf(key, sizeof key, "floor/%lld/%03d/%012llu", (long long)start, c->number, (unsigned long long)i);
        buf_clear(&body);
        buf_clear(&answer);
        buf_add_str(&body, STR("{\"key\":\""));
        b64_add(&body, B64_STANDARD, key, (size_t)n);
        buf_add_str(&body, STR("\",\"value\":\""));
        buf_add_str(&body, buf_str(&value64));
        buf_add_str(&body, STR("\"}"));
        struct http_call call = {.method = "POST", .url = buf_z(&to), .headers = headers, .n_headers = 1, .body = buf_str(&body)};
        struct why why = {0};
        if (http_client_call(http, &call, &status, &answer, &why) != OK || status != 200) {
            (void)fprintf(stderr, "raw_etcd: %s: %s\n", call.url, why.text[0] ? why.text : buf_z(&answer));
            atomic_fetch_add(&n_failed, 1);
            break;
        }
        u64_vec_add(&c->ns, (uint64_t)(now_ns() - t));
    }
    http_client_free(http);
    return NULL;
}

static int compare_u64(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

int main(int argc, char **argv)
{
    static struct client clients[CLIENTS_MAX];
    struct str urls[ENDPOINTS_MAX];
    size_t n_urls = 0;
    AUTO(u64_vec_done) struct u64_vec all = {0};
    int n = argc == 5 ? atoi(argv[2]) : 0;

    if (n < 1 || n > CLIENTS_MAX) {
        (void)fprintf(stderr, "raw_etcd URL,... CLIENTS(1..%d) BYTES SECONDS\n", CLIENTS_MAX);
        return 2;
    }
    n_bytes = (size_t)atoi(argv[3]);
    seconds = atof(argv[4]);
    for (struct str rest = str_of(argv[1]); rest.n && n_urls < ENDPOINTS_MAX; n_urls++) urls[n_urls] = str_cut(&rest, ',');
    if (n_urls == 0) return 2;
    for (int i = 0; i < n; i++) {
        clients[i].number = i;
        clients[i].url = urls[(size_t)i % n_urls];
        must(pthread_create(&clients[i].thread, NULL, run, &clients[i]) == 0);
    }
    for (int i = 0; i < n; i++) {
        must(pthread_join(clients[i].thread, NULL) == 0);
        for (size_t k = 0; k < clients[i].ns.n; k++) u64_vec_add(&all, clients[i].ns.at[k]);
        u64_vec_done(&clients[i].ns);
    }
    if (all.n == 0 || atomic_load(&n_failed)) return 1;
    qsort(all.at, all.n, sizeof *all.at, compare_u64);
    printf("{\"puts\":{\"n\":%zu,\"per_s\":%.1f,\"p50_us\":%.1f,\"p99_us\":%.1f}}\n", all.n, (double)all.n / seconds,
           (double)all.at[all.n / 2] / 1e3, (double)all.at[all.n * 99 / 100] / 1e3);
    return 0;
}
