/* cmd_member.c - `clearline member`: the network's members, and what a root key says of its own.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>

#include "base/hex.h"
#include "base/limits.h"
#include "cli/cmd.h"
#include "cli/file.h"
#include "cli/member_node.h"
#include "cli/propose.h"
#include "cli/roll.h"
#include "cli/root_desk.h"
#include "cli/verbs.h"

static enum err ask_status(const struct desk_options *o, struct desk *desk, struct json_node *ret, struct why *why)
{
    TRY(desk_open(o, desk, why));
    return desk_ask(desk, "/aux/v1/status", (struct str){0}, ret, why);
}

static int run_list(int argc, char **argv)
{
    struct desk_options o = DESK_DEFAULTS;
    bool json = false;
    const struct arg options[] = {DESK_ARGS(o), {"--json", NULL, "one JSON object", ARG_FLAG, &json, 0, 0}};
    const struct args args = {.command = "member list",
                              .summary = "members, and the proposals that wait for consent",
                              .examples = "  clearline member list --data node1\n",
                              ARGS(options)};
    struct desk desk = {0};
    struct json_node status;
    struct why why = {0};
    int code;

    if (!args_parse(&args, argc, argv, &code)) return code;
    enum err e = ask_status(&o, &desk, &status, &why);
    if (e == OK && json) {
        roll_print_members_json(buf_str(&desk.body));
    } else if (e == OK) {
        roll_print_members(status);
        roll_print_proposals(status);
    }
    desk_done(&desk);
    return e == OK ? EXIT_YES : args_fail(&args, e, &why);
}

/* --- place, hand-in --------------------------------------------------------------------------- */

struct wanted {
    struct str name;
    uint8_t author[8];
    bool is_found;
};

static enum err look_at(void *context, size_t i, struct json_node m)
{
    struct wanted *w = context;

    (void)i;
    if (str_equal(desk_text(m, "member"), w->name)) w->is_found = hex_decode(desk_text(m, "root_author"), 8, w->author);
    return OK;
}

static enum err fetch_place(const struct desk_options *o, const char *member, const char *file, struct why *why)
{
    AUTO(buf_done) struct buf text = {0};
    struct wanted w = {.name = str_of(member)};
    struct json_node v;
    struct desk desk = {0};

    enum err e = ask_status(o, &desk, &v, why);
    if (e == OK) e = json_each(json_member(v, "members"), look_at, &w);
    if (e == OK && !w.is_found) e = fail(why, ERR_NOT_FOUND, "there is no member %s", member);
    if (e == OK) e = root_desk_ask_place(&desk, w.author, &v, why);
    if (e == OK) {
        buf_add_str(&text, buf_str(&desk.body));
        buf_add_char(&text, '\n');
        e = file_write_new(file, 0644, buf_str(&text), why);
    }
    desk_done(&desk);
    return e;
}

static int run_place(int argc, char **argv)
{
    struct desk_options o = DESK_DEFAULTS;
    const char *member = NULL, *file = NULL;
    const struct arg options[] = {
        {"--member", "NAME", "whose root key will sign", ARG_TEXT, &member, 0, 0},
        {"--out", "FILE", "the place file to write", ARG_TEXT, &file, 0, 0},
        DESK_ARGS(o),
    };
    const struct args args = {.command = "member place",
                              .summary = "fetch where a root key's next entry belongs, to sign it where no network is",
                              .examples = "  clearline member place --member north --out place.json --data node1\n"
                                          "  clearline member propose admit west.member --root root.key --place place.json --out west.entry\n"
                                          "  clearline member hand-in west.entry --data node1\n",
                              ARGS(options)};
    struct why why = {0};
    int code;

    if (!args_parse(&args, argc, argv, &code)) return code;
    if (!member || !file) return args_wrong(&args, "--member and --out are needed");
    enum err e = fetch_place(&o, member, file, &why);
    if (e != OK) return args_fail(&args, e, &why);
    printf("%s\n", file);
    return EXIT_YES;
}

static int run_hand_in(int argc, char **argv)
{
    AUTO(buf_done) struct buf entry = {0};
    struct desk_options o = DESK_DEFAULTS;
    struct arg_texts files = {0};
    bool json = false;
    const struct arg options[] = {DESK_ARGS(o), {"--json", NULL, "the node's answer", ARG_FLAG, &json, 0, 0}};
    const struct args args = {.command = "member hand-in",
                              .summary = "hand in an entry that a root key signed elsewhere",
                              .examples = "  clearline member hand-in west.entry --data node1\n",
                              .operands = "FILE",
                              .ret_operands = &files,
                              ARGS(options)};
    struct desk desk = {0};
    struct why why = {0};
    int code;

    if (!args_parse(&args, argc, argv, &code)) return code;
    if (files.n != 1) return args_wrong(&args, "wants one file");
    enum err e = file_read(files.at[0], LIMIT_ENTRY_BYTES, &entry, &why);
    if (e == OK) e = desk_open(&o, &desk, &why);
    if (e == OK) e = root_desk_hand_in(&desk, buf_str(&entry), &why);
    if (json && desk.body.n) {
        printf("%.*s\n", STR_ARG(buf_str(&desk.body)));
    } else if (e == OK) {
        AUTO(buf_done) struct buf hex = {0};
        struct hash hash = hash_of(buf_str(&entry));
        hex_add(&hex, hash.b, sizeof hash.b);
        printf("entry %.*s stands in the journal\n", STR_ARG(buf_str(&hex)));
    }
    desk_done(&desk);
    return e == OK ? EXIT_YES : args_fail(&args, e, &why);
}

int cmd_member(int argc, char **argv)
{
    static const struct verb verbs[] = {
        {"list", run_list, "members, and what waits for consent"},
        {"propose", propose_run, "admit, expel, another root key, a participant"},
        {"approve", approve_run, "consent to a proposal"},
        {"join", member_join_run, "let a node join for the member"},
        {"rotate-key", member_rotate_run, "give a node new keys"},
        {"end-node", member_end_run, "end the keys of a node"},
        {"address", member_address_run, "where a node is reached by its peers"},
        {"place", run_place, "where a root key's next entry belongs"},
        {"hand-in", run_hand_in, "hand in what a root key signed elsewhere"},
    };
    static const struct verbs all = {.command = "member",
                                     .summary = "the members of the network",
                                     .examples = "  clearline member list --data node1\n"
                                                 "  clearline member propose admit west.member --root north.root.key --data node1\n"
                                                 "  clearline member approve 3f2a90c1 --root south.root.key --data node2\n"
                                                 "  clearline member rotate-key --node node1 --root north.root.key --data node1\n",
                                     VERBS(verbs)};
    return verbs_run(&all, argc, argv);
}
