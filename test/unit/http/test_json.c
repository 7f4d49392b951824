/* test_json.c - JSON torture: what is read, what is refused, and what the message says.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "http/json.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/limits.h"
#include "http/json_scan.h"
#include "t.h"

static struct json_parser *parser;
static struct why why;

static struct json_node read_text(struct str text)
{
    struct json_node root = {0};
    why = (struct why){0};
    if (!CHECK(json_read(parser, text, &root, &why) == OK)) printf("# %.*s: %s\n", STR_ARG(str_first(text, 60)), why.text);
    return root;
}

static struct json_node read_z(const char *text)
{
    return read_text(str_of(text));
}

static bool refuses(struct str text, const char *message)
{
    struct json_node root = {0};
    enum err code;

    why = (struct why){0};
    code = json_read(parser, text, &root, &why);
    if (code == ERR_INPUT && !root.document && (!message || strstr(why.text, message))) return true;
    printf("# %.*s: %s, \"%s\"\n", STR_ARG(str_first(text, 60)), err_name(code), why.text);
    return false;
}

static bool refuses_z(const char *text, const char *message)
{
    return refuses(str_of(text), message);
}

static void values_have_their_types(void)
{
    struct json_node root = read_z(" {\"n\":null,\"b\":true,\"i\":-7,\"d\":1.5,\"s\":\"x\",\"a\":[1,[2],{}],\"o\":{\"p\":1}} ");
    int64_t i = 0;
    double d = 0;
    bool b = false;
    struct str s = {0};

    CHECK_INT(json_type(root), JSON_OBJECT);
    CHECK_INT(json_size(root), 7);
    CHECK_INT(json_type(json_member(root, "n")), JSON_NULL);
    CHECK_INT(json_type(json_member(root, "nothing")), JSON_ABSENT);
    CHECK_INT(json_type(json_member(json_member(root, "nothing"), "x")), JSON_ABSENT);
    CHECK(json_get_bool(json_member(root, "b"), &b) && b);
    CHECK(json_get_i64(json_member(root, "i"), &i) && i == -7);
    CHECK(json_get_double(json_member(root, "i"), &d) && d == -7);
    CHECK(json_get_double(json_member(root, "d"), &d) && d == 1.5);
    CHECK(!json_get_i64(json_member(root, "d"), &i));
    CHECK(json_get_string(json_member(root, "s"), &s) && str_equal(s, STR("x")));
    CHECK(!json_get_string(json_member(root, "i"), &s) && !json_get_bool(root, &b));
    CHECK_INT(json_size(json_member(root, "a")), 3);
    CHECK_INT(json_size(json_member(root, "s")), 0);
    CHECK_INT(json_type(json_member(json_member(root, "o"), "p")), JSON_NUMBER);
    CHECK_INT(json_type((struct json_node){0}), JSON_ABSENT);
}

static enum err note(void *context, size_t i, struct json_node v)
{
    struct buf *b = context;
    double d = -1;
    (void)json_get_double(v, &d);
    if (d == 99) return ERR_STATE;
    buf_addf(b, "%zu:%g/%zu ", i, d, json_size(v));
    return OK;
}

static enum err note_member(void *context, struct str name, struct json_node v)
{
    buf_addf(context, "%.*s:%d ", STR_ARG(name), (int)json_type(v));
    return OK;
}

static void each_visits_in_order_and_passes_errors_on(void)
{
    AUTO(buf_done) struct buf seen = {0};
    struct json_node root = read_z("[1,[],[[],{\"a\":[2]}],{},3.5,\"x\"]");

    CHECK(json_each(root, note, &seen) == OK);
    CHECK_STR(buf_str(&seen), STR("0:1/0 1:-1/0 2:-1/2 3:-1/0 4:3.5/0 5:-1/0 "));
    buf_clear(&seen);
    CHECK(json_each(read_z("[1,99,2]"), note, &seen) == ERR_STATE);
    CHECK_STR(buf_str(&seen), STR("0:1/0 "));
    buf_clear(&seen);
    CHECK(json_each_member(read_z("{\"a\":{\"b\":1},\"\":null,\"\\u0063\":[]}"), note_member, &seen) == OK);
    CHECK_STR(buf_str(&seen), STR("a:6 :1 c:5 "));
    buf_clear(&seen);
    CHECK(json_each(read_z("{\"a\":1}"), note, &seen) == OK && seen.n == 0);
    CHECK(json_each_member(read_z("[1]"), note_member, &seen) == OK && seen.n == 0);
}

static void scalars_stand_alone(void)
{
    double d = 0;
    struct str s = {0};

    CHECK_INT(json_type(read_z("null")), JSON_NULL);
    CHECK(json_get_double(read_z(" -12.5e1\n"), &d) && d == -125);
    CHECK(json_get_string(read_z("\"\\ud83d\\ude00\\u00e9\\n\""), &s) && str_equal(s, STR("\xF0\x9F\x98\x80\xC3\xA9\n")));
    CHECK(json_get_string(read_z("\"a\\u0000b\""), &s) && s.n == 3 && s.at[1] == '\0');
}

static void what_follows_the_first_value_is_ignored(void)
{
    int64_t i = 0;

    CHECK(json_get_i64(json_member(read_z("{\"a\":1} {\"a\":2}"), "a"), &i) && i == 1);
    CHECK(json_get_i64(json_member(read_z("{\"a\":2}}}]]"), "a"), &i) && i == 2);
    CHECK(json_get_i64(json_member(read_z("{\"a\":3}\xFF\xFE\x01 \""), "a"), &i) && i == 3);
    CHECK(json_get_i64(json_member(read_text(STR("{\"a\":4}\0\0")), "a"), &i) && i == 4);
    CHECK(json_get_i64(read_z("12 13"), &i) && i == 12);
    CHECK_INT(json_type(read_z("true,")), JSON_BOOL);
    CHECK_INT(json_size(read_z("[1,2]\"unclosed")), 2);
}

static void duplicate_members_are_refused_with_their_place(void)
{
    AUTO(buf_done) struct buf text = {0};

    CHECK(refuses_z("{\"a\":1,\"a\":1}", "\"a\""));
    CHECK(refuses_z("{\"a\":1,\"\\u0061\":2}", "member given twice"));
    CHECK(refuses_z("{\"x\":[0,{\"v\":{\"id\":1,\"b\":2,\"id\":3}}]}", "x[1].v: member given twice: \"id\""));
    CHECK(refuses_z("{\"\":1,\"\":1}", "member given twice"));
    CHECK_INT(json_size(read_z("{\"a\":{\"a\":{\"a\":1}},\"b\":{\"a\":1}}")), 2);
    for (int n = 2; n < 3000; n = n * 3 / 2 + 1) { /* Both ways of comparing. */
        buf_clear(&text);
        for (int i = 0; i < n; i++) buf_addf(&text, "%s\"m%d\":%d", i ? "," : "{", i, i);
        buf_add_str(&text, STR(",\"m1\":0}"));
        CHECK(refuses(buf_str(&text), "m1"));
        text.at[text.n - 6] = '_';
        CHECK_INT(json_size(read_text(buf_str(&text))), n + 1);
    }
}

