/* test_fetch.c - nodes on one real etcd, whose slots go or never came: asking peers over HTTP what is missing.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "node/fetch.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/api.h"
#include "api/jwt_mint.h"
#include "api/peer.h"
#include "api/peer_link.h"
#include "base/hex.h"
#include "etcd_servers.h"
#include "journal/etcd.h"
#include "league.h"
#include "node/peers.h"
#include "relay.h"
#include "t.h"

#define N 3

static struct etcd_servers *servers;
static struct auth *auth;
static char folder[256], pem_file[300];

/* A node with its way to etcd and its ways to the others, each of which can be cut. */
struct side {
    atomic_bool is_etcd_cut, is_cut[N];
    struct relay *relay;
    const char *etcd_url;
    struct peer_link link, *inner;
    struct http_client_options client;
    struct api *api;
    struct http_server *server;
    char url[64];
};

static struct league league;
static struct side sides[N];

static struct node *node(int i)
{
    return league.homes[i].node;
}

static enum relay_fate decide(void *context, struct str request)
{
    (void)request;
    return atomic_load(&((struct side *)context)->is_etcd_cut) ? RELAY_LOSE_REQUEST : RELAY_PASS;
}

static void identify(struct peer_link *link, const struct key_secret *key, const uint8_t author[8])
{
    struct side *s = link->context;
    s->inner->identify(s->inner, key, author);
}

static void authorize(struct peer_link *link, const uint8_t to[8], struct buf *ret)
{
    struct side *s = link->context;
    s->inner->authorize(s->inner, to, ret);
}

static void hang_up(struct peer_link *link)
{
    struct side *s = link->context;
    s->inner->close(s->inner);
}

static bool is_cut_off(const struct side *s, struct str url)
{
    for (int i = 0; i < N; i++)
        if (str_equal(url, str_of(sides[i].url))) return atomic_load(&s->is_cut[i]);
    return false;
}

/* Where the way is cut nobody listens. */
static void call(struct peer_link *link, const struct peer_call *c)
{
    struct side *s = link->context;
    struct peer_call other = *c;
    struct str nowhere = STR("http://127.0.0.1:1");

    if (is_cut_off(s, c->urls[0])) {
        other.urls = &nowhere;
        other.n_urls = 1;
    }
    s->inner->call(s->inner, &other);
}

static bool may_connect(void *context, const struct sockaddr *address)
{
    const struct side *s = context;
    char url[64];

    (void)snprintf(url, sizeof url, "http://127.0.0.1:%u", ntohs(((const struct sockaddr_in *)(const void *)address)->sin_port));
    return !is_cut_off(s, str_of(url));
}

static void make_link(int i)
{
    struct side *s = &sides[i];

    s->inner = peer_link_new(&(struct peer_link_options){0});
    s->client = (struct http_client_options){.may_connect = may_connect, .context = s};
    s->link = (struct peer_link){
        .context = s, .identify = identify, .call = call, .authorize = authorize, .client = &s->client, .close = hang_up};
    league.links[i] = &s->link;
}

static void make_side(int i)
{
    struct side *s = &sides[i];

    memset(s, 0, sizeof *s);
    s->relay = relay_start(&(struct relay_options){.url = etcd_servers_urls(servers)[0], .decide = decide, .context = s});
    s->etcd_url = relay_url(s->relay);
    league.etcd[i].endpoints = &s->etcd_url;
    make_link(i);
}

static void serve(int i)
{
    struct side *s = &sides[i];
    struct api_options options = {.node = node(i), .auth = auth};
    struct http_options http = {.address = STR("127.0.0.1:0"), .n_threads = 2, .handler = peer_handle};

    must(api_new(&options, &s->api, NULL) == OK);
    http.context = s->api;
    must(http_server_start(&http, &s->server, NULL) == OK);
    (void)snprintf(s->url, sizeof s->url, "http://127.0.0.1:%u", http_server_port(s->server));
    peers_announce(node_peers(node(i)), str_of(s->url));
}

static uint64_t position(int i)
{
    struct node_status s;
    node_status(node(i), &s);
    return s.position;
}

static uint64_t full_size(int i)
{
    struct peers_status s;
    peers_status(node_peers(node(i)), &s);
    return s.round.full_size;
}

/* A head of all that node i holds is signed by enough. */
static void wait_full(int i)
{
    while (full_size(i) < 2 * position(i)) league_breathe();
}

