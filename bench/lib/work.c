/* work.c - what the load generator sends, and what the answers should be.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>

#include "base/instant.h"
#include "load.h"

#define INTENTS "/dss/v1/operational_intent_references/"
#define SUBSCRIPTIONS "/dss/v1/subscriptions/"
#define URL "https://uss.example.com/f3548"
#define WRONG_SHOWN 3
#define HIT_SAMPLE 64 /* Of every so many answers to queries the hits are counted. */

static void make_id(char ret[ID_TEXT])
{
    uint64_t bytes[2] = {rng_next(&load.rng), rng_next(&load.rng)};

    id_format(id_make_v4((const uint8_t *)bytes), ret);
}

/* ---- Texts of requests. ---- */

static void add(struct buf *b, const char *text)
{
    buf_add(b, text, strlen(text));
}

static void add_window(struct buf *b, int64_t starts_us, int64_t ends_us)
{
    add(b, "\"time_start\":{\"value\":\"");
    instant_add(b, starts_us);
    add(b, "\",\"format\":\"RFC3339\"},\"time_end\":{\"value\":\"");
    instant_add(b, ends_us);
    add(b, "\",\"format\":\"RFC3339\"}");
}

static void add_heights(struct buf *b, double low, double high)
{
    buf_addf(b,
             "\"altitude_lower\":{\"value\":%.1f,\"reference\":\"W84\",\"units\":\"M\"},"
             "\"altitude_upper\":{\"value\":%.1f,\"reference\":\"W84\",\"units\":\"M\"}",
             low, high);
}

static void add_circle(struct buf *b, double lat, double lon, double radius)
{
    buf_addf(b, "\"outline_circle\":{\"center\":{\"lat\":%.6f,\"lng\":%.6f},\"radius\":{\"value\":%.1f,\"units\":\"M\"}}",
             lat, lon, radius);
}

/* A rectangle of about 100 m by 10 m. */
static void add_extents(struct buf *b, double lat, double lon, double low, double high, struct str window)
{
    double w = 0.00055, h = 0.000045;

    buf_addf(b,
             "{\"extents\":[{\"volume\":{\"outline_polygon\":{\"vertices\":[{\"lat\":%.6f,\"lng\":%.6f},"
             "{\"lat\":%.6f,\"lng\":%.6f},{\"lat\":%.6f,\"lng\":%.6f},{\"lat\":%.6f,\"lng\":%.6f}]},",
             lat - h, lon - w, lat - h, lon + w, lat + h, lon + w, lat + h, lon - w);
    add_heights(b, low, high);
    add(b, "},");
    buf_add_str(b, window);
    add(b, "}],");
}

static void place_at(unsigned place, double *ret_lat, double *ret_lon)
{
    unsigned side = 1;

    while (side * side < load.n_places) side++;
    *ret_lat = load.lat + 0.04 * (place / side); /* Far enough that places share no cell. */
    *ret_lon = load.lon + 0.05 * (place % side);
}

static void add_key(struct buf *b, const struct group *g, const struct member *without, const struct member *self)
{
    add(b, "\"key\":[");
    for (unsigned i = 0; i < g->n; i++) {
        const struct member *other = &g->members[(g->turn + i) % (load.k + 1)];
        if (other == without || other == self) continue;
        buf_add_char(b, '"');
        buf_add(b, other->ovn, other->n_ovn);
        buf_add(b, "\",", 2);
    }
    for (unsigned i = 0; i < load.n_extras; i++) {
        buf_add_char(b, '"');
        if (g->n_old) buf_add(b, g->old_ovn, g->n_old);
        else add(b, "unknown-to-everyone-");
        buf_addf(b, "x%u", i); /* So that it is nobody's. */
        buf_add(b, "\",", 2);
    }
    if (b->at[b->n - 1] == ',') b->n--;
    buf_add_char(b, ']');
}

static struct buf body; /* Of the request being made. */

static void send_request(struct lane *l, const char *method, const char *path, struct str id, struct str version,
                         struct str content)
{
    struct buf *b = &l->out;

    buf_clear(b);
    buf_reserve(b, 1024 + content.n);
    add(b, method);
    add(b, path);
    buf_add_str(b, id);
    if (version.n) {
        buf_add_char(b, '/');
        buf_add_str(b, version);
    }
    add(b, " HTTP/1.1\r\nHost: ");
    buf_add_str(b, load.host);
    add(b, "\r\n");
    if (load.n_tokens) {
        add(b, "Authorization: Bearer ");
        buf_add_str(b, load.tokens[l->token]);
        add(b, "\r\n");
    }
    if (content.n) {
        add(b, "Content-Type: application/json\r\nContent-Length: ");
        buf_add_u64(b, content.n);
        add(b, "\r\n");
    }
    add(b, "\r\n");
    buf_add_str(b, content);
    l->n_sent = 0;
}

