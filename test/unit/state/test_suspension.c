/* test_suspension.c - what a suspended member may still write, and what its participants are meanwhile.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "lab.h"
#include "state/member.h"
#include "t.h"

static const struct str nobody = {0}, uss0 = {"uss0", 4}, uss1 = {"uss1", 4};
static struct lab lab;

static void begin(size_t n, bool needs_412)
{
    lab_done(&lab);
    lab_init_members(&lab, n, needs_412);
}

static const struct view *view(void)
{
    return state_view(lab.state);
}

static enum reason suspend(int member, bool ends)
{
    struct change c = {.kind = ends ? CHANGE_RESUME : CHANGE_SUSPEND, .member = lab_member(member), .text = STR("tests")};

    return lab_by(&lab, lab.nodes[member], nobody, c).reason;
}

static struct outcome as(int member, struct str uss, struct change c)
{
    return lab_by(&lab, lab.nodes[member], uss, c);
}

static struct change in_state(struct id id, enum intent_state state)
{
    struct change c = lab_at_current(&lab, lab_intent(&lab, id, 1, 0, 60));

    c.state = state;
    c.attach = ATTACH_NEW;
    c.attach_id = lab_id(&lab);
    c.attach_url = STR("https://uss.example/n");
    c.checked_at = view()->position;
    return c;
}

/* Lets uss0 set the availability of all. */
static void grant_arbitration(int n)
{
    struct str own[] = {STR("m0")};
    struct change c = {.kind = CHANGE_PROPOSE, .act = PROPOSE_PARTICIPANT, .uss = uss0, .names = own, .n_names = 1, .rights = RIGHTS_ALL};

    CHECK_INT(as(0, nobody, c).reason, REASON_ACCEPTED);
    struct hash p = lab.entry;
    for (int i = 0; i < n; i++)
        CHECK_INT(as(i, nobody, (struct change){.kind = CHANGE_APPROVE, .proposal = p}).reason, REASON_ACCEPTED);
}

static void a_suspended_member_neither_accepts_nor_activates_but_ends_what_it_has(void)
{
    begin(2, true);
    struct id id = lab_id(&lab), other = lab_id(&lab);
    CHECK_INT(as(0, uss0, in_state(id, INTENT_ACCEPTED)).reason, REASON_ACCEPTED);
    CHECK_INT(suspend(0, false), REASON_ACCEPTED);

    struct change c = in_state(other, INTENT_ACCEPTED);
    CHECK_INT(as(0, uss0, c).reason, REASON_SUSPENDED);
    CHECK_INT(reason_err(REASON_SUSPENDED), reason_err(REASON_DOWN)); /* 412 */
    CHECK_INT(change_judge_by(view(), lab.nodes[0], uss0, &c, lab.now_ms), REASON_SUSPENDED);
    CHECK_INT(as(0, uss0, in_state(id, INTENT_ACTIVATED)).reason, REASON_SUSPENDED);
    CHECK_INT(as(0, uss0, in_state(id, INTENT_NONCONFORMING)).reason, REASON_ACCEPTED);
    CHECK_INT(as(0, uss0, in_state(id, INTENT_CONTINGENT)).reason, REASON_ACCEPTED);
    CHECK_INT(as(0, uss0, lab_at_current(&lab, lab_delete(&lab, CHANGE_INTENT_DELETE, id))).reason, REASON_ACCEPTED);
    CHECK_INT(as(0, uss0, lab_subscription(&lab, lab_id(&lab), 1, 0, 60)).reason, REASON_ACCEPTED);

    CHECK_INT(suspend(0, true), REASON_ACCEPTED);
    CHECK_INT(as(0, uss0, in_state(other, INTENT_ACCEPTED)).reason, REASON_ACCEPTED);
}

