/* forgetting.c - is what etcd showed still there? What is gone is kept as a file (decision B7).
 * SPDX-License-Identifier: Apache-2.0
 *
 *     a round of looks --> stale for 2 s, or upkeep's time has come --> recall_ask() --lost--> wait for a checkpoint --> the file
 *
 * An answer that is merely late is none: only when etcd goes on answering from before what it told is it taken for having gone back.
 * Signing goes on without etcd, so the checkpoint that holds what was lost comes soon; after 5 s the file is written without it.
 */
#include <dirent.h>
#include <stdatomic.h>
#include <stdio.h>

#include "base/mem.h"
#include "journal/recall.h"
#include "node/forgotten.h"
#include "node/shared.h"
#include "node/whole_file.h"

#define STALE_US 2000000
#define AGAIN_US 1000000  /* While it is stale. */
#define WAIT_US 5000000   /* For a checkpoint. */
#define FILES_MAX 16      /* In a folder. */
#define LOOK_BACK 65536   /* Entries looked through for those of lost slots. */

struct found {
    uint64_t index;
    struct str bytes;
};
VEC_DEFINE(found_vec, struct found);

struct forgetting {
    struct recall recall; /* The last one that showed something. */
    bool is_pending;      /* It is still to be written. */
    struct hash written;  /* Of what was last said to be lost: once is enough. */
    int64_t stale_since_us, ask_at_us, found_us;
    struct found_vec entries; /* Of lost slots, the newest first. */
    uint64_t n_leaves;        /* That a checkpoint must have to hold them. */
    struct arena arena;
    atomic_size_t n_files;
};

void forgetting_open(struct node *n)
{
    struct forgetting *f = n->shared->forgetting = mem_zalloc(sizeof *f);
    DIR *dir = n->dir ? opendir(n->dir) : NULL;
    const struct dirent *entry;

    while (dir && (entry = readdir(dir)) != NULL)
        if (str_starts(str_of(entry->d_name), STR("forgotten-"))) atomic_fetch_add(&f->n_files, 1);
    if (dir) (void)closedir(dir);
}

void forgetting_free(struct forgetting *f)
{
    if (!f) return;
    found_vec_done(&f->entries);
    arena_done(&f->arena);
    mem_free(f);
}

size_t forgetting_n_files(const struct shared *s)
{
    return atomic_load(&s->forgetting->n_files);
}

/* The file. */

static struct hash mark_of(const struct recall *r)
{
    AUTO(buf_done) struct buf all = {0};

    buf_addf(&all, "%llu %lld", (unsigned long long)r->epoch, r->n_lost ? 0 : (long long)r->was.revision);
    for (size_t i = 0; i < r->n_lost; i++) {
        buf_add(&all, r->lost[i].author, sizeof r->lost[i].author);
        buf_addf(&all, " %llu %llu", (unsigned long long)r->lost[i].from, (unsigned long long)r->lost[i].to);
    }
    return hash_of(buf_str(&all));
}

static bool is_in_lost(const struct recall *r, const struct entry *e)
{
    for (size_t i = 0; i < r->n_lost; i++) {
        const struct recall_lost *l = &r->lost[i];
        if (e->epoch == r->epoch && memcmp(e->author, l->author, 8) == 0 && e->slot >= l->from && e->slot < l->to) return true;
    }
    return false;
}

/* The newest first, as many as a file takes. */
static void find_entries(struct node *n, struct forgetting *f)
{
    uint64_t size = store_size(n->store), left = 0;
    AUTO(buf_done) struct buf bytes = {0};
    struct entry e;

    found_vec_clear(&f->entries);
    arena_clear(&f->arena);
    f->n_leaves = 0;
    for (size_t i = 0; i < f->recall.n_lost; i++) left += f->recall.lost[i].to - f->recall.lost[i].from;
    for (uint64_t i = size; left > 0 && i-- > 1 && size - i <= LOOK_BACK && f->entries.n < FORGOTTEN_ENTRIES_MAX;) {
        buf_clear(&bytes);
        if (store_get_entry(n->store, i, &bytes, NULL) != OK) return;
        if (entry_decode_head(buf_str(&bytes), &e, NULL) != OK || !is_in_lost(&f->recall, &e)) continue;
        found_vec_add(&f->entries, (struct found){i, arena_dup(&f->arena, buf_str(&bytes))});
        if (f->n_leaves == 0) f->n_leaves = 2 * i + 2;
        left--;
    }
}

