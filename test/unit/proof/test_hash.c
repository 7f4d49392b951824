/* test_hash.c - SHA-256 and the RFC 6962 hashes.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "proof/hash.h"

#include "base/hex.h"
#include "t.h"

static bool is_hex(struct hash hash, const char *hex)
{
    char text[64];
    hex_encode(hash.b, sizeof hash.b, text);
    return str_equal(str_make(text, 64), str_of(hex));
}

static void sha256_gives_the_published_values(void) /* FIPS 180-2 appendix B. */
{
    CHECK(is_hex(hash_of(STR("")), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"));
    CHECK(is_hex(hash_of(STR("abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"));
    CHECK(is_hex(hash_of(STR("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")),
                 "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"));
}

static void leaves_and_nodes_have_their_prefixes(void)
{
    struct hash left = hash_leaf(STR("")), right = hash_leaf(str_make("\0", 1)), node;
    uint8_t bytes[65] = {1};

    CHECK(is_hex(left, "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"));
    memcpy(bytes + 1, left.b, 32);
    memcpy(bytes + 33, right.b, 32);
    node = hash_node(&left, &right);
    CHECK(is_hex(node, "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"));
    right = hash_of(str_make(bytes, sizeof bytes));
    CHECK(hash_equal(&node, &right));
}

static void a_hash_over_pieces_is_that_of_the_whole(void)
{
    char bytes[1000];
    struct rng rng = t_rng();
    struct hash whole, pieces;

    for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (char)rng_next(&rng);
    whole = hash_of(str_make(bytes, sizeof bytes));
    for (int round = 0; round < 100; round++) {
        struct hasher h;
        hasher_init(&h);
        for (size_t at = 0; at < sizeof bytes;) {
            size_t n = (size_t)rng_below(&rng, 100);
            if (n > sizeof bytes - at) n = sizeof bytes - at;
            hasher_add(&h, bytes + at, n);
            at += n;
        }
        pieces = hasher_end(&h);
        if (!CHECK(hash_equal(&whole, &pieces))) break;
    }
}

static void short_texts_hash_as_in_pieces(void)
{
    char bytes[200] = {0};
    struct rng rng = {7};

    for (size_t i = 1; i < sizeof bytes; i++) bytes[i] = (char)rng_next(&rng);
    for (size_t n = 0; n < sizeof bytes; n++) { /* bytes[0] is the prefix of a leaf. */
        struct hasher h;
        struct hash plain, leaf, piece;
        plain = hash_of(str_make(bytes, n));
        hasher_init(&h);
        hasher_add(&h, bytes, n);
        piece = hasher_end(&h);
        if (!CHECK(hash_equal(&plain, &piece))) break;
        if (n == 0) continue;
        leaf = hash_leaf(str_make(bytes + 1, n - 1));
        if (!CHECK(hash_equal(&leaf, &piece))) break;
    }
}

static void a_digest_is_the_first_eight_bytes_big_endian(void)
{
    CHECK(hash_digest(STR("abc")) == UINT64_C(0xba7816bf8f01cfea));
}

int main(void)
{
    RUN(sha256_gives_the_published_values);
    RUN(leaves_and_nodes_have_their_prefixes);
    RUN(a_hash_over_pieces_is_that_of_the_whole);
    RUN(short_texts_hash_as_in_pieces);
    RUN(a_digest_is_the_first_eight_bytes_big_endian);
    return t_done();
}
