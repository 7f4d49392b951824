/* lab.h - a state with one member and one node, or several of each, to try changes on.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The ground is the 64 level-13 cells of one level-10 cell; a set of them is a bitmap. Entries are not signed: the bytes that
 * stand for an entry are a counter, since state_apply() looks at them only as bytes.
 */
#ifndef TEST_LAB_H
#define TEST_LAB_H

#include "base/instant.h"
#include "base/rng.h"
#include "state/key.h"
#include "state/snapshot.h"
#include "state/state.h"

#define LAB_START_MS INT64_C(1800000000000) /* 2027-01-15T08:00:00Z */
#define LAB_START_US (LAB_START_MS * 1000)

#define LAB_MEMBERS 6

struct lab {
    struct state *state;
    struct arena arena; /* Of everything that a test keeps until its end. */
    uint8_t root[8], node[8]; /* Those of the first member. */
    uint8_t roots[LAB_MEMBERS][8], nodes[LAB_MEMBERS][8];
    struct hash genesis, entry; /* Of genesis, of the last entry. */
    uint64_t slot;
    struct hash previous;
    int64_t now_ms; /* The next entry's time. */
    uint64_t n_entries;
    uint64_t n_ids;
    struct buf leaf; /* Of the last entry. */
};

/* Genesis, and the join of the node: position 2. */
void lab_init(struct lab *lab);
void lab_init_with(struct lab *lab, bool needs_412_for_down);
/* n founders m0, m1, ...; each joins one node, and the participant ussI is spoken for by member I, with no rights. */
void lab_init_members(struct lab *lab, size_t n, bool needs_412_for_down);
/* Genesis of n members and these rules; nobody has joined. */
void lab_found(struct lab *lab, size_t n, unsigned rules);
void lab_done(struct lab *lab);

/* Keys by number; member I has root 2 I + 1 and node 2 I + 2. */
struct key_public lab_key(int n);
void lab_author_of(int n, uint8_t ret_id[8]);
struct str lab_member(int i); /* "m0" ... */

struct id lab_id(struct lab *lab); /* Another version 4 UUID each time. */

/* The level-13 cells of the bitmap, normalised; memory of the lab. */
struct vol lab_vol(struct lab *lab, uint64_t bitmap, int64_t starts_us, int64_t ends_us,
                   int32_t floor_mm, int32_t ceil_mm);
uint64_t lab_cell(int i); /* 0..63 */
uint64_t lab_bitmap(const uint64_t *cells, size_t n);

/* The n changes as the next entry of the node; outcomes live as long as the lab. Not published. */
struct outcome *lab_entry(struct lab *lab, struct str participant, struct change *changes, size_t n);
/* The next entry of any author. */
struct outcome *lab_entry_by(struct lab *lab, const uint8_t author[8], struct str participant, struct change *changes, size_t n);
struct outcome lab_by(struct lab *lab, const uint8_t author[8], struct str participant, struct change change);
struct change lab_join(const struct lab *lab, int member, int key);
/* One change, applied and published. */
struct outcome lab_apply(struct lab *lab, struct str participant, struct change change);
/* Judged with the key at the present state first, as a node does it. */
struct outcome lab_apply_with_key(struct lab *lab, struct str participant, struct change change,
                                  const struct str *key, size_t n_key);

/* Changes with fresh random tokens: an intent over cells bitmap from start + from_s to start + to_s, heights 0 to 100 m,
 * Accepted, no subscription; a subscription for intents; a constraint. */
struct change lab_intent(struct lab *lab, struct id id, uint64_t bitmap, int from_s, int to_s);
struct change lab_subscription(struct lab *lab, struct id id, uint64_t bitmap, int from_s, int to_s);
struct change lab_constraint(struct lab *lab, struct id id, uint64_t bitmap, int from_s, int to_s);
struct change lab_delete(struct lab *lab, enum change_kind kind, struct id id);
struct change lab_availability(struct lab *lab, struct str uss, enum uss_availability status);
/* Names the present version of the entity that c is about. */
struct change lab_at_current(struct lab *lab, struct change c);

const struct entity *lab_find(struct lab *lab, enum entity_kind kind, struct id id);
struct str lab_token(struct lab *lab, enum entity_kind kind, struct id id); /* Copied. */

/* The state through a snapshot: digest equal, walked; the old one is freed. */
void lab_restore(struct lab *lab);

/* RUN() on a new lab; afterwards the state is walked and taken through a snapshot. */
#define LAB_RUN(test) lab_run(&lab, test, #test)
void lab_run(struct lab *lab, void (*test)(void), const char *name);

#endif
