/* test_party.c - what a participant sends, and what it reads from answers.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "cli/party.h"

#include <math.h>

#include "base/instant.h"
#include "cli/args.h"
#include "t.h"

static struct json_node at(struct json_node v, const char *a, const char *b)
{
    v = json_member(v, a);
    return b ? json_member(v, b) : v;
}

struct first {
    struct json_node v;
};

static enum err take_first(void *context, size_t i, struct json_node v)
{
    if (i == 0) ((struct first *)context)->v = v;
    return OK;
}

static struct json_node first_of(struct json_node array)
{
    struct first f = {{0}};
    (void)json_each(array, take_first, &f);
    return f.v;
}

static struct str text_of(struct json_node v)
{
    struct str text = {0};
    (void)json_get_string(v, &text);
    return text;
}

static double number_of(struct json_node v)
{
    double number = NAN;
    (void)json_get_double(v, &number);
    return number;
}

static void an_intent_is_sent_as_f3548_wants_it(void)
{
    const struct leg legs[2] = {
        {.outer = {{52, -32}, {52, -31.5}, {52.5, -31.5}, {52.5, -32}}, .outer_box = {INSTANT_HOUR, 2 * INSTANT_HOUR, -1500, 3000001}},
        {.outer = {{52, -32}, {52, -31.5}, {52.5, -31.5}, {52.5, -32}}, .outer_box = {INSTANT_HOUR, 2 * INSTANT_HOUR, 0, 1000}},
    };
    const struct str key[] = {STR("ovn-1"), STR("a \"quoted\" one")};
    const struct plan plan = {.legs = legs, .n_legs = 2, .key = key, .n_key = 2, .base_url = STR("https://uss.example"), .wants_notices = true};
    struct json_parser *parser = json_parser_new();
    struct buf body = {0};
    struct json_node root, volume, vertex;
    struct why why;

    party_intent_body(&body, &plan);
    if (!CHECK_INT(json_read(parser, buf_str(&body), &root, &why), OK)) return;
    CHECK_INT(json_size(at(root, "extents", NULL)), 2);
    volume = first_of(at(root, "extents", NULL));
    CHECK_STR(text_of(at(volume, "time_start", "value")), STR("1970-01-01T01:00:00Z"));
    CHECK_STR(text_of(at(volume, "time_start", "format")), STR("RFC3339"));
    CHECK(number_of(at(at(volume, "volume", "altitude_lower"), "value", NULL)) == -1.5);
    CHECK(number_of(at(at(volume, "volume", "altitude_upper"), "value", NULL)) == 3000.001);
    CHECK_STR(text_of(at(at(volume, "volume", "altitude_upper"), "reference", NULL)), STR("W84"));
    CHECK_STR(text_of(at(at(volume, "volume", "altitude_upper"), "units", NULL)), STR("M"));
    CHECK_INT(json_size(at(at(volume, "volume", "outline_polygon"), "vertices", NULL)), 4);
    vertex = first_of(at(at(volume, "volume", "outline_polygon"), "vertices", NULL));
    CHECK(number_of(at(vertex, "lat", NULL)) == 52 && number_of(at(vertex, "lng", NULL)) == -32);
    CHECK_INT(json_size(at(root, "key", NULL)), 2);
    CHECK_STR(text_of(first_of(at(root, "key", NULL))), STR("ovn-1"));
    CHECK_STR(text_of(at(root, "state", NULL)), STR("Accepted"));
    CHECK_STR(text_of(at(root, "new_subscription", "uss_base_url")), STR("https://uss.example"));
    json_parser_free(parser);
    buf_done(&body);
}

static void an_ovn_of_any_characters_is_one_segment_of_the_path(void)
{
    struct buf path = {0};
    struct id id = {UINT64_C(0x1111111111114111), UINT64_C(0x8111111111111111)};
    party_intent_path(&path, id, STR("a/b?c d+\xC3\xA9_-."));
    CHECK_STR(buf_str(&path), STR("/dss/v1/operational_intent_references/11111111-1111-4111-8111-111111111111/a%2Fb%3Fc%20d%2B%C3%A9_-."));
    buf_clear(&path);
    party_intent_path(&path, id, STR(""));
    CHECK_STR(buf_str(&path), STR("/dss/v1/operational_intent_references/11111111-1111-4111-8111-111111111111"));
    buf_done(&path);
}

/* A party that has just had this answer. */
static void answer(struct party *p, int status, const char *body)
{
    struct why why;
    party_init(p, "uss1", "http://127.0.0.1:1//", NULL, STR(""));
    p->status = status;
    buf_add_str(&p->body, str_of(body));
    if (body[0] == '{') CHECK_INT(json_read(p->parser, buf_str(&p->body), &p->root, &why), OK);
}

