/* test_b64.c - base64 of both kinds, strictly.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/b64.h"

#include "base/err.h"
#include "t.h"

/* RFC 4648 section 10. */
static void the_vectors_of_the_rfc_hold(void)
{
    static const char *const plain[] = {"", "f", "fo", "foo", "foob", "fooba", "foobar"};
    static const char *const padded[] = {"", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"};
    for (int i = 0; i < 7; i++) {
        AUTO(buf_done) struct buf text = {0};
        AUTO(buf_done) struct buf url = {0};
        AUTO(buf_done) struct buf back = {0};
        struct str bytes = str_of(plain[i]);
        struct str want = str_of(padded[i]);
        struct str bare = {want.at, str_find(want, '=')};
        b64_add(&text, B64_STANDARD, bytes.at, bytes.n);
        b64_add(&url, B64_URL, bytes.at, bytes.n);
        CHECK_STR(buf_str(&text), want);
        CHECK_STR(buf_str(&url), bare);
        CHECK_INT(b64_size(B64_STANDARD, bytes.n), want.n);
        CHECK_INT(b64_size(B64_URL, bytes.n), bare.n);
        CHECK(b64_decode(B64_STANDARD, want, &back));
        CHECK(b64_decode(B64_URL, bare, &back));
        CHECK_INT(back.n, 2 * bytes.n);
        CHECK(str_equal(str_first(buf_str(&back), bytes.n), bytes));
    }
}

static void the_two_alphabets_differ_in_their_last_letters(void)
{
    AUTO(buf_done) struct buf b = {0};
    b64_add(&b, B64_STANDARD, "\xFB\xFF\xBF", 3);
    b64_add(&b, B64_URL, "\xFB\xFF\xBF", 3);
    CHECK_STR(buf_str(&b), STR("+/+/-_-_"));
    buf_clear(&b);
    CHECK(!b64_decode(B64_STANDARD, STR("-_-_"), &b));
    CHECK(!b64_decode(B64_URL, STR("+/+/"), &b));
    CHECK(b64_decode(B64_URL, STR("-_-_"), &b));
    CHECK_STR(buf_str(&b), STR("\xFB\xFF\xBF"));
}

static void only_one_text_means_given_bytes(void)
{
    static const char *const standard[] = {"Zg", "Zg=", "Zg===", "Zm8", "Zm9v=", "Zm9v====", "=", "==", "===", "====", "Z===",
                                           "Zh==", "Zm9=", "Zm8=Zm8=", "Zg==Zg==", "Zm 9v", "Zm9v\n", "Zm9", "Z", "Zm9vY",
                                           "Z=g=", "=Zg=", "Zm9\x80", "Zm9\xFF"};
    static const char *const url[] = {"Z", "Zg==", "Zm8=", "Zm9vY", "Zh", "Zm9", "Zm9=", "Zm9.", "Zm9 ", "Zm9vZ"};
    AUTO(buf_done) struct buf b = {0};
    buf_add_str(&b, STR("kept"));
    for (size_t i = 0; i < sizeof standard / sizeof standard[0]; i++) {
        CHECK(!b64_decode(B64_STANDARD, str_of(standard[i]), &b));
    }
    for (size_t i = 0; i < sizeof url / sizeof url[0]; i++) CHECK(!b64_decode(B64_URL, str_of(url[i]), &b));
    CHECK(!b64_decode(B64_URL, str_make("Zm\0v", 4), &b));
    CHECK_STR(buf_str(&b), STR("kept"));
}

static void random_bytes_lead_back_to_themselves_behind_what_was_there(void)
{
    struct rng rng = t_rng();
    for (int round = 0; round < 2000; round++) {
        enum b64 kind = rng_below(&rng, 2) ? B64_URL : B64_STANDARD;
        unsigned char bytes[70];
        size_t n = rng_below(&rng, sizeof bytes);
        AUTO(buf_done) struct buf text = {0};
        AUTO(buf_done) struct buf back = {0};
        for (size_t i = 0; i < n; i++) bytes[i] = (unsigned char)rng_next(&rng);
        b64_add(&text, kind, bytes, n);
        buf_add_str(&back, STR("x"));
        CHECK_INT(text.n, b64_size(kind, n));
        CHECK(b64_decode(kind, buf_str(&text), &back));
        CHECK(str_equal(str_skip(buf_str(&back), 1), str_make(bytes, n)));
    }
}

/* Every text of four characters that decodes is the encoding of what it decodes to. */
static void whatever_decodes_encodes_to_the_same_text(void)
{
    struct rng rng = t_rng();
    static const char letters[] = "AQgw9z+/-_=";
    for (int round = 0; round < 50000; round++) {
        enum b64 kind = rng_below(&rng, 2) ? B64_URL : B64_STANDARD;
        char text[8];
        size_t n = rng_below(&rng, 9);
        AUTO(buf_done) struct buf bytes = {0};
        AUTO(buf_done) struct buf again = {0};
        for (size_t i = 0; i < n; i++) text[i] = letters[rng_below(&rng, sizeof letters - 1)];
        if (!b64_decode(kind, str_make(text, n), &bytes)) continue;
        b64_add(&again, kind, bytes.at, bytes.n);
        if (!CHECK_STR(buf_str(&again), str_make(text, n))) return;
    }
}

int main(void)
{
    RUN(the_vectors_of_the_rfc_hold);
    RUN(the_two_alphabets_differ_in_their_last_letters);
    RUN(only_one_text_means_given_bytes);
    RUN(random_bytes_lead_back_to_themselves_behind_what_was_there);
    RUN(whatever_decodes_encodes_to_the_same_text);
    return t_done();
}
