/* test_note.c - signed notes, key texts, checkpoints and cosignatures.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "proof/note.h"

#include "base/b64.h"
#include "proof/checkpoint.h"
#include "proof/merkle.h"
#include "t.h"

static struct key_secret log_key, alpha, bravo;
static struct note_key keys[3]; /* log, alpha, bravo */
static struct note note;
static struct note_verdict verdicts[3];

static void make_keys(void)
{
    struct hash seed = hash_of(STR("clearline-test:log"));
    key_secret_init(&log_key, seed.b);
    seed = hash_of(STR("clearline-test:alpha"));
    key_secret_init(&alpha, seed.b);
    seed = hash_of(STR("clearline-test:bravo"));
    key_secret_init(&bravo, seed.b);
    keys[0] = note_key_make(STR("clearline.example/test-log"), NOTE_ED25519, &log_key.public);
    keys[1] = note_key_make(STR("witness.example/alpha"), NOTE_COSIGNATURE, &alpha.public);
    keys[2] = note_key_make(STR("witness.example/bravo"), NOTE_COSIGNATURE, &bravo.public);
}

static void keys_are_written_as_elsewhere(void)
{
    static const char *const TEXTS[] = {
        "clearline.example/test-log+f306fb1b+Ac95cHqxrzHKI5obpy8kxwrFRfn76nG2kABQuJYcVvZG",
        "witness.example/alpha+f4e0bc76+BNbxbZNZUwWeHxGTR7ibv49YGbTvfMFt8U/8+FaAVl2V",
        "witness.example/bravo+979648f4+BJTRutDfafKZER2PzLr57DzfTjm+uJ9HY52aiowOzppq",
    };
    for (int i = 0; i < 3; i++) {
        AUTO(buf_done) struct buf text = {0};
        struct note_key key;
        note_key_add(&text, &keys[i]);
        CHECK_STR(buf_str(&text), str_of(TEXTS[i]));
        CHECK(note_key_parse(buf_str(&text), &key, NULL) == OK);
        CHECK(key.id == keys[i].id && key.kind == keys[i].kind && str_equal(key.name, keys[i].name));
        CHECK(memcmp(key.public.b, keys[i].public.b, 32) == 0);
    }
}

static void key_texts_of_another_form_are_refused(void)
{
    static const char *const BAD[] = {
        "", "a", "a+b", "clearline.example/test-log+f306fb1b", "clearline.example/test-log+f306fb1b+",
        "+f306fb1b+Ac95cHqxrzHKI5obpy8kxwrFRfn76nG2kABQuJYcVvZG",                           /* no name */
        "clearline.example/test log+f306fb1b+Ac95cHqxrzHKI5obpy8kxwrFRfn76nG2kABQuJYcVvZG",  /* space */
        "clearline.example/test-log+f306fb1c+Ac95cHqxrzHKI5obpy8kxwrFRfn76nG2kABQuJYcVvZG",  /* another id */
        "clearline.example/test-lag+f306fb1b+Ac95cHqxrzHKI5obpy8kxwrFRfn76nG2kABQuJYcVvZG",  /* another name */
        "clearline.example/test-log+F306FB1B+Ac95cHqxrzHKI5obpy8kxwrFRfn76nG2kABQuJYcVvZG",  /* capitals */
        "clearline.example/test-log+f306fb1+Ac95cHqxrzHKI5obpy8kxwrFRfn76nG2kABQuJYcVvZG",   /* 7 digits */
        "clearline.example/test-log+f306fb1b+Ac95cHqxrzHKI5obpy8kxwrFRfn76nG2kABQuJYcVvY=",  /* 31 bytes */
        "clearline.example/test-log+f306fb1b+As95cHqxrzHKI5obpy8kxwrFRfn76nG2kABQuJYcVvZG",  /* kind 2 */
        "clearline.example/test-log+f306fb1b+Ac95cHqxrzHKI5obpy8kxwrFRfn76nG2kABQuJYcVvZG ", /* more */
    };
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
        struct note_key key;
        struct why why = {{0}};
        if (!CHECK(note_key_parse(str_of(BAD[i]), &key, &why) == ERR_INPUT)) printf("# %s\n", BAD[i]);
        CHECK(why.text[0] != '\0');
    }
    struct key_public low = {{0}};
    struct note_key key = note_key_make(STR("a"), NOTE_ED25519, &low), back;
    AUTO(buf_done) struct buf text = {0};
    note_key_add(&text, &key);
    CHECK(note_key_parse(buf_str(&text), &back, NULL) == ERR_INPUT);
}

