/* gen_change.c - random changes and entries of every kind, valid by form.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "gen_change.h"

#include <stdio.h>

#include "base/instant.h"
#include "cell/id.h"
#include "cell/set.h"
#include "entry/rules.h"

const enum change_kind GEN_KINDS[] = {
    CHANGE_JOIN, CHANGE_TICK, CHANGE_INTENT_PUT, CHANGE_INTENT_DELETE, CHANGE_CONSTRAINT_PUT,
    CHANGE_CONSTRAINT_DELETE, CHANGE_SUBSCRIPTION_PUT, CHANGE_SUBSCRIPTION_DELETE, CHANGE_AVAILABILITY_PUT,
    CHANGE_REPORT, CHANGE_PROPOSE, CHANGE_APPROVE, CHANGE_NODE_END, CHANGE_ADDRESSES, CHANGE_ISSUER, CHANGE_PARTICIPANT,
    CHANGE_SUSPEND, CHANGE_RESUME, CHANGE_RULES, CHANGE_EPOCH,
};
const size_t GEN_N_KINDS = sizeof GEN_KINDS / sizeof GEN_KINDS[0];

static bool coin(struct rng *rng)
{
    return rng_next(rng) >> 63;
}

static void fill(struct rng *rng, void *at, size_t n)
{
    uint8_t *bytes = at;
    for (size_t i = 0; i < n; i++) bytes[i] = (uint8_t)rng_next(rng);
}

static struct id random_id(struct rng *rng)
{
    uint8_t bytes[16];
    fill(rng, bytes, sizeof bytes);
    return id_make_v4(bytes);
}

static struct str random_text(struct rng *rng, struct arena *arena, size_t n_min, size_t n_max)
{
    static const char *const PIECES[] = {"a", "Z", "/", ".", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x9b\xa9", "7", "-"};
    size_t want = n_min + (size_t)rng_below(rng, n_max - n_min + 1);
    char *at = arena_alloc(arena, want + 1);
    size_t n = 0;

    while (n < want) {
        const char *piece = PIECES[rng_below(rng, sizeof PIECES / sizeof PIECES[0])];
        if (n + strlen(piece) > want) piece = "x";
        memcpy(at + n, piece, strlen(piece));
        n += strlen(piece);
    }
    return str_make(at, n);
}

static int64_t edgy(struct rng *rng, int64_t low, int64_t high)
{
    switch (rng_below(rng, 6)) {
    case 0: return low;
    case 1: return high;
    case 2: return 0;
    case 3: return rng_between(rng, -30, 30);
    default: return rng_between(rng, low / 2, high / 2);
    }
}

static struct vol random_vol(struct rng *rng, struct arena *arena)
{
    AUTO(u64_vec_done) struct u64_vec cells = {0};
    size_t n = 1 + (size_t)rng_below(rng, coin(rng) ? 12 : 300);
    uint64_t near = cell_parent((rng_below(rng, 6) << 61) | (rng_next(rng) >> 3) | 1, CELL_LEVEL);
    struct vol vol = {0};

    for (size_t i = 0; i < n; i++) {
        uint64_t step = 2 * cell_lsb(near) * rng_below(rng, 400);
        uint64_t cell = cell_parent(near + step, CELL_LEVEL - (int)rng_below(rng, 3));
        if (cell_is_valid(cell)) u64_vec_add(&cells, cell);
    }
    cell_set_normalise(&cells);
    if (cells.n > 0) {
        uint64_t *copy = arena_alloc(arena, cells.n * sizeof *copy);
        memcpy(copy, cells.at, cells.n * sizeof *copy);
        vol.cells = copy;
        vol.n_cells = cells.n;
    }
    vol.box.starts_us = coin(rng) ? INSTANT_MIN : edgy(rng, INSTANT_MIN, INSTANT_MAX);
    vol.box.ends_us = coin(rng) ? INSTANT_MAX : edgy(rng, INSTANT_MIN, INSTANT_MAX);
    vol.box.floor_mm = (int32_t)edgy(rng, VOL_FLOOR_NONE, INT32_MAX);
    vol.box.ceil_mm = (int32_t)edgy(rng, INT32_MIN, VOL_CEIL_NONE);
    return vol;
}

static void random_key(struct rng *rng, struct arena *arena, struct change *c)
{
    size_t n = (size_t)rng_below(rng, coin(rng) ? 5 : 257);
    uint64_t *digests = arena_alloc(arena, (n + 1) * sizeof *digests);

    c->has_key = true;
    c->checked_at = rng_next(rng) >> rng_below(rng, 64);
    fill(rng, c->key_hash.b, sizeof c->key_hash.b);
    for (size_t i = 0; i < n; i++) digests[i] = rng_next(rng);
    c->digests = n > 0 ? digests : NULL;
    c->n_digests = n;
}

static void random_put(struct rng *rng, struct arena *arena, struct change *c)
{
    c->vol = random_vol(rng, arena);
    c->url = random_text(rng, arena, 0, 60);
    c->is_coarsened = coin(rng);
    if (c->kind == CHANGE_SUBSCRIPTION_PUT) {
        c->for_intents = coin(rng);
        c->for_constraints = coin(rng);
    }
    if (c->kind != CHANGE_INTENT_PUT) return;
    if (coin(rng)) c->suffix = random_text(rng, arena, 1, 91);
    c->state = INTENT_ACCEPTED + (enum intent_state)rng_below(rng, 4);
    c->attach = (enum attach)rng_below(rng, 3);
    if (c->attach != ATTACH_NONE) c->attach_id = random_id(rng);
    if (c->attach == ATTACH_NEW) {
        c->attach_url = random_text(rng, arena, 0, 60);
        c->attach_constraints = coin(rng);
    }
    if (coin(rng)) random_key(rng, arena, c);
    if (RULES_NEWEST >= RULES_PRIORITY && coin(rng)) c->priority = (int32_t)edgy(rng, INT32_MIN, INT32_MAX);
}

/* 1..n_max names, ascending: a letter of their own before each. */
static const struct str *random_names(struct rng *rng, struct arena *arena, size_t n_max, size_t *ret_n)
{
    size_t n = 1 + (size_t)rng_below(rng, n_max);
    struct str *names = arena_array(arena, n, sizeof *names);

    for (size_t i = 0; i < n; i++) {
        struct str tail = random_text(rng, arena, 0, 20);
        char *at = arena_alloc(arena, tail.n + 1);
        at[0] = (char)('A' + i);
        memcpy(at + 1, tail.at, tail.n);
        names[i] = str_make(at, tail.n + 1);
    }
    *ret_n = n;
    return names;
}

