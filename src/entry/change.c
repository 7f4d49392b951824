/* change.c - the byte form of a change: [kind, {number: member, ...}].
 * SPDX-License-Identifier: Apache-2.0
 *
 * KINDS says which members each kind needs and which it may have; the numbers of a kind's members are those of its row in
 * NUMBERS. A member that a kind may leave out is left out exactly when its value says so (no base, not coarsened, nothing
 * attached), so that one change has one form.
 */
#include "entry/change.h"

#include "base/b64.h"
#include "base/limits.h"
#include "cell/set.h"
#include "entry/change_internal.h"
#include "entry/entry.h"
#include "entry/rules.h"

enum member {
    ID, BASE, TOKEN, CELLS, BOX, URL, COARSENED, STATE, ATTACHED, CHECKED_AT, KEY_HASH, DIGESTS, FOR_INTENTS,
    FOR_CONSTRAINTS, USS, AVAILABILITY, DIGEST, LENGTH, MEMBER, ENTRY_KEY, LOG_KEY, MIRROR_KEY, HTTP_KEY,
    ACT, NODE, TEXT, ADDRESSES, NAMES, RIGHTS, HEAD, ROOT_KEY, ISSUER, PUBLIC_KEY, SUBS, PROPOSAL, REMOVES,
    RULES, BOUNDS, EQUALS, PRIORITY, EPOCH, SIGNATURES,
    N_MEMBERS
};

/* The member behind each number: of flights, and of members' own affairs. */
enum numbering { FLIGHTS, AFFAIRS };
#define N_NUMBERS 24
static const uint8_t NUMBERS[][N_NUMBERS] = {
    {ID, BASE, TOKEN, CELLS, BOX, URL, COARSENED, STATE, ATTACHED, CHECKED_AT, KEY_HASH, DIGESTS, FOR_INTENTS,
     FOR_CONSTRAINTS, USS, AVAILABILITY, DIGEST, LENGTH, MEMBER, ENTRY_KEY, LOG_KEY, MIRROR_KEY, HTTP_KEY, PRIORITY},
    {ACT, NODE, TEXT, ADDRESSES, NAMES, RIGHTS, HEAD, ROOT_KEY, ISSUER, PUBLIC_KEY, SUBS, PROPOSAL, REMOVES,
     RULES, USS, BOUNDS, EQUALS, EPOCH, MEMBER, SIGNATURES, N_MEMBERS, N_MEMBERS, N_MEMBERS, N_MEMBERS},
};

#define M(member) (UINT64_C(1) << (member))
#define M_KEY (M(CHECKED_AT) | M(KEY_HASH) | M(DIGESTS)) /* All of them or none. */
#define M_VOL (M(CELLS) | M(BOX))

