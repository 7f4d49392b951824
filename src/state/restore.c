/* restore.c - reading a snapshot back into a state.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The bytes come from one's own disk, but whatever they hold, the answer is a state or ERR_CORRUPT.
 */
#include <stdlib.h>

#include "base/limits.h"
#include "state/crc32c.h"
#include "state/internal.h"
#include "state/record.h"
#include "state/snapshot.h"

/* An entity that waits for the indices: filled in their own order they take a tenth of the time. */
struct placed {
    uint64_t first_cell;
    const struct entity *e;
};

VEC_DEFINE(placed_vec, struct placed);

struct reader {
    struct str all;    /* The snapshot, for offsets. */
    struct str blocks; /* Not opened yet. */
    struct str rest;   /* Of the open block's payload. */
    struct state *s;   /* From the header on. */
    struct crc32c crc;
    struct u64_vec cells;
    struct placed_vec placed;
    struct why *why;
    bool is_bad; /* A value was missing or not in its one form; zeros are handed out after it. */
};

static enum err corrupt(struct reader *r, const char *what)
{
    const char *at = r->rest.at ? r->rest.at : r->blocks.at;

    return fail(r->why, ERR_CORRUPT, "snapshot, byte %zu: %s", at ? (size_t)(at - r->all.at) : r->all.n,
                what);
}

static uint32_t u32_at(const char *at)
{
    uint32_t value = 0;

    for (int i = 3; i >= 0; i--) value = value << 8 | (uint8_t)at[i];
    return value;
}

static enum err next_block(struct reader *r)
{
    if (r->blocks.n < 8) return corrupt(r, "the file ends early");
    uint32_t n = u32_at(r->blocks.at);
    uint32_t crc = u32_at(r->blocks.at + 4);
    r->blocks = str_skip(r->blocks, 8);
    if (n == 0 || n > r->blocks.n) return corrupt(r, "a block has no such length");
    r->rest = str_first(r->blocks, n);
    if (crc32c_of(&r->crc, r->rest) != crc) return corrupt(r, "a block's checksum is wrong");
    r->blocks = str_skip(r->blocks, n);
    return OK;
}

/* --- values ----------------------------------------------------------------------------------- */

static struct str take(struct reader *r, size_t n)
{
    if (n > r->rest.n) {
        r->is_bad = true;
        return (struct str){"", 0};
    }
    struct str taken = str_first(r->rest, n);
    r->rest = str_skip(r->rest, n);
    return taken;
}

static uint64_t take_u64(struct reader *r)
{
    uint64_t value = 0;

    for (unsigned shift = 0; shift < 64; shift += 7) {
        struct str byte = take(r, 1);
        if (byte.n == 0) return 0;
        uint64_t bits = (uint8_t)byte.at[0] & 127;
        if (bits << shift >> shift != bits) break;
        value |= bits << shift;
        if ((uint8_t)byte.at[0] < 128) {
            if (bits == 0 && shift) break; /* Not the shortest form. */
            return value;
        }
    }
    r->is_bad = true;
    return 0;
}

static uint64_t take_up_to(struct reader *r, uint64_t max)
{
    uint64_t value = take_u64(r);

    if (value <= max) return value;
    r->is_bad = true;
    return 0;
}

static int64_t take_i64(struct reader *r)
{
    uint64_t value = take_u64(r);

    return (int64_t)(value >> 1 ^ (value & 1 ? UINT64_MAX : 0));
}

static int32_t take_i32(struct reader *r)
{
    int64_t value = take_i64(r);

    if (value >= INT32_MIN && value <= INT32_MAX) return (int32_t)value;
    r->is_bad = true;
    return 0;
}

static struct str take_text(struct reader *r, size_t min, size_t max)
{
    uint64_t n = take_u64(r);

    if (n < min || n > max) {
        r->is_bad = true;
        return (struct str){"", 0};
    }
    return take(r, (size_t)n);
}

static void take_fixed(struct reader *r, void *to, size_t n)
{
    struct str bytes = take(r, n);

    if (bytes.n == n) memcpy(to, bytes.at, n);
    else memset(to, 0, n);
}

static struct id take_id(struct reader *r)
{
    uint8_t bytes[16];

    take_fixed(r, bytes, sizeof bytes);
    return id_from_bytes(bytes);
}

static uint64_t take_digest(struct reader *r)
{
    uint8_t bytes[16] = {0};

    take_fixed(r, bytes, 8);
    return id_from_bytes(bytes).hi;
}

