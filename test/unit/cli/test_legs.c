/* test_legs.c - rectangles around flights, and which of them conflict.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "cli/legs.h"

#include <math.h>

#include "base/instant.h"
#include "cli/flights_internal.h"
#include "t.h"

static const struct legs_options crewed = {.lateral_m = 9260, .vertical_m = 305, .time_s = 0};

static void add_fix(struct flight *f, double lat, double lng, double height_m, int64_t at_s)
{
    fix_vec_add(&f->fixes, (struct fix){lat, lng, height_m, at_s * INSTANT_S});
}

/* A straight flight for n minutes. */
static struct flight straight(double lat, double lng, double dlat, double dlng, double height_m, int64_t start_s, int minutes)
{
    struct flight f = {.name = "f"};
    for (int i = 0; i <= minutes; i++) add_fix(&f, lat + dlat * i, lng + dlng * i, height_m, start_s + 60 * i);
    return f;
}

static struct leg_vec legs(const struct flight *f, const struct legs_options *o)
{
    struct leg_vec v = {0};
    struct why why;
    CHECK_INT(legs_of(f, 0, o, &v, &why), OK);
    return v;
}

static bool any_conflict(const struct leg_vec *a, const struct leg_vec *b)
{
    for (size_t i = 0; i < a->n; i++) {
        for (size_t j = 0; j < b->n; j++) {
            if (leg_conflicts(&a->at[i], &b->at[j])) return true;
        }
    }
    return false;
}

static bool conflict(struct flight *a, struct flight *b, const struct legs_options *o)
{
    struct leg_vec x = legs(a, o), y = legs(b, o);
    bool is = any_conflict(&x, &y);
    CHECK(is == any_conflict(&y, &x)); /* One class, both ways. */
    leg_vec_done(&x);
    leg_vec_done(&y);
    return is;
}

static void a_straight_flight_is_cut_into_legs_that_join(void)
{
    struct flight f = straight(52, -32, 0, 0.1, 3000, 1000, 20);
    struct leg_vec v = legs(&f, &crewed);
    CHECK_INT(v.n, 10);
    CHECK_INT(v.at[0].inner_box.starts_us, 1000 * INSTANT_S);
    CHECK_INT(v.at[v.n - 1].inner_box.ends_us, 2200 * INSTANT_S);
    for (size_t i = 0; i < v.n; i++) {
        CHECK(leg_area_km2(v.at[i].outer) < 2500);
        CHECK(v.at[i].outer_box.floor_mm == 3000000 - 305000 && v.at[i].outer_box.ceil_mm == 3000001 + 305000);
        if (i) CHECK_INT(v.at[i].inner_box.starts_us, v.at[i - 1].inner_box.ends_us);
    }
    leg_vec_done(&v);
    fix_vec_done(&f.fixes);
}

static void a_climb_is_cut_into_height_bands(void)
{
    struct flight f = {.name = "f"};
    struct leg_vec v;
    add_fix(&f, 52, -32, 0, 0);
    add_fix(&f, 52, -31.9, 6000, 120);
    v = legs(&f, &crewed);
    CHECK(v.n >= 6);
    for (size_t i = 0; i < v.n; i++) CHECK(v.at[i].inner_box.ceil_mm - v.at[i].inner_box.floor_mm <= 1000 * 1000 + 1);
    CHECK_INT(v.at[v.n - 1].inner_box.ceil_mm, 6000000);
    leg_vec_done(&v);
    fix_vec_done(&f.fixes);
}

static void long_legs_are_cut_to_stay_below_the_area_limit(void)
{
    struct flight f = straight(0, 0, 0.1, 0.25, 10000, 0, 60);
    struct legs_options o = crewed;
    struct leg_vec v;
    o.leg_s = 3600;
    v = legs(&f, &o);
    for (size_t i = 0; i < v.n; i++) CHECK(leg_area_km2(v.at[i].outer) <= 2424);
    CHECK(v.n > 10);
    leg_vec_done(&v);
    fix_vec_done(&f.fixes);
}

static void a_hovering_aircraft_has_a_volume(void)
{
    struct flight f = straight(52, -32, 0, 0, 100, 0, 3);
    struct legs_options o = {0};
    struct leg_vec v = legs(&f, &o);
    CHECK(v.n >= 1);
    CHECK(leg_area_km2(v.at[0].outer) > 0);
    CHECK(leg_conflicts(&v.at[0], &v.at[0]));
    leg_vec_done(&v);
    fix_vec_done(&f.fixes);
}

static void level_time_and_side_each_separate(void)
{
    struct flight a = straight(52, -32, 0, 0.1, 3000, 0, 10);
    struct flight crossing = straight(51.9, -31.5, 0.02, 0, 3000, 0, 10);
    struct flight above = straight(51.9, -31.5, 0.02, 0, 3310, 0, 10);
    struct flight later = straight(51.9, -31.5, 0.02, 0, 3000, 3600, 10);
    struct flight beside = straight(52.12, -32, 0, 0.1, 3000, 0, 10); /* 13.4 km north */
    struct flight near = straight(52.07, -32, 0, 0.1, 3000, 0, 10);   /* 7.8 km north */
    CHECK(conflict(&a, &crossing, &crewed));
    CHECK(!conflict(&a, &above, &crewed));
    CHECK(!conflict(&a, &later, &crewed));
    CHECK(!conflict(&a, &beside, &crewed));
    CHECK(conflict(&a, &near, &crewed));
    fix_vec_done(&a.fixes);
    fix_vec_done(&crossing.fixes);
    fix_vec_done(&above.fixes);
    fix_vec_done(&later.fixes);
    fix_vec_done(&beside.fixes);
    fix_vec_done(&near.fixes);
}

