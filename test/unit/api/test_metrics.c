/* test_metrics.c - durations in buckets, as Prometheus reads them.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "api/metrics.h"

#include "api/routes.h"
#include "t.h"

static bool holds(const struct buf *text, const char *line)
{
    size_t n = strlen(line);
    for (size_t i = 0; i + n <= text->n; i++) {
        if (memcmp(text->at + i, line, n) == 0) return true;
    }
    printf("# missing: %s", line);
    return false;
}

#define LABELS                                                                                     \
    "{http_request_method=\"PUT\",http_route=\"/dss/v1/operational_intent_references/{entityid}\"," \
    "http_response_status_code=\"201\""
#define NAME "http_server_request_duration_seconds"

static void durations_fall_into_buckets_that_add_up(void)
{
    struct metrics *m = metrics_new();
    struct buf text = {0};
    metrics_count(m, 0, 201, 50);
    metrics_count(m, 0, 201, 51);
    metrics_count(m, 0, 201, 900);
    metrics_count(m, 0, 201, 20000000);
    metrics_count(m, 0, 409, 1);
    metrics_add_requests(m, &text);
    CHECK(holds(&text, NAME "_bucket" LABELS ",le=\"0.00005\"} 1\n"));
    CHECK(holds(&text, NAME "_bucket" LABELS ",le=\"0.0001\"} 2\n"));
    CHECK(holds(&text, NAME "_bucket" LABELS ",le=\"0.0005\"} 2\n"));
    CHECK(holds(&text, NAME "_bucket" LABELS ",le=\"0.001\"} 3\n"));
    CHECK(holds(&text, NAME "_bucket" LABELS ",le=\"10\"} 3\n"));
    CHECK(holds(&text, NAME "_bucket" LABELS ",le=\"+Inf\"} 4\n"));
    CHECK(holds(&text, NAME "_sum" LABELS "} 20.001001\n"));
    CHECK(holds(&text, NAME "_count" LABELS "} 4\n"));
    buf_done(&text);
    metrics_free(m);
}

static void what_has_no_route_or_no_usual_status_is_counted_too(void)
{
    struct metrics *m = metrics_new();
    struct buf text = {0};
    metrics_count(m, routes_n(), 404, 10);
    metrics_count(m, routes_n(), 418, 10);
    metrics_add_requests(m, &text);
    CHECK(holds(&text, NAME "_count{http_request_method=\"_OTHER\",http_route=\"\","
                            "http_response_status_code=\"404\"} 1\n"));
    CHECK(holds(&text, NAME "_count{http_request_method=\"_OTHER\",http_route=\"\","
                            "http_response_status_code=\"0\"} 1\n"));
    buf_done(&text);
    metrics_free(m);
}

static void series_without_requests_are_not_written(void)
{
    struct metrics *m = metrics_new();
    struct buf text = {0};
    metrics_add_requests(m, &text);
    CHECK_STR(buf_str(&text), STR("# HELP " NAME " Duration of HTTP server requests.\n"
                                  "# TYPE " NAME " histogram\n"));
    buf_done(&text);
    metrics_free(m);
    metrics_free(NULL);
}

int main(void)
{
    RUN(durations_fall_into_buckets_that_add_up);
    RUN(what_has_no_route_or_no_usual_status_is_counted_too);
    RUN(series_without_requests_are_not_written);
    return t_done();
}
