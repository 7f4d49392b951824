/* recent.c - a ring of hash beginnings, filled on request.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "node/recent.h"

#include <pthread.h>

#include "base/mem.h"

struct recent {
    pthread_mutex_t lock;
    uint64_t first; /* Index of the oldest entry kept; it stands at first % RECENT_ENTRIES. */
    uint64_t end;   /* Index after the newest. */
    uint64_t begins[RECENT_ENTRIES];
};

struct recent *recent_new(void)
{
    struct recent *r = mem_zalloc(sizeof *r);
    must(pthread_mutex_init(&r->lock, NULL) == 0);
    return r;
}

void recent_free(struct recent *r)
{
    if (!r) return;
    (void)pthread_mutex_destroy(&r->lock);
    mem_free(r);
}

static uint64_t begin_of(const struct hash *h)
{
    uint64_t begin;
    memcpy(&begin, h->b, sizeof begin);
    return begin;
}

/* Reads what the store has beyond r->end, or its newest entries. */
static enum err catch_up(struct recent *r, struct store *store)
{
    AUTO(buf_done) struct buf bytes = {0};
    uint64_t size = store_size(store);

    if (size > r->end + RECENT_ENTRIES) r->first = r->end = size - RECENT_ENTRIES;
    while (r->end < size) {
        buf_clear(&bytes);
        TRY(store_get_entry(store, r->end, &bytes, NULL));
        struct hash h = hash_of(buf_str(&bytes));
        r->begins[r->end % RECENT_ENTRIES] = begin_of(&h);
        r->end++;
        if (r->end - r->first > RECENT_ENTRIES) r->first++;
    }
    return OK;
}

/* Equal beginnings are no proof: the entry is read again. */
static enum recent_answer look(const struct recent *r, struct store *store, const struct hash *wanted)
{
    AUTO(buf_done) struct buf bytes = {0};

    for (uint64_t i = r->end; i > r->first; i--) {
        if (r->begins[(i - 1) % RECENT_ENTRIES] != begin_of(wanted)) continue;
        buf_clear(&bytes);
        if (store_get_entry(store, i - 1, &bytes, NULL) != OK) return RECENT_UNKNOWN;
        struct hash h = hash_of(buf_str(&bytes));
        if (hash_equal(&h, wanted)) return RECENT_YES;
    }
    return r->first == 0 ? RECENT_NO : RECENT_UNKNOWN;
}

enum recent_answer recent_has(struct recent *r, struct store *store, const struct hash *entry_hash)
{
    must(pthread_mutex_lock(&r->lock) == 0);
    enum recent_answer answer = catch_up(r, store) == OK ? look(r, store, entry_hash) : RECENT_UNKNOWN;
    must(pthread_mutex_unlock(&r->lock) == 0);
    return answer;
}
