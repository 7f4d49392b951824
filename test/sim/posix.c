/* posix.c - the system's calls as the product makes them, answered by the world: clock, chance and the disks in memory.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The linker (--wrap, see the Makefile) sends each call of these names here; what does not concern the world goes on to the
 * system. Verified signatures are remembered, for several nodes verify the same ones: the answer is the same, sooner.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "actor.h"
#include "base/mem.h"
#include "disk.h"
#include "journal/heads.h"
#include "journal/store_internal.h"
#include "judge.h"
#include "proof/hash.h"
#include "proof/key.h"
#include "world.h"

#define WRAP(type, name, ...)     \
    type __real_##name(__VA_ARGS__); \
    type __wrap_##name(__VA_ARGS__); \
    type __wrap_##name(__VA_ARGS__)

/* Time and chance. */

WRAP(int, clock_gettime, clockid_t clock, struct timespec *ret)
{
    int64_t us = world.now_us;

    if (!world.is_running) return __real_clock_gettime(clock, ret);
    if (clock == CLOCK_REALTIME) us += WORLD_START_US + (world.node >= 0 ? world.skew_us[world.node] : 0);
    else us += S + (world.node >= 0 ? world.steady_us[world.node] : 0);
    *ret = (struct timespec){.tv_sec = us / S, .tv_nsec = us % S * 1000};
    return 0;
}

WRAP(int, nanosleep, const struct timespec *time, struct timespec *ret)
{
    if (!world.is_running) return __real_nanosleep(time, ret);
    if (ret) *ret = (struct timespec){0};
    (void)fiber_wait(world.now_us + time->tv_sec * S + (time->tv_nsec + 999) / 1000);
    return 0;
}

WRAP(void, entropy_fill, void *at, size_t n)
{
    if (!world.is_running) __real_entropy_fill(at, n);
    else
        for (size_t i = 0; i < n; i++) ((uint8_t *)at)[i] = (uint8_t)rng_next(&world.rng);
}

/* Files. */

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...)
{
    mode_t mode = 0;

    if (disk_has(path)) return disk_open(path, flags);
    if (flags & O_CREAT) {
        va_list list;
        va_start(list, flags);
        mode = va_arg(list, mode_t);
        va_end(list);
    }
    return __real_open(path, flags, mode);
}

int __real_fcntl(int fd, int what, ...);
int __wrap_fcntl(int fd, int what, ...);
int __wrap_fcntl(int fd, int what, ...)
{
    va_list list;
    void *at;

    if (fd >= DISK_FD) return what == F_OFD_SETLK ? disk_lock(fd) : 0;
    va_start(list, what);
    at = va_arg(list, void *);
    va_end(list);
    return __real_fcntl(fd, what, at);
}

WRAP(int, close, int fd)
{
    return fd >= DISK_FD ? disk_close(fd) : __real_close(fd);
}

WRAP(ssize_t, read, int fd, void *at, size_t n)
{
    return fd >= DISK_FD ? disk_read(fd, at, n) : __real_read(fd, at, n);
}

WRAP(ssize_t, write, int fd, const void *at, size_t n)
{
    return fd >= DISK_FD ? disk_write(fd, at, n) : __real_write(fd, at, n);
}

WRAP(ssize_t, pread, int fd, void *at, size_t n, off_t offset)
{
    return fd >= DISK_FD ? disk_pread(fd, at, n, offset) : __real_pread(fd, at, n, offset);
}

WRAP(ssize_t, pwrite, int fd, const void *at, size_t n, off_t offset)
{
    return fd >= DISK_FD ? disk_pwrite(fd, at, n, offset) : __real_pwrite(fd, at, n, offset);
}

WRAP(int, fsync, int fd)
{
    return fd >= DISK_FD ? disk_sync(fd) : __real_fsync(fd);
}

WRAP(int, fdatasync, int fd)
{
    return fd >= DISK_FD ? disk_sync(fd) : __real_fdatasync(fd);
}

WRAP(int, ftruncate, int fd, off_t n)
{
    return fd >= DISK_FD ? disk_truncate(fd, n) : __real_ftruncate(fd, n);
}

WRAP(int, fstat, int fd, struct stat *ret)
{
    return fd >= DISK_FD ? disk_fstat(fd, ret) : __real_fstat(fd, ret);
}

WRAP(int, stat, const char *path, struct stat *ret)
{
    return disk_has(path) ? disk_stat(path, ret) : __real_stat(path, ret);
}

WRAP(int, rename, const char *from, const char *to)
{
    return disk_has(from) ? disk_rename(from, to) : __real_rename(from, to);
}

