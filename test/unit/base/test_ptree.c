/* test_ptree.c - the persistent map: order, replacement, versions.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/ptree.h"

#include "base/err.h"
#include "base/rng.h"
#include "base/vec.h"
#include "t.h"

static struct id key_of(uint64_t i)
{
    return (struct id){i >> 3, i * UINT64_C(0x9E3779B97F4A7C15)};
}

static bool collect(void *context, struct id key, uint32_t value)
{
    (void)key;
    u32_vec_add(context, value);
    return true;
}

static bool collect_three(void *context, struct id key, uint32_t value)
{
    struct u32_vec *values = context;
    (void)key;
    u32_vec_add(values, value);
    return values->n < 3;
}

static void an_empty_map_has_nothing(void)
{
    struct cow *c = cow_new();
    struct ptree t = {0};
    uint32_t value = 7;
    AUTO(u32_vec_done) struct u32_vec values = {0};
    CHECK(!ptree_get(&t, (struct id){0, 0}, &value));
    CHECK_INT(value, 7);
    CHECK(!ptree_remove(&t, c, (struct id){1, 2}));
    ptree_walk(&t, (struct id){0, 0}, collect, &values);
    CHECK_INT(values.n, 0);
    CHECK_INT(ptree_bytes(&t), 0);
    ptree_check(&t);
    ptree_done(&t, c);
    cow_free(c);
}

static void the_lowest_and_highest_keys_are_keys(void)
{
    struct cow *c = cow_new();
    struct ptree t = {0};
    uint32_t value;
    const struct id keys[] = {{0, 0}, {0, 1}, {0, UINT64_MAX}, {1, 0}, {UINT64_MAX, UINT64_MAX}};
    AUTO(u32_vec_done) struct u32_vec values = {0};
    for (uint32_t i = 5; i-- > 0;) ptree_put(&t, c, keys[i], i);
    for (uint32_t i = 0; i < 5; i++) CHECK(ptree_get(&t, keys[i], &value) && value == i);
    ptree_walk(&t, keys[4], collect, &values);
    CHECK_INT(values.n, 1);
    ptree_check(&t);
    ptree_done(&t, c);
    cow_free(c);
}

static void a_put_replaces_and_a_remove_takes_away(void)
{
    struct cow *c = cow_new();
    struct ptree t = {0};
    uint32_t value;
    for (uint32_t i = 0; i < 5000; i++) ptree_put(&t, c, key_of(i), i);
    for (uint32_t i = 0; i < 5000; i += 2) ptree_put(&t, c, key_of(i), i + 100000);
    CHECK_INT(t.n, 5000);
    for (uint32_t i = 0; i < 5000; i += 3) CHECK(ptree_remove(&t, c, key_of(i)));
    CHECK(!ptree_remove(&t, c, key_of(0)));
    ptree_check(&t);
    for (uint32_t i = 0; i < 5000; i++) {
        CHECK(ptree_get(&t, key_of(i), &value) == (i % 3 != 0));
        if (i % 3) CHECK_INT(value, i % 2 ? i : i + 100000);
    }
    for (uint32_t i = 5000; i-- > 0;) CHECK(ptree_remove(&t, c, key_of(i)) == (i % 3 != 0));
    CHECK_INT(t.n, 0);
    CHECK(t.root == NULL);
    ptree_check(&t);
    cow_free(c);
}

static void a_walk_begins_at_a_key_and_stops_when_told(void)
{
    struct cow *c = cow_new();
    struct ptree t = {0};
    AUTO(u32_vec_done) struct u32_vec values = {0};
    for (uint32_t i = 0; i < 1000; i++) ptree_put(&t, c, (struct id){i * 10, 5}, i);
    ptree_walk(&t, (struct id){4200, 5}, collect_three, &values); /* Is there. */
    ptree_walk(&t, (struct id){4200, 6}, collect_three, &values); /* Is not: stops after one. */
    CHECK_INT(values.n, 4);
    CHECK(values.n == 4 && values.at[0] == 420 && values.at[1] == 421 && values.at[2] == 422 &&
          values.at[3] == 421);
    values.n = 0;
    ptree_walk(&t, (struct id){9990, 6}, collect, &values);
    CHECK_INT(values.n, 0);
    ptree_done(&t, c);
    cow_free(c);
}

