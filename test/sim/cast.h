/* cast.h - who plays: members, their nodes, all keys, and the genesis that names them.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Node i belongs to member i % n_members. Keys are the same in every seed. Genesis names the first n_founders members; others are
 * admitted, if at all. A node or a root whose keys were replaced has those of index SPARE + its own from then on.
 */
#ifndef TEST_SIM_CAST_H
#define TEST_SIM_CAST_H

#include "base/buf.h"
#include "entry/change.h"
#include "proof/hash.h"
#include "proof/key.h"
#include "world.h"

#define CAST_ORIGIN STR("sim.example/line")

#define CAST_KEYS (2 * WORLD_NODES_MAX)
#define CAST_SPARE WORLD_NODES_MAX

struct cast {
    unsigned n_members, n_founders;
    size_t n_nodes;
    struct key_secret roots[CAST_KEYS];   /* Of members. */
    struct key_secret entries[CAST_KEYS]; /* Of nodes, as are the next two. */
    struct key_secret logs[CAST_KEYS], mirrors[CAST_KEYS];
    uint8_t root_ids[CAST_KEYS][8], ids[CAST_KEYS][8]; /* As authors. */
    struct hash root_lasts[WORLD_NODES_MAX]; /* Of the roots' joins' last entries. */
    bool has_new_keys[WORLD_NODES_MAX];      /* Nodes. */
    bool is_out[WORLD_NODES_MAX];            /* Nodes of expelled members. */
    struct buf genesis;
    struct hash genesis_hash;
};
extern struct cast cast;

void cast_begin(unsigned n_members, unsigned n_founders, size_t n_nodes);
void cast_end(void);    /* Keys are kept for the next seed. */

struct str cast_member(unsigned i); /* "m0" ... */
struct str cast_uss(unsigned i);    /* "uss0" ...: what member i speaks for. */
size_t cast_keys(int node);         /* Index of the keys that the node has now. */
int cast_find(const uint8_t author[8]); /* The node of this author id, replaced or not; -1: none. */

#define CAST_URL_MAX 32
void cast_url(int node, char ret[CAST_URL_MAX]); /* Where a node is. */

/* The founders' roots' joins of all their nodes, and their addresses, written into etcd as their owners would hand them in. */
void cast_join_all(void);

/* A node's join, with these keys; its address. */
struct change cast_join(int node, size_t keys);
struct change cast_address(size_t keys, struct str *url);

#endif
