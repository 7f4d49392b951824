/* model.c - the rules once more, by going through all there is.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "model.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/b64.h"
#include "base/limits.h"
#include "lab.h"

const char *model_uss(int manager)
{
    static const char *const names[MODEL_USSS] = {"uss0", "uss1", "uss2", "uss3", "uss4", "uss5", "uss6", "uss7"};

    return names[manager];
}

static struct model_entity *at(const struct model *m, enum entity_kind kind, struct id id)
{
    for (size_t i = 0; i < MODEL_ENTITIES; i++) {
        const struct model_entity *e = &m->entities[i];
        if (e->is_there && e->kind == kind && id_equal(e->id, id)) return (struct model_entity *)(uintptr_t)e;
    }
    return NULL;
}

const struct model_entity *model_find(const struct model *m, enum entity_kind kind, struct id id)
{
    return at(m, kind, id);
}

size_t model_dependents(const struct model *m, struct id subscription)
{
    size_t n = 0;

    for (size_t i = 0; i < MODEL_ENTITIES; i++) {
        const struct model_entity *e = &m->entities[i];
        n += e->is_there && e->kind == ENTITY_INTENT && id_equal(e->subscription, subscription);
    }
    return n;
}

static uint64_t ground_of(const struct change *c)
{
    return lab_bitmap(c->vol.cells, c->vol.n_cells);
}

/* New text of the change's token, written out here a second time. */
static void token_of(const struct change *c, char ret[CHANGE_TOKEN_MAX + 1])
{
    if (c->suffix.n) {
        char id[ID_TEXT];
        id_format(c->id, id);
        snprintf(ret, CHANGE_TOKEN_MAX + 1, "%.36s_%.*s", id, STR_ARG(c->suffix));
    } else {
        b64_encode(B64_URL, c->random, 16, ret);
        ret[22] = '\0';
    }
}

static bool names_version(const struct change *c, const char *token)
{
    return c->has_base && c->base == hash_digest(str_of(token));
}

static bool overlaps(const struct model_entity *e, uint64_t ground, const struct box *b, bool heights)
{
    if (!e->is_there || (e->ground & ground) == 0) return false;
    if (e->box.ends_us < b->starts_us || e->box.starts_us > b->ends_us) return false;
    return !heights || (e->box.ceil_mm >= b->floor_mm && e->box.floor_mm <= b->ceil_mm);
}

/* --- judging ---------------------------------------------------------------------------------- */

static bool token_is_taken(const struct model *m, struct id intent, const char *token)
{
    for (size_t i = 0; i < MODEL_ENTITIES; i++) {
        const struct model_entity *e = &m->entities[i];
        if (e->is_there && e->kind != ENTITY_SUBSCRIPTION && strcmp(e->token, token) == 0) return true;
    }
    for (size_t i = 0; i < m->n_used; i++)
        if (id_equal(m->used[i].intent, intent) && strcmp(m->used[i].token, token) == 0) return true;
    return false;
}

static enum reason judge_intent_put(const struct model *m, int manager, const struct change *c, int64_t now_ms)
{
    const struct model_entity *old = at(m, ENTITY_INTENT, c->id), *sub = at(m, ENTITY_SUBSCRIPTION, c->attach_id);
    char token[CHANGE_TOKEN_MAX + 1];

