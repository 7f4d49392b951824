/* test_shared.c - nodes of several members on one real etcd: what one wrote all have, at once, in one order, and nothing is guessed.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "node/shared.h"

#include <signal.h>
#include <stdatomic.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <time.h>

#include "cli/root_entry.h"
#include "league.h"
#include "etcd_servers.h"
#include "journal/slots.h"
#include "lab.h"
#include "node/fetch.h"
#include "relay.h"
#include "t.h"

#define HOUR_MS 3600000

static struct etcd_servers *servers;

static void make(struct league *c, int n)
{
    league_make(c, n, etcd_servers_urls(servers), 1);
}

static struct node *node(struct league *c, int i)
{
    return c->homes[i].node;
}

static bool writes(struct node *n, const char *participant, int i)
{
    return ask_and_wait(n, ask_subscription(str_of(participant), i));
}

static void three_nodes_join_and_hold_the_same_state(void)
{
    struct league c;

    make(&c, 3);
    if (league_start_all(&c)) {
        for (int i = 0; i < 30; i++) CHECK(writes(node(&c, i % 3), "uss1", i));
        CHECK(league_agrees(&c));
        CHECK(!writes(node(&c, 0), "ussOf1", 1)); /* Not its to speak for. */
        CHECK(writes(node(&c, 1), "ussOf1", 1));
        CHECK(league_agrees(&c));
    }
    league_remove(&c);
}

/* Nobody looks by itself, so that only the barrier can. */
static void a_barrier_shows_what_another_node_was_told(void)
{
    struct league c;

    make(&c, 2);
    c.follow_ms = 20;
    if (league_start_all(&c)) {
        league_stop(&c, 0);
        league_stop(&c, 1);
        c.follow_ms = HOUR_MS;
        if (league_start_all(&c)) {
            for (int i = 0; i < 20; i++) {
                struct ask *a = ask_subscription(STR("uss1"), i);
                int64_t age_us = -1;
                ask_send(node(&c, i % 2), a);
                ask_wait(a);
                CHECK(a->p.err == OK && a->p.outcome.reason == REASON_ACCEPTED);
                CHECK(league_barrier(node(&c, 1 - i % 2), &age_us));
                CHECK_INT(age_us, 0);
                CHECK(league_has(node(&c, 1 - i % 2), &a->p.change));
                ask_free(a);
            }
        }
    }
    league_remove(&c);
}

static void of_two_intents_at_once_in_one_place_one_is_refused(void)
{
    struct league c;

    make(&c, 2);
    if (league_start_all(&c)) {
        for (int round = 0; round < 40; round++) {
            struct ask *a[2];
            bool is_accepted[2];
            if (!CHECK(league_barrier(node(&c, 0), NULL) && league_barrier(node(&c, 1), NULL))) break;
            for (int k = 0; k < 2; k++) a[k] = league_intent(node(&c, k), k ? STR("uss2") : STR("uss1"), round);
            for (int k = 0; k < 2; k++) ask_send(node(&c, k), a[k]);
            for (int k = 0; k < 2; k++) {
                ask_wait(a[k]);
                CHECK(a[k]->p.err == OK);
                is_accepted[k] = a[k]->p.outcome.reason == REASON_ACCEPTED;
                if (!is_accepted[k]) CHECK_INT(a[k]->p.outcome.reason, REASON_KEY);
            }
            CHECK_INT(is_accepted[0] + is_accepted[1], 1);
            CHECK(league_barrier(node(&c, 0), NULL) && league_barrier(node(&c, 1), NULL));
            for (int k = 0; k < 2; k++) {
                CHECK(league_has(node(&c, 0), &a[k]->p.change) == is_accepted[k]);
                CHECK(league_has(node(&c, 1), &a[k]->p.change) == is_accepted[k]);
                ask_free(a[k]);
            }
        }
        CHECK(league_agrees(&c));
    }
    league_remove(&c);
}

