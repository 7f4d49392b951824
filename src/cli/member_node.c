/* member_node.c - nodes of a member: joined, ended, given new keys and addresses by its root key.
 * SPDX-License-Identifier: Apache-2.0
 *
 * New keys for a node, step by step, so that what is cut off can be run again:
 *
 *     DIR/next/keys made -> one entry: the old node ends, the new one joins -> DIR/keys becomes DIR/keys.<author>
 *                                                                            -> DIR/next/keys becomes DIR/keys -> restart
 *
 * A node that goes back to the majority's branch (--abandon) does the same while it does not run: the entry names the head that the old
 * keys signed last, and the old branch is set aside (abandon.h) before the keys are changed.
 */
#include "cli/member_node.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "base/hex.h"
#include "base/json.h"
#include "base/limits.h"
#include "cli/abandon.h"
#include "cli/card.h"
#include "cli/file.h"
#include "cli/root_desk.h"
#include "node/keys.h"

struct nodes {
    struct root_options o;
    const char *dir; /* The node's data folder. */
    const char *reason;
    bool abandons;
    struct arg_texts urls;
};

static enum err take_urls(const struct arg_texts *urls, struct str ret[LIMIT_ADDRESSES], struct why *why)
{
    if (urls->n > LIMIT_ADDRESSES) return fail(why, ERR_INPUT, "a node has at most %d addresses", LIMIT_ADDRESSES);
    for (size_t i = 0; i < urls->n; i++) {
        ret[i] = str_of(urls->at[i]);
        TRY(card_check_url(ret[i], why));
    }
    return OK;
}

/* Adds what makes the keys a node: its join, and its addresses if there are any. */
static size_t add_join(const struct root_desk *d, const struct keys *keys, const struct str *urls, size_t n_urls, struct change *ret)
{
    size_t n = 0;

    ret[n++] = keys_join(keys, buf_str(&d->member), &d->genesis);
    if (n_urls) {
        ret[n] = (struct change){.kind = CHANGE_ADDRESSES, .addresses = urls, .n_addresses = n_urls};
        root_entry_author(&keys->entry.public, ret[n++].node);
    }
    return n;
}

static void print_node(const struct nodes *n, const char *what, const uint8_t author[8])
{
    AUTO(buf_done) struct buf id = {0};

    hex_add(&id, author, 8);
    if (n->o.json) printf("{\"node\":\"%.*s\",\"done\":\"%s\"}\n", STR_ARG(buf_str(&id)), what);
    else printf("node %.*s %s\n", STR_ARG(buf_str(&id)), what);
}

/* --- join ------------------------------------------------------------------------------------- */

static enum err join(struct nodes *n, struct why *why)
{
    AUTO(buf_done) struct buf folder = {0};
    struct str urls[LIMIT_ADDRESSES];
    struct change changes[2];
    struct root_desk desk = {0};
    struct keys keys = {0};
    struct hash entry;
    uint8_t author[8];

    TRY(take_urls(&n->urls, urls, why));
    TRY(file_make_folder(n->dir, why));
    buf_addf(&folder, "%s/keys", n->dir);
    if (!file_exists(buf_z(&folder))) TRY(keys_make_node(n->dir, why));
    enum err e = keys_open_member(&keys, n->dir, why);
    if (e == OK) e = root_desk_open(&n->o, &desk, why);
    if (e == OK) e = root_desk_sign(&desk, changes, add_join(&desk, &keys, urls, n->urls.n, changes), &entry, why);
    if (e == OK) {
        root_entry_author(&keys.entry.public, author);
        print_node(n, n->o.out ? "may join by the entry written" : "has joined", author);
    }
    root_desk_done(&desk);
    keys_done(&keys);
    return e;
}

