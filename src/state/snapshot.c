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
    uint64_t n_announced;
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

static void write_members(struct writer *w)
{
    struct buf *b = &w->block;

    for (uint32_t no = 0; no < view_n_members(w->view) && w->err == OK; no++) {
        const struct member *m = view_member(w->view, no);
        record_u64(b, RECORD_MEMBER);
        record_bytes(b, m->name);
        buf_add(b, m->root_key.b, sizeof m->root_key.b);
        record_u64(b, m->admitted_at);
        record_u64(b, m->joined_at);
        record_u64(b, m->expelled_at);
        record_u64(b, m->suspended_at);
        record_i64(b, m->suspended_ms);
        record_bytes(b, m->reason);
        record_u64(b, m->n_issuers);
        for (size_t i = 0; i < m->n_issuers; i++) {
            const struct member_issuer *issuer = m->issuers[i];
            record_bytes(b, issuer->issuer);
            record_bytes(b, issuer->public_key);
            record_u64(b, issuer->n_subs);
            for (size_t k = 0; k < issuer->n_subs; k++) record_bytes(b, issuer->subs[k]);
        }
        end_record(w);
    }
}

static void add_places(struct buf *b, const uint32_t *places, uint32_t n)
{
    record_u64(b, n);
    for (uint32_t i = 0; i < n; i++) record_u64(b, places[i]);
}

static void write_proposals(struct writer *w)
{
    struct buf *b = &w->block;

    for (size_t i = 0; i < view_n_proposals(w->view) && w->err == OK; i++) {
        const struct proposal *p = view_proposal(w->view, i);
        uint32_t places[LIMIT_MEMBERS_EVER], n = 0;
        record_u64(b, RECORD_PROPOSAL);
        buf_add(b, p->hash.b, sizeof p->hash.b);
        record_u64(b, p->index);
        record_i64(b, p->opened_ms);
        record_u64(b, p->by);
        record_u64(b, (uint64_t)p->act);
        record_u64(b, p->subject + 1); /* Of nobody 0. */
        record_bytes(b, (struct str){p->name, p->n_name});
        buf_add(b, p->root_key.b, sizeof p->root_key.b);
        add_places(b, p->members, p->n_members);
        record_u64(b, p->rights);
        record_bytes(b, (struct str){p->text, p->n_text});
        for (uint32_t no = 0; no < LIMIT_MEMBERS_EVER; no++)
            if (p->approvals[no / 64] >> (no % 64) & 1) places[n++] = no;
        add_places(b, places, n);
        if (p->act == PROPOSE_PRIORITY) {
            record_i64(b, p->priority_low);
            record_i64(b, p->priority_high);
        }
        if (p->act == PROPOSE_EQUALS) record_u64(b, (uint64_t)p->equals);
        end_record(w);
    }
}

static bool write_author(void *context, struct id key, uint32_t no)
{
    struct writer *w = context;
    struct buf *b = &w->block;
    const struct author *a = author_at(view_extra(w->view), no);
    size_t n_addresses = a->addresses ? a->addresses->n : 0;

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
    record_u64(b, a->joined_at);
    record_u64(b, a->ended_at);
    record_u64(b, n_addresses);
    for (size_t i = 0; i < n_addresses; i++) record_bytes(b, a->addresses->at[i]);
    record_u64(b, (a->has_head ? RECORD_NODE_HAS_HEAD : 0) | (a->has_http_key ? RECORD_NODE_HAS_HTTP_KEY : 0));
    if (a->has_head) {
        record_u64(b, a->head_size);
        buf_add(b, a->head_root.b, sizeof a->head_root.b);
    }
    if (a->has_http_key) buf_add(b, a->http_key, sizeof a->http_key);
    end_record(w);
    return w->err == OK;
}

static int compare_names(const void *a, const void *b)
{
    return str_compare((*(const struct name *const *)a)->text,
                       (*(const struct name *const *)b)->text);
}

static void write_participant(struct writer *w, const struct name *name)
{
    const struct participant *p = participant_at(view_extra(w->view), name->no);

    record_u64(&w->block, RECORD_PARTICIPANT);
    record_bytes(&w->block, name->text);
    add_places(&w->block, p->members, p->n_members);
    record_u64(&w->block, p->rights);
    record_u64(&w->block, p->changed_at);
    end_record(w);
}

