/* test_later.c - the thread for what must not hold up others.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "api/later.h"

#include <semaphore.h>
#include <stdatomic.h>

#include "t.h"

static atomic_int order[8];
static atomic_int n_run;
static sem_t done;

struct work {
    struct later_job job; /* First: a job is its work. */
    int number;
    atomic_bool is_ready;
};

static void run(struct later_job *job)
{
    order[atomic_fetch_add(&n_run, 1)] = ((struct work *)job)->number;
    sem_post(&done);
}

static bool ready(struct later_job *job)
{
    return ((struct work *)job)->is_ready;
}

static void begin(void)
{
    atomic_store(&n_run, 0);
    sem_init(&done, 0, 0);
}

static void jobs_run_in_the_order_given(void)
{
    struct work work[3] = {{.number = 1}, {.number = 2}, {.number = 3}};
    begin();
    struct later *l = later_new(NULL, NULL);
    for (int i = 0; i < 3; i++) {
        work[i].job.run = run;
        later_add(l, &work[i].job);
    }
    for (int i = 0; i < 3; i++) sem_wait(&done);
    for (int i = 0; i < 3; i++) CHECK_INT(order[i], i + 1);
    later_free(l);
}

static void a_job_waits_until_it_is_ready(void)
{
    struct work slow = {.number = 1};
    struct work quick = {.number = 2};
    begin();
    struct later *l = later_new(NULL, NULL);
    slow.job = (struct later_job){run, ready, INT64_MAX, NULL};
    quick.job.run = run;
    later_add(l, &slow.job);
    later_add(l, &quick.job);
    sem_wait(&done);
    CHECK_INT(order[0], 2);
    slow.is_ready = true;
    sem_wait(&done);
    CHECK_INT(order[1], 1);
    later_free(l);
}

static void a_job_whose_time_is_over_runs_anyway(void)
{
    struct work work = {.number = 1};
    begin();
    struct later *l = later_new(NULL, NULL);
    work.job = (struct later_job){run, ready, later_clock_us(), NULL};
    later_add(l, &work.job);
    sem_wait(&done);
    CHECK_INT(n_run, 1);
    later_free(l);
}

static void the_end_leaves_no_job_behind(void)
{
    struct work waiting = {.number = 1};
    begin();
    struct later *l = later_new(NULL, NULL);
    waiting.job = (struct later_job){run, ready, INT64_MAX, NULL};
    later_add(l, &waiting.job);
    later_free(l);
    CHECK_INT(n_run, 1);
    later_free(NULL);
}

static void tick(void *context)
{
    sem_post(context);
}

static void it_ticks(void)
{
    sem_t ticks;
    sem_init(&ticks, 0, 0);
    struct later *l = later_new(tick, &ticks);
    sem_wait(&ticks);
    sem_wait(&ticks);
    later_free(l);
    CHECK(true);
}

int main(void)
{
    RUN(jobs_run_in_the_order_given);
    RUN(a_job_waits_until_it_is_ready);
    RUN(a_job_whose_time_is_over_runs_anyway);
    RUN(the_end_leaves_no_job_behind);
    RUN(it_ticks);
    return t_done();
}
