/* propose.c - proposals of a member and its consent to others', signed with its root key.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "cli/propose.h"

#include <stdio.h>

#include "base/hex.h"
#include "base/json.h"
#include "base/limits.h"
#include "cli/card.h"
#include "cli/file.h"
#include "cli/root_desk.h"
#include "cli/verbs.h"
#include "cli/words.h"

struct proposing {
    struct root_options o;
    bool no_vote; /* Do not consent at once. */
    const char *reason;
};
#define PROPOSE_DEFAULTS {.o = {.desk = DESK_DEFAULTS}}
#define PROPOSE_ARGS(p)                                                                                                  \
    ROOT_ARGS((p).o), DESK_ARGS((p).o.desk),                                                                             \
        {"--reason", "TEXT", "why; all members will read it", ARG_TEXT, &(p).reason, 0, 0},                              \
        {"--no-vote", NULL, "propose only: consent comes later", ARG_FLAG, &(p).no_vote, 0, 0}

static void print_done(const struct proposing *p, const struct hash *proposal, bool has_voted)
{
    AUTO(buf_done) struct buf hash = {0}, out = {0};
    struct json j = {.to = &out};

    hex_add(&hash, proposal->b, sizeof proposal->b);
    if (!p->o.json) {
        printf("proposal %.*s\n", STR_ARG(buf_str(&hash)));
        if (p->o.out) (void)fprintf(stderr, "in %s; hand it in, then consent: clearline member approve %.*s\n", p->o.out, STR_ARG(buf_str(&hash)));
        else if (has_voted) (void)fprintf(stderr, "the own member consents; it waits for the others: clearline member list\n");
        return;
    }
    json_open(&j, '{');
    json_key(&j, "proposal");
    json_str(&j, buf_str(&hash));
    json_key(&j, "consents");
    json_bool(&j, has_voted);
    json_key(&j, "written_to");
    if (p->o.out) json_str(&j, str_of(p->o.out));
    else json_null(&j);
    json_close(&j, '}');
    printf("%.*s\n", STR_ARG(buf_str(&out)));
}

static int propose(const struct args *args, const struct proposing *p, struct change *change)
{
    struct root_desk desk = {0};
    struct hash proposal, vote;
    struct why why = {0};
    bool votes = !p->no_vote && !p->o.out;

    change->kind = CHANGE_PROPOSE;
    change->text = str_of(p->reason);
    if (change->text.n > LIMIT_REASON_BYTES) return args_wrong(args, "--reason has more than %d bytes", LIMIT_REASON_BYTES);
    enum err e = root_desk_open(&p->o, &desk, &why);
    if (e == OK) e = root_desk_sign(&desk, change, 1, &proposal, &why);
    if (e == OK) {
        struct change consent = {.kind = CHANGE_APPROVE, .proposal = proposal};
        if (votes) e = root_desk_sign(&desk, &consent, 1, &vote, &why);
        print_done(p, &proposal, votes && e == OK);
    }
    root_desk_done(&desk);
    return e == OK ? EXIT_YES : args_fail(args, e, &why);
}

/* --- what may be proposed --------------------------------------------------------------------- */

static enum err read_card(const char *file, struct buf *text, struct change *ret, struct why *why)
{
    struct why inner = {0};
    struct card card;

    TRY(file_read(file, CARD_BYTES_MAX, text, why));
    if (card_read(buf_str(text), &card, &inner) != OK) return fail(why, ERR_INPUT, "%s: %s", file, inner.text);
    ret->member = card.name;
    memcpy(ret->root_key, card.root.b, sizeof ret->root_key);
    return OK;
}

static int run_with_card(int argc, char **argv, struct args *args, enum proposal_act act)
{
    AUTO(buf_done) struct buf text = {0};
    struct proposing p = PROPOSE_DEFAULTS;
    struct change change = {.act = act};
    struct arg_texts cards = {0};
    const struct arg options[] = {PROPOSE_ARGS(p)};
    struct why why = {0};
    int code;

    args->options = options;
    args->n_options = sizeof options / sizeof *options;
    args->operands = "CARD";
    args->ret_operands = &cards;
    if (!args_parse(args, argc, argv, &code)) return code;
    if (cards.n != 1) return args_wrong(args, "wants one card");
    enum err e = read_card(cards.at[0], &text, &change, &why);
    return e == OK ? propose(args, &p, &change) : args_fail(args, e, &why);
}

static int run_admit(int argc, char **argv)
{
    struct args args = {.command = "member propose admit",
                        .summary = "propose to admit a member by its card",
                        .examples = "  clearline member propose admit west.member --root north.root.key --data node1\n"};
    return run_with_card(argc, argv, &args, PROPOSE_ADMIT);
}

