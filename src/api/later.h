/* later.h - a thread for what must not hold up the writer or a pool thread.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Jobs run one after the other, in the order given; a job with is_ready waits aside, looked at every few ms, until that
 * is true or its time is over. Each job is inside what it is about and is not touched after run() was called.
 */
#ifndef API_LATER_H
#define API_LATER_H

#include <stdbool.h>
#include <stdint.h>

struct later;

struct later_job {
    void (*run)(struct later_job *job);
    bool (*is_ready)(struct later_job *job); /* NULL: at once. */
    int64_t until_us;                        /* Monotonic clock; with is_ready. */
    struct later_job *next;                  /* The queue's. */
};

/* tick, unless NULL, is called about every 100 ms from the same thread. */
struct later *later_new(void (*tick)(void *context), void *context);
void later_free(struct later *l); /* Runs what waits, then ends the thread. NULL is fine. */

void later_add(struct later *l, struct later_job *job); /* Any thread; below 1 us. */

int64_t later_clock_us(void); /* CLOCK_MONOTONIC. */

#endif