static void depth_ends_at_its_limit(void)
{
    char text[2 * LIMIT_JSON_DEPTH + 4];

    for (int depth = 1; depth <= LIMIT_JSON_DEPTH + 1; depth++) {
        memset(text, '[', (size_t)depth);
        memset(text + depth, ']', (size_t)depth);
        struct str s = {text, (size_t)depth * 2};
        if (depth <= LIMIT_JSON_DEPTH)
            CHECK_INT(json_type(read_text(s)), JSON_ARRAY);
        else
            CHECK(refuses(s, "too deep"));
    }
    CHECK(refuses_z("{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":"
                    "{\"a\":{\"a\":{\"a\":{\"a\":1}}}}}}}}}}}}}}}}}", "too deep"));
}

static void a_very_deep_text_is_refused_without_recursion(void)
{
    size_t n = 4 * 1024 * 1024;
    char *text = malloc(n);
    memset(text, '[', n);
    CHECK(refuses((struct str){text, n}, "too deep"));
    free(text);
}

static void string_length_ends_at_its_limit(void)
{
    AUTO(buf_done) struct buf text = {0};
    struct str s = {0};

    for (int more = 0; more <= 1; more++) {
        size_t n = LIMIT_JSON_STRING + (size_t)more;
        for (int name = 0; name <= 1; name++) {
            buf_clear(&text);
            buf_add_str(&text, name ? STR("{\"") : STR("{\"v\":\""));
            memset(buf_reserve(&text, n), 'x', n);
            text.n += n;
            buf_add_str(&text, name ? STR("\":1}") : STR("\"}"));
            if (more)
                CHECK(refuses(buf_str(&text), "too long"));
            else
                CHECK_INT(json_size(read_text(buf_str(&text))), 1);
            if (!more && !name)
                CHECK(json_get_string(json_member(read_text(buf_str(&text)), "v"), &s) && s.n == n);
        }
    }
}

