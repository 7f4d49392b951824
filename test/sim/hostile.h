/* hostile.h - a member with write access to etcd that breaks every rule it can.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The last node's machine is its own: it runs nothing else. It writes its slots in any order, garbage into its and others' next slots
 * and far ahead, others' entries and its own into wrong slots, over keys that are there, with wrong chains and times, and for a
 * key before it is admitted. It must fork nobody and stop nobody for good.
 */
#ifndef TEST_SIM_HOSTILE_H
#define TEST_SIM_HOSTILE_H

#include <stdbool.h>

void hostile_begin(bool is_there);
bool hostile_is(int node);  /* The node is not to be started, and nothing is to be expected of it. */
void hostile_new_epoch(void); /* It is the first to write into that, before anybody has opened it. */
void hostile_trouble(void); /* Chance may have it do something. */

#endif
