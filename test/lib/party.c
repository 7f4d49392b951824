/* party.c - stand-ins for nodes on one etcd.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "party.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "entry/entry.h"
#include "journal/slots.h"

static const struct str ORIGIN = {"guild.example/test", 18};

void guild_init(struct guild *g, int n_founders)
{
    static atomic_int count;
    struct timespec t;

    (void)clock_gettime(CLOCK_REALTIME, &t);
    (void)snprintf(g->text, sizeof g->text, "guild %ld %lld %d", (long)getpid(), (long long)t.tv_sec, atomic_fetch_add(&count, 1));
    g->genesis = str_of(g->text);
    g->n_founders = n_founders;
    for (int i = 0; i < GUILD_MAX; i++) {
        uint8_t seed[32] = {1, 2, 3, (uint8_t)i};
        struct hash hash;
        key_secret_init(&g->keys[i], seed);
        hash = hash_of(str_make(g->keys[i].public.b, sizeof g->keys[i].public.b));
        memcpy(g->ids[i], hash.b, sizeof g->ids[i]);
    }
}

void guild_done(struct guild *g)
{
    for (int i = 0; i < GUILD_MAX; i++) key_secret_done(&g->keys[i]);
}

static int find_author(const struct guild *g, const uint8_t author[8])
{
    int i = 0;

    while (i < GUILD_MAX && memcmp(g->ids[i], author, 8) != 0) i++;
    return i;
}

static bool is_signed(void *context, const uint8_t author[8], struct str bytes)
{
    struct party *p = context;
    int i = find_author(p->guild, author);

    return i < GUILD_MAX && entry_verify(bytes, ORIGIN, &p->guild->keys[i].public);
}

static bool changes_authors(void *context, struct str bytes)
{
    AUTO(arena_done) struct arena arena = {0};
    struct entry e;

    (void)context;
    return entry_decode(bytes, &arena, &e, NULL) == OK && e.changes[0].kind == CHANGE_JOIN;
}

static enum err apply_one(void *context, uint64_t index, struct str bytes)
{
    struct party *p = context;
    AUTO(arena_done) struct arena arena = {0};
    struct entry e;
    struct hash hash;

    p->n_applied = index + 1;
    if (index == 0 || entry_decode(bytes, &arena, &e, NULL) != OK || e.changes[0].kind != CHANGE_JOIN) return OK;
    hash = hash_of(str_make(e.changes[0].entry_key, sizeof e.changes[0].entry_key));
    return journal_etcd_admit(p->journal, hash.b, &p->why);
}

static enum err apply_all(struct party *p)
{
    uint64_t size = store_size(p->journal->store);

    return store_read_back(p->journal->store, p->n_applied, size - p->n_applied, apply_one, p, &p->why);
}

static enum err authors_change(void *context, struct journal *j, struct why *why)
{
    struct party *p = context;

    (void)j;
    (void)why;
    return apply_all(p);
}

enum err party_open(struct party *p, struct guild *g, int me, const char *dir)
{
    p->guild = g;
    p->me = me;
    p->n_applied = 0;
    p->options.genesis = hash_of(g->genesis);
    memcpy(p->options.author, g->ids[me], sizeof p->options.author);
    p->options.etcd.allow_old = true;
    p->options.is_signed = is_signed;
    p->options.changes_authors = changes_authors;
    p->options.authors_change = authors_change;
    p->options.context = p;
    TRY(journal_open_etcd(dir, &p->options, &p->journal, &p->why));
    if (store_size(p->journal->store) == 0) TRY(p->journal->propose(p->journal, &g->genesis, 1, &p->why));
    for (int i = 0; i < g->n_founders; i++) TRY(journal_etcd_admit(p->journal, g->ids[i], &p->why));
    return apply_all(p);
}

void party_close(struct party *p)
{
    if (p->journal) p->journal->close(p->journal);
    p->journal = NULL;
}

static uint64_t epoch_of(const struct party *p)
{
    return p->journal ? journal_etcd_epoch(p->journal) : p->options.epoch;
}

static void encode(struct party *p, uint64_t slot, uint64_t n, struct change *change, struct buf *ret)
{
    struct entry e = {.epoch = epoch_of(p), .slot = slot, .time_ms = (int64_t)n, .changes = change, .n_changes = 1};

    memcpy(e.author, p->guild->ids[p->me], sizeof e.author);
    buf_clear(ret);
    entry_encode(&e, ORIGIN, &p->guild->keys[p->me], ret);
}

void party_tick(struct party *p, uint64_t slot, uint64_t n, struct buf *ret)
{
    encode(p, slot, n, &(struct change){.kind = CHANGE_TICK}, ret);
}

void party_join(struct party *p, uint64_t slot, int who, struct buf *ret)
{
    struct change c = {.kind = CHANGE_JOIN, .member = STR("member"), .digest = p->options.genesis};

    memcpy(c.entry_key, p->guild->keys[who].public.b, 32);
    memcpy(c.log_key, c.entry_key, 32);
    memcpy(c.mirror_key, c.entry_key, 32);
    encode(p, slot, (uint64_t)who, &c, ret);
}

enum err party_propose(struct party *p, struct str entry)
{
    return p->journal->propose(p->journal, &entry, 1, &p->why);
}

enum err party_say(struct party *p, uint64_t n)
{
    AUTO(buf_done) struct buf bytes = {0};

    party_tick(p, journal_etcd_next(p->journal), n, &bytes);
    return party_propose(p, buf_str(&bytes));
}

enum err party_follow(struct party *p)
{
    return p->journal->follow(p->journal, 0, &p->why);
}

struct words {
    struct party *p;
    struct buf *to;
};

static enum err add_word(void *context, uint64_t index, struct str bytes)
{
    struct words *w = context;
    AUTO(arena_done) struct arena arena = {0};
    struct entry e;

    (void)index;
    if (entry_decode(bytes, &arena, &e, NULL) != OK) buf_addf(w->to, "%s?", w->to->n ? " " : "");
    else
        buf_addf(w->to, "%s%d%c%lld", w->to->n ? " " : "", find_author(w->p->guild, e.author),
                 e.changes[0].kind == CHANGE_JOIN ? '+' : ':', (long long)e.time_ms);
    return OK;
}

void party_words(struct party *p, struct buf *ret)
{
    struct words w = {p, ret};
    uint64_t size = store_size(p->journal->store);

    buf_clear(ret);
    must(store_read_back(p->journal->store, 1, size - 1, add_word, &w, &p->why) == OK);
}

void party_key(struct party *p, int author, uint64_t slot, struct buf *ret)
{
    AUTO(arena_done) struct arena arena = {0};
    struct slots slots;

    slots_init(&slots, &p->options.genesis, epoch_of(p));
    buf_clear(ret);
    buf_add_str(ret, slots_key(&slots, p->guild->ids[author], slot, &arena));
    slots_done(&slots);
}
