/* cbor.c - the one deterministic form of CBOR (RFC 8949) that entries, outcomes and genesis have.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A head is 3 bits of major type and 5 bits: the value itself below 24, or 24..27 for one, two, four or eight bytes behind,
 * big-endian, that must not have fitted in fewer.
 */
#include "entry/cbor.h"

#include "base/limits.h"

enum major { UINT = 0, NEGATIVE = 1, BYTES = 2, TEXT = 3, ARRAY = 4, MAP = 5, SIMPLE = 7 };

enum { FALSE = 0xf4, TRUE = 0xf5, NIL = 0xf6 };

/* Writing. */

static void add_head(struct buf *b, enum major major, uint64_t value)
{
    uint8_t *at = (uint8_t *)buf_reserve(b, 9);
    unsigned n = value < 24 ? 0 : value <= UINT8_MAX ? 1 : value <= UINT16_MAX ? 2 : value <= UINT32_MAX ? 4 : 8;
    static const uint8_t SHORT[9] = {[1] = 24, [2] = 25, [4] = 26, [8] = 27};

    at[0] = (uint8_t)(major << 5 | (n ? SHORT[n] : value));
    for (unsigned i = n; i > 0; i--, value >>= 8) at[i] = (uint8_t)value;
    b->n += 1 + n;
}

void cbor_add_uint(struct buf *b, uint64_t value)
{
    add_head(b, UINT, value);
}

void cbor_add_int(struct buf *b, int64_t value)
{
    add_head(b, value < 0 ? NEGATIVE : UINT, value < 0 ? ~(uint64_t)value : (uint64_t)value);
}

void cbor_add_bytes(struct buf *b, const void *at, size_t n)
{
    add_head(b, BYTES, n);
    buf_add(b, at, n);
}

void cbor_add_text(struct buf *b, struct str text)
{
    must(str_is_utf8(text));
    add_head(b, TEXT, text.n);
    buf_add_str(b, text);
}

void cbor_add_array(struct buf *b, size_t n)
{
    add_head(b, ARRAY, n);
}

void cbor_add_map(struct buf *b, size_t n)
{
    add_head(b, MAP, n);
}

void cbor_add_key(struct buf *b, unsigned key)
{
    must(key < 24);
    buf_add_char(b, (char)key);
}

void cbor_add_bool(struct buf *b, bool value)
{
    buf_add_char(b, (char)(value ? TRUE : FALSE));
}

void cbor_add_null(struct buf *b)
{
    buf_add_char(b, (char)NIL);
}

void cbor_add_id(struct buf *b, struct id id)
{
    uint8_t bytes[16];
    id_to_bytes(id, bytes);
    cbor_add_bytes(b, bytes, sizeof bytes);
}

void cbor_add_digest(struct buf *b, uint64_t digest)
{
    uint8_t bytes[8];
    for (int i = 7; i >= 0; i--, digest >>= 8) bytes[i] = (uint8_t)digest;
    cbor_add_bytes(b, bytes, sizeof bytes);
}

enum { HEAD_MAX = 3 }; /* Of a byte string of at most 65535. */

size_t cbor_begin_bytes(struct buf *b)
{
    (void)buf_reserve(b, HEAD_MAX);
    b->n += HEAD_MAX;
    return b->n;
}

void cbor_end_bytes(struct buf *b, size_t mark)
{
    size_t n = b->n - mark;
    size_t head = n < 24 ? 1 : n <= UINT8_MAX ? 2 : HEAD_MAX;

    must(mark >= HEAD_MAX && n <= UINT16_MAX);
    if (head != HEAD_MAX) memmove(b->at + mark - HEAD_MAX + head, b->at + mark, n);
    b->n = mark - HEAD_MAX;
    add_head(b, BYTES, n);
    b->n += n;
}

/* Reading. */

