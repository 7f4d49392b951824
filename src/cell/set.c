/* set.c - normalised sets of cells: making, comparing, coarsening, and their one byte form.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Bytes of a set. Let v = id >> 34: 30 bits, the lowest set one (lsb) telling the level, 1 at level 13 and four
 * times as much a level up. The cell spans the numbers v - lsb .. v + lsb. Cells are written in ascending order, each as
 *
 *     d = v - end      end = v + lsb of the cell before, 0 before the first
 *
 * in LEB128: 7 bits a byte, low ones first, the top bit set on all bytes but the last, in the fewest bytes.
 *
 *     two level-13 neighbours, then their aunt (level 12, the next one along the curve after a gap of two cells)
 *     v            0x10000001  0x10000003  0x1000000c
 *     d             10000001h          1           8         end: 0, 10000002h, 10000004h
 *     bytes     81 80 80 80 01        01          08
 *
 * A reader refuses what a writer cannot have written: a varint with a zero last byte or above 30 bits, d < lsb (the cell
 * would overlap the one before), levels outside 4..13, a face above 5, four siblings.
 */
#include "cell/set.h"

#include <stdlib.h>

#include "cell/id.h"

#define SHIFT 34 /* 2 * (30 - CELL_LEVEL) */
#define V_END (UINT64_C(6) << (61 - SHIFT))
#define LSB_MAX (UINT64_C(1) << (2 * (CELL_LEVEL - CELL_LEVEL_MIN)))

_Static_assert(SHIFT == 2 * (30 - CELL_LEVEL), "v of a level-13 cell is odd");

static int u64_order(const void *pa, const void *pb)
{
    uint64_t a = *(const uint64_t *)pa, b = *(const uint64_t *)pb;
    return (a > b) - (a < b);
}

static void sort_cells(uint64_t *at, size_t n)
{
    size_t i = 1;

    while (i < n && at[i - 1] <= at[i]) i++;
    if (i >= n) return; /* Already in order: the usual case. */
    if (n > 24) {
        qsort(at, n, sizeof *at, u64_order);
        return;
    }
    for (; i < n; i++) {
        uint64_t cell = at[i];
        size_t k = i;
        for (; k > 0 && at[k - 1] > cell; k--) at[k] = at[k - 1];
        at[k] = cell;
    }
}

static bool is_storable(uint64_t cell)
{
    uint64_t lsb = cell_lsb(cell);
    return cell_is_valid(cell) && lsb >= UINT64_C(1) << SHIFT && lsb >> SHIFT <= LSB_MAX;
}

/* at points at four ascending, disjoint cells. */
static bool is_family(const uint64_t *at)
{
    uint64_t lsb = cell_lsb(at[3]);

    if (lsb >> SHIFT >= LSB_MAX) return false;
    /* The last of four siblings ends in binary 11, then its lsb. */
    return (at[3] & 6 * lsb) == 6 * lsb && at[0] == at[3] - 6 * lsb && at[1] == at[3] - 4 * lsb &&
           at[2] == at[3] - 2 * lsb;
}

/* How many of at[0..n) a family at their end leaves; merges into at. */
static size_t merge_end(uint64_t *at, size_t n)
{
    while (n >= 4 && is_family(at + n - 4)) {
        uint64_t last = at[n - 1];
        n -= 3;
        at[n - 1] = last - 3 * cell_lsb(last);
    }
    return n;
}

void cell_set_push(struct u64_vec *cells, size_t from, uint64_t cell)
{
    u64_vec_add(cells, cell);
    cells->n = from + merge_end(cells->at + from, cells->n - from);
}

void cell_set_normalise(struct u64_vec *cells)
{
    size_t n = 0;

    sort_cells(cells->at, cells->n);
    for (size_t i = 0; i < cells->n; i++) {
        uint64_t cell = cells->at[i];
        must(is_storable(cell));
        if (n > 0 && cell_contains(cells->at[n - 1], cell)) continue;
        while (n > 0 && cell_contains(cell, cells->at[n - 1])) n--;
        cells->at[n++] = cell;
        n = merge_end(cells->at, n);
    }
    cells->n = n;
}

bool cell_set_is_normal(const uint64_t *cells, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (!is_storable(cells[i])) return false;
        if (i > 0 && cell_range_min(cells[i]) <= cell_range_max(cells[i - 1])) return false;
        if (i >= 3 && is_family(cells + i - 3)) return false;
    }
    return true;
}

