/* prop_grid.c - the 4D index against a list of volumes: random steps, roll-back, old views, readers on threads.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "airspace/grid.h"
#include "base/instant.h"
#include "cell/id.h"
#include "t.h"

#define N_ITEMS 1500
#define N_POOL 48
#define N_VIEWS 5
#define CELLS_MAX 6
#define NOON (INT64_C(1798804800) * INSTANT_S)
#define YEAR_2000 (INT64_C(946684800) * INSTANT_S)
#define COARSE_END (YEAR_2000 + UINT32_MAX * INSTANT_S)

/* ---- random volumes over few places, so that they meet often ---- */

struct stored {
    uint64_t cells[CELLS_MAX];
    struct vol vol;
};

static uint64_t pool[N_POOL]; /* Level 13. */

static void make_pool(struct rng *rng)
{
    const int64_t step = INT64_C(1) << (2 * (30 - CELL_LEVEL) + 1);
    for (int i = 0; i < N_POOL; i++) {
        uint64_t face = (uint64_t[]){0, 2, 5}[rng_below(rng, 3)];
        uint64_t position = rng_below(rng, 2) ? 0 : (UINT64_C(1) << 61) - 1;
        for (int level = 1; level <= CELL_LEVEL; level++) {
            uint64_t shift = 61 - 2 * (uint64_t)level;
            if (rng_below(rng, 5) == 0) position ^= rng_below(rng, 4) << shift;
        }
        uint64_t cell = cell_parent(face << 61 | position | 1, CELL_LEVEL);
        pool[i] = cell;
        if (i > 0 && rng_below(rng, 3) == 0) { /* Beside the last. */
            cell = pool[i - 1] + (uint64_t)(rng_below(rng, 2) ? step : -step);
            if (cell_is_valid(cell)) pool[i] = cell;
        }
    }
}

