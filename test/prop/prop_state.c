/* prop_state.c - random changes against the plain model; other batches, snapshots and old positions on the way.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Three states get the same entries: the lab's is published after every entry and goes through snapshots, the twin's is
 * published when chance says so, the model is arrays. Each change is judged at one of the last positions that were published, as
 * nodes do that lag behind.
 */
#include <stdlib.h>

#include "base/limits.h"
#include "cell/set.h"
#include "lab.h"
#include "model.h"
#include "t.h"

#define USSS 4
#define IDS 32
#define PASTS 4
#define CHANGES_MAX 3

struct past { /* A position where changes may be judged. */
    struct state_pin pin;
    const struct view *view;
    struct model model;
};

static struct {
    struct rng rng;
    struct lab lab, twin;
    struct model model;
    struct past pasts[PASTS];
    size_t n_pasts;
    struct id ids[N_ENTITY_KINDS][IDS];
    struct arena arena; /* Of one entry. */
    int manager;        /* Whose entry it is. */
    int n_reasons[32];
} w;

static uint64_t below(uint64_t n)
{
    return rng_below(&w.rng, n);
}

static bool chance(unsigned percent)
{
    return below(100) < percent;
}

/* --- positions -------------------------------------------------------------------------------- */

static void forget_pasts(void)
{
    for (size_t i = 0; i < w.n_pasts; i++) state_done_reading(&w.pasts[i].pin);
    w.n_pasts = 0;
}

static void remember_now(void)
{
    struct past *p = &w.pasts[w.n_pasts < PASTS ? w.n_pasts++ : below(PASTS)];

    if (p->view) state_done_reading(&p->pin);
    p->view = state_read(w.lab.state, &p->pin);
    p->model = w.model;
}

/* --- making changes --------------------------------------------------------------------------- */

static struct vol random_vol(void)
{
    unsigned length = chance(20) ? 16 : 1 + (unsigned)below(9);
    unsigned from = (unsigned)below(64 - length + 1);
    uint64_t bitmap = ((UINT64_C(1) << length) - 1) << from;
    int64_t start = w.lab.now_ms * 1000 + rng_between(&w.rng, -6, 20) * 10 * INSTANT_S;
    int64_t end = start + rng_between(&w.rng, chance(5) ? -1 : 1, 12) * 10 * INSTANT_S;
    int32_t floor = (int32_t)below(4) * 50000;

    return lab_vol(&w.lab, bitmap, start, end, floor, floor + (int32_t)below(3) * 50000);
}

static void random_token(struct change *c)
{
    uint64_t words[2] = {rng_next(&w.rng), rng_next(&w.rng)};

    memcpy(c->random, words, sizeof c->random);
}

/* Mostly what the entity's version was then, sometimes none or another. */
static void choose_base(const struct past *p, struct change *c, const char *token)
{
    (void)p;
    c->has_base = token ? !chance(8) : chance(8);
    c->base = token && !chance(8) ? hash_digest(str_of(token)) : 7;
}

static void choose_entity_base(const struct past *p, struct change *c, enum entity_kind kind)
{
    const struct model_entity *e = model_find(&p->model, kind, c->id);

    choose_base(p, c, e ? e->token : NULL);
}

/* Mostly one that the manager of this entry uses. */
static struct id random_id(enum entity_kind kind)
{
    size_t i = below(IDS);

    if (!chance(10)) i = i / USSS * USSS + (size_t)w.manager;
    return w.ids[kind][i];
}

static struct change intent_put(const struct past *p)
{
    static const char *const suffixes[] = {"0191dc07-2f57-79fd-b021-80456ceb627f", "0191dc07-8a71-7a12-87ed-9baa6e889874",
                                           "0191dc07-9a71-7a12-87ed-9baa6e889874"};
    struct change c = {.kind = CHANGE_INTENT_PUT, .id = random_id(ENTITY_INTENT), .vol = random_vol(), .url = STR("https://uss.example/i")};
    const struct model_entity *e = model_find(&p->model, ENTITY_INTENT, c.id);

