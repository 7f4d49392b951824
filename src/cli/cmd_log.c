/* cmd_log.c - `clearline log`: entries of a journal as JSON, one a line, and whether the journal holds together.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "base/b64.h"
#include "base/hex.h"
#include "base/instant.h"
#include "base/json.h"
#include "base/limits.h"
#include "cli/args.h"
#include "cli/cmd.h"
#include "cli/desk.h"
#include "cli/log_change.h"
#include "cli/log_check.h"
#include "cli/log_source.h"
#include "entry/entry.h"
#include "state/genesis.h"
#include "state/outcome.h"

struct log_options {
    const char *data, *target;
    struct desk_options desk; /* Its key or token, and whom to believe. */
    int64_t n_last;
    bool json;
};

static void add_hex(struct json *j, const char *name, const void *bytes, size_t n)
{
    char text[64];
    must(2 * n <= sizeof text);
    hex_encode(bytes, n, text);
    json_key(j, name);
    json_str(j, str_make(text, 2 * n));
}

static void add_moment(struct json *j, const char *name, int64_t us)
{
    json_key(j, name);
    json_instant(j, us);
}

static void add_outcomes(struct json *j, struct str bytes)
{
    enum reason reasons[LIMIT_ENTRY_CHANGES];
    size_t n = log_change_reasons(bytes, reasons, LIMIT_ENTRY_CHANGES);

    json_key(j, "outcomes");
    json_open(j, '[');
    for (size_t i = 0; i < n; i++) json_str(j, str_of(reason_text(reasons[i])));
    json_close(j, ']');
}

static void add_genesis(struct json *j, struct str bytes, struct arena *arena)
{
    struct genesis g;
    struct hash hash = hash_of(bytes);

    if (genesis_decode(bytes, arena, &g, NULL) != OK) return;
    json_key(j, "kind");
    json_str(j, STR("genesis"));
    json_key(j, "origin");
    json_str(j, g.origin);
    add_hex(j, "genesis_hash", hash.b, sizeof hash.b);
    add_moment(j, "time", g.created_ms * 1000);
    json_key(j, "members");
    json_open(j, '[');
    for (size_t i = 0; i < g.n_members; i++) json_str(j, g.members[i].name);
    json_close(j, ']');
}

static void add_entry(struct json *j, const struct entry *e)
{
    add_moment(j, "time", e->time_ms * 1000);
    add_hex(j, "author", e->author, sizeof e->author);
    json_key(j, "slot");
    json_u64(j, e->slot);
    json_key(j, "participant");
    json_str(j, e->participant);
    json_key(j, "changes");
    json_open(j, '[');
    for (size_t i = 0; i < e->n_changes; i++) log_change_add(j, &e->changes[i]);
    json_close(j, ']');
}

static enum err print_entry(struct log_source *s, uint64_t index, struct why *why)
{
    AUTO(buf_done) struct buf bytes = {0};
    AUTO(buf_done) struct buf outcome = {0};
    AUTO(buf_done) struct buf out = {0};
    AUTO(arena_done) struct arena arena = {0};
    struct json j = {.to = &out};
    struct hash leaf;
    struct entry e;

    TRY(log_source_get(s, index, &bytes, &outcome, why));
    leaf = hash_leaf(buf_str(&bytes));
    json_open(&j, '{');
    json_key(&j, "index");
    json_u64(&j, index);
    if (index == 0) {
        add_genesis(&j, buf_str(&bytes), &arena);
    } else if (entry_decode(buf_str(&bytes), &arena, &e, NULL) == OK) {
        add_entry(&j, &e);
    } else {
        json_key(&j, "kind");
        json_str(&j, STR("void"));
    }
    if (index && outcome.n) add_outcomes(&j, buf_str(&outcome));
    json_key(&j, "bytes");
    json_u64(&j, bytes.n);
    add_hex(&j, "leaf_hash", leaf.b, sizeof leaf.b);
    json_close(&j, '}');
    printf("%.*s\n", STR_ARG(buf_str(&out)));
    return OK;
}

static enum err tail(struct log_source *s, const struct log_options *o, struct why *why)
{
    uint64_t size = log_source_size(s), n = (uint64_t)o->n_last;
    for (uint64_t i = size > n ? size - n : 0; i < size; i++) TRY(print_entry(s, i, why));
    return OK;
}

static void show_progress(uint64_t done, uint64_t all)
{
    if (isatty(STDERR_FILENO) && (done % 1000 == 0 || done == all))
        (void)fprintf(stderr, "\r%" PRIu64 "/%" PRIu64 " entries%s", done, all, done == all ? "\n" : "");
}

static void print_verdict(const struct log_verdict *v, bool json)
{
    AUTO(buf_done) struct buf root = {0};
    AUTO(buf_done) struct buf out = {0};
    struct json j = {.to = &out};

    b64_add(&root, B64_STANDARD, v->root.b, sizeof v->root.b);
    if (!json) {
        printf("valid: %" PRIu64 " entries of %.*s, %" PRIu64 " changes (%" PRIu64 " refused), root %.*s\n", v->n_entries,
               STR_ARG(buf_str(&v->origin)), v->n_changes, v->n_refused, STR_ARG(buf_str(&root)));
        printf("signed: the first %" PRIu64 " of %" PRIu64 " leaves; each entry's signature is good, each outcome is what it comes to\n",
               v->signed_leaves, 2 * v->n_entries);
        if (v->n_void) printf("void: %" PRIu64 " places hold bytes that are no entry\n", v->n_void);
        return;
    }
    json_open(&j, '{');
    json_key(&j, "verdict");
    json_str(&j, STR("valid"));
    json_key(&j, "origin");
    json_str(&j, buf_str(&v->origin));
    add_hex(&j, "genesis_hash", v->genesis.b, sizeof v->genesis.b);
    json_key(&j, "entries");
    json_u64(&j, v->n_entries);
    json_key(&j, "changes");
    json_u64(&j, v->n_changes);
    json_key(&j, "refused");
    json_u64(&j, v->n_refused);
    json_key(&j, "void");
    json_u64(&j, v->n_void);
    json_key(&j, "signed_leaves");
    json_u64(&j, v->signed_leaves);
    json_key(&j, "root");
    json_str(&j, buf_str(&root));
    json_close(&j, '}');
    printf("%.*s\n", STR_ARG(buf_str(&out)));
}

