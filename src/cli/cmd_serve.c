/* cmd_serve.c - `clearline serve`: one node with its HTTP server, until SIGTERM.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/api.h"
#include "api/peer.h"
#include "api/peer_link.h"
#include "base/limits.h"
#include "cli/args.h"
#include "cli/cmd.h"
#include "cli/keyfile.h"
#include "http/server.h"
#include "node/peers.h"

#define N_CONNECTIONS 4096 /* At most, at a time. */
#define N_PEER_CONNECTIONS 256
#define FILES_SPARE 384    /* Open files besides them: peers', the journal's, snapshots, reports, calls out. */
#define FILES_WANTED 65536

struct serve {
    /* Options. */
    const char *listen, *data, *journal, *origin, *member, *jwks, *issuers, *locality;
    const char *public_endpoint, *tls_cert, *tls_key, *covering, *access_log;
    const char *genesis, *etcd, *etcd_cacert, *etcd_cert, *etcd_key;
    const char *peer_listen, *peer_url, *peer_cert, *peer_key, *peer_ca;
    bool allow_old_etcd;
    struct arg_texts token_keys, audiences, peers, operator_keys;
    bool allow_http, behind_proxy, entries_public, down_412;
    int64_t threads, leeway_s, snapshot_entries;

    /* What runs. */
    struct auth *auth, *operators; /* operators may be auth. */
    struct node *node;
    struct api *api;
    struct http_server *server, *peer_server;
    struct buf tls_cert_pem, tls_key_pem, peer_cert_pem, peer_key_pem, genesis_bytes, etcd_urls, peer_own_url;
    char dev_key[PATH_MAX];
};

/* The address without its port. */
static struct str host_of(const char *listen)
{
    struct str s = str_of(listen);
    size_t n = s.n;
    while (n > 0 && s.at[n - 1] != ':') n--;
    struct str host = str_first(s, n ? n - 1 : s.n);
    if (host.n >= 2 && host.at[0] == '[') host = (struct str){host.at + 1, host.n - 2};
    return host;
}

static bool is_loopback(const char *listen)
{
    struct str host = host_of(listen);
    return str_starts(host, STR("127.")) || str_equal(host, STR("::1")) ||
           str_equal(host, STR("localhost"));
}

/* A network of several members. */
static enum err check_network(const struct serve *s, struct why *why)
{
    if (!s->genesis != !s->etcd) return fail(why, ERR_INPUT, "--genesis and --etcd belong together: a network of several members has both");
    if (!s->genesis && strcmp(s->journal, "etcd") == 0) return fail(why, ERR_INPUT, "--journal etcd: give --genesis and --etcd");
    if (s->genesis && strcmp(s->journal, "mem") == 0) return fail(why, ERR_INPUT, "--journal mem is for a network of one member");
    if (s->genesis && (s->origin || s->entries_public || s->down_412)) {
        return fail(why, ERR_INPUT, "--origin, --entries-public and --down-412 are the genesis's to say");
    }
    if (!s->etcd && (s->etcd_cacert || s->etcd_cert || s->etcd_key || s->allow_old_etcd)) {
        return fail(why, ERR_INPUT, "--etcd-cacert, --etcd-cert, --etcd-key and --allow-old-etcd need --etcd");
    }
    if (!s->genesis && (s->peer_listen || s->peer_url || s->peer_cert || s->peer_ca || s->peers.n)) {
        return fail(why, ERR_INPUT, "--peer-listen, --peer-url, --peer-cert and --peer-ca need --genesis");
    }
    if (!s->peer_cert != !s->peer_key) return fail(why, ERR_INPUT, "--peer-cert and --peer-key belong together");
    if (s->peer_listen && !is_loopback(s->peer_listen) && !s->peer_cert && !s->tls_cert && !s->behind_proxy) {
        return fail(why, ERR_INPUT, "--peer-listen %s is not loopback: give --peer-cert and --peer-key, or --behind-proxy if a proxy ends TLS",
                    s->peer_listen);
    }
    if (s->peer_listen && !is_loopback(s->peer_listen) && !s->peer_url) {
        return fail(why, ERR_INPUT, "--peer-listen %s: say by --peer-url where peers reach it", s->peer_listen);
    }
    if (!s->etcd_cert != !s->etcd_key) return fail(why, ERR_INPUT, "--etcd-cert and --etcd-key belong together");
    return OK;
}

