/* crew.c - several members' nodes that hold the same record, with no engine under them: for tests of signing together.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "crew.h"

#include <stdio.h>
#include <unistd.h>

#include "entry/entry.h"
#include "node/shared.h"
#include "proof/note.h"
#include "state/genesis.h"

static const struct str ORIGIN = {"crew.example/line", 17};
static const int64_t START_S = 1800000000;

static void author_of(const struct key_secret *k, uint8_t ret[8])
{
    struct hash h = hash_of(str_make(k->public.b, sizeof k->public.b));
    memcpy(ret, h.b, 8);
}

static struct round_time now_of(void *context)
{
    const struct crew_node *n = context;
    return (struct round_time){n->crew->ms, (uint64_t)(START_S + n->crew->ms / 1000 + n->clock_off_s)};
}

/* The link: calls wait until the next step. */

static size_t find_node(const struct crew *c, const uint8_t id[8])
{
    size_t i = 0;
    while (i < c->n && memcmp(c->nodes[i].node.author, id, 8) != 0) i++;
    return i;
}

static void link_call(struct peer_link *link, const struct peer_call *call)
{
    struct crew_node *from = link->context;
    struct crew *c = from->crew;
    must(c->n_calls < CREW_CALLS && call->n_urls > 0);
    struct crew_call *k = &c->calls[c->n_calls++];
    *k = (struct crew_call){.from = (size_t)(from - c->nodes),
                            .to = find_node(c, call->to),
                            .is_post = call->is_post,
                            .answered = call->answered,
                            .context = call->context,
                            .tag = call->tag};
    must(k->to < c->n);
    buf_add_str(&k->target, call->target);
    buf_add_str(&k->body, call->body);
}

static void link_close(struct peer_link *link)
{
    struct crew_node *of = link->context;
    struct crew *c = of->crew;
    for (size_t i = 0; i < c->n_calls; i++) {
        if (c->calls[i].from == (size_t)(of - c->nodes)) c->calls[i].answered = NULL;
    }
}

static void serve(struct crew *c, const struct crew_call *k)
{
    struct crew_node *from = &c->nodes[k->from], *to = &c->nodes[k->to];
    AUTO(buf_done) struct buf answer = {0};
    enum exchange_kind kind = EXCHANGE_EARLY;
    struct exchange_query query;
    struct why why = {0};
    enum err err;
    int status;

    if (from->is_cut || to->is_cut || !to->peers) {
        k->answered(k->context, k->tag, ERR_NET, 0, STR(""));
        return;
    }
    err = peers_heard(to->peers, from->node.author, now_of(from).unix_s, &why);
    if (err == OK && k->is_post) {
        bool is_round = str_equal(buf_str(&k->target), STR(EXCHANGE_ROUND));
        must(is_round || str_equal(buf_str(&k->target), STR(EXCHANGE_PROOF)));
        if (is_round) err = peers_on_round(to->peers, from->node.author, buf_str(&k->body), &kind, &answer, &why);
        else err = peers_on_proof(to->peers, from->node.author, buf_str(&k->body), &why);
        status = err != OK ? err_status(err) : is_round ? exchange_status(kind) : 200;
    } else if (err == OK) {
        struct str target = buf_str(&k->target);
        (void)str_cut(&target, '?');
        must(exchange_read_query(target, &query, &why) == OK);
        err = peers_on_head(to->peers, &query, &answer, &why);
        status = err == OK ? 200 : err_status(err);
    } else {
        status = err_status(err);
    }
    k->answered(k->context, k->tag, OK, status, err == OK ? buf_str(&answer) : STR(""));
}

static void deliver(struct crew *c)
{
    size_t n = c->n_calls;

    for (size_t i = 0; i < n; i++) {
        struct crew_call k = c->calls[i];
        if (k.answered) serve(c, &k);
        buf_done(&k.target);
        buf_done(&k.body);
    }
    memmove(c->calls, c->calls + n, (c->n_calls - n) * sizeof *c->calls);
    c->n_calls -= n;
}

void crew_run(struct crew *c, int64_t ms)
{
    for (int64_t end = c->ms + ms; c->ms < end; c->ms += 5) {
        for (size_t i = 0; i < c->n; i++) {
            if (c->nodes[i].peers) (void)peers_step(c->nodes[i].peers);
        }
        deliver(c);
    }
}

/* Entries. */

static size_t add_entry(struct crew *c, const struct key_secret *key, uint64_t *slot, struct hash *last, struct change *change)
{
    AUTO(buf_done) struct buf bytes = {0};
    struct entry e = {.slot = (*slot)++, .previous = *last, .time_ms = START_S * 1000 + c->ms, .changes = change, .n_changes = 1};

    author_of(key, e.author);
    entry_encode(&e, ORIGIN, key, &bytes);
    must(c->n_entries < sizeof c->entries / sizeof *c->entries);
    c->entries[c->n_entries] = arena_dup(&c->arena, buf_str(&bytes));
    *last = hash_of(buf_str(&bytes));
    return c->n_entries++;
}

