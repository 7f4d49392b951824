/* call.h - one request on its way through the API.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A call lives in its request's arena. Whoever runs it lends it a scratch; what must outlive the handler is copied
 * into the arena. Exactly one of the call_answer*() or call_refuse() functions ends it, and it is gone then.
 */
#ifndef API_CALL_H
#define API_CALL_H

#include "api/access_log.h"
#include "api/api.h"
#include "api/later.h"
#include "api/metrics.h"
#include "api/routes.h"
#include "api/volume.h"
#include "http/json.h"

VEC_DEFINE(str_vec, struct str);

/* Memory that is used again by the next call on the same thread. */
#define PEER_TOKENS 16 /* A power of two. */

struct scratch {
    struct json_parser *json;
    struct volume_reader volumes;
    struct entity_vec found;
    struct id_vec ids;
    struct hash peer_tokens[PEER_TOKENS]; /* Verified, each with the key that it was: see peer.c. By the first byte. */
};

struct heartbeat; /* aux.h */

struct api {
    struct api_options options;
    struct later *later;
    struct metrics *metrics;
    struct access_log *access_log; /* NULL: none */
    struct heartbeat *heartbeat;
    uint64_t hash_seed;            /* Of tables over texts that clients choose. */
    bool is_shared;                /* Several members: node_is_shared(). */
    uint8_t author[8];             /* The node's. */
    char dar_id[64];               /* Hex SHA-256 of entry 0. */
    struct scratch *scratch[API_THREADS + API_PEER_THREADS + 1]; /* The last is the later thread's. */
};

struct call {
    struct api *api;
    struct http_request *http;
    const struct route *route;
    struct str args[ROUTE_ARGS]; /* The path's variable segments. */
    struct caller caller;
    struct scratch *scratch; /* Only while the handler runs. */
    int64_t now_us;          /* The node's clock when the call began. */
    uint64_t at_least;       /* Journal-At-Least, 0 if absent. */
    uint64_t position;       /* For Journal-Position; 0: that of the state when it is answered. */
    struct str content_type; /* Empty: JSON. */
    struct str cache_control;
    struct str entry_hash;   /* Journal-Entry: of a write that may have been ordered. */
    struct later_job job;
    struct barrier barrier;  /* Several members: reads wait for what the order holds. */
    bool is_aged;            /* The order did not answer: */
    int64_t age_us;          /* the state is so old, says Journal-Age. */
};

static inline struct arena *call_arena(struct call *c)
{
    return &c->http->arena;
}

/* A pinned view, also noting its position for the answer. */
const struct view *call_read(struct call *c, struct state_pin *ret_pin);

/* Reads the body as a JSON object. Nodes and texts are the scratch's until the handler returns. */
CHECKED enum err call_body(struct call *c, struct json_node *ret, struct why *why);

/* The body {area_of_interest} of queries; cells are the scratch's. too_large: the error for an area over the limit, which differs
 * between calls (f3548-dss.md section 1). */
CHECKED enum err call_area(struct call *c, enum err too_large, struct vol *ret, struct why *why);

/* Ends the call. body is handed over. */
void call_answer(struct call *c, int status, struct buf *body);
void call_refuse(struct call *c, enum err err, const struct why *why); /* {"message": ...} */
void call_refuse_status(struct call *c, int status, struct str message);

#endif
