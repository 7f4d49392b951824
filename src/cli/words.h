/* words.h - lists in one option, with commas between: names, subs, rights.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef CLI_WORDS_H
#define CLI_WORDS_H

#include "base/err.h"
#include "base/str.h"

/* The parts of text, ascending; ERR_INPUT, naming option, for none, an empty one, more than max, or one given twice. */
CHECKED enum err words_read(const char *option, struct str text, size_t max, struct str *ret, size_t *ret_n, struct why *why);

/* "arbitration,constraints" as bits of enum participant_right; empty: none. */
CHECKED enum err words_rights(struct str text, uint64_t *ret, struct why *why);

#endif
