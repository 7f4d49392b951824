/* peers_serve.c - what peers ask of this node, and what they answered.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>

#include "base/hex.h"
#include "base/mem.h"
#include "node/peers_internal.h"
#include "state/member.h"

/* The seat of a node that called. */
static enum err find_caller(struct peers *p, const uint8_t from[8], size_t *ret, struct why *why)
{
    size_t i = peers_find(p, from);

    if (i == p->seats.n_nodes || i == p->self) return fail(why, ERR_RIGHTS, "no node that signs together with this one");
    *ret = i;
    return OK;
}

static void heard(struct peers *p, size_t i, uint64_t clock_s)
{
    struct round_time now = peers_now(p);

    p->known[i].heard_ms = now.ms;
    if (clock_s > 0) {
        p->known[i].clock_ms = now.ms;
        p->known[i].clock_off_s = (int64_t)clock_s - (int64_t)now.unix_s;
    }
    if (p->round) round_heard(p->round, i, now);
}

enum err peers_heard(struct peers *p, const uint8_t from[8], uint64_t clock_s, struct why *why)
{
    size_t i = 0;

    must(pthread_mutex_lock(&p->lock) == 0);
    enum err err = find_caller(p, from, &i, why);
    if (err == OK) heard(p, i, clock_s);
    must(pthread_mutex_unlock(&p->lock) == 0);
    return err;
}

/* NULL if the own tree is not that large. */
static const struct hash *own_root(struct peers *p, uint64_t size, struct hash *room)
{
    return peers_root_at(p, size, room) ? room : NULL;
}

static enum err take_note(struct peers *p, const uint8_t from[8], struct str note, enum exchange_kind *ret_kind, struct buf *ret,
                          struct why *why)
{
    struct hash root, room;
    uint64_t size = 0;
    size_t i = 0;

    peers_pump(p); /* The tree and the roster of now. */
    TRY(find_caller(p, from, &i, why));
    if (!p->round) return fail(why, ERR_UNAVAILABLE, "this node has not joined yet");
    TRY(head_peek(&p->seats, note, &size, &root, why));
    TRY(round_note(p->round, i, note, own_root(p, size, &room), peers_now(p), why));
    peers_shown(p, size);
    if (size > p->tree_size) node_look_soon(p->node);
    heard(p, i, 0);
    peers_pump(p);
    if (!p->round || peers_find(p, from) != i) return fail(why, ERR_UNAVAILABLE, "the members have just changed");
    *ret_kind = round_answer(p->round, i, size, &root, ret);
    return OK;
}

enum err peers_on_round(struct peers *p, const uint8_t from[8], struct str note, enum exchange_kind *ret_kind, struct buf *ret,
                        struct why *why)
{
    must(pthread_mutex_lock(&p->lock) == 0);
    enum err err = take_note(p, from, note, ret_kind, ret, why);
    must(pthread_mutex_unlock(&p->lock) == 0);
    peers_wake(p);
    return err;
}

/* What the own key signed last is known once others have told (decision E7), and not if that was more than is held here. */
static bool knows_itself(const struct peers *p)
{
    struct round_status s = {.state = ROUND_REFUSED};

    if (p->round) round_status(p->round, peers_now(p), &s);
    return s.state == ROUND_READY || s.state == ROUND_SIGNING;
}

static bool is_own_key(const struct peers *p, uint32_t id)
{
    return id == note_key_make(buf_str(&p->node->origin), NOTE_ED25519, &p->node->keys.log.public).id;
}

enum err peers_on_head(struct peers *p, const struct exchange_query *query, struct buf *ret, struct why *why)
{
    bool is_own = query->has_key && is_own_key(p, query->key), is_there = false;

