/* plane.c - a ring of points in a plane of integers.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Crossings are found by a sweep from left to right (Shamos and Hoey 1976): the edges under the sweep line are kept in
 * an array from bottom to top, and only edges that become neighbours in it are compared. At each point
 *
 *     the edges that end there must be found exactly where the point is: another edge found there is touched;
 *     they are replaced by the edges that begin there;
 *     what has become neighbours is compared.
 *
 * The first crossing in sweep order is between neighbours, so the order in the array is right up to there. Equal x are
 * swept by y: as if the plane were turned by next to nothing. A binary search and a move of 16-bit numbers replace a
 * tree: for the 10,000 edges of the largest ring the moves are cheaper than a tree's misses.
 */
#include "geo/plane.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"

#define FEW 24 /* Rings up to here: all pairs. */

struct ends {
    struct flat left, right;
};

static struct ends edge_ends(const struct flat *ring, size_t n, size_t edge)
{
    struct flat a = ring[edge], b = ring[edge + 1 < n ? edge + 1 : 0];
    return flat_before(a, b) ? (struct ends){a, b} : (struct ends){b, a};
}

static bool are_neighbours(size_t n, size_t a, size_t b)
{
    return a == b || (a + 1) % n == b || (b + 1) % n == a;
}

static struct pair pair_of(size_t a, size_t b)
{
    return a < b ? (struct pair){a, b} : (struct pair){b, a};
}

/* c is on the line through both ends. */
static bool is_between(struct ends e, struct flat c)
{
    return !flat_before(c, e.left) && !flat_before(e.right, c);
}

static bool meet(struct ends e, struct ends f)
{
    int e1 = flat_side(e.left, e.right, f.left), e2 = flat_side(e.left, e.right, f.right);
    int f1 = flat_side(f.left, f.right, e.left), f2 = flat_side(f.left, f.right, e.right);

    if (e1 * e2 < 0 && f1 * f2 < 0) return true;
    return (e1 == 0 && is_between(e, f.left)) || (e2 == 0 && is_between(e, f.right)) ||
           (f1 == 0 && is_between(f, e.left)) || (f2 == 0 && is_between(f, e.right));
}

bool plane_only_touch(const struct flat *ring, size_t n, struct pair edges)
{
    struct ends e = edge_ends(ring, n, edges.a), f = edge_ends(ring, n, edges.b);

    return flat_side(e.left, e.right, f.left) * flat_side(e.left, e.right, f.right) *
               flat_side(f.left, f.right, e.left) * flat_side(f.left, f.right, e.right) ==
           0;
}

struct vertex {
    struct flat at;
    size_t number;
};

static int vertex_order(const void *pa, const void *pb)
{
    const struct vertex *a = pa, *b = pb;

    if (a->at.x != b->at.x) return a->at.x < b->at.x ? -1 : 1;
    if (a->at.y != b->at.y) return a->at.y < b->at.y ? -1 : 1;
    return (a->number > b->number) - (a->number < b->number);
}

static struct vertex *sorted(const struct flat *ring, size_t n)
{
    struct vertex *all = mem_alloc(n * sizeof *all);

    for (size_t k = 0; k < n; k++) all[k] = (struct vertex){ring[k], k};
    qsort(all, n, sizeof *all, vertex_order);
    return all;
}

bool plane_same_points(const struct flat *ring, size_t n, struct pair *ret_points)
{
    AUTO(mem_auto) struct vertex *all = NULL;

    if (n <= FEW) {
        for (size_t a = 0; a + 1 < n; a++) {
            for (size_t b = a + 1; b < n; b++) {
                if (!flat_same(ring[a], ring[b])) continue;
                *ret_points = (struct pair){a, b};
                return true;
            }
        }
        return false;
    }
    all = sorted(ring, n);
    for (size_t k = 1; k < n; k++) {
        if (!flat_same(all[k - 1].at, all[k].at)) continue;
        *ret_points = (struct pair){all[k - 1].number, all[k].number};
        return true;
    }
    return false;
}

static bool crossing_of_all(const struct flat *ring, size_t n, struct pair *ret_edges)
{
    for (size_t a = 0; a + 2 < n; a++) {
        struct ends e = edge_ends(ring, n, a);
        for (size_t b = a + 2; b < n; b++) {
            if (are_neighbours(n, a, b) || !meet(e, edge_ends(ring, n, b))) continue;
            *ret_edges = (struct pair){a, b};
            return true;
        }
    }
    return false;
}

struct sweep {
    const struct flat *ring;
    size_t n;
    const struct ends *edges;
    uint16_t *under; /* Edges under the sweep line, from bottom to top. */
    size_t n_under;
};

static bool compare(const struct sweep *s, size_t low, struct pair *ret_edges)
{
    size_t a, b;

    if (low + 1 >= s->n_under) return false;
    a = s->under[low];
    b = s->under[low + 1];
    if (are_neighbours(s->n, a, b) || !meet(s->edges[a], s->edges[b])) return false;
    *ret_edges = pair_of(a, b);
    return true;
}

