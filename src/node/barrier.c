/* barrier.c - those who wait until what the order holds is applied.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A list, oldest first, numbered from the start on: whoever has looked at etcd answers all that were asked for before.
 *
 *     asked --a look that began later tells all--> OK
 *       |  '--a look fails--> waits for the next one, within its allowance
 *       '--etcd is known to be away, or the allowance is used--> ERR_UNAVAILABLE, with the age of what is known
 */
#include "node/shared.h"

static int64_t age_us(const struct node *n)
{
    int64_t age = node_steady_us(n) - atomic_load(&n->shared->fresh_us);
    return age > 0 ? age : 0;
}

static void answer_list(struct node *n, struct barrier *first, enum err err)
{
    int64_t age = err == OK ? 0 : age_us(n);

    while (first) {
        struct barrier *b = first;
        first = b->next;
        b->err = err;
        b->age_us = age;
        b->done(b); /* b may be gone now. */
    }
}

/* Takes the oldest ones off: those numbered below until and asked for before asked_us. */
static struct barrier *take(struct node *n, uint64_t until, int64_t asked_us)
{
    struct barrier *first, **end;

    must(pthread_mutex_lock(&n->lock) == 0);
    first = n->first_barrier;
    end = &n->first_barrier;
    while (*end && n->n_barriers_done < until && (*end)->asked_us < asked_us) {
        end = &(*end)->next;
        n->n_barriers_done++;
    }
    if (end == &n->first_barrier) {
        first = NULL;
    } else {
        n->first_barrier = *end;
        *end = NULL;
        if (!n->first_barrier) n->last_barrier = NULL;
    }
    must(pthread_mutex_unlock(&n->lock) == 0);
    return first;
}

void barrier_answer(struct node *n, uint64_t until)
{
    answer_list(n, take(n, until, INT64_MAX), OK);
}

/* Whether waiting for another look may help. */
static bool may_wait(const struct node *n)
{
    const struct shared *s = n->shared;

    if (!atomic_load(&s->is_out) || atomic_load(&s->is_slow)) return true;
    return node_steady_us(n) - atomic_load(&s->out_us) <= SHARED_OUT_US;
}

bool barrier_put_off(struct node *n, uint64_t until)
{
    bool waits = may_wait(n) && !n->shared->is_broken;

    must(pthread_mutex_lock(&n->lock) == 0);
    if (n->is_stopping) waits = false;
    must(pthread_mutex_unlock(&n->lock) == 0);
    answer_list(n, take(n, until, waits ? node_steady_us(n) - NODE_BARRIER_US : INT64_MAX), ERR_UNAVAILABLE);
    return waits;
}

void node_barrier(struct node *n, struct barrier *b)
{
    bool wakes = false, waits;

    b->next = NULL;
    b->err = OK;
    b->age_us = 0;
    if (!n->shared) {
        b->done(b);
        return;
    }
    b->asked_us = node_steady_us(n);
    waits = may_wait(n);
    must(pthread_mutex_lock(&n->lock) == 0);
    if (n->is_stopping) waits = false;
    if (waits) {
        if (n->last_barrier) n->last_barrier->next = b;
        else n->first_barrier = b;
        n->last_barrier = b;
        n->n_barriers++;
        wakes = n->writer_sleeps;
        n->writer_sleeps = false;
    }
    must(pthread_mutex_unlock(&n->lock) == 0);
    if (wakes) must(pthread_cond_signal(&n->wake) == 0);
    if (!waits) answer_list(n, b, ERR_UNAVAILABLE);
}

void node_expire(struct node *n)
{
    if (n->shared) answer_list(n, take(n, UINT64_MAX, node_steady_us(n) - NODE_BARRIER_US), ERR_UNAVAILABLE);
}
