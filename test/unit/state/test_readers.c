/* test_readers.c - views that are read, searched and written to snapshots while the writer goes on.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <pthread.h>
#include <stdatomic.h>

#include "lab.h"
#include "t.h"

#define READERS 3

static const struct str uss1 = {"uss1", 4}, uss2 = {"uss2", 4};
static struct lab lab;
static atomic_bool is_over;

struct reader {
    pthread_t thread;
    int n_views, n_wrong;
};

/* Whether what one view says fits together. */
static bool is_whole(const struct view *v, struct lab *scratch)
{
    struct vol all = lab_vol(scratch, UINT64_MAX, INT64_MIN, INT64_MAX, VOL_FLOOR_NONE, VOL_CEIL_NONE);
    AUTO(entity_vec_done) struct entity_vec hits = {0};
    AUTO(id_vec_done) struct id_vec dependents = {0};
    size_t n_attached = 0;
    bool ok = true;

    for (int kind = 0; kind < N_ENTITY_KINDS; kind++) {
        entity_vec_clear(&hits);
        view_search(v, (enum entity_kind)kind, &all, true, &hits);
        ok &= hits.n == v->by_id[kind].n;
        for (size_t i = 0; i < hits.n; i++) {
            const struct entity *e = hits.at[i];
            ok &= view_find(v, e->kind, e->id) == e && e->changed_at < v->position;
            ok &= view_manager_availability(v, e).status == view_availability(v, e->manager).status;
            ok &= hash_digest(e->token) == e->token_digest;
            n_attached += e->kind == ENTITY_INTENT && !id_is_zero(e->subscription);
            if (e->kind == ENTITY_SUBSCRIPTION) view_dependents(v, e, &dependents);
        }
    }
    return ok && dependents.n == n_attached;
}

static void *read_on(void *context)
{
    struct reader *r = context;
    struct lab scratch = {0};

    do {
        struct state_pin pin;
        const struct view *v = state_read(lab.state, &pin);
        struct hash before = state_digest(v);
        r->n_wrong += !is_whole(v, &scratch);
        struct hash after = state_digest(v);
        r->n_wrong += !hash_equal(&before, &after);
        state_done_reading(&pin);
        arena_clear(&scratch.arena);
        r->n_views++;
    } while (!atomic_load(&is_over));
    arena_done(&scratch.arena);
    return NULL;
}

static void write_something(struct rng *rng, struct id *ids)
{
    size_t i = rng_below(rng, 60);
    uint64_t ground = UINT64_C(1) << i;
    bool is_there = lab_find(&lab, ENTITY_INTENT, ids[i]) != NULL;
    struct change c = lab_at_current(&lab, lab_intent(&lab, ids[i], ground, 0, 60));

    if (is_there && rng_below(rng, 3) == 0) c = lab_delete(&lab, CHANGE_INTENT_DELETE, ids[i]);
    c.attach = rng_below(rng, 2) ? ATTACH_NEW : ATTACH_NONE;
    c.attach_id = lab_id(&lab);
    struct outcome *o = lab_entry(&lab, uss1, &c, 1);
    CHECK_INT(o->reason, REASON_ACCEPTED);
    c = lab_availability(&lab, uss1, (enum uss_availability)rng_below(rng, 3));
    if (rng_below(rng, 8) == 0) lab_entry(&lab, uss2, &c, 1);
    if (rng_below(rng, 4) == 0) state_publish(lab.state);
}

static void readers_see_whole_views_while_the_writer_goes_on(void)
{
    struct reader readers[READERS] = {0};
    struct rng rng = t_rng();
    struct id ids[60];

    for (int i = 0; i < 60; i++) ids[i] = lab_id(&lab);
    atomic_store(&is_over, false);
    for (int i = 0; i < READERS; i++) pthread_create(&readers[i].thread, NULL, read_on, &readers[i]);
    for (int step = 0; step < t_steps(2000); step++) write_something(&rng, ids);
    atomic_store(&is_over, true);
    for (int i = 0; i < READERS; i++) {
        pthread_join(readers[i].thread, NULL);
        CHECK(readers[i].n_views > 0);
        CHECK_INT(readers[i].n_wrong, 0);
    }
}

int main(void)
{
    LAB_RUN(readers_see_whole_views_while_the_writer_goes_on);
    return t_done();
}
