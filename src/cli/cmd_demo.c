/* cmd_demo.c - `clearline demo`: three parties over invented waters plan, meet a conflict, read, and plan again.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Each party has a node of its own, a child process, and asks that alone over HTTP; nothing is scripted but what each party wants.
 * The place is Donlon, the fictitious island state of the aeronautical information samples, in the Atlantic at 52 N 32 W.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/b64.h"
#include "base/instant.h"
#include "base/json.h"
#include "cli/args.h"
#include "cli/cmd.h"
#include "cli/desk.h"
#include "cli/own_line.h"
#include "cli/party.h"
#include "node/entropy.h"
#include "proof/checkpoint.h"

#define CHECKPOINT_LIMIT_MS 5000

enum who { AIR_ARM, RELIEF, DRONES, N_WHO, NODE = N_WHO }; /* NODE: that of the party which acts. */
#define N_PARTIES 3
_Static_assert(N_PARTIES == OWN_LINE_MEMBERS, "a node each");

static const char *const names[N_WHO] = {"donlon-air-arm", "mercy-flights", "skyparcel"};
static const char *const members[N_WHO] = {"donlon", "mercy", "skyparcel"};
static const char *const node_names[N_WHO] = {"donlon's node", "mercy's node", "skyparcel's node"};
static const char *const participants[N_WHO] = {"donlon-air-arm=donlon", "mercy-flights=mercy", "skyparcel=skyparcel"};

static const struct fix airport = {.lat = 52.3717, .lng = -31.9494};  /* Donlon/Intl. */
static const struct fix heliport = {.lat = 52.2889, .lng = -32.0350}; /* Donlon/Downtown */
static const struct fix osto = {.lat = 52.5108, .lng = -33.5114};     /* Field on the west cape. */

struct demo {
    bool json;
    bool is_bold; /* stdout is a terminal that wants colour. */
    const char *journal;
    struct own_line line;
    enum who at; /* Whose node is spoken of. */
    struct party parties[N_PARTIES];
    int64_t base_us;   /* The hour it is all about begins here. */
    struct json out;   /* With --json: the steps, in buf. */
    struct buf buf;
    struct id ids[N_PARTIES];
    struct leg_vec relief;
    struct buf ovn;    /* The training's: known to whoever asks the air arm. */
    uint64_t position;
};

/* Telling the story. Each line is who, what, and in JSON the same with a status. */

static void tell(struct demo *d, enum who who, int status, const char *text)
{
    AUTO(buf_done) struct buf now = {0};
    const char *name = who == NODE ? node_names[d->at] : names[who];
    struct timespec t;

    if (who != NODE) d->at = who;
    (void)clock_gettime(CLOCK_REALTIME, &t);
    instant_add(&now, (int64_t)t.tv_sec * INSTANT_S);
    if (d->json) {
        json_open(&d->out, '{');
        json_key(&d->out, "at");
        json_str(&d->out, buf_str(&now));
        json_key(&d->out, "who");
        json_str(&d->out, str_of(name));
        if (status) {
            json_key(&d->out, "status");
            json_i64(&d->out, status);
        }
        json_key(&d->out, "what");
        json_str(&d->out, str_of(text));
        json_close(&d->out, '}');
        return;
    }
    printf("%s%-17s%s %s\n", d->is_bold ? "\x1b[1m" : "", name, d->is_bold ? "\x1b[0m" : "", text);
    (void)fflush(stdout);
}

static void tellf(struct demo *d, enum who who, int status, const char *format, ...) __attribute__((format(printf, 4, 5)));
static void tellf(struct demo *d, enum who who, int status, const char *format, ...)
{
    char text[512];
    va_list list;
    va_start(list, format);
    (void)vsnprintf(text, sizeof text, format, list);
    va_end(list);
    tell(d, who, status, text);
}

static void blank(const struct demo *d)
{
    if (!d->json) printf("\n");
}

