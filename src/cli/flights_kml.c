/* flights_kml.c - flights from KML folders as InterUSS writes them.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Reads the few elements that matter (Folder, Placemark, name, LineString, Polygon, coordinates) and passes over all others; it is
 * no general reader of XML: entities are left as they stand, namespaces and CDATA are not known.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "cli/flights_internal.h"

#define SPEED_DEFAULT_MPS 10
#define HEIGHT_DEFAULT_M 50

struct zone {       /* A polygon "alt: ..." or "speed: ...". */
    struct fix_vec ring;
    bool is_speed;
    double value;   /* metres or metres a second */
};
VEC_DEFINE(zone_vec, struct zone);

struct reader {
    struct str rest;
    bool in_flight;       /* Inside a folder "flight: ..." */
    size_t folder_depth;
    size_t flight_depth;
    char name[FLIGHT_NAME_MAX];
    struct str placemark; /* Name of the placemark that is open. */
    bool in_placemark, in_line, in_polygon;
    struct fix_vec line;
    struct zone_vec zones;
};

static void zones_clear(struct zone_vec *zones)
{
    for (size_t i = 0; i < zones->n; i++) fix_vec_done(&zones->at[i].ring);
    zones->n = 0;
}

static struct str trim(struct str s)
{
    while (s.n && strchr(" \t\r\n", s.at[0])) s = str_skip(s, 1);
    while (s.n && strchr(" \t\r\n", s.at[s.n - 1])) s.n--;
    return s;
}

/* Reads "lng,lat[,height]" groups separated by blanks. */
static enum err read_coordinates(struct str text, struct fix_vec *ret, struct why *why)
{
    char group[96];

    text = trim(text);
    while (text.n) {
        size_t n = 0;
        struct fix fix = {0};
        int parts, used = 0;
        while (n < text.n && !strchr(" \t\r\n", text.at[n])) n++;
        (void)snprintf(group, sizeof group, "%.*s", STR_ARG(str_first(text, n)));
        parts = sscanf(group, "%lf,%lf%n,%lf%n", &fix.lng, &fix.lat, &used, &fix.height_m, &used);
        if (parts < 2 || n >= sizeof group || group[used] || !(fabs(fix.lat) <= 90) || !(fabs(fix.lng) <= 180) ||
            !(fabs(fix.height_m) <= 100000))
            return fail(why, ERR_INPUT, "\"%.60s\" is not longitude,latitude[,metres]", group);
        fix_vec_add(ret, fix);
        text = trim(str_skip(text, n));
    }
    return OK;
}

static bool zone_holds(const struct zone *z, const struct fix *p)
{
    bool inside = false;
    for (size_t i = 0, j = z->ring.n - 1; i < z->ring.n; j = i++) {
        const struct fix *a = &z->ring.at[i], *b = &z->ring.at[j];
        if ((a->lat > p->lat) != (b->lat > p->lat) &&
            p->lng < (b->lng - a->lng) * (p->lat - a->lat) / (b->lat - a->lat) + a->lng)
            inside = !inside;
    }
    return inside;
}

/* The greatest value of the zones of this kind around p; of all of them if none is around it; otherwise the default. */
static double value_at(const struct reader *r, const struct fix *p, bool is_speed, double by_default)
{
    double around = NAN, any = NAN;
    for (size_t i = 0; i < r->zones.n; i++) {
        const struct zone *z = &r->zones.at[i];
        if (z->is_speed != is_speed) continue;
        any = fmax(any, z->value); /* fmax passes over NAN. */
        if (zone_holds(z, p)) around = fmax(around, z->value);
    }
    return !isnan(around) ? around : !isnan(any) ? any : by_default;
}

/* Makes a flight of the folder that ends. */
static void end_flight(struct reader *r, struct flight_vec *ret)
{
    struct flight *f = NULL;
    int64_t at_us = 0;

    if (r->line.n >= 2) f = flights_add(ret, str_of(r->name));
    for (size_t i = 0; f && i < r->line.n; i++) {
        struct fix fix = r->line.at[i];
        if (fix.height_m == 0) fix.height_m = value_at(r, &fix, false, HEIGHT_DEFAULT_M);
        if (i) {
            double height = fix.height_m - f->fixes.at[i - 1].height_m;
            double way = hypot(fix_distance_m(&r->line.at[i - 1], &fix), height);
            double speed = fmax(0.1, value_at(r, &r->line.at[i - 1], true, SPEED_DEFAULT_MPS));
            at_us += 1 + (int64_t)(way / speed * 1e6);
        }
        fix.at_us = at_us;
        fix_vec_add(&f->fixes, fix);
    }
    fix_vec_clear(&r->line);
    zones_clear(&r->zones);
    r->in_flight = false;
}

