/* round.h - who proposes a head, what to sign, whom to ask: the deciding part of signing together.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Pure: no clock, no I/O, no keys. Events go in, each with the time; what is to be done comes out of round_next(), and its result
 * goes in as an event again. One thread at a time.
 *
 *     own tree grew ----.                      .---> COMPARE  tell me my own root at this size
 *     a note came ------+--> struct round -----+---> SIGN     read back, swap into the store of heads, sign
 *     an answer came ---'                      '---> SEND     post my newest note to this node
 *                                                    ASK      ask this node for my own largest head
 *
 * A round: the node whose turn it is signs its own tree and posts the note; the others sign exactly that note and answer with all the
 * lines they know; whoever is behind signs when it gets there and posts then; whoever has signed a larger head answers with that, and
 * it becomes the proposal. With enough signatures the head is full, everybody hears so, and the seat after the proposer's is next. Later
 * lines are merged and count: every node posts its newest note to every other one at least each second, which also shows it is there.
 *
 *     turn: seats from the one after the last full note's proposer, members not heard from for 2 s left out;
 *           rank k waits 300 ms * k. The first of each member's nodes come before any second one.
 *     in flight: from proposing until full, 1 s at most; then whatever is new is proposed at once, but for 25 ms between two beginnings.
 *
 * States of signing:
 *
 *     ASKING ---enough answered---> READY <---signed, put off---.
 *        |                          |   '-------sign--------> SIGNING
 *        |                          |                            |
 *        '------ own key has signed more, or otherwise; own tree or store fails -----> REFUSED
 *
 * Invariants:
 *   R1  SIGN is asked for larger sizes than the own last head only, in SIGNING only, and its root is the own tree's
 *   R2  every head gathered here agrees with the own tree; others stand apart as contradictions
 *   R3  the time of a cosignature never goes back
 *   R4  REFUSED is final: the keys are used up (decision E7)
 *
 * The store of heads is the guard (journal/heads.h); this machine only never asks for what the store would refuse.
 */
#ifndef NODE_ROUND_H
#define NODE_ROUND_H

#include "node/exchange.h"
#include "node/standing.h"

#define ROUND_CEILING_MS 1000  /* Decision E1: in flight at most. */
#define ROUND_RANK_MS 300
#define ROUND_EVERY_MS 25      /* Between the beginnings of two rounds, at least: a node alone spends 1 ms of its processor on one. */
#define ROUND_PRESENT_MS 2000  /* Heard from within. */
#define ROUND_BEAT_MS 1000     /* A note to every node at least so often. */
#define ROUND_RETRY_MS 300     /* To nodes whose lines the proposer lacks. */
#define ROUND_SKEW_S 5         /* Cosignatures further ahead are not taken (evidence.md 2.4). */
#define ROUND_KEPT 8           /* Heads that are still gathered for. */

enum round_state { ROUND_ASKING, ROUND_READY, ROUND_SIGNING, ROUND_REFUSED };
const char *round_state_name(enum round_state state);

struct round_time {
    int64_t ms;      /* Any steady clock. */
    uint64_t unix_s; /* The wall's. */
};

struct round;

/* own_note: what the store of heads has, empty if nothing was ever signed. seats is borrowed, and checked with seats_check()
 * before. A node without others is READY, others ask first. ERR_CORRUPT: own_note is not this node's. */
CHECKED enum err round_new(const struct seats *seats, size_t self, struct str own_note, struct round_time now,
                           struct round **ret, struct why *why);
void round_free(struct round *r); /* NULL is fine. */

/* The own tree, read back and durable, has this size (even) and root; sizes never go back. */
void round_grew(struct round *r, uint64_t size, const struct hash *root, struct round_time now);

/* Any message of that node came, authenticated. The functions below call it themselves. */
void round_heard(struct round *r, size_t from, struct round_time now);

/* A node posted its note. own_root: that of the own tree at the note's size (head_peek()), NULL if the tree is smaller. Afterwards the
 * caller does what round_next() says until it says nothing, and then answers with round_answer(). ERR_INPUT: the note is
 * not good; nothing has changed. At most 120 us a line that is new. */
