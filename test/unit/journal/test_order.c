/* test_order.c - the rule of places at its edges.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "journal/order.h"

#include "base/mem.h"
#include "t.h"

static const uint8_t ann[8] = "ann-----", bob[8] = "bob-----", cid[8] = "cid-----";
static struct why why;

static void feed(struct order *o, const uint8_t author[8], uint64_t slot, int64_t revision, const char *bytes)
{
    CHECK(order_feed(o, author, slot, revision, str_of(bytes), bytes[0] != '!', &why) == OK);
}

static bool is_admission(void *context, struct str bytes)
{
    (void)context;
    return bytes.n && bytes.at[0] == '+';
}

/* What comes now, one word an entry. */
static bool takes(struct order *o, bool stops, const char *want)
{
    struct order_entries got = {0};
    AUTO(buf_done) struct buf said = {0};
    bool has_stopped = order_take(o, is_admission, NULL, &got);

    for (size_t i = 0; i < got.n; i++) buf_addf(&said, "%s%.*s", i ? " " : "", STR_ARG(got.at[i].bytes));
    order_entries_done(&got);
    return CHECK_STR(buf_str(&said), str_of(want)) && CHECK(has_stopped == stops);
}

static struct order *two_authors(void)
{
    struct order *o = order_new();

    CHECK(order_admit(o, bob, 0, &why) == OK);
    CHECK(order_admit(o, ann, 0, &why) == OK);
    return o;
}

static void nothing_is_certain_before_every_author_was_read(void)
{
    struct order *o = two_authors();

    feed(o, bob, 0, 5, "b0");
    order_complete(o, bob, 9);
    CHECK(takes(o, false, ""));
    order_complete(o, ann, 4);
    CHECK(takes(o, false, ""));
    order_complete(o, ann, 5);
    CHECK(takes(o, false, "b0"));
    CHECK_INT(order_place(o), 5);
    order_free(o);
}

static void slots_of_one_transaction_come_by_author_and_slot(void)
{
    struct order *o = two_authors();

    feed(o, bob, 0, 5, "b0");
    feed(o, bob, 1, 5, "b1");
    feed(o, ann, 0, 5, "a0");
    feed(o, ann, 1, 5, "a1");
    order_complete(o, bob, 5);
    CHECK(takes(o, false, "")); /* ann may have more at 5. */
    order_complete(o, ann, 5);
    CHECK(takes(o, false, "a0 a1 b0 b1"));
    order_free(o);
}

static void a_slot_that_was_created_late_holds_back_those_after_it(void)
{
    struct order *o = two_authors();

    feed(o, ann, 0, 8, "a0");
    feed(o, ann, 1, 3, "a1"); /* Created before slot 0: its place is 8. */
    feed(o, bob, 0, 5, "b0");
    order_complete(o, ann, 9);
    order_complete(o, bob, 9);
    CHECK(takes(o, false, "b0 a0 a1"));
    CHECK_INT(order_next(o, ann), 2);
    order_free(o);
}

static void what_was_written_before_admission_comes_directly_after_the_admission(void)
{
    struct order *o = two_authors();

    feed(o, ann, 0, 5, "+cid");
    feed(o, bob, 0, 5, "b0");
    feed(o, bob, 1, 6, "b1");
    order_complete(o, ann, 9);
    order_complete(o, bob, 9);
    CHECK(takes(o, true, "+cid b0"));
    CHECK(order_admit(o, cid, 4, &why) == ERR_INPUT);
    CHECK(order_admit(o, cid, 5, &why) == OK);
    CHECK(order_admit(o, cid, 5, &why) == ERR_CONFLICT);
    CHECK(takes(o, false, "")); /* cid has not been read. */
    feed(o, cid, 0, 2, "c0");
    feed(o, cid, 1, 7, "c1");
    order_complete(o, cid, 9);
    CHECK(takes(o, false, "c0 b1 c1"));
    order_free(o);
}

static void garbage_takes_its_slot_and_no_place_in_the_order(void)
{
    struct order *o = two_authors();

    feed(o, ann, 0, 5, "a0");
    feed(o, ann, 1, 6, "!");
    feed(o, ann, 2, 7, "a2");
    feed(o, bob, 0, 6, "");
    order_complete(o, ann, 9);
    order_complete(o, bob, 9);
    CHECK(takes(o, false, "a0  a2"));
    CHECK_INT(order_next(o, ann), 3);
    order_free(o);
}

