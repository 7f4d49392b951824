/* seats.c - who signs together: the members' nodes and the two keys of each.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "node/seats.h"

#include "proof/checkpoint.h"

static bool are_alike(const struct note_key *a, const struct note_key *b)
{
    return memcmp(a->public.b, b->public.b, sizeof a->public.b) == 0 || (a->id == b->id && str_equal(a->name, b->name));
}

static enum err check_node(const struct seats *r, size_t i, struct why *why)
{
    const struct seats_node *n = &r->nodes[i];

    if (n->member >= r->n_members) return fail(why, ERR_INPUT, "node %zu: there is no seat %u", i, n->member);
    if (n->log.kind != NOTE_ED25519 || !str_equal(n->log.name, r->origin)) {
        return fail(why, ERR_INPUT, "node %zu: its log key is not named by the origin", i);
    }
    if (n->mirror.kind != NOTE_COSIGNATURE || !note_name_is_valid(n->mirror.name)) {
        return fail(why, ERR_INPUT, "node %zu: its mirror key is no key for cosignatures", i);
    }
    if (are_alike(&n->log, &n->mirror)) return fail(why, ERR_INPUT, "node %zu: one key for two uses", i);
    for (size_t j = 0; j < i; j++) {
        const struct seats_node *o = &r->nodes[j];
        if (are_alike(&n->log, &o->log) || are_alike(&n->log, &o->mirror) || are_alike(&n->mirror, &o->log) ||
            are_alike(&n->mirror, &o->mirror)) {
            return fail(why, ERR_INPUT, "node %zu: shares a key, or its name and id, with node %zu", i, j);
        }
    }
    return OK;
}

enum err seats_check(const struct seats *r, struct why *why)
{
    if (!checkpoint_origin_is_valid(r->origin)) return fail(why, ERR_INPUT, "seats: no valid origin");
    if (r->n_members < 1 || r->n_members > SEATS_MEMBERS_MAX) {
        return fail(why, ERR_INPUT, "seats: %u members; 1 to %d can sign together", r->n_members, SEATS_MEMBERS_MAX);
    }
    if (r->n_nodes < 1 || r->n_nodes > SEATS_NODES_MAX) {
        return fail(why, ERR_INPUT, "seats: %zu nodes; 1 to %d can sign together", r->n_nodes, SEATS_NODES_MAX);
    }
    for (size_t i = 0; i < r->n_nodes; i++) TRY(check_node(r, i, why));
    return OK;
}

size_t seats_find(const struct seats *r, uint32_t log_id)
{
    size_t i = 0;
    while (i < r->n_nodes && r->nodes[i].log.id != log_id) i++;
    return i;
}
