/* b64.h - bytes as base64 text (RFC 4648): section 4 with padding, section 5 (URL) without.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Decoding is strict: no other characters, no missing or surplus padding, no spare bits that are
 * not zero, so that one byte string has one text.
 */
#ifndef BASE_B64_H
#define BASE_B64_H

#include "base/buf.h"

enum b64 { B64_STANDARD, B64_URL };

/* Characters that n bytes become. */
size_t b64_size(enum b64 kind, size_t n);

/* Writes b64_size() characters, no NUL. */
void b64_encode(enum b64 kind, const void *bytes, size_t n, char *ret_text);
void b64_add(struct buf *b, enum b64 kind, const void *bytes, size_t n);

/* Appends the bytes to ret; false, and ret as it was, when the text is not strict base64. */
bool b64_decode(enum b64 kind, struct str text, struct buf *ret);

#endif
