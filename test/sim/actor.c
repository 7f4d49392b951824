/* actor.c - a node's fiber: starts, steps, dies; and what clients ask of it.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "actor.h"

#include <stdio.h>

#include "actor_link.h"
#include "base/hex.h"
#include "cast.h"
#include "disk.h"
#include "hostile.h"
#include "journal/etcd.h"
#include "judge.h"
#include "node/peers.h"
#include "state/member.h"

struct actor {
    int node;
    struct fiber *fiber; /* NULL: down. */
    bool is_idle;        /* Its fiber waits for something to do. */
    enum { END_SOFT, END_KILLED, END_WITHOUT_POWER } ends;
    bool is_broken, was_broken; /* It takes no more writes. */
    bool has_lost_marks; /* A disk failed: what it had been told to remember may be gone. */
    int64_t up_us;       /* When it starts again. */
    unsigned life;
    char dir[16];

    struct node *n;      /* NULL: down, or starting. */
    struct peer_link link;
    uint64_t n_observed;
    struct ask *first;   /* Not answered yet. */
    char words[400];
};

static struct actor actors[WORLD_NODES_MAX];
struct actor_counts actor_counts;
static bool is_calm;

struct node *actor_node(int node)
{
    return actors[node].n;
}

static bool has_ended(const struct actor *a)
{
    return world.stops[a->node] || disk_is_cut(a->node);
}

/* Watching. */

void actor_observe(int node)
{
    struct actor *a = &actors[node];
    AUTO(buf_done) struct buf entry = {0}, outcome = {0};
    struct state_pin pin;
    const struct view *v;
    struct why why = {0};

    if (!a->n || has_ended(a)) return;
    v = state_read(node_state(a->n), &pin);
    for (; a->n_observed < v->position; a->n_observed++) {
        uint64_t leaf = 2 * a->n_observed;
        buf_clear(&entry);
        buf_clear(&outcome);
        enum err err = node_leaf(a->n, leaf, &entry, &why);
        if (err == OK) err = node_leaf(a->n, leaf + 1, &outcome, &why);
        if (err == ERR_NOT_FOUND && leaf == 0) break; /* Genesis' outcome is stored with what comes next. */
        if (err != OK && disk_has_faults(node)) break;
        if (err != OK) {
            judge_fail("node %d cannot read entry %llu: %s", node, (unsigned long long)a->n_observed, why.text);
            break;
        }
        actor_counts.n_entries++;
        judge_applied(node, a->n_observed, buf_str(&entry), buf_str(&outcome));
    }
    judge_published(node, v);
    state_done_reading(&pin);
}

static struct node_status status_of(const struct actor *a)
{
    struct node_status s = {0};

    if (a->n) node_status(a->n, &s);
    return s;
}

static struct peers_status peers_of(const struct actor *a);

static void note_broken(struct actor *a)
{
    struct node_status s = status_of(a);

    if (a->n && !has_ended(a) && strstr(peers_of(a).round.refused_because.text, "cannot write")) { /* Its operator sees that. */
        a->is_broken = a->has_lost_marks = true;
        world_say("signs no more: %s", peers_of(a).round.refused_because.text);
    }
    if (!a->n || s.takes_writes || has_ended(a) || a->is_broken) return;
    a->is_broken = true;
    a->has_lost_marks = true;
    world_say("broken: %s", s.stopped_because.text);
}

/* Asks. */

void ask_done(struct ask *a)
{
    arena_done(&a->arena);
}

static void drop(struct actor *a, struct ask *ask)
{
    struct ask **at = &a->first;

    while (*at && *at != ask) at = &(*at)->next;
    must(*at == ask);
    *at = ask->next;
}

static void answer(struct ask *ask, enum ask_result result)
{
    struct actor *a = &actors[ask->node];

    drop(a, ask);
    ask->result = has_ended(a) ? ASK_LOST : result;
    ask->done(ask);
}

static void written(struct pending *p)
{
    struct ask *ask = (struct ask *)((char *)p - offsetof(struct ask, pending));
    struct actor *a = &actors[ask->node];

    if (has_ended(a)) {
        answer(ask, ASK_LOST);
        return;
    }
    ask->hash = p->entry_hash;
    if (p->err == OK) {
        actor_observe(a->node);
        ask->reason = p->outcome.reason;
        ask->token_digest = p->outcome.token_digest;
        ask->position = p->position;
        ask->index = judge_wrote(a->node, ask->floor, p->position, &p->entry_hash);
        answer(ask, ASK_DONE);
    } else if (p->is_unclear) {
        answer(ask, ASK_UNCLEAR);
    } else {
        answer(ask, ASK_REFUSED);
    }
}

