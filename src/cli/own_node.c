/* own_node.c - starts `clearline serve` as a child, and tidies up after it.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "cli/own_node.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "cli/keyfile.h"

#define START_LIMIT_MS 30000
#define STOP_LIMIT_MS 10000
#define LISTENING STR("listening on ")

static volatile sig_atomic_t interrupted;

static void note_signal(int number)
{
    (void)number;
    interrupted = 1;
}

bool own_node_is_interrupted(void)
{
    return interrupted != 0;
}

static int64_t monotonic_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* In the child, between fork and exec. */
static void become_node(const struct own_node *n, int said, pid_t parent)
{
    char data[PATH_MAX + 32], key[PATH_MAX + 32];
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);

    (void)snprintf(data, sizeof data, "%s/data", n->dir);
    (void)snprintf(key, sizeof key, "%s/tokens/public.pem", n->dir);
    if (null >= 0 && dup2(null, 0) >= 0 &&
        dup2(null, 1) >= 0 && dup2(said, 2) >= 0 && prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == parent) {
        (void)setpgid(0, 0); /* Ctrl-C is the parent's to handle. */
        (void)execl("/proc/self/exe", "clearline", "serve", "--listen", "127.0.0.1:0", "--data", data, "--audience",
                    OWN_NODE_AUDIENCE, "--token-key", key, "--entries-public", (char *)NULL);
    }
    _exit(127);
}

/* The line that begins with LISTENING, once it is whole. */
static bool find_url(struct str said, char *ret_url, size_t room)
{
    while (said.n) {
        size_t n = str_find(said, '\n');
        struct str line = str_first(said, n);
        if (n == said.n) return false;
        if (str_starts(line, LISTENING)) {
            struct str url = str_skip(line, LISTENING.n);
            return snprintf(ret_url, room, "%.*s", STR_ARG(url)) < (int)room;
        }
        said = str_skip(said, n + 1);
    }
    return false;
}

static enum err await_url(struct own_node *n, struct why *why)
{
    AUTO(buf_done) struct buf said = {0};
    int64_t until = monotonic_ms() + START_LIMIT_MS;

    for (;;) {
        struct pollfd waiting = {.fd = n->said_fd, .events = POLLIN};
        int64_t left = until - monotonic_ms();
        ssize_t got;
        if (interrupted) return fail(why, ERR_UNAVAILABLE, "interrupted");
        if (left <= 0) return fail(why, ERR_UNAVAILABLE, "the node did not start within %d s", START_LIMIT_MS / 1000);
        if (poll(&waiting, 1, (int)left) <= 0) continue;
        got = read(n->said_fd, buf_reserve(&said, 4096), 4096);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) break;
        said.n += (size_t)got;
        if (find_url(buf_str(&said), n->url, sizeof n->url)) return OK;
    }
    while (said.n && said.at[said.n - 1] == '\n') said.n--;
    return fail(why, ERR_UNAVAILABLE, "the node did not start: %s", said.n ? buf_z(&said) : "it said nothing");
}

static void catch_signals(bool on)
{
    struct sigaction action = {.sa_handler = on ? note_signal : SIG_DFL};
    (void)sigemptyset(&action.sa_mask);
    interrupted = 0;
    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
}

enum err own_node_start(struct own_node *ret, struct why *why)
{
    const char *where = getenv("TMPDIR");
    struct own_node n = {.said_fd = -1};
    int ends[2];
    pid_t parent = getpid();
    enum err err;

    if (snprintf(n.dir, sizeof n.dir, "%s/clearline-XXXXXX", where && *where ? where : "/tmp") >= (int)sizeof n.dir - 32 ||
        !mkdtemp(n.dir))
        return fail(why, ERR_DISK, "no temporary folder in %s: %s", where && *where ? where : "/tmp", strerror(errno));
    catch_signals(true);
    (void)snprintf(n.key_path, sizeof n.key_path, "%.*s/tokens", PATH_MAX - 32, n.dir);
    err = keyfile_make(n.key_path, JWT_MAKE_ED25519, why);
    if (err != OK) {
        own_node_stop(&n);
        return err;
    }
    (void)snprintf(n.key_path, sizeof n.key_path, "%.*s/tokens/private.pem", PATH_MAX - 32, n.dir);
    if (pipe2(ends, O_CLOEXEC) != 0 || (n.pid = fork()) < 0) {
        n.pid = 0;
        own_node_stop(&n);
        return fail(why, ERR_UNAVAILABLE, "no child process: %s", strerror(errno));
    }
    if (n.pid == 0) {
        (void)fcntl(ends[1], F_SETFL, O_NONBLOCK); /* A parent that does not listen never stops the node. */
        become_node(&n, ends[1], parent);
    }
    (void)close(ends[1]);
    n.said_fd = ends[0];
    err = await_url(&n, why);
    if (err != OK) {
        own_node_stop(&n);
        return err;
    }
    *ret = n;
    return OK;
}

static int remove_one(const char *path, const struct stat *is, int type, struct FTW *place)
{
    (void)is;
    (void)type;
    (void)place;
    (void)remove(path);
    return 0;
}

void own_node_stop(struct own_node *n)
{
    if (!n) return;
    if (n->pid > 0) {
        struct pollfd ended = {.fd = pidfd_open(n->pid, 0), .events = POLLIN};
        (void)kill(n->pid, SIGTERM);
        if (ended.fd < 0 || poll(&ended, 1, STOP_LIMIT_MS) != 1) (void)kill(n->pid, SIGKILL);
        while (waitpid(n->pid, NULL, 0) < 0 && errno == EINTR) {
        }
        if (ended.fd >= 0) (void)close(ended.fd);
    }
    if (n->said_fd > 0) (void)close(n->said_fd);
    if (n->dir[0]) (void)nftw(n->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    catch_signals(false);
    *n = (struct own_node){0};
}
