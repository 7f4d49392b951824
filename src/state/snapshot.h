/* snapshot.h - the whole state as bytes, and back.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Canonical: entities by kind and id, so that equal states give equal bytes whatever their history; state_digest() is its
 * SHA-256. Blocks with a CRC-32C each; docs/formats.md has the layout. Written from a pinned view by any thread while the
 * writer goes on.
 */
#ifndef STATE_SNAPSHOT_H
#define STATE_SNAPSHOT_H

#include "state/state.h"

/* Hands the bytes in pieces to write until it fails. */
CHECKED enum err snapshot_write(const struct view *v,
                                enum err (*write)(void *context, struct str piece, struct why *why),
                                void *context, struct why *why);

/* ERR_CORRUPT says at which offset and why; nothing is returned then. O(state). */
CHECKED enum err snapshot_read(struct str bytes, struct state **ret, struct why *why);

#endif