/* "10:20:00Z": the demonstration lies within a day. */
struct clock_text {
    char z[16];
};
static struct clock_text clock_of(int64_t us)
{
    AUTO(buf_done) struct buf text = {0};
    struct clock_text c = {{0}};
    instant_add(&text, us - us % INSTANT_S);
    if (text.n == 20) (void)snprintf(c.z, sizeof c.z, "%.9s", text.at + 11);
    return c;
}

static struct clock_text clock_of_text(struct str rfc3339)
{
    int64_t us = 0;
    (void)instant_parse(rfc3339, &us);
    return clock_of(us);
}

/* What an answer of 201 says about whom to tell. */
static enum err tell_notice(void *context, struct str url, struct str subscription, int64_t index)
{
    struct demo *d = context;
    struct str host = str_starts(url, STR("https://")) ? str_skip(url, 8) : url;
    tellf(d, NODE, 0, "%sto be told: %.*s (subscription %.8s..., notification %" PRId64 ")", d->json ? "" : "  ",
          STR_ARG(str_first(host, str_find(host, '.'))), subscription.n >= 8 ? subscription.at : "        ", index);
    return OK;
}

static void base_url_of(enum who who, char *ret, size_t room)
{
    (void)snprintf(ret, room, "https://%s.example/uss", names[who]);
}

/* PUTs the party's intent. OK with the answer in the party, whether 201 or 409; other answers are errors. */
static enum err put_intent(struct demo *d, enum who who, const struct leg *legs, size_t n_legs, const struct str *key, size_t n_key,
                           struct why *why)
{
    struct party *p = &d->parties[who];
    AUTO(buf_done) struct buf path = {0};
    AUTO(buf_done) struct buf body = {0};
    char base_url[96];
    struct plan plan = {.legs = legs, .n_legs = n_legs, .key = key, .n_key = n_key, .wants_notices = true};

    base_url_of(who, base_url, sizeof base_url);
    plan.base_url = str_of(base_url);
    party_intent_path(&path, d->ids[who], STR(""));
    party_intent_body(&body, &plan);
    TRY(party_send(p, "PUT", buf_str(&path), buf_str(&body), why));
    if (p->position > d->position) d->position = p->position;
    return p->status == 201 || (p->status == 409 && party_n_missing(p)) ? OK : party_refused(p, why);
}

static enum err expect_accepted(struct demo *d, enum who who, struct why *why)
{
    const struct party *p = &d->parties[who];
    if (p->status != 201) return party_refused(p, why);
    tellf(d, NODE, 201, "accepted as version %" PRId64 ", journal position %" PRIu64 ", answered in %.1f ms",
          party_reference_number(p, "version"), p->position, (double)p->took_us / 1000);
    return party_each_notice(p, tell_notice, d);
}

/* The steps of the story. */

static enum err begin(struct demo *d, struct why *why)
{
    bool with_etcd = strcmp(d->journal, "etcd") == 0;

    TRY(own_line_start(members, participants, with_etcd, &d->line, why));
    for (int i = 0; i < N_PARTIES; i++) {
        AUTO(buf_done) struct buf token = {0};
        TRY(party_token(d->line.key_path, names[i], OWN_NODE_AUDIENCE, &token, why));
        party_init(&d->parties[i], names[i], d->line.nodes[i].url, NULL, buf_str(&token));
        d->ids[i] = entropy_id();
        d->at = (enum who)i;
        tellf(d, NODE, 0, "listens on %s and has joined; %s orders the entries", d->line.nodes[i].url,
              with_etcd ? "a cluster of three etcd servers" : "this process");
    }
    return OK;
}

/* The relief service wants to hear of everything between the west cape and the airport. */
static enum err subscribe(struct demo *d, struct why *why)
{
    static const struct point area[] = {{52.25, -32.85}, {52.25, -31.95}, {52.55, -31.95}, {52.55, -32.85}};
    struct party *p = &d->parties[RELIEF];
    AUTO(buf_done) struct buf body = {0};
    char path[80], base_url[96], id[ID_TEXT];
    struct json j = {.to = &body};