static int by_number(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static size_t random_cells(struct rng *rng, uint64_t *ret_cells)
{
    size_t n = 0;
    for (uint64_t tries = 1 + rng_below(rng, CELLS_MAX); tries > 0; tries--) {
        int level = rng_below(rng, 4) ? CELL_LEVEL - (int)rng_below(rng, 2)
                                      : (int)rng_between(rng, CELL_LEVEL_MIN, CELL_LEVEL);
        uint64_t cell = cell_parent(pool[rng_below(rng, N_POOL)], level);
        bool fits = true;
        for (size_t i = 0; i < n; i++) {
            fits = fits && !cell_contains(cell, ret_cells[i]) && !cell_contains(ret_cells[i], cell);
        }
        if (fits) ret_cells[n++] = cell;
    }
    qsort(ret_cells, n, sizeof ret_cells[0], by_number);
    return n;
}

static int64_t random_time(struct rng *rng)
{
    switch (rng_below(rng, 16)) {
    case 0: return YEAR_2000 + rng_between(rng, -2 * INSTANT_S, 2 * INSTANT_S);
    case 1: return COARSE_END + rng_between(rng, -2 * INSTANT_S, 2 * INSTANT_S);
    case 2: return NOON + rng_between(rng, -9, 9) * INSTANT_DAY;
    case 3: return rng_between(rng, -5, 20) * 365 * INSTANT_DAY * 20;
    default: return NOON + rng_between(rng, 0, 7200 * INSTANT_S);
    }
}

static int32_t random_height(struct rng *rng)
{
    switch (rng_below(rng, 16)) {
    case 0: return (int32_t)rng_between(rng, INT32_MIN, INT32_MAX);
    case 1: return 131068000 + (int32_t)rng_between(rng, -5000, 5000);
    case 2: return -131072000 + (int32_t)rng_between(rng, -5000, 5000);
    default: return (int32_t)rng_between(rng, -20000, 600000);
    }
}

static struct box random_box(struct rng *rng)
{
    int64_t t0 = random_time(rng);
    int64_t t1 = rng_below(rng, 3) ? t0 + rng_between(rng, 0, 600 * INSTANT_S) : random_time(rng);
    int32_t h0 = random_height(rng);
    int32_t h1 = random_height(rng);
    struct box box = {t0 < t1 ? t0 : t1, t0 < t1 ? t1 : t0, h0 < h1 ? h0 : h1, h0 < h1 ? h1 : h0};
    if (rng_below(rng, 12) == 0) box.starts_us = INSTANT_MIN;
    if (rng_below(rng, 12) == 0) box.ends_us = INSTANT_MAX;
    if (rng_below(rng, 12) == 0) box.floor_mm = VOL_FLOOR_NONE;
    if (rng_below(rng, 12) == 0) box.ceil_mm = VOL_CEIL_NONE;
    return box;
}

static void random_vol(struct rng *rng, struct stored *ret)
{
    size_t n = random_cells(rng, ret->cells);
    ret->vol = (struct vol){ret->cells, n, random_box(rng)};
}

/* ---- the plain slow truth ---- */

struct model {
    const struct stored *items[N_ITEMS]; /* NULL: not there. */
};

static bool cells_meet(const struct vol *a, const struct vol *b)
{
    for (size_t i = 0; i < a->n_cells; i++) {
        for (size_t k = 0; k < b->n_cells; k++) {
            if (cell_contains(a->cells[i], b->cells[k]) || cell_contains(b->cells[k], a->cells[i])) {
                return true;
            }
        }
    }
    return false;
}

/* The box on whole seconds and 4 m steps, outward, with what lies outside the coarse scales on their edges. */
static struct box coarse(struct box b)
{
    const int32_t lowest = -32768 * 4000, highest = 32767 * 4000;
    int64_t t0 = b.starts_us < YEAR_2000 ? YEAR_2000 : b.starts_us;
    int64_t t1 = b.ends_us > COARSE_END ? COARSE_END : b.ends_us;
    int32_t h0 = b.floor_mm < lowest ? lowest : b.floor_mm;
    int32_t h1 = b.ceil_mm > highest ? highest : b.ceil_mm;
    if (t0 > COARSE_END) t0 = COARSE_END;
    if (t1 < YEAR_2000) t1 = YEAR_2000;
    if (h0 > highest) h0 = highest;
    if (h1 < lowest) h1 = lowest;
    t0 -= (t0 - YEAR_2000) % INSTANT_S;
    t1 += (COARSE_END - t1) % INSTANT_S;
    h0 -= (h0 % 4000 + 4000) % 4000;
    h1 += ((-h1) % 4000 + 4000) % 4000;
    return (struct box){t0, t1, h0, h1};
}

/* True if found is what the index has to say. */
static bool is_answer(const struct model *m, const struct vol *query, bool any_height,
                      const struct u32_vec *found)
{
    struct box asked = coarse(query->box);
    size_t at = 0;
    for (uint32_t i = 0; i < N_ITEMS; i++) {
        bool is_found = at < found->n && found->at[at] == i;
        at += is_found;
        if (!m->items[i]) {
            if (is_found) return false;
            continue;
        }
        const struct vol *vol = &m->items[i]->vol;
        struct box box = coarse(vol->box);
        bool shares = cells_meet(vol, query);
        bool may = shares && (any_height ? box_meets_in_time(&box, &asked) : box_meets(&box, &asked));
        bool does = shares && (any_height ? box_meets_in_time(&vol->box, &query->box)
                                          : box_meets(&vol->box, &query->box));
        if (is_found != may || (does && !may)) return false;
    }
    return at == found->n;
}

static bool answers_well(struct rng *rng, const struct grid *g, const struct model *m, int n_queries)
{
    AUTO(u32_vec_done) struct u32_vec found = {0};
    for (int i = 0; i < n_queries; i++) {
        struct stored query;
        bool any_height = rng_below(rng, 2);
        random_vol(rng, &query);
        u32_vec_clear(&found);
        grid_search(g, &query.vol, any_height, &found);
        if (!is_answer(m, &query.vol, any_height, &found)) return false;
    }
    return true;
}

/* ---- steps ---- */

VEC_DEFINE(stored_vec, struct stored *);

struct world {
    struct rng rng;
    struct cow *cow;
    struct grid grid;
    struct model model;
    struct stored_vec made; /* All volumes ever, freed at the end. */
};

static void change(struct world *w, bool grows)
{
    uint32_t item = (uint32_t)rng_below(&w->rng, N_ITEMS);
    const struct stored *old = w->model.items[item];
    if (old) grid_remove(&w->grid, w->cow, item, &old->vol);
    w->model.items[item] = NULL;
    if (rng_below(&w->rng, 10) >= (grows ? 8 : 2)) return;
    struct stored *made = mem_zalloc(sizeof *made);
    random_vol(&w->rng, made);
    grid_insert(&w->grid, w->cow, item, &made->vol);
    w->model.items[item] = made;
    stored_vec_add(&w->made, made);
}

static void world_done(struct world *w)
{
    grid_done(&w->grid, w->cow);
    cow_publish(w->cow, NULL);
    CHECK_INT(cow_n_retired(w->cow), 0);
    cow_free(w->cow);
    for (size_t i = 0; i < w->made.n; i++) mem_free(w->made.at[i]);
    stored_vec_done(&w->made);
}

struct shown {
    struct grid grid;
    struct model model;
    struct cow_pin pin;
};

static void the_grid_equals_a_list_in_every_version(void)
{
    static struct world w;
    static struct shown shown[N_VIEWS];
    size_t latest = 0;
    int n_steps = t_steps(400);

    w = (struct world){.rng = t_rng(), .cow = cow_new()};
    make_pool(&w.rng);
    for (size_t i = 0; i < N_VIEWS; i++) {
        shown[i] = (struct shown){.model = {{NULL}}};
        cow_publish(w.cow, &shown[i]);
        (void)cow_pin(w.cow, &shown[i].pin);
        latest = i;
    }
    for (int step = 0; step < n_steps; step++) {
        for (uint64_t n = rng_below(&w.rng, 200); n > 0; n--) change(&w, step % 80 < 40);
        if (!CHECK(answers_well(&w.rng, &w.grid, &w.model, 10))) break;
        if (rng_below(&w.rng, 4) == 0) { /* Back to what was published last. */
            grid_abandon(&w.grid, w.cow);
            cow_abandon(w.cow);
            w.grid = shown[latest].grid;
            w.model = shown[latest].model;
        } else {
            latest = (latest + 1 + rng_below(&w.rng, N_VIEWS - 1)) % N_VIEWS;
            struct shown *s = &shown[latest];
            if (!CHECK(answers_well(&w.rng, &s->grid, &s->model, 5))) break; /* After all this time. */
            cow_unpin(&s->pin);
            s->grid = w.grid;
            s->model = w.model;
            cow_publish(w.cow, s);
            CHECK(cow_pin(w.cow, &s->pin) == s);
        }
        if (step % 16 == 0) grid_check(&w.grid);
        if (!CHECK(answers_well(&w.rng, &w.grid, &w.model, 10))) break;
    }
    for (size_t i = 0; i < N_VIEWS; i++) cow_unpin(&shown[i].pin);
    world_done(&w);
}

/* ---- four readers, each comparing what it sees with the list of the same version ---- */

struct reader {
    struct cow *cow;
    struct rng rng;
    atomic_bool *is_over;
    uint64_t n_reads;
    uint64_t n_wrong;
};

static void *read_until_over(void *context)
{
    struct reader *r = context;
    do {
        struct cow_pin pin;
        const struct shown *view = cow_pin(r->cow, &pin);
        r->n_wrong += !answers_well(&r->rng, &view->grid, &view->model, 1);
        cow_unpin(&pin);
        r->n_reads++;
    } while (!atomic_load(r->is_over));
    return NULL;
}

static void readers_see_whole_versions_while_the_writer_goes_on(void)
{
    enum { N_READERS = 4 };
    static struct world w;
    struct reader readers[N_READERS];
    pthread_t threads[N_READERS];
    atomic_bool is_over = false;
    int n_steps = t_steps(400);
    struct shown *view = mem_zalloc(sizeof *view);

    w = (struct world){.rng = t_rng(), .cow = cow_new()};
    make_pool(&w.rng);
    cow_publish(w.cow, view);
    for (int i = 0; i < N_READERS; i++) {
        readers[i] = (struct reader){w.cow, {rng_next(&w.rng)}, &is_over, 0, 0};
        CHECK_INT(pthread_create(&threads[i], NULL, read_until_over, &readers[i]), 0);
    }
    for (int step = 0; step < n_steps; step++) {
        for (int n = 0; n < 50; n++) change(&w, step % 80 < 40);
        struct shown *next = mem_zalloc(sizeof *next);
        next->grid = w.grid;
        next->model = w.model;
        cow_retire(w.cow, view, mem_free);
        cow_publish(w.cow, next);
        view = next;
    }
    atomic_store(&is_over, true);
    for (int i = 0; i < N_READERS; i++) {
        CHECK_INT(pthread_join(threads[i], NULL), 0);
        CHECK_INT(readers[i].n_wrong, 0);
        CHECK(readers[i].n_reads > 0);
    }
    grid_check(&w.grid);
    cow_retire(w.cow, view, mem_free);
    world_done(&w);
}

int main(void)
{
    RUN(the_grid_equals_a_list_in_every_version);
    RUN(readers_see_whole_versions_while_the_writer_goes_on);
    return t_done();
}