/* --- records ---------------------------------------------------------------------------------- */

static enum err read_header(struct reader *r)
{
    struct network *network;

    if (take_u64(r) != RECORD_HEADER || !str_equal(take_text(r, 0, 64), STR(RECORD_MAGIC)))
        return corrupt(r, "this is no snapshot of this version");
    struct str genesis = take_text(r, 1, LIMIT_ENTRY_BYTES);
    if (r->is_bad) return corrupt(r, "the header is not whole");
    TRY(network_read(genesis, &network, r->why));
    r->s = state_make(network);
    r->s->view.position = take_u64(r);
    r->s->view.clock_ms = take_i64(r);
    r->s->view.last_time_ms = take_i64(r);
    return r->is_bad || r->s->view.position == 0 ? corrupt(r, "the header is not whole") : OK;
}

static void take_issuers(struct reader *r, const struct member_issuer **list, size_t *ret_n)
{
    struct str subs[LIMIT_ISSUER_SUBS];
    uint64_t n = take_up_to(r, LIMIT_ISSUERS);

    for (uint64_t i = 0; i < n && !r->is_bad; i++) {
        struct str issuer = take_text(r, 1, LIMIT_ADDRESS_BYTES);
        struct str public_key = take_text(r, 1, LIMIT_PUBLIC_KEY_BYTES);
        uint64_t n_subs = take_up_to(r, LIMIT_ISSUER_SUBS);
        for (uint64_t k = 0; k < n_subs; k++) {
            subs[k] = take_text(r, 1, LIMIT_SUB_BYTES);
            if (k && str_compare(subs[k - 1], subs[k]) >= 0) r->is_bad = true;
        }
        if (n_subs == 0 || (i && issuer_compare(list[i - 1], issuer, public_key) >= 0)) r->is_bad = true;
        if (!r->is_bad) list[(*ret_n)++] = issuer_make(issuer, public_key, subs, (size_t)n_subs);
    }
}

static uint64_t take_index(struct reader *r) /* Of an entry that was applied; 0 for none. */
{
    return take_up_to(r, r->s->view.position - 1);
}

static enum err read_member(struct reader *r)
{
    const struct genesis *g = &r->s->network->genesis;
    const struct member_issuer *issuers[LIMIT_ISSUERS];
    struct member m = {.no = view_n_members(&r->s->view), .issuers = issuers};

    m.name = take_text(r, 1, LIMIT_SUB_BYTES);
    take_fixed(r, m.root_key.b, sizeof m.root_key.b);
    m.admitted_at = take_index(r);
    m.joined_at = take_index(r);
    m.expelled_at = take_index(r);
    m.suspended_at = take_index(r);
    m.suspended_ms = take_i64(r);
    m.reason = take_text(r, 0, LIMIT_REASON_BYTES);
    take_issuers(r, issuers, &m.n_issuers);
    bool founder = m.no < g->n_members;
    if (founder ? m.admitted_at != 0 || !str_equal(m.name, g->members[m.no].name) : m.admitted_at == 0) r->is_bad = true;
    if (m.no >= LIMIT_MEMBERS_EVER || (!m.suspended_at && m.suspended_ms)) r->is_bad = true;
    if (!r->is_bad && view_member_named(&r->s->view, m.name)) r->is_bad = true;
    if (r->is_bad) {
        for (size_t i = 0; i < m.n_issuers; i++) mem_free((void *)(uintptr_t)issuers[i]);
        return corrupt(r, "a member is not whole");
    }
    member_put(r->s, &m);
    r->s->extra.n_counted += member_counts(&m);
    r->s->extra.n_awaited += founder && !m.joined_at && !m.expelled_at;
    return OK;
}

static void take_node(struct reader *r, struct author *a, struct str addresses[LIMIT_ADDRESSES], size_t *ret_n)
{
    a->joined_at = take_index(r);
    a->ended_at = take_index(r);
    *ret_n = (size_t)take_up_to(r, LIMIT_ADDRESSES);
    for (size_t i = 0; i < *ret_n; i++) addresses[i] = take_text(r, 1, LIMIT_ADDRESS_BYTES);
    uint64_t flags = take_up_to(r, RECORD_NODE_HAS_HEAD | RECORD_NODE_HAS_HTTP_KEY);
    a->has_head = flags & RECORD_NODE_HAS_HEAD;
    a->has_http_key = flags & RECORD_NODE_HAS_HTTP_KEY;
    if (a->has_head) {
        a->head_size = take_u64(r);
        take_fixed(r, a->head_root.b, sizeof a->head_root.b);
    }
    if (a->has_http_key) take_fixed(r, a->http_key, sizeof a->http_key);
    if (a->is_root ? a->joined_at != 0 || *ret_n || flags != 0 : a->joined_at == 0) r->is_bad = true;
}

