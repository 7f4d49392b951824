/* root_entry.c - signs entries of root keys.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "cli/root_entry.h"

#include "base/arena.h"
#include "base/limits.h"

void root_entry_author(const struct key_public *key, uint8_t ret[8])
{
    struct hash h = hash_of(str_make(key->b, sizeof key->b));

    memcpy(ret, h.b, 8);
}

static bool is_text(struct str text, size_t n_min, size_t n_max)
{
    return str_is_utf8(text) && text.n >= n_min && text.n <= n_max;
}

static bool are_texts(const struct str *texts, size_t n, size_t n_max)
{
    for (size_t i = 0; i < n; i++)
        if (!is_text(texts[i], 1, n_max)) return false;
    return true;
}

/* What the command line gave may be anything; the writer of entries takes text within its limits only. */
static bool is_good(const struct change *c)
{
    bool names_uss = c->kind == CHANGE_PARTICIPANT || (c->kind == CHANGE_PROPOSE && c->act == PROPOSE_PARTICIPANT);
    bool names_member = c->kind == CHANGE_JOIN || (c->kind == CHANGE_PROPOSE && c->act != PROPOSE_PARTICIPANT && c->act != PROPOSE_EQUALS);
    bool has_reason = c->kind == CHANGE_PROPOSE && c->act == PROPOSE_EXPEL;

    return is_text(c->uss, names_uss, LIMIT_SUB_BYTES) && is_text(c->member, names_member, LIMIT_SUB_BYTES) &&
           is_text(c->text, has_reason, LIMIT_REASON_BYTES) && is_text(c->issuer, c->kind == CHANGE_ISSUER, LIMIT_ADDRESS_BYTES) &&
           are_texts(c->names, c->n_names, LIMIT_SUB_BYTES) && are_texts(c->subs, c->n_subs, LIMIT_SUB_BYTES) &&
           are_texts(c->addresses, c->n_addresses, LIMIT_ADDRESS_BYTES);
}

enum err root_entry_sign(const struct root_place *place, struct str origin, const struct key_secret *root,
                         struct change *changes, size_t n, struct buf *to, struct why *why)
{
    AUTO(arena_done) struct arena arena = {0};
    size_t size = ENTRY_OVERHEAD;
    struct why inner = {0};
    struct entry read;
    struct entry e = {.epoch = place->epoch,
                      .slot = place->slot,
                      .previous = place->previous,
                      .time_ms = place->time_ms,
                      .seen_size = place->seen_size,
                      .seen_root = place->seen_root,
                      .changes = changes,
                      .n_changes = n};

    for (size_t i = 0; i < n; i++) {
        if (!is_good(&changes[i])) return fail(why, ERR_INPUT, "a name or text is empty, no UTF-8, or longer than an entry takes");
        size += change_size(&changes[i]);
    }
    if (n == 0 || n > LIMIT_ENTRY_CHANGES || size > LIMIT_ENTRY_BYTES)
        return fail(why, ERR_TOO_LARGE, "the changes do not fit into one entry of %d KiB", LIMIT_ENTRY_BYTES / 1024);
    root_entry_author(&root->public, e.author);
    size_t before = to->n;
    entry_encode(&e, origin, root, to);
    struct str bytes = str_skip(buf_str(to), before);
    if (entry_decode(bytes, &arena, &read, &inner) == OK) return OK;
    to->n = before;
    return fail(why, ERR_INPUT, "the changes are none that an entry takes: %s", inner.text);
}
