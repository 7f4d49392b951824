/* relay.h - a relay for HTTP that loses requests, answers and time.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Listens on 127.0.0.1 and passes each request on to one server, in a thread of its own, one at a time. What happens to a
 * request is decided when all of it has come.
 */
#ifndef TEST_RELAY_H
#define TEST_RELAY_H

#include "base/buf.h"

enum relay_fate {
    RELAY_PASS,
    RELAY_LOSE_REQUEST, /* The connection is cut; the server never hears of it. */
    RELAY_LOSE_ANSWER,  /* The server has answered; the connection is cut. */
    RELAY_HOLD,         /* The connection is cut; the server gets it when relay_release() is called. One at a time. */
};

struct relay_options {
    const char *url; /* "http://127.x.y.z:port" */
    /* request: head and body. Called on the relay's thread. NULL: all pass. */
    enum relay_fate (*decide)(void *context, struct str request);
    /* May change the answer, head and body, in place. NULL: stays as it is. */
    void (*change)(void *context, struct buf *answer);
    void *context;
};

struct relay;

struct relay *relay_start(const struct relay_options *options);
void relay_stop(struct relay *r); /* NULL is fine. */
const char *relay_url(const struct relay *r);

/* Sends what is held and waits for its answer. False if nothing is held. */
bool relay_release(struct relay *r);

#endif
