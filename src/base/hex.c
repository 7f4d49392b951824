/* hex.c - hexadecimal digits.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/hex.h"

int hex_digit(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

void hex_encode(const void *bytes, size_t n, char *ret_text)
{
    static const char digits[] = "0123456789abcdef";
    const unsigned char *p = bytes;
    for (size_t i = 0; i < n; i++) {
        ret_text[2 * i] = digits[p[i] >> 4];
        ret_text[2 * i + 1] = digits[p[i] & 15];
    }
}

void hex_add(struct buf *b, const void *bytes, size_t n)
{
    hex_encode(bytes, n, buf_reserve(b, 2 * n));
    b->n += 2 * n;
}

bool hex_decode(struct str text, size_t n, void *ret_bytes)
{
    unsigned char *to = ret_bytes;
    if (text.n != 2 * n) return false;
    for (size_t i = 0; i < text.n; i++) {
        if (hex_digit(text.at[i]) < 0) return false;
    }
    for (size_t i = 0; i < n; i++) {
        to[i] = (unsigned char)(hex_digit(text.at[2 * i]) << 4 | hex_digit(text.at[2 * i + 1]));
    }
    return true;
}
