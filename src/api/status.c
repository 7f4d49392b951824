/* status.c - renders GET /aux/v1/status.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "api/status.h"

#include <stdlib.h>

#include "api/call.h"
#include "api/signing.h"
#include "base/hex.h"
#include "base/json.h"
#include "node/peers.h"
#include "state/member.h"
#include "state/rules.h"

struct named_participant {
    struct str sub;
    const struct participant *record;
};
VEC_DEFINE(participant_vec, struct named_participant);

struct status {
    struct json j;
    const struct view *v;
    struct node *node;
};

static void add_text(struct json *j, const char *key, struct str value)
{
    json_key(j, key);
    json_str(j, value);
}

static void add_number(struct json *j, const char *key, uint64_t value)
{
    json_key(j, key);
    json_u64(j, value);
}

static void add_flag(struct json *j, const char *key, bool value)
{
    json_key(j, key);
    json_bool(j, value);
}

static void add_hex(struct json *j, const char *key, const void *bytes, size_t n)
{
    char text[64];
    must(2 * n <= sizeof text);
    hex_encode(bytes, n, text);
    add_text(j, key, str_make(text, 2 * n));
}

/* A time in ms; none is null. */
static void add_time(struct json *j, const char *key, bool is_there, int64_t ms)
{
    json_key(j, key);
    if (is_there) json_instant(j, ms * 1000);
    else json_null(j);
}

static struct str standing_of(const struct member *m)
{
    if (m->expelled_at) return STR("expelled");
    if (!m->joined_at) return STR("named");
    return member_is_suspended(m) ? STR("suspended") : STR("active");
}

/* --- members ---------------------------------------------------------------------------------- */

/* Of a node, the time of its last entry; false if it has none. */
static bool last_entry(const struct view *v, const uint8_t author[8], int64_t *ret_ms)
{
    struct hash previous;
    uint64_t slot;

    return state_author_next(v, author, &slot, &previous, ret_ms) && *ret_ms != INT64_MIN;
}

static void add_node(struct status *s, const struct member_node *n, bool is_this)
{
    struct json *j = &s->j;
    struct why trouble = {0};
    int64_t ms = 0;
    bool has_time = last_entry(s->v, n->id, &ms);

    json_open(j, '{');
    add_hex(j, "author", n->id, sizeof n->id);
    add_flag(j, "this_node", is_this);
    add_hex(j, "entry_key", n->key.b, sizeof n->key.b);
    add_hex(j, "log_key", n->log_key, sizeof n->log_key);
    add_number(j, "rules", view_rules_of(s->v, n->id));
    add_number(j, "joined_at", n->joined_at);
    add_time(j, "last_entry", has_time, ms);
    json_key(j, "addresses");
    json_open(j, '[');
    for (size_t i = 0; i < n->n_addresses; i++) json_str(j, n->addresses[i]);
    json_close(j, ']');
    if (node_peers(s->node)) peers_trouble(node_peers(s->node), n->id, &trouble);
    add_text(j, "trouble", str_of(trouble.text));
    json_close(j, '}');
}

static void add_issuers(struct json *j, const struct member *m)
{
    json_key(j, "issuers");
    json_open(j, '[');
    for (size_t i = 0; i < m->n_issuers; i++) {
        struct hash key = hash_of(m->issuers[i]->public_key);
        json_open(j, '{');
        add_text(j, "issuer", m->issuers[i]->issuer);
        add_hex(j, "key_sha256", key.b, sizeof key.b);
        json_key(j, "subs");
        json_open(j, '[');
        for (size_t k = 0; k < m->issuers[i]->n_subs; k++) json_str(j, m->issuers[i]->subs[k]);
        json_close(j, ']');
        json_close(j, '}');
    }
    json_close(j, ']');
}

/* What this node knows from the member's nodes themselves: the largest head signed, and how long ago they were heard. */
static void add_heard(struct status *s, const struct member *m)
{
    uint64_t size = 0;
    int64_t heard_us = 0;
    bool is_known = node_signed(s->node, m->no, &size, &heard_us);

    json_key(&s->j, "signed_size");
    if (is_known) json_u64(&s->j, size);
    else json_null(&s->j);
    json_key(&s->j, "heard_ms_ago");
    if (heard_us > 0) json_i64(&s->j, (node_steady_us(s->node) - heard_us) / 1000);
    else json_null(&s->j);
}

