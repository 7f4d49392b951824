/* test_golden.c - the journals of test/golden, replayed for ever; and journals of today, cut into batches in every way.
 * SPDX-License-Identifier: Apache-2.0
 *
 * GOLDEN_MAKE=DIR writes DIR/journal.bundle and DIR/journal.txt, for a new version of the rules or formats. Those of test/golden/v1
 * and v2 are never made again: see the README there.
 */
#include <stdlib.h>

#include "base/b64.h"
#include "base/hex.h"
#include "story.h"
#include "t.h"

#define GOLDEN_SEED 20261123
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
    CHANGE_AVAILABILITY_PUT, CHANGE_REPORT,       CHANGE_RULES};
#define N_KINDS (sizeof kinds / sizeof *kinds)

/* What came after the first golden journal, which does not speak of it. */
static bool is_of_rules_2(size_t row)
{
    return rows[row].reason == REASON_PRIORITY;
}

static bool is_kind_of_rules_2(size_t kind)
{
    return kinds[kind] == CHANGE_RULES;
}

/* What two replays of one journal must agree on. */
static void describe(const struct story *s, struct buf *to)
{
    buf_addf(to, "entries %llu\nroot ", (unsigned long long)s->n_entries);
    b64_add(to, B64_STANDARD, s->root.b, sizeof s->root.b);
    buf_add_str(to, STR("\nstate "));
    hex_add(to, s->digest.b, sizeof s->digest.b);
    buf_add_char(to, '\n');
    for (size_t i = 0; i < N_ROWS; i++)
        if (!is_of_rules_2(i) || s->rules >= 2) buf_addf(to, "%s %llu\n", rows[i].name, (unsigned long long)s->n_reasons[rows[i].reason]);
    for (size_t i = 0; i < N_KINDS; i++)
        if (!is_kind_of_rules_2(i) || s->rules >= 2) buf_addf(to, "accepted kind %d %llu\n", (int)kinds[i], (unsigned long long)s->n_accepted[kinds[i]]);
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

static void check_golden(const char *bundle_path, const char *text_path)
{
    struct str bundle = t_read_file(bundle_path);
    struct str want = t_read_file(text_path);
    if (CHECK(bundle.n > 0 && want.n > 0)) check_all_ways(bundle, want);
    free((char *)bundle.at);
    free((char *)want.at);
}

static void the_golden_journal_comes_to_what_it_came_to(void)
{
    check_golden("test/golden/v1/journal.bundle", "test/golden/v1/journal.txt");
}

static void the_golden_journal_with_a_switch_of_rules_comes_to_what_it_came_to(void)
{
    check_golden("test/golden/v2/journal.bundle", "test/golden/v2/journal.txt");
}

/* Every reason, and nothing that is always refused. */
static void a_journal_of_any_seed_comes_to_the_same_in_every_batch(void)
{
    struct rng rng = t_rng();
    for (int n = t_steps(3); n > 0; n--) {
        AUTO(buf_done) struct buf want = {0};
        struct story s;
        if (n % 2) story_make(rng_next(&rng), GOLDEN_ENTRIES, &s);
        else story_make_switching(rng_next(&rng), GOLDEN_ENTRIES, &s);
        CHECK_INT(s.rules, n % 2 ? 1 : 2);
        describe(&s, &want);
        check_all_ways(buf_str(&s.bundle), buf_str(&want));
        CHECK(s.n_reasons[REASON_ACCEPTED] > 100);
        story_done(&s);
    }
}

static void check_complete(const char *path, unsigned rules)
{
    struct story_replay how = {never, never, NULL};
    struct str bundle = t_read_file(path);
    struct story got;
    if (CHECK(bundle.n > 0 && story_replay(bundle, &how, &got))) {
        for (size_t i = 0; i < N_ROWS; i++)
            if (!CHECK(got.n_reasons[rows[i].reason] > 0 || (is_of_rules_2(i) && rules < 2))) printf("# %s\n", rows[i].name);
        for (size_t i = 0; i < N_KINDS; i++)
            if (!CHECK(got.n_accepted[kinds[i]] > 0 || (is_kind_of_rules_2(i) && rules < 2))) printf("# kind %d\n", (int)kinds[i]);
        CHECK_INT(got.rules, rules);
    }
    free((char *)bundle.at);
}

static void every_reason_and_kind_occurs_in_the_golden_journals(void)
{
    check_complete("test/golden/v1/journal.bundle", 1);
    check_complete("test/golden/v2/journal.bundle", 2);
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
        story_make_switching(GOLDEN_SEED, GOLDEN_ENTRIES, &s);
        describe(&s, &text);
        write_file(dir, "journal.bundle", buf_str(&s.bundle));
        write_file(dir, "journal.txt", buf_str(&text));
        story_done(&s);
        return 0;
    }
    RUN(the_golden_journal_comes_to_what_it_came_to);
    RUN(the_golden_journal_with_a_switch_of_rules_comes_to_what_it_came_to);
    RUN(every_reason_and_kind_occurs_in_the_golden_journals);
    RUN(a_journal_of_any_seed_comes_to_the_same_in_every_batch);
    return t_done();
}
