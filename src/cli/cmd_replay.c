/* cmd_replay.c - `clearline replay`: plans the flights of a file as three participants would.
 * SPDX-License-Identifier: Apache-2.0
 *
 *     flight -> legs -> intents of a few volumes -> PUT
 *                                  201: held        409: for each one named, ask who manages it (here: our own table)
 *                                                        too close  -> the flight is not flown
 *                                                        far enough -> its OVN goes into the key, PUT again
 *
 * The DSS over-reports on purpose: it compares cells and hulls. The decision is made on what the parties know of each other: on
 * both plans where both flights are crewed (decision F4), on the volumes themselves otherwise; by the greater of the two
 * flights' minima.
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/instant.h"
#include "base/json.h"
#include "cli/args.h"
#include "cli/cmd.h"
#include "cli/encounter.h"
#include "cli/flights.h"
#include "cli/legs.h"
#include "cli/own_node.h"
#include "cli/party.h"
#include "node/entropy.h"

#define N_PARTIES 3
#define ATTEMPTS_MAX 6 /* PUTs of one intent: others may come between a read and a write. */
#define OVN_ROOM 129

static const char *const names[N_PARTIES] = {"donlon-air-arm", "mercy-flights", "skyparcel"};

struct held { /* An intent that was accepted, or is being tried. */
    size_t flight;
    size_t leg, n_legs; /* Of the flight's. */
    bool is_accepted;
    char ovn[OVN_ROOM];
};
VEC_DEFINE(held_vec, struct held);

struct refusal {
    size_t flight; /* Not flown, */
    size_t other;  /* because of this one; SIZE_MAX if another reason. */
    struct encounter at;
    char reason[160];
};
VEC_DEFINE(refusal_vec, struct refusal);

struct replay {
    /* Options. */
    const char *target, *token, *key, *audience, *start, *class, *decide;
    int64_t limit, n_volumes;
    double lateral_m, vertical_m, time_s, leg_s;
    bool json, wants_notices, lists_all;

    struct own_node node;
    struct party parties[N_PARTIES];
    size_t n_parties;

    struct flight_vec flights;
    struct leg_vec *legs;        /* One a flight. */
    struct legs_options *minima; /* One a flight. */
    int64_t shift_us;
    uint64_t run;         /* Upper half of the ids of this run: the lower one is the index in held. */
    struct held_vec held;
    struct refusal_vec refusals;

    /* What came of it. */
    size_t n_accepted, n_unplannable, n_intents, n_conflicts, n_reads, n_withdrawn, n_volumes_sent, key_max;
    struct u64_vec put_us;
    uint64_t position;
    int64_t took_us;
};

