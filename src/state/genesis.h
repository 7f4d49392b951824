/* genesis.h - entry 0: what a network is and who founded it.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Deterministic CBOR, a map: 1 format (1), 2 origin (text), 3 rules version (entry/rules.h), 4 members [[name (text), root key
 * (bytes 32)], ...] by ascending name, 5 entries public (bool), 6 a Down USS gets 412 (bool, f3548-dss.md 9.4), 7 created
 * (ms). Unsigned: everyone pins its SHA-256 (decision C1). Its outcome leaf has no element.
 */
#ifndef STATE_GENESIS_H
#define STATE_GENESIS_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "entry/rules.h"
#include "proof/key.h"

#define GENESIS_MEMBERS_MAX 100
#define GENESIS_TEXT_MAX 128

struct genesis_member {
    struct str name;
    struct key_public root_key;
};

struct genesis {
    struct str origin;
    uint64_t rules; /* RULES_FIRST..RULES_NEWEST */
    const struct genesis_member *members;
    size_t n_members; /* 1..GENESIS_MEMBERS_MAX */
    bool entries_public;
    bool needs_412_for_down;
    int64_t created_ms;
};

/* Appends the document; must() on what genesis_decode() would refuse. */
void genesis_encode(const struct genesis *g, struct buf *to);

/* Texts are borrowed from bytes, members live in arena. ERR_CORRUPT names what is wrong. */
CHECKED enum err genesis_decode(struct str bytes, struct arena *arena, struct genesis *ret,
                                struct why *why);

#endif
