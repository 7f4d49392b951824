/* heads.c - the store of the last signed tree head: what this node must never contradict.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "journal/heads.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "journal/store_internal.h"

#define SLOT_BYTES 8192
#define HEADER_BYTES 60
#define HASH_BYTES 32

static const char magic[8] = {'j', 'h', 'e', 'a', 'd', 's', '1', '\n'};
_Static_assert(HEADER_BYTES + HEADS_NOTE_MAX + HASH_BYTES <= SLOT_BYTES, "the largest note fits a slot");

struct head {
    uint64_t sequence; /* 0: a slot never written. */
    uint64_t size;
    struct hash root;
    uint32_t n_note;
    char note[HEADS_NOTE_MAX];
};

struct heads {
    struct buf path;
    int fd;
    pthread_mutex_t lock; /* Guards all below. */
    struct head last;
    unsigned slot; /* Where last lies. */
    bool was_torn, has_failed;
};

static void put_be(char *at, uint64_t value, int n)
{
    for (int i = n - 1; i >= 0; i--, value >>= 8) at[i] = (char)(value & 0xff);
}

static uint64_t get_be(const char *at, int n)
{
    uint64_t value = 0;

    for (int i = 0; i < n; i++) value = value << 8 | (uint8_t)at[i];
    return value;
}

static void slot_encode(const struct head *head, char slot[SLOT_BYTES])
{
    size_t n = HEADER_BYTES + head->n_note;
    struct hash hash;

    memset(slot, 0, SLOT_BYTES);
    memcpy(slot, magic, sizeof magic);
    put_be(slot + 8, head->sequence, 8);
    put_be(slot + 16, head->size, 8);
    memcpy(slot + 24, head->root.b, sizeof head->root.b);
    put_be(slot + 56, head->n_note, 4);
    memcpy(slot + HEADER_BYTES, head->note, head->n_note);
    hash = hash_of(str_make(slot, n));
    memcpy(slot + n, hash.b, sizeof hash.b);
}

static bool slot_decode(const char slot[SLOT_BYTES], struct head *ret)
{
    uint64_t n_note = get_be(slot + 56, 4);
    struct hash hash;

    if (memcmp(slot, magic, sizeof magic) != 0 || n_note > HEADS_NOTE_MAX) return false;
    hash = hash_of(str_make(slot, HEADER_BYTES + n_note));
    if (memcmp(hash.b, slot + HEADER_BYTES + n_note, sizeof hash.b) != 0) return false;
    ret->sequence = get_be(slot + 8, 8);
    ret->size = get_be(slot + 16, 8);
    memcpy(ret->root.b, slot + 24, sizeof ret->root.b);
    ret->n_note = (uint32_t)n_note;
    memcpy(ret->note, slot + HEADER_BYTES, n_note);
    return ret->sequence > 0;
}

static bool is_blank(const char slot[SLOT_BYTES])
{
    return slot[0] == 0 && memcmp(slot, slot + 1, SLOT_BYTES - 1) == 0;
}

static enum err write_new(int fd, const char *path, struct why *why)
{
    char slots[2 * SLOT_BYTES] = {0};
    struct head *none = mem_zalloc(sizeof *none);

    none->sequence = 1;
    slot_encode(none, slots);
    mem_free(none);
    if (pwrite(fd, slots, sizeof slots, 0) != (ssize_t)sizeof slots || fsync(fd) != 0)
        return fail(why, ERR_DISK, "%s: cannot write: %s", path, strerror(errno));
    return OK;
}

enum err heads_create(const char *path, struct why *why)
{
    AUTO(buf_done) struct buf fresh = {0};
    enum err err;
    int fd;

    buf_addf(&fresh, "%s.new", path);
    fd = open(buf_z(&fresh), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0) return fail(why, ERR_DISK, "%s: cannot make: %s", buf_z(&fresh), strerror(errno));
    err = write_new(fd, buf_z(&fresh), why);
    (void)close(fd);
    if (err == OK && link(buf_z(&fresh), path) != 0) /* Unlike rename(), never replaces one. */
        err = fail(why, errno == EEXIST ? ERR_CONFLICT : ERR_DISK, "%s: cannot make: %s", path, strerror(errno));
    (void)unlink(buf_z(&fresh));
    return err ? err : store_sync_folder(path, why);
}

