/* b64.c - base64 both ways, strict.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/b64.h"

static const char *alphabet(enum b64 kind)
{
    return kind == B64_URL ? "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
                           : "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
}

size_t b64_size(enum b64 kind, size_t n)
{
    if (kind == B64_STANDARD) return (n + 2) / 3 * 4;
    return n / 3 * 4 + (n % 3 ? n % 3 + 1 : 0);
}

void b64_encode(enum b64 kind, const void *bytes, size_t n, char *ret_text)
{
    const unsigned char *p = bytes;
    const char *letters = alphabet(kind);
    char *to = ret_text;
    while (n >= 3) {
        unsigned bits = (unsigned)p[0] << 16 | (unsigned)p[1] << 8 | p[2];
        *to++ = letters[bits >> 18];
        *to++ = letters[bits >> 12 & 63];
        *to++ = letters[bits >> 6 & 63];
        *to++ = letters[bits & 63];
        p += 3;
        n -= 3;
    }
    if (n == 0) return;
    unsigned bits = (unsigned)p[0] << 16 | (n == 2 ? (unsigned)p[1] << 8 : 0);
    *to++ = letters[bits >> 18];
    *to++ = letters[bits >> 12 & 63];
    if (n == 2) *to++ = letters[bits >> 6 & 63];
    if (kind == B64_STANDARD) {
        *to++ = '=';
        if (n == 1) *to++ = '=';
    }
}

void b64_add(struct buf *b, enum b64 kind, const void *bytes, size_t n)
{
    size_t size = b64_size(kind, n);
    b64_encode(kind, bytes, n, buf_reserve(b, size));
    b->n += size;
}

static int value_of(enum b64 kind, char c)
{
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26;
    if (c >= '0' && c <= '9') return c - '0' + 52;
    if (c == (kind == B64_URL ? '-' : '+')) return 62;
    if (c == (kind == B64_URL ? '_' : '/')) return 63;
    return -1;
}

bool b64_decode(enum b64 kind, struct str text, struct buf *ret)
{
    size_t start = ret->n;
    unsigned bits = 0;
    unsigned n_bits = 0;

    if (kind == B64_STANDARD) {
        if (text.n % 4) return false;
        if (text.n && text.at[text.n - 1] == '=') text.n--;
        if (text.n % 4 == 3 && text.at[text.n - 1] == '=') text.n--;
    }
    if (text.n % 4 == 1) return false;
    (void)buf_reserve(ret, text.n / 4 * 3 + 3);
    for (size_t i = 0; i < text.n; i++) {
        int value = value_of(kind, text.at[i]);
        if (value < 0) {
            ret->n = start;
            return false;
        }
        bits = bits << 6 | (unsigned)value;
        n_bits += 6;
        if (n_bits >= 8) {
            n_bits -= 8;
            ret->at[ret->n++] = (char)(bits >> n_bits & 255);
        }
    }
    if (bits & ((1U << n_bits) - 1)) {
        ret->n = start;
        return false;
    }
    return true;
}