static void add_member(struct status *s, const struct member *m)
{
    struct member_node nodes[LIMIT_MEMBER_NODES];
    size_t n = view_nodes(s->v, m->no, nodes);
    struct json *j = &s->j;
    int64_t latest = INT64_MIN;
    uint8_t self[8];

    node_author(s->node, self);
    for (size_t i = 0; i < n; i++) {
        int64_t ms;
        if (last_entry(s->v, nodes[i].id, &ms) && ms > latest) latest = ms;
    }
    json_open(j, '{');
    add_text(j, "member", m->name);
    add_text(j, "standing", standing_of(m));
    add_hex(j, "root_author", m->root_id, sizeof m->root_id);
    add_hex(j, "root_key", m->root_key.b, sizeof m->root_key.b);
    add_number(j, "admitted_at", m->admitted_at);
    add_number(j, "joined_at", m->joined_at);
    add_number(j, "expelled_at", m->expelled_at);
    add_number(j, "suspended_at", m->suspended_at);
    add_time(j, "suspended_since", member_is_suspended(m), m->suspended_ms);
    add_text(j, "reason", m->reason);
    json_key(j, "priority_low");
    json_i64(j, m->priority_low);
    json_key(j, "priority_high");
    json_i64(j, m->priority_high);
    add_time(j, "last_entry", latest != INT64_MIN, latest);
    add_heard(s, m);
    json_key(j, "nodes");
    json_open(j, '[');
    for (size_t i = 0; i < n; i++) add_node(s, &nodes[i], memcmp(nodes[i].id, self, sizeof self) == 0);
    json_close(j, ']');
    add_issuers(j, m);
    json_close(j, '}');
}

/* --- proposals and participants --------------------------------------------------------------- */

static void add_names(struct status *s, const char *key, const uint32_t *members, size_t n)
{
    json_key(&s->j, key);
    json_open(&s->j, '[');
    for (size_t i = 0; i < n; i++) json_str(&s->j, view_member(s->v, members[i])->name);
    json_close(&s->j, ']');
}

static void add_rights(struct json *j, uint32_t rights)
{
    json_key(j, "rights");
    json_open(j, '[');
    if (rights & RIGHT_ARBITRATION) json_str(j, STR("arbitration"));
    if (rights & RIGHT_CONSTRAINTS) json_str(j, STR("constraints"));
    json_close(j, ']');
}

/* Who has approved, or who has yet to: every unsuspended member but the subject of an expulsion or a new root key. */
static void add_votes(struct status *s, const struct proposal *p, bool approved)
{
    json_key(&s->j, approved ? "approved_by" : "waits_for");
    json_open(&s->j, '[');
    for (uint32_t no = 0; no < view_n_members(s->v); no++) {
        const struct member *m = view_member(s->v, no);
        bool has = p->approvals[no / 64] >> (no % 64) & 1;
        if (!member_counts(m) || has != approved) continue;
        if (!approved && (no == p->subject || member_is_suspended(m))) continue;
        json_str(&s->j, m->name);
    }
    json_close(&s->j, ']');
}

static void add_proposal(struct status *s, const struct proposal *p)
{
    static const char *const acts[] = {[PROPOSE_ADMIT] = "admit", [PROPOSE_EXPEL] = "expel", [PROPOSE_ROOT] = "root key",
                                       [PROPOSE_PARTICIPANT] = "participant", [PROPOSE_PRIORITY] = "priorities",
                                       [PROPOSE_EQUALS] = "equal priorities"};
    struct json *j = &s->j;

    json_open(j, '{');
    add_hex(j, "proposal", p->hash.b, sizeof p->hash.b);
    add_number(j, "index", p->index);
    add_text(j, "act", str_of(acts[p->act]));
    if (p->n_name) add_text(j, p->act == PROPOSE_PARTICIPANT ? "participant" : "member", (struct str){p->name, p->n_name});
    if (p->act == PROPOSE_PRIORITY) {
        json_key(j, "lowest");
        json_i64(j, p->priority_low);
        json_key(j, "highest");
        json_i64(j, p->priority_high);
    }
    if (p->act == PROPOSE_EQUALS) add_text(j, "equals", p->equals == EQUALS_MAY_MEET ? STR("may meet") : STR("first stays"));
    if (p->act == PROPOSE_ADMIT || p->act == PROPOSE_ROOT) add_hex(j, "root_key", p->root_key.b, sizeof p->root_key.b);
    if (p->act == PROPOSE_PARTICIPANT) {
        add_names(s, "members", p->members, p->n_members);
        add_rights(j, p->rights);
    }
    add_text(j, "reason", (struct str){p->text, p->n_text});
    add_text(j, "by", view_member(s->v, p->by)->name);
    add_time(j, "lapses_after", true, p->opened_ms + LIMIT_PROPOSAL_MS);
    add_votes(s, p, true);
    add_votes(s, p, false);
    json_close(j, '}');
}

static void collect(void *context, struct str sub, const struct participant *p)
{
    participant_vec_add(context, (struct named_participant){sub, p});
}

static int compare(const void *a, const void *b)
{
    return str_compare(((const struct named_participant *)a)->sub, ((const struct named_participant *)b)->sub);
}

static void add_participant(struct status *s, struct str sub, const struct participant *p)
{
    static const char *const words[] = {[USS_UNKNOWN] = "Unknown", [USS_NORMAL] = "Normal", [USS_DOWN] = "Down"};
    struct availability a = view_availability(s->v, sub);

    json_open(&s->j, '{');
    add_text(&s->j, "sub", sub);
    add_names(s, "members", p->members, p->n_members);
    add_rights(&s->j, p->rights);
    add_text(&s->j, "availability", str_of(words[a.status]));
    add_flag(&s->j, "suspended", a.overlay != OVERLAY_NONE);
    add_number(&s->j, "changed_at", p->changed_at);
    json_close(&s->j, '}');
}

