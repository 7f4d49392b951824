/* fuzz_exchange.c - fork proofs, heads and the texts between nodes: what is read is written again as it was.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The first byte chooses the reader, the rest is its text.
 */
#include "base/mem.h"
#include "node/exchange.h"
#include "node/fork.h"
#include "node/round.h"
#include "signers.h"

static void fuzz_proof(const struct signers *s, struct str text)
{
    AUTO(buf_done) struct buf again = {0};
    struct note_key keys[2 * SEATS_NODES_MAX];
    bool by[2 * SEATS_NODES_MAX] = {false};
    struct fork_proof p;
    struct fork_verdict v;
    size_t n = signers_keys(s, keys), n_convicted = 0;

    if (fork_proof_parse(text, &p, NULL) == OK) {
        fork_proof_add(&again, &p);
        must(str_equal(buf_str(&again), text));
    }
    if (fork_verify(text, keys, n, by, &v, NULL) == OK) {
        for (size_t i = 0; i < n; i++) n_convicted += by[i];
        must(n_convicted == v.n_convicted && v.smaller.size <= v.larger.size);
    }
}

static void fuzz_head(const struct signers *s, struct str text)
{
    AUTO(buf_done) struct buf once = {0}, again = {0};
    static struct head a, b;
    uint64_t size;
    struct hash root;

    if (head_read(&s->seats, text, NULL, &a, NULL) != OK) return;
    must(head_peek(&s->seats, text, &size, &root, NULL) == OK && head_is_same(&a, size, &root));
    head_add_note(&s->seats, &a, &once);
    must(head_read(&s->seats, buf_str(&once), NULL, &b, NULL) == OK);
    head_add_note(&s->seats, &b, &again);
    must(str_equal(buf_str(&once), buf_str(&again)) && !head_merge(&a, &b));
}

static void fuzz_lines(const struct signers *s, const struct grove *g, struct str text)
{
    AUTO(buf_done) struct buf again = {0};
    static struct head a, b;

    if (head_read_lines(&s->seats, 10, &g->roots[0][10], text, NULL, &a, NULL) != OK) return;
    head_add_lines(&s->seats, &a, &again);
    must(head_read_lines(&s->seats, 10, &g->roots[0][10], buf_str(&again), &a, &b, NULL) == OK && !head_merge(&a, &b));
}

static void fuzz_texts(struct str text)
{
    static const int statuses[] = {200, 404, 409, 425, 500};
    AUTO(buf_done) struct buf target = {0};
    struct exchange_answer answer;
    struct exchange_query query;
    struct str note, rest;

    bool is_note = exchange_read_round(text, NULL) == OK;

    for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++) {
        if (exchange_read_answer(statuses[i], text, &answer, NULL) == OK) must(exchange_status(answer.kind) == statuses[i]);
        must((exchange_read_head(statuses[i], text, &note, NULL) == OK) == (statuses[i] == 404 || (statuses[i] == 200 && is_note)));
    }
    if (exchange_read_query(text, &query, NULL) == OK) {
        exchange_add_target(&target, &query);
        rest = buf_str(&target);
        (void)str_cut(&rest, '?');
        must(str_equal_nocase(rest, text));
    }
}

/* A node that is shown anything signs nothing but its own tree. */
static void fuzz_round(const struct signers *s, const struct grove *g, struct str text)
{
    struct round_time now = {1000, 1000};
    struct round *r;
    struct round_act act;
    uint64_t size;
    struct hash root;
    const struct hash *own = NULL;
    unsigned n_good = 0;

    must(round_new(&s->seats, 0, (struct str){0}, now, &r, NULL) == OK);
    round_grew(r, 10, &g->roots[0][10], now);
    if (head_peek(&s->seats, text, &size, &root, NULL) == OK && size <= 10) own = &g->roots[0][size];
    n_good += round_told(r, 1, text, own, now, NULL) == OK;
    must(round_told(r, 2, (struct str){0}, NULL, now, NULL) == OK);
    n_good += round_note(r, 2, text, own, now, NULL) == OK;
    for (int i = 0; i < 20; i++) {
        act = round_next(r, now);
        if (act.what == ROUND_NOTHING || act.what == ROUND_SIGN) break;
        must(act.what != ROUND_COMPARE);
    }
    must(n_good <= 2 && (text.n > 0 || n_good == 1));
    if (act.what == ROUND_SIGN) must(act.size <= 10 && hash_equal(&act.root, &g->roots[0][act.size]));
    round_free(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct signers s;
    static struct grove g;
    struct str text;

    if (s.seats.n_nodes == 0) {
        signers_init(&s, 3, 3);
        grove_init(&g, 6);
    }
    if (size == 0) return 0;
    text = str_make(data + 1, size - 1);
    switch (data[0]) {
    case 'p': fuzz_proof(&s, text); break;
    case 'h': fuzz_head(&s, text); break;
    case 'l': fuzz_lines(&s, &g, text); break;
    case 'r': fuzz_round(&s, &g, text); break;
    default: fuzz_texts(text); break;
    }
    return 0;
}
