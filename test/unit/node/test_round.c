/* test_round.c - who proposes, who signs what, what is answered, and when a node refuses: rule by rule.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "node/round.h"

#include "base/mem.h"
#include "signers.h"
#include "t.h"

#define SPLIT 20

static struct signers s;
static struct grove grove;
static struct why why;
static struct round_time now;

/* One node, its branch of the journal, and what it asked to send. */
struct one {
    struct round *r;
    size_t self;
    int branch;
    uint64_t tree;
    unsigned sent, asked; /* Bits: to whom since these were cleared. */
    unsigned n_signed;
    uint64_t last_time_s;
};

static void later(int64_t ms)
{
    now.ms += ms;
    now.unix_s = 5000 + (uint64_t)now.ms / 1000;
}

static void begin(unsigned n_members, size_t n_nodes)
{
    signers_done(&s);
    signers_init(&s, n_members, n_nodes);
    now.ms = 0;
    later(100000);
}

static const struct hash *root_of(const struct one *o, uint64_t size)
{
    return size <= o->tree ? &grove.roots[o->branch][size] : NULL;
}

static void sign(struct one *o, const struct round_act *act)
{
    AUTO(buf_done) struct buf note = {0};

    CHECK(act->size <= o->tree && hash_equal(&act->root, root_of(o, act->size)));
    signers_sign(&s, o->self, act->size, &act->root, act->time_s, &note);
    o->n_signed++;
    o->last_time_s = act->time_s;
    round_signed(o->r, buf_str(&note), now);
}

/* Does what the machine says, noting whom it wants to reach. */
static void work(struct one *o)
{
    for (;;) {
        struct round_act act = round_next(o->r, now);
        switch (act.what) {
        case ROUND_NOTHING: return;
        case ROUND_COMPARE: round_compared(o->r, act.size, root_of(o, act.size), now); break;
        case ROUND_SIGN: sign(o, &act); break;
        case ROUND_SEND: o->sent |= 1U << act.to; break;
        case ROUND_ASK: o->asked |= 1U << act.to; break;
        }
    }
}

static void grow(struct one *o, uint64_t size)
{
    o->tree = size;
    round_grew(o->r, size, &grove.roots[o->branch][size], now);
    work(o);
}

static struct one start(size_t self, struct str own_note, uint64_t tree)
{
    struct one o = {.self = self};

    must(round_new(&s.seats, self, own_note, now, &o.r, &why) == OK);
    grow(&o, tree);
    return o;
}

/* All others say that they know of no head; now it may sign. */
static void let_sign(struct one *o)
{
    for (size_t i = 0; i < s.seats.n_nodes; i++) {
        if (i != o->self) must(round_told(o->r, i, STR(""), NULL, now, &why) == OK);
    }
    work(o);
}

static struct one ready(size_t self, uint64_t tree)
{
    struct one o = start(self, STR(""), tree);
    let_sign(&o);
    return o;
}

static struct round_status status(const struct one *o)
{
    struct round_status st;
    round_status(o->r, now, &st);
    return st;
}

/* A note of these nodes, at their time. */
static void note_of(struct buf *to, unsigned nodes, size_t first, int branch, uint64_t size, uint64_t time_s)
{
    AUTO(mem_auto) struct head *h = mem_zalloc(2 * sizeof *h);

    h->size = size;
    h->root = grove.roots[branch][size];
    h->first = first;
    for (size_t i = 0; i < s.seats.n_nodes; i++) {
        AUTO(buf_done) struct buf one = {0};
        if (!(nodes & 1U << i)) continue;
        signers_sign(&s, i, size, &h->root, time_s, &one);
        must(head_read(&s.seats, buf_str(&one), NULL, &h[1], &why) == OK);
        (void)head_merge(h, &h[1]);
    }
    buf_clear(to);
    head_add_note(&s.seats, h, to);
}

/* Posts a note to o and returns the answer's kind; its body is left in ret, which may be NULL. */
static enum exchange_kind post(struct one *o, size_t from, struct str note, struct buf *ret)
{
    AUTO(buf_done) struct buf unused = {0};
    uint64_t size;
    struct hash root;