/* What the options say together. */
static enum err check_options(const struct serve *s, struct why *why)
{
    bool has_tls = s->tls_cert || s->tls_key;
    if (strcmp(s->journal, "sqlite") != 0 && strcmp(s->journal, "mem") != 0 && strcmp(s->journal, "etcd") != 0) {
        return fail(why, ERR_INPUT, "--journal is sqlite, mem or etcd, not %s", s->journal);
    }
    TRY(check_network(s, why));
    if (strcmp(s->covering, "safe") != 0 && strcmp(s->covering, "dss") != 0) {
        return fail(why, ERR_INPUT, "--covering is safe or dss, not %s", s->covering);
    }
    if (!s->tls_cert != !s->tls_key) {
        return fail(why, ERR_INPUT, "--tls-cert and --tls-key belong together");
    }
    if (!has_tls && !s->behind_proxy && !is_loopback(s->listen)) {
        return fail(why, ERR_INPUT,
                    "--listen %s is not loopback: give --tls-cert and --tls-key, or --behind-proxy if a proxy ends TLS",
                    s->listen);
    }
    if (s->token_keys.n == 0 && !s->jwks && !s->issuers && !is_loopback(s->listen)) {
        return fail(why, ERR_INPUT,
                    "off loopback the keys that sign tokens must be given: --token-key, --token-jwks or --issuers");
    }
    return OK;
}

/* Certificates that are read later, by whoever makes a connection: a wrong name is told at once. */
static enum err check_files(const struct serve *s, struct why *why)
{
    const char *const files[] = {s->peer_ca, s->peer_cert, s->peer_key, s->etcd_cacert, s->etcd_cert, s->etcd_key};

    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        if (files[i] && access(files[i], R_OK) != 0) return fail(why, ERR_INPUT, "%s: %s", files[i], strerror(errno));
    }
    return OK;
}

static enum err read_file(const char *path, struct buf *ret, struct why *why)
{
    char piece[4096];
    size_t n;
    FILE *file = fopen(path, "rb");
    if (!file) return fail(why, ERR_INPUT, "%s: %s", path, strerror(errno));
    while ((n = fread(piece, 1, sizeof piece, file)) > 0 && ret->n < 1024 * 1024) {
        buf_add(ret, piece, n);
    }
    bool is_bad = ferror(file) != 0;
    (void)fclose(file);
    return is_bad ? fail(why, ERR_INPUT, "%s: cannot be read", path) : OK;
}

/* Without keys given, tokens are signed with a pair of the node's own folder: for trying things out on loopback. */
static enum err use_development_key(struct serve *s, struct why *why)
{
    char folder[PATH_MAX];

    if (snprintf(folder, sizeof folder, "%s/tokens", s->data) >= (int)sizeof folder ||
        snprintf(s->dev_key, sizeof s->dev_key, "%s/public.pem", folder) >= (int)sizeof s->dev_key) {
        return fail(why, ERR_INPUT, "--data: the path is too long");
    }
    TRY(keyfile_ensure(folder, why));
    s->token_keys.at[s->token_keys.n++] = s->dev_key;
    (void)fprintf(stderr,
                  "WARNING: no --token-key: tokens are accepted that are signed with this node's DEVELOPMENT key\n"
                  "WARNING: mint one with: clearline token --key %s/tokens/private.pem --sub uss1 "
                  "--scope utm.strategic_coordination --audience %s\n",
                  s->data, s->audiences.at[0]);
    return OK;
}

static enum err start_auth(struct serve *s, struct why *why)
{
    if (s->audiences.n == 0) s->audiences.at[s->audiences.n++] = "localhost";
    if (s->token_keys.n == 0 && !s->jwks && !s->issuers) TRY(use_development_key(s, why));
    struct auth_options options = {
        .pem_files = s->token_keys.at,
        .n_pem_files = s->token_keys.n,
        .jwks = str_of(s->jwks),
        .issuers_file = s->issuers,
        .audiences = s->audiences.at,
        .n_audiences = s->audiences.n,
        .leeway_s = (int)s->leeway_s,
    };
    TRY(auth_new(&options, &s->auth, why));
    if (s->dev_key[0] && s->operator_keys.n == 0) s->operators = s->auth;
    if (s->operator_keys.n == 0) return OK;
    struct auth_options operators = {
        .pem_files = s->operator_keys.at,
        .n_pem_files = s->operator_keys.n,
        .audiences = s->audiences.at,
        .n_audiences = s->audiences.n,
        .leeway_s = (int)s->leeway_s,
    };
    return auth_new(&operators, &s->operators, why);
}

