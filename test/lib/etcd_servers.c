/* etcd_servers.c - real etcd processes for a test: on loopback, in memory where there is a /dev/shm.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "etcd_servers.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/b64.h"
#include "base/mem.h"
#include "http/client.h"
#include "journal/etcd.h"

struct member {
    pid_t pid; /* 0: not running. */
    char client[80], peer[80];
};

struct etcd_servers {
    struct etcd_servers_options options;
    char folder[64];
    struct member members[ETCD_SERVERS_MAX];
    const char *urls[ETCD_SERVERS_MAX];
    char cluster[600];
    char tls_files[3][300]; /* CA, certificate, key. */
};

static int64_t now_ms(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void breathe(void)
{
    (void)nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
}

bool etcd_servers_can(void)
{
    const char *path = getenv("PATH");
    struct str rest = str_of(path ? path : "");

    while (rest.n) {
        struct str folder = str_cut(&rest, ':');
        char file[300];
        (void)snprintf(file, sizeof file, "%.*s/etcd", STR_ARG(str_first(folder, 250)));
        if (access(file, X_OK) == 0) return true;
    }
    return false;
}

/* Two ports that nobody uses on the address. */
static bool choose_ports(uint32_t address, uint16_t ret[2])
{
    int fds[2] = {-1, -1};
    bool good = true;

    for (int i = 0; i < 2; i++) {
        struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(address)};
        socklen_t n = sizeof at;
        fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        good = good && bind(fds[i], (struct sockaddr *)&at, sizeof at) == 0 && getsockname(fds[i], (struct sockaddr *)&at, &n) == 0;
        ret[i] = ntohs(at.sin_port);
    }
    for (int i = 0; i < 2; i++) (void)close(fds[i]);
    return good;
}

static void start_member(struct etcd_servers *s, size_t i)
{
    struct member *m = &s->members[i];
    char name[16], data[96], log[96], quota[32];
    const char *argv[40];
    int n = 0;

    (void)snprintf(name, sizeof name, "m%zu", i);
    (void)snprintf(data, sizeof data, "%s/%zu", s->folder, i);
    (void)snprintf(log, sizeof log, "%s/%zu.log", s->folder, i);
    (void)snprintf(quota, sizeof quota, "%ld", s->options.quota_bytes);
    const char *const fixed[] = {"etcd", "--name", name, "--data-dir", data, "--listen-client-urls", m->client,
                                 "--advertise-client-urls", m->client, "--listen-peer-urls", m->peer,
                                 "--initial-advertise-peer-urls", m->peer, "--initial-cluster", s->cluster,
                                 "--heartbeat-interval", "50", "--election-timeout", "500", "--logger", "zap", "--log-level", "error"};
    for (; n < (int)(sizeof fixed / sizeof *fixed); n++) argv[n] = fixed[n];
    if (s->options.quota_bytes) {
        argv[n++] = "--quota-backend-bytes";
        argv[n++] = quota;
    }
    if (s->options.tls) {
        const char *const tls[] = {"--client-cert-auth", "--trusted-ca-file", s->tls_files[0], "--cert-file", s->tls_files[1],
                                   "--key-file", s->tls_files[2]};
        for (size_t k = 0; k < sizeof tls / sizeof *tls; k++) argv[n++] = tls[k];
    }
    argv[n] = NULL;
    m->pid = fork();
    if (m->pid != 0) return;
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    int fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
    (void)dup2(fd, 1);
    (void)dup2(fd, 2);
    (void)setenv("GOMAXPROCS", "2", 1);
    (void)execvp(argv[0], (char *const *)argv);
    _exit(127);
}

static bool ask(struct etcd_servers *s, size_t i, struct etcd_status *ret)
{
    struct etcd_options options = {.endpoints = &s->urls[i],
                                   .n_endpoints = 1,
                                   .allow_old = true,
                                   .timeout_ms = 1000,
                                   .ca_file = s->options.tls ? s->tls_files[0] : NULL,
                                   .cert_file = s->options.tls ? s->tls_files[1] : NULL,
                                   .key_file = s->options.tls ? s->tls_files[2] : NULL};
    struct etcd *e;
    bool good;

    if (etcd_new(&options, &e, NULL) != OK) return false;
    good = etcd_ask_status(e, ret, NULL) == OK;
    if (good) {
        struct etcd_range range = {.key = STR("x")};
        struct etcd_answer answer = {0};
        good = etcd_read(e, &range, 0, &answer, NULL) == OK;
        etcd_answer_done(&answer);
    }
    etcd_free(e);
    return good;
}

static void print_logs(const struct etcd_servers *s)
{
    for (size_t i = 0; i < s->options.n; i++) {
        char line[300];
        (void)snprintf(line, sizeof line, "%s/%zu.log", s->folder, i);
        FILE *f = fopen(line, "r");
        while (f && fgets(line, sizeof line, f)) printf("# %s%s", line, strchr(line, '\n') ? "" : "\n");
        if (f) (void)fclose(f);
    }
}

