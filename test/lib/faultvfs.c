/* faultvfs.c - storage that fails and crashes when told, under any SQLite database of the process.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "faultvfs.h"

#include <errno.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/vec.h"

#define SECTOR 512

struct op {
    bool is_truncation;
    size_t offset; /* Or the new length. */
    size_t n;
    char *bytes;
};
VEC_DEFINE(op_vec, struct op);

struct image {
    char *path;
    struct buf synced;
    struct op_vec pending;
    unsigned n_failed_syncs;
    ino_t inode;     /* When last seen: a file that was put in its place counts as synced. */
    bool is_durable; /* Its name is on the medium. */
    bool is_deleted;
};
VEC_DEFINE(image_vec, struct image *);

struct file {
    sqlite3_file base;
    struct image *image; /* NULL: a temporary file. */
    sqlite3_file *real;  /* Lies behind this struct. */
    unsigned n_failures_told;
};

static struct {
    pthread_mutex_t lock;
    sqlite3_vfs vfs;
    sqlite3_vfs *real;
    struct image_vec images;
    struct rng rng;
    int n_writes, n_syncs;
    int fail_write, fail_sync, crash_at; /* Steps left; 0: never. */
    bool fails_as_full, fails_writes, fails_reads, has_crashed;
} fault = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void lock(void)
{
    must(pthread_mutex_lock(&fault.lock) == 0);
}

static void unlock(void)
{
    must(pthread_mutex_unlock(&fault.lock) == 0);
}

/* ---- Images. ---- */

static void pending_clear(struct image *image)
{
    for (size_t i = 0; i < image->pending.n; i++) mem_free(image->pending.at[i].bytes);
    op_vec_clear(&image->pending);
}

static void resize(struct buf *b, size_t n)
{
    if (n > b->n) memset(buf_reserve(b, n - b->n), 0, n - b->n);
    b->n = n;
}

static void op_apply(struct buf *b, const struct op *op)
{
    if (op->is_truncation) {
        resize(b, op->offset);
        return;
    }
    if (b->n < op->offset + op->n) resize(b, op->offset + op->n);
    if (op->n) memcpy(b->at + op->offset, op->bytes, op->n);
}

/* Each sector of the range is old, new or garbage. */
static void op_tear(struct buf *b, const struct op *op)
{
    if (op->is_truncation) return;
    if (b->n < op->offset + op->n) resize(b, op->offset + op->n);
    for (size_t at = op->offset; at < op->offset + op->n;) {
        size_t end = (at / SECTOR + 1) * SECTOR;
        uint64_t choice = rng_below(&fault.rng, 8);
        if (end > op->offset + op->n) end = op->offset + op->n;
        for (size_t i = at; i < end && choice < 5; i++)
            b->at[i] = choice < 4 ? op->bytes[i - op->offset] : (char)rng_next(&fault.rng);
        at = end;
    }
}

/* What the medium may hold of the pending writes. Chance is drawn once for all: sometimes all or none arrived. */
static void pending_scatter(struct image *image)
{
    uint64_t mood = rng_below(&fault.rng, 4); /* 0 all, 1 none, else each by itself. */

    for (size_t i = 0; i < image->pending.n; i++) {
        uint64_t fate = rng_below(&fault.rng, 8);
        if (mood == 0 || (mood > 1 && fate < 4)) op_apply(&image->synced, &image->pending.at[i]);
        else if (mood > 1 && fate < 6) op_tear(&image->synced, &image->pending.at[i]);
    }
    pending_clear(image);
}

static struct image *image_find(const char *path)
{
    for (size_t i = 0; i < fault.images.n; i++)
        if (strcmp(fault.images.at[i]->path, path) == 0) return fault.images.at[i];
    return NULL;
}

/* Of a file as it is opened: one seen first is taken as it lies there. */
static struct image *image_open(const char *path, bool exists)
{
    struct image *image = image_find(path);
    struct stat is;
    FILE *file;