static void without_etcd_reads_age_and_writes_wait_for_another_day(void)
{
    struct etcd_servers *own = etcd_servers_start(&(struct etcd_servers_options){.n = 1});
    struct league c;
    struct ask *a;
    int64_t age_us = 0;

    if (!CHECK(own != NULL)) return;
    league_make(&c, 2, etcd_servers_urls(own), 1);
    c.write_ms = 100;
    if (league_start_all(&c)) {
        CHECK(writes(node(&c, 0), "uss1", 1));
        etcd_servers_signal(own, 0, SIGKILL);
        a = ask_subscription(STR("uss1"), 2);
        ask_send(node(&c, 0), a);
        ask_wait(a);
        CHECK_INT(a->p.err, ERR_UNAVAILABLE);
        CHECK(!a->p.is_unclear); /* Nobody was reached. */
        CHECK(!league_barrier(node(&c, 1), &age_us));
        CHECK(age_us > 0);
        struct node_status status;
        node_status(node(&c, 0), &status);
        CHECK(status.takes_writes && !status.has_etcd && status.etcd_why.text[0]);

        etcd_servers_again(own, 0);
        CHECK(etcd_servers_leader(own) == 0);
        while (!league_barrier(node(&c, 0), NULL) || !league_barrier(node(&c, 1), NULL)) league_breathe();
        CHECK(!league_has(node(&c, 1), &a->p.change)); /* And it did not come later. */
        ask_free(a);
        CHECK(writes(node(&c, 1), "uss1", 3));
        CHECK(writes(node(&c, 0), "uss1", 4));
        CHECK(league_agrees(&c));
    }
    league_remove(&c);
    etcd_servers_stop(own);
}

/* What becomes of transactions with puts, until it is said otherwise. */
struct valve {
    _Atomic int fate;
};

static enum relay_fate decide(void *context, struct str request)
{
    struct valve *v = context;

    if (!memmem(request.at, request.n, "request_put", 11)) return RELAY_PASS;
    return (enum relay_fate)atomic_load(&v->fate);
}

/* A league of two whose first node reaches etcd through a valve only. */
struct throttled {
    struct league c;
    struct valve valve;
    struct relay *relay;
    const char *url;
};

static bool throttled_start(struct throttled *t)
{
    atomic_store(&t->valve.fate, RELAY_PASS);
    t->relay = relay_start(&(struct relay_options){.url = etcd_servers_urls(servers)[0], .decide = decide, .context = &t->valve});
    t->url = relay_url(t->relay);
    make(&t->c, 2);
    t->c.write_ms = 50;
    t->c.etcd[0].endpoints = &t->url;
    return league_start_all(&t->c);
}

static void throttled_stop(struct throttled *t)
{
    atomic_store(&t->valve.fate, RELAY_PASS);
    league_remove(&t->c);
    relay_stop(t->relay);
}

/* Reads of etcd through this are lost, so many of them, or their answers are late by so much. */
struct sieve {
    struct relay *relay;
    atomic_int n_lost, late_ms, n_late;
};

static enum relay_fate lose(void *context, struct str request)
{
    struct sieve *s = context;

    if (memmem(request.at, request.n, "request_put", 11) || !memmem(request.at, request.n, "request_range", 13)) return RELAY_PASS;
    if (atomic_load(&s->n_lost) <= 0) return RELAY_PASS;
    atomic_fetch_sub(&s->n_lost, 1);
    return RELAY_LOSE_ANSWER;
}

static void delay(void *context, struct buf *answer)
{
    struct sieve *s = context;
    int ms = atomic_load(&s->late_ms);
    struct timespec pause = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L};

    (void)answer;
    if (ms == 0) return;
    atomic_fetch_add(&s->n_late, 1);
    (void)nanosleep(&pause, NULL); /* The server's, not the test's. */
}

