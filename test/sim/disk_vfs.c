/* disk_vfs.c - SQLite's files on the disks in memory, with locks and shared memory for connections of one process.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>

#include "disk.h"
#include "disk_internal.h"
#include "world.h"

#define SECTOR 512
#define TEMPORARY (-1)

struct shm {
    unsigned n_mapped;
    void *pages[64];
    int n_pages;
    unsigned n_shared[SQLITE_SHM_NLOCK];
    const void *exclusive[SQLITE_SHM_NLOCK];
};

struct file {
    sqlite3_file base;
    int fd;
    int level; /* SQLITE_LOCK_... */
    bool has_shm;
    unsigned shared_slots; /* Bits. */
    struct buf temporary;
};

static struct file *of(sqlite3_file *f)
{
    return (struct file *)f;
}

static struct inode *inode_of(sqlite3_file *f)
{
    return disk_inode(of(f)->fd);
}

static int file_unlock(sqlite3_file *f, int level);
static int file_shm_unmap(sqlite3_file *f, int deletes);

static int file_close(sqlite3_file *f)
{
    struct file *file = of(f);

    if (file->fd == TEMPORARY) {
        buf_done(&file->temporary);
        return SQLITE_OK;
    }
    (void)file_shm_unmap(f, 0);
    (void)file_unlock(f, SQLITE_LOCK_NONE);
    (void)disk_close(file->fd);
    return SQLITE_OK;
}

static int file_read(sqlite3_file *f, void *at, int n, sqlite3_int64 offset)
{
    struct file *file = of(f);
    ssize_t got;

    if (file->fd == TEMPORARY) {
        struct str rest = str_first(str_skip(buf_str(&file->temporary), (size_t)offset), (size_t)n);
        if (rest.n) memcpy(at, rest.at, rest.n);
        got = (ssize_t)rest.n;
    } else {
        got = disk_pread(file->fd, at, (size_t)n, offset);
    }
    if (got < 0) return SQLITE_IOERR_READ;
    if (got == n) return SQLITE_OK;
    memset((char *)at + got, 0, (size_t)(n - got));
    return SQLITE_IOERR_SHORT_READ;
}

static int file_write(sqlite3_file *f, const void *at, int n, sqlite3_int64 offset)
{
    struct file *file = of(f);

    if (file->fd == TEMPORARY) {
        struct buf *b = &file->temporary;
        size_t end = (size_t)offset + (size_t)n;
        if (end > b->n) {
            memset(buf_reserve(b, end - b->n), 0, end - b->n);
            b->n = end;
        }
        memcpy(b->at + offset, at, (size_t)n);
        return SQLITE_OK;
    }
    if (disk_pwrite(file->fd, at, (size_t)n, offset) == n) return SQLITE_OK;
    return errno == ENOSPC ? SQLITE_FULL : SQLITE_IOERR_WRITE;
}

static int file_truncate(sqlite3_file *f, sqlite3_int64 n)
{
    if (of(f)->fd == TEMPORARY) {
        of(f)->temporary.n = (size_t)n;
        return SQLITE_OK;
    }
    return disk_truncate(of(f)->fd, n) == 0 ? SQLITE_OK : SQLITE_IOERR_TRUNCATE;
}

static int file_sync(sqlite3_file *f, int flags)
{
    (void)flags;
    if (of(f)->fd == TEMPORARY) return SQLITE_OK;
    return disk_sync(of(f)->fd) == 0 ? SQLITE_OK : SQLITE_IOERR_FSYNC;
}

static int file_size(sqlite3_file *f, sqlite3_int64 *ret)
{
    *ret = (sqlite3_int64)(of(f)->fd == TEMPORARY ? of(f)->temporary.n : inode_of(f)->seen.n);
    return SQLITE_OK;
}

