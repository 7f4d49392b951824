/* keyfile.c - writes key files that others cannot read.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "cli/keyfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/jwks.h"

#define KEYFILE_BYTES_MAX (64 * 1024)

static void path_in(const char *dir, const char *name, struct buf *ret)
{
    buf_addf(ret, "%s/%s", dir, name);
    (void)buf_z(ret);
}

static enum err write_new(const char *path, mode_t mode, struct str text, struct why *why)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    const char *reason;

    if (fd < 0)
        return fail(why, errno == EEXIST ? ERR_INPUT : ERR_DISK, "%s: %s", path,
                    errno == EEXIST ? "is there already" : strerror(errno));
    bool is_good = write(fd, text.at, text.n) == (ssize_t)text.n && fsync(fd) == 0;
    reason = strerror(errno);
    if (close(fd) == 0 && is_good) return OK;
    (void)unlink(path);
    return fail(why, ERR_DISK, "%s: %s", path, reason);
}

static bool exists(const char *path)
{
    struct stat is;
    return stat(path, &is) == 0;
}

enum err keyfile_make(const char *dir, enum jwt_key_type type, struct why *why)
{
    AUTO(buf_done) struct buf private_path = {0}, public_path = {0}, private_pem = {0}, public_pem = {0};
    enum err err;

    path_in(dir, "private.pem", &private_path);
    path_in(dir, "public.pem", &public_path);
    if (mkdir(dir, 0700) != 0 && errno != EEXIST) return fail(why, ERR_DISK, "%s: %s", dir, strerror(errno));
    if (exists(private_path.at)) return fail(why, ERR_INPUT, "%s: is there already", private_path.at);
    if (exists(public_path.at)) return fail(why, ERR_INPUT, "%s: is there already", public_path.at);
    jwt_key_make(type, &private_pem, &public_pem);
    err = write_new(private_path.at, 0600, buf_str(&private_pem), why);
    if (err == OK) {
        err = write_new(public_path.at, 0644, buf_str(&public_pem), why);
        if (err != OK) (void)unlink(private_path.at);
    }
    explicit_bzero(private_pem.at, private_pem.room);
    return err;
}

/* In a folder of another name that is renamed once it is whole, so that a start that was cut off leaves no half a pair. */
static enum err make_folder(const char *dir, struct why *why)
{
    AUTO(buf_done) struct buf fresh = {0}, private_path = {0}, public_path = {0};

    buf_addf(&fresh, "%s.new", dir);
    path_in(buf_z(&fresh), "private.pem", &private_path);
    path_in(buf_z(&fresh), "public.pem", &public_path);
    (void)unlink(private_path.at);
    (void)unlink(public_path.at);
    TRY(keyfile_make(buf_z(&fresh), JWT_MAKE_RSA, why));
    if (rename(buf_z(&fresh), dir) != 0) return fail(why, ERR_DISK, "%s: %s", dir, strerror(errno));
    return OK;
}

enum err keyfile_ensure(const char *dir, struct why *why)
{
    AUTO(buf_done) struct buf private_path = {0}, public_path = {0};

    path_in(dir, "private.pem", &private_path);
    path_in(dir, "public.pem", &public_path);
    if (exists(private_path.at) && exists(public_path.at)) return OK;
    if (!exists(dir)) return make_folder(dir, why);
    return keyfile_make(dir, JWT_MAKE_RSA, why);
}

enum err keyfile_read(const char *path, struct buf *ret, struct why *why)
{
    return jwks_read_file(path, KEYFILE_BYTES_MAX, ret, why);
}
