/* joining.c - how a node of a network of several members becomes one of its authors.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Its member's root key says so, in an entry of its own (decision C1): taken from DIR/join.entry, which was signed where that key
 * is, or made here if DIR/keys/root.key is there. Until the network knows the member, it waits.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "node/shared.h"
#include "state/epoch.h"
#include "state/member.h"

static enum err differs(const struct node *n, const char *name, struct why *why)
{
    return fail(why, ERR_CORRUPT, "%s/keys/%s.key is not the one this node joined with: restore it", n->dir ? n->dir : "", name);
}

enum err joining_check(struct node *n, struct why *why)
{
    const struct view *v = state_view(n->state);
    struct key_public entry, log, mirror, http;
    struct member_node node;
    bool is_joined = state_author_key(v, n->author, &entry) && state_author_log_keys(v, n->author, &log, &mirror);

    if (!is_joined && view_node(v, n->author, &node)) {
        return fail(why, ERR_STATE, "this node's keys were ended by its member's root key, or its member was expelled, at entry %llu",
                    (unsigned long long)node.ended_at);
    }
    if (!is_joined || atomic_load(&n->shared->is_joined)) return OK;
    if (memcmp(log.b, n->keys.log.public.b, sizeof log.b) != 0) return differs(n, "log", why);
    if (memcmp(mirror.b, n->keys.mirror.public.b, sizeof mirror.b) != 0) return differs(n, "mirror", why);
    if (state_author_http_key(v, n->author, &http) && memcmp(http.b, n->keys.http.public.b, sizeof http.b) != 0)
        return differs(n, "http", why);
    const struct member *m = view_member_of_author(v, n->author);
    struct str said = buf_str(&n->shared->member);
    if (said.n && m && !str_equal(m->name, said)) {
        return fail(why, ERR_INPUT, "--member %.*s: this node's keys are those of member %.*s", STR_ARG(said), STR_ARG(m->name));
    }
    atomic_store(&n->shared->is_joined, true);
    if (n->shared->join_at_us) (void)fprintf(stderr, "joined the network\n"); /* Not at each start, and whether its answer came or not. */
    return OK;
}

/* Says once what a join waits for. */
static void say_waiting(struct node *n, const char *what)
{
    AUTO(buf_done) struct buf names = {0};
    const struct view *v = state_view(n->state);

    if (n->shared->said_waiting) return;
    n->shared->said_waiting = true;
    for (uint32_t no = 0; no < view_n_members(v); no++)
        buf_addf(&names, "%s%.*s", no ? ", " : "", STR_ARG(view_member(v, no)->name));
    (void)fprintf(stderr, "WAITING to join: %s; members so far: %.*s\n", what, STR_ARG(buf_str(&names)));
}

static enum err make_entry(struct node *n, struct buf *ret, struct why *why)
{
    const struct view *v = state_view(n->state);
    buf_clear(ret);
    struct hash id = hash_of(str_make(n->keys.root.public.b, sizeof n->keys.root.public.b));
    struct change join;
    struct entry e = {.epoch = view_epoch(v), .changes = &join, .n_changes = 1, .seen_size = tree_size(n->tree),
                      .seen_root = tree_root(n->tree)};
    const struct member *m = view_member_of_author(v, id.b);

    if (!m) return fail(why, ERR_NOT_FOUND, "no member has the root key of DIR/keys/root.key");
    join = keys_join(&n->keys, m->name, &n->genesis_hash);
    memcpy(e.author, id.b, sizeof e.author);
    must(state_author_next(v, e.author, &e.slot, &e.previous, &e.time_ms));
    if (node_wall_us(n) / 1000 > e.time_ms) e.time_ms = node_wall_us(n) / 1000;
    entry_encode(&e, buf_str(&n->origin), &n->keys.root, ret);
    return OK;
}

static enum err read_entry(const struct node *n, struct buf *ret, struct why *why)
{
    char path[PATH_MAX], piece[4096];
    size_t got;
    FILE *file;

    if (snprintf(path, sizeof path, "%s/join.entry", n->dir) >= (int)sizeof path) return fail(why, ERR_INPUT, "the data folder's path is too long");
    file = fopen(path, "rb");
    if (!file && errno == ENOENT)
        return fail(why, ERR_NOT_FOUND, "neither %s/keys/root.key nor %s is there: clearline init makes them", n->dir, path);
    if (!file) return fail(why, ERR_DISK, "%s: %s", path, strerror(errno));
    while ((got = fread(piece, 1, sizeof piece, file)) > 0 && ret->n <= LIMIT_ENTRY_BYTES) buf_add(ret, piece, got);
    (void)fclose(file);
    return OK;
}

static struct passing *bytes_of(struct passing *p, const struct buf *bytes)
{
    p->bytes = buf_str(bytes);
    return p;
}

void joining_try(struct node *n)
{
    AUTO(buf_done) struct buf bytes = {0};
    struct passing p = {.err = OK};

    if (atomic_load(&n->shared->is_joined) || !atomic_load(&n->takes_writes)) return;
    if (node_steady_us(n) < n->shared->join_at_us) return;
    n->shared->join_at_us = node_steady_us(n) + SHARED_JOIN_US;

    p.err = n->dir ? read_entry(n, &bytes, &p.why) : ERR_NOT_FOUND;
    if (p.err == OK) pass_one(n, bytes_of(&p, &bytes));
    if (!atomic_load(&n->shared->is_joined) && n->keys.has_root && p.err != ERR_UNAVAILABLE) { /* No file, or an old one. */
        p.err = make_entry(n, &bytes, &p.why);
        if (p.err == OK) pass_one(n, bytes_of(&p, &bytes));
    }
    if (atomic_load(&n->shared->is_joined)) return;
    if (p.err == OK) say_waiting(n, "the join was refused");
    else say_waiting(n, p.why.text[0] ? p.why.text : err_text(p.err));
}