static void looked(struct barrier *b)
{
    struct ask *ask = (struct ask *)((char *)b - offsetof(struct ask, barrier));
    struct actor *a = &actors[ask->node];
    struct state_pin pin;

    if (has_ended(a) || b->err != OK) {
        answer(ask, ASK_REFUSED);
        return;
    }
    actor_observe(a->node);
    ask->view = state_read(node_state(a->n), &pin);
    ask->position = ask->view->position;
    judge_read(a->node, ask->floor, ask->position);
    answer(ask, ASK_DONE);
    state_done_reading(&pin);
}

static void passed(struct passing *p)
{
    struct ask *ask = (struct ask *)((char *)p - offsetof(struct ask, passing));
    struct actor *a = &actors[ask->node];

    if (!has_ended(a) && p->err == OK) {
        actor_observe(a->node);
        ask->reason = p->outcomes[0];
        ask->position = p->position;
        ask->index = judge_wrote(a->node, ask->floor, p->position, &p->hash);
    }
    answer(ask, p->err == OK ? ASK_DONE : p->is_unclear ? ASK_UNCLEAR : ASK_REFUSED);
}

static void ask_write(struct actor *a, struct ask *ask)
{
    struct state_pin pin;
    const struct view *v = state_read(node_state(a->n), &pin);
    bool is_made;

    arena_clear(&ask->arena);
    ask->pending = (struct pending){.done = written, .arena = &ask->arena};
    is_made = ask->make(ask->context, v, &ask->arena, &ask->pending.change, &ask->pending.participant);
    state_done_reading(&pin);
    if (is_made) node_propose(a->n, &ask->pending);
    else answer(ask, ASK_NOTHING);
}

static void ask_fate(struct actor *a, struct ask *ask)
{
    ask->fate = node_fate(a->n, &ask->hash);
    if (ask->fate == NODE_UNKNOWN && !a->has_lost_marks) judge_fail("node %d knows nothing of an entry that it had called unclear", a->node);
    if (ask->fate == NODE_COMMITTED) {
        actor_observe(a->node);
        judge_committed(a->node, &ask->hash);
    }
    if (ask->fate == NODE_ABSENT) judge_absent(a->node, &ask->hash);
    answer(ask, ASK_DONE);
}

void actor_ask(int node, struct ask *ask)
{
    struct actor *a = &actors[node];
    int before = world.node;

    must(a->n && !fiber_self());
    ask->node = node;
    ask->next = a->first;
    a->first = ask;
    world.node = node;
    switch (ask->kind) {
    case ASK_WRITE: ask_write(a, ask); break;
    case ASK_FATE: ask_fate(a, ask); break;
    case ASK_READ:
        ask->barrier = (struct barrier){.done = looked};
        node_barrier(a->n, &ask->barrier);
        break;
    case ASK_PASS:
        ask->passing = (struct passing){.bytes = ask->bytes, .done = passed};
        node_pass(a->n, &ask->passing);
        break;
    }
    world.node = before;
    if (a->is_idle) fiber_wake(a->fiber);
}

/* Life. */

static int64_t steady_us(void *context)
{
    const struct actor *a = context;

    return world.now_us + S + world.steady_us[a->node];
}

static int64_t wall_us(void *context)
{
    const struct actor *a = context;

    return WORLD_START_US + world.now_us + world.skew_us[a->node];
}

static void run_steps(struct actor *a)
{
    while (!has_ended(a) && !a->is_broken) {
        int64_t due_us = node_step(a->n) - S - world.steady_us[a->node];
        actor_observe(a->node);
        note_broken(a);
        if (has_ended(a) || a->is_broken) return;
        a->is_idle = true;
        (void)fiber_wait(due_us > world.now_us + 500 ? due_us : world.now_us + 500);
        a->is_idle = false;
    }
}

