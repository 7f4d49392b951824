/* test_member.c - joining, keys, proposals, who speaks for whom.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "state/member.h"

#include "lab.h"
#include "t.h"

static const struct str nobody = {0}, uss0 = {"uss0", 4}, uss1 = {"uss1", 4}, uss2 = {"uss2", 4};
static struct lab lab;

#define DAYS_MS(n) (INT64_C(86400000) * (n))

/* Instead of the lab's one member, n. */
static void begin(size_t n)
{
    lab_done(&lab);
    lab_init_members(&lab, n, false);
}

static const struct view *view(void)
{
    return state_view(lab.state);
}

static enum reason by_node(int member, struct change c)
{
    return lab_by(&lab, lab.nodes[member], nobody, c).reason;
}

static enum reason by_root(int member, struct change c)
{
    return lab_by(&lab, lab.roots[member], nobody, c).reason;
}

static struct change tick(void)
{
    return (struct change){.kind = CHANGE_TICK};
}

static struct change expulsion(int member)
{
    return (struct change){.kind = CHANGE_PROPOSE, .act = PROPOSE_EXPEL, .member = lab_member(member), .text = STR("why")};
}

static struct change admission(int member, int key)
{
    struct key_public root = lab_key(key);
    struct change c = {.kind = CHANGE_PROPOSE, .act = PROPOSE_ADMIT, .member = lab_member(member)};

    memcpy(c.root_key, root.b, 32);
    return c;
}

static struct change new_root(int member, int key)
{
    struct change c = admission(member, key);

    c.act = PROPOSE_ROOT;
    return c;
}

static struct change approval(struct hash proposal)
{
    return (struct change){.kind = CHANGE_APPROVE, .proposal = proposal};
}

/* Its hash. */
static struct hash propose(int by, struct change c)
{
    CHECK_INT(by_node(by, c), REASON_ACCEPTED);
    CHECK(view_proposal_named(view(), &lab.entry) != NULL);
    return lab.entry;
}

static enum reason approve(int by, struct hash proposal)
{
    return by_node(by, approval(proposal));
}

static struct change suspension(int member, bool ends)
{
    return (struct change){.kind = ends ? CHANGE_RESUME : CHANGE_SUSPEND, .member = lab_member(member), .text = STR("because")};
}

static struct change node_end(int key)
{
    struct change c = {.kind = CHANGE_NODE_END};

    lab_author_of(key, c.node);
    return c;
}

static bool is_expelled(int member)
{
    return view_member(view(), (uint32_t)member)->expelled_at != 0;
}

static struct change participant(struct str uss, const struct str *names, size_t n, uint64_t rights)
{
    return (struct change){.kind = CHANGE_PARTICIPANT, .uss = uss, .names = names, .n_names = n, .rights = rights};
}

static enum reason write_as(int member, struct str uss)
{
    struct change c = lab_subscription(&lab, lab_id(&lab), 1, 0, 60);

    return lab_by(&lab, lab.nodes[member], uss, c).reason;
}

/* --- joining and keys ------------------------------------------------------------------------- */

static void founders_count_from_their_own_join(void)
{
    begin(2);
    lab_done(&lab);
    lab_init(&lab);
    CHECK_INT(view_n_counted(view()), 1);
    CHECK_INT(view_member(view(), 0)->joined_at, 1);

    begin(3);
    CHECK_INT(view_n_members(view()), 3);
    CHECK_INT(view_n_counted(view()), 3);
    CHECK_STR(view_member(view(), 2)->name, STR("m2"));
    CHECK_INT(view_member(view(), 2)->admitted_at, 0);
    CHECK(view_member_named(view(), STR("m1")) == view_member(view(), 1));
    CHECK(view_member_named(view(), STR("m3")) == NULL);
    CHECK(view_member_of_author(view(), lab.nodes[1]) == view_member(view(), 1));
    CHECK(view_member_of_author(view(), lab.roots[1]) == view_member(view(), 1));
    uint8_t stranger[8] = {1};
    CHECK(view_member_of_author(view(), stranger) == NULL);
}

