/* peer_link.h - calls peers over HTTP: the real struct peer_link (node/peer_link.h).
 * SPDX-License-Identifier: Apache-2.0
 *
 * A thread a peer, made at the first call to it, with a connection that is kept; so one that does not answer holds up nobody else. Of a
 * peer's addresses the one that answered last is tried first, then the others.
 */
#ifndef API_PEER_LINK_H
#define API_PEER_LINK_H

#include "node/peer_link.h"
#include "proof/key.h"

struct peer_link_options {
    const char *ca_file;         /* That peers' certificates must lead to; NULL: the system's. */
    const char *cert_file, *key_file; /* What this node shows of itself over TLS; NULL: nothing but its token. */
};

/* Texts of options are copied. Ends by its close(). */
struct peer_link *peer_link_new(const struct peer_link_options *options);

#endif
