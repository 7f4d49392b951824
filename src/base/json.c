/* json.c - JSON text from values.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/json.h"

#include "base/instant.h"

static void value_begins(struct json *j)
{
    if (j->needs_comma) buf_add_char(j->to, ',');
    j->needs_comma = true;
}

void json_open(struct json *j, char bracket)
{
    value_begins(j);
    buf_add_char(j->to, bracket);
    j->needs_comma = false;
}

void json_close(struct json *j, char bracket)
{
    buf_add_char(j->to, bracket);
    j->needs_comma = true;
}

void json_key(struct json *j, const char *key)
{
    value_begins(j);
    buf_add_char(j->to, '"');
    buf_add(j->to, key, strlen(key));
    buf_add(j->to, "\":", 2);
    j->needs_comma = false;
}

static void add_escaped(struct buf *to, unsigned char c)
{
    static const char short_forms[] = "\"\"\\\\\bb\ff\nn\rr\tt";
    for (size_t i = 0; i + 1 < sizeof short_forms; i += 2) {
        if ((unsigned char)short_forms[i] == c) {
            buf_add_char(to, '\\');
            buf_add_char(to, short_forms[i + 1]);
            return;
        }
    }
    buf_addf(to, "\\u%04x", c);
}

/* Length of the well-formed UTF-8 sequence at the front of s, or 0. */
static size_t sequence_length(struct str s)
{
    unsigned char c = (unsigned char)s.at[0];
    size_t n = c < 0x80 ? 1 : c < 0xE0 ? 2 : c < 0xF0 ? 3 : 4;
    return n <= s.n && str_is_utf8(str_first(s, n)) ? n : 0;
}

void json_str(struct json *j, struct str value)
{
    value_begins(j);
    buf_add_char(j->to, '"');
    while (value.n > 0) {
        size_t plain = 0;
        while (plain < value.n) {
            unsigned char c = (unsigned char)value.at[plain];
            if (c < 0x20 || c == '"' || c == '\\' || c >= 0x7F) break;
            plain++;
        }
        buf_add(j->to, value.at, plain);
        value = str_skip(value, plain);
        if (value.n == 0) break;
        unsigned char c = (unsigned char)value.at[0];
        size_t n = 1;
        if (c < 0x80) {
            add_escaped(j->to, c);
        } else {
            n = sequence_length(value);
            if (n) {
                buf_add(j->to, value.at, n);
            } else {
                buf_add(j->to, "\xEF\xBF\xBD", 3);
                n = 1;
            }
        }
        value = str_skip(value, n);
    }
    buf_add_char(j->to, '"');
}

void json_i64(struct json *j, int64_t value)
{
    value_begins(j);
    buf_add_i64(j->to, value);
}

void json_u64(struct json *j, uint64_t value)
{
    value_begins(j);
    buf_add_u64(j->to, value);
}

void json_bool(struct json *j, bool value)
{
    value_begins(j);
    buf_add_str(j->to, value ? STR("true") : STR("false"));
}

void json_null(struct json *j)
{
    value_begins(j);
    buf_add_str(j->to, STR("null"));
}

void json_id(struct json *j, struct id value)
{
    value_begins(j);
    buf_add_char(j->to, '"');
    id_format(value, buf_reserve(j->to, ID_TEXT));
    j->to->n += ID_TEXT;
    buf_add_char(j->to, '"');
}

void json_instant(struct json *j, int64_t us)
{
    value_begins(j);
    buf_add_char(j->to, '"');
    instant_add(j->to, us);
    buf_add_char(j->to, '"');
}

void json_raw(struct json *j, struct str json_text)
{
    value_begins(j);
    buf_add_str(j->to, json_text);
}
