/* prop_ptree.c - random steps on the persistent map and array against plain arrays, with views and roll-back.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdlib.h>

#include "base/err.h"
#include "base/parr.h"
#include "base/ptree.h"
#include "base/vec.h"
#include "t.h"

#define N_KEYS 4096 /* Keys are drawn from this many; value 0 in the model: not there. */
#define N_VIEWS 6

struct model {
    uint32_t values[N_KEYS];
    size_t n;
};

struct shown {
    struct ptree map;
    struct parr array;
    struct model model;
    struct cow_pin pin;
    bool is_pinned;
};

/* Few distinct hi, so that runs of one hi are long; not in order of i. */
static struct id key_of(uint64_t i)
{
    uint64_t mixed = i * 1237 % N_KEYS;
    return (struct id){mixed / 97, mixed % 97 * UINT64_C(0x123456789ABCDEF)};
}

static int by_key(const void *a, const void *b)
{
    return id_compare(key_of(*(const uint32_t *)a), key_of(*(const uint32_t *)b));
}

static bool collect(void *context, struct id key, uint32_t value)
{
    (void)key;
    u32_vec_add(context, value);
    return true;
}

static bool map_is_model(const struct ptree *map, const struct parr *array, const struct model *m,
                         const uint32_t *sorted, uint32_t from)
{
    AUTO(u32_vec_done) struct u32_vec got = {0};
    size_t at = 0;
    bool same = true;
    ptree_check(map);
    for (uint32_t i = 0; i < N_KEYS; i++) {
        uint32_t value = 0;
        bool is_there = ptree_get(map, key_of(i), &value);
        same = same && is_there == (m->values[i] != 0) && value == m->values[i];
        same = same && parr_get(array, i * 50) == m->values[i];
    }
    ptree_walk(map, key_of(sorted[from]), collect, &got);
    for (uint32_t i = from; i < N_KEYS; i++) {
        uint32_t value = m->values[sorted[i]];
        if (value) same = same && at < got.n && got.at[at++] == value;
    }
    return same && at == got.n && map->n == m->n;
}

static void change(struct rng *rng, struct cow *c, struct ptree *map, struct parr *array,
                   struct model *m, bool grows)
{
    uint32_t i = (uint32_t)rng_below(rng, N_KEYS);
    uint32_t value = 0;
    if (rng_below(rng, 10) < (grows ? 7 : 3)) {
        value = (uint32_t)rng_next(rng) | 1;
        ptree_put(map, c, key_of(i), value);
        m->n += m->values[i] == 0;
    } else {
        CHECK(ptree_remove(map, c, key_of(i)) == (m->values[i] != 0));
        m->n -= m->values[i] != 0;
    }
    parr_set(array, c, i * 50, value);
    m->values[i] = value;
}

static void the_map_and_the_array_equal_their_model_in_every_version(void)
{
    struct rng rng = t_rng();
    struct cow *c = cow_new();
    static struct shown shown[N_VIEWS];
    static struct model model;
    static uint32_t sorted[N_KEYS];
    struct ptree map = {0};
    struct parr array = {0};
    size_t latest = 0;
    int n_steps = t_steps(300);

    for (uint32_t i = 0; i < N_KEYS; i++) sorted[i] = i;
    qsort(sorted, N_KEYS, sizeof sorted[0], by_key);
    shown[0] = (struct shown){.is_pinned = true};
    cow_publish(c, &shown[0]);
    CHECK(cow_pin(c, &shown[0].pin) == &shown[0]);

    for (int step = 0; step < n_steps; step++) {
        for (uint64_t n = rng_below(&rng, 400); n > 0; n--) {
            change(&rng, c, &map, &array, &model, step % 40 < 20);
        }
        if (rng_below(&rng, 4) == 0) {
            ptree_abandon(&map, c);
            parr_abandon(&array, c);
            cow_abandon(c);
            map = shown[latest].map;
            array = shown[latest].array;
            model = shown[latest].model;
        } else {
            size_t old = (latest + 1 + rng_below(&rng, N_VIEWS - 1)) % N_VIEWS; /* Not the latest. */
            struct shown *s = &shown[old];
            if (s->is_pinned) {
                if (!CHECK(map_is_model(&s->map, &s->array, &s->model, sorted, 0))) break;
                cow_unpin(&s->pin);
            }
            *s = (struct shown){.map = map, .array = array, .model = model, .is_pinned = true};
            cow_publish(c, s);
            CHECK(cow_pin(c, &s->pin) == s);
            latest = old;
        }
        uint32_t from = (uint32_t)rng_below(&rng, N_KEYS);
        if (!CHECK(map_is_model(&map, &array, &model, sorted, from))) break;
    }
    for (size_t i = 0; i < N_VIEWS; i++) {
        if (shown[i].is_pinned) cow_unpin(&shown[i].pin);
    }
    ptree_done(&map, c);
    parr_done(&array, c);
    cow_publish(c, NULL);
    CHECK_INT(cow_n_retired(c), 0);
    cow_free(c); /* Whatever leaks, the sanitizer tells. */
}

int main(void)
{
    RUN(the_map_and_the_array_equal_their_model_in_every_version);
    return t_done();
}
