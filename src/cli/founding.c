/* founding.c - makes and reads genesis files, signs joins.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "cli/founding.h"

#include <stdlib.h>

#include "cli/card.h"
#include "cli/file.h"
#include "cli/root_entry.h"
#include "node/node.h"
#include "proof/checkpoint.h"
#include "state/outcome.h"

void founding_done(struct founding *f)
{
    if (!f) return;
    buf_done(&f->bytes);
    arena_done(&f->arena);
}

static enum err take(struct founding *f, struct why *why)
{
    TRY(genesis_decode(buf_str(&f->bytes), &f->arena, &f->genesis, why));
    f->hash = hash_of(buf_str(&f->bytes));
    return OK;
}

static enum err read_cards(const char *const *files, size_t n, struct arena *arena, struct genesis_member *ret, struct why *why)
{
    for (size_t i = 0; i < n; i++) {
        AUTO(buf_done) struct buf text = {0};
        struct why inner = {0};
        struct card card;

        TRY(file_read(files[i], CARD_BYTES_MAX, &text, why));
        if (card_read(buf_str(&text), &card, &inner) != OK) return fail(why, ERR_INPUT, "%s: %s", files[i], inner.text);
        ret[i] = (struct genesis_member){.name = arena_dup(arena, card.name), .root_key = card.root};
    }
    return OK;
}

static int compare_members(const void *a, const void *b)
{
    return str_compare(((const struct genesis_member *)a)->name, ((const struct genesis_member *)b)->name);
}

static enum err check_members(const struct genesis_member *m, size_t n, struct why *why)
{
    for (size_t i = 1; i < n; i++)
        if (str_equal(m[i - 1].name, m[i].name)) return fail(why, ERR_INPUT, "two cards name the member \"%.*s\"", STR_ARG(m[i].name));
    for (size_t i = 0; i < n; i++)
        for (size_t k = i + 1; k < n; k++)
            if (memcmp(m[i].root_key.b, m[k].root_key.b, sizeof m[i].root_key.b) == 0)
                return fail(why, ERR_INPUT, "\"%.*s\" and \"%.*s\" have the same root key", STR_ARG(m[i].name), STR_ARG(m[k].name));
    return OK;
}

enum err founding_make(const char *const *card_files, size_t n, struct str origin, bool entries_public, bool down_412,
                       unsigned rules, struct founding *ret, struct why *why)
{
    struct genesis_member members[GENESIS_MEMBERS_MAX];
    struct founding f = {0};

    if (n == 0 || n > GENESIS_MEMBERS_MAX)
        return fail(why, ERR_INPUT, "a genesis names 1 to %d members, not %zu", GENESIS_MEMBERS_MAX, n);
    if (origin.n == 0 || origin.n > GENESIS_TEXT_MAX || !checkpoint_origin_is_valid(origin))
        return fail(why, ERR_INPUT, "\"%.*s\" cannot be an origin: 1 to %d bytes, no blanks, no '+', no control characters",
                    STR_ARG(str_first(origin, 100)), GENESIS_TEXT_MAX);
    enum err e = read_cards(card_files, n, &f.arena, members, why);
    if (e == OK) {
        qsort(members, n, sizeof *members, compare_members);
        e = check_members(members, n, why);
    }
    if (e == OK) {
        struct genesis g = {.rules = rules,
                            .origin = origin,
                            .members = members,
                            .n_members = n,
                            .entries_public = entries_public,
                            .needs_412_for_down = down_412,
                            .created_ms = node_now_us() / 1000};
        genesis_encode(&g, &f.bytes);
        e = take(&f, why);
    }
    if (e == OK) *ret = f;
    else founding_done(&f);
    return e;
}

enum err founding_read(const char *path, struct founding *ret, struct why *why)
{
    struct founding f = {0};
    struct why inner = {0};
    enum err e = file_read(path, GENESIS_BYTES_MAX, &f.bytes, why);

    if (e == OK && take(&f, &inner) != OK) e = fail(why, ERR_INPUT, "%s: not a genesis: %s", path, inner.text);
    if (e == OK) *ret = f;
    else founding_done(&f);
    return e;
}

enum err founding_member(const struct founding *f, const struct key_public *root, struct str *ret, struct why *why)
{
    for (size_t i = 0; i < f->genesis.n_members; i++) {
        const struct genesis_member *m = &f->genesis.members[i];
        if (memcmp(m->root_key.b, root->b, sizeof root->b) != 0) continue;
        *ret = m->name;
        return OK;
    }
    return fail(why, ERR_INPUT, "the genesis names no member with this folder's root key: was it made from another card?");
}

/* The tree that every journal of this genesis begins with: leaf 0 and its outcome. */
static struct hash first_root(const struct founding *f)
{
    AUTO(buf_done) struct buf leaf = {0};
    struct str bytes = buf_str(&f->bytes);
    struct hash guard = outcome_guard(bytes);

    outcome_encode(&guard, NULL, 0, &leaf);
    struct hash left = hash_leaf(bytes), right = hash_leaf(buf_str(&leaf));
    return hash_node(&left, &right);
}

enum err founding_join(const struct founding *f, const struct keys *keys, const struct str *urls, size_t n_urls,
                       const struct change *more, size_t n_more, struct buf *to, struct why *why)
{
    struct change changes[LIMIT_ENTRY_CHANGES];
    struct root_place place = {.time_ms = node_now_us() / 1000, .seen_size = 2, .seen_root = first_root(f)};
    struct str name;
    size_t n = 0;

    if (!keys->has_root) return fail(why, ERR_INPUT, "the root key is needed to join");
    if (n_more > LIMIT_ENTRY_CHANGES - 2) return fail(why, ERR_TOO_LARGE, "too many changes for one entry");
    TRY(founding_member(f, &keys->root.public, &name, why));
    changes[n++] = keys_join(keys, name, &f->hash);
    if (n_urls) {
        changes[n] = (struct change){.kind = CHANGE_ADDRESSES, .addresses = urls, .n_addresses = n_urls};
        root_entry_author(&keys->entry.public, changes[n++].node);
    }
    for (size_t i = 0; i < n_more; i++) changes[n++] = more[i];
    return root_entry_sign(&place, f->genesis.origin, &keys->root, changes, n, to, why);
}
