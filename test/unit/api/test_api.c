/* test_api.c - a node behind its HTTP face whose journal fails: what writers and readers are told (decisions B4, D1).
 * SPDX-License-Identifier: Apache-2.0
 */
#include "api/api.h"

#include <dirent.h>
#include <stdlib.h>
#include <unistd.h>

#include "api/jwt_mint.h"
#include "t.h"
#include "wire.h"

/* The memory journal, whose propose fails when told to: before the entries are ordered, or after. */
static enum { WORKS, FAILS_BEFORE, FAILS_AFTER } mood;
static enum err (*real_propose)(struct journal *, const struct str *, size_t, struct why *);

static enum err propose(struct journal *j, const struct str *entries, size_t n, struct why *why)
{
    if (mood == FAILS_BEFORE) return fail(why, ERR_DISK, "the disk is gone");
    enum err err = real_propose(j, entries, n, why);
    return mood == FAILS_AFTER ? fail(why, ERR_DISK, "the answer is gone") : err;
}

struct bench {
    char dir[256], reports[280], public_pem[280];
    struct buf token;
    struct auth *auth;
    struct node *node;
    struct api *api;
    struct http_server *server;
    struct wire wire;
};

static void make_token(struct bench *b, struct why *why)
{
    struct buf secret = {0}, public = {0};
    struct jwt_claims claims = {.iss = STR("test"), .sub = STR("uss1"), .aud = STR("localhost"),
                                .scope = STR("utm.strategic_coordination"),
                                .issued_us = node_now_us(), .lifetime_s = 3000};
    jwt_key_make(JWT_MAKE_ED25519, &secret, &public);
    CHECK(jwt_mint(buf_str(&secret), &claims, &b->token, why) == OK);
    FILE *file = fopen(b->public_pem, "w");
    CHECK(file && fwrite(public.at, 1, public.n, file) == public.n && fclose(file) == 0);
    buf_done(&secret);
    buf_done(&public);
}

static void set_up(struct bench *b)
{
    struct why why = {0};
    struct journal *journal = NULL;
    const char *pem = b->public_pem;
    const char *audience = "localhost";

    const char *tmp = getenv("TMPDIR");

    *b = (struct bench){0};
    (void)snprintf(b->dir, sizeof b->dir, "%.200s/test_api.XXXXXX", tmp ? tmp : "/tmp");
    mood = WORKS;
    CHECK(mkdtemp(b->dir));
    (void)snprintf(b->reports, sizeof b->reports, "%s/reports", b->dir);
    (void)snprintf(b->public_pem, sizeof b->public_pem, "%s/public.pem", b->dir);
    make_token(b, &why);
    struct auth_options auth = {.pem_files = &pem, .n_pem_files = 1, .audiences = &audience,
                                .n_audiences = 1};
    CHECK(auth_new(&auth, &b->auth, &why) == OK);
    CHECK(journal_open_mem(&journal, &why) == OK);
    real_propose = journal->propose;
    journal->propose = propose;
    struct node_options node = {.journal = journal};
    CHECK(node_start(&node, &b->node, &why) == OK);
    struct api_options api = {.node = b->node, .auth = b->auth, .reports_dir = b->reports};
    CHECK(api_new(&api, &b->api, &why) == OK);
    struct http_options http = {.address = STR("127.0.0.1:0"), .n_threads = 1,
                                .handler = api_handle, .context = b->api};
    CHECK(http_server_start(&http, &b->server, &why) == OK);
    b->wire = wire_open(http_server_port(b->server));
}

/* How many reports are kept; removes them. */
static int empty_reports(struct bench *b)
{
    int n = 0;
    DIR *dir = opendir(b->reports);
    if (!CHECK(dir)) return -1;
    for (struct dirent *one = readdir(dir); one; one = readdir(dir)) {
        char path[600];
        if (one->d_name[0] == '.') continue;
        (void)snprintf(path, sizeof path, "%s/%s", b->reports, one->d_name);
        CHECK(unlink(path) == 0);
        n++;
    }
    (void)closedir(dir);
    return n;
}

static void take_down(struct bench *b)
{
    wire_close(&b->wire);
    http_server_stop(b->server, API_GRACE_MS);
    node_stop(b->node);
    api_free(b->api);
    auth_free(b->auth);
    buf_done(&b->token);
    (void)empty_reports(b);
    CHECK(unlink(b->public_pem) == 0 && rmdir(b->reports) == 0 && rmdir(b->dir) == 0);
}

