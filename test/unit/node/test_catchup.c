/* test_catchup.c - fetching a log from honest, lying, slow and broken sources over real sockets.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "node/catchup.h"

#include <stdlib.h>
#include <unistd.h>

#include "made_log.h"
#include "node/catchup_internal.h"
#include "t.h"

#define N_KEYS 4

static const struct str ORIGIN = {"line.example/catchup", 20};
static struct key_secret secrets[N_KEYS];
static struct note_key keys[N_KEYS]; /* Members 0 and 1 as log keys, 2 and 3 as cosigners. */
static struct str names[N_KEYS];
static struct made_log shared_log; /* 33,100 entries: three levels of tiles. */
static struct why why;

/* One network as a test sees it. */
struct bed {
    const struct made_log *log;
    struct made_server servers[4];
    struct catchup_source sources[4];
    struct buf notes[4];
    struct store *store;
    struct catchup_options o;
    struct catchup_result result;
    uint64_t n_taken;          /* Entries handed to taken(). */
    bool outcomes_are_good;
    uint64_t fails_at;         /* taken() fails from this entry on. */
    struct made_server *stops; /* taken() stops this server. */
    atomic_bool *sets;         /* taken() sets this. */
    unsigned n_faults[4][5];   /* By source and fault. */
    unsigned n_other;
};

static enum err taken(void *context, uint64_t first, const struct str *outcomes, size_t n, struct why *ret_why)
{
    struct bed *b = context;

    if (first != b->o.held_size / 2 + b->n_taken || store_size(b->store) < first + n) b->outcomes_are_good = false;
    for (size_t i = 0; i < n; i++)
        if (!str_equal(outcomes[i], made_log_leaf(b->log, 2 * (first + i) + 1))) b->outcomes_are_good = false;
    b->n_taken += n;
    if (b->stops) made_server_stop(b->stops);
    if (b->sets) atomic_store(b->sets, true);
    return first + n > b->fails_at ? fail(ret_why, ERR_INTERNAL, "enough") : OK;
}

static void report(void *context, const char *source, enum catchup_fault fault, const struct why *reason)
{
    struct bed *b = context;
    bool is_known = false;

    CHECK(reason->text[0]);
    CHECK(strcmp(catchup_fault_text(fault), "unknown") != 0);
    for (size_t i = 0; i < b->o.n_sources; i++) {
        if (source != b->sources[i].name) continue;
        b->n_faults[i][fault]++;
        is_known = true;
    }
    b->n_other += !is_known;
}

static void sign(struct buf *to, const struct made_log *log, uint64_t size, unsigned members)
{
    struct checkpoint c = {.origin = ORIGIN, .size = size, .root = made_log_root(log, size)};
    AUTO(buf_done) struct buf text = {0};

    checkpoint_add(&text, &c);
    note_begin(to, buf_str(&text));
    for (unsigned i = 0; i < N_KEYS; i++) {
        if (!(members >> i & 1)) continue;
        if (i < 2) note_sign(to, buf_str(&text), ORIGIN, &secrets[i]);
        else note_cosign(to, buf_str(&text), names[i], &secrets[i], 1700000000);
    }
}

/* n sources that show the first size leaves, signed by the first two members; nothing is held. */
static void bed_init(struct bed *b, const struct made_log *log, unsigned n, uint64_t size)
{
    static const char *const source_names[] = {"Alpha", "Bravo", "Charlie", "Delta"};

    *b = (struct bed){.log = log, .outcomes_are_good = true, .fails_at = UINT64_MAX};
    for (unsigned i = 0; i < n; i++) {
        sign(&b->notes[i], log, size, 3);
        b->servers[i].log = log;
        b->servers[i].size = size;
        b->sources[i].name = source_names[i];
    }
    must(store_open(NULL, &b->store, &why) == OK);
    b->o = (struct catchup_options){.sources = b->sources, .n_sources = n, .policy = {ORIGIN, keys, NULL, N_KEYS, 2}, .store = b->store,
                                    .held_root = merkle_empty_root(), .patience_ms = 600000, .taken = taken, .report = report,
                                    .context = b};
}

