/* journal_mem.c - the engine of tests and simulation: the order of arrival, in memory.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/mem.h"
#include "journal/journal.h"
#include "journal/journal_embedded.h"

enum err journal_open_mem(struct journal **ret, struct why *why)
{
    struct store *store;

    TRY(store_open(NULL, &store, why));
    *ret = journal_embedded("mem", store);
    return OK;
}
