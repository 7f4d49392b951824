/* change.h - what an entry asks of the state: kinds of change and their members.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Everything chosen by the proposer (ids, times, OVNs, cells, digests) is here; apply chooses nothing
 * (design.md section 4). In an entry a change is [kind, {number: member, ...}] in deterministic CBOR, the numbers standing
 * behind the members below; docs/formats.md has the byte form. Texts and arrays are borrowed from whoever made the change.
 */
#ifndef ENTRY_CHANGE_H
#define ENTRY_CHANGE_H

#include "base/buf.h"
#include "base/err.h"
#include "base/id.h"
#include "cell/vol.h"
#include "entry/epoch.h"
#include "proof/hash.h"

/* Numbers are for ever. */
enum change_kind {
    CHANGE_JOIN = 1,  /* A founder's node joins: member name, keys, genesis hash (decision C1). */
    CHANGE_TICK = 2,  /* Nothing but the entry's time. */
    CHANGE_PROPOSE = 3,     /* Admit or expel a member, replace its root key, settle a participant (decision C3). */
    CHANGE_APPROVE = 4,     /* The author's member approves of a proposal. */
    CHANGE_NODE_END = 5,    /* A member's root key ends one of its nodes' keys. */
    CHANGE_ADDRESSES = 6,   /* Where a node is reached by its peers. */
    CHANGE_ISSUER = 7,      /* Who may vouch for which of the member's participants. */
    CHANGE_PARTICIPANT = 8, /* Which members may speak for a sub (decision C4). */
    CHANGE_RULES = 9,       /* The newest rules that the author's node knows (decision A11). */
    CHANGE_INTENT_PUT = 10,
    CHANGE_INTENT_DELETE = 11,
    CHANGE_CONSTRAINT_PUT = 12,
    CHANGE_CONSTRAINT_DELETE = 13,
    CHANGE_SUBSCRIPTION_PUT = 14,
    CHANGE_SUBSCRIPTION_DELETE = 15,
    CHANGE_AVAILABILITY_PUT = 16,
    CHANGE_REPORT = 17,
    CHANGE_EPOCH = 18,   /* The statement that opens an epoch (decision B6). */
    CHANGE_SUSPEND = 20, /* A member suspends its participation (decision C6). */
    CHANGE_RESUME = 21,
};

enum proposal_act { /* Numbers are for ever. */
    PROPOSE_ADMIT = 1,       /* member, root key */
    PROPOSE_EXPEL = 2,       /* member, text */
    PROPOSE_ROOT = 3,        /* member, its new root key */
    PROPOSE_PARTICIPANT = 4, /* uss, names, rights */
    PROPOSE_PRIORITY = 5,    /* member, bounds of its intents' priorities; rules 2 */
    PROPOSE_EQUALS = 6,      /* what equal priorities do; rules 2 */
};

enum priority_equals { /* Of two intents that meet; for ever. */
    EQUALS_FIRST_STAYS = 0, /* The later one has to avoid the earlier. */
    EQUALS_MAY_MEET = 1,
};

enum participant_right { /* Bits; for ever. */
    RIGHT_ARBITRATION = 1, /* May set the availability of others. */
    RIGHT_CONSTRAINTS = 2, /* May write constraints. */
};
#define RIGHTS_ALL 3

enum intent_state { /* F3548-21 OperationalIntentState; numbers are for ever. */
    INTENT_ACCEPTED = 1,
    INTENT_ACTIVATED = 2,
    INTENT_NONCONFORMING = 3,
    INTENT_CONTINGENT = 4,
};

enum uss_availability { /* F3548-21 UssAvailabilityState; numbers are for ever. */
    USS_UNKNOWN = 0,
    USS_NORMAL = 1,
    USS_DOWN = 2,
};

enum attach { /* What an intent's write says of its subscription (f3548-dss.md 6.5). */
    ATTACH_NONE = 0,
    ATTACH_EXISTING = 1,
    ATTACH_NEW = 2,
};

struct change {
    enum change_kind kind;

    struct id id; /* 0: the entity's id; of a report its report_id. */

