/* fetch.c - what a node of several members takes over from its peers' logs.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "node/fetch.h"

#include <stdio.h>

#include "base/limits.h"
#include "base/mem.h"
#include "node/gap.h"
#include "node/peers.h"
#include "node/shared.h"
#include "node/whole_file.h"
#include "state/member.h"

#define SOURCES_MAX CATCHUP_SOURCES_MAX
#define BOUNDLESS 0 /* The end of a range that is still growing. */
#define MARK "audit"
#define MARK_BYTES_MAX 64

struct fetch {
    struct node *node;
    struct peer_link *link;
    struct buf urls[LIMIT_ADDRESSES];
    size_t n_urls;
    int64_t again_us;   /* Not before. */
    struct why gap_why; /* Why the last gap was not waived. */

    /* Entries whose signatures are not verified: [next, end). */
    uint64_t next, end;
    bool is_open; /* The catch-up that made them did not reach a signed size. */
    struct audit *audit;
    atomic_bool is_bad;

    pthread_mutex_t lock; /* Over what follows. */
    struct fetch_status status;
};

/* The mark on disk. */

/* An end of 0: it is open. Durable, gone as well as written: one of an earlier day must not come back after a loss of power. */
static enum err write_mark(const struct fetch *f, uint64_t next, uint64_t end, struct why *why)
{
    AUTO(buf_done) struct buf text = {0};

    if (!f->node->dir) return OK;
    if (end != BOUNDLESS && next >= end) return whole_file_remove(f->node->dir, MARK, why);
    buf_addf(&text, "%llu %llu", (unsigned long long)next, (unsigned long long)end);
    if (end == BOUNDLESS) buf_addf(&text, " %llu", (unsigned long long)store_size(f->node->store));
    buf_add_char(&text, '\n');
    return whole_file_write(f->node->dir, MARK, buf_str(&text), why);
}

static enum err read_mark(struct fetch *f, struct why *why)
{
    AUTO(buf_done) struct buf text = {0};
    enum err err = f->node->dir ? whole_file_read(f->node->dir, MARK, MARK_BYTES_MAX, &text, why) : ERR_NOT_FOUND;
    uint64_t before = 0;

    if (err == ERR_NOT_FOUND) return OK;
    if (err == ERR_DISK) return err;
    struct str rest = buf_str(&text), line = str_cut(&rest, '\n'), next = str_cut(&line, ' '), end = str_cut(&line, ' ');
    if (err != OK || !str_to_u64(next, UINT64_MAX, &f->next) || !str_to_u64(end, UINT64_MAX, &f->end) ||
        (f->end == BOUNDLESS && !str_to_u64(line, UINT64_MAX, &before))) {
        return fail(why, ERR_CORRUPT, "%s/" MARK ": not what was written there", f->node->dir);
    }
    if (f->end != BOUNDLESS) return OK;
    f->is_open = store_size(f->node->store) > before;
    f->end = f->is_open ? UINT64_MAX : before; /* All that there is. */
    /* Nothing came: what comes from etcd from now on is not to be taken for that at the next start. */
    return f->is_open ? OK : write_mark(f, f->next, f->end, why);
}

enum err fetch_new(struct node *n, struct peer_link *link, const struct str *urls, size_t n_urls, struct fetch **ret, struct why *why)
{
    struct fetch *f = mem_zalloc(sizeof *f);

    f->node = n;
    f->link = link && link->authorize ? link : NULL;
    for (; f->n_urls < n_urls && f->n_urls < LIMIT_ADDRESSES; f->n_urls++) buf_add_str(&f->urls[f->n_urls], urls[f->n_urls]);
    must(pthread_mutex_init(&f->lock, NULL) == 0);
    enum err err = read_mark(f, why);
    if (err != OK) {
        fetch_free(f);
        return err;
    }
    *ret = f;
    return OK;
}

void fetch_free(struct fetch *f)
{
    if (!f) return;
    audit_free(f->audit);
    for (size_t i = 0; i < f->n_urls; i++) buf_done(&f->urls[i]);
    must(pthread_mutex_destroy(&f->lock) == 0);
    mem_free(f);
}

uint64_t fetch_verified_to(const struct fetch *f)
{
    return f->end;
}

bool fetch_must_run(const struct fetch *f)
{
    return f->is_open;
}

bool fetch_is_bad(const struct fetch *f)
{
    return atomic_load(&f->is_bad);
}

/* The audit. */

/* Ended nodes wrote what they wrote while they could. What roots write is of members, and was verified when it was applied. */
static bool key_of(void *context, uint64_t index, const uint8_t author[8], struct key_public *ret)
{
    struct fetch *f = context;
    struct member_node node;
    struct state_pin pin;

    (void)index;
    const struct view *v = state_read(f->node->state, &pin);
    bool is_node = view_node(v, author, &node);
    if (is_node) *ret = node.key;
    bool is_known = is_node || state_author_key(v, author, ret);
    state_done_reading(&pin);
    return is_known;
}