    choose_entity_base(p, &c, ENTITY_INTENT);
    random_token(&c);
    if (chance(25)) c.suffix = str_of(suffixes[below(3)]);
    if (e && chance(30)) { /* The same volume again. */
        c.vol = lab_vol(&w.lab, e->ground, e->box.starts_us, e->box.ends_us, e->box.floor_mm, e->box.ceil_mm);
    }
    c.state = e && chance(50) ? (enum intent_state)(1 + below(4)) : INTENT_ACCEPTED;
    c.attach = (enum attach)below(3);
    if (c.state != INTENT_ACCEPTED && c.attach == ATTACH_NONE && chance(80)) c.attach = ATTACH_NEW;
    if (c.attach == ATTACH_EXISTING) {
        c.attach_id = e && !id_is_zero(e->subscription) && chance(50) ? e->subscription : random_id(ENTITY_SUBSCRIPTION);
    } else if (c.attach == ATTACH_NEW) {
        c.attach_id = lab_id(&w.lab);
        if (chance(3)) c.attach_id = random_id(ENTITY_SUBSCRIPTION);
        else w.ids[ENTITY_SUBSCRIPTION][below(IDS / USSS) * USSS + (size_t)w.manager] = c.attach_id;
        c.attach_url = STR("https://uss.example/new");
        c.attach_constraints = chance(40);
    }
    return c;
}

static struct change subscription_put(const struct past *p)
{
    struct change c = {.kind = CHANGE_SUBSCRIPTION_PUT, .id = random_id(ENTITY_SUBSCRIPTION), .vol = random_vol(), .url = STR("https://uss.example/s")};
    const struct model_entity *e = model_find(&p->model, ENTITY_SUBSCRIPTION, c.id);

    choose_entity_base(p, &c, ENTITY_SUBSCRIPTION);
    random_token(&c);
    if (chance(60)) {
        c.vol.box.floor_mm = VOL_FLOOR_NONE;
        c.vol.box.ceil_mm = VOL_CEIL_NONE;
    }
    if (chance(60)) { /* Long and wide, so that intents fit. */
        int64_t start = e ? e->box.starts_us : w.lab.now_ms * 1000;
        uint64_t ground = chance(50) ? UINT64_MAX : UINT64_C(0xFFFFFFFF) << below(33);
        c.vol = lab_vol(&w.lab, ground, start, start + 3600 * INSTANT_S, VOL_FLOOR_NONE, VOL_CEIL_NONE);
    }
    if (chance(2)) c.vol.box.ends_us = c.vol.box.starts_us + LIMIT_SUBSCRIPTION_US + 1;
    c.for_intents = chance(80);
    c.for_constraints = chance(50);
    return c;
}

static struct change constraint_put(const struct past *p)
{
    struct change c = {.kind = CHANGE_CONSTRAINT_PUT, .id = random_id(ENTITY_CONSTRAINT), .vol = random_vol(), .url = STR("https://uss.example/c")};

    choose_entity_base(p, &c, ENTITY_CONSTRAINT);
    random_token(&c);
    return c;
}

static struct change deletion(const struct past *p, enum change_kind kind, enum entity_kind of)
{
    struct change c = {.kind = kind, .id = random_id(of)};

    choose_entity_base(p, &c, of);
    return c;
}

static struct change availability_put(const struct past *p)
{
    int uss = (int)below(USSS);
    struct change c = {.kind = CHANGE_AVAILABILITY_PUT, .uss = str_of(model_uss(uss)), .availability = (enum uss_availability)below(3)};

    choose_base(p, &c, p->model.version[uss][0] ? p->model.version[uss] : NULL);
    random_token(&c);
    return c;
}

static struct change random_change(const struct past *p)
{
    unsigned dice = (unsigned)below(100);