#define ENDPOINTS_MAX 32

static enum err start_member_node(struct serve *s, struct why *why)
{
    const char *endpoints[ENDPOINTS_MAX];
    struct etcd_options etcd = {.endpoints = endpoints, .ca_file = s->etcd_cacert, .cert_file = s->etcd_cert, .key_file = s->etcd_key,
                                .allow_old = s->allow_old_etcd};

    TRY(read_file(s->genesis, &s->genesis_bytes, why));
    buf_add(&s->etcd_urls, s->etcd, strlen(s->etcd) + 1);
    for (char *at = strtok(s->etcd_urls.at, ","); at; at = strtok(NULL, ",")) {
        if (etcd.n_endpoints == ENDPOINTS_MAX) return fail(why, ERR_INPUT, "--etcd: more than %d endpoints", ENDPOINTS_MAX);
        endpoints[etcd.n_endpoints++] = at;
    }
    struct node_options options = {
        .dir = s->data,
        .member = str_of(s->member),
        .snapshot_entries = (uint64_t)s->snapshot_entries,
        .genesis = buf_str(&s->genesis_bytes),
        .etcd = &etcd,
    };
    struct str peer_urls[LIMIT_ADDRESSES];
    if (s->peers.n > LIMIT_ADDRESSES) return fail(why, ERR_INPUT, "--peer: at most %d", LIMIT_ADDRESSES);
    for (size_t i = 0; i < s->peers.n; i++) peer_urls[i] = str_of(s->peers.at[i]);
    options.peer_urls = peer_urls;
    options.n_peer_urls = s->peers.n;
    if (options.genesis.n == 0) return fail(why, ERR_INPUT, "--genesis %s: is empty", s->genesis);
    options.link = peer_link_new(&(struct peer_link_options){.ca_file = s->peer_ca,
                                                             .cert_file = s->peer_cert ? s->peer_cert : s->tls_cert,
                                                             .key_file = s->peer_key ? s->peer_key : s->tls_key});
    enum err e = node_start(&options, &s->node, why);
    if (e != OK) options.link->close(options.link);
    return e;
}

static enum err start_node(struct serve *s, struct why *why)
{
    if (s->genesis) return start_member_node(s, why);
    struct journal *journal;
    bool is_mem = strcmp(s->journal, "mem") == 0;

    TRY(is_mem ? journal_open_mem(&journal, why) : journal_open_sqlite(s->data, &journal, why));
    struct node_options options = {
        .dir = is_mem ? NULL : s->data,
        .journal = journal,
        .origin = str_of(s->origin),
        .member = str_of(s->member),
        .entries_public = s->entries_public,
        .needs_412_for_down = s->down_412,
        .snapshot_entries = (uint64_t)s->snapshot_entries,
    };
    return node_start(&options, &s->node, why);
}

