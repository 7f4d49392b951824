/* test_subscription.c - what a put of a subscription is read as; availability and constraints as well.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "api/subscription.h"

#include "api/availability.h"
#include "api/constraint.h"
#include "base/instant.h"
#include "t.h"

#define ID "5f0c1c52-5d6f-4d0c-9a33-0d8e3c5a1b2c"
#define VOLUME                                                                                     \
    "{\"volume\":{\"outline_circle\":{\"center\":{\"lat\":-56,\"lng\":178},\"radius\":"            \
    "{\"value\":50,\"units\":\"M\"}}}%s}"

static struct json_parser *parser;
static struct volume_reader reader;
static struct arena arena;
static struct why why;
static struct change change;
static int64_t now_us;
static struct subscription_input in;

static struct json_node parse(const char *text)
{
    struct json_node body = {0};
    why = (struct why){0};
    CHECK(json_read(parser, str_of(text), &body, &why) == OK);
    return body;
}

static void add_time(struct buf *to, const char *name, int64_t from_now_us)
{
    buf_addf(to, ",\"%s\":{\"value\":\"", name);
    instant_add(to, now_us + from_now_us);
    buf_addf(to, "\",\"format\":\"RFC3339\"}");
}

#define ABSENT INT64_MIN

/* Offsets from now. */
static enum err read(int64_t start_us, int64_t end_us, const char *flags)
{
    struct buf times = {0};
    struct buf text = {0};
    if (start_us != ABSENT) add_time(&times, "time_start", start_us);
    if (end_us != ABSENT) add_time(&times, "time_end", end_us);
    buf_addf(&text, "{\"uss_base_url\":\"https://x\",\"extents\":" VOLUME "%s}", buf_z(&times),
             flags);
    enum err err = subscription_read(&in, parse(buf_z(&text)), &reader, &arena, &change, &why);
    buf_done(&text);
    buf_done(&times);
    return err;
}

#define OIRS ",\"notify_for_operational_intents\":true"

static void omitted_times_are_now_and_a_day_later(void)
{
    CHECK_INT(read(ABSENT, ABSENT, OIRS), OK);
    CHECK_INT(change.vol.box.starts_us, now_us);
    CHECK_INT(change.vol.box.ends_us, now_us + INSTANT_DAY);
    CHECK(change.for_intents && !change.for_constraints && !change.has_base);
    CHECK_INT(read(INSTANT_HOUR, ABSENT, OIRS), OK);
    CHECK_INT(change.vol.box.ends_us, now_us + INSTANT_HOUR + INSTANT_DAY);
}

static void an_update_keeps_omitted_times(void)
{
    in.version = STR("abcdefghijklmnopqrstuv");
    in.has_old = true;
    in.old = (struct box){now_us - 10 * INSTANT_HOUR, now_us + 3 * INSTANT_HOUR, 0, 0};
    CHECK_INT(read(ABSENT, ABSENT, OIRS), OK);
    CHECK_INT(change.vol.box.starts_us, in.old.starts_us);
    CHECK_INT(change.vol.box.ends_us, in.old.ends_us);
    CHECK(change.has_base && change.base == hash_digest(in.version));
    CHECK_INT(read(ABSENT, 15 * INSTANT_HOUR, OIRS), ERR_INPUT); /* 25 h in all. */
    in.version = STR("");
    in.has_old = false;
}

static void a_start_may_lie_five_minutes_back(void)
{
    CHECK_INT(read(-5 * INSTANT_MINUTE, ABSENT, OIRS), OK);
    CHECK_INT(read(-5 * INSTANT_MINUTE - 1, ABSENT, OIRS), ERR_INPUT);
}

static void a_day_is_the_limit(void)
{
    CHECK_INT(read(0, INSTANT_DAY, OIRS), OK);
    CHECK_INT(read(0, INSTANT_DAY + 1, OIRS), ERR_INPUT);
    CHECK_INT(read(INSTANT_HOUR, INSTANT_HOUR, OIRS), ERR_INPUT);
    CHECK_INT(read(INSTANT_HOUR, 0, OIRS), ERR_INPUT);
}

