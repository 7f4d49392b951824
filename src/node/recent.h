/* recent.h - is an entry of this hash among the newest of the store?
 * SPDX-License-Identifier: Apache-2.0
 *
 * Hashes of the newest RECENT_ENTRIES entries are kept once somebody has asked: the first question reads those entries, later
 * ones only what has come since, and then look through 8-byte beginnings, about 20 us.
 */
#ifndef NODE_RECENT_H
#define NODE_RECENT_H

#include "journal/store.h"
#include "proof/hash.h"

#define RECENT_ENTRIES 65536

struct recent;

struct recent *recent_new(void);
void recent_free(struct recent *r); /* NULL is fine. */

enum recent_answer { RECENT_YES, RECENT_NO, RECENT_UNKNOWN }; /* UNKNOWN: only older entries may be it, or reading failed. */

/* Whether SHA-256 of some entry's bytes is entry_hash. Any thread; one at a time. */
enum recent_answer recent_has(struct recent *r, struct store *store, const struct hash *entry_hash);

#endif
