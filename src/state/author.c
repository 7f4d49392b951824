/* author.c - keys that may write entries: members' roots and the entry keys of their nodes, ended ones kept.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "state/internal.h"

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

const struct author *author_at(const struct extra *x, uint32_t no)
{
    return (const struct author *)(uintptr_t)parr_get(&x->authors_by_no, no);
}

const struct author *author_find(const struct view *v, const uint8_t id[8])
{
    const struct extra *x = view_extra(v);
    uint32_t no;

    return ptree_get(&x->authors, author_key_of(id), &no) ? author_at(x, no) : NULL;
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
    struct author *old = (struct author *)(uintptr_t)parr_get(&x->authors_by_no, no);
    if (old->version == cow_version(s->cow)) return old; /* No reader can have it. */

    struct author *copy = mem_dup(old, sizeof *old);
    copy->version = cow_version(s->cow);
    parr_set(&x->authors_by_no, s->cow, no, (uintptr_t)copy);
    cow_retire(s->cow, old, mem_free);
    return copy;
}

void author_set_addresses(struct state *s, const struct author *a, const struct str *at, size_t n)
{
    struct author *changed = author_change(s, a);
    struct addresses *made = NULL;
    size_t n_bytes = 0;

    for (size_t i = 0; i < n; i++) n_bytes += at[i].n;
    if (n > 0) {
        made = mem_zalloc(sizeof *made + n_bytes);
        char *text = (char *)(made + 1);
        for (size_t i = 0; i < n; i++) {
            memcpy(text, at[i].at, at[i].n);
            made->at[made->n++] = (struct str){text, at[i].n};
            text += at[i].n;
        }
    }
    if (changed->addresses) cow_retire(s->cow, changed->addresses, mem_free);
    changed->addresses = made;
}

void author_end(struct state *s, const struct author *a, uint64_t index)
{
    author_change(s, a)->ended_at = index;
}

struct author author_root(const struct key_public *key, uint32_t member)
{
    struct author root = {.key = *key, .member = member, .is_root = true, .last_time_ms = INT64_MIN};

    author_id(key, root.id);
    return root;
}

bool author_key_is_new(const struct view *v, const uint8_t key[32])
{
    struct key_public k;
    uint8_t id[8];

    memcpy(k.b, key, sizeof k.b);
    author_id(&k, id);
    return key_is_acceptable(&k) && !author_find(v, id);
}

bool state_author_key(const struct view *v, const uint8_t author[8], struct key_public *ret)
{
    const struct author *a = author_find(v, author);

    if (!a || a->ended_at) return false;
    *ret = a->key;
    return true;
}

bool state_author_next(const struct view *v, const uint8_t author[8], uint64_t *ret_slot,
                       struct hash *ret_previous, int64_t *ret_time_ms)
{
    const struct author *a = author_find(v, author);

    if (!a) return false;
    bool is_new = a->epoch != view_epoch(v); /* In this epoch. */
    *ret_slot = is_new ? 0 : a->next_slot;
    *ret_previous = is_new ? (struct hash){{0}} : a->last;
    *ret_time_ms = a->last_time_ms;
    return true;
}

bool state_author_log_keys(const struct view *v, const uint8_t author[8], struct key_public *ret_log,
                           struct key_public *ret_mirror)
{
    const struct author *a = author_find(v, author);

    if (!a || a->is_root || a->ended_at) return false;
    memcpy(ret_log->b, a->log_key, sizeof ret_log->b);
    memcpy(ret_mirror->b, a->mirror_key, sizeof ret_mirror->b);
    return true;
}

bool state_author_http_key(const struct view *v, const uint8_t author[8], struct key_public *ret)
{
    const struct author *a = author_find(v, author);

    if (!a || a->ended_at || !a->has_http_key) return false;
    memcpy(ret->b, a->http_key, sizeof ret->b);
    return true;
}
