/* args.h - options of a subcommand, read by a table, and what the program's exit code means.
 * SPDX-License-Identifier: Apache-2.0
 *
 *     bool json = false;
 *     const char *dir = ".";
 *     const struct arg options[] = {
 *         {"--data", "DIR", "the node's data folder", ARG_TEXT, &dir, 0, 0},
 *         {"--json", NULL, "one JSON object", ARG_FLAG, &json, 0, 0},
 *     };
 *     const struct args args = {.command = "doctor", .summary = "...", .examples = "  clearline doctor --data d\n", ARGS(options)};
 *     int code;
 *     if (!args_parse(&args, argc, argv, &code)) return code;
 *
 * "--name VALUE" and "--name=VALUE" are the same; "--" ends the options; "--help" prints examples first. A wrong option is
 * named on stderr with the nearest one that exists, and *ret_exit is EXIT_USAGE.
 */
#ifndef CLI_ARGS_H
#define CLI_ARGS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

enum exit_code {
    EXIT_YES = 0,         /* Yes, done, valid. */
    EXIT_NO = 1,          /* A definite no: a conflict, a false proof, a failed check. */
    EXIT_USAGE = 2,       /* The command line is wrong. */
    EXIT_CANNOT_TELL = 3, /* Not reachable, not enough evidence, storage that fails. */
    EXIT_NOT_ALLOWED = 4, /* Token or rights. */
    EXIT_RACE = 5,        /* Somebody else was first: read again and retry. */
};

/* The exit code that an error comes to. */
int exit_of(enum err err);

enum arg_kind {
    ARG_FLAG,   /* bool: set true */
    ARG_TEXT,   /* const char *: the last one given counts */
    ARG_TEXTS,  /* struct arg_texts: given any number of times */
    ARG_NUMBER, /* int64_t: decimal, within min..max */
    ARG_REAL,   /* double: finite, within min..max */
};

#define ARG_TEXTS_MAX 32
struct arg_texts {
    const char *at[ARG_TEXTS_MAX];
    size_t n;
};

struct arg {
    const char *name;  /* With its dashes. */
    const char *value; /* What the help calls its value; NULL for a flag. */
    const char *help;
    enum arg_kind kind;
    void *to; /* Holds the default before, and what was given after. Texts are borrowed from argv. */
    int64_t min;
    int64_t max;
};

struct args {
    const char *command;
    const char *summary;  /* One line. */
    const char *examples; /* Whole lines, indented by two blanks. */
    const char *operands; /* "FILE" or "show INDEX"; NULL: none are taken. */
    const struct arg *options;
    size_t n_options;
    struct arg_texts *ret_operands; /* Where operands go; NULL when none are taken. */
};

#define ARGS(array) .options = (array), .n_options = sizeof(array) / sizeof((array)[0])

/* True: go on. False: *ret_exit is set, after --help or a wrong command line, and everything is said. */
bool args_parse(const struct args *args, int argc, char **argv, int *ret_exit);

/* Prints "clearline COMMAND: text" and where help is to stderr, and returns EXIT_USAGE: for what a table cannot know. */
int args_wrong(const struct args *args, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Prints the why's line to stderr and returns exit_of(err). */
int args_fail(const struct args *args, enum err err, const struct why *why);

/* The name among names that is nearest to word, or NULL when none is near enough to be meant. */
const char *args_nearest(const char *word, const char *const *names, size_t n);

#endif
