/* head.c - one tree head and the signatures gathered under it.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "node/head.h"

#include "base/b64.h"
#include "base/mem.h"

/* Reading. */

static enum err check_text(const struct seats *r, struct str text, uint64_t *ret_size, struct hash *ret_root, struct why *why)
{
    struct checkpoint c;

    TRY(checkpoint_parse(text, &c, why));
    if (!str_equal(c.origin, r->origin)) return fail(why, ERR_INPUT, "head: of another log");
    if (c.size == 0 || c.size % 2 != 0) {
        return fail(why, ERR_INPUT, "head: size %llu is never signed", (unsigned long long)c.size);
    }
    *ret_size = c.size;
    *ret_root = c.root;
    return OK;
}

enum err head_peek(const struct seats *r, struct str note, uint64_t *ret_size, struct hash *ret_root, struct why *why)
{
    AUTO(mem_auto) struct note *n = mem_alloc(sizeof *n);

    TRY(note_parse(note, n, why));
    return check_text(r, n->text, ret_size, ret_root, why);
}

static bool is_line_of(const struct note_signature *s, const struct note_key *key)
{
    return s->id == key->id && str_equal(s->name, key->name);
}

static enum err verify_line(struct str text, const struct note_signature *s, const struct note_key *key, struct note *one,
                            struct why *why)
{
    struct note_verdict verdict;

    one->text = text;
    one->n_signatures = 1;
    one->signatures[0] = *s;
    return note_verify(one, key, 1, &verdict, why);
}

static uint64_t read_u64(const uint8_t *at)
{
    uint64_t value = 0;
    for (int i = 0; i < 8; i++) value = value << 8 | at[i];
    return value;
}

static void keep_mirror(struct head_lines *l, const uint8_t *bytes)
{
    if (l->has_mirror && read_u64(l->mirror) <= read_u64(bytes)) return;
    memcpy(l->mirror, bytes, sizeof l->mirror);
    l->has_mirror = true;
}

static enum err read_line(const struct seats *r, struct str text, const struct note_signature *s, const struct head *known,
                          struct note *one, struct head *ret, struct why *why)
{
    for (size_t i = 0; i < r->n_nodes; i++) {
        const struct head_lines *have = known ? &known->of[i] : NULL;
        struct head_lines *l = &ret->of[i];
        if (is_line_of(s, &r->nodes[i].log)) {
            bool is_known = have && have->has_log && s->n == sizeof l->log && memcmp(have->log, s->bytes, s->n) == 0;
            if (!is_known) TRY(verify_line(text, s, &r->nodes[i].log, one, why));
            if (!l->has_log) memcpy(l->log, s->bytes, sizeof l->log);
            l->has_log = true;
            if (ret->first == HEAD_NOBODY) ret->first = i;
            return OK;
        }
        if (is_line_of(s, &r->nodes[i].mirror)) {
            bool is_known = have && have->has_mirror && s->n == sizeof l->mirror && memcmp(have->mirror, s->bytes, s->n) == 0;
            if (!is_known) TRY(verify_line(text, s, &r->nodes[i].mirror, one, why));
            keep_mirror(l, s->bytes);
            return OK;
        }
    }
    return OK; /* Somebody else's. */
}

enum err head_read(const struct seats *r, struct str note, const struct head *known, struct head *ret, struct why *why)
{
    AUTO(mem_auto) struct note *notes = mem_calloc(2, sizeof *notes);
    AUTO(mem_auto) struct head *h = mem_zalloc(sizeof *h);
    bool is_signed = false;

    TRY(note_parse(note, &notes[0], why));
    TRY(check_text(r, notes[0].text, &h->size, &h->root, why));
    if (known && !head_is_same(known, h->size, &h->root)) known = NULL;
    h->first = HEAD_NOBODY;
    for (size_t j = 0; j < notes[0].n_signatures; j++) {
        TRY(read_line(r, notes[0].text, &notes[0].signatures[j], known, &notes[1], h, why));
    }
    for (size_t i = 0; i < r->n_nodes; i++) is_signed |= head_has_line(h, i);
    if (!is_signed) return fail(why, ERR_INPUT, "head: no line of a known key");
    *ret = *h;
    return OK;
}

static void add_text(const struct seats *r, uint64_t size, const struct hash *root, struct buf *to)
{
    struct checkpoint c = {.origin = r->origin, .size = size, .root = *root};
    checkpoint_add(to, &c);
}

