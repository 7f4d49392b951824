/* lane.c - connections of the load generator and its schedule.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "load.h"

int64_t clock_ns(clockid_t clock)
{
    struct timespec t;

    must(clock_gettime(clock, &t) == 0);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

_Noreturn void stop(const char *what)
{
    (void)fprintf(stderr, "load: %s%s%s\n", what, errno ? ": " : "", errno ? strerror(errno) : "");
    exit(2);
}

static void wait_for(struct lane *l, bool writes)
{
    struct epoll_event e = {.events = EPOLLIN | (writes ? EPOLLOUT : 0), .data.ptr = l};

    if (l->waits_to_write == writes) return;
    l->waits_to_write = writes;
    if (epoll_ctl(load.epoll, EPOLL_CTL_MOD, l->fd, &e) != 0) stop("epoll_ctl");
}

static void write_some(struct lane *l)
{
    while (l->n_sent < l->out.n) {
        ssize_t n = send(l->fd, l->out.at + l->n_sent, l->out.n - l->n_sent, MSG_NOSIGNAL);
        if (n < 0 && errno == EAGAIN) {
            wait_for(l, true);
            return;
        }
        if (n < 0) stop("sending");
        l->n_sent += (size_t)n;
    }
    wait_for(l, false);
}

static bool begin(struct lane *l, int64_t due_ns)
{
    if (!work_next(l)) return false;
    l->due_ns = due_ns;
    l->is_busy = true;
    load.n_busy++;
    load.n_sent++;
    write_some(l);
    return true;
}

static void make_idle(unsigned lane)
{
    load.idle[(load.idle_at + load.n_idle++) % load.n_lanes] = lane;
}

static void read_head(struct lane *l)
{
    const char *end = memmem(l->in.at, l->in.n, "\r\n\r\n", 4), *at;
    struct str head;

    if (!end) return;
    head = str_make(l->in.at, (size_t)(end - l->in.at));
    errno = 0;
    if (head.n < 12 || memcmp(head.at, "HTTP/1.1 ", 9) != 0) stop("not an HTTP/1.1 answer");
    l->status = atoi(head.at + 9);
    l->n_head = head.n + 4;
    at = memmem(head.at, head.n, "ontent-Length: ", 15);
    if (!at) at = memmem(head.at, head.n, "ontent-length: ", 15);
    if (!at && l->status != 204) stop("an answer without Content-Length");
    l->n_wanted = l->n_head + (at ? strtoull(at + 15, NULL, 10) : 0);
}

static void read_some(struct lane *l)
{
    ssize_t n = recv(l->fd, buf_reserve(&l->in, 65536), 65536, 0);

    if (n < 0 && errno == EAGAIN) return;
    if (n == 0) errno = 0;
    if (n <= 0) stop(l->is_busy ? "the server closed a connection that waits for an answer" : "connection closed");
    l->in.n += (size_t)n;
    if (!l->n_wanted) read_head(l);
    if (!l->n_wanted || l->in.n < l->n_wanted) return;
    l->is_busy = false;
    load.n_busy--;
    work_answered(l, str_make(l->in.at + l->n_head, l->n_wanted - l->n_head));
    buf_clear(&l->in);
    l->n_wanted = 0;
    if (load.phase == RUN && load.rate > 0) {
        make_idle((unsigned)(l - load.lanes));
    } else {
        int64_t now = clock_ns(CLOCK_MONOTONIC);
        if (load.phase != RUN || now < load.end_ns) (void)begin(l, now);
    }
}

static void connect_lane(struct lane *l)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(load.port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = l};
    int on = 1;

    l->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (l->fd < 0 || connect(l->fd, (struct sockaddr *)&to, sizeof to) != 0) stop("connecting");
    if (setsockopt(l->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0 || fcntl(l->fd, F_SETFL, O_NONBLOCK) != 0 ||
        epoll_ctl(load.epoll, EPOLL_CTL_ADD, l->fd, &e) != 0)
        stop("setting up a connection");
}

/* ---- Phases. ---- */

static int64_t server_cpu_ns(void)
{
    clockid_t clock;

    if (!load.server_pid) return 0;
    errno = clock_getcpuclockid(load.server_pid, &clock);
    if (errno) stop("--pid");
    return clock_ns(clock);
}

static void start_phase(enum phase phase)
{
    int64_t now = clock_ns(CLOCK_MONOTONIC);

    load.phase = phase;
    load.next_made = 0;
    load.n_idle = load.idle_at = 0;
    if (phase == RUN) {
        load.start_ns = now;
        load.measure_ns = now + (int64_t)(load.warm_up * 1e9);
        load.end_ns = load.measure_ns + (int64_t)(load.seconds * 1e9);
        load.n_due = load.n_sent = 0;
        load.cpu_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
        load.server_ns = server_cpu_ns();
    }
    for (unsigned i = 0; i < load.n_lanes; i++) {
        if (phase == RUN && load.rate > 0) make_idle(i);
        else (void)begin(&load.lanes[i], now);
    }
}

/* Sends what is due; returns nanoseconds until the next is, or -1 to wait for answers only. */
static int64_t send_due(void)
{
    for (;;) {
        int64_t now = clock_ns(CLOCK_MONOTONIC);
        int64_t due = load.start_ns + (int64_t)((double)load.n_due * 1e9 / load.rate);
        unsigned lane;
        if (due >= load.end_ns) return -1;
        if (due > now) return due - now;
        if (load.n_idle == 0) return -1;
        lane = load.idle[load.idle_at];
        load.idle_at = (load.idle_at + 1) % load.n_lanes;
        load.n_idle--;
        load.n_due++;
        (void)begin(&load.lanes[lane], due);
    }
}

void phase_run(enum phase phase)
{
    struct epoll_event events[256];

    start_phase(phase);
    for (;;) {
        int64_t wait_ns = phase == RUN && load.rate > 0 ? send_due() : -1;
        struct timespec wait = {wait_ns / 1000000000, wait_ns % 1000000000};
        int n;
        if (load.n_busy == 0 && wait_ns < 0) break;
        n = epoll_pwait2(load.epoll, events, 256, wait_ns < 0 ? NULL : &wait, NULL);
        if (n < 0 && errno != EINTR) stop("epoll_pwait2");
        for (int i = 0; i < n; i++) {
            struct lane *l = events[i].data.ptr;
            if (events[i].events & EPOLLOUT) write_some(l);
            if (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) read_some(l);
        }
    }
    if (phase != RUN) return;
    load.cpu_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID) - load.cpu_ns;
    load.server_ns = server_cpu_ns() - load.server_ns;
}

void lanes_connect(void)
{
    load.epoll = epoll_create1(EPOLL_CLOEXEC);
    for (unsigned i = 0; i < load.n_lanes; i++) connect_lane(&load.lanes[i]);
}
