/* test_node.c - tests of a node on a journal that works: entries, answers, checkpoints, tiles, bundles, many threads.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "node/node.h"

#include <sched.h>
#include <stdatomic.h>

#include "base/limits.h"
#include "cell/set.h"
#include "home.h"
#include "proof/checkpoint.h"
#include "proof/tile.h"
#include "t.h"

static struct node *node;
static struct gate *gate;

static void start(int64_t tick_us)
{
    struct journal *inner = NULL;
    struct why why;
    must(journal_open_mem(&inner, &why) == OK);
    struct node_options options = {.journal = gate_journal(inner, &gate), .origin = STR("test.example/line"), .tick_us = tick_us};
    must(node_start(&options, &node, &why) == OK);
}

static void stop(void)
{
    node_stop(node);
    node = NULL;
}

static uint64_t position(void)
{
    struct node_status s;
    node_status(node, &s);
    return s.position;
}

/* The newest checkpoint, its signature checked with the node's vkey. */
static struct checkpoint read_checkpoint(struct buf *note_bytes)
{
    AUTO(buf_done) struct buf vkey = {0};
    AUTO(mem_auto) struct note *note = mem_alloc(sizeof *note);
    struct note_verdict verdict;
    struct note_key key;
    struct checkpoint c = {0};
    struct why why = {{0}};

    CHECK_INT(node_checkpoint(node, note_bytes, &why), OK);
    node_vkey(node, &vkey);
    CHECK_INT(note_key_parse(buf_str(&vkey), &key, &why), OK);
    CHECK_INT(note_parse(buf_str(note_bytes), note, &why), OK);
    CHECK_INT(note_verify(note, &key, 1, &verdict, &why), OK);
    CHECK(verdict.has_signed);
    CHECK_INT(checkpoint_parse(note->text, &c, &why), OK);
    CHECK_STR(c.origin, node_origin(node));
    return c;
}

static void a_new_node_has_joined_and_signed(void)
{
    AUTO(buf_done) struct buf note = {0};
    start(0);
    CHECK_INT(position(), 2);
    CHECK_INT(read_checkpoint(&note).size, 4);
    stop();
}

static void a_change_is_answered_with_its_outcome_position_and_hash(void)
{
    AUTO(buf_done) struct buf leaf = {0};
    struct ask *a = ask_subscription(STR("uss1"), 1);
    struct why why;

    start(0);
    ask_send(node, a);
    ask_wait(a);
    CHECK_INT(a->p.err, OK);
    CHECK_INT(a->p.outcome.reason, REASON_ACCEPTED);
    CHECK_INT(a->p.position, 3);
    CHECK_INT(node_leaf(node, 4, &leaf, &why), OK);
    struct hash h = hash_of(buf_str(&leaf));
    CHECK(hash_equal(&h, &a->p.entry_hash));
    CHECK_INT(node_fate(node, &h), NODE_COMMITTED);
    h.b[0] ^= 1;
    CHECK_INT(node_fate(node, &h), NODE_ABSENT);
    CHECK_INT(node_leaf(node, 6, &leaf, &why), ERR_NOT_FOUND);
    ask_free(a);
    stop();
}

/* All that waited while the gate was shut: one participant an entry, in the order of arrival. */
static void what_waits_is_packed_by_participant_in_order(void)
{
    enum { N = 700, USSES = 7 };
    static struct ask *asks[N + 1];
    uint64_t last[USSES] = {0};
    struct id ids[N];
    uint64_t found = 0;

    start(0);
    gate_shut(gate);
    asks[N] = ask_subscription(STR("first"), 0);
    ask_send(node, asks[N]);
    gate_wait_inside(gate);
    for (int i = 0; i < N; i++) {
        char uss[8];
        (void)snprintf(uss, sizeof uss, "uss%d", i % USSES);
        asks[i] = ask_subscription(str_of(uss), i);
        ids[i] = asks[i]->p.change.id;
        ask_send(node, asks[i]);
    }
    gate_open(gate);
    for (int i = 0; i <= N; i++) {
        ask_wait(asks[i]);
        CHECK_INT(asks[i]->p.err, OK);
        CHECK_INT(asks[i]->p.outcome.reason, REASON_ACCEPTED);
    }
    uint64_t n_entries = position();
    CHECK(n_entries - 3 < N / 4); /* Many changes an entry. */
    for (uint64_t i = 3; i < n_entries; i++) {
        AUTO(buf_done) struct buf bytes = {0};
        AUTO(arena_done) struct arena arena = {0};
        struct entry e;
        struct why why;
        if (!CHECK_INT(node_leaf(node, 2 * i, &bytes, &why), OK)) break;
        if (!CHECK_INT(entry_decode(buf_str(&bytes), &arena, &e, &why), OK)) break;
        CHECK(bytes.n <= LIMIT_ENTRY_BYTES && e.n_changes <= LIMIT_ENTRY_CHANGES);
        CHECK(e.participant.n == 4);
        uint64_t uss = (uint64_t)(e.participant.at[3] - '0');
        for (size_t k = 0; k < e.n_changes; k++) {
            uint64_t at = uss;
            while (at < N && !id_equal(ids[at], e.changes[k].id)) at += USSES;
            CHECK(at < N && at + 1 > last[uss]); /* Each after the one before of the same participant. */
            last[uss] = at + 1;
            found++;
        }
    }
    CHECK_INT(found, N);
    for (int i = 0; i <= N; i++) ask_free(asks[i]);
    stop();
}

