/* store.c - what a durable append costs, in batches of several sizes, beside the sync alone.
 * SPDX-License-Identifier: Apache-2.0
 *
 *     build/release/bench/store [FOLDER [PAGE_SIZE [SECONDS [BACKGROUND_PAGES [INLINE_PAGES]]]]]
 *
 * Each batch size runs on a file of its own with an outcome and tiles as a node queues them, and reads each batch back. Floor: one
 * fdatasync of 4 KiB into an allocated file. Prints transactions and entries per second and the latency of a transaction.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/rng.h"
#include "base/vec.h"
#include "journal/store.h"
#include "journal/store_internal.h"

#define ENTRY_BYTES 400
#define OUTCOME_BYTES 60

static int64_t now_ns(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int compare_u64(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

static void print_row(const char *name, struct u64_vec *ns, double seconds, double entries)
{
    qsort(ns->at, ns->n, sizeof *ns->at, compare_u64);
    printf("%-26s %9.0f tx/s %9.0f entries/s   p50 %6.1f  p99 %7.1f  p99.9 %7.1f  max %8.1f us\n", name,
           (double)ns->n / seconds, entries / seconds, (double)ns->at[ns->n / 2] / 1e3,
           (double)ns->at[ns->n * 99 / 100] / 1e3, (double)ns->at[ns->n * 999 / 1000] / 1e3,
           (double)ns->at[ns->n - 1] / 1e3);
}

static void floor_row(const char *dir, double seconds)
{
    AUTO(u64_vec_done) struct u64_vec ns = {0};
    AUTO(buf_done) struct buf path = {0};
    char page[4096];
    int64_t start, t;
    int fd;

    memset(page, 7, sizeof page);
    buf_addf(&path, "%s/floor", dir);
    fd = open(buf_z(&path), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    must(fd >= 0);
    for (int i = 0; i < 1024; i++) must(pwrite(fd, page, sizeof page, i * 4096) == 4096);
    must(fsync(fd) == 0);
    start = now_ns();
    while ((double)((t = now_ns()) - start) < seconds * 1e9) {
        must(pwrite(fd, page, sizeof page, (off_t)(ns.n % 1024) * 4096) == 4096);
        must(fdatasync(fd) == 0);
        u64_vec_add(&ns, (uint64_t)(now_ns() - t));
    }
    print_row("fdatasync of 4 KiB", &ns, (double)(now_ns() - start) / 1e9, (double)ns.n);
    (void)close(fd);
    (void)unlink(buf_z(&path));
}

static enum err count(void *context, uint64_t index, struct str bytes)
{
    (void)index;
    *(uint64_t *)context += bytes.n;
    return OK;
}

static void batch_row(const char *dir, size_t batch, const struct store_tuning *tuning, double seconds, bool reads_back)
{
    AUTO(u64_vec_done) struct u64_vec ns = {0};
    AUTO(buf_done) struct buf path = {0};
    struct rng rng = {1};
    struct str *entries = mem_calloc(batch, sizeof *entries);
    char *bytes = mem_alloc(batch * ENTRY_BYTES), name[32], tile[8192];
    struct store *s;
    struct why why;
    uint64_t seen = 0;
    int64_t start, t;

    buf_addf(&path, "%s/batch.db", dir);
    if (store_open_sqlite(buf_z(&path), tuning, &s, &why)) {
        fprintf(stderr, "%s\n", why.text);
        exit(1);
    }
    for (size_t i = 0; i < batch * ENTRY_BYTES; i++) bytes[i] = (char)rng_next(&rng);
    memset(tile, 3, sizeof tile);
    for (size_t i = 0; i < batch; i++) entries[i] = str_make(bytes + i * ENTRY_BYTES, ENTRY_BYTES);
    start = now_ns();
    while ((double)((t = now_ns()) - start) < seconds * 1e9) {
        uint64_t from = store_size(s);
        enum err err = store_append(s, entries, batch, &why);
        if (!err && reads_back) err = store_read_back(s, from, batch, count, &seen, &why);
        if (err) {
            fprintf(stderr, "%s\n", why.text);
            exit(1);
        }
        u64_vec_add(&ns, (uint64_t)(now_ns() - t));
        for (uint64_t i = from; reads_back && i < from + batch; i++) {
            store_put_outcome(s, i, str_make(bytes, OUTCOME_BYTES));
            if (i % 128 == 127) store_put_tile(s, 0, i / 128, str_make(tile, sizeof tile));
        }
    }
    (void)snprintf(name, sizeof name, "batch %zu%s", batch, reads_back ? " + derived, back" : "");
    print_row(name, &ns, (double)(now_ns() - start) / 1e9, (double)(ns.n * batch));
    store_close(s);
    (void)unlink(buf_z(&path));
    buf_addf(&path, ".lock");
    (void)unlink(buf_z(&path));
    mem_free(entries);
    mem_free(bytes);
}

int main(int argc, char **argv)
{
    static const size_t batches[] = {1, 16, 64, 256};
    struct store_tuning tuning = {.page_size = argc > 2 ? atoi(argv[2]) : 0,
                                  .background_pages = argc > 4 ? atoi(argv[4]) : 0,
                                  .inline_pages = argc > 5 ? atoi(argv[5]) : 0};
    double seconds = argc > 3 ? atof(argv[3]) : 2;
    char dir[4096];

    (void)snprintf(dir, sizeof dir, "%s/store-bench-XXXXXX", argc > 1 ? argv[1] : "/tmp");
    must(mkdtemp(dir) != NULL);
    printf("page size %d, entries of %d bytes\n", tuning.page_size ? tuning.page_size : 4096, ENTRY_BYTES);
    floor_row(dir, seconds / 2);
    for (size_t i = 0; i < sizeof batches / sizeof batches[0]; i++) {
        batch_row(dir, batches[i], &tuning, seconds, false);
        batch_row(dir, batches[i], &tuning, seconds, true);
    }
    floor_row(dir, seconds / 2);
    (void)rmdir(dir);
    return 0;
}
