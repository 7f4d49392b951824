/* store_sqlite.c - the store in one SQLite file with a write-ahead log.
 * SPDX-License-Identifier: Apache-2.0
 *
 *     entry(pos, bytes)     pos counts from 0 without a gap
 *     outcome(pos, bytes)   of the entry at pos
 *     tile(id, bytes)       id = level * 2^56 + number
 *
 * Connections: the writer's (appending thread), one that reads back (same thread, see store.h), one that copies the log into
 * the database (a thread of its own), and a pool for readers, each used by one thread at a time. With a write-ahead log
 * readers and writer never wait for each other.
 *
 * SQLite publishes a transaction to other connections after its sync (so I3 holds), and syncs once a transaction. Copying
 * the log back ("checkpoint") is left to the thread, since an append would pay for thousands of pages and a sync at
 * once; but the log can only start over when no page of it is left to copy, and under load the thread never gets there. So
 * once the log is long and the thread is almost through, the appending thread copies the small rest:
 *
 *     log pages   0 ......... background ......... inline ............. 4 * inline
 *                  nothing     thread copies       writer copies the      writer copies
 *                                                  rest, if it is small   whatever is left
 *
 * The log file keeps its length when it starts over, so that syncs find its blocks allocated.
 *
 * After a failed sync the kernel may call pages clean that never reached the medium. So after an unclean end a copy of the log
 * is synced and takes its place first: what recovery then finds in it is on the medium.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "journal/sql.h"
#include "journal/store_internal.h"

#define FORMAT_ID 0x6a6c6f67 /* "jlog" */
#define FORMAT_VERSION 1
#define N_IDLE_READERS 16
#define REST_PAGES 256       /* What the appending thread copies at once without being noticed: 1 MiB. */
#define CHECK_ALL_BYTES (INT64_C(64) << 20)
#define CHECK_TAIL 4096
#define COPY_BYTES (1 << 18)

/* A reader's connection, with a statement a table. */
struct reader {
    struct sql sql;
    sqlite3_stmt *get[STORE_N_TABLES];
    sqlite3_stmt *range[STORE_TILE]; /* Of entries and outcomes. */
    struct reader *next;
};

struct store_sqlite {
    struct store base;
    struct store_tuning tuning;
    struct buf path, lock_path;
    int lock_fd;

    struct sql writer;
    sqlite3_stmt *begin, *end, *put[STORE_N_TABLES];
    struct sql back;
    sqlite3_stmt *range;

    pthread_mutex_t readers_lock;
    struct reader *idle;
    unsigned n_idle;

    struct sql copier;
    pthread_t thread;
    bool has_thread;
    pthread_mutex_t copier_lock;
    pthread_cond_t copier_wakes;
    bool copy_wanted, copier_stops;
    _Atomic int copied_pages; /* Of the log, by the last copying. */
    int log_pages;            /* In the log after the last commit; the appending thread's. */
};

/* ---- Opening and its checks. ---- */

static enum err is_ours(const struct sql *q, bool *ret_is_new, struct why *why)
{
    int64_t id = 0, version = 0, n_tables = 0;

    TRY(sql_number(q, "PRAGMA application_id", &id, why));
    TRY(sql_number(q, "PRAGMA user_version", &version, why));
    TRY(sql_number(q, "SELECT count(*) FROM sqlite_schema", &n_tables, why));
    if (id == 0 && version == 0 && n_tables == 0) {
        *ret_is_new = true;
        return OK;
    }
    if (id != FORMAT_ID) return fail(why, ERR_CORRUPT, "%s: this database belongs to another program", q->path);
    if (version != FORMAT_VERSION)
        return fail(why, ERR_CORRUPT, "%s: journal format %lld; this program knows %d", q->path,
                    (long long)version, FORMAT_VERSION);
    *ret_is_new = false;
    return OK;
}

static enum err make_tables(const struct sql *q, int page_size, struct why *why)
{
    char text[1024];

