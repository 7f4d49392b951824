/* cmd_status.c - `clearline status`: a node, its network and its members at a glance.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <inttypes.h>
#include <stdio.h>

#include "cli/args.h"
#include "cli/cmd.h"
#include "cli/desk.h"
#include "cli/roll.h"

/* What a person should see first: why the answer is not plainly good. */
static void print_warnings(struct json_node s)
{
    static const struct {
        const char *flag;
        bool when;
        const char *text;
    } flags[] = {
        {"takes_writes", false, "READ ONLY: this node takes no writes"},
        {"joined", false, "NOT JOINED: this node's key is not admitted yet, or was ended"},
    };
    struct str text;

    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
        bool is = false;
        if (json_get_bool(json_member(s, flags[i].flag), &is) && is == flags[i].when) printf("%s\n", flags[i].text);
    }
    if (desk_flag(json_member(s, "signing"), "is_divided")) {
        text = desk_text(json_member(s, "signing"), "divided_because");
        printf("DIVIDED: members signed contradicting heads; this is the own branch: %.*s\n", STR_ARG(text));
    }
    text = desk_text(json_member(s, "signing"), "behind_because");
    if (text.n) printf("STALE: %.*s\n", STR_ARG(text));
    text = desk_text(s, "stopped_because");
    if (text.n) printf("STOPPED: %.*s\n", STR_ARG(text));
    text = desk_text(s, "warning");
    if (text.n) printf("WARNING: %.*s\n", STR_ARG(text));
}

static void print_order(struct json_node s)
{
    struct json_node order = json_member(s, "etcd");
    struct str why = desk_text(order, "why");

    if (json_type(order) != JSON_OBJECT) return;
    int64_t forgotten = desk_number(order, "forgotten_proofs");
    if (forgotten > 0) printf("FORGOTTEN: etcd lost what it had shown: %" PRId64 " forgotten-*.proof in the node's data folder\n", forgotten);
    printf("etcd        %s%s%.*s, order known %" PRId64 " ms ago\n", desk_flag(order, "answers") ? "answers" : "DOES NOT ANSWER",
           why.n ? ": " : "", STR_ARG(why), desk_number(order, "age_ms"));
}

static void print_signing(struct json_node s)
{
    struct json_node signing = json_member(s, "signing");
    struct str refused = desk_text(signing, "refused_because");

    if (json_type(signing) != JSON_OBJECT) return;
    printf("signing     %.*s, %" PRId64 " of %" PRId64 " members under %" PRId64 " leaves, %" PRId64 " heard%s%.*s\n",
           STR_ARG(desk_text(signing, "state")), desk_number(signing, "members_signed"), desk_number(signing, "members"),
           desk_number(signing, "full_size"), desk_number(signing, "members_present"), refused.n ? "; refused: " : "", STR_ARG(refused));
}

static void print(struct json_node s)
{
    struct json_node rules = json_member(s, "rules");
    struct str member = desk_text(s, "member");

    print_warnings(s);
    printf("network     %.*s\n", STR_ARG(desk_text(s, "origin")));
    printf("genesis     %.*s\n", STR_ARG(desk_text(s, "genesis_hash")));
    printf("node        %.*s of %.*s, version %.*s\n", STR_ARG(desk_text(s, "author")), STR_ARG(member.n ? member : STR("nobody yet")),
           STR_ARG(desk_text(s, "version")));
    printf("rules       version %" PRId64 " since entry %" PRId64 ", equal priorities: %.*s\n", desk_number(rules, "in_force"), desk_number(rules, "since"),
           STR_ARG(desk_text(s, "equal_priorities")));
    printf("journal     %" PRId64 " entries, %" PRId64 " leaves signed\n", desk_number(s, "position"), desk_number(s, "signed_size"));
    printf("clock       %.*s of the network, %.*s here\n", STR_ARG(desk_text(s, "clock")), STR_ARG(desk_text(s, "time")));
    print_order(s);
    print_signing(s);
    printf("\n");
    roll_print_members(s);
    roll_print_proposals(s);
    roll_print_participants(s);
}

int cmd_status(int argc, char **argv)
{
    struct desk_options o = DESK_DEFAULTS;
    bool json = false, digest = false;
    const struct arg options[] = {
        DESK_ARGS(o),
        {"--digest", NULL, "with the state's digest: equal positions have equal ones", ARG_FLAG, &digest, 0, 0},
        {"--json", NULL, "one JSON object, as the node gives it", ARG_FLAG, &json, 0, 0},
    };
    const struct args args = {.command = "status",
                              .summary = "a node, its network and its members",
                              .examples = "  clearline status --data node1\n"
                                          "  clearline status --url https://dss.example --audience dss.example --key operator/private.pem --json\n",
                              ARGS(options)};
    struct desk desk = {0};
    struct json_node s;
    struct why why = {0};
    int code;

    if (!args_parse(&args, argc, argv, &code)) return code;
    enum err e = desk_open(&o, &desk, &why);
    if (e == OK) e = desk_ask(&desk, digest ? "/aux/v1/status?digest=1" : "/aux/v1/status", (struct str){0}, &s, &why);
    if (e == OK && json) printf("%.*s\n", STR_ARG(buf_str(&desk.body)));
    else if (e == OK) print(s);
    if (e == OK && digest && !json) printf("\ndigest      %.*s\n", STR_ARG(desk_text(s, "digest")));
    desk_done(&desk);
    return e == OK ? EXIT_YES : args_fail(&args, e, &why);
}
