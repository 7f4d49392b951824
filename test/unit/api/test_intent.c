/* test_intent.c - what a put of an operational intent is read as, and in which order its faults are found.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "api/intent.h"

#include <stdlib.h>

#include "api/auth.h"
#include "base/instant.h"
#include "t.h"

#define ID "5f0c1c52-5d6f-4d0c-9a33-0d8e3c5a1b2c"
#define OVN "abcdefghijklmnopqrstuv"
#define TIME(value) "{\"value\":\"" value "\",\"format\":\"RFC3339\"}"
#define ALT(value) "{\"value\":" value ",\"reference\":\"W84\",\"units\":\"M\"}"
#define EXTENTS                                                                                    \
    "\"extents\":[{\"volume\":{\"outline_circle\":{\"center\":{\"lat\":-56,\"lng\":178},"          \
    "\"radius\":{\"value\":50,\"units\":\"M\"}},\"altitude_lower\":" ALT("0") ",\"altitude_upper\"" \
    ":" ALT("120") "},\"time_start\":" TIME("2026-01-01T10:00:00Z") ",\"time_end\":" TIME(          \
        "2026-01-01T11:00:00Z") "}]"
#define URL "\"uss_base_url\":\"https://uss1.example\""

static struct json_parser *parser;
static struct volume_reader reader;
static struct arena arena;
static struct why why;
static struct change change;
static const struct str *key;
static size_t n_key;
static int64_t now_us;

static struct intent_input input(const char *ovn)
{
    return (struct intent_input){
        .id = STR(ID), .ovn = str_of(ovn), .scopes = SCOPE_SC, .now_us = now_us};
}

static enum err read_with(const struct intent_input *in, const char *text)
{
    struct json_node body = {0};
    why = (struct why){0};
    if (!CHECK(json_read(parser, str_of(text), &body, &why) == OK)) return ERR_INTERNAL;
    return intent_read(in, body, &reader, &arena, &change, &key, &n_key, &why);
}

static enum err read(const char *ovn, const char *text)
{
    struct intent_input in = input(ovn);
    return read_with(&in, text);
}

static void a_create_has_no_base_and_all_its_members(void)
{
    CHECK_INT(read("", "{" EXTENTS ",\"state\":\"Accepted\"," URL ",\"key\":[\"one\",\"two\"],"
                       "\"old_version\":0}"),
              OK);
    CHECK(change.kind == CHANGE_INTENT_PUT && !change.has_base && change.attach == ATTACH_NONE);
    CHECK(change.state == INTENT_ACCEPTED);
    CHECK_STR(change.url, STR("https://uss1.example"));
    CHECK(change.vol.n_cells >= 1);
    CHECK_INT(change.vol.box.ceil_mm, 120000);
    CHECK_INT(change.vol.box.ends_us - change.vol.box.starts_us, INSTANT_HOUR);
    CHECK_INT(n_key, 2);
    CHECK_STR(key[1], STR("two"));
}

static void an_update_names_its_base(void)
{
    CHECK_INT(read(OVN, "{" EXTENTS ",\"state\":\"Accepted\"," URL "}"), OK);
    CHECK(change.has_base && change.base == hash_digest(STR(OVN)));
    CHECK_INT(n_key, 0);
}

static void two_writes_never_get_the_same_ovn(void)
{
    char one[CHANGE_TOKEN_MAX], other[CHANGE_TOKEN_MAX];
    CHECK_INT(read("", "{" EXTENTS ",\"state\":\"Accepted\"," URL "}"), OK);
    size_t n_one = change_token(&change, one);
    CHECK_INT(read("", "{" EXTENTS ",\"state\":\"Accepted\"," URL "}"), OK);
    size_t n_other = change_token(&change, other);
    CHECK(n_one >= 16 && n_other >= 16);
    CHECK(!str_equal(str_make(one, n_one), str_make(other, n_other)));
}

static void a_new_subscription_gets_an_id_of_its_own(void)
{
    CHECK_INT(read("", "{" EXTENTS ",\"state\":\"Accepted\"," URL ",\"new_subscription\":"
                       "{\"uss_base_url\":\"https://sub.example\",\"notify_for_constraints\":true}}"),
              OK);
    CHECK(change.attach == ATTACH_NEW && id_version(change.attach_id) == 4);
    CHECK_STR(change.attach_url, STR("https://sub.example"));
    CHECK(change.attach_constraints);
}

static void an_existing_subscription_is_named(void)
{
    CHECK_INT(read(OVN, "{" EXTENTS ",\"state\":\"Activated\"," URL
                        ",\"subscription_id\":\"{5F0C1C52-5D6F-4D0C-9A33-0D8E3C5A1B2D}\"}"),
              OK);
    CHECK(change.attach == ATTACH_EXISTING);
    CHECK(change.attach_id.hi == UINT64_C(0x5f0c1c525d6f4d0c));
    CHECK_INT(read("", "{" EXTENTS ",\"state\":\"Accepted\"," URL ",\"subscription_id\":\"\"}"), OK);
    CHECK(change.attach == ATTACH_NONE);
}

/* In the order of f3548-dss.md 6.2, step A: with two faults the first one is told. */
static const struct {
    const char *ovn;
    const char *text;
    const char *says;
} refusals[] = {
    {"", "{" EXTENTS ",\"state\":\"Wrong\"}", "uss_base_url: must not be empty"},
    {"", "{" EXTENTS ",\"state\":\"Wrong\"," URL ",\"subscription_id\":\"a0\"}",
     "subscription_id: 'a0' is not a version 4 UUID"},
    {"", "{" EXTENTS ",\"state\":\"Accepted\"," URL ",\"new_subscription\":{}}",
     "new_subscription.uss_base_url: must not be empty"},
    {"", "{" EXTENTS ",\"state\":\"Accepted\"," URL ",\"subscription_id\":\"\",\"new_subscription\":"
         "{\"uss_base_url\":\"https://x\"}}",
     "subscription_id and new_subscription exclude each other"},
    {"", "{" EXTENTS ",\"state\":\"Accepted\",\"uss_base_url\":\"http://uss1.example\"}",
     "uss_base_url: must begin with https://"},
    {"", "{" EXTENTS ",\"state\":\"Accepted\"," URL ",\"new_subscription\":{\"uss_base_url\":"
         "\"http://x\"}}",
     "new_subscription.uss_base_url: must begin with https://"},
    {"", "{\"extents\":{},\"state\":\"Ended\"," URL "}", "state: 'Ended' is not"},
    {"", "{\"extents\":{},\"state\":\"Accepted\"," URL "}", "extents: must be an array"},
    {"", "{\"state\":\"Accepted\"," URL "}", "extents: must be an array"},
    {"", "{" EXTENTS ",\"state\":\"Activated\"," URL "}",
     "state: a new operational intent must be Accepted"},
    {OVN, "{" EXTENTS ",\"state\":\"Activated\"," URL ",\"requested_ovn_suffix\":\"\"}",
     "requested_ovn_suffix: must be a version 7 UUID"},
    {OVN, "{" EXTENTS ",\"state\":\"Activated\"," URL "}",
     "subscription_id or new_subscription is needed"},
    {"", "{" EXTENTS ",\"state\":\"Accepted\"," URL ",\"key\":{}}", "key: must be an array"},
    {"", "{" EXTENTS ",\"state\":\"Accepted\"," URL ",\"key\":[\"a\",1]}",
     "key[1]: must be a string"},
    {"", "{" EXTENTS ",\"state\":1," URL "}", "state: must be a string"},
};

