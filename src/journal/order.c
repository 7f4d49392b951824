/* order.c - authors' runs merged by place.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "journal/order.h"

#include "base/mem.h"
#include "base/vec.h"

#define HEAD_BYTES 13   /* Version, place, number of authors. */
#define AUTHOR_BYTES 24 /* Id, next slot, place. */
#define VERSION 1

struct item {
    int64_t place;
    char *at; /* Owned; NULL: no leaf. */
    size_t n;
};
VEC_DEFINE(item_vec, struct item);

struct author {
    uint8_t id[8];
    uint64_t next;  /* Slot of the first item not handed out. */
    int64_t place;  /* Of the last one handed out; at least that of the admission. */
    int64_t fed;    /* Place of the last one fed. */
    int64_t below;  /* All at places below this one have been fed. */
    struct item_vec items;
    size_t first; /* Items before it were handed out. */
};
VEC_DEFINE(author_vec, struct author);

struct order {
    struct author_vec authors; /* Ascending by id. */
    int64_t place, floor;
    struct item_vec taken; /* Bytes of the last order_take(). */
};

void order_entries_done(struct order_entries *v)
{
    if (!v) return;
    mem_free(v->at);
    *v = (struct order_entries){0};
}

struct order *order_new(void)
{
    return mem_zalloc(sizeof(struct order));
}

static void author_done(struct author *a)
{
    for (size_t i = a->first; i < a->items.n; i++) mem_free(a->items.at[i].at);
    item_vec_done(&a->items);
}

static void drop_taken(struct order *o)
{
    for (size_t i = 0; i < o->taken.n; i++) mem_free(o->taken.at[i].at);
    item_vec_clear(&o->taken);
}

void order_free(struct order *o)
{
    if (!o) return;
    for (size_t i = 0; i < o->authors.n; i++) author_done(&o->authors.at[i]);
    author_vec_done(&o->authors);
    drop_taken(o);
    item_vec_done(&o->taken);
    mem_free(o);
}

/* Index of the author, or of where it belongs. */
static size_t find(const struct order *o, const uint8_t id[8], bool *ret_is_there)
{
    size_t low = 0, high = o->authors.n;

    *ret_is_there = false;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = memcmp(o->authors.at[middle].id, id, 8);
        if (order == 0) {
            *ret_is_there = true;
            return middle;
        }
        if (order < 0) low = middle + 1;
        else high = middle;
    }
    return low;
}

static struct author *known(const struct order *o, const uint8_t id[8])
{
    bool is_there;
    size_t i = find(o, id, &is_there);

    must(is_there);
    return &o->authors.at[i];
}

static void insert(struct order *o, size_t i, const struct author *a)
{
    struct author *end = author_vec_reserve(&o->authors, 1);

    memmove(o->authors.at + i + 1, o->authors.at + i, (size_t)(end - (o->authors.at + i)) * sizeof *a);
    o->authors.at[i] = *a;
    o->authors.n++;
}

enum err order_admit(struct order *o, const uint8_t author[8], int64_t place, struct why *why)
{
    struct author fresh = {.place = place, .fed = place};
    bool is_there;
    size_t i = find(o, author, &is_there);

    if (is_there) return fail(why, ERR_CONFLICT, "this author was admitted before");
    if (place < o->place)
        return fail(why, ERR_INPUT, "an author is admitted at place %lld, after entries of place %lld", (long long)place,
                    (long long)o->place);
    if (o->authors.n == ORDER_AUTHORS_MAX)
        return fail(why, ERR_TOO_LARGE, "more than %d authors", ORDER_AUTHORS_MAX);
    memcpy(fresh.id, author, sizeof fresh.id);
    insert(o, i, &fresh);
    return OK;
}

