/* failfs.c - preloaded into the program: the k-th write or sync of files with some name fails, and so do all after it.
 * SPDX-License-Identifier: Apache-2.0
 *
 *     FAIL_CALL=sync|write  FAIL_NAME=journal.db-wal  FAIL_AFTER=k  FAIL_ERROR=5
 *
 * The first k calls work. FAIL_NAME is part of the file's path; empty for all files of FAIL_FOLDER.
 */
#include <dlfcn.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

static _Atomic long n_calls;

static int is_meant(int fd, const char *call)
{
    const char *wanted = getenv("FAIL_CALL"), *name = getenv("FAIL_NAME"), *folder = getenv("FAIL_FOLDER");
    const char *after = getenv("FAIL_AFTER"), *error = getenv("FAIL_ERROR");
    char link[64], path[4096];
    ssize_t n;

    if (!wanted || strcmp(wanted, call) != 0 || !folder) return 0;
    (void)snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    n = readlink(link, path, sizeof path - 1);
    if (n <= 0) return 0;
    path[n] = '\0';
    if (strncmp(path, folder, strlen(folder)) != 0 || (name && !strstr(path, name))) return 0;
    if (atomic_fetch_add(&n_calls, 1) < (after ? atol(after) : 0)) return 0;
    errno = error ? atoi(error) : EIO;
    return 1;
}

int fsync(int fd)
{
    static int (*next)(int);
    if (!next) next = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
    return is_meant(fd, "sync") ? -1 : next(fd);
}

int fdatasync(int fd)
{
    static int (*next)(int);
    if (!next) next = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
    return is_meant(fd, "sync") ? -1 : next(fd);
}

ssize_t write(int fd, const void *bytes, size_t n)
{
    static ssize_t (*next)(int, const void *, size_t);
    if (!next) next = (ssize_t(*)(int, const void *, size_t))dlsym(RTLD_NEXT, "write");
    return is_meant(fd, "write") ? -1 : next(fd, bytes, n);
}

ssize_t pwrite64(int fd, const void *bytes, size_t n, off64_t at)
{
    static ssize_t (*next)(int, const void *, size_t, off64_t);
    if (!next) next = (ssize_t(*)(int, const void *, size_t, off64_t))dlsym(RTLD_NEXT, "pwrite64");
    return is_meant(fd, "write") ? -1 : next(fd, bytes, n, at);
}

ssize_t pwrite(int fd, const void *bytes, size_t n, off_t at)
{
    return pwrite64(fd, bytes, n, at);
}
