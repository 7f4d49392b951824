/* test_id.c - UUIDs as text and bytes.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/id.h"

#include "t.h"

static const struct id sample = {UINT64_C(0x2F8343BE6482431B), UINT64_C(0xA474B8A9D3C7E05F)};
#define SAMPLE "2f8343be-6482-431b-a474-b8a9d3c7e05f"

static void an_id_is_written_in_lower_case_with_dashes(void)
{
    char text[ID_TEXT];
    id_format(sample, text);
    CHECK_STR(str_make(text, ID_TEXT), STR(SAMPLE));
    id_format((struct id){0, 0}, text);
    CHECK_STR(str_make(text, ID_TEXT), STR("00000000-0000-0000-0000-000000000000"));
    id_format((struct id){UINT64_MAX, UINT64_MAX}, text);
    CHECK_STR(str_make(text, ID_TEXT), STR("ffffffff-ffff-ffff-ffff-ffffffffffff"));
}

static void all_spellings_mean_the_same_id(void)
{
    static const char *const texts[] = {
        SAMPLE, "2F8343BE-6482-431B-A474-B8A9D3C7E05F", "2f8343be6482431ba474b8a9d3c7e05f", ("{" SAMPLE "}"),
        ("urn:uuid:" SAMPLE), "URN:UUID:2F8343be-6482-431b-a474-b8a9d3c7e05f",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct id id = {0};
        CHECK(id_parse(str_of(texts[i]), &id));
        CHECK(id_equal(id, sample));
    }
}

static void other_texts_are_no_ids(void)
{
    static const char *const texts[] = {
        "", "2f8343be", (SAMPLE "0"), (" " SAMPLE), "2f8343be-6482-431b-a474-b8a9d3c7e05",
        "2f8343be-6482-431b-a474-b8a9d3c7e05g", "2f8343be64-82-431b-a474-b8a9d3c7e05f",
        "2f8343be-6482-431ba-474-b8a9d3c7e05f", "2f8343be_6482_431b_a474_b8a9d3c7e05f",
        "{2f8343be6482431ba474b8a9d3c7e05f}", ("{" SAMPLE), ("(" SAMPLE ")"), ("{" SAMPLE ")"),
        "urn:uuid:2f8343be6482431ba474b8a9d3c7e05f", ("urn:guid:" SAMPLE), ("urn:uuid:{" SAMPLE "}"),
        "2f8343be-6482-431b-2474-b8a9d3c7e05f", /* Variants that RFC 4122 does not define. */
        "2f8343be-6482-431b-c474-b8a9d3c7e05f", "2f8343be-6482-431b-f474-b8a9d3c7e05f",
        "00000000-0000-0000-0000-000000000000", "-f8343be-6482-431b-a474-b8a9d3c7e05f",
        "2f8343be6482431ba474b8a9d3c7e0-f",
    };
    struct id id = {1, 2};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) CHECK(!id_parse(str_of(texts[i]), &id));
    CHECK(id.hi == 1 && id.lo == 2);
}

static void text_and_bytes_lead_back_to_the_id(void)
{
    struct rng rng = t_rng();
    for (int i = 0; i < 2000; i++) {
        struct id id = {rng_next(&rng), (rng_next(&rng) & UINT64_MAX >> 2) | UINT64_C(1) << 63};
        struct id again = {0};
        uint8_t bytes[16];
        char text[ID_TEXT];
        id_format(id, text);
        CHECK(id_parse(str_make(text, ID_TEXT), &again) && id_equal(id, again));
        id_to_bytes(id, bytes);
        CHECK(id_equal(id_from_bytes(bytes), id));
    }
}

static void numbers_bytes_and_texts_have_one_order(void)
{
    struct rng rng = t_rng();
    for (int i = 0; i < 2000; i++) {
        uint64_t bit = UINT64_C(1) << rng_below(&rng, 64);
        struct id a = {rng_next(&rng), rng_next(&rng)};
        struct id b = rng_below(&rng, 2) ? (struct id){a.hi ^ bit, a.lo} : (struct id){a.hi, a.lo ^ bit};
        uint8_t bytes[2][16];
        char text[2][ID_TEXT];
        id_to_bytes(a, bytes[0]);
        id_to_bytes(b, bytes[1]);
        id_format(a, text[0]);
        id_format(b, text[1]);
        int order = id_compare(a, b);
        CHECK(order == 1 || order == -1);
        CHECK_INT(id_compare(b, a), -order);
        CHECK((memcmp(bytes[0], bytes[1], 16) < 0) == (order < 0));
        CHECK((memcmp(text[0], text[1], ID_TEXT) < 0) == (order < 0));
    }
    CHECK_INT(id_compare(sample, sample), 0);
}

static void versions_are_made_and_read(void)
{
    static const uint8_t ones[16] = {255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255};
    static const uint8_t zeros[16] = {0};
    CHECK_INT(id_version(id_make_v4(ones)), 4);
    CHECK_INT(id_version(id_make_v4(zeros)), 4);
    CHECK(id_make_v4(zeros).lo >> 62 == 2);
    CHECK(id_make_v4(ones).lo >> 62 == 2);
    CHECK(id_make_v4(ones).hi == UINT64_C(0xFFFFFFFFFFFF4FFF));
    CHECK(id_make_v4(ones).lo == UINT64_C(0xBFFFFFFFFFFFFFFF));
    struct id v7; /* RFC 9562, appendix A.6. */
    CHECK(id_parse(STR("017F22E2-79B0-7CC3-98C4-DC0C0C07398F"), &v7));
    CHECK_INT(id_version(v7), 7);
    CHECK_INT(id_v7_ms(v7), INT64_C(1645557742000));
    CHECK(id_is_zero((struct id){0, 0}) && !id_is_zero((struct id){0, 1}) && !id_is_zero((struct id){1, 0}));
}

int main(void)
{
    RUN(an_id_is_written_in_lower_case_with_dashes);
    RUN(all_spellings_mean_the_same_id);
    RUN(other_texts_are_no_ids);
    RUN(text_and_bytes_lead_back_to_the_id);
    RUN(numbers_bytes_and_texts_have_one_order);
    RUN(versions_are_made_and_read);
    return t_done();
}
