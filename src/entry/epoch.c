/* epoch.c - signing an epoch's statement, and its file of text.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "entry/epoch.h"

#include <stdlib.h>

#include "base/b64.h"
#include "base/hex.h"
#include "base/limits.h"
#include "base/mem.h"

#define CONTEXT "deconfliction-line/epoch/v1" /* Followed by its NUL. */

static const struct str HEADER = {CONTEXT, sizeof CONTEXT - 1};

static void add_be(struct buf *to, uint64_t value)
{
    for (int shift = 56; shift >= 0; shift -= 8) buf_add_char(to, (char)(value >> shift & 0xff));
}

static void add_message(const struct epoch_statement *s, const struct hash *network, struct buf *to)
{
    buf_add(to, CONTEXT, sizeof CONTEXT);
    buf_add(to, network->b, sizeof network->b);
    add_be(to, s->epoch);
    add_be(to, s->size);
    buf_add(to, s->root.b, sizeof s->root.b);
}

void epoch_sign(const struct epoch_statement *s, const struct hash *network, const struct key_secret *key,
                struct epoch_signature *ret)
{
    AUTO(buf_done) struct buf message = {0};
    struct hash id = hash_of(str_make(key->public.b, sizeof key->public.b));

    add_message(s, network, &message);
    memcpy(ret->author, id.b, sizeof ret->author);
    key_sign(key, buf_str(&message), ret->signature);
}

bool epoch_is_signed(const struct epoch_statement *s, const struct hash *network, const struct key_public *key,
                     const uint8_t signature[64])
{
    AUTO(buf_done) struct buf message = {0};

    add_message(s, network, &message);
    return key_verify(key, buf_str(&message), signature);
}

struct epoch_statement epoch_with(const struct epoch_statement *s, const struct epoch_signature *more, struct arena *arena)
{
    struct epoch_signature *all = arena_array(arena, s->n_signatures + 1, sizeof *all);
    struct epoch_statement with = *s;
    size_t n = 0, i = 0;

    while (i < s->n_signatures && memcmp(s->signatures[i].author, more->author, sizeof more->author) < 0) all[n++] = s->signatures[i++];
    all[n++] = *more;
    if (i < s->n_signatures && memcmp(s->signatures[i].author, more->author, sizeof more->author) == 0) i++;
    while (i < s->n_signatures) all[n++] = s->signatures[i++];
    with.signatures = all;
    with.n_signatures = n;
    return with;
}

/* --- the file --------------------------------------------------------------------------------- */

void epoch_write(const struct epoch_statement *s, const struct hash *network, const struct str *tail, size_t n_tail, struct buf *to)
{
    buf_add_str(to, HEADER);
    buf_add_str(to, STR("\nnetwork "));
    hex_add(to, network->b, sizeof network->b);
    buf_addf(to, "\nepoch %llu\nsize %llu\nroot ", (unsigned long long)s->epoch, (unsigned long long)s->size);
    b64_add(to, B64_STANDARD, s->root.b, sizeof s->root.b);
    buf_add_char(to, '\n');
    for (size_t i = 0; i < s->n_signatures; i++) {
        buf_add_str(to, STR("signed "));
        hex_add(to, s->signatures[i].author, sizeof s->signatures[i].author);
        buf_add_char(to, ' ');
        b64_add(to, B64_STANDARD, s->signatures[i].signature, sizeof s->signatures[i].signature);
        buf_add_char(to, '\n');
    }
    for (size_t i = 0; i < n_tail; i++) {
        buf_add_str(to, STR("entry "));
        b64_add(to, B64_STANDARD, tail[i].at, tail[i].n);
        buf_add_char(to, '\n');
    }
}

struct text {
    struct str rest;
    size_t line;
    const char *problem; /* The first one; its line is line. */
};

static void bad(struct text *t, const char *problem)
{
    if (!t->problem) t->problem = problem;
}

static bool is_next(const struct text *t, struct str word)
{
    return !t->problem && str_starts(t->rest, word);
}