enum err head_read_lines(const struct seats *r, uint64_t size, const struct hash *root, struct str lines,
                         const struct head *known, struct head *ret, struct why *why)
{
    AUTO(buf_done) struct buf note = {0};

    if (lines.n == 0) {
        memset(ret, 0, sizeof *ret);
        ret->size = size;
        ret->root = *root;
        ret->first = HEAD_NOBODY;
        return OK;
    }
    /* An empty line would move the end of the text. */
    if (lines.at[0] == '\n' || lines.n > NOTE_BYTES_MAX) return fail(why, ERR_INPUT, "lines: no signature lines");
    for (size_t i = 1; i < lines.n; i++) {
        if (lines.at[i] == '\n' && lines.at[i - 1] == '\n') return fail(why, ERR_INPUT, "lines: an empty one");
    }
    add_text(r, size, root, &note);
    buf_add_char(&note, '\n');
    buf_add_str(&note, lines);
    return head_read(r, buf_str(&note), known, ret, why);
}

/* Gathering. */

bool head_merge(struct head *to, const struct head *from)
{
    bool has_more = false;

    must(head_is_same(to, from->size, &from->root));
    for (size_t i = 0; i < SEATS_NODES_MAX; i++) {
        struct head_lines *t = &to->of[i];
        const struct head_lines *f = &from->of[i];
        if (f->has_log && !t->has_log) {
            memcpy(t->log, f->log, sizeof t->log);
            t->has_log = has_more = true;
        }
        if (f->has_mirror) {
            bool had = t->has_mirror;
            uint64_t before = head_time_s(t);
            keep_mirror(t, f->mirror);
            has_more |= !had || head_time_s(t) != before;
        }
    }
    if (to->first == HEAD_NOBODY) to->first = from->first;
    return has_more;
}

uint64_t head_time_s(const struct head_lines *l)
{
    return l->has_mirror ? read_u64(l->mirror) : 0;
}

unsigned head_count(const struct seats *r, const struct head *h, const bool *is_out)
{
    bool has[SEATS_MEMBERS_MAX] = {false};
    unsigned n = 0;

    for (size_t i = 0; i < r->n_nodes; i++) {
        unsigned seat = r->nodes[i].member;
        if (has[seat] || !head_has_signed(h, i) || (is_out && is_out[seat])) continue;
        has[seat] = true;
        n++;
    }
    return n;
}

/* Writing. */

static void add_line(struct buf *to, const struct note_key *key, const uint8_t *signature, size_t n)
{
    uint8_t raw[4 + 72];

    must(n <= sizeof raw - 4);
    for (int i = 0; i < 4; i++) raw[i] = (uint8_t)(key->id >> (24 - 8 * i));
    memcpy(raw + 4, signature, n);
    buf_add_str(to, STR("\xe2\x80\x94 "));
    buf_add_str(to, key->name);
    buf_add_char(to, ' ');
    b64_add(to, B64_STANDARD, raw, 4 + n);
    buf_add_char(to, '\n');
}

static void add_node(const struct seats *r, const struct head *h, size_t i, struct buf *to, size_t *n_lines)
{
    const struct head_lines *l = &h->of[i];

    if (*n_lines + l->has_log + l->has_mirror > NOTE_SIGNATURES_MAX) return;
    *n_lines += (size_t)l->has_log + l->has_mirror;
    if (l->has_log) add_line(to, &r->nodes[i].log, l->log, sizeof l->log);
    if (l->has_mirror) add_line(to, &r->nodes[i].mirror, l->mirror, sizeof l->mirror);
}

void head_add_lines(const struct seats *r, const struct head *h, struct buf *to)
{
    bool has_node[SEATS_NODES_MAX] = {false}, has_member[SEATS_MEMBERS_MAX] = {false};
    size_t n_lines = 0;

    if (h->first != HEAD_NOBODY) {
        add_node(r, h, h->first, to, &n_lines);
        has_node[h->first] = true;
        has_member[r->nodes[h->first].member] = head_has_signed(h, h->first);
    }
    for (size_t i = 0; i < r->n_nodes; i++) {
        if (has_node[i] || has_member[r->nodes[i].member] || !head_has_signed(h, i)) continue;
        add_node(r, h, i, to, &n_lines);
        has_node[i] = has_member[r->nodes[i].member] = true;
    }
    for (size_t i = 0; i < r->n_nodes; i++) {
        if (!has_node[i]) add_node(r, h, i, to, &n_lines);
    }
}

void head_add_note(const struct seats *r, const struct head *h, struct buf *to)
{
    size_t before;

    add_text(r, h->size, &h->root, to);
    buf_add_char(to, '\n');
    before = to->n;
    head_add_lines(r, h, to);
    must(to->n > before);
}

void head_sign(const struct seats *r, size_t self, uint64_t size, const struct hash *root, uint64_t time_s,
               const struct key_secret *log, const struct key_secret *mirror, struct buf *to)
{
    AUTO(buf_done) struct buf text = {0};

    must(size > 0 && size % 2 == 0);
    add_text(r, size, root, &text);
    note_begin(to, buf_str(&text));
    note_sign(to, buf_str(&text), r->origin, log);
    note_cosign(to, buf_str(&text), r->nodes[self].mirror.name, mirror, time_s);
}