    if (dice < 50) return intent_put(p);
    if (dice < 58) return deletion(p, CHANGE_INTENT_DELETE, ENTITY_INTENT);
    if (dice < 72) return subscription_put(p);
    if (dice < 77) return deletion(p, CHANGE_SUBSCRIPTION_DELETE, ENTITY_SUBSCRIPTION);
    if (dice < 88) return constraint_put(p);
    if (dice < 91) return deletion(p, CHANGE_CONSTRAINT_DELETE, ENTITY_CONSTRAINT);
    if (dice < 97) return availability_put(p);
    return (struct change){.kind = CHANGE_REPORT, .id = lab_id(&w.lab), .length = 1};
}

/* OVNs of then and of now, with gaps, and strings of nobody. */
static struct model_key random_key(const struct past *p)
{
    struct str *key = arena_array(&w.arena, 2 * MODEL_ENTITIES + 4, sizeof *key);
    const struct model *sources[] = {&p->model, &w.model};
    unsigned lacking = chance(75) ? 0 : 1 + (unsigned)below(10);
    bool knows_now = chance(40);
    size_t n = 0;

    for (int s = 0; s < (knows_now ? 2 : 1); s++)
        for (size_t i = 0; i < MODEL_ENTITIES; i++) {
            const struct model_entity *e = &sources[s]->entities[i];
            if (e->is_there && e->kind != ENTITY_SUBSCRIPTION && !chance(lacking))
                key[n++] = arena_dup(&w.arena, str_of(e->token));
        }
    if (chance(30)) key[n++] = STR("a string that is nobody's");
    return (struct model_key){key, n, &p->model};
}

/* --- comparing -------------------------------------------------------------------------------- */

static bool same_ids(const struct id *a, size_t n_a, const struct id *b, size_t n_b)
{
    return n_a == n_b && (n_a == 0 || memcmp(a, b, n_a * sizeof *a) == 0);
}

static bool check_outcome(const struct outcome *got, const struct model_outcome *want)
{
    bool ok = CHECK_INT(got->reason, want->reason);

    w.n_reasons[got->reason]++;
    if (got->reason == REASON_KEY) {
        ok &= CHECK(same_ids(got->conflicts, got->n_conflict_intents, want->intents, want->n_intents));
        ok &= CHECK(same_ids(got->conflicts + got->n_conflict_intents, got->n_conflict_constraints, want->constraints,
                             want->n_constraints));
    }
    ok &= CHECK_INT(got->version, want->version);
    ok &= CHECK_INT(got->index, want->index);
    if (want->token[0]) ok &= CHECK(got->token_digest == hash_digest(str_of(want->token)));
    ok &= CHECK_INT(got->n_notices, want->n_notices);
    for (size_t i = 0; ok && i < got->n_notices; i++) {
        ok &= CHECK(id_equal(got->notices[i].subscription, want->notices[i].id));
        ok &= CHECK_INT(got->notices[i].index, want->notices[i].index);
    }
    return ok;
}

/* What the position's view says must be what the model said then. */
static bool judge_then(const struct past *p, int manager, struct change *c, const struct model_key *key, bool *ret_propose)
{
    struct str uss = str_of(model_uss(manager));
    struct model_outcome want = {0};
    struct key_verdict got;
    AUTO(id_vec_done) struct id_vec ids = {0};

    enum reason reason = change_judge(p->view, uss, c, w.lab.now_ms);
    bool ok = CHECK_INT(reason, model_judge(&p->model, manager, c, w.lab.now_ms));
    *ret_propose = reason == REASON_ACCEPTED || chance(50);
    if (c->kind != CHANGE_INTENT_PUT) return ok;

    key_judge(p->view, uss, c, key->at, key->n, &w.arena, &got);
    model_missing(&p->model, manager, c, key, &want);
    for (size_t i = 0; i < got.n_missing_intents; i++) id_vec_add(&ids, got.missing_intents[i]->id);
    ok &= CHECK(same_ids(ids.at, ids.n, want.intents, want.n_intents));
    id_vec_clear(&ids);
    for (size_t i = 0; i < got.n_missing_constraints; i++) id_vec_add(&ids, got.missing_constraints[i]->id);
    ok &= CHECK(same_ids(ids.at, ids.n, want.constraints, want.n_constraints));
    if (want.n_intents + want.n_constraints) *ret_propose = false; /* The node answers 409 by itself. */
    ok &= CHECK(c->n_digests <= LIMIT_KEY_DIGESTS);
    return ok;
}

