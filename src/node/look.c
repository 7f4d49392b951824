/* look.c - what one peer has signed, and what of its tree is not in the own one yet.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "node/look.h"

#include "base/mem.h"
#include "node/catchup_internal.h"
#include "node/exchange.h"

static struct http_client *client_of(const struct look_peer *peer)
{
    static const struct http_client_options plain;
    return http_client_new(peer->client ? peer->client : &plain);
}

enum err look_head(const struct look_peer *peer, uint32_t key, struct buf *ret, struct why *why)
{
    AUTO(buf_done) struct buf url = {0}, body = {0};
    struct exchange_query query = {true, key};
    struct http_client *client = client_of(peer);
    struct str note = {0};
    int status = 0;

    buf_add_str(&url, str_of(peer->url));
    exchange_add_target(&url, &query);
    struct http_call call = {.url = buf_z(&url), .headers = &peer->header, .n_headers = 1, .timeout_ms = EXCHANGE_TIMEOUT_MS,
                             .bytes_max = EXCHANGE_BODY_MAX};
    enum err err = http_client_call(client, &call, &status, &body, why);
    http_client_free(client);
    if (err == OK && status == 404) return fail(why, ERR_NOT_FOUND, "%s: the peer answered 404", call.url);
    if (err == OK && (status != 200 || body.n > 0)) err = exchange_read_head(status, buf_str(&body), &note, why);
    if (err != OK) return ERR_NET;
    buf_add_str(ret, note);
    return OK;
}

static enum err show_bundle(const struct catchup_options *o, struct http_client *client, struct catchup_tree *t, uint64_t n,
                            void (*show)(void *context, uint64_t index, struct str entry), void *context, struct why *why)
{
    struct tile tile = {.is_bundle = true, .n = n, .width = tile_width(t->size, 0, n)};
    AUTO(buf_done) struct buf bytes = {0};
    struct str rest, entry, outcome;
    enum catchup_fault fault;
    struct hash root = {{0}};

    if (tile.width == TILE_WIDTH) TRY(catchup_tree_bundle(t, n, &root, why));
    if (source_get(o, client, o->sources, &tile, &bytes, &fault, why) != OK) return ERR_NET;
    if (!catchup_tree_has(t, tile.width, &root, buf_str(&bytes)))
        return fail(why, ERR_NET, "bundle %llu (%zu bytes) is not that of the signed tree", (unsigned long long)n, bytes.n);
    rest = buf_str(&bytes);
    for (uint64_t i = n * TILE_WIDTH / 2; tile_next_leaf(&rest, &entry) && tile_next_leaf(&rest, &outcome); i++)
        if (i >= o->held_size / 2) show(context, i, entry);
    return OK;
}

enum err look_entries(const struct look_peer *peer, const struct look_range *range,
                      void (*show)(void *context, uint64_t index, struct str entry), void *context, struct why *why)
{
    AUTO(buf_done) struct buf log = {0};
    struct sources *sources = mem_zalloc(sizeof *sources);
    struct catchup_tree *t = mem_zalloc(sizeof *t);
    struct http_client *client = client_of(peer);

    buf_addf(&log, "%s/log", peer->url);
    struct catchup_source source = {.name = peer->name, .url = buf_z(&log), .headers = &peer->header, .n_headers = 1};
    struct catchup_options o = {.sources = &source, .n_sources = 1, .client = peer->client, .held_size = range->held};
    sources_init(sources, &o);
    t->sources = sources;
    t->client = client;
    enum err err = catchup_tree_open(t, range->size, range->root, why);
    if (err == OK) err = catchup_tree_continues(t, range->held, range->held_root, why);
    for (uint64_t n = range->held / TILE_WIDTH; err == OK && n * TILE_WIDTH < range->size; n++)
        err = show_bundle(&o, client, t, n, show, context, why);
    http_client_free(client);
    sources_done(sources);
    mem_free(t);
    mem_free(sources);
    return err;
}
