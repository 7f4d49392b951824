/* test_rules.c - versions of the rules: who says what, when they switch, what is judged by which; founders who are awaited.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "state/rules.h"

#include "base/limits.h"
#include "lab.h"
#include "state/member.h"
#include "t.h"

#define DAY_MS INT64_C(86400000)

static struct lab lab;
static const struct str nobody = {"", 0};

static void begin(size_t n)
{
    lab_done(&lab);
    lab_init_members(&lab, n, false);
}

static void found(size_t n, unsigned rules)
{
    lab_done(&lab);
    lab_found(&lab, n, rules);
}

static const struct view *now(void)
{
    return state_view(lab.state);
}

static enum reason announce(int member, unsigned rules)
{
    return lab_by(&lab, lab.nodes[member], nobody, (struct change){.kind = CHANGE_RULES, .rules = rules}).reason;
}

static void tick(int member)
{
    CHECK_INT(lab_by(&lab, lab.nodes[member], nobody, (struct change){.kind = CHANGE_TICK}).reason, REASON_ACCEPTED);
}

static enum reason join(int member)
{
    return lab_by(&lab, lab.roots[member], nobody, lab_join(&lab, member, 2 * member + 2)).reason;
}

static enum reason propose(int by, struct change c)
{
    c.kind = CHANGE_PROPOSE;
    return lab_by(&lab, lab.nodes[by], nobody, c).reason;
}

static enum reason approve(int by, struct hash proposal)
{
    return lab_by(&lab, lab.nodes[by], nobody, (struct change){.kind = CHANGE_APPROVE, .proposal = proposal}).reason;
}

/* Proposed by the first of n members, approved by all of them. */
static void pass(int n, struct change c)
{
    CHECK_INT(propose(0, c), REASON_ACCEPTED);
    struct hash proposal = lab.entry;
    for (int i = 0; i < n; i++) CHECK_INT(approve(i, proposal), REASON_ACCEPTED);
    CHECK_INT(view_n_proposals(now()), 0);
}

static enum reason put(int member, struct change c)
{
    static const char *const usss[LAB_MEMBERS] = {"uss0", "uss1", "uss2"};
    struct key_verdict verdict;

    key_judge(now(), str_of(usss[member]), &c, NULL, 0, &lab.arena, &verdict);
    return lab_by(&lab, lab.nodes[member], str_of(usss[member]), c).reason;
}

static struct change flight(int cell, int32_t priority)
{
    struct change c = lab_intent(&lab, lab_id(&lab), UINT64_C(1) << cell, 0, 600);

    c.priority = priority;
    return c;
}

/* ---- Switching. ---- */

static void rules_switch_after_the_last_node_has_announced_them(void)
{
    begin(3);
    CHECK_INT(view_rules(now()), 1);
    CHECK_INT(announce(0, 2), REASON_ACCEPTED);
    CHECK_INT(announce(1, 2), REASON_ACCEPTED);
    CHECK_INT(announce(1, 2), REASON_ACCEPTED);
    CHECK_INT(view_rules(now()), 1);
    tick(2);
    CHECK_INT(view_rules(now()), 1);
    CHECK_INT(announce(2, 2), REASON_ACCEPTED);
    CHECK_INT(view_rules(now()), 2);
    CHECK_INT(view_rules_since(now()), now()->position - 1);
    CHECK_INT(view_rules_of(now(), lab.nodes[2]), 2);
    CHECK_INT(announce(2, 1), REASON_MEMBERS);
    CHECK_INT(view_rules(now()), 2);
}

static void the_least_version_that_all_know_comes_into_force(void)
{
    begin(2);
    CHECK_INT(announce(0, 9), REASON_ACCEPTED);
    CHECK_INT(announce(1, 1), REASON_ACCEPTED);
    CHECK_INT(view_rules(now()), 1);
    CHECK_INT(announce(1, 2), REASON_ACCEPTED);
    CHECK_INT(view_rules(now()), 2);
}

static void a_node_that_was_set_back_to_an_older_program_prevents_the_switch(void)
{
    begin(2);
    CHECK_INT(announce(0, 2), REASON_ACCEPTED);
    CHECK_INT(announce(0, 1), REASON_ACCEPTED);
    CHECK_INT(announce(1, 2), REASON_ACCEPTED);
    CHECK_INT(view_rules(now()), 1);
}

