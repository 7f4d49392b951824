/* test_epoch.c - statements that open epochs: who must sign, where they may stand, what follows for authors.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "state/epoch.h"

#include "lab.h"
#include "state/member.h"
#include "t.h"

static struct lab lab;
static const struct str nobody = {"", 0};

static void begin(size_t n)
{
    lab_done(&lab);
    lab_init_members(&lab, n, false);
}

static const struct view *now(void)
{
    return state_view(lab.state);
}

/* By the keys of lab_key(): 2 i + 1 is member i's root, 2 i + 2 its node. */
static struct epoch_statement sign(struct epoch_statement s, int key)
{
    uint8_t seed[32] = {(uint8_t)key, (uint8_t)(key >> 8)};
    struct epoch_signature mine;
    struct key_secret secret;

    key_secret_init(&secret, seed);
    epoch_sign(&s, &lab.genesis, &secret, &mine);
    key_secret_done(&secret);
    return epoch_with(&s, &mine, &lab.arena);
}

/* Of the next epoch, here; not signed. */
static struct epoch_statement statement(void)
{
    return (struct epoch_statement){.epoch = view_epoch(now()) + 1, .size = 2 * now()->position, .root = {{7}}};
}

/* One entry of these changes, as the author would write it in the epoch. */
static struct outcome write_in(uint64_t epoch, const uint8_t author[8], struct change *changes, size_t n)
{
    struct entry e = {.epoch = epoch, .time_ms = lab.now_ms, .changes = changes, .n_changes = n};
    struct outcome *outcomes;
    char bytes[32];
    uint64_t slot;
    struct hash previous;
    int64_t ms;

    must(state_author_next(now(), author, &slot, &previous, &ms));
    memcpy(e.author, author, 8);
    if (epoch == view_epoch(now())) {
        e.slot = slot;
        e.previous = previous;
    }
    (void)snprintf(bytes, sizeof bytes, "epoch entry %llu", (unsigned long long)lab.n_entries++);
    buf_clear(&lab.leaf);
    CHECK_INT(state_apply(lab.state, &e, str_of(bytes), &lab.arena, &outcomes, &lab.leaf), OK);
    state_publish(lab.state);
    return outcomes[n - 1];
}

static enum reason open_with(struct epoch_statement s, int member)
{
    struct change c = {.kind = CHANGE_EPOCH, .epoch = s};

    return write_in(s.epoch, lab.nodes[member], &c, 1).reason;
}

static enum reason tick_in(uint64_t epoch, int member)
{
    struct change c = {.kind = CHANGE_TICK};

    return write_in(epoch, lab.nodes[member], &c, 1).reason;
}

static void a_majority_opens_an_epoch(void)
{
    begin(3);
    struct epoch_statement s = sign(sign(statement(), 2), 4);
    CHECK_INT(view_epoch_signers(now(), &s), 2);
    CHECK_INT(open_with(s, 0), REASON_ACCEPTED);
    CHECK_INT(view_epoch(now()), 1);
    CHECK_INT(view_epoch_since(now()), now()->position - 1);
    CHECK_INT(tick_in(1, 1), REASON_ACCEPTED);
    CHECK_INT(open_with(s, 2), REASON_ACCEPTED); /* The same once more, as its first entry. */
    CHECK_INT(tick_in(1, 2), REASON_ACCEPTED);
    CHECK_INT(view_epoch(now()), 1);
}

static void a_minority_opens_none(void)
{
    begin(3);
    CHECK_INT(open_with(sign(statement(), 2), 0), REASON_SLOT);
    CHECK_INT(open_with(sign(sign(statement(), 2), 1), 0), REASON_SLOT); /* A member's root and its node are one. */
    CHECK_INT(open_with(sign(sign(statement(), 2), 90), 0), REASON_SLOT); /* A stranger's is none. */
    CHECK_INT(view_epoch(now()), 0);
    CHECK_INT(tick_in(0, 0), REASON_ACCEPTED);
}

static void of_two_both_sign(void)
{
    begin(2);
    CHECK_INT(open_with(sign(statement(), 2), 0), REASON_SLOT);
    CHECK_INT(open_with(sign(sign(statement(), 2), 3), 0), REASON_ACCEPTED); /* A node's key and a root key. */
}

static void suspended_members_count_and_may_sign(void)
{
    struct change suspend = {.kind = CHANGE_SUSPEND, .member = STR("m2"), .text = STR("maintenance")};

    begin(3);
    CHECK_INT(lab_by(&lab, lab.nodes[2], nobody, suspend).reason, REASON_ACCEPTED);
    CHECK_INT(open_with(sign(statement(), 2), 0), REASON_SLOT);
    CHECK_INT(open_with(sign(sign(statement(), 2), 6), 0), REASON_ACCEPTED);
}

