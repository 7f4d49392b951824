/* args.c - reads a command line by its table.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "cli/args.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define WORD_MAX 32 /* Longer words are not compared: no option is. */

int exit_of(enum err err)
{
    switch (err) {
    case OK: return EXIT_YES;
    case ERR_INPUT:
    case ERR_TOO_LARGE: return EXIT_USAGE;
    case ERR_TOKEN:
    case ERR_RIGHTS: return EXIT_NOT_ALLOWED;
    case ERR_NOT_FOUND:
    case ERR_STATE:
    case ERR_CORRUPT: return EXIT_NO;
    case ERR_CONFLICT: return EXIT_RACE;
    case ERR_BUSY:
    case ERR_INTERNAL:
    case ERR_UNAVAILABLE:
    case ERR_DISK:
    case ERR_NET: return EXIT_CANNOT_TELL;
    }
    return EXIT_CANNOT_TELL;
}

/* Insertions, deletions, replacements and swaps of neighbours that make b of a (optimal string alignment). */
static size_t distance(const char *a, const char *b)
{
    size_t n_a = strlen(a), n_b = strlen(b);
    size_t rows[3][WORD_MAX + 1];

    if (n_a > WORD_MAX || n_b > WORD_MAX) return SIZE_MAX;
    for (size_t j = 0; j <= n_b; j++) rows[0][j] = j;
    for (size_t i = 1; i <= n_a; i++) {
        size_t *row = rows[i % 3];
        const size_t *above = rows[(i - 1) % 3], *above2 = rows[(i + 1) % 3];
        row[0] = i;
        for (size_t j = 1; j <= n_b; j++) {
            size_t best = above[j - 1] + (a[i - 1] != b[j - 1]);
            if (above[j] + 1 < best) best = above[j] + 1;
            if (row[j - 1] + 1 < best) best = row[j - 1] + 1;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && above2[j - 2] + 1 < best)
                best = above2[j - 2] + 1;
            row[j] = best;
        }
    }
    return rows[n_a % 3][n_b];
}

const char *args_nearest(const char *word, const char *const *names, size_t n)
{
    const char *nearest = NULL;
    size_t least = strlen(word) < 6 ? 3 : 4; /* One less than this many typing errors are forgiven. */

    for (size_t i = 0; i < n; i++) {
        size_t d = distance(word, names[i]);
        if (d < least) {
            least = d;
            nearest = names[i];
        }
    }
    return nearest;
}

static void say(const struct args *args, const char *format, va_list list)
{
    (void)fprintf(stderr, "clearline %s: ", args->command);
    (void)vfprintf(stderr, format, list);
    (void)fputc('\n', stderr);
}

int args_wrong(const struct args *args, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    say(args, format, list);
    va_end(list);
    (void)fprintf(stderr, "clearline %s --help shows examples and options\n", args->command);
    return EXIT_USAGE;
}

int args_fail(const struct args *args, enum err err, const struct why *why)
{
    (void)fprintf(stderr, "clearline %s: %s\n", args->command, why && why->text[0] ? why->text : err_text(err));
    return exit_of(err);
}

static void print_help(const struct args *args)
{
    printf("%s\n", args->examples);
    printf("clearline %s%s%s%s - %s\n", args->command, args->n_options ? " [OPTION...]" : "",
           args->operands ? " " : "", args->operands ? args->operands : "", args->summary);
    if (args->n_options) printf("\n");
    for (size_t i = 0; i < args->n_options; i++) {
        const struct arg *o = &args->options[i];
        char left[64];
        (void)snprintf(left, sizeof left, "%s%s%s", o->name, o->value ? " " : "", o->value ? o->value : "");
        printf("  %-26s %s%s\n", left, o->help, o->kind == ARG_TEXTS ? " (may be repeated)" : "");
    }
}

static const struct arg *find(const struct args *args, struct str name)
{
    for (size_t i = 0; i < args->n_options; i++) {
        if (str_equal(name, str_of(args->options[i].name))) return &args->options[i];
    }
    return NULL;
}

