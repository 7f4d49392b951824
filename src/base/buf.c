/* buf.c - growing bytes.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/err.h"
#include "base/mem.h"

void buf_done(struct buf *b)
{
    if (!b) return;
    mem_free(b->at);
    *b = (struct buf){0};
}

char *buf_reserve(struct buf *b, size_t n)
{
    must(n <= SIZE_MAX / 2 - b->n);
    if (b->room - b->n < n) {
        size_t room = b->room ? b->room * 2 : 64;
        if (room < b->n + n) room = b->n + n;
        b->at = mem_realloc(b->at, room);
        b->room = room;
    }
    return b->at + b->n;
}

void buf_add(struct buf *b, const void *at, size_t n)
{
    if (n == 0) return;
    memcpy(buf_reserve(b, n), at, n);
    b->n += n;
}

void buf_add_str(struct buf *b, struct str s)
{
    buf_add(b, s.at, s.n);
}

void buf_add_char(struct buf *b, char c)
{
    *buf_reserve(b, 1) = c;
    b->n++;
}

void buf_add_u64(struct buf *b, uint64_t value)
{
    char digits[20];
    size_t at = sizeof digits;
    do {
        digits[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value);
    buf_add(b, digits + at, sizeof digits - at);
}

void buf_add_i64(struct buf *b, int64_t value)
{
    if (value < 0) {
        buf_add_char(b, '-');
        buf_add_u64(b, (uint64_t)-(value + 1) + 1);
    } else {
        buf_add_u64(b, (uint64_t)value);
    }
}

void buf_addf(struct buf *b, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    must(n >= 0);
    char *to = buf_reserve(b, (size_t)n + 1);
    va_start(args, format);
    (void)vsnprintf(to, (size_t)n + 1, format, args);
    va_end(args);
    b->n += (size_t)n;
}

const char *buf_z(struct buf *b)
{
    *buf_reserve(b, 1) = '\0';
    return b->at;
}
