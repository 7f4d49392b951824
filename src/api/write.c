/* write.c - judging, proposing, answering.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "api/write.h"

#include <stddef.h>

#include "api/problem.h"
#include "base/hex.h"

#define MANY_NOTICES 64 /* More are rendered off the writer's thread. */
#define MAX_TRIES 3

static void done(struct pending *p);

struct write *write_new(struct call *c, enum change_kind kind)
{
    struct write *w = arena_zalloc(call_arena(c), sizeof *w);
    w->call = c;
    w->status = 200;
    w->proposal.participant = c->caller.sub;
    w->proposal.change.kind = kind;
    w->proposal.done = done;
    w->proposal.arena = call_arena(c);
    return w;
}

static const struct entity *copy_entity(const struct entity *e, struct arena *arena)
{
    struct entity *copy = arena_alloc(arena, sizeof *copy);
    *copy = *e;
    copy->manager = arena_dup(arena, e->manager);
    copy->url = arena_dup(arena, e->url);
    copy->token = arena_dup(arena, e->token);
    copy->cells = (struct str){0};
    copy->n_cells = 0;
    return copy;
}

/* A deletion that is accepted names the version that it was judged at: what it deletes is what stands in v. */
static void keep_deleted(struct write *w, const struct view *v)
{
    const struct change *change = &w->proposal.change;
    enum entity_kind kind;
    switch (change->kind) {
    case CHANGE_INTENT_DELETE: kind = ENTITY_INTENT; break;
    case CHANGE_CONSTRAINT_DELETE: kind = ENTITY_CONSTRAINT; break;
    case CHANGE_SUBSCRIPTION_DELETE: kind = ENTITY_SUBSCRIPTION; break;
    default: return;
    }
    const struct entity *old = view_find(v, kind, change->id);
    must(old);
    w->old = copy_entity(old, call_arena(w->call));
    if (kind == ENTITY_SUBSCRIPTION) w->old_index = view_index(v, old);
}

int write_status(enum change_kind kind, enum reason reason)
{
    if (reason == REASON_NOT_FOUND || reason == REASON_UNKNOWN_VERSION) {
        if (kind == CHANGE_INTENT_PUT || kind == CHANGE_SUBSCRIPTION_PUT) return 400;
        if (kind == CHANGE_CONSTRAINT_PUT) return 409;
        return 404;
    }
    return err_status(reason_err(reason));
}

static void refuse(struct write *w, int status, struct str message)
{
    if (w->undo) w->undo(w);
    call_refuse_status(w->call, status, message);
}

static void refuse_reason(struct write *w, enum reason reason)
{
    refuse(w, write_status(w->proposal.change.kind, reason), str_of(reason_text(reason)));
}

static void refuse_key(struct write *w, const struct view *v, struct state_pin *pin,
                       const struct key_verdict *verdict)
{
    struct buf body = {0};
    problem_add_conflict(&body, v, w->call->caller.sub, verdict);
    state_done_reading(pin);
    if (w->undo) w->undo(w);
    call_answer(w->call, 409, &body);
}

static void run_fresh(struct later_job *job)
{
    write_start((struct write *)((char *)job - offsetof(struct write, job)));
}

/* On the writer's thread, as a rule. */
static void on_barrier(struct barrier *b)
{
    struct write *w = (struct write *)((char *)b - offsetof(struct write, barrier));
    if (b->err != OK) {
        refuse(w, 503, STR("the order of writes is not reached now; nothing was written"));
        return;
    }
    w->is_fresh = true;
    w->job = (struct later_job){.run = run_fresh};
    later_add(w->call->api->later, &w->job);
}

/* A refusal may rest on what other nodes have changed since: true if the write is judged again, once, on what the order holds now. */
static bool refreshes(struct write *w)
{
    if (w->is_fresh || !w->call->api->is_shared) return false;
    w->barrier.done = on_barrier;
    node_barrier(w->call->api->options.node, &w->barrier);
    return true;
}