static const struct kind {
    enum change_kind kind;
    uint64_t needs;
    uint64_t allows; /* Besides those. */
    bool may_choose_token; /* A suffix instead of random bytes. */
    enum numbering numbering;
} KINDS[] = {
    {CHANGE_JOIN, M(DIGEST) | M(MEMBER) | M(ENTRY_KEY) | M(LOG_KEY) | M(MIRROR_KEY), M(HTTP_KEY), false, FLIGHTS},
    {CHANGE_TICK, 0, 0, false, FLIGHTS},
    {CHANGE_INTENT_PUT, M(ID) | M(TOKEN) | M_VOL | M(URL) | M(STATE),
     M(BASE) | M(COARSENED) | M(ATTACHED) | M_KEY | M(PRIORITY), true, FLIGHTS},
    {CHANGE_INTENT_DELETE, M(ID) | M(BASE), 0, false, FLIGHTS},
    {CHANGE_CONSTRAINT_PUT, M(ID) | M(TOKEN) | M_VOL | M(URL), M(BASE) | M(COARSENED), false, FLIGHTS},
    {CHANGE_CONSTRAINT_DELETE, M(ID) | M(BASE), 0, false, FLIGHTS},
    {CHANGE_SUBSCRIPTION_PUT, M(ID) | M(TOKEN) | M_VOL | M(URL),
     M(BASE) | M(COARSENED) | M(FOR_INTENTS) | M(FOR_CONSTRAINTS), false, FLIGHTS},
    {CHANGE_SUBSCRIPTION_DELETE, M(ID) | M(BASE), 0, false, FLIGHTS},
    {CHANGE_AVAILABILITY_PUT, M(TOKEN) | M(USS) | M(AVAILABILITY), M(BASE), false, FLIGHTS},
    {CHANGE_REPORT, M(ID) | M(DIGEST) | M(LENGTH), 0, false, FLIGHTS},
    {CHANGE_PROPOSE, M(ACT), M(TEXT) | M(NAMES) | M(RIGHTS) | M(ROOT_KEY) | M(USS) | M(MEMBER) | M(BOUNDS) | M(EQUALS),
     false, AFFAIRS},
    {CHANGE_APPROVE, M(PROPOSAL), 0, false, AFFAIRS},
    {CHANGE_NODE_END, M(NODE), M(TEXT) | M(HEAD), false, AFFAIRS},
    {CHANGE_ADDRESSES, M(NODE) | M(ADDRESSES), 0, false, AFFAIRS},
    {CHANGE_ISSUER, M(ISSUER) | M(PUBLIC_KEY) | M(SUBS), M(REMOVES), false, AFFAIRS},
    {CHANGE_PARTICIPANT, M(USS) | M(NAMES) | M(RIGHTS), 0, false, AFFAIRS},
    {CHANGE_RULES, M(RULES), 0, false, AFFAIRS},
    {CHANGE_EPOCH, M(EPOCH) | M(SIGNATURES), 0, false, AFFAIRS},
    {CHANGE_SUSPEND, M(TEXT) | M(MEMBER), 0, false, AFFAIRS},
    {CHANGE_RESUME, M(TEXT) | M(MEMBER), 0, false, AFFAIRS},
};

/* What a proposal of each act has; a text besides where it is not needed. */
static const uint64_t ACT_NEEDS[] = {
    [PROPOSE_ADMIT] = M(ROOT_KEY) | M(MEMBER),
    [PROPOSE_EXPEL] = M(TEXT) | M(MEMBER),
    [PROPOSE_ROOT] = M(ROOT_KEY) | M(MEMBER),
    [PROPOSE_PARTICIPANT] = M(NAMES) | M(RIGHTS) | M(USS),
    [PROPOSE_PRIORITY] = M(MEMBER) | M(BOUNDS),
    [PROPOSE_EQUALS] = M(EQUALS),
};

static bool has_what_its_act_needs(enum proposal_act act, uint64_t has)
{
    return (has & ~M(TEXT)) == ((ACT_NEEDS[act] & ~M(TEXT)) | M(ACT)) && !(ACT_NEEDS[act] & ~has);
}

static const struct kind *kind_of(uint64_t number)
{
    for (size_t i = 0; i < sizeof KINDS / sizeof KINDS[0]; i++) {
        if ((uint64_t)KINDS[i].kind == number) return &KINDS[i];
    }
    return NULL;
}

unsigned change_rules(const struct change *c)
{
    if (c->kind == CHANGE_INTENT_PUT && c->priority != 0) return RULES_PRIORITY;
    if (c->kind == CHANGE_PROPOSE && c->act >= PROPOSE_PRIORITY) return RULES_PRIORITY;
    return RULES_FIRST;
}

#define RULES_MAX 65535

enum { SUFFIX_MAX = CHANGE_TOKEN_MAX - ID_TEXT - 1 };

size_t change_token(const struct change *c, char ret_text[CHANGE_TOKEN_MAX])
{
    if (c->suffix.n == 0) {
        b64_encode(B64_URL, c->random, sizeof c->random, ret_text);
        return b64_size(B64_URL, sizeof c->random);
    }
    must(c->suffix.n <= SUFFIX_MAX);
    id_format(c->id, ret_text);
    ret_text[ID_TEXT] = '_';
    memcpy(ret_text + ID_TEXT + 1, c->suffix.at, c->suffix.n);
    return ID_TEXT + 1 + c->suffix.n;
}

