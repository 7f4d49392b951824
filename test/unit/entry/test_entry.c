/* test_entry.c - entries and changes: one byte form, everything else refused.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "entry/entry.h"

#include <stdlib.h>

#include "base/hex.h"
#include "base/instant.h"
#include "base/limits.h"
#include "base/mem.h"
#include "entry/cbor.h"
#include "entry/change_internal.h"
#include "gen_change.h"
#include "t.h"

static struct key_secret author;
static const struct str ORIGIN = {"line.example/test", 17};

static void encode(const struct entry *e, struct buf *to)
{
    buf_clear(to);
    entry_encode(e, ORIGIN, &author, to);
}

/* A small entry of fixed content, with one change. */
static struct entry plain_entry(struct change *c)
{
    struct hash kid = hash_of(str_make(author.public.b, 32));
    struct entry e = {.slot = 7, .time_ms = 1700000000000, .seen_size = 14, .changes = c, .n_changes = 1};
    memcpy(e.author, kid.b, sizeof e.author);
    e.seen_root.b[0] = 0xaa;
    return e;
}

static void entries_come_back_as_they_went(void)
{
    struct rng rng = t_rng();
    AUTO(arena_done) struct arena arena = {0};
    AUTO(buf_done) struct buf bytes = {0}, again = {0};
    struct entry e, back;
    struct why why = {{0}};

    for (int step = 0; step < t_steps(1500); step++) {
        size_t sum = ENTRY_OVERHEAD, n = 0;
        arena_clear(&arena);
        e = gen_entry(&rng, &arena, &author.public, 5);
        for (size_t i = 0; i < e.n_changes; i++) sum += change_size(&e.changes[i]);
        encode(&e, &bytes);
        if (!CHECK(entry_decode(buf_str(&bytes), &arena, &back, &why) == OK)) printf("# %s\n", why.text);
        if (!CHECK(gen_same_entry(&e, &back))) break;
        if (!CHECK(bytes.n <= sum + e.participant.n)) break;
        encode(&back, &again);
        if (!CHECK(str_equal(buf_str(&bytes), buf_str(&again)))) break;
        for (size_t i = 0; i < e.n_changes; i++) n += change_size(&back.changes[i]);
        CHECK_INT(n + ENTRY_OVERHEAD, sum);
    }
}

static void each_kind_comes_back_as_it_went(void)
{
    struct rng rng = t_rng();
    AUTO(arena_done) struct arena arena = {0};

    for (size_t k = 0; k < GEN_N_KINDS; k++) {
        for (int i = 0; i < 300; i++) {
            AUTO(buf_done) struct buf bytes = {0};
            struct change c = gen_change(&rng, &arena, GEN_KINDS[k]), back;
            struct cbor r;
            change_encode(&c, &bytes);
            CHECK_INT(change_size(&c), bytes.n);
            r = cbor_open(buf_str(&bytes));
            change_decode(&r, &arena, &back);
            if (!CHECK(cbor_end(&r, NULL) == OK) || !CHECK(gen_same_change(&c, &back))) return;
        }
        arena_clear(&arena);
    }
}

static void the_signature_binds_entry_origin_and_key(void)
{
    AUTO(buf_done) struct buf bytes = {0};
    struct change tick = {.kind = CHANGE_TICK};
    struct entry e = plain_entry(&tick);
    struct key_secret other;
    uint8_t seed[32] = {1};

    key_secret_init(&other, seed);
    encode(&e, &bytes);
    CHECK(entry_verify(buf_str(&bytes), ORIGIN, &author.public));
    CHECK(!entry_verify(buf_str(&bytes), STR("line.example/other"), &author.public));
    CHECK(!entry_verify(buf_str(&bytes), ORIGIN, &other.public));
    for (size_t i = 0; i < bytes.n * 8; i++) {
        bytes.at[i / 8] ^= (char)(1 << i % 8);
        if (!CHECK(!entry_verify(buf_str(&bytes), ORIGIN, &author.public))) break;
        bytes.at[i / 8] ^= (char)(1 << i % 8);
    }
    CHECK(!entry_verify(STR(""), ORIGIN, &author.public));
    key_secret_done(&other);
}

