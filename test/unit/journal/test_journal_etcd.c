/* test_journal_etcd.c - the engine on one real etcd: lost requests, lost and late answers, foreign keys, restarts.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "journal/journal_etcd.h"

#include <ftw.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "etcd_servers.h"
#include "journal/slots.h"
#include "party.h"
#include "relay.h"
#include "t.h"

static struct etcd_servers *servers;
static struct why why;

static bool words_are(struct party *p, const char *want)
{
    AUTO(buf_done) struct buf words = {0};

    party_words(p, &words);
    return CHECK_STR(buf_str(&words), str_of(want));
}

static bool says(const struct why *w, const char *part)
{
    if (strstr(w->text, part)) return true;
    printf("# \"%s\" does not say \"%s\"\n", w->text, part);
    return false;
}

/* Through the servers, or through one relay. */
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

static void slot_keys_are_read_as_they_are_written(void)
{
    AUTO(arena_done) struct arena arena = {0};
    const uint8_t author[8] = {0xab, 1, 2, 3, 4, 5, 6, 0xff};
    struct hash genesis = hash_of(STR("genesis"));
    struct slots slots;
    struct str key;
    uint64_t slot = 0;

    slots_init(&slots, &genesis, 7);
    key = slots_key(&slots, author, 0x123456789abcdef0, &arena);
    CHECK(str_ends(key, STR("/7/e/ab010203040506ff/123456789abcdef0")));
    CHECK_INT(key.n, 64 + 5 + 16 + 1 + 16);
    CHECK(slots_parse(&slots, author, key, &slot) && slot == 0x123456789abcdef0);
    CHECK(str_compare(slots_key(&slots, author, UINT64_MAX, &arena), slots_end(&slots, author, &arena)) < 0);
    CHECK(str_compare(slots_key(&slots, author, 9, &arena), slots_key(&slots, author, 10, &arena)) < 0);
    CHECK(!slots_parse(&slots, author, str_first(key, key.n - 1), &slot));
    for (size_t i = 0; i < key.n; i++) {
        char *other = (char *)arena_dup(&arena, key).at;
        other[i] = i > key.n - 16 ? 'A' : 'x';
        CHECK(!slots_parse(&slots, author, str_make(other, key.n), &slot));
    }
    slots_done(&slots);
}

static void a_dead_endpoint_is_left_for_the_next(void)
{
    const char *urls[] = {"http://127.0.0.1:1", etcd_servers_urls(servers)[0]};
    struct etcd_status status;
    struct guild g;
    struct party p = {0};

    guild_init(&g, 1);
    use(&p, urls, 2);
    opened(&p, &g, 0);
    CHECK(party_say(&p, 5) == OK);
    CHECK(words_are(&p, "0:5"));
    CHECK_INT(journal_etcd_counts(p.journal).resent, 1);
    CHECK(journal_etcd_ask_status(p.journal, &status, &why) == OK);
    party_close(&p);
    use(&p, urls, 1);
    p.options.patience_ms = 20;
    opened(&p, &g, 0);
    CHECK(party_say(&p, 6) == ERR_UNAVAILABLE);
    CHECK(party_follow(&p) == ERR_UNAVAILABLE);
    party_close(&p);
    guild_done(&g);
}

static void authors_see_each_other_in_one_order(void)
{
    struct guild g;
    struct party a = {0}, b = {0};

    guild_init(&g, 2);
    opened(&a, &g, 0);
    opened(&b, &g, 1);
    CHECK(party_say(&a, 1) == OK);
    CHECK(party_say(&a, 2) == OK);
    CHECK(party_say(&b, 3) == OK); /* The answer brings what a wrote. */
    CHECK(words_are(&b, "0:1 0:2 1:3"));
    CHECK(words_are(&a, "0:1 0:2"));
    CHECK(party_follow(&a) == OK);
    CHECK(words_are(&a, "0:1 0:2 1:3"));
    CHECK(party_follow(&a) == OK);
    CHECK_INT(store_size(a.journal->store), 4);
    party_close(&a);
    party_close(&b);
    guild_done(&g);
}

