/* test_fork.c - contradicting heads: what proves one, whom it convicts, and who may still write.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "node/fork.h"

#include <stdlib.h>

#include "base/mem.h"
#include "signers.h"
#include "t.h"

#define SPLIT 20

static struct signers s;
static struct grove grove;
static struct note_key keys[2 * SEATS_NODES_MAX];
static size_t n_keys;
static struct why why;

/* A note of the nodes whose bits are set, at a time of their own each. */
static void note_of(struct buf *to, unsigned nodes, int branch, uint64_t size, uint64_t time_s)
{
    struct head *all = NULL, one;

    for (size_t i = 0; i < s.seats.n_nodes; i++) {
        AUTO(buf_done) struct buf note = {0};
        if (!(nodes & 1U << i)) continue;
        signers_sign(&s, i, size, &grove.roots[branch][size], time_s, &note);
        must(head_read(&s.seats, buf_str(&note), NULL, &one, &why) == OK);
        if (all) {
            (void)head_merge(all, &one);
        } else {
            all = mem_dup(&one, sizeof one);
        }
    }
    must(all != NULL);
    buf_clear(to);
    head_add_note(&s.seats, all, to);
    mem_free(all);
}

/* A proof of the larger note's branch; "" or the nodes convicted, as digits with l for log and m for mirror keys. */
static struct str convicted(struct str file, char ret[64])
{
    bool by[2 * SEATS_NODES_MAX] = {false};
    struct fork_verdict v;
    int n = 0;

    if (fork_verify(file, keys, n_keys, by, &v, &why) != OK) return STR("no");
    for (size_t i = 0; i < n_keys; i++) {
        if (by[i]) n += snprintf(ret + n, 64 - (size_t)n, "%zu%c", i / 2, i % 2 ? 'm' : 'l');
    }
    CHECK_INT(v.n_convicted * 2, n);
    return str_make(ret, (size_t)n);
}

static void make_prefix(struct buf *to, struct str small, uint64_t m, struct str large, int branch, uint64_t n)
{
    struct fork_proof p = {FORK_PREFIX, grove.roots[branch][m], {0}, small, large};

    grove_prove(&grove, branch, m, n, &p.proof);
    buf_clear(to);
    fork_proof_add(to, &p);
}

static void two_roots_of_one_size_convict_who_signed_both(void)
{
    AUTO(buf_done) struct buf x = {0}, y = {0}, file = {0};
    struct fork_proof p = {.kind = FORK_EQUAL};
    char text[64];

    note_of(&x, 0x7, 0, 30, 100); /* 0, 1, 2 */
    note_of(&y, 0xa, 1, 30, 100); /* 1, 3 */
    p.smaller = buf_str(&x);
    p.larger = buf_str(&y);
    fork_proof_add(&file, &p);
    CHECK_STR(convicted(buf_str(&file), text), STR("1l1m"));
    note_of(&y, 0x8, 1, 30, 100); /* Nobody signed both: a fork all the same. */
    p.larger = buf_str(&y);
    buf_clear(&file);
    fork_proof_add(&file, &p);
    CHECK_STR(convicted(buf_str(&file), text), STR(""));
    note_of(&y, 0x2, 0, 30, 105); /* The same head again is none. */
    p.larger = buf_str(&y);
    buf_clear(&file);
    fork_proof_add(&file, &p);
    CHECK_STR(convicted(buf_str(&file), text), STR("no"));
}

static void another_beginning_convicts_who_signed_both(void)
{
    AUTO(buf_done) struct buf x = {0}, y = {0}, file = {0};
    char text[64];

    note_of(&x, 0x3, 1, 24, 100);
    note_of(&y, 0xe, 0, 40, 200);
    make_prefix(&file, buf_str(&x), 24, buf_str(&y), 0, 40);
    CHECK_STR(convicted(buf_str(&file), text), STR("1l1m"));
}

