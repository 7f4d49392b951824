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

#endif
