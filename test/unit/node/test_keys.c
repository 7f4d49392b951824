/* test_keys.c - tests of key files: made once, together, and never in place of missing ones.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "node/keys.h"

#include <sys/stat.h>
#include <unistd.h>

#include "home.h"
#include "t.h"

static const char *const names[5] = {"keys/root.key", "keys/entry.key", "keys/log.key", "keys/mirror.key", "keys/http.key"};

static bool same_keys(const struct keys *a, const struct keys *b)
{
    const struct key_secret *x[5] = {&a->root, &a->entry, &a->log, &a->mirror, &a->http};
    const struct key_secret *y[5] = {&b->root, &b->entry, &b->log, &b->mirror, &b->http};
    bool same = true;
    for (int i = 0; i < 5; i++) same = same && memcmp(x[i]->public.b, y[i]->public.b, 32) == 0;
    return same;
}

static void keys_are_made_once_and_read_again(void)
{
    struct keys made, again;
    struct home h;
    struct stat is;
    struct why why = {{0}};

    home_make(&h);
    CHECK_INT(keys_open(&made, h.dir, false, &why), ERR_CORRUPT);
    CHECK(strstr(why.text, home_file(&h, "keys")) != NULL);
    CHECK_INT(keys_open(&made, h.dir, true, &why), OK);
    CHECK_INT(keys_open(&again, h.dir, false, &why), OK);
    CHECK(same_keys(&made, &again));
    for (int i = 0; i < 5; i++) {
        must(stat(home_file(&h, names[i]), &is) == 0);
        CHECK_INT(is.st_mode & 0777, 0600);
        CHECK_INT(is.st_size, 65);
    }
    CHECK(memcmp(made.root.public.b, made.log.public.b, 32) != 0);
    CHECK(memcmp(made.entry.public.b, made.mirror.public.b, 32) != 0);
    keys_done(&made);
    keys_done(&again);
    home_remove(&h);
}

static void a_start_that_was_cut_off_leaves_nothing_that_counts(void)
{
    struct keys keys;
    struct home h;
    struct why why = {{0}};

    home_make(&h);
    must(mkdir(home_file(&h, "keys.new"), 0700) == 0);
    FILE *file = fopen(home_file(&h, "keys.new/root.key"), "w");
    must(file && fputs("half a k", file) >= 0 && fclose(file) == 0);
    CHECK_INT(keys_open(&keys, h.dir, true, &why), OK);
    CHECK(access(home_file(&h, "keys.new"), F_OK) != 0);
    keys_done(&keys);
    home_remove(&h);
}

static void write_text(const struct home *h, const char *name, const char *text)
{
    FILE *file = fopen(home_file(h, name), "w");
    must(file && fputs(text, file) >= 0 && fclose(file) == 0);
}

static void a_missing_damaged_or_open_file_is_named(void)
{
    struct keys keys;
    struct home h;
    struct why why = {{0}};

    home_make(&h);
    must(keys_open(&keys, h.dir, true, &why) == OK);
    keys_done(&keys);
    for (int i = 0; i < 5; i++) {
        struct str kept = t_read_file(home_file(&h, names[i]));
        char text[80];
        static const char *const bad[] = {"", "00", "g"};
        must(kept.n == 65);
        for (size_t k = 0; k < sizeof bad / sizeof *bad; k++) {
            (void)snprintf(text, sizeof text, "%s", k == 2 ? kept.at : bad[k]);
            if (k == 2) text[5] = 'g'; /* One digit is none. */
            write_text(&h, names[i], text);
            CHECK_INT(keys_open(&keys, h.dir, true, &why), ERR_CORRUPT);
            CHECK(strstr(why.text, home_file(&h, names[i])) != NULL);
        }
        must(unlink(home_file(&h, names[i])) == 0);
        if (i < 4) {
            CHECK_INT(keys_open(&keys, h.dir, true, &why), ERR_CORRUPT); /* One of those that sign the record is never made anew. */
            CHECK(strstr(why.text, home_file(&h, names[i])) != NULL);
        }
        write_text(&h, names[i], kept.at);
        must(chmod(home_file(&h, names[i]), 0640) == 0);
        CHECK_INT(keys_open(&keys, h.dir, true, &why), ERR_CORRUPT);
        CHECK(strstr(why.text, "chmod 600") != NULL);
        must(chmod(home_file(&h, names[i]), 0600) == 0);
        CHECK_INT(keys_open(&keys, h.dir, false, &why), OK);
        keys_done(&keys);
        mem_free((void *)kept.at);
    }
    home_remove(&h);
}

static void a_folder_without_an_http_key_gets_one_and_keeps_it(void)
{
    struct keys first, second, third;
    struct home h;

    home_make(&h);
    must(keys_open(&first, h.dir, true, NULL) == OK);
    must(unlink(home_file(&h, "keys/http.key")) == 0);
    CHECK_INT(keys_open(&second, h.dir, false, NULL), OK);
    CHECK_INT(keys_open(&third, h.dir, false, NULL), OK);
    CHECK(memcmp(first.http.public.b, second.http.public.b, 32) != 0);
    CHECK(same_keys(&second, &third));
    keys_done(&first);
    keys_done(&second);
    keys_done(&third);
    home_remove(&h);
}

static void keys_in_memory_differ_each_time(void)
{
    struct keys a, b;
    CHECK_INT(keys_open(&a, NULL, true, NULL), OK);
    CHECK_INT(keys_open(&b, NULL, true, NULL), OK);
    CHECK(!same_keys(&a, &b));
    keys_done(&a);
    keys_done(&b);
}

int main(void)
{
    RUN(keys_are_made_once_and_read_again);
    RUN(a_start_that_was_cut_off_leaves_nothing_that_counts);
    RUN(a_missing_damaged_or_open_file_is_named);
    RUN(a_folder_without_an_http_key_gets_one_and_keeps_it);
    RUN(keys_in_memory_differ_each_time);
    return t_done();
}
