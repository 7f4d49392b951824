/* roster.c - the members there are and were, and what readers ask about them.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdlib.h>

#include "state/internal.h"

/* --- storing ---------------------------------------------------------------------------------- */

const struct member *member_at(const struct extra *x, uint32_t no)
{
    return (const struct member *)(uintptr_t)parr_get(&x->members, no);
}

void member_free(void *m)
{
    mem_free(m);
}

void member_put(struct state *s, const struct member *m)
{
    struct extra *x = &s->extra;
    struct member *old = (struct member *)(uintptr_t)parr_get(&x->members, m->no);
    size_t n_list = m->n_issuers * sizeof *m->issuers;
    struct member *copy = mem_alloc(sizeof *copy + n_list + m->name.n + m->reason.n);
    char *to = (char *)(copy + 1);

    *copy = *m;
    if (n_list) memcpy(to, m->issuers, n_list);
    copy->issuers = (const struct member_issuer *const *)(const void *)to;
    to += n_list;
    if (m->name.n) memcpy(to, m->name.at, m->name.n);
    copy->name.at = to;
    to += m->name.n;
    if (m->reason.n) memcpy(to, m->reason.at, m->reason.n);
    copy->reason.at = to;
    author_id(&copy->root_key, copy->root_id);
    parr_set(&x->members, s->cow, m->no, (uintptr_t)copy);
    if (old) cow_retire(s->cow, old, member_free);
    if (m->no >= x->n_members) x->n_members = m->no + 1;
}

void roster_found(struct state *s)
{
    const struct genesis *g = &s->network->genesis;

    for (size_t i = 0; i < g->n_members; i++) {
        struct member m = {.no = (uint32_t)i, .name = g->members[i].name, .root_key = g->members[i].root_key};
        struct author root = author_root(&m.root_key, m.no);
        member_put(s, &m);
        author_add(s, &root);
    }
    s->extra.n_awaited = (uint32_t)g->n_members;
}

void roster_free(struct state *s)
{
    struct extra *x = &s->extra;

    for (uint32_t no = 0; no < x->n_members; no++) {
        const struct member *m = member_at(x, no);
        for (size_t i = 0; i < m->n_issuers; i++) mem_free((void *)(uintptr_t)m->issuers[i]);
        member_free((void *)(uintptr_t)m);
    }
    for (uint32_t no = 0; no < x->n_authors; no++) {
        const struct author *a = author_at(x, no);
        mem_free(a->addresses);
        mem_free((void *)(uintptr_t)a);
    }
    parr_done(&x->members, s->cow);
    parr_done(&x->authors_by_no, s->cow);
    mem_free(x->proposals);
}

void members_clock(struct state *s)
{
    for (size_t i = 0; i < LIMIT_MEMBERS_EVER; i++) s->member_times_ms[i] = INT64_MIN;
    for (uint32_t no = 0; no < s->extra.n_authors; no++) {
        const struct author *a = author_at(&s->extra, no);
        if (a->is_root || a->ended_at) continue;
        if (a->last_time_ms > s->member_times_ms[a->member]) s->member_times_ms[a->member] = a->last_time_ms;
    }
}

static int compare_places(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return x < y ? -1 : x > y;
}

bool members_of_names(const struct view *v, const struct str *names, size_t n, uint32_t *ret)
{
    if (n < 1 || n > LIMIT_SPEAKERS) return false;
    for (size_t i = 0; i < n; i++) {
        const struct member *m = view_member_named(v, names[i]);
        if (!m || m->expelled_at) return false;
        ret[i] = m->no;
    }
    qsort(ret, n, sizeof *ret, compare_places);
    for (size_t i = 1; i < n; i++)
        if (ret[i - 1] == ret[i]) return false;
    return true;
}

/* --- asking ----------------------------------------------------------------------------------- */

uint32_t view_n_members(const struct view *v)
{
    return view_extra(v)->n_members;
}

const struct member *view_member(const struct view *v, uint32_t no)
{
    return no < view_extra(v)->n_members ? member_at(view_extra(v), no) : NULL;
}

const struct member *view_member_named(const struct view *v, struct str name)
{
    const struct extra *x = view_extra(v);

    for (uint32_t no = 0; no < x->n_members; no++)
        if (str_equal(member_at(x, no)->name, name)) return member_at(x, no);
    return NULL;
}

bool member_counts(const struct member *m)
{
    return m->joined_at && !m->expelled_at;
}

bool member_is_suspended(const struct member *m)
{
    return m->suspended_at != 0;
}

const struct member *view_member_of_author(const struct view *v, const uint8_t author[8])
{
    const struct author *a = author_find(v, author);

    return a && !a->ended_at ? member_at(view_extra(v), a->member) : NULL;
}

static void node_of(const struct author *a, struct member_node *ret)
{
    *ret = (struct member_node){.key = a->key,
                                .joined_at = a->joined_at,
                                .ended_at = a->ended_at,
                                .has_head = a->has_head,
                                .head_size = a->head_size,
                                .head_root = a->head_root};
    memcpy(ret->id, a->id, sizeof ret->id);
    memcpy(ret->log_key, a->log_key, sizeof ret->log_key);
    memcpy(ret->mirror_key, a->mirror_key, sizeof ret->mirror_key);
    ret->has_http_key = a->has_http_key;
    memcpy(ret->http_key, a->http_key, sizeof ret->http_key);
    if (!a->addresses) return;
    ret->n_addresses = a->addresses->n;
    for (size_t i = 0; i < ret->n_addresses; i++) ret->addresses[i] = a->addresses->at[i];
}

bool view_node(const struct view *v, const uint8_t author[8], struct member_node *ret)
{
    const struct author *a = author_find(v, author);

    if (!a || a->is_root) return false;
    node_of(a, ret);
    return true;
}

static int compare_nodes(const void *a, const void *b)
{
    return memcmp(((const struct member_node *)a)->id, ((const struct member_node *)b)->id, 8);
}

size_t view_nodes(const struct view *v, uint32_t member, struct member_node ret[LIMIT_MEMBER_NODES])
{
    const struct extra *x = view_extra(v);
    size_t n = 0;

    for (uint32_t no = 0; no < x->n_authors && n < LIMIT_MEMBER_NODES; no++) {
        const struct author *a = author_at(x, no);
        if (!a->is_root && !a->ended_at && a->member == member) node_of(a, &ret[n++]);
    }
    if (n > 1) qsort(ret, n, sizeof *ret, compare_nodes);
    return n;
}

uint32_t view_n_counted(const struct view *v)
{
    return view_extra(v)->n_counted;
}

uint32_t view_majority(const struct view *v)
{
    return view_extra(v)->n_counted / 2 + 1;
}

bool view_is_majority(const struct view *v, uint8_t (*authors)[8], size_t n)
{
    uint64_t seen[LIMIT_MEMBERS_EVER / 64] = {0};
    uint32_t n_seen = 0;

    for (size_t i = 0; i < n; i++) {
        const struct member *m = view_member_of_author(v, authors[i]);
        if (!m || !member_counts(m) || seen[m->no / 64] >> (m->no % 64) & 1) continue;
        seen[m->no / 64] |= UINT64_C(1) << (m->no % 64);
        n_seen++;
    }
    return n_seen >= view_majority(v);
}

bool view_is_open(const struct view *v)
{
    const struct extra *x = view_extra(v);

    return x->n_counted + (x->rules >= RULES_PRIORITY ? x->n_awaited : 0) <= 1;
}
