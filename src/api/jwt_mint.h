/* jwt_mint.h - makes tokens, and key pairs to make them with: for tests, demos and token sources of one's own.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef API_JWT_MINT_H
#define API_JWT_MINT_H

#include "base/buf.h"
#include "base/err.h"

struct jwt_claims {
    struct str iss, sub, aud;
    struct str scope;  /* Words with single spaces between; empty: none. */
    struct str kid;    /* Empty: none. */
    int64_t issued_us; /* Becomes iat and nbf, in whole seconds. */
    int64_t lifetime_s;
};

/* Appends a token signed with the PEM private key: RS256, ES256 or EdDSA, as the key is. ERR_INPUT: no such key, or one that
 * wants a passphrase. About 1 ms for RSA 2,048. */
CHECKED enum err jwt_mint(struct str key_pem, const struct jwt_claims *claims, struct buf *ret, struct why *why);

enum jwt_key_type { JWT_MAKE_RSA, JWT_MAKE_P256, JWT_MAKE_ED25519 }; /* RSA 2,048 is what F3548-21 asks for. */

/* Appends PEM texts (PKCS #8, SPKI). The caller wipes ret_private. About 100 ms for RSA. */
void jwt_key_make(enum jwt_key_type type, struct buf *ret_private, struct buf *ret_public);

#endif
