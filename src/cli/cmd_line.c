/* cmd_line.c - `clearline line`: suspend and resume the line, and when that was done by whom and why.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "base/hex.h"
#include "base/instant.h"
#include "base/json.h"
#include "base/limits.h"
#include "cli/cmd.h"
#include "cli/desk.h"
#include "cli/log_change.h"
#include "cli/log_source.h"
#include "cli/table.h"
#include "cli/verbs.h"
#include "entry/entry.h"

#define SIGNED_WAITS 250 /* Times 20 ms. */

/* --- suspend, resume -------------------------------------------------------------------------- */

static int change_line(const struct args *args, const struct desk_options *o, const char *path, const char *reason, bool json)
{
    AUTO(buf_done) struct buf body = {0};
    struct json j = {.to = &body};
    struct desk desk = {0};
    struct json_node answer;
    struct why why = {0};

    json_open(&j, '{');
    json_key(&j, "reason");
    json_str(&j, str_of(reason));
    json_close(&j, '}');
    enum err e = desk_open(o, &desk, &why);
    if (e == OK) e = desk_ask(&desk, path, buf_str(&body), &answer, &why);
    if (e == OK && json) {
        printf("%.*s\n", STR_ARG(buf_str(&desk.body)));
    } else if (e == OK) {
        struct str member = desk_text(answer, "member");
        printf("%.*s %s: %s\n", STR_ARG(member), desk_flag(answer, "suspended") ? "has suspended its participation" : "takes part again", reason);
        printf("entry %.*s\n", STR_ARG(desk_text(answer, "entry")));
    }
    desk_done(&desk);
    if (e == ERR_CONFLICT) e = ERR_STATE; /* It is so already: a definite no, not a race. */
    return e == OK ? EXIT_YES : args_fail(args, e, &why);
}

static int run_suspend(int argc, char **argv)
{
    struct desk_options o = DESK_DEFAULTS;
    const char *reason = NULL;
    bool json = false;
    const struct arg options[] = {
        {"--reason", "TEXT", "why; all members will read it, for ever", ARG_TEXT, &reason, 0, 0},
        DESK_ARGS(o),
        {"--json", NULL, "one JSON object", ARG_FLAG, &json, 0, 0},
    };
    const struct args args = {.command = "line suspend",
                              .summary = "suspend the member's participation: no new flights, what flies stays known",
                              .examples = "  clearline line suspend --data node1 --reason \"talks broken off\"\n",
                              ARGS(options)};
    int code;

    if (!args_parse(&args, argc, argv, &code)) return code;
    if (!reason) return args_wrong(&args, "--reason is needed");
    return change_line(&args, &o, "/aux/v1/line/suspend", reason, json);
}

static int run_resume(int argc, char **argv)
{
    struct desk_options o = DESK_DEFAULTS;
    const char *reason = NULL;
    bool json = false;
    const struct arg options[] = {
        {"--reason", "TEXT", "why; all members will read it, for ever", ARG_TEXT, &reason, 0, 0},
        DESK_ARGS(o),
        {"--json", NULL, "one JSON object", ARG_FLAG, &json, 0, 0},
    };
    const struct args args = {.command = "line resume",
                              .summary = "take part again",
                              .examples = "  clearline line resume --data node1 --reason \"talks resumed\"\n",
                              ARGS(options)};
    int code;

    if (!args_parse(&args, argc, argv, &code)) return code;
    if (!reason) return args_wrong(&args, "--reason is needed");
    return change_line(&args, &o, "/aux/v1/line/resume", reason, json);
}

/* --- history ---------------------------------------------------------------------------------- */

struct history {
    struct str member; /* Empty: all. */
    bool json;
    struct table table;
};

static void add_event(struct history *h, uint64_t index, const struct entry *e, const struct change *c)
{
    AUTO(buf_done) struct buf when = {0}, number = {0}, author = {0}, out = {0};
    struct json j = {.to = &out};
    bool is_suspension = c->kind == CHANGE_SUSPEND;

    instant_add(&when, e->time_ms * 1000);
    buf_add_u64(&number, index);
    hex_add(&author, e->author, sizeof e->author);
    if (!h->json) {
        table_add(&h->table, buf_str(&when));
        table_add(&h->table, buf_str(&number));
        table_add(&h->table, c->member);
        table_add(&h->table, is_suspension ? STR("suspended") : STR("resumed"));
        table_add(&h->table, buf_str(&author));
        table_add(&h->table, c->text);
        return;
    }
    json_open(&j, '{');
    json_key(&j, "time");
    json_str(&j, buf_str(&when));
    json_key(&j, "index");
    json_u64(&j, index);
    json_key(&j, "member");
    json_str(&j, c->member);
    json_key(&j, "event");
    json_str(&j, is_suspension ? STR("suspended") : STR("resumed"));
    json_key(&j, "author");
    json_str(&j, buf_str(&author));
    json_key(&j, "reason");
    json_str(&j, c->text);
    json_close(&j, '}');
    printf("%.*s\n", STR_ARG(buf_str(&out)));
}

