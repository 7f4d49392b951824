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
#include "node/shared.h"
#include "state/rules.h"

#define APPLY_SLICE 512
#define IDLE_FLUSH_US 200000 /* Derived data waits this long for a batch to travel with. */

/* One reading back: what its callback needs. */
struct reading {
    struct node *n;
    struct packed_vec *waiting; /* May be NULL. */
    uint64_t verify_from;
    bool verifies_affairs; /* What is said of members, whatever verify_from says. */
    struct arena *arena;
    struct buf leaf;
    struct why why;
};

static struct packed *find_waiting(const struct reading *r, const struct entry *e, struct str bytes)
{
    struct packed_vec *w = r->waiting;
    if (w && w->n == 1 && w->at[0].passing) return str_equal(w->at[0].bytes, bytes) ? &w->at[0] : NULL;
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
    if (!n->has_uncommitted) n->flush_at_us = node_steady_us(n) + IDLE_FLUSH_US;
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

/* The entry is its author's; of what this process signed or verified before that is known. */
static enum err check_signed(const struct node *n, uint64_t index, const struct entry *e, struct str bytes, struct why *why)
{
    struct key_public key;

    if (n->shared && shared_has_verified(n, bytes)) return OK;
    if (!state_author_key(state_view(n->state), e->author, &key)) {
        /* One that ended at this entry's place: nothing that it says is accepted, whoever signed it. */
        if (n->shared) return OK;
        return fail(why, ERR_CORRUPT, "entry %llu: its author is nobody of this network", (unsigned long long)index);
    }
    if (entry_verify(bytes, buf_str(&n->origin), &key)) return OK;
    return fail(why, ERR_CORRUPT, "entry %llu: its signature is not its author's", (unsigned long long)index);
}

static void keep_outcomes(struct node *n, struct packed *own, const struct outcome *outcomes, size_t n_outcomes, uint64_t index)
{
    own->is_applied = true;
    for (size_t i = 0; i < own->n; i++) {
        struct pending *p = own->proposals[i];
        p->outcome = outcome_copy(&outcomes[i], p->arena);
        p->entry_hash = own->hash;
        if (p->outcome.reason != REASON_ACCEPTED) {
            atomic_fetch_add_explicit(&n->n_refused_late, 1, memory_order_relaxed);
        }
    }
    if (!own->passing) return;
    own->passing->index = index;
    own->passing->n_changes = n_outcomes;
    for (size_t i = 0; i < n_outcomes; i++) own->passing->outcomes[i] = outcomes[i].reason;
}

/* An entry whose changes are of rules that this build does not know: it takes its place and comes to nothing. */
static enum err apply_void(struct reading *r, uint64_t index, struct str bytes, const struct why *undecodable)
{
    struct node *n = r->n;
    struct entry head;

    if (entry_decode_head(bytes, &head, NULL) != OK)
        return fail(&r->why, ERR_CORRUPT, "entry %llu is damaged: %s", (unsigned long long)index, undecodable->text);
    TRY(check_signed(n, index, &head, bytes, &r->why));
    if (state_apply_void(n->state, bytes, &r->leaf) != OK) return view_knows_rules(state_view(n->state), &r->why);
    keep_leaf(n, index, bytes, buf_str(&r->leaf));
    atomic_fetch_add_explicit(&n->n_entries, 1, memory_order_relaxed);
    return OK;
}

static enum err apply_one(void *context, uint64_t index, struct str bytes)
{
    struct reading *r = context;
    struct node *n = r->n;
    struct entry e;
    struct outcome *outcomes;
    struct why undecodable = {0};

