/* json.cc - simdjson's DOM behind http/json.h.
 * SPDX-License-Identifier: Apache-2.0
 *
 * simdjson leaves a tape: one 64-bit word a value, its kind in the top byte, a payload in the other 56 bits
 * (simdjson, doc/tape.md). A json_node is the document and the index of its word.
 *
 *     '"' string    payload: offset in the string buffer of {uint32 length, bytes, NUL}
 *     'l' 'u' 'd'   the next word is the int64, uint64, double
 *     't' 'f' 'n'
 *     '{' '['       payload: low 32 bits one past the closing word, next 24 bits the count (cut at 0xFFFFFF)
 *     '}' ']' 'r'   closing words, and the root's
 *
 * After parsing one walk over the tape refuses long strings and duplicate members. A text that simdjson refuses is
 * read again by json_scan(), which finds the place, or the end of the first value.
 */
#include <algorithm>
#include <cstring>
#include <memory>
#include <new>

#include <simdjson.h>

/* C headers: compound literals and _Noreturn are not C++. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpedantic"
#ifndef _Noreturn
#define _Noreturn [[noreturn]]
#endif
extern "C" {
#include "base/buf.h"
#include "base/err.h"
#include "base/limits.h"
#include "http/json.h"
#include "http/json_scan.h"
}
#pragma GCC diagnostic pop

static_assert(JSON_PADDING >= simdjson::SIMDJSON_PADDING, "what simdjson may read beyond the text");
static_assert(LIMIT_BODY_BYTES <= JSON_TEXT_MAX && JSON_TEXT_MAX < 0xFFFFFF, "counts on the tape are exact below 2^24");

struct json_parser {
    std::unique_ptr<simdjson::dom::parser> parser;
    struct buf copy; /* A text that had no padding, or was rewritten. */
    size_t room;     /* Bytes of text that the parser has memory for. */
    size_t text_max, string_max, tokens_max;
};

namespace {

using simdjson::dom::document;

constexpr size_t KEEP_BYTES = 256 * 1024; /* What grew beyond this is made anew for the next small text. */
constexpr size_t FIRST_BYTES = 16 * 1024;
constexpr size_t PAIRWISE = 12; /* Up to so many members are compared each with each. */

const document *document_of(struct json_node v)
{
    return static_cast<const document *>(v.document);
}

uint64_t word(const document *d, uint64_t at)
{
    return d->tape[at];
}

char kind_at(const document *d, uint64_t at)
{
    return static_cast<char>(word(d, at) >> 56);
}

char kind(struct json_node v)
{
    return v.document ? kind_at(document_of(v), v.at) : '\0';
}

uint64_t payload(const document *d, uint64_t at)
{
    return word(d, at) & UINT64_C(0x00FFFFFFFFFFFFFF);
}

struct str text_at(const document *d, uint64_t at)
{
    const uint8_t *entry = d->string_buf.get() + payload(d, at);
    uint32_t n;

    std::memcpy(&n, entry, sizeof n);
    return {reinterpret_cast<const char *>(entry) + sizeof n, n};
}

/* Index of the word after the value at `at`. */
uint64_t next(const document *d, uint64_t at)
{
    switch (kind_at(d, at)) {
    case '{':
    case '[':
        return payload(d, at) & UINT32_MAX;
    case 'l':
    case 'u':
    case 'd':
        return at + 2;
    default:
        return at + 1;
    }
}

/* Walks the document once; `path` lists the containers that are open, for messages. */
struct checker {
    const document *d;
    struct {
        uint64_t open; /* Word of the container. */
        uint64_t item; /* Word of the element's or member's value. */
        size_t index;
    } path[LIMIT_JSON_DEPTH];
    size_t depth;
    size_t string_max, tokens_max, n_tokens;
    struct why *why;

    enum err refuse(const char *what, struct str name) const;
    enum err length(struct str s) const;
    enum err duplicates(uint64_t open) const;
    enum err value(uint64_t at);
    enum err container(uint64_t at);
};

/* "extents[3].volume: what "name"". */
enum err checker::refuse(const char *what, struct str name) const
{
    char place[120];
    size_t n = 0;

    place[0] = '\0';
    for (size_t i = 0; i < depth && n < sizeof place; i++) {
        int wrote = 0;
        if (path[i].item == 0) break;
        if (kind_at(d, path[i].open) == '[') {
            wrote = std::snprintf(place + n, sizeof place - n, "[%zu]", path[i].index);
        } else {
            struct str member = text_at(d, path[i].item - 1);
            wrote = std::snprintf(place + n, sizeof place - n, "%s%.*s", n ? "." : "",
                                  static_cast<int>(std::min<size_t>(member.n, 40)), member.at);
        }
        n += wrote > 0 ? static_cast<size_t>(wrote) : 0;
    }
    return fail(why, ERR_INPUT, "JSON%s%s: %s \"%.*s\"", n ? ", " : "", place, what,
                static_cast<int>(std::min<size_t>(name.n, 40)), name.at);
}

enum err checker::length(struct str s) const
{
    if (s.n <= string_max) return OK;
    return refuse("string too long:", s);
}

bool same(struct str a, struct str b)
{
    return a.n == b.n && std::memcmp(a.at, b.at, a.n) == 0;
}

bool before(struct str a, struct str b) /* Total order, lengths first: cheap on different lengths. */
{
    return a.n != b.n ? a.n < b.n : std::memcmp(a.at, b.at, a.n) < 0;
}

enum err checker::duplicates(uint64_t open) const
{
    size_t n = payload(d, open) >> 32, i = 0;
    struct str few[PAIRWISE];
    std::unique_ptr<struct str[]> many;
    struct str *names = few;

