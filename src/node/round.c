/* round.c - who proposes a head, what to sign, whom to ask: the deciding part of signing together.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "node/round.h"

#include "base/mem.h"

#define LONG_AGO (INT64_MIN / 4)

/* A head on the own branch that signatures are gathered for. */
struct gathered {
    struct head head;
    int64_t began_ms;
    int64_t full_ms;   /* When it became full; LONG_AGO: it is not. */
    bool is_alone;     /* Full by decision E1's exception for two members. */
    bool is_driven;    /* This node spreads it. */
};

struct peer {
    int64_t heard_ms, sent_ms, asked_ms;
    bool sends_now, has_told;
    bool owes;             /* It was answered EARLY: it hears when this node gets there. */
    struct head *early;    /* Its proposal, for which the own tree is too small, or which must wait; NULL: none. */
    bool early_is_driven;
    int64_t early_from_ms; /* Not looked at before. */
    uint64_t brought;      /* The last head that this node was the first to bring; its next one waits for that (see may_bring()). */
    int64_t brought_ms;
};

struct round {
    const struct seats *seats;
    size_t self;
    enum round_state state;
    struct why refused_because;
    int64_t started_ms, put_off_until_ms;
    uint64_t tree_size;
    struct hash tree_root;
    int64_t grew_ms;       /* When the tree grew beyond the newest head. */
    uint64_t own_size;
    struct hash own_root;
    uint64_t own_time_s;
    bool clock_is_behind;
    struct gathered kept[ROUND_KEPT]; /* Ascending by size. */
    size_t n_kept;
    struct gathered full;  /* The newest full one; size 0: none. */
    struct peer peers[SEATS_NODES_MAX];
    struct standing standing;
};

/* States of signing. */

/* clang-format off */
static const struct {
    const char *name;
    unsigned next; /* Bits of the states that may follow. */
} STATES[] = {
    /* state             name        next                                              moved by */
    [ROUND_ASKING]   = {"asking",   1U << ROUND_READY | 1U << ROUND_REFUSED},       /* check_told(), round_trust(), refuse() */
    [ROUND_READY]    = {"ready",    1U << ROUND_SIGNING | 1U << ROUND_REFUSED},     /* next_sign(), refuse() */
    [ROUND_SIGNING]  = {"signing",  1U << ROUND_READY | 1U << ROUND_REFUSED},       /* round_signed(), round_put_off(), refuse() */
    [ROUND_REFUSED]  = {"refused",  0},
};
/* clang-format on */

const char *round_state_name(enum round_state state)
{
    return STATES[state].name;
}

static void move(struct round *r, enum round_state to)
{
    must(STATES[r->state].next & 1U << to);
    r->state = to;
}

static void refuse(struct round *r, const char *reason, uint64_t size)
{
    if (r->state == ROUND_REFUSED) return;
    move(r, ROUND_REFUSED);
    (void)fail(&r->refused_because, ERR_CONFLICT, "%s (size %llu; last signed here %llu): new keys are needed", reason,
               (unsigned long long)size, (unsigned long long)r->own_size);
}

/* Small questions. */

static unsigned seat_of(const struct round *r, size_t node)
{
    return r->seats->nodes[node].member;
}

static bool is_present(const struct round *r, size_t node, int64_t now_ms)
{
    return node == r->self || now_ms - r->peers[node].heard_ms <= ROUND_PRESENT_MS;
}

static bool is_full(const struct gathered *g)
{
    return g->full_ms != LONG_AGO;
}

static struct gathered *newest(struct round *r)
{
    return r->n_kept ? &r->kept[r->n_kept - 1] : NULL;
}

static bool has_any_line(const struct round *r, const struct head *h)
{
    for (size_t i = 0; i < r->seats->n_nodes; i++) {
        if (head_has_line(h, i)) return true;
    }
    return false;
}

/* The newest head that is more than the plan to sign it. */
static const struct gathered *newest_signed(const struct round *r)
{
    for (size_t i = r->n_kept; i-- > 0;) {
        if (has_any_line(r, &r->kept[i].head)) return &r->kept[i];
    }
    return NULL;
}

