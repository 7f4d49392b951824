/* snapfile.h - snapshot files in the data folder: whole or not there, the newest two kept.
 * SPDX-License-Identifier: Apache-2.0
 *
 *     DIR/snapshot-00000000000001234567       number of entries that it holds, 20 digits
 *
 *     contents | "jsnaps1\n" | bytes of contents 8 | position 8 | SHA-256 of all before     integers big-endian
 *
 * A file is written under another name, synced, renamed, and its folder synced. A snapshot holds nothing that the journal
 * does not: a damaged one is passed over for the one before, and without any the journal is applied from its start.
 */
#ifndef JOURNAL_SNAPFILE_H
#define JOURNAL_SNAPFILE_H

#include "base/buf.h"
#include "base/err.h"

struct snapfile; /* One being written. One at a time in a folder. */

CHECKED enum err snapfile_begin(const char *dir, uint64_t position, struct snapfile **ret, struct why *why);

/* context is the struct snapfile *; of the form that snapshot_write() calls. */
CHECKED enum err snapfile_write(void *context, struct str piece, struct why *why);

/* Both free it. Commit makes it durable, then removes all but the newest two and what was never finished. */
CHECKED enum err snapfile_commit(struct snapfile *f, struct why *why);
void snapfile_abandon(struct snapfile *f); /* NULL is fine. */

struct snapmap {
    struct str contents; /* Of the file, mapped read-only. */
    uint64_t position;
    unsigned n_damaged;  /* Newer files that were passed over. */
    void *map;
    size_t n_map;
};

/* Maps the newest good one; reads all of it once for its hash. ERR_NOT_FOUND if there is none, ERR_CORRUPT if
 * none is good; *why names one. ERR_DISK. */
CHECKED enum err snapfile_newest(const char *dir, struct snapmap *ret, struct why *why);
void snapmap_done(struct snapmap *m);

#endif
