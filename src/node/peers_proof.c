/* peers_proof.c - proof files: kept, told to each round, handed to peers, taken from them.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A proof file convicts by itself, so it does not matter who brings it: what a peer hands over is verified like what was found here, and
 * has the same effect (decision C7). So a node learns of a fork also when the contradiction is beyond its own tree:
 *
 *     own tree    o----o----o(m)                        nothing of its own contradicts the head at n
 *                       \
 *     theirs             o----o----o----o(n)            the proof file has the root that this tree has at m: another one
 */
#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "base/hex.h"
#include "base/mem.h"
#include "node/peers_internal.h"
#include "node/whole_file.h"

#define PROOF_PREFIX "fork-"
#define PROOF_SUFFIX ".proof"

enum branch { BRANCH_UNKNOWN, BRANCH_OWN, BRANCH_OTHER };

/* Verifying. */

/* By the keys of those who may sign now. ret_is_convicted: of each node. */
static enum err verify(const struct peers *p, struct str file, bool ret_is_convicted[SEATS_NODES_MAX], struct why *why)
{
    struct note_key keys[2 * SEATS_NODES_MAX];
    bool by[2 * SEATS_NODES_MAX] = {false};
    struct fork_verdict verdict;

    for (size_t i = 0; i < p->seats.n_nodes; i++) {
        keys[2 * i] = p->seats.nodes[i].log;
        keys[2 * i + 1] = p->seats.nodes[i].mirror;
    }
    TRY(fork_verify(file, keys, 2 * p->seats.n_nodes, by, &verdict, why));
    for (size_t i = 0; i < p->seats.n_nodes; i++) ret_is_convicted[i] = by[2 * i] || by[2 * i + 1];
    return OK;
}

static enum err read_head(struct str bytes, struct checkpoint *ret, struct why *why)
{
    AUTO(mem_auto) struct note *note = mem_alloc(sizeof *note);

    TRY(note_parse(bytes, note, why));
    return checkpoint_parse(note->text, ret, why);
}

/* Borrows the bytes. */
static enum err read_proof(struct str file, struct peers_proof *ret, struct why *why)
{
    AUTO(mem_auto) struct fork_proof *proof = mem_alloc(sizeof *proof);

    TRY(fork_proof_parse(file, proof, why));
    TRY(read_head(proof->smaller, &ret->small, why));
    TRY(read_head(proof->larger, &ret->large, why));
    ret->kind = proof->kind;
    ret->root_at = proof->root_at;
    ret->notes[0] = proof->smaller;
    ret->notes[1] = proof->larger;
    return OK;
}

/* The list. */

static struct peers_proof *find(struct peers *p, struct str name)
{
    for (size_t i = 0; i < p->n_proofs; i++)
        if (str_equal(buf_str(&p->proofs[i].name), name)) return &p->proofs[i];
    return NULL;
}

/* Copies the bytes, and reads them anew: what was read of others' goes with those. */
static struct peers_proof *add(struct peers *p, const char *name, struct str file)
{
    struct peers_proof *f = &p->proofs[p->n_proofs++];

    *f = (struct peers_proof){.is_good = false};
    buf_addf(&f->name, "%s", name);
    buf_add_str(&f->file, file);
    must(read_proof(buf_str(&f->file), f, NULL) == OK);
    return f;
}

void peers_free_proofs(struct peers *p)
{
    for (size_t i = 0; i < p->n_proofs; i++) {
        buf_done(&p->proofs[i].name);
        buf_done(&p->proofs[i].file);
    }
}

static struct peers_proof *store(struct peers *p, const char *name, struct str file)
{
    struct why why = {0};
    enum err err = OK;

    if (p->n_proofs == PEERS_PROOFS_MAX) err = fail(&why, ERR_TOO_LARGE, "%d are kept already", PEERS_PROOFS_MAX);
    else if (p->node->dir) err = whole_file_write(p->node->dir, name, file, &why);
    if (err != OK) {
        node_warn(p->node, "a proof of a fork could not be kept", &why);
        return NULL;
    }
    (void)fail(&why, ERR_CONFLICT, "%s%s%s", p->node->dir ? p->node->dir : "", p->node->dir ? "/" : "", name);
    node_warn(p->node, "contradicting heads are signed: the proof is kept", &why);
    return add(p, name, file);
}

