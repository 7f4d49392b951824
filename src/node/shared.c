/* shared.c - the writer's round in a network of several members, and what the engine on etcd asks of a node.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "node/shared.h"

#include <stdio.h>

#include "node/fetch.h"
#include "state/epoch.h"
#include "state/member.h"
#include "state/rules.h"

/* What the engine asks. */

static size_t verified_at(struct hash h)
{
    return ((size_t)h.b[0] << 8 | h.b[1]) % SHARED_VERIFIED;
}

bool shared_has_verified(const struct node *n, struct str bytes)
{
    struct hash h = hash_of(bytes);
    return hash_equal(&n->shared->verified[verified_at(h)], &h);
}

static bool is_signed(void *context, const uint8_t author[8], struct str bytes)
{
    struct node *n = context;
    struct hash h = hash_of(bytes);
    struct key_public key;

    if (!state_author_key(state_view(n->state), author, &key) || !entry_verify(bytes, buf_str(&n->origin), &key)) return false;
    n->shared->verified[verified_at(h)] = h;
    return true;
}

/* Whatever is said of members may complete what was proposed before (decision C3). */
bool shared_changes_authors(const struct entry *e)
{
    for (size_t i = 0; i < e->n_changes; i++) {
        enum change_kind kind = e->changes[i].kind;
        if (kind != CHANGE_TICK && (kind < CHANGE_INTENT_PUT || kind > CHANGE_REPORT)) return true;
    }
    return false;
}

static bool changes_authors(void *context, struct str bytes)
{
    AUTO(arena_done) struct arena arena = {0};
    struct entry e;

    (void)context;
    return entry_decode(bytes, &arena, &e, NULL) == OK && shared_changes_authors(&e);
}

static enum err admit(struct node *n, const uint8_t author[8], struct why *why)
{
    struct key_public key;
    if (!state_author_key(state_view(n->state), author, &key)) return OK;
    return journal_etcd_admit(n->journal, author, why);
}

/* Makes the engine's authors those that the state has: members' roots and their nodes. */
static enum err admit_all(struct node *n, struct why *why)
{
    const struct view *v = state_view(n->state);
    struct member_node nodes[LIMIT_MEMBER_NODES];
    struct key_public key;

    for (uint32_t no = 0; no < view_n_members(v); no++) TRY(admit(n, view_member(v, no)->root_id, why));
    for (uint32_t no = 0; no < view_n_members(v); no++) {
        size_t n_nodes = view_nodes(v, no, nodes);
        for (size_t i = 0; i < n_nodes; i++) TRY(admit(n, nodes[i].id, why));
    }
    for (size_t i = journal_etcd_n_authors(n->journal); i-- > 0;) {
        uint8_t author[8];
        memcpy(author, journal_etcd_author(n->journal, i), sizeof author);
        if (!state_author_key(v, author, &key)) journal_etcd_retire(n->journal, author);
    }
    return OK;
}

static enum err authors_change(void *context, struct journal *j, struct why *why)
{
    struct node *n = context;

    (void)j;
    TRY(shared_apply(n, n->shared->waiting, why));
    return admit_all(n, why);
}

static int64_t engine_ms(void *context)
{
    return node_steady_us(context) / 1000;
}

static void engine_pause(void *context, int64_t ms)
{
    struct node *n = context;
    if (n->world->pause) n->world->pause(n->world->context, ms);
}

/* Opening. */

enum err shared_open(struct node *n, const struct node_options *options, struct why *why)
{
    struct shared *s = n->shared;
    s->write_us = (int64_t)(options->write_ms ? options->write_ms : SHARED_WRITE_MS) * 1000;
    s->upkeep_us = (int64_t)(options->upkeep_ms ? options->upkeep_ms : SHARED_UPKEEP_MS) * 1000;
    struct journal_etcd_options o = {
        .etcd = *options->etcd,
        .genesis = hash_of(options->genesis),
        .patience_ms = n->is_stepped ? 1 : s->write_us < SHARED_PATIENCE_MS * 1000 ? (int)(s->write_us / 1000) : SHARED_PATIENCE_MS,
        .is_signed = is_signed,
        .changes_authors = changes_authors,
        .authors_change = authors_change,
        .opens_epoch = epoch_opens,
        .steady_ms = n->world ? engine_ms : NULL,
        .pause = n->world ? engine_pause : NULL,
        .context = n,
    };

    o.etcd.stop = &s->stop;
    if (o.etcd.timeout_ms == 0) o.etcd.timeout_ms = SHARED_ATTEMPT_MS;
    memcpy(o.author, n->author, sizeof o.author);
    buf_add_str(&s->member, options->member);
    s->follow_us = (int64_t)(options->follow_ms ? options->follow_ms : SHARED_FOLLOW_MS) * 1000;
    s->verified = mem_calloc(SHARED_VERIFIED, sizeof *s->verified);
    atomic_store(&s->may_write, true);
    TRY(unclear_open(n->dir, &s->unclear, why));
    forgetting_open(n);
    TRY(journal_open_etcd(n->dir, &o, &n->journal, why));
    n->store = n->journal->store;
    return OK;
}

