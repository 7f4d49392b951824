/* catchup_head.c - the largest checkpoint that enough members signed, from the notes of all sources.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Notes over equal text are one head: their signatures are counted together. The note that is handed on holds the lines of known
 * keys only, so that nobody can fill it up.
 */
#include "base/mem.h"
#include "node/catchup_internal.h"

struct head {
    uint64_t size;
    struct hash root;
    const char *source; /* Whose note it was first. */
    bool *has_signed;   /* By index of the policy's keys. */
    struct buf note;
    unsigned n_lines;
};

struct heads_found {
    size_t n;
    struct head at[CATCHUP_SOURCES_MAX + 1];
};

static unsigned member_of(const struct catchup_policy *p, size_t key)
{
    return p->members ? p->members[key] : (unsigned)key;
}

static bool member_signed(const struct catchup_policy *p, const struct head *h, unsigned member)
{
    for (size_t i = 0; i < p->n_keys; i++)
        if (h->has_signed[i] && member_of(p, i) == member) return true;
    return false;
}

/* Whether the member of key signed a head of the same size with another root. */
static bool signed_both(const struct catchup_policy *p, const struct heads_found *all, const struct head *h, unsigned member)
{
    for (size_t i = 0; i < all->n; i++) {
        const struct head *other = &all->at[i];
        if (other != h && other->size == h->size && member_signed(p, other, member)) return true;
    }
    return false;
}

static size_t count_members(const struct catchup_policy *p, const struct heads_found *all, const struct head *h)
{
    size_t n = 0;

    for (size_t i = 0; i < p->n_keys; i++) {
        bool is_first = h->has_signed[i];
        for (size_t k = 0; k < i && is_first; k++) is_first = !h->has_signed[k] || member_of(p, k) != member_of(p, i);
        n += is_first && !signed_both(p, all, h, member_of(p, i));
    }
    return n;
}

/* Appends the signature lines of keys that have not signed yet. The note was parsed: line i is signature i. */
static void merge(const struct catchup_policy *p, struct head *h, struct str bytes, const struct note *note,
                  const struct note_verdict *verdicts)
{
    struct str rest = str_skip(bytes, note->text.n + 1);

    for (size_t i = 0; i < note->n_signatures; i++) {
        struct str line = str_cut(&rest, '\n');
        const struct note_signature *sig = &note->signatures[i];
        for (size_t k = 0; k < p->n_keys; k++) {
            if (!verdicts[k].has_signed || h->has_signed[k] || h->n_lines == NOTE_SIGNATURES_MAX) continue;
            if (sig->id != p->keys[k].id || !str_equal(sig->name, p->keys[k].name)) continue;
            buf_add_str(&h->note, line);
            buf_add_char(&h->note, '\n');
            h->has_signed[k] = true;
            h->n_lines++;
            break;
        }
    }
}

static struct head *head_of(struct heads_found *all, const struct catchup_policy *p, const struct checkpoint *c, struct str text,
                            const char *source)
{
    struct head *h;

    for (size_t i = 0; i < all->n; i++)
        if (all->at[i].size == c->size && hash_equal(&all->at[i].root, &c->root)) return &all->at[i];
    h = &all->at[all->n++];
    *h = (struct head){.size = c->size, .root = c->root, .source = source, .has_signed = mem_calloc(p->n_keys + 1, sizeof(bool))};
    note_begin(&h->note, text);
    return h;
}

static enum err take_note(struct heads_found *all, const struct catchup_policy *p, const char *source, struct str bytes, struct why *why)
{
    AUTO(mem_auto) struct note *note = mem_alloc(sizeof *note);
    AUTO(mem_auto) struct note_verdict *verdicts = mem_calloc(p->n_keys + 1, sizeof *verdicts);
    struct checkpoint c;

