/* log.c - checkpoint, tiles and bundles by path.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "api/log.h"

#include "api/peer.h"
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

/* Decision E3: the operator is of the member; participants' tokens never open entries. */
static bool is_operator(struct call *c)
{
    struct auth *operators = c->api->options.operators;
    return operators && c->http->authorization.n &&
           auth_check(operators, c->http->authorization, c->now_us, call_arena(c), &c->caller, NULL) == OK &&
           (c->caller.scopes & (SCOPE_LINE_READ | SCOPE_LINE_OPERATE));
}

/* And so are other members' nodes (decision E3). */
static bool is_peer(struct call *c)
{
    uint8_t author[8];
    int64_t issued_us;

    return peer_check(c, true, author, &issued_us, NULL) == OK;
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
    bool is_secret = tile.is_bundle && !c->api->options.entries_public;
    if (is_secret && !is_operator(c) && !is_peer(c)) {
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
    c->cache_control = is_secret ? STR("private, max-age=31536000, immutable") : STR("public, max-age=31536000, immutable");
    call_answer(c, 200, &body);
}
