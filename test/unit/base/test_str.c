/* test_str.c - borrowed text: comparing, cutting, numbers, UTF-8.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/str.h"

#include "t.h"

static const struct str none = {NULL, 0};

static void empty_texts_are_equal_wherever_they_point(void)
{
    CHECK(str_equal(none, STR("")));
    CHECK(str_equal(str_of(NULL), none));
    CHECK(str_equal(str_first(STR("abc"), 0), str_skip(STR("abc"), 3)));
    CHECK(!str_equal(none, STR("a")));
    CHECK(str_equal_nocase(none, STR("")));
    CHECK(str_equal_secret(none, STR("")));
    CHECK(str_is_utf8(none));
    CHECK_INT(str_compare(none, STR("")), 0);
    CHECK_INT(str_find(none, 'a'), 0);
}

static void bytes_after_a_nul_count(void)
{
    struct str a = str_make("a\0b", 3), b = str_make("a\0c", 3);
    CHECK(!str_equal(a, b));
    CHECK(!str_equal_nocase(a, b));
    CHECK(!str_equal_secret(a, b));
    CHECK_INT(str_compare(a, b), -1);
    CHECK_INT(str_find(a, 'b'), 2);
    CHECK_INT(str_find(a, '\0'), 1);
}

static void beginnings_and_ends_are_found(void)
{
    CHECK(str_starts(STR("urn:uuid:x"), STR("urn:")));
    CHECK(str_starts(STR("x"), none));
    CHECK(!str_starts(STR("ur"), STR("urn:")));
    CHECK(str_starts(none, none));
    CHECK(str_ends(STR("a.json"), STR(".json")));
    CHECK(str_ends(STR("x"), none));
    CHECK(!str_ends(STR("son"), STR(".json")));
    CHECK(!str_ends(STR("a.jsom"), STR(".json")));
}

static void skipping_and_taking_stop_at_the_end(void)
{
    CHECK_STR(str_skip(STR("abc"), 2), STR("c"));
    CHECK_STR(str_skip(STR("abc"), 9), STR(""));
    CHECK_STR(str_skip(none, 9), none);
    CHECK_STR(str_first(STR("abc"), 2), STR("ab"));
    CHECK_STR(str_first(STR("abc"), 9), STR("abc"));
    CHECK_STR(str_first(none, 9), none);
}

static void order_is_bytewise_and_shorter_first(void)
{
    const struct str in_order[] = {STR(""), STR("A"), STR("AA"), STR("B"), STR("a"), STR("\x7F"), STR("\x80"), STR("\xFF")};
    for (int i = 0; i < 8; i++) {
        for (int k = 0; k < 8; k++) {
            CHECK_INT(str_compare(in_order[i], in_order[k]), i < k ? -1 : i > k);
        }
    }
}

static void cutting_walks_through_the_parts(void)
{
    struct str rest = STR("a,,bc");
    CHECK_STR(str_cut(&rest, ','), STR("a"));
    CHECK_STR(str_cut(&rest, ','), STR(""));
    CHECK(rest.at != NULL);
    CHECK_STR(str_cut(&rest, ','), STR("bc"));
    CHECK(rest.at == NULL && rest.n == 0);
    CHECK_STR(str_cut(&rest, ','), STR(""));
    rest = STR("a,");
    CHECK_STR(str_cut(&rest, ','), STR("a"));
    CHECK(rest.at != NULL && rest.n == 0); /* An empty last part, not the end. */
}

static void only_ascii_letters_have_a_case(void)
{
    CHECK(str_equal_nocase(STR("Content-TYPE"), STR("content-type")));
    CHECK(!str_equal_nocase(STR("[@`{"), STR("{`@["))); /* Neighbours of the letters, 32 apart. */
    CHECK(!str_equal_nocase(STR("\xC3\x84"), STR("\xC3\xA4")));
    CHECK(!str_equal_nocase(STR("a"), STR("ab")));
}