static enum err tile_of_node(void *context, unsigned level, uint64_t n, unsigned width, struct hash ret[TILE_WIDTH],
                             struct why *why)
{
    AUTO(buf_done) struct buf bytes = {0};
    TRY(node_tile(context, level, n, width, &bytes, why));
    must(bytes.n == width * sizeof *ret);
    memcpy(ret, bytes.at, bytes.n);
    return OK;
}

/* Root of the first size leaves, from bundles of the widths that a tree of this size has. */
static struct hash root_from_bundles(uint64_t size)
{
    struct merkle tree = {0};
    for (uint64_t n = 0; n <= (size - 1) / 256; n++) {
        AUTO(buf_done) struct buf bundle = {0};
        struct str rest, leaf;
        struct why why = {{0}};
        unsigned width = tile_width(size, 0, n), got = 0;
        if (!CHECK_INT(node_bundle(node, n, width, &bundle, &why), OK)) printf("# %s\n", why.text);
        for (rest = buf_str(&bundle); tile_next_leaf(&rest, &leaf); got++) {
            struct hash h = hash_leaf(leaf);
            merkle_add(&tree, &h);
        }
        CHECK_INT(got, width);
        CHECK_INT(rest.n, 0);
    }
    return merkle_root(&tree);
}

/* Everything published for the newest checkpoint, against itself and against the checkpoint before. */
static void check_evidence(struct checkpoint *before)
{
    AUTO(buf_done) struct buf note = {0};
    AUTO(buf_done) struct buf none = {0};
    struct tile_reader reader = {tile_of_node, node};
    struct merkle_proof proof;
    struct hash root;
    struct why why = {{0}};
    struct checkpoint c = read_checkpoint(&note);

    root = root_from_bundles(c.size);
    CHECK(hash_equal(&root, &c.root));
    CHECK_INT(merkle_root_at(c.size, &reader, &root, &why), OK);
    CHECK(hash_equal(&root, &c.root));
    if (before->size) {
        CHECK_INT(merkle_prove_consistency(before->size, c.size, &reader, &proof, &why), OK);
        CHECK(merkle_verify_consistency(before->size, c.size, &before->root, &c.root, proof.at, proof.n));
    }
    uint64_t last = (c.size - 1) / 256;
    unsigned width = tile_width(c.size, 0, last);
    CHECK_INT(node_bundle(node, last + 1, 1, &none, &why), ERR_NOT_FOUND);
    if (width < 256) CHECK_INT(node_bundle(node, last, width + 1, &none, &why), ERR_NOT_FOUND);
    if (width < 256) CHECK_INT(node_tile(node, 0, last, width + 1, &none, &why), ERR_NOT_FOUND);
    CHECK_INT(node_tile(node, 7, 0, 1, &none, &why), ERR_NOT_FOUND);
    CHECK_INT(node_tile(node, 63, 0, 1, &none, &why), ERR_NOT_FOUND);
    CHECK_INT(node_tile(node, 0, UINT64_MAX, 256, &none, &why), ERR_NOT_FOUND);
    CHECK_INT(none.n, 0);
    *before = c;
    before->origin = (struct str){0};
}

static void grow_and_check(void)
{
    struct checkpoint before = {0};
    /* 2 leaves an entry: the sizes pass each edge of a tile of 256, and 258 tiles are more than one of level 1. */
    for (int i = 2; i < 400; i++) {
        if (!CHECK(ask_and_wait(node, ask_subscription(STR("uss1"), i)))) break;
        node_wait_signed(node);
        if (i % 61 == 0 || i % 128 == 126 || i % 128 == 127 || i % 128 == 0) check_evidence(&before);
    }
    check_evidence(&before);
}