static void random_proposal(struct rng *rng, struct arena *arena, struct change *c)
{
    c->act = PROPOSE_ADMIT + (enum proposal_act)rng_below(rng, RULES_NEWEST >= RULES_PRIORITY ? 6 : 4);
    if (c->act == PROPOSE_EXPEL || coin(rng)) c->text = random_text(rng, arena, 1, 512);
    if (c->act == PROPOSE_ADMIT || c->act == PROPOSE_ROOT) fill(rng, c->root_key, sizeof c->root_key);
    if (c->act == PROPOSE_PARTICIPANT) {
        c->uss = random_text(rng, arena, 1, 128);
        c->names = random_names(rng, arena, 16, &c->n_names);
        c->rights = rng_below(rng, 4);
    } else if (c->act != PROPOSE_EQUALS) {
        c->member = random_text(rng, arena, 1, 128);
    }
    if (c->act == PROPOSE_EQUALS) c->equals = (enum priority_equals)rng_below(rng, 2);
    if (c->act == PROPOSE_PRIORITY) {
        c->priority_low = (int32_t)edgy(rng, INT32_MIN, 100);
        c->priority_high = (int32_t)edgy(rng, c->priority_low, INT32_MAX);
        if (c->priority_high < c->priority_low) c->priority_high = c->priority_low;
    }
}

/* What members say of themselves. */
static struct change random_affair(struct rng *rng, struct arena *arena, enum change_kind kind)
{
    struct change c = {.kind = kind};

