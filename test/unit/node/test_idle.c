/* test_idle.c - two days of nothing but ticks: neither etcd nor the nodes grow.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Two nodes tick back to back. STEPS=n sets how many ticks they write together; CHECK_ALL=1: 5,760, which is two days of one a minute and
 * node. What peers signed is told to the nodes by the test.
 */
#include <stdlib.h>
#include <unistd.h>

#include "etcd_servers.h"
#include "league.h"
#include "t.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define MEMORY_IS_OURS false /* The sanitizers keep what was freed. */
#else
#define MEMORY_IS_OURS true
#endif

static struct etcd_servers *servers;

static int64_t resident_bytes(void)
{
    long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    must(file && fscanf(file, "%*d %ld", &pages) == 1 && fclose(file) == 0);
    return (int64_t)pages * sysconf(_SC_PAGESIZE);
}

static uint64_t position(struct node *n)
{
    struct node_status s;
    node_status(n, &s);
    return s.position;
}

/* Both have signed what both hold. */
static void sign(struct league *c)
{
    uint64_t a = position(c->homes[0].node), b = position(c->homes[1].node), size = 2 * (a < b ? a : b);
    for (int i = 0; i < 2; i++)
        for (uint32_t no = 0; no < 2; no++) node_set_signed(c->homes[i].node, no, size, node_steady_us(c->homes[i].node));
}

/* Own slots of a node that are gone from etcd. */
static uint64_t kept_from(struct node *n)
{
    struct node_status s;
    node_status(n, &s);
    return s.slots_kept_from;
}

static bool tick_up_to(struct league *c, uint64_t end)
{
    struct node_status s;

    do {
        sign(c);
        league_breathe();
        node_status(c->homes[0].node, &s);
        if (!CHECK(s.takes_writes)) return false;
    } while (s.position < end);
    return true;
}

/* What etcd holds when nothing of it is history. */
static int64_t bytes_in_use(void)
{
    struct etcd_options options = {.endpoints = etcd_servers_urls(servers), .n_endpoints = 1, .allow_old = true};
    struct etcd_status status = {0};
    struct why why;
    struct etcd *e = NULL;

    must(etcd_new(&options, &e, &why) == OK);
    CHECK(etcd_servers_compact(servers));
    CHECK(etcd_ask_status(e, &status, &why) == OK);
    etcd_free(e);
    return status.bytes_in_use;
}

static void two_idle_days_leave_etcd_and_the_nodes_as_they_are(void)
{
    uint64_t n_ticks = (uint64_t)t_steps(getenv("CHECK_ALL") ? 5760 : 900);
    struct league c;

    league_make(&c, 2, etcd_servers_urls(servers), 1);
    c.tick_us = 1;
    c.upkeep_ms = 20;
    if (league_start_all(&c) && tick_up_to(&c, n_ticks / 3)) {
        int64_t memory = resident_bytes(), size = bytes_in_use();
        if (tick_up_to(&c, n_ticks)) {
            int64_t memory_grown = resident_bytes() - memory, size_grown = bytes_in_use() - size;
            printf("# %llu ticks: etcd's size in use %lld, grown by %lld; memory %lld, grown by %lld bytes\n", (unsigned long long)n_ticks,
                   (long long)size, (long long)size_grown, (long long)memory, (long long)memory_grown);
            CHECK(size + size_grown < 1024 * 1024); /* It goes up and down with the pages that are free just then; all ticks are 3 MB. */
            CHECK(kept_from(c.homes[0].node) + kept_from(c.homes[1].node) > n_ticks / 2);
            CHECK(!MEMORY_IS_OURS || memory_grown < 8 * 1024 * 1024);
        }
    }
    league_remove(&c);
}

int main(void)
{
    if (!etcd_servers_can()) {
        t_skip("two idle days leave etcd and the nodes as they are", "etcd is not installed");
        return t_done();
    }
    servers = etcd_servers_start(&(struct etcd_servers_options){.n = 1});
    if (CHECK(servers != NULL)) RUN(two_idle_days_leave_etcd_and_the_nodes_as_they_are);
    etcd_servers_stop(servers);
    return t_done();
}
