/* founding.h - what members prepare before their network runs: genesis from cards, and the entries by which founders join.
 * SPDX-License-Identifier: Apache-2.0
 *
 *     cards --anybody--> genesis file --each founder, with its root key--> DIR/join.entry --its node hands it in--> the member counts
 *
 * A join file holds one signed entry of the member's root key, slot 0 of epoch 0: a join of the folder's node keys that names the
 * hash of the genesis, the node's addresses if it has any, and what more was asked for. After it is made the root key is not
 * needed any more to start the node.
 */
#ifndef CLI_FOUNDING_H
#define CLI_FOUNDING_H

#include "node/keys.h"
#include "state/genesis.h"

#define GENESIS_BYTES_MAX 32768

/* A genesis and what its hash is. */
struct founding {
    struct buf bytes;
    struct arena arena;
    struct genesis genesis;
    struct hash hash;
};
void founding_done(struct founding *f);

/* Makes the genesis of the members whose cards lie in the files, which begins with these rules; created_ms is now. ERR_INPUT names the
 * card and what is wrong, or the two that do not go together. */
CHECKED enum err founding_make(const char *const *card_files, size_t n, struct str origin, bool entries_public, bool down_412,
                               unsigned rules, struct founding *ret, struct why *why);

/* Reads a genesis file. ERR_INPUT. */
CHECKED enum err founding_read(const char *path, struct founding *ret, struct why *why);

/* The member that the root key belongs to. ERR_INPUT if genesis names none. */
CHECKED enum err founding_member(const struct founding *f, const struct key_public *root, struct str *ret, struct why *why);

/* Appends the join entry of the keys, whose root key is there. more are changes that follow the join. */
CHECKED enum err founding_join(const struct founding *f, const struct keys *keys, const struct str *urls, size_t n_urls,
                               const struct change *more, size_t n_more, struct buf *to, struct why *why);

#endif
