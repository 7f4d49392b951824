/* keys.c - key files, made once with the system's randomness.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "node/keys.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hex.h"
#include "node/entropy.h"
#include "node/whole_file.h"

#define FILE_BYTES 65 /* 64 digits and LF. */
#define N_KEYS 5
#define HTTP 4        /* The one that older folders lack. */

static enum err write_key(const char *path, const uint8_t seed[32], struct why *why)
{
    char text[FILE_BYTES];
    hex_encode(seed, 32, text);
    text[FILE_BYTES - 1] = '\n';
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) return fail(why, ERR_DISK, "%s: cannot be made: %s", path, strerror(errno));
    bool is_written = write(fd, text, sizeof text) == (ssize_t)sizeof text && fsync(fd) == 0;
    int error = errno;
    (void)close(fd);
    explicit_bzero(text, sizeof text);
    if (!is_written) return fail(why, ERR_DISK, "%s: cannot be written: %s", path, strerror(error));
    return OK;
}

/* ERR_NOT_FOUND if there is no such file. */
static enum err read_key(const char *path, uint8_t ret_seed[32], struct why *why)
{
    char text[FILE_BYTES + 1];
    struct stat is;

    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT) return ERR_NOT_FOUND;
    if (fd < 0) return fail(why, ERR_CORRUPT, "%s: cannot be opened: %s", path, strerror(errno));
    ssize_t n = fstat(fd, &is) == 0 ? read(fd, text, sizeof text) : -1;
    (void)close(fd);
    if (n < 0) return fail(why, ERR_CORRUPT, "%s: cannot be read: %s", path, strerror(errno));
    if (is.st_mode & 077) {
        return fail(why, ERR_CORRUPT, "%s: a secret key that others may read (mode %o); chmod 600", path,
                    (unsigned)is.st_mode & 0777);
    }
    bool is_key = n >= 64 && n <= FILE_BYTES && hex_decode(str_make(text, 64), 32, ret_seed);
    explicit_bzero(text, sizeof text);
    if (!is_key) return fail(why, ERR_CORRUPT, "%s: not a key: 64 hex digits wanted", path);
    return OK;
}

static const char *const names[N_KEYS] = {"root", "entry", "log", "mirror", "http"};

/* Makes all in DIR/keys.new, a root key where wanted, and renames that, so that there are all keys or none. */
static enum err make_files(uint8_t seeds[N_KEYS][32], const char *dir, const char *folder, bool with_root, struct why *why)
{
    char fresh[PATH_MAX - 16];
    char path[PATH_MAX];

    (void)snprintf(fresh, sizeof fresh, "%s/keys.new", dir);
    if (mkdir(fresh, 0700) != 0 && errno != EEXIST) {
        return fail(why, ERR_DISK, "%s: cannot be made: %s", fresh, strerror(errno));
    }
    for (int i = 0; i < N_KEYS; i++) {
        entropy_fill(seeds[i], 32);
        (void)snprintf(path, sizeof path, "%s/%s.key", fresh, names[i]);
        (void)unlink(path); /* Left by a start that was cut off. */
        if (i == 0 && !with_root) continue;
        TRY(write_key(path, seeds[i], why));
    }
    TRY(whole_file_sync_folder(fresh, why));
    if (rename(fresh, folder) != 0) {
        return fail(why, ERR_DISK, "%s: cannot be renamed: %s", fresh, strerror(errno));
    }
    return whole_file_sync_folder(dir, why);
}

/* has_root NULL: the root key is needed. */
static enum err open_files(uint8_t seeds[N_KEYS][32], const char *dir, bool may_make, bool is_member, bool *has_root, struct why *why)
{
    char folder[PATH_MAX - 16];
    char path[PATH_MAX];
    struct stat is;

