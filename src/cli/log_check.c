/* log_check.c - the replay behind `clearline log verify` and `clearline doctor`.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "cli/log_check.h"

#include "entry/entry.h"
#include "proof/merkle.h"
#include "state/epoch.h"
#include "state/genesis.h"
#include "state/rules.h"
#include "state/state.h"

#define LOG_KEYS_MAX 64

struct check {
    struct log_source *source;
    struct log_verdict *verdict;
    struct state *state;
    struct merkle tree;
    struct buf entry, outcome, leaf;
    struct buf note;             /* The newest checkpoint; empty if none. */
    struct checkpoint checkpoint; /* What it says. */
    struct note_key log_keys[LOG_KEYS_MAX]; /* Of nodes that joined. */
    size_t n_log_keys;
};

void log_verdict_done(struct log_verdict *v)
{
    if (!v) return;
    buf_done(&v->origin);
    state_free(v->state);
}

static enum err take_genesis(struct check *c, struct why *why)
{
    AUTO(arena_done) struct arena arena = {0};
    struct str bytes = buf_str(&c->entry);
    struct hash guard;
    struct genesis g;

    TRY(genesis_decode(bytes, &arena, &g, why));
    TRY(state_new(bytes, &c->state, why));
    buf_add_str(&c->verdict->origin, g.origin);
    c->verdict->genesis = hash_of(bytes);
    guard = outcome_guard(bytes);
    outcome_encode(&guard, NULL, 0, &c->leaf);
    return OK;
}

static enum err take_entry(struct check *c, uint64_t index, struct why *why)
{
    AUTO(arena_done) struct arena arena = {0};
    struct str bytes = buf_str(&c->entry);
    struct outcome *outcomes = NULL;
    struct key_public key;
    struct entry e;

    if (entry_decode(bytes, &arena, &e, why) != OK) {
        if (state_apply_void(c->state, bytes, &c->leaf) != OK) return view_knows_rules(state_view(c->state), why);
        state_publish(c->state);
        c->verdict->n_void++;
        return OK;
    }
    /* An author that the state does not know is refused by apply, as everywhere. */
    if (state_author_key(state_view(c->state), e.author, &key) && !entry_verify(bytes, buf_str(&c->verdict->origin), &key))
        return fail(why, ERR_CORRUPT, "entry %llu: its signature is not its author's", (unsigned long long)index);
    /* What a majority of the members signed of the journal before: the state knows its size, the tree its root. */
    if (view_entry_opens_epoch(state_view(c->state), &e)) {
        struct hash root = merkle_root(&c->tree);
        if (!hash_equal(&root, &e.changes[0].epoch.root))
            return fail(why, ERR_CORRUPT, "entry %llu opens epoch %llu on another journal: the root before it differs",
                        (unsigned long long)index, (unsigned long long)e.epoch);
    }
    if (state_apply(c->state, &e, bytes, &arena, &outcomes, &c->leaf) != OK) return view_knows_rules(state_view(c->state), why);
    state_publish(c->state);
    c->verdict->n_changes += e.n_changes;
    for (size_t i = 0; i < e.n_changes; i++) {
        const struct change *change = &e.changes[i];
        c->verdict->n_refused += outcomes[i].reason != REASON_ACCEPTED;
        if (change->kind != CHANGE_JOIN || outcomes[i].reason != REASON_ACCEPTED || c->n_log_keys == LOG_KEYS_MAX) continue;
        memcpy(key.b, change->log_key, sizeof key.b);
        c->log_keys[c->n_log_keys++] = note_key_make(buf_str(&c->verdict->origin), NOTE_ED25519, &key);
    }
    return OK;
}

/* What the newest checkpoint says; whether it is signed is known once the keys are. */
static enum err read_checkpoint(struct check *c, struct why *why)
{
    AUTO(mem_auto) struct note *note = mem_alloc(sizeof *note);

    if (!log_source_note(c->source, &c->note)) return OK;
    if (note_parse(buf_str(&c->note), note, why) != OK || checkpoint_parse(note->text, &c->checkpoint, why) != OK) return ERR_CORRUPT;
    c->verdict->signed_leaves = c->checkpoint.size;
    return OK;
}

static enum err check_signature(struct check *c, struct why *why)
{
    AUTO(mem_auto) struct note *note = mem_alloc(sizeof *note);
    struct note_verdict verdicts[LOG_KEYS_MAX];
    struct why inner;

    if (!c->note.n) return OK;
    if (!str_equal(c->checkpoint.origin, buf_str(&c->verdict->origin)))
        return fail(why, ERR_CORRUPT, "the checkpoint is of %.*s", STR_ARG(c->checkpoint.origin));
    if (note_parse(buf_str(&c->note), note, &inner) != OK ||
        note_verify(note, c->log_keys, c->n_log_keys, verdicts, &inner) != OK)
        return fail(why, ERR_CORRUPT, "the checkpoint of %llu leaves: %s", (unsigned long long)c->checkpoint.size, inner.text);
    return OK;
}

static enum err take(struct check *c, uint64_t index, struct why *why)
{
    struct log_verdict *v = c->verdict;
    struct hash hashes[2];

    TRY(log_source_get(c->source, index, &c->entry, &c->outcome, why));
    buf_clear(&c->leaf);
    TRY(index == 0 ? take_genesis(c, why) : take_entry(c, index, why));
    if (c->outcome.n && !str_equal(buf_str(&c->outcome), buf_str(&c->leaf)))
        return fail(why, ERR_CORRUPT, "entry %llu: the recorded outcome is not what it comes to", (unsigned long long)index);
    hashes[0] = hash_leaf(buf_str(&c->entry));
    hashes[1] = hash_leaf(buf_str(&c->leaf));
    merkle_add(&c->tree, &hashes[0]);
    merkle_add(&c->tree, &hashes[1]);
    v->n_entries++;
    if (c->tree.size == v->signed_leaves) {
        struct hash root = merkle_root(&c->tree);
        if (!hash_equal(&root, &c->checkpoint.root))
            return fail(why, ERR_CORRUPT, "the first %llu leaves do not have the root that was signed", (unsigned long long)v->signed_leaves);
    }
    return OK;
}

enum err log_check(struct log_source *s, void (*progress)(uint64_t done, uint64_t all), struct log_verdict *ret, struct why *why)
{
    struct check c = {.source = s, .verdict = ret};
    uint64_t all = log_source_size(s);
    enum err err;

    *ret = (struct log_verdict){0};
    err = all ? read_checkpoint(&c, why) : fail(why, ERR_CORRUPT, "the journal is empty");
    if (err == OK && ret->signed_leaves > 2 * all) {
        err = fail(why, ERR_CORRUPT, "the journal ends at entry %llu, but a head of %llu leaves was signed: it was set back",
                   (unsigned long long)all, (unsigned long long)ret->signed_leaves);
    }
    for (uint64_t i = 0; i < all && err == OK; i++) {
        err = take(&c, i, why);
        if (progress && err == OK) progress(i + 1, all);
    }
    if (err == OK) err = check_signature(&c, why);
    if (err == OK) ret->state_digest = state_digest(state_view(c.state));
    ret->root = merkle_root(&c.tree);
    if (err == OK) ret->state = c.state;
    else state_free(c.state);
    buf_done(&c.entry);
    buf_done(&c.outcome);
    buf_done(&c.leaf);
    buf_done(&c.note);
    return err;
}
