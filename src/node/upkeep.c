/* upkeep.c - own slots that everybody has go from etcd; how full etcd is (decision B5).
 * SPDX-License-Identifier: Apache-2.0
 *
 *     signed by      m0 |----------------------|
 *                    m1 |------------------|
 *                    m2 |---------|               (silent for more than ten minutes)
 *     deleted up to     ------------------>        a majority has signed past it, and so has every member heard from
 *
 * A member counts by that of its nodes which has signed least, and was heard from longest ago.
 * At 80 % of etcd's quota a majority is enough, whoever else is late; of two members this one, and the other if it is heard from.
 * The newest slot stays in any case. Who was away for longer catches up from tiles.
 *
 * Never fewer than that: whoever finds slots missing asks a majority, of two members both (gap.h), and has to meet one who saw them.
 */
#include <stdio.h>
#include <stdlib.h>

#include "node/shared.h"
#include "state/member.h"

#define HEARD_US (INT64_C(600) * 1000000)
#define QUOTA_BYTES (INT64_C(8) * 1024 * 1024 * 1024)
#define QUOTA_WARN (QUOTA_BYTES / 10 * 6)
#define QUOTA_HIGH (QUOTA_BYTES / 10 * 8)
#define MARKS_MAX 4096

void upkeep_note(struct node *n, uint64_t slot, uint64_t index)
{
    struct shared_mark_vec *marks = &n->shared->marks;

    if (marks->n == MARKS_MAX) { /* Every other one is near enough. */
        for (size_t i = 0; i < MARKS_MAX / 2; i++) marks->at[i] = marks->at[2 * i];
        marks->n = MARKS_MAX / 2;
    }
    shared_mark_vec_add(marks, (struct shared_mark){slot, index});
}

static int descending(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x > y ? -1 : x < y;
}

uint64_t upkeep_bound(const struct view *v, uint32_t own, const struct shared_signed *members, int64_t now_us, bool is_high)
{
    uint64_t sizes[LIMIT_MEMBERS_EVER];
    uint64_t bound = UINT64_MAX;
    uint32_t n = 0;

    for (uint32_t no = 0; no < view_n_members(v); no++) {
        if (!member_counts(view_member(v, no))) continue;
        sizes[n++] = members[no].size;
        bool is_heard = no == own || (members[no].heard_us && now_us - members[no].heard_us < HEARD_US);
        if (is_heard && members[no].size < bound) bound = members[no].size;
    }
    if (n == 0) return 0;
    if (is_high && n == 2) return bound;
    qsort(sizes, n, sizeof sizes[0], descending);
    uint64_t majority = sizes[view_majority(v) - 1];
    return is_high || majority < bound ? majority : bound;
}

/* The slot below which all own ones may go: the last one noted whose entry and outcome lie below the bound. */
static uint64_t deletable(struct node *n)
{
    struct shared *s = n->shared;
    const struct member *own = view_member_of_author(state_view(n->state), n->author);
    struct shared_signed members[LIMIT_MEMBERS_EVER];
    uint64_t bound, slot = 0;
    size_t n_passed = 0;

    if (!own) return 0;
    must(pthread_mutex_lock(&n->lock) == 0);
    memcpy(members, s->members, sizeof members);
    bool is_high = s->etcd.bytes > QUOTA_HIGH;
    must(pthread_mutex_unlock(&n->lock) == 0);

    bound = upkeep_bound(state_view(n->state), own->no, members, node_steady_us(n), is_high);
    while (n_passed < s->marks.n && 2 * s->marks.at[n_passed].index + 2 <= bound) n_passed++;
    if (n_passed == 0) return 0;
    slot = s->marks.at[n_passed - 1].slot; /* It stays itself: the newest may not go. */
    memmove(s->marks.at, s->marks.at + n_passed - 1, (s->marks.n - n_passed + 1) * sizeof *s->marks.at);
    s->marks.n -= n_passed - 1;
    return slot;
}

static void delete_passed(struct node *n)
{
    uint64_t slot = deletable(n);
    struct why why = {0};

    if (slot <= n->shared->kept_from) return;
    if (journal_etcd_delete_below(n->journal, slot, &why) != OK) {
        node_warn(n, "old slots stay in etcd", &why); /* The next round deletes more. */
        return;
    }
    must(pthread_mutex_lock(&n->lock) == 0);
    n->shared->kept_from = slot;
    must(pthread_mutex_unlock(&n->lock) == 0);
}

/* What etcd says of itself, for people: nothing if all is well. */
static void judge(const struct etcd_status *status, struct why *ret)
{
    *ret = (struct why){0};
    if (status->is_full) {
        (void)fail(ret, ERR_DISK, "etcd is full (its NOSPACE alarm): compact and defragment it, then disarm the alarm");
    } else if (status->is_corrupt) {
        (void)fail(ret, ERR_CORRUPT, "etcd has its CORRUPT alarm");
    } else if (!status->has_leader) {
        (void)fail(ret, ERR_UNAVAILABLE, "etcd has no leader");
    } else if (status->bytes > QUOTA_WARN) {
        (void)fail(ret, ERR_DISK, "etcd holds %lld MiB, %d %% of its quota of 8 GiB: is it compacted and defragmented?",
                   (long long)(status->bytes >> 20), (int)(status->bytes * 100 / QUOTA_BYTES));
    }
}

static void ask_status(struct node *n)
{
    struct etcd_status status = {0};
    struct why why = {0}, said;
    bool is_new;

    if (journal_etcd_ask_status(n->journal, &status, &why) != OK) return; /* Looks say so. */
    judge(&status, &why);
    must(pthread_mutex_lock(&n->lock) == 0);
    n->shared->etcd = status;
    said = n->shared->etcd_complaint;
    n->shared->etcd_complaint = why;
    must(pthread_mutex_unlock(&n->lock) == 0);
    is_new = why.text[0] && !said.text[0];
    if (is_new) (void)fprintf(stderr, "WARNING: %s\n", why.text);
}

void upkeep_run(struct node *n)
{
    struct shared *s = n->shared;

    if (node_steady_us(n) < s->upkeep_at_us || s->is_broken) return;
    s->upkeep_at_us = node_steady_us(n) + s->upkeep_us;
    ask_status(n);
    delete_passed(n);
}
