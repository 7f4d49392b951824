/* test_store.c - the node's copy of the journal: both kinds alike, and what SQLite's files do when storage misbehaves.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "journal/store.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "faultvfs.h"
#include "journal/journal.h"
#include "journal/sql.h"
#include "journal/store_internal.h"
#include "t.h"

static char dir[200], path[256];

static void folder_make(void)
{
    const char *tmp = getenv("TMPDIR");

    (void)snprintf(dir, sizeof dir, "%s/store-XXXXXX", tmp ? tmp : "/tmp");
    must(mkdtemp(dir) != NULL);
    (void)snprintf(path, sizeof path, "%s/journal.db", dir);
    fault_reset(1);
}

static void folder_remove(void)
{
    char name[300];

    for (const char *const *end = (const char *const[]){"", "-wal", "-shm", "-journal", ".lock", NULL}; *end; end++) {
        (void)snprintf(name, sizeof name, "%s%s", path, *end);
        (void)unlink(name);
    }
    CHECK_INT(rmdir(dir), 0);
}

static struct str entry_of(uint64_t index, char text[64])
{
    (void)snprintf(text, 64, "entry %llu of many%.*s", (unsigned long long)index, (int)(index % 30),
                   "..............................");
    return str_of(text);
}

static enum err append(struct store *s, size_t n, struct why *why)
{
    struct str *entries = mem_calloc(n, sizeof *entries);
    char(*texts)[64] = mem_calloc(n, sizeof *texts);
    enum err err;

    for (size_t i = 0; i < n; i++) entries[i] = entry_of(store_size(s) + i, texts[i]);
    err = store_append(s, entries, n, why);
    mem_free(entries);
    mem_free(texts);
    return err;
}

static enum err same(void *context, uint64_t index, struct str bytes)
{
    char text[64];

    CHECK_INT(index, *(uint64_t *)context);
    CHECK_STR(bytes, entry_of(index, text));
    (*(uint64_t *)context)++;
    return OK;
}

static enum err stop_at_5(void *context, uint64_t index, struct str bytes)
{
    (void)bytes;
    ++*(int *)context;
    return index == 5 ? ERR_STATE : OK;
}

static void both_kinds_keep_what_they_are_given(void)
{
    folder_make();
    for (int kind = 0; kind < 2; kind++) {
        AUTO(buf_done) struct buf got = {0};
        uint64_t next = 3, n_syncs, n_bytes;
        struct store *s = NULL;
        struct why why;
        char text[64];
        int n_calls = 0;

        must(store_open(kind ? path : NULL, &s, &why) == OK);
        CHECK_INT(store_size(s), 0);
        CHECK_INT(store_flush(s, &why), OK);
        CHECK_INT(append(s, 7, &why), OK);
        CHECK_INT(append(s, 300, &why), OK);
        CHECK_INT(store_size(s), 307);
        CHECK_INT(store_read_back(s, 3, 304, same, &next, &why), OK);
        CHECK_INT(next, 307);
        CHECK_INT(store_read_back(s, 307, 0, same, &next, &why), OK);
        CHECK_INT(store_read_back(s, 300, 8, same, &next, &why), ERR_NOT_FOUND);
        CHECK_INT(store_read_back(s, 2, 100, stop_at_5, &n_calls, &why), ERR_STATE);
        CHECK_INT(n_calls, 4);
        CHECK_INT(store_get_entry(s, 306, &got, &why), OK);
        CHECK_STR(buf_str(&got), entry_of(306, text));
        CHECK_INT(store_get_entry(s, 307, &got, &why), ERR_NOT_FOUND);
        CHECK_STR(buf_str(&got), entry_of(306, text));
        store_counts(s, &n_syncs, &n_bytes);
        CHECK_INT(n_syncs, 2);
        CHECK(n_bytes > 307 * 15 && n_bytes < 307 * 60);
        CHECK_INT(store_check(s, &why), OK);
        store_close(s);
    }
    folder_remove();
}

static void derived_data_is_there_once_it_is_committed_and_can_be_replaced(void)
{
    folder_make();
    for (int kind = 0; kind < 2; kind++) {
        AUTO(buf_done) struct buf got = {0};
        struct store *s = NULL;

        must(store_open(kind ? path : NULL, &s, NULL) == OK);
        store_put_outcome(s, 0, STR("accepted"));
        store_put_tile(s, 0, 0, STR("aaaa"));
        store_put_tile(s, 63, (UINT64_C(1) << 56) - 1, STR("far"));
        store_put_tile(s, 0, 0, STR("aaaabbbb"));
        CHECK_INT(store_get_outcome(s, 0, &got, NULL), ERR_NOT_FOUND);
        CHECK_INT(append(s, 1, NULL), OK);
        CHECK_INT(store_get_outcome(s, 0, &got, NULL), OK);
        CHECK_INT(store_get_tile(s, 0, 0, &got, NULL), OK);
        CHECK_INT(store_get_tile(s, 63, (UINT64_C(1) << 56) - 1, &got, NULL), OK);
        CHECK_STR(buf_str(&got), STR("acceptedaaaabbbbfar"));
        store_put_tile(s, 0, 0, STR("c"));
        store_put_outcome(s, 0, (struct str){NULL, 0});
        CHECK_INT(store_flush(s, NULL), OK);
        buf_clear(&got);
        CHECK_INT(store_get_tile(s, 0, 0, &got, NULL), OK);
        CHECK_INT(store_get_outcome(s, 0, &got, NULL), OK);
        CHECK_STR(buf_str(&got), STR("c"));
        CHECK_INT(store_get_tile(s, 1, 0, &got, NULL), ERR_NOT_FOUND);
        CHECK_INT(store_get_tile(s, 64, 0, &got, NULL), ERR_NOT_FOUND);
        CHECK_INT(store_size(s), 1);
        store_close(s);
    }
    folder_remove();
}

static void many_at_a_time_are_the_same_as_one_by_one(void)
{
    for (int kind = 0; kind < 2; kind++) {
        AUTO(buf_done) struct buf all = {0}, one = {0};
        struct store *s = NULL;
        struct why why = {{0}};
        size_t ends[40];

        folder_make();
        must(store_open(kind ? path : NULL, &s, &why) == OK);
        for (uint64_t i = 0; i < 30; i++) {
            char text[64];
            store_put_outcome(s, i, entry_of(1000 + i, text));
        }
        CHECK_INT(append(s, 40, &why), OK);
        buf_add_str(&all, STR("before"));
        CHECK_INT(store_get_entries(s, 7, 33, &all, ends, &why), OK);
        for (size_t i = 0; i < 33; i++) {
            size_t begin = i ? ends[i - 1] : 0;
            buf_clear(&one);
            CHECK_INT(store_get_entry(s, 7 + i, &one, &why), OK);
            CHECK_STR(str_make(all.at + 6 + begin, ends[i] - begin), buf_str(&one));
        }
        size_t n = all.n;
        CHECK_INT(store_get_entries(s, 7, 34, &all, ends, &why), ERR_NOT_FOUND);
        CHECK_INT(store_get_outcomes(s, 25, 6, &all, ends, &why), ERR_NOT_FOUND);
        CHECK_INT(all.n, n); /* All or nothing. */
        CHECK_INT(store_get_outcomes(s, 25, 5, &all, ends, &why), OK);
        buf_clear(&one);
        CHECK_INT(store_get_outcome(s, 29, &one, &why), OK);
        CHECK_STR(str_make(all.at + n + ends[3], ends[4] - ends[3]), buf_str(&one));
        CHECK_INT(store_get_outcomes(s, 99, 0, &all, ends, &why), OK);
        store_close(s);
        folder_remove();
    }
}

