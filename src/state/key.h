/* key.h - the key rule: which OVNs a write must show, and whether it does (f3548-dss.md 6.6, decision A3).
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef STATE_KEY_H
#define STATE_KEY_H

#include "base/arena.h"
#include "state/view.h"

struct key_verdict {
    /* Relevant entities of the view whose current OVN the key lacks, by id; memory of the arena. */
    const struct entity **missing_intents;
    size_t n_missing_intents;
    const struct entity **missing_constraints;
    size_t n_missing_constraints;
};

/* Judges the whole key of an intent's write against v and fills the key members of change (has_key, checked_at, key_hash,
 * digests in arena). change is complete but for those; participant writes it. A state that needs no key gives an empty
 * verdict and has_key false. Cost: one search, and about 100 ns a key string. Any thread. */
void key_judge(const struct view *v, struct str participant, struct change *change,
               const struct str *key, size_t n_key, struct arena *arena,
               struct key_verdict *ret);

#endif