void order_retire(struct order *o, const uint8_t author[8])
{
    bool is_there;
    size_t i = find(o, author, &is_there);

    drop_taken(o);
    if (!is_there) return;
    author_done(&o->authors.at[i]);
    o->authors.n--;
    memmove(o->authors.at + i, o->authors.at + i + 1, (o->authors.n - i) * sizeof *o->authors.at);
}

size_t order_n_authors(const struct order *o)
{
    return o->authors.n;
}

const uint8_t *order_author(const struct order *o, size_t i)
{
    must(i < o->authors.n);
    return o->authors.at[i].id;
}

bool order_has(const struct order *o, const uint8_t author[8])
{
    bool is_there;

    (void)find(o, author, &is_there);
    return is_there;
}

static uint64_t wants(const struct author *a)
{
    return a->next + (a->items.n - a->first);
}

uint64_t order_wants(const struct order *o, const uint8_t author[8])
{
    return wants(known(o, author));
}

uint64_t order_next(const struct order *o, const uint8_t author[8])
{
    return known(o, author)->next;
}

int64_t order_place(const struct order *o)
{
    return o->place;
}

enum err order_feed(struct order *o, const uint8_t author[8], uint64_t slot, int64_t create_revision,
                    struct str bytes, bool has_leaf, struct why *why)
{
    struct author *a = known(o, author);
    struct item item = {.place = create_revision > a->fed ? create_revision : a->fed};

    must(slot == wants(a));
    if (item.place < a->below)
        return fail(why, ERR_CORRUPT, "slot %llu was created at revision %lld, and an earlier read to revision %lld did not show it",
                    (unsigned long long)slot, (long long)create_revision, (long long)a->below - 1);
    if (has_leaf) {
        item.at = bytes.n ? mem_dup(bytes.at, bytes.n) : mem_alloc(1);
        item.n = bytes.n;
    }
    item_vec_add(&a->items, item);
    a->fed = a->below = item.place; /* Its next one may stand at the same place. */
    return OK;
}

void order_complete(struct order *o, const uint8_t author[8], int64_t revision)
{
    struct author *a = known(o, author);

    if (revision + 1 > a->below) a->below = revision + 1;
}

static const struct author *last_known(const struct order *o)
{
    const struct author *last = NULL;

    for (size_t i = 0; i < o->authors.n; i++)
        if (!last || o->authors.at[i].below < last->below) last = &o->authors.at[i];
    return last;
}

const uint8_t *order_behind(const struct order *o, int64_t revision)
{
    const struct author *last = last_known(o);

    return last && last->below <= revision ? last->id : NULL;
}

/* Places below this one are complete. */
static int64_t certain_below(const struct order *o)
{
    const struct author *last = last_known(o);

    return last ? last->below : INT64_MAX;
}

static int64_t lowest_place(const struct order *o)
{
    int64_t lowest = INT64_MAX;

    for (size_t i = 0; i < o->authors.n; i++) {
        const struct author *a = &o->authors.at[i];
        if (a->first < a->items.n && a->items.at[a->first].place < lowest) lowest = a->items.at[a->first].place;
    }
    return lowest;
}

static void entries_add(struct order_entries *v, struct order_entry e)
{
    if (v->n == v->room) {
        v->room = v->room ? v->room * 2 : 16;
        v->at = mem_realloc(v->at, v->room * sizeof *v->at);
    }
    v->at[v->n++] = e;
}

/* Hands out one author's slots at the place, which is its lowest. */
static void take_author(struct order *o, struct author *a, int64_t place, struct order_entries *ret)
{
    while (a->first < a->items.n && a->items.at[a->first].place == place) {
        struct item item = a->items.at[a->first];
        if (item.at && place <= o->floor) {
            mem_free(item.at);
        } else if (item.at) {
            struct order_entry e = {.slot = a->next, .place = place, .bytes = str_make(item.at, item.n)};
            memcpy(e.author, a->id, sizeof e.author);
            entries_add(ret, e);
            item_vec_add(&o->taken, item);
        }
        a->first++;
        a->next++;
        a->place = place;
    }
    if (a->first == a->items.n) {
        item_vec_clear(&a->items);
        a->first = 0;
    }
}

