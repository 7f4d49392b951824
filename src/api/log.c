/* log.c - checkpoint, tiles and bundles by path.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "api/log.h"

#include "proof/tile.h"

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
    struct tile tile;

    if (!tile_parse(str_skip(c->http->path, sizeof "/log/" - 1), &tile)) {
        call_refuse_status(c, 404, STR("no tile has this name (tlog-tiles)"));
        return;
    }
    if (tile.is_bundle && !c->api->options.entries_public) {
        call_refuse_status(c, 403,
                           STR("entries hold OVNs: in this network only members read bundles; "
                               "checkpoint and hash tiles are public"));
        return;
    }
    enum err err = tile.is_bundle ? node_bundle(node, tile.n, tile.width, &body, &why)
                                  : node_tile(node, tile.level, tile.n, tile.width, &body, &why);
    if (err) {
        buf_done(&body);
        call_refuse(c, err, &why);
        return;
    }
    c->content_type = STR("application/octet-stream");
    c->cache_control = STR("public, max-age=31536000, immutable");
    call_answer(c, 200, &body);
}
