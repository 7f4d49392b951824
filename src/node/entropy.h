/* entropy.h - random bytes from the operating system, for what proposers choose.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef NODE_ENTROPY_H
#define NODE_ENTROPY_H

#include "base/id.h"

/* Cheap: a per-thread pool refilled from getrandom(2) 4 KiB at a time and wiped as it is used. */
void entropy_fill(void *to, size_t n);
struct id entropy_id(void); /* A version 4 UUID. */

#endif
