/* test_key.c - the key rule (f3548-dss.md 6.6) and its two judgements (decision A3).
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/limits.h"
#include "lab.h"
#include "t.h"

static const struct str uss1 = {"uss1", 4}, uss2 = {"uss2", 4};
static struct lab lab;

static struct key_verdict judge(const struct view *v, struct change *c, const struct str *key, size_t n)
{
    struct key_verdict verdict;

    key_judge(v, uss1, c, key, n, &lab.arena, &verdict);
    return verdict;
}

static const struct view *now(void)
{
    return state_view(lab.state);
}

static struct id stored(uint64_t bitmap, int from_s, int to_s)
{
    struct id id = lab_id(&lab);
    CHECK_INT(lab_apply(&lab, uss2, lab_intent(&lab, id, bitmap, from_s, to_s)).reason, REASON_ACCEPTED);
    return id;
}

static bool digests_have(const struct change *c, struct str token)
{
    for (size_t i = 0; i < c->n_digests; i++)
        if (c->digests[i] == hash_digest(token)) return true;
    return false;
}

static void what_overlaps_must_be_shown(void)
{
    struct id a = stored(1, 0, 60);
    stored(2, 0, 60);    /* Elsewhere. */
    stored(1, 100, 160); /* Later. */
    struct change c = lab_intent(&lab, lab_id(&lab), 1, 30, 90);
    struct str ovn = lab_token(&lab, ENTITY_INTENT, a);

    struct key_verdict v = judge(now(), &c, NULL, 0);
    CHECK_INT(v.n_missing_intents, 1);
    CHECK(v.n_missing_intents && id_equal(v.missing_intents[0]->id, a));
    v = judge(now(), &c, &ovn, 1);
    CHECK_INT(v.n_missing_intents, 0);
    CHECK(c.has_key && c.checked_at == now()->position && c.n_digests == 0);
    struct hash h = hash_of(arena_dup(&lab.arena, STR("")));
    CHECK(!hash_equal(&c.key_hash, &h));
    CHECK_INT(lab_apply(&lab, uss1, c).reason, REASON_ACCEPTED);
}

static void times_and_heights_that_touch_overlap(void)
{
    stored(1, 0, 60);
    struct change c = lab_intent(&lab, lab_id(&lab), 1, 60, 90);
    CHECK_INT(judge(now(), &c, NULL, 0).n_missing_intents, 1);
    c.vol.box.floor_mm = 100000;
    c.vol.box.ceil_mm = 200000;
    CHECK_INT(judge(now(), &c, NULL, 0).n_missing_intents, 1);
    c.vol.box.floor_mm = 100001;
    CHECK_INT(judge(now(), &c, NULL, 0).n_missing_intents, 0);
    c.vol.box.floor_mm = 0;
    c.vol.box.starts_us++;
    CHECK_INT(judge(now(), &c, NULL, 0).n_missing_intents, 0);
}

static void own_other_intents_count_and_the_one_written_does_not(void)
{
    struct id own = lab_id(&lab), other = lab_id(&lab);
    lab_apply(&lab, uss1, lab_intent(&lab, own, 1, 0, 60));
    struct change c = lab_intent(&lab, other, 1, 0, 60);
    CHECK_INT(judge(now(), &c, NULL, 0).n_missing_intents, 1);
    c = lab_at_current(&lab, lab_intent(&lab, own, 1, 0, 60));
    CHECK_INT(judge(now(), &c, NULL, 0).n_missing_intents, 0);
    CHECK_INT(lab_apply(&lab, uss1, c).reason, REASON_ACCEPTED);
}

