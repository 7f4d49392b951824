/* writer.c - the thread that turns proposals into entries and entries into state.
 * SPDX-License-Identifier: Apache-2.0
 *
 * One round: take what waits, pack, sign, have it ordered and made durable, read it back, apply, publish, answer. The
 * order of these steps is the durability promise: I2 (propose before answer), I3 (publish after propose), I6 (the tree is
 * built from what was read back).
 */
#include <errno.h>
#include <time.h>

#include "node/node_internal.h"
#include "node/pack.h"

#define IDLE_FLUSH_US 200000 /* Derived data waits this long for a batch to travel with. */

/* One reading back: what its callback needs. */
struct reading {
    struct node *n;
    struct packed_vec *waiting; /* May be NULL. */
    uint64_t verify_from;
    struct arena *arena;
    struct buf leaf;
    struct why why;
};

static struct packed *find_waiting(const struct reading *r, const struct entry *e, struct str bytes)
{
    struct packed_vec *w = r->waiting;
    if (!w || w->n == 0 || memcmp(e->author, r->n->author, sizeof e->author) != 0) return NULL;
    if (e->slot < w->at[0].slot || e->slot - w->at[0].slot >= w->n) return NULL;
    struct packed *own = &w->at[e->slot - w->at[0].slot];
    return str_equal(own->bytes, bytes) ? own : NULL;
}

/* The outcome leaf joins the tree and waits for the next transaction. */
static void keep_leaf(struct node *n, uint64_t index, struct str bytes, struct str leaf)
{
    struct hash entry_hash = hash_leaf(bytes);
    struct hash outcome_hash = hash_leaf(leaf);
    tree_add(n->tree, &entry_hash);
    tree_add(n->tree, &outcome_hash);
    store_put_outcome(n->store, index, leaf);
    n->has_uncommitted = true;
    n->bytes_since_snapshot += bytes.n;

    must(pthread_mutex_lock(&n->fresh.lock) == 0);
    if (n->fresh.ends.n == 0) n->fresh.first = index;
    buf_add_str(&n->fresh.bytes, leaf);
    u64_vec_add(&n->fresh.ends, n->fresh.bytes.n);
    must(pthread_mutex_unlock(&n->fresh.lock) == 0);
}

/* All queued derived data is in a committed transaction. */
static void derived_is_committed(struct node *n)
{
    n->has_uncommitted = false;
    tree_committed(n->tree);
    must(pthread_mutex_lock(&n->fresh.lock) == 0);
    buf_clear(&n->fresh.bytes);
    u64_vec_clear(&n->fresh.ends);
    must(pthread_mutex_unlock(&n->fresh.lock) == 0);
}

static void advance_own_chain(struct node *n, const struct entry *e, struct str bytes)
{
    if (memcmp(e->author, n->author, sizeof e->author) != 0) return;
    n->next_slot = e->slot + 1;
    n->previous = hash_of(bytes);
    if (e->time_ms > n->last_time_ms) n->last_time_ms = e->time_ms;
}

static enum err apply_one(void *context, uint64_t index, struct str bytes)
{
    struct reading *r = context;
    struct node *n = r->n;
    struct entry e;
    struct outcome *outcomes;
    struct key_public key;

    struct why undecodable = {0};

    buf_clear(&r->leaf);
    /* Engines bring in only entries that decode and verify (decision B2): anything else is damage, and applying it as a
     * refusal would lose a write that was acknowledged. */
    if (entry_decode(bytes, r->arena, &e, &undecodable) != OK) {
        return fail(&r->why, ERR_CORRUPT, "entry %llu is damaged: %s", (unsigned long long)index,
                    undecodable.text);
    }
    struct packed *own = find_waiting(r, &e, bytes);
    if (!own && index >= r->verify_from && !state_author_key(state_view(n->state), e.author, &key)) {
        return fail(&r->why, ERR_CORRUPT, "entry %llu: its author is nobody of this network",
                    (unsigned long long)index);
    }
    if (!own && index >= r->verify_from && !entry_verify(bytes, buf_str(&n->origin), &key)) {
        return fail(&r->why, ERR_CORRUPT, "entry %llu: its signature is not its author's",
                    (unsigned long long)index);
    }
    state_apply(n->state, &e, bytes, r->arena, &outcomes, &r->leaf);
    for (size_t i = 0; own && i < own->n; i++) {
        struct pending *p = own->proposals[i];
        p->outcome = outcome_copy(&outcomes[i], p->arena);
        p->entry_hash = own->hash;
        own->is_applied = true;
        if (p->outcome.reason != REASON_ACCEPTED) {
            atomic_fetch_add_explicit(&n->n_refused_late, 1, memory_order_relaxed);
        }
    }
    advance_own_chain(n, &e, bytes);
    keep_leaf(n, index, bytes, buf_str(&r->leaf));
    atomic_fetch_add_explicit(&n->n_entries, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&n->n_changes, e.n_changes, memory_order_relaxed);
    return OK;
}

