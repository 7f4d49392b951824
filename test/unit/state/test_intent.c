/* test_intent.c - operational intents: existence, manager, version, states, times (f3548-dss.md 6.2 to 6.4).
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/limits.h"
#include "lab.h"
#include "t.h"

static const struct str uss1 = {"uss1", 4}, uss2 = {"uss2", 4};
static struct lab lab;

static void a_new_intent_has_version_1_and_a_token(void)
{
    struct id id = lab_id(&lab);
    struct outcome o = lab_apply(&lab, uss1, lab_intent(&lab, id, 1, 0, 60));
    const struct entity *e = lab_find(&lab, ENTITY_INTENT, id);

    CHECK_INT(o.reason, REASON_ACCEPTED);
    CHECK_INT(o.version, 1);
    if (!CHECK(e != NULL)) return;
    CHECK(e->token.n >= LIMIT_OVN_MIN && e->token.n <= LIMIT_OVN_MAX);
    CHECK(o.token_digest == hash_digest(e->token));
    CHECK_STR(e->manager, uss1);
    CHECK_STR(e->url, STR("https://uss.example/a"));
    CHECK(id_is_zero(e->subscription));
}

static void an_update_counts_the_version_and_changes_the_ovn(void)
{
    struct id id = lab_id(&lab);
    lab_apply(&lab, uss1, lab_intent(&lab, id, 1, 0, 60));
    struct str before = lab_token(&lab, ENTITY_INTENT, id);
    struct outcome o = lab_apply(&lab, uss1, lab_at_current(&lab, lab_intent(&lab, id, 1, 0, 60)));

    CHECK_INT(o.reason, REASON_ACCEPTED);
    CHECK_INT(o.version, 2);
    CHECK(!str_equal(before, lab_token(&lab, ENTITY_INTENT, id)));
}

static void creating_what_exists_is_a_conflict_and_naming_a_stale_version_too(void)
{
    struct id id = lab_id(&lab);
    lab_apply(&lab, uss1, lab_intent(&lab, id, 1, 0, 60));
    CHECK_INT(lab_apply(&lab, uss1, lab_intent(&lab, id, 1, 0, 60)).reason, REASON_EXISTS);

    struct change stale = lab_at_current(&lab, lab_intent(&lab, id, 1, 0, 60));
    CHECK_INT(lab_apply(&lab, uss1, stale).reason, REASON_ACCEPTED);
    CHECK_INT(lab_apply(&lab, uss1, stale).reason, REASON_VERSION);
    CHECK_INT(reason_err(REASON_VERSION), ERR_CONFLICT);
}

static void updating_an_unknown_intent_is_bad_input(void)
{
    struct change c = lab_intent(&lab, lab_id(&lab), 1, 0, 60);
    c.has_base = true;
    CHECK_INT(lab_apply(&lab, uss1, c).reason, REASON_UNKNOWN_VERSION);
    CHECK_INT(reason_err(REASON_UNKNOWN_VERSION), ERR_INPUT);
}

static void another_manager_is_refused_before_the_version_is_looked_at(void)
{
    struct id id = lab_id(&lab);
    lab_apply(&lab, uss1, lab_intent(&lab, id, 1, 0, 60));

    struct change c = lab_intent(&lab, id, 1, 0, 60);
    CHECK_INT(lab_apply(&lab, uss2, c).reason, REASON_MANAGER);
    CHECK_INT(lab_apply(&lab, uss2, lab_at_current(&lab, c)).reason, REASON_MANAGER);
    struct change d = lab_delete(&lab, CHANGE_INTENT_DELETE, id);
    CHECK_INT(lab_apply(&lab, uss2, d).reason, REASON_MANAGER);
    CHECK(lab_find(&lab, ENTITY_INTENT, id) != NULL);
}

static void deleting_tells_unknown_manager_and_version_apart(void)
{
    struct id id = lab_id(&lab);
    struct change d = {.kind = CHANGE_INTENT_DELETE, .id = id, .has_base = true, .base = 7};

    CHECK_INT(lab_apply(&lab, uss1, d).reason, REASON_NOT_FOUND);
    lab_apply(&lab, uss1, lab_intent(&lab, id, 1, 0, 60));
    CHECK_INT(lab_apply(&lab, uss1, d).reason, REASON_VERSION);
    struct outcome o = lab_apply(&lab, uss1, lab_delete(&lab, CHANGE_INTENT_DELETE, id));
    CHECK_INT(o.reason, REASON_ACCEPTED);
    CHECK_INT(o.version, 1);
    CHECK_INT(lab_apply(&lab, uss1, d).reason, REASON_NOT_FOUND);
}

static void a_deleted_and_created_id_begins_at_version_1(void)
{
    struct id id = lab_id(&lab);
    lab_apply(&lab, uss1, lab_intent(&lab, id, 1, 0, 60));
    lab_apply(&lab, uss1, lab_at_current(&lab, lab_intent(&lab, id, 1, 0, 60)));
    lab_apply(&lab, uss1, lab_delete(&lab, CHANGE_INTENT_DELETE, id));
    CHECK_INT(lab_apply(&lab, uss2, lab_intent(&lab, id, 1, 0, 60)).version, 1);
}

static void an_intent_begins_accepted_and_needs_a_subscription_for_more(void)
{
    struct id id = lab_id(&lab), sub = lab_id(&lab);
    struct change c = lab_intent(&lab, id, 1, 0, 60);

    c.attach = ATTACH_NEW;
    c.attach_id = sub;
    c.attach_url = STR("https://uss.example");
    for (enum intent_state state = INTENT_ACTIVATED; state <= INTENT_CONTINGENT; state++) {
        c.state = state;
        CHECK_INT(lab_apply(&lab, uss1, c).reason, REASON_STATE_AT_CREATE);
    }
    lab_apply(&lab, uss1, lab_intent(&lab, id, 1, 0, 60));
    c = lab_at_current(&lab, lab_intent(&lab, id, 1, 0, 60));
    c.state = INTENT_ACTIVATED;
    CHECK_INT(lab_apply(&lab, uss1, c).reason, REASON_NO_SUBSCRIPTION);
    c.attach = ATTACH_NEW;
    c.attach_id = sub;
    CHECK_INT(lab_apply(&lab, uss1, c).reason, REASON_ACCEPTED);
    CHECK_INT(lab_find(&lab, ENTITY_INTENT, id)->state, INTENT_ACTIVATED);
}

static void any_state_may_follow_any_other(void)
{
    struct id id = lab_id(&lab), sub = lab_id(&lab);
    lab_apply(&lab, uss1, lab_subscription(&lab, sub, 1, 0, 60));
    lab_apply(&lab, uss1, lab_intent(&lab, id, 1, 0, 60));
    for (int i = 0; i < 16; i++) {
        struct change c = lab_at_current(&lab, lab_intent(&lab, id, 1, 0, 60));
        c.state = (enum intent_state)(INTENT_ACCEPTED + (i ^ i >> 2) % 4);
        c.attach = ATTACH_EXISTING;
        c.attach_id = sub;
        CHECK_INT(lab_apply(&lab, uss1, c).reason, REASON_ACCEPTED);
    }
}

static void what_has_ended_by_the_entrys_time_is_refused(void)
{
    struct change c = lab_intent(&lab, lab_id(&lab), 1, -60, 10);

    lab.now_ms = LAB_START_MS + 10 * 1000;
    CHECK_INT(lab_apply(&lab, uss1, c).reason, REASON_ACCEPTED);
    c = lab_intent(&lab, lab_id(&lab), 1, -60, 10);
    lab.now_ms++;
    CHECK_INT(lab_apply(&lab, uss1, c).reason, REASON_ENDED);
}

static void a_window_without_length_is_refused(void)
{
    CHECK_INT(lab_apply(&lab, uss1, lab_intent(&lab, lab_id(&lab), 1, 60, 60)).reason, REASON_WINDOW);
    CHECK_INT(lab_apply(&lab, uss1, lab_intent(&lab, lab_id(&lab), 1, 61, 60)).reason, REASON_WINDOW);
}

static void changes_no_rule_knows_are_malformed(void)
{
    struct change c = lab_intent(&lab, lab_id(&lab), 1, 0, 60);
    struct change bad = c;

    bad.vol.n_cells = 0;
    CHECK_INT(lab_apply(&lab, uss1, bad).reason, REASON_MALFORMED);
    bad = c;
    bad.vol.box.floor_mm = VOL_FLOOR_NONE;
    CHECK_INT(lab_apply(&lab, uss1, bad).reason, REASON_MALFORMED);
    bad = c;
    bad.vol.box.ends_us = INSTANT_MAX;
    CHECK_INT(lab_apply(&lab, uss1, bad).reason, REASON_MALFORMED);
    bad = c;
    bad.state = 5;
    CHECK_INT(lab_apply(&lab, uss1, bad).reason, REASON_MALFORMED);
    bad = c;
    bad.has_key = false;
    CHECK_INT(lab_apply(&lab, uss1, bad).reason, REASON_MALFORMED);
    bad = c;
    bad.checked_at = state_view(lab.state)->position + 1;
    CHECK_INT(lab_apply(&lab, uss1, bad).reason, REASON_MALFORMED);
    bad = c;
    bad.kind = 9;
    CHECK_INT(lab_apply(&lab, uss1, bad).reason, REASON_MALFORMED);
    bad = c;
    bad.id = (struct id){0, 0};
    CHECK_INT(lab_apply(&lab, uss1, bad).reason, REASON_MALFORMED);
    CHECK_INT(lab_apply(&lab, (struct str){0}, c).reason, REASON_MALFORMED);
    CHECK_INT(lab_apply(&lab, uss1, c).reason, REASON_ACCEPTED);
}

static void a_requested_ovn_is_taken_as_sent_and_never_twice(void)
{
    static const struct str suffix = {"0191dc07-2f57-79fd-b021-80456ceb627f", 36};
    struct id id = lab_id(&lab);
    struct change c = lab_intent(&lab, id, 1, 0, 60);
    char text[ID_TEXT];

    c.suffix = suffix;
    CHECK_INT(lab_apply(&lab, uss1, c).reason, REASON_ACCEPTED);
    struct str token = lab_token(&lab, ENTITY_INTENT, id);
    id_format(id, text);
    CHECK_INT(token.n, 73);
    CHECK(str_starts(token, (struct str){text, ID_TEXT}) && str_ends(token, suffix));

    struct change again = lab_at_current(&lab, lab_intent(&lab, id, 1, 0, 60));
    again.suffix = suffix;
    CHECK_INT(lab_apply(&lab, uss1, again).reason, REASON_OVN_USED); /* Current. */
    lab_apply(&lab, uss1, lab_at_current(&lab, lab_intent(&lab, id, 1, 0, 60)));
    again = lab_at_current(&lab, again);
    CHECK_INT(lab_apply(&lab, uss1, again).reason, REASON_OVN_USED); /* Past. */
    lab_restore(&lab);
    CHECK_INT(lab_apply(&lab, uss1, again).reason, REASON_OVN_USED);
    CHECK_INT(reason_err(REASON_OVN_USED), ERR_CONFLICT);
}