    must(stat(path, &is) == 0);
    if (image && !image->is_deleted && image->inode == is.st_ino) return image;
    if (!image) {
        image = mem_zalloc(sizeof *image);
        image->path = mem_dup(path, strlen(path) + 1);
        image_vec_add(&fault.images, image);
    }
    buf_clear(&image->synced);
    pending_clear(image);
    image->is_deleted = false;
    image->is_durable = exists;
    image->inode = is.st_ino;
    file = exists ? fopen(path, "rb") : NULL;
    if (file) {
        size_t n;
        do {
            n = fread(buf_reserve(&image->synced, 65536), 1, 65536, file);
            image->synced.n += n;
        } while (n > 0);
        (void)fclose(file);
    }
    return image;
}

static bool crashes_now(void) /* Locked. */
{
    if (!fault.has_crashed && fault.crash_at > 0 && --fault.crash_at == 0) fault.has_crashed = true;
    return fault.has_crashed;
}

/* ---- Files. ---- */

static int file_close(sqlite3_file *f)
{
    return ((struct file *)f)->real->pMethods->xClose(((struct file *)f)->real);
}

static int file_read(sqlite3_file *f, void *at, int n, sqlite3_int64 offset)
{
    struct file *file = (struct file *)f;
    bool fails;

    lock();
    fails = fault.has_crashed || fault.fails_reads;
    unlock();
    return fails ? SQLITE_IOERR_READ : file->real->pMethods->xRead(file->real, at, n, offset);
}

static int file_write(sqlite3_file *f, const void *at, int n, sqlite3_int64 offset)
{
    struct file *file = (struct file *)f;
    struct op op = {false, (size_t)offset, (size_t)n, NULL};
    int rc = SQLITE_OK;

    lock();
    fault.n_writes++;
    if (fault.fail_write > 0 && --fault.fail_write == 0) fault.fails_writes = true;
    if (fault.has_crashed) {
        rc = SQLITE_IOERR_WRITE;
    } else if (fault.fails_writes) {
        rc = fault.fails_as_full ? SQLITE_FULL : SQLITE_IOERR_WRITE;
        errno = fault.fails_as_full ? ENOSPC : EIO;
    } else if (file->image) {
        op.bytes = mem_dup(at, (size_t)n);
        op_vec_add(&file->image->pending, op);
        if (crashes_now()) rc = SQLITE_IOERR_WRITE; /* The last one may still arrive. */
    }
    unlock();
    return rc ? rc : file->real->pMethods->xWrite(file->real, at, n, offset);
}

static int file_truncate(sqlite3_file *f, sqlite3_int64 n)
{
    struct file *file = (struct file *)f;
    int rc = SQLITE_OK;

    lock();
    if (crashes_now()) rc = SQLITE_IOERR_TRUNCATE;
    else if (file->image) op_vec_add(&file->image->pending, (struct op){true, (size_t)n, 0, NULL});
    unlock();
    return rc ? rc : file->real->pMethods->xTruncate(file->real, n);
}

static void folder_sync(void) /* Deletions reach the medium. */
{
    for (size_t i = 0; i < fault.images.n; i++)
        if (fault.images.at[i]->is_deleted) fault.images.at[i]->is_durable = false;
}

static int file_sync(sqlite3_file *f, int flags)
{
    struct file *file = (struct file *)f;
    struct image *image = file->image;
    int rc = SQLITE_OK;

    (void)flags;
    lock();
    fault.n_syncs++;
    if (crashes_now()) {
        rc = SQLITE_IOERR_FSYNC;
    } else if (fault.fail_sync > 0 && --fault.fail_sync == 0) {
        if (image) {
            pending_scatter(image);
            file->n_failures_told = ++image->n_failed_syncs;
        }
        rc = SQLITE_IOERR_FSYNC;
    } else if (image && file->n_failures_told != image->n_failed_syncs) {
        file->n_failures_told = image->n_failed_syncs; /* Linux tells each open file of a failure, once. */
        rc = SQLITE_IOERR_FSYNC;
    } else if (image) {
        for (size_t i = 0; i < image->pending.n; i++) op_apply(&image->synced, &image->pending.at[i]);
        pending_clear(image);
        if (!image->is_durable) folder_sync(); /* As SQLite's Unix layer does with the first sync of a new file. */
        image->is_durable = true;
    }
    unlock();
    return rc;
}

