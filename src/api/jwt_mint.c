/* jwt_mint.c - signs claims with a PEM key.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "api/jwt_mint.h"

#include "api/jwt_key.h"
#include "base/b64.h"
#include "base/instant.h"
#include "base/json.h"
#include "base/mem.h"
#include "proof/libcrypto.h"

#include <openssl/ec.h>
#include <openssl/rsa.h>

#define P256_BYTES 32

static int no_passphrase(char *to, int size, int is_writing, void *context)
{
    (void)to;
    (void)size;
    (void)is_writing;
    (void)context;
    return -1; /* Never asks on the terminal. */
}

static EVP_PKEY *read_private(struct str pem)
{
    BIO *bio = pem.n > 0 && pem.n <= INT32_MAX ? BIO_new_mem_buf(pem.at, (int)pem.n) : NULL;
    EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL) : NULL;

    BIO_free(bio);
    ERR_clear_error();
    return key;
}

static bool alg_of(EVP_PKEY *key, enum jwt_alg *ret)
{
    char group[32] = "";

    switch (EVP_PKEY_get_base_id(key)) {
    case EVP_PKEY_RSA:
        *ret = JWT_RS256;
        return EVP_PKEY_get_bits(key) >= 2048;
    case EVP_PKEY_EC:
        *ret = JWT_ES256;
        return EVP_PKEY_get_group_name(key, group, sizeof group, NULL) == 1 && strcmp(group, "prime256v1") == 0;
    case EVP_PKEY_ED25519:
        *ret = JWT_EDDSA;
        return true;
    default:
        return false;
    }
}

static void add_part(struct buf *to, const struct buf *json)
{
    b64_add(to, B64_URL, json->at, json->n);
}

static void add_header(struct buf *to, enum jwt_alg alg, struct str kid)
{
    AUTO(buf_done) struct buf text = {0};
    struct json j = {.to = &text};

    json_open(&j, '{');
    json_key(&j, "alg");
    json_str(&j, str_of(jwt_alg_name(alg)));
    json_key(&j, "typ");
    json_str(&j, STR("JWT"));
    if (kid.n > 0) {
        json_key(&j, "kid");
        json_str(&j, kid);
    }
    json_close(&j, '}');
    add_part(to, &text);
}

static void add_claims(struct buf *to, const struct jwt_claims *c)
{
    AUTO(buf_done) struct buf text = {0};
    struct json j = {.to = &text};
    int64_t issued_s = c->issued_us / INSTANT_S;
    const struct {
        const char *name;
        struct str value;
    } texts[] = {{"iss", c->iss}, {"sub", c->sub}, {"aud", c->aud}, {"scope", c->scope}};

    json_open(&j, '{');
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (texts[i].value.n == 0) continue;
        json_key(&j, texts[i].name);
        json_str(&j, texts[i].value);
    }
    json_key(&j, "iat");
    json_i64(&j, issued_s);
    json_key(&j, "nbf");
    json_i64(&j, issued_s);
    json_key(&j, "exp");
    json_i64(&j, issued_s + c->lifetime_s);
    json_close(&j, '}');
    add_part(to, &text);
}

/* libcrypto's DER of an ECDSA signature as r and s, 32 bytes each. */
static void raw_of(const unsigned char *der, size_t n, unsigned char ret_raw[2 * P256_BYTES])
{
    ECDSA_SIG *signature = d2i_ECDSA_SIG(NULL, &der, (long)n);

    must(signature && BN_bn2binpad(ECDSA_SIG_get0_r(signature), ret_raw, P256_BYTES) == P256_BYTES &&
         BN_bn2binpad(ECDSA_SIG_get0_s(signature), ret_raw + P256_BYTES, P256_BYTES) == P256_BYTES);
    ECDSA_SIG_free(signature);
}

static void add_signature(struct buf *to, EVP_PKEY *key, enum jwt_alg alg, struct str message)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    unsigned char signature[1024], raw[2 * P256_BYTES]; /* RSA up to 8,192 bits. */
    size_t n = sizeof signature;

    must(context && EVP_DigestSignInit(context, NULL, alg == JWT_EDDSA ? NULL : EVP_sha256(), NULL, key) == 1 &&
         EVP_DigestSign(context, signature, &n, (const unsigned char *)message.at, message.n) == 1);
    EVP_MD_CTX_free(context);
    if (alg == JWT_ES256) {
        raw_of(signature, n, raw);
        b64_add(to, B64_URL, raw, sizeof raw);
    } else {
        b64_add(to, B64_URL, signature, n);
    }
}

enum err jwt_mint(struct str key_pem, const struct jwt_claims *claims, struct buf *ret, struct why *why)
{
    AUTO(buf_done) struct buf token = {0}, message = {0};
    EVP_PKEY *key = read_private(key_pem);
    enum jwt_alg alg;

    if (!key) return fail(why, ERR_INPUT, "no PEM private key without a passphrase");
    if (!alg_of(key, &alg) || EVP_PKEY_get_bits(key) > 8192) {
        EVP_PKEY_free(key);
        return fail(why, ERR_INPUT, "tokens are signed with RSA of 2,048 bits and more, P-256 or Ed25519");
    }
    add_header(&token, alg, claims->kid);
    buf_add_char(&token, '.');
    add_claims(&token, claims);
    buf_add_str(&message, buf_str(&token));
    buf_add_char(&token, '.');
    add_signature(&token, key, alg, buf_str(&message));
    EVP_PKEY_free(key);
    buf_add_str(ret, buf_str(&token));
    return OK;
}

static void add_bio(struct buf *to, BIO *bio)
{
    char *at;
    long n = BIO_get_mem_data(bio, &at);

    buf_add(to, at, (size_t)n);
    explicit_bzero(at, (size_t)n);
    BIO_free(bio);
}

void jwt_key_make(enum jwt_key_type type, struct buf *ret_private, struct buf *ret_public)
{
    EVP_PKEY *key = type == JWT_MAKE_RSA    ? EVP_RSA_gen(2048)
                    : type == JWT_MAKE_P256 ? EVP_EC_gen("P-256")
                                            : EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    BIO *private = BIO_new(BIO_s_mem()), *public = BIO_new(BIO_s_mem());

    must(key && private && public && PEM_write_bio_PrivateKey(private, key, NULL, NULL, 0, NULL, NULL) == 1 &&
         PEM_write_bio_PUBKEY(public, key) == 1);
    add_bio(ret_private, private);
    add_bio(ret_public, public);
    EVP_PKEY_free(key);
}