    must(head_peek(&s.seats, note, &size, &root, &why) == OK);
    CHECK_INT(round_note(o->r, from, note, root_of(o, size), now, &why), OK);
    work(o);
    return round_answer(o->r, from, size, &root, ret ? ret : &unused);
}

static enum exchange_kind post_from(struct one *o, size_t from, int branch, uint64_t size)
{
    AUTO(buf_done) struct buf note = {0};

    note_of(&note, 1U << from, from, branch, size, now.unix_s);
    return post(o, from, buf_str(&note), NULL);
}

static void answer(struct one *o, size_t from, enum exchange_kind kind, uint64_t asked, struct str body)
{
    struct exchange_answer a = {kind, body};
    struct hash root;
    uint64_t size = asked;

    if (kind != EXCHANGE_LINES && body.n > 0) must(head_peek(&s.seats, body, &size, &root, &why) == OK);
    CHECK_INT(round_answered(o->r, from, asked, &grove.roots[o->branch][asked], &a, root_of(o, size), now, &why), OK);
    work(o);
}

/* Lines of one node for the head of this size. */
static void answer_lines(struct one *o, size_t from, uint64_t size)
{
    AUTO(buf_done) struct buf note = {0}, lines = {0};
    AUTO(mem_auto) struct head *h = mem_alloc(sizeof *h);

    note_of(&note, 1U << from, from, o->branch, size, now.unix_s);
    must(head_read(&s.seats, buf_str(&note), NULL, h, &why) == OK);
    head_add_lines(&s.seats, h, &lines);
    answer(o, from, EXCHANGE_LINES, size, buf_str(&lines));
}

/* Proposing. */

static void an_idle_node_whose_turn_it_is_proposes_at_once(void)
{
    begin(3, 3);
    struct one o = ready(0, 10);
    CHECK_INT(o.n_signed, 1);
    CHECK_INT(o.sent, 0x6);
    CHECK_INT(status(&o).newest_size, 10);
    round_free(o.r);
}

static void others_follow_after_300_ms_times_their_rank(void)
{
    begin(3, 3);
    struct one o = ready(2, 10);
    later(599);
    work(&o);
    CHECK_INT(o.n_signed, 0);
    later(1);
    work(&o);
    CHECK_INT(o.n_signed, 1);
    round_free(o.r);
}

static void members_not_heard_from_for_2_s_are_left_out_of_the_turn(void)
{
    begin(3, 3);
    struct one o = ready(2, 0);
    later(1500);
    round_heard(o.r, 1, now);
    later(501); /* Nothing of node 0 for more than 2 s. */
    grow(&o, 10);
    later(299);
    work(&o);
    CHECK_INT(o.n_signed, 0);
    later(1);
    work(&o);
    CHECK_INT(o.n_signed, 1);
    CHECK_INT(status(&o).n_present, 2);
    round_free(o.r);
}

static void the_seat_after_the_last_full_notes_proposer_is_next(void)
{
    AUTO(buf_done) struct buf note = {0};

    begin(3, 3);
    struct one o = ready(2, 10);
    note_of(&note, 0x3, 1, 0, 10, now.unix_s); /* Seat 1 proposed. */
    CHECK_INT(post(&o, 1, buf_str(&note), NULL), EXCHANGE_LINES);
    CHECK_INT(status(&o).full_size, 10);
    o.n_signed = 0;
    later(50);
    grow(&o, 12);
    CHECK_INT(o.n_signed, 1); /* Seat 2 is next. */
    round_free(o.r);
}

static void second_nodes_of_members_come_after_all_first_ones(void)
{
    begin(2, 4); /* Nodes 0 and 2 are member 0's. */
    struct one o = ready(2, 10);
    later(599);
    work(&o);
    CHECK_INT(o.n_signed, 0);
    later(1);
    work(&o);
    CHECK_INT(o.n_signed, 1);
    round_free(o.r);
}

static void one_round_is_in_flight_and_a_second_is_the_ceiling(void)
{
    begin(3, 3);
    struct one o = ready(0, 10);
    later(10);
    grow(&o, 12);
    later(989);
    work(&o);
    CHECK_INT(o.n_signed, 1);
    later(1);
    work(&o);
    CHECK_INT(o.n_signed, 2);
    CHECK_INT(status(&o).own_size, 12);
    round_free(o.r);
}