/* Writing. */

static uint64_t members_of(const struct change *c, const struct kind *kind)
{
    uint64_t has = kind->needs;

    if (c->has_base) has |= M(BASE);
    if (c->is_coarsened) has |= M(COARSENED);
    if (c->attach != ATTACH_NONE) has |= M(ATTACHED);
    if (c->has_key) has |= M_KEY;
    if (c->for_intents) has |= M(FOR_INTENTS);
    if (c->for_constraints) has |= M(FOR_CONSTRAINTS);
    if (c->text.n > 0) has |= M(TEXT);
    if (c->has_head) has |= M(HEAD);
    if (c->has_http_key) has |= M(HTTP_KEY);
    if (c->removes) has |= M(REMOVES);
    if (c->priority != 0) has |= M(PRIORITY);
    if (c->kind == CHANGE_PROPOSE) {
        must(c->act >= PROPOSE_ADMIT && c->act <= PROPOSE_EQUALS);
        has |= ACT_NEEDS[c->act];
    }
    must((has & ~(kind->needs | kind->allows)) == 0);
    must(c->has_base || !(kind->needs & M(BASE)));
    must(c->suffix.n == 0 || kind->may_choose_token);
    return has;
}

static void add_bound(struct buf *to, int64_t value, int64_t none)
{
    if (value == none) {
        cbor_add_null(to);
    } else {
        cbor_add_int(to, value);
    }
}

static void add_box(struct buf *to, const struct box *box)
{
    cbor_add_array(to, 4);
    add_bound(to, box->starts_us, INT64_MIN);
    add_bound(to, box->ends_us, INT64_MAX);
    add_bound(to, box->floor_mm, VOL_FLOOR_NONE);
    add_bound(to, box->ceil_mm, VOL_CEIL_NONE);
}

static void add_cells(struct buf *to, const struct vol *vol)
{
    size_t mark = cbor_begin_bytes(to);

    must(vol->n_cells <= LIMIT_CELLS);
    if (vol->n_cells > 0) cell_set_encode(vol->cells, vol->n_cells, to);
    must(to->n - mark <= LIMIT_CELL_BYTES);
    cbor_end_bytes(to, mark);
}

static void add_attached(struct buf *to, const struct change *c)
{
    if (c->attach == ATTACH_EXISTING) {
        cbor_add_id(to, c->attach_id);
        return;
    }
    must(c->attach == ATTACH_NEW && c->attach_url.n <= LIMIT_URL_BYTES);
    cbor_add_array(to, 3);
    cbor_add_id(to, c->attach_id);
    cbor_add_text(to, c->attach_url);
    cbor_add_bool(to, c->attach_constraints);
}

static void add_digests(struct buf *to, const struct change *c)
{
    size_t mark = cbor_begin_bytes(to);

    must(c->n_digests <= LIMIT_KEY_DIGESTS);
    for (size_t i = 0; i < c->n_digests; i++) {
        uint64_t digest = __builtin_bswap64(c->digests[i]);
        _Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "digests are written big-endian");
        buf_add(to, &digest, sizeof digest);
    }
    cbor_end_bytes(to, mark);
}

static void add_name(struct buf *to, struct str name)
{
    must(name.n >= 1 && name.n <= LIMIT_SUB_BYTES);
    cbor_add_text(to, name);
}

/* Ascending, so that a set has one form; addresses keep their order. */
static bool is_ascending(const struct str *at, size_t n)
{
    for (size_t i = 1; i < n; i++)
        if (str_compare(at[i - 1], at[i]) >= 0) return false;
    return true;
}

static void add_names(struct buf *to, const struct str *at, size_t n, size_t n_max)
{
    must(n >= 1 && n <= n_max && is_ascending(at, n));
    cbor_add_array(to, n);
    for (size_t i = 0; i < n; i++) add_name(to, at[i]);
}

