/* actor_round.c - a node signs together with the others: its round, its store of heads, and the network between.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>

#include "actor_internal.h"
#include "disk.h"
#include "judge.h"
#include "node/exchange.h"

enum kind { POST, ANSWER, ASK, TOLD };

struct message {
    enum kind kind;
    int from, to;
    unsigned life;         /* Of the asker: answers to an earlier life are lost with their connection. */
    uint64_t size;         /* ANSWER: of what was posted. */
    struct hash root;
    enum exchange_kind is; /* ANSWER */
    struct buf body;
};

static struct {
    bool is_calm;
    bool is_cut[WORLD_NODES_MAX][WORLD_NODES_MAX];
    unsigned lost, doubled; /* Per mille. */
} net;

static void work(struct actor *a);
static void alarm(struct actor *a);

static struct round_time now_of(const struct actor *a)
{
    return (struct round_time){
        .ms = (world.now_us + S + world.steady_us[a->node]) / MS,
        .unix_s = (uint64_t)((WORLD_START_US + world.now_us + world.skew_us[a->node]) / S),
    };
}

static const struct hash *root_of(const struct actor *a, uint64_t size)
{
    return size > 0 && size % 2 == 0 && size / 2 <= a->roots.n ? &a->roots.at[size / 2 - 1] : NULL;
}

/* As root_of(), for the note in body. */
static const struct hash *root_at_note(const struct actor *a, struct str body)
{
    uint64_t size;
    struct hash root;

    return body.n > 0 && head_peek(&cast.seats, body, &size, &root, NULL) == OK ? root_of(a, size) : NULL;
}

static struct round_status status(const struct actor *a)
{
    struct round_status st = {0};

    if (a->round) round_status(a->round, now_of(a), &st);
    return st;
}

/* Delivery. */

static void send(struct message m, struct str body);

static void deliver_post(struct actor *a, const struct message *m)
{
    AUTO(buf_done) struct buf body = {0};
    struct message back = {.kind = ANSWER, .from = m->to, .to = m->from, .life = m->life};
    struct str note = buf_str(&m->body);
    struct why why = {0};
    uint64_t size;
    struct hash root;

    if (exchange_read_round(note, &why) != OK || head_peek(&cast.seats, note, &size, &root, &why) != OK ||
        round_note(a->round, (size_t)m->from, note, root_of(a, size), now_of(a), &why) != OK) {
        judge_fail("node %d does not take the note of node %d: %s", m->to, m->from, why.text);
        return;
    }
    work(a);
    back.is = round_answer(a->round, (size_t)m->from, size, &root, &body);
    back.size = size;
    back.root = root;
    send(back, buf_str(&body));
}

static void deliver_answer(struct actor *a, const struct message *m)
{
    struct exchange_answer answer;
    struct str body = buf_str(&m->body);
    const struct hash *own = m->is == EXCHANGE_LINES ? NULL : root_at_note(a, body);
    struct why why = {0};

    if (exchange_read_answer(exchange_status(m->is), body, &answer, &why) != OK ||
        round_answered(a->round, (size_t)m->from, m->size, &m->root, &answer, own, now_of(a), &why) != OK)
        judge_fail("node %d does not take the answer of node %d: %s", m->to, m->from, why.text);
    work(a);
}

static void deliver_ask(struct actor *a, const struct message *m)
{
    AUTO(buf_done) struct buf body = {0};
    struct message back = {.kind = TOLD, .from = m->to, .to = m->from, .life = m->life};

    round_heard(a->round, (size_t)m->from, now_of(a));
    (void)round_head_of(a->round, (size_t)m->from, &body);
    send(back, buf_str(&body));
}

static void deliver_told(struct actor *a, const struct message *m)
{
    struct why why = {0};

    if (round_told(a->round, (size_t)m->from, buf_str(&m->body), root_at_note(a, buf_str(&m->body)), now_of(a), &why) != OK)
        judge_fail("node %d does not take what node %d tells: %s", m->to, m->from, why.text);
    work(a);
}

static void deliver(void *context, bool happens)
{
    struct message *m = context;
    struct actor *a = &actors[m->to];
    bool is_answer = m->kind == ANSWER || m->kind == TOLD;

    if (happens && a->round && !(is_answer && a->life != m->life)) {
        world.node = m->to;
        switch (m->kind) {
        case POST: deliver_post(a, m); break;
        case ANSWER: deliver_answer(a, m); break;
        case ASK: deliver_ask(a, m); break;
        case TOLD: deliver_told(a, m); break;
        }
        if (a->round) alarm(a);
        world.node = -1;
    }
    buf_done(&m->body);
    mem_free(m);
}

static void send(struct message m, struct str body)
{
    int copies = !net.is_calm && world_chance(net.doubled) ? 2 : 1;

    if (!net.is_calm && (world_chance(net.lost) || net.is_cut[m.from][m.to])) return;
    for (; copies > 0; copies--) {
        struct message *copy = mem_dup(&m, sizeof m);
        copy->body = (struct buf){0};
        buf_add_str(&copy->body, body);
        world_at(world.now_us + world_between(1 * MS, net.is_calm ? 20 * MS : world_chance(50) ? 1500 * MS : 80 * MS), deliver, copy);
    }
}

/* Signing. */

