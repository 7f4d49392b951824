/* forgotten.c - the file that says what etcd showed and then had no more.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "node/forgotten.h"

#include "base/b64.h"
#include "base/hex.h"
#include "base/instant.h"
#include "base/limits.h"
#include "base/mem.h"
#include "entry/entry.h"

static const struct str HEADER = {"deconfliction-line/forgotten/v1", 31};
#define LABEL "unsigned etcd signs nothing: that it answered so is the word of this node alone"

/* Writing. */

static void add_header(struct buf *to, const char *name, const struct etcd_header *h)
{
    buf_addf(to, "%s revision %lld cluster %llu member %llu term %llu\n", name, (long long)h->revision, (unsigned long long)h->cluster,
             (unsigned long long)h->member, (unsigned long long)h->term);
}

void forgotten_begin(struct buf *to, const struct forgotten *f)
{
    const struct recall *r = f->recall;

    buf_add_str(to, HEADER);
    buf_addf(to, "\n%s\nnode ", LABEL);
    hex_add(to, f->node, sizeof f->node);
    buf_add_str(to, STR("\nnetwork "));
    hex_add(to, f->genesis.b, sizeof f->genesis.b);
    buf_addf(to, "\nepoch %llu\ntime ", (unsigned long long)r->epoch);
    instant_add(to, f->time_us);
    buf_add_char(to, '\n');
    add_header(to, "before", &r->was);
    add_header(to, "after", &r->is);
    buf_addf(to, "endpoint %s\n", r->endpoint);
    for (size_t i = 0; i < r->n_lost; i++) {
        buf_add_str(to, STR("lost "));
        hex_add(to, r->lost[i].author, sizeof r->lost[i].author);
        buf_addf(to, " %llu %llu\n", (unsigned long long)r->lost[i].from, (unsigned long long)r->lost[i].to);
    }
    buf_add_char(to, '\n');
}

void forgotten_add_entry(struct buf *to, uint64_t leaf, struct str entry, const struct merkle_proof *path)
{
    buf_addf(to, "entry %llu %zu %u\n", (unsigned long long)leaf, entry.n, path ? path->n : 0);
    for (unsigned i = 0; path && i < path->n; i++) {
        b64_add(to, B64_STANDARD, path->at[i].b, sizeof path->at[i].b);
        buf_add_char(to, '\n');
    }
    buf_add_str(to, entry);
    buf_add_char(to, '\n');
}

void forgotten_end(struct buf *to, struct str note)
{
    buf_addf(to, "note %zu\n", note.n);
    buf_add_str(to, note);
}

/* Verifying. The entries stand before the note, so they are read twice. */

struct lost_slots {
    struct recall_lost at[ORDER_AUTHORS_MAX];
    size_t n;
};

static enum err read_lost(struct str line, struct lost_slots *lost, struct why *why)
{
    struct recall_lost l;
    struct str author = str_cut(&line, ' '), from = str_cut(&line, ' ');

    if (lost->n == ORDER_AUTHORS_MAX || !hex_decode(author, sizeof l.author, l.author) || !str_to_u64(from, UINT64_MAX, &l.from) ||
        !str_to_u64(line, UINT64_MAX, &l.to) || l.from >= l.to)
        return fail(why, ERR_INPUT, "forgotten: a line of lost slots");
    lost->at[lost->n++] = l;
    return OK;
}

static enum err read_head_lines(struct str *rest, struct lost_slots *lost, struct why *why)
{
    static const char *const names[] = {"node ", "network ", "epoch ", "time ", "before revision ", "after revision ", "endpoint "};
    struct str line = str_cut(rest, '\n');

    if (!str_equal(line, HEADER)) return fail(why, ERR_INPUT, "forgotten: another first line");
    if (!str_equal(str_cut(rest, '\n'), STR(LABEL))) return fail(why, ERR_INPUT, "forgotten: it does not say what is unsigned");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!str_starts(str_cut(rest, '\n'), str_of(names[i]))) return fail(why, ERR_INPUT, "forgotten: no line \"%s...\"", names[i]);
    for (line = str_cut(rest, '\n'); line.n > 0; line = str_cut(rest, '\n')) {
        if (!str_starts(line, STR("lost "))) return fail(why, ERR_INPUT, "forgotten: a line that is none of lost slots");
        TRY(read_lost(str_skip(line, 5), lost, why));
    }
    return OK;
}

struct shown_entry {
    uint64_t leaf;
    struct str bytes;
    struct merkle_proof path;
};

static bool read_hash(struct str line, struct hash *ret)
{
    AUTO(buf_done) struct buf raw = {0};

    if (line.n != 44 || !b64_decode(B64_STANDARD, line, &raw) || raw.n != sizeof ret->b) return false;
    memcpy(ret->b, raw.at, sizeof ret->b);
    return true;
}

