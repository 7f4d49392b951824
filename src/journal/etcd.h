/* etcd.h - a client of etcd's HTTP/JSON gateway: what the engine on it needs and no more.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Create-only transactions, linearizable reads, deletion of own keys, status. Keys and values are bytes here and base64 on
 * the wire; 64-bit numbers are JSON strings there. Neither locks nor leases nor watches are used (evidence.md section 13).
 *
 * Each call is one attempt at one endpoint. After one that failed for a reason of the endpoint's the next call goes to the
 * next endpoint; whether to try again is the caller's business. What came of a call:
 *
 *     OK               answered
 *     ERR_NET          no clear answer: a change may have been made, or may yet be made later (decision B4)
 *     ERR_UNAVAILABLE  this attempt certainly changed nothing and never will
 *     ERR_DISK         the same: etcd is full (its NOSPACE alarm)
 *     ERR_INPUT        the same: etcd finds the request wrong
 *     ERR_NOT_FOUND    a read at a revision that was compacted away
 *     ERR_TOO_LARGE    the answer is longer than can be read; a change may have been made
 *
 * One thread uses a client at a time.
 */
#ifndef JOURNAL_ETCD_H
#define JOURNAL_ETCD_H

#include <stdatomic.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "http/json.h"

#define ETCD_OPS_MAX 128                 /* Of a transaction: etcd's --max-txn-ops by default. */
#define ETCD_LATE 3
#define ETCD_PUT_BYTES_MAX (1024 * 1024) /* Of one transaction's values (decision B1); etcd takes 1.5 MiB. */

struct etcd_options {
    const char *const *endpoints; /* "http://127.0.0.1:2379", "https://..." */
    size_t n_endpoints;
    const char *ca_file, *cert_file, *key_file; /* As in http/client.h. */
    bool allow_old;          /* Takes etcd before 3.5.33 and 3.6.14, too. */
    int timeout_ms;          /* Of one attempt; 0: 2,000. ETCD_LATE times as long while the endpoint is late. */
    const atomic_bool *stop; /* As in http/client.h. */
};

struct etcd_put {
    struct str key, value;
};

/* Keys from key on, below end. after_puts, if it is not empty, stands for key when the transaction's puts are done. */
struct etcd_range {
    struct str key, after_puts, end;
    int64_t limit; /* 0: none */
};

struct etcd_kv {
    struct str key, value;
    int64_t create_revision, mod_revision, version;
};

struct etcd_found {
    struct etcd_kv *at; /* Ascending by key. */
    size_t n;
    bool has_more; /* The limit cut it. */
};

/* What an answer says of itself. */
struct etcd_header {
    int64_t revision; /* Of the whole store. */
    uint64_t cluster, member, term;
};

/* Bytes live in the arena until the next call with this answer. All bits zero is empty. */
struct etcd_answer {
    int64_t revision; /* Of the whole store, at which all of it was read. */
    struct etcd_header header;
    bool succeeded;   /* The puts were done. */
    struct etcd_found *ranges;
    size_t n_ranges;
    struct arena arena;
};
void etcd_answer_done(struct etcd_answer *a); /* NULL is fine. */

struct etcd_status {
    char version[32];
    bool has_leader, is_leader, is_full, is_corrupt; /* As the member that was asked sees it. */
    int64_t bytes, bytes_in_use;          /* Of its database. */
};

struct etcd;

/* Texts are copied. No call is made. ERR_INPUT: no endpoint, or none that is http:// or https://. */
CHECKED enum err etcd_new(const struct etcd_options *options, struct etcd **ret, struct why *why);
void etcd_free(struct etcd *e); /* NULL is fine. */

const char *etcd_endpoint(const struct etcd *e); /* Where the next call goes. */
size_t etcd_n_endpoints(const struct etcd *e);
void etcd_move_on(struct etcd *e); /* To the next endpoint. */
bool etcd_was_late(const struct etcd *e); /* The last call went out, and no answer came in time. */

/* ERR_STATE: the member that answered is older than options allow; the message names both versions. Says nothing of its
 * health: that is in ret. */
CHECKED enum err etcd_ask_status(struct etcd *e, struct etcd_status *ret, struct why *why);

/* From the next call on an attempt may take so long; 0: as long as options say, which is also the most. */
void etcd_set_timeout(struct etcd *e, int64_t ms);

/* In one transaction: if none of the puts' keys exists, puts all and then reads the ranges; otherwise nothing is done, and the answer
 * has no ranges. Without puts it is a linearizable read. At most ETCD_OPS_MAX puts, and puts and ranges together. A read alone fails
 * with no other unclear code than ERR_NET. */
CHECKED enum err etcd_txn(struct etcd *e, const struct etcd_put *puts, size_t n_puts, const struct etcd_range *ranges,
                          size_t n_ranges, struct etcd_answer *ret, struct why *why);

/* A transaction's answer, of so many puts and ranges. ERR_NET: it is none; ret is to be cleared. */
CHECKED enum err etcd_answer_read(struct json_node root, size_t n_puts, size_t n_ranges, struct etcd_answer *ret);

/* Reads one range; at the revision unless that is 0. Linearizable. */
CHECKED enum err etcd_read(struct etcd *e, const struct etcd_range *range, int64_t revision, struct etcd_answer *ret,
                           struct why *why);

/* Deletes keys from key on, below end. */
CHECKED enum err etcd_delete(struct etcd *e, struct str key, struct str end, struct why *why);

#endif
