/* test_unclear.c - what was told to be unclear is known after a restart, whatever the file's end looks like.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "node/unclear.h"

#include <stdlib.h>

#include "home.h"
#include "t.h"

static struct why why;

static struct unclear_entry entry(int i)
{
    char text[16];
    (void)snprintf(text, sizeof text, "entry %d", i);
    return (struct unclear_entry){.slot = (uint64_t)i, .hash = hash_of(str_of(text))};
}

static struct unclear *opened(const struct home *h)
{
    struct unclear *u = NULL;
    if (!CHECK(unclear_open(h ? h->dir : NULL, &u, &why) == OK)) printf("# %s\n", why.text);
    return u;
}

static void cut(const struct home *h, size_t n, const char *more)
{
    struct str bytes = t_read_file(home_file(h, "unclear"));
    FILE *file = fopen(home_file(h, "unclear"), "wb");
    must(file && bytes.n >= n && fwrite(bytes.at, 1, bytes.n - n, file) == bytes.n - n && fputs(more, file) >= 0 && fclose(file) == 0);
    free((char *)bytes.at);
}

static void what_is_open_is_open_until_it_is_settled(void)
{
    struct unclear *u = opened(NULL);
    struct unclear_entry all[3] = {entry(7), entry(5), entry(6)}, first, other = entry(9);

    CHECK(unclear_add(u, all, 3, &why) == OK);
    CHECK(unclear_add(u, all, 3, &why) == OK);
    CHECK_INT(unclear_n_open(u), 3);
    CHECK(unclear_first(u, &first) && first.slot == 5);
    other.epoch = 1;
    other.slot = 0;
    CHECK(unclear_add(u, &other, 1, &why) == OK);
    CHECK(unclear_first(u, &first) && first.slot == 5); /* An earlier epoch's come first. */
    unclear_settle(u, &other.hash, false);
    unclear_settle(u, &all[1].hash, false);
    unclear_settle(u, &all[2].hash, true);
    unclear_settle(u, &all[2].hash, false); /* Once. */
    other = entry(10);
    unclear_settle(u, &other.hash, true);
    CHECK_INT(unclear_find(u, &all[0].hash), UNCLEAR_OPEN);
    CHECK_INT(unclear_find(u, &all[1].hash), UNCLEAR_ABSENT);
    CHECK_INT(unclear_find(u, &all[2].hash), UNCLEAR_COMMITTED);
    CHECK_INT(unclear_find(u, &other.hash), UNCLEAR_STRANGE);
    CHECK(unclear_first(u, &first) && first.slot == 7);
    CHECK_INT(unclear_n_open(u), 1);
    unclear_free(u);
}

static void it_is_known_after_a_restart(void)
{
    struct home h;
    struct unclear_entry all[3] = {entry(1), entry(2), entry(3)};

    home_make(&h);
    for (int restart = 0; restart < 3; restart++) {
        struct unclear *u = opened(&h);
        if (restart == 0) {
            CHECK(unclear_add(u, all, 3, &why) == OK);
            unclear_settle(u, &all[1].hash, true);
        }
        if (restart == 1) unclear_settle(u, &all[2].hash, false);
        CHECK_INT(unclear_find(u, &all[0].hash), UNCLEAR_OPEN);
        CHECK_INT(unclear_find(u, &all[1].hash), UNCLEAR_COMMITTED);
        CHECK_INT(unclear_find(u, &all[2].hash), restart ? UNCLEAR_ABSENT : UNCLEAR_OPEN);
        CHECK_INT(unclear_n_open(u), restart ? 1 : 2);
        unclear_free(u);
    }
    home_remove(&h);
}

static void a_line_that_was_cut_off_does_not_count(void)
{
    struct home h;
    struct unclear_entry all[3] = {entry(1), entry(2), entry(3)};

    home_make(&h);
    struct unclear *u = opened(&h);
    CHECK(unclear_add(u, all, 2, &why) == OK);
    unclear_free(u);
    cut(&h, 5, "");
    u = opened(&h);
    CHECK_INT(unclear_find(u, &all[1].hash), UNCLEAR_STRANGE);
    CHECK(unclear_add(u, &all[2], 1, &why) == OK); /* On a line of its own. */
    unclear_free(u);
    u = opened(&h);
    CHECK_INT(unclear_n_open(u), 2);
    unclear_free(u);
    cut(&h, 0, "open 0 nonsense\n"); /* As a loss of power may leave it. */
    u = opened(&h);
    CHECK_INT(unclear_n_open(u), 2);
    unclear_free(u);
    home_remove(&h);
}

static void only_the_newest_are_kept(void)
{
    struct unclear *u = opened(NULL);
    struct unclear_entry last = entry(UNCLEAR_MAX + 9), first = entry(0);

    for (int i = 0; i < UNCLEAR_MAX + 10; i++) {
        struct unclear_entry e = entry(i);
        CHECK(unclear_add(u, &e, 1, &why) == OK);
    }
    CHECK_INT(unclear_n_open(u), UNCLEAR_MAX);
    CHECK_INT(unclear_find(u, &first.hash), UNCLEAR_STRANGE);
    CHECK_INT(unclear_find(u, &last.hash), UNCLEAR_OPEN);
    unclear_free(u);
}

int main(void)
{
    RUN(what_is_open_is_open_until_it_is_settled);
    RUN(it_is_known_after_a_restart);
    RUN(a_line_that_was_cut_off_does_not_count);
    RUN(only_the_newest_are_kept);
    return t_done();
}