static enum err verify(struct log_source *s, const struct log_options *o, struct why *why)
{
    struct log_verdict v;
    enum err err = log_check(s, o->json ? NULL : show_progress, &v, why);
    if (err == OK) {
        print_verdict(&v, o->json);
    } else if (err == ERR_CORRUPT) {
        printf(o->json ? "{\"verdict\":\"not valid\"}\n" : "not valid: %s\n", why->text);
    }
    log_verdict_done(&v);
    return err;
}

/* What two replays of one journal must agree on, whatever program, compiler or machine did them. */
static enum err digest(struct log_source *s, struct why *why)
{
    AUTO(buf_done) struct buf out = {0};
    struct log_verdict v;
    enum err err = log_check(s, show_progress, &v, why);
    if (err == OK) {
        buf_addf(&out, "entries %" PRIu64 "\nroot ", v.n_entries);
        b64_add(&out, B64_STANDARD, v.root.b, sizeof v.root.b);
        buf_add_str(&out, STR("\nstate "));
        hex_add(&out, v.state_digest.b, sizeof v.state_digest.b);
        printf("%.*s\n", STR_ARG(buf_str(&out)));
    }
    log_verdict_done(&v);
    return err;
}

static enum err act(struct log_source *s, const struct arg_texts *words, const struct log_options *o, struct why *why)
{
    struct str verb = str_of(words->at[0]);
    uint64_t index;

    if (str_equal(verb, STR("tail"))) return tail(s, o, why);
    if (str_equal(verb, STR("verify"))) return verify(s, o, why);
    if (str_equal(verb, STR("digest"))) return digest(s, why);
    if (!str_to_u64(str_of(words->at[1]), INT64_MAX, &index)) return fail(why, ERR_INPUT, "show wants an entry's index, not \"%s\"", words->at[1]);
    return print_entry(s, index, why);
}

static enum err open_url(const struct log_options *o, struct log_source **ret, struct why *why)
{
    AUTO(buf_done) struct buf token = {0};

    if (o->desk.key || o->desk.token_file) TRY(desk_token(&o->desk, &token, why));
    return log_source_open_url(o->target, o->desk.ca_file, buf_str(&token), ret, why);
}

int cmd_log(int argc, char **argv)
{
    struct log_options o = {.n_last = 10, .desk = DESK_DEFAULTS};
    struct arg_texts words = {0};
    struct why why = {0};
    struct log_source *source = NULL;
    const struct arg options[] = {
        {"--data", "DIR", "the data folder of a node that is not running", ARG_TEXT, &o.data, 0, 0},
        {"--target", "URL", "a running node; unless its entries are public, with:", ARG_TEXT, &o.target, 0, 0},
        {"--key", "PEM", "its operator's secret key: mints a token", ARG_TEXT, &o.desk.key, 0, 0},
        {"--token-file", "FILE", "a token to show instead", ARG_TEXT, &o.desk.token_file, 0, 0},
        {"--audience", "HOST", "the node's audience (localhost)", ARG_TEXT, &o.desk.audience, 0, 0},
        {"--ca", "FILE", "CA certificates to believe instead of the system's", ARG_TEXT, &o.desk.ca_file, 0, 0},
        {"--last", "N", "tail: how many entries (10)", ARG_NUMBER, &o.n_last, 1, 1000000000},
        {"--json", NULL, "verify: one JSON object", ARG_FLAG, &o.json, 0, 0},
    };
    const struct args args = {
        .command = "log",
        .summary = "read a journal, and check it",
        .examples = "  clearline log tail --data node1 --last 3\n"
                    "  clearline log show 0 --target http://127.0.0.1:8082\n"
                    "  clearline log verify --data node1\n"
                    "  clearline log digest --data node1    what equal journals give everywhere\n",
        .operands = "tail | show INDEX | verify | digest",
        .ret_operands = &words,
        ARGS(options),
    };
    size_t wanted;
    int code;
    enum err err;

    if (!args_parse(&args, argc, argv, &code)) return code;
    if (words.n == 0) return args_wrong(&args, "wants tail, show INDEX, verify or digest");
    wanted = strcmp(words.at[0], "show") == 0 ? 2 : 1;
    if (wanted == 1 && strcmp(words.at[0], "tail") != 0 && strcmp(words.at[0], "verify") != 0 && strcmp(words.at[0], "digest") != 0)
        return args_wrong(&args, "does not know \"%s\": there are tail, show INDEX, verify and digest", words.at[0]);
    if (words.n != wanted) return args_wrong(&args, "%s takes %zu words, not %zu", words.at[0], wanted - 1, words.n - 1);
    if (!o.data == !o.target) return args_wrong(&args, "wants --data DIR or --target URL");
    err = o.data ? log_source_open_data(o.data, &source, &why) : open_url(&o, &source, &why);
    if (err == OK) err = act(source, &words, &o, &why);
    log_source_close(source);
    return err == OK ? EXIT_YES : args_fail(&args, err, &why);
}
