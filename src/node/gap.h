/* gap.h - were the slots that etcd does not have ever written?
 * SPDX-License-Identifier: Apache-2.0
 *
 *     slots of an author    ... 7  8  .  .  11       9 and 10 are missing: deleted by clean-up, and others may have applied them,
 *                                                    or never written, and nobody is to wait for them
 *
 * Clean-up (upkeep.c) deletes a slot only when a majority of the members, each by all of its nodes, have signed trees that hold it or
 * a later one of the author. So after it saw the gap the node asks members' nodes for the newest head that each has signed. A member
 * says no when the tree of one of its nodes holds no slot of the author from the first missing one on:
 *
 *     not larger than the own tree   no, if it is a beginning of that, which does not hold one
 *     larger                         what it has beyond the own tree is fetched from that node, verified against the head, and looked at
 *
 * When a majority has said no, of two members both, the slots were not written: any two majorities share a member, and of what was
 * deleted it would have said yes. This node speaks for its member, too, unless it holds less than its own key has
 * signed (decision E7).
 * Nobody can hold up the rest by a yes, only too many by silence. A slot that is written after all gets its place by its revision.
 *
 * Who says yes to what was deleted will be caught up with: a majority has it, so its nodes find no such slot missing themselves, go on,
 * and sign a head together (fetch_run()).
 *
 * What it rests on: nodes name the newest head that they signed. One that shows an older one to a node that was away, when what it
 * has seen since was deleted, can lead that node astray; the next heads that it sees contradict its own, and it stops writing
 * (decision C7). Nor may members and nodes have been replaced by a new majority while this node and so many others were away for ten
 * minutes.
 */
#ifndef NODE_GAP_H
#define NODE_GAP_H

#include "journal/journal_etcd.h"
#include "node/node_internal.h"
#include "node/peer_link.h"

struct gap_asked {
    struct peer_link *link; /* NULL: nobody can be asked. */
    const struct str *urls; /* Where nodes may be of which the record has no address. */
    size_t n_urls;
};

/* OK: the slots were not written. ERR_UNAVAILABLE: that is not known; why says who has said so, and what went wrong last. The writer's
 * thread; the gap was seen before. Takes as long as the network does: at most EXCHANGE_TIMEOUT_MS a node that does not answer. */
CHECKED enum err gap_ask(struct node *n, const struct gap_asked *whom, const struct journal_etcd_gap *gap, struct why *why);

#endif
