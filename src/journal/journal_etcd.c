/* journal_etcd.c - proposes slots, follows others', and settles what is unclear.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "journal/journal_etcd.h"

#include <errno.h>
#include <time.h>

#include "base/mem.h"
#include "entry/entry.h"
#include "journal/intake.h"

#define WAIT_FIRST_MS 2
#define WAIT_MAX_MS 200
/* An attempt takes so long, or eight times what the last transaction took; twice that after SILENT attempts without an answer, and so
 * on. What etcd's followers pass on to a leader that has just died is lost without a word: only sending it again helps. */
#define ATTEMPT_MS 250
#define SILENT 6
#define ALONE_MIN 4     /* Readings in a row that show no slot, before a transaction reads nothing, ... */
#define ALONE_A_MS 10   /* ... for each millisecond that one takes: a wrong guess costs a look, and not reading saves 0.1 ms. */
#define ALONE_MAX 16    /* Transactions in a row that read nothing: then etcd is asked again, in case that it lost data. */

static int64_t now_ms(const struct intake *in)
{
    struct timespec t;

    if (in->options.steady_ms) return in->options.steady_ms(in->options.context);
    must(clock_gettime(CLOCK_MONOTONIC, &t) == 0);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void wait_ms(const struct intake *in, int64_t ms)
{
    struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

    if (in->options.pause) {
        in->options.pause(in->options.context, ms);
        return;
    }
    while (nanosleep(&t, &t) != 0 && errno == EINTR) {}
}

static bool is_stopping(const struct intake *in)
{
    return in->options.etcd.stop && atomic_load(in->options.etcd.stop);
}

/* What one transaction reads: own slots first, then those of as many others as fit. */
struct view {
    struct arena arena;
    struct etcd_range ranges[ETCD_OPS_MAX];
    uint8_t authors[ETCD_OPS_MAX][8];
    size_t n;
};

static void view_add(struct view *v, const struct intake *in, const uint8_t author[8], size_t n_puts, int64_t limit)
{
    uint64_t wanted = order_wants(in->order, author);
    struct etcd_range *r = &v->ranges[v->n];

    *r = (struct etcd_range){.key = slots_key(&in->slots, author, wanted, &v->arena),
                             .end = slots_end(&in->slots, author, &v->arena),
                             .limit = limit};
    if (n_puts) r->after_puts = slots_key(&in->slots, author, wanted + n_puts, &v->arena);
    memcpy(v->authors[v->n++], author, 8);
}

/* Authors from from on, without the one that is there already, if any; returns where it stopped. */
static size_t view_fill(struct view *v, const struct intake *in, size_t from, size_t max, int64_t limit)
{
    bool has_first = v->n > 0;
    size_t i = from;

    for (; i < order_n_authors(in->order) && v->n < max; i++) {
        const uint8_t *author = order_author(in->order, i);
        if (!has_first || memcmp(author, v->authors[0], 8) != 0) view_add(v, in, author, 0, limit);
    }
    return i;
}

/* All authors were read from their wanted slots on, which shows own puts to nobody. */
static void note_reading(struct intake *in)
{
    in->n_alone = in->has_shown ? 0 : in->n_alone + 1;
    in->n_unread = 0;
}

static enum err take_answer(struct intake *in, const struct view *v, const struct etcd_answer *a, struct why *why)
{
    enum err kept = OK;

    intake_came_from(in);
    for (size_t i = 0; i < v->n; i++) {
        in->has_shown |= a->ranges[i].n > 0;
        enum err err = intake_found(in, v->authors[i], &a->ranges[i], a->revision, why);
        if (in->broken) return in->broken;
        if (err) kept = err; /* What others wrote counts all the same. */
    }
    return kept;
}

/* One linearizable read of all authors, some at a time. */
static enum err look(struct intake *in, struct view *v, struct etcd_answer *answer, struct why *why)
{
    int64_t limit = INTAKE_RANGE_MAX, first = 0;
    size_t max = ETCD_OPS_MAX, next;
    enum err gap = OK;

    in->has_shown = false;
    for (size_t from = 0; from < order_n_authors(in->order); from = next) {
        enum err err;
        arena_clear(&v->arena);
        v->n = 0;
        next = view_fill(v, in, from, max, limit);
        err = etcd_txn(in->etcd, NULL, 0, v->ranges, v->n, answer, why);
        if (err == ERR_TOO_LARGE && (max > 1 || limit > 1)) {
            limit = limit > 4 ? limit / 4 : 1;
            max = max > 2 ? max / 2 : 1;
            next = from;
            continue;
        }
        if (err == OK && !intake_is_fresh(in, answer)) {
            err = fail(why, ERR_UNAVAILABLE, "etcd at %s answers from before revision %lld: it lags, or it lost data",
                       etcd_endpoint(in->etcd), (long long)in->counts.revision);
            etcd_move_on(in->etcd);
        }
        if (err != OK) return err;
        if (first == 0) first = answer->revision;
        err = take_answer(in, v, answer, why);
        if (err == ERR_NOT_FOUND) gap = err;
        else if (err != OK) return err;
    }
    note_reading(in);
    if (gap) {
        struct why other;
        enum err err = intake_finish(in, 0, &other); /* What is certain without it. */
        if (err && err != ERR_NOT_FOUND && why) *why = other;
        return err ? err : gap;
    }
    return intake_finish(in, first, why);
}

/* Proposing. */

struct chunk {
    uint8_t author[8];
    bool is_own;
    struct etcd_put puts[ETCD_OPS_MAX];
    uint64_t slot;
    size_t n;
    struct arena arena;
};

/* As many of the entries as one transaction takes, with room for some reads. */
static void chunk_fill(struct chunk *c, const struct intake *in, const struct str *entries, size_t n)
{
    size_t bytes = 0;

    memcpy(c->author, in->options.author, sizeof c->author);
    c->is_own = true;
    c->slot = order_wants(in->order, in->options.author);
    c->n = 0;
    while (c->n < n && c->n < ETCD_OPS_MAX / 2 && bytes + entries[c->n].n <= ETCD_PUT_BYTES_MAX) {
        c->puts[c->n].key = slots_key(&in->slots, in->options.author, c->slot + c->n, &c->arena);
        c->puts[c->n].value = entries[c->n];
        bytes += entries[c->n++].n;
    }
}

static void note_sent(struct intake *in, const struct chunk *c)
{
    size_t n = 0;

    for (size_t i = 0; i < in->sent.n; i++) /* What stands below is settled, and nobody asks any more. */
        if (in->sent.at[i].slot >= c->slot) in->sent.at[n++] = in->sent.at[i];
    in->sent.n = n;
    for (size_t i = 0; i < c->n; i++) {
        struct sent s = {c->slot + i, hash_of(c->puts[i].value), false};
        size_t k = 0;
        while (k < in->sent.n && !(in->sent.at[k].slot == s.slot && hash_equal(&in->sent.at[k].hash, &s.hash))) k++;
        if (k == in->sent.n) sent_vec_add(&in->sent, s);
    }
}

static bool is_there(const struct intake *in, uint64_t slot, struct str bytes)
{
    struct hash hash = hash_of(bytes);

    for (size_t i = 0; i < in->sent.n; i++)
        if (in->sent.at[i].slot == slot && hash_equal(&in->sent.at[i].hash, &hash)) return in->sent.at[i].is_there;
    return false;
}

/* Some slot of the chunk is taken in this answer, as it was when the chunk was refused. */
static bool shows_why(const struct intake *in, const struct chunk *c, const struct etcd_answer *a)
{
    for (size_t i = 0; a->n_ranges > 0 && i < a->ranges[0].n; i++) {
        uint64_t slot;
        if (slots_parse(&in->slots, c->author, a->ranges[0].at[i].key, &slot) && slot >= c->slot) return slot < c->slot + c->n;
    }
    return false;
}

static int64_t attempt_ms(const struct intake *in)
{
    int64_t ms = in->txn_ms * 8 > ATTEMPT_MS ? in->txn_ms * 8 : ATTEMPT_MS;
    uint64_t n_doublings = in->n_silent / SILENT;

    return ms << (n_doublings < 8 ? n_doublings : 8);
}

/* Reading all authors' slots makes a transaction longer by a third. It can be spared where nobody else wrote: that shows in the answer's
 * revision, and where somebody did, after all, a look follows. */
static bool expects_to_be_alone(const struct intake *in, const struct chunk *c)
{
    return c->is_own && in->n_unread < ALONE_MAX && in->n_alone >= ALONE_MIN && in->n_alone >= (uint64_t)in->txn_ms * ALONE_A_MS;
}

/* Sends the same bytes until an answer is clear. v has what was read: nothing, perhaps, where the puts were done at once. */
static enum err send_chunk(struct intake *in, const struct chunk *c, struct view *v, struct etcd_answer *ret, struct why *why)
{
    int64_t until = now_ms(in) + (in->options.patience_ms ? in->options.patience_ms : 10000);
    int64_t pause = WAIT_FIRST_MS, limit = INTAKE_RANGE_MAX;
    size_t max = ETCD_OPS_MAX - c->n;
    bool is_unclear = false, reads = !expects_to_be_alone(in, c);

    for (size_t attempt = 1;; attempt++) {
        enum err err;
        bool is_taken; /* Clearly not done; what stands there is read then. */
        int64_t begin_ms = now_ms(in);
        arena_clear(&v->arena);
        v->n = 0;
        view_add(v, in, c->author, c->is_own ? c->n : 0, limit); /* A passed slot is read back like any. */
        (void)view_fill(v, in, 0, max, limit);
        etcd_set_timeout(in->etcd, attempt_ms(in));
        err = etcd_txn(in->etcd, c->puts, c->n, v->ranges, reads ? v->n : 0, ret, why);
        etcd_set_timeout(in->etcd, 0);
        in->n_silent = err == ERR_NET ? in->n_silent + 1 : 0;
        in->was_late = err != OK && etcd_was_late(in->etcd);
        is_taken = err == OK && !ret->succeeded;
        if (err == OK) in->txn_ms = now_ms(in) - begin_ms;
        if (err == OK && !is_taken && !reads) v->n = 0;
        reads = true; /* An attempt more may find what an earlier one put. */
        if (is_taken) err = etcd_txn(in->etcd, NULL, 0, v->ranges, v->n, ret, why);
        if (err == OK && !intake_is_fresh(in, ret)) {
            err = fail(why, ERR_NET, "etcd at %s answers from before revision %lld: it lags, or it lost data", etcd_endpoint(in->etcd),
                       (long long)in->counts.revision);
            etcd_move_on(in->etcd);
        }
        if (err == OK && is_taken && !shows_why(in, c, ret)) { /* Newer than what is known here, and older than the refusal. */
            err = fail(why, ERR_NET, "etcd at %s does not show what a write was refused for: it lags, or it lost data", etcd_endpoint(in->etcd));
            in->counts.stale++;
            etcd_move_on(in->etcd);
        }
        if (err == OK) return OK;
        if (!is_taken && err != ERR_UNAVAILABLE && err != ERR_DISK && err != ERR_INPUT) is_unclear = true;
        if (err == ERR_TOO_LARGE) { /* It was done, perhaps, but tells too much: ask for less. */
            limit = limit > 4 ? limit / 4 : 1;
            max = max > 2 ? max / 2 : 1;
        }
        bool is_hopeless = (err == ERR_DISK && attempt >= etcd_n_endpoints(in->etcd)) || err == ERR_INPUT;
        if ((is_hopeless && !is_unclear) || now_ms(in) + pause > until || is_stopping(in))
            return is_unclear ? ERR_NET : ERR_UNAVAILABLE;
        in->counts.resent++;
        if (attempt % etcd_n_endpoints(in->etcd) == 0) {
            wait_ms(in, pause);
            pause = pause * 2 < WAIT_MAX_MS ? pause * 2 : WAIT_MAX_MS;
        }
    }
}

/* A transaction that read nothing was done at this revision. If the one before is known of all authors, this one now is, too: that read
 * showed no slot of this node's ahead of the ones just put. */
static enum err finish_alone(struct intake *in, struct view *v, int64_t revision, struct why *why)
{
    struct etcd_answer answer = {0};
    enum err err;

    if (!order_behind(in->order, revision - 1)) {
        in->n_unread++;
        in->counts.unread++;
        for (size_t i = 0; i < order_n_authors(in->order); i++) order_complete(in->order, order_author(in->order, i), revision);
        return intake_finish(in, revision, why);
    }
    in->n_alone = 0;
    in->counts.misguessed++;
    err = look(in, v, &answer, why);
    etcd_answer_done(&answer);
    return err;
}

/* The answer of a chunk's transaction: own slots first. */
static enum err settle(struct intake *in, const struct chunk *c, struct view *v, const struct etcd_answer *a, struct why *why)
{
    enum err err = OK;

    in->counts.transactions++;
    if (a->succeeded && c->is_own) {
        in->is_alone = true;
        for (size_t i = 0; err == OK && i < c->n; i++)
            err = intake_put(in, c->slot + i, a->revision, c->puts[i].value, why);
    }
    if (err == OK && v->n == 0) {
        err = finish_alone(in, v, a->revision, why);
    } else {
        in->has_shown = false;
        if (err == OK) err = take_answer(in, v, a, why);
        if (err == OK && v->n == order_n_authors(in->order)) note_reading(in);
        if (err == OK) err = intake_finish(in, a->revision, why);
    }
    if (err == OK || in->broken) return err;
    /* Written, perhaps, but not yet in the store. */
    return ERR_NET;
}

/* Others wrote into a slot behind the first of the chunk, which so can never be put as a whole: how many can. */
static size_t fitting(const struct intake *in, const struct chunk *c, const struct etcd_answer *a)
{
    for (size_t i = 0; !a->succeeded && i < a->ranges[0].n; i++) {
        uint64_t slot;
        if (!slots_parse(&in->slots, in->options.author, a->ranges[0].at[i].key, &slot)) continue;
        return slot > c->slot && slot - c->slot < c->n ? (size_t)(slot - c->slot) : c->n;
    }
    return c->n;
}

/* For people. What was read may have retired the author. */
static uint64_t next_of(const struct intake *in, const uint8_t author[8])
{
    return order_has(in->order, author) ? order_next(in->order, author) : 0;
}

/* Puts one chunk, or less of it; *ret_n is how many entries are in the store now. */
static enum err propose_chunk(struct intake *in, const struct str *entries, size_t n, size_t *ret_n, struct why *why)
{
    struct chunk *c = mem_zalloc(sizeof *c);
    struct view *v = mem_zalloc(sizeof *v);
    struct etcd_answer answer = {0};
    enum err err = OK;

    *ret_n = 0;
    chunk_fill(c, in, entries, n);
    note_sent(in, c);
    for (;;) {
        err = send_chunk(in, c, v, &answer, why);
        if (err != OK || fitting(in, c, &answer) == c->n) break;
        c->n = fitting(in, c, &answer);
    }
    if (err == OK) err = settle(in, c, v, &answer, why);
    if (err == OK && !is_there(in, c->slot, c->puts[0].value))
        err = fail(why, ERR_CONFLICT, "slot %llu is taken by other bytes; the next free one is %llu", (unsigned long long)c->slot,
                   (unsigned long long)next_of(in, in->options.author));
    if (err == OK) {
        in->is_alone = true;
        *ret_n = c->n;
    }
    etcd_answer_done(&answer);
    arena_done(&c->arena);
    arena_done(&v->arena);
    mem_free(c);
    mem_free(v);
    return err;
}

/* Consecutive own entries, the first of them next or taken. *ret_n_there of them stand in etcd as they are. */
static enum err check_entries(struct intake *in, const struct str *entries, size_t n, uint64_t *ret_first, size_t *ret_n_there,
                              struct why *why)
{
    AUTO(arena_done) struct arena arena = {0};
    uint64_t wanted, first = 0;
    size_t n_there = 0;
    struct entry e;

    if (!order_has(in->order, in->options.author)) return fail(why, ERR_INPUT, "this node is not admitted");
    wanted = order_wants(in->order, in->options.author);
    for (size_t i = 0; i < n; i++) {
        if (entry_decode(entries[i], &arena, &e, why) != OK) return ERR_INPUT;
        if (memcmp(e.author, in->options.author, sizeof e.author) != 0 || e.epoch != in->epoch)
            return fail(why, ERR_INPUT, "an entry of another author or epoch");
        if (i == 0) first = e.slot;
        if (e.slot != first + i || first > wanted)
            return fail(why, ERR_INPUT, "slot %llu is proposed, and %llu is next", (unsigned long long)e.slot,
                        (unsigned long long)(i ? first + i : wanted));
        if (n_there == i && is_there(in, e.slot, entries[i])) n_there++;
    }
    *ret_first = first;
    *ret_n_there = n_there;
    return OK;
}

static enum err store_genesis(struct intake *in, const struct str *entries, size_t n, struct why *why)
{
    struct hash hash = n == 1 ? hash_of(entries[0]) : (struct hash){0};
    enum err err;

    if (n != 1 || !hash_equal(&hash, &in->options.genesis))
        return fail(why, ERR_INPUT, "the first entry must be the network's genesis");
    err = store_append(in->journal->store, entries, 1, why);
    return err ? intake_break(in, err, why) : OK;
}

static enum err follow(struct journal *j, int timeout_ms, struct why *why);

/* Into an etcd that answered from before what it had told nothing is put: it may have lost data (decision B6). */
static enum err check_fresh(struct journal *j, uint64_t first, struct why *why)
{
    struct intake *in = j->engine;

    if (!in->is_stale || follow(j, 0, why) == OK) return OK;
    if (in->broken) return in->broken;
    for (size_t i = 0; i < in->sent.n; i++)
        if (in->sent.at[i].slot >= first) return ERR_NET; /* Sent before. */
    return ERR_UNAVAILABLE;
}

static enum err propose(struct journal *j, const struct str *entries, size_t n, struct why *why)
{
    struct intake *in = j->engine;
    size_t n_there = 0;
    uint64_t first = 0;

    if (in->broken) return intake_break(in, in->broken, why);
    if (store_size(j->store) == 0) return store_genesis(in, entries, n, why);
    TRY(check_entries(in, entries, n, &first, &n_there, why));
    TRY(check_fresh(j, first, why));
    if (n_there && order_next(in->order, in->options.author) < first + n_there) {
        /* Seen in etcd, not in the store yet. */
        if (follow(j, 0, why) != OK) return in->broken ? in->broken : ERR_NET;
    }
    for (size_t done = n_there, n_chunk = 0; done < n; done += n_chunk) {
        uint64_t wanted = order_wants(in->order, in->options.author);
        enum err err;
        if (wanted != first + done)
            return fail(why, ERR_CONFLICT, "slot %llu is taken by other bytes; the next free one is %llu",
                        (unsigned long long)(first + done), (unsigned long long)wanted);
        err = propose_chunk(in, entries + done, n - done, &n_chunk, why);
        if (err != OK) return err;
    }
    return OK;
}

/* Passing. */

/* The answer shows these bytes in the chunk's one slot. */
static bool shows(const struct intake *in, const struct chunk *c, const struct etcd_answer *a)
{
    for (size_t i = 0; i < a->ranges[0].n; i++) {
        uint64_t slot;
        if (slots_parse(&in->slots, c->author, a->ranges[0].at[i].key, &slot) && slot == c->slot)
            return str_equal(a->ranges[0].at[i].value, c->puts[0].value);
    }
    return false;
}

static enum err pass(struct intake *in, struct chunk *c, struct why *why)
{
    struct view *v = mem_zalloc(sizeof *v);
    struct etcd_answer answer = {0};
    bool is_shown = false;
    enum err err = send_chunk(in, c, v, &answer, why);

    if (err == OK) {
        is_shown = shows(in, c, &answer);
        err = settle(in, c, v, &answer, why);
    }
    if (err == OK && !is_shown) {
        err = fail(why, ERR_CONFLICT, "slot %llu of the author is taken by other bytes; the next free one is %llu", (unsigned long long)c->slot,
                   (unsigned long long)next_of(in, c->author));
    }
    etcd_answer_done(&answer);
    arena_done(&v->arena);
    mem_free(v);
    return err;
}

enum err journal_etcd_pass(struct journal *j, struct str bytes, struct why *why)
{
    struct intake *in = j->engine;
    AUTO(arena_done) struct arena arena = {0};
    struct entry e;
    struct chunk *c;
    uint64_t wanted;
    enum err err;

    if (in->broken) return intake_break(in, in->broken, why);
    if (entry_decode(bytes, &arena, &e, why) != OK) return ERR_INPUT;
    if (memcmp(e.author, in->options.author, 8) == 0 || !order_has(in->order, e.author) || e.epoch != in->epoch)
        return fail(why, ERR_INPUT, "not an entry of another admitted author in this epoch");
    wanted = order_wants(in->order, e.author);
    if (e.slot != wanted)
        return fail(why, ERR_CONFLICT, "the entry is for slot %llu of its author, and slot %llu is next", (unsigned long long)e.slot,
                    (unsigned long long)wanted);
    c = mem_zalloc(sizeof *c);
    memcpy(c->author, e.author, sizeof c->author);
    c->slot = e.slot;
    c->n = 1;
    c->puts[0] = (struct etcd_put){.key = slots_key(&in->slots, e.author, e.slot, &c->arena), .value = bytes};
    err = pass(in, c, why);
    arena_done(&c->arena);
    mem_free(c);
    return err;
}

/* Following. */

static enum err follow(struct journal *j, int timeout_ms, struct why *why)
{
    struct intake *in = j->engine;
    uint64_t size = store_size(j->store);
    int64_t until = now_ms(in) + timeout_ms, poll = in->options.poll_ms ? in->options.poll_ms : 20;
    struct view *v;
    struct etcd_answer answer = {0};
    enum err err;

    if (in->broken) return intake_break(in, in->broken, why);
    v = mem_zalloc(sizeof *v);
    for (;;) {
        size_t n_left = etcd_n_endpoints(in->etcd);
        in->was_late = false;
        do {
            err = look(in, v, &answer, why);
            in->was_late |= err != OK && etcd_was_late(in->etcd);
        } while (err != OK && err != ERR_NOT_FOUND && !in->broken && --n_left > 0 && !is_stopping(in));
        if (err != OK || store_size(j->store) > size || is_stopping(in) || now_ms(in) >= until) break;
        wait_ms(in, until - now_ms(in) < poll ? until - now_ms(in) : poll);
    }
    etcd_answer_done(&answer);
    arena_done(&v->arena);
    mem_free(v);
    if (err == OK || err == ERR_NOT_FOUND || in->broken) return err;
    return ERR_UNAVAILABLE;
}

/* The rest. */

bool journal_etcd_is_stale(const struct journal *j)
{
    const struct intake *in = j->engine;

    return in->is_stale;
}

uint64_t journal_etcd_epoch(const struct journal *j)
{
    const struct intake *in = j->engine;

    return in->epoch;
}

void journal_etcd_begin_epoch(struct journal *j)
{
    intake_begin_epoch(j->engine);
}

void journal_etcd_retire(struct journal *j, const uint8_t author[8])
{
    struct intake *in = j->engine;

    order_retire(in->order, author);
}

size_t journal_etcd_n_authors(const struct journal *j)
{
    const struct intake *in = j->engine;

    return order_n_authors(in->order);
}

const uint8_t *journal_etcd_author(const struct journal *j, size_t i)
{
    const struct intake *in = j->engine;

    return order_author(in->order, i);
}

uint64_t journal_etcd_next(const struct journal *j)
{
    const struct intake *in = j->engine;

    return order_wants(in->order, in->options.author);
}

uint64_t journal_etcd_stored(const struct journal *j)
{
    const struct intake *in = j->engine;

    return order_next(in->order, in->options.author);
}

bool journal_etcd_gap(const struct journal *j, struct journal_etcd_gap *ret)
{
    const struct intake *in = j->engine;

    if (in->gap.from == in->gap.to) return false;
    *ret = in->gap;
    return true;
}

void journal_etcd_waive(struct journal *j, const struct journal_etcd_gap *gap)
{
    struct intake *in = j->engine;
    struct place place = {.slot = gap->to, .revision = gap->revision};

    memcpy(place.author, gap->author, sizeof place.author);
    place_vec_add(&in->waived, place);
    in->gap = (struct journal_etcd_gap){.from = 0};
}

enum err journal_etcd_grown(struct journal *j, struct why *why)
{
    struct intake *in = j->engine;
    enum err err;

    if (in->broken) return intake_break(in, in->broken, why);
    err = intake_grown(in, why);
    return err ? intake_break(in, err, why) : OK;
}

uint64_t journal_etcd_wants(const struct journal *j, const uint8_t author[8])
{
    const struct intake *in = j->engine;

    return order_has(in->order, author) ? order_wants(in->order, author) : 0;
}

enum err journal_etcd_delete_below(struct journal *j, uint64_t slot, struct why *why)
{
    struct intake *in = j->engine;
    AUTO(arena_done) struct arena arena = {0};
    const uint8_t *own = in->options.author;

    if (!order_has(in->order, own) || slot >= order_next(in->order, own))
        return fail(why, ERR_INPUT, "slot %llu: the newest slot stays", (unsigned long long)slot);
    if (slot == 0) return OK;
    return etcd_delete(in->etcd, slots_key(&in->slots, own, 0, &arena), slots_key(&in->slots, own, slot, &arena), why);
}

enum err journal_etcd_ask_status(struct journal *j, struct etcd_status *ret, struct why *why)
{
    struct intake *in = j->engine;
    enum err err = ERR_UNAVAILABLE;

    for (size_t i = 0; i < etcd_n_endpoints(in->etcd); i++) {
        err = etcd_ask_status(in->etcd, ret, why);
        if (err == OK || err == ERR_STATE) break;
    }
    return err;
}

bool journal_etcd_is_slow(struct journal *j, struct why *why)
{
    struct intake *in = j->engine;
    struct etcd_status status;
    struct why other;

    if (!in->was_late || in->is_stale || in->broken) return false;
    if (journal_etcd_ask_status(j, &status, &other) != OK) return false;
    if (status.has_leader) return true;
    (void)fail(why, ERR_UNAVAILABLE, "etcd has no leader, says %s: too few of its servers reach each other", etcd_endpoint(in->etcd));
    return false;
}

struct journal_etcd_counts journal_etcd_counts(const struct journal *j)
{
    const struct intake *in = j->engine;

    return in->counts;
}

static void close_etcd(struct journal *j)
{
    struct intake *in;

    if (!j) return;
    in = j->engine;
    store_close(j->store);
    intake_done(in);
    mem_free(in);
    mem_free(j);
}

enum err journal_open_etcd(const char *dir, const struct journal_etcd_options *options, struct journal **ret, struct why *why)
{
    AUTO(buf_done) struct buf path = {0};
    struct etcd *etcd;
    struct journal *j;
    struct intake *in;
    enum err err;

    TRY(etcd_new(&options->etcd, &etcd, why));
    in = mem_zalloc(sizeof *in);
    j = mem_zalloc(sizeof *j);
    *j = (struct journal){.name = "etcd", .engine = in, .propose = propose, .follow = follow, .close = close_etcd};
    in->journal = j;
    in->options = *options;
    in->etcd = etcd;
    if (dir) buf_addf(&path, "%s/journal.db", dir);
    err = store_open(dir ? buf_z(&path) : NULL, &j->store, why);
    if (err == OK) err = intake_open(in, why);
    if (err != OK) {
        close_etcd(j);
        return err;
    }
    *ret = j;
    return OK;
}
