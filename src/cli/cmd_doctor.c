/* cmd_doctor.c - `clearline doctor`: what a node needs from its surroundings, each with how to mend it.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A FAIL keeps a node from working or from being trusted, and makes the exit code 1. A WARN is worth knowing.
 */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

#include "base/json.h"
#include "cli/args.h"
#include "cli/cmd.h"
#include "cli/log_check.h"

enum mark { PASS, WARN, FAIL, SKIP };
static const char *const mark_names[] = {"PASS", "WARN", "FAIL", "skip"};

struct finding {
    enum mark mark;
    char what[256];
    char fix[256]; /* Empty: nothing to do. */
};

struct doctor {
    const char *data, *listen;
    bool json;
    bool has_data; /* The folder is there. */
};

#define FOUND(f, m, ...) ((f)->mark = (m), (void)snprintf((f)->what, sizeof (f)->what, __VA_ARGS__))
#define FIX(f, ...) ((void)snprintf((f)->fix, sizeof (f)->fix, __VA_ARGS__))

static int64_t monotonic_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* Makes a file in the data folder; -1 with errno. */
static int make_file(const struct doctor *d, char *ret_path, size_t room)
{
    if (snprintf(ret_path, room, "%s/doctor-XXXXXX", d->data) >= (int)room) {
        errno = ENAMETOOLONG;
        return -1;
    }
    return mkostemp(ret_path, O_CLOEXEC);
}

static void check_folder(const struct doctor *d, struct finding *f)
{
    char path[PATH_MAX];
    int fd = make_file(d, path, sizeof path);

    if (fd < 0) {
        FOUND(f, FAIL, "the data folder %.150s cannot be written: %s", d->data, strerror(errno));
        FIX(f, "make it and give it to the user that runs the node: install -d -m 700 -o USER %.150s", d->data);
        return;
    }
    (void)close(fd);
    (void)unlink(path);
    FOUND(f, PASS, "the data folder %.200s can be written", d->data);
}

static void check_space(const struct doctor *d, struct finding *f)
{
    struct statvfs fs;
    uint64_t free_mb;

    if (statvfs(d->data, &fs) != 0) {
        FOUND(f, SKIP, "free space: %s", strerror(errno));
        return;
    }
    free_mb = (uint64_t)fs.f_bavail * fs.f_frsize / 1000000;
    FOUND(f, free_mb < 200 ? FAIL : free_mb < 5000 ? WARN : PASS, "%" PRIu64 " MB are free for the journal", free_mb);
    if (f->mark != PASS) FIX(f, "a million writes take about 1,000 MB; a node that cannot append stops taking writes");
}

