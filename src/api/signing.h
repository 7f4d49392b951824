/* signing.h - what a node says of signing together, of contradictions, and of what it took over: for status, metrics and headers.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef API_SIGNING_H
#define API_SIGNING_H

#include "base/json.h"
#include "node/node.h"

/* Appends "signing": {...} and "taken_over": {...} to an open object; null in a network of one member. */
void signing_add_status(struct json *j, struct node *node);

/* Appends Prometheus lines; nothing in a network of one member. */
void signing_add_metrics(struct buf *to, struct node *node);

#endif
