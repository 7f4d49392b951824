/* test_merkle.c - trees against RFC 6962's recursive words, tiles, and proofs made and broken.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "proof/merkle.h"

#include <dirent.h>
#include <stdlib.h>

#include "base/b64.h"
#include "base/hex.h"
#include "base/mem.h"
#include "t.h"

#define N 600 /* Leaves of the test tree: two levels of tiles. */

static struct hash leaves[N];

/* RFC 6962 2.1, as it is written there. */
static struct hash slow_root(const struct hash *at, size_t n)
{
    size_t k = 1;
    struct hash left, right;

    if (n == 0) return hash_of((struct str){NULL, 0});
    if (n == 1) return at[0];
    while (2 * k < n) k *= 2;
    left = slow_root(at, k);
    right = slow_root(at + k, n - k);
    return hash_node(&left, &right);
}

static void make_leaves(void)
{
    for (unsigned i = 0; i < N; i++) leaves[i] = hash_leaf(str_make(&i, sizeof i));
}

/* A reader over leaves[]: what a store with every tile would give. */
static enum err read_slowly(void *context, unsigned level, uint64_t n, unsigned width,
                            struct hash ret[TILE_WIDTH], struct why *why)
{
    size_t unit = (size_t)1 << 8 * level;
    int *n_reads = context;

    if (n_reads) (*n_reads)++;
    for (unsigned i = 0; i < width; i++) {
        size_t first = (size_t)(n * TILE_WIDTH + i) * unit;
        if (first + unit > N) return fail(why, ERR_NOT_FOUND, "tile %u/%d", level, (int)n);
        ret[i] = slow_root(leaves + first, unit);
    }
    return OK;
}

static const struct tile_reader SLOW = {read_slowly, NULL};

static void the_roots_are_the_published_ones(void) /* RFC 6962 reference test data. */
{
    static const struct {
        const char *leaf, *root;
    } PUBLISHED[] = {
        {"", "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"},
        {"00", "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"},
        {"10", "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77"},
        {"2021", "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"},
        {"3031", "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4"},
        {"40414243", "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef"},
        {"5051525354555657", "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c"},
        {"606162636465666768696a6b6c6d6e6f", "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"},
    };
    struct merkle m = {0};
    struct hash root = merkle_root(&m), want;

    CHECK(hex_decode(STR("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"), 32, want.b));
    CHECK(hash_equal(&root, &want));
    for (size_t i = 0; i < sizeof PUBLISHED / sizeof PUBLISHED[0]; i++) {
        uint8_t bytes[16];
        size_t n = strlen(PUBLISHED[i].leaf) / 2;
        struct hash leaf;
        CHECK(hex_decode(str_of(PUBLISHED[i].leaf), n, bytes));
        leaf = hash_leaf(str_make(bytes, n));
        merkle_add(&m, &leaf);
        root = merkle_root(&m);
        CHECK(hex_decode(str_of(PUBLISHED[i].root), 32, want.b));
        CHECK(hash_equal(&root, &want));
    }
}

struct seen {
    struct hash tiles[3][TILE_WIDTH];
    int n_level0, n_level1;
    bool is_right;
};

static void take_tile(void *context, unsigned level, uint64_t n, const struct hash hashes[TILE_WIDTH])
{
    struct seen *seen = context;

    if (level != 0) {
        seen->n_level1++;
        return;
    }
    if (n != (uint64_t)seen->n_level0 || memcmp(hashes, leaves + n * TILE_WIDTH, 8192) != 0) {
        seen->is_right = false;
    }
    seen->n_level0++;
}

static void a_growing_tree_has_the_recursive_root_at_each_size(void)
{
    struct tiles *t = mem_zalloc(sizeof *t);
    struct merkle m = {0};
    struct seen seen = {.is_right = true};

    for (size_t n = 0; n <= N; n++) {
        struct hash want = slow_root(leaves, n), a = merkle_root(&m), b = tiles_root(t), c;
        bool same = CHECK(hash_equal(&want, &a)) && CHECK(hash_equal(&want, &b)) &&
                    CHECK(merkle_root_at(n, &SLOW, &c, NULL) == OK) && CHECK(hash_equal(&want, &c));
        if (!same) break;
        CHECK_INT(tiles_width(t, 0), n % 256);
        CHECK_INT(tiles_width(t, 1), n / 256);
        if (n == N) break;
        merkle_add(&m, &leaves[n]);
        tiles_add(t, &leaves[n], take_tile, &seen);
    }
    CHECK_INT(seen.n_level0, N / 256);
    CHECK_INT(seen.n_level1, 0);
    CHECK(seen.is_right);
    mem_free(t);
}

