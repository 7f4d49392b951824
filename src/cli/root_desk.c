/* root_desk.c - signs entries of a root key and hands them in.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "cli/root_desk.h"

#include "base/hex.h"
#include "base/limits.h"
#include "cli/file.h"
#include "node/keys.h"
#include "node/node.h"

#define PLACE_BYTES_MAX 4096
#define SLOTS_TRIED 64

static enum err bad_place(struct why *why, const char *what)
{
    return fail(why, ERR_INPUT, "the root key's place: %s is missing or wrong", what);
}

/* Takes the answer of GET authors. */
static enum err take_place(struct root_desk *d, struct json_node v, struct why *why)
{
    uint8_t author[8], own[8];
    int64_t epoch, slot, last;

    if (!hex_decode(desk_text(v, "author"), sizeof author, author)) return bad_place(why, "author");
    root_entry_author(&d->root.public, own);
    if (memcmp(author, own, sizeof own) != 0) return fail(why, ERR_INPUT, "%s is not the key that the place belongs to", d->o->root);
    if (!desk_flag(v, "may_write"))
        return fail(why, ERR_RIGHTS, "this root key may not write: it was replaced, or its member expelled");
    if (!json_get_i64(json_member(v, "epoch"), &epoch) || epoch < 0) return bad_place(why, "epoch");
    if (!json_get_i64(json_member(v, "slot"), &slot) || slot < 0) return bad_place(why, "slot");
    if (!hex_decode(desk_text(v, "previous"), sizeof d->place.previous.b, d->place.previous.b)) return bad_place(why, "previous");
    if (!hex_decode(desk_text(v, "genesis_hash"), sizeof d->genesis.b, d->genesis.b)) return bad_place(why, "genesis_hash");
    if (desk_text(v, "origin").n == 0) return bad_place(why, "origin");
    d->place.epoch = (uint64_t)epoch;
    d->place.slot = (uint64_t)slot;
    d->place.time_ms = node_now_us() / 1000;
    if (json_get_i64(json_member(v, "last_time_ms"), &last) && last > d->place.time_ms) d->place.time_ms = last;
    d->place.seen_root = hash_of(STR(""));
    buf_add_str(&d->origin, desk_text(v, "origin"));
    buf_add_str(&d->member, desk_text(v, "member"));
    return OK;
}

enum err root_desk_ask_place(struct desk *desk, const uint8_t author[8], struct json_node *ret, struct why *why)
{
    AUTO(buf_done) struct buf path = {0};

    buf_add_str(&path, STR("/aux/v1/authors/"));
    hex_add(&path, author, 8);
    enum err e = desk_ask(desk, buf_z(&path), (struct str){0}, ret, why);
    if (e == ERR_NOT_FOUND) return fail(why, ERR_RIGHTS, "the network does not know this root key");
    return e;
}

static enum err read_place(struct root_desk *d, struct why *why)
{
    AUTO(buf_done) struct buf text = {0};
    struct json_parser *parser = json_parser_new();
    struct json_node v;

    enum err e = file_read(d->o->place, PLACE_BYTES_MAX, &text, why);
    if (e == OK) e = json_read(parser, buf_str(&text), &v, why);
    if (e == OK) e = take_place(d, v, why);
    json_parser_free(parser);
    return e;
}

static enum err ask_place(struct root_desk *d, struct why *why)
{
    struct json_node v;
    uint8_t author[8];

    root_entry_author(&d->root.public, author);
    TRY(root_desk_ask_place(&d->desk, author, &v, why));
    return take_place(d, v, why);
}

static enum err open_all(struct root_desk *d, struct why *why)
{
    const struct root_options *o = d->o;

    if (!o->root) return fail(why, ERR_INPUT, "--root is needed: the file of the member's root key");
    if (o->place && !o->out) return fail(why, ERR_INPUT, "--place goes with --out: what is signed offline is handed in later");
    enum err e = key_file_read(o->root, &d->root, why);
    if (e == ERR_NOT_FOUND) return fail(why, ERR_INPUT, "%s: there is no such file", o->root);
    TRY(e);
    if (o->place) return read_place(d, why);
    TRY(desk_open(&o->desk, &d->desk, why));
    d->has_desk = true;
    return ask_place(d, why);
}

enum err root_desk_open(const struct root_options *o, struct root_desk *ret, struct why *why)
{
    struct root_desk d = {.o = o};
    enum err e = open_all(&d, why);

    if (e == OK) *ret = d;
    else root_desk_done(&d);
    return e;
}

void root_desk_done(struct root_desk *d)
{
    if (!d) return;
    if (d->has_desk) desk_done(&d->desk);
    key_secret_done(&d->root);
    buf_done(&d->origin);
    buf_done(&d->member);
}

static enum err find_refusal(void *context, size_t i, struct json_node v)
{
    struct why *why = context;
    struct str text = {0};

    (void)json_get_string(v, &text);
    if (str_equal(text, STR("accepted"))) return OK;
    return fail(why, ERR_STATE, "change %zu of the entry was refused: %.*s", i + 1, STR_ARG(text));
}

enum err root_desk_hand_in(struct desk *desk, struct str bytes, struct why *why)
{
    struct json_node answer;

    TRY(desk_ask(desk, "/aux/v1/entries", bytes, &answer, why));
    return json_each(json_member(answer, "outcomes"), find_refusal, why);
}

/* Whether the root key's last entry is still the one that the place follows. */
static bool is_still_last(struct root_desk *d)
{
    struct json_node v;
    struct hash previous;
    uint8_t author[8];

    root_entry_author(&d->root.public, author);
    return root_desk_ask_place(&d->desk, author, &v, NULL) == OK && hex_decode(desk_text(v, "previous"), sizeof previous.b, previous.b) &&
           hash_equal(&previous, &d->place.previous);
}

enum err root_desk_sign(struct root_desk *d, struct change *changes, size_t n, struct hash *ret_hash, struct why *why)
{
    AUTO(buf_done) struct buf entry = {0};

    for (int tries = 1;; tries++) {
        buf_clear(&entry);
        TRY(root_entry_sign(&d->place, buf_str(&d->origin), &d->root, changes, n, &entry, why));
        if (d->o->out) {
            TRY(file_write_new(d->o->out, 0644, buf_str(&entry), why));
            break;
        }
        enum err e = root_desk_hand_in(&d->desk, buf_str(&entry), why);
        if (e == OK) break;
        /* A slot that somebody filled with what is no entry is left out. */
        if (e != ERR_CONFLICT || tries == SLOTS_TRIED || !is_still_last(d)) return e;
        d->place.slot++;
    }
    *ret_hash = hash_of(buf_str(&entry));
    d->place.previous = *ret_hash;
    d->place.slot++;
    return OK;
}
