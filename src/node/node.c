/* node.c - starting, stopping and asking a node.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "node/node.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/b64.h"
#include "base/limits.h"
#include "node/fetch.h"
#include "node/peers.h"
#include "node/shared.h"
#include "proof/merkle.h"
#include "proof/note.h"
#include "proof/tile.h"


int64_t node_now_us(void)
{
    struct timespec now;
    must(clock_gettime(CLOCK_REALTIME, &now) == 0);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t node_wall_us(const struct node *n)
{
    return n->world ? n->world->wall_us(n->world->context) : node_now_us();
}

int64_t node_steady_us(const struct node *n)
{
    struct timespec now;
    if (n->world) return n->world->steady_us(n->world->context);
    must(clock_gettime(CLOCK_MONOTONIC, &now) == 0);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void init_locks(struct node *n)
{
    pthread_condattr_t monotonic; /* For the writer's deadlines. */
    must(pthread_condattr_init(&monotonic) == 0);
    must(pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC) == 0);
    must(pthread_mutex_init(&n->lock, NULL) == 0);
    must(pthread_cond_init(&n->wake, &monotonic) == 0);
    (void)pthread_condattr_destroy(&monotonic);
    must(pthread_mutex_init(&n->fresh.lock, NULL) == 0);
    must(pthread_mutex_init(&n->sign_lock, NULL) == 0);
    must(pthread_cond_init(&n->sign_wake, NULL) == 0);
    must(pthread_cond_init(&n->signed_wake, NULL) == 0);
    must(pthread_mutex_init(&n->keep_lock, NULL) == 0);
    must(pthread_cond_init(&n->keep_wake, NULL) == 0);
}

static void free_node(struct node *n)
{
    fetch_free(n->fetch);
    recent_free(n->recent);
    tree_free(n->tree);
    state_free(n->state);
    heads_close(n->heads);
    if (n->journal) n->journal->close(n->journal);
    shared_free(n->shared);
    keys_done(&n->keys);
    arena_done(&n->arena);
    buf_done(&n->bytes);
    buf_done(&n->origin);
    buf_done(&n->checkpoint);
    buf_done(&n->keep_edge);
    buf_done(&n->fresh.bytes);
    u64_vec_done(&n->fresh.ends);
    (void)pthread_mutex_destroy(&n->lock);
    (void)pthread_cond_destroy(&n->wake);
    (void)pthread_mutex_destroy(&n->fresh.lock);
    (void)pthread_mutex_destroy(&n->sign_lock);
    (void)pthread_cond_destroy(&n->sign_wake);
    (void)pthread_cond_destroy(&n->signed_wake);
    (void)pthread_mutex_destroy(&n->keep_lock);
    (void)pthread_cond_destroy(&n->keep_wake);
    mem_free(n->dir);
    mem_free(n);
}

static struct node *new_node(const struct node_options *options)
{
    struct node *n = mem_zalloc(sizeof *n);
    n->journal = options->journal;
    if (n->journal) n->store = n->journal->store;
    if (options->dir) n->dir = mem_dup(options->dir, strlen(options->dir) + 1);
    if (options->genesis.n) n->shared = mem_zalloc(sizeof *n->shared);
    n->last = &n->first;
    n->last_passing = &n->first_passing;
    n->world = options->world;
    n->is_stepped = options->is_stepped;
    n->entries_public = options->entries_public;
    n->tick_us = options->tick_us ? options->tick_us : NODE_TICK_US;
    n->snapshot_entries = options->snapshot_entries ? options->snapshot_entries : NODE_SNAPSHOT_ENTRIES;
    atomic_store(&n->takes_writes, true);
    init_locks(n);
    n->recent = recent_new();
    return n;
}

/* With several members heads are signed together. */
static enum err start_peers(struct node *n, const struct node_options *options, struct why *why)
{
    struct peers_options o = {.node = n, .link = options->link, .is_stepped = n->is_stepped};
    return peers_start(&o, &n->peers, why);
}