/* What stands behind the word in the next line, which must begin with it. */
static struct str take(struct text *t, struct str word)
{
    if (t->problem) return (struct str){"", 0};
    t->line++;
    if (!str_starts(t->rest, word)) {
        bad(t, "something else is wanted here");
        return (struct str){"", 0};
    }
    t->rest = str_skip(t->rest, word.n);
    for (size_t i = 0; i < t->rest.n; i++) {
        if (t->rest.at[i] != '\n') continue;
        struct str value = str_first(t->rest, i);
        t->rest = str_skip(t->rest, i + 1);
        return value;
    }
    bad(t, "the line does not end");
    return (struct str){"", 0};
}

static uint64_t take_number(struct text *t, struct str word)
{
    struct str digits = take(t, word);
    uint64_t value = 0;

    if (!str_to_u64(digits, UINT64_MAX, &value)) bad(t, "no number");
    return value;
}

static struct str take_b64(struct text *t, struct str value, struct arena *arena)
{
    AUTO(buf_done) struct buf bytes = {0};

    if (!b64_decode(B64_STANDARD, value, &bytes)) bad(t, "no base64");
    return arena_dup(arena, buf_str(&bytes));
}

static void take_b64_of(struct text *t, struct str value, void *to, size_t n)
{
    AUTO(buf_done) struct buf bytes = {0};

    if (!b64_decode(B64_STANDARD, value, &bytes) || bytes.n != n) bad(t, "no base64 of the right length");
    else memcpy(to, bytes.at, n);
}

static void take_signatures(struct text *t, struct arena *arena, struct epoch_statement *ret)
{
    struct epoch_signature *all = arena_array(arena, EPOCH_SIGNATURES_MAX, sizeof *all);
    size_t n = 0;

    for (; is_next(t, STR("signed ")); n++) {
        struct str value = take(t, STR("signed "));
        struct str author = str_cut(&value, ' ');
        if (n == EPOCH_SIGNATURES_MAX) {
            bad(t, "too many signatures");
            return;
        }
        if (author.n != 16 || !hex_decode(author, sizeof all[n].author, all[n].author)) bad(t, "no author");
        take_b64_of(t, value, all[n].signature, sizeof all[n].signature);
        if (n && memcmp(all[n - 1].author, all[n].author, sizeof all[n].author) >= 0) bad(t, "signatures are not ascending by author");
    }
    ret->signatures = all;
    ret->n_signatures = n;
}

enum err epoch_read(struct str text, struct arena *arena, struct epoch_statement *ret, struct hash *ret_network,
                    struct str **ret_tail, size_t *ret_n_tail, struct why *why)
{
    struct text t = {.rest = text};
    struct epoch_statement s = {0};
    struct str *tail = arena_array(arena, EPOCH_TAIL_MAX, sizeof *tail);
    struct hash network = {{0}};
    size_t n = 0;

    if (take(&t, HEADER).n) bad(&t, "something else is wanted here");
    struct str hex = take(&t, STR("network "));
    if (hex.n != 2 * sizeof network.b || !hex_decode(hex, sizeof network.b, network.b)) bad(&t, "no network");
    s.epoch = take_number(&t, STR("epoch "));
    s.size = take_number(&t, STR("size "));
    take_b64_of(&t, take(&t, STR("root ")), s.root.b, sizeof s.root.b);
    take_signatures(&t, arena, &s);
    while (is_next(&t, STR("entry "))) {
        struct str value = take(&t, STR("entry "));
        if (n == EPOCH_TAIL_MAX) bad(&t, "too many entries");
        else tail[n++] = take_b64(&t, value, arena);
    }
    if (t.rest.n) bad(&t, "something is left over");
    if (s.epoch == 0 || s.size % 2 || s.size / 2 < n) bad(&t, "the numbers do not fit");
    if (t.problem) return fail(why, ERR_INPUT, "line %zu: %s", t.line, t.problem);
    *ret = s;
    *ret_network = network;
    *ret_tail = tail;
    *ret_n_tail = n;
    return OK;
}