/* I4, from the whole key: nothing relevant is missing when an intent is written. */
static bool check_i4(int manager, const struct change *c, const struct model_key *key, const struct model *before)
{
    struct model_outcome missing = {0};

    model_missing(before, manager, c, key, &missing);
    return CHECK_INT(missing.n_intents + missing.n_constraints, 0);
}

/* Versions of implicit subscriptions are the state's to choose. */
static bool take_over_versions(void)
{
    for (size_t i = 0; i < MODEL_ENTITIES; i++) {
        struct model_entity *e = &w.model.entities[i];
        if (!e->is_there || e->token[0]) continue;
        const struct entity *got = lab_find(&w.lab, ENTITY_SUBSCRIPTION, e->id);
        if (!CHECK(got && got->token.n == 22)) return false;
        snprintf(e->token, sizeof e->token, "%.*s", STR_ARG(got->token));
    }
    return true;
}

static bool check_entity(const struct model_entity *want)
{
    AUTO(u64_vec_done) struct u64_vec cells = {0};
    AUTO(id_vec_done) struct id_vec dependents = {0};
    const struct view *v = state_view(w.lab.state);
    const struct entity *got = view_find(v, want->kind, want->id);

    if (!CHECK(got != NULL)) return false;
    bool ok = CHECK(cell_set_decode(got->cells, LIMIT_CELLS, &cells) && lab_bitmap(cells.at, cells.n) == want->ground);
    ok &= CHECK(memcmp(&got->box, &want->box, sizeof got->box) == 0);
    ok &= CHECK_STR(got->token, str_of(want->token));
    ok &= CHECK_STR(got->url, str_of(want->url));
    ok &= CHECK_STR(got->manager, str_of(model_uss(want->manager)));
    ok &= CHECK_INT(view_manager_availability(v, got).status, w.model.status[want->manager]);
    if (want->kind != ENTITY_SUBSCRIPTION) ok &= CHECK_INT(got->version, want->version);
    if (want->kind == ENTITY_INTENT) {
        ok &= CHECK_INT(got->state, want->state);
        ok &= CHECK(id_equal(got->subscription, want->subscription));
    }
    if (want->kind == ENTITY_SUBSCRIPTION) {
        ok &= CHECK(got->for_intents == want->for_intents && got->for_constraints == want->for_constraints);
        ok &= CHECK(got->is_implicit == want->is_implicit);
        ok &= CHECK_INT(view_index(v, got), want->index);
        view_dependents(v, got, &dependents);
        ok &= CHECK_INT(dependents.n, model_dependents(&w.model, want->id));
    }
    return ok;
}

static bool check_all(void)
{
    const struct view *v = state_view(w.lab.state);
    size_t n = 0;

    for (size_t i = 0; i < MODEL_ENTITIES; i++) {
        if (!w.model.entities[i].is_there) continue;
        n++;
        if (!check_entity(&w.model.entities[i])) return false;
    }
    if (!CHECK_INT(v->by_end.n, n) || !CHECK_INT(v->position, w.model.position)) return false;
    for (int i = 0; i < USSS; i++)
        if (!CHECK_STR(view_availability(v, str_of(model_uss(i))).version, str_of(w.model.version[i]))) return false;
    state_check(w.lab.state);
    struct hash a = state_digest(v), b = state_digest(state_view(w.twin.state));
    return CHECK(hash_equal(&a, &b));
}

/* --- one entry -------------------------------------------------------------------------------- */