/* All know where the others are. */
static void wait_known(void)
{
    for (int i = 0; i < N; i++) {
        AUTO(arena_done) struct arena arena = {0};
        struct peer_address of[N];
        while (peers_addresses(node(i), &arena, of, N) < N - 1) league_breathe();
    }
}

static bool set_up(void)
{
    league_make(&league, N, etcd_servers_urls(servers), 1);
    league.write_ms = 500;
    for (int i = 0; i < N; i++) make_side(i);
    if (!league_start_all(&league)) return false;
    for (int i = 0; i < N; i++) serve(i);
    wait_known();
    for (int i = 0; i < N; i++) wait_full(i);
    return true;
}

static void stop(int i)
{
    http_server_stop(sides[i].server, API_GRACE_MS);
    league_stop(&league, i);
    api_free(sides[i].api);
}

static void take_down(void)
{
    for (int i = 0; i < N; i++) {
        stop(i);
        relay_stop(sides[i].relay);
    }
    league_remove(&league);
}

static void cut(int i, int k, bool is_cut)
{
    atomic_store(&sides[i].is_cut[k], is_cut);
    atomic_store(&sides[k].is_cut[i], is_cut);
}

static void cut_from_etcd(int i, bool is_cut)
{
    atomic_store(&sides[i].is_etcd_cut, is_cut);
}

/* Keys of node i's slots in etcd. */
static void add_key(struct buf *to, int i, uint64_t slot)
{
    char genesis[65] = {0}, author[17] = {0};
    uint8_t id[8];

    node_author(node(i), id);
    hex_encode(league.founding.hash.b, 32, genesis);
    hex_encode(id, 8, author);
    buf_addf(to, "%s/0/e/%s/%016llx", genesis, author, (unsigned long long)slot);
}

static void squat(int i, uint64_t slot)
{
    AUTO(buf_done) struct buf key = {0};

    add_key(&key, i, slot);
    CHECK(etcd_servers_put(servers, buf_str(&key), STR("far ahead")));
}

static void delete_below(int i, uint64_t slot)
{
    AUTO(buf_done) struct buf key = {0}, end = {0};
    struct etcd_options options = {.endpoints = etcd_servers_urls(servers), .n_endpoints = 1, .allow_old = true};
    struct etcd *etcd;

    add_key(&key, i, 0);
    add_key(&end, i, slot);
    must(etcd_new(&options, &etcd, NULL) == OK);
    CHECK_INT(etcd_delete(etcd, buf_str(&key), buf_str(&end), NULL), OK);
    etcd_free(etcd);
}

static uint64_t next_slot(int i)
{
    struct state_pin pin;
    struct hash previous;
    uint64_t slot = 0;
    int64_t time_ms;
    uint8_t id[8];

    node_author(node(i), id);
    (void)state_author_next(state_read(node_state(node(i)), &pin), id, &slot, &previous, &time_ms);
    state_done_reading(&pin);
    return slot;
}

static bool writes(int i, int what)
{
    return ask_and_wait(node(i), ask_subscription(STR("uss1"), what));
}

static void wait_for_words(int i, const char *words)
{
    struct node_status s;

    do {
        league_breathe();
        node_status(node(i), &s);
    } while (s.has_etcd || !strstr(s.etcd_why.text, words));
}

static void wait_for_etcd(int i)
{
    struct node_status s;

    do {
        league_breathe();
        node_status(node(i), &s);
    } while (!s.has_etcd);
}

static uint64_t n_taken_over(int i)
{
    struct fetch_status s;

    fetch_status(node_fetch(node(i)), &s);
    return s.n_entries;
}

/* The full head is older than where both stand, who stand apart, and whose slots are missing is away: one says no of a head that is not
 * larger than the other's tree, the other after it has looked at what the first one's tree has more. */
static void slots_that_nobody_has_are_waived_by_nodes_that_stand_apart(void)
{
    if (set_up()) {
        for (int i = 0; i < N; i++)
            for (int k = 0; k < i; k++) cut(i, k, true);
        cut_from_etcd(1, true);
        cut_from_etcd(2, true);
        for (int i = 0; i < 5; i++) CHECK(writes(0, i));
        squat(2, 1000);
        cut_from_etcd(1, false);
        wait_for_words(0, "1 of the 2 members"); /* Nobody is reached: both wait, and say so. */
        wait_for_words(1, "1 of the 2 members");
        CHECK(position(1) < position(0));
        CHECK(!writes(0, 5));
        cut(0, 1, false);
        wait_for_etcd(0);
        wait_for_etcd(1);
        for (int i = 6; i < 10; i++) CHECK(writes(i % 2, i));
        CHECK_INT(n_taken_over(1), 0);
        cut(0, 2, false);
        cut(1, 2, false);
        cut_from_etcd(2, false);
        CHECK(writes(2, 10)); /* Whose slots were squatted writes into those before. */
        CHECK(league_agrees(&league));
        for (int i = 0; i < N; i++) wait_full(i);
    }
    take_down();
}

