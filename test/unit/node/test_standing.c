/* test_standing.c - where signatures stand: branches, convictions and the notes that show them.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "node/standing.h"

#include "signers.h"
#include "t.h"

#define SPLIT 20

static struct signers s;
static struct grove grove;
static struct standing st;
static struct why why;

static struct head *head_by(size_t node, int branch, uint64_t size, uint64_t time_s)
{
    static struct head h;
    AUTO(buf_done) struct buf note = {0};

    signers_sign(&s, node, size, &grove.roots[branch][size], time_s, &note);
    must(head_read(&s.seats, buf_str(&note), NULL, &h, &why) == OK);
    return &h;
}

static void begin(void)
{
    standing_done(&st);
    standing_init(&st, &s.seats);
}

static void nobody_is_on_a_side_before_there_are_two(void)
{
    begin();
    standing_see(&st, head_by(0, 0, 30, 100));
    CHECK_INT(standing_side(&st, 0), FORK_NEITHER);
    CHECK(!st.fork.is_divided && st.fork.may_write);
}

static void who_signed_both_counts_for_neither_and_is_proved(void)
{
    const struct standing_evidence *e;

    begin();
    standing_see(&st, head_by(0, 0, 30, 100));
    standing_see(&st, head_by(2, 0, 30, 100));
    standing_contradict(&st, head_by(2, 1, 24, 99), 24);
    CHECK_INT(standing_side(&st, 0), FORK_OWN);
    CHECK_INT(standing_side(&st, 2), FORK_BOTH);
    CHECK(st.fork.is_out[2] && !st.fork.may_write && st.fork.n_own == 1);
    must(st.evidence.n == 1);
    e = st.evidence.at[0];
    CHECK_INT(e->node, 2);
    CHECK_INT(e->kind, FORK_PREFIX);
    CHECK(head_has_signed(&e->smaller, 2) && head_has_signed(&e->larger, 2));
    CHECK(e->smaller.size == 24 && e->larger.size == 30);
    standing_see(&st, head_by(1, 0, 30, 100));
    CHECK(st.fork.may_write && st.fork.n_own == 2);
    CHECK_INT(st.evidence.n, 1);
}

static void a_signature_before_the_other_branch_convicts_nobody_yet(void)
{
    begin();
    standing_see(&st, head_by(2, 0, 22, 100)); /* May lie on what both branches share. */
    standing_contradict(&st, head_by(2, 1, 24, 101), 24);
    CHECK(!st.nodes[2].is_convicted);
    CHECK_INT(standing_side(&st, 2), FORK_OTHER);
    standing_see(&st, head_by(2, 0, 24, 102));
    CHECK(st.nodes[2].is_convicted);
    must(st.evidence.n == 1);
    CHECK_INT(st.evidence.at[0]->kind, FORK_EQUAL);
}

static void a_smaller_contradiction_that_comes_later_convicts(void)
{
    begin();
    standing_see(&st, head_by(2, 0, 30, 100));
    standing_contradict(&st, head_by(2, 1, 60, 101), 60);
    CHECK(!st.nodes[2].is_convicted);
    standing_contradict(&st, head_by(2, 1, 26, 101), 26);
    CHECK(st.nodes[2].is_convicted);
    CHECK_INT(st.fork_size, 26);
    must(st.evidence.n == 1);
    CHECK(st.evidence.at[0]->smaller.size == 26 && st.evidence.at[0]->larger.size == 30);
}

static void a_difference_that_is_shown_below_a_head_puts_signers_on_their_sides(void)
{
    begin();
    standing_see(&st, head_by(0, 0, 30, 100));
    standing_contradict(&st, head_by(1, 1, 200, 100), 28);
    CHECK_INT(standing_side(&st, 0), FORK_OWN);
    CHECK_INT(standing_side(&st, 1), FORK_OTHER);
    CHECK_INT(st.evidence.n, 0);
}

static void a_rolled_back_cosignature_convicts_but_divides_nobody(void)
{
    const struct standing_evidence *e;

    begin();
    standing_see(&st, head_by(2, 0, 28, 100));
    standing_see(&st, head_by(2, 0, 26, 100)); /* In the same second nothing can be said. */
    CHECK_INT(st.evidence.n, 0);
    standing_see(&st, head_by(2, 0, 24, 101));
    must(st.evidence.n == 1);
    e = st.evidence.at[0];
    CHECK_INT(e->kind, FORK_ROLLBACK);
    CHECK(e->smaller.size == 24 && e->larger.size == 28);
    CHECK(!st.fork.is_divided && st.fork.may_write && st.fork.is_out[2]);
    begin();
    standing_see(&st, head_by(2, 0, 24, 101)); /* The other way round, the larger one comes to light later. */
    standing_see(&st, head_by(2, 0, 28, 100));
    must(st.evidence.n == 1);
    CHECK(st.evidence.at[0]->smaller.size == 24 && st.evidence.at[0]->larger.size == 28);
}

static void a_flood_of_contradictions_is_kept_in_bounds(void)
{
    begin();
    standing_see(&st, head_by(2, 0, 100, 100));
    for (uint64_t size = 200; size > SPLIT; size -= 2) standing_contradict(&st, head_by(2, 1, size, 100), size);
    CHECK(st.others.n <= 2);
    CHECK_INT(st.evidence.n, 1);
    CHECK_INT(st.fork_size, SPLIT + 2);
}

int main(void)
{
    signers_init(&s, 3, 3);
    grove_init(&grove, SPLIT);
    RUN(nobody_is_on_a_side_before_there_are_two);
    RUN(who_signed_both_counts_for_neither_and_is_proved);
    RUN(a_signature_before_the_other_branch_convicts_nobody_yet);
    RUN(a_smaller_contradiction_that_comes_later_convicts);
    RUN(a_difference_that_is_shown_below_a_head_puts_signers_on_their_sides);
    RUN(a_rolled_back_cosignature_convicts_but_divides_nobody);
    RUN(a_flood_of_contradictions_is_kept_in_bounds);
    standing_done(&st);
    signers_done(&s);
    return t_done();
}