static void many_entries_of_one_proposal_become_few_transactions(void)
{
    struct guild g;
    struct party a = {0}, b = {0};
    struct buf entries[200] = {{0}};
    struct str strs[200];

    guild_init(&g, 2);
    opened(&a, &g, 0);
    opened(&b, &g, 1);
    for (uint64_t i = 0; i < 200; i++) {
        party_tick(&a, i, i, &entries[i]);
        strs[i] = buf_str(&entries[i]);
    }
    CHECK(a.journal->propose(a.journal, strs, 200, &why) == OK);
    CHECK_INT(store_size(a.journal->store), 201);
    CHECK_INT(journal_etcd_counts(a.journal).transactions, 4);
    CHECK(a.journal->propose(a.journal, strs, 2, &why) != OK); /* Long settled. */
    for (uint64_t i = 200; i < 400; i++) {
        party_tick(&a, i, i, &entries[i - 200]);
        strs[i - 200] = buf_str(&entries[i - 200]);
    }
    CHECK(a.journal->propose(a.journal, strs, 200, &why) == OK);
    CHECK(party_follow(&b) == OK); /* 400 slots, 256 at a time. */
    CHECK_INT(store_size(b.journal->store), 401);
    CHECK_INT(journal_etcd_counts(b.journal).reads_on, 1);
    for (int i = 0; i < 200; i++) buf_done(&entries[i]);
    party_close(&a);
    party_close(&b);
    guild_done(&g);
}

static void who_writes_alone_reads_little_and_misses_nothing(void)
{
    struct guild g;
    struct party a = {0}, b = {0};
    struct journal_etcd_counts counts;
    AUTO(buf_done) struct buf key = {0}, bytes = {0};
    uint64_t n_read;

    guild_init(&g, 2);
    opened(&a, &g, 0);
    opened(&b, &g, 1);
    for (uint64_t i = 0; i < 100; i++) CHECK(party_say(&a, i) == OK);
    counts = journal_etcd_counts(a.journal);
    n_read = counts.transactions - counts.unread;
    CHECK_INT(counts.transactions, 100);
    CHECK(counts.unread > 0 && n_read > 0); /* How many depends on how long they take. */
    CHECK_INT(counts.misguessed, 0);
    CHECK_INT(journal_etcd_counts(b.journal).unread, 0);
    for (uint64_t i = 0; i < 40; i++) { /* Whatever is guessed: all that stands before one's own is known when that is done. */
        CHECK(i % 10 || party_follow(&b) == OK);
        if (i % 10 == 0) CHECK(party_say(&b, 1000 + i) == OK);
        CHECK(party_say(&a, 100 + i) == OK);
        CHECK_INT(store_size(a.journal->store), 1 + 100 + i + 1 + i / 10 + 1);
    }
    party_tick(&a, 141, 7, &bytes); /* Stands in a's own slot after the next, and follows at once when that is put. */
    party_key(&a, 0, 141, &key);
    CHECK(etcd_servers_put(servers, buf_str(&key), STR("somebody else's")));
    for (uint64_t i = 0; i < 20; i++) CHECK(party_say(&a, 200 + i) == OK);
    CHECK_INT(journal_etcd_counts(a.journal).squatted, 1);
    CHECK(party_follow(&b) == OK);
    CHECK_INT(store_size(b.journal->store), store_size(a.journal->store));
    party_close(&a);
    party_close(&b);
    guild_done(&g);
}

static void what_is_not_the_next_own_entry_is_refused(void)
{
    struct guild g;
    struct party a = {0}, b = {0};
    AUTO(buf_done) struct buf bytes = {0};

    guild_init(&g, 1);
    opened(&a, &g, 0);
    opened(&b, &g, 1); /* Not admitted. */
    CHECK(party_propose(&a, STR("garbage")) == ERR_INPUT);
    party_tick(&a, 1, 1, &bytes);
    CHECK(party_propose(&a, buf_str(&bytes)) == ERR_INPUT);
    party_tick(&b, 0, 1, &bytes);
    CHECK(party_propose(&a, buf_str(&bytes)) == ERR_INPUT);
    CHECK(party_propose(&b, buf_str(&bytes)) == ERR_INPUT);
    CHECK(party_say(&a, 1) == OK);
    party_tick(&a, 0, 2, &bytes);
    CHECK(party_propose(&a, buf_str(&bytes)) == ERR_CONFLICT);
    CHECK(words_are(&a, "0:1"));
    party_close(&a);
    party_close(&b);
    guild_done(&g);
}

