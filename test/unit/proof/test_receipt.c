/* test_receipt.c - a whole small log, its receipts, and the golden one byte for byte.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "proof/receipt.h"

#include <stdlib.h>

#include "base/b64.h"
#include "base/mem.h"
#include "proof/tile.h"
#include "t.h"

#define N 300
static const struct str ORIGIN = {"clearline.example/test-log", 26};

static struct hash leaves[N];
static struct tiles *tiles;
static struct hash full_tile[TILE_WIDTH];
static struct key_secret secrets[4];
static struct note_key keys[4]; /* log, alpha, bravo, neutral */

static struct str leaf_bytes(unsigned i, char text[32])
{
    return str_make(text, (size_t)snprintf(text, 32, "clearline test entry %06u", i));
}

static void keep_tile(void *context, unsigned level, uint64_t n, const struct hash hashes[TILE_WIDTH])
{
    (void)context;
    CHECK(level == 0 && n == 0);
    memcpy(full_tile, hashes, sizeof full_tile);
}

static enum err read_tile(void *context, unsigned level, uint64_t n, unsigned width, struct hash ret[TILE_WIDTH],
                          struct why *why)
{
    bool is_full = level == 0 && n == 0;
    (void)context;
    if (!is_full && width > tiles_width(tiles, level)) return fail(why, ERR_NOT_FOUND, "no such tile");
    memcpy(ret, is_full ? full_tile : tiles->at[level], width * sizeof *ret);
    return OK;
}

static const struct tile_reader READER = {read_tile, NULL};

static void make_log(void)
{
    static const char *const LABELS[] = {"clearline-test:log", "clearline-test:alpha", "clearline-test:bravo",
                                         "clearline-test:neutral"};
    static const char *const NAMES[] = {"clearline.example/test-log", "witness.example/alpha", "witness.example/bravo",
                                        "witness.example/neutral"};
    char text[32];

    tiles = mem_zalloc(sizeof *tiles);
    for (unsigned i = 0; i < N; i++) {
        leaves[i] = hash_leaf(leaf_bytes(i, text));
        tiles_add(tiles, &leaves[i], keep_tile, NULL);
    }
    for (int i = 0; i < 4; i++) {
        struct hash seed = hash_of(str_of(LABELS[i]));
        key_secret_init(&secrets[i], seed.b);
        keys[i] = note_key_make(str_of(NAMES[i]), i == 0 ? NOTE_ED25519 : NOTE_COSIGNATURE, &secrets[i].public);
    }
}

static void make_note(struct buf *to)
{
    struct checkpoint c = {ORIGIN, N, tiles_root(tiles)};
    AUTO(buf_done) struct buf text = {0};

    checkpoint_add(&text, &c);
    checkpoint_sign(to, &c, &secrets[0]);
    for (int i = 1; i < 4; i++) note_cosign(to, buf_str(&text), keys[i].name, &secrets[i], 1700000000 + (uint64_t)i - 1);
}

static void the_golden_receipt_is_made_byte_for_byte(void)
{
    AUTO(buf_done) struct buf note = {0}, text = {0}, extra = {0};
    struct str golden = t_read_file("test/golden/v1/receipt.tlog-proof");
    struct receipt r = {.index = 257}, back;
    struct note_verdict verdicts[4];
    struct checkpoint c;
    char leaf[32];

    make_note(&note);
    CHECK_INT(note.n, 596);
    CHECK(merkle_prove_inclusion(257, N, &READER, &r.proof, NULL) == OK);
    r.note = buf_str(&note);
    receipt_add(&text, &r);
    CHECK(golden.n > 0);
    CHECK_STR(buf_str(&text), golden);
    CHECK(receipt_parse(golden, &extra, &back, NULL) == OK);
    CHECK(receipt_verify(&back, leaf_bytes(257, leaf), keys, 4, 1, verdicts, &c, NULL) == OK);
    CHECK(verdicts[0].has_signed && verdicts[1].has_signed && verdicts[2].has_signed && verdicts[3].has_signed);
    CHECK_INT(verdicts[3].time_s, 1700000002);
    CHECK_INT(c.size, N);
    CHECK(receipt_verify(&back, leaf_bytes(256, leaf), keys, 4, 1, verdicts, &c, NULL) == ERR_INPUT);
    free((char *)golden.at);
}

