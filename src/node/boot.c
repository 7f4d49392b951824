/* boot.c - what a node does before it serves: keys, genesis, snapshot, replay.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A new folder gets keys, a genesis (entry 0) and the founder's join (entry 1, signed by its root key). An old one is
 * restored from its newest whole snapshot and replays the rest of its journal. Then the journal is held against the last
 * head this node signed: fewer leaves, or another root at that size, mean that the journal was set back or changed, and the node does
 * not start (I6, decision E7).
 */
#include <limits.h>
#include <stdio.h>

#include "base/hex.h"
#include "node/entropy.h"
#include "journal/snapfile.h"
#include "node/fetch.h"
#include "node/shared.h"
#include "proof/checkpoint.h"
#include "proof/note.h"
#include "state/genesis.h"

#define DEFAULT_MEMBER "member"

static void author_id(const struct key_secret *k, uint8_t ret[8])
{
    struct hash h = hash_of(str_make(k->public.b, sizeof k->public.b));
    memcpy(ret, h.b, 8);
}

static void choose_origin(struct node *n, struct str wanted)
{
    uint8_t random[8];
    if (wanted.n) {
        buf_add_str(&n->origin, wanted);
        return;
    }
    entropy_fill(random, sizeof random);
    buf_add_str(&n->origin, STR("line.invalid/"));
    hex_add(&n->origin, random, sizeof random);
}

/* What belongs to a journal that is not there any more: nothing new may be made beside it. */
static enum err check_new_folder(struct node *n, struct why *why)
{
    struct snapmap file = {0};
    struct why ignored;

    /* With several members the peers have it. */
    if (n->head_size > 0 && !n->shared) {
        return fail(why, ERR_CORRUPT, "%s/journal.db is missing or empty, but this node signed %llu entries: restore it",
                    n->dir, (unsigned long long)n->head_size / 2);
    }
    if (!n->dir) return OK;
    enum err e = snapfile_newest(n->dir, &file, &ignored);
    snapmap_done(&file);
    if (e == ERR_NOT_FOUND) return OK;
    return fail(why, ERR_CORRUPT, "%s/journal.db is missing or empty beside snapshots of it: restore it", n->dir);
}

static enum err propose_genesis(struct node *n, const struct node_options *options, struct why *why)
{
    AUTO(buf_done) struct buf bytes = {0};
    struct genesis_member member = {.name = options->member.n ? options->member : STR(DEFAULT_MEMBER),
                                    .root_key = n->keys.root.public};

    choose_origin(n, options->origin);
    struct genesis g = {
        .rules = 1,
        .origin = buf_str(&n->origin),
        .members = &member,
        .n_members = 1,
        .entries_public = options->entries_public,
        .needs_412_for_down = options->needs_412_for_down,
        .created_ms = node_wall_us(n) / 1000,
    };
    genesis_encode(&g, &bytes);
    struct str one = buf_str(&bytes);
    return n->journal->propose(n->journal, &one, 1, why);
}

/* Leaf 0 and its outcome, an empty one, open the tree. */
static enum err open_genesis(struct node *n, const struct node_options *options, struct why *why)
{
    AUTO(buf_done) struct buf bytes = {0};
    AUTO(arena_done) struct arena arena = {0};
    struct genesis g;

    TRY(store_get_entry(n->store, 0, &bytes, why));
    n->genesis_hash = hash_of(buf_str(&bytes));
    if (n->shared && !str_equal(buf_str(&bytes), options->genesis)) {
        char hex[64];
        hex_encode(n->genesis_hash.b, sizeof n->genesis_hash.b, hex);
        return fail(why, ERR_INPUT, "%s/journal.db is of another network than the genesis given: its own has SHA-256 %.64s", n->dir ? n->dir : "", hex);
    }
    TRY(genesis_decode(buf_str(&bytes), &arena, &g, why));
    n->entries_public = g.entries_public;
    if (options->origin.n && !str_equal(options->origin, g.origin)) {
        return fail(why, ERR_INPUT, "the journal's origin is %.*s, not %.*s", STR_ARG(g.origin),
                    STR_ARG(options->origin));
    }
    buf_clear(&n->origin);
    buf_add_str(&n->origin, g.origin);
    return OK;
}

