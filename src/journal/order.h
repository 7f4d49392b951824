/* order.h - the one order that follows from who wrote which slot at which revision (decision B2).
 * SPDX-License-Identifier: Apache-2.0
 *
 * Each author writes slots 0, 1, 2, ... as keys that are created once. An entry's place is the highest create revision of its
 * author's slots so far, never below the place of its author's admission. The order is by (place, author, slot); what
 * an author wrote before its admission comes directly after everything else of the admission's revision.
 *
 *     slot               0  1  2           3                place of slot 2: 9, since slot 1 was created at 9
 *     create revision    4  9  7  (none)  12                slot 4 does not count: 3 is missing
 *     place              4  9  9           -
 *
 * What was read arrives author by author, in pieces of any size. An entry is handed out once all that may come before it
 * is known: once every author is known up to its place. So the pieces, the revisions and the members of
 * etcd at which a node reads do not show in the order.
 *
 * Some entries change who the authors are. Handing out stops after the last entry of such an entry's place, so that the
 * caller can apply it and admit and retire authors before more comes.
 *
 *   O1  places handed out never go down
 *   O2  an author's slots are handed out in order, each once
 *   O3  once entries of a place are handed out, all that are at that place are, but for those of authors admitted by it
 *
 * No I/O, no clock. One thread.
 */
#ifndef JOURNAL_ORDER_H
#define JOURNAL_ORDER_H

#include "base/buf.h"
#include "base/err.h"

#define ORDER_AUTHORS_MAX 1024 /* 100 members of 8 nodes, their root keys, and some that were replaced. */

struct order;

/* A slot as it was handed out. */
struct order_entry {
    uint8_t author[8];
    uint64_t slot;
    int64_t place;
    struct str bytes; /* Borrowed until the next order_take(), order_retire() or order_free(). */
};

struct order_entries {
    struct order_entry *at;
    size_t n, room;
};
void order_entries_done(struct order_entries *v); /* NULL is fine. */

struct order *order_new(void);
void order_free(struct order *o); /* NULL is fine. */

/* Counts the author's slots from 0, at place or later. ERR_CONFLICT: it is an author already; ERR_INPUT: entries of later
 * places were handed out already; ERR_TOO_LARGE: ORDER_AUTHORS_MAX. */
CHECKED enum err order_admit(struct order *o, const uint8_t author[8], int64_t place, struct why *why);

/* None of its slots counts that was not handed out. Unknown authors are fine. */
void order_retire(struct order *o, const uint8_t author[8]);

size_t order_n_authors(const struct order *o);
const uint8_t *order_author(const struct order *o, size_t i); /* Ascending. Borrowed until the next admission. */
bool order_has(const struct order *o, const uint8_t author[8]);

/* The slot to be fed next, and the one to be handed out next. The author must be known. */
uint64_t order_wants(const struct order *o, const uint8_t author[8]);
uint64_t order_next(const struct order *o, const uint8_t author[8]);

/* A slot as read: the next wanted of a known author. has_leaf false: it stands in the run, and is never handed out.
 * bytes are copied. ERR_CORRUPT: its place lies where this author was said to be complete, so that a read before
 * forgot it or this one is false. */
CHECKED enum err order_feed(struct order *o, const uint8_t author[8], uint64_t slot, int64_t create_revision,
                            struct str bytes, bool has_leaf, struct why *why);

/* All of the author's unbroken run up to this revision has been fed. Lower revisions than before change nothing. */
void order_complete(struct order *o, const uint8_t author[8], int64_t revision);

/* The author that is known least far, if that is not up to this revision; otherwise NULL. Borrowed until the next admission. */
const uint8_t *order_behind(const struct order *o, int64_t revision);

/* Appends to ret what is certain now, in order, and returns true if it stopped after entries that change who the authors
 * are: then there may be more after the admissions. changes_authors must depend on the bytes alone. Cost: authors times
 * places. */
bool order_take(struct order *o, bool (*changes_authors)(void *context, struct str bytes), void *context,
                struct order_entries *ret);

/* Highest place handed out; 0 before the first. */
int64_t order_place(const struct order *o);

/* The slots before next of this author were handed out by other means (tiles), complete to a place where order_take() stood
 * between two places. Drops what of them was fed. Never back. */
void order_skip(struct order *o, const uint8_t author[8], uint64_t next);

/* All that stands at this place or below it was handed out by other means, or gives no leaf: none of it is handed out from now on. For an
 * epoch whose opening came that way (decision B6): what was written before it counts for nobody. Never back. */
void order_floor(struct order *o, int64_t place);

/* What a node that restarts goes on from: for each author next slot and place, as handed out. What was fed and not handed
 * out is read again. Bytes: docs/formats.md. */
void order_save(const struct order *o, struct buf *to);
CHECKED enum err order_restore(struct str bytes, struct order **ret, struct why *why);

#endif
