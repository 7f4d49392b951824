/* heads.h - the store of the last signed tree head: what this node must never contradict.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A file of its own beside the journal, of two slots that are written in turn:
 *
 *     offset 0     slot 0     "jheads1\n" | sequence 8 | size 8 | root 32 | note bytes 4 | note | SHA-256 of all before
 *     offset 8192  slot 1     integers big-endian, zeros to the slot's end
 *
 * The good slot with the higher sequence is the last head. A crash can only tear the slot being written, whose swap has
 * not returned, so whoever swaps before letting a signature out loses nothing. A head is swapped in by compare-and-swap
 * and never goes back or to another root of the same size (decision E7; invariant I6).
 *
 * The journal's database cannot be trusted with this: one that was restored from a backup would agree with itself. This
 * file must exist before (heads_create() at genesis only) and is never restored; a node that lost it needs new keys.
 */
#ifndef JOURNAL_HEADS_H
#define JOURNAL_HEADS_H

#include "base/buf.h"
#include "base/err.h"
#include "proof/hash.h"

#define HEADS_NOTE_MAX 8100 /* Fits a slot; a note with 15 members' two signatures each has 5 kB. */

struct heads;

/* Makes the file with no head in it. ERR_CONFLICT if there is one. */
CHECKED enum err heads_create(const char *path, struct why *why);

/* A synced copy takes the file's place. Whoever signs calls it before heads_open(): after a sync that failed, the system may show a head
 * that never reached the medium; it would be shown to others now and be gone after the next loss of power. ERR_NOT_FOUND, ERR_BUSY as
 * heads_open(); ERR_DISK, and the file is as it was. */
CHECKED enum err heads_renew(const char *path, struct why *why);

/* The file becomes kept's, unless that is there already, and one with no head in it takes its place: for new keys, which what the old ones
 * signed does not bind. Cut off at any moment it leaves a file under path. Nobody has it open. ERR_DISK. */
CHECKED enum err heads_begin_anew(const char *path, const char *kept, struct why *why);

/* ERR_NOT_FOUND if there is no file, ERR_BUSY if another process holds it, ERR_CORRUPT if no slot is good. */
CHECKED enum err heads_open(const char *path, struct heads **ret, struct why *why);
void heads_close(struct heads *h); /* NULL is fine. */

/* One slot was found damaged on opening: a swap that a crash cut off, or rot that took the newest head. Who cannot tell
 * asks the others for the own largest head before signing. */
bool heads_was_torn(const struct heads *h);

/* False before the first head. ret_note is appended to; each may be NULL. Any thread. */
bool heads_last(struct heads *h, uint64_t *ret_size, struct hash *ret_root, struct buf *ret_note);

/* Replaces the head if the last one's size is expected_size (0: none yet). Durable when OK; one fdatasync. ERR_CONFLICT:
 * another head is there, or it would go back, or have another root at the same size. ERR_TOO_LARGE: the note.
 * ERR_DISK: unknown; nothing is swapped any more until it is opened again. Any thread. */
CHECKED enum err heads_swap(struct heads *h, uint64_t expected_size, uint64_t new_size, const struct hash *root,
                            struct str note, struct why *why);

#endif
