/* test_volume.c - Volume4D: what is read, and what is refused with which words.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "api/volume.h"

#include <stdlib.h>

#include "api/field.h"
#include "base/instant.h"
#include "base/limits.h"
#include "base/mem.h"
#include "cell/set.h"
#include "t.h"

static struct json_parser *parser;
static struct volume_reader reader;
static struct why why;

static struct json_node parse(const char *text)
{
    struct json_node root = {0};
    CHECK(json_read(parser, str_of(text), &root, &why) == OK);
    return root;
}

static enum err read_one(const char *text, struct vol *ret)
{
    why = (struct why){0};
    return volume_read(&reader, parse(text), "area_of_interest", ret, &why);
}

#define SQUARE                                                                                     \
    "\"outline_polygon\":{\"vertices\":[{\"lat\":-56.1,\"lng\":178},{\"lat\":-56.1,\"lng\":178.1}," \
    "{\"lat\":-56,\"lng\":178.1},{\"lat\":-56,\"lng\":178}]}"
#define CIRCLE(radius)                                                                             \
    "\"outline_circle\":{\"center\":{\"lat\":-56,\"lng\":178},\"radius\":{\"value\":" radius       \
    ",\"units\":\"M\"}}"
#define ALT(value) "{\"value\":" value ",\"reference\":\"W84\",\"units\":\"M\"}"
#define TIME(value) "{\"value\":\"" value "\",\"format\":\"RFC3339\"}"

static void a_polygon_with_bounds_becomes_cells_and_a_box(void)
{
    struct vol vol;
    CHECK(read_one("{\"volume\":{" SQUARE ",\"altitude_lower\":" ALT("-1.5") ",\"altitude_upper\":" ALT(
                       "120.0004") "},\"time_start\":" TIME("2026-01-01T00:00:00.1234567Z") ","
                       "\"time_end\":" TIME("2026-01-01T02:00:00+01:00") "}",
                   &vol) == OK);
    CHECK(vol.n_cells > 10);
    CHECK(cell_set_is_normal(vol.cells, vol.n_cells));
    CHECK_INT(vol.box.floor_mm, -1500);
    CHECK_INT(vol.box.ceil_mm, 120001);
    CHECK_INT(vol.box.ends_us - vol.box.starts_us, INSTANT_HOUR - 123456);
}

static void heights_are_rounded_outward_to_mm(void)
{
    struct vol vol;
    CHECK(read_one("{\"volume\":{" SQUARE ",\"altitude_lower\":" ALT("0.0019") ",\"altitude_upper\":" ALT(
                       "0.0111") "}}",
                   &vol) == OK);
    CHECK_INT(vol.box.floor_mm, 1);
    CHECK_INT(vol.box.ceil_mm, 12);
    CHECK(read_one("{\"volume\":{" SQUARE ",\"altitude_lower\":" ALT("-0.0011") ",\"altitude_upper\":" ALT(
                       "120.3") "}}",
                   &vol) == OK);
    CHECK_INT(vol.box.floor_mm, -2);
    CHECK_INT(vol.box.ceil_mm, 120300); /* 120.3 * 1000 is a little off in binary: still this mm. */
}

static void absent_and_null_bounds_are_no_bounds(void)
{
    struct vol vol;
    CHECK(read_one("{\"volume\":{" CIRCLE("50") ",\"outline_polygon\":null,\"altitude_lower\":null},"
                   "\"time_start\":null,\"unknown\":{\"member\":1}}",
                   &vol) == OK);
    CHECK(vol.box.starts_us == INSTANT_MIN && vol.box.ends_us == INSTANT_MAX);
    CHECK(vol.box.floor_mm == VOL_FLOOR_NONE && vol.box.ceil_mm == VOL_CEIL_NONE);
    CHECK(vol.n_cells >= 1);
}

static void a_moment_may_be_asked_for(void)
{
    struct vol vol;
    CHECK(read_one("{\"volume\":{" CIRCLE("50") "},\"time_start\":" TIME("2026-01-01T00:00:00Z") ","
                   "\"time_end\":" TIME("2026-01-01T00:00:00Z") "}",
                   &vol) == OK);
    CHECK(vol.box.starts_us == vol.box.ends_us);
}

struct refusal {
    const char *text;
    const char *says; /* How the message begins. */
};

