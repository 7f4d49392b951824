/* test_attach.c - subscriptions attached to intents: the cases of f3548-dss.md 6.5.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/limits.h"
#include "cell/set.h"
#include "lab.h"
#include "t.h"

static const struct str uss1 = {"uss1", 4}, uss2 = {"uss2", 4};
static struct lab lab;

static struct change with_new(struct change c, struct id sub)
{
    c.attach = ATTACH_NEW;
    c.attach_id = sub;
    c.attach_url = STR("https://uss.example/implicit");
    return c;
}

static struct change with(struct change c, struct id sub)
{
    c.attach = ATTACH_EXISTING;
    c.attach_id = sub;
    return c;
}

/* With a key that shows everything there is. */
static struct outcome put(struct change c)
{
    AUTO(entity_vec_done) struct entity_vec all = {0};
    struct str key[64];
    size_t n = 0;

    c = lab_at_current(&lab, c);
    view_search(state_view(lab.state), ENTITY_INTENT, &c.vol, false, &all);
    for (; n < all.n && n < 64; n++) key[n] = arena_dup(&lab.arena, all.at[n]->token);
    return lab_apply_with_key(&lab, uss1, c, key, n);
}

static const struct entity *sub_at(struct id id)
{
    return lab_find(&lab, ENTITY_SUBSCRIPTION, id);
}

static bool has_bounds(struct id sub, uint64_t bitmap, int from_s, int to_s)
{
    AUTO(u64_vec_done) struct u64_vec cells = {0};
    const struct entity *e = sub_at(sub);

    if (!e || !cell_set_decode(e->cells, LIMIT_CELLS, &cells)) return false;
    return lab_bitmap(cells.at, cells.n) == bitmap &&
           e->box.starts_us == LAB_START_US + from_s * INSTANT_S &&
           e->box.ends_us == LAB_START_US + to_s * INSTANT_S;
}

static bool is_attached(struct id intent, struct id sub)
{
    AUTO(id_vec_done) struct id_vec ids = {0};
    const struct entity *e = lab_find(&lab, ENTITY_INTENT, intent);
    bool found = false;

    if (!e || !id_equal(e->subscription, sub) || !sub_at(sub)) return false;
    view_dependents(state_view(lab.state), sub_at(sub), &ids);
    for (size_t i = 0; i < ids.n; i++) found |= id_equal(ids.at[i], intent);
    return found;
}

static bool lists(const struct outcome *o, struct id sub, int32_t index)
{
    for (size_t i = 0; i < o->n_notices; i++)
        if (id_equal(o->notices[i].subscription, sub)) return o->notices[i].index == index;
    return false;
}

static void a_new_implicit_subscription_has_the_intents_bounds_and_index_1(void)
{
    struct id intent = lab_id(&lab), sub = lab_id(&lab);
    struct outcome o = put(with_new(lab_intent(&lab, intent, 0x0F, 10, 60), sub));

    CHECK_INT(o.reason, REASON_ACCEPTED);
    CHECK_INT(o.n_notices, 1);
    CHECK(lists(&o, sub, 1));
    CHECK(is_attached(intent, sub) && has_bounds(sub, 0x0F, 10, 60));
    const struct entity *e = sub_at(sub);
    CHECK(e && e->is_implicit && e->for_intents && !e->for_constraints);
    CHECK_INT(view_index(state_view(lab.state), e), 1);
    CHECK_STR(e->url, STR("https://uss.example/implicit"));
    CHECK(e->token.n >= LIMIT_OVN_MIN);
}

static void an_implicit_subscription_may_be_longer_than_a_day(void)
{
    struct id sub = lab_id(&lab);
    CHECK_INT(put(with_new(lab_intent(&lab, lab_id(&lab), 1, 0, 90000), sub)).reason, REASON_ACCEPTED);
    CHECK(has_bounds(sub, 1, 0, 90000));
}

static void case_1_it_goes_with_its_only_intent_and_is_listed_once_more(void)
{
    struct id intent = lab_id(&lab), sub = lab_id(&lab);
    put(with_new(lab_intent(&lab, intent, 1, 0, 60), sub));
    struct outcome o = lab_apply(&lab, uss1, lab_delete(&lab, CHANGE_INTENT_DELETE, intent));
    CHECK(lists(&o, sub, 2));
    CHECK(!sub_at(sub));
    o = put(lab_intent(&lab, lab_id(&lab), 1, 0, 60));
    CHECK_INT(o.n_notices, 0);
}

