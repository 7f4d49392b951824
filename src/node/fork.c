/* fork.c - heads that contradict each other: comparing, the proof file, and what a divided node may do.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "node/fork.h"

#include "base/b64.h"
#include "base/mem.h"

static const struct str HEADER = {"deconfliction-line/fork-proof/v1", 32};

/* By fork_kind. */
static const struct str KINDS[] = {{"", 0}, {"equal", 5}, {"prefix", 6}, {"rollback", 8}};

enum fork_relation fork_compare(const struct checkpoint *a, const struct checkpoint *b, const struct hash *root_at,
                                const struct merkle_proof *proof)
{
    const struct checkpoint *small = a->size <= b->size ? a : b, *large = small == a ? b : a;

    if (small->size == large->size) return hash_equal(&a->root, &b->root) ? FORK_CONSISTENT : FORK_CONTRADICTORY;
    if (small->size == 0) return FORK_CONSISTENT;
    if (!merkle_verify_consistency(small->size, large->size, root_at, &large->root, proof->at, proof->n)) return FORK_UNKNOWN;
    return hash_equal(root_at, &small->root) ? FORK_CONSISTENT : FORK_CONTRADICTORY;
}

/* The file. */

static void add_hash(struct buf *to, const struct hash *h)
{
    b64_add(to, B64_STANDARD, h->b, sizeof h->b);
    buf_add_char(to, '\n');
}

static void add_note(struct buf *to, struct str note)
{
    buf_add_str(to, STR("note "));
    buf_add_u64(to, note.n);
    buf_add_char(to, '\n');
    buf_add_str(to, note);
}

void fork_proof_add(struct buf *to, const struct fork_proof *p)
{
    buf_add_str(to, HEADER);
    buf_add_char(to, '\n');
    buf_add_str(to, KINDS[p->kind]);
    buf_add_char(to, '\n');
    if (p->kind == FORK_PREFIX) {
        add_hash(to, &p->root_at);
        for (unsigned i = 0; i < p->proof.n; i++) add_hash(to, &p->proof.at[i]);
    }
    buf_add_char(to, '\n');
    add_note(to, p->smaller);
    add_note(to, p->larger);
}

static bool parse_hash(struct str line, struct hash *ret)
{
    AUTO(buf_done) struct buf raw = {0};

    if (line.n != 44 || !b64_decode(B64_STANDARD, line, &raw) || raw.n != sizeof ret->b) return false;
    memcpy(ret->b, raw.at, sizeof ret->b);
    return true;
}

/* "note <bytes>" and as many bytes. */
static enum err parse_note(struct str *rest, struct str *ret, struct why *why)
{
    struct str line = str_cut(rest, '\n'), word = str_cut(&line, ' ');
    uint64_t n;

    if (!str_equal(word, STR("note")) || !str_to_u64(line, NOTE_BYTES_MAX, &n) || n == 0 || n > rest->n) {
        return fail(why, ERR_INPUT, "fork proof: no line \"note <bytes>\" with as many bytes behind it");
    }
    *ret = str_first(*rest, n);
    *rest = str_skip(*rest, n);
    return OK;
}

enum err fork_proof_parse(struct str file, struct fork_proof *ret, struct why *why)
{
    struct fork_proof p = {0};
    struct str rest = file, line;

    if (file.n > FORK_PROOF_MAX) return fail(why, ERR_INPUT, "fork proof: longer than %d bytes", FORK_PROOF_MAX);
    if (!str_equal(str_cut(&rest, '\n'), HEADER)) return fail(why, ERR_INPUT, "fork proof: another first line");
    line = str_cut(&rest, '\n');
    for (unsigned k = FORK_EQUAL; k <= FORK_ROLLBACK; k++) {
        if (str_equal(line, KINDS[k])) p.kind = (enum fork_kind)k;
    }
    if (p.kind == 0) return fail(why, ERR_INPUT, "fork proof: neither equal, prefix nor rollback");
    line = str_cut(&rest, '\n');
    if (p.kind == FORK_PREFIX) {
        if (!parse_hash(line, &p.root_at)) return fail(why, ERR_INPUT, "fork proof: no root of the larger tree");
        for (line = str_cut(&rest, '\n'); line.n > 0; line = str_cut(&rest, '\n')) {
            if (p.proof.n == MERKLE_PROOF_MAX || !parse_hash(line, &p.proof.at[p.proof.n])) {
                return fail(why, ERR_INPUT, "fork proof: line %u of the consistency proof", p.proof.n + 1);
            }
            p.proof.n++;
        }
    } else if (line.n > 0) {
        return fail(why, ERR_INPUT, "fork proof: no empty line behind its kind");
    }
    TRY(parse_note(&rest, &p.smaller, why));
    TRY(parse_note(&rest, &p.larger, why));
    if (rest.n > 0) return fail(why, ERR_INPUT, "fork proof: bytes behind the second note");
    *ret = p;
    return OK;
}

