/* test_cbor.c - the deterministic profile: published values, and everything outside it refused.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "entry/cbor.h"

#include "base/hex.h"
#include "base/limits.h"
#include "t.h"

static bool is_hex(const struct buf *b, const char *hex)
{
    AUTO(buf_done) struct buf text = {0};
    hex_add(&text, b->at, b->n);
    return CHECK_STR(buf_str(&text), str_of(hex));
}

static void integers_are_written_as_in_rfc_8949(void) /* Appendix A. */
{
    static const struct {
        int64_t value;
        const char *hex;
    } PUBLISHED[] = {
        {0, "00"}, {1, "01"}, {10, "0a"}, {23, "17"}, {24, "1818"}, {25, "1819"}, {100, "1864"}, {1000, "1903e8"},
        {1000000, "1a000f4240"}, {INT64_C(1000000000000), "1b000000e8d4a51000"}, {-1, "20"}, {-10, "29"},
        {-100, "3863"}, {-1000, "3903e7"}, {INT64_MAX, "1b7fffffffffffffff"}, {INT64_MIN, "3b7fffffffffffffff"},
    };
    for (size_t i = 0; i < sizeof PUBLISHED / sizeof PUBLISHED[0]; i++) {
        AUTO(buf_done) struct buf b = {0};
        cbor_add_int(&b, PUBLISHED[i].value);
        CHECK(is_hex(&b, PUBLISHED[i].hex));
        struct cbor r = cbor_open(buf_str(&b));
        CHECK_INT(cbor_int(&r), PUBLISHED[i].value);
        CHECK(cbor_end(&r, NULL) == OK);
    }
    AUTO(buf_done) struct buf b = {0};
    cbor_add_uint(&b, UINT64_MAX);
    CHECK(is_hex(&b, "1bffffffffffffffff"));
    struct cbor r = cbor_open(buf_str(&b));
    CHECK(cbor_uint(&r) == UINT64_MAX && cbor_end(&r, NULL) == OK);
    r = cbor_open(buf_str(&b));
    CHECK(cbor_int(&r) == 0 && cbor_end(&r, NULL) == ERR_CORRUPT);
}

static void other_items_are_written_as_in_rfc_8949(void)
{
    AUTO(buf_done) struct buf b = {0};

    cbor_add_array(&b, 7);
    cbor_add_bytes(&b, "\1\2\3\4", 4);
    cbor_add_text(&b, STR("\xc3\xbc"));
    cbor_add_bool(&b, false);
    cbor_add_bool(&b, true);
    cbor_add_null(&b);
    cbor_add_map(&b, 1);
    cbor_add_key(&b, 3);
    cbor_add_int(&b, -1);
    cbor_add_text(&b, STR(""));
    CHECK(is_hex(&b, "87" "4401020304" "62c3bc" "f4" "f5" "f6" "a10320" "60"));

    struct cbor r = cbor_open(buf_str(&b));
    unsigned last = CBOR_FIRST_KEY;
    cbor_array_of(&r, 7);
    CHECK_STR(cbor_bytes(&r), STR("\1\2\3\4"));
    CHECK_STR(cbor_text(&r, 2, "long"), STR("\xc3\xbc"));
    CHECK(!cbor_null(&r) && !cbor_bool(&r) && cbor_bool(&r) && cbor_null(&r));
    CHECK_INT(cbor_map(&r), 1);
    CHECK_INT(cbor_key(&r, &last), 3);
    CHECK_INT(cbor_int(&r), -1);
    CHECK_INT(cbor_text(&r, 2, "long").n, 0);
    CHECK(cbor_end(&r, NULL) == OK);
}

static void a_byte_string_of_any_length_gets_its_head_afterwards(void)
{
    static const size_t LENGTHS[] = {0, 1, 23, 24, 255, 256, 65535};
    static char bytes[65535];

    for (size_t i = 0; i < sizeof LENGTHS / sizeof LENGTHS[0]; i++) {
        AUTO(buf_done) struct buf late = {0}, early = {0};
        size_t n = LENGTHS[i], mark;
        memset(bytes, (int)i + 1, n);
        buf_add_char(&late, 'x');
        buf_add_char(&early, 'x');
        mark = cbor_begin_bytes(&late);
        buf_add(&late, bytes, n);
        cbor_end_bytes(&late, mark);
        cbor_add_bytes(&early, bytes, n);
        CHECK(str_equal(buf_str(&late), buf_str(&early)));
    }
}

/* Reads one item of whatever type, deep. */
static void read_any(struct cbor *r, int depth)
{
    unsigned last = CBOR_FIRST_KEY;

    if (cbor_is_text_next(r)) {
        (void)cbor_text(r, 100, "long");
    } else if (cbor_is_bytes_next(r)) {
        (void)cbor_bytes(r);
    } else if (cbor_is_array_next(r)) {
        for (size_t n = cbor_array(r); n > 0 && !r->problem; n--) read_any(r, depth + 1);
    } else if (r->at < r->end && *r->at >> 5 == 5) {
        for (size_t n = cbor_map(r); n > 0 && !r->problem; n--) {
            (void)cbor_key(r, &last);
            read_any(r, depth + 1);
        }
    } else if (r->at < r->end && *r->at >> 5 == 7) {
        if (!cbor_null(r)) (void)cbor_bool(r);
    } else {
        (void)cbor_int(r);
    }
}

