/* log_source.c - entries and outcomes from a store on disk, or from bundles over HTTP.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "cli/log_source.h"

#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "cli/party.h"
#include "journal/heads.h"
#include "journal/journal.h"
#include "proof/checkpoint.h"
#include "proof/tile.h"

struct log_source {
    uint64_t size; /* Entries. */

    const struct str *more; /* Entries after those of the folder. */
    size_t n_more;

    /* A folder. */
    struct journal *journal;
    struct heads *heads;

    /* A node. */
    struct party party;
    struct buf note;
    struct buf bundle;
    uint64_t bundle_no; /* Of what is in bundle; UINT64_MAX: none. */
    struct str leaves[TILE_WIDTH]; /* Of bundle. */
};

enum err log_source_open_data(const char *dir, struct log_source **ret, struct why *why)
{
    struct log_source *s;
    char path[PATH_MAX];
    struct stat is;
    enum err err;

    if (snprintf(path, sizeof path, "%s/journal.db", dir) >= (int)sizeof path) return fail(why, ERR_INPUT, "--data: the path is too long");
    if (stat(path, &is) != 0) return fail(why, ERR_INPUT, "%s is no node's data folder: it has no journal.db", dir);
    s = mem_zalloc(sizeof *s);
    s->bundle_no = UINT64_MAX;
    err = journal_open_sqlite(dir, &s->journal, why);
    if (err == OK) {
        (void)snprintf(path, sizeof path, "%.*s/heads", PATH_MAX - 8, dir);
        err = heads_open(path, &s->heads, why);
    }
    if (err != OK) {
        log_source_close(s);
        return err;
    }
    s->size = store_size(s->journal->store);
    *ret = s;
    return OK;
}

enum err log_source_open_url(const char *url, const char *ca_file, struct str token, struct log_source **ret, struct why *why)
{
    struct log_source *s = mem_zalloc(sizeof *s);
    struct checkpoint c = {0};
    struct note *note = mem_alloc(sizeof *note);
    enum err err;

    party_init(&s->party, "the log", url, ca_file, token);
    s->bundle_no = UINT64_MAX;
    err = party_send(&s->party, "GET", STR("/log/checkpoint"), STR(""), why);
    if (err == OK && s->party.status != 200) err = party_refused(&s->party, why);
    if (err == OK) {
        buf_add_str(&s->note, buf_str(&s->party.body));
        if (note_parse(buf_str(&s->note), note, why) != OK || checkpoint_parse(note->text, &c, why) != OK) err = ERR_CORRUPT;
    }
    mem_free(note);
    if (err != OK) {
        log_source_close(s);
        return err;
    }
    s->size = c.size / 2;
    *ret = s;
    return OK;
}

void log_source_close(struct log_source *s)
{
    if (!s) return;
    if (s->journal) s->journal->close(s->journal);
    heads_close(s->heads);
    party_done(&s->party);
    buf_done(&s->note);
    buf_done(&s->bundle);
    mem_free(s);
}

void log_source_add(struct log_source *s, const struct str *entries, size_t n)
{
    s->more = entries;
    s->n_more = n;
    s->size += n;
}

uint64_t log_source_size(const struct log_source *s)
{
    return s->size;
}

bool log_source_note(struct log_source *s, struct buf *ret_note)
{
    uint64_t size;
    struct hash root;
    if (s->heads) return heads_last(s->heads, &size, &root, ret_note);
    buf_add_str(ret_note, buf_str(&s->note));
    return true;
}

static enum err fetch_bundle(struct log_source *s, uint64_t no, struct why *why)
{
    AUTO(buf_done) struct buf path = {0};
    struct tile tile = {.is_bundle = true, .n = no, .width = tile_width(2 * s->size, 0, no)};
    struct str rest;

    buf_add_str(&path, STR("/log/"));
    tile_add_path(&path, &tile);
    s->bundle_no = UINT64_MAX;
    TRY(party_send(&s->party, "GET", buf_str(&path), STR(""), why));
    if (s->party.status != 200) return party_refused(&s->party, why);
    buf_clear(&s->bundle);
    buf_add_str(&s->bundle, buf_str(&s->party.body));
    rest = buf_str(&s->bundle);
    for (unsigned i = 0; i < tile.width; i++) {
        if (!tile_next_leaf(&rest, &s->leaves[i])) return fail(why, ERR_CORRUPT, "%.*s is cut short", STR_ARG(buf_str(&path)));
    }
    s->bundle_no = no;
    return OK;
}

enum err log_source_get(struct log_source *s, uint64_t index, struct buf *ret_entry, struct buf *ret_outcome, struct why *why)
{
    size_t at;

    if (index >= s->size)
        return fail(why, ERR_NOT_FOUND, "there is no entry %llu: the journal has %llu", (unsigned long long)index, (unsigned long long)s->size);
    buf_clear(ret_entry);
    buf_clear(ret_outcome);
    if (index >= s->size - s->n_more) {
        buf_add_str(ret_entry, s->more[index - (s->size - s->n_more)]);
        return OK;
    }
    if (s->journal) {
        enum err err;
        TRY(store_get_entry(s->journal->store, index, ret_entry, why));
        err = store_get_outcome(s->journal->store, index, ret_outcome, why);
        return err == ERR_NOT_FOUND ? OK : err;
    }
    if (s->bundle_no != 2 * index / TILE_WIDTH) TRY(fetch_bundle(s, 2 * index / TILE_WIDTH, why));
    at = (size_t)(2 * index % TILE_WIDTH);
    buf_add_str(ret_entry, s->leaves[at]);
    buf_add_str(ret_outcome, s->leaves[at + 1]);
    return OK;
}