/* Verifying. */

struct side {
    struct note *note;
    struct checkpoint head;
    struct note_verdict *by; /* A verdict a key. */
};

/* A note that no known key has signed is fine here: it then convicts nobody. */
static enum err read_side(struct str bytes, const struct note_key *keys, size_t n, struct side *ret, struct why *why)
{
    bool is_known = false;

    TRY(note_parse(bytes, ret->note, why));
    TRY(checkpoint_parse(ret->note->text, &ret->head, why));
    for (size_t j = 0; j < ret->note->n_signatures; j++) {
        const struct note_signature *s = &ret->note->signatures[j];
        for (size_t i = 0; i < n; i++) is_known |= keys[i].id == s->id && str_equal(keys[i].name, s->name);
    }
    if (!is_known) return fail(why, ERR_INPUT, "fork proof: a note without a line of a known key");
    return note_verify(ret->note, keys, n, ret->by, why);
}

static enum err check_claim(const struct fork_proof *p, const struct checkpoint *small, const struct checkpoint *large,
                            struct why *why)
{
    if (!str_equal(small->origin, large->origin)) return fail(why, ERR_INPUT, "fork proof: heads of two logs");
    if (p->kind == FORK_EQUAL ? small->size != large->size : small->size >= large->size) {
        return fail(why, ERR_INPUT, "fork proof: sizes do not fit its kind");
    }
    if (p->kind == FORK_ROLLBACK) return OK;
    if (fork_compare(small, large, &p->root_at, &p->proof) != FORK_CONTRADICTORY) {
        return fail(why, ERR_INPUT, "fork proof: the heads are not shown to contradict each other");
    }
    return OK;
}

static bool is_convicted(enum fork_kind kind, const struct note_key *key, const struct note_verdict *small,
                         const struct note_verdict *large)
{
    if (!small->has_signed || !large->has_signed) return false;
    return kind != FORK_ROLLBACK || (key->kind == NOTE_COSIGNATURE && small->time_s > large->time_s);
}

enum err fork_verify(struct str file, const struct note_key *keys, size_t n, bool *ret_convicted, struct fork_verdict *ret,
                     struct why *why)
{
    AUTO(mem_auto) struct note *notes = mem_calloc(2, sizeof *notes);
    AUTO(mem_auto) struct note_verdict *by = mem_calloc(2 * n, sizeof *by);
    struct side small = {.note = &notes[0], .by = by}, large = {.note = &notes[1], .by = by + n};
    struct fork_proof p;
    size_t n_convicted = 0;

    TRY(fork_proof_parse(file, &p, why));
    TRY(read_side(p.smaller, keys, n, &small, why));
    TRY(read_side(p.larger, keys, n, &large, why));
    TRY(check_claim(&p, &small.head, &large.head, why));
    for (size_t i = 0; i < n; i++) n_convicted += is_convicted(p.kind, &keys[i], &small.by[i], &large.by[i]);
    if (p.kind == FORK_ROLLBACK && n_convicted == 0) {
        return fail(why, ERR_INPUT, "fork proof: no key cosigned the smaller head later than the larger one");
    }
    for (size_t i = 0; i < n; i++) ret_convicted[i] = is_convicted(p.kind, &keys[i], &small.by[i], &large.by[i]);
    *ret = (struct fork_verdict){p.kind, small.head, large.head, n_convicted};
    return OK;
}

/* Decision C7. */

void fork_judge(const struct seats *r, const enum fork_side *sides, struct fork_judgement *ret)
{
    unsigned of_member[SEATS_MEMBERS_MAX] = {0};
    struct fork_judgement j = {0};

    for (size_t i = 0; i < r->n_nodes; i++) {
        of_member[r->nodes[i].member] |= sides[i];
        if (sides[i] & FORK_OTHER) j.is_divided = true;
    }
    for (unsigned m = 0; m < r->n_members; m++) {
        j.n_own += of_member[m] == FORK_OWN;
        j.n_other += of_member[m] == FORK_OTHER;
        j.is_out[m] = of_member[m] == FORK_BOTH;
    }
    j.may_write = !j.is_divided || (r->n_members != 2 && j.n_own >= seats_majority(r));
    *ret = j;
}
