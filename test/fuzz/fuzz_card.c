/* fuzz_card.c - members' cards: what is read is written again as it was, by the one key that could.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The text is read as it stands; and it is taken as name and URL of a card, which is read back.
 */
#include "cli/card.h"

static void round_trip(const struct key_secret *root, struct str text)
{
    AUTO(buf_done) struct buf once = {0};
    struct card c = {.root = root->public}, again;

    c.name = str_cut(&text, '\0');
    while (text.n && c.n_urls < LIMIT_ADDRESSES) c.urls[c.n_urls++] = str_cut(&text, '\0');
    if (card_check_name(c.name, NULL) != OK) return;
    for (size_t i = 0; i < c.n_urls; i++)
        if (card_check_url(c.urls[i], NULL) != OK) return;
    card_write(&c, root, &once);
    must(card_read(buf_str(&once), &again, NULL) == OK);
    must(str_equal(again.name, c.name) && again.n_urls == c.n_urls);
    for (size_t i = 0; i < c.n_urls; i++) must(str_equal(again.urls[i], c.urls[i]));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t seed[32] = {7};
    struct key_secret root;
    struct card c;
    struct str text = str_make(data, size);

    key_secret_init(&root, seed);
    if (card_read(text, &c, NULL) == OK) must(size <= CARD_BYTES_MAX && card_check_name(c.name, NULL) == OK);
    round_trip(&root, text);
    key_secret_done(&root);
    return 0;
}
