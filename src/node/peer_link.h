/* peer_link.h - how a node reaches its peers: the seam between what is said (peers.h) and how it travels.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The real one speaks HTTP with short tokens (api/peer_link.h); simulations bring their own.
 */
#ifndef NODE_PEER_LINK_H
#define NODE_PEER_LINK_H

#include "base/buf.h"
#include "base/err.h"
#include "http/client.h"
#include "proof/key.h"

struct peer_call {
    uint8_t to[8];                   /* The peer as author. */
    const struct str *urls;          /* Its addresses, the first choice first; borrowed for the call of call(). */
    size_t n_urls;
    bool is_post;
    struct str target;               /* Path and query; borrowed as well, as is the body. */
    struct str body;

    /* What came of it, once: OK with any status, or ERR_NET, of which body says why, in words, if that is known. Any thread, but never from
     * within call(). body is borrowed. */
    void (*answered)(void *context, uint64_t tag, enum err err, int status, struct str body);
    void *context;
    uint64_t tag;                    /* The caller's. */
};

struct peer_link {
    void *context; /* The link's own. */

    /* Whose the calls are: called before any other. key is copied. NULL: nobody needs to know. */
    void (*identify)(struct peer_link *link, const struct key_secret *http_key, const uint8_t author[8]);

    /* Sends; never waits. A call that cannot be taken is answered ERR_NET later. At most one a peer is under way. */
    void (*call)(struct peer_link *link, const struct peer_call *call);

    /* Appends a header line by which this peer takes a request as this node's: for those who fetch by themselves. NULL: none. */
    void (*authorize)(struct peer_link *link, const uint8_t to[8], struct buf *ret);
    const struct http_client_options *client; /* How to connect: certificates. NULL: the default. */

    /* Drops what is under way; answered() is not called any more once this returns. Called once, last. */
    void (*close)(struct peer_link *link);
};

#endif
