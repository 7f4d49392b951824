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

/* path NULL: memory. ERR_DISK or ERR_CORRUPT with the path, what was tried and the system's words; ERR_BUSY when another
 * process (named by its pid) holds it: a lock on path + ".lock" lasts as long as the store. The SQLite file is checked: it
 * must be ours and of a format we know; after an unclean end it is also brought up to date by SQLite's recovery, copied
 * once more through a full checkpoint, and its last entries (all of it, while it is small) are checked. */
CHECKED enum err store_open(const char *path, struct store **ret, struct why *why);
void store_close(struct store *s); /* NULL is fine. What is still queued is dropped: it can be derived again. */

/* Walks everything that is committed: the database's own structure, no gap between the first entry and the last. Reads
 * the whole file. Any thread. ERR_CORRUPT says what is wrong. */
CHECKED enum err store_check(struct store *s, struct why *why);

uint64_t store_size(const struct store *s); /* Committed entries. Any thread. */

/* Appends entries at indices store_size() on, with all queued derived data; durable when it returns OK. Otherwise it is
 * unknown whether they are, nothing of them is readable, and every later append and flush fails with the same reason. */
CHECKED enum err store_append(struct store *s, const struct str *entries, size_t n, struct why *why);

/* Queues derived data; bytes are copied. Replaces what is there. Appending thread only. */
void store_put_outcome(struct store *s, uint64_t index, struct str bytes);
void store_put_tile(struct store *s, unsigned level, uint64_t n, struct str hashes);
size_t store_n_queued(const struct store *s); /* Derived data not committed yet. Appending thread only. */
CHECKED enum err store_flush(struct store *s, struct why *why); /* Commits what is queued, if anything is. */

/* Reads entries [from, from + n) back from storage and hands each to each, in order, until it fails. Bytes are
 * borrowed for the call. Appending thread only. ERR_NOT_FOUND if not all of them are there.
 *
 * What it guarantees: the bytes come from the database's files through the operating system (pread on a connection of its
 * own that never wrote and keeps no page from before the last commit), after the sync that made them durable returned. So
 * neither our buffers nor the writer's page cache can answer for the file. What it does not: the operating system may
 * answer from its own cache, so that bits lost on the medium later are found only by the next read after a restart. */
CHECKED enum err store_read_back(struct store *s, uint64_t from, uint64_t n,
                                 enum err (*each)(void *context, uint64_t index, struct str bytes),
                                 void *context, struct why *why);

/* Any thread. ERR_NOT_FOUND if not stored (yet). ret is appended to. */
CHECKED enum err store_get_entry(struct store *s, uint64_t index, struct buf *ret, struct why *why);
CHECKED enum err store_get_outcome(struct store *s, uint64_t index, struct buf *ret, struct why *why);
/* n at a time, one after another: half the work of one by one. ret_ends[i] is where number from + i ends in ret, counted from what was
 * there before. All or nothing. */
CHECKED enum err store_get_entries(struct store *s, uint64_t from, size_t n, struct buf *ret, size_t *ret_ends, struct why *why);
CHECKED enum err store_get_outcomes(struct store *s, uint64_t from, size_t n, struct buf *ret, size_t *ret_ends, struct why *why);
CHECKED enum err store_get_tile(struct store *s, unsigned level, uint64_t n, struct buf *ret,
                                struct why *why);

/* For status and benches: durable transactions since it was opened and entry bytes in them. Any thread. */
void store_counts(const struct store *s, uint64_t *ret_syncs, uint64_t *ret_bytes);

#endif