    if (n < 2) return OK;
    if (n > PAIRWISE) {
        many.reset(new (std::nothrow) struct str[n]);
        must(many != nullptr);
        names = many.get();
    }
    for (uint64_t at = open + 1; kind_at(d, at) != '}'; at = next(d, at + 1)) {
        must(i < n);
        names[i++] = text_at(d, at);
    }
    if (n > PAIRWISE) {
        std::sort(names, names + n, before);
        for (i = 1; i < n; i++)
            if (same(names[i - 1], names[i])) return refuse("member given twice:", names[i]);
        return OK;
    }
    for (i = 1; i < n; i++)
        for (size_t k = 0; k < i; k++)
            if (same(names[k], names[i])) return refuse("member given twice:", names[i]);
    return OK;
}

enum err checker::container(uint64_t at)
{
    bool is_object = kind_at(d, at) == '{';
    uint64_t end = (payload(d, at) & UINT32_MAX) - 1;
    size_t level = depth;

    if (level == LIMIT_JSON_DEPTH) return fail(why, ERR_INPUT, "JSON: nested too deeply");
    if (is_object && payload(d, at) >> 32 > LIMIT_JSON_MEMBERS) {
        return fail(why, ERR_INPUT, "JSON: an object of more than %d members", LIMIT_JSON_MEMBERS);
    }
    path[level] = {at, 0, 0};
    depth = level + 1;
    if (is_object) TRY(duplicates(at));
    for (uint64_t item = at + 1; item < end; item = next(d, item)) {
        if (is_object) {
            TRY(length(text_at(d, item++)));
            n_tokens++;
        }
        path[level].item = item;
        TRY(value(item));
        path[level].index++;
    }
    depth = level;
    return OK;
}

enum err checker::value(uint64_t at)
{
    if (++n_tokens > tokens_max) return fail(why, ERR_INPUT, "JSON: more than %zu values and names", tokens_max);
    switch (kind_at(d, at)) {
    case '"':
        return length(text_at(d, at));
    case '{':
    case '[':
        return container(at);
    default:
        return OK;
    }
}

/* A parser with memory for n bytes. Sizes grow by doubling, and one big text does not stay for ever. */
simdjson::dom::parser *prepare(struct json_parser *p, size_t n)
{
    size_t room = FIRST_BYTES;

    if (n <= p->room && (p->room <= KEEP_BYTES || n > KEEP_BYTES)) return p->parser.get();
    while (room < n) room *= 2;
    p->parser.reset(new (std::nothrow) simdjson::dom::parser());
    must(p->parser != nullptr);
    must(p->parser->allocate(room, LIMIT_JSON_DEPTH + 2) == simdjson::SUCCESS);
    must(p->parser->doc.allocate(room) == simdjson::SUCCESS);
    p->room = room;
    return p->parser.get();
}

enum err checked(const struct json_parser *p, struct json_node *ret_root, struct why *why)
{
    struct checker c = {};

    c.d = &p->parser->doc;
    c.string_max = p->string_max;
    c.tokens_max = p->tokens_max;
    c.why = why;
    TRY(c.value(1)); /* Word 0 is the root's. */
    *ret_root = {c.d, 1};
    return OK;
}

void add_padding(struct buf *b)
{
    std::memset(buf_reserve(b, JSON_PADDING), ' ', JSON_PADDING);
}

/* What simdjson refused at `text`: only its first value, with integers of any size. */
enum err read_again(struct json_parser *p, struct str text, struct json_node *ret_root,
                    struct why *why)
{
    struct json_scanned first;
    struct buf rewritten = {};
    simdjson::error_code error;

    TRY(json_scan(text, &first, why));
    if (first.n_tokens > p->tokens_max) return fail(why, ERR_INPUT, "JSON: more than %zu values and names", p->tokens_max);
    json_widen_integers({text.at, first.end}, &rewritten);
    add_padding(&rewritten);
    simdjson::dom::parser *parser = prepare(p, rewritten.n);
    error = parser->parse(rewritten.at, rewritten.n, false).error();
    buf_done(&rewritten);
    if (error == simdjson::NUMBER_ERROR) return fail(why, ERR_INPUT, "JSON: number out of range");
    if (error) return fail(why, ERR_INPUT, "JSON: %s", simdjson::error_message(error));
    return checked(p, ret_root, why);
}

} // namespace

struct json_parser *json_parser_new(void)
{
    struct json_parser *p = json_parser_new_for(LIMIT_BODY_BYTES, LIMIT_JSON_STRING);
    p->tokens_max = LIMIT_JSON_TOKENS;
    return p;
}

