/* fuzz_request.c - whatever the bytes of a body are: a refusal, or a change whose entry reads back as it was.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The first byte chooses the call, the second the clock and the scopes; the rest is the body.
 */
#include <stddef.h>
#include <stdint.h>

#include "api/availability.h"
#include "api/constraint.h"
#include "api/intent.h"
#include "api/report.h"
#include "api/subscription.h"
#include "base/instant.h"
#include "base/limits.h"
#include "entry/entry.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define ID STR("5f0c1c52-5d6f-4d0c-9a33-0d8e3c5a1b2c")

static struct json_parser *parser;
static struct volume_reader reader;
static struct key_secret signer;

/* The bytes of an entry with this change, decoded, give the same bytes again. */
static void check_entry(const struct change *change, struct arena *arena)
{
    static const uint8_t author[8] = {1};
    struct change copy = *change;
    struct entry entry = {.time_ms = 1, .participant = STR("uss1"), .changes = &copy, .n_changes = 1};
    struct buf once = {0};
    struct buf twice = {0};
    struct entry again;
    struct why why;

    if (change_size(change) + ENTRY_OVERHEAD + 16 > LIMIT_ENTRY_BYTES) return;
    memcpy(entry.author, author, sizeof author);
    entry_encode(&entry, STR("fuzz.example"), &signer, &once);
    must(entry_decode(buf_str(&once), arena, &again, &why) == OK);
    entry_encode(&again, STR("fuzz.example"), &signer, &twice);
    must(str_equal(buf_str(&once), buf_str(&twice)));
    buf_done(&once);
    buf_done(&twice);
}

static enum err read(unsigned kind, unsigned how, struct json_node body, struct arena *arena,
                     struct change *ret)
{
    struct why why;
    const struct str *key;
    size_t n_key;
    struct str version = how & 1 ? STR("abcdefghijklmnopqrstuv") : STR("");
    int64_t now_us = how & 2 ? INT64_C(1577836800000000) : INT64_C(1767225600000000);
    struct intent_input intent = {ID, version, how & 4 ? 31 : 1, now_us, how & 8};
    struct subscription_input subscription = {
        .id = ID, .version = version, .now_us = now_us, .allows_http = how & 8};

    switch (kind) {
    case 0: return intent_read(&intent, body, &reader, arena, ret, &key, &n_key, &why);
    case 1:
        return constraint_read(ID, version, how & 8, now_us, body, &reader, arena, ret, &why);
    case 2: return subscription_read(&subscription, body, &reader, arena, ret, &why);
    case 3: return availability_read(STR("uss1"), body, arena, ret, &why);
    default: return report_check(body, &why);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena = {0};
    struct json_node body;
    struct change change = {0};
    struct why why;

    if (size < 2) return 0;
    if (!parser) {
        static const uint8_t seed[32] = {7};
        parser = json_parser_new();
        key_secret_init(&signer, seed);
    }
    reader.covering = data[1] & 16 ? COVER_DSS : COVER_SAFE;
    if (json_read(parser, str_make(data + 2, size - 2), &body, &why) == OK) {
        unsigned kind = data[0] % 5;
        if (read(kind, data[1], body, &arena, &change) == OK) {
            if (kind < 4) {
                check_entry(&change, &arena);
            } else {
                struct buf out = {0};
                report_render(body, (struct id){1, 2}, true, &out);
                buf_done(&out);
            }
        }
    }
    arena_done(&arena);
    return 0;
}
