/* actor.c - a node's fiber: boots, proposes, settles, follows, applies, answers, dies.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>

#include "actor_internal.h"
#include "disk.h"
#include "hostile.h"
#include "journal/store.h"
#include "judge.h"
#include "state/member.h"

#define FOLLOW_US (40 * MS)
#define BATCH 8

struct actor actors[WORLD_NODES_MAX];
struct actor_counts actor_counts;

static bool is_calm;

static bool has_ended(const struct actor *a)
{
    return atomic_load(&a->stops) || disk_is_cut(a->node);
}

/* What the engine asks. */

static bool is_signed(void *context, const uint8_t author[8], struct str bytes)
{
    struct actor *a = context;

    for (size_t i = 0; i < a->admitted.n; i++)
        if (memcmp(a->admitted.at[i].id, author, 8) == 0) return entry_verify(bytes, CAST_ORIGIN, &a->admitted.at[i].key);
    return false;
}

static bool changes_authors(void *context, struct str bytes)
{
    AUTO(arena_done) struct arena arena = {0};
    struct entry e;

    (void)context;
    if (entry_decode(bytes, &arena, &e, NULL) != OK) return false;
    for (size_t i = 0; i < e.n_changes; i++) {
        enum change_kind kind = e.changes[i].kind;
        if (kind == CHANGE_JOIN || kind == CHANGE_NODE_END || kind == CHANGE_PROPOSE || kind == CHANGE_APPROVE ||
            kind == CHANGE_SUSPEND || kind == CHANGE_RESUME) return true;
    }
    return false;
}

static enum err admit(struct actor *a, const uint8_t id[8], struct why *why)
{
    struct admitted is;

    memcpy(is.id, id, sizeof is.id);
    if (!state_author_key(state_view(a->state), id, &is.key)) return OK;
    for (size_t i = 0; i < a->admitted.n; i++)
        if (memcmp(a->admitted.at[i].id, id, 8) == 0) return OK;
    admitted_vec_add(&a->admitted, is);
    return journal_etcd_admit(a->journal, id, why);
}

static enum err admit_all(struct actor *a, struct why *why)
{
    const struct view *v = state_view(a->state);

    for (uint32_t m = 0; m < view_n_members(v); m++) {
        struct member_node nodes[LIMIT_MEMBER_NODES];
        size_t n = view_nodes(v, m, nodes);
        TRY(admit(a, view_member(v, m)->root_id, why));
        for (size_t i = 0; i < n; i++) TRY(admit(a, nodes[i].id, why));
    }
    for (size_t i = 0; i < a->admitted.n;) {
        struct key_public key;
        if (state_author_key(v, a->admitted.at[i].id, &key)) i++;
        else {
            journal_etcd_retire(a->journal, a->admitted.at[i].id);
            a->admitted.at[i] = a->admitted.at[--a->admitted.n];
        }
    }
    return OK;
}

/* Applying. */

static void keep(struct actor *a, uint64_t index, struct str bytes, struct str leaf, const struct outcome *outcome)
{
    struct hash entry_hash = hash_leaf(bytes), outcome_hash = hash_leaf(leaf), root;
    struct applied is = {.hash = hash_of(bytes)};

    if (outcome) {
        is.outcome = *outcome;
        is.outcome.notices = NULL;
        is.outcome.conflicts = NULL;
    }
    tree_add(a->tree, &entry_hash);
    tree_add(a->tree, &outcome_hash);
    store_put_outcome(a->journal->store, index, leaf);
    root = tree_root(a->tree);
    root_vec_add(&a->roots, root);
    applied_vec_add(&a->applied, is);
    judge_applied(a->node, index, bytes, leaf, &root);
}

static enum err apply_one(void *context, uint64_t index, struct str bytes)
{
    struct actor *a = context;
    AUTO(arena_done) struct arena arena = {0};
    AUTO(buf_done) struct buf leaf = {0};
    struct outcome *outcomes = NULL;
    struct entry e;

