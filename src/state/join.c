/* join.c - nodes: a member's root key adds and ends them (decision C2); where their peers reach them.
 * SPDX-License-Identifier: Apache-2.0
 *
 * To rotate keys a root writes one entry that ends the old node and joins the new one, in this order; to come back from an
 * abandoned branch, the same with the head that the old keys had signed (decision C7).
 */
#include "state/internal.h"

enum reason join_judge(const struct view *v, const struct author *author, const struct change *c)
{
    const struct extra *x = view_extra(v);
    size_t n_nodes = 0;

    if (!str_equal(c->member, member_at(x, author->member)->name)) return REASON_JOIN;
    if (!hash_equal(&c->digest, &x->network->hash)) return REASON_JOIN;
    if (!author_key_is_new(v, c->entry_key)) return REASON_JOIN;

    for (uint32_t no = 0; no < x->n_authors; no++) {
        const struct author *a = author_at(x, no);
        n_nodes += !a->is_root && !a->ended_at && a->member == author->member;
    }
    return n_nodes < LIMIT_MEMBER_NODES ? REASON_ACCEPTED : REASON_JOIN;
}

void join_write(struct step *st, const struct change *c, struct outcome *ret)
{
    struct author node = {.member = st->author->member, .joined_at = st->index, .last_time_ms = INT64_MIN};
    struct member m = *member_at(&st->s->extra, node.member);

    (void)ret;
    memcpy(node.key.b, c->entry_key, sizeof node.key.b);
    memcpy(node.log_key, c->log_key, sizeof node.log_key);
    memcpy(node.mirror_key, c->mirror_key, sizeof node.mirror_key);
    node.has_http_key = c->has_http_key;
    memcpy(node.http_key, c->http_key, sizeof node.http_key);
    author_id(&node.key, node.id);
    author_add(st->s, &node);
    if (m.joined_at == 0) {
        m.joined_at = st->index;
        member_put(st->s, &m);
        st->s->extra.n_counted++;
        if (m.admitted_at == 0) st->s->extra.n_awaited--;
        st->s->members_changed = true;
    }
}

/* The author's member's live node, or NULL. */
static const struct author *own_node(const struct view *v, const struct author *author, const uint8_t id[8])
{
    const struct author *node = author_find(v, id);

    return node && !node->is_root && !node->ended_at && node->member == author->member ? node : NULL;
}

enum reason node_end_judge(const struct view *v, const struct author *author, const struct change *c)
{
    return own_node(v, author, c->node) ? REASON_ACCEPTED : REASON_MEMBERS;
}

void node_end_write(struct step *st, const struct change *c, struct outcome *ret)
{
    struct author *node = author_change(st->s, author_find(&st->s->view, c->node));

    (void)ret;
    node->ended_at = st->index;
    node->has_head = c->has_head;
    node->head_size = c->head_size;
    node->head_root = c->head_root;
    members_clock(st->s);
    st->s->members_changed = true;
}

/* A node speaks for itself, a root for all nodes of its member. */
enum reason addresses_judge(const struct view *v, const struct author *author, const struct change *c)
{
    const struct author *node = own_node(v, author, c->node);

    if (c->n_addresses > LIMIT_ADDRESSES) return REASON_MALFORMED;
    return node && (author->is_root || memcmp(author->id, c->node, sizeof c->node) == 0) ? REASON_ACCEPTED : REASON_MEMBERS;
}

void addresses_write(struct step *st, const struct change *c, struct outcome *ret)
{
    (void)ret;
    author_set_addresses(st->s, author_find(&st->s->view, c->node), c->addresses, c->n_addresses);
}