static enum err bed_run(struct bed *b)
{
    enum err err;

    for (unsigned i = 0; i < b->o.n_sources; i++) {
        struct made_server *s = &b->servers[i];
        s->note = buf_str(&b->notes[i]);
        if (!s->server) made_server_start(s, 1);
        b->sources[i].url = s->url;
    }
    b->n_taken = 0;
    catchup_result_done(&b->result);
    b->result = (struct catchup_result){0};
    why = (struct why){0};
    err = catchup_run(&b->o, &b->result, &why);
    return err;
}

static void bed_done(struct bed *b)
{
    for (unsigned i = 0; i < b->o.n_sources; i++) {
        made_server_stop(&b->servers[i]);
        buf_done(&b->notes[i]);
    }
    catchup_result_done(&b->result);
    store_close(b->store);
}

/* The store holds a beginning of the log and nothing else. */
static bool store_is_good(const struct bed *b)
{
    AUTO(buf_done) struct buf bytes = {0};

    for (uint64_t i = 0; i < store_size(b->store); i++) {
        buf_clear(&bytes);
        if (!CHECK(store_get_entry(b->store, i, &bytes, &why) == OK)) return false;
        if (!CHECK_STR(buf_str(&bytes), made_log_leaf(b->log, 2 * i))) return false;
    }
    return CHECK(b->outcomes_are_good);
}

static bool has_all(struct bed *b, uint64_t size)
{
    struct hash root = made_log_root(b->log, size);
    struct note_verdict verdicts[N_KEYS];
    AUTO(mem_auto) struct note *note = mem_alloc(sizeof *note);

    return CHECK_INT(store_size(b->store), size / 2) && store_is_good(b) && CHECK_INT(b->n_taken, size / 2 - b->o.held_size / 2) &&
           CHECK_INT(b->result.size, size) && CHECK(hash_equal(&b->result.root, &root)) &&
           CHECK(note_parse(buf_str(&b->result.note), note, &why) == OK) &&
           CHECK(note_verify(note, keys, N_KEYS, verdicts, &why) == OK);
}

static bool succeeds(struct bed *b)
{
    bool is_ok = CHECK_INT(bed_run(b), OK);
    if (!is_ok) printf("# %s\n", why.text);
    return is_ok;
}

static void fill_store(struct bed *b, uint64_t from, uint64_t to)
{
    for (uint64_t i = from; i < to; i++) {
        struct str entry = made_log_leaf(b->log, 2 * i);
        must(store_append(b->store, &entry, 1, &why) == OK);
    }
}

static void hold(struct bed *b, uint64_t size)
{
    b->o.held_size = size;
    b->o.held_root = made_log_root(b->log, size);
}

static void a_node_that_starts_from_nothing_gets_every_entry(void)
{
    static const uint64_t sizes[] = {2, 4, 254, 256, 258, 510, 512, 514, 4096, 5000, 8192};

    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct bed b;
        bed_init(&b, &shared_log, 1, sizes[i]);
        if (!succeeds(&b) || !has_all(&b, sizes[i])) printf("# at %" PRIu64 " leaves\n", sizes[i]);
        CHECK_INT(b.result.n_entries, sizes[i] / 2);
        bed_done(&b);
    }
}

static void a_log_of_three_levels_is_fetched_by_one_connection_or_many(void)
{
    for (unsigned n = 1; n <= 9; n += 8) {
        struct bed b;
        bed_init(&b, &shared_log, 2, made_log_size(&shared_log));
        b.o.n_connections = n;
        CHECK(succeeds(&b) && has_all(&b, made_log_size(&shared_log)));
        bed_done(&b);
    }
}

