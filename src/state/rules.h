/* rules.h - which version of the rules is in force, who knows newer ones, and what the rules say of priorities.
 * SPDX-License-Identifier: Apache-2.0
 *
 *     genesis: version 1 -> nodes announce what they know -> the last one that matters does -> version 2 from the next entry on
 *
 * A node says the newest version that its build knows by a change of its own (CHANGE_RULES), again when that changes. Right after the
 * entry with an announcement the least version announced by the active nodes comes into force, if it is above the present one. Active
 * are the live nodes of members that count and are not suspended; a member whose latest entry is more than 7 days older than the
 * lower median of those of the others does not count (decision A11). Versions never go back.
 *
 * A build that does not know the version in force applies nothing more: state_apply() returns ERR_STATE.
 */
#ifndef STATE_RULES_H
#define STATE_RULES_H

#include "base/err.h"
#include "entry/rules.h"
#include "state/view.h"

unsigned view_rules(const struct view *v);       /* In force. */
uint64_t view_rules_since(const struct view *v); /* Entry right after which they came; 0: they are those of genesis. */
unsigned view_rules_of(const struct view *v, const uint8_t author[8]); /* What the node announced; 0 if nothing. */

/* OK, or ERR_STATE and what a person has to do: rules are in force that this build does not know. */
CHECKED enum err view_knows_rules(const struct view *v, struct why *why);

/* The version that the node should announce now by a CHANGE_RULES of its own, 0 for none: what its build knows, if that is news;
 * or the same once more, if that completes what the others said before. Only in networks of several members: one alone stays with
 * the rules of its genesis. Cheap enough for each tick. */
unsigned view_rules_to_announce(const struct view *v, const uint8_t author[8]);

/* Rules 2. What two intents of equal priority do that meet (f3548-uss.md 6.3): for those who plan, not for apply, which knows
 * cells and no flights. */
enum priority_equals view_priority_equals(const struct view *v);

#endif
