/* issuer.c - whose tokens vouch for a member's participants (decision C2).
 * SPDX-License-Identifier: Apache-2.0
 *
 * A change adds subs to one key of one issuer, or removes them; a key without subs is gone. The key itself is for the node to
 * read.
 */
#include <stdlib.h>

#include "state/internal.h"

int issuer_compare(const struct member_issuer *a, struct str issuer, struct str public_key)
{
    int order = str_compare(a->issuer, issuer);

    return order ? order : str_compare(a->public_key, public_key);
}

static struct str put(char **to, struct str text)
{
    struct str copy = {*to, text.n};

    if (text.n) memcpy(*to, text.at, text.n);
    *to += text.n;
    return copy;
}

struct member_issuer *issuer_make(struct str issuer, struct str public_key, const struct str *subs, size_t n)
{
    size_t n_bytes = issuer.n + public_key.n;

    for (size_t i = 0; i < n; i++) n_bytes += subs[i].n;
    struct member_issuer *made = mem_alloc(sizeof *made + n * sizeof *subs + n_bytes);
    struct str *list = (struct str *)(made + 1);
    char *text = (char *)(list + n);
    *made = (struct member_issuer){.subs = list, .n_subs = n};
    made->issuer = put(&text, issuer);
    made->public_key = put(&text, public_key);
    for (size_t i = 0; i < n; i++) list[i] = put(&text, subs[i]);
    return made;
}

/* The place of the issuer's key among the member's, or where it belongs. */
static size_t place_of(const struct member *m, const struct change *c, bool *ret_found)
{
    size_t i = 0;

    while (i < m->n_issuers && issuer_compare(m->issuers[i], c->issuer, c->public_key) < 0) i++;
    *ret_found = i < m->n_issuers && issuer_compare(m->issuers[i], c->issuer, c->public_key) == 0;
    return i;
}

/* The union of what the key has and what the change adds, or the difference; ret has room for both. */
static size_t merge(const struct member_issuer *old, const struct change *c, struct str *ret)
{
    size_t n = 0, i = 0, k = 0, n_old = old ? old->n_subs : 0;

    while (i < n_old || k < c->n_subs) {
        int order = i == n_old ? 1 : k == c->n_subs ? -1 : str_compare(old->subs[i], c->subs[k]);
        if (order < 0 || !c->removes) ret[n++] = order <= 0 ? old->subs[i] : c->subs[k];
        i += order <= 0;
        k += order >= 0;
    }
    return n;
}

enum { BOTH_MAX = LIMIT_ISSUER_SUBS + LIMIT_CHANGE_SUBS };

enum reason issuer_judge(const struct view *v, const struct author *author, const struct change *c)
{
    const struct member *m = member_at(view_extra(v), author->member);
    struct str subs[BOTH_MAX];
    bool found;

    if (c->n_subs < 1 || c->n_subs > LIMIT_CHANGE_SUBS || c->issuer.n == 0 || c->public_key.n == 0) return REASON_MALFORMED;
    size_t i = place_of(m, c, &found);
    if (!found && (c->removes || m->n_issuers >= LIMIT_ISSUERS)) return REASON_MEMBERS;
    return merge(found ? m->issuers[i] : NULL, c, subs) <= LIMIT_ISSUER_SUBS ? REASON_ACCEPTED : REASON_MEMBERS;
}

void issuer_write(struct step *st, const struct change *c, struct outcome *ret)
{
    struct member m = *member_at(&st->s->extra, st->author->member);
    const struct member_issuer *list[LIMIT_ISSUERS + 1];
    struct str subs[BOTH_MAX];
    size_t n = 0;
    bool found;

    (void)ret;
    size_t at = place_of(&m, c, &found);
    const struct member_issuer *old = found ? m.issuers[at] : NULL;
    size_t n_subs = merge(old, c, subs);
    for (size_t i = 0; i < at; i++) list[n++] = m.issuers[i];
    if (n_subs) list[n++] = issuer_make(c->issuer, c->public_key, subs, n_subs);
    for (size_t i = at + found; i < m.n_issuers; i++) list[n++] = m.issuers[i];
    m.issuers = list;
    m.n_issuers = n;
    member_put(st->s, &m);
    if (old) cow_retire(st->s->cow, (void *)(uintptr_t)old, mem_free);
}
