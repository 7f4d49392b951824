/* cmd.h - the subcommands of the program, one function each.
 * SPDX-License-Identifier: Apache-2.0
 *
 * argv[0] is the subcommand's name. The result is the program's exit code (enum exit_code in cli/args.h). Data goes to
 * stdout, talk to stderr; nothing asks back. main.c holds the table; cmd_<name>.c the function.
 */
#ifndef CLI_CMD_H
#define CLI_CMD_H

#define CLEARLINE_VERSION "0.1.0"

int cmd_bench(int argc, char **argv);
int cmd_demo(int argc, char **argv);
int cmd_doctor(int argc, char **argv);
int cmd_epoch(int argc, char **argv);
int cmd_init(int argc, char **argv);
int cmd_line(int argc, char **argv);
int cmd_log(int argc, char **argv);
int cmd_member(int argc, char **argv);
int cmd_participant(int argc, char **argv);
int cmd_replay(int argc, char **argv);
int cmd_serve(int argc, char **argv);
int cmd_status(int argc, char **argv);
int cmd_token(int argc, char **argv);

#endif
