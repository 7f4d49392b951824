/* tree.c - the right edge in memory, full tiles on their way to the store.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "node/tree.h"

#include <pthread.h>

#include "base/vec.h"
#include "proof/merkle.h"

/* A full tile that the store has queued but perhaps not committed. */
struct queued_tile {
    unsigned level;
    uint64_t index;
    char hashes[TILE_WIDTH * 32];
};

VEC_DEFINE(queued_vec, struct queued_tile *);

struct tree {
    struct store *store;
    pthread_mutex_t lock; /* Of what readers copy: tiles and queued. */
    struct tiles tiles;
    struct queued_vec queued;
};

struct tree *tree_new(struct store *store)
{
    struct tree *t = mem_zalloc(sizeof *t);
    t->store = store;
    must(pthread_mutex_init(&t->lock, NULL) == 0);
    return t;
}

static void drop_queued(struct tree *t)
{
    for (size_t i = 0; i < t->queued.n; i++) mem_free(t->queued.at[i]);
    queued_vec_clear(&t->queued);
}

void tree_free(struct tree *t)
{
    if (!t) return;
    drop_queued(t);
    queued_vec_done(&t->queued);
    (void)pthread_mutex_destroy(&t->lock);
    mem_free(t);
}

static void tile_is_full(void *context, unsigned level, uint64_t index,
                         const struct hash hashes[TILE_WIDTH])
{
    struct tree *t = context;
    struct queued_tile *q = mem_alloc(sizeof *q);
    q->level = level;
    q->index = index;
    memcpy(q->hashes, hashes, sizeof q->hashes);
    queued_vec_add(&t->queued, q);
    store_put_tile(t->store, level, index, str_make(hashes, sizeof q->hashes));
}

void tree_add(struct tree *t, const struct hash *leaf)
{
    must(pthread_mutex_lock(&t->lock) == 0);
    tiles_add(&t->tiles, leaf, tile_is_full, t);
    must(pthread_mutex_unlock(&t->lock) == 0);
}

uint64_t tree_size(const struct tree *t)
{
    return tiles_size(&t->tiles);
}

struct hash tree_root(const struct tree *t)
{
    return tiles_root(&t->tiles);
}

void tree_committed(struct tree *t)
{
    if (t->queued.n == 0) return;
    must(pthread_mutex_lock(&t->lock) == 0);
    drop_queued(t);
    must(pthread_mutex_unlock(&t->lock) == 0);
}

void tree_write(const struct tree *t, struct buf *to)
{
    tiles_save(&t->tiles, to);
}

enum err tree_read(struct tree *t, struct str bytes, struct why *why)
{
    return tiles_load(bytes, &t->tiles, why);
}

/* Looks in memory; false if the tile is neither at the edge nor queued. */
static bool copy_from_memory(struct tree *t, unsigned level, uint64_t index, unsigned width,
                             struct buf *ret)
{
    bool is_edge = level < TILE_LEVELS && index == tiles_size(&t->tiles) >> 8 * level >> 8;
    if (is_edge && width <= tiles_width(&t->tiles, level)) {
        buf_add(ret, t->tiles.at[level], width * sizeof(struct hash));
        return true;
    }
    for (size_t i = 0; i < t->queued.n; i++) {
        const struct queued_tile *q = t->queued.at[i];
        if (q->level == level && q->index == index) {
            buf_add(ret, q->hashes, width * sizeof(struct hash));
            return true;
        }
    }
    return false;
}

/* What the hashes of a full tile come to: their hash one level up. */
static struct hash tile_root(const char *hashes)
{
    struct hash h[TILE_WIDTH];
    memcpy(h, hashes, sizeof h);
    for (size_t n = TILE_WIDTH; n > 1; n /= 2) {
        for (size_t i = 0; i < n / 2; i++) h[i] = hash_node(&h[2 * i], &h[2 * i + 1]);
    }
    return h[0];
}

/* A full tile of the store must be what its parent says, and that one, too, up to the edge in memory, whose root the node
 * signed: at most a read and 255 hashes a level. */
static enum err stored_tile(struct tree *t, unsigned level, uint64_t index, struct buf *ret, struct why *why)
{
    AUTO(buf_done) struct buf parent = {0};
    size_t before = ret->n;
    unsigned at = (unsigned)(index % TILE_WIDTH);

    TRY(store_get_tile(t->store, level, index, ret, why));
    if (ret->n - before == TILE_WIDTH * sizeof(struct hash)) {
        struct hash is = tile_root(ret->at + before);
        enum err e = tree_tile(t, level + 1, index / TILE_WIDTH, at + 1, &parent, why);
        if (e == OK && memcmp(is.b, parent.at + at * sizeof is, sizeof is) == 0) return OK;
    }
    ret->n = before;
    return fail(why, ERR_CORRUPT, "tile %u/%llu: the stored hashes are not those of the log", level,
                (unsigned long long)index);
}

enum err tree_tile(struct tree *t, unsigned level, uint64_t index, unsigned width,
                   struct buf *ret, struct why *why)
{
    must(width >= 1 && width <= TILE_WIDTH);
    must(pthread_mutex_lock(&t->lock) == 0);
    bool is_found = copy_from_memory(t, level, index, width, ret);
    must(pthread_mutex_unlock(&t->lock) == 0);
    if (is_found) return OK;

    size_t before = ret->n;
    TRY(stored_tile(t, level, index, ret, why));
    ret->n = before + width * sizeof(struct hash);
    return OK;
}

static enum err read_hashes(void *context, unsigned level, uint64_t n, unsigned width, struct hash ret[TILE_WIDTH], struct why *why)
{
    AUTO(buf_done) struct buf bytes = {0};

    TRY(tree_tile(context, level, n, width, &bytes, why));
    must(bytes.n == width * sizeof *ret);
    memcpy(ret, bytes.at, bytes.n);
    return OK;
}

enum err tree_root_at(struct tree *t, uint64_t size, struct hash *ret, struct why *why)
{
    struct tile_reader from = {read_hashes, t};
    return merkle_root_at(size, &from, ret, why);
}
