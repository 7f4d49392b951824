/* judge.h - what must hold in every seed, asked after every step.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Nodes tell what they applied, published, answered and signed. The first to reach a position says what stands there; whoever comes
 * after must say the same, also after a crash:
 *
 *     position    0        1      2      3
 *     entry       genesis  join   join   put        outcome, root and state beside each
 *
 *   J1  equal positions have equal entries, outcomes, roots and states
 *   J2  what was answered as written stands at its position, for ever, at every node
 *   J3  an answer or a read shows at least what any answer showed that was given before it was asked (linearizable)
 *   J4  what was called absent is never in the journal
 *   J5  an honest node signs the tree that all have, each size once, and never a smaller size
 *   J6  when trouble ends all get to one position, whatever is open is settled, and heads get full
 *   J7  what the members set out to decide is decided
 *
 * Where etcd lies in a way that splits the network J1, J2 and J3 can break between the two sides; then both sides must get to know
 * (decision B7), and neither J6 nor J7 holds.
 */
#ifndef TEST_SIM_JUDGE_H
#define TEST_SIM_JUDGE_H

#include "etcd_model.h"
#include "proof/hash.h"
#include "state/view.h"

void judge_begin(enum lie lie);
void judge_end(void);

/* A claim that does not hold: says so, with the time, and the seed has failed. */
/* sim.c: says which seed runs; for posix.c. */
void sim_say_failed_must(const char *claim, const char *file, int line);

void judge_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
bool judge_has_failed(void);
const char *judge_first_failure(void);

void judge_applied(int node, uint64_t index, struct str entry, struct str outcome);
void judge_published(int node, const struct view *v);
void judge_signed(int node, uint64_t size, const struct hash *root);
void judge_restarted(int node); /* It tells all again, from position 0. */
void judge_has_new_keys(int node); /* What it signed so far binds it no more. */

/* The least position that an answer must show when it was asked for now. */
uint64_t judge_floor(void);
/* Asked for when floor was the least position; answered from this position. hash: of the entry, which must stand before position; returns
 * where. */
uint64_t judge_wrote(int node, uint64_t floor, uint64_t position, const struct hash *hash);
void judge_read(int node, uint64_t floor, uint64_t position);
void judge_absent(int node, const struct hash *hash);
void judge_committed(int node, const struct hash *hash);

uint64_t judge_size(void);              /* Positions that are known. */
bool judge_is_split(void);              /* Two nodes had different things at one position, and may. */
int judge_branch(int node);             /* -1: nothing known of it is disputed; otherwise the side of the split that it is on. */

#endif
