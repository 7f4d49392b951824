/* merkle.c - the RFC 6962 tree: growing it, its root, and proofs about it.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A node is named by its height k and its place j there: it covers leaves j * 2^k up to (j + 1) * 2^k. It is whole if the
 * tree has all of them, and whole nodes never change. Of each height at most one node is not whole, the last: its hash
 * folds the lower part of the right edge.
 */
#include "proof/merkle.h"

struct hash merkle_empty_root(void)
{
    return hash_of((struct str){NULL, 0});
}

/* Adds a whole subtree of 2^k leaves; size must be a multiple of 2^k. Afterwards edge[] has every subtree that this completed,
 * also those that were merged further at once. */
static void add_subtree(struct merkle *m, unsigned k, const struct hash *root)
{
    struct hash hash = *root;

    must(m->size <= MERKLE_SIZE_MAX - (UINT64_C(1) << k));
    m->size += UINT64_C(1) << k;
    for (;; k++) {
        struct hash left = m->edge[k];
        m->edge[k] = hash;
        if (m->size >> k & 1) return;
        hash = hash_node(&left, &hash);
    }
}

void merkle_add(struct merkle *m, const struct hash *leaf)
{
    add_subtree(m, 0, leaf);
}

/* Root of what lies right of the last whole node of height k: the bits of size below k, of which one must be set. */
static struct hash fold_below(const struct merkle *m, unsigned k)
{
    uint64_t bits = k < 64 ? m->size & ((UINT64_C(1) << k) - 1) : m->size;
    unsigned low = (unsigned)__builtin_ctzll(bits);
    struct hash hash = m->edge[low];

    for (bits &= bits - 1; bits != 0; bits &= bits - 1) {
        hash = hash_node(&m->edge[__builtin_ctzll(bits)], &hash);
    }
    return hash;
}

struct hash merkle_root(const struct merkle *m)
{
    return m->size == 0 ? merkle_empty_root() : fold_below(m, 64);
}

/* Tiles. */

void tiles_add(struct tiles *t, const struct hash *leaf,
               void (*full)(void *context, unsigned level, uint64_t n, const struct hash hashes[TILE_WIDTH]),
               void *context)
{
    const struct hash *hash = leaf;

    merkle_add(&t->edge, leaf);
    for (unsigned level = 0; level < TILE_LEVELS; level++) {
        uint64_t n = t->edge.size >> 8 * level; /* Hashes of this level, with the new one. */
        t->at[level][(n - 1) % TILE_WIDTH] = *hash;
        if (n % TILE_WIDTH != 0) return;
        if (full) full(context, level, n / TILE_WIDTH - 1, t->at[level]);
        hash = &t->edge.edge[8 * (level + 1)];
    }
}

/* The edge that the partial tiles make: their hashes are whole nodes of heights 8 * level, the largest first. */
static void edge_from_tiles(struct tiles *t, uint64_t size)
{
    t->edge = (struct merkle){0};
    for (unsigned level = TILE_LEVELS; level-- > 0;) {
        unsigned width = (unsigned)(size >> 8 * level) & (TILE_WIDTH - 1);
        for (unsigned i = 0; i < width; i++) add_subtree(&t->edge, 8 * level, &t->at[level][i]);
    }
    must(t->edge.size == size);
}

void tiles_save(const struct tiles *t, struct buf *to)
{
    for (int shift = 56; shift >= 0; shift -= 8) buf_add_char(to, (char)(t->edge.size >> shift));
    for (unsigned level = 0; level < TILE_LEVELS; level++) {
        buf_add(to, t->at[level], tiles_width(t, level) * sizeof(struct hash));
    }
}

enum err tiles_load(struct str bytes, struct tiles *ret, struct why *why)
{
    uint64_t size = 0;
    size_t need = 8;