    if (index == 0) {
        struct hash guard = outcome_guard(bytes);
        if (state_new(bytes, &a->state, NULL) != OK) return ERR_CORRUPT;
        outcome_encode(&guard, NULL, 0, &leaf);
    } else {
        if (entry_decode(bytes, &arena, &e, NULL) != OK) return ERR_CORRUPT;
        if (state_apply(a->state, &e, bytes, &arena, &outcomes, &leaf) != OK) return ERR_STATE;
        actor_counts.n_entries++;
    }
    keep(a, index, bytes, buf_str(&leaf), outcomes);
    return OK;
}

static enum err apply_all(struct actor *a, struct why *why)
{
    uint64_t size = store_size(a->journal->store), from = a->applied.n;

    if (from == size) return OK;
    TRY(store_read_back(a->journal->store, from, size - from, apply_one, a, why));
    if (a->state) {
        state_publish(a->state);
        judge_published(a->node, state_view(a->state));
        if (world_chance(30)) state_check(a->state);
    }
    return OK;
}

static enum err authors_change(void *context, struct journal *j, struct why *why)
{
    struct actor *a = context;

    (void)j;
    TRY(apply_all(a, why));
    return admit_all(a, why);
}

/* Asks. */

static struct ask *take(struct actor *a)
{
    struct ask *ask = a->first;

    if (ask) a->first = ask->next;
    if (!a->first) a->last = &a->first;
    return ask;
}

static void answer(struct ask *ask, enum ask_result result)
{
    ask->result = result;
    ask->done(ask);
}

static bool find_applied(const struct actor *a, const struct hash *hash, uint64_t *ret)
{
    for (size_t i = a->applied.n; i > 0; i--) {
        if (!hash_equal(&a->applied.at[i - 1].hash, hash)) continue;
        *ret = i - 1;
        return true;
    }
    return false;
}

static void answer_fate(struct actor *a, struct ask *ask)
{
    uint64_t index, next = 0;
    struct hash previous;
    int64_t time_ms;

    ask->fate = FATE_OPEN;
    (void)state_author_next(state_view(a->state), cast.ids[a->node], &next, &previous, &time_ms);
    if (find_applied(a, &ask->hash, &index)) {
        ask->fate = FATE_COMMITTED;
        ask->index = index;
        judge_committed(a->node, &ask->hash);
    } else if (next > ask->slot) {
        ask->fate = FATE_ABSENT; /* Other bytes stand in its slot (decision B4). */
        actor_counts.n_absent++;
        judge_absent(a->node, &ask->hash);
    }
    answer(ask, ASK_DONE);
}

/* The write stands: everything about it is known. */
static void answer_written(struct actor *a, struct ask *ask, uint64_t index)
{
    ask->index = index;
    ask->position = a->applied.n;
    ask->outcome = a->applied.at[index].outcome;
    judge_wrote(a->node, ask->floor, index, &ask->hash);
    answer(ask, ASK_DONE);
}

static void sign(struct actor *a, struct entry *e, struct buf *ret)
{
    memcpy(e->author, cast.ids[a->node], sizeof e->author);
    e->seen_size = 2 * a->applied.n;
    e->seen_root = a->roots.at[a->roots.n - 1];
    entry_encode(e, CAST_ORIGIN, &cast.entries[a->node], ret);
}

static struct entry own_entry(struct actor *a)
{
    struct entry e = {.time_ms = (WORLD_START_US + world.now_us + world.skew_us[a->node]) / 1000};
    int64_t last_ms = 0;
    uint64_t slot;

    (void)state_author_next(state_view(a->state), cast.ids[a->node], &slot, &e.previous, &last_ms);
    if (e.time_ms < last_ms) e.time_ms = last_ms;
    e.slot = journal_etcd_next(a->journal);
    return e;
}

static void note_error(struct actor *a, enum err err, const struct why *why)
{
    if (has_ended(a)) return;
    if (err == ERR_STATE || err == ERR_CORRUPT || err == ERR_DISK) {
        a->is_broken = true;
        world_say("broken: %s: %s", err_name(err), why->text);
    }
}

static void forget_unclear(struct actor *a)
{
    for (size_t i = 0; i < a->unclear.n; i++) buf_done(&a->unclear.at[i].bytes);
    unclear_vec_clear(&a->unclear);
}

