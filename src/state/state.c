/* state.c - applying entries: whose turn it is, one change after the other, the clock, the clean-up.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "state/state.h"

#include <stdlib.h>

#include "base/limits.h"
#include "state/internal.h"

#define NO_TIME INT64_MIN

/* --- making and ending ------------------------------------------------------------------------ */

enum err network_read(struct str genesis, struct network **ret, struct why *why)
{
    struct network *n = mem_zalloc(sizeof *n);

    n->bytes = arena_dup(&n->arena, genesis);
    n->hash = hash_of(genesis);
    enum err err = genesis_decode(n->bytes, &n->arena, &n->genesis, why);
    if (err != OK) {
        network_free(n);
        return err;
    }
    *ret = n;
    return OK;
}

void network_free(struct network *n)
{
    if (!n) return;
    arena_done(&n->arena);
    mem_free(n);
}

struct state *state_make(struct network *network)
{
    struct state *s = mem_zalloc(sizeof *s);

    s->cow = cow_new();
    s->network = network;
    s->extra.network = network;
    s->extra.rules = (uint32_t)network->genesis.rules;
    s->view.extra = &s->extra;
    members_clock(s);
    return s;
}

enum err state_new(struct str genesis, struct state **ret, struct why *why)
{
    struct network *network;

    TRY(network_read(genesis, &network, why));
    struct state *s = state_make(network);
    roster_found(s);
    s->view.position = 1;
    s->view.clock_ms = network->genesis.created_ms;
    s->view.last_time_ms = network->genesis.created_ms;
    recent_clear(s);
    state_publish(s);
    *ret = s;
    return OK;
}

static void free_pointers(const struct parr *a)
{
    for (uint32_t i = 0; i < a->limit; i++) mem_free((void *)(uintptr_t)parr_get(a, i));
}

static void drop_entities(struct state *s, const struct parr *slots)
{
    for (uint32_t i = 0; i < slots->limit; i++) {
        struct entity *e = (struct entity *)(uintptr_t)parr_get(slots, i);
        if (e) cow_drop(s->cow, e, entity_bytes(e));
    }
}

void state_free(struct state *s)
{
    if (!s) return;
    struct view *v = &s->view;
    struct ptree *trees[] = {&v->by_token,   &v->by_end,        &v->dependents,
                             &v->used_tokens, &s->extra.names,  &s->extra.authors};
    struct parr *arrays[] = {&v->availabilities, &s->extra.names_by_no, &s->extra.participants};

    for (int kind = 0; kind < N_ENTITY_KINDS; kind++) {
        drop_entities(s, &v->slots[kind]);
        parr_done(&v->slots[kind], s->cow);
        ptree_done(&v->by_id[kind], s->cow);
        grid_done(&v->grid[kind], s->cow);
        u32_vec_done(&s->free_nos[kind]);
    }
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) {
        free_pointers(arrays[i]);
        parr_done(arrays[i], s->cow);
    }
    for (size_t i = 0; i < sizeof trees / sizeof *trees; i++) ptree_done(trees[i], s->cow);
    parr_done(&v->indices, s->cow);
    roster_free(s);
    cow_free(s->cow);
    mem_free(s->published);
    network_free(s->network);
    buf_done(&s->coded);
    u64_vec_done(&s->cells_old);
    u64_vec_done(&s->cells_union);
    u32_vec_done(&s->items);
    entity_vec_done(&s->hits);
    mem_free(s);
}

/* --- readers ---------------------------------------------------------------------------------- */

void state_publish(struct state *s)
{
    struct published *p = mem_alloc(sizeof *p);

    p->view = s->view;
    p->extra = s->extra;
    p->view.extra = &p->extra;
    if (s->published) cow_retire(s->cow, s->published, mem_free);
    s->published = p;
    cow_publish(s->cow, &p->view);
}

const struct view *state_read(struct state *s, struct state_pin *ret_pin)
{
    return cow_pin(s->cow, &ret_pin->pin);
}

void state_done_reading(struct state_pin *pin)
{
    cow_unpin(&pin->pin);
}

const struct view *state_view(const struct state *s)
{
    return &s->view;
}

/* --- kinds of change -------------------------------------------------------------------------- */

static enum reason nothing_judge(const struct view *v, struct str participant,
                                 const struct change *c, int64_t now_us)
{
    (void)v, (void)participant, (void)c, (void)now_us;
    return REASON_ACCEPTED;
}

