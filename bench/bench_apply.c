/* bench_apply.c - what a whole apply costs, without disk or signatures, and how it grows.
 * SPDX-License-Identifier: Apache-2.0
 *
 *     build/release/bench/bench_apply [entities [part...]]      default 1000000, all parts but load
 *
 * Parts: n, the cost of a write as the state grows, always; subscriptions; overlaps; key, with overlaps also of relevant OVNs;
 * snapshot; expired, with as many of them as entities. load: instead of n, fills the state only.
 *
 * Intents of 12 cells in a field of 12,288, at random times of 30 days, each half an hour long, in a band of 60 m below 500 m; one
 * entry a change, published after 100. Writes are timed in batches of 100 updates that move an intent; figures are medians of 31.
 */
#include <malloc.h>
#include <stdlib.h>
#include <time.h>

#include "cell/id.h"
#include "lab.h"
#include "t.h"

#define N_FIELD 12288 /* Level-13 cells: 12 cells of level 8. */
#define N_CELLS 12
#define BATCH 100
#define ROUNDS 31
#define SPAN_US (30 * INSTANT_DAY)
#define LENGTH_US (30 * INSTANT_MINUTE)

static const struct str uss = {"uss1.example.org", 16};
static struct lab lab;
static struct rng rng;
static int64_t span_begins_us = LAB_START_US; /* Where the random times begin. */
static char url[] = "https://uss1.example.org/f3548";

static double now_s(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t); /* What other work on the machine takes does not count. */
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static double heap_bytes(void)
{
    struct mallinfo2 m = mallinfo2();

    return (double)m.uordblks + (double)m.hblkhd;
}

static uint64_t field_cell(uint64_t i)
{
    const uint64_t lsb = UINT64_C(1) << (2 * (30 - CELL_LEVEL));

    return cell_range_min(UINT64_C(0x478f290000000000)) - 1 + lsb + 2 * lsb * i;
}

static void random_bytes(uint8_t to[16])
{
    uint64_t words[2] = {rng_next(&rng), rng_next(&rng)};

    memcpy(to, words, 16);
}

static struct id random_id(void)
{
    uint8_t bytes[16];

    random_bytes(bytes);
    return id_make_v4(bytes);
}

/* A random intent; its cells are the caller's. */
static struct change intent(struct id id, uint64_t cells[N_CELLS])
{
    struct change c = {.kind = CHANGE_INTENT_PUT, .id = id, .url = str_of(url), .state = INTENT_ACCEPTED};
    uint64_t at = rng_below(&rng, N_FIELD - 3 * N_CELLS);
    int64_t starts = span_begins_us + (int64_t)rng_below(&rng, SPAN_US);
    int32_t floor = (int32_t)rng_below(&rng, 440000);

    for (int i = 0; i < N_CELLS; i++) cells[i] = field_cell(at += 2 + rng_below(&rng, 2));
    c.vol = (struct vol){cells, N_CELLS, {starts, starts + LENGTH_US, floor, floor + 60000}};
    random_bytes(c.random);
    c.has_key = true;
    return c;
}

/* A subscription of one cell. */
static struct change subscription(const uint64_t *cell, int64_t starts_us)
{
    struct change c = {.kind = CHANGE_SUBSCRIPTION_PUT, .id = random_id(), .url = str_of(url), .for_intents = true};

    c.vol = (struct vol){cell, 1, {starts_us, starts_us + INSTANT_DAY, VOL_FLOOR_NONE, VOL_CEIL_NONE}};
    random_bytes(c.random);
    return c;
}

static int n_refused;

/* One entry of one change, of the size that it has in a journal. */
static void apply(struct change *c)
{
    char bytes[420] = {0};
    struct buf leaf = lab.leaf;
    struct outcome *o;
    struct entry e = {.slot = lab.slot, .previous = lab.previous, .time_ms = lab.now_ms, .participant = uss, .changes = c, .n_changes = 1};

    memcpy(e.author, lab.node, 8);
    memcpy(bytes, &lab.slot, sizeof lab.slot);
    leaf.n = 0;
    must(state_apply(lab.state, &e, str_make(bytes, sizeof bytes), &lab.arena, &o, &leaf) == OK);
    lab.leaf = leaf;
    lab.slot++;
    lab.previous = hash_of(str_make(bytes, sizeof bytes)); /* Counted in the times below: the journal hashes too. */
    n_refused += o->reason != REASON_ACCEPTED;
}

static void publish(void)
{
    state_publish(lab.state);
    arena_clear(&lab.arena);
}

static struct id *ids;
static size_t n_ids, n_most;

