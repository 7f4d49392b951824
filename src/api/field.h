/* field.h - members of a request's JSON, with errors that name them.
 * SPDX-License-Identifier: Apache-2.0
 *
 * null counts as absent; unknown members are never looked at (f3548-dss.md 2.2). Texts are borrowed from the document.
 */
#ifndef API_FIELD_H
#define API_FIELD_H

#include "base/err.h"
#include "base/id.h"
#include "http/json.h"

/* The member, or the absent node if it is missing or null. */
struct json_node field(struct json_node object, const char *name);

/* Absent gives "" or by_default. ERR_INPUT if it is of another type. */
CHECKED enum err field_string(struct json_node object, const char *name, struct str *ret,
                              struct why *why);
CHECKED enum err field_bool(struct json_node object, const char *name, bool by_default, bool *ret,
                            struct why *why);

/* An entity's or subscription's id: a version 4 UUID in any spelling of id_parse(). what names it in the error. */
CHECKED enum err field_id(struct str text, const char *what, struct id *ret, struct why *why);

/* A base URL, kept verbatim: not empty, https (or http where allowed), a host, no spaces, at most LIMIT_URL_BYTES. */
CHECKED enum err field_check_url(struct str url, const char *what, bool allows_http,
                                 struct why *why);

#endif