    /* 1: digest (hash_digest) of the OVN or version that the client named; absent for a create. For availability: of
     * old_version, absent when that was "". */
    bool has_base;
    uint64_t base;

    /* 2: the new OVN or version. Own: 16 random bytes, written as 22 base64url characters. Requested
     * (requested_ovn_suffix): the text after "<id>_", and random is unused. See change_token(). */
    uint8_t random[16];
    struct str suffix;

    struct vol vol;      /* 3: cells (cell_set_encode), 4: [starts, ends, floor, ceil], null for no bound */
    struct str url;      /* 5: uss_base_url, verbatim */
    bool is_coarsened;   /* 6: true if the border was coarsened to fit (decision A7) */

    enum intent_state state; /* 7, intents */

    enum attach attach;             /* 8, intents: absent | bytes(16) existing | [id, url, constraints] new */
    struct id attach_id;
    struct str attach_url;
    bool attach_constraints;

    /* Key of an intent's write (decision A3); absent when the requested state needs none. */
    bool has_key;
    uint64_t checked_at;        /* 9: entries applied when the node judged the whole key */
    struct hash key_hash;       /* 10: SHA-256 over the key strings in the order sent, each followed by LF */
    const uint64_t *digests;    /* 11: bytes(8 * n): announced forms and exempted, in the order of A3 */
    size_t n_digests;

    bool for_intents;           /* 12, subscriptions: notify_for_operational_intents */
    bool for_constraints;       /* 13, subscriptions */

    struct str uss;             /* 14, availability: whose */
    enum uss_availability availability; /* 15 */

    struct hash digest;         /* 16, reports: salted digest of the body (decision A9); joins: genesis hash */
    uint64_t length;            /* 17, reports: bytes of the body */

    /* Joins (decision C1, C2). */
    struct str member;          /* 18: member name */
    uint8_t entry_key[32];      /* 19: Ed25519 public keys of the joining node */
    uint8_t log_key[32];        /* 20 */
    uint8_t mirror_key[32];     /* 21 */
    bool has_http_key;          /* 22: of its statements to peers over HTTP; absent from nodes that make none */
    uint8_t http_key[32];

    int32_t priority;           /* 23, intents: F3548 `priority`; 0 is left out. Rules 2. */

    /* Kinds 3 to 9, 18, 20 and 21 have uss, member and the following, whose numbers are those of these kinds. */
    enum proposal_act act;       /* 0 */
    uint8_t node[8];             /* 1: id of a node as author */
    struct str text;             /* 2: reason, for people */
    const struct str *addresses; /* 3: URLs, the first choice first */
    size_t n_addresses;
    const struct str *names;     /* 4: members that may speak, ascending */
    size_t n_names;
    uint64_t rights;             /* 5: of enum participant_right */
    bool has_head;               /* 6: [size, root] that the ended node had signed last (decision C7) */
    uint64_t head_size;
    struct hash head_root;
    uint8_t root_key[32];        /* 7 */
    struct str issuer;           /* 8: `iss` of its tokens */
    struct str public_key;       /* 9: SubjectPublicKeyInfo, DER; not looked into here */
    const struct str *subs;      /* 10: ascending */
    size_t n_subs;
    struct hash proposal;        /* 11: SHA-256 of the entry with the proposal */
    bool removes;                /* 12: the subs lose the issuer */
    uint64_t rules;              /* 13: the newest version that is known, 1..65,535 */
    int32_t priority_low;        /* 15: [low, high], both allowed */
    int32_t priority_high;
    enum priority_equals equals; /* 16 */
    struct epoch_statement epoch; /* 17: [epoch, size, root], 19: [[author, signature], ...] */
};

#define CHANGE_TOKEN_MAX 128

/* Text of the new OVN or version: base64url of random, or "<id>_<suffix>". Returns its length (16..128). */
size_t change_token(const struct change *c, char ret_text[CHANGE_TOKEN_MAX]);

/* The version of the rules that brought the change's byte form (entry/rules.h). */
unsigned change_rules(const struct change *c);

#endif
