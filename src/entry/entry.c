/* entry.c - COSE_Sign1 around a payload map: encoding, strict decoding, the signature.
 * SPDX-License-Identifier: Apache-2.0
 *
 *     84                          COSE_Sign1
 *        4d a2 01 27 04 48 kid8   protected: {1: -8 (EdDSA), 4: kid}
 *        a0                       unprotected: nothing
 *        59 nn nn payload
 *        58 40 signature          over ["Signature1", protected, external_aad, payload]
 *
 * external_aad is the context string, a zero byte and the log's origin.
 */
#include "entry/entry.h"

#include "base/limits.h"
#include "entry/cbor.h"
#include "entry/change_internal.h"

#define FORMAT 1
#define CONTEXT "deconfliction-line/entry/v1" /* Followed by its NUL, which separates it from the origin. */

enum member { FORMAT_ = 1, PARTICIPANT, AUTHOR, SLOT, PREVIOUS, TIME, SEEN_SIZE, SEEN_ROOT, CHANGES };

enum {
    PROTECTED_SIZE = 13,
    SIGNATURE_SIZE = 64,
    FRAME_SIZE = 1 + 1 + PROTECTED_SIZE + 1 + 3 + 2 + SIGNATURE_SIZE,
    /* All members but the participant and the changes: keys, heads of at most 9 bytes, hashes. */
    PAYLOAD_SIZE = 1 + 2 + (1 + 1 + 8) + (1 + 1 + 9 + 9) + 2 * (1 + 2 + 32) + 2 * (1 + 9) + (1 + 2),
    PARTICIPANT_HEAD = 1 + 2,
};
_Static_assert(FRAME_SIZE + PAYLOAD_SIZE + PARTICIPANT_HEAD <= ENTRY_OVERHEAD, "change_size() packs too much");

static const uint8_t PROTECTED[PROTECTED_SIZE - 8] = {0xa2, 0x01, 0x27, 0x04, 0x48};

/* ["Signature1", protected, external_aad, payload], RFC 9052 section 4.4. */
static void add_signed_bytes(struct buf *to, struct str protected, struct str origin, struct str payload)
{
    size_t mark;

    cbor_add_array(to, 4);
    cbor_add_text(to, STR("Signature1"));
    cbor_add_bytes(to, protected.at, protected.n);
    mark = cbor_begin_bytes(to);
    buf_add(to, CONTEXT, sizeof CONTEXT);
    buf_add_str(to, origin);
    cbor_end_bytes(to, mark);
    cbor_add_bytes(to, payload.at, payload.n);
}

static void add_payload(const struct entry *e, struct buf *to)
{
    must(e->n_changes >= 1 && e->n_changes <= LIMIT_ENTRY_CHANGES);
    must(e->participant.n <= LIMIT_SUB_BYTES && e->time_ms >= 0 && e->seen_size % 2 == 0);
    cbor_add_map(to, e->participant.n > 0 ? 9 : 8);
    cbor_add_key(to, FORMAT_);
    cbor_add_uint(to, FORMAT);
    if (e->participant.n > 0) {
        cbor_add_key(to, PARTICIPANT);
        cbor_add_text(to, e->participant);
    }
    cbor_add_key(to, AUTHOR);
    cbor_add_bytes(to, e->author, sizeof e->author);
    cbor_add_key(to, SLOT);
    cbor_add_array(to, 2);
    cbor_add_uint(to, e->epoch);
    cbor_add_uint(to, e->slot);
    cbor_add_key(to, PREVIOUS);
    cbor_add_bytes(to, e->previous.b, sizeof e->previous.b);
    cbor_add_key(to, TIME);
    cbor_add_int(to, e->time_ms);
    cbor_add_key(to, SEEN_SIZE);
    cbor_add_uint(to, e->seen_size);
    cbor_add_key(to, SEEN_ROOT);
    cbor_add_bytes(to, e->seen_root.b, sizeof e->seen_root.b);
    cbor_add_key(to, CHANGES);
    cbor_add_array(to, e->n_changes);
    for (size_t i = 0; i < e->n_changes; i++) change_encode(&e->changes[i], to);
}

void entry_encode(const struct entry *e, struct str origin, const struct key_secret *signer, struct buf *to)
{
    AUTO(buf_done) struct buf message = {0};
    uint8_t protected[PROTECTED_SIZE], signature[SIGNATURE_SIZE];
    size_t start = to->n, mark, n;

    memcpy(protected, PROTECTED, sizeof PROTECTED);
    memcpy(protected + sizeof PROTECTED, e->author, sizeof e->author);
    cbor_add_array(to, 4);
    cbor_add_bytes(to, protected, sizeof protected);
    cbor_add_map(to, 0);
    mark = cbor_begin_bytes(to);
    add_payload(e, to);
    must(to->n - start + 2 + SIGNATURE_SIZE <= LIMIT_ENTRY_BYTES);
    n = to->n - mark;
    cbor_end_bytes(to, mark);
    add_signed_bytes(&message, str_make(protected, sizeof protected), origin, str_make(to->at + to->n - n, n));
    key_sign(signer, buf_str(&message), signature);
    cbor_add_bytes(to, signature, sizeof signature);
}

/* Where the parts of an entry lie. */
struct frame {
    struct str protected;
    struct str payload;
    const uint8_t *signature;
};

