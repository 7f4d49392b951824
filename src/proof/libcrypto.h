/* libcrypto.h - OpenSSL's headers, without the one name in them that base/err.h has as well.
 * SPDX-License-Identifier: Apache-2.0
 *
 * openssl/types.h makes ERR_STATE a type, base/err.h an error code. Include this instead of openssl/..., in any order with
 * base/err.h. OPENSSL_SUPPRESS_DEPRECATED goes before it where it is needed.
 */
#ifndef PROOF_LIBCRYPTO_H
#define PROOF_LIBCRYPTO_H

#define ERR_STATE LIBCRYPTO_ERR_STATE
#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <openssl/x509.h>
#undef ERR_STATE

#endif
