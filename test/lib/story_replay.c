/* story_replay.c - replaying a journal's bundle in batches, through snapshots, against what it recorded.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "proof/merkle.h"
#include "proof/tile.h"
#include "state/rules.h"
#include "state/snapshot.h"
#include "story.h"
#include "t.h"

void story_count(struct story *s, const struct entry *e, const struct outcome *outcomes)
{
    for (size_t i = 0; i < e->n_changes; i++) {
        s->n_reasons[outcomes[i].reason]++;
        if (outcomes[i].reason == REASON_ACCEPTED) s->n_accepted[e->changes[i].kind]++;
    }
}

static enum err add_piece(void *to, struct str piece, struct why *why)
{
    (void)why;
    buf_add_str(to, piece);
    return OK;
}

static bool restore(struct state **state)
{
    AUTO(buf_done) struct buf bytes = {0};
    struct state *again;
    must(snapshot_write(state_view(*state), add_piece, &bytes, NULL) == OK);
    if (!CHECK_INT(snapshot_read(buf_str(&bytes), &again, NULL), OK)) return false;
    state_free(*state);
    *state = again;
    return true;
}

static bool replay_entry(struct state *state, struct str bytes, struct buf *leaf, struct story *ret)
{
    AUTO(arena_done) struct arena arena = {0};
    struct entry e;
    struct outcome *outcomes;
    struct key_public key;
    bool good = true;

    if (entry_decode(bytes, &arena, &e, NULL) == OK) {
        if (state_author_key(state_view(state), e.author, &key)) good = CHECK(entry_verify(bytes, STORY_ORIGIN, &key));
        if (!CHECK_INT(state_apply(state, &e, bytes, &arena, &outcomes, leaf), OK)) return false;
        story_count(ret, &e, outcomes);
    } else {
        if (!CHECK_INT(state_apply_void(state, bytes, leaf), OK)) return false;
        ret->n_reasons[REASON_MALFORMED]++;
    }
    return good;
}

bool story_replay(struct str bundle, const struct story_replay *how, struct story *ret)
{
    AUTO(buf_done) struct buf leaf = {0};
    struct state *state = NULL;
    struct merkle tree = {0};
    struct str rest = bundle, entry, outcome;
    bool good = true;

    *ret = (struct story){0};
    while (good && tile_next_leaf(&rest, &entry) && CHECK(tile_next_leaf(&rest, &outcome))) {
        struct hash hashes[2] = {hash_leaf(entry), hash_leaf(outcome)};
        uint64_t index = ret->n_entries++;
        buf_clear(&leaf);
        if (index == 0) {
            struct hash guard = outcome_guard(entry);
            if (!CHECK_INT(state_new(entry, &state, NULL), OK)) return false;
            outcome_encode(&guard, NULL, 0, &leaf);
        } else {
            good = replay_entry(state, entry, &leaf, ret);
        }
        good = good && CHECK(str_equal(buf_str(&leaf), outcome));
        if (!good) printf("# entry %llu\n", (unsigned long long)index);
        if (how->publishes(how->context, index)) state_publish(state);
        if (good && how->restores(how->context, index)) {
            state_publish(state);
            good = restore(&state);
        }
        merkle_add(&tree, &hashes[0]);
        merkle_add(&tree, &hashes[1]);
    }
    good = good && CHECK_INT(rest.n, 0) && CHECK(state != NULL);
    if (state) {
        state_publish(state);
        state_check(state);
        ret->digest = state_digest(state_view(state));
        ret->rules = view_rules(state_view(state));
    }
    ret->root = merkle_root(&tree);
    state_free(state);
    return good;
}
