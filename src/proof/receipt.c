/* receipt.c - proof that a leaf stands in a signed tree (c2sp.org/tlog-proof@v1).
 * SPDX-License-Identifier: Apache-2.0
 */
#include "proof/receipt.h"

#include "base/b64.h"
#include "base/mem.h"

static const struct str TITLE = {"c2sp.org/tlog-proof@v1", 22};
static const struct str EXTRA = {"extra ", 6};
static const struct str INDEX = {"index ", 6};

void receipt_add(struct buf *to, const struct receipt *r)
{
    buf_add_str(to, TITLE);
    buf_add_char(to, '\n');
    if (r->has_extra) {
        buf_add_str(to, EXTRA);
        b64_add(to, B64_STANDARD, r->extra.at, r->extra.n);
        buf_add_char(to, '\n');
    }
    buf_add_str(to, INDEX);
    buf_add_u64(to, r->index);
    buf_add_char(to, '\n');
    for (unsigned i = 0; i < r->proof.n; i++) {
        b64_add(to, B64_STANDARD, r->proof.at[i].b, sizeof r->proof.at[i].b);
        buf_add_char(to, '\n');
    }
    buf_add_char(to, '\n');
    buf_add_str(to, r->note);
}

/* The lines of hashes, up to and with the empty line. */
static enum err parse_proof(struct str *rest, struct merkle_proof *ret, struct why *why)
{
    AUTO(buf_done) struct buf hash = {0};

    for (ret->n = 0;; ret->n++) {
        struct str line;
        if (rest->n == 0) return fail(why, ERR_INPUT, "receipt: no empty line before the checkpoint");
        line = str_cut(rest, '\n');
        if (line.n == 0) return OK;
        buf_clear(&hash);
        if (ret->n == MERKLE_PROOF_MAX) return fail(why, ERR_INPUT, "receipt: more than %d hashes", MERKLE_PROOF_MAX);
        if (!b64_decode(B64_STANDARD, line, &hash) || hash.n != sizeof ret->at[0].b) {
            return fail(why, ERR_INPUT, "receipt: hash %u is not base64 of 32 bytes", ret->n + 1);
        }
        memcpy(ret->at[ret->n].b, hash.at, hash.n);
    }
}

enum err receipt_parse(struct str text, struct buf *extra_bytes, struct receipt *ret, struct why *why)
{
    struct receipt r = {0};
    struct str rest = text, line;
    size_t before = extra_bytes->n;

    if (text.n > RECEIPT_BYTES_MAX) return fail(why, ERR_INPUT, "receipt: longer than %d bytes", RECEIPT_BYTES_MAX);
    if (!str_equal(str_cut(&rest, '\n'), TITLE)) return fail(why, ERR_INPUT, "receipt: the first line is not c2sp.org/tlog-proof@v1");
    line = str_cut(&rest, '\n');
    if (str_starts(line, EXTRA)) {
        r.has_extra = true;
        if (!b64_decode(B64_STANDARD, str_skip(line, EXTRA.n), extra_bytes)) {
            return fail(why, ERR_INPUT, "receipt: extra is not base64");
        }
        line = str_cut(&rest, '\n');
    }
    if (!str_starts(line, INDEX) || !str_to_u64(str_skip(line, INDEX.n), MERKLE_SIZE_MAX, &r.index)) {
        return fail(why, ERR_INPUT, "receipt: no index");
    }
    TRY(parse_proof(&rest, &r.proof, why));
    r.note = rest;
    if (r.has_extra) r.extra = str_make(extra_bytes->at + before, extra_bytes->n - before);
    *ret = r;
    return OK;
}

/* One of the first n_logs keys has signed, and bears the checkpoint's origin as its name. */
static bool is_signed_by_log(const struct note_key *keys, size_t n_logs, const struct note_verdict *verdicts, struct str origin)
{
    for (size_t i = 0; i < n_logs; i++) {
        if (verdicts[i].has_signed && keys[i].kind == NOTE_ED25519 && str_equal(keys[i].name, origin)) return true;
    }
    return false;
}

enum err receipt_verify(const struct receipt *r, struct str leaf, const struct note_key *keys, size_t n, size_t n_logs,
                        struct note_verdict *ret_verdicts, struct checkpoint *ret_checkpoint, struct why *why)
{
    AUTO(mem_auto) struct note *note = mem_alloc(sizeof *note);
    struct checkpoint checkpoint;
    struct hash hash = hash_leaf(leaf);

    must(n_logs <= n);
    TRY(note_parse(r->note, note, why));
    TRY(checkpoint_parse(note->text, &checkpoint, why));
    TRY(note_verify(note, keys, n, ret_verdicts, why));
    if (!is_signed_by_log(keys, n_logs, ret_verdicts, checkpoint.origin)) {
        return fail(why, ERR_INPUT, "receipt: the checkpoint bears no signature of a known key of its log");
    }
    if (!merkle_verify_inclusion(r->index, checkpoint.size, &hash, r->proof.at, r->proof.n, &checkpoint.root)) {
        return fail(why, ERR_INPUT, "receipt: the path does not lead from the leaf to the checkpoint's root");
    }
    *ret_checkpoint = checkpoint;
    return OK;
}

bool receipt_has_outcome(const struct receipt *r, struct str outcome)
{
    struct hash hash = hash_leaf(outcome);
    return r->index % 2 == 0 && r->proof.n > 0 && hash_equal(&hash, &r->proof.at[0]);
}
