/* peers_seats.c - the seats that follow from the state: counting members and the keys of their live nodes.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdlib.h>

#include "base/hex.h"
#include "node/peers_internal.h"
#include "state/member.h"

struct seated {
    struct member_node node;
    unsigned seat;
};

/* Earlier joins first: a later node that takes over somebody's keys shuts out itself. */
static int compare_seated(const void *a, const void *b)
{
    const struct seated *x = a, *y = b;

    if (x->node.joined_at != y->node.joined_at) return x->node.joined_at < y->node.joined_at ? -1 : 1;
    return memcmp(x->node.id, y->node.id, sizeof x->node.id);
}

static size_t list_nodes(const struct view *v, struct arena *arena, struct seated **ret, unsigned *ret_n_members)
{
    struct seated *all = arena_array(arena, SEATS_MEMBERS_MAX * LIMIT_MEMBER_NODES, sizeof *all);
    struct member_node of[LIMIT_MEMBER_NODES];
    size_t n_all = 0;
    unsigned n_members = 0;

    for (uint32_t no = 0; no < view_n_members(v) && n_members < SEATS_MEMBERS_MAX; no++) {
        if (!member_counts(view_member(v, no))) continue;
        size_t n = view_nodes(v, no, of);
        for (size_t i = 0; i < n; i++) all[n_all++] = (struct seated){of[i], n_members};
        n_members++;
    }
    qsort(all, n_all, sizeof *all, compare_seated);
    *ret = all;
    *ret_n_members = n_members;
    return n_all;
}

/* <origin>/<author id, 16 hex digits> */
static struct str mirror_name(struct str origin, const uint8_t id[8], struct arena *arena)
{
    char *at = arena_alloc(arena, origin.n + 17);

    memcpy(at, origin.at, origin.n);
    at[origin.n] = '/';
    hex_encode(id, 8, at + origin.n + 1);
    return str_make(at, origin.n + 17);
}

bool peers_seats(const struct view *v, struct str origin, struct arena *arena, struct seats *ret, uint8_t (*ret_ids)[8])
{
    struct seated *all;
    size_t n_all;

    memset(ret, 0, sizeof *ret);
    ret->origin = arena_dup(arena, origin);
    n_all = list_nodes(v, arena, &all, &ret->n_members);
    for (size_t i = 0; i < n_all && ret->n_nodes < SEATS_NODES_MAX; i++) {
        const struct member_node *node = &all[i].node;
        struct key_public log, mirror;
        memcpy(log.b, node->log_key, sizeof log.b);
        memcpy(mirror.b, node->mirror_key, sizeof mirror.b);
        if (!key_is_acceptable(&log) || !key_is_acceptable(&mirror)) continue;
        ret->nodes[ret->n_nodes] = (struct seats_node){
            .member = all[i].seat,
            .log = note_key_make(ret->origin, NOTE_ED25519, &log),
            .mirror = note_key_make(mirror_name(ret->origin, node->id, arena), NOTE_COSIGNATURE, &mirror),
        };
        memcpy(ret_ids[ret->n_nodes++], node->id, 8);
        if (seats_check(ret, NULL) != OK) ret->n_nodes--;
    }
    return ret->n_nodes > 0;
}

size_t peers_addresses(struct node *n, struct arena *arena, struct peer_address *ret, size_t max)
{
    struct state_pin pin;
    const struct view *v = state_read(n->state, &pin);
    struct member_node of[LIMIT_MEMBER_NODES];
    size_t n_found = 0;

    for (uint32_t no = 0; no < view_n_members(v); no++) {
        const struct member *m = view_member(v, no);
        if (!member_counts(m)) continue;
        size_t n_nodes = view_nodes(v, no, of);
        for (size_t i = 0; i < n_nodes && n_found < max; i++) {
            if (of[i].n_addresses == 0 || memcmp(of[i].id, n->author, 8) == 0) continue;
            ret[n_found] = (struct peer_address){.name = arena_dup(arena, m->name), .url = arena_dup(arena, of[i].addresses[0])};
            memcpy(ret[n_found++].id, of[i].id, 8);
        }
    }
    state_done_reading(&pin);
    return n_found;
}

/* What seats and calls depend on: whoever has the same mark needs no new ones. */
struct hash peers_roster_mark(const struct view *v)
{
    AUTO(buf_done) struct buf all = {0};
    struct member_node of[LIMIT_MEMBER_NODES];

    for (uint32_t no = 0; no < view_n_members(v); no++) {
        if (!member_counts(view_member(v, no))) continue;
        size_t n = view_nodes(v, no, of);
        buf_add(&all, &no, sizeof no);
        for (size_t i = 0; i < n; i++) {
            buf_add(&all, of[i].id, 8);
            buf_add(&all, of[i].log_key, 32);
            buf_add(&all, of[i].mirror_key, 32);
            for (size_t k = 0; k < of[i].n_addresses; k++) {
                buf_add_str(&all, of[i].addresses[k]);
                buf_add_char(&all, '\n');
            }
        }
    }
    return hash_of(buf_str(&all));
}