static void sign(struct actor *a, const struct round_act *act)
{
    AUTO(buf_done) struct buf note = {0};
    struct round_status st;
    struct why why = {0};

    if (a->journal == NULL || disk_is_cut(a->node)) {
        round_put_off(a->round, now_of(a));
        return;
    }
    round_status(a->round, now_of(a), &st);
    head_sign(&cast.seats, (size_t)a->node, act->size, &act->root, act->time_s, &cast.logs[a->node], &cast.mirrors[a->node], &note);
    if (heads_swap(a->heads, st.own_size, act->size, &act->root, buf_str(&note), &why) != OK) {
        world_say("heads: %s", why.text);
        round_failed(a->round, &why);
        a->is_broken |= !disk_is_cut(a->node); /* It is started again. */
        return;
    }
    world_say("signs %llu", (unsigned long long)act->size);
    judge_signed(a->node, act->size, &act->root, act->time_s);
    actor_counts.n_heads++;
    round_signed(a->round, buf_str(&note), now_of(a));
}

static void work(struct actor *a)
{
    for (;;) {
        AUTO(buf_done) struct buf body = {0};
        struct round_act act = round_next(a->round, now_of(a));
        struct message m = {.from = a->node, .to = (int)act.to, .life = a->life, .size = act.size, .root = act.root};
        if (act.what == ROUND_NOTHING) return;
        if (act.what == ROUND_COMPARE) {
            must(root_of(a, act.size) != NULL);
            round_compared(a->round, act.size, root_of(a, act.size), now_of(a));
        }
        if (act.what == ROUND_SIGN) sign(a, &act);
        if (act.what == ROUND_SEND) {
            m.kind = POST;
            must(round_newest(a->round, &body));
            send(m, buf_str(&body));
        }
        if (act.what == ROUND_ASK) {
            m.kind = ASK;
            send(m, STR(""));
        }
    }
}

struct ring {
    struct actor *actor;
    unsigned life;
    int64_t at_us;
};

static void ring(void *context, bool happens)
{
    struct ring *r = context;
    struct actor *a = r->actor;

    if (happens && a->round && a->life == r->life && a->wake_at_us == r->at_us) {
        world.node = a->node;
        a->wake_at_us = 0;
        work(a);
        alarm(a);
        world.node = -1;
    }
    mem_free(r);
}

/* Has the round asked again when it may have something. */
static void alarm(struct actor *a)
{
    int64_t wait_ms = round_wait(a->round, now_of(a)), at_us = world.now_us + (wait_ms < 1 ? 1 : wait_ms > 1000 ? 1000 : wait_ms) * MS;
    struct ring *r;

    if (a->wake_at_us && a->wake_at_us <= at_us) return;
    a->wake_at_us = at_us;
    r = mem_zalloc(sizeof *r);
    *r = (struct ring){a, a->life, at_us};
    world_at(at_us, ring, r);
}

void actor_round_grew(struct actor *a)
{
    round_grew(a->round, 2 * a->roots.n, &a->roots.at[a->roots.n - 1], now_of(a));
    work(a);
    alarm(a);
}

bool actor_round_begin(struct actor *a)
{
    char path[32];
    AUTO(buf_done) struct buf note = {0};
    struct why why = {0};
    enum err err;

    (void)snprintf(path, sizeof path, "%s/heads", a->dir);
    a->wake_at_us = 0;
    err = heads_renew(path, &why);
    if (err == OK) err = heads_open(path, &a->heads, &why);
    if (err == ERR_NOT_FOUND && heads_create(path, &why) == OK) err = heads_open(path, &a->heads, &why);
    if (err != OK) {
        if (!disk_is_cut(a->node)) judge_fail("node %d: %s", a->node, why.text);
        return false;
    }
    uint64_t size = 0;
    (void)heads_last(a->heads, &size, NULL, &note);
    world_say("opens its heads at %llu", (unsigned long long)size);
    err = round_new(&cast.seats, (size_t)a->node, buf_str(&note), now_of(a), &a->round, &why);
    if (err != OK) {
        judge_fail("node %d: %s", a->node, why.text);
        return false;
    }
    if (a->is_refused) {
        (void)fail(&why, ERR_CONFLICT, "refused in an earlier life");
        round_failed(a->round, &why);
    }
    return true;
}

static void say_refused(struct actor *a)
{
    struct round_status st = status(a);

    if (st.state == ROUND_REFUSED && !a->is_refused) world_say("signs no more: %s", st.refused_because.text);
}

void actor_round_end(struct actor *a)
{
    say_refused(a);
    if (a->round) a->is_refused |= actor_is_refused(a->node) && !disk_is_cut(a->node) && !a->is_broken;
    round_free(a->round);
    heads_close(a->heads);
    a->round = NULL;
    a->heads = NULL;
}

bool actor_may_write(const struct actor *a)
{
    struct round_status st = status(a);

    return !st.fork.is_divided || st.fork.may_write;
}

bool actor_is_divided(int node)
{
    return status(&actors[node]).fork.is_divided;
}

bool actor_is_refused(int node)
{
    return actors[node].is_refused || status(&actors[node]).state == ROUND_REFUSED;
}

uint64_t actor_full_size(int node)
{
    return status(&actors[node]).full_size;
}

void actor_round_reset(void)
{
    memset(&net, 0, sizeof net);
}

void actor_round_calm(void)
{
    net.is_calm = true;
}

void actor_round_trouble(void)
{
    if (net.lost == 0) {
        net.lost = (unsigned)world_between(5, 200);
        net.doubled = (unsigned)world_between(5, 150);
    }
    if (world_chance(20)) net.is_cut[world_below(cast.n_nodes)][world_below(cast.n_nodes)] ^= true;
    if (world_chance(3)) { /* One side against the other. */
        uint64_t side = world_below(UINT64_C(1) << cast.n_nodes);
        for (size_t i = 0; i < cast.n_nodes; i++)
            for (size_t k = 0; k < cast.n_nodes; k++) net.is_cut[i][k] = (side >> i & 1) != (side >> k & 1);
    }
    if (world_chance(10)) memset(net.is_cut, 0, sizeof net.is_cut);
}
