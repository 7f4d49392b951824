/* test_server.c - the server over real sockets, and clients that misbehave.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "http/server.h"

#include <dlfcn.h>
#include <pthread.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/limits.h"
#include "http/server_internal.h"
#include "t.h"
#include "wire.h"

/* ---- the handler: /echo answers at once, /late/... waits for the test, /thread is answered by another thread ---- */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static struct http_request *late;   /* Through .user; the newest first. */
static struct http_request *handed; /* To the answering thread. */
static int n_late;
static bool answerer_is_done;

static void echo(struct http_request *r, int status)
{
    struct http_response response = {.status = status};
    uint64_t sum = 0;

    for (size_t i = 0; i < r->body.n; i++) sum = sum * 31 + (unsigned char)r->body.at[i];
    buf_addf(&response.body, "%.*s %.*s ? %.*s | %zu %" PRIu64 " | %.*s", STR_ARG(r->method), STR_ARG(r->path),
             STR_ARG(r->query), r->body.n, sum, STR_ARG(r->authorization));
    response.headers[0].name = STR("Journal-Position");
    response.headers[0].value = arena_dup(&r->arena, r->journal_at_least.n ? r->journal_at_least : STR("none"));
    response.n_headers = 1;
    http_respond(r, &response);
}

static void hand_over(struct http_request **list, struct http_request *r)
{
    (void)pthread_mutex_lock(&lock);
    r->user = *list;
    *list = r;
    n_late += list == &late;
    (void)pthread_cond_broadcast(&changed);
    (void)pthread_mutex_unlock(&lock);
}

static void answer_header(struct http_request *r)
{
    struct http_response response = {.status = 200, .content_type = STR("text/plain")};
    struct str value = {0};

    buf_add_str(&response.body, http_header(r, "X-Asked"));
    buf_add_char(&response.body, '/');
    if (http_query(r, "key", &value)) buf_add_str(&response.body, value);
    if (http_query(r, "bad", &value)) buf_add_str(&response.body, STR("!"));
    http_respond(r, &response);
}

static void handle(struct http_request *r, void *context)
{
    CHECK(context == &late);
    CHECK(r->thread < 2);
    for (size_t i = 0; i < HTTP_PADDING; i++) CHECK(r->body.at[r->body.n + i] == '\0');
    if (str_starts(r->path, STR("/late")))
        hand_over(&late, r);
    else if (str_equal(r->path, STR("/thread")))
        hand_over(&handed, r);
    else if (str_equal(r->path, STR("/header")))
        answer_header(r);
    else if (str_equal(r->path, STR("/none")))
        http_respond(r, &(struct http_response){.status = 204});
    else
        echo(r, 201);
}

static void *answer_handed(void *context)
{
    (void)context;
    (void)pthread_mutex_lock(&lock);
    while (!answerer_is_done || handed) {
        struct http_request *r = handed;
        if (!r) {
            (void)pthread_cond_wait(&changed, &lock);
            continue;
        }
        handed = r->user;
        (void)pthread_mutex_unlock(&lock);
        echo(r, 200);
        (void)pthread_mutex_lock(&lock);
    }
    (void)pthread_mutex_unlock(&lock);
    return NULL;
}

/* Waits until n requests are late, and takes them. */
static struct http_request *take_late(int n)
{
    struct http_request *r;

    (void)pthread_mutex_lock(&lock);
    while (n_late < n) (void)pthread_cond_wait(&changed, &lock);
    r = late;
    late = NULL;
    n_late = 0;
    (void)pthread_mutex_unlock(&lock);
    return r;
}

static struct http_server *start(struct http_options options)
{
    struct http_server *s = NULL;
    struct why why = {0};

    options.address = STR("127.0.0.1:0");
    options.n_threads = 2;
    options.handler = handle;
    options.context = &late;
    if (!CHECK(http_server_start(&options, &s, &why) == OK)) printf("# %s\n", why.text);
    return s;
}

static struct http_server *server;
static uint16_t port;