/* Proposes what is unclear again, or a tick in its place. */
static void settle(struct actor *a)
{
    AUTO(buf_done) struct buf tick = {0};
    struct str bytes[BATCH];
    size_t n = 0;
    struct why why = {0};
    enum err err;

    if (a->unclear.n && world_chance(600)) {
        for (; n < a->unclear.n; n++) bytes[n] = buf_str(&a->unclear.at[n].bytes);
    } else {
        struct change change = {.kind = CHANGE_TICK};
        struct entry e = own_entry(a);
        e.changes = &change;
        e.n_changes = 1;
        if (a->unclear.n) e.slot = a->unclear.at[0].slot;
        sign(a, &e, &tick);
        bytes[n++] = buf_str(&tick);
    }
    err = a->journal->propose(a->journal, bytes, n, &why);
    note_error(a, err, &why);
    if (has_ended(a) || a->is_broken || apply_all(a, &why) != OK) return;
    if (err == OK || err == ERR_CONFLICT) {
        if (a->unclear.n) actor_counts.n_settled++;
        forget_unclear(a);
        a->owes_tick = err != OK && a->owes_tick;
    }
}

/* One batch of writes, an entry each. */
static void propose(struct actor *a)
{
    AUTO(arena_done) struct arena arena = {0};
    struct ask *asks[BATCH], *other = NULL, **end = &other;
    struct buf bytes[BATCH] = {{0}};
    struct str all[BATCH];
    struct entry e = own_entry(a);
    struct why why = {0};
    size_t n = 0;
    enum err err = OK;

    for (struct ask *ask; n < BATCH && (ask = take(a)) != NULL;) {
        struct change *change = arena_zalloc(&arena, sizeof *change);
        e.participant = (struct str){0};
        if (ask->kind != ASK_WRITE) {
            *end = ask;
            end = &ask->next;
            ask->next = NULL;
            continue;
        }
        if (!ask->make(ask->context, state_view(a->state), &arena, change, &e.participant)) {
            answer(ask, ASK_REFUSED);
            continue;
        }
        e.changes = change;
        e.n_changes = 1;
        sign(a, &e, &bytes[n]);
        all[n] = buf_str(&bytes[n]);
        ask->hash = e.previous = hash_of(all[n]);
        ask->slot = e.slot++;
        asks[n++] = ask;
    }
    if (other) { /* The others are for follow. */
        *end = a->first;
        if (!a->first) a->last = end;
        a->first = other;
    }
    if (n) {
        err = a->journal->propose(a->journal, all, n, &why);
        note_error(a, err, &why);
        if (!has_ended(a)) note_error(a, apply_all(a, &why), &why);
    }
    for (size_t i = 0; i < n; i++) {
        uint64_t index;
        bool is_unclear = err != OK && err != ERR_UNAVAILABLE && err != ERR_CONFLICT && err != ERR_INPUT;
        if (has_ended(a)) answer(asks[i], ASK_LOST);
        else if (find_applied(a, &asks[i]->hash, &index)) answer_written(a, asks[i], index);
        else if (err == OK) {
            judge_fail("node %d proposed an entry, was told that it stands, and does not have it", a->node);
            answer(asks[i], ASK_LOST);
        } else if (is_unclear) {
            struct unclear u = {.slot = asks[i]->slot};
            u.bytes = bytes[i];
            bytes[i] = (struct buf){0};
            unclear_vec_add(&a->unclear, u);
            actor_counts.n_unclear++;
            answer(asks[i], ASK_UNCLEAR);
        } else {
            judge_absent(a->node, &asks[i]->hash);
            answer(asks[i], ASK_REFUSED);
        }
        buf_done(&bytes[i]);
    }
}