struct seen {
    size_t n_intents, n_constraints, n_notices;
    int64_t last_index;
    char manager[16], url[32];
};

static enum err see_missing(void *context, const struct missing *m)
{
    struct seen *s = context;
    s->n_intents += !m->is_constraint;
    s->n_constraints += m->is_constraint;
    (void)snprintf(s->manager, sizeof s->manager, "%.*s", STR_ARG(m->manager));
    return OK;
}

static enum err see_notice(void *context, struct str url, struct str subscription, int64_t index)
{
    struct seen *s = context;
    s->n_notices += subscription.n == 36;
    s->last_index = index;
    (void)snprintf(s->url, sizeof s->url, "%.*s", STR_ARG(url));
    return OK;
}

static void a_conflict_names_intents_and_constraints(void)
{
    struct party p;
    struct seen s = {0};
    struct why why;
    answer(&p, 409,
           "{\"message\":\"no\",\"missing_operational_intents\":[{\"id\":\"11111111-1111-4111-8111-111111111111\",\"manager\":\"uss2\"},{\"id\":\"bad\"}],"
           "\"missing_constraints\":[{\"id\":\"21111111-1111-4111-8111-111111111111\",\"manager\":\"cm\"}]}");
    CHECK_INT(party_n_missing(&p), 3);
    CHECK_INT(party_each_missing(&p, see_missing, &s), OK);
    CHECK_INT(s.n_intents, 1); /* What has no id cannot be looked up. */
    CHECK_INT(s.n_constraints, 1);
    CHECK_STR(str_of(s.manager), STR("cm"));
    CHECK_INT(party_refused(&p, &why), ERR_CONFLICT);
    CHECK(strstr(why.text, "uss1 is answered 409: no") != NULL);
    party_done(&p);
}

static void an_acceptance_names_whom_to_tell(void)
{
    struct party p;
    struct seen s = {0};
    answer(&p, 201,
           "{\"subscribers\":[{\"uss_base_url\":\"https://a.example\",\"subscriptions\":[{\"subscription_id\":\"11111111-1111-4111-8111-111111111111\","
           "\"notification_index\":7}]}],\"operational_intent_reference\":{\"ovn\":\"abc\",\"version\":2}}");
    CHECK_STR(party_reference_text(&p, "ovn"), STR("abc"));
    CHECK_INT(party_reference_number(&p, "version"), 2);
    CHECK_STR(party_reference_text(&p, "none"), STR(""));
    CHECK_INT(party_each_notice(&p, see_notice, &s), OK);
    CHECK_INT(s.n_notices, 1);
    CHECK_INT(s.last_index, 7);
    CHECK_STR(str_of(s.url), STR("https://a.example"));
    CHECK_INT(party_n_missing(&p), 0);
    party_done(&p);
}

static void answers_that_are_no_json_are_refusals_all_the_same(void)
{
    static const struct {
        int status;
        enum err err;
    } cases[] = {{401, ERR_TOKEN}, {403, ERR_RIGHTS}, {404, ERR_NOT_FOUND}, {412, ERR_STATE}, {502, ERR_UNAVAILABLE}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct party p;
        struct why why;
        answer(&p, cases[i].status, "<html>");
        CHECK_INT(party_refused(&p, &why), cases[i].err);
        CHECK(strstr(why.text, "<html>") != NULL);
        CHECK_STR(party_reference_text(&p, "ovn"), STR(""));
        party_done(&p);
    }
}

static void nobody_there_is_an_error_of_the_network(void)
{
    struct party p;
    struct why why;
    party_init(&p, "uss1", "http://127.0.0.1:1", NULL, STR(""));
    CHECK_INT(party_send(&p, "GET", STR("/"), STR(""), &why), ERR_NET);
    CHECK_INT(exit_of(ERR_NET), EXIT_CANNOT_TELL);
    party_done(&p);
}

int main(void)
{
    RUN(an_intent_is_sent_as_f3548_wants_it);
    RUN(an_ovn_of_any_characters_is_one_segment_of_the_path);
    RUN(a_conflict_names_intents_and_constraints);
    RUN(an_acceptance_names_whom_to_tell);
    RUN(answers_that_are_no_json_are_refusals_all_the_same);
    RUN(nobody_there_is_an_error_of_the_network);
    return t_done();
}
