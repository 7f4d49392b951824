/* peers_internal.h - what the parts of signing together share.
 * SPDX-License-Identifier: Apache-2.0
 *
 * peers.c runs the thread and does what the round says; peers_serve.c takes what others ask and answer; peers_seats.c makes seats from
 * the state; peers_fork.c keeps contradictions, as files, and the mark of a key that signs no more.
 */
#ifndef NODE_PEERS_INTERNAL_H
#define NODE_PEERS_INTERNAL_H

#include "base/arena.h"
#include "base/limits.h"
#include "node/node_internal.h"
#include "node/peers.h"

#define PEERS_ROSTER_MS 200         /* Between two looks at who may sign. */
#define PEERS_CLOCK_MS 60000        /* Decision A8: clocks heard in the last minute. */
#define PEERS_ANNOUNCE_MS 10000     /* Between two attempts to announce the own address. */
#define PEERS_FORKS_MAX 64          /* Contradictions kept. */

/* What is known of one peer, whatever the seats are. */
struct peer_known {
    uint8_t id[8];
    struct str urls[LIMIT_ADDRESSES]; /* Of the roster's arena. */
    size_t n_urls;
    bool is_called;                /* A call is under way; */
    bool calls_again, asks_again;  /* another is wanted after it. */
    uint64_t tag;                  /* Of that call. */
    bool is_ask;
    uint64_t size;                 /* Of the note that it took along. */
    struct hash root;
    int64_t heard_ms;
    int64_t clock_ms;              /* When its clock was heard, and how far it was ahead of the own one. */
    int64_t clock_off_s;
    bool is_unreached;             /* The last call got no answer. */
    struct why trouble;            /* Why the last call failed; empty if it did not. */
};

/* A head that contradicts the own tree, for new rounds and for its proof file. */
struct peers_fork {
    struct buf note;
    uint64_t size;
    struct hash root;
    bool has_file;
    bool is_told; /* To the round of now. */
};

struct peers {
    struct node *node;
    struct peer_link *link;
    bool is_stepped;
    struct round_time (*now)(void *context);
    void *now_context;
    struct buf url;

    pthread_mutex_t lock; /* Over all that follows; taken before any lock of the node's. */
    pthread_t thread;
    bool is_woken, stops; /* Under the node's sign_lock. */

    /* The roster, and the round on it. round NULL: not seated. */
    struct arena arena;
    struct hash roster;
    int64_t roster_ms;
    struct seats seats;
    uint8_t ids[SEATS_NODES_MAX][8];
    uint32_t members[SEATS_MEMBERS_MAX]; /* Place of each seat's member. */
    size_t self;
    struct round *round;
    bool has_been_ready; /* The questions before the first signature were answered in this life. */
    bool is_checked;     /* The last head of the store of heads was found in the own tree. */
    struct peer_known known[SEATS_NODES_MAX]; /* As ids. */
    uint64_t next_tag;

    struct buf own_note; /* The last one signed in this life. */
    uint64_t tree_size;
    struct hash tree_root;
    struct why refused;  /* Not empty: this key signs no more. */
    bool is_refusal_kept;
    struct peers_fork forks[PEERS_FORKS_MAX];
    size_t n_forks;
    size_t n_evidence;   /* Convictions that have a file. */
    unsigned n_proofs;
    bool has_full;       /* A full note was published. */
    bool may_write;
    atomic_bool is_divided;
    struct why divided;
    int64_t announce_ms;
    uint64_t n_calls, n_failed;
};

/* peers_seats.c */
struct hash peers_roster_mark(const struct view *v);

/* peers.c: with the lock held. */
struct round_time peers_now(const struct peers *p);
size_t peers_find(const struct peers *p, const uint8_t id[8]); /* n_nodes: none */
/* Root of the own tree at size; false if it is smaller, or cannot be read. */
bool peers_root_at(struct peers *p, uint64_t size, struct hash *ret);
void peers_pump(struct peers *p);  /* Does what is due, and publishes. */
void peers_call(struct peers *p, size_t i, bool is_ask); /* Asks, or posts the newest note. */
void peers_wake(struct peers *p);  /* Without the lock: the thread looks again. */
void peers_answered(void *context, uint64_t tag, enum err err, int status, struct str body);

/* peers_fork.c: with the lock held. */
CHECKED enum err peers_open_refusal(struct peers *p, struct why *why); /* What the disk says. */
void peers_keep_refusal(struct peers *p, const struct why *because);
void peers_open_forks(struct peers *p);
void peers_note_forks(struct peers *p);  /* Tells the round of old contradictions, keeps new ones, writes what proofs can be written. */
void peers_judge(struct peers *p);        /* May this node write? */

#endif
