/* roll.c - prints the tables of a network's members.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "cli/roll.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/buf.h"
#include "cli/desk.h"
#include "cli/table.h"

static void add_row(struct table *t, const char *const *cells)
{
    for (size_t i = 0; i < t->n_columns; i++) table_add(t, str_of(cells[i]));
}

static void add_formatted(struct table *t, int64_t number)
{
    AUTO(buf_done) struct buf text = {0};

    if (number) buf_add_i64(&text, number);
    else buf_add_char(&text, '-');
    table_add(t, buf_str(&text));
}

static void add_or_dash(struct table *t, struct str text)
{
    table_add(t, text.n ? text : STR("-"));
}

static enum err join_one(void *context, size_t i, struct json_node v)
{
    struct buf *to = context;
    struct str text = {0};

    (void)json_get_string(v, &text);
    if (i) buf_add_char(to, ',');
    buf_add_str(to, text);
    return OK;
}

/* The texts of an array with commas between them. */
static void add_list(struct table *t, struct json_node list)
{
    AUTO(buf_done) struct buf text = {0};

    (void)json_each(list, join_one, &text);
    add_or_dash(t, buf_str(&text));
}

static void add_ago(struct table *t, struct json_node ms)
{
    AUTO(buf_done) struct buf text = {0};
    int64_t ago;

    if (json_get_i64(ms, &ago)) buf_addf(&text, "%" PRId64 ".%" PRId64 " s ago", ago / 1000, ago % 1000 / 100);
    add_or_dash(t, buf_str(&text));
}

static enum err member_row(void *context, size_t i, struct json_node m)
{
    struct table *t = context;
    struct str standing = desk_text(m, "standing");
    bool is_suspended = str_equal(standing, STR("suspended"));

    (void)i;
    table_add(t, desk_text(m, "member"));
    table_add(t, standing);
    add_formatted(t, (int64_t)json_size(json_member(m, "nodes")));
    add_or_dash(t, desk_text(m, "last_entry"));
    add_ago(t, json_member(m, "heard_ms_ago"));
    add_formatted(t, desk_number(m, "signed_size"));
    add_or_dash(t, is_suspended ? desk_text(m, "suspended_since") : STR(""));
    add_or_dash(t, is_suspended ? desk_text(m, "reason") : STR(""));
    return OK;
}

/* What is the matter with the calls to a member's nodes. */
static enum err print_trouble(void *context, size_t i, struct json_node node)
{
    const struct json_node *m = context;
    struct str text = desk_text(node, "trouble");

    (void)i;
    if (text.n) printf("%.*s's node %.*s: %.*s\n", STR_ARG(desk_text(*m, "member")), STR_ARG(desk_text(node, "author")), STR_ARG(text));
    return OK;
}

static enum err print_troubles(void *context, size_t i, struct json_node m)
{
    (void)context;
    (void)i;
    return json_each(json_member(m, "nodes"), print_trouble, &m);
}

void roll_print_members(struct json_node status)
{
    static const char *const head[] = {"MEMBER", "STANDING", "NODES", "LAST ENTRY", "HEARD", "SIGNED", "SUSPENDED SINCE", "REASON"};
    struct table t = {.n_columns = sizeof head / sizeof *head};

    add_row(&t, head);
    (void)json_each(json_member(status, "members"), member_row, &t);
    table_print(&t);
    (void)json_each(json_member(status, "members"), print_troubles, NULL);
}

static enum err proposal_row(void *context, size_t i, struct json_node p)
{
    struct table *t = context;
    struct str whom = desk_text(p, "member");

    (void)i;
    table_add(t, str_first(desk_text(p, "proposal"), 16));
    table_add(t, desk_text(p, "act"));
    table_add(t, whom.n ? whom : desk_text(p, "participant"));
    table_add(t, desk_text(p, "by"));
    add_list(t, json_member(p, "approved_by"));
    add_list(t, json_member(p, "waits_for"));
    table_add(t, desk_text(p, "lapses_after"));
    add_or_dash(t, desk_text(p, "reason"));
    return OK;
}

void roll_print_proposals(struct json_node status)
{
    static const char *const head[] = {"PROPOSAL", "ACT", "WHOM", "BY", "AGREED", "WAITS FOR", "LAPSES AFTER", "REASON"};
    struct table t = {.n_columns = sizeof head / sizeof *head};

    if (json_size(json_member(status, "proposals")) == 0) return;
    printf("\n");
    add_row(&t, head);
    (void)json_each(json_member(status, "proposals"), proposal_row, &t);
    table_print(&t);
}

static enum err participant_row(void *context, size_t i, struct json_node p)
{
    struct table *t = context;

    (void)i;
    table_add(t, desk_text(p, "sub"));
    add_list(t, json_member(p, "members"));
    add_list(t, json_member(p, "rights"));
    table_add(t, desk_text(p, "availability"));
    table_add(t, desk_flag(p, "suspended") ? STR("suspended") : STR("-"));
    return OK;
}

void roll_print_participants(struct json_node status)
{
    static const char *const head[] = {"PARTICIPANT", "SPOKEN FOR BY", "RIGHTS", "AVAILABILITY", "LINE"};
    struct table t = {.n_columns = sizeof head / sizeof *head};

    if (json_size(json_member(status, "participants")) == 0) return;
    printf("\n");
    add_row(&t, head);
    (void)json_each(json_member(status, "participants"), participant_row, &t);
    table_print(&t);
}

/* Where mark stands in text, or its end. A mark with quotes stands in no string: there they are escaped. */
static size_t place_of(struct str text, struct str mark)
{
    size_t i = 0;

    while (i < text.n && !str_starts(str_skip(text, i), mark)) i++;
    return i;
}

void roll_print_members_json(struct str body)
{
    struct str rest = str_skip(body, place_of(body, STR("\"members\":[{")));

    printf("{%.*s}\n", STR_ARG(str_first(rest, place_of(rest, STR(",\"participants\":[")))));
}

void roll_print_participants_json(struct str body)
{
    struct str rest = str_skip(body, place_of(body, STR(",\"participants\":[")) + 1);

    printf("{%.*s\n", STR_ARG(rest));
}
