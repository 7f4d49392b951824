/* gen_change.h - random changes and entries of every kind, valid by form.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TEST_GEN_CHANGE_H
#define TEST_GEN_CHANGE_H

#include "base/arena.h"
#include "base/rng.h"
#include "entry/entry.h"

extern const enum change_kind GEN_KINDS[];
extern const size_t GEN_N_KINDS;

/* Every member that the kind has; each one that it may leave out is there half the time. All in arena. */
struct change gen_change(struct rng *rng, struct arena *arena, enum change_kind kind);

/* A signed-by-author-shaped entry with one to n_max random changes. */
struct entry gen_entry(struct rng *rng, struct arena *arena, const struct key_public *author, size_t n_max);

/* Equal as values: texts and arrays by content. */
bool gen_same_change(const struct change *a, const struct change *b);
bool gen_same_entry(const struct entry *a, const struct entry *b); /* Signatures apart. */

#endif