static void ended_keys_sign_for_nobody(void)
{
    struct change end = {.kind = CHANGE_NODE_END};

    begin(3);
    memcpy(end.node, lab.nodes[1], 8);
    CHECK_INT(lab_by(&lab, lab.roots[1], nobody, end).reason, REASON_ACCEPTED);
    CHECK_INT(open_with(sign(sign(statement(), 2), 4), 0), REASON_SLOT);
    CHECK_INT(open_with(sign(sign(statement(), 2), 3), 0), REASON_ACCEPTED);
}

static void the_statement_stands_where_it_says(void)
{
    begin(2);
    struct epoch_statement s = statement();
    s.size += 2;
    CHECK_INT(open_with(sign(sign(s, 2), 4), 0), REASON_SLOT);
    s = statement();
    s.epoch = 2;
    CHECK_INT(open_with(sign(sign(s, 2), 4), 0), REASON_SLOT);
    s = sign(sign(statement(), 2), 4);
    s.root.b[3] ^= 1;
    CHECK_INT(open_with(s, 0), REASON_SLOT);
    s = sign(sign(statement(), 2), 4);
    tick_in(0, 1); /* Something else came before it. */
    CHECK_INT(open_with(s, 0), REASON_SLOT);
}

static void it_is_the_first_change_of_a_nodes_entry(void)
{
    begin(2);
    struct change two[2] = {{.kind = CHANGE_TICK}, {.kind = CHANGE_EPOCH, .epoch = sign(sign(statement(), 2), 4)}};
    CHECK_INT(write_in(1, lab.nodes[0], two, 2).reason, REASON_SLOT);
    two[1].epoch = sign(sign(statement(), 2), 4);
    CHECK_INT(write_in(1, lab.roots[0], &two[1], 1).reason, REASON_SLOT);
    two[0] = (struct change){.kind = CHANGE_EPOCH, .epoch = sign(sign(statement(), 2), 4)};
    two[1] = (struct change){.kind = CHANGE_TICK};
    CHECK_INT(write_in(1, lab.nodes[0], two, 2).reason, REASON_ACCEPTED);
}

static void within_an_epoch_another_statement_is_refused(void)
{
    begin(2);
    CHECK_INT(open_with(sign(sign(statement(), 2), 4), 0), REASON_ACCEPTED);
    struct epoch_statement other = {.epoch = 1, .size = 2 * view_epoch_since(now()), .root = {{8}}};
    struct change c = {.kind = CHANGE_EPOCH, .epoch = sign(sign(other, 2), 4)};
    CHECK_INT(write_in(1, lab.nodes[1], &c, 1).reason, REASON_MEMBERS);
}

static void an_authors_first_entry_in_an_epoch_names_no_predecessor(void)
{
    uint64_t slot;
    struct hash previous;
    int64_t ms;
    static const struct hash none;

    begin(2);
    (void)state_author_next(now(), lab.nodes[1], &slot, &previous, &ms);
    CHECK(slot > 0 && !hash_equal(&previous, &none));
    CHECK_INT(open_with(sign(sign(statement(), 2), 4), 0), REASON_ACCEPTED);
    (void)state_author_next(now(), lab.nodes[1], &slot, &previous, &ms);
    CHECK(slot == 0 && hash_equal(&previous, &none));
    CHECK_INT(tick_in(0, 1), REASON_SLOT); /* Of the epoch that ended. */
    CHECK_INT(tick_in(1, 1), REASON_ACCEPTED);
    (void)state_author_next(now(), lab.nodes[1], &slot, &previous, &ms);
    CHECK(slot == 1 && !hash_equal(&previous, &none));
    lab_restore(&lab);
    CHECK_INT(view_epoch(now()), 1);
    CHECK_INT(tick_in(1, 1), REASON_ACCEPTED);
    CHECK_INT(open_with(sign(sign(statement(), 1), 3), 1), REASON_ACCEPTED);
    CHECK_INT(view_epoch(now()), 2);
}

int main(void)
{
    LAB_RUN(a_majority_opens_an_epoch);
    LAB_RUN(a_minority_opens_none);
    LAB_RUN(of_two_both_sign);
    LAB_RUN(suspended_members_count_and_may_sign);
    LAB_RUN(ended_keys_sign_for_nobody);
    LAB_RUN(the_statement_stands_where_it_says);
    LAB_RUN(it_is_the_first_change_of_a_nodes_entry);
    LAB_RUN(within_an_epoch_another_statement_is_refused);
    LAB_RUN(an_authors_first_entry_in_an_epoch_names_no_predecessor);
    return t_done();
}
