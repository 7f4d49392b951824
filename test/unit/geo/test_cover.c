/* test_cover.c - the cells of polygons and circles: InterUSS's vector, and shapes that break naive code.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "geo/cover.h"

#include <math.h>

#include "base/limits.h"
#include "cell/id.h"
#include "cell/set.h"
#include "geo/s2.h"
#include "t.h"

#define P(...) ((const struct point[]){__VA_ARGS__}), sizeof((const struct point[]){__VA_ARGS__}) / sizeof(struct point)

static const struct cover_limits f3548 = {.area_km2 = LIMIT_AREA_KM2};

/* The covering, to be freed; empty and printed if refused. */
static struct u64_vec cover(enum cover_mode mode, const struct point *ring, size_t n)
{
    struct u64_vec cells = {0};
    struct why why = {0};

    if (cover_polygon(ring, n, mode, &f3548, &cells, &why)) printf("# %s\n", why.text);
    return cells;
}

static struct u64_vec circle(enum cover_mode mode, struct point centre, double radius_m)
{
    struct u64_vec cells = {0};
    struct why why = {0};

    if (cover_circle(centre, radius_m, mode, &f3548, &cells, &why)) printf("# %s\n", why.text);
    return cells;
}

static bool has(const struct u64_vec *cells, struct point p)
{
    uint64_t cell = s2_cell_at(s2_point(p), CELL_LEVEL);
    return cell_set_contains(cells->at, cells->n, &cell, 1);
}

static bool is_normal(const struct u64_vec *cells)
{
    return cells->n > 0 && cell_set_is_normal(cells->at, cells->n);
}

static bool is_same(const struct u64_vec *a, const struct u64_vec *b)
{
    return a->n == b->n && (a->n == 0 || memcmp(a->at, b->at, a->n * sizeof *a->at) == 0);
}

/* f3548-dss.md 4.8, from interuss/dss pkg/models/geo_test.go. */
static void the_triangle_of_interuss_has_its_twenty_cells(void)
{
    static const uint32_t tokens[] = {0x808fb0ac, 0x808fb744, 0x808fb754, 0x808fb75c, 0x808fb9fc,
                                      0x808fba04, 0x808fba0c, 0x808fba14, 0x808fba1c, 0x808fba5c,
                                      0x808fba64, 0x808fba6c, 0x808fba74, 0x808fba8c, 0x808fbad4,
                                      0x808fbadc, 0x808fbae4, 0x808fbaec, 0x808fbaf4, 0x808fbb2c};
    AUTO(u64_vec_done) struct u64_vec want = {0};
    AUTO(u64_vec_done) struct u64_vec got =
        cover(COVER_DSS, P({37.427636, -122.170502}, {37.408799, -122.064069}, {37.421265, -122.086504}));

    for (size_t k = 0; k < 20; k++) u64_vec_add(&want, (uint64_t)tokens[k] << 32);
    CHECK(cell_set_area(got.at, got.n) == 20);
    cell_set_normalise(&want);
    CHECK(is_same(&got, &want));
}

static void cells_are_appended_and_failures_leave_them(void)
{
    AUTO(u64_vec_done) struct u64_vec cells = {0};
    const struct point box[] = {{47, 8}, {47, 8.1}, {47.1, 8.1}, {47.1, 8}};
    const struct cover_limits few = {.n_cells = 5}, small = {.area_km2 = 80};
    struct why why = {0};

    u64_vec_add(&cells, 42);
    CHECK_INT(cover_polygon(box, 4, COVER_SAFE, &few, &cells, &why), ERR_TOO_LARGE);
    CHECK(strstr(why.text, "more than 5 cells") != NULL);
    CHECK_INT(cover_polygon(box, 4, COVER_SAFE, &small, &cells, &why), ERR_TOO_LARGE);
    CHECK_STR(str_of(why.text), STR("polygon of 84 km2: at most 80"));
    CHECK_INT(cover_polygon(box, 2, COVER_SAFE, NULL, &cells, &why), ERR_INPUT);
    CHECK_INT(cover_circle(box[0], 20e3, COVER_SAFE, &few, &cells, &why), ERR_TOO_LARGE);
    CHECK_INT(cover_circle(box[0], 20e3, COVER_DSS, &few, &cells, &why), ERR_TOO_LARGE);
    CHECK(cells.n == 1 && cells.at[0] == 42);
    CHECK_INT(cover_polygon(box, 4, COVER_SAFE, NULL, &cells, &why), OK);
    CHECK(cells.n > 5 && cells.at[0] == 42 && cell_set_is_normal(cells.at + 1, cells.n - 1));
}