static void a_node_that_fell_behind_gets_the_rest(void)
{
    static const uint64_t held[] = {2, 100, 256, 258, 512, 4094, 65536, 66198};

    for (size_t i = 0; i < sizeof held / sizeof *held; i++) {
        struct bed b;
        bed_init(&b, &shared_log, 1, 66200);
        hold(&b, held[i]);
        fill_store(&b, 0, held[i] / 2);
        if (!succeeds(&b) || !has_all(&b, 66200)) printf("# from %" PRIu64 " leaves\n", held[i]);
        CHECK_INT(b.result.n_entries, 33100 - held[i] / 2);
        bed_done(&b);
    }
}

static void a_node_that_is_up_to_date_or_ahead_fetches_nothing(void)
{
    struct bed b;

    bed_init(&b, &shared_log, 1, 600);
    hold(&b, 600);
    fill_store(&b, 0, 300);
    CHECK(succeeds(&b));
    CHECK_INT(b.servers[0].n_requests, 1);
    fill_store(&b, 300, 301);
    hold(&b, 602);
    CHECK(succeeds(&b));
    CHECK_INT(b.result.n_entries, 0);
    CHECK_INT(b.n_taken, 0);
    bed_done(&b);
}

static void what_the_store_has_beyond_what_is_held_is_compared(void)
{
    for (int is_wrong = 0; is_wrong < 2; is_wrong++) {
        struct str odd = STR("not what was signed");
        struct bed b;
        bed_init(&b, &shared_log, 1, 3000);
        hold(&b, 600);
        fill_store(&b, 0, 1000);
        if (is_wrong) must(store_append(b.store, &odd, 1, &why) == OK);
        if (is_wrong) {
            CHECK_INT(bed_run(&b), ERR_CORRUPT);
            CHECK_INT(store_size(b.store), 1001);
        } else {
            CHECK(succeeds(&b) && has_all(&b, 3000));
            CHECK_INT(b.result.n_entries, 500);
        }
        bed_done(&b);
    }
}

static void a_history_of_its_own_is_told_from_a_lie(void)
{
    static const uint64_t held[] = {600, 512, 2000};
    struct made_log fork = {0};
    struct rng rng = {7};

    for (uint64_t i = 0; i < 500; i++) made_log_add(&fork, made_log_leaf(&shared_log, i));
    made_log_fill(&fork, &rng, 1000, 30, 20);
    for (size_t i = 0; i < sizeof held / sizeof *held; i++) {
        struct bed b;
        bed_init(&b, &shared_log, 1, 2000);
        b.log = &fork;
        hold(&b, held[i]);
        fill_store(&b, 0, held[i] / 2);
        CHECK_INT(bed_run(&b), ERR_CONFLICT);
        CHECK_INT(store_size(b.store), held[i] / 2);
        CHECK_INT(b.n_faults[0][CATCHUP_LIED], 0);
        bed_done(&b);
    }
    made_log_done(&fork);
}

static void another_genesis_is_another_network(void)
{
    struct hash right = hash_of(made_log_leaf(&shared_log, 0)), wrong = hash_of(made_log_leaf(&shared_log, 2));
    struct bed b;

    bed_init(&b, &shared_log, 1, 1000);
    b.o.genesis = &wrong;
    CHECK_INT(bed_run(&b), ERR_CORRUPT);
    CHECK_INT(store_size(b.store), 0);
    b.o.genesis = &right;
    CHECK(succeeds(&b) && has_all(&b, 1000));
    bed_done(&b);
}

/* Bundles as well as tiles: size has full and partial ones of both. */
static void a_lying_source_is_named_and_another_one_used(void)
{
    const uint64_t size = 66200;

    for (enum made_fault fault = MADE_FLIPS; fault <= MADE_TILE_SHORT; fault++) {
        struct bed b;
        bed_init(&b, &shared_log, 2, size);
        hold(&b, 60000);
        fill_store(&b, 0, 30000);
        b.o.n_connections = 2;
        b.servers[0].fault = fault;
        if (!succeeds(&b) || !has_all(&b, size)) printf("# fault %d\n", (int)fault);
        CHECK_INT(b.n_faults[1][CATCHUP_LIED], 0);
        bed_done(&b);
    }
}

