/* metrics.c - atomics in, text out.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "api/metrics.h"

#include <stdatomic.h>

#include "api/call.h"
#include "api/signing.h"
#include "base/mem.h"
#include "journal/store.h"

/* OpenTelemetry's bounds for durations in seconds, with finer ones before them. */
static const struct {
    int64_t us;
    const char *text;
} bounds[] = {
    {50, "0.00005"},  {100, "0.0001"}, {250, "0.00025"}, {500, "0.0005"}, {1000, "0.001"},
    {2500, "0.0025"}, {5000, "0.005"}, {10000, "0.01"},  {25000, "0.025"}, {50000, "0.05"},
    {75000, "0.075"}, {100000, "0.1"}, {250000, "0.25"}, {500000, "0.5"}, {750000, "0.75"},
    {1000000, "1"},   {2500000, "2.5"}, {5000000, "5"},  {7500000, "7.5"}, {10000000, "10"},
};
#define N_BOUNDS (sizeof bounds / sizeof bounds[0])

/* The last one stands for whatever is not listed. */
static const int statuses[] = {200, 201, 400, 401, 403, 404, 409, 412, 413, 429, 500, 503, 0};
#define N_STATUSES (sizeof statuses / sizeof statuses[0])

struct series {
    _Atomic uint64_t n[N_BOUNDS + 1];
    _Atomic uint64_t sum_us;
};

struct metrics {
    size_t n_routes;
    struct series (*routes)[N_STATUSES]; /* routes_n() + 1 of them. */
};

struct metrics *metrics_new(void)
{
    struct metrics *m = mem_zalloc(sizeof *m);
    m->n_routes = routes_n() + 1;
    m->routes = mem_calloc(m->n_routes, sizeof *m->routes);
    return m;
}

void metrics_free(struct metrics *m)
{
    if (!m) return;
    mem_free(m->routes);
    mem_free(m);
}

void metrics_count(struct metrics *m, size_t route, int status, int64_t duration_us)
{
    size_t s = 0;
    size_t b = 0;
    while (s < N_STATUSES - 1 && statuses[s] != status) s++;
    while (b < N_BOUNDS && duration_us > bounds[b].us) b++;
    struct series *series = &m->routes[route][s];
    atomic_fetch_add_explicit(&series->n[b], 1, memory_order_relaxed);
    if (duration_us > 0) {
        atomic_fetch_add_explicit(&series->sum_us, (uint64_t)duration_us, memory_order_relaxed);
    }
}

static void add_labels(struct buf *to, size_t route, size_t status, const char *bound)
{
    if (route < routes_n()) {
        const struct route *r = routes_at(route);
        buf_addf(to, "{http_request_method=\"%s\",http_route=\"%s\"", r->method, r->pattern);
    } else {
        buf_addf(to, "{http_request_method=\"_OTHER\",http_route=\"\"");
    }
    buf_addf(to, ",http_response_status_code=\"%d\"", statuses[status]);
    if (bound) buf_addf(to, ",le=\"%s\"", bound);
    buf_addf(to, "}");
}

static void add_series(struct buf *to, size_t route, size_t status, const struct series *s)
{
    static const char name[] = "http_server_request_duration_seconds";
    uint64_t n[N_BOUNDS + 1];
    uint64_t total = 0;
    for (size_t i = 0; i <= N_BOUNDS; i++) {
        total += n[i] = atomic_load_explicit(&s->n[i], memory_order_relaxed);
    }
    if (total == 0) return;
    uint64_t below = 0;
    for (size_t i = 0; i <= N_BOUNDS; i++) {
        below += n[i];
        buf_addf(to, "%s_bucket", name);
        add_labels(to, route, status, i < N_BOUNDS ? bounds[i].text : "+Inf");
        buf_addf(to, " %llu\n", (unsigned long long)below);
    }
    uint64_t sum_us = atomic_load_explicit(&s->sum_us, memory_order_relaxed);
    buf_addf(to, "%s_sum", name);
    add_labels(to, route, status, NULL);
    buf_addf(to, " %llu.%06u\n", (unsigned long long)(sum_us / 1000000),
             (unsigned)(sum_us % 1000000));
    buf_addf(to, "%s_count", name);
    add_labels(to, route, status, NULL);
    buf_addf(to, " %llu\n", (unsigned long long)total);
}

void metrics_add_requests(const struct metrics *m, struct buf *to)
{
    buf_addf(to, "# HELP http_server_request_duration_seconds Duration of HTTP server requests.\n"
                 "# TYPE http_server_request_duration_seconds histogram\n");
    for (size_t r = 0; r < m->n_routes; r++) {
        for (size_t s = 0; s < N_STATUSES; s++) add_series(to, r, s, &m->routes[r][s]);
    }
}

static void add_one(struct buf *to, const char *name, const char *type, const char *help,
                    uint64_t value)
{
    buf_addf(to, "# HELP %s %s\n# TYPE %s %s\n%s %llu\n", name, help, name, type, name,
             (unsigned long long)value);
}

static void add_entities(struct buf *to, const struct view *v)
{
    add_one(to, "scd_subscriptions_total", "gauge", "Number of scd subscriptions",
            v->by_id[ENTITY_SUBSCRIPTION].n);
    add_one(to, "scd_operational_intents_total", "gauge", "Number of scd operational intents",
            v->by_id[ENTITY_INTENT].n);
    add_one(to, "scd_constraints_total", "gauge", "Number of scd constraints",
            v->by_id[ENTITY_CONSTRAINT].n);
}

static void add_journal(struct buf *to, struct node *node)
{
    struct node_status s;
    uint64_t n_syncs, n_bytes;
    node_status(node, &s);
    store_counts(node_store(node), &n_syncs, &n_bytes);
    add_one(to, "journal_position", "gauge", "Entries applied", s.position);
    add_one(to, "journal_signed_leaves", "gauge", "Leaves of the newest checkpoint", s.signed_size);
    add_one(to, "journal_batches_total", "counter", "Batches made durable", s.n_batches);
    add_one(to, "journal_entries_total", "counter", "Entries written by this node", s.n_entries);
    add_one(to, "journal_changes_total", "counter", "Changes written by this node", s.n_changes);
    add_one(to, "journal_changes_refused_late_total", "counter",
            "Changes that were refused when they were applied", s.n_refused_late);
    add_one(to, "journal_changes_waiting", "gauge", "Changes waiting to be ordered", s.n_waiting);
    add_one(to, "journal_takes_writes", "gauge", "1 while writes are taken", s.takes_writes);
    add_one(to, "journal_syncs_total", "counter", "Durable transactions", n_syncs);
    add_one(to, "journal_written_bytes_total", "counter", "Bytes of entries written", n_bytes);
    if (s.is_shared) add_one(to, "journal_forgotten_proofs", "gauge", "Files of what etcd forgot", s.n_forgotten);
}

void metrics_on_get(struct call *c)
{
    struct buf body = {0};
    struct state_pin pin;
    metrics_add_requests(c->api->metrics, &body);
    add_entities(&body, call_read(c, &pin));
    state_done_reading(&pin);
    add_journal(&body, c->api->options.node);
    signing_add_metrics(&body, c->api->options.node);
    c->content_type = STR("text/plain; version=0.0.4; charset=utf-8");
    call_answer(c, 200, &body);
}
