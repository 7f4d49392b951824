/* own_line.c - founds a network, starts its order and its nodes, and tidies up after them.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "cli/own_line.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "cli/lab.h"
#include "http/listen.h"

#define N_SERVERS 3

/* A port that is free now; who is told takes it a moment later. */
static enum err free_port(uint16_t *ret, struct why *why)
{
    int fd;

    TRY(listen_open(STR("127.0.0.1:0"), &fd, ret, why));
    (void)close(fd);
    return OK;
}

static enum err start_server(struct own_line *l, int i, const uint16_t *client, const uint16_t *peer, const char *cluster, struct why *why)
{
    AUTO(buf_done) struct buf name = {0}, data = {0}, clients = {0}, peers = {0}, log = {0};
    struct why inner;

    buf_addf(&name, "order%d", i);
    buf_addf(&data, "%s/etcd%d", l->dir, i);
    buf_addf(&clients, "http://127.0.0.1:%u", client[i]);
    buf_addf(&peers, "http://127.0.0.1:%u", peer[i]);
    buf_addf(&log, "%s/etcd%d.log", l->dir, i);
    const char *const words[] = {"etcd", "--name", buf_z(&name), "--data-dir", buf_z(&data), "--listen-client-urls", buf_z(&clients),
                                 "--advertise-client-urls", buf_z(&clients), "--listen-peer-urls", buf_z(&peers),
                                 "--initial-advertise-peer-urls", buf_z(&peers), "--initial-cluster", cluster, "--initial-cluster-state",
                                 "new", NULL};
    if (own_node_spawn(&l->servers[i], words, NULL, buf_z(&log), &inner) == OK) return OK;
    return fail(why, ERR_UNAVAILABLE, "etcd cannot be started: %s", inner.text);
}

static bool is_on_path(const char *program)
{
    AUTO(buf_done) struct buf path = {0};
    struct str rest = str_of(getenv("PATH"));

    while (rest.n) {
        struct str dir = str_cut(&rest, ':');
        buf_clear(&path);
        buf_addf(&path, "%.*s/%s", STR_ARG(dir), program);
        if (access(buf_z(&path), X_OK) == 0) return true;
    }
    return false;
}

/* Appends the endpoints, with commas between them. */
static enum err start_etcd(struct own_line *l, struct buf *endpoints, struct why *why)
{
    AUTO(buf_done) struct buf cluster = {0};
    uint16_t client[N_SERVERS], peer[N_SERVERS];

    if (!is_on_path("etcd")) return fail(why, ERR_UNAVAILABLE, "--journal etcd: there is no etcd on PATH (Debian: etcd-server)");
    for (int i = 0; i < N_SERVERS; i++) {
        TRY(free_port(&client[i], why));
        TRY(free_port(&peer[i], why));
        buf_addf(&cluster, "%sorder%d=http://127.0.0.1:%u", i ? "," : "", i, peer[i]);
        buf_addf(endpoints, "%shttp://127.0.0.1:%u", i ? "," : "", client[i]);
    }
    for (int i = 0; i < N_SERVERS; i++) TRY(start_server(l, i, client, peer, buf_z(&cluster), why));
    return OK;
}

static enum err start_node(struct own_line *l, int i, const char *member, const char *endpoints, struct why *why)
{
    AUTO(buf_done) struct buf genesis = {0}, data = {0}, key = {0};

    buf_addf(&genesis, "%s/lab/genesis", l->dir);
    buf_addf(&data, "%s/lab/%s", l->dir, member);
    buf_addf(&key, "%s/lab/tokens/public.pem", l->dir);
    const char *const words[] = {"clearline", "serve", "--listen", "127.0.0.1:0", "--peer-listen", "127.0.0.1:0", "--genesis",
                                 buf_z(&genesis), "--member", member, "--data", buf_z(&data), "--etcd", endpoints, "--allow-old-etcd",
                                 "--audience", OWN_NODE_AUDIENCE, "--token-key", buf_z(&key), "--operator-key", buf_z(&key), NULL};
    return own_node_spawn(&l->nodes[i], words, "joined the network", NULL, why);
}

static enum err found(struct own_line *l, const char *const *members, const char *const *participants, struct why *why)
{
    AUTO(buf_done) struct buf names = {0}, dir = {0};
    struct lab_options o = {.origin = "line.test/donlon", .entries_public = true, .is_quiet = true};

    for (int i = 0; i < OWN_LINE_MEMBERS; i++) {
        buf_addf(&names, "%s%s", i ? "," : "", members[i]);
        o.participants.at[o.participants.n++] = participants[i];
    }
    buf_addf(&dir, "%s/lab", l->dir);
    o.members = buf_str(&names);
    o.dir = buf_z(&dir);
    (void)snprintf(l->key_path, sizeof l->key_path, "%.*s/lab/tokens/private.pem", PATH_MAX - 64, l->dir);
    return lab_make(&o, why);
}

static enum err start_all(struct own_line *l, const char *const *members, const char *const *participants, bool with_etcd, struct why *why)
{
    AUTO(buf_done) struct buf endpoints = {0};

    TRY(found(l, members, participants, why));
    if (with_etcd) {
        TRY(start_etcd(l, &endpoints, why));
    } else {
        TRY(order_server_start(&l->order, why));
        buf_addf(&endpoints, "http://127.0.0.1:%u", order_server_port(l->order));
    }
    for (int i = 0; i < OWN_LINE_MEMBERS; i++) TRY(start_node(l, i, members[i], buf_z(&endpoints), why));
    return OK;
}

enum err own_line_start(const char *const members[OWN_LINE_MEMBERS], const char *const participants[OWN_LINE_MEMBERS], bool with_etcd,
                        struct own_line *ret, struct why *why)
{
    TRY(own_node_make_folder(ret->dir, why));
    own_node_catch_signals(true);
    enum err e = start_all(ret, members, participants, with_etcd, why);
    if (e != OK) own_line_stop(ret);
    return e;
}

void own_line_stop(struct own_line *l)
{
    if (!l || !l->dir[0]) return;
    for (int i = OWN_LINE_MEMBERS - 1; i >= 0; i--) own_node_stop(&l->nodes[i]);
    for (int i = 0; i < N_SERVERS; i++) own_node_stop(&l->servers[i]);
    order_server_stop(l->order);
    own_node_remove_folder(l->dir);
    own_node_catch_signals(false);
    *l = (struct own_line){0};
}