static struct str id_str(const char id[ID_TEXT])
{
    return str_make(id, ID_TEXT);
}

static void put_intent(struct lane *l, const struct member *without, const struct member *m, bool is_new)
{
    struct group *g = l->group;

    buf_clear(&body);
    buf_add_str(&body, g->extents);
    add_key(&body, g, without, m);
    add(&body, is_new ? ",\"state\":\"Accepted\"" : ",\"state\":\"Activated\"");
    add(&body, ",\"uss_base_url\":\"" URL "\",\"subscription_id\":\"");
    buf_add(&body, g->subscription, ID_TEXT);
    add(&body, "\"}");
    send_request(l, "PUT ", INTENTS, id_str(m->id), is_new ? STR("") : str_make(m->ovn, m->n_ovn), buf_str(&body));
}

/* ---- What a connection does next. ---- */

static struct member *newest(struct group *g)
{
    return &g->members[(g->turn + g->n - 1) % (load.k + 1)];
}

static void create(struct lane *l, enum op op)
{
    struct group *g = l->group;
    struct member *m = &g->members[(g->turn + g->n) % (load.k + 1)];

    if (op == CREATE && load.probe_every && load.k > 0 && ++load.n_creates % load.probe_every == 0) op = PROBE;
    make_id(m->id);
    m->n_ovn = 0;
    l->op = op;
    put_intent(l, op == PROBE ? &g->members[g->turn] : NULL, m, true);
}

static void remove_oldest(struct lane *l, enum op op)
{
    struct member *m = &l->group->members[l->group->turn];

    l->op = op;
    send_request(l, "DELETE ", INTENTS, id_str(m->id), str_make(m->ovn, m->n_ovn), STR(""));
}

static bool next_group(struct lane *l, unsigned n_from, unsigned n_to) /* The next that has n_from to n_to live ones. */
{
    for (unsigned i = 0; i < l->n_groups; i++) {
        l->group = &load.groups[l->first_group + l->at_group];
        l->at_group = (l->at_group + 1) % l->n_groups;
        if (l->group->n >= n_from && l->group->n <= n_to) return true;
    }
    return false;
}

static void ask(struct lane *l)
{
    double side = 0.242, wide = 0.295; /* 26.9 km both ways at this latitude. */
    double low = 10 + 4 * (double)rng_below(&load.rng, 240);

    buf_clear(&body);
    add(&body, "{\"area_of_interest\":{\"volume\":{");
    add_circle(&body, load.lat + side * rng_unit(&load.rng), load.lon + wide * rng_unit(&load.rng), 500);
    buf_add_char(&body, ',');
    add_heights(&body, low, low + 4 * 15 + 2);
    add(&body, "},");
    buf_add_str(&body, load.windows[rng_below(&load.rng, 4)]);
    add(&body, "}}");
    l->op = ASK;
    send_request(l, "POST ", INTENTS, STR("query"), STR(""), buf_str(&body));
}

/* Intent number i of the lattice: in any 32 by 32 of them each has a time and height of its own, and a cell has fewer. */
static void fill_lattice(struct lane *l, unsigned i)
{
    unsigned side = 1, slot;
    char id[ID_TEXT];

    while (side * side < load.n_live) side++;
    slot = i / side % 32 * 32 + i % side % 32;
    buf_clear(&body);
    add_extents(&body, load.lat + 0.242 * (i / side) / side, load.lon + 0.295 * (i % side) / side, 10 + slot / 4 * 4,
                12 + slot / 4 * 4, load.windows[slot % 4]);
    add(&body, "\"key\":[],\"state\":\"Accepted\",\"uss_base_url\":\"" URL "\"}");
    make_id(id);
    l->op = SET_UP;
    send_request(l, "PUT ", INTENTS, id_str(id), STR(""), buf_str(&body));
}

static void subscribe(struct lane *l, unsigned i)
{
    struct subscription *s = &load.subscriptions[i];
    int64_t now = clock_ns(CLOCK_REALTIME) / 1000;
    unsigned n_matching = load.n_places * load.m;
    double lat, lon;

    place_at(i < n_matching ? i / load.m : (i - n_matching) % load.n_places, &lat, &lon);
    buf_clear(&body);
    add(&body, "{\"extents\":{\"volume\":{");
    add_circle(&body, lat, lon, 200);
    buf_add_char(&body, ',');
    add_heights(&body, 0, 10000);
    add(&body, "},");
    if (i < n_matching) add_window(&body, now - INSTANT_MINUTE, now + 12 * INSTANT_HOUR);
    else add_window(&body, now + 20 * INSTANT_HOUR, now + 23 * INSTANT_HOUR);
    add(&body, "},\"uss_base_url\":\"" URL "\",\"notify_for_operational_intents\":true}");
    l->op = SET_UP;
    l->subscription = s;
    l->token = s->token;
    send_request(l, "PUT ", SUBSCRIPTIONS, id_str(s->id), STR(""), buf_str(&body));
}

