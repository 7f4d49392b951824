/* test_journal_etcd_cluster.c - three authors write at once on three members of etcd that are killed and paused meanwhile.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Whatever happens, all three stores end with the same bytes in the same order, each author's entries once and in its own order,
 * and nothing that was acknowledged is missing. ENTRIES=n sets how many each writes; CHECK_ALL=1 writes more.
 */
#include <ftw.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "etcd_servers.h"
#include "party.h"
#include "t.h"

#define N 3

static struct etcd_servers *servers;
static struct guild guild;
static uint64_t n_each = 667;

struct author {
    struct party party;
    char dir[160];
    const char *urls[N]; /* Each asks another member first. */
    pthread_t thread;
    bool restarts;
    uint64_t n_restarts, n_said;
    uint64_t n_unclear, n_conflicts, n_unavailable;
    bool good;
};

static atomic_uint_fast64_t n_said_by_all;

static bool reopen(struct author *a)
{
    if (a->party.journal) party_close(&a->party);
    if (party_open(&a->party, &guild, a->party.me, a->dir) == OK) return true;
    printf("# author %d: %s\n", a->party.me, a->party.why.text);
    return false;
}

/* Says n until it stands in the store: what a node does with an unclear answer. */
static bool say(struct author *a, uint64_t n)
{
    AUTO(buf_done) struct buf bytes = {0};
    struct journal *j = a->party.journal;

    party_tick(&a->party, journal_etcd_next(j), n, &bytes);
    for (int attempt = 0; attempt < 500; attempt++) {
        enum err err = party_propose(&a->party, buf_str(&bytes));
        if (err == OK) return true;
        if (err == ERR_NET) a->n_unclear++;
        else if (err == ERR_UNAVAILABLE) a->n_unavailable++;
        else if (err == ERR_CONFLICT) {
            a->n_conflicts++;
            return false;
        } else {
            printf("# author %d: %s: %s\n", a->party.me, err_name(err), a->party.why.text);
            a->good = false;
            return false;
        }
    }
    printf("# author %d: never settled: %s\n", a->party.me, a->party.why.text);
    a->good = false;
    return false;
}

static void *write_all(void *context)
{
    struct author *a = context;

    a->good = true;
    for (uint64_t i = 0; a->good && i < n_each; i++) {
        if (!say(a, i)) a->good = false; /* No conflict is due: one process a key, and its unclear ones are sent again. */
        if (a->good) a->n_said++;
        atomic_fetch_add(&n_said_by_all, 1);
        if (a->restarts && i % (n_each / 3) == n_each / 6) {
            a->n_restarts++;
            a->good = a->good && reopen(a);
        }
    }
    return NULL;
}

static void wait_until_said(uint64_t n)
{
    while (atomic_load(&n_said_by_all) < n) (void)nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
}

static bool catch_up(struct author *a)
{
    for (int i = 0; i < 200; i++)
        if (party_follow(&a->party) == OK) return true;
    printf("# author %d: %s\n", a->party.me, a->party.why.text);
    return false;
}

/* Every author's ticks once, ascending. */
static void check_complete(struct str words)
{
    uint64_t next[N] = {0};

    while (words.n) {
        struct str word = str_cut(&words, ' ');
        int who = word.at[0] - '0';
        if (!CHECK(who >= 0 && who < N && word.at[1] == ':')) return;
        if (!CHECK_INT(strtoull(word.at + 2, NULL, 10), next[who])) return;
        next[who]++;
    }
    for (int i = 0; i < N; i++) CHECK_INT(next[i], n_each);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

static void start_authors(struct author authors[N])
{
    const char *tmp = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp";

    for (int i = 0; i < N; i++) {
        struct author *a = &authors[i];
        (void)snprintf(a->dir, sizeof a->dir, "%.100s/etcd-author-XXXXXX", tmp);
        must(mkdtemp(a->dir) != NULL);
        for (int k = 0; k < N; k++) a->urls[k] = etcd_servers_urls(servers)[(i + k) % N];
        a->party.me = i;
        a->party.options.etcd.endpoints = a->urls;
        a->party.options.etcd.n_endpoints = N;
        a->party.options.etcd.timeout_ms = 700;
        a->restarts = i == 2;
        must(reopen(a));
    }
}

static void three_authors_agree_through_kills_pauses_and_restarts(void)
{
    struct author authors[N] = {{.n_said = 0}};
    AUTO(buf_done) struct buf want = {0}, got = {0};
    int leader;

    guild_init(&guild, N);
    start_authors(authors);
    for (int i = 0; i < N; i++) must(pthread_create(&authors[i].thread, NULL, write_all, &authors[i]) == 0);

    wait_until_said(n_each * N / 5);
    leader = etcd_servers_leader(servers);
    if (CHECK(leader >= 0)) {
        etcd_servers_signal(servers, leader, SIGKILL);
        wait_until_said(n_each * N / 5 * 2);
        etcd_servers_again(servers, leader);
    }
    wait_until_said(n_each * N / 5 * 3);
    leader = etcd_servers_leader(servers);
    if (CHECK(leader >= 0)) {
        etcd_servers_signal(servers, leader, SIGSTOP);
        wait_until_said(n_each * N / 5 * 4);
        etcd_servers_signal(servers, leader, SIGCONT);
    }
    for (int i = 0; i < N; i++) must(pthread_join(authors[i].thread, NULL) == 0);
    CHECK(authors[2].n_restarts == 3);
    for (int i = 0; i < N; i++) {
        struct author *a = &authors[i];
        struct journal_etcd_counts c;
        if (!CHECK(a->good) || !CHECK(a->party.journal && catch_up(a))) continue;
        c = journal_etcd_counts(a->party.journal);
        printf("# author %d: %d said, %d resent, %d unclear, %d unavailable, %d stale, %d adopted\n", i, (int)a->n_said, (int)c.resent,
               (int)a->n_unclear, (int)a->n_unavailable, (int)c.stale, (int)c.adopted);
        party_words(&a->party, i ? &got : &want);
        if (i == 0) check_complete(buf_str(&want));
        else CHECK(str_equal(buf_str(&got), buf_str(&want)));
    }
    for (int i = 0; i < N; i++) {
        party_close(&authors[i].party);
        CHECK(nftw(authors[i].dir, remove_one, 8, FTW_DEPTH | FTW_PHYS) == 0);
    }
    guild_done(&guild);
}

int main(void)
{
    if (getenv("CHECK_ALL")) n_each = 5000;
    if (getenv("ENTRIES")) n_each = strtoull(getenv("ENTRIES"), NULL, 10);
    if (!etcd_servers_can()) {
        t_skip("three authors on three members of etcd", "etcd is not installed");
        return t_done();
    }
    servers = etcd_servers_start(&(struct etcd_servers_options){.n = N});
    if (!servers) {
        printf("not ok - etcd did not start\n");
        return 1;
    }
    RUN(three_authors_agree_through_kills_pauses_and_restarts);
    etcd_servers_stop(servers);
    return t_done();
}
