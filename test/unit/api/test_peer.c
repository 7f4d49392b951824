/* test_peer.c - tests of nodes that sign together over HTTP: tokens, the peers' listener, calls that fail.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "api/peer.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "api/jwt_mint.h"
#include "api/peer_link.h"
#include "base/instant.h"
#include "crew.h"
#include "node/exchange.h"
#include "t.h"
#include "wire.h"

#define WAIT_S 20

static struct crew crew;
static char dir[256], pem_file[300];
static struct auth *auth;
static struct api *apis[CREW_MAX];
static struct http_server *servers[CREW_MAX];

static void make_auth(void)
{
    struct buf secret = {0}, public = {0};
    const char *tmp = getenv("TMPDIR"), *pem = pem_file, *audience = "localhost";

    (void)snprintf(dir, sizeof dir, "%.200s/test_peer.XXXXXX", tmp ? tmp : "/tmp");
    must(mkdtemp(dir) != NULL);
    (void)snprintf(pem_file, sizeof pem_file, "%s/public.pem", dir);
    jwt_key_make(JWT_MAKE_ED25519, &secret, &public);
    FILE *file = fopen(pem_file, "w");
    must(file && fwrite(public.at, 1, public.n, file) == public.n && fclose(file) == 0);
    struct auth_options options = {.pem_files = &pem, .n_pem_files = 1, .audiences = &audience, .n_audiences = 1};
    must(auth_new(&options, &auth, NULL) == OK);
    buf_done(&secret);
    buf_done(&public);
}

/* Node i serves its peers; its address is told. */
static void serve(size_t i)
{
    char url[64];
    struct api_options options = {.node = &crew.nodes[i].node, .auth = auth};
    struct http_options http = {.address = STR("127.0.0.1:0"), .n_threads = 2, .handler = peer_handle};

    must(api_new(&options, &apis[i], NULL) == OK);
    http.context = apis[i];
    must(http_server_start(&http, &servers[i], NULL) == OK);
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%u", http_server_port(servers[i]));
    (void)crew_address(&crew, i, url);
}

/* n nodes whose peers run with threads, over real HTTP; with heads on disk if keeps is set. */
static void set_up(size_t n, bool keeps)
{
    crew_init(&crew, n, keeps);
    make_auth();
    for (size_t i = 0; i < n; i++) {
        crew_stop(&crew, i);
        must(crew_start_real(&crew, i, peer_link_new(&(struct peer_link_options){0}), NULL) == OK);
        serve(i);
    }
    crew_apply_all(&crew);
}

static void take_down(void)
{
    for (size_t i = 0; i < crew.n; i++) {
        http_server_stop(servers[i], API_GRACE_MS);
        api_free(apis[i]);
    }
    crew_done(&crew);
    auth_free(auth);
    must(unlink(pem_file) == 0 && rmdir(dir) == 0);
}

/* Until the node has published a note of this size with that many members' signatures. */
static bool wait_for(size_t node, uint64_t size, unsigned members)
{
    struct timespec pause = {.tv_nsec = 2000000};
    time_t end = time(NULL) + WAIT_S;
    unsigned n = 0;

    while (time(NULL) < end) {
        if (crew_published(&crew, node, &n) == size && n == members) return true;
        (void)nanosleep(&pause, NULL);
    }
    return false;
}

/* A request with a bearer token; empty: none. Returns the status, and the body if wanted. */
static int ask(size_t node, const char *method, const char *path, struct str token, struct str body, struct buf *ret)
{
    struct wire w = wire_open(http_server_port(servers[node]));

    must(wire_sendf(&w, "%s %s HTTP/1.1\r\nHost: x\r\n%s%.*s%sContent-Length: %zu\r\n\r\n", method, path,
                    token.n ? "Authorization: Bearer " : "", STR_ARG(token), token.n ? "\r\n" : "", body.n));
    must(wire_send(&w, body));
    struct wire_response r = wire_receive(&w, true);
    int status = r.status;
    if (ret) buf_add_str(ret, buf_str(&r.body));
    wire_response_done(&r);
    wire_close(&w);
    return status;
}

static void token_of(size_t from, size_t to, int64_t at_us, struct buf *ret)
{
    buf_clear(ret);
    peer_token_add(ret, &crew.keys[from].http, crew.nodes[from].node.author, crew.nodes[to].node.author, at_us);
}