static void off_nominal_writes_need_no_key(void)
{
    struct id id = lab_id(&lab), sub = lab_id(&lab);
    lab_apply(&lab, uss1, lab_subscription(&lab, sub, 1, 0, 60));
    lab_apply(&lab, uss1, lab_intent(&lab, id, 1, 0, 60));
    struct str own = lab_token(&lab, ENTITY_INTENT, id);
    CHECK_INT(lab_apply_with_key(&lab, uss2, lab_intent(&lab, lab_id(&lab), 1, 0, 60), &own, 1).reason,
              REASON_ACCEPTED);
    struct change c = lab_at_current(&lab, lab_intent(&lab, id, 1, 0, 60));
    c.attach = ATTACH_EXISTING;
    c.attach_id = sub;
    for (enum intent_state state = INTENT_NONCONFORMING; state <= INTENT_CONTINGENT; state++) {
        c.state = state;
        c = lab_at_current(&lab, c);
        c.random[0]++;
        CHECK_INT(judge(now(), &c, NULL, 0).n_missing_intents, 0);
        CHECK(!c.has_key);
        CHECK_INT(lab_apply(&lab, uss1, c).reason, REASON_ACCEPTED);
    }
    c.state = INTENT_ACTIVATED;
    c = lab_at_current(&lab, c);
    c.random[0]++;
    CHECK_INT(judge(now(), &c, NULL, 0).n_missing_intents, 1);
}

static void what_a_down_manager_has_accepted_needs_not_be_shown(void)
{
    struct id a = stored(1, 0, 60);
    struct change c = lab_intent(&lab, lab_id(&lab), 1, 0, 60);
    struct str ovn = lab_token(&lab, ENTITY_INTENT, a);

    lab_apply(&lab, uss1, lab_availability(&lab, uss2, USS_DOWN));
    CHECK_INT(judge(now(), &c, NULL, 0).n_missing_intents, 0);
    CHECK_INT(c.n_digests, 0);
    judge(now(), &c, &ovn, 1);
    CHECK(digests_have(&c, ovn)); /* Exempted and shown all the same. */
    lab_apply(&lab, uss1, lab_availability(&lab, uss2, USS_NORMAL));
    CHECK_INT(judge(now(), &c, NULL, 0).n_missing_intents, 1);
}

static void a_down_managers_activated_intent_must_be_shown(void)
{
    struct id a = lab_id(&lab), sub = lab_id(&lab);
    lab_apply(&lab, uss2, lab_intent(&lab, a, 1, 0, 60));
    struct change c = lab_at_current(&lab, lab_intent(&lab, a, 1, 0, 60));
    c.state = INTENT_ACTIVATED;
    c.attach = ATTACH_NEW;
    c.attach_id = sub;
    CHECK_INT(lab_apply(&lab, uss2, c).reason, REASON_ACCEPTED);
    lab_apply(&lab, uss1, lab_availability(&lab, uss2, USS_DOWN));
    c = lab_intent(&lab, lab_id(&lab), 1, 0, 60);
    CHECK_INT(judge(now(), &c, NULL, 0).n_missing_intents, 1);
}

static void constraints_count_if_the_attached_subscription_asks_for_them(void)
{
    struct id constraint = lab_id(&lab), sub = lab_id(&lab);
    lab_apply(&lab, uss2, lab_constraint(&lab, constraint, 1, 0, 60));
    struct change s = lab_subscription(&lab, sub, 1, 0, 60);
    s.for_constraints = true;
    lab_apply(&lab, uss1, s);

    struct change c = lab_intent(&lab, lab_id(&lab), 1, 0, 60);
    c.vol.box.floor_mm = 5000000; /* Heights do not matter to constraints. */
    c.vol.box.ceil_mm = 6000000;
    CHECK_INT(judge(now(), &c, NULL, 0).n_missing_constraints, 0);
    c.attach = ATTACH_EXISTING;
    c.attach_id = sub;
    struct key_verdict v = judge(now(), &c, NULL, 0);
    CHECK(v.n_missing_constraints == 1 && id_equal(v.missing_constraints[0]->id, constraint));
    struct str ovn = lab_token(&lab, ENTITY_CONSTRAINT, constraint);
    CHECK_INT(judge(now(), &c, &ovn, 1).n_missing_constraints, 0);
    CHECK_INT(c.n_digests, 0);

    c.attach = ATTACH_NEW;
    CHECK_INT(judge(now(), &c, NULL, 0).n_missing_constraints, 0);
    judge(now(), &c, &ovn, 1);
    CHECK(digests_have(&c, ovn));
    c.attach_constraints = true;
    CHECK_INT(judge(now(), &c, NULL, 0).n_missing_constraints, 1);
}

