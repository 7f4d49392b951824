/* availability.h - what is known of a USS's availability (f3548-dss.md section 9).
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef API_AVAILABILITY_H
#define API_AVAILABILITY_H

#include "api/call.h"

/* Reads a put into ret_change, which borrows from arena alone. */
CHECKED enum err availability_read(struct str uss, struct json_node body, struct arena *arena,
                                   struct change *ret_change, struct why *why);

void availability_on_get(struct call *c);
void availability_on_put(struct call *c);

#endif
