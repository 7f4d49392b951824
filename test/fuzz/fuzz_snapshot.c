/* fuzz_snapshot.c - snapshots of any content with good checksums: refused, or read and written alike.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The input is what stands in the blocks: length u16 LE, payload, and so on; the checksums are made here.
 */
#include <stdlib.h>

#include "state/crc32c.h"
#include "state/snapshot.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static void add_u32(struct buf *b, uint32_t value)
{
    for (int i = 0; i < 4; i++) buf_add_char(b, (char)(value >> (8 * i)));
}

static void add_blocks(struct str input, struct buf *snapshot, struct buf *payloads)
{
    static struct crc32c crc;

    crc32c_init(&crc);
    while (input.n > 2) {
        size_t n = (uint8_t)input.at[0] | (size_t)(uint8_t)input.at[1] << 8;
        input = str_skip(input, 2);
        struct str payload = str_first(input, n);
        input = str_skip(input, n);
        add_u32(snapshot, (uint32_t)payload.n);
        add_u32(snapshot, crc32c_of(&crc, payload));
        buf_add_str(snapshot, payload);
        buf_add_str(payloads, payload);
    }
}

static enum err add_payload(void *context, struct str piece, struct why *why)
{
    (void)why;
    buf_add_str(context, str_skip(piece, 8));
    return OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    AUTO(buf_done) struct buf snapshot = {0}, payloads = {0}, again = {0};
    struct state *s;
    struct why why = {0};

    add_blocks(str_make(bytes, n), &snapshot, &payloads);
    if (snapshot_read(buf_str(&snapshot), &s, &why) != OK) {
        must(why.text[0] != '\0');
        return 0;
    }
    must(snapshot_write(state_view(s), add_payload, &again, NULL) == OK);
    must(str_equal(buf_str(&again), buf_str(&payloads)));
    state_free(s);
    return 0;
}
