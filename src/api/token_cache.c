/* token_cache.c - shards of tokens behind reader-writer locks.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "api/token_cache.h"

#include <pthread.h>
#include <stdalign.h>
#include <stdlib.h>

#include "base/limits.h"
#include "base/mem.h"

struct item {
    uint64_t generation;
    int64_t from_us, until_us;
    int64_t expires_us;
    unsigned scopes;
    size_t token_n, sub_n;
    char bytes[]; /* Token, sub. */
};

struct shard {
    alignas(128) pthread_rwlock_t lock; /* A cache line of its own. */
    size_t n;
    uint64_t hashes[TOKEN_CACHE_SHARD];
    struct item *items[TOKEN_CACHE_SHARD];
};

struct token_cache {
    struct shard shards[TOKEN_CACHE_SHARDS];
};

struct token_cache *token_cache_new(void)
{
    struct token_cache *c = aligned_alloc(alignof(struct token_cache), sizeof *c);

    must(c != NULL);
    memset(c, 0, sizeof *c);
    for (size_t i = 0; i < TOKEN_CACHE_SHARDS; i++) must(pthread_rwlock_init(&c->shards[i].lock, NULL) == 0);
    return c;
}

void token_cache_free(struct token_cache *c)
{
    if (!c) return;
    for (size_t i = 0; i < TOKEN_CACHE_SHARDS; i++) {
        struct shard *s = &c->shards[i];
        for (size_t k = 0; k < s->n; k++) mem_free(s->items[k]);
        (void)pthread_rwlock_destroy(&s->lock);
    }
    mem_free(c);
}

static uint64_t hash_of_end(struct str token)
{
    uint64_t hash = token.n * UINT64_C(0x9E3779B97F4A7C15), word;
    size_t n = token.n < 40 ? token.n / 8 : 5;

    for (size_t i = 1; i <= n; i++) {
        memcpy(&word, token.at + token.n - 8 * i, sizeof word);
        hash = (hash ^ word) * UINT64_C(0xBF58476D1CE4E5B9);
        hash ^= hash >> 29;
    }
    return hash;
}

static bool is_same(const struct item *item, struct str token)
{
    return item->token_n == token.n && memcmp(item->bytes, token.at, token.n) == 0;
}

bool token_cache_get(struct token_cache *c, struct str token, uint64_t generation, int64_t now_us, struct arena *arena,
                     struct caller *ret)
{
    uint64_t hash = hash_of_end(token);
    struct shard *s = &c->shards[hash % TOKEN_CACHE_SHARDS];
    bool found = false;

    (void)pthread_rwlock_rdlock(&s->lock);
    for (size_t i = 0; i < s->n && !found; i++) {
        const struct item *item = s->items[i];
        if (s->hashes[i] != hash || !is_same(item, token)) continue;
        if (item->generation != generation || now_us < item->from_us || now_us >= item->until_us) break;
        ret->sub = arena_dup(arena, str_make(item->bytes + item->token_n, item->sub_n));
        ret->scopes = item->scopes;
        ret->expires_us = item->expires_us;
        found = true;
    }
    (void)pthread_rwlock_unlock(&s->lock);
    return found;
}

/* Where a token goes: its own place, a free one, or that of the token that ends first. */
static size_t place_for(const struct shard *s, uint64_t hash, struct str token)
{
    size_t first = 0;

    for (size_t i = 0; i < s->n; i++)
        if (s->hashes[i] == hash && is_same(s->items[i], token)) return i;
    if (s->n < TOKEN_CACHE_SHARD) return s->n;
    for (size_t i = 1; i < s->n; i++)
        if (s->items[i]->until_us < s->items[first]->until_us) first = i;
    return first;
}

void token_cache_put(struct token_cache *c, struct str token, uint64_t generation, int64_t from_us, int64_t until_us,
                     const struct caller *caller)
{
    uint64_t hash = hash_of_end(token);
    struct shard *s = &c->shards[hash % TOKEN_CACHE_SHARDS];
    struct item *item = mem_alloc(sizeof *item + token.n + caller->sub.n), *old = NULL;
    size_t place;

    must(token.n <= LIMIT_TOKEN_BYTES && caller->sub.n <= LIMIT_SUB_BYTES);
    *item = (struct item){.generation = generation, .from_us = from_us, .until_us = until_us,
                          .expires_us = caller->expires_us, .scopes = caller->scopes, .token_n = token.n,
                          .sub_n = caller->sub.n};
    memcpy(item->bytes, token.at, token.n);
    memcpy(item->bytes + token.n, caller->sub.at, caller->sub.n);
    (void)pthread_rwlock_wrlock(&s->lock);
    place = place_for(s, hash, token);
    if (place < s->n)
        old = s->items[place];
    else
        s->n++;
    s->items[place] = item;
    s->hashes[place] = hash;
    (void)pthread_rwlock_unlock(&s->lock);
    mem_free(old);
}
