/* test_pack.c - tests of packing: random proposals against what the rules allow.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "node/pack.h"

#include "base/limits.h"
#include "gen_change.h"
#include "t.h"

#define N_MAX 400

/* Bytes that the entry's changes and its participant take, as they will be encoded. */
static size_t entry_bytes(const struct packed *p)
{
    size_t n = ENTRY_OVERHEAD + p->participant.n;
    for (size_t i = 0; i < p->n; i++) n += change_size(&p->proposals[i]->change);
    return n;
}

static void check_entries(const struct packed_vec *entries, struct pending *all, size_t n)
{
    size_t found = 0;
    const struct pending *newest = NULL; /* First proposals of entries come in order. */

    for (size_t i = 0; i < entries->n; i++) {
        const struct packed *p = &entries->at[i];
        CHECK(p->n >= 1 && p->n <= LIMIT_ENTRY_CHANGES);
        CHECK(entry_bytes(p) <= LIMIT_ENTRY_BYTES);
        CHECK(!newest || p->proposals[0] > newest);
        newest = p->proposals[0];
        for (size_t k = 0; k < p->n; k++) {
            CHECK_STR(p->proposals[k]->participant, p->participant);
            CHECK(k == 0 || p->proposals[k] > p->proposals[k - 1]);
            found++;
        }
        /* The participant's next entry begins after this one's end, and only since this one was full. */
        for (size_t next = i + 1; next < entries->n; next++) {
            const struct packed *q = &entries->at[next];
            if (!str_equal(q->participant, p->participant)) continue;
            CHECK(q->proposals[0] > p->proposals[p->n - 1]);
            CHECK(p->n == LIMIT_ENTRY_CHANGES ||
                  entry_bytes(p) + change_size(&q->proposals[0]->change) > LIMIT_ENTRY_BYTES);
            break;
        }
    }
    CHECK_INT(found, n);
    (void)all;
}

static void entries_are_few_full_and_in_order(void)
{
    static struct pending proposals[N_MAX];
    struct rng rng = t_rng();

    for (int step = t_steps(60); step > 0; step--) {
        AUTO(arena_done) struct arena arena = {0};
        AUTO(packed_vec_done) struct packed_vec entries = {0};
        size_t n = 1 + rng_below(&rng, N_MAX), n_usses = 1 + rng_below(&rng, 9);
        bool are_small = rng_below(&rng, 2);
        for (size_t i = 0; i < n; i++) {
            char name[16];
            enum change_kind kind = are_small ? CHANGE_INTENT_DELETE : GEN_KINDS[rng_below(&rng, GEN_N_KINDS)];
            (void)snprintf(name, sizeof name, "uss%d", (int)rng_below(&rng, n_usses));
            proposals[i] = (struct pending){.participant = arena_dup(&arena, str_of(name)),
                                             .change = gen_change(&rng, &arena, kind),
                                             .next = i + 1 < n ? &proposals[i + 1] : NULL};
        }
        pack_proposals(&proposals[0], &arena, &entries);
        check_entries(&entries, proposals, n);
        if (are_small) CHECK(entries.n <= n / LIMIT_ENTRY_CHANGES + n_usses);
    }
}

/* What was reckoned is enough for what entry_encode() writes. */
static void a_packed_entry_encodes_within_its_limit(void)
{
    static struct pending proposals[N_MAX];
    struct rng rng = t_rng();
    static const uint8_t seed[32] = {9};
    struct key_secret key;

    key_secret_init(&key, seed);
    for (int step = t_steps(20); step > 0; step--) {
        AUTO(arena_done) struct arena arena = {0};
        AUTO(packed_vec_done) struct packed_vec entries = {0};
        for (size_t i = 0; i < N_MAX; i++) {
            proposals[i] = (struct pending){.participant = STR("uss1"),
                                             .change = gen_change(&rng, &arena, GEN_KINDS[rng_below(&rng, GEN_N_KINDS)]),
                                             .next = i + 1 < N_MAX ? &proposals[i + 1] : NULL};
        }
        pack_proposals(&proposals[0], &arena, &entries);
        for (size_t i = 0; i < entries.n; i++) {
            AUTO(buf_done) struct buf bytes = {0};
            struct packed *p = &entries.at[i];
            struct entry e = {.epoch = UINT64_MAX, .slot = UINT64_MAX, .time_ms = INT64_MAX, .seen_size = UINT64_MAX - 1,
                              .participant = p->participant, .n_changes = p->n};
            e.changes = arena_array(&arena, p->n, sizeof *e.changes);
            for (size_t k = 0; k < p->n; k++) e.changes[k] = p->proposals[k]->change;
            entry_encode(&e, STR("test.example/line"), &key, &bytes);
            CHECK(bytes.n <= entry_bytes(p));
        }
    }
    key_secret_done(&key);
}

int main(void)
{
    RUN(entries_are_few_full_and_in_order);
    RUN(a_packed_entry_encodes_within_its_limit);
    return t_done();
}
