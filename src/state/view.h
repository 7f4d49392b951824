/* view.h - the state as of one position of the journal, for reading.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A view never changes. Any thread gets one with state_read() and gives it back with state_done_reading();
 * entities and texts found in it are borrowed until then. Finding is lock-free.
 */
#ifndef STATE_VIEW_H
#define STATE_VIEW_H

#include "airspace/grid.h"
#include "base/id.h"
#include "base/parr.h"
#include "base/ptree.h"
#include "base/vec.h"
#include "entry/change.h"

enum entity_kind { ENTITY_INTENT, ENTITY_CONSTRAINT, ENTITY_SUBSCRIPTION };
#define N_ENTITY_KINDS 3

/* One stored intent, constraint or subscription. Never changed once a view shows it; a write makes another. */
struct entity {
    struct id id;
    enum entity_kind kind;
    uint32_t no;              /* Its slot, and its number in the grid. Kept by updates. */
    struct str manager;       /* sub of its tokens; kept as long as the state is. */
    uint32_t manager_no;      /* The name's number: see view_manager_availability(). */
    struct str url;
    struct str token;         /* OVN of an intent or constraint, version of a subscription */
    uint64_t token_digest;    /* hash_digest(token) */
    uint64_t changed_at;      /* Index of the entry that set the token. */
    struct box box;
    struct str cells;         /* As cell_set_encode() wrote them. */
    uint32_t n_cells;
    int32_t version;          /* 1, 2, ... intents and constraints */
    int32_t priority;         /* intents (rules 2) */
    enum intent_state state;  /* intents */
    struct id subscription;   /* intents: attached; zero if none */
    bool for_intents;         /* subscriptions */
    bool for_constraints;
    bool is_implicit;
    uint64_t asks_constraints_since; /* subscriptions with for_constraints: entry that set the flag */
};

VEC_DEFINE(entity_vec, const struct entity *);

/* Why a USS counts as Down, whatever was put (decisions C3, C6). */
enum overlay {
    OVERLAY_NONE = 0,
    OVERLAY_SUSPENDED = 1, /* All members that speak for it are suspended or expelled. */
    OVERLAY_EXPELLED = 2,  /* All of them are expelled: for good. */
};

struct availability {
    enum uss_availability status; /* What holds: Down under an overlay. */
    enum uss_availability stored; /* What was put last, which holds again on resuming. */
    enum overlay overlay;
    struct str version;    /* "" if never set */
    uint64_t changed_at;   /* Entry of its version; 0 if never. */
    uint64_t left_down_at; /* Entry that last ended a time of being Down; 0 if none did. */
};

struct view {
    uint64_t position;      /* Entries applied: the first one not applied has this index. */
    int64_t clock_ms;       /* The state's clock (decision A8). */
    int64_t last_time_ms;   /* Latest author time applied. */
    struct parr slots[N_ENTITY_KINDS];   /* no -> struct entity * */
    struct ptree by_id[N_ENTITY_KINDS];  /* id -> no */
    struct grid grid[N_ENTITY_KINDS];
    struct ptree by_token;      /* {digest, 0} -> kind << 30 | no: current OVNs of intents and constraints */
    struct ptree by_end;        /* {ends_us with the sign bit flipped, kind << 62 | top of id << 30 | no}, for clean-up */
    struct ptree dependents;    /* {subscription no, intent no} */
    struct ptree used_tokens;   /* {intent no, digest}: its requested OVNs, past and current (f3548-dss.md 5.2) */
    struct parr indices;        /* subscription no -> notification_index */
    struct parr availabilities; /* uss no -> struct availability * */
    const void *extra;          /* Names, members: state's own. */
};

/* NULL if there is none. O(log n). */
const struct entity *view_find(const struct view *v, enum entity_kind kind, struct id id);

/* Never fails: a USS nobody spoke of is Unknown with version "". */
struct availability view_availability(const struct view *v, struct str uss);
/* The same of the entity's manager, without looking up its name: O(1). */
struct availability view_manager_availability(const struct view *v, const struct entity *e);

int32_t view_index(const struct view *v, const struct entity *subscription);

/* Ids of intents attached to a subscription, ascending. */
void view_dependents(const struct view *v, const struct entity *subscription,
                     struct id_vec *ret_ids);

/* Appends what exactly meets vol, ordered by id: cells, times, and heights unless any_height. Never cut short. */
void view_search(const struct view *v, enum entity_kind kind, const struct vol *vol,
                 bool any_height, struct entity_vec *ret);

#endif
