/* journal_etcd.h - the engine whose order is decided by an etcd that several members write to (decisions B1 to B6).
 * SPDX-License-Identifier: Apache-2.0
 *
 * Entry number slot of an author is the value of
 *
 *     <genesis hash, 64 hex digits>/<epoch, decimal>/e/<author, 16 hex digits>/<slot, 16 hex digits>
 *
 * a key that is created once. propose() creates consecutive slots in one transaction, which also reads what all authors wrote;
 * order.h makes one order of it; what is certain goes into the store, where the entries are as with any other engine.
 *
 * Nothing that etcd says is believed but the order: bytes count if they name the slot that they stand in and their author
 * signed them. What does not takes its slot and gives no entry, once a second endpoint has said the same.
 *
 * The state of the order lies in the store, in the transaction of the entries that it follows from: a restart goes on there.
 *
 * All calls on the thread that appends to the store.
 */
#ifndef JOURNAL_JOURNAL_ETCD_H
#define JOURNAL_JOURNAL_ETCD_H

#include "journal/etcd.h"
#include "journal/journal.h"
#include "proof/hash.h"

struct journal_etcd_options {
    struct etcd_options etcd;
    struct hash genesis; /* SHA-256 of entry 0, which is not in etcd. */
    uint64_t epoch;      /* Of a new store; others go on in the one that they end in. */
    uint8_t author[8];   /* Who proposes here. */
    int patience_ms;     /* How long propose() seeks a clear answer; 0: 10,000 */
    int poll_ms;         /* Between two looks of a waiting follow(); 0: 20 */

    /* True if the author's key signed the bytes. Asked only about admitted authors. */
    bool (*is_signed)(void *context, const uint8_t author[8], struct str bytes);
    /* True if the entry may change who the authors are. Depends on the bytes alone. */
    bool (*changes_authors)(void *context, struct str bytes);
    /* The store has grown to such an entry's place: the caller applies what is stored, then admits and retires. An error is
     * passed on, and the call is made again by the next propose() or follow(). */
    enum err (*authors_change)(void *context, struct journal *j, struct why *why);
    /* What time it is on a steady clock, and waiting; NULL: the real ones. For simulations. */
    int64_t (*steady_ms)(void *context);
    void (*pause)(void *context, int64_t ms);
    /* True if the entry opens the epoch that was begun, by the members' statement in it (decision B6). Asked until one does, about entries
     * in their order, when all before is applied. NULL: any does. */
    bool (*opens_epoch)(void *context, struct str bytes);
    void *context;
};

struct journal_etcd_counts {
    uint64_t transactions;  /* With puts, answered. */
    uint64_t unread;        /* Those among them that read nothing: nobody else had written. */
    uint64_t misguessed;    /* Those that read nothing, and somebody had. */
    uint64_t resent;        /* Attempts after the first. */
    uint64_t reads_on;      /* Because an answer was cut, or an author is new. */
    uint64_t garbage;       /* Slots without an entry. */
    uint64_t squatted;      /* Those among them in this node's own slots. */
    uint64_t disputed;      /* Endpoints that showed other bytes than the next one. */
    uint64_t overwritten;   /* Keys found at a version above 1. */
    uint64_t stale;         /* Answers from before one that was seen already. */
    uint64_t adopted;       /* Own entries of an earlier run that were found first in etcd. */
    uint64_t early;         /* Entries in a new epoch before the one that opened it: they count for nothing. */
    int64_t revision;       /* Newest seen. */
};

/* Makes no call to etcd. dir as for journal_open_sqlite(); NULL: a store in memory. The engine does not know its
 * authors when its store is new: the caller admits those of genesis before the first call. After every opening it admits
 * all that its state knows, which does nothing for those already there. */
CHECKED enum err journal_open_etcd(const char *dir, const struct journal_etcd_options *options, struct journal **ret,
                                   struct why *why);

/* What propose() and follow() return here, beyond journal.h:
 *
 *   propose: OK               as there. The first entry of an empty store is genesis, which is stored and not sent.
 *            ERR_UNAVAILABLE  what is not in the store by now was not written and never will be: no endpoint was
 *                             reached, etcd is full, ...
 *            ERR_CONFLICT     the same, because the slots are taken: by what an earlier run or an earlier, unclear
 *                             propose() sent (now in the store), or by others' bytes. Sign anew from journal_etcd_next().
 *            ERR_NET          unclear. To be settled by proposing the same bytes again, or others for the same slot
 *                             (a tick): OK means that these stand there, ERR_CONFLICT that the earlier ones do.
 *            ERR_INPUT        not consecutive entries of this author from journal_etcd_next() on.
 *   both:    ERR_STATE        an entry that this process did not sign stands in an own slot, with a good signature:
 *                             another process uses the key. For good.
 *            ERR_DISK         the store failed. For good.
 *            ERR_CORRUPT      etcd showed a key that it had denied before. For good.
 *   follow:  ERR_NOT_FOUND    slots of an author are missing before others of it: fetch tiles up to the newest signed
 *                             size; if they are not there either, journal_etcd_waive().
 *            ERR_UNAVAILABLE  no endpoint answers, or none as new as before. */

