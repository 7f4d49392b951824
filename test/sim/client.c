/* client.c - random wishes, and a memory of what was acknowledged.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "client.h"

#include "actor.h"
#include "cast.h"
#include "cell/id.h"
#include "judge.h"
#include "state/key.h"
#include "state/member.h"
#include "state/outcome.h"

#define CLIENTS_MAX 6
#define ENTITIES 6
#define QUESTIONS_MAX 16
#define PARENT (UINT64_C(0x5490) << 48 | UINT64_C(1) << 40) /* A level-10 cell. */

enum wish { WISH_PARTICIPANT, WISH_INTENT, WISH_SUBSCRIPTION, WISH_DELETE, WISH_AVAILABILITY, WISH_LINE, WISH_READ, WISH_FATE };

/* An entry that may stand or not, and the node to be asked. */
struct question {
    struct hash hash;
    int node;
    unsigned entity;
};

struct client {
    struct ask ask; /* First: a client is found from it. */
    unsigned member;
    int node;
    enum wish wish;
    unsigned entity;
    bool waits, has_settled_rights;
    struct question questions[QUESTIONS_MAX];
    size_t n_questions;
};

/* What was acknowledged of an entity last. */
struct known {
    bool is_deleted;
    uint64_t index;
    uint64_t token_digest;
    unsigned n_open_deletes; /* Asked for, and not known to have come to nothing. */
};

static struct {
    struct client all[CLIENTS_MAX];
    size_t n;
    struct known known[2][ENTITIES]; /* Intents, subscriptions. */
    int64_t pause_us;
    bool is_calm;
} clients;

struct client_counts client_counts;

static struct id entity_id(unsigned i)
{
    uint8_t bytes[16] = {0xab, (uint8_t)i};

    return id_make_v4(bytes);
}

static bool is_subscription(unsigned entity)
{
    return entity >= ENTITIES;
}

static struct known *known_of(unsigned entity)
{
    return &clients.known[is_subscription(entity)][entity % ENTITIES];
}

static const struct entity *find(const struct view *v, unsigned entity)
{
    return view_find(v, is_subscription(entity) ? ENTITY_SUBSCRIPTION : ENTITY_INTENT, entity_id(entity));
}

/* Changes, as the API of the node would make them of a request. */

static void set_base(struct change *c, const struct entity *e)
{
    c->has_base = e != NULL;
    c->base = e ? e->token_digest : 0;
}

static void set_token(struct change *c)
{
    for (size_t i = 0; i < sizeof c->random; i++) c->random[i] = (uint8_t)world_below(256);
}

static void set_volume(struct change *c, struct arena *arena)
{
    uint64_t *cell = arena_alloc(arena, sizeof *cell);

    *cell = PARENT - (UINT64_C(1) << 40) + (UINT64_C(1) << 34) + (world_below(3) << 35);
    c->vol.cells = cell;
    c->vol.n_cells = 1;
    c->vol.box = (struct box){WORLD_START_US + 600 * S, WORLD_START_US + 3600 * S, VOL_FLOOR_NONE, VOL_CEIL_NONE};
}

static void set_key(const struct view *v, struct str participant, struct change *c, struct arena *arena)
{
    struct str tokens[ENTITIES];
    struct key_verdict verdict;
    size_t n = 0;

    for (unsigned i = 0; i < ENTITIES; i++) {
        const struct entity *e = find(v, i);
        if (e && !world_chance(30)) tokens[n++] = e->token;
    }
    key_judge(v, participant, c, tokens, n, arena, &verdict);
}

static void make_intent(struct client *c, const struct view *v, struct arena *arena, struct change *ret)
{
    const struct entity *e = find(v, c->entity);

    *ret = (struct change){.kind = CHANGE_INTENT_PUT, .url = STR("https://uss.example"), .state = INTENT_ACCEPTED};
    ret->id = entity_id(c->entity);
    set_token(ret);
    set_base(ret, e);
    set_volume(ret, arena);
    set_key(v, cast_uss(c->member), ret, arena);
}

static void make_subscription(struct client *c, const struct view *v, struct arena *arena, struct change *ret)
{
    *ret = (struct change){.kind = CHANGE_SUBSCRIPTION_PUT, .url = STR("https://uss.example"), .for_intents = true};
    ret->id = entity_id(c->entity);
    set_token(ret);
    set_base(ret, find(v, c->entity));
    set_volume(ret, arena);
}

