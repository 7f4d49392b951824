/* peers_fork.c - contradictions found and proved, and the mark of a key that signs no more.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>
#include <string.h>

#include "base/hex.h"
#include "base/mem.h"
#include "node/peers_internal.h"
#include "node/whole_file.h"
#include "state/member.h"

/* The mark of a key that signs no more. */

static uint32_t own_key_id(const struct peers *p)
{
    return note_key_make(buf_str(&p->node->origin), NOTE_ED25519, &p->node->keys.log.public).id;
}

enum err peers_open_refusal(struct peers *p, struct why *why)
{
    AUTO(buf_done) struct buf text = {0};
    uint8_t id[4];

    if (!p->node->dir) return OK;
    enum err err = whole_file_read(p->node->dir, "refused", 4096, &text, why);
    if (err == ERR_NOT_FOUND) return OK;
    TRY(err);
    struct str reason = buf_str(&text), key = str_cut(&reason, ' ');
    reason = str_cut(&reason, '\n');
    if (key.n != 8 || !hex_decode(key, sizeof id, id)) return fail(why, ERR_CORRUPT, "%s/refused: not what was written there", p->node->dir);
    uint32_t number = (uint32_t)id[0] << 24 | (uint32_t)id[1] << 16 | (uint32_t)id[2] << 8 | id[3];
    if (number != own_key_id(p)) return OK; /* Of keys that were replaced. */
    (void)fail(&p->refused, ERR_CONFLICT, "%.*s", STR_ARG(str_first(reason, sizeof p->refused.text - 1)));
    if (!p->refused.text[0]) (void)fail(&p->refused, ERR_CONFLICT, "this key was refused before");
    p->is_refusal_kept = true;
    node_warn(p->node, "this node's log key signs no more", &p->refused);
    return OK;
}

void peers_keep_refusal(struct peers *p, const struct why *because)
{
    AUTO(buf_done) struct buf text = {0};
    struct why why = {0};

    if (p->is_refusal_kept) return;
    if (!p->refused.text[0]) {
        p->refused = *because;
        node_warn(p->node, "this node's log key signs no more", because);
    }
    p->is_refusal_kept = true;
    if (!p->node->dir) return;
    buf_addf(&text, "%08x %s\n", own_key_id(p), because->text);
    if (whole_file_write(p->node->dir, "refused", buf_str(&text), &why) != OK) {
        p->is_refusal_kept = false; /* Tried again by the next event. */
        node_warn(p->node, "that this key signs no more could not be marked", &why);
    }
}

/* Contradictions. */

static bool is_kept(const struct peers *p, uint64_t size, const struct hash *root)
{
    for (size_t i = 0; i < p->n_forks; i++)
        if (p->forks[i].size == size && hash_equal(&p->forks[i].root, root)) return true;
    return false;
}

static struct peers_fork *keep(struct peers *p, struct str note, uint64_t size, const struct hash *root)
{
    struct peers_fork *f;

    if (p->n_forks == PEERS_FORKS_MAX || is_kept(p, size, root)) return NULL;
    f = &p->forks[p->n_forks++];
    *f = (struct peers_fork){.size = size, .root = *root};
    buf_add_str(&f->note, note);
    return f;
}

void peers_know_fork(struct peers *p, struct str note, const struct head *h)
{
    struct peers_fork *f = keep(p, note, h->size, &h->root);

    if (f) f->has_file = f->is_told = true;
}

static enum err read_tile(void *context, unsigned level, uint64_t n, unsigned width, struct hash ret[TILE_WIDTH], struct why *why)
{
    const struct peers *p = context;
    AUTO(buf_done) struct buf bytes = {0};

    TRY(tree_tile(p->node->tree, level, n, width, &bytes, why));
    memcpy(ret, bytes.at, width * sizeof *ret);
    return OK;
}

/* The proof file that sets the other note against a note of the own branch. ERR_UNAVAILABLE: nobody has signed the own branch up to
 * there yet. */
static enum err make_proof(struct peers *p, struct str other, uint64_t other_size, struct str own, struct buf *ret, struct why *why)
{
    struct tile_reader from = {read_tile, p};
    AUTO(mem_auto) struct fork_proof *proof = mem_zalloc(sizeof *proof);
    uint64_t own_size = 0;
    struct hash own_root;

    TRY(head_peek(&p->seats, own, &own_size, &own_root, why));
    if (own_size < other_size) return fail(why, ERR_UNAVAILABLE, "the own branch is not signed that far");
    *proof = (struct fork_proof){.kind = own_size == other_size ? FORK_EQUAL : FORK_PREFIX, .smaller = other, .larger = own};
    if (proof->kind == FORK_PREFIX) {
        if (!peers_root_at(p, other_size, &proof->root_at)) return fail(why, ERR_UNAVAILABLE, "the own tree cannot be read");
        TRY(merkle_prove_consistency(other_size, own_size, &from, &proof->proof, why));
    }
    fork_proof_add(ret, proof);
    return OK;
}

