/* hash.h - SHA-256 and the RFC 6962 leaf and node hashes.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef PROOF_HASH_H
#define PROOF_HASH_H

#include "base/str.h"

struct hash {
    uint8_t b[32];
};

struct hash hash_of(struct str bytes);                        /* SHA-256 */
struct hash hash_leaf(struct str bytes);                      /* SHA-256(00 || bytes), RFC 6962 2.1 */
struct hash hash_node(const struct hash *left, const struct hash *right); /* SHA-256(01 || l || r) */

/* First eight bytes of SHA-256(text), big-endian: the digest by which OVNs and versions are named in entries (decision A3). */
uint64_t hash_digest(struct str text);

static inline bool hash_equal(const struct hash *a, const struct hash *b)
{
    return memcmp(a->b, b->b, sizeof a->b) == 0;
}

/* Incremental form, for a hash over many pieces. */
struct hasher {
    uint64_t opaque[16]; /* Large enough for libcrypto's SHA256_CTX; asserted in hash.c. */
};
void hasher_init(struct hasher *h);
void hasher_add(struct hasher *h, const void *at, size_t n);
struct hash hasher_end(struct hasher *h);

#endif