/* Levels as SQLite's documentation of xLock has them; the handle's address stands for its holder. */
static int file_lock(sqlite3_file *f, int level)
{
    struct file *file = of(f);
    struct inode *inode;

    if (file->fd == TEMPORARY || level <= file->level) return SQLITE_OK;
    inode = inode_of(f);
    if (level == SQLITE_LOCK_SHARED) {
        if (inode->pending_lock || inode->exclusive) return SQLITE_BUSY;
        inode->n_shared++;
        file->level = level;
        return SQLITE_OK;
    }
    if (inode->reserved && inode->reserved != f) return SQLITE_BUSY;
    if (level == SQLITE_LOCK_RESERVED) {
        inode->reserved = f;
        file->level = level;
        return SQLITE_OK;
    }
    if (inode->pending_lock && inode->pending_lock != f) return SQLITE_BUSY;
    inode->pending_lock = f;
    if (file->level < SQLITE_LOCK_PENDING) file->level = SQLITE_LOCK_PENDING;
    if (inode->n_shared > 1) return SQLITE_BUSY;
    inode->exclusive = f;
    file->level = SQLITE_LOCK_EXCLUSIVE;
    return SQLITE_OK;
}

static int file_unlock(sqlite3_file *f, int level)
{
    struct file *file = of(f);
    struct inode *inode;

    if (file->fd == TEMPORARY || level >= file->level) return SQLITE_OK;
    inode = inode_of(f);
    if (inode->reserved == f) inode->reserved = NULL;
    if (inode->pending_lock == f) inode->pending_lock = NULL;
    if (inode->exclusive == f) inode->exclusive = NULL;
    if (level == SQLITE_LOCK_NONE) inode->n_shared--;
    file->level = level;
    return SQLITE_OK;
}

static int file_reserved(sqlite3_file *f, int *ret)
{
    *ret = of(f)->fd != TEMPORARY && inode_of(f)->reserved != NULL;
    return SQLITE_OK;
}

static int file_control(sqlite3_file *f, int op, void *at)
{
    (void)f;
    (void)op;
    (void)at;
    return SQLITE_NOTFOUND;
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
    struct inode *inode = inode_of(f);

    *ret = NULL;
    if (!inode->shm) inode->shm = mem_zalloc(sizeof *inode->shm);
    if (!of(f)->has_shm) inode->shm->n_mapped++;
    of(f)->has_shm = true;
    if (page >= (int)(sizeof inode->shm->pages / sizeof *inode->shm->pages)) return SQLITE_IOERR_SHMMAP;
    if (page >= inode->shm->n_pages && !extends) return SQLITE_OK;
    for (; inode->shm->n_pages <= page; inode->shm->n_pages++) inode->shm->pages[inode->shm->n_pages] = mem_zalloc((size_t)n);
    *ret = inode->shm->pages[page];
    return SQLITE_OK;
}

static int file_shm_lock(sqlite3_file *f, int offset, int n, int flags)
{
    struct shm *shm = inode_of(f)->shm;
    struct file *file = of(f);

    for (int i = offset; i < offset + n; i++) {
        bool is_mine = (file->shared_slots >> i & 1) != 0;
        if (!(flags & SQLITE_SHM_LOCK)) continue;
        if (shm->exclusive[i] && shm->exclusive[i] != f) return SQLITE_BUSY;
        if ((flags & SQLITE_SHM_EXCLUSIVE) && shm->n_shared[i] > is_mine) return SQLITE_BUSY;
    }
    for (int i = offset; i < offset + n; i++) {
        bool is_mine = (file->shared_slots >> i & 1) != 0;
        if (flags & SQLITE_SHM_EXCLUSIVE) shm->exclusive[i] = flags & SQLITE_SHM_LOCK ? f : NULL;
        else if (flags & SQLITE_SHM_LOCK) {
            shm->n_shared[i] += !is_mine;
            file->shared_slots |= 1U << i;
        } else {
            shm->n_shared[i] -= is_mine;
            file->shared_slots &= ~(1U << i);
        }
    }
    return SQLITE_OK;
}

static void file_shm_barrier(sqlite3_file *f)
{
    (void)f;
}

