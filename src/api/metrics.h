/* metrics.h - counters for /metrics in Prometheus's text form.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Names that the InterUSS DSS has are kept: scd_subscriptions_total, scd_operational_intents_total, scd_constraints_total
 * (gauges in spite of their names) and OpenTelemetry's http_server_request_duration_seconds with its labels. The rest is
 * about the journal.
 */
#ifndef API_METRICS_H
#define API_METRICS_H

#include "base/buf.h"

struct metrics;
struct call;

struct metrics *metrics_new(void);
void metrics_free(struct metrics *m); /* NULL is fine. */

/* route: routes_index(), or routes_n() for requests that matched none. Any thread; a few relaxed atomic additions. */
void metrics_count(struct metrics *m, size_t route, int status, int64_t duration_us);

/* Appends the histogram of requests. */
void metrics_add_requests(const struct metrics *m, struct buf *to);

void metrics_on_get(struct call *c); /* GET /metrics */

#endif
