/* test_notice.c - whom a writer must tell (f3548-dss.md section 11) and the counting of notification_index (5.4).
 * SPDX-License-Identifier: Apache-2.0
 */
#include "lab.h"
#include "t.h"

static const struct str uss1 = {"uss1", 4}, uss2 = {"uss2", 4};
static struct lab lab;

static struct id subscribed(struct str who, uint64_t bitmap, int from_s, int to_s)
{
    struct id id = lab_id(&lab);
    CHECK_INT(lab_apply(&lab, who, lab_subscription(&lab, id, bitmap, from_s, to_s)).reason, REASON_ACCEPTED);
    return id;
}

static int32_t index_in(const struct outcome *o, struct id sub)
{
    for (size_t i = 0; i < o->n_notices; i++)
        if (id_equal(o->notices[i].subscription, sub)) return o->notices[i].index;
    return -1;
}

static void those_who_share_cells_and_time_are_told_whatever_the_height(void)
{
    struct id near = subscribed(uss2, 1, 0, 60);
    subscribed(uss2, 2, 0, 60);
    subscribed(uss2, 1, 100, 160);
    struct change c = lab_subscription(&lab, lab_id(&lab), 1, 0, 60);
    c.vol.box.floor_mm = 9000000;
    c.vol.box.ceil_mm = 9000001;
    lab_apply(&lab, uss2, c);
    struct outcome o = lab_apply(&lab, uss1, lab_intent(&lab, lab_id(&lab), 1, 0, 60));

    CHECK_INT(o.n_notices, 2);
    CHECK_INT(index_in(&o, near), 1);
    CHECK_INT(index_in(&o, c.id), 1);
    CHECK_STR(o.notices[0].url, STR("https://uss.example/a"));
}

static void the_writers_own_subscriptions_are_told_too(void)
{
    struct id own = subscribed(uss1, 1, 0, 60);
    struct outcome o = lab_apply(&lab, uss1, lab_intent(&lab, lab_id(&lab), 1, 0, 60));
    CHECK_INT(index_in(&o, own), 1);
}

static void windows_that_touch_share_time(void)
{
    struct id sub = subscribed(uss2, 1, 60, 120);
    struct outcome o = lab_apply(&lab, uss1, lab_intent(&lab, lab_id(&lab), 1, 0, 60));
    CHECK_INT(index_in(&o, sub), 1);
}

static void an_update_tells_the_union_of_old_and_new(void)
{
    struct id id = lab_id(&lab);
    lab_apply(&lab, uss1, lab_intent(&lab, id, 1, 0, 60));
    struct id at_old = subscribed(uss2, 1, 0, 60), at_new = subscribed(uss2, 2, 100, 160);
    struct id between = subscribed(uss2, 2, 70, 90); /* New cells, in the hull of both times. */
    subscribed(uss2, 4, 0, 160);
    struct outcome o = lab_apply(&lab, uss1, lab_at_current(&lab, lab_intent(&lab, id, 2, 100, 160)));
    CHECK_INT(o.n_notices, 3);
    CHECK(index_in(&o, at_old) == 1 && index_in(&o, at_new) == 1 && index_in(&o, between) == 1);
    o = lab_apply(&lab, uss1, lab_delete(&lab, CHANGE_INTENT_DELETE, id));
    CHECK_INT(o.n_notices, 1);
    CHECK_INT(index_in(&o, at_new), 2);
}

static void flags_choose_intents_and_constraints(void)
{
    struct id intents = subscribed(uss2, 1, 0, 60);
    struct change c = lab_subscription(&lab, lab_id(&lab), 1, 0, 60), both = lab_subscription(&lab, lab_id(&lab), 1, 0, 60);
    c.for_intents = false;
    c.for_constraints = both.for_constraints = true;
    lab_apply(&lab, uss2, c);
    lab_apply(&lab, uss2, both);

    struct outcome o = lab_apply(&lab, uss1, lab_intent(&lab, lab_id(&lab), 1, 0, 60));
    CHECK(o.n_notices == 2 && index_in(&o, intents) == 1 && index_in(&o, both.id) == 1);
    struct id constraint = lab_id(&lab);
    o = lab_apply(&lab, uss1, lab_constraint(&lab, constraint, 1, 0, 60));
    CHECK(o.n_notices == 2 && index_in(&o, c.id) == 1 && index_in(&o, both.id) == 2);
    o = lab_apply(&lab, uss1, lab_at_current(&lab, lab_constraint(&lab, constraint, 1, 0, 60)));
    CHECK(index_in(&o, c.id) == 2 && index_in(&o, both.id) == 3);
    o = lab_apply(&lab, uss1, lab_delete(&lab, CHANGE_CONSTRAINT_DELETE, constraint));
    CHECK(index_in(&o, c.id) == 3 && index_in(&o, both.id) == 4);
}

