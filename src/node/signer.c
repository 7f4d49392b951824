/* signer.c - the thread that signs checkpoints.
 * SPDX-License-Identifier: Apache-2.0
 *
 * It takes the newest tree head that the writer read back (I6), makes it the last signed head by compare-and-swap in a
 * store of its own, and only then publishes the note. One round is in flight; heads that pass meanwhile are skipped. A
 * head that contradicts the last signed one stops all writes and is never signed (I6).
 *
 * Rounds begin at least NODE_SIGN_EVERY_US apart: after a pause the first head is signed at once, under load one for many
 * batches. A signature costs as much as two writes, and its sync would compete with the next batch's.
 */
#include "node/shared.h"

#include <errno.h>
#include <time.h>

#include "proof/checkpoint.h"

/* Signs (size, root), swaps it in, and publishes it. */
static enum err sign_head(struct node *n, uint64_t size, const struct hash *root, struct why *why)
{
    AUTO(buf_done) struct buf note = {0};
    struct checkpoint head = {.origin = buf_str(&n->origin), .size = size, .root = *root};
    checkpoint_sign(&note, &head, &n->keys.log);
    /* A journal in memory has no store of heads: it begins anew with new keys. */
    if (n->heads) TRY(heads_swap(n->heads, n->head_size, size, root, buf_str(&note), why));

    must(pthread_mutex_lock(&n->sign_lock) == 0);
    n->head_size = size;
    n->head_root = *root;
    buf_clear(&n->checkpoint);
    buf_add_str(&n->checkpoint, buf_str(&note));
    atomic_store(&n->signed_size, size);
    must(pthread_cond_broadcast(&n->signed_wake) == 0);
    must(pthread_mutex_unlock(&n->sign_lock) == 0);
    return OK;
}

void signer_step(struct node *n)
{
    struct why why = {0};
    struct hash root = n->sign_root;

    if (n->sign_size <= atomic_load(&n->signed_size) || !atomic_load(&n->takes_writes)) return;
    if (sign_head(n, n->sign_size, &root, &why) != OK) node_stop_writes(n, &why);
}

void signer_stop_waiting(struct node *n)
{
    must(pthread_mutex_lock(&n->sign_lock) == 0);
    atomic_store(&n->shared->stop, true);
    must(pthread_cond_broadcast(&n->signed_wake) == 0);
    must(pthread_mutex_unlock(&n->sign_lock) == 0);
}

bool signer_wait(struct node *n, uint64_t size)
{
    if (n->is_stepped) return atomic_load(&n->signed_size) >= size;
    must(pthread_mutex_lock(&n->sign_lock) == 0);
    while (atomic_load(&n->signed_size) < size && atomic_load(&n->takes_writes) && !(n->shared && atomic_load(&n->shared->stop))) {
        must(pthread_cond_wait(&n->signed_wake, &n->sign_lock) == 0);
    }
    must(pthread_mutex_unlock(&n->sign_lock) == 0);
    return atomic_load(&n->signed_size) >= size;
}

enum err signer_sign_now(struct node *n, struct why *why)
{
    struct hash root = tree_root(n->tree);
    n->sign_size = tree_size(n->tree);
    n->sign_root = root;
    return sign_head(n, n->sign_size, &root, why);
}

/* When the round after one that begins now may begin. */
static struct timespec next_round(void)
{
    struct timespec t;
    must(clock_gettime(CLOCK_MONOTONIC, &t) == 0);
    t.tv_nsec += NODE_SIGN_EVERY_US * 1000;
    t.tv_sec += t.tv_nsec / 1000000000;
    t.tv_nsec %= 1000000000;
    return t;
}

/* Waits until done is not the newest head and next has come, or the signer stops. Under sign_lock. */
static void wait_for_head(struct node *n, uint64_t done, const struct timespec *next)
{
    while (!n->signer_stops) {
        int e = pthread_cond_clockwait(&n->sign_wake, &n->sign_lock, CLOCK_MONOTONIC, next);
        if (e == ETIMEDOUT) break;
        must(e == 0);
    }
    n->signer_waits = true;
    while (n->sign_size == done && !n->signer_stops) {
        must(pthread_cond_wait(&n->sign_wake, &n->sign_lock) == 0);
    }
    n->signer_waits = false;
}

void *signer_main(void *arg)
{
    struct node *n = arg;
    uint64_t done = atomic_load(&n->signed_size);
    struct timespec next = {0};

    for (;;) {
        must(pthread_mutex_lock(&n->sign_lock) == 0);
        wait_for_head(n, done, &next);
        next = next_round();
        bool stops = n->sign_size == done;
        uint64_t size = n->sign_size;
        struct hash root = n->sign_root;
        must(pthread_mutex_unlock(&n->sign_lock) == 0);
        if (stops) return NULL;

        struct why why = {0};
        if (sign_head(n, size, &root, &why) != OK) {
            node_stop_writes(n, &why);
            must(pthread_mutex_lock(&n->sign_lock) == 0);
            must(pthread_cond_broadcast(&n->signed_wake) == 0);
            must(pthread_mutex_unlock(&n->sign_lock) == 0);
        }
        done = size;
    }
}
