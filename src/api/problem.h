/* problem.h - bodies that say what went wrong.
 * SPDX-License-Identifier: Apache-2.0
 *
 * ErrorResponse {"message": ...} for all but missing keys, which get F3548-21's AirspaceConflictResponse
 * (f3548-dss.md 2.4, 6.7).
 */
#ifndef API_PROBLEM_H
#define API_PROBLEM_H

#include "base/buf.h"
#include "state/key.h"

void problem_add(struct buf *to, struct str message);

/* The references of what the key lacks, as caller may see them. Arrays appear only when not empty. */
void problem_add_conflict(struct buf *to, const struct view *v, struct str caller,
                          const struct key_verdict *verdict);

#endif
