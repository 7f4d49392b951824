/* catchup.c - the connections that fetch bundles, and the caller's thread that appends them in order.
 * SPDX-License-Identifier: Apache-2.0
 *
 *     next                      opened                  end          bundles
 *      | ready | open | ready | open |   not yet opened  |
 *      '-- a ring of N_SLOTS --------'
 *
 * The caller's thread opens slots (it knows each bundle's hash), and takes ready ones off the front, a slice at a time. Connections take
 * open slots, the first one first, and make them ready. One that has nothing else to do asks another source for a bundle that is
 * late; whoever verifies it first wins, and the other is called off. When all of them are held up, the caller's thread calls off that
 * of the first bundle that is not ready, provided that there is another source to ask; each time it waits twice as long before, so
 * that the slowest source, too, gets its bundle through in the end. Answers that come well in time make it less patient again.
 */
#include "node/catchup.h"

#include <time.h>

#include "base/mem.h"
#include "node/catchup_internal.h"

#define N_SLOTS 24
#define SLICE_BUNDLES 8
#define SLICE_BYTES (4 * 1024 * 1024)
#define READY_BYTES_MAX (16 * 1024 * 1024)
#define PATIENCE_SHIFT_MAX 20
#define LOOK_MS 100 /* How often the caller's stop is looked at. */
#define LEAVES_MAX (SLICE_BUNDLES * TILE_WIDTH / 2)

struct slot {
    uint64_t n; /* Bundle. */
    unsigned width;
    struct hash expected; /* Of a full one. */
    bool is_ready;
    unsigned n_fetching;
    uint64_t fetching;  /* Sources that are being asked for it. */
    uint64_t behind;    /* Sources that do not have it. */
    int64_t since_us;   /* First asked. */
    struct buf bytes;   /* Once ready: verified. */
};

struct connection {
    struct run *run;
    pthread_t thread;
    atomic_bool stop; /* Given to its client: the run ends, or another one has the bundle. */
    bool is_busy, is_called_off;
    uint64_t n; /* Bundle that it fetches. */
    int source; /* From there. */
};

struct run {
    struct catchup_options o;
    struct http_client_options client;
    struct sources sources;
    struct catchup_tree *tree;
    struct catchup_result result;

    /* Under sources.lock. */
    pthread_cond_t work, done;
    struct slot slots[N_SLOTS];
    uint64_t next, opened, end;
    size_t ready_bytes;
    unsigned patience_shift; /* The patience is this often doubled. */
    bool is_over;
    enum err err; /* Why the connections cannot go on. */
    struct why why;
    struct connection connections[CATCHUP_CONNECTIONS_MAX];
};

static struct slot *slot_of(struct run *r, uint64_t bundle)
{
    return &r->slots[bundle % N_SLOTS];
}

/* How long a bundle may take before another source is asked for it. Under lock. */
static int64_t patience_us(const struct run *r)
{
    return (int64_t)r->o.patience_ms * 1000 << r->patience_shift;
}

/* ---- Connections. ---- */

struct job {
    uint64_t n;
    unsigned width;
    struct hash expected;
    int source;
};

static bool start_job(struct connection *c, struct slot *slot, int source, struct job *ret)
{
    if (source < 0) return false;
    if (slot->n_fetching++ == 0) slot->since_us = catchup_now_us();
    slot->fetching |= UINT64_C(1) << source;
    c->is_busy = true;
    c->is_called_off = false;
    c->n = slot->n;
    c->source = source;
    atomic_store(&c->stop, c->run->is_over);
    *ret = (struct job){slot->n, slot->width, slot->expected, source};
    return true;
}

/* Under lock. False: nothing to do now. */
static bool next_job(struct connection *c, struct job *ret)
{
    struct run *r = c->run;
    int64_t late_us = catchup_now_us() - patience_us(r);

    for (uint64_t n = r->next; n < r->opened; n++) {
        struct slot *slot = slot_of(r, n);
        if (slot->is_ready || slot->n_fetching > 0) continue;
        if (start_job(c, slot, sources_choose(&r->sources, slot->behind), ret)) return true;
        if (r->err == OK) {
            r->err = fail(&r->why, ERR_NET, "no source is left for bundle %llu; the last one: %s", (unsigned long long)n,
                          r->sources.last.text);
            must(pthread_cond_signal(&r->done) == 0);
        }
        return false;
    }
    for (uint64_t n = r->next; n < r->opened; n++) {
        struct slot *slot = slot_of(r, n);
        if (slot->is_ready || slot->n_fetching != 1 || slot->since_us > late_us) continue;
        if (start_job(c, slot, sources_choose(&r->sources, slot->behind | slot->fetching), ret)) return true;
    }
    return false;
}