    if (c->vol.box.ends_us < now_ms * 1000) return REASON_ENDED;
    if (!c->has_base && c->state != INTENT_ACCEPTED) return REASON_STATE_AT_CREATE;
    if (c->state != INTENT_ACCEPTED && c->attach == ATTACH_NONE) return REASON_NO_SUBSCRIPTION;
    if (c->vol.box.starts_us >= c->vol.box.ends_us) return REASON_WINDOW;
    if (!old && c->has_base) return REASON_UNKNOWN_VERSION;
    if (old && old->manager != manager) return REASON_MANAGER;
    if (old && !c->has_base) return REASON_EXISTS;
    if (old && !names_version(c, old->token)) return REASON_VERSION;
    if (c->attach == ATTACH_NEW && sub) return REASON_EXISTS;
    if (c->attach == ATTACH_EXISTING) {
        if (!sub) return REASON_ATTACH_UNKNOWN;
        if (sub->manager != manager) return REASON_ATTACH_MANAGER;
        if (!sub->is_implicit && (sub->box.starts_us > c->vol.box.starts_us || sub->box.ends_us < c->vol.box.ends_us ||
                                  (ground_of(c) & ~sub->ground)))
            return REASON_ATTACH_COVER;
    }
    if (m->needs_412 && m->status[manager] == USS_DOWN && c->state <= INTENT_ACTIVATED) return REASON_DOWN;
    token_of(c, token);
    return token_is_taken(m, c->id, token) ? REASON_OVN_USED : REASON_ACCEPTED;
}

static enum reason judge_constraint_put(const struct model *m, int manager, const struct change *c, int64_t now_ms)
{
    const struct model_entity *old = at(m, ENTITY_CONSTRAINT, c->id);
    char token[CHANGE_TOKEN_MAX + 1];

    if (c->vol.box.ends_us < now_ms * 1000) return REASON_ENDED;
    if (c->vol.box.starts_us >= c->vol.box.ends_us) return REASON_WINDOW;
    if (!old && c->has_base) return REASON_GONE;
    if (old && old->manager != manager) return REASON_MANAGER;
    if (old && !c->has_base) return REASON_EXISTS;
    if (old && !names_version(c, old->token)) return REASON_VERSION;
    token_of(c, token);
    return token_is_taken(m, (struct id){0, 0}, token) ? REASON_OVN_USED : REASON_ACCEPTED;
}

static enum reason judge_subscription_put(const struct model *m, int manager, const struct change *c)
{
    const struct model_entity *old = at(m, ENTITY_SUBSCRIPTION, c->id);
    char token[CHANGE_TOKEN_MAX + 1];

    if (!c->for_intents && !c->for_constraints) return REASON_MALFORMED;
    if (c->id.hi == 0x4000 && c->id.lo == UINT64_C(1) << 63) return REASON_PLACEHOLDER_ID;
    if (c->vol.box.starts_us >= c->vol.box.ends_us) return REASON_WINDOW;
    if (c->vol.box.ends_us - c->vol.box.starts_us > 86400 * INSTANT_S) return REASON_WINDOW;
    if (!old) return c->has_base ? REASON_UNKNOWN_VERSION : REASON_ACCEPTED;
    if (!c->has_base) return REASON_EXISTS;
    if (!names_version(c, old->token)) return REASON_VERSION;
    if (old->manager != manager) return REASON_MANAGER;
    for (size_t i = 0; i < MODEL_ENTITIES; i++) {
        const struct model_entity *e = &m->entities[i];
        if (!e->is_there || e->kind != ENTITY_INTENT || !id_equal(e->subscription, c->id)) continue;
        if (e->ground & ~ground_of(c)) return REASON_DEPENDENT_COVER;
        if (c->vol.box.floor_mm > e->box.floor_mm || c->vol.box.ceil_mm < e->box.ceil_mm) return REASON_DEPENDENT_COVER;
        if (c->vol.box.starts_us > e->box.starts_us + 300 * INSTANT_S) return REASON_DEPENDENT_COVER;
        if (c->vol.box.ends_us < e->box.ends_us) return REASON_DEPENDENT_COVER;
    }
    token_of(c, token);
    return strcmp(token, old->token) ? REASON_ACCEPTED : REASON_OVN_USED;
}

static enum reason judge_delete(const struct model *m, int manager, const struct change *c, enum entity_kind kind)
{
    const struct model_entity *old = at(m, kind, c->id);

