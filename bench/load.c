/* load.c - a load generator for F3548-21 DSSs: fixed work per write, latencies counted from the schedule.
 * SPDX-License-Identifier: Apache-2.0
 *
 *     load --target http://127.0.0.1:8080 --token FILE [--token FILE...] [options]      --help lists them
 *
 * Workloads
 *   lifecycle  groups of k+1 intents that all overlap (same place, time and height), and no others; each group goes round
 *              delete oldest -> create -> activate, so that live intents stay constant, a third of all writes is each
 *              kind, and each PUT has exactly k relevant intents. Its key names those k and a tenth more that are unknown (--extras). m
 *              subscriptions match each write, the first is attached; U more lie in the same cells hours later.
 *   query      live intents on a lattice over 724 km2, none overlapping another; circles of 500 m, a time and a range of
 *              heights that about ten of them meet
 *   healthy    GET /healthy: what HTTP alone costs
 *
 * A group belongs to one connection, which has one request under way, so OVNs never race and no 409 is anyone's right
 * answer, but to probes: each --probe-th create is first sent without one OVN that it needs, and accepting that is wrong.
 *
 * With --rate, request i is due at start + i / rate whether or not answers came; it goes out on the first free connection
 * at or after that and its latency counts from when it was due. Without, each connection sends as it gets answers.
 *
 * With --pid, the processor time of that process (the server) is counted too: on a shared machine it says more than rates.
 *
 * Ends with 1 if any answer was wrong. What it made it deletes again (lifecycle), unless --keep.
 */
#include <getopt.h>
#include <stdio.h>

#include "lib/load.h"

struct load load = {.n_lanes = 8, .n_live = 1500, .k = 10, .m = 1, .n_places = 1, .seconds = 10, .warm_up = 1,
                    .lat = -34.928683, .lon = 138.593795};
static const char *const op_names[] = {"create", "activate", "delete", "query", "healthy"};

static double us(const struct hist *h, double share)
{
    return (double)hist_at(h, share) / 1e3;
}

static void report_hist(const char *name, const struct hist *h, double seconds)
{
    if (h->n == 0) return;
    if (load.prints_json)
        printf(",\"%s\":{\"n\":%llu,\"per_s\":%.1f,\"p50_us\":%.1f,\"p90_us\":%.1f,\"p99_us\":%.1f,\"p999_us\":%.1f,"
               "\"max_us\":%.1f}",
               name, (unsigned long long)h->n, (double)h->n / seconds, us(h, 0.5), us(h, 0.9), us(h, 0.99), us(h, 0.999),
               (double)h->max / 1e3);
    else
        printf("%-9s %9llu  %9.1f/s   p50 %8.1f  p90 %8.1f  p99 %8.1f  p99.9 %8.1f  max %9.1f us\n", name,
               (unsigned long long)h->n, (double)h->n / seconds, us(h, 0.5), us(h, 0.9), us(h, 0.99), us(h, 0.999),
               (double)h->max / 1e3);
}

static void report(void)
{
    static struct hist all;
    double run_s = load.warm_up + load.seconds, cpu_us = (double)load.cpu_ns / 1e3;
    double per_request = load.n_sent ? cpu_us / (double)load.n_sent : 0, idle = 1 - cpu_us / 1e6 / run_s;
    double hits = load.n_hit_answers ? (double)load.n_hits / (double)load.n_hit_answers : 0;
    double answer = load.n_sent ? (double)load.n_answer_bytes / (double)load.n_sent : 0;
    double server = load.n_sent ? (double)load.server_ns / 1e3 / (double)load.n_sent : 0;

    for (int i = 0; i < N_MEASURED; i++) hist_merge(&all, &load.hists[i]);
    if (load.prints_json)
        printf("{\"connections\":%u,\"rate\":%.1f,\"seconds\":%.1f,\"live\":%u,\"overlaps\":%u,\"matched\":%u,"
               "\"unmatched\":%u,\"places\":%u,\"participants\":%u,\"conflicts\":%llu,\"others\":%llu,\"probes\":%llu,"
               "\"wrong\":%llu,\"generator_us\":%.2f,\"server_us\":%.2f,\"generator_idle\":%.3f,\"hits\":%.1f,\"answer_bytes\":%.0f",
               load.n_lanes, load.rate, load.seconds, load.n_live, load.k, load.m, load.n_unmatched, load.n_places,
               load.n_tokens, (unsigned long long)load.n_conflicts, (unsigned long long)load.n_others,
               (unsigned long long)load.n_probes, (unsigned long long)load.n_wrong, per_request, server, idle, hits, answer);
    report_hist("accepted", &all, load.seconds);
    for (int i = 0; i < N_MEASURED; i++) report_hist(op_names[i], &load.hists[i], load.seconds);
    if (load.prints_json) {
        printf("}\n");
        return;
    }
    printf("%llu conflicts, %llu others, %llu probes, %llu wrong; generator %.2f us a request, %.0f %% idle",
           (unsigned long long)load.n_conflicts, (unsigned long long)load.n_others, (unsigned long long)load.n_probes,
           (unsigned long long)load.n_wrong, per_request, idle * 100);
    if (server > 0) printf("; server %.2f us a request", server);
    if (hits > 0) printf("; %.1f hits a query", hits);
    printf("; %.0f B an answer\n", answer);
}