static void a_member_that_has_not_joined_may_only_join(void)
{
    begin(3);
    struct hash p = propose(0, admission(3, 101));
    for (int i = 0; i < 3; i++) CHECK_INT(approve(i, p), REASON_ACCEPTED);
    CHECK_INT(view_n_members(view()), 4);
    CHECK_INT(view_n_counted(view()), 3);
    CHECK(view_member(view(), 3)->admitted_at > 0);

    uint8_t root[8];
    lab_author_of(101, root);
    struct change c = suspension(3, false);
    CHECK_INT(lab_by(&lab, root, nobody, c).reason, REASON_AUTHOR);
    CHECK_INT(lab_by(&lab, root, nobody, lab_join(&lab, 2, 102)).reason, REASON_JOIN); /* As somebody else. */
    CHECK_INT(lab_by(&lab, root, nobody, lab_join(&lab, 3, 102)).reason, REASON_ACCEPTED);
    CHECK_INT(view_n_counted(view()), 4);
    CHECK_INT(view_majority(view()), 3);
}

static void a_member_has_up_to_eight_nodes_at_a_time(void)
{
    struct member_node nodes[LIMIT_MEMBER_NODES];

    begin(2);
    for (int i = 0; i < 7; i++) CHECK_INT(by_root(0, lab_join(&lab, 0, 200 + i)), REASON_ACCEPTED);
    CHECK_INT(by_root(0, lab_join(&lab, 0, 207)), REASON_JOIN);
    CHECK_INT(by_root(0, node_end(203)), REASON_ACCEPTED);
    CHECK_INT(by_root(0, lab_join(&lab, 0, 203)), REASON_JOIN); /* An ended key does not come back. */
    CHECK_INT(by_root(0, lab_join(&lab, 0, 207)), REASON_ACCEPTED);
    CHECK_INT(view_nodes(view(), 0, nodes), 8);
    for (size_t i = 1; i < 8; i++) CHECK(memcmp(nodes[i - 1].id, nodes[i].id, 8) < 0);
    CHECK_INT(view_nodes(view(), 1, nodes), 1);
    CHECK_INT(view_n_counted(view()), 2);
}

static void a_root_changes_a_nodes_keys_in_one_entry_and_names_the_abandoned_head(void)
{
    struct member_node node;
    struct key_public key;

    begin(2);
    struct change c[2] = {node_end(2), lab_join(&lab, 0, 300)};
    c[0].has_head = true;
    c[0].head_size = 12;
    c[0].head_root.b[5] = 9;
    struct outcome *o = lab_entry_by(&lab, lab.roots[0], nobody, c, 2);
    CHECK_INT(o[0].reason, REASON_ACCEPTED);
    CHECK_INT(o[1].reason, REASON_ACCEPTED);

    CHECK_INT(by_node(0, tick()), REASON_AUTHOR);
    CHECK(!state_author_key(view(), lab.nodes[0], &key));
    CHECK(view_member_of_author(view(), lab.nodes[0]) == NULL);
    CHECK(view_node(view(), lab.nodes[0], &node));
    CHECK(node.ended_at == view()->position - 2 && node.has_head && node.head_size == 12 && node.head_root.b[5] == 9);
    uint8_t fresh[8];
    lab_author_of(300, fresh);
    CHECK_INT(lab_by(&lab, fresh, uss0, lab_subscription(&lab, lab_id(&lab), 1, 0, 60)).reason, REASON_ACCEPTED);
}

static void nodes_end_no_nodes_and_roots_only_their_own(void)
{
    begin(2);
    CHECK_INT(by_node(0, node_end(2)), REASON_AUTHOR);
    CHECK_INT(by_root(1, node_end(2)), REASON_MEMBERS);
    CHECK_INT(by_root(0, node_end(1)), REASON_MEMBERS); /* A root is no node. */
    CHECK_INT(by_root(0, node_end(77)), REASON_MEMBERS);
    CHECK_INT(by_root(0, node_end(2)), REASON_ACCEPTED);
    CHECK_INT(by_root(0, node_end(2)), REASON_MEMBERS);
    CHECK_INT(by_root(0, tick()), REASON_AUTHOR);
    CHECK_INT(by_root(0, suspension(0, false)), REASON_ACCEPTED);
}

