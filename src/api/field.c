/* field.c - typed members and the two kinds of text that every request has.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "api/field.h"

#include "base/limits.h"

struct json_node field(struct json_node object, const char *name)
{
    struct json_node v = json_member(object, name);
    return json_type(v) == JSON_NULL ? (struct json_node){0} : v;
}

enum err field_string(struct json_node object, const char *name, struct str *ret, struct why *why)
{
    struct json_node v = field(object, name);
    struct str text = STR("");
    if (json_type(v) != JSON_ABSENT && !json_get_string(v, &text)) {
        return fail(why, ERR_INPUT, "%s: must be a string", name);
    }
    *ret = text;
    return OK;
}

enum err field_bool(struct json_node object, const char *name, bool by_default, bool *ret,
                    struct why *why)
{
    struct json_node v = field(object, name);
    bool value = by_default;
    if (json_type(v) != JSON_ABSENT && !json_get_bool(v, &value)) {
        return fail(why, ERR_INPUT, "%s: must be true or false", name);
    }
    *ret = value;
    return OK;
}

enum err field_id(struct str text, const char *what, struct id *ret, struct why *why)
{
    struct id id;
    if (!id_parse(text, &id) || id_version(id) != 4) {
        return fail(why, ERR_INPUT, "%s: '%.*s' is not a version 4 UUID", what,
                    STR_ARG(str_first(text, 64)));
    }
    *ret = id;
    return OK;
}

enum err field_check_url(struct str url, const char *what, bool allows_http, struct why *why)
{
    if (url.n == 0) return fail(why, ERR_INPUT, "%s: must not be empty", what);
    if (url.n > LIMIT_URL_BYTES) {
        return fail(why, ERR_INPUT, "%s: is longer than %d bytes", what, LIMIT_URL_BYTES);
    }
    for (size_t i = 0; i < url.n; i++) {
        if ((unsigned char)url.at[i] <= ' ' || url.at[i] == 0x7F) {
            return fail(why, ERR_INPUT, "%s: must not hold spaces or control characters", what);
        }
    }
    size_t scheme = str_find(url, ':');
    bool is_https = str_equal_nocase(str_first(url, scheme), STR("https"));
    bool is_http = str_equal_nocase(str_first(url, scheme), STR("http"));
    if (!is_https && !(is_http && allows_http)) {
        return fail(why, ERR_INPUT, "%s: must begin with https://", what);
    }
    struct str rest = str_skip(url, scheme + 1);
    if (!str_starts(rest, STR("//")) || rest.n == 2 || rest.at[2] == '/') {
        return fail(why, ERR_INPUT, "%s: has no host", what);
    }
    return OK;
}
