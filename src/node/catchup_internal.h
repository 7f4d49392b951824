/* catchup_internal.h - what the parts of a catch-up share: its sources and the head it goes for.
 * SPDX-License-Identifier: Apache-2.0
 *
 * catchup_source.c asks sources and keeps their record, catchup_head.c finds the head, catchup_tree.c holds the verified part of the
 * tree above the bundles, catchup.c runs the connections and appends.
 */
#ifndef NODE_CATCHUP_INTERNAL_H
#define NODE_CATCHUP_INTERNAL_H

#include <pthread.h>

#include "node/catchup.h"
#include "proof/tile.h"

struct source {
    const struct catchup_source *is;
    bool is_out;         /* Lied, or failed too often in a row. */
    unsigned n_failures; /* In a row. */
    unsigned n_busy;     /* Connections that are asking it. */
    int64_t mean_us;     /* Of its answers of late; 0: none yet. */
};

/* The sources of one run; under lock, since every connection chooses among them. */
struct sources {
    const struct catchup_options *options;
    pthread_mutex_t lock;
    size_t n;
    struct source at[CATCHUP_SOURCES_MAX];
    struct why last; /* Why a source was given up or passed over last. */
};

void sources_init(struct sources *s, const struct catchup_options *options);
void sources_done(struct sources *s);

/* Chooses the source that will answer soonest by what is known, among those not in the set avoid (bit i: source i); counts it as
 * busy. -1: none. Under lock. */
int sources_choose(struct sources *s, uint64_t avoid);
bool sources_has(struct sources *s, uint64_t avoid); /* There is one to choose. */
void sources_take(struct sources *s, int source); /* That one. */
/* Ends what sources_choose() began; took_us is how long the answer took, 0 if it is not to count. Under lock. */
void sources_served(struct sources *s, int source, int64_t took_us);
void sources_failed(struct sources *s, int source, enum catchup_fault fault, const struct why *why);
void sources_report(struct sources *s, const char *name, enum catchup_fault fault, const struct why *why);

/* One tile or bundle, as bytes; a partial one that is gone is cut from the full one. Not under lock. ret_fault is set on failure. */
CHECKED enum err source_get(const struct catchup_options *o, struct http_client *client, const struct catchup_source *from,
                            const struct tile *tile, struct buf *ret, enum catchup_fault *ret_fault, struct why *why);
CHECKED enum err source_get_checkpoint(const struct catchup_options *o, struct http_client *client,
                                       const struct catchup_source *from, struct buf *ret, struct why *why);
int64_t catchup_now_us(void); /* Monotonic. */

/* Sets size, root and note of ret. Errors as catchup_run() has them. */
CHECKED enum err catchup_choose_head(struct sources *s, struct http_client *client, struct catchup_result *ret, struct why *why);

/* The verified tree above the leaves. */
struct catchup_tree {
    struct sources *sources;
    struct http_client *client;
    uint64_t size;
    struct hash root;
    struct tiles edge;
    bool has[TILE_LEVELS];      /* One full tile a level is kept: the last that was needed. */
    uint64_t n[TILE_LEVELS];
    struct hash at[TILE_LEVELS][TILE_WIDTH];
};

/* Fetches the right edge and checks it against the root. t is zero but for sources and client. 120 kB: on the heap. */
CHECKED enum err catchup_tree_open(struct catchup_tree *t, uint64_t size, const struct hash *root, struct why *why);
/* Root of the 256 leaves of full bundle n. Fetches what tiles it needs: one in 256 bundles when asked in ascending order. */
CHECKED enum err catchup_tree_bundle(struct catchup_tree *t, uint64_t n, struct hash *ret, struct why *why);
/* Whether a bundle of width leaves is that of the tree: a full one by its root, another one by the edge. Any thread. */
bool catchup_tree_has(const struct catchup_tree *t, unsigned width, const struct hash *root, struct str bundle);
/* ERR_CONFLICT unless the tree of this size and root is the beginning of t's. */
CHECKED enum err catchup_tree_continues(struct catchup_tree *t, uint64_t size, const struct hash *root, struct why *why);

#endif