static void heads_of_one_tree_convict_nobody(void)
{
    AUTO(buf_done) struct buf x = {0}, y = {0}, file = {0};
    char text[64];

    note_of(&x, 0x3, 0, 24, 100);
    note_of(&y, 0xe, 0, 40, 200);
    make_prefix(&file, buf_str(&x), 24, buf_str(&y), 0, 40);
    CHECK_STR(convicted(buf_str(&file), text), STR("no"));
    note_of(&x, 0x3, 1, 20, 100); /* Before the split the branches are one. */
    make_prefix(&file, buf_str(&x), 20, buf_str(&y), 0, 40);
    CHECK_STR(convicted(buf_str(&file), text), STR("no"));
}

static void a_bad_consistency_proof_shows_nothing(void)
{
    AUTO(buf_done) struct buf x = {0}, y = {0}, file = {0};
    struct fork_proof p = {.kind = FORK_PREFIX};
    struct checkpoint small, large;
    char text[64];

    /* Both heads are honest; the accuser invents another beginning. */
    note_of(&x, 0x2, 0, 24, 100);
    note_of(&y, 0x2, 0, 40, 200);
    p.root_at = grove.roots[1][24];
    p.smaller = buf_str(&x);
    p.larger = buf_str(&y);
    grove_prove(&grove, 0, 24, 40, &p.proof);
    fork_proof_add(&file, &p);
    CHECK_STR(convicted(buf_str(&file), text), STR("no"));
    small = (struct checkpoint){s.seats.origin, 24, grove.roots[0][24]};
    large = (struct checkpoint){s.seats.origin, 40, grove.roots[0][40]};
    CHECK_INT(fork_compare(&small, &large, &p.root_at, &p.proof), FORK_UNKNOWN);
    CHECK_INT(fork_compare(&large, &small, &grove.roots[0][24], &p.proof), FORK_CONSISTENT);
    small.root = grove.roots[1][24];
    CHECK_INT(fork_compare(&small, &large, &grove.roots[0][24], &p.proof), FORK_CONTRADICTORY);
}

static void a_smaller_head_cosigned_later_convicts_the_mirror_key(void)
{
    AUTO(buf_done) struct buf x = {0}, y = {0}, file = {0};
    struct fork_proof p = {.kind = FORK_ROLLBACK};
    char text[64];

    note_of(&x, 0x3, 0, 24, 300);
    note_of(&y, 0x2, 0, 40, 299);
    p.smaller = buf_str(&x);
    p.larger = buf_str(&y);
    fork_proof_add(&file, &p);
    CHECK_STR(convicted(buf_str(&file), text), STR("1m"));
    note_of(&y, 0x2, 0, 40, 300); /* In the same second nothing can be said. */
    p.larger = buf_str(&y);
    buf_clear(&file);
    fork_proof_add(&file, &p);
    CHECK_STR(convicted(buf_str(&file), text), STR("no"));
    note_of(&y, 0xd, 0, 40, 200); /* Node 0 went back, 2 and 3 did not sign the smaller one. */
    p.larger = buf_str(&y);
    buf_clear(&file);
    fork_proof_add(&file, &p);
    CHECK_STR(convicted(buf_str(&file), text), STR("0m"));
}

static void a_changed_proof_file_is_refused_or_says_the_same(void)
{
    AUTO(buf_done) struct buf x = {0}, y = {0}, file = {0};
    char text[64];
    int n_refused = 0;

    note_of(&x, 0x2, 1, 24, 100);
    note_of(&y, 0x2, 0, 40, 200);
    make_prefix(&file, buf_str(&x), 24, buf_str(&y), 0, 40);
    for (size_t i = 0; i < file.n; i++) {
        char was = file.at[i];
        file.at[i] ^= 1;
        struct str by = convicted(buf_str(&file), text);
        n_refused += str_equal(by, STR("no"));
        /* Bytes of a key id or name only hide a line: then fewer are convicted, never others. */
        CHECK(str_equal(by, STR("no")) || str_equal(by, STR("1l")) || str_equal(by, STR("1m")) || str_equal(by, STR("1l1m")));
        file.at[i] = was;
        if (i > 0) CHECK_STR(convicted(str_first(buf_str(&file), i), text), STR("no"));
    }
    CHECK(n_refused > (int)file.n / 2);
    CHECK_STR(convicted(buf_str(&file), text), STR("1l1m"));
    buf_add_char(&file, '\n');
    CHECK_STR(convicted(buf_str(&file), text), STR("no"));
}