static struct gathered *find_kept(struct round *r, uint64_t size)
{
    for (size_t i = 0; i < r->n_kept; i++) {
        if (r->kept[i].head.size == size) return &r->kept[i];
    }
    return NULL;
}

static void send_to_all(struct round *r)
{
    for (size_t i = 0; i < r->seats->n_nodes; i++) r->peers[i].sends_now = true;
}

/* The own key under a head that contradicts the own tree is somebody else's signature, or this node's before it lost its memory. */
static void contradict(struct round *r, const struct head *h, uint64_t at)
{
    if (head_has_line(h, r->self)) refuse(r, "this node's key signed a head that contradicts its tree", h->size);
    standing_contradict(&r->standing, h, at);
}

/* Gathering. */

/* Whether heads are full, from what is known now. */
static void settle(struct round *r, int64_t now_ms)
{
    bool other_is_away = r->seats->n_members == 2;

    for (size_t i = 0; i < r->seats->n_nodes; i++) {
        if (seat_of(r, i) != seat_of(r, r->self) && is_present(r, i, now_ms)) other_is_away = false;
    }
    for (size_t k = 0; k < r->n_kept; k++) {
        struct gathered *g = &r->kept[k];
        unsigned n = head_count(r->seats, &g->head, r->standing.fork.is_out);
        bool was_full = is_full(g), is_enough = n >= seats_majority(r->seats);

        if (is_enough) {
            g->is_alone = false;
        } else if (!was_full && other_is_away && n == 1 && head_has_signed(&g->head, r->self)) {
            g->is_alone = true;
        }
        if (!is_enough && !g->is_alone) {
            g->full_ms = LONG_AGO;
        } else if (!was_full) {
            g->full_ms = now_ms;
            if (g->is_driven) send_to_all(r);
        }
        if (is_full(g) && g->head.size >= r->full.head.size) r->full = *g;
    }
}

static bool has_all_present(const struct round *r, const struct head *h, int64_t now_ms)
{
    for (size_t i = 0; i < r->seats->n_nodes; i++) {
        if (is_present(r, i, now_ms) && !head_has_signed(h, i)) return false;
    }
    return true;
}

static void drop_oldest(struct round *r)
{
    r->n_kept--;
    memmove(r->kept, r->kept + 1, r->n_kept * sizeof *r->kept);
}

/* Adds a head of the own branch to those gathered for; NULL if it is too old to be. */
static struct gathered *gather(struct round *r, const struct head *h, int64_t now_ms)
{
    struct gathered *g = find_kept(r, h->size);

    if (g) {
        must(hash_equal(&g->head.root, &h->root)); /* R2 */
        if (head_merge(&g->head, h) && is_full(g)) {
            if (h->size == r->full.head.size) (void)head_merge(&r->full.head, h);
            /* Who spreads it tells of the last line as well, not only of the one that made it full. */
            if (g->is_driven && has_all_present(r, &g->head, now_ms)) send_to_all(r);
        }
        return g;
    }
    if (r->full.head.size == h->size) (void)head_merge(&r->full.head, h);
    if (r->n_kept && newest(r)->head.size > h->size) return NULL;
    if (r->n_kept == ROUND_KEPT) drop_oldest(r);
    g = &r->kept[r->n_kept++];
    *g = (struct gathered){.head = *h, .began_ms = now_ms, .full_ms = LONG_AGO};
    if (r->tree_size > h->size) r->grew_ms = now_ms;
    return g;
}

/* One round in flight: the next head that the same node brings waits until its last one is full, or for the ceiling. Otherwise one
 * node that proposes all the time would keep every head from getting full. */
static bool may_bring(struct round *r, size_t from, int64_t now_ms)
{
    const struct peer *p = &r->peers[from];
    const struct gathered *g = find_kept(r, p->brought);

    return p->brought == 0 || now_ms - p->brought_ms >= ROUND_CEILING_MS || !g || is_full(g);
}

