/* roll.h - members, proposals and participants of a node's status as tables.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Each takes the answer of GET /aux/v1/status and prints nothing where there is nothing.
 */
#ifndef CLI_ROLL_H
#define CLI_ROLL_H

#include "http/json.h"

void roll_print_members(struct json_node status);
void roll_print_proposals(struct json_node status);
void roll_print_participants(struct json_node status);

/* Members and proposals, or participants, as the node wrote them: an object with those members of body, the status' own text. */
void roll_print_members_json(struct str body);
void roll_print_participants_json(struct str body);

#endif
