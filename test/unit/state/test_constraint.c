/* test_constraint.c - constraints and availability (f3548-dss.md sections 8 and 9).
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/limits.h"
#include "lab.h"
#include "t.h"

static const struct str uss1 = {"uss1", 4}, uss2 = {"uss2", 4};
static struct lab lab;

static void constraints_count_versions_like_intents(void)
{
    struct id id = lab_id(&lab);
    CHECK_INT(lab_apply(&lab, uss1, lab_constraint(&lab, id, 1, 0, 60)).version, 1);
    struct str ovn = lab_token(&lab, ENTITY_CONSTRAINT, id);
    CHECK_INT(lab_apply(&lab, uss1, lab_at_current(&lab, lab_constraint(&lab, id, 1, 0, 60))).version, 2);
    CHECK(!str_equal(ovn, lab_token(&lab, ENTITY_CONSTRAINT, id)));
    CHECK_INT(lab_apply(&lab, uss1, lab_delete(&lab, CHANGE_CONSTRAINT_DELETE, id)).version, 2);
    CHECK(!lab_find(&lab, ENTITY_CONSTRAINT, id));
}

static void an_update_of_an_unknown_constraint_is_a_conflict(void)
{
    struct change c = lab_constraint(&lab, lab_id(&lab), 1, 0, 60);
    c.has_base = true;
    CHECK_INT(lab_apply(&lab, uss1, c).reason, REASON_GONE);
    CHECK_INT(reason_err(REASON_GONE), ERR_CONFLICT);
}

static void the_manager_comes_before_the_version_of_a_constraint(void)
{
    struct id id = lab_id(&lab);
    struct change c = lab_constraint(&lab, id, 1, 0, 60);
    struct change d = {.kind = CHANGE_CONSTRAINT_DELETE, .id = id, .has_base = true};

    CHECK_INT(lab_apply(&lab, uss1, d).reason, REASON_NOT_FOUND);
    lab_apply(&lab, uss1, c);
    CHECK_INT(lab_apply(&lab, uss2, c).reason, REASON_MANAGER);
    CHECK_INT(lab_apply(&lab, uss1, c).reason, REASON_EXISTS);
    c.has_base = true;
    CHECK_INT(lab_apply(&lab, uss2, c).reason, REASON_MANAGER);
    CHECK_INT(lab_apply(&lab, uss1, c).reason, REASON_VERSION);
    CHECK_INT(lab_apply(&lab, uss2, d).reason, REASON_MANAGER);
    CHECK_INT(lab_apply(&lab, uss1, d).reason, REASON_VERSION);
}

static void an_ended_constraint_is_refused_and_heights_are_optional(void)
{
    lab.now_ms = LAB_START_MS + 61000;
    CHECK_INT(lab_apply(&lab, uss1, lab_constraint(&lab, lab_id(&lab), 1, 0, 60)).reason, REASON_ENDED);
    CHECK_INT(lab_apply(&lab, uss1, lab_constraint(&lab, lab_id(&lab), 1, 0, 62)).reason, REASON_ACCEPTED);
    CHECK_INT(lab_apply(&lab, uss1, lab_constraint(&lab, lab_id(&lab), 1, 90, 90)).reason, REASON_WINDOW);
}

static void a_constraint_is_never_refused_for_intents(void)
{
    lab_apply(&lab, uss1, lab_intent(&lab, lab_id(&lab), 1, 0, 60));
    CHECK_INT(lab_apply(&lab, uss2, lab_constraint(&lab, lab_id(&lab), 1, 0, 60)).reason, REASON_ACCEPTED);
}

/* --- availability ----------------------------------------------------------------------------- */

static void a_uss_nobody_spoke_of_is_unknown_without_a_version(void)
{
    struct availability a = view_availability(state_view(lab.state), STR("never heard"));
    CHECK_INT(a.status, USS_UNKNOWN);
    CHECK_INT(a.version.n, 0);
}

static void the_first_setting_names_no_version_and_later_ones_the_current(void)
{
    struct change c = lab_availability(&lab, uss2, USS_NORMAL);
    struct change wrong = c;

    wrong.has_base = true;
    wrong.base = 7;
    CHECK_INT(lab_apply(&lab, uss1, wrong).reason, REASON_VERSION);
    struct outcome o = lab_apply(&lab, uss1, c);
    CHECK_INT(o.reason, REASON_ACCEPTED);
    struct availability a = view_availability(state_view(lab.state), uss2);
    CHECK_INT(a.status, USS_NORMAL);
    CHECK(a.version.n >= LIMIT_OVN_MIN && o.token_digest == hash_digest(a.version));

    c = lab_availability(&lab, uss2, USS_DOWN);
    struct change none = c;
    none.has_base = false;
    CHECK_INT(lab_apply(&lab, uss1, none).reason, REASON_VERSION);
    CHECK_INT(lab_apply(&lab, uss1, wrong).reason, REASON_VERSION);
    CHECK_INT(lab_apply(&lab, uss1, c).reason, REASON_ACCEPTED);
    CHECK_INT(view_availability(state_view(lab.state), uss2).status, USS_DOWN);
    lab_restore(&lab);
    CHECK_INT(lab_apply(&lab, uss1, c).reason, REASON_VERSION);
    CHECK_INT(view_availability(state_view(lab.state), uss2).status, USS_DOWN);
}

