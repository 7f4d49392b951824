/* internal.h - what the files of state share and no caller may see.
 * SPDX-License-Identifier: Apache-2.0
 *
 *     state.c   entries: author, slot, the table of kinds        entity.c  storing, replacing, removing records
 *     intent.c, subscription.c, constraint.c, availability.c     the rules: x_judge() decides on a view, x_apply() judges
 *                                                                again on the writer's view and then writes
 *     author.c  keys that may write; join.c  nodes               roster.c  members; issuer.c, proposal.c, participant.c
 *     rules.c   versions of the rules, priorities                epoch.c   epochs of the order
 *     key.c     the key rule        notice.c  whom to tell       expiry.c  clean-up        name.c  interned names
 *
 * What must not show anywhere: numbers (no), since a restored state has others. Results are ordered by id.
 */
#ifndef STATE_INTERNAL_H
#define STATE_INTERNAL_H

#include "cell/set.h"
#include "state/epoch.h"
#include "state/genesis.h"
#include "state/member.h"
#include "state/rules.h"
#include "state/state.h"

/* A name of a USS, stored once and kept as long as the state is. */
struct name {
    uint32_t no;
    struct str text;
};

/* Who may write entries: a member's root key or a node's entry key. Copied when it changes. */
struct author {
    uint8_t id[8];
    struct key_public key;
    uint8_t log_key[32]; /* Of a node; zero for roots. */
    uint8_t mirror_key[32];
    bool has_http_key;
    uint8_t http_key[32];
    uint32_t member;
    bool is_root;
    uint64_t joined_at; /* Of a node. */
    uint64_t ended_at;  /* Entry that replaced, ended or expelled it; 0 while it may write. */
    bool has_head;      /* See struct member_node. */
    uint64_t head_size;
    struct hash head_root;
    struct addresses *addresses; /* NULL for none; one allocation with its texts. */
    uint64_t epoch;
    uint64_t next_slot;
    struct hash last; /* SHA-256 of its last entry; zero before the first. */
    int64_t last_time_ms;
    uint32_t rules;   /* Newest that it announced; 0: never. */
    uint64_t version; /* Of struct cow, when this copy was made. */
};

struct addresses {
    size_t n;
    struct str at[LIMIT_ADDRESSES];
};

/* The epoch that the journal is in, and the statement that opened it. */
struct epoch {
    uint64_t number;
    uint64_t since; /* Its first entry; 0 for epoch 0, which no statement opened. */
    uint64_t size;
    struct hash root;
};

/* Open proposals, by index. Copied when they change. */
struct proposals {
    uint64_t version; /* Of struct cow, when this copy was made. */
    size_t n;
    struct proposal at[LIMIT_PROPOSALS];
};

/* What genesis fixed for ever. */
struct network {
    struct genesis genesis; /* Borrows from bytes and arena. */
    struct hash hash;       /* SHA-256 of bytes. */
    struct str bytes;
    struct arena arena;
};

/* Behind view->extra. */
struct extra {
    struct ptree names;      /* First 16 bytes of SHA-256 of the text, stepped on collision -> no */
    struct parr names_by_no; /* -> struct name * */
    uint32_t n_names;
    struct ptree authors;      /* {id, 0} -> no */
    struct parr authors_by_no; /* -> struct author * */
    uint32_t n_authors;
    struct parr members; /* Place -> struct member * */
    uint32_t n_members;
    uint32_t n_counted;
    uint32_t n_awaited;     /* Founders that have neither joined nor been expelled. */
    uint32_t rules;         /* In force. */
    uint64_t rules_since;   /* Entry right after which they came; 0: from genesis on. */
    enum priority_equals equals;
    struct epoch epoch;
    struct proposals *proposals; /* NULL for none. */
    struct parr participants;    /* Number of a name -> struct participant * */
    uint32_t n_participants;
    const struct network *network;
};

struct published {
    struct view view;
    struct extra extra;
};

/* Intents and constraints that were written of late, so that the late check of a key needs no search of the grid. A ring: what
 * entries from `from` on wrote is in it. A restored state's is empty, which changes no answer. */