    switch (kind) {
    case CHANGE_PROPOSE: random_proposal(rng, arena, &c); break;
    case CHANGE_APPROVE: fill(rng, c.proposal.b, sizeof c.proposal.b); break;
    case CHANGE_NODE_END:
        fill(rng, c.node, sizeof c.node);
        if (coin(rng)) c.text = random_text(rng, arena, 1, 40);
        c.has_head = coin(rng);
        if (c.has_head) {
            c.head_size = rng_next(rng) >> rng_below(rng, 64);
            fill(rng, c.head_root.b, sizeof c.head_root.b);
        }
        break;
    case CHANGE_ADDRESSES: {
        struct str *addresses = arena_array(arena, 4, sizeof *addresses);
        fill(rng, c.node, sizeof c.node);
        c.n_addresses = (size_t)rng_below(rng, 5);
        for (size_t i = 0; i < c.n_addresses; i++) addresses[i] = random_text(rng, arena, 1, 256);
        c.addresses = addresses;
        break;
    }
    case CHANGE_ISSUER: {
        size_t n = 1 + (size_t)rng_below(rng, 1024);
        uint8_t *key = arena_alloc(arena, n);
        fill(rng, key, n);
        c.public_key = str_make(key, n);
        c.issuer = random_text(rng, arena, 1, 256);
        c.subs = random_names(rng, arena, 24, &c.n_subs);
        c.removes = coin(rng);
        break;
    }
    case CHANGE_PARTICIPANT:
        c.uss = random_text(rng, arena, 1, 128);
        c.names = random_names(rng, arena, 16, &c.n_names);
        c.rights = rng_below(rng, 4);
        break;
    case CHANGE_RULES: c.rules = 1 + rng_below(rng, 65535); break;
    case CHANGE_EPOCH: {
        size_t n = 1 + (size_t)rng_below(rng, coin(rng) ? 3 : 60);
        struct epoch_signature *all = arena_array(arena, n, sizeof *all);
        c.epoch = (struct epoch_statement){.epoch = rng_next(rng) >> rng_below(rng, 64), .signatures = all, .n_signatures = n};
        c.epoch.size = rng_next(rng) & ~UINT64_C(1);
        fill(rng, c.epoch.root.b, sizeof c.epoch.root.b);
        for (size_t i = 0; i < n; i++) {
            fill(rng, &all[i], sizeof all[i]);
            all[i].author[0] = (uint8_t)i;
        }
        break;
    }
    default: /* Suspend, resume. */
        c.member = random_text(rng, arena, 1, 128);
        c.text = random_text(rng, arena, 1, 512);
        break;
    }
    return c;
}

struct change gen_change(struct rng *rng, struct arena *arena, enum change_kind kind)
{
    if ((kind >= CHANGE_PROPOSE && kind <= CHANGE_RULES) || kind >= CHANGE_EPOCH) return random_affair(rng, arena, kind);

    struct change c = {.kind = kind};
    bool is_delete = kind == CHANGE_INTENT_DELETE || kind == CHANGE_CONSTRAINT_DELETE ||
                     kind == CHANGE_SUBSCRIPTION_DELETE;
    bool is_put = kind == CHANGE_INTENT_PUT || kind == CHANGE_CONSTRAINT_PUT || kind == CHANGE_SUBSCRIPTION_PUT;

    if (is_delete || is_put || kind == CHANGE_REPORT) c.id = random_id(rng);
    c.has_base = is_delete || ((is_put || kind == CHANGE_AVAILABILITY_PUT) && coin(rng));
    if (c.has_base) c.base = rng_next(rng);
    if (is_put) random_put(rng, arena, &c);
    if ((is_put || kind == CHANGE_AVAILABILITY_PUT) && c.suffix.n == 0) fill(rng, c.random, sizeof c.random);
    if (kind == CHANGE_AVAILABILITY_PUT) {
        c.uss = random_text(rng, arena, 1, 128);
        c.availability = (enum uss_availability)rng_below(rng, 3);
    }
    if (kind == CHANGE_REPORT || kind == CHANGE_JOIN) fill(rng, c.digest.b, sizeof c.digest.b);
    if (kind == CHANGE_REPORT) c.length = rng_next(rng) >> rng_below(rng, 64);
    if (kind == CHANGE_JOIN) {
        c.member = random_text(rng, arena, 1, 128);
        fill(rng, c.entry_key, sizeof c.entry_key);
        fill(rng, c.log_key, sizeof c.log_key);
        fill(rng, c.mirror_key, sizeof c.mirror_key);
        c.has_http_key = rng_below(rng, 2);
        if (c.has_http_key) fill(rng, c.http_key, sizeof c.http_key);
    }
    return c;
}

struct entry gen_entry(struct rng *rng, struct arena *arena, const struct key_public *author, size_t n_max)
{
    struct hash kid = hash_of(str_make(author->b, sizeof author->b));
    struct entry e = {.n_changes = 1 + (size_t)rng_below(rng, n_max)};

    memcpy(e.author, kid.b, sizeof e.author);
    e.epoch = rng_next(rng) >> rng_below(rng, 64);
    e.slot = rng_next(rng) >> rng_below(rng, 64);
    fill(rng, e.previous.b, sizeof e.previous.b);
    e.time_ms = (int64_t)(rng_next(rng) >> 1 >> rng_below(rng, 63));
    e.seen_size = (rng_next(rng) >> rng_below(rng, 64)) & ~UINT64_C(1);
    fill(rng, e.seen_root.b, sizeof e.seen_root.b);
    if (coin(rng)) e.participant = random_text(rng, arena, 1, 128);
    e.changes = arena_alloc(arena, e.n_changes * sizeof *e.changes);
    for (size_t i = 0; i < e.n_changes; i++) {
        e.changes[i] = gen_change(rng, arena, GEN_KINDS[rng_below(rng, GEN_N_KINDS)]);
    }
    return e;
}