static int file_size(sqlite3_file *f, sqlite3_int64 *ret)
{
    struct file *file = (struct file *)f;

    return file->real->pMethods->xFileSize(file->real, ret);
}

static int file_lock(sqlite3_file *f, int kind)
{
    struct file *file = (struct file *)f;

    return file->real->pMethods->xLock(file->real, kind);
}

static int file_unlock(sqlite3_file *f, int kind)
{
    struct file *file = (struct file *)f;

    return file->real->pMethods->xUnlock(file->real, kind);
}

static int file_reserved(sqlite3_file *f, int *ret)
{
    struct file *file = (struct file *)f;

    return file->real->pMethods->xCheckReservedLock(file->real, ret);
}

static int file_control(sqlite3_file *f, int op, void *at)
{
    struct file *file = (struct file *)f;

    return file->real->pMethods->xFileControl(file->real, op, at);
}

static int file_sector(sqlite3_file *f)
{
    (void)f;
    return SECTOR;
}

static int file_traits(sqlite3_file *f)
{
    (void)f;
    return SQLITE_IOCAP_POWERSAFE_OVERWRITE;
}

static int file_shm_map(sqlite3_file *f, int page, int n, int extends, void volatile **ret)
{
    struct file *file = (struct file *)f;

    return file->real->pMethods->xShmMap(file->real, page, n, extends, ret);
}

static int file_shm_lock(sqlite3_file *f, int offset, int n, int flags)
{
    struct file *file = (struct file *)f;

    return file->real->pMethods->xShmLock(file->real, offset, n, flags);
}

static void file_shm_barrier(sqlite3_file *f)
{
    struct file *file = (struct file *)f;

    file->real->pMethods->xShmBarrier(file->real);
}

static int file_shm_unmap(sqlite3_file *f, int deletes)
{
    struct file *file = (struct file *)f;

    return file->real->pMethods->xShmUnmap(file->real, deletes);
}

static const sqlite3_io_methods methods = {
    .iVersion = 2,
    .xClose = file_close,
    .xRead = file_read,
    .xWrite = file_write,
    .xTruncate = file_truncate,
    .xSync = file_sync,
    .xFileSize = file_size,
    .xLock = file_lock,
    .xUnlock = file_unlock,
    .xCheckReservedLock = file_reserved,
    .xFileControl = file_control,
    .xSectorSize = file_sector,
    .xDeviceCharacteristics = file_traits,
    .xShmMap = file_shm_map,
    .xShmLock = file_shm_lock,
    .xShmBarrier = file_shm_barrier,
    .xShmUnmap = file_shm_unmap,
};

/* ---- The VFS. ---- */

static int vfs_open(sqlite3_vfs *vfs, const char *path, sqlite3_file *f, int flags, int *ret_flags)
{
    struct file *file = (struct file *)f;
    bool exists = path && access(path, F_OK) == 0;
    int rc;

    (void)vfs;
    *file = (struct file){.real = (sqlite3_file *)(file + 1)};
    lock();
    rc = fault.has_crashed ? SQLITE_CANTOPEN : SQLITE_OK;
    unlock();
    if (rc == SQLITE_OK) rc = fault.real->xOpen(fault.real, path, file->real, flags, ret_flags);
    if (rc != SQLITE_OK) return rc; /* pMethods is NULL: SQLite does not close it. */
    file->base.pMethods = &methods;
    lock();
    if (path) {
        file->image = image_open(path, exists);
        file->n_failures_told = file->image->n_failed_syncs;
    }
    unlock();
    return SQLITE_OK;
}