static void case_2_a_replaced_implicit_one_is_gone_and_not_listed(void)
{
    struct id first = lab_id(&lab), second = lab_id(&lab), third = lab_id(&lab);
    struct id sub1 = lab_id(&lab), sub2 = lab_id(&lab);

    put(with_new(lab_intent(&lab, first, 1, 0, 60), sub1));
    struct outcome o = put(lab_intent(&lab, second, 1, 30, 90));
    CHECK(o.n_notices == 1 && lists(&o, sub1, 2));
    o = put(with_new(lab_intent(&lab, first, 1, 200, 260), sub2));
    CHECK(o.n_notices == 1 && lists(&o, sub2, 1));
    CHECK(!sub_at(sub1) && has_bounds(sub2, 1, 200, 260));
    o = put(lab_intent(&lab, third, 1, 70, 90));
    CHECK_INT(o.n_notices, 0);
}

static void case_3_implicit_gives_way_to_explicit_and_to_none(void)
{
    struct id intent = lab_id(&lab), sub = lab_id(&lab), explicit = lab_id(&lab);

    lab_apply(&lab, uss1, lab_subscription(&lab, explicit, 0xFF, 0, 3600));
    put(with_new(lab_intent(&lab, intent, 1, 0, 60), sub));
    CHECK_INT(put(with(lab_intent(&lab, intent, 1, 0, 60), explicit)).reason, REASON_ACCEPTED);
    CHECK(!sub_at(sub) && is_attached(intent, explicit));

    sub = lab_id(&lab);
    put(with_new(lab_intent(&lab, intent, 1, 0, 60), sub));
    CHECK(is_attached(intent, sub) && sub_at(explicit));
    CHECK_INT(put(lab_intent(&lab, intent, 1, 0, 60)).reason, REASON_ACCEPTED);
    CHECK(!sub_at(sub) && id_is_zero(lab_find(&lab, ENTITY_INTENT, intent)->subscription));
}

static void case_4_naming_it_again_makes_it_grow_and_changes_its_version(void)
{
    struct id intent = lab_id(&lab), sub = lab_id(&lab);

    put(with_new(lab_intent(&lab, intent, 1, 10, 60), sub));
    struct str version = lab_token(&lab, ENTITY_SUBSCRIPTION, sub);
    CHECK_INT(put(with(lab_intent(&lab, intent, 1, 20, 50), sub)).reason, REASON_ACCEPTED);
    CHECK(has_bounds(sub, 1, 10, 60)); /* Never shrinks. */
    CHECK_STR(lab_token(&lab, ENTITY_SUBSCRIPTION, sub), version);
    struct outcome o = put(with(lab_intent(&lab, intent, 6, 0, 90), sub));
    CHECK(has_bounds(sub, 7, 0, 90) && lists(&o, sub, 3));
    CHECK(!str_equal(lab_token(&lab, ENTITY_SUBSCRIPTION, sub), version));
}

static void case_5_explicit_gives_way_to_anothers_implicit(void)
{
    struct id first = lab_id(&lab), second = lab_id(&lab), sub = lab_id(&lab), explicit = lab_id(&lab);

    lab_apply(&lab, uss1, lab_subscription(&lab, explicit, 0xFF, 0, 3600));
    put(with_new(lab_intent(&lab, first, 1, 0, 60), sub));
    put(with(lab_intent(&lab, second, 2, 0, 60), explicit));
    CHECK_INT(put(with(lab_intent(&lab, second, 2, 0, 60), sub)).reason, REASON_ACCEPTED);
    CHECK(is_attached(first, sub) && is_attached(second, sub) && has_bounds(sub, 3, 0, 60));
    CHECK(sub_at(explicit) != NULL);
    lab_apply(&lab, uss1, lab_delete(&lab, CHANGE_INTENT_DELETE, first));
    CHECK(sub_at(sub) != NULL); /* The second still depends on it. */
    lab_apply(&lab, uss1, lab_delete(&lab, CHANGE_INTENT_DELETE, second));
    CHECK(!sub_at(sub));
}

static void case_6_a_bare_intent_attaches_to_anothers_implicit(void)
{
    struct id first = lab_id(&lab), bare = lab_id(&lab), sub = lab_id(&lab);

    put(with_new(lab_intent(&lab, first, 1, 0, 60), sub));
    put(lab_intent(&lab, bare, 4, 0, 120));
    CHECK_INT(put(with(lab_intent(&lab, bare, 4, 0, 120), sub)).reason, REASON_ACCEPTED);
    CHECK(is_attached(bare, sub) && has_bounds(sub, 5, 0, 120));
}

