/* api.h - the HTTP face of a node: F3548-21's DSS half, the auxiliary calls, the log and the metrics.
 * SPDX-License-Identifier: Apache-2.0
 *
 *     http_request -> route -> token, scope -> JSON -> change -> judged on a view -> proposal -> answer
 *                                                       |                |
 *                                                       400              403 404 409 412: no entry is written
 *
 * What is refused before it is proposed costs no entry. What was proposed is answered on the writer's thread if that is
 * cheap, else on a thread of the API's own (later.h). docs/api.md lists every call.
 */
#ifndef API_API_H
#define API_API_H

#include "api/auth.h"
#include "geo/cover.h"
#include "http/server.h"
#include "node/node.h"

struct api;

struct api_options { /* Zero is the default; texts are borrowed for the API's life. */
    struct node *node; /* Both needed; neither is owned. */
    struct auth *auth;
    struct auth *operators;     /* Whose tokens count as the operator's; NULL: nobody's. Not owned; may be auth. */
    bool allows_http;           /* http: in base URLs, for laboratories. */
    enum cover_mode covering;
    bool entries_public;        /* The genesis's own word: bundles are read without a token (decision E3). */
    struct str version;         /* GET /aux/v1/version. Empty: "0" */
    struct str locality;        /* This instance's name in its pool. Empty: the log's origin. */
    struct str public_endpoint; /* Where others reach it; empty: not said. */
    struct str ca_pem;          /* CA certificates of the nodes, one PEM text; empty: none. */
    const char *reports_dir;    /* Bodies of reports, one file each; made if missing; copied. NULL: digests only. */
    bool logs_access;           /* One JSON line a request to access_fd (access_log.h). */
    int access_fd;              /* 0: standard error. Not closed. */
};

/* ERR_DISK if reports_dir cannot be made. The node has been started. */
CHECKED enum err api_new(const struct api_options *options, struct api **ret, struct why *why);

/* Last of all: http_server_stop() with at least API_GRACE_MS, so that no request is left, node_stop(), api_free(). NULL is fine. */
void api_free(struct api *api);

/* An http_handler; api is its context. r->thread is below API_THREADS. */
void api_handle(struct http_request *r, void *api);

/* The same for the peers' listener, which has calls of its own and the log's: for peer.c. r->thread is API_THREADS and more. */
void api_handle_peer(struct http_request *r, void *api);

#define API_THREADS 64
#define API_PEER_THREADS 8
#define API_GRACE_MS 6000 /* Longer than any call waits by itself. */

#endif
