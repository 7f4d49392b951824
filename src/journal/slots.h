/* slots.h - the keys of authors' slots in etcd.
 * SPDX-License-Identifier: Apache-2.0
 *
 *     <genesis hash, 64 hex digits>/<epoch, decimal>/e/<author, 16 hex digits>/<slot, 16 hex digits>
 *
 * All of one author's slots lie in bytewise order between its first key and slots_end().
 */
#ifndef JOURNAL_SLOTS_H
#define JOURNAL_SLOTS_H

#include "base/arena.h"
#include "base/buf.h"
#include "proof/hash.h"

/* All bits zero is empty; slots_done() frees it. */
struct slots {
    struct buf prefix; /* Up to and with "/e/". */
};

void slots_init(struct slots *s, const struct hash *genesis, uint64_t epoch);
void slots_done(struct slots *s); /* NULL is fine. */

/* Bytes live in the arena. */
struct str slots_key(const struct slots *s, const uint8_t author[8], uint64_t slot, struct arena *arena);
struct str slots_end(const struct slots *s, const uint8_t author[8], struct arena *arena);

/* The slot that the key names; false if it is no key of this author's slots. */
bool slots_parse(const struct slots *s, const uint8_t author[8], struct str key, uint64_t *ret_slot);

#endif
