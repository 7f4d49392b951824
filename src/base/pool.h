/* pool.h - memory for the nodes and records of large states, on huge pages.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A state of a million entities is 800 MB of small pieces, each write touching a few dozen of them at random: on pages of 4 KiB
 * the processor looks up nearly every one of those addresses in memory too. The pool cuts its pieces from chunks that grow to
 * 32 MiB and asks for huge pages under those of 2 MiB and more.
 *
 *     chunk  |64 B|  1536 B  | 320 B | ...    pieces are multiples of 64 bytes, at such addresses
 *
 * What is given back is kept for pieces of the same size, last in first out; chunks go with the pool. Under the address
 * sanitizer each piece is malloc's, so that its errors are found.
 */
#ifndef BASE_POOL_H
#define BASE_POOL_H

#include <stddef.h>

#include "base/vec.h"

#define POOL_STEP 64
#define POOL_PIECE_MAX 2048 /* Larger ones are malloc's. */

VEC_DEFINE(pointer_vec, void *);

struct pool {
    struct pointer_vec chunks;
    char *at; /* What is left of the newest chunk. */
    size_t left;
    size_t next_bytes; /* Of the next chunk; 0 before the first. */
    struct pointer_vec given_back[POOL_PIECE_MAX / POOL_STEP];
};

void pool_done(struct pool *p); /* Frees all pieces; those that are malloc's have to be given back before. */

/* One thread at a time. n > 0; never NULL, not zeroed. O(1) */
void *pool_take(struct pool *p, size_t n);
void pool_give(struct pool *p, void *piece, size_t n); /* n: as it was taken. O(1) */

#endif