static void a_look_that_fails_is_taken_again_before_a_read_ages(void)
{
    struct sieve s = {0};
    struct league c;

    s.relay = relay_start(&(struct relay_options){.url = etcd_servers_urls(servers)[0], .decide = lose, .change = delay, .context = &s});
    const char *url = relay_url(s.relay);
    make(&c, 2);
    c.etcd[1].endpoints = &url;
    c.etcd[1].timeout_ms = 200;
    c.follow_ms = 1000000; /* Barriers alone look. */
    if (league_start_all(&c)) {
        atomic_store(&s.n_lost, 3);
        do CHECK(league_barrier(node(&c, 1), NULL)); /* Its own first writes look as well. */
        while (atomic_load(&s.n_lost) > 0);
        CHECK(writes(node(&c, 0), "uss1", 1));
        atomic_store(&s.late_ms, 250); /* Beyond one attempt, within that of an endpoint known to be late. */
        CHECK(league_barrier(node(&c, 1), NULL));
        CHECK(atomic_load(&s.n_late) > 1);
        CHECK(league_agrees(&c));
        atomic_store(&s.late_ms, 0);
    }
    league_remove(&c);
    relay_stop(s.relay);
}

static void an_etcd_without_a_leader_is_told_from_a_slow_one(void)
{
    struct etcd_servers *three = etcd_servers_start(&(struct etcd_servers_options){.n = 3});
    struct node_status status;
    struct league c;
    int64_t age_us = 0;

    if (!CHECK(three != NULL)) return;
    league_make(&c, 2, etcd_servers_urls(three), 3);
    c.etcd[0].timeout_ms = c.etcd[1].timeout_ms = 300;
    if (league_start_all(&c)) {
        CHECK(writes(node(&c, 0), "uss1", 1));
        etcd_servers_signal(three, 0, SIGKILL);
        etcd_servers_signal(three, 1, SIGKILL);
        do {
            CHECK(!league_barrier(node(&c, 0), &age_us) && age_us > 0);
            node_status(node(&c, 0), &status);
        } while (!strstr(status.etcd_why.text, "no leader"));
        etcd_servers_again(three, 0);
        CHECK(etcd_servers_leader(three) >= 0);
        while (!league_barrier(node(&c, 0), NULL)) league_breathe();
        CHECK(writes(node(&c, 0), "uss1", 2));
    }
    league_remove(&c);
    etcd_servers_stop(three);
}

/* Sends one write while the valve does this; it must come back unclear. */
static struct ask *unclear_write(struct throttled *t, enum relay_fate fate, int i)
{
    struct ask *a = ask_subscription(STR("uss1"), i);

    atomic_store(&t->valve.fate, (int)fate);
    ask_send(node(&t->c, 0), a);
    ask_wait(a);
    CHECK_INT(a->p.err, ERR_UNAVAILABLE);
    CHECK(a->p.is_unclear);
    return a;
}

static enum node_fate settled_fate(struct node *n, const struct ask *a)
{
    enum node_fate fate;
    while ((fate = node_fate(n, &a->p.entry_hash)) == NODE_OPEN) league_breathe();
    return fate;
}

static void an_unclear_write_is_open_until_its_slot_is_taken(void)
{
    static const enum relay_fate fates[] = {RELAY_LOSE_ANSWER, RELAY_LOSE_REQUEST};

    for (int i = 0; i < 2; i++) {
        struct throttled t;
        if (throttled_start(&t)) {
            struct ask *a = unclear_write(&t, fates[i], 1);
            struct ask *refused = ask_subscription(STR("uss1"), 2);
            if (fates[i] == RELAY_LOSE_REQUEST) { /* Nothing can have settled it. */
                CHECK_INT(node_fate(node(&t.c, 0), &a->p.entry_hash), NODE_OPEN);
                ask_send(node(&t.c, 0), refused);
                ask_wait(refused);
                CHECK_INT(refused->p.err, ERR_UNAVAILABLE);
                CHECK(!refused->p.is_unclear); /* Nothing is signed beside what is unclear. */
            }
            ask_free(refused);
            atomic_store(&t.valve.fate, RELAY_PASS);
            CHECK_INT(settled_fate(node(&t.c, 0), a), NODE_COMMITTED);
            CHECK(league_barrier(node(&t.c, 1), NULL));
            CHECK(league_has(node(&t.c, 1), &a->p.change));
            ask_free(a);
            CHECK(writes(node(&t.c, 0), "uss1", 3));
            CHECK(league_agrees(&t.c));
        }
        throttled_stop(&t);
    }
}