static enum err start_api(struct serve *s, struct why *why)
{
    char reports[PATH_MAX];
    struct api_options options = {
        .node = s->node,
        .auth = s->auth,
        .operators = s->operators,
        .allows_http = s->allow_http,
        .covering = strcmp(s->covering, "dss") == 0 ? COVER_DSS : COVER_SAFE,
        .entries_public = node_entries_public(s->node),
        .version = STR(CLEARLINE_VERSION),
        .locality = str_of(s->locality),
        .public_endpoint = str_of(s->public_endpoint),
        .reports_dir = reports,
    };
    if (snprintf(reports, sizeof reports, "%s/reports", s->data) >= (int)sizeof reports) {
        return fail(why, ERR_INPUT, "--data: the path is too long");
    }
    if (s->access_log) {
        options.logs_access = true;
        if (strcmp(s->access_log, "-") != 0) {
            options.access_fd = open(s->access_log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
            if (options.access_fd < 0) {
                return fail(why, ERR_INPUT, "--access-log %s: %s", s->access_log, strerror(errno));
            }
        }
    }
    return api_new(&options, &s->api, why);
}

/* Connections that the limit on open files leaves room for, once it is raised as far as it goes: the journal must never be short
 * of a file because of somebody's connections. */
static unsigned connections_wanted(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
    if (limit.rlim_cur < limit.rlim_max) {
        rlim_t had = limit.rlim_cur;
        limit.rlim_cur = limit.rlim_max < FILES_WANTED ? limit.rlim_max : FILES_WANTED;
        if (limit.rlim_cur < had || setrlimit(RLIMIT_NOFILE, &limit) != 0) limit.rlim_cur = had;
    }
    if (limit.rlim_cur >= N_CONNECTIONS + FILES_SPARE) return N_CONNECTIONS;
    return limit.rlim_cur > 2 * FILES_SPARE ? (unsigned)(limit.rlim_cur - FILES_SPARE) : (unsigned)limit.rlim_cur / 2;
}

static enum err start_server(struct serve *s, struct why *why)
{
    if (s->tls_cert) {
        TRY(read_file(s->tls_cert, &s->tls_cert_pem, why));
        TRY(read_file(s->tls_key, &s->tls_key_pem, why));
    }
    struct http_options options = {
        .address = str_of(s->listen),
        .n_threads = (unsigned)s->threads,
        .n_connections = connections_wanted(),
        .tls_cert_pem = buf_str(&s->tls_cert_pem),
        .tls_key_pem = buf_str(&s->tls_key_pem),
        .handler = api_handle,
        .context = s->api,
    };
    return http_server_start(&options, &s->server, why);
}

/* What peers call, and where. */
static enum err start_peer_server(struct serve *s, struct why *why)
{
    bool has_tls = s->peer_cert || s->tls_cert;

