/* test_jwt.c - tokens that are refused, whatever their signature, and keys that are not accepted.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "api/jwt.h"

#include "api/auth.h"
#include "api/jwks.h"
#include "api/jwt_mint.h"
#include "base/b64.h"
#include "base/instant.h"
#include "base/limits.h"
#include "t.h"

static struct json_parser *parser;
static struct arena arena;
static struct why why;

#define NOW (INT64_C(1700000000) * INSTANT_S)

static struct str encode(struct str header, struct str claims, const char *signature)
{
    AUTO(buf_done) struct buf token = {0};

    b64_add(&token, B64_URL, header.at, header.n);
    buf_add_char(&token, '.');
    b64_add(&token, B64_URL, claims.at, claims.n);
    buf_addf(&token, ".%s", signature);
    return arena_dup(&arena, buf_str(&token));
}

static const char good_header[] = "{\"alg\":\"RS256\",\"typ\":\"JWT\",\"kid\":\"k1\"}";
static const char good_claims[] = "{\"iss\":\"i\",\"sub\":\"uss1\",\"aud\":\"host\",\"exp\":1700000600,\"scope\":\"utm.strategic_coordination\"}";

static enum err read_parts(const char *header, const char *claims, struct jwt *ret)
{
    why = (struct why){0};
    return jwt_read(encode(str_of(header), str_of(claims), "AAAA"), parser, &arena, ret, &why);
}

static bool header_refused(const char *header, const char *message)
{
    struct jwt t;
    bool is_refused = read_parts(header, good_claims, &t) == ERR_TOKEN && strstr(why.text, message);
    if (!is_refused) printf("# %s: \"%s\"\n", header, why.text);
    return is_refused;
}

static bool claims_refused(const char *claims, const char *message)
{
    struct jwt t;
    bool is_refused = read_parts(good_header, claims, &t) == ERR_TOKEN && strstr(why.text, message);
    if (!is_refused) printf("# %s: \"%s\"\n", claims, why.text);
    return is_refused;
}

static bool text_refused(struct str token, const char *message)
{
    struct jwt t;
    why = (struct why){0};
    bool is_refused = jwt_read(token, parser, &arena, &t, &why) == ERR_TOKEN && strstr(why.text, message);
    if (!is_refused) printf("# %.*s: \"%s\"\n", STR_ARG(str_first(token, 60)), why.text);
    return is_refused;
}

static void a_good_token_is_taken_apart(void)
{
    struct jwt t = {0};

    CHECK(read_parts(good_header, good_claims, &t) == OK);
    CHECK_INT(t.alg, JWT_RS256);
    CHECK_STR(t.kid, STR("k1"));
    CHECK_STR(t.sub, STR("uss1"));
    CHECK_STR(t.iss, STR("i"));
    CHECK_INT(t.scopes, SCOPE_SC);
    CHECK_INT(t.n_audiences, 1);
    CHECK(t.has_exp && t.exp_us == NOW + 600 * INSTANT_S && !t.has_nbf && !t.has_iat);
    CHECK_INT(t.signature.n, 3);
    CHECK(read_parts(good_header, "{\"iss\":\"i\",\"sub\":\"s\",\"aud\":[\"a\",\"b\"],\"nbf\":1.5,\"iat\":-1,\"exp\":null,\"other\":{\"x\":[1]}} \n", &t) == OK);
    CHECK(t.n_audiences == 2 && str_equal(t.audiences[1], STR("b")));
    CHECK(t.has_nbf && t.nbf_us == 1500000 && t.iat_us == -1000000 && !t.has_exp && t.scopes == 0);
}

static void headers_that_choose_their_own_rules_are_refused(void)
{
    static const char *const names[] = {"crit", "jwk", "jku", "x5u", "x5c", "zip", "b64"};
    static const char *const algs[] = {"none", "None", "NONE", "nOnE", "HS256", "HS384", "HS512", "PS256", "ES384", "ES512",
                                       "ES256K", "rs256", "RS256 ", "", "Ed25519", "RS1"};
    char text[128];

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        (void)snprintf(text, sizeof text, "{\"alg\":\"RS256\",\"%s\":[\"x\"]}", names[i]);
        CHECK(header_refused(text, names[i]));
        (void)snprintf(text, sizeof text, "{\"alg\":\"RS256\",\"%s\":null}", names[i]);
        CHECK(header_refused(text, names[i]));
    }
    for (size_t i = 0; i < sizeof algs / sizeof algs[0]; i++) {
        (void)snprintf(text, sizeof text, "{\"alg\":\"%s\"}", algs[i]);
        CHECK(header_refused(text, "algorithm is not accepted"));
    }
    CHECK(header_refused("{}", "\"alg\""));
    CHECK(header_refused("{\"alg\":256}", "\"alg\""));
    CHECK(header_refused("{\"alg\":[\"RS256\"]}", "\"alg\""));
    CHECK(header_refused("{\"alg\":\"RS256\",\"alg\":\"none\"}", "duplicate"));
    CHECK(header_refused("{\"alg\":\"RS256\",\"\\u0061lg\":\"none\"}", "duplicate"));
    CHECK(header_refused("[\"RS256\"]", "no JSON object"));
    CHECK(header_refused("{\"alg\":\"RS256\"}{}", "follows"));
    CHECK(header_refused("{\"alg\":\"RS256\"} x}", "follows"));
    CHECK(header_refused("{\"alg\":\"RS256\"", "not a JSON object"));
    CHECK(header_refused("{\"alg\":\"RS256\",\"kid\":7}", "kid"));
    CHECK(header_refused("{\"alg\":\"RS256\",\"kid\":\"a\\u0000b\"}", "kid"));
    CHECK(header_refused("{\"alg\":\"RS256\",\"kid\":\"00000000001111111111222222222233333333334444444444555555555566666\"}", "kid"));
    CHECK(header_refused("{\"alg\":\"RS256\",\"x\":\"\xFF\"}", "not a JSON object"));
}

static void claims_of_the_wrong_shape_are_refused(void)
{
    char text[600];

    CHECK(claims_refused("{\"iss\":\"i\"}", "no \"sub\""));
    CHECK(claims_refused("{\"iss\":\"i\",\"sub\":\"\"}", "\"sub\""));
    CHECK(claims_refused("{\"iss\":\"i\",\"sub\":7}", "\"sub\""));
    CHECK(claims_refused("{\"iss\":\"i\",\"sub\":\"a\\nb\"}", "\"sub\""));
    CHECK(claims_refused("{\"iss\":\"i\",\"sub\":\"a\\u0000\"}", "\"sub\""));
    CHECK(claims_refused("{\"sub\":\"s\"}", "no \"iss\""));
    CHECK(claims_refused("{\"sub\":\"s\",\"iss\":\"\"}", "\"iss\""));
    CHECK(claims_refused("{\"sub\":\"s\",\"iss\":[\"i\"]}", "\"iss\""));
    CHECK(claims_refused("{\"sub\":\"s\",\"iss\":\"i\",\"exp\":\"1700000600\"}", "\"exp\""));
    CHECK(claims_refused("{\"sub\":\"s\",\"iss\":\"i\",\"exp\":true}", "\"exp\""));
    CHECK(claims_refused("{\"sub\":\"s\",\"iss\":\"i\",\"exp\":1e300}", "\"exp\""));
    CHECK(claims_refused("{\"sub\":\"s\",\"iss\":\"i\",\"exp\":1e999}", "not a JSON object"));
    CHECK(claims_refused("{\"sub\":\"s\",\"iss\":\"i\",\"nbf\":{}}", "\"nbf\""));
    CHECK(claims_refused("{\"sub\":\"s\",\"iss\":\"i\",\"iat\":[]}", "\"iat\""));
    CHECK(claims_refused("{\"sub\":\"s\",\"iss\":\"i\",\"aud\":7}", "\"aud\""));
    CHECK(claims_refused("{\"sub\":\"s\",\"iss\":\"i\",\"aud\":[\"host\",7]}", "\"aud\""));
    CHECK(claims_refused("{\"sub\":\"s\",\"iss\":\"i\",\"scope\":[\"a\",\"b\"]}", "\"scope\""));
    CHECK(claims_refused("{\"sub\":\"s\",\"iss\":\"i\",\"sub\":\"t\"}", "duplicate"));
    CHECK(claims_refused("null", "no JSON object"));
    (void)snprintf(text, sizeof text, "{\"iss\":\"i\",\"sub\":\"%0*d\"}", LIMIT_SUB_BYTES + 1, 1);
    CHECK(claims_refused(text, "\"sub\""));
    (void)snprintf(text, sizeof text, "{\"iss\":\"%0*d\",\"sub\":\"s\"}", JWT_ISS_MAX + 1, 1);
    CHECK(claims_refused(text, "\"iss\""));
    (void)snprintf(text, sizeof text, "{\"iss\":\"%0*d\",\"sub\":\"%0*d\"}", JWT_ISS_MAX, 1, LIMIT_SUB_BYTES, 1);
    struct jwt t;
    CHECK(read_parts(good_header, text, &t) == OK);
}

static void texts_of_another_form_are_refused(void)
{
    struct str good = encode(str_of(good_header), str_of(good_claims), "AAAA");
    AUTO(buf_done) struct buf text = {0};
    struct jwt t;

    CHECK(jwt_read(good, parser, &arena, &t, NULL) == OK);
    CHECK(text_refused(STR(""), "three parts"));
    CHECK(text_refused(STR("."), "three parts"));
    CHECK(text_refused(STR(".."), "three parts"));
    CHECK(text_refused(STR("a.b"), "three parts"));
    CHECK(text_refused(STR("a.b.c.d.e"), "three parts")); /* Encrypted: RFC 7516. */
    CHECK(text_refused(STR("{\"payload\":\"\"}"), "three parts"));
    CHECK(text_refused(STR(".e30.AAAA"), "header is not strict base64url"));
    CHECK(text_refused(encode(str_of(good_header), str_of(good_claims), ""), "three parts"));
    CHECK(text_refused(encode(str_of(good_header), str_of(good_claims), "AAA="), "signature is not strict"));
    CHECK(text_refused(encode(str_of(good_header), str_of(good_claims), "AB"), "signature is not strict")); /* Spare bits. */
    CHECK(text_refused(encode(str_of(good_header), str_of(good_claims), "A+/A"), "signature is not strict"));
    CHECK(text_refused(encode(str_of(good_header), str_of(good_claims), "AA A"), "signature is not strict"));
    buf_add_str(&text, good);
    text.at[3] = '+';
    CHECK(text_refused(buf_str(&text), "header is not strict"));
    buf_clear(&text);
    buf_addf(&text, "%.*s%0*d", STR_ARG(good), LIMIT_TOKEN_BYTES, 0);
    CHECK(text_refused(buf_str(&text), "longer than"));
}

