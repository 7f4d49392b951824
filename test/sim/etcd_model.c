/* etcd_model.c - the functions of journal/etcd.h over a store in memory; linked in place of the client of the gateway.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "etcd_model.h"

#include <stdio.h>

#include "base/mem.h"
#include "base/vec.h"
#include "journal/etcd.h"
#include "proof/hash.h"
#include "world.h"

#define ENDPOINTS 3
#define N_STORES 2

struct version {
    struct str value; /* In the model's arena. */
    int64_t create, mod, version; /* version 0: deleted. */
};
VEC_DEFINE(version_vec, struct version);

struct key {
    struct str key;
    struct version_vec versions;
};
VEC_DEFINE(key_vec, struct key);

struct store {
    struct key_vec keys; /* Ascending. */
    int64_t revision, compacted;
};

static struct {
    struct arena arena;
    struct store stores[N_STORES];
    enum lie lie;
    bool has_forked, has_lied, is_calm, is_lost, is_down, is_full, keeps_all;
    bool uses_other[WORLD_NODES_MAX]; /* After a fork. */
    bool is_cut[WORLD_NODES_MAX][ENDPOINTS];
    unsigned liar;                  /* The endpoint of STALE and GARBLE. */
    int64_t stale_at;               /* Revision that it shows; 0: the newest. */
    size_t answer_max;              /* Bytes of values; 0: any. */
} model;

struct etcd {
    int node;
    size_t n_endpoints, at;
    char names[ENDPOINTS][32];
    int64_t timeout_us, timeout_max_us;
    const atomic_bool *stop;
};

enum call_kind { CALL_TXN, CALL_READ, CALL_DELETE, CALL_STATUS };

/* One request on its way. Whoever is last frees it: the client that waited, or the event that comes after it gave up. */
struct call {
    enum call_kind kind;
    int node;
    unsigned endpoint;
    struct arena arena;
    struct etcd_put *puts;
    size_t n_puts;
    struct etcd_range *ranges;
    size_t n_ranges;
    int64_t revision;
    bool answer_is_lost, is_abandoned, is_answered;
    struct fiber *waiting;
    enum err err;
    struct etcd_answer answer;
};

const char *lie_name(enum lie lie)
{
    static const char *const names[N_LIES] = {"none", "stale", "garble", "overwrite", "falsify", "fork", "forget", "delete", "lose"};

    return names[lie];
}

bool lie_may_split(enum lie lie)
{
    return lie == LIE_FORK || lie == LIE_FALSIFY || lie == LIE_FORGET || lie == LIE_DELETE;
}

/* The store. */

static size_t lower_bound(const struct store *s, struct str key)
{
    size_t low = 0, high = s->keys.n;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (str_compare(s->keys.at[middle].key, key) < 0) low = middle + 1;
        else high = middle;
    }
    return low;
}

static struct key *find(struct store *s, struct str key)
{
    size_t i = lower_bound(s, key);

    return i < s->keys.n && str_equal(s->keys.at[i].key, key) ? &s->keys.at[i] : NULL;
}

/* As of the revision; NULL if it was not there. */
static const struct version *version_at(const struct key *k, int64_t revision)
{
    for (size_t i = k->versions.n; i > 0; i--)
        if (k->versions.at[i - 1].mod <= revision) return k->versions.at[i - 1].version ? &k->versions.at[i - 1] : NULL;
    return NULL;
}

static void put(struct store *s, struct str key, struct str value, int64_t revision)
{
    struct key *k = find(s, key);
    struct version v = {value, revision, revision, 1};

    if (!k) {
        size_t i = lower_bound(s, key);
        (void)key_vec_reserve(&s->keys, 1);
        memmove(s->keys.at + i + 1, s->keys.at + i, (s->keys.n - i) * sizeof *s->keys.at);
        s->keys.n++;
        k = &s->keys.at[i];
        *k = (struct key){.key = arena_dup(&model.arena, key)};
    }
    const struct version *last = version_at(k, INT64_MAX);
    if (last) {
        v.create = last->create;
        v.version = last->version + 1;
    }
    v.value = arena_dup(&model.arena, value);
    version_vec_add(&k->versions, v);
}

static void erase(struct store *s, size_t i, int64_t revision)
{
    if (version_at(&s->keys.at[i], INT64_MAX))
        version_vec_add(&s->keys.at[i].versions, (struct version){.mod = revision});
}