/* Reads the frame, and the payload by payload() unless that is NULL. */
static void read_frame(struct cbor *r, struct frame *ret, void (*payload)(struct cbor *r, void *context), void *context)
{
    const uint8_t *start, *end;

    if (r->end - r->start > LIMIT_ENTRY_BYTES) cbor_bad(r, "longer than an entry may be");
    cbor_array_of(r, 4);
    ret->protected = cbor_bytes(r);
    if (ret->protected.n != PROTECTED_SIZE || memcmp(ret->protected.at, PROTECTED, sizeof PROTECTED) != 0) {
        cbor_bad(r, "protected header is not {1: -8, 4: kid}");
    }
    if (cbor_map(r) != 0) cbor_bad(r, "unprotected header is not empty");
    end = cbor_enter(r);
    start = r->at;
    if (payload && !r->problem) {
        payload(r, context);
        cbor_leave(r, end);
    } else if (!r->problem) {
        r->at = end;
    }
    ret->payload = r->problem ? (struct str){NULL, 0} : str_make(start, (size_t)(end - start));
    struct str signature = cbor_bytes(r);
    if (signature.n != SIGNATURE_SIZE) cbor_bad(r, "signature is not 64 bytes");
    ret->signature = (const uint8_t *)signature.at;
}

struct reading {
    struct arena *arena; /* NULL: the changes are passed over. */
    struct entry *entry;
};

static void read_changes(struct cbor *r, struct arena *arena, struct entry *e)
{
    size_t n = cbor_array(r);

    if (n < 1 || n > LIMIT_ENTRY_CHANGES) {
        cbor_bad(r, "no changes or too many");
        return;
    }
    e->n_changes = n;
    for (size_t i = 0; !arena && i < n && !r->problem; i++) cbor_skip(r, LIMIT_ENTRY_DEPTH - 3); /* In the frame, the payload, the list. */
    if (!arena) return;
    e->changes = arena_alloc(arena, n * sizeof *e->changes);
    for (size_t i = 0; i < n && !r->problem; i++) change_decode(r, arena, &e->changes[i]);
}

static void read_payload_member(struct cbor *r, enum member member, struct arena *arena, struct entry *e)
{
    switch (member) {
    case FORMAT_:
        if (cbor_uint(r) != FORMAT) cbor_bad(r, "unknown format of entry");
        break;
    case PARTICIPANT:
        e->participant = cbor_text(r, LIMIT_SUB_BYTES, "participant too long");
        if (e->participant.n == 0) cbor_bad(r, "empty participant");
        break;
    case AUTHOR: cbor_bytes_of(r, sizeof e->author, e->author); break;
    case SLOT:
        cbor_array_of(r, 2);
        e->epoch = cbor_uint(r);
        e->slot = cbor_uint(r);
        break;
    case PREVIOUS: cbor_bytes_of(r, sizeof e->previous.b, e->previous.b); break;
    case TIME: e->time_ms = (int64_t)cbor_uint_below(r, (uint64_t)INT64_MAX + 1, "time too late"); break;
    case SEEN_SIZE:
        e->seen_size = cbor_uint(r);
        if (e->seen_size % 2 != 0) cbor_bad(r, "seen size is odd");
        break;
    case SEEN_ROOT: cbor_bytes_of(r, sizeof e->seen_root.b, e->seen_root.b); break;
    case CHANGES: read_changes(r, arena, e); break;
    default: cbor_bad(r, "unknown member of the entry"); break;
    }
}

static void read_payload(struct cbor *r, void *context)
{
    const unsigned all = (1U << (CHANGES + 1)) - (1U << FORMAT_), optional = 1U << PARTICIPANT;
    struct reading *reading = context;
    unsigned last = CBOR_FIRST_KEY, has = 0;

    for (size_t n = cbor_map(r); n > 0 && !r->problem; n--) {
        unsigned member = cbor_key(r, &last);
        if (r->problem) return;
        has |= 1U << member;
        read_payload_member(r, member, reading->arena, reading->entry);
    }
    if ((has | optional) != all) cbor_bad(r, "entry lacks a member");
}

static enum err decode(struct str bytes, struct arena *arena, struct entry *ret, struct why *why)
{
    struct entry e = {0};
    struct reading reading = {arena, &e};
    struct cbor r = cbor_open(bytes);
    struct frame frame;

    read_frame(&r, &frame, read_payload, &reading);
    if (!r.problem && memcmp(frame.protected.at + sizeof PROTECTED, e.author, sizeof e.author) != 0) {
        cbor_bad(&r, "kid and author differ");
    }
    TRY(cbor_end(&r, why));
    memcpy(e.signature, frame.signature, sizeof e.signature);
    *ret = e;
    return OK;
}

enum err entry_decode(struct str bytes, struct arena *arena, struct entry *ret, struct why *why)
{
    return decode(bytes, arena, ret, why);
}

enum err entry_decode_head(struct str bytes, struct entry *ret, struct why *why)
{
    return decode(bytes, NULL, ret, why);
}

bool entry_verify(struct str bytes, struct str origin, const struct key_public *key)
{
    AUTO(buf_done) struct buf message = {0};
    struct cbor r = cbor_open(bytes);
    struct frame frame;

    read_frame(&r, &frame, NULL, NULL);
    if (cbor_end(&r, NULL) != OK) return false;
    add_signed_bytes(&message, frame.protected, origin, frame.payload);
    return key_verify(key, buf_str(&message), frame.signature);
}