static enum err claims_at(const char *claims, int64_t now_us)
{
    static const char *const audiences[] = {"other", "host"};
    struct jwt t;

    if (!CHECK(read_parts(good_header, claims, &t) == OK)) return ERR_INTERNAL;
    return jwt_check_claims(&t, audiences, 2, now_us, 5 * INSTANT_S, &why);
}

static void times_are_judged_with_leeway(void)
{
    const char *plain = "{\"iss\":\"i\",\"sub\":\"s\",\"aud\":\"host\",\"exp\":1700000600}";
    const char *dated = "{\"iss\":\"i\",\"sub\":\"s\",\"aud\":\"host\",\"exp\":1700000600,\"nbf\":1700000000,\"iat\":1700000000}";

    CHECK(claims_at(plain, NOW) == OK);
    CHECK(claims_at(plain, NOW + 604999999) == OK);
    CHECK(claims_at(plain, NOW + 605 * INSTANT_S) == ERR_TOKEN && strstr(why.text, "expired"));
    CHECK(claims_at(plain, NOW - 3005 * INSTANT_S) == OK);
    CHECK(claims_at(plain, NOW - 3005 * INSTANT_S - 1) == ERR_TOKEN && strstr(why.text, "more than 3600 s"));
    CHECK(claims_at(dated, NOW - 5 * INSTANT_S) == OK);
    CHECK(claims_at(dated, NOW - 5 * INSTANT_S - 1) == ERR_TOKEN && strstr(why.text, "nbf"));
    CHECK(claims_at("{\"iss\":\"i\",\"sub\":\"s\",\"aud\":\"host\",\"exp\":1700000600,\"iat\":1700000006}", NOW) == ERR_TOKEN &&
          strstr(why.text, "iat"));
    CHECK(claims_at("{\"iss\":\"i\",\"sub\":\"s\",\"aud\":\"host\"}", NOW) == ERR_TOKEN && strstr(why.text, "no \"exp\""));
    CHECK(claims_at("{\"iss\":\"i\",\"sub\":\"s\",\"aud\":\"host\",\"exp\":-5}", NOW) == ERR_TOKEN);
}

