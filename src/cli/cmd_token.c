/* cmd_token.c - "clearline token": mints a token, or makes a key pair for it.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "cli/cmd.h"

#include <stdio.h>
#include <time.h>

#include "cli/args.h"
#include "cli/keyfile.h"

#define LIFETIME_MAX_S 3600 /* Longer ones are refused everywhere (f3548-dss.md 3.1). */

struct token_options {
    const char *key, *sub, *scope, *audience, *issuer, *kid, *new_key, *kind;
    int64_t expires_s;
};

static int make_key(const struct args *args, const struct token_options *o)
{
    static const char *const kinds[] = {"rsa", "ec", "ed25519"}; /* In the order of enum jwt_key_type. */
    struct why why = {0};
    size_t kind = 0;
    enum err err;

    while (kind < 3 && strcmp(kinds[kind], o->kind) != 0) kind++;
    if (kind == 3) return args_wrong(args, "--kind is rsa, ec or ed25519");
    err = keyfile_make(o->new_key, (enum jwt_key_type)kind, &why);
    if (err != OK) return args_fail(args, err, &why);
    printf("%s/private.pem\n%s/public.pem\n", o->new_key, o->new_key);
    return EXIT_YES;
}

static int mint(const struct args *args, const struct token_options *o)
{
    AUTO(buf_done) struct buf pem = {0}, token = {0};
    struct jwt_claims claims = {.iss = str_of(o->issuer), .sub = str_of(o->sub), .aud = str_of(o->audience),
                                .scope = str_of(o->scope), .kid = str_of(o->kid),
                                .issued_us = (int64_t)time(NULL) * 1000000, .lifetime_s = o->expires_s};
    struct why why = {0};
    enum err err = keyfile_read(o->key, &pem, &why);

    if (err == OK) err = jwt_mint(buf_str(&pem), &claims, &token, &why);
    if (pem.at) explicit_bzero(pem.at, pem.room);
    if (err != OK) return args_fail(args, err, &why);
    printf("%.*s\n", (int)token.n, token.at);
    return EXIT_YES;
}

int cmd_token(int argc, char **argv)
{
    struct token_options o = {.scope = "utm.strategic_coordination", .issuer = "local", .kind = "rsa",
                              .expires_s = LIFETIME_MAX_S};
    const struct arg options[] = {
        {"--key", "FILE", "the PEM private key to sign with: RSA, P-256 or Ed25519", ARG_TEXT, &o.key, 0, 0},
        {"--sub", "NAME", "whom the token is for: the manager's name", ARG_TEXT, &o.sub, 0, 0},
        {"--scope", "WORDS", "scopes with blanks between them (utm.strategic_coordination)", ARG_TEXT, &o.scope, 0, 0},
        {"--audience", "HOST", "host name of the service it is shown to", ARG_TEXT, &o.audience, 0, 0},
        {"--issuer", "NAME", "who issues it (local)", ARG_TEXT, &o.issuer, 0, 0},
        {"--expires", "SECONDS", "how long it lives (3600, which is the most that is accepted)", ARG_NUMBER, &o.expires_s, 1,
         LIFETIME_MAX_S},
        {"--kid", "ID", "the key's id in the issuer's key set", ARG_TEXT, &o.kid, 0, 0},
        {"--new-key", "DIR", "make DIR/private.pem and DIR/public.pem instead", ARG_TEXT, &o.new_key, 0, 0},
        {"--kind", "KIND", "of the new key: rsa, ec or ed25519 (rsa)", ARG_TEXT, &o.kind, 0, 0},
    };
    const struct args args = {.command = "token",
                              .summary = "mint a token for trying things out; it alone is printed",
                              .examples = "  clearline token --new-key keys\n"
                                          "  clearline token --key keys/private.pem --sub uss1 --audience localhost\n"
                                          "  clearline token --key keys/private.pem --sub uss1 --audience localhost \\\n"
                                          "      --scope \"utm.strategic_coordination utm.constraint_processing\"\n",
                              ARGS(options)};
    int code;

    if (!args_parse(&args, argc, argv, &code)) return code;
    if (o.new_key) return make_key(&args, &o);
    if (!o.key || !o.sub || !o.audience) return args_wrong(&args, "--key, --sub and --audience are needed");
    return mint(&args, &o);
}
