/* test_encounter.c - flights that come too close, and flights that do not.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "cli/encounter.h"

#include <math.h>
#include <stdlib.h>

#include "base/instant.h"
#include "cli/flights_internal.h"
#include "t.h"

static struct flight line(double lat, double lng, double height, double lat2, double lng2, double height2, int64_t from_s, int64_t to_s)
{
    struct flight f = {.name = "f"};
    fix_vec_add(&f.fixes, (struct fix){lat, lng, height, from_s * INSTANT_S});
    fix_vec_add(&f.fixes, (struct fix){lat2, lng2, height2, to_s * INSTANT_S});
    return f;
}

static bool meet(struct flight a, struct flight b, struct encounter *e)
{
    bool is = flights_meet(&a, &b, 9260, 305, e);
    fix_vec_done(&a.fixes);
    fix_vec_done(&b.fixes);
    return is;
}

static void crossing_at_the_same_time_is_too_close(void)
{
    struct encounter e;
    CHECK(meet(line(52, -32, 3000, 52, -31, 3000, 0, 600), line(51.5, -31.5, 3100, 52.5, -31.5, 3100, 0, 600), &e));
    /* They meet in the middle; 9,260 m apart for the last time some 35 s before. */
    CHECK(e.from_us > 200 * INSTANT_S && e.from_us < 300 * INSTANT_S && e.to_us > 300 * INSTANT_S && e.to_us < 400 * INSTANT_S);
    CHECK(fabs(e.low_m - 3000) < 0.01 && fabs(e.high_m - 3100) < 0.01);
    CHECK(!meet(line(52, -32, 3000, 52, -31, 3000, 0, 600), line(51.5, -31.5, 3100, 52.5, -31.5, 3100, 600, 1200), &e));
    CHECK(!meet(line(52, -32, 3000, 52, -31, 3000, 0, 600), line(51.5, -31.5, 3310, 52.5, -31.5, 3310, 0, 600), &e));
}

static void a_minimum_that_is_just_kept_separates(void)
{
    struct encounter e;
    CHECK(!meet(line(52, -32, 3000, 52, -31, 3000, 0, 600), line(52, -32, 3305, 52, -31, 3305, 0, 600), &e));
    CHECK(meet(line(52, -32, 3000, 52, -31, 3000, 0, 600), line(52, -32, 3304.9, 52, -31, 3304.9, 0, 600), &e));
}

static void one_moment_of_a_climb_is_found(void)
{
    struct encounter e;
    /* Level against a climb through its height in 20 s, 1 km aside: too close for about 4 s only. */
    CHECK(meet(line(52, -32, 3000, 52, -31, 3000, 0, 600), line(52.01, -31.83, 1000, 52.01, -31.80, 5000, 100, 120), &e));
    CHECK(e.to_us - e.from_us < 5 * INSTANT_S);
    /* The same climb when the other is 30 km away. */
    CHECK(!meet(line(52, -32, 3000, 52, -31, 3000, 0, 600), line(52.01, -31.40, 1000, 52.01, -31.37, 5000, 100, 120), &e));
}

static void flights_at_other_times_never_meet(void)
{
    struct encounter e;
    CHECK(!meet(line(0, 0, 1000, 0, 1, 1000, 0, 600), line(0, 0, 1000, 0, 1, 1000, 600, 1200), &e)); /* Touching in time. */
    CHECK(meet(line(0, 0, 1000, 0, 1, 1000, 0, 600), line(0, 1, 1000, 0, 1, 1000, 599, 1200), &e));
}

static void the_antimeridian_is_no_wall(void)
{
    struct encounter e;
    CHECK(meet(line(0, 179.99, 1000, 0, 179.98, 1000, 0, 600), line(0, -179.99, 1000, 0, -179.98, 1000, 0, 600), &e));
}

static struct fix place(const struct flight *f, int64_t t)
{
    size_t i = 0;
    double s;
    while (i + 2 < f->fixes.n && f->fixes.at[i + 1].at_us < t) i++;
    const struct fix *a = &f->fixes.at[i], *b = a + 1;
    s = (double)(t - a->at_us) / (double)(b->at_us - a->at_us);
    return (struct fix){a->lat + (b->lat - a->lat) * s, a->lng + (b->lng - a->lng) * s, a->height_m + (b->height_m - a->height_m) * s, t};
}

/* Least over time of the greater of both distances, each relative to its minimum: below 1 is too close. Sampled every 200 ms. */
static double nearest(const struct flight *a, const struct flight *b, double lateral, double vertical)
{
    double least = 1e9;
    int64_t from = a->fixes.at[0].at_us > b->fixes.at[0].at_us ? a->fixes.at[0].at_us : b->fixes.at[0].at_us;
    int64_t end_a = a->fixes.at[a->fixes.n - 1].at_us, end_b = b->fixes.at[b->fixes.n - 1].at_us, to = end_a < end_b ? end_a : end_b;
    for (int64_t t = from; t <= to; t += INSTANT_S / 5) {
        struct fix x = place(a, t), y = place(b, t);
        least = fmin(least, fmax(fix_distance_m(&x, &y) / lateral, fabs(x.height_m - y.height_m) / vertical));
    }
    return least;
}

static void sampling_never_finds_another_answer(void)
{
    struct rng rng = t_rng();
    int n_met = 0, n_steps = t_steps(400);

    for (int step = 0; step < n_steps; step++) {
        double lat = -60 + 120 * rng_unit(&rng), lateral = 500 + 5000 * rng_unit(&rng), vertical = 50 + 300 * rng_unit(&rng), least;
        struct flight f[2] = {{.name = "a"}, {.name = "b"}};
        struct encounter e;
        bool is;
        for (int k = 0; k < 2; k++) {
            double y = lat + 0.2 * rng_unit(&rng), x = 10 + 0.2 * rng_unit(&rng), h = 1000 + 500 * rng_unit(&rng);
            for (int i = 0; i < 6; i++) {
                fix_vec_add(&f[k].fixes, (struct fix){y, x, h, (60 * i + rng_between(&rng, 0, 20)) * INSTANT_S});
                y += 0.1 * (rng_unit(&rng) - 0.5);
                x += 0.1 * (rng_unit(&rng) - 0.5);
                h += 300 * (rng_unit(&rng) - 0.5);
            }
        }
        is = flights_meet(&f[0], &f[1], lateral, vertical, &e);
        least = nearest(&f[0], &f[1], lateral, vertical);
        n_met += is;
        /* The sphere of the samples is up to 0.6 % off, and a sample may be 100 ms beside the nearest moment. */
        if (least < 0.98) CHECK(is);
        if (least > 1.08) CHECK(!is);
        CHECK(is == flights_meet(&f[1], &f[0], lateral, vertical, &e));
        fix_vec_done(&f[0].fixes);
        fix_vec_done(&f[1].fixes);
    }
    printf("# %d of %d pairs met\n", n_met, n_steps);
    CHECK(n_met > n_steps / 20 && n_met < n_steps - n_steps / 20);
}

int main(void)
{
    RUN(crossing_at_the_same_time_is_too_close);
    RUN(a_minimum_that_is_just_kept_separates);
    RUN(one_moment_of_a_climb_is_found);
    RUN(flights_at_other_times_never_meet);
    RUN(the_antimeridian_is_no_wall);
    RUN(sampling_never_finds_another_answer);
    return t_done();
}