/* A request that is delivered when nobody thinks of it any more. */
static void an_unclear_write_is_settled_after_a_restart_too(void)
{
    static const struct {
        enum relay_fate fate;
        bool comes_before; /* The held request arrives before the node is back. */
        enum node_fate wanted;
    } cases[] = {{RELAY_LOSE_REQUEST, false, NODE_ABSENT}, {RELAY_HOLD, false, NODE_ABSENT}, {RELAY_HOLD, true, NODE_COMMITTED},
                 {RELAY_LOSE_ANSWER, false, NODE_COMMITTED}};

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct throttled t;
        if (throttled_start(&t)) {
            struct ask *a = unclear_write(&t, cases[i].fate, 1);
            bool is_committed = cases[i].wanted == NODE_COMMITTED;
            league_stop(&t.c, 0);
            if (cases[i].comes_before) CHECK(relay_release(t.relay));
            atomic_store(&t.valve.fate, RELAY_PASS);
            if (CHECK(league_start(&t.c, 0) == OK)) {
                CHECK_INT(settled_fate(node(&t.c, 0), a), cases[i].wanted); /* A tick settles it, nobody writes. */
                if (cases[i].fate == RELAY_HOLD && !cases[i].comes_before) CHECK(relay_release(t.relay));
                CHECK(league_agrees(&t.c));
                CHECK(league_has(node(&t.c, 0), &a->p.change) == is_committed);
                CHECK(writes(node(&t.c, 0), "uss1", 3));
                league_stop(&t.c, 0);
            }
            if (CHECK(league_start(&t.c, 0) == OK)) CHECK_INT(node_fate(node(&t.c, 0), &a->p.entry_hash), cases[i].wanted);
            ask_free(a);
            CHECK(league_agrees(&t.c));
        }
        throttled_stop(&t);
    }
}

static void a_node_that_was_away_catches_up(void)
{
    struct league c;

    make(&c, 3);
    if (league_start_all(&c)) {
        league_stop(&c, 2);
        for (int i = 0; i < 600; i++) CHECK(writes(node(&c, i % 2), "uss2", i)); /* More than one look reads at once. */
        if (CHECK(league_start(&c, 2) == OK)) CHECK(league_agrees(&c));
        CHECK(writes(node(&c, 2), "uss2", 5));
        for (int i = 0; i < 3; i++) league_stop(&c, i);
        if (league_start_all(&c)) CHECK(league_agrees(&c));
    }
    league_remove(&c);
}

static void two_processes_with_one_key_are_found_out(void)
{
    struct league c;
    struct home twin;

    make(&c, 2);
    if (league_start_all(&c)) {
        CHECK(writes(node(&c, 0), "uss1", 1));
        league_stop(&c, 0);
        home_copy(&c.homes[0], &twin);
        if (CHECK(league_start(&c, 0) == OK)) {
            struct home first = c.homes[0];
            c.homes[0] = twin;
            if (CHECK(league_start(&c, 0) == OK)) {
                struct node_status status[2];
                (void)writes(first.node, "uss1", 2);
                (void)writes(node(&c, 0), "uss1", 3);
                (void)writes(first.node, "uss1", 4);
                (void)writes(node(&c, 0), "uss1", 5);
                node_status(first.node, &status[0]);
                node_status(node(&c, 0), &status[1]);
                CHECK(!status[0].takes_writes || !status[1].takes_writes);
                CHECK(strstr(status[!status[1].takes_writes].stopped_because.text, "another process") != NULL);
            }
            home_remove(&first);
        }
    }
    league_remove(&c);
}

