/* write.h - a change from its handler to its answer.
 * SPDX-License-Identifier: Apache-2.0
 *
 *     write_start: judged on a view --refused--> several members: judged again after a barrier, once
 *          |                              +------> answered, no entry
 *          | proposed
 *     done (writer's thread) --accepted--> answered there if that is cheap, else by the later thread
 *          | refused late
 *          +-- for its key: judged again by the later thread; proposed again if the whole key holds now (decision A3)
 *          +-- else: answered
 *
 * A write lives in its request's arena, as all that its change borrows must.
 */
#ifndef API_WRITE_H
#define API_WRITE_H

#include "api/call.h"

struct write {
    struct call *call;
    struct pending proposal;
    const struct str *key; /* Intents: all key strings of the request. */
    size_t n_key;
    const struct entity *old; /* Deletes: a copy of what is deleted, as it was judged. */
    int32_t old_index;        /* Deletes of subscriptions: notification_index. */
    int status;               /* Of an accepted change. */
    bool is_heavy;            /* Its answer needs a search: the later thread makes it. */
    /* Renders the answer to an accepted change; v is at or after its position. */
    void (*render)(struct write *w, const struct view *v, struct buf *body);
    /* Called before an answer that says that nothing was written, if not NULL; an unclear one keeps all. */
    void (*undo)(struct write *w);
    void *user;               /* render's and undo's. */
    struct later_job job;
    struct barrier barrier;
    bool is_fresh; /* Judged on what the order held after the call came. */
    unsigned n_tries;
};

/* A new one in the call's arena: the participant is the caller. */
struct write *write_new(struct call *c, enum change_kind kind);

/* Judges and proposes. The call is the write's from here on: the caller returns. */
void write_start(struct write *w);

/* HTTP status of a refusal: reason_err()'s, but where F3548's calls differ by entity (f3548-dss.md 6.2, 8). */
int write_status(enum change_kind kind, enum reason reason);

#endif
