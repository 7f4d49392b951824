/* verbs.h - commands of two words, like `clearline member propose`.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The first word after the command chooses a verb, which has options and help of its own; each verb may have verbs in turn.
 * `clearline member --help` lists the verbs and `clearline member propose --help` the options of one.
 */
#ifndef CLI_VERBS_H
#define CLI_VERBS_H

#include "cli/args.h"

struct verb {
    const char *name;
    int (*run)(int argc, char **argv); /* argv[0] is the verb. */
    const char *summary;
};

struct verbs {
    const char *command; /* "member" */
    const char *summary;
    const char *examples; /* Whole lines, indented by two blanks. */
    const struct verb *at;
    size_t n;
};

#define VERBS(array) .at = (array), .n = sizeof(array) / sizeof((array)[0])

/* Runs the verb that argv[1] names; says what is wrong with it, or helps. The exit code. */
int verbs_run(const struct verbs *v, int argc, char **argv);

#endif