static void the_golden_roots_and_consistency_come_out(void)
{
    AUTO(buf_done) struct buf want = {0};
    struct merkle_proof p;
    struct hash root;

    CHECK(b64_decode(B64_STANDARD, STR("bR9GsFT+F5W6lRNKJwn15UlEl6/3ZUoIlEmUhZI6ZAw="), &want));
    CHECK(merkle_root_at(256, &READER, &root, NULL) == OK);
    CHECK(memcmp(root.b, want.at, 32) == 0);
    CHECK(merkle_prove_consistency(256, 300, &READER, &p, NULL) == OK);
    buf_clear(&want);
    CHECK(b64_decode(B64_STANDARD, STR("GEEgdRpKXhaD9KCC08Grj2Umb9McdRLiaYthC9GqS4c="), &want));
    CHECK(p.n == 1 && memcmp(p.at[0].b, want.at, 32) == 0);
}

static void a_receipt_of_every_leaf_verifies(void)
{
    AUTO(buf_done) struct buf note = {0};

    make_note(&note);
    for (unsigned i = 0; i < N; i++) {
        AUTO(buf_done) struct buf text = {0}, extra = {0};
        struct receipt r = {.index = i, .note = buf_str(&note)}, back;
        struct note_verdict verdicts[4];
        struct checkpoint c;
        char leaf[32], outcome[32];
        struct why why = {{0}};

        r.has_extra = i % 2 == 0;
        if (r.has_extra) r.extra = leaf_bytes(i + 1, outcome);
        bool good = CHECK(merkle_prove_inclusion(i, N, &READER, &r.proof, NULL) == OK);
        receipt_add(&text, &r);
        good = good && CHECK(receipt_parse(buf_str(&text), &extra, &back, &why) == OK) &&
               CHECK(receipt_verify(&back, leaf_bytes(i, leaf), keys, 1, 1, verdicts, &c, &why) == OK) &&
               CHECK(receipt_has_outcome(&back, r.has_extra ? back.extra : STR("x")) == r.has_extra) &&
               CHECK(!receipt_has_outcome(&back, STR("other")));
        if (!good) {
            printf("# leaf %u: %s\n", i, why.text);
            return;
        }
    }
}

static void no_flipped_bit_of_path_index_or_root_is_overlooked(void)
{
    AUTO(buf_done) struct buf note = {0}, text = {0};
    struct receipt r = {.index = 42};
    char leaf[32];

    make_note(&note);
    CHECK(merkle_prove_inclusion(42, N, &READER, &r.proof, NULL) == OK);
    r.note = buf_str(&note);
    receipt_add(&text, &r);
    for (size_t bit = 0; bit < 8 * text.n; bit++) {
        AUTO(buf_done) struct buf extra = {0};
        struct note_verdict verdicts[4];
        struct checkpoint c;
        struct receipt back;
        bool holds;

        text.at[bit / 8] ^= (char)(1 << bit % 8);
        /* A flip in a cosigner's name or id makes it unknown, not wrong: it must then be missing. */
        holds = receipt_parse(buf_str(&text), &extra, &back, NULL) == OK &&
                receipt_verify(&back, leaf_bytes(42, leaf), keys, 4, 1, verdicts, &c, NULL) == OK &&
                verdicts[1].has_signed && verdicts[2].has_signed && verdicts[3].has_signed;
        if (!CHECK(!holds)) printf("# bit %zu\n", bit);
        text.at[bit / 8] ^= (char)(1 << bit % 8);
    }
}

