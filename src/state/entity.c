/* entity.c - records of intents, constraints and subscriptions, and the indices that hold them.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "state/internal.h"

#include "base/b64.h"
#include "base/instant.h"
#include "base/limits.h"

#define NO_BITS 30 /* Of a number, as by_end packs it. */

static char *put(char *to, struct str from, struct str *ret)
{
    if (from.n) memcpy(to, from.at, from.n);
    *ret = (struct str){to, from.n};
    return to + from.n;
}

struct entity *entity_make(struct state *s, const struct entity *fields, const uint64_t *cells,
                           size_t n_cells)
{
    struct str coded = fields->cells;

    if (cells) {
        buf_clear(&s->coded);
        cell_set_encode(cells, n_cells, &s->coded);
        coded = buf_str(&s->coded);
    }

    struct entity *e = cow_take(s->cow, sizeof *e + fields->url.n + fields->token.n + coded.n);
    char *tail = (char *)(e + 1);
    *e = *fields;
    tail = put(tail, fields->url, &e->url);
    tail = put(tail, fields->token, &e->token);
    put(tail, coded, &e->cells);
    if (cells) e->n_cells = (uint32_t)n_cells;
    return e;
}

size_t entity_bytes(const struct entity *e)
{
    return sizeof *e + e->url.n + e->token.n + e->cells.n;
}

void entity_cells(const struct entity *e, struct u64_vec *ret)
{
    u64_vec_clear(ret);
    must(cell_set_decode(e->cells, SIZE_MAX, ret));
}

/* Ascending by (end, kind, id), so that what depends on a subscription goes before it; numbers only tell apart what shares
 * the first half of its id, which expiry.c sorts. */
struct id entity_end_key(const struct entity *e)
{
    return (struct id){(uint64_t)e->box.ends_us ^ UINT64_C(1) << 63,
                       (uint64_t)e->kind << 62 | (e->id.hi >> 32) << NO_BITS | e->no};
}

struct id entity_token_key(const struct entity *e)
{
    return (struct id){e->token_digest, 0};
}

uint32_t entity_token_value(const struct entity *e)
{
    return (uint32_t)e->kind << NO_BITS | e->no;
}

static void index_token(struct state *s, const struct entity *e)
{
    if (e->kind == ENTITY_SUBSCRIPTION) return;
    ptree_put(&s->view.by_token, s->cow, entity_token_key(e), entity_token_value(e));
    recent_add(s, e);
}

static void unindex_token(struct state *s, const struct entity *e)
{
    if (e->kind != ENTITY_SUBSCRIPTION) must(ptree_remove(&s->view.by_token, s->cow, entity_token_key(e)));
}

void entity_place(struct state *s, struct entity *e)
{
    struct view *v = &s->view;
    struct u32_vec *free_nos = &s->free_nos[e->kind];

    e->no = free_nos->n ? free_nos->at[--free_nos->n] : v->slots[e->kind].limit;
    must(e->no < UINT32_C(1) << NO_BITS);
    parr_set(&v->slots[e->kind], s->cow, e->no, (uintptr_t)e);
    ptree_put(&v->by_id[e->kind], s->cow, e->id, e->no);
    if (e->kind == ENTITY_SUBSCRIPTION) parr_set(&v->indices, s->cow, e->no, 0);
}

void entity_insert(struct state *s, struct entity *e, const struct vol *vol)
{
    entity_place(s, e);
    grid_insert(&s->view.grid[e->kind], s->cow, e->no, vol);
    ptree_put(&s->view.by_end, s->cow, entity_end_key(e), 0);
    index_token(s, e);
}

static bool same_volume(const struct entity *a, const struct entity *b)
{
    return a->box.starts_us == b->box.starts_us && a->box.ends_us == b->box.ends_us &&
           a->box.floor_mm == b->box.floor_mm && a->box.ceil_mm == b->box.ceil_mm &&
           str_equal(a->cells, b->cells);
}

void entity_replace(struct state *s, const struct entity *old, struct entity *e,
                    const struct vol *vol)
{
    struct view *v = &s->view;
    const struct ptree_way ways[] = {
        {&v->by_token, entity_token_key(old)},
        {&v->by_end, entity_end_key(old)},
    };

    ptree_fetch(ways, sizeof ways / sizeof *ways);
    must(old->kind == e->kind && id_equal(old->id, e->id));
    e->no = old->no;
    parr_set(&v->slots[e->kind], s->cow, e->no, (uintptr_t)e);
    if (!same_volume(old, e)) {
        entity_cells(old, &s->cells_old);
        grid_remove(&v->grid[e->kind], s->cow, e->no,
                    &(struct vol){s->cells_old.at, s->cells_old.n, old->box});
        grid_insert(&v->grid[e->kind], s->cow, e->no, vol);
    }
    if (old->box.ends_us != e->box.ends_us) {
        must(ptree_remove(&v->by_end, s->cow, entity_end_key(old)));
        ptree_put(&v->by_end, s->cow, entity_end_key(e), 0);
    }
    if (old->token_digest != e->token_digest) {
        unindex_token(s, old);
        index_token(s, e);
    }
    cow_retire_taken(s->cow, (void *)(uintptr_t)old, entity_bytes(old));
}

void entity_remove(struct state *s, const struct entity *e)
{
    struct view *v = &s->view;

    entity_cells(e, &s->cells_old);
    grid_remove(&v->grid[e->kind], s->cow, e->no,
                &(struct vol){s->cells_old.at, s->cells_old.n, e->box});
    unindex_token(s, e);
    must(ptree_remove(&v->by_end, s->cow, entity_end_key(e)));
    must(ptree_remove(&v->by_id[e->kind], s->cow, e->id));
    parr_set(&v->slots[e->kind], s->cow, e->no, 0);
    u32_vec_add(&s->free_nos[e->kind], e->no);
    cow_retire_taken(s->cow, (void *)(uintptr_t)e, entity_bytes(e));
}

bool change_vol_is_sound(const struct change *c, bool needs_heights)
{
    const struct box *b = &c->vol.box;

    if (c->vol.n_cells == 0 || c->vol.n_cells > LIMIT_CELLS) return false;
    if (b->starts_us == INSTANT_MIN || b->ends_us == INSTANT_MAX) return false;
    if (needs_heights && (b->floor_mm == VOL_FLOOR_NONE || b->ceil_mm == VOL_CEIL_NONE))
        return false;
    return b->floor_mm <= b->ceil_mm;
}

void new_token_of(const struct change *c, struct new_token *ret)
{
    ret->n = change_token(c, ret->text);
    ret->digest = hash_digest((struct str){ret->text, ret->n});
}

void new_token_derive(const struct step *st, struct id id, struct new_token *ret)
{
    uint8_t input[32 + 4 + 16];

    memcpy(input, st->entry_hash->b, 32);
    for (int i = 0; i < 4; i++) input[32 + i] = (uint8_t)(st->change_no >> (24 - 8 * i));
    id_to_bytes(id, input + 36);
    struct hash h = hash_of(str_make(input, sizeof input));
    ret->n = b64_size(B64_URL, 16);
    b64_encode(B64_URL, h.b, 16, ret->text);
    ret->digest = hash_digest((struct str){ret->text, ret->n});
}

bool token_is_fresh(const struct view *v, uint64_t digest)
{
    uint32_t value;

    return !ptree_get(&v->by_token, (struct id){digest, 0}, &value);
}
