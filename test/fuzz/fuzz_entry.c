/* fuzz_entry.c - whatever bytes are taken for an entry are written again as they were.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/arena.h"
#include "base/err.h"
#include "entry/entry.h"

enum { SIGNATURE_SIZE = 64 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct key_secret key;
    AUTO(arena_done) struct arena arena = {0};
    AUTO(buf_done) struct buf again = {0};
    struct entry e;
    struct why why;

    if (!key.handle) {
        uint8_t seed[32] = {1};
        key_secret_init(&key, seed);
    }
    (void)entry_verify(str_make(data, size), STR("o"), &key.public);
    if (entry_decode(str_make(data, size), &arena, &e, &why) != OK) {
        must(why.text[0] != '\0');
        return 0;
    }
    entry_encode(&e, STR("o"), &key, &again);
    must(again.n == size && memcmp(again.at, data, size - SIGNATURE_SIZE) == 0);
    must(entry_verify(buf_str(&again), STR("o"), &key.public));
    return 0;
}
