/* two_faced.c - a member's node that signs two contradicting heads: what the others must find out.
 * SPDX-License-Identifier: Apache-2.0
 *
 *     two_faced DIR LISTEN VICTIM
 *         two_faced lab/cleo 127.0.0.1:4001 0123456789abcdef
 *
 * Has the keys of the node in DIR, which does not run, and takes its place where its peers reach it. Whoever posts a note gets the
 * node's signature under that head; but VICTIM, an author's id, gets it once, and from then on a note of the same size with another root,
 * signed as well. Prints "listening", and ends with its standard input.
 */
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "base/b64.h"
#include "base/hex.h"
#include "base/mem.h"
#include "http/server.h"
#include "node/exchange.h"
#include "node/keys.h"
#include "node/node.h"
#include "proof/checkpoint.h"

struct two_faced {
    struct keys keys;
    char author[17];
    struct str victim;
    atomic_uint n_honest; /* Answers to the victim. */
};

/* Both lines of the node over a head. */
static void sign(const struct two_faced *t, const struct checkpoint *head, struct buf *ret)
{
    AUTO(buf_done) struct buf text = {0}, mirror = {0};

    checkpoint_add(&text, head);
    buf_addf(&mirror, "%.*s/%s", STR_ARG(head->origin), t->author);
    note_sign(ret, buf_str(&text), head->origin, &t->keys.log);
    note_cosign(ret, buf_str(&text), buf_str(&mirror), &t->keys.mirror, (uint64_t)(node_now_us() / 1000000));
}

static void respond(struct http_request *r, int status, struct buf *body)
{
    struct http_response response = {.status = status, .content_type = STR(EXCHANGE_TYPE), .body = *body};
    http_respond(r, &response);
}

/* The claims of the caller's token name it; who it really is does not matter here. */
static bool is_victim(const struct two_faced *t, struct str authorization)
{
    AUTO(buf_done) struct buf claims = {0}, iss = {0};

    (void)str_cut(&authorization, '.');
    buf_addf(&iss, "\"iss\":\"%.*s\"", STR_ARG(t->victim));
    return b64_decode(B64_URL, str_cut(&authorization, '.'), &claims) && memmem(claims.at, claims.n, iss.at, iss.n) != NULL;
}

static void answer(struct http_request *r, void *context)
{
    struct two_faced *t = context;
    AUTO(mem_auto) struct note *note = mem_alloc(sizeof *note);
    struct checkpoint head;
    struct buf body = {0};

    if (!str_equal(r->path, STR(EXCHANGE_ROUND)) || note_parse(r->body, note, NULL) != OK ||
        checkpoint_parse(note->text, &head, NULL) != OK) {
        respond(r, 404, &body);
        return;
    }
    bool lies = is_victim(t, r->authorization) && atomic_fetch_add(&t->n_honest, 1) > 0;
    if (lies) {
        AUTO(buf_done) struct buf text = {0};
        head.root.b[0] ^= 1;
        checkpoint_add(&text, &head);
        note_begin(&body, buf_str(&text));
    }
    sign(t, &head, &body);
    respond(r, lies ? 409 : 200, &body);
}

int main(int argc, char **argv)
{
    static struct two_faced t;
    struct http_server *server;
    struct why why = {0};
    char byte;

    if (argc != 4) return 2;
    t.victim = str_of(argv[3]);
    if (keys_open_member(&t.keys, argv[1], &why) != OK) {
        (void)fprintf(stderr, "%s\n", why.text);
        return 1;
    }
    struct hash id = hash_of(str_make(t.keys.entry.public.b, sizeof t.keys.entry.public.b));
    hex_encode(id.b, 8, t.author);
    struct http_options options = {.address = str_of(argv[2]), .n_threads = 1, .handler = answer, .context = &t};
    if (http_server_start(&options, &server, &why) != OK) {
        (void)fprintf(stderr, "%s\n", why.text);
        return 1;
    }
    (void)printf("listening\n");
    (void)fflush(stdout);
    while (read(STDIN_FILENO, &byte, 1) > 0) {}
    http_server_stop(server, 1000);
    keys_done(&t.keys);
    return 0;
}
