/* story.h - a whole journal from a seed: every kind of change, every reason, several members and participants.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The ground is small and the ids are few, so that changes meet, race and are refused. Entries are signed; some are not their
 * author's next, some are no entries at all. The bytes depend on the seed alone.
 */
#ifndef TEST_STORY_H
#define TEST_STORY_H

#include "base/buf.h"
#include "state/state.h"

#define STORY_REASONS 32 /* More than there are reasons, and kinds. */
#define STORY_ORIGIN STR("golden.example/line")

struct story {
    struct buf bundle; /* Leaves, each after its length in two bytes: entry 0, its outcome, entry 1, ... */
    struct hash root, digest;
    uint64_t n_entries;
    uint64_t n_reasons[STORY_REASONS]; /* Changes by what they came to; void bytes count as one. */
    uint64_t n_accepted[STORY_REASONS]; /* Accepted ones by their kind. */
    unsigned rules;                     /* In force at the end. */
};

void story_make(uint64_t seed, int n_entries, struct story *ret);
/* The same with a switch to rules 2 on the way, and what they brought before and after it. */
void story_make_switching(uint64_t seed, int n_entries, struct story *ret);
void story_done(struct story *s);
void story_count(struct story *s, const struct entry *e, const struct outcome *outcomes);

/* Replays a bundle on a state of its own. publishes(i) true: readers see the state after entry i; restores(i) true: the state goes
 * through a snapshot after it. Recorded outcomes are compared with what the entries come to, signatures are checked. False,
 * said as a failed check, at the first difference. ret has no bundle. */
struct story_replay {
    bool (*publishes)(void *context, uint64_t index);
    bool (*restores)(void *context, uint64_t index);
    void *context;
};
bool story_replay(struct str bundle, const struct story_replay *how, struct story *ret);

#endif
