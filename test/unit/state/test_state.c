/* test_state.c - authors, slots, joins, the clock, clean-up, outcome leaves.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "state/state.h"

#include "base/limits.h"
#include "entry/cbor.h"
#include "lab.h"
#include "state/genesis.h"
#include "t.h"

static const struct str uss1 = {"uss1", 4}, uss2 = {"uss2", 4};
static struct lab lab;

static struct outcome *apply(struct entry *e, const char *bytes)
{
    struct outcome *o;

    buf_clear(&lab.leaf);
    must(state_apply(lab.state, e, str_of(bytes), &lab.arena, &o, &lab.leaf) == OK);
    return o;
}

static struct entry tick(struct change *c)
{
    *c = (struct change){.kind = CHANGE_TICK};
    struct entry e = {.slot = lab.slot, .previous = lab.previous, .time_ms = lab.now_ms, .changes = c, .n_changes = 1};
    memcpy(e.author, lab.node, 8);
    return e;
}

static void an_unknown_author_is_refused_and_takes_its_place(void)
{
    struct change c;
    struct entry e = tick(&c);
    uint64_t before = state_view(lab.state)->position;

    e.author[0] ^= 1;
    CHECK_INT(apply(&e, "x")->reason, REASON_AUTHOR);
    CHECK_INT(state_view(lab.state)->position, before + 1);
    CHECK_INT(state_view(lab.state)->clock_ms, LAB_START_MS - 1000); /* Still that of genesis. */
}

static void slots_may_be_left_out_but_never_come_twice_or_lower(void)
{
    struct change c;
    struct entry e = tick(&c);
    uint64_t slot;
    struct hash previous;
    int64_t time_ms;

    e.slot = 5; /* Even the first. */
    CHECK_INT(apply(&e, "a")->reason, REASON_ACCEPTED);
    CHECK(state_author_next(state_view(lab.state), lab.node, &slot, &previous, &time_ms));
    CHECK_INT(slot, 6);
    e.previous = hash_of(STR("a"));
    CHECK_INT(apply(&e, "b")->reason, REASON_SLOT);
    e.slot = 4;
    CHECK_INT(apply(&e, "c")->reason, REASON_SLOT);
    e.slot = 9;
    e.previous.b[0] ^= 1; /* A gap excuses no break of the chain. */
    CHECK_INT(apply(&e, "d")->reason, REASON_SLOT);
    e.previous.b[0] ^= 1;
    CHECK_INT(apply(&e, "e")->reason, REASON_ACCEPTED);
    e.previous = hash_of(STR("e"));
    e.slot = UINT64_MAX;
    CHECK_INT(apply(&e, "f")->reason, REASON_SLOT);
}

static void entries_name_the_one_before(void)
{
    struct change c;
    struct entry e = tick(&c);

    e.previous.b[0] ^= 1;
    CHECK_INT(apply(&e, "b")->reason, REASON_SLOT);
    e = tick(&c);
    e.epoch = 1;
    CHECK_INT(apply(&e, "c")->reason, REASON_SLOT);
    e = tick(&c);
    CHECK_INT(apply(&e, "d")->reason, REASON_ACCEPTED);
    CHECK_INT(apply(&e, "d")->reason, REASON_SLOT); /* Again. */
    lab.slot++;
    lab.previous = hash_of(STR("d"));
    e = tick(&c);
    CHECK_INT(apply(&e, "e")->reason, REASON_ACCEPTED);

    uint64_t slot;
    struct hash previous, want = hash_of(STR("e"));
    int64_t time_ms;
    CHECK(state_author_next(state_view(lab.state), lab.node, &slot, &previous, &time_ms));
    CHECK_INT(slot, 2);
    CHECK(hash_equal(&previous, &want));
    CHECK_INT(time_ms, lab.now_ms);
}