static bool one_entry(void)
{
    struct change changes[CHANGES_MAX];
    struct model_key keys[CHANGES_MAX];
    int manager = w.manager = (int)below(USSS);
    size_t n = 0, tries = 1 + (chance(30) ? below(CHANGES_MAX) : 0);

    w.lab.now_ms += below(400) == 0 ? (int64_t)below(120 * 86400) * 1000 : (int64_t)below(4) * 1000;
    for (size_t i = 0; i < tries; i++) {
        const struct past *p = &w.pasts[below(w.n_pasts)];
        bool propose;
        changes[n] = random_change(p);
        if (n > 0 && !id_is_zero(changes[n - 1].id) && chance(20)) changes[n].id = changes[n - 1].id;
        keys[n] = random_key(p);
        if (!judge_then(p, manager, &changes[n], &keys[n], &propose)) return false;
        n += propose;
    }
    if (n == 0) return true;

    struct str uss = str_of(model_uss(manager));
    w.twin.now_ms = w.lab.now_ms;
    struct outcome *got = lab_entry(&w.lab, uss, changes, n);
    lab_entry(&w.twin, uss, changes, n);
    bool ok = CHECK_STR(buf_str(&w.lab.leaf), buf_str(&w.twin.leaf));
    for (size_t i = 0; i < n && ok; i++) {
        static struct model before;
        static struct model_outcome want;
        before = w.model;
        model_apply(&w.model, manager, &changes[i], w.lab.now_ms, &keys[i], &want);
        ok &= check_outcome(&got[i], &want);
        if (changes[i].kind == CHANGE_INTENT_PUT && want.reason == REASON_ACCEPTED)
            ok &= check_i4(manager, &changes[i], &keys[i], &before);
    }
    ok = ok && take_over_versions();
    model_end_entry(&w.model, w.lab.now_ms);
    return ok;
}

static void begin(bool needs_412)
{
    memset(&w, 0, sizeof w);
    w.rng = t_rng();
    lab_init_with(&w.lab, needs_412);
    lab_init_with(&w.twin, needs_412);
    w.model.position = state_view(w.lab.state)->position;
    w.model.clock_ms = state_view(w.lab.state)->clock_ms;
    w.model.needs_412 = needs_412;
    for (int kind = 0; kind < N_ENTITY_KINDS; kind++)
        for (int i = 0; i < IDS; i++) w.ids[kind][i] = w.ids[0][i].hi && chance(30) ? w.ids[0][i] : lab_id(&w.lab);
    remember_now();
}

static void end(void)
{
    forget_pasts();
    lab_done(&w.lab);
    lab_done(&w.twin);
    arena_done(&w.arena);
}

static void run(bool needs_412)
{
    begin(needs_412);
    bool ok = true;
    for (int step = 0; ok && step < t_steps(4000); step++) {
        ok = one_entry();
        state_publish(w.lab.state);
        if (chance(30)) state_publish(w.twin.state);
        if (chance(60)) remember_now();
        if (ok && step % 64 == 63) ok = check_all();
        if (ok && chance(1)) {
            forget_pasts();
            memset(w.pasts, 0, sizeof w.pasts);
            lab_restore(&w.lab);
            remember_now();
        }
        arena_clear(&w.arena);
        if (!ok) printf("# at step %d\n", step);
    }
    if (ok) check_all();
    printf("# outcomes by reason:");
    for (int i = 0; i < 32; i++)
        if (w.n_reasons[i]) printf(" %s %d", reason_name((enum reason)i) + 7, w.n_reasons[i]);
    printf("\n");
    end();
}

static void the_state_agrees_with_the_model(void)
{
    run(false);
}

static void the_state_agrees_with_the_model_under_the_412_rule(void)
{
    run(true);
}

int main(void)
{
    RUN(the_state_agrees_with_the_model);
    RUN(the_state_agrees_with_the_model_under_the_412_rule);
    return t_done();
}
