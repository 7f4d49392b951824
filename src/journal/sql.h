/* sql.h - SQLite connections as the journal's files use them, and their errors in words.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A connection belongs to one thread at a time. Paths are borrowed for as long as the connection lives.
 */
#ifndef JOURNAL_SQL_H
#define JOURNAL_SQL_H

#include <sqlite3.h>

#include "base/err.h"
#include "base/str.h"

struct sql {
    sqlite3 *db;
    const char *path;
};

/* Opens the file, making it if makes. */
CHECKED enum err sql_open(const char *path, bool makes, struct sql *ret, struct why *why);
void sql_close(struct sql *q); /* All statements are finalised already. Closed or zero is fine. */

/* Says in *why what was being done and in SQLite's and the system's words what came of it. ERR_CORRUPT for damaged or
 * foreign files, ERR_DISK otherwise. */
enum err sql_fail(const struct sql *q, int rc, struct why *why, const char *doing);

/* Runs statements that return nothing of interest. */
CHECKED enum err sql_run(const struct sql *q, const char *text, struct why *why);

/* First column of the first row; 0 or empty if there is none or it is NULL. */
CHECKED enum err sql_number(const struct sql *q, const char *text, int64_t *ret, struct why *why);
CHECKED enum err sql_text(const struct sql *q, const char *text, size_t size, char *ret, struct why *why);

CHECKED enum err sql_prepare(const struct sql *q, const char *text, sqlite3_stmt **ret, struct why *why);

/* Steps a statement that returns no rows to its end and resets it. SQLITE_OK or SQLite's code. */
int sql_step(sqlite3_stmt *statement);

/* Binds bytes, which live until the statement is reset. */
void sql_bind_bytes(sqlite3_stmt *statement, int column, struct str bytes);

#endif
