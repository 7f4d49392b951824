/* judge.c - the journal as all nodes must have it.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "judge.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/vec.h"
#include "cast.h"
#include "proof/merkle.h"
#include "state/state.h"
#include "world.h"

struct place {
    struct hash entry, outcome, root, digest;
    bool has_digest;
};
VEC_DEFINE(place_vec, struct place);
VEC_DEFINE(hash_vec, struct hash);

/* A head that was signed and is to be compared once its signer has told so much. */
struct signed_head {
    int node;
    uint64_t size;
    struct hash root;
};
VEC_DEFINE(signed_vec, struct signed_head);


static struct {
    enum lie lie;
    struct place_vec places;
    struct hash_vec absent;
    uint64_t signed_sizes[WORLD_NODES_MAX];
    uint64_t positions[WORLD_NODES_MAX];
    struct signed_vec signed_heads;
    struct merkle trees[WORLD_NODES_MAX]; /* Of what each has told. */
    uint64_t floor;
    bool is_split, differs[WORLD_NODES_MAX];
    unsigned n_failures;
    char first[400];
} judge;

void judge_begin(enum lie lie)
{
    memset(&judge, 0, sizeof judge);
    judge.lie = lie;
}

void judge_end(void)
{
    place_vec_done(&judge.places);
    hash_vec_done(&judge.absent);
    signed_vec_done(&judge.signed_heads);
}

void judge_fail(const char *format, ...)
{
    va_list list;
    int n;

    if (judge.n_failures++ > 0) return;
    n = snprintf(judge.first, sizeof judge.first, "at %.3f ms: ", (double)world.now_us / 1000);
    va_start(list, format);
    (void)vsnprintf(judge.first + n, sizeof judge.first - (size_t)n, format, list);
    va_end(list);
    world_say("%s", judge.first);
}

bool judge_has_failed(void)
{
    return judge.n_failures > 0;
}

const char *judge_first_failure(void)
{
    return judge.first;
}

static bool may_split(void)
{
    return lie_may_split(judge.lie) && etcd_model_has_lied();
}

static void split(int node, const char *what, uint64_t index)
{
    if (!may_split()) {
        judge_fail("node %d has another %s at position %llu than others", node, what, (unsigned long long)index);
        return;
    }
    if (!judge.differs[node]) world_say("the network is split: node %d has another %s at position %llu", node, what, (unsigned long long)index);
    judge.is_split = judge.differs[node] = true;
}

static bool is_absent(const struct hash *h)
{
    for (size_t i = 0; i < judge.absent.n; i++)
        if (hash_equal(&judge.absent.at[i], h)) return true;
    return false;
}

static void say_entry(const char *what, struct str bytes)
{
    AUTO(arena_done) struct arena arena = {0};
    struct entry e;

    if (entry_decode(bytes, &arena, &e, NULL) != OK) world_say("%s: no entry", what);
    else
        world_say("%s: author %02x%02x (node %d), slot %llu, kind %d", what, e.author[0], e.author[1], cast_find(e.author),
                  (unsigned long long)e.slot, (int)e.changes[0].kind);
}

static void compare_signed(int node, const struct hash *root)
{
    for (size_t i = 0; i < judge.signed_heads.n; i++) {
        const struct signed_head *h = &judge.signed_heads.at[i];
        if (h->node != node || h->size != judge.trees[node].size) continue;
        if (!hash_equal(&h->root, root)) judge_fail("node %d signed another root at %llu leaves than it has", node, (unsigned long long)h->size);
        judge.signed_heads.at[i--] = judge.signed_heads.at[--judge.signed_heads.n];
    }
}

void judge_applied(int node, uint64_t index, struct str entry, struct str outcome)
{
    struct place here = {.entry = hash_of(entry), .outcome = hash_of(outcome)};
    struct hash leaves[2] = {hash_leaf(entry), hash_leaf(outcome)};
    struct place *known;

    merkle_add(&judge.trees[node], &leaves[0]);
    merkle_add(&judge.trees[node], &leaves[1]);
    here.root = merkle_root(&judge.trees[node]);
    compare_signed(node, &here.root);

    if (index != judge.positions[node]) judge_fail("node %d applies %llu after %llu", node, (unsigned long long)index, (unsigned long long)judge.positions[node]);
    judge.positions[node] = index + 1;
    if (!may_split() && is_absent(&here.entry)) judge_fail("node %d has an entry at %llu that was called absent", node, (unsigned long long)index);
    if (judge.differs[node]) return;
    if (world.talks && index == judge.places.n) say_entry("first", entry);
    if (index == judge.places.n) {
        place_vec_add(&judge.places, here);
        return;
    }
    must(index < judge.places.n);
    known = &judge.places.at[index];
    if (!hash_equal(&known->entry, &here.entry)) {
        say_entry("this", entry);
        split(node, "entry", index);
    }
    else if (!hash_equal(&known->outcome, &here.outcome)) split(node, "outcome", index);
    else if (!hash_equal(&known->root, &here.root)) split(node, "root", index);
}