    if (!old) return REASON_NOT_FOUND;
    if (old->manager != manager) return REASON_MANAGER;
    if (!names_version(c, old->token)) return REASON_VERSION;
    if (kind == ENTITY_INTENT && m->needs_412 && m->status[manager] == USS_DOWN) return REASON_DOWN;
    return kind == ENTITY_SUBSCRIPTION && model_dependents(m, c->id) ? REASON_DEPENDENTS : REASON_ACCEPTED;
}

static int uss_of(struct str name)
{
    for (int i = 0; i < MODEL_USSS; i++)
        if (str_equal(str_of(model_uss(i)), name)) return i;
    return -1;
}

static enum reason judge_availability(const struct model *m, const struct change *c)
{
    const char *version = m->version[uss_of(c->uss)];
    char token[CHANGE_TOKEN_MAX + 1];

    if (version[0] == '\0') return c->has_base ? REASON_VERSION : REASON_ACCEPTED;
    if (!names_version(c, version)) return REASON_VERSION;
    token_of(c, token);
    return strcmp(token, version) ? REASON_ACCEPTED : REASON_OVN_USED;
}

enum reason model_judge(const struct model *m, int manager, const struct change *c, int64_t now_ms)
{
    switch (c->kind) {
    case CHANGE_INTENT_PUT:
        return judge_intent_put(m, manager, c, now_ms);
    case CHANGE_CONSTRAINT_PUT:
        return judge_constraint_put(m, manager, c, now_ms);
    case CHANGE_SUBSCRIPTION_PUT:
        return judge_subscription_put(m, manager, c);
    case CHANGE_INTENT_DELETE:
        return judge_delete(m, manager, c, ENTITY_INTENT);
    case CHANGE_CONSTRAINT_DELETE:
        return judge_delete(m, manager, c, ENTITY_CONSTRAINT);
    case CHANGE_SUBSCRIPTION_DELETE:
        return judge_delete(m, manager, c, ENTITY_SUBSCRIPTION);
    case CHANGE_AVAILABILITY_PUT:
        return judge_availability(m, c);
    default:
        return REASON_ACCEPTED;
    }
}

/* --- the key ---------------------------------------------------------------------------------- */

static bool has(const struct model_key *key, const char *token)
{
    for (size_t i = 0; i < key->n; i++)
        if (str_equal(key->at[i], str_of(token))) return true;
    return false;
}

static bool asks(const struct model *m, const struct change *c)
{
    if (c->attach == ATTACH_NEW) return c->attach_constraints;
    const struct model_entity *sub = c->attach == ATTACH_EXISTING ? at(m, ENTITY_SUBSCRIPTION, c->attach_id) : NULL;
    return sub && sub->for_constraints;
}

static bool meets(const struct change *c, const struct model_entity *e)
{
    return e->kind != ENTITY_SUBSCRIPTION && overlaps(e, ground_of(c), &c->vol.box, e->kind == ENTITY_INTENT);
}

/* Whether the rule asks for e's OVN when c is written in m. */
static bool is_relevant(const struct model *m, const struct change *c, const struct model_entity *e)
{
    if (!meets(c, e)) return false;
    if (e->kind == ENTITY_CONSTRAINT) return asks(m, c);
    return !id_equal(e->id, c->id) && !(e->state == INTENT_ACCEPTED && m->status[e->manager] == USS_DOWN);
}

static int by_id(const void *a, const void *b)
{
    return id_compare(*(const struct id *)a, *(const struct id *)b);
}

static void add_conflict(struct model_outcome *o, const struct model_entity *e)
{
    if (e->kind == ENTITY_INTENT) o->intents[o->n_intents++] = e->id;
    else o->constraints[o->n_constraints++] = e->id;
}

static void sort_conflicts(struct model_outcome *o)
{
    qsort(o->intents, o->n_intents, sizeof *o->intents, by_id);
    qsort(o->constraints, o->n_constraints, sizeof *o->constraints, by_id);
}

