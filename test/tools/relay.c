/* relay.c - a TCP relay that delays, stalls, cuts and freezes links, seeded and by command.
 * SPDX-License-Identifier: Apache-2.0
 *
 *     relay [OPTION...] NAME=LISTEN,TARGET...
 *         relay --seed 7 a-b=127.0.0.1:0,127.0.0.1:4001 b-a=127.0.0.1:0,127.0.0.1:4000
 *
 *     --delay-ms 16.5 --jitter-ms 7.5 --correlation 0.5 --loss 0.00025 --rate-mbit 27    see test/lib/delay.h; one way
 *     --seed N         of all that is random; a connection's delays follow from it, the link's place, its number and its chunks
 *     --speed N        the relay's clock runs N times as fast as the machine's
 *     --trace FILE     what was scheduled and sent, one line each, times in us since the start:
 *                          chunk LINK CONNECTION up|down BYTES ARRIVAL DELAY RELEASE [stall]     0 bytes: the end of the stream
 *                          sent LINK CONNECTION up|down BYTES RELEASE NOW
 *
 * It prints "listening NAME ADDRESS:PORT" for each link, the closed form of an undisturbed round trip, and "ready"; then obeys lines on
 * its standard input, with "ok LINE" once one holds, until "quit" or the input's end. NAME may be *, for all links.
 *
 *     cut NAME         connections are reset, new ones too
 *     cut-up NAME      one way: nothing more comes out on the target's side; what arrives is kept
 *     cut-down NAME    one way: nothing more comes out on the client's side
 *     freeze NAME      both; connections stay open, new ones wait
 *     heal NAME        ends all of these; what was kept comes out, as if sent again
 *     drop NAME        the next bytes from a client are forwarded, what is answered on that connection is dropped and both ends closed:
 *                      "dropped NAME" is printed then
 *
 * One thread, epoll. Up is from the client to the target.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/vec.h"
#include "delay.h"
#include "http/listen.h"

#define CHUNK 16384
#define QUEUE_MAX (1024 * 1024) /* Bytes of one direction; beyond, nothing is read. */

enum { CLIENT, TARGET }; /* Ends of a connection. */
enum { UP, DOWN };       /* Directions: UP is read at CLIENT and written at TARGET. */

struct chunk {
    struct chunk *next;
    int64_t release_us;
    size_t n, sent; /* n of 0: the end. */
    char bytes[];
};

struct flow {
    struct chunk *first, **last;
    size_t queued;
    struct delay delay;
    bool has_read_end, has_sent_end, is_blocked;
};

struct link {
    const char *name;
    unsigned no;
    int fd;
    uint16_t port;
    struct sockaddr_in target;
    bool is_cut, holds[2], drops_next;
    uint64_t n_connections;
};
VEC_DEFINE(link_vec, struct link);

struct connection {
    struct connection *next;
    struct link *link;
    uint64_t no;
    int fds[2];        /* By end; the target's is -1 until it may be connected. */
    uint32_t wants[2]; /* What epoll knows. */
    uint32_t ready[2]; /* What it said last. */
    bool is_connecting, is_doomed, is_dead;
    struct flow flows[2];
};

static struct delay_options options;
static uint64_t seed = 1;
static double speed = 1;
static FILE *trace;
static struct link_vec links;
static struct connection *connections;
static int poller, timer;
static struct timespec started;
static bool quits;

static _Noreturn void die(const char *what)
{
    (void)fprintf(stderr, "relay: %s: %s\n", what, strerror(errno));
    exit(1);
}

static int64_t now_us(void)
{
    struct timespec t;
    must(clock_gettime(CLOCK_MONOTONIC, &t) == 0);
    return (int64_t)(((double)(t.tv_sec - started.tv_sec) * 1e6 + (double)(t.tv_nsec - started.tv_nsec) / 1e3) * speed);
}

static const char *direction_name(int direction)
{
    return direction == UP ? "up" : "down";
}

/* ---- Connections. ---- */

static void reset(int fd)
{
    struct linger at_once = {.l_onoff = 1};
    (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    (void)close(fd);
}

/* Ends a connection: with a reset, or in order. It is freed at the end of the turn. */
static void kill_connection(struct connection *c, bool resets)
{
    if (c->is_dead) return;
    for (int end = 0; end < 2; end++) {
        if (c->fds[end] < 0) continue;
        if (resets) reset(c->fds[end]);
        else (void)close(c->fds[end]);
        c->fds[end] = -1;
    }
    c->is_dead = true;
}

static void free_dead(void)
{
    for (struct connection **at = &connections; *at;) {
        struct connection *c = *at;
        if (!c->is_dead) {
            at = &c->next;
            continue;
        }
        *at = c->next;
        for (int d = 0; d < 2; d++) {
            while (c->flows[d].first) {
                struct chunk *chunk = c->flows[d].first;
                c->flows[d].first = chunk->next;
                mem_free(chunk);
            }
        }
        mem_free(c);
    }
}

static void tune(int fd)
{
    int one = 1;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
}

static void connect_target(struct connection *c)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0) die("socket");
    c->fds[TARGET] = fd;
    tune(fd);
    if (connect(fd, (struct sockaddr *)&c->link->target, sizeof c->link->target) == 0) return;
    if (errno == EINPROGRESS) c->is_connecting = true;
    else kill_connection(c, true);
}

