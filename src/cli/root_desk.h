/* root_desk.h - what a member's root key signs: where it comes next, its entry, and who takes it.
 * SPDX-License-Identifier: Apache-2.0
 *
 *     with a node:     --url ... --root FILE                 asks for the place, signs, hands in
 *     without one:     --place FILE --root FILE --out FILE   signs where no network is; `clearline member hand-in` does the rest
 *
 * A place file is what GET /aux/v1/authors/{author} answers, as `clearline member place` fetches it. It is good for one entry: the next
 * one follows that.
 */
#ifndef CLI_ROOT_DESK_H
#define CLI_ROOT_DESK_H

#include "cli/args.h"
#include "cli/desk.h"
#include "cli/root_entry.h"

struct root_options { /* Of the command line; borrowed. */
    struct desk_options desk;
    const char *root, *place, *out;
    bool json;
};
#define ROOT_ARGS(o)                                                                                                    \
    {"--root", "FILE", "the member's root key", ARG_TEXT, &(o).root, 0, 0},                                              \
    {"--place", "FILE", "offline: where the root key's next entry belongs", ARG_TEXT, &(o).place, 0, 0},                 \
    {"--out", "FILE", "write the signed entry there instead of handing it in", ARG_TEXT, &(o).out, 0, 0},                \
    {"--json", NULL, "one JSON object", ARG_FLAG, &(o).json, 0, 0}

struct root_desk {
    const struct root_options *o;
    bool has_desk;
    struct desk desk; /* The node asked. */
    struct key_secret root;
    struct root_place place;
    struct buf origin, member; /* member: whose root it is. */
    struct hash genesis;
};

/* Reads key and place. ERR_INPUT for options that do not go together; ERR_RIGHTS for a root key that may not write. */
CHECKED enum err root_desk_open(const struct root_options *o, struct root_desk *ret, struct why *why);
void root_desk_done(struct root_desk *d);

/* Signs the changes in one entry and hands it in, or writes it to --out. The place moves on. ret_hash is the entry's. ERR_STATE when it
 * stands in the journal with a change refused. */
CHECKED enum err root_desk_sign(struct root_desk *d, struct change *changes, size_t n, struct hash *ret_hash, struct why *why);

/* Hands in signed bytes. As above. */
CHECKED enum err root_desk_hand_in(struct desk *desk, struct str bytes, struct why *why);

/* Asks a node for the author's place; the answer is the desk's. */
CHECKED enum err root_desk_ask_place(struct desk *desk, const uint8_t author[8], struct json_node *ret, struct why *why);

#endif
