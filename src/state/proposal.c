/* proposal.c - proposals and approvals of members, and what a passed one does (decision C3).
 * SPDX-License-Identifier: Apache-2.0
 *
 *     made -> approvals -> passed: does what it says, at the change that completed it
 *                       -> 7 days of the state's clock: lapsed
 *                       -> what it says has become impossible: dropped
 */
#include "state/internal.h"

#define NOBODY UINT32_MAX

struct proposals *proposals_change(struct state *s)
{
    struct proposals *old = s->extra.proposals, *made;

    if (old && old->version == cow_version(s->cow)) return old;
    made = old ? mem_dup(old, sizeof *old) : mem_zalloc(sizeof *made);
    made->version = cow_version(s->cow);
    s->extra.proposals = made;
    if (old) cow_retire(s->cow, old, mem_free);
    return made;
}

static void drop(struct state *s, size_t i)
{
    struct proposals *p = proposals_change(s);

    p->n--;
    memmove(&p->at[i], &p->at[i + 1], (p->n - i) * sizeof p->at[i]);
    memset(&p->at[p->n], 0, sizeof p->at[i]);
}

size_t view_n_proposals(const struct view *v)
{
    const struct proposals *p = view_extra(v)->proposals;

    return p ? p->n : 0;
}

const struct proposal *view_proposal(const struct view *v, size_t i)
{
    return &view_extra(v)->proposals->at[i];
}

const struct proposal *view_proposal_named(const struct view *v, const struct hash *hash)
{
    for (size_t i = 0; i < view_n_proposals(v); i++)
        if (hash_equal(&view_proposal(v, i)->hash, hash)) return view_proposal(v, i);
    return NULL;
}

void proposals_lapse(struct state *s)
{
    for (size_t i = view_n_proposals(&s->view); i > 0; i--)
        if ((uint64_t)s->view.clock_ms - (uint64_t)view_proposal(&s->view, i - 1)->opened_ms > LIMIT_PROPOSAL_MS) drop(s, i - 1);
}

/* --- making ----------------------------------------------------------------------------------- */

static uint32_t n_not_expelled(const struct view *v)
{
    uint32_t n = 0;

    for (uint32_t no = 0; no < view_n_members(v); no++) n += !view_member(v, no)->expelled_at;
    return n;
}

/* Whether what it says can be done with the members there are. */
static bool is_possible(const struct view *v, const struct proposal *p)
{
    struct str name = {p->name, p->n_name};
    const struct participant *old;

    switch (p->act) {
    case PROPOSE_ADMIT:
        return !view_member_named(v, name) && author_key_is_new(v, p->root_key.b) && n_not_expelled(v) < LIMIT_MEMBERS &&
               view_n_members(v) < LIMIT_MEMBERS_EVER;
    case PROPOSE_EXPEL:
    case PROPOSE_PRIORITY:
        return !view_member(v, p->subject)->expelled_at;
    case PROPOSE_EQUALS:
        return true;
    case PROPOSE_ROOT:
        return !view_member(v, p->subject)->expelled_at && author_key_is_new(v, p->root_key.b);
    case PROPOSE_PARTICIPANT:
        for (uint32_t i = 0; i < p->n_members; i++)
            if (view_member(v, p->members[i])->expelled_at) return false;
        old = view_participant(v, name);
        return !old || participant_overlay(v, old) != OVERLAY_EXPELLED;
    }
    return false;
}

static bool is_of_member(enum proposal_act act)
{
    return act == PROPOSE_EXPEL || act == PROPOSE_ROOT || act == PROPOSE_PRIORITY;
}

/* The change as a proposal; entry apart. */
static enum reason read_proposal(const struct view *v, const struct author *author, const struct change *c,
                                 struct proposal *ret)
{
    struct str name = c->act == PROPOSE_PARTICIPANT ? c->uss : c->member;
    const struct member *subject = view_member_named(v, c->member);

    if (c->act < PROPOSE_ADMIT || c->act > PROPOSE_EQUALS || (name.n == 0) != (c->act == PROPOSE_EQUALS) ||
        name.n > LIMIT_SUB_BYTES || c->text.n > LIMIT_REASON_BYTES || c->rights > RIGHTS_ALL ||
        c->priority_low > c->priority_high || c->equals > EQUALS_MAY_MEET)
        return REASON_MALFORMED;
    *ret = (struct proposal){.by = author->member, .act = c->act, .subject = NOBODY, .priority_low = c->priority_low,
                             .priority_high = c->priority_high, .equals = c->equals};
    if (is_of_member(c->act)) {
        if (!subject) return REASON_MEMBERS;
        ret->subject = subject->no;
    }
    ret->n_name = (uint8_t)name.n;
    if (name.n) memcpy(ret->name, name.at, name.n);
    ret->n_text = (uint16_t)c->text.n;
    if (c->text.n) memcpy(ret->text, c->text.at, c->text.n);
    if (c->act == PROPOSE_ADMIT || c->act == PROPOSE_ROOT) memcpy(ret->root_key.b, c->root_key, sizeof ret->root_key.b);
    if (c->act == PROPOSE_PARTICIPANT) {
        ret->n_members = (uint32_t)c->n_names;
        ret->rights = (uint32_t)c->rights;
        if (!members_of_names(v, c->names, c->n_names, ret->members)) return REASON_MEMBERS;
    }
    return is_possible(v, ret) ? REASON_ACCEPTED : REASON_MEMBERS;
}

enum reason propose_judge(const struct view *v, const struct author *author, const struct change *c)
{
    struct proposal p;
    enum reason r = read_proposal(v, author, c, &p);

