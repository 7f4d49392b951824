/* peers.c - the thread that signs together with others: does what the round says.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "node/peers.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "base/mem.h"
#include "node/fetch.h"
#include "node/peers_internal.h"
#include "node/shared.h"
#include "proof/tile.h"
#include "state/member.h"

#define TREE_EVERY_MS 4 /* Between two looks at a tree that grows all the time (see signer.c). */

static struct round_time node_time(void *context)
{
    const struct node *n = context;
    return (struct round_time){node_steady_us(n) / 1000, (uint64_t)(node_wall_us(n) / 1000000)};
}

struct round_time peers_now(const struct peers *p)
{
    return p->now(p->now_context);
}

size_t peers_find(const struct peers *p, const uint8_t id[8])
{
    size_t i = 0;
    while (i < p->seats.n_nodes && memcmp(p->ids[i], id, 8) != 0) i++;
    return i;
}

/* The own tree. */

bool peers_root_at(struct peers *p, uint64_t size, struct hash *ret)
{
    struct why why = {0};

    if (size > p->tree_size || size == 0) return false;
    if (size == p->tree_size) {
        *ret = p->tree_root;
        return true;
    }
    if (tree_root_at(p->node->tree, size, ret, &why) == OK) return true;
    node_warn(p->node, "a root of the own tree cannot be made", &why);
    return false;
}

/* The journal must hold what this key signed last; it may still be on its way to there (after a restore: decision E7). */
static void check_last_head(struct peers *p)
{
    struct node *n = p->node;
    struct hash root;
    struct why why = {0};

    if (!p->round || p->is_checked || n->head_size > p->tree_size) return;
    p->is_checked = true;
    if (n->head_size == 0 || (peers_root_at(p, n->head_size, &root) && hash_equal(&root, &n->head_root))) return;
    (void)fail(&why, ERR_CORRUPT, "the journal differs from the head of %llu leaves that this node signed",
               (unsigned long long)n->head_size);
    round_failed(p->round, &why);
}

static void take_tree(struct peers *p)
{
    struct node *n = p->node;

    must(pthread_mutex_lock(&n->sign_lock) == 0);
    if (n->sign_size >= p->tree_size) {
        p->tree_size = n->sign_size;
        p->tree_root = n->sign_root;
    }
    must(pthread_mutex_unlock(&n->sign_lock) == 0);
    if (p->round && p->tree_size > 0) round_grew(p->round, p->tree_size, &p->tree_root, peers_now(p));
}

/* The roster. */

static void place_members(struct peers *p, const struct view *v)
{
    unsigned seat = 0;

    for (uint32_t no = 0; no < view_n_members(v) && seat < p->seats.n_members; no++) {
        if (member_counts(view_member(v, no))) p->members[seat++] = no;
    }
}

/* What was known of peers that stay, and their addresses of now. */
static void know_peers(struct peers *p, const struct view *v, const uint8_t (*old_ids)[8], size_t n_old)
{
    struct peer_known *was = mem_dup(p->known, sizeof p->known);

    memset(p->known, 0, sizeof p->known);
    for (size_t i = 0; i < p->seats.n_nodes; i++) {
        struct peer_known *k = &p->known[i];
        struct member_node node = {0};
        k->heard_ms = k->clock_ms = INT64_MIN / 4;
        for (size_t o = 0; o < n_old; o++)
            if (memcmp(old_ids[o], p->ids[i], 8) == 0) *k = was[o];
        memcpy(k->id, p->ids[i], 8);
        k->n_urls = 0;
        if (!view_node(v, k->id, &node)) continue;
        for (size_t u = 0; u < node.n_addresses; u++) k->urls[k->n_urls++] = arena_dup(&p->arena, node.addresses[u]);
    }
    mem_free(was);
}

