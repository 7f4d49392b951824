/* home.h - nodes in the test's own process: their folders, proposals to wait for, journals that wait or fail when told.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TEST_HOME_H
#define TEST_HOME_H

#include <pthread.h>

#include "node/node.h"

#define HOME_PATH 256

/* A data folder under TMPDIR. */
struct home {
    char dir[HOME_PATH];
    struct node *node; /* NULL while it does not run. */
};

void home_make(struct home *h);   /* An empty folder. */
void home_remove(struct home *h); /* Stops the node and removes all. */
CHECKED enum err home_start(struct home *h, struct why *why); /* On the SQLite journal in the folder. */
void home_stop(struct home *h);
/* The files of h as they are now, into a folder of their own: with the node idle, what a kill would leave. */
void home_copy(const struct home *h, struct home *ret);
/* Path of a file in the folder; one static buffer. */
const char *home_file(const struct home *h, const char *name);
void home_copy_file(const char *from, const char *to);
/* Name of the newest snapshot in the folder; "" if there is none. One static buffer. */
const char *home_snapshot(const struct home *h);

/* A journal whose proposals wait at a gate, or fail. Made around another one, which it owns. */
struct gate;
struct journal *gate_journal(struct journal *inner, struct gate **ret);
void gate_shut(struct gate *g);        /* Proposals of entries wait from now on. */
void gate_wait_inside(struct gate *g); /* Until one waits. */
void gate_open(struct gate *g);
void gate_fail_next(struct gate *g, bool after_writing); /* The next proposal of entries fails, once. */

/* A proposal on its way. */
struct ask {
    struct pending p;
    struct arena arena;
    pthread_mutex_t lock;
    pthread_cond_t woken;
    bool is_done;
};

/* A subscription of participant in cell i of the laboratory's ground, for the hour from now on; another id each time. */
struct ask *ask_subscription(struct str participant, int i);
struct ask *ask_change(struct str participant, struct change change);
void ask_send(struct node *n, struct ask *a);
void ask_wait(struct ask *a);
void ask_free(struct ask *a);
/* Sends, waits, frees: whether it was accepted. */
bool ask_and_wait(struct node *n, struct ask *a);

/* Waits until the newest checkpoint holds all that was applied. */
void node_wait_signed(struct node *n);
struct hash node_digest(struct node *n); /* Of the published state. */

#endif