static void names_hold_no_space_plus_or_control(void)
{
    static const char *const BAD[] = {"", " ", "a b", "a+b", "a\tb", "a\nb", "a\x7f", "a\xc2\xa0", "a\xe2\x80\x83z",
                                      "\xe3\x80\x80", "a\xc2\x85", "\xff", "a\xe2\x80\xa8", "\xe2\x80\xa9",
                                      "\xe2\x80\xaf", "\xe2\x81\x9f", "\xe1\x9a\x80"};
    static const char *const GOOD[] = {"a", "example.com/log-1", "\xc3\xbc", "\xe2\x80\x94", "\xf0\x9f\x9b\xa9", "cosignature/v1"};
    char name[NOTE_NAME_MAX + 1];

    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) CHECK(!note_name_is_valid(str_of(BAD[i])));
    for (size_t i = 0; i < sizeof GOOD / sizeof GOOD[0]; i++) CHECK(note_name_is_valid(str_of(GOOD[i])));
    memset(name, 'n', sizeof name);
    CHECK(note_name_is_valid(str_make(name, NOTE_NAME_MAX)));
    CHECK(!note_name_is_valid(str_make(name, NOTE_NAME_MAX + 1)));
    CHECK(!checkpoint_origin_is_valid(STR("cosignature/v1")) && !checkpoint_origin_is_valid(STR("subtree/v1")));
}

/* A checkpoint signed by log and alpha. */
static void make_note(struct buf *to)
{
    struct checkpoint c = {STR("clearline.example/test-log"), 300, hash_leaf(STR("x"))};
    AUTO(buf_done) struct buf text = {0};

    checkpoint_add(&text, &c);
    checkpoint_sign(to, &c, &log_key);
    note_cosign(to, buf_str(&text), keys[1].name, &alpha, 1700000000);
}

static void a_signed_and_cosigned_note_verifies(void)
{
    AUTO(buf_done) struct buf bytes = {0};
    struct checkpoint c;

    make_note(&bytes);
    CHECK(note_parse(buf_str(&bytes), &note, NULL) == OK);
    CHECK_INT(note.n_signatures, 2);
    CHECK(note_verify(&note, keys, 3, verdicts, NULL) == OK);
    CHECK(verdicts[0].has_signed && verdicts[1].has_signed && !verdicts[2].has_signed);
    CHECK_INT(verdicts[1].time_s, 1700000000);
    CHECK(checkpoint_parse(note.text, &c, NULL) == OK);
    CHECK_INT(c.size, 300);
    CHECK_STR(c.origin, keys[0].name);
    CHECK(note_verify(&note, keys + 2, 1, verdicts, NULL) == ERR_INPUT); /* No known key at all. */

    note_cosign(&bytes, note.text, keys[1].name, &alpha, 1600000000); /* Cosigned before, too. */
    CHECK(note_parse(buf_str(&bytes), &note, NULL) == OK);
    CHECK(note_verify(&note, keys, 3, verdicts, NULL) == OK);
    CHECK_INT(verdicts[1].time_s, 1600000000);
}

static void every_flipped_bit_of_a_note_is_seen(void)
{
    AUTO(buf_done) struct buf bytes = {0};
    size_t n_refused = 0;

    make_note(&bytes);
    for (size_t bit = 0; bit < 8 * bytes.n; bit++) {
        bytes.at[bit / 8] ^= (char)(1 << bit % 8);
        /* Whatever else a flip does, it never leaves both signatures standing. */
        bool is_seen = note_parse(buf_str(&bytes), &note, NULL) != OK ||
                       note_verify(&note, keys, 3, verdicts, NULL) != OK || !verdicts[0].has_signed ||
                       !verdicts[1].has_signed;
        if (!CHECK(is_seen)) printf("# bit %zu\n", bit);
        n_refused += is_seen;
        bytes.at[bit / 8] ^= (char)(1 << bit % 8);
    }
    CHECK_INT(n_refused, 8 * bytes.n);
}