/* Puts an entry that another author signed, and the caller verified, into that author's slot, which must be its next. Returns as propose()
 * does: OK: it is in the store. ERR_CONFLICT: it is not, and never will be: another slot is next, or other bytes are in it. ERR_NET: to be
 * passed again, whenever. ERR_INPUT: no entry of an admitted author other than this node. */
CHECKED enum err journal_etcd_pass(struct journal *j, struct str entry, struct why *why);

/* The last answer was from before one that was seen already: what answers lags, or etcd lost data. Nothing is proposed until one is
 * fresh. */
bool journal_etcd_is_stale(const struct journal *j);

/* After a follow() or propose() that failed: etcd was late, and knows a leader. Otherwise *why, which is theirs, may become plainer: it
 * is late because it has no leader. One call more, if it was late. */
bool journal_etcd_is_slow(struct journal *j, struct why *why);

/* The epoch that the order is in. */
uint64_t journal_etcd_epoch(const struct journal *j);

/* After etcd lost data and the members have signed that the journal goes on from what is in the store (decision B6): begins the next
 * epoch, whose keys are others. Nothing that etcd holds of the present one counts any more, and what was sent of it is settled: what is not
 * in the store is not written. The engine knows no authors then, as with a new store. Until an entry has opened the epoch,
 * reopening goes back to the one before. */
void journal_etcd_begin_epoch(struct journal *j);

/* Its slots count from the order's present place on. OK for those who are there already. */
CHECKED enum err journal_etcd_admit(struct journal *j, const uint8_t author[8], struct why *why);
void journal_etcd_retire(struct journal *j, const uint8_t author[8]); /* From the present place on. */

/* Those who are admitted, ascending: index i below journal_etcd_n_authors(). Borrowed until the next admission. */
size_t journal_etcd_n_authors(const struct journal *j);
const uint8_t *journal_etcd_author(const struct journal *j, size_t i);

/* This node's next slot. It must have been admitted. Not to be signed for while a proposal is unclear. */
uint64_t journal_etcd_next(const struct journal *j);

/* This node's slots below it are in the store, or hold no entry for ever. Not above journal_etcd_next(). */
uint64_t journal_etcd_stored(const struct journal *j);

/* Slots from from on are missing in etcd, below to, which is there. */
struct journal_etcd_gap {
    uint8_t author[8];
    uint64_t from, to;
    int64_t revision; /* At which to was created. */
    bool is_gone; /* It was written, and what was created in it cannot be read any more: tiles may have it, and it is never waived. */
};

/* What the last ERR_NOT_FOUND was about; false if there was none, or it was waived. */
bool journal_etcd_gap(const struct journal *j, struct journal_etcd_gap *ret);

/* The missing slots were never written, say the members: entries of others need not wait for them. If they are written after all they
 * get their places by their revisions, as everywhere. Holds for as long as this very gap->to is the first that stands there, so a
 * slot far ahead, which anybody can write, is waived once. What comes and goes meanwhile need not be feared: an author deletes its
 * slots only below one of its own entries, which then is the first; and whoever keeps the order never has one there before those
 * below it. */
void journal_etcd_waive(struct journal *j, const struct journal_etcd_gap *gap);

/* Entries that are not known here were appended to the store by other means (tiles), up to a signed size, which cuts no place
 * (decision B2): their slots are passed over. The caller has applied them, and admits and retires after this. O(new entries). */
CHECKED enum err journal_etcd_grown(struct journal *j, struct why *why);

/* The slot of the author that is wanted next; 0 for strangers. */
uint64_t journal_etcd_wants(const struct journal *j, const uint8_t author[8]);

/* Deletes this node's slots below this one (decision B5). ERR_INPUT: its newest one must stay. */
CHECKED enum err journal_etcd_delete_below(struct journal *j, uint64_t slot, struct why *why);

/* As etcd_ask_status(), of the first endpoint that answers. */
CHECKED enum err journal_etcd_ask_status(struct journal *j, struct etcd_status *ret, struct why *why);

struct journal_etcd_counts journal_etcd_counts(const struct journal *j);

#endif