static void hold_early(struct round *r, size_t from, const struct head *h, bool is_driven, int64_t from_ms)
{
    struct peer *p = &r->peers[from];

    /* The first one that waits is kept: if newer ones replaced it, a node that is always a little behind would never sign. */
    if (h->size <= r->own_size || (p->early && p->early->size < h->size)) return;
    if (!p->early) p->early = mem_alloc(sizeof *p->early);
    *p->early = *h;
    p->early_is_driven = is_driven;
    p->early_from_ms = from_ms;
}

/* A head that agrees with the own tree. */
static void take_agreeing(struct round *r, size_t from, const struct head *h, bool is_driven, int64_t now_ms)
{
    struct gathered *g;

    standing_see(&r->standing, h);
    if (head_has_line(h, r->self) && h->size > r->own_size) {
        refuse(r, "this node's key signed a larger head", h->size);
    }
    if (!find_kept(r, h->size) && (!r->n_kept || newest(r)->head.size < h->size)) {
        if (!may_bring(r, from, now_ms)) {
            hold_early(r, from, h, is_driven, r->peers[from].brought_ms + ROUND_CEILING_MS);
            return;
        }
        r->peers[from].brought = h->size;
        r->peers[from].brought_ms = now_ms;
    }
    g = gather(r, h, now_ms);
    if (g && is_driven && !g->is_driven) {
        g->is_driven = true;
        send_to_all(r);
    }
}

/* Any head that came, verified. */
static void take(struct round *r, size_t from, const struct head *h, const struct hash *own_root, bool is_driven,
                 struct round_time now)
{
    if (own_root && !hash_equal(own_root, &h->root)) {
        contradict(r, h, h->size);
    } else if (own_root) {
        take_agreeing(r, from, h, is_driven, now.ms);
    } else {
        if (head_has_line(h, r->self) && h->size > r->own_size) {
            refuse(r, "this node's key signed a larger head", h->size);
        }
        hold_early(r, from, h, is_driven, now.ms);
    }
    settle(r, now.ms);
}

/* Cosignatures from the future are left for later. */
static void drop_future(const struct round *r, struct head *h, struct round_time now)
{
    for (size_t i = 0; i < r->seats->n_nodes; i++) {
        if (i != r->self && head_time_s(&h->of[i]) > now.unix_s + ROUND_SKEW_S) h->of[i].has_mirror = false;
    }
}

static enum err read_note(struct round *r, struct str note, struct round_time now, struct head *ret, struct why *why)
{
    const struct gathered *known;
    uint64_t size;
    struct hash root;

    TRY(head_peek(r->seats, note, &size, &root, why));
    known = find_kept(r, size);
    TRY(head_read(r->seats, note, known ? &known->head : NULL, ret, why));
    drop_future(r, ret, now);
    return OK;
}

/* Events. */

enum err round_new(const struct seats *seats, size_t self, struct str own_note, struct round_time now, struct round **ret,
                   struct why *why)
{
    struct round *r;

    must(self < seats->n_nodes);
    r = mem_zalloc(sizeof *r);
    r->seats = seats;
    r->self = self;
    r->state = ROUND_ASKING;
    r->started_ms = r->grew_ms = now.ms;
    r->put_off_until_ms = LONG_AGO;
    r->full.full_ms = LONG_AGO;
    standing_init(&r->standing, seats);
    for (size_t i = 0; i < SEATS_NODES_MAX; i++) {
        r->peers[i].heard_ms = r->peers[i].sent_ms = r->peers[i].asked_ms = LONG_AGO;
    }
    if (own_note.n > 0) {
        AUTO(mem_auto) struct head *h = mem_alloc(sizeof *h);
        struct why inner = {{0}};
        if (head_read(seats, own_note, NULL, h, &inner) != OK || !h->of[self].has_log) {
            mem_free(r);
            return fail(why, ERR_CORRUPT, "the last signed head is not this node's: %.150s", inner.text);
        }
        r->own_size = h->size;
        r->own_root = h->root;
        r->own_time_s = head_time_s(&h->of[self]);
        standing_see(&r->standing, h);
        (void)gather(r, h, now.ms - ROUND_CEILING_MS); /* The round of an earlier life is over. */
    }
    if (seats->n_nodes == 1) move(r, ROUND_READY);
    settle(r, now.ms);
    *ret = r;
    return OK;
}

