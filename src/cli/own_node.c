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
static void become(const char *const *words, int said, pid_t parent)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);

    if (null >= 0 && dup2(null, 0) >= 0 &&
        dup2(null, 1) >= 0 && dup2(said, 2) >= 0 && prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == parent) {
        (void)setpgid(0, 0); /* Ctrl-C is the parent's to handle. */
        if (strcmp(words[0], "clearline") == 0) (void)execv("/proc/self/exe", (char *const *)(uintptr_t)words);
        else (void)execvp(words[0], (char *const *)(uintptr_t)words);
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

/* Whether a whole line begins so. */
static bool has_line(struct str said, struct str begins)
{
    while (said.n && str_find(said, '\n') < said.n) {
        if (str_starts(str_cut(&said, '\n'), begins)) return true;
    }
    return begins.n == 0;
}

static enum err await_url(struct own_node *n, const char *awaited, struct why *why)
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
        if (find_url(buf_str(&said), n->url, sizeof n->url) && has_line(buf_str(&said), str_of(awaited))) return OK;
    }
    while (said.n && said.at[said.n - 1] == '\n') said.n--;
    return fail(why, ERR_UNAVAILABLE, "the node did not start: %s", said.n ? buf_z(&said) : "it said nothing");
}

void own_node_catch_signals(bool on)
{
    struct sigaction action = {.sa_handler = on ? note_signal : SIG_DFL};
    (void)sigemptyset(&action.sa_mask);
    interrupted = 0;
    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
}

enum err own_node_make_folder(char ret[PATH_MAX], struct why *why)
{
    const char *where = getenv("TMPDIR");

    if (!where || !*where) where = "/tmp";
    if (snprintf(ret, PATH_MAX, "%s/clearline-XXXXXX", where) >= PATH_MAX - 32 || !mkdtemp(ret))
        return fail(why, ERR_DISK, "no temporary folder in %s: %s", where, strerror(errno));
    return OK;
}

static enum err start_logged(struct own_node *n, const char *const *words, const char *log, pid_t parent, struct why *why)
{
    int fd = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

    if (fd < 0) return fail(why, ERR_DISK, "%s: %s", log, strerror(errno));
    n->pid = fork();
    if (n->pid == 0) become(words, fd, parent);
    (void)close(fd);
    return n->pid > 0 ? OK : fail(why, ERR_UNAVAILABLE, "no child process: %s", strerror(errno));
}

enum err own_node_spawn(struct own_node *ret, const char *const *words, const char *awaited, const char *log, struct why *why)
{
    struct own_node n = {.said_fd = -1};
    pid_t parent = getpid();
    int ends[2];

    if (!awaited) {
        TRY(start_logged(&n, words, log, parent, why));
        *ret = n;
        return OK;
    }
    if (pipe2(ends, O_CLOEXEC) != 0) return fail(why, ERR_UNAVAILABLE, "no pipe: %s", strerror(errno));
    n.pid = fork();
    if (n.pid == 0) {
        (void)fcntl(ends[1], F_SETFL, O_NONBLOCK); /* A parent that does not listen never stops the node. */
        become(words, ends[1], parent);
    }
    (void)close(ends[1]);
    n.said_fd = ends[0];
    enum err err = n.pid > 0 ? await_url(&n, awaited, why) : fail(why, ERR_UNAVAILABLE, "no child process: %s", strerror(errno));
    if (err == OK) *ret = n;
    else own_node_stop(&n);
    return err;
}

/* The node's command line: all in its folder. */
static enum err start_child(struct own_node *n, struct why *why)
{
    char data[PATH_MAX + 32], key[PATH_MAX + 32];
    struct own_node child;
    const char *const words[] = {"clearline", "serve", "--listen", "127.0.0.1:0", "--data", data, "--audience", OWN_NODE_AUDIENCE,
                                 "--token-key", key, "--entries-public", NULL};

    (void)snprintf(data, sizeof data, "%s/data", n->dir);
    (void)snprintf(key, sizeof key, "%s/tokens/public.pem", n->dir);
    TRY(own_node_spawn(&child, words, "", NULL, why));
    n->pid = child.pid;
    n->said_fd = child.said_fd;
    memcpy(n->url, child.url, sizeof n->url);
    return OK;
}

enum err own_node_start(struct own_node *ret, struct why *why)
{
    struct own_node n = {.said_fd = -1};
    enum err err;

    TRY(own_node_make_folder(n.dir, why));
    own_node_catch_signals(true);
    (void)snprintf(n.key_path, sizeof n.key_path, "%.*s/tokens", PATH_MAX - 32, n.dir);
    err = keyfile_make(n.key_path, JWT_MAKE_ED25519, why);
    (void)snprintf(n.key_path, sizeof n.key_path, "%.*s/tokens/private.pem", PATH_MAX - 32, n.dir);
    if (err == OK) err = start_child(&n, why);
    if (err == OK) {
        *ret = n;
        return OK;
    }
    own_node_stop(&n);
    own_node_catch_signals(false);
    return err;
}

static int remove_one(const char *path, const struct stat *is, int type, struct FTW *place)
{
    (void)is;
    (void)type;
    (void)place;
    (void)remove(path);
    return 0;
}

void own_node_remove_folder(const char *dir)
{
    (void)nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
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
    if (n->dir[0]) {
        own_node_remove_folder(n->dir);
        own_node_catch_signals(false); /* It was started with a folder: alone. */
    }
    *n = (struct own_node){0};
}
