/* lab.h - a network of several members founded in one folder, for laboratories.
 * SPDX-License-Identifier: Apache-2.0
 *
 *     DIR/genesis               the network
 *     DIR/tokens/...pem         a pair of keys that signs tokens, the same for all nodes
 *     DIR/NAME.member           each member's card
 *     DIR/NAME/keys/...key      its keys, the root key too
 *     DIR/NAME/join.entry       handed in by its node
 *
 * Participants, with all rights, are recorded by every join, so that it does not matter which comes first: by the first rules, with
 * which such a laboratory begins, the network is open until the second member counts; later ones repeat what the record
 * says. The nodes go on to the newest rules by themselves.
 */
#ifndef CLI_LAB_H
#define CLI_LAB_H

#include "cli/args.h"

#define LAB_MEMBERS_MAX 16

struct lab_options {
    const char *dir, *origin;
    struct str members;            /* Names with commas between them. */
    struct arg_texts participants; /* SUB or SUB=NAME,NAME */
    struct arg_texts urls;         /* NAME=URL */
    bool entries_public, down_412, json, is_quiet;
};

/* Makes the folder and all in it, and prints what there is, unless is_quiet. ERR_INPUT, ERR_DISK. */
CHECKED enum err lab_make(const struct lab_options *o, struct why *why);

#endif
