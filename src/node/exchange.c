/* exchange.c - the texts by which nodes sign together over HTTP: targets, bodies, statuses, both sides.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "node/exchange.h"

#include "base/hex.h"
#include "base/mem.h"
#include "node/fork.h"
#include "proof/checkpoint.h"

_Static_assert(EXCHANGE_BODY_MAX == NOTE_BYTES_MAX, "a body is a note");
_Static_assert(EXCHANGE_PROOF_MAX == FORK_PROOF_MAX, "or a proof file");

/* clang-format off */
static const int STATUS[] = {
    [EXCHANGE_LINES]  = 200,
    [EXCHANGE_LARGER] = 409,
    [EXCHANGE_EARLY]  = 425, /* RFC 8470: too early. */
};
/* clang-format on */

int exchange_status(enum exchange_kind kind)
{
    return STATUS[kind];
}

static enum err check_note(struct str body, struct why *why)
{
    AUTO(mem_auto) struct note *note = mem_alloc(sizeof *note);
    struct checkpoint head;

    TRY(note_parse(body, note, why));
    return checkpoint_parse(note->text, &head, why);
}

/* Signature lines and nothing else, at most NOTE_SIGNATURES_MAX of them. */
static bool are_lines(struct str body)
{
    size_t n = 0;

    if (body.n > 0 && body.at[body.n - 1] != '\n') return false;
    for (struct str rest = body; rest.n > 0; n++) {
        if (n == NOTE_SIGNATURES_MAX || !str_starts(str_cut(&rest, '\n'), STR("\xe2\x80\x94 "))) return false;
    }
    return true;
}

enum err exchange_read_round(struct str body, struct why *why)
{
    if (body.n > EXCHANGE_BODY_MAX) return fail(why, ERR_TOO_LARGE, "a note has at most %d bytes", EXCHANGE_BODY_MAX);
    return check_note(body, why);
}

enum err exchange_read_proof(struct str body, struct why *why)
{
    AUTO(mem_auto) struct fork_proof *proof = mem_alloc(sizeof *proof);

    if (body.n > EXCHANGE_PROOF_MAX) return fail(why, ERR_TOO_LARGE, "a proof has at most %d bytes", EXCHANGE_PROOF_MAX);
    return fork_proof_parse(body, proof, why);
}

enum err exchange_read_answer(int status, struct str body, struct exchange_answer *ret, struct why *why)
{
    struct why inner = {{0}};
    unsigned kind = 0;

    while (kind <= EXCHANGE_EARLY && STATUS[kind] != status) kind++;
    if (kind > EXCHANGE_EARLY) return fail(why, ERR_NET, "the peer answered %d", status);
    if (body.n > EXCHANGE_BODY_MAX) return fail(why, ERR_NET, "the peer answered %zu bytes", body.n);
    if (kind == EXCHANGE_LINES && !are_lines(body)) return fail(why, ERR_NET, "the peer answered no signature lines");
    if ((kind == EXCHANGE_LARGER || (kind == EXCHANGE_EARLY && body.n > 0)) && check_note(body, &inner) != OK) {
        return fail(why, ERR_NET, "the peer answered %d without a note: %.150s", status, inner.text);
    }
    *ret = (struct exchange_answer){(enum exchange_kind)kind, body};
    return OK;
}

void exchange_add_target(struct buf *to, const struct exchange_query *q)
{
    buf_add_str(to, STR(EXCHANGE_HEAD));
    if (q->has_key) buf_addf(to, "?key=%08x", q->key);
}

enum err exchange_read_query(struct str query, struct exchange_query *ret, struct why *why)
{
    struct str value = query, name = str_cut(&value, '=');
    uint8_t id[4];

    if (query.n == 0) {
        *ret = (struct exchange_query){0};
        return OK;
    }
    if (!str_equal(name, STR("key")) || value.n != 8 || !hex_decode(value, sizeof id, id)) {
        return fail(why, ERR_INPUT, "the one parameter is key=<8 hex digits>");
    }
    *ret = (struct exchange_query){true, (uint32_t)id[0] << 24 | (uint32_t)id[1] << 16 | (uint32_t)id[2] << 8 | id[3]};
    return OK;
}

enum err exchange_read_head(int status, struct str body, struct str *ret, struct why *why)
{
    struct why inner = {{0}};

    if (status != 200 && status != 404) return fail(why, ERR_NET, "the peer answered %d", status);
    if (status == 404) {
        *ret = (struct str){0};
        return OK;
    }
    if (body.n > EXCHANGE_BODY_MAX || check_note(body, &inner) != OK) {
        return fail(why, ERR_NET, "the peer answered 200 without a note: %.150s", inner.text);
    }
    *ret = body;
    return OK;
}