static void a_node_says_where_it_is_reached(void)
{
    struct str urls[] = {STR("https://b.example"), STR("https://a.example")};
    struct change c = {.kind = CHANGE_ADDRESSES, .addresses = urls, .n_addresses = 2};
    struct member_node node;

    begin(2);
    memcpy(c.node, lab.nodes[0], 8);
    CHECK_INT(by_node(1, c), REASON_MEMBERS);
    CHECK_INT(by_root(1, c), REASON_MEMBERS);
    CHECK_INT(by_node(0, c), REASON_ACCEPTED);
    lab_restore(&lab);
    CHECK(view_node(view(), lab.nodes[0], &node));
    CHECK_INT(node.n_addresses, 2);
    CHECK_STR(node.addresses[0], urls[0]);
    CHECK_STR(node.addresses[1], urls[1]);
    c.n_addresses = 0;
    CHECK_INT(by_root(0, c), REASON_ACCEPTED);
    CHECK(view_node(view(), lab.nodes[0], &node) && node.n_addresses == 0);
}

static void issuers_gain_and_lose_subs(void)
{
    struct str abc[] = {STR("a"), STR("b"), STR("c")}, bd[] = {STR("b"), STR("d")};
    struct change c = {.kind = CHANGE_ISSUER, .issuer = STR("https://auth.example"), .public_key = STR("key 2"), .subs = abc, .n_subs = 3};
    const struct member *m;

    begin(2);
    CHECK_INT(by_node(0, c), REASON_ACCEPTED);
    c.public_key = STR("key 1");
    CHECK_INT(by_root(0, c), REASON_ACCEPTED);
    c.subs = bd;
    c.n_subs = 2;
    CHECK_INT(by_node(0, c), REASON_ACCEPTED);
    m = view_member(view(), 0);
    CHECK_INT(m->n_issuers, 2);
    CHECK_STR(m->issuers[0]->public_key, STR("key 1"));
    CHECK_INT(m->issuers[0]->n_subs, 4);
    CHECK_STR(m->issuers[0]->subs[3], STR("d"));
    lab_restore(&lab);

    c.removes = true;
    CHECK_INT(by_node(1, c), REASON_MEMBERS); /* Not its own. */
    CHECK_INT(by_node(0, c), REASON_ACCEPTED);
    m = view_member(view(), 0);
    CHECK_INT(m->issuers[0]->n_subs, 2);
    CHECK_STR(m->issuers[0]->subs[1], STR("c"));
    c.subs = abc;
    c.n_subs = 3;
    CHECK_INT(by_node(0, c), REASON_ACCEPTED);
    m = view_member(view(), 0);
    CHECK_INT(m->n_issuers, 1);
    CHECK_STR(m->issuers[0]->public_key, STR("key 2"));
    CHECK_INT(by_node(0, c), REASON_MEMBERS); /* Nothing is left to lose. */
}

static void an_issuers_subs_are_limited(void)
{
    struct str subs[LIMIT_CHANGE_SUBS];
    struct change c = {.kind = CHANGE_ISSUER, .issuer = STR("i"), .public_key = STR("k"), .subs = subs, .n_subs = LIMIT_CHANGE_SUBS};
    char texts[LIMIT_CHANGE_SUBS][40];
    enum reason last = REASON_ACCEPTED;
    int n = 0;

    begin(2);
    for (; last == REASON_ACCEPTED && n < 20; n++) {
        for (size_t i = 0; i < LIMIT_CHANGE_SUBS; i++) {
            snprintf(texts[i], sizeof texts[i], "%02d-%03zu", n, i);
            subs[i] = str_of(texts[i]);
        }
        last = by_node(0, c);
    }
    CHECK_INT(last, REASON_MEMBERS);
    CHECK_INT(n, LIMIT_ISSUER_SUBS / LIMIT_CHANGE_SUBS + 1);
}

/* --- participants ----------------------------------------------------------------------------- */

static void a_network_of_one_member_is_open(void)
{
    CHECK(view_is_open(view()));
    CHECK(view_may_speak(view(), lab.node, STR("anybody")));
    CHECK_INT(lab_apply(&lab, STR("anybody"), lab_constraint(&lab, lab_id(&lab), 1, 0, 60)).reason, REASON_ACCEPTED);
}

