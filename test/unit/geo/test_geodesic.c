/* test_geodesic.c - shortest paths on WGS84 against published lines and against each other.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "geo/geodesic.h"

#include "geo/s2.h"
#include "t.h"

static bool is_near(double a, double b, double by)
{
    if (fabs(a - b) <= by) return true;
    printf("# %.17g, %.17g\n", a, b);
    return false;
}

static double dms(double d, double m, double s)
{
    return (d < 0 ? -1 : 1) * (fabs(d) + m / 60 + s / 3600);
}

/* The sample line of Geoscience Australia's manuals, on GRS80, whose flattening is the same to ten digits. */
static void the_line_from_flinders_peak_to_buninyong(void)
{
    struct point flinders = {dms(-37, 57, 3.72030), dms(144, 25, 29.52440)};
    struct point buninyong = {dms(-37, 39, 10.15610), dms(143, 55, 35.38390)};
    double s, azimuth;

    CHECK(geodesic_inverse(flinders, buninyong, &s, &azimuth));
    CHECK(is_near(s, 54972.271, 0.001));
    CHECK(is_near(azimuth + 360, dms(306, 52, 5.37), 0.01 / 3600));
    struct point there = geodesic_direct(flinders, azimuth, s, &azimuth);
    CHECK(is_near(there.lat, buninyong.lat, 1e-9) && is_near(there.lng, buninyong.lng, 1e-9));
    CHECK(is_near(azimuth + 360, dms(307, 10, 25.07), 0.02 / 3600));
}

static void the_axes_of_the_ellipsoid(void)
{
    double s, azimuth;

    CHECK(geodesic_inverse((struct point){0, 0}, (struct point){90, 0}, &s, &azimuth));
    CHECK(is_near(s, 10001965.7293, 0.0005) && is_near(azimuth, 0, 1e-12)); /* A quarter of the meridian. */
    CHECK(geodesic_inverse((struct point){0, 10}, (struct point){0, 11}, &s, &azimuth));
    CHECK(is_near(s, WGS84_A * M_PI / 180, 1e-6) && is_near(azimuth, 90, 1e-9));
    CHECK(geodesic_inverse((struct point){0, 179.5}, (struct point){0, -179.5}, &s, &azimuth));
    CHECK(is_near(s, WGS84_A * M_PI / 180, 1e-6) && is_near(azimuth, 90, 1e-9));
}

static void no_way_is_zero_long(void)
{
    double s = -1, azimuth;

    CHECK(geodesic_inverse((struct point){12, 34}, (struct point){12, 34}, &s, &azimuth));
    CHECK(is_near(s, 0, 0));
    CHECK(geodesic_inverse((struct point){90, 34}, (struct point){90, -34}, &s, &azimuth));
    CHECK(is_near(s, 0, 1e-9));
}

static void nearly_opposite_points_are_refused(void)
{
    double s = 7, azimuth = 8;

    CHECK(!geodesic_inverse((struct point){0, 0}, (struct point){0.1, 179.9}, &s, &azimuth));
    CHECK(is_near(s, 7, 0) && is_near(azimuth, 8, 0));
}

static void there_and_back_again(void)
{
    struct rng rng = t_rng();

    for (int step = 0; step < t_steps(20000); step++) {
        struct point a = {180 * rng_unit(&rng) - 90, 360 * rng_unit(&rng) - 180};
        double azimuth = 360 * rng_unit(&rng), s = pow(10, -3 + 9.8 * rng_unit(&rng)), end, back, first;
        struct point b = geodesic_direct(a, azimuth, s, &end);
        if (!CHECK(geodesic_inverse(a, b, &back, &first))) break;
        if (!CHECK(is_near(back, s, 1e-7 + 1e-11 * s))) break;
        struct point again = geodesic_direct(b, end + 180, s, NULL);
        CHECK(geodesic_inverse(a, again, &back, &first));
        if (!CHECK(is_near(back, 0, 1e-7 + 1e-11 * s))) break;
    }
}

static void geodesics_stay_within_the_bound_of_great_circles(void)
{
    struct rng rng = t_rng();
    double most = 0;

    for (int step = 0; step < t_steps(20000); step++) {
        struct point p = {180 * rng_unit(&rng) - 90, 360 * rng_unit(&rng) - 180};
        double azimuth = 360 * rng_unit(&rng), s = pow(10, 3 + 3.8 * rng_unit(&rng));
        struct vec3 a = s2_point(p), b = s2_point(geodesic_direct(p, azimuth, s, NULL));
        struct vec3 way = vec3_sub(b, a), normal = vec3_unit(vec3_cross(a, way));
        double angle = 2 * asin(sqrt(vec3_dot(way, way)) / 2);
        for (int k = 1; k < 8; k++) {
            struct vec3 q = s2_point(geodesic_direct(p, azimuth, s * k / 8, NULL));
            double off = fabs(vec3_dot(normal, vec3_sub(q, a))) - 1e-15; /* Rounding of q. */
            most = fmax(most, off / geodesic_deviation(angle));
            if (!CHECK(off <= geodesic_deviation(angle))) return;
        }
    }
    CHECK(most > 0.7); /* The bound is not idle. */
}

int main(void)
{
    RUN(the_line_from_flinders_peak_to_buninyong);
    RUN(the_axes_of_the_ellipsoid);
    RUN(no_way_is_zero_long);
    RUN(nearly_opposite_points_are_refused);
    RUN(there_and_back_again);
    RUN(geodesics_stay_within_the_bound_of_great_circles);
    return t_done();
}
