/* epoch.h - in which epoch the journal is, and what opens the next one (decision B6).
 * SPDX-License-Identifier: Apache-2.0
 *
 *     epoch 0 ... etcd loses data ... statement signed for a majority -> first entry of epoch 1 carries it -> epoch 1 ...
 *
 * The first entry of an epoch is the one whose first change is the statement, signed for a majority of all members, suspended ones
 * counted (of two, both), naming just as many leaves as there are before it. From then on an author's first entry names no
 * predecessor, and entries of earlier epochs are refused. Who reads the journal finds statement and signatures in that entry; that its
 * root is the journal's is for those to check who have the tree.
 */
#ifndef STATE_EPOCH_H
#define STATE_EPOCH_H

#include "entry/entry.h"
#include "state/view.h"

uint64_t view_epoch(const struct view *v);
uint64_t view_epoch_since(const struct view *v); /* Its first entry; 0 for epoch 0. */

/* Members for whom the statement is well signed, each once, and how many of them a majority is. A few ms for many signatures. */
uint32_t view_epoch_signers(const struct view *v, const struct epoch_statement *s);
uint32_t view_epoch_majority(const struct view *v);

/* Whether the statement opens the next epoch right after what was applied. */
bool view_opens_epoch(const struct view *v, const struct epoch_statement *s);
/* Whether the entry does, by the statement in its first change, if its author may. Its signature is another matter. */
bool view_entry_opens_epoch(const struct view *v, const struct entry *e);

#endif