static enum err read_author(struct reader *r, struct id *last)
{
    struct author a = {0};
    struct str addresses[LIMIT_ADDRESSES];
    size_t n_addresses;
    uint8_t id[8];

    take_fixed(r, a.id, sizeof a.id);
    take_fixed(r, a.key.b, sizeof a.key.b);
    take_fixed(r, a.log_key, sizeof a.log_key);
    take_fixed(r, a.mirror_key, sizeof a.mirror_key);
    a.member = (uint32_t)take_up_to(r, LIMIT_MEMBERS_EVER - 1);
    a.is_root = take_up_to(r, 1) == 1;
    a.epoch = take_u64(r);
    a.next_slot = take_u64(r);
    take_fixed(r, a.last.b, sizeof a.last.b);
    a.last_time_ms = take_i64(r);
    take_node(r, &a, addresses, &n_addresses);
    author_id(&a.key, id);
    if (r->is_bad || memcmp(id, a.id, sizeof id)) return corrupt(r, "an author is not whole");
    if (r->s->extra.n_authors && id_compare(*last, author_key_of(a.id)) >= 0)
        return corrupt(r, "authors are out of order");
    const struct member *m = view_member(&r->s->view, a.member);
    if (!m || (!a.ended_at && (m->expelled_at || (!a.is_root && !m->joined_at))))
        return corrupt(r, "an author's member is not there");
    if (a.is_root && !a.ended_at != (memcmp(a.key.b, m->root_key.b, sizeof a.key.b) == 0 && !m->expelled_at))
        return corrupt(r, "a root key is not that of its member");
    *last = author_key_of(a.id);
    author_add(r->s, &a);
    if (n_addresses) author_set_addresses(r->s, author_find(&r->s->view, a.id), addresses, n_addresses);
    return OK;
}

/* Places of members, ascending; returns how many. */
static uint32_t take_places(struct reader *r, uint32_t *to, uint32_t min, uint32_t max)
{
    uint32_t n = (uint32_t)take_up_to(r, max);

    if (n < min) r->is_bad = true;
    for (uint32_t i = 0; i < n && !r->is_bad; i++) {
        to[i] = (uint32_t)take_up_to(r, view_n_members(&r->s->view) - 1);
        if (i && to[i - 1] >= to[i]) r->is_bad = true;
    }
    return n;
}

static void take_bounds(struct reader *r, int32_t *ret_low, int32_t *ret_high)
{
    *ret_low = take_i32(r);
    *ret_high = take_i32(r);
    if (*ret_low > *ret_high) r->is_bad = true;
}

static void take_proposal(struct reader *r, struct proposal *p)
{
    uint32_t places[LIMIT_MEMBERS_EVER];
    uint32_t n_members = view_n_members(&r->s->view);

    take_fixed(r, p->hash.b, sizeof p->hash.b);
    p->index = take_index(r);
    p->opened_ms = take_i64(r);
    p->by = (uint32_t)take_up_to(r, n_members - 1);
    p->act = (enum proposal_act)take_up_to(r, PROPOSE_EQUALS);
    p->subject = (uint32_t)take_up_to(r, n_members) - 1;
    struct str name = take_text(r, p->act != PROPOSE_EQUALS, p->act != PROPOSE_EQUALS ? LIMIT_SUB_BYTES : 0);
    p->n_name = (uint8_t)name.n;
    memcpy(p->name, name.at, name.n);
    take_fixed(r, p->root_key.b, sizeof p->root_key.b);
    p->n_members = take_places(r, p->members, p->act == PROPOSE_PARTICIPANT, LIMIT_SPEAKERS);
    p->rights = (uint32_t)take_up_to(r, RIGHTS_ALL);
    struct str text = take_text(r, 0, LIMIT_REASON_BYTES);
    p->n_text = (uint16_t)text.n;
    memcpy(p->text, text.at, text.n);
    uint32_t n = take_places(r, places, 0, n_members);
    for (uint32_t i = 0; i < n && !r->is_bad; i++) p->approvals[places[i] / 64] |= UINT64_C(1) << (places[i] % 64);
    if (p->act == PROPOSE_PRIORITY) take_bounds(r, &p->priority_low, &p->priority_high);
    if (p->act == PROPOSE_EQUALS) p->equals = (enum priority_equals)take_up_to(r, EQUALS_MAY_MEET);
    bool of_member = p->act == PROPOSE_EXPEL || p->act == PROPOSE_ROOT || p->act == PROPOSE_PRIORITY;
    if (p->act < PROPOSE_ADMIT || p->index == 0 || p->opened_ms > r->s->view.clock_ms) r->is_bad = true;
    if (of_member != (p->subject != UINT32_MAX)) r->is_bad = true;
}

