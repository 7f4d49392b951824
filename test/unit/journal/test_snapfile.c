/* test_snapfile.c - a snapshot file is whole or passed over.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "journal/snapfile.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "t.h"

static char dir[200];

static void folder_make(void)
{
    const char *tmp = getenv("TMPDIR");

    (void)snprintf(dir, sizeof dir, "%s/snapfile-XXXXXX", tmp ? tmp : "/tmp");
    must(mkdtemp(dir) != NULL);
}

/* Removes all files; returns how many there were. */
static int folder_empty(void)
{
    DIR *d = opendir(dir);
    struct dirent *e;
    int n = 0;

    must(d != NULL);
    while ((e = readdir(d)) != NULL) {
        if (e->d_name[0] == '.') continue;
        CHECK_INT(unlinkat(dirfd(d), e->d_name, 0), 0);
        n++;
    }
    (void)closedir(d);
    return n;
}

static void folder_remove(void)
{
    (void)folder_empty();
    CHECK_INT(rmdir(dir), 0);
}

static void name_of(uint64_t position, char name[256])
{
    (void)snprintf(name, 256, "%s/snapshot-%020llu", dir, (unsigned long long)position);
}

static void fill(uint64_t position, size_t n, struct buf *ret)
{
    struct rng rng = {position};

    for (size_t i = 0; i < n; i++) buf_add_char(ret, (char)rng_next(&rng));
}

static enum err make(uint64_t position, size_t n, size_t piece, struct why *why)
{
    AUTO(buf_done) struct buf bytes = {0};
    struct snapfile *f = NULL;

    fill(position, n, &bytes);
    TRY(snapfile_begin(dir, position, &f, why));
    for (size_t at = 0; at < n; at += piece) {
        enum err err = snapfile_write(f, str_first(str_skip(buf_str(&bytes), at), piece), why);
        if (err == OK) continue;
        snapfile_abandon(f);
        return err;
    }
    return snapfile_commit(f, why);
}

/* Position of the newest, whose contents must be what make() wrote; 0 if none. */
static uint64_t newest(size_t n, unsigned n_damaged)
{
    AUTO(buf_done) struct buf want = {0};
    struct snapmap map = {0};
    struct why why = {{0}};
    uint64_t position;
    enum err err = snapfile_newest(dir, &map, &why);

    if (err) {
        CHECK_INT(err, n_damaged ? ERR_CORRUPT : ERR_NOT_FOUND);
        CHECK(strstr(why.text, dir) != NULL);
        return 0;
    }
    fill(map.position, n, &want);
    CHECK_STR(map.contents, buf_str(&want));
    CHECK_INT(map.n_damaged, n_damaged);
    position = map.position;
    snapmap_done(&map);
    return position;
}

static void what_was_written_is_mapped_and_the_newest_two_are_kept(void)
{
    static const size_t pieces[] = {1, 7, 4096, 300000, 1000000};
    struct why why;

    folder_make();
    CHECK_INT(newest(0, 0), 0);
    for (size_t i = 0; i < 5; i++) {
        size_t n = pieces[i] == 1 ? 3000 : 700001;
        CHECK_INT(make(10 + i * 90, n, pieces[i], &why), OK);
        CHECK_INT(newest(n, 0), 10 + i * 90);
    }
    CHECK_INT(folder_empty(), 2);
    CHECK_INT(make(UINT64_MAX, 0, 1, &why), OK);
    CHECK(newest(0, 0) == UINT64_MAX);
    folder_remove();
}

static void an_unfinished_one_is_nothing_and_is_removed_later(void)
{
    struct snapfile *f = NULL;
    struct why why;
    char name[300];

    folder_make();
    CHECK_INT(make(5, 100, 100, &why), OK);
    must(snapfile_begin(dir, 9, &f, &why) == OK);
    CHECK_INT(snapfile_write(f, STR("half"), &why), OK);
    CHECK_INT(newest(100, 0), 5);
    snapfile_abandon(f);
    (void)snprintf(name, sizeof name, "%s/snapshot-00000000000000000007.new", dir);
    must(close(open(name, O_CREAT | O_WRONLY, 0600)) == 0); /* A crash left it. */
    CHECK_INT(newest(100, 0), 5);
    CHECK_INT(make(11, 100, 100, &why), OK);
    CHECK_INT(folder_empty(), 2);
    folder_remove();
}

/* One fault a file: cut anywhere, one bit anywhere, emptied, or under another's name. */
static void a_damaged_newest_gives_way_to_the_one_before(void)
{
    struct rng rng = t_rng();
    struct why why;

    folder_make();
    for (int i = 0; i < t_steps(300); i++) {
        char name[256], other[256], byte;
        int fd;
        off_t size, at;

        CHECK_INT(make(100, 500, 500, &why), OK);
        CHECK_INT(make(200, 500, 500, &why), OK);
        name_of(200, name);
        name_of(201, other);
        fd = open(name, O_RDWR);
        size = lseek(fd, 0, SEEK_END);
        at = (off_t)rng_below(&rng, (uint64_t)size);
        switch (rng_below(&rng, 4)) {
        case 0: must(ftruncate(fd, at) == 0); break;
        case 1: must(rename(name, other) == 0); break;
        case 2: must(pwrite(fd, "x", 1, size) == 1); break;
        default:
            must(pread(fd, &byte, 1, at) == 1);
            byte = (char)(byte ^ 1 << rng_below(&rng, 8));
            must(pwrite(fd, &byte, 1, at) == 1);
        }
        must(close(fd) == 0);
        if (!CHECK_INT(newest(500, 1), 100)) break;
        name_of(100, name);
        must(truncate(name, at) == 0);
        if (!CHECK_INT(newest(500, 2), 0)) break;
        (void)folder_empty();
    }
    folder_remove();
}

static void a_full_disk_leaves_the_one_before(void)
{
    struct rlimit before, small;
    struct why why;

    folder_make();
    CHECK_INT(make(5, 100, 100, &why), OK);
    must(signal(SIGXFSZ, SIG_IGN) != SIG_ERR && getrlimit(RLIMIT_FSIZE, &before) == 0);
    small = before;
    small.rlim_cur = 500000;
    must(setrlimit(RLIMIT_FSIZE, &small) == 0);
    CHECK_INT(make(9, 499990, 10000, &why), ERR_DISK);
    CHECK_INT(make(9, 700000, 10000, &why), ERR_DISK);
    must(setrlimit(RLIMIT_FSIZE, &before) == 0);
    CHECK(strstr(why.text, "File too large") != NULL);
    CHECK_INT(newest(100, 0), 5);
    CHECK_INT(folder_empty(), 1);
    (void)snprintf(dir + strlen(dir), 10, "/absent");
    CHECK_INT(make(9, 10, 10, &why), ERR_DISK);
    CHECK(strstr(why.text, "No such file or directory") != NULL);
    *strrchr(dir, '/') = '\0';
    folder_remove();
}

int main(void)
{
    RUN(what_was_written_is_mapped_and_the_newest_two_are_kept);
    RUN(an_unfinished_one_is_nothing_and_is_removed_later);
    RUN(a_damaged_newest_gives_way_to_the_one_before);
    RUN(a_full_disk_leaves_the_one_before);
    return t_done();
}