void round_free(struct round *r)
{
    if (!r) return;
    for (size_t i = 0; i < SEATS_NODES_MAX; i++) mem_free(r->peers[i].early);
    standing_done(&r->standing);
    mem_free(r);
}

void round_grew(struct round *r, uint64_t size, const struct hash *root, struct round_time now)
{
    uint64_t newest_size = r->n_kept ? newest(r)->head.size : 0;

    must(size >= r->tree_size && size % 2 == 0);
    if (r->tree_size <= newest_size && size > newest_size) r->grew_ms = now.ms;
    r->tree_size = size;
    r->tree_root = *root;
}

void round_heard(struct round *r, size_t from, struct round_time now)
{
    if (now.ms > r->peers[from].heard_ms) r->peers[from].heard_ms = now.ms;
    settle(r, now.ms);
}

enum err round_note(struct round *r, size_t from, struct str note, const struct hash *own_root, struct round_time now,
                    struct why *why)
{
    AUTO(mem_auto) struct head *h = mem_alloc(sizeof *h);

    TRY(read_note(r, note, now, h, why));
    round_heard(r, from, now);
    take(r, from, h, own_root, false, now);
    return OK;
}

enum exchange_kind round_answer(struct round *r, size_t from, uint64_t size, const struct hash *root, struct buf *ret)
{
    const struct gathered *g = find_kept(r, size);

    if (g && head_is_same(&g->head, size, root) && head_has_signed(&g->head, r->self)) {
        head_add_lines(r->seats, &g->head, ret);
        return EXCHANGE_LINES;
    }
    (void)round_newest(r, ret);
    if (r->own_size > size || (r->own_size == size && !hash_equal(&r->own_root, root))) {
        must(ret->n > 0);
        return EXCHANGE_LARGER;
    }
    r->peers[from].owes = true;
    return EXCHANGE_EARLY;
}

enum err round_answered(struct round *r, size_t from, uint64_t size, const struct hash *root,
                        const struct exchange_answer *answer, const struct hash *own_root, struct round_time now,
                        struct why *why)
{
    AUTO(mem_auto) struct head *h = mem_alloc(sizeof *h);
    const struct gathered *known = find_kept(r, size);

    if (answer->kind == EXCHANGE_LINES) {
        TRY(head_read_lines(r->seats, size, root, answer->body, known ? &known->head : NULL, h, why));
        drop_future(r, h, now);
        own_root = root; /* It was sent from here. */
    } else if (answer->body.n > 0) {
        TRY(read_note(r, answer->body, now, h, why));
    } else {
        round_heard(r, from, now);
        return OK;
    }
    round_heard(r, from, now);
    take(r, from, h, own_root, answer->kind == EXCHANGE_LARGER && h->size > size, now);
    return OK;
}

void round_shown(struct round *r, const struct head *other, uint64_t at, struct round_time now)
{
    contradict(r, other, at);
    settle(r, now.ms);
}

void round_convicted(struct round *r, size_t node, struct round_time now)
{
    if (node == r->self) refuse(r, "a proof shows that this node's key contradicts itself", r->own_size);
    standing_convict(&r->standing, node);
    settle(r, now.ms);
}

/* Before the first signature (decision E7). */

void round_trust(struct round *r, struct round_time now)
{
    if (r->state != ROUND_ASKING) return;
    move(r, ROUND_READY);
    if (now.ms > r->grew_ms) r->grew_ms = now.ms;
}