static void bundles_tiles_and_checkpoints_agree_at_every_size(void)
{
    start(0);
    grow_and_check();
    stop();
}

static void they_agree_as_well_when_tiles_come_from_a_database_and_after_a_restart(void)
{
    struct checkpoint before = {0};
    struct home h;
    struct why why = {{0}};

    home_make(&h);
    must(home_start(&h, &why) == OK);
    node = h.node;
    grow_and_check();
    check_evidence(&before);
    home_stop(&h);
    must(home_start(&h, &why) == OK);
    node = h.node;
    check_evidence(&before);
    node = NULL;
    home_remove(&h);
}

struct crowd {
    pthread_t thread;
    int number;
    int n_asks;
    int n_accepted;
};

static atomic_bool readers_stop;

static void *write_many(void *context)
{
    struct crowd *c = context;
    char uss[16];
    (void)snprintf(uss, sizeof uss, "uss%d", c->number);
    for (int i = 0; i < c->n_asks; i += 5) {
        struct ask *five[5];
        for (int k = 0; k < 5; k++) ask_send(node, five[k] = ask_subscription(str_of(uss), i + k));
        for (int k = 0; k < 5; k++) {
            ask_wait(five[k]);
            c->n_accepted += five[k]->p.err == OK && five[k]->p.outcome.reason == REASON_ACCEPTED;
            ask_free(five[k]);
        }
    }
    return NULL;
}

/* What a reader sees never goes back and always holds together. */
static void *read_many(void *context)
{
    struct crowd *c = context;
    uint64_t seen = 0;
    c->n_accepted = 1;
    while (!atomic_load(&readers_stop)) {
        AUTO(buf_done) struct buf bytes = {0};
        struct node_status s;
        struct state_pin pin;
        struct why why;
        const struct view *v = state_read(node_state(node), &pin);
        bool goes_on = v->position >= seen;
        seen = v->position;
        state_done_reading(&pin);
        node_status(node, &s);
        uint64_t n = (s.signed_size - 1) / 256;
        goes_on = goes_on && node_bundle(node, n, tile_width(s.signed_size, 0, n), &bytes, &why) == OK;
        goes_on = goes_on && node_tile(node, 0, n, tile_width(s.signed_size, 0, n), &bytes, &why) == OK;
        goes_on = goes_on && (n == 0 || node_tile(node, 0, n - 1, 256, &bytes, &why) == OK);
        goes_on = goes_on && (n == 0 || node_bundle(node, n - 1, 256, &bytes, &why) == OK);
        goes_on = goes_on && node_checkpoint(node, &bytes, &why) == OK;
        if (!goes_on) {
            c->n_accepted = 0;
            break;
        }
    }
    return NULL;
}

static void crowd_on(int n_asks)
{
    enum { WRITERS = 4, READERS = 3 };
    struct crowd crowd[WRITERS + READERS] = {0};
    struct checkpoint before = {0};

    atomic_store(&readers_stop, false);
    for (int i = 0; i < WRITERS + READERS; i++) {
        crowd[i].number = i;
        crowd[i].n_asks = n_asks;
        must(pthread_create(&crowd[i].thread, NULL, i < WRITERS ? write_many : read_many, &crowd[i]) == 0);
    }
    for (int i = 0; i < WRITERS + READERS; i++) {
        if (i == WRITERS) atomic_store(&readers_stop, true);
        must(pthread_join(crowd[i].thread, NULL) == 0);
        CHECK_INT(crowd[i].n_accepted, i < WRITERS ? n_asks : 1);
    }
    node_wait_signed(node);
    check_evidence(&before);
}

static void many_threads_write_and_read(void)
{
    start(0);
    crowd_on(400);
    stop();
}

static void many_threads_write_and_read_a_database(void)
{
    struct home h;
    struct why why = {{0}};
    home_make(&h);
    must(home_start(&h, &why) == OK);
    node = h.node;
    crowd_on(100);
    node = NULL;
    home_remove(&h);
}

