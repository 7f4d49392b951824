/* listen.h - a listening socket from an address written as text.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef HTTP_LISTEN_H
#define HTTP_LISTEN_H

#include "base/err.h"
#include "base/str.h"

/* "127.0.0.1:8080", "[::1]:0", "localhost:80"; ":8080" is every address of both families. The caller closes ret_fd.
 * ret_port is the port that 0 became. ERR_INPUT: not an address; ERR_NET: it cannot be had. */
CHECKED enum err listen_open(struct str address, int *ret_fd, uint16_t *ret_port, struct why *why);

#endif
