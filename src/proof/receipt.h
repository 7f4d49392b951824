/* receipt.h - proof that a leaf stands in a signed tree (c2sp.org/tlog-proof@v1).
 * SPDX-License-Identifier: Apache-2.0
 *
 *     c2sp.org/tlog-proof@v1
 *     extra <base64>                   optional and not signed: here the outcome, which the first hash proves
 *     index <n>
 *     <base64 of a hash>               from the leaf to the root
 *     <empty line>
 *     <checkpoint note>
 *
 * Of an entry (leaf 2i) the first hash is its sibling, the leaf hash of its outcome (decision A10), so that one
 * receipt proves that the entry is in the log and what it came to.
 */
#ifndef PROOF_RECEIPT_H
#define PROOF_RECEIPT_H

#include "proof/checkpoint.h"
#include "proof/merkle.h"

#define RECEIPT_BYTES_MAX (NOTE_BYTES_MAX + 16384)

struct receipt {
    bool has_extra;
    struct str extra; /* Borrowed from whoever made the receipt; of a parsed one, from the buffer given to receipt_parse(). */
    uint64_t index;
    struct merkle_proof proof;
    struct str note; /* Borrowed. */
};

/* Appends the text. */
void receipt_add(struct buf *to, const struct receipt *r);

/* Borrows note from text; the decoded extra is appended to extra_bytes, and r->extra borrowed from there. ERR_INPUT names
 * the line. */
CHECKED enum err receipt_parse(struct str text, struct buf *extra_bytes, struct receipt *ret, struct why *why);

/* Whether the receipt proves leaf: the note is good by keys, the path leads to its root. The first n_logs keys are the log's own, of
 * which one must have signed under the checkpoint's origin; ret_verdicts[n] tells who did. Whether the others suffice is the
 * caller's policy. ERR_INPUT says what does not hold. ret_checkpoint's origin is borrowed from the receipt. */
CHECKED enum err receipt_verify(const struct receipt *r, struct str leaf, const struct note_key *keys, size_t n, size_t n_logs,
                                struct note_verdict *ret_verdicts, struct checkpoint *ret_checkpoint, struct why *why);

/* Of a receipt that receipt_verify() found good: it proves this outcome of its entry, too. False for a leaf that is no entry. */
bool receipt_has_outcome(const struct receipt *r, struct str outcome);

#endif