static void stale_odd_and_doubled_strings_are_ignored(void)
{
    struct id a = stored(1, 0, 60);
    struct change c = lab_intent(&lab, lab_id(&lab), 1, 0, 60);
    struct str ovn = lab_token(&lab, ENTITY_INTENT, a);
    char long_text[300];

    memset(long_text, 'x', sizeof long_text);
    struct str key[] = {STR(""), ovn, STR("short"), ovn, {long_text, sizeof long_text}, ovn,
                        STR("a string of no entity"), STR("a string of no entity")};
    CHECK_INT(judge(now(), &c, key, sizeof key / sizeof *key).n_missing_intents, 0);
    CHECK_INT(c.n_digests, 1);
    CHECK(digests_have(&c, STR("a string of no entity")));
    CHECK_INT(lab_apply(&lab, uss1, c).reason, REASON_ACCEPTED);
}

static void the_hash_is_over_the_strings_with_line_feeds(void)
{
    struct change c = lab_intent(&lab, lab_id(&lab), 1, 0, 60);
    struct str key[] = {STR("b"), STR(""), STR("a")};
    struct hash want = hash_of(STR("b\n\na\n"));

    judge(now(), &c, key, 3);
    CHECK(hash_equal(&c.key_hash, &want));

    AUTO(buf_done) struct buf all = {0};
    struct str *many = arena_array(&lab.arena, 600, sizeof *many);
    for (size_t i = 0; i < 600; i++) {
        many[i] = i % 100 == 7 ? arena_dup(&lab.arena, (struct str){memset(arena_alloc(&lab.arena, 5000), 'y', 5000), 5000})
                               : STR("0123456789012345678901");
        buf_add_str(&all, many[i]);
        buf_add_char(&all, '\n');
    }
    judge(now(), &c, many, 600);
    want = hash_of(buf_str(&all));
    CHECK(hash_equal(&c.key_hash, &want));
}

static void at_most_256_digests_announced_ones_first_and_newest_before(void)
{
    struct change c = lab_intent(&lab, lab_id(&lab), 1, 0, 60);
    struct str *key = arena_array(&lab.arena, 400, sizeof *key);
    char id[ID_TEXT], text[80];

    for (size_t i = 0; i < 400; i++) {
        id_format(lab_id(&lab), id);
        int n = i % 4 ? snprintf(text, sizeof text, "some other string %zu", i)
                      : snprintf(text, sizeof text, "%.36s_0191dc07-%04zx-79fd-b021-80456ceb627f", id, i);
        key[i] = arena_dup(&lab.arena, (struct str){text, (size_t)n});
    }
    judge(now(), &c, key, 400);
    CHECK_INT(c.n_digests, LIMIT_KEY_DIGESTS);
    for (size_t i = 0; i < 100; i++)
        if (!CHECK(c.digests[i] == hash_digest(key[396 - 4 * i]))) break;
    CHECK(c.digests[100] == hash_digest(key[1]) && c.digests[101] == hash_digest(key[2]));
    CHECK(c.digests[255] == hash_digest(key[4 * (155 / 3) + 1 + 155 % 3]));
}

/* --- late ------------------------------------------------------------------------------------- */

static void what_appears_after_judging_is_a_conflict(void)
{
    struct change c = lab_intent(&lab, lab_id(&lab), 1, 0, 60);
    judge(now(), &c, NULL, 0);
    struct id a = stored(1, 0, 30);
    struct outcome o = lab_apply(&lab, uss1, c);

    CHECK_INT(o.reason, REASON_KEY);
    CHECK(o.n_conflict_intents == 1 && id_equal(o.conflicts[0], a));
    CHECK_INT(o.n_conflict_constraints, 0);
    CHECK(!lab_find(&lab, ENTITY_INTENT, c.id));
}

