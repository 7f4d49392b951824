/* newcomer.c - makes a long record of a network of several members: for bench/newcomer.sh.
 * SPDX-License-Identifier: Apache-2.0
 *
 *     build/release/bench/newcomer LAB MEMBER ENTRIES [NAME...]
 *
 * LAB is a folder of `clearline init lab`, whose members' joins (NAME..., all of them, in the order that etcd is to have them) come first.
 * Then MEMBER's node has written ENTRIES intents, one an entry, about a square kilometre each, somewhere. They become its journal; all but
 * the last are marked as audited. Printed are the keys that etcd holds once it was cleaned up: the joins and the last slot, each as
 * key, blank, base64 of the value.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/b64.h"
#include "base/mem.h"
#include "base/rng.h"
#include "cell/set.h"
#include "entry/entry.h"
#include "geo/cover.h"
#include "journal/heads.h"
#include "journal/slots.h"
#include "journal/store.h"
#include "node/keys.h"
#include "state/genesis.h"
#include "t.h"

#define BATCH 1024
#define PLACES 20000

static struct why why;
static struct arena keep; /* For the whole run. */
static struct str origin;
static struct hash genesis_hash;

static void need(enum err err)
{
    if (err == OK) return;
    (void)fprintf(stderr, "newcomer: %s\n", why.text);
    exit(1);
}

static const char *path_of(const char *a, const char *b, const char *c)
{
    AUTO(buf_done) struct buf path = {0};
    buf_addf(&path, "%s/%s%s", a, b, c);
    return arena_dup(&keep, buf_str(&path)).at;
}

static struct str read_all(const char *path)
{
    struct str bytes = t_read_file(path);
    if (!bytes.at) (void)fail(&why, ERR_INPUT, "%s: not there", path);
    need(bytes.at ? OK : ERR_INPUT);
    return bytes;
}

static void print_slot(const uint8_t author[8], uint64_t slot, struct str bytes)
{
    AUTO(buf_done) struct buf text = {0};
    struct slots slots;

    slots_init(&slots, &genesis_hash, 0);
    buf_add_str(&text, slots_key(&slots, author, slot, &keep));
    buf_add_char(&text, ' ');
    b64_add(&text, B64_STANDARD, bytes.at, bytes.n);
    printf("%.*s\n", STR_ARG(buf_str(&text)));
    slots_done(&slots);
}

/* Coverings made once. */
static struct vol *make_places(struct rng *rng)
{
    struct vol *places = mem_calloc(PLACES, sizeof *places);

    for (size_t i = 0; i < PLACES; i++) {
        double lat = -60 + 120 * rng_unit(rng), lng = -170 + 340 * rng_unit(rng), north = 1 / 111.2, east = north / cos(lat * 0.01745);
        struct point ring[] = {{lat, lng}, {lat, lng + east}, {lat + north, lng + east}, {lat + north, lng}};
        struct u64_vec cells = {0};
        need(cover_polygon(ring, 4, COVER_SAFE, NULL, &cells, &why));
        places[i] = (struct vol){.cells = cells.at, .n_cells = cells.n};
    }
    return places;
}

struct writer {
    struct rng rng;
    struct vol *places;
    struct keys keys;
    uint8_t author[8];
    struct hash previous;
    uint64_t slot;
    int64_t start_ms;
};

