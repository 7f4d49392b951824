/* catchup_tree.c - the part of the signed tree above the leaves, fetched as it is needed, each tile verified by its parent.
 * SPDX-License-Identifier: Apache-2.0
 *
 *     root <- right edge (partial tiles of every level)
 *                 ^ hash i of a tile of level l + 1 is the root of tile i below it
 *             full tiles, one a level in memory
 */
#include "node/catchup_internal.h"

/* Reads from one source: an edge is good or bad as a whole. */
struct edge_reader {
    struct catchup_tree *tree;
    int source;
    enum catchup_fault fault;
};

static enum err read_edge_tile(void *context, unsigned level, uint64_t n, unsigned width, struct hash ret[TILE_WIDTH], struct why *why)
{
    struct edge_reader *r = context;
    const struct sources *s = r->tree->sources;
    struct tile tile = {.level = level, .n = n, .width = width};
    AUTO(buf_done) struct buf bytes = {0};

    TRY(source_get(s->options, r->tree->client, s->at[r->source].is, &tile, &bytes, &r->fault, why));
    if (bytes.n != width * sizeof *ret) {
        r->fault = CATCHUP_LIED;
        return fail(why, ERR_NET, "tile %u/%llu has %zu bytes, not %zu", level, (unsigned long long)n, bytes.n, width * sizeof *ret);
    }
    memcpy(ret, bytes.at, bytes.n);
    return OK;
}

/* The next source that is not in *tried; -1 once each was tried, or the caller wants to stop. */
static int next_source(struct sources *s, uint64_t *tried)
{
    const struct http_client_options *client = s->options->client;
    int source;

    if (client && client->stop && atomic_load(client->stop)) return -1;
    must(pthread_mutex_lock(&s->lock) == 0);
    source = sources_choose(s, *tried);
    must(pthread_mutex_unlock(&s->lock) == 0);
    if (source >= 0) *tried |= UINT64_C(1) << source;
    return source;
}

static void settle(struct sources *s, int source, enum err err, enum catchup_fault fault, int64_t since_us, const struct why *why)
{
    must(pthread_mutex_lock(&s->lock) == 0);
    if (err == OK) sources_served(s, source, catchup_now_us() - since_us);
    else sources_failed(s, source, fault, why);
    must(pthread_mutex_unlock(&s->lock) == 0);
}

static enum err none_left(struct sources *s, struct why *why)
{
    must(pthread_mutex_lock(&s->lock) == 0);
    struct why last = s->last;
    must(pthread_mutex_unlock(&s->lock) == 0);
    return fail(why, ERR_NET, "no source is left; the last one: %s", last.text);
}

enum err catchup_tree_open(struct catchup_tree *t, uint64_t size, const struct hash *root, struct why *why)
{
    uint64_t tried = 0;
    int source;

    while ((source = next_source(t->sources, &tried)) >= 0) {
        struct edge_reader r = {.tree = t, .source = source};
        struct tile_reader reader = {read_edge_tile, &r};
        int64_t since_us = catchup_now_us();
        struct why inner = {0};
        enum err err = tiles_read(size, &reader, &t->edge, &inner);
        struct hash got = err == OK ? tiles_root(&t->edge) : (struct hash){{0}};

        if (err == OK && !hash_equal(&got, root)) {
            err = fail(&inner, ERR_NET, "the tree's right edge at %llu leaves does not have the signed root", (unsigned long long)size);
            r.fault = CATCHUP_LIED;
        }
        settle(t->sources, source, err, r.fault, since_us, &inner);
        if (err != OK) continue;
        t->size = size;
        t->root = *root;
        return OK;
    }
    return none_left(t->sources, why);
}

static struct hash root_of(const struct hash hashes[TILE_WIDTH])
{
    struct hash row[TILE_WIDTH / 2];
    const struct hash *from = hashes;

    for (unsigned n = TILE_WIDTH / 2; n >= 1; n /= 2) {
        for (unsigned i = 0; i < n; i++) row[i] = hash_node(&from[2 * i], &from[2 * i + 1]);
        from = row;
    }
    return row[0];
}