static void live(void *context)
{
    struct actor *a = context;
    struct node_world of = {.wall_us = wall_us, .steady_us = steady_us, .context = a};
    struct etcd_options etcd = {.n_endpoints = 3, .allow_old = true, .timeout_ms = 500};
    struct node_options options = {.dir = a->dir,
                                   .genesis = buf_str(&cast.genesis),
                                   .etcd = &etcd,
                                   .tick_us = world_between(2 * S, 6 * S),
                                   .upkeep_ms = (int)world_between(300, 30000),
                                   .snapshot_entries = (uint64_t)world_between(5, 200),
                                   .link = &a->link,
                                   .world = &of,
                                   .is_stepped = true};
    struct why why = {0};
    struct node *n = NULL;
    char url[CAST_URL_MAX];
    char urls[WORLD_NODES_MAX][CAST_URL_MAX];
    struct str peers[WORLD_NODES_MAX];

    /* Whoever holds genesis alone, when the first slots have gone from etcd, finds nobody without them. */
    options.peer_urls = peers;
    for (int i = 0; i < (int)cast.n_nodes; i++) {
        if (i == a->node || hostile_is(i)) continue;
        cast_url(i, urls[i]);
        peers[options.n_peer_urls++] = str_of(urls[i]);
    }
    world_say("starts");
    judge_restarted(a->node);
    a->n_observed = 0;
    link_make(a->node, a->life, &a->link);
    if (node_start(&options, &n, &why) != OK) {
        if (!has_ended(a)) {
            a->is_broken = a->has_lost_marks = true;
            (void)snprintf(a->words, sizeof a->words, "%s", why.text);
            world_say("does not start: %s", why.text);
        }
    } else {
        a->n = n;
        a->was_broken = false;
        cast_url(a->node, url);
        peers_announce(node_peers(n), str_of(url));
        actor_observe(a->node);
        run_steps(a);
        struct node_status s = status_of(a);
        (void)snprintf(a->words, sizeof a->words, "%s", s.stopped_because.text);
        actor_counts.n_squatted += s.order.squatted;
        actor_counts.n_garbage += s.order.garbage;
        actor_counts.n_disputed += s.order.disputed;
        actor_counts.n_overwritten += s.order.overwritten;
        actor_counts.n_stale += s.order.stale;
        if (a->ends != END_SOFT) disk_cut(a->node);
        world.stops[a->node] = true;
        node_stop(n);
        a->n = NULL;
    }
    while (a->first) answer(a->first, ASK_LOST);
    link_set_life(a->node, 0);
    world_say(disk_is_cut(a->node) ? "has ended, without a word" : "has ended");
}

static void start(struct actor *a)
{
    actor_counts.n_restarts += a->life > 0;
    a->life++;
    world.stops[a->node] = false;
    a->was_broken = a->is_broken;
    a->is_broken = a->is_idle = false;
    a->ends = END_SOFT;
    a->fiber = fiber_new(live, a, a->node);
    fiber_wake(a->fiber);
}

/* The fiber has ended: its machine is off until up_us. */
static void bury(struct actor *a)
{
    if (!a->fiber || !fiber_has_ended(a->fiber)) return;
    fiber_free(a->fiber);
    a->fiber = NULL;
    disk_restart(a->node, a->ends != END_WITHOUT_POWER);
    a->up_us = world.now_us + (a->is_broken ? 2 * S : is_calm ? 10 * MS : world_between(10 * MS, 4 * S));
}

static void end(struct actor *a)
{
    if (!a->fiber) return;
    world.stops[a->node] = true;
    if (a->ends != END_SOFT) disk_cut(a->node);
    for (int i = 0; !fiber_has_ended(a->fiber); i++) {
        must(i < 1000);
        fiber_wake(a->fiber); /* What it waits for does not come any more. */
    }
    bury(a);
}

static void trouble(struct actor *a)
{
    if (disk_is_cut(a->node)) { /* At a moment that was chosen before. */
        a->ends = END_WITHOUT_POWER;
        end(a);
    } else if (world_chance(3)) {
        a->ends = world_chance(400) ? END_WITHOUT_POWER : world_chance(700) ? END_KILLED : END_SOFT;
        end(a);
    } else if (world_chance(2)) {
        disk_cut_at(a->node, (int)world_between(1, 12));
    } else if (world_chance(1)) {
        a->has_lost_marks = true;
        disk_fail_write(a->node, (int)world_between(1, 10), world_chance(500));
    } else if (world_chance(1)) {
        a->has_lost_marks = true;
        disk_fail_sync(a->node, (int)world_between(1, 4));
    }
}

void actors_trouble(void)
{
    for (size_t i = 0; i < cast.n_nodes; i++) {
        struct actor *a = &actors[i];
        bury(a);
        if (!a->fiber) {
            if (world.now_us >= a->up_us && !hostile_is(a->node) && !cast.is_out[i]) start(a);
        } else if (!is_calm) {
            trouble(a);
        }
    }
    if (!is_calm) link_trouble();
}

void actors_calm(void)
{
    is_calm = true;
    link_calm();
    for (size_t i = 0; i < cast.n_nodes; i++) {
        if (disk_is_cut((int)i)) {
            actors[i].ends = END_WITHOUT_POWER;
            end(&actors[i]);
        }
        disk_heal((int)i);
        bury(&actors[i]);
        if (!actors[i].fiber) actors[i].up_us = world.now_us;
    }
}

static void install_key(const struct actor *a, const char *name, const struct key_secret *key)
{
    char path[64], text[65];

    (void)snprintf(path, sizeof path, "%s/keys/%s.key", a->dir, name);
    hex_encode(key->seed, 32, text);
    text[64] = '\n';
    disk_put(path, str_make(text, sizeof text));
}