static void an_admission_lets_in_what_was_written_before_it(void)
{
    struct guild g;
    struct party a = {0}, b = {0}, c = {0};
    AUTO(buf_done) struct buf key = {0}, bytes = {0};

    guild_init(&g, 2);
    opened(&a, &g, 0);
    opened(&b, &g, 1);
    for (uint64_t i = 0; i < 3; i++) { /* Author 2 is early. */
        struct party early = {.guild = &g, .me = 2, .options = a.options};
        party_tick(&early, i, i, &bytes);
        party_key(&a, 2, i, &key);
        CHECK(etcd_servers_put(servers, buf_str(&key), buf_str(&bytes)));
    }
    CHECK(party_say(&b, 7) == OK);
    party_join(&a, 0, 2, &bytes);
    CHECK(party_propose(&a, buf_str(&bytes)) == OK);
    CHECK(words_are(&a, "1:7 0+2 2:0 2:1 2:2"));
    opened(&c, &g, 2); /* It learns of its own admission by following. */
    CHECK(party_follow(&c) == OK);
    CHECK_INT(journal_etcd_counts(c.journal).adopted, 3);
    CHECK(party_say(&c, 8) == OK);
    CHECK(party_say(&a, 9) == OK);
    CHECK(party_follow(&b) == OK);
    CHECK(words_are(&b, "1:7 0+2 2:0 2:1 2:2 2:8 0:9"));
    CHECK(party_follow(&c) == OK);
    CHECK(words_are(&c, "1:7 0+2 2:0 2:1 2:2 2:8 0:9"));
    journal_etcd_retire(b.journal, g.ids[2]);
    CHECK(party_say(&c, 10) == OK);
    CHECK(party_follow(&b) == OK);
    CHECK(words_are(&b, "1:7 0+2 2:0 2:1 2:2 2:8 0:9"));
    party_close(&a);
    party_close(&b);
    party_close(&c);
    guild_done(&g);
}

/* What becomes of the n-th transaction with puts from now on. */
struct fates {
    const enum relay_fate *at;
    int n, next;
};

static enum relay_fate decide(void *context, struct str request)
{
    struct fates *f = context;

    if (!memmem(request.at, request.n, "request_put", 11)) return RELAY_PASS;
    return f->next < f->n ? f->at[f->next++] : RELAY_PASS;
}

static struct relay *relay_with(struct fates *f)
{
    return relay_start(&(struct relay_options){.url = etcd_servers_urls(servers)[0], .decide = decide, .context = f});
}

static void lost_requests_and_answers_are_sent_again_and_count_once(void)
{
    static const enum relay_fate at[] = {RELAY_LOSE_ANSWER, RELAY_LOSE_REQUEST, RELAY_PASS, RELAY_HOLD, RELAY_LOSE_ANSWER};
    struct fates fates = {at, 5, 0};
    struct relay *relay = relay_with(&fates);
    const char *url = relay_url(relay);
    struct guild g;
    struct party a = {0};

    guild_init(&g, 1);
    use(&a, &url, 1);
    opened(&a, &g, 0);
    for (uint64_t i = 0; i < 4; i++)
        if (!CHECK(party_say(&a, i) == OK)) printf("# %s\n", a.why.text);
    CHECK(relay_release(relay)); /* Comes late: its slot is taken by the same bytes. */
    CHECK(party_say(&a, 4) == OK);
    CHECK(words_are(&a, "0:0 0:1 0:2 0:3 0:4"));
    CHECK_INT(fates.next, 5);
    CHECK(journal_etcd_counts(a.journal).resent >= 3);
    party_close(&a);
    relay_stop(relay);
    guild_done(&g);
}