/* One look serves all reads that wait. */
static void follow(struct actor *a)
{
    struct ask *reads = a->first, *ask;
    struct why why = {0};
    enum err err;

    a->first = NULL;
    a->last = &a->first;
    err = a->journal->follow(a->journal, 0, &why);
    note_error(a, err, &why);
    a->is_behind = err != OK;
    if (err == ERR_NOT_FOUND) {
        struct journal_etcd_gap gap;
        actor_counts.n_gaps++;
        if (journal_etcd_gap(a->journal, &gap)) journal_etcd_waive(a->journal, &gap);
    }
    if (!has_ended(a)) note_error(a, apply_all(a, &why), &why);
    while ((ask = reads) != NULL) {
        reads = ask->next;
        if (has_ended(a)) answer(ask, ASK_LOST);
        else if (ask->kind == ASK_WRITE) actor_ask(a->node, ask);
        else if (ask->kind == ASK_FATE) answer_fate(a, ask);
        else if (err != OK) answer(ask, ASK_REFUSED);
        else {
            ask->position = a->applied.n;
            ask->view = state_view(a->state);
            judge_read(a->node, ask->floor, ask->position);
            answer(ask, ASK_DONE);
        }
    }
    a->follow_us = world.now_us + FOLLOW_US + (int64_t)world_below(FOLLOW_US);
}

static bool waits_for(const struct actor *a, bool writes)
{
    for (const struct ask *ask = a->first; ask; ask = ask->next)
        if ((ask->kind == ASK_WRITE) == writes) return true;
    return false;
}

/* Everything that is due, once. */
static void work(struct actor *a)
{
    bool is_admitted = false;

    for (size_t i = 0; i < a->admitted.n; i++) is_admitted |= memcmp(a->admitted.at[i].id, cast.ids[a->node], 8) == 0;
    if (world.now_us >= a->follow_us || waits_for(a, false) || !is_admitted) {
        follow(a);
        if (a->is_broken) return;
    }
    if (is_admitted && !has_ended(a) && (a->unclear.n || a->owes_tick || world.now_us >= a->tick_us)) {
        settle(a);
        if (a->unclear.n == 0 && !a->owes_tick) a->tick_us = world.now_us + world_between(2 * S, 6 * S);
        else (void)fiber_wait(world.now_us + 20 * MS);
    }
    if (is_admitted && !has_ended(a) && !a->is_broken && !a->unclear.n && !a->owes_tick && waits_for(a, true) && actor_may_write(a))
        propose(a);
    if (!has_ended(a)) {
        struct why why;
        enum err err = store_flush(a->journal->store, &why);
        note_error(a, err, &why);
        actor_round_grew(a);
    }
}

/* Life. */

static enum err boot(struct actor *a, struct why *why)
{
    struct journal_etcd_options options = {
        .genesis = cast.genesis_hash,
        .etcd = {.n_endpoints = 3, .allow_old = true, .timeout_ms = 500, .stop = &a->stops},
        .patience_ms = (int)world_between(100, 3000),
        .is_signed = is_signed,
        .changes_authors = changes_authors,
        .authors_change = authors_change,
        .context = a,
    };
    struct str genesis = buf_str(&cast.genesis);

    memcpy(options.author, cast.ids[a->node], sizeof options.author);
    TRY(journal_open_etcd(a->dir, &options, &a->journal, why));
    if (store_size(a->journal->store) == 0) TRY(a->journal->propose(a->journal, &genesis, 1, why));
    a->tree = tree_new(a->journal->store);
    TRY(apply_all(a, why));
    return admit_all(a, why);
}

static void end_life(struct actor *a)
{
    struct ask *ask;

    a->is_up = false;
    actor_round_end(a);
    while ((ask = take(a)) != NULL) answer(ask, ASK_LOST);
    forget_unclear(a);
    unclear_vec_done(&a->unclear);
    if (a->journal) {
        struct journal_etcd_counts c = journal_etcd_counts(a->journal);
        actor_counts.n_squatted += c.squatted;
        actor_counts.n_garbage += c.garbage;
        actor_counts.n_disputed += c.disputed;
        actor_counts.n_overwritten += c.overwritten;
        actor_counts.n_stale += c.stale;
        a->journal->close(a->journal);
    }
    tree_free(a->tree);
    state_free(a->state);
    root_vec_done(&a->roots);
    applied_vec_done(&a->applied);
    admitted_vec_done(&a->admitted);
    a->journal = NULL;
    a->tree = NULL;
    a->state = NULL;
}

