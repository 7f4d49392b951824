/* pool.c - pieces cut from growing chunks, and lists of those given back.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/pool.h"

#define CHUNK_BYTES_MIN ((size_t)64 << 10)
#define CHUNK_BYTES_MAX ((size_t)32 << 20)

#ifdef __SANITIZE_ADDRESS__
#define IS_MALLOC 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define IS_MALLOC 1
#endif
#endif
#ifndef IS_MALLOC
#define IS_MALLOC 0
#endif

static size_t rounded(size_t n)
{
    return (n + POOL_STEP - 1) & ~(size_t)(POOL_STEP - 1);
}

void pool_done(struct pool *p)
{
    for (size_t i = 0; i < p->chunks.n; i++) mem_free(p->chunks.at[i]);
    for (size_t i = 0; i < POOL_PIECE_MAX / POOL_STEP; i++) pointer_vec_done(&p->given_back[i]);
    pointer_vec_done(&p->chunks);
    *p = (struct pool){0};
}

/* The rest of the chunk before is given up: less than a piece. */
static void chunk_add(struct pool *p)
{
    size_t bytes = p->next_bytes ? p->next_bytes : CHUNK_BYTES_MIN;

    p->at = mem_pages(bytes);
    p->left = bytes;
    pointer_vec_add(&p->chunks, p->at);
    p->next_bytes = bytes < CHUNK_BYTES_MAX ? 2 * bytes : bytes;
}

void *pool_take(struct pool *p, size_t n)
{
    must(n > 0);
    if (IS_MALLOC || n > POOL_PIECE_MAX) return mem_alloc(n);
    size_t bytes = rounded(n);
    struct pointer_vec *given_back = &p->given_back[bytes / POOL_STEP - 1];
    if (given_back->n > 0) return given_back->at[--given_back->n];
    if (p->left < bytes) chunk_add(p);
    void *piece = p->at;
    p->at += bytes;
    p->left -= bytes;
    return piece;
}

void pool_give(struct pool *p, void *piece, size_t n)
{
    if (IS_MALLOC || n > POOL_PIECE_MAX) {
        mem_free(piece);
    } else {
        pointer_vec_add(&p->given_back[rounded(n) / POOL_STEP - 1], piece);
    }
}