static int file_shm_unmap(sqlite3_file *f, int deletes)
{
    struct file *file = of(f);
    struct shm *shm;

    (void)deletes;
    if (!file->has_shm) return SQLITE_OK;
    shm = inode_of(f)->shm;
    for (int i = 0; i < SQLITE_SHM_NLOCK; i++) {
        shm->n_shared[i] -= file->shared_slots >> i & 1;
        if (shm->exclusive[i] == f) shm->exclusive[i] = NULL;
    }
    file->shared_slots = 0;
    file->has_shm = false;
    if (--shm->n_mapped > 0) return SQLITE_OK;
    for (int i = 0; i < shm->n_pages; i++) mem_free(shm->pages[i]);
    mem_free(shm);
    inode_of(f)->shm = NULL;
    return SQLITE_OK;
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

static int vfs_open(sqlite3_vfs *vfs, const char *path, sqlite3_file *f, int flags, int *ret_flags)
{
    struct file *file = of(f);
    int fd = TEMPORARY;

    (void)vfs;
    file->base.pMethods = NULL;
    if (path) {
        fd = disk_open(path, flags & SQLITE_OPEN_CREATE ? O_RDWR | O_CREAT : O_RDWR);
        if (fd < 0) return SQLITE_CANTOPEN;
    }
    *file = (struct file){.fd = fd};
    file->base.pMethods = &methods;
    if (ret_flags) *ret_flags = flags;
    return SQLITE_OK;
}

static int vfs_delete(sqlite3_vfs *vfs, const char *path, int syncs_folder)
{
    (void)vfs;
    if (disk_unlink(path) != 0) return errno == ENOENT ? SQLITE_IOERR_DELETE_NOENT : SQLITE_IOERR_DELETE;
    if (syncs_folder) {
        AUTO(buf_done) struct buf folder = {0};
        buf_add(&folder, path, (size_t)(strrchr(path, '/') - path));
        int fd = disk_open(buf_z(&folder), O_RDONLY);
        int rc = fd >= 0 ? disk_sync(fd) : -1;
        if (fd >= 0) (void)disk_close(fd);
        if (rc != 0) return SQLITE_IOERR_DIR_FSYNC;
    }
    return SQLITE_OK;
}

static int vfs_access(sqlite3_vfs *vfs, const char *path, int flags, int *ret)
{
    struct stat is;

    (void)vfs;
    *ret = disk_stat(path, &is) == 0 && (flags != SQLITE_ACCESS_EXISTS || is.st_size > 0);
    return SQLITE_OK;
}

static int vfs_full_path(sqlite3_vfs *vfs, const char *path, int n, char *ret)
{
    (void)vfs;
    (void)sqlite3_snprintf(n, ret, "%s", path);
    return SQLITE_OK;
}

static int vfs_random(sqlite3_vfs *vfs, int n, char *ret)
{
    (void)vfs;
    for (int i = 0; i < n; i++) ret[i] = (char)i; /* For names and salts: any will do. */
    return n;
}

static int vfs_sleep(sqlite3_vfs *vfs, int us)
{
    (void)vfs;
    return us; /* Nobody else runs meanwhile. */
}

static int vfs_time(sqlite3_vfs *vfs, sqlite3_int64 *ret)
{
    (void)vfs;
    *ret = INT64_C(210866760000000) + (WORLD_START_US + world.now_us) / 1000; /* Julian day in ms. */
    return SQLITE_OK;
}

static int vfs_error(sqlite3_vfs *vfs, int n, char *ret)
{
    (void)vfs;
    (void)n;
    (void)ret;
    return errno;
}

void disk_vfs_reset(void)
{
    sqlite3_randomness(0, NULL);
}

void disk_install(void)
{
    static sqlite3_vfs vfs = {
        .iVersion = 2,
        .szOsFile = sizeof(struct file),
        .mxPathname = 255,
        .zName = "sim",
        .xOpen = vfs_open,
        .xDelete = vfs_delete,
        .xAccess = vfs_access,
        .xFullPathname = vfs_full_path,
        .xRandomness = vfs_random,
        .xSleep = vfs_sleep,
        .xGetLastError = vfs_error,
        .xCurrentTimeInt64 = vfs_time,
    };

    must(sqlite3_vfs_register(&vfs, 1) == SQLITE_OK);
}
