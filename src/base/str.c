/* str.c - what borrowed text can be asked.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/str.h"

int str_compare(struct str a, struct str b)
{
    size_t n = a.n < b.n ? a.n : b.n;
    int order = n ? memcmp(a.at, b.at, n) : 0;
    if (order != 0) return order < 0 ? -1 : 1;
    return a.n < b.n ? -1 : a.n > b.n;
}

size_t str_find(struct str s, char c)
{
    const char *p = s.n ? memchr(s.at, c, s.n) : NULL;
    return p ? (size_t)(p - s.at) : s.n;
}

struct str str_cut(struct str *rest, char c)
{
    size_t n = str_find(*rest, c);
    struct str head = str_first(*rest, n);
    *rest = n < rest->n ? str_skip(*rest, n + 1) : (struct str){NULL, 0};
    return head;
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

bool str_equal_nocase(struct str a, struct str b)
{
    if (a.n != b.n) return false;
    for (size_t i = 0; i < a.n; i++) {
        if (lower(a.at[i]) != lower(b.at[i])) return false;
    }
    return true;
}

bool str_to_u64(struct str s, uint64_t max, uint64_t *ret_value)
{
    uint64_t value = 0;
    if (s.n == 0 || s.n > 20 || (s.n > 1 && s.at[0] == '0')) return false;
    for (size_t i = 0; i < s.n; i++) {
        if (s.at[i] < '0' || s.at[i] > '9') return false;
        unsigned digit = (unsigned)(s.at[i] - '0');
        if (value > (UINT64_MAX - digit) / 10) return false;
        value = value * 10 + digit;
    }
    if (value > max) return false;
    *ret_value = value;
    return true;
}

bool str_equal_secret(struct str a, struct str b)
{
    unsigned char difference = 0;
    if (a.n != b.n) return false;
    for (size_t i = 0; i < a.n; i++) {
        difference = (unsigned char)(difference | (unsigned char)(a.at[i] ^ b.at[i]));
    }
    return difference == 0;
}

bool str_is_utf8(struct str s)
{
    const unsigned char *p = (const unsigned char *)s.at;
    size_t i = 0;
    while (i < s.n) {
        unsigned char c = p[i];
        size_t more = c < 0x80 ? 0 : c >= 0xC2 && c < 0xE0 ? 1 : (c & 0xF0) == 0xE0 ? 2 : 3;
        if (c >= 0x80 && (c < 0xC2 || c > 0xF4)) return false;
        if (s.n - i <= more) return false;
        for (size_t k = 1; k <= more; k++) {
            if ((p[i + k] & 0xC0) != 0x80) return false;
        }
        if (c == 0xE0 && p[i + 1] < 0xA0) return false;
        if (c == 0xED && p[i + 1] > 0x9F) return false;
        if (c == 0xF0 && p[i + 1] < 0x90) return false;
        if (c == 0xF4 && p[i + 1] > 0x8F) return false;
        i += more + 1;
    }
    return true;
}
