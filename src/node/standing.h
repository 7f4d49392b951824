/* standing.h - what is known of each node's signatures: its largest head, the branch it stands on, what convicts it.
 * SPDX-License-Identifier: Apache-2.0
 *
 *     own branch     o----o----o----o(x)        heads of the own tree that node k signed: the largest is remembered
 *                         \
 *     other branch         o----o(y)            heads that contradict the own tree
 *
 * k is convicted when it signed both and x >= y (before that, its x may lie on what both branches share), or when it cosigned a smaller
 * head later than a larger one. Each conviction keeps the two notes that show it, unless a proof file that came from elsewhere does.
 */
#ifndef NODE_STANDING_H
#define NODE_STANDING_H

#include "base/vec.h"
#include "node/fork.h"
#include "node/head.h"

/* What convicts a node: two notes for a proof file (fork_proof_add()). For FORK_PREFIX the caller adds, from its own tree, the root
 * at the smaller size and the consistency proof. */
struct standing_evidence {
    enum fork_kind kind;
    size_t node;
    struct head smaller, larger;
};

/* The largest head that a node has signed on the own branch. */
struct standing_seen {
    uint64_t size; /* 0: none */
    struct hash root;
    struct head_lines lines;
};

struct standing_node {
    struct standing_seen seen;
    bool is_other;       /* It signed a head that contradicts the own tree, */
    uint64_t other_size; /* which is known to differ from this size on: the smallest. */
    bool is_convicted;
};

VEC_DEFINE(standing_heads, struct head *);
VEC_DEFINE(standing_evidences, struct standing_evidence *);

struct standing {
    const struct seats *seats;
    struct standing_node nodes[SEATS_NODES_MAX];
    struct standing_heads others;       /* Contradicting heads, at most two a node. */
    struct standing_evidences evidence; /* At most one a node. */
    uint64_t fork_size;                 /* The smallest size at which somebody's tree differs; UINT64_MAX: nobody's. */
    struct fork_judgement fork;         /* Kept up to date. */
};

void standing_init(struct standing *s, const struct seats *seats);
void standing_done(struct standing *s);

/* A head that agrees with the own tree. */
void standing_see(struct standing *s, const struct head *h);

/* The signers of a head stand on the other branch, whose tree differs from the own one at size at (the head's own, or a smaller one that
 * a proof shows). */
void standing_contradict(struct standing *s, const struct head *h, uint64_t at);

/* A proof shows that this node's key signed both sides, or went back: it counts for neither from now on. */
void standing_convict(struct standing *s, size_t node);

enum fork_side standing_side(const struct standing *s, size_t node);

/* The largest head on the own branch that the node signed, with its lines alone. False if none. */
bool standing_own_branch_of(const struct standing *s, size_t node, struct head *ret);

/* Replaces ret by h, with this node's lines alone, if the node signed h and it is larger. */
void standing_larger_of(const struct head *h, size_t node, struct head *ret);

#endif
