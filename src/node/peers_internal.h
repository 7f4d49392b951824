/* peers_internal.h - what the parts of signing together share.
 * SPDX-License-Identifier: Apache-2.0
 *
 * peers.c runs the thread and does what the round says; peers_serve.c takes what others ask and answer; peers_seats.c makes seats from
 * the state; peers_fork.c finds contradictions, and keeps the mark of a key that signs no more; peers_proof.c has the files that prove
 * contradictions.
 */
#ifndef NODE_PEERS_INTERNAL_H
#define NODE_PEERS_INTERNAL_H

#include "base/arena.h"
#include "base/limits.h"
#include "node/fork.h"
#include "node/node_internal.h"
#include "node/peers.h"

#define PEERS_ROSTER_MS 200         /* Between two looks at who may sign. */
#define PEERS_CLOCK_MS 60000        /* Decision A8: clocks heard in the last minute. */
#define PEERS_ANNOUNCE_MS 10000     /* Between two attempts to announce the own address. */
#define PEERS_FORKS_MAX 64          /* Contradictions kept. */
#define PEERS_PROOFS_MAX 64         /* Proof files; */
#define PEERS_PROOFS_EACH 8         /* of which one peer may bring so many in this life. */

enum peers_call { PEERS_NOTE, PEERS_ASK, PEERS_PROOF };

/* What is known of one peer, whatever the seats are. */
struct peer_known {
    uint8_t id[8];
    struct str urls[LIMIT_ADDRESSES]; /* Of the roster's arena. */
    size_t n_urls;
    bool is_called;                /* A call is under way; */
    bool calls_again, asks_again;  /* another is wanted after it. */
    uint64_t tag;                  /* Of that call. */
    enum peers_call kind;
    uint64_t size;                 /* Of the note that it took along. */
    struct hash root;
    size_t proof;                  /* That it took along. */
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

/* A proof file. */
struct peers_proof {
    struct buf name, file;
    uint8_t from[8];       /* Who brought it in this life; zeros: nobody. */
    enum fork_kind kind;
    struct checkpoint small, large;
    struct hash root_at;   /* FORK_PREFIX: what the larger tree has at the smaller size. */
    struct str notes[2];   /* Of the smaller and the larger head, in file. */
    bool is_good;          /* It holds by the keys of those who may sign now. */
    bool is_placed[2];     /* The round of now knows where that head stands. */
    bool is_with[SEATS_NODES_MAX]; /* Who has it, or does not want it. */
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
    struct peers_proof proofs[PEERS_PROOFS_MAX]; /* In this life none goes: places are names. */
    size_t n_proofs;
    uint64_t n_proofs_refused; /* Brought by peers, and showing nothing. */
    bool has_full;       /* A full note was published. */
    /* A head beyond the own tree, verified, and when it came (steady clock). A look at etcd that begins then must show all of it. */
    uint64_t ahead_size; /* 0: none */
    int64_t ahead_us;
    struct why behind;   /* Not empty: one did not (decision B7). */
    uint64_t n_behind;
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
void peers_shown(struct peers *p, uint64_t size); /* A peer showed a verified head of this size. */
void peers_call(struct peers *p, size_t i, bool is_ask); /* Asks, or posts the newest note. */
/* Only if none is under way: false otherwise, or if it has no address. */
bool peers_begin_call(struct peers *p, size_t i, enum peers_call kind, struct str target, struct str body);
void peers_wake(struct peers *p);  /* Without the lock: the thread looks again. */
void peers_answered(void *context, uint64_t tag, enum err err, int status, struct str body);

/* peers_fork.c: with the lock held. */
CHECKED enum err peers_open_refusal(struct peers *p, struct why *why); /* What the disk says. */
void peers_keep_refusal(struct peers *p, const struct why *because);
void peers_note_forks(struct peers *p);  /* Tells the round of old contradictions, keeps new ones, writes what proofs can be written. */
void peers_know_fork(struct peers *p, struct str note, const struct head *h); /* A proof file has it, and the round knows. */
void peers_judge(struct peers *p);        /* May this node write? */

/* peers_proof.c: with the lock held. */
void peers_open_proofs(struct peers *p);  /* What the folder has. */
void peers_free_proofs(struct peers *p);
void peers_begin_proofs(struct peers *p); /* A new round has begun: whom do they convict among those who may sign now? */
void peers_tell_proofs(struct peers *p);  /* Their heads, as far as the own tree tells where they stand. */
void peers_keep_proof(struct peers *p, const char *name, struct str file); /* Found here. */
void peers_hand_proof(struct peers *p, size_t i); /* One that the peer does not have yet, if no call is under way. */
void peers_handed_proof(struct peers *p, size_t i, int status);

#endif
