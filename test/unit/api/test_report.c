/* test_report.c - reports are checked, echoed, and kept without secrets; the access log's line.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "api/report.h"

#include "api/access_log.h"
#include "base/instant.h"
#include "t.h"

static struct json_parser *parser;
static struct why why;

static struct json_node parse(const char *text)
{
    struct json_node body = {0};
    why = (struct why){0};
    CHECK(json_read(parser, str_of(text), &body, &why) == OK);
    return body;
}

#define TIME "{\"value\":\"2026-01-01T00:00:00Z\",\"format\":\"RFC3339\"}"
#define GOOD                                                                                       \
    "{\"exchange\":{\"url\":\"https://x\",\"method\":\"GET\",\"recorder_role\":\"Client\","        \
    "\"request_time\":" TIME ",\"headers\":[\"Accept: */*\",\" AUTHORIZATION: Bearer secret\"],"   \
    "\"response_code\":200,\"odd\":[1.5,null,true,{}]},\"report_id\":\"mine\",\"more\":\"\\u00e9\"}"

static void a_report_needs_its_exchange(void)
{
    CHECK_INT(report_check(parse(GOOD), &why), OK);
    CHECK_INT(report_check(parse("{}"), &why), ERR_INPUT);
    CHECK_STR(str_of(why.text), STR("exchange: must be an object"));
    CHECK_INT(report_check(parse("{\"exchange\":{\"url\":\"https://x\",\"method\":\"GET\","
                                 "\"recorder_role\":\"Judge\",\"request_time\":" TIME "}}"),
                           &why),
              ERR_INPUT);
    CHECK_INT(report_check(parse("{\"exchange\":{\"url\":\"https://x\",\"method\":\"GET\","
                                 "\"recorder_role\":\"Client\"}}"),
                           &why),
              ERR_INPUT);
    CHECK_STR(str_of(why.text), STR("exchange.request_time: is missing"));
}

static void what_an_exchange_may_have_is_of_its_type(void)
{
    static const char *const cases[][2] = {
        {"\"headers\":90", "exchange.headers: must be an array"},
        {"\"headers\":[\"a: b\",1]", "exchange.headers[1]: must be a string"},
        {"\"response_code\":\"500\"", "exchange.response_code: must be a whole number"},
        {"\"request_body\":{}", "exchange.request_body: must be a string"},
        {"\"problem\":false", "exchange.problem: must be a string"},
        {"\"response_time\":{\"value\":\"now\"}", "exchange.response_time.value: 'now' is not an RFC 3339 time"},
        {"\"headers\":null,\"response_code\":null,\"problem\":null,\"response_time\":null", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct buf text = {0};
        buf_addf(&text, "{\"exchange\":{\"url\":\"https://x\",\"method\":\"GET\",\"recorder_role\":\"Client\","
                        "\"request_time\":" TIME ",%s}}", cases[i][0]);
        CHECK_INT(report_check(parse(buf_z(&text)), &why), cases[i][1][0] ? ERR_INPUT : OK);
        CHECK_STR(str_of(why.text), str_of(cases[i][1]));
        buf_done(&text);
    }
}

#define PART_1                                                                                     \
    "{\"report_id\":\"00000000-0000-0001-0000-000000000002\",\"exchange\":{\"url\":\"https://x\"," \
    "\"method\":\"GET\",\"recorder_role\":\"Client\",\"request_time\":" TIME                       \
    ",\"headers\":[\"Accept: */*\""
#define PART_2 "],\"response_code\":200,\"odd\":[1.5,null,true,{}]},\"more\":\"\xC3\xA9\"}"

static void the_echo_is_what_was_sent_with_our_id(void)
{
    struct buf out = {0};
    report_render(parse(GOOD), (struct id){1, 2}, false, &out);
    CHECK_STR(buf_str(&out), STR(PART_1 ",\" AUTHORIZATION: Bearer secret\"" PART_2));
    buf_done(&out);
}

static void no_token_is_kept(void)
{
    struct buf out = {0};
    report_render(parse(GOOD), (struct id){1, 2}, true, &out);
    CHECK_STR(buf_str(&out), STR(PART_1 PART_2));
    buf_done(&out);
}

static void a_line_of_the_access_log_is_one_that_interuss_reads(void)
{
    struct buf out = {0};
    struct access a = {.method = STR("GET"), .path = STR("/dss/\"v1"), .sub = STR("uss1"),
                       .status = 404, .duration_us = 1234, .n_request = 5, .n_response = 67};
    CHECK(instant_parse(STR("2026-11-22T02:03:04.5Z"), &a.start_us));
    access_log_render(&a, &out);
    CHECK_STR(buf_str(&out),
              STR("{\"level\":\"info\",\"msg\":\"GET /dss/\\\"v1 HTTP/1.1\",\"req_sub\":\"uss1\","
                  "\"resp_status_code\":404,\"start_time\":\"2026-11-22T02:03:04.5Z\","
                  "\"duration\":\"1.234ms\",\"req_bytes\":5,\"resp_bytes\":67}\n"));
    buf_done(&out);
}

int main(void)
{
    parser = json_parser_new();
    RUN(a_report_needs_its_exchange);
    RUN(what_an_exchange_may_have_is_of_its_type);
    RUN(the_echo_is_what_was_sent_with_our_id);
    RUN(no_token_is_kept);
    RUN(a_line_of_the_access_log_is_one_that_interuss_reads);
    json_parser_free(parser);
    return t_done();
}
