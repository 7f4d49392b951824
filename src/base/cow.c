/* cow.c - reader slots, the list of retired memory, and when it may go.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A slot holds 0 (free) or the version that was being written when its reader arrived. View w is the one
 * whose publication ended version w; memory retired in version v is reachable from views before v only.
 *
 *     reader:  e = version;  slot: 0 -> e (S);  w = view (L)
 *     writer:  view = w;  version = w + 1;  scan slots;  free what was retired in a version below all of them
 *
 * Why a reader needs no second look. All these operations are sequentially consistent. The reader loaded e
 * after view e - 1 was stored, so L gets w >= e - 1, and what it can reach was retired in w + 1 >= e or
 * later. A scan that sees the slot spares those. A scan that comes before S belongs to a publication whose
 * view was stored before L, so it is w or older, and freed only what was retired in w or before.
 */
#include "base/cow.h"

#include <stdatomic.h>
#include <string.h>

#include "base/pool.h"
#include "base/vec.h"

#define BLOCK_SLOTS 64
#define CACHE_LINE 64

struct slot {
    _Atomic uint64_t version;
    char rest_of_line[CACHE_LINE - sizeof(uint64_t)];
};

_Static_assert(sizeof(struct slot) == CACHE_LINE, "two readers never share a cache line");

struct block {
    struct slot slots[BLOCK_SLOTS];
    struct block *_Atomic next; /* Set once. Blocks stay until cow_free(). */
};

struct retired {
    void *p;
    void (*release)(void *p); /* NULL: the pool's, of n bytes. */
    size_t n;
    uint64_t version; /* Being written when it was retired. */
};

VEC_DEFINE(retired_vec, struct retired);

struct cow {
    _Atomic uint64_t version; /* Being written. */
    void *_Atomic view;       /* Published. */
    struct block first;
    /* The writer's alone. */
    struct retired_vec retired; /* Oldest first. */
    size_t n_gone;              /* That many at the front are freed already. */
    size_t n_before;            /* Where this version's begin. */
    struct pool pool;
};

struct cow *cow_new(void)
{
    struct cow *c = mem_zalloc(sizeof *c);
    atomic_init(&c->version, 1);
    return c;
}

/* Frees what was retired in versions below limit. */
static void free_retired(struct cow *c, uint64_t limit)
{
    struct retired *r = c->retired.at;
    while (c->n_gone < c->retired.n && r[c->n_gone].version < limit) {
        const struct retired *gone = &r[c->n_gone++];
        if (gone->release) gone->release(gone->p);
        else pool_give(&c->pool, gone->p, gone->n);
    }
    if (c->n_gone < c->retired.n / 2 || c->n_gone == 0) return;
    c->retired.n -= c->n_gone;
    memmove(r, r + c->n_gone, c->retired.n * sizeof *r);
    c->n_gone = 0;
}

/* The lowest version announced by a reader, or UINT64_MAX. */
static uint64_t oldest_pin(struct cow *c)
{
    uint64_t oldest = UINT64_MAX;
    for (struct block *b = &c->first; b; b = atomic_load(&b->next)) {
        for (size_t i = 0; i < BLOCK_SLOTS; i++) {
            uint64_t version = atomic_load(&b->slots[i].version);
            if (version && version < oldest) oldest = version;
        }
    }
    return oldest;
}

void cow_free(struct cow *c)
{
    if (!c) return;
    must(oldest_pin(c) == UINT64_MAX);
    free_retired(c, UINT64_MAX);
    retired_vec_done(&c->retired);
    pool_done(&c->pool);
    for (struct block *b = atomic_load(&c->first.next); b;) {
        struct block *next = atomic_load(&b->next);
        mem_free(b);
        b = next;
    }
    mem_free(c);
}

uint64_t cow_version(const struct cow *c)
{
    return atomic_load_explicit(&c->version, memory_order_relaxed);
}

void cow_retire(struct cow *c, void *p, void (*release)(void *p))
{
    retired_vec_add(&c->retired, (struct retired){p, release, 0, cow_version(c)});
}

void *cow_take(struct cow *c, size_t n)
{
    return pool_take(&c->pool, n);
}

void cow_drop(struct cow *c, void *p, size_t n)
{
    pool_give(&c->pool, p, n);
}

void cow_retire_taken(struct cow *c, void *p, size_t n)
{
    retired_vec_add(&c->retired, (struct retired){p, NULL, n, cow_version(c)});
}

void cow_abandon(struct cow *c)
{
    c->retired.n = c->n_before;
}

void cow_publish(struct cow *c, void *view)
{
    uint64_t ended = cow_version(c);
    atomic_store(&c->view, view);
    atomic_store(&c->version, ended + 1);
    free_retired(c, oldest_pin(c));
    c->n_before = c->retired.n;
}

size_t cow_n_retired(const struct cow *c)
{
    return c->retired.n - c->n_gone;
}

/* The block after b, made now if there is none. */
static struct block *next_block(struct block *b)
{
    struct block *next = atomic_load(&b->next);
    if (next) return next;
    struct block *made = mem_zalloc(sizeof *made);
    if (atomic_compare_exchange_strong(&b->next, &next, made)) return made;
    mem_free(made); /* Another reader was first. */
    return next;
}

void *cow_pin(struct cow *c, struct cow_pin *ret_pin)
{
    uint64_t version = atomic_load(&c->version);
    /* Threads start at different slots, because their stacks lie far apart. */
    uint64_t start = ((uint64_t)(uintptr_t)ret_pin >> 12) * UINT64_C(0x9E3779B97F4A7C15) >> 32;

    for (struct block *b = &c->first;; b = next_block(b)) {
        for (size_t i = 0; i < BLOCK_SLOTS; i++) {
            struct slot *slot = &b->slots[(start + i) % BLOCK_SLOTS];
            uint64_t none = 0;
            if (atomic_load_explicit(&slot->version, memory_order_relaxed) == 0 &&
                atomic_compare_exchange_strong(&slot->version, &none, version)) {
                ret_pin->slot = slot;
                return atomic_load(&c->view);
            }
        }
    }
}

void cow_unpin(struct cow_pin *pin)
{
    struct slot *slot = pin->slot;
    must(slot != NULL);
    pin->slot = NULL;
    atomic_store_explicit(&slot->version, 0, memory_order_release);
}