/* One pass over the cells of one level: families of exactly n_members become their parent while the set is too large. */
static void coarsen_families(struct u64_vec *cells, int level, size_t n_members, size_t n_max)
{
    uint64_t lsb = UINT64_C(1) << (2 * (30 - level));
    size_t n_in = cells->n, n_out = 0, i = 0;

    while (i < n_in) {
        uint64_t cell = cells->at[i];
        size_t k = 1;
        if (cell_lsb(cell) == lsb) {
            uint64_t parent = cell_parent(cell, level - 1);
            while (i + k < n_in && cell_contains(parent, cells->at[i + k])) k++;
            if (k == n_members && n_out + (n_in - i) > n_max) {
                cells->at[n_out++] = parent;
                n_out = merge_end(cells->at, n_out);
                i += k;
                continue;
            }
        }
        while (k-- > 0) {
            cells->at[n_out++] = cells->at[i++];
            n_out = merge_end(cells->at, n_out); /* A family may have been waiting for it. */
        }
    }
    cells->n = n_out;
}

bool cell_set_coarsen(struct u64_vec *cells, size_t n_max)
{
    for (int level = CELL_LEVEL; level > CELL_LEVEL_MIN; level--) {
        for (size_t n_members = 3; n_members >= 1; n_members--) {
            if (cells->n <= n_max) return true;
            coarsen_families(cells, level, n_members, n_max);
        }
    }
    return cells->n <= n_max;
}

/* The first index whose cell does not end before `cell` begins. */
static size_t first_not_before(const uint64_t *cells, size_t n, uint64_t cell)
{
    uint64_t begin = cell_range_min(cell);
    size_t low = 0;

    while (n > 0) {
        size_t half = n / 2;
        if (cell_range_max(cells[low + half]) < begin) {
            low += half + 1;
            n -= half + 1;
        } else {
            n = half;
        }
    }
    return low;
}

static bool meets_by_search(const uint64_t *few, size_t n_few, const uint64_t *many, size_t n_many)
{
    size_t k = 0;

    for (size_t i = 0; i < n_few; i++) {
        k += first_not_before(many + k, n_many - k, few[i]);
        if (k == n_many) return false;
        if (cell_range_min(many[k]) <= cell_range_max(few[i])) return true;
    }
    return false;
}

bool cell_set_meets(const uint64_t *a, size_t n_a, const uint64_t *b, size_t n_b)
{
    if (n_a < n_b / 16) return meets_by_search(a, n_a, b, n_b);
    if (n_b < n_a / 16) return meets_by_search(b, n_b, a, n_a);
    for (size_t i = 0, k = 0; i < n_a && k < n_b;) {
        if (cell_range_max(a[i]) < cell_range_min(b[k]))
            i++;
        else if (cell_range_max(b[k]) < cell_range_min(a[i]))
            k++;
        else
            return true;
    }
    return false;
}

bool cell_set_contains(const uint64_t *outer, size_t n_outer, const uint64_t *inner, size_t n_inner)
{
    bool few = n_inner < n_outer / 16;
    size_t k = 0;

    for (size_t i = 0; i < n_inner; i++) {
        if (few)
            k += first_not_before(outer + k, n_outer - k, inner[i]);
        else
            while (k < n_outer && cell_range_max(outer[k]) < cell_range_min(inner[i])) k++;
        if (k == n_outer || !cell_contains(outer[k], inner[i])) return false;
    }
    return true;
}

uint64_t cell_set_area(const uint64_t *cells, size_t n)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < n; i++) sum += cell_lsb(cells[i]) >> SHIFT;
    return sum;
}

void cell_set_encode(const uint64_t *cells, size_t n, struct buf *to)
{
    uint64_t end = 0;

    for (size_t i = 0; i < n; i++) {
        uint64_t v = cells[i] >> SHIFT, d = v - end;
        char *at = buf_reserve(to, 5);
        size_t k = 0;
        for (; d >= 128; d >>= 7) at[k++] = (char)(d | 128);
        at[k++] = (char)d;
        to->n += k;
        end = v + cell_lsb(v);
    }
}

/* One varint of at most 30 bits in its shortest form; 0 if there is none, since d is never 0. */
static uint64_t read_varint(struct str *rest)
{
    uint64_t d = 0;

    for (size_t k = 0; k < 5 && k < rest->n; k++) {
        uint64_t byte = (unsigned char)rest->at[k];
        d |= (byte & 127) << (7 * k);
        if (byte >= 128) continue;
        if (byte == 0 || d >> 30 != 0) return 0;
        *rest = str_skip(*rest, k + 1);
        return d;
    }
    return 0;
}

bool cell_set_decode(struct str bytes, size_t limit, struct u64_vec *ret_cells)
{
    size_t from = ret_cells->n;
    uint64_t end = 0;

    while (bytes.n > 0) {
        uint64_t d = read_varint(&bytes), v = end + d, lsb = cell_lsb(v);
        uint64_t *at;

        if (d == 0 || v >= V_END || ret_cells->n - from == limit) goto refused;
        if ((lsb & UINT64_C(0x55555)) == 0 || d < lsb) goto refused;
        at = u64_vec_reserve(ret_cells, 1);
        *at = v << SHIFT;
        ret_cells->n++;
        if (ret_cells->n - from >= 4 && is_family(at - 3)) goto refused;
        end = v + lsb;
    }
    return true;
refused:
    ret_cells->n = from;
    return false;
}