static void store_done(struct store *s)
{
    for (size_t i = 0; i < s->keys.n; i++) version_vec_done(&s->keys.at[i].versions);
    key_vec_done(&s->keys);
    *s = (struct store){.revision = 1};
}

static void store_copy(const struct store *from, struct store *to)
{
    store_done(to);
    to->revision = from->revision;
    to->compacted = from->compacted;
    for (size_t i = 0; i < from->keys.n; i++) {
        struct key k = {.key = from->keys.at[i].key};
        for (size_t v = 0; v < from->keys.at[i].versions.n; v++) version_vec_add(&k.versions, from->keys.at[i].versions.at[v]);
        key_vec_add(&to->keys, k);
    }
}

static void set_back(struct store *s, int64_t revision)
{
    for (size_t i = 0; i < s->keys.n; i++) {
        struct version_vec *v = &s->keys.at[i].versions;
        while (v->n > 0 && v->at[v->n - 1].mod > revision) v->n--;
    }
    s->revision = revision;
    if (s->compacted > revision) s->compacted = revision;
}

static struct store *store_of(int node)
{
    return &model.stores[model.has_forked && node >= 0 && model.uses_other[node]];
}

/* Answering. */

static struct str shown(const struct call *c, struct str value, struct arena *arena)
{
    struct str copy = arena_dup(arena, value);
    bool lies = model.lie == LIE_GARBLE && !model.is_calm && c->endpoint == model.liar;
    uint64_t digest = lies ? hash_digest(value) : 0;

    if (lies && copy.n > 0 && digest % 10 < 4) { /* Always the same, as on a bad disk. */
        ((char *)(uintptr_t)copy.at)[digest / 16 % copy.n] ^= 1;
        model.has_lied = true;
    }
    return copy;
}

static void answer_range(struct call *c, const struct store *s, const struct etcd_range *r, bool after_puts, int64_t revision,
                         struct etcd_found *ret, size_t *bytes)
{
    struct str from = after_puts && r->after_puts.n ? r->after_puts : r->key;
    struct arena *arena = &c->answer.arena;

    *ret = (struct etcd_found){.at = arena_array(arena, s->keys.n + 1, sizeof *ret->at)};
    for (size_t i = lower_bound(s, from); i < s->keys.n; i++) {
        const struct key *k = &s->keys.at[i];
        const struct version *v = version_at(k, revision);
        if (r->end.n ? str_compare(k->key, r->end) >= 0 : !str_equal(k->key, from)) break;
        if (!v) continue;
        if (r->limit && ret->n == (size_t)r->limit) {
            ret->has_more = true;
            break;
        }
        ret->at[ret->n++] = (struct etcd_kv){.key = arena_dup(arena, k->key),
                                             .value = shown(c, v->value, arena),
                                             .create_revision = v->create,
                                             .mod_revision = v->mod,
                                             .version = v->version};
        *bytes += v->value.n;
    }
}

static bool may_put(struct store *s, const struct call *c)
{
    for (size_t i = 0; i < c->n_puts; i++) {
        const struct key *k = find(s, c->puts[i].key);
        if (k && version_at(k, INT64_MAX)) return false;
    }
    return c->n_puts > 0;
}

/* What the endpoint shows: all, or what it knew once. */
static int64_t shown_revision(const struct call *c, const struct store *s)
{
    if (model.lie == LIE_STALE && !model.is_calm && c->endpoint == model.liar && c->n_puts == 0 && model.stale_at > 0 &&
        model.stale_at < s->revision) {
        model.has_lied = true;
        return model.stale_at;
    }
    return s->revision;
}

static enum err commit(struct call *c)
{
    struct store *s = store_of(c->node);
    struct etcd_answer *a = &c->answer;
    size_t bytes = 0;
    int64_t head = shown_revision(c, s), revision = c->revision ? c->revision : head;

    if (c->kind == CALL_DELETE) {
        s->revision++;
        for (size_t i = lower_bound(s, c->ranges[0].key); i < s->keys.n && str_compare(s->keys.at[i].key, c->ranges[0].end) < 0; i++)
            erase(s, i, s->revision);
        return OK;
    }
    if (c->kind == CALL_STATUS) return OK;
    if (c->n_puts && model.is_full) return ERR_DISK;
    if (revision < s->compacted) return ERR_NOT_FOUND;
    if (revision > head) return ERR_UNAVAILABLE; /* "a future revision" */
    a->succeeded = may_put(s, c);
    if (a->succeeded) {
        s->revision++;
        for (size_t i = 0; i < c->n_puts; i++) put(s, c->puts[i].key, c->puts[i].value, s->revision);
        revision = s->revision;
    }
    a->revision = revision;
    if (c->n_puts && !a->succeeded) return OK; /* Refused: nothing is read. */
    a->n_ranges = c->n_ranges;
    a->ranges = arena_array(&a->arena, c->n_ranges, sizeof *a->ranges);
    for (size_t i = 0; i < c->n_ranges; i++)
        answer_range(c, s, &c->ranges[i], a->succeeded, revision, &a->ranges[i], &bytes);
    return model.answer_max && bytes > model.answer_max && !model.is_calm ? ERR_TOO_LARGE : OK;
}

