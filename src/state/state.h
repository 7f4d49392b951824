/* state.h - what the entries add up to; one writer, any number of readers.
 * SPDX-License-Identifier: Apache-2.0
 *
 *     entry -> state_apply() -> outcomes -> (more of the batch) -> state_publish() -> readers see it
 *
 * Invariants, walked by state_check():
 *   S1  same entries, same state, same outcomes, whatever the batches, compiler or build (I1)
 *   S2  an intent is written as Accepted or Activated only if no relevant OVN was missing (I4)
 *   S3  an implicit subscription has at least one dependent; an attached subscription exists and covers its dependents
 *   S4  every entity stands exactly once in by_id, slots, its grid, by_end, and intents and constraints in by_token
 *   S5  a USS is overlaid as Down exactly if all members that speak for it are suspended or expelled
 *   S6  the members that count are those that joined and were not expelled; a live key is a counting member's, or a root's
 *
 *   S7  rules of a later version come into force right after an announcement, for all alike, and never go back
 *   S8  epochs follow each other, each opened by a statement that a majority of the members signed (B6)
 *
 * state_apply() fails only where rules are in force that this build does not know; a refused change is an outcome. Core: no
 * clock, no I/O, no floating point.
 */
#ifndef STATE_STATE_H
#define STATE_STATE_H

#include "base/arena.h"
#include "base/err.h"
#include "entry/entry.h"
#include "proof/hash.h"
#include "state/outcome.h"
#include "state/view.h"

struct state;

/* Reads the genesis document (state/genesis.h) and makes the published state after entry 0; ERR_CORRUPT names what is wrong. */
CHECKED enum err state_new(struct str genesis, struct state **ret, struct why *why);
void state_free(struct state *s); /* No reader may be left; NULL is fine. */

/* Applies the entry at index view->position (the next one). bytes are the entry's own. outcomes are e->n_changes in arena, and
 * borrow from the state until state_publish(). ret_leaf gets the outcome leaf appended. The caller has verified the signature
 * with the key that state_author_key() gives for the author, or made the entry itself; an entry whose signature is bad goes to
 * state_apply_void(). An unknown author needs no signature: every change is refused. An entry with a change of later rules than
 * those in force comes to what void bytes come to (entry/rules.h). ERR_STATE, and nothing has happened: rules are in force
 * that this build does not know; view_knows_rules() has the words. Writer only. */
CHECKED enum err state_apply(struct state *s, const struct entry *e, struct str bytes, struct arena *arena,
                             struct outcome **ret_outcomes, struct buf *ret_leaf);

/* Bytes that are no entry of this network (undecodable): takes the index, outcome REASON_MALFORMED. ERR_STATE as above. */
CHECKED enum err state_apply_void(struct state *s, struct str bytes, struct buf *ret_leaf);

void state_publish(struct state *s); /* Readers see all that was applied. Writer only. */

/* What change would come to now, without doing it: the same judgement that apply makes, but the key is left to key_judge().
 * now_ms is what the entry's time would be. Any thread, on a pinned view. REASON_ACCEPTED or the first reason against. */
enum reason change_judge(const struct view *v, struct str participant, const struct change *c,
                         int64_t now_ms);

/* The same with the author known: whether it may write this for the participant at all, and then as above. The only way to
 * judge what members say of themselves; change_judge() knows no author and calls that malformed. */
enum reason change_judge_by(const struct view *v, const uint8_t author[8], struct str participant,
                            const struct change *c, int64_t now_ms);

/* Readers: lock-free. */
struct state_pin {
    struct cow_pin pin;
};
const struct view *state_read(struct state *s, struct state_pin *ret_pin);
void state_done_reading(struct state_pin *pin);

/* The writer's own view of everything applied, published or not. */
const struct view *state_view(const struct state *s);

/* SHA-256 over the canonical content (snapshot.h), independent of history and tree shape. O(state). */
struct hash state_digest(const struct view *v);

/* Author lookup for the node: the key of an author that may write; false if there is none, or it was replaced, ended or
 * expelled. Authors are the members' root keys (they write of members' affairs only) and the entry keys of joined nodes. */
bool state_author_key(const struct view *v, const uint8_t author[8], struct key_public *ret);
/* The least slot of the epoch (view_epoch()) that the author may write next, the hash of its last entry in it (zero before the first)
 * and that entry's time: what the node continues from after a start. Slots may be left out (they held what is no entry), but never come
 * twice, and each entry names the one before it that counted. An entry of an earlier time than its author's last one is refused. */
bool state_author_next(const struct view *v, const uint8_t author[8], uint64_t *ret_slot,
                       struct hash *ret_previous, int64_t *ret_time_ms);

/* The keys that a joined node signs checkpoints and cosignatures with; false if author is no joined node, or one whose keys were
 * ended. */
bool state_author_log_keys(const struct view *v, const uint8_t author[8], struct key_public *ret_log,
                           struct key_public *ret_mirror);
/* The key that says who calls its peers over HTTP; false also if the node joined without one. */
bool state_author_http_key(const struct view *v, const uint8_t author[8], struct key_public *ret);

void state_check(const struct state *s); /* For tests. */

#endif
