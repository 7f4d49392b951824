/* test_args.c - command lines, right and wrong.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "cli/args.h"

#include <unistd.h>

#include "t.h"

static struct {
    bool json;
    const char *dir;
    struct arg_texts keys;
    int64_t n;
    double speed;
} got;
static struct arg_texts operands;
static char said[2048]; /* What the last parse() wrote to stderr. */

/* Parses words (up to a NULL); stderr and stdout go to a pipe. */
static bool parse_with(bool takes_operands, int *ret_exit, char **words)
{
    const struct arg options[] = {
        {"--json", NULL, "as JSON", ARG_FLAG, &got.json, 0, 0},
        {"--data", "DIR", "folder", ARG_TEXT, &got.dir, 0, 0},
        {"--key", "FILE", "key", ARG_TEXTS, &got.keys, 0, 0},
        {"--limit", "N", "at most", ARG_NUMBER, &got.n, 1, 100},
        {"--speed", "X", "factor", ARG_REAL, &got.speed, 0, 10},
    };
    struct args args = {.command = "try", .summary = "tries", .examples = "  clearline try --json\n", ARGS(options)};
    int argc = 0, ends[2], saved[2] = {dup(1), dup(2)};
    ssize_t n;
    bool goes_on;

    memset(&got, 0, sizeof got);
    operands.n = 0;
    if (takes_operands) {
        args.operands = "FILE";
        args.ret_operands = &operands;
    }
    while (words[argc]) argc++;
    fflush(stdout);
    if (pipe(ends) != 0) return false;
    dup2(ends[1], 1);
    dup2(ends[1], 2);
    goes_on = args_parse(&args, argc, words, ret_exit);
    fflush(stdout);
    dup2(saved[0], 1);
    dup2(saved[1], 2);
    (void)close(ends[1]);
    n = read(ends[0], said, sizeof said - 1);
    said[n > 0 ? n : 0] = '\0';
    (void)close(ends[0]);
    (void)close(saved[0]);
    (void)close(saved[1]);
    return goes_on;
}
#define PARSE(takes_operands, exit, ...) parse_with(takes_operands, exit, (char *[]){"try", __VA_ARGS__, NULL})

static void options_of_every_kind_are_read(void)
{
    int code = -1;
    CHECK(PARSE(true, &code, "--json", "--data", "d", "--key=a", "--key", "b", "--limit", "7", "--speed=2.5", "file"));
    CHECK_INT(code, EXIT_YES);
    CHECK(got.json);
    CHECK_STR(str_of(got.dir), STR("d"));
    CHECK_INT(got.keys.n, 2);
    CHECK_STR(str_of(got.keys.at[1]), STR("b"));
    CHECK_INT(got.n, 7);
    CHECK(got.speed == 2.5);
    CHECK_INT(operands.n, 1);
    CHECK_STR(str_of(operands.at[0]), STR("file"));
    CHECK_STR(str_of(said), STR(""));
}

static void two_dashes_end_the_options(void)
{
    int code = -1;
    CHECK(PARSE(true, &code, "--", "--json", "-"));
    CHECK(!got.json);
    CHECK_INT(operands.n, 2);
    CHECK(PARSE(true, &code, "-")); /* The usual name of stdin is an operand. */
    CHECK_INT(operands.n, 1);
}

static void a_wrong_option_is_named_with_the_nearest_one(void)
{
    int code = -1;
    CHECK(!PARSE(true, &code, "--jsno"));
    CHECK_INT(code, EXIT_USAGE);
    CHECK(strstr(said, "unknown option --jsno; is --json meant?") != NULL);
    CHECK(!PARSE(true, &code, "--completely-else=3"));
    CHECK_INT(code, EXIT_USAGE);
    CHECK(strstr(said, "unknown option --completely-else\n") != NULL);
}

static void values_are_checked_by_their_option(void)
{
    int code = -1;
    static const char *const wrong[] = {"0", "101", "", "7x", "x", "99999999999999999999"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        CHECK(!PARSE(true, &code, "--limit", (char *)wrong[i]));
        CHECK_INT(code, EXIT_USAGE);
        CHECK(strstr(said, "--limit wants a whole number from 1 to 100") != NULL);
    }
    CHECK(!PARSE(true, &code, "--speed", "nan"));
    CHECK(!PARSE(true, &code, "--speed", "11"));
    CHECK(!PARSE(true, &code, "--data"));
    CHECK(strstr(said, "--data wants a value: --data DIR") != NULL);
    CHECK(!PARSE(true, &code, "--data", "--json")); /* A forgotten value, not a folder of that name. */
    CHECK(PARSE(true, &code, "--data=--json"));
    CHECK_STR(str_of(got.dir), STR("--json"));
    CHECK(!PARSE(true, &code, "--json=yes"));
    CHECK(strstr(said, "--json takes no value") != NULL);
}

static void a_command_without_operands_refuses_them(void)
{
    int code = -1;
    CHECK(!PARSE(false, &code, "file"));
    CHECK_INT(code, EXIT_USAGE);
    CHECK(strstr(said, "\"file\"") != NULL);
}

static void help_shows_examples_before_options(void)
{
    int code = -1;
    const char *example, *option;
    CHECK(!PARSE(false, &code, "--help"));
    CHECK_INT(code, EXIT_YES);
    example = strstr(said, "  clearline try --json");
    option = strstr(said, "--limit N");
    CHECK(example && option && example < option);
}

static void too_many_repetitions_are_refused(void)
{
    char *words[2 * ARG_TEXTS_MAX + 4] = {"try"};
    int code = -1;
    for (int i = 0; i < ARG_TEXTS_MAX + 1; i++) words[1 + i] = "--key=k";
    CHECK(!parse_with(false, &code, words));
    CHECK_INT(code, EXIT_USAGE);
    words[1 + ARG_TEXTS_MAX] = NULL;
    CHECK(parse_with(false, &code, words));
    CHECK_INT(got.keys.n, ARG_TEXTS_MAX);
}

static void the_nearest_word_forgives_typing_errors_only(void)
{
    static const char *const names[] = {"serve", "token", "replay", "bench"};
    const char *longest = "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz";
    CHECK_STR(str_of(args_nearest("sevre", names, 4)), STR("serve"));
    CHECK_STR(str_of(args_nearest("tokn", names, 4)), STR("token"));
    CHECK_STR(str_of(args_nearest("rpelay", names, 4)), STR("replay"));
    CHECK(args_nearest("council", names, 4) == NULL);
    CHECK(args_nearest(longest, names, 4) == NULL);
    CHECK(args_nearest("", names, 4) == NULL);
}

static void every_error_has_an_exit_code(void)
{
    CHECK_INT(exit_of(OK), 0);
    CHECK_INT(exit_of(ERR_INPUT), 2);
    CHECK_INT(exit_of(ERR_RIGHTS), 4);
    CHECK_INT(exit_of(ERR_CONFLICT), 5);
    CHECK_INT(exit_of(ERR_NET), 3);
    CHECK_INT(exit_of(ERR_CORRUPT), 1);
}

int main(void)
{
    RUN(options_of_every_kind_are_read);
    RUN(two_dashes_end_the_options);
    RUN(a_wrong_option_is_named_with_the_nearest_one);
    RUN(values_are_checked_by_their_option);
    RUN(a_command_without_operands_refuses_them);
    RUN(help_shows_examples_before_options);
    RUN(too_many_repetitions_are_refused);
    RUN(the_nearest_word_forgives_typing_errors_only);
    RUN(every_error_has_an_exit_code);
    return t_done();
}