/* Ticks and reports stand in the journal and change nothing else. */
static void nothing_apply(struct step *st, const struct change *c, struct outcome *ret)
{
    (void)st, (void)c, (void)ret;
}

/* clang-format off */
static const struct rule {
    enum change_kind kind;
    bool of_participant; /* Else of a node itself. */
    enum reason (*judge)(const struct view *v, struct str participant, const struct change *c, int64_t now_us);
    void (*apply)(struct step *st, const struct change *c, struct outcome *ret);
} rules[] = {
    {CHANGE_TICK,                false, nothing_judge,             nothing_apply},
    {CHANGE_INTENT_PUT,          true,  intent_put_judge,          intent_put_apply},
    {CHANGE_INTENT_DELETE,       true,  intent_delete_judge,       intent_delete_apply},
    {CHANGE_CONSTRAINT_PUT,      true,  constraint_put_judge,      constraint_put_apply},
    {CHANGE_CONSTRAINT_DELETE,   true,  constraint_delete_judge,   constraint_delete_apply},
    {CHANGE_SUBSCRIPTION_PUT,    true,  subscription_put_judge,    subscription_put_apply},
    {CHANGE_SUBSCRIPTION_DELETE, true,  subscription_delete_judge, subscription_delete_apply},
    {CHANGE_AVAILABILITY_PUT,    true,  availability_put_judge,    availability_put_apply},
    {CHANGE_REPORT,              true,  nothing_judge,             nothing_apply},
};

/* What members say of themselves: by a root, by a node, or by either. */
static const struct affair {
    enum change_kind kind;
    bool by_root, by_node;
    enum reason (*judge)(const struct view *v, const struct author *author, const struct change *c);
    void (*write)(struct step *st, const struct change *c, struct outcome *ret);
} affairs[] = {
    {CHANGE_JOIN,        true, false, join_judge,        join_write},
    {CHANGE_NODE_END,    true, false, node_end_judge,    node_end_write},
    {CHANGE_ADDRESSES,   true, true,  addresses_judge,   addresses_write},
    {CHANGE_ISSUER,      true, true,  issuer_judge,      issuer_write},
    {CHANGE_PARTICIPANT, true, true,  participant_judge, participant_write},
    {CHANGE_RULES,       false, true, rules_judge,       rules_write},
    {CHANGE_EPOCH,       false, true, epoch_judge,       epoch_note},
    {CHANGE_PROPOSE,     true, true,  propose_judge,     propose_write},
    {CHANGE_APPROVE,     true, true,  approve_judge,     approve_write},
    {CHANGE_SUSPEND,     true, true,  suspend_judge,     suspend_write},
    {CHANGE_RESUME,      true, true,  resume_judge,      resume_write},
};
/* clang-format on */

static const struct rule *rule_of(enum change_kind kind)
{
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
        if (rules[i].kind == kind) return &rules[i];
    return NULL;
}

static const struct affair *affair_of(enum change_kind kind)
{
    for (size_t i = 0; i < sizeof affairs / sizeof *affairs; i++)
        if (affairs[i].kind == kind) return &affairs[i];
    return NULL;
}

/* What any change of the kind must have, whoever wrote it. */
static bool is_well_formed(const struct rule *rule, struct str participant, const struct change *c)
{
    bool names_entity = c->kind >= CHANGE_INTENT_PUT && c->kind <= CHANGE_SUBSCRIPTION_DELETE;

    if (!rule || participant.n > LIMIT_SUB_BYTES) return false;
    if (rule->of_participant && participant.n == 0) return false;
    return !names_entity || !id_is_zero(c->id);
}

enum reason change_judge(const struct view *v, struct str participant, const struct change *c,
                         int64_t now_ms)
{
    const struct rule *rule = rule_of(c->kind);

    if (!is_well_formed(rule, participant, c) || change_rules(c) > view_rules(v)) return REASON_MALFORMED;
    return rule->judge(v, participant, c, ms_to_us(now_ms));
}

/* --- who may write what ----------------------------------------------------------------------- */

/* The right that a change takes in a network that is not open; 0 for none. Its own availability anyone may set. */
static uint32_t right_for(struct str participant, const struct change *c)
{
    switch (c->kind) {
    case CHANGE_CONSTRAINT_PUT:
    case CHANGE_CONSTRAINT_DELETE: return RIGHT_CONSTRAINTS;
    case CHANGE_AVAILABILITY_PUT: return str_equal(c->uss, participant) ? 0 : RIGHT_ARBITRATION;
    default: return 0;
    }
}

