/* member_node.h - `clearline member join`, `rotate-key`, `end-node`, `address`: a member's nodes and their keys (decision C2).
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef CLI_MEMBER_NODE_H
#define CLI_MEMBER_NODE_H

/* argv[0] is the verb. */
int member_join_run(int argc, char **argv);
int member_rotate_run(int argc, char **argv);
int member_end_run(int argc, char **argv);
int member_address_run(int argc, char **argv);

#endif
