/* peers.h - signs together with the other members' nodes: runs struct round with clock, keys, disk and network.
 * SPDX-License-Identifier: Apache-2.0
 *
 *     writer --size, root--> peers thread <--notes, answers-- API and link
 *                                |  round_next()
 *                                |-- COMPARE  root of the own tree, from its tiles
 *                                |-- SIGN     store of heads (compare-and-swap), then the note
 *                                '-- SEND, ASK through struct peer_link
 *
 * Takes the place of signer.c in networks of several members. Who signs follows from the state: members that count are the seats, their
 * live nodes have the keys; when they change there is a new round, which begins with the last head and with what is known of
 * contradictions. A node that has not joined signs nothing.
 *
 * The published checkpoint (node_checkpoint()) is the newest full note; before there is one, the newest that somebody signed. It never
 * goes back; late signatures are merged into it.
 *
 * On disk, in the data folder:
 *     heads                          the last head signed (journal/heads.h)
 *     refused                        "<id of the log key, 8 hex digits> <reason>": this key never signs again (decision E7)
 *     fork-*.proof                   contradictions (fork.h; docs/formats.md has the names); read again at the next start
 *
 * Any thread may call what follows, unless it says otherwise; a call may take as long as signing a head (a sync).
 */
#ifndef NODE_PEERS_H
#define NODE_PEERS_H

#include "node/node.h"
#include "node/peer_link.h"
#include "node/round.h"

#define PEERS_CLOCK_S 5 /* Decision A8: further from the peers' median nothing is signed. */

struct peers;

struct peers_options {
    struct node *node;       /* Started; outlives this. */
    struct peer_link *link;  /* Owned from peers_start() on. */
    bool is_stepped;         /* No thread: whoever called peers_start() calls peers_step(). */

    /* The clocks. NULL: the node's. */
    struct round_time (*now)(void *context);
    void *context;
};

/* ERR_DISK: what is marked on disk cannot be read. */
CHECKED enum err peers_start(const struct peers_options *options, struct peers **ret, struct why *why);
void peers_stop(struct peers *p); /* NULL is fine. */

/* Where this node's peers reach it: announced where the record says otherwise. */
void peers_announce(struct peers *p, struct str url);

/* NULL in a network of one member. */
struct peers *node_peers(struct node *n);

/* Stepped: does all that is due, and returns the milliseconds until more may be. */
int64_t peers_step(struct peers *p);

/* That node sent something, authenticated, at this time by its own clock (seconds; 0: not told). ERR_RIGHTS: it is no node of an
 * unexpelled member. */
CHECKED enum err peers_heard(struct peers *p, const uint8_t from[8], uint64_t clock_s, struct why *why);

/* POST round: takes a note and appends what to answer. ERR_INPUT: no good note; ERR_RIGHTS as above; ERR_UNAVAILABLE: this node has not
 * joined yet. */
CHECKED enum err peers_on_round(struct peers *p, const uint8_t from[8], struct str note, enum exchange_kind *ret_kind,
                                struct buf *ret, struct why *why);

/* GET head: appends the note. ERR_NOT_FOUND: none is known. Asked about its own key a node appends nothing if it has signed nothing, and
 * says ERR_UNAVAILABLE while it does not know: it has not joined, the others have not told it yet, or it signs no more. */
CHECKED enum err peers_on_head(struct peers *p, const struct exchange_query *query, struct buf *ret, struct why *why);

/* POST proof: takes a proof file, verifies it, and acts on it as though it had been found here. Kept if it tells something new. ERR_INPUT:
 * it shows nothing (counted); ERR_TOO_LARGE: that node has brought enough; ERR_RIGHTS, ERR_UNAVAILABLE as above. */
CHECKED enum err peers_on_proof(struct peers *p, const uint8_t from[8], struct str file, struct why *why);

/* Contradicting heads are known: answers say so. Cheap. */
bool peers_is_divided(const struct peers *p);

struct peers_status {
    bool is_seated;              /* It has joined and may sign. The following is zero otherwise. */
    struct round_status round;
    unsigned n_members;
    size_t n_nodes;
    size_t n_proofs;             /* Files of contradictions. */
    uint64_t n_proofs_refused;   /* Brought by peers, and showing nothing. */
    struct why divided_because;  /* Who stands where; empty if not divided. */
    struct why behind_because;   /* Etcd shows less than members have signed: a stale answer; empty if not. */
    uint64_t n_behind;           /* How often that began. */
    int64_t clock_off_s;         /* The peers' median clock less the own one; 0 if none was heard in the last minute. */
    uint64_t n_calls, n_failed;  /* To peers. */
};
void peers_status(struct peers *p, struct peers_status *ret);

/* Why this node's last call to that one failed; empty if it did not, or none was made. */
void peers_trouble(struct peers *p, const uint8_t id[8], struct why *ret);

/* Members' nodes as they are called: for catch-up. Appends at most max; texts live in the arena. */
struct peer_address {
    uint8_t id[8];
    struct str name; /* The member's. */
    struct str url;  /* The first choice. */
};
size_t peers_addresses(struct node *n, struct arena *arena, struct peer_address *ret, size_t max);

/* The roster as seats (seats.h), from a view: nodes in the order of their joins. Nodes whose keys are not fit to sign together
 * are left out: bad keys, or ones that an earlier node has. The texts live in the arena. False: nobody may sign. */
bool peers_seats(const struct view *v, struct str origin, struct arena *arena, struct seats *ret,
                 uint8_t (*ret_ids)[8] /* SEATS_NODES_MAX */);

#endif
