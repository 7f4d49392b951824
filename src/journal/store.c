/* store.c - what all kinds of store do alike: the queue, the counters, the end of writing after a failure.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "journal/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "journal/store_internal.h"

#define TILE_LEVEL_SHIFT 56

void store_init(struct store *s, const struct store_kind *kind)
{
    s->kind = kind;
    must(pthread_mutex_init(&s->failure_lock, NULL) == 0);
}

void store_done(struct store *s)
{
    store_item_vec_done(&s->queue);
    buf_done(&s->queue_bytes);
    must(pthread_mutex_destroy(&s->failure_lock) == 0);
}

void store_fail(struct store *s, const struct why *reason)
{
    must(pthread_mutex_lock(&s->failure_lock) == 0);
    if (!atomic_load(&s->has_failed)) {
        s->failure = *reason;
        atomic_store(&s->has_failed, true);
    }
    must(pthread_mutex_unlock(&s->failure_lock) == 0);
}

uint64_t store_tile_id(unsigned level, uint64_t n)
{
    must(level < 64 && n < UINT64_C(1) << TILE_LEVEL_SHIFT);
    return (uint64_t)level << TILE_LEVEL_SHIFT | n;
}

enum err store_open(const char *path, struct store **ret, struct why *why)
{
    static const struct store_tuning by_default = {0};

    return path ? store_open_sqlite(path, &by_default, ret, why) : store_open_mem(ret, why);
}

void store_close(struct store *s)
{
    if (s) s->kind->close(s);
}

uint64_t store_size(const struct store *s)
{
    return atomic_load_explicit(&s->size, memory_order_acquire);
}

static enum err commit(struct store *s, const struct str *entries, size_t n, struct why *why)
{
    struct why reason = {0};
    uint64_t bytes = 0;
    enum err err;

    if (atomic_load(&s->has_failed)) {
        must(pthread_mutex_lock(&s->failure_lock) == 0);
        reason = s->failure;
        must(pthread_mutex_unlock(&s->failure_lock) == 0);
        return fail(why, ERR_DISK, "no more writes after: %s", reason.text);
    }
    if (n == 0 && s->queue.n == 0) return OK;
    err = s->kind->commit(s, entries, n, &reason);
    if (err) {
        store_fail(s, &reason);
        if (why) *why = reason;
        return err;
    }
    for (size_t i = 0; i < n; i++) bytes += entries[i].n;
    store_item_vec_clear(&s->queue);
    buf_clear(&s->queue_bytes);
    (void)atomic_fetch_add_explicit(&s->syncs, 1, memory_order_relaxed);
    (void)atomic_fetch_add_explicit(&s->bytes, bytes, memory_order_relaxed);
    (void)atomic_fetch_add_explicit(&s->size, n, memory_order_release);
    return OK;
}

enum err store_append(struct store *s, const struct str *entries, size_t n, struct why *why)
{
    return commit(s, entries, n, why);
}

enum err store_flush(struct store *s, struct why *why)
{
    return commit(s, NULL, 0, why);
}

static void queue_add(struct store *s, enum store_table table, uint64_t id, struct str bytes)
{
    store_item_vec_add(&s->queue, (struct store_item){table, id, s->queue_bytes.n, bytes.n});
    buf_add_str(&s->queue_bytes, bytes);
}

void store_put_outcome(struct store *s, uint64_t index, struct str bytes)
{
    queue_add(s, STORE_OUTCOME, index, bytes);
}

void store_put_tile(struct store *s, unsigned level, uint64_t n, struct str hashes)
{
    queue_add(s, STORE_TILE, store_tile_id(level, n), hashes);
}

enum err store_read_back(struct store *s, uint64_t from, uint64_t n,
                         enum err (*each)(void *context, uint64_t index, struct str bytes), void *context,
                         struct why *why)
{
    uint64_t size = store_size(s);

    if (from > size || n > size - from)
        return fail(why, ERR_NOT_FOUND, "entries from %llu, %llu of them: only %llu are stored",
                    (unsigned long long)from, (unsigned long long)n, (unsigned long long)size);
    if (n == 0) return OK;
    return s->kind->read_back(s, from, n, each, context, why);
}

enum err store_get_entry(struct store *s, uint64_t index, struct buf *ret, struct why *why)
{
    if (index >= store_size(s))
        return fail(why, ERR_NOT_FOUND, "entry %llu is not stored", (unsigned long long)index);
    return s->kind->get(s, STORE_ENTRY, index, ret, why);
}

enum err store_get_outcome(struct store *s, uint64_t index, struct buf *ret, struct why *why)
{
    return s->kind->get(s, STORE_OUTCOME, index, ret, why);
}

static enum err get_range(struct store *s, enum store_table table, uint64_t from, size_t n, struct buf *ret, size_t *ret_ends,
                          struct why *why)
{
    size_t before = ret->n;
    enum err err = n ? s->kind->get_range(s, table, from, n, ret, ret_ends, why) : OK;

    if (err != OK) ret->n = before;
    return err;
}

enum err store_get_entries(struct store *s, uint64_t from, size_t n, struct buf *ret, size_t *ret_ends, struct why *why)
{
    uint64_t size = store_size(s);

    if (from > size || n > size - from) return fail(why, ERR_NOT_FOUND, "entry %llu is not stored", (unsigned long long)(from + n - 1));
    return get_range(s, STORE_ENTRY, from, n, ret, ret_ends, why);
}

enum err store_get_outcomes(struct store *s, uint64_t from, size_t n, struct buf *ret, size_t *ret_ends, struct why *why)
{
    return get_range(s, STORE_OUTCOME, from, n, ret, ret_ends, why);
}

enum err store_get_tile(struct store *s, unsigned level, uint64_t n, struct buf *ret, struct why *why)
{
    if (level >= 64 || n >> TILE_LEVEL_SHIFT)
        return fail(why, ERR_NOT_FOUND, "tile %u/%llu is not stored", level, (unsigned long long)n);
    return s->kind->get(s, STORE_TILE, store_tile_id(level, n), ret, why);
}

size_t store_n_queued(const struct store *s)
{
    return s->queue.n;
}

enum err store_check(struct store *s, struct why *why)
{
    return s->kind->check(s, why);
}

void store_counts(const struct store *s, uint64_t *ret_syncs, uint64_t *ret_bytes)
{
    *ret_syncs = atomic_load_explicit(&s->syncs, memory_order_relaxed);
    *ret_bytes = atomic_load_explicit(&s->bytes, memory_order_relaxed);
}

/* The kernel keeps the lock with the open file, so it ends with the process, however that ends; the pid in the file is only
 * there to be named. */