enum err node_start(const struct node_options *options, struct node **ret, struct why *why)
{
    must(options->genesis.n ? options->etcd && !options->journal : options->journal != NULL);
    struct node *n = new_node(options);
    enum err e = boot(n, options, why);
    if (e == OK && n->shared) e = start_peers(n, options, why);
    else if (e == OK) e = signer_sign_now(n, why);
    if (e != OK) {
        free_node(n);
        return e;
    }
    if (!n->is_stepped) {
        if (!n->shared) must(pthread_create(&n->signer, NULL, signer_main, n) == 0);
        must(pthread_create(&n->keeper, NULL, keeper_main, n) == 0);
        must(pthread_create(&n->writer, NULL, writer_main, n) == 0);
    }
    *ret = n;
    return OK;
}

int64_t node_step(struct node *n)
{
    must(n->is_stepped);
    int64_t due = writer_step(n);
    keeper_step(n);
    if (!n->peers) {
        signer_step(n);
        return due;
    }
    int64_t round_due = node_steady_us(n) + peers_step(n->peers) * 1000;
    return round_due < due ? round_due : due;
}

static void stop_thread(pthread_t thread, pthread_mutex_t *lock, pthread_cond_t *wake, bool *flag)
{
    must(pthread_mutex_lock(lock) == 0);
    *flag = true;
    must(pthread_cond_signal(wake) == 0);
    must(pthread_mutex_unlock(lock) == 0);
    must(pthread_join(thread, NULL) == 0);
}

void node_stop(struct node *n)
{
    struct why why;
    if (!n) return;
    if (n->shared) signer_stop_waiting(n);
    if (n->is_stepped) {
        n->is_stopping = true;
        (void)node_step(n); /* Answers what waits. */
    } else {
        stop_thread(n->writer, &n->lock, &n->wake, &n->is_stopping);
        stop_thread(n->keeper, &n->keep_lock, &n->keep_wake, &n->keeper_stops);
        if (!n->shared) stop_thread(n->signer, &n->sign_lock, &n->sign_wake, &n->signer_stops);
    }
    peers_stop(n->peers);
    n->peers = NULL;
    /* A node that could not write has nothing whole to keep, nor has one whose peers have not signed yet; the next start replays. */
    bool is_whole = atomic_load(&n->takes_writes) && (!n->shared || atomic_load(&n->signed_size) >= 2 * state_view(n->state)->position);
    if (is_whole && keeper_write_now(n, &why) != OK) node_warn(n, "no snapshot", &why);
    free_node(n);
}

void node_stop_writes(struct node *n, const struct why *why)
{
    must(pthread_mutex_lock(&n->lock) == 0);
    if (atomic_load(&n->takes_writes)) {
        n->stopped_because = *why;
        atomic_store(&n->takes_writes, false);
        (void)fprintf(stderr, "WRITES STOPPED, reads go on; mend it and restart: %s\n", why->text);
    }
    must(pthread_mutex_unlock(&n->lock) == 0);
}

void node_warn(struct node *n, const char *what, const struct why *why)
{
    must(pthread_mutex_lock(&n->lock) == 0);
    (void)fail(&n->warning, OK, "%s: %s", what, why->text);
    (void)fprintf(stderr, "WARNING: %s\n", n->warning.text);
    must(pthread_mutex_unlock(&n->lock) == 0);
}

static void refuse(struct node *n, struct pending *p, enum err err, const char *text)
{
    p->err = err;
    if (text) {
        (void)fail(&p->why, err, "%s", text);
    } else {
        must(pthread_mutex_lock(&n->lock) == 0);
        p->why = n->stopped_because;
        must(pthread_mutex_unlock(&n->lock) == 0);
    }
    p->done(p);
}