/* The newest note with a line of the own key that a new round can begin with. */
static void first_note(struct peers *p, struct str full, struct buf *ret)
{
    AUTO(mem_auto) struct head *h = mem_alloc(sizeof *h);

    if (full.n > 0 && head_read(&p->seats, full, NULL, h, NULL) == OK && h->of[p->self].has_log &&
        head_is_same(h, p->node->head_size, &p->node->head_root)) {
        buf_add_str(ret, full);
        return;
    }
    if (p->node->heads) (void)heads_last(p->node->heads, NULL, NULL, ret);
    else buf_add_str(ret, buf_str(&p->own_note));
}

/* full: the last full note of the round before; may be empty. */
static void begin_round(struct peers *p, struct str full)
{
    AUTO(buf_done) struct buf note = {0};
    struct why why = {0};

    first_note(p, full, &note);
    if (round_new(&p->seats, p->self, buf_str(&note), peers_now(p), &p->round, &why) != OK) {
        p->round = NULL;
        node_warn(p->node, "this node signs nothing", &why);
        return;
    }
    for (size_t i = 0; i < p->seats.n_nodes; i++) {
        if (p->known[i].heard_ms > 0) round_heard(p->round, i, (struct round_time){.ms = p->known[i].heard_ms});
    }
    if (p->has_been_ready) round_trust(p->round, peers_now(p));
    if (p->refused.text[0]) round_failed(p->round, &p->refused);
    if (p->tree_size > 0) round_grew(p->round, p->tree_size, &p->tree_root, peers_now(p));
    p->n_evidence = 0;
    for (size_t i = 0; i < p->n_forks; i++) p->forks[i].is_told = false;
    peers_begin_proofs(p);
}

/* New seats when those who may sign, or their addresses, are others. */
static void look_at_roster(struct peers *p)
{
    struct state_pin pin;
    int64_t now_ms = peers_now(p).ms;

    if (now_ms - p->roster_ms < PEERS_ROSTER_MS) return;
    p->roster_ms = now_ms;
    const struct view *v = state_read(p->node->state, &pin);
    struct hash mark = peers_roster_mark(v);
    if (!hash_equal(&mark, &p->roster)) {
        AUTO(buf_done) struct buf full = {0};
        struct arena before = p->arena;
        uint8_t (*old_ids)[8] = mem_dup(p->ids, sizeof p->ids);
        size_t n_old = p->seats.n_nodes;
        if (p->round) (void)round_full(p->round, &full);
        round_free(p->round);
        p->round = NULL;
        p->arena = (struct arena){0};
        p->roster = mark;
        (void)peers_seats(v, buf_str(&p->node->origin), &p->arena, &p->seats, p->ids);
        place_members(p, v);
        know_peers(p, v, (const uint8_t (*)[8])old_ids, n_old);
        p->self = peers_find(p, p->node->author);
        if (p->self < p->seats.n_nodes) begin_round(p, buf_str(&full));
        arena_done(&before);
        mem_free(old_ids);
    }
    state_done_reading(&pin);
}

/* Signing. */