static void numbers_out_of_range_are_refused_and_big_integers_become_doubles(void)
{
    AUTO(buf_done) struct buf text = {0};
    double d = 0;
    int64_t i = 0;

    CHECK(json_get_i64(read_z("9223372036854775807"), &i) && i == INT64_MAX);
    CHECK(json_get_i64(read_z("-9223372036854775808"), &i) && i == INT64_MIN);
    CHECK(!json_get_i64(read_z("9223372036854775808"), &i));
    CHECK(json_get_double(read_z("9223372036854775808"), &d) && d == 0x1p63);
    CHECK(json_get_double(read_z("18446744073709551616"), &d) && d == 0x1p64);
    CHECK(json_get_double(read_z("-123456789012345678999"), &d) && d <= -1.2345678901234565e20 && d >= -1.234567890123457e20);
    CHECK(json_get_double(json_member(read_z("{\"k\\\"1\":\"12345678901234567890123\",\"v\":-100000000000000000000000}"), "v"), &d) && d == -1e23);
    CHECK(json_get_i64(read_z("12.0"), &i) && i == 12);
    CHECK(!json_get_i64(read_z("1e300"), &i) && !json_get_i64(read_z("0.5"), &i));
    CHECK(refuses_z("1e999", "out of range"));
    CHECK(refuses_z("[-1e999]", "out of range"));
    for (int n = 0; n < 400; n++) buf_add_char(&text, '9');
    CHECK(refuses(buf_str(&text), "out of range"));
    buf_add_str(&text, STR("e-395"));
    CHECK(json_get_double(read_text(buf_str(&text)), &d) && d > 99999.9 && d < 100000.1);
    CHECK(json_get_double(read_z("1e-999"), &d) && d == 0);
    CHECK(json_get_double(read_z("4.9e-324"), &d) && d > 0);
    CHECK(json_get_double(read_z("-0"), &d) && d == 0);
}

/* {"a":[v,v,...],"b":v} */
static void add_many(struct buf *to, int n, const char *value, const char *after)
{
    buf_clear(to);
    buf_add_str(to, STR("{\"a\":["));
    for (int i = 0; i < n; i++) buf_addf(to, "%s%s", i ? "," : "", value);
    buf_addf(to, "],\"b\":1}%s", after);
}

static void values_and_names_are_counted(void)
{
    AUTO(buf_done) struct buf text = {0};
    static const char *const after[] = {"", " and more"}; /* Which is read another way. */

    for (int i = 0; i < 2; i++) {
        add_many(&text, LIMIT_JSON_TOKENS - 5, "1", after[i]);
        CHECK(json_type(read_text(buf_str(&text))) == JSON_OBJECT);
        add_many(&text, LIMIT_JSON_TOKENS - 4, "1", after[i]);
        CHECK(refuses(buf_str(&text), "more than 200000 values"));
        add_many(&text, LIMIT_JSON_TOKENS / 3, "{\"\":[]}", after[i]);
        CHECK(refuses(buf_str(&text), "more than 200000 values"));
    }
}

