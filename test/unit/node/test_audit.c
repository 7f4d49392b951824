/* test_audit.c - signatures verified in the background: good ones, a bad one, those that are passed over.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "node/audit.h"

#include <stdatomic.h>

#include "entry/entry.h"
#include "gen_change.h"
#include "t.h"

#define N 2100

static const struct str ORIGIN = {"line.example/audit", 18};
static struct key_secret author, stranger;
static uint8_t author_id[8];
static struct store *store; /* 0: genesis; then entries, of which 5 is no entry and 6 is a stranger's. */
static struct why why;

struct seen {
    bool knows_nobody;
    uint64_t n_asked, last_progress, n_progress, bad_at;
    unsigned n_bad;
    _Atomic uint64_t hold_at; /* key_of() waits before this entry until it is another one. */
    _Atomic bool is_holding;
};

static bool key_of(void *context, uint64_t index, const uint8_t id[8], struct key_public *ret)
{
    struct seen *s = context;

    s->n_asked++;
    if (index && index == atomic_load(&s->hold_at)) {
        atomic_store(&s->is_holding, true);
        while (index == atomic_load(&s->hold_at)) {}
    }
    if (s->knows_nobody || memcmp(id, author_id, 8) != 0) return false;
    *ret = author.public;
    return true;
}

static void progress(void *context, uint64_t next)
{
    struct seen *s = context;
    CHECK(next > s->last_progress);
    s->last_progress = next;
    s->n_progress++;
}

static void bad(void *context, uint64_t index, const struct why *reason)
{
    struct seen *s = context;
    s->n_bad++;
    s->bad_at = index;
    CHECK(strstr(reason->text, "signature") != NULL);
}

static void append(struct str bytes)
{
    must(store_append(store, &bytes, 1, &why) == OK);
}

/* damage: a bit of the payload is another one and the entry still reads. */
static void add_entry(uint64_t slot, const struct key_secret *signer, struct str origin, bool damage)
{
    AUTO(arena_done) struct arena arena = {0};
    AUTO(buf_done) struct buf bytes = {0};
    struct hash h = hash_of(str_make(signer->public.b, sizeof signer->public.b));
    struct change tick = {.kind = CHANGE_TICK};
    struct entry e = {.slot = slot, .time_ms = INT64_C(1800000000000), .changes = &tick, .n_changes = 1};

    memcpy(e.author, h.b, 8);
    entry_encode(&e, origin, signer, &bytes);
    if (damage) bytes.at[60] ^= 1; /* Within the hash of the previous entry. */
    must(entry_decode(buf_str(&bytes), &arena, &e, &why) == OK);
    append(buf_str(&bytes));
}

static struct audit_options options_of(struct seen *s, uint64_t from, uint64_t to)
{
    return (struct audit_options){.store = store, .origin = ORIGIN, .from = from, .to = to, .key_of = key_of, .progress = progress,
                                  .bad = bad, .context = s};
}

static struct audit_status audited(struct seen *s, uint64_t from, uint64_t to)
{
    struct audit_options options = options_of(s, from, to);
    struct audit *a = audit_start(&options);
    struct audit_status status;

    audit_wait(a);
    audit_status(a, &status);
    audit_free(a);
    return status;
}

static void good_entries_are_told_and_others_passed_over(void)
{
    struct seen s = {0};
    struct audit_status status = audited(&s, 0, N);

    CHECK(status.is_over && !status.is_bad);
    CHECK_INT(status.next, N);
    CHECK_INT(status.to, N);
    CHECK_INT(status.n_passed, 3); /* Genesis, no entry, a stranger's. */
    CHECK_INT(s.n_asked, N - 2);
    CHECK_INT(s.n_bad, 0);
    CHECK_INT(s.n_progress, 3);
    CHECK_INT(s.last_progress, N);
}

static void it_begins_where_it_was_left(void)
{
    struct seen s = {0};
    struct audit_status status = audited(&s, 2000, N);

    CHECK_INT(status.next, N);
    CHECK_INT(s.n_asked, N - 2000);
    s = (struct seen){0};
    status = audited(&s, N, N);
    CHECK(status.is_over && status.next == N);
}

static void a_bad_signature_stops_the_node_by_its_index(void)
{
    struct seen s = {0};
    struct audit_status status = audited(&s, 0, N + 2);

    CHECK(status.is_over && status.is_bad);
    CHECK_INT(status.next, N);
    CHECK_INT(s.n_bad, 1);
    CHECK_INT(s.bad_at, N);
}

static void a_signature_under_another_origin_is_bad(void)
{
    struct seen s = {0};
    struct audit_status status = audited(&s, N + 1, N + 2);

    CHECK(status.is_bad);
    CHECK_INT(s.bad_at, N + 1);
}

static void entries_of_unknown_authors_are_counted_not_judged(void)
{
    struct seen s = {.knows_nobody = true};
    struct audit_status status = audited(&s, 0, N + 2);

    CHECK(!status.is_bad);
    CHECK_INT(status.n_passed, N + 2);
}

static void it_can_be_stopped_anywhere(void)
{
    struct seen s = {.hold_at = 1500};
    struct audit_options options = options_of(&s, 0, N);
    struct audit *a = audit_start(&options);
    struct audit_status status;

    while (!atomic_load(&s.is_holding)) {}
    audit_status(a, &status);
    CHECK(!status.is_over);
    CHECK_INT(status.next, 1500);
    atomic_store(&s.hold_at, 0);
    audit_free(a);
    CHECK(s.n_bad == 0 && s.last_progress >= 1024);
    audit_free(NULL);
}

int main(void)
{
    struct hash seed = hash_of(STR("author"));
    struct hash other = hash_of(STR("stranger"));
    struct hash id;

    key_secret_init(&author, seed.b);
    key_secret_init(&stranger, other.b);
    id = hash_of(str_make(author.public.b, sizeof author.public.b));
    memcpy(author_id, id.b, 8);
    must(store_open(NULL, &store, &why) == OK);
    append(STR("genesis"));
    for (uint64_t i = 1; i < N; i++) {
        if (i == 5) append(STR("no entry"));
        else add_entry(i, i == 6 ? &stranger : &author, ORIGIN, false);
    }
    add_entry(N, &author, ORIGIN, true);
    add_entry(N + 1, &author, STR("line.example/other"), false);
    RUN(good_entries_are_told_and_others_passed_over);
    RUN(it_begins_where_it_was_left);
    RUN(a_bad_signature_stops_the_node_by_its_index);
    RUN(a_signature_under_another_origin_is_bad);
    RUN(entries_of_unknown_authors_are_counted_not_judged);
    RUN(it_can_be_stopped_anywhere);
    store_close(store);
    key_secret_done(&author);
    key_secret_done(&stranger);
    return t_done();
}