static void a_changed_entry_is_refused_or_has_its_own_form(void)
{
    struct rng rng = t_rng();
    AUTO(arena_done) struct arena arena = {0};
    AUTO(buf_done) struct buf bytes = {0}, again = {0};
    int n_accepted = 0;

    for (int step = 0; step < t_steps(20000); step++) {
        struct entry e, back;
        size_t at;
        if (step % 50 == 0) {
            arena_clear(&arena);
            e = gen_entry(&rng, &arena, &author.public, 3);
            encode(&e, &bytes);
        }
        at = (size_t)rng_below(&rng, bytes.n - 64);
        char old = bytes.at[at];
        bytes.at[at] = (char)(rng_next(&rng) >> 60 < 8 ? old ^ (char)(1 << rng_below(&rng, 8)) : (char)rng_next(&rng));
        if (entry_decode(buf_str(&bytes), &arena, &back, NULL) == OK) {
            n_accepted++;
            encode(&back, &again);
            if (!CHECK(again.n == bytes.n && memcmp(again.at, bytes.at, bytes.n - 64) == 0)) break;
        }
        bytes.at[at] = old;
    }
    CHECK(n_accepted > 100); /* Changed digests, times, letters. */
}

static void every_cut_entry_is_refused(void)
{
    AUTO(arena_done) struct arena arena = {0};
    AUTO(buf_done) struct buf bytes = {0};
    struct rng rng = t_rng();
    struct entry e = gen_entry(&rng, &arena, &author.public, 3), back = {.slot = 99};

    encode(&e, &bytes);
    for (size_t n = 0; n < bytes.n; n++) {
        char *copy = mem_dup(bytes.at, n); /* So that a sanitizer sees a read past the end. */
        CHECK(entry_decode(str_make(copy, n), &arena, &back, NULL) == ERR_CORRUPT);
        mem_free(copy);
    }
    buf_add_char(&bytes, 0);
    CHECK(entry_decode(buf_str(&bytes), &arena, &back, NULL) == ERR_CORRUPT);
    CHECK_INT(back.slot, 99); /* Untouched. */
}

/* Decodes a change given as hex; returns the problem's text or "fine". */
static const char *judge(const char *hex)
{
    AUTO(arena_done) struct arena arena = {0};
    uint8_t bytes[512];
    size_t n = strlen(hex) / 2;
    struct change c;
    struct cbor r;

    if (!hex_decode(str_of(hex), n, bytes)) return "bad hex";
    r = cbor_open(str_make(bytes, n));
    change_decode(&r, &arena, &c);
    return cbor_end(&r, NULL) == OK ? "fine" : r.problem;
}

#define KEY32 "5820" "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define ID16 "00" "50" "00112233445566778899aabbccddeeff"
#define BASE8 "01" "48" "0123456789abcdef"
#define TOKEN16 "02" "50" "ffeeddccbbaa99887766554433221100"
#define CELLS0 "03" "40"
#define BOX "04" "84" "f6" "f6" "00" "1903e8"
#define URL1 "05" "61" "61"

