/* intake.h - what etcd showed, judged, ordered and brought into the store.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The inner half of the engine on etcd; the outer one, journal_etcd.c, decides what is asked and when.
 *
 *     answer -> intake_found() -> is it signed, does it name its slot? -> order -> intake_finish() -> store
 */
#ifndef JOURNAL_INTAKE_H
#define JOURNAL_INTAKE_H

#include "base/vec.h"
#include "journal/journal_etcd.h"
#include "journal/order.h"
#include "journal/slots.h"

#define INTAKE_RANGE_MAX 256 /* Slots of one author read at once (decision B1). */

/* What this process signed for a slot and may have sent. */
struct sent {
    uint64_t slot;
    struct hash hash;
    bool is_there; /* It was seen in etcd. */
};
VEC_DEFINE(sent_vec, struct sent);

struct place {
    uint8_t author[8];
    uint64_t slot;
    int64_t revision; /* Of waived: at which the slot was created. */
};
VEC_DEFINE(place_vec, struct place);

/* The last entry of an author among some of the store. */
struct stored {
    uint8_t author[8];
    uint64_t slot, index;
};
VEC_DEFINE(stored_vec, struct stored);

struct intake {
    struct journal *journal;
    struct journal_etcd_options options; /* Its texts are not used after opening. */
    struct etcd *etcd;
    struct order *order;
    struct slots slots;
    uint64_t epoch;
    bool is_opening;        /* The epoch has no entry yet: what comes before the one that opens it gives no leaf. */
    bool is_stale;          /* The last answer was from before one that was seen already. */
    bool was_late;          /* Some endpoint was, in the last follow(); or the last one, in a proposal. */
    struct etcd_header newest; /* Of the answer with the highest revision. */
    struct sent_vec sent;
    struct place_vec waived; /* Slots before which others may be missing. */
    struct stored_vec stored; /* Entries that the order's state does not know. */
    bool owes_floor;         /* They opened the epoch, and their place is not known. */
    uint64_t n_known;        /* Entries of the store that the order or stored know of. */
    uint64_t n_alone;       /* Readings of all authors in a row that showed no slot. */
    uint64_t n_unread;      /* Transactions since then that read nothing. */
    bool has_shown;         /* The reading at work has shown a slot. */
    int64_t txn_ms;         /* What the last transaction took. */
    uint64_t n_silent;      /* Attempts in a row that had no clear answer. */
    bool is_alone;          /* A transaction of this process was done: nothing of an earlier one can follow. */
    struct journal_etcd_gap gap; /* The last one that held things up; from == to: none. */
    bool owes_change;       /* authors_change() is to be called, again perhaps. */
    enum err broken;        /* Not OK: for good, for this reason. */
    struct why broken_why;
    struct journal_etcd_counts counts;
    struct etcd_answer second; /* Of reads within the work on another answer. */
    struct buf saved;
    struct buf source; /* The endpoint that gave the answer at work. */
};

/* From the store's entries and the state beside them, in the epoch that they end in. */
CHECKED enum err intake_open(struct intake *in, struct why *why);
/* Entries came into the store from elsewhere (tiles), after those that are known. */
CHECKED enum err intake_grown(struct intake *in, struct why *why);
/* Forgets all of this epoch that is not in the store, and begins the next one without authors. */
void intake_begin_epoch(struct intake *in);
void intake_done(struct intake *in);

/* Fails for good: keeps the reason and returns it from now on. */
enum err intake_break(struct intake *in, enum err err, struct why *why);

/* False, and counted, if the answer is older than one before. */
bool intake_is_fresh(struct intake *in, const struct etcd_answer *answer);

/* The answer that intake_found() is about to be told of came from the client's present endpoint: whatever is wrong in it is read
 * again at another one. */
void intake_came_from(struct intake *in);

/* The author's slots as one answer shows them at revision, from the wanted one on. ERR_NOT_FOUND: a gap. */
CHECKED enum err intake_found(struct intake *in, const uint8_t author[8], const struct etcd_found *found, int64_t revision,
                              struct why *why);

/* One's own slot, just put. */
CHECKED enum err intake_put(struct intake *in, uint64_t slot, int64_t revision, struct str bytes, struct why *why);

/* Reads on until all authors are known up to revision, and brings into the store what is certain. */
CHECKED enum err intake_finish(struct intake *in, int64_t revision, struct why *why);

#endif
