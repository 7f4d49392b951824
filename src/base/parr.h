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

void parr_set(struct parr *a, struct cow *c, uint32_t slot, uint64_t value); /* Writer only. */
uint64_t parr_get(const struct parr *a, uint32_t slot);                      /* Any thread. */
void parr_done(struct parr *a, struct cow *c);                               /* Retires all its nodes. */
size_t parr_bytes(const struct parr *a);

#endif