void shared_free(struct shared *s)
{
    if (!s) return;
    buf_done(&s->member);
    packed_vec_done(&s->unsettled);
    shared_mark_vec_done(&s->marks);
    arena_done(&s->unsettled_arena);
    arena_done(&s->epoch_arena);
    unclear_free(s->unclear);
    forgetting_free(s->forgetting);
    mem_free(s->verified);
    mem_free(s);
}

enum err shared_grown(struct node *n, struct why *why)
{
    TRY(journal_etcd_grown(n->journal, why));
    TRY(admit_all(n, why));
    TRY(joining_check(n, why));
    if (atomic_load(&n->shared->is_joined)) writer_hand_to_signer(n);
    return OK;
}

/* What peers have, before etcd is asked for the rest: it may have slots no more, and verifying each entry takes its time. */
static enum err take_over(struct node *n, struct why *why)
{
    struct why not_now = {0};
    enum err err = fetch_run(n->fetch, &not_now);

    if (err == ERR_CORRUPT || err == ERR_DISK || err == ERR_STATE || err == ERR_INPUT) {
        if (why) *why = not_now;
        return err;
    }
    if (err == ERR_CONFLICT) node_warn(n, "the peers' log is not the continuation of this one", &not_now);
    return OK;
}

enum err shared_start(struct node *n, struct why *why)
{
    struct etcd_status status;
    struct why unreachable = {0};
    enum err err;

    TRY(epoch_begin(n, why));
    TRY(admit_all(n, why));
    TRY(joining_check(n, why));
    if (atomic_load(&n->shared->is_joined)) writer_hand_to_signer(n); /* Etcd may tell nothing new for long. */
    TRY(take_over(n, why));
    atomic_store(&n->shared->fresh_us, node_steady_us(n));
    err = journal_etcd_ask_status(n->journal, &status, &unreachable);
    if (err == ERR_STATE) {
        if (why) *why = unreachable;
        return err;
    }
    if (err == OK) (void)shared_look(n);
    else shared_failed(n, ERR_UNAVAILABLE, &unreachable);
    if (n->shared->is_broken) {
        if (why) *why = n->stopped_because;
        return ERR_CORRUPT;
    }
    return OK;
}

/* Looking. */

void shared_note_applied(struct node *n, uint64_t index, const struct entry *e, struct str bytes)
{
    struct packed_vec *u = &n->shared->unsettled;

    if (memcmp(e->author, n->author, sizeof e->author) != 0) return;
    upkeep_note(n, e->slot, index);
    for (size_t i = 0; i < u->n; i++)
        if (u->at[i].slot == e->slot && str_equal(u->at[i].bytes, bytes)) u->at[i].is_applied = true;
}

enum err shared_apply(struct node *n, struct packed_vec *waiting, struct why *why)
{
    struct why broken;
    enum err err;

    if (state_view(n->state)->position == store_size(n->store)) return OK;
    err = writer_apply_stored(n, waiting, &n->arena, &broken);
    if (err == OK) err = joining_check(n, &broken);
    if (err == OK) {
        if (atomic_load(&n->shared->is_joined)) writer_hand_to_signer(n);
        return OK;
    }
    n->shared->is_broken = true;
    node_stop_writes(n, &broken);
    if (why) *why = broken;
    return err;
}

void shared_looked(struct node *n, int64_t begin_us)
{
    struct shared *s = n->shared;
    struct journal_etcd_counts counts = journal_etcd_counts(n->journal);
    bool was_out = atomic_exchange(&s->is_out, false);

    atomic_store(&s->is_slow, false);
    atomic_store(&s->fresh_us, begin_us);
    must(pthread_mutex_lock(&n->lock) == 0);
    s->etcd_why = (struct why){0};
    s->counts = counts;
    must(pthread_mutex_unlock(&n->lock) == 0);
    s->said_stale = false;
    s->has_looked = true;
    if (was_out) (void)fprintf(stderr, "etcd answers again\n");
}