/* Of a participant's change, whether its author may make it (decisions C4, C6). */
static enum reason speaker_judge(const struct view *v, const struct author *a, struct str participant,
                                 const struct change *c)
{
    if (!view_is_open(v)) {
        const struct participant *p = view_participant(v, participant);
        if (!view_may_speak(v, a->id, participant)) return REASON_SPEAKER;
        if (right_for(participant, c) & ~p->rights) return REASON_RIGHT;
    }
    if (key_is_needed(c) && member_is_suspended(member_at(view_extra(v), a->member))) return REASON_SUSPENDED;
    return priority_judge(v, a, c);
}

/* Whether the author may write the kind at all. A member that has not joined may do that only. */
static enum reason author_judge(const struct view *v, const struct author *a, const struct change *c)
{
    const struct affair *affair = affair_of(c->kind);

    if (!a || a->ended_at) return REASON_AUTHOR;
    if (!affair) return a->is_root ? REASON_AUTHOR : REASON_ACCEPTED;
    if (!(a->is_root ? affair->by_root : affair->by_node)) return REASON_AUTHOR;
    if (c->kind == CHANGE_JOIN || member_counts(member_at(view_extra(v), a->member))) return REASON_ACCEPTED;
    return REASON_AUTHOR;
}

/* All that comes before the rules of flights. */
static enum reason judge_before(const struct view *v, const struct author *a, struct str participant,
                                const struct change *c)
{
    const struct rule *rule = rule_of(c->kind);
    enum reason r = author_judge(v, a, c);

    if (r != REASON_ACCEPTED) return r;
    if (affair_of(c->kind)) return affair_of(c->kind)->judge(v, a, c);
    if (!is_well_formed(rule, participant, c)) return REASON_MALFORMED;
    return rule->of_participant ? speaker_judge(v, a, participant, c) : REASON_ACCEPTED;
}

enum reason change_judge_by(const struct view *v, const uint8_t author[8], struct str participant,
                            const struct change *c, int64_t now_ms)
{
    enum reason r = change_rules(c) > view_rules(v) ? REASON_MALFORMED : judge_before(v, author_find(v, author), participant, c);

    if (r != REASON_ACCEPTED || affair_of(c->kind)) return r;
    return rule_of(c->kind)->judge(v, participant, c, ms_to_us(now_ms));
}

/* --- entries ---------------------------------------------------------------------------------- */

static int compare_times(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return x < y ? -1 : x > y;
}

/* The lower median of the latest times of unsuspended members whose nodes have entries; it never goes back (decision A8). */
void clock_advance(struct state *s, const struct author *a, int64_t time_ms)
{
    int64_t times[LIMIT_MEMBERS_EVER];
    size_t n = 0;

    if (time_ms > s->view.last_time_ms) s->view.last_time_ms = time_ms;
    if (!a->is_root && !a->ended_at && time_ms > s->member_times_ms[a->member]) {
        s->member_times_ms[a->member] = time_ms;
        s->clock_is_due = true;
    }
    if (!s->clock_is_due) return;
    s->clock_is_due = false;
    for (uint32_t i = 0; i < s->extra.n_members; i++) {
        const struct member *m = member_at(&s->extra, i);
        if (s->member_times_ms[i] == NO_TIME || !member_counts(m) || member_is_suspended(m)) continue;
        times[n++] = s->member_times_ms[i];
    }
    if (n == 0) return;
    if (n > 1) qsort(times, n, sizeof *times, compare_times);
    if (times[(n - 1) / 2] > s->view.clock_ms) s->view.clock_ms = times[(n - 1) / 2];
}

/* Whether the entry may follow its author's last one. Slots may be left out: those that hold what is no entry are no leaves
 * (decision B2). */
static enum reason judge_author(const struct author *a, uint64_t epoch, const struct entry *e)
{
    static const struct hash none;
    bool is_first = !a || a->epoch != epoch; /* Of its author in this epoch: what came before does not count for it (decision B6). */

    if (!a || a->ended_at) return REASON_AUTHOR;
    if (e->epoch != epoch || e->slot < (is_first ? 0 : a->next_slot) || e->slot == UINT64_MAX) return REASON_SLOT;
    if (!hash_equal(&e->previous, is_first ? &none : &a->last) || e->time_ms < a->last_time_ms) return REASON_SLOT;
    return REASON_ACCEPTED;
}