static void members_must_be_those_of_the_kind(void)
{
    static const struct {
        const char *hex, *want;
    } CASES[] = {
        {"8202a0", "fine"},
        {"820b" "a2" ID16 BASE8, "fine"},
        {"820b" "a1" ID16, "change lacks a member that its kind needs"},
        {"820b" "a3" ID16 BASE8 TOKEN16, "member that this kind of change does not have"},
        {"8216a0", "unknown kind of change"},
        {"8200a0", "unknown kind of change"},
        {"8302a000", "array of another length"},
        {"8202" "a1" "16" "00", "member that this kind of change does not have"},
        {"820e" "a5" ID16 TOKEN16 CELLS0 BOX URL1, "fine"},
        {"820e" "a6" ID16 TOKEN16 CELLS0 BOX URL1 "06" "f5", "fine"},
        {"820e" "a6" ID16 TOKEN16 CELLS0 BOX URL1 "06" "f4", "false is written by leaving the member out"},
        {"820e" "a6" ID16 TOKEN16 CELLS0 BOX URL1 "0c" "f4", "false is written by leaving the member out"},
        {"820e" "a7" ID16 TOKEN16 CELLS0 BOX URL1 "0c" "f5" "0d" "f5", "fine"},
        {"820e" "a6" ID16 TOKEN16 CELLS0 BOX URL1 "07" "01", "member that this kind of change does not have"},
        {"820a" "a6" ID16 TOKEN16 CELLS0 BOX URL1 "07" "01", "fine"},
        {"820a" "a6" ID16 TOKEN16 CELLS0 BOX URL1 "07" "00", "unknown state"},
        {"820a" "a6" ID16 TOKEN16 CELLS0 BOX URL1 "07" "05", "unknown state"},
        {"820a" "a6" ID16 "02" "61" "78" CELLS0 BOX URL1 "07" "04", "fine"},
        {"820a" "a6" ID16 "02" "60" CELLS0 BOX URL1 "07" "04", "empty suffix"},
        {"820e" "a5" ID16 "02" "61" "78" CELLS0 BOX URL1, "kind does not choose its version"},
        {"820a" "a7" ID16 TOKEN16 CELLS0 BOX URL1 "07" "01" "09" "00", "key is given in part"},
        {"820a" "a8" ID16 TOKEN16 CELLS0 BOX URL1 "07" "01" "09" "00" "0b" "40", "key is given in part"},
        {"820a" "a7" ID16 TOKEN16 CELLS0 BOX URL1 "07" "01" "08" "50" "00112233445566778899aabbccddeeff", "fine"},
        {"820a" "a7" ID16 TOKEN16 CELLS0 BOX URL1 "07" "01" "08" "83" "50" "00112233445566778899aabbccddeeff" "60" "f4",
         "fine"},
        {"820a" "a7" ID16 TOKEN16 CELLS0 BOX URL1 "07" "01" "08" "82" "50" "00112233445566778899aabbccddeeff" "60",
         "array of another length"},
        {"820a" "a6" ID16 TOKEN16 CELLS0 "04" "84" "3b7fffffffffffffff" "f6" "00" "00" URL1 "07" "01", "bound out of range"},
        {"820a" "a6" ID16 TOKEN16 CELLS0 "04" "84" "f6" "1b7fffffffffffffff" "00" "00" URL1 "07" "01", "bound out of range"},
        {"820a" "a6" ID16 TOKEN16 CELLS0 "04" "84" "1b7fffffffffffffff" "3b7fffffffffffffff" "00" "00" URL1 "07" "01", "fine"},
        {"820a" "a6" ID16 TOKEN16 CELLS0 "04" "84" "f6" "f6" "3a7fffffff" "00" URL1 "07" "01", "bound out of range"},
        {"820a" "a6" ID16 TOKEN16 CELLS0 "04" "84" "f6" "f6" "1a7fffffff" "3a7fffffff" URL1 "07" "01", "fine"},
        {"820a" "a6" ID16 TOKEN16 CELLS0 "04" "84" "f6" "f6" "00" "1a7fffffff" URL1 "07" "01", "bound out of range"},
        {"820a" "a6" ID16 TOKEN16 CELLS0 "04" "84" "f6" "f6" "00" "1a80000000" URL1 "07" "01", "bound out of range"},
        {"820a" "a6" ID16 TOKEN16 "03" "41" "80" BOX URL1 "07" "01", "cells are not the one coding of a normalised set"},
        {"8210" "a3" TOKEN16 "0e" "61" "75" "0f" "02", "fine"},
        {"8210" "a3" TOKEN16 "0e" "60" "0f" "02", "empty name"},
        {"8210" "a3" TOKEN16 "0e" "61" "75" "0f" "03", "unknown availability"},
        {"8203" "a3" "00" "01" "07" KEY32 "12" "61" "6d", "fine"},
        {"8203" "a2" "00" "01" "12" "61" "6d", "proposal does not have what its act needs"},
        {"8203" "a4" "00" "01" "05" "00" "07" KEY32 "12" "61" "6d", "proposal does not have what its act needs"},
        {"8203" "a2" "00" "02" "12" "61" "6d", "proposal does not have what its act needs"},
        {"8203" "a3" "00" "02" "02" "61" "78" "12" "61" "6d", "fine"},
        {"8203" "a4" "00" "04" "04" "81" "61" "6d" "05" "03" "0e" "61" "75", "fine"},
        {"8203" "a4" "00" "04" "04" "81" "61" "6d" "05" "04" "0e" "61" "75", "unknown right"},
        {"8203" "a1" "00" "07", "unknown act"},
        {"8203" "a1" "00" "00", "unknown act"},
        {"8203" "a0", "change lacks a member that its kind needs"},
        {"8208" "a3" "04" "82" "61" "6d" "61" "6e" "05" "00" "0e" "61" "75", "fine"},
        {"8208" "a3" "04" "82" "61" "6d" "61" "6d" "05" "00" "0e" "61" "75", "names are not ascending"},
        {"8208" "a3" "04" "80" "05" "00" "0e" "61" "75", "no names or too many"},
        {"8208" "a3" "04" "81" "60" "05" "00" "0e" "61" "75", "empty name"},
        {"8208" "a4" "04" "81" "61" "6d" "05" "00" "06" "82" "00" KEY32 "0e" "61" "75",
         "member that this kind of change does not have"},
        {"8206" "a2" "01" "48" "0011223344556677" "03" "80", "fine"},
        {"8206" "a2" "01" "48" "0011223344556677" "03" "85" "61" "61" "61" "61" "61" "61" "61" "61" "61" "61", "too many addresses"},
        {"8206" "a2" "01" "48" "0011223344556677" "03" "81" "60", "empty text"},
        {"8205" "a2" "01" "48" "0011223344556677" "06" "82" "00" KEY32, "fine"},
        {"8207" "a3" "08" "61" "69" "09" "41" "00" "0a" "81" "61" "75", "fine"},
        {"8207" "a4" "08" "61" "69" "09" "41" "00" "0a" "81" "61" "75" "0c" "f4", "false is written by leaving the member out"},
        {"8207" "a3" "08" "61" "69" "09" "40" "0a" "81" "61" "75", "no key or too long"},
        {"8214" "a1" "12" "61" "6d", "change lacks a member that its kind needs"},
        {"8215" "a2" "02" "61" "78" "12" "61" "6d", "fine"},
        {"8209" "a1" "0d" "02", "fine"},
        {"8209" "a1" "0d" "00", "no such version of the rules"},
        {"8209" "a1" "0d" "1a" "00010000", "no such version of the rules"},
        {"8203" "a3" "00" "05" "0f" "82" "20" "18" "64" "12" "61" "6d", "fine"},
        {"8203" "a3" "00" "05" "0f" "82" "01" "00" "12" "61" "6d", "bounds are reversed"},
        {"8203" "a3" "00" "05" "0f" "82" "00" "1a" "80000000" "12" "61" "6d", "priority out of range"},
        {"8203" "a2" "00" "05" "12" "61" "6d", "proposal does not have what its act needs"},
        {"8203" "a2" "00" "06" "10" "01", "fine"},
        {"8203" "a2" "00" "06" "10" "02", "unknown rule of equals"},
        {"8203" "a3" "00" "06" "10" "01" "12" "61" "6d", "proposal does not have what its act needs"},
        {"8210" "a3" "02" "4f" "000000000000000000000000000000" "0e" "61" "75" "0f" "01", "byte string of another length"},
    };

    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        if (!CHECK_STR(str_of(judge(CASES[i].hex)), str_of(CASES[i].want))) printf("# %s\n", CASES[i].hex);
    }
}