static void a_bad_signature_of_a_known_key_spoils_the_note(void)
{
    AUTO(buf_done) struct buf bytes = {0};

    make_note(&bytes);
    note_cosign(&bytes, STR("another text\n"), keys[2].name, &bravo, 5);
    CHECK(note_parse(buf_str(&bytes), &note, NULL) == OK);
    CHECK(note_verify(&note, keys, 2, verdicts, NULL) == OK);     /* bravo is not known: passed over. */
    CHECK(note_verify(&note, keys, 3, verdicts, NULL) == ERR_INPUT);
}

static void one_kind_of_signature_does_not_pass_for_another(void)
{
    AUTO(buf_done) struct buf bytes = {0};
    struct note_key as_log = note_key_make(keys[1].name, NOTE_ED25519, &alpha.public);

    note_begin(&bytes, STR("text\n"));
    note_cosign(&bytes, STR("text\n"), keys[1].name, &alpha, 7);
    CHECK(note_parse(buf_str(&bytes), &note, NULL) == OK);
    CHECK(note_verify(&note, &as_log, 1, verdicts, NULL) == ERR_INPUT);
    as_log.id = keys[1].id; /* Even if the ids met. */
    CHECK(note_verify(&note, &as_log, 1, verdicts, NULL) == ERR_INPUT);
    CHECK(note_verify(&note, &keys[1], 1, verdicts, NULL) == OK);
}

static void a_signature_of_another_length_is_not_good(void)
{
    static const int LENGTHS[] = {1, 63, 64, 65, 71, 72, 73, 200};
    for (size_t i = 0; i < sizeof LENGTHS / sizeof LENGTHS[0]; i++) {
        for (int k = 0; k < 2; k++) {
            AUTO(buf_done) struct buf bytes = {0};
            uint8_t raw[204] = {(uint8_t)(keys[k].id >> 24), (uint8_t)(keys[k].id >> 16), (uint8_t)(keys[k].id >> 8),
                                (uint8_t)keys[k].id, 0xff};
            note_begin(&bytes, STR("text\n"));
            buf_addf(&bytes, "\xe2\x80\x94 %.*s ", STR_ARG(keys[k].name));
            b64_add(&bytes, B64_STANDARD, raw, 4 + (size_t)LENGTHS[i]);
            buf_add_char(&bytes, '\n');
            CHECK(note_parse(buf_str(&bytes), &note, NULL) == OK);
            CHECK_INT(note.signatures[0].n, LENGTHS[i]);
            CHECK(note_verify(&note, keys, 3, verdicts, NULL) == ERR_INPUT);
        }
    }
}

static void notes_of_another_form_are_refused(void)
{
#define GOOD_LINE "\xe2\x80\x94 a AAAAAAAAAAA=\n"
    static const char *const BAD[] = {
        "", "\n", "\n\n", "a\n", "a\n\n", "a" GOOD_LINE, "a\n" GOOD_LINE, "\n\n" GOOD_LINE,
        "a\n\n\xe2\x80\x94 a AAAAAAAAAAA=",                 /* no last LF */
        "a\n\n- a AAAAAAAAAAA=\n", "a\n\n\xe2\x80\x94" "a AAAAAAAAAAA=\n", "a\n\n\xe2\x80\x94 a\n",
        "a\n\n\xe2\x80\x94 a AAAAAA==\n",                   /* four bytes: no signature */
        "a\n\n\xe2\x80\x94 a AAAAAAAAAAA\n",                /* no padding */
        "a\n\n\xe2\x80\x94 a AAAAAAAAAAB=\n",               /* spare bits */
        "a\n\n\xe2\x80\x94 a AAAAAAAAAAA= \n", "a\n\n\xe2\x80\x94  AAAAAAAAAAA=\n", "a\n\n\xe2\x80\x94 a+b AAAAAAAAAAA=\n",
        "a\r\n\n" GOOD_LINE, "a\tb\n\n" GOOD_LINE, "\xff\n\n" GOOD_LINE,
        "a\n\n" GOOD_LINE "x\n",
    };
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
        if (!CHECK(note_parse(str_of(BAD[i]), &note, NULL) == ERR_INPUT)) printf("# %s\n", BAD[i]);
    }
    CHECK(note_parse(STR("a\n\n" GOOD_LINE), &note, NULL) == OK);
    CHECK(note_parse(STR("a\n\nb\n\n" GOOD_LINE), &note, NULL) == OK); /* The last empty line splits. */
    CHECK_STR(note.text, STR("a\n\nb\n"));
}

