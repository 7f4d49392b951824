/* report.h - DSS reports: who complained of what, and when (f3548-dss.md section 10, decision A9).
 * SPDX-License-Identifier: Apache-2.0
 *
 * The journal gets the report's id, its salted digest and length. The body stays on this node, without its Authorization
 * headers, in DIR/<report_id>.json:
 *
 *     {"salt":"<64 hex digits>","report":<body>}
 *
 * The digest is SHA-256(salt || body), the length that of body.
 */
#ifndef API_REPORT_H
#define API_REPORT_H

#include "api/call.h"

/* Checks an ErrorReport's required members. */
CHECKED enum err report_check(struct json_node body, struct why *why);

/* Appends the report as JSON with report_id set; is_public: without what exchange.headers say of Authorization. */
void report_render(struct json_node body, struct id report_id, bool is_public, struct buf *to);

void report_on_post(struct call *c);

#endif