static void slots_that_others_have_come_from_them_once_enough_signed(void)
{
    if (set_up()) {
        cut_from_etcd(1, true);
        cut(0, 1, true);
        cut(2, 0, true);
        cut(2, 1, true);
        for (int i = 0; i < 5; i++) CHECK(writes(0, i));
        while (position(2) < position(0)) league_breathe();
        delete_below(0, next_slot(0) - 1); /* Before a majority has signed past them: so node 1 meets one who has. */
        cut_from_etcd(1, false);
        wait_for_words(1, "1 of the 2 members");
        cut(0, 1, false);
        wait_for_words(1, "holds them");
        CHECK_INT(n_taken_over(1), 0);
        CHECK(position(1) < position(0));
        cut(2, 0, false); /* These two sign together. */
        wait_for_etcd(1);
        CHECK(n_taken_over(1) >= 4);
        cut(2, 1, false);
        CHECK(writes(1, 6));
        CHECK(league_agrees(&league));
        for (int i = 0; i < N; i++) wait_full(i);
    }
    take_down();
}

/* Its own next slot is free in etcd, since what it wrote there has been cleaned up. */
static void who_starts_from_an_older_copy_writes_nothing_before_it_knows_what_it_had_written(void)
{
    struct home copy = {0};

    if (set_up()) {
        home_copy(&league.homes[0], &copy);
        for (int i = 0; i < 5; i++) CHECK(writes(0, i));
        CHECK(league_agrees(&league));
        delete_below(0, next_slot(0) - 1);
        stop(0);
        home_remove(&league.homes[0]);
        league.homes[0] = copy;
        make_link(0);
        cut(0, 1, true);
        cut(0, 2, true);
        if (CHECK_INT(league_start(&league, 0), OK)) {
            CHECK(node_is_joined(node(0)));
            CHECK(!writes(0, 5));
            serve(0);
            cut(0, 1, false);
            cut(0, 2, false);
            wait_for_etcd(0);
            CHECK(n_taken_over(0) > 0);
            CHECK(writes(0, 6));
            CHECK(league_agrees(&league));
        }
    }
    take_down();
}

static void make_auth(void)
{
    struct buf secret = {0}, public = {0};
    const char *tmp = getenv("TMPDIR"), *pem = pem_file, *audience = "localhost";

    (void)snprintf(folder, sizeof folder, "%.200s/test_fetch.XXXXXX", tmp ? tmp : "/tmp");
    must(mkdtemp(folder) != NULL);
    (void)snprintf(pem_file, sizeof pem_file, "%s/public.pem", folder);
    jwt_key_make(JWT_MAKE_ED25519, &secret, &public);
    FILE *file = fopen(pem_file, "w");
    must(file && fwrite(public.at, 1, public.n, file) == public.n && fclose(file) == 0);
    struct auth_options options = {.pem_files = &pem, .n_pem_files = 1, .audiences = &audience, .n_audiences = 1};
    must(auth_new(&options, &auth, NULL) == OK);
    buf_done(&secret);
    buf_done(&public);
}

int main(void)
{
    if (!etcd_servers_can()) {
        t_skip("what etcd does not have is asked of peers", "etcd is not installed");
        return t_done();
    }
    servers = etcd_servers_start(&(struct etcd_servers_options){.n = 1});
    if (!CHECK(servers != NULL)) return t_done();
    make_auth();
    RUN(slots_that_nobody_has_are_waived_by_nodes_that_stand_apart);
    RUN(slots_that_others_have_come_from_them_once_enough_signed);
    RUN(who_starts_from_an_older_copy_writes_nothing_before_it_knows_what_it_had_written);
    auth_free(auth);
    must(unlink(pem_file) == 0 && rmdir(folder) == 0);
    etcd_servers_stop(servers);
    return t_done();
}