static void a_member_that_speaks_for_anothers_participant_is_refused(void)
{
    begin(2);
    struct change c = lab_subscription(&lab, lab_id(&lab), 1, 0, 60);
    CHECK(!view_is_open(view()));
    CHECK_INT(write_as(0, uss0), REASON_ACCEPTED);
    CHECK_INT(write_as(0, uss1), REASON_SPEAKER);
    CHECK_INT(write_as(0, STR("nobody's")), REASON_SPEAKER);
    CHECK_INT(change_judge_by(view(), lab.nodes[0], uss1, &c, lab.now_ms), REASON_SPEAKER);
    CHECK_INT(change_judge_by(view(), lab.nodes[1], uss1, &c, lab.now_ms), REASON_ACCEPTED);
    CHECK_INT(change_judge_by(view(), lab.roots[1], uss1, &c, lab.now_ms), REASON_AUTHOR);
    CHECK(view_may_speak(view(), lab.nodes[0], uss0) && !view_may_speak(view(), lab.nodes[1], uss0));
}

static void a_participant_may_have_several_members(void)
{
    struct str both[] = {STR("m0"), STR("m1")}, second[] = {STR("m1")}, stranger[] = {STR("m0"), STR("mx")};

    begin(3);
    CHECK_INT(by_node(1, participant(uss0, both, 2, 0)), REASON_SPEAKER); /* It does not speak for it. */
    CHECK_INT(by_node(0, participant(uss0, stranger, 2, 0)), REASON_MEMBERS);
    CHECK_INT(by_node(0, participant(uss0, both, 2, 0)), REASON_ACCEPTED);
    CHECK_INT(write_as(1, uss0), REASON_ACCEPTED);
    CHECK_INT(by_node(1, participant(uss0, second, 1, 0)), REASON_ACCEPTED);
    CHECK_INT(write_as(0, uss0), REASON_SPEAKER);
    CHECK_INT(by_node(0, participant(STR("new"), second, 1, 0)), REASON_SPEAKER); /* Only for itself. */
    CHECK_INT(by_node(0, participant(STR("new"), both, 2, 0)), REASON_ACCEPTED);
    const struct participant *p = view_participant(view(), STR("new"));
    CHECK(p && p->n_members == 2 && p->members[0] == 0 && p->members[1] == 1 && p->changed_at == view()->position - 1);
    CHECK(view_participant(view(), STR("newer")) == NULL);
}

static struct change settlement(struct str uss, const struct str *names, size_t n, uint64_t rights)
{
    struct change c = participant(uss, names, n, rights);

    c.kind = CHANGE_PROPOSE;
    c.act = PROPOSE_PARTICIPANT;
    return c;
}

static void constraints_and_arbitration_take_rights_that_the_members_give(void)
{
    struct str own[] = {STR("m0")};

    begin(2);
    struct change down = lab_availability(&lab, uss1, USS_DOWN), own_down = lab_availability(&lab, uss0, USS_DOWN);
    struct change constraint = lab_constraint(&lab, lab_id(&lab), 1, 0, 60);
    CHECK_INT(lab_apply(&lab, uss0, constraint).reason, REASON_RIGHT);
    CHECK_INT(lab_apply(&lab, uss0, down).reason, REASON_RIGHT);
    CHECK_INT(lab_apply(&lab, uss0, own_down).reason, REASON_ACCEPTED);
    CHECK_INT(by_node(0, participant(uss0, own, 1, RIGHT_CONSTRAINTS)), REASON_RIGHT); /* Not by itself. */

    struct hash p = propose(0, settlement(uss0, own, 1, RIGHT_CONSTRAINTS | RIGHT_ARBITRATION));
    CHECK_INT(approve(0, p), REASON_ACCEPTED);
    CHECK_INT(lab_apply(&lab, uss0, constraint).reason, REASON_RIGHT);
    CHECK_INT(approve(1, p), REASON_ACCEPTED);
    CHECK_INT(lab_apply(&lab, uss0, constraint).reason, REASON_ACCEPTED);
    CHECK_INT(lab_apply(&lab, uss0, down).reason, REASON_ACCEPTED);

    CHECK_INT(by_node(0, participant(uss0, own, 1, RIGHT_CONSTRAINTS)), REASON_ACCEPTED); /* Fewer, as it likes. */
    CHECK_INT(by_node(0, participant(uss0, own, 1, RIGHTS_ALL)), REASON_RIGHT);
}