static enum err fetch(struct run *r, struct http_client *client, const struct job *job, struct buf *ret, enum catchup_fault *ret_fault,
                      struct why *why)
{
    struct tile tile = {.is_bundle = true, .n = job->n, .width = job->width};

    TRY(source_get(&r->o, client, r->sources.at[job->source].is, &tile, ret, ret_fault, why));
    if (catchup_tree_has(r->tree, job->width, &job->expected, buf_str(ret))) return OK;
    *ret_fault = CATCHUP_LIED;
    return fail(why, ERR_NET, "bundle %llu (%zu bytes) is not that of the signed tree", (unsigned long long)job->n, ret->n);
}

static void call_off(struct connection *c, const char *what)
{
    struct why why;

    c->is_called_off = true;
    atomic_store(&c->stop, true);
    (void)fail(&why, ERR_NET, "bundle %llu: %s", (unsigned long long)c->n, what);
    sources_failed(&c->run->sources, c->source, CATCHUP_SLOW, &why);
}

/* Whoever else fetches this bundle has been too slow, and may stop. */
static void call_off_others(struct run *r, const struct connection *winner)
{
    for (unsigned i = 0; i < r->o.n_connections; i++) {
        struct connection *c = &r->connections[i];
        if (c != winner && c->is_busy && !c->is_called_off && c->n == winner->n) call_off(c, "another source, asked later, has answered first");
    }
}

/* Under lock. See the head. */
static void call_off_late(struct run *r)
{
    uint64_t n = r->next;
    struct slot *slot;

    while (n < r->opened && slot_of(r, n)->is_ready) n++; /* Those before it may wait for it to make a slice. */
    if (n == r->opened) return;
    slot = slot_of(r, n);
    if (slot->n_fetching != 1 || catchup_now_us() - slot->since_us < 2 * patience_us(r)) return;
    if (!sources_has(&r->sources, slot->behind | slot->fetching)) return;
    for (unsigned i = 0; i < r->o.n_connections; i++) {
        struct connection *c = &r->connections[i];
        if (!c->is_busy || c->is_called_off || c->n != n) continue;
        call_off(c, "it is late, and the others are asked first from now on");
        slot->n_fetching--;
        slot->fetching = 0;
        if (r->patience_shift < PATIENCE_SHIFT_MAX) r->patience_shift++;
    }
}

/* Under lock: the first good answer for a bundle. */
static void keep(struct connection *c, struct slot *slot, struct buf *bytes)
{
    struct run *r = c->run;

    slot->is_ready = true;
    slot->bytes = *bytes;
    *bytes = (struct buf){0};
    r->ready_bytes += slot->bytes.n;
    call_off_others(r, c);
    must(pthread_cond_signal(&r->done) == 0);
}

/* Under lock: a job that was called off. Its source is settled and the slot no longer its own, but a good answer that came all the
 * same is as good as any. */
static void end_called_off(struct connection *c, const struct job *job, enum err err, struct buf *bytes)
{
    struct run *r = c->run;
    struct slot *slot = slot_of(r, job->n);

    if (err == OK && job->n >= r->next && slot->n == job->n && !slot->is_ready) keep(c, slot, bytes);
}

/* Under lock: what came of a job. *bytes is taken if it is the first good answer. */
static void end_job(struct connection *c, const struct job *job, enum err err, enum catchup_fault fault, int64_t took_us,
                    struct buf *bytes, const struct why *why)
{
    struct run *r = c->run;
    struct slot *slot = slot_of(r, job->n);