/* What was accepted of entry index. */
static enum err look(struct log_source *s, uint64_t index, struct history *h, struct why *why)
{
    AUTO(buf_done) struct buf bytes = {0}, outcome = {0};
    AUTO(arena_done) struct arena arena = {0};
    enum reason reasons[LIMIT_ENTRY_CHANGES];
    struct entry e;

    TRY(log_source_get(s, index, &bytes, &outcome, why));
    if (entry_decode(buf_str(&bytes), &arena, &e, NULL) != OK) return OK; /* Void. */
    size_t n = log_change_reasons(buf_str(&outcome), reasons, LIMIT_ENTRY_CHANGES);
    for (size_t i = 0; i < e.n_changes; i++) {
        const struct change *c = &e.changes[i];
        if (c->kind != CHANGE_SUSPEND && c->kind != CHANGE_RESUME) continue;
        if (i >= n) return fail(why, ERR_UNAVAILABLE, "entry %" PRIu64 " has no outcome yet: ask again", index);
        if (reasons[i] == REASON_ACCEPTED && (!h->member.n || str_equal(h->member, c->member))) add_event(h, index, &e, c);
    }
    return OK;
}

static enum err walk(struct log_source *s, struct history *h, struct why *why)
{
    static const char *const head[] = {"TIME", "ENTRY", "MEMBER", "WHAT", "AUTHOR", "REASON"};

    h->table.n_columns = sizeof head / sizeof *head;
    for (size_t i = 0; !h->json && i < h->table.n_columns; i++) table_add(&h->table, str_of(head[i]));
    for (uint64_t i = 1; i < log_source_size(s); i++) TRY(look(s, i, h, why));
    return OK;
}

static void pause_shortly(void)
{
    struct timespec pause = {.tv_nsec = 20 * 1000000};
    (void)nanosleep(&pause, NULL);
}

/* What stands in the journal when it is asked for is signed a moment later: waits for that. */
static enum err open_log(const struct desk_options *o, struct log_source **ret, struct why *why)
{
    AUTO(buf_done) struct buf token = {0};
    struct log_source *source = NULL;
    struct json_node status;
    struct desk desk = {0};
    uint64_t wanted = 0;

    if (!o->key && !o->token_file && !o->data) return log_source_open_url(o->url, o->ca_file, STR(""), ret, why);
    TRY(desk_token(o, &token, why));
    TRY(desk_open(o, &desk, why));
    enum err e = desk_ask(&desk, "/aux/v1/status", (struct str){0}, &status, why);
    if (e == OK) wanted = (uint64_t)desk_number(status, "position");
    desk_done(&desk);
    for (int i = 0; e == OK; i++) {
        e = log_source_open_url(o->url, o->ca_file, buf_str(&token), &source, why);
        if (e != OK || log_source_size(source) >= wanted) break;
        if (i == SIGNED_WAITS) {
            (void)fprintf(stderr, "clearline line history: %" PRIu64 " of %" PRIu64 " entries are signed: those are looked at\n",
                          log_source_size(source), wanted);
            break;
        }
        log_source_close(source);
        source = NULL;
        pause_shortly();
    }
    if (e == OK) *ret = source;
    return e;
}

static int run_history(int argc, char **argv)
{
    struct desk_options o = DESK_DEFAULTS;
    struct history h = {0};
    const char *member = NULL, *journal = NULL;
    struct log_source *source = NULL;
    const struct arg options[] = {
        {"--member", "NAME", "of this member alone", ARG_TEXT, &member, 0, 0},
        {"--journal", "DIR", "from the data folder of a node that is not running", ARG_TEXT, &journal, 0, 0},
        DESK_ARGS(o),
        {"--json", NULL, "one JSON object a line", ARG_FLAG, &h.json, 0, 0},
    };
    const struct args args = {.command = "line history",
                              .summary = "every suspension and resumption, from the signed log",
                              .examples = "  clearline line history --data node1\n"
                                          "  clearline line history --url https://dss.example --member north --json\n",
                              ARGS(options)};
    struct why why = {0};
    int code;

    if (!args_parse(&args, argc, argv, &code)) return code;
    h.member = str_of(member);
    enum err e = journal ? log_source_open_data(journal, &source, &why) : open_log(&o, &source, &why);
    if (e == OK) e = walk(source, &h, &why);
    if (!h.json && h.table.n_columns) table_print(&h.table);
    log_source_close(source);
    return e == OK ? EXIT_YES : args_fail(&args, e, &why);
}

int cmd_line(int argc, char **argv)
{
    static const struct verb verbs[] = {
        {"suspend", run_suspend, "suspend the member's participation"},
        {"resume", run_resume, "take part again"},
        {"history", run_history, "who suspended and resumed when, and why"},
    };
    static const struct verbs all = {.command = "line",
                                     .summary = "suspend and resume a member's line to the others",
                                     .examples = "  clearline line suspend --data node1 --reason \"talks broken off\"\n"
                                                 "  clearline line resume --data node1 --reason \"talks resumed\"\n"
                                                 "  clearline line history --data node1\n",
                                     VERBS(verbs)};
    return verbs_run(&all, argc, argv);
}