static void a_participant_goes_to_another_member_by_proposal(void)
{
    struct str other[] = {STR("m1")};

    begin(3);
    struct hash p = propose(2, settlement(uss0, other, 1, 0));
    for (int i = 0; i < 3; i++) CHECK_INT(approve(i, p), REASON_ACCEPTED);
    CHECK_INT(write_as(0, uss0), REASON_SPEAKER);
    CHECK_INT(write_as(1, uss0), REASON_ACCEPTED);
}

/* --- proposals -------------------------------------------------------------------------------- */

static void admission_takes_every_member(void)
{
    begin(3);
    struct hash p = propose(1, admission(4, 400));
    CHECK_INT(approve(1, p), REASON_ACCEPTED);
    CHECK_INT(approve(1, p), REASON_PROPOSAL); /* Twice. */
    CHECK_INT(approve(0, p), REASON_ACCEPTED);
    CHECK_INT(view_n_members(view()), 3); /* More than half, but not every unsuspended one. */
    lab_restore(&lab);
    CHECK_INT(by_root(2, approval(p)), REASON_ACCEPTED); /* A root may approve as well. */
    CHECK_INT(view_n_members(view()), 4);
    CHECK_INT(view_n_proposals(view()), 0);
    CHECK_INT(approve(2, p), REASON_PROPOSAL);
    CHECK_STR(view_member(view(), 3)->name, STR("m4"));
}

static void names_and_keys_of_members_are_new(void)
{
    begin(3);
    CHECK_INT(by_node(0, admission(2, 400)), REASON_MEMBERS); /* Its name is taken. */
    CHECK_INT(by_node(0, admission(4, 2)), REASON_MEMBERS);   /* The key is a node's. */
    struct change c = admission(4, 400);
    memset(c.root_key, 0, 32);
    CHECK_INT(by_node(0, c), REASON_MEMBERS);
    CHECK_INT(by_node(0, expulsion(4)), REASON_MEMBERS); /* There is none. */
    CHECK_INT(by_node(0, new_root(4, 400)), REASON_MEMBERS);
}

static void a_proposal_that_became_impossible_is_dropped(void)
{
    begin(2);
    struct hash a = propose(0, admission(4, 400)), b = propose(1, admission(4, 401)), c = propose(1, admission(5, 400));
    CHECK_INT(approve(0, a), REASON_ACCEPTED);
    CHECK_INT(view_n_proposals(view()), 3);
    CHECK_INT(approve(1, a), REASON_ACCEPTED);
    CHECK_INT(view_n_proposals(view()), 0); /* The name, the key: both are taken now. */
    CHECK_INT(approve(0, b), REASON_PROPOSAL);
    CHECK_INT(approve(0, c), REASON_PROPOSAL);
}

static void an_entry_makes_one_proposal_and_only_so_many_are_open(void)
{
    begin(2);
    struct change two[2] = {admission(4, 400), admission(5, 401)};
    struct outcome *o = lab_entry_by(&lab, lab.nodes[0], nobody, two, 2);
    CHECK_INT(o[0].reason, REASON_ACCEPTED);
    CHECK_INT(o[1].reason, REASON_PROPOSAL);
    for (int i = 1; i < LIMIT_PROPOSALS; i++) CHECK_INT(by_node(0, expulsion(1)), REASON_ACCEPTED);
    CHECK_INT(by_node(0, expulsion(1)), REASON_PROPOSAL);
    lab_restore(&lab);
}

static void two_members_cannot_expel_each_other(void)
{
    begin(2);
    struct hash p = propose(0, expulsion(1)), q = propose(1, expulsion(0));
    CHECK_INT(approve(0, p), REASON_ACCEPTED);
    CHECK_INT(approve(1, p), REASON_ACCEPTED); /* Not even with its own approval. */
    CHECK_INT(approve(1, q), REASON_ACCEPTED);
    CHECK_INT(by_node(1, suspension(1, false)), REASON_ACCEPTED);
    CHECK(!is_expelled(0) && !is_expelled(1));
    CHECK_INT(view_n_proposals(view()), 2);
}