static void case_7_a_bare_intent_stays_bare(void)
{
    struct id bare = lab_id(&lab);

    put(lab_intent(&lab, bare, 4, 0, 120));
    put(lab_intent(&lab, bare, 8, 0, 120));
    CHECK(id_is_zero(lab_find(&lab, ENTITY_INTENT, bare)->subscription));
}

static void case_8_explicit_gives_way_to_a_new_implicit(void)
{
    struct id intent = lab_id(&lab), sub = lab_id(&lab), explicit = lab_id(&lab);

    lab_apply(&lab, uss1, lab_subscription(&lab, explicit, 0xFF, 0, 3600));
    put(with(lab_intent(&lab, intent, 1, 0, 60), explicit));
    put(with_new(lab_intent(&lab, intent, 1, 0, 60), sub));
    CHECK(is_attached(intent, sub) && sub_at(explicit));
    CHECK_INT(lab_apply(&lab, uss1, lab_delete(&lab, CHANGE_SUBSCRIPTION_DELETE, explicit)).reason,
              REASON_ACCEPTED);
}

static void case_9_a_bare_intent_is_given_a_new_implicit(void)
{
    struct id intent = lab_id(&lab), sub = lab_id(&lab);

    put(lab_intent(&lab, intent, 1, 0, 60));
    put(with_new(lab_intent(&lab, intent, 1, 0, 60), sub));
    CHECK(is_attached(intent, sub) && has_bounds(sub, 1, 0, 60));
}

static void a_new_request_makes_a_new_one_even_if_one_is_attached(void)
{
    struct id intent = lab_id(&lab), sub1 = lab_id(&lab), sub2 = lab_id(&lab);

    put(with_new(lab_intent(&lab, intent, 1, 0, 60), sub1));
    put(with_new(lab_intent(&lab, intent, 1, 0, 60), sub2));
    CHECK(is_attached(intent, sub2) && !sub_at(sub1));
}

static void an_explicit_one_must_cover_start_end_and_cells(void)
{
    struct id intent = lab_id(&lab), explicit = lab_id(&lab);

    lab_apply(&lab, uss1, lab_subscription(&lab, explicit, 0x0F, 10, 60));
    CHECK_INT(put(with(lab_intent(&lab, intent, 1, 9, 60), explicit)).reason, REASON_ATTACH_COVER);
    CHECK_INT(put(with(lab_intent(&lab, intent, 1, 10, 61), explicit)).reason, REASON_ATTACH_COVER);
    CHECK_INT(put(with(lab_intent(&lab, intent, 0x1F, 10, 60), explicit)).reason, REASON_ATTACH_COVER);
    CHECK_INT(put(with(lab_intent(&lab, intent, 0x0F, 10, 60), explicit)).reason, REASON_ACCEPTED);
    CHECK_INT(put(with(lab_intent(&lab, intent, 1, 9, 60), explicit)).reason, REASON_ATTACH_COVER);
    CHECK(is_attached(intent, explicit)); /* A refusal changes nothing. */
}

static void an_unknown_one_is_bad_input_and_anothers_is_forbidden(void)
{
    struct id theirs = lab_id(&lab);

    lab_apply(&lab, uss2, lab_subscription(&lab, theirs, 0x0F, 0, 60));
    CHECK_INT(put(with(lab_intent(&lab, lab_id(&lab), 1, 0, 60), theirs)).reason, REASON_ATTACH_MANAGER);
    CHECK_INT(put(with(lab_intent(&lab, lab_id(&lab), 1, 0, 60), lab_id(&lab))).reason, REASON_ATTACH_UNKNOWN);
    CHECK_INT(reason_err(REASON_ATTACH_UNKNOWN), ERR_INPUT);
    CHECK_INT(reason_err(REASON_ATTACH_MANAGER), ERR_RIGHTS);
}

static void one_that_is_put_becomes_explicit_and_stays(void)
{
    struct id intent = lab_id(&lab), sub = lab_id(&lab);

    put(with_new(lab_intent(&lab, intent, 1, 0, 60), sub));
    struct outcome o =
        lab_apply(&lab, uss1, lab_at_current(&lab, lab_subscription(&lab, sub, 3, 0, 60)));
    CHECK_INT(o.reason, REASON_ACCEPTED);
    CHECK_INT(o.index, 1);
    CHECK(!sub_at(sub)->is_implicit);
    CHECK_INT(put(with(lab_intent(&lab, intent, 1, 0, 61), sub)).reason, REASON_ATTACH_COVER);
    lab_apply(&lab, uss1, lab_delete(&lab, CHANGE_INTENT_DELETE, intent));
    CHECK(sub_at(sub) != NULL);
    CHECK_INT(lab_apply(&lab, uss1, lab_delete(&lab, CHANGE_SUBSCRIPTION_DELETE, sub)).reason, REASON_ACCEPTED);
}

