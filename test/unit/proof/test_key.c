/* test_key.c - Ed25519: published signatures, and exactly which crafted ones pass.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "proof/key.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/hex.h"
#include "proof/hash.h"
#include "t.h"

/* RFC 8032 7.1, tests 1 to 3. */
static const struct {
    const char *seed, *public, *message, *signature;
} PUBLISHED[] = {
    {"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
     "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
     "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"},
    {"4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
     "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
     "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"},
    {"c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
     "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
     "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"},
};

static void keys_and_signatures_are_those_of_rfc_8032(void)
{
    for (size_t i = 0; i < sizeof PUBLISHED / sizeof PUBLISHED[0]; i++) {
        uint8_t seed[32], public[32], message[2], want[64], got[64];
        size_t n = strlen(PUBLISHED[i].message) / 2;
        struct key_secret secret;

        CHECK(hex_decode(str_of(PUBLISHED[i].seed), 32, seed));
        CHECK(hex_decode(str_of(PUBLISHED[i].public), 32, public));
        CHECK(hex_decode(str_of(PUBLISHED[i].message), n, message));
        CHECK(hex_decode(str_of(PUBLISHED[i].signature), 64, want));
        key_secret_init(&secret, seed);
        key_sign(&secret, str_make(n ? message : NULL, n), got);
        CHECK(memcmp(secret.public.b, public, 32) == 0);
        CHECK(memcmp(got, want, 64) == 0);
        CHECK(key_verify(&secret.public, str_make(message, n), want));
        CHECK(key_is_acceptable(&secret.public));
        key_secret_done(&secret);
    }
}

static void any_changed_bit_spoils_a_signature(void)
{
    uint8_t seed[32] = {7}, signature[64];
    char message[] = "one";
    struct key_secret secret;

    key_secret_init(&secret, seed);
    key_sign(&secret, STR("one"), signature);
    CHECK(key_verify(&secret.public, STR("one"), signature));
    for (int bit = 0; bit < 512; bit++) {
        signature[bit / 8] ^= (uint8_t)(1 << bit % 8);
        if (!CHECK(!key_verify(&secret.public, STR("one"), signature))) printf("# bit %d\n", bit);
        signature[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    for (int bit = 0; bit < 24; bit++) {
        message[bit / 8] ^= (char)(1 << bit % 8);
        CHECK(!key_verify(&secret.public, str_make(message, 3), signature));
        message[bit / 8] ^= (char)(1 << bit % 8);
    }
    for (int bit = 0; bit < 256; bit++) {
        struct key_public other = secret.public;
        other.b[bit / 8] ^= (uint8_t)(1 << bit % 8);
        CHECK(!key_verify(&other, STR("one"), signature));
    }
    key_secret_done(&secret);
}

/* The value of the next "name": "..." at or after *at, which moves behind it. */
static bool next_value(struct str text, const char *name, size_t *at, struct str *ret)
{
    char pattern[32];
    const char *found, *end;
    int n = snprintf(pattern, sizeof pattern, "\"%s\": \"", name);

    found = memmem(text.at + *at, text.n - *at, pattern, (size_t)n);
    if (!found) return false;
    found += n;
    end = memchr(found, '"', text.n - (size_t)(found - text.at));
    if (!end) return false;
    *ret = str_make(found, (size_t)(end - found));
    *at = (size_t)(end - text.at);
    return true;
}

static void of_914_crafted_signatures_exactly_43_pass(void)
{
    char path[512];
    struct str text, key, sig, message;
    size_t at = 0;
    int n = 0, n_good = 0, n_unacceptable = 0;

    (void)snprintf(path, sizeof path, "%s/data/crypto/ed25519vectors.json", t_shared());
    text = t_read_file(path);
    while (next_value(text, "key", &at, &key) && next_value(text, "sig", &at, &sig) &&
           next_value(text, "msg", &at, &message)) {
        struct key_public public;
        uint8_t signature[64];
        bool is_good;

        if (!CHECK(hex_decode(key, 32, public.b)) || !CHECK(hex_decode(sig, 64, signature))) break;
        is_good = key_verify(&public, message, signature);
        n++;
        n_good += is_good;
        n_unacceptable += !key_is_acceptable(&public);
        if (is_good) CHECK(key_is_acceptable(&public));
    }
    CHECK_INT(n, 914);
    CHECK_INT(n_good, 43);
    CHECK(n_unacceptable > 0 && n_unacceptable < n);
    free((char *)text.at);
}

static void points_that_are_not_keys_are_not_acceptable(void)
{
    static const char *const BAD[] = {
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000080",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "f0ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", /* y = p + 3: on the curve, not reduced. */
        "0200000000000000000000000000000000000000000000000000000000000000", /* y = 2: not on the curve. */
        "0700000000000000000000000000000000000000000000000000000000000000", /* y = 7: nor is this. */
    };
    static const uint8_t GOOD[] = {3, 4, 5, 6, 9, 10, 14, 15, 16, 18, 19}; /* All y in 2..19 that are on the curve. */
    size_t n = 0;

    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
        struct key_public key;
        CHECK(hex_decode(str_of(BAD[i]), 32, key.b));
        if (!CHECK(!key_is_acceptable(&key))) printf("# %s\n", BAD[i]);
    }
    for (uint8_t y = 2; y < 20; y++) {
        struct key_public key = {{y}};
        bool is_good = n < sizeof GOOD && GOOD[n] == y;
        if (!CHECK(key_is_acceptable(&key) == is_good)) printf("# y = %d\n", y);
        n += is_good;
    }
}

struct job {
    const struct key_secret *secret;
    uint8_t signature[64];
    bool is_same;
};

static void *sign_often(void *argument)
{
    struct job *job = argument;
    job->is_same = true;
    for (int i = 0; i < 200; i++) {
        uint8_t signature[64];
        key_sign(job->secret, STR("from several threads"), signature);
        if (memcmp(signature, job->signature, 64) != 0) job->is_same = false;
    }
    return NULL;
}

static void several_threads_sign_with_one_key(void)
{
    uint8_t seed[32] = {9};
    struct key_secret secret;
    struct job jobs[4];
    pthread_t threads[4];

    key_secret_init(&secret, seed);
    for (int i = 0; i < 4; i++) {
        jobs[i].secret = &secret;
        key_sign(&secret, STR("from several threads"), jobs[i].signature);
        CHECK(pthread_create(&threads[i], NULL, sign_often, &jobs[i]) == 0);
    }
    for (int i = 0; i < 4; i++) {
        CHECK(pthread_join(threads[i], NULL) == 0);
        CHECK(jobs[i].is_same);
    }
    key_secret_done(&secret);
    CHECK(secret.handle == NULL && secret.seed[0] == 0);
}

int main(void)
{
    RUN(keys_and_signatures_are_those_of_rfc_8032);
    RUN(any_changed_bit_spoils_a_signature);
    RUN(points_that_are_not_keys_are_not_acceptable);
    RUN(several_threads_sign_with_one_key);
    if (t_shared()) {
        RUN(of_914_crafted_signatures_exactly_43_pass);
    } else {
        t_skip("of_914_crafted_signatures_exactly_43_pass", "no shared data");
    }
    return t_done();
}