static int run_root_key(int argc, char **argv)
{
    struct args args = {.command = "member propose root-key",
                        .summary = "propose another root key for the member that the card names",
                        .examples = "  clearline init member --name west --data west2 --out west2.member\n"
                                    "  clearline member propose root-key west2.member --root north.root.key --data node1\n"};
    return run_with_card(argc, argv, &args, PROPOSE_ROOT);
}

static int run_expel(int argc, char **argv)
{
    struct proposing p = PROPOSE_DEFAULTS;
    struct change change = {.act = PROPOSE_EXPEL};
    struct arg_texts names = {0};
    const struct arg options[] = {PROPOSE_ARGS(p)};
    const struct args args = {.command = "member propose expel",
                              .summary = "propose to expel a member, for good",
                              .examples = "  clearline member propose expel west --reason \"keys were stolen\" --root north.root.key --data node1\n",
                              .operands = "NAME",
                              .ret_operands = &names,
                              ARGS(options)};
    int code;

    if (!args_parse(&args, argc, argv, &code)) return code;
    if (names.n != 1) return args_wrong(&args, "wants one member's name");
    if (!p.reason) return args_wrong(&args, "--reason is needed");
    change.member = str_of(names.at[0]);
    return propose(&args, &p, &change);
}

static int run_participant(int argc, char **argv)
{
    struct proposing p = PROPOSE_DEFAULTS;
    struct change change = {.act = PROPOSE_PARTICIPANT};
    const char *members = "", *rights = "";
    struct arg_texts subs = {0};
    struct str names[LIMIT_SPEAKERS];
    const struct arg options[] = {
        {"--members", "A,B", "who may speak for it", ARG_TEXT, &members, 0, 0},
        {"--rights", "WORDS", "arbitration, constraints, or both with a comma", ARG_TEXT, &rights, 0, 0},
        PROPOSE_ARGS(p),
    };
    const struct args args = {.command = "member propose participant",
                              .summary = "propose who speaks for a participant, and its rights, where that is not the own member's to say",
                              .examples = "  clearline member propose participant uss1 --members north,south --rights constraints --root north.root.key --data node1\n",
                              .operands = "SUB",
                              .ret_operands = &subs,
                              ARGS(options)};
    struct why why = {0};
    int code;

    if (!args_parse(&args, argc, argv, &code)) return code;
    if (subs.n != 1) return args_wrong(&args, "wants one participant's sub");
    change.uss = str_of(subs.at[0]);
    change.names = names;
    enum err e = words_read("--members", str_of(members), LIMIT_SPEAKERS, names, &change.n_names, &why);
    if (e == OK) e = words_rights(str_of(rights), &change.rights, &why);
    return e == OK ? propose(&args, &p, &change) : args_fail(&args, e, &why);
}

static int run_priority(int argc, char **argv)
{
    struct proposing p = PROPOSE_DEFAULTS;
    struct change change = {.act = PROPOSE_PRIORITY};
    int64_t low = 0, high = 0;
    struct arg_texts names = {0};
    const struct arg options[] = {
        {"--low", "N", "the least priority of its intents (0)", ARG_NUMBER, &low, INT32_MIN, INT32_MAX},
        {"--high", "N", "the greatest (0)", ARG_NUMBER, &high, INT32_MIN, INT32_MAX},
        PROPOSE_ARGS(p),
    };
    const struct args args = {.command = "member propose priority",
                              .summary = "propose which priorities a member's intents may have",
                              .examples = "  clearline member propose priority mercy --high 100 --root north.root.key --data node1\n",
                              .operands = "NAME",
                              .ret_operands = &names,
                              ARGS(options)};
    int code;

    if (!args_parse(&args, argc, argv, &code)) return code;
    if (names.n != 1) return args_wrong(&args, "wants one member's name");
    if (low > high) return args_wrong(&args, "--low is above --high");
    change.member = str_of(names.at[0]);
    change.priority_low = (int32_t)low;
    change.priority_high = (int32_t)high;
    return propose(&args, &p, &change);
}