/* What follows from an accepted change of members' affairs. */
static void affair_settle(struct step *st)
{
    struct state *s = st->s;

    proposals_settle(st);
    if (!s->members_changed) return;
    s->members_changed = false;
    s->clock_is_due = true;
    participants_overlay(st);
}

static void apply_change(struct step *st, const struct change *c, struct outcome *ret)
{
    const struct affair *affair = affair_of(c->kind);

    ret->reason = judge_before(&st->s->view, st->author, st->participant, c);
    if (ret->reason != REASON_ACCEPTED) return;
    if (affair) {
        affair->write(st, c, ret);
        if (ret->reason == REASON_ACCEPTED) affair_settle(st);
    } else {
        rule_of(c->kind)->apply(st, c, ret);
    }
}

static void apply_changes(struct state *s, const struct entry *e, const struct author *author,
                          const struct hash *entry_hash, struct arena *arena,
                          struct outcome *outcomes)
{
    struct step st = {.s = s,
                      .participant = e->participant,
                      .index = s->view.position,
                      .now_us = ms_to_us(e->time_ms),
                      .entry_hash = entry_hash,
                      .author = author,
                      .arena = arena};

    for (size_t i = 0; i < e->n_changes; i++) {
        st.change_no = (uint32_t)i;
        apply_change(&st, &e->changes[i], &outcomes[i]);
    }
}

/* Whether rules of a later version than the one in force brought one of its changes. */
static bool is_too_new(const struct state *s, const struct entry *e)
{
    for (size_t i = 0; i < e->n_changes; i++)
        if (change_rules(&e->changes[i]) > s->extra.rules) return true;
    return false;
}

static void apply_void(struct state *s, struct str bytes, struct buf *ret_leaf)
{
    struct outcome malformed = {.reason = REASON_MALFORMED};
    struct hash guard = outcome_guard(bytes);

    s->view.position++;
    outcome_encode(&guard, &malformed, 1, ret_leaf);
}

static void apply_entry(struct state *s, const struct entry *e, struct str bytes, struct arena *arena, struct outcome *outcomes)
{
    struct author *a = author_change(s, author_find(&s->view, e->author));
    struct hash entry_hash = hash_of(bytes);

    a->epoch = e->epoch;
    a->next_slot = e->slot + 1;
    a->last = entry_hash;
    a->last_time_ms = e->time_ms;
    apply_changes(s, e, a, &entry_hash, arena, outcomes);
    clock_advance(s, a, e->time_ms);
    expiry_run(s);
    proposals_lapse(s);
    if (s->rules_are_due) rules_settle(s, s->view.position);
}

enum err state_apply(struct state *s, const struct entry *e, struct str bytes, struct arena *arena,
                     struct outcome **ret_outcomes, struct buf *ret_leaf)
{
    const struct author *author = author_find(&s->view, e->author);
    uint64_t epoch = s->extra.epoch.number;
    struct outcome *outcomes;
    enum reason refused;

    if (s->extra.rules > RULES_NEWEST) return ERR_STATE;
    outcomes = arena_array(arena, e->n_changes, sizeof *outcomes);
    *ret_outcomes = outcomes;
    if (is_too_new(s, e)) {
        for (size_t i = 0; i < e->n_changes; i++) outcomes[i].reason = REASON_MALFORMED;
        apply_void(s, bytes, ret_leaf);
        return OK;
    }
    if (e->epoch == epoch + 1 && view_entry_opens_epoch(&s->view, e)) epoch++;
    refused = judge_author(author, epoch, e);
    if (refused == REASON_ACCEPTED && epoch != s->extra.epoch.number) epoch_open(s, &e->changes[0].epoch);
    if (refused == REASON_ACCEPTED) apply_entry(s, e, bytes, arena, outcomes);
    else for (size_t i = 0; i < e->n_changes; i++) outcomes[i].reason = refused;
    struct hash guard = outcome_guard(bytes);
    s->view.position++;
    outcome_encode(&guard, outcomes, e->n_changes, ret_leaf);
    return OK;
}

enum err state_apply_void(struct state *s, struct str bytes, struct buf *ret_leaf)
{
    if (s->extra.rules > RULES_NEWEST) return ERR_STATE;
    apply_void(s, bytes, ret_leaf);
    return OK;
}