static void one_with_dependents_is_not_deleted(void)
{
    struct id intent = lab_id(&lab), sub = lab_id(&lab);

    put(with_new(lab_intent(&lab, intent, 1, 0, 60), sub));
    CHECK_INT(lab_apply(&lab, uss1, lab_delete(&lab, CHANGE_SUBSCRIPTION_DELETE, sub)).reason, REASON_DEPENDENTS);
    CHECK_INT(reason_err(REASON_DEPENDENTS), ERR_INPUT);
}

/* Level-13 cells that never merge: the first child of LIMIT_CELLS level-12 cells of another face. */
static struct vol scattered(uint64_t from, size_t n)
{
    uint64_t *cells = arena_array(&lab.arena, n, sizeof *cells);

    for (size_t i = 0; i < n; i++)
        cells[i] = UINT64_C(1) << 61 | (from + i) << 37 | UINT64_C(1) << 34;
    return (struct vol){cells, n, {LAB_START_US, LAB_START_US + 60 * INSTANT_S, 0, 100000}};
}

static void it_does_not_grow_past_the_limit_of_cells(void)
{
    struct id sub = lab_id(&lab), second = lab_id(&lab);
    struct change c = with_new(lab_intent(&lab, lab_id(&lab), 1, 0, 60), sub);

    c.vol = scattered(0, LIMIT_CELLS - 1);
    CHECK_INT(put(c).reason, REASON_ACCEPTED);
    c = with(lab_intent(&lab, second, 1, 0, 60), sub);
    c.vol = scattered(LIMIT_CELLS, 2);
    CHECK_INT(put(c).reason, REASON_ATTACH_TOO_LARGE);
    CHECK_INT(reason_err(REASON_ATTACH_TOO_LARGE), ERR_TOO_LARGE);
    c.vol = scattered(LIMIT_CELLS, 1);
    CHECK_INT(put(c).reason, REASON_ACCEPTED);
    CHECK_INT(sub_at(sub)->n_cells, LIMIT_CELLS);
}

static void versions_of_implicit_ones_follow_from_the_entry(void)
{
    struct str versions[2];

    for (int i = 0; i < 2; i++) {
        struct lab twin;
        struct id sub;
        lab_init(&twin);
        sub = lab_id(&twin);
        lab_apply(&twin, uss1, with_new(lab_intent(&twin, lab_id(&twin), 1, 0, 60), sub));
        versions[i] = arena_dup(&lab.arena, lab_token(&twin, ENTITY_SUBSCRIPTION, sub));
        lab_done(&twin);
    }
    CHECK_STR(versions[0], versions[1]);
    CHECK_INT(versions[0].n, 22);
}

int main(void)
{
    LAB_RUN(a_new_implicit_subscription_has_the_intents_bounds_and_index_1);
    LAB_RUN(an_implicit_subscription_may_be_longer_than_a_day);
    LAB_RUN(case_1_it_goes_with_its_only_intent_and_is_listed_once_more);
    LAB_RUN(case_2_a_replaced_implicit_one_is_gone_and_not_listed);
    LAB_RUN(case_3_implicit_gives_way_to_explicit_and_to_none);
    LAB_RUN(case_4_naming_it_again_makes_it_grow_and_changes_its_version);
    LAB_RUN(case_5_explicit_gives_way_to_anothers_implicit);
    LAB_RUN(case_6_a_bare_intent_attaches_to_anothers_implicit);
    LAB_RUN(case_7_a_bare_intent_stays_bare);
    LAB_RUN(case_8_explicit_gives_way_to_a_new_implicit);
    LAB_RUN(case_9_a_bare_intent_is_given_a_new_implicit);
    LAB_RUN(a_new_request_makes_a_new_one_even_if_one_is_attached);
    LAB_RUN(an_explicit_one_must_cover_start_end_and_cells);
    LAB_RUN(an_unknown_one_is_bad_input_and_anothers_is_forbidden);
    LAB_RUN(one_that_is_put_becomes_explicit_and_stays);
    LAB_RUN(one_with_dependents_is_not_deleted);
    LAB_RUN(it_does_not_grow_past_the_limit_of_cells);
    LAB_RUN(versions_of_implicit_ones_follow_from_the_entry);
    return t_done();
}
