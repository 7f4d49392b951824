/* epoch.c - a node goes on in a new epoch, by the statement in DIR/epoch (decision B6).
 * SPDX-License-Identifier: Apache-2.0
 *
 * `clearline epoch open` puts the file there. The journal must end just where the statement says, with the root it says; then the engine
 * begins the epoch, and this node's first entry in it is the statement, unless another's was there before.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>

#include "node/shared.h"
#include "state/epoch.h"

static enum err read_file(const struct node *n, struct buf *ret, char path[PATH_MAX], struct why *why)
{
    char piece[4096];
    size_t got;
    FILE *file;

    if (!n->dir) return ERR_NOT_FOUND;
    if (snprintf(path, PATH_MAX, "%s/epoch", n->dir) >= PATH_MAX) return fail(why, ERR_INPUT, "the data folder's path is too long");
    file = fopen(path, "rb");
    if (!file) return errno == ENOENT ? ERR_NOT_FOUND : fail(why, ERR_DISK, "%s: %s", path, strerror(errno));
    while ((got = fread(piece, 1, sizeof piece, file)) > 0) buf_add(ret, piece, got);
    bool is_bad = ferror(file);
    (void)fclose(file);
    return is_bad ? fail(why, ERR_DISK, "%s: cannot be read", path) : OK;
}

/* Whether the journal is the one that the members signed. */
static enum err check(const struct node *n, const struct epoch_statement *s, const char *path, struct why *why)
{
    const struct view *v = state_view(n->state);
    struct hash root = tree_root(n->tree);

    if (s->epoch != view_epoch(v) + 1)
        return fail(why, ERR_STATE, "%s opens epoch %llu, and the journal is in epoch %llu", path, (unsigned long long)s->epoch,
                    (unsigned long long)view_epoch(v));
    if (s->size > 2 * v->position)
        return fail(why, ERR_STATE, "%s: the members go on from entry %llu, and the journal here ends at %llu: "
                    "clearline epoch open with the whole file brings the last ones", path,
                    (unsigned long long)s->size / 2, (unsigned long long)v->position);
    if (s->size < 2 * v->position)
        return fail(why, ERR_STATE, "%s: the members go on from entry %llu, and the journal here has %llu: what it has more is lost to the "
                    "network; keep the folder as evidence, and begin a new one", path, (unsigned long long)s->size / 2,
                    (unsigned long long)v->position);
    if (!hash_equal(&root, &s->root))
        return fail(why, ERR_STATE, "%s: the members go on from another journal than the one here: at entry %llu their root differs", path,
                    (unsigned long long)s->size / 2);
    if (!view_opens_epoch(v, s))
        return fail(why, ERR_STATE, "%s: %u members signed well, and %u must", path, view_epoch_signers(v, s), view_epoch_majority(v));
    return OK;
}

enum err epoch_begin(struct node *n, struct why *why)
{
    struct shared *sh = n->shared;
    AUTO(buf_done) struct buf text = {0};
    struct epoch_statement s;
    struct hash network;
    struct str *tail;
    size_t n_tail;
    char path[PATH_MAX];
    enum err e = read_file(n, &text, path, why);

    if (e == ERR_NOT_FOUND) return OK;
    TRY(e);
    struct str kept = arena_dup(&sh->epoch_arena, buf_str(&text));
    struct why inner;
    if (epoch_read(kept, &sh->epoch_arena, &s, &network, &tail, &n_tail, &inner) != OK)
        return fail(why, ERR_INPUT, "%s: %s", path, inner.text);
    if (!hash_equal(&network, &n->genesis_hash)) return fail(why, ERR_INPUT, "%s is of another network", path);
    if (s.epoch <= view_epoch(state_view(n->state))) return OK; /* Opened long ago. */
    TRY(check(n, &s, path, why));
    sh->statement = s;
    journal_etcd_begin_epoch(n->journal);
    (void)fprintf(stderr, "epoch %llu begins at entry %llu, by the members' statement\n", (unsigned long long)s.epoch,
                  (unsigned long long)s.size / 2);
    return OK;
}

bool epoch_is_opening(const struct node *n)
{
    return journal_etcd_epoch(n->journal) > view_epoch(state_view(n->state));
}

bool epoch_opens(void *context, struct str bytes)
{
    const struct node *n = context;
    AUTO(arena_done) struct arena arena = {0};
    struct entry e;

    return entry_decode(bytes, &arena, &e, NULL) == OK && view_entry_opens_epoch(state_view(n->state), &e);
}
