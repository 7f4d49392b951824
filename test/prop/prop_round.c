/* prop_round.c - many nodes sign together while messages are lost and nodes crash, forget or lie.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Each run is a network of 2 to 7 members in virtual time. First comes trouble: messages are dropped, delayed, doubled and
 * overtake each other, links are cut, nodes crash (also between the store of heads and the signature's way out) and start again,
 * one of them perhaps with an old copy of its store; one node may lie, signing a second branch, and the journal's operator may feed
 * two branches to honest nodes. Then comes calm. Checked:
 *
 *   - an honest key never signs two contradicting heads, nor smaller sizes, nor earlier times; none is ever refused without cause
 *   - a node that forgot signs nothing any more once somebody who knows better has answered it
 *   - proof files convict liars and those who forgot, and nobody else; a liar that is heard is convicted, both its keys
 *   - in calm, with a majority of honest members on one branch, what is in the journal is under a full head within CALM_MS
 */
#include "base/mem.h"
#include "node/round.h"
#include "signers.h"
#include "t.h"

#define TICK_MS 10
#define CALM_MS 7000
#define NODES_MAX 8

enum kind { POST, ANSWER, ASK, TOLD };

struct message {
    int64_t at_ms;
    enum kind kind;
    size_t from, to;
    unsigned life;          /* Of the asker: answers to an earlier life are lost with their connection. */
    uint64_t size;          /* ANSWER: of what was posted. */
    struct hash root;
    enum exchange_kind is;  /* ANSWER */
    struct buf body;
};

struct signature {
    uint64_t size;
    struct hash root;
    uint64_t time_s;
};

VEC_DEFINE(messages, struct message *);
VEC_DEFINE(signatures, struct signature);
VEC_DEFINE(stores, struct buf);

struct node {
    struct round *r; /* NULL: it is down. */
    unsigned life;
    int branch;
    uint64_t tree;
    struct stores store; /* What the store of heads held, the newest last. */
    struct signatures signed_heads;
    bool has_lied, has_forgotten, must_refuse;
    bool is_marked; /* On its disk: refused, for good. */
    int64_t up_ms;
};

struct world {
    struct rng *rng;
    struct signers s;
    struct grove grove;
    struct round_time now;
    uint64_t journal; /* Size of either branch. */
    struct node nodes[NODES_MAX];
    bool is_cut[NODES_MAX][NODES_MAX];
    bool is_calm;
    size_t liar; /* n_nodes: none */
    struct messages on_way;
    bool has_failed;
};

static struct {
    unsigned n_runs, n_signed, n_full, n_forgot, n_refused, n_convicted, n_calm, n_divided, n_larger, n_early;
} seen;

static struct why why;

static bool chance(struct world *w, unsigned percent)
{
    return rng_below(w->rng, 100) < percent;
}

static size_t n_nodes(const struct world *w)
{
    return w->s.seats.n_nodes;
}

static const struct hash *root_of(const struct world *w, size_t i, uint64_t size)
{
    return size <= w->nodes[i].tree ? &w->grove.roots[w->nodes[i].branch][size] : NULL;
}

/* As root_of(), for the note in body. */
static const struct hash *root_at_note(const struct world *w, size_t i, struct str body)
{
    uint64_t size;
    struct hash root;

    return body.n > 0 && head_peek(&w->s.seats, body, &size, &root, NULL) == OK ? root_of(w, i, size) : NULL;
}

static bool check(struct world *w, bool holds, const char *claim, size_t node)
{
    if (!holds) {
        w->has_failed = true;
        printf("# node %zu at %lld ms of run %u\n", node, (long long)w->now.ms, seen.n_runs);
    }
    return t_check(holds, claim, __FILE__, __LINE__);
}

/* The network. */

static void send(struct world *w, struct message m, struct str body)
{
    unsigned copies = !w->is_calm && chance(w, 10) ? 2 : 1;

    if (!w->is_calm && (chance(w, 15) || w->is_cut[m.from][m.to])) return;
    for (; copies > 0; copies--) {
        struct message *copy = mem_dup(&m, sizeof m);
        copy->body = (struct buf){0};
        buf_add_str(&copy->body, body);
        copy->at_ms = w->now.ms + rng_between(w->rng, 1, w->is_calm ? 40 : chance(w, 10) ? 1500 : 150);
        messages_add(&w->on_way, copy);
    }
}

static struct round_status status(const struct world *w, size_t i)
{
    struct round_status st;