static enum err read_slots(struct heads *h, struct why *why)
{
    char slots[2][SLOT_BYTES];
    struct head *other = &(struct head){0};
    ssize_t n = pread(h->fd, slots, sizeof slots, 0);
    bool good[2];

    if (n < 0) return fail(why, ERR_DISK, "%s: cannot read: %s", buf_z(&h->path), strerror(errno));
    if (n != (ssize_t)sizeof slots) return fail(why, ERR_CORRUPT, "%s: cut off", buf_z(&h->path));
    good[0] = slot_decode(slots[0], &h->last);
    good[1] = slot_decode(slots[1], other);
    if (!good[0] && !good[1])
        return fail(why, ERR_CORRUPT, "%s: no slot is good: the last signed head is lost", buf_z(&h->path));
    h->was_torn = !good[0] || (!good[1] && !(h->last.sequence == 1 && is_blank(slots[1])));
    if (good[1] && (!good[0] || other->sequence > h->last.sequence)) {
        h->last = *other;
        h->slot = 1;
    }
    return OK;
}

static enum err open_locked(const char *path, int *ret, struct why *why)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    int fd = open(path, O_RDWR | O_CLOEXEC);
    enum err err;

    if (fd < 0)
        return fail(why, errno == ENOENT ? ERR_NOT_FOUND : ERR_DISK, "%s: cannot open: %s", path, strerror(errno));
    if (fcntl(fd, F_OFD_SETLK, &lock) != 0) {
        err = fail(why, ERR_BUSY, "%s: another process holds it (%s)", path, strerror(errno));
        (void)close(fd);
        return err;
    }
    *ret = fd;
    return OK;
}

static enum err copy_to(int from, const char *fresh, struct why *why)
{
    char slots[2 * SLOT_BYTES];
    ssize_t n = pread(from, slots, sizeof slots, 0);
    int fd = n < 0 ? -1 : open(fresh, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    enum err err = OK;

    errno = fd < 0 ? errno : ENOSPC; /* A short write sets none. */
    if (fd < 0 || pwrite(fd, slots, (size_t)n, 0) != n || fsync(fd) != 0)
        err = fail(why, ERR_DISK, "%s: cannot copy: %s", fresh, strerror(errno));
    if (fd >= 0) (void)close(fd);
    return err;
}

enum err heads_renew(const char *path, struct why *why)
{
    AUTO(buf_done) struct buf fresh = {0};
    int fd = -1;
    enum err err = open_locked(path, &fd, why);

    if (err) return err;
    buf_addf(&fresh, "%s.new", path);
    err = copy_to(fd, buf_z(&fresh), why);
    if (err == OK && rename(buf_z(&fresh), path) != 0)
        err = fail(why, ERR_DISK, "%s: cannot make anew: %s", path, strerror(errno));
    if (err) (void)unlink(buf_z(&fresh));
    (void)close(fd);
    return err ? err : store_sync_folder(path, why);
}

enum err heads_begin_anew(const char *path, const char *kept, struct why *why)
{
    AUTO(buf_done) struct buf fresh = {0};
    enum err err;
    int fd;

    if (link(path, kept) != 0 && errno != EEXIST) return fail(why, ERR_DISK, "%s: cannot make: %s", kept, strerror(errno));
    buf_addf(&fresh, "%s.new", path);
    fd = open(buf_z(&fresh), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0) return fail(why, ERR_DISK, "%s: cannot make: %s", buf_z(&fresh), strerror(errno));
    err = write_new(fd, buf_z(&fresh), why);
    (void)close(fd);
    if (err == OK && rename(buf_z(&fresh), path) != 0) err = fail(why, ERR_DISK, "%s: cannot make anew: %s", path, strerror(errno));
    if (err) (void)unlink(buf_z(&fresh));
    return err ? err : store_sync_folder(path, why);
}

enum err heads_open(const char *path, struct heads **ret, struct why *why)
{
    struct heads *h;
    enum err err;
    int fd = -1;