void shared_failed(struct node *n, enum err err, const struct why *why)
{
    struct shared *s = n->shared;
    bool was_out = atomic_load(&s->is_out);

    if (!was_out) atomic_store(&s->out_us, node_steady_us(n));
    atomic_store(&s->is_out, true);
    must(pthread_mutex_lock(&n->lock) == 0);
    s->etcd_why = *why;
    must(pthread_mutex_unlock(&n->lock) == 0);
    if (err == ERR_STATE || err == ERR_DISK || err == ERR_CORRUPT) {
        s->is_broken = true;
        node_stop_writes(n, why);
    } else if ((!was_out && !atomic_load(&s->stop)) || (journal_etcd_is_stale(n->journal) && !s->said_stale)) {
        (void)fprintf(stderr, "WARNING: the order is not known: %s\n", why->text);
        s->said_stale = journal_etcd_is_stale(n->journal);
    }
}

void shared_unknown(struct node *n, enum err err, struct why *why)
{
    atomic_store(&n->shared->is_slow, journal_etcd_is_slow(n->journal, why));
    shared_failed(n, err, why);
}

/* Slots that etcd has no more, or never had: the members know. Whatever they say, this look did not tell all: ERR_UNAVAILABLE if
 * the next one may. */
static enum err close_gap(struct node *n, struct why *why)
{
    struct journal_etcd_gap gap;
    struct why said = {0};
    enum err err;

    if (!n->shared->fetch || !journal_etcd_gap(n->journal, &gap)) return ERR_UNAVAILABLE;
    err = n->shared->fetch(n->shared->fetch_context, n, &gap, &said);
    if (err == OK) return ERR_UNAVAILABLE;
    if (err != ERR_NOT_FOUND) {
        if (said.text[0]) *why = said;
        return err;
    }
    (void)fprintf(stderr, "slots %llu to %llu of an author were never written: others do not wait for them\n",
                  (unsigned long long)gap.from, (unsigned long long)gap.to - 1);
    journal_etcd_waive(n->journal, &gap);
    return ERR_UNAVAILABLE;
}

bool shared_look(struct node *n)
{
    int64_t begin_us = node_steady_us(n);
    struct why why = {0};
    enum err err, applied;

    if (n->shared->is_broken) return false;
    err = fetch_must_run(n->fetch) ? fetch_run(n->fetch, &why) : OK;
    if (err != OK) {
        shared_failed(n, err, &why);
        return false;
    }
    err = n->journal->follow(n->journal, 0, &why);
    applied = shared_apply(n, NULL, NULL);
    if (err == OK && applied == OK) {
        shared_looked(n, begin_us);
        return true;
    }
    if (applied != OK) return false;
    if (err == ERR_NOT_FOUND) err = close_gap(n, &why);
    shared_unknown(n, err, &why);
    return false;
}

int64_t shared_due_us(const struct node *n)
{
    return n->shared->is_broken ? INT64_MAX : n->shared->follow_at_us;
}

/* Why nothing may be written now; NULL if it may. */
static const struct why *forbidden(struct node *n, struct why *ret)
{
    struct shared *s = n->shared;

    if (!atomic_load(&s->is_joined)) {
        (void)fail(ret, ERR_UNAVAILABLE, "this node has not joined its network yet");
    } else if (!s->has_looked) {
        (void)fail(ret, ERR_UNAVAILABLE, "what was written while this node was away is not known yet");
    } else if (epoch_is_opening(n) && atomic_load(&s->is_out)) {
        (void)fail(ret, ERR_UNAVAILABLE, "epoch %llu is not open yet", (unsigned long long)s->statement.epoch);
    } else if (s->unsettled.n) {
        must(pthread_mutex_lock(&n->lock) == 0);
        (void)fail(ret, ERR_UNAVAILABLE, "of an earlier write is not known yet whether it was done; nothing of this one was%s%s",
                   s->etcd_why.text[0] ? ": " : "", s->etcd_why.text);
        must(pthread_mutex_unlock(&n->lock) == 0);
    } else if (!atomic_load(&s->may_write)) {
        must(pthread_mutex_lock(&n->lock) == 0);
        *ret = s->may_not_why;
        must(pthread_mutex_unlock(&n->lock) == 0);
    } else {
        return NULL;
    }
    return ret;
}

/* An epoch is opened, and rules are announced (decision A11), as soon as that is due. */
static bool is_tick_due(const struct node *n)
{
    if (node_steady_us(n) >= n->tick_at_us) return true;
    return !atomic_load(&n->shared->is_out) &&
           (epoch_is_opening(n) || view_rules_to_announce(state_view(n->state), n->author));
}

/* True if a look was taken that told all. */
static bool write_what_waits(struct node *n, const struct work *w)
{
    struct why why;

    if (n->shared->unsettled.n) batch_settle(n);
    if (!atomic_load(&n->takes_writes)) {
        node_refuse_all(n, w->first, NULL);
        return false;
    }
    const struct why *no = forbidden(n, &why);
    if (!no && w->first && epoch_is_opening(n)) {
        (void)batch_tick(n);
        no = forbidden(n, &why);
    }
    if (w->first && no) node_refuse_all(n, w->first, no);
    else if (w->first) return batch_run(n, w->first);
    else if (!no && !w->stops && is_tick_due(n)) return batch_tick(n);
    if (no) n->tick_at_us = node_steady_us(n) + n->tick_us / 60;
    return false;
}