/* test/golden/v1/fork.proof: convicts for ever, and is written again as it stands. */
static void the_golden_proof_still_convicts(void)
{
    AUTO(buf_done) struct buf again = {0};
    struct str file = t_read_file("test/golden/v1/fork.proof");
    struct fork_proof p;
    char text[64];

    if (!CHECK(file.at != NULL)) return;
    CHECK_STR(convicted(file, text), STR("1l1m"));
    must(fork_proof_parse(file, &p, &why) == OK);
    fork_proof_add(&again, &p);
    CHECK_STR(buf_str(&again), file);
    free((char *)file.at);
}

static void judge(unsigned n_members, const char *sides, struct fork_judgement *ret)
{
    struct seats r = {.n_members = n_members};
    enum fork_side by[SEATS_NODES_MAX];

    for (; sides[r.n_nodes]; r.n_nodes++) {
        r.nodes[r.n_nodes].member = (unsigned)r.n_nodes % n_members;
        by[r.n_nodes] = (enum fork_side)(sides[r.n_nodes] - '0');
    }
    fork_judge(&r, by, ret);
}

static void only_a_majority_of_its_branch_lets_a_divided_node_write(void)
{
    struct fork_judgement j;

    judge(3, "000", &j);
    CHECK(j.may_write && !j.is_divided);
    judge(3, "110", &j);
    CHECK(j.may_write && !j.is_divided);
    judge(3, "112", &j);
    CHECK(j.may_write && j.is_divided && j.n_own == 2 && j.n_other == 1);
    judge(3, "122", &j);
    CHECK(!j.may_write);
    judge(4, "1122", &j);
    CHECK(!j.may_write);
    judge(4, "1102", &j);
    CHECK(!j.may_write); /* Two of four are no majority, absent ones counted. */
    judge(4, "1112", &j);
    CHECK(j.may_write);
}

static void keys_that_signed_both_count_for_neither(void)
{
    struct fork_judgement j;

    judge(3, "113", &j);
    CHECK(j.may_write && j.is_out[2] && j.n_own == 2 && j.n_other == 0);
    judge(3, "103", &j);
    CHECK(!j.may_write);
    judge(3, "1131", &j); /* The fourth node is member 0's. */
    CHECK(j.may_write);
    judge(3, "101132", &j); /* Members 1 and 2 have a node that lied, or stands on the other side. */
    CHECK(!j.may_write && j.n_own == 1 && j.is_out[2] && !j.is_out[0]);
    judge(1, "3", &j);
    CHECK(!j.may_write);
}

static void of_two_divided_members_neither_writes(void)
{
    struct fork_judgement j;

    judge(2, "12", &j);
    CHECK(!j.may_write);
    judge(2, "13", &j);
    CHECK(!j.may_write);
    judge(2, "11", &j);
    CHECK(j.may_write);
}

int main(void)
{
    signers_init(&s, 4, 4);
    grove_init(&grove, SPLIT);
    n_keys = signers_keys(&s, keys);
    RUN(two_roots_of_one_size_convict_who_signed_both);
    RUN(another_beginning_convicts_who_signed_both);
    RUN(heads_of_one_tree_convict_nobody);
    RUN(a_bad_consistency_proof_shows_nothing);
    RUN(a_smaller_head_cosigned_later_convicts_the_mirror_key);
    RUN(a_changed_proof_file_is_refused_or_says_the_same);
    RUN(the_golden_proof_still_convicts);
    RUN(only_a_majority_of_its_branch_lets_a_divided_node_write);
    RUN(keys_that_signed_both_count_for_neither);
    RUN(of_two_divided_members_neither_writes);
    signers_done(&s);
    return t_done();
}