static void a_full_note_ends_the_round_and_goes_to_all(void)
{
    begin(3, 3);
    struct one o = ready(0, 10);
    later(10);
    o.sent = 0;
    answer_lines(&o, 1, 10);
    CHECK_INT(status(&o).full_size, 10);
    CHECK_INT(o.sent, 0x6);
    o.n_signed = 0;
    grow(&o, 12); /* Turn of seat 1, 25 ms after the beginning; seat 2 and then 0 follow. */
    later(600);
    round_heard(o.r, 1, now);
    work(&o);
    CHECK_INT(o.n_signed, 0);
    later(15);
    work(&o);
    CHECK_INT(o.n_signed, 1);
    round_free(o.r);
}

static void the_wait_ends_when_something_is_due(void)
{
    begin(3, 3);
    struct one o = ready(2, 10);
    for (int i = 0; i < 100 && o.n_signed == 0; i++) {
        int64_t wait = round_wait(o.r, now);
        CHECK(wait > 0 && wait <= 300);
        later(wait);
        work(&o);
    }
    CHECK_INT(now.ms, 100600);
    round_free(o.r);
}

/* Signing others' proposals. */

static void a_proposal_is_signed_as_it_stands(void)
{
    AUTO(buf_done) struct buf note = {0}, body = {0};
    AUTO(mem_auto) struct head *h = mem_alloc(sizeof *h);

    begin(5, 5);
    struct one o = ready(1, 14); /* Its own tree is ahead. */
    note_of(&note, 1, 0, 0, 10, now.unix_s);
    CHECK_INT(post(&o, 0, buf_str(&note), &body), EXCHANGE_LINES);
    CHECK_INT(status(&o).own_size, 10);
    must(head_read_lines(&s.seats, 10, &grove.roots[0][10], buf_str(&body), NULL, h, &why) == OK);
    CHECK(head_has_signed(h, 1) && head_has_signed(h, 0) && h->first == 0);
    CHECK_INT(post(&o, 0, buf_str(&note), &body), EXCHANGE_LINES); /* Again: nothing is signed twice. */
    CHECK_INT(o.n_signed, 1);
    round_free(o.r);
}

static void who_is_behind_signs_when_it_gets_there_and_says_so(void)
{
    begin(5, 5);
    struct one o = ready(1, 8);
    CHECK_INT(post_from(&o, 2, 0, 8), EXCHANGE_LINES);
    CHECK_INT(o.sent, 0x1d); /* From now on nobody is owed a note for a second. */
    CHECK_INT(post_from(&o, 0, 0, 10), EXCHANGE_EARLY);
    CHECK_INT(o.n_signed, 1);
    o.sent = 0;
    later(100);
    grow(&o, 12);
    CHECK_INT(status(&o).own_size, 10);
    CHECK_INT(o.sent, 1);
    round_free(o.r);
}

static void who_is_always_a_little_behind_still_signs(void)
{
    begin(5, 5);
    struct one o = ready(4, 8); /* Its own turn is 1.2 s away. */
    for (uint64_t size = 10; size < 40; size += 2) { /* The tree comes two entries after each proposal. */
        later(20);
        (void)post_from(&o, 0, 0, size + 4);
        grow(&o, size);
    }
    CHECK(o.n_signed > 0);
    round_free(o.r);
}

static void who_has_signed_a_larger_head_answers_with_it(void)
{
    AUTO(buf_done) struct buf body = {0}, own = {0};

    begin(3, 3);
    struct one o = ready(0, 12);
    must(round_newest(o.r, &own));
    AUTO(buf_done) struct buf note = {0};
    note_of(&note, 2, 1, 0, 10, now.unix_s);
    CHECK_INT(post(&o, 1, buf_str(&note), &body), EXCHANGE_LARGER);
    CHECK_STR(buf_str(&body), buf_str(&own));
    CHECK_INT(o.n_signed, 1);
    round_free(o.r);
}

static void the_larger_note_becomes_the_proposal(void)
{
    AUTO(buf_done) struct buf note = {0};

    begin(4, 4);
    struct one o = ready(0, 10);
    grow(&o, 14);
    o.sent = 0;
    note_of(&note, 0x4, 2, 0, 12, now.unix_s);
    answer(&o, 2, EXCHANGE_LARGER, 10, buf_str(&note));
    CHECK_INT(status(&o).own_size, 12);
    CHECK_INT(o.sent, 0xe); /* It is spread from here, with both signatures. */
    CHECK_INT(status(&o).n_signed, 2);
    round_free(o.r);
}