int member_join_run(int argc, char **argv)
{
    struct nodes n = {.o = {.desk = DESK_DEFAULTS}};
    const struct arg options[] = {
        {"--node", "DIR", "the joining node's data folder; keys are made there if there are none", ARG_TEXT, &n.dir, 0, 0},
        {"--peer-url", "URL", "where the others' nodes will reach it", ARG_TEXTS, &n.urls, 0, 0},
        ROOT_ARGS(n.o),
        DESK_ARGS(n.o.desk),
    };
    const struct args args = {.command = "member join",
                              .summary = "let a node join for the member: the first one of an admitted member, or another one",
                              .examples = "  clearline member join --node west-data --root west-data/keys/root.key --url https://north.example --key operator.pem\n"
                                          "  clearline member join --node second --root north.root.key --place place.json --out second/join.entry\n",
                              ARGS(options)};
    struct why why = {0};
    int code;

    if (!args_parse(&args, argc, argv, &code)) return code;
    if (!n.dir) return args_wrong(&args, "--node is needed");
    enum err e = join(&n, &why);
    return e == OK ? EXIT_YES : args_fail(&args, e, &why);
}

/* --- rotate-key ------------------------------------------------------------------------------- */

struct rotation {
    char keys[PATH_MAX], next[PATH_MAX], next_keys[PATH_MAX], kept[PATH_MAX];
    struct keys old, fresh;
    uint8_t old_id[8], fresh_id[8];
    struct abandon branch; /* With --abandon. */
};

static enum err name_paths(struct rotation *r, const char *dir, struct why *why)
{
    if (snprintf(r->keys, sizeof r->keys, "%s/keys", dir) >= PATH_MAX - 64) return fail(why, ERR_INPUT, "--node: the path is too long");
    (void)snprintf(r->next, sizeof r->next, "%s/next", dir);
    (void)snprintf(r->next_keys, sizeof r->next_keys, "%s/next/keys", dir);
    return OK;
}

static enum err rename_one(const char *from, const char *to, struct why *why)
{
    if (rename(from, to) == 0) return OK;
    return fail(why, ERR_DISK, "%s cannot become %s: %s", from, to, strerror(errno));
}

/* The new keys take the old ones' place; a root key that lay there stays where the node would look. */
static enum err swap(struct rotation *r, struct why *why)
{
    char from[PATH_MAX + 16], to[PATH_MAX + 16];

    if (file_exists(r->keys)) {
        (void)snprintf(from, sizeof from, "%s/root.key", r->keys);
        (void)snprintf(to, sizeof to, "%s/root.key", r->next_keys);
        if (file_exists(from)) TRY(rename_one(from, to, why));
        TRY(rename_one(r->keys, r->kept, why));
    }
    TRY(rename_one(r->next_keys, r->keys, why));
    (void)rmdir(r->next);
    return OK;
}

static enum err open_rotation(struct rotation *r, const char *dir, bool abandons, struct why *why)
{
    char hex[17] = {0};

    TRY(name_paths(r, dir, why));
    TRY(keys_open_member(&r->old, dir, why));
    root_entry_author(&r->old.entry.public, r->old_id);
    hex_encode(r->old_id, 8, hex);
    (void)snprintf(r->kept, sizeof r->kept, "%.*s.%s", PATH_MAX - 32, r->keys, hex);
    TRY(file_make_folder(r->next, why));
    if (!file_exists(r->next_keys)) TRY(keys_make_node(r->next, why));
    TRY(keys_open_member(&r->fresh, r->next, why));
    root_entry_author(&r->fresh.entry.public, r->fresh_id);
    return abandons ? abandon_open(&r->branch, dir, r->old_id, why) : OK;
}

/* Whether the journal has the new keys already: an earlier run came that far. */
static bool is_known(struct root_desk *d, const uint8_t author[8])
{
    struct json_node v;
    return d->has_desk && root_desk_ask_place(&d->desk, author, &v, NULL) == OK && desk_flag(v, "may_write");
}

static enum err sign_rotation(const struct nodes *n, struct rotation *r, struct root_desk *d, struct why *why)
{
    struct str urls[LIMIT_ADDRESSES];
    struct change changes[3] = {{.kind = CHANGE_NODE_END, .text = str_of(n->reason)}};
    struct hash entry;

