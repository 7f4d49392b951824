/* api.c - from a request to its handler: route, token, scope, position.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "api/api.h"

#include <errno.h>
#include <stddef.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/auxiliary.h"
#include "api/call.h"
#include "base/hex.h"
#include "base/mem.h"
#include "journal/store.h"
#include "node/entropy.h"

#define WAIT_US 5000000 /* For Journal-At-Least. */
#define DIR_BYTES 400   /* Leaves room for a report's name in a path. */
#define LATER_THREAD (API_THREADS + API_PEER_THREADS)

static struct scratch *scratch_new(enum cover_mode covering)
{
    struct scratch *s = mem_zalloc(sizeof *s);
    s->json = json_parser_new();
    s->volumes.covering = covering;
    return s;
}

static void scratch_free(struct scratch *s)
{
    if (!s) return;
    json_parser_free(s->json);
    volume_reader_done(&s->volumes);
    entity_vec_done(&s->found);
    id_vec_done(&s->ids);
    mem_free(s);
}

/* Each thread makes its own on its first call. */
static struct scratch *scratch_of(struct api *api, unsigned thread)
{
    must(thread <= LATER_THREAD);
    if (!api->scratch[thread]) api->scratch[thread] = scratch_new(api->options.covering);
    return api->scratch[thread];
}

static void tick(void *context)
{
    struct api *api = context;
    node_expire(api->options.node);
    if (api->access_log) access_log_flush(api->access_log);
}

static enum err make_reports_dir(const char *dir, struct why *why)
{
    if (!dir) return OK;
    if (strlen(dir) > DIR_BYTES) return fail(why, ERR_INPUT, "%.80s...: is too long", dir);
    if (mkdir(dir, 0700) != 0 && errno != EEXIST) {
        return fail(why, ERR_DISK, "%s: cannot be made: %s", dir, strerror(errno));
    }
    return OK;
}

static enum err read_dar_id(struct api *api, struct why *why)
{
    AUTO(buf_done) struct buf genesis = {0};
    TRY(store_get_entry(node_store(api->options.node), 0, &genesis, why));
    struct hash hash = hash_of(buf_str(&genesis));
    hex_encode(hash.b, sizeof hash.b, api->dar_id);
    return OK;
}

enum err api_new(const struct api_options *options, struct api **ret, struct why *why)
{
    must(options->node && options->auth);
    TRY(make_reports_dir(options->reports_dir, why));
    struct api *api = mem_zalloc(sizeof *api);
    api->options = *options;
    if (options->reports_dir) {
        api->options.reports_dir = mem_dup(options->reports_dir, strlen(options->reports_dir) + 1);
    }
    enum err err = read_dar_id(api, why);
    if (err) {
        mem_free((void *)(uintptr_t)api->options.reports_dir);
        mem_free(api);
        return err;
    }
    if (api->options.version.n == 0) api->options.version = STR("0");
    if (api->options.locality.n == 0) api->options.locality = node_origin(options->node);
    entropy_fill(&api->hash_seed, sizeof api->hash_seed);
    api->metrics = metrics_new();
    api->heartbeat = heartbeat_new();
    if (options->logs_access) {
        int fd = options->access_fd ? options->access_fd : STDERR_FILENO;
        api->access_log = access_log_new(fd);
    }
    api->is_shared = node_is_shared(options->node);
    node_author(options->node, api->author);
    api->later = later_new(api->access_log || api->is_shared ? tick : NULL, api);
    *ret = api;
    return OK;
}

void api_free(struct api *api)
{
    if (!api) return;
    later_free(api->later);
    access_log_free(api->access_log);
    metrics_free(api->metrics);
    heartbeat_free(api->heartbeat);
    for (size_t i = 0; i <= LATER_THREAD; i++) scratch_free(api->scratch[i]);
    mem_free((void *)(uintptr_t)api->options.reports_dir);
    mem_free(api);
}

static void answer_no_route(struct call *c)
{
    struct buf body = {0};
    buf_add_str(&body, STR("not found\n"));
    c->content_type = STR("text/plain; charset=utf-8");
    call_answer(c, 404, &body);
}

