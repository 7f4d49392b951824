/* test_tile.c - paths of tiles, their widths, bundles of leaves.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "proof/tile.h"

#include "t.h"

static void paths_are_written_and_read_alike(void)
{
    static const struct {
        const char *path;
        struct tile tile;
    } CASES[] = {
        {"tile/0/x001/x234/067", {false, 0, 1234067, 256}},
        {"tile/0/x001/x234/067.p/8", {false, 0, 1234067, 8}},
        {"tile/entries/000", {true, 0, 0, 256}},
        {"tile/entries/x273/112.p/255", {true, 0, 273112, 255}},
        {"tile/63/999.p/1", {false, 63, 999, 1}},
        {"tile/1/x001/000", {false, 1, 1000, 256}},
        {"tile/2/x072/x057/x594/x037/x927/935", {false, 2, (UINT64_C(1) << 56) - 1, 256}},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        AUTO(buf_done) struct buf path = {0};
        struct tile tile;
        tile_add_path(&path, &CASES[i].tile);
        CHECK_STR(buf_str(&path), str_of(CASES[i].path));
        CHECK(tile_parse(str_of(CASES[i].path), &tile));
        CHECK(tile.is_bundle == CASES[i].tile.is_bundle && tile.level == CASES[i].tile.level);
        CHECK(tile.n == CASES[i].tile.n && tile.width == CASES[i].tile.width);
    }
}

static void other_paths_are_refused(void)
{
    static const char *const BAD[] = {
        "", "tile", "tile/", "tile/0", "tile/0/", "tile/0/00", "tile/0/0000", "tile/0/x000/001", "tile/0/x001", "tile/0/x001/",
        "tile/0/001/002", "tile/0/x01/002", "tile/00/001", "tile/64/001", "tile/-1/001", "tile/8/0/001", "tile/0/001.p",
        "tile/0/001.p/", "tile/0/001.p/0", "tile/0/001.p/256", "tile/0/001.p/08", "tile/0/001.p/8/", "tile/0/001/", "/tile/0/001",
        "tile/entry/001", "tile/0/x072/x057/x594/x037/x927/936", "tile/0/x999/x999/x999/x999/x999/x999/x999/x999/999", "tile/0/00a",
        "tile/0/001.q/1", "tile/0/ 01",
    };
    struct tile tile = {.n = 5};
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
        if (!CHECK(!tile_parse(str_of(BAD[i]), &tile))) printf("# %s\n", BAD[i]);
    }
    CHECK_INT(tile.n, 5);
}

static void widths_follow_the_size(void) /* The example of tlog-tiles: 70,000 leaves. */
{
    CHECK_INT(tile_width(70000, 0, 0), 256);
    CHECK_INT(tile_width(70000, 0, 272), 256);
    CHECK_INT(tile_width(70000, 0, 273), 112);
    CHECK_INT(tile_width(70000, 0, 274), 0);
    CHECK_INT(tile_width(70000, 1, 0), 256);
    CHECK_INT(tile_width(70000, 1, 1), 17);
    CHECK_INT(tile_width(70000, 2, 0), 1);
    CHECK_INT(tile_width(70000, 3, 0), 0);
    CHECK_INT(tile_width(256, 0, 0), 256);
    CHECK_INT(tile_width(256, 0, 1), 0);
    CHECK_INT(tile_width(256, 1, 0), 1);
    CHECK_INT(tile_width(0, 0, 0), 0);
    CHECK_INT(tile_width(UINT64_MAX, 8, 0), 0);
    CHECK_INT(tile_width(UINT64_MAX, 63, UINT64_MAX), 0);
}

static void leaves_come_out_of_a_bundle_as_they_went_in(void)
{
    static char large[TILE_LEAF_MAX];
    AUTO(buf_done) struct buf bundle = {0};
    struct str rest, leaf;

    memset(large, 'L', sizeof large);
    tile_add_leaf(&bundle, STR("one"));
    tile_add_leaf(&bundle, STR(""));
    tile_add_leaf(&bundle, str_make(large, sizeof large));
    CHECK_INT(bundle.n, 6 + 3 + TILE_LEAF_MAX);
    CHECK(memcmp(bundle.at, "\0\3one\0\0\xff\xff", 9) == 0);
    rest = buf_str(&bundle);
    CHECK(tile_next_leaf(&rest, &leaf));
    CHECK_STR(leaf, STR("one"));
    CHECK(tile_next_leaf(&rest, &leaf) && leaf.n == 0);
    struct str cut = str_first(rest, rest.n - 1), before = cut;
    CHECK(!tile_next_leaf(&cut, &leaf) && cut.at == before.at && cut.n == before.n);
    CHECK(tile_next_leaf(&rest, &leaf) && leaf.n == TILE_LEAF_MAX && rest.n == 0);
    CHECK(!tile_next_leaf(&rest, &leaf));
    cut = STR("\0");
    CHECK(!tile_next_leaf(&cut, &leaf));
}

int main(void)
{
    RUN(paths_are_written_and_read_alike);
    RUN(other_paths_are_refused);
    RUN(widths_follow_the_size);
    RUN(leaves_come_out_of_a_bundle_as_they_went_in);
    return t_done();
}
