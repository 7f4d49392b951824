/* crc32c.c - eight bytes a step with eight tables.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "state/crc32c.h"

#define POLYNOMIAL UINT32_C(0x82F63B78) /* 0x1EDC6F41 with its bits reversed. */

void crc32c_init(struct crc32c *c)
{
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t r = i;
        for (int bit = 0; bit < 8; bit++) r = r >> 1 ^ (r & 1 ? POLYNOMIAL : 0);
        c->table[0][i] = r;
    }
    for (int t = 1; t < 8; t++)
        for (uint32_t i = 0; i < 256; i++)
            c->table[t][i] = c->table[t - 1][i] >> 8 ^ c->table[0][c->table[t - 1][i] & 255];
}

static uint64_t word_at(const uint8_t *p) /* Little-endian on every machine. */
{
    uint64_t word = 0;

    for (int i = 7; i >= 0; i--) word = word << 8 | p[i];
    return word;
}

uint32_t crc32c_of(const struct crc32c *c, struct str bytes)
{
    const uint8_t *p = (const uint8_t *)bytes.at;
    uint32_t r = ~UINT32_C(0);
    size_t n = bytes.n;

    for (; n >= 8; n -= 8, p += 8) {
        uint64_t word = word_at(p) ^ r;
        r = 0;
        for (int i = 0; i < 8; i++) r ^= c->table[7 - i][word >> (8 * i) & 255];
    }
    for (; n; n--, p++) r = r >> 8 ^ c->table[0][(r ^ *p) & 255];
    return ~r;
}
