/* order_server.h - the order of a demonstration: as much of etcd's HTTP gateway as nodes use, in memory, in this process.
 * SPDX-License-Identifier: Apache-2.0
 *
 * One thread, one linearizable store: transactions that create keys if none of them exists and read ranges, reads, deletions,
 * status. Nothing survives, nobody is asked who he is: on loopback, for demonstrations, where there is no etcd.
 */
#ifndef CLI_ORDER_SERVER_H
#define CLI_ORDER_SERVER_H

#include <stdint.h>

#include "base/err.h"

struct order_server;

/* On a free port of 127.0.0.1. */
CHECKED enum err order_server_start(struct order_server **ret, struct why *why);
uint16_t order_server_port(const struct order_server *s);
void order_server_stop(struct order_server *s); /* NULL is fine. */

#endif