static void two_entities_never_have_one_ovn(void)
{
    struct change c = lab_intent(&lab, lab_id(&lab), 1, 0, 60);
    lab_apply(&lab, uss1, c);
    struct change d = lab_intent(&lab, lab_id(&lab), 2, 0, 60);
    memcpy(d.random, c.random, sizeof d.random);
    CHECK_INT(lab_apply(&lab, uss1, d).reason, REASON_OVN_USED);
    d = lab_constraint(&lab, lab_id(&lab), 2, 0, 60);
    memcpy(d.random, c.random, sizeof d.random);
    CHECK_INT(lab_apply(&lab, uss1, d).reason, REASON_OVN_USED);
}

static void a_refused_change_leaves_the_state_alone(void)
{
    struct id id = lab_id(&lab);
    lab_apply(&lab, uss1, lab_intent(&lab, id, 1, 0, 60));
    struct str token = lab_token(&lab, ENTITY_INTENT, id);
    struct change c = lab_at_current(&lab, lab_intent(&lab, id, 3, 0, 60));
    c.attach = ATTACH_EXISTING;
    c.attach_id = lab_id(&lab);
    struct outcome o = lab_apply(&lab, uss1, c);

    CHECK_INT(o.reason, REASON_ATTACH_UNKNOWN);
    CHECK(o.version == 0 && o.token_digest == 0 && o.n_notices == 0);
    CHECK_STR(lab_token(&lab, ENTITY_INTENT, id), token);
    CHECK_INT(lab_find(&lab, ENTITY_INTENT, id)->version, 1);
}

