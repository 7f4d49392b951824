/* node.h - one running node: propose, order, apply, answer.
 * SPDX-License-Identifier: Apache-2.0
 *
 * API threads judge a request on a pinned view and hand a proposal over; the writer's thread takes all that wait, packs
 * them into entries (one participant an entry, decision A2), signs, has them ordered and made durable, reads them
 * back, applies, publishes, and then answers. A signer thread signs checkpoints after that; a failed or unclear write
 * stops all further ones, reads go on.
 *
 * Invariants: I2, I3, I6 of ARCHITECTURE.md.
 */
#ifndef NODE_NODE_H
#define NODE_NODE_H

#include "base/limits.h"
#include "journal/journal_etcd.h"
#include "state/state.h"

struct node;
struct peer_link;

/* What a node takes from outside itself. The real one is NULL in the options; simulations bring their own. */
struct node_world {
    int64_t (*wall_us)(void *context);   /* Microseconds UTC; may be set back. */
    int64_t (*steady_us)(void *context); /* Never goes back. */
    /* What the engine on etcd pauses by between attempts; NULL in a stepped node: it tries once and is asked again. */
    void (*pause)(void *context, int64_t ms);
    void *context;
};

struct node_options {
    const char *dir;        /* Data folder; NULL with a mem journal: keys live in memory. */
    struct journal *journal; /* Owned by the node from node_start() on. NULL with a genesis: the node opens the one on etcd. */
    struct str origin;      /* Of a new journal; an existing one must agree. Empty: "clearline.local/<random>" */
    struct str member;      /* Name of the one member. Empty: "member". With a genesis: whose node this is; empty: what the keys say. */
    bool entries_public;    /* For a new genesis (decision E3). */
    bool needs_412_for_down;
    int64_t tick_us;        /* Silence after which a tick is written (decision A8); 0: 60 s. */
    uint64_t snapshot_entries; /* Entries after which a snapshot is written; 0: 20,000. */

    /* A network of several members, ordered by etcd. The data folder has the keys (clearline init makes them) and, until the node has
     * joined, keys/root.key or join.entry (see node_is_joined()). */
    struct str genesis;             /* Bytes of entry 0. Empty: a network of one member. */
    const struct etcd_options *etcd; /* Borrowed for the call; its stop is the node's own. */
    int follow_ms;                  /* Between two looks at etcd while idle; 0: 40 */
    int write_ms;                   /* A write is tried for so long; 0: 4,000 */
    int upkeep_ms;                  /* Between two looks at how full etcd is and what may go from it; 0: 30,000 */
    const struct str *peer_urls;    /* Peers to ask for the log while the record names none: for a first start. */
    size_t n_peer_urls;
    struct peer_link *link;         /* To other members' nodes (node/peer_link.h). The node's if it starts. NULL: nobody is called. */

    const struct node_world *world; /* NULL: the real one. Borrowed for the node's life. */
    bool is_stepped;                /* No threads: whoever called node_start() calls node_step(). */
};

/* Makes or opens keys, genesis and state; replays what the snapshot lacks. With a genesis: ERR_INPUT for another network's genesis, a
 * foreign member, no keys; ERR_STATE for an etcd that is too old. An etcd that does not answer is no error: see node_status(). */
CHECKED enum err node_start(const struct node_options *options, struct node **ret, struct why *why);
void node_stop(struct node *n); /* Ends the threads, writes a snapshot, closes the journal. NULL is fine. */

/* Stepped nodes: does one round of all that is due, without waiting; returns the steady time when something will be due again,
 * which whatever is handed in before makes earlier. Callbacks of what was handed in are called from here. */
int64_t node_step(struct node *n);

/* A change on its way. Lives in its request, which outlives done(). */
struct pending {
    struct str participant;
    struct change change;  /* Borrows from the request until done(). */
    void (*done)(struct pending *p); /* On the writer's thread, or the caller's if refused at once; must not block. */
    struct arena *arena;   /* For the outcome's lists. */
    struct pending *next; /* The node's. */