struct full {
    uint64_t n[3];
    struct hash last[3];
};

static void count_full(void *context, unsigned level, uint64_t n, const struct hash hashes[TILE_WIDTH])
{
    struct full *full = context;
    CHECK(n == full->n[level]);
    full->n[level]++;
    full->last[level] = slow_root(hashes, TILE_WIDTH);
}

static void tiles_fill_level_by_level(void)
{
    struct tiles *t = mem_zalloc(sizeof *t);
    struct merkle m = {0};
    struct full full = {0};
    struct hash root, other;

    for (unsigned i = 0; i < 65536 + 300; i++) {
        struct hash leaf = leaves[i % N];
        tiles_add(t, &leaf, count_full, &full);
        merkle_add(&m, &leaf);
        if (i == 65535) {
            root = merkle_root(&m);
            CHECK(hash_equal(&root, &full.last[1]));
            CHECK(hash_equal(&root, &t->at[2][0]));
        }
    }
    CHECK_INT(full.n[0], 257);
    CHECK_INT(full.n[1], 1);
    CHECK_INT(tiles_width(t, 0), 44);
    CHECK_INT(tiles_width(t, 1), 1);
    CHECK_INT(tiles_width(t, 2), 1);
    root = tiles_root(t);
    other = merkle_root(&m);
    CHECK(hash_equal(&root, &other));
    mem_free(t);
}

static void a_right_edge_goes_on_after_being_stored(void)
{
    struct tiles *t = mem_zalloc(sizeof *t), *back = mem_zalloc(sizeof *back), *read = mem_zalloc(sizeof *read);
    AUTO(buf_done) struct buf bytes = {0};

    for (size_t n = 0; n <= N; n++) {
        struct hash a = tiles_root(t), b;
        buf_clear(&bytes);
        tiles_save(t, &bytes);
        if (!CHECK(tiles_load(buf_str(&bytes), back, NULL) == OK)) break;
        b = tiles_root(back);
        if (!CHECK(hash_equal(&a, &b))) break;
        if (!CHECK(tiles_read(n, &SLOW, read, NULL) == OK)) break;
        b = tiles_root(read);
        if (!CHECK(hash_equal(&a, &b))) break;
        if (n == N) break;
        if (n % 3 == 0) *t = *back; /* The loaded one goes on. */
        if (n % 3 == 1) *t = *read;
        tiles_add(t, &leaves[n], NULL, NULL);
    }
    CHECK(bytes.n == 8 + 32 * (N % 256 + N / 256));
    for (size_t n = 0; n < bytes.n; n++) {
        if (!CHECK(tiles_load(str_first(buf_str(&bytes), n), back, NULL) == ERR_CORRUPT)) break;
    }
    bytes.at[0] = 1; /* 2^56 and more leaves. */
    CHECK(tiles_load(buf_str(&bytes), back, NULL) == ERR_CORRUPT);
    mem_free(t);
    mem_free(back);
    mem_free(read);
}

static void every_inclusion_proof_up_to_256_verifies(void)
{
    int n_proofs = 0;

    for (uint64_t size = 1; size <= 256; size++) {
        struct hash root = slow_root(leaves, size);
        for (uint64_t i = 0; i < size; i++) {
            struct merkle_proof p;
            bool good = CHECK(merkle_prove_inclusion(i, size, &SLOW, &p, NULL) == OK) &&
                        CHECK(merkle_verify_inclusion(i, size, &leaves[i], p.at, p.n, &root)) &&
                        CHECK(!merkle_verify_inclusion(i, size, &leaves[(i + 1) % N], p.at, p.n, &root));
            if (!good) return;
            n_proofs++;
        }
    }
    CHECK_INT(n_proofs, 32896);
}

static void every_consistency_proof_up_to_256_verifies(void)
{
    static struct hash roots[257];
    int n_proofs = 0;

    for (uint64_t size = 0; size <= 256; size++) {
        roots[size] = slow_root(leaves, size);
        for (uint64_t old = 1; old <= size; old++) {
            struct merkle_proof p;
            bool good =
                CHECK(merkle_prove_consistency(old, size, &SLOW, &p, NULL) == OK) &&
                CHECK(merkle_verify_consistency(old, size, &roots[old], &roots[size], p.at, p.n)) &&
                CHECK(old == size || !merkle_verify_consistency(old, size, &roots[size], &roots[old], p.at, p.n));
            if (!good) return;
            n_proofs++;
        }
    }
    CHECK_INT(n_proofs, 32896);
}