void node_propose(struct node *n, struct pending *p)
{
    p->next = NULL;
    p->is_unclear = false;
    p->err = OK;
    if (!atomic_load(&n->takes_writes)) {
        refuse(n, p, ERR_UNAVAILABLE, NULL);
        return;
    }
    if (ENTRY_OVERHEAD + p->participant.n + change_size(&p->change) > LIMIT_ENTRY_BYTES) {
        refuse(n, p, ERR_TOO_LARGE, "the change does not fit into one entry of 32 KiB");
        return;
    }
    if (atomic_fetch_add_explicit(&n->n_waiting, 1, memory_order_relaxed) >= NODE_WAITING_MAX) {
        atomic_fetch_sub_explicit(&n->n_waiting, 1, memory_order_relaxed);
        refuse(n, p, ERR_UNAVAILABLE, "too many writes are waiting");
        return;
    }
    must(pthread_mutex_lock(&n->lock) == 0);
    bool is_stopping = n->is_stopping;
    if (!is_stopping) {
        *n->last = p;
        n->last = &p->next;
    }
    bool wakes = n->writer_sleeps;
    n->writer_sleeps = false;
    must(pthread_mutex_unlock(&n->lock) == 0);
    if (is_stopping) {
        atomic_fetch_sub_explicit(&n->n_waiting, 1, memory_order_relaxed);
        refuse(n, p, ERR_UNAVAILABLE, "the node is stopping");
    } else if (wakes) {
        must(pthread_cond_signal(&n->wake) == 0);
    }
}

void node_refuse_all(struct node *n, struct pending *first, const struct why *why)
{
    struct why stopped;

    if (!why) {
        must(pthread_mutex_lock(&n->lock) == 0);
        stopped = n->stopped_because;
        must(pthread_mutex_unlock(&n->lock) == 0);
        why = &stopped;
    }
    while (first) {
        struct pending *p = first;
        first = p->next;
        p->err = ERR_UNAVAILABLE;
        p->why = *why;
        p->done(p);
    }
}

void node_author(const struct node *n, uint8_t ret[8])
{
    memcpy(ret, n->author, sizeof n->author);
}

struct fetch *node_fetch(struct node *n)
{
    return n->fetch;
}

struct peers *node_peers(struct node *n)
{
    return n->peers;
}

struct state *node_state(struct node *n)
{
    return n->state;
}

struct store *node_store(struct node *n)
{
    return n->store;
}

struct str node_origin(const struct node *n)
{
    return buf_str(&n->origin);
}

struct hash node_genesis_hash(const struct node *n)
{
    return n->genesis_hash;
}

bool node_entries_public(const struct node *n)
{
    return n->entries_public;
}

enum err node_checkpoint(struct node *n, struct buf *ret, struct why *why)
{
    must(pthread_mutex_lock(&n->sign_lock) == 0);
    bool is_there = n->checkpoint.n > 0;
    buf_add_str(ret, buf_str(&n->checkpoint));
    must(pthread_mutex_unlock(&n->sign_lock) == 0);
    return is_there ? OK : fail(why, ERR_UNAVAILABLE, "no checkpoint is signed yet");
}

/* Leaves under the newest head that is published, or that this node has signed together with nobody yet. */
static uint64_t shown_size(struct node *n)
{
    uint64_t size = atomic_load(&n->signed_size);

    if (!n->shared) return size;
    must(pthread_mutex_lock(&n->sign_lock) == 0);
    if (n->head_size > size) size = n->head_size;
    must(pthread_mutex_unlock(&n->sign_lock) == 0);
    return size;
}

enum err node_tile(struct node *n, unsigned level, uint64_t index, unsigned width, struct buf *ret,
                   struct why *why)
{
    uint64_t size = shown_size(n);
    if (level > 7) return fail(why, ERR_NOT_FOUND, "the log has no tile of that level");
    uint64_t in_level = size >> (8 * level);
    if (index > in_level >> 8 || (index << 8) + width > in_level) {
        return fail(why, ERR_NOT_FOUND, "the newest signed head (%llu leaves) has no such tile",
                    (unsigned long long)size);
    }
    return tree_tile(n->tree, level, index, width, ret, why);
}

