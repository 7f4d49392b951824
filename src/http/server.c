/* server.c - libmicrohttpd's callbacks, answers from any thread, deadlines, start and stop.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Life of a request, all on one pool thread but for the answer:
 *
 *     on_target     request line read: memory for the request, its target copied before it is cut up
 *     on_access     1st call: headers -> request_begin(), or a refusal; then one call for each piece of the body;
 *                   last call: the handler; not answered yet -> suspended; answered -> called once more
 *     on_completed  response sent or connection lost -> request_end()
 *
 * What libmicrohttpd 0.9.75 spends: a response leaves in one sendmsg(), a suspended one costs two epoll_ctl() and one
 * write to the thread's eventfd besides. It has an idle timeout only; whoever sends a byte now and then is ended by
 * the reaper thread, which shuts down sockets that are past their deadline.
 *
 * What it gets wrong: when epoll_wait() fills its array of 128 it asks again at once, to drain, and with the same timeout; if
 * just 128 connections were ready, they then wait until something else happens. So this file has an epoll_wait() of its own,
 * which stands before libc's for the library and never fills the array: what is left over is found by the next round. And a chunk whose
 * extension is longer than a connection's memory gets 500 of its own making before anybody here is asked.
 */
#include "http/server.h"

#include <errno.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "http/listen.h"
#include "http/server_internal.h"

#define POOL_BYTES (32 * 1024)  /* libmicrohttpd's per connection: headers, and a window for the body. Zeroed each time. */
#define REAP_MS 250
#define RESPONSE_HEADERS (sizeof ((struct http_response *)0)->headers / sizeof ((struct http_response *)0)->headers[0])

/* ECDHE with AEAD ciphers only (evidence.md section 16). */
static const char tls_priorities[] =
    "NONE:+VERS-TLS1.3:+VERS-TLS1.2:+ECDHE-ECDSA:+ECDHE-RSA:+AES-128-GCM:+AES-256-GCM:+CHACHA20-POLY1305:+AEAD:"
    "+SIGN-ALL:-SIGN-RSA-SHA1:-SIGN-ECDSA-SHA1:-SIGN-RSA-MD5:-SIGN-DSA-SHA1:+GROUP-X25519:+GROUP-SECP256R1:"
    "+GROUP-SECP384R1:+COMP-NULL:+CTYPE-X509:%SERVER_PRECEDENCE";

static _Thread_local struct request *handling; /* The request whose handler runs on this thread. */

/* See the head. epoll_pwait() without a mask is the same call. */
int epoll_wait(int epoll, struct epoll_event *events, int max, int timeout_ms)
{
    return epoll_pwait(epoll, events, max > 1 ? max - 1 : max, timeout_ms, NULL);
}

/* ---- responses ---- */

static void add_header(struct MHD_Response *to, struct request *r, struct str name, struct str value)
{
    /* The library leaves out values that are empty or hold line breaks: another header smuggled in. */
    (void)MHD_add_response_header(to, arena_dup(&r->face.arena, name).at, arena_dup(&r->face.arena, value).at);
}

static enum MHD_Result queue(struct request *r, int status, struct MHD_Response *response)
{
    enum MHD_Result done;

    if (atomic_load_explicit(&r->server->is_stopping, memory_order_relaxed))
        (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
    atomic_store_explicit(&r->connection->deadline_us, server_now_us() + r->server->write_us, memory_order_relaxed);
    done = MHD_queue_response(r->mhd, (unsigned)status, response);
    MHD_destroy_response(response);
    return done;
}

static enum MHD_Result queue_text(struct request *r, int status, const char *text)
{
    struct MHD_Response *response =
        MHD_create_response_from_buffer(strlen(text), (void *)(uintptr_t)text, MHD_RESPMEM_PERSISTENT);

    must(response != NULL);
    add_header(response, r, STR("Content-Type"), STR("text/plain; charset=utf-8"));
    return queue(r, status, response);
}

/* What http_respond() left; the body goes to the library. */
static enum MHD_Result queue_answer(struct request *r)
{
    struct http_response *from = &r->response;
    struct MHD_Response *response;
    size_t n = from->body.n;

