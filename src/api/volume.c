/* volume.c - from JSON outlines, heights and times to cells and bounds.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "api/volume.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>

#include "api/field.h"
#include "base/instant.h"
#include "base/limits.h"
#include "cell/set.h"

/* Which volume is being read: "extents" or "extents[i]". The text is made only when something is wrong with it. */
struct place {
    const char *name;
    size_t index;
    bool is_indexed;
};

__attribute__((format(printf, 4, 5))) static enum err refuse(const struct place *at,
                                                             struct why *why, enum err code,
                                                             const char *format, ...)
{
    if (!why) return code;
    struct why inner;
    va_list args;
    va_start(args, format);
    (void)vsnprintf(inner.text, sizeof inner.text, format, args);
    va_end(args);
    if (at->is_indexed) return fail(why, code, "%s[%zu]%s", at->name, at->index, inner.text);
    return fail(why, code, "%s%s", at->name, inner.text);
}

void volume_reader_done(struct volume_reader *r)
{
    if (!r) return;
    u64_vec_done(&r->cells);
    point_vec_done(&r->ring);
    buf_done(&r->coded);
}

enum err volume_read_time(struct json_node time, const char *name, int64_t *ret, struct why *why)
{
    struct str text, format;
    if (json_type(time) == JSON_ABSENT) return OK;
    if (json_type(time) != JSON_OBJECT) return fail(why, ERR_INPUT, "%s: must be an object", name);
    if (field_string(time, "format", &format, NULL) != OK) { /* What it says is not looked at (2.5). */
        return fail(why, ERR_INPUT, "%s.format: must be a string", name);
    }
    if (!json_get_string(field(time, "value"), &text)) {
        return fail(why, ERR_INPUT, "%s.value: must be a string", name);
    }
    if (!instant_parse(text, ret)) {
        return fail(why, ERR_INPUT, "%s.value: '%.*s' is not an RFC 3339 time", name,
                    STR_ARG(str_first(text, 64)));
    }
    return OK;
}

static enum err read_times(const struct place *at, struct json_node volume4d, struct box *box,
                           struct why *why)
{
    struct why inner;
    if (volume_read_time(field(volume4d, "time_start"), "time_start", &box->starts_us, &inner) ||
        volume_read_time(field(volume4d, "time_end"), "time_end", &box->ends_us, &inner)) {
        return refuse(at, why, ERR_INPUT, ".%s", inner.text);
    }
    if (box->starts_us > box->ends_us) {
        return refuse(at, why, ERR_INPUT, ": time_end is before time_start");
    }
    return OK;
}

static bool is_text(struct json_node v, struct str wanted)
{
    struct str text;
    return json_get_string(v, &text) && str_equal(text, wanted);
}

/* Metres to mm, outward; within a nanometre of a whole mm the double could not have been written closer to it. */
static int32_t outward_mm(double metres, bool is_floor)
{
    double mm = metres * 1000;
    double nearest = nearbyint(mm);
    if (fabs(mm - nearest) < 1e-6) return (int32_t)nearest;
    return (int32_t)(is_floor ? floor(mm) : ceil(mm));
}

static enum err read_altitude(const struct place *at, struct json_node v, const char *name,
                              bool is_floor, int32_t *ret_mm, struct why *why)
{
    double metres;
    if (json_type(v) == JSON_ABSENT) return OK;
    if (!json_get_double(field(v, "value"), &metres)) {
        return refuse(at, why, ERR_INPUT, ".volume.%s.value: must be a number", name);
    }
    if (!is_text(field(v, "reference"), STR("W84"))) {
        return refuse(at, why, ERR_INPUT, ".volume.%s.reference: must be W84", name);
    }
    if (!is_text(field(v, "units"), STR("M"))) {
        return refuse(at, why, ERR_INPUT, ".volume.%s.units: must be M", name);
    }
    if (!(metres >= LIMIT_ALTITUDE_MIN_MM / 1000 && metres <= LIMIT_ALTITUDE_MAX_MM / 1000)) {
        return refuse(at, why, ERR_INPUT, ".volume.%s.value: %.9g is not between %d and %d", name,
                      metres, LIMIT_ALTITUDE_MIN_MM / 1000, LIMIT_ALTITUDE_MAX_MM / 1000);
    }
    *ret_mm = outward_mm(metres, is_floor);
    return OK;
}

