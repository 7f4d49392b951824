/* write_log.c - writes a whole signed log as files, for programs that others wrote to check.
 * SPDX-License-Identifier: Apache-2.0
 *
 *     write_log DIR N
 *
 * N entries and their outcomes (2 N leaves) in the layout of docs/formats.md: DIR/checkpoint, DIR/tile/..., and besides
 *     key.log, key.cosigner     verifier keys
 *     author                    32 bytes: the entries' Ed25519 key
 *     checkpoint.old            a smaller tree's, with the proof in consistency
 *     receipt.<index>           tlog-proof texts of some entries
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "gen_change.h"
#include "proof/receipt.h"
#include "proof/tile.h"
#include "state/outcome.h"

static const struct str ORIGIN = {"line.example/foreign", 20};
static const struct str COSIGNER = {"mirror.example/one", 18};

static struct key_secret log_key, cosigner, author;
static struct tiles *tiles;

struct full {
    unsigned level;
    uint64_t n;
    struct hash hashes[TILE_WIDTH];
};
VEC_DEFINE(full_vec, struct full *);
static struct full_vec fulls;

static void write_file(const char *folder, struct str name, struct str bytes)
{
    char path[1024];
    FILE *file;

    (void)snprintf(path, sizeof path, "%s/%.*s", folder, STR_ARG(name));
    for (char *slash = strchr(path + strlen(folder) + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        (void)mkdir(path, 0777);
        *slash = '/';
    }
    file = fopen(path, "wb");
    must(file && fwrite(bytes.at, 1, bytes.n, file) == bytes.n && fclose(file) == 0);
}

static void write_tile(const char *folder, bool is_bundle, unsigned level, uint64_t n, unsigned width, struct str bytes)
{
    struct tile tile = {is_bundle, level, n, width};
    AUTO(buf_done) struct buf path = {0};

    tile_add_path(&path, &tile);
    write_file(folder, buf_str(&path), bytes);
}

static void keep_full(void *context, unsigned level, uint64_t n, const struct hash hashes[TILE_WIDTH])
{
    struct full *full = mem_zalloc(sizeof *full);

    full->level = level;
    full->n = n;
    memcpy(full->hashes, hashes, sizeof full->hashes);
    full_vec_add(&fulls, full);
    write_tile(context, false, level, n, TILE_WIDTH, str_make(hashes, sizeof full->hashes));
}

static enum err read_tile(void *context, unsigned level, uint64_t n, unsigned width, struct hash ret[TILE_WIDTH],
                          struct why *why)
{
    (void)context;
    for (size_t i = 0; i < fulls.n; i++) {
        if (fulls.at[i]->level != level || fulls.at[i]->n != n) continue;
        memcpy(ret, fulls.at[i]->hashes, width * sizeof *ret);
        return OK;
    }
    if (width > tiles_width(tiles, level)) return fail(why, ERR_NOT_FOUND, "no such tile");
    memcpy(ret, tiles->at[level], width * sizeof *ret);
    return OK;
}

static const struct tile_reader READER = {read_tile, NULL};

static void make_checkpoint(struct buf *to, uint64_t size)
{
    struct checkpoint c = {.origin = ORIGIN, .size = size};
    AUTO(buf_done) struct buf text = {0};

    must(merkle_root_at(size, &READER, &c.root, NULL) == OK);
    checkpoint_add(&text, &c);
    checkpoint_sign(to, &c, &log_key);
    note_cosign(to, buf_str(&text), COSIGNER, &cosigner, 1700000000);
}

static void write_key(const char *folder, const char *name, struct str key_name, enum note_kind kind,
                      const struct key_secret *secret)
{
    struct note_key key = note_key_make(key_name, kind, &secret->public);
    AUTO(buf_done) struct buf text = {0};

    note_key_add(&text, &key);
    write_file(folder, str_of(name), buf_str(&text));
}

static void add_leaf(const char *folder, struct buf *bundle, struct str leaf)
{
    struct hash hash = hash_leaf(leaf);
    uint64_t size;

    tiles_add(tiles, &hash, keep_full, (void *)(uintptr_t)folder);
    tile_add_leaf(bundle, leaf);
    size = tiles_size(tiles);
    if (size % TILE_WIDTH == 0) {
        write_tile(folder, true, 0, size / TILE_WIDTH - 1, TILE_WIDTH, buf_str(bundle));
        buf_clear(bundle);
    }
}

/* Entries with all kinds of change, each followed by the outcome of its having been accepted or not. */
static void write_leaves(const char *folder, unsigned n)
{
    AUTO(arena_done) struct arena arena = {0};
    AUTO(buf_done) struct buf bundle = {0};
    struct rng rng = {20261122};
    struct hash previous = {{0}}, guard;

    for (unsigned i = 0; i < n; i++) {
        AUTO(buf_done) struct buf leaf = {0};
        struct entry e = gen_entry(&rng, &arena, &author.public, 3);
        struct outcome *outcomes = arena_array(&arena, e.n_changes, sizeof *outcomes);
        e.previous = previous;
        e.slot = i;
        entry_encode(&e, ORIGIN, &author, &leaf);
        previous = hash_of(buf_str(&leaf));
        add_leaf(folder, &bundle, buf_str(&leaf));
        for (size_t k = 0; k < e.n_changes; k++) {
            outcomes[k].reason = k % 2 ? REASON_VERSION : REASON_ACCEPTED;
            outcomes[k].version = (int32_t)i;
            outcomes[k].token_digest = rng_next(&rng);
        }
        guard = outcome_guard(buf_str(&leaf));
        buf_clear(&leaf);
        outcome_encode(&guard, outcomes, e.n_changes, &leaf);
        add_leaf(folder, &bundle, buf_str(&leaf));
        arena_clear(&arena);
    }
    if (bundle.n > 0) {
        write_tile(folder, true, 0, tiles_size(tiles) / TILE_WIDTH, tiles_width(tiles, 0), buf_str(&bundle));
    }
    for (unsigned level = 0; level < TILE_LEVELS; level++) {
        unsigned width = tiles_width(tiles, level);
        if (width > 0) {
            write_tile(folder, false, level, tiles_size(tiles) >> 8 * (level + 1), width,
                       str_make(tiles->at[level], width * sizeof(struct hash)));
        }
    }
}

