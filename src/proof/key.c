/* key.c - Ed25519 by OpenSSL 3, with the low-order filter in front.
 * SPDX-License-Identifier: Apache-2.0
 *
 * OpenSSL checks S < L and compares R with the recomputed point's one encoding (so no other encoding of R passes), without a
 * cofactor, but takes points of small order and other encodings of A. Those two are refused here, after which any two
 * libraries agree on what is good (evidence.md section 4).
 */
#include "proof/key.h"

#include "proof/libcrypto.h"

/* y coordinates of the points of order 1, 2, 4 and 8, little-endian, and the two of them that can be written as y + p: with
 * either sign bit the 14 low-order encodings (C2SP/CCTV ed25519). */
static const uint8_t LOW_ORDER[7][32] = {
    {0},
    {1},
    {0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0,
     0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05},
    {0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f,
     0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a},
    {0xec, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
     0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f},
    {0xed, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
     0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f},
    {0xee, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
     0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f},
};

static bool is_low_order(const uint8_t point[32])
{
    for (size_t i = 0; i < sizeof LOW_ORDER / sizeof LOW_ORDER[0]; i++) {
        if ((point[31] & 0x7f) == LOW_ORDER[i][31] && memcmp(point, LOW_ORDER[i], 31) == 0) return true;
    }
    return false;
}

/* y < p = 2^255 - 19: not 0xed..0xff, then 30 times 0xff, then 0x7f or 0xff. */
static bool is_canonical(const uint8_t point[32])
{
    if (point[0] < 0xed || (point[31] & 0x7f) != 0x7f) return true;
    for (int i = 1; i < 31; i++) {
        if (point[i] != 0xff) return true;
    }
    return false;
}

/* RFC 8032 5.1.3: x^2 = (y^2 - 1) / (d y^2 + 1) must have a root, d = -121665 / 121666. Scaled by 121666, with the same root or
 * none: u = 121666 (y^2 - 1), v = 121666 - 121665 y^2, and u / v is a square just when u v is. */
static bool is_on_curve(const uint8_t point[32])
{
    uint8_t y_bytes[32];
    BN_CTX *ctx = BN_CTX_new();
    bool is_square;

    must(ctx);
    BN_CTX_start(ctx);
    BIGNUM *p = BN_CTX_get(ctx), *y2 = BN_CTX_get(ctx), *u = BN_CTX_get(ctx), *v = BN_CTX_get(ctx),
           *t = BN_CTX_get(ctx);
    must(t);
    memcpy(y_bytes, point, sizeof y_bytes);
    y_bytes[31] &= 0x7f;
    bool ok = BN_lebin2bn(y_bytes, sizeof y_bytes, t) && BN_set_bit(p, 255) && BN_sub_word(p, 19) &&
              BN_mod_sqr(y2, t, p, ctx) && BN_copy(u, y2) && BN_sub_word(u, 1) && BN_mul_word(u, 121666) &&
              BN_copy(t, y2) && BN_mul_word(t, 121665) && BN_set_word(v, 121666) &&
              BN_mod_sub(v, v, t, p, ctx) && BN_mod_mul(u, u, v, p, ctx) && BN_copy(t, p) &&
              BN_sub_word(t, 1) && BN_rshift1(t, t) && BN_mod_exp(v, u, t, p, ctx);
    must(ok);
    is_square = BN_is_zero(u) || BN_is_one(v);
    BN_CTX_end(ctx);
    BN_CTX_free(ctx);
    return is_square;
}

bool key_is_acceptable(const struct key_public *k)
{
    return is_canonical(k->b) && !is_low_order(k->b) && is_on_curve(k->b);
}

void key_secret_init(struct key_secret *k, const uint8_t seed[32])
{
    size_t n = sizeof k->public.b;
    EVP_PKEY *pkey = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, 32);

    must(pkey);
    memcpy(k->seed, seed, sizeof k->seed);
    must(EVP_PKEY_get_raw_public_key(pkey, k->public.b, &n) == 1 && n == sizeof k->public.b);
    k->handle = pkey;
}

void key_secret_done(struct key_secret *k)
{
    if (!k) return;
    EVP_PKEY_free(k->handle);
    explicit_bzero(k, sizeof *k);
}

void key_sign(const struct key_secret *k, struct str message, uint8_t ret_signature[64])
{
    static const unsigned char nothing[1];
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    size_t n = 64;

    must(ctx && k->handle);
    must(EVP_DigestSignInit(ctx, NULL, NULL, NULL, k->handle) == 1);
    must(EVP_DigestSign(ctx, ret_signature, &n, message.n ? (const unsigned char *)message.at : nothing,
                        message.n) == 1);
    must(n == 64);
    EVP_MD_CTX_free(ctx);
}

bool key_verify(const struct key_public *k, struct str message, const uint8_t signature[64])
{
    static const unsigned char nothing[1];
    EVP_PKEY *pkey;
    EVP_MD_CTX *ctx;
    bool is_good;

    if (is_low_order(k->b) || !is_canonical(k->b) || is_low_order(signature)) return false;
    pkey = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, k->b, sizeof k->b);
    ctx = EVP_MD_CTX_new();
    must(pkey && ctx);
    must(EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, pkey) == 1);
    is_good = EVP_DigestVerify(ctx, signature, 64,
                               message.n ? (const unsigned char *)message.at : nothing, message.n) == 1;
    EVP_MD_CTX_free(ctx);
    EVP_PKEY_free(pkey);
    return is_good;
}
