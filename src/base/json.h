/* json.h - writes JSON onto a buf.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Commas are set by the writer; nesting is the caller's business. Reading JSON is http/json.h.
 *
 *     struct json j = {.to = &body};
 *     json_open(&j, '{');
 *     json_key(&j, "id"); json_str(&j, text);
 *     json_close(&j, '}');
 */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include "base/buf.h"
#include "base/id.h"

struct json {
    struct buf *to;
    bool needs_comma;
};

void json_open(struct json *j, char bracket);  /* '{' or '[' */
void json_close(struct json *j, char bracket); /* '}' or ']' */
void json_key(struct json *j, const char *key); /* Plain ASCII without quotes or escapes. */
void json_str(struct json *j, struct str value); /* Escaped; bytes that are not UTF-8 become U+FFFD. */
void json_i64(struct json *j, int64_t value);
void json_u64(struct json *j, uint64_t value);
void json_bool(struct json *j, bool value);
void json_null(struct json *j);
void json_id(struct json *j, struct id value);         /* Canonical UUID text. */
void json_instant(struct json *j, int64_t us);         /* RFC 3339 text. */
void json_raw(struct json *j, struct str json_text);   /* Already JSON. */

#endif
