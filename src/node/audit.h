/* audit.h - verifies the signatures of entries that were taken over by their hashes, in the background (decision G3).
 * SPDX-License-Identifier: Apache-2.0
 *
 * A node that has caught up serves as soon as every byte hashes to the signed root and is applied; this thread then looks at what it
 * had not the time for. It runs at a lower priority than the node's other threads. About 12,000 entries a second and core; several
 * audits over ranges that do not overlap use several cores.
 *
 * Passed over, since apply gives them no effect: entry 0 (genesis, which has no signature), bytes that are no entry, and
 * entries of authors that are not known.
 */
#ifndef NODE_AUDIT_H
#define NODE_AUDIT_H

#include "journal/store.h"
#include "proof/key.h"

struct audit;

struct audit_options {
    struct store *store;
    struct str origin; /* The log's; copied. */
    uint64_t from, to; /* Entries [from, to), all of them in the store. */

    /* All on the audit's thread. */
    /* The key of the author of entry index; false if it is not known. */
    bool (*key_of)(void *context, uint64_t index, const uint8_t author[8], struct key_public *ret);
    /* Entries below next are good: keep it, to start there after a restart. After each 1,024 and at the end; NULL: nobody. */
    void (*progress)(void *context, uint64_t next);
    /* The signature of entry index is not its author's, or it cannot be read (why says which): the node must stop. The last call;
     * it must not free the audit. */
    void (*bad)(void *context, uint64_t index, const struct why *why);
    void *context;
    bool without_thread; /* audit_start() does it all, on the caller's. */
};

struct audit_status {
    uint64_t next;     /* Entries below are done. */
    uint64_t to;
    uint64_t n_passed; /* Of those without a signature to verify. */
    bool is_over;      /* Done, stopped, or something was bad. */
    bool is_bad;
};

struct audit *audit_start(const struct audit_options *options);
void audit_status(const struct audit *a, struct audit_status *ret); /* Any thread. */
void audit_stop(struct audit *a); /* Within one entry. */
void audit_wait(struct audit *a); /* Until it is over. */
void audit_free(struct audit *a); /* Stops it first, within one entry. NULL is fine. */

#endif
