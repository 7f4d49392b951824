/* root_entry.h - entries that a member's root key signs away from any node.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Where it belongs is asked of a node (GET /aux/v1/authors/{author}) or, before there is a network, is its beginning. The
 * signed bytes are handed in at any member's node.
 */
#ifndef CLI_ROOT_ENTRY_H
#define CLI_ROOT_ENTRY_H

#include "entry/entry.h"

struct root_place { /* All but the times zero: an author's first entry. */
    uint64_t epoch, slot;
    struct hash previous;
    int64_t time_ms; /* Not before its last entry's. */
    uint64_t seen_size;
    struct hash seen_root;
};

/* The id that the key has as author: the first 8 bytes of its SHA-256. */
void root_entry_author(const struct key_public *key, uint8_t ret[8]);

/* Appends the signed bytes. ERR_TOO_LARGE when the changes do not fit into one entry. */
CHECKED enum err root_entry_sign(const struct root_place *place, struct str origin, const struct key_secret *root,
                                 struct change *changes, size_t n, struct buf *to, struct why *why);

#endif