    /* Set when done() is called. err OK: applied, see outcome. ERR_UNAVAILABLE with is_unclear false: certainly not written; true:
     * may have been ordered, ask by entry_hash (decision D1). */
    enum err err;
    struct why why;
    bool is_unclear;
    struct hash entry_hash; /* SHA-256 of the entry's bytes. */
    struct outcome outcome;
    uint64_t position;      /* Entries applied when the answer's state was published. */
};

void node_propose(struct node *n, struct pending *p); /* Any thread. */

/* Any thread. A hint, which may be wrong: etcd holds more than is known here. One look at it follows, unless the last one was a moment
 * ago. Several members only. */
void node_look_soon(struct node *n);

#define NODE_BARRIER_US 3000000 /* The allowance of a barrier. */

/* Waits until all that the order held when node_barrier() was called is applied and published. Lives until done(). One look that fails
 * ends none: others follow, until the allowance is used. Once etcd has been away for SHARED_OUT_US (not reached, without a leader, behind)
 * barriers do not wait any more; while it is only slow, they do. */
struct barrier {
    void (*done)(struct barrier *b); /* On the writer's thread, the caller's, or node_expire()'s; must not block. */
    struct barrier *next;            /* The node's. */
    int64_t asked_us;                /* The node's: steady clock. */

    /* Set when done() is called. ERR_UNAVAILABLE: etcd does not answer; what is applied is as old as age_us says. */
    enum err err;
    int64_t age_us; /* Since the order was last known as a whole; 0 if err is OK. */
};

/* Any thread. One look at etcd serves all that wait. In a network of one member done() is called at once: what was acknowledged is
 * published; ask node_is_shared() to be spared even that. */
void node_barrier(struct node *n, struct barrier *b);

/* Ends the barriers that have used up their allowance, with ERR_UNAVAILABLE. Any thread; cheap when none has. */
void node_expire(struct node *n);

/* An entry that another author of the network signed, a member's root key as a rule, on its way into that author's slot. */
struct passing {
    struct str bytes;                /* Borrowed until done(). */
    void (*done)(struct passing *p); /* As of struct pending. */
    struct passing *next;            /* The node's. */

    /* Set when done() is called. OK: it stands in the journal, and outcomes has what came of each change (entry's order), n_changes of
     * them. Otherwise nothing was written, unless is_unclear: pass the same bytes again, or ask by hash.
     * ERR_INPUT: no entry of this network; ERR_RIGHTS: nobody's key, or its signature is bad; ERR_CONFLICT: it does not follow the
     * author's last entry (slot or previous hash; why says what does), or its slot is taken;
     * ERR_STATE: its first change would be refused, for reason. */
    enum err err;
    struct why why;
    bool is_unclear;
    struct hash hash;
    enum reason reason;
    enum reason outcomes[LIMIT_ENTRY_CHANGES];
    size_t n_changes;
    uint64_t index;          /* Of the entry. */
    uint64_t position;
};

void node_pass(struct node *n, struct passing *p); /* Any thread. */

bool node_is_shared(const struct node *n); /* Several members: constant. */
/* The journal knows this node's entry key: it may write. A network of one member: always. */
bool node_is_joined(const struct node *n);
void node_author(const struct node *n, uint8_t ret[8]); /* Id of its entry key. */

struct state *node_state(struct node *n);
struct store *node_store(struct node *n);
struct str node_origin(const struct node *n);
struct hash node_genesis_hash(const struct node *n); /* SHA-256 of leaf 0: names the network. */
bool node_entries_public(const struct node *n);      /* Genesis lets anyone read entries (decision E3). */
int64_t node_now_us(void); /* The real wall clock, microseconds UTC. */

/* The newest signed checkpoint note, appended; ERR_UNAVAILABLE before the first. Any thread. */
CHECKED enum err node_checkpoint(struct node *n, struct buf *ret, struct why *why);
/* A tile of the log (tlog-tiles): level 0.. and width 1..256 as published by the newest checkpoint, or, with several members, up to
 * the newest head that this node signed: peers may look at it (look.h). ERR_NOT_FOUND beyond it.
 * What comes from storage is held against the tree's edge in memory: ERR_CORRUPT if it does not belong to it. */
