/* load.h - what the parts of the load generator share.
 * SPDX-License-Identifier: Apache-2.0
 *
 * One thread, one global struct load. lane.c moves bytes and keeps the schedule; work.c says what is sent and what the
 * answer should be; load.c reads the options and reports.
 */
#ifndef BENCH_LIB_LOAD_H
#define BENCH_LIB_LOAD_H

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "base/buf.h"
#include "base/id.h"
#include "base/mem.h"
#include "base/rng.h"
#include "hist.h"

#define OVN_MAX 128
#define MAX_TOKENS 16
#define N_BANDS 10000 /* Of 8 m each: below 100 km. */
#define SLOTS_MAX 18

enum workload { LIFECYCLE, QUERY, HEALTHY };
enum phase { SUBSCRIBE, FILL, RUN, DRAIN, UNSUBSCRIBE, DONE };
enum op { CREATE, ACTIVATE, DELETE, ASK, PLAIN, N_MEASURED, PROBE = N_MEASURED, SET_UP };

struct member {
    char id[ID_TEXT];
    uint8_t n_ovn;
    char ovn[OVN_MAX];
};

struct group {
    struct member *members; /* k + 1 */
    struct str extents;     /* Text up to the key. */
    char subscription[ID_TEXT];
    unsigned n;             /* Live ones, from turn on. */
    unsigned turn;          /* The oldest: next to be deleted. */
    enum op next;
    char old_ovn[OVN_MAX];  /* Of the last one deleted. */
    uint8_t n_old;
};

struct subscription {
    char id[ID_TEXT], version[OVN_MAX];
    uint8_t n_version;
    unsigned token;
};

struct lane {
    int fd;
    struct buf out, in;
    size_t n_sent;
    size_t n_wanted; /* Bytes of the whole answer; 0: its head is not there yet. */
    size_t n_head;
    int status;
    bool is_busy, waits_to_write;
    int64_t due_ns;
    enum op op;
    struct group *group;
    struct subscription *subscription;
    unsigned first_group, n_groups, at_group, token;
};

struct load {
    /* Options. */
    enum workload workload;
    struct str host;
    uint16_t port;
    struct str tokens[MAX_TOKENS];
    unsigned n_tokens, n_lanes, n_live, k, m, n_unmatched, n_places, probe_every, n_extras;
    double rate, seconds, warm_up;
    pid_t server_pid; /* 0: its processor time is not counted. */
    bool prints_json, keeps, has_extras;
    struct rng rng;

    int epoll;
    struct lane *lanes;
    unsigned *idle, n_idle, idle_at; /* A ring of lanes. */
    struct group *groups;
    unsigned n_groups;
    struct subscription *subscriptions;
    unsigned n_subscriptions, next_made, n_busy;
    enum phase phase;

    int64_t start_ns, measure_ns, end_ns;
    uint64_t n_due, n_creates;
    int64_t cpu_ns, server_ns; /* Processor time of the run, generator and server. */
    struct hist hists[N_MEASURED];
    uint64_t n_conflicts, n_others, n_probes, n_wrong, n_sent, n_hits, n_hit_answers, n_answer_bytes;
    struct str windows[SLOTS_MAX]; /* "time_start": ..., "time_end": ... of each slot. */
    double lat, lon;
};

extern struct load load;

int64_t clock_ns(clockid_t clock);
_Noreturn void stop(const char *what); /* Says it with errno's words, if that is not 0, and ends with 2. */

/* work.c: groups, subscriptions and windows of the lifecycle, once lanes exist. */
void work_make(void);

/* Puts the phase's next request of this lane into its out; false if it has none. */
bool work_next(struct lane *l);

/* Takes the answer of the lane's request: l->status and the body, borrowed. */
void work_answered(struct lane *l, struct str answer);

/* lane.c */
void lanes_connect(void);
void phase_run(enum phase phase); /* Returns once all that the phase has to send is answered. */

#endif