static enum err start_from_genesis(struct node *n, struct why *why)
{
    AUTO(buf_done) struct buf bytes = {0};
    AUTO(buf_done) struct buf leaf = {0};

    TRY(store_get_entry(n->store, 0, &bytes, why));
    TRY(state_new(buf_str(&bytes), &n->state, why));
    struct hash guard = outcome_guard(buf_str(&bytes));
    outcome_encode(&guard, NULL, 0, &leaf);
    struct hash entry_hash = hash_leaf(buf_str(&bytes));
    struct hash outcome_hash = hash_leaf(buf_str(&leaf));
    tree_add(n->tree, &entry_hash);
    tree_add(n->tree, &outcome_hash);
    store_put_outcome(n->store, 0, buf_str(&leaf));
    n->has_uncommitted = true;
    return OK;
}

static enum err restore(struct node *n, struct why *why)
{
    struct why problem;
    n->tree = tree_new(n->store);
    enum err e = keeper_restore(n, &problem);
    if (e == OK) return OK;
    /* No whole snapshot: everything is in the journal. */
    if (e != ERR_NOT_FOUND) node_warn(n, "the journal is replayed from its start", &problem);
    state_free(n->state);
    n->state = NULL;
    tree_free(n->tree);
    n->tree = tree_new(n->store);
    return start_from_genesis(n, why);
}

/* Where the last signed head ends, the root must be the one that was signed. */
static enum err check_root(struct node *n, struct why *why)
{
    struct hash root = tree_root(n->tree);
    if (tree_size(n->tree) != n->head_size || hash_equal(&root, &n->head_root)) return OK;
    return fail(why, ERR_CORRUPT, "the journal differs from the head of %llu leaves that this node signed",
                (unsigned long long)n->head_size);
}

/* Replays in slices, so that memory stays bounded; stops at the last signed size to compare roots. */
static enum err replay(struct node *n, struct why *why)
{
    uint64_t signed_entries = n->head_size / 2;

    /* With several members a node reads before it signs; what it forgot, its peers tell it (decision E7). */
    if (!n->shared && signed_entries == 0 && store_size(n->store) > 2) {
        return fail(why, ERR_CORRUPT,
                    "the store of signed heads is missing or empty beside a journal of %llu entries: restore DIR/heads; a key that forgot its last head must not sign again",
                    (unsigned long long)store_size(n->store));
    }
    if (signed_entries > store_size(n->store) && !n->shared) { /* Peers have what is missing. */
        return fail(why, ERR_CORRUPT,
                    "the journal ends at entry %llu, but this node signed %llu: it was set back or restored from an old copy",
                    (unsigned long long)store_size(n->store), (unsigned long long)signed_entries);
    }
    uint64_t verify_from = signed_entries;
    if (n->fetch && fetch_verified_to(n->fetch) > verify_from) verify_from = fetch_verified_to(n->fetch);
    TRY(check_root(n, why)); /* A snapshot may stand there already. */
    uint64_t flushed = state_view(n->state)->position;
    while (state_view(n->state)->position < store_size(n->store)) {
        AUTO(arena_done) struct arena arena = {0};
        uint64_t position = state_view(n->state)->position;
        uint64_t end = position + 1024;
        if (position < signed_entries && end > signed_entries) end = signed_entries;
        TRY(writer_apply_up_to(n, end, verify_from, &arena, why));
        TRY(check_root(n, why));
        if (end - flushed >= NODE_REPLAY_FLUSH) {
            TRY(writer_flush(n, why));
            flushed = end;
        }
    }
    return OK;
}