static void an_unclear_proposal_is_open_until_its_slot_is_taken(void)
{
    static const enum relay_fate at[] = {RELAY_HOLD, RELAY_PASS, RELAY_HOLD, RELAY_PASS, RELAY_LOSE_ANSWER};
    struct fates fates = {at, 5, 0};
    struct relay *relay = relay_with(&fates);
    const char *url = relay_url(relay);
    AUTO(buf_done) struct buf first = {0}, tick = {0};
    struct guild g;
    struct party a = {0};

    guild_init(&g, 1);
    use(&a, &url, 1);
    a.options.patience_ms = 1; /* One attempt. */
    opened(&a, &g, 0);
    party_tick(&a, 0, 1, &first);
    party_tick(&a, 0, 100, &tick);
    CHECK(party_propose(&a, buf_str(&first)) == ERR_NET);
    CHECK(party_follow(&a) == OK); /* Absent now, which says nothing. */
    CHECK_INT(store_size(a.journal->store), 1);
    CHECK(relay_release(relay)); /* Committed later. */
    CHECK(party_propose(&a, buf_str(&tick)) == ERR_CONFLICT);
    CHECK(words_are(&a, "0:1"));

    party_tick(&a, 1, 2, &first);
    party_tick(&a, 1, 200, &tick);
    CHECK(party_propose(&a, buf_str(&first)) == ERR_NET);
    CHECK(party_propose(&a, buf_str(&tick)) == OK); /* Given up. */
    CHECK(relay_release(relay));
    CHECK(party_follow(&a) == OK);
    CHECK(words_are(&a, "0:1 0:200"));
    CHECK(party_propose(&a, buf_str(&first)) == ERR_CONFLICT);

    party_tick(&a, 2, 3, &first);
    CHECK(party_propose(&a, buf_str(&first)) == ERR_NET); /* Committed, answer lost. */
    CHECK(party_follow(&a) == OK);
    CHECK(words_are(&a, "0:1 0:200 0:3"));
    CHECK(party_propose(&a, buf_str(&first)) == OK);
    CHECK_INT(store_size(a.journal->store), 4);
    party_close(&a);
    relay_stop(relay);
    guild_done(&g);
}

static void a_proposal_of_an_earlier_run_is_adopted_and_not_doubled(void)
{
    static const enum relay_fate at[] = {RELAY_PASS, RELAY_LOSE_ANSWER};
    struct fates fates = {at, 2, 0};
    struct relay *relay = relay_with(&fates);
    const char *url = relay_url(relay);
    struct guild g;
    struct party a = {0};

    guild_init(&g, 1);
    use(&a, &url, 1);
    a.options.patience_ms = 1;
    opened(&a, &g, 0);
    CHECK(party_say(&a, 1) == OK);
    CHECK(party_say(&a, 2) == ERR_NET);
    party_close(&a); /* Its memory is gone. */
    opened(&a, &g, 0);
    CHECK(party_say(&a, 3) == ERR_CONFLICT);
    CHECK(words_are(&a, "0:1 0:2"));
    CHECK(party_say(&a, 3) == OK);
    CHECK(words_are(&a, "0:1 0:2 0:3"));
    CHECK_INT(journal_etcd_counts(a.journal).adopted, 2);
    party_close(&a);
    relay_stop(relay);
    guild_done(&g);
}

static void two_processes_with_one_key_are_found_out(void)
{
    struct guild g;
    struct party a = {0}, twin = {0};

    guild_init(&g, 1);
    opened(&a, &g, 0);
    opened(&twin, &g, 0);
    CHECK(party_say(&a, 1) == OK);
    CHECK(party_say(&twin, 2) == ERR_CONFLICT);
    CHECK(party_say(&twin, 2) == OK);
    CHECK(party_follow(&a) == ERR_STATE && says(&a.why, "another process"));
    CHECK(party_say(&a, 3) == ERR_STATE);
    CHECK(words_are(&a, "0:1"));
    party_close(&a);
    party_close(&twin);
    guild_done(&g);
}

static void put(struct party *p, int author, uint64_t slot, struct str value)
{
    AUTO(buf_done) struct buf key = {0};

    party_key(p, author, slot, &key);
    CHECK(etcd_servers_put(servers, buf_str(&key), value));
}

