/* json_scan.c - a strict JSON reader that keeps nothing but its place.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "http/json_scan.h"

#include "base/hex.h"
#include "base/limits.h"

#define BIG_DIGITS 19 /* 2^63 - 1 has 19. */

struct scan {
    struct str text;
    size_t at;
    size_t n_big_integers, n_tokens;
    uint32_t is_object; /* One bit a level, the innermost lowest. */
    unsigned depth;
    const char *wrong;
};

_Static_assert(LIMIT_JSON_DEPTH < 32, "one bit a level");

static int peek(const struct scan *s)
{
    return s->at < s->text.n ? (unsigned char)s->text.at[s->at] : -1;
}

static void skip_space(struct scan *s)
{
    for (;;) {
        int c = peek(s);
        if (c != ' ' && c != '\t' && c != '\n' && c != '\r') return;
        s->at++;
    }
}

static bool wrong(struct scan *s, const char *what)
{
    s->wrong = what;
    return false;
}

/* Length of the well-formed UTF-8 sequence at s->at (RFC 3629 section 4), 0 if there is none. */
static size_t utf8_length(const struct scan *s)
{
    const unsigned char *at = (const unsigned char *)s->text.at + s->at;
    size_t left = s->text.n - s->at;
    size_t n = at[0] < 0x80 ? 1 : at[0] < 0xC2 ? 0 : at[0] < 0xE0 ? 2 : at[0] < 0xF0 ? 3 : at[0] < 0xF5 ? 4 : 0;

    return n && n <= left && str_is_utf8(str_make(at, n)) ? n : 0;
}

static bool hex4(struct scan *s, unsigned *ret)
{
    unsigned value = 0;

    for (int i = 0; i < 4; i++) {
        int digit = s->at < s->text.n ? hex_digit(s->text.at[s->at]) : -1;
        if (digit < 0) return wrong(s, "four hexadecimal digits expected after \\u");
        value = value * 16 + (unsigned)digit;
        s->at++;
    }
    *ret = value;
    return true;
}

static bool scan_escape(struct scan *s) /* After the backslash. */
{
    unsigned unit;
    int c = peek(s);

    s->at++;
    if (c != 'u') {
        if (c > 0 && strchr("\"\\/bfnrt", c)) return true;
        s->at--;
        return wrong(s, "unknown escape in a string");
    }
    if (!hex4(s, &unit)) return false;
    if (unit >= 0xDC00 && unit <= 0xDFFF) return wrong(s, "half of a surrogate pair");
    if (unit < 0xD800 || unit > 0xDBFF) return true;
    if (peek(s) != '\\') return wrong(s, "half of a surrogate pair");
    s->at++;
    if (peek(s) != 'u') return wrong(s, "half of a surrogate pair");
    s->at++;
    if (!hex4(s, &unit)) return false;
    return unit >= 0xDC00 && unit <= 0xDFFF ? true : wrong(s, "half of a surrogate pair");
}

static bool scan_string(struct scan *s) /* At the opening quote. */
{
    s->at++;
    for (;;) {
        int c = peek(s);
        if (c == '"') {
            s->at++;
            return true;
        }
        if (c < 0) return wrong(s, "the text ends inside a string");
        if (c < 0x20) return wrong(s, "control character in a string");
        if (c == '\\') {
            s->at++;
            if (!scan_escape(s)) return false;
        } else if (c < 0x80) {
            s->at++;
        } else {
            size_t n = utf8_length(s);
            if (n == 0) return wrong(s, "not UTF-8");
            s->at += n;
        }
    }
}

static size_t skip_digits(struct scan *s)
{
    size_t from = s->at;
    while (peek(s) >= '0' && peek(s) <= '9') s->at++;
    return s->at - from;
}

