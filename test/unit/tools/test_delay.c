/* test_delay.c - the emulated link's schedule against its closed form.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "delay.h"

#include <math.h>
#include <stdlib.h>

#include "t.h"

#define N 200000

static double got[N];

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static bool is_near(double is, double wanted, double share, const char *what)
{
    bool near = CHECK(fabs(is - wanted) <= share * wanted);
    if (!near) printf("# %s is %.3f, wanted %.3f\n", what, is, wanted);
    return near;
}

/* Delays of a ping-pong: each chunk arrives after the one before has been released. */
static void draw(const struct delay_options *o, uint64_t seed, unsigned direction, double *ret)
{
    int64_t now_us = 0, delay_us;
    struct delay d;
    bool stalls;

    delay_init(&d, seed, 1, 1, direction);
    for (int i = 0; i < N; i++) {
        int64_t release = delay_release(&d, o, now_us, 64, &delay_us, &stalls);
        ret[i] += (double)(release - now_us) / 1000;
        now_us = release + 20000;
    }
}

static void delays_have_the_distribution_that_was_asked_for(void)
{
    static const double shares[] = {0.01, 0.1, 0.5, 0.9, 0.99};
    struct rng seeds = t_rng();
    struct delay_options o = delay_default();

    o.loss = 0;
    memset(got, 0, sizeof got);
    draw(&o, rng_next(&seeds), 0, got);
    qsort(got, N, sizeof *got, by_size);
    for (int i = 0; i < 5; i++) is_near(got[(int)(shares[i] * N)], delay_quantile(&o, shares[i]), 0.05, "a quantile of one way");
    /* By hand: 16.5 + 7.5 (3/4 * 4/3 (2^(1/3) - 3/2)), and with 1/4 of 2.3263 and 100^(1/3). */
    is_near(delay_quantile(&o, 0.5), 14.699, 0.001, "p50");
    is_near(delay_quantile(&o, 0.99), 44.42, 0.005, "p99");
}

static void round_trips_are_two_of_them(void)
{
    struct rng seeds = t_rng();
    struct delay_options o = delay_default();
    uint64_t seed = rng_next(&seeds);

    o.loss = 0;
    memset(got, 0, sizeof got);
    draw(&o, seed, 0, got);
    draw(&o, seed, 1, got);
    qsort(got, N, sizeof *got, by_size);
    is_near(got[N / 2], delay_round_trip(&o, 0.5), 0.05, "p50 of the round trip");
    is_near(got[N / 100 * 99], delay_round_trip(&o, 0.99), 0.05, "p99 of the round trip");
}

static void neighbours_are_correlated_as_asked(void)
{
    static const double wanted[] = {0, 0.5, 0.9};

    for (int w = 0; w < 3; w++) {
        struct rng seeds = t_rng();
        struct delay_options o = delay_default();
        double before = 0, sum = 0, squares = 0;
        int64_t delay_us;
        struct delay d;
        bool stalls;
        o.correlation = wanted[w];
        delay_init(&d, rng_next(&seeds), 0, 0, 0);
        for (int i = 0; i < N; i++) {
            (void)delay_release(&d, &o, 0, 1, &delay_us, &stalls);
            if (i) sum += d.z * before;
            squares += d.z * d.z;
            before = d.z;
        }
        CHECK(fabs(sum / squares - wanted[w]) < 0.02);
    }
}

static void bytes_never_overtake_each_other(void)
{
    struct rng rng = t_rng();
    struct delay_options o = delay_default();
    int64_t now_us = 0, last = 0, delay_us;
    struct delay d;
    bool stalls;

    o.loss = 0.01;
    delay_init(&d, rng_next(&rng), 0, 0, 0);
    for (int i = 0; i < N; i++) {
        int64_t release = delay_release(&d, &o, now_us, rng_below(&rng, 16384) + 1, &delay_us, &stalls);
        if (!CHECK(release >= last && release >= now_us + delay_us)) break;
        last = release;
        now_us += (int64_t)rng_below(&rng, 6000);
    }
}

static void losses_stall_as_often_as_asked(void)
{
    struct rng seeds = t_rng();
    struct delay_options o = delay_default();
    int64_t delay_us;
    struct delay d;
    double n = 0;
    bool stalls;

    o.loss = 0.0025;
    delay_init(&d, rng_next(&seeds), 0, 0, 0);
    for (int i = 0; i < N; i++) {
        (void)delay_release(&d, &o, 0, 8 * DELAY_SEGMENT, &delay_us, &stalls);
        n += stalls;
        if (stalls) CHECK(delay_us >= 233000);
    }
    is_near(n / N, 1 - pow(1 - o.loss, 8), 0.05, "the share of chunks that stall");
}

static void a_flow_is_no_faster_than_its_rate(void)
{
    struct delay_options o = delay_default();
    int64_t delay_us, release = 0;
    struct delay d;
    bool stalls;

    o.loss = 0;
    delay_init(&d, 1, 0, 0, 0);
    for (int i = 0; i < 1000; i++) release = delay_release(&d, &o, 0, 10000, &delay_us, &stalls);
    CHECK(release >= 2962000 && release < 2962963 + 50000); /* 80 Mbit at 27 Mbit/s, and one delay. */
    o.rate_mbit = 0;
    delay_init(&d, 1, 0, 0, 0);
    for (int i = 0; i < 1000; i++) release = delay_release(&d, &o, 0, 10000, &delay_us, &stalls);
    CHECK(release < 50000);
}

static void a_seed_repeats_and_each_direction_is_its_own(void)
{
    struct delay_options o = delay_default();
    struct delay a, b, others[4];
    int64_t x, y;
    bool stalls;
    int same[4] = {0};

    delay_init(&a, 7, 1, 2, 0);
    delay_init(&b, 7, 1, 2, 0);
    delay_init(&others[0], 8, 1, 2, 0);
    delay_init(&others[1], 7, 2, 2, 0);
    delay_init(&others[2], 7, 1, 3, 0);
    delay_init(&others[3], 7, 1, 2, 1);
    for (int i = 0; i < 1000; i++) {
        int64_t release = delay_release(&a, &o, i, 100, &x, &stalls);
        CHECK_INT(delay_release(&b, &o, i, 100, &y, &stalls), release);
        for (int k = 0; k < 4; k++) {
            (void)delay_release(&others[k], &o, i, 100, &y, &stalls);
            same[k] += x == y;
        }
    }
    for (int k = 0; k < 4; k++) CHECK(same[k] < 100); /* A thousand draws from 4,096 steps. */
}

int main(void)
{
    RUN(delays_have_the_distribution_that_was_asked_for);
    RUN(round_trips_are_two_of_them);
    RUN(neighbours_are_correlated_as_asked);
    RUN(bytes_never_overtake_each_other);
    RUN(losses_stall_as_often_as_asked);
    RUN(a_flow_is_no_faster_than_its_rate);
    RUN(a_seed_repeats_and_each_direction_is_its_own);
    return t_done();
}