static void three_nodes_sign_over_http(void)
{
    set_up(3, false);
    for (size_t i = 0; i < 3; i++) CHECK(wait_for(i, 2 * crew.n_entries, 3));
    for (int k = 0; k < 5; k++) {
        (void)crew_tick(&crew, (size_t)k % 3);
        crew_apply_all(&crew);
        for (size_t i = 0; i < 3; i++) CHECK(wait_for(i, 2 * crew.n_entries, 3));
    }
    take_down();
}

static void tokens_are_of_members_nodes_and_for_this_one(void)
{
    AUTO(buf_done) struct buf token = {0};
    static const char round[] = EXCHANGE_ROUND, head[] = EXCHANGE_HEAD;
    int64_t now_us = node_now_us();

    set_up(3, false);
    CHECK(wait_for(0, 2 * crew.n_entries, 3));
    struct str note = buf_str(&crew.nodes[1].node.checkpoint);
    CHECK_INT(ask(0, "POST", round, STR(""), note, NULL), 401);
    CHECK_INT(ask(0, "GET", head, STR("a.b.c"), STR(""), NULL), 401);
    token_of(1, 0, now_us, &token);
    CHECK_INT(ask(0, "GET", head, buf_str(&token), STR(""), NULL), 200);
    CHECK_INT(ask(2, "GET", head, buf_str(&token), STR(""), NULL), 401);   /* For another. */
    CHECK_INT(ask(1, "GET", head, buf_str(&token), STR(""), NULL), 401);
    token.at[token.n - 20] = token.at[token.n - 20] == 'A' ? 'B' : 'A';
    CHECK_INT(ask(0, "GET", head, buf_str(&token), STR(""), NULL), 401);
    token_of(1, 0, now_us - 370 * INSTANT_S, &token);
    CHECK_INT(ask(0, "GET", head, buf_str(&token), STR(""), NULL), 401);   /* Expired. */
    token_of(1, 0, now_us + 70 * INSTANT_S, &token);
    CHECK_INT(ask(0, "GET", head, buf_str(&token), STR(""), NULL), 401);
    token_of(0, 0, now_us, &token);
    CHECK_INT(ask(0, "GET", head, buf_str(&token), STR(""), NULL), 403);   /* Its own. */
    token_of(1, 0, now_us, &token);
    struct keys stranger;
    must(keys_open(&stranger, NULL, true, NULL) == OK);
    buf_clear(&token);
    peer_token_add(&token, &stranger.http, crew.nodes[1].node.author, crew.nodes[0].node.author, now_us);
    CHECK_INT(ask(0, "GET", head, buf_str(&token), STR(""), NULL), 401);   /* Another key. */
    buf_clear(&token);
    peer_token_add(&token, &stranger.http, (const uint8_t[8]){9}, crew.nodes[0].node.author, now_us);
    CHECK_INT(ask(0, "GET", head, buf_str(&token), STR(""), NULL), 403);   /* Nobody. */
    keys_done(&stranger);
    take_down();
}

static void bodies_and_queries_are_judged(void)
{
    AUTO(buf_done) struct buf token = {0}, big = {0}, path = {0};
    int64_t now_us = node_now_us();

    set_up(2, false);
    CHECK(wait_for(0, 2 * crew.n_entries, 2));
    CHECK(wait_for(1, 2 * crew.n_entries, 2));
    AUTO(buf_done) struct buf note = {0};
    must(node_checkpoint(&crew.nodes[1].node, &note, NULL) == OK);
    token_of(1, 0, now_us, &token);
    CHECK_INT(ask(0, "POST", EXCHANGE_ROUND, buf_str(&token), buf_str(&note), NULL), 200);
    CHECK_INT(ask(0, "POST", EXCHANGE_ROUND, buf_str(&token), STR("hello\n"), NULL), 400);
    for (int i = 0; i < 70000; i++) buf_add_char(&big, 'x');
    CHECK_INT(ask(0, "POST", EXCHANGE_ROUND, buf_str(&token), buf_str(&big), NULL), 413);
    CHECK_INT(ask(0, "POST", EXCHANGE_PROOF, buf_str(&token), STR("hello\n"), NULL), 400);
    CHECK_INT(ask(0, "POST", EXCHANGE_PROOF, STR(""), STR("hello\n"), NULL), 401);
    CHECK_INT(ask(0, "GET", EXCHANGE_HEAD "?key=1", buf_str(&token), STR(""), NULL), 400);
    CHECK_INT(ask(0, "GET", EXCHANGE_HEAD "?key=00000001", buf_str(&token), STR(""), NULL), 404);
    buf_addf(&path, "%s?key=%08x", EXCHANGE_HEAD,
             note_key_make(buf_str(&crew.nodes[1].node.origin), NOTE_ED25519, &crew.keys[1].log.public).id);
    CHECK_INT(ask(0, "GET", buf_z(&path), buf_str(&token), STR(""), NULL), 200);
    take_down();
}

