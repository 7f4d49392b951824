/* batch.c - own entries into an order that others write to as well.
 * SPDX-License-Identifier: Apache-2.0
 *
 *     signed --propose--> OK ------------> applied, answered
 *                         ERR_CONFLICT --> another's bytes, or an earlier run's: applied, signed anew
 *                         ERR_UNAVAILABLE -> certainly not written: again for SHARED_WRITE_US, then 503
 *                         ERR_NET -------> the same bytes again for SHARED_WRITE_US, then 503 as unclear: unsettled from there on
 *                         others --------> writes stop for good
 */
#include "node/shared.h"

#define SIGN_ANEW_MAX 8

static void answer_entry(struct node *n, const struct packed *entry, enum err err, const struct why *why, bool is_unclear)
{
    uint64_t position = state_view(n->state)->position;

    for (size_t i = 0; i < entry->n; i++) {
        struct pending *p = entry->proposals[i];
        p->err = err;
        p->position = position;
        p->entry_hash = entry->hash;
        p->is_unclear = is_unclear;
        if (why) p->why = *why;
        p->done(p); /* p may be gone now. */
    }
}

/* Answers those that were applied, and leaves the others. */
static void answer_applied(struct node *n, struct packed_vec *batch)
{
    size_t n_left = 0;

    for (size_t i = 0; i < batch->n; i++) {
        if (batch->at[i].is_applied) answer_entry(n, &batch->at[i], OK, NULL, false);
        else batch->at[n_left++] = batch->at[i];
    }
    batch->n = n_left;
}

static void answer_rest(struct node *n, struct packed_vec *batch, const struct why *why, bool is_unclear)
{
    for (size_t i = 0; i < batch->n; i++) answer_entry(n, &batch->at[i], ERR_UNAVAILABLE, why, is_unclear);
    batch->n = 0;
}

static void remember_unclear(struct node *n, const struct packed_vec *batch)
{
    must(pthread_mutex_lock(&n->lock) == 0);
    for (size_t i = 0; i < batch->n && n->n_unclear < NODE_BATCH_MAX; i++) n->unclear[n->n_unclear++] = batch->at[i].hash;
    must(pthread_mutex_unlock(&n->lock) == 0);
}

/* All that was unclear is known now: what is not in the journal never will be. */
static void settled(struct node *n)
{
    must(pthread_mutex_lock(&n->lock) == 0);
    for (size_t i = 0; i < n->n_unclear; i++) hash_vec_add(&n->shared->absent, n->unclear[i]);
    n->n_unclear = 0;
    must(pthread_mutex_unlock(&n->lock) == 0);
}

/* From here on these bytes are proposed, and nothing else, until it is known what stands in their slots. */
static void keep_unsettled(struct node *n, const struct packed_vec *batch)
{
    struct shared *s = n->shared;

    for (size_t i = 0; i < batch->n; i++) {
        struct packed kept = {.hash = batch->at[i].hash, .slot = batch->at[i].slot};
        kept.bytes = arena_dup(&s->unsettled_arena, batch->at[i].bytes);
        packed_vec_add(&s->unsettled, kept);
    }
    remember_unclear(n, batch);
}

/* Signs what is left of the batch for the slots that are free now. */
static void sign(struct node *n, struct packed_vec *batch)
{
    uint64_t slot;

    (void)state_author_next(state_view(n->state), n->author, &slot, &n->previous, &n->last_time_ms);
    n->next_slot = journal_etcd_next(n->journal);
    writer_sign_batch(n, batch, &n->arena);
}

static enum err propose(struct node *n, struct packed_vec *batch, struct why *why)
{
    struct str *entries = arena_alloc(&n->arena, batch->n * sizeof *entries);
    struct why applying;
    enum err err, applied;

    for (size_t i = 0; i < batch->n; i++) entries[i] = batch->at[i].bytes;
    n->shared->waiting = batch;
    err = n->journal->propose(n->journal, entries, batch->n, why);
    n->shared->waiting = NULL;
    applied = shared_apply(n, batch, &applying);
    if (applied == OK) return err;
    if (why) *why = applying;
    return applied;
}