static bool scan_number(struct scan *s)
{
    bool is_zero, is_integer = true;
    size_t n;

    if (peek(s) == '-') s->at++;
    is_zero = peek(s) == '0';
    n = skip_digits(s);
    if (n == 0) return wrong(s, "digit expected");
    if (is_zero && n > 1) return wrong(s, "number with a leading zero");
    if (peek(s) == '.') {
        is_integer = false;
        s->at++;
        if (skip_digits(s) == 0) return wrong(s, "digit expected after the decimal point");
    }
    if (peek(s) == 'e' || peek(s) == 'E') {
        is_integer = false;
        s->at++;
        if (peek(s) == '+' || peek(s) == '-') s->at++;
        if (skip_digits(s) == 0) return wrong(s, "digit expected in the exponent");
    }
    s->n_big_integers += is_integer && n >= BIG_DIGITS;
    return true;
}

static bool scan_word(struct scan *s, struct str word)
{
    if (!str_starts(str_skip(s->text, s->at), word)) return wrong(s, "a value expected");
    s->at += word.n;
    return true;
}

static bool scan_name(struct scan *s) /* A member's name and its colon. */
{
    s->n_tokens++;
    skip_space(s);
    if (peek(s) != '"') return wrong(s, "a member's name expected");
    if (!scan_string(s)) return false;
    skip_space(s);
    if (peek(s) != ':') return wrong(s, "':' expected");
    s->at++;
    return true;
}

/* One value that is no container, or the opening of one; *ret_opened says which. */
static bool scan_begin(struct scan *s, bool *ret_opened)
{
    int c;

    *ret_opened = false;
    s->n_tokens++;
    skip_space(s);
    c = peek(s);
    if (c == '{' || c == '[') {
        if (s->depth == LIMIT_JSON_DEPTH) return wrong(s, "nested too deeply");
        s->at++;
        s->depth++;
        s->is_object = s->is_object << 1 | (c == '{');
        *ret_opened = true;
        return true;
    }
    if (c == '"') return scan_string(s);
    if (c == '-' || (c >= '0' && c <= '9')) return scan_number(s);
    if (c == 't') return scan_word(s, STR("true"));
    if (c == 'f') return scan_word(s, STR("false"));
    if (c == 'n') return scan_word(s, STR("null"));
    return wrong(s, c < 0 ? "the text ends where a value is expected" : "a value expected");
}

static bool scan_value(struct scan *s)
{
    bool opened;

    if (!scan_begin(s, &opened)) return false;
    while (s->depth > 0) {
        char close = s->is_object & 1 ? '}' : ']';

        skip_space(s);
        if (peek(s) == close) {
            s->at++;
            s->depth--;
            s->is_object >>= 1;
            opened = false;
            continue;
        }
        if (!opened) {
            if (peek(s) != ',') return wrong(s, close == '}' ? "',' or '}' expected" : "',' or ']' expected");
            s->at++;
        }
        if ((s->is_object & 1) && !scan_name(s)) return false;
        if (!scan_begin(s, &opened)) return false;
    }
    return true;
}

enum err json_scan(struct str text, struct json_scanned *ret, struct why *why)
{
    struct scan s = {.text = text};

    if (!scan_value(&s)) return fail(why, ERR_INPUT, "JSON, byte %zu: %s", s.at, s.wrong);
    *ret = (struct json_scanned){.end = s.at, .n_big_integers = s.n_big_integers, .n_tokens = s.n_tokens};
    return OK;
}

void json_widen_integers(struct str text, struct buf *ret)
{
    struct scan s = {.text = text};

    while (s.at < text.n) {
        size_t from = s.at, n_big = s.n_big_integers;
        int c = peek(&s);

        if (c == '"') {
            must(scan_string(&s));
        } else if (c == '-' || (c >= '0' && c <= '9')) {
            must(scan_number(&s));
        } else {
            s.at++;
        }
        if (s.n_big_integers == n_big) {
            buf_add(ret, text.at + from, s.at - from);
        } else {
            size_t n_kept = (c == '-') + BIG_DIGITS - 1;
            buf_add(ret, text.at + from, n_kept);
            buf_addf(ret, "e%zu", s.at - from - n_kept);
        }
    }
}
