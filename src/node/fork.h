/* fork.h - heads that contradict each other: comparing, the proof file, and what a divided node may do.
 * SPDX-License-Identifier: Apache-2.0
 *
 *     equal      two notes of one size with different roots
 *     prefix     notes of sizes m < n, and a consistency proof that leads from another root at m to the signed root at n:
 *
 *                    signed at m:   root a
 *                    tree of n:     root b at m  --proof-->  signed root at n            a is not b
 *
 *     rollback   notes of sizes m < n, and one key that cosigned m later than n
 *
 * That a proof fails shows nothing, for anybody can write a bad one; only a good proof of another beginning does. The proof file
 * (docs/formats.md, "Fork proof") holds both notes and convicts by itself, offline: of a fork every key that signed both, of a rollback
 * every mirror key whose times go back. Keys that signed one side only are convicted of nothing; which side is the true one no proof
 * can tell.
 *
 * All functions are pure.
 */
#ifndef NODE_FORK_H
#define NODE_FORK_H

#include "node/seats.h"
#include "proof/checkpoint.h"
#include "proof/merkle.h"

#define FORK_PROOF_MAX (2 * NOTE_BYTES_MAX + 8192)

enum fork_kind { FORK_EQUAL = 1, FORK_PREFIX, FORK_ROLLBACK };

struct fork_proof {
    enum fork_kind kind;
    struct hash root_at;       /* FORK_PREFIX: what the larger tree has at the smaller size. */
    struct merkle_proof proof; /* FORK_PREFIX */
    struct str smaller, larger; /* The notes; borrowed. FORK_EQUAL: in either order. */
};

/* How a smaller and a larger head stand to each other, given a consistency proof from root_at at the smaller size. */
enum fork_relation { FORK_CONSISTENT, FORK_CONTRADICTORY, FORK_UNKNOWN };

/* Sizes may be equal (root_at and proof are then not looked at) or either way round. FORK_UNKNOWN: the proof does not hold. */
enum fork_relation fork_compare(const struct checkpoint *a, const struct checkpoint *b, const struct hash *root_at,
                                const struct merkle_proof *proof);

/* Appends the proof file. */
void fork_proof_add(struct buf *to, const struct fork_proof *p);

/* Form alone; what it returns is written again as it was. ERR_INPUT names what is wrong. */
CHECKED enum err fork_proof_parse(struct str file, struct fork_proof *ret, struct why *why);

/* What a proof file shows. */
struct fork_verdict {
    enum fork_kind kind;
    struct checkpoint smaller, larger; /* Origins borrowed from the file. */
    size_t n_convicted;
};

/* OK: the file shows a contradiction; ret_convicted[i] tells whether keys[i] made it. A fork is shown also when no key signed both
 * sides, a rollback only with a key. ERR_INPUT says why it shows nothing: form, another origin on the two sides, no contradiction,
 * or a line of a known key that is not good. About 120 us a known line. */
CHECKED enum err fork_verify(struct str file, const struct note_key *keys, size_t n, bool *ret_convicted,
                             struct fork_verdict *ret, struct why *why);

/* Which branch a node's signatures stand on, as the judging node sees it. */
enum fork_side { FORK_NEITHER = 0, FORK_OWN = 1, FORK_OTHER = 2, FORK_BOTH = 3 };

struct fork_judgement {
    bool is_divided;               /* Somebody stands on the other branch. */
    bool may_write;                /* Decision C7. */
    unsigned n_own, n_other;       /* Members that count for each. */
    bool is_out[SEATS_MEMBERS_MAX]; /* Members that count for neither, having signed both. */
};

/* Decision C7. A member stands where its nodes stand, and counts for neither if they, or one key, stand on both. Writing needs
 * a majority of all members on the own branch; of two members neither writes. */
void fork_judge(const struct seats *r, const enum fork_side *sides, struct fork_judgement *ret);

#endif
