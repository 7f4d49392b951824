/* arena.c - blocks that are filled from the front and freed together.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/arena.h"

#include <stdalign.h>

#include "base/err.h"
#include "base/mem.h"

#define BLOCK_BYTES 16384

struct arena_block {
    struct arena_block *next;
    size_t used;
    size_t room;
    alignas(max_align_t) char bytes[];
};

void arena_done(struct arena *a)
{
    if (!a) return;
    while (a->blocks) {
        struct arena_block *next = a->blocks->next;
        mem_free(a->blocks);
        a->blocks = next;
    }
}

void arena_clear(struct arena *a)
{
    while (a->blocks && a->blocks->next) {
        struct arena_block *next = a->blocks->next;
        mem_free(a->blocks);
        a->blocks = next;
    }
    if (a->blocks) a->blocks->used = 0;
}

void *arena_alloc(struct arena *a, size_t n)
{
    must(n <= SIZE_MAX / 4);
    n = (n + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
    if (!a->blocks || a->blocks->room - a->blocks->used < n) {
        size_t room = n > BLOCK_BYTES ? n : BLOCK_BYTES;
        struct arena_block *block = mem_alloc(sizeof *block + room);
        *block = (struct arena_block){.next = a->blocks, .room = room};
        a->blocks = block;
    }
    void *p = a->blocks->bytes + a->blocks->used;
    a->blocks->used += n;
    return p;
}

void *arena_zalloc(struct arena *a, size_t n)
{
    void *p = arena_alloc(a, n);
    memset(p, 0, n);
    return p;
}

void *arena_array(struct arena *a, size_t n, size_t size)
{
    must(size == 0 || n <= SIZE_MAX / 4 / size);
    return arena_zalloc(a, n * size);
}

struct str arena_dup(struct arena *a, struct str s)
{
    char *copy = arena_alloc(a, s.n + 1);
    if (s.n) memcpy(copy, s.at, s.n);
    copy[s.n] = '\0';
    return (struct str){copy, s.n};
}
