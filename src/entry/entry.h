/* entry.h - one signed unit of the journal and its one byte form.
 * SPDX-License-Identifier: Apache-2.0
 *
 * COSE_Sign1 (RFC 9052) in the restricted deterministic CBOR of evidence.md section 3; the payload's members are those of
 * decision A1, and docs/formats.md has every byte. The exact bytes are a Merkle leaf. The reader refuses
 * whatever the writer would not have written.
 */
#ifndef ENTRY_ENTRY_H
#define ENTRY_ENTRY_H

#include "base/arena.h"
#include "entry/change.h"
#include "proof/key.h"

struct entry {
    uint8_t author[8];      /* First 8 bytes of SHA-256 of the node's entry key: also COSE's kid. */
    uint64_t epoch;         /* Slot: epoch and number (decision B6, B2). Embedded journals use epoch 0. */
    uint64_t slot;
    struct hash previous;   /* SHA-256 of the author's previous entry's bytes; zero for its first. */
    int64_t time_ms;        /* Author time, never going back. */
    uint64_t seen_size;     /* Tree size (leaves, even) the author had verified, and its root. */
    struct hash seen_root;
    struct str participant; /* Whose changes these are; empty for a node's own (join, tick). */
    struct change *changes;
    size_t n_changes;       /* 1..LIMIT_ENTRY_CHANGES */
    uint8_t signature[64];
};

/* Bytes that a change will add to an entry: to pack a batch within LIMIT_ENTRY_BYTES. */
size_t change_size(const struct change *c);
#define ENTRY_OVERHEAD 320 /* At least the bytes of an entry around its changes, its participant's name counted apart. */

/* Appends the signed bytes. origin is the log's (external_aad, replay protection). must() on sizes over the limits:
 * the caller packed by change_size(). */
void entry_encode(const struct entry *e, struct str origin, const struct key_secret *signer,
                  struct buf *to);

/* Reads bytes; texts and arrays live in arena or are borrowed from bytes. ERR_CORRUPT with the offset and the reason for
 * whatever is not the canonical form of an entry within the limits. The signature is not verified. */
CHECKED enum err entry_decode(struct str bytes, struct arena *arena, struct entry *ret,
                              struct why *why);

/* What is known of an entry without knowing its changes, which rules of a later version may have brought: all members of ret but
 * those; n_changes counts them. ERR_CORRUPT for what no build takes for an entry. The participant is borrowed from bytes. */
CHECKED enum err entry_decode_head(struct str bytes, struct entry *ret, struct why *why);

/* True if the signature is good for key under origin. bytes as given to entry_decode(). About 120 us. */
bool entry_verify(struct str bytes, struct str origin, const struct key_public *key);

#endif