static void who_suspended_when_and_why_is_on_record(void)
{
    begin(2, false);
    lab.now_ms += 5000;
    CHECK_INT(suspend(1, true), REASON_MEMBERS); /* It is not suspended. */
    CHECK_INT(suspend(1, false), REASON_ACCEPTED);
    CHECK_INT(suspend(1, false), REASON_MEMBERS);
    struct change other = {.kind = CHANGE_SUSPEND, .member = lab_member(0), .text = STR("they annoy us")};
    CHECK_INT(as(1, nobody, other).reason, REASON_MEMBERS); /* Only itself. */
    lab_restore(&lab);
    const struct member *m = view_member(view(), 1);
    CHECK(member_is_suspended(m));
    CHECK_INT(m->suspended_at, view()->position - 3);
    CHECK_INT(m->suspended_ms, LAB_START_MS + 5000);
    CHECK_STR(m->reason, STR("tests"));
    CHECK_INT(suspend(1, true), REASON_ACCEPTED);
    CHECK(!member_is_suspended(view_member(view(), 1)));
}

static void its_participants_are_down_with_a_version_step_that_arbitration_cannot_lift(void)
{
    begin(2, false);
    grant_arbitration(2);
    CHECK_INT(as(1, uss1, lab_availability(&lab, uss1, USS_NORMAL)).reason, REASON_ACCEPTED);
    struct str before = arena_dup(&lab.arena, view_availability(view(), uss1).version);
    CHECK_INT(suspend(1, false), REASON_ACCEPTED);

    struct availability a = view_availability(view(), uss1);
    CHECK(a.status == USS_DOWN && a.overlay == OVERLAY_SUSPENDED && !str_equal(a.version, before));
    CHECK_INT(a.changed_at, view()->position - 1);
    struct change lift = lab_availability(&lab, uss1, USS_NORMAL);
    lift.has_base = true;
    lift.base = hash_digest(before);
    CHECK_INT(as(0, uss0, lift).reason, REASON_VERSION);
    CHECK_INT(as(0, uss0, lab_at_current(&lab, lift)).reason, REASON_ACCEPTED);
    CHECK_INT(view_availability(view(), uss1).status, USS_DOWN);
    CHECK_INT(view_availability(view(), uss0).status, USS_UNKNOWN);
}

static void resuming_restores_the_stored_availability(void)
{
    const enum uss_availability all[] = {USS_UNKNOWN, USS_NORMAL, USS_DOWN};

    for (int i = 0; i < 3; i++) {
        begin(2, false);
        if (i) CHECK_INT(as(1, uss1, lab_availability(&lab, uss1, all[i])).reason, REASON_ACCEPTED);
        CHECK_INT(suspend(1, false), REASON_ACCEPTED);
        struct str during = arena_dup(&lab.arena, view_availability(view(), uss1).version);
        lab_restore(&lab);
        CHECK_INT(suspend(1, true), REASON_ACCEPTED);
        struct availability a = view_availability(view(), uss1);
        CHECK_INT(a.status, all[i]);
        CHECK(a.version.n == 22 && !str_equal(a.version, during));
        CHECK_INT(a.left_down_at, all[i] == USS_DOWN ? 0 : view()->position - 1);
        lab_restore(&lab);
    }
}

static void a_participant_is_suspended_only_with_all_that_speak_for_it(void)
{
    struct str both[] = {STR("m0"), STR("m1")}, first[] = {STR("m0")};
    struct change shared = {.kind = CHANGE_PARTICIPANT, .uss = STR("shared"), .names = both, .n_names = 2};

    begin(3, false);
    CHECK_INT(as(0, nobody, shared).reason, REASON_ACCEPTED);
    CHECK_INT(suspend(0, false), REASON_ACCEPTED);
    CHECK_INT(view_availability(view(), STR("shared")).overlay, OVERLAY_NONE);
    CHECK_INT(as(0, STR("shared"), in_state(lab_id(&lab), INTENT_ACCEPTED)).reason, REASON_SUSPENDED); /* By author. */
    CHECK_INT(as(1, STR("shared"), in_state(lab_id(&lab), INTENT_ACCEPTED)).reason, REASON_ACCEPTED);
    CHECK_INT(as(0, nobody, shared).reason, REASON_SUSPENDED); /* Nor does it hand participants on. */
    CHECK_INT(suspend(1, false), REASON_ACCEPTED);
    CHECK_INT(view_availability(view(), STR("shared")).status, USS_DOWN);
    CHECK_INT(suspend(1, true), REASON_ACCEPTED);
    CHECK_INT(view_availability(view(), STR("shared")).status, USS_UNKNOWN);
    shared.names = first;
    shared.n_names = 1;
    CHECK_INT(as(1, nobody, shared).reason, REASON_ACCEPTED); /* m1 leaves it to the suspended one. */
    CHECK_INT(view_availability(view(), STR("shared")).status, USS_DOWN);
}