static void foreign_bytes_take_a_slot_and_give_no_entry(void)
{
    struct guild g;
    struct party a = {0}, b = {0};
    AUTO(buf_done) struct buf wrong = {0}, key = {0};

    guild_init(&g, 2);
    opened(&a, &g, 0);
    opened(&b, &g, 1);
    CHECK(party_say(&a, 1) == OK);
    put(&a, 0, 1, STR("garbage"));
    CHECK(party_say(&a, 2) == ERR_CONFLICT && says(&a.why, "next free one is 2"));
    party_tick(&b, 2, 3, &wrong);
    put(&a, 0, 2, buf_str(&wrong)); /* A good entry of another author. */
    CHECK(party_say(&a, 2) == ERR_CONFLICT);
    party_tick(&a, 9, 3, &wrong);
    put(&a, 0, 3, buf_str(&wrong)); /* An own entry for another slot. */
    party_key(&a, 0, 5, &key); /* No slots at all. */
    buf_add_char(&key, 'x');
    CHECK(etcd_servers_put(servers, buf_str(&key), STR("strange")));
    CHECK(party_say(&a, 2) == ERR_CONFLICT);
    CHECK(party_say(&a, 2) == OK);
    CHECK(party_say(&a, 3) == OK);
    CHECK(party_say(&a, 4) == OK);
    CHECK(words_are(&a, "0:1 0:2 0:3 0:4"));
    CHECK_INT(journal_etcd_counts(a.journal).squatted, 3);
    CHECK(party_follow(&b) == OK);
    CHECK(words_are(&b, "0:1 0:2 0:3 0:4"));
    CHECK_INT(journal_etcd_counts(b.journal).garbage, 3);
    CHECK_INT(journal_etcd_counts(b.journal).squatted, 0);
    party_close(&a);
    party_close(&b);
    guild_done(&g);
}

static void answers_that_are_too_large_are_read_in_parts(void)
{
    static char bytes[1400 * 1024];
    struct guild g;
    struct party p[5] = {{.me = 0}};
    AUTO(buf_done) struct buf entry = {0};

    memset(bytes, 'x', sizeof bytes);
    guild_init(&g, 5);
    for (int i = 0; i < 5; i++) opened(&p[i], &g, i);
    for (int i = 1; i < 5; i++) { /* More than 8 MiB of base64 in the next slots of others. */
        for (uint64_t slot = 0; slot < 2; slot++) put(&p[0], i, slot, str_make(bytes, sizeof bytes));
        party_tick(&p[i], 2, (uint64_t)i, &entry);
        put(&p[0], i, 2, buf_str(&entry));
    }
    CHECK(party_follow(&p[1]) == OK);
    CHECK(words_are(&p[1], "1:1 2:2 3:3 4:4"));
    CHECK_INT(journal_etcd_counts(p[1].journal).garbage, 8);
    if (!CHECK(party_say(&p[0], 7) == OK)) printf("# %s\n", p[0].why.text);
    CHECK(words_are(&p[0], "1:1 2:2 3:3 4:4 0:7"));
    CHECK_INT(journal_etcd_counts(p[0].journal).garbage, 8);
    CHECK(journal_etcd_counts(p[0].journal).resent > 0);
    for (int i = 0; i < 5; i++) party_close(&p[i]);
    guild_done(&g);
}

static void a_squatted_later_slot_splits_a_proposal(void)
{
    struct guild g;
    struct party a = {0};
    struct buf entries[4] = {{0}};
    struct str strs[4];

    guild_init(&g, 1);
    opened(&a, &g, 0);
    CHECK(party_say(&a, 0) == OK);
    put(&a, 0, 3, STR("garbage"));
    for (uint64_t i = 0; i < 4; i++) {
        party_tick(&a, i + 1, i + 1, &entries[i]);
        strs[i] = buf_str(&entries[i]);
    }
    CHECK(a.journal->propose(a.journal, strs, 4, &a.why) == ERR_CONFLICT);
    CHECK(words_are(&a, "0:0 0:1 0:2"));
    CHECK_INT(journal_etcd_next(a.journal), 4);
    CHECK(party_say(&a, 5) == OK);
    CHECK(words_are(&a, "0:0 0:1 0:2 0:5"));
    for (int i = 0; i < 4; i++) buf_done(&entries[i]);
    party_close(&a);
    guild_done(&g);
}

static void an_overwritten_slot_is_read_as_it_was_created(void)
{
    struct guild g;
    struct party a = {0}, b = {0};
    AUTO(buf_done) struct buf other = {0};

    guild_init(&g, 2);
    opened(&a, &g, 0);
    opened(&b, &g, 1);
    CHECK(party_say(&a, 1) == OK);
    CHECK(party_say(&a, 2) == OK);
    put(&a, 0, 0, STR("garbage"));
    party_tick(&a, 1, 99, &other);
    put(&a, 0, 1, buf_str(&other)); /* Signed, and still not what was first. */
    CHECK(party_follow(&b) == OK);
    CHECK(words_are(&b, "0:1 0:2"));
    CHECK_INT(journal_etcd_counts(b.journal).overwritten, 2);
    party_close(&a);
    party_close(&b);
    guild_done(&g);
}