WRAP(int, link, const char *from, const char *to)
{
    return disk_has(from) ? disk_link(from, to) : __real_link(from, to);
}

WRAP(int, unlink, const char *path)
{
    return disk_has(path) ? disk_unlink(path) : __real_unlink(path);
}

WRAP(int, remove, const char *path)
{
    return disk_has(path) ? disk_unlink(path) : __real_remove(path);
}

/* To be read: as it is now. */
WRAP(FILE *, fopen, const char *path, const char *mode)
{
    AUTO(buf_done) struct buf bytes = {0};
    char piece[4096];
    ssize_t n;
    int fd;

    if (!disk_has(path)) return __real_fopen(path, mode);
    must(mode[0] == 'r');
    if ((fd = disk_open(path, O_RDONLY)) < 0) return NULL;
    while ((n = disk_read(fd, piece, sizeof piece)) > 0) buf_add(&bytes, piece, (size_t)n);
    (void)disk_close(fd);
    FILE *file = fmemopen(NULL, bytes.n + 1, "w+");
    must(file && fwrite(bytes.at, 1, bytes.n, file) == bytes.n);
    rewind(file);
    return file;
}

WRAP(int, mkdir, const char *path, mode_t mode)
{
    return disk_has(path) ? disk_mkdir(path) : __real_mkdir(path, mode);
}

WRAP(void *, mmap, void *at, size_t n, int protection, int flags, int fd, off_t offset)
{
    void *map;

    if (fd < DISK_FD) return __real_mmap(at, n, protection, flags, fd, offset);
    map = __real_mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (map != MAP_FAILED && disk_pread(fd, map, n, offset) < 0) {
        (void)munmap(map, n);
        return MAP_FAILED;
    }
    return map;
}

/* Folders: one is read at a time. */
static struct {
    char *path; /* NULL: closed. */
    size_t at;
    struct dirent entry;
} folder;

WRAP(DIR *, opendir, const char *path)
{
    if (!disk_has(path)) return __real_opendir(path);
    must(!folder.path);
    folder.path = mem_dup(path, strlen(path) + 1);
    folder.at = 0;
    return (DIR *)&folder;
}

WRAP(struct dirent *, readdir, DIR *d)
{
    const char *name;

    if ((void *)d != &folder) return __real_readdir(d);
    name = disk_list(folder.path, folder.at++);
    if (!name) return NULL;
    must(strlen(name) < sizeof folder.entry.d_name);
    memcpy(folder.entry.d_name, name, strlen(name) + 1);
    return &folder.entry;
}

WRAP(int, closedir, DIR *d)
{
    if ((void *)d != &folder) return __real_closedir(d);
    mem_free(folder.path);
    folder.path = NULL;
    return 0;
}

/* What is signed is told to the judge. */
WRAP(enum err, heads_swap, struct heads *h, uint64_t expected_size, uint64_t new_size, const struct hash *root, struct str note,
     struct why *why)
{
    enum err err = __real_heads_swap(h, expected_size, new_size, root, note, why);

    if (err == OK && world.node >= 0) {
        actor_observe(world.node);
        judge_signed(world.node, new_size, root);
        actor_counts.n_heads++;
    }
    return err;
}

/* A broken invariant of the product is a failed seed, too. */
WRAP(_Noreturn void, must_failed, const char *claim, const char *file, int line)
{
    if (world.is_running) sim_say_failed_must(claim, file, line);
    __real_must_failed(claim, file, line);
}

/* No thread of its own copies a database's log. */
WRAP(enum err, store_open, const char *path, struct store **ret, struct why *why)
{
    return path ? store_open_sqlite(path, &(struct store_tuning){.without_thread = true, .background_pages = 64}, ret, why)
                : __real_store_open(path, ret, why);
}

#define KNOWN 4096 /* A table that forgets. */
static struct {
    struct hash question;
    bool is_known, is_good;
} known[KNOWN];

WRAP(bool, key_verify, const struct key_public *k, struct str message, const uint8_t signature[64])
{
    uint8_t all[32 + 64 + 32];
    struct hash text = hash_of(message), question;
    size_t i;

    memcpy(all, k->b, 32);
    memcpy(all + 32, signature, 64);
    memcpy(all + 96, text.b, 32);
    question = hash_of(str_make(all, sizeof all));
    i = (size_t)(question.b[0] << 8 | question.b[1]) % KNOWN;
    if (!known[i].is_known || !hash_equal(&known[i].question, &question)) {
        known[i].is_good = __real_key_verify(k, message, signature);
        known[i].question = question;
        known[i].is_known = true;
    }
    return known[i].is_good;
}
