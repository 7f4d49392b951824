/* test_golden.c - the journal of test/golden/v1, replayed for ever; and journals of today, cut into batches in every way.
 * SPDX-License-Identifier: Apache-2.0
 *
 * GOLDEN_MAKE=DIR writes DIR/journal.bundle and DIR/journal.txt, for a new version of the formats. Those of test/golden/v1 are
 * never made again: see the README there.
 */
#include <stdlib.h>

#include "base/b64.h"
#include "base/hex.h"
#include "story.h"
#include "t.h"

#define GOLDEN_SEED 20261122
#define GOLDEN_ENTRIES 420

static const struct reason_row {
    enum reason reason;
    const char *name;
} rows[] = {
#define X(name, number, err, text) {name, #name},
    REASON_TABLE(X)
#undef X
};
#define N_ROWS (sizeof rows / sizeof *rows)

static const enum change_kind kinds[] = {
    CHANGE_JOIN,           CHANGE_TICK,           CHANGE_PROPOSE,           CHANGE_APPROVE,
    CHANGE_NODE_END,       CHANGE_ADDRESSES,      CHANGE_ISSUER,            CHANGE_PARTICIPANT,
    CHANGE_SUSPEND,        CHANGE_RESUME,         CHANGE_INTENT_PUT,        CHANGE_INTENT_DELETE,
    CHANGE_CONSTRAINT_PUT, CHANGE_CONSTRAINT_DELETE, CHANGE_SUBSCRIPTION_PUT, CHANGE_SUBSCRIPTION_DELETE,
    CHANGE_AVAILABILITY_PUT, CHANGE_REPORT};
#define N_KINDS (sizeof kinds / sizeof *kinds)

/* What two replays of one journal must agree on. */
static void describe(const struct story *s, struct buf *to)
{
    buf_addf(to, "entries %llu\nroot ", (unsigned long long)s->n_entries);
    b64_add(to, B64_STANDARD, s->root.b, sizeof s->root.b);
    buf_add_str(to, STR("\nstate "));
    hex_add(to, s->digest.b, sizeof s->digest.b);
    buf_add_char(to, '\n');
    for (size_t i = 0; i < N_ROWS; i++) buf_addf(to, "%s %llu\n", rows[i].name, (unsigned long long)s->n_reasons[rows[i].reason]);
    for (size_t i = 0; i < N_KINDS; i++) buf_addf(to, "accepted kind %d %llu\n", (int)kinds[i], (unsigned long long)s->n_accepted[kinds[i]]);
}

static bool every(void *context, uint64_t index)
{
    (void)context;
    (void)index;
    return true;
}

static bool never(void *context, uint64_t index)
{
    (void)context;
    (void)index;
    return false;
}

static bool at_multiples(void *context, uint64_t index)
{
    return index % *(uint64_t *)context == 0;
}

static bool at_random(void *context, uint64_t index)
{
    (void)index;
    return rng_below(context, 12) == 0;
}

/* One entry a batch, all in one, batches of three lengths, at random, with snapshots in between. */
static void check_all_ways(struct str bundle, struct str want)
{
    uint64_t lengths[] = {2, 7, 64};
    struct rng rng = t_rng();
    const struct story_replay ways[] = {
        {every, never, NULL},         {never, never, NULL},          {at_multiples, never, &lengths[0]}, {at_multiples, never, &lengths[1]},
        {at_multiples, never, &lengths[2]}, {at_random, at_random, &rng}, {never, at_random, &rng},   {every, at_multiples, &lengths[1]},
    };
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        AUTO(buf_done) struct buf text = {0};
        struct story got;
        if (!story_replay(bundle, &ways[i], &got)) printf("# way %zu\n", i);
        describe(&got, &text);
        if (!CHECK(str_equal(buf_str(&text), want))) printf("# way %zu gives\n%s", i, buf_z(&text));
    }
}

static void the_golden_journal_comes_to_what_it_came_to(void)
{
    struct str bundle = t_read_file("test/golden/v1/journal.bundle");
    struct str want = t_read_file("test/golden/v1/journal.txt");
    if (CHECK(bundle.n > 0 && want.n > 0)) check_all_ways(bundle, want);
    free((char *)bundle.at);
    free((char *)want.at);
}

/* Every reason, and nothing that is always refused. */
static void a_journal_of_any_seed_comes_to_the_same_in_every_batch(void)
{
    struct rng rng = t_rng();
    for (int n = t_steps(3); n > 0; n--) {
        AUTO(buf_done) struct buf want = {0};
        struct story s;
        story_make(rng_next(&rng), GOLDEN_ENTRIES, &s);
        describe(&s, &want);
        check_all_ways(buf_str(&s.bundle), buf_str(&want));
        CHECK(s.n_reasons[REASON_ACCEPTED] > 100);
        story_done(&s);
    }
}

static void every_reason_and_kind_occurs_in_the_golden_journal(void)
{
    struct story_replay how = {never, never, NULL};
    struct str bundle = t_read_file("test/golden/v1/journal.bundle");
    struct story got;
    if (CHECK(bundle.n > 0 && story_replay(bundle, &how, &got))) {
        for (size_t i = 0; i < N_ROWS; i++)
            if (!CHECK(got.n_reasons[rows[i].reason] > 0)) printf("# %s\n", rows[i].name);
        for (size_t i = 0; i < N_KINDS; i++)
            if (!CHECK(got.n_accepted[kinds[i]] > 0)) printf("# kind %d\n", (int)kinds[i]);
    }
    free((char *)bundle.at);
}

static void write_file(const char *dir, const char *name, struct str bytes)
{
    char path[4096];
    (void)snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *file = fopen(path, "wxb"); /* Never over another. */
    must(file && fwrite(bytes.at, 1, bytes.n, file) == bytes.n && fclose(file) == 0);
}

int main(void)
{
    const char *dir = getenv("GOLDEN_MAKE");
    if (dir) {
        AUTO(buf_done) struct buf text = {0};
        struct story s;
        story_make(GOLDEN_SEED, GOLDEN_ENTRIES, &s);
        describe(&s, &text);
        write_file(dir, "journal.bundle", buf_str(&s.bundle));
        write_file(dir, "journal.txt", buf_str(&text));
        story_done(&s);
        return 0;
    }
    RUN(the_golden_journal_comes_to_what_it_came_to);
    RUN(every_reason_and_kind_occurs_in_the_golden_journal);
    RUN(a_journal_of_any_seed_comes_to_the_same_in_every_batch);
    return t_done();
}
