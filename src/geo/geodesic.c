/* geodesic.c - shortest paths on the WGS84 ellipsoid.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "geo/geodesic.h"

#include <math.h>

#define RADIANS (M_PI / 180)
#define WGS84_B (WGS84_A * (1 - WGS84_F))
#define ROUNDS 100
#define SETTLED 1e-13 /* Radians. */

/* Vincenty's A, B and the correction of the arc, from the geodesic's highest reduced latitude. */
struct series {
    double a, b;
};

static struct series series_of(double cos2_alpha)
{
    double u2 = cos2_alpha * (WGS84_A * WGS84_A - WGS84_B * WGS84_B) / (WGS84_B * WGS84_B);
    double root = sqrt(1 + u2), k = (root - 1) / (root + 1);
    return (struct series){(1 + k * k / 4) / (1 - k), k * (1 - 3 * k * k / 8)};
}

static double arc_correction(struct series s, double sin_sigma, double cos_sigma, double cos_2m)
{
    double c2 = cos_2m * cos_2m;
    return s.b * sin_sigma *
           (cos_2m + s.b / 4 * (cos_sigma * (2 * c2 - 1) -
                                s.b / 6 * cos_2m * (4 * sin_sigma * sin_sigma - 3) * (4 * c2 - 3)));
}

/* What the longitude on the sphere is ahead of that on the ellipsoid. */
static double longitude_excess(double sin_alpha, double cos2_alpha, double sigma, double sin_sigma,
                               double cos_sigma, double cos_2m)
{
    double c = WGS84_F / 16 * cos2_alpha * (4 + WGS84_F * (4 - 3 * cos2_alpha));
    return (1 - c) * WGS84_F * sin_alpha *
           (sigma + c * sin_sigma * (cos_2m + c * cos_sigma * (2 * cos_2m * cos_2m - 1)));
}

static double wrap(double lng)
{
    return lng > 180 ? lng - 360 : lng < -180 ? lng + 360 : lng;
}

struct point geodesic_direct(struct point from, double azimuth_deg, double s_m, double *ret_azimuth_deg)
{
    double sin_az = sin(azimuth_deg * RADIANS), cos_az = cos(azimuth_deg * RADIANS);
    double u1 = atan2((1 - WGS84_F) * sin(from.lat * RADIANS), cos(from.lat * RADIANS));
    double sin_u1 = sin(u1), cos_u1 = cos(u1);
    double sigma1 = atan2(sin_u1, cos_u1 * cos_az);
    double sin_alpha = cos_u1 * sin_az, cos2_alpha = 1 - sin_alpha * sin_alpha;
    struct series series = series_of(cos2_alpha);
    double first = s_m / (WGS84_B * series.a), sigma = first, sin_s, cos_s, cos_2m, t, lambda;

    for (int round = 0; round < ROUNDS; round++) {
        double before = sigma;
        sigma = first + arc_correction(series, sin(sigma), cos(sigma), cos(2 * sigma1 + sigma));
        if (fabs(sigma - before) < SETTLED * 0.01) break;
    }
    sin_s = sin(sigma);
    cos_s = cos(sigma);
    cos_2m = cos(2 * sigma1 + sigma);
    t = sin_u1 * sin_s - cos_u1 * cos_s * cos_az;
    lambda = atan2(sin_s * sin_az, cos_u1 * cos_s - sin_u1 * sin_s * cos_az);
    lambda -= longitude_excess(sin_alpha, cos2_alpha, sigma, sin_s, cos_s, cos_2m);
    if (ret_azimuth_deg) *ret_azimuth_deg = atan2(sin_alpha, -t) / RADIANS;
    return (struct point){atan2(sin_u1 * cos_s + cos_u1 * sin_s * cos_az,
                                (1 - WGS84_F) * hypot(sin_alpha, t)) /
                              RADIANS,
                          wrap(from.lng + lambda / RADIANS)};
}

bool geodesic_inverse(struct point a, struct point b, double *ret_s_m, double *ret_azimuth_deg)
{
    double difference = wrap(b.lng - a.lng) * RADIANS, lambda = difference;
    double u1 = atan2((1 - WGS84_F) * sin(a.lat * RADIANS), cos(a.lat * RADIANS));
    double u2 = atan2((1 - WGS84_F) * sin(b.lat * RADIANS), cos(b.lat * RADIANS));
    double sin_u1 = sin(u1), cos_u1 = cos(u1), sin_u2 = sin(u2), cos_u2 = cos(u2);

    for (int round = 0; round < ROUNDS; round++) {
        double east = cos_u2 * sin(lambda);
        /* cos u1 sin u2 - sin u1 cos u2 cos lambda, without loss for near points. */
        double north = sin(u2 - u1) + 2 * sin_u1 * cos_u2 * pow(sin(lambda / 2), 2);
        double sin_s = hypot(east, north), cos_s = sin_u1 * sin_u2 + cos_u1 * cos_u2 * cos(lambda);
        double sigma = atan2(sin_s, cos_s), before = lambda;
        double sin_alpha = sin_s > 0 ? cos_u1 * east / sin_s : 0;
        double cos2_alpha = 1 - sin_alpha * sin_alpha;
        double cos_2m = cos2_alpha > 1e-15 ? cos_s - 2 * sin_u1 * sin_u2 / cos2_alpha : 0;

        lambda = difference + longitude_excess(sin_alpha, cos2_alpha, sigma, sin_s, cos_s, cos_2m);
        if (fabs(lambda) > M_PI) return false;
        if (fabs(lambda - before) > SETTLED * 0.01 + 4e-16 * fabs(lambda)) continue;
        struct series series = series_of(cos2_alpha);
        *ret_s_m = WGS84_B * series.a * (sigma - arc_correction(series, sin_s, cos_s, cos_2m));
        if (ret_azimuth_deg) *ret_azimuth_deg = atan2(east, north) / RADIANS;
        return true;
    }
    return false;
}

double geodesic_deviation(double angle)
{
    double length_m = angle * WGS84_A;
    return 8e-11 * length_m * length_m / GEODESIC_RADIUS_MIN;
}
