/* log_change.h - a change and its outcome as JSON, as `clearline log` prints them.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef CLI_LOG_CHANGE_H
#define CLI_LOG_CHANGE_H

#include "base/json.h"
#include "entry/change.h"
#include "state/outcome.h"

/* Adds an object: its kind, and what a person wants to know of it. */
void log_change_add(struct json *j, const struct change *c);

/* Reads the reasons of an outcome leaf; returns how many there are, at most room. 0 for what is no outcome. */
size_t log_change_reasons(struct str outcome, enum reason *ret, size_t room);

#endif