static void numbers_are_plain_decimal_within_their_bound(void)
{
    static const char *const bad[] = {"", "-1", "+1", " 1", "1 ", "01", "00", "0x1", "1.0", "1e3", "18446744073709551616",
                                      "99999999999999999999", "100000000000000000000", "a"};
    uint64_t value = 77;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        CHECK(!str_to_u64(str_of(bad[i]), UINT64_MAX, &value));
    }
    CHECK(!str_to_u64(str_make("1\0", 2), UINT64_MAX, &value));
    CHECK(!str_to_u64(STR("256"), 255, &value));
    CHECK(!str_to_u64(STR("1"), 0, &value));
    CHECK_INT(value, 77);
    CHECK(str_to_u64(STR("0"), 0, &value) && value == 0);
    CHECK(str_to_u64(STR("255"), 255, &value) && value == 255);
    CHECK(str_to_u64(STR("18446744073709551615"), UINT64_MAX, &value) && value == UINT64_MAX);
}

static void secrets_compare_by_every_byte(void)
{
    CHECK(str_equal_secret(STR("secret"), STR("secret")));
    CHECK(!str_equal_secret(STR("secret"), STR("secreT")));
    CHECK(!str_equal_secret(STR("secret"), STR("Secret")));
    CHECK(!str_equal_secret(STR("secret"), STR("secre")));
    CHECK(!str_equal_secret(STR("\x01"), STR("\x81"))); /* The top bit too. */
}

/* The first and last code points of every length, and what lies just outside (Unicode table 3-7). */
static void utf8_is_taken_in_its_shortest_form_only(void)
{
    static const char *const good[] = {"\x7F", "\xC2\x80", "\xDF\xBF", "\xE0\xA0\x80", "\xEC\xBF\xBF", "\xED\x9F\xBF",
                                       "\xEE\x80\x80", "\xEF\xBF\xBF", "\xF0\x90\x80\x80", "\xF3\xBF\xBF\xBF",
                                       "\xF4\x8F\xBF\xBF", "a\xC3\xA4z\xE2\x82\xAC"};
    static const char *const bad[] = {"\x80", "\xBF", "\xC0\x80", "\xC1\xBF", "\xC2", "\xC2\x41", "\xC2\xC2", "\xE0\x9F\xBF",
                                      "\xE0\xA0", "\xE2\x28\xA1", "\xED\xA0\x80", "\xED\xBF\xBF", "\xEF\xBF",
                                      "\xF0\x8F\xBF\xBF", "\xF0\x90\x80", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80",
                                      "\xF8\x88\x80\x80\x80", "\xFE", "\xFF", "abc\xE2\x82"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) CHECK(str_is_utf8(str_of(good[i])));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) CHECK(!str_is_utf8(str_of(bad[i])));
    CHECK(str_is_utf8(str_make("a\0b", 3)));
}

/* Every code point is well-formed but the surrogates. */
static void all_scalar_values_are_utf8(void)
{
    for (unsigned code = 0; code <= 0x10FFFF; code++) {
        char text[4];
        size_t n = 0;
        if (code < 0x80) {
            text[n++] = (char)code;
        } else if (code < 0x800) {
            text[n++] = (char)(0xC0 | code >> 6);
        } else if (code < 0x10000) {
            text[n++] = (char)(0xE0 | code >> 12);
            text[n++] = (char)(0x80 | (code >> 6 & 63));
        } else {
            text[n++] = (char)(0xF0 | code >> 18);
            text[n++] = (char)(0x80 | (code >> 12 & 63));
            text[n++] = (char)(0x80 | (code >> 6 & 63));
        }
        if (code >= 0x80) text[n++] = (char)(0x80 | (code & 63));
        bool is_surrogate = code >= 0xD800 && code < 0xE000;
        if (!CHECK(str_is_utf8(str_make(text, n)) == !is_surrogate)) return;
        if (n > 1 && !CHECK(!str_is_utf8(str_make(text, n - 1)))) return;
    }
}

int main(void)
{
    RUN(empty_texts_are_equal_wherever_they_point);
    RUN(bytes_after_a_nul_count);
    RUN(beginnings_and_ends_are_found);
    RUN(skipping_and_taking_stop_at_the_end);
    RUN(order_is_bytewise_and_shorter_first);
    RUN(cutting_walks_through_the_parts);
    RUN(only_ascii_letters_have_a_case);
    RUN(numbers_are_plain_decimal_within_their_bound);
    RUN(secrets_compare_by_every_byte);
    RUN(utf8_is_taken_in_its_shortest_form_only);
    RUN(all_scalar_values_are_utf8);
    return t_done();
}