void model_missing(const struct model *m, int manager, const struct change *c, const struct model_key *key,
                   struct model_outcome *ret)
{
    (void)manager;
    if (c->kind != CHANGE_INTENT_PUT || c->state > INTENT_ACTIVATED) return;
    for (size_t i = 0; i < MODEL_ENTITIES; i++)
        if (is_relevant(m, c, &m->entities[i]) && !has(key, m->entities[i].token)) add_conflict(ret, &m->entities[i]);
    sort_conflicts(ret);
}

/* Apply refuses what the whole key lacks and came after the judging; and, where an exemption began and ended after it, what the
 * key shows but its digests cannot (decision A3: the change then is proposed once more). */
static void judge_late(const struct model *m, const struct change *c, const struct model_key *key, struct model_outcome *ret)
{
    const struct model *p = key->judged_at;

    if (c->kind != CHANGE_INTENT_PUT || c->state > INTENT_ACTIVATED) return;
    for (size_t i = 0; i < MODEL_ENTITIES; i++) {
        const struct model_entity *e = &m->entities[i];
        if (!is_relevant(m, c, e)) continue;
        const struct model_entity *was = at(p, e->kind, e->id);
        bool known = was && strcmp(was->token, e->token) == 0;
        bool same = known && e->changed_at < p->position; /* Not deleted and made anew with the OVN it had. */
        bool lost_exemption =
            e->kind == ENTITY_INTENT
                ? e->state == INTENT_ACCEPTED && m->left_down_at[e->manager] >= p->position
                : c->attach == ATTACH_EXISTING &&
                      at(m, ENTITY_SUBSCRIPTION, c->attach_id)->asked_since >= p->position;
        if (same && !lost_exemption) continue; /* Judged then. */
        bool exempted = known && meets(c, was) && !is_relevant(p, c, was);
        bool carried = has(key, e->token) && (!known || exempted);
        if (!carried) add_conflict(ret, e);
    }
    sort_conflicts(ret);
    if (ret->n_intents + ret->n_constraints) ret->reason = REASON_KEY;
}

/* --- writing ---------------------------------------------------------------------------------- */

static struct model_entity *slot_for(struct model *m, enum entity_kind kind, struct id id)
{
    struct model_entity *e = at(m, kind, id);

    for (size_t i = 0; !e; i++) {
        must(i < MODEL_ENTITIES);
        if (!m->entities[i].is_there) e = &m->entities[i];
    }
    return e;
}

static void copy_text(char *to, size_t room, struct str s)
{
    snprintf(to, room, "%.*s", STR_ARG(s));
}

static void tell(struct model *m, enum entity_kind cause, uint64_t ground, const struct box *b, int64_t now_ms,
                 struct model_outcome *o)
{
    struct id ids[MODEL_LIST];
    size_t n = 0;

    for (size_t i = 0; i < MODEL_ENTITIES; i++) {
        const struct model_entity *e = &m->entities[i];
        if (e->kind != ENTITY_SUBSCRIPTION || !overlaps(e, ground, b, false)) continue;
        if (cause == ENTITY_INTENT ? !e->for_intents : !e->for_constraints) continue;
        if (e->box.ends_us >= now_ms * 1000) ids[n++] = e->id;
    }
    qsort(ids, n, sizeof *ids, by_id);
    for (size_t i = 0; i < n; i++) {
        o->notices[i].id = ids[i];
        o->notices[i].index = ++at(m, ENTITY_SUBSCRIPTION, ids[i])->index;
    }
    o->n_notices = n;
}

static void widen(struct box *b, const struct box *by)
{
    if (by->starts_us < b->starts_us) b->starts_us = by->starts_us;
    if (by->ends_us > b->ends_us) b->ends_us = by->ends_us;
}