static enum err read_proposal(struct reader *r)
{
    struct proposals *all = proposals_change(r->s);
    struct proposal *p = &all->at[all->n];

    if (all->n == LIMIT_PROPOSALS) return corrupt(r, "too many proposals");
    take_proposal(r, p);
    if (r->is_bad) return corrupt(r, "a proposal is not whole");
    if (all->n && p[-1].index >= p->index) return corrupt(r, "proposals are out of order");
    all->n++;
    return OK;
}

static enum err read_participant(struct reader *r, struct str *last)
{
    struct str sub = take_text(r, 1, LIMIT_SUB_BYTES);
    struct participant p = {0};

    p.n_members = take_places(r, p.members, 1, LIMIT_SPEAKERS);
    p.rights = (uint32_t)take_up_to(r, RIGHTS_ALL);
    p.changed_at = take_index(r);
    if (r->is_bad || p.changed_at == 0) return corrupt(r, "a participant is not whole");
    if (last->n && str_compare(*last, sub) >= 0) return corrupt(r, "participants are out of order");
    *last = sub;
    participant_put(r->s, name_intern(r->s, sub), &p);
    return OK;
}

static enum err read_availability(struct reader *r, struct str *last)
{
    struct str uss = take_text(r, 1, LIMIT_SUB_BYTES);
    struct availability a = {0};

    a.stored = (enum uss_availability)take_up_to(r, USS_DOWN);
    a.overlay = (enum overlay)take_up_to(r, OVERLAY_EXPELLED);
    a.status = a.overlay ? USS_DOWN : a.stored;
    a.version = take_text(r, LIMIT_OVN_MIN, LIMIT_OVN_MAX);
    a.changed_at = take_u64(r);
    a.left_down_at = take_u64(r);
    if (r->is_bad) return corrupt(r, "an availability is not whole");
    if (last->n && str_compare(*last, uss) >= 0)
        return corrupt(r, "availabilities are out of order");
    *last = uss;
    const struct name *name = name_intern(r->s, uss);
    const struct participant *p = participant_at(&r->s->extra, name->no);
    if (a.overlay != (p ? participant_overlay(&r->s->view, p) : OVERLAY_NONE))
        return corrupt(r, "an availability does not follow from its members");
    availability_store(r->s, name, &a);
    return OK;
}

static void take_intent(struct reader *r, struct entity *e)
{
    e->version = (int32_t)take_up_to(r, INT32_MAX);
    uint64_t state = take_up_to(r, RECORD_HAS_PRIORITY + INTENT_CONTINGENT);
    if (state >= RECORD_HAS_PRIORITY && (e->priority = take_i32(r)) == 0) r->is_bad = true;
    e->state = (enum intent_state)(state % RECORD_HAS_PRIORITY);
    if (e->state > INTENT_CONTINGENT) r->is_bad = true;
    e->subscription = take_id(r);
    if (e->state < INTENT_ACCEPTED || e->version == 0) r->is_bad = true;
    if (e->state != INTENT_ACCEPTED && id_is_zero(e->subscription)) r->is_bad = true;
}

static void take_subscription(struct reader *r, struct entity *e, uint64_t *ret_index)
{
    uint64_t flags = take_up_to(r, 7);

    e->for_intents = flags & 1;
    e->for_constraints = flags & 2;
    e->is_implicit = flags & 4;
    e->asks_constraints_since = take_u64(r);
    *ret_index = take_up_to(r, INT32_MAX);
}

