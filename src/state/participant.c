/* participant.c - who may speak for a sub (decision C4), and when it counts as Down because of that (C3, C6).
 * SPDX-License-Identifier: Apache-2.0
 *
 *     stored: Unknown, Normal, Down by availability put      overlay: none -> suspended -> none, expelled for good
 *     what holds is Down under an overlay, else what is stored; either's change is a new version
 *
 * A member puts a participant that nobody speaks for yet, or that it speaks for; more rights than it has come by a proposal
 * only, as does a participant of others. While the network is open its member may give rights as it likes.
 */
#include "state/internal.h"

/* --- records ---------------------------------------------------------------------------------- */

const struct participant *participant_at(const struct extra *x, uint32_t name_no)
{
    return (const struct participant *)(uintptr_t)parr_get(&x->participants, name_no);
}

void participant_put(struct state *s, const struct name *name, const struct participant *p)
{
    struct participant *old = (struct participant *)(uintptr_t)parr_get(&s->extra.participants, name->no);

    parr_set(&s->extra.participants, s->cow, name->no, (uintptr_t)mem_dup(p, sizeof *p));
    if (old) cow_retire(s->cow, old, mem_free);
    else s->extra.n_participants++;
}

const struct participant *view_participant(const struct view *v, struct str sub)
{
    const struct name *name = name_find(view_extra(v), sub);

    return name ? participant_at(view_extra(v), name->no) : NULL;
}

void view_participants(const struct view *v, void (*each)(void *context, struct str sub, const struct participant *p),
                       void *context)
{
    const struct extra *x = view_extra(v);

    for (uint32_t no = 0; no < x->participants.limit; no++)
        if (participant_at(x, no))
            each(context, ((const struct name *)(uintptr_t)parr_get(&x->names_by_no, no))->text, participant_at(x, no));
}

static bool speaks(const struct participant *p, uint32_t member)
{
    for (uint32_t i = 0; i < p->n_members; i++)
        if (p->members[i] == member) return true;
    return false;
}

bool view_may_speak(const struct view *v, const uint8_t author[8], struct str sub)
{
    const struct member *m = view_member_of_author(v, author);
    const struct participant *p;

    if (!m || !member_counts(m)) return false;
    if (view_is_open(v)) return true;
    p = view_participant(v, sub);
    return p && speaks(p, m->no);
}

/* --- overlays --------------------------------------------------------------------------------- */

enum overlay participant_overlay(const struct view *v, const struct participant *p)
{
    enum overlay overlay = OVERLAY_EXPELLED;

    for (uint32_t i = 0; i < p->n_members; i++) {
        const struct member *m = member_at(view_extra(v), p->members[i]);
        if (m->expelled_at) continue;
        if (!member_is_suspended(m)) return OVERLAY_NONE;
        overlay = OVERLAY_SUSPENDED;
    }
    return overlay;
}

void participant_overlay_one(struct step *st, const struct name *name)
{
    struct state *s = st->s;
    const struct participant *p = participant_at(&s->extra, name->no);
    struct availability a = view_availability(&s->view, name->text);
    enum overlay overlay = participant_overlay(&s->view, p);
    struct hash h = hash_of(name->text);
    struct new_token token;

    if (a.overlay == overlay) return;
    enum uss_availability before = a.status;
    new_token_derive(st, id_from_bytes(h.b), &token);
    a.overlay = overlay;
    a.status = overlay ? USS_DOWN : a.stored;
    a.version = (struct str){token.text, token.n};
    a.changed_at = st->index;
    if (before == USS_DOWN && a.status != USS_DOWN) a.left_down_at = s->left_down_at = st->index;
    availability_store(s, name, &a);
}

void participants_overlay(struct step *st)
{
    const struct extra *x = &st->s->extra;

    for (uint32_t no = 0; no < x->participants.limit; no++)
        if (participant_at(x, no))
            participant_overlay_one(st, (const struct name *)(uintptr_t)parr_get(&x->names_by_no, no));
}

/* --- changes ---------------------------------------------------------------------------------- */

enum reason participant_judge(const struct view *v, const struct author *author, const struct change *c)
{
    const struct member *own = member_at(view_extra(v), author->member);
    const struct participant *old = view_participant(v, c->uss);
    struct participant p = {.n_members = (uint32_t)c->n_names};
    uint64_t rights = old ? old->rights : 0;

    if (c->uss.n == 0 || c->uss.n > LIMIT_SUB_BYTES || c->rights > RIGHTS_ALL) return REASON_MALFORMED;
    if (member_is_suspended(own)) return REASON_SUSPENDED;
    if (!members_of_names(v, c->names, c->n_names, p.members)) return REASON_MEMBERS;
    if (old && participant_overlay(v, old) == OVERLAY_EXPELLED) return REASON_MEMBERS;
    if (view_is_open(v)) return REASON_ACCEPTED;
    if (!speaks(old ? old : &p, own->no)) return REASON_SPEAKER;
    return c->rights & ~rights ? REASON_RIGHT : REASON_ACCEPTED;
}

void participant_write(struct step *st, const struct change *c, struct outcome *ret)
{
    struct participant p = {.n_members = (uint32_t)c->n_names, .rights = (uint32_t)c->rights, .changed_at = st->index};
    const struct name *name = name_intern(st->s, c->uss);

    (void)ret;
    must(members_of_names(&st->s->view, c->names, c->n_names, p.members));
    participant_put(st->s, name, &p);
    participant_overlay_one(st, name);
}

/* --- suspension ------------------------------------------------------------------------------- */

enum reason suspend_judge(const struct view *v, const struct author *author, const struct change *c)
{
    const struct member *own = member_at(view_extra(v), author->member);

    return str_equal(c->member, own->name) && !member_is_suspended(own) ? REASON_ACCEPTED : REASON_MEMBERS;
}

enum reason resume_judge(const struct view *v, const struct author *author, const struct change *c)
{
    const struct member *own = member_at(view_extra(v), author->member);

    return str_equal(c->member, own->name) && member_is_suspended(own) ? REASON_ACCEPTED : REASON_MEMBERS;
}

static void set_suspended(struct step *st, const struct change *c, uint64_t index)
{
    struct member m = *member_at(&st->s->extra, st->author->member);

    m.suspended_at = index;
    m.suspended_ms = index ? st->now_us / 1000 : 0;
    m.reason = c->text;
    member_put(st->s, &m);
    st->s->members_changed = true;
}

void suspend_write(struct step *st, const struct change *c, struct outcome *ret)
{
    (void)ret;
    set_suspended(st, c, st->index);
}

void resume_write(struct step *st, const struct change *c, struct outcome *ret)
{
    (void)ret;
    set_suspended(st, c, 0);
}