static void faults_are_named_in_the_documented_order(void)
{
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        if (!CHECK_INT(read(refusals[i].ovn, refusals[i].text), ERR_INPUT)) continue;
        CHECK_STR(str_first(str_of(why.text), strlen(refusals[i].says)), str_of(refusals[i].says));
    }
}

static void an_id_must_be_a_version_4_uuid(void)
{
    struct intent_input in = input("");
    in.id = STR("not_uuid_format");
    CHECK_INT(read_with(&in, "{" EXTENTS ",\"state\":\"Accepted\"," URL "}"), ERR_INPUT);
    in.id = STR("0191dc07-2f57-79fd-b021-80456ceb627f"); /* version 7 */
    CHECK_INT(read_with(&in, "{" EXTENTS ",\"state\":\"Accepted\"," URL "}"), ERR_INPUT);
    in.id = STR("urn:uuid:5F0C1C52-5D6F-4D0C-9A33-0D8E3C5A1B2C");
    CHECK_INT(read_with(&in, "{" EXTENTS ",\"state\":\"Accepted\"," URL "}"), OK);
}

static void http_is_for_laboratories(void)
{
    struct intent_input in = input("");
    in.allows_http = true;
    CHECK_INT(read_with(&in, "{" EXTENTS ",\"state\":\"Accepted\",\"uss_base_url\":\"http://x\"}"), OK);
    CHECK_INT(read_with(&in, "{" EXTENTS ",\"state\":\"Accepted\",\"uss_base_url\":\"ftp://x\"}"),
              ERR_INPUT);
}