static void take_entity(struct reader *r, struct entity *e)
{
    e->id = take_id(r);
    struct str manager = take_text(r, 1, LIMIT_SUB_BYTES);
    e->url = take_text(r, 0, LIMIT_ENTRY_BYTES);
    e->token = take_text(r, LIMIT_OVN_MIN, LIMIT_OVN_MAX);
    e->changed_at = take_u64(r);
    e->box.starts_us = take_i64(r);
    e->box.ends_us = take_i64(r);
    e->box.floor_mm = take_i32(r);
    e->box.ceil_mm = take_i32(r);
    e->cells = take_text(r, 1, UINT32_MAX);
    if (e->box.starts_us >= e->box.ends_us || e->box.floor_mm > e->box.ceil_mm) r->is_bad = true;
    if (id_is_zero(e->id) || e->changed_at >= r->s->view.position) r->is_bad = true;
    u64_vec_clear(&r->cells);
    if (!cell_set_decode(e->cells, LIMIT_CELLS, &r->cells) || r->cells.n == 0) r->is_bad = true;
    e->n_cells = (uint32_t)r->cells.n;
    if (r->is_bad) return;
    const struct name *name = name_intern(r->s, manager);
    e->manager = name->text;
    e->manager_no = name->no;
}

static enum err read_used_tokens(struct reader *r, const struct entity *e)
{
    uint64_t n = take_up_to(r, r->rest.n / 8), last = 0;

    for (uint64_t i = 0; i < n; i++) {
        uint64_t digest = take_digest(r);
        if (i && digest <= last) r->is_bad = true;
        ptree_put(&r->s->view.used_tokens, r->s->cow, (struct id){e->no, digest}, 0);
        last = digest;
    }
    return r->is_bad ? corrupt(r, "requested OVNs are not whole") : OK;
}

static enum err read_entity(struct reader *r, enum entity_kind kind, struct id *last)
{
    struct entity fields = {.kind = kind};
    uint64_t index = 0;

    take_entity(r, &fields);
    if (kind == ENTITY_INTENT) take_intent(r, &fields);
    if (kind == ENTITY_CONSTRAINT && (fields.version = (int32_t)take_up_to(r, INT32_MAX)) == 0)
        r->is_bad = true;
    if (kind == ENTITY_SUBSCRIPTION) take_subscription(r, &fields, &index);
    fields.token_digest = hash_digest(fields.token);
    if (r->is_bad) return corrupt(r, "an entity is not whole");
    if (id_compare(*last, fields.id) >= 0) return corrupt(r, "entities are out of order");
    *last = fields.id;

    struct entity *e = entity_make(r->s, &fields, NULL, 0);
    entity_place(r->s, e);
    placed_vec_add(&r->placed, (struct placed){r->cells.at[0], e});
    if (kind == ENTITY_SUBSCRIPTION) parr_set(&r->s->view.indices, r->s->cow, e->no, index);
    return kind == ENTITY_INTENT ? read_used_tokens(r, e) : OK;
}

static void take_all_bounds(struct reader *r)
{
    struct extra *x = &r->s->extra;
    uint64_t n = take_up_to(r, x->n_members), next = 0;

    for (uint64_t i = 0; i < n && !r->is_bad; i++) {
        uint64_t no = take_up_to(r, x->n_members - 1);
        struct member m = *member_at(x, (uint32_t)no);
        take_bounds(r, &m.priority_low, &m.priority_high);
        if (no < next || (!m.priority_low && !m.priority_high)) r->is_bad = true;
        else member_put(r->s, &m);
        next = no + 1;
    }
}

static void take_announcements(struct reader *r)
{
    uint64_t n = take_up_to(r, r->s->extra.n_authors);
    struct id last = {0, 0};

    for (uint64_t i = 0; i < n && !r->is_bad; i++) {
        uint8_t id[8];
        take_fixed(r, id, sizeof id);
        uint64_t rules = take_up_to(r, UINT16_MAX);
        const struct author *a = author_find(&r->s->view, id);
        if (!a || a->is_root || rules == 0 || (i && id_compare(last, author_key_of(id)) >= 0)) r->is_bad = true;
        else author_change(r->s, a)->rules = (uint32_t)rules;
        last = author_key_of(id);
    }
}

/* Of rules that this build does not know it can take over the place where they began, and nothing that was made by them. */
static enum err read_rules(struct reader *r)
{
    struct extra *x = &r->s->extra;