static void nothing_is_proved_about_an_empty_tree(void)
{
    struct merkle_proof p;
    struct hash empty = merkle_empty_root();

    CHECK(merkle_prove_consistency(0, 5, &SLOW, &p, NULL) == OK && p.n == 0);
    CHECK(!merkle_verify_consistency(0, 5, &empty, &leaves[0], p.at, 0));
    CHECK(!merkle_verify_consistency(0, 0, &empty, &empty, p.at, 0));
    CHECK(!merkle_verify_inclusion(0, 0, &leaves[0], p.at, 0, &leaves[0]));
}

static void proofs_across_tiles_verify(void)
{
    struct rng rng = t_rng();

    for (int step = 0; step < t_steps(300); step++) {
        uint64_t size = 257 + rng_below(&rng, N - 256), i = rng_below(&rng, size), old = 1 + rng_below(&rng, size);
        struct hash root = slow_root(leaves, size), old_root = slow_root(leaves, old);
        struct merkle_proof p;
        int n_reads = 0;
        struct tile_reader counted = {read_slowly, &n_reads};
        bool good = CHECK(merkle_prove_inclusion(i, size, &counted, &p, NULL) == OK) &&
                    CHECK(merkle_verify_inclusion(i, size, &leaves[i], p.at, p.n, &root)) && CHECK(n_reads <= 4) &&
                    CHECK(merkle_prove_consistency(old, size, &SLOW, &p, NULL) == OK) &&
                    CHECK(merkle_verify_consistency(old, size, &old_root, &root, p.at, p.n));
        if (!good) break;
    }
}

static void every_flipped_bit_of_a_proof_is_seen(void)
{
    for (uint64_t size = 1; size <= 16; size++) {
        struct hash root = slow_root(leaves, size);
        for (uint64_t i = 0; i < size; i++) {
            struct merkle_proof p;
            if (!CHECK(merkle_prove_inclusion(i, size, &SLOW, &p, NULL) == OK)) return;
            for (unsigned bit = 0; bit < p.n * 256; bit++) {
                p.at[bit / 256].b[bit / 8 % 32] ^= (uint8_t)(1 << bit % 8);
                if (!CHECK(!merkle_verify_inclusion(i, size, &leaves[i], p.at, p.n, &root))) return;
                p.at[bit / 256].b[bit / 8 % 32] ^= (uint8_t)(1 << bit % 8);
            }
            CHECK(p.n == 0 || !merkle_verify_inclusion(i, size, &leaves[i], p.at, p.n - 1, &root));
            CHECK(!merkle_verify_inclusion(i, size, &leaves[i], p.at, p.n + 1, &root));
        }
        for (uint64_t old = 1; old < size; old++) {
            struct hash old_root = slow_root(leaves, old);
            struct merkle_proof p;
            if (!CHECK(merkle_prove_consistency(old, size, &SLOW, &p, NULL) == OK)) return;
            for (unsigned bit = 0; bit < p.n * 256; bit++) {
                p.at[bit / 256].b[bit / 8 % 32] ^= (uint8_t)(1 << bit % 8);
                if (!CHECK(!merkle_verify_consistency(old, size, &old_root, &root, p.at, p.n))) return;
                p.at[bit / 256].b[bit / 8 % 32] ^= (uint8_t)(1 << bit % 8);
            }
            CHECK(!merkle_verify_consistency(old, size, &old_root, &root, p.at, p.n - 1));
            CHECK(!merkle_verify_consistency(old, size, &old_root, &root, p.at, p.n + 1));
        }
    }
}

static void a_reader_that_fails_fails_the_proof(void)
{
    struct merkle_proof p = {.n = 77};
    struct why why;

    CHECK(merkle_prove_inclusion(0, N + 256, &SLOW, &p, &why) == ERR_NOT_FOUND);
    CHECK_INT(p.n, 77);
}

/* Foreign vectors: one JSON object a file, as transparency-dev/merkle has them. */

static bool json_number(struct str text, const char *name, uint64_t *ret)
{
    char pattern[32];
    int n = snprintf(pattern, sizeof pattern, "\"%s\": ", name);
    const char *found = memmem(text.at, text.n, pattern, (size_t)n);
    if (!found) return false;
    *ret = strtoull(found + n, NULL, 10);
    return true;
}