static void every_node_of_a_member_has_to_know_them(void)
{
    begin(2);
    CHECK_INT(lab_by(&lab, lab.roots[0], nobody, lab_join(&lab, 0, 50)).reason, REASON_ACCEPTED);
    CHECK_INT(announce(0, 2), REASON_ACCEPTED);
    CHECK_INT(announce(1, 2), REASON_ACCEPTED);
    CHECK_INT(view_rules(now()), 1);
    struct change end = {.kind = CHANGE_NODE_END};
    lab_author_of(50, end.node);
    CHECK_INT(lab_by(&lab, lab.roots[0], nobody, end).reason, REASON_ACCEPTED);
    CHECK_INT(view_rules(now()), 1); /* Only an announcement switches. */
    CHECK_INT(view_rules_to_announce(now(), lab.nodes[1]), 2);
    CHECK_INT(announce(1, 2), REASON_ACCEPTED);
    CHECK_INT(view_rules(now()), 2);
    CHECK_INT(view_rules_to_announce(now(), lab.nodes[1]), 0);
}

static void a_suspended_member_is_not_waited_for(void)
{
    begin(3);
    CHECK_INT(lab_by(&lab, lab.nodes[2], nobody, (struct change){.kind = CHANGE_SUSPEND, .member = STR("m2"), .text = STR("strike")}).reason,
              REASON_ACCEPTED);
    CHECK_INT(announce(0, 2), REASON_ACCEPTED);
    CHECK_INT(announce(1, 2), REASON_ACCEPTED);
    CHECK_INT(view_rules(now()), 2);
}

static void a_member_silent_for_more_than_7_days_is_not_waited_for(void)
{
    begin(3);
    tick(2);
    CHECK_INT(announce(0, 2), REASON_ACCEPTED);
    lab.now_ms += 7 * DAY_MS;
    tick(0);
    CHECK_INT(announce(1, 2), REASON_ACCEPTED);
    CHECK_INT(view_rules(now()), 1); /* Just 7 days. */
    lab.now_ms += 1;
    tick(0); /* One alone tells no time: the lower median of the others is the second's. */
    CHECK_INT(view_rules_to_announce(now(), lab.nodes[0]), 0);
    tick(1);
    CHECK_INT(view_rules_to_announce(now(), lab.nodes[0]), 2);
    CHECK_INT(announce(0, 2), REASON_ACCEPTED);
    CHECK_INT(view_rules(now()), 2);
}

static void only_a_node_of_a_member_that_counts_announces(void)
{
    struct change c = {.kind = CHANGE_RULES, .rules = 2};

    begin(2);
    CHECK_INT(lab_by(&lab, lab.roots[0], nobody, c).reason, REASON_AUTHOR);
    c.rules = 0;
    CHECK_INT(lab_by(&lab, lab.nodes[0], nobody, c).reason, REASON_MALFORMED);
}

static void a_node_alone_announces_nothing_and_one_of_several_what_is_news(void)
{
    CHECK_INT(view_rules_to_announce(now(), lab.node), 0);
    begin(2);
    CHECK_INT(view_rules_to_announce(now(), lab.roots[0]), 0);
    CHECK_INT(view_rules_to_announce(now(), lab.nodes[0]), RULES_NEWEST);
    CHECK_INT(announce(0, RULES_NEWEST), REASON_ACCEPTED);
    CHECK_INT(view_rules_to_announce(now(), lab.nodes[0]), 0);
    CHECK_INT(announce(0, RULES_NEWEST + 1), REASON_ACCEPTED); /* By a newer program that was taken away again. */
    CHECK_INT(view_rules_to_announce(now(), lab.nodes[0]), RULES_NEWEST);
}

