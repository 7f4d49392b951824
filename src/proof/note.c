/* note.c - signed notes (c2sp.org/signed-note v1.0.0) and the keys that sign them.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "proof/note.h"

#include "base/b64.h"
#include "base/hex.h"
#include "proof/hash.h"

static const struct str DASH = {"\xe2\x80\x94 ", 4}; /* U+2014 and a space. */

enum { COSIGNATURE_SIZE = 8 + 64 };

/* Names. */

/* One code point of valid UTF-8; *i moves past it. */
static uint32_t next_code(struct str s, size_t *i)
{
    uint8_t c = (uint8_t)s.at[*i];
    unsigned n = c < 0x80 ? 0 : c < 0xe0 ? 1 : c < 0xf0 ? 2 : 3;
    uint32_t code = n == 0 ? c : c & (0x3fU >> n);

    (*i)++;
    for (; n > 0; n--) code = code << 6 | ((uint8_t)s.at[(*i)++] & 0x3f);
    return code;
}

/* White_Space of the Unicode character database. */
static bool is_space(uint32_t code)
{
    return (code >= 0x09 && code <= 0x0d) || code == 0x20 || code == 0x85 || code == 0xa0 || code == 0x1680 ||
           (code >= 0x2000 && code <= 0x200a) || code == 0x2028 || code == 0x2029 || code == 0x202f ||
           code == 0x205f || code == 0x3000;
}

bool note_name_is_valid(struct str name)
{
    if (name.n == 0 || name.n > NOTE_NAME_MAX || !str_is_utf8(name)) return false;
    for (size_t i = 0; i < name.n;) {
        uint32_t code = next_code(name, &i);
        if (code < 0x20 || code == 0x7f || code == '+' || is_space(code)) return false;
    }
    return true;
}

/* Keys. */