/* An intent put written by hand with so many bytes of cells and of digests. */
static const char *judge_sizes(size_t n_cells, size_t n_digests)
{
    static const char zeros[LIMIT_CELL_BYTES + 1];
    AUTO(arena_done) struct arena arena = {0};
    AUTO(buf_done) struct buf b = {0};
    struct hash hash = {{0}};
    struct change c;
    struct cbor r;

    cbor_add_array(&b, 2);
    cbor_add_uint(&b, CHANGE_INTENT_PUT);
    cbor_add_map(&b, 9);
    for (unsigned key = 0; key <= 11; key++) {
        if (key == 1 || key == 6 || key == 8) continue;
        cbor_add_key(&b, key);
        switch (key) {
        case 0:
        case 2: cbor_add_bytes(&b, zeros, 16); break;
        case 3: cbor_add_bytes(&b, zeros, n_cells); break;
        case 4:
            cbor_add_array(&b, 4);
            for (int i = 0; i < 4; i++) cbor_add_null(&b);
            break;
        case 5: cbor_add_text(&b, STR("u")); break;
        case 10: cbor_add_bytes(&b, hash.b, sizeof hash.b); break;
        case 11: cbor_add_bytes(&b, zeros, n_digests); break;
        default: cbor_add_uint(&b, 1); break;
        }
    }
    r = cbor_open(buf_str(&b));
    change_decode(&r, &arena, &c);
    return cbor_end(&r, NULL) == OK ? "fine" : r.problem;
}