struct json_parser *json_parser_new_for(size_t text_max, size_t string_max)
{
    struct json_parser *p = new (std::nothrow) struct json_parser();
    must(p != nullptr && text_max <= JSON_TEXT_MAX);
    p->text_max = text_max;
    p->string_max = string_max;
    p->tokens_max = text_max;
    return p;
}

void json_parser_allow_strings(struct json_parser *p, size_t string_max)
{
    p->string_max = string_max;
}

void json_parser_free(struct json_parser *p)
{
    if (!p) return;
    buf_done(&p->copy);
    delete p;
}

enum err json_read_padded(struct json_parser *p, struct str text, struct json_node *ret_root,
                          struct why *why)
{
    if (text.n == 0) return fail(why, ERR_INPUT, "JSON: empty text");
    if (text.n > p->text_max) return fail(why, ERR_INPUT, "JSON: longer than %zu bytes", p->text_max);
    simdjson::dom::parser *parser = prepare(p, text.n);
    if (parser->parse(text.at, text.n, false).error()) return read_again(p, text, ret_root, why);
    return checked(p, ret_root, why);
}

enum err json_read(struct json_parser *p, struct str text, struct json_node *ret_root,
                   struct why *why)
{
    if (text.n > p->text_max) return fail(why, ERR_INPUT, "JSON: longer than %zu bytes", p->text_max);
    if (p->copy.room > KEEP_BYTES && text.n <= KEEP_BYTES) buf_done(&p->copy);
    buf_clear(&p->copy);
    buf_add_str(&p->copy, text);
    add_padding(&p->copy);
    return json_read_padded(p, {p->copy.at, text.n}, ret_root, why);
}

enum json_type json_type(struct json_node v)
{
    switch (kind(v)) {
    case '\0':
        return JSON_ABSENT;
    case 'n':
        return JSON_NULL;
    case 't':
    case 'f':
        return JSON_BOOL;
    case '"':
        return JSON_STRING;
    case '[':
        return JSON_ARRAY;
    case '{':
        return JSON_OBJECT;
    default:
        return JSON_NUMBER;
    }
}

struct json_node json_member(struct json_node v, const char *name)
{
    const document *d = document_of(v);

    if (kind(v) != '{') return {};
    struct str wanted = {name, std::strlen(name)};
    for (uint64_t at = v.at + 1; kind_at(d, at) != '}'; at = next(d, at + 1))
        if (same(text_at(d, at), wanted)) return {d, at + 1};
    return {};
}

size_t json_size(struct json_node v)
{
    char k = kind(v);
    return k == '[' || k == '{' ? payload(document_of(v), v.at) >> 32 : 0;
}

enum err json_each(struct json_node array,
                   enum err (*each)(void *context, size_t i, struct json_node v), void *context)
{
    const document *d = document_of(array);
    size_t i = 0;

    if (kind(array) != '[') return OK;
    for (uint64_t at = array.at + 1; kind_at(d, at) != ']'; at = next(d, at))
        TRY(each(context, i++, {d, at}));
    return OK;
}

enum err json_each_member(struct json_node object,
                          enum err (*each)(void *context, struct str name, struct json_node v),
                          void *context)
{
    const document *d = document_of(object);

    if (kind(object) != '{') return OK;
    for (uint64_t at = object.at + 1; kind_at(d, at) != '}'; at = next(d, at + 1))
        TRY(each(context, text_at(d, at), {d, at + 1}));
    return OK;
}

bool json_get_string(struct json_node v, struct str *ret)
{
    if (kind(v) != '"') return false;
    *ret = text_at(document_of(v), v.at);
    return true;
}

bool json_get_double(struct json_node v, double *ret)
{
    uint64_t bits;
    char k = kind(v);

    if (k != 'l' && k != 'u' && k != 'd') return false;
    bits = word(document_of(v), v.at + 1);
    if (k == 'l') *ret = static_cast<double>(static_cast<int64_t>(bits));
    if (k == 'u') *ret = static_cast<double>(bits);
    if (k == 'd') std::memcpy(ret, &bits, sizeof bits);
    return true;
}

bool json_get_i64(struct json_node v, int64_t *ret)
{
    uint64_t bits;
    double number;

    switch (kind(v)) {
    case 'l':
        *ret = static_cast<int64_t>(word(document_of(v), v.at + 1));
        return true;
    case 'd': /* 12.0 and 1e3 are whole numbers too. */
        bits = word(document_of(v), v.at + 1);
        std::memcpy(&number, &bits, sizeof bits);
        if (!(number >= -0x1p63 && number < 0x1p63)) return false;
        if (static_cast<double>(static_cast<int64_t>(number)) != number) return false;
        *ret = static_cast<int64_t>(number);
        return true;
    default: /* 'u' is above INT64_MAX. */
        return false;
    }
}

bool json_get_bool(struct json_node v, bool *ret)
{
    char k = kind(v);
    if (k != 't' && k != 'f') return false;
    *ret = k == 't';
    return true;
}