    round_status(w->nodes[i].r, w->now, &st);
    return st;
}

/* A node's life. */

static void record(struct world *w, size_t i, const struct round_act *act)
{
    struct node *n = &w->nodes[i];
    struct signature is = {act->size, act->root, act->time_s};

    check(w, !n->must_refuse, "a node that was told better signs nothing", i);
    check(w, hash_equal(&act->root, root_of(w, i, act->size)), "what is signed is the own tree", i);
    for (size_t k = 0; k < n->signed_heads.n && !n->has_forgotten; k++) {
        const struct signature *was = &n->signed_heads.at[k];
        check(w, was->size < is.size, "sizes only grow", i);
        check(w, was->time_s <= is.time_s, "times never go back", i);
        check(w, hash_equal(&was->root, &w->grove.roots[n->branch][was->size]), "heads of one tree", i);
    }
    signatures_add(&n->signed_heads, is);
    seen.n_signed++;
}

static void crash(struct world *w, size_t i)
{
    struct node *n = &w->nodes[i];

    n->is_marked |= status(w, i).state == ROUND_REFUSED;
    round_free(n->r);
    n->r = NULL;
    n->life++;
    n->up_ms = w->now.ms + rng_between(w->rng, 50, 3000);
}

/* False if the node crashed before the signature went out. */
static bool sign(struct world *w, size_t i, const struct round_act *act)
{
    struct node *n = &w->nodes[i];
    struct buf note = {0};

    if (chance(w, 3)) {
        round_put_off(n->r, w->now);
        return true;
    }
    record(w, i, act);
    signers_sign(&w->s, i, act->size, &act->root, act->time_s, &note);
    stores_add(&n->store, note);
    if (!w->is_calm && chance(w, 2)) {
        crash(w, i);
        return false;
    }
    round_signed(n->r, buf_str(&note), w->now);
    return true;
}

static void work(struct world *w, size_t i)
{
    struct node *n = &w->nodes[i];

    for (int steps = 0; n->r; steps++) {
        AUTO(buf_done) struct buf body = {0};
        struct round_act act = round_next(n->r, w->now);
        struct message m = {.from = i, .to = act.to, .life = n->life, .size = act.size, .root = act.root};
        if (act.what == ROUND_NOTHING) return;
        if (!check(w, steps < 200, "work comes to an end", i)) return;
        if (act.what == ROUND_COMPARE) round_compared(n->r, act.size, root_of(w, i, act.size), w->now);
        if (act.what == ROUND_SIGN && !sign(w, i, &act)) return;
        if (act.what == ROUND_SEND) {
            m.kind = POST;
            check(w, round_newest(n->r, &body), "there is a note to send", i);
            send(w, m, buf_str(&body));
        }
        if (act.what == ROUND_ASK) {
            m.kind = ASK;
            send(w, m, STR(""));
        }
    }
}

static void start(struct world *w, size_t i)
{
    struct node *n = &w->nodes[i];
    struct str last = {0};

    if (n->store.n > 0) last = buf_str(&n->store.at[n->store.n - 1]);
    must(round_new(&w->s.seats, i, last, w->now, &n->r, &why) == OK);
    if (n->is_marked) {
        (void)fail(&why, ERR_CONFLICT, "refused in an earlier life");
        round_failed(n->r, &why);
    }
    if (n->tree > 0) round_grew(n->r, n->tree, root_of(w, i, n->tree), w->now);
    work(w, i);
}

/* Its store of heads is put back to an earlier copy. */
static void forget(struct world *w, size_t i)
{
    struct node *n = &w->nodes[i];
    size_t keep = n->store.n ? rng_below(w->rng, n->store.n) : 0;

    if (n->store.n == 0) return;
    for (size_t k = keep; k < n->store.n; k++) buf_done(&n->store.at[k]);
    n->store.n = keep;
    n->has_forgotten = true;
    seen.n_forgot++;
}

/* Delivery. */

static void deliver_post(struct world *w, const struct message *m)
{
    AUTO(buf_done) struct buf body = {0};
    struct message back = {.kind = ANSWER, .from = m->to, .to = m->from, .life = m->life};
    struct node *n = &w->nodes[m->to];
    uint64_t size;
    struct hash root;

    if (exchange_read_round(buf_str(&m->body), &why) != OK || head_peek(&w->s.seats, buf_str(&m->body), &size, &root, &why) != OK ||
        round_note(n->r, m->from, buf_str(&m->body), root_of(w, m->to, size), w->now, &why) != OK) {
        check(w, m->from == w->liar, "honest notes are good", m->from);
        return;
    }
    work(w, m->to);
    if (!n->r) return;
    back.is = round_answer(n->r, m->from, size, &root, &body);
    back.size = size;
    back.root = root;
    seen.n_larger += back.is == EXCHANGE_LARGER;
    seen.n_early += back.is == EXCHANGE_EARLY;
    send(w, back, buf_str(&body));
}