static void silence_is_broken_by_a_tick(void)
{
    AUTO(buf_done) struct buf bytes = {0};
    AUTO(arena_done) struct arena arena = {0};
    struct entry e;
    struct why why;

    start(1000);
    while (position() < 5) (void)sched_yield();
    CHECK_INT(node_leaf(node, 8, &bytes, &why), OK);
    CHECK_INT(entry_decode(buf_str(&bytes), &arena, &e, &why), OK);
    CHECK_INT(e.n_changes, 1);
    CHECK_INT(e.changes[0].kind, CHANGE_TICK);
    CHECK_INT(e.participant.n, 0);
    stop();
}

/* Every member at its limit: 4,096 cells, 256 digests, two URLs, the longest name. */
static void the_largest_change_fits_into_an_entry(void)
{
    enum { URL = LIMIT_URL_BYTES };
    AUTO(u64_vec_done) struct u64_vec cells = {0};
    AUTO(buf_done) struct buf leaf = {0};
    struct rng rng = t_rng();
    char url[URL], name[LIMIT_SUB_BYTES];
    uint64_t digests[LIMIT_KEY_DIGESTS];
    int64_t now_us = node_now_us();
    struct why why;

    memset(url, 'u', sizeof url);
    memset(name, 'n', sizeof name);
    for (int i = 0; i < LIMIT_KEY_DIGESTS; i++) digests[i] = UINT64_MAX - (uint64_t)i;
    while (cells.n < LIMIT_CELLS) { /* Scattered over one face. */
        u64_vec_add(&cells, (rng_next(&rng) >> 3 & ~((UINT64_C(1) << 35) - 1)) | UINT64_C(1) << 34);
        if (cells.n == LIMIT_CELLS) cell_set_normalise(&cells);
    }
    struct change c = {.kind = CHANGE_INTENT_PUT, .id = {1, 2}, .url = str_make(url, URL), .state = INTENT_ACCEPTED,
                       .attach = ATTACH_NEW, .attach_id = {3, 4}, .attach_url = str_make(url, URL), .has_key = true,
                       .checked_at = 2, .digests = digests, .n_digests = LIMIT_KEY_DIGESTS,
                       .vol = {cells.at, cells.n, {now_us, now_us + 1000000, 0, 1}}};
    struct ask *a = ask_change(str_make(name, sizeof name), c);
    start(0);
    ask_send(node, a);
    ask_wait(a);
    CHECK_INT(a->p.err, OK);
    CHECK_INT(a->p.outcome.reason, REASON_ACCEPTED);
    CHECK_INT(node_leaf(node, 4, &leaf, &why), OK);
    CHECK(leaf.n > 14000 && leaf.n <= LIMIT_ENTRY_BYTES);
    ask_free(a);
    stop();
}

/* The queue has an end; whoever finds it full is told at once; whoever is in it is answered, also by a node that stops. */
static void a_full_queue_refuses_and_a_stop_answers_all_that_wait(void)
{
    enum { N = 17000 };
    static struct ask *asks[N];
    int n_full = 0, n_written = 0;

    start(0);
    gate_shut(gate);
    ask_send(node, asks[0] = ask_subscription(STR("uss1"), 0));
    gate_wait_inside(gate);
    for (int i = 1; i < N; i++) ask_send(node, asks[i] = ask_subscription(STR("uss1"), i));
    for (int i = 0; i < N; i++) {
        if (!asks[i]->is_done) continue;
        n_full++;
        CHECK_INT(asks[i]->p.err, ERR_UNAVAILABLE);
        CHECK(!asks[i]->p.is_unclear);
        CHECK_STR(str_of(asks[i]->p.why.text), STR("too many writes are waiting"));
    }
    CHECK_INT(n_full, N - 1 - 16384);
    gate_open(gate);
    stop();
    for (int i = 0; i < N; i++) {
        CHECK(asks[i]->is_done);
        n_written += asks[i]->p.err == OK;
        ask_free(asks[i]);
    }
    CHECK_INT(n_written, 16385);
}

int main(void)
{
    RUN(a_new_node_has_joined_and_signed);
    RUN(a_change_is_answered_with_its_outcome_position_and_hash);
    RUN(what_waits_is_packed_by_participant_in_order);
    RUN(bundles_tiles_and_checkpoints_agree_at_every_size);
    RUN(they_agree_as_well_when_tiles_come_from_a_database_and_after_a_restart);
    RUN(many_threads_write_and_read);
    RUN(many_threads_write_and_read_a_database);
    RUN(silence_is_broken_by_a_tick);
    RUN(the_largest_change_fits_into_an_entry);
    RUN(a_full_queue_refuses_and_a_stop_answers_all_that_wait);
    return t_done();
}