    if (n > 0) {
        response = MHD_create_response_from_buffer_with_free_callback(n, from->body.at, mem_free);
        must(response != NULL);
        from->body = (struct buf){0};
    } else {
        response = MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
        must(response != NULL);
    }
    if (from->content_type.n > 0)
        add_header(response, r, STR("Content-Type"), from->content_type);
    else if (n > 0)
        (void)MHD_add_response_header(response, "Content-Type", "application/json; charset=utf-8");
    for (size_t i = 0; i < from->n_headers; i++)
        add_header(response, r, from->headers[i].name, from->headers[i].value);
    return queue(r, from->status, response);
}

void http_respond(struct http_request *face, struct http_response *response)
{
    struct request *r = face->server_side;
    struct http_server *s = r->server;
    struct MHD_Connection *mhd = r->mhd;
    bool is_inside = handling == r;

    must(response->n_headers <= RESPONSE_HEADERS);
    r->response = *response;
    *response = (struct http_response){0};
    if (is_inside) {
        must(atomic_exchange(&r->state, REQUEST_ANSWERED) == REQUEST_HANDLED);
        return;
    }
    atomic_fetch_add(&s->n_resuming, 1);
    switch (atomic_exchange(&r->state, REQUEST_ANSWERED)) {
    case REQUEST_WAITING:
        MHD_resume_connection(mhd);
        break;
    case REQUEST_GONE: /* The server was stopped meanwhile. */
        request_free(r);
        atomic_fetch_sub(&s->n_resuming, 1);
        server_release(s);
        return;
    default: /* HANDLED: the pool thread finds it. ABANDONED: too late, the server frees it. */
        break;
    }
    atomic_fetch_sub(&s->n_resuming, 1);
}

/* ---- libmicrohttpd's callbacks ---- */

/* The library would take its query to pieces next, 56 bytes of the connection's memory for each; without any left it cannot even refuse,
 * and the connection hangs until its time is over. Nobody here asks for them (http_query()), so there is no query: the text is the
 * library's own, in the memory that it writes its NULs into. */
static void end_before_query(const char *target)
{
    char *mark = strchr((char *)(uintptr_t)target, '?');
    if (mark && mark[1]) mark[1] = '\0';
}

static void *on_target(void *context, const char *target, struct MHD_Connection *mhd)
{
    struct http_server *s = context;
    struct request *r = request_new(s, mhd, target);

    if (target) end_before_query(target);

    atomic_store_explicit(&r->connection->deadline_us, server_now_us() + s->header_us, memory_order_relaxed);
    return r;
}

static size_t on_unescape(void *context, struct MHD_Connection *mhd, char *text)
{
    (void)context;
    (void)mhd;
    return strlen(text);
}

static enum MHD_Result begin(struct request *r, const char *method, const char *version)
{
    const char *text = NULL;
    int status = request_begin(r, method, version, &text);

    if (status) return queue_text(r, status, text);
    atomic_store_explicit(&r->connection->deadline_us, server_now_us() + r->server->body_us, memory_order_relaxed);
    return MHD_YES;
}

static const char stopping_text[] = "the server is stopping; the outcome is not known\n";

/* Not answered when the handler returned: the connection sleeps until http_respond(). */
static enum MHD_Result suspend(struct request *r)
{
    int expected = REQUEST_HANDLED;

    if (!request_list(r)) {
        if (!atomic_compare_exchange_strong(&r->state, &expected, REQUEST_ABANDONED)) return queue_answer(r);
        return queue_text(r, 503, stopping_text);
    }
    MHD_suspend_connection(r->mhd);
    if (!atomic_compare_exchange_strong(&r->state, &expected, REQUEST_WAITING))
        MHD_resume_connection(r->mhd); /* It was answered since; it is called once more and answers. */
    return MHD_YES;
}

static enum MHD_Result resumed(struct request *r)
{
    request_unlist(r);
    if (atomic_load(&r->state) == REQUEST_ANSWERED) return queue_answer(r);
    return queue_text(r, 503, stopping_text);
}

static enum MHD_Result handle(struct request *r)
{
    struct http_server *s = r->server;

    if (r->n_surplus > 0) return queue_text(r, 413, "body too large\n");
    if (r->is_crowded_out) return queue_text(r, 503, "too many large bodies at once; nothing was done\n");
    memset(buf_reserve(&r->body, HTTP_PADDING), 0, HTTP_PADDING);
    r->face.body = buf_str(&r->body);
    atomic_store_explicit(&r->connection->deadline_us, 0, memory_order_relaxed);
    atomic_store(&r->state, REQUEST_HANDLED);
    handling = r;
    s->handler(&r->face, s->context);
    handling = NULL;
    if (atomic_load(&r->state) == REQUEST_ANSWERED) return queue_answer(r);
    return suspend(r);
}

static enum MHD_Result on_access(void *context, struct MHD_Connection *mhd, const char *url,
                                 const char *method, const char *version, const char *body,
                                 size_t *body_n, void **request)
{
    struct request *r = *request;

    (void)context;
    (void)mhd;
    (void)url;
    if (!r->has_begun) return begin(r, method, version);
    if (*body_n > 0) {
        if (!request_add_body(r, body, *body_n)) return MHD_NO;
        *body_n = 0;
        return MHD_YES;
    }
    return r->is_suspended ? resumed(r) : handle(r);
}

static void on_completed(void *context, struct MHD_Connection *mhd, void **request,
                         enum MHD_RequestTerminationCode code)
{
    struct http_server *s = context;
    struct request *r = *request;

