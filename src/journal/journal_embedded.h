/* journal_embedded.h - an engine whose order is that of arrival at its own store.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef JOURNAL_JOURNAL_EMBEDDED_H
#define JOURNAL_JOURNAL_EMBEDDED_H

#include "journal/journal.h"

/* Takes the store over. name is of static storage. Never NULL. */
struct journal *journal_embedded(const char *name, struct store *store);

#endif