static void accept_one(struct link *l)
{
    int fd = accept4(l->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    struct connection *c;

    if (fd < 0) return;
    if (l->is_cut) {
        reset(fd);
        return;
    }
    tune(fd);
    c = mem_zalloc(sizeof *c);
    c->link = l;
    c->no = l->n_connections++;
    c->fds[CLIENT] = fd;
    c->fds[TARGET] = -1;
    for (unsigned d = 0; d < 2; d++) {
        c->flows[d].last = &c->flows[d].first;
        delay_init(&c->flows[d].delay, seed, l->no, c->no, d);
    }
    c->next = connections;
    connections = c;
}

static void take(struct connection *c, int direction, const char *bytes, size_t n)
{
    struct flow *f = &c->flows[direction];
    struct chunk *chunk = mem_alloc(sizeof *chunk + n);
    int64_t arrival_us = now_us(), delay_us;
    bool stalls;

    *chunk = (struct chunk){.n = n, .release_us = delay_release(&f->delay, &options, arrival_us, n, &delay_us, &stalls)};
    if (n) memcpy(chunk->bytes, bytes, n);
    *f->last = chunk;
    f->last = &chunk->next;
    f->queued += n;
    f->has_read_end |= n == 0;
    if (trace)
        (void)fprintf(trace, "chunk %s %llu %s %zu %lld %lld %lld%s\n", c->link->name, (unsigned long long)c->no, direction_name(direction),
                      n, (long long)arrival_us, (long long)delay_us, (long long)chunk->release_us, stalls ? " stall" : "");
}

static void read_end(struct connection *c, int end)
{
    char bytes[CHUNK];
    int direction = end == CLIENT ? UP : DOWN;
    ssize_t n = recv(c->fds[end], bytes, sizeof bytes, 0);

    if (n < 0) {
        if (errno != EAGAIN && errno != EINTR) kill_connection(c, true);
        return;
    }
    if (c->is_doomed && direction == DOWN) {
        (void)printf("dropped %s\n", c->link->name);
        kill_connection(c, false);
        return;
    }
    if (c->link->drops_next && direction == UP && n > 0) {
        c->link->drops_next = false;
        c->is_doomed = true;
    }
    take(c, direction, bytes, (size_t)n);
}

/* Sends what is due. */
static void send_due(struct connection *c, int direction)
{
    struct flow *f = &c->flows[direction];
    int fd = c->fds[direction == UP ? TARGET : CLIENT];
    struct chunk *chunk;
    int64_t now;

    f->is_blocked = false;
    while (fd >= 0 && !c->is_connecting && !c->link->holds[direction] && (chunk = f->first) && chunk->release_us <= (now = now_us())) {
        if (chunk->n == 0) {
            (void)shutdown(fd, SHUT_WR);
            f->has_sent_end = true;
        } else {
            ssize_t n = send(fd, chunk->bytes + chunk->sent, chunk->n - chunk->sent, MSG_NOSIGNAL);
            if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
                f->is_blocked = true;
                return;
            }
            if (n < 0) {
                kill_connection(c, true);
                return;
            }
            chunk->sent += (size_t)n;
            f->queued -= (size_t)n;
            if (chunk->sent < chunk->n) continue;
        }
        if (trace)
            (void)fprintf(trace, "sent %s %llu %s %zu %lld %lld\n", c->link->name, (unsigned long long)c->no, direction_name(direction),
                          chunk->n, (long long)chunk->release_us, (long long)now);
        f->first = chunk->next;
        if (!f->first) f->last = &f->first;
        mem_free(chunk);
    }
}

static void finish_connecting(struct connection *c)
{
    int error = 0;
    socklen_t n = sizeof error;

    if (getsockopt(c->fds[TARGET], SOL_SOCKET, SO_ERROR, &error, &n) != 0 || error) kill_connection(c, true);
    c->is_connecting = false;
}