static void what_is_updated_after_judging_is_a_conflict(void)
{
    struct id a = stored(1, 0, 30);
    struct str ovn = lab_token(&lab, ENTITY_INTENT, a);
    struct change c = lab_intent(&lab, lab_id(&lab), 1, 0, 60);

    CHECK_INT(judge(now(), &c, &ovn, 1).n_missing_intents, 0);
    lab_apply(&lab, uss2, lab_at_current(&lab, lab_intent(&lab, a, 1, 0, 30)));
    CHECK_INT(lab_apply(&lab, uss1, c).reason, REASON_KEY);
}

static void what_is_deleted_after_judging_is_none(void)
{
    struct id a = stored(1, 0, 30);
    struct str ovn = lab_token(&lab, ENTITY_INTENT, a);
    struct change c = lab_intent(&lab, lab_id(&lab), 1, 0, 60);

    judge(now(), &c, &ovn, 1);
    lab_apply(&lab, uss2, lab_delete(&lab, CHANGE_INTENT_DELETE, a));
    CHECK_INT(lab_apply(&lab, uss1, c).reason, REASON_ACCEPTED);
}

static void judging_long_ago_finds_what_came_since_then(void)
{
    struct change c = lab_intent(&lab, lab_id(&lab), 1, 0, 60), d = lab_intent(&lab, lab_id(&lab), 2, 0, 60);

    judge(now(), &c, NULL, 0);
    judge(now(), &d, NULL, 0);
    struct id a = stored(1, 0, 60);
    for (int i = 0; i < 2500; i++)
        lab_apply(&lab, uss2, lab_constraint(&lab, lab_id(&lab), UINT64_C(1) << (2 + i % 60), 0, 60));
    struct outcome o = lab_apply(&lab, uss1, c);
    CHECK_INT(o.reason, REASON_KEY);
    CHECK(o.n_conflict_intents == 1 && id_equal(o.conflicts[0], a));
    CHECK_INT(lab_apply(&lab, uss1, d).reason, REASON_ACCEPTED);
}

static void what_one_entry_writes_twice_is_one_conflict(void)
{
    struct id a = stored(1, 0, 60);
    struct change c = lab_intent(&lab, lab_id(&lab), 1, 0, 60), u[2];
    char text[CHANGE_TOKEN_MAX];

    judge(now(), &c, &(struct str){text, 0}, 1);
    u[0] = lab_at_current(&lab, lab_intent(&lab, a, 1, 0, 60));
    u[1] = lab_intent(&lab, a, 1, 0, 60);
    u[1].has_base = true;
    u[1].base = hash_digest((struct str){text, change_token(&u[0], text)});
    struct outcome *o = lab_entry(&lab, uss2, u, 2);
    CHECK(o[0].reason == REASON_ACCEPTED && o[1].reason == REASON_ACCEPTED);
    CHECK_INT(lab_apply(&lab, uss1, c).n_conflict_intents, 1);
}

static void an_ovn_known_to_the_client_before_the_node_is_carried_as_a_digest(void)
{
    struct change theirs = lab_intent(&lab, lab_id(&lab), 1, 0, 30);
    struct change c = lab_intent(&lab, lab_id(&lab), 1, 0, 60);
    char text[CHANGE_TOKEN_MAX];
    struct str ovn = {text, change_token(&theirs, text)};

    judge(now(), &c, &ovn, 1);
    CHECK(digests_have(&c, ovn));
    lab_apply(&lab, uss2, theirs);
    CHECK_INT(lab_apply(&lab, uss1, c).reason, REASON_ACCEPTED);
}

static void an_earlier_change_of_the_same_entry_comes_after_judging(void)
{
    struct change c[2] = {lab_intent(&lab, lab_id(&lab), 1, 0, 60), lab_intent(&lab, lab_id(&lab), 1, 0, 60)};

    judge(now(), &c[0], NULL, 0);
    judge(now(), &c[1], NULL, 0);
    struct outcome *o = lab_entry(&lab, uss1, c, 2);
    CHECK_INT(o[0].reason, REASON_ACCEPTED);
    CHECK_INT(o[1].reason, REASON_KEY);
    CHECK(o[1].n_conflict_intents == 1 && id_equal(o[1].conflicts[0], c[0].id));
}

