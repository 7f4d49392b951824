/* json_scan.h - where a JSON text stops being one, and where its first value ends.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The slow, exact reader behind json_read(): simdjson says that something is wrong, this says what and at which byte.
 * It reads RFC 8259 strictly, in one pass without recursion, and stops at the end of the first value.
 */
#ifndef HTTP_JSON_SCAN_H
#define HTTP_JSON_SCAN_H

#include "base/buf.h"
#include "base/err.h"

#ifdef __cplusplus
extern "C" {
#endif

struct json_scanned {
    size_t end;            /* One past the first value. */
    size_t n_big_integers; /* Integer literals too long for 64 bits (LIMIT: 19 digits and more). */
    size_t n_tokens;       /* Values and members' names. */
};

/* ERR_INPUT with "byte N: what is wrong". Depth up to LIMIT_JSON_DEPTH. O(bytes of the first value). */
CHECKED enum err json_scan(struct str text, struct json_scanned *ret, struct why *why);

/* Appends the value text to ret, with the digits from the 19th on of each integer literal that has so many made an exponent:
 * a decimal number, at most one unit in a double's last place below it. text must have passed json_scan(). */
void json_widen_integers(struct str text, struct buf *ret);

#ifdef __cplusplus
}
#endif

#endif
