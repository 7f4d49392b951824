/* league.h - nodes of several members in the test's own process, on a real etcd.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Members are m0, m1, ...; each has a folder with all its keys and a join file that records what it may: everybody speaks for "uss1"
 * and "uss2", member i alone for "ussOfI".
 */
#ifndef TEST_LEAGUE_H
#define TEST_LEAGUE_H

#include "cli/founding.h"
#include "home.h"

#define LEAGUE_MAX 7

struct league {
    int n;
    struct founding founding;
    struct home homes[LEAGUE_MAX];
    struct etcd_options etcd[LEAGUE_MAX]; /* Each node's; may be changed while it does not run. */
    int follow_ms, write_ms, upkeep_ms; /* As of struct node_options. */
    struct peer_link *links[LEAGUE_MAX]; /* Each node's, which takes it when it starts; NULL: it calls nobody. */
    int64_t tick_us;
    struct why why;
};

/* urls are those of one etcd for all. Their texts must live as long as the league. */
void league_make(struct league *c, int n, const char *const *urls, size_t n_urls);
void league_remove(struct league *c);

/* ERR and c->why if it does not start. It may not have joined yet. */
CHECKED enum err league_start(struct league *c, int i);
void league_stop(struct league *c, int i);
bool league_start_all(struct league *c); /* And waits until all have joined; false, and said, if one did not start. */
void league_wait_joined(struct node *n);

/* Waits for a barrier: whether the order told all. ret_age_us may be NULL. */
bool league_barrier(struct node *n, int64_t *ret_age_us);

/* All nodes that run, after a barrier, hold the same state. */
bool league_agrees(struct league *c);

/* A new intent of participant in cell i of the laboratory's ground, for the hour from in an hour on, with the key of what the node
 * sees there. */
struct ask *league_intent(struct node *n, struct str participant, int i);

/* Whether the node's published state has the entity of this change. */
bool league_has(struct node *n, const struct change *c);

/* Hands in an entry and waits. bytes are borrowed. */
struct league_pass {
    struct passing p;
    atomic_bool is_done;
};
void league_pass(struct node *n, struct league_pass *p, struct str bytes);

/* Waits a moment of a loop that looks for something. */
void league_breathe(void);

#endif