    if (bytes.n < 8) return fail(why, ERR_CORRUPT, "right edge of a tree: %zu bytes", bytes.n);
    for (int i = 0; i < 8; i++) size = size << 8 | (uint8_t)bytes.at[i];
    if (size > MERKLE_SIZE_MAX) return fail(why, ERR_CORRUPT, "right edge of a tree: size too large");
    for (unsigned level = 0; level < TILE_LEVELS; level++) {
        need += (size >> 8 * level & (TILE_WIDTH - 1)) * sizeof(struct hash);
    }
    if (bytes.n != need) {
        return fail(why, ERR_CORRUPT, "right edge of a tree: %zu bytes, size needs %zu", bytes.n, need);
    }
    bytes = str_skip(bytes, 8);
    for (unsigned level = 0; level < TILE_LEVELS; level++) {
        size_t n = (size >> 8 * level & (TILE_WIDTH - 1)) * sizeof(struct hash);
        memcpy(ret->at[level], bytes.at, n);
        bytes = str_skip(bytes, n);
    }
    edge_from_tiles(ret, size);
    return OK;
}

enum err tiles_read(uint64_t size, const struct tile_reader *from, struct tiles *ret, struct why *why)
{
    must(size <= MERKLE_SIZE_MAX);
    for (unsigned level = 0; level < TILE_LEVELS; level++) {
        unsigned width = (unsigned)(size >> 8 * level) & (TILE_WIDTH - 1);
        if (width > 0) {
            TRY(from->read(from->context, level, size >> 8 * (level + 1), width, ret->at[level], why));
        }
    }
    edge_from_tiles(ret, size);
    return OK;
}

/* Proofs from tiles. */

/* A tree to be read, with the tile that was read last. */
struct source {
    const struct tile_reader *from;
    struct merkle edge;
    unsigned level;
    uint64_t n;
    unsigned width; /* 0: nothing read yet. */
    struct hash at[TILE_WIDTH];
};

static enum err source_load(struct source *s, unsigned level, uint64_t n, unsigned width, struct why *why)
{
    if (s->width >= width && s->level == level && s->n == n) return OK;
    s->width = 0;
    TRY(s->from->read(s->from->context, level, n, width, s->at, why));
    s->level = level;
    s->n = n;
    s->width = width;
    return OK;
}

/* Hashes of tile (level, n) that the tree of s has: 1..256 for a tile that is there. */
static unsigned source_width(const struct source *s, unsigned level, uint64_t n)
{
    uint64_t left = (s->edge.size >> 8 * level) - n * TILE_WIDTH;
    return left < TILE_WIDTH ? (unsigned)left : TILE_WIDTH;
}

static enum err source_init(struct source *s, uint64_t size, const struct tile_reader *from,
                            struct why *why)
{
    must(size <= MERKLE_SIZE_MAX);
    s->from = from;
    s->width = 0;
    s->edge = (struct merkle){0};
    for (unsigned level = TILE_LEVELS; level-- > 0;) {
        unsigned width = (unsigned)(size >> 8 * level) & (TILE_WIDTH - 1);
        if (width == 0) continue;
        TRY(source_load(s, level, size >> 8 * (level + 1), width, why));
        for (unsigned i = 0; i < width; i++) add_subtree(&s->edge, 8 * level, &s->at[i]);
    }
    return OK;
}

/* Hash of the whole node j of height k: folds 2^(k % 8) hashes of one tile. */
static enum err source_node(struct source *s, unsigned k, uint64_t j, struct hash *ret, struct why *why)
{
    unsigned level = k / 8;
    unsigned n = 1U << k % 8;
    uint64_t first = j << k % 8; /* Among the hashes of the level. */
    uint64_t tile = first / TILE_WIDTH;
    struct hash row[TILE_WIDTH / 2];

    TRY(source_load(s, level, tile, source_width(s, level, tile), why));
    memcpy(row, s->at + first % TILE_WIDTH, n * sizeof row[0]);
    for (; n > 1; n /= 2) {
        for (unsigned i = 0; i < n / 2; i++) row[i] = hash_node(&row[2 * i], &row[2 * i + 1]);
    }
    *ret = row[0];
    return OK;
}

/* Appends the siblings on the way from node j of height k to the root. */
static enum err prove_path(struct source *s, unsigned k, uint64_t j, struct merkle_proof *proof,
                           struct why *why)
{
    uint64_t size = s->edge.size;