static void a_polygon_around_a_pole_has_the_pole(void)
{
    for (int sign = -1; sign <= 1; sign += 2) {
        const struct point ring[] = {{sign * 89.8, 0}, {sign * 89.8, 120}, {sign * 89.8, -120}};
        AUTO(u64_vec_done) struct u64_vec cells = cover(COVER_DSS, ring, 3);
        CHECK(is_normal(&cells) && has(&cells, (struct point){sign * 90, 0}));
        CHECK(has(&cells, (struct point){sign * 89.95, 77}) && has(&cells, ring[1]));
        CHECK(!has(&cells, (struct point){sign * 89.5, 60}));
    }
}

static void a_vertex_at_the_pole_may_have_any_longitude(void)
{
    AUTO(u64_vec_done) struct u64_vec a = cover(COVER_DSS, P({90, 0}, {89.9, 10}, {89.9, 80}));
    AUTO(u64_vec_done) struct u64_vec b = cover(COVER_DSS, P({90, -123}, {89.9, 10}, {89.9, 80}));
    AUTO(u64_vec_done) struct u64_vec c = cover(COVER_DSS, P({90, 10}, {89.9, 10}, {89.9, 80}, {90, 80}));

    CHECK(is_normal(&a) && is_same(&a, &b) && is_same(&a, &c));
}

static void an_edge_may_run_over_the_pole(void)
{
    AUTO(u64_vec_done) struct u64_vec cells = cover(COVER_DSS, P({89.9, 0}, {89.9, 180}, {89.9, 90}));
    CHECK(is_normal(&cells) && has(&cells, (struct point){90, 0}));
    CHECK(has(&cells, (struct point){89.95, 90}) && !has(&cells, (struct point){89.95, -90}));
}

static void the_date_line_is_no_border(void)
{
    AUTO(u64_vec_done) struct u64_vec a = cover(COVER_DSS, P({10, 179.9}, {10, -179.9}, {10.1, -179.9}, {10.1, 179.9}));
    AUTO(u64_vec_done) struct u64_vec b =
        cover(COVER_DSS, P({10, 179.9}, {10, 180}, {10, -180}, {10, -179.9}, {10.1, -179.9}, {10.1, 179.9}));
    AUTO(u64_vec_done) struct u64_vec east = cover(COVER_DSS, P({10, 179.9}, {10, 180}, {10.1, 180}, {10.1, 179.9}));
    AUTO(u64_vec_done) struct u64_vec west = cover(COVER_DSS, P({10, 179.9}, {10, -180}, {10.1, -180}, {10.1, 179.9}));

    CHECK(is_normal(&a) && has(&a, (struct point){10.05, 180}) && has(&a, (struct point){10.05, -179.95}));
    CHECK(!has(&a, (struct point){10.05, 0}) && !has(&a, (struct point){10.05, 179.8}));
    CHECK(is_normal(&east) && is_same(&east, &west));
    CHECK(cell_set_contains(b.at, b.n, east.at, east.n));
}

static void either_winding_is_the_smaller_side(void)
{
    AUTO(u64_vec_done) struct u64_vec a = cover(COVER_DSS, P({47, 8}, {47, 8.1}, {47.1, 8.1}, {47.1, 8}));
    AUTO(u64_vec_done) struct u64_vec b = cover(COVER_DSS, P({47.1, 8}, {47.1, 8.1}, {47, 8.1}, {47, 8}));

    CHECK(is_normal(&a) && is_same(&a, &b) && has(&a, (struct point){47.05, 8.05}));
}

static void collinear_rings_are_covered_as_lines(void)
{
    AUTO(u64_vec_done) struct u64_vec line = cover(COVER_DSS, P({0, 10}, {0, 10.2}, {0, 10.1}));
    AUTO(u64_vec_done) struct u64_vec slant = cover(COVER_DSS, P({50, 10}, {50.1, 10.1}, {50, 10.0000000000001}));

    CHECK(is_normal(&line) && cell_set_area(line.at, line.n) < 60);
    for (int k = 0; k <= 20; k++) CHECK(has(&line, (struct point){0, 10 + k * 0.01}));
    CHECK(is_normal(&slant) && has(&slant, (struct point){50.1, 10.1}) && has(&slant, (struct point){50, 10}));
    CHECK(cell_set_area(slant.at, slant.n) < 40);
}

