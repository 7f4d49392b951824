/* instant.h - moments as microseconds since 1970 UTC, and their RFC 3339 text.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Leap seconds do not exist on this scale: "23:59:60Z" is read as the second after it, and a second 60 that does
 * not end a day of UTC is no time. Finer fractions than a microsecond are cut, as stores with microseconds do (decision A5).
 */
#ifndef BASE_INSTANT_H
#define BASE_INSTANT_H

#include "base/buf.h"

#define INSTANT_MIN INT64_MIN /* "No bound below" in windows. */
#define INSTANT_MAX INT64_MAX /* "No bound above" in windows. */
#define INSTANT_S INT64_C(1000000)
#define INSTANT_MINUTE (60 * INSTANT_S)
#define INSTANT_HOUR (60 * INSTANT_MINUTE)
#define INSTANT_DAY (24 * INSTANT_HOUR)

/* RFC 3339 with upper-case T and Z, any fraction, any offset up to 23:59; years 0001 to 9999.
 * False for anything else. */
bool instant_parse(struct str text, int64_t *ret_us);

/* "2026-11-22T02:03:04.5Z": UTC, fraction without trailing zeros, none for a whole second.
 * A value outside the years 0001 to 9999 is clamped to them. */
void instant_add(struct buf *b, int64_t us);

#endif
