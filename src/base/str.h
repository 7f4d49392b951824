/* str.h - borrowed text or bytes with a length.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Passed by value, never freed, never NUL-terminated by promise. Who lends the bytes says how long
 * they live.
 */
#ifndef BASE_STR_H
#define BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct str {
    const char *at;
    size_t n;
};

#define STR(literal) ((struct str){"" literal, sizeof(literal) - 1})
#define STR_ARG(s) (int)(s).n, (s).at /* For "%.*s"; texts here are far below 2 GiB. */

static inline struct str str_make(const void *at, size_t n)
{
    return (struct str){(const char *)at, n};
}

static inline struct str str_of(const char *z) /* z may be NULL: empty. */
{
    return (struct str){z, z ? strlen(z) : 0};
}

static inline bool str_equal(struct str a, struct str b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.at, b.at, a.n) == 0);
}

static inline bool str_starts(struct str s, struct str prefix)
{
    return s.n >= prefix.n && (prefix.n == 0 || memcmp(s.at, prefix.at, prefix.n) == 0);
}

static inline bool str_ends(struct str s, struct str suffix)
{
    return s.n >= suffix.n &&
           (suffix.n == 0 || memcmp(s.at + (s.n - suffix.n), suffix.at, suffix.n) == 0);
}

static inline struct str str_skip(struct str s, size_t n) /* Without its first n bytes. */
{
    if (n > s.n) n = s.n;
    return (struct str){s.at ? s.at + n : s.at, s.n - n};
}

static inline struct str str_first(struct str s, size_t n) /* Its first n bytes at most. */
{
    return (struct str){s.at, n < s.n ? n : s.n};
}

/* Bytewise order, shorter first among equal beginnings: a total order. */
int str_compare(struct str a, struct str b);

/* Index of the first c, or s.n if there is none. */
size_t str_find(struct str s, char c);

/* Cuts the text before the first c off *rest and returns it; *rest keeps what follows c (empty, at
 * NULL, when there was no c). */
struct str str_cut(struct str *rest, char c);

/* Equal without regard to ASCII case. */
bool str_equal_nocase(struct str a, struct str b);

/* Decimal digits only, no sign, no leading zeros unless "0", at most max. */
bool str_to_u64(struct str s, uint64_t max, uint64_t *ret_value);

/* Equal in time that depends on the lengths alone. */
bool str_equal_secret(struct str a, struct str b);

/* Well-formed UTF-8 (RFC 3629): no surrogates, nothing above U+10FFFF, shortest forms only. */
bool str_is_utf8(struct str s);

#endif