static int by_number(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

#define N_SYNCS 21

static void check_sync(const struct doctor *d, struct finding *f)
{
    char path[PATH_MAX], block[4096] = {0};
    int64_t took[N_SYNCS];
    int fd = make_file(d, path, sizeof path);
    bool is_good = fd >= 0;
    double median_ms;

    for (int i = 0; i < N_SYNCS && is_good; i++) {
        int64_t from = monotonic_ns();
        is_good = write(fd, block, sizeof block) == (ssize_t)sizeof block && fdatasync(fd) == 0;
        took[i] = monotonic_ns() - from;
    }
    if (!is_good) FOUND(f, FAIL, "the disk under %.150s cannot be synced: %s", d->data, strerror(errno));
    if (fd >= 0) {
        (void)close(fd);
        (void)unlink(path);
    }
    if (!is_good) {
        FIX(f, "use a local file system");
        return;
    }
    qsort(took, N_SYNCS, sizeof took[0], by_number);
    median_ms = (double)took[N_SYNCS / 2] / 1e6;
    FOUND(f, median_ms > 100 ? FAIL : median_ms > 20 ? WARN : PASS,
          "a durable write of 4 KiB takes %.2f ms (median of %d, most %.2f ms): no write is answered faster", median_ms, N_SYNCS,
          (double)took[N_SYNCS - 1] / 1e6);
    if (f->mark != PASS) FIX(f, "put the data folder on a local SSD, best with power-loss protection");
    if (median_ms < 0.02) {
        f->mark = WARN;
        FIX(f, "that is faster than any disk: make sure the folder is not on tmpfs and its disk does not ignore flushes");
    }
}

static void check_clock(const struct doctor *d, struct finding *f)
{
    struct timex t = {0};
    int state = adjtimex(&t);
    struct timespec now;

    (void)d;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    if (now.tv_sec < 1750000000) {
        FOUND(f, FAIL, "the clock is set to a time before this program was written");
        FIX(f, "timedatectl set-ntp true");
    } else if (state < 0) {
        FOUND(f, SKIP, "the kernel does not say whether the clock is synchronised: %s", strerror(errno));
    } else if (state == TIME_ERROR || (t.status & STA_UNSYNC)) {
        FOUND(f, WARN, "the kernel does not know of any synchronisation of the clock");
        FIX(f, "install chrony or systemd-timesyncd, unless the host keeps this machine's clock; tokens and plans are judged by it");
    } else {
        FOUND(f, PASS, "the clock is synchronised, to %ld ms at worst", t.maxerror / 1000);
    }
}

static void check_port(const struct doctor *d, struct finding *f)
{
    char host[256];
    const char *colon = strrchr(d->listen, ':');
    struct addrinfo hints = {.ai_flags = AI_PASSIVE | AI_NUMERICHOST, .ai_socktype = SOCK_STREAM}, *found = NULL;
    const char *at = d->listen;
    size_t n = colon ? (size_t)(colon - d->listen) : 0;
    int fd = -1, on = 1, problem;

    if (n >= 2 && at[0] == '[' && at[n - 1] == ']') {
        at++;
        n -= 2;
    }
    (void)snprintf(host, sizeof host, "%.*s", (int)n, at);
    problem = colon ? getaddrinfo(host, colon + 1, &hints, &found) : EAI_NONAME;
    if (problem) {
        FOUND(f, FAIL, "%.150s is no ADDRESS:PORT: %s", d->listen, gai_strerror(problem));
        FIX(f, "--listen 127.0.0.1:8082 or --listen [::1]:8082");
        return;
    }
    fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0) (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (fd < 0 || bind(fd, found->ai_addr, found->ai_addrlen) != 0 || listen(fd, 1) != 0) {
        bool is_taken = errno == EADDRINUSE;
        FOUND(f, is_taken ? WARN : FAIL, "%.150s cannot be listened on: %s", d->listen, strerror(errno));
        FIX(f, "%s", is_taken ? "fine if that is the node; otherwise stop the other program or choose another port"
                     : errno == EACCES ? "ports below 1024 need CAP_NET_BIND_SERVICE: AmbientCapabilities= in the unit"
                                       : "choose an address of this machine: ip -brief address");
    } else {
        FOUND(f, PASS, "%.200s can be listened on", d->listen);
    }
    if (fd >= 0) (void)close(fd);
    freeaddrinfo(found);
}

static void check_files(const struct doctor *d, struct finding *f)
{
    struct rlimit limit;

    (void)d;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        FOUND(f, SKIP, "open files: %s", strerror(errno));
        return;
    }
    FOUND(f, limit.rlim_max < 4096 + 384 ? WARN : PASS, "%llu files may be open at once", (unsigned long long)limit.rlim_max);
    if (f->mark != PASS) FIX(f, "4,096 connections want more: LimitNOFILE=8192 in the unit, or ulimit -n 8192");
}

/* Secret keys must be files of their owner alone. */
static void check_keys(const struct doctor *d, struct finding *f)
{
    char path[PATH_MAX];
    struct dirent *e;
    struct stat is;
    size_t n = 0;
    DIR *dir;

    if (snprintf(path, sizeof path, "%s/keys", d->data) >= (int)sizeof path || !(dir = opendir(path))) {
        FOUND(f, SKIP, "there are no keys yet: the node makes them when it first starts");
        return;
    }
    while ((e = readdir(dir)) != NULL) {
        if (e->d_name[0] == '.' || fstatat(dirfd(dir), e->d_name, &is, 0) != 0) continue;
        n++;
        if (!(is.st_mode & 077) && is.st_uid == geteuid()) continue;
        FOUND(f, FAIL, "the key %.80s is %s", e->d_name, is.st_mode & 077 ? "open to others than its owner" : "somebody else's file");
        FIX(f, "chown USER %.100s/* && chmod 600 %.100s/*", path, path);
        break;
    }
    (void)closedir(dir);
    if (f->mark == PASS && !f->what[0]) FOUND(f, PASS, "%zu secret keys are files of their owner alone", n);
}

