/* card.h - a member's card: what a founder gives to whoever makes the genesis, and a new member to those who propose it.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A public text that its own root key signs, so that a slip of the hand is found; who may be trusted to own the key is settled among
 * people. Lines end in LF, nothing else is allowed:
 *
 *     deconfliction-line/member-card/v1
 *     name <text of 1 to 128 bytes: no control characters, no comma, no blank at either end>
 *     root <64 hex digits: the root key, Ed25519>
 *     url <where its node is reached by its peers>          none to four, the first choice first
 *     <empty line>
 *     signature <128 hex digits, over all bytes before the empty line>
 */
#ifndef CLI_CARD_H
#define CLI_CARD_H

#include "base/buf.h"
#include "base/err.h"
#include "base/limits.h"
#include "proof/key.h"

#define CARD_BYTES_MAX 4096

struct card {
    struct str name;
    struct key_public root;
    struct str urls[LIMIT_ADDRESSES];
    size_t n_urls;
};

/* ERR_INPUT says what is wrong with the name. */
CHECKED enum err card_check_name(struct str name, struct why *why);
/* A URL for peers: http or https, a host, no blanks or control characters, at most LIMIT_ADDRESS_BYTES. */
CHECKED enum err card_check_url(struct str url, struct why *why);

/* Appends the card of c, whose root is root's. must() on what card_read() would refuse. */
void card_write(const struct card *c, const struct key_secret *root, struct buf *to);

/* Texts are borrowed from text. ERR_INPUT names the line and what is wrong. */
CHECKED enum err card_read(struct str text, struct card *ret, struct why *why);

#endif