#define RECENT_MAX 1024
struct recent {
    struct {
        uint64_t index; /* Of the entry. */
        enum entity_kind kind;
        uint32_t no;
    } ring[RECENT_MAX];
    uint64_t n; /* Ever written; the newest is at (n - 1) % RECENT_MAX. */
    uint64_t from;
};

struct state {
    struct cow *cow;
    struct view view; /* The writer's; view.extra is &extra. */
    struct extra extra;
    struct network *network;
    struct published *published;
    struct u32_vec free_nos[N_ENTITY_KINDS];
    struct recent recent;
    uint64_t left_down_at;    /* Entry in which any USS left Down last; restored as the position. */
    int64_t member_times_ms[LIMIT_MEMBERS_EVER]; /* Latest entry of each member's live nodes; INT64_MIN without. */
    bool members_changed; /* By the change being applied: overlays are looked at again. */
    bool clock_is_due;    /* Members changed in the entry being applied. */
    bool rules_are_due;   /* Rules were announced in the entry being applied. */

    /* Scratch of the writer. */
    struct buf coded;
    struct u64_vec cells_old, cells_union;
    struct u32_vec items;
    struct entity_vec hits;
};

/* One change being applied. */
struct step {
    struct state *s;
    struct str participant;
    uint64_t index; /* Of its entry. */
    int64_t now_us; /* The entry's time. */
    const struct hash *entry_hash;
    const struct author *author;
    uint32_t change_no;
    struct arena *arena;
};

static inline const struct extra *view_extra(const struct view *v)
{
    return v->extra;
}

static inline int64_t ms_to_us(int64_t ms) /* Clamped: author times come from outside. */
{
    const int64_t max = INT64_MAX / 1000 - 1;
    return (ms > max ? max : ms < -max ? -max : ms) * 1000;
}

/* name.c */
const struct name *name_find(const struct extra *x, struct str text); /* NULL if never interned. */
const struct name *name_intern(struct state *s, struct str text);

/* view.c */
struct entity *view_slot(const struct view *v, enum entity_kind kind, uint32_t no);
void entities_sort(const struct entity **at, size_t n); /* By id. */
/* As view_search(), with the caller's scratch. */
void view_collect(const struct view *v, enum entity_kind kind, const struct vol *vol,
                  bool any_height, struct u32_vec *scratch, struct entity_vec *ret);
/* Numbers of the intents attached to the subscription of number no, at most limit. */
void view_dependent_nos(const struct view *v, uint32_t no, size_t limit, struct u32_vec *ret);
bool view_is_down(const struct view *v, struct str uss); /* By what was put; suspension is another matter. */

/* author.c */
struct id author_key_of(const uint8_t id[8]);
const struct author *author_at(const struct extra *x, uint32_t no);
const struct author *author_find(const struct view *v, const uint8_t id[8]);
void author_add(struct state *s, const struct author *a); /* Copies a; takes over its addresses. */
struct author *author_change(struct state *s, const struct author *a); /* A copy that may be written now. */
void author_set_addresses(struct state *s, const struct author *a, const struct str *at, size_t n);
void author_end(struct state *s, const struct author *a, uint64_t index);
void author_id(const struct key_public *key, uint8_t ret_id[8]);
struct author author_root(const struct key_public *key, uint32_t member);
/* Whether no author has or had the key, and it is one. */
bool author_key_is_new(const struct view *v, const uint8_t key[32]);

/* roster.c */
const struct member *member_at(const struct extra *x, uint32_t no);
void member_put(struct state *s, const struct member *m); /* Copies m but for its issuers, which it takes over; adds or replaces. */
void member_free(void *m);                                /* Its issuers apart. */
void roster_free(struct state *s);
void roster_found(struct state *s); /* The founders of genesis and their roots. */
/* Members of names, by place; false if one is no member, or expelled. */
bool members_of_names(const struct view *v, const struct str *names, size_t n, uint32_t *ret);
void members_clock(struct state *s); /* Each member's latest time anew, from the authors. */

