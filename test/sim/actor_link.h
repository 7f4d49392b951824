/* actor_link.h - the network between nodes: calls that are lost, late, doubled, cut off.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A call that is lost on its way there or back is answered ERR_NET when a second has passed, as by a real client.
 */
#ifndef TEST_SIM_ACTOR_LINK_H
#define TEST_SIM_ACTOR_LINK_H

#include "node/peer_link.h"

void link_begin(void);
void link_calm(void);
void link_trouble(void); /* Chance may cut or mend. */
bool link_is_cut(int from, int to);

/* The node's end, for one life. Its close() is called by the node. */
void link_make(int node, unsigned life, struct peer_link *ret);
int link_node_of(const char *url); /* Of cast_url(); -1: none. */

/* Whose life it is now: calls and answers of earlier ones are dropped. 0: down. */
void link_set_life(int node, unsigned life);

#endif
