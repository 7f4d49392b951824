/* arena.h - memory that lives for one request and dies with it.
 * SPDX-License-Identifier: Apache-2.0
 *
 * All bits zero is an empty arena. Pointers stay valid until arena_clear() or arena_done().
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include "base/str.h"

struct arena {
    struct arena_block *blocks; /* The newest first. */
};

void arena_done(struct arena *a); /* NULL is fine. */
void arena_clear(struct arena *a); /* Frees all but one block, for reuse. */

void *arena_alloc(struct arena *a, size_t n); /* Aligned for anything; bytes undefined. */
void *arena_zalloc(struct arena *a, size_t n);
void *arena_array(struct arena *a, size_t n, size_t size); /* Zero; n * size checked. */
struct str arena_dup(struct arena *a, struct str s);       /* A copy with a NUL after it. */

#endif
