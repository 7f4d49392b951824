/* file.c - reads and writes small files.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "cli/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

bool file_exists(const char *path)
{
    struct stat is;
    return stat(path, &is) == 0;
}

enum err file_read(const char *path, size_t bytes_max, struct buf *ret, struct why *why)
{
    size_t before = ret->n;
    FILE *file = fopen(path, "rbe");

    if (!file) return fail(why, ERR_INPUT, "%s: %s", path, strerror(errno));
    char *to = buf_reserve(ret, bytes_max + 1);
    size_t n = fread(to, 1, bytes_max + 1, file);
    int error = ferror(file) ? errno : 0;
    (void)fclose(file);
    if (error) return fail(why, ERR_INPUT, "%s: %s", path, strerror(error));
    if (n > bytes_max) return fail(why, ERR_TOO_LARGE, "%s: larger than %zu bytes", path, bytes_max);
    ret->n = before + n;
    return OK;
}

enum err file_write_new(const char *path, mode_t mode, struct str bytes, struct why *why)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);

    if (fd < 0)
        return fail(why, errno == EEXIST ? ERR_INPUT : ERR_DISK, "%s: %s", path,
                    errno == EEXIST ? "is there already" : strerror(errno));
    bool is_good = write(fd, bytes.at, bytes.n) == (ssize_t)bytes.n && fsync(fd) == 0;
    int error = errno;
    if (close(fd) == 0 && is_good) return OK;
    (void)unlink(path);
    return fail(why, ERR_DISK, "%s: %s", path, strerror(error));
}

enum err file_write_same(const char *path, mode_t mode, struct str bytes, struct why *why)
{
    AUTO(buf_done) struct buf old = {0};

    if (file_exists(path) && file_read(path, bytes.n, &old, NULL) == OK && str_equal(buf_str(&old), bytes)) return OK;
    return file_write_new(path, mode, bytes, why);
}

enum err file_make_folder(const char *path, struct why *why)
{
    if (mkdir(path, 0700) != 0 && errno != EEXIST) return fail(why, ERR_DISK, "%s: cannot be made: %s", path, strerror(errno));
    return OK;
}
