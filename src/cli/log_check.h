/* log_check.h - replays a journal from its genesis and holds it against what was signed.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef CLI_LOG_CHECK_H
#define CLI_LOG_CHECK_H

#include "cli/log_source.h"
#include "proof/checkpoint.h"
#include "proof/key.h"
#include "state/state.h"

struct log_verdict {
    uint64_t n_entries;
    uint64_t n_changes;
    uint64_t n_refused;      /* Changes whose outcome is a refusal. */
    uint64_t n_void;         /* Places taken by bytes that are no entry. */
    struct hash root;        /* Of all 2 * n_entries leaves. */
    struct hash state_digest; /* state_digest() after the last entry. */
    uint64_t signed_leaves;  /* Of the newest checkpoint, whose signature and root are good; 0: there is none. */
    struct hash genesis;     /* SHA-256 of entry 0: who knows this knows which network it is. */
    struct buf origin;
    struct state *state;     /* After the last entry; NULL if something is wrong. */
};
void log_verdict_done(struct log_verdict *v);

/* Decodes each entry, checks its signature against the keys that the journal admitted, applies it to a state of its own, compares the
 * outcome with the recorded one, the tree's root with that of the newest checkpoint, and the checkpoint's signature with the log
 * keys that the journal admitted. ERR_CORRUPT names the first thing that is wrong.
 * About 200 us an entry. progress may be NULL. */
CHECKED enum err log_check(struct log_source *s, void (*progress)(uint64_t done, uint64_t all), struct log_verdict *ret,
                           struct why *why);

#endif
