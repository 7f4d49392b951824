/* abandon.c - the branch that a node gives up to go back to the majority's.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "cli/abandon.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/hex.h"
#include "base/str.h"
#include "cli/file.h"
#include "node/whole_file.h"

/* The heads last: as long as they are there, this folder is not done. */
static const char *const files[] = {"journal.db", "journal.db-wal", "journal.db-shm", "refused", "unclear",
                                    "audit",      "epoch",          "epoch.signed",   "heads"};

enum err abandon_open(struct abandon *ret, const char *dir, const uint8_t author[8], struct why *why)
{
    struct abandon a = {.has_head = false};
    char path[PATH_MAX + 16], hex[17] = {0};

    hex_encode(author, 8, hex);
    if (snprintf(a.from, sizeof a.from, "%s", dir) >= PATH_MAX - 64) return fail(why, ERR_INPUT, "--node: the path is too long");
    (void)snprintf(a.to, sizeof a.to, "%.*s/abandoned.%s", PATH_MAX - 64, dir, hex);
    (void)snprintf(path, sizeof path, "%s/heads", a.from);
    enum err e = heads_open(path, &a.heads, why);
    if (e == ERR_NOT_FOUND) { /* An earlier run came that far. */
        (void)snprintf(path, sizeof path, "%s/heads", a.to);
        e = heads_open(path, &a.heads, why);
    }
    if (e == ERR_BUSY) return fail(why, ERR_BUSY, "%s: a node runs there; stop it first", dir);
    TRY(e);
    a.has_head = heads_last(a.heads, &a.size, &a.root, NULL);
    *ret = a;
    return OK;
}

static enum err move(const struct abandon *a, const char *name, struct why *why)
{
    char from[PATH_MAX + NAME_MAX + 2], to[PATH_MAX + NAME_MAX + 2];

    (void)snprintf(from, sizeof from, "%s/%s", a->from, name);
    (void)snprintf(to, sizeof to, "%s/%s", a->to, name);
    if (rename(from, to) == 0 || errno == ENOENT) return OK;
    return fail(why, ERR_DISK, "%s cannot become %s: %s", from, to, strerror(errno));
}

static enum err move_snapshots(const struct abandon *a, struct why *why)
{
    DIR *dir = opendir(a->from);
    const struct dirent *entry;
    enum err err = dir ? OK : fail(why, ERR_DISK, "%s: %s", a->from, strerror(errno));

    while (err == OK && (entry = readdir(dir)) != NULL)
        if (str_starts(str_of(entry->d_name), STR("snapshot-"))) err = move(a, entry->d_name, why);
    if (dir) (void)closedir(dir);
    return err;
}

enum err abandon_set_aside(struct abandon *a, struct why *why)
{
    TRY(file_make_folder(a->to, why));
    TRY(move_snapshots(a, why));
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) TRY(move(a, files[i], why));
    TRY(whole_file_sync_folder(a->to, why));
    return whole_file_sync_folder(a->from, why);
}

void abandon_done(struct abandon *a)
{
    if (a) heads_close(a->heads);
}