static void late_signatures_are_merged_and_counted(void)
{
    AUTO(buf_done) struct buf note = {0};

    begin(3, 3);
    struct one o = ready(0, 10);
    answer_lines(&o, 1, 10);
    CHECK_INT(status(&o).n_signed_full, 2);
    later(5000);
    note_of(&note, 0x4, 0, 0, 10, now.unix_s - 1);
    CHECK_INT(post(&o, 2, buf_str(&note), NULL), EXCHANGE_LINES);
    CHECK_INT(status(&o).n_signed_full, 3);
    grow(&o, 12);
    later(2000);
    work(&o);
    CHECK_INT(status(&o).own_size, 12);
    /* An older head than the newest is still gathered for. */
    CHECK_INT(status(&o).full_size, 10);
    round_free(o.r);
}

static void one_node_cannot_keep_heads_from_getting_full(void)
{
    begin(5, 5);
    struct one o = ready(1, 100);
    unsigned before;

    CHECK_INT(post_from(&o, 0, 0, 10), EXCHANGE_LINES);
    before = o.n_signed;
    for (uint64_t size = 12; size < 40; size += 2) {
        later(30);
        (void)post_from(&o, 0, 0, size);
    }
    CHECK_INT(o.n_signed, before); /* Its next head waits for its last. */
    CHECK_INT(post_from(&o, 2, 0, 50), EXCHANGE_LINES); /* Another node's does not. */
    round_free(o.r);
}

static void an_enough_of_signatures_is_more_than_half_of_the_members(void)
{
    begin(4, 4);
    struct one o = ready(0, 10);
    answer_lines(&o, 1, 10);
    CHECK_INT(status(&o).full_size, 0);
    answer_lines(&o, 2, 10);
    CHECK_INT(status(&o).full_size, 10);
    round_free(o.r);
}

static void of_two_members_both_sign_or_the_reachable_one_with_a_warning(void)
{
    begin(2, 2);
    struct one o = ready(0, 10);
    later(1900);
    work(&o);
    CHECK_INT(status(&o).full_size, 0); /* The other was heard from: both are needed. */
    later(200);
    work(&o);
    CHECK_INT(status(&o).full_size, 10);
    CHECK(status(&o).is_alone);
    grow(&o, 12);
    CHECK_INT(status(&o).full_size, 12); /* Alone it does not wait. */
    answer_lines(&o, 1, 12);
    CHECK(!status(&o).is_alone);
    CHECK_INT(status(&o).n_signed_full, 2);
    round_free(o.r);
}

static void the_time_of_a_cosignature_never_goes_back(void)
{
    AUTO(buf_done) struct buf note = {0};

    begin(3, 3);
    note_of(&note, 1, 0, 0, 4, 9000); /* Signed in an earlier life, by a clock that was ahead. */
    struct one o = start(0, buf_str(&note), 10);
    let_sign(&o);
    CHECK_INT(o.n_signed, 1);
    CHECK_INT(o.last_time_s, 9000);
    CHECK(status(&o).clock_is_behind);
    round_free(o.r);
}

static void cosignatures_from_the_future_are_not_taken(void)
{
    AUTO(buf_done) struct buf note = {0};

    begin(3, 3);
    struct one o = ready(0, 10);
    note_of(&note, 2, 0, 0, 10, now.unix_s + ROUND_SKEW_S + 1);
    (void)post(&o, 1, buf_str(&note), NULL);
    CHECK_INT(status(&o).full_size, 0);
    later(1000);
    (void)post(&o, 1, buf_str(&note), NULL);
    CHECK_INT(status(&o).full_size, 10);
    round_free(o.r);
}

static void every_node_hears_the_newest_note_each_second(void)
{
    begin(3, 3);
    struct one o = ready(0, 10);
    answer_lines(&o, 1, 10);
    answer_lines(&o, 2, 10);
    later(3000);
    work(&o);
    o.sent = 0;
    later(999);
    work(&o);
    CHECK_INT(o.sent, 0);
    later(1);
    work(&o);
    CHECK_INT(o.sent, 0x6);
    round_free(o.r);
}