static void progress(void *context, uint64_t next)
{
    struct fetch *f = context;
    struct why why = {0};

    if (write_mark(f, next, f->end, &why) != OK) node_warn(f->node, "the audit's progress is not kept", &why);
}

static void bad(void *context, uint64_t index, const struct why *because)
{
    struct fetch *f = context;
    struct why why = {0};

    (void)index;
    (void)fail(&why, ERR_CORRUPT, "the audit of what was taken over from peers: %.200s", because->text);
    atomic_store(&f->is_bad, true);
    node_stop_writes(f->node, &why);
}

static void start_audit(struct fetch *f)
{
    struct audit_options options = {.store = f->node->store,
                                    .origin = buf_str(&f->node->origin),
                                    .from = f->next,
                                    .to = f->end,
                                    .key_of = key_of,
                                    .progress = progress,
                                    .bad = bad,
                                    .without_thread = f->node->is_stepped,
                                    .context = f};

    must(!f->audit);
    must(pthread_mutex_lock(&f->lock) == 0);
    if (f->next < f->end) f->audit = audit_start(&options);
    must(pthread_mutex_unlock(&f->lock) == 0);
}

void fetch_go_on(struct fetch *f)
{
    if (f->is_open) return; /* What is missing comes first. */
    if (f->end > store_size(f->node->store)) f->end = store_size(f->node->store);
    start_audit(f);
}

/* Takes the audit of earlier entries into the range to come. */
static void pause_audit(struct fetch *f)
{
    struct audit *audit = f->audit;
    struct audit_status s;

    if (!audit) return;
    must(pthread_mutex_lock(&f->lock) == 0);
    f->audit = NULL;
    must(pthread_mutex_unlock(&f->lock) == 0);
    audit_stop(audit);
    audit_status(audit, &s);
    audit_free(audit);
    f->next = s.next;
}

/* Sources and policy. */

struct sources {
    struct arena arena;
    struct catchup_source at[SOURCES_MAX];
    const char *headers[SOURCES_MAX][1];
    size_t n;
    struct seats seats;
    struct note_key keys[SEATS_NODES_MAX];
    unsigned members[SEATS_NODES_MAX];
    struct catchup_policy policy;
};

static const char *z_of(struct arena *arena, struct str a, const char *b)
{
    char *at = arena_alloc(arena, a.n + strlen(b) + 1);

    while (a.n > 0 && a.at[a.n - 1] == '/') a.n--;
    memcpy(at, a.at, a.n);
    memcpy(at + a.n, b, strlen(b) + 1);
    return at;
}

static void add_source(struct fetch *f, struct sources *s, struct str name, struct str url, const uint8_t receiver[8])
{
    AUTO(buf_done) struct buf header = {0};

    if (s->n == SOURCES_MAX) return;
    f->link->authorize(f->link, receiver, &header);
    s->headers[s->n][0] = z_of(&s->arena, buf_str(&header), "");
    s->at[s->n] = (struct catchup_source){.name = z_of(&s->arena, name, ""),
                                          .url = z_of(&s->arena, url, "/log"),
                                          .headers = s->headers[s->n],
                                          .n_headers = 1};
    s->n++;
}

/* Whoever is not in the record yet is called by the name of the network. */
static void find_sources(struct fetch *f, struct sources *s)
{
    struct peer_address *known = arena_array(&s->arena, SOURCES_MAX, sizeof *known);
    size_t n = peers_addresses(f->node, &s->arena, known, SOURCES_MAX);

    for (size_t i = 0; i < n; i++) add_source(f, s, known[i].name, known[i].url, known[i].id);
    for (size_t i = 0; i < f->n_urls; i++) add_source(f, s, buf_str(&f->urls[i]), buf_str(&f->urls[i]), f->node->genesis_hash.b);
}

/* Of two members the other one is enough: this node was away. */
static unsigned enough(const struct seats *seats)
{
    return seats->n_members == 2 ? 1 : seats_majority(seats);
}

static void find_policy(struct fetch *f, struct sources *s)
{
    uint8_t(*ids)[8] = mem_calloc(SEATS_NODES_MAX, 8);
    struct state_pin pin;
    const struct view *v = state_read(f->node->state, &pin);

    s->policy = (struct catchup_policy){.origin = buf_str(&f->node->origin), .keys = s->keys, .members = s->members};
    if (peers_seats(v, buf_str(&f->node->origin), &s->arena, &s->seats, ids)) {
        for (size_t i = 0; i < s->seats.n_nodes; i++) {
            s->keys[i] = s->seats.nodes[i].log;
            s->members[i] = s->seats.nodes[i].member;
        }
        s->policy.n_keys = s->seats.n_nodes;
        s->policy.n_needed = enough(&s->seats);
    }
    state_done_reading(&pin);
    mem_free(ids);
}