static enum err apply_range(struct node *n, struct packed_vec *waiting, uint64_t end,
                            uint64_t verify_from, struct arena *arena, struct why *why)
{
    struct reading r = {.n = n, .waiting = waiting, .verify_from = verify_from, .arena = arena};
    uint64_t from = state_view(n->state)->position;
    uint64_t size = store_size(n->store);

    if (end > size) end = size;
    enum err e = store_read_back(n->store, from, end - from, apply_one, &r, &r.why);
    buf_done(&r.leaf);
    if (e != OK) {
        if (why) *why = r.why;
        return e;
    }
    state_publish(n->state);
    return OK;
}

enum err writer_apply_stored(struct node *n, struct packed_vec *waiting, struct arena *arena,
                             struct why *why)
{
    return apply_range(n, waiting, UINT64_MAX, 0, arena, why);
}

enum err writer_apply_up_to(struct node *n, uint64_t end, uint64_t verify_from, struct arena *arena,
                            struct why *why)
{
    return apply_range(n, NULL, end, verify_from, arena, why);
}

void writer_hand_to_signer(struct node *n)
{
    struct hash root = tree_root(n->tree);
    must(pthread_mutex_lock(&n->sign_lock) == 0);
    n->sign_size = tree_size(n->tree);
    n->sign_root = root;
    if (n->signer_waits) must(pthread_cond_signal(&n->sign_wake) == 0);
    must(pthread_mutex_unlock(&n->sign_lock) == 0);
}

