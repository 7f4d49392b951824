/* audit.c - verifies the signatures of entries that were taken over by their hashes, in the background (decision G3).
 * SPDX-License-Identifier: Apache-2.0
 */
#include "node/audit.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/mem.h"
#include "entry/entry.h"

#define PROGRESS_ENTRIES 1024
#define NICENESS 10

struct audit {
    struct audit_options o;
    struct buf origin;
    pthread_t thread;
    bool is_joined;
    atomic_bool stops, is_over, is_bad;
    _Atomic uint64_t next, n_passed;
};

static enum err look_at(struct audit *a, uint64_t index, struct buf *bytes, struct arena *arena, struct why *why)
{
    struct key_public key;
    struct entry e;

    buf_clear(bytes);
    arena_clear(arena);
    TRY(store_get_entry(a->o.store, index, bytes, why));
    if (index == 0 || entry_decode(buf_str(bytes), arena, &e, NULL) != OK || !a->o.key_of(a->o.context, index, e.author, &key)) {
        (void)atomic_fetch_add_explicit(&a->n_passed, 1, memory_order_relaxed);
        return OK;
    }
    if (entry_verify(buf_str(bytes), buf_str(&a->origin), &key)) return OK;
    return fail(why, ERR_CORRUPT, "entry %llu: its signature is not its author's", (unsigned long long)index);
}

static void say_progress(const struct audit *a, uint64_t next)
{
    if (a->o.progress) a->o.progress(a->o.context, next);
}

static void *audit_main(void *context)
{
    struct audit *a = context;
    AUTO(buf_done) struct buf bytes = {0};
    AUTO(arena_done) struct arena arena = {0};
    uint64_t next = a->o.from;
    struct why why = {0};

    if (!a->o.without_thread) (void)setpriority(PRIO_PROCESS, (id_t)gettid(), NICENESS); /* On Linux, of this thread alone. */
    while (next < a->o.to && !atomic_load(&a->stops)) {
        if (look_at(a, next, &bytes, &arena, &why) != OK) {
            atomic_store(&a->is_bad, true);
            a->o.bad(a->o.context, next, &why);
            break;
        }
        atomic_store(&a->next, ++next);
        if ((next - a->o.from) % PROGRESS_ENTRIES == 0 && next < a->o.to) say_progress(a, next);
    }
    if (next == a->o.to) say_progress(a, next);
    atomic_store(&a->is_over, true);
    return NULL;
}

struct audit *audit_start(const struct audit_options *options)
{
    struct audit *a = mem_zalloc(sizeof *a);

    must(options->from <= options->to && options->to <= store_size(options->store));
    a->o = *options;
    buf_add_str(&a->origin, options->origin);
    atomic_store(&a->next, options->from);
    a->is_joined = a->o.without_thread;
    if (a->is_joined) (void)audit_main(a);
    else must(pthread_create(&a->thread, NULL, audit_main, a) == 0);
    return a;
}

void audit_status(const struct audit *a, struct audit_status *ret)
{
    *ret = (struct audit_status){.is_over = atomic_load(&a->is_over), .is_bad = atomic_load(&a->is_bad), .to = a->o.to};
    ret->next = atomic_load(&a->next);
    ret->n_passed = atomic_load(&a->n_passed);
}

void audit_wait(struct audit *a)
{
    if (a->is_joined) return;
    must(pthread_join(a->thread, NULL) == 0);
    a->is_joined = true;
}

void audit_stop(struct audit *a)
{
    atomic_store(&a->stops, true);
    audit_wait(a);
}

void audit_free(struct audit *a)
{
    if (!a) return;
    audit_stop(a);
    buf_done(&a->origin);
    mem_free(a);
}