/* Every order of arrival and of removal keeps the nodes a quarter full; ptree_check() aborts otherwise. */
static void ascending_and_descending_runs_keep_their_shape(void)
{
    for (int order = 0; order < 4; order++) {
        struct cow *c = cow_new();
        struct ptree t = {0};
        const uint64_t n = 20000;
        for (uint64_t i = 0; i < n; i++) {
            uint64_t key = order & 1 ? n - 1 - i : i;
            ptree_put(&t, c, (struct id){key, 0}, (uint32_t)key);
            if (i % 500 == 0) cow_publish(c, NULL);
        }
        ptree_check(&t);
        if (order == 0) CHECK(ptree_bytes(&t) < n * 36); /* Ascending: three quarters full. */
        for (uint64_t i = 0; i < n; i++) {
            uint64_t key = order & 2 ? n - 1 - i : i;
            CHECK(ptree_remove(&t, c, (struct id){key, 0}));
            if (i % 500 == 0) {
                cow_publish(c, NULL);
                ptree_check(&t);
            }
        }
        CHECK_INT(t.n, 0);
        CHECK(t.root == NULL);
        cow_free(c);
    }
}

static void a_published_copy_goes_on_showing_what_it_showed(void)
{
    struct cow *c = cow_new();
    struct ptree t = {0};
    uint32_t value;
    for (uint32_t i = 0; i < 3000; i++) ptree_put(&t, c, key_of(i), i);
    struct ptree view = t;
    struct cow_pin pin;
    cow_publish(c, &view);
    CHECK(cow_pin(c, &pin) == &view);
    for (uint32_t i = 0; i < 3000; i++) {
        if (i % 2) {
            CHECK(ptree_remove(&t, c, key_of(i)));
        } else {
            ptree_put(&t, c, key_of(i), i + 1);
        }
        if (i % 100 == 0) cow_publish(c, &view); /* The same view again: the pin must hold. */
    }
    for (uint32_t i = 0; i < 3000; i++) CHECK(ptree_get(&view, key_of(i), &value) && value == i);
    ptree_check(&view);
    ptree_check(&t);
    CHECK_INT(t.n, 1500);
    cow_unpin(&pin);
    ptree_done(&t, c);
    cow_publish(c, NULL);
    CHECK_INT(cow_n_retired(c), 0);
    cow_free(c);
}

static void abandoning_leads_back_to_the_published_copy(void)
{
    struct cow *c = cow_new();
    struct ptree t = {0};
    uint32_t value;
    for (uint32_t i = 0; i < 2000; i++) ptree_put(&t, c, key_of(i), i);
    struct ptree view = t;
    cow_publish(c, &view);
    size_t n_retired = cow_n_retired(c);
    for (uint32_t i = 1000; i < 4000; i++) ptree_put(&t, c, key_of(i), 9);
    for (uint32_t i = 0; i < 900; i++) CHECK(ptree_remove(&t, c, key_of(i)));
    ptree_abandon(&t, c);
    cow_abandon(c);
    CHECK_INT(t.n, 0);
    t = view;
    CHECK_INT(cow_n_retired(c), n_retired);
    ptree_check(&t);
    CHECK_INT(t.n, 2000);
    for (uint32_t i = 0; i < 2000; i++) CHECK(ptree_get(&t, key_of(i), &value) && value == i);
    CHECK(!ptree_get(&t, key_of(2000), &value));
    ptree_done(&t, c);
    cow_free(c);
}

static void many_at_once_find_what_each_alone_finds(void)
{
    struct cow *c = cow_new();
    struct ptree t = {0};
    struct rng rng = t_rng();
    for (uint64_t n = 0, to = 0; to <= 100000; to = to * 7 + 1) { /* Heights 0 to 3 and more. */
        for (; n < to; n++) ptree_put(&t, c, key_of(2 * n), (uint32_t)n);
        for (size_t many = 0; many <= PTREE_WAYS; many++) {
            struct id keys[PTREE_WAYS];
            struct ptree_way ways[PTREE_WAYS];
            bool has[PTREE_WAYS];
            int n_wrong = 0;
            for (size_t i = 0; i < many; i++) {
                keys[i] = key_of(rng_below(&rng, 2 * to + 2));
                ways[i] = (struct ptree_way){&t, keys[i]};
            }
            ptree_fetch(ways, many); /* Changes nothing. */
            ptree_has_many(&t, keys, many, has);
            for (size_t i = 0; i < many; i++) {
                uint32_t value;
                n_wrong += has[i] != ptree_get(&t, keys[i], &value);
            }
            CHECK_INT(n_wrong, 0);
        }
    }
    ptree_done(&t, c);
    cow_free(c);
}

int main(void)
{
    RUN(an_empty_map_has_nothing);
    RUN(the_lowest_and_highest_keys_are_keys);
    RUN(a_put_replaces_and_a_remove_takes_away);
    RUN(a_walk_begins_at_a_key_and_stops_when_told);
    RUN(ascending_and_descending_runs_keep_their_shape);
    RUN(a_published_copy_goes_on_showing_what_it_showed);
    RUN(abandoning_leads_back_to_the_published_copy);
    RUN(many_at_once_find_what_each_alone_finds);
    return t_done();
}