static void call_free(struct call *c)
{
    arena_done(&c->arena);
    etcd_answer_done(&c->answer);
    mem_free(c);
}

static void come_back(void *context, bool happens)
{
    struct call *c = context;

    if (!happens || c->is_abandoned) {
        call_free(c);
        return;
    }
    c->is_answered = true;
    fiber_wake(c->waiting); /* It frees the call. */
}

static int64_t latency(void)
{
    return world_between(200, model.is_calm || !world_chance(50) ? 3 * MS : 400 * MS);
}

static void arrive(void *context, bool happens)
{
    struct call *c = context;

    if (!happens) {
        call_free(c);
        return;
    }
    if (model.is_down && c->kind != CALL_STATUS) {
        /* Nobody leads: it waits until somebody does, or is forgotten. */
        if (world_chance(500)) {
            world_at(world.now_us + world_between(100 * MS, 3 * S), arrive, c);
            return;
        }
        c->err = ERR_NET;
    } else {
        c->err = commit(c);
    }
    if (c->is_abandoned) {
        call_free(c);
        return;
    }
    if (c->answer_is_lost) {
        c->is_abandoned = true; /* The client will find so when its time is up. */
        c->waiting = NULL;
        return;
    }
    world_at(world.now_us + latency(), come_back, c);
}

/* Clients. */

static enum err give_up(struct etcd *e, enum err err, struct why *why)
{
    (void)fail(why, err, "etcd at %s: no answer", etcd_endpoint(e));
    etcd_move_on(e);
    return err;
}

static bool is_stopping(const struct etcd *e)
{
    return world.stops[e->node] || (e->stop && atomic_load(e->stop));
}

/* Waits for the call; OK: c->answer is good and the caller frees the call. */
static enum err wait_for(struct etcd *e, struct call *c, struct why *why)
{
    int64_t until_us = world.now_us + e->timeout_us;
    enum err err;

    while (!c->is_answered && world.now_us < until_us && !is_stopping(e)) (void)fiber_wait(until_us);
    if (!c->is_answered) {
        if (c->is_abandoned) call_free(c); /* Its answer was lost; nobody else knows it. */
        else c->is_abandoned = true;
        return give_up(e, ERR_NET, why);
    }
    err = c->err;
    if (err == OK) return OK;
    call_free(c);
    if (err == ERR_NET || err == ERR_UNAVAILABLE || err == ERR_DISK) return give_up(e, err, why);
    return fail(why, err, "etcd at %s: %s", etcd_endpoint(e), err_text(err));
}

static enum err send_call(struct etcd *e, struct call *c, struct why *why)
{
    bool is_cut = model.is_cut[e->node][e->at];
    int64_t delay = latency();

    must(fiber_self() != NULL);
    c->node = e->node;
    c->endpoint = (unsigned)e->at;
    c->waiting = fiber_self();
    if (is_stopping(e) || (!model.is_calm && (is_cut || world_chance(10)))) {
        bool was_sent = is_cut && world_chance(300);
        call_free(c);
        (void)fiber_wait(world.now_us + (was_sent ? e->timeout_us : 1 * MS));
        return give_up(e, was_sent ? ERR_NET : ERR_UNAVAILABLE, why);
    }
    if (!model.is_calm && world_chance(20)) c->answer_is_lost = true;
    if (!model.is_calm && world_chance(15)) delay = e->timeout_us + world_between(1 * MS, 8 * S);
    world_at(world.now_us + delay, arrive, c);
    return wait_for(e, c, why);
}

