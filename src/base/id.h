/* id.h - 128-bit identifiers, written as RFC 4122 UUIDs.
 * SPDX-License-Identifier: Apache-2.0
 *
 * hi holds the first eight bytes of the UUID, big-endian, lo the rest, so that the order of (hi, lo)
 * is the order of the bytes and of the canonical text.
 */
#ifndef BASE_ID_H
#define BASE_ID_H

#include "base/str.h"
#include "base/vec.h"

struct id {
    uint64_t hi;
    uint64_t lo;
};

VEC_DEFINE(id_vec, struct id);

#define ID_TEXT 36 /* Characters of the canonical form. */

static inline bool id_equal(struct id a, struct id b)
{
    return a.hi == b.hi && a.lo == b.lo;
}

static inline int id_compare(struct id a, struct id b)
{
    if (a.hi != b.hi) return a.hi < b.hi ? -1 : 1;
    return a.lo < b.lo ? -1 : a.lo > b.lo;
}

static inline bool id_is_zero(struct id a)
{
    return (a.hi | a.lo) == 0;
}

static inline unsigned id_version(struct id a) /* The version nibble: 4 for random, 7 for time. */
{
    return (unsigned)(a.hi >> 12) & 15;
}

struct id id_from_bytes(const uint8_t bytes[16]);
void id_to_bytes(struct id id, uint8_t ret_bytes[16]);

/* Accepts the spellings that the InterUSS DSS does (f3548-dss.md 4.1): dashed, 32 hex digits, either in
 * braces when dashed, "urn:uuid:" before dashed, any case. Needs variant RFC 4122. Any version. */
bool id_parse(struct str text, struct id *ret_id);

/* 36 characters, lower case, no NUL. */
void id_format(struct id id, char ret_text[ID_TEXT]);

/* Turns 16 arbitrary bytes into a version 4 UUID (RFC 4122 section 4.4). */
struct id id_make_v4(const uint8_t random[16]);

/* Milliseconds since 1970 of a version 7 UUID (RFC 9562 section 5.7). */
static inline int64_t id_v7_ms(struct id a)
{
    return (int64_t)(a.hi >> 16);
}

#endif
