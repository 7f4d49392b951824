/* actor_catchup.c - other nodes' logs, as a catch-up's client of HTTP finds them: late, away, broken off, lying.
 * SPDX-License-Identifier: Apache-2.0
 *
 *     catchup_run(), the real one --GET--> http_client_call() --link, time--> node_checkpoint(), node_tile(), node_bundle() of that node
 *     look_head()                                                             peers_on_head()
 *
 * The linker sends the client's calls here. Nodes' logs may lie, when calm has come that of one at most, with three members or more and
 * none of them hostile: a byte of a tile, a bundle or a signature is another one, a body is cut off, or far too long. What comes of it
 * is seen by J1 and J6: nobody has anything else than was signed, and everybody catches up.
 */
#include <stdio.h>

#include "actor.h"
#include "actor_catchup.h"
#include "actor_link.h"
#include "base/mem.h"
#include "cast.h"
#include "disk.h"
#include "hostile.h"
#include "http/client.h"
#include "node/catchup.h"
#include "node/exchange.h"
#include "node/peers.h"
#include "proof/tile.h"

enum err __real_catchup_run(const struct catchup_options *options, struct catchup_result *ret, struct why *why);
enum err __wrap_catchup_run(const struct catchup_options *options, struct catchup_result *ret, struct why *why);
struct http_client *__wrap_http_client_new(const struct http_client_options *options);
void __wrap_http_client_free(struct http_client *c);
enum err __wrap_http_client_call(struct http_client *c, const struct http_call *call, int *ret_status, struct buf *ret_body,
                                 struct why *why);

#define CLIENT ((struct http_client *)&sources) /* Nobody looks into it. */

struct sources_counts sources_counts;
static struct {
    bool lies[WORLD_NODES_MAX], is_calm;
} sources;

void sources_begin(void)
{
    bool any = world_chance(500);

    memset(&sources, 0, sizeof sources);
    for (size_t i = 0; any && i < cast.n_nodes; i++) sources.lies[i] = world_chance(500);
}

void sources_calm(void)
{
    uint64_t liar = world_below(cast.n_nodes);

    sources.is_calm = true;
    for (size_t i = 0; i < cast.n_nodes; i++) sources.lies[i] &= cast.n_members >= 3 && i == liar && !hostile_is((int)cast.n_nodes - 1);
}

struct http_client *__wrap_http_client_new(const struct http_client_options *options)
{
    (void)options;
    return CLIENT;
}

void __wrap_http_client_free(struct http_client *c)
{
    must(!c || c == CLIENT);
}

/* Of a note its last line, whose bytes are a signature's. */
static void lie(struct buf *body, bool is_note)
{
    uint64_t kind = world_below(10);

    if (body->n < 8) return;
    sources_counts.n_lies++;
    if (kind == 0) body->n /= 2;
    else if (kind == 1) memset(buf_reserve(body, 1 << 16), 'x', 1 << 16), body->n += 1 << 16;
    else body->at[is_note ? body->n - 4 : world_below(body->n)] ^= 1;
}

/* As that node's API answers. */
static int serve(struct node *n, struct str path, struct buf *ret)
{
    struct why why = {0};
    struct tile tile;
    struct exchange_query query;
    struct str rest = path, before = str_cut(&rest, '?');
    enum err err = ERR_NOT_FOUND;

    if (str_starts(path, STR("/log/"))) path = str_skip(path, 5);
    if (str_equal(before, STR(EXCHANGE_HEAD))) {
        err = exchange_read_query(rest, &query, &why);
        if (err == OK) err = peers_on_head(node_peers(n), &query, ret, &why);
    } else if (str_equal(path, STR("checkpoint"))) err = node_checkpoint(n, ret, &why);
    else if (!tile_parse(path, &tile)) err = ERR_NOT_FOUND;
    else if (tile.is_bundle) err = node_bundle(n, tile.n, tile.width, ret, &why);
    else err = node_tile(n, tile.level, tile.n, tile.width, ret, &why);
    if (err != OK) buf_clear(ret);
    return err == OK ? 200 : err_status(err);
}

enum err __wrap_http_client_call(struct http_client *c, const struct http_call *call, int *ret_status, struct buf *ret_body,
                                 struct why *why)
{
    struct str path = str_of(call->url);
    int from = world.node, to = link_node_of(call->url);
    bool is_away = to < 0 || link_is_cut(from, to) || link_is_cut(to, from);
    bool hangs = !sources.is_calm && world_chance(10); /* Nothing more comes. */

    must(c == CLIENT && from >= 0);
    path = str_skip(path, str_find(path, '.'));
    path = str_skip(path, str_find(path, '/'));
    (void)fiber_wait(world.now_us + (hangs ? call->timeout_ms / 10 * MS : world_between(1 * MS, sources.is_calm ? 10 * MS : 50 * MS)));
    if (is_away || hangs || world.stops[from] || disk_is_cut(from) || !actor_is_up(to)) return fail(why, ERR_NET, "no answer");
    sources_counts.n_calls++;
    world.node = to;
    *ret_status = serve(actor_node(to), path, ret_body);
    world.node = from;
    if (*ret_status == 200 && sources.lies[to] && world_chance(700)) lie(ret_body, !str_starts(path, STR("/log/tile/")));
    if (call->bytes_max && ret_body->n > call->bytes_max) return fail(why, ERR_TOO_LARGE, "more than %zu bytes", call->bytes_max);
    return OK;
}

enum err __wrap_catchup_run(const struct catchup_options *options, struct catchup_result *ret, struct why *why)
{
    enum err err = __real_catchup_run(options, ret, why);

    if (err == OK) sources_counts.n_taken_over += ret->n_entries;
    world_say("asks %zu logs, holds %llu leaves: %s %s", options->n_sources, (unsigned long long)options->held_size, err_name(err),
              err && why ? why->text : "");
    return err;
}