static void load(size_t n)
{
    double heap = heap_bytes(), start = now_s();
    size_t before = n_ids;

    if (n == before) return;
    n_refused = 0;
    for (; n_ids < n; n_ids++) {
        uint64_t cells[N_CELLS];
        struct change c = intent(ids[n_ids] = random_id(), cells);
        c.checked_at = lab.n_entries;
        apply(&c);
        if (n_ids % BATCH == BATCH - 1) {
            publish();
            lab.n_entries = state_view(lab.state)->position;
        }
    }
    publish();
    lab.n_entries = state_view(lab.state)->position;
    double seconds = now_s() - start;
    printf("load %8zu -> %8zu intents of %d cells: %.2f s, %.0f/s, %.0f bytes each all told, %d refused late\n", before, n, N_CELLS, seconds,
           (double)(n - before) / seconds, (heap_bytes() - heap) / (double)(n - before), n_refused);
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return x < y ? -1 : x > y;
}

/* Median time of one write: updates of random intents, moved to where prepare says. */
static double write_ns(void (*prepare)(struct change *c))
{
    double times[ROUNDS];

    for (int round = 0; round < ROUNDS; round++) {
        struct change changes[BATCH];
        uint64_t cells[BATCH][N_CELLS];
        for (int i = 0; i < BATCH; i++) {
            struct id id = ids[rng_below(&rng, n_ids)];
            const struct entity *e = lab_find(&lab, ENTITY_INTENT, id);
            changes[i] = intent(id, cells[i]);
            changes[i].has_base = e != NULL;
            changes[i].base = e ? e->token_digest : 0;
            changes[i].checked_at = lab.n_entries;
            if (prepare) prepare(&changes[i]);
        }
        double start = now_s();
        for (int i = 0; i < BATCH; i++) apply(&changes[i]);
        publish();
        times[round] = (now_s() - start) / BATCH * 1e9;
        lab.n_entries = state_view(lab.state)->position;
    }
    qsort(times, ROUNDS, sizeof *times, compare);
    return times[ROUNDS / 2];
}

/* Median time of one write: new intents where prepare says, taken away afterwards. */
static double create_ns(void (*prepare)(struct change *c))
{
    double times[ROUNDS];

    for (int round = 0; round < ROUNDS; round++) {
        struct change changes[BATCH];
        uint64_t cells[BATCH][N_CELLS];
        for (int i = 0; i < BATCH; i++) {
            changes[i] = intent(random_id(), cells[i]);
            changes[i].checked_at = lab.n_entries;
            prepare(&changes[i]);
        }
        double start = now_s();
        for (int i = 0; i < BATCH; i++) apply(&changes[i]);
        publish();
        times[round] = (now_s() - start) / BATCH * 1e9;
        for (int i = 0; i < BATCH; i++) {
            struct change d = lab_delete(&lab, CHANGE_INTENT_DELETE, changes[i].id);
            apply(&d);
        }
        publish();
        lab.n_entries = state_view(lab.state)->position;
    }
    qsort(times, ROUNDS, sizeof *times, compare);
    return times[ROUNDS / 2];
}

static void against_n(size_t max)
{
    double first = 0;

    for (size_t n = 1000; n <= max; n *= 10) {
        load(n);
        double ns = write_ns(NULL);
        if (first == 0) first = ns;
        printf("write at N = %zu: %.0f ns, %.2f times that at 1000\n", n, ns, ns / first);
    }
}

/* --- one busy cell ---------------------------------------------------------------------------- */

static uint64_t busy; /* Beyond the field. */

static void at_busy_cell(struct change *c)
{
    c->vol.cells = &busy;
    c->vol.n_cells = 1;
}

static void add_subscriptions(size_t n, int64_t starts_us)
{
    for (size_t i = 0; i < n; i++) {
        struct change c = subscription(&busy, starts_us);
        apply(&c);
        if (i % BATCH == BATCH - 1) publish();
    }
    publish();
    lab.n_entries = state_view(lab.state)->position;
}

static void at_noon(struct change *c) /* All in one minute, so that each meets the subscriptions that cover it. */
{
    at_busy_cell(c);
    c->vol.box.starts_us = LAB_START_US + 400 * INSTANT_DAY;
    c->vol.box.ends_us = c->vol.box.starts_us + INSTANT_MINUTE;
    c->vol.box.floor_mm = (int32_t)rng_below(&rng, 90000000);
    c->vol.box.ceil_mm = c->vol.box.floor_mm + 1;
}