static void what_one_change_holds_is_limited(void)
{
    CHECK_STR(str_of(judge_sizes(0, 0)), STR("fine"));
    CHECK_STR(str_of(judge_sizes(0, 8 * LIMIT_KEY_DIGESTS)), STR("fine"));
    CHECK_STR(str_of(judge_sizes(0, 8 * LIMIT_KEY_DIGESTS + 8)), STR("digests of a wrong length"));
    CHECK_STR(str_of(judge_sizes(0, 12)), STR("digests of a wrong length"));
    CHECK_STR(str_of(judge_sizes(LIMIT_CELL_BYTES + 1, 0)), STR("too many bytes of cells"));
}

static void an_entry_of_too_many_changes_is_refused(void)
{
    AUTO(arena_done) struct arena arena = {0};
    AUTO(buf_done) struct buf bytes = {0}, more = {0};
    struct change ticks[LIMIT_ENTRY_CHANGES];
    struct entry e = plain_entry(ticks), back;
    struct why why;
    size_t at;

    for (size_t i = 0; i < LIMIT_ENTRY_CHANGES; i++) ticks[i] = (struct change){.kind = CHANGE_TICK};
    e.n_changes = LIMIT_ENTRY_CHANGES;
    encode(&e, &bytes);
    CHECK(entry_decode(buf_str(&bytes), &arena, &back, NULL) == OK);
    /* One tick more: the payload's length (59 nn nn), the array's (98 nn), and the tick itself. */
    at = bytes.n - 66;
    buf_add(&more, bytes.at, at);
    buf_add(&more, "\x82\x02\xa0", 3);
    buf_add(&more, bytes.at + at, 66);
    must((uint8_t)more.at[16] == 0x59 && (uint8_t)more.at[18] <= 0xff - 3);
    more.at[18] += 3;
    must((uint8_t)more.at[at - 3 * LIMIT_ENTRY_CHANGES - 2] == 0x98);
    more.at[at - 3 * LIMIT_ENTRY_CHANGES - 1]++;
    CHECK(entry_decode(buf_str(&more), &arena, &back, &why) == ERR_CORRUPT);
    CHECK(strstr(why.text, "no changes or too many") != NULL);
}

