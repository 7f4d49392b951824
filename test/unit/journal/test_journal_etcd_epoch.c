/* test_journal_etcd_epoch.c - the engine on a real etcd goes from one epoch into the next (decision B6).
 * SPDX-License-Identifier: Apache-2.0
 */
#include <ftw.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "entry/entry.h"
#include "etcd_servers.h"
#include "journal/journal_etcd.h"
#include "party.h"
#include "t.h"

static struct etcd_servers *servers;

static bool words_are(struct party *p, const char *want)
{
    AUTO(buf_done) struct buf words = {0};

    party_words(p, &words);
    return CHECK_STR(buf_str(&words), str_of(want));
}

static void use(struct party *p, const char *const *urls, size_t n)
{
    p->options.etcd.endpoints = urls;
    p->options.etcd.n_endpoints = n;
}

static void opened(struct party *p, struct guild *g, int me)
{
    if (!p->options.etcd.endpoints) use(p, etcd_servers_urls(servers), 1);
    if (!CHECK(party_open(p, g, me, NULL) == OK)) printf("# %s\n", p->why.text);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

static bool says_100(void *context, struct str bytes)
{
    AUTO(arena_done) struct arena arena = {0};
    struct entry e;

    (void)context;
    return entry_decode(bytes, &arena, &e, NULL) == OK && e.time_ms == 100;
}

static void begin_epoch(struct party *p)
{
    journal_etcd_begin_epoch(p->journal);
    for (int i = 0; i < p->guild->n_founders; i++) CHECK(journal_etcd_admit(p->journal, p->guild->ids[i], &p->why) == OK);
}

/* Decision B6: what comes before the entry that opens it counts for nothing, nor does anything of the epoch before. */
static void a_new_epoch_begins_with_the_entry_that_opens_it(void)
{
    char dir[200];
    const char *tmp = getenv("TMPDIR");
    struct guild g;
    struct party a = {0}, b = {0};
    AUTO(buf_done) struct buf late = {0}, key = {0};

    (void)snprintf(dir, sizeof dir, "%s/etcd-epoch-XXXXXX", tmp ? tmp : "/tmp");
    must(mkdtemp(dir) != NULL);
    guild_init(&g, 2);
    use(&a, etcd_servers_urls(servers), 1);
    a.options.opens_epoch = b.options.opens_epoch = says_100;
    CHECK(party_open(&a, &g, 0, dir) == OK);
    opened(&b, &g, 1);
    CHECK(party_say(&a, 1) == OK);
    CHECK(party_say(&b, 2) == OK);
    CHECK(party_follow(&a) == OK);
    party_tick(&b, journal_etcd_next(b.journal), 3, &late); /* Not sent yet. */
    party_key(&b, 1, journal_etcd_next(b.journal), &key);

    begin_epoch(&b);
    CHECK_INT(journal_etcd_epoch(b.journal), 1);
    CHECK(party_propose(&b, buf_str(&late)) == ERR_INPUT); /* Of the epoch that ended. */
    CHECK(etcd_servers_put(servers, buf_str(&key), buf_str(&late)));
    CHECK(party_say(&b, 50) == OK); /* Ordered, and too early. */
    begin_epoch(&a);
    CHECK(party_say(&a, 100) == OK);
    CHECK(party_say(&b, 51) == OK);
    CHECK(party_follow(&a) == OK);
    CHECK(words_are(&a, "0:1 1:2 0:100 1:51"));
    CHECK(words_are(&b, "0:1 1:2 0:100 1:51"));
    CHECK_INT(journal_etcd_counts(a.journal).early, 1);
    CHECK_INT(journal_etcd_counts(b.journal).early, 1);

    party_close(&a);
    CHECK(party_open(&a, &g, 0, dir) == OK); /* It is in the epoch that its store ends in. */
    CHECK_INT(journal_etcd_epoch(a.journal), 1);
    CHECK(party_say(&b, 52) == OK);
    CHECK(party_say(&a, 53) == OK);
    CHECK(words_are(&a, "0:1 1:2 0:100 1:51 1:52 0:53"));
    begin_epoch(&a);
    CHECK_INT(journal_etcd_epoch(a.journal), 2);
    party_close(&a);
    CHECK(party_open(&a, &g, 0, dir) == OK); /* Nobody opened the second one. */
    CHECK_INT(journal_etcd_epoch(a.journal), 1);
    CHECK(party_say(&a, 54) == OK);
    CHECK(words_are(&a, "0:1 1:2 0:100 1:51 1:52 0:53 0:54"));
    party_close(&a);
    party_close(&b);
    CHECK(nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS) == 0);
    guild_done(&g);
}

