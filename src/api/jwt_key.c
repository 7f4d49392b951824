/* jwt_key.c - keys from PEM and JWK, and signatures in JOSE's forms.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "api/jwt_key.h"

#include "base/b64.h"
#include "base/buf.h"
#include "base/mem.h"
#include "proof/key.h"
#include "proof/libcrypto.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/param_build.h>

#define RSA_BITS_MIN 2048
#define RSA_BITS_MAX 4096
#define P256_BYTES 32

enum kind { KIND_RSA, KIND_P256, KIND_ED25519 };

struct jwt_key {
    enum kind kind;
    EVP_PKEY *handle;          /* RSA, P-256 */
    struct key_public ed25519;
    int only_alg;              /* -1, or the one enum jwt_alg that its JWK names. */
    size_t kid_n;
    char kid[JWT_KID_MAX];
};

static const struct {
    const char *name;
    enum kind kind;
} algs[] = {
    [JWT_RS256] = {"RS256", KIND_RSA},  [JWT_RS384] = {"RS384", KIND_RSA},     [JWT_RS512] = {"RS512", KIND_RSA},
    [JWT_ES256] = {"ES256", KIND_P256}, [JWT_EDDSA] = {"EdDSA", KIND_ED25519},
};
_Static_assert(sizeof algs / sizeof algs[0] == JWT_ALGS, "one row an algorithm");

const char *jwt_alg_name(enum jwt_alg alg)
{
    must((unsigned)alg < JWT_ALGS);
    return algs[alg].name;
}

bool jwt_alg_of(struct str name, enum jwt_alg *ret)
{
    for (int i = 0; i < JWT_ALGS; i++) {
        if (!str_equal(name, str_of(algs[i].name))) continue;
        *ret = (enum jwt_alg)i;
        return true;
    }
    return false;
}

void jwt_key_free(struct jwt_key *k)
{
    if (!k) return;
    EVP_PKEY_free(k->handle);
    mem_free(k);
}

void jwt_keys_done(struct jwt_key_vec *keys)
{
    for (size_t i = 0; i < keys->n; i++) jwt_key_free(keys->at[i]);
    jwt_key_vec_done(keys);
}

struct str jwt_key_kid(const struct jwt_key *k)
{
    return (struct str){k->kid, k->kid_n};
}

bool jwt_key_suits(const struct jwt_key *k, enum jwt_alg alg)
{
    return algs[alg].kind == k->kind && (k->only_alg < 0 || k->only_alg == (int)alg);
}

const char *jwt_key_kind(const struct jwt_key *k)
{
    return k->kind == KIND_RSA ? "RSA" : k->kind == KIND_P256 ? "P-256" : "Ed25519";
}

/* ---- what may be used ---- */

static enum err check_rsa(EVP_PKEY *handle, struct why *why)
{
    BIGNUM *e = NULL;
    int bits = EVP_PKEY_get_bits(handle);
    bool is_usual;

    if (bits < RSA_BITS_MIN || bits > RSA_BITS_MAX)
        return fail(why, ERR_INPUT, "RSA key of %d bits: %d to %d are accepted", bits, RSA_BITS_MIN, RSA_BITS_MAX);
    must(EVP_PKEY_get_bn_param(handle, OSSL_PKEY_PARAM_RSA_E, &e) == 1);
    is_usual = BN_is_word(e, 65537) == 1;
    BN_free(e);
    return is_usual ? OK : fail(why, ERR_INPUT, "RSA key with an exponent other than 65537");
}

static enum err check_ec(EVP_PKEY *handle, struct why *why)
{
    char group[32] = "";
    EVP_PKEY_CTX *context;
    bool is_good;

