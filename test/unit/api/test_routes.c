/* test_routes.c - paths, scopes, empty segments.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "api/routes.h"

#include "api/auth.h"
#include "t.h"

static struct str args[ROUTE_ARGS];
static struct arena arena;

static const struct route *find(const char *method, const char *path)
{
    args[0] = args[1] = STR("untouched");
    return routes_find(str_of(method), str_of(path), &arena, args);
}

static bool is_pattern(const struct route *r, const char *pattern)
{
    return r && strcmp(r->pattern, pattern) == 0;
}

static void ids_and_ovns_are_cut_out(void)
{
    CHECK(is_pattern(find("GET", "/dss/v1/operational_intent_references/abc"),
                     "/dss/v1/operational_intent_references/{entityid}"));
    CHECK_STR(args[0], STR("abc"));
    CHECK(is_pattern(find("PUT", "/dss/v1/constraint_references/abc/d.e_f-"),
                     "/dss/v1/constraint_references/{entityid}/{ovn}"));
    CHECK_STR(args[0], STR("abc"));
    CHECK_STR(args[1], STR("d.e_f-"));
}

static void an_empty_last_segment_is_the_longer_route(void)
{
    CHECK(is_pattern(find("DELETE", "/dss/v1/subscriptions/abc/"),
                     "/dss/v1/subscriptions/{subscriptionid}/{version}"));
    CHECK_STR(args[0], STR("abc"));
    CHECK_STR(args[1], STR(""));
    CHECK(find("DELETE", "/dss/v1/subscriptions/abc") == NULL);
    CHECK(is_pattern(find("PUT", "/dss/v1/operational_intent_references/abc/"),
                     "/dss/v1/operational_intent_references/{entityid}/{ovn}"));
    CHECK(is_pattern(find("GET", "/dss/v1/uss_availability/"), "/dss/v1/uss_availability/{uss_id}"));
    CHECK_STR(args[0], STR(""));
}

static void a_query_is_no_entity(void)
{
    CHECK(is_pattern(find("POST", "/dss/v1/subscriptions/query"), "/dss/v1/subscriptions/query"));
    CHECK(is_pattern(find("GET", "/dss/v1/subscriptions/query"),
                     "/dss/v1/subscriptions/{subscriptionid}"));
}

static void other_paths_and_methods_have_no_route(void)
{
    CHECK(find("GET", "/dss/v1/operation_references/abc") == NULL);
    CHECK(find("PATCH", "/dss/v1/subscriptions/abc") == NULL);
    CHECK(find("GET", "/dss/v1/subscriptions/abc/def/ghi") == NULL);
    CHECK(find("GET", "/dss/v1/subscriptions") == NULL);
    CHECK(find("GET", "") == NULL);
    CHECK(find("GET", "/") == NULL);
    CHECK(find("get", "/healthy") == NULL);
    CHECK(find("POST", "/dss/v1/reports/") == NULL);
}

static void segments_are_decoded(void)
{
    (void)find("GET", "/dss/v1/uss_availability/a%20b%2Fc");
    CHECK_STR(args[0], STR("a b/c"));
    (void)find("GET", "/dss/v1/uss_availability/bad%2");
    CHECK_STR(args[0], STR("bad%2"));
    (void)find("GET", "/dss/v1/uss_availability/bad%zz");
    CHECK_STR(args[0], STR("bad%zz"));
    (void)find("GET", "/dss/v1/uss_availability/%41");
    CHECK_STR(args[0], STR("A"));
}

static void a_tile_takes_all_that_is_left(void)
{
    CHECK(is_pattern(find("GET", "/log/tile/entries/x001/234.p/17"), "/log/tile/{*}"));
    CHECK_STR(args[0], STR("entries/x001/234.p/17"));
}

static void every_call_of_f3548_is_there_with_its_scopes(void)
{
    static const struct {
        const char *method;
        const char *path;
        unsigned any_of;
        int success;
    } calls[] = {
        {"POST", "operational_intent_references/query", SCOPE_SC | SCOPE_CMSA, 200},
        {"GET", "operational_intent_references/x", SCOPE_SC | SCOPE_CMSA, 200},
        {"PUT", "operational_intent_references/x", SCOPE_SC | SCOPE_CMSA, 201},
        {"PUT", "operational_intent_references/x/y", SCOPE_SC | SCOPE_CMSA, 200},
        {"DELETE", "operational_intent_references/x/y", SCOPE_SC | SCOPE_CMSA, 200},
        {"POST", "constraint_references/query", SCOPE_CM | SCOPE_CP, 200},
        {"GET", "constraint_references/x", SCOPE_CM | SCOPE_CP, 200},
        {"PUT", "constraint_references/x", SCOPE_CM, 201},
        {"PUT", "constraint_references/x/y", SCOPE_CM, 200},
        {"DELETE", "constraint_references/x/y", SCOPE_CM, 200},
        {"POST", "subscriptions/query", SCOPE_CP | SCOPE_SC, 200},
        {"GET", "subscriptions/x", SCOPE_CP | SCOPE_SC, 200},
        {"PUT", "subscriptions/x", SCOPE_CP | SCOPE_SC, 200},
        {"PUT", "subscriptions/x/y", SCOPE_CP | SCOPE_SC, 200},
        {"DELETE", "subscriptions/x/y", SCOPE_CP | SCOPE_SC, 200},
        {"POST", "reports", SCOPE_SC | SCOPE_CP | SCOPE_CM | SCOPE_CMSA | SCOPE_AA, 201},
        {"GET", "uss_availability/x", SCOPE_AA | SCOPE_SC | SCOPE_CMSA, 200},
        {"PUT", "uss_availability/x", SCOPE_AA, 200},
    };
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
        char path[128];
        (void)snprintf(path, sizeof path, "/dss/v1/%s", calls[i].path);
        const struct route *r = find(calls[i].method, path);
        if (!CHECK(r)) continue;
        CHECK_INT(r->any_of, calls[i].any_of);
        CHECK_INT(r->success, calls[i].success);
    }
}

static void numbers_name_routes(void)
{
    for (size_t i = 0; i < routes_n(); i++) CHECK_INT(routes_index(routes_at(i)), i);
}

int main(void)
{
    RUN(ids_and_ovns_are_cut_out);
    RUN(an_empty_last_segment_is_the_longer_route);
    RUN(a_query_is_no_entity);
    RUN(other_paths_and_methods_have_no_route);
    RUN(segments_are_decoded);
    RUN(a_tile_takes_all_that_is_left);
    RUN(every_call_of_f3548_is_there_with_its_scopes);
    RUN(numbers_name_routes);
    arena_done(&arena);
    return t_done();
}
