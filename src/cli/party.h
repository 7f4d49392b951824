/* party.h - a participant that plans through a node's HTTP interface, as any USS would.
 * SPDX-License-Identifier: Apache-2.0
 *
 *     struct party p;
 *     TRY(party_token(key_path, "mercy-flights", "localhost", &token, why));
 *     party_init(&p, "mercy-flights", url, NULL, buf_str(&token));
 *     TRY(party_send(&p, "PUT", path, body, &why));
 *     if (p.status == 409) party_each_missing(&p, ...);
 *
 * What the last answer was stands in the struct until the next call. One thread.
 */
#ifndef CLI_PARTY_H
#define CLI_PARTY_H

#include "base/buf.h"
#include "base/err.h"
#include "base/id.h"
#include "base/json.h"
#include "cli/legs.h"
#include "http/client.h"
#include "http/json.h"

struct party {
    struct str sub; /* Borrowed. */
    struct str url; /* Of the node; borrowed. */
    struct buf authorization; /* The whole header. */
    struct http_client *client;
    struct json_parser *parser;

    /* The last answer. */
    int status;
    struct buf body;
    struct json_node root;  /* Absent if the body is no JSON. */
    uint64_t position;      /* Journal-Position; 0 if not said. */
    int64_t took_us;
};

/* Appends a token of one hour with the scope utm.strategic_coordination, signed with the secret key in the PEM file. */
CHECKED enum err party_token(const char *key_path, const char *sub, const char *audience, struct buf *ret, struct why *why);

/* token may be empty: no Authorization is sent. ca_file: as in http/client.h. sub and url are borrowed, as is ca_file. */
void party_init(struct party *p, const char *sub, const char *url, const char *ca_file, struct str token);
void party_done(struct party *p); /* NULL is fine. */

/* OK whenever there is an answer, whatever its status; ERR_NET and the like when there is none. */
CHECKED enum err party_send(struct party *p, const char *method, struct str path, struct str body, struct why *why);

/* The exit code and error of an answer that was not wanted: 401 and 403 not allowed, 409 a conflict, and so on; why gets
 * "STATUS: the node's own words". */
enum err party_refused(const struct party *p, struct why *why);

/* A text or number member of the answer's operational_intent_reference. Empty, 0 if absent. */
struct str party_reference_text(const struct party *p, const char *name);
int64_t party_reference_number(const struct party *p, const char *name);

/* One reference that a 409 says the key lacks. Texts are borrowed from the answer. */
struct missing {
    struct id id;
    struct str manager, state, ovn; /* ovn: only of one's own. */
    struct str starts, ends;        /* RFC 3339 */
    bool is_constraint;
};
size_t party_n_missing(const struct party *p);
enum err party_each_missing(const struct party *p, enum err (*each)(void *context, const struct missing *m), void *context);

/* Subscribers that the answer says are to be told: each base URL with its subscription and index. */
enum err party_each_notice(const struct party *p,
                           enum err (*each)(void *context, struct str url, struct str subscription, int64_t index),
                           void *context);

/* Appends "/dss/v1/operational_intent_references/ID[/OVN]". */
void party_intent_path(struct buf *to, struct id id, struct str ovn);

/* A plan, and its F3548 body. */
struct plan {
    const struct leg *legs; /* Their outer volumes are sent. */
    size_t n_legs;
    const struct str *key;
    size_t n_key;
    struct str base_url;    /* Where the participant's own USS is. */
    bool wants_notices;     /* With an implicit subscription for the intent's own area. */
};
void party_intent_body(struct buf *to, const struct plan *plan);

/* Appends {"value": "...Z", "format": "RFC3339"} and {"value": m, "reference": "W84", "units": "M"}. */
void party_add_time(struct json *j, int64_t us);
void party_add_height(struct json *j, int32_t mm);
void party_add_ring(struct json *j, const struct point *ring, size_t n);

#endif