static struct call *call_new(enum call_kind kind, const struct etcd_put *puts, size_t n_puts, const struct etcd_range *ranges,
                             size_t n_ranges)
{
    struct call *c = mem_zalloc(sizeof *c);

    c->kind = kind;
    c->puts = arena_array(&c->arena, n_puts, sizeof *c->puts);
    c->ranges = arena_array(&c->arena, n_ranges, sizeof *c->ranges);
    c->n_puts = n_puts;
    c->n_ranges = n_ranges;
    for (size_t i = 0; i < n_puts; i++) {
        c->puts[i].key = arena_dup(&c->arena, puts[i].key);
        c->puts[i].value = arena_dup(&c->arena, puts[i].value);
    }
    for (size_t i = 0; i < n_ranges; i++) {
        c->ranges[i].key = arena_dup(&c->arena, ranges[i].key);
        c->ranges[i].after_puts = arena_dup(&c->arena, ranges[i].after_puts);
        c->ranges[i].end = arena_dup(&c->arena, ranges[i].end);
        c->ranges[i].limit = ranges[i].limit;
    }
    return c;
}

static enum err ask(struct etcd *e, struct call *c, struct etcd_answer *ret, struct why *why)
{
    TRY(send_call(e, c, why));
    etcd_answer_done(ret);
    *ret = c->answer;
    c->answer = (struct etcd_answer){0};
    call_free(c);
    return OK;
}

void etcd_answer_done(struct etcd_answer *a)
{
    if (!a) return;
    arena_done(&a->arena);
    *a = (struct etcd_answer){0};
}

enum err etcd_new(const struct etcd_options *options, struct etcd **ret, struct why *why)
{
    struct etcd *e;

    (void)why;
    must(world.node >= 0);
    e = mem_zalloc(sizeof *e);
    e->node = world.node;
    e->n_endpoints = options->n_endpoints && options->n_endpoints < ENDPOINTS ? options->n_endpoints : ENDPOINTS;
    e->timeout_us = e->timeout_max_us = (options->timeout_ms ? options->timeout_ms : 2000) * MS;
    e->stop = options->stop;
    for (size_t i = 0; i < e->n_endpoints; i++) (void)snprintf(e->names[i], sizeof e->names[i], "endpoint %zu", i);
    *ret = e;
    return OK;
}

void etcd_free(struct etcd *e)
{
    mem_free(e);
}

const char *etcd_endpoint(const struct etcd *e)
{
    return e->names[e->at];
}

size_t etcd_n_endpoints(const struct etcd *e)
{
    return e->n_endpoints;
}

void etcd_set_timeout(struct etcd *e, int64_t ms)
{
    e->timeout_us = ms > 0 && ms * MS < e->timeout_max_us ? ms * MS : e->timeout_max_us;
}

void etcd_move_on(struct etcd *e)
{
    e->at = (e->at + 1) % e->n_endpoints;
}

bool etcd_was_late(const struct etcd *e)
{
    (void)e;
    return false;
}

enum err etcd_ask_status(struct etcd *e, struct etcd_status *ret, struct why *why)
{
    TRY(ask(e, call_new(CALL_STATUS, NULL, 0, NULL, 0), &(struct etcd_answer){0}, why));
    *ret = (struct etcd_status){.version = "3.6.14", .has_leader = !model.is_down, .is_full = model.is_full};
    return OK;
}

enum err etcd_txn(struct etcd *e, const struct etcd_put *puts, size_t n_puts, const struct etcd_range *ranges,
                  size_t n_ranges, struct etcd_answer *ret, struct why *why)
{
    must(n_puts + n_ranges <= ETCD_OPS_MAX && n_puts + n_ranges > 0);
    return ask(e, call_new(CALL_TXN, puts, n_puts, ranges, n_ranges), ret, why);
}

enum err etcd_read(struct etcd *e, const struct etcd_range *range, int64_t revision, struct etcd_answer *ret, struct why *why)
{
    struct call *c = call_new(CALL_READ, NULL, 0, range, 1);

    c->revision = revision;
    return ask(e, c, ret, why);
}

enum err etcd_delete(struct etcd *e, struct str key, struct str end, struct why *why)
{
    struct etcd_range range = {.key = key, .end = end};

    return ask(e, call_new(CALL_DELETE, NULL, 0, &range, 1), &(struct etcd_answer){0}, why);
}

/* Trouble. */

static void falsify(struct store *s)
{
    int64_t newest = s->revision - (int64_t)world_below(4);

    for (size_t i = 0; i < s->keys.n; i++) {
        struct version_vec *v = &s->keys.at[i].versions;
        if (v->n != 1 || v->at[0].mod < newest || v->at[0].value.n == 0) continue;
        v->at[0].value = arena_dup(&model.arena, v->at[0].value);
        ((char *)(uintptr_t)v->at[0].value.at)[world_below(v->at[0].value.n)] ^= 4;
        model.has_lied = true;
        world_say("etcd falsifies a key created at revision %lld", (long long)v->at[0].create);
        return;
    }
}

