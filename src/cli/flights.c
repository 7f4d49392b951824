/* flights.c - reads a file of flights, whatever its form, and puts them in order.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "cli/flights.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <zlib.h>

#include "base/buf.h"
#include "cli/flights_internal.h"

static void flight_done(struct flight *f)
{
    fix_vec_done(&f->fixes);
}

static void flights_cut(struct flight_vec *flights, size_t n)
{
    while (flights->n > n) flight_done(&flights->at[--flights->n]);
}

void flights_done(struct flight_vec *flights)
{
    if (!flights) return;
    flights_cut(flights, 0);
    flight_vec_done(flights);
}

struct flight *flights_add(struct flight_vec *flights, struct str name)
{
    struct flight f = {0};
    struct str cut = str_first(name, sizeof f.name - 1);

    while (cut.n < name.n && cut.n > 0 && ((unsigned char)name.at[cut.n] & 0xC0) == 0x80) cut.n--; /* Whole characters. */
    if (cut.n) memcpy(f.name, cut.at, cut.n);
    flight_vec_add(flights, f);
    return &flights->at[flights->n - 1];
}

double fix_distance_m(const struct fix *a, const struct fix *b)
{
    double to_rad = acos(-1.0) / 180;
    double dlat = (b->lat - a->lat) * to_rad / 2, dlng = (b->lng - a->lng) * to_rad / 2;
    double h = sin(dlat) * sin(dlat) + cos(a->lat * to_rad) * cos(b->lat * to_rad) * sin(dlng) * sin(dlng);
    return 2 * 6371010.0 * asin(sqrt(fmin(1, h)));
}

static int by_start(const void *a, const void *b)
{
    const struct flight *x = a, *y = b;
    int64_t t = x->fixes.at[0].at_us, u = y->fixes.at[0].at_us;
    if (t != u) return t < u ? -1 : 1;
    return strcmp(x->name, y->name);
}

enum err flights_parse(struct str text, struct flight_vec *ret, struct why *why)
{
    size_t before = ret->n, at = 0, kept = before;
    enum err err;

    if (str_starts(text, STR("\xEF\xBB\xBF"))) text = str_skip(text, 3);
    while (at < text.n && strchr(" \t\r\n", text.at[at])) at++;
    text = str_skip(text, at);
    if (text.n && text.at[0] == '[') {
        err = flights_parse_samples(text, ret, why);
    } else if (text.n && text.at[0] == '{') {
        err = flights_parse_geojson(text, ret, why);
    } else if (text.n && text.at[0] == '<') {
        err = flights_parse_kml(text, ret, why);
    } else {
        err = fail(why, ERR_INPUT, "neither ADS-B samples ([...]), GeoJSON ({...}) nor KML (<...)");
    }
    if (err != OK) {
        flights_cut(ret, before);
        return err;
    }
    for (size_t i = before; i < ret->n; i++) {
        if (ret->at[i].fixes.n < 2) {
            flight_done(&ret->at[i]);
        } else {
            ret->at[kept++] = ret->at[i];
        }
    }
    ret->n = kept;
    if (ret->n > before) qsort(ret->at + before, ret->n - before, sizeof *ret->at, by_start);
    return OK;
}

enum err flights_read(const char *path, struct flight_vec *ret, struct why *why)
{
    AUTO(buf_done) struct buf text = {0};
    struct why inner = {0};
    gzFile file;
    int n, code = Z_OK;
    enum err err;

    errno = 0;
    file = gzopen(path, "rb"); /* Reads what is not compressed as it is. */
    if (!file) return fail(why, ERR_INPUT, "%s: %s", path, errno ? strerror(errno) : "cannot be opened");
    (void)gzbuffer(file, 256 * 1024);
    do {
        n = gzread(file, buf_reserve(&text, 1 << 20), 1 << 20);
        if (n > 0) text.n += (size_t)n;
    } while (n > 0 && text.n <= FLIGHTS_BYTES_MAX);
    if (n < 0) {
        err = fail(why, ERR_INPUT, "%s: %s", path, errno ? strerror(errno) : gzerror(file, &code));
        (void)gzclose(file);
        return err;
    }
    if (gzclose(file) != Z_OK) return fail(why, ERR_INPUT, "%s: the compressed file is cut short", path);
    if (text.n > FLIGHTS_BYTES_MAX) return fail(why, ERR_TOO_LARGE, "%s: more than %d bytes", path, FLIGHTS_BYTES_MAX);
    err = flights_parse(buf_str(&text), ret, &inner);
    if (err != OK) return fail(why, err, "%s: %s", path, inner.text);
    return OK;
}