    must(pthread_mutex_lock(&p->lock) == 0);
    if (is_own && !knows_itself(p)) {
        must(pthread_mutex_unlock(&p->lock) == 0);
        return fail(why, ERR_UNAVAILABLE, "what this node signed last is not known yet");
    }
    if (p->round && !query->has_key) {
        is_there = round_newest(p->round, ret);
    } else if (p->round) {
        size_t i = seats_find(&p->seats, query->key);
        is_there = i < p->seats.n_nodes && round_head_of(p->round, i, ret);
    }
    must(pthread_mutex_unlock(&p->lock) == 0);
    return is_there || is_own ? OK : fail(why, ERR_NOT_FOUND, "no head is known");
}

/* Answers. */

static enum err take_told(struct peers *p, size_t i, int status, struct str body, struct why *why)
{
    struct hash root, room;
    uint64_t size = 0;
    struct str note;

    TRY(exchange_read_head(status, body, &note, why));
    if (note.n > 0) TRY(head_peek(&p->seats, note, &size, &root, why));
    return round_told(p->round, i, note, own_root(p, size, &room), peers_now(p), why);
}

static enum err take_answer(struct peers *p, size_t i, int status, struct str body, struct why *why)
{
    const struct peer_known *k = &p->known[i];
    struct exchange_answer answer;
    struct hash root, room;
    uint64_t size = 0;

    TRY(exchange_read_answer(status, body, &answer, why));
    if (answer.kind != EXCHANGE_LINES && answer.body.n > 0) TRY(head_peek(&p->seats, answer.body, &size, &root, why));
    TRY(round_answered(p->round, i, k->size, &k->root, &answer, own_root(p, size, &room), peers_now(p), why));
    peers_shown(p, size);
    return OK;
}

/* Said when nobody answers there any more, and when somebody does again. */
static void say_reached(struct peers *p, size_t i, const struct why *why)
{
    struct peer_known *k = &p->known[i];
    AUTO(buf_done) struct buf id = {0};
    struct state_pin pin;

    if (k->is_unreached == (why != NULL)) return;
    k->is_unreached = why != NULL;
    hex_add(&id, k->id, sizeof k->id);
    const struct view *v = state_read(p->node->state, &pin);
    struct str name = view_member(v, p->members[p->seats.nodes[i].member])->name;
    if (why) (void)fprintf(stderr, "WARNING: member %.*s's node %.*s is not reached: %s\n", STR_ARG(name), STR_ARG(buf_str(&id)), why->text);
    else (void)fprintf(stderr, "member %.*s's node %.*s is reached again\n", STR_ARG(name), STR_ARG(buf_str(&id)));
    state_done_reading(&pin);
}

void peers_answered(void *context, uint64_t tag, enum err err, int status, struct str body)
{
    struct peers *p = context;
    struct why why = {0};
    size_t i = 0;

    must(pthread_mutex_lock(&p->lock) == 0);
    while (i < p->seats.n_nodes && !(p->known[i].is_called && p->known[i].tag == tag)) i++;
    if (i < p->seats.n_nodes) {
        struct peer_known *k = &p->known[i];
        k->is_called = false;
        if (err == ERR_NET) (void)fail(&why, ERR_NET, "%.*s", STR_ARG(body));
        say_reached(p, i, err == ERR_NET ? &why : NULL);
        if (err == OK && p->round) {
            if (k->kind == PEERS_ASK) err = take_told(p, i, status, body, &why);
            else if (k->kind == PEERS_NOTE) err = take_answer(p, i, status, body, &why);
            else peers_handed_proof(p, i, status);
            if (err == OK) k->heard_ms = peers_now(p).ms;
        }
        if (err != OK) p->n_failed++;
        k->trouble = err != OK ? why : (struct why){0};
        if (k->asks_again && p->round) peers_call(p, i, true);
        else if (k->calls_again && p->round) peers_call(p, i, false);
        else if (err == OK && p->round) peers_hand_proof(p, i);
        peers_pump(p);
    }
    must(pthread_mutex_unlock(&p->lock) == 0);
    peers_wake(p);
}
