/* jwks.h - a set of keys that is published somewhere: a JWKS file or URL.
 * SPDX-License-Identifier: Apache-2.0
 *
 * At most 64 KiB and 16 keys (evidence.md section 16). Keys for other uses or of other kinds are left out; a set in which
 * none is left, or one is broken, is refused as a whole. A URL is https, or http to a loopback host; redirects are
 * not followed.
 */
#ifndef API_JWKS_H
#define API_JWKS_H

#include "api/jwt_key.h"
#include "http/client.h"

#define JWKS_BYTES_MAX (64 * 1024)
#define JWKS_KEYS_MAX 16

bool jwks_is_url(struct str place);

/* ERR_INPUT if place is a URL that is not acceptable; OK for every file name. */
CHECKED enum err jwks_check_place(struct str place, struct why *why);

/* Appends the keys of a JWKS text (RFC 7517 section 5). On failure ret is as it was. */
CHECKED enum err jwks_parse(struct str text, struct jwt_key_vec *ret, struct why *why);

/* The text of the set: reads the file, or asks the URL (up to 5 s). ERR_NET: not to be had now. */
CHECKED enum err jwks_fetch(struct str place, struct http_client *client, struct buf *ret_text, struct why *why);

/* Appends a whole file, at most max bytes. ERR_INPUT: unreadable or longer. */
CHECKED enum err jwks_read_file(const char *path, size_t max, struct buf *ret, struct why *why);

#endif
