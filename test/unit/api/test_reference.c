/* test_reference.c - references, subscriptions and subscriber lists as JSON.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "api/reference.h"

#include "base/instant.h"
#include "t.h"

static struct arena arena;

static struct entity an_intent(void)
{
    struct entity e = {
        .id = {UINT64_C(0x0123456789ab4def), UINT64_C(0x8123456789abcdef)},
        .kind = ENTITY_INTENT,
        .manager = STR("uss1"),
        .url = STR("https://uss1.example/a?b=\"c\""),
        .token = STR("abcdefghijklmnopqrstuv"),
        .version = 3,
        .state = INTENT_ACTIVATED,
    };
    CHECK(instant_parse(STR("2026-11-22T02:03:04.5Z"), &e.box.starts_us));
    CHECK(instant_parse(STR("2026-11-22T03:00:00Z"), &e.box.ends_us));
    return e;
}

/* The availability is given, so that no state is needed. */
static struct reference_writer a_writer(struct buf *to, struct str caller)
{
    return (struct reference_writer){.to = to, .caller = caller, .manager = STR("uss1"),
                                     .availability = USS_NORMAL, .has_manager = true};
}

#define HEAD                                                                                       \
    "{\"id\":\"01234567-89ab-4def-8123-456789abcdef\",\"manager\":\"uss1\","                       \
    "\"uss_availability\":\"Normal\",\"version\":3"
#define TAIL                                                                                       \
    "\",\"time_start\":{\"value\":\"2026-11-22T02:03:04.5Z\",\"format\":\"RFC3339\"},"             \
    "\"time_end\":{\"value\":\"2026-11-22T03:00:00Z\",\"format\":\"RFC3339\"},"                    \
    "\"uss_base_url\":\"https://uss1.example/a?b=\\\"c\\\"\""

static void an_intent_has_f3548s_members(void)
{
    struct entity e = an_intent();
    struct buf body = {0};
    struct reference_writer w = a_writer(&body, STR("uss1"));
    reference_add(&w, &e);
    CHECK_STR(buf_str(&body),
              STR(HEAD ",\"state\":\"Activated\",\"ovn\":\"abcdefghijklmnopqrstuv" TAIL
                       ",\"subscription_id\":\"00000000-0000-4000-8000-000000000000\"}"));
    buf_done(&body);
}

static void an_ovn_is_hidden_from_others(void)
{
    struct entity e = an_intent();
    struct buf body = {0};
    struct reference_writer w = a_writer(&body, STR("uss2"));
    e.subscription = (struct id){1, 2};
    reference_add(&w, &e);
    CHECK_STR(buf_str(&body), STR(HEAD ",\"state\":\"Activated\",\"ovn\":\"Available from USS" TAIL
                                       ",\"subscription_id\":"
                                       "\"00000000-0000-0001-0000-000000000002\"}"));
    buf_done(&body);
}

static void a_constraint_has_no_state_and_no_subscription(void)
{
    struct entity e = an_intent();
    struct buf body = {0};
    struct reference_writer w = a_writer(&body, STR("uss1"));
    const struct entity *list[2] = {&e, &e};
    e.kind = ENTITY_CONSTRAINT;
    reference_add_list(&w, list, 2);
    CHECK_STR(buf_str(&body), STR("[" HEAD ",\"ovn\":\"abcdefghijklmnopqrstuv" TAIL "}," HEAD
                                  ",\"ovn\":\"abcdefghijklmnopqrstuv" TAIL "}]"));
    buf_clear(&body);
    reference_add_list(&w, list, 0);
    CHECK_STR(buf_str(&body), STR("[]"));
    buf_done(&body);
}

static void a_subscription_lists_its_dependents(void)
{
    struct entity e = an_intent();
    struct buf body = {0};
    const struct id ids[2] = {{1, 2}, {3, 4}};
    e.kind = ENTITY_SUBSCRIPTION;
    e.for_constraints = true;
    reference_add_subscription(&body, &e, 7, ids, 2);
    CHECK_STR(buf_str(&body),
              STR("{\"id\":\"01234567-89ab-4def-8123-456789abcdef\","
                  "\"version\":\"abcdefghijklmnopqrstuv\",\"notification_index\":7,"
                  "\"time_start\":{\"value\":\"2026-11-22T02:03:04.5Z\",\"format\":\"RFC3339\"},"
                  "\"time_end\":{\"value\":\"2026-11-22T03:00:00Z\",\"format\":\"RFC3339\"},"
                  "\"uss_base_url\":\"https://uss1.example/a?b=\\\"c\\\"\","
                  "\"notify_for_operational_intents\":false,\"notify_for_constraints\":true,"
                  "\"implicit_subscription\":false,\"dependent_operational_intents\":["
                  "\"00000000-0000-0001-0000-000000000002\","
                  "\"00000000-0000-0003-0000-000000000004\"]}"));
    buf_done(&body);
}

