/* root_entry.c - signs entries of root keys.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "cli/root_entry.h"

#include "base/limits.h"

void root_entry_author(const struct key_public *key, uint8_t ret[8])
{
    struct hash h = hash_of(str_make(key->b, sizeof key->b));

    memcpy(ret, h.b, 8);
}

enum err root_entry_sign(const struct root_place *place, struct str origin, const struct key_secret *root,
                         struct change *changes, size_t n, struct buf *to, struct why *why)
{
    size_t size = ENTRY_OVERHEAD;
    struct entry e = {.epoch = place->epoch,
                      .slot = place->slot,
                      .previous = place->previous,
                      .time_ms = place->time_ms,
                      .seen_size = place->seen_size,
                      .seen_root = place->seen_root,
                      .changes = changes,
                      .n_changes = n};

    for (size_t i = 0; i < n; i++) size += change_size(&changes[i]);
    if (n == 0 || n > LIMIT_ENTRY_CHANGES || size > LIMIT_ENTRY_BYTES)
        return fail(why, ERR_TOO_LARGE, "the changes do not fit into one entry of %d KiB", LIMIT_ENTRY_BYTES / 1024);
    root_entry_author(&root->public, e.author);
    entry_encode(&e, origin, root, to);
    return OK;
}