static void an_object_has_so_many_members(void)
{
    for (int n = LIMIT_JSON_MEMBERS; n <= LIMIT_JSON_MEMBERS + 1; n++) {
        AUTO(buf_done) struct buf text = {0};
        buf_add_str(&text, STR("{\"x\":{"));
        for (int i = 0; i < n; i++) buf_addf(&text, "%s\"%d\":0", i ? "," : "", i);
        buf_add_str(&text, STR("}}"));
        if (n <= LIMIT_JSON_MEMBERS) CHECK_INT(json_size(json_member(read_text(buf_str(&text)), "x")), n);
        else CHECK(refuses(buf_str(&text), "more than 4096 members"));
    }
}

static void what_is_not_json_is_refused_with_its_byte(void)
{
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"", "empty"},
        {" ", "byte 1: the text ends"},
        {"{", "byte 1"},
        {"[1,]", "byte 3: a value expected"},
        {"[1 2]", "byte 3: ',' or ']' expected"},
        {"[,1]", "byte 1"},
        {"{\"a\"}", "byte 4: ':' expected"},
        {"{\"a\":}", "byte 5: a value expected"},
        {"{\"a\":1,}", "byte 7: a member's name expected"},
        {"{a:1}", "byte 1: a member's name"},
        {"{'a':1}", "byte 1"},
        {"[1}", "byte 2: ',' or ']' expected"},
        {"01", "leading zero"},
        {"-", "digit expected"},
        {"[-]", "digit expected"},
        {"[+1]", "a value expected"},
        {"[.5]", "a value expected"},
        {"[1.]", "after the decimal point"},
        {"[1e]", "in the exponent"},
        {"[1e+]", "in the exponent"},
        {"[0x10]", "byte 2"},
        {"[NaN]", "a value expected"},
        {"[Infinity]", "a value expected"},
        {"[-Infinity]", "digit expected"},
        {"[tru]", "a value expected"},
        {"[True]", "a value expected"},
        {"[nulll]", "byte 5"},
        {"\"abc", "ends inside a string"},
        {"[\"a\tb\"]", "byte 3: control character"},
        {"[\"\\x41\"]", "byte 3: unknown escape"},
        {"[\"\\u12g4\"]", "hexadecimal"},
        {"[\"\\ud800\"]", "surrogate"},
        {"[\"\\udc00\"]", "surrogate"},
        {"[\"\\ud800\\u0041\"]", "surrogate"},
        {"[\"\xFF\"]", "byte 2: not UTF-8"},
        {"[\"\xC0\xAF\"]", "not UTF-8"},
        {"[\"\xED\xA0\x80\"]", "not UTF-8"},
        {"[\"\xF4\x90\x80\x80\"]", "not UTF-8"},
        {"[\"\xE2\x82\"]", "not UTF-8"},
        {"\xEF\xBB\xBF{}", "byte 0"},
        {"// c\n1", "a value expected"},
        {"[1,/**/2]", "a value expected"},
        {"[1,2", "byte 4"},
        {"]", "byte 0"},
        {"{\"a\":1 \"b\":2}", "byte 7: ',' or '}' expected"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) CHECK(refuses_z(cases[i].text, cases[i].message));
    CHECK(refuses(STR("[\"a\0b\"]"), "control character"));
    CHECK(refuses(STR("\0"), "a value expected"));
}

static void a_failed_read_leaves_its_output_alone_and_the_parser_usable(void)
{
    struct json_node before = {&why, 42}, root = before;

    CHECK(json_read(parser, STR("{\"a\":"), &root, NULL) == ERR_INPUT);
    CHECK(root.document == before.document && root.at == before.at);
    CHECK_INT(json_size(read_z("[1,2,3]")), 3);
}

