/* http_floor.c - what the HTTP layer alone costs: a server for a load generator.
 * SPDX-License-Identifier: Apache-2.0
 *
 *     http_floor inline|batch [THREADS]     prints its port, serves until its standard input ends
 *
 * inline answers in the handler; batch hands each request to one thread that takes all that wait, lets a batch pass,
 * and answers them: the shape of a journal's group commit. Answers are 600 bytes.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "http/server.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t wake = PTHREAD_COND_INITIALIZER;
static struct http_request *waiting;
static bool is_done;
static unsigned long n_batches, n_answers;

static void answer(struct http_request *r)
{
    struct http_response response = {.status = 201};
    char *to = buf_reserve(&response.body, 600);

    memset(to, 'x', 600);
    response.body.n = 600;
    response.headers[0].name = STR("Journal-Position");
    response.headers[0].value = STR("123456");
    response.n_headers = 1;
    http_respond(r, &response);
}

static void handle_inline(struct http_request *r, void *context)
{
    (void)context;
    answer(r);
}

static void handle_batch(struct http_request *r, void *context)
{
    (void)context;
    (void)pthread_mutex_lock(&lock);
    bool was_empty = !waiting;
    r->user = waiting;
    waiting = r;
    (void)pthread_mutex_unlock(&lock);
    if (was_empty) (void)pthread_cond_signal(&wake);
}

static void *answer_batches(void *context)
{
    (void)context;
    (void)pthread_mutex_lock(&lock);
    while (!is_done || waiting) {
        struct http_request *batch = waiting;
        if (!batch) {
            (void)pthread_cond_wait(&wake, &lock);
            continue;
        }
        waiting = NULL;
        (void)pthread_mutex_unlock(&lock);
        n_batches++;
        while (batch) {
            struct http_request *next = batch->user;
            n_answers++;
            answer(batch);
            batch = next;
        }
        (void)pthread_mutex_lock(&lock);
    }
    (void)pthread_mutex_unlock(&lock);
    return NULL;
}

int main(int argc, char **argv)
{
    bool is_batch = argc > 1 && strcmp(argv[1], "batch") == 0;
    struct http_options options = {.address = STR("127.0.0.1:0"),
                                   .n_threads = argc > 2 ? (unsigned)atoi(argv[2]) : 1,
                                   .handler = is_batch ? handle_batch : handle_inline};
    struct http_server *server;
    struct why why;
    pthread_t thread;
    char c;

    if (http_server_start(&options, &server, &why) != OK) {
        (void)fprintf(stderr, "%s\n", why.text);
        return 1;
    }
    if (pthread_create(&thread, NULL, answer_batches, NULL) != 0) return 1;
    printf("%u\n", http_server_port(server));
    (void)fflush(stdout);
    while (read(0, &c, 1) > 0) {
    }
    http_server_stop(server, 1000);
    (void)pthread_mutex_lock(&lock);
    is_done = true;
    (void)pthread_cond_signal(&wake);
    (void)pthread_mutex_unlock(&lock);
    (void)pthread_join(thread, NULL);
    if (n_batches) (void)fprintf(stderr, "%lu answers in %lu batches\n", n_answers, n_batches);
    return 0;
}
