/* oracle_geodesic.c - shortest paths against libproj's (C. Karney's): STEPS random lines (default 200,000).
 * SPDX-License-Identifier: Apache-2.0
 */
#include "geo/geodesic.h"

#include <geodesic.h>
#include <math.h>

#include "t.h"

static void lines_agree_with_libproj(void)
{
    struct rng rng = t_rng();
    struct geod_geodesic earth;
    double worst = 0;

    geod_init(&earth, WGS84_A, WGS84_F);
    for (int step = 0; step < t_steps(200000); step++) {
        struct point a = {180 * rng_unit(&rng) - 90, 360 * rng_unit(&rng) - 180}, b, ours;
        double azimuth = 360 * rng_unit(&rng), s = pow(10, -3 + 10 * rng_unit(&rng)), off, length, first;
        geod_direct(&earth, a.lat, a.lng, azimuth, s, &b.lat, &b.lng, NULL);
        ours = geodesic_direct(a, azimuth, s, NULL);
        geod_inverse(&earth, b.lat, b.lng, ours.lat, ours.lng, &off, NULL, NULL);
        worst = fmax(worst, off);
        if (!CHECK(off < 1e-7 + 1e-11 * s)) break;
        if (!CHECK(geodesic_inverse(a, b, &length, &first))) break;
        if (!CHECK(fabs(length - s) < 1e-7 + 1e-11 * s)) break;
    }
    printf("# worst %.3g mm\n", 1000 * worst);
}

int main(void)
{
    RUN(lines_agree_with_libproj);
    return t_done();
}
