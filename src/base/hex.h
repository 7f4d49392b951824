/* hex.h - bytes as hexadecimal text.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef BASE_HEX_H
#define BASE_HEX_H

#include "base/buf.h"

int hex_digit(char c); /* 0..15, or -1. Both cases. */

/* Writes 2 * n lower-case digits, no NUL. */
void hex_encode(const void *bytes, size_t n, char *ret_text);
void hex_add(struct buf *b, const void *bytes, size_t n);

/* Exactly 2 * n digits of either case; false otherwise. */
bool hex_decode(struct str text, size_t n, void *ret_bytes);

#endif