static int compare_offsets(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

/* Lower median of how far peers' clocks heard in the last minute are ahead; 0 if none was. */
static int64_t clock_off_s(const struct peers *p)
{
    int64_t off[SEATS_NODES_MAX], now_ms = peers_now(p).ms;
    size_t n = 0;

    for (size_t i = 0; i < p->seats.n_nodes; i++) {
        if (i != p->self && now_ms - p->known[i].clock_ms <= PEERS_CLOCK_MS) off[n++] = p->known[i].clock_off_s;
    }
    if (n == 0) return 0;
    qsort(off, n, sizeof *off, compare_offsets);
    return off[(n - 1) / 2];
}

/* Swaps the note in before anybody sees it (I6). */
static void sign(struct peers *p, const struct round_act *act)
{
    struct node *n = p->node;
    AUTO(buf_done) struct buf note = {0};
    struct why why = {0};
    struct hash root;
    enum err err = OK;

    if (llabs(clock_off_s(p)) > PEERS_CLOCK_S || (n->fetch && fetch_is_bad(n->fetch))) {
        round_put_off(p->round, peers_now(p));
        return;
    }
    if (!peers_root_at(p, act->size, &root) || !hash_equal(&root, &act->root)) {
        err = fail(&why, ERR_CORRUPT, "the own tree does not have the root of %llu leaves that was to be signed",
                   (unsigned long long)act->size);
    } else {
        head_sign(&p->seats, p->self, act->size, &act->root, act->time_s, &n->keys.log, &n->keys.mirror, &note);
        if (n->heads) err = heads_swap(n->heads, n->head_size, act->size, &act->root, buf_str(&note), &why);
    }
    if (err == ERR_DISK) { /* What is stored is not known: nothing more in this life. The next one reads it, and asks the others. */
        p->refused = why;
        p->is_refusal_kept = true;
        node_warn(n, "no heads are signed until the next start", &why);
    }
    if (err != OK) {
        round_failed(p->round, &why);
        return;
    }
    must(pthread_mutex_lock(&n->sign_lock) == 0);
    n->head_size = act->size;
    n->head_root = act->root;
    must(pthread_mutex_unlock(&n->sign_lock) == 0);
    buf_clear(&p->own_note);
    buf_add_str(&p->own_note, buf_str(&note));
    round_signed(p->round, buf_str(&note), peers_now(p));
}

/* Calling. */

void peers_call(struct peers *p, size_t i, bool is_ask)
{
    struct peer_known *k = &p->known[i];
    AUTO(buf_done) struct buf target = {0}, body = {0};

    if (k->is_called) {
        *(is_ask ? &k->asks_again : &k->calls_again) = true;
        return;
    }
    if (is_ask) {
        struct exchange_query q = {true, p->seats.nodes[p->self].log.id};
        exchange_add_target(&target, &q);
    } else {
        if (!round_newest(p->round, &body) || head_peek(&p->seats, buf_str(&body), &k->size, &k->root, NULL) != OK) return;
        buf_add_str(&target, STR(EXCHANGE_ROUND));
    }
    *(is_ask ? &k->asks_again : &k->calls_again) = false;
    (void)peers_begin_call(p, i, is_ask ? PEERS_ASK : PEERS_NOTE, buf_str(&target), buf_str(&body));
}

bool peers_begin_call(struct peers *p, size_t i, enum peers_call kind, struct str target, struct str body)
{
    struct peer_known *k = &p->known[i];

    if (!p->link || k->n_urls == 0 || k->is_called) return false;
    k->is_called = true;
    k->kind = kind;
    k->tag = ++p->next_tag;
    p->n_calls++;
    struct peer_call c = {.urls = k->urls,
                          .n_urls = k->n_urls,
                          .is_post = kind != PEERS_ASK,
                          .target = target,
                          .body = body,
                          .answered = peers_answered,
                          .context = p,
                          .tag = k->tag};
    memcpy(c.to, k->id, 8);
    p->link->call(p->link, &c);
    return true;
}

/* Doing what is due. */

static void act(struct peers *p)
{
    for (;;) {
        struct round_act a = round_next(p->round, peers_now(p));
        struct hash root;
        switch (a.what) {
        case ROUND_NOTHING: return;
        case ROUND_COMPARE:
            if (peers_root_at(p, a.size, &root)) {
                round_compared(p->round, a.size, &root, peers_now(p));
                break;
            }
            struct why why = {0};
            (void)fail(&why, ERR_DISK, "the own tree cannot be read at %llu leaves", (unsigned long long)a.size);
            round_failed(p->round, &why);
            return;
        case ROUND_SIGN: sign(p, &a); break;
        case ROUND_SEND: peers_call(p, a.to, false); break;
        case ROUND_ASK: peers_call(p, a.to, true); break;
        }
    }
}

/* The newest full note, or the newest at all while there is no full one; never an earlier size than before. */
static void publish(struct peers *p)
{
    struct node *n = p->node;
    AUTO(buf_done) struct buf note = {0};
    uint64_t size, published = atomic_load(&n->signed_size);
    struct hash root;

    if (round_full(p->round, &note) && head_peek(&p->seats, buf_str(&note), &size, &root, NULL) == OK) {
        p->has_full = p->has_full || size >= published;
        if (size < published) return;
    } else {
        buf_clear(&note);
        if (p->has_full || !round_newest(p->round, &note)) return;
        if (head_peek(&p->seats, buf_str(&note), &size, &root, NULL) != OK || size < published) return;
    }
    if (size > p->tree_size) return; /* Its tiles are not here yet. */
    must(pthread_mutex_lock(&n->sign_lock) == 0);
    if (!str_equal(buf_str(&n->checkpoint), buf_str(&note))) {
        buf_clear(&n->checkpoint);
        buf_add_str(&n->checkpoint, buf_str(&note));
        atomic_store(&n->signed_size, size);
        must(pthread_cond_broadcast(&n->signed_wake) == 0);
    }
    must(pthread_mutex_unlock(&n->sign_lock) == 0);
}

struct announcement {
    struct pending pending; /* First. */
    struct str url;
    struct arena arena;
};

static void announce_done(struct pending *c)
{
    struct announcement *a = (struct announcement *)c;

    arena_done(&a->arena); /* What came of it lies there. */
    mem_free(a);
}

/* This node's address, where the state has another one. */
static void announce(struct peers *p)
{
    struct member_node node;
    struct state_pin pin;
    int64_t now_ms = peers_now(p).ms;
    bool is_known;

    if (p->url.n == 0 || p->announce_ms > now_ms || !p->round) return;
    const struct view *v = state_read(p->node->state, &pin);
    is_known = !view_node(v, p->node->author, &node) || node.ended_at ||
               (node.n_addresses > 0 && str_equal(node.addresses[0], buf_str(&p->url)));
    state_done_reading(&pin);
    if (is_known) return;
    p->announce_ms = now_ms + PEERS_ANNOUNCE_MS;
    struct announcement *a = mem_zalloc(sizeof *a + p->url.n);
    memcpy(a + 1, p->url.at, p->url.n);
    a->url = str_make((char *)(a + 1), p->url.n);
    a->pending.change = (struct change){.kind = CHANGE_ADDRESSES, .addresses = &a->url, .n_addresses = 1};
    memcpy(a->pending.change.node, p->node->author, 8);
    a->pending.arena = &a->arena;
    a->pending.done = announce_done;
    node_propose(p->node, &a->pending);
}

/* What each member is known to have signed, all of its nodes, and when they were heard from: clean-up waits for that (decision B5). */
static void tell_node(struct peers *p)
{
    const struct standing *s = round_standing(p->round);
    int64_t steady_us = node_steady_us(p->node), now_ms = peers_now(p).ms;

    for (unsigned seat = 0; seat < p->seats.n_members; seat++) {
        uint64_t size = UINT64_MAX;
        int64_t heard_ms = now_ms;
        for (size_t i = 0; i < p->seats.n_nodes; i++) {
            if (p->seats.nodes[i].member != seat) continue;
            if (s->nodes[i].seen.size < size) size = s->nodes[i].seen.size;
            if (i != p->self && p->known[i].heard_ms < heard_ms) heard_ms = p->known[i].heard_ms;
        }
        if (size == UINT64_MAX) continue; /* It has no node. */
        int64_t heard_us = heard_ms > 0 ? steady_us - (now_ms - heard_ms) * 1000 : 0;
        node_set_signed(p->node, p->members[seat], size, heard_us);
    }
}

void peers_announce(struct peers *p, struct str url)
{
    must(pthread_mutex_lock(&p->lock) == 0);
    buf_clear(&p->url);
    buf_add_str(&p->url, url);
    p->announce_ms = 0;
    must(pthread_mutex_unlock(&p->lock) == 0);
    peers_wake(p);
}

void peers_shown(struct peers *p, uint64_t size)
{
    if (size <= p->tree_size || p->ahead_size > 0) return;
    p->ahead_size = size;
    p->ahead_us = node_steady_us(p->node);
}

/* What members signed they had read from etcd: whoever looks after having heard of it reads it there, too, or etcd's answer is an old one.
 * fresh_us: when the last look that told all began; what it told is in the tree by now. */
static void check_behind(struct peers *p, int64_t fresh_us)
{
    if (p->ahead_size == 0) return;
    if (p->tree_size >= p->ahead_size) {
        p->ahead_size = 0;
        p->behind = (struct why){0};
    } else if (fresh_us > p->ahead_us && !p->behind.text[0]) {
        p->n_behind++;
        (void)fail(&p->behind, ERR_CORRUPT, "members have signed %llu leaves, and etcd shows %llu: a stale answer, or another order",
                   (unsigned long long)p->ahead_size, (unsigned long long)p->tree_size);
        node_warn(p->node, "etcd does not show what members have signed", &p->behind);
    }
}

void peers_pump(struct peers *p)
{
    int64_t fresh_us = atomic_load(&p->node->shared->fresh_us); /* Before the tree that goes with it. */

    take_tree(p);
    check_behind(p, fresh_us);
    look_at_roster(p);
    check_last_head(p);
    if (!p->round) return;
    act(p);
    peers_note_forks(p);
    struct round_status s;
    round_status(p->round, peers_now(p), &s);
    if (s.state == ROUND_READY || s.state == ROUND_SIGNING) p->has_been_ready = true;
    if (s.state == ROUND_REFUSED) peers_keep_refusal(p, &s.refused_because);
    peers_judge(p);
    tell_node(p);
    publish(p);
    announce(p);
}

/* The thread. */

static int64_t wait_of(const struct peers *p)
{
    return p->round ? round_wait(p->round, peers_now(p)) : PEERS_ROSTER_MS;
}

int64_t peers_step(struct peers *p)
{
    must(pthread_mutex_lock(&p->lock) == 0);
    peers_pump(p);
    int64_t wait = wait_of(p);
    must(pthread_mutex_unlock(&p->lock) == 0);
    return wait;
}

void peers_wake(struct peers *p)
{
    struct node *n = p->node;

    if (p->is_stepped) return;
    must(pthread_mutex_lock(&n->sign_lock) == 0);
    p->is_woken = true;
    must(pthread_cond_signal(&n->sign_wake) == 0);
    must(pthread_mutex_unlock(&n->sign_lock) == 0);
}

static struct timespec in_ms(int64_t ms)
{
    struct timespec t;

    must(clock_gettime(CLOCK_MONOTONIC, &t) == 0);
    t.tv_nsec += ms % 1000 * 1000000;
    t.tv_sec += ms / 1000 + t.tv_nsec / 1000000000;
    t.tv_nsec %= 1000000000;
    return t;
}

/* Until the time has come, the tree has grown beyond size (not before soon), or somebody calls. False: it stops. */
static bool wait_for_work(struct peers *p, int64_t wait_ms, uint64_t size, struct timespec soon)
{
    struct node *n = p->node;
    struct timespec until = in_ms(wait_ms);

    if (wait_ms < TREE_EVERY_MS) soon = until;

    must(pthread_mutex_lock(&n->sign_lock) == 0);
    for (bool is_late = false; !p->stops && !p->is_woken;) {
        if (is_late && n->sign_size > size) break;
        n->signer_waits = is_late;
        int e = pthread_cond_clockwait(&n->sign_wake, &n->sign_lock, CLOCK_MONOTONIC, is_late ? &until : &soon);
        must(e == 0 || e == ETIMEDOUT);
        if (e == ETIMEDOUT && is_late) break;
        if (e == ETIMEDOUT) is_late = true;
    }
    n->signer_waits = false;
    p->is_woken = false;
    bool goes_on = !p->stops;
    must(pthread_mutex_unlock(&n->sign_lock) == 0);
    return goes_on;
}

static void *peers_main(void *arg)
{
    struct peers *p = arg;
    struct timespec soon;
    int64_t wait;
    uint64_t size;

    do {
        soon = in_ms(TREE_EVERY_MS);
        must(pthread_mutex_lock(&p->lock) == 0);
        peers_pump(p);
        wait = wait_of(p);
        size = p->tree_size;
        must(pthread_mutex_unlock(&p->lock) == 0);
    } while (wait_for_work(p, wait, size, soon));
    return NULL;
}

static void peers_free(struct peers *p)
{
    round_free(p->round);
    arena_done(&p->arena);
    buf_done(&p->url);
    buf_done(&p->own_note);
    for (size_t i = 0; i < p->n_forks; i++) buf_done(&p->forks[i].note);
    peers_free_proofs(p);
    must(pthread_mutex_destroy(&p->lock) == 0);
    mem_free(p);
}

enum err peers_start(const struct peers_options *options, struct peers **ret, struct why *why)
{
    struct peers *p = mem_zalloc(sizeof *p);

    p->node = options->node;
    p->link = options->link;
    p->is_stepped = options->is_stepped;
    p->now = options->now ? options->now : node_time;
    p->now_context = options->now ? options->context : p->node;
    p->roster_ms = INT64_MIN / 4;
    p->may_write = true;
    must(pthread_mutex_init(&p->lock, NULL) == 0);
    enum err err = peers_open_refusal(p, why);
    if (err != OK) {
        peers_free(p);
        return err;
    }
    peers_open_proofs(p);
    if (p->link && p->link->identify) p->link->identify(p->link, &p->node->keys.http, p->node->author);
    if (!p->is_stepped) must(pthread_create(&p->thread, NULL, peers_main, p) == 0);
    *ret = p;
    return OK;
}

void peers_stop(struct peers *p)
{
    if (!p) return;
    if (!p->is_stepped) {
        must(pthread_mutex_lock(&p->node->sign_lock) == 0);
        p->stops = true;
        must(pthread_cond_signal(&p->node->sign_wake) == 0);
        must(pthread_mutex_unlock(&p->node->sign_lock) == 0);
        must(pthread_join(p->thread, NULL) == 0);
    }
    if (p->link) p->link->close(p->link);
    peers_free(p);
}

bool peers_is_divided(const struct peers *p)
{
    return p && atomic_load_explicit(&p->is_divided, memory_order_relaxed);
}

void peers_status(struct peers *p, struct peers_status *ret)
{
    must(pthread_mutex_lock(&p->lock) == 0);
    *ret = (struct peers_status){.is_seated = p->round != NULL,
                                .n_proofs = p->n_proofs,
                                .n_proofs_refused = p->n_proofs_refused,
                                .n_calls = p->n_calls,
                                .n_failed = p->n_failed};
    if (p->round) {
        round_status(p->round, peers_now(p), &ret->round);
        ret->n_members = p->seats.n_members;
        ret->n_nodes = p->seats.n_nodes;
        ret->divided_because = p->divided;
        ret->behind_because = p->behind;
        ret->n_behind = p->n_behind;
        ret->clock_off_s = clock_off_s(p);
    }
    must(pthread_mutex_unlock(&p->lock) == 0);
}

void peers_trouble(struct peers *p, const uint8_t id[8], struct why *ret)
{
    must(pthread_mutex_lock(&p->lock) == 0);
    size_t i = peers_find(p, id);
    *ret = i < p->seats.n_nodes ? p->known[i].trouble : (struct why){0};
    must(pthread_mutex_unlock(&p->lock) == 0);
}
