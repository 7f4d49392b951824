/* fetch.h - what a node of several members takes over from its peers' logs: when it starts, and where etcd has slots no more.
 * SPDX-License-Identifier: Apache-2.0
 *
 *     peers' checkpoints -> catchup_run() --entries--> store --> apply, outcomes compared --> order goes on behind them
 *                                                        '--> audit of signatures, in the background
 *
 * On the writer's thread, or before there is one; it may take as long as the network does.
 *
 * Whose word counts: a majority of the members that the state knows, by their nodes' log keys (decision C7). A node that knows nobody yet,
 * since it holds genesis alone, takes the largest log of those it was told to ask, applies it, verifying what is said of members as it
 * goes, and then holds the checkpoint's signatures against the majority of the members that came of it.
 *
 * DIR/audit has "<next> <end>\n", entries whose signatures are not verified yet, or, while a catch-up runs, "<next> 0 <size before>\n": if
 * the store has more than that at a start, it was broken off within a signed size, and nothing else may come into the store before
 * one is whole. No such file: all are verified.
 */
#ifndef NODE_FETCH_H
#define NODE_FETCH_H

#include "node/audit.h"
#include "node/catchup.h"
#include "node/node_internal.h"
#include "node/peer_link.h"

#define FETCH_AGAIN_US 1000000 /* Between two attempts. */

struct fetch;

struct fetch *node_fetch(struct node *n); /* NULL in a network of one member. */

/* Reads what is marked on disk. urls: peers to ask before the state knows any; copied. link is borrowed and may be NULL: nobody is
 * asked. */
CHECKED enum err fetch_new(struct node *n, struct peer_link *link, const struct str *urls, size_t n_urls, struct fetch **ret,
                           struct why *why);
void fetch_free(struct fetch *f); /* Ends the audit. NULL is fine. */

/* Entries below this one are verified, or the audit's. */
uint64_t fetch_verified_to(const struct fetch *f);

/* A catch-up was broken off: it has to be whole before etcd counts. */
bool fetch_must_run(const struct fetch *f);

/* Starts the audit that an earlier life left. After replay. */
void fetch_go_on(struct fetch *f);

/* Brings store, state and order up to the newest head that enough members signed. ERR_UNAVAILABLE, ERR_NET: not now; ERR_CORRUPT,
 * ERR_DISK: for good; ERR_STATE: what was taken over ends this node's keys, for good. */
CHECKED enum err fetch_run(struct fetch *f, struct why *why);

/* For node_on_gap(): first what enough members signed, since that may have the slots; then, where the gap stays, gap_ask(). OK: taken over;
 * ERR_NOT_FOUND: they were never written; ERR_UNAVAILABLE: neither is known, and why says what is missing; it is asked again in
 * FETCH_AGAIN_US. Otherwise as fetch_run(). */
enum err fetch_on_gap(void *fetch, struct node *n, const struct journal_etcd_gap *gap, struct why *why);

/* The audit found a bad signature: nothing is to be signed on top of it. Any thread. */
bool fetch_is_bad(const struct fetch *f);

struct fetch_status {
    uint64_t n_runs, n_failed; /* Catch-ups that brought something, and that did not end well. */
    uint64_t n_entries;        /* Taken over. */
    struct why last;           /* What a source did last, or why the last one failed; empty if nothing was wrong. */
    bool is_auditing, is_bad;
    uint64_t audit_next, audit_end;
};
void fetch_status(struct fetch *f, struct fetch_status *ret); /* Any thread. */

#endif
