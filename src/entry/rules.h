/* rules.h - the versions of the rules that this build knows (decision A11).
 * SPDX-License-Identifier: Apache-2.0
 *
 * Rules say what bytes are a change, and what a change comes to. A network begins with the version that its genesis names; a later one
 * comes into force for all at one place of the journal (state/rules.h). A build keeps every earlier version, for replay.
 *
 *     1  the first
 *     2  priorities of intents, their bounds for each member, what equal ones do; founders who have not joined yet count
 *        in the affairs of members
 *
 * A change whose byte form came with a later version than the one in force is no change yet: its entry takes its place and comes to
 * nothing, just as with a build that cannot read it.
 */
#ifndef ENTRY_RULES_H
#define ENTRY_RULES_H

#define RULES_FIRST 1
#define RULES_PRIORITY 2 /* See above. */

/* The newest one known. `make OLD_RULES=1` builds a program that knows no others than those up to 1, as an earlier release. */
#ifndef RULES_NEWEST
#define RULES_NEWEST 2
#endif

#endif