CHECKED enum err round_note(struct round *r, size_t from, struct str note, const struct hash *own_root, struct round_time now,
                            struct why *why);

/* The questions before the first signature were answered in this life, to an earlier round. */
void round_trust(struct round *r, struct round_time now);

/* What to answer the node that posted the head of this size and root; appends the body. */
enum exchange_kind round_answer(struct round *r, size_t from, uint64_t size, const struct hash *root, struct buf *ret);

/* A node answered what was posted to it (size, root as SEND had them). own_root as above, at the size of the note in the answer, NULL
 * without one. ERR_INPUT: not good, nothing has changed. */
CHECKED enum err round_answered(struct round *r, size_t from, uint64_t size, const struct hash *root,
                                const struct exchange_answer *answer, const struct hash *own_root, struct round_time now,
                                struct why *why);

/* A node answered ASK: note is the largest head that it knows this node to have signed, empty if none. own_root as above. ERR_INPUT:
 * not this node's note; the node counts as not having answered. */
CHECKED enum err round_told(struct round *r, size_t from, struct str note, const struct hash *own_root, struct round_time now,
                            struct why *why);

/* A proof file that fork_verify() found good shows that this head does not continue the own tree, which was found to differ from its
 * tree at size at. Who signed it stands on the other branch. */
void round_shown(struct round *r, const struct head *other, uint64_t at, struct round_time now);

/* Such a file shows that this node's key signed both sides, or went back. The own key then signs no more. */
void round_convicted(struct round *r, size_t node, struct round_time now);

enum round_do { ROUND_NOTHING, ROUND_COMPARE, ROUND_SIGN, ROUND_SEND, ROUND_ASK };

struct round_act {
    enum round_do what;
    size_t to;        /* SEND, ASK */
    uint64_t size;    /* COMPARE, SIGN; SEND: of the note that round_newest() gives now */
    struct hash root; /* SIGN, SEND */
    uint64_t time_s;  /* SIGN: of the cosignature */
};

/* The next thing to do. COMPARE and SIGN are answered before it is called again, from the same thread or a later event:
 *   COMPARE  round_compared()
 *   SIGN     round_signed(), round_put_off() or round_failed()
 * SEND and ASK may still run when the next ones come; one a node at a time is enough, a dropped one is said again. */
struct round_act round_next(struct round *r, struct round_time now);

/* Milliseconds until round_next() may have something without a further event; 0: now. */
int64_t round_wait(const struct round *r, struct round_time now);

void round_compared(struct round *r, uint64_t size, const struct hash *own_root, struct round_time now);

/* note: head_sign()'s, already in the store of heads. */
void round_signed(struct round *r, struct str note, struct round_time now);
void round_put_off(struct round *r, struct round_time now);          /* Not now (the clock: decision A8); asked again in 1 s. */
/* Tree or store would not: REFUSED. A node that was refused once marks that on its disk, and says so by this call after round_new(): a
 * later life might be answered by others, who know less. */
void round_failed(struct round *r, const struct why *why);

/* The newest head that somebody signed, or the newest full one, as a note; false if there is none. */
bool round_newest(const struct round *r, struct buf *ret);
bool round_full(const struct round *r, struct buf *ret);

/* The largest head that this node is known to have signed, with its lines alone: the answer to its ASK. False: none known. */
bool round_head_of(const struct round *r, size_t node, struct buf *ret);

/* Where everybody's signatures stand: contradictions and evidence for proof files. Borrowed; changes with events. */
const struct standing *round_standing(const struct round *r);

struct round_status {
    enum round_state state;
    struct why refused_because;
    uint64_t own_size;       /* Last head signed here. */
    uint64_t newest_size, full_size;
    unsigned n_signed;       /* Members under the newest head. */
    unsigned n_signed_full;  /* Under the full one: late ones included. */
    unsigned n_present;      /* Members heard from, the own one included. */
    bool is_alone;           /* The full head has one of two members only: show it (decision E1). */
    bool clock_is_behind;    /* The wall's clock stands before the last cosignature's time. */
    struct fork_judgement fork;
};
void round_status(const struct round *r, struct round_time now, struct round_status *ret);

#endif