static void leaving_down_after_judging_is_a_conflict_unless_shown(void)
{
    struct id a = stored(1, 0, 60);
    struct str ovn = lab_token(&lab, ENTITY_INTENT, a);
    struct change c = lab_intent(&lab, lab_id(&lab), 1, 0, 60), d = lab_intent(&lab, lab_id(&lab), 1, 0, 60);

    lab_apply(&lab, uss1, lab_availability(&lab, uss2, USS_DOWN));
    CHECK_INT(judge(now(), &c, NULL, 0).n_missing_intents, 0);
    CHECK_INT(judge(now(), &d, &ovn, 1).n_missing_intents, 0);
    lab_apply(&lab, uss1, lab_availability(&lab, uss2, USS_UNKNOWN));
    CHECK_INT(lab_apply(&lab, uss1, c).reason, REASON_KEY);
    CHECK_INT(lab_apply(&lab, uss1, d).reason, REASON_ACCEPTED);
}

static void having_left_down_is_remembered_over_later_changes(void)
{
    stored(1, 0, 60);
    struct change c = lab_intent(&lab, lab_id(&lab), 1, 0, 60);

    lab_apply(&lab, uss1, lab_availability(&lab, uss2, USS_DOWN));
    CHECK_INT(judge(now(), &c, NULL, 0).n_missing_intents, 0);
    lab_apply(&lab, uss1, lab_availability(&lab, uss2, USS_NORMAL));
    lab_apply(&lab, uss1, lab_availability(&lab, uss2, USS_UNKNOWN));
    lab_restore(&lab);
    CHECK_INT(lab_apply(&lab, uss1, c).reason, REASON_KEY);
}

static void an_availability_that_was_not_down_may_change_meanwhile(void)
{
    struct id a = stored(1, 0, 60);
    struct str ovn = lab_token(&lab, ENTITY_INTENT, a);
    struct change c = lab_intent(&lab, lab_id(&lab), 1, 0, 60);

    judge(now(), &c, &ovn, 1);
    lab_apply(&lab, uss1, lab_availability(&lab, uss2, USS_NORMAL));
    CHECK_INT(lab_apply(&lab, uss1, c).reason, REASON_ACCEPTED);
}

static void a_subscription_that_asks_for_constraints_after_judging_brings_them_in(void)
{
    struct id constraint = lab_id(&lab), sub = lab_id(&lab);
    struct change c = lab_intent(&lab, lab_id(&lab), 1, 0, 60), d = lab_intent(&lab, lab_id(&lab), 2, 0, 60);

    lab_apply(&lab, uss2, lab_constraint(&lab, constraint, 3, 0, 60));
    struct str ovn = lab_token(&lab, ENTITY_CONSTRAINT, constraint);
    struct change s = lab_subscription(&lab, sub, 3, 0, 60);
    lab_apply(&lab, uss1, s);
    c.attach = d.attach = ATTACH_EXISTING;
    c.attach_id = d.attach_id = sub;
    CHECK_INT(judge(now(), &c, NULL, 0).n_missing_constraints, 0);
    judge(now(), &d, &ovn, 1);

    s = lab_at_current(&lab, lab_subscription(&lab, sub, 3, 0, 60));
    s.for_constraints = true;
    lab_apply(&lab, uss1, s);
    struct outcome o = lab_apply(&lab, uss1, c);
    CHECK_INT(o.reason, REASON_KEY);
    CHECK(o.n_conflict_intents == 0 && o.n_conflict_constraints == 1);
    CHECK(o.n_conflict_constraints && id_equal(o.conflicts[0], constraint));
    CHECK_INT(lab_apply(&lab, uss1, d).reason, REASON_ACCEPTED);
}