static void set_interest(struct connection *c, int end)
{
    int reads = end == CLIENT ? UP : DOWN, writes = end == CLIENT ? DOWN : UP;
    struct epoll_event event = {.events = 0, .data.ptr = c};
    bool is_new = c->wants[end] == 0;

    if (c->fds[end] < 0) return;
    bool connects = end == TARGET && c->is_connecting;
    if (!c->flows[reads].has_read_end && c->flows[reads].queued < QUEUE_MAX && !connects) event.events |= EPOLLIN;
    if (c->flows[writes].is_blocked || connects) event.events |= EPOLLOUT;
    event.events |= EPOLLONESHOT; /* Armed anew each turn, so hang-ups that nobody reads do not spin. */
    if (epoll_ctl(poller, is_new ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, c->fds[end], &event) != 0) die("epoll_ctl");
    c->wants[end] = event.events;
}

/* One turn of a connection: what came, what is due, what to wait for. */
static void turn(struct connection *c)
{
    for (int end = 0; end < 2 && !c->is_dead; end++) {
        int direction = end == CLIENT ? UP : DOWN;
        struct flow *f = &c->flows[direction];
        if (c->fds[end] < 0) {
            if (end == TARGET && !c->link->holds[UP] && !c->link->holds[DOWN]) connect_target(c);
            continue;
        }
        if (end == TARGET && c->is_connecting) {
            if (c->ready[end]) finish_connecting(c);
        } else if (c->ready[end] && !f->has_read_end && f->queued < QUEUE_MAX) {
            read_end(c, end);
        }
        c->ready[end] = 0;
    }
    for (int d = 0; d < 2 && !c->is_dead; d++) send_due(c, d);
    if (c->flows[UP].has_sent_end && c->flows[DOWN].has_sent_end) kill_connection(c, false);
}

/* ---- Commands. ---- */

static void apply(struct link *l, struct str command)
{
    if (str_equal(command, STR("cut"))) {
        l->is_cut = true;
        for (struct connection *c = connections; c; c = c->next)
            if (c->link == l) kill_connection(c, true);
    }
    if (str_equal(command, STR("cut-up")) || str_equal(command, STR("freeze"))) l->holds[UP] = true;
    if (str_equal(command, STR("cut-down")) || str_equal(command, STR("freeze"))) l->holds[DOWN] = true;
    if (str_equal(command, STR("drop"))) l->drops_next = true;
    if (str_equal(command, STR("heal"))) l->is_cut = l->holds[UP] = l->holds[DOWN] = l->drops_next = false;
}

static void obey(struct str line)
{
    static const char *const known[] = {"cut", "cut-up", "cut-down", "freeze", "drop", "heal"};
    struct str rest = line, command = str_cut(&rest, ' ');
    bool is_known = false, is_found = false;

    if (str_equal(line, STR("quit"))) {
        quits = true;
        return;
    }
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) is_known |= str_equal(command, str_of(known[i]));
    for (size_t i = 0; i < links.n && is_known; i++) {
        if (!str_equal(rest, STR("*")) && !str_equal(rest, str_of(links.at[i].name))) continue;
        apply(&links.at[i], command);
        is_found = true;
    }
    (void)printf("%s %.*s\n", is_found ? "ok" : "unknown", STR_ARG(line));
}

static void read_commands(void)
{
    static char line[256];
    static size_t n;
    ssize_t got = read(STDIN_FILENO, line + n, sizeof line - n);
    char *end;

    if (got <= 0 || n + (size_t)got == sizeof line) {
        quits = true;
        return;
    }
    n += (size_t)got;
    while ((end = memchr(line, '\n', n))) {
        size_t length = (size_t)(end - line);
        obey(str_make(line, length));
        n -= length + 1;
        memmove(line, end + 1, n);
    }
}

/* ---- The loop. ---- */

static void set_timer(void)
{
    int64_t next_us = INT64_MAX, wait_ns, now;
    struct itimerspec at = {0};

    for (struct connection *c = connections; c; c = c->next) {
        for (int d = 0; d < 2; d++) {
            const struct flow *f = &c->flows[d];
            if (c->is_connecting || c->fds[d == UP ? TARGET : CLIENT] < 0 || c->link->holds[d] || f->is_blocked || !f->first) continue;
            if (f->first->release_us < next_us) next_us = f->first->release_us;
        }
    }
    if (next_us < INT64_MAX) {
        now = now_us();
        wait_ns = next_us > now ? (int64_t)((double)(next_us - now) * 1000 / speed) + 1 : 1;
        at.it_value = (struct timespec){wait_ns / 1000000000, wait_ns % 1000000000};
    }
    must(timerfd_settime(timer, 0, &at, NULL) == 0);
}

static void watch(int fd, void *what)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = what};
    if (epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event) != 0) die("epoll_ctl");
}

static bool is_link(const void *what)
{
    return (const struct link *)what >= links.at && (const struct link *)what < links.at + links.n;
}

