/* line.h - what a member's people do through its node: suspend and resume the line, hand in what its root key signed.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Suspension and resumption are entries of the node's own key, asked for by its operator alone (scope line.operate, a key given by
 * --operator-key). An entry that a root key signed elsewhere carries its own right; who hands it in does not matter.
 */
#ifndef API_LINE_H
#define API_LINE_H

struct call;

void line_on_suspend(struct call *c); /* {"reason": "..."} */
void line_on_resume(struct call *c);  /* {"reason": "..."} */
void line_on_entry(struct call *c);   /* The entry's bytes as body. */
void line_on_author(struct call *c);  /* What an author writes next: slot, hash of its last entry. */

#endif
