/* constraint.h - constraint references: query, get, put, delete (f3548-dss.md section 8).
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef API_CONSTRAINT_H
#define API_CONSTRAINT_H

#include "api/call.h"

/* Reads and checks a put into ret_change, which borrows from arena alone. ovn: of the path, empty for a create. */
CHECKED enum err constraint_read(struct str id, struct str ovn, bool allows_http, int64_t now_us,
                                 struct json_node body, struct volume_reader *volumes,
                                 struct arena *arena, struct change *ret_change, struct why *why);

void constraint_on_query(struct call *c);
void constraint_on_get(struct call *c);
void constraint_on_put(struct call *c); /* Create and update. */
void constraint_on_delete(struct call *c);

#endif