    (void)snprintf(text, sizeof text,
                   "PRAGMA page_size = %d; PRAGMA synchronous = EXTRA; BEGIN EXCLUSIVE;"
                   "PRAGMA application_id = %d; PRAGMA user_version = %d;"
                   "CREATE TABLE entry(pos INTEGER PRIMARY KEY, bytes BLOB NOT NULL) STRICT;"
                   "CREATE TABLE outcome(pos INTEGER PRIMARY KEY, bytes BLOB NOT NULL) STRICT;"
                   "CREATE TABLE tile(id INTEGER PRIMARY KEY, bytes BLOB NOT NULL) STRICT;"
                   "COMMIT",
                   page_size, FORMAT_ID, FORMAT_VERSION);
    TRY(sql_run(q, text, why));
    return store_sync_folder(q->path, why);
}

static enum err setup(const struct sql *q, struct why *why)
{
    char mode[16];

    TRY(sql_text(q, "PRAGMA journal_mode = WAL", sizeof mode, mode, why));
    if (strcmp(mode, "wal") != 0)
        return fail(why, ERR_DISK, "%s: the file system cannot hold a write-ahead log (mode %s)", q->path, mode);
    return sql_run(q, "PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 0; PRAGMA trusted_schema = OFF", why);
}

/* No gap among the last n entries (all, if n is larger). */
static enum err check_tail(const struct sql *q, int64_t n, struct why *why)
{
    int64_t size = 0, from, found = 0;
    char text[128];

    TRY(sql_number(q, "SELECT ifnull(max(pos) + 1, 0) FROM entry", &size, why));
    from = size > n ? size - n : 0;
    (void)snprintf(text, sizeof text, "SELECT count(*) FROM entry WHERE pos >= %lld",
                   (long long)(from > 0 ? from : INT64_MIN));
    TRY(sql_number(q, text, &found, why));
    if (found != size - from)
        return fail(why, ERR_CORRUPT, "%s: %lld entries stand from %lld to %lld: some are missing", q->path,
                    (long long)found, (long long)from, (long long)size - 1);
    return OK;
}

static enum err check_all(const struct sql *q, struct why *why)
{
    char line[160];

    TRY(sql_text(q, "PRAGMA quick_check(1)", sizeof line, line, why));
    if (strcmp(line, "ok") != 0) return fail(why, ERR_CORRUPT, "%s: %s", q->path, line);
    return check_tail(q, INT64_MAX, why);
}

/* See the head. A copy takes the log's place, since a crash while a sector is written over may garble it. */
static enum err copy_file(int from, int to)
{
    AUTO(buf_done) struct buf bytes = {0};
    char *room = buf_reserve(&bytes, COPY_BYTES);
    ssize_t n;

    while ((n = read(from, room, COPY_BYTES)) > 0)
        if (write(to, room, (size_t)n) != n) return ERR_DISK;
    return n == 0 && fsync(to) == 0 ? OK : ERR_DISK;
}

static enum err replace_log(const char *path, struct why *why)
{
    AUTO(buf_done) struct buf log = {0}, fresh = {0};
    enum err err = ERR_DISK;
    int from, to;

    buf_addf(&log, "%s-wal", path);
    buf_addf(&fresh, "%s-wal.new", path);
    errno = 0;
    from = open(buf_z(&log), O_RDONLY | O_CLOEXEC);
    to = open(buf_z(&fresh), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (from >= 0 && to >= 0) err = copy_file(from, to);
    if (err == OK && rename(buf_z(&fresh), buf_z(&log)) != 0) err = ERR_DISK;
    if (err) err = fail(why, err, "%s: cannot make it anew: %s", buf_z(&log), strerror(errno ? errno : ENOSPC));
    if (from >= 0) (void)close(from);
    if (to >= 0) (void)close(to);
    if (err) (void)unlink(buf_z(&fresh));
    return err ? err : store_sync_folder(path, why);
}

/* After an end without store_close(): SQLite has recovered the log when it was first read; it is copied into the
 * database, and that is looked at. */
static enum err after_unclean_end(const struct sql *q, struct why *why)
{
    struct stat is;
    int rc = sqlite3_wal_checkpoint_v2(q->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);