    if (snprintf(folder, sizeof folder, "%s/keys", dir) >= (int)sizeof folder - 8) {
        return fail(why, ERR_INPUT, "the data folder's path is too long");
    }
    if (stat(folder, &is) != 0) {
        if (errno != ENOENT) return fail(why, ERR_DISK, "%s: %s", folder, strerror(errno));
        if (may_make) return make_files(seeds, dir, folder, true, why);
        if (is_member) return fail(why, ERR_INPUT, "%s: no keys: clearline init makes them", folder);
        return fail(why, ERR_CORRUPT, "%s is missing beside a journal: restore it from its backup", folder);
    }
    for (int i = 0; i < N_KEYS; i++) {
        (void)snprintf(path, sizeof path, "%s/%s.key", folder, names[i]);
        enum err e = read_key(path, seeds[i], why);
        if (i == 0 && has_root) {
            *has_root = e == OK;
            if (e == ERR_NOT_FOUND) continue;
        }
        if (e == ERR_NOT_FOUND && i == HTTP) {
            entropy_fill(seeds[i], 32);
            e = write_key(path, seeds[i], why);
            if (e == OK) e = whole_file_sync_folder(folder, why);
        } else if (e == ERR_NOT_FOUND) {
            return fail(why, ERR_CORRUPT, "%s is missing: restore it from its backup", path);
        }
        TRY(e);
    }
    return OK;
}

static void init_keys(struct keys *ret, uint8_t seeds[N_KEYS][32], bool has_root)
{
    ret->has_root = has_root;
    if (has_root) key_secret_init(&ret->root, seeds[0]);
    key_secret_init(&ret->entry, seeds[1]);
    key_secret_init(&ret->log, seeds[2]);
    key_secret_init(&ret->mirror, seeds[3]);
    key_secret_init(&ret->http, seeds[HTTP]);
    explicit_bzero(seeds, N_KEYS * sizeof seeds[0]);
}

enum err keys_open(struct keys *ret, const char *dir, bool may_make, struct why *why)
{
    uint8_t seeds[N_KEYS][32];
    bool has_root = true;
    if (dir) {
        TRY(open_files(seeds, dir, may_make, false, may_make ? NULL : &has_root, why));
    } else {
        entropy_fill(seeds, sizeof seeds);
    }
    init_keys(ret, seeds, has_root);
    return OK;
}

enum err keys_open_member(struct keys *ret, const char *dir, struct why *why)
{
    uint8_t seeds[N_KEYS][32];
    bool has_root = false;
    TRY(open_files(seeds, dir, false, true, &has_root, why));
    init_keys(ret, seeds, has_root);
    return OK;
}

void keys_done(struct keys *k)
{
    key_secret_done(&k->root);
    key_secret_done(&k->entry);
    key_secret_done(&k->log);
    key_secret_done(&k->mirror);
    key_secret_done(&k->http);
}

enum err keys_make_node(const char *dir, struct why *why)
{
    char folder[PATH_MAX - 16];
    uint8_t seeds[N_KEYS][32];
    struct stat is;

    if (snprintf(folder, sizeof folder, "%s/keys", dir) >= (int)sizeof folder - 8) {
        return fail(why, ERR_INPUT, "the data folder's path is too long");
    }
    if (stat(folder, &is) == 0) return fail(why, ERR_INPUT, "%s: is there already", folder);
    enum err e = make_files(seeds, dir, folder, false, why);
    explicit_bzero(seeds, sizeof seeds);
    return e;
}

enum err key_file_read(const char *path, struct key_secret *ret, struct why *why)
{
    uint8_t seed[32];

    TRY(read_key(path, seed, why));
    key_secret_init(ret, seed);
    explicit_bzero(seed, sizeof seed);
    return OK;
}

struct change keys_join(const struct keys *k, struct str member, const struct hash *genesis)
{
    struct change join = {.kind = CHANGE_JOIN, .member = member, .digest = *genesis, .has_http_key = true};

    memcpy(join.entry_key, k->entry.public.b, sizeof join.entry_key);
    memcpy(join.log_key, k->log.public.b, sizeof join.log_key);
    memcpy(join.mirror_key, k->mirror.public.b, sizeof join.mirror_key);
    memcpy(join.http_key, k->http.public.b, sizeof join.http_key);
    return join;
}
