/* key.h - Ed25519 keys: making, signing, and the strict rule of what a good signature is.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Acceptance (evidence.md section 4): A and R not among the low-order encodings, S < L, cofactorless
 * equation; exactly 43 of the 914 CCTV vectors pass. Never batch-verified.
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

void key_sign(const struct key_secret *k, struct str message, uint8_t ret_signature[64]);
bool key_verify(const struct key_public *k, struct str message, const uint8_t signature[64]);

/* A public key that may be used at all: canonical, on the curve, not of low order. */
bool key_is_acceptable(const struct key_public *k);

#endif
