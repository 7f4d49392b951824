/* prop_store_crash.c - what a crash may take from the store: nothing that was acknowledged, and never half a batch.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Chains of lives of one file. In each life batches of random entries go in, with the outcomes and a tile of the batch before,
 * until a crash at a random write, sync or deletion (also within opening, recovery and closing). After it the
 * file must hold every acknowledged batch, at most the one in flight, that one whole, and the derived data that went with
 * them. An index that is written again after a lost batch gets other bytes, so that nothing old can pass for new.
 * SEED= and STEPS= (lives).
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/vec.h"
#include "faultvfs.h"
#include "journal/store_internal.h"
#include "t.h"

#define ENTRIES_MAX 4000
#define BATCH_MAX 24

struct life {
    struct rng rng;
    char path[256];
    uint32_t made_in[ENTRIES_MAX + BATCH_MAX]; /* The life in which the entry at an index was last written. */
    uint32_t n_lives;
    uint64_t n_acked, n_inflight; /* Entries. */
    uint64_t n_outcomes;          /* Below this each entry's outcome was acknowledged. */
    uint64_t tile_acked, tile_inflight;
    struct store_tuning tuning;
};

static void make_bytes(uint64_t index, uint32_t life, struct buf *ret)
{
    struct rng rng = {index * 1000003 + life};
    size_t n = rng_below(&rng, 8) == 0 ? rng_below(&rng, 9000) : rng_below(&rng, 600);
    char *at;

    buf_clear(ret);
    at = buf_reserve(ret, n + 8);
    for (size_t i = 0; i < n; i++) at[i] = (char)rng_next(&rng);
    ret->n = n;
}

static struct str outcome_of(uint64_t index, char text[48])
{
    (void)snprintf(text, 48, "the outcome of %llu", (unsigned long long)index);
    return str_of(text);
}

struct expect {
    const struct life *life;
    struct buf want;
};

static enum err same_entry(void *context, uint64_t index, struct str bytes)
{
    struct expect *e = context;

    make_bytes(index, e->life->made_in[index], &e->want);
    return CHECK(str_equal(buf_str(&e->want), bytes)) ? OK : ERR_CORRUPT;
}

/* What the file holds must be the acknowledged, or that and the batch in flight. */
static bool holds_what_was_acknowledged(struct life *l, struct store *s)
{
    struct expect expect = {l, {0}};
    AUTO(buf_done) struct buf got = {0};
    struct why why = {{0}};
    uint64_t size = store_size(s), tile = 0;
    bool good = CHECK(size == l->n_acked || size == l->n_acked + l->n_inflight);
    char text[48];

    good = good && CHECK(store_check(s, &why) == OK);
    good = good && CHECK(store_read_back(s, 0, size, same_entry, &expect, &why) == OK);
    for (uint64_t i = 0; good && i < l->n_outcomes; i++) {
        buf_clear(&got);
        good = CHECK(store_get_outcome(s, i, &got, &why) == OK) && CHECK_STR(buf_str(&got), outcome_of(i, text));
    }
    buf_clear(&got);
    if (good && store_get_tile(s, 0, 7, &got, NULL) == OK && CHECK_INT(got.n, 4096)) memcpy(&tile, got.at, 8);
    good = good && CHECK_INT(tile, size == l->n_acked ? l->tile_acked : l->tile_inflight);
    if (why.text[0]) printf("# %s\n", why.text);
    if (!good)
        printf("# life %u: size %llu, acknowledged %llu, in flight %llu\n", l->n_lives, (unsigned long long)size,
               (unsigned long long)l->n_acked, (unsigned long long)l->n_inflight);
    if (size > l->n_acked) l->n_outcomes = l->n_acked; /* Those of the batch before went with it. */
    l->n_acked = size;
    l->tile_acked = tile;
    l->n_inflight = 0;
    buf_done(&expect.want);
    return good;
}

static bool append_batch(struct life *l, struct store *s)
{
    struct buf bytes[BATCH_MAX] = {0};
    struct str entries[BATCH_MAX];
    size_t n = 1 + rng_below(&l->rng, BATCH_MAX);
    uint64_t tile[512] = {0};
    char text[48];
    enum err err;

    for (uint64_t i = l->n_outcomes; i < l->n_acked; i++) store_put_outcome(s, i, outcome_of(i, text));
    tile[0] = tile[511] = l->n_acked;
    store_put_tile(s, 0, 7, str_make(tile, sizeof tile));
    for (size_t i = 0; i < n; i++) {
        l->made_in[l->n_acked + i] = l->n_lives;
        make_bytes(l->n_acked + i, l->n_lives, &bytes[i]);
        entries[i] = buf_str(&bytes[i]);
    }
    l->n_inflight = n;
    l->tile_inflight = l->n_acked;
    err = store_append(s, entries, n, NULL);
    if (err == OK) {
        l->n_outcomes = l->n_acked;
        l->n_acked += n;
        l->n_inflight = 0;
        l->tile_acked = l->tile_inflight;
    }
    for (size_t i = 0; i < BATCH_MAX; i++) buf_done(&bytes[i]);
    return err == OK;
}

