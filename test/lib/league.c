/* league.c - nodes of several members in the test's own process.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "league.h"

#include <stdio.h>
#include <time.h>

#include "base/instant.h"
#include "cli/file.h"
#include "lab.h"
#include "node/entropy.h"
#include "state/key.h"
#include "t.h"

void league_breathe(void)
{
    (void)nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
}

static char names[LEAGUE_MAX][4] = {"m0", "m1", "m2", "m3", "m4", "m5", "m6"};
static char own_subs[LEAGUE_MAX][8] = {"ussOf0", "ussOf1", "ussOf2", "ussOf3", "ussOf4", "ussOf5", "ussOf6"};

static void found(struct league *c, struct keys *keys)
{
    struct genesis_member members[LEAGUE_MAX];
    struct genesis g = {.rules = 1, .origin = STR("league.test/line"), .members = members, .n_members = (size_t)c->n};
    AUTO(buf_done) struct buf bytes = {0};
    char path[HOME_PATH + 16];

    g.created_ms = node_now_us() / 1000;
    for (int i = 0; i < c->n; i++) {
        home_make(&c->homes[i]);
        must(keys_open(&keys[i], c->homes[i].dir, true, &c->why) == OK);
        members[i] = (struct genesis_member){.name = str_of(names[i]), .root_key = keys[i].root.public};
    }
    genesis_encode(&g, &bytes);
    (void)snprintf(path, sizeof path, "%s/genesis", c->homes[0].dir);
    must(file_write_new(path, 0600, buf_str(&bytes), &c->why) == OK);
    must(founding_read(path, &c->founding, &c->why) == OK);
}

static void write_join(struct league *c, int i, const struct keys *keys)
{
    AUTO(buf_done) struct buf entry = {0};
    struct str all[LEAGUE_MAX], own[LEAGUE_MAX];
    struct change more[2 + LEAGUE_MAX];
    char path[HOME_PATH + 16];

    for (int k = 0; k < c->n; k++) all[k] = str_of(names[k]);
    for (int k = 0; k < 2; k++)
        more[k] = (struct change){.kind = CHANGE_PARTICIPANT, .rights = RIGHTS_ALL, .uss = k ? STR("uss2") : STR("uss1"),
                                  .names = all, .n_names = (size_t)c->n};
    for (int k = 0; k < c->n; k++) {
        own[k] = all[k];
        more[2 + k] = (struct change){.kind = CHANGE_PARTICIPANT, .rights = RIGHTS_ALL, .uss = str_of(own_subs[k]),
                                      .names = &own[k], .n_names = 1};
    }
    must(founding_join(&c->founding, keys, NULL, 0, more, (size_t)(2 + c->n), &entry, &c->why) == OK);
    (void)snprintf(path, sizeof path, "%s/join.entry", c->homes[i].dir);
    must(file_write_new(path, 0600, buf_str(&entry), &c->why) == OK);
}

void league_make(struct league *c, int n, const char *const *urls, size_t n_urls)
{
    struct keys keys[LEAGUE_MAX] = {0};

    *c = (struct league){.n = n};
    found(c, keys);
    for (int i = 0; i < n; i++) {
        write_join(c, i, &keys[i]);
        keys_done(&keys[i]);
        c->etcd[i] = (struct etcd_options){.endpoints = urls, .n_endpoints = n_urls, .allow_old = true};
    }
}

void league_remove(struct league *c)
{
    for (int i = 0; i < c->n; i++) home_remove(&c->homes[i]);
    founding_done(&c->founding);
}

enum err league_start(struct league *c, int i)
{
    struct node_options options = {
        .dir = c->homes[i].dir,
        .genesis = buf_str(&c->founding.bytes),
        .etcd = &c->etcd[i],
        .follow_ms = c->follow_ms,
        .write_ms = c->write_ms,
        .upkeep_ms = c->upkeep_ms,
        .tick_us = c->tick_us,
        .link = c->links[i],
    };
    c->links[i] = NULL;
    return node_start(&options, &c->homes[i].node, &c->why);
}

void league_stop(struct league *c, int i)
{
    home_stop(&c->homes[i]);
}

void league_wait_joined(struct node *n)
{
    while (!node_is_joined(n)) league_breathe();
}

bool league_start_all(struct league *c)
{
    for (int i = 0; i < c->n; i++) {
        if (league_start(c, i) == OK) continue;
        printf("# m%d: %s\n", i, c->why.text);
        return CHECK(false);
    }
    for (int i = 0; i < c->n; i++) league_wait_joined(c->homes[i].node);
    return true;
}

struct waiter {
    struct barrier b;
    pthread_mutex_t lock;
    pthread_cond_t woken;
    bool is_done;
};

static void wake(struct barrier *b)
{
    struct waiter *w = (struct waiter *)b;
    must(pthread_mutex_lock(&w->lock) == 0);
    w->is_done = true;
    must(pthread_cond_signal(&w->woken) == 0);
    must(pthread_mutex_unlock(&w->lock) == 0);
}

bool league_barrier(struct node *n, int64_t *ret_age_us)
{
    struct waiter w = {.b = {.done = wake}, .lock = PTHREAD_MUTEX_INITIALIZER, .woken = PTHREAD_COND_INITIALIZER};

    node_barrier(n, &w.b);
    must(pthread_mutex_lock(&w.lock) == 0);
    while (!w.is_done) must(pthread_cond_wait(&w.woken, &w.lock) == 0);
    must(pthread_mutex_unlock(&w.lock) == 0);
    if (ret_age_us) *ret_age_us = w.b.age_us;
    return w.b.err == OK;
}

/* One look at all: false if they stand at different positions. */
static bool compare(struct league *c, bool *ret_is_same)
{
    struct hash first = {0};
    uint64_t position = 0;

    *ret_is_same = true;
    for (int i = 0; i < c->n; i++) {
        struct state_pin pin;
        if (!c->homes[i].node) continue;
        *ret_is_same &= CHECK(league_barrier(c->homes[i].node, NULL));
        const struct view *v = state_read(node_state(c->homes[i].node), &pin);
        struct hash digest = state_digest(v);
        uint64_t at = v->position;
        state_done_reading(&pin);
        if (position && at != position) return false;
        if (position) *ret_is_same &= CHECK(hash_equal(&digest, &first));
        first = digest;
        position = at;
    }
    return true;
}