static void write_availability(struct writer *w, const struct name *name)
{
    struct availability a = view_availability(w->view, name->text);

    record_u64(&w->block, RECORD_AVAILABILITY);
    record_bytes(&w->block, name->text);
    record_u64(&w->block, (uint64_t)a.stored);
    record_u64(&w->block, (uint64_t)a.overlay);
    record_bytes(&w->block, a.version);
    record_u64(&w->block, a.changed_at);
    record_u64(&w->block, a.left_down_at);
    end_record(w);
}

/* Of each name that of has something for, by its text. */
static void write_named(struct writer *w, const struct parr *of, void (*write)(struct writer *w, const struct name *name))
{
    const struct extra *x = view_extra(w->view);
    const struct name **names = mem_calloc(x->n_names, sizeof *names);
    size_t n = 0;

    for (uint32_t no = 0; no < x->n_names; no++)
        if (parr_get(of, no)) names[n++] = (const struct name *)(uintptr_t)parr_get(&x->names_by_no, no);
    if (n > 1) qsort(names, n, sizeof *names, compare_names);
    for (size_t i = 0; i < n && w->err == OK; i++) write(w, names[i]);
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
        record_u64(b, (uint64_t)e->state + (e->priority ? RECORD_HAS_PRIORITY : 0));
        if (e->priority) record_i64(b, e->priority);
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

static bool count_announcement(void *context, struct id key, uint32_t no)
{
    struct writer *w = context;

    (void)key;
    w->n_announced += author_at(view_extra(w->view), no)->rules != 0;
    return true;
}

static bool write_announcement(void *context, struct id key, uint32_t no)
{
    struct writer *w = context;
    const struct author *a = author_at(view_extra(w->view), no);

    (void)key;
    if (!a->rules) return true;
    buf_add(&w->block, a->id, sizeof a->id);
    record_u64(&w->block, a->rules);
    return true;
}

static void write_rules(struct writer *w)
{
    const struct extra *x = view_extra(w->view);
    struct buf *b = &w->block;
    uint64_t n = 0;

    if (!rules_differ(x)) return;
    record_u64(b, RECORD_RULES);
    record_u64(b, x->rules);
    record_u64(b, x->rules_since);
    record_u64(b, (uint64_t)x->equals);
    for (uint32_t no = 0; no < x->n_members; no++) n += member_at(x, no)->priority_low || member_at(x, no)->priority_high;
    record_u64(b, n);
    for (uint32_t no = 0; no < x->n_members; no++) {
        const struct member *m = member_at(x, no);
        if (!m->priority_low && !m->priority_high) continue;
        record_u64(b, no);
        record_i64(b, m->priority_low);
        record_i64(b, m->priority_high);
    }
    w->n_announced = 0;
    ptree_walk(&x->authors, (struct id){0, 0}, count_announcement, w);
    record_u64(b, w->n_announced);
    ptree_walk(&x->authors, (struct id){0, 0}, write_announcement, w);
    end_record(w);
}

static void write_epoch(struct writer *w)
{
    const struct epoch *e = &view_extra(w->view)->epoch;

    if (e->number == 0) return;
    record_u64(&w->block, RECORD_EPOCH);
    record_u64(&w->block, e->number);
    record_u64(&w->block, e->since);
    record_u64(&w->block, e->size);
    buf_add(&w->block, e->root.b, sizeof e->root.b);
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
    write_members(w);
    ptree_walk(&view_extra(v)->authors, (struct id){0, 0}, write_author, w);
    write_proposals(w);
    write_named(w, &view_extra(v)->participants, write_participant);
    write_named(w, &v->availabilities, write_availability);
    for (int kind = 0; kind < N_ENTITY_KINDS; kind++) {
        struct kind_walk k = {w, (enum entity_kind)kind};
        ptree_walk(&v->by_id[kind], (struct id){0, 0}, each_entity, &k);
    }
    write_rules(w);
    write_epoch(w);
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