static bool choose_places(struct etcd_servers *s)
{
    const char *scheme = s->options.tls ? "https" : "http";
    uint32_t pid = (uint32_t)getpid();
    uint32_t address = (s->options.tls ? 127U << 24 | 1 : 127U << 24 | (1 + (pid >> 16 & 127)) << 16 | (pid & 0xff00) | ((pid & 0xff) | 1));

    for (size_t i = 0; i < s->options.n; i++) {
        struct member *m = &s->members[i];
        uint16_t ports[2];
        char text[INET_ADDRSTRLEN];
        struct in_addr in = {htonl(address)};
        if (!choose_ports(address, ports) || !inet_ntop(AF_INET, &in, text, sizeof text)) return false;
        (void)snprintf(m->client, sizeof m->client, "%s://%s:%u", scheme, text, ports[0]);
        (void)snprintf(m->peer, sizeof m->peer, "http://%s:%u", text, ports[1]);
        (void)snprintf(s->cluster + strlen(s->cluster), sizeof s->cluster - strlen(s->cluster), "%sm%zu=%s", i ? "," : "", i, m->peer);
        s->urls[i] = m->client;
    }
    return true;
}

struct etcd_servers *etcd_servers_start(const struct etcd_servers_options *options)
{
    struct etcd_servers *s = mem_zalloc(sizeof *s);
    const char *tmp = getenv("TMPDIR");
    int64_t until = now_ms() + ETCD_LIMIT_MS;

    s->options = *options;
    if (s->options.n == 0) s->options.n = 1;
    must(s->options.n <= ETCD_SERVERS_MAX);
    for (int i = 0; options->tls && i < 3; i++)
        (void)snprintf(s->tls_files[i], sizeof s->tls_files[i], "%s/%s", options->tls, (const char *[]){"ca.pem", "cert.pem", "key.pem"}[i]);
    if (access("/dev/shm", W_OK) == 0) tmp = "/dev/shm";
    (void)snprintf(s->folder, sizeof s->folder, "%s/etcd-XXXXXX", tmp && strlen(tmp) < 40 ? tmp : "/tmp");
    if (!mkdtemp(s->folder) || !choose_places(s)) {
        printf("# no folder or no ports for etcd\n");
        mem_free(s);
        return NULL;
    }
    for (size_t i = 0; i < s->options.n; i++) start_member(s, i);
    for (size_t i = 0; i < s->options.n;) {
        struct etcd_status status;
        if (ask(s, i, &status)) i++;
        else if (now_ms() < until && waitpid(s->members[i].pid, NULL, WNOHANG) == 0) breathe();
        else {
            print_logs(s);
            etcd_servers_stop(s);
            return NULL;
        }
    }
    return s;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

void etcd_servers_stop(struct etcd_servers *s)
{
    if (!s) return;
    for (size_t i = 0; i < s->options.n; i++) etcd_servers_signal(s, (int)i, SIGKILL);
    (void)nftw(s->folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    mem_free(s);
}

const char *const *etcd_servers_urls(const struct etcd_servers *s)
{
    return s->urls;
}

int etcd_servers_leader(struct etcd_servers *s)
{
    int64_t until = now_ms() + ETCD_LIMIT_MS;

    while (now_ms() < until) {
        for (size_t i = 0; i < s->options.n; i++) {
            struct etcd_status status;
            if (s->members[i].pid && ask(s, i, &status) && status.is_leader) return (int)i;
        }
        breathe();
    }
    return -1;
}

void etcd_servers_signal(struct etcd_servers *s, int member, int signal)
{
    struct member *m = &s->members[member];

    if (m->pid <= 0) return;
    (void)kill(m->pid, signal);
    if (signal != SIGKILL) return;
    (void)waitpid(m->pid, NULL, 0);
    m->pid = 0;
}

void etcd_servers_again(struct etcd_servers *s, int member)
{
    must(s->members[member].pid == 0);
    start_member(s, (size_t)member);
}

/* One call of the first member's gateway; ret is appended to, and may be NULL. */
static bool post(struct etcd_servers *s, const char *path, struct str body, struct buf *ret)
{
    struct http_client_options options = {0};
    struct http_client *c = http_client_new(&options);
    AUTO(buf_done) struct buf url = {0}, answer = {0};
    int status = 0;
    bool good;

    buf_addf(&url, "%s%s", s->urls[0], path);
    good = http_client_call(c, &(struct http_call){.method = "POST", .url = buf_z(&url), .body = body}, &status, &answer, NULL) == OK;
    if (good && ret) buf_add_str(ret, buf_str(&answer));
    http_client_free(c);
    return good && status == 200;
}

bool etcd_servers_put(struct etcd_servers *s, struct str key, struct str value)
{
    AUTO(buf_done) struct buf body = {0};

    buf_add_str(&body, STR("{\"key\":\""));
    b64_add(&body, B64_STANDARD, key.at, key.n);
    buf_add_str(&body, STR("\",\"value\":\""));
    b64_add(&body, B64_STANDARD, value.at, value.n);
    buf_add_str(&body, STR("\"}"));
    return post(s, "/v3/kv/put", buf_str(&body), NULL);
}

bool etcd_servers_compact(struct etcd_servers *s)
{
    AUTO(buf_done) struct buf status = {0}, body = {0};
    const char *at;

    if (!post(s, "/v3/maintenance/status", STR("{}"), &status)) return false;
    at = strstr(buf_z(&status), "\"revision\":\"");
    if (!at) return false;
    buf_addf(&body, "{\"revision\":\"%lld\",\"physical\":true}", atoll(at + strlen("\"revision\":\"")));
    return post(s, "/v3/kv/compaction", buf_str(&body), NULL);
}
