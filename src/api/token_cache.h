/* token_cache.h - tokens that were verified, so that the next request with the same one costs no signature.
 * SPDX-License-Identifier: Apache-2.0
 *
 * 64 shards of 64 tokens, each shard behind a reader-writer lock: readers of one token meet only in that shard's counter.
 * A token is found by its exact bytes; the hash is over its end, which is signature. Only verified tokens are put in, so nobody
 * without a key can crowd it. A full shard loses the token that ends first.
 *
 * Each token carries the moments between which, and the generation of keys under which, it may be used.
 */
#ifndef API_TOKEN_CACHE_H
#define API_TOKEN_CACHE_H

#include "api/auth.h"
#include "base/arena.h"

struct token_cache;

struct token_cache *token_cache_new(void);
void token_cache_free(struct token_cache *c); /* NULL is fine. */

/* True: ret is set, its sub copied into the arena. Any thread. About 100 ns and the comparison of the token. */
bool token_cache_get(struct token_cache *c, struct str token, uint64_t generation, int64_t now_us, struct arena *arena,
                     struct caller *ret);

/* Copies everything. Usable from from_us until before until_us. */
void token_cache_put(struct token_cache *c, struct str token, uint64_t generation, int64_t from_us, int64_t until_us,
                     const struct caller *caller);

#define TOKEN_CACHE_SHARDS 64
#define TOKEN_CACHE_SHARD 64 /* Tokens in each. */

#endif
