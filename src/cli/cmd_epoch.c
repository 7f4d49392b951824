/* cmd_epoch.c - `clearline epoch`: the members go on after etcd lost data (decision B6).
 * SPDX-License-Identifier: Apache-2.0
 *
 *     the nodes are stopped -> propose, where the journal is longest -> FILE -> sign, at each member -> open, at each node -> started again
 *
 * FILE has the statement, its signatures and the last entries, so that who lacks some of them gets them. A node signs one statement
 * for an epoch, and only one that its own journal agrees with.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hex.h"
#include "cli/args.h"
#include "cli/cmd.h"
#include "cli/file.h"
#include "cli/log_check.h"
#include "entry/epoch.h"
#include "journal/journal.h"
#include "node/keys.h"
#include "state/epoch.h"
#include "state/member.h"

#define FILE_BYTES_MAX (256 << 20)

struct desk {
    const char *dir, *file, *root_file;
    struct arena arena;
    struct buf text;
    struct epoch_statement statement;
    struct hash network;
    struct str *tail;
    size_t n_tail;
    struct log_source *source;
    struct log_verdict verdict; /* Of the folder's journal, with the file's entries after it. */
    uint64_t n_own;             /* Entries in the folder. */
};

static void desk_done(struct desk *d)
{
    log_source_close(d->source);
    log_verdict_done(&d->verdict);
    buf_done(&d->text);
    arena_done(&d->arena);
}

static enum err path_of(const struct desk *d, const char *name, char path[PATH_MAX], struct why *why)
{
    return snprintf(path, PATH_MAX, "%s/%s", d->dir, name) < PATH_MAX ? OK : fail(why, ERR_INPUT, "--data: the path is too long");
}

static const struct view *view_of(const struct desk *d)
{
    return state_view(d->verdict.state);
}

/* --- reading ---------------------------------------------------------------------------------- */

static enum err read_statement(struct desk *d, struct why *why)
{
    struct why inner;

    TRY(file_read(d->file, FILE_BYTES_MAX, &d->text, why));
    if (epoch_read(buf_str(&d->text), &d->arena, &d->statement, &d->network, &d->tail, &d->n_tail, &inner) != OK)
        return fail(why, ERR_INPUT, "%s: %s", d->file, inner.text);
    return OK;
}

/* The folder's journal, and what of the file's entries comes after it. */
static enum err replay(struct desk *d, struct why *why)
{
    uint64_t first = d->statement.size / 2 - d->n_tail;

    TRY(log_source_open_data(d->dir, &d->source, why));
    d->n_own = log_source_size(d->source);
    if (d->n_tail && d->n_own >= first && d->n_own < d->statement.size / 2)
        log_source_add(d->source, d->tail + (d->n_own - first), d->n_tail - (size_t)(d->n_own - first));
    return log_check(d->source, NULL, &d->verdict, why);
}

/* Whether the journal here is the one of the statement. */
static enum err compare(const struct desk *d, struct why *why)
{
    const struct epoch_statement *s = &d->statement;
    unsigned long long wanted = s->size / 2, have = d->verdict.n_entries;

    if (!hash_equal(&d->network, &d->verdict.genesis)) return fail(why, ERR_INPUT, "%s is of another network", d->file);
    if (s->epoch != view_epoch(view_of(d)) + 1)
        return fail(why, ERR_CONFLICT, "%s opens epoch %llu, and the journal is in epoch %llu", d->file, (unsigned long long)s->epoch,
                    (unsigned long long)view_epoch(view_of(d)));
    if (have > wanted)
        return fail(why, ERR_CONFLICT, "the journal here has %llu entries, and the statement names %llu: the last ones would be lost to all; propose from here",
                    have, wanted);
    if (have < wanted)
        return fail(why, ERR_CONFLICT, "the journal here has %llu entries, and the statement names %llu, of which the file has the last %zu: propose with a longer --tail",
                    have, wanted, d->n_tail);
    if (!hash_equal(&s->root, &d->verdict.root))
        return fail(why, ERR_CORRUPT, "at entry %llu the journal here has another root than the statement: these are two journals", wanted);
    return OK;
}