static void entries_are_read_by_members_alone(void)
{
    AUTO(buf_done) struct buf token = {0};
    int64_t now_us = node_now_us();

    set_up(2, false);
    CHECK(wait_for(0, 2 * crew.n_entries, 2));
    CHECK_INT(ask(0, "GET", "/log/checkpoint", STR(""), STR(""), NULL), 200);
    CHECK_INT(ask(0, "GET", "/log/tile/0/000.p/2", STR(""), STR(""), NULL), 200);
    CHECK_INT(ask(0, "GET", "/log/tile/entries/000.p/2", STR(""), STR(""), NULL), 403);
    token_of(1, 0, now_us, &token);
    int status = ask(0, "GET", "/log/tile/entries/000.p/2", buf_str(&token), STR(""), NULL);
    CHECK(status != 403 && status != 401); /* The crew's stores have no entries beyond genesis. */
    take_down();
}

static void the_listener_for_peers_has_their_calls_and_no_other(void)
{
    set_up(2, false);
    CHECK_INT(ask(0, "GET", "/healthy", STR(""), STR(""), NULL), 404);
    CHECK_INT(ask(0, "GET", "/metrics", STR(""), STR(""), NULL), 404);
    CHECK_INT(ask(0, "GET", "/dss/v1/subscriptions/5f0c1c52-5d6f-4d0c-9a33-0d8e3c5a1b2c", STR(""), STR(""), NULL), 404);
    CHECK_INT(ask(0, "GET", EXCHANGE_HEAD, STR(""), STR(""), NULL), 401);
    struct http_options http = {.address = STR("127.0.0.1:0"), .n_threads = 1, .handler = api_handle, .context = apis[0]};
    struct http_server *other = servers[0];
    must(http_server_start(&http, &servers[0], NULL) == OK);
    CHECK_INT(ask(0, "GET", EXCHANGE_HEAD, STR(""), STR(""), NULL), 404); /* On the API's own: not there. */
    http_server_stop(servers[0], API_GRACE_MS);
    servers[0] = other;
    take_down();
}

static void a_peer_that_is_not_there_is_called_in_vain_and_found_again(void)
{
    set_up(3, true);
    for (size_t i = 0; i < 3; i++) CHECK(wait_for(i, 2 * crew.n_entries, 3));
    uint16_t port = http_server_port(servers[2]);
    http_server_stop(servers[2], API_GRACE_MS);
    crew_stop(&crew, 2);
    (void)crew_tick(&crew, 0);
    crew_apply_all(&crew);
    CHECK(wait_for(0, 2 * crew.n_entries, 2));
    CHECK(wait_for(1, 2 * crew.n_entries, 2));
    char address[32];
    (void)snprintf(address, sizeof address, "127.0.0.1:%u", port);
    struct http_options http = {.address = str_of(address), .n_threads = 2, .handler = peer_handle, .context = apis[2]};
    must(http_server_start(&http, &servers[2], NULL) == OK);
    must(crew_start_real(&crew, 2, peer_link_new(&(struct peer_link_options){0}), NULL) == OK);
    CHECK(wait_for(2, 2 * crew.n_entries, 3));
    take_down();
}

int main(void)
{
    RUN(three_nodes_sign_over_http);
    RUN(tokens_are_of_members_nodes_and_for_this_one);
    RUN(bodies_and_queries_are_judged);
    RUN(entries_are_read_by_members_alone);
    RUN(the_listener_for_peers_has_their_calls_and_no_other);
    RUN(a_peer_that_is_not_there_is_called_in_vain_and_found_again);
    return t_done();
}
