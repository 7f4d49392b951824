/* snapfile.c - snapshot files in the data folder: whole or not there, the newest two kept.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "journal/snapfile.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/vec.h"
#include "journal/store_internal.h"
#include "proof/hash.h"

#define PREFIX "snapshot-"
#define UNFINISHED ".new"
#define N_DIGITS 20
#define N_KEPT 2
#define TRAILER_BYTES 56
#define BUFFER_BYTES (1 << 18)

static const char magic[8] = {'j', 's', 'n', 'a', 'p', 's', '1', '\n'};

struct snapfile {
    struct buf dir, path, fresh; /* The file's final name and the one it is written under. */
    uint64_t position, n;
    struct hasher hasher;
    struct buf buffer;
    int fd;
};

static void put_be(char *at, uint64_t value)
{
    for (int i = 7; i >= 0; i--, value >>= 8) at[i] = (char)(value & 0xff);
}

static uint64_t get_be(const char *at)
{
    uint64_t value = 0;

    for (int i = 0; i < 8; i++) value = value << 8 | (uint8_t)at[i];
    return value;
}

static void add_name(struct buf *b, const char *dir, uint64_t position)
{
    buf_addf(b, "%s/" PREFIX "%0*llu", dir, N_DIGITS, (unsigned long long)position);
}

enum err snapfile_begin(const char *dir, uint64_t position, struct snapfile **ret, struct why *why)
{
    struct snapfile *f = mem_zalloc(sizeof *f);

    buf_addf(&f->dir, "%s", dir);
    add_name(&f->path, dir, position);
    add_name(&f->fresh, dir, position);
    buf_addf(&f->fresh, UNFINISHED);
    f->position = position;
    hasher_init(&f->hasher);
    f->fd = open(buf_z(&f->fresh), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (f->fd < 0) {
        enum err err = fail(why, ERR_DISK, "%s: cannot make: %s", buf_z(&f->fresh), strerror(errno));
        snapfile_abandon(f);
        return err;
    }
    *ret = f;
    return OK;
}

static enum err write_out(struct snapfile *f, struct str bytes, struct why *why)
{
    while (bytes.n > 0) {
        ssize_t n = write(f->fd, bytes.at, bytes.n);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return fail(why, ERR_DISK, "%s: cannot write: %s", buf_z(&f->fresh), strerror(errno));
        bytes = str_skip(bytes, (size_t)n);
    }
    return OK;
}

enum err snapfile_write(void *context, struct str piece, struct why *why)
{
    struct snapfile *f = context;

    f->n += piece.n;
    hasher_add(&f->hasher, piece.at, piece.n);
    if (f->buffer.n + piece.n > BUFFER_BYTES) {
        TRY(write_out(f, buf_str(&f->buffer), why));
        buf_clear(&f->buffer);
    }
    if (piece.n >= BUFFER_BYTES) return write_out(f, piece, why);
    buf_add_str(&f->buffer, piece);
    return OK;
}

static void snapfile_free(struct snapfile *f)
{
    if (f->fd >= 0) (void)close(f->fd);
    buf_done(&f->dir);
    buf_done(&f->path);
    buf_done(&f->fresh);
    buf_done(&f->buffer);
    mem_free(f);
}

void snapfile_abandon(struct snapfile *f)
{
    if (!f) return;
    if (f->fd >= 0) (void)unlink(buf_z(&f->fresh));
    snapfile_free(f);
}

static int compare_newest_first(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return x < y ? 1 : x > y ? -1 : 0;
}

/* Positions of the finished files, newest first. With removes, unfinished files are deleted. */
static enum err list(const char *dir, bool removes, struct u64_vec *ret, struct why *why)
{
    AUTO(buf_done) struct buf path = {0};
    struct dirent *e;
    DIR *d = opendir(dir);

    if (!d) return fail(why, ERR_DISK, "%s: cannot list: %s", dir, strerror(errno));
    while ((e = readdir(d)) != NULL) {
        struct str name = str_of(e->d_name), digits = str_skip(name, sizeof PREFIX - 1);
        uint64_t position;
        if (!str_starts(name, STR(PREFIX))) continue;
        if (str_ends(name, STR(UNFINISHED)) && removes) {
            buf_clear(&path);
            buf_addf(&path, "%s/%s", dir, e->d_name);
            (void)unlink(buf_z(&path));
        }
        if (digits.n != N_DIGITS) continue;
        while (digits.n > 1 && digits.at[0] == '0') digits = str_skip(digits, 1);
        if (str_to_u64(digits, UINT64_MAX, &position)) u64_vec_add(ret, position);
    }
    (void)closedir(d);
    if (ret->n) qsort(ret->at, ret->n, sizeof *ret->at, compare_newest_first);
    return OK;
}

/* What cannot be removed is removed the next time. */
static enum err remove_old(const char *dir, struct why *why)
{
    AUTO(u64_vec_done) struct u64_vec positions = {0};
    AUTO(buf_done) struct buf path = {0};