static int unknown(const struct args *args, struct str name)
{
    const char *names[64] = {"--help"};
    size_t n = 1;
    const char *nearest;
    char word[WORD_MAX + 1];

    for (size_t i = 0; i < args->n_options && n < sizeof names / sizeof names[0]; i++)
        names[n++] = args->options[i].name;
    (void)snprintf(word, sizeof word, "%.*s", STR_ARG(name));
    nearest = args_nearest(word, names, n);
    if (nearest) return args_wrong(args, "unknown option %.*s; is %s meant?", STR_ARG(name), nearest);
    return args_wrong(args, "unknown option %.*s", STR_ARG(name));
}

static int take_number(const struct args *args, const struct arg *o, const char *value)
{
    char *end;
    long long number;

    errno = 0;
    number = strtoll(value, &end, 10);
    if (end == value || *end || errno || number < o->min || number > o->max) {
        return args_wrong(args, "%s wants a whole number from %lld to %lld, not \"%s\"", o->name,
                          (long long)o->min, (long long)o->max, value);
    }
    *(int64_t *)o->to = number;
    return EXIT_YES;
}

static int take_real(const struct args *args, const struct arg *o, const char *value)
{
    char *end;
    double number = strtod(value, &end);

    if (end == value || *end || !isfinite(number) || number < (double)o->min || number > (double)o->max) {
        return args_wrong(args, "%s wants a number from %lld to %lld, not \"%s\"", o->name, (long long)o->min,
                          (long long)o->max, value);
    }
    *(double *)o->to = number;
    return EXIT_YES;
}

static int take_text(const struct args *args, const char *name, struct arg_texts *texts, const char *value)
{
    if (texts->n == ARG_TEXTS_MAX) return args_wrong(args, "%s: more than %d of them", name, ARG_TEXTS_MAX);
    texts->at[texts->n++] = value;
    return EXIT_YES;
}

static int take(const struct args *args, const struct arg *o, const char *value)
{
    switch (o->kind) {
    case ARG_FLAG: *(bool *)o->to = true; return EXIT_YES;
    case ARG_TEXT: *(const char **)o->to = value; return EXIT_YES;
    case ARG_TEXTS: return take_text(args, o->name, o->to, value);
    case ARG_NUMBER: return take_number(args, o, value);
    case ARG_REAL: return take_real(args, o, value);
    }
    return EXIT_USAGE;
}

/* Reads the option at argv[*i] and its value; *i ends at the last word taken. */
static int read_option(const struct args *args, int argc, char **argv, int *i)
{
    struct str word = str_of(argv[*i]);
    size_t equals = str_find(word, '=');
    struct str name = str_first(word, equals);
    const struct arg *o = find(args, name);
    const char *value = NULL;

    if (!o) return unknown(args, name);
    if (o->kind == ARG_FLAG) {
        if (equals < word.n) return args_wrong(args, "%s takes no value", o->name);
        return take(args, o, NULL);
    }
    if (equals < word.n) {
        value = argv[*i] + equals + 1;
    } else if (*i + 1 < argc) {
        value = argv[++*i];
    }
    if (!value || (equals == word.n && str_starts(str_of(value), STR("--"))))
        return args_wrong(args, "%s wants a value: %s %s", o->name, o->name, o->value);
    return take(args, o, value);
}

bool args_parse(const struct args *args, int argc, char **argv, int *ret_exit)
{
    bool options_ended = false;
    int code = EXIT_YES;

    for (int i = 1; i < argc && code == EXIT_YES; i++) {
        struct str word = str_of(argv[i]);
        if (!options_ended && str_equal(word, STR("--"))) {
            options_ended = true;
        } else if (!options_ended && (str_equal(word, STR("--help")) || str_equal(word, STR("-h")))) {
            print_help(args);
            *ret_exit = EXIT_YES;
            return false;
        } else if (!options_ended && word.n > 1 && word.at[0] == '-') {
            code = read_option(args, argc, argv, &i);
        } else if (args->ret_operands) {
            code = take_text(args, args->operands, args->ret_operands, argv[i]);
        } else {
            code = args_wrong(args, "does not know what to do with \"%s\"", argv[i]);
        }
    }
    *ret_exit = code;
    return code == EXIT_YES;
}