/* --- writing ---------------------------------------------------------------------------------- */

/* Whole or not at all, over what is there. */
static enum err replace(const char *path, struct str bytes, struct why *why)
{
    char fresh[PATH_MAX];

    if (snprintf(fresh, sizeof fresh, "%s.new", path) >= (int)sizeof fresh) return fail(why, ERR_INPUT, "the path is too long");
    (void)remove(fresh);
    TRY(file_write_new(fresh, 0644, bytes, why));
    return rename(fresh, path) == 0 ? OK : fail(why, ERR_DISK, "%s: %s", path, strerror(errno));
}

/* Brings the entries that the folder lacks into its journal. */
static enum err append_missing(struct desk *d, struct why *why)
{
    size_t n = (size_t)(d->statement.size / 2 - d->n_own);
    struct journal *j;

    if (n == 0) return OK;
    log_source_close(d->source);
    d->source = NULL;
    TRY(journal_open_sqlite(d->dir, &j, why));
    enum err e = store_append(j->store, d->tail + d->n_tail - n, n, why);
    j->close(j);
    if (e == OK) (void)fprintf(stderr, "%zu entries came from the file\n", n);
    return e;
}

static enum err read_key(const struct desk *d, struct key_secret *ret, struct why *why)
{
    char path[PATH_MAX];
    const char *from = d->root_file;

    if (!from) {
        TRY(path_of(d, "keys/entry.key", path, why));
        from = path;
    }
    enum err e = key_file_read(from, ret, why);
    return e == ERR_NOT_FOUND ? fail(why, ERR_INPUT, "%s: there is no such file", from) : e;
}

/* A folder's promise, kept before the signature is given away: one statement for an epoch. */
static enum err promise(const struct desk *d, struct why *why)
{
    AUTO(buf_done) struct buf text = {0}, old = {0};
    struct epoch_statement bare = d->statement, was;
    struct hash network;
    struct str *tail;
    size_t n_tail;
    struct arena *arena = (struct arena *)(uintptr_t)&d->arena;
    char path[PATH_MAX];

    TRY(path_of(d, "epoch.signed", path, why));
    if (file_exists(path)) {
        TRY(file_read(path, FILE_BYTES_MAX, &old, why));
        if (epoch_read(arena_dup(arena, buf_str(&old)), arena, &was, &network, &tail, &n_tail, why) != OK)
            return fail(why, ERR_CORRUPT, "%s is damaged", path);
        if (was.epoch == bare.epoch && (was.size != bare.size || !hash_equal(&was.root, &bare.root)))
            return fail(why, ERR_CONFLICT, "%s: this node signed another statement for epoch %llu", path, (unsigned long long)bare.epoch);
    }
    bare.n_signatures = 0;
    epoch_write(&bare, &d->network, NULL, 0, &text);
    return replace(path, buf_str(&text), why);
}

static enum err sign(struct desk *d, struct why *why)
{
    struct epoch_signature mine;
    struct key_secret key = {0};

    TRY(read_key(d, &key, why));
    epoch_sign(&d->statement, &d->network, &key, &mine);
    key_secret_done(&key);
    const struct member *m = view_member_of_author(view_of(d), mine.author);
    if (!m || !member_counts(m)) return fail(why, ERR_RIGHTS, "the key is no member's, or no longer");
    d->statement = epoch_with(&d->statement, &mine, &d->arena);
    buf_clear(&d->text);
    epoch_write(&d->statement, &d->network, d->tail, d->n_tail, &d->text);
    return replace(d->file, buf_str(&d->text), why);
}

static void say(const struct desk *d)
{
    const struct epoch_statement *s = &d->statement;

    (void)printf("epoch %llu after entry %llu\nsigned for %u members; %u are needed\n", (unsigned long long)s->epoch,
                 (unsigned long long)s->size / 2, view_epoch_signers(view_of(d), s), view_epoch_majority(view_of(d)));
}

/* --- the commands ----------------------------------------------------------------------------- */