size_t crew_tick(struct crew *c, size_t by)
{
    struct change tick = {.kind = CHANGE_TICK};
    return add_entry(c, &c->keys[by].entry, &c->slots[by], &c->last[by], &tick);
}

size_t crew_address(struct crew *c, size_t by, const char *url)
{
    struct str at = arena_dup(&c->arena, str_of(url));
    struct change change = {.kind = CHANGE_ADDRESSES, .addresses = &at, .n_addresses = 1};
    memcpy(change.node, c->nodes[by].node.author, 8);
    return add_entry(c, &c->keys[by].entry, &c->slots[by], &c->last[by], &change);
}

size_t crew_root(struct crew *c, size_t by, struct change change)
{
    return add_entry(c, &c->keys[by].root, &c->root_slots[by], &c->root_last[by], &change);
}

static void hand_over(struct node *n)
{
    struct hash root = tree_root(n->tree);
    must(pthread_mutex_lock(&n->sign_lock) == 0);
    n->sign_size = tree_size(n->tree);
    n->sign_root = root;
    if (n->signer_waits) must(pthread_cond_signal(&n->sign_wake) == 0);
    must(pthread_mutex_unlock(&n->sign_lock) == 0);
}

static void apply_bytes(struct crew_node *cn, struct str bytes)
{
    struct node *n = &cn->node;
    AUTO(arena_done) struct arena arena = {0};
    AUTO(buf_done) struct buf leaf = {0};
    struct entry e;
    struct outcome *outcomes;

    must(entry_decode(bytes, &arena, &e, NULL) == OK);
    must(state_apply(n->state, &e, bytes, &arena, &outcomes, &leaf) == OK);
    struct hash a = hash_leaf(bytes), b = hash_leaf(buf_str(&leaf));
    tree_add(n->tree, &a);
    tree_add(n->tree, &b);
    state_publish(n->state);
    cn->n_applied++;
}

void crew_apply(struct crew *c, size_t node)
{
    struct crew_node *n = &c->nodes[node];
    while (n->n_applied < c->n_entries) apply_bytes(n, c->entries[n->n_applied]);
    hand_over(&n->node);
}

void crew_apply_all(struct crew *c)
{
    for (size_t i = 0; i < c->n; i++) crew_apply(c, i);
}

/* The same author's entry of another time in place of the next one. */
void crew_apply_other(struct crew *c, size_t node)
{
    AUTO(arena_done) struct arena arena = {0};
    AUTO(buf_done) struct buf bytes = {0};
    struct crew_node *n = &c->nodes[node];
    struct entry e;
    size_t by = 0;

    must(n->n_applied < c->n_entries && entry_decode(c->entries[n->n_applied], &arena, &e, NULL) == OK);
    for (by = 0; memcmp(c->nodes[by].node.author, e.author, 8) != 0;) by++;
    e.time_ms++;
    entry_encode(&e, ORIGIN, &c->keys[by].entry, &bytes);
    apply_bytes(n, buf_str(&bytes));
    hand_over(&n->node);
}

/* Setting up. */

static void make_genesis(struct crew *c)
{
    struct genesis_member members[CREW_MAX];
    static const char *const names[CREW_MAX] = {"alfa", "bravo", "charlie", "delta", "echo"};
    struct genesis g = {.rules = 1, .origin = ORIGIN, .members = members, .n_members = c->n, .created_ms = START_S * 1000};

    for (size_t i = 0; i < c->n; i++) {
        must(keys_open(&c->keys[i], NULL, true, NULL) == OK);
        members[i] = (struct genesis_member){str_of(names[i]), c->keys[i].root.public};
    }
    genesis_encode(&g, &c->genesis);
    c->genesis_hash = hash_of(buf_str(&c->genesis));
    c->entries[c->n_entries++] = buf_str(&c->genesis);
}

static void join(struct crew *c, size_t i)
{
    static const char *const names[CREW_MAX] = {"alfa", "bravo", "charlie", "delta", "echo"};
    struct change change = keys_join(&c->keys[i], str_of(names[i]), &c->genesis_hash);

    (void)crew_root(c, i, change);
    (void)crew_address(c, i, "http://127.0.0.1:1");
}

static void start_tree(struct crew *c, struct crew_node *cn)
{
    struct node *n = &cn->node;
    AUTO(buf_done) struct buf leaf = {0};

    struct str genesis = buf_str(&c->genesis);
    must(state_new(genesis, &n->state, NULL) == OK);
    must(store_open(NULL, &cn->store, NULL) == OK && store_append(cn->store, &genesis, 1, NULL) == OK);
    n->store = cn->store;
    n->tree = tree_new(cn->store);
    struct hash guard = outcome_guard(buf_str(&c->genesis));
    outcome_encode(&guard, NULL, 0, &leaf);
    struct hash a = hash_leaf(buf_str(&c->genesis)), b = hash_leaf(buf_str(&leaf));
    tree_add(n->tree, &a);
    tree_add(n->tree, &b);
    cn->n_applied = 1;
}