enum err store_lock(const char *path, int *ret_fd, struct why *why)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    char text[32] = {0};
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

    if (fd < 0) return fail(why, ERR_DISK, "%s: cannot open: %s", path, strerror(errno));
    if (fcntl(fd, F_OFD_SETLK, &lock) != 0) {
        int error = errno;
        ssize_t n = pread(fd, text, sizeof text - 1, 0);
        (void)close(fd);
        if (error != EAGAIN && error != EACCES)
            return fail(why, ERR_DISK, "%s: cannot lock: %s", path, strerror(error));
        if (n > 0) text[strcspn(text, "\n")] = '\0';
        return fail(why, ERR_BUSY, "%s: held by process %s; only one may use a data folder at a time", path,
                    n > 0 ? text : "(unknown)");
    }
    (void)snprintf(text, sizeof text, "%ld\n", (long)getpid());
    if (ftruncate(fd, 0) != 0 || pwrite(fd, text, strlen(text), 0) != (ssize_t)strlen(text)) {
        int error = errno;
        (void)close(fd);
        return fail(why, ERR_DISK, "%s: cannot write: %s", path, strerror(error));
    }
    *ret_fd = fd;
    return OK;
}

enum err store_sync_folder(const char *path, struct why *why)
{
    const char *slash = strrchr(path, '/');
    AUTO(buf_done) struct buf folder = {0};
    int fd, error;

    if (slash == path) buf_add_char(&folder, '/');
    else if (slash) buf_add(&folder, path, (size_t)(slash - path));
    else buf_add_char(&folder, '.');
    fd = open(buf_z(&folder), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return fail(why, ERR_DISK, "%s: cannot open: %s", buf_z(&folder), strerror(errno));
    error = fsync(fd) == 0 ? 0 : errno;
    (void)close(fd);
    if (error) return fail(why, ERR_DISK, "%s: cannot sync: %s", buf_z(&folder), strerror(error));
    return OK;
}