static void a_lying_source_alone_brings_nothing(void)
{
    for (enum made_fault fault = MADE_FLIPS; fault <= MADE_ERROR; fault++) {
        struct bed b;
        bed_init(&b, &shared_log, 1, 66200);
        hold(&b, 60000);
        fill_store(&b, 0, 30000);
        b.servers[0].fault = fault;
        if (!CHECK_INT(bed_run(&b), ERR_NET)) printf("# fault %d\n", (int)fault);
        CHECK_INT(store_size(b.store), 30000);
        CHECK(b.n_faults[0][fault == MADE_ERROR ? CATCHUP_FAILED : CATCHUP_LIED] >= 1);
        CHECK(strstr(why.text, "no source is left") != NULL);
        bed_done(&b);
    }
}

static void a_source_that_lies_late_leaves_only_good_entries(void)
{
    struct bed b;

    bed_init(&b, &shared_log, 1, 20000);
    b.servers[0].fault = MADE_FLIPS;
    b.servers[0].from = 50;
    CHECK_INT(bed_run(&b), ERR_NET);
    CHECK(store_size(b.store) % 1024 == 0 && store_size(b.store) <= 48 * 128); /* Slices of eight bundles. */
    CHECK(store_is_good(&b));
    made_server_stop(&b.servers[0]); /* Its threads read the fault. */
    b.servers[0].fault = MADE_HONEST;
    hold(&b, store_size(b.store) * 2);
    CHECK(succeeds(&b) && has_all(&b, 20000));
    bed_done(&b);
}

static void the_partial_bundle_at_the_end_is_verified_too(void)
{
    struct bed b;

    bed_init(&b, &shared_log, 1, 1000);
    b.servers[0].fault = MADE_FLIPS;
    b.servers[0].from = 3;
    CHECK_INT(bed_run(&b), ERR_NET);
    CHECK_INT(b.n_faults[0][CATCHUP_LIED], 1);
    CHECK_INT(store_size(b.store), 0);
    bed_done(&b);
}

static void a_source_that_never_answers_is_named_and_does_not_hold_the_others_up(void)
{
    for (unsigned n = 1; n <= 3; n++) { /* With few connections it may hold all of them. */
        struct bed b;
        bed_init(&b, &shared_log, 2, 20000);
        b.servers[0].fault = MADE_HANGS;
        b.o.patience_ms = 1;
        b.o.timeout_ms = 600000;
        b.o.n_connections = n;
        CHECK(succeeds(&b) && has_all(&b, 20000));
        CHECK(b.servers[0].n_bundles == 0 || b.n_faults[0][CATCHUP_SLOW] >= 1);
        bed_done(&b);
    }
}

/* Whichever is asked first, some of the hanging bundles lie within a slice and not at its front. */
static void two_sources_that_each_hang_at_every_second_bundle_give_the_log_together(void)
{
    for (unsigned n = 1; n <= 2; n++) {
        struct bed b;
        bed_init(&b, &shared_log, 2, 4096);
        for (unsigned i = 0; i < 2; i++) {
            b.servers[i].fault = MADE_HANGS;
            b.servers[i].from = i;
            b.servers[i].every = 2;
        }
        b.o.patience_ms = 1;
        b.o.timeout_ms = 600000;
        b.o.n_connections = n;
        CHECK(succeeds(&b) && has_all(&b, 4096));
        CHECK(b.n_faults[0][CATCHUP_SLOW] + b.n_faults[1][CATCHUP_SLOW] >= 1);
        bed_done(&b);
    }
}