    id_format(entropy_id(), id);
    (void)snprintf(path, sizeof path, "/dss/v1/subscriptions/%.*s", ID_TEXT, id);
    base_url_of(RELIEF, base_url, sizeof base_url);
    json_open(&j, '{');
    json_key(&j, "extents");
    json_open(&j, '{');
    json_key(&j, "volume");
    json_open(&j, '{');
    json_key(&j, "outline_polygon");
    party_add_ring(&j, area, sizeof area / sizeof area[0]);
    json_key(&j, "altitude_lower");
    party_add_height(&j, 0);
    json_key(&j, "altitude_upper");
    party_add_height(&j, 12000 * 1000);
    json_close(&j, '}');
    json_key(&j, "time_start");
    party_add_time(&j, d->base_us - INSTANT_HOUR);
    json_key(&j, "time_end");
    party_add_time(&j, d->base_us + 3 * INSTANT_HOUR);
    json_close(&j, '}');
    json_key(&j, "uss_base_url");
    json_str(&j, str_of(base_url));
    json_key(&j, "notify_for_operational_intents");
    json_bool(&j, true);
    json_close(&j, '}');
    TRY(party_send(p, "PUT", str_of(path), buf_str(&body), why));
    if (p->status != 200) return party_refused(p, why);
    tell(d, RELIEF, 200, "subscribes to the air around Donlon: it wants to be told of every plan there");
    return OK;
}

static enum err train(struct demo *d, struct why *why)
{
    struct leg box = {
        .outer = {{52.35, -32.90}, {52.35, -32.50}, {52.55, -32.50}, {52.55, -32.90}},
        .outer_box = {d->base_us, d->base_us + INSTANT_HOUR, 1500 * 1000, 3000 * 1000},
    };
    struct str ovn;

    tellf(d, AIR_ARM, 0, "plans training west of the island, %s to %s, 1,500 to 3,000 m W84", clock_of(box.outer_box.starts_us).z,
          clock_of(box.outer_box.ends_us).z);
    TRY(put_intent(d, AIR_ARM, &box, 1, NULL, 0, why));
    TRY(expect_accepted(d, AIR_ARM, why));
    ovn = party_reference_text(&d->parties[AIR_ARM], "ovn");
    buf_add_str(&d->ovn, ovn);
    return OK;
}

static enum err deliver(struct demo *d, struct why *why)
{
    struct flight round = {.name = "parcel"};
    struct leg_vec legs = {0};
    const struct legs_options drone = {.lateral_m = 30, .vertical_m = 15, .time_s = 5};
    struct fix away = {heliport.lat + 0.010, heliport.lng - 0.030, 90, d->base_us + 8 * INSTANT_MINUTE};
    enum err err;

    fix_vec_add(&round.fixes, (struct fix){heliport.lat, heliport.lng, 90, d->base_us + 5 * INSTANT_MINUTE});
    fix_vec_add(&round.fixes, away);
    fix_vec_add(&round.fixes, (struct fix){heliport.lat, heliport.lng, 90, d->base_us + 11 * INSTANT_MINUTE});
    err = legs_of(&round, 0, &drone, &legs, why);
    if (err == OK) {
        tellf(d, DRONES, 0, "plans a delivery from the heliport and back, %s to %s, 75 to 105 m W84", clock_of(legs.at[0].outer_box.starts_us).z,
              clock_of(legs.at[legs.n - 1].outer_box.ends_us).z);
        err = put_intent(d, DRONES, legs.at, legs.n, NULL, 0, why);
    }
    if (err == OK) err = expect_accepted(d, DRONES, why);
    fix_vec_done(&round.fixes);
    leg_vec_done(&legs);
    return err;
}

/* The relief flight from the west cape to the airport at this height. */
static enum err plan_relief(struct demo *d, double height_m, struct why *why)
{
    const struct legs_options crewed = {.lateral_m = 9260, .vertical_m = 304.8, .leg_s = 300};
    struct flight f = {.name = "relief"};
    enum err err;