    (void)mhd;
    (void)code;
    if (!r) return;
    atomic_store_explicit(&r->connection->deadline_us, server_now_us() + s->idle_us + s->header_us,
                          memory_order_relaxed);
    *request = NULL;
    request_end(r);
}

static void on_connection(void *context, struct MHD_Connection *mhd, void **ret_connection,
                          enum MHD_ConnectionNotificationCode code)
{
    struct http_server *s = context;
    struct connection *c = *ret_connection;

    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        c = mem_zalloc(sizeof *c);
        c->fd = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
        atomic_store(&c->deadline_us, server_now_us() + s->idle_us + s->header_us);
        *ret_connection = c;
        (void)pthread_mutex_lock(&s->lock);
        c->next = s->connections;
        if (c->next) c->next->prev = c;
        s->connections = c;
        (void)pthread_mutex_unlock(&s->lock);
        return;
    }
    if (!c) return;
    (void)pthread_mutex_lock(&s->lock);
    if (c->prev)
        c->prev->next = c->next;
    else
        s->connections = c->next;
    if (c->next) c->next->prev = c->prev;
    (void)pthread_mutex_unlock(&s->lock);
    mem_free(c);
}

static enum MHD_Result on_accept(void *context, const struct sockaddr *address, socklen_t n)
{
    struct http_server *s = context;

    (void)address;
    (void)n;
    return atomic_load(&s->is_stopping) ? MHD_NO : MHD_YES;
}

/* Ends connections past their deadline. A descriptor in the list is open: it is closed after on_connection(). */
static void *reap(void *context)
{
    struct http_server *s = context;

    (void)pthread_mutex_lock(&s->lock);
    while (!s->is_done) {
        struct timespec until;
        int64_t now = server_now_us();

        for (struct connection *c = s->connections; c; c = c->next) {
            int64_t deadline = atomic_load_explicit(&c->deadline_us, memory_order_relaxed);
            if (deadline == 0 || deadline > now) continue;
            atomic_store_explicit(&c->deadline_us, 0, memory_order_relaxed);
            (void)shutdown(c->fd, SHUT_RDWR);
        }
        (void)clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_nsec += REAP_MS * 1000000L;
        until.tv_sec += until.tv_nsec / 1000000000L;
        until.tv_nsec %= 1000000000L;
        (void)pthread_cond_timedwait(&s->wake, &s->lock, &until);
    }
    (void)pthread_mutex_unlock(&s->lock);
    return NULL;
}

/* ---- start and stop ---- */

void server_release(struct http_server *s)
{
    if (atomic_fetch_sub(&s->n_holders, 1) != 1) return;
    (void)pthread_mutex_destroy(&s->lock);
    (void)pthread_cond_destroy(&s->wake);
    mem_free(s);
}

static unsigned threads_wanted(const struct http_options *o)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    unsigned n = o->n_threads ? o->n_threads : cores > 4 ? 4 : cores > 0 ? (unsigned)cores : 1;
    return n < WORKERS_MAX ? n : WORKERS_MAX;
}

static struct http_server *server_new(const struct http_options *o)
{
    struct http_server *s = mem_zalloc(sizeof *s);
    pthread_condattr_t attributes;

    s->handler = o->handler;
    s->context = o->context;
    s->idle_us = (o->idle_s ? o->idle_s : 30) * INT64_C(1000000);
    s->header_us = (o->header_ms ? o->header_ms : 5000) * INT64_C(1000);
    s->body_us = (o->body_ms ? o->body_ms : 15000) * INT64_C(1000);
    s->write_us = (o->write_ms ? o->write_ms : 60000) * INT64_C(1000);
    s->bodies_max = o->bodies_max ? o->bodies_max : LIMIT_BODIES_BYTES;
    s->n_workers = threads_wanted(o);
    atomic_init(&s->n_holders, 1);
    for (unsigned i = 0; i < s->n_workers; i++) (void)pthread_mutex_init(&s->workers[i].lock, NULL);
    (void)pthread_mutex_init(&s->lock, NULL);
    (void)pthread_condattr_init(&attributes);
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&s->wake, &attributes);
    (void)pthread_condattr_destroy(&attributes);
    return s;
}

static struct MHD_Daemon *start_daemon(struct http_server *s, const struct http_options *o, int listen_fd)
{
    AUTO(buf_done) struct buf cert = {0}, key = {0};
    bool has_tls = o->tls_cert_pem.n > 0;
    unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_TURBO |
                     MHD_USE_SUPPRESS_DATE_NO_CLOCK | (has_tls ? MHD_USE_TLS : 0);
    struct MHD_OptionItem items[5] = {{MHD_OPTION_END, 0, NULL}};
    int n = 0;

