/* instant.c - RFC 3339 both ways, without locale or time zone tables.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/instant.h"

/* Days from 1970-01-01 to a date of the proleptic Gregorian calendar, counted in 400-year eras that begin
 * on 1 March, so that the leap day is the last of its year. */
static int64_t days_from_date(int64_t year, int month, int day)
{
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t year_of_era = year - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

static void date_from_days(int64_t days, int *ret_year, int *ret_month, int *ret_day)
{
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    int64_t day_of_era = days - era * 146097;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t shifted_month = (5 * day_of_year + 2) / 153;
    *ret_day = (int)(day_of_year - (153 * shifted_month + 2) / 5 + 1);
    *ret_month = (int)(shifted_month < 10 ? shifted_month + 3 : shifted_month - 9);
    *ret_year = (int)(year_of_era + era * 400 + (*ret_month <= 2));
}

static bool is_leap(int year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

/* Reads exactly n digits at *at and moves past them. */
static bool read_number(struct str text, size_t *at, size_t n, int *ret_value)
{
    int value = 0;
    if (text.n - *at < n) return false;
    for (size_t i = 0; i < n; i++) {
        char c = text.at[*at + i];
        if (c < '0' || c > '9') return false;
        value = value * 10 + (c - '0');
    }
    *at += n;
    *ret_value = value;
    return true;
}

static bool read_char(struct str text, size_t *at, char c)
{
    if (*at >= text.n || text.at[*at] != c) return false;
    (*at)++;
    return true;
}

/* The fraction after the second, cut to microseconds. */
static bool read_fraction(struct str text, size_t *at, int64_t *ret_us)
{
    int64_t us = 0;
    int64_t unit = 100000;
    size_t n_digits = 0;
    if (!read_char(text, at, '.')) {
        *ret_us = 0;
        return true;
    }
    while (*at < text.n && text.at[*at] >= '0' && text.at[*at] <= '9') {
        us += (text.at[*at] - '0') * unit;
        unit /= 10;
        (*at)++;
        n_digits++;
    }
    *ret_us = us;
    return n_digits > 0;
}

static bool read_offset(struct str text, size_t *at, int64_t *ret_us)
{
    int hours, minutes;
    if (read_char(text, at, 'Z')) {
        *ret_us = 0;
        return true;
    }
    if (*at >= text.n || (text.at[*at] != '+' && text.at[*at] != '-')) return false;
    int sign = text.at[(*at)++] == '-' ? -1 : 1;
    if (!read_number(text, at, 2, &hours) || !read_char(text, at, ':') ||
        !read_number(text, at, 2, &minutes) || hours > 23 || minutes > 59) {
        return false;
    }
    *ret_us = sign * (hours * INSTANT_HOUR + minutes * INSTANT_MINUTE);
    return true;
}

bool instant_parse(struct str text, int64_t *ret_us)
{
    static const int month_days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0; /* gcc -O3 does not see that they are read. */
    int64_t fraction, offset;
    size_t at = 0;

    if (!read_number(text, &at, 4, &year) || !read_char(text, &at, '-') ||
        !read_number(text, &at, 2, &month) || !read_char(text, &at, '-') ||
        !read_number(text, &at, 2, &day) || !read_char(text, &at, 'T') ||
        !read_number(text, &at, 2, &hour) || !read_char(text, &at, ':') ||
        !read_number(text, &at, 2, &minute) || !read_char(text, &at, ':') ||
        !read_number(text, &at, 2, &second) || !read_fraction(text, &at, &fraction) ||
        !read_offset(text, &at, &offset) || at != text.n) {
        return false;
    }
    if (year < 1 || month < 1 || month > 12 || day < 1 || hour > 23 || minute > 59 || second > 60) {
        return false;
    }
    if (day > month_days[month - 1] + (month == 2 && is_leap(year))) return false;
    int64_t us = days_from_date(year, month, day) * INSTANT_DAY + hour * INSTANT_HOUR +
                 minute * INSTANT_MINUTE + second * INSTANT_S - offset;
    if (second == 60 && us % INSTANT_DAY != 0) return false;
    *ret_us = us + fraction;
    return true;
}

static void add_digits(char *to, int value, int n)
{
    for (int i = n - 1; i >= 0; i--) {
        to[i] = (char)('0' + value % 10);
        value /= 10;
    }
}

void instant_add(struct buf *b, int64_t us)
{
    const int64_t first = days_from_date(1, 1, 1) * INSTANT_DAY;
    const int64_t last = days_from_date(10000, 1, 1) * INSTANT_DAY - 1;
    int year, month, day;
    char text[] = "0000-00-00T00:00:00.000000Z";

    us = us < first ? first : us > last ? last : us;
    int64_t days = us / INSTANT_DAY - (us % INSTANT_DAY < 0);
    int64_t rest = us - days * INSTANT_DAY;
    date_from_days(days, &year, &month, &day);
    add_digits(text, year, 4);
    add_digits(text + 5, month, 2);
    add_digits(text + 8, day, 2);
    add_digits(text + 11, (int)(rest / INSTANT_HOUR), 2);
    add_digits(text + 14, (int)(rest / INSTANT_MINUTE % 60), 2);
    add_digits(text + 17, (int)(rest / INSTANT_S % 60), 2);
    add_digits(text + 20, (int)(rest % INSTANT_S), 6);
    size_t n = sizeof text - 2;
    while (text[n - 1] == '0') n--;
    if (text[n - 1] == '.') n--;
    text[n++] = 'Z';
    buf_add(b, text, n);
}