    c->is_busy = false;
    if (c->is_called_off) {
        end_called_off(c, job, err, bytes);
    } else if (err == OK) {
        slot->n_fetching--;
        slot->fetching &= ~(UINT64_C(1) << job->source);
        sources_served(&r->sources, job->source, took_us);
        if (r->patience_shift > 0 && took_us < patience_us(r) / 4) r->patience_shift--;
        keep(c, slot, bytes);
    } else {
        slot->n_fetching--;
        slot->fetching &= ~(UINT64_C(1) << job->source);
        if (r->is_over) {
            sources_served(&r->sources, job->source, 0);
        } else {
            if (fault == CATCHUP_BEHIND) slot->behind |= UINT64_C(1) << job->source;
            sources_failed(&r->sources, job->source, fault, why);
        }
    }
    must(pthread_cond_broadcast(&r->work) == 0);
}

static void wait_ms(pthread_cond_t *cond, pthread_mutex_t *lock, int ms)
{
    struct timespec until;
    must(clock_gettime(CLOCK_MONOTONIC, &until) == 0);
    until.tv_nsec += (long)ms * 1000000;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    (void)pthread_cond_timedwait(cond, lock, &until);
}

/* Under lock, which is given up meanwhile. False: there was nothing to do. */
static bool work(struct connection *c, struct http_client *client)
{
    AUTO(buf_done) struct buf bytes = {0};
    struct run *r = c->run;
    enum catchup_fault fault = CATCHUP_FAILED;
    struct why why = {0};
    struct job job;

    if (!next_job(c, &job)) return false;
    must(pthread_mutex_unlock(&r->sources.lock) == 0);
    int64_t since_us = catchup_now_us();
    enum err err = fetch(r, client, &job, &bytes, &fault, &why);
    int64_t took_us = catchup_now_us() - since_us;
    must(pthread_mutex_lock(&r->sources.lock) == 0);
    end_job(c, &job, err, fault, took_us, &bytes, &why);
    return true;
}

static void *connection_main(void *context)
{
    struct connection *c = context;
    struct run *r = c->run;
    struct http_client_options options = r->client;
    struct http_client *client;

    options.stop = &c->stop;
    client = http_client_new(&options);
    must(pthread_mutex_lock(&r->sources.lock) == 0);
    while (!r->is_over)
        if (!work(c, client)) wait_ms(&r->work, &r->sources.lock, LOOK_MS);
    must(pthread_mutex_unlock(&r->sources.lock) == 0);
    http_client_free(client);
    return NULL;
}

/* ---- The caller's thread. ---- */

static uint64_t held_entries(const struct run *r)
{
    return r->o.held_size / 2;
}

static enum err open_slots(struct run *r, struct why *why)
{
    for (;;) {
        struct hash expected = {{0}};
        uint64_t n = r->opened; /* Only this thread changes it. */
        must(pthread_mutex_lock(&r->sources.lock) == 0);
        bool has_room = n < r->end && n - r->next < N_SLOTS && r->ready_bytes < READY_BYTES_MAX && r->err == OK;
        must(pthread_mutex_unlock(&r->sources.lock) == 0);
        if (!has_room) return OK;
        unsigned width = tile_width(r->result.size, 0, n);
        if (width == TILE_WIDTH) TRY(catchup_tree_bundle(r->tree, n, &expected, why));
        must(pthread_mutex_lock(&r->sources.lock) == 0);
        *slot_of(r, n) = (struct slot){.n = n, .width = width, .expected = expected};
        r->opened++;
        must(pthread_cond_signal(&r->work) == 0);
        must(pthread_mutex_unlock(&r->sources.lock) == 0);
    }
}

/* Bundles at the front that may be appended: a whole slice, or all that there is to come, or as many as hold much. Under lock. */
static unsigned n_ready(const struct run *r)
{
    size_t bytes = 0;
    unsigned n = 0;

    while (n < SLICE_BUNDLES && r->next + n < r->opened && r->slots[(r->next + n) % N_SLOTS].is_ready) {
        bytes += r->slots[(r->next + n) % N_SLOTS].bytes.n;
        n++;
        if (bytes >= SLICE_BYTES) return n;
    }
    return n == SLICE_BUNDLES || r->next + n == r->end ? n : 0;
}

static bool is_stopped(const struct run *r)
{
    return r->client.stop && atomic_load(r->client.stop);
}

static enum err wait_ready(struct run *r, unsigned *ret_n, struct why *why)
{
    enum err err = OK;