/* Before the first signature, and refusing. */

static void nothing_is_signed_before_the_others_were_asked(void)
{
    begin(3, 3);
    struct one o = start(0, STR(""), 10);
    CHECK_INT(o.asked, 0x6);
    CHECK_INT(post_from(&o, 1, 0, 8), EXCHANGE_EARLY);
    later(60000);
    work(&o);
    CHECK_INT(o.n_signed, 0); /* Nobody answered: it signs nothing. */
    CHECK_INT(status(&o).state, ROUND_ASKING);
    must(round_told(o.r, 1, STR(""), NULL, now, &why) == OK);
    work(&o);
    CHECK_INT(status(&o).state, ROUND_READY); /* With its own, a majority of three. */
    CHECK_INT(status(&o).own_size, 10);
    CHECK(o.sent & 2);
    round_free(o.r);
}

static void a_majority_must_have_been_asked_and_all_get_two_seconds(void)
{
    begin(5, 5);
    struct one o = start(0, STR(""), 10);
    must(round_told(o.r, 1, STR(""), NULL, now, &why) == OK && round_told(o.r, 2, STR(""), NULL, now, &why) == OK);
    later(1999);
    work(&o);
    CHECK_INT(status(&o).state, ROUND_ASKING);
    later(1);
    work(&o);
    CHECK_INT(status(&o).state, ROUND_READY);
    round_free(o.r);
    o = start(0, STR(""), 10);
    must(round_told(o.r, 1, STR(""), NULL, now, &why) == OK);
    later(10000);
    work(&o);
    CHECK_INT(status(&o).state, ROUND_ASKING);
    round_free(o.r);
}

static void a_node_alone_in_its_network_signs_at_once(void)
{
    begin(1, 1);
    struct one o = start(0, STR(""), 10);
    CHECK_INT(o.n_signed, 1);
    CHECK_INT(status(&o).full_size, 10);
    round_free(o.r);
}

static void a_node_behind_its_own_largest_head_refuses_for_good(void)
{
    AUTO(buf_done) struct buf old = {0}, lost = {0};

    begin(3, 3);
    note_of(&old, 1, 0, 0, 6, 4000);
    note_of(&lost, 1, 0, 0, 12, 4100);
    struct one o = start(0, buf_str(&old), 30);
    must(round_told(o.r, 1, STR(""), NULL, now, &why) == OK);
    must(round_told(o.r, 2, buf_str(&lost), root_of(&o, 12), now, &why) == OK);
    work(&o);
    CHECK_INT(status(&o).state, ROUND_REFUSED);
    CHECK(strstr(status(&o).refused_because.text, "larger head") != NULL);
    later(10000);
    CHECK_INT(post_from(&o, 1, 0, 20), EXCHANGE_EARLY);
    CHECK_INT(o.n_signed, 0);
    round_free(o.r);
}

static void a_node_that_knows_its_largest_head_goes_on(void)
{
    AUTO(buf_done) struct buf last = {0}, older = {0};

    begin(3, 3);
    note_of(&last, 1, 0, 0, 12, 4100);
    note_of(&older, 1, 0, 0, 6, 4000);
    struct one o = start(0, buf_str(&last), 30);
    must(round_told(o.r, 1, buf_str(&older), root_of(&o, 6), now, &why) == OK);
    must(round_told(o.r, 2, buf_str(&last), root_of(&o, 12), now, &why) == OK);
    work(&o);
    CHECK_INT(status(&o).own_size, 30);
    round_free(o.r);
}

static void what_is_not_the_own_note_is_no_answer(void)
{
    AUTO(buf_done) struct buf note = {0};

    begin(2, 2);
    struct one o = start(0, STR(""), 10);
    note_of(&note, 2, 1, 0, 8, 4000);
    CHECK_INT(round_told(o.r, 1, buf_str(&note), root_of(&o, 8), now, &why), ERR_INPUT);
    CHECK_INT(round_told(o.r, 1, STR("junk"), NULL, now, &why), ERR_INPUT);
    later(5000);
    work(&o);
    CHECK_INT(status(&o).state, ROUND_ASKING);
    round_free(o.r);
    CHECK_INT(round_new(&s.seats, 0, buf_str(&note), now, &o.r, &why), ERR_CORRUPT);
}