/* Where p is among the edges under the line: under[ret_first .. return) pass through it. */
static size_t find(const struct sweep *s, struct flat p, size_t *ret_first)
{
    size_t low = 0, n = s->n_under, last;

    while (n > 0) {
        size_t half = n / 2;
        const struct ends *e = &s->edges[s->under[low + half]];
        if (flat_side(e->left, e->right, p) > 0) {
            low += half + 1;
            n -= half + 1;
        } else {
            n = half;
        }
    }
    for (last = low; last < s->n_under; last++) {
        const struct ends *e = &s->edges[s->under[last]];
        if (flat_side(e->left, e->right, p) != 0) break;
    }
    *ret_first = low;
    return last;
}

/* The edges at point v that begin there, from bottom to top; returns how many. */
static size_t beginning_at(const struct sweep *s, size_t v, uint16_t ret_edges[2])
{
    size_t before = v > 0 ? v - 1 : s->n - 1, n = 0;
    struct flat at = s->ring[v];

    if (flat_same(s->edges[before].left, at)) ret_edges[n++] = (uint16_t)before;
    if (flat_same(s->edges[v].left, at)) ret_edges[n++] = (uint16_t)v;
    if (n == 2 && flat_side(at, s->edges[before].right, s->edges[v].right) < 0) {
        ret_edges[0] = (uint16_t)v;
        ret_edges[1] = (uint16_t)before;
    }
    return n;
}

static void replace(struct sweep *s, size_t first, size_t last, const uint16_t *with, size_t n_with)
{
    memmove(s->under + first + n_with, s->under + last, (s->n_under - last) * sizeof *s->under);
    for (size_t k = 0; k < n_with; k++) s->under[first + k] = with[k];
    s->n_under += n_with - (last - first);
}

/* Moves the line over point v. */
static bool step(struct sweep *s, size_t v, struct pair *ret_edges)
{
    uint16_t begin[2];
    size_t before = v > 0 ? v - 1 : s->n - 1;
    size_t first, last = find(s, s->ring[v], &first), n_begin = beginning_at(s, v, begin);

    for (size_t k = first; k < last; k++) {
        size_t edge = s->under[k];
        if (edge == v || edge == before) continue;
        *ret_edges = pair_of(edge, are_neighbours(s->n, edge, v) ? before : v);
        return true;
    }
    must(last - first == 2 - n_begin);
    replace(s, first, last, begin, n_begin);
    if (first > 0 && compare(s, first - 1, ret_edges)) return true;
    return n_begin > 0 && compare(s, first + n_begin - 1, ret_edges);
}

bool plane_crossing(const struct flat *ring, size_t n, struct pair *ret_edges)
{
    AUTO(mem_auto) struct vertex *order = NULL;
    AUTO(mem_auto) struct ends *edges = NULL;
    AUTO(mem_auto) uint16_t *under = NULL;
    struct sweep s;

    must(n <= PLANE_RING_MAX);
    if (n <= FEW) return crossing_of_all(ring, n, ret_edges);
    order = sorted(ring, n);
    edges = mem_alloc(n * sizeof *edges);
    under = mem_alloc(n * sizeof *under);
    for (size_t k = 0; k < n; k++) edges[k] = edge_ends(ring, n, k);
    s = (struct sweep){.ring = ring, .n = n, .edges = edges, .under = under};
    for (size_t k = 0; k < n; k++) {
        if (step(&s, order[k].number, ret_edges)) return true;
    }
    return false;
}

/* The side of c, for a point c that is moved as plane_inside() says. a and b differ. */
static bool is_left(struct flat a, struct flat b, struct flat c)
{
    int side = flat_side(a, b, c);

    if (side != 0) return side > 0;
    return b.y != a.y ? b.y < a.y : b.x > a.x;
}

bool plane_inside(const struct flat *ring, size_t n, struct flat p)
{
    bool inside = false;

    for (size_t k = 0; k < n; k++) {
        struct flat a = ring[k], b = ring[k + 1 < n ? k + 1 : 0];
        if ((a.y > p.y) == (b.y > p.y)) continue;
        if (a.x < p.x && b.x < p.x) continue;
        /* The edge crosses the ray to the right if p is left of it going up. */
        if (b.y > a.y ? is_left(a, b, p) : is_left(b, a, p)) inside = !inside;
    }
    return inside;
}

bool plane_parts(struct flat p, struct flat q, struct flat a, struct flat b)
{
    if ((a.x < p.x && a.x < q.x && b.x < p.x && b.x < q.x) ||
        (a.x > p.x && a.x > q.x && b.x > p.x && b.x > q.x) ||
        (a.y < p.y && a.y < q.y && b.y < p.y && b.y < q.y) ||
        (a.y > p.y && a.y > q.y && b.y > p.y && b.y > q.y))
        return false;
    if (flat_same(a, b) || is_left(a, b, p) == is_left(a, b, q)) return false;
    /* Moving p and q is moving a and b the other way. */
    int side_a = flat_side(p, q, a), side_b = flat_side(p, q, b);
    bool zero = q.y != p.y ? q.y > p.y : q.x < p.x;
    return (side_a ? side_a > 0 : zero) != (side_b ? side_b > 0 : zero);
}
