/* buf.h - bytes that grow at their end.
 * SPDX-License-Identifier: Apache-2.0
 *
 * All bits zero is an empty buf. buf_str() is borrowed until the next change.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdint.h>

#include "base/str.h"

struct buf {
    char *at;
    size_t n;
    size_t room;
};

void buf_done(struct buf *b);                /* NULL is fine; b is empty afterwards. */
static inline void buf_clear(struct buf *b)  /* Keeps the memory. */
{
    b->n = 0;
}

/* Makes room for n more bytes and returns where they go; the caller then adds to b->n. */
char *buf_reserve(struct buf *b, size_t n);

void buf_add(struct buf *b, const void *at, size_t n);
void buf_add_str(struct buf *b, struct str s);
void buf_add_char(struct buf *b, char c);
void buf_add_u64(struct buf *b, uint64_t value); /* Decimal. */
void buf_add_i64(struct buf *b, int64_t value);
void buf_addf(struct buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));

static inline struct str buf_str(const struct buf *b)
{
    return (struct str){b->at, b->n};
}

/* The bytes with a NUL after them that n does not count; borrowed until the next change. */
const char *buf_z(struct buf *b);

#endif
