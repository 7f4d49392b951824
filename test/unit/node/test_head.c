/* test_head.c - signatures of many nodes under one head: reading, merging, counting, writing.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "node/head.h"

#include "signers.h"
#include "t.h"

static struct signers four;
static struct grove grove;
static struct head a, b, c;
static struct why why;

static struct str sign(struct buf *to, size_t node, uint64_t size, uint64_t time_s)
{
    buf_clear(to);
    signers_sign(&four, node, size, &grove.roots[0][size], time_s, to);
    return buf_str(to);
}

static void a_seating_refuses_doubled_and_misnamed_keys(void)
{
    struct seats r = four.seats;

    CHECK_INT(seats_check(&r, &why), OK);
    CHECK_INT(seats_majority(&r), 3);
    CHECK_INT(seats_find(&r, r.nodes[2].log.id), 2);
    CHECK_INT(seats_find(&r, r.nodes[2].mirror.id), 4);
    r.nodes[3].mirror = r.nodes[1].mirror;
    CHECK_INT(seats_check(&r, &why), ERR_INPUT);
    CHECK(strstr(why.text, "node 3") != NULL);
    r = four.seats;
    r.nodes[1].mirror = note_key_make(STR("x"), NOTE_COSIGNATURE, &r.nodes[1].log.public);
    CHECK_INT(seats_check(&r, &why), ERR_INPUT);
    r = four.seats;
    r.nodes[1].log = note_key_make(STR("other"), NOTE_ED25519, &r.nodes[1].log.public);
    CHECK_INT(seats_check(&r, &why), ERR_INPUT);
    r = four.seats;
    r.nodes[1].member = 4;
    CHECK_INT(seats_check(&r, &why), ERR_INPUT);
    r = four.seats;
    r.n_members = SEATS_MEMBERS_MAX + 1;
    CHECK_INT(seats_check(&r, &why), ERR_INPUT);
    r = four.seats;
    r.origin = STR("cosignature/v1");
    CHECK_INT(seats_check(&r, &why), ERR_INPUT);
}

static void lines_of_many_nodes_become_one_note(void)
{
    AUTO(buf_done) struct buf note = {0}, merged = {0}, again = {0};
    static struct note parsed;
    struct note_key keys[2 * SEATS_NODES_MAX];
    struct note_verdict by[2 * SEATS_NODES_MAX];
    size_t n = signers_keys(&four, keys);

    must(head_read(&four.seats, sign(&note, 2, 10, 1000), NULL, &a, &why) == OK);
    CHECK_INT(a.first, 2);
    CHECK(head_has_signed(&a, 2) && !head_has_line(&a, 0));
    must(head_read(&four.seats, sign(&note, 0, 10, 1001), NULL, &b, &why) == OK);
    CHECK(head_merge(&a, &b));
    CHECK(!head_merge(&a, &b));
    CHECK_INT(head_count(&four.seats, &a, NULL), 2);
    CHECK_INT(head_time_s(&a.of[0]), 1001);
    head_add_note(&four.seats, &a, &merged);
    must(note_parse(buf_str(&merged), &parsed, &why) == OK && note_verify(&parsed, keys, n, by, &why) == OK);
    CHECK_INT(parsed.n_signatures, 4);
    for (size_t i = 0; i < n; i++) CHECK_INT(by[i].has_signed, i / 2 == 0 || i / 2 == 2);
    CHECK_INT(by[1].time_s, 1001);
    /* The proposer's lines stand first, and are read so. */
    must(head_read(&four.seats, buf_str(&merged), NULL, &c, &why) == OK);
    CHECK_INT(c.first, 2);
    head_add_note(&four.seats, &c, &again);
    CHECK_STR(buf_str(&again), buf_str(&merged));
}

static void a_member_counts_once_however_many_nodes_sign(void)
{
    AUTO(buf_done) struct buf note = {0};
    struct signers s;
    bool is_out[SEATS_MEMBERS_MAX] = {[1] = true};

    signers_init(&s, 2, 6);
    memset(&a, 0, sizeof a);
    a.first = HEAD_NOBODY;
    for (size_t i = 0; i < 6; i++) {
        buf_clear(&note);
        signers_sign(&s, i, 4, &grove.roots[0][4], 5, &note);
        must(head_read(&s.seats, buf_str(&note), NULL, &b, &why) == OK);
        if (i == 0) a = b;
        (void)head_merge(&a, &b);
        CHECK_INT(head_count(&s.seats, &a, NULL), i == 0 ? 1 : 2);
    }
    CHECK_INT(head_count(&s.seats, &a, is_out), 1);
    a.of[1].has_mirror = a.of[3].has_log = a.of[5].has_mirror = false; /* Of member 1 no node has both lines. */
    CHECK_INT(head_count(&s.seats, &a, NULL), 1);
    signers_done(&s);
}