static void a_subscription_that_asked_already_may_grow_meanwhile(void)
{
    struct id constraint = lab_id(&lab), sub = lab_id(&lab);
    struct change first = lab_intent(&lab, lab_id(&lab), 1, 0, 60), c = lab_intent(&lab, lab_id(&lab), 2, 0, 60);

    lab_apply(&lab, uss2, lab_constraint(&lab, constraint, 3, 0, 60));
    struct str ovn = lab_token(&lab, ENTITY_CONSTRAINT, constraint);
    first.attach = ATTACH_NEW;
    first.attach_id = sub;
    first.attach_constraints = true;
    CHECK_INT(lab_apply_with_key(&lab, uss1, first, &ovn, 1).reason, REASON_ACCEPTED);
    c.attach = ATTACH_EXISTING;
    c.attach_id = sub;
    CHECK_INT(judge(now(), &c, &ovn, 1).n_missing_constraints, 0);
    struct change grow = lab_intent(&lab, lab_id(&lab), 4, 0, 60);
    grow.attach = ATTACH_EXISTING;
    grow.attach_id = sub;
    CHECK_INT(lab_apply(&lab, uss1, grow).reason, REASON_ACCEPTED);
    CHECK_INT(lab_apply(&lab, uss1, c).reason, REASON_ACCEPTED);
}

static void a_constraint_put_after_judging_is_a_conflict_if_asked_for(void)
{
    struct change c = lab_intent(&lab, lab_id(&lab), 1, 0, 60), d = lab_intent(&lab, lab_id(&lab), 1, 0, 60);

    c.attach = ATTACH_NEW;
    c.attach_id = lab_id(&lab);
    c.attach_constraints = true;
    judge(now(), &c, NULL, 0);
    judge(now(), &d, NULL, 0);
    lab_apply(&lab, uss2, lab_constraint(&lab, lab_id(&lab), 1, 0, 60));
    CHECK_INT(lab_apply(&lab, uss1, c).reason, REASON_KEY);
    CHECK_INT(lab_apply(&lab, uss1, d).reason, REASON_ACCEPTED);
}

int main(void)
{
    LAB_RUN(what_overlaps_must_be_shown);
    LAB_RUN(times_and_heights_that_touch_overlap);
    LAB_RUN(own_other_intents_count_and_the_one_written_does_not);
    LAB_RUN(off_nominal_writes_need_no_key);
    LAB_RUN(what_a_down_manager_has_accepted_needs_not_be_shown);
    LAB_RUN(a_down_managers_activated_intent_must_be_shown);
    LAB_RUN(constraints_count_if_the_attached_subscription_asks_for_them);
    LAB_RUN(stale_odd_and_doubled_strings_are_ignored);
    LAB_RUN(the_hash_is_over_the_strings_with_line_feeds);
    LAB_RUN(at_most_256_digests_announced_ones_first_and_newest_before);
    LAB_RUN(what_appears_after_judging_is_a_conflict);
    LAB_RUN(what_is_updated_after_judging_is_a_conflict);
    LAB_RUN(what_is_deleted_after_judging_is_none);
    LAB_RUN(judging_long_ago_finds_what_came_since_then);
    LAB_RUN(what_one_entry_writes_twice_is_one_conflict);
    LAB_RUN(an_ovn_known_to_the_client_before_the_node_is_carried_as_a_digest);
    LAB_RUN(an_earlier_change_of_the_same_entry_comes_after_judging);
    LAB_RUN(leaving_down_after_judging_is_a_conflict_unless_shown);
    LAB_RUN(having_left_down_is_remembered_over_later_changes);
    LAB_RUN(an_availability_that_was_not_down_may_change_meanwhile);
    LAB_RUN(a_subscription_that_asks_for_constraints_after_judging_brings_them_in);
    LAB_RUN(a_subscription_that_asked_already_may_grow_meanwhile);
    LAB_RUN(a_constraint_put_after_judging_is_a_conflict_if_asked_for);
    return t_done();
}
