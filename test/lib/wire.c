/* wire.c - sockets, poll and a minimal response reader.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"

struct wire wire_open(uint16_t port)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct wire w = {.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};

    if (w.fd >= 0 && connect(w.fd, (struct sockaddr *)&to, sizeof to) != 0) {
        (void)close(w.fd);
        w.fd = -1;
    }
    return w;
}

void wire_close(struct wire *w)
{
    if (w->fd >= 0) (void)close(w->fd);
    w->fd = -1;
    buf_done(&w->in);
}

bool wire_send(struct wire *w, struct str bytes)
{
    while (bytes.n > 0) {
        struct pollfd ready = {.fd = w->fd, .events = POLLOUT};
        if (poll(&ready, 1, WIRE_LIMIT_MS) <= 0) return false;
        ssize_t n = send(w->fd, bytes.at, bytes.n, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && errno == EAGAIN) continue;
        if (n <= 0) return false;
        bytes = str_skip(bytes, (size_t)n);
    }
    return true;
}

bool wire_sendf(struct wire *w, const char *format, ...)
{
    char *text = NULL;
    va_list args;
    bool sent;
    int n;

    va_start(args, format);
    n = vasprintf(&text, format, args);
    va_end(args);
    if (n < 0) return false;
    sent = wire_send(w, str_make(text, (size_t)n));
    mem_free(text);
    return sent;
}

static bool more(struct wire *w) /* At least one further byte. */
{
    struct pollfd ready = {.fd = w->fd, .events = POLLIN};
    char *to = buf_reserve(&w->in, 65536);
    ssize_t n;

    if (w->fd < 0 || poll(&ready, 1, WIRE_LIMIT_MS) <= 0) return false;
    n = recv(w->fd, to, 65536, 0);
    if (n <= 0) return false;
    w->in.n += (size_t)n;
    return true;
}

static void take(struct wire *w, size_t n, struct buf *ret)
{
    buf_add(ret, w->in.at, n);
    memmove(w->in.at, w->in.at + n, w->in.n - n);
    w->in.n -= n;
}

struct str wire_header(const struct wire_response *r, const char *name)
{
    struct str rest = buf_str(&r->head);

    while (rest.n > 0) {
        struct str line = str_cut(&rest, '\n');
        struct str key = str_cut(&line, ':');
        if (!str_equal_nocase(key, str_of(name))) continue;
        while (line.n > 0 && line.at[0] == ' ') line = str_skip(line, 1);
        while (line.n > 0 && line.at[line.n - 1] == '\r') line.n--;
        return line;
    }
    return (struct str){0};
}

struct wire_response wire_receive(struct wire *w, bool has_body)
{
    struct wire_response r = {0};
    size_t head = 0;
    uint64_t length = 0;

    for (;;) {
        const char *end = w->in.n ? memmem(w->in.at, w->in.n, "\r\n\r\n", 4) : NULL;
        if (end) {
            head = (size_t)(end - w->in.at) + 4;
            break;
        }
        if (!more(w)) return r;
    }
    take(w, head, &r.head);
    if (r.head.n < 12) return r;
    int status = (r.head.at[9] - '0') * 100 + (r.head.at[10] - '0') * 10 + (r.head.at[11] - '0');
    if (has_body && status >= 200) (void)str_to_u64(wire_header(&r, "Content-Length"), UINT32_MAX, &length);
    while (w->in.n < length)
        if (!more(w)) return r;
    if (length) take(w, (size_t)length, &r.body);
    r.status = status;
    return r;
}

void wire_response_done(struct wire_response *r)
{
    buf_done(&r->head);
    buf_done(&r->body);
}

bool wire_ended(struct wire *w)
{
    struct pollfd ready = {.fd = w->fd, .events = POLLIN};
    char byte;

    if (w->in.n > 0 || poll(&ready, 1, WIRE_LIMIT_MS) <= 0) return false;
    return recv(w->fd, &byte, 1, 0) <= 0;
}
