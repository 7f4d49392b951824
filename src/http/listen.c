/* listen.c - name, bind, listen.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "http/listen.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKLOG 1024

/* Cuts "host:port" or "[host]:port" at its last colon. */
static bool split(struct str address, char ret_host[256], char ret_port[8])
{
    size_t colon = address.n;
    uint64_t number;

    while (colon > 0 && address.at[colon - 1] != ':') colon--;
    if (colon == 0) return false;
    struct str host = str_first(address, colon - 1), port = str_skip(address, colon);
    if (host.n >= 2 && host.at[0] == '[' && host.at[host.n - 1] == ']')
        host = str_first(str_skip(host, 1), host.n - 2);
    else if (str_find(host, ':') < host.n)
        return false;
    if (!str_to_u64(port, 65535, &number) || host.n >= 256 || port.n >= 8) return false;
    (void)snprintf(ret_host, 256, "%.*s", STR_ARG(host));
    (void)snprintf(ret_port, 8, "%.*s", STR_ARG(port));
    return true;
}

static int open_one(const struct addrinfo *info, bool is_any)
{
    int on = 1, off = 0;
    int fd = socket(info->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0) return -1;
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (info->ai_family == AF_INET6)
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, is_any ? &off : &on, sizeof on);
    if (bind(fd, info->ai_addr, info->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0) return fd;
    int error = errno;
    (void)close(fd);
    errno = error;
    return -1;
}

static uint16_t port_of(int fd)
{
    union {
        struct sockaddr any;
        struct sockaddr_in in;
        struct sockaddr_in6 in6;
    } name = {0};
    socklen_t n = sizeof name;

    if (getsockname(fd, &name.any, &n) != 0) return 0;
    return ntohs(name.any.sa_family == AF_INET6 ? name.in6.sin6_port : name.in.sin_port);
}

enum err listen_open(struct str address, int *ret_fd, uint16_t *ret_port, struct why *why)
{
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
    struct addrinfo *found = NULL;
    char host[256], port[8];
    int fd = -1, error;

    if (!split(address, host, port))
        return fail(why, ERR_INPUT, "\"%.*s\" is no address: HOST:PORT expected", STR_ARG(address));
    if (host[0] == '\0') hints.ai_family = AF_INET6; /* Takes IPv4 as well. */
    error = getaddrinfo(host[0] ? host : NULL, port, &hints, &found);
    if (error)
        return fail(why, ERR_INPUT, "address %.*s: %s", STR_ARG(address), gai_strerror(error));
    for (const struct addrinfo *one = found; one && fd < 0; one = one->ai_next)
        fd = open_one(one, host[0] == '\0');
    error = errno;
    freeaddrinfo(found);
    if (fd < 0 && host[0] == '\0' && error == EAFNOSUPPORT) {
        char all[24]; /* A machine without IPv6. */
        (void)snprintf(all, sizeof all, "0.0.0.0:%s", port);
        return listen_open(str_of(all), ret_fd, ret_port, why);
    }
    if (fd < 0) return fail(why, ERR_NET, "cannot listen on %.*s: %s", STR_ARG(address), strerror(error));
    *ret_fd = fd;
    *ret_port = port_of(fd);
    return OK;
}
