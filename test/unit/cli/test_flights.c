/* test_flights.c - files of flights, whole and broken.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "cli/flights.h"

#include <math.h>
#include <stdlib.h>
#include <unistd.h>
#include <zlib.h>

#include "base/instant.h"
#include "t.h"

static struct flight_vec flights;
static struct why why;

static enum err parse(const char *text)
{
    flights_done(&flights);
    why.text[0] = '\0';
    return flights_parse(str_of(text), &flights, &why);
}

#define SAMPLE(ms, icao, call, lat, lng, feet) \
    "{\"timestamp\":" ms ",\"icao24\":\"" icao "\",\"callsign\":\"" call "\",\"latitude\":" lat ",\"longitude\":" lng ",\"altitude\":" feet "}"

static void samples_become_one_flight_an_aircraft(void)
{
    CHECK_INT(parse("[" SAMPLE("20000", "aa", "X1", "46", "7", "1000") "," SAMPLE("10000", "aa", "X1", "46.1", "7", "1000.0") ",\n"
                    SAMPLE("10000", "bb", "X2", "47", "8", "0") "," SAMPLE("70000", "bb", "X2", "47.1", "8", "100") "]"), OK);
    CHECK_INT(flights.n, 2);
    CHECK_STR(str_of(flights.at[0].name), STR("X1"));
    CHECK_INT(flights.at[0].fixes.at[0].at_us, 10000000); /* Sorted by time. */
    CHECK(fabs(flights.at[0].fixes.at[0].height_m - 304.8) < 1e-9);
    CHECK_INT(flights.at[1].fixes.n, 2); /* A gap of just 60 s is one flight still. */
}

static void a_gap_of_more_than_a_minute_splits_a_flight(void)
{
    CHECK_INT(parse("[" SAMPLE("0", "aa", "X", "46", "7", "1") "," SAMPLE("10000", "aa", "X", "46", "7", "1") "," SAMPLE("70001", "aa", "X", "46", "7", "1") ","
                    SAMPLE("80000", "aa", "X", "46", "7", "1") "," SAMPLE("200000", "aa", "X", "46", "7", "1") "]"), OK);
    CHECK_INT(flights.n, 2); /* The single sample at the end is no flight. */
    CHECK_INT(flights.at[1].fixes.at[0].at_us, 70001000);
}

static void samples_without_a_height_are_passed_over(void)
{
    CHECK_INT(parse("[" SAMPLE("0", "aa", "X", "46", "7", "null") "," SAMPLE("1000", "aa", "X", "46", "7", "1") "," SAMPLE("2000", "aa", "X", "46", "7", "1") ","
                    SAMPLE("2000", "aa", "X", "46", "7", "1") "]"), OK);
    CHECK_INT(flights.n, 1);
    CHECK_INT(flights.at[0].fixes.n, 2); /* Twice the same moment is one fix. */
}

static void geojson_lines_take_their_own_times(void)
{
    CHECK_INT(parse("{\"type\":\"FeatureCollection\",\"features\":[{\"type\":\"Feature\",\"properties\":{\"name\":\"relief 1\","
                    "\"times\":[\"2026-01-01T00:00:00Z\",\"2026-01-01T00:00:10.5Z\"]},"
                    "\"geometry\":{\"type\":\"LineString\",\"coordinates\":[[-32,52,100],[-31.9,52,200.5]]}},"
                    "{\"type\":\"Feature\",\"properties\":null,\"geometry\":{\"type\":\"Point\",\"coordinates\":[0,0]}}]}"), OK);
    CHECK_INT(flights.n, 1);
    CHECK_STR(str_of(flights.at[0].name), STR("relief 1"));
    CHECK_INT(flights.at[0].fixes.at[1].at_us - flights.at[0].fixes.at[0].at_us, 10500000);
    CHECK(flights.at[0].fixes.at[1].lng == -31.9 && flights.at[0].fixes.at[1].height_m == 200.5);
}