static bool run_next(struct lane *l)
{
    if (load.workload == QUERY) {
        ask(l);
        return true;
    }
    if (load.workload == HEALTHY) {
        l->op = PLAIN;
        send_request(l, "GET ", "/healthy", STR(""), STR(""), STR(""));
        return true;
    }
    l->group = &load.groups[l->first_group + l->at_group];
    l->at_group = (l->at_group + 1) % l->n_groups;
    if (l->group->next == CREATE) {
        create(l, CREATE);
    } else if (l->group->next == DELETE) {
        remove_oldest(l, DELETE);
    } else {
        l->op = ACTIVATE;
        put_intent(l, NULL, newest(l->group), false);
    }
    return true;
}

bool work_next(struct lane *l)
{
    unsigned lane = (unsigned)(l - load.lanes);

    l->group = NULL;
    l->subscription = NULL;
    l->token = load.n_tokens ? lane % load.n_tokens : 0;
    switch (load.phase) {
    case SUBSCRIBE:
        if (load.next_made == load.n_subscriptions) return false;
        subscribe(l, load.next_made++);
        return true;
    case FILL:
        if (load.workload == QUERY) {
            if (load.next_made == load.n_live) return false;
            fill_lattice(l, load.next_made++);
            return true;
        }
        if (!next_group(l, 0, load.k)) return false;
        create(l, SET_UP);
        return true;
    case RUN: return run_next(l);
    case DRAIN:
        if (!next_group(l, 1, load.k + 1)) return false;
        remove_oldest(l, SET_UP);
        return true;
    case UNSUBSCRIBE:
        if (load.next_made == load.n_subscriptions) return false;
        l->subscription = &load.subscriptions[load.next_made++];
        l->token = l->subscription->token;
        l->op = SET_UP;
        send_request(l, "DELETE ", SUBSCRIPTIONS, id_str(l->subscription->id),
                     str_make(l->subscription->version, l->subscription->n_version), STR(""));
        return true;
    case DONE: return false;
    }
    return false;
}

/* ---- What an answer means. ---- */

static struct str member_text(struct str json, const char *name) /* "name":"text" */
{
    const char *at = memmem(json.at, json.n, name, strlen(name));
    struct str rest;

    if (!at) return STR("");
    rest = str_skip(json, (size_t)(at - json.at) + strlen(name));
    return str_first(rest, str_find(rest, '"'));
}

static void wrong(struct lane *l, struct str answer, const char *what)
{
    struct str request = buf_str(&l->out);

    if (load.n_wrong++ >= WRONG_SHOWN) return;
    (void)fprintf(stderr, "wrong: %s\n  request: %.*s\n  status %d: %.*s\n", what,
                  STR_ARG(str_first(request, str_find(request, '\r'))), l->status, STR_ARG(str_first(answer, 240)));
}

static bool keep_ovn(struct lane *l, struct str answer, struct member *m)
{
    struct str ovn = member_text(answer, "\"ovn\":\"");

    if (ovn.n == 0 || ovn.n > OVN_MAX) {
        wrong(l, answer, "no OVN in it");
        return false;
    }
    memcpy(m->ovn, ovn.at, ovn.n);
    m->n_ovn = (uint8_t)ovn.n;
    return true;
}

/* Moves the group on after an answer of 2xx. */
static void group_moves(struct lane *l, struct str answer, bool deletes)
{
    struct group *g = l->group;

    if (deletes) {
        memcpy(g->old_ovn, g->members[g->turn].ovn, g->members[g->turn].n_ovn);
        g->n_old = g->members[g->turn].n_ovn;
        g->turn = (g->turn + 1) % (load.k + 1);
        g->n--;
        g->next = CREATE;
    } else if (l->op == ACTIVATE) {
        (void)keep_ovn(l, answer, newest(g));
        g->next = DELETE;
    } else {
        g->n++;
        g->next = load.phase == FILL ? DELETE : ACTIVATE;
        if (!keep_ovn(l, answer, newest(g))) g->n--;
    }
}