/* Entries of the next epoch that came from elsewhere: it goes on behind them. */
static void an_epoch_that_tiles_brought_is_entered(void)
{
    struct guild g;
    struct party a = {0}, b = {0};
    AUTO(buf_done) struct buf opening = {0};

    guild_init(&g, 2);
    opened(&a, &g, 0);
    opened(&b, &g, 1);
    CHECK(party_say(&a, 1) == OK);
    CHECK(party_follow(&b) == OK);
    begin_epoch(&a);
    party_tick(&a, journal_etcd_next(a.journal), 100, &opening);
    CHECK(party_propose(&a, buf_str(&opening)) == OK);
    struct str one = buf_str(&opening);
    CHECK(store_append(b.journal->store, &one, 1, NULL) == OK);
    CHECK(journal_etcd_grown(b.journal, NULL) == OK);
    CHECK_INT(journal_etcd_epoch(b.journal), 1);
    for (int i = 0; i < 2; i++) CHECK(journal_etcd_admit(b.journal, g.ids[i], NULL) == OK);
    CHECK(party_say(&a, 101) == OK);
    CHECK(party_say(&b, 102) == OK);
    CHECK(party_follow(&a) == OK);
    CHECK(words_are(&a, "0:1 0:100 0:101 1:102"));
    CHECK(words_are(&b, "0:1 0:100 0:101 1:102"));
    party_close(&a);
    party_close(&b);
    guild_done(&g);
}

/* Who has the opening from tiles must not give leaves to what stood in the epoch before it, either. */
static void what_was_early_counts_for_nobody_who_came_by_tiles(void)
{
    struct guild g;
    struct party a = {0}, b = {0}, c = {0};
    AUTO(buf_done) struct buf opening = {0};

    guild_init(&g, 3);
    a.options.opens_epoch = b.options.opens_epoch = c.options.opens_epoch = says_100;
    opened(&a, &g, 0);
    opened(&b, &g, 1);
    opened(&c, &g, 2);
    CHECK(party_say(&a, 1) == OK);
    CHECK(party_follow(&b) == OK);
    CHECK(party_follow(&c) == OK);
    begin_epoch(&c);
    for (uint64_t i = 50; i < 53; i++) CHECK(party_say(&c, i) == OK);
    begin_epoch(&a);
    party_tick(&a, journal_etcd_next(a.journal), 100, &opening);
    CHECK(party_propose(&a, buf_str(&opening)) == OK);
    CHECK_INT(journal_etcd_counts(a.journal).early, 3);
    struct str one = buf_str(&opening);
    CHECK(store_append(b.journal->store, &one, 1, NULL) == OK);
    CHECK(journal_etcd_grown(b.journal, NULL) == OK);
    for (int i = 0; i < 3; i++) CHECK(journal_etcd_admit(b.journal, g.ids[i], NULL) == OK);
    CHECK(party_follow(&b) == OK);
    CHECK(words_are(&b, "0:1 0:100"));
    CHECK(party_say(&b, 102) == OK);
    CHECK(party_say(&c, 103) == OK);
    CHECK(party_follow(&a) == OK);
    CHECK(party_follow(&b) == OK);
    CHECK(words_are(&a, "0:1 0:100 1:102 2:103"));
    CHECK(words_are(&b, "0:1 0:100 1:102 2:103"));
    CHECK(words_are(&c, "0:1 0:100 1:102 2:103"));
    party_close(&a);
    party_close(&b);
    party_close(&c);
    guild_done(&g);
}

int main(void)
{
    if (!etcd_servers_can()) {
        t_skip("epochs on a real etcd", "etcd is not installed");
        return t_done();
    }
    servers = etcd_servers_start(&(struct etcd_servers_options){0});
    if (!servers) {
        printf("not ok - etcd did not start\n");
        return 1;
    }
    RUN(a_new_epoch_begins_with_the_entry_that_opens_it);
    RUN(an_epoch_that_tiles_brought_is_entered);
    RUN(what_was_early_counts_for_nobody_who_came_by_tiles);
    etcd_servers_stop(servers);
    return t_done();
}
