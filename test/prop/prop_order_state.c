/* prop_order_state.c - order and state together: whoever reads etcd, in whatever pieces, comes to the same leaves and the same state.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Members come and go while they write: roots of members that have not joined, or are not even admitted, replaced roots, ended nodes,
 * expelled members, garbage, slots left out and written late. Root-signed entries stand in the root's own slots (decision B2). One
 * reader sees each write at once; others read in pieces of their own, each author by itself.
 */
#include "base/vec.h"
#include "entry/entry.h"
#include "journal/order.h"
#include "proof/merkle.h"
#include "state/genesis.h"
#include "state/member.h"
#include "state/rules.h"
#include "state/state.h"
#include "t.h"

#define N_KEYS 40
#define N_FOUNDERS 3
#define N_READERS 3
#define ORIGIN STR("order.example/line")

struct slot {
    int author;
    uint64_t number;
    int64_t revision; /* Of its creation. */
    struct str bytes;
};
VEC_DEFINE(slot_vec, struct slot);

struct reader {
    struct order *order;
    struct state *state;
    struct merkle leaves;
    uint64_t n_leaves;
};

static struct {
    struct rng rng;
    struct arena arena;
    struct key_secret keys[N_KEYS];
    uint8_t ids[N_KEYS][8];
    int member[N_KEYS]; /* Whose root or node the key is meant to be. */
    bool is_root[N_KEYS];
    int n_keys, n_members;
    struct hash genesis, proposal;
    struct slot_vec slots;
    int64_t revision, now_ms;
    struct reader truth;
    int n_accepted[32], n_refused, n_early;
} w;

static uint64_t below(uint64_t n)
{
    return rng_below(&w.rng, n);
}

static struct str name_of(int member)
{
    static const char *const names[] = {"m0", "m1", "m2", "m3", "m4", "m5", "m6", "m7"};
    return str_of(names[member]);
}

static int new_key(int member, bool is_root)
{
    int k = w.n_keys++;
    uint8_t seed[32] = {0x6f, (uint8_t)k};
    key_secret_init(&w.keys[k], seed);
    struct hash h = hash_of(str_make(w.keys[k].public.b, 32));
    memcpy(w.ids[k], h.b, 8);
    w.member[k] = member;
    w.is_root[k] = is_root;
    return k;
}

/* ---- Reading. ---- */

static void admit(struct reader *r, const uint8_t id[8])
{
    struct key_public key;
    if (!state_author_key(state_view(r->state), id, &key) || order_has(r->order, id)) return;
    CHECK_INT(order_admit(r->order, id, order_place(r->order), NULL), OK);
}

/* The order's authors are those that the state has. */
static void admit_all(struct reader *r)
{
    const struct view *v = state_view(r->state);
    struct member_node nodes[LIMIT_MEMBER_NODES];
    struct key_public key;

    for (uint32_t no = 0; no < view_n_members(v); no++) {
        admit(r, view_member(v, no)->root_id);
        size_t n = view_nodes(v, no, nodes);
        for (size_t i = 0; i < n; i++) admit(r, nodes[i].id);
    }
    for (size_t i = order_n_authors(r->order); i-- > 0;) {
        uint8_t id[8];
        memcpy(id, order_author(r->order, i), 8);
        if (!state_author_key(v, id, &key)) order_retire(r->order, id);
    }
}

static bool changes_authors(void *context, struct str bytes)
{
    AUTO(arena_done) struct arena arena = {0};
    struct entry e;
    (void)context;
    return entry_decode(bytes, &arena, &e, NULL) == OK && e.changes[0].kind != CHANGE_TICK;
}

static void apply(struct reader *r, struct str bytes)
{
    AUTO(arena_done) struct arena arena = {0};
    AUTO(buf_done) struct buf leaf = {0};
    struct outcome *outcomes;
    struct entry e;

    must(entry_decode(bytes, &arena, &e, NULL) == OK);
    CHECK_INT(state_apply(r->state, &e, bytes, &arena, &outcomes, &leaf), OK);
    if (r == &w.truth && outcomes[0].reason == REASON_ACCEPTED) w.n_accepted[e.changes[0].kind]++;
    if (r == &w.truth && outcomes[0].reason != REASON_ACCEPTED) w.n_refused++;
    struct hash hashes[2] = {hash_leaf(bytes), hash_leaf(buf_str(&leaf))};
    merkle_add(&r->leaves, &hashes[0]);
    merkle_add(&r->leaves, &hashes[1]);
    r->n_leaves++;
    state_publish(r->state);
}