    x->rules = (uint32_t)take_up_to(r, UINT16_MAX);
    x->rules_since = take_index(r);
    x->equals = (enum priority_equals)take_up_to(r, EQUALS_MAY_MEET);
    take_all_bounds(r);
    take_announcements(r);
    if (x->rules_since ? x->rules <= r->s->network->genesis.rules : x->rules != r->s->network->genesis.rules) r->is_bad = true;
    if (r->is_bad || !rules_differ(x)) return corrupt(r, "the rules are not whole");
    if (x->rules > RULES_NEWEST && x->rules_since + 1 != r->s->view.position)
        return corrupt(r, "it was made by rules that this build does not know");
    return OK;
}

static enum err read_epoch(struct reader *r)
{
    struct epoch *e = &r->s->extra.epoch;

    e->number = take_u64(r);
    e->since = take_index(r);
    e->size = take_u64(r);
    take_fixed(r, e->root.b, sizeof e->root.b);
    if (r->is_bad || e->number == 0 || e->since == 0 || e->size / 2 != e->since || e->size % 2) return corrupt(r, "the epoch is not whole");
    for (uint32_t no = 0; no < r->s->extra.n_authors; no++)
        if (author_at(&r->s->extra, no)->epoch > e->number) return corrupt(r, "an author is in a later epoch");
    return OK;
}

static enum err read_end(struct reader *r)
{
    for (int kind = 0; kind < N_ENTITY_KINDS; kind++)
        if (take_u64(r) != r->s->view.by_id[kind].n) r->is_bad = true;
    if (r->is_bad) return corrupt(r, "the counts at the end are not those of the entities");
    if (r->rest.n || r->blocks.n) return corrupt(r, "something stands behind the end");
    return OK;
}

/* Records up to the end, in the order of their tags. */
static enum err read_records(struct reader *r)
{
    struct id last = {0, 0};
    struct str last_name = {0};
    uint64_t before = RECORD_MEMBER;
    uint64_t last_of = 0; /* Rules and epoch stand before the end. */

    for (;;) {
        if (r->rest.n == 0) TRY(next_block(r));
        uint64_t tag = take_u64(r);
        if ((tag == RECORD_RULES || tag == RECORD_EPOCH) && tag > last_of && !r->is_bad) {
            last_of = tag;
            before = RECORD_END;
            TRY(tag == RECORD_RULES ? read_rules(r) : read_epoch(r));
            continue;
        }
        if (r->is_bad || tag < before || tag > RECORD_END)
            return corrupt(r, "no record can stand here");
        if (tag != before) {
            last = (struct id){0, 0};
            last_name = (struct str){0};
        }
        before = tag;
        if (tag > RECORD_MEMBER && r->s->extra.n_members < r->s->network->genesis.n_members)
            return corrupt(r, "a founder is missing");
        if (tag == RECORD_END) return read_end(r);
        if (tag == RECORD_MEMBER) TRY(read_member(r));
        else if (tag == RECORD_AUTHOR) TRY(read_author(r, &last));
        else if (tag == RECORD_PROPOSAL) TRY(read_proposal(r));
        else if (tag == RECORD_PARTICIPANT) TRY(read_participant(r, &last_name));
        else if (tag == RECORD_AVAILABILITY) TRY(read_availability(r, &last_name));
        else TRY(read_entity(r, (enum entity_kind)(tag - RECORD_INTENT), &last));
    }
}

/* --- indices ---------------------------------------------------------------------------------- */

static int compare_places(const void *a, const void *b)
{
    const struct placed *x = a, *y = b;

    if (x->first_cell != y->first_cell) return x->first_cell < y->first_cell ? -1 : 1;
    if (x->e->box.starts_us != y->e->box.starts_us)
        return x->e->box.starts_us < y->e->box.starts_us ? -1 : 1;
    return 0; /* Their order is without effect. */
}

static int compare_keys(const void *a, const void *b)
{
    return id_compare(*(const struct id *)a, *(const struct id *)b);
}

static void fill_grids(struct reader *r)
{
    struct placed_vec *p = &r->placed;

    if (p->n > 1) qsort(p->at, p->n, sizeof *p->at, compare_places);
    for (size_t i = 0; i < p->n; i++) {
        const struct entity *e = p->at[i].e;
        entity_cells(e, &r->cells);
        grid_insert(&r->s->view.grid[e->kind], r->s->cow, e->no,
                    &(struct vol){r->cells.at, r->cells.n, e->box});
    }
}

