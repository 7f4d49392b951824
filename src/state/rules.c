/* rules.c - announcing and switching versions of the rules; bounds of priorities.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "state/rules.h"

#include <stdlib.h>

#include "state/internal.h"

#define SILENT_MS (INT64_C(7) * 24 * 3600 * 1000) /* Decision A11. */

unsigned view_rules(const struct view *v)
{
    return view_extra(v)->rules;
}

uint64_t view_rules_since(const struct view *v)
{
    return view_extra(v)->rules_since;
}

unsigned view_rules_of(const struct view *v, const uint8_t author[8])
{
    const struct author *a = author_find(v, author);

    return a ? a->rules : 0;
}

enum err view_knows_rules(const struct view *v, struct why *why)
{
    if (view_rules(v) <= RULES_NEWEST) return OK;
    return fail(why, ERR_STATE,
                "rules %u are in force from entry %llu on, and this program knows rules up to %u: upgrade it; it applies nothing more",
                view_rules(v), (unsigned long long)view_rules_since(v) + 1, RULES_NEWEST);
}

bool rules_differ(const struct extra *x)
{
    if (x->rules_since || x->equals != EQUALS_FIRST_STAYS) return true;
    for (uint32_t no = 0; no < x->n_members; no++)
        if (member_at(x, no)->priority_low || member_at(x, no)->priority_high) return true;
    for (uint32_t no = 0; no < x->n_authors; no++)
        if (author_at(x, no)->rules) return true;
    return false;
}

/* --- announcing ------------------------------------------------------------------------------- */

enum reason rules_judge(const struct view *v, const struct author *author, const struct change *c)
{
    (void)author;
    if (c->rules < RULES_FIRST || c->rules > UINT16_MAX) return REASON_MALFORMED;
    return c->rules >= view_rules(v) ? REASON_ACCEPTED : REASON_MEMBERS;
}

void rules_write(struct step *st, const struct change *c, struct outcome *ret)
{
    (void)ret;
    author_change(st->s, st->author)->rules = (uint32_t)c->rules;
    st->s->rules_are_due = true;
}

/* --- switching -------------------------------------------------------------------------------- */

static int compare_times(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return x < y ? -1 : x > y;
}

/* The lower median of the others' latest times is more than 7 days past the member's own. */
static bool is_silent(const struct extra *x, const int64_t *latest, uint32_t member)
{
    int64_t times[LIMIT_MEMBERS_EVER];
    size_t n = 0;

    for (uint32_t no = 0; no < x->n_members; no++) {
        const struct member *m = member_at(x, no);
        if (no != member && member_counts(m) && !member_is_suspended(m)) times[n++] = latest[no];
    }
    if (n == 0) return false;
    if (n > 1) qsort(times, n, sizeof *times, compare_times);
    return times[(n - 1) / 2] > latest[member] && (uint64_t)times[(n - 1) / 2] - (uint64_t)latest[member] > SILENT_MS;
}

/* The least version that the active nodes announced; 0 if one of them never did, or there are none. */
static uint32_t known_to_all(const struct extra *x)
{
    int64_t latest[LIMIT_MEMBERS_EVER];
    uint32_t least = UINT32_MAX;

    for (uint32_t no = 0; no < x->n_members; no++) latest[no] = INT64_MIN;
    for (uint32_t no = 0; no < x->n_authors; no++) { /* Roots, too: one's join tells when a member came. */
        const struct author *a = author_at(x, no);
        if (a->last_time_ms > latest[a->member]) latest[a->member] = a->last_time_ms;
    }
    for (uint32_t no = 0; no < x->n_authors; no++) {
        const struct author *a = author_at(x, no);
        const struct member *m = member_at(x, a->member);
        if (a->is_root || a->ended_at || !member_counts(m) || member_is_suspended(m) || a->rules >= least) continue;
        if (!is_silent(x, latest, m->no)) least = a->rules;
    }
    return least == UINT32_MAX ? 0 : least;
}

void rules_settle(struct state *s, uint64_t index)
{
    uint32_t known = known_to_all(&s->extra);

    s->rules_are_due = false;
    if (known <= s->extra.rules) return;
    s->extra.rules = known;
    s->extra.rules_since = index;
}

unsigned view_rules_to_announce(const struct view *v, const uint8_t author[8])
{
    const struct extra *x = view_extra(v);
    const struct author *a = author_find(v, author);

    if (!a || a->is_root || a->ended_at || x->n_counted < 2 || x->rules > RULES_NEWEST) return 0;
    if (!member_counts(member_at(x, a->member))) return 0;
    if ((a->rules > x->rules ? a->rules : x->rules) != RULES_NEWEST) return RULES_NEWEST;
    return a->rules > x->rules && known_to_all(x) > x->rules ? a->rules : 0;
}

/* --- priorities ------------------------------------------------------------------------------- */

enum priority_equals view_priority_equals(const struct view *v)
{
    return view_extra(v)->equals;
}

enum reason priority_judge(const struct view *v, const struct author *author, const struct change *c)
{
    const struct member *m = member_at(view_extra(v), author->member);

    if (view_rules(v) < RULES_PRIORITY || c->kind != CHANGE_INTENT_PUT || view_is_open(v)) return REASON_ACCEPTED;
    return c->priority >= m->priority_low && c->priority <= m->priority_high ? REASON_ACCEPTED : REASON_PRIORITY;
}