static void a_distance_equal_to_the_minimum_is_separated(void)
{
    struct legs_options o = {.lateral_m = 100, .vertical_m = 100};
    struct flight a = straight(10, 10, 0, 0.001, 1000, 0, 2), b = straight(10, 10, 0, 0.001, 1100.001, 0, 2);
    struct flight c = straight(10, 10, 0, 0.001, 1099.99, 0, 2);
    CHECK(!conflict(&a, &b, &o));
    CHECK(conflict(&a, &c, &o));
    fix_vec_done(&a.fixes);
    fix_vec_done(&b.fixes);
    fix_vec_done(&c.fixes);
}

/* Whether two flights, piecewise linear, are ever closer than the minima at one moment: sampled every 250 ms. */
static bool come_close(const struct flight *a, const struct flight *b, const struct legs_options *o)
{
    for (int64_t t = a->fixes.at[0].at_us; t <= a->fixes.at[a->fixes.n - 1].at_us; t += INSTANT_S / 4) {
        struct fix at[2];
        bool both = true;
        for (int k = 0; k < 2; k++) {
            const struct fix_vec *v = k ? &b->fixes : &a->fixes;
            size_t i = 0;
            double s;
            while (i + 1 < v->n && v->at[i + 1].at_us < t) i++;
            if (t < v->at[0].at_us || i + 1 >= v->n) {
                both = false;
                break;
            }
            s = (double)(t - v->at[i].at_us) / (double)(v->at[i + 1].at_us - v->at[i].at_us);
            at[k] = (struct fix){v->at[i].lat + (v->at[i + 1].lat - v->at[i].lat) * s, v->at[i].lng + (v->at[i + 1].lng - v->at[i].lng) * s,
                                 v->at[i].height_m + (v->at[i + 1].height_m - v->at[i].height_m) * s, t};
        }
        /* The sphere's distance is up to 0.6 % off; only what is clearly too close counts. */
        if (both && fix_distance_m(&at[0], &at[1]) < o->lateral_m * 0.99 && fabs(at[0].height_m - at[1].height_m) < o->vertical_m)
            return true;
    }
    return false;
}

static void no_close_pair_is_ever_missed(void)
{
    struct rng rng = t_rng();
    int n_close = 0, n_steps = t_steps(400);

    for (int step = 0; step < n_steps; step++) {
        double lat = -70 + 140 * rng_unit(&rng), lng = -170 + 340 * rng_unit(&rng);
        struct legs_options o = {.lateral_m = 50 + 9000 * rng_unit(&rng), .vertical_m = 10 + 500 * rng_unit(&rng),
                                 .leg_s = 20 + 200 * rng_unit(&rng)};
        struct flight f[2] = {{.name = "a"}, {.name = "b"}};
        bool close;
        for (int k = 0; k < 2; k++) {
            double y = lat + 0.3 * rng_unit(&rng), x = lng + 0.3 * rng_unit(&rng), h = 1000 + 900 * rng_unit(&rng);
            for (int i = 0; i < 8; i++) {
                add_fix(&f[k], y, x, h, 60 * i + rng_between(&rng, 0, 20));
                y += 0.1 * (rng_unit(&rng) - 0.5);
                x += 0.1 * (rng_unit(&rng) - 0.5);
                h += 400 * (rng_unit(&rng) - 0.5);
            }
        }
        close = come_close(&f[0], &f[1], &o);
        n_close += close;
        if (close && !CHECK(conflict(&f[0], &f[1], &o))) printf("# step %d\n", step);
        fix_vec_done(&f[0].fixes);
        fix_vec_done(&f[1].fixes);
    }
    printf("# %d of %d pairs came close\n", n_close, n_steps);
    CHECK(n_close > n_steps / 20 && n_close < n_steps - n_steps / 20);
}

static void what_rectangles_cannot_follow_is_refused(void)
{
    struct flight polar = straight(89, 0, 0, 1, 1000, 0, 5), edge = straight(0, 179, 0, 0.01, 1000, 0, 5);
    struct flight absurd = straight(0, 0, 0, 30, 1000, 0, 2);
    struct leg_vec v = {0};
    struct why why;
    CHECK_INT(legs_of(&polar, 0, &crewed, &v, &why), ERR_INPUT);
    CHECK_INT(legs_of(&edge, 0, &crewed, &v, &why), ERR_INPUT);
    CHECK_INT(legs_of(&absurd, 0, &crewed, &v, &why), ERR_INPUT);
    CHECK(strstr(why.text, "km2") != NULL);
    CHECK_INT(v.n, 0);
    fix_vec_done(&polar.fixes);
    fix_vec_done(&edge.fixes);
    fix_vec_done(&absurd.fixes);
    leg_vec_done(&v);
}

int main(void)
{
    RUN(a_straight_flight_is_cut_into_legs_that_join);
    RUN(a_climb_is_cut_into_height_bands);
    RUN(long_legs_are_cut_to_stay_below_the_area_limit);
    RUN(a_hovering_aircraft_has_a_volume);
    RUN(level_time_and_side_each_separate);
    RUN(a_distance_equal_to_the_minimum_is_separated);
    RUN(no_close_pair_is_ever_missed);
    RUN(what_rectangles_cannot_follow_is_refused);
    return t_done();
}
