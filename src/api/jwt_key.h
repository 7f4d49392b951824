/* jwt_key.h - public keys that tokens are signed with: RSA, P-256, Ed25519.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Accepted (evidence.md section 16): RSA of 2,048 to 4,096 bits with e = 65537; EC on P-256; Ed25519 by the strict rule of
 * proof/key.h. A key verifies the algorithms of its own kind only, so a token's "alg" chooses nothing that its key does not
 * allow: there is no "none", and no HMAC whose secret would be a public key.
 *
 * Threads: a key is read only once made; any number of threads may verify with it.
 */
#ifndef API_JWT_KEY_H
#define API_JWT_KEY_H

#include "base/err.h"
#include "base/vec.h"
#include "http/json.h"

enum jwt_alg { JWT_RS256, JWT_RS384, JWT_RS512, JWT_ES256, JWT_EDDSA, JWT_ALGS };

#define JWT_KID_MAX 64

struct jwt_key;

const char *jwt_alg_name(enum jwt_alg alg);
bool jwt_alg_of(struct str name, enum jwt_alg *ret);

VEC_DEFINE(jwt_key_vec, struct jwt_key *);

/* Appends all "PUBLIC KEY" blocks of a PEM text, at least one. Free them with jwt_key_free(). On failure ret is as it was.
 * label stands in messages. */
CHECKED enum err jwt_keys_from_pem(struct str pem, const char *label, struct jwt_key_vec *ret, struct why *why);

/* One JWK (RFC 7517, 7518 section 6, 8037). ERR_NOT_FOUND: well-formed but not for this (other kty, curve or use). */
CHECKED enum err jwt_key_from_jwk(struct json_node jwk, struct jwt_key **ret, struct why *why);

void jwt_key_free(struct jwt_key *k); /* NULL is fine. */
void jwt_keys_done(struct jwt_key_vec *keys);

struct str jwt_key_kid(const struct jwt_key *k); /* Empty if it has none. */
bool jwt_key_suits(const struct jwt_key *k, enum jwt_alg alg);
const char *jwt_key_kind(const struct jwt_key *k); /* "RSA", "P-256", "Ed25519" */

/* About 20 us for RSA 2,048, 80 us for P-256, 120 us for Ed25519. False if the algorithm does not suit the key. */
bool jwt_key_verify(const struct jwt_key *k, enum jwt_alg alg, struct str message, struct str signature);

#endif