static void add_text(struct buf *to, struct str text, size_t n_max)
{
    must(text.n >= 1 && text.n <= n_max);
    cbor_add_text(to, text);
}

static void add_signatures(struct buf *to, const struct epoch_statement *s)
{
    must(s->n_signatures >= 1 && s->n_signatures <= EPOCH_SIGNATURES_MAX);
    cbor_add_array(to, s->n_signatures);
    for (size_t i = 0; i < s->n_signatures; i++) {
        must(i == 0 || memcmp(s->signatures[i - 1].author, s->signatures[i].author, sizeof s->signatures[i].author) < 0);
        cbor_add_array(to, 2);
        cbor_add_bytes(to, s->signatures[i].author, sizeof s->signatures[i].author);
        cbor_add_bytes(to, s->signatures[i].signature, sizeof s->signatures[i].signature);
    }
}

/* What only changes of members' affairs have. */
static void add_affair(struct buf *to, const struct change *c, enum member member)
{
    switch (member) {
    case ACT: cbor_add_uint(to, c->act); break;
    case NODE: cbor_add_bytes(to, c->node, sizeof c->node); break;
    case TEXT: add_text(to, c->text, LIMIT_REASON_BYTES); break;
    case ADDRESSES:
        must(c->n_addresses <= LIMIT_ADDRESSES);
        cbor_add_array(to, c->n_addresses);
        for (size_t i = 0; i < c->n_addresses; i++) add_text(to, c->addresses[i], LIMIT_ADDRESS_BYTES);
        break;
    case NAMES: add_names(to, c->names, c->n_names, LIMIT_SPEAKERS); break;
    case RIGHTS:
        must(c->rights <= RIGHTS_ALL);
        cbor_add_uint(to, c->rights);
        break;
    case HEAD:
        cbor_add_array(to, 2);
        cbor_add_uint(to, c->head_size);
        cbor_add_bytes(to, c->head_root.b, sizeof c->head_root.b);
        break;
    case ROOT_KEY: cbor_add_bytes(to, c->root_key, sizeof c->root_key); break;
    case ISSUER: add_text(to, c->issuer, LIMIT_ADDRESS_BYTES); break;
    case PUBLIC_KEY:
        must(c->public_key.n >= 1 && c->public_key.n <= LIMIT_PUBLIC_KEY_BYTES);
        cbor_add_bytes(to, c->public_key.at, c->public_key.n);
        break;
    case SUBS: add_names(to, c->subs, c->n_subs, LIMIT_CHANGE_SUBS); break;
    case PROPOSAL: cbor_add_bytes(to, c->proposal.b, sizeof c->proposal.b); break;
    case REMOVES: cbor_add_bool(to, true); break;
    case RULES:
        must(c->rules >= 1 && c->rules <= RULES_MAX);
        cbor_add_uint(to, c->rules);
        break;
    case BOUNDS:
        must(c->priority_low <= c->priority_high);
        cbor_add_array(to, 2);
        cbor_add_int(to, c->priority_low);
        cbor_add_int(to, c->priority_high);
        break;
    case EQUALS:
        must(c->equals <= EQUALS_MAY_MEET);
        cbor_add_uint(to, c->equals);
        break;
    case EPOCH:
        must(c->epoch.size % 2 == 0);
        cbor_add_array(to, 3);
        cbor_add_uint(to, c->epoch.epoch);
        cbor_add_uint(to, c->epoch.size);
        cbor_add_bytes(to, c->epoch.root.b, sizeof c->epoch.root.b);
        break;
    case SIGNATURES: add_signatures(to, &c->epoch); break;
    default: must(false);
    }
}

