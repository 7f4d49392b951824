/* test_instant.c - RFC 3339 both ways.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/instant.h"

#include "base/err.h"
#include "t.h"

struct pair {
    const char *text;
    int64_t us;
};

/* Seconds as date(1) counts them. */
static const struct pair canonical[] = {
    {"1970-01-01T00:00:00Z", 0},
    {"1969-12-31T23:59:59.999999Z", -1},
    {"1970-01-01T00:00:00.000001Z", 1},
    {"2000-02-29T00:00:00Z", INT64_C(951782400) * INSTANT_S},
    {"2000-03-01T00:00:00Z", INT64_C(951868800) * INSTANT_S},
    {"1900-03-01T00:00:00Z", INT64_C(-2203891200) * INSTANT_S},
    {"2026-11-22T02:03:04.5Z", INT64_C(1795312984) * INSTANT_S + 500000},
    {"2038-01-19T03:14:08Z", INT64_C(2147483648) * INSTANT_S},
    {"2100-02-28T23:59:59Z", INT64_C(4107542399) * INSTANT_S},
    {"2100-03-01T00:00:00Z", INT64_C(4107542400) * INSTANT_S},
    {"0001-01-01T00:00:00Z", INT64_C(-62135596800) * INSTANT_S},
    {"9999-12-31T23:59:59.999999Z", INT64_C(253402300799) * INSTANT_S + 999999},
};

static bool formats_as(int64_t us, const char *want)
{
    AUTO(buf_done) struct buf b = {0};
    instant_add(&b, us);
    return CHECK_STR(buf_str(&b), str_of(want));
}

static void canonical_texts_are_read_and_written_alike(void)
{
    for (size_t i = 0; i < sizeof canonical / sizeof canonical[0]; i++) {
        int64_t us = 77;
        CHECK(instant_parse(str_of(canonical[i].text), &us));
        CHECK_INT(us, canonical[i].us);
        formats_as(canonical[i].us, canonical[i].text);
    }
}

static void other_spellings_are_read(void)
{
    static const struct pair pairs[] = {
        {"1970-01-01T00:00:00.0Z", 0},
        {"1970-01-01T00:00:00.1Z", 100000},
        {"1970-01-01T00:00:00.123456999999999999999999999Z", 123456}, /* Cut, not rounded. */
        {"1969-12-31T23:59:59.9999999Z", -1},                          /* Cut towards the past. */
        {"1970-01-01T00:00:00+00:00", 0},
        {"1970-01-01T00:00:00-00:00", 0},
        {"1970-01-01T14:00:00+14:00", 0},
        {"1969-12-31T12:00:00-12:00", 0},
        {"1970-01-01T23:59:00+23:59", 0},
        {"1969-12-31T00:01:00-23:59", 0},
        {"1970-01-01T05:30:00.25+05:30", 250000},
        {"0001-01-01T00:00:00+00:01", INT64_C(-62135596860) * INSTANT_S},
        {"9999-12-31T23:59:59-00:01", INT64_C(253402300859) * INSTANT_S},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        int64_t us = 77;
        CHECK(instant_parse(str_of(pairs[i].text), &us));
        CHECK_INT(us, pairs[i].us);
    }
}

static void a_leap_second_is_the_second_after_it(void)
{
    static const struct pair pairs[] = {
        {"2016-12-31T23:59:60Z", INT64_C(1483228800) * INSTANT_S},
        {"2016-12-31T23:59:60.75Z", INT64_C(1483228800) * INSTANT_S + 750000},
        {"2017-01-01T05:29:60+05:30", INT64_C(1483228800) * INSTANT_S},
        {"1990-12-31T15:59:60-08:00", INT64_C(662688000) * INSTANT_S}, /* RFC 3339 section 5.8. */
        {"9999-12-31T23:59:60Z", INT64_C(253402300800) * INSTANT_S},
    };
    static const char *const bad[] = {"2016-12-31T23:59:61Z", "2016-12-31T23:58:60Z", "2016-12-31T12:00:60Z",
                                      "2016-12-31T23:59:60+01:00", "2016-12-31T00:00:60Z"};
    int64_t us = 77;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) CHECK(!instant_parse(str_of(bad[i]), &us));
    CHECK_INT(us, 77);
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        CHECK(instant_parse(str_of(pairs[i].text), &us));
        CHECK_INT(us, pairs[i].us);
    }
}

