/* forgotten.h - the file that says what etcd showed and then had no more (decision B7).
 * SPDX-License-Identifier: Apache-2.0
 *
 *     what etcd answered before and after, which slots are gone     unsigned: the word of the node that wrote it
 *     the entries of those slots                                    signed by their authors
 *     their inclusion paths, and a checkpoint                       signed by the members: these entries are in the record
 *
 * etcd signs nothing, so nobody can be convicted by it: who trusts the node learns that etcd forgot, everybody else that these entries
 * exist, in these slots, and are accounted for. docs/formats.md, "Forgotten".
 *
 * All functions are pure.
 */
#ifndef NODE_FORGOTTEN_H
#define NODE_FORGOTTEN_H

#include "journal/recall.h"
#include "proof/checkpoint.h"
#include "proof/merkle.h"

#define FORGOTTEN_BYTES_MAX (4 * 1024 * 1024)
#define FORGOTTEN_ENTRIES_MAX 100 /* 32 KiB each at most. */

struct forgotten {
    uint8_t node[8];
    struct hash genesis;
    int64_t time_us;
    const struct recall *recall;
};

/* Appends the file: begin, the entries, end. path NULL: the checkpoint does not reach to that entry. note may be empty. */
void forgotten_begin(struct buf *to, const struct forgotten *f);
void forgotten_add_entry(struct buf *to, uint64_t leaf, struct str entry, const struct merkle_proof *path);
void forgotten_end(struct buf *to, struct str note);

/* What a file shows. */
struct forgotten_verdict {
    struct checkpoint head; /* Size 0: it has none. Origin borrowed from the file. */
    size_t n_lost;          /* Authors. */
    size_t n_entries;       /* Within the slots that are said to be lost, */
    size_t n_proved;        /* and shown to be leaves of the head. */
};

/* Checks all of it that is signed: the checkpoint by one of these keys at least, and no bad line of theirs; the entries by their paths.
 * ERR_INPUT names what is wrong. */
CHECKED enum err forgotten_verify(struct str file, const struct note_key *keys, size_t n, struct forgotten_verdict *ret, struct why *why);

#endif