/* All others have answered; or, 2 s after the start, so many members that with the own one they are a majority, one at least. */
static void check_told(struct round *r, int64_t now_ms)
{
    bool has[SEATS_MEMBERS_MAX] = {false};
    bool has_all = true;
    unsigned n = 1, n_nodes = 0;

    if (r->state != ROUND_ASKING) return;
    has[seat_of(r, r->self)] = true;
    for (size_t i = 0; i < r->seats->n_nodes; i++) {
        if (i == r->self) continue;
        if (!r->peers[i].has_told) {
            has_all = false;
            continue;
        }
        n_nodes++;
        n += !has[seat_of(r, i)];
        has[seat_of(r, i)] = true;
    }
    if (!has_all && (now_ms - r->started_ms < ROUND_PRESENT_MS || n < seats_majority(r->seats) || n_nodes == 0)) return;
    move(r, ROUND_READY);
    if (now_ms > r->grew_ms) r->grew_ms = now_ms;
}

enum err round_told(struct round *r, size_t from, struct str note, const struct hash *own_root, struct round_time now,
                    struct why *why)
{
    AUTO(mem_auto) struct head *h = mem_alloc(sizeof *h);

    if (note.n > 0) {
        TRY(read_note(r, note, now, h, why));
        if (!head_has_line(h, r->self)) return fail(why, ERR_INPUT, "the note has no line of this node");
    }
    round_heard(r, from, now);
    if (note.n > 0) {
        if (h->size > r->own_size) refuse(r, "this node's key signed a larger head", h->size);
        if ((h->size == r->own_size && !hash_equal(&h->root, &r->own_root)) || (own_root && !hash_equal(own_root, &h->root))) {
            contradict(r, h, h->size);
        }
    }
    r->peers[from].has_told = true;
    check_told(r, now.ms);
    return OK;
}

/* What to do next. */

static unsigned rank(const struct round *r, int64_t now_ms)
{
    bool is_here[SEATS_MEMBERS_MAX] = {false};
    unsigned n = r->seats->n_members, own = seat_of(r, r->self), first = 0, before = 0, n_here = 0, nth = 0;

    if (r->full.head.size > 0 && r->full.head.first != HEAD_NOBODY) first = (seat_of(r, r->full.head.first) + 1) % n;
    for (size_t i = 0; i < r->seats->n_nodes; i++) {
        if (!is_present(r, i, now_ms)) continue;
        is_here[seat_of(r, i)] = true;
        nth += seat_of(r, i) == own && i < r->self;
    }
    for (unsigned seat = 0; seat < n; seat++) n_here += is_here[seat];
    for (unsigned seat = first; seat != own; seat = (seat + 1) % n) before += is_here[seat];
    return nth * n_here + before;
}

/* When this node may propose, if nothing changes; INT64_MAX: there is nothing new. */
static int64_t propose_ms(const struct round *r, int64_t now_ms)
{
    const struct gathered *g = r->n_kept ? &r->kept[r->n_kept - 1] : NULL;
    int64_t idle_ms = r->grew_ms;

    if (r->state != ROUND_READY || r->tree_size <= r->own_size || (g && r->tree_size <= g->head.size)) return INT64_MAX;
    if (g) {
        int64_t ended_ms = is_full(g) ? g->full_ms : g->began_ms + ROUND_CEILING_MS;
        if (ended_ms > idle_ms) idle_ms = ended_ms;
        if (g->began_ms + ROUND_EVERY_MS > idle_ms) idle_ms = g->began_ms + ROUND_EVERY_MS;
    }
    idle_ms += ROUND_RANK_MS * (int64_t)rank(r, now_ms);
    return idle_ms > r->put_off_until_ms ? idle_ms : r->put_off_until_ms;
}

static bool next_compare(struct round *r, int64_t now_ms, struct round_act *ret)
{
    for (size_t i = 0; i < r->seats->n_nodes; i++) {
        struct peer *p = &r->peers[i];
        if (!p->early) continue;
        if (p->early->size <= r->tree_size && now_ms >= p->early_from_ms) {
            *ret = (struct round_act){.what = ROUND_COMPARE, .size = p->early->size};
            return true;
        }
    }
    return false;
}

