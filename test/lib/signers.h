/* signers.h - nodes with keys, and one tree with two branches, for tests of signing together.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TEST_SIGNERS_H
#define TEST_SIGNERS_H

#include "node/head.h"
#include "proof/merkle.h"

struct signers {
    struct seats seats;
    char names[SEATS_NODES_MAX][48];
    struct key_secret log[SEATS_NODES_MAX], mirror[SEATS_NODES_MAX];
};

/* Node i belongs to member i % n_members. */
void signers_init(struct signers *s, unsigned n_members, size_t n_nodes);
void signers_done(struct signers *s);

/* The note of one node, appended. */
void signers_sign(const struct signers *s, size_t node, uint64_t size, const struct hash *root, uint64_t time_s, struct buf *to);

/* All keys as a verifier of files has them: log key of node i at 2i, mirror key at 2i + 1. Returns how many. */
size_t signers_keys(const struct signers *s, struct note_key ret[2 * SEATS_NODES_MAX]);

/* Two branches whose leaves are the same before split. */
#define GROVE_SIZE 254
struct grove {
    uint64_t split;
    struct hash leaves[2][GROVE_SIZE];
    struct hash roots[2][GROVE_SIZE + 1];
};
void grove_init(struct grove *g, uint64_t split);
void grove_prove(const struct grove *g, int branch, uint64_t old_size, uint64_t size, struct merkle_proof *ret);

#endif
