/* party.h - stand-ins for nodes on one etcd: each signs, proposes, follows and admits as a node would.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A guild is a network's genesis: its hash and its founders, who are authors from the start. A member of it can
 * admit others by a join entry. Keys come from seeds, so author i has the same key in every guild.
 */
#ifndef TEST_PARTY_H
#define TEST_PARTY_H

#include "journal/journal_etcd.h"
#include "proof/key.h"

#define GUILD_MAX 8

struct guild {
    struct str genesis; /* Entry 0. */
    char text[64];
    int n_founders;
    struct key_secret keys[GUILD_MAX];
    uint8_t ids[GUILD_MAX][8];
};

void guild_init(struct guild *g, int n_founders); /* Another genesis each time, in other processes too. */
void guild_done(struct guild *g);

struct party {
    struct guild *guild;
    int me;
    struct journal *journal;
    struct journal_etcd_options options;
    uint64_t n_applied; /* Entries that authors_change() has looked at. */
    struct why why;
};

/* dir as for journal_open_etcd(). The options' endpoints and times may be set in p->options before; the rest is filled in. */
CHECKED enum err party_open(struct party *p, struct guild *g, int me, const char *dir);
void party_close(struct party *p);

/* An own entry for the slot; it says n, and nothing else. */
void party_tick(struct party *p, uint64_t slot, uint64_t n, struct buf *ret);
void party_join(struct party *p, uint64_t slot, int who, struct buf *ret);

/* Signs a tick for the next slot and proposes it, once. */
enum err party_say(struct party *p, uint64_t n);
enum err party_propose(struct party *p, struct str entry);
enum err party_follow(struct party *p);

/* What the store holds after genesis, one word an entry: "0:17" is author 0's tick that says 17, "0+2" its join of 2. */
void party_words(struct party *p, struct buf *ret);

/* The key of a slot in etcd. */
void party_key(struct party *p, int author, uint64_t slot, struct buf *ret);

#endif
