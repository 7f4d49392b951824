/* cast.c - keys from seeds, genesis, and the roots' joins.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "cast.h"

#include <stdio.h>

#include "entry/entry.h"
#include "etcd_model.h"
#include "journal/slots.h"
#include "state/genesis.h"

struct cast cast;

static void id_of(const struct key_secret *k, uint8_t ret[8])
{
    struct hash h = hash_of(str_make(k->public.b, sizeof k->public.b));

    memcpy(ret, h.b, 8);
}

struct str cast_member(unsigned i)
{
    static const char *const names[WORLD_NODES_MAX] = {"m0", "m1", "m2", "m3", "m4", "m5", "m6", "m7"};

    return str_of(names[i]);
}

struct str cast_uss(unsigned i)
{
    static const char *const names[WORLD_NODES_MAX] = {"uss0", "uss1", "uss2", "uss3", "uss4", "uss5", "uss6", "uss7"};

    return str_of(names[i]);
}

int cast_find(const uint8_t author[8])
{
    for (size_t i = 0; i < CAST_KEYS; i++)
        if (i % CAST_SPARE < cast.n_nodes && memcmp(cast.ids[i], author, 8) == 0) return (int)(i % CAST_SPARE);
    return -1;
}

size_t cast_keys(int node)
{
    return (size_t)node + (cast.has_new_keys[node] ? CAST_SPARE : 0);
}

static void make_keys(void)
{
    static bool are_made;

    if (are_made) return;
    are_made = true;
    for (int i = 0; i < CAST_KEYS; i++) {
        struct key_secret *const of[] = {&cast.roots[i], &cast.entries[i], &cast.logs[i], &cast.mirrors[i]};
        for (size_t k = 0; k < sizeof of / sizeof *of; k++) key_secret_init(of[k], (uint8_t[32]){9, (uint8_t)k, (uint8_t)i});
        id_of(&cast.roots[i], cast.root_ids[i]);
        id_of(&cast.entries[i], cast.ids[i]);
    }
}

void cast_begin(unsigned n_members, unsigned n_founders, size_t n_nodes)
{
    struct genesis_member members[WORLD_NODES_MAX];

    make_keys();
    cast.n_members = n_members;
    cast.n_founders = n_founders;
    cast.n_nodes = n_nodes;
    memset(cast.has_new_keys, 0, sizeof cast.has_new_keys);
    memset(cast.is_out, 0, sizeof cast.is_out);
    for (unsigned i = 0; i < n_founders; i++) members[i] = (struct genesis_member){cast_member(i), cast.roots[i].public};
    buf_clear(&cast.genesis);
    genesis_encode(&(struct genesis){.origin = CAST_ORIGIN,
                                     .rules = 1,
                                     .members = members,
                                     .n_members = n_founders,
                                     .created_ms = WORLD_START_US / 1000 - 1000},
                   &cast.genesis);
    cast.genesis_hash = hash_of(buf_str(&cast.genesis));
}

void cast_end(void)
{
    buf_done(&cast.genesis);
}

/* The root's next entry. */
static void write_root(const struct slots *slots, unsigned m, uint64_t *slot, struct change *change)
{
    AUTO(arena_done) struct arena arena = {0};
    AUTO(buf_done) struct buf bytes = {0};
    struct entry e = {.slot = (*slot)++, .previous = cast.root_lasts[m], .changes = change, .n_changes = 1};

    e.time_ms = WORLD_START_US / 1000;
    memcpy(e.author, cast.root_ids[m], 8);
    entry_encode(&e, CAST_ORIGIN, &cast.roots[m], &bytes);
    cast.root_lasts[m] = hash_of(buf_str(&bytes));
    etcd_model_put(slots_key(slots, e.author, e.slot, &arena), buf_str(&bytes));
}

struct change cast_join(int node, size_t keys)
{
    struct change join = {.kind = CHANGE_JOIN, .member = cast_member((unsigned)node % cast.n_members), .digest = cast.genesis_hash};

    memcpy(join.entry_key, cast.entries[keys].public.b, 32);
    memcpy(join.log_key, cast.logs[keys].public.b, 32);
    memcpy(join.mirror_key, cast.mirrors[keys].public.b, 32);
    return join;
}

struct change cast_address(size_t keys, struct str *url)
{
    struct change address = {.kind = CHANGE_ADDRESSES, .addresses = url, .n_addresses = 1};

    memcpy(address.node, cast.ids[keys], sizeof address.node);
    return address;
}

void cast_join_all(void)
{
    uint64_t n[WORLD_NODES_MAX] = {0};
    struct slots slots;

    memset(cast.root_lasts, 0, sizeof cast.root_lasts);
    slots_init(&slots, &cast.genesis_hash, 0);
    for (size_t i = 0; i < cast.n_nodes; i++) {
        unsigned m = (unsigned)(i % cast.n_members);
        struct change join = cast_join((int)i, i), address;
        char url[CAST_URL_MAX];
        struct str at;
        if (m >= cast.n_founders) continue;
        write_root(&slots, m, &n[m], &join);
        cast_url((int)i, url);
        at = str_of(url);
        address = cast_address(i, &at);
        write_root(&slots, m, &n[m], &address);
    }
    slots_done(&slots);
}

void cast_url(int node, char ret[CAST_URL_MAX])
{
    (void)snprintf(ret, CAST_URL_MAX, "https://node%d.example", node);
}