static void deliver_answer(struct world *w, const struct message *m)
{
    struct node *n = &w->nodes[m->to];
    struct exchange_answer answer;
    const struct hash *own = m->is == EXCHANGE_LINES ? NULL : root_at_note(w, m->to, buf_str(&m->body));

    if (n->life != m->life) return;
    if (!check(w, exchange_read_answer(exchange_status(m->is), buf_str(&m->body), &answer, &why) == OK, "answers have their form",
               m->from)) {
        return;
    }
    check(w, round_answered(n->r, m->from, m->size, &m->root, &answer, own, w->now, &why) == OK, "answers are good", m->from);
    work(w, m->to);
}

static void deliver_ask(struct world *w, const struct message *m)
{
    AUTO(buf_done) struct buf body = {0};
    struct message back = {.kind = TOLD, .from = m->to, .to = m->from, .life = m->life};

    round_heard(w->nodes[m->to].r, m->from, w->now);
    (void)round_head_of(w->nodes[m->to].r, m->from, &body);
    send(w, back, buf_str(&body));
}

static void deliver_told(struct world *w, const struct message *m)
{
    struct node *n = &w->nodes[m->to];
    struct str body = buf_str(&m->body);
    uint64_t size = 0, own_size = status(w, m->to).own_size;
    struct hash root;

    if (n->life != m->life) return;
    if (body.n > 0) must(head_peek(&w->s.seats, body, &size, &root, &why) == OK);
    check(w, round_told(n->r, m->from, body, root_at_note(w, m->to, body), w->now, &why) == OK, "what is told is good", m->from);
    if (size > own_size) {
        n->must_refuse = true;
        check(w, status(w, m->to).state == ROUND_REFUSED, "a node behind its own head refuses", m->to);
        check(w, n->has_forgotten || n->has_lied, "only who forgot or lied is behind its own head", m->to);
    }
    work(w, m->to);
}

static void deliver(struct world *w)
{
    for (size_t k = 0; k < w->on_way.n;) {
        struct message *m = w->on_way.at[k];
        if (m->at_ms > w->now.ms) {
            k++;
            continue;
        }
        w->on_way.at[k] = w->on_way.at[--w->on_way.n];
        if (w->nodes[m->to].r) {
            switch (m->kind) {
            case POST: deliver_post(w, m); break;
            case ANSWER: deliver_answer(w, m); break;
            case ASK: deliver_ask(w, m); break;
            case TOLD: deliver_told(w, m); break;
            }
        }
        buf_done(&m->body);
        mem_free(m);
    }
}

/* What the liar adds to its node's honest behaviour: heads of the other branch, of sizes nobody has, and notes that are not good. */
static void lie(struct world *w)
{
    AUTO(buf_done) struct buf note = {0};
    struct node *n = &w->nodes[w->liar];
    uint64_t size = (w->grove.split / 2 + 1 + rng_below(w->rng, (w->journal - w->grove.split) / 2 + 1)) * 2;
    size_t to = rng_below(w->rng, n_nodes(w));
    bool to_all = chance(w, 30);

    if (size > w->journal || size <= w->grove.split) return;
    n->has_lied = true;
    signers_sign(&w->s, w->liar, size, &w->grove.roots[1 - n->branch][size], w->now.unix_s, &note);
    if (!w->is_calm && chance(w, 10)) note.at[note.n - 9] ^= 1;
    for (size_t i = 0; i < n_nodes(w); i++) {
        struct message m = {.kind = POST, .from = w->liar, .to = i, .life = n->life - 1, .size = size};
        if (i != w->liar && (to_all || i == to || w->is_calm)) send(w, m, buf_str(&note));
    }
}

/* Courses of events. */

static void grow(struct world *w)
{
    if (w->journal + 6 < GROVE_SIZE && chance(w, 4)) w->journal += 2 * (1 + rng_below(w->rng, w->is_calm ? 1 : 3));
    for (size_t i = 0; i < n_nodes(w); i++) {
        struct node *n = &w->nodes[i];
        if (n->tree == w->journal || !n->r || !chance(w, w->is_calm ? 50 : 10)) continue;
        n->tree += 2 * (1 + rng_below(w->rng, (w->journal - n->tree) / 2));
        round_grew(n->r, n->tree, root_of(w, i, n->tree), w->now);
    }
}

