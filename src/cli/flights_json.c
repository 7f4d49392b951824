/* flights_json.c - flights from ADS-B samples and from GeoJSON.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/instant.h"
#include "cli/flights_internal.h"
#include "http/json.h"

#define FOOT_M 0.3048

/* One sample and whose it is; samples are sorted before they are cut into flights. */
struct sample {
    char aircraft[24]; /* "icao24 callsign" */
    struct fix fix;
};
VEC_DEFINE(sample_vec, struct sample);

static bool is_position(double lat, double lng)
{
    return lat >= -90 && lat <= 90 && lng >= -180 && lng <= 180;
}

/* Length of the object that text begins with, or 0 if it does not end. */
static size_t object_length(struct str text)
{
    size_t depth = 0;
    bool is_quoted = false;

    for (size_t i = 0; i < text.n; i++) {
        char c = text.at[i];
        if (is_quoted) {
            if (c == '\\') i++;
            else if (c == '"') is_quoted = false;
        } else if (c == '"') {
            is_quoted = true;
        } else if (c == '{' || c == '[') {
            depth++;
        } else if ((c == '}' || c == ']') && --depth == 0) {
            return i + 1;
        }
    }
    return 0;
}

/* A sample without position or height is no fix: nothing is added, and that is fine. */
static enum err take_sample(struct json_node v, size_t no, struct sample_vec *samples, struct why *why)
{
    struct str icao = {0}, callsign = {0};
    struct sample s = {0};
    double feet;
    int64_t ms;

    if (!json_get_i64(json_member(v, "timestamp"), &ms) || ms < -INT64_C(62135596800000) || ms > INT64_C(253402300799999))
        return fail(why, ERR_INPUT, "sample %zu: no \"timestamp\" in milliseconds", no);
    if (!json_get_string(json_member(v, "icao24"), &icao) && !json_get_string(json_member(v, "callsign"), &callsign))
        return fail(why, ERR_INPUT, "sample %zu: neither \"icao24\" nor \"callsign\"", no);
    (void)json_get_string(json_member(v, "callsign"), &callsign);
    if (!json_get_double(json_member(v, "latitude"), &s.fix.lat) || !json_get_double(json_member(v, "longitude"), &s.fix.lng) ||
        !json_get_double(json_member(v, "altitude"), &feet))
        return OK;
    if (!is_position(s.fix.lat, s.fix.lng) || fabs(feet) > 300000)
        return fail(why, ERR_INPUT, "sample %zu: position or altitude out of range", no);
    s.fix.height_m = feet * FOOT_M;
    s.fix.at_us = ms * 1000;
    (void)snprintf(s.aircraft, sizeof s.aircraft, "%.*s %.*s", STR_ARG(str_first(icao, 8)), STR_ARG(str_first(callsign, 12)));
    sample_vec_add(samples, s);
    return OK;
}

static int by_aircraft_and_time(const void *a, const void *b)
{
    const struct sample *x = a, *y = b;
    int c = strcmp(x->aircraft, y->aircraft);
    if (c) return c;
    return x->fix.at_us < y->fix.at_us ? -1 : x->fix.at_us > y->fix.at_us;
}

static void samples_to_flights(struct sample_vec *samples, struct flight_vec *ret)
{
    struct flight *f = NULL;

    if (samples->n) qsort(samples->at, samples->n, sizeof *samples->at, by_aircraft_and_time);
    for (size_t i = 0; i < samples->n; i++) {
        const struct sample *s = &samples->at[i], *last = i ? s - 1 : NULL;
        bool is_new = !last || strcmp(last->aircraft, s->aircraft) != 0;
        if (!is_new && s->fix.at_us == last->fix.at_us) continue;
        if (is_new || s->fix.at_us - last->fix.at_us > FLIGHTS_GAP_US) {
            const char *callsign = strchr(s->aircraft, ' ') + 1;
            f = flights_add(ret, str_of(*callsign ? callsign : s->aircraft));
        }
        fix_vec_add(&f->fixes, s->fix);
    }
}

enum err flights_parse_samples(struct str text, struct flight_vec *ret, struct why *why)
{
    struct json_parser *parser = json_parser_new();
    struct sample_vec samples = {0};
    enum err err = OK;
    size_t no = 0;

    /* One object at a time: the document as a whole may be far larger than a request ever is. */
    for (size_t at = 1; at < text.n && text.at[at] != ']' && err == OK; at++) {
        struct str rest = str_skip(text, at);
        struct json_node object;
        struct why inner = {0};
        size_t n;
        if (rest.at[0] != '{') {
            if (!strchr(" \t\r\n,", rest.at[0])) err = fail(why, ERR_INPUT, "sample %zu: not an object", no);
            continue;
        }
        n = object_length(rest);
        if (!n) {
            err = fail(why, ERR_INPUT, "sample %zu: the file ends inside it", no);
        } else if ((err = json_read(parser, str_first(rest, n), &object, &inner)) != OK) {
            err = fail(why, err, "sample %zu: %s", no, inner.text);
        } else {
            err = take_sample(object, no, &samples, why);
        }
        at += n ? n - 1 : 0;
        no++;
    }
    if (err == OK) samples_to_flights(&samples, ret);
    sample_vec_done(&samples);
    json_parser_free(parser);
    return err;
}