static void notes_are_limited_in_signatures_and_bytes(void)
{
    AUTO(buf_done) struct buf bytes = {0};

    buf_add_str(&bytes, STR("a\n\n"));
    for (int i = 0; i < NOTE_SIGNATURES_MAX; i++) buf_add_str(&bytes, STR(GOOD_LINE));
    CHECK(note_parse(buf_str(&bytes), &note, NULL) == OK);
    buf_add_str(&bytes, STR(GOOD_LINE));
    CHECK(note_parse(buf_str(&bytes), &note, NULL) == ERR_INPUT);
    buf_clear(&bytes);
    while (bytes.n < NOTE_BYTES_MAX) buf_add_char(&bytes, 'a');
    buf_add_str(&bytes, STR("\n\n" GOOD_LINE));
    CHECK(note_parse(buf_str(&bytes), &note, NULL) == ERR_INPUT);
}

static void checkpoints_have_three_lines_and_one_form(void)
{
#define ROOT "M9mIvcivBHDITjgBxf6i7hgR5CsJM59QjHnMyHNq1r8="
#define EMPTY "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
    static const char *const BAD[] = {
        "", "a\n", "a\n1\n", "a\n1\n" ROOT, "a\n01\n" ROOT "\n", "a\n-1\n" ROOT "\n", "a\n1 \n" ROOT "\n", "a\n\n" ROOT "\n",
        "a\n1\n" ROOT "\nx\n", "a\n1\n" ROOT "\n\n", " a\n1\n" ROOT "\n", "\n1\n" ROOT "\n", "cosignature/v1\n1\n" ROOT "\n",
        "a\n1\nAAAA\n", "a\n1\n" ROOT "=\n", "a\n0\n" ROOT "\n", "a\n99999999999999999999\n" ROOT "\n",
        "a\n18446744073709551615\n" ROOT "\n",
    };
    static const char *const GOOD[] = {"a\n1\n" ROOT "\n", "a\n0\n" EMPTY "\n", "a/b\n72057594037927935\n" ROOT "\n"};
    struct checkpoint c = {.size = 77};

    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
        if (!CHECK(checkpoint_parse(str_of(BAD[i]), &c, NULL) == ERR_INPUT)) printf("# %s\n", BAD[i]);
    }
    CHECK_INT(c.size, 77);
    for (size_t i = 0; i < sizeof GOOD / sizeof GOOD[0]; i++) {
        AUTO(buf_done) struct buf again = {0};
        CHECK(checkpoint_parse(str_of(GOOD[i]), &c, NULL) == OK);
        checkpoint_add(&again, &c);
        CHECK_STR(buf_str(&again), str_of(GOOD[i]));
    }
}

int main(void)
{
    make_keys();
    RUN(keys_are_written_as_elsewhere);
    RUN(key_texts_of_another_form_are_refused);
    RUN(names_hold_no_space_plus_or_control);
    RUN(a_signed_and_cosigned_note_verifies);
    RUN(every_flipped_bit_of_a_note_is_seen);
    RUN(a_bad_signature_of_a_known_key_spoils_the_note);
    RUN(one_kind_of_signature_does_not_pass_for_another);
    RUN(a_signature_of_another_length_is_not_good);
    RUN(notes_of_another_form_are_refused);
    RUN(notes_are_limited_in_signatures_and_bytes);
    RUN(checkpoints_have_three_lines_and_one_form);
    key_secret_done(&log_key);
    key_secret_done(&alpha);
    key_secret_done(&bravo);
    return t_done();
}
