/* standing.c - what is known of each node's signatures: its largest head, the branch it stands on, what convicts it.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "node/standing.h"

void standing_init(struct standing *s, const struct seats *seats)
{
    *s = (struct standing){.seats = seats, .fork_size = UINT64_MAX, .fork = {.may_write = true}};
}

void standing_done(struct standing *s)
{
    for (size_t i = 0; i < s->others.n; i++) mem_free(s->others.at[i]);
    for (size_t i = 0; i < s->evidence.n; i++) mem_free(s->evidence.at[i]);
    standing_heads_done(&s->others);
    standing_evidences_done(&s->evidence);
}

enum fork_side standing_side(const struct standing *s, size_t node)
{
    const struct standing_node *n = &s->nodes[node];
    unsigned side = 0;

    if (n->seen.size >= s->fork_size) side |= FORK_OWN;
    if (n->is_other) side |= FORK_OTHER;
    return n->is_convicted ? FORK_BOTH : (enum fork_side)side;
}

static void judge(struct standing *s)
{
    enum fork_side sides[SEATS_NODES_MAX];

    for (size_t i = 0; i < s->seats->n_nodes; i++) sides[i] = standing_side(s, i);
    fork_judge(s->seats, sides, &s->fork);
    if (s->fork_size == UINT64_MAX) { /* A rollback divides nobody. */
        s->fork.is_divided = false;
        s->fork.may_write = true;
    }
}

void standing_convict(struct standing *s, size_t node)
{
    s->nodes[node].is_convicted = true;
    judge(s);
}

bool standing_own_branch_of(const struct standing *s, size_t node, struct head *ret)
{
    const struct standing_seen *seen = &s->nodes[node].seen;

    if (seen->size == 0) return false;
    memset(ret, 0, sizeof *ret);
    ret->size = seen->size;
    ret->root = seen->root;
    ret->first = seen->lines.has_log ? node : HEAD_NOBODY;
    ret->of[node] = seen->lines;
    return true;
}

void standing_larger_of(const struct head *h, size_t node, struct head *ret)
{
    if (!head_has_line(h, node) || h->size <= ret->size) return;
    memset(ret, 0, sizeof *ret);
    ret->size = h->size;
    ret->root = h->root;
    ret->first = h->of[node].has_log ? node : HEAD_NOBODY;
    ret->of[node] = h->of[node];
}

static void add_evidence(struct standing *s, size_t node, enum fork_kind kind, const struct head *smaller,
                         const struct head *larger)
{
    struct standing_evidence *e = mem_alloc(sizeof *e);

    e->kind = kind;
    e->node = node;
    e->smaller = *smaller;
    e->larger = *larger;
    standing_evidences_add(&s->evidence, e);
    s->nodes[node].is_convicted = true;
}

/* Whether a node's largest head of the own branch stands at or beyond a size at which its other head differs. */
static void check_both(struct standing *s, size_t node)
{
    AUTO(mem_auto) struct head *own = mem_alloc(sizeof *own);
    const struct standing_node *n = &s->nodes[node];

    if (!n->is_other || n->is_convicted || !standing_own_branch_of(s, node, own)) return;
    for (size_t i = 0; i < s->others.n; i++) {
        const struct head *other = s->others.at[i];
        if (!head_has_line(other, node) || other->size > own->size) continue;
        add_evidence(s, node, other->size == own->size ? FORK_EQUAL : FORK_PREFIX, other, own);
        return;
    }
}

void standing_contradict(struct standing *s, const struct head *h, uint64_t at)
{
    bool is_new = false;

    for (size_t i = 0; i < s->seats->n_nodes; i++) {
        struct standing_node *n = &s->nodes[i];
        if (!head_has_line(h, i)) continue;
        if (!n->is_other || (!n->is_convicted && n->seen.size >= h->size)) is_new = true;
        if (!n->is_other || at < n->other_size) n->other_size = at;
        n->is_other = true;
    }
    if (is_new) {
        standing_heads_add(&s->others, mem_dup(h, sizeof *h));
        for (size_t i = 0; i < s->seats->n_nodes; i++) {
            if (head_has_line(h, i)) check_both(s, i);
        }
    }
    if (at < s->fork_size) s->fork_size = at;
    judge(s);
}

/* Same key, later time, smaller size (decision E5): between h and what was the largest until now. */
static void check_rollback(struct standing *s, const struct head *h, size_t node)
{
    AUTO(mem_auto) struct head *was = mem_alloc(sizeof *was), *is = mem_zalloc(sizeof *is);
    const struct head *small = was, *large = is;

    if (s->nodes[node].is_convicted || !standing_own_branch_of(s, node, was)) return;
    standing_larger_of(h, node, is);
    if (!was->of[node].has_mirror || !is->of[node].has_mirror || was->size == is->size) return;
    if (was->size > is->size) {
        small = is;
        large = was;
    }
    if (head_time_s(&small->of[node]) > head_time_s(&large->of[node])) add_evidence(s, node, FORK_ROLLBACK, small, large);
}

/* A node's line on the own branch: remembers the largest. */
static void see_node(struct standing *s, const struct head *h, size_t i)
{
    const struct head_lines *l = &h->of[i];
    struct standing_seen *seen = &s->nodes[i].seen;

    check_rollback(s, h, i);
    if (h->size > seen->size) {
        *seen = (struct standing_seen){h->size, h->root, *l};
    } else if (h->size == seen->size) {
        if (l->has_log && !seen->lines.has_log) memcpy(seen->lines.log, l->log, sizeof l->log);
        if (l->has_mirror && !seen->lines.has_mirror) memcpy(seen->lines.mirror, l->mirror, sizeof l->mirror);
        seen->lines.has_log |= l->has_log;
        seen->lines.has_mirror |= l->has_mirror;
    }
    check_both(s, i);
}

void standing_see(struct standing *s, const struct head *h)
{
    for (size_t i = 0; i < s->seats->n_nodes; i++) {
        if (head_has_line(h, i)) see_node(s, h, i);
    }
    judge(s);
}