static void read_token(const char *path)
{
    static char texts[MAX_TOKENS][8192];
    char *text = texts[load.n_tokens];
    FILE *file = fopen(path, "r");

    if (!file || load.n_tokens == MAX_TOKENS || !fgets(text, sizeof texts[0], file)) stop(path);
    (void)fclose(file);
    load.tokens[load.n_tokens++] = str_make(text, strcspn(text, "\r\n"));
}

static void set_target(const char *url)
{
    const char *colon;

    errno = 0;
    if (strncmp(url, "http://", 7) != 0 || !(colon = strchr(url + 7, ':'))) stop("--target http://127.0.0.1:PORT");
    load.host = str_make(url + 7, strcspn(url + 7, "/"));
    if (strncmp(url + 7, "127.0.0.1:", 10) != 0 && strncmp(url + 7, "localhost:", 10) != 0) stop("loopback only");
    load.port = (uint16_t)atoi(colon + 1);
}

static void set_workload(const char *name)
{
    errno = 0;
    if (strcmp(name, "lifecycle") == 0) load.workload = LIFECYCLE;
    else if (strcmp(name, "query") == 0) load.workload = QUERY;
    else if (strcmp(name, "healthy") == 0) load.workload = HEALTHY;
    else stop("--workload lifecycle, query or healthy");
}

static const struct option options[] = {
    {"target", 1, NULL, 't'},    {"token", 1, NULL, 'k'},       {"workload", 1, NULL, 'W'}, {"connections", 1, NULL, 'c'},
    {"rate", 1, NULL, 'r'},      {"seconds", 1, NULL, 's'},     {"warm-up", 1, NULL, 'w'},  {"live", 1, NULL, 'L'},
    {"overlaps", 1, NULL, 'o'},  {"extras", 1, NULL, 'x'},      {"matched", 1, NULL, 'm'},  {"unmatched", 1, NULL, 'U'},
    {"places", 1, NULL, 'p'},    {"probe-every", 1, NULL, 'P'}, {"seed", 1, NULL, 'S'},     {"keep", 0, NULL, 'K'},
    {"json", 0, NULL, 'j'},      {"pid", 1, NULL, 'd'},      {NULL, 0, NULL, 0},
};

static void read_options(int argc, char **argv)
{
    static const char usage[] =
        "load --target http://127.0.0.1:PORT --token FILE [--token FILE...]\n"
        "  --workload lifecycle|query|healthy   lifecycle\n"
        "  --connections N   8        --rate N per second; 0: as answers come\n"
        "  --seconds N       10       --warm-up N         1\n"
        "  --live N          1500     --overlaps K        10\n"
        "  --matched M       1        --unmatched U       0\n"
        "  --places N        1        --probe-every N     0: no probes\n"
        "  --extras N        K/10     strings in each key that name nothing\n"
        "  --seed N          1        --json   --keep: leave what was made\n"
        "  --pid N           the server's process: its processor time is counted\n";
    int c;

    load.rng = (struct rng){1};
    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (c) {
        case 't': set_target(optarg); break;
        case 'k': read_token(optarg); break;
        case 'c': load.n_lanes = (unsigned)atoi(optarg); break;
        case 'r': load.rate = atof(optarg); break;
        case 's': load.seconds = atof(optarg); break;
        case 'w': load.warm_up = atof(optarg); break;
        case 'W': set_workload(optarg); break;
        case 'L': load.n_live = (unsigned)atoi(optarg); break;
        case 'o': load.k = (unsigned)atoi(optarg); break;
        case 'm': load.m = (unsigned)atoi(optarg); break;
        case 'U': load.n_unmatched = (unsigned)atoi(optarg); break;
        case 'p': load.n_places = (unsigned)atoi(optarg); break;
        case 'P': load.probe_every = (unsigned)atoi(optarg); break;
        case 'S': load.rng = (struct rng){strtoull(optarg, NULL, 10)}; break;
        case 'x':
            load.n_extras = (unsigned)atoi(optarg);
            load.has_extras = true;
            break;
        case 'd': load.server_pid = (pid_t)atoi(optarg); break;
        case 'K': load.keeps = true; break;
        case 'j': load.prints_json = true; break;
        default: (void)fputs(usage, stderr); exit(2);
        }
    }
    if (!load.has_extras) load.n_extras = (load.k + 9) / 10;
    if (!load.port || !load.n_lanes || !load.m || !load.n_places || optind < argc) {
        (void)fputs(usage, stderr);
        exit(2);
    }
}

int main(int argc, char **argv)
{
    read_options(argc, argv);
    load.lanes = mem_calloc(load.n_lanes, sizeof *load.lanes);
    load.idle = mem_calloc(load.n_lanes, sizeof *load.idle);
    work_make();
    lanes_connect();
    if (load.workload == LIFECYCLE) phase_run(SUBSCRIBE);
    if (load.workload != HEALTHY) phase_run(FILL);
    phase_run(RUN);
    report();
    if (load.workload == LIFECYCLE && !load.keeps) {
        phase_run(DRAIN);
        phase_run(UNSUBSCRIBE);
    }
    return load.n_wrong ? 1 : 0;
}