/* One run. */

struct run {
    struct fetch *fetch;
    struct arena arena;
};

static enum err compare_outcomes(struct node *n, uint64_t first, const struct str *outcomes, size_t count, struct why *why)
{
    const struct fresh_outcomes *fresh = &n->fresh; /* Changed by this thread only. */

    must(fresh->first <= first && fresh->ends.n >= first - fresh->first + count);
    for (size_t i = 0; i < count; i++) {
        uint64_t k = first + i - fresh->first;
        uint64_t begin = k ? fresh->ends.at[k - 1] : 0;
        if (!str_equal(str_make(fresh->bytes.at + begin, fresh->ends.at[k] - begin), outcomes[i])) {
            return fail(why, ERR_CORRUPT, "entry %llu comes to another outcome here than its members signed: other rules, or a fault",
                        (unsigned long long)(first + i));
        }
    }
    return OK;
}

static enum err taken(void *context, uint64_t first, const struct str *outcomes, size_t count, struct why *why)
{
    struct run *r = context;
    struct node *n = r->fetch->node;

    arena_clear(&r->arena);
    TRY(writer_apply_taken(n, first + count, &r->arena, why));
    return compare_outcomes(n, first, outcomes, count, why);
}

static void report(void *context, const char *source, enum catchup_fault fault, const struct why *why)
{
    struct run *r = context;
    struct fetch *f = r->fetch;

    must(pthread_mutex_lock(&f->lock) == 0);
    (void)fail(&f->status.last, OK, "%.60s %s: %.120s", source, catchup_fault_text(fault), why->text);
    if (fault == CATCHUP_LIED || fault == CATCHUP_DIVIDED) (void)fprintf(stderr, "WARNING: catching up: %s\n", f->status.last.text);
    must(pthread_mutex_unlock(&f->lock) == 0);
}

/* Entry 0 alone told whom to believe: does a majority of those who came of it stand behind the log? */
static enum err check_signatures(struct fetch *f, struct str note, struct why *why)
{
    struct sources *s = mem_zalloc(sizeof *s);
    AUTO(mem_auto) struct head *h = mem_alloc(sizeof *h);
    bool has[SEATS_MEMBERS_MAX] = {false};
    unsigned n = 0;

    find_policy(f, s);
    enum err err = s->policy.n_keys ? head_read(&s->seats, note, NULL, h, why) : fail(why, ERR_CORRUPT, "nobody can have signed it");
    for (size_t i = 0; err == OK && i < s->seats.n_nodes; i++) {
        unsigned seat = s->seats.nodes[i].member;
        if (!h->of[i].has_log || has[seat]) continue;
        has[seat] = true;
        n++;
    }
    if (err == OK && n < enough(&s->seats)) err = fail(why, ERR_CORRUPT, "%u of %u members signed it", n, s->seats.n_members);
    arena_done(&s->arena);
    mem_free(s);
    if (err == OK) return OK;
    struct why inner = why ? *why : (struct why){0};
    return fail(why, ERR_CORRUPT, "the log that was taken over has no majority of its members behind it: remove %s/journal.db*: %.100s",
                f->node->dir ? f->node->dir : "", inner.text);
}

static enum err begin_range(struct fetch *f, struct why *why)
{
    pause_audit(f);
    if (!f->is_open && f->next >= f->end) f->next = store_size(f->node->store);
    f->is_open = true;
    f->end = UINT64_MAX;
    return write_mark(f, f->next, BOUNDLESS, why);
}

static enum err end_range(struct fetch *f, struct why *why)
{
    f->is_open = false;
    f->end = store_size(f->node->store);
    return write_mark(f, f->next, f->end, why);
}

/* What was taken becomes part of the order. */
static enum err settle(struct fetch *f, const struct catchup_result *result, bool is_first, struct why *why)
{
    struct node *n = f->node;
    struct hash root = tree_root(n->tree);

    if (tree_size(n->tree) < result->size) return fail(why, ERR_CORRUPT, "what was taken over does not reach the signed size");
    if (tree_size(n->tree) == result->size && !hash_equal(&root, &result->root)) {
        return fail(why, ERR_CORRUPT, "what was taken over has another root at %llu leaves than the signed one", (unsigned long long)result->size);
    }
    if (is_first) TRY(check_signatures(f, buf_str(&result->note), why));
    TRY(writer_flush(n, why));
    TRY(end_range(f, why));
    TRY(shared_grown(n, why));
    start_audit(f);
    return OK;
}

