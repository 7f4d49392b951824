/* catchup_source.c - asking sources, and which of them to ask.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>
#include <time.h>

#include "base/limits.h"
#include "node/catchup_internal.h"

#define FAILURES_MAX 3        /* In a row and a connection: then a source is given up for this run. */
#define PENALTY_US INT64_C(1000000)
#define MEAN_US_MAX (PENALTY_US << 20)
#define OUTCOME_BYTES_MAX 4096 /* 17 bytes of guard and LIMIT_ENTRY_CHANGES elements of at most 42. */
#define BUNDLE_BYTES_MAX (TILE_WIDTH / 2 * (2 + LIMIT_ENTRY_BYTES + 2 + OUTCOME_BYTES_MAX))
_Static_assert(32 + 42 * LIMIT_ENTRY_CHANGES <= OUTCOME_BYTES_MAX, "an outcome may be longer");

const char *catchup_fault_text(enum catchup_fault fault)
{
    switch (fault) {
    case CATCHUP_FAILED: return "failed";
    case CATCHUP_BEHIND: return "behind";
    case CATCHUP_SLOW: return "slow";
    case CATCHUP_LIED: return "lied";
    case CATCHUP_DIVIDED: return "divided";
    }
    return "unknown";
}

int64_t catchup_now_us(void)
{
    struct timespec now;
    must(clock_gettime(CLOCK_MONOTONIC, &now) == 0);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

void sources_init(struct sources *s, const struct catchup_options *options)
{
    must(options->n_sources <= CATCHUP_SOURCES_MAX);
    s->options = options;
    s->n = options->n_sources;
    must(pthread_mutex_init(&s->lock, NULL) == 0);
    for (size_t i = 0; i < s->n; i++) s->at[i] = (struct source){.is = &options->sources[i]};
    (void)fail(&s->last, ERR_NET, "there is no source");
}

void sources_done(struct sources *s)
{
    must(pthread_mutex_destroy(&s->lock) == 0);
}

void sources_take(struct sources *s, int source)
{
    s->at[source].n_busy++;
}

int sources_choose(struct sources *s, uint64_t avoid)
{
    int64_t least = INT64_MAX;
    int best = -1;

    for (size_t i = 0; i < s->n; i++) {
        const struct source *a = &s->at[i];
        int64_t wait = (int64_t)(a->n_busy + 1) * (a->mean_us + 1);
        if (a->is_out || avoid >> i & 1 || wait >= least) continue;
        least = wait;
        best = (int)i;
    }
    if (best >= 0) sources_take(s, best);
    return best;
}

bool sources_has(struct sources *s, uint64_t avoid)
{
    int source = sources_choose(s, avoid);
    if (source >= 0) s->at[source].n_busy--;
    return source >= 0;
}

void sources_report(struct sources *s, const char *name, enum catchup_fault fault, const struct why *why)
{
    s->last = *why;
    if (s->options->report) s->options->report(s->options->context, name, fault, why);
}

void sources_served(struct sources *s, int source, int64_t took_us)
{
    struct source *a = &s->at[source];

    a->n_busy--;
    if (took_us <= 0) return;
    a->n_failures = 0;
    a->mean_us = a->mean_us ? (7 * a->mean_us + took_us) / 8 : took_us;
}

/* Others first, for longer each time. Past any sense all of them are brought down together: were each held at some ceiling, the one
 * that is held lowest would be asked for ever, though it never answered. */
static void penalise(struct sources *s, struct source *a)
{
    a->mean_us = 2 * a->mean_us + PENALTY_US;
    if (a->mean_us < MEAN_US_MAX) return;
    for (size_t i = 0; i < s->n; i++) s->at[i].mean_us /= 2;
}

void sources_failed(struct sources *s, int source, enum catchup_fault fault, const struct why *why)
{
    struct source *a = &s->at[source];
    unsigned connections = s->options->n_connections ? s->options->n_connections : 1;

    a->n_busy--;
    if (fault == CATCHUP_LIED) a->is_out = true;
    if (fault == CATCHUP_FAILED && ++a->n_failures >= FAILURES_MAX * connections) a->is_out = true;
    if (fault == CATCHUP_FAILED || fault == CATCHUP_SLOW) penalise(s, a);
    sources_report(s, a->is->name, fault, why);
}

static enum err get(const struct catchup_options *o, struct http_client *client, const struct catchup_source *from, struct str path,
                    size_t bytes_max, struct buf *ret, enum catchup_fault *ret_fault, struct why *why)
{
    AUTO(buf_done) struct buf url = {0};
    struct buf body = {0};
    int status = 0;
    enum err err;

    buf_addf(&url, "%s/%.*s", from->url, STR_ARG(path));
    struct http_call call = {.url = buf_z(&url), .headers = from->headers, .n_headers = from->n_headers,
                             .timeout_ms = o->timeout_ms ? o->timeout_ms : 10000, .bytes_max = bytes_max};
    err = http_client_call(client, &call, &status, &body, why);
    *ret_fault = err == ERR_TOO_LARGE ? CATCHUP_LIED : CATCHUP_FAILED;
    if (err == OK && status != 200) {
        err = fail(why, status == 404 ? ERR_NOT_FOUND : ERR_NET, "%s: status %d", call.url, status);
        if (status == 404) *ret_fault = CATCHUP_BEHIND;
    }
    if (err != OK) {
        buf_done(&body);
        return err == ERR_NOT_FOUND ? err : ERR_NET;
    }
    buf_done(ret);
    *ret = body;
    return OK;
}

/* The bytes of the first width of a full tile's hashes or leaves. */
static void cut(const struct tile *tile, struct buf *bytes)
{
    struct str rest = buf_str(bytes), leaf;

    if (!tile->is_bundle) {
        if (bytes->n == TILE_WIDTH * sizeof(struct hash)) bytes->n = tile->width * sizeof(struct hash);
        return;
    }
    for (unsigned i = 0; i < tile->width; i++)
        if (!tile_next_leaf(&rest, &leaf)) return;
    bytes->n -= rest.n;
}

enum err source_get(const struct catchup_options *o, struct http_client *client, const struct catchup_source *from,
                    const struct tile *tile, struct buf *ret, enum catchup_fault *ret_fault, struct why *why)
{
    size_t bytes_max = tile->is_bundle ? BUNDLE_BYTES_MAX : TILE_WIDTH * sizeof(struct hash);
    AUTO(buf_done) struct buf path = {0};
    struct tile full = *tile;
    enum err err;

    tile_add_path(&path, tile);
    err = get(o, client, from, buf_str(&path), bytes_max, ret, ret_fault, why);
    if (err != ERR_NOT_FOUND || tile->width == TILE_WIDTH) return err;
    full.width = TILE_WIDTH; /* The log has grown past it, and partial tiles may be dropped then. */
    buf_clear(&path);
    tile_add_path(&path, &full);
    err = get(o, client, from, buf_str(&path), bytes_max, ret, ret_fault, why);
    if (err == OK) cut(tile, ret);
    return err;
}

enum err source_get_checkpoint(const struct catchup_options *o, struct http_client *client, const struct catchup_source *from,
                               struct buf *ret, struct why *why)
{
    enum catchup_fault fault;
    return get(o, client, from, STR("checkpoint"), NOTE_BYTES_MAX, ret, &fault, why);
}