bool league_agrees(struct league *c)
{
    bool is_same = false;

    for (int i = 0; i < 1000; i++) { /* Nodes write of their own as well: their rules, ticks. */
        if (compare(c, &is_same)) return is_same;
        league_breathe();
    }
    return CHECK(false);
}

struct ask *league_intent(struct node *n, struct str participant, int i)
{
    int64_t from_us = node_now_us() + 3600 * INSTANT_S;
    uint64_t cell = lab_cell(i % 64);
    struct change c = {.kind = CHANGE_INTENT_PUT, .id = entropy_id(), .url = STR("https://uss.example/a"), .state = INTENT_ACCEPTED};
    struct key_verdict verdict;
    struct state_pin pin;

    c.vol = (struct vol){NULL, 1, {from_us, from_us + 3600 * INSTANT_S, 0, 120000}};
    entropy_fill(c.random, sizeof c.random);
    struct ask *a = ask_change(participant, c);
    a->p.change.vol.cells = (const uint64_t *)(const void *)arena_dup(&a->arena, str_make(&cell, sizeof cell)).at;
    const struct view *v = state_read(node_state(n), &pin);
    key_judge(v, a->p.participant, &a->p.change, NULL, 0, &a->arena, &verdict);
    state_done_reading(&pin);
    return a;
}

bool league_has(struct node *n, const struct change *c)
{
    struct state_pin pin;
    enum entity_kind kind = c->kind == CHANGE_INTENT_PUT ? ENTITY_INTENT : ENTITY_SUBSCRIPTION;
    bool has = view_find(state_read(node_state(n), &pin), kind, c->id) != NULL;
    state_done_reading(&pin);
    return has;
}

static void passed(struct passing *p)
{
    atomic_store(&((struct league_pass *)p)->is_done, true);
}

void league_pass(struct node *n, struct league_pass *p, struct str bytes)
{
    *p = (struct league_pass){.p = {.bytes = bytes, .done = passed}};
    node_pass(n, &p->p);
    while (!atomic_load(&p->is_done)) league_breathe();
}