/* Somebody waits for the next look. */
static void hurry(struct node *n)
{
    int64_t again_us = node_steady_us(n) + SHARED_AGAIN_US;
    if (n->shared->follow_at_us > again_us) n->shared->follow_at_us = again_us;
}

void shared_round(struct node *n, const struct work *w)
{
    struct shared *s = n->shared;
    bool has_looked = write_what_waits(n, w);

    if (w->passing) pass_all(n, w->passing);
    bool looks = !has_looked && (w->has_barriers || w->wants_look || node_steady_us(n) >= s->follow_at_us);
    if (looks) has_looked = shared_look(n);
    if (has_looked && !w->stops) joining_try(n);
    if (has_looked && !w->stops) upkeep_run(n);
    if (!w->stops) forgetting_run(n);
    if (s->is_broken) has_looked = false; /* What was handed in ended this node's own keys, perhaps. */
    if (has_looked && atomic_load(&s->is_joined) && unclear_n_open(s->unclear) && batch_settle_old(n)) n->tick_at_us = 0;
    /* A round without a look puts none off: many rounds of refused writes would keep the node from ever knowing more. */
    if (looks || has_looked) s->follow_at_us = node_steady_us(n) + s->follow_us;
    if (w->has_barriers && has_looked) barrier_answer(n, w->n_barriers);
    else if (w->has_barriers && barrier_put_off(n, w->n_barriers)) hurry(n);
}

/* What others ask. */

void node_look_soon(struct node *n)
{
    bool wakes = false;

    must(n->shared);
    must(pthread_mutex_lock(&n->lock) == 0);
    if (node_steady_us(n) - atomic_load(&n->shared->fresh_us) >= SHARED_HINT_US) {
        n->wants_look = true;
        wakes = n->writer_sleeps;
    }
    must(pthread_mutex_unlock(&n->lock) == 0);
    if (wakes) must(pthread_cond_signal(&n->wake) == 0);
}

void shared_status(struct node *n, struct node_status *ret)
{
    struct shared *s = n->shared;
    int64_t age = node_steady_us(n) - atomic_load(&s->fresh_us);

    ret->is_shared = true;
    ret->n_unsettled = unclear_n_open(s->unclear);
    ret->is_joined = atomic_load(&s->is_joined);
    ret->has_etcd = !atomic_load(&s->is_out);
    ret->etcd_why = s->etcd_why.text[0] ? s->etcd_why : s->etcd_complaint;
    ret->etcd = s->etcd;
    ret->slots_kept_from = s->kept_from;
    ret->n_forgotten = forgetting_n_files(s);
    ret->age_us = age > 0 ? age : 0;
    ret->order = s->counts;
}

bool node_is_shared(const struct node *n)
{
    return n->shared != NULL;
}

bool node_is_joined(const struct node *n)
{
    return !n->shared || atomic_load(&n->shared->is_joined);
}

void node_set_may_write(struct node *n, bool may_write, const struct why *why)
{
    must(n->shared);
    must(pthread_mutex_lock(&n->lock) == 0);
    if (!may_write) n->shared->may_not_why = *why;
    atomic_store(&n->shared->may_write, may_write);
    must(pthread_mutex_unlock(&n->lock) == 0);
}

void node_set_signed(struct node *n, uint32_t member, uint64_t size, int64_t heard_us)
{
    must(n->shared && member < LIMIT_MEMBERS_EVER);
    must(pthread_mutex_lock(&n->lock) == 0);
    struct shared_signed *m = &n->shared->members[member];
    if (size > m->size) m->size = size;
    if (heard_us > m->heard_us) m->heard_us = heard_us;
    must(pthread_mutex_unlock(&n->lock) == 0);
}

bool node_signed(struct node *n, uint32_t member, uint64_t *ret_size, int64_t *ret_heard_us)
{
    if (!n->shared || member >= LIMIT_MEMBERS_EVER) return false;
    must(pthread_mutex_lock(&n->lock) == 0);
    struct shared_signed m = n->shared->members[member];
    must(pthread_mutex_unlock(&n->lock) == 0);
    if (m.size == 0 && m.heard_us == 0) return false;
    *ret_size = m.size;
    *ret_heard_us = m.heard_us;
    return true;
}

void node_on_gap(struct node *n, enum err (*fetch)(void *context, struct node *n, const struct journal_etcd_gap *gap, struct why *why),
                 void *context)
{
    must(n->shared);
    n->shared->fetch = fetch;
    n->shared->fetch_context = context;
}