static void suspension_has_no_weight_in_the_clock(void)
{
    begin(3, false);
    for (int i = 0; i < 3; i++) CHECK_INT(as(i, nobody, (struct change){.kind = CHANGE_TICK}).reason, REASON_ACCEPTED);
    lab.now_ms += 1000;
    CHECK_INT(as(0, nobody, (struct change){.kind = CHANGE_TICK}).reason, REASON_ACCEPTED);
    CHECK_INT(view()->clock_ms, LAB_START_MS); /* Of 0, 0, 1000. */
    CHECK_INT(suspend(1, false), REASON_ACCEPTED);
    CHECK_INT(view()->clock_ms, LAB_START_MS); /* Of 0, 1000. */
    CHECK_INT(suspend(2, false), REASON_ACCEPTED);
    CHECK_INT(view()->clock_ms, LAB_START_MS + 1000);
    lab.now_ms += 1000;
    lab_restore(&lab);
    CHECK_INT(as(1, nobody, (struct change){.kind = CHANGE_TICK}).reason, REASON_ACCEPTED);
    CHECK_INT(view()->clock_ms, LAB_START_MS + 1000);
    CHECK_INT(suspend(0, false), REASON_ACCEPTED); /* Nobody is left: it stands. */
    CHECK_INT(view()->clock_ms, LAB_START_MS + 1000);
    CHECK_INT(suspend(2, true), REASON_ACCEPTED);
    CHECK_INT(view()->clock_ms, LAB_START_MS + 2000);
}

/* The exemption of Down managers begins with the overlay and ends with it, also for a key judged in between. */
static void accepted_intents_of_the_suspended_need_no_key_until_it_resumes(void)
{
    begin(2, false);
    struct id theirs = lab_id(&lab), mine = lab_id(&lab), late = lab_id(&lab);
    CHECK_INT(as(1, uss1, in_state(theirs, INTENT_ACCEPTED)).reason, REASON_ACCEPTED);
    struct change keyless = in_state(mine, INTENT_ACCEPTED);
    keyless.checked_at = 0;
    CHECK_INT(as(0, uss0, keyless).reason, REASON_KEY);
    CHECK_INT(suspend(1, false), REASON_ACCEPTED);
    CHECK_INT(as(0, uss0, keyless).reason, REASON_ACCEPTED);

    struct change judged_before = in_state(late, INTENT_ACCEPTED);
    struct str key = lab_token(&lab, ENTITY_INTENT, mine);
    struct key_verdict verdict;
    key_judge(view(), uss0, &judged_before, &key, 1, &lab.arena, &verdict);
    CHECK_INT(verdict.n_missing_intents, 0);
    CHECK_INT(suspend(1, true), REASON_ACCEPTED);
    struct outcome o = as(0, uss0, judged_before);
    CHECK_INT(o.reason, REASON_KEY);
    CHECK_INT(o.n_conflict_intents, 1);
    CHECK(o.conflicts && id_equal(o.conflicts[0], theirs));
}

int main(void)
{
    LAB_RUN(a_suspended_member_neither_accepts_nor_activates_but_ends_what_it_has);
    LAB_RUN(who_suspended_when_and_why_is_on_record);
    LAB_RUN(its_participants_are_down_with_a_version_step_that_arbitration_cannot_lift);
    LAB_RUN(resuming_restores_the_stored_availability);
    LAB_RUN(a_participant_is_suspended_only_with_all_that_speak_for_it);
    LAB_RUN(suspension_has_no_weight_in_the_clock);
    LAB_RUN(accepted_intents_of_the_suspended_need_no_key_until_it_resumes);
    return t_done();
}
