/* plane.h - a ring of points in a plane of integers: exact sides, repeated points, crossing edges.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Edge k goes from point k to point k + 1, the last one to point 0. Coordinates are below 2^61 in size, so that every
 * sign here is exact in 128 bits: answers never contradict each other, whatever the shape.
 */
#ifndef GEO_PLANE_H
#define GEO_PLANE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PLANE_RING_MAX 65535

struct flat {
    int64_t x, y;
};

/* Above 0 if c is to the left of the line from a to b, 0 if on it. */
static inline int flat_side(struct flat a, struct flat b, struct flat c)
{
    __extension__ typedef __int128 wide;
    wide left = (wide)(b.x - a.x) * (c.y - a.y), right = (wide)(b.y - a.y) * (c.x - a.x);
    return (left > right) - (left < right);
}

/* Total order: by x, then y. */
static inline bool flat_before(struct flat a, struct flat b)
{
    return a.x < b.x || (a.x == b.x && a.y < b.y);
}

static inline bool flat_same(struct flat a, struct flat b)
{
    return a.x == b.x && a.y == b.y;
}

struct pair {
    size_t a, b; /* a < b */
};

/* True if two points of the ring are the same. n at most PLANE_RING_MAX. O(n log n). */
bool plane_same_points(const struct flat *ring, size_t n, struct pair *ret_points);

/* True if two edges that are not neighbours have a point in common. No two points may be the same and not all on one
 * line. O(n log n); 10,000 points about 3 ms. */
bool plane_crossing(const struct flat *ring, size_t n, struct pair *ret_edges);

/* True if the edges a and b meet at an end of one, or run along each other: no proper crossing. */
bool plane_only_touch(const struct flat *ring, size_t n, struct pair edges);

/* Whether the point is inside by the even-odd rule. A point on an edge counts as moved right by next to nothing and up
 * by next to nothing of that. O(n). */
bool plane_inside(const struct flat *ring, size_t n, struct flat p);

/* Whether the way from p to q, both moved in the same manner, crosses the edge from a to b. */
bool plane_parts(struct flat p, struct flat q, struct flat a, struct flat b);

#endif