struct cbor cbor_open(struct str bytes)
{
    const uint8_t *start = (const uint8_t *)(bytes.n > 0 ? bytes.at : "");
    return (struct cbor){.start = start, .at = start, .end = start + bytes.n};
}

void cbor_bad(struct cbor *r, const char *problem)
{
    if (r->problem) return;
    r->problem = problem;
    r->problem_at = (size_t)(r->at - r->start);
    r->at = r->end; /* Nothing more to be read. */
}

static bool is_next(const struct cbor *r, enum major major)
{
    return r->at < r->end && *r->at >> 5 == major;
}

/* The value in the next head, which must be of this major type; 0 after a problem. */
static uint64_t read_head(struct cbor *r, enum major major, const char *problem)
{
    unsigned low;
    size_t n;
    uint64_t value = 0;

    if (!is_next(r, major)) {
        cbor_bad(r, r->at == r->end ? "ends too early" : problem);
        return 0;
    }
    if (++r->n_items > LIMIT_ENTRY_ITEMS) {
        cbor_bad(r, "too many items");
        return 0;
    }
    low = *r->at & 31;
    if (low < 24) {
        r->at++;
        return low;
    }
    if (low > 27) {
        cbor_bad(r, "indefinite or reserved length");
        return 0;
    }
    n = (size_t)1 << (low - 24);
    if ((size_t)(r->end - r->at) <= n) {
        cbor_bad(r, "ends too early");
        return 0;
    }
    for (size_t i = 1; i <= n; i++) value = value << 8 | r->at[i];
    if (value < 24 || (n > 1 && value >> 4 * n == 0)) {
        cbor_bad(r, "not the shortest form");
        return 0;
    }
    r->at += 1 + n;
    return value;
}

uint64_t cbor_uint(struct cbor *r)
{
    return read_head(r, UINT, "not an unsigned integer");
}

uint64_t cbor_uint_below(struct cbor *r, uint64_t limit, const char *problem)
{
    const uint8_t *at = r->at;
    uint64_t value = read_head(r, UINT, "not an unsigned integer");

    if (value < limit) return value;
    r->at = at;
    cbor_bad(r, problem);
    return 0;
}

int64_t cbor_int(struct cbor *r)
{
    const uint8_t *at = r->at;
    bool is_negative = is_next(r, NEGATIVE);
    uint64_t value = read_head(r, is_negative ? NEGATIVE : UINT, "not an integer");

    if (value <= INT64_MAX) return is_negative ? (int64_t)~value : (int64_t)value;
    r->at = at;
    cbor_bad(r, "integer beyond 64 bits with sign");
    return 0;
}

static struct str read_string(struct cbor *r, enum major major, const char *problem)
{
    uint64_t n = read_head(r, major, problem);
    struct str s;

    if (n > (size_t)(r->end - r->at)) {
        cbor_bad(r, "ends too early");
        n = 0;
    }
    s = str_make(r->at, (size_t)n);
    r->at += n;
    return s;
}

struct str cbor_bytes(struct cbor *r)
{
    return read_string(r, BYTES, "not a byte string");
}

void cbor_bytes_of(struct cbor *r, size_t n, void *ret)
{
    struct str s = cbor_bytes(r);

    if (s.n != n) {
        cbor_bad(r, "byte string of another length");
        memset(ret, 0, n);
        return;
    }
    memcpy(ret, s.at, n);
}

struct str cbor_text(struct cbor *r, size_t n_max, const char *problem)
{
    struct str s = read_string(r, TEXT, "not a text");

    if (s.n > n_max) {
        cbor_bad(r, problem);
    } else if (!str_is_utf8(s)) {
        cbor_bad(r, "text is not UTF-8");
    }
    return r->problem ? (struct str){NULL, 0} : s;
}

static size_t read_count(struct cbor *r, enum major major, const char *problem)
{
    uint64_t n = read_head(r, major, problem);

    if (n <= (size_t)(r->end - r->at)) return (size_t)n;
    cbor_bad(r, "ends too early");
    return 0;
}

