/* access_log.h - one JSON line a request.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Members are named as the InterUSS DSS names them (msg, req_sub, resp_status_code, start_time, duration), so that
 * InterUSS's acquire_logs.py and its latency charts read the lines as they are; req_bytes and resp_bytes are ours. No body,
 * query or token is ever written.
 */
#ifndef API_ACCESS_LOG_H
#define API_ACCESS_LOG_H

#include "base/buf.h"

struct access_log;

struct access {
    struct str method;
    struct str path;
    struct str sub; /* Empty: no caller. */
    int status;
    int64_t start_us;    /* Wall clock. */
    int64_t duration_us;
    size_t n_request;    /* Bytes of the bodies. */
    size_t n_response;
};

struct access_log *access_log_new(int fd);
void access_log_free(struct access_log *l); /* Writes what is left; NULL is fine. */

void access_log_add(struct access_log *l, const struct access *a); /* Any thread; no system call unless 64 KiB wait. */
void access_log_flush(struct access_log *l);                        /* Writes what waits. Any thread. */

void access_log_render(const struct access *a, struct buf *to); /* One line, for tests. */

#endif
