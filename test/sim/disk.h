/* disk.h - the nodes' disks in memory: files, folders, and what of them survives a loss of power.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Paths below /sim/<node>/ lie on that node's disk; posix.c hands the product's file calls on to here, and SQLite comes by a VFS.
 * Each file has what readers see, what was synced, and the writes since:
 *
 *     write ----> seen                              at a loss of power: seen := synced + some of the writes since, each
 *         \-----> pending -- sync --> synced        whole, not at all, or torn by sectors of 512 bytes, some with garbage
 *
 * Names (made, replaced, removed) survive as a beginning of their changes since the last sync of a folder or of a new file. A failed sync
 * leaves chance's choice synced and forgets the rest, as kernels do. Only bytes inside a written range are ever damaged.
 *
 * Not modelled: bits that rot, reads that fail, a sync that lies, quotas.
 */
#ifndef TEST_SIM_DISK_H
#define TEST_SIM_DISK_H

#include <dirent.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "base/str.h"

#define DISK_FD 0x4000000 /* Handles are at least this. */

bool disk_has(const char *path); /* The path lies on one of these disks. */

void disk_install(void);              /* Registers the VFS, as the default. Once. */
void disk_reset(uint64_t seed);       /* All disks are empty and sound. No file may be open. */
void disk_fail_write(int node, int k, bool is_full); /* Its k-th write from now on (1: the next) fails, and so do all after it. */
void disk_fail_sync(int node, int k); /* Its k-th sync from now on fails, once. */
void disk_cut_at(int node, int k);    /* At its k-th write, sync or change of a name everything stops. */
void disk_heal(int node);             /* Ends all of these but a cut. */
bool disk_has_faults(int node);       /* Any of these is told or has struck. */
bool disk_is_cut(int node);
void disk_cut(int node);              /* Every further call fails until disk_restart(). */

/* Everything of the node's is closed. with_power: files are as they were seen; otherwise as above. Ends all faults. */
void disk_restart(int node, bool with_power);

/* Lies there durably, as if it had been installed with the machine. */
void disk_put(const char *path, struct str bytes);
void disk_put_folder(const char *path);

uint64_t disk_n_syncs(void); /* Of all disks since disk_reset(). */

/* As the calls of the same names, on these disks; -1 and errno. */
int disk_open(const char *path, int flags);
int disk_close(int fd);
ssize_t disk_pread(int fd, void *at, size_t n, off_t offset);
ssize_t disk_pwrite(int fd, const void *at, size_t n, off_t offset);
ssize_t disk_read(int fd, void *at, size_t n);
ssize_t disk_write(int fd, const void *at, size_t n);
int disk_sync(int fd);
int disk_truncate(int fd, off_t n);
int disk_lock(int fd);
int disk_rename(const char *from, const char *to);
int disk_link(const char *from, const char *to);
int disk_unlink(const char *path);
int disk_mkdir(const char *path);
int disk_stat(const char *path, struct stat *ret);
int disk_fstat(int fd, struct stat *ret);
/* The i-th name in the folder, without the folder; NULL beyond. */
const char *disk_list(const char *folder, size_t i);

#endif