static void overwrite(struct store *s)
{
    size_t i = s->keys.n ? world_below(s->keys.n) : 0;

    if (s->keys.n == 0 || !version_at(&s->keys.at[i], INT64_MAX)) return;
    put(s, s->keys.at[i].key, STR("something else"), ++s->revision);
    model.has_lied = true;
    world_say("etcd puts a key again, at revision %lld", (long long)s->revision);
}

static void delete(struct store *s)
{
    size_t i = s->keys.n ? world_below(s->keys.n) : 0;

    if (s->keys.n == 0 || !version_at(&s->keys.at[i], INT64_MAX) || !world_chance(100)) return;
    erase(s, i, ++s->revision);
    model.has_lied = true;
    world_say("a slot is deleted from etcd at revision %lld", (long long)s->revision);
}

static void tell_lie(void)
{
    struct store *s = &model.stores[0];

    switch (model.lie) {
    case LIE_STALE: model.stale_at = world_chance(500) ? 0 : s->revision; break;
    case LIE_OVERWRITE: overwrite(s); break;
    case LIE_FALSIFY: falsify(s); break;
    case LIE_DELETE: delete(s); break;
    case LIE_FORK:
        if (model.has_forked) return;
        store_copy(s, &model.stores[1]);
        model.has_forked = model.has_lied = true;
        world_say("etcd forks at revision %lld", (long long)s->revision);
        break;
    case LIE_FORGET:
        if (model.has_lied || s->revision < 12) return;
        model.has_lied = true;
        set_back(s, s->revision - world_between(1, 8));
        world_say("etcd forgets what came after revision %lld", (long long)s->revision);
        break;
    default: break;
    }
}

void etcd_model_trouble(void)
{
    struct store *s = &model.stores[0];

    if (world_chance(60)) {
        bool *link = &model.is_cut[world_below(WORLD_NODES_MAX)][world_below(ENDPOINTS)];
        *link = !*link && world_chance(400);
    }
    if (!model.is_lost && world_chance(model.is_down ? 200 : 5)) {
        model.is_down = !model.is_down;
        world_say("etcd %s", model.is_down ? "has no leader" : "has a leader again");
    }
    if (world_chance(model.is_full ? 100 : 3)) model.is_full = !model.is_full;
    if (world_chance(20) && !model.has_forked && !model.keeps_all)
        s->compacted = s->revision - (int64_t)world_below((uint64_t)(s->revision - s->compacted) + 1);
    if (world_chance(40)) tell_lie();
}

void etcd_model_calm(void)
{
    model.is_calm = true;
    model.is_down = model.is_lost;
    model.is_full = false;
}

void etcd_model_lose(void)
{
    struct store *s = &model.stores[0];

    model.is_lost = model.is_down = true;
    if (world_chance(400)) store_done(s);
    else set_back(s, s->revision - (int64_t)world_below((uint64_t)s->revision));
    world_say("etcd is lost but for what it had at revision %lld", (long long)s->revision);
}

bool etcd_model_is_lost(void)
{
    return model.is_lost;
}

void etcd_model_rebuilt(void)
{
    model.is_lost = model.is_down = false;
}

bool etcd_model_has_lied(void)
{
    return model.has_lied;
}

void etcd_model_put(struct str key, struct str value)
{
    put(&model.stores[0], key, value, ++model.stores[0].revision);
}

void etcd_model_delete(struct str key)
{
    struct store *s = &model.stores[0];

    if (find(s, key)) erase(s, lower_bound(s, key), ++s->revision);
}

bool etcd_model_has(struct str key)
{
    const struct key *k = find(&model.stores[0], key);

    return k && version_at(k, INT64_MAX);
}

void etcd_model_begin(enum lie lie, bool keeps_all)
{
    model.keeps_all = keeps_all;
    for (int i = 0; i < N_STORES; i++) model.stores[i].revision = 1;
    model.lie = lie;
    model.liar = (unsigned)world_below(ENDPOINTS);
    model.answer_max = world_chance(150) ? (size_t)world_between(2000, 20000) : 0;
    for (int i = 0; i < WORLD_NODES_MAX; i++) model.uses_other[i] = world_chance(500);
}

void etcd_model_end(void)
{
    for (int i = 0; i < N_STORES; i++) store_done(&model.stores[i]);
    arena_done(&model.arena);
    memset(&model, 0, sizeof model);
}
