/* whole_file.h - small files of the data folder that are written whole or not at all.
 * SPDX-License-Identifier: Apache-2.0
 *
 *     DIR/name.new --sync--> renamed to DIR/name --> the folder synced
 *
 * Any thread; one thread a name at a time.
 */
#ifndef NODE_WHOLE_FILE_H
#define NODE_WHOLE_FILE_H

#include "base/buf.h"
#include "base/err.h"

/* Replaces what had that name. Durable when OK; two syncs. ERR_DISK: the file is as it was, or as it was to become. */
CHECKED enum err whole_file_write(const char *dir, const char *name, struct str bytes, struct why *why);

/* Durable when OK, also if there was none. ERR_DISK as above. */
CHECKED enum err whole_file_remove(const char *dir, const char *name, struct why *why);

/* Appends at most max bytes. ERR_NOT_FOUND: there is none; ERR_CORRUPT: it is longer; ERR_DISK. */
CHECKED enum err whole_file_read(const char *dir, const char *name, size_t max, struct buf *ret, struct why *why);

/* What was made, renamed or removed in the folder is so after a loss of power, too. ERR_DISK. */
CHECKED enum err whole_file_sync_folder(const char *dir, struct why *why);

#endif