/* Nothing is taken over, or all up to a signed size is. */
static enum err run_once(struct fetch *f, struct run *r, struct sources *s, struct why *why)
{
    struct node *n = f->node;
    struct catchup_result result = {0};
    bool is_first = s->policy.n_needed == 0, was_open = f->is_open;
    uint64_t before = store_size(n->store);
    struct catchup_options options = {.sources = s->at,
                                      .n_sources = s->n,
                                      .policy = s->policy,
                                      .store = n->store,
                                      .held_size = tree_size(n->tree),
                                      .held_root = tree_root(n->tree),
                                      .genesis = &n->genesis_hash,
                                      .client = f->link->client,
                                      .without_threads = n->is_stepped,
                                      .taken = taken,
                                      .report = report,
                                      .context = r};

    if (store_size(n->store) * 2 != options.held_size) return fail(why, ERR_UNAVAILABLE, "what is stored is not applied yet");
    TRY(begin_range(f, why));
    enum err err = catchup_run(&options, &result, why);
    if (err != OK && !was_open && store_size(n->store) == before) {
        enum err closed = end_range(f, NULL); /* Nothing came. */
        start_audit(f);
        return closed == OK ? err : closed;
    }
    if (err == OK) err = settle(f, &result, is_first, why);
    if (err == OK && store_size(n->store) > before) {
        must(pthread_mutex_lock(&f->lock) == 0);
        f->status.n_runs++;
        f->status.n_entries += store_size(n->store) - before;
        f->status.last = (struct why){0};
        must(pthread_mutex_unlock(&f->lock) == 0);
        (void)fprintf(stderr, "took over %llu entries from peers; their signatures are looked at in the background\n",
                      (unsigned long long)(store_size(n->store) - before));
    }
    catchup_result_done(&result);
    return err;
}

enum err fetch_run(struct fetch *f, struct why *why)
{
    struct run r = {.fetch = f};
    struct sources *s;
    enum err err;

    if (!f->link || node_steady_us(f->node) < f->again_us) return fail(why, ERR_UNAVAILABLE, "peers' logs are asked again in a moment");
    s = mem_zalloc(sizeof *s);
    find_sources(f, s);
    find_policy(f, s);
    err = s->n ? run_once(f, &r, s, why) : fail(why, ERR_UNAVAILABLE, "no peer's address is known");
    if (err != OK) {
        f->again_us = node_steady_us(f->node) + FETCH_AGAIN_US;
        must(pthread_mutex_lock(&f->lock) == 0);
        f->status.n_failed++;
        if (why) f->status.last = *why;
        must(pthread_mutex_unlock(&f->lock) == 0);
    }
    arena_done(&r.arena);
    arena_done(&s->arena);
    mem_free(s);
    return err;
}

static enum err ask_about_gap(struct fetch *f, const struct journal_etcd_gap *gap, struct why *why)
{
    struct gap_asked whom = {.link = f->link, .n_urls = f->n_urls};
    struct str urls[LIMIT_ADDRESSES];

    for (size_t i = 0; i < f->n_urls; i++) urls[i] = buf_str(&f->urls[i]);
    whom.urls = urls;
    return gap_ask(f->node, &whom, gap, why);
}

enum err fetch_on_gap(void *fetch, struct node *n, const struct journal_etcd_gap *gap, struct why *why)
{
    struct fetch *f = fetch;

    if (node_steady_us(n) < f->again_us) {
        if (why) *why = f->gap_why; /* Who looks between two attempts is told the same. */
        return ERR_UNAVAILABLE;
    }
    enum err err = f->link ? fetch_run(f, why) : OK;
    if (err != OK && err != ERR_UNAVAILABLE && err != ERR_NET) return err;
    if (journal_etcd_wants(n->journal, gap->author) > gap->from) return OK;
    f->gap_why = (struct why){0};
    if (gap->is_gone) {
        f->again_us = node_steady_us(n) + FETCH_AGAIN_US;
        return fail(why, ERR_UNAVAILABLE, "what was written into a slot can no longer be read in etcd, and peers' tiles do not bring it yet");
    }
    err = ask_about_gap(f, gap, &f->gap_why);
    f->again_us = node_steady_us(n) + (err == OK ? FETCH_AGAIN_US / 10 : FETCH_AGAIN_US);
    if (err == OK) return ERR_NOT_FOUND;
    if (why) *why = f->gap_why;
    return err;
}

void fetch_status(struct fetch *f, struct fetch_status *ret)
{
    struct audit_status s = {0};

    must(pthread_mutex_lock(&f->lock) == 0);
    *ret = f->status;
    if (f->audit) audit_status(f->audit, &s);
    must(pthread_mutex_unlock(&f->lock) == 0);
    ret->is_auditing = f->audit && !s.is_over;
    ret->is_bad = s.is_bad;
    ret->audit_next = s.next;
    ret->audit_end = s.to;
}
