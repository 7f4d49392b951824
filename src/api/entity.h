/* entity.h - what intents and constraints have in common: get, query, delete, and the answer to a write.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef API_ENTITY_H
#define API_ENTITY_H

#include "api/call.h"
#include "api/write.h"

void entity_on_get(struct call *c, enum entity_kind kind);
void entity_on_query(struct call *c, enum entity_kind kind);
void entity_on_delete(struct call *c, enum entity_kind kind);

/* A write's render: {"subscribers": [...], "..._reference": {...}} of what the change made. */
void entity_render_put(struct write *w, const struct view *v, struct buf *body);

#endif
