/* abandon.h - the branch that a node gives up to go back to the majority's (decision C7).
 * SPDX-License-Identifier: Apache-2.0
 *
 *     DIR/journal.db, heads, snapshot-*, ...  --->  DIR/abandoned.<author>/      evidence, with the keys in DIR/keys.<author>
 *     DIR/fork-*.proof, keys, reports               stay
 *
 * The head that it signed last goes into the entry by which its member's root key ends the old keys. What is cut off can be run again.
 */
#ifndef CLI_ABANDON_H
#define CLI_ABANDON_H

#include <limits.h>

#include "journal/heads.h"

struct abandon {
    char from[PATH_MAX], to[PATH_MAX];
    struct heads *heads; /* Held: no node runs in the folder. */
    bool has_head;       /* The old keys have signed one. */
    uint64_t size;
    struct hash root;
};

/* author: of the old keys. ERR_BUSY: a node runs there. */
CHECKED enum err abandon_open(struct abandon *ret, const char *dir, const uint8_t author[8], struct why *why);

/* Moves the branch's files. The node then starts from nothing but its keys. ERR_DISK. */
CHECKED enum err abandon_set_aside(struct abandon *a, struct why *why);
void abandon_done(struct abandon *a); /* NULL is fine. */

#endif
