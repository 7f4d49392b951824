/* prop_node_crash.c - a node whose storage fails or stops at any moment: what it answered stays true, what it signed as well.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Lives of one folder. In each the storage may fail a write or a sync, or the machine may stop at a write, also while starting and
 * stopping; meanwhile changes of several participants are proposed, and the heads that the node shows are noted. After it
 * a faultless start must hold every acknowledged change, each unclear one as its fate says, and a tree of which all
 * heads ever shown are heads. SEED= and STEPS= (lives).
 */
#include <stdlib.h>

#include "base/vec.h"
#include "faultvfs.h"
#include "home.h"
#include "proof/checkpoint.h"
#include "proof/merkle.h"
#include "t.h"

struct written {
    struct id id;
    struct hash entry;
};
VEC_DEFINE(written_vec, struct written);

struct seen_head {
    uint64_t size;
    struct hash root;
};
VEC_DEFINE(head_vec, struct seen_head);

struct story {
    struct rng rng;
    struct home home;
    struct written_vec acked, unclear;
    struct head_vec heads;
    int n_starts_failed, n_stopped, n_unclear_kept;
};

static void note_head(struct story *s)
{
    AUTO(buf_done) struct buf bytes = {0};
    AUTO(mem_auto) struct note *note = mem_alloc(sizeof *note);
    struct checkpoint c;
    must(node_checkpoint(s->home.node, &bytes, NULL) == OK);
    must(note_parse(buf_str(&bytes), note, NULL) == OK && checkpoint_parse(note->text, &c, NULL) == OK);
    head_vec_add(&s->heads, (struct seen_head){c.size, c.root});
}

static void propose_some(struct story *s)
{
    struct ask *asks[40];
    int n = 1 + (int)rng_below(&s->rng, 40);
    for (int i = 0; i < n; i++) {
        char uss[16];
        (void)snprintf(uss, sizeof uss, "uss%d", (int)rng_below(&s->rng, 4));
        ask_send(s->home.node, asks[i] = ask_subscription(str_of(uss), i));
    }
    for (int i = 0; i < n; i++) {
        ask_wait(asks[i]);
        const struct pending *p = &asks[i]->p;
        struct written w = {p->change.id, p->entry_hash};
        if (p->err == OK) {
            CHECK_INT(p->outcome.reason, REASON_ACCEPTED);
            written_vec_add(&s->acked, w);
        } else {
            CHECK_INT(p->err, ERR_UNAVAILABLE);
            CHECK(p->why.text[0]);
            if (p->is_unclear) written_vec_add(&s->unclear, w);
        }
        ask_free(asks[i]);
    }
    note_head(s);
}

static void break_something(struct story *s)
{
    uint64_t which = rng_below(&s->rng, 6);
    if (which == 0) fault_fail_sync(1 + (int)rng_below(&s->rng, 30));
    else if (which == 1) fault_fail_write(1 + (int)rng_below(&s->rng, 200), rng_below(&s->rng, 2));
    else if (which < 5) fault_crash_at(1 + (int)rng_below(&s->rng, rng_below(&s->rng, 2) ? 40 : 300));
}

static enum err read_tile(void *context, unsigned level, uint64_t n, unsigned width, struct hash ret[TILE_WIDTH], struct why *why)
{
    AUTO(buf_done) struct buf bytes = {0};
    TRY(node_tile(context, level, n, width, &bytes, why));
    memcpy(ret, bytes.at, bytes.n);
    return OK;
}

static bool has(const struct view *v, struct id id)
{
    return view_find(v, ENTITY_SUBSCRIPTION, id) != NULL;
}

/* A start without faults; false ends the test. */
static bool look(struct story *s)
{
    struct why why = {{0}};
    struct state_pin pin;
    bool good = true;

    if (!CHECK_INT(home_start(&s->home, &why), OK)) {
        printf("# %s\n", why.text);
        return false;
    }
    struct node *n = s->home.node;
    const struct view *v = state_read(node_state(n), &pin);
    for (size_t i = 0; i < s->acked.n && good; i++) good = CHECK(has(v, s->acked.at[i].id));
    for (size_t i = 0; i < s->unclear.n && good; i++) {
        enum node_fate fate = node_fate(n, &s->unclear.at[i].entry);
        bool is_there = has(v, s->unclear.at[i].id);
        good = CHECK_INT(fate, is_there ? NODE_COMMITTED : NODE_ABSENT);
        if (is_there) written_vec_add(&s->acked, s->unclear.at[i]);
        s->n_unclear_kept += is_there;
    }
    state_done_reading(&pin);
    s->unclear.n = 0;
    note_head(s);
    uint64_t size = s->heads.at[s->heads.n - 1].size;
    for (size_t i = 0; i < s->heads.n && good; i++) {
        struct tile_reader reader = {read_tile, n};
        struct hash root;
        good = CHECK(s->heads.at[i].size <= size) &&
               CHECK_INT(merkle_root_at(s->heads.at[i].size, &reader, &root, &why), OK) &&
               CHECK(hash_equal(&root, &s->heads.at[i].root));
    }
    home_stop(&s->home);
    return good;
}

static void live(struct story *s)
{
    struct why why = {{0}};
    struct node_status status;
    int n = (int)rng_below(&s->rng, 12);

    break_something(s);
    if (home_start(&s->home, &why) != OK) {
        CHECK(why.text[0]);
        s->n_starts_failed++;
        return;
    }
    note_head(s);
    while (n-- > 0) propose_some(s);
    node_status(s->home.node, &status);
    s->n_stopped += !status.takes_writes;
    home_stop(&s->home);
}

static void what_was_answered_and_signed_stays_true(void)
{
    static struct story s;
    int n_lives = t_steps(200);
    bool good = true;

    s.rng = t_rng();
    while (good && n_lives > 0) {
        home_make(&s.home);
        fault_reset(rng_next(&s.rng));
        s.acked.n = s.unclear.n = s.heads.n = 0;
        for (int k = 0; good && k < 8 && n_lives-- > 0; k++) {
            live(&s);
            if (fault_has_crashed() || rng_below(&s.rng, 3) > 0) fault_crash();
            else fault_heal();
            good = look(&s);
        }
        home_remove(&s.home);
    }
    printf("# %d starts failed, %d nodes stopped writing, %d unclear changes were kept\n", s.n_starts_failed, s.n_stopped, s.n_unclear_kept);
    written_vec_done(&s.acked);
    written_vec_done(&s.unclear);
    head_vec_done(&s.heads);
}

int main(void)
{
    fault_install();
    RUN(what_was_answered_and_signed_stays_true);
    return t_done();
}