void peers_keep_proof(struct peers *p, const char *name, struct str file)
{
    bool is_convicted[SEATS_NODES_MAX];
    struct why why = {0};

    if (find(p, str_of(name))) return; /* Of an earlier life. */
    if (verify(p, file, is_convicted, &why) != OK) { /* Good or nothing: what is kept convicts. */
        node_warn(p->node, "a proof of a fork could not be kept", &why);
        return;
    }
    struct peers_proof *f = store(p, name, file);
    if (f) f->is_good = f->is_placed[0] = f->is_placed[1] = true; /* The round found it. */
}

static bool is_proof_name(struct str name)
{
    return str_starts(name, STR(PROOF_PREFIX)) && name.n >= sizeof PROOF_SUFFIX &&
           str_equal(str_skip(name, name.n - (sizeof PROOF_SUFFIX - 1)), STR(PROOF_SUFFIX));
}

void peers_open_proofs(struct peers *p)
{
    DIR *dir = p->node->dir ? opendir(p->node->dir) : NULL;
    const struct dirent *entry;

    while (dir && (entry = readdir(dir)) != NULL && p->n_proofs < PEERS_PROOFS_MAX) {
        AUTO(buf_done) struct buf file = {0};
        struct peers_proof read = {0};
        struct why why = {0};
        if (!is_proof_name(str_of(entry->d_name))) continue;
        enum err err = whole_file_read(p->node->dir, entry->d_name, FORK_PROOF_MAX, &file, &why);
        if (err == OK) err = read_proof(buf_str(&file), &read, &why);
        if (err == OK) (void)add(p, entry->d_name, buf_str(&file));
        else node_warn(p->node, "a proof of a fork cannot be read", &why);
    }
    if (dir) (void)closedir(dir);
}

/* Telling the round. */

static enum branch compare(struct peers *p, uint64_t at, const struct hash *root)
{
    struct hash own;

    if (!peers_root_at(p, at, &own)) return BRANCH_UNKNOWN;
    return hash_equal(&own, root) ? BRANCH_OWN : BRANCH_OTHER;
}

/* Where the smaller (0) or the larger head (1) stands, and from which size on that is known. */
static enum branch find_branch(struct peers *p, const struct peers_proof *f, int which, uint64_t *ret_at)
{
    const struct checkpoint *head = which ? &f->large : &f->small;

    if (which && f->kind == FORK_PREFIX && compare(p, f->small.size, &f->root_at) == BRANCH_OTHER) {
        *ret_at = f->small.size;
        return BRANCH_OTHER;
    }
    *ret_at = head->size;
    return compare(p, head->size, &head->root);
}

static void place(struct peers *p, struct peers_proof *f, int which)
{
    uint64_t at = 0;
    enum branch branch = find_branch(p, f, which, &at);

    if (branch == BRANCH_UNKNOWN) return;
    f->is_placed[which] = true;
    if (branch == BRANCH_OWN) return;
    AUTO(mem_auto) struct head *h = mem_alloc(sizeof *h);
    if (head_read(&p->seats, f->notes[which], NULL, h, NULL) != OK) return;
    peers_know_fork(p, f->notes[which], h);
    round_shown(p->round, h, at, peers_now(p));
}

void peers_tell_proofs(struct peers *p)
{
    for (size_t i = 0; i < p->n_proofs; i++) {
        struct peers_proof *f = &p->proofs[i];
        for (int which = 0; which < 2; which++)
            if (f->is_good && !f->is_placed[which]) place(p, f, which);
    }
}

static void convict(struct peers *p, const bool is_convicted[SEATS_NODES_MAX])
{
    for (size_t i = 0; i < p->seats.n_nodes; i++)
        if (is_convicted[i]) round_convicted(p->round, i, peers_now(p));
}

/* Proofs against keys that were replaced stay files: they hold no more against those who sign now. */
void peers_begin_proofs(struct peers *p)
{
    for (size_t i = 0; i < p->n_proofs; i++) {
        struct peers_proof *f = &p->proofs[i];
        bool is_convicted[SEATS_NODES_MAX];
        memset(f->is_with, 0, sizeof f->is_with);
        f->is_placed[0] = f->is_placed[1] = false;
        f->is_good = verify(p, buf_str(&f->file), is_convicted, NULL) == OK;
        if (f->is_good) convict(p, is_convicted);
    }
}

/* Taking. */