static void off_nominal_states_need_their_scope(void)
{
    const char *text = "{" EXTENTS ",\"state\":\"Nonconforming\"," URL
                       ",\"new_subscription\":{\"uss_base_url\":\"https://x\"}}";
    struct intent_input in = input(OVN);
    CHECK_INT(read_with(&in, text), ERR_RIGHTS);
    in.scopes = SCOPE_CMSA;
    CHECK_INT(read_with(&in, text), OK);
    in = input(""); /* Parameters come before rights. */
    CHECK_INT(read_with(&in, text), ERR_INPUT);
}

/* The InterUSS DSS's own boundary values (f3548-dss.md 5.2). */
static enum err with_suffix(const char *suffix, const char *now)
{
    char text[1024];
    struct intent_input in = input("");
    (void)snprintf(text, sizeof text,
                   "{%s,\"state\":\"Accepted\",%s,\"requested_ovn_suffix\":\"%s\"}",
                   "\"extents\":[{\"volume\":{\"outline_circle\":{\"center\":{\"lat\":1,\"lng\":1},"
                   "\"radius\":{\"value\":50,\"units\":\"M\"}},\"altitude_lower\":" ALT("0") ","
                   "\"altitude_upper\":" ALT("1") "},\"time_start\":" TIME("2024-09-10T12:00:00Z") ","
                   "\"time_end\":" TIME("2024-09-10T14:00:00Z") "}]", URL, suffix);
    CHECK(instant_parse(str_of(now), &in.now_us));
    return read_with(&in, text);
}

static void a_requested_ovn_is_of_now(void)
{
    const char *early = "0191dc07-2f57-79fd-b021-80456ceb627f";
    const char *late = "0191dc07-8a71-7a12-87ed-9baa6e889874";
    CHECK_INT(with_suffix(early, "2024-09-10T12:57:25Z"), OK);
    CHECK_STR(change.suffix, STR("0191dc07-2f57-79fd-b021-80456ceb627f"));
    CHECK_INT(with_suffix(early, "2024-09-10T12:57:24Z"), ERR_INPUT);
    CHECK_INT(with_suffix(late, "2024-09-10T13:07:47Z"), OK);
    CHECK_INT(with_suffix(late, "2024-09-10T13:07:48Z"), ERR_INPUT);
    CHECK_INT(with_suffix("1ef6f72c-1c51-6b2e-9d0e-325096b39f47", "2024-09-10T13:07:47Z"),
              ERR_INPUT); /* version 6 */
    CHECK_INT(with_suffix("abc", "2024-09-10T13:07:47Z"), ERR_INPUT);
}

