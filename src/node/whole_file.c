/* whole_file.c - small files of the data folder that are written whole or not at all.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "node/whole_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum err whole_file_sync_folder(const char *dir, struct why *why)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool is_synced = fd >= 0 && fsync(fd) == 0;
    int error = errno;

    if (fd >= 0) (void)close(fd);
    return is_synced ? OK : fail(why, ERR_DISK, "%s: cannot be synced: %s", dir, strerror(error));
}

enum err whole_file_write(const char *dir, const char *name, struct str bytes, struct why *why)
{
    AUTO(buf_done) struct buf fresh = {0}, path = {0};

    buf_addf(&path, "%s/%s", dir, name);
    buf_addf(&fresh, "%s/%s.new", dir, name);
    int fd = open(buf_z(&fresh), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
    if (fd < 0) return fail(why, ERR_DISK, "%s: cannot be made: %s", buf_z(&fresh), strerror(errno));
    errno = ENOSPC; /* A short write sets none. */
    bool is_written = write(fd, bytes.at, bytes.n) == (ssize_t)bytes.n && fsync(fd) == 0;
    int error = errno;
    (void)close(fd);
    if (!is_written) return fail(why, ERR_DISK, "%s: cannot be written: %s", buf_z(&fresh), strerror(error));
    if (rename(buf_z(&fresh), buf_z(&path)) != 0) return fail(why, ERR_DISK, "%s: cannot be renamed: %s", buf_z(&fresh), strerror(errno));
    return whole_file_sync_folder(dir, why);
}

enum err whole_file_remove(const char *dir, const char *name, struct why *why)
{
    AUTO(buf_done) struct buf path = {0};

    buf_addf(&path, "%s/%s", dir, name);
    if (unlink(buf_z(&path)) == 0) return whole_file_sync_folder(dir, why);
    return errno == ENOENT ? OK : fail(why, ERR_DISK, "%s: cannot be removed: %s", buf_z(&path), strerror(errno));
}

enum err whole_file_read(const char *dir, const char *name, size_t max, struct buf *ret, struct why *why)
{
    AUTO(buf_done) struct buf path = {0};
    char piece[4096];
    ssize_t n = 0;

    buf_addf(&path, "%s/%s", dir, name);
    int fd = open(buf_z(&path), O_RDONLY | O_CLOEXEC);
    if (fd < 0) return fail(why, errno == ENOENT ? ERR_NOT_FOUND : ERR_DISK, "%s: cannot be opened: %s", buf_z(&path), strerror(errno));
    while (ret->n <= max && (n = read(fd, piece, sizeof piece)) > 0) buf_add(ret, piece, (size_t)n);
    int error = errno;
    (void)close(fd);
    if (n < 0) return fail(why, ERR_DISK, "%s: cannot be read: %s", buf_z(&path), strerror(error));
    return ret->n <= max ? OK : fail(why, ERR_CORRUPT, "%s: too long", buf_z(&path));
}
