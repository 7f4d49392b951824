/* auxiliary.h - calls beside F3548-21 that pools and test suites use: /aux/v1, /versions, /healthy (f3548-dss.md section 14).
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef API_AUXILIARY_H
#define API_AUXILIARY_H

#include "api/call.h"

/* The newest heartbeat that was reported for this instance; in memory only. */
struct heartbeat *heartbeat_new(void);
void heartbeat_free(struct heartbeat *h); /* NULL is fine. */

void aux_on_healthy(struct call *c);
void aux_on_version(struct call *c);
void aux_on_system_version(struct call *c);
void aux_on_validate_oauth(struct call *c);
void aux_on_pool(struct call *c);
void aux_on_instances(struct call *c);
void aux_on_heartbeat(struct call *c);
void aux_on_ca_certs(struct call *c);
void aux_on_global_options(struct call *c);

/* GET /aux/v1/journal/entries/{hash}: what became of an entry that a 503 named (decision D1). */
void aux_on_entry_fate(struct call *c);

#endif
