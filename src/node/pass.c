/* pass.c - entries that another author of the network signed, a member's root key as a rule, on their way into its slots.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The key may be offline: who holds it asks a node for what comes next, signs, and hands the bytes to any node. A slot of an author
 * cannot be taken back, so the first change is judged before it is used.
 */
#include "node/shared.h"

void node_pass(struct node *n, struct passing *p)
{
    bool is_stopping, wakes;

    p->next = NULL;
    must(pthread_mutex_lock(&n->lock) == 0);
    is_stopping = n->is_stopping;
    if (!is_stopping) {
        *n->last_passing = p;
        n->last_passing = &p->next;
    }
    wakes = n->writer_sleeps;
    n->writer_sleeps = false;
    must(pthread_mutex_unlock(&n->lock) == 0);
    if (is_stopping) {
        p->err = fail(&p->why, ERR_UNAVAILABLE, "the node is stopping");
        p->done(p);
    } else if (wakes) {
        must(pthread_cond_signal(&n->wake) == 0);
    }
}

/* Whose it is, and that it follows its author's last entry. */
static enum err check_entry(struct node *n, const struct entry *e, struct str bytes, struct why *why)
{
    const struct view *v = state_view(n->state);
    struct key_public key;
    struct hash previous;
    uint64_t slot;
    int64_t time_ms;

    if (memcmp(e->author, n->author, sizeof e->author) == 0) return fail(why, ERR_RIGHTS, "this node's own key signs in the node alone");
    if (!state_author_key(v, e->author, &key)) return fail(why, ERR_RIGHTS, "the entry's author may not write in this network");
    if (!entry_verify(bytes, buf_str(&n->origin), &key)) return fail(why, ERR_RIGHTS, "the entry is not signed by its author's key");
    must(state_author_next(v, e->author, &slot, &previous, &time_ms));
    if (e->slot < slot || !hash_equal(&e->previous, &previous) || e->time_ms < time_ms) {
        return fail(why, ERR_CONFLICT, "the entry (slot %llu) does not follow its author's last one: slot %llu or later, with that one's hash and a later time",
                    (unsigned long long)e->slot, (unsigned long long)slot);
    }
    return OK;
}

/* The first change; later ones may build on it. */
static enum err judge(struct node *n, const struct entry *e, struct passing *p)
{
    p->reason = change_judge_by(state_view(n->state), e->author, e->participant, &e->changes[0], e->time_ms);
    if (p->reason != REASON_ACCEPTED) return fail(&p->why, ERR_STATE, "%s", reason_text(p->reason));
    return OK;
}

static enum err order(struct node *n, struct packed_vec *waiting, struct why *why)
{
    struct str bytes = waiting->at[0].bytes;
    struct why applying;
    enum err err, applied;

    if (n->shared) {
        n->shared->waiting = waiting;
        err = journal_etcd_pass(n->journal, bytes, why);
        n->shared->waiting = NULL;
        applied = shared_apply(n, waiting, &applying);
    } else {
        err = n->journal->propose(n->journal, &bytes, 1, why);
        applied = err == OK ? writer_apply_stored(n, waiting, &n->arena, &applying) : OK;
        if (err == OK && applied == OK) writer_hand_to_signer(n);
    }
    if (applied != OK) {
        *why = applying;
        return applied;
    }
    if (waiting->at[0].is_applied) return OK; /* Whatever the answer was. */
    return err;
}

void pass_one(struct node *n, struct passing *p)
{
    AUTO(packed_vec_done) struct packed_vec waiting = {0};
    struct entry e;

    p->hash = hash_of(p->bytes);
    p->is_unclear = false;
    p->reason = REASON_ACCEPTED;
    p->err = entry_decode(p->bytes, &n->arena, &e, &p->why) == OK ? OK : ERR_INPUT;
    if (p->err == OK) p->err = check_entry(n, &e, p->bytes, &p->why);
    if (p->err == OK) p->err = judge(n, &e, p);
    if (p->err != OK) return;

    packed_vec_add(&waiting, (struct packed){.passing = p, .bytes = p->bytes, .hash = p->hash, .slot = e.slot});
    p->err = order(n, &waiting, &p->why);
    if (p->err == OK || p->err == ERR_CONFLICT || p->err == ERR_UNAVAILABLE || p->err == ERR_INPUT) return;
    p->is_unclear = true;
    if (p->err == ERR_NET) {
        p->err = ERR_UNAVAILABLE;
        return;
    }
    node_stop_writes(n, &p->why);
    p->err = ERR_UNAVAILABLE;
}

void pass_refuse_all(struct node *n, struct passing *first, const struct why *why)
{
    struct why stopped;

    if (!why) {
        must(pthread_mutex_lock(&n->lock) == 0);
        stopped = n->stopped_because;
        must(pthread_mutex_unlock(&n->lock) == 0);
        why = &stopped;
    }
    while (first) {
        struct passing *p = first;
        first = p->next;
        p->err = ERR_UNAVAILABLE;
        p->is_unclear = false;
        p->why = *why;
        p->done(p);
    }
}

void pass_all(struct node *n, struct passing *first)
{
    struct why why = {0};

    if (!atomic_load(&n->takes_writes)) {
        pass_refuse_all(n, first, NULL);
        return;
    }
    if (n->shared && !shared_look(n)) { /* What it follows must be known. */
        (void)fail(&why, ERR_UNAVAILABLE, "etcd does not answer; nothing was written");
        pass_refuse_all(n, first, &why);
        return;
    }
    while (first) {
        struct passing *p = first;
        first = p->next;
        pass_one(n, p);
        p->position = state_view(n->state)->position;
        p->done(p);
    }
}
