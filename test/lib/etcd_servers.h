/* etcd_servers.h - real etcd processes for a test: on loopback, in memory where there is a /dev/shm.
 * SPDX-License-Identifier: Apache-2.0
 *
 * They listen on an address 127.x.y.z of this process's own, at ports that were free a moment before, and die with the thread
 * that started them. Every wait ends after ETCD_LIMIT_MS.
 */
#ifndef TEST_ETCD_SERVERS_H
#define TEST_ETCD_SERVERS_H

#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"

#define ETCD_SERVERS_MAX 5
#define ETCD_LIMIT_MS 60000

struct etcd_servers;

struct etcd_servers_options {
    size_t n;             /* Members; 0: one */
    long quota_bytes;     /* 0: etcd's default */
    const char *tls;      /* A folder with ca.pem, cert.pem, key.pem: clients must show a certificate of the same CA. */
};

bool etcd_servers_can(void); /* etcd is installed. */

/* NULL if they did not come up, with what they said on stdout as comments. They have a leader and answer. */
struct etcd_servers *etcd_servers_start(const struct etcd_servers_options *options);
void etcd_servers_stop(struct etcd_servers *s); /* NULL is fine. Nothing of them is left. */

const char *const *etcd_servers_urls(const struct etcd_servers *s); /* One a member. */

/* The member that leads, or -1 if none does in time. */
int etcd_servers_leader(struct etcd_servers *s);

void etcd_servers_signal(struct etcd_servers *s, int member, int signal); /* After SIGKILL the process is waited for. */
void etcd_servers_again(struct etcd_servers *s, int member); /* Starts one that was killed, on its own data. */

/* A key as anybody with access to etcd can write it, over what is there. */
bool etcd_servers_put(struct etcd_servers *s, struct str key, struct str value);

/* Forgets all revisions but the newest, and has done so when it returns. */
bool etcd_servers_compact(struct etcd_servers *s);

#endif