static void another_user_of_the_own_key_is_seen_at_any_time(void)
{
    AUTO(buf_done) struct buf note = {0};

    begin(3, 3);
    struct one o = ready(0, 10);
    note_of(&note, 0x3, 1, 0, 20, now.unix_s); /* Larger than anything signed here. */
    CHECK_INT(post(&o, 1, buf_str(&note), NULL), EXCHANGE_EARLY);
    CHECK_INT(status(&o).state, ROUND_REFUSED);
    round_free(o.r);
    begin(3, 3);
    o = ready(0, 30);
    note_of(&note, 0x3, 1, 1, 26, now.unix_s); /* Another root. */
    CHECK_INT(post(&o, 1, buf_str(&note), NULL), EXCHANGE_LARGER);
    CHECK_INT(status(&o).state, ROUND_REFUSED);
    round_free(o.r);
}

static void a_tree_or_store_that_fails_ends_signing(void)
{
    struct round_act act;

    begin(1, 1);
    struct one o = {.self = 0, .tree = 10};
    must(round_new(&s.seats, 0, STR(""), now, &o.r, &why) == OK);
    round_grew(o.r, 10, root_of(&o, 10), now);
    act = round_next(o.r, now);
    CHECK_INT(act.what, ROUND_SIGN);
    round_put_off(o.r, now);
    work(&o);
    CHECK_INT(o.n_signed, 0);
    later(1000);
    act = round_next(o.r, now);
    CHECK_INT(act.what, ROUND_SIGN);
    CHECK_INT(act.size, 10);
    (void)fail(&why, ERR_DISK, "the disk is gone");
    round_failed(o.r, &why);
    later(10000);
    work(&o);
    CHECK_INT(o.n_signed, 0);
    CHECK(strstr(status(&o).refused_because.text, "disk") != NULL);
    CHECK_STR(str_of(round_state_name(status(&o).state)), STR("refused"));
    round_free(o.r);
}

/* Forks. */

static void a_contradicting_head_is_never_signed_and_is_kept(void)
{
    begin(3, 3);
    struct one o = ready(1, 30);
    CHECK_INT(post_from(&o, 0, 1, 24), EXCHANGE_EARLY);
    CHECK_INT(o.n_signed, 0);
    CHECK_INT(round_standing(o.r)->others.n, 1);
    CHECK(status(&o).fork.is_divided && !status(&o).fork.may_write);
    /* One that lies beyond the own tree is found out when the tree gets there. */
    CHECK_INT(post_from(&o, 2, 1, 40), EXCHANGE_EARLY);
    CHECK_INT(standing_side(round_standing(o.r), 2), FORK_NEITHER);
    grow(&o, 44);
    CHECK_INT(standing_side(round_standing(o.r), 2), FORK_OTHER);
    round_free(o.r);
}

static void a_majority_on_the_own_branch_lets_it_write_again(void)
{
    begin(3, 3);
    struct one o = ready(0, 30);
    CHECK_INT(post_from(&o, 2, 1, 24), EXCHANGE_LARGER);
    CHECK(!status(&o).fork.may_write); /* Only the own signature stands on this side. */
    answer_lines(&o, 1, 30);
    CHECK(status(&o).fork.may_write);
    round_free(o.r);
}

static void signatures_below_the_fork_stand_on_no_side(void)
{
    begin(3, 3);
    struct one o = ready(0, 12);
    answer_lines(&o, 1, 12);
    grow(&o, 30);
    CHECK_INT(post_from(&o, 2, 1, 24), EXCHANGE_EARLY);
    CHECK_INT(standing_side(round_standing(o.r), 1), FORK_NEITHER);
    CHECK(!status(&o).fork.may_write);
    round_free(o.r);
}

static void a_proof_shown_by_others_divides_too(void)
{
    AUTO(buf_done) struct buf note = {0};
    AUTO(mem_auto) struct head *h = mem_alloc(sizeof *h);

    begin(3, 3);
    struct one o = ready(0, 30);
    note_of(&note, 0x6, 1, 1, 200, now.unix_s); /* Beyond the own tree. */
    must(head_read(&s.seats, buf_str(&note), NULL, h, &why) == OK);
    round_shown(o.r, h, 30, now);
    CHECK(status(&o).fork.is_divided && !status(&o).fork.may_write);
    CHECK_INT(status(&o).fork.n_own, 1);
    CHECK_INT(status(&o).fork.n_other, 2);
    round_free(o.r);
}