/* Replaces the first from by to (hex, equal lengths) in an entry with one tick and says what the decoder thinks. */
static const char *judge_frame(const char *from, const char *to)
{
    static struct why why;
    AUTO(arena_done) struct arena arena = {0};
    AUTO(buf_done) struct buf bytes = {0};
    struct change tick = {.kind = CHANGE_TICK};
    struct entry e = plain_entry(&tick), back;
    uint8_t old[64], new[64];
    size_t n = strlen(from) / 2;
    char *found;

    encode(&e, &bytes);
    must(hex_decode(str_of(from), n, old) && hex_decode(str_of(to), n, new));
    found = memmem(bytes.at, bytes.n, old, n);
    if (!found) return "pattern not found";
    memcpy(found, new, n);
    if (entry_decode(buf_str(&bytes), &arena, &back, &why) == OK) return "fine";
    return strstr(why.text, ": ") + 2;
}

static void the_frame_has_one_form(void)
{
    CHECK_STR(str_of(judge_frame("844da20127", "844da20127")), STR("fine"));
    CHECK_STR(str_of(judge_frame("844d", "854d")), STR("array of another length"));
    CHECK_STR(str_of(judge_frame("a2012704", "a2012604")), STR("protected header is not {1: -8, 4: kid}"));
    CHECK_STR(str_of(judge_frame("a058", "a158")), STR("unprotected header is not empty"));
    CHECK_STR(str_of(judge_frame("a80101", "a80102")), STR("unknown format of entry"));
    CHECK_STR(str_of(judge_frame("a80101", "a90101")), STR("map key is not an unsigned integer"));
    CHECK_STR(str_of(judge_frame("a80101", "a70101")), STR("entry lacks a member"));
    CHECK_STR(str_of(judge_frame("070e", "070d")), STR("seen size is odd"));
    CHECK_STR(str_of(judge_frame("09818202a0", "09808202a0")), STR("no changes or too many"));
    CHECK_STR(str_of(judge_frame("09818202a0", "0a818202a0")), STR("unknown member of the entry"));
    CHECK_STR(str_of(judge_frame("04820007", "04820107")), STR("fine"));
    CHECK_STR(str_of(judge_frame("061b0000018bcfe56800", "061b8000018bcfe56800")), STR("time too late"));
}

static void a_kid_that_is_not_the_authors_is_refused(void)
{
    AUTO(arena_done) struct arena arena = {0};
    AUTO(buf_done) struct buf bytes = {0};
    struct change tick = {.kind = CHANGE_TICK};
    struct entry e = plain_entry(&tick), back;
    struct why why;

    encode(&e, &bytes);
    bytes.at[7] ^= 1; /* 84 4d a2 01 27 04 48 kid */
    CHECK(entry_decode(buf_str(&bytes), &arena, &back, &why) == ERR_CORRUPT);
    CHECK(strstr(why.text, "kid and author differ") != NULL);
}

static void the_largest_entry_fits_and_nothing_larger_is_read(void)
{
    AUTO(arena_done) struct arena arena = {0};
    AUTO(buf_done) struct buf bytes = {0};
    static char url[LIMIT_URL_BYTES];
    struct change *changes = arena_array(&arena, LIMIT_ENTRY_CHANGES, sizeof *changes);
    struct change most = {.kind = CHANGE_INTENT_PUT, .state = INTENT_CONTINGENT, .has_base = true,
                          .attach = ATTACH_NEW, .is_coarsened = true, .has_key = true,
                          .vol.box = {1, 2, 3, 4}};
    struct entry e = plain_entry(changes), back;
    struct why why;
    size_t sum = ENTRY_OVERHEAD, n = 0;

    memset(url, 'u', sizeof url);
    for (size_t i = 0; i < LIMIT_ENTRY_CHANGES; i++) changes[i] = most;
    e.n_changes = LIMIT_ENTRY_CHANGES; /* The most items. */
    encode(&e, &bytes);
    CHECK(entry_decode(buf_str(&bytes), &arena, &back, &why) == OK);

    most.url = most.attach_url = str_make(url, sizeof url);
    while (sum + change_size(&most) <= LIMIT_ENTRY_BYTES) { /* The most bytes, packed by change_size(). */
        changes[n++] = most;
        sum += change_size(&most);
    }
    e.n_changes = n;
    encode(&e, &bytes);
    CHECK(bytes.n <= LIMIT_ENTRY_BYTES && bytes.n > LIMIT_ENTRY_BYTES * 9 / 10);
    CHECK(entry_decode(buf_str(&bytes), &arena, &back, NULL) == OK);

    while (bytes.n <= LIMIT_ENTRY_BYTES) buf_add_char(&bytes, 0);
    CHECK(entry_decode(buf_str(&bytes), &arena, &back, &why) == ERR_CORRUPT);
    CHECK(strstr(why.text, "longer than an entry may be") != NULL);
}