    if (EVP_PKEY_get_group_name(handle, group, sizeof group, NULL) != 1 || strcmp(group, "prime256v1") != 0)
        return fail(why, ERR_INPUT, "EC key on another curve than P-256");
    context = EVP_PKEY_CTX_new(handle, NULL);
    is_good = context && EVP_PKEY_public_check(context) == 1;
    EVP_PKEY_CTX_free(context);
    ERR_clear_error();
    return is_good ? OK : fail(why, ERR_INPUT, "EC key whose point is not on the curve");
}

/* Takes handle over, also on failure. */
static enum err adopt(EVP_PKEY *handle, struct jwt_key **ret, struct why *why)
{
    struct jwt_key k = {.handle = handle, .only_alg = -1};
    size_t n = sizeof k.ed25519.b;
    enum err err;

    switch (EVP_PKEY_get_base_id(handle)) {
    case EVP_PKEY_RSA:
        k.kind = KIND_RSA;
        err = check_rsa(handle, why);
        break;
    case EVP_PKEY_EC:
        k.kind = KIND_P256;
        err = check_ec(handle, why);
        break;
    case EVP_PKEY_ED25519:
        k.kind = KIND_ED25519;
        must(EVP_PKEY_get_raw_public_key(handle, k.ed25519.b, &n) == 1);
        err = key_is_acceptable(&k.ed25519) ? OK : fail(why, ERR_INPUT, "Ed25519 key of low order");
        break;
    default:
        err = fail(why, ERR_INPUT, "key of another kind than RSA, P-256 and Ed25519");
        break;
    }
    if (err != OK) {
        EVP_PKEY_free(handle);
        return err;
    }
    *ret = mem_dup(&k, sizeof k);
    return OK;
}

/* ---- PEM ---- */

static size_t count_blocks(struct str pem)
{
    static const char begin[] = "-----BEGIN PUBLIC KEY-----";
    size_t n = 0;

    for (const char *at; pem.n > 0 && (at = memmem(pem.at, pem.n, begin, sizeof begin - 1)) != NULL; n++)
        pem = str_skip(pem, (size_t)(at - pem.at) + sizeof begin - 1);
    return n;
}

enum err jwt_keys_from_pem(struct str pem, const char *label, struct jwt_key_vec *ret, struct why *why)
{
    size_t n_before = ret->n;
    BIO *bio = pem.n <= INT32_MAX ? BIO_new_mem_buf(pem.n ? pem.at : "", (int)pem.n) : NULL;
    enum err err = OK;
    EVP_PKEY *handle;

    must(bio != NULL);
    while (err == OK && (handle = PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL)) != NULL) {
        struct jwt_key *k;
        struct why inner = {0};
        err = adopt(handle, &k, &inner);
        if (err == OK)
            jwt_key_vec_add(ret, k);
        else
            (void)fail(why, err, "%s: %s", label, inner.text);
    }
    BIO_free(bio);
    ERR_clear_error();
    if (err == OK && ret->n == n_before)
        err = fail(why, ERR_INPUT, "%s: no PEM block \"PUBLIC KEY\" that can be read", label);
    else if (err == OK && ret->n - n_before < count_blocks(pem))
        err = fail(why, ERR_INPUT, "%s: PEM block %zu cannot be read", label, ret->n - n_before + 1);
    if (err != OK)
        while (ret->n > n_before) jwt_key_free(ret->at[--ret->n]);
    return err;
}

/* ---- JWK ---- */

static bool member_is(struct json_node v, const char *name, const char *text)
{
    struct str s;
    return json_get_string(json_member(v, name), &s) && str_equal(s, str_of(text));
}

/* A base64url member, of n bytes exactly unless n is 0. */
static enum err member_bytes(struct json_node jwk, const char *name, size_t n, struct buf *ret, struct why *why)
{
    struct str text;

    if (!json_get_string(json_member(jwk, name), &text)) return fail(why, ERR_INPUT, "JWK without \"%s\"", name);
    if (!b64_decode(B64_URL, text, ret) || ret->n == 0 || (n && ret->n != n))
        return fail(why, ERR_INPUT, "JWK's \"%s\" is not what it should be", name);
    return OK;
}

