/* cbor.h - the one deterministic form of CBOR (RFC 8949) that entries, outcomes and genesis have.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Integers of at most 64 bits in shortest form, byte strings, valid UTF-8 text, definite arrays and maps, false, true, null.
 * Map keys are 0..23, strictly ascending. No floats, tags, indefinite lengths (evidence.md section 3). The reader refuses
 * everything else, so that what it accepted has one encoding.
 *
 * The reader keeps its first problem: after it every call returns zero and moves nothing, so that only the end needs a check.
 *
 *     struct cbor r = cbor_open(bytes);
 *     unsigned last = CBOR_FIRST_KEY;
 *     for (size_t n = cbor_map(&r); n > 0 && !r.problem; n--)
 *         switch (cbor_key(&r, &last)) { case 1: x = cbor_uint(&r); break; default: cbor_bad(&r, "unknown member"); }
 *     return cbor_end(&r, why);
 */
#ifndef ENTRY_CBOR_H
#define ENTRY_CBOR_H

#include "base/buf.h"
#include "base/err.h"
#include "base/id.h"

/* Writing. must(key < 24), must() on text that is not UTF-8. */
void cbor_add_uint(struct buf *b, uint64_t value);
void cbor_add_int(struct buf *b, int64_t value);
void cbor_add_bytes(struct buf *b, const void *at, size_t n);
void cbor_add_text(struct buf *b, struct str text);
void cbor_add_array(struct buf *b, size_t n); /* n items follow. */
void cbor_add_map(struct buf *b, size_t n);   /* n pairs of key and item follow. */
void cbor_add_key(struct buf *b, unsigned key);
void cbor_add_bool(struct buf *b, bool value);
void cbor_add_null(struct buf *b);
void cbor_add_id(struct buf *b, struct id id);         /* bytes(16) */
void cbor_add_digest(struct buf *b, uint64_t digest);  /* bytes(8), big-endian */

/* Begins a byte string whose length is not known yet, at most 65535; returns a mark for the end, which moves the bytes
 * added since to where they belong. */
size_t cbor_begin_bytes(struct buf *b);
void cbor_end_bytes(struct buf *b, size_t mark);

/* Reading. Strings are borrowed from the bytes. */
struct cbor {
    const uint8_t *start;
    const uint8_t *at;
    const uint8_t *end;
    size_t n_items; /* Heads read, at most LIMIT_ENTRY_ITEMS. */
    const char *problem; /* NULL as long as all is well. */
    size_t problem_at;
};

#define CBOR_FIRST_KEY UINT32_MAX /* What *last is before a map's first key. */

struct cbor cbor_open(struct str bytes);
void cbor_bad(struct cbor *r, const char *problem); /* Notes a problem here, unless there was one; problem lives for ever. */

uint64_t cbor_uint(struct cbor *r);
uint64_t cbor_uint_below(struct cbor *r, uint64_t limit, const char *problem); /* 0..limit-1 */
int64_t cbor_int(struct cbor *r);
struct str cbor_bytes(struct cbor *r);
void cbor_bytes_of(struct cbor *r, size_t n, void *ret); /* Exactly n bytes; ret is zeroed if they are not there. */
struct str cbor_text(struct cbor *r, size_t n_max, const char *problem);
size_t cbor_array(struct cbor *r); /* The number of items, never more than bytes are left. */
void cbor_array_of(struct cbor *r, size_t n);
size_t cbor_map(struct cbor *r);
unsigned cbor_key(struct cbor *r, unsigned *last); /* CBOR_FIRST_KEY after a problem. */
bool cbor_bool(struct cbor *r);
bool cbor_null(struct cbor *r); /* True, and past it, if null is next; false and nothing read if something else is. */
bool cbor_is_text_next(const struct cbor *r);
bool cbor_is_bytes_next(const struct cbor *r);
bool cbor_is_array_next(const struct cbor *r);
struct id cbor_id(struct cbor *r);
uint64_t cbor_digest(struct cbor *r);

/* Past one item, whatever it is, and all that is in it: at most depth arrays and maps within each other. */
void cbor_skip(struct cbor *r, unsigned depth);

/* A byte string that holds CBOR: returns where it ends; its items are read next, then cbor_leave() checks that they ended
 * there. */
const uint8_t *cbor_enter(struct cbor *r);
void cbor_leave(struct cbor *r, const uint8_t *end);

/* ERR_CORRUPT with the offset and the first problem, which may be bytes left over. */
CHECKED enum err cbor_end(struct cbor *r, struct why *why);

#endif