bool order_take(struct order *o, bool (*changes_authors)(void *context, struct str bytes), void *context,
                struct order_entries *ret)
{
    int64_t below = certain_below(o);

    drop_taken(o);
    for (;;) {
        int64_t place = lowest_place(o);
        size_t from = ret->n;
        if (place >= below) return false;
        must(place >= o->place);
        for (size_t i = 0; i < o->authors.n; i++) take_author(o, &o->authors.at[i], place, ret);
        o->place = place;
        for (size_t i = from; changes_authors && i < ret->n; i++)
            if (changes_authors(context, ret->at[i].bytes)) return true;
    }
}

void order_skip(struct order *o, const uint8_t author[8], uint64_t next)
{
    struct author *a = known(o, author);

    while (a->next < next && a->first < a->items.n) {
        a->place = a->items.at[a->first].place;
        mem_free(a->items.at[a->first++].at);
        a->next++;
    }
    if (a->next < next) a->next = next;
}

void order_floor(struct order *o, int64_t place)
{
    if (place > o->floor) o->floor = place;
}

static void add_be(struct buf *to, uint64_t value)
{
    for (int shift = 56; shift >= 0; shift -= 8) buf_add_char(to, (char)(value >> shift & 0xff));
}

static uint64_t get_be(const char *at, int n)
{
    uint64_t value = 0;

    for (int i = 0; i < n; i++) value = value << 8 | (uint8_t)at[i];
    return value;
}

void order_save(const struct order *o, struct buf *to)
{
    buf_add_char(to, VERSION);
    add_be(to, (uint64_t)o->place);
    for (int shift = 24; shift >= 0; shift -= 8) buf_add_char(to, (char)(o->authors.n >> shift & 0xff));
    for (size_t i = 0; i < o->authors.n; i++) {
        const struct author *a = &o->authors.at[i];
        buf_add(to, a->id, sizeof a->id);
        add_be(to, a->next);
        add_be(to, (uint64_t)a->place);
    }
}

enum err order_restore(struct str bytes, struct order **ret, struct why *why)
{
    uint64_t n = bytes.n >= HEAD_BYTES ? get_be(bytes.at + 9, 4) : 0;
    struct order *o;

    if (bytes.n < HEAD_BYTES || bytes.at[0] != VERSION)
        return fail(why, ERR_CORRUPT, "the order's state is of no known form");
    if (n > ORDER_AUTHORS_MAX || bytes.n != HEAD_BYTES + n * AUTHOR_BYTES)
        return fail(why, ERR_CORRUPT, "the order's state has %zu bytes for %llu authors", bytes.n, (unsigned long long)n);
    o = order_new();
    o->place = (int64_t)get_be(bytes.at + 1, 8);
    if (o->place < 0 || o->place == INT64_MAX) {
        order_free(o);
        return fail(why, ERR_CORRUPT, "the order's state: no such place");
    }
    for (uint64_t i = 0; i < n; i++) {
        const char *at = bytes.at + HEAD_BYTES + i * AUTHOR_BYTES;
        struct author a = {.next = get_be(at + 8, 8), .place = (int64_t)get_be(at + 16, 8)};
        memcpy(a.id, at, sizeof a.id);
        if (a.place < 0 || (i > 0 && memcmp(o->authors.at[i - 1].id, a.id, sizeof a.id) >= 0)) {
            order_free(o);
            return fail(why, ERR_CORRUPT, "the order's state: author %llu is out of place", (unsigned long long)i);
        }
        /* At its place itself an author who was admitted there may still have slots to hand out. */
        a.fed = a.below = a.place;
        if (a.place < o->place) a.below = o->place + 1;
        author_vec_add(&o->authors, a);
    }
    *ret = o;
    return OK;
}