    fix_vec_add(&f.fixes, (struct fix){osto.lat, osto.lng, height_m, d->base_us + 15 * INSTANT_MINUTE});
    fix_vec_add(&f.fixes, (struct fix){airport.lat, airport.lng, height_m, d->base_us + 35 * INSTANT_MINUTE});
    leg_vec_clear(&d->relief);
    err = legs_of(&f, 0, &crewed, &d->relief, why);
    fix_vec_done(&f.fixes);
    return err;
}

struct in_the_way {
    struct demo *d;
    struct id id;
    size_t n;
};

static enum err tell_missing(void *context, const struct missing *m)
{
    struct in_the_way *w = context;
    char id[ID_TEXT];
    id_format(m->id, id);
    tellf(w->d, NODE, 0, "%sin the way: %.8s... of %.*s, %.*s, %s to %s", w->d->json ? "" : "  ", id, STR_ARG(m->manager), STR_ARG(m->state),
          clock_of_text(m->starts).z, clock_of_text(m->ends).z);
    w->id = m->id;
    w->n++;
    return OK;
}

static enum err meet_conflict(struct demo *d, struct why *why)
{
    struct party *p = &d->parties[RELIEF];
    struct in_the_way w = {.d = d};
    AUTO(buf_done) struct buf path = {0};

    TRY(plan_relief(d, 2000, why));
    tellf(d, RELIEF, 0, "plans a relief flight from the west cape to the airport, %s to %s, at 2,000 m W84",
          clock_of(d->relief.at[0].inner_box.starts_us).z, clock_of(d->relief.at[d->relief.n - 1].inner_box.ends_us).z);
    TRY(put_intent(d, RELIEF, d->relief.at, d->relief.n, NULL, 0, why));
    if (p->status != 409) return fail(why, ERR_INTERNAL, "the relief flight should have met the training, and was answered %d", p->status);
    tell(d, NODE, 409, "conflict: nothing is written, and the answer names what the plan did not know");
    TRY(party_each_missing(p, tell_missing, &w));
    if (w.n != 1 || !id_equal(w.id, d->ids[AIR_ARM])) return fail(why, ERR_INTERNAL, "the answer should name the training alone");

    party_intent_path(&path, w.id, STR(""));
    TRY(party_send(p, "GET", buf_str(&path), STR(""), why));
    if (p->status != 200) return party_refused(p, why);
    tellf(d, RELIEF, 200, "reads the reference: state %.*s, details at %.*s", STR_ARG(party_reference_text(p, "state")),
          STR_ARG(party_reference_text(p, "uss_base_url")));
    tell(d, RELIEF, 0, "asks the air arm, which alone gives out the details: 1,500 to 3,000 m W84, and the plan's OVN");
    return OK;
}

static enum err plan_again(struct demo *d, struct why *why)
{
    struct str key = buf_str(&d->ovn);

    TRY(plan_relief(d, 3400, why));
    tell(d, RELIEF, 0, "plans again at 3,400 m W84, above it, and shows by the OVN that it knows of the training");
    TRY(put_intent(d, RELIEF, d->relief.at, d->relief.n, &key, 1, why));
    return expect_accepted(d, RELIEF, why);
}

/* The size and root of the node's newest checkpoint, and how many log keys signed it; untouched before the first. */
static enum err read_checkpoint(struct demo *d, struct buf *origin, struct checkpoint *ret, size_t *ret_n_signed, struct why *why)
{
    struct party *p = &d->parties[RELIEF];
    AUTO(mem_auto) struct note *note = mem_alloc(sizeof *note);

    TRY(party_send(p, "GET", STR("/log/checkpoint"), STR(""), why));
    if (p->status == 503) return OK;
    if (p->status != 200) return party_refused(p, why);
    TRY(note_parse(buf_str(&p->body), note, why));
    TRY(checkpoint_parse(note->text, ret, why));
    buf_clear(origin);
    buf_add_str(origin, ret->origin);
    *ret_n_signed = 0;
    for (size_t i = 0; i < note->n_signatures; i++) *ret_n_signed += str_equal(note->signatures[i].name, ret->origin);
    return OK;
}

