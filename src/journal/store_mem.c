/* store_mem.c - the store of tests and simulation: in memory, gone with the process.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Entries are a growing array; outcomes and tiles are found by number in a hash table with open addressing. One lock,
 * since its users measure nothing.
 */
#include <string.h>

#include "base/mem.h"
#include "journal/store_internal.h"

struct blob {
    uint64_t id;
    struct str bytes; /* Owned; at is never NULL in a used slot. */
};

struct blobs {
    struct blob *slots; /* A power of two of them, at most half used. */
    size_t n, room;
};

struct store_mem {
    struct store base;
    pthread_rwlock_t lock;
    struct str *entries; /* Each owned. */
    size_t entries_room;
    struct blobs derived[STORE_N_TABLES]; /* That of STORE_ENTRY stays empty. */
};

static struct str copy_of(struct str bytes)
{
    return str_make(bytes.n ? mem_dup(bytes.at, bytes.n) : mem_alloc(0), bytes.n);
}

static struct blob *blob_slot(const struct blobs *b, uint64_t id)
{
    size_t i = (size_t)((id * UINT64_C(0x9E3779B97F4A7C15)) >> 20) & (b->room - 1);

    while (b->slots[i].bytes.at && b->slots[i].id != id) i = (i + 1) & (b->room - 1);
    return &b->slots[i];
}

static void blobs_grow(struct blobs *b)
{
    struct blobs wider = {NULL, b->n, b->room ? b->room * 2 : 64};

    wider.slots = mem_calloc(wider.room, sizeof *wider.slots);
    for (size_t i = 0; i < b->room; i++)
        if (b->slots[i].bytes.at) *blob_slot(&wider, b->slots[i].id) = b->slots[i];
    mem_free(b->slots);
    *b = wider;
}

static void blobs_put(struct blobs *b, uint64_t id, struct str bytes)
{
    struct blob *slot;

    if (b->n * 2 >= b->room) blobs_grow(b);
    slot = blob_slot(b, id);
    if (slot->bytes.at) mem_free((void *)slot->bytes.at);
    else b->n++;
    *slot = (struct blob){id, copy_of(bytes)};
}

static enum err mem_commit(struct store *base, const struct str *entries, size_t n, struct why *why)
{
    struct store_mem *s = (struct store_mem *)base;
    size_t size = (size_t)atomic_load(&base->size);

    (void)why;
    must(pthread_rwlock_wrlock(&s->lock) == 0);
    if (size + n > s->entries_room) {
        s->entries_room = (size + n) * 2;
        s->entries = mem_realloc(s->entries, s->entries_room * sizeof *s->entries);
    }
    for (size_t i = 0; i < n; i++) s->entries[size + i] = copy_of(entries[i]);
    for (size_t i = 0; i < base->queue.n; i++) {
        struct store_item item = base->queue.at[i];
        blobs_put(&s->derived[item.table], item.id, str_make(base->queue_bytes.at + item.at, item.n));
    }
    must(pthread_rwlock_unlock(&s->lock) == 0);
    return OK;
}

static enum err mem_read_back(struct store *base, uint64_t from, uint64_t n,
                              enum err (*each)(void *context, uint64_t index, struct str bytes), void *context,
                              struct why *why)
{
    struct store_mem *s = (struct store_mem *)base;

    (void)why;
    for (uint64_t i = from; i < from + n; i++) TRY(each(context, i, s->entries[i]));
    return OK;
}

static enum err mem_get(struct store *base, enum store_table table, uint64_t id, struct buf *ret,
                        struct why *why)
{
    struct store_mem *s = (struct store_mem *)base;
    const struct blobs *derived = &s->derived[table];
    struct str bytes = {NULL, 0};

    must(pthread_rwlock_rdlock(&s->lock) == 0);
    if (table == STORE_ENTRY) bytes = s->entries[id];
    else if (derived->room) bytes = blob_slot(derived, id)->bytes;
    if (bytes.at) buf_add_str(ret, bytes);
    must(pthread_rwlock_unlock(&s->lock) == 0);
    if (!bytes.at) return fail(why, ERR_NOT_FOUND, "number %llu is not stored", (unsigned long long)id);
    return OK;
}

static enum err mem_get_range(struct store *base, enum store_table table, uint64_t from, size_t n, struct buf *ret, size_t *ret_ends,
                              struct why *why)
{
    size_t before = ret->n;

    for (size_t i = 0; i < n; i++) {
        TRY(mem_get(base, table, from + i, ret, why));
        ret_ends[i] = ret->n - before;
    }
    return OK;
}

static enum err mem_check(struct store *base, struct why *why)
{
    (void)base;
    (void)why;
    return OK;
}

static void mem_close(struct store *base)
{
    struct store_mem *s = (struct store_mem *)base;

    for (size_t i = 0; i < atomic_load(&base->size); i++) mem_free((void *)s->entries[i].at);
    mem_free(s->entries);
    for (int t = 0; t < STORE_N_TABLES; t++) {
        for (size_t i = 0; i < s->derived[t].room; i++) mem_free((void *)s->derived[t].slots[i].bytes.at);
        mem_free(s->derived[t].slots);
    }
    must(pthread_rwlock_destroy(&s->lock) == 0);
    store_done(base);
    mem_free(s);
}

static const struct store_kind kind = {mem_commit, mem_read_back, mem_get, mem_get_range, mem_check, mem_close};

enum err store_open_mem(struct store **ret, struct why *why)
{
    struct store_mem *s = mem_zalloc(sizeof *s);

    (void)why;
    store_init(&s->base, &kind);
    must(pthread_rwlock_init(&s->lock, NULL) == 0);
    *ret = &s->base;
    return OK;
}
