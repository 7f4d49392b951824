/* sql.c - SQLite connections as the journal's files use them, and their errors in words.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "journal/sql.h"

#include <stdio.h>
#include <string.h>

#define BUSY_MS 5000 /* Only recovery and the last connection's close ever make others wait. */

enum err sql_open(const char *path, bool makes, struct sql *ret, struct why *why)
{
    struct sql q = {NULL, path};
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | (makes ? SQLITE_OPEN_CREATE : 0);
    int rc = sqlite3_open_v2(path, &q.db, flags, NULL);

    if (rc != SQLITE_OK) {
        enum err err = sql_fail(&q, rc, why, "opening");
        sql_close(&q);
        return err;
    }
    (void)sqlite3_extended_result_codes(q.db, 1);
    (void)sqlite3_busy_timeout(q.db, BUSY_MS);
    *ret = q;
    return OK;
}

void sql_close(struct sql *q)
{
    must(sqlite3_close(q->db) == SQLITE_OK); /* NULL is fine there. */
    q->db = NULL;
}

enum err sql_fail(const struct sql *q, int rc, struct why *why, const char *doing)
{
    int error = q->db ? sqlite3_system_errno(q->db) : 0;
    const char *words = q->db ? sqlite3_errmsg(q->db) : sqlite3_errstr(rc);
    int kind = rc & 0xff;

    if (kind == SQLITE_NOTADB)
        return fail(why, ERR_CORRUPT, "%s: %s: this is not a database of ours", q->path, doing);
    return fail(why, kind == SQLITE_CORRUPT ? ERR_CORRUPT : ERR_DISK, "%s: %s: %s (%d%s%s)", q->path, doing, words,
                rc, error ? ", " : "", error ? strerror(error) : "");
}

enum err sql_run(const struct sql *q, const char *text, struct why *why)
{
    int rc = sqlite3_exec(q->db, text, NULL, NULL, NULL);

    return rc == SQLITE_OK ? OK : sql_fail(q, rc, why, text);
}

enum err sql_prepare(const struct sql *q, const char *text, sqlite3_stmt **ret, struct why *why)
{
    int rc = sqlite3_prepare_v3(q->db, text, -1, SQLITE_PREPARE_PERSISTENT, ret, NULL);

    return rc == SQLITE_OK ? OK : sql_fail(q, rc, why, text);
}

static enum err first_row(const struct sql *q, const char *text, int64_t *ret_number, size_t size, char *ret_text,
                          struct why *why)
{
    sqlite3_stmt *statement;
    enum err err = OK;
    int rc;

    TRY(sql_prepare(q, text, &statement, why));
    rc = sqlite3_step(statement);
    if (ret_number) *ret_number = rc == SQLITE_ROW ? sqlite3_column_int64(statement, 0) : 0;
    if (ret_text) {
        const unsigned char *z = rc == SQLITE_ROW ? sqlite3_column_text(statement, 0) : NULL;
        (void)snprintf(ret_text, size, "%s", z ? (const char *)z : "");
    }
    while (rc == SQLITE_ROW) rc = sqlite3_step(statement); /* A pragma that writes commits at its end. */
    if (rc != SQLITE_DONE) err = sql_fail(q, rc, why, text);
    (void)sqlite3_finalize(statement); /* Its error is the step's. */
    return err;
}

enum err sql_number(const struct sql *q, const char *text, int64_t *ret, struct why *why)
{
    return first_row(q, text, ret, 0, NULL, why);
}

enum err sql_text(const struct sql *q, const char *text, size_t size, char *ret, struct why *why)
{
    return first_row(q, text, NULL, size, ret, why);
}

int sql_step(sqlite3_stmt *statement)
{
    int rc = sqlite3_step(statement);

    (void)sqlite3_reset(statement); /* Repeats the step's error. */
    return rc == SQLITE_DONE || rc == SQLITE_ROW ? SQLITE_OK : rc;
}

void sql_bind_bytes(sqlite3_stmt *statement, int column, struct str bytes)
{
    int rc = sqlite3_bind_blob64(statement, column, bytes.n ? bytes.at : "", bytes.n, SQLITE_STATIC);

    must(rc == SQLITE_OK); /* Columns are ours and sizes far below SQLite's limit. */
}