static enum err join(struct node *n, const struct node_options *options, struct why *why)
{
    struct change join = {
        .kind = CHANGE_JOIN,
        .member = options->member.n ? options->member : STR(DEFAULT_MEMBER),
        .digest = n->genesis_hash,
    };
    memcpy(join.entry_key, n->keys.entry.public.b, sizeof join.entry_key);
    memcpy(join.log_key, n->keys.log.public.b, sizeof join.log_key);
    memcpy(join.mirror_key, n->keys.mirror.public.b, sizeof join.mirror_key);
    join.has_http_key = true;
    memcpy(join.http_key, n->keys.http.public.b, sizeof join.http_key);
    struct entry e = {.time_ms = node_wall_us(n) / 1000, .changes = &join, .n_changes = 1};
    author_id(&n->keys.root, e.author);
    return writer_order_own(n, &n->keys.root, &e, why);
}

/* Whether the note of the last head has no line of the log key that this node has now: its member's root gave it new keys. */
static bool is_of_old_keys(const struct node *n, struct heads *heads)
{
    AUTO(buf_done) struct buf bytes = {0};
    AUTO(mem_auto) struct note *note = mem_alloc(sizeof *note);
    struct checkpoint head;
    bool is_own = false;

    if (!heads_last(heads, NULL, NULL, &bytes)) return false;
    if (note_parse(buf_str(&bytes), note, NULL) != OK || checkpoint_parse(note->text, &head, NULL) != OK) return false;
    struct note_key own = note_key_make(head.origin, NOTE_ED25519, &n->keys.log.public);
    for (size_t i = 0; i < note->n_signatures; i++)
        is_own |= note->signatures[i].id == own.id && str_equal(note->signatures[i].name, own.name);
    return !is_own;
}

/* What the old keys signed last binds the new ones no more, and is kept. */
static enum err begin_heads(struct node *n, const char *path, struct why *why)
{
    AUTO(buf_done) struct buf kept = {0};

    buf_addf(&kept, "%s.before.", path);
    hex_add(&kept, n->author, sizeof n->author);
    heads_close(n->heads);
    n->heads = NULL;
    TRY(heads_begin_anew(path, buf_z(&kept), why));
    (void)fprintf(stderr, "this node has new keys: what the old ones signed last is kept in %s\n", buf_z(&kept));
    return heads_open(path, &n->heads, why);
}

/* The file is made with a new journal only: one that is missing later is not replaced by an empty one. */
static enum err open_heads(struct node *n, struct why *why)
{
    char path[PATH_MAX];

    if (!n->dir) return OK;
    if (snprintf(path, sizeof path, "%s/heads", n->dir) >= (int)sizeof path) {
        return fail(why, ERR_INPUT, "the data folder's path is too long");
    }
    enum err e = heads_renew(path, why);
    if (e == OK) e = heads_open(path, &n->heads, why);
    if (e == ERR_NOT_FOUND && store_size(n->store) == 0) {
        TRY(heads_create(path, why));
        e = heads_open(path, &n->heads, why);
    }
    if (e == ERR_NOT_FOUND) {
        return fail(why, ERR_CORRUPT, "%s is missing beside a journal of %llu entries: restore it; a key that forgot its last head must not sign again",
                    path, (unsigned long long)store_size(n->store));
    }
    TRY(e);
    if (n->shared && is_of_old_keys(n, n->heads)) TRY(begin_heads(n, path, why));
    if (heads_was_torn(n->heads)) {
        struct why torn;
        (void)fail(&torn, ERR_CORRUPT, "%s: one of two heads is damaged; the other one counts", path);
        node_warn(n, "a write was cut off, or the file decays", &torn);
    }
    (void)heads_last(n->heads, &n->head_size, &n->head_root, NULL);
    return OK;
}

/* The keys are those that the journal admitted; a node that has not joined yet joins, which only the first start does. */
static enum err check_keys(struct node *n, const struct node_options *options, struct why *why)
{
    const struct view *v = state_view(n->state);
    struct key_public root, log, mirror, http;
    uint8_t root_id[8];

