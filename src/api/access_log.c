/* access_log.c - lines gathered under a lock, written in large pieces.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "api/access_log.h"

#include <errno.h>
#include <pthread.h>
#include <unistd.h>

#include "base/err.h"
#include "base/instant.h"
#include "base/json.h"
#include "base/mem.h"

#define FLUSH_BYTES 65536

struct access_log {
    pthread_mutex_t lock;
    struct buf waiting;
    int fd;
};

struct access_log *access_log_new(int fd)
{
    struct access_log *l = mem_zalloc(sizeof *l);
    must(pthread_mutex_init(&l->lock, NULL) == 0);
    l->fd = fd;
    return l;
}

void access_log_render(const struct access *a, struct buf *to)
{
    struct json j = {.to = to};
    struct buf line = {0};
    buf_addf(&line, "%.*s %.*s HTTP/1.1", STR_ARG(a->method), STR_ARG(a->path));
    json_open(&j, '{');
    json_key(&j, "level");
    json_str(&j, STR("info"));
    json_key(&j, "msg");
    json_str(&j, buf_str(&line));
    if (a->sub.n > 0) {
        json_key(&j, "req_sub");
        json_str(&j, a->sub);
    }
    json_key(&j, "resp_status_code");
    json_i64(&j, a->status);
    json_key(&j, "start_time");
    json_instant(&j, a->start_us);
    json_key(&j, "duration");
    buf_clear(&line);
    buf_addf(&line, "%lld.%03dms", (long long)(a->duration_us / 1000), (int)(a->duration_us % 1000));
    json_str(&j, buf_str(&line));
    json_key(&j, "req_bytes");
    json_u64(&j, a->n_request);
    json_key(&j, "resp_bytes");
    json_u64(&j, a->n_response);
    json_close(&j, '}');
    buf_add_char(to, '\n');
    buf_done(&line);
}

/* A log that cannot be written is not worth an answer: the lines are dropped. */
static void write_waiting(struct access_log *l)
{
    struct str left = buf_str(&l->waiting);
    while (left.n > 0) {
        ssize_t n = write(l->fd, left.at, left.n);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) break;
        left = str_skip(left, (size_t)n);
    }
    buf_clear(&l->waiting);
}

void access_log_add(struct access_log *l, const struct access *a)
{
    must(pthread_mutex_lock(&l->lock) == 0);
    access_log_render(a, &l->waiting);
    if (l->waiting.n > FLUSH_BYTES) write_waiting(l);
    must(pthread_mutex_unlock(&l->lock) == 0);
}

void access_log_flush(struct access_log *l)
{
    must(pthread_mutex_lock(&l->lock) == 0);
    write_waiting(l);
    must(pthread_mutex_unlock(&l->lock) == 0);
}

void access_log_free(struct access_log *l)
{
    if (!l) return;
    write_waiting(l);
    must(pthread_mutex_destroy(&l->lock) == 0);
    buf_done(&l->waiting);
    mem_free(l);
}