static void an_authors_time_never_goes_back(void)
{
    struct change c;
    struct entry e = tick(&c);
    CHECK_INT(apply(&e, "a")->reason, REASON_ACCEPTED);
    lab.slot++;
    lab.previous = hash_of(STR("a"));
    e = tick(&c);
    e.time_ms--;
    CHECK_INT(apply(&e, "b")->reason, REASON_SLOT);
}

static void a_root_writes_joins_only_and_a_node_no_joins(void)
{
    struct change c;
    struct entry e = tick(&c);

    memcpy(e.author, lab.root, 8);
    CHECK(state_author_next(state_view(lab.state), lab.root, &e.slot, &e.previous, &e.time_ms));
    CHECK_INT(e.slot, 1); /* The lab's join was its first. */
    CHECK_INT(apply(&e, "r")->reason, REASON_AUTHOR);

    e = tick(&c);
    c.kind = CHANGE_JOIN;
    CHECK_INT(apply(&e, "n")->reason, REASON_AUTHOR);
}

static void a_join_names_its_network_its_member_and_a_new_key(void)
{
    struct key_public key;
    struct change c;
    struct entry e;
    struct hash previous;
    uint8_t seed[32] = {9};
    struct key_secret other;

    CHECK(state_author_key(state_view(lab.state), lab.node, &key));
    key_secret_init(&other, seed);
    for (int i = 0; i < 4; i++) {
        char bytes[8];
        e = tick(&c);
        memcpy(e.author, lab.root, 8);
        state_author_next(state_view(lab.state), lab.root, &e.slot, &previous, &e.time_ms);
        e.previous = previous;
        c = (struct change){.kind = CHANGE_JOIN, .member = STR("member")};
        memcpy(c.entry_key, i == 2 ? key.b : other.public.b, 32); /* 2: a key that has joined already. */
        if (i == 1) c.member = STR("somebody else");
        if (i == 3) memset(c.entry_key, 0, 32);
        snprintf(bytes, sizeof bytes, "j%d", i);
        CHECK_INT(apply(&e, bytes)->reason, REASON_JOIN); /* 0: another genesis. */
    }
    key_secret_done(&other);
}

static void void_bytes_take_a_place_with_one_element(void)
{
    uint64_t before = state_view(lab.state)->position;
    struct hash guard = outcome_guard(STR("junk"));

    buf_clear(&lab.leaf);
    must(state_apply_void(lab.state, STR("junk"), &lab.leaf) == OK);
    CHECK_INT(state_view(lab.state)->position, before + 1);
    CHECK_INT(lab.leaf.n, 1 + 17 + 1 + 2);
    CHECK(memcmp(lab.leaf.at + 2, guard.b, 16) == 0);
    CHECK_STR(str_skip(buf_str(&lab.leaf), 18), STR("\x81\x81\x03"));
}

static void the_guard_is_a_hash_of_context_and_bytes(void)
{
    struct hash want = hash_of(STR("deconfliction-line/outcome/v1\0entry bytes"));
    struct hash got = outcome_guard(STR("entry bytes"));
    CHECK(hash_equal(&got, &want));
}