/* The second node of m1: m1's root key signs, the node of m0 hands in. */
static void make_second(struct league *c, struct home *second, struct buf *ret)
{
    struct keys own = {0}, root = {0};
    struct root_place place = {0};
    struct state_pin pin;
    uint8_t author[8];
    struct change join;

    home_make(second);
    must(keys_make_node(second->dir, &c->why) == OK && keys_open_member(&own, second->dir, &c->why) == OK);
    must(keys_open(&root, c->homes[1].dir, false, &c->why) == OK);
    root_entry_author(&root.root.public, author);
    CHECK(league_barrier(node(c, 0), NULL)); /* That it knows how m1 joined. */
    const struct view *v = state_read(node_state(node(c, 0)), &pin);
    must(state_author_next(v, author, &place.slot, &place.previous, &place.time_ms));
    state_done_reading(&pin);
    if (place.time_ms < node_now_us() / 1000) place.time_ms = node_now_us() / 1000;
    join = keys_join(&own, STR("m1"), &c->founding.hash);
    must(root_entry_sign(&place, c->founding.genesis.origin, &root.root, &join, 1, ret, &c->why) == OK);
    keys_done(&own);
    keys_done(&root);
}

static void an_entry_of_a_root_key_is_handed_in_anywhere(void)
{
    AUTO(buf_done) struct buf join = {0};
    struct league_pass pass;
    struct home second;
    struct league c;

    make(&c, 2);
    if (league_start_all(&c)) {
        make_second(&c, &second, &join);
        struct home m1 = c.homes[1];
        c.homes[1] = second;
        c.etcd[1] = c.etcd[0];
        CHECK(league_start(&c, 1) == OK); /* Before it is known: it waits. */
        struct ask *early = ask_subscription(STR("uss1"), 1);
        ask_send(node(&c, 1), early);
        ask_wait(early);
        CHECK_INT(early->p.err, ERR_UNAVAILABLE);
        CHECK(!early->p.is_unclear);
        ask_free(early);

        league_pass(node(&c, 0), &pass, buf_str(&join));
        bool is_in = CHECK_INT(pass.p.err, OK);
        if (!is_in) printf("# %s\n", pass.p.why.text);
        CHECK_INT(pass.p.n_changes, 1);
        CHECK_INT(pass.p.outcomes[0], REASON_ACCEPTED);
        league_pass(node(&c, 0), &pass, buf_str(&join));
        CHECK_INT(pass.p.err, ERR_CONFLICT); /* Once is enough. */
        join.at[join.n - 1] ^= 1;
        league_pass(node(&c, 0), &pass, buf_str(&join));
        CHECK_INT(pass.p.err, ERR_RIGHTS);
        league_pass(node(&c, 0), &pass, STR("nonsense"));
        CHECK_INT(pass.p.err, ERR_INPUT);

        if (is_in) {
            league_wait_joined(node(&c, 1));
            CHECK(writes(node(&c, 1), "uss1", 2));
            CHECK(writes(node(&c, 1), "ussOf1", 2));
        }
        CHECK(league_agrees(&c));
        home_remove(&m1);
    }
    league_remove(&c);
}

static void in_a_network_of_one_an_entry_of_the_root_key_is_handed_in_as_well(void)
{
    AUTO(buf_done) struct buf bytes = {0};
    struct home h;
    struct why why = {0};
    struct keys keys = {0};
    struct root_place place = {0};
    struct str name = STR("member");
    struct change record = {.kind = CHANGE_PARTICIPANT, .uss = STR("uss9"), .rights = RIGHTS_ALL, .names = &name, .n_names = 1};
    struct state_pin pin;
    struct league_pass pass;
    uint8_t author[8];

    home_make(&h);
    if (CHECK(home_start(&h, &why) == OK)) {
        must(keys_open(&keys, h.dir, false, &why) == OK);
        root_entry_author(&keys.root.public, author);
        must(state_author_next(state_read(node_state(h.node), &pin), author, &place.slot, &place.previous, &place.time_ms));
        state_done_reading(&pin);
        CHECK(root_entry_sign(&place, node_origin(h.node), &keys.root, &record, 1, &bytes, &why) == OK);
        league_pass(h.node, &pass, buf_str(&bytes));
        CHECK_INT(pass.p.err, OK);
        CHECK_INT(pass.p.index, 2);
        CHECK(writes(h.node, "uss1", 1));
        keys_done(&keys);
    }
    home_remove(&h);
}