static void texts_of_all_lengths_are_read_at_a_buffers_end(void)
{
    for (size_t n = 0; n < 300; n++) {
        char *text = malloc(n + 3); /* No byte to spare: an address sanitizer watches. */
        memset(text, ' ', n + 3);
        text[0] = '[';
        text[n + 1] = '7';
        text[n + 2] = ']';
        CHECK_INT(json_size(read_text((struct str){text, n + 3})), 1);
        free(text);
    }
}

static void a_big_text_does_not_keep_its_memory(void)
{
    AUTO(buf_done) struct buf text = {0};

    buf_add_char(&text, '[');
    while (text.n < LIMIT_BODY_BYTES - 200) buf_addf(&text, "\"%0100d\",", 1);
    buf_add_str(&text, STR("0]"));
    CHECK(json_size(read_text(buf_str(&text))) > 40000);
    CHECK_INT(json_size(read_z("[1]")), 1);
    while (text.n <= LIMIT_BODY_BYTES) buf_add_char(&text, ' ');
    CHECK(refuses(buf_str(&text), "longer than"));
}

/* Mutated texts: simdjson and json_scan() are two independent readers and must agree. */
static void both_readers_agree_on_mutated_texts(void)
{
    static const char seedling[] =
        "{\"extents\":[{\"volume\":{\"outline_polygon\":{\"vertices\":[{\"lat\":46.5,\"lng\":-7.25e0}]},"
        "\"altitude_lower\":{\"value\":100,\"units\":\"M\"}},\"t\":null}],\"key\":[\"a\\u00e9\\\"b\",\"\xC3\xA9\"],\"b\":[true,false]}";
    static const char alphabet[] = "{}[]:,\"\\ 0123456789eE.+-tfnu\x80\xC3\xFF\t\n/x";
    struct rng rng = t_rng();
    char text[sizeof seedling + JSON_PADDING];
    int agreed = 0, accepted = 0;

    for (int step = 0; step < t_steps(20000); step++) {
        size_t n = sizeof seedling - 1;
        struct json_scanned scanned = {0};
        struct json_node root = {0};

        memcpy(text, seedling, n);
        for (uint64_t k = rng_below(&rng, 3) + 1; k > 0; k--)
            text[rng_below(&rng, n)] = alphabet[rng_below(&rng, sizeof alphabet - 1)];
        if (rng_below(&rng, 4) == 0) n = rng_below(&rng, n) + 1;
        bool valid = json_scan((struct str){text, n}, &scanned, NULL) == OK;
        enum err got = json_read(parser, (struct str){text, n}, &root, &why);
        bool is_about_meaning = strstr(why.text, "twice") || strstr(why.text, "out of range");
        if (!CHECK(got == OK ? valid : !valid || is_about_meaning)) {
            printf("# %.*s\n", (int)n, text);
            break;
        }
        agreed++;
        accepted += got == OK;
        why = (struct why){0};
    }
    CHECK(agreed > 0 && accepted > 0);
}

int main(void)
{
    parser = json_parser_new();
    RUN(values_have_their_types);
    RUN(each_visits_in_order_and_passes_errors_on);
    RUN(scalars_stand_alone);
    RUN(what_follows_the_first_value_is_ignored);
    RUN(duplicate_members_are_refused_with_their_place);
    RUN(depth_ends_at_its_limit);
    RUN(a_very_deep_text_is_refused_without_recursion);
    RUN(string_length_ends_at_its_limit);
    RUN(numbers_out_of_range_are_refused_and_big_integers_become_doubles);
    RUN(values_and_names_are_counted);
    RUN(an_object_has_so_many_members);
    RUN(what_is_not_json_is_refused_with_its_byte);
    RUN(a_failed_read_leaves_its_output_alone_and_the_parser_usable);
    RUN(texts_of_all_lengths_are_read_at_a_buffers_end);
    RUN(a_big_text_does_not_keep_its_memory);
    RUN(both_readers_agree_on_mutated_texts);
    json_parser_free(parser);
    json_parser_free(NULL);
    return t_done();
}