static void add_member(struct buf *to, const struct change *c, enum member member)
{
    switch (member) {
    case ID: cbor_add_id(to, c->id); break;
    case BASE: cbor_add_digest(to, c->base); break;
    case TOKEN:
        must(c->suffix.n <= SUFFIX_MAX);
        if (c->suffix.n > 0) {
            cbor_add_text(to, c->suffix);
        } else {
            cbor_add_bytes(to, c->random, sizeof c->random);
        }
        break;
    case CELLS: add_cells(to, &c->vol); break;
    case BOX: add_box(to, &c->vol.box); break;
    case URL:
        must(c->url.n <= LIMIT_URL_BYTES);
        cbor_add_text(to, c->url);
        break;
    case STATE:
        must(c->state >= INTENT_ACCEPTED && c->state <= INTENT_CONTINGENT);
        cbor_add_uint(to, c->state);
        break;
    case ATTACHED: add_attached(to, c); break;
    case CHECKED_AT: cbor_add_uint(to, c->checked_at); break;
    case KEY_HASH: cbor_add_bytes(to, c->key_hash.b, sizeof c->key_hash.b); break;
    case DIGESTS: add_digests(to, c); break;
    case COARSENED:
    case FOR_INTENTS:
    case FOR_CONSTRAINTS: cbor_add_bool(to, true); break;
    case USS: add_name(to, c->uss); break;
    case AVAILABILITY:
        must(c->availability <= USS_DOWN);
        cbor_add_uint(to, c->availability);
        break;
    case DIGEST: cbor_add_bytes(to, c->digest.b, sizeof c->digest.b); break;
    case LENGTH: cbor_add_uint(to, c->length); break;
    case MEMBER: add_name(to, c->member); break;
    case ENTRY_KEY: cbor_add_bytes(to, c->entry_key, sizeof c->entry_key); break;
    case LOG_KEY: cbor_add_bytes(to, c->log_key, sizeof c->log_key); break;
    case MIRROR_KEY: cbor_add_bytes(to, c->mirror_key, sizeof c->mirror_key); break;
    case HTTP_KEY: cbor_add_bytes(to, c->http_key, sizeof c->http_key); break;
    case PRIORITY: cbor_add_int(to, c->priority); break;
    default: add_affair(to, c, member); break;
    }
}

void change_encode(const struct change *c, struct buf *to)
{
    const struct kind *kind = kind_of(c->kind);
    uint64_t has;

    must(kind);
    has = members_of(c, kind);
    cbor_add_array(to, 2);
    cbor_add_uint(to, c->kind);
    cbor_add_map(to, (size_t)__builtin_popcountll(has));
    for (unsigned number = 0; number < N_NUMBERS; number++) {
        enum member member = NUMBERS[kind->numbering][number];
        if (!(has & M(member))) continue;
        cbor_add_key(to, number);
        add_member(to, c, member);
    }
}

size_t change_size(const struct change *c)
{
    AUTO(buf_done) struct buf bytes = {0};
    change_encode(c, &bytes);
    return bytes.n;
}

/* Reading. */

/* A bound in low..high, or null for none, which as an integer would be a second form. */
static int64_t read_bound(struct cbor *r, int64_t low, int64_t high, int64_t none)
{
    int64_t value;

    if (cbor_null(r)) return none;
    value = cbor_int(r);
    if (!r->problem && (value < low || value > high || value == none)) cbor_bad(r, "bound out of range");
    return value;
}

static void read_box(struct cbor *r, struct box *ret)
{
    cbor_array_of(r, 4);
    ret->starts_us = read_bound(r, INT64_MIN, INT64_MAX, INT64_MIN);
    ret->ends_us = read_bound(r, INT64_MIN, INT64_MAX, INT64_MAX);
    ret->floor_mm = (int32_t)read_bound(r, INT32_MIN, INT32_MAX, VOL_FLOOR_NONE);
    ret->ceil_mm = (int32_t)read_bound(r, INT32_MIN, INT32_MAX, VOL_CEIL_NONE);
}

static void read_cells(struct cbor *r, struct arena *arena, struct vol *ret)
{
    struct str bytes = cbor_bytes(r);
    AUTO(u64_vec_done) struct u64_vec cells = {0};

    if (r->problem || bytes.n == 0) return;
    if (bytes.n > LIMIT_CELL_BYTES) {
        cbor_bad(r, "too many bytes of cells");
        return;
    }
    (void)u64_vec_reserve(&cells, bytes.n < LIMIT_CELLS ? bytes.n : LIMIT_CELLS); /* Each takes a byte at least. */
    if (!cell_set_decode(bytes, LIMIT_CELLS, &cells)) {
        cbor_bad(r, "cells are not the one coding of a normalised set");
    } else {
        uint64_t *copy = arena_alloc(arena, cells.n * sizeof *copy);
        memcpy(copy, cells.at, cells.n * sizeof *copy);
        ret->cells = copy;
        ret->n_cells = cells.n;
    }
}