static void tiny_polygons_have_one_to_four_cells(void)
{
    for (double size = 1e-5; size > 1e-14; size /= 10) {
        AUTO(u64_vec_done) struct u64_vec a = cover(COVER_SAFE, P({47, 8}, {47 + size, 8}, {47, 8 + size}));
        AUTO(u64_vec_done) struct u64_vec b = cover(COVER_DSS, P({0, 0}, {size, 0}, {0, size}));
        CHECK(cell_set_area(a.at, a.n) == 1 && has(&a, (struct point){47, 8}));
        CHECK(cell_set_area(b.at, b.n) == 4 && has(&b, (struct point){-1e-9, -1e-9})); /* A corner of four cells. */
    }
}

/* A cell as a polygon: it and the eight around it, whose borders it touches. */
static void a_polygon_equal_to_a_cell_touches_its_neighbours(void)
{
    for (int face = 0; face < 6; face++) {
        struct square s = s2_square(face, CELL_LEVEL, 3000, 4001);
        struct rect r = s2_rect(&s);
        const struct vec3 q[] = {{1, r.u0, r.v0}, {1, r.u1, r.v0}, {1, r.u1, r.v1}, {1, r.u0, r.v1}};
        struct point ring[4];
        for (int k = 0; k < 4; k++) ring[k] = s2_degrees(s2_from_face(face, q[k]));
        AUTO(u64_vec_done) struct u64_vec cells = cover(COVER_DSS, ring, 4);
        CHECK_INT(cell_set_area(cells.at, cells.n), 9);
        CHECK(cell_set_contains(cells.at, cells.n, &s.id, 1));
    }
}

static void the_corner_of_three_faces_is_covered_on_all(void)
{
    double lat = 35.264389682754654;
    for (double lng = -135; lng < 180; lng += 90) {
        AUTO(u64_vec_done) struct u64_vec cells =
            cover(COVER_DSS, P({lat - 0.05, lng}, {lat + 0.05, lng - 0.05}, {lat + 0.05, lng + 0.05}));
        CHECK(is_normal(&cells) && has(&cells, (struct point){lat, lng}));
        CHECK(cells.at[0] >> 61 != cells.at[cells.n - 1] >> 61);
        CHECK(has(&cells, (struct point){lat + 0.04, lng + 0.02}) && has(&cells, (struct point){lat + 0.04, lng - 0.02}));
    }
}

static void the_middle_of_a_face_is_nothing_special(void)
{
    AUTO(u64_vec_done) struct u64_vec cells = cover(COVER_DSS, P({-0.1, -0.1}, {-0.1, 0.1}, {0.1, 0.1}, {0.1, -0.1}));
    CHECK(is_normal(&cells) && has(&cells, (struct point){0, 0}) && has(&cells, (struct point){0.09, -0.09}));
    CHECK(cell_set_area(cells.at, cells.n) > 300 && cell_set_area(cells.at, cells.n) < 900);
}

static void a_star_may_have_its_centre_outside(void)
{
    /* An open ring: the letter C. */
    AUTO(u64_vec_done) struct u64_vec c = cover(
        COVER_DSS, P({0, 0}, {0, 0.3}, {0.05, 0.3}, {0.05, 0.05}, {0.25, 0.05}, {0.25, 0.3}, {0.3, 0.3}, {0.3, 0}));
    CHECK(is_normal(&c) && !has(&c, (struct point){0.15, 0.2}) && has(&c, (struct point){0.15, 0.02}));
    CHECK(has(&c, (struct point){0.02, 0.29}) && has(&c, (struct point){0.27, 0.29}));
}

static void circles_reach_over_pole_and_date_line(void)
{
    AUTO(u64_vec_done) struct u64_vec pole = circle(COVER_SAFE, (struct point){89.99, 33}, 5000);
    AUTO(u64_vec_done) struct u64_vec line = circle(COVER_SAFE, (struct point){-20, 179.99}, 5000);
    AUTO(u64_vec_done) struct u64_vec dot = circle(COVER_SAFE, (struct point){47, 8}, 1e-3);

    CHECK(is_normal(&pole) && has(&pole, (struct point){90, 0}) && has(&pole, (struct point){89.98, -147}));
    CHECK(is_normal(&line) && has(&line, (struct point){-20, -179.98}) && has(&line, (struct point){-20, 179.95}));
    CHECK(cell_set_area(dot.at, dot.n) == 1 && has(&dot, (struct point){47, 8}));
}