static bool same_vol(const struct vol *a, const struct vol *b)
{
    return a->n_cells == b->n_cells &&
           (a->n_cells == 0 || memcmp(a->cells, b->cells, a->n_cells * sizeof *a->cells) == 0) &&
           a->box.starts_us == b->box.starts_us && a->box.ends_us == b->box.ends_us &&
           a->box.floor_mm == b->box.floor_mm && a->box.ceil_mm == b->box.ceil_mm;
}

static bool same_key(const struct change *a, const struct change *b)
{
    return a->has_key == b->has_key && a->checked_at == b->checked_at && hash_equal(&a->key_hash, &b->key_hash) &&
           a->n_digests == b->n_digests &&
           (a->n_digests == 0 || memcmp(a->digests, b->digests, a->n_digests * sizeof *a->digests) == 0);
}

static bool same_texts(const struct str *a, size_t n_a, const struct str *b, size_t n_b)
{
    if (n_a != n_b) return false;
    for (size_t i = 0; i < n_a; i++)
        if (!str_equal(a[i], b[i])) return false;
    return true;
}

static bool same_affair(const struct change *a, const struct change *b)
{
    return a->act == b->act && memcmp(a->node, b->node, 8) == 0 && str_equal(a->text, b->text) &&
           same_texts(a->addresses, a->n_addresses, b->addresses, b->n_addresses) &&
           same_texts(a->names, a->n_names, b->names, b->n_names) && a->rights == b->rights && a->has_head == b->has_head &&
           a->head_size == b->head_size && hash_equal(&a->head_root, &b->head_root) &&
           memcmp(a->root_key, b->root_key, 32) == 0 && str_equal(a->issuer, b->issuer) &&
           str_equal(a->public_key, b->public_key) && same_texts(a->subs, a->n_subs, b->subs, b->n_subs) &&
           hash_equal(&a->proposal, &b->proposal) && a->removes == b->removes && a->rules == b->rules &&
           a->priority_low == b->priority_low && a->priority_high == b->priority_high && a->equals == b->equals &&
           a->epoch.epoch == b->epoch.epoch && a->epoch.size == b->epoch.size &&
           hash_equal(&a->epoch.root, &b->epoch.root) && a->epoch.n_signatures == b->epoch.n_signatures &&
           (a->epoch.n_signatures == 0 ||
            memcmp(a->epoch.signatures, b->epoch.signatures, a->epoch.n_signatures * sizeof *a->epoch.signatures) == 0);
}

bool gen_same_change(const struct change *a, const struct change *b)
{
    return a->kind == b->kind && a->priority == b->priority && id_equal(a->id, b->id) && a->has_base == b->has_base && a->base == b->base &&
           memcmp(a->random, b->random, sizeof a->random) == 0 && str_equal(a->suffix, b->suffix) &&
           same_vol(&a->vol, &b->vol) && str_equal(a->url, b->url) && a->is_coarsened == b->is_coarsened &&
           a->state == b->state && a->attach == b->attach && id_equal(a->attach_id, b->attach_id) &&
           str_equal(a->attach_url, b->attach_url) && a->attach_constraints == b->attach_constraints &&
           same_key(a, b) && a->for_intents == b->for_intents && a->for_constraints == b->for_constraints &&
           str_equal(a->uss, b->uss) && a->availability == b->availability && hash_equal(&a->digest, &b->digest) &&
           a->length == b->length && str_equal(a->member, b->member) &&
           memcmp(a->entry_key, b->entry_key, 32) == 0 && memcmp(a->log_key, b->log_key, 32) == 0 &&
           memcmp(a->mirror_key, b->mirror_key, 32) == 0 && a->has_http_key == b->has_http_key &&
           memcmp(a->http_key, b->http_key, 32) == 0 && same_affair(a, b);
}

bool gen_same_entry(const struct entry *a, const struct entry *b)
{
    if (memcmp(a->author, b->author, sizeof a->author) != 0 || a->epoch != b->epoch || a->slot != b->slot ||
        !hash_equal(&a->previous, &b->previous) || a->time_ms != b->time_ms || a->seen_size != b->seen_size ||
        !hash_equal(&a->seen_root, &b->seen_root) || !str_equal(a->participant, b->participant) ||
        a->n_changes != b->n_changes) {
        return false;
    }
    for (size_t i = 0; i < a->n_changes; i++) {
        if (!gen_same_change(&a->changes[i], &b->changes[i])) return false;
    }
    return true;
}