static void read_attached(struct cbor *r, struct change *ret)
{
    if (!cbor_is_array_next(r)) {
        ret->attach = ATTACH_EXISTING;
        ret->attach_id = cbor_id(r);
        return;
    }
    cbor_array_of(r, 3);
    ret->attach = ATTACH_NEW;
    ret->attach_id = cbor_id(r);
    ret->attach_url = cbor_text(r, LIMIT_URL_BYTES, "URL too long");
    ret->attach_constraints = cbor_bool(r);
}

static void read_digests(struct cbor *r, struct arena *arena, struct change *ret)
{
    struct str bytes = cbor_bytes(r);
    uint64_t *digests;

    if (r->problem || bytes.n == 0) return;
    if (bytes.n % 8 != 0 || bytes.n / 8 > LIMIT_KEY_DIGESTS) {
        cbor_bad(r, "digests of a wrong length");
        return;
    }
    digests = arena_alloc(arena, bytes.n);
    for (size_t i = 0; i < bytes.n / 8; i++) {
        memcpy(&digests[i], bytes.at + 8 * i, 8);
        digests[i] = __builtin_bswap64(digests[i]);
    }
    ret->digests = digests;
    ret->n_digests = bytes.n / 8;
}

static void read_token(struct cbor *r, struct change *ret)
{
    if (!cbor_is_text_next(r)) {
        cbor_bytes_of(r, sizeof ret->random, ret->random);
        return;
    }
    ret->suffix = cbor_text(r, SUFFIX_MAX, "suffix too long");
    if (ret->suffix.n == 0) cbor_bad(r, "empty suffix");
}

static struct str read_name(struct cbor *r)
{
    struct str name = cbor_text(r, LIMIT_SUB_BYTES, "name too long");
    if (name.n == 0) cbor_bad(r, "empty name");
    return name;
}

/* 1..n_max names, ascending; in arena. */
static const struct str *read_names(struct cbor *r, struct arena *arena, size_t n_max, size_t *ret_n)
{
    size_t n = cbor_array(r);

    if (!r->problem && (n < 1 || n > n_max)) cbor_bad(r, "no names or too many");
    if (r->problem) return NULL;
    struct str *names = arena_array(arena, n, sizeof *names);
    for (size_t i = 0; i < n; i++) names[i] = read_name(r);
    if (!r->problem && !is_ascending(names, n)) cbor_bad(r, "names are not ascending");
    *ret_n = n;
    return names;
}

static struct str read_text(struct cbor *r, size_t n_max)
{
    struct str text = cbor_text(r, n_max, "text too long");
    if (text.n == 0) cbor_bad(r, "empty text");
    return text;
}

static void read_addresses(struct cbor *r, struct arena *arena, struct change *ret)
{
    size_t n = cbor_array(r);

    if (n > LIMIT_ADDRESSES) cbor_bad(r, "too many addresses");
    if (r->problem) return;
    struct str *addresses = arena_array(arena, n, sizeof *addresses);
    for (size_t i = 0; i < n; i++) addresses[i] = read_text(r, LIMIT_ADDRESS_BYTES);
    ret->addresses = addresses;
    ret->n_addresses = n;
}

static bool read_true(struct cbor *r)
{
    bool value = cbor_bool(r);
    if (!value) cbor_bad(r, "false is written by leaving the member out");
    return value;
}

static int32_t read_priority(struct cbor *r)
{
    int64_t value = cbor_int(r);

    if (value < INT32_MIN || value > INT32_MAX) cbor_bad(r, "priority out of range");
    return r->problem ? 0 : (int32_t)value;
}