static void of_two_sources_that_are_late_each_time_none_is_asked_for_ever(void)
{
    struct bed b;
    struct sources s = {0};
    unsigned n_asked[2] = {0};

    bed_init(&b, &shared_log, 2, 2);
    b.o.report = NULL;
    sources_init(&s, &b.o);
    for (int i = 0; i < 200; i++) {
        int source = sources_choose(&s, 0);
        n_asked[source]++;
        sources_failed(&s, source, CATCHUP_SLOW, &why);
    }
    CHECK_INT(n_asked[0], 100);
    CHECK_INT(n_asked[1], 100);
    sources_done(&s);
    bed_done(&b);
}

static void a_source_that_fails_is_passed_over(void)
{
    struct bed b;

    bed_init(&b, &shared_log, 3, 20000);
    b.servers[0].fault = MADE_ERROR;
    b.servers[1].fault = MADE_ERROR;
    b.servers[1].from = 30;
    CHECK(succeeds(&b) && has_all(&b, 20000));
    CHECK_INT(b.n_faults[2][CATCHUP_FAILED], 0);
    bed_done(&b);
}

static void a_source_that_is_behind_helps_as_far_as_it_can(void)
{
    struct bed b;

    bed_init(&b, &shared_log, 2, 20000);
    buf_clear(&b.notes[0]);
    sign(&b.notes[0], &shared_log, 5000, 3);
    b.servers[0].size = 5000;
    CHECK(succeeds(&b) && has_all(&b, 20000));
    CHECK_INT(b.n_faults[0][CATCHUP_LIED], 0);
    bed_done(&b);
}

static void a_source_that_has_grown_serves_the_size_that_was_signed(void)
{
    for (int drops = 0; drops < 2; drops++) {
        struct bed b;
        bed_init(&b, &shared_log, 1, 1000);
        b.servers[0].size = made_log_size(&shared_log);
        b.servers[0].drops_partial = drops;
        CHECK(succeeds(&b) && has_all(&b, 1000));
        bed_done(&b);
    }
}

static void a_run_that_was_broken_off_is_continued_by_the_next(void)
{
    struct bed b;
    uint64_t reached;

    bed_init(&b, &shared_log, 1, made_log_size(&shared_log));
    b.stops = &b.servers[0];
    CHECK_INT(bed_run(&b), ERR_NET);
    reached = store_size(b.store);
    CHECK(reached >= 1024 && reached < 33100);
    CHECK(store_is_good(&b));
    b.stops = NULL;
    hold(&b, 2 * reached);
    CHECK(succeeds(&b) && has_all(&b, made_log_size(&shared_log)));
    CHECK_INT(b.result.n_entries, 33100 - reached);
    bed_done(&b);
}

static void a_crash_between_slices_loses_nothing(void)
{
    static const char *const ends[] = {"", "-wal", "-shm", ".lock"};
    const char *tmp = getenv("TMPDIR");
    char *folder = NULL;
    AUTO(buf_done) struct buf file = {0};
    struct bed b;
    size_t n;

    must(asprintf(&folder, "%s/catchup.XXXXXX", tmp ? tmp : "/tmp") > 0 && mkdtemp(folder));
    buf_addf(&file, "%s/journal.db", folder);
    bed_init(&b, &shared_log, 1, 20000);
    store_close(b.store);
    must(store_open(buf_z(&file), &b.store, &why) == OK);
    b.o.store = b.store;
    b.fails_at = 3000;
    CHECK_INT(bed_run(&b), ERR_INTERNAL);
    CHECK_INT(store_size(b.store), 3072);
    store_close(b.store);
    must(store_open(buf_z(&file), &b.store, &why) == OK);
    b.o.store = b.store;
    CHECK_INT(store_size(b.store), 3072);
    b.fails_at = UINT64_MAX; /* Nothing was applied: everything is compared once more. */
    CHECK(succeeds(&b) && has_all(&b, 20000));
    CHECK_INT(b.result.n_entries, 10000 - 3072);
    bed_done(&b);
    n = file.n;
    for (size_t i = 0; i < 4; i++) {
        file.n = n;
        buf_add_str(&file, str_of(ends[i]));
        (void)unlink(buf_z(&file));
    }
    CHECK(rmdir(folder) == 0);
    free(folder);
}