    for (; (size - 1) >> k != 0; k++, j /= 2) {
        uint64_t sibling = j ^ 1;
        struct hash *to = &proof->at[proof->n];
        if (sibling > (size - 1) >> k) continue; /* The last node of its height goes up unchanged. */
        must(proof->n < MERKLE_PROOF_MAX);
        if (sibling < size >> k) {
            TRY(source_node(s, k, sibling, to, why));
        } else {
            *to = fold_below(&s->edge, k);
        }
        proof->n++;
    }
    return OK;
}

enum err merkle_prove_inclusion(uint64_t index, uint64_t size, const struct tile_reader *from,
                                struct merkle_proof *ret, struct why *why)
{
    struct source s;
    struct merkle_proof proof = {0};

    must(index < size);
    TRY(source_init(&s, size, from, why));
    TRY(prove_path(&s, 0, index, &proof, why));
    *ret = proof;
    return OK;
}

enum err merkle_prove_consistency(uint64_t old_size, uint64_t size, const struct tile_reader *from,
                                  struct merkle_proof *ret, struct why *why)
{
    struct source s;
    struct merkle_proof proof = {0};

    must(old_size <= size);
    if (old_size != 0 && old_size != size) {
        unsigned k = (unsigned)__builtin_ctzll(old_size); /* The old tree's last whole node. */
        uint64_t j = (old_size - 1) >> k;
        TRY(source_init(&s, size, from, why));
        if (j != 0) { /* Else it is the whole old tree, whose root the verifier has. */
            TRY(source_node(&s, k, j, &proof.at[0], why));
            proof.n = 1;
        }
        TRY(prove_path(&s, k, j, &proof, why));
    }
    *ret = proof;
    return OK;
}

enum err merkle_root_at(uint64_t size, const struct tile_reader *from, struct hash *ret, struct why *why)
{
    struct source s;

    TRY(source_init(&s, size, from, why));
    *ret = merkle_root(&s.edge);
    return OK;
}

/* Verification, by RFC 9162 2.1.3.2 and 2.1.4.2: at is the node's place at the height reached, last that of the last node. */

bool merkle_verify_inclusion(uint64_t index, uint64_t size, const struct hash *leaf,
                             const struct hash *proof, size_t n_proof, const struct hash *root)
{
    uint64_t at = index, last = size - 1;
    struct hash hash = *leaf;

    if (index >= size) return false;
    for (size_t i = 0; i < n_proof; i++) {
        if (last == 0) return false;
        if ((at & 1) || at == last) {
            hash = hash_node(&proof[i], &hash);
            while ((at & 1) == 0 && at != 0) {
                at >>= 1;
                last >>= 1;
            }
        } else {
            hash = hash_node(&hash, &proof[i]);
        }
        at >>= 1;
        last >>= 1;
    }
    return last == 0 && hash_equal(&hash, root);
}

bool merkle_verify_consistency(uint64_t old_size, uint64_t size, const struct hash *old_root,
                               const struct hash *root, const struct hash *proof, size_t n_proof)
{
    uint64_t at = old_size - 1, last = size - 1;
    struct hash old_hash, hash;

    if (old_size == 0 || old_size > size) return false;
    if (old_size == size) return n_proof == 0 && hash_equal(old_root, root);
    for (; at & 1; at >>= 1) last >>= 1;
    if (at == 0) { /* The old tree is one whole node. */
        old_hash = *old_root;
    } else {
        if (n_proof == 0) return false;
        old_hash = *proof++;
        n_proof--;
    }
    hash = old_hash;
    for (size_t i = 0; i < n_proof; i++) {
        if (last == 0) return false;
        if ((at & 1) || at == last) {
            old_hash = hash_node(&proof[i], &old_hash);
            hash = hash_node(&proof[i], &hash);
            while ((at & 1) == 0 && at != 0) {
                at >>= 1;
                last >>= 1;
            }
        } else {
            hash = hash_node(&hash, &proof[i]);
        }
        at >>= 1;
        last >>= 1;
    }
    return last == 0 && hash_equal(&old_hash, old_root) && hash_equal(&hash, root);
}