static void a_leaf_has_an_element_a_change(void)
{
    struct id sub = lab_id(&lab);
    lab_apply(&lab, uss2, lab_subscription(&lab, sub, 1, 0, 60));
    struct change c[3] = {lab_intent(&lab, lab_id(&lab), 1, 0, 60), lab_intent(&lab, lab_id(&lab), 1, 0, 60),
                          {.kind = CHANGE_TICK}};
    c[2].kind = CHANGE_INTENT_DELETE;
    c[2].id = lab_id(&lab);
    lab_entry(&lab, uss1, c, 3);

    struct cbor r = cbor_open(buf_str(&lab.leaf));
    uint8_t hash16[16], bytes[20] = {0};
    char text[CHANGE_TOKEN_MAX];
    cbor_array_of(&r, 2);
    cbor_bytes_of(&r, 16, hash16);
    CHECK_INT(cbor_array(&r), 3);
    cbor_array_of(&r, 5);
    CHECK_INT(cbor_uint(&r), 0);
    CHECK_INT(cbor_uint(&r), 1);
    CHECK(cbor_digest(&r) == hash_digest((struct str){text, change_token(&c[0], text)}));
    CHECK_INT(cbor_uint(&r), 1);
    cbor_bytes_of(&r, 16, hash16);
    id_to_bytes(sub, bytes);
    bytes[19] = 1; /* Its index. */
    struct hash h = hash_of(str_make(bytes, sizeof bytes));
    CHECK(memcmp(hash16, h.b, 16) == 0);
    cbor_array_of(&r, 4);
    CHECK_INT(cbor_uint(&r), REASON_KEY);
    CHECK_INT(cbor_uint(&r), 1);
    CHECK_INT(cbor_uint(&r), 0);
    cbor_bytes_of(&r, 16, hash16);
    id_to_bytes(c[0].id, bytes);
    h = hash_of(str_make(bytes, 16));
    CHECK(memcmp(hash16, h.b, 16) == 0);
    cbor_array_of(&r, 1);
    CHECK_INT(cbor_uint(&r), REASON_NOT_FOUND);
    CHECK_INT(cbor_end(&r, NULL), OK);
}

static void reports_and_ticks_are_accepted_and_change_nothing(void)
{
    struct change report = {.kind = CHANGE_REPORT, .id = lab_id(&lab), .length = 9};
    CHECK_INT(lab_apply(&lab, uss1, report).reason, REASON_ACCEPTED);
    CHECK_INT(lab_apply(&lab, (struct str){0}, report).reason, REASON_MALFORMED);
    CHECK_INT(lab_apply(&lab, (struct str){0}, (struct change){.kind = CHANGE_TICK}).reason, REASON_ACCEPTED);
    CHECK_INT(state_view(lab.state)->by_end.n, 0);
}

static void with_one_member_the_clock_is_its_latest_time(void)
{
    lab.now_ms += 12345;
    lab_apply(&lab, uss1, (struct change){.kind = CHANGE_TICK});
    CHECK_INT(state_view(lab.state)->clock_ms, LAB_START_MS + 12345);
    CHECK_INT(state_view(lab.state)->last_time_ms, LAB_START_MS + 12345);
}

/* --- clean-up --------------------------------------------------------------------------------- */

static void jump_past_keeping(int s)
{
    lab.now_ms = LAB_START_MS + LIMIT_KEEP_ENDED_US / 1000 + s * 1000;
    lab_apply(&lab, uss1, (struct change){.kind = CHANGE_TICK});
}

static void what_ended_112_days_ago_is_removed(void)
{
    struct id intent = lab_id(&lab), sub = lab_id(&lab), constraint = lab_id(&lab);
    lab_apply(&lab, uss1, lab_intent(&lab, intent, 1, 0, 10));
    lab_apply(&lab, uss1, lab_subscription(&lab, sub, 1, 0, 20));
    lab_apply(&lab, uss1, lab_constraint(&lab, constraint, 1, 0, 30));
    jump_past_keeping(10);
    CHECK(lab_find(&lab, ENTITY_INTENT, intent) != NULL); /* Exactly 112 days. */
    jump_past_keeping(11);
    CHECK(lab_find(&lab, ENTITY_INTENT, intent) == NULL);
    CHECK(lab_find(&lab, ENTITY_SUBSCRIPTION, sub) != NULL);
    jump_past_keeping(31);
    CHECK(lab_find(&lab, ENTITY_SUBSCRIPTION, sub) == NULL);
    CHECK(lab_find(&lab, ENTITY_CONSTRAINT, constraint) == NULL);
}

