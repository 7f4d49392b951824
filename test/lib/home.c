/* home.c - folders, gates and waiting for tests of the node.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "home.h"

#include <dirent.h>
#include <ftw.h>
#include <sched.h>

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/instant.h"
#include "lab.h"
#include "node/entropy.h"
#include "t.h"

/* ---- Folders. ---- */

void home_make(struct home *h)
{
    const char *tmp = getenv("TMPDIR");
    *h = (struct home){0};
    (void)snprintf(h->dir, sizeof h->dir, "%s/home-XXXXXX", tmp ? tmp : "/tmp");
    must(mkdtemp(h->dir) != NULL);
}

static int remove_one(const char *path, const struct stat *is, int type, struct FTW *place)
{
    (void)is, (void)type, (void)place;
    return remove(path);
}

void home_remove(struct home *h)
{
    home_stop(h);
    if (h->dir[0]) (void)nftw(h->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    *h = (struct home){0};
}

enum err home_start(struct home *h, struct why *why)
{
    struct journal *journal;
    TRY(journal_open_sqlite(h->dir, &journal, why));
    return node_start(&(struct node_options){.dir = h->dir, .journal = journal}, &h->node, why);
}

void home_stop(struct home *h)
{
    node_stop(h->node);
    h->node = NULL;
}

void home_copy_file(const char *from, const char *to)
{
    struct str bytes = t_read_file(from);
    struct stat is;
    FILE *file = fopen(to, "wb");
    must(file && bytes.at && fwrite(bytes.at, 1, bytes.n, file) == bytes.n && fclose(file) == 0);
    must(stat(from, &is) == 0 && chmod(to, is.st_mode & 07777) == 0);
    free((char *)bytes.at);
}

static void copy_folder(const char *from, const char *to)
{
    DIR *d = opendir(from);
    struct dirent *e;
    must(d);
    while ((e = readdir(d)) != NULL) {
        char a[HOME_PATH * 2], b[HOME_PATH * 2];
        struct stat is;
        if (e->d_name[0] == '.') continue;
        (void)snprintf(a, sizeof a, "%s/%s", from, e->d_name);
        (void)snprintf(b, sizeof b, "%s/%s", to, e->d_name);
        must(stat(a, &is) == 0);
        if (S_ISDIR(is.st_mode)) {
            must(mkdir(b, 0700) == 0);
            copy_folder(a, b);
        } else {
            home_copy_file(a, b);
        }
    }
    (void)closedir(d);
}

void home_copy(const struct home *h, struct home *ret)
{
    home_make(ret);
    copy_folder(h->dir, ret->dir);
}

const char *home_file(const struct home *h, const char *name)
{
    static char path[HOME_PATH * 2];
    (void)snprintf(path, sizeof path, "%s/%s", h->dir, name);
    return path;
}

const char *home_snapshot(const struct home *h)
{
    static char newest[HOME_PATH];
    DIR *d = opendir(h->dir);
    struct dirent *e;
    must(d);
    newest[0] = '\0';
    while ((e = readdir(d)) != NULL) {
        if (strncmp(e->d_name, "snapshot-", 9) == 0 && strcmp(e->d_name, newest) > 0) {
            (void)snprintf(newest, sizeof newest, "%s", e->d_name);
        }
    }
    (void)closedir(d);
    return newest;
}

/* ---- Gates. ---- */

struct gate {
    struct journal base;
    struct journal *inner;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool is_shut, has_waiting, fails, fails_after;
};

static enum err gate_propose(struct journal *j, const struct str *entries, size_t n, struct why *why)
{
    struct gate *g = j->engine;
    must(pthread_mutex_lock(&g->lock) == 0);
    while (g->is_shut) {
        g->has_waiting = true;
        must(pthread_cond_broadcast(&g->changed) == 0);
        must(pthread_cond_wait(&g->changed, &g->lock) == 0);
    }
    g->has_waiting = false;
    bool fails = g->fails, writes = !fails || g->fails_after;
    g->fails = false;
    must(pthread_mutex_unlock(&g->lock) == 0);
    if (writes) TRY(g->inner->propose(g->inner, entries, n, why));
    return fails ? fail(why, ERR_DISK, "the answer was lost") : OK;
}

static enum err gate_follow(struct journal *j, int timeout_ms, struct why *why)
{
    struct gate *g = j->engine;
    return g->inner->follow(g->inner, timeout_ms, why);
}

static void gate_close(struct journal *j)
{
    struct gate *g = j->engine;
    g->inner->close(g->inner);
    must(pthread_mutex_destroy(&g->lock) == 0 && pthread_cond_destroy(&g->changed) == 0);
    mem_free(g);
}

struct journal *gate_journal(struct journal *inner, struct gate **ret)
{
    struct gate *g = mem_zalloc(sizeof *g);
    g->inner = inner;
    g->base = (struct journal){"gate", inner->store, g, gate_propose, gate_follow, gate_close};
    must(pthread_mutex_init(&g->lock, NULL) == 0 && pthread_cond_init(&g->changed, NULL) == 0);
    *ret = g;
    return &g->base;
}

static void gate_set(struct gate *g, bool *flag, bool value)
{
    must(pthread_mutex_lock(&g->lock) == 0);
    *flag = value;
    must(pthread_cond_broadcast(&g->changed) == 0);
    must(pthread_mutex_unlock(&g->lock) == 0);
}

void gate_shut(struct gate *g)
{
    gate_set(g, &g->is_shut, true);
}

void gate_open(struct gate *g)
{
    gate_set(g, &g->is_shut, false);
}

void gate_wait_inside(struct gate *g)
{
    must(pthread_mutex_lock(&g->lock) == 0);
    while (!g->has_waiting) must(pthread_cond_wait(&g->changed, &g->lock) == 0);
    must(pthread_mutex_unlock(&g->lock) == 0);
}

void gate_fail_next(struct gate *g, bool after_writing)
{
    gate_set(g, &g->fails_after, after_writing);
    gate_set(g, &g->fails, true);
}

/* ---- Proposals. ---- */

static void ask_done(struct pending *p)
{
    struct ask *a = (struct ask *)p; /* Its first member. */
    must(pthread_mutex_lock(&a->lock) == 0);
    must(!a->is_done); /* Answered once. */
    a->is_done = true;
    must(pthread_cond_signal(&a->woken) == 0);
    must(pthread_mutex_unlock(&a->lock) == 0);
}

struct ask *ask_change(struct str participant, struct change change)
{
    struct ask *a = mem_zalloc(sizeof *a);
    a->p.participant = arena_dup(&a->arena, participant);
    a->p.change = change;
    a->p.done = ask_done;
    a->p.arena = &a->arena;
    must(pthread_mutex_init(&a->lock, NULL) == 0 && pthread_cond_init(&a->woken, NULL) == 0);
    return a;
}

struct ask *ask_subscription(struct str participant, int i)
{
    static _Thread_local uint64_t cells[64];
    int64_t now_us = node_now_us();
    struct change c = {.kind = CHANGE_SUBSCRIPTION_PUT, .id = entropy_id(), .url = STR("https://uss.example/a"), .for_intents = true};

    cells[i % 64] = lab_cell(i % 64);
    c.vol = (struct vol){&cells[i % 64], 1, {now_us, now_us + 3600 * INSTANT_S, VOL_FLOOR_NONE, VOL_CEIL_NONE}};
    entropy_fill(c.random, sizeof c.random);
    struct ask *a = ask_change(participant, c);
    a->p.change.vol.cells = (const uint64_t *)(const void *)arena_dup(&a->arena, str_make(&cells[i % 64], sizeof cells[0])).at;
    return a;
}

void ask_send(struct node *n, struct ask *a)
{
    node_propose(n, &a->p);
}

void ask_wait(struct ask *a)
{
    must(pthread_mutex_lock(&a->lock) == 0);
    while (!a->is_done) must(pthread_cond_wait(&a->woken, &a->lock) == 0);
    must(pthread_mutex_unlock(&a->lock) == 0);
}

void ask_free(struct ask *a)
{
    arena_done(&a->arena);
    must(pthread_mutex_destroy(&a->lock) == 0 && pthread_cond_destroy(&a->woken) == 0);
    mem_free(a);
}

bool ask_and_wait(struct node *n, struct ask *a)
{
    ask_send(n, a);
    ask_wait(a);
    bool is_accepted = a->p.err == OK && a->p.outcome.reason == REASON_ACCEPTED;
    ask_free(a);
    return is_accepted;
}

void node_wait_signed(struct node *n)
{
    struct node_status s;
    do {
        (void)sched_yield();
        node_status(n, &s);
    } while (s.signed_size < 2 * s.position && s.takes_writes);
}

struct hash node_digest(struct node *n)
{
    struct state_pin pin;
    struct hash h = state_digest(state_read(node_state(n), &pin));
    state_done_reading(&pin);
    return h;
}