static void notices_are_grouped_by_url(void)
{
    struct buf body = {0};
    const struct notice notices[3] = {
        {{0, 1}, 5, STR("https://a")}, {{0, 2}, 6, STR("https://b")}, {{0, 3}, 7, STR("https://a")}};
    reference_add_subscribers(&body, notices, 0, 1, &arena);
    CHECK_STR(buf_str(&body), STR("[]"));
    buf_clear(&body);
    reference_add_subscribers(&body, notices, 3, 1, &arena);
    CHECK_STR(buf_str(&body),
              STR("[{\"uss_base_url\":\"https://a\",\"subscriptions\":["
                  "{\"subscription_id\":\"00000000-0000-0000-0000-000000000001\","
                  "\"notification_index\":5},"
                  "{\"subscription_id\":\"00000000-0000-0000-0000-000000000003\","
                  "\"notification_index\":7}]},"
                  "{\"uss_base_url\":\"https://b\",\"subscriptions\":["
                  "{\"subscription_id\":\"00000000-0000-0000-0000-000000000002\","
                  "\"notification_index\":6}]}]"));
    buf_done(&body);
}

/* Whatever the URLs, each appears once and no notice is lost. */
static void grouping_many_urls_loses_nothing(void)
{
    struct rng rng = t_rng();
    enum { N = 300 };
    static char urls[N][24];
    static struct notice notices[N];
    bool is_used[N] = {false};
    size_t n_distinct = 0;
    for (size_t i = 0; i < N; i++) {
        size_t k = rng_below(&rng, N / 3);
        int n = snprintf(urls[i], sizeof urls[i], "https://u%zu.example", k);
        notices[i] = (struct notice){{0, i}, (int32_t)i, {urls[i], (size_t)n}};
        if (!is_used[k]) n_distinct++;
        is_used[k] = true;
    }
    struct buf body = {0};
    reference_add_subscribers(&body, notices, N, rng_next(&rng), &arena);
    size_t n_urls = 0, n_notices = 0;
    for (size_t i = 0; i + 16 < body.n; i++) {
        struct str rest = str_skip(buf_str(&body), i);
        n_urls += str_starts(rest, STR("\"uss_base_url\""));
        n_notices += str_starts(rest, STR("\"notification_index\""));
    }
    CHECK_INT(n_urls, n_distinct);
    CHECK_INT(n_notices, N);
    buf_done(&body);
}

static void what_a_put_makes_is_shown_without_looking_it_up(void)
{
    char token[CHANGE_TOKEN_MAX];
    struct change c = {.kind = CHANGE_INTENT_PUT, .id = {5, 6}, .state = INTENT_ACCEPTED,
                       .attach = ATTACH_EXISTING, .attach_id = {7, 8}, .url = STR("https://x")};
    struct outcome o = {.version = 9};
    struct entity e = reference_entity(&c, STR("me"), &o, token);
    CHECK(e.kind == ENTITY_INTENT && id_equal(e.id, c.id) && e.version == 9);
    CHECK(id_equal(e.subscription, c.attach_id));
    CHECK_STR(e.manager, STR("me"));
    CHECK(e.token.n >= 16 && e.token.at == token);
    c.attach = ATTACH_NONE;
    e = reference_entity(&c, STR("me"), &o, token);
    CHECK(id_is_zero(e.subscription));
    c.kind = CHANGE_CONSTRAINT_PUT;
    CHECK(reference_entity(&c, STR("me"), &o, token).kind == ENTITY_CONSTRAINT);
}

int main(void)
{
    RUN(an_intent_has_f3548s_members);
    RUN(an_ovn_is_hidden_from_others);
    RUN(a_constraint_has_no_state_and_no_subscription);
    RUN(a_subscription_lists_its_dependents);
    RUN(notices_are_grouped_by_url);
    RUN(grouping_many_urls_loses_nothing);
    RUN(what_a_put_makes_is_shown_without_looking_it_up);
    arena_done(&arena);
    return t_done();
}