static uint32_t read_u32(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static void write_u32(uint32_t value, uint8_t *at)
{
    for (int i = 3; i >= 0; i--, value >>= 8) at[i] = (uint8_t)value;
}

struct note_key note_key_make(struct str name, enum note_kind kind, const struct key_public *public)
{
    uint8_t prefix[2] = {'\n', (uint8_t)kind};
    struct hasher h;
    struct hash hash;

    hasher_init(&h);
    hasher_add(&h, name.at, name.n);
    hasher_add(&h, prefix, sizeof prefix);
    hasher_add(&h, public->b, sizeof public->b);
    hash = hasher_end(&h);
    return (struct note_key){.name = name, .kind = kind, .public = *public, .id = read_u32(hash.b)};
}

enum err note_key_parse(struct str text, struct note_key *ret, struct why *why)
{
    AUTO(buf_done) struct buf raw = {0};
    struct str rest = text, name = str_cut(&rest, '+'), id = str_cut(&rest, '+');
    struct key_public public;
    struct note_key key;
    uint8_t id_bytes[4];
    char id_text[8];

    if (!note_name_is_valid(name)) return fail(why, ERR_INPUT, "key \"%.*s\": no valid name", STR_ARG(str_first(text, 80)));
    if (!b64_decode(B64_STANDARD, rest, &raw) || raw.n != 1 + sizeof public.b ||
        (raw.at[0] != NOTE_ED25519 && raw.at[0] != NOTE_COSIGNATURE)) {
        return fail(why, ERR_INPUT, "key of %.*s: neither an Ed25519 key nor one for cosignatures",
                    STR_ARG(str_first(name, 80)));
    }
    memcpy(public.b, raw.at + 1, sizeof public.b);
    key = note_key_make(name, (enum note_kind)raw.at[0], &public);
    write_u32(key.id, id_bytes);
    hex_encode(id_bytes, sizeof id_bytes, id_text);
    if (!str_equal(id, str_make(id_text, sizeof id_text))) {
        return fail(why, ERR_INPUT, "key of %.*s: its id should be %08x", STR_ARG(str_first(name, 80)), key.id);
    }
    if (!key_is_acceptable(&public)) {
        return fail(why, ERR_INPUT, "key of %.*s: not a usable point", STR_ARG(str_first(name, 80)));
    }
    *ret = key;
    return OK;
}

void note_key_add(struct buf *to, const struct note_key *key)
{
    uint8_t id[4], raw[1 + sizeof key->public.b];

    write_u32(key->id, id);
    raw[0] = (uint8_t)key->kind;
    memcpy(raw + 1, key->public.b, sizeof key->public.b);
    buf_add_str(to, key->name);
    buf_add_char(to, '+');
    hex_add(to, id, sizeof id);
    buf_add_char(to, '+');
    b64_add(to, B64_STANDARD, raw, sizeof raw);
}

/* Reading. */

/* "U+2014 name base64", without LF. */
static bool parse_signature(struct str line, struct note_signature *ret)
{
    AUTO(buf_done) struct buf raw = {0};

    if (!str_starts(line, DASH)) return false;
    line = str_skip(line, DASH.n);
    ret->name = str_cut(&line, ' ');
    if (!note_name_is_valid(ret->name) || !b64_decode(B64_STANDARD, line, &raw) || raw.n < 5) return false;
    ret->id = read_u32((const uint8_t *)raw.at);
    ret->n = raw.n - 4;
    memset(ret->bytes, 0, sizeof ret->bytes);
    memcpy(ret->bytes, raw.at + 4, ret->n < sizeof ret->bytes ? ret->n : sizeof ret->bytes);
    return true;
}

/* Index of the LF that ends the text: the first of the last two in a row. bytes.n if there is none. */
static size_t find_split(struct str bytes)
{
    for (size_t i = bytes.n; i >= 2; i--) {
        if (bytes.at[i - 2] == '\n' && bytes.at[i - 1] == '\n') return i - 2;
    }
    return bytes.n;
}

enum err note_parse(struct str bytes, struct note *ret, struct why *why)
{
    size_t split = find_split(bytes);
    struct str rest = str_skip(bytes, split + 2);

    if (bytes.n > NOTE_BYTES_MAX) return fail(why, ERR_INPUT, "note: longer than %d bytes", NOTE_BYTES_MAX);
    if (split == bytes.n || split == 0) return fail(why, ERR_INPUT, "note: no text, empty line and signatures");
    if (!str_is_utf8(bytes)) return fail(why, ERR_INPUT, "note: not UTF-8");
    for (size_t i = 0; i < bytes.n; i++) {
        if ((uint8_t)bytes.at[i] < 0x20 && bytes.at[i] != '\n') {
            return fail(why, ERR_INPUT, "note: control character at byte %zu", i);
        }
    }
    if (rest.n == 0 || rest.at[rest.n - 1] != '\n') return fail(why, ERR_INPUT, "note: does not end with a signature line");
    ret->text = str_first(bytes, split + 1);
    for (ret->n_signatures = 0; rest.n > 0; ret->n_signatures++) {
        if (ret->n_signatures == NOTE_SIGNATURES_MAX) {
            return fail(why, ERR_INPUT, "note: more than %d signatures", NOTE_SIGNATURES_MAX);
        }
        if (!parse_signature(str_cut(&rest, '\n'), &ret->signatures[ret->n_signatures])) {
            return fail(why, ERR_INPUT, "note: signature line %zu is malformed", ret->n_signatures + 1);
        }
    }
    return OK;
}

/* Verifying and signing. */

/* cosignature/v1: what is signed instead of the text alone. */
static void add_cosigned(struct buf *to, struct str text, uint64_t time_s)
{
    buf_add_str(to, STR("cosignature/v1\ntime "));
    buf_add_u64(to, time_s);
    buf_add_char(to, '\n');
    buf_add_str(to, text);
}

static bool is_good(const struct note_signature *s, const struct note_key *key, struct str text, uint64_t *ret_time_s)
{
    AUTO(buf_done) struct buf message = {0};
    uint64_t time_s = 0;

    *ret_time_s = 0;
    if (key->kind == NOTE_ED25519) return s->n == 64 && key_verify(&key->public, text, s->bytes);
    if (s->n != COSIGNATURE_SIZE) return false;
    for (int i = 0; i < 8; i++) time_s = time_s << 8 | s->bytes[i];
    if (time_s > INT64_MAX) return false;
    add_cosigned(&message, text, time_s);
    *ret_time_s = time_s;
    return key_verify(&key->public, buf_str(&message), s->bytes + 8);
}

enum err note_verify(const struct note *note, const struct note_key *keys, size_t n, struct note_verdict *ret,
                     struct why *why)
{
    bool is_signed = false;

    for (size_t i = 0; i < n; i++) ret[i] = (struct note_verdict){0};
    for (size_t j = 0; j < note->n_signatures; j++) {
        const struct note_signature *s = &note->signatures[j];
        for (size_t i = 0; i < n; i++) {
            uint64_t time_s;
            if (keys[i].id != s->id || !str_equal(keys[i].name, s->name)) continue;
            if (!is_good(s, &keys[i], note->text, &time_s)) {
                return fail(why, ERR_INPUT, "note: signature %zu, of %.*s, is not good", j + 1,
                            STR_ARG(str_first(s->name, 80)));
            }
            if (!ret[i].has_signed || time_s < ret[i].time_s) ret[i].time_s = time_s;
            ret[i].has_signed = is_signed = true;
        }
    }
    return is_signed ? OK : fail(why, ERR_INPUT, "note: no signature of a known key");
}

void note_begin(struct buf *to, struct str text)
{
    must(text.n > 0 && text.at[text.n - 1] == '\n');
    buf_add_str(to, text);
    buf_add_char(to, '\n');
}

static void add_signature(struct buf *to, const struct note_key *key, const uint8_t *signature, size_t n)
{
    uint8_t raw[4 + COSIGNATURE_SIZE];

    must(note_name_is_valid(key->name) && n <= COSIGNATURE_SIZE);
    write_u32(key->id, raw);
    memcpy(raw + 4, signature, n);
    buf_add_str(to, DASH);
    buf_add_str(to, key->name);
    buf_add_char(to, ' ');
    b64_add(to, B64_STANDARD, raw, 4 + n);
    buf_add_char(to, '\n');
}

void note_sign(struct buf *to, struct str text, struct str name, const struct key_secret *key)
{
    struct note_key public = note_key_make(name, NOTE_ED25519, &key->public);
    uint8_t signature[64];

    key_sign(key, text, signature);
    add_signature(to, &public, signature, sizeof signature);
}

void note_cosign(struct buf *to, struct str text, struct str name, const struct key_secret *key, uint64_t time_s)
{
    AUTO(buf_done) struct buf message = {0};
    struct note_key public = note_key_make(name, NOTE_COSIGNATURE, &key->public);
    uint8_t signature[COSIGNATURE_SIZE];

    must(time_s <= INT64_MAX);
    add_cosigned(&message, text, time_s);
    for (int i = 0; i < 8; i++) signature[i] = (uint8_t)(time_s >> (56 - 8 * i));
    key_sign(key, buf_str(&message), signature + 8);
    add_signature(to, &public, signature, sizeof signature);
}
