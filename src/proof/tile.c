/* tile.c - where a log's tiles and entry bundles are found, and how bundles are made (c2sp.org/tlog-tiles).
 * SPDX-License-Identifier: Apache-2.0
 */
#include "proof/tile.h"

#define N_MAX ((UINT64_C(1) << 56) - 1)

/* "x001/x234/067": groups of three digits, all but the last behind an x, no group of leading zeros. Cuts it off *rest, with a
 * following ".p/" left there. */
static bool parse_n(struct str *rest, uint64_t *ret_n)
{
    uint64_t n = 0;

    for (bool is_first = true;; is_first = false) {
        bool is_last = !str_starts(*rest, STR("x"));
        uint64_t group = 0;
        if (!is_last) *rest = str_skip(*rest, 1);
        if (rest->n < 3) return false;
        for (int i = 0; i < 3; i++) {
            if (rest->at[i] < '0' || rest->at[i] > '9') return false;
            group = group * 10 + (uint64_t)(rest->at[i] - '0');
        }
        *rest = str_skip(*rest, 3);
        if (is_first && !is_last && group == 0) return false;
        n = n * 1000 + group;
        if (n > N_MAX) return false;
        if (is_last) break;
        if (!str_starts(*rest, STR("/"))) return false;
        *rest = str_skip(*rest, 1);
    }
    *ret_n = n;
    return true;
}

bool tile_parse(struct str path, struct tile *ret)
{
    struct tile tile = {.width = TILE_WIDTH};
    struct str level;
    uint64_t number;

    if (!str_starts(path, STR("tile/"))) return false;
    path = str_skip(path, 5);
    level = str_cut(&path, '/');
    tile.is_bundle = str_equal(level, STR("entries"));
    if (!tile.is_bundle) {
        if (!str_to_u64(level, 63, &number)) return false;
        tile.level = (unsigned)number;
    }
    if (!parse_n(&path, &tile.n)) return false;
    if (path.n > 0) {
        if (!str_starts(path, STR(".p/")) || !str_to_u64(str_skip(path, 3), TILE_WIDTH - 1, &number) || number == 0) {
            return false;
        }
        tile.width = (unsigned)number;
    }
    *ret = tile;
    return true;
}

void tile_add_path(struct buf *to, const struct tile *tile)
{
    uint64_t unit = 1;

    must(tile->level <= 63 && tile->n <= N_MAX && tile->width >= 1 && tile->width <= TILE_WIDTH);
    buf_add_str(to, STR("tile/"));
    if (tile->is_bundle) {
        buf_add_str(to, STR("entries"));
    } else {
        buf_add_u64(to, tile->level);
    }
    while (tile->n / unit >= 1000) unit *= 1000;
    for (; unit > 1; unit /= 1000) buf_addf(to, "/x%03u", (unsigned)(tile->n / unit % 1000));
    buf_addf(to, "/%03u", (unsigned)(tile->n % 1000));
    if (tile->width < TILE_WIDTH) buf_addf(to, ".p/%u", tile->width);
}

unsigned tile_width(uint64_t size, unsigned level, uint64_t n)
{
    uint64_t hashes = level < 8 ? size >> 8 * level : 0; /* Of this level. */

    if (n > hashes / TILE_WIDTH) return 0;
    return n < hashes / TILE_WIDTH ? TILE_WIDTH : (unsigned)(hashes % TILE_WIDTH);
}

void tile_add_leaf(struct buf *bundle, struct str leaf)
{
    must(leaf.n <= TILE_LEAF_MAX);
    buf_add_char(bundle, (char)(leaf.n >> 8));
    buf_add_char(bundle, (char)leaf.n);
    buf_add_str(bundle, leaf);
}

bool tile_next_leaf(struct str *rest, struct str *ret_leaf)
{
    size_t n;

    if (rest->n < 2) return false;
    n = (size_t)(uint8_t)rest->at[0] << 8 | (uint8_t)rest->at[1];
    if (rest->n - 2 < n) return false;
    *ret_leaf = str_make(rest->at + 2, n);
    *rest = str_skip(*rest, 2 + n);
    return true;
}
