/* recall.h - does etcd still hold what it showed? (decision B7)
 * SPDX-License-Identifier: Apache-2.0
 *
 * Authors delete old slots of theirs, but never the newest one (decision B5). So of every author some slot from the newest that was read
 * here on must be there; if none is, etcd has forgotten it:
 *
 *     read here       ... 17  18  19  20
 *     there now       ... 17  18                lost: 19, 20
 *     there now       (none)                    lost: 20, for certain; the others may have been deleted before
 */
#ifndef JOURNAL_RECALL_H
#define JOURNAL_RECALL_H

#include "journal/journal_etcd.h"
#include "journal/order.h"

/* Slots [from, to) of an author. */
struct recall_lost {
    uint8_t author[8];
    uint64_t from, to;
};

struct recall {
    uint64_t epoch;
    struct etcd_header was, is;  /* Of the newest answer before, and of the one that shows this. Ids are 0 where etcd gave none. */
    char endpoint[256];          /* That gave it. */
    struct recall_lost lost[ORDER_AUTHORS_MAX]; /* By author. */
    size_t n_lost;
};

/* Asks for the newest slot of every author. Codes of follow(): ERR_UNAVAILABLE if nobody answers. A linearizable read for each 128
 * authors, some more for those who lost slots. */
CHECKED enum err recall_ask(struct journal *j, struct recall *ret, struct why *why);

#endif