    if (rc != SQLITE_OK) return sql_fail(q, rc, why, "copying the log after an unclean end");
    if (stat(q->path, &is) == 0 && is.st_size <= CHECK_ALL_BYTES) return check_all(q, why);
    return check_tail(q, CHECK_TAIL, why);
}

static bool log_is_left(const char *path)
{
    AUTO(buf_done) struct buf log = {0};
    struct stat is;

    buf_addf(&log, "%s-wal", path);
    return stat(buf_z(&log), &is) == 0 && is.st_size > 0;
}

/* ---- Appending. ---- */

static int count_pages(void *context, sqlite3 *db, const char *name, int n_pages)
{
    struct store_sqlite *s = context;

    (void)db;
    (void)name;
    s->log_pages = n_pages;
    return SQLITE_OK;
}

static enum err copy_log(struct store_sqlite *s, const struct sql *q, struct why *why)
{
    int n_log = -1, n_copied = -1;
    int rc = sqlite3_wal_checkpoint_v2(q->db, NULL, SQLITE_CHECKPOINT_PASSIVE, &n_log, &n_copied);

    if (rc != SQLITE_OK && (rc & 0xff) != SQLITE_BUSY && (rc & 0xff) != SQLITE_LOCKED)
        return sql_fail(q, rc, why, "copying the log into the database");
    if (rc == SQLITE_OK && n_copied >= 0) atomic_store(&s->copied_pages, n_copied);
    return OK;
}

static void *copier_main(void *context)
{
    struct store_sqlite *s = context;

    must(pthread_mutex_lock(&s->copier_lock) == 0);
    for (;;) {
        struct why why = {0};
        while (!s->copy_wanted && !s->copier_stops)
            must(pthread_cond_wait(&s->copier_wakes, &s->copier_lock) == 0);
        if (s->copier_stops) break;
        s->copy_wanted = false;
        must(pthread_mutex_unlock(&s->copier_lock) == 0);
        if (copy_log(s, &s->copier, &why)) store_fail(&s->base, &why);
        must(pthread_mutex_lock(&s->copier_lock) == 0);
    }
    must(pthread_mutex_unlock(&s->copier_lock) == 0);
    return NULL;
}

/* See the drawing in the head. A failure here does not undo the append that was before it. */
static void tend_log(struct store_sqlite *s)
{
    const struct store_tuning *t = &s->tuning;
    int copied = atomic_load(&s->copied_pages), pages = s->log_pages, rest;
    struct why why = {0};

    if (copied > pages) {
        copied = 0; /* The log started over. */
        atomic_store(&s->copied_pages, 0);
    }
    rest = pages - copied;
    if (pages < t->background_pages) return;
    if (t->without_thread || (pages >= t->inline_pages && (rest <= REST_PAGES || pages >= 4 * t->inline_pages))) {
        if (copy_log(s, &s->writer, &why)) store_fail(&s->base, &why);
    } else if (rest >= t->background_pages / 2) {
        must(pthread_mutex_lock(&s->copier_lock) == 0);
        s->copy_wanted = true;
        must(pthread_cond_signal(&s->copier_wakes) == 0);
        must(pthread_mutex_unlock(&s->copier_lock) == 0);
    }
}

static int put(sqlite3_stmt *statement, uint64_t id, struct str bytes)
{
    (void)sqlite3_bind_int64(statement, 1, (int64_t)id);
    sql_bind_bytes(statement, 2, bytes);
    return sql_step(statement);
}

static enum err sqlite_commit(struct store *base, const struct str *entries, size_t n, struct why *why)
{
    struct store_sqlite *s = (struct store_sqlite *)base;
    uint64_t size = atomic_load(&base->size);
    int rc = sql_step(s->begin);
    enum err err;

