/* client.h - HTTP requests out, one at a time, with limits on everything.
 * SPDX-License-Identifier: Apache-2.0
 *
 * libcurl behind it. Connections are kept and used again. No redirects, no proxies and no credentials from the
 * environment, no cookies, no compression. One thread uses a client at a time.
 */
#ifndef HTTP_CLIENT_H
#define HTTP_CLIENT_H

#include <stdatomic.h>

#include "base/buf.h"
#include "base/err.h"

struct http_client;
struct sockaddr;

struct http_client_options { /* All zero is a good default. */
    int connect_ms;         /* 0: 3,000 */
    const char *ca_file;    /* No others are believed. NULL: the system's. */
    const char *cert_file;  /* PEM: what this client shows of itself over TLS, with its key. NULL: nothing. */
    const char *key_file;
    bool https_only;
    const atomic_bool *stop; /* Set by another thread: a running call ends within about a tenth of a second. NULL: none. */

    /* Asked before each connection is made; false refuses the address. NULL: all are good. */
    bool (*may_connect)(void *context, const struct sockaddr *address);
    void *context;
};

struct http_call {
    const char *method;          /* NULL: GET */
    const char *url;
    const char *const *headers;  /* "Name: value" */
    size_t n_headers;
    struct str body;             /* Sent unless at is NULL. */
    int timeout_ms;              /* From beginning to end; 0: 5,000 */
    size_t bytes_max;            /* Of the answer's body; 0: 1 MiB */
};

struct http_client *http_client_new(const struct http_client_options *options);
void http_client_free(struct http_client *c); /* NULL is fine. */

/* Any status is OK. ret_body is what came, owned by the caller; it may be NULL. ERR_INPUT: the URL is none; ERR_NET: not
 * reached, in time, or not over TLS; ERR_TOO_LARGE: the answer exceeds its limit. */
CHECKED enum err http_client_call(struct http_client *c, const struct http_call *call, int *ret_status,
                                  struct buf *ret_body, struct why *why);

/* True if any of the last call's request may have gone out. False only when no connection was made: then nobody has it. */
bool http_client_was_sent(const struct http_client *c);

/* True if the last call went out, and its time ended before its answer. */
bool http_client_was_late(const struct http_client *c);
int http_client_took_ms(struct http_client *c); /* The last call, from beginning to end. */

/* A header of the last answer by name, any case; empty if absent. Borrowed until the next call. */
struct str http_client_header(struct http_client *c, const char *name);

#endif
