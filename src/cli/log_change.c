/* log_change.c - what each kind of change says.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "cli/log_change.h"

#include <stdio.h>

#include "base/hex.h"
#include "base/instant.h"
#include "entry/cbor.h"

static const char *kind_name(enum change_kind kind)
{
    switch (kind) {
    case CHANGE_JOIN: return "join";
    case CHANGE_TICK: return "tick";
    case CHANGE_INTENT_PUT: return "intent put";
    case CHANGE_INTENT_DELETE: return "intent delete";
    case CHANGE_CONSTRAINT_PUT: return "constraint put";
    case CHANGE_CONSTRAINT_DELETE: return "constraint delete";
    case CHANGE_SUBSCRIPTION_PUT: return "subscription put";
    case CHANGE_SUBSCRIPTION_DELETE: return "subscription delete";
    case CHANGE_AVAILABILITY_PUT: return "availability put";
    case CHANGE_REPORT: return "report";
    case CHANGE_PROPOSE: return "propose";
    case CHANGE_APPROVE: return "approve";
    case CHANGE_NODE_END: return "node end";
    case CHANGE_ADDRESSES: return "addresses";
    case CHANGE_ISSUER: return "issuer";
    case CHANGE_PARTICIPANT: return "participant";
    case CHANGE_RULES: return "rules";
    case CHANGE_EPOCH: return "epoch";
    case CHANGE_SUSPEND: return "suspend";
    case CHANGE_RESUME: return "resume";
    }
    return "unknown";
}

static const char *state_name(enum intent_state state)
{
    switch (state) {
    case INTENT_ACCEPTED: return "Accepted";
    case INTENT_ACTIVATED: return "Activated";
    case INTENT_NONCONFORMING: return "Nonconforming";
    case INTENT_CONTINGENT: return "Contingent";
    }
    return "unknown";
}

static void add_hex(struct json *j, const char *name, const void *bytes, size_t n)
{
    char text[64];
    must(2 * n <= sizeof text);
    hex_encode(bytes, n, text);
    json_key(j, name);
    json_str(j, str_make(text, 2 * n));
}

/* Heights in metres above WGS84, with as many decimals as there are. */
static void add_height(struct json *j, const char *name, int32_t mm)
{
    char text[32];
    json_key(j, name);
    if (mm == VOL_FLOOR_NONE || mm == VOL_CEIL_NONE) {
        json_null(j);
        return;
    }
    json_raw(j, str_make(text, (size_t)snprintf(text, sizeof text, "%.10g", mm / 1000.0)));
}

static void add_moment(struct json *j, const char *name, int64_t us)
{
    json_key(j, name);
    if (us == INSTANT_MIN || us == INSTANT_MAX) {
        json_null(j);
    } else {
        json_instant(j, us);
    }
}

static bool has_volume(enum change_kind kind)
{
    return kind == CHANGE_INTENT_PUT || kind == CHANGE_CONSTRAINT_PUT || kind == CHANGE_SUBSCRIPTION_PUT;
}

static void add_text(struct json *j, const char *name, struct str text)
{
    json_key(j, name);
    json_str(j, text);
}

static void add_list(struct json *j, const char *name, const struct str *texts, size_t n)
{
    json_key(j, name);
    json_open(j, '[');
    for (size_t i = 0; i < n; i++) json_str(j, texts[i]);
    json_close(j, ']');
}

static void add_participant(struct json *j, const struct change *c)
{
    add_text(j, "participant", c->uss);
    add_list(j, "members", c->names, c->n_names);
    json_key(j, "rights");
    json_open(j, '[');
    if (c->rights & RIGHT_ARBITRATION) json_str(j, STR("arbitration"));
    if (c->rights & RIGHT_CONSTRAINTS) json_str(j, STR("constraints"));
    json_close(j, ']');
}

/* Of members' affairs, all that they say. */
static void add_proposal(struct json *j, const struct change *c)
{
    static const char *const acts[] = {"?", "admit", "expel", "root key", "participant", "priorities", "equal priorities"};

    add_text(j, "act", str_of(c->act <= PROPOSE_EQUALS ? acts[c->act] : "?"));
    if (c->act == PROPOSE_PARTICIPANT) add_participant(j, c);
    else if (c->act == PROPOSE_EQUALS) add_text(j, "equals", c->equals == EQUALS_MAY_MEET ? STR("may meet") : STR("first stays"));
    else add_text(j, "member", c->member);
    if (c->act == PROPOSE_PRIORITY) {
        json_key(j, "lowest");
        json_i64(j, c->priority_low);
        json_key(j, "highest");
        json_i64(j, c->priority_high);
    }
    if (c->act == PROPOSE_ADMIT || c->act == PROPOSE_ROOT) add_hex(j, "root_key", c->root_key, sizeof c->root_key);
    add_text(j, "reason", c->text);
}

