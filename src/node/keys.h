/* keys.h - the secret keys of a node, in its data folder.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Files DIR/keys/{root,entry,log,mirror,http}.key, mode 0600: 64 hex digits of an Ed25519 seed and LF. Five keys, none reused
 * (evidence.md 2.2): the member's root key signs joins, the entry key entries, the log key checkpoints, the mirror key
 * cosignatures, the HTTP key the tokens that the node shows its peers. A folder from before there was an HTTP key gets one.
 */
#ifndef NODE_KEYS_H
#define NODE_KEYS_H

#include "base/err.h"
#include "entry/change.h"
#include "proof/key.h"

struct keys {
    struct key_secret root; /* All zero if !has_root. */
    bool has_root;
    struct key_secret entry;
    struct key_secret log;
    struct key_secret mirror;
    struct key_secret http;
};

/* Reads the keys; where all are missing makes them if may_make is set (dir NULL: in memory only). ERR_CORRUPT names the file
 * that is missing, unreadable, damaged, or open to others than its owner; root.key may be missing where none may be made. */
CHECKED enum err keys_open(struct keys *ret, const char *dir, bool may_make, struct why *why);
/* The same for a node of a network of several members, which never makes keys and may be without its member's root key. */
CHECKED enum err keys_open_member(struct keys *ret, const char *dir, struct why *why);
void keys_done(struct keys *k);

/* Makes the folder of a node's keys without a root key: for another node of a member. ERR_INPUT if it is there. */
CHECKED enum err keys_make_node(const char *dir, struct why *why);

/* One key's file. ERR_NOT_FOUND without a text if there is none, else ERR_CORRUPT; the caller calls key_secret_done(). */
CHECKED enum err key_file_read(const char *path, struct key_secret *ret, struct why *why);

/* The change by which the member's root key admits these keys as its node. Borrows member. */
struct change keys_join(const struct keys *k, struct str member, const struct hash *genesis);

#endif