/* line: what stands behind "entry ". */
static enum err read_entry(struct str line, struct str *rest, struct shown_entry *ret, struct why *why)
{
    struct str leaf = str_cut(&line, ' '), bytes = str_cut(&line, ' ');
    uint64_t n = 0, n_hashes = 0;

    if (!str_to_u64(leaf, UINT64_MAX, &ret->leaf) || !str_to_u64(bytes, LIMIT_ENTRY_BYTES, &n) ||
        !str_to_u64(line, MERKLE_PROOF_MAX, &n_hashes))
        return fail(why, ERR_INPUT, "forgotten: a line of an entry");
    ret->path.n = (unsigned)n_hashes;
    for (unsigned i = 0; i < n_hashes; i++)
        if (!read_hash(str_cut(rest, '\n'), &ret->path.at[i])) return fail(why, ERR_INPUT, "forgotten: hash %u of an entry's path", i);
    if (rest->n <= n || rest->at[n] != '\n') return fail(why, ERR_INPUT, "forgotten: an entry is cut off");
    ret->bytes = str_first(*rest, n);
    *rest = str_skip(*rest, n + 1);
    return OK;
}

static bool is_lost(const struct lost_slots *lost, const struct entry *e)
{
    for (size_t i = 0; i < lost->n; i++) {
        const struct recall_lost *l = &lost->at[i];
        if (memcmp(l->author, e->author, sizeof l->author) == 0 && e->slot >= l->from && e->slot < l->to) return true;
    }
    return false;
}

static enum err check_entry(const struct shown_entry *s, const struct lost_slots *lost, const struct checkpoint *head,
                            struct forgotten_verdict *ret, struct why *why)
{
    struct hash leaf = hash_leaf(s->bytes);
    struct entry e;

    if (entry_decode_head(s->bytes, &e, NULL) != OK || !is_lost(lost, &e))
        return fail(why, ERR_INPUT, "forgotten: leaf %llu is no entry of a lost slot", (unsigned long long)s->leaf);
    ret->n_entries++;
    if (s->path.n == 0) return OK;
    if (!merkle_verify_inclusion(s->leaf, head->size, &leaf, s->path.at, s->path.n, &head->root))
        return fail(why, ERR_INPUT, "forgotten: leaf %llu is not shown to be in the checkpoint", (unsigned long long)s->leaf);
    ret->n_proved++;
    return OK;
}

/* Every entry; returns what stands behind the last one. */
static enum err each_entry(struct str entries, const struct lost_slots *lost, const struct checkpoint *head, struct forgotten_verdict *ret,
                           struct str *ret_rest, struct why *why)
{
    AUTO(mem_auto) struct shown_entry *s = mem_alloc(sizeof *s);
    struct str rest = entries;

    while (str_starts(rest, STR("entry "))) {
        struct str line = str_skip(str_cut(&rest, '\n'), 6);
        TRY(read_entry(line, &rest, s, why));
        if (head) TRY(check_entry(s, lost, head, ret, why));
    }
    *ret_rest = rest;
    return OK;
}

static enum err check_note(struct str bytes, const struct note_key *keys, size_t n, struct checkpoint *ret, struct why *why)
{
    AUTO(mem_auto) struct note *note = mem_alloc(sizeof *note);
    AUTO(mem_auto) struct note_verdict *by = mem_calloc(n + 1, sizeof *by);
    bool is_signed = false;

    *ret = (struct checkpoint){.size = 0};
    if (bytes.n == 0) return OK;
    TRY(note_parse(bytes, note, why));
    TRY(note_verify(note, keys, n, by, why));
    for (size_t i = 0; i < n; i++) is_signed |= by[i].has_signed;
    if (!is_signed) return fail(why, ERR_INPUT, "forgotten: no known key signed the checkpoint");
    return checkpoint_parse(note->text, ret, why);
}

enum err forgotten_verify(struct str file, const struct note_key *keys, size_t n, struct forgotten_verdict *ret, struct why *why)
{
    AUTO(mem_auto) struct lost_slots *lost = mem_zalloc(sizeof *lost);
    struct forgotten_verdict v = {.n_lost = 0};
    struct str rest = file, note;
    uint64_t n_note;

    if (file.n > FORGOTTEN_BYTES_MAX) return fail(why, ERR_INPUT, "forgotten: longer than %d bytes", FORGOTTEN_BYTES_MAX);
    TRY(read_head_lines(&rest, lost, why));
    TRY(each_entry(rest, lost, NULL, &v, &note, why));
    struct str line = str_cut(&note, '\n');
    if (!str_starts(line, STR("note ")) || !str_to_u64(str_skip(line, 5), NOTE_BYTES_MAX, &n_note) || n_note != note.n)
        return fail(why, ERR_INPUT, "forgotten: no line \"note <bytes>\" with as many bytes behind it");
    TRY(check_note(note, keys, n, &v.head, why));
    TRY(each_entry(rest, lost, &v.head, &v, &note, why));
    v.n_lost = lost->n;
    *ret = v;
    return OK;
}