static void against_subscriptions(void)
{
    busy = field_cell(N_FIELD + 8);
    double first = create_ns(at_busy_cell);
    add_subscriptions(1500, LAB_START_US + 100 * INSTANT_DAY);
    double second = create_ns(at_busy_cell);
    add_subscriptions(98500, LAB_START_US + 100 * INSTANT_DAY);
    double third = create_ns(at_busy_cell);
    printf("write with 0, 1500, 100000 unmatched subscriptions in its cell: %.0f, %.0f, %.0f ns (%.2f, %.2f times)\n", first, second, third,
           second / first, third / first);

    busy = field_cell(N_FIELD + 16);
    first = create_ns(at_noon);
    add_subscriptions(1000, LAB_START_US + 400 * INSTANT_DAY);
    second = create_ns(at_noon);
    printf("write with 1000 matched subscriptions: %.0f ns more, %.0f ns each\n", second - first, (second - first) / 1000);
}

/* --- the key ---------------------------------------------------------------------------------- */

static size_t k_overlaps; /* Intents at noon, made by the part overlaps: whose OVNs are relevant. */

enum { RELEVANT, KNOWN, UNKNOWN };

static double judge_ns(size_t n, int what)
{
    struct arena arena = {0};
    struct str *key = arena_array(&arena, n, sizeof *key);
    double times[ROUNDS];
    uint64_t cells[N_CELLS];
    struct change c = intent(random_id(), cells);

    if (what == RELEVANT) at_noon(&c);
    if (what == RELEVANT) c.vol.box.floor_mm = 0, c.vol.box.ceil_mm = 100000000;
    struct entity_vec hits = {0};
    if (what == RELEVANT) view_search(state_view(lab.state), ENTITY_INTENT, &c.vol, false, &hits);
    for (size_t i = 0; i < n; i++) {
        char text[32];
        const struct entity *e;
        snprintf(text, sizeof text, "%022zu", i);
        if (what == RELEVANT) key[i] = hits.at[i % hits.n]->token;
        else if (what == KNOWN && (e = lab_find(&lab, ENTITY_INTENT, ids[i % n_ids])) != NULL) key[i] = e->token;
        else key[i] = arena_dup(&arena, str_of(text));
    }
    for (int round = 0; round < ROUNDS; round++) {
        struct arena scratch = {0};
        struct key_verdict verdict;
        double start = now_s();
        key_judge(state_view(lab.state), uss, &c, key, n, &scratch, &verdict);
        times[round] = (now_s() - start) * 1e9;
        arena_done(&scratch);
    }
    qsort(times, ROUNDS, sizeof *times, compare);
    entity_vec_done(&hits);
    arena_done(&arena);
    return times[ROUNDS / 2];
}

static void against_key(void)
{
    static const char *const names[] = {"relevant", "other entities'", "nobody's"};

    for (int what = k_overlaps ? RELEVANT : KNOWN; what <= UNKNOWN; what++)
        for (size_t n = 1000; n <= 80000; n = n == 1000 ? 10000 : n * 8) {
            double ns = judge_ns(n, what);
            printf("judging a key of %5zu %s OVNs: %.0f us, %.0f ns each\n", n, names[what], ns / 1000, ns / (double)n);
        }
}

/* --- overlaps --------------------------------------------------------------------------------- */

/* A new intent over k that stand there already and were judged. */
static void against_overlaps(void)
{
    struct change c;
    uint64_t cells[N_CELLS];
    size_t k = 0;
    double first = 0;

    busy = field_cell(N_FIELD + 24);
    for (size_t target = 10; target <= 10000; target *= 10) {
        double times[ROUNDS];
        for (; k < target; k++) {
            c = intent(random_id(), cells);
            at_noon(&c);
            c.vol.box.floor_mm = c.vol.box.ceil_mm = (int32_t)k;
            c.checked_at = lab.n_entries;
            apply(&c);
            if (k % BATCH == 0) publish();
        }
        publish();
        lab.n_entries = state_view(lab.state)->position;
        for (int round = 0; round < ROUNDS; round++) {
            c = intent(random_id(), cells);
            at_noon(&c);
            c.vol.box.floor_mm = 0;
            c.vol.box.ceil_mm = 100000000;
            c.checked_at = lab.n_entries;
            double start = now_s();
            apply(&c);
            times[round] = (now_s() - start) * 1e9;
            const struct entity *e = lab_find(&lab, ENTITY_INTENT, c.id);
            struct change d = {.kind = CHANGE_INTENT_DELETE, .id = c.id, .has_base = true, .base = e ? e->token_digest : 0};
            apply(&d);
            publish();
            lab.n_entries = state_view(lab.state)->position;
        }
        qsort(times, ROUNDS, sizeof *times, compare);
        k_overlaps = k;
        if (first == 0) first = times[ROUNDS / 2];
        printf("write over %5zu overlapping intents: %.1f us, %.0f ns each\n", k, times[ROUNDS / 2] / 1000,
               (times[ROUNDS / 2] - first) / (double)(k > 10 ? k - 10 : 10));
    }
}