static int run_equals(int argc, char **argv)
{
    struct proposing p = PROPOSE_DEFAULTS;
    struct change change = {.act = PROPOSE_EQUALS};
    struct arg_texts words = {0};
    const struct arg options[] = {PROPOSE_ARGS(p)};
    const struct args args = {.command = "member propose equals",
                              .summary = "propose what two intents of equal priority do that meet",
                              .examples = "  clearline member propose equals first-stays --root north.root.key --data node1\n",
                              .operands = "first-stays | may-meet",
                              .ret_operands = &words,
                              ARGS(options)};
    int code;

    if (!args_parse(&args, argc, argv, &code)) return code;
    if (words.n != 1 || (strcmp(words.at[0], "first-stays") != 0 && strcmp(words.at[0], "may-meet") != 0))
        return args_wrong(&args, "wants first-stays or may-meet");
    change.equals = strcmp(words.at[0], "may-meet") == 0 ? EQUALS_MAY_MEET : EQUALS_FIRST_STAYS;
    return propose(&args, &p, &change);
}

int propose_run(int argc, char **argv)
{
    static const struct verb verbs[] = {
        {"admit", run_admit, "a member, by its card"},
        {"expel", run_expel, "a member, for good"},
        {"root-key", run_root_key, "another root key for a member"},
        {"participant", run_participant, "who speaks for a participant, with which rights"},
        {"priority", run_priority, "which priorities a member's intents may have"},
        {"equals", run_equals, "what intents of equal priority do that meet"},
    };
    static const struct verbs all = {.command = "member propose",
                                     .summary = "propose what takes the consent of the others",
                                     .examples = "  clearline member propose admit west.member --root north.root.key --data node1\n"
                                                 "  clearline member propose expel west --reason \"keys were stolen\" --root north.root.key --data node1\n",
                                     VERBS(verbs)};
    return verbs_run(&all, argc, argv);
}

/* --- consent ---------------------------------------------------------------------------------- */

struct search {
    struct str prefix;
    struct hash found;
    size_t n;
};

static enum err look_at(void *context, size_t i, struct json_node p)
{
    struct search *s = context;
    struct str hash = desk_text(p, "proposal");

    (void)i;
    if (str_starts(hash, s->prefix) && hex_decode(hash, sizeof s->found.b, s->found.b)) s->n++;
    return OK;
}

/* A whole hash, or the beginning of one that is open. */
static enum err find_proposal(struct root_desk *d, struct str word, struct hash *ret, struct why *why)
{
    struct search s = {.prefix = word};
    struct json_node status;

    if (hex_decode(word, sizeof ret->b, ret->b)) return OK;
    if (!d->has_desk || word.n < 8) return fail(why, ERR_INPUT, "wants the proposal's hash: 64 hex digits, or the first 8 of an open one's");
    TRY(desk_ask(&d->desk, "/aux/v1/status", (struct str){0}, &status, why));
    TRY(json_each(json_member(status, "proposals"), look_at, &s));
    if (s.n != 1) return fail(why, ERR_NOT_FOUND, s.n ? "%.*s begins more than one proposal" : "no open proposal begins with %.*s", STR_ARG(word));
    *ret = s.found;
    return OK;
}

static void print_consent(const struct root_options *o, const struct hash *proposal)
{
    AUTO(buf_done) struct buf hash = {0};

    hex_add(&hash, proposal->b, sizeof proposal->b);
    if (o->json) printf("{\"proposal\":\"%.*s\",\"consents\":true}\n", STR_ARG(buf_str(&hash)));
    else printf("%s to proposal %.*s\n", o->out ? "consent is written" : "the member consents", STR_ARG(buf_str(&hash)));
}

int approve_run(int argc, char **argv)
{
    struct root_options o = {.desk = DESK_DEFAULTS};
    struct arg_texts hashes = {0};
    const struct arg options[] = {ROOT_ARGS(o), DESK_ARGS(o.desk)};
    const struct args args = {.command = "member approve",
                              .summary = "consent to a proposal in the own member's name",
                              .examples = "  clearline member list --data node1\n"
                                          "  clearline member approve 3f2a90c1 --root north.root.key --data node1\n",
                              .operands = "PROPOSAL",
                              .ret_operands = &hashes,
                              ARGS(options)};
    struct change consent = {.kind = CHANGE_APPROVE};
    struct root_desk desk = {0};
    struct hash entry;
    struct why why = {0};
    int code;

    if (!args_parse(&args, argc, argv, &code)) return code;
    if (hashes.n != 1) return args_wrong(&args, "wants one proposal");
    enum err e = root_desk_open(&o, &desk, &why);
    if (e == OK) e = find_proposal(&desk, str_of(hashes.at[0]), &consent.proposal, &why);
    if (e == OK) e = root_desk_sign(&desk, &consent, 1, &entry, &why);
    if (e == OK) print_consent(&o, &consent.proposal);
    root_desk_done(&desk);
    return e == OK ? EXIT_YES : args_fail(&args, e, &why);
}
