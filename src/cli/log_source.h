/* log_source.h - a journal to read: a node's data folder, or a running node's public log.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A folder is read as it stands on disk and is locked meanwhile: stop its node first. A running node is read through
 * /log/checkpoint and /log/tile/entries (tlog-tiles), as of the checkpoint that it signed when the source was opened.
 */
#ifndef CLI_LOG_SOURCE_H
#define CLI_LOG_SOURCE_H

#include "base/buf.h"
#include "base/err.h"

struct log_source;

CHECKED enum err log_source_open_data(const char *dir, struct log_source **ret, struct why *why);
/* token may be empty: then the network's entries must be public. ca_file: as in http/client.h. url and ca_file are borrowed. */
CHECKED enum err log_source_open_url(const char *url, const char *ca_file, struct str token, struct log_source **ret, struct why *why);
void log_source_close(struct log_source *s); /* NULL is fine. */

/* Entries that come after those of the folder, without outcomes; borrowed. */
void log_source_add(struct log_source *s, const struct str *entries, size_t n);

uint64_t log_source_size(const struct log_source *s); /* Entries. */

/* Replaces what is in the buffers by entry index and its outcome. An outcome that a folder does not have yet, because it was
 * to go with the next transaction, is empty. Cheapest in ascending order. */
CHECKED enum err log_source_get(struct log_source *s, uint64_t index, struct buf *ret_entry, struct buf *ret_outcome,
                                struct why *why);

/* The newest checkpoint note that was signed, appended; false if there is none. */
bool log_source_note(struct log_source *s, struct buf *ret_note);

#endif
