/* seats.h - who signs together: the members' nodes and the two keys of each.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A member has a seat, 0 to n_members - 1, and any number of nodes; a member without nodes counts among the members all the
 * same. The log key of every node is named by the network's origin (decision E1), the mirror key by a name of its own.
 * Nodes are named by their place in nodes[]. When members or keys change there are new seats, and a new round_new().
 */
#ifndef NODE_SEATS_H
#define NODE_SEATS_H

#include "proof/note.h"

#define SEATS_MEMBERS_MAX 50 /* Two signature lines each fit a note (NOTE_SIGNATURES_MAX). */
#define SEATS_NODES_MAX 64

struct seats_node {
    unsigned member;         /* Its seat. */
    struct note_key log;     /* Ed25519, named by the origin. */
    struct note_key mirror;  /* cosignature/v1. */
};

struct seats {
    struct str origin; /* Borrowed, as are the keys' names. */
    unsigned n_members;
    size_t n_nodes;
    struct seats_node nodes[SEATS_NODES_MAX];
};

/* ERR_INPUT names the node that breaks a rule: sizes, seats, kinds and names of keys, keys used twice, two keys of one name and id. */
CHECKED enum err seats_check(const struct seats *r, struct why *why);

static inline unsigned seats_majority(const struct seats *r) /* More than half of the members; of two both. */
{
    return r->n_members / 2 + 1;
}

/* The node whose log key has this id, or n_nodes. */
size_t seats_find(const struct seats *r, uint32_t log_id);

#endif
