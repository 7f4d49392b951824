/* pack.h - waiting proposals into as few entries as the rules allow.
 * SPDX-License-Identifier: Apache-2.0
 *
 * An entry holds changes of one participant only (decision A2), at most LIMIT_ENTRY_CHANGES and LIMIT_ENTRY_BYTES. Each
 * participant's proposals keep their order; entries stand in the order of their first proposal.
 */
#ifndef NODE_PACK_H
#define NODE_PACK_H

#include "node/node.h"

struct packed {
    struct str participant;
    struct pending **proposals; /* Of the arena; n of them, in order. */
    size_t n;
    struct passing *passing; /* It is another author's entry: alone in its vector, without proposals. */
    struct str bytes; /* The signed entry, once made. */
    struct hash hash; /* SHA-256 of bytes. */
    uint64_t slot;
    bool is_applied; /* Read back, and its proposals have their outcomes. */
};

VEC_DEFINE(packed_vec, struct packed);

/* Appends one element an entry to ret. first is a list by next. O(proposals * participants). */
void pack_proposals(struct pending *first, struct arena *arena, struct packed_vec *ret);

#endif
