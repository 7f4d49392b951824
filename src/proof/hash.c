/* hash.c - SHA-256 by libcrypto's direct functions.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The EVP interface looks its algorithm up and allocates at each use, several times the price of a node hash; the direct one is
 * deprecated in OpenSSL 3 but present in all of it.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "proof/hash.h"

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

struct hash hash_of(struct str bytes)
{
    struct hasher h;
    hasher_init(&h);
    hasher_add(&h, bytes.at, bytes.n);
    return hasher_end(&h);
}

struct hash hash_leaf(struct str bytes)
{
    struct hasher h;
    hasher_init(&h);
    hasher_add(&h, "\0", 1);
    hasher_add(&h, bytes.at, bytes.n);
    return hasher_end(&h);
}

struct hash hash_node(const struct hash *left, const struct hash *right)
{
    struct hasher h;
    uint8_t bytes[1 + sizeof left->b + sizeof right->b];
    bytes[0] = 1;
    memcpy(bytes + 1, left->b, sizeof left->b);
    memcpy(bytes + 1 + sizeof left->b, right->b, sizeof right->b);
    hasher_init(&h);
    hasher_add(&h, bytes, sizeof bytes);
    return hasher_end(&h);
}

uint64_t hash_digest(struct str text)
{
    struct hash hash = hash_of(text);
    uint64_t digest = 0;
    for (int i = 0; i < 8; i++) digest = digest << 8 | hash.b[i];
    return digest;
}