/* What the members say of their own affairs: judged with the author, whose member counts unless the kind is a join. */
enum reason join_judge(const struct view *v, const struct author *author, const struct change *c);
enum reason node_end_judge(const struct view *v, const struct author *author, const struct change *c);
enum reason addresses_judge(const struct view *v, const struct author *author, const struct change *c);
enum reason issuer_judge(const struct view *v, const struct author *author, const struct change *c);
enum reason suspend_judge(const struct view *v, const struct author *author, const struct change *c);
enum reason resume_judge(const struct view *v, const struct author *author, const struct change *c);
enum reason participant_judge(const struct view *v, const struct author *author, const struct change *c);
enum reason propose_judge(const struct view *v, const struct author *author, const struct change *c);
enum reason approve_judge(const struct view *v, const struct author *author, const struct change *c);
/* Writing, after judging; what only the entry tells may still refuse. */
void join_write(struct step *st, const struct change *c, struct outcome *ret);
void node_end_write(struct step *st, const struct change *c, struct outcome *ret);
void addresses_write(struct step *st, const struct change *c, struct outcome *ret);
void issuer_write(struct step *st, const struct change *c, struct outcome *ret);
void suspend_write(struct step *st, const struct change *c, struct outcome *ret);
void resume_write(struct step *st, const struct change *c, struct outcome *ret);
void participant_write(struct step *st, const struct change *c, struct outcome *ret);
void propose_write(struct step *st, const struct change *c, struct outcome *ret);
void approve_write(struct step *st, const struct change *c, struct outcome *ret);

/* issuer.c */
struct member_issuer *issuer_make(struct str issuer, struct str public_key, const struct str *subs, size_t n);
int issuer_compare(const struct member_issuer *a, struct str issuer, struct str public_key);

/* proposal.c */
struct proposals *proposals_change(struct state *s); /* A copy that may be written now. */
void proposals_settle(struct step *st); /* Lets pass what may pass; called after a change of members. */
void proposals_lapse(struct state *s);  /* Drops what is older than 7 days of the state's clock. */

/* rules.c */
enum reason rules_judge(const struct view *v, const struct author *author, const struct change *c);
void rules_write(struct step *st, const struct change *c, struct outcome *ret);
void rules_settle(struct state *s, uint64_t index); /* After the entry with an announcement: the switch, if that was the last one. */
/* Whether the author's member may give an intent this priority. */
enum reason priority_judge(const struct view *v, const struct author *author, const struct change *c);
bool rules_differ(const struct extra *x); /* From what genesis says: then a snapshot has a record of them. */

/* epoch.c */
enum reason epoch_judge(const struct view *v, const struct author *author, const struct change *c);
void epoch_note(struct step *st, const struct change *c, struct outcome *ret);
void epoch_open(struct state *s, const struct epoch_statement *statement); /* From the entry on that is being applied. */

/* participant.c */
const struct participant *participant_at(const struct extra *x, uint32_t name_no);
void participant_put(struct state *s, const struct name *name, const struct participant *p); /* Copies p. */
enum overlay participant_overlay(const struct view *v, const struct participant *p);
/* Puts or lifts the overlay of each participant, by the members there are now. */
void participants_overlay(struct step *st);
void participant_overlay_one(struct step *st, const struct name *name);

/* entity.c */

/* A record for fields with its texts and coded cells in one allocation; fields->manager stays borrowed. cells NULL: fields->cells
 * as it is. no and token_digest are set here or on insertion. */
struct entity *entity_make(struct state *s, const struct entity *fields, const uint64_t *cells,
                           size_t n_cells);
size_t entity_bytes(const struct entity *e); /* Of its allocation, which is the cow's. */
/* Decodes the record's cells, replacing what ret holds. */
void entity_cells(const struct entity *e, struct u64_vec *ret);
/* Takes over e and gives it a number; vol are its cells and box. entity_place() leaves grid, by_end and by_token to the caller. */
void entity_insert(struct state *s, struct entity *e, const struct vol *vol);
void entity_place(struct state *s, struct entity *e);
/* Puts e in old's place; old is retired. */
void entity_replace(struct state *s, const struct entity *old, struct entity *e,
                    const struct vol *vol);
