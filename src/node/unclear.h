/* unclear.h - own entries of which somebody was told that they may have been written, and what came of them (decision B4).
 * SPDX-License-Identifier: Apache-2.0
 *
 *     open --its bytes are in the journal--> committed
 *       '----other bytes stand in its slot, or its slot was left out--> absent
 *
 * In the file DIR/unclear, one line each, so that it is known after a restart too:
 *
 *     open EPOCH SLOT HASH LF | committed HASH LF | absent HASH LF
 *
 * What is no line does not count: a loss of power leaves anything in place of what was not synced. The newest UNCLEAR_MAX are kept.
 * What is open is durable before anybody is told; what was settled can be settled again.
 */
#ifndef NODE_UNCLEAR_H
#define NODE_UNCLEAR_H

#include "base/err.h"
#include "proof/hash.h"

#define UNCLEAR_MAX 4096

enum unclear_state { UNCLEAR_STRANGE, UNCLEAR_OPEN, UNCLEAR_COMMITTED, UNCLEAR_ABSENT };

struct unclear_entry {
    uint64_t epoch, slot;
    struct hash hash; /* SHA-256 of its bytes. */
};

struct unclear;

/* dir NULL: in memory. ERR_DISK. */
CHECKED enum err unclear_open(const char *dir, struct unclear **ret, struct why *why);
void unclear_free(struct unclear *u); /* NULL is fine. */

/* Open from now on, durably when it returns OK; those that are known already stay as they are. One fdatasync. */
CHECKED enum err unclear_add(struct unclear *u, const struct unclear_entry *entries, size_t n, struct why *why);

void unclear_settle(struct unclear *u, const struct hash *hash, bool is_committed);

size_t unclear_n_open(struct unclear *u);
bool unclear_first(struct unclear *u, struct unclear_entry *ret); /* The open one of the lowest epoch and slot. */
enum unclear_state unclear_find(struct unclear *u, const struct hash *hash);

/* All but opening and freeing: any thread. O(UNCLEAR_MAX). */

#endif