/* A founder's root joined it already; another's lies there until it does. */
static void install(const struct actor *a)
{
    size_t keys = cast_keys(a->node);
    unsigned member = (unsigned)a->node % cast.n_members;
    char path[64];

    (void)snprintf(path, sizeof path, "%s/keys", a->dir);
    disk_put_folder(path);
    install_key(a, "entry", &cast.entries[keys]);
    install_key(a, "log", &cast.logs[keys]);
    install_key(a, "mirror", &cast.mirrors[keys]);
    install_key(a, "http", &cast.mirrors[keys]);
    if (member >= cast.n_founders) install_key(a, "root", &cast.roots[member]);
}

void actor_stop(int node)
{
    struct actor *a = &actors[node];

    if (disk_is_cut(node)) a->ends = END_WITHOUT_POWER;
    end(a);
    disk_heal(node);
}

void actor_start_at(int node, int64_t at_us)
{
    actors[node].up_us = at_us;
}

void actor_replace_keys(int node)
{
    struct actor *a = &actors[node];

    end(a);
    cast.has_new_keys[node] = true;
    judge_has_new_keys(node);
    install(a);
}

void actors_begin(void)
{
    is_calm = false;
    link_begin();
    memset(actors, 0, sizeof actors);
    for (size_t i = 0; i < cast.n_nodes; i++) {
        actors[i].node = (int)i;
        (void)snprintf(actors[i].dir, sizeof actors[i].dir, "/sim/%d", (int)i);
        install(&actors[i]);
    }
}

void actors_end(void)
{
    for (size_t i = 0; i < cast.n_nodes; i++) end(&actors[i]);
}

/* How they stand. */

static struct peers_status peers_of(const struct actor *a)
{
    struct peers_status s = {0};

    int before = world.node;

    if (a->n && !has_ended(a)) {
        world.node = a->node;
        peers_status(node_peers(a->n), &s);
        world.node = before;
    }
    return s;
}

bool actor_is_up(int node)
{
    return actors[node].n != NULL && !has_ended(&actors[node]);
}

bool actor_is_alone(int node)
{
    struct state_pin pin;

    if (!actor_is_up(node)) return false;
    bool is_alone = view_n_counted(state_read(node_state(actor_node(node)), &pin)) == 1;
    state_done_reading(&pin);
    return is_alone;
}

bool actor_hears_majority(int node, const bool is_here[WORLD_NODES_MAX])
{
    uint8_t authors[WORLD_NODES_MAX][8];
    struct state_pin pin;
    size_t n = 0;

    if (!actor_is_up(node)) return false;
    for (int i = 0; i < (int)cast.n_nodes; i++)
        if (is_here[i] && actor_is_up(i)) node_author(actor_node(i), authors[n++]);
    bool does = view_is_majority(state_read(node_state(actor_node(node)), &pin), authors, n);
    state_done_reading(&pin);
    return does;
}

bool actor_is_broken(int node)
{
    return actors[node].is_broken || actors[node].was_broken;
}

bool actor_is_behind(int node)
{
    struct node_status s = status_of(&actors[node]);

    return !s.has_etcd || !s.is_joined;
}

bool actor_has_settled(int node)
{
    struct node_status s = status_of(&actors[node]);

    return s.takes_writes && s.is_joined && s.n_unsettled == 0;
}

bool actor_is_divided(int node)
{
    return peers_of(&actors[node]).round.fork.is_divided;
}

bool actor_has_proof(int node)
{
    return peers_of(&actors[node]).n_proofs > 0;
}

bool actor_is_refused(int node)
{
    struct peers_status s = peers_of(&actors[node]);

    return s.is_seated && s.round.state == ROUND_REFUSED;
}

uint64_t actor_position(int node)
{
    return actors[node].n_observed;
}

uint64_t actor_full_size(int node)
{
    return peers_of(&actors[node]).round.full_size;
}

const char *actor_words(int node)
{
    struct actor *a = &actors[node];
    struct node_status s = status_of(a);
    struct peers_status p = peers_of(a);

    if (a->n)
        (void)snprintf(a->words, sizeof a->words, "%s%s, %llu unsettled, etcd: %.140s, %s %.60s, %u present, own %llu, clock off %d, %zu proofs", s.takes_writes ? "writes" : "writes no more",
                       s.is_joined ? "" : ", has not joined", (unsigned long long)s.n_unsettled, s.has_etcd ? "fine" : s.etcd_why.text,
                       p.is_seated ? round_state_name(p.round.state) : "not seated", p.round.refused_because.text,
                       p.round.n_present, (unsigned long long)p.round.own_size, (int)p.clock_off_s, p.n_proofs);
    return a->words;
}