    buf_clear(&r->leaf);
    /* Engines bring in only entries that have a head and verify (decision B2): anything else is damage, and applying it as a
     * refusal would lose a write that was acknowledged. Changes of rules that this build does not know come to nothing. */
    if (entry_decode(bytes, r->arena, &e, &undecodable) != OK) return apply_void(r, index, bytes, &undecodable);
    struct packed *own = find_waiting(r, &e, bytes);
    bool is_due = index >= r->verify_from || (r->verifies_affairs && shared_changes_authors(&e));
    if (!own && is_due) TRY(check_signed(n, index, &e, bytes, &r->why));
    if (state_apply(n->state, &e, bytes, r->arena, &outcomes, &r->leaf) != OK) return view_knows_rules(state_view(n->state), &r->why);
    if (own) keep_outcomes(n, own, outcomes, e.n_changes, index);
    if (n->shared) shared_note_applied(n, index, &e, bytes);
    advance_own_chain(n, &e, bytes);
    keep_leaf(n, index, bytes, buf_str(&r->leaf));
    atomic_fetch_add_explicit(&n->n_entries, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&n->n_changes, e.n_changes, memory_order_relaxed);
    return OK;
}

static enum err apply_range(struct reading r, uint64_t end, struct why *why)
{
    struct node *n = r.n;
    uint64_t from = state_view(n->state)->position;
    uint64_t size = store_size(n->store);