/* The two-USS story of the prober: 0, 1, 2, 2, 3, 4. */
static void indices_count_0_1_2_2_3_4(void)
{
    struct id sub = subscribed(uss2, 3, 0, 3600), oir1 = lab_id(&lab), oir2 = lab_id(&lab);
    const struct view *v = state_view(lab.state);
    struct str key[2];

    lab_apply(&lab, uss1, lab_intent(&lab, oir1, 4, 0, 60));
    CHECK_INT(view_index(v, lab_find(&lab, ENTITY_SUBSCRIPTION, sub)), 0);
    struct change c = lab_intent(&lab, oir2, 1, 0, 60);
    c.attach = ATTACH_EXISTING;
    c.attach_id = sub;
    struct outcome o = lab_apply(&lab, uss2, c);
    CHECK_INT(index_in(&o, sub), 1);
    key[0] = lab_token(&lab, ENTITY_INTENT, oir1);
    key[1] = lab_token(&lab, ENTITY_INTENT, oir2);
    o = lab_apply_with_key(&lab, uss1, lab_at_current(&lab, lab_intent(&lab, oir1, 3, 0, 60)), key, 2);
    CHECK_INT(o.reason, REASON_ACCEPTED);
    CHECK_INT(index_in(&o, sub), 2);
    o = lab_apply(&lab, uss2, lab_at_current(&lab, lab_subscription(&lab, sub, 3, 0, 3600)));
    CHECK_INT(o.index, 2);
    o = lab_apply(&lab, uss1, lab_delete(&lab, CHANGE_INTENT_DELETE, oir1));
    CHECK_INT(index_in(&o, sub), 3);
    o = lab_apply(&lab, uss2, lab_delete(&lab, CHANGE_INTENT_DELETE, oir2));
    CHECK_INT(index_in(&o, sub), 4);
    CHECK(lab_find(&lab, ENTITY_SUBSCRIPTION, sub) != NULL); /* Explicit: it stays. */
}

static void a_deleted_subscription_is_never_told_again_and_its_number_begins_anew(void)
{
    struct id sub = subscribed(uss2, 1, 0, 60), intent = lab_id(&lab);
    lab_apply(&lab, uss1, lab_intent(&lab, intent, 1, 0, 60));
    CHECK_INT(lab_apply(&lab, uss2, lab_delete(&lab, CHANGE_SUBSCRIPTION_DELETE, sub)).index, 1);
    struct outcome o = lab_apply(&lab, uss1, lab_at_current(&lab, lab_intent(&lab, intent, 1, 0, 60)));
    CHECK_INT(o.n_notices, 0);
    sub = subscribed(uss2, 1, 0, 60);
    CHECK_INT(view_index(state_view(lab.state), lab_find(&lab, ENTITY_SUBSCRIPTION, sub)), 0);
}

static void expired_subscriptions_are_not_told_of_what_began_in_the_past(void)
{
    struct id expired = subscribed(uss2, 1, 0, 60), live = subscribed(uss2, 1, 0, 61);
    lab.now_ms = LAB_START_MS + 60001;
    struct outcome o = lab_apply(&lab, uss1, lab_intent(&lab, lab_id(&lab), 1, 30, 90));
    CHECK_INT(o.n_notices, 1);
    CHECK(index_in(&o, expired) == -1 && index_in(&o, live) == 1);
}

static void notices_come_by_id(void)
{
    for (int i = 0; i < 100; i++) subscribed(uss2, 1, 0, 60 + i);
    struct outcome o = lab_apply(&lab, uss1, lab_intent(&lab, lab_id(&lab), 1, 0, 60));
    CHECK_INT(o.n_notices, 100);
    for (size_t i = 1; i < o.n_notices; i++)
        CHECK(id_compare(o.notices[i - 1].subscription, o.notices[i].subscription) < 0);
}

int main(void)
{
    LAB_RUN(those_who_share_cells_and_time_are_told_whatever_the_height);
    LAB_RUN(the_writers_own_subscriptions_are_told_too);
    LAB_RUN(windows_that_touch_share_time);
    LAB_RUN(an_update_tells_the_union_of_old_and_new);
    LAB_RUN(flags_choose_intents_and_constraints);
    LAB_RUN(indices_count_0_1_2_2_3_4);
    LAB_RUN(a_deleted_subscription_is_never_told_again_and_its_number_begins_anew);
    LAB_RUN(expired_subscriptions_are_not_told_of_what_began_in_the_past);
    LAB_RUN(notices_come_by_id);
    return t_done();
}
