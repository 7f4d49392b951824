/* main.c - the table of subcommands, and help.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "cli/args.h"
#include "cli/cmd.h"


/* Examples and options stand with each function, and are what `clearline NAME --help` prints. */
static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *summary;
} commands[] = {
    {"demo", cmd_demo, "three parties plan, meet a conflict and solve it, in ten seconds"},
    {"serve", cmd_serve, "run a node"},
    {"epoch", cmd_epoch, "go on after etcd lost data"},
    {"init", cmd_init, "found a network of several members"},
    {"status", cmd_status, "a node, its network and its members"},
    {"line", cmd_line, "suspend and resume the line, and its history"},
    {"member", cmd_member, "members: admit, expel, keys and nodes"},
    {"participant", cmd_participant, "USSs, and which members speak for them"},
    {"token", cmd_token, "mint a token for trying things out"},
    {"replay", cmd_replay, "plan the flights of a file through a node: GeoJSON, KML, ADS-B samples"},
    {"log", cmd_log, "read the journal, and check it"},
    {"doctor", cmd_doctor, "say what is wrong with a node's surroundings, and how to mend it"},
    {"bench", cmd_bench, "what this machine's disk and processor give a node"},
};
#define N_COMMANDS (sizeof commands / sizeof commands[0])

static void print_commands(FILE *to)
{
    (void)fputs("  clearline demo                     see it work\n"
                "  clearline serve --data node1       run a node on 127.0.0.1\n"
                "  clearline help replay              examples and options of one command\n"
                "\n"
                "clearline COMMAND [OPTION...]\n\n",
                to);
    for (size_t i = 0; i < N_COMMANDS; i++)
        (void)fprintf(to, "  %-11s %s\n", commands[i].name, commands[i].summary);
    (void)fputs("\nExit codes: 0 yes, 1 no, 2 wrong command line, 3 cannot tell, 4 not allowed, 5 lost a race\n", to);
}

/* Commands whose name or summary contains the word; how many there were. */
static size_t print_matches(const char *word)
{
    size_t n = 0;
    for (size_t i = 0; i < N_COMMANDS; i++) {
        if (!strcasestr(commands[i].name, word) && !strcasestr(commands[i].summary, word)) continue;
        printf("  %-11s %s\n", commands[i].name, commands[i].summary);
        n++;
    }
    return n;
}

static int unknown(const char *word)
{
    const char *names[N_COMMANDS];
    const char *nearest;

    for (size_t i = 0; i < N_COMMANDS; i++) names[i] = commands[i].name;
    nearest = args_nearest(word, names, N_COMMANDS);
    (void)fprintf(stderr, "clearline: there is no command \"%s\"", word);
    if (nearest) (void)fprintf(stderr, "; is %s meant?", nearest);
    (void)fputs("\nclearline help lists them\n", stderr);
    return EXIT_USAGE;
}

static int run(int argc, char **argv)
{
    for (size_t i = 0; i < N_COMMANDS; i++) {
        if (strcmp(argv[0], commands[i].name) == 0) return commands[i].run(argc, argv);
    }
    return unknown(argv[0]);
}

static int help(int argc, char **argv)
{
    char option[] = "--help";
    char *words[] = {NULL, option, NULL};

    if (argc < 2) {
        print_commands(stdout);
        return EXIT_YES;
    }
    for (size_t i = 0; i < N_COMMANDS; i++) {
        if (strcmp(argv[1], commands[i].name) != 0) continue;
        words[0] = argv[1];
        return commands[i].run(2, words);
    }
    return print_matches(argv[1]) ? EXIT_YES : unknown(argv[1]);
}

int main(int argc, char **argv)
{
    int code;

    (void)signal(SIGPIPE, SIG_IGN); /* A peer or a pipe that went away is an error of the write. */
    if (argc < 2) {
        print_commands(stderr);
        return EXIT_USAGE;
    }
    if (strcmp(argv[1], "help") == 0 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        code = help(argc - 1, argv + 1);
    } else if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "version") == 0) {
        printf("clearline %s\n", CLEARLINE_VERSION);
        code = EXIT_YES;
    } else {
        code = run(argc - 1, argv + 1);
    }
    /* What was printed counts only once it is written. */
    if (fflush(stdout) != 0 && code == EXIT_YES) code = EXIT_CANNOT_TELL;
    return code;
}