static bool is_signer_news(struct peers *p, struct str note)
{
    const struct standing *s = round_standing(p->round);
    AUTO(mem_auto) struct head *h = mem_alloc(sizeof *h);

    if (head_read(&p->seats, note, NULL, h, NULL) != OK) return false;
    for (size_t i = 0; i < p->seats.n_nodes; i++)
        if (head_has_line(h, i) && !s->nodes[i].is_other) return true;
    return false;
}

/* The same contradiction waits already for the own tree to get there. */
static bool is_waiting(const struct peers *p, const struct peers_proof *f)
{
    for (size_t i = 0; i < p->n_proofs; i++)
        if (p->proofs[i].small.size == f->small.size && hash_equal(&p->proofs[i].small.root, &f->small.root)) return true;
    return false;
}

/* Others prove the same contradiction by other notes: what tells nothing more is not kept. */
static bool is_news(struct peers *p, const struct peers_proof *f, const bool is_convicted[SEATS_NODES_MAX])
{
    const struct standing *s = round_standing(p->round);
    uint64_t at;

    for (size_t i = 0; i < p->seats.n_nodes; i++)
        if (is_convicted[i] && !s->nodes[i].is_convicted) return true;
    if (f->kind == FORK_ROLLBACK) return false;
    if (p->tree_size < f->small.size) return !is_waiting(p, f);
    for (int which = 0; which < 2; which++)
        if (find_branch(p, f, which, &at) == BRANCH_OTHER && is_signer_news(p, f->notes[which])) return true;
    return false;
}

static size_t count_from(const struct peers *p, const uint8_t from[8])
{
    size_t n = 0;
    for (size_t i = 0; i < p->n_proofs; i++) n += memcmp(p->proofs[i].from, from, 8) == 0;
    return n;
}

static enum err take(struct peers *p, size_t i, struct str file, struct why *why)
{
    bool is_convicted[SEATS_NODES_MAX];
    struct peers_proof read = {0};
    char name[96], id[17] = {0}, mark[17] = {0};
    struct hash hash = hash_of(file);

    for (size_t k = 0; k < p->n_proofs; k++) {
        if (!str_equal(buf_str(&p->proofs[k].file), file)) continue;
        p->proofs[k].is_with[i] = true;
        return OK;
    }
    TRY(read_proof(file, &read, why));
    TRY(verify(p, file, is_convicted, why));
    if (!is_news(p, &read, is_convicted)) return OK;
    if (count_from(p, p->ids[i]) == PEERS_PROOFS_EACH) return fail(why, ERR_TOO_LARGE, "%d proofs of this node are kept", PEERS_PROOFS_EACH);
    hex_encode(p->ids[i], 8, id);
    hex_encode(hash.b, 8, mark);
    (void)snprintf(name, sizeof name, PROOF_PREFIX "%llu-from-%s-%s" PROOF_SUFFIX, (unsigned long long)read.small.size, id, mark);
    struct peers_proof *f = store(p, name, file);
    if (!f) return fail(why, ERR_UNAVAILABLE, "it cannot be kept");
    memcpy(f->from, p->ids[i], 8);
    f->is_good = f->is_with[i] = true;
    convict(p, is_convicted);
    return OK;
}

enum err peers_on_proof(struct peers *p, const uint8_t from[8], struct str file, struct why *why)
{
    must(pthread_mutex_lock(&p->lock) == 0);
    peers_pump(p); /* The tree and the roster of now. */
    size_t i = peers_find(p, from);
    enum err err = OK;
    if (i == p->seats.n_nodes || i == p->self) err = fail(why, ERR_RIGHTS, "no node that signs together with this one");
    else if (!p->round) err = fail(why, ERR_UNAVAILABLE, "this node has not joined yet");
    else err = take(p, i, file, why);
    if (err == ERR_INPUT) p->n_proofs_refused++;
    peers_pump(p);
    must(pthread_mutex_unlock(&p->lock) == 0);
    peers_wake(p);
    return err;
}

/* Handing over. */

void peers_hand_proof(struct peers *p, size_t i)
{
    size_t k = 0;

    while (k < p->n_proofs && (!p->proofs[k].is_good || p->proofs[k].is_with[i])) k++;
    if (k == p->n_proofs || !peers_begin_call(p, i, PEERS_PROOF, STR(EXCHANGE_PROOF), buf_str(&p->proofs[k].file))) return;
    p->known[i].proof = k;
}

/* Whoever refuses one is not asked again by the same round: it may be a program that knows no proofs. */
void peers_handed_proof(struct peers *p, size_t i, int status)
{
    if (status < 500) p->proofs[p->known[i].proof].is_with[i] = true;
}
