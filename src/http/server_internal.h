/* server_internal.h - what server.c and request.c share: connections, workers, requests.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A request's states, moved with atomic exchanges, since two threads meet in it:
 *
 *     RECEIVING --handler called--> HANDLED --not answered when it returned--> WAITING (suspended)
 *                                      |                                          |        |
 *                                http_respond()                            http_respond()  server stops
 *                                      v                                          v        v
 *                                  ANSWERED <-------------------------------------+     ABANDONED
 *                                      |                                                   | 503 sent, unless answered first
 *                                  completed: freed                          completed: GONE; http_respond() frees
 *
 * Its memory belongs to the worker thread, but from the handler's call to http_respond() the handler's side may use
 * it as well; only in GONE has the server let go first.
 */
#ifndef HTTP_SERVER_INTERNAL_H
#define HTTP_SERVER_INTERNAL_H

#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>

#include "base/limits.h"
#include "http/server.h"

enum request_state {
    REQUEST_RECEIVING,
    REQUEST_HANDLED,
    REQUEST_WAITING,
    REQUEST_ANSWERED,
    REQUEST_ABANDONED,
    REQUEST_GONE
};

/* One TCP connection: when it has to be somewhere further. */
struct connection {
    struct connection *next, *prev; /* Under http_server.lock. */
    int fd;
    _Atomic int64_t deadline_us; /* Monotonic; 0: none. */
};

struct request {
    struct http_request face; /* What the handler sees. */
    struct http_server *server;
    struct worker *worker;
    struct connection *connection;
    struct MHD_Connection *mhd;
    struct request *next, *prev; /* Under worker.lock: the suspended ones; or the free list. */
    struct buf body;
    struct http_response response; /* Set by http_respond() before ANSWERED. */
    _Atomic int state;             /* enum request_state */
    bool has_begun;                /* Headers are in and were accepted. */
    bool is_suspended;
    size_t n_surplus;              /* Not 0: the body exceeds its limit; so many bytes of it were thrown away, and one. */
    size_t n_counted;              /* Of http_server.n_body_bytes. */
    bool is_crowded_out;           /* There was no memory for its body. */
};

/* What one pool thread owns. */
struct worker {
    struct request *free_list; /* Only this thread. */
    size_t n_free;
    unsigned index;
    _Atomic int n_active; /* Requests from their headers to the end of their response. */
    pthread_mutex_t lock;
    struct request *suspended;
};

#define WORKERS_MAX 64

struct http_server {
    struct MHD_Daemon *daemon;
    http_handler *handler;
    void *context;
    int64_t idle_us, header_us, body_us, write_us;
    size_t bodies_max;
    _Atomic size_t n_body_bytes; /* Of bodies over 64 KiB that are being received or answered. */
    uint16_t port;
    unsigned n_workers;
    _Atomic unsigned n_workers_named;
    struct worker workers[WORKERS_MAX];
    _Atomic bool is_stopping;  /* No new connections; each answer ends its connection. */
    _Atomic bool is_refusing;  /* The grace is over: nothing may wait any more. */
    _Atomic int n_resuming; /* Threads inside http_respond() that may still touch the daemon. */
    _Atomic int n_holders;  /* The owner, and each request that went GONE. Frees at 0. */
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct connection *connections;
    bool is_done;
    pthread_t reaper;
};

/* Coarse monotonic time (a few ms), for deadlines. */
int64_t server_now_us(void);

/* A request for this thread, from its free list; the target is copied. */
struct request *request_new(struct http_server *s, struct MHD_Connection *mhd, const char *target);

/* Ends the server's side: recycled, freed, or left to http_respond(). */
void request_end(struct request *r);

/* Frees for good, on any thread. */
void request_free(struct request *r);

/* Takes method and headers over. 0, or the status to refuse with and its text. */
int request_begin(struct request *r, const char *method, const char *version, const char **ret_text);

/* Appends to the body; false if it is so far beyond the limit that the connection has to end. */
bool request_add_body(struct request *r, const char *at, size_t n);

/* Puts r among its worker's suspended requests; false if nothing may wait any more, since the server stops. */
bool request_list(struct request *r);
void request_unlist(struct request *r);

void server_release(struct http_server *s); /* One holder less. */

#endif