static void read_bounds(struct cbor *r, struct change *ret)
{
    cbor_array_of(r, 2);
    ret->priority_low = read_priority(r);
    ret->priority_high = read_priority(r);
    if (ret->priority_low > ret->priority_high) cbor_bad(r, "bounds are reversed");
}

static void read_signatures(struct cbor *r, struct arena *arena, struct epoch_statement *ret)
{
    size_t n = cbor_array(r);

    if (!r->problem && (n < 1 || n > EPOCH_SIGNATURES_MAX)) cbor_bad(r, "no signatures or too many");
    if (r->problem) return;
    struct epoch_signature *all = arena_array(arena, n, sizeof *all);
    for (size_t i = 0; i < n; i++) {
        cbor_array_of(r, 2);
        cbor_bytes_of(r, sizeof all[i].author, all[i].author);
        cbor_bytes_of(r, sizeof all[i].signature, all[i].signature);
        if (i && memcmp(all[i - 1].author, all[i].author, sizeof all[i].author) >= 0) cbor_bad(r, "signatures are not ascending by author");
    }
    ret->signatures = all;
    ret->n_signatures = n;
}

static void read_affair(struct cbor *r, enum member member, struct arena *arena, struct change *ret)
{
    switch (member) {
    case ACT:
        ret->act = (enum proposal_act)cbor_uint_below(r, PROPOSE_EQUALS + 1, "unknown act");
        if (ret->act < PROPOSE_ADMIT) cbor_bad(r, "unknown act");
        break;
    case NODE: cbor_bytes_of(r, sizeof ret->node, ret->node); break;
    case TEXT: ret->text = read_text(r, LIMIT_REASON_BYTES); break;
    case ADDRESSES: read_addresses(r, arena, ret); break;
    case NAMES: ret->names = read_names(r, arena, LIMIT_SPEAKERS, &ret->n_names); break;
    case RIGHTS: ret->rights = cbor_uint_below(r, RIGHTS_ALL + 1, "unknown right"); break;
    case HEAD:
        ret->has_head = true;
        cbor_array_of(r, 2);
        ret->head_size = cbor_uint(r);
        cbor_bytes_of(r, sizeof ret->head_root.b, ret->head_root.b);
        break;
    case ROOT_KEY: cbor_bytes_of(r, sizeof ret->root_key, ret->root_key); break;
    case ISSUER: ret->issuer = read_text(r, LIMIT_ADDRESS_BYTES); break;
    case PUBLIC_KEY:
        ret->public_key = cbor_bytes(r);
        if (ret->public_key.n < 1 || ret->public_key.n > LIMIT_PUBLIC_KEY_BYTES) cbor_bad(r, "no key or too long");
        break;
    case SUBS: ret->subs = read_names(r, arena, LIMIT_CHANGE_SUBS, &ret->n_subs); break;
    case PROPOSAL: cbor_bytes_of(r, sizeof ret->proposal.b, ret->proposal.b); break;
    case REMOVES: ret->removes = read_true(r); break;
    case RULES:
        ret->rules = cbor_uint_below(r, RULES_MAX + 1, "no such version of the rules");
        if (ret->rules == 0) cbor_bad(r, "no such version of the rules");
        break;
    case BOUNDS: read_bounds(r, ret); break;
    case EPOCH:
        cbor_array_of(r, 3);
        ret->epoch.epoch = cbor_uint(r);
        ret->epoch.size = cbor_uint(r);
        cbor_bytes_of(r, sizeof ret->epoch.root.b, ret->epoch.root.b);
        if (ret->epoch.size % 2) cbor_bad(r, "size is odd");
        break;
    case SIGNATURES: read_signatures(r, arena, &ret->epoch); break;
    case EQUALS: ret->equals = (enum priority_equals)cbor_uint_below(r, EQUALS_MAY_MEET + 1, "unknown rule of equals"); break;
    default: cbor_bad(r, "unknown member of the change"); break;
    }
}

