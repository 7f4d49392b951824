/* disk_internal.h - what disk.c and its VFS share: a file's two contents and SQLite's locks on it.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TEST_SIM_DISK_INTERNAL_H
#define TEST_SIM_DISK_INTERNAL_H

#include "base/buf.h"
#include "base/rng.h"
#include "base/vec.h"

struct op {
    bool is_truncation;
    size_t offset; /* Or the new length. */
    size_t n;
    char *bytes;
};
VEC_DEFINE(op_vec, struct op);

struct inode {
    struct buf seen, synced;
    struct op_vec pending;
    unsigned n_open, n_failed_syncs;
    bool is_folder, is_durable; /* is_durable: it was synced once. */
    bool is_locked;             /* By fcntl(). */

    /* SQLite's locks on the file, and its shared memory while anybody has it mapped. */
    unsigned n_shared;
    const void *reserved, *pending_lock, *exclusive;
    struct shm *shm;
};

struct inode *disk_inode(int fd);        /* NULL for a disk's root. */
void disk_vfs_reset(void); /* SQLite's own chance begins anew. */
struct rng *disk_rng(const char *path); /* The chance of its disk. */

#endif