void entity_remove(struct state *s, const struct entity *e);
struct id entity_end_key(const struct entity *e);
struct id entity_token_key(const struct entity *e); /* Of by_token, as is the value. */
uint32_t entity_token_value(const struct entity *e);

/* The records, and what their kinds share. */
bool change_vol_is_sound(const struct change *c, bool needs_heights);
/* Text and digest of the change's new token; false if it stands on some entity already. */
bool token_is_fresh(const struct view *v, uint64_t digest);
struct new_token {
    char text[CHANGE_TOKEN_MAX];
    size_t n;
    uint64_t digest;
};
void new_token_of(const struct change *c, struct new_token *ret);
/* A version nobody chose: base64url of 16 bytes of SHA-256(entry hash || number of the change || id). */
void new_token_derive(const struct step *st, struct id id, struct new_token *ret);

/* The rules. judge: REASON_ACCEPTED or the first reason against; apply judges, and writes if nothing is against it. */
enum reason intent_put_judge(const struct view *v, struct str participant, const struct change *c,
                             int64_t now_us);
enum reason intent_delete_judge(const struct view *v, struct str participant,
                                const struct change *c, int64_t now_us);
enum reason constraint_put_judge(const struct view *v, struct str participant,
                                 const struct change *c, int64_t now_us);
enum reason constraint_delete_judge(const struct view *v, struct str participant,
                                    const struct change *c, int64_t now_us);
enum reason subscription_put_judge(const struct view *v, struct str participant,
                                   const struct change *c, int64_t now_us);
enum reason subscription_delete_judge(const struct view *v, struct str participant,
                                      const struct change *c, int64_t now_us);
enum reason availability_put_judge(const struct view *v, struct str participant,
                                   const struct change *c, int64_t now_us);
void intent_put_apply(struct step *st, const struct change *c, struct outcome *ret);
void intent_delete_apply(struct step *st, const struct change *c, struct outcome *ret);
void constraint_put_apply(struct step *st, const struct change *c, struct outcome *ret);
void constraint_delete_apply(struct step *st, const struct change *c, struct outcome *ret);
void subscription_put_apply(struct step *st, const struct change *c, struct outcome *ret);
void subscription_delete_apply(struct step *st, const struct change *c, struct outcome *ret);
void availability_put_apply(struct step *st, const struct change *c, struct outcome *ret);

/* Takes the intent away, and its implicit subscription if nothing else depends on that. */
void intent_drop(struct state *s, const struct entity *intent);
/* Puts an availability in place, for availability_put_apply() and the snapshot's reader. */
void availability_store(struct state *s, const struct name *uss, const struct availability *a);

/* key.c: the late check of decision A3. attached is the subscription the intent will have, asks whether constraints count,
 * asks_since the entry from which they do. True if nothing is missing; else the conflicts are in ret. */
bool key_holds_late(struct step *st, const struct change *c, bool asks_constraints,
                    uint64_t asks_since, struct outcome *ret);
bool key_is_needed(const struct change *c);
/* Notes an intent or constraint that was written. */
void recent_add(struct state *s, const struct entity *e);
void recent_clear(struct state *s);

/* notice.c: steps the index of every subscription that asks for cause and meets old or now (either may be NULL) and lists
 * them in ret. */
void notices_make(struct step *st, enum entity_kind cause, const struct entity *old,
                  const struct vol *now, struct outcome *ret);

/* expiry.c: removes what ended long before the state's clock, at most LIMIT_CLEANUP. */
void expiry_run(struct state *s);

/* state.c */
struct state *state_make(struct network *network); /* Takes over network. Empty, at position 0, unpublished. */
CHECKED enum err network_read(struct str genesis, struct network **ret, struct why *why);
void network_free(struct network *n);
void clock_advance(struct state *s, const struct author *a, int64_t time_ms);

#endif