static void geojson_lines_with_an_end_are_flown_evenly(void)
{
    CHECK_INT(parse("{\"type\":\"FeatureCollection\",\"features\":[{\"properties\":{\"start\":\"2026-01-01T00:00:00Z\",\"end\":\"2026-01-01T00:40:00Z\"},"
                    "\"geometry\":{\"type\":\"LineString\",\"coordinates\":[[0,0,1],[0.1,0,1],[0.4,0,1]]}}]}"), OK);
    CHECK_INT(flights.n, 1);
    CHECK(llabs((long long)(flights.at[0].fixes.at[1].at_us - flights.at[0].fixes.at[0].at_us) - 600000000) < 1000);
    CHECK_INT(flights.at[0].fixes.at[2].at_us - flights.at[0].fixes.at[0].at_us, 2400000000);
}

static const char kml[] =
    "<?xml version=\"1.0\"?><kml><Document><name>x</name><!-- <Folder> --><Folder><name>area</name><Folder><name>flight: round</name>\n"
    "<Placemark><name>way</name><LineString><tessellate>1</tessellate><coordinates> 8.50,47.0,0 8.51,47.0,0\n8.52,47.0,300 </coordinates></LineString></Placemark>"
    "<Placemark><name>alt: Low</name><Polygon><outerBoundaryIs><LinearRing><coordinates>8.49,46.9,450 8.505,46.9,450 8.505,47.1,450 8.49,47.1,450 8.49,46.9,450"
    "</coordinates></LinearRing></outerBoundaryIs></Polygon></Placemark>"
    "<Placemark><name>alt: High</name><Polygon><coordinates>8.505,46.9,570 8.6,46.9,570 8.6,47.1,570 8.505,47.1,570</coordinates></Polygon></Placemark>"
    "<Placemark><name>speed: Enroute (30)</name><Polygon><coordinates>8,46,0 9,46,0 9,48,0 8,48,0</coordinates></Polygon></Placemark>"
    "<Placemark><name>operator_location</name><Point><coordinates>8,47,400</coordinates></Point></Placemark>"
    "</Folder></Folder></Document></kml>";

static void kml_folders_take_heights_and_speeds_from_their_polygons(void)
{
    CHECK_INT(parse(kml), OK);
    CHECK_INT(flights.n, 1);
    CHECK_STR(str_of(flights.at[0].name), STR("round"));
    CHECK_INT(flights.at[0].fixes.n, 3);
    CHECK(flights.at[0].fixes.at[0].height_m == 450);
    CHECK(flights.at[0].fixes.at[1].height_m == 570);
    CHECK(flights.at[0].fixes.at[2].height_m == 300); /* Its own. */
    /* 0.01 degrees of longitude at 47 north are 758 m, 120 m up: 768 m at 30 m/s. */
    CHECK(llabs((long long)flights.at[0].fixes.at[1].at_us - 25600000) < 200000);
}