    TRY(note_parse(bytes, note, why));
    TRY(checkpoint_parse(note->text, &c, why));
    if (!str_equal(c.origin, p->origin)) return fail(why, ERR_INPUT, "a checkpoint of %.*s", STR_ARG(str_first(c.origin, 100)));
    if (c.size % 2) return fail(why, ERR_INPUT, "a checkpoint of %llu leaves, an odd number", (unsigned long long)c.size);
    if (p->n_needed == 0) {
        struct head *h = head_of(all, p, &c, note->text, source);
        buf_clear(&h->note);
        buf_add_str(&h->note, bytes);
        return OK;
    }
    TRY(note_verify(note, p->keys, p->n_keys, verdicts, why));
    merge(p, head_of(all, p, &c, note->text, source), bytes, note, verdicts);
    return OK;
}

/* One source's note: what it holds, and how the source is judged by it. */
static void ask(struct sources *s, struct http_client *client, int source, struct heads_found *all)
{
    const struct catchup_options *o = s->options;
    const struct catchup_source *is = s->at[source].is;
    AUTO(buf_done) struct buf bytes = {0};
    int64_t since_us = catchup_now_us();
    struct why why = {0};
    enum catchup_fault fault = CATCHUP_FAILED;
    enum err err = source_get_checkpoint(o, client, is, &bytes, &why);

    if (err == OK) {
        err = take_note(all, &o->policy, is->name, buf_str(&bytes), &why);
        fault = CATCHUP_LIED;
    }
    must(pthread_mutex_lock(&s->lock) == 0);
    sources_take(s, source);
    if (err == OK) sources_served(s, source, catchup_now_us() - since_us);
    else sources_failed(s, source, fault, &why);
    must(pthread_mutex_unlock(&s->lock) == 0);
}

static void report(struct sources *s, const char *name, enum catchup_fault fault, const struct why *why)
{
    must(pthread_mutex_lock(&s->lock) == 0);
    sources_report(s, name, fault, why);
    must(pthread_mutex_unlock(&s->lock) == 0);
}

static void gather(struct sources *s, struct http_client *client, struct heads_found *all)
{
    static const char at_hand[] = "the note at hand";
    const struct catchup_options *o = s->options;
    struct why why = {0};

    for (size_t i = 0; i < s->n; i++) ask(s, client, (int)i, all);
    if (o->note.n && take_note(all, &o->policy, at_hand, o->note, &why) != OK) report(s, at_hand, CATCHUP_LIED, &why);
}

static void report_divided(struct sources *s, const struct heads_found *all)
{
    for (size_t i = 0; i < all->n; i++) {
        for (size_t k = 0; k < i; k++) {
            struct why why = {0};
            if (all->at[i].size != all->at[k].size) continue;
            (void)fail(&why, ERR_CONFLICT, "its root of %llu leaves is not the one that %s has, and both are signed",
                       (unsigned long long)all->at[i].size, all->at[k].source);
            report(s, all->at[i].source, CATCHUP_DIVIDED, &why);
        }
    }
}

static enum err choose(const struct sources *s, const struct heads_found *all, const struct head **ret, struct why *why)
{
    const struct catchup_policy *p = &s->options->policy;
    const struct head *best = NULL;
    size_t most = 0;

    for (size_t i = 0; i < all->n; i++) {
        const struct head *h = &all->at[i];
        size_t n = count_members(p, all, h);
        if (n > most) most = n;
        if (n < p->n_needed || (best && h->size < best->size)) continue;
        if (best && h->size == best->size)
            return fail(why, ERR_CONFLICT, "enough members signed two roots of %llu leaves: the network is divided", (unsigned long long)h->size);
        best = h;
    }
    *ret = best;
    if (best) return OK;
    return fail(why, ERR_UNAVAILABLE, "no checkpoint has the signatures of %zu members; the best has %zu%s%s", p->n_needed, most,
                all->n ? "" : "; ", all->n ? "" : s->last.text);
}

enum err catchup_choose_head(struct sources *s, struct http_client *client, struct catchup_result *ret, struct why *why)
{
    struct heads_found all = {0};
    const struct head *best = NULL;
    enum err err;

    gather(s, client, &all);
    report_divided(s, &all);
    err = choose(s, &all, &best, why);
    if (err == OK) {
        ret->size = best->size;
        ret->root = best->root;
        buf_add_str(&ret->note, buf_str(&best->note));
    }
    for (size_t i = 0; i < all.n; i++) {
        mem_free(all.at[i].has_signed);
        buf_done(&all.at[i].note);
    }
    return err;
}