static void a_token_is_random_text_or_the_chosen_suffix(void)
{
    char text[CHANGE_TOKEN_MAX];
    struct change c = {.kind = CHANGE_INTENT_PUT, .id = {UINT64_C(0x0011223344554677), UINT64_C(0x8899aabbccddeeff)}};
    char long_suffix[91];

    for (int i = 0; i < 16; i++) c.random[i] = (uint8_t)(0xf0 + i);
    CHECK_STR(str_make(text, change_token(&c, text)), STR("8PHy8_T19vf4-fr7_P3-_w"));
    c.suffix = STR("abc");
    CHECK_STR(str_make(text, change_token(&c, text)), STR("00112233-4455-4677-8899-aabbccddeeff_abc"));
    memset(long_suffix, 'z', sizeof long_suffix);
    c.suffix = str_make(long_suffix, sizeof long_suffix);
    CHECK_INT(change_token(&c, text), 128);
}

/* An entry with one change of each kind that there was then: read for ever, and written again as it stands. */
static void check_golden(const char *path, struct str participant, size_t n_changes)
{
    AUTO(arena_done) struct arena arena = {0};
    AUTO(buf_done) struct buf bytes = {0}, again = {0};
    struct str hex = t_read_file(path);
    struct entry e;
    size_t n = str_find(hex, '\n') / 2;

    if (!CHECK(n > 0)) return;
    (void)buf_reserve(&bytes, n);
    CHECK(hex_decode(str_first(hex, 2 * n), n, bytes.at));
    bytes.n = n;
    if (CHECK(entry_decode(buf_str(&bytes), &arena, &e, NULL) == OK)) {
        CHECK(entry_verify(buf_str(&bytes), ORIGIN, &author.public));
        CHECK_STR(e.participant, participant);
        CHECK_INT(e.n_changes, n_changes);
        encode(&e, &again);
        CHECK(str_equal(buf_str(&bytes), buf_str(&again)));
    }
    free((char *)hex.at);
}

static void the_golden_entries_are_still_read_and_written(void)
{
    check_golden("test/golden/v1/entry.hex", STR("uss1"), 10);
    check_golden("test/golden/v1/entry-members.hex", (struct str){0}, 8);
}

/* Any build knows an entry by its frame, whatever rules its changes are of. */
static void heads_are_read_of_changes_that_nobody_knows_yet(void)
{
    struct rng rng = t_rng();
    AUTO(arena_done) struct arena arena = {0};
    AUTO(buf_done) struct buf bytes = {0};

    for (int step = 0; step < t_steps(300); step++) {
        struct entry e, head, full;
        arena_clear(&arena);
        e = gen_entry(&rng, &arena, &author.public, 5);
        encode(&e, &bytes);
        if (!CHECK(entry_decode_head(buf_str(&bytes), &head, NULL) == OK)) break;
        CHECK(memcmp(head.author, e.author, 8) == 0 && head.epoch == e.epoch && head.slot == e.slot);
        CHECK_INT(head.n_changes, e.n_changes);
        CHECK(hash_equal(&head.previous, &e.previous) && head.time_ms == e.time_ms && head.seen_size == e.seen_size);
        CHECK(head.changes == NULL && str_equal(head.participant, e.participant));
        CHECK(memcmp(head.signature, bytes.at + bytes.n - 64, 64) == 0);
        bytes.at[rng_below(&rng, bytes.n)] ^= (char)(1 + rng_below(&rng, 255)); /* What is an entry has a head. */
        if (entry_decode(buf_str(&bytes), &arena, &full, NULL) == OK) CHECK(entry_decode_head(buf_str(&bytes), &head, NULL) == OK);
    }
}

