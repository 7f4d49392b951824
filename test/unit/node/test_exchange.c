/* test_exchange.c - the texts between nodes: what is written is read, what does not fit is refused.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "node/exchange.h"

#include "signers.h"
#include "t.h"

static struct signers s;
static struct grove grove;
static struct buf note, lines;
static struct why why;

static void a_round_takes_a_note_and_nothing_else(void)
{
    AUTO(buf_done) struct buf large = {0};

    CHECK_INT(exchange_read_round(buf_str(&note), &why), OK);
    CHECK_INT(exchange_read_round(STR(""), &why), ERR_INPUT);
    CHECK_INT(exchange_read_round(buf_str(&lines), &why), ERR_INPUT);
    CHECK_INT(exchange_read_round(str_first(buf_str(&note), note.n - 1), &why), ERR_INPUT);
    while (large.n <= EXCHANGE_BODY_MAX) buf_add_str(&large, buf_str(&lines));
    CHECK_INT(exchange_read_round(buf_str(&large), &why), ERR_TOO_LARGE);
}

static void each_status_has_its_body(void)
{
    struct exchange_answer a;

    for (unsigned kind = EXCHANGE_LINES; kind <= EXCHANGE_EARLY; kind++) {
        struct str body = kind == EXCHANGE_LINES ? buf_str(&lines) : buf_str(&note);
        struct str wrong = kind == EXCHANGE_LINES ? buf_str(&note) : buf_str(&lines);
        int status = exchange_status((enum exchange_kind)kind);
        must(exchange_read_answer(status, body, &a, &why) == OK);
        CHECK_INT(a.kind, kind);
        CHECK_STR(a.body, body);
        CHECK_INT(exchange_read_answer(status, wrong, &a, &why), ERR_NET);
        CHECK_INT(exchange_read_answer(status, STR(""), &a, &why), kind == EXCHANGE_LARGER ? ERR_NET : OK);
        CHECK_INT(exchange_read_answer(status, str_first(body, body.n - 1), &a, &why), ERR_NET);
    }
    CHECK_INT(exchange_read_answer(500, STR(""), &a, &why), ERR_NET);
    CHECK(strstr(why.text, "500") != NULL);
    CHECK_INT(exchange_read_answer(0, STR(""), &a, &why), ERR_NET);
}

static void more_lines_than_a_note_holds_are_refused(void)
{
    AUTO(buf_done) struct buf many = {0};
    struct exchange_answer a;
    struct str line = str_first(buf_str(&lines), str_find(buf_str(&lines), '\n') + 1);

    for (int i = 0; i < NOTE_SIGNATURES_MAX; i++) buf_add_str(&many, line);
    CHECK_INT(exchange_read_answer(200, buf_str(&many), &a, &why), OK);
    buf_add_str(&many, line);
    CHECK_INT(exchange_read_answer(200, buf_str(&many), &a, &why), ERR_NET);
}

static void a_head_is_asked_for_with_or_without_a_key(void)
{
    AUTO(buf_done) struct buf target = {0};
    struct exchange_query q = {true, 0x00c0ffee};
    struct str rest;

    exchange_add_target(&target, &q);
    CHECK_STR(buf_str(&target), STR("/peer/v1/head?key=00c0ffee"));
    rest = buf_str(&target);
    (void)str_cut(&rest, '?');
    q = (struct exchange_query){0};
    must(exchange_read_query(rest, &q, &why) == OK);
    CHECK(q.has_key && q.key == 0x00c0ffee);
    must(exchange_read_query(STR(""), &q, &why) == OK);
    CHECK(!q.has_key);
    buf_clear(&target);
    exchange_add_target(&target, &q);
    CHECK_STR(buf_str(&target), STR("/peer/v1/head"));
    CHECK_INT(exchange_read_query(STR("key=00c0ffe"), &q, &why), ERR_INPUT);
    CHECK_INT(exchange_read_query(STR("key=00c0ffexx"), &q, &why), ERR_INPUT);
    CHECK_INT(exchange_read_query(STR("key=00c0ffee&x=1"), &q, &why), ERR_INPUT);
    CHECK_INT(exchange_read_query(STR("size=1"), &q, &why), ERR_INPUT);
}

static void no_head_is_an_answer_too(void)
{
    struct str got = STR("x");

    CHECK_INT(exchange_read_head(404, STR("whatever"), &got, &why), OK);
    CHECK_INT(got.n, 0);
    CHECK_INT(exchange_read_head(200, buf_str(&note), &got, &why), OK);
    CHECK_STR(got, buf_str(&note));
    CHECK_INT(exchange_read_head(200, buf_str(&lines), &got, &why), ERR_NET);
    CHECK_INT(exchange_read_head(503, buf_str(&note), &got, &why), ERR_NET);
}

int main(void)
{
    static struct head h;

    signers_init(&s, 2, 2);
    grove_init(&grove, 100);
    signers_sign(&s, 0, 8, &grove.roots[0][8], 7, &note);
    must(head_read(&s.seats, buf_str(&note), NULL, &h, &why) == OK);
    head_add_lines(&s.seats, &h, &lines);
    RUN(a_round_takes_a_note_and_nothing_else);
    RUN(each_status_has_its_body);
    RUN(more_lines_than_a_note_holds_are_refused);
    RUN(a_head_is_asked_for_with_or_without_a_key);
    RUN(no_head_is_an_answer_too);
    buf_done(&note);
    buf_done(&lines);
    signers_done(&s);
    return t_done();
}