static void a_larger_circle_has_the_cells_of_a_smaller_one(void)
{
    for (int mode = COVER_SAFE; mode <= COVER_DSS; mode++) {
        AUTO(u64_vec_done) struct u64_vec small = circle((enum cover_mode)mode, (struct point){89.999, 30}, 200);
        AUTO(u64_vec_done) struct u64_vec large = circle((enum cover_mode)mode, (struct point){89.999, 30}, 250);
        CHECK(is_normal(&small) && cell_set_contains(large.at, large.n, small.at, small.n));
    }
}

/* airspace-index.md section 5: this cell comes 6.9 m inside the circle, and the 20-gon misses it. */
static void the_cell_that_a_polygon_of_twenty_corners_misses_is_covered(void)
{
    const struct point centre = {38.611537, -87.253213};
    const uint64_t cell = UINT64_C(0x886e0abc) << 32;
    AUTO(u64_vec_done) struct u64_vec safe = circle(COVER_SAFE, centre, 1000), dss = circle(COVER_DSS, centre, 1000);

    CHECK(cell_set_contains(safe.at, safe.n, &cell, 1));
    CHECK(!cell_set_contains(dss.at, dss.n, &cell, 1));
    CHECK(cell_set_contains(safe.at, safe.n, dss.at, dss.n));
}

static void circles_have_limits(void)
{
    AUTO(u64_vec_done) struct u64_vec cells = {0};
    const struct point here = {47, 8};
    struct why why = {0};

    CHECK_INT(cover_circle(here, 0, COVER_SAFE, &f3548, &cells, &why), ERR_INPUT);
    CHECK_INT(cover_circle(here, -1, COVER_SAFE, &f3548, &cells, &why), ERR_INPUT);
    CHECK_INT(cover_circle(here, NAN, COVER_SAFE, &f3548, &cells, &why), ERR_INPUT);
    CHECK_INT(cover_circle(here, INFINITY, COVER_SAFE, &f3548, &cells, &why), ERR_INPUT);
    CHECK_INT(cover_circle((struct point){91, 0}, 1, COVER_SAFE, &f3548, &cells, &why), ERR_INPUT);
    CHECK(strstr(why.text, "latitude 91") != NULL);
    CHECK_INT(cover_circle(here, 28.2e3, COVER_SAFE, &f3548, &cells, &why), OK);
    CHECK_INT(cover_circle(here, 28.3e3, COVER_SAFE, &f3548, &cells, &why), ERR_TOO_LARGE);
    CHECK_INT(cover_circle(here, 28.3e3, COVER_DSS, &f3548, &cells, &why), ERR_TOO_LARGE);
    CHECK_INT(cover_circle(here, 2e7, COVER_SAFE, &f3548, &cells, &why), ERR_TOO_LARGE);
    CHECK_INT(cover_circle(here, 2e7, COVER_SAFE, NULL, &cells, &why), ERR_TOO_LARGE);
    CHECK_INT(cover_circle(here, 3e6, COVER_SAFE, NULL, &cells, &why), ERR_TOO_LARGE);
    CHECK(strstr(why.text, "more than 4096 cells") != NULL);
}

static void a_military_area_takes_a_few_thousand_cells(void)
{
    AUTO(u64_vec_done) struct u64_vec cells = {0};
    const struct cover_limits many = {.n_cells = 6000};
    const struct point area[] = {{45.3, 8.2}, {44.8, 14.4}, {49.2, 15.1}, {49.6, 8.3}};
    size_t n;

    CHECK_INT(cover_polygon(area, 4, COVER_SAFE, &many, &cells, NULL), OK);
    CHECK(is_normal(&cells) && cells.n > 2000 && cell_set_area(cells.at, cells.n) > 180000);
    n = cells.n;
    CHECK(cell_set_coarsen(&cells, n / 2) && cells.n <= n / 2 && has(&cells, area[0]));
}