static void a_receipt_needs_the_logs_own_signature(void)
{
    AUTO(buf_done) struct buf text = {0}, note = {0}, other = {0};
    struct checkpoint c = {ORIGIN, N, tiles_root(tiles)}, got;
    struct receipt r = {.index = 0};
    struct note_verdict verdicts[4];
    struct note_key wrong;
    char leaf[32];

    checkpoint_add(&text, &c);
    note_begin(&note, buf_str(&text));
    note_cosign(&note, buf_str(&text), keys[1].name, &secrets[1], 1);
    CHECK(merkle_prove_inclusion(0, N, &READER, &r.proof, NULL) == OK);
    r.note = buf_str(&note);
    CHECK(receipt_verify(&r, leaf_bytes(0, leaf), keys, 4, 1, verdicts, &got, NULL) == ERR_INPUT);

    /* Signed by a known log, but another one than the checkpoint names. */
    wrong = note_key_make(STR("elsewhere.example/log"), NOTE_ED25519, &secrets[0].public);
    note_begin(&other, buf_str(&text));
    note_sign(&other, buf_str(&text), wrong.name, &secrets[0]);
    r.note = buf_str(&other);
    CHECK(receipt_verify(&r, leaf_bytes(0, leaf), &wrong, 1, 1, verdicts, &got, NULL) == ERR_INPUT);
}

static void receipts_of_another_form_are_refused(void)
{
#define T "c2sp.org/tlog-proof@v1\n"
    static const char *const BAD[] = {
        "", "c2sp.org/tlog-proof@v2\nindex 0\n\nx", T, T "index\n\nx", T "index -1\n\nx", T "index 01\n\nx", T "index 1\nAAAA\n\nx",
        T "index 1\nextra AAAA\n\nx", T "extra A\nindex 1\n\nx", T "extra AAAA\n\nx", T "index 1\n", T "index 1",
        T "extra AAAA\nextra AAAA\nindex 1\n\nx", T "index 99999999999999999999\n\nx",
    };
    AUTO(buf_done) struct buf text = {0}, extra = {0};
    struct receipt r;

    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
        if (!CHECK(receipt_parse(str_of(BAD[i]), &extra, &r, NULL) == ERR_INPUT)) printf("# %s\n", BAD[i]);
        buf_clear(&extra);
    }
    buf_add_str(&text, STR(T "index 5\n"));
    for (int i = 0; i < MERKLE_PROOF_MAX; i++) buf_add_str(&text, STR("M9mIvcivBHDITjgBxf6i7hgR5CsJM59QjHnMyHNq1r8=\n"));
    buf_add_char(&text, '\n');
    CHECK(receipt_parse(buf_str(&text), &extra, &r, NULL) == OK);
    CHECK_INT(r.proof.n, MERKLE_PROOF_MAX);
    text.n--;
    buf_add_str(&text, STR("M9mIvcivBHDITjgBxf6i7hgR5CsJM59QjHnMyHNq1r8=\n\n"));
    CHECK(receipt_parse(buf_str(&text), &extra, &r, NULL) == ERR_INPUT);
}

static void a_receipt_that_is_too_long_is_not_read(void)
{
    AUTO(buf_done) struct buf text = {0}, extra = {0};
    struct receipt r;

    buf_add_str(&text, STR(T "index 5\n\n"));
    while (text.n < RECEIPT_BYTES_MAX) buf_add_char(&text, 'x');
    CHECK(receipt_parse(buf_str(&text), &extra, &r, NULL) == OK);
    buf_add_char(&text, 'x');
    CHECK(receipt_parse(buf_str(&text), &extra, &r, NULL) == ERR_INPUT);
}

static void only_an_entrys_receipt_has_an_outcome(void)
{
    struct receipt r = {.index = 4};

    CHECK(!receipt_has_outcome(&r, STR("outcome"))); /* A tree of one leaf. */
    r.proof.n = 1;
    r.proof.at[0] = hash_leaf(STR("outcome"));
    CHECK(receipt_has_outcome(&r, STR("outcome")));
    r.index = 5;
    CHECK(!receipt_has_outcome(&r, STR("outcome")));
}

int main(void)
{
    make_log();
    RUN(the_golden_receipt_is_made_byte_for_byte);
    RUN(the_golden_roots_and_consistency_come_out);
    RUN(a_receipt_of_every_leaf_verifies);
    RUN(no_flipped_bit_of_path_index_or_root_is_overlooked);
    RUN(a_receipt_needs_the_logs_own_signature);
    RUN(receipts_of_another_form_are_refused);
    RUN(a_receipt_that_is_too_long_is_not_read);
    RUN(only_an_entrys_receipt_has_an_outcome);
    for (int i = 0; i < 4; i++) key_secret_done(&secrets[i]);
    mem_free(tiles);
    return t_done();
}