static void the_audience_has_to_be_equal(void)
{
    static const char *const wrong[] = {"\"Host\"", "\"host \"", "\"host:80\"", "\"https://host\"", "\"hos\"", "\"\"", "[]",
                                        "[\"Host\"]", "\"host other\"", "\"host\\u0000\""};
    char text[160];

    CHECK(claims_at("{\"iss\":\"i\",\"sub\":\"s\",\"aud\":[\"x\",\"host\"],\"exp\":1700000600}", NOW) == OK);
    CHECK(claims_at("{\"iss\":\"i\",\"sub\":\"s\",\"exp\":1700000600}", NOW) == ERR_TOKEN && strstr(why.text, "no \"aud\""));
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        (void)snprintf(text, sizeof text, "{\"iss\":\"i\",\"sub\":\"s\",\"aud\":%s,\"exp\":1700000600}", wrong[i]);
        CHECK(claims_at(text, NOW) == ERR_TOKEN && strstr(why.text, "aud"));
    }
}

static void scope_words_are_exact(void)
{
    CHECK_INT(jwt_scopes(STR("utm.strategic_coordination utm.constraint_processing utm.constraint_management "
                             "utm.conformance_monitoring_sa utm.availability_arbitration")), 31);
    CHECK_INT(jwt_scopes(STR("dss.read.identification_service_areas dss.write.identification_service_areas "
                             "interuss.pool_status.read interuss.pool_status.heartbeat.write")), 480);
    CHECK_INT(jwt_scopes(STR("utm.strategic_coordination,utm.constraint_processing")), 0);
    CHECK_INT(jwt_scopes(STR("utm.strategic_coordinatio UTM.constraint_processing utm.strategic_coordinations")), 0);
    CHECK_INT(jwt_scopes(STR("  utm.strategic_coordination ")), SCOPE_SC);
    CHECK_INT(jwt_scopes(STR("")), 0);
}