/* The outcome of entry index, from memory while its transaction is open, else from the store. */
static enum err read_outcome(struct node *n, uint64_t index, struct buf *ret, struct why *why)
{
    bool is_fresh = false;
    must(pthread_mutex_lock(&n->fresh.lock) == 0);
    const struct u64_vec *ends = &n->fresh.ends;
    if (ends->n && index >= n->fresh.first && index - n->fresh.first < ends->n) {
        uint64_t k = index - n->fresh.first;
        uint64_t begin = k ? ends->at[k - 1] : 0;
        buf_add(ret, n->fresh.bytes.at + begin, ends->at[k] - begin);
        is_fresh = true;
    }
    must(pthread_mutex_unlock(&n->fresh.lock) == 0);
    return is_fresh ? OK : store_get_outcome(n->store, index, ret, why);
}

/* The leaf has the hash that stands at leaf % 256 of its tile. */
static enum err check_leaf(uint64_t leaf, struct str tile, struct str bytes, struct why *why)
{
    struct hash is = hash_leaf(bytes);

    if (memcmp(is.b, tile.at + leaf % TILE_WIDTH * sizeof is.b, sizeof is.b) == 0) return OK;
    return fail(why, ERR_CORRUPT, "%s %llu: the stored bytes are not those of the log",
                leaf % 2 ? "the outcome of entry" : "entry", (unsigned long long)leaf / 2);
}

/* Leaf bytes, appended, if they are those of the tree. */
static enum err read_leaf(struct node *n, uint64_t leaf, struct str tile, struct buf *ret,
                          struct why *why)
{
    size_t before = ret->n;
    TRY(leaf % 2 ? read_outcome(n, leaf / 2, ret, why) : store_get_entry(n->store, leaf / 2, ret, why));
    enum err e = check_leaf(leaf, tile, str_skip(buf_str(ret), before), why);
    if (e != OK) ret->n = before;
    return e;
}

enum err node_leaf(struct node *n, uint64_t leaf, struct buf *ret, struct why *why)
{
    AUTO(buf_done) struct buf tile = {0};
    TRY(tree_tile(n->tree, 0, leaf / TILE_WIDTH, (unsigned)(leaf % TILE_WIDTH) + 1, &tile, why));
    return read_leaf(n, leaf, buf_str(&tile), ret, why);
}

/* Leaves of one bundle as they are stored. */
struct bundle {
    struct buf entries, outcomes;
    size_t entry_ends[TILE_WIDTH / 2], outcome_ends[TILE_WIDTH / 2];
};

static void bundle_done(struct bundle *b)
{
    if (!b) return;
    buf_done(&b->entries);
    buf_done(&b->outcomes);
    mem_free(b);
}

/* Outcomes [from, from + n), the newest of them from memory while their transaction is open. */
static enum err read_outcomes(struct node *n, uint64_t from, size_t count, struct bundle *b, struct why *why)
{
    AUTO(buf_done) struct buf fresh = {0};
    size_t ends[TILE_WIDTH / 2], n_stored = count;

    must(pthread_mutex_lock(&n->fresh.lock) == 0);
    const struct u64_vec *at = &n->fresh.ends;
    if (at->n && from + count > n->fresh.first) {
        uint64_t first = from > n->fresh.first ? from : n->fresh.first;
        n_stored = (size_t)(first - from);
        for (size_t i = n_stored; i < count && first - n->fresh.first + (i - n_stored) < at->n; i++) {
            uint64_t k = from + i - n->fresh.first, begin = k ? at->at[k - 1] : 0;
            buf_add(&fresh, n->fresh.bytes.at + begin, at->at[k] - begin);
            ends[i] = fresh.n;
        }
    }
    must(pthread_mutex_unlock(&n->fresh.lock) == 0);
    TRY(store_get_outcomes(n->store, from, n_stored, &b->outcomes, b->outcome_ends, why));
    size_t before = b->outcomes.n;
    buf_add_str(&b->outcomes, buf_str(&fresh));
    for (size_t i = n_stored; i < count; i++) b->outcome_ends[i] = before + ends[i];
    return OK;
}

static struct str part(const struct buf *all, const size_t *ends, size_t i)
{
    size_t begin = i ? ends[i - 1] : 0;
    return str_make(all->at + begin, ends[i] - begin);
}