static void a_store_opened_again_holds_the_same(void)
{
    struct store *s = NULL;
    struct why why;
    uint64_t next = 0;

    folder_make();
    for (int i = 0; i < 4; i++) {
        must(store_open(path, &s, &why) == OK);
        CHECK_INT(store_size(s), i * 500);
        CHECK_INT(append(s, 500, &why), OK);
        store_close(s);
    }
    must(store_open(path, &s, &why) == OK);
    CHECK_INT(store_read_back(s, 0, 2000, same, &next, &why), OK);
    store_close(s);
    folder_remove();
}

static void only_one_may_hold_a_store_and_the_other_is_named(void)
{
    struct store *first = NULL, *second = NULL;
    struct why why;
    char pid[32];
    int status = -1;
    pid_t child;

    folder_make();
    must(store_open(path, &first, &why) == OK);
    (void)snprintf(pid, sizeof pid, "process %ld;", (long)getpid());
    CHECK_INT(store_open(path, &second, &why), ERR_BUSY);
    CHECK(strstr(why.text, pid) != NULL);
    CHECK(strstr(why.text, path) != NULL);
    child = fork();
    if (child == 0) _exit(store_open(path, &second, &why) == ERR_BUSY && strstr(why.text, pid) ? 0 : 1);
    CHECK(child > 0 && waitpid(child, &status, 0) == child);
    CHECK_INT(status, 0);
    store_close(first);
    CHECK_INT(store_open(path, &second, &why), OK);
    store_close(second);
    folder_remove();
}