static void a_caller_that_stops_is_obeyed(void)
{
    atomic_bool stop = false;
    struct http_client_options client = {.stop = &stop};
    struct bed b;

    bed_init(&b, &shared_log, 1, made_log_size(&shared_log));
    b.o.client = &client;
    b.sets = &stop;
    CHECK_INT(bed_run(&b), ERR_UNAVAILABLE);
    CHECK_INT(store_size(b.store), 1024);
    CHECK(store_is_good(&b));
    bed_done(&b);
}

static void signatures_of_several_sources_count_together(void)
{
    struct bed b;

    bed_init(&b, &shared_log, 3, 2000);
    for (unsigned i = 0; i < 3; i++) {
        buf_clear(&b.notes[i]);
        sign(&b.notes[i], &shared_log, 2000, 1U << i);
    }
    b.o.policy.n_needed = 3;
    CHECK(succeeds(&b) && has_all(&b, 2000));
    b.o.policy.n_needed = 4;
    CHECK_INT(bed_run(&b), ERR_UNAVAILABLE);
    AUTO(buf_done) struct buf fourth = {0};
    sign(&fourth, &shared_log, 2000, 8);
    b.o.note = buf_str(&fourth); /* The caller has it. */
    CHECK_INT(bed_run(&b), OK);
    bed_done(&b);
}

static void a_member_counts_once(void)
{
    static const unsigned members[N_KEYS] = {5, 5, 6, 7};
    struct bed b;

    bed_init(&b, &shared_log, 1, 2000);
    b.o.policy.members = members;
    CHECK_INT(bed_run(&b), ERR_UNAVAILABLE);
    buf_clear(&b.notes[0]);
    sign(&b.notes[0], &shared_log, 2000, 2 | 4);
    CHECK(succeeds(&b) && has_all(&b, 2000));
    bed_done(&b);
}

static void the_largest_head_that_enough_signed_is_taken(void)
{
    struct bed b;

    bed_init(&b, &shared_log, 3, 2000);
    buf_clear(&b.notes[0]);
    sign(&b.notes[0], &shared_log, 3000, 1);
    b.servers[0].size = 3000;
    buf_clear(&b.notes[2]);
    sign(&b.notes[2], &shared_log, 1000, 15);
    CHECK(succeeds(&b) && has_all(&b, 2000));
    bed_done(&b);
}

static void who_signed_two_roots_counts_for_neither(void)
{
    struct made_log fork = {0};
    struct rng rng = {8};
    struct bed b;

    made_log_fill(&fork, &rng, 1000, 30, 20);
    bed_init(&b, &shared_log, 2, 2000);
    buf_clear(&b.notes[1]);
    sign(&b.notes[1], &fork, 2000, 1 | 4);
    CHECK_INT(bed_run(&b), ERR_UNAVAILABLE); /* Member 0 signed both: one is left on each side. */
    CHECK_INT(b.n_faults[0][CATCHUP_DIVIDED] + b.n_faults[1][CATCHUP_DIVIDED], 1);
    buf_clear(&b.notes[0]);
    sign(&b.notes[0], &shared_log, 2000, 1 | 2 | 8);
    CHECK(succeeds(&b) && has_all(&b, 2000)); /* Two are. */
    b.o.policy.n_needed = 1;
    CHECK_INT(bed_run(&b), ERR_CONFLICT);
    bed_done(&b);
    made_log_done(&fork);
}