/* ---- keys ---- */

static struct jwt_key *jwk(const char *text)
{
    struct json_node root;
    struct jwt_key *k = NULL;

    why = (struct why){0};
    if (json_read(parser, str_of(text), &root, &why) != OK || jwt_key_from_jwk(root, &k, &why) != OK) return NULL;
    return k;
}

/* RFC 7515 appendix A.3 and RFC 8037 appendix A. */
#define ES256_JWK "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\",\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\""
#define ED_JWK "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\""

static void published_signatures_verify(void)
{
    struct jwt_key *ec = jwk(ES256_JWK "}"), *ed = jwk(ED_JWK "}");
    AUTO(buf_done) struct buf signature = {0};
    struct str message = STR("eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ");

    if (!CHECK(ec && ed)) return;
    CHECK(b64_decode(B64_URL, STR("DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"), &signature));
    CHECK(jwt_key_verify(ec, JWT_ES256, message, buf_str(&signature)));
    for (size_t i = 0; i < signature.n; i += 7) {
        signature.at[i] ^= 1;
        CHECK(!jwt_key_verify(ec, JWT_ES256, message, buf_str(&signature)));
        signature.at[i] ^= 1;
    }
    CHECK(!jwt_key_verify(ec, JWT_ES256, str_skip(message, 1), buf_str(&signature)));
    CHECK(!jwt_key_verify(ec, JWT_ES256, message, str_first(buf_str(&signature), 63)));
    CHECK(!jwt_key_verify(ec, JWT_EDDSA, message, buf_str(&signature)));
    CHECK(!jwt_key_verify(ed, JWT_ES256, message, buf_str(&signature)));
    memset(signature.at, 0, 64); /* r = s = 0: accepted by careless verifiers. */
    CHECK(!jwt_key_verify(ec, JWT_ES256, message, buf_str(&signature)));
    buf_clear(&signature);
    CHECK(b64_decode(B64_URL, STR("hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"), &signature));
    CHECK(jwt_key_verify(ed, JWT_EDDSA, STR("eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc"), buf_str(&signature)));
    CHECK(!jwt_key_verify(ed, JWT_EDDSA, STR("eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmd"), buf_str(&signature)));
    jwt_key_free(ec);
    jwt_key_free(ed);
}

