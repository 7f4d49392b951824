/* key.h - Ed25519 keys: making, signing, and the strict rule of what a good signature is.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Acceptance (evidence.md section 4): A and R not among the low-order encodings, S < L, cofactorless
 * equation; exactly 43 of the 914 CCTV vectors pass. Never batch-verified.
 *
 * Threads: an initialised struct key_secret is read only, so any number of threads may sign with it at once; init and done
 * belong to its owner alone. The other functions share nothing.
 */
#ifndef PROOF_KEY_H
#define PROOF_KEY_H

#include "base/err.h"
#include "base/str.h"

struct key_public {
    uint8_t b[32];
};

struct key_secret {
    uint8_t seed[32];
    struct key_public public;
    void *handle; /* libcrypto's, made once; see key_secret_done(). */
};

/* From a 32-byte seed (RFC 8032 5.1.5). The caller calls key_secret_done(), which wipes it. */
void key_secret_init(struct key_secret *k, const uint8_t seed[32]);
void key_secret_done(struct key_secret *k);

/* About 40 us and 120 us for a short message. */
void key_sign(const struct key_secret *k, struct str message, uint8_t ret_signature[64]);
bool key_verify(const struct key_public *k, struct str message, const uint8_t signature[64]);

/* A public key that may be used at all: canonical, on the curve, not of low order. About 100 us. */
bool key_is_acceptable(const struct key_public *k);

#endif