static const char *judge_head(const char *changes)
{
    static struct why why;
    AUTO(buf_done) struct buf bytes = {0}, again = {0};
    uint8_t list[64];
    size_t n_list = strlen(changes) / 2;
    struct change tick = {.kind = CHANGE_TICK};
    struct entry e = plain_entry(&tick), head;

    must(n_list <= sizeof list && hex_decode(str_of(changes), n_list, list));
    encode(&e, &bytes);
    size_t at = bytes.n - 64 - 2 - 4; /* 81 82 02 a0, before the signature. */
    if (!CHECK(memcmp(bytes.at + at, "\x81\x82\x02\xa0", 4) == 0)) return "";
    buf_add(&again, bytes.at, at);
    buf_add(&again, list, n_list);
    buf_add(&again, bytes.at + bytes.n - 66, 66);
    size_t length = 1 + 14 + 1; /* Frame, protected header, unprotected header. */
    CHECK_INT((uint8_t)again.at[length], 0x58);
    again.at[length + 1] = (char)(uint8_t)((uint8_t)again.at[length + 1] + n_list - 4);
    if (entry_decode_head(buf_str(&again), &head, &why) == OK) return "fine";
    return strstr(why.text, ": ") + 2;
}

static void heads_need_changes_of_the_one_form_of_cbor(void)
{
    CHECK_STR(str_of(judge_head("818202a0")), str_of("fine"));
    CHECK_STR(str_of(judge_head("8182181ea100f5")), str_of("fine"));
    CHECK_STR(str_of(judge_head("8160")), str_of("fine"));
    CHECK_STR(str_of(judge_head("81818181818100")), str_of("fine"));
    CHECK_STR(str_of(judge_head("8181818181818100")), str_of("nested too deep"));
    CHECK_STR(str_of(judge_head("80")), str_of("no changes or too many"));
    CHECK_STR(str_of(judge_head("81f9")), str_of("neither true nor false"));
    CHECK_STR(str_of(judge_head("81c0")), str_of("neither true nor false"));
    CHECK_STR(str_of(judge_head("811800")), str_of("not the shortest form"));
    CHECK_STR(str_of(judge_head("81a2010001")), str_of("map keys not ascending"));
    CHECK_STR(str_of(judge_head("8161ff")), str_of("text is not UTF-8"));
}

int main(void)
{
    struct hash seed = hash_of(STR("deconfliction-line-test:author"));

    key_secret_init(&author, seed.b);
    RUN(entries_come_back_as_they_went);
    RUN(each_kind_comes_back_as_it_went);
    RUN(the_signature_binds_entry_origin_and_key);
    RUN(a_changed_entry_is_refused_or_has_its_own_form);
    RUN(every_cut_entry_is_refused);
    RUN(members_must_be_those_of_the_kind);
    RUN(what_one_change_holds_is_limited);
    RUN(an_entry_of_too_many_changes_is_refused);
    RUN(the_frame_has_one_form);
    RUN(a_kid_that_is_not_the_authors_is_refused);
    RUN(the_largest_entry_fits_and_nothing_larger_is_read);
    RUN(a_token_is_random_text_or_the_chosen_suffix);
    RUN(heads_are_read_of_changes_that_nobody_knows_yet);
    RUN(heads_need_changes_of_the_one_form_of_cbor);
    RUN(the_golden_entries_are_still_read_and_written);
    key_secret_done(&author);
    return t_done();
}