    if (!s->peer_listen) return OK;
    if (s->peer_cert) {
        TRY(read_file(s->peer_cert, &s->peer_cert_pem, why));
        TRY(read_file(s->peer_key, &s->peer_key_pem, why));
    }
    struct http_options options = {
        .address = str_of(s->peer_listen),
        .tls_cert_pem = buf_str(s->peer_cert ? &s->peer_cert_pem : &s->tls_cert_pem),
        .tls_key_pem = buf_str(s->peer_cert ? &s->peer_key_pem : &s->tls_key_pem),
        .n_connections = N_PEER_CONNECTIONS,
        .handler = peer_handle,
        .context = s->api,
    };
    TRY(http_server_start(&options, &s->peer_server, why));
    struct str host = host_of(s->peer_listen);
    bool is_v6 = str_find(host, ':') < host.n;
    buf_addf(&s->peer_own_url, "%s://%s%.*s%s:%u", has_tls ? "https" : "http", is_v6 ? "[" : "", STR_ARG(host), is_v6 ? "]" : "",
             http_server_port(s->peer_server));
    if (s->peer_url || is_loopback(s->peer_listen)) {
        peers_announce(node_peers(s->node), s->peer_url ? str_of(s->peer_url) : buf_str(&s->peer_own_url));
    }
    return OK;
}

/* An answer of 100 kB takes and frees as much many times a second: memory that goes back to the system each time costs a page
 * fault for each 4 KiB of it. */
static void keep_memory(void)
{
    (void)mallopt(M_MMAP_THRESHOLD, 16 << 20);
    (void)mallopt(M_TRIM_THRESHOLD, 64 << 20);
}

static enum err start_all(struct serve *s, struct why *why)
{
    keep_memory();
    TRY(check_options(s, why));
    TRY(check_files(s, why));
    if (mkdir(s->data, 0700) != 0 && errno != EEXIST) {
        return fail(why, ERR_DISK, "--data %s: cannot be made: %s", s->data, strerror(errno));
    }
    TRY(start_auth(s, why));
    TRY(start_node(s, why));
    TRY(start_api(s, why));
    TRY(start_server(s, why));
    return start_peer_server(s, why);
}

static void say_ready(struct serve *s)
{
    AUTO(buf_done) struct buf vkey = {0};
    struct node_status status;
    struct str host = host_of(s->listen);
    bool is_v6 = str_find(host, ':') < host.n;

    node_status(s->node, &status);
    node_vkey(s->node, &vkey);
    (void)fprintf(stderr, "log %.*s, %llu entries\n", STR_ARG(buf_str(&vkey)),
                  (unsigned long long)status.position);
    (void)fprintf(stderr, "listening on %s://%s%.*s%s:%u\n", s->tls_cert ? "https" : "http",
                  is_v6 ? "[" : "", STR_ARG(host), is_v6 ? "]" : "", http_server_port(s->server));
    if (s->peer_server) (void)fprintf(stderr, "peers reach it at %s\n", s->peer_url ? s->peer_url : buf_z(&s->peer_own_url));
    (void)fflush(stderr);
}

static void stop_all(struct serve *s)
{
    if (s->peer_server) http_server_stop(s->peer_server, API_GRACE_MS);
    if (s->server) http_server_stop(s->server, API_GRACE_MS);
    node_stop(s->node);
    api_free(s->api);
    if (s->operators != s->auth) auth_free(s->operators);
    auth_free(s->auth);
    buf_done(&s->tls_cert_pem);
    if (s->tls_key_pem.at) explicit_bzero(s->tls_key_pem.at, s->tls_key_pem.n);
    buf_done(&s->tls_key_pem);
    buf_done(&s->peer_cert_pem);
    if (s->peer_key_pem.at) explicit_bzero(s->peer_key_pem.at, s->peer_key_pem.n);
    buf_done(&s->peer_key_pem);
    buf_done(&s->peer_own_url);
    buf_done(&s->genesis_bytes);
    buf_done(&s->etcd_urls);
}

int cmd_serve(int argc, char **argv)
{
    struct serve s = {.listen = "127.0.0.1:8082", .data = "clearline-data", .journal = "sqlite", .covering = "safe", .leeway_s = 5,
                      .snapshot_entries = 20000};
    const struct arg options[] = {
        {"--listen", "ADDR:PORT", "where to listen; port 0 takes a free one", ARG_TEXT, &s.listen, 0, 0},
        {"--data", "DIR", "journal, keys, snapshots; made if missing", ARG_TEXT, &s.data, 0, 0},
        {"--journal", "ENGINE", "sqlite (default); mem: nothing survives; etcd: what --etcd says", ARG_TEXT, &s.journal, 0, 0},
        {"--origin", "NAME", "name of the log of a new journal, like airspace.example/line1", ARG_TEXT, &s.origin, 0, 0},
        {"--member", "NAME", "name of the member of a new journal; with --genesis: whose node this is", ARG_TEXT, &s.member, 0, 0},
        {"--genesis", "FILE", "entry 0 of a network of several members (clearline init)", ARG_TEXT, &s.genesis, 0, 0},
        {"--etcd", "URL,...", "etcd's endpoints, which order such a network's entries", ARG_TEXT, &s.etcd, 0, 0},
        {"--etcd-cacert", "FILE", "CA certificates that sign etcd's, PEM", ARG_TEXT, &s.etcd_cacert, 0, 0},
        {"--etcd-cert", "FILE", "this node's client certificate for etcd, PEM", ARG_TEXT, &s.etcd_cert, 0, 0},
        {"--etcd-key", "FILE", "its secret key, PEM", ARG_TEXT, &s.etcd_key, 0, 0},
        {"--allow-old-etcd", NULL, "take an etcd older than 3.5.33 or 3.6.14: tests only", ARG_FLAG, &s.allow_old_etcd, 0, 0},
        {"--peer-listen", "ADDR:PORT", "where other members' nodes reach this one; port 0 takes a free one", ARG_TEXT, &s.peer_listen, 0, 0},
        {"--peer-url", "URL", "the same as they see it, announced to them; on loopback found out by itself", ARG_TEXT, &s.peer_url, 0, 0},
        {"--peer-cert", "FILE", "certificate chain towards peers, PEM; default: --tls-cert", ARG_TEXT, &s.peer_cert, 0, 0},
        {"--peer-key", "FILE", "its secret key, PEM", ARG_TEXT, &s.peer_key, 0, 0},
        {"--peer-ca", "FILE", "CA certificates that sign peers', PEM; default: the system's", ARG_TEXT, &s.peer_ca, 0, 0},
        {"--peer", "URL", "a peer to fetch the record from at the first start; may be repeated", ARG_TEXTS, &s.peers, 0, 0},
        {"--token-key", "PUBLIC.pem", "a key that signs tokens (RSA, P-256, Ed25519); may be repeated", ARG_TEXTS, &s.token_keys, 0, 0},
        {"--token-jwks", "URL|FILE", "a JWK set whose keys sign tokens", ARG_TEXT, &s.jwks, 0, 0},
        {"--operator-key", "PUBLIC.pem", "a key whose tokens suspend and resume the line", ARG_TEXTS, &s.operator_keys, 0, 0},
        {"--issuers", "FILE", "issuers, each with its own keys and subs (docs/operating.md)", ARG_TEXT, &s.issuers, 0, 0},
        {"--audience", "HOST", "accepted aud of tokens, usually the host name; may be repeated", ARG_TEXTS, &s.audiences, 0, 0},
        {"--token-leeway", "SECONDS", "how far token times may be off (5)", ARG_NUMBER, &s.leeway_s, 0, 60},
        {"--allow-http", NULL, "accept http base URLs of USSs: laboratories only", ARG_FLAG, &s.allow_http, 0, 0},
        {"--locality", "NAME", "this instance's name in its pool", ARG_TEXT, &s.locality, 0, 0},
        {"--public-endpoint", "URL", "where others reach this instance", ARG_TEXT, &s.public_endpoint, 0, 0},
        {"--tls-cert", "FILE", "certificate chain, PEM", ARG_TEXT, &s.tls_cert, 0, 0},
        {"--tls-key", "FILE", "its secret key, PEM", ARG_TEXT, &s.tls_key, 0, 0},
        {"--behind-proxy", NULL, "plain HTTP off loopback: a proxy in front ends TLS", ARG_FLAG, &s.behind_proxy, 0, 0},
        {"--covering", "MODE", "safe (default), or dss: the cells of InterUSS's DSS exactly", ARG_TEXT, &s.covering, 0, 0},
        {"--entries-public", NULL, "a new journal's entries may be read by anyone", ARG_FLAG, &s.entries_public, 0, 0},
        {"--down-412", NULL, "a new journal refuses writes of USSs declared Down with 412", ARG_FLAG, &s.down_412, 0, 0},
        {"--access-log", "FILE", "one JSON line a request; - for stderr", ARG_TEXT, &s.access_log, 0, 0},
        {"--snapshot-every", "N", "entries between two snapshots (20000): a restart replays at most that many", ARG_NUMBER, &s.snapshot_entries, 1, 1000000000},
        {"--threads", "N", "HTTP threads (0: one a core, at most 4)", ARG_NUMBER, &s.threads, 0, 64},
    };
    const struct args args = {
        .command = "serve",
        .summary = "run a node: the F3548-21 DSS on a signed journal",
        .examples = "  clearline serve --data node1\n"
                    "  clearline serve --listen 127.0.0.1:0 --data node1 --token-key auth.pem --audience localhost\n"
                    "  clearline serve --listen 0.0.0.0:443 --data node1 --token-jwks https://auth.example/jwks.json \\\n"
                    "      --audience dss.example --tls-cert chain.pem --tls-key key.pem\n"
                    "  clearline serve --data node1 --genesis line.genesis --member anna \\\n"
                    "      --etcd https://10.0.0.1:2379,https://10.0.0.2:2379,https://10.0.0.3:2379 \\\n"
                    "      --etcd-cacert ca.pem --etcd-cert node1.pem --etcd-key node1.key\n",
        ARGS(options),
    };
    struct why why = {0};
    sigset_t signals;
    int code, signal_number;

    if (!args_parse(&args, argc, argv, &code)) return code;
    (void)sigemptyset(&signals);
    (void)sigaddset(&signals, SIGTERM);
    (void)sigaddset(&signals, SIGINT);
    (void)signal(SIGPIPE, SIG_IGN);
    must(pthread_sigmask(SIG_BLOCK, &signals, NULL) == 0); /* Before any thread: only sigwait() takes them. */

    enum err e = start_all(&s, &why);
    if (e != OK) {
        stop_all(&s);
        int said = args_fail(&args, e, &why);
        return said == EXIT_USAGE || said == EXIT_NOT_ALLOWED ? said : EXIT_CANNOT_TELL; /* It never answers no by not starting. */
    }
    say_ready(&s);
    must(sigwait(&signals, &signal_number) == 0);
    (void)fprintf(stderr, "stopping\n");
    stop_all(&s);
    return EXIT_YES;
}