/* One request on a connection of its own; true if status and body are as wanted. */
static bool answers(const char *request, int status, const char *body)
{
    struct wire w = wire_open(port);
    bool good;

    (void)wire_send(&w, str_of(request));
    struct wire_response r = wire_receive(&w, true);
    good = CHECK_INT(r.status, status);
    if (body) good = CHECK_STR(buf_str(&r.body), str_of(body)) && good;
    if (!good) printf("# %.60s\n", request);
    wire_response_done(&r);
    wire_close(&w);
    return good;
}

static bool next_is(struct wire *w, int status, const char *body)
{
    struct wire_response r = wire_receive(w, true);
    bool good = CHECK_INT(r.status, status) && (!body || CHECK_STR(buf_str(&r.body), str_of(body)));
    wire_response_done(&r);
    return good;
}

/* ---- plain requests ---- */

static void path_and_query_arrive_as_they_were_sent(void)
{
    CHECK(answers("GET /dss/v1/subscriptions/ID/ HTTP/1.1\r\nHost: x\r\n\r\n", 201, "GET /dss/v1/subscriptions/ID/ ?  | 0 0 | "));
    CHECK(answers("GET //a%2Fb%00/../c+d%zz/?q=%41&r=a=b?c HTTP/1.1\r\nHost: x\r\n\r\n", 201,
                  "GET //a%2Fb%00/../c+d%zz/ ? q=%41&r=a=b?c | 0 0 | "));
    CHECK(answers("GET /a? HTTP/1.1\r\nHost: x\r\n\r\n", 201, "GET /a ?  | 0 0 | "));
    CHECK(answers("GET http://host:80/p/?x HTTP/1.1\r\nHost: x\r\n\r\n", 201, "GET /p/ ? x | 0 0 | "));
    CHECK(answers("BREW /pot HTTP/1.1\r\nHost: x\r\n\r\n", 201, "BREW /pot ?  | 0 0 | "));
}

static void bodies_of_every_method_are_passed(void)
{
    CHECK(answers("PUT /a HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc", 201, "PUT /a ?  | 3 96354 | "));
    CHECK(answers("DELETE /a HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc", 201, "DELETE /a ?  | 3 96354 | "));
    CHECK(answers("GET /a HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nz", 201, "GET /a ?  | 1 122 | "));
    CHECK(answers("POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", 201, "POST /a ?  | 0 0 | "));
}

static void headers_are_found_in_any_case(void)
{
    struct wire w = wire_open(port);
    struct wire_response r;

    CHECK(answers("GET /a HTTP/1.1\r\nHost: x\r\nauthorization:  Bearer abc \r\n\r\n", 201, "GET /a ?  | 0 0 | Bearer abc"));
    CHECK(answers("GET /header?k=1&ke%79=%41+b%2f&bad=%4 HTTP/1.1\r\nHost: x\r\nx-aSKED: yes\r\n\r\n", 200, "yes/A b/"));
    CHECK(answers("GET /header?bad=%00 HTTP/1.1\r\nHost: x\r\n\r\n", 200, "/"));
    (void)wire_sendf(&w, "GET /a HTTP/1.1\r\nHost: x\r\nJOURNAL-at-least: 77\r\n\r\n");
    r = wire_receive(&w, true);
    CHECK_STR(wire_header(&r, "journal-position"), STR("77"));
    CHECK_STR(wire_header(&r, "content-type"), STR("application/json; charset=utf-8"));
    wire_response_done(&r);
    wire_close(&w);
}

static void head_and_no_content_have_no_body(void)
{
    struct wire w = wire_open(port);
    struct wire_response r;

    (void)wire_sendf(&w, "HEAD /a HTTP/1.1\r\nHost: x\r\n\r\nGET /none HTTP/1.1\r\nHost: x\r\n\r\nGET /b HTTP/1.1\r\nHost: x\r\n\r\n");
    r = wire_receive(&w, false);
    CHECK_INT(r.status, 201);
    CHECK_STR(wire_header(&r, "content-length"), STR("19"));
    wire_response_done(&r);
    CHECK(next_is(&w, 204, ""));
    CHECK(next_is(&w, 201, "GET /b ?  | 0 0 | "));
    wire_close(&w);
}

