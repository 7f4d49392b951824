/* server.h - HTTP requests in, responses out, nothing about airspace.
 * SPDX-License-Identifier: Apache-2.0
 *
 * libmicrohttpd with epoll and its own thread pool. A handler is called on a pool thread once the whole body has arrived
 * within the limits (limits.h; sizes and counts are refused before the handler: 413, 431, 400). A body of up to 16 MiB is read
 * to its end before its 413 is sent, unless the client expects "100 Continue"; one that is said to be longer is refused at once. It answers with
 * http_respond(), at once or later from any thread, exactly once; a request not answered when the handler returns waits
 * (suspended) without holding a thread.
 */
#ifndef HTTP_SERVER_H
#define HTTP_SERVER_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

#define HTTP_PADDING 64 /* JSON_PADDING of json.h. */

struct http_server;

struct http_request {
    struct str method;
    struct str path;   /* As sent, not decoded, without query; a trailing slash is kept. */
    struct str query;  /* After '?', not decoded; empty if none. */
    struct str body;   /* HTTP_PADDING bytes after it can be read: fit for json_read_padded(). */
    struct str authorization; /* Headers that every request is asked for. */
    struct str journal_at_least;
    struct arena arena; /* Lives until the response is sent. */
    void *server_side;  /* The server's own; hands off. */
    void *user;         /* The handler's. */
    int64_t arrived_us; /* Monotonic clock, for latency. */
    unsigned thread;    /* Pool thread that called the handler, 0..threads-1: for per-thread caches. */
};

struct http_response {
    int status;
    struct str content_type; /* Empty: application/json; charset=utf-8 when there is a body. */
    struct buf body;         /* Handed over: the server frees it. */
    struct {
        struct str name;  /* Of static storage. */
        struct str value; /* Of static storage or the request's arena. */
    } headers[8];
    size_t n_headers;
};

/* Value of a request header by name, any case; empty if absent. Only inside the handler. */
struct str http_header(const struct http_request *r, const char *name);

/* Decoded value of a query parameter, in the request's arena; false if absent or badly encoded. */
bool http_query(struct http_request *r, const char *name, struct str *ret_value);

/* Sends the response and ends the request: r is gone when this returns. Any thread. */
void http_respond(struct http_request *r, struct http_response *response);

typedef void http_handler(struct http_request *r, void *context);

struct http_options {
    struct str address;     /* "127.0.0.1:8080", "[::1]:0" */
    unsigned n_threads;     /* 0: one per core, at most 4 */
    unsigned n_connections; /* 0: 4,096 */
    unsigned idle_s;        /* 0: 30; between requests, and between two bytes of anything */
    unsigned header_ms;     /* 0: 5,000; the headers, once their first line is there */
    unsigned body_ms;       /* 0: 15,000; the whole body, once the headers are there */
    size_t bodies_max;      /* 0: LIMIT_BODIES_BYTES; of all bodies over 64 KiB at a time: more get a 503 */
    unsigned write_ms;      /* 0: 60,000; the whole response, once it is given */
    struct str tls_cert_pem; /* Both empty: plain HTTP. TLS 1.2 with ECDHE+AEAD or 1.3. */
    struct str tls_key_pem;
    http_handler *handler;
    void *context;
};

CHECKED enum err http_server_start(const struct http_options *options, struct http_server **ret,
                                   struct why *why);
uint16_t http_server_port(const struct http_server *s); /* The port that 0 became. */

/* Stops accepting; requests in progress get up to grace_ms to be answered. */
void http_server_stop(struct http_server *s, int grace_ms);

#endif
