/* unclear.c - a list and its file of lines.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "node/unclear.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/hex.h"
#include "base/vec.h"

struct item {
    struct unclear_entry entry; /* Epoch and slot of open ones. */
    enum unclear_state state;
};

VEC_DEFINE(item_vec, struct item);

struct unclear {
    pthread_mutex_t lock;
    struct item_vec items; /* Oldest first. */
    size_t n_open;
    int fd; /* -1: in memory */
    char path[PATH_MAX];
};

static struct item *find(struct unclear *u, const struct hash *hash)
{
    for (size_t i = u->items.n; i > 0; i--)
        if (hash_equal(&u->items.at[i - 1].entry.hash, hash)) return &u->items.at[i - 1];
    return NULL;
}

static void add(struct unclear *u, const struct unclear_entry *entry, enum unclear_state state)
{
    if (u->items.n == UNCLEAR_MAX) {
        u->n_open -= u->items.at[0].state == UNCLEAR_OPEN;
        memmove(u->items.at, u->items.at + 1, --u->items.n * sizeof *u->items.at);
    }
    item_vec_add(&u->items, (struct item){*entry, state});
    u->n_open += state == UNCLEAR_OPEN;
}

static void set(struct unclear *u, struct item *item, enum unclear_state state)
{
    u->n_open -= item->state == UNCLEAR_OPEN;
    item->state = state;
}

/* The file. */

static void add_line(struct buf *to, const struct item *item)
{
    if (item->state == UNCLEAR_OPEN)
        buf_addf(to, "open %llu %llu ", (unsigned long long)item->entry.epoch, (unsigned long long)item->entry.slot);
    else buf_add_str(to, item->state == UNCLEAR_COMMITTED ? STR("committed ") : STR("absent "));
    hex_add(to, item->entry.hash.b, sizeof item->entry.hash.b);
    buf_add_char(to, '\n');
}

static bool read_line(struct unclear *u, struct str line)
{
    struct str word = str_cut(&line, ' ');
    struct unclear_entry entry = {0};
    bool is_open = str_equal(word, STR("open")), is_committed = str_equal(word, STR("committed"));

    if (!is_open && !is_committed && !str_equal(word, STR("absent"))) return false;
    if (is_open && !str_to_u64(str_cut(&line, ' '), UINT64_MAX, &entry.epoch)) return false;
    if (is_open && !str_to_u64(str_cut(&line, ' '), UINT64_MAX, &entry.slot)) return false;
    if (line.n != 64 || !hex_decode(line, 32, entry.hash.b)) return false;
    struct item *known = find(u, &entry.hash);
    enum unclear_state state = is_open ? UNCLEAR_OPEN : is_committed ? UNCLEAR_COMMITTED : UNCLEAR_ABSENT;
    if (!known) add(u, &entry, state);
    else if (!is_open) set(u, known, state);
    return true;
}

static enum err read_file(struct unclear *u, bool *ret_is_empty, struct why *why)
{
    AUTO(buf_done) struct buf text = {0};
    char piece[4096];
    ssize_t got;

    while ((got = read(u->fd, piece, sizeof piece)) > 0) buf_add(&text, piece, (size_t)got);
    if (got < 0) return fail(why, ERR_DISK, "%s: cannot be read: %s", u->path, strerror(errno));
    struct str rest = buf_str(&text);
    *ret_is_empty = rest.n == 0;
    while (str_find(rest, '\n') < rest.n) {
        struct str line = str_cut(&rest, '\n');
        (void)read_line(u, line); /* What is no line is what a crash left of one that nobody was told of. */
    }
    return OK;
}

static enum err write_all(const struct unclear *u, int fd, struct str text, struct why *why)
{
    while (text.n) {
        ssize_t n = write(fd, text.at, text.n);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return fail(why, ERR_DISK, "%s: cannot be written: %s", u->path, strerror(errno));
        text = str_skip(text, (size_t)n);
    }
    return OK;
}

/* A new file of what is known, in place of the old one: torn ends and old lines go. */
static enum err rewrite(struct unclear *u, struct why *why)
{
    AUTO(buf_done) struct buf text = {0};
    char fresh[PATH_MAX + 8];