static uint64_t kept_from(struct node *n)
{
    struct node_status s;
    node_status(n, &s);
    return s.slots_kept_from;
}

static uint64_t leaves(struct node *n)
{
    struct node_status s;
    node_status(n, &s);
    return 2 * s.position;
}

static void old_slots_go_when_all_have_them(void)
{
    struct league c;

    make(&c, 3);
    c.upkeep_ms = 1;
    if (league_start_all(&c)) {
        struct node *n = node(&c, 0);
        for (int i = 0; i < 40; i++) CHECK(writes(n, "uss1", i));
        CHECK_INT(kept_from(n), 0);
        node_set_signed(n, 0, leaves(n) + 2, node_steady_us(n));
        node_set_signed(n, 1, leaves(n) + 2, node_steady_us(n));
        node_set_signed(n, 2, 2, node_steady_us(n)); /* It is there, and behind. */
        CHECK(writes(n, "uss1", 1));
        CHECK_INT(kept_from(n), 0);
        CHECK(league_agrees(&c)); /* As signing shows. */
        node_set_signed(n, 2, leaves(n), node_steady_us(n));
        while (kept_from(n) < 40) league_breathe(); /* The 41 are 0 to 40, and the newest stays. */
        CHECK(writes(n, "uss1", 2));
        CHECK(writes(node(&c, 1), "uss1", 3));
        CHECK(league_agrees(&c));
        for (int i = 0; i < 3; i++) league_stop(&c, i);
        if (league_start_all(&c)) {
            CHECK(writes(node(&c, 0), "uss1", 4));
            CHECK(league_agrees(&c));
        }
    }
    league_remove(&c);
}

/* Deletes all that this node wrote, as anybody with access to etcd can. */
static void forget_slots_of(const struct league *c, const uint8_t author[8])
{
    AUTO(arena_done) struct arena arena = {0};
    struct hash genesis = hash_of(buf_str(&c->founding.bytes));
    struct slots slots = {0};
    struct etcd *etcd;
    struct why why;

    slots_init(&slots, &genesis, 0);
    must(etcd_new(&c->etcd[0], &etcd, &why) == OK);
    must(etcd_delete(etcd, slots_key(&slots, author, 0, &arena), slots_end(&slots, author, &arena), &why) == OK);
    etcd_free(etcd);
    slots_done(&slots);
}

static size_t n_forgotten(struct node *n)
{
    struct node_status status;
    node_status(n, &status);
    return status.n_forgotten;
}

/* The store has gone on since, so that no answer is older than one before. */
static void what_is_gone_from_an_etcd_that_went_on_is_kept_as_a_file(void)
{
    struct league c;
    uint8_t author[8];

    make(&c, 2);
    c.upkeep_ms = 20;
    if (league_start_all(&c)) {
        for (int i = 0; i < 10; i++) CHECK(writes(node(&c, i % 2), "uss1", i));
        CHECK(league_agrees(&c));
        node_author(node(&c, 1), author);
        CHECK_INT(n_forgotten(node(&c, 0)), 0);
        league_stop(&c, 1); /* It would write again. */
        forget_slots_of(&c, author);
        node_set_signed(node(&c, 0), 0, leaves(node(&c, 0)), node_steady_us(node(&c, 0)));
        while (n_forgotten(node(&c, 0)) == 0) league_breathe();
        CHECK_INT(n_forgotten(node(&c, 0)), 1);
        CHECK(writes(node(&c, 0), "uss1", 1)); /* It goes on. */
        league_stop(&c, 0);
        if (CHECK(league_start(&c, 0) == OK)) CHECK(n_forgotten(node(&c, 0)) >= 1);
    }
    league_remove(&c);
}

/* The last byte of the newest entry of a participant, which ends with its signature, is another one. (What is said of members, which is
 * short, is verified at once.) Returns how many there are up to it. */