static void write_file(const char *text)
{
    FILE *file = fopen(path, "wb");

    must(file && fputs(text, file) >= 0 && fclose(file) == 0);
}

static void expect_refusal(enum err want, const char *words)
{
    struct store *s = NULL;
    struct why why = {{0}};

    CHECK_INT(store_open(path, &s, &why), want);
    CHECK(s == NULL);
    if (!CHECK(strstr(why.text, words) != NULL && strstr(why.text, path) != NULL)) printf("# %s\n", why.text);
}

static void run_sql(const char *text)
{
    struct sql q = {0};
    struct why why;

    must(sql_open(path, true, &q, &why) == OK);
    if (!CHECK(sql_run(&q, text, &why) == OK)) printf("# %s\n", why.text);
    sql_close(&q);
}

static void foreign_and_unknown_files_are_refused_and_left_alone(void)
{
    struct str text;

    folder_make();
    write_file("This is a letter to a friend, and not a database at all; it is long enough to be taken for one, though, "
               "as it has more than a hundred bytes and so could hold a header.");
    expect_refusal(ERR_CORRUPT, "not a database");
    text = t_read_file(path);
    CHECK(str_starts(text, STR("This is a letter")));
    free((void *)text.at);
    (void)unlink(path);
    run_sql("CREATE TABLE recipe(name, text)");
    expect_refusal(ERR_CORRUPT, "another program");
    (void)unlink(path);
    run_sql("PRAGMA application_id = 0x6a6c6f67; PRAGMA user_version = 2; CREATE TABLE entry(x)");
    expect_refusal(ERR_CORRUPT, "format 2; this program knows 1");
    folder_remove();
}

static void a_folder_that_is_not_there_is_named(void)
{
    folder_make();
    (void)snprintf(path, sizeof path, "%s/nowhere/journal.db", dir);
    expect_refusal(ERR_DISK, "No such file or directory");
    (void)snprintf(path, sizeof path, "%s/journal.db", dir);
    must(mkdir(path, 0700) == 0);
    expect_refusal(ERR_DISK, "opening");
    must(rmdir(path) == 0);
    folder_remove();
}

static void a_gap_and_a_damaged_page_are_found(void)
{
    struct store *s = NULL;
    struct why why;
    FILE *file;

    folder_make();
    must(store_open(path, &s, &why) == OK);
    CHECK_INT(append(s, 200, &why), OK);
    store_close(s);
    run_sql("DELETE FROM entry WHERE pos = 117");
    expect_refusal(ERR_CORRUPT, "some are missing");
    run_sql("INSERT INTO entry VALUES(117, x'00')");
    must(store_open(path, &s, &why) == OK);
    CHECK_INT(store_check(s, &why), OK);
    store_close(s);
    file = fopen(path, "r+b");
    must(file && fseek(file, 4096 * 5 + 2, SEEK_SET) == 0 && fwrite("\377\377\377\377\377\377", 6, 1, file) == 1);
    must(fclose(file) == 0);
    if (store_open(path, &s, &why) == OK) {
        CHECK_INT(store_check(s, &why), ERR_CORRUPT);
        store_close(s);
    } else {
        CHECK(strstr(why.text, path) != NULL);
    }
    folder_remove();
}

