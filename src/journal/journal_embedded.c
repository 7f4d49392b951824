/* journal_embedded.c - an engine whose order is that of arrival at its own store.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "journal/journal_embedded.h"

#include "base/mem.h"

static enum err propose(struct journal *j, const struct str *entries, size_t n, struct why *why)
{
    return store_append(j->store, entries, n, why);
}

/* Nobody else writes: the store is the order's head. */
static enum err follow(struct journal *j, int timeout_ms, struct why *why)
{
    (void)j;
    (void)timeout_ms;
    (void)why;
    return OK;
}

static void close_embedded(struct journal *j)
{
    if (!j) return;
    store_close(j->store);
    mem_free(j);
}

struct journal *journal_embedded(const char *name, struct store *store)
{
    struct journal *j = mem_zalloc(sizeof *j);

    *j = (struct journal){name, store, NULL, propose, follow, close_embedded};
    return j;
}
