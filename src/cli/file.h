/* file.h - small files, whole: read with a limit, written so that no half stays.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef CLI_FILE_H
#define CLI_FILE_H

#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"

/* Appends the file. ERR_INPUT if it cannot be read, ERR_TOO_LARGE above bytes_max. */
CHECKED enum err file_read(const char *path, size_t bytes_max, struct buf *ret, struct why *why);

/* Writes and syncs a new file. ERR_INPUT if it is there already, ERR_DISK. */
CHECKED enum err file_write_new(const char *path, mode_t mode, struct str bytes, struct why *why);

/* The same, but a file that has just these bytes is fine. */
CHECKED enum err file_write_same(const char *path, mode_t mode, struct str bytes, struct why *why);

/* Makes the folder (its parent must exist), mode 0700, unless it is there. ERR_DISK. */
CHECKED enum err file_make_folder(const char *path, struct why *why);

bool file_exists(const char *path);

#endif