static void an_implicit_subscription_goes_with_its_last_intent(void)
{
    struct id sub = lab_id(&lab);
    struct change c = lab_intent(&lab, lab_id(&lab), 1, 0, 10);
    c.attach = ATTACH_NEW;
    c.attach_id = sub;
    lab_apply(&lab, uss1, c);
    c = lab_intent(&lab, lab_id(&lab), 2, 0, 20);
    c.attach = ATTACH_EXISTING;
    c.attach_id = sub;
    lab_apply(&lab, uss1, c);
    jump_past_keeping(15);
    CHECK(lab_find(&lab, ENTITY_SUBSCRIPTION, sub) != NULL);
    jump_past_keeping(25);
    CHECK(lab_find(&lab, ENTITY_SUBSCRIPTION, sub) == NULL);
    CHECK_INT(state_view(lab.state)->by_end.n, 0);
}

static void an_explicit_one_goes_after_its_dependents_of_the_same_end(void)
{
    for (int i = 0; i < 20; i++) {
        struct id sub = lab_id(&lab);
        lab_apply(&lab, uss1, lab_subscription(&lab, sub, 1, 0, 10));
        struct change c = lab_intent(&lab, lab_id(&lab), UINT64_C(1) << i, 0, 10);
        c.vol.cells = lab_vol(&lab, 1, 0, 1, 0, 0).cells;
        c.vol.n_cells = 1;
        c.vol.box.floor_mm = c.vol.box.ceil_mm = i * 1000;
        c.attach = ATTACH_EXISTING;
        c.attach_id = sub;
        CHECK_INT(lab_apply(&lab, uss1, c).reason, REASON_ACCEPTED);
    }
    jump_past_keeping(11);
    CHECK_INT(state_view(lab.state)->by_end.n, 0);
}

/* With ids that share their first half, and a crowd of one end: the order is that of ids, 64 an entry. */
static void at_most_64_go_after_an_entry_in_the_order_of_ends_and_ids(void)
{
    struct id first = lab_id(&lab);
    for (uint64_t i = 0; i < 150; i++) {
        struct id id = {first.hi, first.lo + (i * 77) % 150};
        lab_apply(&lab, uss1, lab_constraint(&lab, id, 1, 0, 10));
    }
    jump_past_keeping(11);
    CHECK_INT(state_view(lab.state)->by_end.n, 86);
    for (uint64_t i = 0; i < 150; i++)
        CHECK((lab_find(&lab, ENTITY_CONSTRAINT, (struct id){first.hi, first.lo + i}) != NULL) == (i >= 64));
    lab_restore(&lab);
    jump_past_keeping(11);
    CHECK_INT(state_view(lab.state)->by_end.n, 22);
    CHECK(lab_find(&lab, ENTITY_CONSTRAINT, (struct id){first.hi, first.lo + 127}) == NULL);
    CHECK(lab_find(&lab, ENTITY_CONSTRAINT, (struct id){first.hi, first.lo + 128}) != NULL);
    jump_past_keeping(11);
    CHECK_INT(state_view(lab.state)->by_end.n, 0);
}

int main(void)
{
    LAB_RUN(an_unknown_author_is_refused_and_takes_its_place);
    LAB_RUN(slots_may_be_left_out_but_never_come_twice_or_lower);
    LAB_RUN(entries_name_the_one_before);
    LAB_RUN(an_authors_time_never_goes_back);
    LAB_RUN(a_root_writes_joins_only_and_a_node_no_joins);
    LAB_RUN(a_join_names_its_network_its_member_and_a_new_key);
    LAB_RUN(void_bytes_take_a_place_with_one_element);
    LAB_RUN(the_guard_is_a_hash_of_context_and_bytes);
    LAB_RUN(a_leaf_has_an_element_a_change);
    LAB_RUN(reports_and_ticks_are_accepted_and_change_nothing);
    LAB_RUN(with_one_member_the_clock_is_its_latest_time);
    LAB_RUN(what_ended_112_days_ago_is_removed);
    LAB_RUN(an_implicit_subscription_goes_with_its_last_intent);
    LAB_RUN(an_explicit_one_goes_after_its_dependents_of_the_same_end);
    LAB_RUN(at_most_64_go_after_an_entry_in_the_order_of_ends_and_ids);
    return t_done();
}
