/* cmd_participant.c - `clearline participant`: which members speak for a USS, and whose tokens vouch for it (decisions C2, C4).
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>

#include "api/jwt_key.h"
#include "base/b64.h"
#include "base/json.h"
#include "base/limits.h"
#include "cli/cmd.h"
#include "cli/file.h"
#include "cli/roll.h"
#include "cli/root_desk.h"
#include "cli/verbs.h"
#include "cli/words.h"

static int run_list(int argc, char **argv)
{
    struct desk_options o = DESK_DEFAULTS;
    bool json = false;
    const struct arg options[] = {DESK_ARGS(o), {"--json", NULL, "one JSON object", ARG_FLAG, &json, 0, 0}};
    const struct args args = {.command = "participant list",
                              .summary = "participants, who speaks for them, and their rights",
                              .examples = "  clearline participant list --data node1\n",
                              ARGS(options)};
    struct desk desk = {0};
    struct json_node status;
    struct why why = {0};
    int code;

    if (!args_parse(&args, argc, argv, &code)) return code;
    enum err e = desk_open(&o, &desk, &why);
    if (e == OK) e = desk_ask(&desk, "/aux/v1/status", (struct str){0}, &status, &why);
    if (e == OK && json) roll_print_participants_json(buf_str(&desk.body));
    else if (e == OK) roll_print_participants(status);
    desk_done(&desk);
    return e == OK ? EXIT_YES : args_fail(&args, e, &why);
}

/* --- add -------------------------------------------------------------------------------------- */

static void print_done(const struct root_options *o, const char *sub, const char *what)
{
    AUTO(buf_done) struct buf out = {0};
    struct json j = {.to = &out};

    if (!o->json) {
        printf("%s %s\n", sub, o->out ? "is spoken of in the entry written" : what);
        return;
    }
    json_open(&j, '{');
    json_key(&j, "participant");
    json_str(&j, str_of(sub));
    json_key(&j, "done");
    json_str(&j, str_of(o->out ? "written" : what));
    json_close(&j, '}');
    printf("%.*s\n", STR_ARG(buf_str(&out)));
}

static enum err sign(const struct root_options *o, struct change *change, struct why *why)
{
    struct root_desk desk = {0};
    struct hash entry;

    TRY(root_desk_open(o, &desk, why));
    if (change->kind == CHANGE_PARTICIPANT && change->n_names == 0) { /* By default the own member alone. */
        static struct str own;
        own = buf_str(&desk.member);
        change->names = &own;
        change->n_names = 1;
    }
    enum err e = root_desk_sign(&desk, change, 1, &entry, why);
    root_desk_done(&desk);
    return e;
}

static int run_add(int argc, char **argv)
{
    struct root_options o = {.desk = DESK_DEFAULTS};
    const char *members = NULL, *rights = "";
    struct arg_texts subs = {0};
    struct str names[LIMIT_SPEAKERS];
    const struct arg options[] = {
        {"--members", "A,B", "who may speak for it (the own member)", ARG_TEXT, &members, 0, 0},
        {"--rights", "WORDS", "arbitration, constraints, or both with a comma", ARG_TEXT, &rights, 0, 0},
        ROOT_ARGS(o),
        DESK_ARGS(o.desk),
    };
    const struct args args = {.command = "participant add",
                              .summary = "say which members speak for a USS, named by the sub of its tokens",
                              .examples = "  clearline participant add uss1 --root north.root.key --data node1\n"
                                          "  clearline participant add uss1 --members north,south --root north.root.key --data node1\n",
                              .operands = "SUB",
                              .ret_operands = &subs,
                              ARGS(options)};
    struct change change = {.kind = CHANGE_PARTICIPANT, .names = names};
    struct why why = {0};
    int code;

    if (!args_parse(&args, argc, argv, &code)) return code;
    if (subs.n != 1) return args_wrong(&args, "wants one participant's sub");
    change.uss = str_of(subs.at[0]);
    enum err e = members ? words_read("--members", str_of(members), LIMIT_SPEAKERS, names, &change.n_names, &why) : OK;
    if (e == OK) e = words_rights(str_of(rights), &change.rights, &why);
    if (e == OK) e = sign(&o, &change, &why);
    if (e == OK) print_done(&o, subs.at[0], "is recorded");
    if (e == ERR_RIGHTS || e == ERR_STATE)
        (void)fprintf(stderr, "rights, and participants that others speak for, take their consent: clearline member propose participant\n");
    return e == OK ? EXIT_YES : args_fail(&args, e, &why);
}