static void fill_ends(struct reader *r)
{
    struct placed_vec *p = &r->placed;
    struct id *keys = mem_calloc(p->n, sizeof *keys);

    for (size_t i = 0; i < p->n; i++) keys[i] = entity_end_key(p->at[i].e);
    if (p->n > 1) qsort(keys, p->n, sizeof *keys, compare_keys);
    for (size_t i = 0; i < p->n; i++) ptree_put(&r->s->view.by_end, r->s->cow, keys[i], 0);
    mem_free(keys);
}

static int compare_tokens(const void *a, const void *b)
{
    const struct placed *x = a, *y = b;

    if (x->e->token_digest != y->e->token_digest)
        return x->e->token_digest < y->e->token_digest ? -1 : 1;
    return 0; /* Refused below. */
}

static enum err fill_tokens(struct reader *r)
{
    struct placed_vec *p = &r->placed;
    const struct entity *last = NULL;

    if (p->n > 1) qsort(p->at, p->n, sizeof *p->at, compare_tokens);
    for (size_t i = 0; i < p->n; i++) {
        const struct entity *e = p->at[i].e;
        if (e->kind == ENTITY_SUBSCRIPTION) continue;
        if (last && last->token_digest == e->token_digest)
            return corrupt(r, "two entities have one OVN");
        last = e;
        ptree_put(&r->s->view.by_token, r->s->cow, entity_token_key(e), entity_token_value(e));
    }
    return OK;
}

static enum err fill_indices(struct reader *r)
{
    fill_grids(r);
    fill_ends(r);
    return fill_tokens(r);
}

/* --- the whole -------------------------------------------------------------------------------- */

/* Whether founders, live roots and overlays are all there. */
static enum err link_members(struct reader *r)
{
    const struct extra *x = &r->s->extra;
    const struct view *v = &r->s->view;

    for (uint32_t no = 0; no < x->n_members; no++) {
        const struct member *m = member_at(x, no);
        const struct author *root = author_find(v, m->root_id);
        if (!root || !root->is_root || root->member != no) return corrupt(r, "a member's root is missing");
    }
    for (uint32_t no = 0; no < x->participants.limit; no++) {
        const struct participant *p = participant_at(x, no);
        if (p && participant_overlay(v, p) && !parr_get(&v->availabilities, no))
            return corrupt(r, "a participant should be Down");
    }
    members_clock(r->s);
    return OK;
}

/* Joins intents to their subscriptions, and checks what apply relies on. */
static enum err link_all(struct reader *r)
{
    struct view *v = &r->s->view;

    for (uint32_t no = 0; no < v->slots[ENTITY_INTENT].limit; no++) {
        const struct entity *e = view_slot(v, ENTITY_INTENT, no);
        const struct entity *sub = view_find(v, ENTITY_SUBSCRIPTION, e->subscription);
        if (id_is_zero(e->subscription)) continue;
        if (!sub || sub->manager_no != e->manager_no || sub->box.ends_us < e->box.ends_us)
            return corrupt(r, "an intent's subscription is not there or does not cover it");
        ptree_put(&v->dependents, r->s->cow, (struct id){sub->no, no}, 0);
    }
    for (uint32_t no = 0; no < v->slots[ENTITY_SUBSCRIPTION].limit; no++) {
        AUTO(u32_vec_done) struct u32_vec nos = {0};
        const struct entity *sub = view_slot(v, ENTITY_SUBSCRIPTION, no);
        if (!sub->is_implicit) continue;
        view_dependent_nos(v, no, 1, &nos);
        if (nos.n == 0) return corrupt(r, "nothing depends on an implicit subscription");
    }
    return link_members(r);
}

static enum err read_all(struct reader *r)
{
    TRY(next_block(r));
    TRY(read_header(r));
    TRY(read_records(r));
    TRY(fill_indices(r));
    return link_all(r);
}

enum err snapshot_read(struct str bytes, struct state **ret, struct why *why)
{
    struct reader *r = mem_zalloc(sizeof *r);

    *r = (struct reader){.all = bytes, .blocks = bytes, .why = why};
    crc32c_init(&r->crc);
    enum err err = read_all(r);
    if (err == OK) {
        recent_clear(r->s);
        state_publish(r->s);
        *ret = r->s;
    } else {
        state_free(r->s);
    }
    u64_vec_done(&r->cells);
    placed_vec_done(&r->placed);
    mem_free(r);
    return err;
}
