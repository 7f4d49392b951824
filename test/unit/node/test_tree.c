/* test_tree.c - tests of the node's tree: tiles from memory, the queue and the store, and what a damaged store gives.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "node/tree.h"

#include "base/buf.h"
#include "proof/merkle.h"
#include "t.h"

static struct store *store;
static struct tree *tree;

static void start(void)
{
    must(store_open(NULL, &store, NULL) == OK);
    tree = tree_new(store);
}

static void stop(void)
{
    tree_free(tree);
    store_close(store);
}

static struct hash leaf(uint64_t i)
{
    return hash_of(str_make(&i, sizeof i));
}

static void grow(uint64_t n)
{
    while (tree_size(tree) < n) {
        struct hash h = leaf(tree_size(tree));
        tree_add(tree, &h);
    }
}

static void commit(void)
{
    must(store_flush(store, NULL) == OK);
    tree_committed(tree);
}

static enum err read_tile(void *context, unsigned level, uint64_t n, unsigned width, struct hash ret[TILE_WIDTH], struct why *why)
{
    AUTO(buf_done) struct buf bytes = {0};
    TRY(tree_tile(context, level, n, width, &bytes, why));
    must(bytes.n == width * sizeof *ret);
    memcpy(ret, bytes.at, bytes.n);
    return OK;
}

/* Level-0 tiles hold the leaves, and every tile of every level together gives the root. */
static void check_tiles(void)
{
    struct tile_reader reader = {read_tile, tree};
    uint64_t size = tree_size(tree);
    struct hash root = {{0}}, tile[TILE_WIDTH], want = tree_root(tree);
    struct why why = {{0}};

    CHECK_INT(merkle_root_at(size, &reader, &root, &why), OK);
    CHECK(hash_equal(&root, &want));
    for (uint64_t n = 0; n <= size / 256; n++) {
        unsigned width = n < size / 256 ? 256 : (unsigned)(size % 256);
        if (!width) break;
        if (!CHECK_INT(read_tile(tree, 0, n, width, tile, &why), OK)) return;
        for (unsigned i = 0; i < width; i++) {
            struct hash h = leaf(256 * n + i);
            if (!CHECK(hash_equal(&h, &tile[i]))) return;
        }
        if (width > 1) CHECK_INT(read_tile(tree, 0, n, width - 1, tile, &why), OK);
        if (width < 256) CHECK(read_tile(tree, 0, n, width + 1, tile, &why) == ERR_NOT_FOUND);
    }
}

static void tiles_are_there_before_and_after_they_are_committed(void)
{
    static const uint64_t sizes[] = {1, 2, 255, 256, 257, 511, 512, 65535, 65536, 65537, 66000, 131072 + 300};
    start();
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        grow(sizes[i]);
        check_tiles();
        if (i % 2) commit();
        check_tiles();
    }
    stop();
}

static void the_edge_goes_through_bytes(void)
{
    AUTO(buf_done) struct buf edge = {0};
    struct tree *again;
    struct hash root;
    start();
    grow(65536 + 700);
    commit();
    tree_write(tree, &edge);
    root = tree_root(tree);
    again = tree_new(store);
    CHECK_INT(tree_read(again, buf_str(&edge), NULL), OK);
    tree_free(tree);
    tree = again;
    struct hash now = tree_root(tree);
    CHECK(hash_equal(&now, &root));
    grow(65536 * 2 + 10);
    check_tiles();
    CHECK_INT(tree_read(again, STR("nonsense"), NULL), ERR_CORRUPT);
    stop();
}

/* Any bit of any stored tile: neither it nor a tile below it is served, the others are. */
static void a_damaged_tile_is_not_served(void)
{
    struct rng rng = t_rng();
    struct hash tile[TILE_WIDTH];
    struct why why = {{0}};

    start();
    grow(65536 * 2 + 700); /* Level 0: 514 full tiles; level 1: two. */
    commit();
    for (int step = t_steps(200); step > 0; step--) {
        AUTO(buf_done) struct buf good = {0}, bad = {0};
        unsigned level = (unsigned)rng_below(&rng, 2);
        uint64_t n = rng_below(&rng, level ? 2 : 514);
        must(store_get_tile(store, level, n, &good, NULL) == OK);
        buf_add_str(&bad, buf_str(&good));
        if (rng_below(&rng, 8) == 0) bad.n = rng_below(&rng, bad.n);
        else bad.at[rng_below(&rng, bad.n)] ^= (char)(1 << rng_below(&rng, 8));
        store_put_tile(store, level, n, buf_str(&bad));
        must(store_flush(store, NULL) == OK);
        CHECK_INT(read_tile(tree, level, n, 1 + (unsigned)rng_below(&rng, 256), tile, &why), ERR_CORRUPT);
        CHECK(strstr(why.text, "not those of the log") != NULL);
        if (level) CHECK_INT(read_tile(tree, 0, 256 * n + rng_below(&rng, 256), 256, tile, &why), ERR_CORRUPT);
        CHECK_INT(read_tile(tree, 0, level ? 513 : (n + 1) % 514, 256, tile, &why), OK);
        store_put_tile(store, level, n, buf_str(&good));
        must(store_flush(store, NULL) == OK);
        if (!CHECK_INT(read_tile(tree, level, n, 256, tile, &why), OK)) break;
    }
    stop();
}

int main(void)
{
    RUN(tiles_are_there_before_and_after_they_are_committed);
    RUN(the_edge_goes_through_bytes);
    RUN(a_damaged_tile_is_not_served);
    return t_done();
}