void judge_published(int node, const struct view *v)
{
    struct place *p;
    struct hash digest;

    if (judge.differs[node] || v->position == 0 || v->position > judge.places.n) return;
    p = &judge.places.at[v->position - 1];
    digest = state_digest(v);
    if (p->has_digest && !hash_equal(&p->digest, &digest)) split(node, "state", v->position - 1);
    p->digest = digest;
    p->has_digest = true;
}

void judge_restarted(int node)
{
    judge.positions[node] = 0;
    judge.trees[node] = (struct merkle){.size = 0};
}

void judge_has_new_keys(int node)
{
    judge.signed_sizes[node] = 0;
}

void judge_signed(int node, uint64_t size, const struct hash *root)
{
    uint64_t *last = &judge.signed_sizes[node];

    if (size <= *last) judge_fail("node %d signs size %llu after %llu", node, (unsigned long long)size, (unsigned long long)*last);
    if (size % 2 || size == 0) judge_fail("node %d signs size %llu", node, (unsigned long long)size);
    *last = size;
    if (judge.trees[node].size < size) signed_vec_add(&judge.signed_heads, (struct signed_head){node, size, *root});
    else if (!judge.differs[node] && !hash_equal(&judge.places.at[size / 2 - 1].root, root)) split(node, "signed root", size / 2 - 1);
}

uint64_t judge_floor(void)
{
    return judge.floor;
}

static bool is_exempt(int node)
{
    return judge.lie == LIE_STALE || may_split() || judge.differs[node];
}

uint64_t judge_wrote(int node, uint64_t floor, uint64_t position, const struct hash *hash)
{
    uint64_t index = 0;

    if (is_exempt(node)) return 0;
    if (position > judge.positions[node])
        judge_fail("node %d answers at %llu and has told of %llu", node, (unsigned long long)position, (unsigned long long)judge.positions[node]);
    for (index = position < judge.places.n ? position : judge.places.n; index > 0; index--)
        if (hash_equal(&judge.places.at[index - 1].entry, hash)) break;
    if (index == 0) {
        judge_fail("node %d answers for an entry that does not stand before %llu", node, (unsigned long long)position);
        return 0;
    }
    index--;
    if (index < floor)
        judge_fail("node %d answers a write at %llu that was asked for when %llu were seen", node, (unsigned long long)index, (unsigned long long)floor);
    if (position > judge.floor) judge.floor = position;
    return index;
}

void judge_read(int node, uint64_t floor, uint64_t position)
{
    if (is_exempt(node)) return;
    if (position < floor)
        judge_fail("node %d reads at %llu what was asked for when %llu were seen", node, (unsigned long long)position, (unsigned long long)floor);
    if (position > judge.floor) judge.floor = position;
}

static bool is_known(const struct hash *hash)
{
    for (size_t i = judge.places.n; i > 0; i--)
        if (hash_equal(&judge.places.at[i - 1].entry, hash)) return true;
    return false;
}

void judge_absent(int node, const struct hash *hash)
{
    if (is_exempt(node) && judge.lie != LIE_STALE) return;
    if (is_known(hash)) judge_fail("node %d calls an entry absent that others have", node);
    if (!is_absent(hash)) hash_vec_add(&judge.absent, *hash);
}

void judge_committed(int node, const struct hash *hash)
{
    if (is_exempt(node) && judge.lie != LIE_STALE) return;
    if (!is_known(hash)) judge_fail("node %d calls an entry committed that nobody has", node);
}

uint64_t judge_size(void)
{
    return judge.places.n;
}

bool judge_is_split(void)
{
    return judge.is_split;
}

int judge_branch(int node)
{
    return judge.is_split ? judge.differs[node] : -1;
}