static void a_gap_holds_everything_until_it_is_waived(void)
{
    struct journal_etcd_gap gap;
    struct guild g;
    struct party a = {0}, b = {0};
    AUTO(buf_done) struct buf bytes = {0};

    guild_init(&g, 2);
    opened(&a, &g, 0);
    opened(&b, &g, 1);
    CHECK(party_say(&a, 0) == OK);
    party_tick(&b, 1, 1, &bytes);
    put(&a, 1, 1, buf_str(&bytes)); /* Slot 0 is missing. */
    CHECK(party_follow(&a) == ERR_NOT_FOUND && says(&a.why, "slots 0 to 0"));
    CHECK(party_say(&a, 1) == ERR_NET);
    CHECK(words_are(&a, "0:0"));
    CHECK(journal_etcd_gap(a.journal, &gap) && gap.from == 0 && gap.to == 1 && memcmp(gap.author, g.ids[1], 8) == 0);
    journal_etcd_waive(a.journal, &gap);
    CHECK(!journal_etcd_gap(a.journal, &gap));
    CHECK(party_follow(&a) == OK);
    CHECK(words_are(&a, "0:0 0:1"));
    party_tick(&b, 0, 7, &bytes);
    put(&a, 1, 0, buf_str(&bytes));
    CHECK(party_say(&a, 2) == OK);
    CHECK(words_are(&a, "0:0 0:1 1:7 1:1 0:2"));
    party_close(&a);
    party_close(&b);
    guild_done(&g);
}

static void a_stranded_slot_far_ahead_is_waived_once(void)
{
    struct journal_etcd_gap gap = {.to = 0};
    struct guild g;
    struct party a = {0}, b = {0};

    guild_init(&g, 2);
    opened(&a, &g, 0);
    opened(&b, &g, 1);
    put(&a, 1, UINT64_MAX, STR("garbage"));
    CHECK(party_say(&b, 1) == OK); /* It knows what it wrote. */
    CHECK(party_follow(&a) == ERR_NOT_FOUND);
    CHECK(journal_etcd_gap(a.journal, &gap) && gap.from == 1 && gap.to == UINT64_MAX);
    journal_etcd_waive(a.journal, &gap);
    for (uint64_t i = 2; i < 5; i++) {
        CHECK(party_say(&b, i) == OK);
        CHECK(party_follow(&a) == OK);
    }
    CHECK(words_are(&a, "1:1 1:2 1:3 1:4"));
    put(&a, 1, 7, STR("garbage")); /* Another one is another question. */
    CHECK(party_follow(&a) == ERR_NOT_FOUND);
    party_close(&a);
    party_close(&b);
    guild_done(&g);
}

static void cleaned_up_slots_are_a_gap_for_who_was_away(void)
{
    struct guild g;
    struct party a = {0}, b = {0}, late = {0};

    guild_init(&g, 2);
    opened(&a, &g, 0);
    opened(&b, &g, 1);
    for (uint64_t i = 0; i < 3; i++) CHECK(party_say(&a, i) == OK);
    CHECK(party_follow(&b) == OK);
    CHECK(journal_etcd_delete_below(a.journal, 3, &why) == ERR_INPUT);
    CHECK(journal_etcd_delete_below(a.journal, 0, &why) == OK);
    CHECK(journal_etcd_delete_below(a.journal, 2, &why) == OK);
    CHECK(party_say(&b, 9) == OK);
    CHECK(words_are(&b, "0:0 0:1 0:2 1:9"));
    opened(&late, &g, 1);
    CHECK(party_follow(&late) == ERR_NOT_FOUND && says(&late.why, "slots 0 to 1"));
    CHECK(words_are(&late, ""));
    party_close(&a);
    party_close(&b);
    party_close(&late);
    guild_done(&g);
}

/* As a catch-up from tiles does. */
static void copy_entries(struct party *to, const struct party *from, uint64_t end)
{
    for (uint64_t i = store_size(to->journal->store); i < end; i++) {
        AUTO(buf_done) struct buf bytes = {0};
        must(store_get_entry(from->journal->store, i, &bytes, NULL) == OK);
        struct str entry = buf_str(&bytes);
        must(store_append(to->journal->store, &entry, 1, NULL) == OK);
    }
}