/* Waits until the checkpoint holds everything that was accepted: entry and outcome are a leaf each. */
static enum err show_checkpoint(struct demo *d, struct why *why)
{
    const struct timespec pause = {.tv_nsec = 5 * 1000 * 1000};
    AUTO(buf_done) struct buf origin = {0};
    AUTO(buf_done) struct buf root = {0};
    struct checkpoint c = {0};
    size_t n_signed = 0;

    for (int waited_ms = 0; c.size < 2 * d->position; waited_ms += 5) {
        if (waited_ms >= CHECKPOINT_LIMIT_MS)
            return fail(why, ERR_UNAVAILABLE, "no checkpoint of position %" PRIu64 " within %d s", d->position, CHECKPOINT_LIMIT_MS / 1000);
        if (waited_ms) (void)nanosleep(&pause, NULL);
        TRY(read_checkpoint(d, &origin, &c, &n_signed, why));
    }
    b64_add(&root, B64_STANDARD, c.root.b, sizeof c.root.b);
    d->at = RELIEF; /* Whose position is the checkpoint's: nodes write of their own, too. */
    tellf(d, NODE, 200, "is at journal position %" PRIu64 "; its signed checkpoint of %.*s has %" PRIu64 " leaves, root %.*s, signed by %zu of %d",
          c.size / 2, STR_ARG(buf_str(&origin)), c.size, STR_ARG(buf_str(&root)), n_signed, N_PARTIES);
    return OK;
}

/* Asks a member's node as its operator. */
static enum err operate(struct demo *d, enum who who, const char *path, struct str body, struct desk *desk, struct json_node *ret,
                        struct why *why)
{
    const struct desk_options o = {.url = d->line.nodes[who].url, .key = d->line.key_path, .audience = OWN_NODE_AUDIENCE};

    TRY(desk_open(&o, desk, why));
    return desk_ask(desk, path, body, ret, why);
}

static enum err change_line(struct demo *d, const char *path, const char *body, struct why *why)
{
    AUTO(desk_done) struct desk desk = {0};
    struct json_node answer;

    return operate(d, AIR_ARM, path, str_of(body), &desk, &answer, why);
}

/* How donlon stands, as another member's node sees it. */
struct seen {
    struct str standing, since, reason;
};

static enum err see_member(void *context, size_t i, struct json_node m)
{
    struct seen *s = context;

    (void)i;
    if (!str_equal(desk_text(m, "member"), str_of(members[AIR_ARM]))) return OK;
    *s = (struct seen){desk_text(m, "standing"), desk_text(m, "suspended_since"), desk_text(m, "reason")};
    return OK;
}

static enum err suspend(struct demo *d, struct why *why)
{
    AUTO(desk_done) struct desk desk = {0};
    struct json_node status;
    struct seen seen = {0};

    tell(d, AIR_ARM, 0, "suspends its line: \"talks broken off\"");
    TRY(change_line(d, "/aux/v1/line/suspend", "{\"reason\":\"talks broken off\"}", why));
    TRY(operate(d, DRONES, "/aux/v1/status", (struct str){0}, &desk, &status, why));
    TRY(json_each(json_member(status, "members"), see_member, &seen));
    d->at = DRONES;
    tellf(d, NODE, 200, "says: donlon %.*s since %.*s, \"%.*s\"; its training stays known, and safety rules go on", STR_ARG(seen.standing),
          STR_ARG(seen.since), STR_ARG(seen.reason));
    tell(d, AIR_ARM, 0, "resumes: \"talks resumed\"; nothing is missing in the history of either side");
    return change_line(d, "/aux/v1/line/resume", "{\"reason\":\"talks resumed\"}", why);
}

/* All nodes, where they stand at one position. */
static enum err compare(struct demo *d, struct why *why)
{
    int64_t positions[N_PARTIES] = {0};
    char digests[N_PARTIES][65] = {{0}};