void write_start(struct write *w)
{
    struct call *c = w->call;
    struct change *change = &w->proposal.change;
    struct state_pin pin;
    struct key_verdict verdict = {0};

    const struct view *v = call_read(c, &pin);
    enum reason reason = change_judge_by(v, c->api->author, w->proposal.participant, change, node_now_us() / 1000);
    if (reason != REASON_ACCEPTED) {
        state_done_reading(&pin);
        if (!refreshes(w)) refuse_reason(w, reason);
        return;
    }
    keep_deleted(w, v);
    if (change->kind == CHANGE_INTENT_PUT) {
        key_judge(v, w->proposal.participant, change, w->key, w->n_key, call_arena(c), &verdict);
        if (verdict.n_missing_intents + verdict.n_missing_constraints > 0) {
            if (w->is_fresh || !c->api->is_shared) {
                refuse_key(w, v, &pin, &verdict);
                return;
            }
            state_done_reading(&pin);
            must(refreshes(w));
            return;
        }
    }
    state_done_reading(&pin);
    w->n_tries++;
    node_propose(c->api->options.node, &w->proposal); /* The write may be gone when this returns. */
}

static void answer(struct write *w)
{
    struct buf body = {0};
    struct state_pin pin;
    const struct view *v = call_read(w->call, &pin);
    w->call->position = w->proposal.position;
    w->render(w, v, &body);
    state_done_reading(&pin);
    call_answer(w->call, w->status, &body);
}

/* What the outcome named as missing, as far as it still exists. */
static const struct entity **find_all(const struct view *v, enum entity_kind kind,
                                      const struct id *ids, size_t n, struct arena *arena,
                                      size_t *ret_n)
{
    const struct entity **found = arena_array(arena, n, sizeof *found);
    *ret_n = 0;
    for (size_t i = 0; i < n; i++) {
        const struct entity *e = view_find(v, kind, ids[i]);
        if (e) found[(*ret_n)++] = e;
    }
    return found;
}

/* The key was refused when the change was applied: something came in between. */
static void judge_again(struct write *w)
{
    if (w->n_tries < MAX_TRIES) {
        w->proposal.is_unclear = false;
        w->proposal.err = OK;
        w->proposal.why = (struct why){0};
        w->proposal.outcome = (struct outcome){0};
        write_start(w);
        return;
    }
    struct state_pin pin;
    struct key_verdict verdict = {0};
    const struct outcome *o = &w->proposal.outcome;
    struct arena *arena = call_arena(w->call);
    const struct view *v = call_read(w->call, &pin);
    verdict.missing_intents = find_all(v, ENTITY_INTENT, o->conflicts, o->n_conflict_intents,
                                       arena, &verdict.n_missing_intents);
    verdict.missing_constraints =
        find_all(v, ENTITY_CONSTRAINT, o->conflicts + o->n_conflict_intents,
                 o->n_conflict_constraints, arena, &verdict.n_missing_constraints);
    refuse_key(w, v, &pin, &verdict);
}

static void run_later(struct later_job *job)
{
    struct write *w = (struct write *)((char *)job - offsetof(struct write, job));
    if (w->proposal.outcome.reason == REASON_KEY) {
        judge_again(w);
    } else {
        answer(w);
    }
}

static void refuse_unwritten(struct write *w)
{
    struct pending *p = &w->proposal;
    if (p->is_unclear) {
        char *hex = arena_alloc(call_arena(w->call), 64);
        hex_encode(p->entry_hash.b, 32, hex);
        w->call->entry_hash = str_make(hex, 64);
        w->undo = NULL; /* It may yet be written. */
    }
    if (w->undo) w->undo(w);
    call_refuse(w->call, p->err, &p->why);
}

/* On the writer's thread, or that of node_propose(). */
static void done(struct pending *p)
{
    struct write *w = (struct write *)((char *)p - offsetof(struct write, proposal));
    if (p->err != OK) {
        refuse_unwritten(w);
        return;
    }
    w->call->position = p->position;
    bool is_accepted = p->outcome.reason == REASON_ACCEPTED;
    if (!is_accepted && p->outcome.reason != REASON_KEY) {
        refuse_reason(w, p->outcome.reason);
    } else if (is_accepted && !w->is_heavy && p->outcome.n_notices <= MANY_NOTICES) {
        answer(w);
    } else {
        w->job = (struct later_job){.run = run_later};
        later_add(w->call->api->later, &w->job);
    }
}