static void run(void)
{
    static char commands, ticks; /* Their addresses tell epoll's answers apart. */
    struct epoll_event events[64];

    watch(STDIN_FILENO, &commands);
    watch(timer, &ticks);
    for (size_t i = 0; i < links.n; i++) watch(links.at[i].fd, &links.at[i]);
    while (!quits) {
        int n = epoll_wait(poller, events, 64, -1);
        if (n < 0 && errno != EINTR) die("epoll_wait");
        for (int i = 0; i < n; i++) {
            void *what = events[i].data.ptr;
            uint64_t expirations;
            if (what == &commands) read_commands();
            else if (what == &ticks) (void)!read(timer, &expirations, sizeof expirations);
            else if (is_link(what)) accept_one(what);
            else ((struct connection *)what)->ready[CLIENT] = ((struct connection *)what)->ready[TARGET] = events[i].events;
        }
        for (struct connection *c = connections; c; c = c->next) turn(c);
        free_dead();
        for (struct connection *c = connections; c; c = c->next)
            for (int end = 0; end < 2; end++) set_interest(c, end);
        set_timer();
        (void)fflush(stdout);
    }
}

static void add_link(char *text)
{
    char *listen = strchr(text, '='), *target = listen ? strchr(listen, ',') : NULL, *colon = target ? strrchr(target, ':') : NULL;
    struct link l = {.name = text, .no = (unsigned)links.n, .target = {.sin_family = AF_INET}};
    struct why why;

    if (!colon) {
        (void)fprintf(stderr, "relay: %s is not NAME=LISTEN,TARGET\n", text);
        exit(2);
    }
    *listen++ = *target++ = *colon++ = '\0';
    l.target.sin_port = htons((uint16_t)strtoul(colon, NULL, 10));
    if (inet_pton(AF_INET, target, &l.target.sin_addr) != 1 || l.target.sin_port == 0) {
        (void)fprintf(stderr, "relay: %s: the target is not an IPv4 address and a port\n", text);
        exit(2);
    }
    if (listen_open(str_of(listen), &l.fd, &l.port, &why) != OK) {
        (void)fprintf(stderr, "relay: %s\n", why.text);
        exit(1);
    }
    if (fcntl(l.fd, F_SETFL, fcntl(l.fd, F_GETFL) | O_NONBLOCK) != 0) die("fcntl");
    link_vec_add(&links, l);
    (void)printf("listening %s 127.0.0.1:%u\n", l.name, l.port);
}

static void read_options(int argc, char **argv)
{
    static const struct option known[] = {{"delay-ms", 1, NULL, 'd'}, {"jitter-ms", 1, NULL, 'j'}, {"correlation", 1, NULL, 'c'},
                                          {"loss", 1, NULL, 'l'}, {"rate-mbit", 1, NULL, 'r'}, {"seed", 1, NULL, 's'},
                                          {"speed", 1, NULL, 'v'}, {"trace", 1, NULL, 't'}, {0}};
    int option;

    while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
        switch (option) {
        case 'd': options.mean_ms = strtod(optarg, NULL); break;
        case 'j': options.jitter_ms = strtod(optarg, NULL); break;
        case 'c': options.correlation = strtod(optarg, NULL); break;
        case 'l': options.loss = strtod(optarg, NULL); break;
        case 'r': options.rate_mbit = strtod(optarg, NULL); break;
        case 's': seed = strtoull(optarg, NULL, 10); break;
        case 'v': speed = strtod(optarg, NULL); break;
        case 't':
            trace = fopen(optarg, "w");
            if (!trace) die(optarg);
            break;
        default: exit(2);
        }
    }
    if (options.correlation < 0 || options.correlation > 1 || options.loss < 0 || options.loss > 1 || speed <= 0) {
        (void)fprintf(stderr, "relay: --correlation and --loss are shares of one, --speed is above 0\n");
        exit(2);
    }
}

int main(int argc, char **argv)
{
    options = delay_default();
    read_options(argc, argv);
    must(clock_gettime(CLOCK_MONOTONIC, &started) == 0);
    (void)signal(SIGPIPE, SIG_IGN);
    poller = epoll_create1(EPOLL_CLOEXEC);
    timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (poller < 0 || timer < 0) die("epoll");
    for (int i = optind; i < argc; i++) add_link(argv[i]);
    (void)printf("round trip p50 %.2f ms p99 %.2f ms\nready\n", delay_round_trip(&options, 0.5), delay_round_trip(&options, 0.99));
    (void)fflush(stdout);
    run();
    for (struct connection *c = connections; c; c = c->next) kill_connection(c, true);
    free_dead();
    for (size_t i = 0; i < links.n; i++) (void)close(links.at[i].fd);
    link_vec_done(&links);
    return trace && fclose(trace) != 0 ? 1 : 0;
}