static void a_build_that_does_not_know_the_rules_applies_nothing_more(void)
{
    AUTO(arena_done) struct arena arena = {0};
    AUTO(buf_done) struct buf leaf = {0};
    struct change c = {.kind = CHANGE_TICK};
    struct entry e = {.time_ms = lab.now_ms, .changes = &c, .n_changes = 1};
    struct outcome *outcomes = NULL;
    struct why why;

    begin(2);
    CHECK_INT(view_knows_rules(now(), &why), OK);
    CHECK_INT(announce(0, RULES_NEWEST + 1), REASON_ACCEPTED);
    CHECK_INT(announce(1, RULES_NEWEST + 1), REASON_ACCEPTED);
    state_publish(lab.state);
    CHECK_INT(view_rules(now()), RULES_NEWEST + 1);
    uint64_t position = now()->position;
    struct hash digest = state_digest(now());
    memcpy(e.author, lab.nodes[0], 8);
    CHECK_INT(state_apply(lab.state, &e, STR("entry"), &arena, &outcomes, &leaf), ERR_STATE);
    CHECK_INT(state_apply_void(lab.state, STR("junk"), &leaf), ERR_STATE);
    CHECK(outcomes == NULL && leaf.n == 0);
    CHECK_INT(now()->position, position);
    struct hash again = state_digest(now());
    CHECK(hash_equal(&digest, &again));
    CHECK_INT(view_knows_rules(now(), &why), ERR_STATE);
    CHECK(strstr(why.text, "upgrade") != NULL);
    lab_restore(&lab); /* As far as it got, it can be kept. */
    CHECK_INT(view_knows_rules(now(), &why), ERR_STATE);
}

/* ---- What is judged by which rules. ---- */

static void changes_of_rules_that_are_not_in_force_are_nothing_yet(void)
{
    struct change two[2] = {{.kind = CHANGE_TICK}, {.kind = CHANGE_PROPOSE, .act = PROPOSE_EQUALS, .equals = EQUALS_MAY_MEET}};
    uint64_t slot, next;
    struct hash previous;
    int64_t time_ms;

    begin(2);
    (void)state_author_next(now(), lab.nodes[0], &slot, &previous, &time_ms);
    CHECK_INT(change_judge_by(now(), lab.nodes[0], nobody, &two[1], lab.now_ms), REASON_MALFORMED);
    struct outcome *o = lab_entry_by(&lab, lab.nodes[0], nobody, two, 2);
    CHECK_INT(o[0].reason, REASON_MALFORMED);
    CHECK_INT(o[1].reason, REASON_MALFORMED);
    CHECK_INT(lab.leaf.n, 1 + 17 + 1 + 2); /* [guard, [[3]]]: one element, whatever was in it. */
    (void)state_author_next(now(), lab.nodes[0], &next, &previous, &time_ms);
    CHECK_INT(next, slot);
    CHECK_INT(put(0, flight(0, 5)), REASON_MALFORMED);
    CHECK_INT(put(0, flight(0, 0)), REASON_ACCEPTED);
}

static void switch_to_2(int n)
{
    for (int i = 0; i < n; i++) CHECK_INT(announce(i, 2), REASON_ACCEPTED);
    CHECK_INT(view_rules(now()), 2);
}

static void priorities_are_bounded_for_each_member(void)
{
    begin(2);
    switch_to_2(2);
    CHECK_INT(put(0, flight(0, 0)), REASON_ACCEPTED);
    CHECK_INT(put(0, flight(1, 1)), REASON_PRIORITY);
    pass(2, (struct change){.act = PROPOSE_PRIORITY, .member = STR("m0"), .priority_low = -1, .priority_high = 100});
    CHECK_INT(put(0, flight(2, 100)), REASON_ACCEPTED);
    CHECK_INT(put(0, flight(3, -1)), REASON_ACCEPTED);
    CHECK_INT(put(0, flight(4, 101)), REASON_PRIORITY);
    CHECK_INT(put(0, flight(5, -2)), REASON_PRIORITY);
    CHECK_INT(put(1, flight(6, 1)), REASON_PRIORITY);
    lab_restore(&lab);
    CHECK_INT(put(0, flight(7, 100)), REASON_ACCEPTED);
    CHECK_INT(put(1, flight(8, 1)), REASON_PRIORITY);
    pass(2, (struct change){.act = PROPOSE_PRIORITY, .member = STR("m0"), .priority_low = 10, .priority_high = 20});
    CHECK_INT(put(0, flight(9, 0)), REASON_PRIORITY);
}