/* Appends the leaves, each held against its hash in the tile. */
static enum err add_bundle(const struct bundle *b, uint64_t index, unsigned width, struct str tile, struct buf *ret, struct why *why)
{
    for (unsigned i = 0; i < width; i++) {
        struct str leaf = i % 2 ? part(&b->outcomes, b->outcome_ends, i / 2) : part(&b->entries, b->entry_ends, i / 2);
        TRY(check_leaf((index << 8) + i, tile, leaf, why));
        tile_add_leaf(ret, leaf);
    }
    return OK;
}

enum err node_bundle(struct node *n, uint64_t index, unsigned width, struct buf *ret,
                     struct why *why)
{
    uint64_t size = shown_size(n);
    if (index > size >> 8 || (index << 8) + width > size) {
        return fail(why, ERR_NOT_FOUND, "the newest signed head (%llu leaves) has no such bundle",
                    (unsigned long long)size);
    }
    AUTO(buf_done) struct buf tile = {0};
    size_t before = ret->n;
    TRY(tree_tile(n->tree, 0, index, width, &tile, why));
    struct bundle *b = mem_zalloc(sizeof *b);
    enum err e = store_get_entries(n->store, index << 7, (width + 1) / 2, &b->entries, b->entry_ends, why);
    if (e == OK) e = read_outcomes(n, index << 7, width / 2, b, why);
    if (e == OK) e = add_bundle(b, index, width, buf_str(&tile), ret, why);
    if (e != OK) ret->n = before;
    bundle_done(b);
    return e;
}

void node_status(struct node *n, struct node_status *ret)
{
    struct state_pin pin;
    *ret = (struct node_status){
        .signed_size = atomic_load_explicit(&n->signed_size, memory_order_relaxed),
        .n_batches = atomic_load_explicit(&n->n_batches, memory_order_relaxed),
        .n_entries = atomic_load_explicit(&n->n_entries, memory_order_relaxed),
        .n_changes = atomic_load_explicit(&n->n_changes, memory_order_relaxed),
        .n_refused_late = atomic_load_explicit(&n->n_refused_late, memory_order_relaxed),
        .n_waiting = atomic_load_explicit(&n->n_waiting, memory_order_relaxed),
        .takes_writes = atomic_load(&n->takes_writes),
    };
    ret->position = state_read(n->state, &pin)->position;
    state_done_reading(&pin);
    must(pthread_mutex_lock(&n->lock) == 0);
    ret->stopped_because = n->stopped_because;
    ret->warning = n->warning;
    if (n->shared) shared_status(n, ret);
    must(pthread_mutex_unlock(&n->lock) == 0);
}

void node_vkey(const struct node *n, struct buf *ret)
{
    struct note_key key = note_key_make(buf_str(&n->origin), NOTE_ED25519, &n->keys.log.public);
    note_key_add(ret, &key);
}

static enum node_fate shared_fate(struct node *n, const struct hash *entry_hash)
{
    /* First, since an entry that is not open any more may be in the store by then. */
    enum unclear_state state = unclear_find(n->shared->unclear, entry_hash);

    if (state == UNCLEAR_COMMITTED || recent_has(n->recent, n->store, entry_hash) == RECENT_YES) return NODE_COMMITTED;
    if (state == UNCLEAR_STRANGE) return NODE_UNKNOWN; /* Another node's may come yet. */
    return state == UNCLEAR_ABSENT ? NODE_ABSENT : NODE_OPEN;
}

enum node_fate node_fate(struct node *n, const struct hash *entry_hash)
{
    bool is_open = false;

    if (n->shared) return shared_fate(n, entry_hash);
    must(pthread_mutex_lock(&n->lock) == 0);
    for (size_t i = 0; i < n->n_unclear; i++) is_open |= hash_equal(&n->unclear[i], entry_hash);
    must(pthread_mutex_unlock(&n->lock) == 0);

    switch (recent_has(n->recent, n->store, entry_hash)) {
    case RECENT_YES: return NODE_COMMITTED;
    case RECENT_NO: return is_open ? NODE_OPEN : NODE_ABSENT;
    default: return is_open ? NODE_OPEN : NODE_UNKNOWN;
    }
}
