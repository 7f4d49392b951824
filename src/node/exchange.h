/* exchange.h - the texts by which nodes sign together over HTTP: targets, bodies, statuses, both sides.
 * SPDX-License-Identifier: Apache-2.0
 *
 *     POST /peer/v1/round       body: a note, the sender's newest     200 signature lines   this is signed here
 *                                                                     409 a note            a larger head is signed here
 *                                                                     425 a note or nothing this tree is not there yet
 *     GET  /peer/v1/head        the newest note                       200 a note            404 nothing signed yet
 *     GET  /peer/v1/head?key=<8 hex digits>                           200 a note            404 none known
 *          the largest head known here that the log key of this id has signed (decision E7); of its own key a node that has signed
 *          nothing answers 200 and nothing, one that does not know 503
 *     POST /peer/v1/proof       body: a proof file (fork.h)           200 it is known here  400 it shows nothing
 *
 * Form and limits alone: whose lines they are and whether they hold is head_read()'s. Who asks is settled by the connection
 * (docs/api.md, "Between nodes").
 */
#ifndef NODE_EXCHANGE_H
#define NODE_EXCHANGE_H

#include "base/buf.h"
#include "base/err.h"

#define EXCHANGE_ROUND "/peer/v1/round"
#define EXCHANGE_HEAD "/peer/v1/head"
#define EXCHANGE_PROOF "/peer/v1/proof"
#define EXCHANGE_TYPE "text/plain; charset=utf-8"
#define EXCHANGE_BODY_MAX 65536    /* Of requests and answers: NOTE_BYTES_MAX. */
#define EXCHANGE_PROOF_MAX 139264  /* Of the body of POST proof: FORK_PROOF_MAX. */
#define EXCHANGE_TIMEOUT_MS 1000   /* A round's ceiling: an answer that comes later finds another head. */

enum exchange_kind { EXCHANGE_LINES, EXCHANGE_LARGER, EXCHANGE_EARLY };

struct exchange_answer {
    enum exchange_kind kind;
    struct str body; /* Borrowed. */
};

/* The status that says so: 200, 409, 425. */
int exchange_status(enum exchange_kind kind);

/* Reads the body of POST round. ERR_TOO_LARGE, ERR_INPUT. */
CHECKED enum err exchange_read_round(struct str body, struct why *why);

/* Reads the body of POST proof: its form alone, no signature is looked at. ERR_TOO_LARGE, ERR_INPUT. */
CHECKED enum err exchange_read_proof(struct str body, struct why *why);

/* Reads an answer to POST round; body is borrowed. ERR_NET for a status that is none of the three or a body that does not fit
 * it. */
CHECKED enum err exchange_read_answer(int status, struct str body, struct exchange_answer *ret, struct why *why);

/* A GET of heads. */
struct exchange_query {
    bool has_key;
    uint32_t key; /* Id of a log key. */
};

/* Appends path and query. */
void exchange_add_target(struct buf *to, const struct exchange_query *q);

/* Reads what stands behind the '?' (empty: nothing does). ERR_INPUT. */
CHECKED enum err exchange_read_query(struct str query, struct exchange_query *ret, struct why *why);

/* Reads an answer to a GET: ret is the note, or empty for 404. ERR_NET as above. */
CHECKED enum err exchange_read_head(int status, struct str body, struct str *ret, struct why *why);

#endif