static void a_broken_file_gives_a_reason_and_no_flights(void)
{
    static const struct {
        const char *text, *says;
    } cases[] = {
        {"", "neither"},
        {"x", "neither"},
        {"[{\"timestamp\":1", "ends inside"},
        {"[1]", "not an object"},
        {"[{\"icao24\":\"a\"}]", "timestamp"},
        {"[" SAMPLE("0", "a", "b", "91", "7", "1") "]", "out of range"},
        {"{}", "FeatureCollection"},
        {"{\"type\":\"FeatureCollection\",\"features\":[{\"properties\":{},\"geometry\":{\"type\":\"LineString\",\"coordinates\":[[0,0,0],[1,1,0]]}}]}", "neither \"times\""},
        {"{\"type\":\"FeatureCollection\",\"features\":[{\"properties\":{},\"geometry\":{\"type\":\"LineString\",\"coordinates\":[[0,0],[1,1]]}}]}", "position 0"},
        {"{\"type\":\"FeatureCollection\",\"features\":[{\"properties\":{\"times\":[\"2026-01-01T00:00:00Z\"]},\"geometry\":{\"type\":\"LineString\",\"coordinates\":[[0,0,0],[1,1,0]]}}]}", "1 times for 2"},
        {"<kml></kml>", "no folder"},
        {"<kml><Folder><name>flight: a</name><LineString><coordinates>1,x</coordinates>", "longitude,latitude"},
        {"<kml", "inside a tag"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CHECK(parse(cases[i].text) != OK);
        if (!CHECK(strstr(why.text, cases[i].says) != NULL)) printf("# case %zu: %s\n", i, why.text);
        CHECK_INT(flights.n, 0);
    }
}

static void names_are_cut_at_whole_characters(void)
{
    char text[600];
    /* 62 bytes of ASCII, then two of two bytes each: the second does not fit. */
    (void)snprintf(text, sizeof text,
                   "{\"type\":\"FeatureCollection\",\"features\":[{\"properties\":{\"name\":\"%062d\xC3\xA9\xC3\xA9\",\"start\":\"2026-01-01T00:00:00Z\","
                   "\"end\":\"2026-01-01T01:00:00Z\"},\"geometry\":{\"type\":\"LineString\",\"coordinates\":[[0,0,1],[0.1,0,1]]}}]}", 7);
    CHECK_INT(parse(text), OK);
    CHECK_INT(strlen(flights.at[0].name), 62);
}

static void a_compressed_file_reads_like_a_plain_one(void)
{
    char path[] = "flights-XXXXXX", full[4096];
    const char *dir = getenv("TMPDIR");
    int fd;
    gzFile file;

    (void)snprintf(full, sizeof full, "%s/%s", dir ? dir : "/tmp", path);
    fd = mkstemp(full);
    if (!CHECK(fd >= 0)) return;
    file = gzdopen(fd, "wb");
    CHECK_INT(gzputs(file, kml), (int)strlen(kml));
    CHECK_INT(gzclose(file), Z_OK);
    flights_done(&flights);
    CHECK_INT(flights_read(full, &flights, &why), OK);
    CHECK_INT(flights.n, 1);
    (void)truncate(full, 60);
    flights_done(&flights);
    CHECK(flights_read(full, &flights, &why) != OK); /* Cut short. */
    CHECK(strstr(why.text, full) != NULL);
    CHECK_INT(flights.n, 0);
    (void)unlink(full);
    CHECK_INT(flights_read(full, &flights, &why), ERR_INPUT);
}

static void real_files_are_read(void)
{
    static const struct {
        const char *path;
        size_t at_least;
    } files[] = {{"switzerland.json.gz", 1243}, {"inflight_refuelling.json.gz", 1}, {"drones-che/zurich.kml", 2},
                 {"drones-usa/kentland/rid.kml", 2}, {"drones-usa/netrid/dcdemo.kml", 2}};
    char path[4096];

    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        (void)snprintf(path, sizeof path, "%s/data/flights/%s", t_shared(), files[i].path);
        flights_done(&flights);
        if (!CHECK_INT(flights_read(path, &flights, &why), OK)) printf("# %s\n", why.text);
        printf("# %s: %zu flights\n", files[i].path, flights.n);
        CHECK(flights.n >= files[i].at_least);
        for (size_t k = 0; k < flights.n; k++) {
            const struct fix_vec *fixes = &flights.at[k].fixes;
            for (size_t j = 1; j < fixes->n; j++) CHECK(fixes->at[j].at_us > fixes->at[j - 1].at_us);
        }
    }
}

int main(void)
{
    RUN(samples_become_one_flight_an_aircraft);
    RUN(a_gap_of_more_than_a_minute_splits_a_flight);
    RUN(samples_without_a_height_are_passed_over);
    RUN(geojson_lines_take_their_own_times);
    RUN(geojson_lines_with_an_end_are_flown_evenly);
    RUN(kml_folders_take_heights_and_speeds_from_their_polygons);
    RUN(a_broken_file_gives_a_reason_and_no_flights);
    RUN(names_are_cut_at_whole_characters);
    RUN(a_compressed_file_reads_like_a_plain_one);
    if (t_shared()) {
        RUN(real_files_are_read);
    } else {
        t_skip("real_files_are_read", "no shared data");
    }
    flights_done(&flights);
    return t_done();
}
