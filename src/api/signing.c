/* signing.c - signing together, as status and metrics tell it.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "api/signing.h"

#include "node/fetch.h"
#include "node/peers.h"

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

static void add_why(struct json *j, const char *key, const struct why *why)
{
    json_key(j, key);
    json_str(j, str_of(why->text));
}

static void add_signing(struct json *j, const struct peers_status *s)
{
    const struct round_status *r = &s->round;

    json_open(j, '{');
    json_key(j, "state");
    json_str(j, s->is_seated ? str_of(round_state_name(r->state)) : STR("waiting to join"));
    add_why(j, "refused_because", &r->refused_because);
    add_number(j, "own_size", r->own_size);
    add_number(j, "newest_size", r->newest_size);
    add_number(j, "full_size", r->full_size);
    add_number(j, "members", s->n_members);
    add_number(j, "members_present", r->n_present);
    add_number(j, "members_signed", r->n_signed_full);
    add_flag(j, "is_alone", r->is_alone);
    add_flag(j, "is_divided", r->fork.is_divided);
    add_flag(j, "may_write", !s->is_seated || r->fork.may_write);
    add_why(j, "divided_because", &s->divided_because);
    add_why(j, "behind_because", &s->behind_because);
    add_number(j, "fork_proofs", s->n_proofs);
    add_number(j, "fork_proofs_refused", s->n_proofs_refused);
    json_key(j, "clock_off_s");
    json_i64(j, s->clock_off_s);
    add_number(j, "calls", s->n_calls);
    add_number(j, "calls_failed", s->n_failed);
    json_close(j, '}');
}

static void add_taken_over(struct json *j, const struct fetch_status *s)
{
    json_open(j, '{');
    add_number(j, "entries", s->n_entries);
    add_number(j, "runs", s->n_runs);
    add_number(j, "failed", s->n_failed);
    add_why(j, "last", &s->last);
    add_flag(j, "is_auditing", s->is_auditing);
    add_number(j, "audit_next", s->audit_next);
    add_number(j, "audit_end", s->audit_end);
    add_flag(j, "audit_is_bad", s->is_bad);
    json_close(j, '}');
}

void signing_add_status(struct json *j, struct node *node)
{
    struct peers *peers = node_peers(node);
    struct fetch *fetch = node_fetch(node);
    struct peers_status signing;
    struct fetch_status taken;

    json_key(j, "signing");
    if (peers) {
        peers_status(peers, &signing);
        add_signing(j, &signing);
    } else {
        json_null(j);
    }
    json_key(j, "taken_over");
    if (fetch) {
        fetch_status(fetch, &taken);
        add_taken_over(j, &taken);
    } else {
        json_null(j);
    }
}

static void add_one(struct buf *to, const char *name, const char *type, const char *help, uint64_t value)
{
    buf_addf(to, "# HELP %s %s\n# TYPE %s %s\n%s %llu\n", name, help, name, type, name, (unsigned long long)value);
}

void signing_add_metrics(struct buf *to, struct node *node)
{
    struct peers *peers = node_peers(node);
    struct fetch *fetch = node_fetch(node);
    struct peers_status s;
    struct fetch_status taken;

    if (!peers || !fetch) return;
    peers_status(peers, &s);
    fetch_status(fetch, &taken);
    add_one(to, "journal_signed_own_leaves", "gauge", "Leaves of the newest head that this node signed", s.round.own_size);
    add_one(to, "journal_signed_full_leaves", "gauge", "Leaves of the newest head that enough members signed", s.round.full_size);
    add_one(to, "journal_members", "gauge", "Members that count", s.n_members);
    add_one(to, "journal_members_present", "gauge", "Members heard from in the last 2 s, the own one included", s.round.n_present);
    add_one(to, "journal_signing_refused", "gauge", "1 if this node's key signs no more", s.round.state == ROUND_REFUSED && s.is_seated);
    add_one(to, "journal_divided", "gauge", "1 while contradicting heads are known", s.round.fork.is_divided);
    add_one(to, "journal_may_write", "gauge", "1 while a majority signs this node's branch", !s.is_seated || s.round.fork.may_write);
    add_one(to, "journal_behind_signed", "gauge", "1 while etcd shows less than members have signed", s.behind_because.text[0] != 0);
    add_one(to, "journal_behind_signed_total", "counter", "How often that began", s.n_behind);
    add_one(to, "journal_fork_proofs", "gauge", "Files of contradicting heads", s.n_proofs);
    add_one(to, "journal_fork_proofs_refused_total", "counter", "Proofs that peers brought and that show nothing", s.n_proofs_refused);
    add_one(to, "journal_peer_calls_total", "counter", "Calls to peers", s.n_calls);
    add_one(to, "journal_peer_calls_failed_total", "counter", "Calls to peers that failed", s.n_failed);
    add_one(to, "journal_entries_taken_over_total", "counter", "Entries fetched from peers' logs", taken.n_entries);
    add_one(to, "journal_audit_left", "gauge", "Entries taken over whose signatures are still to be verified",
            taken.is_auditing ? taken.audit_end - taken.audit_next : 0);
}