static void availability_of_a_manager_shows_with_its_intents_and_leaves_their_ovns(void)
{
    struct id id = lab_id(&lab);
    lab_apply(&lab, uss2, lab_intent(&lab, id, 1, 0, 60));
    struct str ovn = lab_token(&lab, ENTITY_INTENT, id);
    lab_apply(&lab, uss1, lab_availability(&lab, uss2, USS_DOWN));
    const struct entity *e = lab_find(&lab, ENTITY_INTENT, id);
    CHECK_INT(view_manager_availability(state_view(lab.state), e).status, USS_DOWN);
    CHECK_STR(e->token, ovn);
}

static void a_down_uss_may_write_unless_the_rules_say_412(void)
{
    struct id id = lab_id(&lab);
    lab_apply(&lab, uss2, lab_availability(&lab, uss1, USS_DOWN));
    CHECK_INT(lab_apply(&lab, uss1, lab_intent(&lab, id, 1, 0, 60)).reason, REASON_ACCEPTED);
    CHECK_INT(lab_apply(&lab, uss1, lab_delete(&lab, CHANGE_INTENT_DELETE, id)).reason, REASON_ACCEPTED);
}

static void with_the_412_rule_a_down_uss_may_only_go_off_nominal(void)
{
    struct lab strict;
    struct id id, sub;

    lab_init_with(&strict, true);
    id = lab_id(&strict);
    sub = lab_id(&strict);
    CHECK_INT(lab_apply(&strict, uss1, lab_intent(&strict, id, 1, 0, 60)).reason, REASON_ACCEPTED);
    lab_apply(&strict, uss2, lab_availability(&strict, uss1, USS_DOWN));
    CHECK_INT(lab_apply(&strict, uss1, lab_intent(&strict, lab_id(&strict), 2, 0, 60)).reason, REASON_DOWN);
    struct change c = lab_at_current(&strict, lab_intent(&strict, id, 1, 0, 60));
    CHECK_INT(lab_apply(&strict, uss1, c).reason, REASON_DOWN);
    CHECK_INT(lab_apply(&strict, uss1, lab_delete(&strict, CHANGE_INTENT_DELETE, id)).reason, REASON_DOWN);
    c.state = INTENT_NONCONFORMING;
    c.attach = ATTACH_NEW;
    c.attach_id = sub;
    CHECK_INT(lab_apply(&strict, uss1, c).reason, REASON_ACCEPTED);
    CHECK_INT(reason_err(REASON_DOWN), ERR_STATE);
    CHECK_INT(lab_apply(&strict, uss2, lab_intent(&strict, lab_id(&strict), 2, 0, 60)).reason, REASON_ACCEPTED);
    lab_restore(&strict);
    CHECK_INT(lab_apply(&strict, uss1, lab_intent(&strict, lab_id(&strict), 4, 0, 60)).reason, REASON_DOWN);
    lab_done(&strict);
}

static void an_availability_without_a_uss_or_of_no_kind_is_malformed(void)
{
    struct change c = lab_availability(&lab, (struct str){0}, USS_NORMAL);
    CHECK_INT(lab_apply(&lab, uss1, c).reason, REASON_MALFORMED);
    c = lab_availability(&lab, uss2, (enum uss_availability)3);
    CHECK_INT(lab_apply(&lab, uss1, c).reason, REASON_MALFORMED);
}

int main(void)
{
    LAB_RUN(constraints_count_versions_like_intents);
    LAB_RUN(an_update_of_an_unknown_constraint_is_a_conflict);
    LAB_RUN(the_manager_comes_before_the_version_of_a_constraint);
    LAB_RUN(an_ended_constraint_is_refused_and_heights_are_optional);
    LAB_RUN(a_constraint_is_never_refused_for_intents);
    LAB_RUN(a_uss_nobody_spoke_of_is_unknown_without_a_version);
    LAB_RUN(the_first_setting_names_no_version_and_later_ones_the_current);
    LAB_RUN(availability_of_a_manager_shows_with_its_intents_and_leaves_their_ovns);
    LAB_RUN(a_down_uss_may_write_unless_the_rules_say_412);
    LAB_RUN(with_the_412_rule_a_down_uss_may_only_go_off_nominal);
    LAB_RUN(an_availability_without_a_uss_or_of_no_kind_is_malformed);
    return t_done();
}