static void after_a_failed_append_nothing_is_written_and_reads_go_on(void)
{
    static const struct {
        const char *words;
        bool is_full, is_sync;
    } cases[] = {{"full", true, false}, {"I/O error", false, false}, {"I/O error", false, true}};

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        AUTO(buf_done) struct buf got = {0};
        struct store *s = NULL;
        struct why why = {{0}};
        uint64_t next = 0;
        int n_writes;

        folder_make();
        must(store_open(path, &s, &why) == OK);
        CHECK_INT(append(s, 50, &why), OK);
        if (cases[i].is_sync) fault_fail_sync(1);
        else fault_fail_write(2, cases[i].is_full);
        CHECK_INT(append(s, 50, &why), ERR_DISK);
        if (!CHECK(strstr(why.text, cases[i].words) && strstr(why.text, path))) printf("# %s\n", why.text);
        fault_heal();
        n_writes = fault_n_writes();
        CHECK_INT(append(s, 1, &why), ERR_DISK);
        CHECK(strstr(why.text, "no more writes after") != NULL);
        CHECK(strstr(why.text, cases[i].words) != NULL);
        store_put_outcome(s, 0, STR("x"));
        CHECK_INT(store_flush(s, &why), ERR_DISK);
        CHECK_INT(fault_n_writes(), n_writes);
        CHECK_INT(store_size(s), 50);
        CHECK_INT(store_read_back(s, 0, 50, same, &next, &why), OK);
        CHECK_INT(store_get_entry(s, 49, &got, &why), OK);
        CHECK_INT(store_get_entry(s, 50, &got, &why), ERR_NOT_FOUND);
        store_close(s);
        must(store_open(path, &s, &why) == OK);
        CHECK(store_size(s) == 50 || store_size(s) == 100);
        CHECK_INT(append(s, 10, &why), OK);
        CHECK_INT(store_check(s, &why), OK);
        store_close(s);
        folder_remove();
    }
}

static void a_read_that_fails_is_no_missing_entry(void)
{
    AUTO(buf_done) struct buf got = {0};
    struct store *s = NULL;
    struct why why = {{0}};
    uint64_t next = 0;

    folder_make();
    must(store_open(path, &s, &why) == OK);
    CHECK_INT(append(s, 50, &why), OK);
    fault_fail_reads(true);
    CHECK_INT(store_read_back(s, 0, 50, same, &next, &why), ERR_DISK);
    CHECK_INT(store_get_entry(s, 1, &got, &why), ERR_DISK);
    CHECK_INT(store_get_outcome(s, 1, &got, &why), ERR_DISK);
    fault_heal();
    CHECK_INT(store_get_entry(s, 1, &got, &why), OK);
    CHECK_INT(append(s, 50, &why), OK); /* Reading is not writing. */
    store_close(s);
    folder_remove();
}

static void an_append_costs_one_sync(void)
{
    struct store_tuning lazy = {.background_pages = 1000000};
    struct store *s = NULL;
    struct why why;
    int before;

    folder_make();
    must(store_open_sqlite(path, &lazy, &s, &why) == OK);
    CHECK_INT(append(s, 1, &why), OK); /* The first makes the log. */
    before = fault_n_syncs();
    for (int i = 0; i < 50; i++) CHECK_INT(append(s, 20, &why), OK);
    CHECK_INT(fault_n_syncs() - before, 50);
    store_close(s);
    folder_remove();
}

static void the_log_starts_over_and_does_not_grow_for_ever(void)
{
    struct store_tuning small = {.background_pages = 16, .inline_pages = 64};
    char log[300];
    struct store *s = NULL;
    struct why why;
    struct stat is = {0};

    folder_make();
    (void)snprintf(log, sizeof log, "%s-wal", path);
    must(store_open_sqlite(path, &small, &s, &why) == OK);
    for (int i = 0; i < 2000; i++) CHECK_INT(append(s, 20, &why), OK);
    CHECK(stat(log, &is) == 0);
    CHECK(is.st_size > 0 && is.st_size < 6 * 64 * 4120); /* 40,000 entries wrote some 6,000 pages. */
    store_close(s);
    CHECK(stat(log, &is) != 0);
    folder_remove();
}

struct watch {
    struct store *s;
    _Atomic bool stops;
    uint64_t n_reads;
};