static void a_client_that_expects_100_continue_gets_it(void)
{
    struct wire w = wire_open(port);

    (void)wire_sendf(&w, "PUT /a HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n");
    CHECK(next_is(&w, 100, ""));
    (void)wire_sendf(&w, "abc");
    CHECK(next_is(&w, 201, "PUT /a ?  | 3 96354 | "));
    wire_close(&w);
    CHECK(answers("PUT /a HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 5000000\r\n\r\n", 413, NULL));
}

static void a_request_in_single_bytes_is_a_request(void)
{
    static const char text[] = "PUT /split HTTP/1.1\r\nHost: x\r\nContent-Length: 26\r\n\r\nabcdefghijklmnopqrstuvwxyz";
    static const char chunked[] = "PUT /split HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                                  "5;x=y\r\nabcde\r\n1\r\nf\r\nA\r\nghijklmnop\r\na\r\nqrstuvwxyz\r\n0\r\nTrailer: 1\r\n\r\n";
    struct wire_response whole, split;
    struct wire w = wire_open(port);
    int on = 1;

    (void)setsockopt(w.fd, 6 /* TCP */, 1 /* TCP_NODELAY */, &on, sizeof on);
    (void)wire_send(&w, str_make(text, sizeof text - 1));
    whole = wire_receive(&w, true);
    CHECK(str_starts(buf_str(&whole.body), STR("PUT /split ?  | 26 ")));
    for (int i = 0; i < 2; i++) {
        struct str bytes = i ? str_make(chunked, sizeof chunked - 1) : str_make(text, sizeof text - 1);
        for (; bytes.n > 0; bytes = str_skip(bytes, 1)) (void)wire_send(&w, str_first(bytes, 1));
        split = wire_receive(&w, true);
        CHECK_STR(buf_str(&split.body), buf_str(&whole.body));
        wire_response_done(&split);
    }
    wire_response_done(&whole);
    wire_close(&w);
}

static void pipelined_requests_are_answered_in_order(void)
{
    struct wire w = wire_open(port);
    char body[64];

    for (int i = 0; i < 200; i++)
        (void)wire_sendf(&w, "PUT /%s?%d HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nab", i % 3 ? "thread" : "echo", i);
    for (int i = 0; i < 200; i++) {
        (void)snprintf(body, sizeof body, "PUT /%s ? %d | 2 3105 | ", i % 3 ? "thread" : "echo", i);
        if (!CHECK(next_is(&w, i % 3 ? 200 : 201, body))) break;
    }
    wire_close(&w);
}

/* ---- limits ---- */

static void a_query_of_very_many_parameters_is_read_as_any(void)
{
    static const int counts[] = {100, 500, 1300, LIMIT_URI_BYTES / 2 - 10};

    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        struct wire w = wire_open(port);
        AUTO(buf_done) struct buf text = {0};
        buf_add_str(&text, STR("GET /header?"));
        for (int k = 0; k < counts[i]; k++) buf_add_str(&text, STR("a&"));
        buf_add_str(&text, STR("key=x HTTP/1.1\r\nHost: x\r\n\r\n"));
        CHECK(wire_send(&w, buf_str(&text)));
        CHECK(next_is(&w, 200, "/x"));
        CHECK(wire_sendf(&w, "GET /header?key=y&a HTTP/1.1\r\nHost: x\r\n\r\n") && next_is(&w, 200, "/y")); /* And the connection goes on. */
        wire_close(&w);
    }
}

static void a_body_ends_at_its_limit(void)
{
    struct wire w = wire_open(port);
    AUTO(buf_done) struct buf body = {0};
    char begins[64];

    memset(buf_reserve(&body, LIMIT_BODY_BYTES), 0, LIMIT_BODY_BYTES);
    body.n = LIMIT_BODY_BYTES;
    (void)wire_sendf(&w, "PUT /big HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n", LIMIT_BODY_BYTES);
    (void)wire_send(&w, buf_str(&body));
    (void)snprintf(begins, sizeof begins, "PUT /big ?  | %d 0 | ", LIMIT_BODY_BYTES);
    CHECK(next_is(&w, 201, begins));
    (void)wire_sendf(&w, "PUT /big HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n", LIMIT_BODY_BYTES + 1);
    CHECK(wire_send(&w, buf_str(&body)) && wire_sendf(&w, "x"));
    CHECK(next_is(&w, 413, "body too large\n")); /* After all of it was sent; the connection goes on. */
    (void)wire_sendf(&w, "PUT /big HTTP/1.1\r\nHost: x\r\nContent-Length: 100000000\r\n\r\n");
    CHECK(next_is(&w, 413, "body too large\n")); /* Before any of it was sent. */
    CHECK(wire_ended(&w));
    wire_close(&w);
    CHECK(answers("PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 18446744073709551617\r\n\r\n", 413, NULL));
}

