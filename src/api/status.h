/* status.h - what a node knows of itself, its journal and its network, as one JSON object.
 * SPDX-License-Identifier: Apache-2.0
 *
 * For people and scripts of the members, not for participants: docs/api.md, "The members' calls", has every member of it.
 */
#ifndef API_STATUS_H
#define API_STATUS_H

struct call;

void status_on_get(struct call *c); /* ?digest=1 adds the state's digest: O(state). */

#endif
