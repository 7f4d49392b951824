/* peer.c - rounds and heads over HTTP, and the tokens of peers.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "api/peer.h"

#include "api/jwt.h"
#include "api/jwt_mint.h"
#include "base/b64.h"
#include "base/hex.h"
#include "base/instant.h"
#include "node/exchange.h"
#include "node/peers.h"

#define SEED_PREFIX "\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20" /* PKCS #8 of an Ed25519 seed (RFC 8410). */

void peer_token_add(struct buf *to, const struct key_secret *key, const uint8_t author[8], const uint8_t receiver[8], int64_t now_us)
{
    AUTO(buf_done) struct buf der = {0}, pem = {0};
    char iss[16], aud[16];
    struct why why = {0};

    hex_encode(author, 8, iss);
    hex_encode(receiver, 8, aud);
    buf_add(&der, SEED_PREFIX, sizeof SEED_PREFIX - 1);
    buf_add(&der, key->seed, sizeof key->seed);
    buf_add_str(&pem, STR("-----BEGIN PRIVATE KEY-----\n"));
    b64_add(&pem, B64_STANDARD, der.at, der.n);
    buf_add_str(&pem, STR("\n-----END PRIVATE KEY-----\n"));
    struct jwt_claims claims = {.iss = str_make(iss, sizeof iss),
                                .sub = str_make(iss, sizeof iss),
                                .aud = str_make(aud, sizeof aud),
                                .issued_us = now_us,
                                .lifetime_s = PEER_TOKEN_S};
    must(jwt_mint(buf_str(&pem), &claims, to, &why) == OK);
    explicit_bzero(der.at, der.n);
    explicit_bzero(pem.at, pem.n);
}

static enum err read_bearer(struct call *c, struct jwt *ret, struct why *why)
{
    struct str token = c->http->authorization;

    if (!str_starts(token, STR("Bearer "))) return fail(why, ERR_TOKEN, "a member's node shows a token: Authorization: Bearer ...");
    return jwt_read(str_skip(token, 7), c->scratch->json, call_arena(c), ret, why);
}

/* A peer's token comes with each call for a second: verifying it costs more than the rest of the call. */
static bool is_signed(struct call *c, const struct jwt *t, const struct key_public *key)
{
    AUTO(buf_done) struct buf all = {0};
    struct hash h, *known;

    if (t->alg != JWT_EDDSA || t->signature.n != 64) return false;
    buf_add(&all, key->b, sizeof key->b);
    buf_add_str(&all, t->signature);
    buf_add_str(&all, t->signed_part);
    h = hash_of(buf_str(&all));
    known = &c->scratch->peer_tokens[h.b[0] % PEER_TOKENS];
    if (hash_equal(known, &h)) return true;
    if (!key_verify(key, t->signed_part, (const uint8_t *)t->signature.at)) return false;
    *known = h;
    return true;
}

/* The key that the token's issuer joined with. */
static enum err find_key(struct call *c, const struct jwt *t, uint8_t ret_author[8], struct key_public *ret, struct why *why)
{
    struct state_pin pin;

    if (t->iss.n != 16 || !hex_decode(t->iss, 8, ret_author)) return fail(why, ERR_TOKEN, "token: iss is no author's id");
    const struct view *v = state_read(node_state(c->api->options.node), &pin);
    bool is_there = state_author_http_key(v, ret_author, ret);
    state_done_reading(&pin);
    return is_there ? OK : fail(why, ERR_RIGHTS, "token: iss is no node of this network");
}

enum err peer_check(struct call *c, bool for_log, uint8_t ret_author[8], int64_t *ret_issued_us, struct why *why)
{
    struct jwt t;
    struct key_public key;
    uint8_t self[8];
    char own[17] = {0}, network[17] = {0};
    const char *audiences[2] = {own, network};
    struct hash genesis = node_genesis_hash(c->api->options.node);

    TRY(read_bearer(c, &t, why));
    TRY(find_key(c, &t, ret_author, &key, why));
    if (!is_signed(c, &t, &key)) return fail(why, ERR_TOKEN, "token: its signature is not that of the node's HTTP key");
    node_author(c->api->options.node, self);
    hex_encode(self, sizeof self, own);
    hex_encode(genesis.b, 8, network);
    TRY(jwt_check_claims(&t, audiences, for_log ? 2 : 1, c->now_us, PEER_LEEWAY_S * INSTANT_S, why));
    if (!t.has_iat || t.exp_us > t.iat_us + PEER_TOKEN_S * INSTANT_S) {
        return fail(why, ERR_TOKEN, "token: peers' tokens live for at most %d s", PEER_TOKEN_S);
    }
    *ret_issued_us = t.iat_us;
    return OK;
}

/* The caller, who by calling shows that it is there. */
static enum err check_caller(struct call *c, struct peers **ret, uint8_t ret_author[8], struct why *why)
{
    int64_t issued_us;

    *ret = node_peers(c->api->options.node);
    if (!*ret) return fail(why, ERR_NOT_FOUND, "this node signs alone: its network has one member");
    TRY(peer_check(c, false, ret_author, &issued_us, why));
    return peers_heard(*ret, ret_author, (uint64_t)(issued_us / INSTANT_S), why);
}

static void answer_text(struct call *c, int status, struct buf *body)
{
    c->content_type = STR(EXCHANGE_TYPE);
    c->cache_control = STR("no-store");
    call_answer(c, status, body);
}

void peer_on_round(struct call *c)
{
    struct buf body = {0};
    struct why why = {0};
    struct peers *peers;
    uint8_t from[8];
    enum exchange_kind kind = EXCHANGE_EARLY;
    enum err err = check_caller(c, &peers, from, &why);

    if (err == OK) err = exchange_read_round(c->http->body, &why);
    if (err == OK) err = peers_on_round(peers, from, c->http->body, &kind, &body, &why);
    if (err == OK) {
        answer_text(c, exchange_status(kind), &body);
    } else {
        buf_done(&body);
        call_refuse(c, err, &why);
    }
}

void peer_on_head(struct call *c)
{
    struct buf body = {0};
    struct why why = {0};
    struct peers *peers;
    uint8_t from[8];
    struct exchange_query query;
    enum err err = check_caller(c, &peers, from, &why);

    if (err == OK) err = exchange_read_query(c->http->query, &query, &why);
    if (err == OK) err = peers_on_head(peers, &query, &body, &why);
    if (err == OK) {
        answer_text(c, 200, &body);
    } else {
        buf_done(&body);
        call_refuse(c, err, &why);
    }
}

void peer_on_proof(struct call *c)
{
    struct buf body = {0};
    struct why why = {0};
    struct peers *peers;
    uint8_t from[8];
    enum err err = check_caller(c, &peers, from, &why);

    if (err == OK) err = exchange_read_proof(c->http->body, &why);
    if (err == OK) err = peers_on_proof(peers, from, c->http->body, &why);
    if (err == OK) answer_text(c, 200, &body);
    else call_refuse(c, err, &why);
}

void peer_handle(struct http_request *r, void *api)
{
    must(r->thread < API_PEER_THREADS);
    r->thread += API_THREADS;
    api_handle_peer(r, api);
}
