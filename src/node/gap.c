/* gap.c - were the slots that etcd does not have ever written?
 * SPDX-License-Identifier: Apache-2.0
 */
#include "node/gap.h"

#include "base/limits.h"
#include "base/mem.h"
#include "node/look.h"
#include "node/peers.h"
#include "state/member.h"

struct asking {
    struct node *n;
    const struct gap_asked *whom;
    const struct journal_etcd_gap *gap;
    const struct view *view;
    struct arena arena;
    struct seats seats;
    uint8_t ids[SEATS_NODES_MAX][8];
    struct head head;
    size_t self;          /* This node's place in seats; n_nodes: it has none. */
    bool knows_itself;    /* All that the own key signed is known to be of what is held here. */
    bool asks_for_itself; /* The others are asked for that as well. */
};

struct shown {
    const struct asking *a;
    uint64_t epoch;
    bool is_there;
};

static void show(void *context, uint64_t index, struct str bytes)
{
    struct shown *s = context;
    const struct journal_etcd_gap *gap = s->a->gap;
    struct entry e;

    (void)index;
    if (entry_decode_head(bytes, &e, NULL) != OK) return;
    if (e.epoch > s->epoch || (e.epoch == s->epoch && e.slot >= gap->from && memcmp(e.author, gap->author, 8) == 0)) s->is_there = true;
}

/* OK: the tree that a->head is of does not hold the slots. */
static enum err check_tree(const struct asking *a, const struct look_peer *peer, struct why *why)
{
    struct node *n = a->n;
    struct hash root = tree_root(n->tree);
    struct look_range range = {.held = tree_size(n->tree), .held_root = &root, .size = a->head.size, .root = &a->head.root};
    struct shown shown = {.a = a, .epoch = journal_etcd_epoch(n->journal)};

    if (range.size <= range.held) {
        TRY(tree_root_at(n->tree, range.size, &root, why));
        return hash_equal(&root, range.root) ? OK : fail(why, ERR_CONFLICT, "its head of %llu leaves contradicts the own tree",
                                                         (unsigned long long)range.size);
    }
    TRY(look_entries(peer, &range, show, &shown, why));
    return shown.is_there ? fail(why, ERR_CONFLICT, "its tree of %llu leaves holds them", (unsigned long long)range.size) : OK;
}

/* As before the first signature (decision E7): what does the peer know of the own key? */
static enum err ask_for_itself(struct asking *a, const struct look_peer *peer, struct why *why)
{
    AUTO(buf_done) struct buf note = {0};
    struct hash root;
    uint64_t size = 0;
    enum err err = look_head(peer, a->seats.nodes[a->self].log.id, &note, why);

    if (err == ERR_NOT_FOUND) return OK;
    if (err == OK && note.n > 0) err = head_peek(&a->seats, buf_str(&note), &size, &root, why);
    if (err == OK && size > tree_size(a->n->tree)) a->knows_itself = false;
    return err;
}

/* OK: the node of this seat, which is to be there, has signed no tree that holds the slots. */
static enum err ask_at(struct asking *a, size_t i, struct str url, struct why *why)
{
    AUTO(buf_done) struct buf at = {0}, header = {0}, note = {0};
    const struct member *m = view_member_of_author(a->view, a->ids[i]);

    if (url.n > 0 && url.at[url.n - 1] == '/') url.n--;
    buf_add_str(&at, url);
    a->whom->link->authorize(a->whom->link, a->ids[i], &header);
    struct look_peer peer = {.name = arena_dup(&a->arena, m ? m->name : STR("")).at,
                             .url = buf_z(&at),
                             .header = buf_z(&header),
                             .client = a->whom->link->client};
    enum err err = look_head(&peer, a->seats.nodes[i].log.id, &note, why);
    if (err != OK) return ERR_NET;
    if (a->asks_for_itself) TRY(ask_for_itself(a, &peer, why));
    if (note.n == 0) return OK;
    TRY(head_read(&a->seats, buf_str(&note), NULL, &a->head, why));
    if (!head_has_line(&a->head, i)) return fail(why, ERR_INPUT, "its head is not signed by it");
    return check_tree(a, &peer, why);
}

/* At the addresses that the record has of it; without any, wherever it may be: a token is for one node alone. */
static enum err ask(struct asking *a, size_t i, struct why *why)
{
    struct member_node node = {0};
    enum err err = fail(why, ERR_NET, "no address is known");

    if (!a->whom->link || !view_node(a->view, a->ids[i], &node)) return err;
    for (size_t k = 0; err == ERR_NET && k < node.n_addresses; k++) err = ask_at(a, i, node.addresses[k], why);
    for (size_t k = 0; node.n_addresses == 0 && err == ERR_NET && k < a->whom->n_urls; k++) err = ask_at(a, i, a->whom->urls[k], why);
    return err;
}

/* Does this node know that its tree holds whatever its key has signed? If it has asked nobody yet, those whom it asks now can say. */
static void look_at_itself(struct asking *a)
{
    struct peers_status s = {.round = {.state = ROUND_REFUSED}};

    a->self = 0;
    while (a->self < a->seats.n_nodes && memcmp(a->ids[a->self], a->n->author, 8) != 0) a->self++;
    if (a->n->peers) peers_status(a->n->peers, &s);
    a->knows_itself = a->self < a->seats.n_nodes && s.is_seated && s.round.state != ROUND_REFUSED &&
                      s.round.own_size <= tree_size(a->n->tree);
    a->asks_for_itself = a->knows_itself && s.round.state == ROUND_ASKING;
}

/* Whether a node of the seat's member says no. */
static bool says_no(struct asking *a, unsigned seat, struct buf *others)
{
    for (size_t i = 0; i < a->seats.n_nodes; i++) {
        struct why why = {0};
        if (a->seats.nodes[i].member != seat) continue;
        if (i != a->self && ask(a, i, &why) == OK) return true;
        if (i == a->self) (void)fail(&why, OK, "what this node signed last is not known, or not here");
        const struct member *m = view_member_of_author(a->view, a->ids[i]);
        buf_addf(others, "; %.*s: %.80s", STR_ARG(m ? m->name : STR("")), why.text);
    }
    return false;
}

enum err gap_ask(struct node *n, const struct gap_asked *whom, const struct journal_etcd_gap *gap, struct why *why)
{
    struct asking *a = mem_zalloc(sizeof *a);
    AUTO(buf_done) struct buf others = {0};
    unsigned n_no = 0, majority;

    a->n = n;
    a->whom = whom;
    a->gap = gap;
    a->view = state_view(n->state); /* The writer's: it stays as it is meanwhile. */
    majority = view_majority(a->view);
    (void)peers_seats(a->view, buf_str(&n->origin), &a->arena, &a->seats, a->ids);
    look_at_itself(a);
    unsigned own_seat = a->self < a->seats.n_nodes ? a->seats.nodes[a->self].member : SEATS_MEMBERS_MAX;
    for (unsigned seat = 0; seat < a->seats.n_members && n_no + a->knows_itself < majority; seat++)
        n_no += seat != own_seat && says_no(a, seat, &others);
    n_no += a->knows_itself || (own_seat < SEATS_MEMBERS_MAX && says_no(a, own_seat, &others));
    arena_done(&a->arena);
    mem_free(a);
    if (n_no >= majority) return OK;
    return fail(why, ERR_UNAVAILABLE, "%u of the %u members that it takes say that slots %llu to %llu of an author were never written%s", n_no,
                majority, (unsigned long long)gap->from, (unsigned long long)gap->to - 1, buf_z(&others));
}