static void a_note_never_has_more_lines_than_a_reader_takes(void)
{
    AUTO(buf_done) struct buf note = {0};
    static struct note parsed;
    struct signers s;
    bool has_member[SEATS_MEMBERS_MAX] = {false};
    unsigned n_members = 0;

    signers_init(&s, SEATS_MEMBERS_MAX, SEATS_NODES_MAX);
    memset(&a, 0, sizeof a);
    a.size = 4;
    a.root = grove.roots[0][4];
    a.first = 60; /* The second node of member 10. */
    for (size_t i = 0; i < SEATS_NODES_MAX; i++) {
        buf_clear(&note);
        signers_sign(&s, i, 4, &grove.roots[0][4], 5, &note);
        must(head_read(&s.seats, buf_str(&note), NULL, &b, &why) == OK);
        (void)head_merge(&a, &b);
    }
    buf_clear(&note);
    head_add_note(&s.seats, &a, &note);
    must(note_parse(buf_str(&note), &parsed, &why) == OK);
    CHECK_INT(parsed.n_signatures, NOTE_SIGNATURES_MAX);
    CHECK(note.n < NOTE_BYTES_MAX);
    must(head_read(&s.seats, buf_str(&note), &a, &b, &why) == OK);
    for (size_t i = 0; i < SEATS_NODES_MAX; i++) {
        if (head_has_signed(&b, i) && !has_member[s.seats.nodes[i].member]) n_members++;
        if (head_has_signed(&b, i)) has_member[s.seats.nodes[i].member] = true;
    }
    CHECK_INT(n_members, SEATS_MEMBERS_MAX);
    signers_done(&s);
}

static void a_bad_line_of_a_known_key_spoils_the_note_and_changes_nothing(void)
{
    AUTO(buf_done) struct buf note = {0};
    struct str first = sign(&note, 1, 10, 1000);

    must(head_read(&four.seats, first, NULL, &a, &why) == OK);
    b = a;
    for (size_t at = note.n - 90; at < note.n - 10; at += 7) {
        char was = note.at[at];
        note.at[at] = was == 'A' ? 'B' : 'A';
        CHECK_INT(head_read(&four.seats, first, &a, &b, &why), ERR_INPUT); /* Also with the good lines known. */
        note.at[at] = was;
    }
    CHECK(memcmp(&a, &b, sizeof a) == 0);
}

static void heads_of_other_logs_and_odd_sizes_are_refused(void)
{
    AUTO(buf_done) struct buf note = {0};
    struct checkpoint odd = {four.seats.origin, 9, grove.roots[0][9]}, other = {STR("else"), 10, grove.roots[0][10]},
                      unsigned_here = {four.seats.origin, 10, grove.roots[0][10]};
    struct key_secret stranger;
    uint8_t seed[32] = {9};
    struct hash root;
    uint64_t size;

    checkpoint_sign(&note, &odd, &four.log[0]);
    CHECK_INT(head_peek(&four.seats, buf_str(&note), &size, &root, &why), ERR_INPUT);
    buf_clear(&note);
    checkpoint_sign(&note, &other, &four.log[0]);
    CHECK_INT(head_read(&four.seats, buf_str(&note), NULL, &a, &why), ERR_INPUT);
    key_secret_init(&stranger, seed);
    buf_clear(&note);
    checkpoint_sign(&note, &unsigned_here, &stranger);
    CHECK_INT(head_peek(&four.seats, buf_str(&note), &size, &root, &why), OK);
    CHECK_INT(size, 10);
    CHECK_INT(head_read(&four.seats, buf_str(&note), NULL, &a, &why), ERR_INPUT);
    CHECK(strstr(why.text, "no line of a known key") != NULL);
    key_secret_done(&stranger);
}

static void lines_alone_are_read_for_the_head_that_was_asked_about(void)
{
    AUTO(buf_done) struct buf note = {0}, lines = {0};

    must(head_read(&four.seats, sign(&note, 1, 10, 1000), NULL, &a, &why) == OK);
    head_add_lines(&four.seats, &a, &lines);
    must(head_read_lines(&four.seats, 10, &grove.roots[0][10], buf_str(&lines), NULL, &b, &why) == OK);
    CHECK(memcmp(&a, &b, sizeof a) == 0);
    CHECK_INT(head_read_lines(&four.seats, 12, &grove.roots[0][12], buf_str(&lines), NULL, &b, &why), ERR_INPUT);
    CHECK_INT(head_read_lines(&four.seats, 10, &grove.roots[1][10], STR(""), NULL, &b, &why), OK);
    CHECK(!head_has_line(&b, 1) && b.first == HEAD_NOBODY);
    /* A text in front would make the lines those of another head. */
    CHECK_INT(head_read_lines(&four.seats, 12, &grove.roots[0][12], buf_str(&note), NULL, &b, &why), ERR_INPUT);
    buf_clear(&lines);
    buf_add_char(&lines, '\n');
    CHECK_INT(head_read_lines(&four.seats, 10, &grove.roots[0][10], buf_str(&lines), NULL, &b, &why), ERR_INPUT);
}

static void the_earlier_of_two_cosignatures_is_kept(void)
{
    AUTO(buf_done) struct buf note = {0};

    must(head_read(&four.seats, sign(&note, 1, 10, 1000), NULL, &a, &why) == OK);
    must(head_read(&four.seats, sign(&note, 1, 10, 900), NULL, &b, &why) == OK);
    c = a;
    CHECK(head_merge(&a, &b));
    CHECK_INT(head_time_s(&a.of[1]), 900);
    CHECK(!head_merge(&b, &c));
    CHECK_INT(head_time_s(&b.of[1]), 900);
}

int main(void)
{
    signers_init(&four, 4, 4);
    grove_init(&grove, 100);
    RUN(a_seating_refuses_doubled_and_misnamed_keys);
    RUN(lines_of_many_nodes_become_one_note);
    RUN(a_member_counts_once_however_many_nodes_sign);
    RUN(a_note_never_has_more_lines_than_a_reader_takes);
    RUN(a_bad_line_of_a_known_key_spoils_the_note_and_changes_nothing);
    RUN(heads_of_other_logs_and_odd_sizes_are_refused);
    RUN(lines_alone_are_read_for_the_head_that_was_asked_about);
    RUN(the_earlier_of_two_cosignatures_is_kept);
    signers_done(&four);
    return t_done();
}