static enum err fetch_full(struct catchup_tree *t, unsigned level, uint64_t n, const struct hash *expected, struct why *why)
{
    struct sources *s = t->sources;
    struct tile tile = {.level = level, .n = n, .width = TILE_WIDTH};
    AUTO(buf_done) struct buf bytes = {0};
    uint64_t tried = 0;
    int source;

    while ((source = next_source(s, &tried)) >= 0) {
        enum catchup_fault fault = CATCHUP_LIED;
        int64_t since_us = catchup_now_us();
        struct why inner = {0};
        enum err err = source_get(s->options, t->client, s->at[source].is, &tile, &bytes, &fault, &inner);

        if (err == OK) {
            struct hash got = {{0}};
            if (bytes.n == sizeof t->at[level]) {
                memcpy(t->at[level], bytes.at, bytes.n);
                got = root_of(t->at[level]);
            }
            if (!hash_equal(&got, expected)) {
                err = fail(&inner, ERR_NET, "tile %u/%llu is not that of the signed tree", level, (unsigned long long)n);
                fault = CATCHUP_LIED;
            }
        }
        settle(s, source, err, fault, since_us, &inner);
        if (err == OK) return OK;
    }
    return none_left(s, why);
}

/* Hash index of a level, verified. Goes up until it meets what is known: TILE_LEVELS steps at most. */
static enum err hash_at(struct catchup_tree *t, unsigned level, uint64_t index, struct hash *ret, struct why *why)
{
    uint64_t n = index / TILE_WIDTH;
    struct hash expected;

    must(level < TILE_LEVELS && index < t->size >> 8 * level);
    if (n == t->size >> 8 * level >> 8) {
        *ret = t->edge.at[level][index % TILE_WIDTH];
        return OK;
    }
    if (!t->has[level] || t->n[level] != n) {
        TRY(hash_at(t, level + 1, n, &expected, why));
        t->has[level] = false;
        TRY(fetch_full(t, level, n, &expected, why));
        t->has[level] = true;
        t->n[level] = n;
    }
    *ret = t->at[level][index % TILE_WIDTH];
    return OK;
}

enum err catchup_tree_bundle(struct catchup_tree *t, uint64_t n, struct hash *ret, struct why *why)
{
    return hash_at(t, 1, n, ret, why);
}

static enum err read_verified(void *context, unsigned level, uint64_t n, unsigned width, struct hash ret[TILE_WIDTH], struct why *why)
{
    for (unsigned i = 0; i < width; i++) TRY(hash_at(context, level, n * TILE_WIDTH + i, &ret[i], why));
    return OK;
}

enum err catchup_tree_continues(struct catchup_tree *t, uint64_t size, const struct hash *root, struct why *why)
{
    struct tile_reader reader = {read_verified, t};
    struct merkle_proof proof;

    if (size == 0) return OK;
    TRY(merkle_prove_consistency(size, t->size, &reader, &proof, why));
    if (merkle_verify_consistency(size, t->size, root, &t->root, proof.at, proof.n)) return OK;
    return fail(why, ERR_CONFLICT, "the %llu leaves that are held are not the beginning of the %llu that were signed: the network is divided",
                (unsigned long long)size, (unsigned long long)t->size);
}

/* Leaf hashes of a bundle, which must hold exactly width leaves. */
static bool hash_leaves(struct str bundle, unsigned width, struct hash ret[TILE_WIDTH])
{
    struct str leaf;

    for (unsigned i = 0; i < width; i++) {
        if (!tile_next_leaf(&bundle, &leaf)) return false;
        ret[i] = hash_leaf(leaf);
    }
    return bundle.n == 0;
}

bool catchup_tree_has(const struct catchup_tree *t, unsigned width, const struct hash *root, struct str bundle)
{
    struct hash hashes[TILE_WIDTH], got;

    if (!hash_leaves(bundle, width, hashes)) return false;
    if (width < TILE_WIDTH) return memcmp(hashes, t->edge.at[0], width * sizeof *hashes) == 0;
    got = root_of(hashes);
    return hash_equal(&got, root);
}
