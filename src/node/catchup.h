/* catchup.h - fetches what a node lacks of the journal from any members and checks every byte against a signed head.
 * SPDX-License-Identifier: Apache-2.0
 *
 *     checkpoints of all sources -> the largest that enough members signed
 *        -> right edge of its tree, which must have the signed root
 *        -> consistency with the tree that is held already
 *        -> tiles of levels 1 up, each against its parent's hash, as they are needed
 *        -> bundles, 256 leaves each, by several connections at once; each against its hash of level 1
 *        -> entries in slices into the store, outcomes to the caller
 *
 * Sources are members' nodes in C2SP tlog-tiles form (docs/api.md, "The log"). None is trusted: whatever does not hash to the signed
 * root is thrown away before it is looked at, its source is named in a report and not asked again in this run. Nothing is remembered
 * between runs: one that was broken off, or crashed, is continued by the next, which begins at the head that the caller holds.
 *
 * Signatures of entries are not verified here: that is the audit's (audit.h, decision G3).
 *
 * Memory: 24 bundles at most, of which those that are verified hold at most 16 MiB, and one for each connection; a bundle is at most
 * 4.7 MB and about 80 kB as a rule.
 */
#ifndef NODE_CATCHUP_H
#define NODE_CATCHUP_H

#include <stdatomic.h>

#include "http/client.h"
#include "journal/store.h"
#include "proof/checkpoint.h"

#define CATCHUP_SOURCES_MAX 64
#define CATCHUP_CONNECTIONS_MAX 32

struct catchup_source {
    const char *name;           /* The member, for reports. */
    const char *url;            /* Of its log: "https://node.example:8443/log" */
    const char *const *headers; /* "Name: value", where bundles are not for everyone (decision E3). */
    size_t n_headers;
};

/* Whose signatures make a checkpoint good enough. A member may have several keys and counts once; a member that signed two
 * roots of one size counts for neither (decision C7). */
struct catchup_policy {
    struct str origin;
    const struct note_key *keys;
    const unsigned *members; /* members[i]: whose key keys[i] is; NULL: each is a member's of its own. */
    size_t n_keys;
    /* Members. 0: the largest of the sources counts, unsigned, and its note is handed on as it came: for who learns from the log
     * itself whose signatures count, and looks at them afterwards. */
    size_t n_needed;
};

enum catchup_fault {
    CATCHUP_FAILED,  /* Not reached, broken off, too late, a status other than 200. */
    CATCHUP_BEHIND,  /* It does not have this yet (404). */
    CATCHUP_SLOW,    /* Late: another source was asked instead. */
    CATCHUP_LIED,    /* Bytes that do not hash to the signed root, or more of them than there can be; it is not asked again. */
    CATCHUP_DIVIDED, /* Its checkpoint contradicts another source's: the same size, another root, both with a known signature. */
};
const char *catchup_fault_text(enum catchup_fault fault);

struct catchup_options {
    const struct catchup_source *sources;
    size_t n_sources;
    struct catchup_policy policy;
    struct str note;             /* A checkpoint note at hand, as if from one more source; may be empty. */
    struct store *store;         /* The caller's thread is its appending thread. */
    uint64_t held_size;          /* Leaves of the tree of what is applied, at most twice store_size(); even. */
    struct hash held_root;
    const struct hash *genesis;  /* SHA-256 that entry 0 must have (decision C1); NULL: any. */
    const struct http_client_options *client; /* NULL: the default. Its stop ends the run at once, as a person sees it. */
    unsigned n_connections;      /* 0: 4 */
    bool without_threads;        /* One connection, on the caller's thread; nobody else is asked for what is late. */
    int timeout_ms;              /* Of one request from beginning to end; 0: 10,000 */
    int patience_ms;             /* For a bundle, after which another source is asked as well, or instead; 0: 2,000 */

    /* Entries first to first + n - 1 are in the store, durably; outcomes[i] is the outcome leaf that the network signed for entry
     * first + i, borrowed for the call: compare it with what apply gives. Anything but OK ends the run. On the caller's thread, in
     * order, from entry held_size / 2 on. NULL: nobody. */
    enum err (*taken)(void *context, uint64_t first, const struct str *outcomes, size_t n, struct why *why);
    /* One thing that a source did. Any thread, one at a time, under a lock: be quick, call nothing of catchup. NULL: nobody. */
    void (*report)(void *context, const char *source, enum catchup_fault fault, const struct why *why);
    void *context;
};

struct catchup_result {
    uint64_t size;     /* Of the head that was reached, leaves, and its root. */
    struct hash root;
    struct buf note;   /* It with the signatures that counted; from several sources if need be. */
    uint64_t n_entries; /* Appended by this run. */
    uint64_t n_bytes;   /* Of bundles that were verified. */
};
void catchup_result_done(struct catchup_result *r); /* NULL is fine. */

/* Brings the store up to the largest head that enough members signed; OK at once if that is held already. What was appended before
 * a failure stays; it is verified.
 *
 * ERR_UNAVAILABLE: no checkpoint with enough signatures; ERR_NET: no source is left that has what is missing (try again later);
 * ERR_CONFLICT: the tree that is held is not the beginning of the signed one, or two roots of one size have enough signatures: the
 * network is divided (decision C7); ERR_CORRUPT: the store has other bytes than were signed, or another network's genesis; the
 * store's errors, and those of taken(). Blocks; about 8 us an entry. */
CHECKED enum err catchup_run(const struct catchup_options *options, struct catchup_result *ret, struct why *why);

#endif
