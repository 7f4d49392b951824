/* genesis.c - writing and reading entry 0.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "state/genesis.h"

#include "entry/cbor.h"

#define FORMAT 1
#define N_KEYS 7

/* What is wrong with the members' order, names or keys; NULL if nothing. */
static const char *members_problem(const struct genesis_member *m, size_t n)
{
    if (n == 0 || n > GENESIS_MEMBERS_MAX) return "1 to 100 members";
    for (size_t i = 0; i < n; i++) {
        if (m[i].name.n == 0 || m[i].name.n > GENESIS_TEXT_MAX) return "a member's name has 1 to 128 bytes";
        if (i && str_compare(m[i - 1].name, m[i].name) >= 0) return "members ascend by name";
        if (!key_is_acceptable(&m[i].root_key)) return "a member's root key is no acceptable key";
        for (size_t k = 0; k < i; k++)
            if (memcmp(m[k].root_key.b, m[i].root_key.b, sizeof m[i].root_key.b) == 0)
                return "two members have one root key";
    }
    return NULL;
}

void genesis_encode(const struct genesis *g, struct buf *to)
{
    must(g->rules >= RULES_FIRST && g->rules <= RULES_NEWEST && g->origin.n > 0 && g->origin.n <= GENESIS_TEXT_MAX);
    must(members_problem(g->members, g->n_members) == NULL);
    cbor_add_map(to, N_KEYS);
    cbor_add_key(to, 1);
    cbor_add_uint(to, FORMAT);
    cbor_add_key(to, 2);
    cbor_add_text(to, g->origin);
    cbor_add_key(to, 3);
    cbor_add_uint(to, g->rules);
    cbor_add_key(to, 4);
    cbor_add_array(to, g->n_members);
    for (size_t i = 0; i < g->n_members; i++) {
        cbor_add_array(to, 2);
        cbor_add_text(to, g->members[i].name);
        cbor_add_bytes(to, g->members[i].root_key.b, 32);
    }
    cbor_add_key(to, 5);
    cbor_add_bool(to, g->entries_public);
    cbor_add_key(to, 6);
    cbor_add_bool(to, g->needs_412_for_down);
    cbor_add_key(to, 7);
    cbor_add_int(to, g->created_ms);
}

static void expect_key(struct cbor *r, unsigned *last, unsigned key)
{
    if (cbor_key(r, last) != key) cbor_bad(r, "members are 1 to 7");
}

static void read_members(struct cbor *r, struct arena *arena, struct genesis *g)
{
    size_t n = cbor_array(r);
    struct genesis_member *members;

    if (n > GENESIS_MEMBERS_MAX) cbor_bad(r, "at most 100 members");
    if (r->problem) return;
    members = arena_array(arena, n, sizeof *members);
    for (size_t i = 0; i < n; i++) {
        cbor_array_of(r, 2);
        members[i].name = cbor_text(r, GENESIS_TEXT_MAX, "a member's name has 1 to 128 bytes");
        cbor_bytes_of(r, 32, members[i].root_key.b);
    }
    g->members = members;
    g->n_members = n;
}

enum err genesis_decode(struct str bytes, struct arena *arena, struct genesis *ret, struct why *why)
{
    struct cbor r = cbor_open(bytes);
    unsigned last = CBOR_FIRST_KEY;
    struct genesis g = {0};

    if (cbor_map(&r) != N_KEYS) cbor_bad(&r, "genesis is a map of 7 members");
    expect_key(&r, &last, 1);
    if (cbor_uint(&r) != FORMAT) cbor_bad(&r, "this format is not known");
    expect_key(&r, &last, 2);
    g.origin = cbor_text(&r, GENESIS_TEXT_MAX, "the origin has 1 to 128 bytes");
    if (g.origin.n == 0) cbor_bad(&r, "the origin has 1 to 128 bytes");
    expect_key(&r, &last, 3);
    g.rules = cbor_uint(&r);
    if (g.rules < RULES_FIRST || g.rules > RULES_NEWEST) cbor_bad(&r, "rules of this version are not known");
    expect_key(&r, &last, 4);
    read_members(&r, arena, &g);
    if (!r.problem) {
        const char *problem = members_problem(g.members, g.n_members);
        if (problem) cbor_bad(&r, problem);
    }
    expect_key(&r, &last, 5);
    g.entries_public = cbor_bool(&r);
    expect_key(&r, &last, 6);
    g.needs_412_for_down = cbor_bool(&r);
    expect_key(&r, &last, 7);
    g.created_ms = cbor_int(&r);
    TRY(cbor_end(&r, why));
    *ret = g;
    return OK;
}
