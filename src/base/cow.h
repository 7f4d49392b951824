/* cow.h - versions of shared structures: one writer, readers that never wait.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The writer builds version v. Nodes it makes carry v; a node of an older version may be visible to a
 * reader, so it is copied before it is changed and the old one is retired. cow_publish() ends the version:
 * from then on nodes stamped v are shared as well. A reader pins what is published, reads, unpins; retired
 * memory is freed once no pin is older than its retirement.
 *
 *     writer:  change roots ... store them in a view ... cow_publish(c, view) -> version v + 1
 *     reader:  view = cow_pin(c, &pin) ... read ... cow_unpin(&pin)
 *
 * Invariants:
 *   C1  what a pinned view reaches is neither changed nor freed until it is unpinned
 *   C2  a reader takes no lock and never waits; the writer never waits for a reader
 */
#ifndef BASE_COW_H
#define BASE_COW_H

#include <stddef.h>
#include <stdint.h>

struct cow; /* One per state; shared by all its structures. */

struct cow *cow_new(void);
void cow_free(struct cow *c); /* Nobody may hold a pin. Frees all that is retired; NULL is fine. */

/* The version being written, from 1 on. Writer only. */
uint64_t cow_version(const struct cow *c);

/* Frees p with release(p) once no reader can reach it; release must not call cow.h. Writer only. Amortised
 * O(1). */
void cow_retire(struct cow *c, void *p, void (*release)(void *p));

/* Memory for what readers reach, from a pool of the writer's (base/pool.h). n > 0; not zeroed. cow_drop() takes back what no
 * reader has seen, cow_retire_taken() what one may reach. What is left when cow_free() comes is freed only if it is smaller than
 * POOL_PIECE_MAX: drop it before. Writer only. O(1) */
void *cow_take(struct cow *c, size_t n);
void cow_drop(struct cow *c, void *p, size_t n);
void cow_retire_taken(struct cow *c, void *p, size_t n);

/* Makes view what readers pin from now on, and begins the next version. The former view is NOT retired
 * by this call: the owner retires it. Frees what has become unreachable. Writer only. */
void cow_publish(struct cow *c, void *view);

/* Takes back all retirements since the last cow_publish(), for going back to what was published: call
 * ptree_abandon(), parr_abandon(), grid_abandon() on each changed structure, then this, and then put the structs
 * back to the copies kept in the published view. The version stays the same. Writer only. O(1). */
void cow_abandon(struct cow *c);

/* Reader's hold on a version. Any thread; a thread may hold several. */
struct cow_pin {
    void *slot;
};
void *cow_pin(struct cow *c, struct cow_pin *ret_pin); /* The published view; NULL before the first. */
void cow_unpin(struct cow_pin *pin);

/* The number of retired pointers not yet freed. Writer only. */
size_t cow_n_retired(const struct cow *c);

#endif