static void a_member_cannot_expel_alone(void)
{
    begin(3);
    struct hash p = propose(0, expulsion(2));
    CHECK_INT(approve(0, p), REASON_ACCEPTED);
    CHECK_INT(approve(2, p), REASON_ACCEPTED); /* The subject's approval is none. */
    CHECK(!is_expelled(2));
    CHECK_INT(by_node(1, suspension(1, false)), REASON_ACCEPTED); /* Nobody else is left to be asked. */
    CHECK(!is_expelled(2));
    CHECK_INT(approve(1, p), REASON_ACCEPTED); /* The suspended keep their vote. */
    CHECK(is_expelled(2));
}

static void the_only_member_expels_nobody_who_has_not_joined_yet(void)
{
    lab_done(&lab);
    lab_init(&lab);
    CHECK_INT(approve(0, propose(0, admission(4, 400))), REASON_ACCEPTED);
    CHECK_INT(approve(0, propose(0, expulsion(4))), REASON_ACCEPTED);
    CHECK(!view_member_named(view(), STR("m4"))->expelled_at); /* Two approvals, whatever the majority is. */
    CHECK_INT(view_n_proposals(view()), 1);
}

static void an_expelled_member_writes_no_more_and_its_participants_are_down_for_good(void)
{
    struct str both[] = {STR("m1"), STR("m2")};

    begin(3);
    CHECK_INT(by_node(2, participant(STR("shared"), both, 2, 0)), REASON_ACCEPTED);
    CHECK_INT(write_as(2, uss2), REASON_ACCEPTED);
    struct hash p = propose(0, expulsion(2));
    CHECK_INT(approve(0, p), REASON_ACCEPTED);
    CHECK_INT(approve(1, p), REASON_ACCEPTED);
    CHECK(is_expelled(2));
    CHECK_INT(view_n_counted(view()), 2);

    CHECK_INT(write_as(2, uss2), REASON_AUTHOR);
    CHECK_INT(by_root(2, lab_join(&lab, 2, 500)), REASON_AUTHOR);
    CHECK_INT(by_node(2, suspension(2, false)), REASON_AUTHOR);
    CHECK(!view_may_speak(view(), lab.nodes[2], uss2));
    struct availability a = view_availability(view(), uss2);
    CHECK(a.status == USS_DOWN && a.overlay == OVERLAY_EXPELLED && a.version.n == 22);
    CHECK_INT(view_availability(view(), STR("shared")).overlay, OVERLAY_NONE);
    CHECK_INT(view_availability(view(), uss1).status, USS_UNKNOWN);
    CHECK_INT(by_node(0, settlement(uss2, both, 1, 0)), REASON_MEMBERS);
    CHECK_INT(by_node(0, admission(2, 500)), REASON_MEMBERS); /* Nor does its name come back. */
    lab_restore(&lab);
    CHECK_INT(by_node(2, tick()), REASON_AUTHOR);
}

static void expulsion_takes_effect_in_the_middle_of_its_own_entry(void)
{
    begin(4);
    struct hash p = propose(0, expulsion(3));
    CHECK_INT(approve(0, p), REASON_ACCEPTED);
    CHECK_INT(approve(1, p), REASON_ACCEPTED);
    CHECK_INT(by_node(2, suspension(2, false)), REASON_ACCEPTED); /* Two of four: not more than half. */
    CHECK(!is_expelled(3));
    struct hash q = propose(3, admission(4, 400));
    struct change c[2] = {approval(p), approval(q)};
    struct outcome *o = lab_entry_by(&lab, lab.nodes[2], nobody, c, 2);
    CHECK_INT(o[0].reason, REASON_ACCEPTED);
    CHECK_INT(o[1].reason, REASON_ACCEPTED);
    CHECK(is_expelled(3));

    struct hash r = propose(0, expulsion(2)); /* m2 is suspended: of three, m0 and m1 are enough. */
    CHECK_INT(approve(1, r), REASON_ACCEPTED);
    CHECK_INT(approve(0, r), REASON_ACCEPTED);
    CHECK(is_expelled(2));
}

