/* pack.c - one open entry a participant, closed when it is full.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "node/pack.h"

#include "base/limits.h"

/* An entry that may still grow. */
struct open_entry {
    size_t at; /* Index in the vector; its proposals are linked through next until counted. */
    size_t bytes;
};

VEC_DEFINE(open_vec, struct open_entry);

static struct open_entry *find_open(struct open_vec *open, const struct packed_vec *all,
                                    struct str participant)
{
    for (size_t i = open->n; i > 0; i--) {
        struct open_entry *o = &open->at[i - 1];
        if (str_equal(all->at[o->at].participant, participant)) return o;
    }
    return NULL;
}

static void start_entry(struct packed_vec *all, struct open_entry *o, struct arena *arena,
                        struct str participant)
{
    struct packed entry = {
        .participant = participant,
        .proposals = arena_alloc(arena, LIMIT_ENTRY_CHANGES * sizeof(struct pending *)),
    };
    o->at = all->n;
    o->bytes = ENTRY_OVERHEAD + participant.n;
    packed_vec_add(all, entry);
}

void pack_proposals(struct pending *first, struct arena *arena, struct packed_vec *ret)
{
    AUTO(open_vec_done) struct open_vec open = {0};

    for (struct pending *p = first; p; p = p->next) {
        size_t size = change_size(&p->change);
        struct open_entry *o = find_open(&open, ret, p->participant);
        if (!o) {
            open_vec_add(&open, (struct open_entry){0});
            o = &open.at[open.n - 1];
            start_entry(ret, o, arena, p->participant);
        }
        if (ret->at[o->at].n == LIMIT_ENTRY_CHANGES ||
            (ret->at[o->at].n > 0 && o->bytes + size > LIMIT_ENTRY_BYTES)) {
            start_entry(ret, o, arena, p->participant);
        }
        struct packed *entry = &ret->at[o->at];
        entry->proposals[entry->n++] = p;
        o->bytes += size;
    }
}