static void an_intent_keeps_its_priority_through_a_snapshot(void)
{
    begin(2);
    switch_to_2(2);
    pass(2, (struct change){.act = PROPOSE_PRIORITY, .member = STR("m1"), .priority_low = INT32_MIN, .priority_high = INT32_MAX});
    struct change high = flight(0, INT32_MAX), low = flight(1, INT32_MIN), none = flight(2, 0);
    CHECK_INT(put(1, high), REASON_ACCEPTED);
    CHECK_INT(put(1, low), REASON_ACCEPTED);
    CHECK_INT(put(1, none), REASON_ACCEPTED);
    lab_restore(&lab);
    CHECK_INT(lab_find(&lab, ENTITY_INTENT, high.id)->priority, INT32_MAX);
    CHECK_INT(lab_find(&lab, ENTITY_INTENT, low.id)->priority, INT32_MIN);
    CHECK_INT(lab_find(&lab, ENTITY_INTENT, none.id)->priority, 0);
    CHECK_INT(lab_find(&lab, ENTITY_INTENT, low.id)->state, INTENT_ACCEPTED);
}

static void the_members_settle_what_equal_priorities_do(void)
{
    begin(2);
    switch_to_2(2);
    CHECK_INT(view_priority_equals(now()), EQUALS_FIRST_STAYS);
    CHECK_INT(propose(0, (struct change){.act = PROPOSE_EQUALS, .equals = EQUALS_MAY_MEET, .text = STR("as the regulator says")}), REASON_ACCEPTED);
    struct hash proposal = lab.entry;
    lab_restore(&lab);
    CHECK_INT(approve(0, proposal), REASON_ACCEPTED);
    CHECK_INT(view_priority_equals(now()), EQUALS_FIRST_STAYS);
    CHECK_INT(approve(1, proposal), REASON_ACCEPTED);
    CHECK_INT(view_priority_equals(now()), EQUALS_MAY_MEET);
    lab_restore(&lab);
    CHECK_INT(view_priority_equals(now()), EQUALS_MAY_MEET);
}

/* Decision A3: what was judged before a switch and arrives after it shows what it saw, or is judged again. */
static void a_key_that_was_judged_before_a_switch_is_judged_again(void)
{
    struct key_verdict verdict;

    begin(2);
    struct change there = flight(0, 0), c = flight(0, 0), again = c;
    CHECK_INT(put(1, there), REASON_ACCEPTED);
    struct str token = lab_token(&lab, ENTITY_INTENT, there.id);
    key_judge(now(), STR("uss0"), &c, &token, 1, &lab.arena, &verdict);
    CHECK_INT(verdict.n_missing_intents, 0);
    switch_to_2(2);
    struct outcome o = lab_by(&lab, lab.nodes[0], STR("uss0"), c);
    CHECK_INT(o.reason, REASON_KEY);
    CHECK_INT(o.n_conflict_intents, 1);
    key_judge(now(), STR("uss0"), &again, &token, 1, &lab.arena, &verdict);
    CHECK_INT(lab_by(&lab, lab.nodes[0], STR("uss0"), again).reason, REASON_ACCEPTED);
}

/* ---- Founders. ---- */

static struct change admit(int key)
{
    struct key_public root = lab_key(key);
    struct change c = {.act = PROPOSE_ADMIT, .member = STR("stranger")};

    memcpy(c.root_key, root.b, 32);
    return c;
}

static void the_first_founder_admits_nobody_alone(void)
{
    found(3, 2);
    CHECK_INT(join(0), REASON_ACCEPTED);
    CHECK(!view_is_open(now()));
    CHECK_INT(propose(0, admit(70)), REASON_ACCEPTED);
    struct hash proposal = lab.entry;
    CHECK_INT(approve(0, proposal), REASON_ACCEPTED);
    CHECK_INT(join(1), REASON_ACCEPTED);
    CHECK_INT(approve(1, proposal), REASON_ACCEPTED);
    CHECK(view_member_named(now(), STR("stranger")) == NULL); /* Two of three, and the third is awaited. */
    CHECK_INT(join(2), REASON_ACCEPTED);
    CHECK(view_member_named(now(), STR("stranger")) == NULL);
    CHECK_INT(approve(2, proposal), REASON_ACCEPTED);
    CHECK(view_member_named(now(), STR("stranger")) != NULL);
}