static int vfs_delete(sqlite3_vfs *vfs, const char *path, int syncs_folder)
{
    struct image *image;
    bool crashes;

    (void)vfs;
    lock();
    crashes = crashes_now();
    image = crashes ? NULL : image_find(path);
    if (image) image->is_deleted = true;
    if (syncs_folder && !crashes) folder_sync();
    unlock();
    return crashes ? SQLITE_IOERR_DELETE : fault.real->xDelete(fault.real, path, 0);
}

void fault_install(void)
{
    fault.real = sqlite3_vfs_find(NULL);
    must(fault.real != NULL);
    fault.vfs = *fault.real; /* All that concerns no file's bytes stays the real one's. */
    fault.vfs.zName = "fault";
    fault.vfs.pNext = NULL;
    fault.vfs.szOsFile = fault.real->szOsFile + (int)sizeof(struct file);
    fault.vfs.xOpen = vfs_open;
    fault.vfs.xDelete = vfs_delete;
    must(sqlite3_vfs_register(&fault.vfs, 1) == SQLITE_OK);
}

static void forget_faults(void)
{
    fault.fail_write = fault.fail_sync = fault.crash_at = 0;
    fault.fails_writes = fault.fails_reads = fault.has_crashed = false;
}

void fault_heal(void)
{
    lock();
    must(!fault.has_crashed);
    forget_faults();
    unlock();
}

void fault_reset(uint64_t seed)
{
    lock();
    for (size_t i = 0; i < fault.images.n; i++) {
        struct image *image = fault.images.at[i];
        pending_clear(image);
        op_vec_done(&image->pending);
        buf_done(&image->synced);
        mem_free(image->path);
        mem_free(image);
    }
    image_vec_done(&fault.images);
    forget_faults();
    fault.n_writes = fault.n_syncs = 0;
    fault.rng = (struct rng){seed};
    unlock();
}

void fault_fail_write(int k, bool is_full)
{
    lock();
    fault.fail_write = k;
    fault.fails_as_full = is_full;
    unlock();
}

void fault_fail_sync(int k)
{
    lock();
    fault.fail_sync = k;
    unlock();
}

void fault_fail_reads(bool fail)
{
    lock();
    fault.fails_reads = fail;
    unlock();
}

void fault_crash_at(int k)
{
    lock();
    fault.crash_at = k;
    unlock();
}

bool fault_has_crashed(void)
{
    bool has;

    lock();
    has = fault.has_crashed;
    unlock();
    return has;
}

int fault_n_writes(void)
{
    int n;

    lock();
    n = fault.n_writes;
    unlock();
    return n;
}

int fault_n_syncs(void)
{
    int n;

    lock();
    n = fault.n_syncs;
    unlock();
    return n;
}

void fault_crash(void)
{
    lock();
    for (size_t i = 0; i < fault.images.n; i++) {
        struct image *image = fault.images.at[i];
        bool is_there = (image->is_durable || rng_below(&fault.rng, 2) == 0) &&
                        (!image->is_deleted || (image->is_durable && rng_below(&fault.rng, 3) == 0));
        struct stat is;
        FILE *file;
        if (!is_there) {
            (void)unlink(image->path);
            image->is_deleted = true;
            image->is_durable = false;
            continue;
        }
        pending_scatter(image);
        file = fopen(image->path, "wb");
        must(file != NULL);
        must(fstat(fileno(file), &is) == 0);
        image->inode = is.st_ino;
        must(image->synced.n == 0 || fwrite(image->synced.at, image->synced.n, 1, file) == 1);
        must(fclose(file) == 0);
        image->is_deleted = false;
        image->is_durable = true;
    }
    forget_faults();
    unlock();
}