/* Someone's newest head first; otherwise, when it is this node's turn, its own. */
static bool next_sign(struct round *r, struct round_time now, struct round_act *ret)
{
    struct gathered *g = newest(r);

    if (r->state != ROUND_READY) return false;
    if (!g || g->head.size <= r->own_size || now.ms < r->put_off_until_ms) {
        if (now.ms < propose_ms(r, now.ms)) return false;
        struct head *h = mem_zalloc(sizeof *h);
        h->size = r->tree_size;
        h->root = r->tree_root;
        h->first = r->self;
        g = gather(r, h, now.ms);
        mem_free(h);
        must(g != NULL);
        g->is_driven = true;
    }
    must(g->head.size > r->own_size); /* R1 */
    r->clock_is_behind = now.unix_s < r->own_time_s;
    *ret = (struct round_act){.what = ROUND_SIGN,
                              .size = g->head.size,
                              .root = g->head.root,
                              .time_s = r->clock_is_behind ? r->own_time_s : now.unix_s};
    move(r, ROUND_SIGNING);
    return true;
}

/* When the next note to a node is due. */
static int64_t send_ms(const struct round *r, size_t i, const struct gathered *g, int64_t now_ms)
{
    const struct peer *p = &r->peers[i];

    if (p->sends_now) return now_ms;
    if (g->is_driven && !head_has_signed(&g->head, i) && now_ms - g->began_ms < 2 * ROUND_CEILING_MS) {
        return p->sent_ms + ROUND_RETRY_MS;
    }
    return p->sent_ms + ROUND_BEAT_MS;
}

static bool next_send(struct round *r, int64_t now_ms, struct round_act *ret)
{
    const struct gathered *g = newest_signed(r);

    for (size_t i = 0; g && i < r->seats->n_nodes; i++) {
        if (i == r->self || now_ms < send_ms(r, i, g, now_ms)) continue;
        r->peers[i].sends_now = false;
        r->peers[i].sent_ms = now_ms;
        *ret = (struct round_act){.what = ROUND_SEND, .to = i, .size = g->head.size, .root = g->head.root};
        return true;
    }
    return false;
}

static bool next_ask(struct round *r, int64_t now_ms, struct round_act *ret)
{
    if (r->state != ROUND_ASKING) return false;
    for (size_t i = 0; i < r->seats->n_nodes; i++) {
        struct peer *p = &r->peers[i];
        if (i == r->self || p->has_told || now_ms - p->asked_ms < ROUND_BEAT_MS) continue;
        p->asked_ms = now_ms;
        *ret = (struct round_act){.what = ROUND_ASK, .to = i};
        return true;
    }
    return false;
}

struct round_act round_next(struct round *r, struct round_time now)
{
    struct round_act act = {0};

    check_told(r, now.ms);
    settle(r, now.ms);
    if (next_compare(r, now.ms, &act) || next_sign(r, now, &act) || next_send(r, now.ms, &act)) return act;
    (void)next_ask(r, now.ms, &act);
    return act;
}

static void earlier(int64_t *at, int64_t other)
{
    if (other < *at) *at = other;
}

int64_t round_wait(const struct round *r, struct round_time now)
{
    const struct gathered *g = newest_signed(r);
    int64_t at = now.ms + ROUND_RETRY_MS; /* Who is present changes with time, too. */

    earlier(&at, propose_ms(r, now.ms));
    for (size_t i = 0; i < r->seats->n_nodes; i++) {
        const struct peer *p = &r->peers[i];
        if (p->early && p->early->size <= r->tree_size) earlier(&at, p->early_from_ms);
        if (i == r->self) continue;
        if (g) earlier(&at, send_ms(r, i, g, now.ms));
        if (r->state == ROUND_ASKING && !p->has_told) earlier(&at, p->asked_ms + ROUND_BEAT_MS);
    }
    if (r->state == ROUND_ASKING && now.ms - r->started_ms < ROUND_PRESENT_MS) earlier(&at, r->started_ms + ROUND_PRESENT_MS);
    return at > now.ms ? at - now.ms : 0;
}

/* Results. */

