/* etcd.c - what an entry ordered by etcd costs, beside a put alone on the same members in the same minutes.
 * SPDX-License-Identifier: Apache-2.0
 *
 *     build/release/bench/etcd [MEMBERS [SECONDS [AUTHORS]]]
 *
 * MEMBERS (3) real etcd processes on loopback, with data in memory where there is a /dev/shm, so that what is measured is
 * etcd and the engine and no disk. Floor: /v3/kv/put of an entry's bytes by one client. Then one author's propose(), of which each reads
 * all authors' slots; then AUTHORS (3) at once, with how long their entries took. Stores in memory.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/b64.h"
#include "base/mem.h"
#include "base/vec.h"
#include "etcd_servers.h"
#include "http/client.h"
#include "party.h"

static double seconds = 3;

static int64_t now_ns(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int compare_u64(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

static void print_row(const char *name, struct u64_vec *ns)
{
    if (ns->n == 0) return;
    qsort(ns->at, ns->n, sizeof *ns->at, compare_u64);
    printf("%-34s %7.0f/s   p50 %6.2f  p99 %7.2f  max %8.2f ms\n", name, (double)ns->n / seconds, (double)ns->at[ns->n / 2] / 1e6,
           (double)ns->at[ns->n * 99 / 100] / 1e6, (double)ns->at[ns->n - 1] / 1e6);
}

static void put_row(const char *url, struct party *p)
{
    AUTO(u64_vec_done) struct u64_vec ns = {0};
    AUTO(buf_done) struct buf to = {0}, body = {0}, entry = {0};
    struct http_client_options options = {0};
    struct http_client *c = http_client_new(&options);
    int64_t start = now_ns(), t;
    int status;

    buf_addf(&to, "%s/v3/kv/put", url);
    for (uint64_t i = 0; (double)((t = now_ns()) - start) < seconds * 1e9; i++) {
        char key[64];
        int n = snprintf(key, sizeof key, "floor/%020llu", (unsigned long long)i);
        party_tick(p, i, i, &entry);
        t = now_ns();
        buf_clear(&body);
        buf_add_str(&body, STR("{\"key\":\""));
        b64_add(&body, B64_STANDARD, key, (size_t)n);
        buf_add_str(&body, STR("\",\"value\":\""));
        b64_add(&body, B64_STANDARD, entry.at, entry.n);
        buf_add_str(&body, STR("\"}"));
        must(http_client_call(c, &(struct http_call){.method = "POST", .url = buf_z(&to), .body = buf_str(&body)}, &status, NULL, NULL) == OK);
        must(status == 200);
        u64_vec_add(&ns, (uint64_t)(now_ns() - t));
    }
    http_client_free(c);
    print_row("floor: put", &ns);
}

struct lane {
    struct party party;
    struct u64_vec ns;
    pthread_t thread;
};

static void *propose_all(void *context)
{
    struct lane *lane = context;
    AUTO(buf_done) struct buf entry = {0};
    int64_t start = now_ns(), t;

    for (uint64_t i = 0; (double)((t = now_ns()) - start) < seconds * 1e9; i++) {
        party_tick(&lane->party, journal_etcd_next(lane->party.journal), i, &entry);
        t = now_ns();
        must(party_propose(&lane->party, buf_str(&entry)) == OK);
        u64_vec_add(&lane->ns, (uint64_t)(now_ns() - t));
    }
    return NULL;
}

static void lanes_row(const char *name, struct etcd_servers *servers, size_t n_members, int n_authors, int n_writers)
{
    struct lane lanes[GUILD_MAX] = {{.ns = {0}}};
    const char *urls[GUILD_MAX][ETCD_SERVERS_MAX];
    AUTO(u64_vec_done) struct u64_vec all = {0};
    struct guild g;

    guild_init(&g, n_authors);
    for (int i = 0; i < n_writers; i++) {
        for (size_t k = 0; k < n_members; k++) urls[i][k] = etcd_servers_urls(servers)[((size_t)i + k) % n_members];
        lanes[i].party.options.etcd.endpoints = urls[i];
        lanes[i].party.options.etcd.n_endpoints = n_members;
        must(party_open(&lanes[i].party, &g, i, NULL) == OK);
    }
    for (int i = 0; i < n_writers; i++) must(pthread_create(&lanes[i].thread, NULL, propose_all, &lanes[i]) == 0);
    for (int i = 0; i < n_writers; i++) {
        must(pthread_join(lanes[i].thread, NULL) == 0);
        for (size_t k = 0; k < lanes[i].ns.n; k++) u64_vec_add(&all, lanes[i].ns.at[k]);
        u64_vec_done(&lanes[i].ns);
        party_close(&lanes[i].party);
    }
    guild_done(&g);
    print_row(name, &all);
}

int main(int argc, char **argv)
{
    size_t n = argc > 1 ? strtoul(argv[1], NULL, 10) : 3;
    int n_authors = argc > 3 ? atoi(argv[3]) : 3;
    struct etcd_servers *servers;
    struct guild g;
    struct party p = {.me = 0};

    if (argc > 2) seconds = atof(argv[2]);
    must(n >= 1 && n <= ETCD_SERVERS_MAX && n_authors >= 1 && n_authors <= GUILD_MAX && seconds > 0);
    servers = etcd_servers_start(&(struct etcd_servers_options){.n = n});
    if (!servers) return 1;
    guild_init(&g, 1);
    p.guild = &g;
    for (int round = 0; round < 2; round++) {
        put_row(etcd_servers_urls(servers)[0], &p);
        lanes_row("propose, one writes", servers, n, n_authors, 1);
    }
    lanes_row("propose, all write", servers, n, n_authors, n_authors);
    guild_done(&g);
    etcd_servers_stop(servers);
    return 0;
}
