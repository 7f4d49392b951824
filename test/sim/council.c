/* council.c - aims, and the next step of each as a node's state has it.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "council.h"

#include <stdio.h>

#include "actor.h"
#include "cast.h"
#include "entry/entry.h"
#include "hostile.h"
#include "judge.h"
#include "state/epoch.h"
#include "state/member.h"

#define AIMS_MAX 4

struct aim {
    struct ask ask; /* First: an aim is found from it. */
    enum { AIM_ADMIT, AIM_EXPEL, AIM_KEYS, AIM_ROOT } kind;
    unsigned member;
    int node;      /* KEYS */
    int64_t at_us; /* Its next step, not before. */
    bool waits, is_reached;
};

static struct {
    struct aim all[AIMS_MAX];
    size_t n;
} council;

struct council_counts council_counts;

static const char *const words[] = {"a member is admitted", "a member is expelled", "a node gets new keys", "a root key is replaced"};

static void add(int kind, unsigned member, int node)
{
    struct aim *a = &council.all[council.n++];

    *a = (struct aim){.member = member, .node = node, .at_us = world_between(500 * MS, 20 * S)};
    a->kind = kind;
}

void council_begin(void)
{
    bool has_hostile = hostile_is((int)cast.n_nodes - 1);
    unsigned bad = (unsigned)(cast.n_nodes - 1) % cast.n_members;
    unsigned expelled = (unsigned)world_below(cast.n_founders), keyed = (unsigned)world_below(cast.n_founders);
    int node = (int)world_below(cast.n_nodes);

    memset(&council, 0, sizeof council);
    if (cast.n_founders < cast.n_members) add(AIM_ADMIT, cast.n_founders, -1);
    if (has_hostile) expelled = bad;
    bool expels = cast.n_founders >= 3 && world_chance(100);
    if (expels) add(AIM_EXPEL, expelled, -1);
    unsigned owner = (unsigned)node % cast.n_members;
    if (world_chance(120) && owner < cast.n_founders && !(expels && owner == expelled) && !hostile_is(node)) add(AIM_KEYS, owner, node);
    if (world_chance(80) && !has_hostile && !(expels && keyed == expelled)) add(AIM_ROOT, keyed, -1);
}

void council_end(void)
{
    for (size_t i = 0; i < council.n; i++) ask_done(&council.all[i].ask);
    council.n = 0;
}

/* Entries of roots. */

struct step {
    unsigned by; /* Whose root signs. */
    struct change changes[3];
    size_t n; /* 0: nothing to be signed now. */
    char url[CAST_URL_MAX];
    struct str at;
};

static void change(struct step *s, unsigned by, struct change c)
{
    s->by = by;
    s->changes[s->n++] = c;
}

/* The keys that the state has for the member's root. */
static size_t root_of(const struct view *v, unsigned member)
{
    const struct member *m = view_member_named(v, cast_member(member));

    return member + (m && memcmp(m->root_id, cast.root_ids[member], 8) != 0 ? CAST_SPARE : 0);
}

static bool sign(const struct view *v, struct step *s, struct arena *arena, struct str *ret)
{
    AUTO(buf_done) struct buf bytes = {0};
    size_t root = root_of(v, s->by);
    struct entry e = {.epoch = view_epoch(v), .changes = s->changes, .n_changes = s->n};
    int64_t now_ms = (WORLD_START_US + world.now_us) / 1000;

    memcpy(e.author, cast.root_ids[root], 8);
    if (!state_author_next(v, e.author, &e.slot, &e.previous, &e.time_ms)) return false;
    if (e.time_ms < now_ms) e.time_ms = now_ms;
    entry_encode(&e, CAST_ORIGIN, &cast.roots[root], &bytes);
    *ret = arena_dup(arena, buf_str(&bytes));
    return true;
}

/* Steps. */

static const struct proposal *find_proposal(const struct view *v, enum proposal_act act, unsigned member)
{
    for (size_t i = 0; i < view_n_proposals(v); i++) {
        const struct proposal *p = view_proposal(v, i);
        if (p->act == act && str_equal((struct str){p->name, p->n_name}, cast_member(member))) return p;
    }
    return NULL;
}

/* Some member that may vote; -1: none that has not approved. Whom it is about votes on anything but its expulsion. */
static int find_voter(const struct view *v, const struct proposal *p, enum proposal_act act, unsigned subject)
{
    unsigned from = (unsigned)world_below(cast.n_members);

    for (unsigned k = 0; k < cast.n_members; k++) {
        unsigned i = (from + k) % cast.n_members;
        const struct member *m = view_member_named(v, cast_member(i));
        if ((act == PROPOSE_EXPEL && i == subject) || !m || !member_counts(m)) continue;
        if (!p || !(p->approvals[m->no / 64] >> (m->no % 64) & 1)) return (int)i;
    }
    return -1;
}