static enum err read_heights(const struct place *at, struct json_node volume, struct box *box,
                             struct why *why)
{
    TRY(read_altitude(at, field(volume, "altitude_lower"), "altitude_lower", true, &box->floor_mm,
                      why));
    TRY(read_altitude(at, field(volume, "altitude_upper"), "altitude_upper", false, &box->ceil_mm,
                      why));
    if (box->floor_mm > box->ceil_mm) {
        return refuse(at, why, ERR_INPUT, ".volume: altitude_lower is above altitude_upper");
    }
    return OK;
}

/* what: the point's place within its volume, "%zu" standing for i. */
static enum err read_point(const struct place *at, struct json_node v, bool is_vertex, size_t i,
                           struct point *ret, struct why *why)
{
    static const struct {
        const char *name;
        double limit;
    } axes[2] = {{"lat", 90}, {"lng", 180}};
    double value[2];
    for (int k = 0; k < 2; k++) {
        bool is_number = json_get_double(field(v, axes[k].name), &value[k]);
        if (is_number && value[k] >= -axes[k].limit && value[k] <= axes[k].limit) continue;
        char place[64] = "outline_circle.center";
        if (is_vertex) (void)snprintf(place, sizeof place, "outline_polygon.vertices[%zu]", i);
        if (!is_number) {
            return refuse(at, why, ERR_INPUT, ".volume.%s.%s: must be a number", place,
                          axes[k].name);
        }
        return refuse(at, why, ERR_INPUT, ".volume.%s.%s: %.9g is not between %g and %g", place,
                      axes[k].name, value[k], -axes[k].limit, axes[k].limit);
    }
    *ret = (struct point){value[0], value[1]};
    return OK;
}

static const struct cover_limits cover_limits = {.area_km2 = LIMIT_AREA_KM2};

struct ring_context {
    const struct place *at;
    struct volume_reader *reader;
    struct why *why;
};

static enum err add_vertex(void *context, size_t i, struct json_node v)
{
    struct ring_context *c = context;
    struct point p = {0};
    TRY(read_point(c->at, v, true, i, &p, c->why));
    point_vec_add(&c->reader->ring, p);
    return OK;
}

static enum err read_polygon(struct volume_reader *r, const struct place *at,
                             struct json_node polygon, struct why *why)
{
    struct json_node vertices = field(polygon, "vertices");
    struct ring_context context = {at, r, why};
    struct why inner;

    if (json_type(vertices) != JSON_ARRAY) {
        return refuse(at, why, ERR_INPUT, ".volume.outline_polygon.vertices: must be an array");
    }
    size_t n = json_size(vertices);
    if (n < 3) {
        return refuse(at, why, ERR_INPUT,
                      ".volume.outline_polygon.vertices: at least 3 are needed");
    }
    if (n > LIMIT_VERTICES - r->n_vertices) {
        return refuse(at, why, ERR_INPUT,
                      ".volume.outline_polygon.vertices: a request may have %d vertices in all",
                      LIMIT_VERTICES);
    }
    r->n_vertices += n;
    point_vec_clear(&r->ring);
    TRY(json_each(vertices, add_vertex, &context));
    enum err err = cover_polygon(r->ring.at, r->ring.n, r->covering, &cover_limits, &r->cells,
                                 &inner);
    return err ? refuse(at, why, err, ".volume.outline_polygon: %s", inner.text) : OK;
}

static enum err read_circle(struct volume_reader *r, const struct place *at,
                            struct json_node circle, struct why *why)
{
    struct json_node centre = field(circle, "center");
    struct json_node radius = field(circle, "radius");
    struct point p = {0};
    double metres;
    struct why inner;