static const struct refusal refusals[] = {
    {"{}", "area_of_interest.volume: must be an object"},
    {"{\"volume\":[]}", "area_of_interest.volume: must be an object"},
    {"{\"volume\":{}}", "area_of_interest.volume: needs outline_polygon or outline_circle"},
    {"{\"volume\":{" SQUARE "," CIRCLE("50") "}}", "area_of_interest.volume: has both"},
    {"{\"volume\":{\"outline_polygon\":{\"vertices\":[{\"lat\":1,\"lng\":1},{\"lat\":2,\"lng\":1},"
     "{\"lat\":110,\"lng\":2}]}}}",
     "area_of_interest.volume.outline_polygon.vertices[2].lat: 110 is not between -90 and 90"},
    {"{\"volume\":{\"outline_polygon\":{\"vertices\":[{\"lat\":1,\"lng\":1},{\"lat\":2,\"lng\":181},"
     "{\"lat\":1,\"lng\":2}]}}}",
     "area_of_interest.volume.outline_polygon.vertices[1].lng: 181 is not between -180 and 180"},
    {"{\"volume\":{\"outline_polygon\":{\"vertices\":[{\"lat\":1,\"lng\":1},{\"lat\":2,\"lng\":1},"
     "{\"lat\":\"1\",\"lng\":2}]}}}",
     "area_of_interest.volume.outline_polygon.vertices[2].lat: must be a number"},
    {"{\"volume\":{\"outline_polygon\":{\"vertices\":[{\"lat\":1,\"lng\":1},{\"lat\":2,\"lng\":1}]}}}",
     "area_of_interest.volume.outline_polygon.vertices: at least 3"},
    {"{\"volume\":{\"outline_polygon\":{\"vertices\":[{\"lat\":1,\"lng\":1},{\"lat\":1,\"lng\":1},"
     "{\"lat\":1,\"lng\":1}]}}}",
     "area_of_interest.volume.outline_polygon: "},
    {"{\"volume\":{\"outline_polygon\":{\"vertices\":[{\"lat\":0,\"lng\":0},{\"lat\":0.1,\"lng\":0.1},"
     "{\"lat\":0.1,\"lng\":0},{\"lat\":0,\"lng\":0.1}]}}}",
     "area_of_interest.volume.outline_polygon: "},
    {"{\"volume\":{\"outline_polygon\":{}}}",
     "area_of_interest.volume.outline_polygon.vertices: must be an array"},
    {"{\"volume\":{" CIRCLE("0") "}}",
     "area_of_interest.volume.outline_circle.radius.value: 0 is not above 0"},
    {"{\"volume\":{\"outline_circle\":{\"radius\":{\"value\":1,\"units\":\"M\"}}}}",
     "area_of_interest.volume.outline_circle.center: must be an object"},
    {"{\"volume\":{\"outline_circle\":{\"center\":{\"lat\":1,\"lng\":1}}}}",
     "area_of_interest.volume.outline_circle.radius.value: must be a number"},
    {"{\"volume\":{\"outline_circle\":{\"center\":{\"lat\":1,\"lng\":1},\"radius\":{\"value\":1,"
     "\"units\":\"FT\"}}}}",
     "area_of_interest.volume.outline_circle.radius.units: must be M"},
    {"{\"volume\":{" SQUARE ",\"altitude_lower\":{\"value\":1,\"reference\":\"W84\",\"units\":\"N\"}}}",
     "area_of_interest.volume.altitude_lower.units: must be M"},
    {"{\"volume\":{" SQUARE ",\"altitude_upper\":{\"value\":1,\"reference\":\"SFC\",\"units\":\"M\"}}}",
     "area_of_interest.volume.altitude_upper.reference: must be W84"},
    {"{\"volume\":{" SQUARE ",\"altitude_upper\":" ALT("100001") "}}",
     "area_of_interest.volume.altitude_upper.value: 100001 is not between -8000 and 100000"},
    {"{\"volume\":{" SQUARE ",\"altitude_lower\":" ALT("2") ",\"altitude_upper\":" ALT("1") "}}",
     "area_of_interest.volume: altitude_lower is above altitude_upper"},
    {"{\"volume\":{" SQUARE "},\"time_start\":" TIME("something-invalid") "}",
     "area_of_interest.time_start.value: 'something-invalid' is not an RFC 3339 time"},
    {"{\"volume\":{" SQUARE "},\"time_start\":\"2026-01-01T00:00:00Z\"}",
     "area_of_interest.time_start: must be an object"},
    {"{\"volume\":{" SQUARE "},\"time_end\":{\"value\":\"2026-01-01T00:00:00Z\",\"format\":3339}}",
     "area_of_interest.time_end.format: must be a string"},
    {"{\"volume\":{" SQUARE "},\"time_start\":" TIME("2026-01-02T00:00:00Z") ",\"time_end\":" TIME(
         "2026-01-01T00:00:00Z") "}",
     "area_of_interest: time_end is before time_start"},
};