    for (int tries = 0; tries < 20; tries++) {
        for (int i = 0; i < N_PARTIES; i++) {
            AUTO(desk_done) struct desk desk = {0};
            struct json_node status;
            TRY(operate(d, (enum who)i, "/aux/v1/status?digest=1", (struct str){0}, &desk, &status, why));
            positions[i] = desk_number(status, "position");
            (void)snprintf(digests[i], sizeof digests[i], "%.*s", STR_ARG(desk_text(status, "digest")));
        }
        if (positions[0] == positions[1] && positions[1] == positions[2]) break;
    }
    if (positions[0] != positions[1] || positions[1] != positions[2])
        return fail(why, ERR_UNAVAILABLE, "the nodes do not come to one position");
    if (strcmp(digests[0], digests[1]) != 0 || strcmp(digests[1], digests[2]) != 0)
        return fail(why, ERR_INTERNAL, "the nodes' states differ at position %" PRId64, positions[0]);
    for (int i = 0; i < N_PARTIES; i++) {
        d->at = (enum who)i;
        tellf(d, NODE, 200, "at position %" PRId64 " has the state %.16s...", positions[i], digests[i]);
    }
    d->position = (uint64_t)positions[0];
    return OK;
}

static enum err run(struct demo *d, struct why *why)
{
    static enum err (*const steps[])(struct demo *d, struct why *why) = {begin,   subscribe,     train,      deliver,
                                                                        meet_conflict, plan_again, suspend, compare,
                                                                        show_checkpoint};
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        if (own_node_is_interrupted()) return fail(why, ERR_UNAVAILABLE, "interrupted");
        TRY(steps[i](d, why));
        blank(d);
    }
    return OK;
}

static void print_end(const struct demo *d)
{
    if (d->json) return;
    printf("What was accepted stands in one signed journal that any number of parties can hold and check.\n"
           "Next:  clearline replay data/donlon-flights.json     sixty flights through the same door\n"
           "       clearline serve --data node1                  a node of your own\n"
           "       clearline init lab --members a,b,c --dir lab  a network of several members\n");
}

int cmd_demo(int argc, char **argv)
{
    struct demo d = {.journal = "memory"};
    struct why why = {0};
    const struct arg options[] = {
        {"--journal", "ENGINE", "who orders the entries: memory (this process), or etcd (three servers of Debian's etcd-server)", ARG_TEXT,
         &d.journal, 0, 0},
        {"--json", NULL, "the steps as one JSON array on stdout", ARG_FLAG, &d.json, 0, 0},
    };
    const struct args args = {
        .command = "demo",
        .summary = "three members, each with a node of its own, plan, meet a conflict and solve it",
        .examples = "  clearline demo\n"
                    "  clearline demo --journal etcd\n"
                    "  clearline demo --json\n",
        ARGS(options),
    };
    int code;
    enum err err;

    if (!args_parse(&args, argc, argv, &code)) return code;
    if (strcmp(d.journal, "memory") != 0 && strcmp(d.journal, "etcd") != 0)
        return args_wrong(&args, "--journal is memory or etcd, not %s", d.journal);
    d.base_us = ((int64_t)time(NULL) / 600 + 7) * 600 * INSTANT_S; /* In an hour, on a full ten minutes. */
    d.is_bold = !d.json && isatty(STDOUT_FILENO) && !getenv("NO_COLOR");
    d.out = (struct json){.to = &d.buf};
    if (d.json) {
        json_open(&d.out, '[');
    } else {
        printf("Three parties share the air over Donlon, a fictitious island state at 52 N 32 W. Each trusts its own node alone.\n\n");
        (void)fflush(stdout);
    }
    err = run(&d, &why);
    if (d.json) {
        json_close(&d.out, ']');
        if (err == OK) printf("%.*s\n", STR_ARG(buf_str(&d.buf)));
    } else if (err == OK) {
        print_end(&d);
    }
    for (int i = 0; i < N_PARTIES; i++) party_done(&d.parties[i]);
    own_line_stop(&d.line);
    leg_vec_done(&d.relief);
    buf_done(&d.ovn);
    buf_done(&d.buf);
    return err == OK ? EXIT_YES : args_fail(&args, err, &why);
}
