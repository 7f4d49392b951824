/* reference.c - entities as JSON, straight onto the answer.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "api/reference.h"

#include "base/instant.h"
#include "base/json.h"

#define ADD(to, literal) buf_add((to), "" literal, sizeof(literal) - 1)

static void add_id(struct buf *to, struct id id)
{
    id_format(id, buf_reserve(to, ID_TEXT));
    to->n += ID_TEXT;
}

static void add_text(struct buf *to, struct str text)
{
    struct json j = {.to = to};
    json_str(&j, text);
}

static void add_times(struct buf *to, const struct box *box)
{
    ADD(to, ",\"time_start\":{\"value\":\"");
    instant_add(to, box->starts_us);
    ADD(to, "\",\"format\":\"RFC3339\"},\"time_end\":{\"value\":\"");
    instant_add(to, box->ends_us);
    ADD(to, "\",\"format\":\"RFC3339\"},\"uss_base_url\":");
}

static struct str state_text(enum intent_state s)
{
    switch (s) {
    case INTENT_ACCEPTED: return STR("Accepted");
    case INTENT_ACTIVATED: return STR("Activated");
    case INTENT_NONCONFORMING: return STR("Nonconforming");
    case INTENT_CONTINGENT: return STR("Contingent");
    }
    must(false); /* Only the four exist. */
}

static struct str availability_text(enum uss_availability a)
{
    return a == USS_DOWN ? STR("Down") : a == USS_NORMAL ? STR("Normal") : STR("Unknown");
}

static enum uss_availability availability_of(struct reference_writer *w, struct str manager)
{
    if (!w->has_manager || !str_equal(w->manager, manager)) {
        w->manager = manager;
        w->availability = view_availability(w->view, manager).status;
        w->has_manager = true;
    }
    return w->availability;
}

void reference_add(struct reference_writer *w, const struct entity *e)
{
    struct buf *to = w->to;
    buf_reserve(to, 520 + e->manager.n + e->url.n);
    ADD(to, "{\"id\":\"");
    add_id(to, e->id);
    ADD(to, "\",\"manager\":");
    add_text(to, e->manager);
    ADD(to, ",\"uss_availability\":\"");
    buf_add_str(to, availability_text(availability_of(w, e->manager)));
    ADD(to, "\",\"version\":");
    buf_add_i64(to, e->version);
    if (e->kind == ENTITY_INTENT) {
        ADD(to, ",\"state\":\"");
        buf_add_str(to, state_text(e->state));
        buf_add_char(to, '"');
    }
    ADD(to, ",\"ovn\":");
    bool is_managers = str_equal(e->manager, w->caller);
    add_text(to, is_managers ? e->token : STR("Available from USS"));
    add_times(to, &e->box);
    add_text(to, e->url);
    if (e->kind == ENTITY_INTENT) {
        ADD(to, ",\"subscription_id\":\"");
        add_id(to, id_is_zero(e->subscription) ? REFERENCE_NO_SUBSCRIPTION : e->subscription);
        buf_add_char(to, '"');
    }
    buf_add_char(to, '}');
}

void reference_add_list(struct reference_writer *w, const struct entity *const *entities, size_t n)
{
    buf_add_char(w->to, '[');
    for (size_t i = 0; i < n; i++) {
        if (i > 0) buf_add_char(w->to, ',');
        reference_add(w, entities[i]);
    }
    buf_add_char(w->to, ']');
}

void reference_add_subscription(struct buf *to, const struct entity *e, int32_t index,
                                const struct id *dependents, size_t n_dependents)
{
    struct json j = {.to = to, .needs_comma = true};
    buf_reserve(to, 480 + e->url.n + 39 * n_dependents);
    ADD(to, "{\"id\":\"");
    add_id(to, e->id);
    ADD(to, "\",\"version\":");
    add_text(to, e->token);
    ADD(to, ",\"notification_index\":");
    buf_add_i64(to, index);
    add_times(to, &e->box);
    add_text(to, e->url);
    json_key(&j, "notify_for_operational_intents");
    json_bool(&j, e->for_intents);
    json_key(&j, "notify_for_constraints");
    json_bool(&j, e->for_constraints);
    json_key(&j, "implicit_subscription");
    json_bool(&j, e->is_implicit);
    json_key(&j, "dependent_operational_intents");
    json_open(&j, '[');
    for (size_t i = 0; i < n_dependents; i++) json_id(&j, dependents[i]);
    json_close(&j, ']');
    json_close(&j, '}');
}

