/* outcome.h - what a change came to: accepted, or refused and why.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The outcome leaf of an entry (decision A10) is CBOR: [guard, [element, ...]], guard being 16 bytes of a
 * domain-separated hash of the entry's bytes, one element a change; docs/formats.md has it. The lists that an HTTP answer
 * needs (notices, conflicting ids) are here; the leaf has only their counts and hashes.
 */
#ifndef STATE_OUTCOME_H
#define STATE_OUTCOME_H

#include "base/arena.h"
#include "base/err.h"
#include "base/id.h"
#include "entry/change.h"

/* Reasons in documented order, that of the rows: the first that holds is the outcome. (Of a subscription's PUT the version is
 * compared before the manager, decision D3.) Numbers are for ever. The HTTP status is the F3548 answer that the API gives for
 * it. clang-format off */
#define REASON_TABLE(X) \
    X(REASON_ACCEPTED,            0, OK,            "accepted") \
    X(REASON_AUTHOR,              1, ERR_RIGHTS,    "the author may not write entries here") \
    X(REASON_SLOT,                2, ERR_CONFLICT,  "the entry's slot, previous hash or time does not follow its author's last entry") \
    X(REASON_MALFORMED,           3, ERR_INPUT,     "the change is not one that rules of this version know") \
    X(REASON_JOIN,               24, ERR_INPUT,     "the join does not fit the genesis, its member or the nodes there are") \
    X(REASON_SPEAKER,            25, ERR_RIGHTS,    "the author's member may not speak for this participant") \
    X(REASON_SUSPENDED,          26, ERR_STATE,     "the author's member has suspended its participation") \
    X(REASON_RIGHT,              27, ERR_RIGHTS,    "the participant does not have the right to do this") \
    X(REASON_PRIORITY,           30, ERR_RIGHTS,    "the priority is out of the bounds that the network has set for the author's member") \
    X(REASON_MEMBERS,            28, ERR_INPUT,     "the change does not fit the members, nodes and participants there are") \
    X(REASON_PROPOSAL,           29, ERR_INPUT,     "no such proposal is open, it has this member's vote, or there is no room for another") \
    X(REASON_PLACEHOLDER_ID,      4, ERR_INPUT,     "this id is reserved as the placeholder for 'no subscription'") \
    X(REASON_ENDED,               5, ERR_INPUT,     "the volume has already ended") \
    X(REASON_STATE_AT_CREATE,     6, ERR_INPUT,     "a new operational intent must be Accepted") \
    X(REASON_NO_SUBSCRIPTION,     7, ERR_INPUT,     "a state other than Accepted needs a subscription") \
    X(REASON_WINDOW,              8, ERR_INPUT,     "the time window is empty, reversed or too long") \
    X(REASON_NOT_FOUND,           9, ERR_NOT_FOUND, "no such entity") \
    X(REASON_UNKNOWN_VERSION,    22, ERR_INPUT,     "an entity of this id and version does not exist to be changed") \
    X(REASON_GONE,               23, ERR_CONFLICT,  "no constraint of this id exists to be changed") \
    X(REASON_MANAGER,            10, ERR_RIGHTS,    "the entity is managed by another USS") \
    X(REASON_EXISTS,             11, ERR_CONFLICT,  "the entity exists already; name its current version to change it") \
    X(REASON_VERSION,            12, ERR_CONFLICT,  "the entity is at another version") \
    X(REASON_DEPENDENTS,         13, ERR_INPUT,     "operational intents depend on the subscription") \
    X(REASON_DEPENDENT_COVER,    14, ERR_INPUT,     "the subscription no longer covers an operational intent that depends on it") \
    X(REASON_ATTACH_UNKNOWN,     15, ERR_INPUT,     "the subscription to attach does not exist") \
    X(REASON_ATTACH_MANAGER,     16, ERR_RIGHTS,    "the subscription to attach is managed by another USS") \
    X(REASON_ATTACH_COVER,       17, ERR_INPUT,     "the subscription to attach does not cover the operational intent") \
    X(REASON_ATTACH_TOO_LARGE,   18, ERR_TOO_LARGE, "the implicit subscription would grow past the limit of cells") \
    X(REASON_DOWN,               19, ERR_STATE,     "the USS is declared Down") \
    X(REASON_OVN_USED,           20, ERR_CONFLICT,  "the requested OVN was used before") \
    X(REASON_KEY,                21, ERR_CONFLICT,  "the key lacks current OVNs of relevant entities")
/* clang-format on */

enum reason {
#define X(name, number, err, text) name = number,
    REASON_TABLE(X)
#undef X
};

const char *reason_text(enum reason r);
const char *reason_name(enum reason r);
enum err reason_err(enum reason r);

struct notice {           /* Whom the writer must tell (f3548-dss.md section 11). */
    struct id subscription;
    int32_t index;        /* After the step that this change caused. */
    struct str url;
};

struct outcome {
    enum reason reason;
    int32_t version;          /* Of the entity after the change (int32, F3548 `version`); deletes: the old one. */
    uint64_t token_digest;    /* Digest of its OVN or version string; 0 if refused. */
    int32_t index;            /* notification_index of a written subscription. */
    const struct notice *notices; /* By subscription id. */
    size_t n_notices;
    const struct id *conflicts;   /* REASON_KEY: entities whose OVN was missing, ids ascending, intents first. */
    size_t n_conflict_intents;
    size_t n_conflict_constraints;
};

/* Hash whose first 16 bytes are the guard: SHA-256("deconfliction-line/outcome/v1" 00 || entry bytes). */
struct hash outcome_guard(struct str entry_bytes);

/* Appends the outcome leaf of an entry; none of genesis. */
void outcome_encode(const struct hash *entry_guard, const struct outcome *outcomes, size_t n,
                    struct buf *to);

/* Deep copy into arena. */
struct outcome outcome_copy(const struct outcome *o, struct arena *arena);

#endif
