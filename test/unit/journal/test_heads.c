/* test_heads.c - the last signed head never goes back, whatever happens to its file.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "journal/heads.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "t.h"

#define SLOT 8192

static char path[256], dir[200];

static void folder_make(void)
{
    const char *tmp = getenv("TMPDIR");

    (void)snprintf(dir, sizeof dir, "%s/heads-XXXXXX", tmp ? tmp : "/tmp");
    must(mkdtemp(dir) != NULL);
    (void)snprintf(path, sizeof path, "%s/heads", dir);
}

static void folder_remove(void)
{
    (void)unlink(path);
    CHECK_INT(rmdir(dir), 0);
}

static struct hash root_of(uint64_t size)
{
    return hash_of(str_make(&size, sizeof size));
}

static enum err swap(struct heads *h, uint64_t expected, uint64_t size, struct why *why)
{
    struct hash root = root_of(size);
    char note[64];

    (void)snprintf(note, sizeof note, "note of %llu", (unsigned long long)size);
    return heads_swap(h, expected, size, &root, str_of(note), why);
}

/* 0: none. */
static uint64_t last_size(struct heads *h)
{
    AUTO(buf_done) struct buf note = {0};
    struct hash root = {{0}}, want;
    uint64_t size = 0;
    char text[64];

    if (!heads_last(h, &size, &root, &note)) return 0;
    want = root_of(size);
    CHECK(hash_equal(&root, &want));
    (void)snprintf(text, sizeof text, "note of %llu", (unsigned long long)size);
    CHECK_STR(buf_str(&note), str_of(text));
    return size;
}

static void the_store_must_be_made_once_and_be_there(void)
{
    struct heads *h = NULL;
    struct why why = {{0}};

    folder_make();
    CHECK_INT(heads_open(path, &h, &why), ERR_NOT_FOUND);
    CHECK(h == NULL && strstr(why.text, path) != NULL);
    CHECK_INT(heads_create(path, &why), OK);
    CHECK_INT(heads_create(path, &why), ERR_CONFLICT);
    must(heads_open(path, &h, &why) == OK);
    CHECK(!heads_last(h, NULL, NULL, NULL));
    CHECK(!heads_was_torn(h));
    CHECK_INT(swap(h, 0, 2, &why), OK);
    CHECK_INT(heads_create(path, &why), ERR_CONFLICT);
    CHECK_INT(last_size(h), 2);
    heads_close(h);
    folder_remove();
}

static void a_head_neither_goes_back_nor_contradicts(void)
{
    struct hash other = root_of(77);
    struct heads *h = NULL;
    struct why why;
    char large[HEADS_NOTE_MAX + 1];

    folder_make();
    must(heads_create(path, &why) == OK && heads_open(path, &h, &why) == OK);
    CHECK_INT(swap(h, 0, 10, &why), OK);
    CHECK_INT(swap(h, 0, 12, &why), ERR_CONFLICT); /* Another was faster. */
    CHECK_INT(swap(h, 10, 8, &why), ERR_CONFLICT);
    CHECK_INT(heads_swap(h, 10, 10, &other, STR("x"), &why), ERR_CONFLICT);
    CHECK_INT(last_size(h), 10);
    CHECK_INT(swap(h, 10, 10, &why), OK); /* The same once more, with other signatures perhaps. */
    CHECK_INT(swap(h, 10, 500, &why), OK);
    memset(large, 'n', sizeof large);
    CHECK_INT(heads_swap(h, 500, 600, &other, str_make(large, sizeof large), &why), ERR_TOO_LARGE);
    CHECK_INT(heads_swap(h, 500, 600, &other, str_make(large, HEADS_NOTE_MAX), &why), OK);
    heads_close(h);
    must(heads_open(path, &h, &why) == OK);
    CHECK_INT(swap(h, 600, 700, &why), OK);
    CHECK_INT(last_size(h), 700);
    heads_close(h);
    folder_remove();
}