static enum err keep_tail(struct desk *d, uint64_t n, struct why *why)
{
    uint64_t all = d->verdict.n_entries;
    AUTO(buf_done) struct buf entry = {0}, outcome = {0};

    if (n > all) n = all;
    d->tail = arena_array(&d->arena, (size_t)n, sizeof *d->tail);
    for (uint64_t i = all - n; i < all; i++) {
        TRY(log_source_get(d->source, i, &entry, &outcome, why));
        d->tail[d->n_tail++] = arena_dup(&d->arena, buf_str(&entry));
    }
    return OK;
}

static enum err propose(struct desk *d, uint64_t n_tail, struct why *why)
{
    if (file_exists(d->file)) return fail(why, ERR_INPUT, "%s is there already", d->file);
    TRY(replay(d, why));
    d->network = d->verdict.genesis;
    d->statement = (struct epoch_statement){.epoch = view_epoch(view_of(d)) + 1, .size = 2 * d->verdict.n_entries, .root = d->verdict.root};
    TRY(keep_tail(d, n_tail, why));
    TRY(promise(d, why));
    return sign(d, why);
}

static enum err join_in(struct desk *d, struct why *why)
{
    TRY(read_statement(d, why));
    TRY(replay(d, why));
    TRY(compare(d, why));
    TRY(promise(d, why));
    TRY(append_missing(d, why));
    return sign(d, why);
}

static enum err open_epoch(struct desk *d, struct why *why)
{
    AUTO(buf_done) struct buf text = {0};
    char path[PATH_MAX];

    TRY(read_statement(d, why));
    TRY(replay(d, why));
    TRY(compare(d, why));
    if (!view_opens_epoch(view_of(d), &d->statement))
        return fail(why, ERR_CONFLICT, "signed for %u members, and %u are needed", view_epoch_signers(view_of(d), &d->statement),
                    view_epoch_majority(view_of(d)));
    TRY(append_missing(d, why));
    TRY(path_of(d, "epoch", path, why));
    epoch_write(&d->statement, &d->network, NULL, 0, &text);
    return replace(path, buf_str(&text), why);
}

int cmd_epoch(int argc, char **argv)
{
    struct desk d = {0};
    struct arg_texts operands = {0};
    int64_t n_tail = 1000;
    const struct arg options[] = {
        {"--data", "DIR", "the node's data folder; the node is stopped", ARG_TEXT, &d.dir, 0, 0},
        {"--root", "FILE", "sign with the member's root key, not with the node's entry key", ARG_TEXT, &d.root_file, 0, 0},
        {"--tail", "N", "entries that propose puts into the file for those who lack them (1000)", ARG_NUMBER, &n_tail, 0, EPOCH_TAIL_MAX},
    };
    const struct args args = {.command = "epoch",
                              .summary = "go on after etcd lost data, by a statement of a majority of the members",
                              .examples = "  clearline epoch propose --data /var/lib/clearline epoch1\n"
                                          "  clearline epoch sign --data /var/lib/clearline epoch1\n"
                                          "  clearline epoch open --data /var/lib/clearline epoch1\n",
                              .operands = "propose|sign|open FILE",
                              .ret_operands = &operands,
                              ARGS(options)};
    struct why why = {0};
    enum err e;
    int code;

    if (!args_parse(&args, argc, argv, &code)) return code;
    if (operands.n != 2 || !d.dir) return args_wrong(&args, "propose, sign or open, a FILE and --data are needed");
    d.file = operands.at[1];
    if (strcmp(operands.at[0], "propose") == 0) e = propose(&d, (uint64_t)n_tail, &why);
    else if (strcmp(operands.at[0], "sign") == 0) e = join_in(&d, &why);
    else if (strcmp(operands.at[0], "open") == 0) e = open_epoch(&d, &why);
    else return args_wrong(&args, "propose, sign or open, not \"%s\"", operands.at[0]);
    if (e == OK) say(&d);
    desk_done(&d);
    return e == OK ? EXIT_YES : args_fail(&args, e, &why);
}