    TRY(take_urls(&n->urls, urls, why));
    memcpy(changes[0].node, r->old_id, sizeof r->old_id);
    if (r->branch.has_head) {
        changes[0].has_head = true;
        changes[0].head_size = r->branch.size;
        changes[0].head_root = r->branch.root;
    }
    return root_desk_sign(d, changes, 1 + add_join(d, &r->fresh, urls, n->urls.n, changes + 1), &entry, why);
}

static void print_next_steps(const struct nodes *n, const struct rotation *r)
{
    if (n->o.out && n->abandons) {
        (void)fprintf(stderr, "once it is handed in: move journal.db*, heads, snapshot-*, refused, unclear, audit and epoch* of %s to %s\n", n->dir,
                      r->branch.to);
    }
    if (n->o.out) {
        (void)fprintf(stderr, "once it is handed in: stop the node, rename %s to %s and %s to %s, start it\n", r->keys, r->kept,
                      r->next_keys, r->keys);
    } else if (n->abandons) {
        (void)fprintf(stderr, "start the node now with the majority's etcd and --peer URL: its old branch is kept in %s, its old keys in %s\n",
                      r->branch.to, r->kept);
    } else {
        (void)fprintf(stderr, "restart the node now: its old keys, kept in %s, write nothing any more\n", r->kept);
    }
}

static enum err rotate(struct nodes *n, struct why *why)
{
    struct rotation *r = mem_zalloc(sizeof *r);
    struct root_desk desk = {0};

    enum err e = open_rotation(r, n->dir, n->abandons, why);
    if (e == OK) e = root_desk_open(&n->o, &desk, why);
    if (e == OK && !is_known(&desk, r->fresh_id)) e = sign_rotation(n, r, &desk, why);
    if (e == OK && n->abandons && !n->o.out) e = abandon_set_aside(&r->branch, why);
    if (e == OK && !n->o.out) e = swap(r, why);
    if (e == OK) {
        print_node(n, n->o.out ? "gets new keys by the entry written" : "has new keys", r->fresh_id);
        print_next_steps(n, r);
    }
    root_desk_done(&desk);
    abandon_done(&r->branch);
    keys_done(&r->old);
    keys_done(&r->fresh);
    mem_free(r);
    return e;
}

int member_rotate_run(int argc, char **argv)
{
    struct nodes n = {.o = {.desk = DESK_DEFAULTS}};
    const struct arg options[] = {
        {"--node", "DIR", "the node's data folder: its keys are replaced there", ARG_TEXT, &n.dir, 0, 0},
        {"--peer-url", "URL", "where the others' nodes reach it; to be said again", ARG_TEXTS, &n.urls, 0, 0},
        {"--reason", "TEXT", "why; all members will read it", ARG_TEXT, &n.reason, 0, 0},
        {"--abandon", NULL, "give up this node's branch for the majority's: it does not run, its last head is named", ARG_FLAG, &n.abandons, 0, 0},
        ROOT_ARGS(n.o),
        DESK_ARGS(n.o.desk),
    };
    const struct args args = {.command = "member rotate-key",
                              .summary = "give a node new keys: one signed entry ends the old ones and joins the new ones",
                              .examples = "  clearline member rotate-key --node node1 --root north.root.key --data node1 --reason \"yearly\"\n"
                                          "  clearline member rotate-key --node node1 --abandon --root north.root.key --url https://south.example --key operator.pem\n",
                              ARGS(options)};
    struct why why = {0};
    int code;

    if (!args_parse(&args, argc, argv, &code)) return code;
    if (!n.dir) return args_wrong(&args, "--node is needed");
    enum err e = rotate(&n, &why);
    return e == OK ? EXIT_YES : args_fail(&args, e, &why);
}

/* --- end-node, address ------------------------------------------------------------------------ */