static bool make_delete(struct client *c, const struct view *v, struct change *ret)
{
    const struct entity *e = find(v, c->entity);

    if (!e) return false;
    *ret = (struct change){.kind = is_subscription(c->entity) ? CHANGE_SUBSCRIPTION_DELETE : CHANGE_INTENT_DELETE, .id = e->id};
    set_base(ret, e);
    known_of(c->entity)->n_open_deletes++;
    return true;
}

static void make_availability(struct client *c, const struct view *v, struct change *ret)
{
    struct availability now = view_availability(v, cast_uss(c->member));

    *ret = (struct change){.kind = CHANGE_AVAILABILITY_PUT, .uss = cast_uss(c->member)};
    ret->availability = world_chance(300) ? USS_DOWN : USS_NORMAL;
    set_token(ret);
    ret->has_base = now.version.n > 0;
    ret->base = ret->has_base ? hash_digest(now.version) : 0;
}

static bool make_participant(struct client *c, const struct view *v, struct arena *arena, struct change *ret)
{
    struct str *names = arena_alloc(arena, sizeof *names);

    if (view_participant(v, cast_uss(c->member))) return false;
    *names = cast_member(c->member);
    *ret = (struct change){.kind = CHANGE_PARTICIPANT, .uss = cast_uss(c->member), .names = names, .n_names = 1};
    return true;
}

static bool make_line(struct client *c, const struct view *v, struct change *ret)
{
    const struct member *m = view_member_named(v, cast_member(c->member));

    if (!m) return false;
    *ret = (struct change){.kind = member_is_suspended(m) ? CHANGE_RESUME : CHANGE_SUSPEND, .text = STR("as chance has it")};
    ret->member = cast_member(c->member);
    return true;
}

static bool make(void *context, const struct view *v, struct arena *arena, struct change *ret, struct str *ret_participant)
{
    struct client *c = context;

    if (c->wish != WISH_PARTICIPANT && c->wish != WISH_LINE) *ret_participant = cast_uss(c->member);
    switch (c->wish) {
    case WISH_PARTICIPANT: return make_participant(c, v, arena, ret);
    case WISH_INTENT: make_intent(c, v, arena, ret); return true;
    case WISH_SUBSCRIPTION: make_subscription(c, v, arena, ret); return true;
    case WISH_DELETE: return make_delete(c, v, ret);
    case WISH_AVAILABILITY: make_availability(c, v, ret); return true;
    case WISH_LINE: return make_line(c, v, ret);
    default: return false;
    }
}

/* What is learned. */

static void learn(struct client *c, const struct ask *a)
{
    struct known *k = known_of(c->entity);
    bool deletes = c->wish == WISH_DELETE;

    if (c->wish != WISH_INTENT && c->wish != WISH_SUBSCRIPTION && c->wish != WISH_DELETE) return;
    if (deletes) k->n_open_deletes--;
    if (a->reason != REASON_ACCEPTED || a->index < k->index) return;
    k->is_deleted = deletes;
    k->index = a->index;
    k->token_digest = a->token_digest;
}

static void check_read(struct client *c, const struct ask *a)
{
    const struct known *k = known_of(c->entity);
    const struct entity *e = find(a->view, c->entity);

    if (judge_is_split() || etcd_model_has_lied() || k->index == 0 || k->index >= a->floor) return;
    if (!e && !k->is_deleted && k->n_open_deletes == 0)
        judge_fail("node %d does not show entity %u, which was written at %llu", c->node, c->entity, (unsigned long long)k->index);
    if (e && e->changed_at < k->index)
        judge_fail("node %d shows entity %u as of %llu, and it was written at %llu", c->node, c->entity, (unsigned long long)e->changed_at,
                   (unsigned long long)k->index);
    if (e && e->changed_at == k->index && !k->is_deleted && e->token_digest != k->token_digest)
        judge_fail("node %d shows entity %u with another version than was acknowledged", c->node, c->entity);
}

static void want(struct client *c, int64_t in_us);

static void remember(struct client *c)
{
    if (c->n_questions == QUESTIONS_MAX) return; /* Its delete stays open, for check_read(). */
    c->questions[c->n_questions++] = (struct question){c->ask.hash, c->node, c->entity};
}

static void answered_fate(struct client *c)
{
    struct question q = c->questions[0];

    for (size_t i = 1; i < c->n_questions; i++) c->questions[i - 1] = c->questions[i];
    if (c->ask.result == ASK_DONE && c->ask.fate != NODE_OPEN) {
        c->n_questions--;
        client_counts.n_committed += c->ask.fate == NODE_COMMITTED;
        client_counts.n_absent += c->ask.fate == NODE_ABSENT;
    } else {
        c->questions[c->n_questions - 1] = q; /* Asked again, after the others. */
    }
}

