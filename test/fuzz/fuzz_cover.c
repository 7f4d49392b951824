/* fuzz_cover.c - outlines from bytes: refused with a reason, or covered within the limits and with every vertex.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The first byte chooses how points are written, the second the limits; the rest are points.
 */
#include <math.h>

#include "base/limits.h"
#include "cell/id.h"
#include "cell/set.h"
#include "geo/cover.h"
#include "geo/s2.h"

#define MOST 300

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static int64_t take(struct str *rest, size_t n)
{
    uint64_t value = 0;

    for (size_t k = 0; k < n; k++)
        value |= k < rest->n ? (uint64_t)(unsigned char)rest->at[k] << 8 * k : 0;
    *rest = str_skip(*rest, n);
    return n == 8 ? (int64_t)value : (int64_t)(value << (64 - 8 * n)) >> (64 - 8 * n);
}

static double take_double(struct str *rest)
{
    int64_t bits = take(rest, 8);
    double value;

    memcpy(&value, &bits, sizeof value);
    return value;
}

/* Any doubles; whole degrees; places near one another at several scales; corners of cells. */
static struct point take_point(struct str *rest, unsigned how, struct point first)
{
    struct point p;

    switch (how % 5) {
    case 0:
        p.lat = take_double(rest);
        p.lng = take_double(rest);
        return p;
    case 1:
        p.lat = (double)take(rest, 1) / 100;
        p.lng = (double)take(rest, 1) / 100 + (how & 32 ? 180 : 0);
        if (p.lng > 180) p.lng -= 360;
        return p;
    case 2:
        p.lat = fmax(-90, fmin(90, (double)take(rest, 4) / 2e7));
        p.lng = fmax(-180, fmin(180, (double)take(rest, 4) / 1e7));
        return p;
    case 3:
        p.lat = fmin(90, first.lat + (double)take(rest, 2) * 1e-9);
        p.lng = first.lng + (double)take(rest, 2) * 1e-9;
        return p;
    default: {
        struct square s = {.level = 13, .face = (int)(how / 5 % 6)};
        s.i = 4096 + (uint32_t)(take(rest, 1) & 63);
        s.j = (how & 64 ? 8128 : 4096) + (uint32_t)(take(rest, 1) & 63);
        struct rect r = s2_rect(&s);
        return s2_degrees(s2_from_face(s.face, (struct vec3){1, r.u0, r.v0}));
    }
    }
}

static bool has(const struct u64_vec *cells, struct point p)
{
    uint64_t cell = s2_cell_at(s2_point(p), CELL_LEVEL);
    return cell_set_contains(cells->at, cells->n, &cell, 1);
}

static enum err cover(const struct point *ring, size_t n, enum cover_mode mode,
                      const struct cover_limits *limits, struct u64_vec *cells)
{
    struct why why = {0};
    enum err err = cover_polygon(ring, n, mode, limits, cells, &why);

    if (err) {
        must((err == ERR_INPUT || err == ERR_TOO_LARGE) && why.text[0] && cells->n == 0);
        return err;
    }
    must(cells->n > 0 && cells->n <= (limits->n_cells ? limits->n_cells : LIMIT_CELLS));
    must(cell_set_is_normal(cells->at, cells->n));
    for (size_t k = 0; k < n; k++) must(has(cells, ring[k]));
    return OK;
}

static void try_circle(struct point centre, double radius, const struct cover_limits *limits)
{
    AUTO(u64_vec_done) struct u64_vec safe = {0}, dss = {0};
    struct why why = {0};

    if (cover_circle(centre, radius, COVER_SAFE, limits, &safe, &why)) {
        must(safe.n == 0 && why.text[0]);
        return;
    }
    must(cell_set_is_normal(safe.at, safe.n) && has(&safe, centre));
    if (cover_circle(centre, radius, COVER_DSS, limits, &dss, &why)) return;
    must(cell_set_contains(safe.at, safe.n, dss.at, dss.n));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    AUTO(u64_vec_done) struct u64_vec safe = {0}, dss = {0};
    struct point ring[MOST], first = {0};
    struct str rest = str_make(bytes, n);
    unsigned how = (unsigned)take(&rest, 1) & 255, limit = (unsigned)take(&rest, 1) & 255;
    const struct cover_limits limits = {.area_km2 = limit & 1 ? LIMIT_AREA_KM2 : 0,
                                        .n_cells = limit & 2 ? limit : 0};
    enum err strict, wide;
    size_t k = 0;

    if (how % 5 == 3) first = take_point(&rest, 2, first);
    while (rest.n > 0 && k < MOST) ring[k++] = take_point(&rest, how, first);
    strict = cover(ring, k, COVER_DSS, &limits, &dss);
    wide = cover(ring, k, COVER_SAFE, &limits, &safe);
    /* One may have too many cells where the other has not: wider ones may also merge into fewer. */
    must(wide == strict || (wide == ERR_TOO_LARGE && !strict) || (strict == ERR_TOO_LARGE && !wide));
    if (!wide && !strict) must(cell_set_contains(safe.at, safe.n, dss.at, dss.n));
    if (k > 0) try_circle(ring[0], fabs(k > 1 ? ring[1].lat : 1) * (limit & 4 ? 300 : 1e-3), &limits);
    return 0;
}
