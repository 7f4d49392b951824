/* later.c - one queue, one list of those that wait, one thread.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "api/later.h"

#include <pthread.h>
#include <time.h>

#include "base/err.h"
#include "base/mem.h"

#define LOOK_US 5000
#define TICK_US 100000

struct later {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct later_job *first; /* New jobs, oldest first. */
    struct later_job **last;
    bool is_ending;
    struct later_job *waiting; /* The thread's own. */
    void (*tick)(void *context);
    void *context;
};

int64_t later_clock_us(void)
{
    struct timespec t;
    must(clock_gettime(CLOCK_MONOTONIC, &t) == 0);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static struct timespec moment(int64_t us)
{
    return (struct timespec){.tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000};
}

/* Waits for new jobs until the next look or tick is due and takes all of them. */
static struct later_job *take(struct later *l, int64_t until_us, bool *ret_is_ending)
{
    struct timespec until = moment(until_us);
    bool is_timed = l->waiting || l->tick;
    must(pthread_mutex_lock(&l->lock) == 0);
    while (!l->first && !l->is_ending) {
        int error = is_timed ? pthread_cond_timedwait(&l->changed, &l->lock, &until)
                             : pthread_cond_wait(&l->changed, &l->lock);
        if (error) break;
    }
    struct later_job *jobs = l->first;
    l->first = NULL;
    l->last = &l->first;
    *ret_is_ending = l->is_ending;
    must(pthread_mutex_unlock(&l->lock) == 0);
    return jobs;
}

static void look_at_waiting(struct later *l, bool is_ending)
{
    int64_t now_us = later_clock_us();
    struct later_job **at = &l->waiting;
    while (*at) {
        struct later_job *job = *at;
        if (is_ending || now_us >= job->until_us || job->is_ready(job)) {
            *at = job->next;
            job->run(job);
        } else {
            at = &job->next;
        }
    }
}

static void *run(void *context)
{
    struct later *l = context;
    int64_t next_tick_us = later_clock_us() + TICK_US;
    bool is_ending = false;
    while (!is_ending) {
        int64_t until_us = next_tick_us;
        if (l->waiting) until_us = later_clock_us() + LOOK_US;
        struct later_job *job = take(l, until_us, &is_ending);
        while (job) {
            struct later_job *next = job->next;
            if (job->is_ready) {
                job->next = l->waiting;
                l->waiting = job;
            } else {
                job->run(job);
            }
            job = next;
        }
        look_at_waiting(l, is_ending);
        if (l->tick && later_clock_us() >= next_tick_us) {
            l->tick(l->context);
            next_tick_us = later_clock_us() + TICK_US;
        }
    }
    return NULL;
}

struct later *later_new(void (*tick)(void *context), void *context)
{
    struct later *l = mem_zalloc(sizeof *l);
    pthread_condattr_t attributes;
    l->last = &l->first;
    l->tick = tick;
    l->context = context;
    must(pthread_mutex_init(&l->lock, NULL) == 0);
    must(pthread_condattr_init(&attributes) == 0);
    must(pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) == 0);
    must(pthread_cond_init(&l->changed, &attributes) == 0);
    must(pthread_condattr_destroy(&attributes) == 0);
    must(pthread_create(&l->thread, NULL, run, l) == 0);
    return l;
}

void later_free(struct later *l)
{
    if (!l) return;
    must(pthread_mutex_lock(&l->lock) == 0);
    l->is_ending = true;
    must(pthread_cond_signal(&l->changed) == 0);
    must(pthread_mutex_unlock(&l->lock) == 0);
    must(pthread_join(l->thread, NULL) == 0);
    must(pthread_cond_destroy(&l->changed) == 0);
    must(pthread_mutex_destroy(&l->lock) == 0);
    mem_free(l);
}

void later_add(struct later *l, struct later_job *job)
{
    job->next = NULL;
    must(pthread_mutex_lock(&l->lock) == 0);
    *l->last = job;
    l->last = &job->next;
    must(pthread_cond_signal(&l->changed) == 0);
    must(pthread_mutex_unlock(&l->lock) == 0);
}