static void whatever_is_outside_the_profile_is_refused(void)
{
    static const char *const BAD[] = {
        "", "1817", "190017", "1900ff", "1a0000ffff", "1b00000000ffffffff", /* empty; longer than needed */
        "18", "19ff", "1affffff", "1bffffffffffffff",                        /* cut */
        "1c", "1d", "1e", "1f", "5f", "7f", "9f", "bf", "5f4101ff", "9fff", "bfff", /* reserved, indefinite */
        "3bffffffffffffffff",                                                /* below -2^63 */
        "c0", "c11a514b67b0", "d82076",                                      /* tags */
        "f7", "e0", "f0", "f800", "f818", "f8ff",                            /* undefined, other simple values */
        "f90000", "fa47c35000", "fb3ff199999999999a",                        /* floats */
        "41", "6161" "00", "62c328", "61ff", "63eda080", "64f4908080",       /* cut, left over, not UTF-8 */
        "5803" "0102", "430102", "7801" "61", "58" "01" "ff",                /* cut; length not shortest */
        "81", "8201", "a1", "a101", "9a00010000", "9b0000000100000000",      /* cut; counts beyond the bytes */
        "a1" "18" "18" "00", "a1" "20" "00", "a1" "6161" "00", "a1" "f5" "00", /* keys above 23, or not integers */
        "a2" "0100" "0100", "a2" "0200" "0100",                              /* twice; falling */
        "ff",
    };
    static const char *const GOOD[] = {"00", "17", "1818", "20", "40", "60", "80", "a0", "f4", "f5", "f6",
                                       "a2" "0000" "1700", "8301" "8202" "03" "60"};

    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
        uint8_t bytes[32];
        size_t n = strlen(BAD[i]) / 2;
        struct cbor r;
        CHECK(hex_decode(str_of(BAD[i]), n, bytes));
        r = cbor_open(str_make(bytes, n));
        read_any(&r, 0);
        if (!CHECK(cbor_end(&r, NULL) == ERR_CORRUPT)) printf("# %s\n", BAD[i]);
    }
    for (size_t i = 0; i < sizeof GOOD / sizeof GOOD[0]; i++) {
        uint8_t bytes[32];
        size_t n = strlen(GOOD[i]) / 2;
        struct cbor r;
        CHECK(hex_decode(str_of(GOOD[i]), n, bytes));
        r = cbor_open(str_make(bytes, n));
        read_any(&r, 0);
        if (!CHECK(cbor_end(&r, NULL) == OK)) printf("# %s\n", GOOD[i]);
    }
}

static void the_first_problem_is_kept_with_its_place(void)
{
    struct cbor r = cbor_open(STR("\x82\x01\x18\x17\xff"));
    struct why why;

    cbor_array_of(&r, 2);
    CHECK_INT(cbor_uint(&r), 1);
    CHECK_INT(cbor_uint(&r), 0);
    CHECK_INT(cbor_bytes(&r).n, 0);
    cbor_bad(&r, "later");
    CHECK(cbor_end(&r, &why) == ERR_CORRUPT);
    CHECK_STR(str_of(why.text), STR("byte 2: not the shortest form"));
}

static void items_are_limited(void)
{
    AUTO(buf_done) struct buf b = {0};
    struct cbor r;

    cbor_add_array(&b, LIMIT_ENTRY_ITEMS);
    for (int i = 0; i < LIMIT_ENTRY_ITEMS; i++) cbor_add_uint(&b, 1);
    r = cbor_open(buf_str(&b));
    read_any(&r, 0);
    CHECK(cbor_end(&r, NULL) == ERR_CORRUPT);
    CHECK_STR(str_of(r.problem), STR("too many items"));

    buf_clear(&b);
    cbor_add_array(&b, LIMIT_ENTRY_ITEMS - 1);
    for (int i = 0; i < LIMIT_ENTRY_ITEMS - 1; i++) cbor_add_uint(&b, 1);
    r = cbor_open(buf_str(&b));
    read_any(&r, 0);
    CHECK(cbor_end(&r, NULL) == OK);
}

static void a_byte_string_of_items_ends_with_them(void)
{
    struct cbor r = cbor_open(STR("\x42\x01\x02\x03"));
    const uint8_t *end = cbor_enter(&r);

    CHECK_INT(cbor_uint(&r), 1);
    CHECK_INT(cbor_uint(&r), 2);
    cbor_leave(&r, end);
    CHECK_INT(cbor_uint(&r), 3);
    CHECK(cbor_end(&r, NULL) == OK);

    r = cbor_open(STR("\x42\x01\x02\x03"));
    end = cbor_enter(&r);
    CHECK_INT(cbor_uint(&r), 1);
    cbor_leave(&r, end);
    CHECK(cbor_end(&r, NULL) == ERR_CORRUPT);
}

int main(void)
{
    RUN(integers_are_written_as_in_rfc_8949);
    RUN(other_items_are_written_as_in_rfc_8949);
    RUN(a_byte_string_of_any_length_gets_its_head_afterwards);
    RUN(whatever_is_outside_the_profile_is_refused);
    RUN(the_first_problem_is_kept_with_its_place);
    RUN(items_are_limited);
    RUN(a_byte_string_of_items_ends_with_them);
    return t_done();
}