static void one_process_holds_it(void)
{
    struct heads *h = NULL, *second = NULL;
    struct why why;

    folder_make();
    must(heads_create(path, &why) == OK && heads_open(path, &h, &why) == OK);
    CHECK_INT(heads_open(path, &second, &why), ERR_BUSY);
    heads_close(h);
    CHECK_INT(heads_open(path, &second, &why), OK);
    heads_close(second);
    folder_remove();
}

static void a_copy_takes_its_place_with_all_that_was_signed(void)
{
    struct heads *h = NULL;
    struct why why;
    char fresh[sizeof path + 4];

    folder_make();
    CHECK_INT(heads_renew(path, &why), ERR_NOT_FOUND);
    must(heads_create(path, &why) == OK && heads_open(path, &h, &why) == OK);
    CHECK_INT(heads_renew(path, &why), ERR_BUSY);
    CHECK_INT(swap(h, 0, 10, &why), OK);
    CHECK_INT(swap(h, 10, 12, &why), OK);
    heads_close(h);
    CHECK_INT(heads_renew(path, &why), OK);
    (void)snprintf(fresh, sizeof fresh, "%s.new", path);
    CHECK(access(fresh, F_OK) != 0);
    must(mkdir(fresh, 0700) == 0); /* A copy cannot be made. */
    CHECK_INT(heads_renew(path, &why), ERR_DISK);
    CHECK(strstr(why.text, path) != NULL);
    must(rmdir(fresh) == 0);
    must(heads_open(path, &h, &why) == OK);
    CHECK_INT(last_size(h), 12);
    CHECK(!heads_was_torn(h));
    CHECK_INT(swap(h, 12, 14, &why), OK);
    heads_close(h);
    folder_remove();
}

static void new_keys_begin_without_a_head_and_the_old_one_is_kept(void)
{
    struct heads *h = NULL;
    struct why why;
    char kept[sizeof path + 8];

    folder_make();
    (void)snprintf(kept, sizeof kept, "%s.before", path);
    CHECK_INT(heads_begin_anew(path, kept, &why), ERR_DISK); /* There is nothing to keep. */
    must(heads_create(path, &why) == OK && heads_open(path, &h, &why) == OK);
    CHECK_INT(swap(h, 0, 10, &why), OK);
    heads_close(h);
    CHECK_INT(heads_begin_anew(path, kept, &why), OK);
    must(heads_open(path, &h, &why) == OK);
    CHECK(!heads_last(h, NULL, NULL, NULL));
    CHECK_INT(swap(h, 0, 4, &why), OK); /* Smaller than what the old keys signed. */
    heads_close(h);
    CHECK_INT(heads_begin_anew(path, kept, &why), OK); /* What is kept stays. */
    must(heads_open(kept, &h, &why) == OK);
    CHECK_INT(last_size(h), 10);
    heads_close(h);
    must(unlink(kept) == 0);
    folder_remove();
}

static void change_file(void (*change)(char *bytes, void *context), void *context)
{
    struct str file = t_read_file(path);
    int fd = open(path, O_WRONLY);

    must(file.n == 2 * SLOT && fd >= 0);
    change((char *)file.at, context);
    must(pwrite(fd, file.at, file.n, 0) == 2 * SLOT && close(fd) == 0);
    free((void *)file.at);
}

struct tear {
    const char *before; /* The file as it was before the last swap. */
    struct rng *rng;
};

/* Puts back sectors of the slot that the last swap wrote, whole or in part. */
static void tear_last(char *bytes, void *context)
{
    struct tear *t = context;

    for (size_t at = 0; at < 2 * SLOT; at += 512) {
        bool differs = memcmp(bytes + at, t->before + at, 512) != 0;
        if (differs) memcpy(bytes + at, t->before + at, rng_below(t->rng, 2) ? 512 : 1 + rng_below(t->rng, 20));
    }
}