/* --- issuer ----------------------------------------------------------------------------------- */

/* The one public key of a PEM text, as DER: what stands between its lines is that in base64. */
static enum err key_of(const char *file, struct buf *ret, struct why *why)
{
    AUTO(buf_done) struct buf pem = {0}, text = {0};
    AUTO(jwt_keys_done) struct jwt_key_vec keys = {0};
    bool is_inside = false;

    TRY(file_read(file, 16384, &pem, why));
    TRY(jwt_keys_from_pem(buf_str(&pem), file, &keys, why));
    if (keys.n != 1) return fail(why, ERR_INPUT, "%s: holds %zu keys, not one", file, keys.n);
    for (struct str rest = buf_str(&pem); rest.n;) {
        struct str line = str_cut(&rest, '\n');
        if (line.n && line.at[line.n - 1] == '\r') line.n--;
        if (str_starts(line, STR("-----"))) is_inside = str_equal(line, STR("-----BEGIN PUBLIC KEY-----"));
        else if (is_inside) buf_add_str(&text, line);
    }
    if (!b64_decode(B64_STANDARD, buf_str(&text), ret) || ret->n == 0 || ret->n > LIMIT_PUBLIC_KEY_BYTES)
        return fail(why, ERR_INPUT, "%s: no public key of at most %d bytes in PEM", file, LIMIT_PUBLIC_KEY_BYTES);
    return OK;
}

static int run_issuer(int argc, char **argv)
{
    AUTO(buf_done) struct buf der = {0};
    struct root_options o = {.desk = DESK_DEFAULTS};
    const char *issuer = NULL, *file = NULL, *subs = NULL;
    bool removes = false;
    struct str list[LIMIT_CHANGE_SUBS];
    const struct arg options[] = {
        {"--issuer", "NAME", "iss of its tokens", ARG_TEXT, &issuer, 0, 0},
        {"--public-key", "PEM", "the key that signs them", ARG_TEXT, &file, 0, 0},
        {"--subs", "A,B", "the participants that it may vouch for", ARG_TEXT, &subs, 0, 0},
        {"--remove", NULL, "it may no longer", ARG_FLAG, &removes, 0, 0},
        ROOT_ARGS(o),
        DESK_ARGS(o.desk),
    };
    const struct args args = {.command = "participant issuer",
                              .summary = "record whose tokens vouch for which of the member's participants",
                              .examples = "  clearline participant issuer --issuer auth.north.example --public-key auth.pem --subs uss1,uss2 --root north.root.key --data node1\n",
                              ARGS(options)};
    struct change change = {.kind = CHANGE_ISSUER, .subs = list};
    struct why why = {0};
    int code;

    if (!args_parse(&args, argc, argv, &code)) return code;
    if (!issuer || !file || !subs) return args_wrong(&args, "--issuer, --public-key and --subs are needed");
    change.issuer = str_of(issuer);
    change.removes = removes;
    if (change.issuer.n == 0 || change.issuer.n > LIMIT_ADDRESS_BYTES) return args_wrong(&args, "--issuer has 1 to %d bytes", LIMIT_ADDRESS_BYTES);
    enum err e = key_of(file, &der, &why);
    if (e == OK) e = words_read("--subs", str_of(subs), LIMIT_CHANGE_SUBS, list, &change.n_subs, &why);
    change.public_key = buf_str(&der);
    if (e == OK) e = sign(&o, &change, &why);
    if (e == OK) print_done(&o, issuer, removes ? "is removed" : "is recorded");
    return e == OK ? EXIT_YES : args_fail(&args, e, &why);
}

int cmd_participant(int argc, char **argv)
{
    static const struct verb verbs[] = {
        {"add", run_add, "say which members speak for a participant"},
        {"list", run_list, "participants and who speaks for them"},
        {"issuer", run_issuer, "whose tokens vouch for them"},
    };
    static const struct verbs all = {.command = "participant",
                                     .summary = "the USSs of the network, and who speaks for them",
                                     .examples = "  clearline participant add uss1 --root north.root.key --data node1\n"
                                                 "  clearline participant list --data node1\n",
                                     VERBS(verbs)};
    return verbs_run(&all, argc, argv);
}
