/* disk.c - files in memory, their pending writes, and what a loss of power leaves of them.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "disk.h"

#include <errno.h>
#include <fcntl.h>

#include "base/buf.h"
#include "base/vec.h"
#include "disk_internal.h"
#include "world.h"

#define SECTOR 512
#define ROOT "/sim/"

struct name {
    char *path;
    struct inode *inode; /* In changes: NULL, it is removed. */
    bool with_next;      /* In changes: this one and the next happen together. */
};
VEC_DEFINE(name_vec, struct name);
VEC_DEFINE(inode_vec, struct inode *);

struct disk {
    struct name_vec seen, durable, changes;
    struct inode_vec inodes;
    struct rng rng;
    int fail_write, fail_sync, cut_at; /* Steps left; 0: never. */
    bool fails_as_full, fails_writes, is_cut;
};

struct handle {
    struct disk *disk; /* NULL: free. */
    struct inode *inode;
    size_t offset;
    unsigned n_failures_told;
    bool has_lock, appends;
};
VEC_DEFINE(handle_vec, struct handle);

static struct disk disks[WORLD_NODES_MAX];
static struct handle_vec handles;
static uint64_t n_syncs;

/* Names. */

bool disk_has(const char *path)
{
    return strncmp(path, ROOT, strlen(ROOT)) == 0;
}

static struct disk *disk_of(const char *path)
{
    int node = path[strlen(ROOT)] - '0';

    must(disk_has(path) && node >= 0 && node < WORLD_NODES_MAX);
    return &disks[node];
}

static struct name *find(struct name_vec *names, const char *path)
{
    for (size_t i = 0; i < names->n; i++)
        if (strcmp(names->at[i].path, path) == 0) return &names->at[i];
    return NULL;
}

static char *copy_of(const char *path)
{
    return mem_dup(path, strlen(path) + 1);
}

static void set(struct name_vec *names, const char *path, struct inode *inode)
{
    struct name *old = find(names, path);

    if (old && inode) old->inode = inode;
    else if (old) {
        mem_free(old->path);
        *old = names->at[--names->n];
    } else if (inode) name_vec_add(names, (struct name){copy_of(path), inode, false});
}

static void change(struct disk *d, const char *path, struct inode *inode, bool with_next)
{
    set(&d->seen, path, inode);
    name_vec_add(&d->changes, (struct name){copy_of(path), inode, with_next});
}

static void names_clear(struct name_vec *names)
{
    for (size_t i = 0; i < names->n; i++) mem_free(names->at[i].path);
    name_vec_clear(names);
}

/* The first n changes become durable. */
static void settle(struct disk *d, size_t n)
{
    for (size_t i = 0; i < n; i++) set(&d->durable, d->changes.at[i].path, d->changes.at[i].inode);
    names_clear(&d->changes);
}

/* Contents. */

static void pending_clear(struct inode *inode)
{
    for (size_t i = 0; i < inode->pending.n; i++) mem_free(inode->pending.at[i].bytes);
    op_vec_clear(&inode->pending);
}

static void resize(struct buf *b, size_t n)
{
    if (n > b->n) memset(buf_reserve(b, n - b->n), 0, n - b->n);
    b->n = n;
}

static void apply(struct buf *b, const struct op *op)
{
    if (op->is_truncation) {
        resize(b, op->offset);
        return;
    }
    if (b->n < op->offset + op->n) resize(b, op->offset + op->n);
    if (op->n) memcpy(b->at + op->offset, op->bytes, op->n);
}

/* Each sector of the range is old, new or garbage. */
static void tear(struct disk *d, struct buf *b, const struct op *op)
{
    if (op->is_truncation) return;
    if (b->n < op->offset + op->n) resize(b, op->offset + op->n);
    for (size_t at = op->offset; at < op->offset + op->n;) {
        size_t end = (at / SECTOR + 1) * SECTOR;
        uint64_t choice = rng_below(&d->rng, 8);
        if (end > op->offset + op->n) end = op->offset + op->n;
        for (size_t i = at; i < end && choice < 5; i++)
            b->at[i] = choice < 4 ? op->bytes[i - op->offset] : (char)rng_next(&d->rng);
        at = end;
    }
}

/* Chance is drawn once for all: sometimes all or none arrived. */
static void scatter(struct disk *d, struct inode *inode)
{
    uint64_t mood = inode->pending.n ? rng_below(&d->rng, 4) : 1; /* 0 all, 1 none, else each by itself. */

    for (size_t i = 0; i < inode->pending.n; i++) {
        uint64_t fate = rng_below(&d->rng, 8);
        if (mood == 0 || (mood > 1 && fate < 4)) apply(&inode->synced, &inode->pending.at[i]);
        else if (mood > 1 && fate < 6) tear(d, &inode->synced, &inode->pending.at[i]);
    }
    pending_clear(inode);
}

