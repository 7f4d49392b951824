/* verbs.c - chooses the verb of a command by a table.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "cli/verbs.h"

#include <stdio.h>

#define VERBS_MAX 16

static int help(const struct verbs *v)
{
    printf("%s\nclearline %s VERB [OPTION...] - %s\n\n", v->examples, v->command, v->summary);
    for (size_t i = 0; i < v->n; i++) printf("  %-12s %s\n", v->at[i].name, v->at[i].summary);
    printf("\nclearline %s VERB --help: examples and options of one\n", v->command);
    return EXIT_YES;
}

static int wrong(const struct verbs *v, const char *word)
{
    const char *names[VERBS_MAX];
    const char *nearest;

    must(v->n <= VERBS_MAX);
    if (!word) {
        (void)fprintf(stderr, "clearline %s: wants a verb:", v->command);
        for (size_t i = 0; i < v->n; i++) (void)fprintf(stderr, "%s %s", i ? "," : "", v->at[i].name);
    } else if (word[0] == '-') {
        (void)fprintf(stderr, "clearline %s: the option %s stands before the verb, or is none", v->command, word);
    } else {
        for (size_t i = 0; i < v->n; i++) names[i] = v->at[i].name;
        nearest = args_nearest(word, names, v->n);
        (void)fprintf(stderr, "clearline %s: there is no verb \"%s\"", v->command, word);
        if (nearest) (void)fprintf(stderr, "; is %s meant?", nearest);
    }
    (void)fprintf(stderr, "\nclearline help %s lists them\n", v->command);
    return EXIT_USAGE;
}

int verbs_run(const struct verbs *v, int argc, char **argv)
{
    struct str word = str_of(argc > 1 ? argv[1] : NULL);

    if (str_equal(word, STR("--help")) || str_equal(word, STR("-h"))) return help(v);
    for (size_t i = 0; i < v->n; i++)
        if (str_equal(word, str_of(v->at[i].name))) return v->at[i].run(argc - 1, argv + 1);
    return wrong(v, argc > 1 ? argv[1] : NULL);
}