static void write_proofs(const char *folder, uint64_t size, struct str note)
{
    AUTO(buf_done) struct buf old = {0}, lines = {0};
    struct receipt lines_of = {.note = {NULL, 0}};
    uint64_t old_size = (size / 3) & ~UINT64_C(1);

    make_checkpoint(&old, old_size);
    write_file(folder, STR("checkpoint.old"), buf_str(&old));
    must(merkle_prove_consistency(old_size, size, &READER, &lines_of.proof, NULL) == OK);
    receipt_add(&lines, &lines_of);
    write_file(folder, STR("consistency"), buf_str(&lines)); /* Title and index line, then the hashes. */
    for (uint64_t i = 0; i < size; i += i < size / 2 ? 34 : 58) {
        AUTO(buf_done) struct buf text = {0};
        struct receipt r = {.index = i, .note = note};
        char name[64];
        must(merkle_prove_inclusion(i, size, &READER, &r.proof, NULL) == OK);
        receipt_add(&text, &r);
        (void)snprintf(name, sizeof name, "receipt.%llu", (unsigned long long)i);
        write_file(folder, str_of(name), buf_str(&text));
    }
}

static void make_key(struct key_secret *key, const char *label)
{
    struct hash seed = hash_of(str_of(label));
    key_secret_init(key, seed.b);
}

int main(int argc, char **argv)
{
    AUTO(buf_done) struct buf note = {0};
    unsigned long n = argc == 3 ? strtoul(argv[2], NULL, 10) : 0;

    if (n < 3 || n > 1000000) {
        (void)fprintf(stderr, "usage: write_log DIR N\n");
        return 2;
    }
    make_key(&log_key, "deconfliction-line-test:log");
    make_key(&cosigner, "deconfliction-line-test:cosigner");
    make_key(&author, "deconfliction-line-test:author");
    tiles = mem_zalloc(sizeof *tiles);
    write_leaves(argv[1], (unsigned)n);
    make_checkpoint(&note, 2 * n);
    write_file(argv[1], STR("checkpoint"), buf_str(&note));
    write_key(argv[1], "key.log", ORIGIN, NOTE_ED25519, &log_key);
    write_key(argv[1], "key.cosigner", COSIGNER, NOTE_COSIGNATURE, &cosigner);
    write_file(argv[1], STR("author"), str_make(author.public.b, sizeof author.public.b));
    write_proofs(argv[1], 2 * n, buf_str(&note));

    for (size_t i = 0; i < fulls.n; i++) mem_free(fulls.at[i]);
    full_vec_done(&fulls);
    mem_free(tiles);
    key_secret_done(&log_key);
    key_secret_done(&cosigner);
    key_secret_done(&author);
    return 0;
}
