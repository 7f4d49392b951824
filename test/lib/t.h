/* t.h - the test harness: checks, TAP output, seeds.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A test is a static void function whose name is a sentence.
 *
 *     static void a_failed_call_leaves_its_outputs_alone(void) { CHECK(x == 3); }
 *     int main(void) { RUN(a_failed_call_leaves_its_outputs_alone); return t_done(); }
 *
 * SEED=n and STEPS=n in the environment choose the random sequence and its length; the seed of a test that
 * failed is printed.
 */
#ifndef TEST_T_H
#define TEST_T_H

#include <inttypes.h>
#include <stdio.h>

#include "base/rng.h"
#include "base/str.h"

/* True if the claim holds; prints place and claim and fails the running test if not. */
#define CHECK(claim) t_check((claim) ? true : false, #claim, __FILE__, __LINE__)
#define CHECK_INT(got, want) t_check_int((int64_t)(got), (int64_t)(want), #got, __FILE__, __LINE__)
#define CHECK_STR(got, want) t_check_str((got), (want), #got, __FILE__, __LINE__)
#define RUN(test) t_run(test, #test)

bool t_check(bool holds, const char *claim, const char *file, int line);
bool t_check_int(int64_t got, int64_t want, const char *what, const char *file, int line);
bool t_check_str(struct str got, struct str want, const char *what, const char *file, int line);
void t_run(void (*test)(void), const char *name);
void t_skip(const char *name, const char *reason); /* Counts as skipped. */
int t_done(void);                                  /* Prints the plan; main returns this. */

struct rng t_rng(void);        /* From SEED, or from a fixed default. */
int t_steps(int by_default);   /* From STEPS. */

/* The file's bytes (NUL after them), or {NULL, 0} if there is none. Free .at with free(). */
struct str t_read_file(const char *path);

/* Folder with the shared test data, or NULL when it is not there ($CLEARLINE_SHARED, default ../shared). */
const char *t_shared(void);

#endif