static EVP_PKEY *from_params(const char *type, OSSL_PARAM_BLD *build)
{
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(build);
    EVP_PKEY *handle = NULL;

    must(context && params && EVP_PKEY_fromdata_init(context) == 1);
    if (EVP_PKEY_fromdata(context, &handle, EVP_PKEY_PUBLIC_KEY, params) != 1) handle = NULL;
    OSSL_PARAM_free(params);
    EVP_PKEY_CTX_free(context);
    ERR_clear_error();
    return handle;
}

static enum err rsa_from_jwk(struct json_node jwk, EVP_PKEY **ret, struct why *why)
{
    AUTO(buf_done) struct buf n_bytes = {0}, e_bytes = {0};

    TRY(member_bytes(jwk, "n", 0, &n_bytes, why));
    TRY(member_bytes(jwk, "e", 0, &e_bytes, why));
    if (n_bytes.n > RSA_BITS_MAX / 8 || e_bytes.n > 8) return fail(why, ERR_INPUT, "RSA key too large");
    BIGNUM *n = BN_bin2bn((const unsigned char *)n_bytes.at, (int)n_bytes.n, NULL);
    BIGNUM *e = BN_bin2bn((const unsigned char *)e_bytes.at, (int)e_bytes.n, NULL);
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    must(n && e && build && OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, n) == 1 &&
         OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, e) == 1);
    *ret = from_params("RSA", build);
    OSSL_PARAM_BLD_free(build);
    BN_free(n);
    BN_free(e);
    return *ret ? OK : fail(why, ERR_INPUT, "JWK is no RSA key");
}

static enum err ec_from_jwk(struct json_node jwk, EVP_PKEY **ret, struct why *why)
{
    AUTO(buf_done) struct buf x = {0}, y = {0};
    unsigned char point[1 + 2 * P256_BYTES] = {4}; /* Uncompressed: SEC 1 section 2.3.3. */

    TRY(member_bytes(jwk, "x", P256_BYTES, &x, why));
    TRY(member_bytes(jwk, "y", P256_BYTES, &y, why));
    memcpy(point + 1, x.at, P256_BYTES);
    memcpy(point + 1 + P256_BYTES, y.at, P256_BYTES);
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    must(build && OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0) == 1 &&
         OSSL_PARAM_BLD_push_octet_string(build, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof point) == 1);
    *ret = from_params("EC", build);
    OSSL_PARAM_BLD_free(build);
    return *ret ? OK : fail(why, ERR_INPUT, "JWK's point is not on P-256");
}

static enum err okp_from_jwk(struct json_node jwk, EVP_PKEY **ret, struct why *why)
{
    AUTO(buf_done) struct buf x = {0};

    TRY(member_bytes(jwk, "x", sizeof(struct key_public), &x, why));
    *ret = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, (const unsigned char *)x.at, x.n);
    must(*ret != NULL);
    return OK;
}

/* Its "kid" and "alg", both optional. */
static enum err set_names(struct json_node jwk, struct jwt_key *k, struct why *why)
{
    struct json_node kid = json_member(jwk, "kid"), alg = json_member(jwk, "alg");
    enum jwt_alg only;
    struct str s;

    if (json_type(kid) != JSON_ABSENT) {
        if (!json_get_string(kid, &s) || s.n > JWT_KID_MAX)
            return fail(why, ERR_INPUT, "JWK's \"kid\" is no string of up to %d bytes", JWT_KID_MAX);
        memcpy(k->kid, s.at, s.n);
        k->kid_n = s.n;
    }
    if (json_type(alg) != JSON_ABSENT) {
        if (!json_get_string(alg, &s)) return fail(why, ERR_INPUT, "JWK's \"alg\" is no string");
        if (!jwt_alg_of(s, &only) || !jwt_key_suits(k, only))
            return fail(why, ERR_NOT_FOUND, "JWK for the algorithm %.*s", (int)(s.n < 32 ? s.n : 32), s.at);
        k->only_alg = (int)only;
    }
    return OK;
}