/* One life: open, look, append until something breaks or it ends well. */
static bool live(struct life *l)
{
    struct store *s = NULL;
    struct why why = {{0}};
    uint64_t n_batches = rng_below(&l->rng, 30);
    bool good = true, faultless = rng_below(&l->rng, 8) == 0;

    l->n_lives++;
    if (!faultless) {
        if (rng_below(&l->rng, 6) == 0) fault_fail_sync(1 + (int)rng_below(&l->rng, 40));
        else if (rng_below(&l->rng, 6) == 0) fault_fail_write(1 + (int)rng_below(&l->rng, 300), rng_below(&l->rng, 2));
        else fault_crash_at(1 + (int)rng_below(&l->rng, rng_below(&l->rng, 2) ? 40 : 400));
    }
    if (store_open_sqlite(l->path, &l->tuning, &s, &why) != OK) {
        if (faultless) printf("# %s\n", why.text);
        return CHECK(!faultless);
    }
    good = store_size(s) == l->n_acked || store_size(s) == l->n_acked + l->n_inflight;
    CHECK(good);
    if (good && faultless) good = holds_what_was_acknowledged(l, s);
    else if (good && store_size(s) != l->n_acked) { /* Served from now on: as good as acknowledged. */
        l->n_outcomes = l->n_acked;
        l->tile_acked = l->tile_inflight;
        l->n_acked = store_size(s);
        l->n_inflight = 0;
    }
    l->n_inflight = 0;
    while (good && n_batches-- > 0 && l->n_acked < ENTRIES_MAX - BATCH_MAX)
        if (!append_batch(l, s)) break;
    if (l->n_inflight) CHECK(store_flush(s, NULL) == ERR_DISK); /* No more writes after a failed one. */
    store_close(s);
    return good;
}

static void no_crash_takes_what_was_acknowledged(void)
{
    static struct life life;
    struct rng rng = t_rng();
    int n_lives = t_steps(400), n_chains = 0;
    const char *tmp = getenv("TMPDIR");
    bool good = true;

    while (good && n_lives > 0) {
        char dir[200], name[256];
        uint64_t n = 1 + rng_below(&rng, 12);
        memset(&life, 0, sizeof life);
        life.rng = (struct rng){rng_next(&rng)};
        (void)snprintf(dir, sizeof dir, "%s/store-crash-XXXXXX", tmp ? tmp : "/tmp");
        if (!CHECK(mkdtemp(dir) != NULL)) return;
        (void)snprintf(life.path, sizeof life.path, "%s/journal.db", dir);
        life.tuning = (struct store_tuning){.page_size = rng_below(&rng, 2) ? 1024 : 4096,
                                            .background_pages = 4 + (int)rng_below(&rng, 60),
                                            .inline_pages = 8 + (int)rng_below(&rng, 120),
                                            .without_thread = rng_below(&rng, 4) > 0};
        fault_reset(rng_next(&rng));
        n_chains++;
        while (good && n-- > 0 && n_lives-- > 0) {
            struct store *s = NULL;
            struct why why = {{0}};
            good = live(&life);
            if (fault_has_crashed() || rng_below(&rng, 4) > 0) fault_crash();
            else fault_heal(); /* The process ended, or stopped at a fault; the machine went on. */
            if (rng_below(&rng, 2)) continue; /* The next life begins unseen, perhaps crashing in its recovery. */
            fault_crash();
            if (!CHECK(store_open_sqlite(life.path, &life.tuning, &s, &why) == OK)) {
                printf("# %s\n", why.text);
                good = false;
                break;
            }
            good = good && holds_what_was_acknowledged(&life, s);
            store_close(s);
        }
        fault_reset(0);
        for (const char *const *end = (const char *const[]){"", "-wal", "-shm", "-journal", ".lock", NULL}; *end; end++) {
            (void)snprintf(name, sizeof name, "%s%s", life.path, *end);
            (void)unlink(name);
        }
        (void)rmdir(dir);
    }
    printf("# %d files\n", n_chains);
}

int main(void)
{
    fault_install();
    RUN(no_crash_takes_what_was_acknowledged);
    return t_done();
}
