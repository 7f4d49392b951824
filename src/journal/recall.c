/* recall.c - does etcd still hold what it showed?
 * SPDX-License-Identifier: Apache-2.0
 */
#include "journal/recall.h"

#include <stdio.h>

#include "base/mem.h"
#include "journal/intake.h"

#define STEP 32       /* Slots asked for at once, downward. */
#define STEPS_MAX 128

struct asking {
    struct intake *in;
    struct arena arena;
    struct etcd_range ranges[ETCD_OPS_MAX];
    struct etcd_answer answer;
};

/* One read, each endpoint once. Once it was answered all is to come from one point of time, or later. */
static enum err ask(struct asking *a, size_t n, struct why *why)
{
    enum err err = ERR_UNAVAILABLE;

    for (size_t i = 0; i < etcd_n_endpoints(a->in->etcd) && err != OK; i++)
        err = etcd_txn(a->in->etcd, NULL, 0, a->ranges, n, &a->answer, why);
    return err == OK ? OK : ERR_UNAVAILABLE;
}

/* The highest slot below to that is there; false if none is within the steps. */
static enum err find_kept(struct asking *a, const uint8_t author[8], uint64_t to, uint64_t *ret, bool *ret_is_there, struct why *why)
{
    *ret_is_there = false;
    for (size_t step = 0; to > 0 && step < STEPS_MAX; step++) {
        size_t n = to < STEP ? (size_t)to : STEP;
        arena_clear(&a->arena);
        for (size_t i = 0; i < n; i++)
            a->ranges[i] = (struct etcd_range){.key = slots_key(&a->in->slots, author, to - 1 - i, &a->arena), .limit = 1};
        TRY(ask(a, n, why));
        for (size_t i = 0; i < n; i++) {
            if (a->answer.ranges[i].n == 0) continue;
            *ret = to - 1 - i;
            *ret_is_there = true;
            return OK;
        }
        to -= n;
    }
    return OK;
}

/* Which of these authors, by place, have nothing left from their newest slot on. */
static enum err ask_newest(struct asking *a, size_t from, size_t *ret_next, bool ret_is_lost[ETCD_OPS_MAX], struct why *why)
{
    const struct order *o = a->in->order;
    size_t places[ETCD_OPS_MAX], n = 0, i = from;

    arena_clear(&a->arena);
    memset(ret_is_lost, 0, ETCD_OPS_MAX * sizeof *ret_is_lost);
    for (; i < order_n_authors(o) && i - from < ETCD_OPS_MAX; i++) {
        const uint8_t *author = order_author(o, i);
        uint64_t next = order_next(o, author);
        if (next == 0) continue;
        a->ranges[n] = (struct etcd_range){.key = slots_key(&a->in->slots, author, next - 1, &a->arena),
                                           .end = slots_end(&a->in->slots, author, &a->arena),
                                           .limit = 1};
        places[n++] = i - from;
    }
    *ret_next = i;
    if (n == 0) return OK;
    TRY(ask(a, n, why));
    for (size_t k = 0; k < n; k++) ret_is_lost[places[k]] = a->answer.ranges[k].n == 0;
    return OK;
}

static enum err recall(struct asking *a, struct recall *ret, struct why *why)
{
    const struct order *o = a->in->order;
    bool is_lost[ETCD_OPS_MAX], is_there;
    size_t next;

    for (size_t from = 0; from < order_n_authors(o); from = next) {
        TRY(ask_newest(a, from, &next, is_lost, why));
        if (a->answer.revision == 0) continue; /* Nobody there has written anything. */
        ret->is = a->answer.header;
        ret->is.revision = a->answer.revision;
        for (size_t i = from; i < next; i++) {
            if (!is_lost[i - from]) continue;
            struct recall_lost *l = &ret->lost[ret->n_lost++];
            memcpy(l->author, order_author(o, i), sizeof l->author);
            l->to = order_next(o, l->author);
            l->from = l->to - 1; /* The older ones may have been deleted, unless one is there still. */
            uint64_t kept = 0;
            TRY(find_kept(a, l->author, l->to - 1, &kept, &is_there, why));
            if (is_there) l->from = kept + 1;
        }
    }
    return OK;
}

enum err recall_ask(struct journal *j, struct recall *ret, struct why *why)
{
    struct intake *in = j->engine;
    struct asking *a = mem_zalloc(sizeof *a);

    a->in = in;
    *ret = (struct recall){.epoch = in->epoch, .was = in->newest};
    if (ret->was.revision == 0) ret->was.revision = in->counts.revision; /* Of an earlier life. */
    enum err err = recall(a, ret, why);
    (void)snprintf(ret->endpoint, sizeof ret->endpoint, "%s", etcd_endpoint(in->etcd));
    arena_done(&a->arena);
    etcd_answer_done(&a->answer);
    mem_free(a);
    return err;
}