static void judging_before_says_what_apply_says(void)
{
    struct id id = lab_id(&lab);
    struct change c = lab_intent(&lab, id, 1, 0, 60);
    const struct view *v = state_view(lab.state);

    CHECK_INT(change_judge(v, uss1, &c, lab.now_ms), REASON_ACCEPTED);
    lab_apply(&lab, uss1, c);
    CHECK_INT(change_judge(v, uss1, &c, lab.now_ms), REASON_EXISTS);
    CHECK_INT(change_judge(v, uss2, &c, lab.now_ms), REASON_MANAGER);
    CHECK_INT(change_judge(v, uss1, &c, lab.now_ms + 60001), REASON_ENDED);
}

static void a_reader_keeps_what_it_pinned(void)
{
    struct id id = lab_id(&lab);
    struct state_pin pin;
    struct change c = lab_intent(&lab, id, 1, 0, 60);

    lab_apply(&lab, uss1, c);
    const struct view *v = state_read(lab.state, &pin);
    lab_apply(&lab, uss1, lab_at_current(&lab, lab_intent(&lab, id, 6, 0, 60)));
    lab_apply(&lab, uss1, lab_delete(&lab, CHANGE_INTENT_DELETE, id));
    const struct entity *e = view_find(v, ENTITY_INTENT, id);
    CHECK(e && e->version == 1 && e->n_cells == 1);
    CHECK(!lab_find(&lab, ENTITY_INTENT, id));
    state_done_reading(&pin);
}

