/* member.h - who is in the network: members, their nodes, participants, open proposals.
 * SPDX-License-Identifier: Apache-2.0
 *
 *     genesis or proposal -> named -> first join -> counts -> expelled        (never comes back under the same name)
 *                                                   counts <-> suspended      (by itself; it keeps its vote)
 *
 * A member counts from the first join of its own node (decision C1) until it is expelled. Proposals pass when every unsuspended
 * member but the subject and more than half of all members approve, suspended ones counted; expulsion takes two
 * approvals at least; 7 days of the state's clock after it was made an open proposal lapses (decision C3). Who may approve
 * is asked after every change of members, nodes, approvals or suspensions, of the proposals in the order they were made.
 *
 * By rules 2 founders count for this from the start, so that the first to join cannot do alone what is for all: until they have
 * joined nothing passes but expulsions, which take the approvals of those who have, and more than half of all.
 *
 * A network where at most one member counts is open: any participant's changes are taken. In others apply takes only those
 * of authors whose member may speak for the participant (decision C4). By rules 2 founders that are awaited keep it closed.
 *
 * What is found here is borrowed until the view is given back.
 */
#ifndef STATE_MEMBER_H
#define STATE_MEMBER_H

#include "base/limits.h"
#include "proof/key.h"
#include "state/view.h"

/* A key that vouches for participants of a member (decision C2). */
struct member_issuer {
    struct str issuer;     /* `iss` of its tokens */
    struct str public_key; /* SubjectPublicKeyInfo, DER */
    const struct str *subs; /* Ascending. */
    size_t n_subs;         /* 1..LIMIT_ISSUER_SUBS */
};

struct member {
    uint32_t no; /* Its place: of founders that in genesis, of others after them in the order of admission. Kept for ever. */
    struct str name;
    struct key_public root_key;
    uint8_t root_id[8];    /* As author. */
    uint64_t admitted_at;  /* Entry; 0 for founders. */
    uint64_t joined_at;    /* Entry of its first join; 0 before. */
    uint64_t expelled_at;  /* Entry; 0 if not. */
    uint64_t suspended_at; /* Entry; 0 if not. */
    int64_t suspended_ms;  /* That entry's time. */
    struct str reason;     /* Of the suspension, or of the resumption that ended it. */
    int32_t priority_low;  /* Bounds of its intents' priorities, both allowed (rules 2); 0 and 0 by default. */
    int32_t priority_high;
    const struct member_issuer *const *issuers; /* By issuer, then key. */
    size_t n_issuers;
};

struct member_node {
    uint8_t id[8]; /* As author. */
    struct key_public key;
    uint8_t log_key[32];
    uint8_t mirror_key[32];
    bool has_http_key;
    uint8_t http_key[32]; /* Signs what it says to peers over HTTP. */
    struct str addresses[LIMIT_ADDRESSES]; /* URLs for its peers, the first choice first. */
    size_t n_addresses;
    uint64_t joined_at;
    uint64_t ended_at; /* Entry that ended its keys; 0 if they are good. */
    bool has_head;     /* The head that it had signed last, for evidence (decision C7). */
    uint64_t head_size;
    struct hash head_root;
};

struct participant {
    uint32_t n_members; /* 1..LIMIT_SPEAKERS */
    uint32_t members[LIMIT_SPEAKERS]; /* Places, ascending. */
    uint32_t rights;                  /* Of enum participant_right. */
    uint64_t changed_at;
};

struct proposal {
    struct hash hash;   /* SHA-256 of its entry: how approvals name it. */
    uint64_t index;     /* Of its entry. */
    int64_t opened_ms;  /* The state's clock then. */
    uint32_t by;        /* Member that made it. */
    enum proposal_act act;
    uint32_t subject;   /* Member; of admissions, participants and equals UINT32_MAX. */
    uint8_t n_name;     /* Of the member or participant; 0 for equals. */
    char name[LIMIT_SUB_BYTES];
    struct key_public root_key;
    uint32_t n_members; /* That shall speak for the participant. */
    uint32_t members[LIMIT_SPEAKERS];
    uint32_t rights;
    uint16_t n_text;
    char text[LIMIT_REASON_BYTES];
    uint64_t approvals[LIMIT_MEMBERS_EVER / 64]; /* Bits: places of members. */
    int32_t priority_low, priority_high;
    enum priority_equals equals;
};

uint32_t view_n_members(const struct view *v); /* All there ever were: places are 0..n-1. */
const struct member *view_member(const struct view *v, uint32_t no);
const struct member *view_member_named(const struct view *v, struct str name); /* NULL if there is none. O(members). */
bool member_counts(const struct member *m);
bool member_is_suspended(const struct member *m);

/* The member that the author writes for; NULL if its key is unknown, replaced, ended or its member expelled. O(log n). */
const struct member *view_member_of_author(const struct view *v, const uint8_t author[8]);

/* The node of the author id, ended or not; false for roots and strangers. */
bool view_node(const struct view *v, const uint8_t author[8], struct member_node *ret);
/* A member's live nodes by id; returns their number. O(authors). */
size_t view_nodes(const struct view *v, uint32_t member, struct member_node ret[LIMIT_MEMBER_NODES]);

/* Members that count, suspended ones too, and how many of them a majority is (decision E1): of two, both. */
uint32_t view_n_counted(const struct view *v);
uint32_t view_majority(const struct view *v);
/* Whether the authors stand for a majority: each member counts once, whoever is no live author not at all. */
bool view_is_majority(const struct view *v, uint8_t (*authors)[8], size_t n);

bool view_is_open(const struct view *v);
const struct participant *view_participant(const struct view *v, struct str sub); /* NULL if there is no record. */
/* Every record, in no order that means anything. */
void view_participants(const struct view *v, void (*each)(void *context, struct str sub, const struct participant *p),
                       void *context);
bool view_may_speak(const struct view *v, const uint8_t author[8], struct str sub);

/* Open ones by index; index i below view_n_proposals(). */
size_t view_n_proposals(const struct view *v);
const struct proposal *view_proposal(const struct view *v, size_t i);
const struct proposal *view_proposal_named(const struct view *v, const struct hash *hash); /* NULL if not open. */

#endif
