/* council.h - what the members decide while the network goes on: their roots propose, approve, join, end and replace keys.
 * SPDX-License-Identifier: Apache-2.0
 *
 *     aim --> some node's state shows what is next --> a root signs it --> handed in at that node --> the state shows more --> ...
 *
 * Aims of a seed, each begun at a moment of its own: a member that genesis does not know is admitted and its node joins; a member is
 * expelled (a hostile one, if there is one); a node gets new keys; a member gets another root key. Nobody remembers what was handed in:
 * the state says it, so that answers may be lost. What has begun is to be reached when calm comes (J7).
 */
#ifndef TEST_SIM_COUNCIL_H
#define TEST_SIM_COUNCIL_H

#include <stdbool.h>
#include <stdint.h>

void council_begin(void); /* After cast_begin() and hostile_begin(). */
void council_end(void);
void council_calm(void);    /* What is still to begin begins now. */
void council_trouble(void); /* Takes what steps are due. */
bool council_has_aims(void); /* Nodes may know different members and keys for a while, and on two sides of a split for ever. */
bool council_is_done(void);
const char *council_words(void); /* What is not reached, for people. */

struct council_counts {
    uint64_t n_admitted, n_expelled, n_keys, n_roots, n_entries;
};
extern struct council_counts council_counts; /* Over all seeds. */

#endif
