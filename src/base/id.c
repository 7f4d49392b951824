/* id.c - UUID text and bytes.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/id.h"

#include <endian.h>
#include <string.h>

#include "base/hex.h"

struct id id_from_bytes(const uint8_t bytes[16])
{
    struct id id = {0};
    for (int i = 0; i < 8; i++) {
        id.hi = id.hi << 8 | bytes[i];
        id.lo = id.lo << 8 | bytes[8 + i];
    }
    return id;
}

void id_to_bytes(struct id id, uint8_t ret_bytes[16])
{
    for (int i = 0; i < 8; i++) {
        ret_bytes[i] = (uint8_t)(id.hi >> (56 - 8 * i));
        ret_bytes[8 + i] = (uint8_t)(id.lo >> (56 - 8 * i));
    }
}

bool id_parse(struct str text, struct id *ret_id)
{
    uint64_t half[2] = {0, 0};
    unsigned n_digits = 0;

    if (text.n == ID_TEXT + 9 && str_equal_nocase(str_first(text, 9), STR("urn:uuid:"))) {
        text = str_skip(text, 9);
    } else if (text.n == ID_TEXT + 2 && text.at[0] == '{' && text.at[ID_TEXT + 1] == '}') {
        text = (struct str){text.at + 1, ID_TEXT};
    }
    if (text.n != ID_TEXT && text.n != 32) return false;
    for (size_t i = 0; i < text.n; i++) {
        bool is_dash = text.n == ID_TEXT && (i == 8 || i == 13 || i == 18 || i == 23);
        if (is_dash) {
            if (text.at[i] != '-') return false;
            continue;
        }
        int digit = hex_digit(text.at[i]);
        if (digit < 0) return false;
        half[n_digits / 16] = half[n_digits / 16] << 4 | (unsigned)digit;
        n_digits++;
    }
    if (half[1] >> 62 != 2) return false; /* The variant bits of RFC 4122. */
    *ret_id = (struct id){half[0], half[1]};
    return true;
}

/* Two digits of each byte: a nibble each to "0".."9" or "a".."f", eight at a time. */
static uint64_t hex_of(uint32_t bytes)
{
    uint64_t x = bytes;
    x = (x & 0xFFFF) << 32 | x >> 16; /* The first digit goes to the lowest byte. */
    x = (x & UINT64_C(0x0000FF000000FF00)) >> 8 | (x & UINT64_C(0x000000FF000000FF)) << 16;
    x = (x & UINT64_C(0x00F000F000F000F0)) >> 4 | (x & UINT64_C(0x000F000F000F000F)) << 8;
    uint64_t letters = (x + UINT64_C(0x0606060606060606)) >> 4 & UINT64_C(0x0101010101010101);
    return x + UINT64_C(0x3030303030303030) + letters * ('a' - '0' - 10);
}

void id_format(struct id id, char ret_text[ID_TEXT])
{
    const uint32_t words[] = {(uint32_t)(id.hi >> 32), (uint32_t)id.hi, (uint32_t)(id.lo >> 32), (uint32_t)id.lo};
    char digits[32];
    for (int i = 0; i < 4; i++) {
        uint64_t eight = htole64(hex_of(words[i]));
        memcpy(digits + 8 * i, &eight, 8);
    }
    memcpy(ret_text, digits, 8);
    ret_text[8] = ret_text[13] = ret_text[18] = ret_text[23] = '-';
    memcpy(ret_text + 9, digits + 8, 4);
    memcpy(ret_text + 14, digits + 12, 4);
    memcpy(ret_text + 19, digits + 16, 4);
    memcpy(ret_text + 24, digits + 20, 12);
}

struct id id_make_v4(const uint8_t random[16])
{
    struct id id = id_from_bytes(random);
    id.hi = (id.hi & ~UINT64_C(0xF000)) | UINT64_C(0x4000);
    id.lo = (id.lo & (UINT64_MAX >> 2)) | UINT64_C(1) << 63;
    return id;
}
