/* json.h - reads JSON: a C face of simdjson's DOM.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The only C++ behind it is json.cc. A parser owns the document it read last; nodes and texts are borrowed until
 * its next json_read() or json_parser_free(). Limits (LIMIT_JSON_*): depth, string length, values and
 * names in all, members of one object; duplicate members, text
 * that is not UTF-8, numbers out of double's range are ERR_INPUT. Only the first value of the text is read; what follows
 * it is ignored, as InterUSS does (f3548-dss.md 2.2).
 */
#ifndef HTTP_JSON_H
#define HTTP_JSON_H

#include "base/err.h"
#include "base/str.h"

struct json_parser;

/* A value inside the parser's document: plain data, copied freely. All bits zero is "absent". */
struct json_node {
    const void *document;
    uint64_t at;
};

enum json_type { JSON_ABSENT, JSON_NULL, JSON_BOOL, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT };

#ifdef __cplusplus
extern "C" {
#endif

struct json_parser *json_parser_new(void);

/* With other limits than LIMIT_BODY_BYTES and LIMIT_JSON_STRING, and none on the number of values, for texts of a server that was
 * chosen and not of anybody. */
struct json_parser *json_parser_new_for(size_t text_max, size_t string_max);
#define JSON_TEXT_MAX (12 * 1024 * 1024)

/* What it reads next may have strings of that many bytes. */
void json_parser_allow_strings(struct json_parser *p, size_t string_max);

void json_parser_free(struct json_parser *p); /* NULL is fine. */

/* What a reader of whole vectors may touch beyond a text's end. */
#define JSON_PADDING 64

/* text is copied. Cost: about 1 us a kB. ERR_INPUT says what is wrong and at which byte or member. */
CHECKED enum err json_read(struct json_parser *p, struct str text, struct json_node *ret_root,
                           struct why *why);

/* The same without the copy: JSON_PADDING bytes after the text can be read (bodies of http/server.h have them). */
CHECKED enum err json_read_padded(struct json_parser *p, struct str text, struct json_node *ret_root,
                                  struct why *why);

enum json_type json_type(struct json_node v);

/* Member of an object by exact name; absent if there is none, or v is no object. A null member is JSON_NULL. */
struct json_node json_member(struct json_node v, const char *name);

/* Number of elements (array) or members (object), 0 otherwise; O(1). */
size_t json_size(struct json_node v);

/* Calls each for every element in order until it returns an error, which is passed on. */
enum err json_each(struct json_node array, enum err (*each)(void *context, size_t i, struct json_node v),
                   void *context);
enum err json_each_member(struct json_node object,
                          enum err (*each)(void *context, struct str name, struct json_node v),
                          void *context);

/* False if v is of another type. */
bool json_get_string(struct json_node v, struct str *ret); /* Unescaped UTF-8, borrowed from the document. */
bool json_get_double(struct json_node v, double *ret);     /* Any number, finite. */
bool json_get_i64(struct json_node v, int64_t *ret);       /* A number without fraction that fits. */
bool json_get_bool(struct json_node v, bool *ret);

#ifdef __cplusplus
}
#endif

#endif
