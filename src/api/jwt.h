/* jwt.h - one token: its parts, its claims, and the rules on them.
 * SPDX-License-Identifier: Apache-2.0
 *
 *     BASE64URL(header) . BASE64URL(claims) . BASE64URL(signature)       RFC 7515 section 7.1, nothing else
 *
 * Refused whatever the signature says: other algorithms than jwt_key.h has; header members that name or carry keys, or that
 * must be understood (crit, b64, zip, jwk, jku, x5u, x5c); duplicate members; padding or spare bits in the base64url.
 * Messages never quote the token.
 */
#ifndef API_JWT_H
#define API_JWT_H

#include "api/jwt_key.h"
#include "base/arena.h"

#define JWT_LIFETIME_S 3600 /* exp is at most so far ahead (f3548-dss.md 3.1). */
#define JWT_ISS_MAX 256

/* What a token says; texts live in the arena. */
struct jwt {
    enum jwt_alg alg;
    bool has_kid;
    struct str kid;
    struct str signed_part; /* Borrowed from the token. */
    struct str signature;
    struct str iss, sub;
    unsigned scopes;       /* enum scope bits of auth.h */
    struct str *audiences;
    size_t n_audiences;
    bool has_exp, has_nbf, has_iat;
    int64_t exp_us, nbf_us, iat_us;
};

/* Takes a token apart. ERR_TOKEN with what is wrong. Verifies nothing: neither signature nor times. */
CHECKED enum err jwt_read(struct str token, struct json_parser *parser, struct arena *arena, struct jwt *ret,
                          struct why *why);

/* sub, iss, exp, nbf, iat, aud. One of the audiences has to be the token's, byte for byte. */
CHECKED enum err jwt_check_claims(const struct jwt *t, const char *const *audiences, size_t n_audiences, int64_t now_us,
                                  int64_t leeway_us, struct why *why);

/* Bits of the scope words that are known; others are ignored. */
unsigned jwt_scopes(struct str words);

#endif
