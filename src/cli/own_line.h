/* own_line.h - three members, each with a node, for a demonstration; all of it goes away with the process.
 * SPDX-License-Identifier: Apache-2.0
 *
 *     this process -- order_server or three etcd servers
 *          |-- node of donlon    -+
 *          |-- node of mercy      +-- heads signed together
 *          '-- node of skyparcel -+
 *
 * Each node is a child process of this program with a folder of its own, founded by lab.h in a folder under $TMPDIR.
 */
#ifndef CLI_OWN_LINE_H
#define CLI_OWN_LINE_H

#include "cli/order_server.h"
#include "cli/own_node.h"

#define OWN_LINE_MEMBERS 3

struct own_line { /* All bits zero: none. */
    char dir[PATH_MAX];
    char key_path[PATH_MAX]; /* PEM, secret: signs tokens that all nodes accept, operators' too. */
    struct order_server *order; /* NULL with etcd. */
    struct own_node servers[3]; /* etcd. */
    struct own_node nodes[OWN_LINE_MEMBERS];
};

/* members: plain names, in ascending order. participants: "SUB=MEMBER". Waits until all have joined, up to 30 s each. ERR_UNAVAILABLE with
 * the last words of what did not start. Signals are noted from here until own_line_stop(). */
CHECKED enum err own_line_start(const char *const members[OWN_LINE_MEMBERS], const char *const participants[OWN_LINE_MEMBERS],
                                bool with_etcd, struct own_line *ret, struct why *why);
void own_line_stop(struct own_line *l); /* NULL is fine. */

#endif
