/* test_recent.c - entries are found again by their hash.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "node/recent.h"

#include "t.h"

static struct hash hash_of_number(uint64_t i)
{
    return hash_of(str_make(&i, sizeof i));
}

static void append(struct store *store, uint64_t from, uint64_t n)
{
    struct why why = {0};
    for (uint64_t i = from; i < from + n;) {
        uint64_t numbers[256];
        struct str entries[256];
        size_t k = 0;
        for (; k < 256 && i < from + n; k++, i++) {
            numbers[k] = i;
            entries[k] = str_make(&numbers[k], sizeof numbers[k]);
        }
        CHECK(store_append(store, entries, k, &why) == OK);
    }
}

static void an_entry_is_found_by_its_hash_and_nothing_else_is(void)
{
    struct why why = {0};
    struct store *store = NULL;
    struct recent *r = recent_new();
    struct hash h = hash_of_number(0), other = hash_of_number(7);

    CHECK(store_open(NULL, &store, &why) == OK);
    CHECK(recent_has(r, store, &h) == RECENT_NO);
    append(store, 0, 5);
    CHECK(recent_has(r, store, &h) == RECENT_YES);
    CHECK(recent_has(r, store, &other) == RECENT_NO);
    append(store, 5, 3);
    CHECK(recent_has(r, store, &other) == RECENT_YES);
    other = hash_of_number(7);
    other.b[31] ^= 1; /* Same beginning. */
    CHECK(recent_has(r, store, &other) == RECENT_NO);
    recent_free(r);
    store_close(store);
}

static void what_is_older_than_the_newest_entries_is_unknown_not_absent(void)
{
    struct why why = {0};
    struct store *store = NULL;
    struct recent *r = recent_new();
    struct hash oldest = hash_of_number(0), kept = hash_of_number(300), newest = hash_of_number(RECENT_ENTRIES + 299);

    CHECK(store_open(NULL, &store, &why) == OK);
    append(store, 0, 100);
    CHECK(recent_has(r, store, &oldest) == RECENT_YES);
    append(store, 100, RECENT_ENTRIES + 200);
    CHECK(recent_has(r, store, &oldest) == RECENT_UNKNOWN);
    CHECK(recent_has(r, store, &kept) == RECENT_YES);
    CHECK(recent_has(r, store, &newest) == RECENT_YES);
    append(store, RECENT_ENTRIES + 300, 1);
    CHECK(recent_has(r, store, &kept) == RECENT_UNKNOWN);
    recent_free(r);
    store_close(store);
}

int main(void)
{
    RUN(an_entry_is_found_by_its_hash_and_nothing_else_is);
    RUN(what_is_older_than_the_newest_entries_is_unknown_not_absent);
    return t_done();
}
