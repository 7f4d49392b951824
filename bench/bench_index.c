/* bench_index.c - what the bare index does: load, bytes, and three kinds of query.
 * SPDX-License-Identifier: Apache-2.0
 *
 *     build/release/bench/bench_index [entities]      default 1000000; the hot cell holds a tenth of them
 *
 * Entities of 12 cells in a field of 12,288, at random times of 30 days, each half an hour long, a band of
 * 60 m below 500 m; batches of 100, then a publication. Memory of the entities themselves is not the index's.
 */
#include <stdlib.h>
#include <time.h>

#include "airspace/grid.h"
#include "base/instant.h"
#include "cell/id.h"
#include "t.h"

#define N_FIELD 12288 /* Level-13 cells: 12 cells of level 8. */
#define N_CELLS 12
#define START_US (INT64_C(1798761600) * INSTANT_S) /* 2027-01-01 */
#define SPAN_US (30 * INSTANT_DAY)
#define BATCH 100

static double now_s(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* The i-th level-13 cell along the curve from a cell of level 8 on. */
static uint64_t field_cell(uint64_t i)
{
    const uint64_t lsb = UINT64_C(1) << (2 * (30 - CELL_LEVEL));
    return cell_range_min(UINT64_C(0x478f290000000000)) - 1 + lsb + 2 * lsb * i;
}

static struct box random_box(struct rng *rng, int64_t length_us)
{
    int64_t starts = START_US + (int64_t)rng_below(rng, (uint64_t)(SPAN_US - length_us));
    int32_t floor = (int32_t)rng_below(rng, 440000);
    return (struct box){starts, starts + length_us, floor, floor + 60000};
}

static void load(struct grid *g, struct cow *c, uint32_t n)
{
    struct rng rng = t_rng();
    double start = now_s();
    for (uint32_t item = 0; item < n; item++) {
        uint64_t cells[N_CELLS];
        uint64_t at = rng_below(&rng, N_FIELD - 3 * N_CELLS);
        for (int i = 0; i < N_CELLS; i++) cells[i] = field_cell(at += 1 + rng_below(&rng, 3));
        struct vol vol = {cells, N_CELLS, random_box(&rng, 30 * INSTANT_MINUTE)};
        grid_insert(g, c, item, &vol);
        if (item % BATCH == BATCH - 1) cow_publish(c, NULL);
    }
    cow_publish(c, NULL);
    double seconds = now_s() - start;
    size_t bytes = grid_bytes(g);
    printf("load            %u entities, %zu postings: %.1f s, %.0f entities/s\n", n, g->n_postings,
           seconds, n / seconds);
    printf("memory          %.0f MB, %.1f bytes/posting\n", (double)bytes * 1e-6,
           (double)bytes / (double)g->n_postings);
}

static void load_hot_cell(struct grid *g, struct cow *c, uint64_t cell, uint32_t n)
{
    struct rng rng = t_rng();
    double start = now_s();
    for (uint32_t item = 0; item < n; item++) {
        bool is_long = item % 1000 == 999;
        struct vol vol = {&cell, 1, random_box(&rng, is_long ? 20 * INSTANT_DAY : 30 * INSTANT_MINUTE)};
        grid_insert(g, c, UINT32_C(1) << 30 | item, &vol);
        if (item % BATCH == BATCH - 1) cow_publish(c, NULL);
    }
    cow_publish(c, NULL);
    printf("hot cell load   %u entities in one cell: %.0f entities/s\n", n, n / (now_s() - start));
}

/* n_cells cells side by side, or one of level 8 for 0; at_hot: the hot cell. */
static void query(const struct grid *g, const char *name, unsigned n_cells, uint64_t hot,
                  int64_t length_us, int n_rounds)
{
    struct rng rng = t_rng();
    AUTO(u32_vec_done) struct u32_vec found = {0};
    double seconds = 0;
    size_t n_found = 0;
    for (int round = 0; round < n_rounds; round++) {
        uint64_t cells[16];
        uint64_t at = rng_below(&rng, N_FIELD - 16);
        for (unsigned i = 0; i < n_cells; i++) cells[i] = field_cell(at + i);
        if (n_cells == 0) cells[0] = cell_parent(field_cell(at), 8);
        if (hot) cells[0] = hot;
        struct vol vol = {cells, n_cells ? n_cells : 1, random_box(&rng, length_us)};
        vol.box.floor_mm = VOL_FLOOR_NONE;
        vol.box.ceil_mm = VOL_CEIL_NONE;
        u32_vec_clear(&found);
        double start = now_s();
        grid_search(g, &vol, false, &found);
        seconds += now_s() - start;
        n_found += found.n;
    }
    printf("%-15s %.1f us, %.1f found\n", name, seconds / n_rounds * 1e6, (double)n_found / n_rounds);
}

static void remove_all(struct grid *g, struct cow *c, uint32_t n)
{
    struct rng rng = t_rng(); /* The same entities again. */
    double start = now_s();
    for (uint32_t item = 0; item < n; item++) {
        uint64_t cells[N_CELLS];
        uint64_t at = rng_below(&rng, N_FIELD - 3 * N_CELLS);
        for (int i = 0; i < N_CELLS; i++) cells[i] = field_cell(at += 1 + rng_below(&rng, 3));
        struct vol vol = {cells, N_CELLS, random_box(&rng, 30 * INSTANT_MINUTE)};
        grid_remove(g, c, item, &vol);
        if (item % BATCH == BATCH - 1) cow_publish(c, NULL);
    }
    cow_publish(c, NULL);
    printf("remove          %.0f entities/s\n", n / (now_s() - start));
}

int main(int argc, char **argv)
{
    uint32_t n = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 1000000;
    int n_rounds = n < 100000 ? 200 : 2000;
    struct cow *c = cow_new();
    struct grid g = {0};
    uint64_t hot = field_cell(N_FIELD + 100);

    if (n < BATCH) return 2;
    load(&g, c, n);
    query(&g, "16 cells x 1 h", 16, 0, INSTANT_HOUR, n_rounds);
    query(&g, "level 8, 10 min", 0, 0, 10 * INSTANT_MINUTE, n_rounds / 10);
    load_hot_cell(&g, c, hot, n / 10);
    query(&g, "hot cell, 30 min", 1, hot, 30 * INSTANT_MINUTE, n_rounds);
    remove_all(&g, c, n);
    grid_done(&g, c);
    cow_free(c);
    return 0;
}
