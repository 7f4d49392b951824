/* head.h - one tree head and the signatures gathered under it.
 * SPDX-License-Identifier: Apache-2.0
 *
 *     size, root      node 0          node 1          node 2
 *                     log   mirror    log   -         -     -
 *                     `-- signed --'  `- not yet -'
 *
 * A node has signed a head when both its lines are there: the log key's (this is the tree I read back) and the mirror
 * key's cosignature (I hold it durably, at this time). A member has when one of its nodes has; it counts once.
 *
 * As a note, the lines of the node that proposed the head stand first: that order, which nobody signs, tells whose turn it was. The
 * others follow by seat, one node of each member before any second one, up to NOTE_SIGNATURES_MAX lines. Lines of keys that
 * belong to no node are passed over on reading.
 */
#ifndef NODE_HEAD_H
#define NODE_HEAD_H

#include "base/buf.h"
#include "node/seats.h"
#include "proof/checkpoint.h"

#define HEAD_NOBODY SIZE_MAX

struct head_lines {
    bool has_log, has_mirror;
    uint8_t log[64];
    uint8_t mirror[72]; /* Seconds, 8 bytes big-endian, and signature. */
};

/* 9 KB: mind the stack. */
struct head {
    uint64_t size;
    struct hash root;
    size_t first; /* The node whose log line stands first, or HEAD_NOBODY. */
    struct head_lines of[SEATS_NODES_MAX];
};

/* Size and root of a note of this origin, nothing verified. ERR_INPUT also for a size that is odd or zero: nobody signs those. */
CHECKED enum err head_peek(const struct seats *r, struct str note, uint64_t *ret_size, struct hash *ret_root, struct why *why);

/* Reads a note and verifies its lines. ERR_INPUT if head_peek() says so, a line of a known key is not good, or none is there. Lines that
 * known, which may be NULL, has for the same head are not verified again. Of two cosignatures of one key the earlier is kept. About
 * 120 us a line that is new. */
CHECKED enum err head_read(const struct seats *r, struct str note, const struct head *known, struct head *ret,
                           struct why *why);

/* The same for signature lines without the text, of this size and root. No lines at all are fine. */
CHECKED enum err head_read_lines(const struct seats *r, uint64_t size, const struct hash *root, struct str lines,
                                 const struct head *known, struct head *ret, struct why *why);

/* Adds what from, of the same size and root, has more; true if that was anything. An earlier cosignature replaces a later one. */
bool head_merge(struct head *to, const struct head *from);

static inline bool head_is_same(const struct head *h, uint64_t size, const struct hash *root)
{
    return h->size == size && hash_equal(&h->root, root);
}

static inline bool head_has_signed(const struct head *h, size_t node) /* Both lines. */
{
    return h->of[node].has_log && h->of[node].has_mirror;
}

static inline bool head_has_line(const struct head *h, size_t node) /* Either. */
{
    return h->of[node].has_log || h->of[node].has_mirror;
}

uint64_t head_time_s(const struct head_lines *l); /* Of the cosignature; 0 if there is none. */

/* Members that have signed; those for which is_out[seat] is set do not count. is_out may be NULL. */
unsigned head_count(const struct seats *r, const struct head *h, const bool *is_out);

/* Appends the signature lines; or the whole note, must(there is a line). */
void head_add_lines(const struct seats *r, const struct head *h, struct buf *to);
void head_add_note(const struct seats *r, const struct head *h, struct buf *to);

/* Appends the note that node self makes of its own tree: text and its two lines. This is the one place where a head is signed: the
 * caller has read the tree back, and swaps the note into its store of heads before anybody sees it (invariant I6). */
void head_sign(const struct seats *r, size_t self, uint64_t size, const struct hash *root, uint64_t time_s,
               const struct key_secret *log, const struct key_secret *mirror, struct buf *to);

#endif