/* --- expired ---------------------------------------------------------------------------------- */

/* Median time of a query of one intent's cells and day, none of whose hits ended before. */
static double query_ns(void)
{
    double times[ROUNDS];
    struct entity_vec hits = {0};

    for (int round = 0; round < ROUNDS; round++) {
        struct change changes[BATCH];
        uint64_t cells[BATCH][N_CELLS];
        for (int i = 0; i < BATCH; i++) {
            changes[i] = intent((struct id){0, 0}, cells[i]);
            changes[i].vol.box.ends_us += INSTANT_DAY;
        }
        double start = now_s();
        for (int i = 0; i < BATCH; i++) {
            entity_vec_clear(&hits);
            view_search(state_view(lab.state), ENTITY_INTENT, &changes[i].vol, false, &hits);
        }
        times[round] = (now_s() - start) / BATCH * 1e9;
    }
    entity_vec_done(&hits);
    qsort(times, ROUNDS, sizeof *times, compare);
    return times[ROUNDS / 2];
}

/* Writes and queries among 10,000 live intents, in the same cells as n that ended ten days before and more, still kept. */
static void against_expired(void)
{
    size_t n_expired[] = {0, n_most / 10, n_most};
    double first_write = 0, first_query = 0;

    for (size_t i = 0; i < sizeof n_expired / sizeof *n_expired; i++) {
        lab_done(&lab);
        lab_init(&lab);
        lab.n_entries = state_view(lab.state)->position;
        n_ids = 0;
        span_begins_us = LAB_START_US;
        load(n_expired[i]);
        lab.now_ms += 40 * (INSTANT_DAY / 1000);
        span_begins_us = LAB_START_US + 40 * INSTANT_DAY;
        n_ids = 0; /* Those of the live, from here on. */
        load(10000);
        double write = write_ns(NULL), query = query_ns();
        if (i == 0) first_write = write, first_query = query;
        printf("beside %zu expired intents: write %.0f ns (%.2f times), query %.0f ns (%.2f times)\n", n_expired[i], write,
               write / first_write, query, query / first_query);
    }
}

/* --- snapshot --------------------------------------------------------------------------------- */

static enum err add_to_buf(void *context, struct str piece, struct why *why)
{
    (void)why;
    buf_add_str(context, piece);
    return OK;
}

static void snapshot(void)
{
    struct buf bytes = {0};
    struct state *restored = NULL;
    double start = now_s();

    if (snapshot_write(state_view(lab.state), add_to_buf, &bytes, NULL) != OK) return;
    double written = now_s() - start;
    start = now_s();
    if (snapshot_read(buf_str(&bytes), &restored, NULL) != OK) return;
    double read = now_s() - start;
    start = now_s();
    struct hash a = state_digest(state_view(lab.state));
    double digested = now_s() - start;
    struct hash b = state_digest(state_view(restored));
    printf("snapshot of %.0f MB: written in %.2f s, read in %.2f s, digest in %.2f s, %s\n", (double)bytes.n * 1e-6, written, read, digested,
           hash_equal(&a, &b) ? "equal" : "NOT EQUAL");
    state_free(restored);
    buf_done(&bytes);
}

static const struct {
    const char *name;
    void (*run)(void);
} parts[] = {
    {"subscriptions", against_subscriptions},
    {"overlaps", against_overlaps},
    {"key", against_key},
    {"snapshot", snapshot},
    {"expired", against_expired}, /* The last: in states of its own. */
};

static bool is_asked(int argc, char **argv, const char *part)
{
    for (int i = 2; i < argc; i++)
        if (strcmp(argv[i], part) == 0) return true;
    return false;
}

int main(int argc, char **argv)
{
    size_t n = n_most = argc > 1 ? (size_t)atol(argv[1]) : 1000000;

    rng = t_rng();
    setvbuf(stdout, NULL, _IOLBF, 0);
    ids = calloc(n < 10000 ? 10000 : n, sizeof *ids);
    lab_init(&lab);
    lab.n_entries = state_view(lab.state)->position; /* Where this program's keys were judged. */
    if (is_asked(argc, argv, "load")) load(n);
    else against_n(n);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (argc < 3 || is_asked(argc, argv, parts[i].name)) parts[i].run();
    lab_done(&lab);
    free(ids);
    return 0;
}