static void a_requested_ovn_keeps_its_spelling(void)
{
    char token[CHANGE_TOKEN_MAX];
    CHECK_INT(with_suffix("0191DC07-8A71-7A12-87ED-9BAA6E889874", "2024-09-10T13:05:00Z"), OK);
    CHECK_STR(str_make(token, change_token(&change, token)),
              STR(ID "_0191DC07-8A71-7A12-87ED-9BAA6E889874"));
}

static void an_ended_volume_is_refused(void)
{
    struct intent_input in = input("");
    in.now_us += 2 * INSTANT_HOUR; /* The very end is not past yet. */
    CHECK_INT(read_with(&in, "{" EXTENTS ",\"state\":\"Accepted\"," URL "}"), OK);
    in.now_us += 1;
    CHECK_INT(read_with(&in, "{" EXTENTS ",\"state\":\"Accepted\"," URL "}"), ERR_INPUT);
}

static const struct {
    const char *file;
    enum err want;
} fixtures[] = {
    {"op_400_version1.json", ERR_INPUT},       {"op_404_version1.json", ERR_INPUT},
    {"op_area_too_large_put.json", ERR_INPUT}, {"op_bad_lat_lon_range.json", ERR_INPUT},
    {"op_bad_state_version0.json", ERR_INPUT}, {"op_bad_subscription.json", ERR_INPUT},
    {"op_bad_time_format.json", ERR_INPUT},    {"op_bad_volume.json", ERR_INPUT},
    {"op_big_operation.json", ERR_INPUT},      {"op_end_time_past.json", ERR_INPUT},
    {"op_new_and_existing_subscription.json", ERR_INPUT},
    {"op_request_1.json", OK},                 {"op_request_2.json", ERR_INPUT},
    {"op_uss_base_url_non_tls.json", ERR_INPUT},
};

static void interuss_fixtures_are_judged_as_there(void)
{
    for (size_t i = 0; i < sizeof fixtures / sizeof fixtures[0]; i++) {
        char path[512];
        (void)snprintf(path, sizeof path, "%s/data/dss-requests/%s", t_shared(), fixtures[i].file);
        struct str text = t_read_file(path);
        if (!CHECK(text.at)) continue;
        struct json_node body = {0};
        CHECK(json_read(parser, text, &body, &why) == OK);
        struct intent_input in = input("");
        enum err err = intent_read(&in, body, &reader, &arena, &change, &key, &n_key, &why);
        if (!CHECK_INT(err, fixtures[i].want)) printf("# %s: %s\n", fixtures[i].file, why.text);
        free((void *)(uintptr_t)text.at);
    }
}

int main(void)
{
    parser = json_parser_new();
    CHECK(instant_parse(STR("2026-01-01T09:00:00Z"), &now_us));
    RUN(a_create_has_no_base_and_all_its_members);
    RUN(an_update_names_its_base);
    RUN(two_writes_never_get_the_same_ovn);
    RUN(a_new_subscription_gets_an_id_of_its_own);
    RUN(an_existing_subscription_is_named);
    RUN(faults_are_named_in_the_documented_order);
    RUN(an_id_must_be_a_version_4_uuid);
    RUN(http_is_for_laboratories);
    RUN(off_nominal_states_need_their_scope);
    RUN(a_requested_ovn_is_of_now);
    RUN(a_requested_ovn_keeps_its_spelling);
    RUN(an_ended_volume_is_refused);
    if (t_shared()) {
        RUN(interuss_fixtures_are_judged_as_there);
    } else {
        t_skip("interuss_fixtures_are_judged_as_there", "no shared test data");
    }
    json_parser_free(parser);
    volume_reader_done(&reader);
    arena_done(&arena);
    return t_done();
}
