/* author.c - who may write entries: members' root keys and the keys of their joined nodes.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "state/internal.h"

#define NODES_MAX 8 /* Of a member (decision C2). */

void author_id(const struct key_public *key, uint8_t ret_id[8])
{
    struct hash h = hash_of(str_make(key->b, sizeof key->b));

    memcpy(ret_id, h.b, 8);
}

struct id author_key_of(const uint8_t id[8])
{
    uint8_t bytes[16] = {0};

    memcpy(bytes, id, 8);
    return id_from_bytes(bytes);
}

static struct author *at(const struct extra *x, uint32_t no)
{
    return (struct author *)(uintptr_t)parr_get(&x->authors_by_no, no);
}

const struct author *author_find(const struct view *v, const uint8_t id[8])
{
    const struct extra *x = view_extra(v);
    uint32_t no;

    return ptree_get(&x->authors, author_key_of(id), &no) ? at(x, no) : NULL;
}

void author_add(struct state *s, const struct author *a)
{
    struct extra *x = &s->extra;
    struct author *copy = mem_dup(a, sizeof *a);
    uint32_t no = x->n_authors++;

    copy->version = cow_version(s->cow);
    ptree_put(&x->authors, s->cow, author_key_of(a->id), no);
    parr_set(&x->authors_by_no, s->cow, no, (uintptr_t)copy);
}

struct author *author_change(struct state *s, const struct author *a)
{
    struct extra *x = &s->extra;
    uint32_t no;

    must(ptree_get(&x->authors, author_key_of(a->id), &no));
    struct author *old = at(x, no);
    if (old->version == cow_version(s->cow)) return old; /* No reader can have it. */

    struct author *copy = mem_dup(old, sizeof *old);
    copy->version = cow_version(s->cow);
    parr_set(&x->authors_by_no, s->cow, no, (uintptr_t)copy);
    cow_retire(s->cow, old, mem_free);
    return copy;
}

bool state_author_key(const struct view *v, const uint8_t author[8], struct key_public *ret)
{
    const struct author *a = author_find(v, author);

    if (!a) return false;
    *ret = a->key;
    return true;
}

bool state_author_next(const struct view *v, const uint8_t author[8], uint64_t *ret_slot,
                       struct hash *ret_previous, int64_t *ret_time_ms)
{
    const struct author *a = author_find(v, author);

    if (!a) return false;
    *ret_slot = a->next_slot;
    *ret_previous = a->last;
    *ret_time_ms = a->last_time_ms;
    return true;
}

bool state_author_log_keys(const struct view *v, const uint8_t author[8], struct key_public *ret_log,
                           struct key_public *ret_mirror)
{
    const struct author *a = author_find(v, author);

    if (!a || a->is_root) return false;
    memcpy(ret_log->b, a->log_key, sizeof ret_log->b);
    memcpy(ret_mirror->b, a->mirror_key, sizeof ret_mirror->b);
    return true;
}

enum reason join_judge(const struct view *v, const struct author *author, const struct change *c)
{
    const struct extra *x = view_extra(v);
    const struct network *net = x->network;
    struct key_public key;
    uint8_t id[8];
    size_t n_nodes = 0;

    if (!str_equal(c->member, net->genesis.members[author->member].name)) return REASON_JOIN;
    if (!hash_equal(&c->digest, &net->hash)) return REASON_JOIN;

    memcpy(key.b, c->entry_key, sizeof key.b);
    author_id(&key, id);
    if (!key_is_acceptable(&key) || author_find(v, id)) return REASON_JOIN;

    for (uint32_t no = 0; no < x->n_authors; no++) {
        const struct author *a = at(x, no);
        n_nodes += !a->is_root && a->member == author->member;
    }
    return n_nodes < NODES_MAX ? REASON_ACCEPTED : REASON_JOIN;
}

void join_apply(struct step *st, const struct change *c, struct outcome *ret)
{
    struct author node = {.member = st->author->member, .last_time_ms = INT64_MIN};

    ret->reason = join_judge(&st->s->view, st->author, c);
    if (ret->reason != REASON_ACCEPTED) return;

    memcpy(node.key.b, c->entry_key, sizeof node.key.b);
    memcpy(node.log_key, c->log_key, sizeof node.log_key);
    memcpy(node.mirror_key, c->mirror_key, sizeof node.mirror_key);
    author_id(&node.key, node.id);
    author_add(st->s, &node);
}
