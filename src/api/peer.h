/* peer.h - what other members' nodes ask of this one, and how they show who they are.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A peer shows a token (jwt.h) of its own making: EdDSA by the HTTP key that its join names, iss and sub its author id in hex, aud the
 * receiver's, at most PEER_TOKEN_S of life. Its iat is the peer's clock, which signing watches (decision A8): clocks may be off by
 * PEER_LEEWAY_S before a token is refused for it.
 *
 * Served on a listener of their own, with the log: /peer/... and /log/..., nothing else.
 */
#ifndef API_PEER_H
#define API_PEER_H

#include "api/call.h"

#define PEER_TOKEN_S 300
#define PEER_LEEWAY_S 60

void peer_on_round(struct call *c); /* POST /peer/v1/round */
void peer_on_head(struct call *c);  /* GET /peer/v1/head */
void peer_on_proof(struct call *c); /* POST /peer/v1/proof */

/* The node that the request's token is of. ERR_TOKEN, ERR_RIGHTS: none, or none of this network. Only while the handler runs. About
 * 150 us. for_log: a token for any node of the network, its aud being the first 16 hex digits of the genesis's hash, does as well. */
CHECKED enum err peer_check(struct call *c, bool for_log, uint8_t ret_author[8], int64_t *ret_issued_us, struct why *why);

/* The handler of the peers' listener; api is its context. r->thread is below API_PEER_THREADS. */
void peer_handle(struct http_request *r, void *api);

/* Appends a token by which receiver knows author; key is its secret HTTP key. About 100 us. */
void peer_token_add(struct buf *to, const struct key_secret *key, const uint8_t author[8], const uint8_t receiver[8], int64_t now_us);

#endif