static int64_t monotonic_us(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static struct id id_of_held(const struct replay *r, size_t index)
{
    return (struct id){r->run, UINT64_C(0x8000000000000000) | index};
}

/* The intent of this run with that id, or NULL. */
static struct held *find_held(struct replay *r, struct id id)
{
    size_t index = (size_t)(id.lo & ~UINT64_C(0x8000000000000000));
    return id.hi == r->run && index < r->held.n ? &r->held.at[index] : NULL;
}

static struct party *party_of(struct replay *r, size_t flight)
{
    return &r->parties[flight % r->n_parties];
}

/* Minima of a flight: low and slow is a drone. */
static struct legs_options minima_of(const struct replay *r, const struct flight *f)
{
    struct legs_options o = {.lateral_m = 9260, .vertical_m = 304.8, .time_s = 0, .leg_s = r->leg_s};
    double length = 0, top = 0, seconds = (double)(f->fixes.at[f->fixes.n - 1].at_us - f->fixes.at[0].at_us) / 1e6;
    bool is_drone = strcmp(r->class, "drone") == 0;

    if (strcmp(r->class, "auto") == 0) {
        for (size_t i = 0; i < f->fixes.n; i++) {
            const struct fix *a = &f->fixes.at[i];
            if (i) length += hypot((a->lat - a[-1].lat) * 111200, (a->lng - a[-1].lng) * 111200 * cos(a->lat * 0.0174533));
            top = fmax(top, a->height_m);
        }
        is_drone = length / seconds < 40 && top < 1000;
    }
    if (is_drone) o = (struct legs_options){.lateral_m = 30, .vertical_m = 15, .time_s = 5, .leg_s = r->leg_s};
    if (r->lateral_m >= 0) o.lateral_m = r->lateral_m;
    if (r->vertical_m >= 0) o.vertical_m = r->vertical_m;
    if (r->time_s >= 0) o.time_s = r->time_s;
    return o;
}

struct judgement {
    struct replay *r;
    size_t flight, leg, n_legs;
    struct str *key; /* OVNs collected, borrowed from held. */
    size_t n_key, room;
    struct refusal *refusal;
};

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Whether volumes of the intent being judged and of another one come too close. */
static bool volumes_meet(const struct judgement *j, const struct held *other, struct encounter *ret)
{
    for (size_t a = j->leg; a < j->leg + j->n_legs; a++) {
        for (size_t b = other->leg; b < other->leg + other->n_legs; b++) {
            const struct leg *mine = &j->r->legs[j->flight].at[a], *theirs = &j->r->legs[other->flight].at[b];
            if (!leg_conflicts(mine, theirs) && !leg_conflicts(theirs, mine)) continue;
            ret->from_us = later(mine->outer_box.starts_us, theirs->outer_box.starts_us);
            ret->to_us = earlier(mine->outer_box.ends_us, theirs->outer_box.ends_us);
            ret->low_m = (double)later(mine->outer_box.floor_mm, theirs->outer_box.floor_mm) / 1000;
            ret->high_m = (double)earlier(mine->outer_box.ceil_mm, theirs->outer_box.ceil_mm) / 1000;
            return true;
        }
    }
    return false;
}

/* Where both plans are known and neither has a margin in time, the plans decide. */
static bool comes_too_close(const struct judgement *j, const struct held *other, struct encounter *ret)
{
    struct replay *r = j->r;
    const struct legs_options *a = &r->minima[j->flight], *b = &r->minima[other->flight];

    if (other->flight == j->flight || !volumes_meet(j, other, ret)) return false;
    if (strcmp(r->decide, "volumes") == 0 || a->time_s > 0 || b->time_s > 0) return true;
    if (!flights_meet(&r->flights.at[j->flight], &r->flights.at[other->flight], fmax(a->lateral_m, b->lateral_m),
                      fmax(a->vertical_m, b->vertical_m), ret))
        return false;
    ret->from_us += r->shift_us;
    ret->to_us += r->shift_us;
    return true;
}

/* One intent that stands in the way by the DSS's coarse look: too close, or its OVN goes into the key. */
static enum err judge_missing(void *context, const struct missing *m)
{
    struct judgement *j = context;
    struct held *other = find_held(j->r, m->id);

    if (!other || !other->is_accepted) {
        j->refusal->other = SIZE_MAX;
        (void)snprintf(j->refusal->reason, sizeof j->refusal->reason, "%s of %.*s is not of this replay",
                       m->is_constraint ? "a constraint" : "an intent", STR_ARG(str_first(m->manager, 60)));
        return ERR_CONFLICT;
    }
    if (comes_too_close(j, other, &j->refusal->at)) {
        j->refusal->other = other->flight;
        return ERR_CONFLICT;
    }
    if (j->n_key == j->room) return fail(NULL, ERR_TOO_LARGE, "key");
    j->key[j->n_key++] = str_of(other->ovn);
    return OK;
}

/* PUTs one intent until it is accepted or cannot be. ERR_CONFLICT: refusal says why. */
static enum err plan_intent(struct replay *r, size_t index, struct refusal *refusal, struct why *why)
{
    struct held *h = &r->held.at[index];
    struct party *p = party_of(r, h->flight);
    AUTO(buf_done) struct buf path = {0};
    AUTO(buf_done) struct buf body = {0};
    AUTO(mem_auto) struct str *key = NULL;
    char base_url[96];
    struct plan plan = {.legs = r->legs[h->flight].at + h->leg, .n_legs = h->n_legs, .wants_notices = r->wants_notices};

    (void)snprintf(base_url, sizeof base_url, "https://%.*s.example/uss", STR_ARG(p->sub));
    plan.base_url = str_of(base_url);
    party_intent_path(&path, id_of_held(r, index), STR(""));
    for (int attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
        struct str ovn;
        struct judgement j = {.r = r, .flight = h->flight, .leg = h->leg, .n_legs = h->n_legs, .refusal = refusal};
        buf_clear(&body);
        party_intent_body(&body, &plan);
        TRY(party_send(p, "PUT", buf_str(&path), buf_str(&body), why));
        u64_vec_add(&r->put_us, (uint64_t)p->took_us);
        r->n_volumes_sent += h->n_legs;
        if (p->position > r->position) r->position = p->position;
        ovn = party_reference_text(p, "ovn");
        if (p->status == 201 && ovn.n > 0 && ovn.n < sizeof h->ovn) {
            memcpy(h->ovn, ovn.at, ovn.n);
            h->is_accepted = true;
            r->n_intents++;
            if (plan.n_key > r->key_max) r->key_max = plan.n_key;
            return OK;
        }
        if (p->status != 409 || !party_n_missing(p)) return party_refused(p, why);
        r->n_conflicts++;
        j.room = party_n_missing(p) + plan.n_key;
        mem_free(key);
        j.key = key = mem_calloc(j.room, sizeof *key);
        TRY(party_each_missing(p, judge_missing, &j));
        plan.key = key;
        plan.n_key = j.n_key;
    }
    refusal->other = SIZE_MAX;
    (void)snprintf(refusal->reason, sizeof refusal->reason, "others wrote in between %d times", ATTEMPTS_MAX);
    return ERR_CONFLICT;
}

/* Takes back what was accepted of a flight that is not flown. */
static enum err withdraw(struct replay *r, size_t from, struct why *why)
{
    for (size_t i = from; i < r->held.n; i++) {
        struct held *h = &r->held.at[i];
        AUTO(buf_done) struct buf path = {0};
        struct party *p = party_of(r, h->flight);
        if (!h->is_accepted) continue;
        party_intent_path(&path, id_of_held(r, i), str_of(h->ovn));
        TRY(party_send(p, "DELETE", buf_str(&path), STR(""), why));
        if (p->status != 200) return party_refused(p, why);
        h->is_accepted = false;
        r->n_intents--;
        r->n_withdrawn++;
    }
    return OK;
}

static enum err plan_flight(struct replay *r, size_t flight, struct why *why)
{
    const struct flight *f = &r->flights.at[flight];
    struct refusal refusal = {.flight = flight, .other = SIZE_MAX};
    struct why inner = {0};
    size_t from = r->held.n;

    r->minima[flight] = minima_of(r, f);
    if (legs_of(f, r->shift_us, &r->minima[flight], &r->legs[flight], &inner) != OK) {
        (void)snprintf(refusal.reason, sizeof refusal.reason, "%.*s", (int)sizeof refusal.reason - 1, inner.text);
        r->n_unplannable++;
        refusal_vec_add(&r->refusals, refusal);
        return OK;
    }
    for (size_t leg = 0; leg < r->legs[flight].n; leg += (size_t)r->n_volumes) {
        size_t left = r->legs[flight].n - leg, n = left < (size_t)r->n_volumes ? left : (size_t)r->n_volumes;
        enum err err;
        held_vec_add(&r->held, (struct held){.flight = flight, .leg = leg, .n_legs = n});
        err = plan_intent(r, r->held.n - 1, &refusal, why);
        if (err == ERR_CONFLICT) {
            refusal_vec_add(&r->refusals, refusal);
            return withdraw(r, from, why);
        }
        TRY(err);
    }
    r->n_accepted++;
    return OK;
}

static void show_progress(const struct replay *r, size_t done, bool ends)
{
    static int64_t shown_us;
    int64_t now = monotonic_us();
    int width = 30, full;

    if (r->json || !isatty(STDERR_FILENO) || (!ends && now - shown_us < 100000)) return;
    shown_us = now;
    full = (int)(done * (size_t)width / (r->flights.n ? r->flights.n : 1));
    (void)fprintf(stderr, "\r[%.*s%.*s] %zu/%zu flights, %zu writes%s", full, "##############################", width - full,
                  "..............................", done, r->flights.n, r->put_us.n, ends ? "\n" : "");
    (void)fflush(stderr);
}

static enum err plan_all(struct replay *r, struct why *why)
{
    int64_t started = monotonic_us();
    for (size_t i = 0; i < r->flights.n && !own_node_is_interrupted(); i++) {
        TRY(plan_flight(r, i, why));
        show_progress(r, i + 1, i + 1 == r->flights.n);
    }
    r->took_us = monotonic_us() - started;
    return OK;
}

/* Moves the first flight's day to the day asked for, tomorrow by default: by whole days. */
static enum err choose_shift(struct replay *r, struct why *why)
{
    int64_t first = r->flights.at[0].fixes.at[0].at_us, day = (int64_t)time(NULL) / 86400 * INSTANT_DAY + INSTANT_DAY;
    int64_t first_day = first - ((first % INSTANT_DAY) + INSTANT_DAY) % INSTANT_DAY;
    char text[64];

    if (r->start) {
        (void)snprintf(text, sizeof text, "%.20sT00:00:00Z", r->start);
        if (!instant_parse(str_of(text), &day)) return fail(why, ERR_INPUT, "--start wants a day like 2026-12-24, not \"%s\"", r->start);
    }
    r->shift_us = day - first_day;
    return OK;
}

/* Opens the target or a node of one's own, and a participant for each token. */
static enum err open_parties(struct replay *r, struct why *why)
{
    if (!r->target) {
        TRY(own_node_start(&r->node, why));
        r->target = r->node.url;
        r->key = r->node.key_path;
        r->audience = OWN_NODE_AUDIENCE;
    }
    for (r->n_parties = 0; r->n_parties < (r->token ? 1 : N_PARTIES);) {
        AUTO(buf_done) struct buf token = {0};
        if (r->token) {
            buf_add_str(&token, str_of(r->token));
        } else {
            TRY(party_token(r->key, names[r->n_parties], r->audience, &token, why));
        }
        party_init(&r->parties[r->n_parties], r->token ? "participant" : names[r->n_parties], r->target, NULL, buf_str(&token));
        r->n_parties++;
    }
    return OK;
}

static int by_number(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static double percentile_ms(struct replay *r, double part)
{
    size_t at;
    if (!r->put_us.n) return 0;
    at = (size_t)ceil(part * (double)r->put_us.n);
    return (double)r->put_us.at[at ? at - 1 : 0] / 1000;
}

static void print_time(const char *before, int64_t us)
{
    AUTO(buf_done) struct buf text = {0};
    instant_add(&text, us - us % INSTANT_S);
    printf("%s%.*s", before, STR_ARG(buf_str(&text)));
}

static void print_refusal(const struct replay *r, const struct refusal *x)
{
    const char *name = r->flights.at[x->flight].name;

    if (x->other == SIZE_MAX) {
        printf("  %s: %s\n", name, x->reason);
        return;
    }
    printf("  %s would come too close to %s", name, r->flights.at[x->other].name);
    print_time(" from ", x->at.from_us);
    print_time(" to ", x->at.to_us);
    printf(", at %.0f to %.0f m W84\n", x->at.low_m, x->at.high_m);
}

static void print_summary(struct replay *r, const char *path)
{
    size_t shown = r->lists_all ? r->refusals.n : r->refusals.n < 10 ? r->refusals.n : 10;
    size_t n_volumes = 0;

    for (size_t i = 0; i < r->flights.n; i++) n_volumes += r->legs[i].n;
    if (r->put_us.n) qsort(r->put_us.at, r->put_us.n, sizeof *r->put_us.at, by_number);
    printf("%s: %zu flights, %zu volumes", path, r->flights.n, n_volumes);
    print_time(", from ", r->flights.at[0].fixes.at[0].at_us + r->shift_us);
    printf("\naccepted %zu flights in %zu intents\nrefused  %zu flights\n", r->n_accepted, r->n_intents, r->refusals.n);
    for (size_t i = 0; i < shown; i++) print_refusal(r, &r->refusals.at[i]);
    if (shown < r->refusals.n) printf("  ... and %zu more (--all lists them)\n", r->refusals.n - shown);
    printf("%zu writes in %.2f s, one at a time: %.0f writes/s; p50 %.2f ms, p95 %.2f ms, p99 %.2f ms, most %.2f ms\n", r->put_us.n,
           (double)r->took_us / 1e6, (double)r->put_us.n * 1e6 / (double)(r->took_us ? r->took_us : 1), percentile_ms(r, 0.5),
           percentile_ms(r, 0.95), percentile_ms(r, 0.99), percentile_ms(r, 1));
    printf("%zu answers named what the key lacked; the longest key had %zu OVNs; %zu intents were withdrawn\n", r->n_conflicts,
           r->key_max, r->n_withdrawn);
    if (r->position) printf("journal position %" PRIu64 "\n", r->position);
}

static void json_number(struct json *j, const char *name, double value)
{
    char text[32];
    int n = snprintf(text, sizeof text, "%.3f", value);
    json_key(j, name);
    json_raw(j, str_make(text, (size_t)n));
}

static void print_json(struct replay *r, const char *path)
{
    AUTO(buf_done) struct buf out = {0};
    struct json j = {.to = &out};
    const struct {
        const char *name;
        uint64_t value;
    } counts[] = {
        {"flights", r->flights.n},      {"accepted", r->n_accepted},         {"refused", r->refusals.n},
        {"intents", r->n_intents},      {"withdrawn", r->n_withdrawn},       {"writes", r->put_us.n},
        {"conflicts", r->n_conflicts},  {"longest_key", r->key_max},         {"journal_position", r->position},
    };

    if (r->put_us.n) qsort(r->put_us.at, r->put_us.n, sizeof *r->put_us.at, by_number);
    json_open(&j, '{');
    json_key(&j, "file");
    json_str(&j, str_of(path));
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        json_key(&j, counts[i].name);
        json_u64(&j, counts[i].value);
    }
    json_number(&j, "seconds", (double)r->took_us / 1e6);
    json_number(&j, "p50_ms", percentile_ms(r, 0.5));
    json_number(&j, "p95_ms", percentile_ms(r, 0.95));
    json_number(&j, "p99_ms", percentile_ms(r, 0.99));
    json_key(&j, "refusals");
    json_open(&j, '[');
    for (size_t i = 0; i < r->refusals.n; i++) {
        const struct refusal *x = &r->refusals.at[i];
        json_open(&j, '{');
        json_key(&j, "flight");
        json_str(&j, str_of(r->flights.at[x->flight].name));
        json_key(&j, x->other == SIZE_MAX ? "reason" : "too_close_to");
        json_str(&j, str_of(x->other == SIZE_MAX ? x->reason : r->flights.at[x->other].name));
        json_close(&j, '}');
    }
    json_close(&j, ']');
    json_close(&j, '}');
    printf("%.*s\n", STR_ARG(buf_str(&out)));
}

static enum err run(struct replay *r, const char *path, struct why *why)
{
    struct id random = entropy_id();

    r->run = random.hi;
    TRY(flights_read(path, &r->flights, why));
    if (!r->flights.n) return fail(why, ERR_INPUT, "%s holds no flight", path);
    while (r->limit > 0 && r->flights.n > (size_t)r->limit) fix_vec_done(&r->flights.at[--r->flights.n].fixes);
    TRY(choose_shift(r, why));
    r->legs = mem_calloc(r->flights.n, sizeof *r->legs);
    r->minima = mem_calloc(r->flights.n, sizeof *r->minima);
    TRY(open_parties(r, why));
    TRY(plan_all(r, why));
    if (own_node_is_interrupted()) return fail(why, ERR_UNAVAILABLE, "interrupted after %zu flights", r->n_accepted + r->refusals.n);
    if (r->json) {
        print_json(r, path);
    } else {
        print_summary(r, path);
    }
    return OK;
}

static void replay_done(struct replay *r)
{
    for (size_t i = 0; i < N_PARTIES; i++) party_done(&r->parties[i]);
    for (size_t i = 0; r->legs && i < r->flights.n; i++) leg_vec_done(&r->legs[i]);
    mem_free(r->legs);
    mem_free(r->minima);
    flights_done(&r->flights);
    held_vec_done(&r->held);
    refusal_vec_done(&r->refusals);
    u64_vec_done(&r->put_us);
    if (r->node.pid) own_node_stop(&r->node);
}

int cmd_replay(int argc, char **argv)
{
    struct replay r = {.class = "auto", .decide = "plans", .n_volumes = 4, .leg_s = 120, .lateral_m = -1, .vertical_m = -1, .time_s = -1};
    struct arg_texts files = {0};
    struct why why = {0};
    const struct arg options[] = {
        {"--target", "URL", "the node to plan with; without it, one is started for the occasion", ARG_TEXT, &r.target, 0, 0},
        {"--token", "TOKEN", "plan as the one participant of this token", ARG_TEXT, &r.token, 0, 0},
        {"--key", "PEM", "mint tokens of three participants with this secret key", ARG_TEXT, &r.key, 0, 0},
        {"--audience", "HOST", "their audience", ARG_TEXT, &r.audience, 0, 0},
        {"--start", "DAY", "day that the first flight moves to (tomorrow, UTC)", ARG_TEXT, &r.start, 0, 0},
        {"--limit", "N", "plan the first N flights only", ARG_NUMBER, &r.limit, 1, 1000000},
        {"--class", "CLASS", "crewed (5 NM, 1,000 ft), drone (30 m, 15 m), auto (by speed and height)", ARG_TEXT, &r.class, 0, 0},
        {"--lateral", "METRES", "least distance over ground instead of the class's", ARG_REAL, &r.lateral_m, 0, 20000},
        {"--vertical", "METRES", "least difference in height instead of the class's", ARG_REAL, &r.vertical_m, 0, 5000},
        {"--time", "SECONDS", "widening in time instead of the class's", ARG_REAL, &r.time_s, 0, 3600},
        {"--leg", "SECONDS", "a volume's length in time (120)", ARG_REAL, &r.leg_s, 1, 3600},
        {"--volumes", "N", "volumes an intent (4)", ARG_NUMBER, &r.n_volumes, 1, 100},
        {"--decide", "BY", "plans (of crewed flights, volumes otherwise), or volumes always", ARG_TEXT, &r.decide, 0, 0},
        {"--notices", NULL, "each intent brings a subscription for its area", ARG_FLAG, &r.wants_notices, 0, 0},
        {"--all", NULL, "list every refusal", ARG_FLAG, &r.lists_all, 0, 0},
        {"--json", NULL, "one JSON object on stdout", ARG_FLAG, &r.json, 0, 0},
    };
    const struct args args = {
        .command = "replay",
        .summary = "plan the flights of a file through a node",
        .examples = "  clearline replay data/donlon-flights.json\n"
                    "  clearline replay flights.kml --class drone --json\n"
                    "  clearline replay day.json.gz --target http://127.0.0.1:8082 --key node1/tokens/private.pem --audience localhost\n",
        .operands = "FILE",
        .ret_operands = &files,
        ARGS(options),
    };
    int code;
    enum err err;

    if (!args_parse(&args, argc, argv, &code)) return code;
    if (files.n != 1) return args_wrong(&args, "wants one FILE of flights");
    if (r.target && !r.token && (!r.key || !r.audience)) return args_wrong(&args, "--target needs --token, or --key and --audience");
    if (!r.target && (r.token || r.key)) return args_wrong(&args, "%s needs --target", r.token ? "--token" : "--key");
    if (strcmp(r.class, "auto") != 0 && strcmp(r.class, "crewed") != 0 && strcmp(r.class, "drone") != 0)
        return args_wrong(&args, "--class is crewed, drone or auto, not \"%s\"", r.class);
    if (strcmp(r.decide, "plans") != 0 && strcmp(r.decide, "volumes") != 0)
        return args_wrong(&args, "--decide is plans or volumes, not \"%s\"", r.decide);
    err = run(&r, files.at[0], &why);
    replay_done(&r);
    return err == OK ? EXIT_YES : args_fail(&args, err, &why);
}
