/* log.c - checkpoint, tiles and bundles by path.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "api/log.h"

#include "base/limits.h"

#define TILE_WIDTH 256

struct tile_name {
    bool is_bundle; /* Else a hash tile at level. */
    unsigned level;
    uint64_t index;
    unsigned width; /* 1..256 */
};

/* "x001/x234/067": groups of three digits, all but the last with an x, no surplus leading group. */
static bool parse_index(struct str *rest, uint64_t *ret)
{
    uint64_t index = 0;
    for (int n = 0; n < 6; n++) {
        bool has_more = rest->n > 0 && rest->at[0] == 'x';
        struct str group = str_first(str_skip(*rest, has_more), 3);
        uint64_t value = 0;
        if (group.n < 3) return false;
        for (size_t i = 0; i < 3; i++) {
            if (group.at[i] < '0' || group.at[i] > '9') return false;
            value = value * 10 + (uint64_t)(group.at[i] - '0');
        }
        if (n == 0 && has_more && value == 0) return false;
        index = index * 1000 + value;
        *rest = str_skip(*rest, 3 + has_more);
        if (!has_more) {
            *ret = index;
            return true;
        }
        if (rest->n == 0 || rest->at[0] != '/') return false;
        *rest = str_skip(*rest, 1);
    }
    return false;
}

static bool parse_name(struct str path, struct tile_name *ret)
{
    struct tile_name name = {.width = TILE_WIDTH};
    struct str rest = path;
    struct str level = str_cut(&rest, '/');
    uint64_t value;
    if (str_equal(level, STR("entries"))) {
        name.is_bundle = true;
    } else if (str_to_u64(level, 63, &value)) {
        name.level = (unsigned)value;
    } else {
        return false;
    }
    if (!parse_index(&rest, &name.index)) return false;
    if (rest.n > 0) {
        if (!str_starts(rest, STR(".p/"))) return false;
        if (!str_to_u64(str_skip(rest, 3), TILE_WIDTH - 1, &value) || value == 0) return false;
        name.width = (unsigned)value;
    }
    *ret = name;
    return true;
}

void log_on_checkpoint(struct call *c)
{
    struct buf body = {0};
    struct why why = {0};
    enum err err = node_checkpoint(c->api->options.node, &body, &why);
    if (err) {
        buf_done(&body);
        call_refuse(c, err, &why);
        return;
    }
    c->content_type = STR("text/plain; charset=utf-8");
    c->cache_control = STR("no-cache");
    call_answer(c, 200, &body);
}

void log_on_vkey(struct call *c)
{
    struct buf body = {0};
    node_vkey(c->api->options.node, &body);
    c->content_type = STR("text/plain; charset=utf-8");
    call_answer(c, 200, &body);
}

void log_on_tile(struct call *c)
{
    struct node *node = c->api->options.node;
    struct buf body = {0};
    struct why why = {0};
    struct tile_name name;

    if (!parse_name(c->args[0], &name)) {
        call_refuse_status(c, 404, STR("no tile has this name (tlog-tiles)"));
        return;
    }
    if (name.is_bundle && !c->api->options.entries_public) {
        call_refuse_status(c, 403,
                           STR("entries hold OVNs: in this network only members read bundles; "
                               "checkpoint and hash tiles are public"));
        return;
    }
    enum err err =
        name.is_bundle ? node_bundle(node, name.index, name.width, &body, &why)
                       : node_tile(node, name.level, name.index, name.width, &body, &why);
    if (err) {
        buf_done(&body);
        call_refuse(c, err, &why);
        return;
    }
    c->content_type = STR("application/octet-stream");
    c->cache_control = STR("public, max-age=31536000, immutable");
    call_answer(c, 200, &body);
}