static void live(void *context)
{
    struct actor *a = context;
    struct why why = {0};
    enum err err;

    world_say("starts");
    judge_restarted(a->node);
    err = boot(a, &why);
    if (err != OK && !has_ended(a)) note_error(a, err, &why);
    if (err == OK && !has_ended(a) && actor_round_begin(a)) {
        a->owes_tick = true;
        a->is_up = true;
        while (!has_ended(a) && !a->is_broken) {
            work(a);
            if (has_ended(a) || a->is_broken) break;
            int64_t until_us = a->follow_us < a->tick_us ? a->follow_us : a->tick_us;
            a->is_idle = true;
            if (!a->first || a->unclear.n || !actor_may_write(a)) (void)fiber_wait(a->first ? world.now_us + 20 * MS : until_us);
            a->is_idle = false;
        }
    }
    end_life(a);
    world_say(disk_is_cut(a->node) ? "has lost power" : "ends");
}

static void start(struct actor *a)
{
    actor_counts.n_restarts += a->life > 0;
    a->life++;
    atomic_store(&a->stops, false);
    a->is_broken = a->is_idle = false;
    a->last = &a->first;
    a->follow_us = a->tick_us = 0;
    a->fiber = fiber_new(live, a, a->node);
    fiber_wake(a->fiber);
}

void actor_ask(int node, struct ask *ask)
{
    struct actor *a = &actors[node];

    ask->next = NULL;
    if (!a->is_up) {
        answer(ask, ASK_LOST);
        return;
    }
    *a->last = ask;
    a->last = &ask->next;
    if (a->is_idle && !fiber_self()) fiber_wake(a->fiber);
}

/* The fiber has ended: its machine is off until up_us. */
static void bury(struct actor *a)
{
    if (!a->fiber || !fiber_has_ended(a->fiber)) return;
    fiber_free(a->fiber);
    a->fiber = NULL;
    disk_restart(a->node, !(a->loses_power || disk_is_cut(a->node)));
    a->loses_power = false;
    a->up_us = world.now_us + (a->is_broken ? 2 * S : is_calm ? 10 * MS : world_between(10 * MS, 4 * S));
}

static void end(struct actor *a)
{
    atomic_store(&a->stops, true);
    for (int i = 0; a->fiber && !fiber_has_ended(a->fiber); i++) {
        must(i < 1000);
        fiber_wake(a->fiber); /* What it waits for does not come any more. */
    }
    bury(a);
}

void actors_trouble(void)
{
    for (size_t i = 0; i < cast.n_nodes; i++) {
        struct actor *a = &actors[i];
        bury(a);
        if (!a->fiber) {
            if (world.now_us >= a->up_us && !hostile_is(a->node)) start(a);
            continue;
        }
        if (is_calm) continue;
        if (world_chance(2)) {
            a->loses_power = world_chance(600);
            if (a->loses_power) disk_cut(a->node);
            end(a);
        } else if (world_chance(2)) disk_cut_at(a->node, (int)world_between(1, 12));
        else if (world_chance(1)) disk_fail_write(a->node, (int)world_between(1, 10), world_chance(500));
        else if (world_chance(1)) disk_fail_sync(a->node, (int)world_between(1, 4));
    }
    actor_round_trouble();
}

void actors_calm(void)
{
    is_calm = true;
    actor_round_calm();
    for (size_t i = 0; i < cast.n_nodes; i++) {
        disk_heal((int)i);
        bury(&actors[i]);
        if (!actors[i].fiber) actors[i].up_us = world.now_us;
    }
}

void actors_begin(void)
{
    is_calm = false;
    actor_round_reset();
    memset(actors, 0, sizeof actors);
    for (size_t i = 0; i < cast.n_nodes; i++) {
        actors[i].node = (int)i;
        actors[i].last = &actors[i].first;
        (void)snprintf(actors[i].dir, sizeof actors[i].dir, "/sim/%d", (int)i);
    }
}

void actors_end(void)
{
    for (size_t i = 0; i < cast.n_nodes; i++) end(&actors[i]);
}

bool actor_is_up(int node)
{
    return actors[node].is_up;
}

bool actor_is_broken(int node)
{
    return actors[node].is_broken;
}

bool actor_is_behind(int node)
{
    return actors[node].is_behind;
}

bool actor_has_settled(int node)
{
    return actors[node].is_up && !actors[node].unclear.n && !actors[node].owes_tick;
}

uint64_t actor_position(int node)
{
    return actors[node].applied.n;
}