static void weak_or_broken_keys_are_refused(void)
{
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"{\"kty\":\"oct\",\"k\":\"AAAA\"}", "another kind"},
        {"{\"kty\":\"EC\",\"crv\":\"P-384\",\"x\":\"AAAA\",\"y\":\"AAAA\"}", "another kind"},
        {"{\"kty\":\"OKP\",\"crv\":\"X25519\",\"x\":\"AAAA\"}", "another kind"},
        {"{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\"}", "\"y\""},
        {"{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\",\"y\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\"}", "P-256"},
        {"{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AAAA\",\"y\":\"AAAA\"}", "\"x\""},
        {"{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}", "low order"},
        {"{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo=\"}", "\"x\""},
        {"{\"kty\":\"RSA\",\"n\":\"u1SU1LfVLPHCozMxH2Mo4lgOEePzNm0tRgeLezV6ffAt0gunVTLw7onLRnrq0_IzW7yWR7QkrmBL7jTKEn5u-qKhbwKfBstIs-bMY2Zkp18gnTxKLxoS2tFczGkPLPgizskuemMghRniWaoLcyehkd3qqGElvW_VDL5AaWTg0nLVkjRo9z-40RQzuVaE8AkAFmxZzow3x-VJYKdjykkJ0iT9wCS0DRTXu269V264Vf_3jvredZiKRkgwlL9xNAwxXFg0x_XFw005UWVRIkdgcKWTjpBP2dPwVZ4WWC-9aGVd-Gyn1o0CLelf4rEjGoXbAAEgAqeGUxrcIlbjXfbcmw\",\"e\":\"Aw\"}", "exponent"},
        {"{\"kty\":\"RSA\",\"n\":\"u1SU1LfVLPHCozMxH2Mo4lgOEePzNm0tRgeLezV6ffAt0gunVTLw7onLRnrq0_IzW7yWR7QkrmBL7jTKEn5u-qKhbwKfBstIs-bMY2Zkp18gnTxKLxoS2tFczGkPLPgizskuemMghRniWaoLcyehkd3qqGElvW_VDL5AaWTg0nLVkjRo9z8\",\"e\":\"AQAB\"}", "bits"},
        {"{\"kty\":\"RSA\",\"n\":\"AQAB\"}", "\"e\""},
        {ED_JWK ",\"use\":\"enc\"}", "not for signatures"},
        {ED_JWK ",\"alg\":\"RS256\"}", "for the algorithm"},
        {ED_JWK ",\"alg\":\"HS256\"}", "for the algorithm"},
        {ED_JWK ",\"kid\":7}", "kid"},
        {"[]", "no object"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        if (!CHECK(!jwk(cases[i].text) && strstr(why.text, cases[i].message))) printf("# %zu: %s\n", i, why.text);
}

