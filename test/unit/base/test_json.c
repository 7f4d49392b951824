/* test_json.c - what the JSON writer writes.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/json.h"

#include "base/err.h"
#include "t.h"

static bool writes(struct str text, const char *want)
{
    AUTO(buf_done) struct buf b = {0};
    struct json j = {.to = &b};
    json_str(&j, text);
    return CHECK_STR(buf_str(&b), str_of(want));
}

static void commas_stand_between_values_only(void)
{
    AUTO(buf_done) struct buf b = {0};
    struct json j = {.to = &b};
    json_open(&j, '{');
    json_key(&j, "none");
    json_open(&j, '[');
    json_close(&j, ']');
    json_key(&j, "two");
    json_open(&j, '[');
    json_open(&j, '{');
    json_close(&j, '}');
    json_open(&j, '{');
    json_key(&j, "a");
    json_null(&j);
    json_key(&j, "b");
    json_bool(&j, true);
    json_close(&j, '}');
    json_bool(&j, false);
    json_close(&j, ']');
    json_key(&j, "n");
    json_i64(&j, INT64_MIN);
    json_key(&j, "raw");
    json_raw(&j, STR("[1,2]"));
    json_key(&j, "u");
    json_u64(&j, UINT64_MAX);
    json_close(&j, '}');
    CHECK_STR(buf_str(&b), STR("{\"none\":[],\"two\":[{},{\"a\":null,\"b\":true},false],\"n\":-9223372036854775808,"
                               "\"raw\":[1,2],\"u\":18446744073709551615}"));
}

static void ids_and_moments_are_their_texts(void)
{
    AUTO(buf_done) struct buf b = {0};
    struct json j = {.to = &b};
    json_open(&j, '[');
    json_id(&j, (struct id){UINT64_C(0x2F8343BE6482431B), UINT64_C(0xA474B8A9D3C7E05F)});
    json_instant(&j, 500000);
    json_close(&j, ']');
    CHECK_STR(buf_str(&b), STR("[\"2f8343be-6482-431b-a474-b8a9d3c7e05f\",\"1970-01-01T00:00:00.5Z\"]"));
}

static void control_characters_quotes_and_backslashes_are_escaped(void)
{
    writes(str_of(NULL), "\"\"");
    writes(STR("a\"b\\c/d"), "\"a\\\"b\\\\c/d\"");
    writes(STR("\b\f\n\r\t"), "\"\\b\\f\\n\\r\\t\"");
    writes(str_make("\0\x01\x1F\x7F", 4), "\"\\u0000\\u0001\\u001f\\u007f\"");
    writes(STR("<script>&'"), "\"<script>&'\"");
}

static void utf8_passes_and_every_byte_that_is_none_is_replaced(void)
{
    writes(STR("Z\xC3\xBCrich \xE2\x82\xAC \xF0\x9F\x9B\xA9"), "\"Z\xC3\xBCrich \xE2\x82\xAC \xF0\x9F\x9B\xA9\"");
    writes(STR("\xFF"), "\"\xEF\xBF\xBD\"");
    writes(STR("\xC3"), "\"\xEF\xBF\xBD\"");
    writes(STR("\xC3("), "\"\xEF\xBF\xBD(\"");
    writes(STR("\x80z"), "\"\xEF\xBF\xBDz\"");
    writes(STR("\xC0\x80"), "\"\xEF\xBF\xBD\xEF\xBF\xBD\"");
    writes(STR("\xE2\x82"), "\"\xEF\xBF\xBD\xEF\xBF\xBD\"");
    writes(STR("\xE2\x82\""), "\"\xEF\xBF\xBD\xEF\xBF\xBD\\\"\"");
    writes(STR("\xED\xA0\x80"), "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\"");
    writes(STR("\xF0\x9F\x9B"), "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\"");
}

/* Whatever goes in, what comes out is UTF-8 without control characters, between two quotes. */
static void any_bytes_become_a_well_formed_string(void)
{
    struct rng rng = t_rng();
    for (int round = 0; round < 5000; round++) {
        unsigned char bytes[40];
        size_t n = rng_below(&rng, sizeof bytes);
        AUTO(buf_done) struct buf b = {0};
        struct json j = {.to = &b};
        bool is_clean = true;
        for (size_t i = 0; i < n; i++) {
            bytes[i] = (unsigned char)(rng_below(&rng, 2) ? 0x78 + rng_below(&rng, 136) : rng_next(&rng));
        }
        json_str(&j, str_make(bytes, n));
        for (size_t i = 0; i < b.n; i++) {
            unsigned char c = (unsigned char)b.at[i];
            bool is_quote = c == '"' && i > 0 && i + 1 < b.n && b.at[i - 1] != '\\';
            is_clean = is_clean && c >= 0x20 && c != 0x7F && !is_quote;
        }
        if (!CHECK(is_clean && str_is_utf8(buf_str(&b)) && b.n >= 2)) return;
    }
}

int main(void)
{
    RUN(commas_stand_between_values_only);
    RUN(ids_and_moments_are_their_texts);
    RUN(control_characters_quotes_and_backslashes_are_escaped);
    RUN(utf8_passes_and_every_byte_that_is_none_is_replaced);
    RUN(any_bytes_become_a_well_formed_string);
    return t_done();
}
