/* journal_sqlite.c - the embedded default: one node, one SQLite file, the order of arrival.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/buf.h"
#include "journal/journal.h"
#include "journal/journal_embedded.h"

enum err journal_open_sqlite(const char *dir, struct journal **ret, struct why *why)
{
    AUTO(buf_done) struct buf path = {0};
    struct store *store;

    buf_addf(&path, "%s/journal.db", dir);
    TRY(store_open(buf_z(&path), &store, why));
    *ret = journal_embedded("sqlite", store);
    return OK;
}