static void add_join(struct json *j, const struct change *c)
{
    add_text(j, "member", c->member);
    add_hex(j, "entry_key", c->entry_key, sizeof c->entry_key);
    add_hex(j, "log_key", c->log_key, sizeof c->log_key);
    add_hex(j, "mirror_key", c->mirror_key, sizeof c->mirror_key);
    if (c->has_http_key) add_hex(j, "http_key", c->http_key, sizeof c->http_key);
}

static void add_node_end(struct json *j, const struct change *c)
{
    add_hex(j, "node", c->node, sizeof c->node);
    add_text(j, "reason", c->text);
    if (!c->has_head) return;
    json_key(j, "head_size");
    json_u64(j, c->head_size);
    add_hex(j, "head_root", c->head_root.b, sizeof c->head_root.b);
}

static void add_issuer(struct json *j, const struct change *c)
{
    struct hash key = hash_of(c->public_key);

    add_text(j, "issuer", c->issuer);
    add_hex(j, "key_sha256", key.b, sizeof key.b);
    add_list(j, "subs", c->subs, c->n_subs);
    json_key(j, "removes");
    json_bool(j, c->removes);
}

static void add_affair(struct json *j, const struct change *c)
{
    switch (c->kind) {
    case CHANGE_JOIN: add_join(j, c); break;
    case CHANGE_PROPOSE: add_proposal(j, c); break;
    case CHANGE_APPROVE: add_hex(j, "proposal", c->proposal.b, sizeof c->proposal.b); break;
    case CHANGE_NODE_END: add_node_end(j, c); break;
    case CHANGE_ADDRESSES:
        add_hex(j, "node", c->node, sizeof c->node);
        add_list(j, "addresses", c->addresses, c->n_addresses);
        break;
    case CHANGE_ISSUER: add_issuer(j, c); break;
    case CHANGE_PARTICIPANT: add_participant(j, c); break;
    case CHANGE_EPOCH:
        json_key(j, "epoch");
        json_u64(j, c->epoch.epoch);
        json_key(j, "size");
        json_u64(j, c->epoch.size);
        add_hex(j, "root", c->epoch.root.b, sizeof c->epoch.root.b);
        json_key(j, "signatures");
        json_u64(j, c->epoch.n_signatures);
        break;
    case CHANGE_RULES:
        json_key(j, "version");
        json_u64(j, c->rules);
        break;
    case CHANGE_SUSPEND:
    case CHANGE_RESUME:
        add_text(j, "member", c->member);
        add_text(j, "reason", c->text);
        break;
    default: break;
    }
}

void log_change_add(struct json *j, const struct change *c)
{
    json_open(j, '{');
    json_key(j, "kind");
    json_str(j, str_of(kind_name(c->kind)));
    if (!id_is_zero(c->id)) {
        json_key(j, "id");
        json_id(j, c->id);
    }
    if (c->kind == CHANGE_INTENT_PUT) {
        json_key(j, "state");
        json_str(j, str_of(state_name(c->state)));
        if (c->priority) {
            json_key(j, "priority");
            json_i64(j, c->priority);
        }
    }
    if (has_volume(c->kind)) {
        add_moment(j, "starts", c->vol.box.starts_us);
        add_moment(j, "ends", c->vol.box.ends_us);
        add_height(j, "floor_m_w84", c->vol.box.floor_mm);
        add_height(j, "ceiling_m_w84", c->vol.box.ceil_mm);
        json_key(j, "cells");
        json_u64(j, c->vol.n_cells);
        json_key(j, "uss_base_url");
        json_str(j, c->url);
    }
    if (c->kind == CHANGE_AVAILABILITY_PUT) add_text(j, "uss", c->uss);
    add_affair(j, c);
    json_close(j, '}');
}

/* [guard, [[reason, ...], ...]] (docs/formats.md). */
size_t log_change_reasons(struct str outcome, enum reason *ret, size_t room)
{
    struct cbor r = cbor_open(outcome);
    size_t n, n_read = 0;

    cbor_array_of(&r, 2);
    (void)cbor_bytes(&r);
    n = cbor_array(&r);
    for (size_t i = 0; i < n && n_read < room && !r.problem; i++) {
        size_t members = cbor_array(&r);
        uint64_t reason = cbor_uint(&r);
        if (r.problem) break;
        ret[n_read++] = (enum reason)reason;
        for (size_t k = 1; k < members && !r.problem; k++) {
            if (cbor_is_bytes_next(&r)) (void)cbor_bytes(&r);
            else (void)cbor_uint(&r);
        }
    }
    return n_read;
}