CHECKED enum err node_tile(struct node *n, unsigned level, uint64_t index, unsigned width,
                           struct buf *ret, struct why *why);
CHECKED enum err node_bundle(struct node *n, uint64_t index, unsigned width, struct buf *ret,
                             struct why *why);
/* Bytes of one leaf: entry leaf / 2 if even, its outcome if odd. ERR_NOT_FOUND beyond the journal, ERR_CORRUPT if they
 * are not those of the tree. Any thread. */
CHECKED enum err node_leaf(struct node *n, uint64_t leaf, struct buf *ret, struct why *why);

/* Counters for /metrics, status and benches; each is read atomically. */
struct node_status {
    uint64_t position;
    uint64_t signed_size;   /* Leaves of the newest checkpoint. */
    uint64_t n_batches, n_entries, n_changes, n_refused_late;
    uint64_t n_waiting;
    bool takes_writes;
    struct why stopped_because;
    struct why warning; /* The last that went wrong and stopped nothing: a snapshot damaged or not written, a torn head. */

    /* Several members. */
    bool is_shared, is_joined;
    bool has_etcd;          /* The last look at etcd was answered. */
    struct why etcd_why;    /* Why not, or what etcd complains of (full, no leader); empty if all is well. */
    int64_t age_us;         /* Since the order was last known as a whole. */
    uint64_t n_unsettled;   /* Own entries of which is not known yet whether they are written. */
    struct journal_etcd_counts order;
    struct etcd_status etcd; /* As of the last question, each 30 s; all zero before. */
    uint64_t slots_kept_from; /* Own slots below are deleted (decision B5). */
    size_t n_forgotten;       /* Files of what etcd forgot (decision B7). */
};
void node_status(struct node *n, struct node_status *ret);

/* The log key's verifier line (vkey), appended. */
void node_vkey(const struct node *n, struct buf *ret);

/* Size, leaves, that all live nodes of this member (its place, state/member.h) are known to have signed at least, and when all were
 * heard from last (steady clock, node_steady_us()): what clean-up waits for (decision B5). Never back. Any thread. */
void node_set_signed(struct node *n, uint32_t member, uint64_t size, int64_t heard_us);
/* The same, asked: false if nothing is known. *ret_heard_us is 0 for one that was never heard. Any thread. */
bool node_signed(struct node *n, uint32_t member, uint64_t *ret_size, int64_t *ret_heard_us);
int64_t node_steady_us(const struct node *n);

/* Whether this node may write, by the signatures that it knows of (decision C7): if not, writes get 503 with why, reads go on.
 * Any thread; may be called again at any time. */
void node_set_may_write(struct node *n, bool may_write, const struct why *why);

/* Who brings what etcd has no more (B3). Called on the writer's thread, which owns the store meanwhile; it may block for seconds.
 *   OK             the store has grown, or etcd is to be asked again
 *   ERR_NOT_FOUND  the entries of these slots are not in the tiles up to the newest signed size either: they were never written
 *   other          not now
 * NULL is fine: gaps are waited for then. Before the node has threads, or from them. */
void node_on_gap(struct node *n, enum err (*fetch)(void *context, struct node *n, const struct journal_etcd_gap *gap, struct why *why),
                 void *context);

/* Whether an entry with this hash is in the journal (decision D1): committed, absent for ever, still open, or unknown,
 * since only the newest 65,536 entries are searched, and storage may fail. With several members an entry is open until its slot is
 * occupied, and of entries that other nodes proposed nothing is known but that they are there. About 5 us an entry. Any thread. */
enum node_fate { NODE_COMMITTED, NODE_ABSENT, NODE_OPEN, NODE_UNKNOWN };
enum node_fate node_fate(struct node *n, const struct hash *entry_hash);

#endif
