/* reference.h - what the DSS tells of entities: references, subscriptions, whom to notify.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Shapes of F3548-21 (f3548-dss.md 6.1, 7.1, 8, 11). An OVN is shown to its manager only; others read
 * "Available from USS" (section 12).
 */
#ifndef API_REFERENCE_H
#define API_REFERENCE_H

#include "base/arena.h"
#include "base/buf.h"
#include "state/outcome.h"
#include "state/view.h"

/* Stands for "no subscription" where the schema wants one (f3548-dss.md 6.1): 00000000-0000-4000-8000-000000000000. */
#define REFERENCE_NO_SUBSCRIPTION ((struct id){0x4000, UINT64_C(0x8000000000000000)})

/* Writes references one after the other; caller and view as they are for all of them. */
struct reference_writer {
    struct buf *to;
    const struct view *view;
    struct str caller;       /* sub of who reads. */
    struct str manager;      /* The manager looked up last, and its availability: the writer's own. */
    enum uss_availability availability;
    bool has_manager;
};

/* A reference object of an intent or constraint. About 1 us. */
void reference_add(struct reference_writer *w, const struct entity *e);

/* An array of them. */
void reference_add_list(struct reference_writer *w, const struct entity *const *entities, size_t n);

/* A subscription object; dependents are ids of intents. */
void reference_add_subscription(struct buf *to, const struct entity *e, int32_t index,
                                const struct id *dependents, size_t n_dependents);

/* The "subscribers" array: one element for each URL, in the order in which the URLs first appear. seed: of the table by URL, so
 * that no client can choose texts that collide. O(n). */
void reference_add_subscribers(struct buf *to, const struct notice *notices, size_t n,
                               uint64_t seed, struct arena *arena);

/* What a put change makes of the entity: for answers. token must outlive the result. */
struct entity reference_entity(const struct change *c, struct str participant,
                               const struct outcome *o, char token[CHANGE_TOKEN_MAX]);

#endif