static void one_flag_at_least(void)
{
    CHECK_INT(read(ABSENT, ABSENT, ""), ERR_INPUT);
    CHECK_INT(read(ABSENT, ABSENT, ",\"notify_for_constraints\":true"), OK);
    CHECK(change.for_constraints && !change.for_intents);
    CHECK_INT(read(ABSENT, ABSENT, ",\"notify_for_constraints\":\"true\""), ERR_INPUT);
}

static void the_placeholder_is_no_id(void)
{
    in.id = STR("00000000-0000-4000-8000-000000000000");
    CHECK_INT(read(ABSENT, ABSENT, OIRS), ERR_INPUT);
    in.id = STR("{00000000-0000-4000-8000-000000000000}");
    CHECK_INT(read(ABSENT, ABSENT, OIRS), ERR_INPUT);
    in.id = STR(ID);
}

static void a_constraint_needs_times_but_no_heights(void)
{
    struct buf times = {0};
    struct buf text = {0};
    add_time(&times, "time_start", 0);
    add_time(&times, "time_end", INSTANT_HOUR);
    buf_addf(&text, "{\"uss_base_url\":\"https://x\",\"key\":[],\"extents\":[" VOLUME "]}",
             buf_z(&times));
    CHECK_INT(constraint_read(STR(ID), STR(""), false, now_us, parse(buf_z(&text)), &reader, &arena,
                              &change, &why),
              OK);
    CHECK(change.kind == CHANGE_CONSTRAINT_PUT && !change.has_base);
    CHECK_INT(constraint_read(STR(ID), STR("o"), false, now_us + 2 * INSTANT_HOUR,
                              parse(buf_z(&text)), &reader, &arena, &change, &why),
              ERR_INPUT);
    buf_clear(&text);
    buf_addf(&text, "{\"uss_base_url\":\"https://x\",\"extents\":[" VOLUME "]}", "");
    CHECK_INT(constraint_read(STR(ID), STR(""), false, now_us, parse(buf_z(&text)), &reader, &arena,
                              &change, &why),
              ERR_INPUT);
    buf_done(&times);
    buf_done(&text);
}

static void availability_is_read_in_any_case(void)
{
    CHECK_INT(availability_read(STR("uss1"), parse("{\"availability\":\"dOwN\"}"), &arena, &change,
                                &why),
              OK);
    CHECK(change.availability == USS_DOWN && !change.has_base);
    CHECK_STR(change.uss, STR("uss1"));
    CHECK_INT(availability_read(STR("uss1"),
                                parse("{\"availability\":\"\",\"old_version\":\"v\"}"), &arena,
                                &change, &why),
              OK);
    CHECK(change.availability == USS_UNKNOWN && change.has_base);
    CHECK_INT(availability_read(STR("uss1"), parse("{\"availability\":\"pUrPlE\"}"), &arena,
                                &change, &why),
              ERR_INPUT);
    CHECK_INT(availability_read(STR(""), parse("{}"), &arena, &change, &why), ERR_INPUT);
}

int main(void)
{
    parser = json_parser_new();
    CHECK(instant_parse(STR("2026-01-01T09:00:00.000001Z"), &now_us));
    in = (struct subscription_input){.id = STR(ID), .now_us = now_us};
    RUN(omitted_times_are_now_and_a_day_later);
    RUN(an_update_keeps_omitted_times);
    RUN(a_start_may_lie_five_minutes_back);
    RUN(a_day_is_the_limit);
    RUN(one_flag_at_least);
    RUN(the_placeholder_is_no_id);
    RUN(a_constraint_needs_times_but_no_heights);
    RUN(availability_is_read_in_any_case);
    json_parser_free(parser);
    volume_reader_done(&reader);
    arena_done(&arena);
    return t_done();
}
