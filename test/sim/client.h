/* client.h - those who write and read at random nodes, and remember what they were told.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Each speaks for the participant of one member and writes at that member's nodes: intents with their keys, subscriptions, deletions,
 * availability; it reads anywhere, behind a barrier. Of a write that was left unclear it asks until it knows. Members suspend
 * and resume. What a read shows must not be older than what was acknowledged before it was asked for.
 */
#ifndef TEST_SIM_CLIENT_H
#define TEST_SIM_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

void clients_begin(void);
void clients_end(void);
void clients_calm(void);        /* They write little more, and ask for the rest of what is unclear. */
bool clients_have_settled(void); /* Nobody has an open question, but to nodes that will never answer. */

struct client_counts {
    uint64_t n_accepted, n_refused, n_reads, n_unclear, n_committed, n_absent;
};
extern struct client_counts client_counts; /* Over all seeds. */

#endif
