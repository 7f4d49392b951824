/* fuzz_jwt.c - tokens, and key sets: no byte string is accepted that no key signed, none breaks the readers.
 * SPDX-License-Identifier: Apache-2.0
 *
 * First byte: 0 the rest is a whole token; 1 the rest is "header LF claims LF signature", encoded here; else a JWKS.
 */
#include "api/jwks.h"
#include "api/jwt.h"
#include "base/b64.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static struct json_parser *parser;
static struct jwt_key_vec keys;

static void set_up(void)
{
    struct str set = STR("{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","
                         "\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"},"
                         "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}]}");

    if (parser) return;
    parser = json_parser_new();
    must(jwks_parse(set, &keys, NULL) == OK && keys.n == 2);
}

static void try_token(struct str token)
{
    static const char *const audiences[] = {"host"};
    struct arena arena = {0};
    struct why why = {0};
    struct jwt t;

    if (jwt_read(token, parser, &arena, &t, &why) == OK) {
        must(t.sub.n > 0 && t.iss.n > 0 && t.signed_part.n < token.n);
        (void)!jwt_check_claims(&t, audiences, 1, 0, 5000000, &why);
        for (size_t i = 0; i < keys.n; i++) must(!jwt_key_verify(keys.at[i], t.alg, t.signed_part, t.signature));
    } else {
        must(strstr(why.text, "token:") != NULL);
    }
    arena_done(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    AUTO(buf_done) struct buf token = {0};
    struct str rest = str_make(bytes, n);
    struct jwt_key_vec found = {0};

    set_up();
    if (n == 0) return 0;
    rest = str_skip(rest, 1);
    if (bytes[0] == 0) {
        try_token(rest);
    } else if (bytes[0] == 1) {
        for (int i = 0; i < 3; i++) {
            struct str part = i < 2 ? str_cut(&rest, '\n') : rest;
            if (i) buf_add_char(&token, '.');
            if (part.n) b64_add(&token, B64_URL, part.at, part.n);
        }
        try_token(buf_str(&token));
    } else if (jwks_parse(rest, &found, NULL) == OK) {
        must(found.n > 0);
    }
    jwt_keys_done(&found);
    return 0;
}