static void take_certain(struct reader *r)
{
    bool more = true;
    while (more) {
        struct order_entries taken = {0};
        more = order_take(r->order, changes_authors, NULL, &taken);
        for (size_t i = 0; i < taken.n; i++) apply(r, taken.at[i].bytes);
        order_entries_done(&taken);
        if (more) admit_all(r);
    }
}

/* At most n of the author's next slots, as etcd shows them at the revision. */
static void read_author(struct reader *r, const uint8_t id[8], size_t n, int64_t revision)
{
    uint8_t author[8];
    memcpy(author, id, 8);
    for (;;) {
        uint64_t wanted = order_wants(r->order, author);
        size_t i = 0;
        while (i < w.slots.n && !(memcmp(w.ids[w.slots.at[i].author], author, 8) == 0 && w.slots.at[i].number == wanted &&
                                  w.slots.at[i].revision <= revision)) i++;
        if (i == w.slots.n) break;
        if (n-- == 0) return;
        const struct slot *s = &w.slots.at[i];
        struct entry e;
        bool good = entry_decode_head(s->bytes, &e, NULL) == OK && memcmp(e.author, author, 8) == 0 && e.slot == wanted &&
                    entry_verify(s->bytes, ORIGIN, &w.keys[s->author].public);
        must(order_feed(r->order, author, wanted, s->revision, s->bytes, good, NULL) == OK); /* Else it would be read for ever. */
    }
    order_complete(r->order, author, revision);
}

static void read_all(struct reader *r, int64_t revision)
{
    for (;;) {
        const uint8_t *behind = order_behind(r->order, revision);
        if (behind) read_author(r, behind, SIZE_MAX, revision);
        take_certain(r);
        if (!order_behind(r->order, revision)) return;
    }
}

static void reader_init(struct reader *r, struct str genesis)
{
    *r = (struct reader){.order = order_new()};
    must(state_new(genesis, &r->state, NULL) == OK);
    admit_all(r);
}

static void reader_done(struct reader *r)
{
    order_free(r->order);
    state_free(r->state);
}

/* ---- Writing. ---- */

static void put(int author, uint64_t number, struct str bytes)
{
    slot_vec_add(&w.slots, (struct slot){author, number, ++w.revision, arena_dup(&w.arena, bytes)});
}

static bool is_taken(int author, uint64_t number)
{
    for (size_t i = 0; i < w.slots.n; i++)
        if (w.slots.at[i].author == author && w.slots.at[i].number == number) return true;
    return false;
}

/* The author's next slot, or one further on; what it follows is as the truth has it, or, of strangers, nothing. */
static void write_change(int author, struct change c, bool skips)
{
    AUTO(buf_done) struct buf bytes = {0};
    struct entry e = {.time_ms = w.now_ms, .changes = &c, .n_changes = 1};
    int64_t last_ms;

    memcpy(e.author, w.ids[author], 8);
    if (!state_author_next(state_view(w.truth.state), e.author, &e.slot, &e.previous, &last_ms)) w.n_early++;
    if (order_has(w.truth.order, e.author)) e.slot = order_wants(w.truth.order, e.author);
    e.slot += skips;
    while (is_taken(author, e.slot)) e.slot++;
    entry_encode(&e, ORIGIN, &w.keys[author], &bytes);
    if (below(25) == 0) bytes.at[bytes.n - 1] ^= 1; /* Garbage. */
    put(author, e.slot, buf_str(&bytes));
    read_all(&w.truth, w.revision);
}

static struct change proposal(void)
{
    struct change c = {.kind = CHANGE_PROPOSE, .act = (enum proposal_act)(1 + below(3)), .text = STR("so be it")};
    int member = (int)below((uint64_t)w.n_members);

    if (c.act == PROPOSE_ADMIT && w.n_members < 8) member = w.n_members++;
    else if (c.act == PROPOSE_ADMIT) c.act = PROPOSE_EXPEL;
    if (c.act == PROPOSE_EXPEL && below(3)) c.act = PROPOSE_ROOT;
    c.member = name_of(member);
    if (c.act != PROPOSE_EXPEL) memcpy(c.root_key, w.keys[new_key(member, true)].public.b, 32);
    return c;
}