static void decide(const struct view *v, enum proposal_act act, const struct aim *a, struct step *ret)
{
    const struct proposal *p = find_proposal(v, act, a->member);
    int voter = find_voter(v, p, act, a->member);
    struct change c = {.kind = CHANGE_PROPOSE, .act = act, .member = cast_member(a->member)};

    if (voter < 0) return;
    if (p) c = (struct change){.kind = CHANGE_APPROVE, .proposal = p->hash};
    else if (act == PROPOSE_EXPEL) c.text = STR("as chance has it");
    else memcpy(c.root_key, cast.roots[a->member + (act == PROPOSE_ROOT ? CAST_SPARE : 0)].public.b, 32);
    change(ret, (unsigned)voter, c);
}

/* One entry: the old node ends, the new one joins. */
static void replace_keys(const struct aim *a, struct step *ret)
{
    struct change end = {.kind = CHANGE_NODE_END, .text = STR("as chance has it")};
    size_t fresh = (size_t)a->node + CAST_SPARE;

    memcpy(end.node, cast.ids[a->node], 8);
    change(ret, a->member, end);
    change(ret, a->member, cast_join(a->node, fresh));
    cast_url(a->node, ret->url);
    ret->at = str_of(ret->url);
    change(ret, a->member, cast_address(fresh, &ret->at));
}

/* Whether the state has it; otherwise what is next. */
static bool look(const struct view *v, const struct aim *a, struct step *ret)
{
    const struct member *m = view_member_named(v, cast_member(a->member));
    struct key_public key;

    switch (a->kind) {
    case AIM_ADMIT:
        if (!m) decide(v, PROPOSE_ADMIT, a, ret);
        return m && member_counts(m); /* Its node joins by itself. */
    case AIM_EXPEL:
        if (m->expelled_at) return true;
        decide(v, PROPOSE_EXPEL, a, ret);
        return false;
    case AIM_KEYS:
        if (state_author_key(v, cast.ids[a->node + CAST_SPARE], &key)) return true;
        if (state_author_key(v, cast.ids[a->node], &key)) replace_keys(a, ret);
        return false;
    case AIM_ROOT:
        if (root_of(v, a->member) != a->member) return true;
        decide(v, PROPOSE_ROOT, a, ret);
        return false;
    }
    return false;
}

static void reach(struct aim *a)
{
    a->is_reached = true;
    world_say("the members have it: %s (member %u, node %d)", words[a->kind], a->member, a->node);
    switch (a->kind) {
    case AIM_ADMIT: council_counts.n_admitted++; break;
    case AIM_EXPEL:
        council_counts.n_expelled++;
        for (size_t i = 0; i < cast.n_nodes; i++) cast.is_out[i] |= i % cast.n_members == a->member;
        break;
    case AIM_KEYS:
        council_counts.n_keys++;
        actor_replace_keys(a->node);
        break;
    case AIM_ROOT: council_counts.n_roots++; break;
    }
}

static void passed(struct ask *ask)
{
    struct aim *a = (struct aim *)ask;

    a->waits = false;
    council_counts.n_entries += ask->result == ASK_DONE;
    a->at_us = world.now_us + world_between(20 * MS, 600 * MS);
}

/* Asks a node that is up what the state has, and hands in what is next there. */
static void take_step(struct aim *a)
{
    int node = (int)world_below(cast.n_nodes);
    struct step step = {.n = 0};
    struct str bytes = {0};
    struct state_pin pin;
    const struct view *v;

    a->at_us = world.now_us + world_between(20 * MS, 300 * MS);
    if (!actor_is_up(node) || cast.is_out[node]) return;
    v = state_read(node_state(actor_node(node)), &pin);
    bool has = look(v, a, &step);
    ask_done(&a->ask);
    a->ask = (struct ask){.kind = ASK_PASS, .done = passed};
    bool signs = !has && step.n && sign(v, &step, &a->ask.arena, &bytes);
    state_done_reading(&pin);
    if (has) reach(a);
    if (!signs) return;
    a->waits = true;
    a->ask.bytes = bytes;
    a->ask.floor = judge_floor();
    actor_ask(node, &a->ask);
}

void council_trouble(void)
{
    for (size_t i = 0; i < council.n; i++) {
        struct aim *a = &council.all[i];
        if (!a->waits && !a->is_reached && world.now_us >= a->at_us) take_step(a);
    }
}

void council_calm(void)
{
    for (size_t i = 0; i < council.n; i++)
        if (council.all[i].at_us > world.now_us + S) council.all[i].at_us = world.now_us + (int64_t)world_below(S);
}

bool council_has_aims(void)
{
    return council.n > 0;
}

bool council_is_done(void)
{
    for (size_t i = 0; i < council.n; i++)
        if (!council.all[i].is_reached) return false;
    return true;
}

const char *council_words(void)
{
    for (size_t i = 0; i < council.n; i++)
        if (!council.all[i].is_reached) return words[council.all[i].kind];
    return "";
}