static void the_first_founder_takes_over_no_other(void)
{
    struct key_public root = lab_key(70);
    struct change c = {.act = PROPOSE_ROOT, .member = STR("m1")}, expel = {.act = PROPOSE_EXPEL, .member = STR("m1"), .text = STR("gone")};

    memcpy(c.root_key, root.b, 32);
    found(2, 2);
    CHECK_INT(join(0), REASON_ACCEPTED);
    CHECK_INT(propose(0, c), REASON_ACCEPTED);
    CHECK_INT(approve(0, lab.entry), REASON_ACCEPTED);
    CHECK_INT(propose(0, expel), REASON_ACCEPTED);
    CHECK_INT(approve(0, lab.entry), REASON_ACCEPTED);
    CHECK_INT(view_n_proposals(now()), 2);
    CHECK_INT(join(1), REASON_ACCEPTED);
    CHECK_INT(view_n_proposals(now()), 2);
}

static void founders_that_never_come_are_expelled_by_more_than_half_of_all(void)
{
    struct change expel = {.act = PROPOSE_EXPEL, .member = STR("m4"), .text = STR("it never came")};

    found(5, 2);
    CHECK_INT(join(0), REASON_ACCEPTED);
    CHECK_INT(join(1), REASON_ACCEPTED);
    CHECK_INT(propose(0, expel), REASON_ACCEPTED);
    struct hash proposal = lab.entry;
    CHECK_INT(approve(0, proposal), REASON_ACCEPTED);
    CHECK_INT(approve(1, proposal), REASON_ACCEPTED);
    CHECK_INT(view_n_proposals(now()), 1);
    CHECK_INT(join(2), REASON_ACCEPTED);
    CHECK_INT(approve(2, proposal), REASON_ACCEPTED);
    CHECK_INT(view_n_proposals(now()), 0);
    CHECK(view_member_named(now(), STR("m4"))->expelled_at != 0);
    CHECK_INT(join(4), REASON_AUTHOR);
    expel.member = STR("m3");
    pass(3, expel);
    pass(3, admit(70));
    CHECK(view_member_named(now(), STR("stranger")) != NULL);
}

static void by_the_first_rules_founders_count_from_their_join(void)
{
    found(3, 1);
    CHECK_INT(join(0), REASON_ACCEPTED);
    CHECK(view_is_open(now()));
    CHECK_INT(propose(0, admit(70)), REASON_ACCEPTED);
    CHECK_INT(approve(0, lab.entry), REASON_ACCEPTED);
    CHECK(view_member_named(now(), STR("stranger")) != NULL);
}

int main(void)
{
    LAB_RUN(rules_switch_after_the_last_node_has_announced_them);
    LAB_RUN(the_least_version_that_all_know_comes_into_force);
    LAB_RUN(a_node_that_was_set_back_to_an_older_program_prevents_the_switch);
    LAB_RUN(every_node_of_a_member_has_to_know_them);
    LAB_RUN(a_suspended_member_is_not_waited_for);
    LAB_RUN(a_member_silent_for_more_than_7_days_is_not_waited_for);
    LAB_RUN(only_a_node_of_a_member_that_counts_announces);
    LAB_RUN(a_node_alone_announces_nothing_and_one_of_several_what_is_news);
    LAB_RUN(a_build_that_does_not_know_the_rules_applies_nothing_more);
    LAB_RUN(changes_of_rules_that_are_not_in_force_are_nothing_yet);
    LAB_RUN(priorities_are_bounded_for_each_member);
    LAB_RUN(an_intent_keeps_its_priority_through_a_snapshot);
    LAB_RUN(the_members_settle_what_equal_priorities_do);
    LAB_RUN(a_key_that_was_judged_before_a_switch_is_judged_again);
    LAB_RUN(the_first_founder_admits_nobody_alone);
    LAB_RUN(the_first_founder_takes_over_no_other);
    LAB_RUN(founders_that_never_come_are_expelled_by_more_than_half_of_all);
    LAB_RUN(by_the_first_rules_founders_count_from_their_join);
    return t_done();
}
