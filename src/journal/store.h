/* store.h - a node's own durable copy of the journal and of the tree in it.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Entries are appended in their final order, in one durable transaction a batch. What is derived from them (outcomes, hash
 * tiles) is queued and goes with the next transaction: after a crash it is derived again. Two kinds: SQLite (WAL,
 * synchronous=FULL) and memory. One thread appends; any thread reads what is committed.
 *
 * After a failed append the store is closed for writing until it is opened again (house-style section 6).
 */
#ifndef JOURNAL_STORE_H
#define JOURNAL_STORE_H

#include "base/buf.h"
#include "base/err.h"

struct store;

/* path NULL: memory. ERR_DISK or ERR_CORRUPT with the path, what was tried and the system's words. The SQLite file is
 * checked (application_id, format version, contiguous indices, quick_check after an unclean end). */
CHECKED enum err store_open(const char *path, struct store **ret, struct why *why);
void store_close(struct store *s); /* NULL is fine. */

uint64_t store_size(const struct store *s); /* Committed entries. Any thread. */

/* Appends entries at indices store_size() on, with all queued derived data; durable when it returns OK. */
CHECKED enum err store_append(struct store *s, const struct str *entries, size_t n, struct why *why);

/* Queues derived data; bytes are copied. Replaces what is there. Appending thread only. */
void store_put_outcome(struct store *s, uint64_t index, struct str bytes);
void store_put_tile(struct store *s, unsigned level, uint64_t n, struct str hashes);
CHECKED enum err store_flush(struct store *s, struct why *why); /* Commits what is queued. */

/* Reads entries [from, from + n) back from storage and hands each to each, in order, until it fails. Bytes are
 * borrowed for the call. Appending thread only. */
CHECKED enum err store_read_back(struct store *s, uint64_t from, uint64_t n,
                                 enum err (*each)(void *context, uint64_t index, struct str bytes),
                                 void *context, struct why *why);

/* Any thread. ERR_NOT_FOUND if not stored (yet). ret is appended to. */
CHECKED enum err store_get_entry(struct store *s, uint64_t index, struct buf *ret, struct why *why);
CHECKED enum err store_get_outcome(struct store *s, uint64_t index, struct buf *ret, struct why *why);
CHECKED enum err store_get_tile(struct store *s, unsigned level, uint64_t n, struct buf *ret,
                                struct why *why);

/* For status and benches: durable transactions so far and entry bytes in them. */
void store_counts(const struct store *s, uint64_t *ret_syncs, uint64_t *ret_bytes);

#endif
