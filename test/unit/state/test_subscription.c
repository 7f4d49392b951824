/* test_subscription.c - subscriptions by PUT and DELETE (f3548-dss.md section 7).
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/limits.h"
#include "lab.h"
#include "t.h"

static const struct str uss1 = {"uss1", 4}, uss2 = {"uss2", 4};
static struct lab lab;

static void a_new_one_has_index_0_and_a_version(void)
{
    struct id id = lab_id(&lab);
    struct outcome o = lab_apply(&lab, uss1, lab_subscription(&lab, id, 1, 0, 60));
    const struct entity *e = lab_find(&lab, ENTITY_SUBSCRIPTION, id);

    CHECK_INT(o.reason, REASON_ACCEPTED);
    CHECK_INT(o.index, 0);
    CHECK_INT(o.n_notices, 0);
    CHECK(e && !e->is_implicit && e->token.n >= LIMIT_OVN_MIN);
    CHECK(e && o.token_digest == hash_digest(e->token));
}

static void a_put_replaces_all_but_the_index(void)
{
    struct id id = lab_id(&lab);
    lab_apply(&lab, uss1, lab_subscription(&lab, id, 1, 0, 60));
    lab_apply(&lab, uss2, lab_intent(&lab, lab_id(&lab), 1, 0, 60));
    struct str version = lab_token(&lab, ENTITY_SUBSCRIPTION, id);
    struct change c = lab_at_current(&lab, lab_subscription(&lab, id, 2, 5, 50));
    c.for_intents = false;
    c.for_constraints = true;
    c.url = STR("https://other.example");
    struct outcome o = lab_apply(&lab, uss1, c);

    CHECK_INT(o.reason, REASON_ACCEPTED);
    CHECK_INT(o.index, 1);
    const struct entity *e = lab_find(&lab, ENTITY_SUBSCRIPTION, id);
    CHECK(!e->for_intents && e->for_constraints);
    CHECK_STR(e->url, STR("https://other.example"));
    CHECK(!str_equal(version, e->token));
}

static void the_version_does_not_change_with_the_index(void)
{
    struct id id = lab_id(&lab);
    lab_apply(&lab, uss1, lab_subscription(&lab, id, 1, 0, 60));
    struct str version = lab_token(&lab, ENTITY_SUBSCRIPTION, id);
    lab_apply(&lab, uss2, lab_intent(&lab, lab_id(&lab), 1, 0, 60));
    CHECK_STR(lab_token(&lab, ENTITY_SUBSCRIPTION, id), version);
}

static void existence_and_version_come_before_the_owner(void)
{
    struct id id = lab_id(&lab);
    struct change c = lab_subscription(&lab, id, 1, 0, 60);

    c.has_base = true;
    c.base = 7;
    CHECK_INT(lab_apply(&lab, uss1, c).reason, REASON_UNKNOWN_VERSION);
    lab_apply(&lab, uss1, lab_subscription(&lab, id, 1, 0, 60));
    CHECK_INT(lab_apply(&lab, uss1, c).reason, REASON_VERSION);
    CHECK_INT(lab_apply(&lab, uss2, c).reason, REASON_VERSION); /* 409 before 403 on PUT. */
    c.has_base = false;
    CHECK_INT(lab_apply(&lab, uss2, c).reason, REASON_EXISTS);
    CHECK_INT(lab_apply(&lab, uss2, lab_at_current(&lab, c)).reason, REASON_MANAGER);
    CHECK_INT(lab_apply(&lab, uss1, lab_at_current(&lab, c)).reason, REASON_ACCEPTED);
}

static void on_deletion_the_owner_comes_before_the_version(void)
{
    struct id id = lab_id(&lab);
    struct change d = {.kind = CHANGE_SUBSCRIPTION_DELETE, .id = id, .has_base = true, .base = 7};

    CHECK_INT(lab_apply(&lab, uss1, d).reason, REASON_NOT_FOUND);
    lab_apply(&lab, uss1, lab_subscription(&lab, id, 1, 0, 60));
    CHECK_INT(lab_apply(&lab, uss2, d).reason, REASON_MANAGER);
    CHECK_INT(lab_apply(&lab, uss1, d).reason, REASON_VERSION);
    d = lab_at_current(&lab, d);
    CHECK_INT(lab_apply(&lab, uss1, d).reason, REASON_ACCEPTED);
    CHECK_INT(lab_apply(&lab, uss1, d).reason, REASON_NOT_FOUND);
}

static void the_placeholder_is_never_a_subscription(void)
{
    struct id placeholder;
    CHECK(id_parse(STR("00000000-0000-4000-8000-000000000000"), &placeholder));
    CHECK_INT(lab_apply(&lab, uss1, lab_subscription(&lab, placeholder, 1, 0, 60)).reason,
              REASON_PLACEHOLDER_ID);
}

static void a_day_is_allowed_and_no_more(void)
{
    int day = 24 * 3600;
    CHECK_INT(lab_apply(&lab, uss1, lab_subscription(&lab, lab_id(&lab), 1, 0, day)).reason, REASON_ACCEPTED);
    struct change c = lab_subscription(&lab, lab_id(&lab), 1, 0, day);
    c.vol.box.ends_us++;
    CHECK_INT(lab_apply(&lab, uss1, c).reason, REASON_WINDOW);
    CHECK_INT(lab_apply(&lab, uss1, lab_subscription(&lab, lab_id(&lab), 1, 9, 9)).reason, REASON_WINDOW);
    CHECK_INT(lab_apply(&lab, uss1, lab_subscription(&lab, lab_id(&lab), 1, 9, 8)).reason, REASON_WINDOW);
    c.vol.box.starts_us = INT64_MIN + 1;
    c.vol.box.ends_us = INT64_MAX - 1;
    CHECK_INT(lab_apply(&lab, uss1, c).reason, REASON_WINDOW);
}