static void what_is_not_quite_rfc_3339_is_refused(void)
{
    static const char *const bad[] = {
        "", "1970", "1970-01-01", "1970-01-01T00:00:00", "1970-01-01 00:00:00Z", "1970-01-01t00:00:00Z",
        "1970-01-01T00:00:00z", "1970-01-01T00:00Z", "1970-01-01T00:00:00.Z", "1970-01-01T00:00:00,5Z",
        "1970-01-01T00:00:00.5", "1970-01-01T00:00:00ZZ", "1970-01-01T00:00:00Z ", " 1970-01-01T00:00:00Z",
        "1970-01-01T00:00:00+24:00", "1970-01-01T00:00:00+00:60", "1970-01-01T00:00:00+0000", "1970-01-01T00:00:00+00",
        "1970-01-01T00:00:00+0:00", "1970-01-01T00:00:00+00:000", "1970-1-01T00:00:00Z", "70-01-01T00:00:00Z",
        "01970-01-01T00:00:00Z", "10000-01-01T00:00:00Z", "+1970-01-01T00:00:00Z", "-001-01-01T00:00:00Z",
        "0000-01-01T00:00:00Z", "1970-00-01T00:00:00Z", "1970-13-01T00:00:00Z", "1970-01-00T00:00:00Z",
        "1970-01-32T00:00:00Z", "1970-04-31T00:00:00Z", "1970-02-29T00:00:00Z", "1900-02-29T00:00:00Z",
        "2100-02-29T00:00:00Z", "2000-02-30T00:00:00Z", "1970-01-01T24:00:00Z", "1970-01-01T00:60:00Z",
        "1970-01-01T-1:00:00Z", "1970-01-01T00:00:0xZ", "1970-01-01T00:00:00.5xZ", "1970-01-01T00:00:00 +00:00",
        "1970/01/01T00:00:00Z", "1970-01-01T00.00.00Z", "now",
    };
    int64_t us = 77;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        if (!CHECK(!instant_parse(str_of(bad[i]), &us))) printf("# %s\n", bad[i]);
    }
    CHECK(!instant_parse(str_make("1970-01-01T00:00:00Z\0", 21), &us));
    for (size_t n = 0; n < 20; n++) CHECK(!instant_parse(str_first(STR("1970-01-01T00:00:00Z"), n), &us));
    CHECK_INT(us, 77);
}

static void years_that_cannot_be_written_are_clamped(void)
{
    formats_as(INT64_MIN, "0001-01-01T00:00:00Z");
    formats_as(INT64_MAX, "9999-12-31T23:59:59.999999Z");
    formats_as(INT64_C(253402300800) * INSTANT_S, "9999-12-31T23:59:59.999999Z");
    formats_as(INT64_C(-62135596800) * INSTANT_S - 1, "0001-01-01T00:00:00Z");
}

static void fractions_lose_only_their_trailing_zeros(void)
{
    formats_as(1000000, "1970-01-01T00:00:01Z");
    formats_as(100000, "1970-01-01T00:00:00.1Z");
    formats_as(10, "1970-01-01T00:00:00.00001Z");
    formats_as(10 * INSTANT_S, "1970-01-01T00:00:10Z"); /* Not the seconds' zero. */
    formats_as(INSTANT_HOUR * 10, "1970-01-01T10:00:00Z");
}

static void each_day_of_ten_millennia_follows_the_one_before(void)
{
    static const int month_days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int64_t us = INT64_C(-62135596800) * INSTANT_S;
    for (int year = 1; year <= 9999; year++) {
        bool is_leap = year % 400 == 0 || (year % 4 == 0 && year % 100 != 0);
        for (int month = 1; month <= 12; month++) {
            int n_days = month_days[month - 1] + (month == 2 && is_leap);
            for (int day = 1; day <= n_days; day += day == 1 ? n_days - 1 : 1) {
                char text[64];
                int64_t got;
                int64_t want = us + (day - 1) * INSTANT_DAY;
                AUTO(buf_done) struct buf b = {0};
                int n = snprintf(text, sizeof text, "%04d-%02d-%02dT00:00:00Z", year, month, day);
                if (!CHECK(instant_parse(str_make(text, (size_t)n), &got) && got == want)) return;
                instant_add(&b, want);
                if (!CHECK_STR(buf_str(&b), str_make(text, (size_t)n))) return;
            }
            us += n_days * INSTANT_DAY;
        }
    }
    CHECK_INT(us, INT64_C(253402300800) * INSTANT_S);
}

static void random_moments_lead_back_to_themselves(void)
{
    struct rng rng = t_rng();
    for (int i = 0; i < 20000; i++) {
        int64_t again;
        int64_t us = rng_between(&rng, INT64_C(-62135596800) * INSTANT_S, INT64_C(253402300799) * INSTANT_S);
        AUTO(buf_done) struct buf b = {0};
        instant_add(&b, us);
        if (!CHECK(instant_parse(buf_str(&b), &again) && again == us)) return;
    }
}

int main(void)
{
    RUN(canonical_texts_are_read_and_written_alike);
    RUN(other_spellings_are_read);
    RUN(a_leap_second_is_the_second_after_it);
    RUN(what_is_not_quite_rfc_3339_is_refused);
    RUN(years_that_cannot_be_written_are_clamped);
    RUN(fractions_lose_only_their_trailing_zeros);
    RUN(each_day_of_ten_millennia_follows_the_one_before);
    RUN(random_moments_lead_back_to_themselves);
    return t_done();
}