    if (json_type(centre) != JSON_OBJECT) {
        return refuse(at, why, ERR_INPUT, ".volume.outline_circle.center: must be an object");
    }
    TRY(read_point(at, centre, false, 0, &p, why));
    if (!json_get_double(field(radius, "value"), &metres)) {
        return refuse(at, why, ERR_INPUT, ".volume.outline_circle.radius.value: must be a number");
    }
    if (!(metres > 0)) {
        return refuse(at, why, ERR_INPUT,
                      ".volume.outline_circle.radius.value: %.9g is not above 0", metres);
    }
    struct json_node units = field(radius, "units");
    if (json_type(units) != JSON_ABSENT && !is_text(units, STR("M"))) {
        return refuse(at, why, ERR_INPUT, ".volume.outline_circle.radius.units: must be M");
    }
    enum err err = cover_circle(p, metres, r->covering, &cover_limits, &r->cells, &inner);
    return err ? refuse(at, why, err, ".volume.outline_circle: %s", inner.text) : OK;
}

static enum err read_outline(struct volume_reader *r, const struct place *at,
                             struct json_node volume, struct why *why)
{
    struct json_node polygon = field(volume, "outline_polygon");
    struct json_node circle = field(volume, "outline_circle");
    bool has_polygon = json_type(polygon) != JSON_ABSENT;
    bool has_circle = json_type(circle) != JSON_ABSENT;

    if (has_polygon && has_circle) {
        return refuse(at, why, ERR_INPUT,
                      ".volume: has both outline_polygon and outline_circle");
    }
    if (has_polygon) return read_polygon(r, at, polygon, why);
    if (has_circle) return read_circle(r, at, circle, why);
    return refuse(at, why, ERR_INPUT, ".volume: needs outline_polygon or outline_circle");
}

/* Appends the volume's cells to r->cells and gives its bounds. */
static enum err read_one(struct volume_reader *r, const struct place *at,
                         struct json_node volume4d, struct box *ret_box, struct why *why)
{
    struct json_node volume = field(volume4d, "volume");
    struct box box = {INSTANT_MIN, INSTANT_MAX, VOL_FLOOR_NONE, VOL_CEIL_NONE};

    if (json_type(volume4d) != JSON_OBJECT) {
        return refuse(at, why, ERR_INPUT, ": must be an object (a Volume4D)");
    }
    if (json_type(volume) != JSON_OBJECT) {
        return refuse(at, why, ERR_INPUT, ".volume: must be an object (a Volume3D)");
    }
    TRY(read_times(at, volume4d, &box, why));
    TRY(read_heights(at, volume, &box, why));
    TRY(read_outline(r, at, volume, why));
    *ret_box = box;
    return OK;
}

/* A cell takes at most 8 bytes, so that small sets need not be measured. */
static enum err check_cells(struct volume_reader *r, const char *name, struct why *why)
{
    if (r->cells.n > LIMIT_CELLS) {
        return fail(why, ERR_TOO_LARGE, "%s: covers %zu cells after merging; %d are allowed", name,
                    r->cells.n, LIMIT_CELLS);
    }
    if (r->cells.n <= LIMIT_CELL_BYTES / 8) return OK;
    buf_clear(&r->coded);
    cell_set_encode(r->cells.at, r->cells.n, &r->coded);
    if (r->coded.n > LIMIT_CELL_BYTES) {
        return fail(why, ERR_TOO_LARGE, "%s: its cells lie too scattered to be stored", name);
    }
    return OK;
}

static void begin(struct volume_reader *r)
{
    u64_vec_clear(&r->cells);
    r->n_vertices = 0;
    r->n_covered = 0;
}

enum err volume_read(struct volume_reader *r, struct json_node volume4d, const char *name,
                     struct vol *ret, struct why *why)
{
    struct place at = {.name = name};
    struct box box;

