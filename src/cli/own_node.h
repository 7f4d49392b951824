/* own_node.h - a node for a demonstration: a child process with a folder that goes away with it.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The child is this same program as `clearline serve` on a free port of 127.0.0.1, in a new folder under $TMPDIR, with a key
 * for tokens made for it. It ends with its parent, whatever becomes of that.
 */
#ifndef CLI_OWN_NODE_H
#define CLI_OWN_NODE_H

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"

#define OWN_NODE_AUDIENCE "localhost"

struct own_node { /* All bits zero: none. */
    pid_t pid;
    int said_fd;          /* What the child writes to stderr. */
    char url[128];        /* "http://127.0.0.1:40213" */
    char dir[PATH_MAX];
    char key_path[PATH_MAX]; /* PEM, secret: signs tokens that it accepts. */
};

/* Starts the child and waits until it listens, up to 30 s. ERR_UNAVAILABLE with its last words. From here until
 * own_node_stop(), SIGINT and SIGTERM are noted instead of ending the process. */
CHECKED enum err own_node_start(struct own_node *ret, struct why *why);
void own_node_stop(struct own_node *n); /* Ends the child and removes the folder. NULL is fine. */

/* Starts a child in no folder of its own: words are its command line, "clearline" first, or another program's, found on PATH. Waits for
 * the line that says where it listens, unless awaited is NULL, and for one that begins with awaited, up to 30 s. What a child without an
 * awaited line says goes to the file log. Signals are as they were. */
CHECKED enum err own_node_spawn(struct own_node *ret, const char *const *words, const char *awaited, const char *log, struct why *why);

/* Notes SIGINT and SIGTERM instead of ending the process, or no longer. */
void own_node_catch_signals(bool on);

/* Whether somebody asked to stop. */
bool own_node_is_interrupted(void);

/* Makes a new folder under $TMPDIR, and removes such a one with all in it. */
CHECKED enum err own_node_make_folder(char ret[PATH_MAX], struct why *why);
void own_node_remove_folder(const char *dir);

#endif