int main(void)
{
    LAB_RUN(a_new_intent_has_version_1_and_a_token);
    LAB_RUN(an_update_counts_the_version_and_changes_the_ovn);
    LAB_RUN(creating_what_exists_is_a_conflict_and_naming_a_stale_version_too);
    LAB_RUN(updating_an_unknown_intent_is_bad_input);
    LAB_RUN(another_manager_is_refused_before_the_version_is_looked_at);
    LAB_RUN(deleting_tells_unknown_manager_and_version_apart);
    LAB_RUN(a_deleted_and_created_id_begins_at_version_1);
    LAB_RUN(an_intent_begins_accepted_and_needs_a_subscription_for_more);
    LAB_RUN(any_state_may_follow_any_other);
    LAB_RUN(what_has_ended_by_the_entrys_time_is_refused);
    LAB_RUN(a_window_without_length_is_refused);
    LAB_RUN(changes_no_rule_knows_are_malformed);
    LAB_RUN(a_requested_ovn_is_taken_as_sent_and_never_twice);
    LAB_RUN(two_entities_never_have_one_ovn);
    LAB_RUN(a_refused_change_leaves_the_state_alone);
    LAB_RUN(judging_before_says_what_apply_says);
    LAB_RUN(a_reader_keeps_what_it_pinned);
    return t_done();
}