    TRY(list(dir, true, &positions, why));
    for (size_t i = N_KEPT; i < positions.n; i++) {
        buf_clear(&path);
        add_name(&path, dir, positions.at[i]);
        (void)unlink(buf_z(&path));
    }
    return OK;
}

static enum err finish(struct snapfile *f, struct why *why)
{
    char trailer[TRAILER_BYTES];
    struct hash hash;

    memcpy(trailer, magic, sizeof magic);
    put_be(trailer + 8, f->n);
    put_be(trailer + 16, f->position);
    hasher_add(&f->hasher, trailer, 24);
    hash = hasher_end(&f->hasher);
    memcpy(trailer + 24, hash.b, sizeof hash.b);
    buf_add(&f->buffer, trailer, sizeof trailer);
    TRY(write_out(f, buf_str(&f->buffer), why));
    if (fsync(f->fd) != 0) return fail(why, ERR_DISK, "%s: cannot sync: %s", buf_z(&f->fresh), strerror(errno));
    if (rename(buf_z(&f->fresh), buf_z(&f->path)) != 0)
        return fail(why, ERR_DISK, "%s: cannot rename: %s", buf_z(&f->fresh), strerror(errno));
    TRY(store_sync_folder(buf_z(&f->path), why));
    return remove_old(buf_z(&f->dir), why);
}

enum err snapfile_commit(struct snapfile *f, struct why *why)
{
    enum err err = finish(f, why);

    if (err) snapfile_abandon(f); /* After the rename there is nothing under the first name. */
    else snapfile_free(f);
    return err;
}

static const char *trailer_fault(struct str file, uint64_t position)
{
    const char *trailer;
    struct hash hash;

    if (file.n < TRAILER_BYTES) return "cut off";
    trailer = file.at + (file.n - TRAILER_BYTES);
    if (memcmp(trailer, magic, sizeof magic) != 0) return "no trailer";
    if (get_be(trailer + 8) != file.n - TRAILER_BYTES) return "wrong length";
    if (get_be(trailer + 16) != position) return "another position's";
    hash = hash_of(str_first(file, file.n - sizeof hash.b));
    return memcmp(hash.b, trailer + 24, sizeof hash.b) == 0 ? NULL : "wrong hash";
}

/* Maps one file if it is good; ERR_CORRUPT and ERR_DISK otherwise. */
static enum err map_one(const char *path, uint64_t position, struct snapmap *ret, struct why *why)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    const char *fault;
    struct stat is;
    void *map;

    if (fd < 0) return fail(why, ERR_DISK, "%s: cannot open: %s", path, strerror(errno));
    if (fstat(fd, &is) != 0 || is.st_size == 0) {
        (void)close(fd);
        return fail(why, ERR_CORRUPT, "%s: empty", path);
    }
    map = mmap(NULL, (size_t)is.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    (void)close(fd);
    if (map == MAP_FAILED) return fail(why, ERR_DISK, "%s: cannot map: %s", path, strerror(errno));
    (void)madvise(map, (size_t)is.st_size, MADV_SEQUENTIAL);
    fault = trailer_fault(str_make(map, (size_t)is.st_size), position);
    if (fault) {
        (void)munmap(map, (size_t)is.st_size);
        return fail(why, ERR_CORRUPT, "%s: damaged: %s", path, fault);
    }
    *ret = (struct snapmap){str_make(map, (size_t)is.st_size - TRAILER_BYTES), position, ret->n_damaged, map,
                            (size_t)is.st_size};
    return OK;
}

enum err snapfile_newest(const char *dir, struct snapmap *ret, struct why *why)
{
    AUTO(u64_vec_done) struct u64_vec positions = {0};
    AUTO(buf_done) struct buf path = {0};
    struct snapmap found = {0};

    TRY(list(dir, false, &positions, why));
    if (positions.n == 0) return fail(why, ERR_NOT_FOUND, "%s: no snapshot", dir);
    for (size_t i = 0; i < positions.n; i++) {
        buf_clear(&path);
        add_name(&path, dir, positions.at[i]);
        if (map_one(buf_z(&path), positions.at[i], &found, why) == OK) {
            *ret = found;
            return OK;
        }
        found.n_damaged++;
    }
    return ERR_CORRUPT; /* *why is of the last one looked at. */
}

void snapmap_done(struct snapmap *m)
{
    if (m->map) (void)munmap(m->map, m->n_map);
    *m = (struct snapmap){0};
}