static void set_up_answered(struct lane *l, struct str answer)
{
    if (l->status / 100 != 2) {
        errno = 0;
        wrong(l, answer, "set-up was refused");
        if (load.phase < RUN) stop("cannot set up");
        if (l->group) l->group->n = 0; /* Leave it there. */
    } else if (l->subscription && load.phase == SUBSCRIBE) {
        struct str version = member_text(answer, "\"version\":\"");
        if (version.n > OVN_MAX) stop("a version longer than 128");
        memcpy(l->subscription->version, version.at, version.n);
        l->subscription->n_version = (uint8_t)version.n;
    } else if (l->group) {
        group_moves(l, answer, load.phase == DRAIN);
    }
}

static void count_hits(struct str answer)
{
    static const char mark[] = "\"manager\"";
    const char *at = answer.at, *end = answer.at + answer.n;

    load.n_hit_answers++;
    while ((at = memmem(at, (size_t)(end - at), mark, sizeof mark - 1)) != NULL) {
        load.n_hits++;
        at++;
    }
}

void work_answered(struct lane *l, struct str answer)
{
    int64_t now = clock_ns(CLOCK_MONOTONIC);
    bool is_counted = l->due_ns >= load.measure_ns;

    if (l->op == SET_UP) {
        set_up_answered(l, answer);
        return;
    }
    load.n_answer_bytes += answer.n;
    if (l->op == PROBE) {
        load.n_probes++;
        if (l->status != 409) wrong(l, answer, "a key without a relevant OVN was not refused");
        if (l->status / 100 == 2) group_moves(l, answer, false);
        return;
    }
    if (l->status / 100 == 2) {
        if (l->group) group_moves(l, answer, l->op == DELETE);
        if (l->op == ASK && load.hists[ASK].n % HIT_SAMPLE == 0) count_hits(answer);
        if (is_counted) hist_add(&load.hists[l->op], (uint64_t)(now - l->due_ns));
        return;
    }
    if (l->status == 409) load.n_conflicts++;
    else load.n_others++;
    wrong(l, answer, "not accepted");
    if (l->group && l->op == ACTIVATE) l->group->next = DELETE;
}

/* ---- What is there before. ---- */

static void make_windows(void)
{
    int64_t now = clock_ns(CLOCK_REALTIME) / 1000;

    for (int i = 0; i < SLOTS_MAX; i++) {
        struct buf b = {0};
        int64_t starts = now + 10 * INSTANT_MINUTE + i * 35 * INSTANT_MINUTE;
        add_window(&b, starts, starts + 30 * INSTANT_MINUTE);
        load.windows[i] = buf_str(&b);
    }
}

static void make_groups(void)
{
    unsigned per_place;

    load.n_groups = load.n_live / (load.k + 1);
    if (load.n_groups < load.n_lanes) load.n_groups = load.n_lanes;
    per_place = (load.n_groups + load.n_places - 1) / load.n_places;
    errno = 0;
    if (per_place > N_BANDS * SLOTS_MAX) stop("too many live intents for one place: use --places");
    if (load.m < load.n_tokens) load.m = load.n_tokens; /* Each participant attaches one of its own. */
    load.groups = mem_calloc(load.n_groups, sizeof *load.groups);
    load.n_subscriptions = load.n_places * load.m + load.n_unmatched;
    load.subscriptions = mem_calloc(load.n_subscriptions, sizeof *load.subscriptions);
    for (unsigned i = 0; i < load.n_subscriptions; i++) {
        make_id(load.subscriptions[i].id);
        load.subscriptions[i].token = load.n_tokens ? i % load.m % load.n_tokens : 0;
    }
    for (unsigned lane = 0, i = 0; lane < load.n_lanes; lane++) {
        struct lane *l = &load.lanes[lane];
        l->first_group = i;
        l->n_groups = load.n_groups / load.n_lanes + (lane < load.n_groups % load.n_lanes);
        for (; i < l->first_group + l->n_groups; i++) {
            struct group *g = &load.groups[i];
            unsigned place = i / per_place, at = i % per_place;
            struct buf extents = {0};
            double lat, lon, low = 10 + 8 * (at % N_BANDS);
            place_at(place, &lat, &lon);
            add_extents(&extents, lat, lon, low, low + 6, load.windows[at / N_BANDS]);
            g->extents = buf_str(&extents);
            g->members = mem_calloc(load.k + 1, sizeof *g->members);
            g->next = CREATE;
            memcpy(g->subscription,
                   load.subscriptions[place * load.m + (load.n_tokens ? lane % load.n_tokens : 0)].id, ID_TEXT);
        }
    }
}

void work_make(void)
{
    make_windows();
    if (load.workload == LIFECYCLE) make_groups();
}