static int64_t monotonic_us(void)
{
    struct timespec now;
    must(clock_gettime(CLOCK_MONOTONIC, &now) == 0);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static int64_t author_time(const struct node *n)
{
    int64_t now_ms = node_now_us() / 1000;
    return now_ms > n->last_time_ms ? now_ms : n->last_time_ms;
}

/* What every entry of this node begins with. */
static struct entry own_entry(const struct node *n)
{
    struct entry e = {
        .slot = n->next_slot,
        .previous = n->previous,
        .time_ms = author_time(n),
        .seen_size = tree_size(n->tree),
        .seen_root = tree_root(n->tree),
    };
    memcpy(e.author, n->author, sizeof e.author);
    return e;
}

enum err writer_order_own(struct node *n, const struct key_secret *signer, struct entry *e,
                          struct why *why)
{
    AUTO(buf_done) struct buf bytes = {0};
    AUTO(arena_done) struct arena arena = {0};

    e->seen_size = tree_size(n->tree);
    e->seen_root = tree_root(n->tree);
    entry_encode(e, buf_str(&n->origin), signer, &bytes);
    struct str one = buf_str(&bytes);
    TRY(n->journal->propose(n->journal, &one, 1, why));
    derived_is_committed(n);
    TRY(writer_apply_stored(n, NULL, &arena, why));
    writer_hand_to_signer(n);
    return OK;
}

/* Makes the signed bytes of each packed entry, each naming the one before it. */
static void sign_batch(struct node *n, struct packed_vec *batch, struct arena *arena,
                       struct buf *bytes)
{
    struct entry e = own_entry(n);
    for (size_t i = 0; i < batch->n; i++) {
        struct packed *p = &batch->at[i];
        e.participant = p->participant;
        e.changes = arena_alloc(arena, p->n * sizeof *e.changes);
        e.n_changes = p->n;
        for (size_t k = 0; k < p->n; k++) e.changes[k] = p->proposals[k]->change;
        buf_clear(bytes);
        entry_encode(&e, buf_str(&n->origin), &n->keys.entry, bytes);
        p->bytes = arena_dup(arena, buf_str(bytes));
        p->hash = hash_of(p->bytes);
        p->slot = e.slot;
        e.slot++;
        e.previous = p->hash;
    }
}

static void answer_batch(struct packed_vec *batch, enum err err, const struct why *why,
                         uint64_t position)
{
    for (size_t i = 0; i < batch->n; i++) {
        struct packed *entry = &batch->at[i];
        for (size_t k = 0; k < entry->n; k++) {
            struct pending *p = entry->proposals[k];
            p->err = err;
            p->position = position;
            if (err != OK) {
                p->err = ERR_UNAVAILABLE;
                p->why = *why;
                p->is_unclear = true;
                p->entry_hash = entry->hash;
            }
            p->done(p); /* p may be gone now. */
        }
    }
}

static void remember_unclear(struct node *n, const struct packed_vec *batch)
{
    must(pthread_mutex_lock(&n->lock) == 0);
    for (size_t i = 0; i < batch->n && n->n_unclear < NODE_BATCH_MAX; i++) {
        n->unclear[n->n_unclear++] = batch->at[i].hash;
    }
    must(pthread_mutex_unlock(&n->lock) == 0);
}

/* Each entry of the batch was found among those read back: none is answered for that was not applied. */
static enum err check_applied(const struct packed_vec *batch, struct why *why)
{
    for (size_t i = 0; i < batch->n; i++) {
        if (!batch->at[i].is_applied) {
            return fail(why, ERR_CORRUPT, "the entry of slot %llu was written and not read back",
                        (unsigned long long)batch->at[i].slot);
        }
    }
    return OK;
}

static void run_batch(struct node *n, struct pending *first, struct arena *arena, struct buf *bytes)
{
    AUTO(packed_vec_done) struct packed_vec batch = {0};
    struct why why = {0};

    pack_proposals(first, arena, &batch);
    sign_batch(n, &batch, arena, bytes);
    struct str *entries = arena_alloc(arena, batch.n * sizeof *entries);
    for (size_t i = 0; i < batch.n; i++) entries[i] = batch.at[i].bytes;

    enum err e = n->journal->propose(n->journal, entries, batch.n, &why);
    if (e == OK) {
        derived_is_committed(n);
        e = writer_apply_stored(n, &batch, arena, &why);
        if (e == OK) e = check_applied(&batch, &why);
    }
    if (e != OK) {
        remember_unclear(n, &batch);
        node_stop_writes(n, &why);
        answer_batch(&batch, e, &why, state_view(n->state)->position);
        return;
    }
    atomic_fetch_add_explicit(&n->n_batches, 1, memory_order_relaxed);
    answer_batch(&batch, OK, NULL, state_view(n->state)->position);
    writer_hand_to_signer(n);
}

static void write_tick(struct node *n)
{
    struct change tick = {.kind = CHANGE_TICK};
    struct entry e = own_entry(n);
    struct why why = {0};
    e.changes = &tick;
    e.n_changes = 1;
    if (writer_order_own(n, &n->keys.entry, &e, &why) != OK) node_stop_writes(n, &why);
}

enum err writer_flush(struct node *n, struct why *why)
{
    TRY(store_flush(n->store, why));
    derived_is_committed(n);
    return OK;
}

static void flush_or_stop(struct node *n)
{
    struct why why = {0};
    if (writer_flush(n, &why) != OK) node_stop_writes(n, &why);
}

static void snapshot_if_due(struct node *n)
{
    uint64_t position = state_view(n->state)->position;
    if (position - n->snapshot_at < n->snapshot_entries && n->bytes_since_snapshot < NODE_SNAPSHOT_BYTES) {
        return;
    }
    if (keeper_is_busy(n)) return;
    if (n->has_uncommitted) flush_or_stop(n); /* A snapshot never stands before its outcomes are stored. */
    if (!atomic_load(&n->takes_writes)) return;
    keeper_hand_over(n);
}

/* Waits for proposals until deadline_us (monotonic: the wall clock may be set). Returns at most NODE_BATCH_MAX of them, or NULL at the
 * deadline; *ret_stop is set when the node stops and nothing waits. */
static struct pending *take(struct node *n, int64_t deadline_us, bool *ret_stop)
{
    struct timespec until = {.tv_sec = deadline_us / 1000000, .tv_nsec = deadline_us % 1000000 * 1000};
    struct pending *first;
    uint64_t taken = 0;

    must(pthread_mutex_lock(&n->lock) == 0);
    while (!n->first && !n->is_stopping) {
        n->writer_sleeps = true;
        int e = pthread_cond_timedwait(&n->wake, &n->lock, &until);
        n->writer_sleeps = false;
        if (e == ETIMEDOUT) break;
        must(e == 0);
    }
    *ret_stop = n->is_stopping && !n->first;
    first = n->first;
    struct pending **end = &n->first;
    while (*end && taken < NODE_BATCH_MAX) {
        end = &(*end)->next;
        taken++;
    }
    n->first = *end;
    if (!n->first) n->last = &n->first;
    if (taken) *end = NULL;
    must(pthread_mutex_unlock(&n->lock) == 0);

    atomic_fetch_sub_explicit(&n->n_waiting, taken, memory_order_relaxed);
    return taken ? first : NULL;
}

static void refuse_all(struct node *n, struct pending *first)
{
    struct why why;
    must(pthread_mutex_lock(&n->lock) == 0);
    why = n->stopped_because;
    must(pthread_mutex_unlock(&n->lock) == 0);
    while (first) {
        struct pending *p = first;
        first = p->next;
        p->err = ERR_UNAVAILABLE;
        p->why = why;
        p->done(p);
    }
}

void *writer_main(void *arg)
{
    struct node *n = arg;
    AUTO(arena_done) struct arena arena = {0};
    AUTO(buf_done) struct buf bytes = {0};
    int64_t tick_us = monotonic_us() + n->tick_us;
    bool stop = false;

    while (!stop) {
        int64_t flush_us = monotonic_us() + IDLE_FLUSH_US;
        int64_t deadline_us = n->has_uncommitted && flush_us < tick_us ? flush_us : tick_us;
        struct pending *first = take(n, deadline_us, &stop);
        bool takes_writes = atomic_load(&n->takes_writes);
        if (first && takes_writes) {
            arena_clear(&arena);
            run_batch(n, first, &arena, &bytes);
            tick_us = monotonic_us() + n->tick_us;
        } else if (first) {
            refuse_all(n, first);
        } else if (takes_writes && !stop && monotonic_us() >= tick_us) {
            write_tick(n);
            tick_us = monotonic_us() + n->tick_us;
        } else if (takes_writes && n->has_uncommitted) {
            flush_or_stop(n);
        }
        if (atomic_load(&n->takes_writes)) snapshot_if_due(n);
    }
    return NULL;
}