static void answered_write(struct client *c)
{
    const struct ask *a = &c->ask;
    bool is_accepted = a->result == ASK_DONE && a->reason == REASON_ACCEPTED;

    switch (a->result) {
    case ASK_DONE:
        client_counts.n_accepted += is_accepted;
        client_counts.n_refused += !is_accepted;
        learn(c, a);
        break;
    case ASK_UNCLEAR:
        client_counts.n_unclear++;
        remember(c);
        break;
    case ASK_REFUSED:
        if (c->wish == WISH_DELETE) known_of(c->entity)->n_open_deletes--;
        break;
    default: break; /* A delete that was lost with its node may have been done. */
    }
    if (c->wish == WISH_PARTICIPANT) c->has_settled_rights = is_accepted || a->result == ASK_NOTHING;
}

static void answered(struct ask *a)
{
    struct client *c = (struct client *)a;

    c->waits = false;
    switch (a->kind) {
    case ASK_FATE: answered_fate(c); break;
    case ASK_WRITE: answered_write(c); break;
    case ASK_PASS: break; /* The council's alone. */
    case ASK_READ:
        if (a->result != ASK_DONE) break;
        client_counts.n_reads++;
        check_read(c, a);
        break;
    }
    want(c, clients.pause_us / 4 + (int64_t)world_below((uint64_t)clients.pause_us));
}

/* Wishes. */

static int own_node(const struct client *c)
{
    uint64_t n = (cast.n_nodes - c->member + cast.n_members - 1) / cast.n_members;

    return (int)(c->member + cast.n_members * world_below(n));
}

static void choose(struct client *c)
{
    uint64_t dice = world_below(100);

    c->node = own_node(c);
    c->entity = (unsigned)world_below(ENTITIES);
    ask_done(&c->ask);
    c->ask = (struct ask){.kind = ASK_WRITE, .make = make, .done = answered, .context = c};
    if (!c->has_settled_rights) c->wish = WISH_PARTICIPANT;
    else if (dice < 30) c->wish = WISH_INTENT;
    else if (dice < 45) c->wish = WISH_SUBSCRIPTION;
    else if (dice < 55) c->wish = WISH_DELETE;
    else if (dice < 59) c->wish = WISH_AVAILABILITY;
    else if (dice < 62) c->wish = WISH_LINE;
    else c->wish = WISH_READ;
    if (c->wish == WISH_SUBSCRIPTION || (c->wish != WISH_INTENT && world_chance(400))) c->entity += ENTITIES;
    if (c->n_questions > 0 && (clients.is_calm || world_chance(300))) {
        c->wish = WISH_FATE;
        c->ask.kind = ASK_FATE;
        c->ask.hash = c->questions[0].hash;
        c->node = c->questions[0].node;
    } else if (c->wish == WISH_READ) {
        c->ask.kind = ASK_READ;
        c->node = (int)world_below(cast.n_nodes);
    }
}

static void act(void *context, bool happens)
{
    struct client *c = context;

    if (!happens) return;
    choose(c);
    if (!actor_is_up(c->node)) {
        want(c, clients.pause_us);
        return;
    }
    c->waits = true;
    c->ask.floor = judge_floor();
    actor_ask(c->node, &c->ask);
}

static void want(struct client *c, int64_t in_us)
{
    world_at(world.now_us + in_us, act, c);
}

void clients_begin(void)
{
    memset(&clients, 0, sizeof clients);
    clients.n = (size_t)world_between(2, CLIENTS_MAX);
    clients.pause_us = world_between(20 * MS, 600 * MS);
    for (size_t i = 0; i < clients.n; i++) {
        clients.all[i].member = (unsigned)(i % cast.n_members);
        want(&clients.all[i], (int64_t)world_below(S));
    }
}

void clients_end(void)
{
    for (size_t i = 0; i < clients.n; i++) ask_done(&clients.all[i].ask);
}

void clients_calm(void)
{
    clients.is_calm = true;
    clients.pause_us = 300 * MS;
}

bool clients_have_settled(void)
{
    for (size_t i = 0; i < clients.n; i++)
        for (size_t k = 0; k < clients.all[i].n_questions; k++)
            if (!cast.is_out[clients.all[i].questions[k].node]) return false;
    return true;
}