/* The operator's keys open the members' calls, and only they open those that write. */
static enum err check_operator(struct call *c, bool *ret_is_operator, struct why *why)
{
    struct auth *operators = c->api->options.operators;
    *ret_is_operator = false;
    if (!(c->route->any_of & SCOPE_LINE_OPERATE)) return OK;
    bool is_theirs_alone = !(c->route->any_of & SCOPE_LINE_READ);
    if (!operators) {
        return is_theirs_alone ? fail(why, ERR_RIGHTS, "this node has no operator's key: it is started with --operator-key") : OK;
    }
    enum err e = auth_check(operators, c->http->authorization, c->now_us, call_arena(c), &c->caller, why);
    *ret_is_operator = e == OK && (c->caller.scopes & c->route->any_of);
    if (*ret_is_operator || !is_theirs_alone) return OK;
    return e != OK ? e : fail(why, ERR_RIGHTS, "the token lacks the scope line.operate");
}

/* 401, 403; f3548-dss.md 2.3. */
static enum err check_rights(struct call *c, struct why *why)
{
    bool is_operator;
    if (c->route->any_of == 0) return OK;
    TRY(check_operator(c, &is_operator, why));
    if (is_operator) return OK;
    TRY(auth_check(c->api->options.auth, c->http->authorization, c->now_us, call_arena(c),
                   &c->caller, why));
    if ((c->caller.scopes & c->route->any_of & ~SCOPE_LINE_OPERATE) == 0) {
        return fail(why, ERR_RIGHTS, "the token has none of the scopes that open this call");
    }
    return OK;
}

static void run_handler(struct later_job *job)
{
    struct call *c = (struct call *)((char *)job - offsetof(struct call, job));
    c->scratch = scratch_of(c->api, LATER_THREAD);
    c->route->handle(c);
}

/* On the writer's thread, as a rule. */
static void on_barrier(struct barrier *b)
{
    struct call *c = (struct call *)((char *)b - offsetof(struct call, barrier));
    c->is_aged = b->err != OK;
    c->age_us = b->age_us;
    c->job = (struct later_job){.run = run_handler};
    later_add(c->api->later, &c->job);
}

/* What another node was told before this call came must show in the answer. */
static void handle(struct call *c, unsigned thread)
{
    if (c->api->is_shared && c->route->waits == ROUTE_READS) {
        c->barrier.done = on_barrier;
        node_barrier(c->api->options.node, &c->barrier);
        return;
    }
    c->scratch = scratch_of(c->api, thread);
    c->route->handle(c);
}

static bool is_reached(struct later_job *job)
{
    struct call *c = (struct call *)((char *)job - offsetof(struct call, job));
    struct state_pin pin;
    (void)call_read(c, &pin);
    state_done_reading(&pin);
    return c->position >= c->at_least;
}

static void run_waited(struct later_job *job)
{
    struct call *c = (struct call *)((char *)job - offsetof(struct call, job));
    if (!is_reached(job)) {
        call_refuse_status(c, 503, STR("this node has not reached the position that "
                                       "Journal-At-Least names; nothing was done"));
        return;
    }
    handle(c, LATER_THREAD);
}

/* Decision D1: a client that saw a position elsewhere may ask to be answered at or after it. */
static void handle_at_position(struct call *c)
{
    struct str text = c->http->journal_at_least;
    if (text.n > 0 && c->route->waits) {
        if (!str_to_u64(text, UINT64_MAX, &c->at_least)) {
            call_refuse_status(c, 400, STR("Journal-At-Least: must be a decimal number"));
            return;
        }
        if (!is_reached(&c->job)) {
            c->job.run = run_waited;
            c->job.is_ready = is_reached;
            c->job.until_us = later_clock_us() + WAIT_US;
            later_add(c->api->later, &c->job);
            return;
        }
    }
    handle(c, c->http->thread);
}

static void serve(struct http_request *r, struct api *api, bool is_peer)
{
    struct call *c = arena_zalloc(&r->arena, sizeof *c);
    struct why why = {0};
    r->user = c;
    c->api = api;
    c->http = r;
    c->now_us = node_now_us();
    bool is_served = is_peer ? str_starts(r->path, STR("/peer/")) || str_starts(r->path, STR("/log/")) : !str_starts(r->path, STR("/peer/"));
    if (is_served) c->route = routes_find(r->method, r->path, &r->arena, c->args);
    if (!c->route) {
        answer_no_route(c);
        return;
    }
    enum err err = check_rights(c, &why);
    if (err) {
        call_refuse(c, err, &why);
        return;
    }
    handle_at_position(c);
}

void api_handle(struct http_request *r, void *context)
{
    serve(r, context, false);
}

void api_handle_peer(struct http_request *r, void *context)
{
    serve(r, context, true);
}
