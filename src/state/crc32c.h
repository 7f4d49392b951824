/* crc32c.h - CRC-32C (Castagnoli, RFC 3720 appendix B.4), to find bytes that a disk changed.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef STATE_CRC32C_H
#define STATE_CRC32C_H

#include "base/str.h"

struct crc32c { /* Tables, 8 KiB; made by the caller, since the core has no static mutable data. */
    uint32_t table[8][256];
};

void crc32c_init(struct crc32c *c);
uint32_t crc32c_of(const struct crc32c *c, struct str bytes); /* About 1.5 GB/s. */

#endif