static void checkpoints_that_prove_nothing_are_reported(void)
{
    struct key_secret stranger;
    struct hash seed = hash_of(STR("a stranger"));
    struct checkpoint c = {.origin = STR("another.example/log"), .size = 2000, .root = made_log_root(&shared_log, 2000)};
    struct bed b;

    key_secret_init(&stranger, seed.b);
    bed_init(&b, &shared_log, 4, 2000);
    b.notes[0].at[b.notes[0].n - 5] ^= 1;       /* A bad signature. */
    buf_clear(&b.notes[1]);
    checkpoint_sign(&b.notes[1], &c, &secrets[0]); /* Of another log. */
    buf_clear(&b.notes[2]);
    c.origin = ORIGIN;
    checkpoint_sign(&b.notes[2], &c, &stranger);
    CHECK(succeeds(&b) && has_all(&b, 2000)); /* By the fourth. */
    for (unsigned i = 0; i < 3; i++) CHECK_INT(b.n_faults[i][CATCHUP_LIED], 1);
    for (unsigned i = 0; i < 3; i++) CHECK_INT(b.servers[i].n_bundles, 0);
    buf_clear(&b.notes[3]); /* None. */
    CHECK_INT(bed_run(&b), ERR_UNAVAILABLE);
    buf_clear(&b.notes[3]);
    sign(&b.notes[3], &shared_log, 1999, 3);
    CHECK_INT(bed_run(&b), ERR_UNAVAILABLE); /* Odd. */
    b.o.n_sources = 0;
    CHECK_INT(bed_run(&b), ERR_UNAVAILABLE);
    b.o.n_sources = 4;
    bed_done(&b);
    key_secret_done(&stranger);
}

int main(void)
{
    static const char *const labels[N_KEYS] = {"zero", "one", "two", "three"};
    struct rng rng = t_rng();

    for (unsigned i = 0; i < N_KEYS; i++) {
        struct hash seed = hash_of(str_of(labels[i]));
        key_secret_init(&secrets[i], seed.b);
        names[i] = i < 2 ? ORIGIN : str_of(labels[i]);
        keys[i] = note_key_make(names[i], i < 2 ? NOTE_ED25519 : NOTE_COSIGNATURE, &secrets[i].public);
    }
    made_log_fill(&shared_log, &rng, 33100, 30, 20);
    RUN(a_node_that_starts_from_nothing_gets_every_entry);
    RUN(a_log_of_three_levels_is_fetched_by_one_connection_or_many);
    RUN(a_node_that_fell_behind_gets_the_rest);
    RUN(a_node_that_is_up_to_date_or_ahead_fetches_nothing);
    RUN(what_the_store_has_beyond_what_is_held_is_compared);
    RUN(a_history_of_its_own_is_told_from_a_lie);
    RUN(another_genesis_is_another_network);
    RUN(a_lying_source_is_named_and_another_one_used);
    RUN(a_lying_source_alone_brings_nothing);
    RUN(a_source_that_lies_late_leaves_only_good_entries);
    RUN(the_partial_bundle_at_the_end_is_verified_too);
    RUN(a_source_that_never_answers_is_named_and_does_not_hold_the_others_up);
    RUN(two_sources_that_each_hang_at_every_second_bundle_give_the_log_together);
    RUN(of_two_sources_that_are_late_each_time_none_is_asked_for_ever);
    RUN(a_source_that_fails_is_passed_over);
    RUN(a_source_that_is_behind_helps_as_far_as_it_can);
    RUN(a_source_that_has_grown_serves_the_size_that_was_signed);
    RUN(a_run_that_was_broken_off_is_continued_by_the_next);
    RUN(a_crash_between_slices_loses_nothing);
    RUN(a_caller_that_stops_is_obeyed);
    RUN(signatures_of_several_sources_count_together);
    RUN(a_member_counts_once);
    RUN(the_largest_head_that_enough_signed_is_taken);
    RUN(who_signed_two_roots_counts_for_neither);
    RUN(checkpoints_that_prove_nothing_are_reported);
    made_log_done(&shared_log);
    for (unsigned i = 0; i < N_KEYS; i++) key_secret_done(&secrets[i]);
    return t_done();
}