    must(pthread_mutex_lock(&r->sources.lock) == 0);
    while (!is_stopped(r) && (*ret_n = n_ready(r)) == 0 && r->err == OK) {
        if (r->o.without_threads) {
            must(work(&r->connections[0], r->tree->client) || r->err != OK);
            continue;
        }
        wait_ms(&r->done, &r->sources.lock, LOOK_MS);
        call_off_late(r);
    }
    if (is_stopped(r)) {
        err = fail(why, ERR_UNAVAILABLE, "catching up was stopped");
    } else if (*ret_n == 0) {
        err = r->err;
        if (why) *why = r->why;
    }
    must(pthread_mutex_unlock(&r->sources.lock) == 0);
    return err;
}

/* The entries of one slice and their outcomes, borrowed from the slots. */
struct slice {
    uint64_t first;
    size_t n;
    struct str entries[LEAVES_MAX], outcomes[LEAVES_MAX];
};

static void cut_slice(const struct run *r, unsigned n_bundles, struct slice *ret)
{
    ret->first = r->next * TILE_WIDTH / 2;
    if (ret->first < held_entries(r)) ret->first = held_entries(r);
    ret->n = 0;
    for (unsigned k = 0; k < n_bundles; k++) {
        const struct slot *slot = &r->slots[(r->next + k) % N_SLOTS];
        struct str rest = buf_str(&slot->bytes);
        for (unsigned i = 0; i < slot->width / 2; i++) {
            must(tile_next_leaf(&rest, &ret->entries[ret->n]) && tile_next_leaf(&rest, &ret->outcomes[ret->n]));
            if (slot->n * TILE_WIDTH / 2 + i >= ret->first) ret->n++;
        }
    }
}

/* Entries that the store has already must be those that were signed; *ret_n: how many there are. */
static enum err compare_stored(const struct run *r, const struct slice *slice, size_t *ret_n, struct why *why)
{
    AUTO(buf_done) struct buf stored = {0};
    uint64_t size = store_size(r->o.store);
    size_t n = 0;

    for (; n < slice->n && slice->first + n < size; n++) {
        buf_clear(&stored);
        TRY(store_get_entry(r->o.store, slice->first + n, &stored, why));
        if (!str_equal(buf_str(&stored), slice->entries[n]))
            return fail(why, ERR_CORRUPT, "entry %llu in the store is not the one that was signed", (unsigned long long)(slice->first + n));
    }
    *ret_n = n;
    return OK;
}

static enum err check_genesis(const struct run *r, const struct slice *slice, struct why *why)
{
    struct hash got;

    if (!r->o.genesis || slice->first > 0 || slice->n == 0) return OK;
    got = hash_of(slice->entries[0]);
    if (hash_equal(&got, r->o.genesis)) return OK;
    return fail(why, ERR_CORRUPT, "the sources' log begins with another genesis: it is another network");
}

static enum err take_slice(struct run *r, unsigned n_bundles, struct slice *slice, struct why *why)
{
    size_t n_stored = 0;

    cut_slice(r, n_bundles, slice);
    TRY(check_genesis(r, slice, why));
    TRY(compare_stored(r, slice, &n_stored, why));
    must(slice->n == n_stored || store_size(r->o.store) == slice->first + n_stored);
    if (slice->n > n_stored) TRY(store_append(r->o.store, slice->entries + n_stored, slice->n - n_stored, why));
    r->result.n_entries += slice->n - n_stored;
    if (r->o.taken && slice->n) TRY(r->o.taken(r->o.context, slice->first, slice->outcomes, slice->n, why));

    must(pthread_mutex_lock(&r->sources.lock) == 0);
    for (unsigned k = 0; k < n_bundles; k++) {
        struct slot *slot = slot_of(r, r->next++);
        r->ready_bytes -= slot->bytes.n;
        r->result.n_bytes += slot->bytes.n;
        buf_done(&slot->bytes);
    }
    must(pthread_mutex_unlock(&r->sources.lock) == 0);
    return OK;
}

static enum err take_all(struct run *r, struct why *why)
{
    AUTO(mem_auto) struct slice *slice = mem_alloc(sizeof *slice);
    unsigned n = 0;

