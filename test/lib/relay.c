/* relay.c - a relay for HTTP that loses requests, answers and time.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Each request has a connection of its own to the server ("Connection: close"), so that the end of the answer is the end of the
 * connection.
 */
#include "relay.h"

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"

#define LIMIT_MS 20000

struct relay {
    struct relay_options options;
    struct sockaddr_in to;
    int listener;
    int waker[2]; /* A byte in it ends the thread. */
    char url[64];
    pthread_t thread;
    pthread_mutex_t lock;
    struct buf held;
};

/* Reads once more; false at the end, after an error, or when nothing comes. */
static bool receive(int fd, struct buf *to)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    ssize_t n;

    if (poll(&p, 1, LIMIT_MS) != 1) return false;
    n = recv(fd, buf_reserve(to, 65536), 65536, 0);
    if (n <= 0) return false;
    to->n += (size_t)n;
    return true;
}

static bool send_all(int fd, struct str bytes)
{
    while (bytes.n) {
        ssize_t n = send(fd, bytes.at, bytes.n, MSG_NOSIGNAL);
        if (n <= 0) return false;
        bytes = str_skip(bytes, (size_t)n);
    }
    return true;
}

/* Bytes of the request with its body, once its head is there; 0 before. */
static size_t whole_size(const struct buf *request)
{
    const char *end = request->n ? memmem(request->at, request->n, "\r\n\r\n", 4) : NULL;
    size_t head, body = 0;

    if (!end) return 0;
    head = (size_t)(end - request->at) + 4;
    for (size_t at = 0; at + 16 < head; at++)
        if (strncasecmp(request->at + at, "\nContent-Length:", 16) == 0) body = strtoul(request->at + at + 16, NULL, 10);
    return head + body;
}

/* The answer as it is until the connection's end; false if there is none. */
static bool ask(struct relay *r, struct str request, struct buf *ret_answer)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    size_t line = str_find(request, '\n') + 1;
    bool good = connect(fd, (struct sockaddr *)&r->to, sizeof r->to) == 0 && send_all(fd, str_first(request, line)) &&
                send_all(fd, STR("Connection: close\r\n")) && send_all(fd, str_skip(request, line));

    while (good && receive(fd, ret_answer)) {}
    (void)close(fd);
    return good && ret_answer->n > 0;
}

/* True if the client may send more on this connection. */
static void serve(struct relay *r, int client)
{
    AUTO(buf_done) struct buf request = {0}, answer = {0};
    enum relay_fate fate = RELAY_PASS;

    while (whole_size(&request) == 0 || request.n < whole_size(&request))
        if (!receive(client, &request)) return;
    if (r->options.decide) fate = r->options.decide(r->options.context, buf_str(&request));
    if (fate == RELAY_LOSE_REQUEST) return;
    if (fate == RELAY_HOLD) {
        (void)pthread_mutex_lock(&r->lock);
        buf_clear(&r->held);
        buf_add_str(&r->held, buf_str(&request));
        (void)pthread_mutex_unlock(&r->lock);
        return;
    }
    if (!ask(r, buf_str(&request), &answer) || fate == RELAY_LOSE_ANSWER) return;
    if (r->options.change) r->options.change(r->options.context, &answer);
    (void)send_all(client, buf_str(&answer));
}

static void *run(void *context)
{
    struct relay *r = context;

    for (;;) {
        struct pollfd p[2] = {{.fd = r->listener, .events = POLLIN}, {.fd = r->waker[0], .events = POLLIN}};
        int client;
        (void)poll(p, 2, -1);
        if (p[1].revents) return NULL;
        client = accept4(r->listener, NULL, NULL, SOCK_CLOEXEC);
        if (client < 0) continue;
        serve(r, client);
        (void)shutdown(client, SHUT_RDWR);
        (void)close(client);
    }
}

struct relay *relay_start(const struct relay_options *options)
{
    struct relay *r = mem_zalloc(sizeof *r);
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof here;
    char address[32] = "";
    unsigned port = 0;

    r->options = *options;
    must(sscanf(options->url, "http://%31[0-9.]:%u", address, &port) == 2);
    r->to.sin_family = AF_INET;
    r->to.sin_port = htons((uint16_t)port);
    must(inet_pton(AF_INET, address, &r->to.sin_addr) == 1);
    r->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    must(bind(r->listener, (struct sockaddr *)&here, sizeof here) == 0 && listen(r->listener, 16) == 0);
    must(getsockname(r->listener, (struct sockaddr *)&here, &n) == 0);
    (void)snprintf(r->url, sizeof r->url, "http://127.0.0.1:%u", ntohs(here.sin_port));
    must(pipe(r->waker) == 0);
    must(pthread_mutex_init(&r->lock, NULL) == 0);
    must(pthread_create(&r->thread, NULL, run, r) == 0);
    return r;
}

void relay_stop(struct relay *r)
{
    if (!r) return;
    must(write(r->waker[1], "", 1) == 1);
    must(pthread_join(r->thread, NULL) == 0);
    (void)close(r->listener);
    (void)close(r->waker[0]);
    (void)close(r->waker[1]);
    (void)pthread_mutex_destroy(&r->lock);
    buf_done(&r->held);
    mem_free(r);
}

const char *relay_url(const struct relay *r)
{
    return r->url;
}

bool relay_release(struct relay *r)
{
    AUTO(buf_done) struct buf request = {0}, answer = {0};

    (void)pthread_mutex_lock(&r->lock);
    request = r->held;
    r->held = (struct buf){0};
    (void)pthread_mutex_unlock(&r->lock);
    return request.n && ask(r, buf_str(&request), &answer);
}
