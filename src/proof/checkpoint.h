/* checkpoint.h - the signed size and root of a log (c2sp.org/tlog-checkpoint v1.0.0), three lines and never more.
 * SPDX-License-Identifier: Apache-2.0
 *
 *     <origin>
 *     <size, decimal>
 *     <base64 of the root>
 *
 * Extension lines are refused: implementations differ on whether cosignatures cover them.
 */
#ifndef PROOF_CHECKPOINT_H
#define PROOF_CHECKPOINT_H

#include "proof/hash.h"
#include "proof/note.h"

struct checkpoint {
    struct str origin;
    uint64_t size;
    struct hash root;
};

/* A valid note name that no context string of another signature begins with. */
bool checkpoint_origin_is_valid(struct str origin);

/* Appends the three lines. must(checkpoint_origin_is_valid()). */
void checkpoint_add(struct buf *to, const struct checkpoint *c);

/* Reads the three lines; origin is borrowed from text. ERR_INPUT for anything but what checkpoint_add() writes, and for size 0 with
 * another root than the empty tree's. */
CHECKED enum err checkpoint_parse(struct str text, struct checkpoint *ret, struct why *why);

/* Appends the whole note: text, empty line, signature of the log key, which is named by the origin (decision E1). Cosignatures and
 * other nodes' log signatures are appended to it by note_cosign() and note_sign(). */
void checkpoint_sign(struct buf *to, const struct checkpoint *c, const struct key_secret *log_key);

#endif