static void trouble(struct world *w)
{
    for (size_t i = 0; i < n_nodes(w); i++) {
        struct node *n = &w->nodes[i];
        if (n->r && rng_below(w->rng, 1000) < 2) crash(w, i);
        if (!n->r && w->now.ms >= n->up_ms) {
            if (chance(w, 8)) forget(w, i);
            start(w, i);
        }
        if (rng_below(w->rng, 1000) < 5) w->is_cut[i][rng_below(w->rng, n_nodes(w))] ^= true;
    }
}

static void run_for(struct world *w, int64_t ms)
{
    for (int64_t end_ms = w->now.ms + ms; w->now.ms < end_ms && !w->has_failed;) {
        w->now.ms += TICK_MS;
        w->now.unix_s = 1000000 + (uint64_t)w->now.ms / 1000;
        grow(w);
        if (!w->is_calm) trouble(w);
        if (w->liar < n_nodes(w) && w->nodes[w->liar].r && rng_below(w->rng, 1000) < 15) lie(w);
        deliver(w);
        for (size_t i = 0; i < n_nodes(w); i++) {
            if (w->nodes[i].r) work(w, i);
        }
    }
}

/* After the run. */

static void check_evidence(struct world *w, size_t i, const struct standing_evidence *e)
{
    AUTO(buf_done) struct buf small = {0}, large = {0}, file = {0};
    struct note_key keys[2 * SEATS_NODES_MAX];
    struct fork_proof p = {.kind = e->kind};
    struct fork_verdict verdict;
    bool by[2 * SEATS_NODES_MAX];
    size_t n = signers_keys(&w->s, keys);

    head_add_note(&w->s.seats, &e->smaller, &small);
    head_add_note(&w->s.seats, &e->larger, &large);
    p.smaller = buf_str(&small);
    p.larger = buf_str(&large);
    if (p.kind == FORK_PREFIX) {
        p.root_at = w->grove.roots[w->nodes[i].branch][e->smaller.size];
        grove_prove(&w->grove, w->nodes[i].branch, e->smaller.size, e->larger.size, &p.proof);
    }
    fork_proof_add(&file, &p);
    if (!check(w, fork_verify(buf_str(&file), keys, n, by, &verdict, &why) == OK, "evidence holds", i)) {
        printf("# %s\n", why.text);
        return;
    }
    for (size_t k = 0; k < n; k++) {
        const struct node *who = &w->nodes[k / 2];
        if (by[k]) check(w, who->has_lied || who->has_forgotten, "only who lied or forgot is convicted", k / 2);
        if (k / 2 == e->node) check(w, by[k] || (p.kind == FORK_ROLLBACK && k % 2 == 0), "evidence convicts both keys of its node", k / 2);
    }
    seen.n_convicted++;
}

/* Members that count for neither side have given cause: a node that lied or forgot, or nodes on both branches. */
static void check_out(struct world *w, size_t i)
{
    struct round_status st = status(w, i);

    for (unsigned seat = 0; seat < w->s.seats.n_members; seat++) {
        bool has_cause = false;
        int first = -1;
        for (size_t k = 0; k < n_nodes(w); k++) {
            const struct node *n = &w->nodes[k];
            if (w->s.seats.nodes[k].member != seat) continue;
            has_cause |= n->has_lied || n->has_forgotten || (first >= 0 && n->branch != first);
            first = n->branch;
        }
        if (st.fork.is_out[seat]) check(w, has_cause, "no member is left out without cause", i);
    }
}

/* Members that count for node i and of which an honest node on its branch can sign. */
static unsigned n_able(const struct world *w, size_t i)
{
    bool is_able[SEATS_MEMBERS_MAX] = {false};
    struct round_status st = status(w, i);
    int branch = w->nodes[i].branch;
    unsigned n = 0;

    for (size_t k = 0; k < n_nodes(w); k++) {
        unsigned seat = w->s.seats.nodes[k].member;
        if (is_able[seat] || st.fork.is_out[seat] || w->nodes[k].branch != branch || k == w->liar) continue;
        if (status(w, k).state == ROUND_REFUSED) continue;
        is_able[seat] = true;
        n++;
    }
    return n;
}

