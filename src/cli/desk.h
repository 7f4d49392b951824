/* desk.h - where an operator's commands ask a node: its URL, the token to show, answers as JSON.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A token is read from a file, or minted for the occasion with the operator's secret key. With a node's data folder named
 * instead, its development key is that key.
 */
#ifndef CLI_DESK_H
#define CLI_DESK_H

#include "base/buf.h"
#include "base/err.h"
#include "http/client.h"
#include "http/json.h"

#define DESK_URL "http://127.0.0.1:8082"

struct desk_options { /* Of the command line; borrowed. */
    const char *url, *key, *token_file, *audience, *data, *ca_file;
};
#define DESK_DEFAULTS {.url = DESK_URL, .audience = "localhost"}
/* What every such command takes, for its table of options. */
#define DESK_ARGS(o)                                                                                                     \
    {"--url", "URL", "the node to ask (" DESK_URL ")", ARG_TEXT, &(o).url, 0, 0},                                        \
    {"--key", "PEM", "the operator's secret key: mints a token", ARG_TEXT, &(o).key, 0, 0},                              \
    {"--token-file", "FILE", "a token to show instead", ARG_TEXT, &(o).token_file, 0, 0},                                \
    {"--audience", "HOST", "the node's audience (localhost)", ARG_TEXT, &(o).audience, 0, 0},                            \
    {"--data", "DIR", "on the node's machine: use the development key of its folder", ARG_TEXT, &(o).data, 0, 0},        \
    {"--ca", "FILE", "CA certificates to believe instead of the system's", ARG_TEXT, &(o).ca_file, 0, 0}

struct desk {
    struct buf url, authorization;
    struct http_client *client;
    struct json_parser *parser;
    int status;
    struct buf body; /* The last answer. */
};

/* Appends the token that the options name. ERR_INPUT if not just one of them does. */
CHECKED enum err desk_token(const struct desk_options *o, struct buf *ret, struct why *why);

/* ERR_INPUT for options that do not go together, a file that cannot be read. */
CHECKED enum err desk_open(const struct desk_options *o, struct desk *ret, struct why *why);
void desk_done(struct desk *d); /* NULL is fine. */

/* Asks; a status other than 200 is an error with the node's own words: ERR_RIGHTS, ERR_CONFLICT, ERR_UNAVAILABLE and so on. The
 * answer is the desk's until the next call. body empty: GET. */
CHECKED enum err desk_ask(struct desk *d, const char *path, struct str body, struct json_node *ret, struct why *why);

/* A text member of an answer; empty if it is none. */
struct str desk_text(struct json_node object, const char *name);
int64_t desk_number(struct json_node object, const char *name); /* 0 if it is none. */
bool desk_flag(struct json_node object, const char *name);

#endif
