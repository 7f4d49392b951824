/* signers.c - nodes with keys, and one tree with two branches, for tests of signing together.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "signers.h"

#include <stdio.h>

void signers_init(struct signers *s, unsigned n_members, size_t n_nodes)
{
    struct why why = {{0}};

    memset(s, 0, sizeof *s);
    s->seats.origin = STR("test.example/line");
    s->seats.n_members = n_members;
    s->seats.n_nodes = n_nodes;
    for (size_t i = 0; i < n_nodes; i++) {
        uint8_t seed[32] = {1, (uint8_t)i};
        key_secret_init(&s->log[i], seed);
        seed[0] = 2;
        key_secret_init(&s->mirror[i], seed);
        (void)snprintf(s->names[i], sizeof s->names[i], "node%zu.example/mirror", i);
        s->seats.nodes[i] = (struct seats_node){
            .member = (unsigned)(i % n_members),
            .log = note_key_make(s->seats.origin, NOTE_ED25519, &s->log[i].public),
            .mirror = note_key_make(str_of(s->names[i]), NOTE_COSIGNATURE, &s->mirror[i].public),
        };
    }
    must(seats_check(&s->seats, &why) == OK);
}

void signers_done(struct signers *s)
{
    for (size_t i = 0; i < s->seats.n_nodes; i++) {
        key_secret_done(&s->log[i]);
        key_secret_done(&s->mirror[i]);
    }
}

void signers_sign(const struct signers *s, size_t node, uint64_t size, const struct hash *root, uint64_t time_s, struct buf *to)
{
    head_sign(&s->seats, node, size, root, time_s, &s->log[node], &s->mirror[node], to);
}

size_t signers_keys(const struct signers *s, struct note_key ret[2 * SEATS_NODES_MAX])
{
    for (size_t i = 0; i < s->seats.n_nodes; i++) {
        ret[2 * i] = s->seats.nodes[i].log;
        ret[2 * i + 1] = s->seats.nodes[i].mirror;
    }
    return 2 * s->seats.n_nodes;
}

void grove_init(struct grove *g, uint64_t split)
{
    g->split = split;
    for (unsigned branch = 0; branch < 2; branch++) {
        struct merkle m = {0};
        g->roots[branch][0] = merkle_empty_root();
        for (unsigned i = 0; i < GROVE_SIZE; i++) {
            uint8_t leaf[2] = {(uint8_t)i, i < split ? 0 : (uint8_t)branch};
            g->leaves[branch][i] = hash_leaf(str_make(leaf, sizeof leaf));
            merkle_add(&m, &g->leaves[branch][i]);
            g->roots[branch][i + 1] = merkle_root(&m);
        }
    }
}

static enum err read_leaves(void *context, unsigned level, uint64_t n, unsigned width, struct hash ret[TILE_WIDTH],
                            struct why *why)
{
    (void)why;
    must(level == 0 && n == 0 && width <= GROVE_SIZE);
    memcpy(ret, context, width * sizeof *ret);
    return OK;
}

void grove_prove(const struct grove *g, int branch, uint64_t old_size, uint64_t size, struct merkle_proof *ret)
{
    struct tile_reader from = {read_leaves, (void *)g->leaves[branch]};
    struct why why;

    must(merkle_prove_consistency(old_size, size, &from, ret, &why) == OK);
}