size_t cbor_array(struct cbor *r)
{
    return read_count(r, ARRAY, "not an array");
}

void cbor_array_of(struct cbor *r, size_t n)
{
    if (cbor_array(r) != n) cbor_bad(r, "array of another length");
}

size_t cbor_map(struct cbor *r)
{
    return read_count(r, MAP, "not a map");
}

unsigned cbor_key(struct cbor *r, unsigned *last)
{
    const uint8_t *at = r->at;
    uint64_t key = read_head(r, UINT, "map key is not an unsigned integer");

    if (!r->problem && (key > 23 || (*last != CBOR_FIRST_KEY && key <= *last))) {
        r->at = at;
        cbor_bad(r, key > 23 ? "map key above 23" : "map keys not ascending");
    }
    if (r->problem) return CBOR_FIRST_KEY;
    return *last = (unsigned)key;
}

bool cbor_bool(struct cbor *r)
{
    uint8_t byte = r->at < r->end ? *r->at : 0;

    if (byte != FALSE && byte != TRUE) {
        cbor_bad(r, "neither true nor false");
        return false;
    }
    (void)read_head(r, SIMPLE, "");
    return byte == TRUE && !r->problem;
}

bool cbor_null(struct cbor *r)
{
    if (r->at == r->end || *r->at != NIL) return false;
    (void)read_head(r, SIMPLE, "");
    return !r->problem;
}

bool cbor_is_text_next(const struct cbor *r)
{
    return is_next(r, TEXT);
}

bool cbor_is_bytes_next(const struct cbor *r)
{
    return is_next(r, BYTES);
}

bool cbor_is_array_next(const struct cbor *r)
{
    return is_next(r, ARRAY);
}

struct id cbor_id(struct cbor *r)
{
    uint8_t bytes[16];
    cbor_bytes_of(r, sizeof bytes, bytes);
    return id_from_bytes(bytes);
}

uint64_t cbor_digest(struct cbor *r)
{
    uint8_t bytes[8];
    uint64_t digest = 0;
    cbor_bytes_of(r, sizeof bytes, bytes);
    for (int i = 0; i < 8; i++) digest = digest << 8 | bytes[i];
    return digest;
}

void cbor_skip(struct cbor *r, unsigned depth)
{
    unsigned last = CBOR_FIRST_KEY;
    bool is_map = is_next(r, MAP), is_array = is_next(r, ARRAY);

    if (is_next(r, UINT)) {
        (void)cbor_uint(r);
    } else if (is_next(r, NEGATIVE)) {
        (void)cbor_int(r);
    } else if (is_next(r, BYTES)) {
        (void)cbor_bytes(r);
    } else if (is_next(r, TEXT)) {
        (void)cbor_text(r, SIZE_MAX, "");
    } else if (!is_map && !is_array) {
        if (!cbor_null(r)) (void)cbor_bool(r);
    } else if (depth == 0) {
        cbor_bad(r, "nested too deep");
    } else {
        for (size_t n = is_map ? cbor_map(r) : cbor_array(r); n > 0 && !r->problem; n--) {
            if (is_map) (void)cbor_key(r, &last);
            cbor_skip(r, depth - 1);
        }
    }
}

const uint8_t *cbor_enter(struct cbor *r)
{
    uint64_t n = read_head(r, BYTES, "not a byte string");

    if (n > (size_t)(r->end - r->at)) {
        cbor_bad(r, "ends too early");
        n = 0;
    }
    return r->at + n;
}

void cbor_leave(struct cbor *r, const uint8_t *end)
{
    if (r->at != end) cbor_bad(r, "byte string does not end with its items");
}

enum err cbor_end(struct cbor *r, struct why *why)
{
    if (r->at != r->end) cbor_bad(r, "bytes are left over");
    return r->problem ? fail(why, ERR_CORRUPT, "byte %zu: %s", r->problem_at, r->problem) : OK;
}
