/* actor_link.c - the network between nodes: calls that are lost, late, doubled, cut off.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "actor_link.h"

#include <stdio.h>

#include "actor.h"
#include "base/mem.h"
#include "cast.h"
#include "council.h"
#include "judge.h"
#include "node/exchange.h"
#include "node/peers.h"

/* A call there, or its answer back. */
struct message {
    bool is_answer, is_post;
    int from, to;
    unsigned life; /* Of who called. */
    struct buf target, body;
    void (*answered)(void *context, uint64_t tag, enum err err, int status, struct str body);
    void *context;
    uint64_t tag;
    bool *is_over; /* Shared by all that comes of one call: it is answered once. */
    unsigned *n_left;
    enum err err;
    int status;
};

static struct {
    bool is_calm;
    bool is_cut[WORLD_NODES_MAX][WORLD_NODES_MAX];
    unsigned lost, doubled; /* Per mille. */
    unsigned lives[WORLD_NODES_MAX];
    int places[WORLD_NODES_MAX]; /* i at i: what a link's context points to. */
} net;

static void message_free(struct message *m)
{
    if (--*m->n_left == 0) {
        mem_free(m->is_over);
        mem_free(m->n_left);
    }
    buf_done(&m->target);
    buf_done(&m->body);
    mem_free(m);
}

static struct message *message_copy(const struct message *m)
{
    struct message *copy = mem_dup(m, sizeof *m);

    copy->target = copy->body = (struct buf){0};
    buf_add_str(&copy->target, buf_str(&m->target));
    buf_add_str(&copy->body, buf_str(&m->body));
    ++*m->n_left;
    return copy;
}

static void arrive(void *context, bool happens);

static void send(struct message *m, int64_t in_us)
{
    world_at(world.now_us + in_us, arrive, m);
}

static int64_t latency(void)
{
    return world_between(1 * MS, net.is_calm ? 20 * MS : world_chance(50) ? 1500 * MS : 80 * MS);
}

static bool is_lost(int from, int to)
{
    return !net.is_calm && (world_chance(net.lost) || net.is_cut[from][to]);
}

/* The node is asked, as by its API. */
static void serve(const struct message *m)
{
    struct peers *p = node_peers(actor_node(m->to));
    struct message *back = message_copy(m);
    enum exchange_kind kind = EXCHANGE_EARLY;
    uint64_t clock_s = (uint64_t)((WORLD_START_US + world.now_us + world.skew_us[m->from]) / S);
    struct exchange_query query;
    struct why why = {0};
    enum err err = peers_heard(p, cast.ids[cast_keys(m->from)], clock_s, &why);

    back->is_answer = true;
    back->from = m->to;
    back->to = m->from;
    buf_clear(&back->body);
    bool is_proof = str_equal(buf_str(&m->target), STR(EXCHANGE_PROOF));
    if (err == OK && is_proof) err = peers_on_proof(p, cast.ids[cast_keys(m->from)], buf_str(&m->body), &why);
    else if (err == OK && m->is_post) err = peers_on_round(p, cast.ids[cast_keys(m->from)], buf_str(&m->body), &kind, &back->body, &why);
    else if (err == OK) {
        struct str target = buf_str(&m->target);
        (void)str_cut(&target, '?');
        must(exchange_read_query(target, &query, &why) == OK);
        err = peers_on_head(p, &query, &back->body, &why);
    }
    bool may_be_strange = council_has_aims() || actor_position(m->to) < judge_size(); /* Its signers may have joined since. */
    if (err == ERR_INPUT && !may_be_strange && !etcd_model_has_lied())
        judge_fail("node %d does not take the note of node %d: %s", m->to, m->from, why.text);
    if (err != OK) buf_clear(&back->body);
    back->status = err != OK ? err_status(err) : m->is_post && !is_proof ? exchange_status(kind) : 200;
    if (is_lost(back->from, back->to)) message_free(back);
    else send(back, latency());
}

static void arrive(void *context, bool happens)
{
    struct message *m = context;

    if (happens && m->is_answer && !*m->is_over && net.lives[m->to] == m->life && actor_node(m->to)) {
        *m->is_over = true;
        world.node = m->to;
        m->answered(m->context, m->tag, m->err, m->status, buf_str(&m->body));
        world.node = -1;
    } else if (happens && !m->is_answer && actor_node(m->to)) {
        world.node = m->to;
        serve(m);
        world.node = -1;
    }
    message_free(m);
}

static void call(struct peer_link *link, const struct peer_call *c)
{
    int from = (int)((int *)link->context - net.places), to = cast_find(c->to);
    struct message first = {.is_post = c->is_post, .from = from, .to = to, .life = net.lives[from]};
    struct message *late;

    must(c->n_urls > 0);
    if (to < 0 || memcmp(cast.ids[cast_keys(to)], c->to, 8) != 0) to = first.to = from; /* A spare or replaced key's: nobody is there. */
    first.answered = c->answered;
    first.context = c->context;
    first.tag = c->tag;
    first.is_over = mem_zalloc(sizeof *first.is_over);
    first.n_left = mem_zalloc(sizeof *first.n_left);
    buf_add_str(&first.target, c->target);
    buf_add_str(&first.body, c->body);

    late = message_copy(&first); /* The client's patience. */
    late->is_answer = true;
    late->to = from;
    late->err = ERR_NET;
    buf_clear(&late->body);
    send(late, EXCHANGE_TIMEOUT_MS * MS);
    for (int copies = !net.is_calm && world_chance(net.doubled) ? 2 : 1; copies > 0 && to != from; copies--)
        if (!is_lost(from, to)) send(message_copy(&first), latency());
    buf_done(&first.target);
    buf_done(&first.body);
}

static void close_link(struct peer_link *link)
{
    net.lives[(int *)link->context - net.places] = 0;
}

static void authorize(struct peer_link *link, const uint8_t to[8], struct buf *ret)
{
    (void)link;
    (void)to;
    buf_add_str(ret, STR("Authorization: none")); /* Nobody asks. */
}

void link_make(int node, unsigned life, struct peer_link *ret)
{
    *ret = (struct peer_link){.context = &net.places[node], .call = call, .authorize = authorize, .close = close_link};
    net.lives[node] = life;
}

void link_set_life(int node, unsigned life)
{
    net.lives[node] = life;
}

int link_node_of(const char *url)
{
    int node = -1;

    return sscanf(url, "https://node%d.example", &node) == 1 && node >= 0 && node < WORLD_NODES_MAX ? node : -1;
}

bool link_is_cut(int from, int to)
{
    return is_lost(from, to);
}

void link_begin(void)
{
    memset(&net, 0, sizeof net);
    for (int i = 0; i < WORLD_NODES_MAX; i++) net.places[i] = i;
    net.lost = (unsigned)world_between(5, 200);
    net.doubled = (unsigned)world_between(5, 150);
}

void link_calm(void)
{
    net.is_calm = true;
}

void link_trouble(void)
{
    if (world_chance(20)) net.is_cut[world_below(cast.n_nodes)][world_below(cast.n_nodes)] ^= true;
    if (world_chance(3)) { /* One side against the other. */
        uint64_t side = world_below(UINT64_C(1) << cast.n_nodes);
        for (size_t i = 0; i < cast.n_nodes; i++)
            for (size_t k = 0; k < cast.n_nodes; k++) net.is_cut[i][k] = (side >> i & 1) != (side >> k & 1);
    }
    if (world_chance(10)) memset(net.is_cut, 0, sizeof net.is_cut);
}
