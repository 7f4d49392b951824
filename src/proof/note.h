/* note.h - signed notes (c2sp.org/signed-note v1.0.0) and the keys that sign them.
 * SPDX-License-Identifier: Apache-2.0
 *
 *     text, one or more lines, each ending in LF      what is signed
 *     <empty line>
 *     U+2014 space name space base64(id[4] signature) LF, 1 to NOTE_SIGNATURES_MAX times
 *
 * Two kinds of key are known: Ed25519 (01) signs the text, cosignature/v1 (04) a time and the text. Signatures of unknown
 * keys are passed over; a known key whose signature is not good spoils the note.
 *
 * Stricter than the specification where it leaves room: base64 must have its padding and no spare bits, the text no control
 * characters besides LF, and size and number are limited.
 */
#ifndef PROOF_NOTE_H
#define PROOF_NOTE_H

#include "base/buf.h"
#include "base/err.h"
#include "proof/key.h"

#define NOTE_BYTES_MAX 65536
#define NOTE_SIGNATURES_MAX 100
#define NOTE_NAME_MAX 256

enum note_kind { NOTE_ED25519 = 0x01, NOTE_COSIGNATURE = 0x04 };

struct note_key {
    struct str name; /* Borrowed. */
    enum note_kind kind;
    struct key_public public;
    uint32_t id; /* First four bytes of SHA-256(name || LF || kind || public), big-endian. */
};

/* Not empty, UTF-8, no '+', no Unicode space, no control characters, at most NOTE_NAME_MAX bytes. */
bool note_name_is_valid(struct str name);

struct note_key note_key_make(struct str name, enum note_kind kind, const struct key_public *public);

/* "name+<8 hex digits>+<base64 of kind and key>". ERR_INPUT for another form or kind, an id that does not belong to the key,
 * a key that key_is_acceptable() refuses. ret->name is borrowed from text. */
CHECKED enum err note_key_parse(struct str text, struct note_key *ret, struct why *why);
void note_key_add(struct buf *to, const struct note_key *key);

struct note_signature {
    struct str name;
    uint32_t id;
    uint8_t bytes[72]; /* Of longer signatures (unknown kinds) the first 72. */
    size_t n;          /* Its whole length. */
};

struct note {
    struct str text; /* With its last LF. */
    size_t n_signatures;
    struct note_signature signatures[NOTE_SIGNATURES_MAX];
};

/* 11 KB: mind the stack. Borrows from bytes. ERR_INPUT names the line and what is wrong. */
CHECKED enum err note_parse(struct str bytes, struct note *ret, struct why *why);

/* What a note says of one known key. */
struct note_verdict {
    bool has_signed;
    uint64_t time_s; /* Of a cosignature; the earliest if it cosigned more than once. */
};

/* ret[i] for keys[i]. ERR_INPUT if any signature under the name and id of a known key is not good, or none of them all is there.
 * About 120 us a known signature. */
CHECKED enum err note_verify(const struct note *note, const struct note_key *keys, size_t n, struct note_verdict *ret,
                             struct why *why);

/* Appends text, which must end in LF, and the empty line: signature lines follow. */
void note_begin(struct buf *to, struct str text);

/* Appends one signature line over text. must(note_name_is_valid(name)). time_s below 2^63. */
void note_sign(struct buf *to, struct str text, struct str name, const struct key_secret *key);
void note_cosign(struct buf *to, struct str text, struct str name, const struct key_secret *key, uint64_t time_s);

#endif