static enum err take_text(struct reader *r, struct str element, struct str text, struct why *why)
{
    struct zone zone = {0};
    struct str name = r->placemark;

    if (str_equal(element, STR("name"))) {
        text = trim(text);
        if (r->in_placemark) {
            r->placemark = text;
        } else if (r->folder_depth && !r->in_flight && str_starts(text, STR("flight: "))) {
            r->in_flight = true;
            r->flight_depth = r->folder_depth;
            (void)snprintf(r->name, sizeof r->name, "%.*s", STR_ARG(str_first(str_skip(text, 8), sizeof r->name - 1)));
        }
        return OK;
    }
    if (!r->in_flight || !str_equal(element, STR("coordinates"))) return OK;
    if (r->in_line) {
        fix_vec_clear(&r->line);
        return read_coordinates(text, &r->line, why);
    }
    if (!r->in_polygon) return OK;
    zone.is_speed = str_starts(name, STR("speed:"));
    if (!zone.is_speed && !str_starts(name, STR("alt:"))) return OK;
    if (zone.is_speed) {
        char number[32];
        struct str after = str_skip(name, str_find(name, '(') + 1);
        (void)snprintf(number, sizeof number, "%.*s", STR_ARG(str_first(after, str_find(after, ')'))));
        zone.value = strtod(number, NULL);
        if (!(zone.value > 0 && zone.value < 1000))
            return fail(why, ERR_INPUT, "\"%.*s\" gives no speed in brackets", STR_ARG(str_first(name, 60)));
    }
    zone_vec_add(&r->zones, zone);
    TRY(read_coordinates(text, &r->zones.at[r->zones.n - 1].ring, why));
    if (r->zones.at[r->zones.n - 1].ring.n < 3)
        return fail(why, ERR_INPUT, "\"%.*s\" has no area", STR_ARG(str_first(name, 60)));
    if (!zone.is_speed) r->zones.at[r->zones.n - 1].value = r->zones.at[r->zones.n - 1].ring.at[0].height_m;
    return OK;
}

/* Opens or closes an element. */
static void take_tag(struct reader *r, struct str element, bool opens, struct flight_vec *ret)
{
    if (str_equal(element, STR("Folder"))) {
        if (opens) {
            r->folder_depth++;
        } else if (r->folder_depth) {
            if (r->in_flight && r->folder_depth == r->flight_depth) end_flight(r, ret);
            r->folder_depth--;
        }
    } else if (str_equal(element, STR("Placemark"))) {
        r->in_placemark = opens;
        r->placemark = STR("");
    } else if (str_equal(element, STR("LineString"))) {
        r->in_line = opens;
    } else if (str_equal(element, STR("Polygon"))) {
        r->in_polygon = opens;
    }
}

/* Reads one tag and the text after it up to the next. */
static enum err step(struct reader *r, struct flight_vec *ret, struct why *why)
{
    struct str tag, element, text;
    bool closes, is_empty;
    size_t end;

    r->rest = str_skip(r->rest, str_find(r->rest, '<'));
    if (!r->rest.n) return OK;
    if (str_starts(r->rest, STR("<!--"))) {
        const char *found = memmem(r->rest.at, r->rest.n, "-->", 3);
        r->rest = found ? str_skip(r->rest, (size_t)(found - r->rest.at) + 3) : STR("");
        return OK;
    }
    end = str_find(r->rest, '>');
    if (end == r->rest.n) return fail(why, ERR_INPUT, "the file ends inside a tag");
    tag = str_skip(str_first(r->rest, end), 1);
    r->rest = str_skip(r->rest, end + 1);
    text = str_first(r->rest, str_find(r->rest, '<'));
    closes = tag.n && tag.at[0] == '/';
    is_empty = tag.n && tag.at[tag.n - 1] == '/';
    element = closes ? str_skip(tag, 1) : tag;
    for (size_t i = 0; i < element.n; i++) {
        if (strchr(" \t\r\n/", element.at[i])) element.n = i;
    }
    if (is_empty) return OK;
    take_tag(r, element, !closes, ret);
    return closes ? OK : take_text(r, element, text, why);
}

enum err flights_parse_kml(struct str text, struct flight_vec *ret, struct why *why)
{
    struct reader r = {.rest = text};
    size_t before = ret->n;
    enum err err = OK;

    while (r.rest.n && err == OK) err = step(&r, ret, why);
    fix_vec_done(&r.line);
    zones_clear(&r.zones);
    zone_vec_done(&r.zones);
    if (err == OK && ret->n == before) return fail(why, ERR_INPUT, "no folder \"flight: NAME\" with a line in it");
    return err;
}