static void init_node(struct crew *c, size_t i, bool with_home)
{
    struct crew_node *cn = &c->nodes[i];
    struct node *n = &cn->node;

    cn->crew = c;
    n->keys = c->keys[i];
    n->shared = mem_zalloc(sizeof *n->shared);
    n->genesis_hash = c->genesis_hash;
    buf_add_str(&n->origin, ORIGIN);
    author_of(&n->keys.entry, n->author);
    atomic_store(&n->takes_writes, true);
    must(pthread_mutex_init(&n->lock, NULL) == 0 && pthread_mutex_init(&n->sign_lock, NULL) == 0);
    must(pthread_cond_init(&n->sign_wake, NULL) == 0 && pthread_cond_init(&n->signed_wake, NULL) == 0);
    if (with_home) {
        home_make(&cn->home);
        n->dir = cn->home.dir;
        must(heads_create(home_file(&cn->home, "heads"), NULL) == OK);
    }
    cn->link = (struct peer_link){.context = cn, .call = link_call, .close = link_close};
    start_tree(c, cn);
}

void crew_init(struct crew *c, size_t n, bool with_homes)
{
    memset(c, 0, sizeof *c);
    c->n = n;
    c->ms = 1000;
    make_genesis(c);
    for (size_t i = 0; i < n; i++) init_node(c, i, with_homes);
    for (size_t i = 0; i < n; i++) join(c, i);
    crew_apply_all(c);
    for (size_t i = 0; i < n; i++) must(crew_start(c, i, NULL) == OK);
}

static enum err start(struct crew_node *cn, const struct peers_options *options, struct why *why)
{
    if (cn->home.dir[0]) {
        TRY(heads_open(home_file(&cn->home, "heads"), &cn->node.heads, why));
        cn->node.head_size = 0;
        (void)heads_last(cn->node.heads, &cn->node.head_size, &cn->node.head_root, NULL);
    }
    TRY(peers_start(options, &cn->peers, why));
    cn->node.peers = cn->peers;
    return OK;
}

enum err crew_start(struct crew *c, size_t node, struct why *why)
{
    struct crew_node *cn = &c->nodes[node];
    struct peers_options options = {.node = &cn->node, .link = &cn->link, .is_stepped = true, .now = now_of, .context = cn};

    return start(cn, &options, why);
}

enum err crew_start_real(struct crew *c, size_t node, struct peer_link *link, struct why *why)
{
    struct crew_node *cn = &c->nodes[node];
    struct peers_options options = {.node = &cn->node, .link = link};

    return start(cn, &options, why);
}

void crew_stop(struct crew *c, size_t node)
{
    struct crew_node *cn = &c->nodes[node];

    peers_stop(cn->peers);
    cn->peers = cn->node.peers = NULL;
    heads_close(cn->node.heads);
    cn->node.heads = NULL;
}

void crew_done(struct crew *c)
{
    for (size_t i = 0; i < c->n; i++) {
        struct node *n = &c->nodes[i].node;
        crew_stop(c, i);
        tree_free(n->tree);
        state_free(n->state);
        store_close(c->nodes[i].store);
        buf_done(&n->origin);
        buf_done(&n->checkpoint);
        shared_free(n->shared);
        must(pthread_mutex_destroy(&n->lock) == 0 && pthread_mutex_destroy(&n->sign_lock) == 0);
        must(pthread_cond_destroy(&n->sign_wake) == 0 && pthread_cond_destroy(&n->signed_wake) == 0);
        keys_done(&c->keys[i]);
        if (c->nodes[i].home.dir[0]) home_remove(&c->nodes[i].home);
    }
    for (size_t i = 0; i < c->n_calls; i++) {
        buf_done(&c->calls[i].target);
        buf_done(&c->calls[i].body);
    }
    buf_done(&c->genesis);
    arena_done(&c->arena);
}

uint64_t crew_published(struct crew *c, size_t node, unsigned *ret_members)
{
    AUTO(mem_auto) struct note *note = mem_alloc(sizeof *note);
    struct node *n = &c->nodes[node].node;
    struct checkpoint head;
    AUTO(buf_done) struct buf bytes = {0};

    if (node_checkpoint(n, &bytes, NULL) != OK) return 0;
    must(note_parse(buf_str(&bytes), note, NULL) == OK && checkpoint_parse(note->text, &head, NULL) == OK);
    if (ret_members) *ret_members = (unsigned)note->n_signatures / 2;
    return head.size;
}

struct peers_status crew_status(struct crew *c, size_t node)
{
    struct peers_status s;
    peers_status(c->nodes[node].peers, &s);
    return s;
}