static struct inode *inode_new(struct disk *d, bool is_folder)
{
    struct inode *inode = mem_zalloc(sizeof *inode);

    inode->is_folder = is_folder;
    inode_vec_add(&d->inodes, inode);
    return inode;
}

static void inode_free(struct inode *inode)
{
    must(inode->n_open == 0 && !inode->shm);
    pending_clear(inode);
    op_vec_done(&inode->pending);
    buf_done(&inode->seen);
    buf_done(&inode->synced);
    mem_free(inode);
}

/* Faults. */

static bool is_cut_now(struct disk *d)
{
    if (!d->is_cut && d->cut_at > 0 && --d->cut_at == 0) d->is_cut = true;
    return d->is_cut;
}

static int refuse(int error)
{
    errno = error;
    return -1;
}

void disk_fail_write(int node, int k, bool is_full)
{
    disks[node].fail_write = k;
    disks[node].fails_as_full = is_full;
}

void disk_fail_sync(int node, int k)
{
    disks[node].fail_sync = k;
}

void disk_cut_at(int node, int k)
{
    disks[node].cut_at = k;
}

bool disk_has_faults(int node)
{
    const struct disk *d = &disks[node];

    return d->is_cut || d->fails_writes || d->fail_write || d->fail_sync || d->cut_at;
}

bool disk_is_cut(int node)
{
    return disks[node].is_cut;
}

void disk_cut(int node)
{
    disks[node].is_cut = true;
}

void disk_heal(int node)
{
    disks[node].fail_write = disks[node].fail_sync = disks[node].cut_at = 0;
    disks[node].fails_writes = false;
}

static void heal(struct disk *d)
{
    d->fail_write = d->fail_sync = d->cut_at = 0;
    d->fails_writes = d->is_cut = false;
}

static bool is_named(const struct disk *d, const struct inode *inode)
{
    for (size_t i = 0; i < d->seen.n; i++)
        if (d->seen.at[i].inode == inode) return true;
    return false;
}

void disk_restart(int node, bool with_power)
{
    struct disk *d = &disks[node];

    for (size_t i = 0; i < handles.n; i++) must(handles.at[i].disk != d);
    heal(d);
    if (with_power) return;
    size_t n = d->changes.n ? rng_below(&d->rng, d->changes.n + 1) : 0;
    while (n > 0 && n < d->changes.n && d->changes.at[n - 1].with_next) n++;
    settle(d, n);
    names_clear(&d->seen);
    for (size_t i = 0; i < d->durable.n; i++) set(&d->seen, d->durable.at[i].path, d->durable.at[i].inode);
    for (size_t i = 0; i < d->inodes.n;) {
        struct inode *inode = d->inodes.at[i];
        scatter(d, inode);
        buf_clear(&inode->seen);
        buf_add_str(&inode->seen, buf_str(&inode->synced));
        inode->n_failed_syncs = 0;
        if (is_named(d, inode)) i++;
        else {
            inode_free(inode);
            d->inodes.at[i] = d->inodes.at[--d->inodes.n];
        }
    }
}

void disk_reset(uint64_t seed)
{
    for (size_t i = 0; i < handles.n; i++) must(!handles.at[i].disk);
    handle_vec_done(&handles);
    disk_vfs_reset();
    n_syncs = 0;
    for (int i = 0; i < WORLD_NODES_MAX; i++) {
        struct disk *d = &disks[i];
        names_clear(&d->seen);
        names_clear(&d->durable);
        names_clear(&d->changes);
        name_vec_done(&d->seen);
        name_vec_done(&d->durable);
        name_vec_done(&d->changes);
        for (size_t k = 0; k < d->inodes.n; k++) inode_free(d->inodes.at[k]);
        inode_vec_done(&d->inodes);
        *d = (struct disk){.rng = {seed * 31 + (uint64_t)i}};
    }
}

uint64_t disk_n_syncs(void)
{
    return n_syncs;
}

/* Calls. */

static bool is_root(const char *path) /* /sim/<node> */
{
    return strlen(path) <= strlen(ROOT) + 1 || strcmp(path + strlen(ROOT) + 1, "/") == 0;
}

