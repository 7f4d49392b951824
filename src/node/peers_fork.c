/* peers_fork.c - contradictions kept as proof files, and the mark of a key that signs no more.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hex.h"
#include "base/mem.h"
#include "node/fork.h"
#include "node/peers_internal.h"
#include "state/member.h"

#define PROOF_PREFIX "fork-"
#define PROOF_SUFFIX ".proof"

/* Files. */

static enum err sync_folder(const char *dir, struct why *why)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool is_synced = fd >= 0 && fsync(fd) == 0;
    int error = errno;

    if (fd >= 0) (void)close(fd);
    return is_synced ? OK : fail(why, ERR_DISK, "%s: cannot be synced: %s", dir, strerror(error));
}

/* Whole or not at all: under another name first. */
static enum err write_file(const char *dir, const char *name, struct str bytes, struct why *why)
{
    AUTO(buf_done) struct buf fresh = {0}, path = {0};

    buf_addf(&path, "%s/%s", dir, name);
    buf_addf(&fresh, "%s/%s.new", dir, name);
    int fd = open(buf_z(&fresh), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
    if (fd < 0) return fail(why, ERR_DISK, "%s: cannot be made: %s", buf_z(&fresh), strerror(errno));
    errno = ENOSPC; /* A short write sets none. */
    bool is_written = write(fd, bytes.at, bytes.n) == (ssize_t)bytes.n && fsync(fd) == 0;
    int error = errno;
    (void)close(fd);
    if (!is_written) return fail(why, ERR_DISK, "%s: cannot be written: %s", buf_z(&fresh), strerror(error));
    if (rename(buf_z(&fresh), buf_z(&path)) != 0) return fail(why, ERR_DISK, "%s: cannot be renamed: %s", buf_z(&fresh), strerror(errno));
    return sync_folder(dir, why);
}

/* At most max bytes. ERR_NOT_FOUND if there is none. */
static enum err read_file(const char *dir, const char *name, size_t max, struct buf *ret, struct why *why)
{
    AUTO(buf_done) struct buf path = {0};
    char piece[4096];
    ssize_t n = 0;

    buf_addf(&path, "%s/%s", dir, name);
    int fd = open(buf_z(&path), O_RDONLY | O_CLOEXEC);
    if (fd < 0) return fail(why, errno == ENOENT ? ERR_NOT_FOUND : ERR_DISK, "%s: cannot be opened: %s", buf_z(&path), strerror(errno));
    while (ret->n <= max && (n = read(fd, piece, sizeof piece)) > 0) buf_add(ret, piece, (size_t)n);
    int error = errno;
    (void)close(fd);
    if (n < 0) return fail(why, ERR_DISK, "%s: cannot be read: %s", buf_z(&path), strerror(error));
    return ret->n <= max ? OK : fail(why, ERR_CORRUPT, "%s: too long", buf_z(&path));
}

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
    enum err err = read_file(p->node->dir, "refused", 4096, &text, why);
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
    if (write_file(p->node->dir, "refused", buf_str(&text), &why) != OK) {
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

/* Good or nothing: what is kept convicts. */
static enum err check_proof(const struct peers *p, struct str file, struct why *why)
{
    struct note_key keys[2 * SEATS_NODES_MAX];
    bool is_convicted[2 * SEATS_NODES_MAX];
    struct fork_verdict verdict;

    for (size_t i = 0; i < p->seats.n_nodes; i++) {
        keys[2 * i] = p->seats.nodes[i].log;
        keys[2 * i + 1] = p->seats.nodes[i].mirror;
    }
    return fork_verify(file, keys, 2 * p->seats.n_nodes, is_convicted, &verdict, why);
}

static bool store_proof(struct peers *p, const char *name, struct str file)
{
    struct why why = {0};
    enum err err = check_proof(p, file, &why);

    if (err == OK && p->node->dir) err = write_file(p->node->dir, name, file, &why);
    if (err != OK) {
        node_warn(p->node, "a proof of a fork could not be kept", &why);
        return false;
    }
    p->n_proofs++;
    (void)fail(&why, ERR_CONFLICT, "%s%s%s", p->node->dir ? p->node->dir : "", p->node->dir ? "/" : "", name);
    node_warn(p->node, "contradicting heads are signed: the proof is kept", &why);
    return true;
}

static void write_proof(struct peers *p, struct peers_fork *f)
{
    AUTO(buf_done) struct buf own = {0}, file = {0};
    char name[64], root[17] = {0};

    if (f->has_file || !round_newest(p->round, &own)) return;
    if (make_proof(p, buf_str(&f->note), f->size, buf_str(&own), &file, NULL) != OK) return;
    hex_encode(f->root.b, 8, root);
    (void)snprintf(name, sizeof name, PROOF_PREFIX "%llu-%s" PROOF_SUFFIX, (unsigned long long)f->size, root);
    f->has_file = true; /* One that cannot be written is not tried for ever. */
    (void)store_proof(p, name, buf_str(&file));
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
    (void)snprintf(name, sizeof name, PROOF_PREFIX "%llu-by-%s" PROOF_SUFFIX, (unsigned long long)e->smaller.size, id);
    (void)store_proof(p, name, buf_str(&file));
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

static void keep_parts(struct peers *p, const struct fork_proof *proof)
{
    const struct str notes[2] = {proof->smaller, proof->larger};

    for (size_t i = 0; i < 2; i++) {
        struct note *note = mem_alloc(sizeof *note);
        struct checkpoint c;
        struct peers_fork *f = NULL;
        if (note_parse(notes[i], note, NULL) == OK && checkpoint_parse(note->text, &c, NULL) == OK) f = keep(p, notes[i], c.size, &c.root);
        if (f) f->has_file = true;
        mem_free(note);
    }
}

void peers_open_forks(struct peers *p)
{
    DIR *dir = p->node->dir ? opendir(p->node->dir) : NULL;
    const struct dirent *entry;

    while (dir && (entry = readdir(dir)) != NULL && p->n_forks < PEERS_FORKS_MAX) {
        AUTO(buf_done) struct buf file = {0};
        AUTO(mem_auto) struct fork_proof *proof = mem_alloc(sizeof *proof);
        struct str name = str_of(entry->d_name);
        struct why why = {0};
        if (!str_starts(name, STR(PROOF_PREFIX)) || name.n < sizeof PROOF_SUFFIX ||
            !str_equal(str_skip(name, name.n - (sizeof PROOF_SUFFIX - 1)), STR(PROOF_SUFFIX))) {
            continue;
        }
        if (read_file(p->node->dir, entry->d_name, FORK_PROOF_MAX, &file, &why) != OK ||
            fork_proof_parse(buf_str(&file), proof, &why) != OK) {
            node_warn(p->node, "a proof of a fork cannot be read", &why);
            continue;
        }
        p->n_proofs++;
        keep_parts(p, proof);
    }
    if (dir) (void)closedir(dir);
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