/* Appends the hashes behind name: one text, or an array of texts, or null. Roots that are no hashes, but words, are hashed, which
 * keeps equal ones equal. False if one is not base64, or of an array not 32 bytes. */
static bool json_hashes(struct str text, const char *name, struct buf *ret)
{
    char pattern[32];
    int n = snprintf(pattern, sizeof pattern, "\"%s\": ", name);
    const char *at = memmem(text.at, text.n, pattern, (size_t)n);
    bool is_array;

    if (!at) return false;
    at += n;
    if (strncmp(at, "null", 4) == 0) return true;
    is_array = *at == '[';
    if (is_array) at++;
    for (;;) {
        const char *end;
        size_t before = ret->n;
        at += strspn(at, " \r\n,");
        if (*at != '"') return *at == ']';
        end = strchr(++at, '"');
        if (!b64_decode(B64_STANDARD, str_make(at, (size_t)(end - at)), ret)) return false;
        if (ret->n != before + 32) {
            struct hash hash = hash_of(str_make(ret->at + before, ret->n - before));
            if (is_array || ret->n == before) return false;
            ret->n = before;
            buf_add(ret, hash.b, sizeof hash.b);
        }
        at = end + 1;
        if (!is_array) return true;
    }
}

static int n_files, n_wrong, n_accepted;

static bool judge_file(struct str text, bool is_inclusion)
{
    AUTO(buf_done) struct buf root1 = {0}, root2 = {0}, proof = {0};
    uint64_t a = 0, b = 0;
    bool want = memmem(text.at, text.n, "\"wantErr\": false", 16) != NULL;
    bool got = json_number(text, is_inclusion ? "leafIdx" : "size1", &a) &&
               json_number(text, is_inclusion ? "treeSize" : "size2", &b) &&
               json_hashes(text, is_inclusion ? "leafHash" : "root1", &root1) &&
               json_hashes(text, is_inclusion ? "root" : "root2", &root2) && json_hashes(text, "proof", &proof) &&
               root1.n == 32 && root2.n == 32;

    if (got) {
        const struct hash *one = (const void *)root1.at, *two = (const void *)root2.at, *path = (const void *)proof.at;
        got = is_inclusion ? merkle_verify_inclusion(a, b, one, path, proof.n / 32, two)
                           : merkle_verify_consistency(a, b, one, two, path, proof.n / 32);
    }
    n_files++;
    n_accepted += got;
    n_wrong += got != want;
    return got == want;
}

static void judge_folder(const char *path, bool is_inclusion)
{
    DIR *folder = opendir(path);
    struct dirent *file;

    while (folder && (file = readdir(folder)) != NULL) {
        char inner[1024];
        struct str text;
        if (file->d_name[0] == '.') continue;
        (void)snprintf(inner, sizeof inner, "%s/%s", path, file->d_name);
        if (file->d_type == DT_DIR) {
            judge_folder(inner, is_inclusion);
            continue;
        }
        text = t_read_file(inner);
        if (!judge_file(text, is_inclusion)) printf("# %s\n", inner);
        free((char *)text.at);
    }
    if (folder) (void)closedir(folder);
}

static void the_196_foreign_proofs_are_judged_as_they_say(void)
{
    char path[512];

    (void)snprintf(path, sizeof path, "%s/data/crypto/merkle/inclusion", t_shared());
    judge_folder(path, true);
    (void)snprintf(path, sizeof path, "%s/data/crypto/merkle/consistency", t_shared());
    judge_folder(path, false);
    CHECK_INT(n_files, 196);
    CHECK_INT(n_wrong, 0);
    CHECK_INT(n_accepted, 12);
}

int main(void)
{
    make_leaves();
    RUN(the_roots_are_the_published_ones);
    RUN(a_growing_tree_has_the_recursive_root_at_each_size);
    RUN(tiles_fill_level_by_level);
    RUN(a_right_edge_goes_on_after_being_stored);
    RUN(every_inclusion_proof_up_to_256_verifies);
    RUN(every_consistency_proof_up_to_256_verifies);
    RUN(nothing_is_proved_about_an_empty_tree);
    RUN(proofs_across_tiles_verify);
    RUN(every_flipped_bit_of_a_proof_is_seen);
    RUN(a_reader_that_fails_fails_the_proof);
    if (t_shared()) {
        RUN(the_196_foreign_proofs_are_judged_as_they_say);
    } else {
        t_skip("the_196_foreign_proofs_are_judged_as_they_say", "no shared data");
    }
    return t_done();
}