static void one_write(void)
{
    int author = (int)below((uint64_t)w.n_keys);
    struct change c = {.kind = CHANGE_TICK};
    uint64_t dice = below(100);

    w.now_ms += (int64_t)below(3000);
    bool is_stranger = !view_member_named(state_view(w.truth.state), name_of(w.member[author]));

    if (w.is_root[author] && dice < (is_stranger ? 80 : 40)) {
        c = (struct change){.kind = CHANGE_JOIN, .member = name_of(w.member[author]), .digest = w.genesis};
        memcpy(c.entry_key, w.keys[new_key(w.member[author], false)].public.b, 32);
    } else if (dice < 55) {
        c = (struct change){.kind = CHANGE_APPROVE, .proposal = w.proposal};
    } else if (dice < 60) {
        c = proposal();
    } else if (dice < 63 && w.is_root[author]) {
        c = (struct change){.kind = CHANGE_NODE_END};
        memcpy(c.node, w.ids[below((uint64_t)w.n_keys)], 8);
    }
    write_change(author, c, below(12) == 0);
    if (view_n_proposals(state_view(w.truth.state)))
        w.proposal = view_proposal(state_view(w.truth.state), (size_t)below(view_n_proposals(state_view(w.truth.state))))->hash;
}

static struct buf found(unsigned rules)
{
    struct buf bytes = {0};
    struct genesis_member members[N_FOUNDERS];

    w.n_keys = 0;
    w.n_members = N_FOUNDERS;
    for (int i = 0; i < N_FOUNDERS; i++) members[i] = (struct genesis_member){name_of(i), w.keys[new_key(i, true)].public};
    genesis_encode(&(struct genesis){.origin = ORIGIN, .rules = rules, .members = members, .n_members = N_FOUNDERS, .created_ms = 1},
                   &bytes);
    w.genesis = hash_of(buf_str(&bytes));
    return bytes;
}

/* ---- Rounds. ---- */

static bool agree(const struct reader *r)
{
    struct hash a = merkle_root(&w.truth.leaves), b = merkle_root(&r->leaves);
    struct hash x = state_digest(state_view(w.truth.state)), y = state_digest(state_view(r->state));
    return CHECK_INT(r->n_leaves, w.truth.n_leaves) && CHECK(hash_equal(&a, &b)) && CHECK(hash_equal(&x, &y));
}

static void read_a_piece(struct reader *r)
{
    size_t n = order_n_authors(r->order);
    read_author(r, order_author(r->order, (size_t)below(n)), (size_t)below(4), w.revision - (int64_t)below(3));
    take_certain(r);
}

static bool round_of(unsigned rules)
{
    AUTO(buf_done) struct buf genesis = found(rules);
    struct reader readers[N_READERS];
    bool ok = true;

    w.revision = 0;
    w.now_ms = 1000;
    reader_init(&w.truth, buf_str(&genesis));
    for (int i = 0; i < N_READERS; i++) reader_init(&readers[i], buf_str(&genesis));
    for (int step = 0; step < 150 && w.n_keys < N_KEYS - 2; step++) {
        one_write();
        for (int i = 0; i < N_READERS; i++)
            if (below(3)) read_a_piece(&readers[i]);
    }
    for (int i = 0; i < N_READERS; i++) {
        read_all(&readers[i], w.revision);
        ok = ok && agree(&readers[i]);
        reader_done(&readers[i]);
    }
    state_check(w.truth.state);
    reader_done(&w.truth);
    for (int k = 0; k < w.n_keys; k++) key_secret_done(&w.keys[k]);
    slot_vec_clear(&w.slots);
    arena_clear(&w.arena);
    return ok;
}

static void whoever_reads_in_whatever_pieces_comes_to_the_same(void)
{
    bool ok = true;

    w.rng = t_rng();
    for (int i = 0; ok && i < t_steps(30); i++) ok = round_of(1 + (unsigned)below(RULES_NEWEST));
    printf("# accepted: %d joins, %d ticks, %d proposals, %d approvals, %d ends; %d refused, %d of strangers\n", w.n_accepted[CHANGE_JOIN],
           w.n_accepted[CHANGE_TICK], w.n_accepted[CHANGE_PROPOSE], w.n_accepted[CHANGE_APPROVE], w.n_accepted[CHANGE_NODE_END],
           w.n_refused, w.n_early);
    CHECK(!ok || (w.n_accepted[CHANGE_APPROVE] > 0 && w.n_early > 0 && w.n_refused > 0));
    slot_vec_done(&w.slots);
    arena_done(&w.arena);
}

int main(void)
{
    RUN(whoever_reads_in_whatever_pieces_comes_to_the_same);
    return t_done();
}