    TRY(open_locked(path, &fd, why));
    h = mem_zalloc(sizeof *h);
    h->fd = fd;
    buf_addf(&h->path, "%s", path);
    must(pthread_mutex_init(&h->lock, NULL) == 0);
    err = read_slots(h, why);
    if (err) {
        heads_close(h);
        return err;
    }
    *ret = h;
    return OK;
}

void heads_close(struct heads *h)
{
    if (!h) return;
    (void)close(h->fd);
    must(pthread_mutex_destroy(&h->lock) == 0);
    buf_done(&h->path);
    mem_free(h);
}

bool heads_was_torn(const struct heads *h)
{
    return h->was_torn;
}

bool heads_last(struct heads *h, uint64_t *ret_size, struct hash *ret_root, struct buf *ret_note)
{
    bool is_there;

    must(pthread_mutex_lock(&h->lock) == 0);
    is_there = h->last.sequence > 1;
    if (is_there) {
        if (ret_size) *ret_size = h->last.size;
        if (ret_root) *ret_root = h->last.root;
        if (ret_note) buf_add(ret_note, h->last.note, h->last.n_note);
    }
    must(pthread_mutex_unlock(&h->lock) == 0);
    return is_there;
}

/* Refuses what must not follow the last head. */
static enum err may_follow(struct heads *h, uint64_t expected, uint64_t size, const struct hash *root,
                           struct why *why)
{
    const struct head *last = &h->last;

    if (h->has_failed)
        return fail(why, ERR_DISK, "%s: an earlier write failed; it is not known what is stored", buf_z(&h->path));
    if (last->size != expected)
        return fail(why, ERR_CONFLICT, "the last signed head has size %llu, not %llu",
                    (unsigned long long)last->size, (unsigned long long)expected);
    if (last->sequence == 1) return OK; /* None yet. */
    if (size < last->size)
        return fail(why, ERR_CONFLICT, "size %llu is before the last signed head's %llu", (unsigned long long)size,
                    (unsigned long long)last->size);
    if (size == last->size && !hash_equal(root, &last->root))
        return fail(why, ERR_CONFLICT, "another root was signed at size %llu", (unsigned long long)size);
    return OK;
}

static enum err write_next(struct heads *h, uint64_t size, const struct hash *root, struct str note, struct why *why)
{
    struct head *next = mem_zalloc(sizeof *next);
    char bytes[SLOT_BYTES];
    unsigned slot = 1 - h->slot;
    enum err err = OK;

    next->sequence = h->last.sequence + 1;
    next->size = size;
    next->root = *root;
    next->n_note = (uint32_t)note.n;
    if (note.n) memcpy(next->note, note.at, note.n);
    slot_encode(next, bytes);
    errno = ENOSPC; /* A short write sets none. */
    if (pwrite(h->fd, bytes, SLOT_BYTES, (off_t)slot * SLOT_BYTES) != SLOT_BYTES || fdatasync(h->fd) != 0) {
        h->has_failed = true;
        err = fail(why, ERR_DISK, "%s: cannot write: %s", buf_z(&h->path), strerror(errno));
    } else {
        h->last = *next;
        h->slot = slot;
    }
    mem_free(next);
    return err;
}

enum err heads_swap(struct heads *h, uint64_t expected_size, uint64_t new_size, const struct hash *root,
                    struct str note, struct why *why)
{
    enum err err;

    if (note.n > HEADS_NOTE_MAX)
        return fail(why, ERR_TOO_LARGE, "a note of %zu bytes; at most %d fit", note.n, HEADS_NOTE_MAX);
    must(pthread_mutex_lock(&h->lock) == 0);
    err = may_follow(h, expected_size, new_size, root, why);
    if (err == OK) err = write_next(h, new_size, root, note, why);
    must(pthread_mutex_unlock(&h->lock) == 0);
    return err;
}