static void check_calm(struct world *w, uint64_t size)
{
    bool liar_is_heard = w->liar < n_nodes(w) && w->nodes[w->liar].has_lied;

    for (size_t i = 0; i < n_nodes(w); i++) {
        struct round_status st = status(w, i);
        const struct standing *standing = round_standing(w->nodes[i].r);
        seen.n_divided += st.fork.is_divided;
        seen.n_refused += st.state == ROUND_REFUSED;
        check(w, st.state != ROUND_REFUSED || w->nodes[i].has_forgotten || w->nodes[i].has_lied, "nobody is refused without cause", i);
        for (size_t k = 0; k < standing->evidence.n; k++) check_evidence(w, i, standing->evidence.at[k]);
        if (liar_is_heard && i != w->liar && w->nodes[i].branch == w->nodes[w->liar].branch &&
            status(w, w->liar).state != ROUND_REFUSED && status(w, w->liar).own_size >= w->grove.split + 20) {
            check(w, standing->nodes[w->liar].is_convicted, "a liar that all have heard is convicted", i);
        }
        check_out(w, i);
        if (n_able(w, i) < seats_majority(&w->s.seats)) continue;
        seen.n_calm++;
        seen.n_full += st.full_size >= size;
        if (!check(w, st.full_size >= size, "with a majority in calm, heads get full", i)) {
            printf("# full %llu, newest %llu, wanted %llu, state %s\n", (unsigned long long)st.full_size,
                   (unsigned long long)st.newest_size, (unsigned long long)size, round_state_name(st.state));
        }
    }
}

static void world_init(struct world *w, struct rng *rng)
{
    unsigned n_members = (unsigned)rng_between(rng, 2, 7);
    size_t n = n_members + (n_members < NODES_MAX ? rng_below(rng, 2) : 0);
    bool is_fed_two = rng_below(rng, 5) == 0;

    memset(w, 0, sizeof *w);
    w->rng = rng;
    w->now = (struct round_time){1000, 1000001};
    signers_init(&w->s, n_members, n);
    grove_init(&w->grove, 2 * (uint64_t)rng_between(rng, 3, 30));
    w->journal = 2;
    w->liar = rng_below(rng, 2) ? rng_below(rng, n) : n;
    for (size_t i = 0; i < n; i++) {
        w->nodes[i].branch = is_fed_two ? (int)rng_below(rng, 2) : 0;
        w->nodes[i].tree = 2;
        start(w, i);
    }
}

static void world_done(struct world *w)
{
    for (size_t i = 0; i < n_nodes(w); i++) {
        struct node *n = &w->nodes[i];
        round_free(n->r);
        for (size_t k = 0; k < n->store.n; k++) buf_done(&n->store.at[k]);
        stores_done(&n->store);
        signatures_done(&n->signed_heads);
    }
    for (size_t k = 0; k < w->on_way.n; k++) {
        buf_done(&w->on_way.at[k]->body);
        mem_free(w->on_way.at[k]);
    }
    messages_done(&w->on_way);
    signers_done(&w->s);
}

static void run(struct rng *rng, struct world *w)
{
    uint64_t size;

    seen.n_runs++;
    world_init(w, rng);
    run_for(w, rng_between(rng, 2000, 12000));
    w->is_calm = true;
    for (size_t i = 0; i < n_nodes(w); i++) {
        if (!w->nodes[i].r) start(w, i);
    }
    size = w->journal;
    run_for(w, CALM_MS);
    if (!w->has_failed) check_calm(w, size);
    world_done(w);
}

static void honest_keys_never_contradict_and_heads_get_full(void)
{
    struct rng rng = t_rng();
    struct world *w = mem_alloc(sizeof *w);

    for (int i = 0; i < t_steps(25); i++) {
        struct rng own = {rng_next(&rng)};
        run(&own, w);
        if (w->has_failed) {
            printf("# run %d\n", i);
            break;
        }
    }
    mem_free(w);
    printf("# %u runs: %u signed, %u full of %u in calm, %u forgot, %u refused, %u convictions, %u divided, %u larger, %u early\n",
           seen.n_runs, seen.n_signed, seen.n_full, seen.n_calm, seen.n_forgot, seen.n_refused, seen.n_convicted, seen.n_divided,
           seen.n_larger, seen.n_early);
    CHECK(seen.n_signed > 0 && seen.n_full > 0);
}

int main(void)
{
    RUN(honest_keys_never_contradict_and_heads_get_full);
    return t_done();
}