static enum err read_author(const struct arg_texts *words, uint8_t ret[8], struct why *why)
{
    if (words->n >= 1 && hex_decode(str_of(words->at[0]), 8, ret)) return OK;
    return fail(why, ERR_INPUT, "wants the node's author id, 16 hex digits: clearline status --json tells it");
}

static enum err sign_one(const struct nodes *n, struct change *change, const char *what, struct why *why)
{
    struct root_desk desk = {0};
    struct hash entry;

    TRY(root_desk_open(&n->o, &desk, why));
    enum err e = root_desk_sign(&desk, change, 1, &entry, why);
    if (e == OK) print_node(n, n->o.out ? "is spoken of in the entry written" : what, change->node);
    root_desk_done(&desk);
    return e;
}

/* "SIZE:HEX" */
static enum err read_head(const char *text, struct change *c, struct why *why)
{
    struct str rest = str_of(text), size = str_cut(&rest, ':');

    if (!text) return OK;
    c->has_head = true;
    if (!str_to_u64(size, INT64_MAX, &c->head_size) || !hex_decode(rest, sizeof c->head_root.b, c->head_root.b))
        return fail(why, ERR_INPUT, "--head wants SIZE:ROOT, the root as 64 hex digits");
    return OK;
}

int member_end_run(int argc, char **argv)
{
    struct nodes n = {.o = {.desk = DESK_DEFAULTS}};
    struct arg_texts words = {0};
    const char *head = NULL;
    const struct arg options[] = {
        {"--reason", "TEXT", "why; all members will read it", ARG_TEXT, &n.reason, 0, 0},
        {"--head", "SIZE:ROOT", "the tree head that it signed last, if its branch was abandoned", ARG_TEXT, &head, 0, 0},
        ROOT_ARGS(n.o),
        DESK_ARGS(n.o.desk),
    };
    const struct args args = {.command = "member end-node",
                              .summary = "end the keys of a node of the member, for good: its machine is lost",
                              .examples = "  clearline member end-node 0123456789abcdef --reason \"machine lost\" --root north.root.key --data node2\n",
                              .operands = "AUTHOR",
                              .ret_operands = &words,
                              ARGS(options)};
    struct change change = {.kind = CHANGE_NODE_END};
    struct why why = {0};
    int code;

    if (!args_parse(&args, argc, argv, &code)) return code;
    change.text = str_of(n.reason);
    enum err e = read_author(&words, change.node, &why);
    if (e == OK) e = read_head(head, &change, &why);
    if (e == OK) e = sign_one(&n, &change, "has ended", &why);
    return e == OK ? EXIT_YES : args_fail(&args, e, &why);
}

int member_address_run(int argc, char **argv)
{
    struct nodes n = {.o = {.desk = DESK_DEFAULTS}};
    struct arg_texts words = {0};
    struct str urls[LIMIT_ADDRESSES];
    const struct arg options[] = {
        {"--peer-url", "URL", "where the others' nodes reach it, the first choice first; none: nowhere", ARG_TEXTS, &n.urls, 0, 0},
        ROOT_ARGS(n.o),
        DESK_ARGS(n.o.desk),
    };
    const struct args args = {.command = "member address",
                              .summary = "tell the others where a node of the member is reached",
                              .examples = "  clearline member address 0123456789abcdef --peer-url https://north.example:8443 --root north.root.key --data node1\n",
                              .operands = "AUTHOR",
                              .ret_operands = &words,
                              ARGS(options)};
    struct change change = {.kind = CHANGE_ADDRESSES, .addresses = urls};
    struct why why = {0};
    int code;

    if (!args_parse(&args, argc, argv, &code)) return code;
    change.n_addresses = n.urls.n;
    enum err e = read_author(&words, change.node, &why);
    if (e == OK) e = take_urls(&n.urls, urls, &why);
    if (e == OK) e = sign_one(&n, &change, "has its addresses", &why);
    return e == OK ? EXIT_YES : args_fail(&args, e, &why);
}
