/* outcome.c - reasons and the outcome leaf (docs/formats.md, Outcome).
 * SPDX-License-Identifier: Apache-2.0
 */
#include "state/outcome.h"

#include "entry/cbor.h"

#define GUARD_CONTEXT "deconfliction-line/outcome/v1"

static const struct {
    enum reason reason;
    enum err err;
    const char *name, *text;
} reasons[] = {
#define X(name, number, err, text) {name, err, #name, text},
    REASON_TABLE(X)
#undef X
};

static size_t row_of(enum reason r)
{
    size_t i = 0;

    while (i < sizeof reasons / sizeof *reasons && reasons[i].reason != r) i++;
    must(i < sizeof reasons / sizeof *reasons);
    return i;
}

const char *reason_text(enum reason r)
{
    return reasons[row_of(r)].text;
}

const char *reason_name(enum reason r)
{
    return reasons[row_of(r)].name;
}

enum err reason_err(enum reason r)
{
    return reasons[row_of(r)].err;
}

struct hash outcome_guard(struct str entry_bytes)
{
    struct hasher h;

    hasher_init(&h);
    hasher_add(&h, GUARD_CONTEXT, sizeof GUARD_CONTEXT); /* With the 00 at its end. */
    hasher_add(&h, entry_bytes.at, entry_bytes.n);
    return hasher_end(&h);
}

static struct hash hash_of_ids(const struct id *ids, size_t n)
{
    struct hasher h;
    uint8_t bytes[16];

    hasher_init(&h);
    for (size_t i = 0; i < n; i++) {
        id_to_bytes(ids[i], bytes);
        hasher_add(&h, bytes, sizeof bytes);
    }
    return hasher_end(&h);
}

#define NOTICE_BYTES 20

static struct hash hash_of_notices(const struct notice *notices, size_t n)
{
    uint8_t bytes[64 * NOTICE_BYTES];
    size_t used = 0;
    struct hasher h;

    hasher_init(&h);
    for (size_t i = 0; i < n; i++) {
        uint32_t index = (uint32_t)notices[i].index;
        id_to_bytes(notices[i].subscription, bytes + used);
        for (int k = 0; k < 4; k++) bytes[used + 16 + k] = (uint8_t)(index >> (24 - 8 * k));
        used += NOTICE_BYTES;
        if (used == sizeof bytes || i + 1 == n) {
            hasher_add(&h, bytes, used);
            used = 0;
        }
    }
    return hasher_end(&h);
}

static void add_element(const struct outcome *o, struct buf *to)
{
    struct hash h;

    switch (o->reason) {
    case REASON_ACCEPTED:
        h = hash_of_notices(o->notices, o->n_notices);
        cbor_add_array(to, 5);
        cbor_add_uint(to, REASON_ACCEPTED);
        cbor_add_uint(to, (uint64_t)o->version);
        cbor_add_digest(to, o->token_digest);
        cbor_add_uint(to, o->n_notices);
        cbor_add_bytes(to, h.b, 16);
        break;
    case REASON_KEY:
        h = hash_of_ids(o->conflicts, o->n_conflict_intents + o->n_conflict_constraints);
        cbor_add_array(to, 4);
        cbor_add_uint(to, REASON_KEY);
        cbor_add_uint(to, o->n_conflict_intents);
        cbor_add_uint(to, o->n_conflict_constraints);
        cbor_add_bytes(to, h.b, 16);
        break;
    default:
        cbor_add_array(to, 1);
        cbor_add_uint(to, (uint64_t)o->reason);
    }
}

void outcome_encode(const struct hash *entry_guard, const struct outcome *outcomes, size_t n,
                    struct buf *to)
{
    cbor_add_array(to, 2);
    cbor_add_bytes(to, entry_guard->b, 16);
    cbor_add_array(to, n);
    for (size_t i = 0; i < n; i++) add_element(&outcomes[i], to);
}

struct outcome outcome_copy(const struct outcome *o, struct arena *arena)
{
    struct outcome copy = *o;
    size_t n_conflicts = o->n_conflict_intents + o->n_conflict_constraints;
    struct notice *notices = arena_array(arena, o->n_notices, sizeof *notices);
    struct id *conflicts = arena_array(arena, n_conflicts, sizeof *conflicts);

    for (size_t i = 0; i < o->n_notices; i++) {
        notices[i] = o->notices[i];
        notices[i].url = arena_dup(arena, o->notices[i].url);
    }
    if (n_conflicts) memcpy(conflicts, o->conflicts, n_conflicts * sizeof *conflicts);
    copy.notices = notices;
    copy.conflicts = conflicts;
    return copy;
}