    while (r->next < r->end) {
        TRY(open_slots(r, why));
        TRY(wait_ready(r, &n, why));
        TRY(take_slice(r, n, slice, why));
    }
    return OK;
}

static enum err fetch_all(struct run *r, struct why *why)
{
    enum err err;

    r->next = r->opened = r->o.held_size / TILE_WIDTH;
    r->end = (r->result.size + TILE_WIDTH - 1) / TILE_WIDTH;
    for (unsigned i = 0; i < r->o.n_connections; i++) {
        struct connection *c = &r->connections[i];
        c->run = r;
        if (!r->o.without_threads) must(pthread_create(&c->thread, NULL, connection_main, c) == 0);
    }
    err = take_all(r, why);
    must(pthread_mutex_lock(&r->sources.lock) == 0);
    r->is_over = true;
    for (unsigned i = 0; i < r->o.n_connections; i++) atomic_store(&r->connections[i].stop, true);
    must(pthread_cond_broadcast(&r->work) == 0);
    must(pthread_mutex_unlock(&r->sources.lock) == 0);
    for (unsigned i = 0; i < r->o.n_connections && !r->o.without_threads; i++) must(pthread_join(r->connections[i].thread, NULL) == 0);
    for (unsigned i = 0; i < N_SLOTS; i++) buf_done(&r->slots[i].bytes);
    return err;
}

/* What is held against the head: true in *ret_is_done if there is nothing to fetch. */
static enum err compare_held(const struct run *r, bool *ret_is_done, struct why *why)
{
    *ret_is_done = r->result.size <= r->o.held_size;
    if (r->result.size == r->o.held_size && !hash_equal(&r->result.root, &r->o.held_root))
        return fail(why, ERR_CONFLICT, "the %llu leaves that are held have another root than the one that was signed: the network is divided",
                    (unsigned long long)r->o.held_size);
    return OK;
}

static enum err go(struct run *r, struct http_client *client, struct why *why)
{
    bool is_done = false;

    TRY(catchup_choose_head(&r->sources, client, &r->result, why));
    TRY(compare_held(r, &is_done, why));
    if (is_done) return OK;
    r->tree->sources = &r->sources;
    r->tree->client = client;
    TRY(catchup_tree_open(r->tree, r->result.size, &r->result.root, why));
    TRY(catchup_tree_continues(r->tree, r->o.held_size, &r->o.held_root, why));
    return fetch_all(r, why);
}

static void set_defaults(struct run *r, const struct catchup_options *options)
{
    r->o = *options;
    if (options->client) r->client = *options->client;
    if (!r->o.n_connections) r->o.n_connections = 4;
    if (r->o.without_threads) r->o.n_connections = 1;
    if (r->o.n_connections > CATCHUP_CONNECTIONS_MAX) r->o.n_connections = CATCHUP_CONNECTIONS_MAX;
    if (!r->o.timeout_ms) r->o.timeout_ms = 10000;
    if (!r->o.patience_ms) r->o.patience_ms = 2000;
    must(r->o.held_size % 2 == 0 && r->o.held_size / 2 <= store_size(r->o.store));
}

static void init_cond(pthread_cond_t *cond)
{
    pthread_condattr_t attr;
    must(pthread_condattr_init(&attr) == 0);
    must(pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) == 0);
    must(pthread_cond_init(cond, &attr) == 0);
    must(pthread_condattr_destroy(&attr) == 0);
}

enum err catchup_run(const struct catchup_options *options, struct catchup_result *ret, struct why *why)
{
    struct run *r = mem_zalloc(sizeof *r);
    struct http_client *client;
    enum err err;

    set_defaults(r, options);
    sources_init(&r->sources, &r->o);
    init_cond(&r->work);
    init_cond(&r->done);
    r->tree = mem_zalloc(sizeof *r->tree);
    client = http_client_new(&r->client);
    err = go(r, client, why);
    if (err == OK) *ret = r->result;
    else catchup_result_done(&r->result);
    http_client_free(client);
    mem_free(r->tree);
    must(pthread_cond_destroy(&r->work) == 0 && pthread_cond_destroy(&r->done) == 0);
    sources_done(&r->sources);
    mem_free(r);
    return err;
}

void catchup_result_done(struct catchup_result *r)
{
    if (r) buf_done(&r->note);
}