static void *watch_main(void *context)
{
    struct watch *w = context;
    struct rng rng = {7};
    struct buf got = {0};
    char text[64];

    while (!w->stops) {
        uint64_t size = store_size(w->s), index;
        if (size == 0) continue;
        index = rng_below(&rng, 4) ? size - 1 : rng_below(&rng, size);
        buf_clear(&got);
        if (!CHECK(store_get_entry(w->s, index, &got, NULL) == OK)) break;
        if (!CHECK_STR(buf_str(&got), entry_of(index, text))) break;
        buf_clear(&got);
        if (index + 20 < size && !CHECK(store_get_outcome(w->s, index, &got, NULL) == OK)) break;
        w->n_reads++;
    }
    buf_done(&got);
    return NULL;
}

static void readers_on_other_threads_see_all_that_is_committed(void)
{
    struct store_tuning small = {.background_pages = 16, .inline_pages = 64};

    for (int kind = 0; kind < 2; kind++) {
        struct watch watches[3];
        pthread_t threads[3];
        struct store *s = NULL;
        uint64_t next = 0;

        folder_make();
        must((kind ? store_open_sqlite(path, &small, &s, NULL) : store_open(NULL, &s, NULL)) == OK);
        for (int i = 0; i < 3; i++) {
            watches[i] = (struct watch){.s = s};
            must(pthread_create(&threads[i], NULL, watch_main, &watches[i]) == 0);
        }
        for (int i = 0; i < 400; i++) {
            uint64_t size = store_size(s);
            if (!CHECK(append(s, 20, NULL) == OK)) break;
            for (uint64_t j = size; j < size + 20; j++) store_put_outcome(s, j, STR("accepted"));
            if (i % 50 == 0) CHECK(store_read_back(s, next, 20, same, &next, NULL) == OK);
        }
        for (int i = 0; i < 3; i++) {
            watches[i].stops = true;
            must(pthread_join(threads[i], NULL) == 0);
        }
        CHECK(store_flush(s, NULL) == OK);
        CHECK(store_check(s, NULL) == OK);
        store_close(s);
        if (kind) folder_remove();
        else CHECK_INT(rmdir(dir), 0);
    }
}

static void an_embedded_journal_orders_by_arrival(void)
{
    struct str entries[2] = {STR("one"), STR("two")};

    folder_make();
    for (int kind = 0; kind < 2; kind++) {
        AUTO(buf_done) struct buf got = {0};
        struct journal *j = NULL;
        struct why why;

        must((kind ? journal_open_sqlite(dir, &j, &why) : journal_open_mem(&j, &why)) == OK);
        CHECK_STR(str_of(j->name), kind ? STR("sqlite") : STR("mem"));
        CHECK_INT(j->propose(j, entries, 2, &why), OK);
        CHECK_INT(j->propose(j, entries, 1, &why), OK);
        CHECK_INT(j->follow(j, 1000000, &why), OK);
        CHECK_INT(store_size(j->store), 3);
        for (uint64_t i = 0; i < 3; i++) CHECK_INT(store_get_entry(j->store, i, &got, &why), OK);
        CHECK_STR(buf_str(&got), STR("onetwoone"));
        j->close(j);
    }
    folder_remove();
}

int main(void)
{
    fault_install();
    RUN(both_kinds_keep_what_they_are_given);
    RUN(derived_data_is_there_once_it_is_committed_and_can_be_replaced);
    RUN(many_at_a_time_are_the_same_as_one_by_one);
    RUN(a_store_opened_again_holds_the_same);
    RUN(only_one_may_hold_a_store_and_the_other_is_named);
    RUN(foreign_and_unknown_files_are_refused_and_left_alone);
    RUN(a_folder_that_is_not_there_is_named);
    RUN(a_gap_and_a_damaged_page_are_found);
    RUN(after_a_failed_append_nothing_is_written_and_reads_go_on);
    RUN(a_read_that_fails_is_no_missing_entry);
    RUN(an_append_costs_one_sync);
    RUN(the_log_starts_over_and_does_not_grow_for_ever);
    RUN(readers_on_other_threads_see_all_that_is_committed);
    RUN(an_embedded_journal_orders_by_arrival);
    return t_done();
}