static uint64_t spoil_newest(struct home *h)
{
    sqlite3 *db;
    sqlite3_stmt *q;

    must(sqlite3_open(home_file(h, "journal.db"), &db) == SQLITE_OK);
    must(sqlite3_prepare_v2(db, "SELECT pos, bytes FROM entry WHERE length(bytes) > 220 ORDER BY pos DESC LIMIT 1", -1, &q, NULL) == SQLITE_OK);
    must(sqlite3_step(q) == SQLITE_ROW);
    int64_t pos = sqlite3_column_int64(q, 0);
    int n = sqlite3_column_bytes(q, 1);
    char *bytes = mem_dup(sqlite3_column_blob(q, 1), (size_t)n);
    (void)sqlite3_finalize(q);
    bytes[n - 1] ^= 1;
    must(sqlite3_prepare_v2(db, "UPDATE entry SET bytes = ?1 WHERE pos = ?2", -1, &q, NULL) == SQLITE_OK);
    must(sqlite3_bind_blob(q, 1, bytes, n, SQLITE_STATIC) == SQLITE_OK && sqlite3_bind_int64(q, 2, pos) == SQLITE_OK);
    must(sqlite3_step(q) == SQLITE_DONE);
    (void)sqlite3_finalize(q);
    must(sqlite3_close(db) == SQLITE_OK);
    mem_free(bytes);
    return (uint64_t)pos + 1;
}

/* As after a catch-up whose signatures are still to be verified: DIR/audit says from where to where. */
static void a_bad_signature_in_what_was_caught_up_stops_the_node(void)
{
    struct league c;
    struct fetch_status taken = {0};
    struct node_status status;

    make(&c, 2);
    if (league_start_all(&c)) {
        for (int i = 0; i < 20; i++) CHECK(writes(node(&c, i % 2), "uss1", i));
        CHECK(league_agrees(&c));
        league_stop(&c, 0);
        uint64_t n = spoil_newest(&c.homes[0]);
        FILE *mark = fopen(home_file(&c.homes[0], "audit"), "w");
        must(mark && fprintf(mark, "1 %llu\n", (unsigned long long)n) > 0 && fclose(mark) == 0);
        enum err begun = league_start(&c, 0);
        if (begun != OK) printf("# %s\n", c.why.text);
        if (CHECK_INT(begun, OK)) {
            do {
                fetch_status(node_fetch(node(&c, 0)), &taken);
                node_status(node(&c, 0), &status);
                league_breathe();
            } while (!taken.is_bad || status.takes_writes);
            CHECK(strstr(status.stopped_because.text, "its signature is not its author's") != NULL);
            CHECK_INT(taken.audit_next, n - 1);
            CHECK(fetch_is_bad(node_fetch(node(&c, 0)))); /* Signing asks this. */
            CHECK(!writes(node(&c, 0), "uss1", 30));
            league_stop(&c, 0);
            CHECK(access(home_file(&c.homes[0], "audit"), F_OK) == 0); /* The next life finds it, too. */
        }
        CHECK(writes(node(&c, 1), "uss1", 31));
    }
    league_remove(&c);
}

static void what_may_go_is_what_a_majority_and_all_who_are_there_signed(void)
{
    struct lab lab;
    struct shared_signed m[LIMIT_MEMBERS_EVER] = {{0}};
    const int64_t now = INT64_C(3600) * 1000000, old = now - INT64_C(601) * 1000000;

    lab_init_members(&lab, 5, false);
    const struct view *v = state_view(lab.state);
    for (int i = 0; i < 5; i++) m[i] = (struct shared_signed){.size = (uint64_t)(100 - 10 * i), .heard_us = now};
    CHECK_INT(upkeep_bound(v, 0, m, now, false), 60);
    m[4].heard_us = old; /* Away, at 60. */
    CHECK_INT(upkeep_bound(v, 0, m, now, false), 70);
    m[3].heard_us = 0;
    CHECK_INT(upkeep_bound(v, 0, m, now, false), 80);
    m[2].heard_us = m[1].heard_us = old; /* 80 is what three have signed. */
    CHECK_INT(upkeep_bound(v, 0, m, now, false), 80);
    m[0].heard_us = 0; /* Oneself is always there. */
    CHECK_INT(upkeep_bound(v, 0, m, now, false), 80);
    CHECK_INT(upkeep_bound(v, 0, m, now, true), 80); /* Etcd is nearly full: never less than a majority, */
    m[4].heard_us = m[3].heard_us = now;
    CHECK_INT(upkeep_bound(v, 0, m, now, false), 60);
    CHECK_INT(upkeep_bound(v, 0, m, now, true), 80); /* and the late ones are not waited for. */
    m[0].size = 20;
    CHECK_INT(upkeep_bound(v, 0, m, now, false), 20);
    lab_done(&lab);
}