static void write_proof(struct peers *p, struct peers_fork *f)
{
    AUTO(buf_done) struct buf own = {0}, file = {0};
    char name[64], root[17] = {0};

    if (f->has_file || !round_newest(p->round, &own)) return;
    if (make_proof(p, buf_str(&f->note), f->size, buf_str(&own), &file, NULL) != OK) return;
    hex_encode(f->root.b, 8, root);
    (void)snprintf(name, sizeof name, "fork-%llu-%s.proof", (unsigned long long)f->size, root);
    f->has_file = true; /* One that cannot be written is not tried for ever. */
    peers_keep_proof(p, name, buf_str(&file));
}

/* A key that signed both sides, or went back: convicted by itself. */
static void write_evidence(struct peers *p, const struct standing_evidence *e)
{
    AUTO(buf_done) struct buf smaller = {0}, larger = {0}, file = {0};
    AUTO(mem_auto) struct fork_proof *proof = mem_zalloc(sizeof *proof);
    char name[64], id[17] = {0};

    head_add_note(&p->seats, &e->smaller, &smaller);
    head_add_note(&p->seats, &e->larger, &larger);
    if (e->kind == FORK_ROLLBACK) {
        *proof = (struct fork_proof){.kind = FORK_ROLLBACK, .smaller = buf_str(&smaller), .larger = buf_str(&larger)};
        fork_proof_add(&file, proof);
    } else if (make_proof(p, buf_str(&smaller), e->smaller.size, buf_str(&larger), &file, NULL) != OK) {
        return;
    }
    hex_encode(p->ids[e->node], 8, id);
    (void)snprintf(name, sizeof name, "fork-%llu-by-%s.proof", (unsigned long long)e->smaller.size, id);
    peers_keep_proof(p, name, buf_str(&file));
}

/* What an earlier round, or life, found. */
static void tell_forks(struct peers *p)
{
    AUTO(mem_auto) struct head *h = NULL;

    for (size_t i = 0; i < p->n_forks; i++) {
        struct peers_fork *f = &p->forks[i];
        struct hash root;
        if (f->is_told || !peers_root_at(p, f->size, &root)) continue;
        f->is_told = true;
        if (hash_equal(&root, &f->root)) continue; /* Of the own branch. */
        if (!h) h = mem_alloc(sizeof *h);
        if (head_read(&p->seats, buf_str(&f->note), NULL, h, NULL) == OK) round_shown(p->round, h, f->size, peers_now(p));
    }
}

void peers_note_forks(struct peers *p)
{
    const struct standing *s = round_standing(p->round);

    peers_tell_proofs(p);
    tell_forks(p);
    for (size_t i = 0; i < s->others.n; i++) {
        const struct head *h = s->others.at[i];
        AUTO(buf_done) struct buf note = {0};
        if (is_kept(p, h->size, &h->root)) continue;
        head_add_note(&p->seats, h, &note);
        struct peers_fork *f = keep(p, buf_str(&note), h->size, &h->root);
        if (f) f->is_told = true;
    }
    for (size_t i = 0; i < p->n_forks; i++) write_proof(p, &p->forks[i]);
    for (; p->n_evidence < s->evidence.n; p->n_evidence++) write_evidence(p, s->evidence.at[p->n_evidence]);
}

/* Who stands on the other branch, for people. */
static void say_divided(struct peers *p, const struct fork_judgement *fork)
{
    const struct standing *s = round_standing(p->round);
    struct state_pin pin;
    const struct view *v = state_read(p->node->state, &pin);
    AUTO(buf_done) struct buf names = {0};
    bool is_named[SEATS_MEMBERS_MAX] = {false};

    for (size_t i = 0; i < p->seats.n_nodes; i++) {
        unsigned seat = p->seats.nodes[i].member;
        if (is_named[seat] || !(standing_side(s, i) & FORK_OTHER)) continue;
        is_named[seat] = true;
        const struct member *m = view_member(v, p->members[seat]);
        buf_addf(&names, "%s%.*s%s", names.n ? ", " : "", STR_ARG(m->name), fork->is_out[seat] ? " (on both)" : "");
    }
    state_done_reading(&pin);
    (void)fail(&p->divided, ERR_CONFLICT, "the network is divided from %llu leaves on: %u of %u members sign this branch, %u another: %.*s",
               (unsigned long long)s->fork_size, fork->n_own, p->seats.n_members, fork->n_other, STR_ARG(buf_str(&names)));
}

void peers_judge(struct peers *p)
{
    struct round_status s;

    round_status(p->round, peers_now(p), &s);
    if (s.fork.is_divided) say_divided(p, &s.fork);
    else p->divided = (struct why){0};
    atomic_store_explicit(&p->is_divided, s.fork.is_divided, memory_order_relaxed);
    if (s.fork.may_write == p->may_write) return;
    p->may_write = s.fork.may_write;
    node_set_may_write(p->node, p->may_write, &p->divided);
}
