/* volume.h - Volume4D as F3548-21 writes it, read into cells and bounds.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Rules of f3548-dss.md 4.3 to 4.9. Errors name the member: "extents[2].volume.outline_polygon.vertices[3].lat: 110 is
 * not between -90 and 90". All volumes of a request become one: cells united, bounds the widest (4.9). Heights are
 * rounded outward to mm, times cut to microseconds.
 */
#ifndef API_VOLUME_H
#define API_VOLUME_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/vec.h"
#include "cell/vol.h"
#include "geo/cover.h"
#include "http/json.h"

VEC_DEFINE(point_vec, struct point);

/* What reading needs and keeps; one a thread, for one request after the other. All bits zero is ready. */
struct volume_reader {
    enum cover_mode covering;
    struct u64_vec cells;
    struct point_vec ring;
    struct buf coded;
    size_t n_covered;  /* Cells made for the request so far, before merging: bounds its work (LIMIT_COVERED). */
    size_t n_vertices; /* Of the request so far: LIMIT_VERTICES counts them all (decision D2). */
};
void volume_reader_done(struct volume_reader *r);

/* One Volume4D that the request calls name. ret->cells are borrowed from r until its next use. ERR_INPUT, or ERR_TOO_LARGE for an
 * area or a covering over the limits: which status that is depends on the call. */
CHECKED enum err volume_read(struct volume_reader *r, struct json_node volume4d, const char *name,
                             struct vol *ret, struct why *why);

/* An array of at least one Volume4D, as their union. */
CHECKED enum err volume_read_union(struct volume_reader *r, struct json_node array,
                                   const char *name, struct vol *ret, struct why *why);

/* A copy whose cells are the arena's. */
struct vol volume_keep(const struct vol *vol, struct arena *arena);

/* The rule for writes of intents and constraints: both times there, start before end, end not past; and both heights if
 * needs_heights. */
CHECKED enum err volume_check_bounds(const struct box *b, bool needs_heights, int64_t now_us,
                                     struct why *why);

/* A Time object {value, format}: its moment; INSTANT bounds are never given. Absent leaves *ret alone. */
CHECKED enum err volume_read_time(struct json_node time, const char *name, int64_t *ret,
                                  struct why *why);

#endif