/* An entity as the change has it; what it had before is in old. */
static void fill(struct model *m, struct model_entity *e, enum entity_kind kind, int manager, const struct change *c)
{
    struct model_entity old = *e;

    *e = (struct model_entity){.is_there = true, .kind = kind, .id = c->id, .manager = manager, .ground = ground_of(c), .box = c->vol.box};
    copy_text(e->url, sizeof e->url, c->url);
    token_of(c, e->token);
    e->version = old.is_there ? old.version + 1 : 1;
    e->changed_at = m->position;
    if (old.is_there) e->index = old.index;
}

static void drop_if_orphan(struct model *m, struct id subscription)
{
    struct model_entity *sub = at(m, ENTITY_SUBSCRIPTION, subscription);

    if (sub && sub->is_implicit && model_dependents(m, subscription) == 0) sub->is_there = false;
}

static void attach(struct model *m, int manager, const struct change *c)
{
    if (c->attach == ATTACH_NEW) {
        struct model_entity *sub = slot_for(m, ENTITY_SUBSCRIPTION, c->attach_id);
        *sub = (struct model_entity){.is_there = true, .kind = ENTITY_SUBSCRIPTION, .id = c->attach_id, .manager = manager,
                                     .ground = ground_of(c), .box = c->vol.box, .for_intents = true,
                                     .for_constraints = c->attach_constraints, .is_implicit = true, .asked_since = m->position};
        copy_text(sub->url, sizeof sub->url, c->attach_url);
        sub->box.floor_mm = VOL_FLOOR_NONE;
        sub->box.ceil_mm = VOL_CEIL_NONE;
    } else if (c->attach == ATTACH_EXISTING) {
        struct model_entity *sub = at(m, ENTITY_SUBSCRIPTION, c->attach_id);
        struct model_entity before = *sub;
        if (!sub->is_implicit) return;
        widen(&sub->box, &c->vol.box);
        sub->ground |= ground_of(c);
        if (sub->ground != before.ground || sub->box.starts_us != before.box.starts_us || sub->box.ends_us != before.box.ends_us)
            sub->token[0] = '\0'; /* A new version, taken over from the state. */
    }
}

static void put_intent(struct model *m, int manager, const struct change *c, int64_t now_ms, struct model_outcome *o)
{
    struct model_entity *e = at(m, ENTITY_INTENT, c->id);
    struct id old_sub = e ? e->subscription : (struct id){0, 0};
    uint64_t ground = ground_of(c) | (e ? e->ground : 0);
    struct box box = c->vol.box;

    if (e) widen(&box, &e->box);
    attach(m, manager, c);
    e = slot_for(m, ENTITY_INTENT, c->id);
    fill(m, e, ENTITY_INTENT, manager, c);
    e->state = c->state;
    e->subscription = c->attach == ATTACH_NONE ? (struct id){0, 0} : c->attach_id;
    drop_if_orphan(m, old_sub);
    tell(m, ENTITY_INTENT, ground, &box, now_ms, o);
    if (c->suffix.n) {
        must(m->n_used < MODEL_USED);
        m->used[m->n_used].intent = c->id;
        strcpy(m->used[m->n_used++].token, e->token);
    }
    o->version = e->version;
    strcpy(o->token, e->token);
}

static void put_constraint(struct model *m, int manager, const struct change *c, int64_t now_ms, struct model_outcome *o)
{
    struct model_entity *e = slot_for(m, ENTITY_CONSTRAINT, c->id);
    uint64_t ground = ground_of(c) | (e->is_there ? e->ground : 0);
    struct box box = c->vol.box;

    if (e->is_there) widen(&box, &e->box);
    fill(m, e, ENTITY_CONSTRAINT, manager, c);
    tell(m, ENTITY_CONSTRAINT, ground, &box, now_ms, o);
    o->version = e->version;
    strcpy(o->token, e->token);
}