static void a_store_that_grew_by_tiles_goes_on_from_there(void)
{
    struct guild g;
    struct party a = {0}, b = {0}, c = {0}, late = {0};
    AUTO(buf_done) struct buf bytes = {0};

    guild_init(&g, 2);
    opened(&a, &g, 0);
    opened(&b, &g, 1);
    opened(&c, &g, 2);
    opened(&late, &g, 1);
    CHECK(party_say(&a, 0) == OK);
    CHECK(party_follow(&late) == OK); /* It knows something, and then is away. */
    party_join(&a, journal_etcd_next(a.journal), 2, &bytes);
    CHECK(party_propose(&a, buf_str(&bytes)) == OK);
    for (uint64_t i = 2; i < 5; i++) CHECK(party_say(&a, i) == OK);
    CHECK(party_follow(&c) == OK);
    for (uint64_t i = 0; i < 3; i++) CHECK(party_say(&c, i) == OK);
    put(&c, 2, 3, STR("garbage"));
    CHECK(party_say(&b, 9) == OK);
    CHECK(journal_etcd_delete_below(a.journal, 4, &why) == OK);
    CHECK(party_follow(&late) == ERR_NOT_FOUND);
    uint64_t size = store_size(b.journal->store);
    CHECK(party_say(&b, 10) == OK); /* After the signed size. */

    copy_entries(&late, &b, size);
    CHECK(journal_etcd_grown(late.journal, &why) == OK);
    CHECK_INT(journal_etcd_wants(late.journal, g.ids[0]), 5);
    CHECK(late.options.authors_change(late.options.context, late.journal, &why) == OK);
    CHECK_INT(journal_etcd_wants(late.journal, g.ids[2]), 3); /* The garbage is looked at again. */
    CHECK(party_follow(&late) == OK);
    CHECK(words_are(&late, "0:0 0+2 0:2 0:3 0:4 2:0 2:1 2:2 1:9 1:10"));
    CHECK(party_say(&a, 7) == OK);
    CHECK(party_follow(&late) == OK);
    CHECK(words_are(&late, "0:0 0+2 0:2 0:3 0:4 2:0 2:1 2:2 1:9 1:10 0:7"));
    party_close(&a);
    party_close(&b);
    party_close(&c);
    party_close(&late);
    guild_done(&g);
}

/* Turns the value of the first key of an answer into other base64 of the same length. */
static void forge(void *context, struct buf *answer)
{
    char *value = answer->n ? memmem(answer->at, answer->n, "\"value\":\"", 9) : NULL;

    (void)context;
    if (value && value[9] != '"') value[9 + 60] = value[9 + 60] == 'A' ? 'B' : 'A';
}

static void one_lying_endpoint_is_outvoted_by_signatures(void)
{
    struct relay *liar = relay_start(&(struct relay_options){.url = etcd_servers_urls(servers)[0], .change = forge});
    const char *urls[] = {relay_url(liar), etcd_servers_urls(servers)[0]};
    struct guild g;
    struct party a = {0}, b = {0}, fooled = {0};

    guild_init(&g, 2);
    opened(&a, &g, 0);
    CHECK(party_say(&a, 1) == OK);
    use(&b, urls, 2);
    opened(&b, &g, 1);
    CHECK(party_follow(&b) == OK);
    CHECK(words_are(&b, "0:1"));
    CHECK_INT(journal_etcd_counts(b.journal).disputed, 1);
    CHECK_INT(journal_etcd_counts(b.journal).garbage, 0);
    use(&fooled, urls, 1); /* With the liar alone the entry is garbage: roots will differ at the next exchange. */
    opened(&fooled, &g, 1);
    CHECK(party_follow(&fooled) == OK);
    CHECK(words_are(&fooled, ""));
    CHECK_INT(journal_etcd_counts(fooled.journal).garbage, 1);
    party_close(&a);
    party_close(&b);
    party_close(&fooled);
    relay_stop(liar);
    guild_done(&g);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

static void a_restart_goes_on_where_its_store_ends(void)
{
    char dir[200];
    const char *tmp = getenv("TMPDIR");
    struct guild g;
    struct party a = {0}, b = {0};
    AUTO(buf_done) struct buf bytes = {0};

    (void)snprintf(dir, sizeof dir, "%s/etcd-restart-XXXXXX", tmp ? tmp : "/tmp");
    must(mkdtemp(dir) != NULL);
    guild_init(&g, 2);
    opened(&b, &g, 1);
    use(&a, etcd_servers_urls(servers), 1);
    for (uint64_t i = 0; i < 5; i++) {
        if (!CHECK(party_open(&a, &g, 0, dir) == OK)) printf("# %s\n", a.why.text);
        if (i == 2) {
            party_join(&a, journal_etcd_next(a.journal), 2, &bytes);
            CHECK(party_propose(&a, buf_str(&bytes)) == OK);
        } else CHECK(party_say(&a, i) == OK);
        party_close(&a);
        CHECK(party_say(&b, 10 + i) == OK);
    }
    CHECK(party_open(&a, &g, 0, dir) == OK);
    CHECK(party_follow(&a) == OK);
    CHECK(words_are(&a, "0:0 1:10 0:1 1:11 0+2 1:12 0:3 1:13 0:4 1:14"));
    CHECK_INT(journal_etcd_counts(a.journal).adopted, 0);
    party_close(&a);
    CHECK(nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS) == 0);
    party_close(&b);
    guild_done(&g);
}

