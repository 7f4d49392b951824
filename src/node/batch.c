/* batch.c - own entries into an order that others write to as well.
 * SPDX-License-Identifier: Apache-2.0
 *
 *     signed --propose--> OK ------------> applied, answered
 *                         ERR_CONFLICT --> another's bytes, or an earlier run's: applied, signed anew
 *                         ERR_UNAVAILABLE -> certainly not written: again for SHARED_WRITE_MS, then 503
 *                         ERR_NET -------> the same bytes again for SHARED_WRITE_MS, then 503 as unclear: unsettled from there on
 *                         others --------> writes stop for good
 */
#include "node/shared.h"
#include "state/rules.h"

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

/* Durable before anybody is told. */
static void remember_unclear(struct node *n, const struct packed_vec *batch)
{
    struct unclear_entry *entries = arena_alloc(&n->arena, batch->n * sizeof *entries);
    struct why why;

    for (size_t i = 0; i < batch->n; i++)
        entries[i] = (struct unclear_entry){.epoch = journal_etcd_epoch(n->journal), .slot = batch->at[i].slot, .hash = batch->at[i].hash};
    if (unclear_add(n->shared->unclear, entries, batch->n, &why) != OK) node_warn(n, "what is unclear may be forgotten by a restart", &why);
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
    if (epoch_is_opening(n)) n->previous = (struct hash){{0}};
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
    int64_t until_us = node_steady_us(n) + n->shared->write_us;
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
        node_expire(n);
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
        n->shared->is_broken = true;
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
    shared_unknown(n, err, &why);
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

    if (epoch_is_opening(n)) {
        tick.change.kind = CHANGE_EPOCH;
        tick.change.epoch = n->shared->statement;
        return batch_run(n, &tick);
    }
    tick.change.rules = view_rules_to_announce(state_view(n->state), n->author);
    if (tick.change.rules) tick.change.kind = CHANGE_RULES;
    return batch_run(n, &tick);
}

/* Keeps what is not in the journal by now. */
static void drop_applied(struct shared *s)
{
    size_t n_left = 0;

    for (size_t i = 0; i < s->unsettled.n; i++) {
        if (s->unsettled.at[i].is_applied) unclear_settle(s->unclear, &s->unsettled.at[i].hash, true);
        else s->unsettled.at[n_left++] = s->unsettled.at[i];
    }
    s->unsettled.n = n_left;
}

void batch_settle(struct node *n)
{
    struct shared *s = n->shared;
    struct str *entries = arena_alloc(&n->arena, s->unsettled.n * sizeof *entries);
    struct why why = {0}, applying;
    enum err err;

    drop_applied(s); /* By a look meanwhile. */
    if (s->unsettled.n == 0) return;
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
        shared_unknown(n, err, &why);
    } else { /* Others' bytes in the first one's slot keep the whole transaction from ever being done. */
        for (size_t i = 0; i < s->unsettled.n; i++) unclear_settle(s->unclear, &s->unsettled.at[i].hash, false);
        packed_vec_clear(&s->unsettled);
        arena_clear(&s->unsettled_arena);
    }
}

struct search {
    struct hash hash;
    bool is_found;
};

static enum err compare_one(void *context, uint64_t index, struct str bytes)
{
    struct search *s = context;
    struct hash hash = hash_of(bytes);

    (void)index;
    s->is_found |= hash_equal(&hash, &s->hash);
    return OK;
}

/* Whether any entry of the journal is it: reads all, which an entry of long ago costs once. */
static enum recent_answer store_has(struct node *n, const struct unclear_entry *entry)
{
    struct search search = {.hash = entry->hash};
    struct why why;

    if (store_read_back(n->store, 0, store_size(n->store), compare_one, &search, &why) != OK) node_stop_writes(n, &why);
    return search.is_found ? RECENT_YES : RECENT_NO;
}

bool batch_settle_old(struct node *n)
{
    struct shared *s = n->shared;
    struct unclear_entry first;

    while (s->unsettled.n == 0 && unclear_first(s->unclear, &first)) {
        bool is_past = first.epoch < journal_etcd_epoch(n->journal); /* Of it nothing counts that the journal does not have. */
        if (!is_past && first.slot >= journal_etcd_stored(n->journal)) return true;
        enum recent_answer has = recent_has(n->recent, n->store, &first.hash);
        if (has == RECENT_UNKNOWN) has = store_has(n, &first);
        unclear_settle(s->unclear, &first.hash, has == RECENT_YES);
    }
    return false;
}