static int handle_new(struct disk *d, struct inode *inode)
{
    size_t i = 0;

    while (i < handles.n && handles.at[i].disk) i++;
    if (i == handles.n) handle_vec_add(&handles, (struct handle){0});
    handles.at[i] = (struct handle){.disk = d, .inode = inode, .n_failures_told = inode ? inode->n_failed_syncs : 0};
    if (inode) inode->n_open++;
    return DISK_FD + (int)i;
}

static struct handle *handle_of(int fd)
{
    must(fd >= DISK_FD && fd - DISK_FD < (int)handles.n && handles.at[fd - DISK_FD].disk);
    return &handles.at[fd - DISK_FD];
}

struct inode *disk_inode(int fd)
{
    return handle_of(fd)->inode;
}

struct rng *disk_rng(const char *path)
{
    return &disk_of(path)->rng;
}

int disk_open(const char *path, int flags)
{
    struct disk *d = disk_of(path);
    struct name *name = find(&d->seen, path);
    struct inode *inode = name ? name->inode : NULL;

    if (d->is_cut) return refuse(EIO);
    if (is_root(path)) return handle_new(d, NULL);
    if (inode && (flags & O_EXCL)) return refuse(EEXIST);
    if (!inode && !(flags & O_CREAT)) return refuse(ENOENT);
    if (!inode) {
        if (is_cut_now(d)) return refuse(EIO);
        inode = inode_new(d, false);
        change(d, path, inode, false);
    }
    int fd = handle_new(d, inode);
    handle_of(fd)->appends = (flags & O_APPEND) != 0;
    if ((flags & O_TRUNC) && inode->seen.n && disk_truncate(fd, 0) != 0) {
        (void)disk_close(fd);
        return -1;
    }
    return fd;
}

int disk_close(int fd)
{
    struct handle *h = handle_of(fd);

    if (h->has_lock) h->inode->is_locked = false;
    if (h->inode) h->inode->n_open--;
    *h = (struct handle){0};
    return 0;
}

ssize_t disk_pread(int fd, void *at, size_t n, off_t offset)
{
    struct handle *h = handle_of(fd);

    if (h->disk->is_cut) return refuse(EIO);
    if ((size_t)offset >= h->inode->seen.n) return 0;
    if (n > h->inode->seen.n - (size_t)offset) n = h->inode->seen.n - (size_t)offset;
    memcpy(at, h->inode->seen.at + offset, n);
    return (ssize_t)n;
}

ssize_t disk_pwrite(int fd, const void *at, size_t n, off_t offset)
{
    struct handle *h = handle_of(fd);
    struct disk *d = h->disk;
    struct op op = {false, (size_t)offset, n, NULL};

    if (d->is_cut) return refuse(EIO);
    if (d->fail_write > 0 && --d->fail_write == 0) d->fails_writes = true;
    if (d->fails_writes) return refuse(d->fails_as_full ? ENOSPC : EIO);
    op.bytes = n ? mem_dup(at, n) : NULL;
    op_vec_add(&h->inode->pending, op);
    if (is_cut_now(d)) return refuse(EIO); /* The last one may still arrive. */
    apply(&h->inode->seen, &op);
    return (ssize_t)n;
}

ssize_t disk_read(int fd, void *at, size_t n)
{
    ssize_t got = disk_pread(fd, at, n, (off_t)handle_of(fd)->offset);

    if (got > 0) handle_of(fd)->offset += (size_t)got;
    return got;
}

ssize_t disk_write(int fd, const void *at, size_t n)
{
    struct handle *h = handle_of(fd);
    if (h->appends) h->offset = h->inode->seen.n;
    ssize_t done = disk_pwrite(fd, at, n, (off_t)h->offset);

    if (done > 0) handle_of(fd)->offset += (size_t)done;
    return done;
}

int disk_truncate(int fd, off_t n)
{
    struct handle *h = handle_of(fd);
    struct op op = {true, (size_t)n, 0, NULL};

    if (is_cut_now(h->disk)) return refuse(EIO);
    op_vec_add(&h->inode->pending, op);
    apply(&h->inode->seen, &op);
    return 0;
}