static void one_that_asks_for_nothing_is_malformed(void)
{
    struct change c = lab_subscription(&lab, lab_id(&lab), 1, 0, 60);
    c.for_intents = false;
    CHECK_INT(lab_apply(&lab, uss1, c).reason, REASON_MALFORMED);
}

/* f3548-dss.md 7.4: radius, floor, ceiling, start with its grace of five minutes, end. */
static void an_update_must_cover_each_dependent_intent(void)
{
    struct id sub = lab_id(&lab), intent = lab_id(&lab);
    lab_apply(&lab, uss1, lab_subscription(&lab, sub, 0x0F, 0, 3600));
    struct change i = lab_intent(&lab, intent, 0x03, 0, 3600);
    i.attach = ATTACH_EXISTING;
    i.attach_id = sub;
    CHECK_INT(lab_apply(&lab, uss1, i).reason, REASON_ACCEPTED);

    struct change c = lab_at_current(&lab, lab_subscription(&lab, sub, 0x01, 0, 3600));
    CHECK_INT(lab_apply(&lab, uss1, c).reason, REASON_DEPENDENT_COVER); /* Cells. */
    c = lab_at_current(&lab, lab_subscription(&lab, sub, 0x03, 301, 3600));
    CHECK_INT(lab_apply(&lab, uss1, c).reason, REASON_DEPENDENT_COVER); /* Start. */
    c.vol.box.starts_us = LAB_START_US + LIMIT_PAST_US + 1;
    CHECK_INT(lab_apply(&lab, uss1, c).reason, REASON_DEPENDENT_COVER);
    c = lab_at_current(&lab, lab_subscription(&lab, sub, 0x03, 0, 3599));
    CHECK_INT(lab_apply(&lab, uss1, c).reason, REASON_DEPENDENT_COVER); /* End. */
    c = lab_at_current(&lab, lab_subscription(&lab, sub, 0x03, 0, 3600));
    c.vol.box.floor_mm = 1;
    CHECK_INT(lab_apply(&lab, uss1, c).reason, REASON_DEPENDENT_COVER); /* Floor. */
    c.vol.box.floor_mm = 0;
    c.vol.box.ceil_mm = 99999;
    CHECK_INT(lab_apply(&lab, uss1, c).reason, REASON_DEPENDENT_COVER); /* Ceiling. */
    c.vol.box.ceil_mm = 100000;
    c.vol.box.starts_us = LAB_START_US + LIMIT_PAST_US;
    CHECK_INT(lab_apply(&lab, uss1, c).reason, REASON_ACCEPTED);
    CHECK_INT(reason_err(REASON_DEPENDENT_COVER), ERR_INPUT);
}

static void dependents_are_listed_by_id(void)
{
    AUTO(id_vec_done) struct id_vec ids = {0};
    struct id sub = lab_id(&lab);
    lab_apply(&lab, uss1, lab_subscription(&lab, sub, 0xFF, 0, 3600));
    for (int i = 0; i < 8; i++) {
        struct change c = lab_intent(&lab, lab_id(&lab), UINT64_C(1) << i, 0, 60);
        c.attach = ATTACH_EXISTING;
        c.attach_id = sub;
        CHECK_INT(lab_apply(&lab, uss1, c).reason, REASON_ACCEPTED);
    }
    view_dependents(state_view(lab.state), lab_find(&lab, ENTITY_SUBSCRIPTION, sub), &ids);
    CHECK_INT(ids.n, 8);
    for (size_t i = 1; i < ids.n; i++) CHECK(id_compare(ids.at[i - 1], ids.at[i]) < 0);
}

static void one_id_may_name_an_entity_of_each_kind(void)
{
    struct id id = lab_id(&lab);
    CHECK_INT(lab_apply(&lab, uss1, lab_subscription(&lab, id, 1, 0, 60)).reason, REASON_ACCEPTED);
    CHECK_INT(lab_apply(&lab, uss1, lab_intent(&lab, id, 1, 0, 60)).reason, REASON_ACCEPTED);
    CHECK_INT(lab_apply(&lab, uss1, lab_constraint(&lab, id, 1, 0, 60)).reason, REASON_ACCEPTED);
    CHECK_INT(lab_apply(&lab, uss1, lab_delete(&lab, CHANGE_INTENT_DELETE, id)).reason, REASON_ACCEPTED);
    CHECK(lab_find(&lab, ENTITY_SUBSCRIPTION, id) && lab_find(&lab, ENTITY_CONSTRAINT, id));
}

int main(void)
{
    LAB_RUN(a_new_one_has_index_0_and_a_version);
    LAB_RUN(a_put_replaces_all_but_the_index);
    LAB_RUN(the_version_does_not_change_with_the_index);
    LAB_RUN(existence_and_version_come_before_the_owner);
    LAB_RUN(on_deletion_the_owner_comes_before_the_version);
    LAB_RUN(the_placeholder_is_never_a_subscription);
    LAB_RUN(a_day_is_allowed_and_no_more);
    LAB_RUN(one_that_asks_for_nothing_is_malformed);
    LAB_RUN(an_update_must_cover_each_dependent_intent);
    LAB_RUN(dependents_are_listed_by_id);
    LAB_RUN(one_id_may_name_an_entity_of_each_kind);
    return t_done();
}
