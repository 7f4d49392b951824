/* actor_catchup.c - other nodes' logs, in place of the client that fetches them; no audit thread.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The linker sends catchup_run() here. It does what catchup.h says, for sources that do not lie: the largest checkpoint that enough
 * members signed, consistency with what is held, entries and outcomes. What the real one checks, tile by tile, is tested with it; so is the
 * audit, which here finds all good at once.
 */
#include <stdio.h>

#include "actor.h"
#include "actor_link.h"
#include "base/mem.h"
#include "disk.h"
#include "node/audit.h"
#include "node/catchup.h"
#include "proof/merkle.h"
#include "proof/note.h"

enum err __wrap_catchup_run(const struct catchup_options *options, struct catchup_result *ret, struct why *why);
struct audit *__wrap_audit_start(const struct audit_options *options);
void __wrap_audit_status(const struct audit *a, struct audit_status *ret);
void __wrap_audit_stop(struct audit *a);
void __wrap_audit_free(struct audit *a);

struct audit {
    uint64_t to;
};

struct audit *__wrap_audit_start(const struct audit_options *options)
{
    struct audit *a = mem_zalloc(sizeof *a);

    a->to = options->to;
    if (options->progress && !fiber_self()) must(false); /* Nodes start and step in fibers. */
    return a;
}

void __wrap_audit_status(const struct audit *a, struct audit_status *ret)
{
    *ret = (struct audit_status){.next = a->to, .to = a->to, .is_over = true};
}

void __wrap_audit_stop(struct audit *a)
{
    (void)a;
}

void __wrap_audit_free(struct audit *a)
{
    mem_free(a);
}

/* How many members signed it, as the policy has it. */
static unsigned count_signers(const struct catchup_policy *p, const struct note *note)
{
    struct note_verdict verdicts[CATCHUP_SOURCES_MAX];
    bool has[CATCHUP_SOURCES_MAX] = {false};
    unsigned n = 0;

    if (p->n_keys == 0 || note_verify(note, p->keys, p->n_keys, verdicts, NULL) != OK) return 0;
    for (size_t i = 0; i < p->n_keys; i++) {
        unsigned member = p->members ? p->members[i] : (unsigned)i;
        n += verdicts[i].has_signed && !has[member];
        has[member] |= verdicts[i].has_signed;
    }
    return n;
}

struct best {
    int node;
    struct checkpoint head;
    struct buf note;
};

static void look(const struct catchup_options *o, const struct catchup_source *source, struct best *best)
{
    AUTO(mem_auto) struct note *note = mem_alloc(sizeof *note);
    AUTO(buf_done) struct buf bytes = {0};
    int node = link_node_of(source->url);
    struct checkpoint head;
    struct why why = {0};

    if (node < 0 || !actor_node(node) || link_is_cut(world.node, node) || link_is_cut(node, world.node)) {
        (void)fail(&why, ERR_NET, "no answer");
        if (o->report) o->report(o->context, source->name, CATCHUP_FAILED, &why);
        return;
    }
    if (node_checkpoint(actor_node(node), &bytes, &why) != OK || note_parse(buf_str(&bytes), note, &why) != OK ||
        checkpoint_parse(note->text, &head, &why) != OK || count_signers(&o->policy, note) < o->policy.n_needed) {
        if (o->report) o->report(o->context, source->name, CATCHUP_BEHIND, &why);
        return;
    }
    if (best->node >= 0 && head.size <= best->head.size) return;
    best->node = node;
    best->head = head;
    buf_clear(&best->note);
    buf_add_str(&best->note, buf_str(&bytes));
}

/* Root of the source's tree at size. */
static enum err root_at(int node, uint64_t size, struct hash *ret, struct why *why)
{
    AUTO(buf_done) struct buf leaf = {0};
    struct merkle m = {0};

    for (uint64_t i = 0; i < size; i++) {
        struct hash hash;
        buf_clear(&leaf);
        if (!actor_node(node)) return fail(why, ERR_NET, "the source is gone");
        TRY(node_leaf(actor_node(node), i, &leaf, why));
        hash = hash_leaf(buf_str(&leaf));
        merkle_add(&m, &hash);
    }
    *ret = merkle_root(&m);
    return OK;
}

static enum err take_one(const struct catchup_options *o, int node, uint64_t index, struct why *why)
{
    AUTO(buf_done) struct buf entry = {0}, outcome = {0};
    struct str bytes;

    TRY(node_leaf(actor_node(node), 2 * index, &entry, why));
    TRY(node_leaf(actor_node(node), 2 * index + 1, &outcome, why));
    bytes = buf_str(&entry);
    if (index >= store_size(o->store)) TRY(store_append(o->store, &bytes, 1, why));
    bytes = buf_str(&outcome);
    actor_counts.n_taken_over++;
    return o->taken ? o->taken(o->context, index, &bytes, 1, why) : OK;
}

static enum err take_over(const struct catchup_options *o, const struct best *best, struct catchup_result *ret, struct why *why)
{
    struct hash root;

    if (best->node < 0) return fail(why, ERR_UNAVAILABLE, "no checkpoint with enough signatures");
    if (root_at(best->node, best->head.size, &root, why) != OK) return ERR_NET;
    if (!hash_equal(&root, &best->head.root)) return fail(why, ERR_NET, "the source's tree is not the one that it shows");
    if (best->head.size > o->held_size) {
        if (o->held_size > 0 && root_at(best->node, o->held_size, &root, why) != OK) return ERR_NET;
        if (o->held_size > 0 && !hash_equal(&root, &o->held_root))
            return fail(why, ERR_CONFLICT, "the tree that is held is not the beginning of the signed one");
        for (uint64_t i = o->held_size / 2; i < best->head.size / 2; i++) {
            if (!actor_node(best->node)) return fail(why, ERR_NET, "the source is gone");
            TRY(take_one(o, best->node, i, why));
        }
    }
    ret->size = best->head.size > o->held_size ? best->head.size : o->held_size;
    ret->root = best->head.size > o->held_size ? best->head.root : o->held_root;
    buf_add_str(&ret->note, buf_str(&best->note));
    return OK;
}

enum err __wrap_catchup_run(const struct catchup_options *options, struct catchup_result *ret, struct why *why)
{
    struct best best = {.node = -1};
    enum err err;

    (void)fiber_wait(world.now_us + world_between(5 * MS, 200 * MS));
    if (disk_is_cut(world.node)) return fail(why, ERR_NET, "stopped");
    for (size_t i = 0; i < options->n_sources; i++) look(options, &options->sources[i], &best);
    err = take_over(options, &best, ret, why);
    world_say("asks %zu logs, the best is node %d's with %llu leaves and %llu are held: %s %s", options->n_sources, best.node,
              (unsigned long long)best.head.size, (unsigned long long)options->held_size, err_name(err), err && why ? why->text : "");
    buf_done(&best.note);
    return err;
}
