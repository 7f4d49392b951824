/* wire.h - a raw HTTP/1.1 client that can misbehave: bytes out, responses in.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Every wait ends after WIRE_LIMIT_MS with a failure.
 */
#ifndef TEST_WIRE_H
#define TEST_WIRE_H

#include "base/buf.h"

#define WIRE_LIMIT_MS 20000

struct wire {
    int fd;         /* -1: refused. */
    struct buf in;  /* Bytes that came and were not taken yet. */
};

struct wire_response {
    int status;      /* 0: the connection ended before a whole response came. */
    struct buf head; /* Status line and headers. */
    struct buf body;
};

struct wire wire_open(uint16_t port); /* 127.0.0.1 */
void wire_close(struct wire *w);
bool wire_send(struct wire *w, struct str bytes); /* False: the other side has gone. */
bool wire_sendf(struct wire *w, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The next response; has_body is false after HEAD. Interim responses (100) count as responses without a body. */
struct wire_response wire_receive(struct wire *w, bool has_body);
void wire_response_done(struct wire_response *r);

/* True once the other side has closed and nothing is left to read. */
bool wire_ended(struct wire *w);

/* Value of a header in a response, any case; empty if absent. */
struct str wire_header(const struct wire_response *r, const char *name);

#endif