static enum err read_tile(void *context, unsigned level, uint64_t i, unsigned width, struct hash ret[TILE_WIDTH], struct why *why)
{
    struct node *n = context;
    AUTO(buf_done) struct buf bytes = {0};

    TRY(tree_tile(n->tree, level, i, width, &bytes, why));
    memcpy(ret, bytes.at, width * sizeof *ret);
    return OK;
}

static void write_entries(struct node *n, const struct forgetting *f, uint64_t size, struct buf *to)
{
    struct tile_reader from = {read_tile, n};
    AUTO(mem_auto) struct merkle_proof *path = mem_alloc(sizeof *path);

    for (size_t i = 0; i < f->entries.n; i++) {
        const struct found *e = &f->entries.at[i];
        bool has_path = 2 * e->index < size && merkle_prove_inclusion(2 * e->index, size, &from, path, NULL) == OK;
        forgotten_add_entry(to, 2 * e->index, e->bytes, has_path ? path : NULL);
    }
}

static void keep(struct node *n, struct forgetting *f)
{
    struct forgotten head = {.genesis = n->genesis_hash, .time_us = node_wall_us(n), .recall = &f->recall};
    AUTO(buf_done) struct buf note = {0}, file = {0};
    uint64_t size = atomic_load(&n->signed_size); /* Whatever is published after this has it. */
    struct checkpoint c;
    struct why why = {0};
    char name[64];

    f->is_pending = false; /* One that cannot be written is not tried for ever. */
    f->written = mark_of(&f->recall);
    memcpy(head.node, n->author, sizeof head.node);
    forgotten_begin(&file, &head);
    if (size > 0 && node_checkpoint(n, &note, NULL) == OK) {
        AUTO(mem_auto) struct note *parsed = mem_alloc(sizeof *parsed);
        must(note_parse(buf_str(&note), parsed, NULL) == OK && checkpoint_parse(parsed->text, &c, NULL) == OK);
        size = c.size;
    }
    write_entries(n, f, size, &file);
    forgotten_end(&file, buf_str(&note));
    (void)snprintf(name, sizeof name, "forgotten-%llu-%lld.proof", (unsigned long long)f->recall.epoch, (long long)f->recall.was.revision);
    enum err err = atomic_load(&f->n_files) < FILES_MAX ? OK : fail(&why, ERR_TOO_LARGE, "there are %d such files already", FILES_MAX);
    if (err == OK && n->dir) err = whole_file_write(n->dir, name, buf_str(&file), &why);
    if (err != OK) {
        node_warn(n, "what etcd forgot could not be kept", &why);
        return;
    }
    atomic_fetch_add(&f->n_files, 1);
    (void)fail(&why, ERR_CORRUPT, "%s%s%s", n->dir ? n->dir : "", n->dir ? "/" : "", name);
    node_warn(n, "etcd has forgotten what it had shown: what is known of it is kept", &why);
}

/* Asking. */

static bool is_due(struct node *n, struct forgetting *f)
{
    int64_t now_us = node_steady_us(n);
    bool is_stale = journal_etcd_is_stale(n->journal);

    if (!is_stale) f->stale_since_us = 0;
    else if (f->stale_since_us == 0) f->stale_since_us = now_us;
    if (now_us < f->ask_at_us || n->shared->is_broken) return false;
    if (is_stale ? now_us - f->stale_since_us < STALE_US : atomic_load(&n->shared->is_out)) return false;
    f->ask_at_us = now_us + (is_stale ? AGAIN_US : n->shared->upkeep_us);
    return true;
}

void forgetting_run(struct node *n)
{
    struct forgetting *f = n->shared->forgetting;
    AUTO(mem_auto) struct recall *r = NULL;

    if (f->is_pending) {
        if (atomic_load(&n->signed_size) >= f->n_leaves || node_steady_us(n) - f->found_us >= WAIT_US) keep(n, f);
        return;
    }
    if (!is_due(n, f)) return;
    r = mem_alloc(sizeof *r);
    if (recall_ask(n->journal, r, NULL) != OK || r->is.revision == 0 || (r->n_lost == 0 && r->is.revision >= r->was.revision)) return;
    struct hash mark = mark_of(r);
    if (hash_equal(&mark, &f->written)) return;
    f->recall = *r;
    f->is_pending = true;
    f->found_us = node_steady_us(n);
    find_entries(n, f);
}