    for (size_t i = 0; i < u->items.n; i++) add_line(&text, &u->items.at[i]);
    (void)snprintf(fresh, sizeof fresh, "%s.new", u->path);
    int fd = open(fresh, O_RDWR | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
    if (fd < 0) return fail(why, ERR_DISK, "%s: cannot be made: %s", fresh, strerror(errno));
    enum err err = write_all(u, fd, buf_str(&text), why);
    if (err == OK && (fdatasync(fd) != 0 || rename(fresh, u->path) != 0))
        err = fail(why, ERR_DISK, "%s: cannot be replaced: %s", u->path, strerror(errno));
    if (err != OK) {
        (void)close(fd);
        return err;
    }
    (void)close(u->fd);
    u->fd = fd;
    return OK;
}

static enum err open_file(struct unclear *u, const char *dir, struct why *why)
{
    if (snprintf(u->path, sizeof u->path, "%s/unclear", dir) >= (int)sizeof u->path)
        return fail(why, ERR_INPUT, "the data folder's path is too long");
    u->fd = open(u->path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (u->fd < 0) return fail(why, ERR_DISK, "%s: cannot be opened: %s", u->path, strerror(errno));
    bool is_empty = true;
    TRY(read_file(u, &is_empty, why));
    return is_empty ? OK : rewrite(u, why);
}

enum err unclear_open(const char *dir, struct unclear **ret, struct why *why)
{
    struct unclear *u = mem_zalloc(sizeof *u);
    enum err err = OK;

    u->fd = -1;
    must(pthread_mutex_init(&u->lock, NULL) == 0);
    if (dir) err = open_file(u, dir, why);
    if (err != OK) {
        unclear_free(u);
        return err;
    }
    *ret = u;
    return OK;
}

void unclear_free(struct unclear *u)
{
    if (!u) return;
    if (u->fd >= 0) (void)close(u->fd);
    item_vec_done(&u->items);
    (void)pthread_mutex_destroy(&u->lock);
    mem_free(u);
}

enum err unclear_add(struct unclear *u, const struct unclear_entry *entries, size_t n, struct why *why)
{
    AUTO(buf_done) struct buf text = {0};
    enum err err = OK;

    must(pthread_mutex_lock(&u->lock) == 0);
    for (size_t i = 0; i < n; i++) {
        if (find(u, &entries[i].hash)) continue;
        add(u, &entries[i], UNCLEAR_OPEN);
        add_line(&text, &u->items.at[u->items.n - 1]);
    }
    if (u->fd >= 0 && text.n) {
        err = write_all(u, u->fd, buf_str(&text), why);
        if (err == OK && fdatasync(u->fd) != 0) err = fail(why, ERR_DISK, "%s: cannot be synced: %s", u->path, strerror(errno));
    }
    must(pthread_mutex_unlock(&u->lock) == 0);
    return err;
}

void unclear_settle(struct unclear *u, const struct hash *hash, bool is_committed)
{
    AUTO(buf_done) struct buf text = {0};

    must(pthread_mutex_lock(&u->lock) == 0);
    struct item *item = find(u, hash);
    if (item && item->state == UNCLEAR_OPEN) {
        set(u, item, is_committed ? UNCLEAR_COMMITTED : UNCLEAR_ABSENT);
        add_line(&text, item);
        struct why ignored; /* What is lost here is found out again. */
        if (u->fd >= 0) (void)(write_all(u, u->fd, buf_str(&text), &ignored) == OK);
    }
    must(pthread_mutex_unlock(&u->lock) == 0);
}

size_t unclear_n_open(struct unclear *u)
{
    must(pthread_mutex_lock(&u->lock) == 0);
    size_t n = u->n_open;
    must(pthread_mutex_unlock(&u->lock) == 0);
    return n;
}

static bool is_before(const struct unclear_entry *a, const struct unclear_entry *b)
{
    return a->epoch != b->epoch ? a->epoch < b->epoch : a->slot < b->slot;
}

bool unclear_first(struct unclear *u, struct unclear_entry *ret)
{
    const struct item *first = NULL;

    must(pthread_mutex_lock(&u->lock) == 0);
    for (size_t i = 0; i < u->items.n && u->n_open; i++) {
        const struct item *item = &u->items.at[i];
        if (item->state == UNCLEAR_OPEN && (!first || is_before(&item->entry, &first->entry))) first = item;
    }
    if (first) *ret = first->entry;
    must(pthread_mutex_unlock(&u->lock) == 0);
    return first != NULL;
}

enum unclear_state unclear_find(struct unclear *u, const struct hash *hash)
{
    must(pthread_mutex_lock(&u->lock) == 0);
    const struct item *item = find(u, hash);
    enum unclear_state state = item ? item->state : UNCLEAR_STRANGE;
    must(pthread_mutex_unlock(&u->lock) == 0);
    return state;
}
