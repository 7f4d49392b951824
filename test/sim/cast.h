/* cast.h - who plays: members, their nodes, all keys, and the genesis that names them.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Node i belongs to member i % n_members. Keys are the same in every seed.
 */
#ifndef TEST_SIM_CAST_H
#define TEST_SIM_CAST_H

#include "base/buf.h"
#include "node/seats.h"
#include "proof/hash.h"
#include "world.h"

#define CAST_ORIGIN STR("sim.example/line")

struct cast {
    unsigned n_members;
    size_t n_nodes;
    struct key_secret roots[WORLD_NODES_MAX];   /* Of members. */
    struct key_secret entries[WORLD_NODES_MAX]; /* Of nodes, as are the next two. */
    struct key_secret logs[WORLD_NODES_MAX], mirrors[WORLD_NODES_MAX];
    uint8_t root_ids[WORLD_NODES_MAX][8], ids[WORLD_NODES_MAX][8]; /* As authors. */
    struct hash root_lasts[WORLD_NODES_MAX]; /* Of the roots' last entries. */
    char mirror_names[WORLD_NODES_MAX][32];
    struct buf genesis;
    struct hash genesis_hash;
    struct seats seats;
};
extern struct cast cast;

void cast_begin(unsigned n_members, size_t n_nodes);
void cast_end(void);    /* Keys are kept for the next seed. */

struct str cast_member(unsigned i); /* "m0" ... */
struct str cast_uss(unsigned i);    /* "uss0" ...: what member i speaks for. */
int cast_find(const uint8_t author[8]); /* The node of this author id; -1: none. */

#define CAST_URL_MAX 32
void cast_url(int node, char ret[CAST_URL_MAX]); /* Where a node is. */

/* The roots' joins of all their nodes, and their addresses, written into etcd as their owners would hand them in. */
void cast_join_all(void);

#endif