static void what_is_wrong_is_named(void)
{
    struct vol vol = {.n_cells = 4711};
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        if (!CHECK_INT(read_one(refusals[i].text, &vol), ERR_INPUT)) continue;
        CHECK_STR(str_first(str_of(why.text), strlen(refusals[i].says)), str_of(refusals[i].says));
    }
    CHECK_INT(vol.n_cells, 4711); /* Outputs stay as they were. */
}

static void an_area_over_the_limit_is_told_apart(void)
{
    struct vol vol;
    CHECK_INT(read_one("{\"volume\":{\"outline_polygon\":{\"vertices\":[{\"lat\":-24,\"lng\":130},"
                       "{\"lat\":-24,\"lng\":132},{\"lat\":-23,\"lng\":132},{\"lat\":-23,\"lng\":130}]}}}",
                       &vol),
              ERR_TOO_LARGE);
    CHECK_INT(read_one("{\"volume\":{" CIRCLE("30000") "}}", &vol), ERR_TOO_LARGE);
    CHECK_INT(read_one("{\"volume\":{" CIRCLE("27000") "}}", &vol), OK);
    /* The 0.23 by 0.27 degree box near Dallas that InterUSS's prober asks for. */
    CHECK_INT(read_one("{\"volume\":{\"outline_polygon\":{\"vertices\":[{\"lat\":32.7,\"lng\":-97},"
                       "{\"lat\":32.7,\"lng\":-96.73},{\"lat\":32.93,\"lng\":-96.73},"
                       "{\"lat\":32.93,\"lng\":-97}]}}}",
                       &vol),
              OK);
}

#define BOXED(low, high, from, to)                                                                 \
    "{\"volume\":{" CIRCLE("200") ",\"altitude_lower\":" ALT(low) ",\"altitude_upper\":" ALT(        \
        high) "},\"time_start\":" TIME(from) ",\"time_end\":" TIME(to) "}"

static void volumes_are_united(void)
{
    struct vol vol;
    why = (struct why){0};
    const char *text = "{\"extents\":[" BOXED("10", "20", "2026-01-01T00:00:00Z",
                                             "2026-01-01T01:00:00Z") "," BOXED("5", "12", "2026-01-01T00:30:00Z",
                                                                               "2026-01-01T03:00:00Z") "]}";
    CHECK(volume_read_union(&reader, field(parse(text), "extents"), "extents", &vol, &why) == OK);
    CHECK_INT(vol.box.floor_mm, 5000);
    CHECK_INT(vol.box.ceil_mm, 20000);
    CHECK_INT(vol.box.ends_us - vol.box.starts_us, 3 * INSTANT_HOUR);
    CHECK(cell_set_is_normal(vol.cells, vol.n_cells));
}

static void an_error_in_a_list_names_the_volume(void)
{
    struct vol vol;
    const char *text = "{\"extents\":[" BOXED("10", "20", "2026-01-01T00:00:00Z",
                                             "2026-01-01T01:00:00Z") ",{\"volume\":{}}]}";
    CHECK_INT(volume_read_union(&reader, field(parse(text), "extents"), "extents", &vol, &why),
              ERR_INPUT);
    CHECK_STR(str_of(why.text),
              STR("extents[1].volume: needs outline_polygon or outline_circle"));
    CHECK_INT(volume_read_union(&reader, field(parse("{\"extents\":{}}"), "extents"), "extents",
                                &vol, &why),
              ERR_INPUT);
    CHECK_STR(str_of(why.text), STR("extents: must be an array"));
    CHECK_INT(volume_read_union(&reader, field(parse("{\"extents\":[]}"), "extents"), "extents",
                                &vol, &why),
              ERR_INPUT);
    CHECK_STR(str_of(why.text), STR("extents: at least one volume is needed"));
}

/* A ring of n vertices on a small circle. */
static void add_ring(struct buf *to, int n, double lat)
{
    buf_addf(to, "{\"volume\":{\"outline_polygon\":{\"vertices\":[");
    for (int i = 0; i < n; i++) {
        double half = n / 2.0;
        double x = i < n / 2 ? i / half : (n - 1 - i) / half; /* There low, back high. */
        buf_addf(to, "%s{\"lat\":%.9f,\"lng\":%.9f}", i ? "," : "",
                 lat + (i < n / 2 ? 0 : 0.01), 10 + 0.01 * x);
    }
    buf_addf(to, "]}}}");
}