static void a_full_etcd_says_so_and_writes_nothing(void)
{
    struct etcd_servers *small = etcd_servers_start(&(struct etcd_servers_options){.quota_bytes = 500000});
    char bytes[200000];
    struct etcd_status status = {0};
    struct guild g;
    struct party a = {0};

    if (!CHECK(small != NULL)) return;
    memset(bytes, 'x', sizeof bytes);
    guild_init(&g, 1);
    use(&a, etcd_servers_urls(small), 1);
    opened(&a, &g, 0);
    CHECK(party_say(&a, 1) == OK);
    for (int i = 0; i < 20; i++)
        if (!etcd_servers_put(small, STR("filler"), str_make(bytes, sizeof bytes))) break;
    CHECK(party_say(&a, 2) == ERR_UNAVAILABLE && says(&a.why, "full"));
    CHECK(journal_etcd_ask_status(a.journal, &status, &why) == OK && status.is_full);
    CHECK(party_follow(&a) == OK); /* Reading goes on. */
    CHECK(words_are(&a, "0:1"));
    party_close(&a);
    guild_done(&g);
    etcd_servers_stop(small);
}

int main(void)
{
    RUN(slot_keys_are_read_as_they_are_written);
    if (!etcd_servers_can()) {
        t_skip("the engine on a real etcd", "etcd is not installed");
        return t_done();
    }
    servers = etcd_servers_start(&(struct etcd_servers_options){0});
    if (!servers) {
        printf("not ok - etcd did not start\n");
        return 1;
    }
    RUN(a_dead_endpoint_is_left_for_the_next);
    RUN(authors_see_each_other_in_one_order);
    RUN(many_entries_of_one_proposal_become_few_transactions);
    RUN(who_writes_alone_reads_little_and_misses_nothing);
    RUN(what_is_not_the_next_own_entry_is_refused);
    RUN(an_admission_lets_in_what_was_written_before_it);
    RUN(lost_requests_and_answers_are_sent_again_and_count_once);
    RUN(an_unclear_proposal_is_open_until_its_slot_is_taken);
    RUN(a_proposal_of_an_earlier_run_is_adopted_and_not_doubled);
    RUN(two_processes_with_one_key_are_found_out);
    RUN(foreign_bytes_take_a_slot_and_give_no_entry);
    RUN(answers_that_are_too_large_are_read_in_parts);
    RUN(a_squatted_later_slot_splits_a_proposal);
    RUN(an_overwritten_slot_is_read_as_it_was_created);
    RUN(a_gap_holds_everything_until_it_is_waived);
    RUN(a_stranded_slot_far_ahead_is_waived_once);
    RUN(cleaned_up_slots_are_a_gap_for_who_was_away);
    RUN(a_store_that_grew_by_tiles_goes_on_from_there);
    RUN(one_lying_endpoint_is_outvoted_by_signatures);
    RUN(a_restart_goes_on_where_its_store_ends);
    RUN(a_full_etcd_says_so_and_writes_nothing);
    etcd_servers_stop(servers);
    return t_done();
}
