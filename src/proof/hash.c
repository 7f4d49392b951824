/* hash.c - SHA-256 by libcrypto's direct functions.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The EVP interface looks its algorithm up and allocates at each use, several times the price of a node hash; the direct one is
 * deprecated in OpenSSL 3 but present in all of it.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "proof/hash.h"

#include <endian.h>
#include <string.h>

#include "base/err.h"
#include "proof/libcrypto.h"

_Static_assert(sizeof(SHA256_CTX) <= sizeof(struct hasher), "struct hasher is too small");
_Static_assert(_Alignof(SHA256_CTX) <= _Alignof(struct hasher), "struct hasher is aligned too loosely");

static SHA256_CTX *context_of(struct hasher *h)
{
    return (SHA256_CTX *)(void *)h->opaque;
}

void hasher_init(struct hasher *h)
{
    must(SHA256_Init(context_of(h)) == 1);
}

void hasher_add(struct hasher *h, const void *at, size_t n)
{
    if (n > 0) must(SHA256_Update(context_of(h), at, n) == 1);
}

struct hash hasher_end(struct hasher *h)
{
    struct hash hash;
    must(SHA256_Final(hash.b, context_of(h)) == 1);
    return hash;
}

/* Of at most SHORT bytes after a prefix: the blocks are made here, since Init, Update and Final cost as much as a block. */
#define SHORT 119 /* Two blocks hold it, the end mark and the length. */

static struct hash hash_short(const void *prefix, size_t n_prefix, struct str bytes)
{
    uint8_t blocks[2 * SHA256_CBLOCK];
    size_t n = n_prefix + bytes.n, room = n < 56 ? SHA256_CBLOCK : 2 * SHA256_CBLOCK;
    struct hash hash;
    SHA256_CTX c;

    memcpy(blocks, prefix, n_prefix);
    if (bytes.n > 0) memcpy(blocks + n_prefix, bytes.at, bytes.n);
    blocks[n] = 0x80;
    memset(blocks + n + 1, 0, room - n - 1);
    blocks[room - 2] = (uint8_t)(n >> 5); /* Its length in bits. */
    blocks[room - 1] = (uint8_t)(n << 3);
    must(SHA256_Init(&c) == 1);
    for (size_t at = 0; at < room; at += SHA256_CBLOCK) SHA256_Transform(&c, blocks + at);
    for (int i = 0; i < 8; i++) {
        uint32_t word = htobe32(c.h[i]);
        memcpy(hash.b + 4 * i, &word, 4);
    }
    return hash;
}

struct hash hash_of(struct str bytes)
{
    struct hasher h;
    if (bytes.n <= SHORT) return hash_short("", 0, bytes);
    hasher_init(&h);
    hasher_add(&h, bytes.at, bytes.n);
    return hasher_end(&h);
}

struct hash hash_leaf(struct str bytes)
{
    struct hasher h;
    if (bytes.n < SHORT) return hash_short("\0", 1, bytes);
    hasher_init(&h);
    hasher_add(&h, "\0", 1);
    hasher_add(&h, bytes.at, bytes.n);
    return hasher_end(&h);
}

struct hash hash_node(const struct hash *left, const struct hash *right)
{
    char both[1 + sizeof left->b];
    both[0] = 1;
    memcpy(both + 1, left->b, sizeof left->b);
    return hash_short(both, sizeof both, str_make(right->b, sizeof right->b));
}

uint64_t hash_digest(struct str text)
{
    struct hash hash = hash_of(text);
    uint64_t digest = 0;
    for (int i = 0; i < 8; i++) digest = digest << 8 | hash.b[i];
    return digest;
}