static void vertices_are_counted_over_the_whole_request(void)
{
    struct buf text = {0};
    struct vol vol;
    buf_addf(&text, "{\"extents\":[");
    for (int i = 0; i < 5; i++) {
        if (i) buf_add_char(&text, ',');
        add_ring(&text, LIMIT_VERTICES / 5, 10 + i * 0.02);
    }
    buf_addf(&text, "]}");
    CHECK_INT(volume_read_union(&reader, field(parse(buf_z(&text)), "extents"), "extents", &vol,
                                &why),
              OK);
    text.n -= 2;
    buf_addf(&text, ",");
    add_ring(&text, 4, 12);
    buf_addf(&text, "]}");
    CHECK_INT(volume_read_union(&reader, field(parse(buf_z(&text)), "extents"), "extents", &vol,
                                &why),
              ERR_INPUT);
    CHECK_STR(str_of(why.text), STR("extents[5].volume.outline_polygon.vertices: a request may "
                                    "have 10000 vertices in all"));
    buf_done(&text);
}

static void many_scattered_volumes_stay_within_the_cells_of_a_change(void)
{
    struct buf text = {0};
    struct vol vol;
    buf_addf(&text, "{\"extents\":[");
    for (int i = 0; i < 60; i++) { /* 60 separate areas of about 2,400 km2: far over 4,096 cells. */
        buf_addf(&text,
                 "%s{\"volume\":{\"outline_circle\":{\"center\":{\"lat\":%d,\"lng\":%d},"
                 "\"radius\":{\"value\":27500,\"units\":\"M\"}}}}",
                 i ? "," : "", -60 + 2 * i, 3 * i);
    }
    buf_addf(&text, "]}");
    CHECK_INT(volume_read_union(&reader, field(parse(buf_z(&text)), "extents"), "extents", &vol,
                                &why),
              ERR_TOO_LARGE);
    buf_done(&text);
}

static void copies_of_one_large_volume_do_not_buy_unlimited_work(void)
{
    AUTO(buf_done) struct buf text = {0};
    struct vol vol;
    buf_add_char(&text, '[');
    for (int i = 0; i < LIMIT_VOLUMES; i++) {
        if (i > 0) buf_add_char(&text, ',');
        buf_add_str(&text, STR("{\"volume\":{" CIRCLE("28000") "}}"));
    }
    buf_add_char(&text, ']');
    why = (struct why){0};
    CHECK(volume_read_union(&reader, parse(buf_z(&text)), "extents", &vol, &why) == ERR_TOO_LARGE);
    CHECK(reader.n_covered < LIMIT_COVERED + LIMIT_CELLS);
}

static void writes_need_their_bounds(void)
{
    const int64_t now_us = 1000 * INSTANT_HOUR;
    const struct box good = {now_us - INSTANT_HOUR, now_us + INSTANT_HOUR, 0, 1000};
    struct box b = good;
    CHECK(volume_check_bounds(&b, true, now_us, &why) == OK);
    b.starts_us = INSTANT_MIN;
    CHECK(volume_check_bounds(&b, true, now_us, &why) == ERR_INPUT);
    b = good;
    b.ends_us = INSTANT_MAX;
    CHECK(volume_check_bounds(&b, true, now_us, &why) == ERR_INPUT);
    b = good;
    b.ceil_mm = VOL_CEIL_NONE;
    CHECK(volume_check_bounds(&b, true, now_us, &why) == ERR_INPUT);
    CHECK(volume_check_bounds(&b, false, now_us, &why) == OK);
    b = good;
    b.floor_mm = VOL_FLOOR_NONE;
    CHECK(volume_check_bounds(&b, true, now_us, &why) == ERR_INPUT);
    b = good;
    b.ends_us = b.starts_us;
    CHECK(volume_check_bounds(&b, true, now_us, &why) == ERR_INPUT);
    b = good;
    b.ends_us = now_us;
    CHECK(volume_check_bounds(&b, true, now_us, &why) == OK);
    b.ends_us = now_us - 1;
    CHECK(volume_check_bounds(&b, true, now_us, &why) == ERR_INPUT);
}

int main(void)
{
    parser = json_parser_new();
    RUN(a_polygon_with_bounds_becomes_cells_and_a_box);
    RUN(heights_are_rounded_outward_to_mm);
    RUN(absent_and_null_bounds_are_no_bounds);
    RUN(a_moment_may_be_asked_for);
    RUN(what_is_wrong_is_named);
    RUN(an_area_over_the_limit_is_told_apart);
    RUN(volumes_are_united);
    RUN(an_error_in_a_list_names_the_volume);
    RUN(vertices_are_counted_over_the_whole_request);
    RUN(many_scattered_volumes_stay_within_the_cells_of_a_change);
    RUN(copies_of_one_large_volume_do_not_buy_unlimited_work);
    RUN(writes_need_their_bounds);
    json_parser_free(parser);
    volume_reader_done(&reader);
    return t_done();
}