    /* What is derived of earlier entries went with the entries that were appended since, if any were. */
    if (n->has_uncommitted && store_n_queued(n->store) == 0) derived_is_committed(n);
    if (end > size) end = size;
    enum err e = store_read_back(n->store, from, end - from, apply_one, &r, &r.why);
    buf_done(&r.leaf);
    if (e == OK || e == ERR_STATE) state_publish(n->state); /* Up to rules that this build does not know. */
    if (e != OK && why) *why = r.why;
    return e;
}

enum err writer_apply_stored(struct node *n, struct packed_vec *waiting, struct arena *arena,
                             struct why *why)
{
    /* A node that was away has much to apply: what that needs is given back in between. */
    while (store_size(n->store) - state_view(n->state)->position > APPLY_SLICE) {
        AUTO(arena_done) struct arena slice = {0};
        uint64_t end = state_view(n->state)->position + APPLY_SLICE;
        TRY(apply_range((struct reading){.n = n, .waiting = waiting, .arena = &slice}, end, why));
    }
    return apply_range((struct reading){.n = n, .waiting = waiting, .arena = arena}, UINT64_MAX, why);
}

enum err writer_apply_up_to(struct node *n, uint64_t end, uint64_t verify_from, struct arena *arena,
                            struct why *why)
{
    struct reading r = {.n = n, .verify_from = verify_from, .verifies_affairs = n->fetch != NULL, .arena = arena};
    return apply_range(r, end, why);
}

enum err writer_apply_taken(struct node *n, uint64_t end, struct arena *arena, struct why *why)
{
    return apply_range((struct reading){.n = n, .verify_from = UINT64_MAX, .verifies_affairs = true, .arena = arena}, end, why);
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

static int64_t author_time(const struct node *n)
{
    int64_t now_ms = node_wall_us(n) / 1000;
    return now_ms > n->last_time_ms ? now_ms : n->last_time_ms;
}

struct entry writer_own_entry(const struct node *n)
{
    struct entry e = {
        .epoch = n->shared ? journal_etcd_epoch(n->journal) : 0,
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
    TRY(writer_apply_stored(n, NULL, &arena, why));
    writer_hand_to_signer(n);
    return OK;
}

void writer_sign_batch(struct node *n, struct packed_vec *batch, struct arena *arena)
{
    struct buf *bytes = &n->bytes;
    struct entry e = writer_own_entry(n);
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

static void run_batch(struct node *n, struct pending *first)
{
    struct arena *arena = &n->arena;
    AUTO(packed_vec_done) struct packed_vec batch = {0};
    struct why why = {0};

    pack_proposals(first, arena, &batch);
    writer_sign_batch(n, &batch, arena);
    struct str *entries = arena_alloc(arena, batch.n * sizeof *entries);
    for (size_t i = 0; i < batch.n; i++) entries[i] = batch.at[i].bytes;

    enum err e = n->journal->propose(n->journal, entries, batch.n, &why);
    if (e == OK) e = writer_apply_stored(n, &batch, arena, &why);
    if (e == OK) e = check_applied(&batch, &why);
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
    struct entry e = writer_own_entry(n);
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

static bool has_work(const struct node *n)
{
    return n->first || n->first_passing || n->n_barriers > n->n_barriers_tried || n->wants_look;
}

/* Takes what waits, at most NODE_BATCH_MAX proposals; waits for it until deadline_us (steady: the wall clock may be set) if it
 * may. */
static void take(struct node *n, int64_t deadline_us, struct work *ret)
{
    struct timespec until = {.tv_sec = deadline_us / 1000000, .tv_nsec = deadline_us % 1000000 * 1000};
    uint64_t taken = 0;

    must(pthread_mutex_lock(&n->lock) == 0);
    while (!n->is_stepped && !has_work(n) && !n->is_stopping) {
        n->writer_sleeps = true;
        int e = pthread_cond_timedwait(&n->wake, &n->lock, &until);
        n->writer_sleeps = false;
        if (e == ETIMEDOUT) break;
        must(e == 0);
    }
    *ret = (struct work){.first = n->first,
                         .passing = n->first_passing,
                         .n_barriers = n->n_barriers,
                         .has_barriers = n->first_barrier != NULL,
                         .wants_look = n->wants_look,
                         .stops = n->is_stopping && !has_work(n)};
    n->n_barriers_tried = n->n_barriers;
    struct pending **end = &n->first;
    while (*end && taken < NODE_BATCH_MAX) {
        end = &(*end)->next;
        taken++;
    }
    n->first = *end;
    if (!n->first) n->last = &n->first;
    if (taken) *end = NULL;
    n->wants_look = false;
    n->first_passing = NULL;
    n->last_passing = &n->first_passing;
    must(pthread_mutex_unlock(&n->lock) == 0);

    atomic_fetch_sub_explicit(&n->n_waiting, taken, memory_order_relaxed);
    if (!taken) ret->first = NULL;
}

/* When a round is due, if nothing is handed in before. */
static int64_t due_us(const struct node *n)
{
    int64_t due = n->tick_at_us;
    if (n->shared && shared_due_us(n) < due) due = shared_due_us(n);
    if (n->has_uncommitted && n->flush_at_us < due) due = n->flush_at_us;
    return due;
}

static void embedded_round(struct node *n, const struct work *w)
{
    bool takes_writes = atomic_load(&n->takes_writes);

    if (w->passing) pass_all(n, w->passing);
    if (w->first && takes_writes) {
        run_batch(n, w->first);
        n->tick_at_us = node_steady_us(n) + n->tick_us;
    } else if (w->first) {
        node_refuse_all(n, w->first, NULL);
    } else if (takes_writes && !w->stops && node_steady_us(n) >= n->tick_at_us) {
        write_tick(n);
        n->tick_at_us = node_steady_us(n) + n->tick_us;
    }
}

/* One round: what was taken, then what is due. False when the node stops. */
static bool run_round(struct node *n)
{
    struct work w;
    bool was_idle;

    take(n, due_us(n), &w);
    arena_clear(&n->arena);
    was_idle = !w.first && !w.passing;
    if (n->shared) shared_round(n, &w);
    else embedded_round(n, &w);
    if (!atomic_load(&n->takes_writes)) {
        n->tick_at_us = INT64_MAX;
        n->flush_at_us = INT64_MAX;
        return !w.stops;
    }
    if (was_idle && n->has_uncommitted && node_steady_us(n) >= n->flush_at_us) flush_or_stop(n);
    snapshot_if_due(n);
    return !w.stops;
}

int64_t writer_step(struct node *n)
{
    (void)run_round(n);
    return due_us(n);
}

void *writer_main(void *arg)
{
    struct node *n = arg;

    while (run_round(n)) {}
    return NULL;
}
