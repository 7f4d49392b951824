/* epoch.h - the statement that opens an epoch after etcd lost data (decision B6).
 * SPDX-License-Identifier: Apache-2.0
 *
 *     "epoch 3 begins where the journal has 8,412 leaves with this root"      signed for a majority of the members
 *
 * A signature is a member's root key's or that of one of its nodes' entry keys, as with approvals. The first entry of the epoch carries
 * the statement; between members it travels as a file of text. docs/formats.md has both forms.
 */
#ifndef ENTRY_EPOCH_H
#define ENTRY_EPOCH_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "proof/hash.h"
#include "proof/key.h"

#define EPOCH_SIGNATURES_MAX 100
#define EPOCH_TAIL_MAX 4096 /* Entries that a file may carry. */

struct epoch_signature {
    uint8_t author[8];
    uint8_t signature[64];
};

struct epoch_statement {
    uint64_t epoch;   /* The one that begins. */
    uint64_t size;    /* Leaves of the one that ended; even. */
    struct hash root; /* At that size. */
    const struct epoch_signature *signatures; /* Ascending by author. */
    size_t n_signatures;
};

/* network is SHA-256 of genesis. */
void epoch_sign(const struct epoch_statement *s, const struct hash *network, const struct key_secret *key,
                struct epoch_signature *ret);
bool epoch_is_signed(const struct epoch_statement *s, const struct hash *network, const struct key_public *key,
                     const uint8_t signature[64]);

/* The statement with one more signature, or another in place of the author's; memory of the arena. */
struct epoch_statement epoch_with(const struct epoch_statement *s, const struct epoch_signature *more, struct arena *arena);

/* As a file: the statement, and the last entries before it for those who lack them, tail[0] being number s->size / 2 - n_tail. */
void epoch_write(const struct epoch_statement *s, const struct hash *network, const struct str *tail, size_t n_tail, struct buf *to);
/* Memory of the arena. ERR_INPUT says in which line and why. */
CHECKED enum err epoch_read(struct str text, struct arena *arena, struct epoch_statement *ret, struct hash *ret_network,
                            struct str **ret_tail, size_t *ret_n_tail, struct why *why);

#endif