enum err jwt_key_from_jwk(struct json_node jwk, struct jwt_key **ret, struct why *why)
{
    EVP_PKEY *handle = NULL;
    struct jwt_key *k = NULL;
    enum err err;

    if (json_type(jwk) != JSON_OBJECT) return fail(why, ERR_INPUT, "JWK that is no object");
    if (json_type(json_member(jwk, "use")) != JSON_ABSENT && !member_is(jwk, "use", "sig"))
        return fail(why, ERR_NOT_FOUND, "JWK not for signatures");
    if (member_is(jwk, "kty", "RSA"))
        TRY(rsa_from_jwk(jwk, &handle, why));
    else if (member_is(jwk, "kty", "EC") && member_is(jwk, "crv", "P-256"))
        TRY(ec_from_jwk(jwk, &handle, why));
    else if (member_is(jwk, "kty", "OKP") && member_is(jwk, "crv", "Ed25519"))
        TRY(okp_from_jwk(jwk, &handle, why));
    else
        return fail(why, ERR_NOT_FOUND, "JWK of another kind than RSA, P-256 and Ed25519");
    TRY(adopt(handle, &k, why));
    err = set_names(jwk, k, why);
    if (err != OK) {
        jwt_key_free(k);
        return err;
    }
    *ret = k;
    return OK;
}

/* ---- verifying ---- */

/* r and s, 32 bytes each (RFC 7518 section 3.4), as the DER that libcrypto reads. Its length, 0 if it cannot be. */
static int der_of(struct str raw, unsigned char **ret_der)
{
    ECDSA_SIG *signature = ECDSA_SIG_new();
    BIGNUM *r, *s;
    int n;

    if (raw.n != 2 * P256_BYTES) {
        ECDSA_SIG_free(signature);
        return 0;
    }
    r = BN_bin2bn((const unsigned char *)raw.at, P256_BYTES, NULL);
    s = BN_bin2bn((const unsigned char *)raw.at + P256_BYTES, P256_BYTES, NULL);
    must(signature && r && s && ECDSA_SIG_set0(signature, r, s) == 1);
    *ret_der = NULL;
    n = i2d_ECDSA_SIG(signature, ret_der);
    ECDSA_SIG_free(signature);
    return n > 0 ? n : 0;
}

static bool verify_digest(EVP_PKEY *key, const EVP_MD *digest, struct str message, const void *signature, size_t n)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool is_good;

    must(context != NULL);
    is_good = EVP_DigestVerifyInit(context, NULL, digest, NULL, key) == 1 &&
              EVP_DigestVerify(context, signature, n, (const unsigned char *)message.at, message.n) == 1;
    EVP_MD_CTX_free(context);
    ERR_clear_error();
    return is_good;
}

bool jwt_key_verify(const struct jwt_key *k, enum jwt_alg alg, struct str message, struct str signature)
{
    unsigned char *der;
    bool is_good;
    int n;

    if (!jwt_key_suits(k, alg)) return false;
    switch (alg) {
    case JWT_RS256:
        return verify_digest(k->handle, EVP_sha256(), message, signature.at, signature.n);
    case JWT_RS384:
        return verify_digest(k->handle, EVP_sha384(), message, signature.at, signature.n);
    case JWT_RS512:
        return verify_digest(k->handle, EVP_sha512(), message, signature.at, signature.n);
    case JWT_ES256:
        n = der_of(signature, &der);
        if (n == 0) return false;
        is_good = verify_digest(k->handle, EVP_sha256(), message, der, (size_t)n);
        OPENSSL_free(der);
        return is_good;
    case JWT_EDDSA:
        return signature.n == 64 && key_verify(&k->ed25519, message, (const uint8_t *)signature.at);
    case JWT_ALGS:
        break;
    }
    return false;
}