static void a_chunked_body_ends_at_its_limit_too(void)
{
    struct wire w = wire_open(port);
    AUTO(buf_done) struct buf body = {0};

    memset(buf_reserve(&body, 65536), 'y', 65536);
    body.n = 65536;
    (void)wire_sendf(&w, "PUT /big HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (int n = 0; n <= LIMIT_BODY_BYTES; n += 65536) {
        (void)wire_sendf(&w, "10000\r\n");
        (void)wire_send(&w, buf_str(&body));
        (void)wire_sendf(&w, "\r\n");
    }
    (void)wire_sendf(&w, "0\r\n\r\n");
    CHECK(next_is(&w, 413, "body too large\n"));
    (void)wire_sendf(&w, "PUT /big HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
    bool was_cut = false; /* Who never ends is cut off. */
    for (int i = 0; i < 1000 && !was_cut; i++)
        was_cut = !wire_sendf(&w, "10000\r\n") || !wire_send(&w, buf_str(&body)) || !wire_sendf(&w, "\r\n");
    CHECK(was_cut);
    wire_close(&w);
}

/* A body of 200,000 zeros; all of it but its last n_held bytes is sent. */
static void send_big(struct wire *w, size_t n_held)
{
    AUTO(buf_done) struct buf body = {0};

    memset(buf_reserve(&body, 200000), 0, 200000);
    body.n = 200000 - n_held;
    (void)wire_sendf(w, "PUT /big HTTP/1.1\r\nHost: x\r\nContent-Length: 200000\r\n\r\n");
    (void)wire_send(w, buf_str(&body));
}

static void large_bodies_share_their_memory(void)
{
    struct http_server *s = start((struct http_options){.bodies_max = 200000});
    struct wire first = wire_open(http_server_port(s)), second = wire_open(http_server_port(s));

    send_big(&first, 1);
    while (atomic_load(&s->n_body_bytes) < 199999 - 65536) (void)sched_yield(); /* All of it is counted but its first 64 KiB. */
    send_big(&second, 0);
    CHECK(next_is(&second, 503, "too many large bodies at once; nothing was done\n"));
    (void)wire_sendf(&second, "PUT /small HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nab");
    CHECK(next_is(&second, 201, "PUT /small ?  | 2 3105 | ")); /* Small ones go on, */
    (void)wire_sendf(&first, "x");
    CHECK(next_is(&first, 201, "PUT /big ?  | 200000 120 | "));
    while (atomic_load(&s->n_body_bytes) > 0) (void)sched_yield();
    send_big(&second, 0);
    CHECK(next_is(&second, 201, "PUT /big ?  | 200000 0 | ")); /* and large ones, once there is room. */
    wire_close(&first);
    wire_close(&second);
    http_server_stop(s, 1000);
}

static void ambiguous_framing_is_refused(void)
{
    CHECK(answers("PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, NULL));
    CHECK(answers("PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\ncontent-length: 3\r\n\r\n0\r\n\r\n", 400, NULL));
    CHECK(answers("PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc", 400, NULL));
    CHECK(answers("PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", 400, NULL));
    CHECK(answers("PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 3, 3\r\n\r\nabc", 400, NULL));
    CHECK(answers("PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: +3\r\n\r\nabc", 400, NULL));
    CHECK(answers("PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", 400, NULL));
    CHECK(answers("PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 0x3\r\n\r\nabc", 400, NULL));
    CHECK(answers("PUT / HTTP/1.1\r\nHost: x\r\nContent-Length : 3\r\n\r\nabc", 400, NULL));
    CHECK(answers("GET / HTTP/1.1\r\nHost: x\r\nhost: y\r\n\r\n", 400, NULL));
    CHECK(answers("GET / HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer a\r\nauthorization: Bearer b\r\n\r\n", 400, NULL));
    CHECK(answers("PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n", 400, NULL));
    CHECK(answers("PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 400, NULL));
    CHECK(answers("PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", 400, NULL));
    CHECK(answers("PUT / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, NULL));
    CHECK(answers("PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", 400, NULL));
    CHECK(answers("GET / HTTP/1.1\r\n\r\n", 400, NULL)); /* No Host. */
}

static void headers_end_at_their_limits(void)
{
    AUTO(buf_done) struct buf text = {0};

    for (int more = 0; more <= 1; more++) { /* Host is one of them. */
        buf_clear(&text);
        buf_add_str(&text, STR("GET /a HTTP/1.1\r\nHost: x\r\n"));
        for (int i = 1; i < LIMIT_HEADERS + more; i++) buf_addf(&text, "X-%d: 1\r\n", i);
        buf_add_str(&text, STR("\r\n"));
        CHECK(answers(buf_z(&text), more ? 431 : 201, NULL));
        buf_clear(&text);
        buf_addf(&text, "GET /a HTTP/1.1\r\nHost: x\r\nA: %0*d\r\n\r\n", LIMIT_HEADER_BYTES - 9 - 5 + more, 1);
        CHECK(answers(buf_z(&text), more ? 431 : 201, NULL));
        buf_clear(&text);
        buf_addf(&text, "GET /%0*d HTTP/1.1\r\nHost: x\r\n\r\n", LIMIT_URI_BYTES - 1 + more, 1);
        CHECK(answers(buf_z(&text), more ? 414 : 201, NULL));
    }
    buf_clear(&text);
    buf_addf(&text, "GET / HTTP/1.1\r\nHost: x\r\nA: %0*d\r\n\r\n", 100000, 1);
    CHECK(answers(buf_z(&text), 431, NULL));
}

/* ---- late answers ---- */

static void late_answers_arrive_and_the_connection_goes_on(void)
{
    struct wire a = wire_open(port), b = wire_open(port);

    (void)wire_sendf(&a, "PUT /late/a HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc");
    (void)wire_sendf(&b, "GET /late/b HTTP/1.1\r\nHost: x\r\n\r\nGET /after HTTP/1.1\r\nHost: x\r\n\r\n");
    for (struct http_request *r = take_late(2), *next; r; r = next) {
        next = r->user;
        echo(r, 200);
    }
    CHECK(next_is(&b, 200, "GET /late/b ?  | 0 0 | "));
    CHECK(next_is(&b, 201, "GET /after ?  | 0 0 | "));
    CHECK(next_is(&a, 200, "PUT /late/a ?  | 3 96354 | "));
    (void)wire_sendf(&a, "GET /after HTTP/1.1\r\nHost: x\r\n\r\n");
    CHECK(next_is(&a, 201, "GET /after ?  | 0 0 | "));
    wire_close(&a);
    wire_close(&b);
}

static void clients_that_leave_while_they_wait_do_no_harm(void)
{
    for (int round = 0; round < 20; round++) {
        struct wire w[8];
        struct linger reset = {.l_onoff = 1};

        for (int i = 0; i < 8; i++) {
            w[i] = wire_open(port);
            (void)wire_sendf(&w[i], "PUT /late/%d HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc", i);
        }
        struct http_request *r = take_late(8), *next;
        for (int i = 0; i < 8; i++) {
            if (i % 2) (void)setsockopt(w[i].fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
            if (i % 3) wire_close(&w[i]); /* Two of three leave, some with a reset. */
        }
        for (; r; r = next) {
            next = r->user;
            echo(r, 200);
        }
        for (int i = 0; i < 8; i += 3) {
            CHECK(next_is(&w[i], 200, NULL));
            wire_close(&w[i]);
        }
    }
    CHECK(answers("GET /a HTTP/1.1\r\nHost: x\r\n\r\n", 201, NULL));
}

static void *hammer(void *context)
{
    struct wire w = wire_open(port);
    struct rng rng = {(uint64_t)(uintptr_t)context};
    long bad = 0;
    char text[64];

    for (int i = 0; i < t_steps(300); i++) {
        unsigned n = (unsigned)rng_below(&rng, 4) + 1;
        for (unsigned k = 0; k < n; k++)
            (void)wire_sendf(&w, "PUT /%s?%d.%u HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nab", k & 1 ? "echo" : "thread", i, k);
        for (unsigned k = 0; k < n; k++) {
            struct wire_response r = wire_receive(&w, true);
            (void)snprintf(text, sizeof text, "PUT /%s ? %d.%u | 2 3105 | ", k & 1 ? "echo" : "thread", i, k);
            bad += !str_equal(buf_str(&r.body), str_of(text));
            wire_response_done(&r);
        }
        if (rng_below(&rng, 20) == 0) { /* Leaves with requests open, comes back. */
            (void)wire_sendf(&w, "PUT /thread HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nab");
            wire_close(&w);
            w = wire_open(port);
        }
    }
    wire_close(&w);
    return (void *)(intptr_t)bad;
}

static void many_threads_answer_many_clients(void)
{
    pthread_t threads[6];
    void *bad;

    for (uintptr_t i = 0; i < 6; i++) must(pthread_create(&threads[i], NULL, hammer, (void *)(i + 1)) == 0);
    for (int i = 0; i < 6; i++) {
        (void)pthread_join(threads[i], &bad);
        CHECK(bad == NULL);
    }
}

/* ---- deadlines and stopping ---- */

static void slow_clients_are_cut_off(void)
{
    struct http_server *s = start((struct http_options){.header_ms = 1, .body_ms = 1});
    struct wire head = wire_open(http_server_port(s)), body = wire_open(http_server_port(s));
    struct wire chunks = wire_open(http_server_port(s));

    (void)wire_sendf(&head, "GET / HTTP/1.1\r\nHost: x\r\nA");
    (void)wire_sendf(&body, "PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc");
    (void)wire_sendf(&chunks, "PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n10\r\nabc");
    CHECK(wire_ended(&head));
    CHECK(wire_ended(&body));
    CHECK(wire_ended(&chunks));
    wire_close(&head);
    wire_close(&body);
    wire_close(&chunks);
    http_server_stop(s, 0);
}

static void stopping_answers_what_waits_and_late_answers_are_freed(void)
{
    struct http_server *s = start((struct http_options){0});
    struct wire w[3], idle = wire_open(http_server_port(s));
    struct http_request *waiting, *next;

    for (int i = 0; i < 3; i++) {
        w[i] = wire_open(http_server_port(s));
        (void)wire_sendf(&w[i], "GET /late/%d HTTP/1.1\r\nHost: x\r\n\r\n", i);
    }
    waiting = take_late(3);
    next = waiting->user;
    echo(waiting, 200);
    http_server_stop(s, 20);
    int n_answered = 0, n_refused = 0;
    for (int i = 0; i < 3; i++) {
        struct wire_response r = wire_receive(&w[i], true);
        n_answered += r.status == 200;
        n_refused += r.status == 503;
        wire_response_done(&r);
        CHECK(wire_ended(&w[i]));
        wire_close(&w[i]);
    }
    CHECK_INT(n_answered, 1);
    CHECK_INT(n_refused, 2);
    CHECK(wire_ended(&idle));
    wire_close(&idle);
    for (struct http_request *r = next; r; r = next) { /* Still ours, though the server is gone. */
        next = r->user;
        CHECK(str_starts(r->path, STR("/late/")));
        echo(r, 200);
    }
}

static void *stop_it(void *context)
{
    http_server_stop(context, 10000);
    return NULL;
}

static void stopping_waits_for_an_answer_within_its_grace(void)
{
    struct http_server *s = start((struct http_options){0});
    struct wire w = wire_open(http_server_port(s));
    pthread_t thread;

    (void)wire_sendf(&w, "GET /late HTTP/1.1\r\nHost: x\r\n\r\n");
    struct http_request *r = take_late(1);
    must(pthread_create(&thread, NULL, stop_it, s) == 0);
    echo(r, 200);
    CHECK(next_is(&w, 200, NULL));
    (void)pthread_join(thread, NULL);
    CHECK(wire_ended(&w));
    wire_close(&w);
}

static void a_stopped_server_listens_no_more(void)
{
    struct http_server *s = start((struct http_options){0});
    uint16_t its = http_server_port(s);
    struct wire w;

    http_server_stop(s, 0);
    w = wire_open(its);
    CHECK(w.fd < 0);
    wire_close(&w);
    http_server_stop(NULL, 0);
}

static void an_address_that_cannot_be_had_is_named(void)
{
    struct http_options options = {.handler = handle};
    struct http_server *s = NULL;
    struct why why = {0};
    char taken[32];

    static const char *const bad[] = {"", "127.0.0.1", "127.0.0.1:", "127.0.0.1:70000", "::1:80", "no such host:1", "127.0.0.1:x"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        options.address = str_of(bad[i]);
        CHECK(http_server_start(&options, &s, &why) == ERR_INPUT && strstr(why.text, bad[i]));
    }
    (void)snprintf(taken, sizeof taken, "127.0.0.1:%u", port);
    options.address = str_of(taken);
    CHECK(http_server_start(&options, &s, &why) == ERR_NET && strstr(why.text, taken));
    options.address = STR("127.0.0.1:0");
    options.tls_cert_pem = STR("not a certificate");
    CHECK(http_server_start(&options, &s, &why) == ERR_INPUT && strstr(why.text, "key"));
    options.tls_key_pem = STR("not a key");
    CHECK(http_server_start(&options, &s, &why) == ERR_INPUT && strstr(why.text, "TLS"));
    CHECK(s == NULL);
}

/* Of 128 sockets ready at once the library would wait for a 129th: it must find our epoll_wait(), which leaves one over. */
static void the_library_never_sees_a_full_array_of_events(void)
{
    int (*found)(int, struct epoll_event *, int, int) = NULL;
    void *symbol = dlsym(RTLD_DEFAULT, "epoll_wait"); /* As the dynamic linker finds it for libraries. */
    int epoll = epoll_create1(EPOLL_CLOEXEC), fds[128];
    struct epoll_event events[128];

    CHECK(symbol != NULL);
    memcpy(&found, &symbol, sizeof found);
    for (int i = 0; i < 128; i++) {
        struct epoll_event e = {.events = EPOLLIN | EPOLLET, .data.u32 = (uint32_t)i};
        fds[i] = eventfd(1, EFD_CLOEXEC);
        CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, fds[i], &e) == 0);
    }
    CHECK_INT(found(epoll, events, 128, 0), 127);
    CHECK_INT(found(epoll, events, 128, 0), 1);
    CHECK_INT(found(epoll, events, 128, 0), 0);
    for (int i = 0; i < 128; i++) (void)close(fds[i]);
    (void)close(epoll);
}

int main(void)
{
    pthread_t answerer;

    server = start((struct http_options){0});
    port = http_server_port(server);
    must(pthread_create(&answerer, NULL, answer_handed, NULL) == 0);
    RUN(path_and_query_arrive_as_they_were_sent);
    RUN(bodies_of_every_method_are_passed);
    RUN(headers_are_found_in_any_case);
    RUN(head_and_no_content_have_no_body);
    RUN(a_client_that_expects_100_continue_gets_it);
    RUN(a_request_in_single_bytes_is_a_request);
    RUN(pipelined_requests_are_answered_in_order);
    RUN(a_query_of_very_many_parameters_is_read_as_any);
    RUN(a_body_ends_at_its_limit);
    RUN(a_chunked_body_ends_at_its_limit_too);
    RUN(large_bodies_share_their_memory);
    RUN(ambiguous_framing_is_refused);
    RUN(headers_end_at_their_limits);
    RUN(late_answers_arrive_and_the_connection_goes_on);
    RUN(clients_that_leave_while_they_wait_do_no_harm);
    RUN(many_threads_answer_many_clients);
    RUN(slow_clients_are_cut_off);
    RUN(stopping_answers_what_waits_and_late_answers_are_freed);
    RUN(stopping_waits_for_an_answer_within_its_grace);
    RUN(a_stopped_server_listens_no_more);
    RUN(the_library_never_sees_a_full_array_of_events);
    RUN(an_address_that_cannot_be_had_is_named);
    http_server_stop(server, 1000);
    (void)pthread_mutex_lock(&lock);
    answerer_is_done = true;
    (void)pthread_cond_broadcast(&changed);
    (void)pthread_mutex_unlock(&lock);
    (void)pthread_join(answerer, NULL);
    return t_done();
}