/* Notices of one URL, chained by next; groups stand in the order of their first notice. */
struct group {
    uint32_t first;
    uint32_t last;
};

struct grouping {
    struct group *groups;
    uint32_t n_groups;
    uint32_t *next;  /* notice -> next one of its group + 1, 0: none */
    uint32_t *table; /* hash -> group + 1, 0: empty */
    uint32_t mask;
};

static uint64_t hash_text(struct str text, uint64_t seed)
{
    uint64_t h = seed;
    for (size_t i = 0; i < text.n; i += 8) {
        uint64_t piece = 0;
        memcpy(&piece, text.at + i, text.n - i < 8 ? text.n - i : 8);
        h = (h ^ piece) * UINT64_C(0x9E3779B97F4A7C15);
        h ^= h >> 29;
    }
    return h ^ h >> 32;
}

static void group_add(struct grouping *g, const struct notice *notices, uint32_t i, uint64_t seed)
{
    uint32_t slot = (uint32_t)hash_text(notices[i].url, seed) & g->mask;
    while (g->table[slot]) {
        struct group *group = &g->groups[g->table[slot] - 1];
        if (str_equal(notices[group->first].url, notices[i].url)) {
            g->next[group->last] = i + 1;
            group->last = i;
            return;
        }
        slot = (slot + 1) & g->mask;
    }
    g->groups[g->n_groups++] = (struct group){i, i};
    g->table[slot] = g->n_groups;
}

static void add_group(struct buf *to, const struct notice *notices, const struct grouping *g,
                      const struct group *group)
{
    ADD(to, "{\"uss_base_url\":");
    add_text(to, notices[group->first].url);
    ADD(to, ",\"subscriptions\":[");
    uint32_t at = group->first + 1;
    while (at) {
        const struct notice *notice = &notices[at - 1];
        ADD(to, "{\"subscription_id\":\"");
        add_id(to, notice->subscription);
        ADD(to, "\",\"notification_index\":");
        buf_add_i64(to, notice->index);
        buf_add_char(to, '}');
        at = g->next[at - 1];
        if (at) buf_add_char(to, ',');
    }
    ADD(to, "]}");
}

void reference_add_subscribers(struct buf *to, const struct notice *notices, size_t n,
                               uint64_t seed, struct arena *arena)
{
    must(n < UINT32_MAX / 4);
    if (n == 0) {
        ADD(to, "[]");
        return;
    }
    uint32_t room = 2;
    while (room < 2 * n) room *= 2;
    struct grouping g = {
        .groups = arena_array(arena, n, sizeof *g.groups),
        .next = arena_array(arena, n, sizeof *g.next),
        .table = arena_array(arena, room, sizeof *g.table),
        .mask = room - 1,
    };
    for (uint32_t i = 0; i < n; i++) group_add(&g, notices, i, seed);

    buf_reserve(to, n * 96 + g.n_groups * 128);
    buf_add_char(to, '[');
    for (uint32_t i = 0; i < g.n_groups; i++) {
        if (i > 0) buf_add_char(to, ',');
        add_group(to, notices, &g, &g.groups[i]);
    }
    buf_add_char(to, ']');
}

struct entity reference_entity(const struct change *c, struct str participant,
                               const struct outcome *o, char token[CHANGE_TOKEN_MAX])
{
    struct entity e = {
        .id = c->id,
        .manager = participant,
        .url = c->url,
        .box = c->vol.box,
        .version = o->version,
        .state = c->state,
        .for_intents = c->for_intents,
        .for_constraints = c->for_constraints,
    };
    e.token = (struct str){token, change_token(c, token)};
    if (c->kind == CHANGE_SUBSCRIPTION_PUT) e.kind = ENTITY_SUBSCRIPTION;
    if (c->kind == CHANGE_CONSTRAINT_PUT) e.kind = ENTITY_CONSTRAINT;
    if (c->kind == CHANGE_INTENT_PUT) {
        e.kind = ENTITY_INTENT;
        if (c->attach != ATTACH_NONE) e.subscription = c->attach_id;
    }
    return e;
}