static void everybody_can_be_asked_for_ones_own_largest_head(void)
{
    AUTO(buf_done) struct buf note = {0};
    AUTO(mem_auto) struct head *h = mem_alloc(sizeof *h);

    begin(3, 3);
    struct one o = ready(0, 30);
    CHECK(!round_head_of(o.r, 1, &note));
    answer_lines(&o, 1, 30);
    must(round_head_of(o.r, 1, &note));
    must(head_read(&s.seats, buf_str(&note), NULL, h, &why) == OK);
    CHECK(h->size == 30 && head_has_signed(h, 1) && !head_has_line(h, 0));
    (void)post_from(&o, 1, 0, 50); /* Beyond the own tree, and known all the same. */
    buf_clear(&note);
    must(round_head_of(o.r, 1, &note) && head_read(&s.seats, buf_str(&note), NULL, h, &why) == OK);
    CHECK_INT(h->size, 50);
    round_free(o.r);
}

static void a_note_that_is_not_good_changes_nothing(void)
{
    AUTO(buf_done) struct buf note = {0};

    begin(3, 3);
    struct one o = ready(1, 30);
    note_of(&note, 1, 0, 0, 24, now.unix_s);
    note.at[note.n - 20] ^= 1;
    CHECK_INT(round_note(o.r, 0, buf_str(&note), root_of(&o, 24), now, &why), ERR_INPUT);
    work(&o);
    CHECK_INT(o.n_signed, 0);
    CHECK_INT(status(&o).newest_size, 0);
    round_free(o.r);
}

int main(void)
{
    signers_init(&s, 1, 1);
    grove_init(&grove, SPLIT);
    RUN(an_idle_node_whose_turn_it_is_proposes_at_once);
    RUN(others_follow_after_300_ms_times_their_rank);
    RUN(members_not_heard_from_for_2_s_are_left_out_of_the_turn);
    RUN(the_seat_after_the_last_full_notes_proposer_is_next);
    RUN(second_nodes_of_members_come_after_all_first_ones);
    RUN(one_round_is_in_flight_and_a_second_is_the_ceiling);
    RUN(a_full_note_ends_the_round_and_goes_to_all);
    RUN(the_wait_ends_when_something_is_due);
    RUN(a_proposal_is_signed_as_it_stands);
    RUN(who_is_behind_signs_when_it_gets_there_and_says_so);
    RUN(who_is_always_a_little_behind_still_signs);
    RUN(who_has_signed_a_larger_head_answers_with_it);
    RUN(the_larger_note_becomes_the_proposal);
    RUN(late_signatures_are_merged_and_counted);
    RUN(one_node_cannot_keep_heads_from_getting_full);
    RUN(an_enough_of_signatures_is_more_than_half_of_the_members);
    RUN(of_two_members_both_sign_or_the_reachable_one_with_a_warning);
    RUN(the_time_of_a_cosignature_never_goes_back);
    RUN(cosignatures_from_the_future_are_not_taken);
    RUN(every_node_hears_the_newest_note_each_second);
    RUN(nothing_is_signed_before_the_others_were_asked);
    RUN(a_majority_must_have_been_asked_and_all_get_two_seconds);
    RUN(a_node_alone_in_its_network_signs_at_once);
    RUN(a_node_behind_its_own_largest_head_refuses_for_good);
    RUN(a_node_that_knows_its_largest_head_goes_on);
    RUN(what_is_not_the_own_note_is_no_answer);
    RUN(another_user_of_the_own_key_is_seen_at_any_time);
    RUN(a_tree_or_store_that_fails_ends_signing);
    RUN(a_contradicting_head_is_never_signed_and_is_kept);
    RUN(a_majority_on_the_own_branch_lets_it_write_again);
    RUN(signatures_below_the_fork_stand_on_no_side);
    RUN(a_proof_shown_by_others_divides_too);
    RUN(everybody_can_be_asked_for_ones_own_largest_head);
    RUN(a_note_that_is_not_good_changes_nothing);
    signers_done(&s);
    return t_done();
}