    if (n->keys.has_root) author_id(&n->keys.root, root_id); /* Else it is kept elsewhere. */
    if (n->keys.has_root && !state_author_key(v, root_id, &root)) {
        return fail(why, ERR_CORRUPT, "the genesis does not know %s/keys/root.key: keys and journal do not belong together",
                    n->dir ? n->dir : "");
    }
    if (!state_author_log_keys(v, n->author, &log, &mirror)) {
        if (v->position > 2) {
            return fail(why, ERR_CORRUPT, "the journal does not know %s/keys/entry.key: keys and journal do not belong together",
                        n->dir ? n->dir : "");
        }
        if (!n->keys.has_root) {
            return fail(why, ERR_CORRUPT, "%s/keys/root.key is missing before the node has joined: restore it", n->dir ? n->dir : "");
        }
        TRY(join(n, options, why));
        if (!state_author_log_keys(state_view(n->state), n->author, &log, &mirror)) {
            return fail(why, ERR_CORRUPT, "the genesis does not admit this node: keys and journal do not belong together");
        }
    }
    if (memcmp(log.b, n->keys.log.public.b, sizeof log.b) != 0 ||
        memcmp(mirror.b, n->keys.mirror.public.b, sizeof mirror.b) != 0) {
        return fail(why, ERR_CORRUPT, "%s/keys/log.key or mirror.key is not the one this node joined with: restore it",
                    n->dir ? n->dir : "");
    }
    if (state_author_http_key(state_view(n->state), n->author, &http) &&
        memcmp(http.b, n->keys.http.public.b, sizeof http.b) != 0) {
        return fail(why, ERR_CORRUPT, "%s/keys/http.key is not the one this node joined with: restore it", n->dir ? n->dir : "");
    }
    return OK;
}

/* Says which file it is about, where whoever found out did not know. */
static enum err name_journal(const struct node *n, enum err e, struct why *why)
{
    struct why inner;
    if (e != ERR_CORRUPT || !n->dir || !why || str_starts(str_of(why->text), str_of(n->dir))) return e;
    inner = *why;
    return fail(why, e, "%s/journal.db: %s", n->dir, inner.text);
}

static enum err open_journal(struct node *n, const struct node_options *options, struct why *why)
{
    TRY(open_genesis(n, options, why));
    TRY(restore(n, why));
    return replay(n, why);
}

static enum err boot_shared(struct node *n, const struct node_options *options, struct why *why)
{
    TRY(keys_open_member(&n->keys, n->dir, why));
    author_id(&n->keys.entry, n->author);
    TRY(shared_open(n, options, why));
    bool is_new = store_size(n->store) == 0;
    TRY(open_heads(n, why));
    if (options->link && options->link->identify) options->link->identify(options->link, &n->keys.http, n->author);
    TRY(fetch_new(n, options->link, options->peer_urls, options->n_peer_urls, &n->fetch, why));
    node_on_gap(n, fetch_on_gap, n->fetch);
    if (is_new) TRY(check_new_folder(n, why));
    if (is_new) TRY(n->journal->propose(n->journal, &options->genesis, 1, why));
    TRY(name_journal(n, open_journal(n, options, why), why));
    fetch_go_on(n->fetch);
    return shared_start(n, why);
}

static enum err boot_alone(struct node *n, const struct node_options *options, struct why *why)
{
    bool is_new = store_size(n->store) == 0;

    TRY(open_heads(n, why));
    if (is_new) TRY(check_new_folder(n, why));
    TRY(keys_open(&n->keys, n->dir, is_new, why));
    author_id(&n->keys.entry, n->author);
    if (is_new) TRY(propose_genesis(n, options, why));
    TRY(name_journal(n, open_journal(n, options, why), why));
    TRY(check_keys(n, options, why));
    (void)state_author_next(state_view(n->state), n->author, &n->next_slot, &n->previous,
                            &n->last_time_ms);
    return OK;
}

enum err boot(struct node *n, const struct node_options *options, struct why *why)
{
    if (options->origin.n && !checkpoint_origin_is_valid(options->origin)) {
        return fail(why, ERR_INPUT, "%.*s cannot be an origin: no blanks, no '+', no control characters",
                    STR_ARG(str_first(options->origin, 100)));
    }
    TRY(n->shared ? boot_shared(n, options, why) : boot_alone(n, options, why));
    n->tick_at_us = node_steady_us(n) + n->tick_us;
    return OK;
}