static void of_two_members_both_have_signed_what_may_go_and_the_writer_if_etcd_is_nearly_full(void)
{
    struct lab lab;
    struct shared_signed m[LIMIT_MEMBERS_EVER] = {{0}};
    const int64_t now = INT64_C(3600) * 1000000;

    lab_init_members(&lab, 2, false);
    const struct view *v = state_view(lab.state);
    m[0].size = 100;
    m[1].size = 60; /* Away. */
    CHECK_INT(upkeep_bound(v, 0, m, now, false), 60);
    CHECK_INT(upkeep_bound(v, 0, m, now, true), 100);
    m[1].heard_us = now;
    CHECK_INT(upkeep_bound(v, 0, m, now, true), 60);
    lab_done(&lab);
}

static bool says(const struct why *w, const char *part)
{
    if (strstr(w->text, part)) return true;
    printf("# \"%s\" does not say \"%s\"\n", w->text, part);
    return false;
}

static void what_does_not_belong_together_does_not_start(void)
{
    struct league c, other;
    struct buf kept;

    make(&c, 2);
    make(&other, 2);
    if (league_start_all(&c)) {
        league_stop(&c, 0);
        c.etcd[0].allow_old = false;
        CHECK_INT(league_start(&c, 0), ERR_STATE);
        CHECK(says(&c.why, "3.5.33"));
        c.etcd[0].allow_old = true;
        kept = c.founding.bytes;
        c.founding.bytes = other.founding.bytes;
        CHECK_INT(league_start(&c, 0), ERR_INPUT);
        CHECK(says(&c.why, "another network"));
        c.founding.bytes = kept;
        CHECK(league_start(&c, 0) == OK);
    }
    league_remove(&c);
    league_remove(&other);
}

int main(void)
{
    RUN(in_a_network_of_one_an_entry_of_the_root_key_is_handed_in_as_well);
    RUN(what_may_go_is_what_a_majority_and_all_who_are_there_signed);
    RUN(of_two_members_both_have_signed_what_may_go_and_the_writer_if_etcd_is_nearly_full);
    if (!etcd_servers_can()) {
        t_skip("nodes of several members share one order", "etcd is not installed");
        return t_done();
    }
    servers = etcd_servers_start(&(struct etcd_servers_options){.n = 1});
    if (!CHECK(servers != NULL)) return t_done();
    RUN(three_nodes_join_and_hold_the_same_state);
    RUN(a_barrier_shows_what_another_node_was_told);
    RUN(a_look_that_fails_is_taken_again_before_a_read_ages);
    RUN(an_etcd_without_a_leader_is_told_from_a_slow_one);
    RUN(of_two_intents_at_once_in_one_place_one_is_refused);
    RUN(without_etcd_reads_age_and_writes_wait_for_another_day);
    RUN(an_unclear_write_is_open_until_its_slot_is_taken);
    RUN(an_unclear_write_is_settled_after_a_restart_too);
    RUN(a_node_that_was_away_catches_up);
    RUN(two_processes_with_one_key_are_found_out);
    RUN(an_entry_of_a_root_key_is_handed_in_anywhere);
    RUN(old_slots_go_when_all_have_them);
    RUN(a_bad_signature_in_what_was_caught_up_stops_the_node);
    RUN(what_is_gone_from_an_etcd_that_went_on_is_kept_as_a_file);
    RUN(what_does_not_belong_together_does_not_start);
    etcd_servers_stop(servers);
    return t_done();
}
