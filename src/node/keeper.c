/* keeper.c - the thread that writes snapshots, and reading one back.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A snapshot file holds, after the container's own head (journal/snapfile.h): 8 bytes big-endian length of the tree's
 * right edge, the edge (node/tree.h), the state (state/snapshot.h). It is written from a pinned view while the writer goes on, so
 * a restart replays at most what came after it.
 */
#include "node/node_internal.h"

#include "journal/snapfile.h"
#include "state/snapshot.h"

void keeper_hand_over(struct node *n)
{
    must(pthread_mutex_lock(&n->keep_lock) == 0);
    if (!n->keep_due && !n->keep_view) { /* The last one may still be in the making. */
        n->keep_view = state_read(n->state, &n->keep_pin);
        buf_clear(&n->keep_edge);
        tree_write(n->tree, &n->keep_edge);
        n->keep_due = true;
        n->snapshot_at = n->keep_view->position;
        n->bytes_since_snapshot = 0;
        must(pthread_cond_signal(&n->keep_wake) == 0);
    }
    must(pthread_mutex_unlock(&n->keep_lock) == 0);
}

bool keeper_is_busy(struct node *n)
{
    must(pthread_mutex_lock(&n->keep_lock) == 0);
    bool is_busy = n->keep_due || n->keep_view;
    must(pthread_mutex_unlock(&n->keep_lock) == 0);
    return is_busy;
}

static enum err write_piece(void *context, struct str piece, struct why *why)
{
    return snapfile_write(context, piece, why);
}

static enum err write_snapshot(struct node *n, const struct view *v, struct str edge, struct why *why)
{
    struct snapfile *file;
    char length[8];

    if (!n->dir) return OK;
    TRY(snapfile_begin(n->dir, v->position, &file, why));
    for (int i = 0; i < 8; i++) length[i] = (char)(edge.n >> (56 - 8 * i));
    enum err e = snapfile_write(file, str_make(length, sizeof length), why);
    if (e == OK) e = snapfile_write(file, edge, why);
    if (e == OK) e = snapshot_write(v, write_piece, file, why);
    if (e == OK && !signer_wait(n, 2 * v->position)) {
        e = fail(why, ERR_UNAVAILABLE, "the head at the snapshot's position is not signed");
    }
    if (e != OK) {
        snapfile_abandon(file);
        return e;
    }
    return snapfile_commit(file, why);
}

enum err keeper_write_now(struct node *n, struct why *why)
{
    AUTO(buf_done) struct buf edge = {0};
    if (!n->dir || state_view(n->state)->position == n->snapshot_at) return OK;
    if (n->has_uncommitted) TRY(writer_flush(n, why));
    tree_write(n->tree, &edge);
    return write_snapshot(n, state_view(n->state), buf_str(&edge), why);
}

/* Under keep_lock, which is let go meanwhile. */
static void keep(struct node *n)
{
    struct why why = {0};

    n->keep_due = false;
    must(pthread_mutex_unlock(&n->keep_lock) == 0);
    enum err e = write_snapshot(n, n->keep_view, buf_str(&n->keep_edge), &why);
    state_done_reading(&n->keep_pin);
    if (e != OK) node_warn(n, "no snapshot", &why); /* The journal alone is enough. */

    must(pthread_mutex_lock(&n->keep_lock) == 0);
    n->keep_view = NULL;
    n->n_snapshots += e == OK;
}

void *keeper_main(void *arg)
{
    struct node *n = arg;

    must(pthread_mutex_lock(&n->keep_lock) == 0);
    for (;;) {
        while (!n->keep_due && !n->keeper_stops) {
            must(pthread_cond_wait(&n->keep_wake, &n->keep_lock) == 0);
        }
        if (!n->keep_due) break;
        keep(n);
    }
    must(pthread_mutex_unlock(&n->keep_lock) == 0);
    return NULL;
}

void keeper_step(struct node *n)
{
    must(pthread_mutex_lock(&n->keep_lock) == 0);
    if (n->keep_due && (n->is_stopping || atomic_load(&n->signed_size) >= 2 * n->keep_view->position)) keep(n);
    must(pthread_mutex_unlock(&n->keep_lock) == 0);
}

enum err keeper_restore(struct node *n, struct why *why)
{
    struct snapmap file = {0};
    uint64_t edge_bytes = 0;

    if (!n->dir) return ERR_NOT_FOUND;
    TRY(snapfile_newest(n->dir, &file, why));
    struct str bytes = file.contents;
    if (file.n_damaged) {
        struct why damaged;
        (void)fail(&damaged, ERR_CORRUPT, "%s: %u damaged", n->dir, file.n_damaged);
        node_warn(n, "newer snapshots are passed over", &damaged);
    }
    /* Replay must pass the signed head to compare its root; the keeper waits for that before it commits. */
    enum err e = 2 * file.position <= n->head_size ? OK : fail(why, ERR_CORRUPT, "the snapshot is newer than the last signed head");
    if (e == OK && bytes.n < 8) e = fail(why, ERR_CORRUPT, "the snapshot is too short");
    for (int i = 0; e == OK && i < 8; i++) edge_bytes = edge_bytes << 8 | (uint8_t)bytes.at[i];
    if (e == OK && edge_bytes > bytes.n - 8) e = fail(why, ERR_CORRUPT, "the snapshot is cut short");
    if (e == OK) e = tree_read(n->tree, str_make(bytes.at + 8, edge_bytes), why);
    if (e == OK) e = snapshot_read(str_skip(bytes, 8 + edge_bytes), &n->state, why);
    if (e == OK && tree_size(n->tree) != 2 * state_view(n->state)->position) {
        e = fail(why, ERR_CORRUPT, "the snapshot's tree and state stand at different positions");
    }
    if (e == OK) n->snapshot_at = state_view(n->state)->position;
    snapmap_done(&file);
    return e;
}