static void check_journal(const struct doctor *d, struct finding *f)
{
    struct log_source *source = NULL;
    struct log_verdict v = {0};
    struct why why = {0};
    char path[PATH_MAX];
    struct stat is;
    enum err err;

    if (snprintf(path, sizeof path, "%s/journal.db", d->data) >= (int)sizeof path || stat(path, &is) != 0) {
        FOUND(f, SKIP, "there is no journal yet");
        return;
    }
    err = log_source_open_data(d->data, &source, &why);
    if (err == ERR_BUSY) {
        FOUND(f, SKIP, "the journal is in use by a running node: %.200s", why.text);
        return;
    }
    if (err == OK) err = log_check(source, NULL, &v, &why);
    if (err == OK) {
        FOUND(f, PASS, "the journal's %" PRIu64 " entries hold together, and the first %" PRIu64 " leaves are those that were signed",
              v.n_entries, v.signed_leaves);
    } else {
        FOUND(f, FAIL, "%s", why.text);
        FIX(f, "keep the folder as evidence; restore journal.db from a backup, never the file heads (docs/operating.md)");
    }
    log_verdict_done(&v);
    log_source_close(source);
}

static const struct {
    const char *name;
    void (*run)(const struct doctor *d, struct finding *f);
    bool wants_folder;
} checks[] = {
    {"folder", check_folder, false}, {"space", check_space, true}, {"disk", check_sync, true}, {"clock", check_clock, false},
    {"port", check_port, false},     {"files", check_files, false}, {"keys", check_keys, true}, {"journal", check_journal, true},
};
#define N_CHECKS (sizeof checks / sizeof checks[0])

static void print_text(const char *name, const struct finding *f)
{
    printf("%s  %-8s %s\n", mark_names[f->mark], name, f->what);
    if (f->fix[0]) printf("      %-8s -> %s\n", "", f->fix);
}

static void add_json(struct json *j, const char *name, const struct finding *f)
{
    json_open(j, '{');
    json_key(j, "check");
    json_str(j, str_of(name));
    json_key(j, "result");
    json_str(j, str_of(mark_names[f->mark]));
    json_key(j, "what");
    json_str(j, str_of(f->what));
    json_key(j, "fix");
    json_str(j, str_of(f->fix));
    json_close(j, '}');
}

int cmd_doctor(int argc, char **argv)
{
    struct doctor d = {.data = "clearline-data", .listen = "127.0.0.1:8082"};
    const struct arg options[] = {
        {"--data", "DIR", "the node's data folder (clearline-data)", ARG_TEXT, &d.data, 0, 0},
        {"--listen", "ADDR:PORT", "where it is to listen (127.0.0.1:8082)", ARG_TEXT, &d.listen, 0, 0},
        {"--json", NULL, "one JSON array on stdout", ARG_FLAG, &d.json, 0, 0},
    };
    const struct args args = {
        .command = "doctor",
        .summary = "say what is wrong with a node's surroundings, and how to mend it",
        .examples = "  clearline doctor --data node1\n"
                    "  clearline doctor --data node1 --listen 0.0.0.0:443 --json\n",
        ARGS(options),
    };
    AUTO(buf_done) struct buf out = {0};
    struct json j = {.to = &out};
    bool has_failed = false;
    struct stat is;
    int code;

    if (!args_parse(&args, argc, argv, &code)) return code;
    d.has_data = stat(d.data, &is) == 0 && S_ISDIR(is.st_mode);
    json_open(&j, '[');
    for (size_t i = 0; i < N_CHECKS; i++) {
        struct finding f = {PASS, "", ""};
        if (checks[i].wants_folder && !d.has_data) continue;
        checks[i].run(&d, &f);
        has_failed |= f.mark == FAIL;
        if (d.json) {
            add_json(&j, checks[i].name, &f);
        } else {
            print_text(checks[i].name, &f);
        }
    }
    json_close(&j, ']');
    if (d.json) printf("%.*s\n", STR_ARG(buf_str(&out)));
    return has_failed ? EXIT_NO : EXIT_YES;
}