static void put_subscription(struct model *m, int manager, const struct change *c, struct model_outcome *o)
{
    struct model_entity *e = slot_for(m, ENTITY_SUBSCRIPTION, c->id);
    uint64_t since = e->is_there && e->for_constraints ? e->asked_since : m->position;

    fill(m, e, ENTITY_SUBSCRIPTION, manager, c);
    e->for_intents = c->for_intents;
    e->for_constraints = c->for_constraints;
    e->asked_since = since;
    strcpy(o->token, e->token);
    o->index = e->index;
}

static void forget(struct model *m, struct model_entity *e)
{
    size_t n = 0;

    e->is_there = false;
    if (e->kind != ENTITY_INTENT) return;
    for (size_t i = 0; i < m->n_used; i++)
        if (!id_equal(m->used[i].intent, e->id)) m->used[n++] = m->used[i];
    m->n_used = n;
    drop_if_orphan(m, e->subscription);
}

static void delete_entity(struct model *m, enum entity_kind kind, struct id id, int64_t now_ms, struct model_outcome *o)
{
    struct model_entity *e = at(m, kind, id);

    strcpy(o->token, e->token);
    if (kind == ENTITY_SUBSCRIPTION) {
        o->index = e->index;
    } else {
        o->version = e->version;
        tell(m, kind, e->ground, &e->box, now_ms, o);
    }
    forget(m, e);
}

static void put_availability(struct model *m, const struct change *c, struct model_outcome *o)
{
    int uss = uss_of(c->uss);

    if (m->status[uss] == USS_DOWN && c->availability != USS_DOWN) m->left_down_at[uss] = m->position;
    m->status[uss] = c->availability;
    token_of(c, m->version[uss]);
    strcpy(o->token, m->version[uss]);
}

void model_apply(struct model *m, int manager, const struct change *c, int64_t now_ms, const struct model_key *key,
                 struct model_outcome *ret)
{
    memset(ret, 0, sizeof *ret);
    ret->reason = model_judge(m, manager, c, now_ms);
    if (ret->reason == REASON_ACCEPTED) judge_late(m, c, key, ret);
    if (ret->reason != REASON_ACCEPTED) return;
    switch (c->kind) {
    case CHANGE_INTENT_PUT:
        put_intent(m, manager, c, now_ms, ret);
        break;
    case CHANGE_CONSTRAINT_PUT:
        put_constraint(m, manager, c, now_ms, ret);
        break;
    case CHANGE_SUBSCRIPTION_PUT:
        put_subscription(m, manager, c, ret);
        break;
    case CHANGE_INTENT_DELETE:
        delete_entity(m, ENTITY_INTENT, c->id, now_ms, ret);
        break;
    case CHANGE_CONSTRAINT_DELETE:
        delete_entity(m, ENTITY_CONSTRAINT, c->id, now_ms, ret);
        break;
    case CHANGE_SUBSCRIPTION_DELETE:
        delete_entity(m, ENTITY_SUBSCRIPTION, c->id, now_ms, ret);
        break;
    case CHANGE_AVAILABILITY_PUT:
        put_availability(m, c, ret);
        break;
    default:
        break;
    }
}

/* Before: b leaves before a. */
static bool goes_before(const struct model_entity *a, const struct model_entity *b)
{
    if (a->box.ends_us != b->box.ends_us) return a->box.ends_us < b->box.ends_us;
    if (a->kind != b->kind) return a->kind < b->kind;
    return id_compare(a->id, b->id) < 0;
}

void model_end_entry(struct model *m, int64_t now_ms)
{
    if (now_ms > m->clock_ms) m->clock_ms = now_ms;
    for (int n = 0; n < 64; n++) {
        struct model_entity *first = NULL;
        for (size_t i = 0; i < MODEL_ENTITIES; i++) {
            struct model_entity *e = &m->entities[i];
            if (!e->is_there || e->box.ends_us >= m->clock_ms * 1000 - 112 * 86400 * INSTANT_S) continue;
            if (!first || goes_before(e, first)) first = e;
        }
        if (!first) break;
        forget(m, first);
    }
    m->position++;
}