static void approvals_cross(void)
{
    begin(3);
    struct hash against_2 = propose(0, expulsion(2)), against_0 = propose(2, expulsion(0));
    CHECK_INT(approve(2, against_0), REASON_ACCEPTED);
    CHECK_INT(approve(0, against_2), REASON_ACCEPTED);
    lab_restore(&lab);
    struct change both[2] = {approval(against_2), approval(against_0)}; /* Who decides for both: the first holds. */
    struct outcome *o = lab_entry_by(&lab, lab.nodes[1], nobody, both, 2);
    CHECK_INT(o[0].reason, REASON_ACCEPTED);
    CHECK_INT(o[1].reason, REASON_ACCEPTED);
    CHECK(is_expelled(2) && !is_expelled(0)); /* The approval of an expelled member counts no more. */
    CHECK_INT(view_n_proposals(view()), 1);
}

static void a_suspended_members_vote_counts(void)
{
    begin(4);
    CHECK_INT(by_node(2, suspension(2, false)), REASON_ACCEPTED);
    CHECK_INT(by_node(3, suspension(3, false)), REASON_ACCEPTED);
    struct hash p = propose(0, admission(4, 400));
    CHECK_INT(approve(0, p), REASON_ACCEPTED);
    CHECK_INT(approve(1, p), REASON_ACCEPTED);
    CHECK_INT(view_n_members(view()), 4); /* Two of four are not more than half. */
    CHECK_INT(approve(3, p), REASON_ACCEPTED);
    CHECK_INT(view_n_members(view()), 5);
}

static void a_suspension_may_be_what_a_proposal_waited_for(void)
{
    begin(3);
    struct hash p = propose(0, admission(4, 400));
    CHECK_INT(approve(0, p), REASON_ACCEPTED);
    CHECK_INT(approve(1, p), REASON_ACCEPTED);
    CHECK_INT(by_node(2, suspension(2, false)), REASON_ACCEPTED);
    CHECK_INT(view_n_members(view()), 4);
    CHECK_INT(view_member(view(), 3)->admitted_at, view()->position - 1);
}

static void a_proposal_lapses_after_seven_days_of_the_states_clock(void)
{
    begin(3);
    for (int i = 0; i < 3; i++) CHECK_INT(by_node(i, tick()), REASON_ACCEPTED);
    struct hash p = propose(0, admission(4, 400));
    CHECK_INT(view_proposal_named(view(), &p)->opened_ms, LAB_START_MS);
    lab.now_ms = LAB_START_MS + DAYS_MS(7) + 1;
    CHECK_INT(by_node(0, tick()), REASON_ACCEPTED); /* One member's clock alone ages nothing. */
    CHECK_INT(view_n_proposals(view()), 1);
    lab.now_ms = LAB_START_MS + DAYS_MS(7);
    CHECK_INT(by_node(1, tick()), REASON_ACCEPTED);
    CHECK_INT(view()->clock_ms, LAB_START_MS + DAYS_MS(7));
    lab_restore(&lab);
    CHECK(view_proposal_named(view(), &p) != NULL); /* Exactly seven days. */
    lab.now_ms++;
    CHECK_INT(by_node(2, tick()), REASON_ACCEPTED);
    CHECK(view_proposal_named(view(), &p) == NULL);
    CHECK_INT(approve(0, p), REASON_PROPOSAL);
}

static void a_root_key_replaced_mid_way_keeps_its_members_approvals(void)
{
    begin(3);
    struct hash admit = propose(0, admission(4, 400));
    CHECK_INT(by_root(2, approval(admit)), REASON_ACCEPTED);
    struct hash p = propose(2, new_root(2, 401));
    CHECK_INT(approve(0, p), REASON_ACCEPTED);
    CHECK_INT(approve(2, p), REASON_ACCEPTED);
    uint8_t fresh[8], was[8];
    lab_author_of(401, fresh);
    memcpy(was, lab.roots[2], 8);
    CHECK(view_member_of_author(view(), fresh) == NULL);
    CHECK_INT(approve(1, p), REASON_ACCEPTED);

    CHECK(memcmp(view_member(view(), 2)->root_id, fresh, 8) == 0);
    CHECK_INT(lab_by(&lab, was, nobody, lab_join(&lab, 2, 402)).reason, REASON_AUTHOR);
    CHECK_INT(lab_by(&lab, fresh, nobody, approval(admit)).reason, REASON_PROPOSAL); /* Its member has approved. */
    CHECK_INT(lab_by(&lab, fresh, nobody, lab_join(&lab, 2, 402)).reason, REASON_ACCEPTED);
    CHECK_INT(by_node(2, tick()), REASON_ACCEPTED); /* Its nodes go on. */
    lab_restore(&lab);
    CHECK_INT(approve(0, admit), REASON_ACCEPTED);
    CHECK_INT(approve(1, admit), REASON_ACCEPTED);
    CHECK_INT(view_n_members(view()), 4);
}