    for (size_t i = 0; rc == SQLITE_OK && i < n; i++) rc = put(s->put[STORE_ENTRY], size + i, entries[i]);
    for (size_t i = 0; rc == SQLITE_OK && i < base->queue.n; i++) {
        struct store_item item = base->queue.at[i];
        rc = put(s->put[item.table], item.id, str_make(base->queue_bytes.at + item.at, item.n));
    }
    if (rc == SQLITE_OK) rc = sql_step(s->end);
    if (rc == SQLITE_OK) {
        tend_log(s);
        return OK;
    }
    err = sql_fail(&s->writer, rc, why, "appending");
    if (!sqlite3_get_autocommit(s->writer.db)) (void)sqlite3_exec(s->writer.db, "ROLLBACK", NULL, NULL, NULL);
    return err;
}

/* ---- Reading. ---- */

static enum err sqlite_read_back(struct store *base, uint64_t from, uint64_t n,
                              enum err (*each)(void *context, uint64_t index, struct str bytes), void *context,
                              struct why *why)
{
    struct store_sqlite *s = (struct store_sqlite *)base;
    uint64_t next = from;
    enum err err = OK;
    int rc;

    (void)sqlite3_bind_int64(s->range, 1, (int64_t)from);
    (void)sqlite3_bind_int64(s->range, 2, (int64_t)(from + n));
    while ((rc = sqlite3_step(s->range)) == SQLITE_ROW && err == OK) {
        if ((uint64_t)sqlite3_column_int64(s->range, 0) != next) break;
        err = each(context, next++,
                   str_make(sqlite3_column_blob(s->range, 1), (size_t)sqlite3_column_bytes(s->range, 1)));
    }
    if (err == OK && rc != SQLITE_ROW && rc != SQLITE_DONE) err = sql_fail(&s->back, rc, why, "reading back");
    else if (err == OK && next != from + n)
        err = fail(why, ERR_CORRUPT, "%s: entry %llu is missing", s->back.path, (unsigned long long)next);
    (void)sqlite3_reset(s->range);
    return err;
}

static void reader_free(struct reader *r)
{
    for (int t = 0; t < STORE_N_TABLES; t++) (void)sqlite3_finalize(r->get[t]);
    for (int t = 0; t < STORE_TILE; t++) (void)sqlite3_finalize(r->range[t]);
    sql_close(&r->sql);
    mem_free(r);
}

static enum err reader_take(struct store_sqlite *s, struct reader **ret, struct why *why)
{
    static const char *const texts[STORE_N_TABLES] = {
        "SELECT bytes FROM entry WHERE pos = ?1",
        "SELECT bytes FROM outcome WHERE pos = ?1",
        "SELECT bytes FROM tile WHERE id = ?1",
    };
    static const char *const ranges[STORE_TILE] = {
        "SELECT pos, bytes FROM entry WHERE pos >= ?1 AND pos < ?2 ORDER BY pos",
        "SELECT pos, bytes FROM outcome WHERE pos >= ?1 AND pos < ?2 ORDER BY pos",
    };
    struct reader *r;
    enum err err;

    must(pthread_mutex_lock(&s->readers_lock) == 0);
    r = s->idle;
    if (r) {
        s->idle = r->next;
        s->n_idle--;
    }
    must(pthread_mutex_unlock(&s->readers_lock) == 0);
    if (!r) {
        r = mem_zalloc(sizeof *r);
        err = sql_open(s->writer.path, false, &r->sql, why);
        for (int t = 0; err == OK && t < STORE_N_TABLES; t++) err = sql_prepare(&r->sql, texts[t], &r->get[t], why);
        for (int t = 0; err == OK && t < STORE_TILE; t++) err = sql_prepare(&r->sql, ranges[t], &r->range[t], why);
        if (err) {
            reader_free(r);
            return err;
        }
    }
    *ret = r;
    return OK;
}

static void reader_give_back(struct store_sqlite *s, struct reader *r)
{
    must(pthread_mutex_lock(&s->readers_lock) == 0);
    if (s->n_idle < N_IDLE_READERS) {
        r->next = s->idle;
        s->idle = r;
        s->n_idle++;
        r = NULL;
    }
    must(pthread_mutex_unlock(&s->readers_lock) == 0);
    if (r) reader_free(r);
}

static enum err sqlite_get(struct store *base, enum store_table table, uint64_t id, struct buf *ret, struct why *why)
{
    struct store_sqlite *s = (struct store_sqlite *)base;
    struct reader *r = NULL;
    sqlite3_stmt *statement;
    enum err err = OK;
    int rc;

