/* journal.h - the seam to whoever decides the order of entries.
 * SPDX-License-Identifier: Apache-2.0
 *
 *     propose -> (the engine orders) -> the store grows -> the node reads back and applies -> answers
 *
 * An engine brings entries, one's own and others', in their final order into the store. With an embedded engine (sqlite,
 * mem) the order is that of arrival; with one whose order is decided elsewhere (etcd) propose may return with foreign
 * entries before one's own, and follow brings what others wrote. The node never assumes that its entries stand where it put
 * them: it finds them again by their bytes' hash.
 *
 * Keep the seam thin: each engine is itself.
 */
#ifndef JOURNAL_JOURNAL_H
#define JOURNAL_JOURNAL_H

#include "journal/store.h"

struct journal {
    const char *name;    /* "sqlite", "mem", "etcd" */
    struct store *store; /* Owned. */
    void *engine;        /* The engine's own. */

    /* Returns OK once all n entries are ordered, durable and in the store. ERR_UNAVAILABLE, ERR_CONFLICT, ERR_INPUT: those
     * that are not in the store now were not written and never will be. All else: unknown whether they are; the node stops
     * taking writes until that is settled (decision B4). */
    enum err (*propose)(struct journal *j, const struct str *entries, size_t n, struct why *why);

    /* Brings the store up to the order's present head; waits up to timeout_ms for something new. Embedded: at once. */
    enum err (*follow)(struct journal *j, int timeout_ms, struct why *why);

    void (*close)(struct journal *j); /* Closes the store too and frees j. */
};

/* dir is the node's data folder; the file is dir/journal.db. */
CHECKED enum err journal_open_sqlite(const char *dir, struct journal **ret, struct why *why);
CHECKED enum err journal_open_mem(struct journal **ret, struct why *why);

#endif
