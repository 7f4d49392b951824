/* test_card.c - tests of members' cards and of what founders sign.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "cli/card.h"

#include "cli/founding.h"
#include "home.h"
#include "state/state.h"
#include "t.h"

static struct key_secret key_of(uint8_t seed)
{
    struct key_secret k;
    uint8_t bytes[32];
    memset(bytes, seed, sizeof bytes);
    key_secret_init(&k, bytes);
    return k;
}

static void make(const char *name, struct key_secret *root, size_t n_urls, struct buf *to)
{
    struct card c = {.name = str_of(name), .root = root->public, .n_urls = n_urls};
    for (size_t i = 0; i < n_urls; i++) c.urls[i] = STR("https://a.test:1/x");
    card_write(&c, root, to);
}

static void a_card_is_read_as_it_was_written(void)
{
    struct key_secret root = key_of(1);

    for (size_t n = 0; n <= LIMIT_ADDRESSES; n++) {
        AUTO(buf_done) struct buf text = {0}, again = {0};
        struct card c;
        make("north", &root, n, &text);
        CHECK_INT(card_read(buf_str(&text), &c, NULL), OK);
        CHECK(str_equal(c.name, STR("north")) && c.n_urls == n);
        card_write(&c, &root, &again);
        CHECK(str_equal(buf_str(&text), buf_str(&again)));
    }
    key_secret_done(&root);
}

static void a_card_with_any_byte_changed_is_refused(void)
{
    AUTO(buf_done) struct buf text = {0};
    struct key_secret root = key_of(2);
    struct card c;

    make("north", &root, 1, &text);
    for (size_t i = 0; i < text.n; i++) {
        text.at[i] ^= 1;
        CHECK(card_read(buf_str(&text), &c, NULL) == ERR_INPUT);
        text.at[i] ^= 1;
        CHECK(card_read(str_first(buf_str(&text), i), &c, NULL) == ERR_INPUT);
    }
    buf_add_char(&text, '\n');
    CHECK(card_read(buf_str(&text), &c, NULL) == ERR_INPUT);
    key_secret_done(&root);
}

static void names_and_urls_that_would_mislead_are_refused(void)
{
    static const char *const names[] = {"", " a", "a ", "a,b", "a\nb", "a\x7f", "\xff"};
    static const char *const urls[] = {"", "ftp://a", "https://", "https:///x", "https://a b", "https://\xc3\xa9.test"};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) CHECK_INT(card_check_name(str_of(names[i]), NULL), ERR_INPUT);
    for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) CHECK_INT(card_check_url(str_of(urls[i]), NULL), ERR_INPUT);
    CHECK_INT(card_check_name(STR("Füße north-2"), NULL), OK);
    CHECK_INT(card_check_url(STR("http://[::1]:80"), NULL), OK);
}

/* What a founder signs is taken by apply, and makes its member count. */
static void a_join_of_a_founder_counts(void)
{
    AUTO(buf_done) struct buf text = {0}, entry = {0}, leaf = {0};
    AUTO(arena_done) struct arena arena = {0};
    struct keys keys = {0};
    struct founding f = {0};
    struct state *s;
    struct entry e;
    struct outcome *outcomes;
    struct home h;
    struct str url = STR("https://a.test"), self = STR("north");
    struct change more = {.kind = CHANGE_PARTICIPANT, .uss = STR("uss1"), .names = &self, .n_names = 1, .rights = RIGHTS_ALL};
    struct key_public log, mirror;

    home_make(&h);
    must(keys_open(&keys, h.dir, true, NULL) == OK);
    make("north", &keys.root, 0, &text);
    FILE *file = fopen(home_file(&h, "card"), "w");
    must(file && fwrite(text.at, 1, text.n, file) == text.n && fclose(file) == 0);
    const char *cards[] = {home_file(&h, "card")};
    CHECK_INT(founding_make(cards, 1, STR("line.test"), true, false, 1, &f, NULL), OK);
    CHECK_INT(founding_join(&f, &keys, &url, 1, &more, 1, &entry, NULL), OK);

    must(state_new(buf_str(&f.bytes), &s, NULL) == OK);
    must(entry_decode(buf_str(&entry), &arena, &e, NULL) == OK);
    CHECK(entry_verify(buf_str(&entry), STR("line.test"), &keys.root.public));
    CHECK_INT(state_apply(s, &e, buf_str(&entry), &arena, &outcomes, &leaf), OK);
    for (size_t i = 0; i < 3; i++) CHECK_INT(outcomes[i].reason, REASON_ACCEPTED);
    CHECK(state_author_log_keys(state_view(s), e.changes[1].node, &log, &mirror));
    CHECK(memcmp(log.b, keys.log.public.b, sizeof log.b) == 0);
    state_free(s);
    founding_done(&f);
    keys_done(&keys);
    home_remove(&h);
}

int main(void)
{
    RUN(a_card_is_read_as_it_was_written);
    RUN(a_card_with_any_byte_changed_is_refused);
    RUN(names_and_urls_that_would_mislead_are_refused);
    RUN(a_join_of_a_founder_counts);
    return t_done();
}