    begin(r);
    TRY(read_one(r, &at, volume4d, &box, why));
    TRY(check_cells(r, name, why));
    *ret = (struct vol){r->cells.at, r->cells.n, box};
    return OK;
}

struct union_context {
    struct volume_reader *reader;
    const char *name;
    struct box box;
    struct why *why;
};

/* Keeps the union normal whenever it has grown past the limit, so that a request cannot pile up cells. */
static enum err add_volume(void *context, size_t i, struct json_node v)
{
    struct union_context *c = context;
    struct place at = {c->name, i, true};
    struct box box;
    size_t n_before = c->reader->cells.n;

    TRY(read_one(c->reader, &at, v, &box, c->why));
    c->reader->n_covered += c->reader->cells.n - n_before;
    if (c->reader->n_covered > LIMIT_COVERED) {
        return fail(c->why, ERR_TOO_LARGE, "%s: its volumes, one by one, cover more than %d cells", c->name, LIMIT_COVERED);
    }
    if (n_before > 0 && c->reader->cells.n > 2 * LIMIT_CELLS) {
        cell_set_normalise(&c->reader->cells);
        TRY(check_cells(c->reader, c->name, c->why));
    }
    if (i == 0) {
        c->box = box;
        return OK;
    }
    if (box.starts_us < c->box.starts_us) c->box.starts_us = box.starts_us;
    if (box.ends_us > c->box.ends_us) c->box.ends_us = box.ends_us;
    if (box.floor_mm < c->box.floor_mm) c->box.floor_mm = box.floor_mm;
    if (box.ceil_mm > c->box.ceil_mm) c->box.ceil_mm = box.ceil_mm;
    return OK;
}

enum err volume_read_union(struct volume_reader *r, struct json_node array, const char *name,
                           struct vol *ret, struct why *why)
{
    struct union_context context = {.reader = r, .name = name, .why = why};

    if (json_type(array) != JSON_ARRAY) return fail(why, ERR_INPUT, "%s: must be an array", name);
    size_t n = json_size(array);
    if (n == 0) return fail(why, ERR_INPUT, "%s: at least one volume is needed", name);
    if (n > LIMIT_VOLUMES) {
        return fail(why, ERR_INPUT, "%s: has %zu volumes; %d are allowed", name, n, LIMIT_VOLUMES);
    }
    begin(r);
    TRY(json_each(array, add_volume, &context));
    if (n > 1) cell_set_normalise(&r->cells);
    TRY(check_cells(r, name, why));
    *ret = (struct vol){r->cells.at, r->cells.n, context.box};
    return OK;
}

struct vol volume_keep(const struct vol *vol, struct arena *arena)
{
    struct vol copy = *vol;
    uint64_t *cells = arena_alloc(arena, vol->n_cells * sizeof *cells);
    memcpy(cells, vol->cells, vol->n_cells * sizeof *cells);
    copy.cells = cells;
    return copy;
}

enum err volume_check_bounds(const struct box *b, bool needs_heights, int64_t now_us,
                             struct why *why)
{
    if (b->starts_us == INSTANT_MIN) {
        return fail(why, ERR_INPUT, "extents: time_start is needed in every volume");
    }
    if (b->ends_us == INSTANT_MAX) {
        return fail(why, ERR_INPUT, "extents: time_end is needed in every volume");
    }
    if (needs_heights && b->floor_mm == VOL_FLOOR_NONE) {
        return fail(why, ERR_INPUT, "extents: altitude_lower is needed in every volume");
    }
    if (needs_heights && b->ceil_mm == VOL_CEIL_NONE) {
        return fail(why, ERR_INPUT, "extents: altitude_upper is needed in every volume");
    }
    if (b->starts_us >= b->ends_us) {
        return fail(why, ERR_INPUT, "extents: time_end must be after time_start");
    }
    if (b->ends_us < now_us) return fail(why, ERR_INPUT, "extents: time_end has passed");
    return OK;
}