    buf_add_str(&cert, o->tls_cert_pem);
    buf_add_str(&key, o->tls_key_pem);
    if (s->n_workers > 1) items[n++] = (struct MHD_OptionItem){MHD_OPTION_THREAD_POOL_SIZE, (intptr_t)s->n_workers, NULL};
    if (has_tls) {
        items[n++] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_CERT, 0, (void *)(uintptr_t)buf_z(&cert)};
        items[n++] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)(uintptr_t)buf_z(&key)};
        items[n++] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)(uintptr_t)tls_priorities};
    }
    items[n] = (struct MHD_OptionItem){MHD_OPTION_END, 0, NULL};
    struct MHD_Daemon *daemon = MHD_start_daemon(
        flags, 0, on_accept, s, on_access, s, MHD_OPTION_LISTEN_SOCKET, listen_fd,
        MHD_OPTION_CONNECTION_LIMIT, o->n_connections ? o->n_connections : 4096u,
        MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)(s->idle_us / 1000000),
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)POOL_BYTES,
        MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_URI_LOG_CALLBACK, on_target, s,
        MHD_OPTION_UNESCAPE_CALLBACK, on_unescape, s, MHD_OPTION_NOTIFY_COMPLETED, on_completed, s,
        MHD_OPTION_NOTIFY_CONNECTION, on_connection, s, MHD_OPTION_ARRAY, items, MHD_OPTION_END);
    if (key.at) explicit_bzero(key.at, key.room);
    return daemon;
}

enum err http_server_start(const struct http_options *o, struct http_server **ret, struct why *why)
{
    struct http_server *s;
    uint16_t port;
    int fd;

    if ((o->tls_cert_pem.n > 0) != (o->tls_key_pem.n > 0))
        return fail(why, ERR_INPUT, "TLS needs a certificate and its key");
    TRY(listen_open(o->address, &fd, &port, why));
    s = server_new(o);
    s->port = port;
    s->daemon = start_daemon(s, o, fd);
    if (!s->daemon) {
        (void)close(fd);
        server_release(s);
        return o->tls_cert_pem.n > 0
                   ? fail(why, ERR_INPUT, "cannot serve %.*s: is the TLS certificate readable and the key its own?",
                          STR_ARG(o->address))
                   : fail(why, ERR_INTERNAL, "cannot serve %.*s: %s", STR_ARG(o->address), strerror(errno));
    }
    must(pthread_create(&s->reaper, NULL, reap, s) == 0);
    *ret = s;
    return OK;
}

uint16_t http_server_port(const struct http_server *s)
{
    return s->port;
}

static bool is_busy(struct http_server *s)
{
    int n = atomic_load(&s->n_resuming);
    for (unsigned i = 0; i < s->n_workers; i++) n += atomic_load(&s->workers[i].n_active);
    return n > 0;
}

/* Wakes what still waits for an answer: it gets a 503. True if anything was waiting. */
static bool abandon(struct http_server *s)
{
    bool any = false;

    for (unsigned i = 0; i < s->n_workers; i++) {
        struct worker *w = &s->workers[i];
        (void)pthread_mutex_lock(&w->lock);
        for (struct request *r = w->suspended; r; r = r->next) {
            int expected = REQUEST_WAITING;
            any = true;
            if (atomic_compare_exchange_strong(&r->state, &expected, REQUEST_ABANDONED))
                MHD_resume_connection(r->mhd);
        }
        (void)pthread_mutex_unlock(&w->lock);
    }
    return any;
}

static void pause_ms(int ms)
{
    struct timespec t = {.tv_nsec = ms * 1000000L};
    (void)nanosleep(&t, NULL);
}

void http_server_stop(struct http_server *s, int grace_ms)
{
    if (!s) return;
    atomic_store(&s->is_stopping, true);
    for (int ms = 0; ms < grace_ms && is_busy(s); ms++) pause_ms(1);
    atomic_store(&s->is_refusing, true);
    while (abandon(s) || atomic_load(&s->n_resuming) > 0) pause_ms(1); /* None may be suspended below. */
    for (int ms = 0; ms < 100 && is_busy(s); ms++) pause_ms(1);        /* Time to send the last answers. */
    MHD_stop_daemon(s->daemon);
    (void)pthread_mutex_lock(&s->lock);
    s->is_done = true;
    (void)pthread_cond_signal(&s->wake);
    (void)pthread_mutex_unlock(&s->lock);
    (void)pthread_join(s->reaper, NULL);
    for (unsigned i = 0; i < s->n_workers; i++) {
        struct worker *w = &s->workers[i];
        while (w->free_list) {
            struct request *r = w->free_list;
            w->free_list = r->next;
            request_free(r);
        }
        (void)pthread_mutex_destroy(&w->lock);
    }
    server_release(s);
}