/* Each place is taken once a minute, so that hardly any two meet. */
static void add_entry(struct writer *w, struct buf *to)
{
    int64_t starts_us = (w->start_ms + 3600000) * 1000 + (int64_t)(w->slot / PLACES) * 60000000;
    struct change c = {.kind = CHANGE_INTENT_PUT,
                       .id = {rng_next(&w->rng), rng_next(&w->rng)},
                       .vol = w->places[w->slot % PLACES],
                       .url = STR("https://uss.example/utm"),
                       .state = INTENT_ACCEPTED,
                       .has_key = true,
                       .checked_at = 1,
                       .key_hash = hash_of(STR(""))};
    struct entry e = {.slot = w->slot++, .previous = w->previous, .time_ms = w->start_ms + (int64_t)(w->slot / 100), .participant = STR("uss1"),
                      .changes = &c, .n_changes = 1};

    c.id.hi = (c.id.hi & ~UINT64_C(0xf000)) | 0x4000; /* Version 4. */
    c.id.lo = (c.id.lo & ~(UINT64_C(3) << 62)) | UINT64_C(2) << 62;
    c.vol.box = (struct box){starts_us, starts_us + 50000000, 50000, 120000};
    uint64_t random[2] = {rng_next(&w->rng), rng_next(&w->rng)};
    memcpy(c.random, random, sizeof c.random);
    memcpy(e.author, w->author, sizeof e.author);
    entry_encode(&e, origin, &w->keys.entry, to);
}

static void write_entries(struct writer *w, struct store *store, uint64_t n)
{
    struct buf bytes = {0};
    struct str *entries = mem_calloc(BATCH, sizeof *entries);
    size_t *ends = mem_calloc(BATCH + 1, sizeof *ends);

    for (uint64_t done = 0; done < n;) {
        size_t k = 0;
        buf_clear(&bytes);
        for (; k < BATCH && done < n; k++, done++) {
            add_entry(w, &bytes);
            ends[k + 1] = bytes.n;
            w->previous = hash_of(str_make(bytes.at + ends[k], ends[k + 1] - ends[k]));
        }
        for (size_t i = 0; i < k; i++) entries[i] = str_make(bytes.at + ends[i], ends[i + 1] - ends[i]);
        need(store_append(store, entries, k, &why));
        if (done == n) print_slot(w->author, w->slot - 1, entries[k - 1]);
    }
    mem_free(entries);
    mem_free(ends);
    buf_done(&bytes);
}

static void add_joins(const char *lab, struct store *store, char **names, int n)
{
    for (int i = 0; i < n; i++) {
        AUTO(arena_done) struct arena arena = {0};
        struct str bytes = read_all(path_of(lab, names[i], "/join.entry"));
        struct entry e;
        need(entry_decode(bytes, &arena, &e, &why));
        need(store_append(store, &bytes, 1, &why));
        print_slot(e.author, e.slot, bytes);
    }
}

int main(int argc, char **argv)
{
    struct writer w = {.rng = t_rng()};
    struct genesis g;
    struct store *store;
    uint64_t n = argc > 4 ? strtoull(argv[3], NULL, 10) : 0;

    if (n == 0) {
        (void)fprintf(stderr, "usage: newcomer LAB MEMBER ENTRIES NAME...\n");
        return 2;
    }
    struct str genesis = read_all(path_of(argv[1], "genesis", ""));
    need(genesis_decode(genesis, &keep, &g, &why));
    origin = g.origin;
    genesis_hash = hash_of(genesis);
    w.start_ms = g.created_ms;
    w.places = make_places(&w.rng);
    need(keys_open_member(&w.keys, path_of(argv[1], argv[2], ""), &why));
    struct hash id = hash_of(str_make(w.keys.entry.public.b, 32));
    memcpy(w.author, id.b, 8);
    need(store_open(path_of(argv[1], argv[2], "/journal.db"), &store, &why));
    need(heads_create(path_of(argv[1], argv[2], "/heads"), &why));
    need(store_append(store, &genesis, 1, &why));
    add_joins(argv[1], store, argv + 4, argc - 4);
    write_entries(&w, store, n);
    FILE *mark = fopen(path_of(argv[1], argv[2], "/audit"), "w");
    must(mark && fprintf(mark, "%llu %llu\n", (unsigned long long)store_size(store) - 1, (unsigned long long)store_size(store)) > 0 &&
         fclose(mark) == 0);
    store_close(store);
    keys_done(&w.keys);
    return 0;
}
