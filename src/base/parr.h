/* parr.h - a persistent array: dense slot number to 64-bit value.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A radix tree of 64-way nodes under cow.h, copied by value like struct ptree. Slots never written are 0.
 */
#ifndef BASE_PARR_H
#define BASE_PARR_H

#include "base/cow.h"

struct parr {
    void *root;
    unsigned height; /* 0: empty. */
    uint32_t limit;  /* Highest slot ever set, plus one. */
};

/* slot below UINT32_MAX. Copies at most one path per published version; memory follows the highest slot in
 * use, in leaves of 64. Writer only. */
void parr_set(struct parr *a, struct cow *c, uint32_t slot, uint64_t value);
uint64_t parr_get(const struct parr *a, uint32_t slot);                      /* Any thread. */
void parr_done(struct parr *a, struct cow *c);                               /* Retires all its nodes. */

/* Frees the nodes made since the last cow_publish(); a is empty afterwards (see cow_abandon()). */
void parr_abandon(struct parr *a, struct cow *c);

size_t parr_bytes(const struct parr *a); /* Heap bytes of its nodes; O(n). */

#endif