static bool is_for_good(enum err err)
{
    return err != OK && err != ERR_CONFLICT && err != ERR_UNAVAILABLE && err != ERR_NET;
}

/* Until it is clear what came of the batch, or time is over: then ERR_UNAVAILABLE or ERR_NET. What was applied is answered and not in
 * the batch any more. */
static enum err propose_until_clear(struct node *n, struct packed_vec *batch, struct why *why)
{
    int64_t until_us = node_steady_us(n) + SHARED_WRITE_US;
    bool is_unclear = false;
    int n_signed = 1;

    sign(n, batch);
    for (;;) {
        enum err err = propose(n, batch, why);
        answer_applied(n, batch);
        if (is_for_good(err) || batch->n == 0) return err;
        must(err != OK); /* What was ordered was applied. */
        if (err == ERR_CONFLICT) { /* Which also settles what was unclear. */
            is_unclear = false;
            if (n_signed++ == SIGN_ANEW_MAX) return fail(why, ERR_UNAVAILABLE, "others took this node's slots again and again");
            sign(n, batch);
            continue;
        }
        is_unclear |= err == ERR_NET;
        node_expire(n, SHARED_OUT_US);
        if (node_steady_us(n) >= until_us || atomic_load(&n->shared->stop) || n->is_stepped) return is_unclear ? ERR_NET : err;
    }
}

static bool run(struct node *n, struct packed_vec *batch)
{
    uint64_t transactions = journal_etcd_counts(n->journal).transactions;
    int64_t begin_us = node_steady_us(n);
    struct why why = {0};
    enum err err = propose_until_clear(n, batch, &why);

    if (is_for_good(err)) {
        remember_unclear(n, batch);
        node_stop_writes(n, &why);
        answer_rest(n, batch, &why, true);
        return false;
    }
    n->tick_at_us = node_steady_us(n) + (err == OK ? n->tick_us : n->tick_us / 60);
    if (err == OK) {
        atomic_fetch_add_explicit(&n->n_batches, 1, memory_order_relaxed);
        if (journal_etcd_counts(n->journal).transactions == transactions) return false;
        shared_looked(n, begin_us);
        return true;
    }
    if (err == ERR_NET) keep_unsettled(n, batch);
    shared_failed(n, err, &why);
    answer_rest(n, batch, &why, err == ERR_NET);
    return false;
}

bool batch_run(struct node *n, struct pending *first)
{
    AUTO(packed_vec_done) struct packed_vec batch = {0};

    pack_proposals(first, &n->arena, &batch);
    return run(n, &batch);
}

static void ignore(struct pending *p)
{
    (void)p;
}

bool batch_tick(struct node *n)
{
    struct pending tick = {.change = {.kind = CHANGE_TICK}, .done = ignore, .arena = &n->arena};

    return batch_run(n, &tick);
}

/* Keeps what is not in the journal by now. */
static void drop_applied(struct shared *s)
{
    size_t n_left = 0;

    for (size_t i = 0; i < s->unsettled.n; i++)
        if (!s->unsettled.at[i].is_applied) s->unsettled.at[n_left++] = s->unsettled.at[i];
    s->unsettled.n = n_left;
}

void batch_settle(struct node *n)
{
    struct shared *s = n->shared;
    struct str *entries = arena_alloc(&n->arena, s->unsettled.n * sizeof *entries);
    struct why why = {0}, applying;
    enum err err;

    for (size_t i = 0; i < s->unsettled.n; i++) entries[i] = s->unsettled.at[i].bytes;
    err = n->journal->propose(n->journal, entries, s->unsettled.n, &why);
    if (shared_apply(n, NULL, &applying) != OK) {
        node_stop_writes(n, &applying);
        return;
    }
    drop_applied(s);
    if (is_for_good(err)) {
        node_stop_writes(n, &why);
    } else if (err == ERR_NET || err == ERR_UNAVAILABLE) {
        shared_failed(n, err, &why);
    } else { /* Others' bytes in the first one's slot keep the whole transaction from ever being done. */
        packed_vec_clear(&s->unsettled);
        arena_clear(&s->unsettled_arena);
        settled(n);
    }
}
