/* slots.c - the keys of authors' slots in etcd.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "journal/slots.h"

#include "base/hex.h"

#define AUTHOR_DIGITS 16
#define SLOT_DIGITS 16

void slots_init(struct slots *s, const struct hash *genesis, uint64_t epoch)
{
    *s = (struct slots){0};
    hex_add(&s->prefix, genesis->b, sizeof genesis->b);
    buf_addf(&s->prefix, "/%llu/e/", (unsigned long long)epoch);
}

void slots_done(struct slots *s)
{
    if (s) buf_done(&s->prefix);
}

/* Prefix, author, separator; room for a slot's digits after it. */
static char *start(const struct slots *s, const uint8_t author[8], char separator, struct arena *arena)
{
    char *at = arena_alloc(arena, s->prefix.n + AUTHOR_DIGITS + 1 + SLOT_DIGITS);

    memcpy(at, s->prefix.at, s->prefix.n);
    hex_encode(author, 8, at + s->prefix.n);
    at[s->prefix.n + AUTHOR_DIGITS] = separator;
    return at;
}

struct str slots_key(const struct slots *s, const uint8_t author[8], uint64_t slot, struct arena *arena)
{
    char *at = start(s, author, '/', arena);
    uint8_t bytes[8];

    for (int i = 7; i >= 0; i--, slot >>= 8) bytes[i] = (uint8_t)slot;
    hex_encode(bytes, sizeof bytes, at + s->prefix.n + AUTHOR_DIGITS + 1);
    return str_make(at, s->prefix.n + AUTHOR_DIGITS + 1 + SLOT_DIGITS);
}

struct str slots_end(const struct slots *s, const uint8_t author[8], struct arena *arena)
{
    return str_make(start(s, author, '/' + 1, arena), s->prefix.n + AUTHOR_DIGITS + 1);
}

bool slots_parse(const struct slots *s, const uint8_t author[8], struct str key, uint64_t *ret_slot)
{
    char digits[AUTHOR_DIGITS + 1];
    uint64_t slot = 0;
    size_t n = s->prefix.n + sizeof digits;

    if (key.n != n + SLOT_DIGITS || !str_starts(key, buf_str(&s->prefix))) return false;
    hex_encode(author, 8, digits);
    digits[AUTHOR_DIGITS] = '/';
    if (memcmp(key.at + s->prefix.n, digits, sizeof digits) != 0) return false;
    for (size_t i = n; i < key.n; i++) {
        char c = key.at[i];
        if (!(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'f')) return false;
        slot = slot << 4 | (uint64_t)hex_digit(c);
    }
    *ret_slot = slot;
    return true;
}
