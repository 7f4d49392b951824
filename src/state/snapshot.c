/* snapshot.c - writing the state in its one canonical form, and its digest.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "state/snapshot.h"

#include <stdlib.h>

#include "state/crc32c.h"
#include "state/internal.h"
#include "state/record.h"

#define BLOCK_HEAD 8

struct writer {
    const struct view *view;
    enum err (*write)(void *context, struct str piece, struct why *why);
    void *context;
    struct why *why;
    enum err err; /* First failure; nothing is written after it. */
    struct crc32c crc;
    struct buf block; /* Head and payload. */
};

static void put_u32(char *to, uint32_t value)
{
    for (int i = 0; i < 4; i++) to[i] = (char)(value >> (8 * i));
}

static void flush(struct writer *w)
{
    struct buf *b = &w->block;

    if (b->n > BLOCK_HEAD && w->err == OK) {
        must(b->n - BLOCK_HEAD <= UINT32_MAX);
        put_u32(b->at, (uint32_t)(b->n - BLOCK_HEAD));
        put_u32(b->at + 4, crc32c_of(&w->crc, str_skip(buf_str(b), BLOCK_HEAD)));
        w->err = w->write(w->context, buf_str(b), w->why);
    }
    b->n = 0;
    buf_add(b, "\0\0\0\0\0\0\0", BLOCK_HEAD);
}

static void end_record(struct writer *w)
{
    if (w->block.n - BLOCK_HEAD >= RECORD_BLOCK) flush(w);
}

static void write_header(struct writer *w)
{
    struct buf *b = &w->block;

    record_u64(b, RECORD_HEADER);
    record_bytes(b, STR(RECORD_MAGIC));
    record_bytes(b, view_extra(w->view)->network->bytes);
    record_u64(b, w->view->position);
    record_i64(b, w->view->clock_ms);
    record_i64(b, w->view->last_time_ms);
    end_record(w);
}

static bool write_author(void *context, struct id key, uint32_t no)
{
    struct writer *w = context;
    struct buf *b = &w->block;
    const struct author *a =
        (const struct author *)(uintptr_t)parr_get(&view_extra(w->view)->authors_by_no, no);

    (void)key;
    record_u64(b, RECORD_AUTHOR);
    buf_add(b, a->id, sizeof a->id);
    buf_add(b, a->key.b, sizeof a->key.b);
    buf_add(b, a->log_key, sizeof a->log_key);
    buf_add(b, a->mirror_key, sizeof a->mirror_key);
    record_u64(b, a->member);
    record_u64(b, a->is_root);
    record_u64(b, a->epoch);
    record_u64(b, a->next_slot);
    buf_add(b, a->last.b, sizeof a->last.b);
    record_i64(b, a->last_time_ms);
    end_record(w);
    return w->err == OK;
}

static int compare_names(const void *a, const void *b)
{
    return str_compare((*(const struct name *const *)a)->text,
                       (*(const struct name *const *)b)->text);
}

static void write_availabilities(struct writer *w)
{
    const struct extra *x = view_extra(w->view);
    const struct name **names = mem_calloc(x->n_names, sizeof *names);
    size_t n = 0;

    for (uint32_t no = 0; no < x->n_names; no++)
        if (parr_get(&w->view->availabilities, no))
            names[n++] = (const struct name *)(uintptr_t)parr_get(&x->names_by_no, no);
    if (n > 1) qsort(names, n, sizeof *names, compare_names);
    for (size_t i = 0; i < n && w->err == OK; i++) {
        struct availability a = view_availability(w->view, names[i]->text);
        record_u64(&w->block, RECORD_AVAILABILITY);
        record_bytes(&w->block, names[i]->text);
        record_u64(&w->block, (uint64_t)a.status);
        record_bytes(&w->block, a.version);
        record_u64(&w->block, a.changed_at);
        record_u64(&w->block, a.left_down_at);
        end_record(w);
    }
    mem_free(names);
}

struct used {
    uint32_t no;
    struct u64_vec digests;
};

static bool each_used(void *context, struct id key, uint32_t value)
{
    struct used *u = context;

    (void)value;
    if (key.hi != u->no) return false;
    u64_vec_add(&u->digests, key.lo);
    return true;
}

static void write_used_tokens(struct writer *w, const struct entity *e)
{
    struct used u = {.no = e->no};

    if (w->view->used_tokens.n)
        ptree_walk(&w->view->used_tokens, (struct id){e->no, 0}, each_used, &u);
    record_u64(&w->block, u.digests.n);
    for (size_t i = 0; i < u.digests.n; i++) record_digest(&w->block, u.digests.at[i]);
    u64_vec_done(&u.digests);
}

static void write_entity(struct writer *w, const struct entity *e)
{
    struct buf *b = &w->block;

    record_u64(b, RECORD_INTENT + (uint64_t)e->kind);
    record_id(b, e->id);
    record_bytes(b, e->manager);
    record_bytes(b, e->url);
    record_bytes(b, e->token);
    record_u64(b, e->changed_at);
    record_i64(b, e->box.starts_us);
    record_i64(b, e->box.ends_us);
    record_i64(b, e->box.floor_mm);
    record_i64(b, e->box.ceil_mm);
    record_bytes(b, e->cells);
    switch (e->kind) {
    case ENTITY_INTENT:
        record_u64(b, (uint64_t)e->version);
        record_u64(b, (uint64_t)e->state);
        record_id(b, e->subscription);
        write_used_tokens(w, e);
        break;
    case ENTITY_CONSTRAINT:
        record_u64(b, (uint64_t)e->version);
        break;
    case ENTITY_SUBSCRIPTION:
        record_u64(b, (e->for_intents ? 1u : 0) | (e->for_constraints ? 2u : 0) |
                          (e->is_implicit ? 4u : 0));
        record_u64(b, e->asks_constraints_since);
        record_u64(b, (uint64_t)view_index(w->view, e));
        break;
    }
    end_record(w);
}

struct kind_walk {
    struct writer *writer;
    enum entity_kind kind;
};

static bool each_entity(void *context, struct id key, uint32_t no)
{
    struct kind_walk *k = context;

    (void)key;
    write_entity(k->writer, view_slot(k->writer->view, k->kind, no));
    return k->writer->err == OK;
}

enum err snapshot_write(const struct view *v,
                        enum err (*write)(void *context, struct str piece, struct why *why),
                        void *context, struct why *why)
{
    struct writer *w = mem_zalloc(sizeof *w);

    *w = (struct writer){.view = v, .write = write, .context = context, .why = why};
    crc32c_init(&w->crc);
    flush(w);
    write_header(w);
    ptree_walk(&view_extra(v)->authors, (struct id){0, 0}, write_author, w);
    write_availabilities(w);
    for (int kind = 0; kind < N_ENTITY_KINDS; kind++) {
        struct kind_walk k = {w, (enum entity_kind)kind};
        ptree_walk(&v->by_id[kind], (struct id){0, 0}, each_entity, &k);
    }
    record_u64(&w->block, RECORD_END);
    for (int kind = 0; kind < N_ENTITY_KINDS; kind++) record_u64(&w->block, v->by_id[kind].n);
    flush(w);

    enum err err = w->err;
    buf_done(&w->block);
    mem_free(w);
    return err;
}

static enum err add_to_hash(void *context, struct str piece, struct why *why)
{
    (void)why;
    hasher_add(context, piece.at, piece.n);
    return OK;
}

struct hash state_digest(const struct view *v)
{
    struct hasher h;

    hasher_init(&h);
    must(snapshot_write(v, add_to_hash, &h, NULL) == OK);
    return hasher_end(&h);
}