static void the_only_member_may_admit_another(void)
{
    lab_done(&lab);
    lab_init(&lab);
    struct hash p = propose(0, admission(4, 400));
    CHECK_INT(approve(0, p), REASON_ACCEPTED);
    CHECK_INT(view_n_members(view()), 2);
    CHECK(view_is_open(view())); /* Until it joins. */
    uint8_t root[8];
    lab_author_of(400, root);
    CHECK_INT(lab_by(&lab, root, nobody, lab_join(&lab, 4, 401)).reason, REASON_ACCEPTED);
    CHECK(!view_is_open(view()));
    CHECK_INT(write_as(0, uss0), REASON_SPEAKER);
}

/* --- majorities ------------------------------------------------------------------------------- */

static void a_majority_counts_members_not_keys(void)
{
    uint8_t authors[4][8];

    begin(2);
    memcpy(authors[0], lab.nodes[0], 8);
    memcpy(authors[1], lab.roots[0], 8);
    CHECK(!view_is_majority(view(), authors, 2)); /* Of two, both. */
    memcpy(authors[2], lab.nodes[1], 8);
    CHECK(view_is_majority(view(), authors, 3));

    begin(5);
    memcpy(authors[0], lab.nodes[0], 8);
    memcpy(authors[1], lab.nodes[4], 8);
    memset(authors[2], 7, 8);
    CHECK_INT(view_majority(view()), 3);
    CHECK(!view_is_majority(view(), authors, 3));
    CHECK_INT(by_node(2, suspension(2, false)), REASON_ACCEPTED);
    memcpy(authors[3], lab.nodes[2], 8);
    CHECK(view_is_majority(view(), authors, 4)); /* A suspended member signs on. */
}

int main(void)
{
    LAB_RUN(founders_count_from_their_own_join);
    LAB_RUN(a_member_that_has_not_joined_may_only_join);
    LAB_RUN(a_member_has_up_to_eight_nodes_at_a_time);
    LAB_RUN(a_root_changes_a_nodes_keys_in_one_entry_and_names_the_abandoned_head);
    LAB_RUN(nodes_end_no_nodes_and_roots_only_their_own);
    LAB_RUN(a_node_says_where_it_is_reached);
    LAB_RUN(issuers_gain_and_lose_subs);
    LAB_RUN(an_issuers_subs_are_limited);
    LAB_RUN(a_network_of_one_member_is_open);
    LAB_RUN(a_member_that_speaks_for_anothers_participant_is_refused);
    LAB_RUN(a_participant_may_have_several_members);
    LAB_RUN(constraints_and_arbitration_take_rights_that_the_members_give);
    LAB_RUN(a_participant_goes_to_another_member_by_proposal);
    LAB_RUN(admission_takes_every_member);
    LAB_RUN(names_and_keys_of_members_are_new);
    LAB_RUN(a_proposal_that_became_impossible_is_dropped);
    LAB_RUN(an_entry_makes_one_proposal_and_only_so_many_are_open);
    LAB_RUN(two_members_cannot_expel_each_other);
    LAB_RUN(a_member_cannot_expel_alone);
    LAB_RUN(the_only_member_expels_nobody_who_has_not_joined_yet);
    LAB_RUN(an_expelled_member_writes_no_more_and_its_participants_are_down_for_good);
    LAB_RUN(expulsion_takes_effect_in_the_middle_of_its_own_entry);
    LAB_RUN(approvals_cross);
    LAB_RUN(a_suspended_members_vote_counts);
    LAB_RUN(a_suspension_may_be_what_a_proposal_waited_for);
    LAB_RUN(a_proposal_lapses_after_seven_days_of_the_states_clock);
    LAB_RUN(a_root_key_replaced_mid_way_keeps_its_members_approvals);
    LAB_RUN(the_only_member_may_admit_another);
    LAB_RUN(a_majority_counts_members_not_keys);
    return t_done();
}