int disk_sync(int fd)
{
    struct handle *h = handle_of(fd);
    struct disk *d = h->disk;
    struct inode *inode = h->inode;

    n_syncs++;
    if (is_cut_now(d)) return refuse(EIO);
    if (!inode || inode->is_folder) {
        settle(d, d->changes.n);
        return 0;
    }
    if (d->fail_sync > 0 && --d->fail_sync == 0) {
        scatter(d, inode);
        h->n_failures_told = ++inode->n_failed_syncs;
        return refuse(EIO);
    }
    if (h->n_failures_told != inode->n_failed_syncs) {
        h->n_failures_told = inode->n_failed_syncs; /* Linux tells each open file of a failure, once. */
        return refuse(EIO);
    }
    for (size_t i = 0; i < inode->pending.n; i++) apply(&inode->synced, &inode->pending.at[i]);
    pending_clear(inode);
    if (!inode->is_durable) settle(d, d->changes.n); /* The journal of a file system commits all names at once. */
    inode->is_durable = true;
    return 0;
}

void disk_put(const char *path, struct str bytes)
{
    struct disk *d = disk_of(path);
    struct inode *inode = inode_new(d, false);

    buf_add_str(&inode->seen, bytes);
    buf_add_str(&inode->synced, bytes);
    inode->is_durable = true;
    set(&d->seen, path, inode);
    set(&d->durable, path, inode);
}

void disk_put_folder(const char *path)
{
    struct disk *d = disk_of(path);
    struct inode *inode = inode_new(d, true);

    set(&d->seen, path, inode);
    set(&d->durable, path, inode);
}

int disk_lock(int fd)
{
    struct handle *h = handle_of(fd);

    if (h->inode->is_locked && !h->has_lock) return refuse(EAGAIN);
    h->inode->is_locked = h->has_lock = true;
    return 0;
}

/* What lies below a folder moves with it. */
int disk_rename(const char *from, const char *to)
{
    struct disk *d = disk_of(from);
    struct name *name = find(&d->seen, from);
    size_t n = strlen(from);

    if (is_cut_now(d)) return refuse(EIO);
    if (!name) return refuse(ENOENT);
    for (size_t i = 0; i < d->seen.n; i++) {
        AUTO(buf_done) struct buf old = {0}, moved = {0};
        struct inode *inode = d->seen.at[i].inode;
        if (strncmp(d->seen.at[i].path, from, n) != 0 || d->seen.at[i].path[n] != '/') continue;
        buf_addf(&old, "%s", d->seen.at[i].path);
        buf_addf(&moved, "%s%s", to, d->seen.at[i].path + n);
        change(d, buf_z(&moved), inode, true);
        change(d, buf_z(&old), NULL, true);
        i = (size_t)-1; /* The names have moved. */
    }
    change(d, to, find(&d->seen, from)->inode, true);
    change(d, from, NULL, false);
    return 0;
}

int disk_link(const char *from, const char *to)
{
    struct disk *d = disk_of(from);
    struct name *name = find(&d->seen, from);

    if (is_cut_now(d)) return refuse(EIO);
    if (!name) return refuse(ENOENT);
    if (find(&d->seen, to)) return refuse(EEXIST);
    change(d, to, name->inode, false);
    return 0;
}

int disk_unlink(const char *path)
{
    struct disk *d = disk_of(path);

    if (is_cut_now(d)) return refuse(EIO);
    if (!find(&d->seen, path)) return refuse(ENOENT);
    change(d, path, NULL, false);
    return 0;
}

int disk_mkdir(const char *path)
{
    struct disk *d = disk_of(path);

    if (is_cut_now(d)) return refuse(EIO);
    if (find(&d->seen, path) || is_root(path)) return refuse(EEXIST);
    change(d, path, inode_new(d, true), false);
    return 0;
}

static int describe(const struct inode *inode, struct stat *ret)
{
    *ret = (struct stat){.st_mode = !inode || inode->is_folder ? S_IFDIR | 0700 : S_IFREG | 0600, .st_nlink = 1};
    if (inode) ret->st_size = (off_t)inode->seen.n;
    return 0;
}

int disk_stat(const char *path, struct stat *ret)
{
    struct disk *d = disk_of(path);
    struct name *name = find(&d->seen, path);

    if (d->is_cut) return refuse(EIO);
    if (!name && !is_root(path)) return refuse(ENOENT);
    return describe(name ? name->inode : NULL, ret);
}

int disk_fstat(int fd, struct stat *ret)
{
    return describe(handle_of(fd)->inode, ret);
}

const char *disk_list(const char *folder, size_t i)
{
    struct disk *d = disk_of(folder);
    size_t n = strlen(folder);

    while (n > 0 && folder[n - 1] == '/') n--;
    for (size_t k = 0; k < d->seen.n; k++) {
        const char *path = d->seen.at[k].path;
        if (strncmp(path, folder, n) == 0 && path[n] == '/' && !strchr(path + n + 1, '/') && i-- == 0) return path + n + 1;
    }
    return NULL;
}