static void a_pem_file_gives_all_its_public_keys(void)
{
    AUTO(buf_done) struct buf private = {0}, public = {0};
    struct jwt_key_vec keys = {0};

    jwt_key_make(JWT_MAKE_P256, &private, &public);
    jwt_key_make(JWT_MAKE_ED25519, &private, &public);
    CHECK(jwt_keys_from_pem(buf_str(&public), "f", &keys, &why) == OK);
    CHECK_INT(keys.n, 2);
    CHECK(jwt_key_suits(keys.at[0], JWT_ES256) && !jwt_key_suits(keys.at[0], JWT_EDDSA));
    CHECK(jwt_key_suits(keys.at[1], JWT_EDDSA) && !jwt_key_suits(keys.at[1], JWT_RS256));
    CHECK(jwt_keys_from_pem(buf_str(&private), "f", &keys, &why) == ERR_INPUT && strstr(why.text, "f: no PEM block"));
    CHECK(jwt_keys_from_pem(STR(""), "f", &keys, &why) == ERR_INPUT);
    buf_add_str(&public, STR("-----BEGIN PUBLIC KEY-----\nMDswDQYJKoZIhvcNAQEBBQADKgAwJwIgT2dG\n-----END PUBLIC KEY-----\n"));
    CHECK(jwt_keys_from_pem(buf_str(&public), "f", &keys, &why) == ERR_INPUT && strstr(why.text, "block 3"));
    buf_clear(&public); /* P-384: made with openssl ecparam -name secp384r1. */
    buf_add_str(&public, STR("-----BEGIN PUBLIC KEY-----\nMHYwEAYHKoZIzj0CAQYFK4EEACIDYgAEXqiN5+CBB82kCZU5uF50dEjiInKvmvpM\n"
                             "4gESqbte6r8QxnnCArEp/37/RIVUy4L+sRfwRsybXU7dgyrWMLnddFeztaCfmXXI\nZ+Rribxe2LUMEt1lQS4ZvqYyU1vdIXpN\n"
                             "-----END PUBLIC KEY-----\n"));
    CHECK(jwt_keys_from_pem(buf_str(&public), "f", &keys, &why) == ERR_INPUT && strstr(why.text, "P-256"));
    jwt_keys_done(&keys);
}

static void key_sets_have_limits(void)
{
    AUTO(buf_done) struct buf text = {0};
    struct jwt_key_vec keys = {0};

    CHECK(jwks_parse(STR("{\"keys\":[" ED_JWK ",\"kid\":\"a\"},{\"kty\":\"oct\",\"k\":\"AA\"}," ES256_JWK ",\"use\":\"sig\",\"alg\":\"ES256\"}]}"), &keys, &why) == OK);
    CHECK_INT(keys.n, 2);
    CHECK_STR(jwt_key_kid(keys.at[0]), STR("a"));
    CHECK(jwks_parse(STR("{\"keys\":[]}"), &keys, &why) == ERR_INPUT && strstr(why.text, "no key"));
    CHECK(jwks_parse(STR("{}"), &keys, &why) == ERR_INPUT);
    CHECK(jwks_parse(STR("nonsense"), &keys, &why) == ERR_INPUT);
    CHECK(jwks_parse(STR("{\"keys\":[" ED_JWK "},{\"kty\":\"RSA\",\"n\":\"AQAB\"}]}"), &keys, &why) == ERR_INPUT && strstr(why.text, "key 1"));
    CHECK_INT(keys.n, 2);
    buf_add_str(&text, STR("{\"keys\":["));
    for (int i = 0; i <= JWKS_KEYS_MAX; i++) buf_addf(&text, "%s" ED_JWK "}", i ? "," : "");
    buf_add_str(&text, STR("]}"));
    CHECK(jwks_parse(buf_str(&text), &keys, &why) == ERR_INPUT && strstr(why.text, "17 keys"));
    (void)buf_reserve(&text, JWKS_BYTES_MAX);
    memset(text.at + text.n, ' ', JWKS_BYTES_MAX);
    text.n += JWKS_BYTES_MAX;
    CHECK(jwks_parse(buf_str(&text), &keys, &why) == ERR_INPUT && strstr(why.text, "longer"));
    jwt_keys_done(&keys);
}