static void read_member(struct cbor *r, enum member member, struct arena *arena, struct change *ret)
{
    switch (member) {
    case ID: ret->id = cbor_id(r); break;
    case BASE:
        ret->has_base = true;
        ret->base = cbor_digest(r);
        break;
    case TOKEN: read_token(r, ret); break;
    case CELLS: read_cells(r, arena, &ret->vol); break;
    case BOX: read_box(r, &ret->vol.box); break;
    case URL: ret->url = cbor_text(r, LIMIT_URL_BYTES, "URL too long"); break;
    case COARSENED: ret->is_coarsened = read_true(r); break;
    case STATE:
        ret->state = (enum intent_state)cbor_uint_below(r, INTENT_CONTINGENT + 1, "unknown state");
        if (ret->state < INTENT_ACCEPTED) cbor_bad(r, "unknown state");
        break;
    case ATTACHED: read_attached(r, ret); break;
    case CHECKED_AT:
        ret->has_key = true;
        ret->checked_at = cbor_uint(r);
        break;
    case KEY_HASH: cbor_bytes_of(r, sizeof ret->key_hash.b, ret->key_hash.b); break;
    case DIGESTS: read_digests(r, arena, ret); break;
    case FOR_INTENTS: ret->for_intents = read_true(r); break;
    case FOR_CONSTRAINTS: ret->for_constraints = read_true(r); break;
    case USS: ret->uss = read_name(r); break;
    case AVAILABILITY:
        ret->availability = (enum uss_availability)cbor_uint_below(r, USS_DOWN + 1, "unknown availability");
        break;
    case DIGEST: cbor_bytes_of(r, sizeof ret->digest.b, ret->digest.b); break;
    case LENGTH: ret->length = cbor_uint(r); break;
    case MEMBER: ret->member = read_name(r); break;
    case ENTRY_KEY: cbor_bytes_of(r, sizeof ret->entry_key, ret->entry_key); break;
    case LOG_KEY: cbor_bytes_of(r, sizeof ret->log_key, ret->log_key); break;
    case MIRROR_KEY: cbor_bytes_of(r, sizeof ret->mirror_key, ret->mirror_key); break;
    case HTTP_KEY:
        ret->has_http_key = true;
        cbor_bytes_of(r, sizeof ret->http_key, ret->http_key);
        break;
    case PRIORITY:
        ret->priority = read_priority(r);
        if (ret->priority == 0) cbor_bad(r, "priority 0 is written by leaving the member out");
        break;
    default: read_affair(r, member, arena, ret); break;
    }
}

void change_decode(struct cbor *r, struct arena *arena, struct change *ret)
{
    const struct kind *kind;
    unsigned last = CBOR_FIRST_KEY;
    uint64_t has = 0;

    *ret = (struct change){0};
    cbor_array_of(r, 2);
    kind = kind_of(cbor_uint(r));
    if (!kind) {
        cbor_bad(r, "unknown kind of change");
        return;
    }
    ret->kind = kind->kind;
    for (size_t n = cbor_map(r); n > 0 && !r->problem; n--) {
        unsigned number = cbor_key(r, &last);
        if (r->problem) return;
        enum member member = NUMBERS[kind->numbering][number];
        if (member >= N_MEMBERS || !((kind->needs | kind->allows) & M(member))) {
            cbor_bad(r, "member that this kind of change does not have");
            return;
        }
        has |= M(member);
        read_member(r, member, arena, ret);
    }
    if (kind->needs & ~has) cbor_bad(r, "change lacks a member that its kind needs");
    if ((has & M_KEY) != 0 && (has & M_KEY) != M_KEY) cbor_bad(r, "key is given in part");
    if (kind->kind == CHANGE_PROPOSE && !r->problem && !has_what_its_act_needs(ret->act, has))
        cbor_bad(r, "proposal does not have what its act needs");
    if (ret->suffix.n > 0 && !kind->may_choose_token) cbor_bad(r, "kind does not choose its version");
    if (change_rules(ret) > RULES_NEWEST) cbor_bad(r, "change of rules that this build does not know");
}