static struct wire_response ask(struct bench *b, const char *method, const char *path,
                                const char *body)
{
    CHECK(wire_sendf(&b->wire,
                     "%s %s HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %.*s\r\n"
                     "Content-Length: %zu\r\n\r\n%s",
                     method, path, STR_ARG(buf_str(&b->token)), strlen(body), body));
    return wire_receive(&b->wire, true);
}

#define ID "5f0c1c52-5d6f-4d0c-9a33-0d8e3c5a1b2c"
#define OIR "/dss/v1/operational_intent_references/"
#define INTENT                                                                                     \
    "{\"extents\":[{\"volume\":{\"outline_circle\":{\"center\":{\"lat\":1,\"lng\":1},\"radius\":"  \
    "{\"value\":50,\"units\":\"M\"}},\"altitude_lower\":{\"value\":0,\"reference\":\"W84\","       \
    "\"units\":\"M\"},\"altitude_upper\":{\"value\":9,\"reference\":\"W84\",\"units\":\"M\"}},"    \
    "\"time_start\":{\"value\":\"2020-01-01T00:00:00Z\"},\"time_end\":{\"value\":"                 \
    "\"2120-01-01T00:00:00Z\"}}],\"state\":\"Accepted\",\"uss_base_url\":\"https://x\"}"
#define REPORT                                                                                     \
    "{\"exchange\":{\"url\":\"https://x\",\"method\":\"GET\",\"recorder_role\":\"Client\","        \
    "\"request_time\":{\"value\":\"2026-01-01T00:00:00Z\"}}}"

static int status_of(struct bench *b, const char *method, const char *path, const char *body)
{
    struct wire_response r = ask(b, method, path, body);
    int status = r.status;
    wire_response_done(&r);
    return status;
}

/* Checks a 503 that names its entry, and asks for that entry's fate. */
static void check_unclear(struct bench *b, struct wire_response *r, struct str fate)
{
    char path[128];
    struct str entry = wire_header(r, "Journal-Entry");
    CHECK_INT(r->status, 503);
    CHECK_INT(entry.n, 64);
    CHECK_STR(wire_header(r, "Retry-After"), STR("1"));
    (void)snprintf(path, sizeof path, "/aux/v1/journal/entries/%.*s", STR_ARG(entry));
    wire_response_done(r);
    *r = ask(b, "GET", path, "");
    CHECK_INT(r->status, 200);
    CHECK_STR(buf_str(&r->body), fate);
    wire_response_done(r);
}

static void an_unclear_write_names_its_entry_and_later_ones_are_surely_not_there(void)
{
    struct bench b;
    set_up(&b);
    CHECK_INT(status_of(&b, "PUT", OIR ID, INTENT), 201);
    mood = FAILS_BEFORE;
    struct wire_response r = ask(&b, "PUT", "/dss/v1/uss_availability/x", "{}");
    CHECK_INT(r.status, 403); /* What is refused anyway meets no journal. */
    wire_response_done(&r);
    r = ask(&b, "POST", "/dss/v1/reports", REPORT);
    check_unclear(&b, &r, STR("{\"fate\":\"open\"}"));
    CHECK_INT(empty_reports(&b), 1); /* It may yet be written. */

    r = ask(&b, "POST", "/dss/v1/reports", REPORT);
    CHECK_INT(r.status, 503);
    CHECK_INT(wire_header(&r, "Journal-Entry").n, 0);
    wire_response_done(&r);
    CHECK_INT(empty_reports(&b), 0);

    CHECK_INT(status_of(&b, "GET", OIR ID, ""), 200); /* Reads go on. */
    CHECK_INT(status_of(&b, "PUT", OIR ID, INTENT), 409);
    take_down(&b);
}

static void a_write_whose_answer_was_lost_is_found_committed(void)
{
    struct bench b;
    set_up(&b);
    mood = FAILS_AFTER;
    struct wire_response r = ask(&b, "PUT", OIR ID, INTENT);
    check_unclear(&b, &r, STR("{\"fate\":\"committed\"}"));
    take_down(&b);
}

static void a_report_that_is_taken_is_kept(void)
{
    struct bench b;
    set_up(&b);
    CHECK_INT(status_of(&b, "POST", "/dss/v1/reports", REPORT), 201);
    CHECK_INT(empty_reports(&b), 1);
    CHECK_INT(status_of(&b, "POST", "/dss/v1/reports", "{}"), 400);
    CHECK_INT(empty_reports(&b), 0);
    take_down(&b);
}

int main(void)
{
    RUN(an_unclear_write_names_its_entry_and_later_ones_are_surely_not_there);
    RUN(a_write_whose_answer_was_lost_is_found_committed);
    RUN(a_report_that_is_taken_is_kept);
    return t_done();
}
