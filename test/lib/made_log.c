/* made_log.c - a log made up in memory, with the tiles, bundles and notes of every size that it ever had; and a server of it.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "made_log.h"

#include <stdio.h>

void made_log_done(struct made_log *log)
{
    buf_done(&log->bytes);
    u64_vec_done(&log->ends);
    for (unsigned l = 0; l < TILE_LEVELS; l++) hash_vec_done(&log->levels[l]);
}

static struct hash root_of(const struct hash *hashes)
{
    struct merkle m = {0};
    for (unsigned i = 0; i < TILE_WIDTH; i++) merkle_add(&m, &hashes[i]);
    return merkle_root(&m);
}

void made_log_add(struct made_log *log, struct str leaf)
{
    buf_add_str(&log->bytes, leaf);
    u64_vec_add(&log->ends, log->bytes.n);
    hash_vec_add(&log->levels[0], hash_leaf(leaf));
    for (unsigned l = 0; l + 1 < TILE_LEVELS && log->levels[l].n % TILE_WIDTH == 0; l++)
        hash_vec_add(&log->levels[l + 1], root_of(log->levels[l].at + log->levels[l].n - TILE_WIDTH));
}

void made_log_fill(struct made_log *log, struct rng *rng, size_t n, size_t entry_size, size_t outcome_size)
{
    size_t sizes[2] = {entry_size, outcome_size};
    uint64_t bytes[512];

    must(entry_size <= sizeof bytes && outcome_size <= sizeof bytes);
    for (size_t i = 0; i < 2 * n; i++) {
        size_t size = sizes[i % 2];
        for (size_t k = 0; k < (size + 7) / 8; k++) bytes[k] = rng_next(rng);
        if (size > 8) bytes[0] = i;
        made_log_add(log, str_make(bytes, size));
    }
}

uint64_t made_log_size(const struct made_log *log)
{
    return log->ends.n;
}

struct str made_log_leaf(const struct made_log *log, uint64_t i)
{
    uint64_t begin = i ? log->ends.at[i - 1] : 0;
    return str_make(log->bytes.at + begin, log->ends.at[i] - begin);
}

static enum err read_tile(void *context, unsigned level, uint64_t n, unsigned width, struct hash ret[TILE_WIDTH], struct why *why)
{
    const struct made_log *log = context;
    if (n * TILE_WIDTH + width > log->levels[level].n) return fail(why, ERR_NOT_FOUND, "no such tile");
    memcpy(ret, log->levels[level].at + n * TILE_WIDTH, width * sizeof *ret);
    return OK;
}

struct tile_reader made_log_reader(const struct made_log *log)
{
    return (struct tile_reader){read_tile, (void *)(uintptr_t)log};
}

struct hash made_log_root(const struct made_log *log, uint64_t size)
{
    struct tile_reader reader = made_log_reader(log);
    struct hash root;
    must(merkle_root_at(size, &reader, &root, NULL) == OK);
    return root;
}

static void add_bundle(struct made_server *s, const struct tile *t, struct buf *to)
{
    AUTO(buf_done) struct buf leaf = {0};

    for (uint64_t i = t->n * TILE_WIDTH; i < t->n * TILE_WIDTH + t->width; i++) {
        if (!s->read) {
            tile_add_leaf(to, made_log_leaf(s->log, i));
            continue;
        }
        buf_clear(&leaf);
        must(s->read(s->context, i, &leaf) == OK);
        tile_add_leaf(to, buf_str(&leaf));
    }
}

static void spoil_bundle(struct made_server *s, struct tile t, struct buf *body)
{
    switch (s->fault) {
    case MADE_FLIPS: body->at[body->n / 2] ^= 4; break;
    case MADE_SHORT:
        buf_clear(body);
        t.width--;
        if (t.width) add_bundle(s, &t, body);
        break;
    case MADE_CUT: body->n--; break;
    case MADE_LONG: tile_add_leaf(body, STR("one more")); break;
    case MADE_EMPTY: buf_clear(body); break;
    case MADE_HUGE:
        memset(buf_reserve(body, 6000000), 0, 6000000);
        body->n += 6000000;
        break;
    case MADE_SWAPPED:
        buf_clear(body);
        t.n = t.n ? t.n - 1 : t.n + 1;
        add_bundle(s, &t, body);
        break;
    default: break;
    }
}

static bool hang(struct made_server *s, struct http_request *r)
{
    bool hangs;
    must(pthread_mutex_lock(&s->lock) == 0);
    hangs = s->n_hung < sizeof s->hung / sizeof *s->hung;
    if (hangs) s->hung[s->n_hung++] = r;
    must(pthread_mutex_unlock(&s->lock) == 0);
    return hangs;
}

static void answer_bundle(struct made_server *s, struct http_request *r, struct tile t, struct http_response *response)
{
    bool is_fault = t.n >= s->from && (s->every == 0 || (t.n - s->from) % s->every == 0);

    (void)atomic_fetch_add(&s->n_bundles, 1);
    if (is_fault && s->fault == MADE_HANGS && hang(s, r)) return;
    if (is_fault && s->fault == MADE_ERROR) {
        response->status = 500;
    } else {
        add_bundle(s, &t, &response->body);
        if (is_fault) spoil_bundle(s, t, &response->body);
    }
    http_respond(r, response);
}

static void add_tile(struct made_server *s, struct tile t, struct buf *to)
{
    buf_add(to, s->log->levels[t.level].at + t.n * TILE_WIDTH, t.width * sizeof(struct hash));
    if (s->fault == MADE_TILE && t.width == TILE_WIDTH) to->at[17] ^= 1;
    if (s->fault == MADE_EDGE && t.width < TILE_WIDTH) to->at[to->n - 1] ^= 1;
    if (s->fault == MADE_TILE_SHORT) to->n--;
}

static void handle(struct http_request *r, void *context)
{
    struct made_server *s = context;
    struct http_response response = {.status = 200};
    uint64_t size = atomic_load(&s->size);
    struct tile t;

    (void)atomic_fetch_add(&s->n_requests, 1);
    if (str_equal(r->path, STR("/log/checkpoint")) && s->note.n) {
        buf_add_str(&response.body, s->note);
        http_respond(r, &response);
        return;
    }
    if (!str_starts(r->path, STR("/log/")) || !tile_parse(str_skip(r->path, 5), &t) || t.level >= TILE_LEVELS ||
        t.width > tile_width(size, t.level, t.n) ||
        (s->drops_partial && t.width < TILE_WIDTH && tile_width(size, t.level, t.n) == TILE_WIDTH)) {
        response.status = 404;
        http_respond(r, &response);
        return;
    }
    response.content_type = STR("application/octet-stream");
    if (t.is_bundle) {
        answer_bundle(s, r, t, &response);
        return;
    }
    add_tile(s, t, &response.body);
    http_respond(r, &response);
}

void made_server_start(struct made_server *s, unsigned n_threads)
{
    struct http_options options = {.address = STR("127.0.0.1:0"), .n_threads = n_threads, .handler = handle, .context = s};
    struct why why = {0};

    must(pthread_mutex_init(&s->lock, NULL) == 0);
    if (http_server_start(&options, &s->server, &why) != OK) {
        printf("# %s\n", why.text);
        must(s->server != NULL);
    }
    (void)snprintf(s->url, sizeof s->url, "http://127.0.0.1:%u/log", http_server_port(s->server));
}

void made_server_stop(struct made_server *s)
{
    if (!s->server) return;
    must(pthread_mutex_lock(&s->lock) == 0);
    for (size_t i = 0; i < s->n_hung; i++) {
        struct http_response response = {.status = 503};
        http_respond(s->hung[i], &response);
    }
    s->n_hung = 0;
    must(pthread_mutex_unlock(&s->lock) == 0);
    http_server_stop(s->server, 1000);
    s->server = NULL;
    must(pthread_mutex_destroy(&s->lock) == 0);
}
