/* faultvfs.h - storage that fails and crashes when told, under any SQLite database of the process.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A VFS around the default one. Files are real, so reads, locks and shared memory are the system's; beside each file lies an
 * image of what the medium holds: what was synced, and the writes since. Syncs do not reach the system, so that
 * hundreds of crashes take seconds.
 *
 *     write ----> file (what readers see)          at a crash: file := image + some of the writes since the last sync,
 *         \-----> image.pending -- sync --> image              each whole, not at all, or torn by sectors of
 *                                                               512 bytes, some of those with garbage
 *
 * A failed sync leaves on the medium what chance leaves there and forgets the rest, as kernels do: once each open file
 * was told, the next sync succeeds without it. A file that was never synced may be gone after a crash; one that was
 * deleted without a sync of its folder may be there again. Only bytes inside a written range are ever damaged (SQLite asks for no less).
 *
 * For one process; any thread.
 */
#ifndef TEST_FAULTVFS_H
#define TEST_FAULTVFS_H

#include <stdbool.h>

#include "base/rng.h"

void fault_install(void); /* Makes it the default VFS. Once. */

/* Forgets all files, faults and counts. No file may be open. */
void fault_reset(uint64_t seed);

/* Counted from now: the k-th write (1 is the next) fails as a full disk or as a bad one, and so do all after it. */
void fault_fail_write(int k, bool is_full);
void fault_fail_sync(int k);     /* The k-th sync fails, once. */
void fault_fail_reads(bool fail);
void fault_crash_at(int k);      /* At the k-th write, truncation, sync or deletion everything stops; 0: never. */
void fault_heal(void);           /* Ends all faults but a crash. */

bool fault_has_crashed(void);
int fault_n_writes(void); /* Since fault_reset(). */
int fault_n_syncs(void);

/* Makes of all files what the medium holds, whether fault_crash_at() struck or not, and ends all faults. Everything must
 * be closed. */
void fault_crash(void);

#endif