    TRY(reader_take(s, &r, why));
    statement = r->get[table];
    (void)sqlite3_bind_int64(statement, 1, (int64_t)id);
    rc = sqlite3_step(statement);
    if (rc == SQLITE_ROW)
        buf_add(ret, sqlite3_column_blob(statement, 0), (size_t)sqlite3_column_bytes(statement, 0));
    else if (rc != SQLITE_DONE)
        err = sql_fail(&r->sql, rc, why, "reading");
    else if (table == STORE_ENTRY) /* Below the size, so it must be there. */
        err = fail(why, ERR_CORRUPT, "%s: entry %llu is missing", r->sql.path, (unsigned long long)id);
    else
        err = fail(why, ERR_NOT_FOUND, "number %llu is not stored", (unsigned long long)id);
    (void)sqlite3_reset(statement);
    reader_give_back(s, r);
    return err;
}

static enum err sqlite_check(struct store *base, struct why *why)
{
    struct store_sqlite *s = (struct store_sqlite *)base;
    struct reader *r = NULL;
    enum err err;

    TRY(reader_take(s, &r, why));
    err = check_all(&r->sql, why);
    reader_give_back(s, r);
    return err;
}

/* ---- Closing; also the end of a failed opening. ---- */

static void stop_copier(struct store_sqlite *s)
{
    if (!s->has_thread) return;
    must(pthread_mutex_lock(&s->copier_lock) == 0);
    s->copier_stops = true;
    must(pthread_cond_signal(&s->copier_wakes) == 0);
    must(pthread_mutex_unlock(&s->copier_lock) == 0);
    must(pthread_join(s->thread, NULL) == 0);
}

static void sqlite_close_store(struct store *base)
{
    struct store_sqlite *s = (struct store_sqlite *)base;

    stop_copier(s);
    while (s->idle) {
        struct reader *r = s->idle;
        s->idle = r->next;
        reader_free(r);
    }
    (void)sqlite3_finalize(s->begin);
    (void)sqlite3_finalize(s->end);
    (void)sqlite3_finalize(s->range);
    for (int t = 0; t < STORE_N_TABLES; t++) (void)sqlite3_finalize(s->put[t]);
    sql_close(&s->copier);
    sql_close(&s->back);
    /* The last connection copies the log and removes it, unless storage failed: then all stays for the next start. */
    if (s->writer.db && atomic_load(&base->has_failed))
        (void)sqlite3_db_config(s->writer.db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    sql_close(&s->writer);
    if (s->lock_fd >= 0) (void)close(s->lock_fd);
    must(pthread_cond_destroy(&s->copier_wakes) == 0);
    must(pthread_mutex_destroy(&s->copier_lock) == 0);
    must(pthread_mutex_destroy(&s->readers_lock) == 0);
    buf_done(&s->path);
    buf_done(&s->lock_path);
    store_done(base);
    mem_free(s);
}

static enum err prepare_all(struct store_sqlite *s, struct why *why)
{
    TRY(sql_prepare(&s->writer, "BEGIN IMMEDIATE", &s->begin, why));
    TRY(sql_prepare(&s->writer, "COMMIT", &s->end, why));
    TRY(sql_prepare(&s->writer, "INSERT INTO entry(pos, bytes) VALUES(?1, ?2)", &s->put[STORE_ENTRY], why));
    TRY(sql_prepare(&s->writer, "REPLACE INTO outcome(pos, bytes) VALUES(?1, ?2)", &s->put[STORE_OUTCOME], why));
    TRY(sql_prepare(&s->writer, "REPLACE INTO tile(id, bytes) VALUES(?1, ?2)", &s->put[STORE_TILE], why));
    return sql_prepare(&s->back, "SELECT pos, bytes FROM entry WHERE pos >= ?1 AND pos < ?2 ORDER BY pos", &s->range,
                       why);
}

static enum err open_all(struct store_sqlite *s, const char *path, struct why *why)
{
    bool is_new = false, was_unclean;
    int64_t size = 0;

    buf_addf(&s->path, "%s", path);
    buf_addf(&s->lock_path, "%s.lock", path);
    TRY(store_lock(buf_z(&s->lock_path), &s->lock_fd, why));
    was_unclean = log_is_left(path);
    if (was_unclean) TRY(replace_log(path, why));
    TRY(sql_open(buf_z(&s->path), true, &s->writer, why));
    TRY(is_ours(&s->writer, &is_new, why));
    if (is_new) TRY(make_tables(&s->writer, s->tuning.page_size, why));
    TRY(setup(&s->writer, why));
    if (was_unclean) TRY(after_unclean_end(&s->writer, why));
    else TRY(check_tail(&s->writer, CHECK_TAIL, why));
    TRY(sql_number(&s->writer, "SELECT ifnull(max(pos) + 1, 0) FROM entry", &size, why));
    atomic_store(&s->base.size, (uint64_t)size);
    (void)sqlite3_wal_hook(s->writer.db, count_pages, s);

    TRY(sql_open(buf_z(&s->path), false, &s->back, why));
    TRY(prepare_all(s, why));
    if (s->tuning.without_thread) return OK;
    TRY(sql_open(buf_z(&s->path), false, &s->copier, why));
    TRY(sql_run(&s->copier, "PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 0", why));
    must(pthread_create(&s->thread, NULL, copier_main, s) == 0);
    s->has_thread = true;
    return OK;
}

static enum err sqlite_get_range(struct store *base, enum store_table table, uint64_t from, size_t n, struct buf *ret,
                                 size_t *ret_ends, struct why *why)
{
    struct store_sqlite *s = (struct store_sqlite *)base;
    struct reader *r = NULL;
    sqlite3_stmt *statement;
    size_t before = ret->n, got = 0;
    enum err err = OK;
    int rc;

    must(table < STORE_TILE);
    TRY(reader_take(s, &r, why));
    statement = r->range[table];
    (void)sqlite3_bind_int64(statement, 1, (int64_t)from);
    (void)sqlite3_bind_int64(statement, 2, (int64_t)(from + n));
    while ((rc = sqlite3_step(statement)) == SQLITE_ROW && got < n) {
        if ((uint64_t)sqlite3_column_int64(statement, 0) != from + got) break;
        buf_add(ret, sqlite3_column_blob(statement, 1), (size_t)sqlite3_column_bytes(statement, 1));
        ret_ends[got++] = ret->n - before;
    }
    if (rc != SQLITE_ROW && rc != SQLITE_DONE) err = sql_fail(&r->sql, rc, why, "reading");
    else if (got < n && table == STORE_ENTRY) /* Below the size, so it must be there. */
        err = fail(why, ERR_CORRUPT, "%s: entry %llu is missing", r->sql.path, (unsigned long long)(from + got));
    else if (got < n)
        err = fail(why, ERR_NOT_FOUND, "number %llu is not stored", (unsigned long long)(from + got));
    (void)sqlite3_reset(statement);
    reader_give_back(s, r);
    return err;
}

static const struct store_kind kind = {sqlite_commit, sqlite_read_back, sqlite_get, sqlite_get_range, sqlite_check, sqlite_close_store};

enum err store_open_sqlite(const char *path, const struct store_tuning *tuning, struct store **ret, struct why *why)
{
    struct store_sqlite *s = mem_zalloc(sizeof *s);
    enum err err;

    store_init(&s->base, &kind);
    s->tuning = *tuning;
    if (!s->tuning.page_size) s->tuning.page_size = 4096;
    if (!s->tuning.background_pages) s->tuning.background_pages = 256;
    if (!s->tuning.inline_pages) s->tuning.inline_pages = 1024;
    s->lock_fd = -1;
    must(pthread_mutex_init(&s->readers_lock, NULL) == 0);
    must(pthread_mutex_init(&s->copier_lock, NULL) == 0);
    must(pthread_cond_init(&s->copier_wakes, NULL) == 0);
    err = open_all(s, path, why);
    if (err) {
        sqlite_close_store(&s->base);
        return err;
    }
    *ret = &s->base;
    return OK;
}
