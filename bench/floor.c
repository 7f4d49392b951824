/* floor.c - the bare server: the same HTTP layer and the same durable group commit, and nothing in between.
 * SPDX-License-Identifier: Apache-2.0
 *
 *     floor FOLDER [BYTES [THREADS]]     prints "listening on http://127.0.0.1:PORT", serves until its standard input ends
 *
 * Each request's body, cut or filled to BYTES (400: about what one change of an entry takes; 0: as it came), is one entry
 * of the journal; all requests that wait become one transaction. The answer is fixed, of the size of a real one, and
 * read as one by the load generator. GET /healthy is answered at once, GET /metrics with how many writes were made.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/vec.h"
#include "http/server.h"
#include "journal/store.h"

VEC_DEFINE(str_vec, struct str);

static struct {
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct http_request *waiting;
    bool is_done;
    struct store *store;
    size_t entry_bytes;
    uint64_t n_writes; /* Waiting ones counted. */
    char filler[65536];
} bare = {.lock = PTHREAD_MUTEX_INITIALIZER, .wake = PTHREAD_COND_INITIALIZER};

static const char answer_text[] =
    "{\"subscribers\":[{\"uss_base_url\":\"https://uss.example.com/f3548\",\"subscriptions\":[{\"subscription_id\":"
    "\"6a7f3c1e-0d52-4b7e-9a60-2f1c8e7d4b90\",\"notification_index\":123456}]}],\"operational_intent_reference\":{"
    "\"id\":\"0b1f2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d\",\"manager\":\"uss1\",\"uss_availability\":\"Unknown\","
    "\"version\":\"1\",\"state\":\"Accepted\",\"ovn\":\"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGH\","
    "\"time_start\":{\"value\":\"2026-11-22T02:03:04.56789Z\",\"format\":\"RFC3339\"},\"time_end\":{\"value\":"
    "\"2026-11-22T02:33:04.56789Z\",\"format\":\"RFC3339\"},\"uss_base_url\":\"https://uss.example.com/f3548\","
    "\"subscription_id\":\"6a7f3c1e-0d52-4b7e-9a60-2f1c8e7d4b90\"}}";

static void answer(struct http_request *r, int status)
{
    struct http_response response = {.status = status};

    buf_add(&response.body, answer_text, sizeof answer_text - 1);
    response.headers[0].name = STR("Journal-Position");
    response.headers[0].value = STR("123456");
    response.n_headers = 1;
    http_respond(r, &response);
}

static void handle(struct http_request *r, void *context)
{
    bool was_empty;

    (void)context;
    if (str_equal(r->path, STR("/healthy"))) {
        struct http_response response = {.status = 200, .content_type = STR("text/plain")};
        buf_add(&response.body, "ok", 2);
        http_respond(r, &response);
        return;
    }
    if (str_equal(r->path, STR("/metrics"))) {
        struct http_response response = {.status = 200, .content_type = STR("text/plain")};
        must(pthread_mutex_lock(&bare.lock) == 0);
        buf_addf(&response.body, "journal_changes_total %llu\n", (unsigned long long)bare.n_writes);
        must(pthread_mutex_unlock(&bare.lock) == 0);
        http_respond(r, &response);
        return;
    }
    must(pthread_mutex_lock(&bare.lock) == 0);
    was_empty = !bare.waiting;
    r->user = bare.waiting;
    bare.waiting = r;
    bare.n_writes++;
    must(pthread_mutex_unlock(&bare.lock) == 0);
    if (was_empty) must(pthread_cond_signal(&bare.wake) == 0);
}

static struct str entry_of(const struct http_request *r)
{
    if (bare.entry_bytes == 0) return r->body;
    if (r->body.n >= bare.entry_bytes) return str_first(r->body, bare.entry_bytes);
    return str_make(bare.filler, bare.entry_bytes);
}

static enum err touch(void *context, uint64_t index, struct str bytes)
{
    (void)index;
    *(size_t *)context += bytes.n;
    return OK;
}

static void commit(struct http_request *batch, struct str_vec *entries)
{
    uint64_t from = store_size(bare.store);
    struct why why;
    size_t seen = 0;

    str_vec_clear(entries);
    for (struct http_request *r = batch; r; r = r->user) str_vec_add(entries, entry_of(r));
    if (store_append(bare.store, entries->at, entries->n, &why) ||
        store_read_back(bare.store, from, entries->n, touch, &seen, &why)) {
        (void)fprintf(stderr, "%s\n", why.text);
        exit(1);
    }
    while (batch) {
        struct http_request *next = batch->user;
        answer(batch, batch->path.n < 90 && str_equal(batch->method, STR("PUT")) ? 201 : 200);
        batch = next;
    }
}

static void *write_main(void *context)
{
    struct str_vec entries = {0};

    (void)context;
    must(pthread_mutex_lock(&bare.lock) == 0);
    while (!bare.is_done || bare.waiting) {
        struct http_request *batch = bare.waiting;
        if (!batch) {
            must(pthread_cond_wait(&bare.wake, &bare.lock) == 0);
            continue;
        }
        bare.waiting = NULL;
        must(pthread_mutex_unlock(&bare.lock) == 0);
        commit(batch, &entries);
        must(pthread_mutex_lock(&bare.lock) == 0);
    }
    must(pthread_mutex_unlock(&bare.lock) == 0);
    str_vec_done(&entries);
    return NULL;
}

int main(int argc, char **argv)
{
    struct http_options options = {.address = STR("127.0.0.1:0"), .handler = handle};
    AUTO(buf_done) struct buf path = {0};
    struct http_server *server = NULL;
    pthread_t writer;
    struct why why;
    char c;

    if (argc < 2) {
        (void)fprintf(stderr, "usage: floor FOLDER [BYTES [THREADS]]\n");
        return 2;
    }
    bare.entry_bytes = argc > 2 ? (size_t)atoi(argv[2]) : 400;
    if (bare.entry_bytes > sizeof bare.filler) bare.entry_bytes = sizeof bare.filler;
    options.n_threads = argc > 3 ? (unsigned)atoi(argv[3]) : 0;
    buf_addf(&path, "%s/floor.db", argv[1]);
    if (store_open(buf_z(&path), &bare.store, &why) || http_server_start(&options, &server, &why)) {
        (void)fprintf(stderr, "%s\n", why.text);
        return 1;
    }
    must(pthread_create(&writer, NULL, write_main, NULL) == 0);
    (void)fprintf(stderr, "listening on http://127.0.0.1:%u\n", http_server_port(server));
    while (read(0, &c, 1) > 0) {
    }
    http_server_stop(server, 1000);
    must(pthread_mutex_lock(&bare.lock) == 0);
    bare.is_done = true;
    must(pthread_cond_signal(&bare.wake) == 0);
    must(pthread_mutex_unlock(&bare.lock) == 0);
    must(pthread_join(writer, NULL) == 0);
    store_close(bare.store);
    return 0;
}
