/* look.h - what one peer has signed, and what of its tree is not in the own one yet.
 * SPDX-License-Identifier: Apache-2.0
 *
 *     own tree     |--------------------|
 *     its head     |--------------------######|     the entries of ### are shown, each byte verified against the head; none is kept
 *
 * Catch-up (catchup.h) takes over what enough members signed; this only looks, and one signature is enough for it.
 */
#ifndef NODE_LOOK_H
#define NODE_LOOK_H

#include "base/buf.h"
#include "base/err.h"
#include "http/client.h"
#include "proof/hash.h"

struct look_peer {
    const char *name, *url, *header; /* The member; "https://node.example:8443"; "Authorization: ..." */
    const struct http_client_options *client; /* NULL: the default. */
};

/* Appends the note of the largest head known there that the log key of this id signed; whose signatures stand under it is not looked at.
 * Of the peer's own key nothing, if it has signed nothing. ERR_NOT_FOUND: none is known there, or it has no such call; ERR_NET: not
 * reached in EXCHANGE_TIMEOUT_MS, or it cannot say. */
CHECKED enum err look_head(const struct look_peer *peer, uint32_t key, struct buf *ret, struct why *why);

struct look_range {
    uint64_t held, size;               /* Leaves of the own tree, and of the head, which is larger; even. */
    const struct hash *held_root, *root;
};

/* Shows the entries from range->held / 2 to range->size / 2 - 1, in order; bytes are borrowed for the call. ERR_NET: not reached, or it
 * does not have what hashes to the root; some entries may have been shown. ERR_CONFLICT: the head's tree does not continue the held one.
 * About 8 us an entry. */
CHECKED enum err look_entries(const struct look_peer *peer, const struct look_range *range,
                              void (*show)(void *context, uint64_t index, struct str entry), void *context, struct why *why);

#endif