static void add_participants(struct status *s)
{
    AUTO(participant_vec_done) struct participant_vec all = {0};

    view_participants(s->v, collect, &all);
    if (all.n > 1) qsort(all.at, all.n, sizeof *all.at, compare);
    json_key(&s->j, "participants");
    json_open(&s->j, '[');
    for (size_t i = 0; i < all.n; i++) add_participant(s, all.at[i].sub, all.at[i].record);
    json_close(&s->j, ']');
}

/* Of a network of several members: whether the order is known, and how old what is known is. */
static void add_order(struct json *j, const struct node_status *is)
{
    json_key(j, "etcd");
    if (!is->is_shared) {
        json_null(j);
        return;
    }
    json_open(j, '{');
    add_flag(j, "answers", is->has_etcd);
    add_text(j, "why", str_of(is->etcd_why.text));
    add_number(j, "age_ms", (uint64_t)(is->age_us / 1000));
    add_number(j, "unsettled", is->n_unsettled);
    add_number(j, "slots_kept_from", is->slots_kept_from);
    add_number(j, "forgotten_proofs", is->n_forgotten);
    json_close(j, '}');
}

/* Versions of the rules (decision A11): what holds, what this program knows, what this node announced. */
static void add_rules(struct status *s, const uint8_t author[8])
{
    struct json *j = &s->j;

    json_key(j, "rules");
    json_open(j, '{');
    add_number(j, "in_force", view_rules(s->v));
    add_number(j, "since", view_rules_since(s->v) ? view_rules_since(s->v) + 1 : 0);
    add_number(j, "known", RULES_NEWEST);
    add_number(j, "announced", view_rules_of(s->v, author));
    json_close(j, '}');
}

/* --- the whole -------------------------------------------------------------------------------- */

static void add_node_itself(struct status *s, const struct node_status *is, struct call *c)
{
    AUTO(buf_done) struct buf vkey = {0};
    struct json *j = &s->j;
    uint8_t author[8];

    node_author(s->node, author);
    node_vkey(s->node, &vkey);
    const struct member *m = view_member_of_author(s->v, author);
    add_text(j, "version", c->api->options.version);
    add_hex(j, "author", author, sizeof author);
    json_key(j, "member");
    if (m) json_str(j, m->name);
    else json_null(j);
    add_flag(j, "joined", m != NULL);
    add_text(j, "vkey", buf_str(&vkey));
    add_number(j, "position", s->v->position);
    add_number(j, "signed_size", is->signed_size);
    add_time(j, "time", true, c->now_us / 1000);
    add_time(j, "clock", true, s->v->clock_ms);
    add_flag(j, "takes_writes", is->takes_writes);
    add_text(j, "stopped_because", str_of(is->stopped_because.text));
    add_text(j, "warning", str_of(is->warning.text));
    add_rules(s, author);
    add_order(j, is);
    signing_add_status(j, s->node);
}

static void render(struct status *s, struct call *c, bool wants_digest)
{
    struct node_status is;
    struct json *j = &s->j;

    node_status(s->node, &is);
    json_open(j, '{');
    add_text(j, "origin", node_origin(s->node));
    add_text(j, "genesis_hash", str_make(c->api->dar_id, sizeof c->api->dar_id));
    add_node_itself(s, &is, c);
    if (wants_digest) {
        struct hash digest = state_digest(s->v);
        add_hex(j, "digest", digest.b, sizeof digest.b);
    }
    add_text(j, "equal_priorities", view_priority_equals(s->v) == EQUALS_MAY_MEET ? STR("may meet") : STR("first stays"));
    add_flag(j, "open", view_is_open(s->v));
    add_number(j, "majority", view_majority(s->v));
    json_key(j, "members");
    json_open(j, '[');
    for (uint32_t no = 0; no < view_n_members(s->v); no++) add_member(s, view_member(s->v, no));
    json_close(j, ']');
    json_key(j, "proposals");
    json_open(j, '[');
    for (size_t i = 0; i < view_n_proposals(s->v); i++) add_proposal(s, view_proposal(s->v, i));
    json_close(j, ']');
    add_participants(s);
    json_close(j, '}');
}

void status_on_get(struct call *c)
{
    struct buf body = {0};
    struct state_pin pin;
    struct str digest;
    bool wants_digest = http_query(c->http, "digest", &digest) && str_equal(digest, STR("1"));
    struct status s = {.j = {.to = &body}, .v = call_read(c, &pin), .node = c->api->options.node};

    render(&s, c, wants_digest);
    state_done_reading(&pin);
    c->cache_control = STR("no-store");
    call_answer(c, 200, &body);
}