static void a_torn_swap_leaves_the_head_before_it(void)
{
    struct rng rng = t_rng();
    int n_torn = 0;

    for (int i = 0; i < t_steps(60); i++) {
        struct heads *h = NULL;
        struct why why;
        struct str before;
        struct tear tear;
        uint64_t size = 0;

        folder_make();
        must(heads_create(path, &why) == OK && heads_open(path, &h, &why) == OK);
        for (uint64_t n = rng_below(&rng, 5); n > 0; n--, size += 2) CHECK_INT(swap(h, size, size + 2, &why), OK);
        before = t_read_file(path);
        CHECK_INT(swap(h, size, size + 2, &why), OK);
        heads_close(h);
        tear = (struct tear){before.at, &rng};
        change_file(tear_last, &tear);
        free((void *)before.at);
        if (!CHECK(heads_open(path, &h, &why) == OK)) return;
        n_torn += heads_was_torn(h);
        CHECK(last_size(h) == size || last_size(h) == size + 2);
        size = last_size(h);
        CHECK_INT(swap(h, size, size + 4, &why), OK);
        heads_close(h);
        must(heads_open(path, &h, &why) == OK);
        CHECK(!heads_was_torn(h)); /* The swap went over the damaged slot. */
        CHECK_INT(last_size(h), size + 4);
        heads_close(h);
        folder_remove();
    }
    CHECK(n_torn > 0);
}

static void ruin(char *bytes, void *context)
{
    bytes[30] ^= 1;
    bytes[SLOT + 30] ^= 1;
    (void)context;
}

static void a_store_without_a_good_slot_is_lost_and_says_so(void)
{
    struct heads *h = NULL;
    struct why why = {{0}};

    folder_make();
    must(heads_create(path, &why) == OK && heads_open(path, &h, &why) == OK);
    CHECK_INT(swap(h, 0, 2, &why), OK);
    heads_close(h);
    change_file(ruin, NULL);
    h = NULL;
    CHECK_INT(heads_open(path, &h, &why), ERR_CORRUPT);
    CHECK(h == NULL && strstr(why.text, "lost") != NULL);
    must(truncate(path, SLOT) == 0);
    CHECK_INT(heads_open(path, &h, &why), ERR_CORRUPT);
    folder_remove();
}

/* Writes beyond the limit of a file's size fail, as on a full disk. */
static void after_a_failed_write_nothing_is_swapped(void)
{
    struct rlimit before, small;
    struct heads *h = NULL;
    struct why why;

    folder_make();
    must(heads_create(path, &why) == OK && heads_open(path, &h, &why) == OK);
    must(signal(SIGXFSZ, SIG_IGN) != SIG_ERR && getrlimit(RLIMIT_FSIZE, &before) == 0);
    small = before;
    small.rlim_cur = SLOT;
    must(setrlimit(RLIMIT_FSIZE, &small) == 0);
    CHECK_INT(swap(h, 0, 2, &why), ERR_DISK);
    must(setrlimit(RLIMIT_FSIZE, &before) == 0);
    CHECK(strstr(why.text, "File too large") != NULL);
    CHECK_INT(swap(h, 0, 2, &why), ERR_DISK);
    CHECK_INT(last_size(h), 0);
    heads_close(h);
    must(heads_open(path, &h, &why) == OK);
    CHECK_INT(swap(h, 0, 2, &why), OK);
    heads_close(h);
    folder_remove();
}

int main(void)
{
    RUN(the_store_must_be_made_once_and_be_there);
    RUN(a_head_neither_goes_back_nor_contradicts);
    RUN(one_process_holds_it);
    RUN(a_copy_takes_its_place_with_all_that_was_signed);
    RUN(new_keys_begin_without_a_head_and_the_old_one_is_kept);
    RUN(a_torn_swap_leaves_the_head_before_it);
    RUN(a_store_without_a_good_slot_is_lost_and_says_so);
    RUN(after_a_failed_write_nothing_is_swapped);
    return t_done();
}