static void a_key_that_an_earlier_read_did_not_show_is_reported(void)
{
    struct order *o = two_authors();

    order_complete(o, ann, 9);
    CHECK(order_feed(o, ann, 0, 9, STR("a0"), true, &why) == ERR_CORRUPT);
    CHECK_INT(order_wants(o, ann), 0);
    feed(o, ann, 0, 10, "a0");
    order_complete(o, ann, 3); /* A stale answer takes nothing back. */
    CHECK(order_feed(o, ann, 1, 9, STR("a1"), true, &why) == OK);
    order_complete(o, bob, 20);
    order_complete(o, ann, 20);
    CHECK(takes(o, false, "a0 a1"));
    CHECK(order_feed(o, bob, 0, 20, STR("b0"), true, &why) == ERR_CORRUPT);
    order_free(o);
}

static void a_restart_goes_on_between_an_admission_and_what_it_admits(void)
{
    struct order *o = two_authors();
    AUTO(buf_done) struct buf saved = {0};

    feed(o, ann, 0, 5, "+cid");
    order_complete(o, ann, 9);
    order_complete(o, bob, 9);
    CHECK(takes(o, true, "+cid"));
    CHECK(order_admit(o, cid, 5, &why) == OK);
    order_save(o, &saved);
    order_free(o);
    CHECK(order_restore(buf_str(&saved), &o, &why) == OK);
    CHECK_INT(order_n_authors(o), 3);
    CHECK_INT(order_place(o), 5);
    CHECK(order_feed(o, bob, 0, 5, STR("b0"), true, &why) == ERR_CORRUPT); /* bob had nothing at 5. */
    feed(o, bob, 0, 6, "b0");
    feed(o, cid, 0, 3, "c0");
    order_complete(o, ann, 9);
    order_complete(o, bob, 9);
    order_complete(o, cid, 9);
    CHECK(takes(o, false, "c0 b0"));
    order_free(o);
}

static void retired_authors_hold_nothing_up_and_say_nothing_more(void)
{
    struct order *o = two_authors();

    feed(o, ann, 0, 5, "a0");
    order_complete(o, ann, 9);
    CHECK(takes(o, false, ""));
    order_retire(o, bob);
    order_retire(o, bob);
    CHECK(!order_has(o, bob));
    CHECK(takes(o, false, "a0"));
    order_free(o);
}

static void slots_that_tiles_brought_are_skipped(void)
{
    struct order *o = two_authors();

    feed(o, ann, 0, 5, "a0");
    feed(o, ann, 1, 6, "a1");
    order_skip(o, ann, 1);
    order_skip(o, bob, 7);
    CHECK_INT(order_next(o, ann), 1);
    CHECK_INT(order_wants(o, ann), 2);
    CHECK_INT(order_wants(o, bob), 7);
    feed(o, bob, 7, 6, "b7");
    order_complete(o, ann, 6);
    order_complete(o, bob, 6);
    order_skip(o, ann, 0);
    CHECK(takes(o, false, "a1 b7"));
    order_free(o);
}

static void damaged_states_are_refused(void)
{
    struct order *o = two_authors(), *again = NULL;
    AUTO(buf_done) struct buf saved = {0};

    feed(o, ann, 0, 5, "a0");
    order_complete(o, ann, 9);
    order_complete(o, bob, 9);
    CHECK(takes(o, false, "a0"));
    order_save(o, &saved);
    order_free(o);
    for (size_t n = 0; n < saved.n; n++)
        CHECK(order_restore(str_first(buf_str(&saved), n), &again, &why) == ERR_CORRUPT);
    saved.at[0] = 2;
    CHECK(order_restore(buf_str(&saved), &again, &why) == ERR_CORRUPT);
    saved.at[0] = 1;
    saved.at[1] = (char)0x80; /* A negative place. */
    CHECK(order_restore(buf_str(&saved), &again, &why) == ERR_CORRUPT);
    saved.at[1] = 0;
    saved.at[13] = 'z'; /* No longer ascending. */
    CHECK(order_restore(buf_str(&saved), &again, &why) == ERR_CORRUPT);
    CHECK(again == NULL);
}

int main(void)
{
    RUN(nothing_is_certain_before_every_author_was_read);
    RUN(slots_of_one_transaction_come_by_author_and_slot);
    RUN(a_slot_that_was_created_late_holds_back_those_after_it);
    RUN(what_was_written_before_admission_comes_directly_after_the_admission);
    RUN(garbage_takes_its_slot_and_no_place_in_the_order);
    RUN(a_key_that_an_earlier_read_did_not_show_is_reported);
    RUN(a_restart_goes_on_between_an_admission_and_what_it_admits);
    RUN(retired_authors_hold_nothing_up_and_say_nothing_more);
    RUN(slots_that_tiles_brought_are_skipped);
    RUN(damaged_states_are_refused);
    return t_done();
}