/* Ten thousand edges of 3,000 km close together would cost seconds. */
static void a_bundle_of_long_edges_is_refused(void)
{
    struct point *ring = mem_calloc(LIMIT_VERTICES, sizeof *ring);
    AUTO(u64_vec_done) struct u64_vec cells = {0};
    struct why why = {0};
    size_t n = 0;

    ring[n++] = (struct point){29.9, 8};
    ring[n++] = (struct point){29.9, 8.001};
    for (int k = 9997; k >= 0; k--) ring[n++] = (struct point){k % 4 < 2 ? 55 : 30, 8 + 0.001 * k / 9998};
    CHECK_INT(cover_polygon(ring, n, COVER_SAFE, &f3548, &cells, &why), ERR_TOO_LARGE);
    CHECK(strstr(why.text, "too many long edges") != NULL);
    mem_free(ring);
}

static void the_cell_at_a_place_is_known(void)
{
    /* golang/geo s2/cellid_test.go. */
    static const struct {
        uint64_t id;
        double lat, lng;
    } known[] = {{UINT64_C(0x47a1cbd595522b39), 49.703498679, 11.770681595},
                 {UINT64_C(0x46525318b63be0f9), 55.685376759, 12.588490937},
                 {UINT64_C(0x52b30b71698e729d), 45.486546517, -93.449700022},
                 {UINT64_C(0x46ed8886cfadda85), 58.299984854, 23.049300056},
                 {UINT64_C(0x3663f18a24cbe857), 34.364439040, 108.330699969},
                 {UINT64_C(0x10a06c0a948cf5d), -30.694551352, -30.048758753},
                 {UINT64_C(0x2b2bfd076787c5df), -25.285264027, 133.823116966},
                 {UINT64_C(0xb09dff882a7809e1), -75.000000031, 0.000000133},
                 {UINT64_C(0x94daa3d000000001), -24.694439215, -47.537363213},
                 {UINT64_C(0x87a1000000000001), 38.899730392, -99.901813021},
                 {UINT64_C(0x4fc76d5000000001), 81.647200334, -55.631712940},
                 {UINT64_C(0x3b00955555555555), 10.050986518, 78.293170610},
                 {UINT64_C(0x1dcc469991555555), -34.055420593, 18.551140038},
                 {UINT64_C(0xb112966aaaaaaaab), -69.219262171, 49.670072392}};

    for (size_t k = 0; k < sizeof known / sizeof *known; k++) {
        struct vec3 p = s2_point((struct point){known[k].lat, known[k].lng});
        struct square s = s2_square_of(known[k].id);
        double size = ldexp(1, -s.level), u = s2_st_to_uv((s.i + 0.5) * size), v = s2_st_to_uv((s.j + 0.5) * size);
        struct point centre = s2_degrees(s2_from_face(s.face, (struct vec3){1, u, v}));
        CHECK(fabs(centre.lat - known[k].lat) < 2e-9 && fabs(centre.lng - known[k].lng) < 2e-9);
        CHECK(s2_cell_at(p, 20) == cell_parent(known[k].id, 20));
        CHECK(s2_square(s.face, s.level, s.i, s.j).id == known[k].id);
    }
}

int main(void)
{
    RUN(the_triangle_of_interuss_has_its_twenty_cells);
    RUN(cells_are_appended_and_failures_leave_them);
    RUN(a_polygon_around_a_pole_has_the_pole);
    RUN(a_vertex_at_the_pole_may_have_any_longitude);
    RUN(an_edge_may_run_over_the_pole);
    RUN(the_date_line_is_no_border);
    RUN(either_winding_is_the_smaller_side);
    RUN(collinear_rings_are_covered_as_lines);
    RUN(tiny_polygons_have_one_to_four_cells);
    RUN(a_polygon_equal_to_a_cell_touches_its_neighbours);
    RUN(the_corner_of_three_faces_is_covered_on_all);
    RUN(the_middle_of_a_face_is_nothing_special);
    RUN(a_star_may_have_its_centre_outside);
    RUN(circles_reach_over_pole_and_date_line);
    RUN(a_larger_circle_has_the_cells_of_a_smaller_one);
    RUN(the_cell_that_a_polygon_of_twenty_corners_misses_is_covered);
    RUN(circles_have_limits);
    RUN(a_military_area_takes_a_few_thousand_cells);
    RUN(a_bundle_of_long_edges_is_refused);
    RUN(the_cell_at_a_place_is_known);
    return t_done();
}
