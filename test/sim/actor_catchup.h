/* actor_catchup.h - other nodes' logs, as a catch-up finds them.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TEST_SIM_ACTOR_CATCHUP_H
#define TEST_SIM_ACTOR_CATCHUP_H

#include <stdint.h>

void sources_begin(void); /* After cast_begin(). */
void sources_calm(void);  /* All answer soon; the liar goes on lying. */

struct sources_counts {
    uint64_t n_calls, n_lies, n_taken_over;
};
extern struct sources_counts sources_counts; /* Over all seeds. */

#endif