/* GeoJSON. */

struct feature {
    struct flight *flight;
    struct json_node times;
    size_t no;
    struct why *why;
};

static enum err number_of(void *context, size_t i, struct json_node v)
{
    double *three = context;
    if (i < 3 && !json_get_double(v, &three[i])) return ERR_INPUT;
    return OK;
}

static enum err take_position(void *context, size_t i, struct json_node v)
{
    struct feature *f = context;
    double p[3] = {0, 0, NAN};

    if (json_type(v) != JSON_ARRAY || json_each(v, number_of, p) != OK || isnan(p[2]))
        return fail(f->why, ERR_INPUT, "feature %zu: position %zu is not [longitude, latitude, metres]", f->no, i);
    if (!is_position(p[1], p[0]) || fabs(p[2]) > 100000)
        return fail(f->why, ERR_INPUT, "feature %zu: position %zu is out of range", f->no, i);
    fix_vec_add(&f->flight->fixes, (struct fix){.lat = p[1], .lng = p[0], .height_m = p[2]});
    return OK;
}

static enum err take_time(void *context, size_t i, struct json_node v)
{
    struct feature *f = context;
    struct fix *fix = &f->flight->fixes.at[i];
    struct str text;

    if (!json_get_string(v, &text) || !instant_parse(text, &fix->at_us))
        return fail(f->why, ERR_INPUT, "feature %zu: time %zu is not RFC 3339", f->no, i);
    if (i && fix->at_us <= fix[-1].at_us)
        return fail(f->why, ERR_INPUT, "feature %zu: time %zu is not after the one before", f->no, i);
    return OK;
}

/* Gives the line times between start and end, the aircraft moving evenly. */
static enum err spread_times(struct feature *f, struct json_node properties)
{
    struct fix_vec *fixes = &f->flight->fixes;
    struct str start, end;
    int64_t from, to;
    double length = 0, along = 0;

    if (!json_get_string(json_member(properties, "start"), &start) || !instant_parse(start, &from) ||
        !json_get_string(json_member(properties, "end"), &end) || !instant_parse(end, &to) || to <= from)
        return fail(f->why, ERR_INPUT, "feature %zu: neither \"times\" nor \"start\" before \"end\"", f->no);
    for (size_t i = 1; i < fixes->n; i++) length += fix_distance_m(&fixes->at[i - 1], &fixes->at[i]);
    for (size_t i = 0; i < fixes->n; i++) {
        if (i) along += fix_distance_m(&fixes->at[i - 1], &fixes->at[i]);
        fixes->at[i].at_us = from + (int64_t)((double)(to - from) * (length > 0 ? along / length : (double)i / (double)(fixes->n - 1)));
        if (i && fixes->at[i].at_us <= fixes->at[i - 1].at_us) fixes->at[i].at_us = fixes->at[i - 1].at_us + 1;
    }
    return OK;
}

struct collection {
    struct flight_vec *ret;
    struct why *why;
};

static enum err take_feature(void *context, size_t i, struct json_node v)
{
    struct collection *c = context;
    struct json_node geometry = json_member(v, "geometry"), properties = json_member(v, "properties");
    struct feature f = {.no = i, .why = c->why};
    struct str type, name = {0};

    if (!json_get_string(json_member(geometry, "type"), &type) || !str_equal(type, STR("LineString"))) return OK;
    (void)json_get_string(json_member(properties, "name"), &name);
    f.flight = flights_add(c->ret, name.n ? name : STR("unnamed"));
    TRY(json_each(json_member(geometry, "coordinates"), take_position, &f));
    if (f.flight->fixes.n < 2) return fail(c->why, ERR_INPUT, "feature %zu: a line of fewer than two positions", i);
    f.times = json_member(properties, "times");
    if (json_type(f.times) != JSON_ARRAY) return spread_times(&f, properties);
    if (json_size(f.times) != f.flight->fixes.n) {
        return fail(c->why, ERR_INPUT, "feature %zu: %zu times for %zu positions", i, json_size(f.times),
                    f.flight->fixes.n);
    }
    return json_each(f.times, take_time, &f);
}

enum err flights_parse_geojson(struct str text, struct flight_vec *ret, struct why *why)
{
    struct json_parser *parser = json_parser_new();
    struct collection c = {ret, why};
    struct json_node root = {0};
    struct str type;
    enum err err = json_read(parser, text, &root, why);

    if (err == OK && (!json_get_string(json_member(root, "type"), &type) || !str_equal(type, STR("FeatureCollection")) ||
                      json_type(json_member(root, "features")) != JSON_ARRAY)) {
        err = fail(why, ERR_INPUT, "not a GeoJSON FeatureCollection");
    }
    if (err == OK) err = json_each(json_member(root, "features"), take_feature, &c);
    json_parser_free(parser);
    return err;
}