void round_compared(struct round *r, uint64_t size, const struct hash *own_root, struct round_time now)
{
    for (size_t i = 0; i < r->seats->n_nodes; i++) {
        struct peer *p = &r->peers[i];
        if (!p->early || p->early->size != size || now.ms < p->early_from_ms) continue;
        struct head *h = p->early;
        p->early = NULL;
        take(r, i, h, own_root, p->early_is_driven, now);
        mem_free(h);
    }
}

void round_signed(struct round *r, struct str note, struct round_time now)
{
    AUTO(mem_auto) struct head *h = mem_alloc(sizeof *h);
    struct why why = {{0}};
    struct gathered *g;

    must(head_read(r->seats, note, NULL, h, &why) == OK && head_has_signed(h, r->self));
    must(h->size > r->own_size && head_time_s(&h->of[r->self]) >= r->own_time_s); /* R1, R3 */
    r->own_size = h->size;
    r->own_root = h->root;
    r->own_time_s = head_time_s(&h->of[r->self]);
    if (r->state == ROUND_REFUSED) return; /* Meanwhile: the signature stays in the store of heads. */
    move(r, ROUND_READY);
    standing_see(&r->standing, h);
    g = gather(r, h, now.ms);
    if (g && g->is_driven) send_to_all(r);
    for (size_t i = 0; i < r->seats->n_nodes; i++) {
        struct peer *p = &r->peers[i];
        if (p->owes) p->sends_now = true;
        p->owes = false;
        if (p->early && p->early->size <= r->own_size) p->early_from_ms = now.ms; /* Its lines may still count. */
    }
    settle(r, now.ms);
}

void round_put_off(struct round *r, struct round_time now)
{
    r->put_off_until_ms = now.ms + ROUND_CEILING_MS;
    if (r->state == ROUND_SIGNING) move(r, ROUND_READY);
}

void round_failed(struct round *r, const struct why *why)
{
    if (r->state == ROUND_REFUSED) return;
    move(r, ROUND_REFUSED);
    r->refused_because = *why;
}

/* Reading. */

bool round_newest(const struct round *r, struct buf *ret)
{
    const struct gathered *g = newest_signed(r);

    if (g) head_add_note(r->seats, &g->head, ret);
    return g != NULL;
}

bool round_full(const struct round *r, struct buf *ret)
{
    if (r->full.head.size == 0) return false;
    head_add_note(r->seats, &r->full.head, ret);
    return true;
}

bool round_head_of(const struct round *r, size_t node, struct buf *ret)
{
    AUTO(mem_auto) struct head *h = mem_zalloc(sizeof *h);

    (void)standing_own_branch_of(&r->standing, node, h);
    for (size_t i = 0; i < r->standing.others.n; i++) standing_larger_of(r->standing.others.at[i], node, h);
    for (size_t i = 0; i < r->seats->n_nodes; i++) {
        if (r->peers[i].early) standing_larger_of(r->peers[i].early, node, h);
    }
    if (h->size == 0) return false;
    head_add_note(r->seats, h, ret);
    return true;
}

const struct standing *round_standing(const struct round *r)
{
    return &r->standing;
}

void round_status(const struct round *r, struct round_time now, struct round_status *ret)
{
    const struct gathered *g = newest_signed(r);
    bool is_here[SEATS_MEMBERS_MAX] = {false};
    struct round_status s = {.state = r->state,
                             .refused_because = r->refused_because,
                             .own_size = r->own_size,
                             .full_size = r->full.head.size,
                             .is_alone = r->full.is_alone,
                             .clock_is_behind = r->clock_is_behind,
                             .fork = r->standing.fork};

    if (g) {
        s.newest_size = g->head.size;
        s.n_signed = head_count(r->seats, &g->head, r->standing.fork.is_out);
    }
    if (s.full_size) s.n_signed_full = head_count(r->seats, &r->full.head, r->standing.fork.is_out);
    for (size_t i = 0; i < r->seats->n_nodes; i++) {
        unsigned seat = seat_of(r, i);
        if (!is_here[seat] && is_present(r, i, now.ms)) {
            is_here[seat] = true;
            s.n_present++;
        }
    }
    *ret = s;
}
