/* test_order_server.c - tests of the order of a demonstration, through the client that nodes use.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "cli/order_server.h"

#include <stdio.h>

#include "journal/etcd.h"
#include "t.h"

static struct order_server *server;
static struct etcd *client;

static void start(void)
{
    char url[64];
    const char *endpoints[] = {url};

    must(order_server_start(&server, NULL) == OK);
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%u", order_server_port(server));
    must(etcd_new(&(struct etcd_options){.endpoints = endpoints, .n_endpoints = 1}, &client, NULL) == OK);
}

static void stop(void)
{
    etcd_free(client);
    order_server_stop(server);
}

static bool create(const char *key, const char *value, struct etcd_answer *ret)
{
    struct etcd_put put = {str_of(key), str_of(value)};
    struct etcd_range range = {.key = STR("n/"), .end = STR("n0"), .limit = 2};

    must(etcd_txn(client, &put, 1, &range, 1, ret, NULL) == OK);
    return ret->succeeded;
}

static void a_key_is_created_once_and_what_is_there_is_read(void)
{
    struct etcd_answer a = {0};

    start();
    CHECK(create("n/2", "two", &a));
    CHECK(a.ranges[0].n == 1 && a.ranges[0].at[0].create_revision == a.revision && a.ranges[0].at[0].version == 1);
    CHECK_STR(a.ranges[0].at[0].value, STR("two"));
    int64_t first = a.revision;
    CHECK(!create("n/2", "other", &a));
    CHECK_INT(a.revision, first);
    CHECK_INT(a.n_ranges, 0);
    CHECK(create("n/1", "one", &a));
    CHECK(a.revision > first && a.ranges[0].n == 2);
    CHECK_STR(a.ranges[0].at[0].key, STR("n/1"));
    CHECK(create("n/3", "three", &a));
    CHECK(a.ranges[0].n == 2 && a.ranges[0].has_more);
    etcd_answer_done(&a);
    stop();
}

static void two_keys_are_created_together_or_not_at_all(void)
{
    struct etcd_put puts[] = {{STR("n/1"), STR("a")}, {STR("n/2"), STR("b")}};
    struct etcd_range range = {.key = STR("n/"), .end = STR("n0")};
    struct etcd_answer a = {0};

    start();
    CHECK(create("n/2", "two", &a));
    CHECK_INT(etcd_txn(client, puts, 2, &range, 1, &a, NULL), OK);
    CHECK(!a.succeeded && a.revision > 0);
    puts[1].key = STR("n/3");
    CHECK_INT(etcd_txn(client, puts, 2, &range, 1, &a, NULL), OK);
    CHECK(a.succeeded && a.ranges[0].n == 3);
    CHECK(a.ranges[0].at[0].create_revision == a.ranges[0].at[2].create_revision);
    etcd_answer_done(&a);
    stop();
}

static void the_past_is_read_until_something_was_deleted(void)
{
    struct etcd_range range = {.key = STR("n/"), .end = STR("n0")};
    struct etcd_answer a = {0};

    start();
    CHECK(create("n/1", "one", &a));
    int64_t first = a.revision;
    CHECK(create("n/2", "two", &a));
    CHECK_INT(etcd_read(client, &range, first, &a, NULL), OK);
    CHECK_INT(a.ranges[0].n, 1);
    CHECK_INT(etcd_delete(client, STR("n/1"), STR("n/2"), NULL), OK);
    CHECK_INT(etcd_read(client, &range, 0, &a, NULL), OK);
    CHECK(a.ranges[0].n == 1 && a.ranges[0].at[0].version == 1);
    CHECK_INT(etcd_read(client, &range, first, &a, NULL), ERR_NOT_FOUND);
    etcd_answer_done(&a);
    stop();
}

static void it_is_healthy_and_new_enough(void)
{
    struct etcd_status s;

    start();
    CHECK_INT(etcd_ask_status(client, &s, NULL), OK);
    CHECK(s.has_leader && s.is_leader && !s.is_full);
    stop();
}

int main(void)
{
    RUN(a_key_is_created_once_and_what_is_there_is_read);
    RUN(two_keys_are_created_together_or_not_at_all);
    RUN(the_past_is_read_until_something_was_deleted);
    RUN(it_is_healthy_and_new_enough);
    return t_done();
}
