/* test_hex.c - bytes as hexadecimal text.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/hex.h"

#include "base/err.h"
#include "t.h"

static void digits_of_both_cases_and_nothing_else(void)
{
    int n = 0;
    for (int c = -128; c < 128; c++) n += hex_digit((char)c) >= 0;
    CHECK_INT(n, 22);
    CHECK_INT(hex_digit('0'), 0);
    CHECK_INT(hex_digit('9'), 9);
    CHECK_INT(hex_digit('a'), 10);
    CHECK_INT(hex_digit('F'), 15);
}

static void every_byte_leads_back_to_itself(void)
{
    AUTO(buf_done) struct buf text = {0};
    unsigned char bytes[256], again[256];
    for (unsigned i = 0; i < 256; i++) bytes[i] = (unsigned char)i;
    hex_add(&text, bytes, sizeof bytes);
    CHECK_INT(text.n, 512);
    CHECK_STR(str_first(str_skip(buf_str(&text), 2 * 0xA9), 6), STR("a9aaab"));
    CHECK(hex_decode(buf_str(&text), 256, again));
    CHECK(memcmp(bytes, again, 256) == 0);
    CHECK(hex_decode(STR("aBCdEF"), 3, again) && again[0] == 0xAB && again[1] == 0xCD && again[2] == 0xEF);
}

static void a_text_of_another_length_or_with_other_characters_is_refused_whole(void)
{
    unsigned char bytes[4] = {9, 9, 9, 9};
    CHECK(!hex_decode(STR("0102030"), 4, bytes));
    CHECK(!hex_decode(STR("010203"), 4, bytes));
    CHECK(!hex_decode(STR("0102030405"), 4, bytes));
    CHECK(!hex_decode(STR("0102030g"), 4, bytes));
    CHECK(!hex_decode(STR("01 20304"), 4, bytes));
    CHECK(!hex_decode(STR("0x020304"), 4, bytes));
    CHECK(!hex_decode(str_of(NULL), 4, bytes));
    CHECK(bytes[0] == 9 && bytes[3] == 9);
    CHECK(hex_decode(str_of(NULL), 0, bytes));
}

int main(void)
{
    RUN(digits_of_both_cases_and_nothing_else);
    RUN(every_byte_leads_back_to_itself);
    RUN(a_text_of_another_length_or_with_other_characters_is_refused_whole);
    return t_done();
}