static void key_sets_come_from_https_or_this_machine(void)
{
    static const char *const good[] = {"https://a.example/x", "http://localhost:80/x", "http://127.0.0.1/x", "http://127.9.9.9:1/x",
                                       "http://[::1]:8080/x", "keys.json", "/etc/keys.json"};
    static const char *const bad[] = {"http://a.example/x", "http://127.a.example/x", "http://localhost.example/", "http://localhost@a.example/",
                                      "https://user@a.example/", "http://", "https:///x", "http://[::2]/", "http://1270.0.0.1/"};

    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) CHECK(jwks_check_place(str_of(good[i]), &why) == OK);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (!CHECK(jwks_check_place(str_of(bad[i]), &why) == ERR_INPUT)) printf("# %s\n", bad[i]);
}

static void minted_tokens_verify_with_their_own_key_only(void)
{
    AUTO(buf_done) struct buf public = {0};
    struct buf private[3] = {{0}};
    struct jwt_key_vec keys = {0};
    struct jwt_claims claims = {.iss = STR("i"), .sub = STR("uss \"1\""), .aud = STR("host"), .scope = STR("utm.constraint_processing"),
                                .issued_us = NOW + 1, .lifetime_s = 60};

    for (int i = 0; i < 3; i++) jwt_key_make((enum jwt_key_type)i, &private[i], &public);
    CHECK(jwt_keys_from_pem(buf_str(&public), "f", &keys, &why) == OK && keys.n == 3);
    for (size_t i = 0; i < 3; i++) {
        AUTO(buf_done) struct buf token = {0};
        struct jwt t;
        claims.kid = i == 1 ? STR("k") : STR("");
        if (!CHECK(jwt_mint(buf_str(&private[i]), &claims, &token, &why) == OK)) break;
        CHECK(jwt_read(buf_str(&token), parser, &arena, &t, &why) == OK);
        CHECK_STR(t.sub, STR("uss \"1\""));
        CHECK_INT(t.has_kid, i == 1);
        CHECK(t.iat_us == NOW && t.nbf_us == NOW && t.exp_us == NOW + 60 * INSTANT_S && t.scopes == SCOPE_CP);
        for (size_t k = 0; k < 3; k++) CHECK_INT(jwt_key_verify(keys.at[k], t.alg, t.signed_part, t.signature), i == k);
        CHECK(!jwt_key_verify(keys.at[i], t.alg, str_skip(t.signed_part, 1), t.signature));
        CHECK(!jwt_key_verify(keys.at[i], t.alg, t.signed_part, str_first(t.signature, t.signature.n - 1)));
        CHECK(!jwt_key_verify(keys.at[i], t.alg, t.signed_part, STR("")));
    }
    CHECK(jwt_mint(buf_str(&public), &claims, &private[0], &why) == ERR_INPUT);
    CHECK(jwt_mint(STR(""), &claims, &private[0], &why) == ERR_INPUT);
    jwt_keys_done(&keys);
    for (int i = 0; i < 3; i++) buf_done(&private[i]);
}

int main(void)
{
    parser = json_parser_new();
    RUN(a_good_token_is_taken_apart);
    RUN(headers_that_choose_their_own_rules_are_refused);
    RUN(claims_of_the_wrong_shape_are_refused);
    RUN(texts_of_another_form_are_refused);
    RUN(times_are_judged_with_leeway);
    RUN(the_audience_has_to_be_equal);
    RUN(scope_words_are_exact);
    RUN(published_signatures_verify);
    RUN(weak_or_broken_keys_are_refused);
    RUN(a_pem_file_gives_all_its_public_keys);
    RUN(key_sets_have_limits);
    RUN(key_sets_come_from_https_or_this_machine);
    RUN(minted_tokens_verify_with_their_own_key_only);
    json_parser_free(parser);
    arena_done(&arena);
    return t_done();
}