    if (r != REASON_ACCEPTED) return r;
    return view_n_proposals(v) < LIMIT_PROPOSALS ? REASON_ACCEPTED : REASON_PROPOSAL;
}

void propose_write(struct step *st, const struct change *c, struct outcome *ret)
{
    struct state *s = st->s;
    struct proposal p;

    if (view_proposal_named(&s->view, st->entry_hash)) { /* An entry makes one. */
        ret->reason = REASON_PROPOSAL;
        return;
    }
    must(read_proposal(&s->view, st->author, c, &p) == REASON_ACCEPTED);
    p.hash = *st->entry_hash;
    p.index = st->index;
    p.opened_ms = s->view.clock_ms;
    struct proposals *all = proposals_change(s);
    all->at[all->n++] = p;
}

/* --- approving -------------------------------------------------------------------------------- */

static bool has_approved(const struct proposal *p, uint32_t member)
{
    return p->approvals[member / 64] >> (member % 64) & 1;
}

enum reason approve_judge(const struct view *v, const struct author *author, const struct change *c)
{
    const struct proposal *p = view_proposal_named(v, &c->proposal);

    return p && !has_approved(p, author->member) ? REASON_ACCEPTED : REASON_PROPOSAL;
}

void approve_write(struct step *st, const struct change *c, struct outcome *ret)
{
    struct proposals *all = proposals_change(st->s);
    uint32_t member = st->author->member;

    (void)ret;
    for (size_t i = 0; i < all->n; i++)
        if (hash_equal(&all->at[i].hash, &c->proposal)) all->at[i].approvals[member / 64] |= UINT64_C(1) << (member % 64);
}

/* --- passing ---------------------------------------------------------------------------------- */

/* Every unsuspended member but the subject approves, and more than half of all; of an expulsion the subject's own approval
 * is none, and two are needed. */
static bool is_carried(const struct view *v, const struct proposal *p)
{
    bool awaits = view_rules(v) >= RULES_PRIORITY; /* Founders that have not joined count. */
    uint32_t n_approve = 0, n_all = view_n_counted(v) + (awaits ? view_extra(v)->n_awaited : 0);

    for (uint32_t no = 0; no < view_n_members(v); no++) {
        const struct member *m = view_member(v, no);
        bool is_subject = no == p->subject;
        if (awaits && !m->admitted_at && !m->joined_at && !m->expelled_at && !is_subject && p->act != PROPOSE_EXPEL) return false;
        if (!member_counts(m)) continue;
        if (has_approved(p, no)) n_approve += !(is_subject && p->act == PROPOSE_EXPEL);
        else if (!is_subject && !member_is_suspended(m)) return false;
    }
    return n_approve > n_all / 2 && (p->act != PROPOSE_EXPEL || n_approve >= 2);
}

static void admit(struct step *st, const struct proposal *p)
{
    struct member m = {.no = st->s->extra.n_members,
                       .name = {p->name, p->n_name},
                       .root_key = p->root_key,
                       .admitted_at = st->index};
    struct author root = author_root(&p->root_key, m.no);

    member_put(st->s, &m);
    author_add(st->s, &root);
}

static void expel(struct step *st, const struct proposal *p)
{
    struct state *s = st->s;
    struct member m = *member_at(&s->extra, p->subject);

    if (member_counts(&m)) s->extra.n_counted--;
    else if (!m.admitted_at && !m.joined_at) s->extra.n_awaited--;
    m.expelled_at = st->index;
    member_put(s, &m);
    for (uint32_t no = 0; no < s->extra.n_authors; no++) {
        const struct author *a = author_at(&s->extra, no);
        if (a->member == m.no && !a->ended_at) author_end(s, a, st->index);
    }
    members_clock(s);
}

static void replace_root(struct step *st, const struct proposal *p)
{
    struct state *s = st->s;
    struct member m = *member_at(&s->extra, p->subject);
    struct author root = author_root(&p->root_key, m.no);

    author_end(s, author_find(&s->view, m.root_id), st->index);
    author_add(s, &root);
    m.root_key = p->root_key;
    member_put(s, &m);
}

static void set_bounds(struct step *st, const struct proposal *p)
{
    struct member m = *member_at(&st->s->extra, p->subject);

    m.priority_low = p->priority_low;
    m.priority_high = p->priority_high;
    member_put(st->s, &m);
}

static void pass(struct step *st, const struct proposal *p)
{
    struct participant record = {.n_members = p->n_members, .rights = p->rights, .changed_at = st->index};

    switch (p->act) {
    case PROPOSE_ADMIT: admit(st, p); break;
    case PROPOSE_EXPEL: expel(st, p); break;
    case PROPOSE_ROOT: replace_root(st, p); break;
    case PROPOSE_PARTICIPANT:
        memcpy(record.members, p->members, sizeof record.members);
        participant_put(st->s, name_intern(st->s, (struct str){p->name, p->n_name}), &record);
        break;
    case PROPOSE_PRIORITY: set_bounds(st, p); break;
    case PROPOSE_EQUALS: st->s->extra.equals = p->equals; break;
    }
    st->s->members_changed = true;
}

void proposals_settle(struct step *st)
{
    struct state *s = st->s;

    for (size_t i = 0; i < view_n_proposals(&s->view);) {
        struct proposal p = *view_proposal(&s->view, i);
        if (!is_possible(&s->view, &p)) {
            drop(s, i);
        } else if (is_carried(&s->view, &p)) {
            drop(s, i);
            pass(st, &p);
            i = 0; /* Others may be carried or impossible by now. */
        } else {
            i++;
        }
    }
}
